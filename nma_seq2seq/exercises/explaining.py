"""Why an answer is wrong: what does as it did, in every case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, product
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import torch

from nma_seq2seq.exercises.causes import explain
from nma_seq2seq.exercises.comparing import as_array, same
from nma_seq2seq.exercises.definition import Exercise
from nma_seq2seq.exercises.edits import joined
from nma_seq2seq.exercises.other_inputs import other_inputs
from nma_seq2seq.exercises.running import (
    Outcome,
    TimeLimit,
    call,
    cases,
    outcome_of,
    time_limit,
)

_SEARCH_SECONDS = 1.0  # of processor time, each, to look for other inputs and for two mistakes


def explained(
    exercise: Exercise, answer: Callable[..., Any], place: int, got: Sequence[Outcome]
) -> tuple[str, str]:
    """A better symptom and the cause of a wrong result, or "".

    Parameters
    ----------
    exercise, answer
    place : int
        Of the first case in which the answer is wrong.
    got : Outcomes of the answer, one a case
    """
    told = any(_says_something(outcome.value) for outcome in got)
    if told and (known := next(_known(exercise, got), "")):
        return "", known
    inputs = cases(exercise)
    pairs = [(mine.value, outcome_of(exercise, k).value) for k, mine in enumerate(got)]
    better, cause = explain(pairs, inputs, exercise.tolerance)
    if told and not cause:
        cause = _by_other_inputs(exercise, got) or next(_two_known(exercise, got), "")
    if not cause and _differs_when_called_again(exercise, answer, place, got[place]):
        cause = "each call gives another: random numbers, dropout, or left from before"
    return better, cause


def _does_the_same(exercise: Exercise, edit: str, got: Sequence[Outcome]) -> bool:
    made = (outcome_of(exercise, place, edit) for place in range(len(got)))
    return all(map(partial(_alike, exercise), got, made))


def _known(exercise: Exercise, got: Sequence[Outcome]) -> Iterator[str]:
    for sentence, edits in exercise.mistakes.items():
        if any(_does_the_same(exercise, edit, got) for edit in edits):
            yield sentence


def _two_known(exercise: Exercise, got: Sequence[Outcome]) -> Iterator[str]:
    deadline = process_time() + _SEARCH_SECONDS
    for (one, edits), (other, more) in combinations(exercise.mistakes.items(), 2):
        for pair in product(edits, more):
            if process_time() > deadline:
                return
            both = joined(exercise.reference, *pair)
            if both and _does_the_same(exercise, both, got):
                # Of each sentence what is wrong, without what would be right.
                short = (re.split("[,;:] ", sentence)[0][:70] for sentence in (one, other))
                yield f"two things: {'; and '.join(short)}"


def _alike(exercise: Exercise, mine: Outcome, other: Outcome) -> bool:
    right, one, two = (
        isinstance(each.value, pd.DataFrame) for each in (outcome_of(exercise, 0), mine, other)
    )
    if right and one != two:  # else a table counts as equal to an array of its values
        return False
    return other.error is None and same(mine.value, other.value, exercise.tolerance)


def _says_something(value: Any) -> bool:
    """Whether a result is more than nothing, or nothing but NaN, which many mistakes give."""
    array = as_array(value)
    if array is None:
        return True
    return bool(array.size) and (array.dtype.kind != "f" or not np.isnan(array).all())


def _by_other_inputs(exercise: Exercise, got: Sequence[Outcome]) -> str:
    """The mistake in the inputs with which the right answer gives what was returned, or ""."""
    numbers = [array for mine in got if (array := as_array(mine.value)) is not None]
    if exercise.run is not None or len({n.item() for n in numbers if not n.ndim}) == 1:
        return ""  # one number in every case, such as 1 or 0, comes of many mistakes
    deadline = process_time() + _SEARCH_SECONDS
    found: set[str] = set()
    for sentence, inputs, factors in other_inputs(cases(exercise)):
        if process_time() > deadline or len(found) > 1:
            return ""
        made = (call(exercise, exercise.reference, case.values()) for case in inputs)
        if all(map(partial(_alike, exercise), got, map(_scaled, made, factors))):
            found.add(sentence)
    return found.pop() if len(found) == 1 else ""


def _scaled(outcome: Outcome, factor: float) -> Outcome:
    if factor == 1:
        return outcome
    if not isinstance(outcome.value, (np.ndarray, torch.Tensor)):
        return Outcome(error=ValueError("nothing to scale"))
    return Outcome(value=outcome.value * factor)


def _differs_when_called_again(
    exercise: Exercise, answer: Callable[..., Any], place: int, mine: Outcome
) -> bool:
    try:
        with time_limit(exercise.time_limit):
            again = call(exercise, answer, cases(exercise)[place].values(), seed=1)
    except TimeLimit:
        return False
    # A generator equals nothing but itself.
    has_values = not isinstance(mine.value, Iterator)
    return has_values and again.error is None and not _alike(exercise, mine, again)
