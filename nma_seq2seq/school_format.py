"""One session as a dict of the summer school's format -> checked counts, tables and traces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen

_TRIAL_KEYS = (  # one number a trial; `reaction_time` holds two, and one of them in milliseconds
    *("contrast_left", "contrast_right", "response", "feedback_type", "gocue", "response_time"),
    *("feedback_time", "prev_reward"),
)
_TRACE_KEYS = ("wheel", "face", "licks")
_PUPIL = ("pupil_area", "pupil_x", "pupil_y")
_UNIT_KEYS = ("brain_area", "ccf", "ccf_axes", "trough_to_peak")
_SESSION_KEYS = ("mouse_name", "date_exp", "bin_size", "stim_onset")
#: What a session is made of; whatever else a file holds, it may hold in any form.
KEYS = ("spks", "reaction_time", "pupil", *_TRIAL_KEYS, *_TRACE_KEYS, *_UNIT_KEYS, *_SESSION_KEYS)
_NO_COLUMNS = {
    *(*KEYS, "active_trials", "cellid_orig", "ss", "lfp", "unit_columns", "alignment", "events"),
}
_TRIAL_S = 2.5  # what the summer school cut around each stimulus
#: Trials of the discrimination task, or the same gratings shown afterwards with nothing to do.
TASKS = ("active", "passive")
PASSIVE = "_passive"  # how the format marks what belongs to these


def plain(dat: Any) -> dict[str, Any]:
    """One session as a dict of arrays, from a dict of whatever holds numbers and text.

    Raises
    ------
    ValueError
        If it is none, but many sessions, a path, or something else.
    """
    if isinstance(dat, np.ndarray) and dat.dtype == object and dat.size == 1 and dat.ndim < 2:
        dat = dat.reshape(-1)[0]
    if isinstance(dat, str | os.PathLike):
        raise ValueError(f"{dat!s} is no dict; open a file with nma.load_file({str(dat)!r})")
    if isinstance(dat, list | tuple | np.ndarray) and len(dat):
        raise ValueError(
            f"these are {len(dat)} things where one session, a dict, is wanted; take one of them, "
            "such as nma.Session.from_dict(dat[0])"
        )
    if not isinstance(dat, Mapping):
        raise ValueError(
            f"a {type(dat).__name__} is no session; give a dict with spks and brain_area"
        )
    return {str(key): _array(dat[key], str(key)) for key in dat}


def _array(value: Any, key: str) -> np.ndarray:
    array = np.asarray(value)
    # Spike trains stay arrays of arrays, also where all happen to have as many spikes.
    if array.dtype.kind != "O" or key in ("ss", f"ss{PASSIVE}"):
        return array
    try:
        # Text and numbers in objects, as pandas and pickles have them.
        simple = np.array(array.tolist())
    except (ValueError, TypeError):
        return array
    return simple if simple.dtype.kind in "biufUS" else array


def _other_columns(dat: Mapping[str, Any], n_rows: int) -> dict[str, np.ndarray]:
    """What a table is for besides what is known: one number or word a row."""
    found = {}
    for key, value in dat.items():
        array = np.asarray(value)
        if key in _NO_COLUMNS or key.endswith(PASSIVE) or array.dtype.kind not in "biufU":
            continue
        if array.shape in ((n_rows,), (n_rows, 1)):
            found[key] = array.reshape(-1)
    return found


def _counts_from_times(ss: np.ndarray, bin_size: float, stim_onset: float) -> np.ndarray:
    """Counts (neurons, trials, time) from the spike times of each neuron in each trial.

    Parameters
    ----------
    ss : array of arrays, (neurons, trials)
        Seconds from bin 0; from stimulus onset if any is negative.
    bin_size, stim_onset : float
        Seconds.
    """
    n_trials, n_bins = ss.shape[1], round(_TRIAL_S / bin_size)
    times = [np.concatenate([*trains, np.zeros(0)]).astype(float) for trains in ss]
    is_from_onset = any(of_neuron.min(initial=0) < 0 for of_neuron in times)
    found = [np.zeros((0, n_trials, n_bins), np.uint8)]
    for trains, of_neuron in zip(ss, times, strict=True):
        after = of_neuron + stim_onset if is_from_onset else of_neuron
        where = np.floor(after / bin_size + 1e-6).astype(np.intp)
        trial = np.repeat(np.arange(n_trials), [len(train) for train in trains])
        inside = (where >= 0) & (where < n_bins)
        flat = trial[inside] * n_bins + where[inside]
        n_spikes = np.bincount(flat, minlength=n_trials * n_bins).reshape(1, n_trials, n_bins)
        found.append(n_spikes.astype(np.min_scalar_type(int(n_spikes.max(initial=0)))))
    return np.concatenate(found)


def has_passive(dat: Mapping[str, Any]) -> bool:
    """Whether a session of the format holds passive trials: their counts, or spike times."""
    return any(np.size(dat.get(f"{key}{PASSIVE}", ())) for key in ("spks", "ss"))


def passive(dat: Mapping[str, Any], n_neurons: int, n_trials: int, name: str) -> dict[str, Any]:
    """The passive trials alone, under the keys that those of the task have.

    Parameters
    ----------
    dat : mapping
        Of arrays, as `plain` gives it.
    n_neurons, n_trials : int
        Of the task.
    name : str
        Of the session, for messages.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not has_passive(dat):
        raise ValueError(
            f"session {name} holds no passive trials ('spks_passive'); leave task= out for those "
            "of the task"
        )
    of_units = list(_other_unit_columns(dat, n_neurons, n_trials))
    kept = {key: dat[key] for key in (*_UNIT_KEYS, *_SESSION_KEYS, *of_units) if key in dat}
    shown = {key.removesuffix(PASSIVE): dat[key] for key in dat if key.endswith(PASSIVE)}
    return kept | shown | {"unit_columns": np.array(of_units, dtype=str)}


def session_name(dat: Mapping[str, Any]) -> tuple[str, str]:
    """Mouse and date."""
    return _text(dat.get("mouse_name", "unknown")), _text(dat.get("date_exp", "unknown"))


def time_zero(dat: Mapping[str, Any]) -> dict[str, Any]:
    """What happens at time 0 and which columns of trials are times, where `dat` says so."""
    found: dict[str, Any] = {}
    if "alignment" in dat:
        found["alignment"] = _text(dat["alignment"])
    if "events" in dat:
        found["events"] = tuple(map(str, np.asarray(dat["events"]).reshape(-1)))
    return found


def seconds(dat: Mapping[str, Any], name: str) -> tuple[float, float]:
    """`bin_size` and `stim_onset`."""
    bin_size = _scalar(dat.get("bin_size", 0.01), "bin_size", name)
    stim_onset = _scalar(dat.get("stim_onset", 0.5), "stim_onset", name)
    if not bin_size > 0:
        raise ValueError(f"session {name}: bin_size is {bin_size}; it must be above 0 seconds")
    return bin_size, stim_onset


def _text(value: Any) -> str:
    value = np.asarray(value)
    return str(value.reshape(-1)[0]) if value.size else "unknown"


def _scalar(value: Any, key: str, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"session {name}: {key} must be one number of seconds")
    return float(array.reshape(-1)[0])


def counts(dat: Mapping[str, Any], name: str) -> np.ndarray:
    """Checked counts (trials, time, neurons), in the smallest unsigned type.

    They are a view of `dat["spks"]` where that has bytes, and laid out anew where it has not, or
    where there are spike times instead.

    Raises
    ------
    ValueError
        If there are neither, no regions, or other values than counts.
    """
    found = dict(dat)
    if "spks" not in dat and "brain_area" in dat and np.ndim(dat.get("ss", ())) == 2:
        found["spks"] = _counts_from_times(dat["ss"], *seconds(dat, name))
    for key in ("spks", "brain_area"):
        if key not in found:
            raise ValueError(
                f"session {name} has no {key!r}; a session needs 'spks' and 'brain_area', "
                f"this one has {', '.join(sorted(map(str, dat))) or 'nothing'}"
            )
    spks = np.asarray(found["spks"])
    highest = _checked_highest(spks, name)
    spikes = spks.transpose(1, 2, 0)
    if spks.dtype.itemsize == 1:
        return spikes.view(np.uint8)
    return spikes.astype(np.min_scalar_type(highest), order="C")


def _checked_highest(spks: np.ndarray, name: str) -> int:
    """The highest of `spks`, or a ValueError that says what is wrong with them."""
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
    if spks.dtype.kind != "f" and spks.min() >= 0:
        # Whole counts need no temporary array, and are read in the order in which they lie.
        return int(spks.max())
    # One neuron at a time, so that no temporary array is as large as the whole session.
    highest = 0
    for neuron, values in enumerate(spks):
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"session {name}: spks of neuron {neuron} holds NaN or inf")
        if values.dtype.kind == "f" and (values != np.floor(values)).any():
            raise ValueError(f"session {name}: spks of neuron {neuron} holds fractions of a spike")
        if values.dtype != bool and values.min() < 0:
            raise ValueError(f"session {name}: spks of neuron {neuron} holds negative counts")
        highest = max(highest, int(values.max()))
    return highest


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


def units_table(dat: Mapping[str, Any], n_neurons: int, n_trials: int, name: str) -> pd.DataFrame:
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
    units: dict[str, Any] = {"region": region, "group": [allen.group_of(name) for name in region]}
    if "ccf" in dat:
        axes = [str(a) for a in np.asarray(dat.get("ccf_axes", ["ap", "dv", "lr"])).reshape(-1)]
        if sorted(axes) != ["ap", "dv", "lr"]:
            raise ValueError(f"session {name}: ccf_axes are {axes}; they must be ap, dv and lr")
        ccf = np.asarray(_sized(dat, "ccf", (n_neurons, 3), name), dtype=np.float64)
        units |= {axis: ccf[:, axes.index(axis)] for axis in ("ap", "dv", "lr")}
    if "trough_to_peak" in dat:
        units["trough_to_peak"] = _sized(dat, "trough_to_peak", (n_neurons,), name)
    units = _other_unit_columns(dat, n_neurons, n_trials) | units
    return pd.DataFrame(units, index=pd.RangeIndex(n_neurons, name="unit"))


def _other_unit_columns(
    dat: Mapping[str, Any], n_neurons: int, n_trials: int
) -> dict[str, np.ndarray]:
    others = _other_columns(dat, n_neurons)
    if n_neurons == n_trials:  # there is no telling whose they are: trials get them, but for these
        listed = np.asarray(dat.get("unit_columns", [])).reshape(-1)
        others = {key: values for key, values in others.items() if key in listed}
    return others


def trials_table(dat: Mapping[str, Any], n_trials: int, name: str) -> pd.DataFrame:
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
    listed = np.asarray(dat.get("unit_columns", [])).reshape(-1)
    others = {k: v for k, v in _other_columns(dat, n_trials).items() if k not in listed}
    return trials.assign(**{key: others[key] for key in others if key not in trials})


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


def as_dict(session: Any) -> dict[str, Any]:
    """A Session as a dict of the format; what `from_dict` reads, the other way round."""
    units, trials, behavior = session.units, session.trials, dict(session.behavior)
    dat: dict[str, Any] = {
        "spks": session.spikes.transpose(2, 0, 1),
        "brain_area": units["region"].to_numpy(str),
        "mouse_name": session.mouse,
        "date_exp": session.date,
        "bin_size": session.bin_size,
        "stim_onset": -float(session.time[0]),
        "alignment": session.alignment,
        "events": np.array(session.events, dtype=str),
    }
    taken = {"region", "group"}
    if {"ap", "dv", "lr"} <= set(units):
        dat |= {"ccf": units[["ap", "dv", "lr"]].to_numpy(float), "ccf_axes": ["ap", "dv", "lr"]}
        taken |= {"ap", "dv", "lr"}
    more = [str(column) for column in units if column not in taken]
    dat |= {column: _storable(units[column]) for column in more}
    dat["unit_columns"] = np.array(more, dtype=str)
    taken = {"reaction_time", "movement_direction"}
    if "reaction_time" in trials:
        seconds = trials["reaction_time"].to_numpy(float)
        direction = trials.get("movement_direction", np.isfinite(seconds).astype(float))
        dat["reaction_time"] = np.column_stack(
            [np.where(np.isfinite(seconds), seconds * 1e3, np.inf), direction]
        )
    dat |= {column: _storable(trials[column]) for column in trials if column not in taken}
    if set(_PUPIL) <= set(behavior):
        dat["pupil"] = np.stack([behavior[key] for key in _PUPIL])
    dat |= {key: behavior[key][None] for key in _TRACE_KEYS if key in behavior}
    return dat


def _storable(column: pd.Series) -> np.ndarray:
    """A column without Python objects in it, which would be stored as a pickle."""
    values = column.to_numpy()
    return values if values.dtype.kind in "biufUS" else values.astype(str)
