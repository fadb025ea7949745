"""Two results compared however they are written, and what may lie behind a difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import torch

# Factors that have a name, of a wrong value to the right one.
_FACTORS = {
    100.0: "per 10 ms bin or per second?",
    0.01: "per 10 ms bin or per second?",
    1000.0: "milliseconds or seconds?",
    0.001: "milliseconds or seconds?",
    1 / math.log(2): "base 2 or natural logarithm?",
    math.log(2): "base 2 or natural logarithm?",
    2.0: "a division by two missing?",
    0.5: "a division by two too many?",
}


def difference(
    got: Any,
    expected: Any,
    *,
    tolerance: float = 1e-4,
    squeeze: bool = False,
    what: str = "the result",
) -> tuple[str, str] | None:
    """What is different in a result, and the likely cause or ""; None if nothing is.

    Numbers, lists, arrays, tensors and, where an array is expected, tables count as equal when
    their values are; tuples and dicts are compared part by part.

    Parameters
    ----------
    got, expected
        The student's result and the right one.
    tolerance, squeeze
        As in `Exercise`.
    what : str
        How the sentence begins.
    """
    found = symptom(got, expected, tolerance=tolerance, squeeze=squeeze, what=what)
    return (found, likely_cause([(got, expected)], tolerance) or "") if found else None


def symptom(
    got: Any, expected: Any, *, tolerance: float, squeeze: bool = False, what: str = "the result"
) -> str | None:
    """What is different: type, shape, NaN or the first value; None if nothing is."""
    options = {"tolerance": tolerance, "squeeze": squeeze}
    if expected is None or got is None:
        if got is expected:
            return None
        hint = " (is `return` missing?)" if got is None else ""
        return f"{what} is {describe(got)}{hint}, expected {describe(expected)}"
    if isinstance(expected, tuple):
        parts = list(got) if isinstance(got, (tuple, list, np.ndarray, torch.Tensor)) else None
        if parts is None or len(parts) != len(expected):
            return f"{what} is {describe(got)}, expected {describe(expected)}"
        pairs = {
            f"part {i + 1} of {what}": pair
            for i, pair in enumerate(zip(parts, expected, strict=True))
        }
        return _first(pairs, options)
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            return f"{what} is {describe(got)}, expected {describe(expected)}"
        if set(got) != set(expected):
            return f"{what} has keys {_listed(got)}, expected {_listed(expected)}"
        return _first({f"{what}[{key!r}]": (got[key], expected[key]) for key in expected}, options)
    if isinstance(expected, pd.DataFrame):
        if not isinstance(got, pd.DataFrame):
            return f"{what} is {describe(got)}, expected {describe(expected)}"
        if set(got.columns) != set(expected.columns):
            return f"{what} has columns {_listed(got)}, expected {_listed(expected)}"
        return _first({f"{what}[{key!r}]": (got[key], expected[key]) for key in expected}, options)
    if isinstance(expected, pd.Series) and not isinstance(got, pd.Series):
        return f"{what} is {describe(got)}, expected {describe(expected)}"
    found, wanted = as_array(got), as_array(expected)
    if (
        found is None
        or wanted is None
        or (found.dtype.kind in "USO") != (wanted.dtype.kind in "USO")
    ):
        if wanted is None and type(got) is type(expected) and got == expected:
            return None
        return f"{what} is {describe(got)}, expected {describe(expected)}"
    if squeeze and _without_ones(found.shape) == _without_ones(wanted.shape):
        found = found.reshape(wanted.shape)
    if found.shape != wanted.shape:
        return f"{what} has shape {found.shape}, expected {wanted.shape}"
    if isinstance(expected, torch.Tensor) and expected.requires_grad and not _has_gradient(got):
        return (
            f"{what} has the right shape but no gradient, so nothing can be learned from it "
            "(stay in torch: no .item(), .numpy(), .detach() or torch.no_grad())"
        )
    return _value_symptom(found, wanted, tolerance, what)


def _first(pairs: Mapping[str, tuple[Any, Any]], options: dict[str, Any]) -> str | None:
    found = (symptom(*pair, what=what, **options) for what, pair in pairs.items())
    return next((sentence for sentence in found if sentence), None)


def _value_symptom(
    got: np.ndarray, expected: np.ndarray, tolerance: float, what: str
) -> str | None:
    wrong = ~close(got, expected, tolerance)
    if not wrong.any():
        return None
    if got.dtype.kind in "fc" and expected.dtype.kind in "iufcb":
        for name, test in (("NaN", np.isnan), ("infinity", np.isinf)):
            bad = test(got) & ~test(expected.astype(got.dtype))
            if bad.any():
                return f"{what} holds {name} in {bad.sum()} of {bad.size} places"
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {list(place)}" if place else ""
    first = f"{_shown(got[place], expected[place])}, expected {_shown(expected[place], got[place])}"
    if wrong.size == 1:
        return f"{what} is {first}"
    return f"{what} differs in {wrong.sum()} of {wrong.size} values, first{where}: {first}"


def close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> np.ndarray:
    """Which elements are equal within the tolerance, relative to each and to their typical size."""
    if got.dtype.kind not in "iufcb" or expected.dtype.kind not in "iufcb":
        return np.asarray(got == expected)
    if expected.dtype.kind in "iub":
        tolerance = 1e-6  # one bin off is wrong, however late the bin
    finite = expected[np.isfinite(expected)].astype(np.result_type(expected.dtype, np.float64))
    size = float(np.sqrt((np.abs(finite) ** 2).mean())) if finite.size else 0.0
    return np.isclose(got, expected, rtol=tolerance, atol=tolerance * (size or 1), equal_nan=True)


def same(got: Any, expected: Any, tolerance: float, squeeze: bool = False) -> bool:
    """Whether two results count as equal."""
    return symptom(got, expected, tolerance=tolerance, squeeze=squeeze) is None


# ---------------------------------------------------------------------- likely causes


def likely_cause(pairs: Sequence[tuple[Any, Any]], tolerance: float) -> str | None:
    """A cause that would explain every (got, expected) pair, or None.

    Parameters
    ----------
    pairs : one for each case; a factor of one scalar alone says nothing, of several it does.
    """
    if any(got is None for got, _ in pairs):
        return None
    if isinstance(pairs[0][1], tuple):
        if any(not hasattr(got, "__len__") or len(got) != len(want) for got, want in pairs):
            return None
        columns = ([(g[i], w[i]) for g, w in pairs] for i in range(len(pairs[0][1])))
        wrong = (c for c in columns if not all(same(g, w, tolerance) for g, w in c))
        return next((likely_cause(column, tolerance) for column in wrong), None)
    arrays = [(as_array(got), as_array(expected)) for got, expected in pairs]
    if any(a is None or b is None or a.dtype.kind not in "iufb" for a, b in arrays):
        return None
    if any(b.dtype.kind not in "iufb" or not b.size for _, b in arrays):
        return None
    if any(a.shape != b.shape for a, b in arrays):
        return _cause_of_shape(arrays, tolerance)
    got = np.concatenate([a.ravel() for a, _ in arrays]).astype(float)
    expected = np.concatenate([b.ravel() for _, b in arrays]).astype(float)
    if all(b.dtype == bool for _, b in arrays):
        return "True and False are swapped" if (got == 1 - expected).all() else None
    if not np.isfinite(got[np.isfinite(expected)]).all():
        return "a logarithm or a division of zero?"
    return (
        _cause_of_value(got, expected, tolerance)
        or _cause_of_order(arrays, tolerance)
        or _cause_of_factors(arrays, tolerance)
    )


def _cause_of_shape(
    arrays: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float
) -> str | None:
    def all_pairs(test):
        return all(test(a, b) for a, b in arrays if a.shape != b.shape)

    def equal(a, b):
        return a.shape == b.shape and bool(close(a, b, tolerance).all())

    if all_pairs(
        lambda a, b: (
            a.ndim <= 4 and any(equal(a.transpose(p), b) for p in permutations(range(a.ndim)))
        )
    ):
        return "the right values with the axes in another order (transposed)"
    if all_pairs(lambda a, b: equal(a.squeeze(), b.squeeze())):
        return "the right values with an axis of length 1 too many or too few (keepdims?)"
    if all_pairs(lambda a, b: a.ndim < b.ndim):
        return "an axis too many is summed, averaged or picked away (is `axis` given?)"
    if all_pairs(lambda a, b: a.ndim > b.ndim):
        return "an axis is left that should be summed, averaged or picked away"
    if all_pairs(
        lambda a, b: sorted(abs(m - n) for m, n in zip(a.shape, b.shape, strict=True))[-1] == 1
    ):
        return "one element too many or too few along an axis (off by one?)"
    return None


def _cause_of_value(got: np.ndarray, expected: np.ndarray, tolerance: float) -> str | None:
    if got.size < 2 or np.isnan(expected).any():
        return None

    def equal(other):
        return bool(close(got, np.asarray(other, float), tolerance).all())

    if equal(-expected):
        return "the sign is the wrong way round"
    there = np.abs(expected) > 1e-12
    factors = got[there] / expected[there]
    factor = float(np.median(factors)) if factors.size else 1.0
    if factors.size > 1 and factor and equal(factor * expected):
        near = (
            text for known, text in _FACTORS.items() if math.isclose(factor, known, rel_tol=1e-3)
        )
        named = next(near, "a unit, or a sum for a mean?")
        return f"every value is {factor:.4g} times the right one ({named})"
    offset = float(np.median(got - expected))
    if offset and equal(expected + offset):
        by = f"every value is {abs(offset):.4g} too {'large' if offset > 0 else 'small'}"
        return f"{by} (off by one?)" if abs(offset) == 1 else by
    whole, fractions = (got == np.round(got)).all(), (expected != np.round(expected)).any()
    if got.any() and whole and fractions and (np.abs(got - expected) < 1 + 1e-6).all():
        return "rounded: / gives fractions, //, int() and round() do not"
    if equal(np.sqrt(np.abs(expected))):
        return "a square root too many"
    return "a square root is missing" if equal(expected**2) else None


def _cause_of_factors(
    arrays: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float
) -> str | None:
    """One factor for each case: what is missing depends on the inputs."""
    factors = []
    for got, expected in arrays:
        there = np.abs(expected) > 1e-12
        if there.sum() < 2:
            return None
        factors.append(float(np.median(got[there] / expected[there])))
        if not factors[-1] or not close(got, factors[-1] * expected, tolerance).all():
            return None
    shown = ", then ".join(f"{factor:.4g}" for factor in factors[:2])
    return (
        f"every value is {shown} times the right one (a factor that depends on the input, such as "
        "a number of bins or their size, is missing or too many)"
    )


def _cause_of_order(
    arrays: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float
) -> str | None:
    def all_pairs(test):
        return all(bool(close(*pair, tolerance).all()) for a, b in arrays for pair in [test(a, b)])

    n_axes = min(b.ndim for _, b in arrays)
    if n_axes == 0:
        return None
    if all(len(set(b.shape)) == 1 for _, b in arrays) and all_pairs(lambda a, b: (a.T, b)):
        return "transposed: rows and columns are swapped"
    for axis in range(n_axes):
        if all_pairs(lambda a, b, axis=axis: (np.flip(a, axis), b)):
            return f"axis {axis} runs backwards"
        if min(b.shape[axis] for _, b in arrays) < 4:
            continue
        for early, late in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):

            def cut(a, b, axis=axis, early=early, late=late):
                index = (slice(None),) * axis
                return a[(*index, early)], b[(*index, late)]

            if all_pairs(cut):
                direction = "late" if early == slice(1, None) else "early"
                return f"everything is one bin too {direction} along axis {axis} (off by one?)"
    if all_pairs(lambda a, b: (np.sort(a, axis=None), np.sort(b, axis=None))):
        return "the right values in another order"
    return None


# ---------------------------------------------------------------------- kinds of results


def as_array(value: Any) -> np.ndarray | None:
    """Numbers, strings, lists, tensors and tables as an array; None for anything else."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, (pd.Series, pd.DataFrame, pd.Index)):
        array = value.to_numpy()
        return array.astype(object) if array.dtype.kind not in "iufcb" else array
    if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex, str)):
        return np.asarray(value)
    if isinstance(value, (list, tuple, range)):
        parts = [as_array(part) for part in value]
        if all(part is not None and part.shape == parts[0].shape for part in parts):
            return np.asarray(parts)
    return None


def needs_converting(got: Any, expected: Any) -> bool:
    """Whether a result with the right values is of another kind than the cells after it expect."""
    if isinstance(expected, tuple):
        return type(got) is not tuple or any(map(needs_converting, got, expected))
    if isinstance(expected, torch.Tensor):
        return not isinstance(got, torch.Tensor) or got.dtype != expected.dtype
    if isinstance(expected, np.ndarray):
        return not isinstance(got, np.ndarray) or got.dtype.kind != expected.dtype.kind
    if isinstance(expected, (bool, int, float, np.generic)):
        return not isinstance(got, (bool, int, float, np.generic))
    return False


def converted(got: Any, expected: Any) -> Any:
    """A result as the same kind as another: list -> array, float64 -> float32 tensor and so on."""
    if not needs_converting(got, expected):
        return got
    if isinstance(expected, tuple):
        return tuple(map(converted, got, expected))
    if isinstance(expected, torch.Tensor):
        tensor = got if isinstance(got, torch.Tensor) else torch.as_tensor(as_array(got))
        return tensor.to(expected.dtype)
    if isinstance(expected, np.ndarray):
        return as_array(got).astype(expected.dtype)
    return as_array(got).item()


def describe(value: Any) -> str:
    """A value in a few words: what it is, and of which shape."""
    if value is None:
        return "None"
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim:
        name = "a tensor" if isinstance(value, torch.Tensor) else "an array"
        return f"{name} of shape {tuple(value.shape)}"
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return f"a {type(value).__name__} of shape {value.shape}"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, float, np.generic)):
        return f"the number {value:.4g}"
    if isinstance(value, torch.Tensor):
        return "a tensor with one number"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    name = type(value).__name__
    extra = " (return the value, do not yield it)" if name == "generator" else ""
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}{extra}"


def _has_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _listed(keys: Any) -> str:
    return ", ".join(sorted(map(str, keys))) or "none"


def _shown(value: Any, other: Any) -> str:
    """A number with as many digits as it takes to tell it from the other."""
    if not isinstance(value, np.generic) or value.dtype.kind not in "iuf":
        return repr(value.item() if isinstance(value, np.generic) else value)
    formats = (f".{n}g" for n in (4, 6, 9))
    return next(
        (format(value, f) for f in formats if format(value, f) != format(other, f)), str(value)
    )
