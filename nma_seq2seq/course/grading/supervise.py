"""Runs a submission in a worker, holds it to its limits, and reads what came of it."""

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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import psutil

from nma_seq2seq.course.grading.submissions import Submission
from nma_seq2seq.course.grading.worker import end_descendants
from nma_seq2seq.exercises import Result

_MARK = "NMA_SEQ2SEQ_GRADING"  # in the environment of all that a notebook starts
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
_FILE_MB = 1000
# Data that is asked for at once and never used, and what threads keep aside, is not resident.
_SPARE_MB = 1000
_PATIENCE = 10.0  # seconds for processes to be gone


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    Attributes
    ----------
    timeout : float
        Seconds, from its start to its end.
    memory_mb : int
        Resident memory of its kernel and of what that starts.
    """

    timeout: float = 120.0
    memory_mb: int = 4000


@dataclass(frozen=True)
class Grade:
    """What came of one submission.

    Attributes
    ----------
    file : str
    notebook : int or None
    state : "ok", "timeout", "crash", "out of memory" or "invalid"
    reason : str
        Where and why, for any state but ok.
    seconds : float
    peak_mb : int
        Largest resident memory of the kernel; 0 where it is not known.
    exercises : dict of exercise number -> Result
        `status` is done, wrong, not yet, missing, or not reached where the notebook ended before.
    notes : list of str
    """

    file: str
    notebook: int | None
    state: str
    reason: str = ""
    seconds: float = 0.0
    peak_mb: int = 0
    exercises: dict[str, Result] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        """How many exercises are done."""
        return sum(result.status == "done" for result in self.exercises.values())

    @property
    def is_all_done(self) -> bool:
        """Whether it ran to its end with every exercise done."""
        return self.state == "ok" and self.n_done == len(self.exercises)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Grade:
        """What `as_dict` gave."""
        exercises = {n: Result(**result) for n, result in content["exercises"].items()}
        return cls(**content | {"exercises": exercises})


def run_submission(
    submission: Submission, limits: Limits, stop: threading.Event | None = None
) -> Grade:
    """Run one notebook in a temporary folder; nothing that it does gets out, and all of it ends.

    Parameters
    ----------
    submission : Submission
    limits : Limits
    stop : threading.Event, optional
        Set from another thread to end it at once.

    Raises
    ------
    InterruptedError
        If `stop` was set.
    """
    if submission.problem:
        return Grade(submission.file, submission.notebook, "invalid", submission.problem)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="grading_", ignore_cleanup_errors=True) as name:
        folder, mark = Path(name), uuid.uuid4().hex
        journal = folder / "journal"
        job = {
            "cells": [asdict(cell) for cell in submission.cells],
            "journal": str(journal),
            "limits": {
                "memory_mb": limits.memory_mb + _SPARE_MB,
                # Processor time counts in every thread; the timeout is the nearer limit.
                "seconds": int(2 * limits.timeout) + 1,
                "file_mb": _FILE_MB,
            },
        }
        (folder / "job").write_text(json.dumps(job), encoding="utf-8")
        (folder / "home").mkdir()
        (folder / "work").mkdir()
        with (folder / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "nma_seq2seq.course.grading.worker", str(folder / "job")],
                cwd=folder / "work",
                env=_environment(folder, mark),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
            try:
                ended = _wait(worker, start + limits.timeout, limits.memory_mb, stop)
            finally:
                _end(worker, mark)
        lines = [json.loads(line) for line in _whole_lines(journal)]
        log_end = (folder / "worker.log").read_text(errors="replace").strip().splitlines()[-1:]
    return _grade(submission, lines, ended, limits, time.monotonic() - start, "".join(log_end))


def _wait(
    worker: subprocess.Popen, deadline: float, memory_mb: int, stop: threading.Event | None
) -> str:
    """Wait for the worker; why it was not waited for to its end ("late", "large"), if so."""
    while time.monotonic() < deadline:
        if stop is not None and stop.is_set():
            raise InterruptedError("grading was interrupted")
        try:
            worker.wait(0.2)
            return ""
        except subprocess.TimeoutExpired:
            if _resident_mb(worker.pid) > memory_mb:
                return "large"
    return "late"


def _resident_mb(pid: int) -> float:
    """Of all that a process has started, and these in turn."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total / 2**20


def _environment(folder: Path, mark: str) -> dict[str, str]:
    """What a notebook sees of the outside: no credentials, no home, no settings."""
    home = str(folder / "home")
    fonts = folder / "home" / "matplotlib"
    fonts.mkdir()
    for cache in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(cache, fonts)  # finding all fonts anew takes seconds
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    own = {name: home for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
    return (
        kept
        | own
        | {
            "IPYTHONDIR": str(folder / "home" / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "home" / "jupyter"),
            "JUPYTER_DATA_DIR": str(folder / "home" / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(folder / "home" / "runtime"),
            "MPLCONFIGDIR": str(fonts),
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


def _end(worker: subprocess.Popen, mark: str) -> None:
    """End the worker, its kernel, and whatever these have started, their process groups with them.

    Processes that left their group are the worker's own by now (Linux), or bear the mark.
    """
    end_descendants(worker.pid)
    groups = {worker.pid}
    deadline = time.monotonic() + _PATIENCE
    while marked := [process for process in psutil.process_iter() if _is_marked(process, mark)]:
        for process in marked:
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if hasattr(os, "getpgid"):
                    groups.add(os.getpgid(process.pid))
                process.kill()
        psutil.wait_procs(marked, timeout=1)
        if time.monotonic() > deadline:
            break
    if hasattr(os, "killpg"):
        for group in groups - {os.getpgrp()}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
    worker.kill()
    worker.wait()


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get(_MARK) == mark
    except (psutil.Error, OSError):
        return False


def _whole_lines(journal: Path) -> list[str]:
    if not journal.exists():
        return []
    text = journal.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.split("\n")[:-1] if line]


def _grade(
    submission: Submission,
    lines: list[dict[str, Any]],
    ended: str,
    limits: Limits,
    seconds: float,
    log_end: str,
) -> Grade:
    begun = [line["begun"] for line in lines if "begun" in line]
    failed = {line["failed"]: line["error"] for line in reversed(lines) if "failed" in line}
    own = failed.pop(None, None)
    state, reason = _state(submission, lines, ended, limits, begun, log_end)
    cut = {"end": "ok"} not in lines
    found: dict[str, list[Result]] = {}
    for line in lines:
        if "exercise" in line:
            result = Result(line["status"], line["message"])
            found.setdefault(line["exercise"], []).append(result)
    exercises = {}
    for number in submission.expected:
        homes = [cell.index for cell in submission.cells if number in cell.exercises]
        results = found.get(number, [])
        if not homes:
            result = Result("missing", "its cell is not in the notebook")
        elif results:
            result = next((r for r in results if r.status == "done"), results[-1])
        elif errors := [failed[home] for home in homes if home in failed]:
            result = Result("wrong", f"its cell stops before the check: {errors[-1]}")
        elif cut and begun and begun[-1] in homes:
            result = Result("wrong", f"its check never ended: {reason}")
        elif cut and (not begun or begun[-1] < max(homes)):
            result = Result("not reached", f"the notebook ended before: {reason}")
        else:
            result = Result("missing", "its cell ran, but not the course's check of it")
        exercises[number] = result
    notes = list(submission.notes)
    notes += [line["note"] for line in lines if "note" in line]
    if own is not None:
        notes.append(f"the grading's own cells fail in this notebook: {own}")
    homes = {cell.index for cell in submission.cells if cell.exercises}
    notes += [
        f"cell {index} raises {error}" for index, error in failed.items() if index not in homes
    ]
    return Grade(
        submission.file,
        submission.notebook,
        state,
        reason,
        round(seconds, 1),
        _peak_mb(lines),
        exercises,
        list(dict.fromkeys(notes)),
    )


def _state(
    submission: Submission,
    lines: list[dict[str, Any]],
    ended: str,
    limits: Limits,
    begun: list[int],
    log_end: str,
) -> tuple[str, str]:
    where = "before its first cell"
    if begun:
        source = next(cell.source for cell in submission.cells if cell.index == begun[-1])
        first = next((line.strip() for line in source.splitlines() if line.strip()), "")
        where = f"in cell {begun[-1]}, which begins with `{first[:60]}`"
    limit = f"more than {limits.memory_mb} MB"
    if ended == "late":
        return "timeout", f"not done after {limits.timeout:g} s, {where}"
    if ended == "large":
        return "out of memory", f"it took {limit} {where}"
    end = next((line for line in lines if "end" in line), None)
    if end is None:
        return "crash", f"running it failed {where} ({log_end[:200]})"
    if end["end"] == "ok":
        for line in lines:
            if line.get("failed") is not None and _lacks_memory(line):
                return "out of memory", f"cell {line['failed']} wants {limit}: {line['error']}"
        if _peak_mb(lines) > limits.memory_mb:
            return "out of memory", f"it took {limit} for a moment"
        return "ok", ""
    code = end["code"]
    if code == -getattr(signal, "SIGXCPU", 24):
        return "timeout", f"it used more than {2 * limits.timeout:g} s of processor time, {where}"
    if code == -9:
        return "out of memory", f"the system ended it (signal 9) {where}, most likely for memory"
    how = "" if code is None else f" with signal {-code}" if code < 0 else f" with code {code}"
    return "crash", f"Python ended{how} {where}"


def _peak_mb(lines: list[dict[str, Any]]) -> int:
    return max((line["peak_mb"] for line in lines if "peak_mb" in line), default=0)


def _lacks_memory(line: dict[str, Any]) -> bool:
    return line["kind"].endswith("MemoryError") or "can't allocate memory" in line["error"]
