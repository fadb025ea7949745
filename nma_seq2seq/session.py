"""Session: one recording, what every other file speaks of."""

from __future__ import annotations

import hashlib
import html
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen
from nma_seq2seq import school_format
from nma_seq2seq.arguments import did_you_mean, one_of, positions, real, span, whole
from nma_seq2seq.nwb_writing import write_nwb
from nma_seq2seq.spike_times import (
    by_unit,
    check_alignment,
    count,
    make_bins,
    sample,
    trials_table,
    units_table,
)

# Columns of `trials` that hold times, and what happens then in words.
EVENTS = {
    "stimulus_onset": "stimulus onset",
    "gocue": "the go cue",
    "reaction_time": "movement onset",
    "response_time": "the response",
    "feedback_time": "feedback",
}


@dataclass(frozen=True, eq=False, repr=False)
class Session:
    """One recording session: spike counts, and what is known of its neurons and trials.

    Parameters
    ----------
    spikes : array, (trials, time, neurons), unsigned integers
        Spikes per bin.
    time : array, (time,)
        Start of each bin in seconds from what the trials are aligned to, see `alignment`.
    units : DataFrame, one row a neuron
        `region` (Allen acronym) and `group`; where the file has them `ap`, `dv`, `lr` (position in
        the Allen common coordinate framework, µm) and `trough_to_peak` (waveform width, samples).
        The index numbers the neurons of the file and is kept by `select`.
    trials : DataFrame, one row a trial
        Those that the file has of `contrast_left`, `contrast_right` (0 to 1), `response` (+1 left,
        -1 right, 0 no-go), `feedback_type` (+1 reward, -1 noise), `gocue`, `response_time`,
        `feedback_time`, `reaction_time` (seconds from alignment, NaN where it did not happen),
        `movement_direction` (0 none), `prev_reward`. The index numbers the trials of the file; in
        a session of passive trials it goes on from the last of the task.
    behavior : dict of arrays, each (trials, time)
        Those that the file has of `wheel` (speed), `face` (motion energy), `licks`, `pupil_area`,
        `pupil_x`, `pupil_y`.
    name, mouse, date : str
    bin_size : float
        Seconds.
    origin : "recorded" or "simulated"
    alignment : str
        What happens at time 0, in words: "stimulus onset", or what `align` made of it.
    events : tuple of str
        Columns of `trials` that hold times, in seconds from alignment.
    latents : array, (trials, time, latents), or None
        The true latents; simulated sessions alone have them.
    rates : array, (trials, time, neurons), or None
        The true expected counts per bin; simulated sessions alone have them.
    key : str
        Tells recordings apart by their spikes; made of them when none is given, and kept by every
        selection, so that parts of one recording are known as such. Passive trials have that of the
        task's.

    Raises
    ------
    ValueError
        If shapes disagree; the message names the part.

    Examples
    --------
    >>> session.n_trials, session.n_bins, session.n_neurons
    (260, 250, 522)
    >>> visual = session.select(regions=["VISp", "VISam"], window=(0, 0.4))
    >>> visual.n_bins
    40
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
    alignment: str = "stimulus onset"
    events: tuple[str, ...] = tuple(EVENTS)
    latents: np.ndarray | None = None
    rates: np.ndarray | None = None
    key: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.spikes, np.ndarray) or self.spikes.ndim != 3:
            raise ValueError(
                f"session {self.name}: spikes are a {type(self.spikes).__name__} of shape "
                f"{np.shape(self.spikes)}; they must be an array (trials, time, neurons)"
            )
        n_trials, n_bins, n_neurons = self.spikes.shape
        expected: dict[str, tuple[Any, Any]] = {
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
        *,
        task: str = "active",
    ) -> Session:
        """A session from one dict of the summer school's format.

        Parameters
        ----------
        dat : mapping
            `spks` (neurons, trials, time) and `brain_area` (neurons,) must be there; every other
            key may be absent, and is then absent from the tables. Keys that are not known and hold
            one value a trial, or a neuron, become columns. In place of `spks`, `ss` will do: the
            spike times of each neuron in each trial.
        origin, latents, rates
            As in `Session`.
        task : "active" or "passive"
            The trials of the task, or those that the same neurons were shown afterwards without
            one (`spks_passive`, `contrast_left_passive`, ...). A session of passive trials has a
            name that ends in "_passive", and those columns that there are, mostly contrasts. A
            model of the one can be scored on the other: their neurons are the same.

        Raises
        ------
        ValueError
            One sentence that names the key, what is wrong with it and what it should be.
        """
        one_of("task", task, school_format.TASKS)
        dat = school_format.plain(dat)
        name = "_".join(school_format.session_name(dat))
        spikes, passive_of = school_format.counts(dat, name), None
        if task == "passive":
            n_trials, _, n_neurons = spikes.shape
            passive_of = _key(spikes), n_trials
            dat = school_format.passive(dat, n_neurons, n_trials, name)
            spikes = school_format.counts(dat, f"{name}_passive")
        # One trial lies together in memory.
        session = cls.from_counts(np.ascontiguousarray(spikes), dat, passive_of)
        return replace(session, origin=origin, latents=latents, rates=rates)

    @classmethod
    def from_counts(
        cls,
        spikes: np.ndarray,
        dat: Mapping[str, Any],
        passive_of: tuple[str, int] | None = None,
    ) -> Session:
        """As `from_dict`, for counts that lie as a session wants them: (trials, time, neurons).

        Passive trials are told by `passive_of`: the key of the task's session, and how many trials
        that has.
        """
        mouse, date = school_format.session_name(dat)
        name = f"{mouse}_{date}"
        key, first = passive_of or ("", 0)
        if passive_of is not None:
            name = f"{name}_passive"
        n_trials, n_bins, n_neurons = spikes.shape
        bin_size, stim_onset = school_format.seconds(dat, name)
        trials = school_format.trials_table(dat, n_trials, name)
        # No label of a trial of the task, so that neither is taken for the other.
        trials.index = pd.RangeIndex(first, first + n_trials, name="trial")
        return cls(
            spikes=spikes,
            time=np.round(np.arange(n_bins) * bin_size - stim_onset, 9),
            units=school_format.units_table(dat, n_neurons, n_trials, name),
            trials=trials,
            behavior=school_format.traces(dat, n_trials, n_bins, name),
            name=name,
            mouse=mouse,
            date=date,
            bin_size=bin_size,
            key=key,
            **school_format.time_zero(dat),
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
        alignment: str = "alignment",
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
            Whose spike each is: a label of `units`, or a position among the units; without `units`,
            a position, or else the units are the clusters in ascending order.
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
        alignment : str
            What `align_times` are, in words; figures say "time from ..." with it.
        name, mouse, date : str

        Raises
        ------
        ValueError
            One sentence that names the part, what is wrong with it and what it should be.
        """
        bins = make_bins(window, bin_size)
        table = units_table(regions, units)
        labels = None if units is None else units.index.to_numpy()
        trains = by_unit(spike_times, clusters, len(table), labels)
        onsets = np.asarray(align_times, dtype=np.float64)
        check_alignment(onsets, trains, bins)
        return cls(
            spikes=count(trains, onsets, bins),
            time=bins.time,
            units=table,
            trials=trials_table(trials, onsets, events),
            behavior={
                key: sample(times, values, onsets, bins, key)
                for key, (times, values) in (behavior or {}).items()
            },
            name=name or f"{mouse}_{date}",
            mouse=str(mouse),
            date=str(date),
            bin_size=bins.size,
            alignment=alignment,
            events=tuple(dict.fromkeys((*EVENTS, *events))),
        )

    def to_dict(self) -> dict[str, Any]:
        """The session in the summer school's format, which `from_dict` and `load_file` take.

        `np.savez("mine.npz", **session.to_dict())` keeps it in a file with no pickle in it.

        Returns
        -------
        dict
            `spks` (neurons, trials, time), `brain_area`, and what else the tables hold.
        """
        return school_format.as_dict(self)

    def to_nwb(self, path: str | os.PathLike) -> None:
        """Write the session as an NWB file: units, trials, counts and behavior, in bins.

        `nma.export_latents` adds latents and rates of a fit. To keep a session for this course,
        `to_dict` is the better way: spike times are not known any more, and counts alone are.

        Raises
        ------
        ModuleNotFoundError
            If pynwb is not installed; the sentence says how.
        OSError
            If it cannot be written there.
        """
        write_nwb(path, self)

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
        several = isinstance(names, Iterable) and not isinstance(names, str)
        wanted = list(names) if several else [names]
        if not wanted or not all(isinstance(name, str) for name in wanted):
            raise ValueError(
                f"regions are chosen by name, not by {names!r:.80}; this session has "
                f"{', '.join(self.regions)} (select(neurons=...) takes positions and masks)"
            )
        mask = np.zeros(self.n_neurons, dtype=bool)
        for name in wanted:
            column = "group" if name in allen.GROUPS else "region"
            found = (self.units[column] == name).to_numpy()
            if not found.any():
                raise ValueError(
                    f"no neurons in {column} {name!r}; this session has {', '.join(self.regions)}"
                    f"{did_you_mean(name, [*self.regions, *self.units['group'].unique()])}"
                )
            mask |= found
        return mask

    # ------------------------------------------------------------------ taking a part

    def select(
        self,
        regions: str | Iterable[str] | None = None,
        min_rate_hz: float = 0.0,
        trials: Any = None,
        window: tuple[float | None, float | None] | None = None,
        neurons: Any = None,
    ) -> Session:
        """The part of the session that is asked for.

        Parameters
        ----------
        regions : str or list of str, optional
            Allen acronyms or names of groups.
        min_rate_hz : float
            Least mean rate of a neuron, over the trials and the window that are kept.
        trials, neurons : positions, a mask or labels, optional
            Whole numbers are positions. A boolean Series such as `session.trials["response"] != 0`
            is aligned by its index, and a pandas Index taken by label; see
            `nma_seq2seq.arguments.positions`. Of regions and neurons, those in both are kept.
        window : (start, stop), optional
            Seconds from alignment; bins that start in [start, stop) are kept. None is the session's
            own start or end.

        Raises
        ------
        ValueError
            If nothing would be left, or a region, trial or neuron is not there.
        """
        chosen = positions(trials, self.trials.index, "trial")
        units = positions(neurons, self.units.index, "neuron")
        if regions is not None:
            units = units[self.region_mask(regions)[units]]
        bins = self._bins(window)
        if real("min_rate_hz", min_rate_hz, 0) > 0:
            rates_hz = mean_counts(self.spikes, chosen, bins) / self.bin_size
            units = units[rates_hz[units] >= min_rate_hz]
        if not len(units):
            raise ValueError(
                f"no neuron fires at {min_rate_hz:g} Hz or more; choose a lower min_rate_hz"
                if min_rate_hz > 0
                else "none of the chosen neurons lies in the chosen regions; choose one of the two"
            )

        def part(name: str, array: np.ndarray) -> np.ndarray:
            of_neurons = name in ("spikes", "rates")
            return taken(array, chosen, bins, units) if of_neurons else array[chosen, bins]

        return self._changed(
            part,
            time=self.time[bins],
            units=self.units.iloc[units],
            trials=self.trials.iloc[chosen],
        )

    def _changed(self, change: Callable[[str, np.ndarray], np.ndarray], **others: Any) -> Session:
        """The session with `change(name, array)` for each (trials, time, ...), and `others`."""
        for name in ("spikes", "latents", "rates"):
            array = getattr(self, name)
            others[name] = None if array is None else change(name, array)
        behavior = {name: change(name, trace) for name, trace in self.behavior.items()}
        return replace(self, behavior=behavior, **others)

    def _bins(self, window: tuple[float | None, float | None] | None) -> slice:
        """The bins that start in a window of seconds."""
        if window is None:
            return slice(0, self.n_bins)
        start, stop = span(window)
        first, last = self.time[0], self.time[-1] + self.bin_size
        runs = f"this session runs from {first:g} to {last:g} s from {self.alignment}"
        # Half a microsecond of tolerance: a bin edge such as 0.07 is no exact binary number.
        where = np.flatnonzero((self.time >= start - 5e-7) & (self.time < stop - 5e-7))
        if not len(where):
            raise ValueError(f"no bins between {window[0]} and {window[1]} s; {runs}")
        far = 5 + last - first
        if any(np.isfinite(end) and not first - far < end < last + far for end in (start, stop)):
            raise ValueError(
                f"window {window} ends far outside; {runs}, and a window is in seconds, not in "
                "milliseconds or bins"
            )
        return slice(where[0], where[-1] + 1)

    def rebin(self, n: int) -> Session:
        """The session in bins `n` times as long.

        Counts, licks and true rates are summed, everything else is averaged. Bins at the end that
        do not fill a long bin are dropped.

        Raises
        ------
        ValueError
            If `n` is not a whole number from 1 to the number of bins.
        """
        n = whole("n", n, 1, self.n_bins)
        kept = self.n_bins // n
        # The smallest type that no sum can overflow: a fourth or a half of the memory of others.
        counts = np.min_scalar_type(int(self.spikes.max()) * n)

        def lengthened(name: str, array: np.ndarray) -> np.ndarray:
            blocks = array[:, : kept * n].reshape(len(array), kept, n, *array.shape[2:])
            if name in ("spikes", "licks", "rates"):
                return blocks.sum(axis=2, dtype=counts if name == "spikes" else None)
            return blocks.mean(axis=2)

        time, bin_size = self.time[: kept * n : n], self.bin_size * n
        return self._changed(lengthened, time=time, bin_size=bin_size)

    def event_bin(self, column: str) -> np.ndarray:
        """The bin in which an event falls, (trials,) float; NaN where it falls in none.

        Event times count from time 0 and bins from the start of the recording, by default 0.5 s
        before it: the bin is floor((t - time[0]) / bin_size), not t / bin_size.

        Parameters
        ----------
        column : "gocue", "response_time", "feedback_time", "reaction_time", or another of `events`

        Raises
        ------
        ValueError
            If this session has no such event times.
        """
        there = [event for event in self.events if event in self.trials]
        if column not in there:
            raise ValueError(
                f"no event times {column!r} in session {self.name}; it has "
                f"{', '.join(there) or 'none at all'}{did_you_mean(column, there)}"
            )
        seconds = self.trials[column].to_numpy(float)
        # A millionth of a bin of tolerance: 0.57 / 0.01 is 56.99999999999999 in floating point.
        bins = np.floor((seconds - self.time[0]) / self.bin_size + 1e-6)
        return np.where((bins >= 0) & (bins < self.n_bins), bins, np.nan)

    def align(self, event: str, window: tuple[float, float] = (-0.3, 0.5)) -> Session:
        """The session cut anew around an event of each trial, from the same bins.

        Bins are kept whole: bin 0 of the new time is the one in which the event falls, so that the
        event lies up to one bin after time 0, and the window is rounded to whole bins. Event times
        count from the start of that bin, so that each stays in the bin that it was in; of a session
        that was aligned to the stimulus, `stimulus_onset` is added to them. Trials in which the
        event did not happen, or whose window reaches beyond the recording, are left out, and their
        number is printed.

        Parameters
        ----------
        event : "reaction_time", "gocue", "response_time", "feedback_time", or another of `events`
        window : (start, stop)
            Seconds from the event.

        Raises
        ------
        ValueError
            If the session has no such event times, or no trial is left.
        """
        bins = self.event_bin(event)
        start, stop = span(window)
        if not np.isfinite([start, stop]).all():
            raise ValueError(f"window is {window}; an alignment needs a start and a stop")
        offsets = np.arange(round(start / self.bin_size), round(stop / self.bin_size))
        if not len(offsets):
            raise ValueError(
                f"window {window} holds no bin of {self.bin_size * 1000:g} ms; choose a longer one"
            )
        words = EVENTS.get(event, event)
        happened = ~self.trials[event].isna().to_numpy()
        if not happened.any():
            raise ValueError(
                f"none of the {self.n_trials} trials of session {self.name} has {words} (its time "
                f"is NaN in all of {event!r}); choose another event, or other trials"
            )
        inside = (bins + offsets[0] >= 0) & (bins + offsets[-1] < self.n_bins)
        kept = np.flatnonzero(inside)
        if not len(kept):
            raise ValueError(
                f"no trial has {window[0]:g} to {window[1]:g} s around {words} inside the "
                f"recording, which runs from {self.time[0]:g} to {self.time[-1] + self.bin_size:g} "
                f"s from {self.alignment}; choose a shorter window"
            )
        if len(kept) < self.n_trials:
            print(
                f"Aligned to {words}: {len(kept)} of {self.n_trials} trials; left out are "
                f"{(~happened).sum()} without it and {(happened & ~inside).sum()} whose window "
                "reaches beyond the recording."
            )
        first = bins[kept].astype(int)
        cut = kept[:, None], first[:, None] + offsets  # trials and bins, each (trials, time)
        trials = self.trials.iloc[kept].copy()
        if self.alignment == EVENTS["stimulus_onset"] and "stimulus_onset" not in trials:
            trials["stimulus_onset"] = 0.0
        for column in self.events:
            if column in trials:
                trials[column] = trials[column] - self.time[first]
        return self._changed(
            lambda _, array: array[cut],
            time=np.round(offsets * self.bin_size, 9),
            trials=trials,
            alignment=words,
        )

    # ------------------------------------------------------------------ showing it

    def __repr__(self) -> str:
        return (
            f"<Session {self.name} ({self.origin}): {self.n_neurons} neurons in "
            f"{len(self.regions)} regions, {self.n_trials} trials, "
            f"{self.n_bins} bins of {self.bin_size * 1000:g} ms"
            f"{'' if self.alignment == 'stimulus onset' else f' from {self.alignment}'}>"
        )

    def _repr_html_(self) -> str:
        stop = self.time[-1] + self.bin_size
        facts = {
            "origin": self.origin,
            "neurons": f"{self.n_neurons} in {len(self.regions)} regions",
            "trials": self.n_trials,
            "time": f"{self.time[0]:g} to {stop:g} s from {self.alignment}, "
            f"{self.n_bins} bins of {self.bin_size * 1000:g} ms",
            "mean rate": f"{self.rates_hz.mean():.1f} Hz a neuron",
            "trial columns": ", ".join(self.trials.columns) or "none",
            "behavior": ", ".join(self.behavior) or "none",
        }
        by_group = dict(list(self.units.groupby("group")["region"]))
        groups = {
            f"<span style='color:{allen.color_of(group)}'>&#9632;</span> {group}": ", ".join(
                f"{region} {(by_group[group] == region).sum()}"
                for region in allen.in_order(by_group[group])
            )
            for group in allen.GROUPS
            if group in by_group
        }
        return (
            f"<b>Session {html.escape(self.name)}</b>{_html_table(facts)}"
            f"<b>Neurons by region</b>{_html_table(groups)}"
        )


def _html_table(rows: Mapping[str, Any]) -> str:
    """A row for each name, which is HTML, and its value, which is text."""
    left = "style='text-align:left'"
    return "<table>{}</table>".format(
        "".join(
            f"<tr><th {left}>{name}</th><td {left}>{html.escape(str(value))}</td></tr>"
            for name, value in rows.items()
        )
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
        total += spikes[trial, bins].sum(axis=0, dtype=np.int64)
    return total / (len(trials) * len(range(spikes.shape[1])[bins]))


def _key(spikes: np.ndarray) -> str:
    """A digest of spikes (trials, time, neurons); 32 of the trials tell recordings apart."""
    digest = hashlib.blake2b(repr(spikes.shape).encode(), digest_size=16)
    for trial in spikes[:: max(1, len(spikes) // 32)]:
        digest.update(trial.astype("<u4", order="C").tobytes())
    return digest.hexdigest()
