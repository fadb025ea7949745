"""`grade`: every notebook of a class, run apart and held to limits, as one table."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from nma_seq2seq.files import whole_file

if TYPE_CHECKING:
    from nma_seq2seq.course.grading.grades import Grade
    from nma_seq2seq.course.grading.submissions import Submission
    from nma_seq2seq.course.grading.supervise import Limits

STATE_FOLDER = ".nma-seq2seq-grading"  # in the current folder; delete it to grade anew


def grade(
    where: Path,
    *,
    jobs: int = 2,
    timeout: float = 120.0,
    memory_mb: int = 4000,
    points: Mapping[str, float] | None = None,
    best: bool = False,
    outputs: Mapping[str, Path] = MappingProxyType({}),
    state: Path = Path(STATE_FOLDER),
    progress: bool = True,
    show: Callable[[str], None] = print,
) -> list[Grade]:
    """Run and judge every notebook below a folder or in a zip; every other file has its row too.

    What ran to its end before, or cannot be run, is taken over from `state`, so that an interrupted
    run goes on where it was.

    Parameters
    ----------
    where : Path
        A folder, an archive, or one file.
    jobs : int
        Notebooks at a time.
    timeout : float
        Seconds of processor time for each, and of waiting.
    memory_mb : int
        What the processes of each may hold together.
    points : dict of exercise number -> float, optional
        What an exercise is worth; 1 where it is not named.
    best : bool
        Of a student's notebooks with the same exercises, the best counts and not the newest.
    outputs : dict of kind -> Path
        What to write: "csv" (one row a file and exercise), "students" (one row a student), "html"
        (the page to look at), "feedback" (a folder, made if need be: one page a student), and
        gradebooks in the columns that "moodle", "canvas" or "nbgrader" imports.
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
    KeyboardInterrupt, SystemExit
        After all that was running has been ended; the latter when this process is asked to end.
    """
    if jobs < 1 or not 0 < timeout < math.inf or memory_mb < 500:
        raise ValueError(
            f"jobs={jobs}, timeout={timeout:g} s and memory={memory_mb} MB must be at least "
            "1, above 0 and 500"
        )
    needed = ("ipykernel", "jinja2", "nbformat", "psutil")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f'no {missing[0]} here; run: pip install "nma-seq2seq[grade]"')
    from nma_seq2seq.course.grading import grades, report, sandbox
    from nma_seq2seq.course.grading.submissions import find_submissions
    from nma_seq2seq.course.grading.supervise import Limits

    worth = report.check_points(points or {})
    report.check_outputs(outputs)
    submissions = find_submissions(Path(where))
    course = _fingerprint()
    state.mkdir(parents=True, exist_ok=True)

    def place(submission: Submission) -> Path:
        key = json.dumps([course, memory_mb, submission.file, submission.digest]).encode()
        return state / f"{hashlib.sha256(key).hexdigest()[:32]}.json"

    found: dict[str, Grade] = {}
    for submission in submissions:
        kept = _kept(place(submission))
        if kept is not None:
            found[submission.file] = replace(
                kept, student=submission.student, handed_in=submission.handed_in
            )
    if found:
        show(f"{len(found)} of {len(submissions)} taken over from {state}; delete it to start anew")
    left = [submission for submission in submissions if submission.file not in found]
    is_apart = sandbox.works()
    if not is_apart and any(not submission.state for submission in left):
        show(
            "There are no namespaces here that keep notebooks apart from your files and from each "
            "other: run only what you trust, or grade in a container (docs/grading.md)."
        )
    hidden = tuple(str(path.resolve()) for path in (Path(where), state))
    limits = Limits(float(timeout), memory_mb, is_apart, hidden)
    for done in _run(left, jobs, limits, progress):
        found[done.file] = done
        if done.is_final:
            submission = next(one for one in left if one.file == done.file)
            with whole_file(place(submission)) as temporary:
                temporary.write_text(json.dumps(done.as_dict()), encoding="utf-8")

    ordered = grades.choose([found[submission.file] for submission in submissions], worth, best)
    report.write(ordered, worth, outputs)
    encoding = sys.stdout.encoding or "utf-8"
    show(report.text(ordered, worth).encode(encoding, "backslashreplace").decode(encoding))
    return ordered


def _kept(path: Path) -> Grade | None:
    from nma_seq2seq.course.grading.grades import Grade

    try:
        return Grade.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):  # not there, or not as it was written
        return None


def _run(
    submissions: list[Submission], jobs: int, limits: Limits, progress: bool
) -> Iterator[Grade]:
    """Run several at a time; when this ends early, all that is running is ended first."""
    from nma_seq2seq.course.grading.supervise import run_submission

    stop = threading.Event()
    with _asked_to_end(), ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(run_submission, one, limits, stop) for one in submissions]
        ended = as_completed(runs)
        try:
            for run in tqdm(ended, total=len(runs), unit="notebook", disable=not progress):
                yield run.result()
        finally:
            # After Ctrl-C the pool waits for its threads, and these end what they run.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _asked_to_end() -> Iterator[None]:
    """A closed terminal and `kill` end what is running too, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in signals}
    for one, handler in before.items():
        if handler is not signal.SIG_IGN:  # with nohup
            signal.signal(one, end)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _fingerprint() -> str:
    """Changes with the course's code and with what it runs on: a check may then judge otherwise."""
    package = Path(__file__).parents[2]
    versions = [importlib.metadata.version(name) for name in ("numpy", "pandas", "torch")]
    digest = hashlib.sha256(" ".join([sys.version, *versions]).encode())
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    return digest.hexdigest()
