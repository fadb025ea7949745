"""Two results compared however they are written: what is different, in a few words."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from nma_seq2seq.exercises.samples import Sample


def symptom(got: Any, expected: Any, *, tolerance: float, what: str = "the result") -> str | None:
    """What is different: type, shape, NaN or the first value; None if nothing is.

    Numbers, lists, arrays, tensors and, where an array is expected, tables count as equal when
    their values are; tuples and dicts are compared part by part, tables by their labels.

    Parameters
    ----------
    got, expected
        The student's result and the right one.
    tolerance : float
        As in `Exercise`.
    what : str
        How the sentence begins.
    """
    found = (_of_one(*part, tolerance) for part in parts(got, expected, what))
    return next((sentence for sentence in found if sentence), None)


def same(got: Any, expected: Any, tolerance: float) -> bool:
    """Whether two results count as equal."""
    return symptom(got, expected, tolerance=tolerance) is None


def parts(got: Any, expected: Any, what: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The single results of which two consist: what each is called, and both of it.

    Where they consist of other things, such as a dict with other keys, the whole of them.
    """
    if isinstance(expected, tuple) and not _is_shape(expected):
        mine = [] if isinstance(got, Mapping) else _listed_parts(got)
        if len(mine) == len(expected):
            for k, right in enumerate(expected):
                yield from parts(mine[k], right, f"part {k + 1}")
            return
    elif isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key in (key for key in expected if key in got):
            yield from parts(got[key], expected[key], f"{what}[{key!r}]" if what else str(key))
        if set(got) == set(expected):
            return
    yield what, _in_order(got, expected), expected


def _in_order(got: Any, expected: Any) -> Any:
    """A table with its rows and columns in the order of another, if it has the same."""
    if not _are_tables(got, expected) or _other_labels(got, expected):
        return got
    return got.reindex(index=expected.index, columns=expected.columns)


def _are_tables(got: Any, expected: Any) -> bool:
    return isinstance(got, pd.DataFrame) and isinstance(expected, pd.DataFrame)


def _other_labels(got: pd.DataFrame, expected: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Which labels two tables have, as columns or index, where these are not the same."""
    labels = {kind: (getattr(got, kind), getattr(expected, kind)) for kind in ("columns", "index")}
    return {
        kind: (_listed(mine), _listed(right))
        for kind, (mine, right) in labels.items()
        if sorted(map(str, mine)) != sorted(map(str, right))
    }


def _is_shape(value: Any) -> bool:
    """Whether it is said as a whole, such as (3, 4)."""
    return isinstance(value, tuple) and all(type(part) is int for part in value)


def _listed_parts(value: Any) -> list[Any]:
    several = isinstance(value, (tuple, list, np.ndarray, torch.Tensor))
    return list(value) if several and getattr(value, "ndim", True) else []


def _of_one(what: str, got: Any, expected: Any, tolerance: float) -> str | None:
    what = what or "the result"
    if isinstance(got, Sample) and isinstance(expected, Sample):
        return got.unlike(expected, what)
    if _is_shape(expected) and len(shape := _listed_parts(got)) == len(expected):
        return None if shape == list(expected) else f"{what} is {tuple(shape)}, expected {expected}"
    if isinstance(got, Mapping) and isinstance(expected, Mapping):
        lacks, more = (_listed(set(a) - set(b)) for a, b in ((expected, got), (got, expected)))
        said = [f"lacks {lacks}"] * bool(lacks) + [f"has {more}"] * bool(more)
        return f"{what} {' and '.join(said)}"
    if _are_tables(got, expected):
        for kind, (labels, needed) in _other_labels(got, expected).items():
            return f"{what} has the {kind} {labels}, expected {needed}"
    found, wanted = as_array(got), as_array(expected)
    if found is None or wanted is None or not _comparable(got, expected, found, wanted):
        is_one = found is wanted is None and not isinstance(expected, tuple)
        if is_one and type(got) is type(expected) and got == expected:
            return None
        hint = " (is `return` missing?)" if got is None else ""
        return f"{what} is {describe(got)}{hint}, expected {describe(expected)}"
    if found.shape != wanted.shape:
        return f"{what} has shape {found.shape}, expected {wanted.shape}"
    if _has_gradient(expected) and not _has_gradient(got):
        return (
            f"{what} has the right shape but no gradient, so nothing can be learned from it "
            "(stay in torch: no .item(), .numpy(), .detach() or torch.no_grad())"
        )
    return _value_symptom(found, wanted, tolerance, what)


def _comparable(got: Any, expected: Any, found: np.ndarray, wanted: np.ndarray) -> bool:
    if isinstance(expected, (pd.DataFrame, pd.Series)) and not isinstance(got, type(expected)):
        return False
    of_text = found.dtype.kind in "USO", wanted.dtype.kind in "USO"
    return not isinstance(expected, tuple) and of_text[0] == of_text[1]


def _has_gradient(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


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


def converted(got: Any, expected: Any) -> Any:
    """A result as the kind that the cells after it expect, such as an array for a list.

    It is the result itself where it is of that kind.
    """
    if isinstance(expected, tuple):
        made = tuple(map(converted, got, expected))
        return got if type(got) is tuple and all(map(operator.is_, made, got)) else made
    if isinstance(expected, torch.Tensor):
        tensor = got if isinstance(got, torch.Tensor) else torch.as_tensor(as_array(got))
        return tensor.to(expected.dtype)
    if isinstance(expected, np.ndarray):
        if isinstance(got, np.ndarray) and got.dtype.kind == expected.dtype.kind:
            return got
        return np.asarray(as_array(got), expected.dtype)
    numbers = (bool, int, float, np.generic)
    if isinstance(expected, numbers) and not isinstance(got, numbers):
        return np.asarray(as_array(got)).item()
    return got


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
    if isinstance(value, (tuple, list, dict)):
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
    return f"{describe(value)}: {', '.join(map(shown, array.flat[:4]))}, ..."


def side_by_side(got: Any, expected: Any, tolerance: float, most: int = 10) -> pd.DataFrame:
    """The first places where two results differ: `yours` and `expected`, a row each."""
    rows: dict[str, tuple[str, str]] = {}
    for what, mine, right in parts(got, expected):
        if _of_one(what, mine, right, tolerance) is not None:
            rows |= _beside(what, mine, right, tolerance, most)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["yours", "expected"])
    return table.head(most)


def _beside(
    what: str, got: Any, expected: Any, tolerance: float, most: int
) -> dict[str, tuple[str, str]]:
    if isinstance(got, Sample) and isinstance(expected, Sample):
        return got.beside(expected, what)
    if _are_tables(got, expected) and (labels := _other_labels(got, expected)):
        return labels
    a, b = as_array(got), as_array(expected)
    if a is None or b is None:
        return {what or "the result": (describe(got), describe(expected))}
    if a.shape != b.shape:
        pairs = enumerate(zip(a.flat[:most], b.flat[:most], strict=False))
        values = {f"value {k}": (shown(one, other), shown(other, one)) for k, (one, other) in pairs}
        rows = {"shape": (str(a.shape), str(b.shape))} | values
    else:
        axes = expected.axes if _are_tables(got, expected) else [*map(range, b.shape)]
        rows = {}
        for place in map(tuple, np.argwhere(~close(a, b, tolerance))[:most].tolist()):
            label = [axis[k] for axis, k in zip(axes, place, strict=True)]
            rows[str(label or "")] = shown(a[place], b[place]), shown(b[place], a[place])
    return {f"{what} {name}".strip() or "the result": pair for name, pair in rows.items()}


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes of length 1."""
    return tuple(n for n in shape if n != 1)


def _listed(keys: Any) -> str:
    names = sorted(map(str, keys))
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def shown(value: Any, other: Any = np.nan) -> str:
    """A number with as many digits as it takes to tell it from the other."""
    if not isinstance(value, (float, np.floating)):
        return repr(value.item() if isinstance(value, np.generic) else value)
    formats = (f".{n}g" for n in (4, 6, 9))
    return next(
        (format(value, f) for f in formats if format(value, f) != format(other, f)), str(value)
    )
