"""Session: one recording, what every other file speaks of."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen

# Keys of the format that hold one number a trial; `reaction_time` holds two, see below.
_TRIAL_KEYS = (
    "contrast_left",
    "contrast_right",
    "response",
    "feedback_type",
    "gocue",
    "response_time",
    "feedback_time",
    "prev_reward",
)
_TRACE_KEYS = ("wheel", "face", "licks")
_PUPIL = ("pupil_area", "pupil_x", "pupil_y")
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
        mouse = _text(dat.get("mouse_name", "unknown"))
        date = _text(dat.get("date_exp", "unknown"))
        name = f"{mouse}_{date}"
        for key in ("spks", "brain_area"):
            if key not in dat:
                raise ValueError(
                    f"session {name} has no {key!r}; a session needs 'spks' and 'brain_area', "
                    f"this one has {', '.join(sorted(map(str, dat))) or 'nothing'}"
                )
        spks = _checked_counts(np.asarray(dat["spks"]), name)
        n_neurons, n_trials, n_bins = spks.shape
        bin_size = _scalar(dat.get("bin_size", 0.01), "bin_size", name)
        stim_onset = _scalar(dat.get("stim_onset", 0.5), "stim_onset", name)
        if not bin_size > 0:
            raise ValueError(f"session {name}: bin_size is {bin_size}; it must be above 0 seconds")

        units = _units_table(dat, n_neurons, name)
        trials = _trials_table(dat, n_trials, name)

        behavior = {}
        for key in _TRACE_KEYS:
            if key in dat:
                trace = _sized(dat, key, (n_trials, n_bins), name)
                behavior[key] = np.asarray(trace, dtype=np.float32)
        if "pupil" in dat:
            pupil = np.asarray(_sized(dat, "pupil", (3, n_trials, n_bins), name), dtype=np.float32)
            behavior |= dict(zip(_PUPIL, pupil, strict=True))

        return cls(
            # Copied into (trials, time, neurons) order, so that one trial lies together in memory.
            spikes=np.ascontiguousarray(spks.transpose(1, 2, 0)),
            time=np.round(np.arange(n_bins) * bin_size - stim_onset, 9),
            units=units,
            trials=trials,
            behavior=behavior,
            name=name,
            mouse=mouse,
            date=date,
            bin_size=bin_size,
            origin=origin,
            latents=latents,
            rates=rates,
        )

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
        return self.spikes.mean(axis=(0, 1), dtype=np.float64) / self.bin_size

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
        spikes = self.spikes[chosen, bins]
        if min_rate_hz > 0:
            neurons &= spikes.mean(axis=(0, 1), dtype=np.float64) / self.bin_size >= min_rate_hz
        if not neurons.any():
            raise ValueError(
                f"no neuron fires at {min_rate_hz:g} Hz or more; choose a lower min_rate_hz"
            )
        return replace(
            self,
            spikes=np.ascontiguousarray(spikes[:, :, neurons]),
            time=self.time[bins],
            units=self.units[neurons],
            trials=self.trials.iloc[chosen],
            behavior={k: v[chosen, bins] for k, v in self.behavior.items()},
            latents=None if self.latents is None else self.latents[chosen, bins],
            rates=None if self.rates is None else self.rates[chosen, bins][:, :, neurons],
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


# ---------------------------------------------------------------------- checks of the format


def _text(value: Any) -> str:
    value = np.asarray(value)
    return str(value.reshape(-1)[0]) if value.size else "unknown"


def _scalar(value: Any, key: str, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"session {name}: {key} must be one number of seconds")
    return float(array.reshape(-1)[0])


def _checked_counts(spks: np.ndarray, name: str) -> np.ndarray:
    """`spks` as uint8, or a ValueError that says what is wrong with it."""
    if spks.dtype.kind not in "iufb":
        raise ValueError(f"session {name}: spks holds {spks.dtype} values; it must hold counts")
    if spks.ndim != 3:
        raise ValueError(
            f"session {name}: spks has shape {spks.shape}; it must be (neurons, trials, time)"
        )
    n_neurons, n_trials, n_bins = spks.shape
    if n_neurons < 2 or n_trials < 1 or n_bins < 1:
        raise ValueError(
            f"session {name}: {n_neurons} neurons, {n_trials} trials, {n_bins} bins; a session "
            "needs at least two neurons (one to predict the other), one trial and one bin"
        )
    if spks.dtype.kind != "f" and spks.min() >= 0 and spks.max() <= 255:
        # Whole counts need no temporary array, and are read in the order in which they lie.
        return spks.view(np.uint8) if spks.dtype.itemsize == 1 else spks.astype(np.uint8)
    # One neuron at a time, so that no temporary array is as large as the whole session.
    for neuron, counts in enumerate(spks):
        if counts.dtype.kind == "f" and not np.isfinite(counts).all():
            raise ValueError(f"session {name}: spks of neuron {neuron} holds NaN or inf")
        if counts.dtype.kind == "f" and (counts != np.floor(counts)).any():
            raise ValueError(f"session {name}: spks of neuron {neuron} holds fractions of a spike")
        if counts.dtype != bool and counts.min() < 0:
            raise ValueError(f"session {name}: spks of neuron {neuron} holds negative counts")
        if counts.max() > 255:
            raise ValueError(f"session {name}: spks of neuron {neuron} exceeds 255 in one bin")
    return spks.astype(np.uint8)


def _sized(dat: Mapping[str, Any], key: str, shape: tuple[int, ...], name: str) -> np.ndarray:
    """`dat[key]` in the given shape; axes of length 1 may be there or not."""
    array = np.asarray(dat[key])
    if tuple(n for n in array.shape if n != 1) != tuple(n for n in shape if n != 1):
        raise ValueError(
            f"session {name}: {key} has shape {array.shape}; it must be {shape} to go with spks"
        )
    if array.dtype.kind not in "iufb":
        raise ValueError(f"session {name}: {key} holds {array.dtype} values; it must hold numbers")
    return array.reshape(shape)


def _units_table(dat: Mapping[str, Any], n_neurons: int, name: str) -> pd.DataFrame:
    area = np.asarray(dat["brain_area"])
    if area.shape != (n_neurons,) or area.dtype.kind not in "US":
        raise ValueError(
            f"session {name}: brain_area has shape {area.shape} and type {area.dtype}; it must be "
            f"one acronym for each of the {n_neurons} neurons"
        )
    if area.dtype.kind == "S":
        area = np.char.decode(area, "ascii", "replace")
    # The summer school's own lists hold " TT": a stray space must not make a new region.
    region = [str(acronym).strip() for acronym in area]
    units = {"region": region, "group": [allen.group_of(acronym) for acronym in region]}
    if "ccf" in dat:
        axes = [str(a) for a in np.asarray(dat.get("ccf_axes", ["ap", "dv", "lr"])).reshape(-1)]
        if sorted(axes) != ["ap", "dv", "lr"]:
            raise ValueError(f"session {name}: ccf_axes are {axes}; they must be ap, dv and lr")
        ccf = np.asarray(_sized(dat, "ccf", (n_neurons, 3), name), dtype=np.float64)
        units |= {axis: ccf[:, axes.index(axis)] for axis in ("ap", "dv", "lr")}
    if "trough_to_peak" in dat:
        units["trough_to_peak"] = _sized(dat, "trough_to_peak", (n_neurons,), name)
    return pd.DataFrame(units, index=pd.RangeIndex(n_neurons, name="unit"))


def _trials_table(dat: Mapping[str, Any], n_trials: int, name: str) -> pd.DataFrame:
    trials = pd.DataFrame(index=pd.RangeIndex(n_trials, name="trial"))
    for key in _TRIAL_KEYS:
        if key in dat:
            trials[key] = _sized(dat, key, (n_trials,), name).astype(np.float64)
    if "reaction_time" in dat:
        reaction = _sized(dat, "reaction_time", (n_trials, 2), name).astype(np.float64)
        # Milliseconds, and inf where the mouse did not move.
        trials["reaction_time"] = (
            np.where(np.isfinite(reaction[:, 0]), reaction[:, 0], np.nan) / 1e3
        )
        trials["movement_direction"] = reaction[:, 1]
    return trials


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
