"""A session, and what a fit makes of it, as an NWB file that other tools read."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq.files import check_writable, whole_file

_GAP = 1.0  # s between trials that have no place on a clock


def clock(session: Any) -> tuple[np.ndarray, str]:
    """Where each trial's time 0 lies on the clock of the file, (trials,), and in words, which.

    Where the recording's own clock is known and no two trials overlap, it is that; else the trials
    are laid one after the other.
    """
    length = session.n_bins * session.bin_size
    if "align_time" in session.trials:
        onsets = session.trials["align_time"].to_numpy(float)
        if session.n_trials < 2 or np.diff(np.sort(onsets)).min() >= length - 1e-6:
            return onsets, "the recording's own clock"
    onsets = np.arange(session.n_trials) * (length + _GAP) - session.time[0]
    return onsets, f"trials laid one after the other, {_GAP:g} s apart"


def write_nwb(
    path: str | os.PathLike,
    session: Any,
    series: Mapping[str, tuple[np.ndarray, str, str]] | None = None,
    more: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write a session's tables, counts and behavior, and series of a fit.

    Parameters
    ----------
    path : path
        Written whole or not at all.
    session : Session
    series : dict of name -> (values, unit, description), optional
        Values (trials, time, columns); into the processing module `nma_seq2seq`.
    more : dict of name -> DataFrame, optional
        Tables into the same module, such as what the columns of a series are.

    Raises
    ------
    ModuleNotFoundError
        If pynwb is not installed; the sentence says how.
    OSError
        If it cannot be written there.
    """
    check_writable(path)
    try:
        import pynwb
        from hdmf.common import DynamicTable
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "NWB files are written with pynwb, which is not installed: "
            'pip install "nma-seq2seq[nwb]"',
            name="pynwb",
        ) from None
    onsets, which = clock(session)
    order = np.argsort(onsets)
    file = pynwb.NWBFile(
        session_description=(
            f"Session {session.name} ({session.origin}) in bins of {session.bin_size * 1e3:g} ms; "
            f"times are on {which}."
        ),
        identifier=session.name,
        session_start_time=_start(session.date),
        subject=pynwb.file.Subject(subject_id=session.mouse or "unknown"),
    )
    units = session.units.rename(columns={"region": "location"})
    file.units = pynwb.misc.Units(
        name="units", description="The neurons; their counts are in processing/ecephys.",
        **_columns(units, session.units.index),
    )  # fmt: skip
    trials = session.trials.copy()
    trials["start_time"] = onsets + session.time[0]
    trials["stop_time"] = onsets + session.time[-1] + session.bin_size
    for column in [c for c in session.events if c in trials]:
        trials[column] = trials[column].to_numpy(float) + onsets
    trials["align_time"] = onsets
    trials = trials.iloc[order]
    file.trials = pynwb.epoch.TimeIntervals(
        name="trials", description=f"One row a trial; times on {which}.",
        **_columns(trials, trials.index),
    )  # fmt: skip

    def timed(name: str, values: np.ndarray, unit: str, description: str) -> Any:
        stamps = (onsets[:, None] + session.time)[order]
        flat = values[order].reshape(stamps.size, *values.shape[2:])
        return pynwb.TimeSeries(
            name=name, data=flat, unit=unit, timestamps=stamps.ravel(),
            description=f"{description} Timestamps are the starts of bins.",
        )  # fmt: skip

    counts = file.create_processing_module("ecephys", "spikes in bins")
    counts.add(timed("spike_counts", session.spikes, "count", "Spikes a bin; a column a unit."))
    if session.behavior:
        behavior = file.create_processing_module("behavior", "behavior in bins")
        for name, trace in session.behavior.items():
            behavior.add(timed(name, trace, "a.u.", f"{name}, sampled into bins."))
    if series or more:
        module = file.create_processing_module("nma_seq2seq", "what a fitted model makes of it")
        for name, (values, unit, description) in (series or {}).items():
            module.add(timed(name, values, unit, description))
        for name, table in (more or {}).items():
            module.add(DynamicTable(name=name, description=name, **_columns(table, table.index)))
    with whole_file(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a temporary name that does not end in .nwb
        with pynwb.NWBHDF5IO(str(temporary), "w") as io:
            io.write(file)


def _columns(table: pd.DataFrame, index: pd.Index) -> dict[str, Any]:
    """A DataFrame as the arguments of a table of NWB; rows keep their numbers where they have."""
    from hdmf.common import VectorData

    names = [str(column) for column in table]
    columns = []
    for name, column in zip(names, table, strict=True):
        values = table[column].to_numpy()
        if values.dtype.kind not in "biuf":
            values = np.array([str(value) for value in values], dtype=object)
        columns.append(VectorData(name=name, description=name, data=values))
    ids = index.to_numpy() if index.dtype.kind in "iu" else np.arange(len(table))
    return {"columns": columns, "colnames": names, "id": ids}


def _start(date: str) -> datetime.datetime:
    """The day of the recording at noon, as far as it is known."""
    try:
        day = datetime.date.fromisoformat(str(date))
    except ValueError:
        day = datetime.date(1970, 1, 1)
    return datetime.datetime.combine(day, datetime.time(12), tzinfo=datetime.UTC)
