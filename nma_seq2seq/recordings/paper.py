"""How Steinmetz et al. (2019) wrote their own files: what NWB (DANDI) and ALF (figshare) share.

References
----------
Steinmetz, Zatka-Haas, Carandini & Harris (2019). Nature 576, 266-273. DANDI 000017; figshare
9598406 and 9974357.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: The course's name of a column of trials, its name in NWB, and the attribute of `trials` in ALF.
TRIAL_COLUMNS = (
    ("stimulus_onset", "visual_stimulus_time", "visualStim_times"),
    ("contrast_left", "visual_stimulus_left_contrast", "visualStim_contrastLeft"),
    ("contrast_right", "visual_stimulus_right_contrast", "visualStim_contrastRight"),
    ("response", "response_choice", "response_choice"),
    ("feedback_type", "feedback_type", "feedbackType"),
    ("gocue", "go_cue", "goCue_times"),
    ("response_time", "response_time", "response_times"),
    ("feedback_time", "feedback_time", "feedback_times"),
    ("included", "included", "included"),
    ("rep_num", "rep_num", "repNum"),
)
FROM_NWB = {nwb: ours for ours, nwb, _ in TRIAL_COLUMNS}
FROM_ALF = {alf: ours for ours, _, alf in TRIAL_COLUMNS}
#: Those of the course's columns that are times.
TIMES = ("stimulus_onset", "reaction_time", "start_time", "stop_time")

#: Of the wheel, per tick of its encoder: 31 mm of radius, 1440 ticks a turn.
WHEEL_MM = 0.135

#: 0 noise, 1 multi-unit, 2 good, 3 unsorted; the paper keeps what is not known to be bad.
ANNOTATED = "phy_annotations >= 2"


def with_reaction(
    trials: pd.DataFrame, stimulus: str, until: str, starts: np.ndarray, kinds: np.ndarray | None
) -> tuple[pd.DataFrame, str]:
    """Trials with when the mouse began to turn the wheel, and which way; and what was left out.

    The first detected movement that starts after the stimulus and not after `until` (the
    response); flinches (kind 0) do not count. NaN, and direction 0, where there is none.

    Parameters
    ----------
    trials : DataFrame
    stimulus, until : str
        Columns of trials, in seconds.
    starts : array, (movements,)
        Seconds.
    kinds : array, (movements,), or None
        0 flinch, 1 left, 2 right.
    """
    direction = np.ones(len(starts))
    if kinds is not None:
        if len(kinds) != len(starts):
            return trials, (
                f"reaction_time left out, for {len(starts)} movements of the wheel have "
                f"{len(kinds)} kinds"
            )
        direction = np.select([kinds == 1, kinds == 2], [1.0, -1.0], 0.0)
        starts, direction = starts[direction != 0], direction[direction != 0]
    order = np.argsort(starts)
    starts, direction = np.append(starts[order], np.inf), np.append(direction[order], 0.0)
    onset = trials[stimulus].to_numpy(float)
    first = np.searchsorted(starts, np.nan_to_num(onset, nan=np.inf).clip(max=1e300))
    moved = starts[first] <= trials[until].to_numpy(float)
    trials = trials.assign(reaction_time=np.where(moved, starts[first], np.nan))
    if kinds is not None:
        trials["movement_direction"] = np.where(moved, direction[first], 0.0)
    return trials, ""


def traces(
    name: str, times: np.ndarray, values: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What a series becomes: name -> times and values; nothing where it is no series of numbers."""
    if len(times) != len(values):
        return {}
    if name == "pupil_xy" and values.ndim == 2 and values.shape[1] == 2:
        return {"pupil_x": (times, values[:, 0]), "pupil_y": (times, values[:, 1])}
    if values.size != len(times):
        return {}
    values = values.reshape(-1)
    return {"wheel": speed(times, values)} if name == "wheel_position" else {name: (times, values)}


def speed(times: np.ndarray, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and speed between the samples of a position, in its unit a second."""
    step = np.diff(times)
    return (times[1:] + times[:-1]) / 2, np.diff(position) / np.where(step > 0, step, np.nan)


def sample_times(
    n_samples: int, timestamps: np.ndarray | None, start: float | None, rate: float | None
) -> np.ndarray:
    """When each sample of a series was taken, (samples,), in s.

    Two things are not what they should be in these files: some series give the period (0.0004 s)
    as their rate, and some no more than the times of the first and the last sample.
    """
    if timestamps is not None:
        timestamps = np.asarray(timestamps, dtype=float).reshape(-1)
        if len(timestamps) == 2 < n_samples:
            return np.linspace(timestamps[0], timestamps[1], n_samples)
        return timestamps
    period = rate if rate is not None and rate < 1 else 1 / (rate or 1.0)
    return (start or 0.0) + np.arange(n_samples) * period


def renamed(trials: pd.DataFrame, names: Mapping[str, str]) -> dict[str, str]:
    """Those of `names` that are columns of the trials and would hide no other column."""
    return {
        old: new
        for old, new in names.items()
        if old in trials and (new not in trials or new == old)
    }
