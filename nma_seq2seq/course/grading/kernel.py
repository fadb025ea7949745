"""A graded notebook's kernel: `python -m nma_seq2seq.course.grading.kernel`, settings on stdin.

What happens goes to stdout as it was at the start, a line of JSON each. That is a pipe to the
grading process, so that nothing a notebook does to files can lose it, and what was written before
Python ends is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nma_seq2seq.course.grading import sandbox

_THREADS = 1000  # of all its processes; not for root, whom Linux does not limit


@dataclass(frozen=True)
class Settings:
    """What a kernel runs, and how.

    Attributes
    ----------
    mark : str
        Stands before each line about what happens, and before nothing that a notebook writes.
    cells : list of (index, source, whether an exercise is in it)
    folder : str
        Where `work` and `home` are made.
    is_apart : bool
        Whether to enter the sandbox.
    hidden : sequence of str
        Files and folders that are not seen in the sandbox.
    memory_mb : int
        Of data; asking for more is a MemoryError.
    file_mb : int
        The largest file, and in the sandbox the room for all of them.
    fonts : str
        Where matplotlib keeps its list of fonts; to find all of them anew takes seconds.
    """

    mark: str
    cells: list[tuple[int, str, bool]]
    folder: str
    is_apart: bool
    hidden: Sequence[str]
    memory_mb: int
    file_mb: int
    fonts: str


def main() -> None:
    """Become the parent of a kernel, and say how it ended."""
    settings = Settings(**json.loads(sys.stdin.read()))
    events = os.dup(1)
    say = partial(_say, events, settings.mark)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    sandbox.end_with_parent()
    if settings.is_apart:
        sandbox.enter(settings.folder, settings.hidden, settings.file_mb)
    else:
        sandbox.adopt_orphans()
    for name in ("home", "work"):
        Path(settings.folder, name).mkdir(exist_ok=True)
    fonts = Path(settings.folder, "home", "matplotlib")
    fonts.mkdir(exist_ok=True)
    for cache in Path(settings.fonts).glob("fontlist*.json"):
        shutil.copy(cache, fonts)
    kernel = os.fork() if hasattr(os, "fork") else 0
    if not kernel:
        sandbox.end_with_parent()
        if hasattr(os, "register_at_fork"):  # what a copy of the notebook does is not its own
            os.register_at_fork(after_in_child=partial(os.dup2, nothing, events))
        _run(settings, say)
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a notebook's `kill 0` is for itself
    while True:
        process, status = os.wait()
        if process == kernel:
            say({"exit": os.waitstatus_to_exitcode(status)})
            os._exit(0)


# As they are before a notebook can put something else into their places.
_os_write, _dumps = os.write, json.dumps


def _say(events: int, mark: str, event: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the grading process has gone, or the notebook closed it
        _os_write(events, f"{mark}{_dumps(event)}\n".encode())


def _run(settings: Settings, say: Callable[[dict[str, Any]], None]) -> None:
    from ipykernel.kernelapp import IPKernelApp
    from tornado.ioloop import IOLoop

    from nma_seq2seq.course.grading import inside

    os.chdir(Path(settings.folder, "work"))
    connection = Path(settings.folder, "home", "connection.json")
    app = IPKernelApp.instance(connection_file=str(connection))
    app.initialize(["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50"])
    _limit(settings)
    IOLoop.current().add_callback(inside.run_cells, app.kernel, settings.cells, say)
    app.start()


def _limit(settings: Settings) -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits; those of time hold there too
        return
    limits = [
        (resource.RLIMIT_DATA, settings.memory_mb * 2**20),
        (resource.RLIMIT_FSIZE, settings.file_mb * 2**20),
        (resource.RLIMIT_CORE, 0),
    ]
    if settings.is_apart:  # elsewhere all that the user runs would count
        limits.append((resource.RLIMIT_NPROC, _THREADS))
    for limit, most in limits:
        allowed = resource.getrlimit(limit)[1]
        if allowed == resource.RLIM_INFINITY or most <= allowed:
            resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main()
