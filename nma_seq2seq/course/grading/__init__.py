"""`grade`: every notebook of a class, run apart and held to limits, as one table."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import math
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from nma_seq2seq.files import check_writable, whole_file

if TYPE_CHECKING:
    from nma_seq2seq.course.grading.submissions import Submission
    from nma_seq2seq.course.grading.supervise import Grade

STATE_FOLDER = ".nma-seq2seq-grading"  # in the current folder; delete it to grade anew


def grade(
    where: Path,
    *,
    jobs: int = 2,
    timeout: float = 120.0,
    memory_mb: int = 4000,
    csv: Path | None = None,
    html: Path | None = None,
    state: Path = Path(STATE_FOLDER),
    progress: bool = True,
    show: Callable[[str], None] = print,
) -> list[Grade]:
    """Run and judge every notebook below a folder or in a zip.

    What ran to its end before, or cannot be run, is taken over from `state`, so that an interrupted
    run goes on where it was.

    Parameters
    ----------
    where : Path
    jobs : int
        Notebooks at a time.
    timeout : float
        Seconds for each.
    memory_mb : int
        Resident memory for each.
    csv, html : Path, optional
        Where to write the long table and the page.
    state : Path
        A folder for what has been graded.
    progress : bool
    show : function of a str

    Returns
    -------
    list of Grade
        In the order of their files.

    Raises
    ------
    ValueError, OSError
        For limits or places that make no sense; before anything is run.
    KeyboardInterrupt
        After all that was running has been ended.
    """
    if jobs < 1 or not 0 < timeout < math.inf or memory_mb < 500:
        raise ValueError(
            f"jobs={jobs}, timeout={timeout:g} s and memory={memory_mb} MB must be at least "
            "1, above 0 and 500"
        )
    missing = [name for name in ("ipykernel", "nbclient", "psutil") if not _is_there(name)]
    if missing:
        raise ValueError(f'no {missing[0]} here; run: pip install "nma-seq2seq[grade]"')
    from nma_seq2seq.course.grading import report
    from nma_seq2seq.course.grading.submissions import find_submissions
    from nma_seq2seq.course.grading.supervise import Grade, Limits, run_submission

    for path in filter(None, (csv, html)):
        check_writable(path)
    submissions = find_submissions(Path(where))
    limits = Limits(float(timeout), memory_mb)
    course = _fingerprint()
    state.mkdir(parents=True, exist_ok=True)

    def place(submission: Submission) -> Path:
        key = json.dumps([course, memory_mb, submission.file]).encode() + submission.content
        return state / f"{hashlib.sha256(key).hexdigest()[:32]}.json"

    grades: dict[str, Grade] = {}
    for submission in submissions:
        if place(submission).exists():
            kept = json.loads(place(submission).read_text(encoding="utf-8"))
            grades[submission.file] = Grade.from_dict(kept)
    if grades:
        show(
            f"{len(grades)} of {len(submissions)} taken over from {state}; delete it to start anew"
        )

    stop = threading.Event()
    left = [submission for submission in submissions if submission.file not in grades]
    with ThreadPoolExecutor(jobs) as pool:
        runs = {pool.submit(run_submission, s, limits, stop): s for s in left}
        bar = tqdm(
            total=len(submissions), initial=len(grades), unit="notebook", disable=not progress
        )
        try:
            for run in as_completed(runs):
                done = run.result()
                if done.state in ("ok", "invalid"):  # a timeout may have been the machine's fault
                    with whole_file(place(runs[run])) as temporary:
                        temporary.write_text(json.dumps(done.as_dict()), encoding="utf-8")
                grades[done.file] = done
                bar.update()
        finally:
            # After Ctrl-C the pool waits for its threads, and these end what they run.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            bar.close()

    ordered = [grades[submission.file] for submission in submissions]
    anything = {"encoding": "utf-8", "errors": "backslashreplace"}
    if csv is not None:
        with whole_file(csv) as temporary:
            report.long_table(ordered).to_csv(temporary, index=False, **anything)
    if html is not None:
        with whole_file(html) as temporary:
            temporary.write_text(report.page(ordered), **anything)
    encoding = sys.stdout.encoding or "utf-8"
    show(report.text(ordered).encode(encoding, "backslashreplace").decode(encoding))
    return ordered


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _fingerprint() -> str:
    """Changes with the course's code and with what it runs on: a check may then judge otherwise."""
    package = Path(__file__).parents[2]
    versions = [importlib.metadata.version(name) for name in ("numpy", "pandas", "torch")]
    digest = hashlib.sha256(" ".join([sys.version, *versions]).encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
