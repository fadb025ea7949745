"""Spike times and traces on a recording's own clock, cut into bins around events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen

# A millionth of a bin of tolerance, as in Session.event_bin: 0.57 / 0.01 is 56.99999999999999.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Bins:
    """Bins around each alignment time: `n` of `size` seconds, the first `start` s from it."""

    start: float
    n: int
    size: float

    @property
    def time(self) -> np.ndarray:
        """Start of each bin in seconds from the alignment, (time,)."""
        return np.round(self.start + np.arange(self.n) * self.size, 9)

    @property
    def stop(self) -> float:
        return self.start + self.n * self.size


def units_table(regions: Sequence[str], units: pd.DataFrame | None) -> pd.DataFrame:
    """The table of a Session; acronyms of layers go to their parents, and stay as `layer_region`.

    Raises
    ------
    ValueError
        If regions and units disagree.
    """
    acronyms = [str(region).strip() or "unknown" for region in regions]
    if len(acronyms) < 2:
        raise ValueError(
            f"regions names {len(acronyms)} units; give one region a unit, and at least two units "
            "(one to predict the other)"
        )
    if units is not None and len(units) != len(acronyms):
        raise ValueError(f"units has {len(units)} rows and regions {len(acronyms)}; one row a unit")
    index = pd.RangeIndex(len(acronyms), name="unit")
    parents = [allen.without_layer(acronym) for acronym in acronyms]
    table = pd.DataFrame({"region": parents, "group": map(allen.group_of, parents)}, index=index)
    if parents != acronyms:
        table["layer_region"] = acronyms
    if units is not None:
        for column in units.columns.difference(table.columns, sort=False):
            table[column] = units[column].to_numpy()
    return table


def trials_table(
    trials: pd.DataFrame | None, align_times: np.ndarray, events: Sequence[str]
) -> pd.DataFrame:
    """The table of a Session: `align_time` on the recording's clock, the events from it.

    Raises
    ------
    ValueError
        If trials and alignment disagree, or an event is no column of times.
    """
    n_trials = len(align_times)
    index = pd.RangeIndex(n_trials, name="trial")
    if trials is None:
        trials = pd.DataFrame(index=index)
    if len(trials) != n_trials:
        raise ValueError(
            f"trials has {len(trials)} rows and align_times {n_trials} times; one of each a trial"
        )
    table = trials.set_axis(index)
    for event in events:
        if event not in trials or not pd.api.types.is_numeric_dtype(trials[event]):
            raise ValueError(
                f"no column of times {event!r} in trials, which has "
                f"{', '.join(map(str, trials.columns)) or 'no columns'}; events= names columns "
                "with times on the clock of the spikes"
            )
        table[event] = table[event].to_numpy(float) - align_times
    table["align_time"] = align_times
    return table


def make_bins(window: Sequence[float], bin_size: float) -> Bins:
    """Bins of `bin_size` seconds that fill the window [start, stop).

    Raises
    ------
    ValueError
        If the window is none, or no whole number of bins.
    """
    try:
        start, stop = (float(edge) for edge in window)
        size = float(bin_size)
    except (TypeError, ValueError):
        raise ValueError(
            f"window {window!r} and bin_size {bin_size!r} must be (start, stop) and one number, "
            "in seconds, such as (-0.5, 2.0) and 0.01"
        ) from None
    if not (np.isfinite([start, stop, size]).all() and stop > start and size > 0):
        raise ValueError(
            f"window {(start, stop)} with bin_size {size:g}: the window must end after it starts "
            "and bins must be above 0, in seconds, such as (-0.5, 2.0) and 0.01"
        )
    n = round((stop - start) / size)
    if n < 1 or abs((stop - start) / size - n) > 1e-4:
        raise ValueError(
            f"the window {(start, stop)} is {(stop - start) / size:.4g} bins of {size:g} s; choose "
            f"a whole number of bins, such as window ({start:g}, {start + max(n, 1) * size:g}); "
            "both are in seconds"
        )
    return Bins(start, n, size)


def by_unit(
    spike_times: Any, clusters: Any, n_units: int, labels: np.ndarray | None = None
) -> list[np.ndarray]:
    """The spike times of each unit, sorted, from a list of them or from one array with clusters.

    Parameters
    ----------
    spike_times : list of arrays, or one array (spikes,)
        Seconds.
    clusters : array (spikes,) of integers, or None
        Whose spike each is: one of `labels`, or else a position among the units; without labels, a
        position, or else the units are the clusters in ascending order.
    n_units : int
    labels : array, (units,), optional
        What the units are called.

    Raises
    ------
    ValueError
        One sentence with the unit, and what is wrong with its times.
    """
    if clusters is None:
        trains = list(spike_times)
        if trains and np.ndim(trains[0]) == 0:
            raise ValueError(
                "spike_times is one array of numbers; give clusters= with it (whose spike each "
                "is), or a list of one array a unit"
            )
        if len(trains) != n_units:
            raise ValueError(
                f"spike_times has {len(trains)} units and regions {n_units}; both must have one "
                "entry a unit"
            )
    else:
        times, whose = np.asarray(spike_times).reshape(-1), np.asarray(clusters).reshape(-1)
        if times.shape != whose.shape or whose.dtype.kind not in "iu":
            raise ValueError(
                f"spike_times has {times.size} spikes and clusters {whose.size} values of "
                f"{whose.dtype}; clusters must be one whole number a spike"
            )
        trains = split_by(times, _codes(whose, n_units, labels), n_units)
    return [_checked(train, unit) for unit, train in enumerate(trains)]


def _codes(clusters: np.ndarray, n_units: int, labels: np.ndarray | None) -> np.ndarray:
    """Positions among the units: the first way of naming them that all clusters agree with."""
    positions, present = pd.RangeIndex(n_units), pd.Index(np.sort(pd.unique(clusters)))
    # Labels first: those of a table that was sorted by depth, say, are positions of other units.
    ways = [positions, present] if labels is None else [pd.Index(labels), positions]
    for known in ways:
        if len(known) == n_units and known.is_unique and present.isin(known).all():
            return known.get_indexer(clusters)
    raise ValueError(
        f"clusters holds {len(present)} numbers from {present[0]} to {present[-1]} where there are "
        f"{n_units} regions; give one region for each cluster, in ascending order of their numbers"
    )


def split_by(times: np.ndarray, codes: np.ndarray, n_units: int) -> list[np.ndarray]:
    """The times of each unit, in the order in which they stand, from positions among the units."""
    # numpy sorts 16-bit numbers by radix, several times as fast as longer ones.
    order = np.argsort(codes.astype(np.uint16) if n_units < 2**16 else codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=n_units))[:-1]
    return np.split(times[order], ends)


def _checked(train: Any, unit: int) -> np.ndarray:
    times = np.asarray(train)
    if times.ndim != 1 or times.dtype.kind not in "iuf":
        raise ValueError(
            f"spike_times of unit {unit} has shape {times.shape} and type {times.dtype}; it must "
            "be one array of seconds"
        )
    if times.dtype.kind in "iu" and times.size and int(times.max()) > 10**6:
        raise ValueError(
            f"spike_times of unit {unit} are whole numbers up to {int(times.max())}; they must be "
            "seconds: divide samples by the sampling rate, such as 30000"
        )
    times = _in_order(times.astype(np.float64, copy=False))
    if not np.isfinite(times[[0, -1]] if times.size else 0.0).all():  # the last is NaN if any is
        raise ValueError(
            f"spike_times of unit {unit} holds NaN or inf; leave such spikes out with "
            "times[np.isfinite(times)]"
        )
    return times


def _in_order(times: np.ndarray) -> np.ndarray:
    """Sorted, NaN last; as they are if they are sorted already, as most are."""
    return times if (times[1:] >= times[:-1]).all() else np.sort(times)


def first_and_last(trains: Sequence[np.ndarray]) -> tuple[float, float]:
    """When units were recorded, as far as their sorted spikes tell; (inf, -inf) without any."""
    ends = [train[[0, -1]] for train in trains if train.size]
    return min((end[0] for end in ends), default=np.inf), max(
        (end[1] for end in ends), default=-np.inf
    )


def check_alignment(align_times: np.ndarray, trains: Sequence[np.ndarray], bins: Bins) -> None:
    """Raise a ValueError in one sentence if a trial cannot be cut from these spikes."""
    if align_times.ndim != 1 or not align_times.size or align_times.dtype.kind != "f":
        raise ValueError(
            f"align_times has shape {align_times.shape}; it must hold one time a trial, in seconds"
        )
    missing = np.flatnonzero(~np.isfinite(align_times))
    if missing.size:
        raise ValueError(
            f"align_times holds NaN or inf in {missing.size} of {align_times.size} trials (the "
            f"first is trial {missing[0]}); leave those out, of trials as well"
        )
    first, last = first_and_last(trains)
    if first > last:
        raise ValueError("spike_times holds no spike at all; give at least one unit that fires")
    outside = np.flatnonzero((align_times + bins.stop < first) | (align_times + bins.start > last))
    if outside.size:
        trial = outside[0]
        scale = ", or are they in milliseconds?" if align_times.max() > 20 * last else ""
        raise ValueError(
            f"align_times of {outside.size} trials lie outside the recording (trial {trial} at "
            f"{align_times[trial]:.10g} s; its spikes run from {first:.6g} to {last:.6g} s); leave "
            f"those out, or give times in seconds on the clock of the spikes{scale}"
        )


def count(trains: Sequence[np.ndarray], align_times: np.ndarray, bins: Bins) -> np.ndarray:
    """Spikes in each bin, (trials, time, units), in the smallest unsigned type that holds them.

    A spike on an edge belongs to the bin that starts there. Where windows overlap, a spike counts
    in each of them.

    Parameters
    ----------
    trains : sequence of sorted arrays, one a unit
        Seconds.
    align_times : array, (trials,)
        Seconds on the same clock.
    bins : Bins
    """
    n_trials = len(align_times)
    starts = align_times + bins.start
    slack = bins.size * _TOLERANCE
    filled: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    for train in trains:
        first = np.searchsorted(train, starts - slack)
        n_inside = np.searchsorted(train, starts + bins.n * bins.size) - first
        trial = np.repeat(np.arange(n_trials), n_inside)
        # Where each trial's spikes lie in `train`, one trial after the other.
        skipped = first - np.cumsum(n_inside) + n_inside
        spike = train[np.arange(len(trial)) + skipped[trial]]
        where = np.floor((spike - starts[trial]) / bins.size + _TOLERANCE).astype(np.intp)
        inside = (where >= 0) & (where < bins.n)
        flat = (trial * bins.n + where)[inside]
        # They ascend, so that equal ones lie together.
        runs = np.flatnonzero(np.diff(flat, prepend=-1))
        filled.append(flat[runs])
        counts.append(np.diff(runs, append=len(flat)))
    highest = max((int(c.max()) for c in counts if c.size), default=0)
    spikes = np.zeros((n_trials * bins.n, len(trains)), dtype=np.min_scalar_type(highest))
    for unit, (flat, n) in enumerate(zip(filled, counts, strict=True)):
        spikes[flat, unit] = n
    return spikes.reshape(n_trials, bins.n, len(trains))


def sample(
    times: np.ndarray, values: np.ndarray | None, align_times: np.ndarray, bins: Bins, name: str
) -> np.ndarray:
    """A trace in bins, (trials, time), float32.

    The mean of the samples in a bin; where a bin holds none, what lies on the line between its
    neighbours; NaN before the first and after the last sample. Without values, the number of
    `times` in each bin.

    Raises
    ------
    ValueError
        If times and values disagree.
    """
    times = np.asarray(times, dtype=np.float64).reshape(-1)
    if values is None:
        events = np.sort(times[np.isfinite(times)])
        return count([events], align_times, bins)[:, :, 0].astype(np.float32)
    values = np.asarray(values, dtype=np.float64).reshape(-1)
    if times.shape != values.shape or not times.size:
        raise ValueError(
            f"behavior {name!r} has {times.size} times and {values.size} values; it must have one "
            "value a time, or None to count the times"
        )
    good = np.flatnonzero(np.isfinite(times) & np.isfinite(values))
    order = good[np.argsort(times[good], kind="stable")]
    times, values = times[order], values[order]
    if not times.size:
        return np.full((len(align_times), bins.n), np.nan, np.float32)
    steps = np.arange(bins.n + 1) * bins.size
    edges = align_times[:, None] + bins.start + steps
    index = np.searchsorted(times, edges - bins.size * _TOLERANCE)
    total = np.concatenate([[0.0], np.cumsum(values)])
    n_samples = np.diff(index, axis=1)
    summed = np.diff(total[index], axis=1)
    centres = (edges[:, :-1] + edges[:, 1:]) / 2
    between = np.interp(centres, times, values, left=np.nan, right=np.nan)
    return np.where(n_samples > 0, summed / np.maximum(n_samples, 1), between).astype(np.float32)
