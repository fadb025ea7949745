"""What would explain a wrong result: a change that turns the right one into it, in every case."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np

from nma_seq2seq.exercises.comparing import as_array, close, describe, same

_Arrays = list[tuple[np.ndarray, np.ndarray]]

# Factors that have a name, of a wrong value to the right one.
_FACTORS = {
    1000.0: "milliseconds or seconds?",
    0.001: "milliseconds or seconds?",
    1 / math.log(2): "base 2 or natural logarithm?",
    math.log(2): "base 2 or natural logarithm?",
    math.log(10): "base 10 or natural logarithm?",
    1 / math.log(10): "base 10 or natural logarithm?",
}

# What errors in an answer usually mean.
_ERRORS = {
    "truth value of a": "`and`, `or` and `if` want one truth; of arrays, join with & and |",
    "unhashable type": "an array or list is used as a key",
    "'list' and 'list'": "lists do no arithmetic; np.array first",
    "has no attribute 'clamp'": "this is torch's; numpy has np.clip and np.maximum",
    "NaN to integer": "a NaN cannot be an integer; leave out or mark NaN first",
    "can't be used as an index": "an index must be an integer; int(...) first",
    "only integer": "an index must be an integer; int(...) first",
    "indices must be integers": "an index must be an integer; int(...) first",
    "arrays used as indices": "positions must be integers, or a mask bool",
    "requires grad": "a tensor with a gradient becomes numbers only by .detach() or .item()",
    "must have the same shape": "what is stacked differs in length",
    "at least one array": "nothing is left to be stacked: the list is empty",
    "boolean index did not match": "a mask is used on an axis of another length than its own",
    "bitwise_and' not supported": "& binds tighter than ==; put each comparison into brackets",
    "boolean negative": "the opposite of a mask is ~mask",
    "before Module.__init__": "super().__init__() comes first in __init__",
    "'tuple' object has no": "this returns several things; unpack them, or take one by [0]",
    "float64' object is not iterable": "one number, where several values are expected",
    "shapes cannot be multiplied": "in a @ b, the last axis of a is as long as the first of b",
    "be broadcast together": "these axes do not fit: a wrong axis, or a missing [:, None]?",
    "must match the size of tensor": "these axes do not fit: a wrong axis, or a missing [:, None]?",
    "does not have a grad_fn": "the loss has no gradient: .detach(), .item() or no_grad cut it off",
    "array with dim 3": "sklearn wants one row a sample; join trials and time: reshape(-1, n)",
    "a rate is zero, negative": "is the prediction given where the counts belong, or 0 somewhere?",
    "duplicate entries": "several rows have the same labels; take their mean (pivot_table)",
    "cannot be empty": "nothing is left to draw from",
    "divide by zero": "a division by zero",
    "Singular matrix": "this matrix has no inverse",
    "is not defined": "a name that is spelled otherwise, or defined in no cell so far",
    "referenced before assignment": "a variable is used before it has a value",
    "not associated with a value": "a variable is used before it has a value",
    "cannot unpack non-iterable": "one thing is returned where several are expected",
    "values to unpack": "another number of things is unpacked than there are",
    "'function' object has no attribute": "a column that is named like a method: table['name']",
    "shape of the mask": "a mask is used on an axis of another length than its own",
    "out of bounds": "a position past the end of that axis: off by one, or another axis is meant",
    "does not support operation": "text among the numbers; choose the columns of numbers",
    "'NoneType'": "something is None; a method that works in place returns None",
    "maximum recursion": "the function calls itself without an end",
}


def cause_of_error(error: BaseException) -> str:
    """What an error usually means, or ""."""
    text = str(error)
    return next((meaning for part, meaning in _ERRORS.items() if part in text), "")


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
    if any(got is None for got, _ in pairs):
        return "", ""
    if isinstance(pairs[0][1], tuple):
        if len(pairs[0][1]) == 2 and all(
            isinstance(got, Mapping) and same((list(got), list(got.values())), want, tolerance)
            for got, want in pairs
        ):
            return "", "the right values as a dict; its keys and its values are asked for"
        return _explain_parts(pairs, inputs, tolerance)
    if all(isinstance(got, tuple) and len(got) > 1 for got, _ in pairs):
        for k in range(min(len(got) for got, _ in pairs)):
            if all(same(got[k], want, tolerance) for got, want in pairs):
                return "", f"several are returned; number {k + 1} of them alone is asked for"
    if isinstance(pairs[0][1], Mapping):
        if any(not isinstance(got, Mapping) or set(got) != set(want) for got, want in pairs):
            return "", ""
        by_key: dict[str, list] = {k: [(g[k], w[k]) for g, w in pairs] for k in pairs[0][1]}
        return _explain_first(by_key, inputs, tolerance)
    arrays = []
    for got, expected in pairs:
        a, b = as_array(got), as_array(expected)
        if a is None or b is None or not b.size:
            return "", ""
        if a.dtype.kind not in "iufb" or b.dtype.kind not in "iufb":
            return "", ""
        arrays.append((a, b))
    if any(a.shape != b.shape for a, b in arrays):
        return "", _cause_of_shape(arrays, tolerance)
    if unfilled := _cause_of_unfilled(arrays, tolerance):
        return "", unfilled
    if not all(np.isfinite(a[np.isfinite(b)]).all() for a, b in arrays):
        return "", ""
    if any(np.isnan(b).any() for _, b in arrays) and all(
        a.dtype.kind in "iu" and close(a[~np.isnan(b)], b[~np.isnan(b)], tolerance).all()
        for a, b in arrays
    ):
        return "", "whole numbers (int) hold no NaN; what should be NaN becomes some number"
    if all(b.dtype == bool for _, b in arrays):
        swapped = all((a.astype(float) == 1 - b.astype(float)).all() for a, b in arrays)
        return "", "True and False are swapped" if swapped else ""
    return _explain_values(arrays, inputs, tolerance)


def _explain_parts(
    pairs: Sequence[tuple[Any, Any]], inputs: Sequence[Mapping[str, Any]], tolerance: float
) -> tuple[str, str]:
    n = len(pairs[0][1])
    if all(type(part) is int for part in pairs[0][1]):
        return "", ""  # a shape
    if all(same(got, want[k], tolerance) for got, want in pairs for k in [0]) and n > 1:
        return "", f"only the first of the {n} results is returned"
    for k in range(1, n):
        if all(same(got, want[k], tolerance) for got, want in pairs):
            return "", f"only result {k + 1} of the {n} is returned"
    if any(not hasattr(got, "__len__") or len(got) != n for got, _ in pairs):
        for k in range(n):
            if all(same(got, (*want[:k], *want[k + 1 :]), tolerance) for got, want in pairs):
                return "", f"result {k + 1} of the {n} is missing"
        return "", ""
    for order in permutations(range(n)):
        if order != tuple(range(n)) and all(
            same(tuple(got[k] for k in order), want, tolerance) for got, want in pairs
        ):
            return "", "the right results, returned in another order"
    return _explain_first(
        {str(k): [(g[k], w[k]) for g, w in pairs] for k in range(n)}, inputs, tolerance
    )


def _explain_first(
    columns: Mapping[str, list], inputs: Sequence[Mapping[str, Any]], tolerance: float
) -> tuple[str, str]:
    """Of the first part that is wrong. A symptom is left to the comparison, which names the "
    "part."""
    for column in columns.values():
        if not all(same(got, want, tolerance) for got, want in column):
            return "", explain(column, inputs, tolerance)[1]
    return "", ""


def _cause_of_shape(arrays: _Arrays, tolerance: float) -> str:
    def equal(a: Any, b: np.ndarray) -> bool:
        return np.shape(a) == b.shape and bool(close(np.asarray(a), b, tolerance).all())

    if all(
        a.ndim == b.ndim <= 4 and any(equal(a.transpose(p), b) for p in permutations(range(a.ndim)))
        for a, b in arrays
    ):
        return "the right values with the axes in another order (transposed)"
    if all(equal(a.squeeze(), b.squeeze()) for a, b in arrays):
        return "the right values with an axis of length 1 too many or too few (keepdims?)"
    if all(a.size == b.size and equal(a.reshape(b.shape), b) for a, b in arrays):
        return "the right values in another shape"
    n_mine, n_right = arrays[0][0].ndim, arrays[0][1].ndim
    if all((a.ndim, b.ndim) == (n_mine, n_right) for a, b in arrays):
        for axes in combinations(range(max(n_mine, n_right)), abs(n_mine - n_right)):
            which = ", ".join(map(str, axes))
            for word, reduced in (("averaged", np.nanmean), ("summed", np.nansum)):
                if n_mine > n_right and all(equal(reduced(a, axis=axes), b) for a, b in arrays):
                    return f"to be {word} over axis {which} too"
                if n_mine < n_right and all(equal(a, reduced(b, axis=axes)) for a, b in arrays):
                    return f"{word} over axis {which} of the result too"
    if all(a.size == 1 < b.size for a, b in arrays):
        for word, one in (
            ("largest", np.nanmax),
            ("smallest", np.nanmin),
            ("median", np.nanmedian),
        ):
            if all(equal(a.item(), np.asarray(one(b))) for a, b in arrays):
                return f"one number, the {word} of those that are asked for"
    for word, k in (("first", 0), ("last", -1)):
        for axis in range(max(n_mine, n_right)):
            if all(axis < b.ndim and b.shape[axis] > 1 for _, b in arrays) and all(
                equal(a, b.take(k, axis)) or equal(a, b.take([k], axis)) for a, b in arrays
            ):
                return f"only the {word} along axis {axis} of the result is returned"
            if all(axis < a.ndim and a.shape[axis] > 1 for a, _ in arrays) and all(
                equal(a.take(k, axis), b) for a, b in arrays
            ):
                return f"the right values are the {word} of several; return these alone"
    if all(a.ndim == b.ndim == 1 for a, b in arrays):
        if all(equal(a[1:], b) or equal(a[:-1], b) for a, b in arrays):
            return "one element too many (off by one?)"
        if all(equal(a, b[1:]) or equal(a, b[:-1]) for a, b in arrays):
            return "one element too few (off by one?)"
    if all(a.ndim == b.ndim > 0 and a.shape[1:] == b.shape[1:] for a, b in arrays):
        if all(0 < len(a) < len(b) for a, b in arrays):
            without = [_left_out(a, b, tolerance) for a, b in arrays]
            if all(without):
                if all(np.isnan(b[out]).all() for out, (_, b) in zip(without, arrays, strict=True)):
                    return "what is NaN is left out; it has to stay in its place"
                return f"the right values, but some are left out, such as number {without[0][0]}"
        elif all(len(a) >= len(b) > 0 for a, b in arrays):
            extra = [_left_out(b, a, tolerance) for a, b in arrays if len(a) > len(b)]
            if all(extra):
                return f"the right values, and others too many, such as number {extra[0][0]}"
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


def _cause_of_unfilled(arrays: _Arrays, tolerance: float) -> str:
    """Right values but for places that are 0 or NaN throughout, as they were made."""
    wrong = [~close(a, b, tolerance) for a, b in arrays]
    for empty, value in (("0", 0.0), ("NaN", np.nan)):
        if not all(
            w.any() and not w.all() and np.array_equal(a[w], np.full(w.sum(), value), True)
            for w, (a, _) in zip(wrong, arrays, strict=True)
        ):
            continue
        if all(w.ndim == 2 and w.shape[0] == w.shape[1] > 2 for w in wrong):
            for triangle, word in ((np.tril, "above"), (np.triu, "below")):
                if all((triangle(w, -1 if word == "above" else 1) == w).all() for w in wrong):
                    return f"only {word} the diagonal; [i, j] and [j, i] are both to be filled in"
        for axis in range(min(w.ndim for w in wrong)):
            others = [tuple(k for k in range(w.ndim) if k != axis) for w in wrong]
            there = [np.asarray(w.any(axis=o)) for w, o in zip(wrong, others, strict=True)]
            for word, k in (("last", -1), ("first", 0)):
                if all(len(t) > 2 and t[k] and t.sum() == 1 for t in there):
                    return (
                        f"the {word} along axis {axis} of the result stays {empty} (does a loop "
                        f"{'end early' if k else 'begin late'}?)"
                    )
                rest = [t[1:] if k else t[:-1] for t in there]
                if all(
                    len(r) > 1 and r.all() and not t[0 if k else -1]
                    for r, t in zip(rest, there, strict=True)
                ):
                    which = "first" if k else "last"
                    return f"only the {which} along axis {axis} of the result is filled in"
    return ""


def _explain_values(
    arrays: _Arrays, inputs: Sequence[Mapping[str, Any]], tolerance: float
) -> tuple[str, str]:
    got = np.concatenate([a.ravel() for a, _ in arrays]).astype(float)
    expected = np.concatenate([b.ravel() for _, b in arrays]).astype(float)
    if got.size < 2 or np.isnan(expected).all():
        return "", ""

    def equal(other: Any) -> bool:
        return bool(close(got, np.asarray(other, float), tolerance).all())

    if equal(-expected):
        return "", "the sign is the wrong way round"
    factors = [_factor(a, b, tolerance) for a, b in arrays]
    if all(factor is not None for factor in factors):
        found = _named_factor([float(f) for f in factors if f is not None], inputs, expected)
        if any(found):
            return found
    if named := _named_offset(arrays, inputs, tolerance):
        return "", named
    offset = float(np.nanmedian(got - expected))
    if offset and equal(expected + offset):
        by = f"every value is {abs(offset):.4g} too {'large' if offset > 0 else 'small'}"
        return by, "off by one?" if abs(offset) == 1 else ""
    if changed := _changed_values(got, expected, equal):
        return "", changed
    if (np.abs(expected) != np.abs(expected).mean()).any():
        if equal(np.sqrt(np.abs(expected))):
            return "", "a square root too many"
        if equal(expected**2):
            return "", "a square root is missing, or a square too many"
    return "", _cause_of_order(arrays, tolerance)


def _changed_values(got: np.ndarray, expected: np.ndarray, equal: Callable[[Any], bool]) -> str:
    """What was done with the right values at the end, one by one."""
    if equal(expected):
        return ""
    # Of two values, as of yes and no, much is equal by chance.
    if (expected != np.round(expected)).any() and len(np.unique(got)) > 2:
        for word, rounded in (("down", np.floor), ("", np.round), ("up", np.ceil)):
            if equal(rounded(expected)):
                return f"rounded {word}".strip() + ", where fractions are asked for"
    if len(np.unique(expected)) < 2:
        return ""
    for decimals in range(1, 6):
        if equal(np.round(expected, decimals)):
            return f"rounded to {decimals} decimals; leave the values as they are"
    if (expected < 0).any():
        if equal(np.maximum(expected, 0)):
            return "negative values are cut off at 0; they are right as they are"
        if equal(np.abs(expected)):
            return "the sign is lost (an absolute value)"
    for made, what in (
        (1 - expected, "1 minus the right value"),
        (np.exp2(np.minimum(expected, 99)), "2 to the power of the right value"),
        (np.exp(np.minimum(expected, 99)), "e to the power of the right value"),
    ):
        if equal(made):
            return what
    return ""


def _factor(a: np.ndarray, b: np.ndarray, tolerance: float) -> float | None:
    """By what all of b has to be multiplied to give a."""
    there = np.isfinite(b) & (np.abs(b) > 1e-12)
    if not there.any():
        return None
    factor = float(np.median(a[there] / b[there]))
    return factor if factor and close(a, factor * b, tolerance).all() else None


def _numbers(inputs: Mapping[str, Any]) -> dict[str, float]:
    """What a factor may be: an argument that is a number, or the length of axes of an array."""
    found: dict[str, float] = {}
    for name, value in inputs.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = float(value)
        shape = getattr(value, "shape", ())
        if isinstance(value, np.ndarray) and value.dtype == bool:
            found[f"the number of True in {name}"] = float(value.sum())
        for axis, length in enumerate(shape):
            found[f"axis {axis} of {name}"] = float(length)
        for one, other in combinations(range(len(shape)), 2):
            found[f"axes {one} and {other} of {name}"] = float(shape[one] * shape[other])
    return found


def _named_factor(
    factors: list[float], inputs: Sequence[Mapping[str, Any]], expected: np.ndarray
) -> tuple[str, str]:
    numbers = [_numbers(each) for each in inputs]
    shown = ", then ".join(dict.fromkeys(f"{factor:.4g}" for factor in factors[:2]))
    symptom = f"every value is {shown} times the right one"
    if all(math.isclose(f, 1, rel_tol=1e-2) for f in factors):
        return "", ""

    def are(values: list[float]) -> bool:
        return all(math.isclose(f, v, rel_tol=1e-4) for f, v in zip(factors, values, strict=True))

    for name in numbers[0] if numbers else ():
        values = [each.get(name, math.nan) for each in numbers]
        length = name.startswith(("ax", "the number"))
        count = f"the length of {name}" if name.startswith("ax") else name
        if are(values):
            if length:
                return symptom, f"summed over {name}, where a mean is asked for"
            return symptom, f"multiplied by {name} once too often, or not divided by it"
        if all(values) and are([1 / v for v in values]):
            return symptom, f"divided by {count} once too often"
        if length and all(v > 1 for v in values):
            if are([v / (v - 1) for v in values]):
                return symptom, f"divided by {count} less one (ddof=1)"
            if are([(v - 1) / v for v in values]):
                return symptom, f"divided by {count}, not by one less (ddof=1)"
            if are([v - 1 for v in values]):
                return symptom, f"not divided by {count} less one"
            if all(v > 2 for v in values) and are([(v - 1) / (v - 2) for v in values]):
                return symptom, f"divided by {count} less two, where it is less one"
    if named := _named_ratio(factors, numbers):
        return symptom, named
    if any(not math.isclose(f, factors[0], rel_tol=1e-4) for f in factors) or expected.size < 2:
        several = len(expected) > len(factors)  # of one value in each case, any factor will do
        return (symptom, "") if several else ("", "")
    if math.isclose(factors[0], 100, rel_tol=1e-3) and np.nanmax(np.abs(expected)) <= 1:
        return symptom, "a percentage, where a share is asked for"
    near = (text for f, text in _FACTORS.items() if math.isclose(factors[0], f, rel_tol=1e-3))
    return symptom, next(near, "")


def _named_ratio(factors: list[float], numbers: list[dict[str, float]]) -> str:
    """A number in another's place, or written out: only what one pair of them explains."""
    found = set()
    names = [name for name in numbers[0] if all(each.get(name) for each in numbers)]
    for name in (name for name in names if "axis" not in name):
        for sign, where in ((1, "not divided by it"), (-1, "not multiplied by it")):
            constants = [f * n[name] ** -sign for f, n in zip(factors, numbers, strict=True)]
            alike = all(math.isclose(c, constants[0], rel_tol=1e-4) for c in constants)
            varies = any(n[name] != numbers[0][name] for n in numbers)
            if alike and varies and any(_is_round(c) for c in (constants[0], 1 / constants[0])):
                found.add(f"a number stands where {name} belongs ({where})")
    for one, other in permutations(names, 2):
        if "axis" not in one or "axis" not in other:
            continue
        for less in (0, 1):
            ratios = [(n[one] - less) / max(n[other] - less, 0.1) for n in numbers]
            if all(math.isclose(f, r, rel_tol=1e-6) for f, r in zip(factors, ratios, strict=True)):
                found.add(f"divided by the length of {other}, where {one} belongs")
    return found.pop() if len(found) == 1 else ""


def _is_round(value: float) -> bool:
    """Whether it has at most two digits, as numbers that are written out have."""
    return math.isclose(value, float(f"{value:.1e}"), rel_tol=1e-4)


def _named_offset(arrays: _Arrays, inputs: Sequence[Mapping[str, Any]], tolerance: float) -> str:
    for name in _numbers(inputs[0]) if inputs else ():
        for sign, text in ((1, "added"), (-1, "taken away")):
            values = [_numbers(each).get(name, math.nan) for each in inputs]
            if all(
                v and close(a, b + sign * v, tolerance).all()
                for v, (a, b) in zip(values, arrays, strict=True)
            ):
                return f"{name} is {text} once too often, or on the wrong side"
    return ""


def _cause_of_order(arrays: _Arrays, tolerance: float) -> str:
    def equal(a: np.ndarray, b: np.ndarray) -> bool:
        return a.shape == b.shape and bool(close(a, b, tolerance).all())

    n_axes = min(b.ndim for _, b in arrays)
    if n_axes == 0 or min(len(np.unique(b)) for _, b in arrays) < 3:
        return ""
    if all(b.ndim == 2 and equal(a.T, b) for a, b in arrays):
        return "transposed: rows and columns are swapped"
    for axis in range(n_axes):
        if all(equal(a, b.cumsum(axis)) for a, b in arrays):
            return f"each has those before it along axis {axis} added (start anew in each round)"
        if all(equal(np.flip(a, axis), b) for a, b in arrays):
            return f"axis {axis} runs backwards"
        if min(b.shape[axis] for _, b in arrays) < 4:
            continue
        early, late = ((*(slice(None),) * axis, s) for s in (slice(1, None), slice(None, -1)))
        for word, mine, right in (("late", early, late), ("early", late, early)):
            if all(equal(a[mine], b[right]) for a, b in arrays):
                return f"everything is one place too {word} along axis {axis} (off by one?)"
    if all(equal(np.sort(a, axis=None), np.sort(b, axis=None)) for a, b in arrays):
        return "the right values in another order"
    return ""


def describe_kind(value: Any) -> str:
    """Array, number, text or else, to tell which arguments can be mistaken for each other."""
    if isinstance(value, (bool, str)) or callable(value):
        return type(value).__name__
    array = as_array(value)
    return describe(value) if array is None else f"{array.ndim} {array.dtype.kind in 'US'}"
