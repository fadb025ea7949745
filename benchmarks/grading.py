"""Is a class graded the same on a busy machine as on an idle one: the verdicts, side by side."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from nma_seq2seq.course.grading import grade
from nma_seq2seq.course.grading.report import long_table
from tests import bad_class

# What a class hands in besides notebooks: all that a limit or a race could judge otherwise.
_HARMFUL = (
    "endless", "endless in C", "sleeps", "endless answer", "exit()", "shutdown", "os._exit",
    "ends itself", "grows", "10 GB", "a pool after a fit", "200 processes", "forks",
    "deletes the parent", "deletes more", "output", "markdown", "commented", "utf16",
)  # fmt: skip


def build(folder: Path, chosen: Sequence[str] = ("*",)) -> None:
    """Write a class: every solution, three blank tutorials, wrong answers, and what does harm.

    Parameters
    ----------
    folder : Path
    chosen : sequence of str
        Patterns of students' names; all of them if "*".
    """
    harmful = [one for one in bad_class.CLASS if one.path.split("/")[0] in _HARMFUL]
    files = {one.path: one.content for one in harmful}
    for kind, pattern in (("right", "solutions/*.ipynb"), ("blank", "tutorials/0[157]*.ipynb")):
        for path in bad_class.ROOT.glob(pattern):
            files[f"{kind} {path.stem}/{path.name}"] = path.read_bytes()
    files["wrong/hw.ipynb"] = bad_class.notebook(bad_class.START, bad_class.WRONG_HZ)
    for number in ("2.4", "5.3"):
        files[f"{number} alone/hw.ipynb"] = bad_class.notebook(*bad_class.cells_for(number))
    for name, content in files.items():
        if any(fnmatch(name.split("/")[0], pattern) for pattern in chosen):
            path = folder / name
            path.parent.mkdir(parents=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


@contextlib.contextmanager
def busy(n: int) -> Iterator[None]:
    """So many processes that compute without end beside what is measured."""
    beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for process in beside:
            process.kill()
            process.wait()


def verdicts(folder: Path, n_busy: int, timeout: float) -> pd.DataFrame:
    """Grade a class beside busy processes, nothing being taken over from before.

    Returns
    -------
    DataFrame
        One row a file and exercise: `state`, `status`, `message`, and `seconds` of processor time.
    """
    with tempfile.TemporaryDirectory() as state, busy(n_busy):
        grades = grade(folder, timeout=timeout, memory_mb=2000, state=Path(state), show=len)
    table = long_table(grades, {}).set_index(["file", "exercise"])
    return table[["state", "status", "message", "seconds"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what differs, then both in full; 1 if a state or a status does."""
    parser = argparse.ArgumentParser(prog="make bench-grading", description=__doc__)
    parser.add_argument("--busy", type=int, default=15, metavar="N", help="processes beside it")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="NAME", help='such as "right*"')
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), options.only)
        idle, loaded = (verdicts(Path(folder), n, options.timeout) for n in (0, options.busy))
    both = idle.add_suffix(" idle").join(loaded.add_suffix(" busy")).sort_index(axis="columns")
    handed_in = both[both["status idle"] != "missing"]
    print(handed_in.drop(columns=["message idle", "message busy"]).to_string())
    said = both["message idle"] != both["message busy"]
    judged = (idle[["state", "status"]] != loaded[["state", "status"]]).any(axis="columns")
    print(f"\n{judged.sum()} of {len(both)} rows judged otherwise beside {options.busy} processes")
    print(f"{(said & ~judged).sum()} judged the same in other words")
    if (said | judged).any():
        print(both[said | judged].to_string())
    return int(judged.any())


if __name__ == "__main__":
    sys.exit(main())
