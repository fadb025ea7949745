"""Session: one recording, what every other file speaks of."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen
from nma_seq2seq import school_format
from nma_seq2seq.spike_times import cut

_EVENT_COLUMNS = ("gocue", "response_time", "feedback_time", "reaction_time")


@dataclass(frozen=True, eq=False, repr=False)
class Session:
    """One recording session: spike counts, and what is known of its neurons and trials.

    Parameters
    ----------
    spikes : array, (trials, time, neurons), unsigned integers
        Spikes per bin.
    time : array, (time,)
        Start of each bin in seconds from stimulus onset.
    units : DataFrame, one row a neuron
        `region` (Allen acronym) and `group`; where the file has them `ap`, `dv`, `lr` (position in
        the Allen common coordinate framework, µm) and `trough_to_peak` (waveform width, samples).
        The index numbers the neurons of the file and is kept by `select`.
    trials : DataFrame, one row a trial
        Those that the file has of `contrast_left`, `contrast_right` (0 to 1), `response` (+1 left,
        -1 right, 0 no-go), `feedback_type` (+1 reward, -1 noise), `gocue`, `response_time`,
        `feedback_time`, `reaction_time` (seconds from stimulus onset, NaN where it did not happen),
        `movement_direction` (0 none), `prev_reward`. The index numbers the trials of the file.
    behavior : dict of arrays, each (trials, time)
        Those that the file has of `wheel` (speed), `face` (motion energy), `licks`, `pupil_area`,
        `pupil_x`, `pupil_y`.
    name, mouse, date : str
    bin_size : float
        Seconds.
    origin : "recorded" or "simulated"
    latents : array, (trials, time, latents), or None
        The true latents; simulated sessions alone have them.
    rates : array, (trials, time, neurons), or None
        The true expected counts per bin; simulated sessions alone have them.
    key : str
        Tells recordings apart by their spikes; made of them when none is given, and kept by every
        selection, so that parts of one recording are known as such.

    Raises
    ------
    ValueError
        If shapes disagree; the message names the part.
    """

    spikes: np.ndarray
    time: np.ndarray
    units: pd.DataFrame
    trials: pd.DataFrame
    behavior: dict[str, np.ndarray] = field(default_factory=dict)
    name: str = "unnamed"
    mouse: str = "unknown"
    date: str = "unknown"
    bin_size: float = 0.01
    origin: str = "recorded"
    latents: np.ndarray | None = None
    rates: np.ndarray | None = None
    key: str = ""

    def __post_init__(self):
        if self.spikes.ndim != 3:
            raise ValueError(
                f"session {self.name}: spikes have shape {self.spikes.shape}; "
                "they must be (trials, time, neurons)"
            )
        n_trials, n_bins, n_neurons = self.spikes.shape
        expected = {
            "time": (len(self.time), n_bins),
            "units": (len(self.units), n_neurons),
            "trials": (len(self.trials), n_trials),
        }
        expected |= {k: (v.shape, (n_trials, n_bins)) for k, v in self.behavior.items()}
        if self.latents is not None:
            expected["latents"] = (self.latents.shape[:2], (n_trials, n_bins))
        if self.rates is not None:
            expected["rates"] = (self.rates.shape, self.spikes.shape)
        for part, (found, wanted) in expected.items():
            if found != wanted:
                raise ValueError(
                    f"session {self.name}: {part} has {found} entries where spikes "
                    f"{self.spikes.shape} need {wanted}"
                )
        if not self.key:
            object.__setattr__(self, "key", _key(self.spikes))

    # ------------------------------------------------------------------ reading the format

    @classmethod
    def from_dict(
        cls,
        dat: Mapping[str, Any],
        origin: str = "recorded",
        latents: np.ndarray | None = None,
        rates: np.ndarray | None = None,
    ) -> Session:
        """A session from one dict of the summer school's format (task trials, not passive ones).

        Parameters
        ----------
        dat : mapping
            `spks` (neurons, trials, time) and `brain_area` (neurons,) must be there; every other
            key may be absent, and is then absent from the tables.
        origin, latents, rates
            As in `Session`.

        Raises
        ------
        ValueError
            One sentence that names the key, what is wrong with it and what it should be.
        """
        mouse, date = school_format.session_name(dat)
        name = f"{mouse}_{date}"
        for key in ("spks", "brain_area"):
            if key not in dat:
                raise ValueError(
                    f"session {name} has no {key!r}; a session needs 'spks' and 'brain_area', "
                    f"this one has {', '.join(sorted(map(str, dat))) or 'nothing'}"
                )
        spks = school_format.checked_counts(np.asarray(dat["spks"]), name)
        # Copied into (trials, time, neurons) order, so that one trial lies together in memory.
        spikes = np.ascontiguousarray(spks.transpose(1, 2, 0))
        return cls.from_counts(spikes, dat, origin=origin, latents=latents, rates=rates)

    @classmethod
    def from_counts(
        cls,
        spikes: np.ndarray,
        dat: Mapping[str, Any],
        origin: str = "recorded",
        latents: np.ndarray | None = None,
        rates: np.ndarray | None = None,
    ) -> Session:
        """As `from_dict`, for counts that lie as a session wants them: (trials, time, neurons)."""
        mouse, date = school_format.session_name(dat)
        name = f"{mouse}_{date}"
        n_trials, n_bins, n_neurons = spikes.shape
        bin_size, stim_onset = school_format.seconds(dat, name)
        return cls(
            spikes=spikes,
            time=np.round(np.arange(n_bins) * bin_size - stim_onset, 9),
            units=school_format.units_table(dat, n_neurons, name),
            trials=school_format.trials_table(dat, n_trials, name),
            behavior=school_format.traces(dat, n_trials, n_bins, name),
            name=name,
            mouse=mouse,
            date=date,
            bin_size=bin_size,
            origin=origin,
            latents=latents,
            rates=rates,
        )

    @classmethod
    def from_spike_times(
        cls,
        spike_times: Any,
        regions: Sequence[str],
        align_times: Any,
        *,
        clusters: Any = None,
        window: Sequence[float] = (-0.5, 2.0),
        bin_size: float = 0.01,
        units: pd.DataFrame | None = None,
        trials: pd.DataFrame | None = None,
        events: Sequence[str] = (),
        behavior: Mapping[str, tuple[Any, Any]] | None = None,
        name: str = "",
        mouse: str = "unknown",
        date: str = "unknown",
    ) -> Session:
        """A session from spike times and events on one clock, in seconds.

        Parameters
        ----------
        spike_times : list of arrays, or one array (spikes,)
            One array a unit; or all spikes together, with `clusters`. Sorted or not.
        regions : sequence of str, (units,)
            Where each unit is. Layers go to their parents ("VISp5" to "VISp"), and are kept in
            `units["layer_region"]`.
        align_times : array, (trials,)
            What each trial is cut around: time 0 of the session.
        clusters : array (spikes,) of integers, optional
            Whose spike each is: a position among the units, a label of `units`, or else the units
            are the clusters in ascending order.
        window : (start, stop)
            Seconds from alignment; windows of trials may overlap, and a spike then counts in each.
        bin_size : float
            Seconds. A spike on an edge belongs to the bin that starts there.
        units : DataFrame, one row a unit, optional
            More about them; kept beside `region` and `group`.
        trials : DataFrame, one row a trial, optional
            What is known of them. `align_time` is added: the alignment on the recording's clock.
        events : names of columns of `trials`
            Those that hold times on the recording's clock; they become seconds from alignment.
        behavior : dict of name -> (times, values), optional
            Sampled into bins: the mean of the samples in a bin, or between its neighbours where it
            has none; NaN outside the samples. With None for values, the times are counted.
        name, mouse, date : str

        Raises
        ------
        ValueError
            One sentence that names the part, what is wrong with it and what it should be.
        """
        parts = cut(
            spike_times,
            regions,
            align_times,
            clusters=clusters,
            window=window,
            bin_size=bin_size,
            units=units,
            trials=trials,
            events=events,
            behavior=behavior,
        )
        return cls(**parts, name=name or f"{mouse}_{date}", mouse=str(mouse), date=str(date))

    # ------------------------------------------------------------------ what it holds

    @property
    def n_trials(self) -> int:
        return self.spikes.shape[0]

    @property
    def n_bins(self) -> int:
        return self.spikes.shape[1]

    @property
    def n_neurons(self) -> int:
        return self.spikes.shape[2]

    @property
    def regions(self) -> list[str]:
        """The regions recorded from, in the order of the plots."""
        return allen.in_order(self.units["region"])

    @property
    def rates_hz(self) -> np.ndarray:
        """Mean firing rate of each neuron over all trials and bins, (neurons,), in Hz."""
        return mean_counts(self.spikes) / self.bin_size

    def region_mask(self, names: str | Iterable[str]) -> np.ndarray:
        """Which neurons lie in the named regions or groups, (neurons,) bool.

        Raises
        ------
        ValueError
            If the session has no neuron in one of them; the message lists the regions it has.
        """
        wanted = [names] if isinstance(names, str) else list(names)
        mask = np.zeros(self.n_neurons, dtype=bool)
        for name in wanted:
            column = "group" if name in allen.GROUPS else "region"
            found = (self.units[column] == name).to_numpy()
            if not found.any():
                raise ValueError(
                    f"no neurons in {column} {name!r}; this session has {', '.join(self.regions)}"
                )
            mask |= found
        return mask

    # ------------------------------------------------------------------ taking a part

    def select(
        self,
        regions: str | Iterable[str] | None = None,
        min_rate_hz: float = 0.0,
        trials: Any = None,
        window: tuple[float, float] | None = None,
    ) -> Session:
        """The part of the session that is asked for.

        Parameters
        ----------
        regions : str or list of str, optional
            Allen acronyms or names of groups.
        min_rate_hz : float
            Least mean rate of a neuron, over the trials and the window that are kept.
        trials : indices or a mask, optional
            Positions, or one bool a trial (`session.trials["response"] != 0` will do).
        window : (start, stop), optional
            Seconds from stimulus onset; bins that start in [start, stop) are kept.

        Raises
        ------
        ValueError
            If nothing would be left, or a region is not there.
        """
        neurons = np.ones(self.n_neurons, bool) if regions is None else self.region_mask(regions)
        chosen = _positions(trials, self.n_trials)
        bins = slice(0, self.n_bins)
        if window is not None:
            # Half a microsecond of tolerance: a bin edge such as 0.07 is no exact binary number.
            inside = (self.time >= window[0] - 5e-7) & (self.time < window[1] - 5e-7)
            where = np.flatnonzero(inside)
            if not len(where):
                last = self.time[-1] + self.bin_size
                raise ValueError(
                    f"no bins between {window[0]} and {window[1]} s; this session runs from "
                    f"{self.time[0]:g} to {last:g} s from stimulus onset"
                )
            bins = slice(where[0], where[-1] + 1)
        if min_rate_hz > 0:
            neurons &= mean_counts(self.spikes, chosen, bins) / self.bin_size >= min_rate_hz
        if not neurons.any():
            raise ValueError(
                f"no neuron fires at {min_rate_hz:g} Hz or more; choose a lower min_rate_hz"
            )
        units = np.flatnonzero(neurons)
        return replace(
            self,
            spikes=taken(self.spikes, chosen, bins, units),
            time=self.time[bins],
            units=self.units.iloc[units],
            trials=self.trials.iloc[chosen],
            behavior={key: trace[chosen, bins] for key, trace in self.behavior.items()},
            latents=None if self.latents is None else self.latents[chosen, bins],
            rates=None if self.rates is None else taken(self.rates, chosen, bins, units),
        )

    def rebin(self, n: int) -> Session:
        """The session in bins `n` times as long.

        Counts, licks and true rates are summed, everything else is averaged. Bins at the end that
        do not fill a long bin are dropped.

        Raises
        ------
        ValueError
            If `n` is not a whole number from 1 to the number of bins.
        """
        if n != int(n) or not 1 <= n <= self.n_bins:
            raise ValueError(f"cannot rebin by {n}; choose a whole number from 1 to {self.n_bins}")
        n, kept = int(n), self.n_bins // int(n)

        def blocks(array: np.ndarray) -> np.ndarray:
            return array[:, : kept * n].reshape(len(array), kept, n, *array.shape[2:])

        spikes = blocks(self.spikes).sum(axis=2, dtype=np.uint32)
        return replace(
            self,
            spikes=spikes.astype(np.min_scalar_type(int(spikes.max()))),
            time=self.time[: kept * n : n],
            bin_size=self.bin_size * n,
            behavior={
                key: blocks(trace).sum(axis=2) if key == "licks" else blocks(trace).mean(axis=2)
                for key, trace in self.behavior.items()
            },
            latents=None if self.latents is None else blocks(self.latents).mean(axis=2),
            rates=None if self.rates is None else blocks(self.rates).sum(axis=2),
        )

    def event_bin(self, column: str) -> np.ndarray:
        """The bin in which an event falls, (trials,) float; NaN where it falls in none.

        Event times count from stimulus onset and bins from the start of the recording, 0.5 s
        before it: the bin is floor((t - time[0]) / bin_size), not t / bin_size.

        Parameters
        ----------
        column : "gocue", "response_time", "feedback_time" or "reaction_time"

        Raises
        ------
        ValueError
            If this session has no such event times.
        """
        if column not in _EVENT_COLUMNS or column not in self.trials:
            there = [c for c in _EVENT_COLUMNS if c in self.trials]
            raise ValueError(
                f"no event times {column!r} in session {self.name}; it has "
                f"{', '.join(there) or 'none at all'}"
            )
        seconds = self.trials[column].to_numpy(float)
        # A millionth of a bin of tolerance: 0.57 / 0.01 is 56.99999999999999 in floating point.
        bins = np.floor((seconds - self.time[0]) / self.bin_size + 1e-6)
        return np.where((bins >= 0) & (bins < self.n_bins), bins, np.nan)

    # ------------------------------------------------------------------ showing it

    def __repr__(self) -> str:
        return (
            f"<Session {self.name} ({self.origin}): {self.n_neurons} neurons in "
            f"{len(self.regions)} regions, {self.n_trials} trials, "
            f"{self.n_bins} bins of {self.bin_size * 1000:g} ms>"
        )

    def _repr_html_(self) -> str:
        stop = self.time[-1] + self.bin_size
        facts = {
            "origin": self.origin,
            "neurons": f"{self.n_neurons} in {len(self.regions)} regions",
            "trials": self.n_trials,
            "time": f"{self.time[0]:g} to {stop:g} s from stimulus onset, "
            f"{self.n_bins} bins of {self.bin_size * 1000:g} ms",
            "mean rate": f"{self.rates_hz.mean():.1f} Hz a neuron",
            "trial columns": ", ".join(self.trials.columns) or "none",
            "behavior": ", ".join(self.behavior) or "none",
        }
        rows = "".join(
            f"<tr><th style='text-align:left'>{key}</th>"
            f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
            for key, value in facts.items()
        )
        chips = []
        present = self.units["group"].unique()
        for group in (g for g in allen.GROUPS if g in present):
            counts = self.units.loc[self.units["group"] == group, "region"].value_counts()
            listed = ", ".join(
                f"{region} {counts[region]}" for region in allen.in_order(counts.index)
            )
            chips.append(
                f"<tr><th style='text-align:left'><span style='color:{allen.color_of(group)}'>"
                f"&#9632;</span> {group}</th>"
                f"<td style='text-align:left'>{html.escape(listed)}</td></tr>"
            )
        return (
            f"<b>Session {html.escape(self.name)}</b><table>{rows}</table>"
            f"<b>Neurons by region</b><table>{''.join(chips)}</table>"
        )


def taken(array: np.ndarray, trials: np.ndarray, bins: slice, units: np.ndarray) -> np.ndarray:
    """Some trials, bins and neurons (positions) of (trials, time, neurons), copied once.

    Where all trials and neurons are asked for, it is a view: a window copies nothing.
    """
    n_trials, _, n_neurons = array.shape
    windowed = array[:, bins]
    if np.array_equal(trials, np.arange(n_trials)) and np.array_equal(units, np.arange(n_neurons)):
        return windowed
    part = np.empty((len(trials), windowed.shape[1], len(units)), array.dtype)
    # A trial at a time: a fifth of the time of one index for all axes. Positions are checked; with
    # mode="raise" numpy would write into a buffer and copy that.
    for out, trial in zip(part, trials, strict=True):
        np.take(windowed[trial], units, axis=1, out=out, mode="clip")
    return part


def mean_counts(
    spikes: np.ndarray, trials: np.ndarray | None = None, bins: slice = slice(None)
) -> np.ndarray:
    """Mean count a bin of each neuron over some trials (all by default) and bins, (neurons,)."""
    trials = np.arange(len(spikes)) if trials is None else trials
    total = np.zeros(spikes.shape[2], dtype=np.int64)
    for trial in trials:
        part = spikes[trial, bins]
        total += part.sum(axis=0, dtype=np.int64)
    return total / (len(trials) * part.shape[0])


def _key(spikes: np.ndarray) -> str:
    """A digest of spikes (trials, time, neurons); 32 of the trials tell recordings apart."""
    digest = hashlib.blake2b(repr(spikes.shape).encode(), digest_size=16)
    for trial in spikes[:: max(1, len(spikes) // 32)]:
        digest.update(trial.astype("<u4", order="C").tobytes())
    return digest.hexdigest()


def _positions(trials: Any, n_trials: int) -> np.ndarray:
    """Trial positions from indices, a mask or None."""
    if trials is None:
        return np.arange(n_trials)
    chosen = np.asarray(trials)
    if chosen.dtype == bool:
        if chosen.shape != (n_trials,):
            raise ValueError(
                f"the mask over trials has shape {chosen.shape}; it must be ({n_trials},)"
            )
        chosen = np.flatnonzero(chosen)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ValueError("select at least one trial, by positions or by one bool a trial")
    if chosen.min() < -n_trials or chosen.max() >= n_trials:
        raise ValueError(
            f"trial {int(chosen.max())} is asked for; this session has trials 0 to {n_trials - 1}"
        )
    return chosen % n_trials
