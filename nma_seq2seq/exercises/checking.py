"""An answer is run on seeded inputs, under a time limit, and judged; nothing it does gets out."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import io
import linecache
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from nma_seq2seq.exercises.comparing import (
    as_array,
    converted,
    describe,
    likely_cause,
    needs_converting,
    same,
    symptom,
)
from nma_seq2seq.exercises.definition import Exercise, Result

_SHOWN_CHARACTERS = 1000  # of what an answer prints while it is checked


class TimeLimit(BaseException):
    """The time is over. Not an Exception, so that an answer's own `except Exception` lets it by."""


@dataclass(frozen=True)
class _Outcome:
    """What a call returned or raised, and its arguments after it."""

    arguments: tuple = ()
    value: Any = None
    error: BaseException | None = None


def judge(exercise: Exercise, answer: Any, file: str = "") -> tuple[Result, Any]:
    """Check an answer.

    Parameters
    ----------
    exercise : Exercise
    answer
        What the student wrote, usually a function or a class.
    file : str
        Name of the file or cell that it stands in, to quote the line of an error.

    Returns
    -------
    Result, and what the notebook goes on with: the answer if it is right, else the reference.

    Raises
    ------
    KeyboardInterrupt
        If the student interrupts the check; nothing else.
    """
    if inspect.isclass(exercise.reference) != inspect.isclass(answer) or not callable(answer):
        wanted = "a class" if inspect.isclass(exercise.reference) else "a function"
        kind = "a class" if inspect.isclass(answer) else describe(answer)
        return Result("wrong", f"this is {kind}, expected {wanted}"), exercise.reference
    with _undisturbed():
        if exercise.check is not None:
            result, accepted = _judge_by_check(exercise, answer, file), answer
        else:
            result, accepted = _judge_by_cases(exercise, answer, file)
    return result, accepted if result.status == "done" else exercise.reference


def _judge_by_cases(exercise: Exercise, answer: Any, file: str) -> tuple[Result, Any]:
    cases = list(exercise.cases(np.random.default_rng(0)))
    expected = [_call(exercise.reference, case) for case in cases]
    for outcome in expected:
        if outcome.error is not None:
            raise outcome.error
    got: list[_Outcome] = []
    try:
        with _time_limit(exercise.time_limit):
            for case in cases:
                got.append(_call(answer, case))
                if got[-1].error is not None:
                    break
    except TimeLimit as error:
        got.append(_Outcome(error=error))

    error = got[-1].error
    names = _parameters(exercise.reference)
    if error is not None:
        result = _raised(error, file, exercise)
        if result.status != "wrong":
            return result, answer
        cause = _known_mistake(exercise, cases, got)
        return _wrong(result.symptom, cases[len(got) - 1], names, cause), answer
    options = {"tolerance": exercise.tolerance, "squeeze": exercise.squeeze}
    for case, mine, right in zip(cases, got, expected, strict=True):
        found = symptom(mine.value, right.value, **options)
        if found is not None:
            pairs = [(m.value, r.value) for m, r in zip(got, expected, strict=True)]
            cause = _known_mistake(exercise, cases, got) or likely_cause(pairs, exercise.tolerance)
            return _wrong(found, case, names, cause), answer
    for case, mine in zip(cases, got, strict=True):
        for name, before, after in zip(names, case, mine.arguments, strict=False):
            if _changed(before, after):
                message = f"the result is right, but {name} is changed in place; work on a copy"
                return Result("wrong", message), answer

    example = expected[0].value
    if not needs_converting(got[0].value, example):
        return Result("done"), answer

    @functools.wraps(answer)
    def as_expected(*args, **kwargs):
        # A list for an array is right, but the cells after this one go on with an array.
        return converted(answer(*args, **kwargs), example)

    return Result("done"), as_expected


def _judge_by_check(exercise: Exercise, answer: Any, file: str) -> Result:
    def found(reference: Any) -> Result:
        try:
            with _time_limit(exercise.time_limit):
                _seed()
                diagnosis = exercise.check(answer, reference)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if not isinstance(error, AssertionError) or not str(error) or _line(error, file):
                return _raised(error, file, exercise)
            diagnosis = str(error)
        if diagnosis is None:
            return Result("done")
        return Result("wrong", *((diagnosis,) if isinstance(diagnosis, str) else diagnosis))

    result = found(exercise.reference)
    if result.status == "wrong":
        for sentence, mistake in exercise.mistakes:
            if found(mistake).status == "done":
                return Result("wrong", result.symptom, sentence)
    return result


def _known_mistake(exercise: Exercise, cases: list[tuple], got: list[_Outcome]) -> str | None:
    """The sentence of the first known mistake that does what the answer did, in every case."""
    for sentence, mistake in exercise.mistakes:
        if all(
            _equal(mine, _call(mistake, case), exercise)
            for case, mine in zip(cases, got, strict=False)
        ):
            return sentence
    return None


def _equal(mine: _Outcome, other: _Outcome, exercise: Exercise) -> bool:
    if mine.error is not None or other.error is not None:
        return repr(mine.error) == repr(other.error)
    return same(mine.value, other.value, exercise.tolerance, exercise.squeeze)


# ---------------------------------------------------------------------- running an answer


def _call(function: Callable[..., Any], case: tuple) -> _Outcome:
    arguments = copy.deepcopy(tuple(case))
    _seed()
    try:
        return _Outcome(arguments, value=function(*arguments))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _Outcome(arguments, error=error)


def _seed() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (answers may use the global generator)
    torch.random.default_generator.manual_seed(0)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Generators, figures and warnings are left as they were; what is printed is kept short."""
    states = random.getstate(), np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    printed = _ShortOutput(sys.stdout)
    figures = _figures()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            warnings.simplefilter("ignore")
            yield
    finally:
        printed.end_line()
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.random.set_rng_state(states[2])
        for number in _figures() - figures:
            sys.modules["matplotlib.pyplot"].close(number)


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
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block when the time is over, where the system has alarms."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(signum, frame):
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, stop)
    # Again every 50 ms, for a bare `except:` in a loop catches the first.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)


# ---------------------------------------------------------------------- saying what is wrong


def _wrong(found: str, case: tuple, names: list[str], cause: str | None) -> Result:
    inputs = ", ".join(filter(None, map(_input, names, case)))
    return Result("wrong", f"{found} (for {inputs})" if inputs else found, cause or "")


def _input(name: str, value: Any) -> str:
    if isinstance(value, (int, float, str)):
        return f"{name}={value!r}"
    array = as_array(value)
    return "" if array is None else f"{name} of shape {array.shape}"


def _raised(error: BaseException, file: str, exercise: Exercise) -> Result:
    line = _line(error, file)
    if isinstance(error, NotImplementedError):
        return Result("not yet")
    if isinstance(error, TimeLimit):
        took = f"it took longer than {exercise.time_limit:g} s{line}"
        return Result("not judged", took, "an endless loop?")
    if isinstance(error, SystemExit):
        return Result("wrong", f"it ends Python with exit(){line}: return the result instead")
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, TypeError) and not line and "argument" in text:
        line = f" (its arguments must stay {', '.join(_parameters(exercise.reference))})"
    return Result("wrong", f"it raises {text}{line}")


def _line(error: BaseException, file: str) -> str:
    """The last line of the student's own that an error passed through, quoted."""
    found, step = "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            code = linecache.getline(file, step.tb_lineno).strip()
            found = f" in line {step.tb_lineno}" + (f", `{code}`" if code else "")
        step = step.tb_next
    return found


def _parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _changed(before: Any, after: Any) -> bool:
    """Whether an argument has been changed; of objects whose inside cannot be compared, no."""
    if isinstance(before, (list, tuple)):
        return len(before) != len(after) or any(map(_changed, before, after))
    if isinstance(before, dict):
        return set(before) != set(after) or any(_changed(before[k], after[k]) for k in before)
    if isinstance(before, (pd.DataFrame, pd.Series)):
        return not before.equals(after)
    if isinstance(before, torch.Tensor):
        before, after = before.detach().cpu().numpy(), after.detach().cpu().numpy()
    if isinstance(before, np.ndarray):
        return before.shape != after.shape or before.tobytes() != after.tobytes()
    return False
