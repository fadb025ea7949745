"""Neurodata Without Borders (NWB) files: Steinmetz's own, and other labs'."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq.recordings import paper
from nma_seq2seq.recordings.containers import BadFileError
from nma_seq2seq.recordings.continuous import Continuous
from nma_seq2seq.recordings.units import peak_rows, regions_of, with_channels

# Where other labs write a unit's region, in the order in which they are tried.
_REGION_COLUMNS = (
    "location", "brain_area", "brain_region", "area", "region", "ecephys_structure_acronym",
    "structure_acronym", "acronym", "structure", "anatomical_location",
)  # fmt: skip
_MOST_SAMPLES = 50_000_000  # of a trace; more is raw data


def read_nwb(path: Path, region: Any) -> Continuous:
    """The recording of a file; see `load_nwb`."""
    try:
        import pynwb
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'NWB files are read with pynwb, which is not installed: pip install "nma-seq2seq[nwb]"',
            name="pynwb",
        ) from None
    with warnings.catch_warnings(), ExitStack() as opened:
        # Of versions of the format and of namespaces; what matters is checked here.
        warnings.simplefilter("ignore")
        try:
            io = opened.enter_context(pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True))
            file = io.read()
        except Exception as problem:  # hdmf raises anything at what breaks its schema
            why = " ".join(str(problem).split())[:150] or type(problem).__name__
            raise BadFileError(
                f"{path.name} cannot be read as NWB ({why}); download it again, or have its maker "
                "check it with nwbinspector"
            ) from None
        return _recording(file, path.name, region)


def _recording(file: Any, label: str, region: Any) -> Continuous:
    table = file.units
    if table is not None and "spike_counts" in getattr(
        file.processing.get("ecephys"), "data_interfaces", {}
    ):
        raise BadFileError(
            f"{label} holds counts in bins and no spike times, as Session.to_nwb writes it; keep a "
            "session with np.savez(FILE, **session.to_dict())"
        )
    if table is None or "spike_times" not in table.colnames:
        tables = [t for t in ("trials", "epochs", "electrodes") if getattr(file, t) is not None]
        raise BadFileError(
            f"{label} has no units with spike times, so there is nothing to model; its tables are "
            f"{', '.join(tables) or 'none'}"
        )
    said: list[str] = []
    units = _units(table, file.electrodes, region, label, said)
    trials, times = _trials(file.trials)
    series = dict(_series(file))
    moves = series.pop("wheel_moves", None)
    if (
        moves is not None
        and moves.timestamps is not None
        and {"visual_stimulus_time", "response_time"} <= set(trials)
    ):
        trials, why = paper.with_reaction(
            trials, "visual_stimulus_time", "response_time", *_movements(moves)
        )
        said.append(why)
        times += [column for column in ("reaction_time",) if column in trials]
    mouse, date = _mouse_and_date(file)
    return Continuous(
        label=label,
        name=str(file.identifier) if _is_name(file.identifier) else f"{mouse}_{date}",
        mouse=mouse,
        date=date,
        spike_times=_spike_times(table),
        units=units,
        trials=trials,
        onset="visual_stimulus_time",
        names=paper.renamed(trials, paper.FROM_NWB) if "phy_annotations" in units else {},
        events=tuple(times),
        onsets=_onsets(file),
        behavior=_behavior(series),
        passive=_passive(file),
        said=said,
    )


def _is_name(identifier: Any) -> bool:
    """A UUID or a sentence is no name that anyone would use."""
    text = str(identifier or "")
    return 0 < len(text) <= 40 and text.count("-") != 4 and " " not in text


def _mouse_and_date(file: Any) -> tuple[str, str]:
    started = file.session_start_time
    date = f"{started:%Y-%m-%d}" if started is not None else "unknown"
    mouse, _, rest = str(file.identifier or "").partition("_")
    if rest == date:  # as in Cori_2016-12-14
        return mouse, date
    return getattr(file.subject, "subject_id", None) or mouse or "unknown", date


def _columns(table: Any) -> pd.DataFrame:
    """The columns of a table that hold one number or word a row; (n, 1) is one too."""
    n_rows = len(table.id)
    names = [column.name for column in table.columns]
    found = {}
    for column in table.columns:
        shape = np.shape(column.data)
        if (
            type(column).__name__ in ("VectorIndex", "DynamicTableRegion")
            or f"{column.name}_index" in names
            or shape[:1] != (n_rows,)
            or math.prod(shape) != n_rows
        ):
            continue
        values = np.asarray(column.data[:]).reshape(-1)
        if values.dtype.kind == "O":
            values = np.array([_text(value) for value in values])
        if values.dtype.kind in "biufUS":
            found[column.name] = values
    return pd.DataFrame(found, index=range(n_rows))


def _text(value: Any) -> str:
    """A word, or what a group of electrodes is called."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return getattr(value, "name", str(value))


# ---------------------------------------------------------------------- units


def _spike_times(table: Any) -> list[np.ndarray]:
    """Of each unit; all are read at once, since they lie one after the other in the file."""
    index = table["spike_times"]
    ends = np.asarray(index.data[:], dtype=np.int64)
    times = np.asarray(index.target.data[:], dtype=np.float64)
    return np.split(times, ends[:-1]) if len(ends) else []


def _units(table: Any, electrodes: Any, region: Any, label: str, said: list[str]) -> pd.DataFrame:
    """One row a unit: its own columns, its place and probe, and its region as the file has it."""
    units = _columns(table)
    units["unit_id"] = np.asarray(table.id[:])
    channels = pd.DataFrame()
    if electrodes is not None:
        channels = _columns(electrodes)
        channels["channel_id"] = np.asarray(electrodes.id[:])
        if "site_position" in electrodes.colnames:
            heights = np.asarray(electrodes["site_position"].data[:], dtype=float)[:, 1]
            channels["height"] = heights
    names = {"cluster_depths": "depth", "electrode_group": "probe"}
    if "phy_annotations" in units:  # in samples in the paper's files, in whatever unit in others
        names["waveform_duration"] = "trough_to_peak"
    described = units.rename(columns=names)
    rows, how = _channel_rows(table, described, channels)
    hint = f" ({how})" if rows is None and how else ""
    acronyms, where = regions_of(units, channels, rows, region, _REGION_COLUMNS, label, hint)
    described, left_out = with_channels(described, channels, rows)
    said += [left_out, how, where]
    return described.assign(region=acronyms)


def _channel_rows(
    table: Any, units: pd.DataFrame, channels: pd.DataFrame
) -> tuple[np.ndarray | None, str]:
    """The row of the electrodes that is each unit's own, if the file tells, and in words how."""
    if channels.empty:
        return None, ""
    first, is_one = _first_electrodes(table)
    how = ""
    if "peak_channel" in units:
        rows, how = peak_rows(units, channels, first)
        if rows is not None:
            return rows, how
    if "peak_channel_id" in units:  # the Allen Institute's: an electrode's own number
        rows = pd.Index(channels["channel_id"]).get_indexer(units["peak_channel_id"])
        if (rows >= 0).all():
            return rows, how
    if first is not None and not is_one:
        how = "a unit's place is that of the first of its electrodes"
    return first, how


def _first_electrodes(table: Any) -> tuple[np.ndarray | None, bool]:
    """The first electrode of each unit, and whether each has but one."""
    if "electrodes" not in table.colnames:
        return None, False
    column = table["electrodes"]
    if type(column).__name__ != "VectorIndex":
        return np.asarray(column.data[:]).reshape(-1).astype(int), True
    ends = np.asarray(column.data[:], dtype=np.int64)
    n_electrodes = np.diff(ends, prepend=0)
    if (n_electrodes < 1).any():
        return None, False
    rows = np.asarray(column.target.data[:]).astype(int)
    return rows[ends - n_electrodes], bool((n_electrodes == 1).all())


# ---------------------------------------------------------------------- trials and events


def _trials(table: Any) -> tuple[pd.DataFrame, list[str]]:
    """The table of trials, and which of its columns are times."""
    if table is None:
        return pd.DataFrame(), []
    trials = _columns(table)
    if "included" in trials:  # h5py writes truth as an enumeration of 8 bits
        trials["included"] = trials["included"].astype(bool)
    return trials, [column for column in map(str, trials) if _is_time(column, trials)]


def _is_time(column: str, trials: pd.DataFrame) -> bool:
    """Whether a column is times: numbers that mostly lie within, or close to, their trials."""
    values = trials[column]
    if values.dtype.kind != "f":
        return False
    if column in ("start_time", "stop_time"):
        return True
    known = np.isfinite(values)
    if not known.any() or "start_time" not in trials:
        return False
    near = values.between(trials["start_time"] - 1, trials["stop_time"] + 1)[known]
    return bool(near.mean() > 0.9) and float(values[known].std()) > 0


def _onsets(file: Any) -> dict[str, np.ndarray]:
    """What else trials can be cut around: starts of intervals, and presented stimuli."""
    starts = {
        name: table["start_time"].data
        for name, table in (file.intervals or {}).items()
        if name != "trials"
    }
    shown = {
        name: series.timestamps
        for name, series in (file.stimulus or {}).items()
        if getattr(series, "timestamps", None) is not None
    }
    return {name: np.asarray(times[:], dtype=float) for name, times in (starts | shown).items()}


def _passive(file: Any) -> pd.DataFrame:
    """Gratings that were shown without a task: when, and those of their contrasts there are."""
    shown = pd.DataFrame()
    for side in ("left", "right"):
        series = (file.stimulus or {}).get(f"passive_{side}_contrast")
        if series is None or series.timestamps is None:
            continue
        times = np.asarray(series.timestamps[:], dtype=float).reshape(-1)
        contrast = np.asarray(series.data[:]).reshape(-1)
        if shown.empty:
            shown["stimulus_onset"] = times
        # One grating has one time: a side with other times is not of these.
        if len(contrast) == len(times) and np.array_equal(times, shown["stimulus_onset"]):
            shown[f"contrast_{side}"] = contrast
    return shown


# ---------------------------------------------------------------------- behavior


def _series(file: Any) -> Iterator[tuple[str, Any]]:
    """The time series of behavior, and of the wheel among what was acquired."""
    for name in ("wheel_position", "wheel"):
        if name in file.acquisition:
            yield name, file.acquisition[name]
    for module in file.processing.values():
        if module.name not in ("behavior", "behaviour"):
            continue
        for name, item in module.data_interfaces.items():
            kinds = ("time_series", "interval_series", "spatial_series")
            inner = next((found for kind in kinds if (found := getattr(item, kind, None))), None)
            if inner is not None:
                yield from inner.items()
            elif hasattr(item, "data"):
                yield name, item


def _movements(moves: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Starts and kinds of the wheel's movements."""
    kinds = np.asarray(moves.data[:]).reshape(-1)
    stamps = np.asarray(moves.timestamps[:], dtype=float).reshape(-1)
    if len(stamps) != len(kinds):  # the paper's have one kind for the two times of a movement
        return (stamps[::2] if len(stamps) == 2 * len(kinds) else stamps), kinds
    if (kinds < 0).any():  # the rule of the format: 1 for a start and -1 for an end
        return stamps[kinds > 0], None
    return stamps[::2], kinds[::2]


def _behavior(series: dict[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    names = {
        "face_motion_energy": "face", "eye_area": "pupil_area", "eye_xy_positions": "pupil_xy",
    }  # fmt: skip
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for name, one in series.items():
        shape, stamps = np.shape(one.data), one.timestamps
        if name == "lick_times":
            found["licks"] = np.asarray((one.data if stamps is None else stamps)[:]), None
            continue
        if not 1 <= len(shape) <= 2 or not 1 < shape[0] < _MOST_SAMPLES:
            continue
        values = np.asarray(one.data[:])
        if values.dtype.kind in "iuf":
            times = paper.sample_times(len(values), stamps, one.starting_time, one.rate)
            found |= paper.traces(names.get(name, name), times, values * (one.conversion or 1.0))
    return found
