"""How Steinmetz et al. (2019) wrote their own files: what NWB (DANDI) and ALF (figshare) share.

References
----------
Steinmetz, Zatka-Haas, Carandini & Harris (2019). Nature 576, 266-273. DANDI 000017; figshare
9598406 and 9974357.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
TIMES = ("stimulus_onset", "gocue", "response_time", "feedback_time", "start_time", "stop_time")

#: Of the wheel, per tick of its encoder: 31 mm of radius, 1440 ticks a turn.
WHEEL_MM = 0.135

#: 0 noise, 1 multi-unit, 2 good, 3 unsorted; the paper keeps what is not known to be bad.
LEAST_ANNOTATION = 2
ANNOTATED = f"phy_annotations >= {LEAST_ANNOTATION}"


def peak_rows(
    peak_channel: np.ndarray,
    n_channels: int,
    depths: np.ndarray | None,
    heights: np.ndarray | None,
    nearest: np.ndarray | None = None,
) -> tuple[np.ndarray, str]:
    """The row of the table of channels that holds each unit's peak channel.

    Whether peak channels are counted from 0 or from 1 is not written anywhere. The units' depths
    tell: counted rightly, a unit lies near its channel.

    Parameters
    ----------
    peak_channel : array, (units,)
    n_channels : int
    depths : array, (units,), or None
        Of the units, µm from the tip.
    heights : array, (channels,), or None
        Of the channels, µm from the tip.
    nearest : array, (units,), or None
        The row of the first channel of each unit's template, where a file has it.

    Returns
    -------
    rows : array of int, (units,)
    said : str
        Which way of counting it is, and why.

    Raises
    ------
    ValueError
        If channels are counted in neither way.
    """
    peaks = np.asarray(peak_channel).reshape(-1).astype(int)
    possible = [base for base in (0, 1) if peaks.min() >= base and peaks.max() < n_channels + base]
    if not possible:
        raise ValueError(
            f"peak_channel runs from {peaks.min()} to {peaks.max()} where there are {n_channels} "
            "channels; give each unit's region with region="
        )
    if len(possible) == 1:
        base = possible[0]
        return peaks - base, (
            f"peak_channel counts from {base} (it runs from {peaks.min()} to {peaks.max()})"
        )
    if depths is not None and heights is not None:
        off = [np.nanmean(np.abs(heights[peaks - base] - depths).clip(max=200)) for base in (0, 1)]
        if abs(off[0] - off[1]) > 0.5:
            base = int(off[1] < off[0])
            return peaks - base, (
                f"peak_channel counts from {base} (units are then {off[base]:.1f} µm from their "
                f"channels, else {off[1 - base]:.1f} µm)"
            )
    if nearest is not None:
        agree = [(nearest == peaks - base).mean() for base in (0, 1)]
        if agree[0] != agree[1]:
            base = int(agree[1] > agree[0])
            return peaks - base, (
                f"peak_channel counts from {base} (it is then the first channel of "
                f"{agree[base]:.0%} of the templates)"
            )
    return peaks, "peak_channel is taken to count from 0, for nothing in the file tells"


def units_of_channels(
    rows: np.ndarray, channels: pd.DataFrame, probe: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Region, position and probe of units whose peak channels are the given rows.

    `channels` has those of the columns `region`, `ap`, `dv`, `lr` and `probe` that are known.
    """
    found = {str(column): channels[column].to_numpy()[rows] for column in channels}
    if probe is not None:
        found["probe"] = np.asarray(probe).reshape(-1)
    return found


def width(duration: np.ndarray, depths: np.ndarray | None) -> tuple[np.ndarray | None, str]:
    """Trough to peak in samples, or None where a file has the depths in its place, as some do."""
    duration = np.asarray(duration, dtype=float).reshape(-1)
    if depths is not None and len(duration) > 2 and np.allclose(duration, depths, rtol=0.01):
        return None, "waveform_duration left out, for it is a copy of the depths"
    return duration, ""


def reaction(
    stimulus: np.ndarray, until: np.ndarray, starts: np.ndarray, kinds: np.ndarray | None
) -> dict[str, np.ndarray]:
    """When the mouse began to turn the wheel, and which way, (trials,) each.

    The first detected movement that starts after the stimulus and not after `until` (the
    response); flinches (kind 0) do not count. NaN, and direction 0, where there is none.

    Parameters
    ----------
    stimulus, until : arrays, (trials,)
        Seconds.
    starts : array, (movements,)
        Seconds.
    kinds : array, (movements,), or None
        0 flinch, 1 left, 2 right.
    """
    starts = np.asarray(starts, dtype=float).reshape(-1)
    direction = np.ones(len(starts))
    if kinds is not None:
        kinds = np.asarray(kinds).reshape(-1).astype(int)
        direction = np.select([kinds == 1, kinds == 2], [1.0, -1.0], 0.0)
        starts, direction = starts[direction != 0], direction[direction != 0]
    order = np.argsort(starts)
    starts, direction = np.append(starts[order], np.inf), np.append(direction[order], 0.0)
    first = np.searchsorted(starts, np.nan_to_num(stimulus, nan=np.inf).clip(max=1e300))
    moved = starts[first] <= until
    found = {"reaction_time": np.where(moved, starts[first], np.nan)}
    if kinds is not None:
        found["movement_direction"] = np.where(moved, direction[first], 0.0)
    return found


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


def pairs(intervals: Any, n: int) -> np.ndarray:
    """Starts of intervals that are written as (n, 2), or one after the other as (2n,)."""
    flat = np.asarray(intervals, dtype=float)
    return flat.reshape(-1, 2)[:n, 0] if flat.size == 2 * n else flat.reshape(-1)[:n]


def renamed(trials: pd.DataFrame, names: Mapping[str, str]) -> dict[str, str]:
    """Those of `names` that are columns of the trials and would hide no other column."""
    return {
        old: new
        for old, new in names.items()
        if old in trials and (new not in trials or new == old)
    }
