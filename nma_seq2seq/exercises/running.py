"""An answer is run: seeded, under a time limit, and nothing that it does gets out."""

from __future__ import annotations

import contextlib
import inspect
import io
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from time import monotonic, thread_time
from types import FrameType
from typing import Any

import numpy as np
import torch

from nma_seq2seq.exercises.definition import Exercise
from nma_seq2seq.exercises.edits import edited

_SHOWN_CHARACTERS = 1000  # of what an answer prints while it is checked
_WAITING = 30  # times the limit of processor time: what sleeps, or waits on a busy machine

# As they are before a notebook can put something else in their place; Windows has no alarms.
_handle, _ring_every = signal.signal, getattr(signal, "setitimer", None)


class TimeLimit(BaseException):
    """What took too long, and why; an answer's `except Exception` lets it by."""


@dataclass(frozen=True)
class Outcome:
    """What a call returned or raised, and its arguments after it."""

    arguments: tuple = ()
    value: Any = None
    error: BaseException | None = None


@cache
def cases(exercise: Exercise) -> list[dict[str, Any]]:
    """The arguments that an exercise is checked with, by name, once for each case."""
    called = exercise.run or exercise.reference
    names = list(inspect.signature(called).parameters)[exercise.run is not None :]
    values = exercise.cases(np.random.default_rng(0))
    return [dict(zip(names, case, strict=False)) for case in values]


@cache
def outcome_of(exercise: Exercise, place: int, edit: str = "") -> Outcome:
    """What the reference, edited if there is an edit, does in a case."""
    answer = edited(exercise.reference, edit) if edit else exercise.reference
    return call(exercise, answer, cases(exercise)[place].values())


def outcomes(exercise: Exercise, answer: Callable[..., Any]) -> list[Outcome]:
    """What an answer does in each case, up to the first error."""
    got: list[Outcome] = []
    try:
        with time_limit(exercise.time_limit):
            for case in cases(exercise):
                got.append(call(exercise, answer, case.values()))
                if got[-1].error is not None:
                    break
    except TimeLimit as error:
        got.append(Outcome(error=error))
    return got


def call(
    exercise: Exercise, answer: Callable[..., Any], arguments: Iterable[Any], seed: int = 0
) -> Outcome:
    """What an answer does with a copy of some arguments; an interrupt is the student's."""
    given = deepcopy(tuple(arguments))
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (answers may use the global generator)
    torch.default_generator.manual_seed(seed)
    try:
        value = exercise.run(answer, *given) if exercise.run else answer(*given)
        return Outcome(given, value=value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Outcome(given, error=error)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Generators, figures and settings are left as they were; what is printed is kept short."""
    states = random.getstate(), np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    dtype = torch.get_default_dtype()
    printed = _ShortOutput(sys.stdout)
    figures = _figures()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(printed),
            np.errstate(all="warn"),
            _usual_torch(),
        ):
            warnings.simplefilter("ignore")
            torch.set_default_dtype(torch.float32)
            yield
    finally:
        printed.end_line()
        torch.set_default_dtype(dtype)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.random.set_rng_state(states[2])
        for number in _figures() - figures:
            sys.modules["matplotlib.pyplot"].close(number)


@contextlib.contextmanager
def _usual_torch() -> Iterator[None]:
    """Gradients, and tensors on the CPU, whatever a cell above has set for all that follows."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.empty(0).device.type != "cpu":  # only then, since it slows every call of torch
            stack.enter_context(torch.device("cpu"))
        yield


def _figures() -> set[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


class _ShortOutput(io.TextIOBase):
    """Passes on what is printed up to a limit: an endless loop that prints would fill the page."""

    def __init__(self, out: Any):
        self.out, self.left, self.last = out, _SHOWN_CHARACTERS, "\n"

    def write(self, text: str) -> int:
        shown = text[: self.left]
        if shown:
            self.out.write(shown)
            self.left, self.last = self.left - len(shown), shown[-1]
            if not self.left:
                self.out.write("\n... (what is printed after this is not shown)\n")
                self.last = "\n"
        return len(text)

    def end_line(self) -> None:
        if self.last != "\n":
            self.out.write("\n")


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block when the time is over, where the system has alarms.

    What counts is the thread's own processor time, so that a busy machine fails nobody. An answer
    that waits uses none; it has `_WAITING` times as much on the clock.
    """
    if _ring_every is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    began, used = monotonic(), thread_time()

    def look(signum: int, frame: FrameType | None) -> None:
        if thread_time() - used > seconds:
            raise TimeLimit(f"{seconds:g} s of processor time", "an endless loop?")
        if monotonic() - began > _WAITING * seconds:
            raise TimeLimit(f"{_WAITING * seconds:g} s, most of them waiting", "")

    before = _handle(signal.SIGALRM, look)
    # Again and again, for a bare `except:` in a loop catches the first.
    _ring_every(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        yield
    finally:
        _ring_every(signal.ITIMER_REAL, 0)
        _handle(signal.SIGALRM, before or signal.SIG_DFL)
