"""An answer is run on seeded inputs, under a time limit, and judged; nothing it does gets out."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import io
import linecache
import random
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import torch

from nma_seq2seq.exercises.causes import cause_of_error, explain
from nma_seq2seq.exercises.comparing import (
    as_array,
    converted,
    describe,
    needs_converting,
    same,
    symptom,
)
from nma_seq2seq.exercises.definition import Exercise, Result
from nma_seq2seq.exercises.edits import edited
from nma_seq2seq.exercises.other_inputs import other_inputs

_SHOWN_CHARACTERS = 1000  # of what an answer prints while it is checked
_WAITING = 30  # times the limit of processor time: what sleeps, or waits on a busy machine
_SEARCH_SECONDS = 1.0  # of processor time, each, to look for other inputs and for two mistakes


class TimeLimit(BaseException):
    """What took too long, and why. No Exception, so that an answer's `except Exception` lets "
    "it by."""


@dataclass(frozen=True)
class _Outcome:
    """What a call returned or raised, and its arguments after it."""

    arguments: tuple = ()
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Evidence:
    """The case in which an answer was found wrong: its inputs, and both results."""

    inputs: dict[str, Any] = field(default_factory=dict)
    got: Any = None
    expected: Any = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Judgement:
    """A verdict, what the notebook goes on with, and what the verdict rests on."""

    result: Result
    accepted: Any
    evidence: Evidence | None = None


def judge(exercise: Exercise, answer: Any, file: str = "") -> Judgement:
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
    Judgement
        The notebook goes on with the answer if it is right, else with the reference.

    Raises
    ------
    KeyboardInterrupt
        If the student interrupts the check; nothing else.
    """
    if inspect.isclass(exercise.reference) != inspect.isclass(answer) or not callable(answer):
        wanted = "a class" if inspect.isclass(exercise.reference) else "a function"
        kind = "a class" if inspect.isclass(answer) else describe(answer)
        return Judgement(Result("wrong", f"this is {kind}, expected {wanted}"), exercise.reference)
    with _undisturbed():
        judgement = (_by_check if exercise.check else _by_cases)(exercise, answer, file)
    if judgement.result.status == "done":
        return judgement
    return Judgement(judgement.result, exercise.reference, judgement.evidence)


# ---------------------------------------------------------------------- answers that are compared


@functools.cache
def _cases(exercise: Exercise) -> list[tuple]:
    assert exercise.cases is not None
    return list(exercise.cases(np.random.default_rng(0)))


@functools.cache
def _outcome(exercise: Exercise, edit: str, place: int) -> _Outcome:
    """What the reference, edited if there is an edit, does in a case."""
    answer = edited(exercise.reference, edit) if edit else exercise.reference
    return _call(exercise, answer, _cases(exercise)[place])


def _by_cases(exercise: Exercise, answer: Any, file: str) -> Judgement:
    cases, names = _cases(exercise), _parameters(exercise)
    # First the reference, which also loads whatever is loaded when it is first used.
    expected = [_outcome(exercise, "", place) for place in range(len(cases))]
    for outcome in expected:
        if outcome.error is not None:
            raise outcome.error
    got: list[_Outcome] = []
    try:
        with _time_limit(exercise.time_limit):
            for case in cases:
                got.append(_call(exercise, answer, case))
                if got[-1].error is not None:
                    break
    except TimeLimit as error:
        got.append(_Outcome(error=error))

    def evidence(place: int) -> Evidence:
        inputs = dict(zip(names, cases[place], strict=False))
        return Evidence(inputs, got[place].value, expected[place].value, got[place].error)

    judgement = None
    if (failure := got[-1].error) is not None:
        judgement = Judgement(_raised(failure, file, exercise), answer, evidence(len(got) - 1))
        if judgement.result.status != "wrong":
            return judgement
        got.pop()  # if a case before is wrong too, that says more than the error
    what = "" if exercise.run else "the result"
    for place, (mine, right) in enumerate(zip(got, expected, strict=False)):
        found = symptom(
            mine.value,
            right.value,
            tolerance=exercise.tolerance,
            squeeze=exercise.squeeze,
            what=what,
        )
        if found is not None:
            better, cause = _explained(exercise, got, expected)
            if not cause and _differs_when_called_again(exercise, answer, cases[place], mine):
                cause = "each call gives another: random numbers, dropout, or left from before"
            return Judgement(Result("wrong", better or found, cause), answer, evidence(place))
    if judgement is not None:
        return judgement
    for place, (mine, right) in enumerate(zip(got, expected, strict=True)):
        if _gradients_differ(mine, right):
            found = "the value is right, but its gradient is not: a part of it was cut off"
            cause = ".detach(), .data, .item() or no_grad on a part; keep all of it in the graph"
            return Judgement(Result("wrong", found, cause), answer, evidence(place))
    for place, (case, mine) in enumerate(zip(cases, got, strict=True)):
        for name, before, after in zip(names, case, mine.arguments, strict=False):
            if _changed(before, after):
                found = "the result is right, but an input is changed"
                cause = f"{name} is changed in place; work on a copy"
                return Judgement(Result("wrong", found, cause), answer, evidence(place))

    example = expected[0].value
    if exercise.run is not None or not needs_converting(got[0].value, example):
        return Judgement(Result("done"), answer)

    @functools.wraps(answer)
    def as_expected(*args: Any, **kwargs: Any) -> Any:
        # A list for an array is right, but the cells after this one go on with an array.
        return converted(answer(*args, **kwargs), example)

    return Judgement(Result("done"), as_expected)


def _explained(
    exercise: Exercise, got: list[_Outcome], expected: list[_Outcome]
) -> tuple[str, str]:
    """A better symptom or "", and the cause or "": what does as the answer did, in every case."""

    def does_the_same(edit: str) -> bool:
        return told and all(
            _alike(exercise, mine, _outcome(exercise, edit, place))
            for place, mine in enumerate(got)
        )

    told = any(_says_something(mine.value) for mine in got)

    for sentence, edits in exercise.mistakes.items():
        if any(does_the_same(edit) for edit in edits):
            return "", sentence
    names = _parameters(exercise)
    inputs = [dict(zip(names, case, strict=False)) for case in _cases(exercise)]
    pairs = [(mine.value, right.value) for mine, right in zip(got, expected, strict=False)]
    better, cause = explain(pairs, inputs, exercise.tolerance)
    cause = cause or (_by_other_inputs(exercise, got) if told else "")
    if cause:
        return better, cause
    deadline = time.process_time() + _SEARCH_SECONDS
    for (one, edits), (other, more) in combinations(exercise.mistakes.items(), 2):
        for edit in ((a, b) for a in edits for b in more):
            if time.process_time() > deadline:
                return better, ""
            both = _both(exercise, *edit) or _both(exercise, *edit[::-1])
            if both and does_the_same(both):
                # Of each sentence what is wrong, without what would be right.
                short = (re.split("[,;:] ", sentence)[0][:70] for sentence in (one, other))
                return better, f"two things: {'; and '.join(short)}"
    return better, ""


def _both(exercise: Exercise, one: str, other: str) -> str:
    """Two edits in one, or "" where they do not go together."""
    both = f"{one} ;; {other}"
    if any(step.startswith("-> ") for step in both.split(" ;; ")):
        return ""
    try:
        edited(exercise.reference, both)
    except (ValueError, SyntaxError):
        return ""
    return both


def _alike(exercise: Exercise, mine: _Outcome, other: _Outcome) -> bool:
    return other.error is None and same(
        mine.value, other.value, exercise.tolerance, exercise.squeeze
    )


def _says_something(value: Any) -> bool:
    """Whether a result is more than nothing, or nothing but NaN, which many mistakes give."""
    array = as_array(value)
    if array is None:
        return True
    return bool(array.size) and (array.dtype.kind != "f" or not np.isnan(array).all())


def _by_other_inputs(exercise: Exercise, got: list[_Outcome]) -> str:
    """The mistake in the inputs with which the right answer gives what was returned, or ""."""
    numbers = [array for mine in got if (array := as_array(mine.value)) is not None]
    if exercise.run is not None or len({n.item() for n in numbers if not n.ndim}) == 1:
        return ""  # one number in every case, such as 1 or 0, comes of many mistakes
    deadline = time.process_time() + _SEARCH_SECONDS
    found: set[str] = set()
    for sentence, cases, factors in other_inputs(_parameters(exercise), _cases(exercise)):
        if time.process_time() > deadline or len(found) > 1:
            return ""
        if all(
            _alike(exercise, mine, _scaled(_call(exercise, exercise.reference, case), factor))
            for mine, case, factor in zip(got, cases, factors, strict=False)
        ):
            found.add(sentence)
    return found.pop() if len(found) == 1 else ""


def _scaled(outcome: _Outcome, factor: float) -> _Outcome:
    if factor == 1:
        return outcome
    if not isinstance(outcome.value, (np.ndarray, torch.Tensor)):
        return _Outcome(error=ValueError("nothing to scale"))
    return _Outcome(value=outcome.value * factor)


# ---------------------------------------------------------------------- answers that are tested


def _by_check(exercise: Exercise, answer: Any, file: str) -> Judgement:
    check = exercise.check
    assert check is not None

    def found(reference: Any) -> Result:
        try:
            with _time_limit(exercise.time_limit):
                _seed()
                diagnosis = check(answer, reference)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return _raised(error, file, exercise)
        if diagnosis is None:
            return Result("done")
        return Result("wrong", *((diagnosis,) if isinstance(diagnosis, str) else diagnosis))

    result = found(exercise.reference)
    if result.status == "wrong" and not result.cause:
        causes = [
            sentence
            for sentence, edits in exercise.mistakes.items()
            if any(found(edited(exercise.reference, edit)).status == "done" for edit in edits)
        ]
        # Chance may make two mistakes look alike; then none is singled out.
        result = Result("wrong", result.symptom, causes[0] if len(causes) == 1 else "")
    return Judgement(result, answer)


# ---------------------------------------------------------------------- running an answer


def _call(exercise: Exercise, answer: Callable[..., Any], case: tuple, seed: int = 0) -> _Outcome:
    arguments = copy.deepcopy(tuple(case))
    _seed(seed)
    try:
        value = exercise.run(answer, *arguments) if exercise.run else answer(*arguments)
        return _Outcome(arguments, value=value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _Outcome(arguments, error=error)


def _differs_when_called_again(
    exercise: Exercise, answer: Callable[..., Any], case: tuple, mine: _Outcome
) -> bool:
    try:
        with _time_limit(exercise.time_limit):
            again = _call(exercise, answer, case, seed=1)
    except TimeLimit:
        return False
    # What does not even equal itself, such as a generator, cannot be compared.
    return (
        again.error is None
        and same(mine.value, mine.value, exercise.tolerance)
        and not same(mine.value, again.value, exercise.tolerance)
    )


def _seed(seed: int = 0) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (answers may use the global generator)
    torch.default_generator.manual_seed(seed)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
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
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block when the time is over, where the system has alarms.

    What counts is the thread's own processor time, so that a busy machine fails nobody. An answer
    that waits uses none; it has `_WAITING` times as much on the clock.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return
    began, used = time.monotonic(), time.thread_time()

    def look(signum: int, frame: FrameType | None) -> None:
        if time.thread_time() - used > seconds:
            raise TimeLimit(f"{seconds:g} s of processor time", "an endless loop?")
        if time.monotonic() - began > _WAITING * seconds:
            raise TimeLimit(f"{_WAITING * seconds:g} s, most of them waiting", "")

    before = signal.signal(signal.SIGALRM, look)
    # Again and again, for a bare `except:` in a loop catches the first.
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)


# ---------------------------------------------------------------------- saying what is wrong


def _raised(error: BaseException, file: str, exercise: Exercise) -> Result:
    line = _line(error, file)
    if isinstance(error, NotImplementedError):
        return Result("not yet")
    if isinstance(error, TimeLimit):
        took, cause = error.args
        return Result("not judged", f"it took longer than {took}{line}", cause)
    if isinstance(error, SystemExit):
        return Result("wrong", f"it ends Python{line}", "exit() is called; return the result")
    if isinstance(error, AssertionError) and str(error) and not line:
        return Result("wrong", *error.args)  # the course's own: a symptom, and perhaps a cause
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    text = " ".join(text.split())
    if isinstance(error, TypeError) and not line and "argument" in text:
        inside = inspect.isclass(exercise.reference)
        names = ", ".join(() if inside else inspect.signature(exercise.reference).parameters)
        return Result("wrong", f"it raises {text}", names and f"its arguments must stay {names}")
    return Result("wrong", f"it raises {text[: 150 - len(line)]}{line}", cause_of_error(error))


def _line(error: BaseException, file: str) -> str:
    """The last line of the student's own that an error passed through, quoted."""
    found, step = "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            code = linecache.getline(file, step.tb_lineno).strip()
            code = code if len(code) <= 50 else code[:47] + "..."
            found = f" in line {step.tb_lineno}" + (f", `{code}`" if code else "")
        step = step.tb_next
    return found


def _parameters(exercise: Exercise) -> list[str]:
    """Names of the arguments in a case."""
    if exercise.run is not None:
        return list(inspect.signature(exercise.run).parameters)[1:]
    return list(inspect.signature(exercise.reference).parameters)


def _gradients_differ(mine: _Outcome, right: _Outcome) -> bool:
    """Whether what is learned through two equal results differs."""
    if not (isinstance(right.value, torch.Tensor) and right.value.requires_grad):
        return False

    def gradients(outcome: _Outcome) -> tuple:
        leaves = [a for a in outcome.arguments if isinstance(a, torch.Tensor) and a.requires_grad]
        total = outcome.value.sum()
        found = torch.autograd.grad(total, leaves, retain_graph=True, allow_unused=True)
        return tuple(
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(leaves, found, strict=True)
        )

    return not same(gradients(mine), gradients(right), tolerance=1e-3)


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
