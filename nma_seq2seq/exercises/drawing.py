"""Answers that draw at random: judged by what holds for any right draw, not by one draw."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nma_seq2seq.exercises.comparing import as_array, describe
from nma_seq2seq.exercises.definition import Diagnosis

# A property of a draw: what holds of (arguments, parts), the symptom where it does not, the cause.
Property = tuple[Callable[[tuple, list[np.ndarray]], Any], str, str]
_MANY = 200  # draws to see whether each is as likely as another


def check_draws(
    answer: Callable[..., Any],
    cases: Sequence[tuple],
    names: Sequence[str],
    properties: Sequence[Property],
    among: Callable[[tuple, list[np.ndarray], int], np.ndarray] | None = None,
) -> Diagnosis:
    """The first property that a draw lacks, or None.

    Parameters
    ----------
    answer : function of (*arguments, rng)
        Returns an array of integers for each name.
    cases : argument tuples without the generator
        The last one is drawn many times.
    names : of the parts that it returns
    properties : in the order in which they are looked at
    among : function of (arguments, parts, which part) -> array
        What that part is drawn from, in the order of the file: each must be as likely, and
        neighbours drawn together no more often than others. Without it, that is not looked at.
    """

    def draw(arguments: tuple, seed: int) -> tuple[list[np.ndarray] | Diagnosis, bool, bool]:
        """The parts or what is wrong with their kind; whether rng was used; inputs are kept."""
        # Other numbers from the global generators at each call: only rng may make two alike.
        np.random.seed(seed + next(calls))  # noqa: NPY002
        rng, given = np.random.default_rng(seed), copy.deepcopy(arguments)
        fresh = rng.bit_generator.state
        found = _parts(answer(*given, rng), names)
        kept = all(np.array_equal(a, b) for a, b in zip(given, arguments, strict=True))
        return found, rng.bit_generator.state != fresh, kept

    calls = iter(range(10**9))
    for arguments in cases:
        parts, _, kept = draw(arguments, len(cases))
        if not isinstance(parts, list):
            return parts
        if not kept:
            return "an input is changed in place", "rng.shuffle does that; rng.permutation copies"
        for holds, symptom, cause in properties:
            if not holds(arguments, parts):
                again = [draw(arguments, seed)[0] for seed in range(5)]
                sizes = {tuple(map(len, each)) for each in again if isinstance(each, list)}
                if not cause and len(sizes) > 1:
                    cause = "how many are drawn is left to chance; draw a fixed number"
                return symptom, cause
    arguments = cases[-1]
    draws = []
    for seed in (1, 1, *range(2, _MANY)):
        parts, used, _ = draw(arguments, seed)
        if not isinstance(parts, list):
            return parts
        draws.append(parts)
    if not _alike(draws[0], draws[1]):
        return (
            "the same rng gives another draw each time",
            "drawn with another generator; draw with rng",
        )
    for k, name in enumerate(names):
        if all(np.array_equal(np.sort(d[k]), np.sort(draws[0][k])) for d in draws[:20]) and among:
            symptom = f"every rng gives the same {name}"
            places = np.searchsorted(among(arguments, draws[0], k), np.sort(draws[0][k]))
            if len(set(np.diff(places))) == 1:
                return symptom, "taken in the order of the file, not drawn"
            unused = "rng is not used; a generator of one's own starts anew at each call"
            return symptom, "" if used else unused
    if all(_alike(d, draws[0]) for d in draws[:20]):
        return "every rng gives the same draw", "rng is not used, or nothing is drawn"
    if among is None:
        return None
    uneven = [
        _uneven([d[k] for d in draws], [among(arguments, parts, k) for parts in draws], name)
        for k, name in enumerate(names)
    ]
    # Of a large part, neighbours always are in it together; the other part tells.
    for each in uneven:
        if isinstance(each, tuple) and "stretches" in each[0]:
            return each
    pool = np.concatenate([among(arguments, draws[0], k) for k in range(len(names))])
    if never := sorted(set(pool.tolist()) - set(np.concatenate([p for d in draws for p in d]))):
        found = f"number {never[0]} is never drawn, whatever the rng"
        return found, "the same one is left out each time; draw from all" * (len(never) == 1)
    return next((each for each in uneven if each), None)


def _alike(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, one, other))


def _parts(found: Any, names: Sequence[str]) -> list[np.ndarray] | Diagnosis:
    """What is returned, as one array of integers a name; or what is wrong with it."""
    wanted = " and ".join(names)
    if len(names) > 1 and not (isinstance(found, (tuple, list)) and len(found) == len(names)):
        if isinstance(found, np.ndarray) and found.ndim == 2 and len(found) == len(names):
            found = list(found)
        else:
            missing = " (is `return` missing?)" if found is None else ""
            array = as_array(found)
            one = array is not None and array.ndim == 1 and array.dtype.kind in "iu"
            symptom = f"the result is {describe(found)}{missing}, expected {wanted}"
            return symptom, "one array, where two are to be returned" if one else ""
    parts = []
    for name, part in zip(names, found if len(names) > 1 else [found], strict=True):
        array = as_array(part)
        if part is None:
            return f"{name} is None (is `return` missing?), expected positions"
        if array is not None and array.ndim == 0 and array.dtype.kind in "iu":
            return f"{name} is one number, expected positions", "how many there are, not which"
        if array is None or array.ndim != 1:
            return f"{name} is {describe(part)}, expected positions, one axis"
        if array.dtype == bool:
            return f"{name} is a mask, expected positions", "the np.flatnonzero is missing"
        if array.dtype.kind in "US":
            return (
                f"{name} holds names, expected positions",
                "the neurons' regions, not where they are",
            )
        if array.dtype.kind == "f" and (array == np.round(array)).all():
            array = array.astype(int) if not len(array) else array
        if array.dtype.kind not in "iu":
            return f"{name} is of type {array.dtype}, expected integers"
        parts.append(array)
    return parts


def _uneven(draws: list[np.ndarray], pools: list[np.ndarray], name: str) -> Diagnosis:
    """What is wrong with how often each is drawn, and each with its neighbour."""
    counts: dict[int, int] = {}
    chances: dict[int, float] = {}
    together = expected = 0.0
    for drawn, pool in zip(draws, pools, strict=True):
        share = len(drawn) / len(pool)
        taken = np.isin(pool, drawn)
        together += (taken[1:] & taken[:-1]).sum()
        expected += len(drawn) * (len(drawn) - 1) / len(pool)
        for unit, was in zip(pool.tolist(), taken, strict=True):
            counts[unit] = counts.get(unit, 0) + int(was)
            chances[unit] = chances.get(unit, 0) + share
    sizes = {u: np.sqrt(c * max(1 - c / len(draws), 1e-3)) for u, c in chances.items()}
    worst = max(abs(counts[u] - chances[u]) / sizes[u] for u in counts)
    if together > 1.4 * expected:
        return f"{name} are stretches of the file", "neighbours are taken, not drawn one by one"
    if not together and expected > 50:
        return f"{name} never are neighbours", "every second one is taken, not drawn one by one"
    if worst > 6:
        return f"of {name} some are drawn far more often than others", ""
    return None
