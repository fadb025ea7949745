"""What would explain a wrong result: a change that turns the right one into it, in every case."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np

from nma_seq2seq.exercises.comparing import as_array, close, parts, same, without_ones
from nma_seq2seq.exercises.texts import headings

# What may have been done, in a sentence, and what it would then give in each case.
Changes = Iterable[tuple[str, Sequence[Any]]]
_Arrays = Sequence[np.ndarray]

# Causes of errors, and below each the parts of messages that tell it.
_ERRORS = headings(Path(__file__).with_name("errors.txt"))[0].below

# What may have been done with the right values at the end, one by one.
_DONE: dict[str, Callable[[np.ndarray], Any]] = {
    "rounded down, where fractions are asked for": np.floor,
    "rounded, where fractions are asked for": np.round,
    "rounded up, where fractions are asked for": np.ceil,
    **{
        f"rounded to {n} decimals; leave the values as they are": partial(np.round, decimals=n)
        for n in range(1, 6)
    },
    "negative values are cut off at 0; they are right as they are": lambda v: np.maximum(v, 0),
    "the sign is lost (an absolute value)": np.abs,
    "1 minus the right value": lambda v: 1 - v,
    "2 to the power of the right value": np.exp2,
    "e to the power of the right value": np.exp,
    "a square root too many": lambda v: np.sqrt(np.abs(v)),
    "a square root is missing, or a square too many": np.square,
}

# What axes may have been reduced by; what is said where that is too much, and where it is missing.
_REDUCTIONS: list[tuple[Any, str, str]] = [
    (np.nanmean, "averaged over axis {} of the result too", "to be averaged over axis {} too"),
    (np.nansum, "summed over axis {} of the result too", "to be summed over axis {} too"),
    *(
        (
            reduce,
            f"only the {word} along axis {{}} of the result is returned",
            f"the right values are the {word} of several; return these alone",
        )
        for word, reduce in {
            "first": lambda values, axis: values[_at(0, axis, values.ndim)],
            "last": lambda values, axis: values[_at(-1, axis, values.ndim)],
            "largest": np.nanmax,
            "smallest": np.nanmin,
            "median": np.nanmedian,
        }.items()
    ),
]

# By what the right result is multiplied where an argument, or a length, is used wrongly.
_BY_ARGUMENT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "multiplied by {} once too often, or not divided by it": lambda n: n,
    "divided by {} once too often": lambda n: 1 / n,
}
_BY_LENGTH: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "summed over {}, where a mean is asked for": lambda n: n,
    "divided by the length of {} once too often": lambda n: 1 / n,
    "divided by the length of {} less one (ddof=1)": lambda n: n / (n - 1),
    "divided by the length of {}, not by one less (ddof=1)": lambda n: (n - 1) / n,
    "not divided by the length of {} less one": lambda n: n - 1,
    "divided by the length of {} less two, where it is less one": lambda n: (n - 1) / (n - 2),
}
# Other factors that have a name.
_FACTORS = {
    "milliseconds or seconds?": (1000.0, 0.001),
    "base 2 or natural logarithm?": (math.log(2), 1 / math.log(2)),
    "base 10 or natural logarithm?": (math.log(10), 1 / math.log(10)),
}


def cause_of_error(error: BaseException) -> str:
    """What an error usually means, or ""."""
    said = str(error)
    return next((c.text for c in _ERRORS if any(part.text in said for part in c.below)), "")


def explain(
    pairs: Sequence[tuple[Any, Any]], inputs: Sequence[Mapping[str, Any]], tolerance: float
) -> tuple[str, str]:
    """What a wrong result has to do with the right one.

    Parameters
    ----------
    pairs : one (got, expected) for each case
    inputs : for each case, the arguments by name
        A factor may be one of these numbers, or the length of an axis.
    tolerance : float

    Returns
    -------
    symptom, cause : str
        Either may be "". A cause is named only where it explains every case.
    """
    got, right = zip(*pairs, strict=True)
    if any(value is None for value in got):
        return "", ""
    if isinstance(right[0], tuple):
        if all(type(part) is int for part in right[0]):
            return "", ""  # a shape
        if all(
            isinstance(g, Mapping) and same((list(g), list(g.values())), r, tolerance)
            for g, r in pairs
        ):
            return "", "the right values as a dict; its keys and its values are asked for"
        if cause := _first(_other_parts(right), got, tolerance):
            return "", cause
    elif all(isinstance(g, tuple) and len(g) > 1 for g in got):
        for k in range(min(map(len, got))):
            if all(same(g[k], r, tolerance) for g, r in pairs):
                return "", f"several are returned; number {k + 1} of them alone is asked for"
    if isinstance(right[0], (tuple, Mapping)):
        of_cases = [list(parts(*pair)) for pair in pairs]
        if not all(name for found in of_cases for name, _, _ in found):
            return "", ""  # made otherwise
        columns = ([(mine, wanted) for _, mine, wanted in c] for c in zip(*of_cases, strict=True))
        wrong = (c for c in columns if not all(same(*pair, tolerance) for pair in c))
        # Of the first part that is wrong; its symptom is the comparison's, which names it.
        return next((("", explain(column, inputs, tolerance)[1]) for column in wrong), ("", ""))
    arrays = [(as_array(g), as_array(r)) for g, r in pairs]
    numbers = [(a, b) for a, b in arrays if a is not None and b is not None and b.size]
    if len(numbers) < len(pairs) or any(a.dtype.kind not in "iufb" for a in chain(*numbers)):
        return "", ""
    mine, wanted = zip(*numbers, strict=True)
    if any(a.shape != b.shape for a, b in numbers):
        return "", _cause_of_shape(mine, wanted, tolerance)
    return _explain_values(mine, wanted, inputs, tolerance)


def _fitting(changes: Changes, got: Sequence[Any], tolerance: float) -> Iterator[str]:
    """What gives the results that were returned, in every case."""
    for sentence, made in changes:
        if all(same(mine, other, tolerance) for mine, other in zip(got, made, strict=True)):
            yield sentence


def _first(changes: Changes, got: Sequence[Any], tolerance: float) -> str:
    return next(_fitting(changes, got, tolerance), "")


def _other_parts(right: Sequence[tuple]) -> Changes:
    """Not all of several results, or not in their order."""
    n = len(right[0])
    yield f"only the first of the {n} results is returned", [r[0] for r in right]
    for k in range(1, n):
        yield f"only result {k + 1} of the {n} is returned", [r[k] for r in right]
    for k in range(n):
        yield f"result {k + 1} of the {n} is missing", [r[:k] + r[k + 1 :] for r in right]
    for order in permutations(range(n)):
        made = [tuple(r[k] for k in order) for r in right]
        yield "the right results, returned in another order", made


# ---------------------------------------------------------------------- another shape


def _cause_of_shape(mine: _Arrays, right: _Arrays, tolerance: float) -> str:
    pairs = list(zip(mine, right, strict=True))
    if not all(a.size for a in mine):
        return ""
    if turned := _first(_turned(right), mine, tolerance):
        return turned
    if all(a.size == b.size and same(a.reshape(b.shape), b, tolerance) for a, b in pairs):
        if all(without_ones(a.shape) == without_ones(b.shape) for a, b in pairs):
            return "the right values with an axis of length 1 too many or too few (keepdims?)"
        return "the right values in another shape"
    too_much = _first(((said, made) for said, _, made in _reduced(right)), mine, tolerance)
    missing = _first(((said, made) for _, said, made in _reduced(mine)), right, tolerance)
    if too_much or missing:
        return too_much or missing
    if all(a.ndim == b.ndim > 0 and a.shape[1:] == b.shape[1:] for a, b in pairs):
        return _cause_of_rows(mine, right, tolerance)
    return ""


def _turned(right: _Arrays) -> Changes:
    if len({b.ndim for b in right}) == 1 and right[0].ndim <= 4:
        for order in permutations(range(right[0].ndim)):
            made = [b.transpose(order) for b in right]
            yield "the right values with the axes in another order (transposed)", made


def _reduced(arrays: _Arrays) -> Iterator[tuple[str, str, Sequence[np.ndarray]]]:
    """Over one axis or several, which may stay with a length of 1."""
    n_axes = min(array.ndim for array in arrays)
    for n in range(1, n_axes + 1):
        for axes in combinations(range(n_axes), n):
            which = ", ".join(map(str, axes))
            for reduce, too_much, missing in _REDUCTIONS:
                made = [np.asarray(reduce(array, axis=axes)) for array in arrays]
                for each in (made, [np.expand_dims(m, axes) for m in made]):
                    yield too_much.format(which), missing.format(which), each


def _at(place: int | slice, axes: Sequence[int], n_axes: int) -> tuple:
    """The index of a place along axes."""
    return tuple(place if axis in axes else slice(None) for axis in range(n_axes))


def _cause_of_rows(mine: _Arrays, right: _Arrays, tolerance: float) -> str:
    pairs = list(zip(mine, right, strict=True))
    for wholes, rows, how, others in (
        (right, [_left_out(a, b, tolerance) for a, b in pairs], "few", "but some are left out"),
        (mine, [_left_out(b, a, tolerance) for a, b in pairs], "many", "and others too many"),
    ):
        if not all(rows):
            continue
        of_whole = list(zip(wholes, rows, strict=True))
        if all(w.ndim == 1 and row in ([0], [len(w) - 1]) for w, row in of_whole):
            return f"one element too {how} (off by one?)"
        if how == "few" and all(np.isnan(w[row]).all() for w, row in of_whole):
            return "what is NaN is left out; it has to stay in its place"
        return f"the right values, {others}, such as number {rows[0][0]}"
    return ""


def _left_out(part: np.ndarray, whole: np.ndarray, tolerance: float) -> list[int]:
    """Which rows of an array another one lacks; [] unless it has the others, in order."""
    lacks, k = [], 0
    for row, value in enumerate(whole):
        if k < len(part) and close(part[k], value, tolerance).all():
            k += 1
        else:
            lacks.append(row)
    return lacks if k == len(part) else []


# ---------------------------------------------------------------------- other values


def _explain_values(
    mine: _Arrays, right: _Arrays, inputs: Sequence[Mapping[str, Any]], tolerance: float
) -> tuple[str, str]:
    def first(*changes: Changes) -> str:
        return _first(chain(*changes), mine, tolerance)

    pairs = list(zip(mine, right, strict=True))
    if first([("the same", right)]):
        return "", ""  # but for a gradient
    if unfilled := first(_unfilled(right)):
        return "", unfilled
    if not all(np.isfinite(a[np.isfinite(b)]).all() for a, b in pairs):
        return "", ""
    if all(b.dtype == bool for b in right):
        return "", first([("True and False are swapped", [~b for b in right])])
    if kept := first(_kept_whole(mine, right)):
        return "", kept
    got, expected = (np.concatenate([a.ravel() for a in each]) for each in (mine, right))
    if got.size < 2 or np.isnan(expected).all():
        return "", ""
    right = [b.astype(float) for b in right]
    if turned := first([("the sign is the wrong way round", [-b for b in right])]):
        return "", turned
    factors = [f for a, b in pairs if (f := _factor(a, b, tolerance))]
    if len(factors) == len(pairs) and not np.allclose(factors, 1, rtol=1e-2):
        shown = ", then ".join(dict.fromkeys(f"{factor:.4g}" for factor in factors[:2]))
        cause = _cause_of_factors(np.array(factors), right, inputs, tolerance)
        # Of one value in each case, any factor will do.
        if cause or len(expected) > len(factors) or np.allclose(factors, factors[0], rtol=1e-4):
            return f"every value is {shown} times the right one", cause
    offsets = np.array([np.nanmedian(a - b) for a, b in zip(mine, right, strict=True)])
    moved = [b + offset for b, offset in zip(right, offsets, strict=True)]
    if offsets.any() and first([("moved", moved)]):
        for name, numbers in _numbers(inputs).items():
            for sign, what in ((1, "added"), (-1, "taken away")):
                if np.allclose(offsets, sign * numbers, rtol=tolerance):
                    return "", f"{name} is {what} once too often, or on the wrong side"
        if np.allclose(offsets, offset := offsets[0], rtol=tolerance):
            by = f"every value is {abs(offset):.4g} too {'large' if offset > 0 else 'small'}"
            return by, "off by one?" if math.isclose(abs(offset), 1) else ""
    return "", first(_done(mine, right), _in_other_order(mine, right))


def _unfilled(right: _Arrays) -> Changes:
    """0 or NaN, as an array is made, where a loop has not filled it."""
    for word, empty in (("0", 0.0), ("NaN", np.nan)):
        if all(b.ndim == 2 and b.shape[0] == b.shape[1] > 2 for b in right):
            for where, triangle in (("above", np.triu), ("below", np.tril)):
                made = [np.where(triangle(np.ones(b.shape)), b, empty) for b in right]
                both = "[i, j] and [j, i] are both to be filled in"
                yield f"only {where} the diagonal; {both}", made
        for axis in range(min(b.ndim for b in right)):
            if min(b.shape[axis] for b in right) < 3:
                continue
            for which, place, loop in (("last", -1, "end early"), ("first", 0, "begin late")):
                along = f"the {which} along axis {axis} of the result"
                filled, left = (
                    [b.astype(float) for b in right],
                    [np.full(b.shape, empty) for b in right],
                )
                for b, some, none in zip(right, filled, left, strict=True):
                    at = _at(place, [axis], b.ndim)
                    some[at], none[at] = empty, b[at]
                yield f"{along} stays {word} (does a loop {loop}?)", filled
                if not any(np.array_equal(n, np.full(n.shape, empty), True) for n in left):
                    yield f"only {along} is filled in", left


def _kept_whole(mine: _Arrays, right: _Arrays) -> Changes:
    if all(a.dtype.kind in "iu" for a in mine):
        made = [np.where(np.isnan(b), a, b) for a, b in zip(mine, right, strict=True)]
        yield "whole numbers (int) hold no NaN; what should be NaN becomes some number", made


def _factor(a: np.ndarray, b: np.ndarray, tolerance: float) -> float | None:
    """By what all of b has to be multiplied to give a."""
    there = np.isfinite(b) & (np.abs(b) > 1e-12)
    if not there.any():
        return None
    factor = float(np.median(a[there] / b[there]))
    return factor if factor and close(a, factor * b, tolerance).all() else None


def _numbers(inputs: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Numbers that the inputs have in each case: arguments, and how long axes are."""
    found: dict[str, list[float]] = {}
    for name, value in chain.from_iterable(each.items() for each in inputs):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found.setdefault(name, []).append(value)
        shape = getattr(value, "shape", ())
        if isinstance(value, np.ndarray) and value.dtype == bool:
            found.setdefault(f"the number of True in {name}", []).append(value.sum())
        for axis, length in enumerate(shape):
            found.setdefault(f"axis {axis} of {name}", []).append(length)
        for one, other in combinations(range(len(shape)), 2):
            both = shape[one] * shape[other]
            found.setdefault(f"axes {one} and {other} of {name}", []).append(both)
    return {n: np.array(v, float) for n, v in found.items() if len(v) == len(inputs)}


def _cause_of_factors(
    factors: np.ndarray, right: _Arrays, inputs: Sequence[Mapping[str, Any]], tolerance: float
) -> str:
    """Why the result is so many times the right one in each case."""

    def fitting(made: Iterable[tuple[str, Any]]) -> list[str]:
        found = (said for said, f in made if np.allclose(factors, f, rtol=tolerance, atol=0))
        return list(dict.fromkeys(found))

    wrongly_used, other_lengths = fitting(_scaled(inputs)), fitting(_of_other_lengths(inputs))
    if wrongly_used or len(other_lengths) == 1:  # of several, none is singled out
        return (wrongly_used or other_lengths)[0]
    return _written_out(factors, inputs) or next(iter(fitting(_named(right))), "")


def _scaled(inputs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, np.ndarray]]:
    """The factors of an argument, or the length of an axis, where it does not belong."""
    for name, numbers in _numbers(inputs).items():
        for said, factor in (_BY_ARGUMENT if name in inputs[0] else _BY_LENGTH).items():
            sentence = said.format(name).replace("the length of the number", "the number")
            yield sentence, factor(numbers)


def _of_other_lengths(inputs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, np.ndarray]]:
    lengths = {name: n for name, n in _numbers(inputs).items() if name.startswith("axis ")}
    for (one, right_n), (other, n) in permutations(lengths.items(), 2):
        for less in (0, 1):
            sentence = f"divided by the length of {other}, where {one} belongs"
            yield sentence, (right_n - less) / (n - less)


def _named(right: _Arrays) -> Iterator[tuple[str, float]]:
    if all(np.nanmax(np.abs(b)) <= 1 for b in right):
        yield "a percentage, where a share is asked for", 100
    for name, factors in _FACTORS.items():
        yield from ((name, factor) for factor in factors)


def _written_out(factors: np.ndarray, inputs: Sequence[Mapping[str, Any]]) -> str:
    """A number of at most two digits in the place of one that differs between the cases."""
    names = {name: n for name, n in _numbers(inputs).items() if not name.startswith("axis ")}
    for name, numbers in names.items():
        for said, times in (("not divided by it", 1 / numbers), ("not multiplied by it", numbers)):
            number = factors[0] * times[0]
            short = any(
                math.isclose(n, float(f"{n:.1e}"), rel_tol=1e-4) for n in (number, 1 / number)
            )
            if (
                short
                and np.ptp(numbers)
                and np.allclose(factors * times, number, rtol=1e-4, atol=0)
            ):
                return f"a number stands where {name} belongs ({said})"
    return ""


def _done(mine: _Arrays, right: _Arrays) -> Changes:
    n_mine, n_right = (
        len(np.unique(np.concatenate([a.ravel() for a in v]))) for v in (mine, right)
    )
    for sentence, change in _DONE.items():
        # Of two values, as of yes and no, much is equal by chance.
        if n_right > 1 and (n_mine > 2 or change not in (np.floor, np.round, np.ceil)):
            yield sentence, [change(b) for b in right]


def _in_other_order(mine: _Arrays, right: _Arrays) -> Changes:
    n_axes = min(b.ndim for b in right)
    if n_axes == 0 or min(len(np.unique(b)) for b in right) < 3:
        return
    if all(b.ndim == 2 for b in right):
        yield "transposed: rows and columns are swapped", [b.T for b in right]
    for axis in range(n_axes):
        added = f"each has those before it along axis {axis} added (start anew in each round)"
        yield added, [b.cumsum(axis) for b in right]
        yield f"axis {axis} runs backwards", [np.flip(b, axis) for b in right]
        if min(b.shape[axis] for b in right) < 4:
            continue
        early, late = slice(1, None), slice(-1)
        for word, to, of in (("late", early, late), ("early", late, early)):
            made = [a.astype(float) for a in mine]
            for m, b in zip(made, right, strict=True):
                m[_at(to, [axis], b.ndim)] = b[_at(of, [axis], b.ndim)]
            yield f"everything is one place too {word} along axis {axis} (off by one?)", made
    ranks = [a.argsort(axis=None).argsort().reshape(a.shape) for a in mine]
    made = [np.sort(b, axis=None)[rank] for b, rank in zip(right, ranks, strict=True)]
    yield "the right values in another order", made
