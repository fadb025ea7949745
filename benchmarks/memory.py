"""How much memory this process has needed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

MB = 2**20  # in every benchmark


def peak_mb() -> float:
    """Largest resident memory of this process so far, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # there, ru_maxrss would begin with what the parent process had
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
        return int(found[1]) * 1024 / MB if found else 0.0
    try:
        import resource
    except ModuleNotFoundError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB
