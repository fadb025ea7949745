"""One session as a dict of the summer school's format -> checked counts, tables and traces."""

from __future__ import annotations

from collections.abc import Mapping
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
_TIMES = ("gocue", "response_time", "feedback_time")
_TRACE_KEYS = ("wheel", "face", "licks")
_PUPIL = ("pupil_area", "pupil_x", "pupil_y")


def session_name(dat: Mapping[str, Any]) -> tuple[str, str]:
    """Mouse and date."""
    return _text(dat.get("mouse_name", "unknown")), _text(dat.get("date_exp", "unknown"))


def seconds(dat: Mapping[str, Any], n_bins: int, name: str) -> tuple[float, float]:
    """`bin_size` and `stim_onset`."""
    bin_size = _scalar(dat.get("bin_size", 0.01), "bin_size", name)
    stim_onset = _scalar(dat.get("stim_onset", 0.5), "stim_onset", name)
    if not bin_size > 0:
        raise ValueError(f"session {name}: bin_size is {bin_size}; it must be above 0 seconds")
    if bin_size >= 1:
        raise ValueError(
            f"session {name}: bin_size is {bin_size:g}; it is in seconds, so write "
            f"{bin_size / 1000:g} for {bin_size:g} ms"
        )
    stop = n_bins * bin_size
    if not -stop - 5 < stim_onset < stop + 5:
        raise ValueError(
            f"session {name}: stim_onset is {stim_onset:g}; it is in seconds from the start of the "
            f"first bin, and the bins end after {stop:g} s, so write {stim_onset * bin_size:g} for "
            f"{stim_onset:g} bins or {stim_onset / 1000:g} for {stim_onset:g} ms"
        )
    return bin_size, stim_onset


def _text(value: Any) -> str:
    value = np.asarray(value)
    return str(value.reshape(-1)[0]) if value.size else "unknown"


def _scalar(value: Any, key: str, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"session {name}: {key} must be one number of seconds")
    return float(array.reshape(-1)[0])


def checked_counts(spks: np.ndarray, name: str) -> np.ndarray:
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


def units_table(dat: Mapping[str, Any], n_neurons: int, name: str) -> pd.DataFrame:
    area = np.asarray(dat["brain_area"])
    if area.shape != (n_neurons,) or area.dtype.kind not in "US":
        raise ValueError(
            f"session {name}: brain_area has shape {area.shape} and type {area.dtype}; it must be "
            f"one acronym for each of the {n_neurons} neurons"
        )
    if area.dtype.kind == "S":
        area = np.char.decode(area, "ascii", "replace")
    # The summer school's own lists hold " TT": a stray space must not make a new region.
    written = [str(acronym).strip() for acronym in area]
    region = [allen.as_written(allen.without_layer(acronym)) for acronym in written]
    units: dict[str, Any] = {"region": region, "group": [allen.group_of(each) for each in region]}
    if region != written:
        changed = dict.fromkeys(
            f"{old} is {new}" for old, new in zip(written, region, strict=True) if old != new
        )
        few = ", ".join(list(changed)[:5]) + (", ..." if len(changed) > 5 else "")
        print(f"Session {name}: {few}; what the file says is in units['layer_region'].")
        units["layer_region"] = written
    if "ccf" in dat:
        axes = [str(a) for a in np.asarray(dat.get("ccf_axes", ["ap", "dv", "lr"])).reshape(-1)]
        if sorted(axes) != ["ap", "dv", "lr"]:
            raise ValueError(f"session {name}: ccf_axes are {axes}; they must be ap, dv and lr")
        ccf = np.asarray(_sized(dat, "ccf", (n_neurons, 3), name), dtype=np.float64)
        units |= {axis: ccf[:, axes.index(axis)] for axis in ("ap", "dv", "lr")}
    if "trough_to_peak" in dat:
        units["trough_to_peak"] = _sized(dat, "trough_to_peak", (n_neurons,), name)
    return pd.DataFrame(units, index=pd.RangeIndex(n_neurons, name="unit"))


def trials_table(dat: Mapping[str, Any], n_trials: int, duration: float, name: str) -> pd.DataFrame:
    """What is known of each trial; `duration` is the recording's of one, in seconds."""
    trials = pd.DataFrame(index=pd.RangeIndex(n_trials, name="trial"))
    for key in _TRIAL_KEYS:
        older = f"{key}s"  # the first files of 2020 say response_times and feedback_times
        if key not in dat and key in _TIMES and older in dat:
            print(f"Session {name}: {older!r} is read as {key!r}.")
            dat = {**dat, key: dat[older]}
        if key in dat:
            trials[key] = _sized(dat, key, (n_trials,), name).astype(np.float64)
            _check_range(key, trials[key].to_numpy(), duration, name)
    if "reaction_time" in dat:
        reaction = _sized(dat, "reaction_time", (n_trials, 2), name).astype(np.float64)
        # Milliseconds, and inf where the mouse did not move.
        milliseconds = np.where(np.isfinite(reaction[:, 0]), reaction[:, 0], np.nan)
        known = milliseconds[np.isfinite(milliseconds) & (milliseconds != 0)]
        if len(known) and np.abs(known).max() < 10:
            raise ValueError(
                f"session {name}: reaction_time goes to {np.abs(known).max():g}; its first column "
                "is in milliseconds, so multiply seconds by 1000"
            )
        trials["reaction_time"] = milliseconds / 1e3
        _check_range("reaction_time", milliseconds / 1e3, duration, name)
        trials["movement_direction"] = reaction[:, 1]
    return trials


def _check_range(key: str, values: np.ndarray, duration: float, name: str) -> None:
    """Values that are in the wrong unit, or coded otherwise, get a sentence."""
    known = values[np.isfinite(values)]
    if not len(known):
        return
    low, high = known.min(), known.max()
    if key.startswith("contrast") and (low < 0 or high > 1):
        raise ValueError(
            f"session {name}: {key} goes from {low:g} to {high:g}; contrasts are 0 to 1, so divide "
            "percentages by 100"
        )
    if key in ("response", "feedback_type") and not np.isin(known, (-1, 0, 1)).all():
        meaning = "+1 left, -1 right, 0 no-go" if key == "response" else "+1 reward, -1 noise"
        odd = known[~np.isin(known, (-1, 0, 1))][0]
        raise ValueError(f"session {name}: {key} holds {odd:g}; it must be {meaning}")
    if key in (*_TIMES, "reaction_time") and np.median(np.abs(known)) > 10 * max(duration, 1):
        raise ValueError(
            f"session {name}: {key} has a median of {np.median(known):g}; it is in seconds from "
            f"stimulus onset, and a trial's bins last {duration:g} s: divide milliseconds by 1000, "
            "and take the stimulus' own time from times on the recording's clock"
        )


def traces(dat: Mapping[str, Any], n_trials: int, n_bins: int, name: str) -> dict[str, np.ndarray]:
    """What the cameras and the wheel saw, each (trials, time), float32."""
    behavior = {}
    for key in _TRACE_KEYS:
        if key in dat:
            trace = _sized(dat, key, (n_trials, n_bins), name)
            behavior[key] = np.asarray(trace, dtype=np.float32)
    if "pupil" in dat:
        pupil = np.asarray(_sized(dat, "pupil", (3, n_trials, n_bins), name), dtype=np.float32)
        behavior |= dict(zip(_PUPIL, pupil, strict=True))
    return behavior


_SHARED = (
    "brain_area",
    "ccf",
    "ccf_axes",
    "trough_to_peak",
    "mouse_name",
    "date_exp",
    "bin_size",
    "stim_onset",
)


def passive_part(dat: Mapping[str, Any]) -> dict[str, Any]:
    """The trials without a task, under the names that those with one have.

    Raises
    ------
    ValueError
        If there are none.
    """
    mouse, date = session_name(dat)
    spks = np.asarray(dat.get("spks_passive", np.empty((0, 0, 0))))
    if spks.ndim != 3 or not spks.shape[1]:
        raise ValueError(
            f"session {mouse}_{date} has no passive trials (no 'spks_passive'); leave out "
            "task='passive'"
        )
    passive = {
        key.removesuffix("_passive"): value
        for key, value in dat.items()
        if key.endswith("_passive")
    }
    return {key: dat[key] for key in _SHARED if key in dat} | passive
