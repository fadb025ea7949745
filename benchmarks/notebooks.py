"""How long each notebook takes, on the simulated session or another, and how much memory."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from benchmarks import apart
from tools import build


def run(
    root: Path,
    names: Sequence[str] = (),
    *,
    data: str = "simulated",
    show: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Run solutions one after the other, each in a process of its own, and show each when it ends.

    Parameters
    ----------
    root : Path
        The course's folder.
    names : sequence of str
        Such as "05"; all if empty.
    data : str
        As in NMA_SEQ2SEQ_DATA.
    show : function of a str

    Returns
    -------
    DataFrame
        `notebook`, `seconds` (with the start of its kernel) and `peak_mb` of the kernel; the last
        row has the sum of the seconds and the largest peak.
    """
    code = "import sys; from benchmarks.notebooks import measure; measure(*sys.argv[1:])"
    rows = []
    for path in tqdm(build.sources(root, names), desc="notebooks", disable=not sys.stderr.isatty()):
        rows.append({"notebook": path.stem} | apart(code, path, data))
        show("{notebook}: {seconds:.0f} s, {peak_mb:.0f} MB".format(**rows[-1]))
    table = pd.DataFrame(rows)
    total = {
        "notebook": "all",
        "seconds": table["seconds"].sum(),
        "peak_mb": table["peak_mb"].max(),
    }
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True).round(0)


def measure(path: str, data: str) -> None:
    """Run one solution and print its seconds and its kernel's peak memory as JSON."""
    import resource
    import time

    notebook = build.read_source(Path(path)).solution
    start = time.perf_counter()
    build.run(notebook, Path(path).name, data)
    seconds = time.perf_counter() - start
    # The kernel is the one child that this process has waited for.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


def main() -> None:
    """Run them, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as 05 (default: all)")
    parser.add_argument("--data", default="simulated", help="as in NMA_SEQ2SEQ_DATA")
    chosen = parser.parse_args()
    print(run(Path.cwd(), chosen.names, data=chosen.data).to_string(index=False))


if __name__ == "__main__":
    main()
