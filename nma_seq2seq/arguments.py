"""What a caller gives -> what is meant, or one sentence that names the value and the mend."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def whole(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """A whole number of at least `least` and at most `most`; 3.0 will do, True will not."""
    try:
        number: int | None = operator.index(value)
    except TypeError:
        number = int(value) if isinstance(value, float | np.floating) and value % 1 == 0 else None
    is_bool = isinstance(value, bool | np.bool_)
    if number is None or is_bool or not least <= number <= (number if most is None else most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {_shown(value)}; choose a whole number {bounds}")
    return number


def real(name: str, value: Any, least: float = -np.inf) -> float:
    """A finite number of at least `least`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number) or number < least or isinstance(value, str | bool):
        bound = f" of at least {least:g}" if least > -np.inf else ""
        raise ValueError(f"{name} is {_shown(value)}; choose a number{bound}")
    return number


def given(**options: Any) -> dict[str, Any]:
    """The options that a caller gave: those that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def one_of(name: str, value: Any, choices: Iterable[str]) -> str:
    """One of the words that there are."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"no {name} {value!r}; choose from {', '.join(map(repr, choices))}"
            f"{did_you_mean(value, choices)}"
        )
    return value


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """`; did you mean 'MOs'?` for "mos", "M0s" or "MOs2/3"; nothing where no name is near."""
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    word = str(name).strip().casefold()
    near = difflib.get_close_matches(word, folded, n=1, cutoff=0.6)
    if not near:  # a longer name that begins with one that is known, such as that of a layer
        near = sorted((each for each in folded if each and word.startswith(each)), key=len)[-1:]
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def span(window: Any) -> tuple[float, float]:
    """(start, stop) in seconds; None for either end leaves it open."""
    try:
        start, stop = window
        first = -np.inf if start is None else float(start)
        last = np.inf if stop is None else float(stop)
    except (TypeError, ValueError):
        first = last = np.nan
    if not first < last or isinstance(window, str):
        raise ValueError(
            f"window is {window!r}; give its start and its stop in seconds, such as (0, 0.4), with "
            "the start first (None leaves an end open)"
        )
    return first, last


def source_counts(source: Any, n_sources: int) -> np.ndarray:
    """What a model reads, (trials, time, n_sources), without NaN."""
    source = np.asarray(source)
    if source.ndim != 3 or source.shape[2] != n_sources:
        raise ValueError(
            f"source counts of shape {source.shape} must be (trials, time, {n_sources}), of the "
            f"{n_sources} neurons that the model was fitted to; for one trial, source[[0]]"
        )
    if not len(source):
        raise ValueError("there is no trial in these source counts; give at least one")
    if source.dtype.kind == "f" and not np.isfinite(source).all():
        raise ValueError("the source counts hold NaN or infinite numbers; a model reads counts")
    return source


def positions(chosen: Any, labels: pd.Index | int, what: str = "trial") -> np.ndarray:
    """Which trials or neurons are meant, as positions from 0 on.

    Parameters
    ----------
    chosen : None, bools, whole numbers, a slice, or a pandas object
        None is all. An array or a list of one bool each is a mask, of whole numbers it is
        positions (negative ones count from the end). A boolean Series is aligned by its index, and
        an Index, or the rows of a DataFrame, are taken by label, whatever was selected before.
    labels : Index, or int
        The labels of the session's table; or, where there are none, how many there are.
    what : "trial" or "neuron"
        For messages.

    Raises
    ------
    ValueError
        If nothing is chosen, something that is not there is, or it could mean two things.
    """
    known = pd.RangeIndex(labels) if isinstance(labels, int) else labels
    if chosen is None:
        return np.arange(len(known))
    if isinstance(chosen, slice):
        found = np.arange(len(known))[chosen]
    elif isinstance(chosen, pd.DataFrame):
        if len(chosen.columns) and all(str(dtype) == "bool" for dtype in chosen.dtypes):
            raise ValueError(
                f"a table of bools chooses no {what}s; take one of its columns, "
                f"{', '.join(map(repr, chosen.columns[:5]))}"
            )
        found = _of_labels(chosen.index, known, what)
    elif isinstance(chosen, pd.Series):
        found = _of_series(chosen, known, what)
    elif isinstance(chosen, pd.Index) and str(chosen.dtype) != "bool":
        found = _of_labels(chosen, known, what)
    else:
        found = _of_array(chosen, known, what)
    if not len(found):
        raise ValueError(
            f"no {what} is chosen; choose at least one {what}, by positions, one bool a {what}, or "
            "labels"
        )
    return found


def _of_array(chosen: Any, known: pd.Index, what: str) -> np.ndarray:
    n, array = len(known), np.atleast_1d(chosen)
    if array.dtype == bool:
        if array.shape != (n,):
            raise ValueError(
                f"the mask over {what}s has shape {array.shape}; it must be ({n},), one bool for "
                f"each {what} of this session"
            )
        return np.flatnonzero(array)
    if array.ndim == 1 and len(array) and all(isinstance(each, str) for each in array):
        return _of_labels(pd.Index(array), known, what)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{what}s are chosen by positions (whole numbers), by one bool a {what}, or by labels "
            f"(a pandas Index or boolean Series), not by {type(chosen).__name__} of shape "
            f"{array.shape} and type {array.dtype}"
        )
    array = array.astype(np.intp)
    if n > 2 and len(array) == n and set(array.tolist()) == {0, 1}:
        raise ValueError(
            f"{n} numbers 0 and 1 could be positions of {what}s 0 and 1, or one mark for each of "
            f"the {n} {what}s; for a mask, use .astype(bool)"
        )
    outside = array[(array < -n) | (array >= n)]
    if len(outside):
        label = outside[0]
        by_label = f" (its label {label} is taken with pd.Index([{label}]))"
        raise ValueError(
            f"{what} {label} is asked for; this session has {what}s 0 to {n - 1}"
            + (by_label if label in known else "")
        )
    return array % n


def _of_series(chosen: pd.Series, known: pd.Index, what: str) -> np.ndarray:
    if chosen.isna().any():
        raise ValueError(
            f"the Series that chooses {what}s holds missing values; fill them in, with "
            ".fillna(False) for a mask"
        )
    if str(chosen.dtype) not in ("bool", "boolean"):
        if known.equals(pd.RangeIndex(len(known))):  # labels are positions
            return _of_array(chosen.to_numpy(), known, what)
        raise ValueError(
            f"a Series of {chosen.dtype} could hold positions or labels of {what}s; give "
            ".to_numpy() for positions, or pd.Index(...) of it for labels"
        )
    if not chosen.index.equals(known):
        if not chosen.index.is_unique or not known.is_unique:
            raise ValueError(
                f"the boolean Series repeats labels, or the session's {what}s do, so it cannot be "
                f"aligned; for one bool a {what} in order, use .to_numpy()"
            )
        unsaid = known.difference(chosen.index, sort=False)
        if len(unsaid):
            raise ValueError(
                f"the boolean Series says nothing of {what} {_shown(unsaid[0])} ({len(unsaid)} of "
                f"{len(known)} {what}s are not in its index); for one bool a {what} in order, use "
                ".to_numpy()"
            )
        chosen = chosen.reindex(known)
    return np.flatnonzero(chosen.to_numpy(bool))


def _of_labels(chosen: pd.Index, known: pd.Index, what: str) -> np.ndarray:
    missing = chosen.difference(known, sort=False)
    if len(missing):
        raise ValueError(
            f"{what} {_shown(missing[0])} is not among the labels here ({len(missing)} of "
            f"{len(chosen)} are not); a pandas Index is taken by label, so give .to_numpy() for "
            "positions"
        )
    twice = known[known.duplicated()].intersection(chosen)
    if len(twice):
        raise ValueError(
            f"{what} {_shown(twice[0])} is there more than once, so its label could mean any of "
            "them; give positions"
        )
    return known.get_indexer_for(chosen)


def _shown(value: Any) -> str:
    """A value as its repr, without the type of a numpy scalar."""
    return repr(value.item() if isinstance(value, np.generic) else value)
