"""Runs a submission in a kernel apart, holds it to its limits, and reads what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import psutil
import zmq
from jupyter_client.session import Session

from nma_seq2seq.course.grading.grades import STATUSES, Grade
from nma_seq2seq.course.grading.kernel import Settings
from nma_seq2seq.course.grading.opening import printable
from nma_seq2seq.course.grading.submissions import Cell, Submission
from nma_seq2seq.exercises import Result

_MARK = "NMA_SEQ2SEQ_GRADING"  # in the environment of all that a notebook starts
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
_FILE_MB = 1000
# Data that is asked for at once and never used, and what threads keep aside, is not resident.
_SPARE_MB = 1000
_PROCESSES = 200
_FREE_MB = 200  # on the disk, for all who use it
_WALL = 20  # times the timeout: for what neither computes nor sleeps
_PATIENCE = 10.0  # seconds for processes to be gone
_EVENT_BYTES, _EVENTS_BYTES = 20_000, 2_000_000
_LONGEST = 600  # characters of a message
_TRIES = 3  # lines of a cell that are no Python


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    Attributes
    ----------
    timeout : float
        Seconds of processor time, and of waiting; time that the machine takes for others is not
        counted.
    memory_mb : int
        What its processes hold together.
    """

    timeout: float = 120.0
    memory_mb: int = 4000


def run_submission(
    submission: Submission,
    limits: Limits,
    stop: threading.Event | None = None,
    is_apart: bool = False,
    hidden: tuple[str, ...] = (),
) -> Grade:
    """Run one notebook in a temporary folder; nothing that it does gets out, and all of it ends.

    Parameters
    ----------
    submission : Submission
    limits : Limits
    stop : threading.Event, optional
        Set from another thread to end it at once.
    is_apart : bool
        Whether it runs in the kernel's sandbox, where there is one.
    hidden : tuple of str
        What it cannot see there.

    Raises
    ------
    InterruptedError
        If `stop` was set.
    """
    if submission.state:
        return _row(submission, submission.state, submission.problem)
    try:
        return _run(submission, limits, stop or threading.Event(), is_apart, hidden)
    except InterruptedError:
        raise
    except Exception as error:  # the rest of the class has nothing to do with it
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return _row(submission, "crash", f"it could not be run ({what})")


def _run(
    submission: Submission,
    limits: Limits,
    stop: threading.Event,
    is_apart: bool,
    hidden: tuple[str, ...],
) -> Grade:
    with _folder() as folder:
        settings = Settings(
            str(folder),
            is_apart,
            list(hidden),
            limits.memory_mb + _SPARE_MB,
            _FILE_MB,
            matplotlib.get_cachedir(),
        )
        kernel = _Kernel(settings)
        try:
            ended = _run_cells(kernel, submission.cells, limits, stop)
        finally:
            kernel.end()
    return _grade(submission, kernel, ended, limits)


def _row(submission: Submission, state: str, reason: str, **more: Any) -> Grade:
    about = submission.file, submission.student, submission.notebook, state, reason
    return Grade(*about, handed_in=submission.handed_in, **more)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder that a notebook does not find from the one beside it."""
    with contextlib.ExitStack() as stack:
        outer = Path(tempfile.mkdtemp(prefix="grading_"))
        stack.callback(_remove, outer)
        folder = outer / uuid.uuid4().hex
        folder.mkdir()
        outer.chmod(0o300)  # it can be gone through, but not listed
        yield folder


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    if os.name == "posix":  # shutil's own gives up on folders far too deep for a path
        subprocess.run(["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, mark: str) -> dict[str, str]:
    """What a notebook sees of the outside: no credentials, no home, no settings."""
    home = str(folder / "home")
    own = {name: home for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
    return (
        {name: os.environ[name] for name in _KEPT if name in os.environ}
        | own
        | {
            "IPYTHONDIR": str(folder / "home" / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "home" / "jupyter"),
            "JUPYTER_DATA_DIR": str(folder / "home" / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(folder / "home" / "runtime"),
            "MPLCONFIGDIR": str(folder / "home" / "matplotlib"),
            "NMA_SEQ2SEQ_DATA": "simulated",
            "NMA_SEQ2SEQ_CACHE": str(folder / "home" / "cache"),
            # Threads of several notebooks at a time would only wait for each other.
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_NO_INDEX": "1",
            "PIP_DRY_RUN": "1",
            _MARK: mark,
        }
    )


# ---------------------------------------------------------------------- the kernel's processes


class _Kernel:
    """The processes of one notebook, what they say, and what they have used."""

    def __init__(self, settings: Settings):
        folder = Path(settings.folder)
        self.mark = uuid.uuid4().hex
        self.events: list[dict[str, Any]] = []
        self.runs: dict[str, int] = {}  # message -> index of the cell that it runs
        self.n_foreign = 0
        self.log: deque[str] = deque(maxlen=20)
        self.seconds = self.waited = 0.0
        self.peak_mb = 0
        self.oom_kills = _oom_kills()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nma_seq2seq.course.grading.kernel"],
            cwd=folder,
            env=_environment(folder, self.mark),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self.readers = [
            threading.Thread(target=self._read_events, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_log, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self.readers:
            reader.start()
        with contextlib.suppress(OSError):
            self.process.stdin.write(settings.as_json().encode())
            self.process.stdin.close()
        self._since = time.monotonic()

    def _read_events(self, pipe: Any) -> None:
        """Keep what is well formed, up to a size that no notebook of the course comes near."""
        size = 0
        while line := pipe.readline(_EVENT_BYTES):
            size += len(line)
            event = _event(line) if size < _EVENTS_BYTES else None
            if event is None:
                self.n_foreign += 1
            else:
                self.events.append(event)

    def _read_log(self, pipe: Any) -> None:
        while line := pipe.readline(1000):
            self.log.append(line.decode("utf-8", "replace").strip())

    def said(self, name: str) -> list[dict[str, Any]]:
        """All events of one kind so far."""
        return [event for event in list(self.events) if name in event]

    def over(self, limits: Limits, started: float) -> str:
        """Measure what it uses; which limit it is beyond, if any."""
        now = time.monotonic()
        passed, self._since = now - self._since, now
        processes = self._processes()
        seconds, memory = 0.0, 0.0
        for process in processes:
            with contextlib.suppress(psutil.Error, OSError):
                times = process.cpu_times()
                seconds += times.user + times.system
                seconds += getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
                memory += process.memory_info().rss
                self.peak_mb = max(self.peak_mb, _peak_mb(process))
        computed = seconds - self.seconds > 0.02 * passed
        self.seconds = max(seconds, self.seconds)
        if not computed and not _is_runnable(processes):
            self.waited += passed
        if self.seconds > limits.timeout:
            return "slow"
        if self.waited > limits.timeout:
            return "waiting"
        if now - started > _WALL * limits.timeout:
            return "late"
        if len(processes) > _PROCESSES:
            return "many"
        if shutil.disk_usage(tempfile.gettempdir()).free < _FREE_MB * 2**20:
            return "full"
        if memory > limits.memory_mb * 2**20 and _held_mb(processes) > limits.memory_mb:
            return "large"
        return ""

    def _processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def end(self) -> None:
        """End all that it has started, process groups with them.

        Processes that left their group are its first one's own by now (Linux), or bear the mark.
        """
        groups = {self.process.pid}
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            living = [p for p in self._processes()[1:] if not _is_zombie(p)]
            living += [p for p in psutil.process_iter() if _is_marked(p, self.mark)]
            living = [p for p in living if p.pid != self.process.pid]
            if not living:
                break
            for process in living:
                with contextlib.suppress(psutil.Error, OSError):
                    if hasattr(os, "getpgid"):
                        groups.add(os.getpgid(process.pid))
                    process.kill()
            psutil.wait_procs(living, timeout=1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)  # it says how the kernel ended
        self.process.kill()
        self.process.wait()
        if hasattr(os, "killpg"):
            for group in groups - {os.getpgrp()}:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
        for reader in self.readers:
            reader.join(_PATIENCE)


_TEXTS = ("status", "symptom", "cause", "kind", "error", "name", "note")
_KINDS: dict[str, dict[str, type]] = {
    "begun": {"begun": str},
    "exercise": {"exercise": str, "status": str, "symptom": str, "cause": str, "is_own": bool},
    "failed": {
        "failed": str,
        "kind": str,
        "error": str,
        "name": str,
        "line": int,
        "went_on": bool,  # whether what stands below was run
        "unread": bool,  # whether Python could not read the cell, and ran none of it
    },
    "note": {"note": str},
    "ready": {"ready": dict},
    "exit": {"exit": int},
}


def _event(line: bytes) -> dict[str, Any] | None:
    """A line as a kernel writes it, cut to size; None for anything else."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    for name, kinds in _KINDS.items():
        if name in event:
            right = set(event) == set(kinds) and all(
                type(event[part]) is kind for part, kind in kinds.items()
            )
            if not right or event.get("status", "done") not in STATUSES[:4]:
                return None
            return event | {
                part: printable(event[part])[:_LONGEST] for part in _TEXTS if part in event
            }
    return None


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(_MARK) == mark and not _is_zombie(process)
    except (psutil.Error, OSError):
        return False


def _is_runnable(processes: list[psutil.Process]) -> bool:
    """Whether a thread of them computes, waits for its turn to, or for the disk (Linux)."""
    for process in processes:
        for stat in Path(f"/proc/{process.pid}/task").glob("*/stat"):
            with contextlib.suppress(OSError):
                if stat.read_text().rpartition(")")[2].split()[0] in "RD":
                    return True
    return False


def _held_mb(processes: list[psutil.Process]) -> float:
    """What processes hold together: pages that several share are counted once, where known."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", getattr(memory, "uss", memory.rss))
    return total / 2**20


def _peak_mb(process: psutil.Process) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024
    memory = process.memory_info()
    return int(getattr(memory, "peak_wset", memory.rss) / 2**20)


def _oom_kills() -> int:
    """How many processes Linux has ended for want of memory since it was started."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/vmstat").read_text().partition("oom_kill ")[2].split()[0])
    return 0


# ---------------------------------------------------------------------- running the cells

_REQUEST = {
    "silent": False,
    "store_history": True,
    "user_expressions": {},
    "allow_stdin": False,
    "stop_on_error": False,
}


def _run_cells(
    kernel: _Kernel, cells: tuple[Cell, ...], limits: Limits, stop: threading.Event
) -> str:
    """Run them one after the other; why that came to no end ("slow", "dead", ...), if so."""
    started = time.monotonic()

    def wait(done: Any) -> str:
        while not done():
            if stop.is_set():
                raise InterruptedError("grading was interrupted")
            if over := kernel.over(limits, started):
                return over
            if kernel.process.poll() is not None:
                return "dead"
        return ""

    def ready() -> bool:
        time.sleep(0.05)
        return bool(kernel.said("ready"))

    if ended := wait(ready):
        return ended
    info = kernel.said("ready")[0]["ready"]
    session = Session(key=str(info["key"]).encode())
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{int(info['shell_port'])}")

        reply: dict[str, Any] = {}

        def replied() -> bool:
            if socket.poll(200):
                with contextlib.suppress(ValueError, TypeError):
                    _, message = session.recv(socket)
                    reply.update(message["content"] if message else {})
            return bool(reply)

        for cell in cells:
            source = cell.source
            for _ in range(1 + _TRIES):
                reply.clear()
                message = session.send(socket, "execute_request", _REQUEST | {"code": source})
                sent = message["header"]["msg_id"] if message else ""
                kernel.runs[sent] = cell.index
                if ended := wait(replied):
                    return ended
                broken = _broken_line(kernel, sent, reply.get("ename"), source)
                if cell.exercises or not broken:
                    break
                source = _without_line(source, broken)
    kernel.over(limits, started)
    return ""


def _without_line(source: str, number: int) -> str:
    lines = source.split("\n")
    line = lines[number - 1]
    lines[number - 1] = line[: len(line) - len(line.lstrip())] + "pass"
    return "\n".join(lines)


def _broken_line(kernel: _Kernel, sent: str, error: str | None, source: str) -> int:
    """The line of the cell just run that is no Python, for which none of it was run; 0 for none."""
    lines = source.split("\n")
    if error == "UsageError" and source.lstrip().startswith("%%"):  # a cell magic not known here
        return next(number for number, line in enumerate(lines, 1) if line.strip())
    if error not in ("SyntaxError", "IndentationError", "TabError"):
        return 0
    for _ in range(20):  # the kernel's line about it is on its way
        failed = next((event for event in kernel.said("failed") if event["failed"] == sent), None)
        if failed is not None:
            line = failed["line"] if failed["unread"] else 0
            return line if 0 < line <= len(lines) and lines[line - 1].strip() != "pass" else 0
        time.sleep(0.1)
    return 0


# ---------------------------------------------------------------------- what came of it


@dataclass(frozen=True)
class _Story:
    """What the events say, by cell of the notebook."""

    begun: list[int] = field(default_factory=list)
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failed: dict[int, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _story(submission: Submission, kernel: _Kernel) -> _Story:
    story = _Story()
    times = Counter(kernel.runs.values())
    for event in kernel.events:
        if "begun" in event and event["begun"] in kernel.runs:
            story.begun.append(kernel.runs[event["begun"]])
        elif not story.begun:
            continue
        elif "exercise" in event and event["exercise"] in submission.expected:
            story.found.setdefault(event["exercise"], []).append(event)
        elif "failed" in event:
            index = story.begun[-1]
            went_on = event["went_on"] or times[index] > 1
            story.failed.setdefault(index, event | {"went_on": went_on})
        elif "note" in event:
            story.notes.append(f"cell {story.begun[-1]} {event['note']}")
    return story


def _grade(submission: Submission, kernel: _Kernel, ended: str, limits: Limits) -> Grade:
    story = _story(submission, kernel)
    state, reason = _state(submission, story, kernel, ended, limits)
    exercises = {
        number: _verdict(number, submission, story, ended, state, reason)
        for number in submission.expected
    }
    notes = [*submission.notes, *story.notes]
    for index, event in story.failed.items():
        notes.append(f"cell {index} {_failure(submission, index, event)}")
    notes += [
        f"exercise {number} is given the course's own answer, which does not count"
        for number, events in story.found.items()
        if not all(event["is_own"] for event in events)
    ]
    if kernel.n_foreign:
        notes.append(
            f"lines that are not the course's stood among its results ({kernel.n_foreign}); they "
            "were left out"
        )
    return _row(
        submission,
        state,
        reason,
        seconds=round(kernel.seconds, 1),
        peak_mb=kernel.peak_mb,
        exercises=exercises,
        notes=list(dict.fromkeys(notes)),
    )


def _verdict(
    number: str, submission: Submission, story: _Story, ended: str, state: str, reason: str
) -> Result:
    homes = [cell.index for cell in submission.cells if number in cell.exercises]
    results = [
        Result(event["status"], event["symptom"], event["cause"])
        if event["is_own"]
        else Result("not yet", "this is the course's own answer, taken over")
        for event in story.found.get(number, [])
    ]
    if results:
        return next((r for r in results if r.status == "done"), results[-1])
    if not homes:
        return Result(
            "missing", dict(submission.displaced).get(number, "its cell is not in the notebook")
        )
    if errors := [story.failed[home] for home in homes if home in story.failed]:
        return _stopped(errors[-1], submission, story)
    if ended and story.begun and story.begun[-1] in homes:
        # What a limit ended says more about the machine than about the answer.
        status = "wrong" if state == "crash" else "not judged"
        return Result(status, f"its check did not end: {reason}")
    if ended and (not story.begun or story.begun[-1] < max(homes)):
        return Result("not reached", f"the notebook ended before: {reason}")
    return Result("missing", "its cell ran, but not the course's check of it")


def _stopped(error: dict[str, Any], submission: Submission, story: _Story) -> Result:
    """An exercise's cell failed before its check; a name it lacks may come from another cell."""
    home = next(index for index, event in story.failed.items() if event is error)
    what = f"its cell {_failure(submission, home, error)} before the check"
    if error["kind"] == "NameError" and error["name"]:
        for cell in submission.cells:
            if cell.index in story.failed and error["name"] in cell.source and not cell.exercises:
                first = _error(story.failed[cell.index])
                return Result("wrong", what, f"cell {cell.index} fails before that: {first}")
    return Result("wrong", what)


def _error(event: dict[str, Any]) -> str:
    return f"{event['kind']}: {event['error']}"[:300] if event["error"] else event["kind"]


def _failure(submission: Submission, index: int, event: dict[str, Any]) -> str:
    lines = next(cell.source for cell in submission.cells if cell.index == index).split("\n")
    quoted = ""
    if 0 < event["line"] <= len(lines):
        quoted = f" in `{lines[event['line'] - 1].strip()[:60]}`"
    went_on = "; what stands below was run without it" if event["went_on"] else ""
    return f"raises {_error(event)}{quoted}{went_on}"


def _state(
    submission: Submission, story: _Story, kernel: _Kernel, ended: str, limits: Limits
) -> tuple[str, str]:
    where = "before its first cell"
    if story.begun:
        source = next(c.source for c in submission.cells if c.index == story.begun[-1])
        first = next((line.strip() for line in source.splitlines() if line.strip()), "")
        where = f"in cell {story.begun[-1]}, which begins with `{first[:60]}`"
    limit = f"more than {limits.memory_mb} MB"
    seconds = f"{limits.timeout:g} s"
    reasons = {
        "slow": ("timeout", f"not done after {seconds} of processor time, {where}"),
        "waiting": ("timeout", f"it waited for {seconds} without computing, {where}"),
        "late": ("timeout", f"not done after {_WALL} times {seconds}, {where}"),
        "many": ("crash", f"it started more than {_PROCESSES} processes {where}"),
        "full": ("crash", f"less than {_FREE_MB} MB are left on the disk, {where}"),
        "large": ("out of memory", f"it took {limit} {where}"),
    }
    if ended in reasons:
        return reasons[ended]
    if not ended:
        for index, event in story.failed.items():
            if _lacks_memory(event):
                return "out of memory", f"cell {index} wants {limit}: {_error(event)}"
        if kernel.peak_mb > limits.memory_mb:
            return "out of memory", f"it took {limit} for a moment"
        return "ok", ""
    if not kernel.said("ready"):
        return "crash", f"its kernel did not start ({' '.join(list(kernel.log)[-1:])[:200]})"
    code = kernel.said("exit")[-1]["exit"] if kernel.said("exit") else None
    if code == -9 and _oom_kills() > kernel.oom_kills:
        return "out of memory", f"the system ended it for want of memory {where}"
    how = "" if code is None else f" with signal {-code}" if code < 0 else f" with code {code}"
    return "crash", f"Python ended{how} {where}"


def _lacks_memory(event: dict[str, Any]) -> bool:
    return event["kind"].endswith("MemoryError") or "can't allocate memory" in event["error"]
