"""An answer is judged by what it does in each case: whether it is right, and else why not."""

from __future__ import annotations

import inspect
import linecache
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pandas as pd
import torch

from nma_seq2seq.exercises.causes import cause_of_error
from nma_seq2seq.exercises.comparing import converted, describe, same, symptom
from nma_seq2seq.exercises.definition import Exercise, Result
from nma_seq2seq.exercises.explaining import explained
from nma_seq2seq.exercises.running import (
    Outcome,
    TimeLimit,
    cases,
    outcome_of,
    outcomes,
    undisturbed,
)


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
    with undisturbed():
        # First the reference, which also loads whatever is loaded when it is first used.
        expected = [outcome_of(exercise, place) for place in range(len(cases(exercise)))]
        if broken := [outcome.error for outcome in expected if outcome.error is not None]:
            raise broken[0]
        got = outcomes(exercise, answer)
        result, place = _verdict(exercise, answer, file, got, expected)
    if result.status == "done":
        return Judgement(result, _as_expected(exercise, answer, got[0].value, expected[0].value))
    mine, right = got[place], expected[place]
    evidence = Evidence(cases(exercise)[place], mine.value, right.value, mine.error)
    return Judgement(result, exercise.reference, evidence)


def _verdict(
    exercise: Exercise, answer: Any, file: str, got: list[Outcome], expected: list[Outcome]
) -> tuple[Result, int]:
    """The verdict, and the place of the case that shows it."""
    raised, last = Result("done"), len(got) - 1
    if (error := got[-1].error) is not None:
        raised = _raised(error, file, exercise)
        if raised.status != "wrong":
            return raised, last
        got = got[:-1]  # if a case before is wrong too, that says more than the error
    what = "" if exercise.run else "the result"
    pairs = list(zip(got, expected, strict=False))
    for place, (mine, right) in enumerate(pairs):
        found = symptom(mine.value, right.value, tolerance=exercise.tolerance, what=what)
        if found is not None:
            better, cause = explained(exercise, answer, place, got)
            return Result("wrong", better or found, cause), place
    if error is not None:
        return raised, last
    for place, (mine, right) in enumerate(pairs):
        if _gradients_differ(mine, right):
            found = "the value is right, but its gradient is not: a part of it was cut off"
            cause = ".detach(), .data, .item() or no_grad on a part; keep all of it in the graph"
            return Result("wrong", found, cause), place
    for place, mine in enumerate(got):
        given = cases(exercise)[place].items()
        for (name, before), after in zip(given, mine.arguments, strict=True):
            if _changed(before, after):
                found = "the result is right, but an input is changed"
                cause = f"{name} is changed in place; work on a copy"
                return Result("wrong", found, cause), place
    return Result("done"), 0


def _as_expected(exercise: Exercise, answer: Any, got: Any, expected: Any) -> Any:
    """The answer; where it returns a list for an array, one that does return an array."""
    if exercise.run is not None or converted(got, expected) is got:
        return answer

    @wraps(answer)
    def as_expected(*args: Any, **kwargs: Any) -> Any:
        return converted(answer(*args, **kwargs), expected)

    return as_expected


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


def _gradients_differ(mine: Outcome, right: Outcome) -> bool:
    """Whether what is learned through two equal results differs."""
    if not (isinstance(right.value, torch.Tensor) and right.value.requires_grad):
        return False

    def gradients(outcome: Outcome) -> tuple:
        leaves = [a for a in outcome.arguments if isinstance(a, torch.Tensor) and a.requires_grad]
        total = outcome.value.sum()
        found = torch.autograd.grad(total, leaves, retain_graph=True, allow_unused=True)
        return tuple(
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(leaves, found, strict=True)
        )

    return not same(gradients(mine), gradients(right), tolerance=1e-3)


def _changed(before: Any, after: Any) -> bool:
    if isinstance(before, (pd.DataFrame, pd.Series)):
        return not before.equals(after)
    return not same(after, before, tolerance=0)
