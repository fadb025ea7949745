"""What the course claims, measured: each module has a `run` that the command line shows."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from nma_seq2seq.session import Session

LEAST_TARGETS = 25  # neurons, for a score that says something of the model


def real_file(data: str | os.PathLike | None) -> Path:
    """The file of real sessions to measure on: `data`, or the one that NMA_SEQ2SEQ_REAL names.

    Raises
    ------
    FileNotFoundError
        If neither is there.
    """
    folder = os.environ.get("NMA_SEQ2SEQ_REAL")
    if data is None and not folder:
        raise FileNotFoundError(
            "no real sessions to measure on; name a file with --data, or set NMA_SEQ2SEQ_REAL to a "
            "folder that holds steinmetz_subset.npz"
        )
    path = Path(data) if data is not None else Path(folder) / "steinmetz_subset.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; name a file of recorded sessions with --data")
    return path


def usual_target(session: Session) -> str:
    """MOs where there are 25 neurons of it, else the region with the most."""
    counts = session.units.query("region != 'root'")["region"].value_counts()
    return "MOs" if counts.get("MOs", 0) >= LEAST_TARGETS else str(counts.index[0])


def peak_mb() -> float:
    """Largest resident memory of this process so far, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # there, ru_maxrss would begin with what the parent process had
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
    try:
        import resource
    except ModuleNotFoundError:
        return 0.0
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
