"""A recording on its own clock, as NWB and ALF hold it, and how it is cut into a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq.recordings import paper
from nma_seq2seq.session import EVENTS, Session
from nma_seq2seq.spike_times import first_and_last, make_bins


@dataclass(frozen=True)
class Asked:
    """What is asked of a recording: the arguments of `load_nwb`, which says what they are."""

    align: Any
    window: Sequence[float]
    bin_size: float
    region: Any
    units: Any
    trials: Any
    task: str


@dataclass(frozen=True)
class Continuous:
    """One recording before it is cut into trials; all times in seconds on one clock.

    Attributes
    ----------
    label : str
        The file, for messages.
    name, mouse, date : str
    spike_times : list of arrays, one a unit
    units : DataFrame, one row a unit
        `region` is the acronym as the file has it.
    trials : DataFrame, one row a trial
    onset : str
        The column of `trials` that they are cut around if nothing else is asked for.
    names : dict of a column of `trials` -> its name in the course
        They get these once they are no longer needed under their own.
    events : tuple of str
        The columns of `trials` that are times.
    onsets : dict of name -> array
        What trials can be cut around besides the columns of `trials`: intervals, presentations.
    behavior : dict of name -> (times, values)
        Values are None where the times are to be counted.
    passive : DataFrame, one row a trial without a task
        `stimulus_onset`, and those of `contrast_left` and `contrast_right` that there are.
    said : list of str
        What was decided in reading it.
    """

    label: str
    name: str
    mouse: str
    date: str
    spike_times: Sequence[np.ndarray]
    units: pd.DataFrame
    trials: pd.DataFrame
    onset: str
    names: Mapping[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    onsets: Mapping[str, np.ndarray] = field(default_factory=dict)
    behavior: Mapping[str, tuple[np.ndarray, np.ndarray | None]] = field(default_factory=dict)
    passive: pd.DataFrame = field(default_factory=pd.DataFrame)
    said: Sequence[str] = ()


def cut(recording: Continuous, asked: Asked) -> tuple[Session, str]:
    """The session around an event, and in one line what was decided and left out.

    Raises
    ------
    ValueError
        If it cannot be cut as asked for; the sentence lists what there is.
    """
    if asked.task == "passive":
        return _passive(recording, asked)
    said = list(recording.said)
    units = asked.units
    if units is None and "phy_annotations" in recording.units:
        units = paper.ANNOTATED
        said.append(f"units with {units}, as in the paper")
    chosen = _rows(units, recording.units, "units", recording.label)
    if len(chosen) < 2:
        raise ValueError(
            f"{recording.label}: {len(chosen)} of {len(recording.units)} units are left; a session "
            "needs at least two (one to predict the other), so choose others with units="
        )
    bins = make_bins(asked.window, asked.bin_size)
    names = recording.names
    align = recording.onset if asked.align is None else asked.align
    if isinstance(align, str) and align not in recording.trials:
        align = {ours: theirs for theirs, ours in names.items()}.get(align, align)
    times, table, events = _alignment(recording, align)
    kept = _rows(asked.trials, table, "trials", recording.label)
    times, table = times[kept], table.iloc[kept]

    trains = [recording.spike_times[unit] for unit in chosen]
    # What the units were recorded for is known by their spikes alone.
    first, last = first_and_last(trains)
    finite = np.isfinite(times)
    inside = finite & (times + bins.stop >= first) & (times + bins.start <= last)
    if not inside.any():
        raise ValueError(
            f"{recording.label}: none of {len(times)} trials lies in the recording, whose spikes "
            f"run from {first:.6g} to {last:.6g} s; choose another align="
        )
    for left_out, why in ((~finite, "without this time"), (finite & ~inside, "not recorded")):
        if left_out.any():
            said.append(f"{left_out.sum()} of {len(times)} trials {why} left out")
    if len(chosen) < len(recording.units):
        said.append(f"{len(chosen)} of {len(recording.units)} units kept")
    words = "alignment"
    if isinstance(align, str):
        name = names.get(align, align)
        words = EVENTS.get(name, name.replace("_", " "))
    if words == EVENTS["stimulus_onset"]:
        table = table.drop(columns=align)  # it is time 0 itself
        events = tuple(event for event in events if event != align)
    session = Session.from_spike_times(
        trains,
        recording.units["region"].iloc[chosen].tolist(),
        times[inside],
        window=asked.window,
        bin_size=asked.bin_size,
        units=recording.units.iloc[chosen].reset_index(drop=True),
        trials=table[inside].reset_index(drop=True).rename(columns=names),
        events=[names.get(event, event) for event in events],
        behavior=recording.behavior,
        alignment=words,
        name=recording.name,
        mouse=recording.mouse,
        date=recording.date,
    )
    return session, "; ".join(filter(None, said))


def _passive(recording: Continuous, asked: Asked) -> tuple[Session, str]:
    """The passive trials, numbered on from those of the task, and known to be of one recording."""
    if recording.passive.empty:
        others = ", ".join(recording.onsets)
        raise ValueError(
            f"{recording.label} holds no passive trials that are known here (passive_left_contrast "
            "or passive_right_contrast in NWB, passiveVisual.times in ALF); leave task= out"
            + (f", and choose align= one of {others}" if others else "")
        )
    asked = replace(asked, task="active", align=None)
    try:
        key = cut(replace(recording, behavior={}), replace(asked, trials=None))[0].key
    except ValueError:  # without trials of a task there is nothing to be mistaken for
        key = ""
    shown = replace(
        recording,
        name=f"{recording.name}_passive",
        trials=recording.passive.assign(passive_trial=np.arange(len(recording.passive))),
        onset="stimulus_onset",
        names={},
        events=("stimulus_onset",),
        onsets={},
    )
    session, said = cut(shown, asked)
    number = session.trials["passive_trial"].to_numpy() + len(recording.trials)
    labelled = session.trials.drop(columns="passive_trial").set_axis(pd.Index(number, name="trial"))
    return replace(session, trials=labelled, key=key or session.key), said


def _alignment(
    recording: Continuous, align: Any
) -> tuple[np.ndarray, pd.DataFrame, tuple[str, ...]]:
    """Times, one a trial, the table that goes with them, and which of its columns are times."""
    trials = recording.trials
    if not isinstance(align, str):
        times = np.asarray(align, dtype=float).reshape(-1)
    elif align in trials and pd.api.types.is_numeric_dtype(trials[align]):
        return trials[align].to_numpy(float), trials, recording.events
    elif align in recording.onsets:
        times = np.asarray(recording.onsets[align], dtype=float)
        return times, pd.DataFrame(index=range(len(times))), ()
    else:
        columns = [str(c) for c in trials if pd.api.types.is_numeric_dtype(trials[c])]
        there = [f"a column of its trials ({', '.join(columns)})"] if columns else []
        if recording.onsets:
            there.append(f"one of its series of events ({', '.join(recording.onsets)})")
        raise ValueError(
            f"{recording.label} has no {align!r} to align trials to; choose align= "
            f"{' or '.join([*there, 'an array of times in seconds'])}"
        )
    if len(times) == len(trials):
        return times, trials, recording.events
    return times, pd.DataFrame(index=range(len(times))), ()


def _rows(chosen: Any, table: pd.DataFrame, what: str, label: str) -> np.ndarray:
    """Positions of rows from a query, a mask, positions, "all" or None."""
    every = np.arange(len(table))
    if chosen is None or isinstance(chosen, str) and chosen == "all":
        return every
    if isinstance(chosen, str):
        try:
            return table.reset_index(drop=True).query(chosen).index.to_numpy()
        except Exception as problem:  # pandas raises whatever its parser and the columns do
            raise ValueError(
                f"{label}: {what}={chosen!r} cannot be asked of its {what} ({problem}); their "
                f"columns are {', '.join(map(str, table.columns)) or 'none'}"
            ) from None
    rows = np.asarray(chosen)
    if rows.dtype == bool and rows.shape == every.shape:
        return np.flatnonzero(rows)
    if rows.dtype.kind in "iu" and rows.ndim == 1 and np.isin(rows, every).all():
        return rows
    raise ValueError(
        f"{label}: {what}= must be an expression, one bool for each of its {len(table)} {what}, or "
        f"positions from 0 to {len(table) - 1}"
    )
