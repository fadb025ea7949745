"""Runs a submission in a kernel apart, and holds it to its limits."""

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
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import psutil

from nma_seq2seq.course.grading.grades import Grade
from nma_seq2seq.course.grading.kernel import Settings
from nma_seq2seq.course.grading.opening import one_line
from nma_seq2seq.course.grading.submissions import Submission
from nma_seq2seq.course.grading.verdicts import Run, grade_run

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


@dataclass(frozen=True)
class Limits:
    """What one notebook may use and see.

    Attributes
    ----------
    timeout : float
        Seconds of processor time, and of waiting; time that the machine takes for others is not
        counted.
    memory_mb : int
        What its processes hold together.
    is_apart : bool
        Whether it runs in the kernel's sandbox, where there is one.
    hidden : tuple of str
        What it cannot see there.
    """

    timeout: float
    memory_mb: int
    is_apart: bool
    hidden: tuple[str, ...]


def run_submission(submission: Submission, limits: Limits, stop: threading.Event) -> Grade:
    """Run one notebook in a temporary folder; nothing that it does gets out, and all of it ends.

    Raises
    ------
    InterruptedError
        If `stop` was set from another thread, to end it at once.
    """
    if submission.state:
        return Grade.of(submission, submission.state, submission.problem)
    try:
        return _run(submission, limits, stop)
    except InterruptedError:
        raise
    except Exception as error:  # the rest of the class has nothing to do with it
        what = one_line(f"{type(error).__name__}: {error}")[:200]
        return Grade.of(submission, "crash", f"it could not be run ({what})")


def _run(submission: Submission, limits: Limits, stop: threading.Event) -> Grade:
    with _folder() as folder, tempfile.TemporaryFile() as log:
        settings = Settings(
            mark=uuid.uuid4().hex,
            cells=[(one.index, one.source, bool(one.exercises)) for one in submission.cells],
            folder=str(folder),
            is_apart=limits.is_apart,
            hidden=limits.hidden,
            memory_mb=limits.memory_mb + _SPARE_MB,
            file_mb=_FILE_MB,
            fonts=matplotlib.get_cachedir(),
        )
        kernel = _Kernel(settings, log)
        try:
            beyond = kernel.wait(limits, stop)
        finally:
            kernel.end()
        return grade_run(submission, kernel.result(beyond), limits.memory_mb)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder that a notebook does not find from the one beside it."""
    outer = Path(tempfile.mkdtemp(prefix="grading_"))
    try:
        folder = outer / uuid.uuid4().hex
        folder.mkdir()
        outer.chmod(0o300)  # it can be gone through, but not listed
        yield folder
    finally:
        with contextlib.suppress(OSError):
            outer.chmod(0o700)
        if os.name == "posix":  # shutil's own gives up on folders far too deep for a path
            subprocess.run(["rm", "-rf", "--", str(outer)], stderr=subprocess.DEVNULL)
        shutil.rmtree(outer, ignore_errors=True)


def _environment(folder: Path, mark: str) -> dict[str, str]:
    """What a notebook sees of the outside: no credentials, and a home without settings."""
    home = str(folder / "home")
    own = {name: home for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
    return (
        {name: os.environ[name] for name in _KEPT if name in os.environ}
        | own
        | {
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

    def __init__(self, settings: Settings, log: Any):
        folder = Path(settings.folder)
        self.mark = settings.mark
        self.events: list[dict[str, Any]] = []
        self.has_ended = threading.Event()
        self.n_foreign = 0
        self.log = log
        self.seconds = self.waited = 0.0
        self.peak_mb = 0
        self.oom_kills = _oom_kills()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nma_seq2seq.course.grading.kernel"],
            cwd=folder,
            env=_environment(folder, self.mark),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            start_new_session=True,
        )
        assert self.process.stdin and self.process.stdout
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(asdict(settings)).encode())
            self.process.stdin.close()
        self._since = time.monotonic()

    def _read(self, pipe: Any) -> None:
        """Keep what bears the mark, up to a size that no notebook of the course comes near."""
        size = 0
        while line := pipe.readline(_EVENT_BYTES):
            size += len(line)
            _, mark, event = line.partition(self.mark.encode())
            if not mark or not event.endswith(b"\n") or size > _EVENTS_BYTES:
                self.n_foreign += 1
                continue
            try:
                self.events.append(json.loads(event))
            except ValueError:  # two processes wrote at once
                self.n_foreign += 1
                continue
            if "end" in self.events[-1]:
                self.has_ended.set()

    def wait(self, limits: Limits, stop: threading.Event) -> tuple[str, str] | None:
        """Wait until its cells have run, or it has ended; state and reason if a limit ends it."""
        started = time.monotonic()
        while not self.has_ended.wait(0.2) and self.process.poll() is None:
            if stop.is_set():
                raise InterruptedError("grading was interrupted")
            if beyond := self._beyond(limits, started):
                return beyond
        self._beyond(limits, started)
        return None

    def _beyond(self, limits: Limits, started: float) -> tuple[str, str] | None:
        """Measure what it uses; state and reason if that is beyond a limit."""
        now = time.monotonic()
        passed, self._since = now - self._since, now
        processes = self._processes()
        if len(processes) > _PROCESSES:  # before each is asked: they may be many more by then
            return "crash", f"it started more than {_PROCESSES} processes"
        used = [use for process in processes if (use := _use(process)) is not None]
        seconds, memory = sum(use.seconds for use in used), sum(use.memory_mb for use in used)
        self.peak_mb = max([self.peak_mb, *(use.peak_mb for use in used)])
        computed = seconds - self.seconds > 0.02 * passed or any(use.is_runnable for use in used)
        self.seconds = max(seconds, self.seconds)
        self.waited += 0 if computed else passed
        allowed = f"{limits.timeout:g} s"
        if self.seconds > limits.timeout:
            return "timeout", f"not done after {allowed} of processor time"
        if self.waited > limits.timeout:
            return "timeout", f"it waited for {allowed} without computing"
        if now - started > _WALL * limits.timeout:
            return "timeout", f"not done after {_WALL} times {allowed}"
        if shutil.disk_usage(tempfile.gettempdir()).free < _FREE_MB * 2**20:
            return "crash", f"less than {_FREE_MB} MB are left on the disk"
        if memory > limits.memory_mb and _held_mb(processes) > limits.memory_mb:
            return "out of memory", f"it took more than {limits.memory_mb} MB"
        return None

    def _processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def end(self) -> None:
        """End all that it has started."""
        self._signal_group("SIGSTOP")  # what forks without end would be faster than this
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and (living := self._living()):
            for process in living:
                with contextlib.suppress(psutil.Error, OSError):
                    process.kill()
            psutil.wait_procs(living, timeout=1)
        self._signal_group("SIGKILL")
        self.process.kill()
        self.process.wait()
        self.reader.join(_PATIENCE)

    def _signal_group(self, name: str) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, getattr(signal, name))

    def _living(self) -> list[psutil.Process]:
        """Those below its first process, which are all (Linux), and those that bear the mark."""
        own = [process for process in self._processes()[1:] if _is_living(process)]
        others = (p for p in psutil.process_iter() if p.pid != self.process.pid)
        return own + [process for process in others if _is_living(process, self.mark)]

    def result(self, beyond: tuple[str, str] | None) -> Run:
        """What it said and used, once it has ended."""
        self.log.seek(max(0, self.log.seek(0, os.SEEK_END) - 1000))
        said = self.log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        return Run(
            self.events,
            beyond,
            self.seconds,
            self.peak_mb,
            self.n_foreign,
            said[:200],
            lacked_memory=_oom_kills() > self.oom_kills,
        )


def _is_living(process: psutil.Process, mark: str = "") -> bool:
    try:
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return not is_zombie and (not mark or process.environ().get(_MARK) == mark)
    except (psutil.Error, OSError):
        return False


class _Use(NamedTuple):
    seconds: float
    memory_mb: float
    peak_mb: int
    is_runnable: bool  # a thread computes, waits for its turn to, or for the disk (Linux)


def _use(process: psutil.Process) -> _Use | None:
    """What a process uses; None if it has gone."""
    try:
        times, memory = process.cpu_times(), process.memory_info()
    except (psutil.Error, OSError):
        return None
    below = getattr(times, "children_user", 0) + getattr(times, "children_system", 0)
    peak, is_runnable = getattr(memory, "peak_wset", memory.rss) // 2**20, False
    with contextlib.suppress(OSError, ValueError, IndexError):  # no Linux, or it has gone by now
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
        tasks = Path(f"/proc/{process.pid}/task").glob("*/stat")
        is_runnable = any(task.read_text().rpartition(")")[2].split()[0] in "RD" for task in tasks)
    return _Use(times.user + times.system + below, memory.rss / 2**20, peak, is_runnable)


def _held_mb(processes: list[psutil.Process]) -> float:
    """What processes hold together: pages that several share are counted once, where known."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", getattr(memory, "uss", memory.rss))
    return total / 2**20


def _oom_kills() -> int:
    """How many processes Linux has ended for want of memory since it was started."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/vmstat").read_text().partition("oom_kill ")[2].split()[0])
    return 0
