"""Inputs changed as a mistake would change them: what the right answer makes of these may be what
a wrong one returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch

from nma_seq2seq.exercises.comparing import as_array, describe

# What is written out, or assumed, in place of an argument.
_NUMBERS = (0, 1, 2, 10, 15, 20, 50, 100, 250, 1000)
_FRACTIONS = (0.5, -0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001)

_CUTS = (
    (slice(1), "only the first along {} counts (a return in the loop?)"),
    (slice(-1, None), "only the last along {} counts (a loop that overwrites the others?)"),
    (slice(-1), "the last along {} is left out (a loop or slice that ends early?)"),
    (slice(1, None), "the first along {} is left out (a loop or slice that begins late?)"),
)


Case = Mapping[str, Any]  # the arguments by name


def other_inputs(cases: Sequence[Case]) -> Iterator[tuple[str, list[Case], list[float]]]:
    """A mistake in a sentence, the cases that it makes of the right ones, a factor for each."""
    ones = [1.0] * len(cases)
    for one, other in combinations(cases[0], 2):
        if _kind(cases[0][one]) == _kind(cases[0][other]):
            sentence = f"{one} and {other} have changed places"
            yield sentence, [{**c, one: c[other], other: c[one]} for c in cases], ones
    for name in cases[0]:
        for sentence, changed in _changes(name, [case[name] for case in cases]):
            yield sentence, [{**c, name: v} for c, v in zip(cases, changed, strict=True)], ones
    for places in _axes(cases):
        name, axis = places[0]
        lengths = [case[name].shape[axis] for case in cases]
        for cut, sentence in _CUTS:
            text = sentence.format(f"axis {axis} of {name}")
            made = [_cut(case, places, cut) for case in cases]
            yield text, made, ones
            # Added up over what is left, and divided by all.
            yield text, made, [len(range(n)[cut]) / n for n in lengths]


def _changes(name: str, values: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """What a mistake makes of an argument, in all cases."""
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        numbers = _NUMBERS if isinstance(values[0], int) else (*_NUMBERS, *_FRACTIONS)
        for number in dict.fromkeys((*values, *numbers)):
            if any(v != number for v in values):
                yield f"{name} is not used; a number stands in its place", [number] * len(values)
        yield f"{name} without its sign", [abs(v) for v in values]
        yield f"{name} with the wrong sign", [-v for v in values]
        if isinstance(values[0], int):
            yield f"{name} - 1, where {name} belongs", [v - 1 for v in values]
            yield f"{name} + 1, where {name} belongs", [v + 1 for v in values]
    elif all(isinstance(v, list) and all(isinstance(x, str) for x in v) for v in values):
        yield f"{name} is sorted; its own order is asked for", [sorted(v) for v in values]
    elif all(isinstance(v, np.ndarray) and v.dtype == bool for v in values):
        yield f"{name} is the wrong way round: what is False counts", [~v for v in values]
        yield f"{name} is not used: everything counts", [np.ones_like(v) for v in values]
        for cut, sentence in _CUTS:
            text = sentence.format(f"{name}, of what is True,")
            yield text, [_marked(v, np.flatnonzero(v)[cut]) for v in values]
        early = [_marked(v, np.arange(v.sum())) for v in values]
        yield f"{name} says how many count, not which: the first are taken", early
    elif all(isinstance(v, np.ndarray) and v.dtype.kind in "iuf" for v in values):
        changes: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
            (f"whether {name} is above 0 counts, not its value", lambda v: (v > 0).astype(v.dtype)),
            (f"the signs of {name} are dropped", np.abs),
            (f"{name} with the wrong sign", lambda v: -v),
            (f"{name} is sorted first", lambda v: np.sort(v, axis=0)),
            (f"{name} is rounded to whole numbers", np.round),
            (f"{name} is cut to whole numbers", np.trunc),
            (f"NaN in {name} is taken for 0", np.nan_to_num),
        ]
        for sentence, change in changes:
            made = [change(v) for v in values]
            if not all(np.array_equal(a, b) for a, b in zip(made, values, strict=True)):
                yield sentence, made


def _kind(value: Any) -> str:
    """Array, number, text or else, to tell which arguments can be mistaken for each other."""
    if isinstance(value, (bool, str)) or callable(value):
        return type(value).__name__
    array = as_array(value)
    return describe(value) if array is None else f"{array.ndim} {array.dtype.kind in 'US'}"


def _marked(mask: np.ndarray, places: np.ndarray) -> np.ndarray:
    made = np.zeros_like(mask)
    made.flat[places] = True
    return made


def _axes(cases: Sequence[Case]) -> Iterator[list[tuple[str, int]]]:
    """Axes of the arguments that are one and the same, as (argument, axis)."""
    groups: dict[tuple[int, ...], list[tuple[str, int]]] = {}
    for name, value in cases[0].items():
        if not isinstance(value, (np.ndarray, torch.Tensor)):
            continue
        for axis in range(value.ndim):
            lengths = tuple(case[name].shape[axis] for case in cases)
            groups.setdefault(lengths, []).append((name, axis))
    yield from (places for lengths, places in groups.items() if min(lengths) > 2)


def _cut(case: Case, places: list[tuple[str, int]], cut: slice) -> Case:
    made = dict(case)
    for name, axis in places:
        value = made[name][(*(slice(None),) * axis, cut)]
        if isinstance(value, torch.Tensor):
            value = value.detach().clone().requires_grad_(made[name].requires_grad)
        made[name] = value
    return made
