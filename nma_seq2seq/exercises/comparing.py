"""Two results compared however they are written: what is different, in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from nma_seq2seq.exercises.samples import Sample


def symptom(
    got: Any, expected: Any, *, tolerance: float, squeeze: bool = False, what: str = "the result"
) -> str | None:
    """What is different: type, shape, NaN or the first value; None if nothing is.

    Numbers, lists, arrays, tensors and, where an array is expected, tables count as equal when
    their values are; tuples and dicts are compared part by part, tables by their labels.

    Parameters
    ----------
    got, expected
        The student's result and the right one.
    tolerance, squeeze
        As in `Exercise`.
    what : str
        How the sentence begins.
    """
    options = {"tolerance": tolerance, "squeeze": squeeze}
    if expected is None or got is None:
        if got is expected:
            return None
        hint = " (is `return` missing?)" if got is None else ""
        return f"{what} is {describe(got)}{hint}, expected {describe(expected)}"
    if isinstance(expected, Sample):
        return got.unlike(expected, what)
    if isinstance(expected, tuple):
        parts = [] if isinstance(got, Mapping) else list(parts_of(got).values())
        if len(parts) != len(expected):
            return f"{what} is {describe(got)}, expected {describe(expected)}"
        if all(type(part) is int for part in expected):  # a shape is said as a whole
            if parts == list(expected):
                return None
            return f"{what} is {tuple(parts)}, expected {expected}"
        pairs = {f"part {i + 1}": pair for i, pair in enumerate(zip(parts, expected, strict=True))}
        return _first(pairs, options)
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            return f"{what} is {describe(got)}, expected {describe(expected)}"
        if set(got) != set(expected):
            lacks, more = (_listed(set(a) - set(b)) for a, b in ((expected, got), (got, expected)))
            said = [f"lacks {lacks}"] * bool(lacks) + [f"has {more}"] * bool(more)
            return f"{what or 'the result'} {' and '.join(said)}"
        named = {f"{what}[{key!r}]" if what else str(key): key for key in expected}
        return _first({name: (got[key], expected[key]) for name, key in named.items()}, options)
    if isinstance(expected, pd.DataFrame):
        if not isinstance(got, pd.DataFrame):
            return f"{what} is {describe(got)}, expected {describe(expected)}"
        for kind in ("columns", "index"):
            labels, needed = list(getattr(got, kind)), list(getattr(expected, kind))
            if sorted(map(str, labels)) != sorted(map(str, needed)):
                return f"{what} has the {kind} {_listed(labels)}, expected {_listed(needed)}"
        got = got.reindex(index=expected.index, columns=expected.columns)
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
    if squeeze and without_ones(found.shape) == without_ones(wanted.shape):
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
                rest = "" if bad.sum() < wrong.sum() or bad.all() else "; the others are right"
                return f"{what} holds {name} in {bad.sum()} of {bad.size} places{rest}"
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    first = f"{shown(got[place], expected[place])}, expected {shown(expected[place], got[place])}"
    if wrong.size == 1:
        return f"{what} is {first}"
    return (
        f"{what} differs in {wrong.sum()} of {wrong.size} values, first at {list(place)}: {first}"
    )


def close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> np.ndarray:
    """Which elements are equal within the tolerance, relative to each and to their typical size."""
    if got.dtype.kind not in "iufcb" or expected.dtype.kind not in "iufcb":
        return np.asarray(got == expected)
    if expected.dtype.kind in "iub":
        tolerance = 1e-6  # one bin off is wrong, however late the bin
    finite = expected[np.isfinite(expected)].astype(np.result_type(expected.dtype, np.float64))
    size = float(np.sqrt((np.abs(finite) ** 2).mean())) if finite.size else 0.0
    # A hundredth of it, so that one busy neuron does not excuse what is rounded at all others.
    small = tolerance * (0.01 * size or 1)
    return np.isclose(got, expected, rtol=tolerance, atol=small, equal_nan=True)


def same(got: Any, expected: Any, tolerance: float, squeeze: bool = False) -> bool:
    """Whether two results count as equal."""
    return symptom(got, expected, tolerance=tolerance, squeeze=squeeze) is None


# ---------------------------------------------------------------------- kinds of results


def as_array(value: Any) -> np.ndarray | None:
    """Numbers, strings, lists, tensors and tables as an array; None for anything else."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, (pd.Series, pd.DataFrame, pd.Index)):
        return _plain(value.to_numpy())
    if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex, str)):
        return _plain(np.asarray(value))
    if isinstance(value, (list, tuple, range)):
        parts = [array for part in value if (array := as_array(part)) is not None]
        if len(parts) == len(value) and all(part.shape == parts[0].shape for part in parts):
            return np.asarray(parts)
    return None


def _plain(array: np.ndarray) -> np.ndarray:
    """Numbers that are kept as objects, as numbers."""
    if array.dtype.kind != "O" or any(isinstance(v, str) or v is None for v in array.flat):
        return array
    try:
        return array.astype(float)
    except (TypeError, ValueError):
        return array


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
    array = as_array(got)
    assert array is not None  # it has been compared
    return array.astype(expected.dtype) if isinstance(expected, np.ndarray) else array.item()


def describe(value: Any) -> str:
    """A value in a few words: what it is, and of which shape."""
    if value is None:
        return "None"
    if isinstance(value, (torch.Tensor, np.ndarray)):
        name = "a tensor" if isinstance(value, torch.Tensor) else "an array"
        return f"{name} of shape {tuple(value.shape)}" if value.ndim else f"{name} with one value"
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return f"a {type(value).__name__} of shape {value.shape}"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, float, np.generic)):
        return f"the number {value:.4g}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Sample):
        return str(value)
    name = type(value).__name__
    extra = " (return the value, do not yield it)" if name == "generator" else ""
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}{extra}"


def summary(value: Any) -> str:
    """An input: itself if it is short, else what it is and its first values."""
    array = as_array(value)
    if array is None or array.size <= 6 or not array.ndim:
        return repr(value) if array is None else str(array.tolist())
    return f"{describe(value)}: {', '.join(_cell(v) for v in array.flat[:4])}, ..."


def side_by_side(got: Any, expected: Any, tolerance: float, most: int = 10) -> pd.DataFrame:
    """The first places where two results differ: `yours` and `expected`, a row each."""
    rows: dict[str, tuple[str, str]] = {}
    for place, mine, right in _places("", got, expected):
        a, b = np.asarray(mine), np.asarray(right)
        numbers = a.shape == b.shape and a.dtype.kind in "iufcb" and b.dtype.kind in "iufcb"
        if numbers and close(a, b, tolerance).all():
            continue
        if len(rows) < most and str(mine) != str(right):
            rows[place or "the result"] = _cell(mine), _cell(right)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["yours", "expected"])


def _places(place: str, got: Any, expected: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each single value of two results, with where it stands."""
    if isinstance(expected, Sample) and got.unlike(expected, place) is None:
        return
    parts = parts_of(got)
    if parts and isinstance(expected, tuple) and not isinstance(got, Mapping):
        for k, right in enumerate(expected):
            yield from _places(f"{place}part {k + 1} ", parts.get(k), right)
        return
    if parts and isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key, right in expected.items():
            yield from _places(f"{place}{key} ", parts.get(key), right)
        return
    if isinstance(expected, pd.DataFrame) and isinstance(got, pd.DataFrame):
        for row in expected.index:
            for column in expected.columns:
                there = row in got.index and column in got.columns
                value = got.loc[row, column] if there else "not there"
                yield f"[{row}, {column}]", value, expected.loc[row, column]
        return
    a, b = as_array(got), as_array(expected)
    if a is None or b is None:
        yield place.strip(), describe(got), describe(expected)
    elif a.shape != b.shape:
        yield f"{place}shape", a.shape, b.shape
        for k, (mine, right) in enumerate(zip(a.flat, b.flat, strict=False)):
            yield f"{place}value {k}", mine, right
    else:
        for index in np.ndindex(a.shape):
            yield f"{place}{list(index) if index else ''}".strip(), a[index], b[index]


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def _has_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes of length 1."""
    return tuple(n for n in shape if n != 1)


def parts_of(value: Any) -> dict[Any, Any]:
    """What several results in one consist of, by key or place; nothing of anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    is_one_number = not getattr(value, "ndim", True)
    if isinstance(value, (tuple, list, np.ndarray, torch.Tensor)) and not is_one_number:
        return dict(enumerate(value))
    return {}


def _listed(keys: Any) -> str:
    names = sorted(map(str, keys))
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def shown(value: Any, other: Any) -> str:
    """A number with as many digits as it takes to tell it from the other."""
    if not isinstance(value, np.generic) or value.dtype.kind not in "iuf":
        return repr(value.item() if isinstance(value, np.generic) else value)
    formats = (f".{n}g" for n in (4, 6, 9))
    return next(
        (format(value, f) for f in formats if format(value, f) != format(other, f)), str(value)
    )
