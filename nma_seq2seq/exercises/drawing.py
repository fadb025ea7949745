"""Answers that draw at random: what many draws have in common is compared, not one draw."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nma_seq2seq.exercises.comparing import as_array, describe
from nma_seq2seq.exercises.samples import Sample

_DRAWS = 100
_AGAIN = 5  # of these are drawn once more

Facts = dict[str, Sample]


def many_draws(
    answer: Callable[..., Any], arguments: tuple, names: Sequence[str]
) -> tuple[list[list[np.ndarray]], Facts]:
    """Draw with one rng after the other.

    Parameters
    ----------
    answer : function of (*arguments, rng)
        Returns an array of integers for each name.
    arguments : tuple
    names : of what it returns

    Returns
    -------
    draws : list of lists of arrays
        Of each draw, an array for each name.
    again : dict
        The one fact that the same rng gives the same draw again.

    Raises
    ------
    AssertionError
        With symptom and cause, if it changes its arguments or returns something else.
    """
    given = copy.deepcopy(arguments)

    def draw(seed: int) -> list[np.ndarray]:
        parts = _parts(answer(*given, np.random.default_rng(seed)), names)
        if not all(map(np.array_equal, given, arguments)):
            raise AssertionError(
                "an input is changed in place", "rng.shuffle does that; rng.permutation copies"
            )
        return parts

    draws = [draw(seed) for seed in range(_DRAWS)]
    again = sum(all(map(np.array_equal, draw(seed), draws[seed])) for seed in range(_AGAIN))
    return draws, {f"draws, of {_AGAIN}, that the same rng gives again": Sample([again])}


def drawn_parts(
    answer: Callable[..., Any],
    arguments: tuple,
    pools: Mapping[str, np.ndarray],
    *,
    noun: str,
    elsewhere: str,
    both: str,
) -> Facts:
    """What many draws of parts have in common, each without replacement from a pool, in any order.

    Parameters
    ----------
    answer, arguments
        As for `many_draws`.
    pools : name of each part -> array of int
        What it is drawn from, in the order of the file.
    noun, elsewhere, both : str
        How to call what is drawn, such as "trials"; and what is in a part but not in its pool, or
        in both parts.
    """
    draws, again = many_draws(answer, arguments, list(pools))
    end = max(pool.max() for pool in pools.values()) + 1
    # How often each number is there, (draws, numbers): from -1, for all that are below 0, to end.
    counts = [
        np.stack([np.bincount(part.clip(-1, end) + 1, minlength=end + 2) for part in parts])
        for parts in zip(*draws, strict=True)
    ]
    facts: Facts = {}
    for name, pool, count in zip(pools, pools.values(), counts, strict=True):
        number, inside = count.sum(axis=1), count[:, pool + 1].sum(axis=1)
        different = (count > 0).sum(axis=1)
        facts |= {
            f"{noun} in {name}": Sample(number),
            f"{noun} in {name} {elsewhere}": Sample(number - inside),
            f"{noun} drawn twice into {name}": Sample(number - different),
        }
    shared = np.min(counts, axis=0) > 0
    facts |= {f"{noun} {both}": Sample(shared.sum(axis=1)), **again}
    fixed = any((count == count[0]).all() for count in counts)
    chances: Facts = {}
    for name, pool, count in zip(pools, pools.values(), counts, strict=True):
        taken = count[:, pool + 1] > 0
        always, never = np.flatnonzero(taken.all(axis=0)), (~taken).all(axis=0).sum()
        in_steps = len(always) > 1 and np.ptp(np.diff(always)) == 0
        facts |= {
            f"{noun} in {name} whatever the rng": Sample([len(always)]),
            f"{noun} in {name} at even steps": Sample([len(always) * in_steps]),
            f"{noun} never drawn into {name}": Sample([never]),
        }
        together = (taken[:, 1:] & taken[:, :-1]).sum(axis=1)
        # If every rng gives the same, which ones these are says nothing: others are as wrong.
        chances |= {
            f"neighbours in {name}": Sample(together * (not fixed)),
            f"how often each is in {name}": Sample(count * (not fixed), range(-1, end + 1)),
        }
    return facts | chances


def _parts(found: Any, names: Sequence[str]) -> list[np.ndarray]:
    """What is returned, as one array of integers a name."""
    if len(names) == 1:
        return [_positions(found, names[0])]
    parts = list(found) if isinstance(found, (tuple, list, np.ndarray)) else []
    if len(parts) != len(names):
        missing = " (is `return` missing?)" if found is None else ""
        array = as_array(found)
        one = array is not None and array.ndim == 1 and array.dtype.kind in "iu"
        raise AssertionError(
            f"the result is {describe(found)}{missing}, expected {' and '.join(names)}",
            "one array, where two are to be returned" * one,
        )
    return list(map(_positions, parts, names))


def _positions(part: Any, name: str) -> np.ndarray:
    array = as_array(part)
    if part is None:
        raise AssertionError(f"{name} is None (is `return` missing?), expected positions")
    if array is not None and array.ndim == 1:
        if array.dtype.kind in "iu" or not array.size:
            return array.astype(int)
        for kinds, what, cause in (
            ("b", "is a mask", "the np.flatnonzero is missing"),
            ("US", "holds names", "the neurons' regions, not where they are"),
        ):
            if array.dtype.kind in kinds:
                raise AssertionError(f"{name} {what}, expected positions", cause)
        raise AssertionError(f"{name} is of type {array.dtype}, expected integers")
    number = array is not None and not array.ndim and array.dtype.kind in "iu"
    raise AssertionError(
        f"{name} is {describe(part)}, expected positions, one axis",
        "how many there are, not which" * number,
    )
