"""Neurodata Without Borders (NWB) files: Steinmetz's own, and other labs'."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen
from nma_seq2seq.recordings import paper
from nma_seq2seq.recordings.containers import BadFileError
from nma_seq2seq.recordings.continuous import Continuous, cut
from nma_seq2seq.session import Session

# Where other labs write a unit's region, in the order in which they are tried.
_REGION_COLUMNS = (
    "location", "brain_area", "brain_region", "area", "region", "ecephys_structure_acronym",
    "structure_acronym", "acronym", "structure", "anatomical_location",
)  # fmt: skip
_EMPTY = ("", "nan", "none", "unknown", "unclassified", "n/a", "na")
_MOST_SAMPLES = 50_000_000  # of a trace; more is raw data


def read_nwb(
    path: Path,
    *,
    align: Any,
    window: Sequence[float],
    bin_size: float,
    region: Any,
    units: Any,
    trials: Any,
    task: str,
) -> tuple[Session, str]:
    """The session, and what was decided in reading it; see `load_nwb`."""
    try:
        import pynwb
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'NWB files are read with pynwb, which is not installed: pip install "nma-seq2seq[nwb]"',
            name="pynwb",
        ) from None
    with warnings.catch_warnings():
        # Of versions of the format and of namespaces; what matters is checked here.
        warnings.simplefilter("ignore")
        try:
            io = pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True)
            file = io.read()
        except Exception as problem:  # hdmf raises anything at what breaks its schema
            raise BadFileError(
                f"{path.name} cannot be read as NWB ({_short(problem)}); download it again, or "
                "have its maker check it with nwbinspector"
            ) from None
        try:
            recording = _recording(file, path.name, region)
            is_papers = "phy_annotations" in recording.units
            if units is None and is_papers:
                units = paper.ANNOTATED
                recording.said.append(f"units with {paper.ANNOTATED}, as in the paper")
            return cut(
                recording,
                align=align,
                window=window,
                bin_size=bin_size,
                units=None if isinstance(units, str) and units == "all" else units,
                trials=trials,
                renamed=paper.renamed(recording.trials, paper.FROM_NWB) if is_papers else {},
                task=task,
            )
        finally:
            io.close()


def _short(problem: Exception) -> str:
    return " ".join(str(problem).split())[:150] or type(problem).__name__


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
        raise BadFileError(
            f"{label} has no units with spike times, so there is nothing to model; its tables are "
            f"{', '.join(_tables(file)) or 'none'}"
        )
    said: list[str] = []
    units = _columns(table)
    units["unit_id"] = np.asarray(table.id[:])
    channels = _channels(file)
    acronyms, more = _regions(table, units, channels, region, label, said)
    units["region"] = acronyms
    known = [c for c in ("cluster_depths", "waveform_duration", "electrode_group") if c in units]
    units = units.drop(columns=known).assign(**more)
    trials, times = _trials(file)
    subject = getattr(file.subject, "subject_id", None) or ""
    mouse, date = _mouse_and_date(file, subject)
    series = dict(_series(file))
    if {"visual_stimulus_time", "response_time"} <= set(trials):
        _add_reaction(trials, series)
        times += [c for c in ("reaction_time",) if c in trials]
    return Continuous(
        label=label,
        name=str(file.identifier) if _is_name(file.identifier) else f"{mouse}_{date}",
        mouse=mouse,
        date=date,
        spike_times=_spike_times(table),
        units=units,
        trials=trials,
        onsets=_onsets(file),
        events=tuple(times),
        behavior=_behavior(series),
        said=said,
        passive=_passive(file),
    )


def _is_name(identifier: Any) -> bool:
    """A UUID or a sentence is no name that anyone would use."""
    text = str(identifier or "")
    return 0 < len(text) <= 40 and text.count("-") != 4 and " " not in text


def _mouse_and_date(file: Any, subject: str) -> tuple[str, str]:
    started = file.session_start_time
    date = f"{started:%Y-%m-%d}" if started is not None else "unknown"
    mouse, _, rest = str(file.identifier or "").partition("_")
    if rest == date:  # as in Cori_2016-12-14
        return mouse, date
    return subject or mouse or "unknown", date


def _tables(file: Any) -> list[str]:
    return [name for name in ("trials", "epochs", "electrodes") if getattr(file, name) is not None]


# ---------------------------------------------------------------------- units


def _spike_times(table: Any) -> list[np.ndarray]:
    """Of each unit; all are read at once, since they lie one after the other in the file."""
    index = table["spike_times"]
    ends = np.asarray(index.data[:], dtype=np.int64)
    times = np.asarray(index.target.data[:], dtype=np.float64)
    return np.split(times, ends[:-1]) if len(ends) else []


def _columns(table: Any) -> pd.DataFrame:
    """The columns of a table that hold one number or word a row; (n, 1) is one too."""
    n_rows = len(table.id)
    found = {}
    for column in table.columns:
        data = column.data
        shape = np.shape(data)
        if type(column).__name__ in ("VectorIndex", "DynamicTableRegion"):
            continue
        if f"{column.name}_index" in [c.name for c in table.columns]:
            continue
        if not shape or shape[0] != n_rows or int(np.prod(shape)) != n_rows:
            continue
        values = np.asarray(data[:]).reshape(-1)
        if values.dtype.kind == "O":
            if len(values) and not isinstance(values[0], str | bytes):
                values = np.array([getattr(value, "name", str(value)) for value in values])
            else:
                values = np.array([_text(value) for value in values])
        if values.dtype.kind in "biufUS":
            found[column.name] = values
    return pd.DataFrame(found, index=range(n_rows))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _channels(file: Any) -> pd.DataFrame:
    """The table of electrodes, with those columns in the course's names that it has."""
    if file.electrodes is None:
        return pd.DataFrame()
    table = file.electrodes
    channels = _columns(table)
    channels["channel_id"] = np.asarray(table.id[:])
    if "site_position" in table.colnames:
        channels["height"] = np.asarray(table["site_position"].data[:], dtype=float)[:, 1]
    return channels


def _regions(
    table: Any,
    units: pd.DataFrame,
    channels: pd.DataFrame,
    region: Any,
    label: str,
    said: list[str],
) -> tuple[list[str], dict[str, np.ndarray]]:
    """The acronym of each unit as the file has it, and what else its channel tells."""
    more: dict[str, np.ndarray] = {}
    depths = units["cluster_depths"].to_numpy(float) if "cluster_depths" in units else None
    if depths is not None:
        more["depth"] = depths
    if "waveform_duration" in units:
        duration, why = paper.width(units["waveform_duration"].to_numpy(), depths)
        if duration is None:
            said.append(why)
        else:  # in samples in the paper's files, in whatever unit in others
            is_papers = "phy_annotations" in units
            more["trough_to_peak" if is_papers else "waveform_duration"] = duration
    if "electrode_group" in units:
        more["probe"] = units["electrode_group"].to_numpy()

    rows = _channel_rows(table, units, channels, depths, said)
    if rows is not None:
        axes = {"ccf_ap": "ap", "ccf_dv": "dv", "ccf_lr": "lr"}
        there = {old: new for old, new in axes.items() if old in channels}
        if "group_name" in channels and "probe" not in more:
            there["group_name"] = "probe"
        of_channels = channels[list(there)].rename(columns=there)
        more |= paper.units_of_channels(rows, of_channels, more.get("probe"))

    if region is not None and not isinstance(region, str):
        given = [str(acronym) for acronym in region]
        if len(given) != len(units):
            raise ValueError(
                f"{label}: region= has {len(given)} names for {len(units)} units; give one a unit, "
                f"or the name of a column: {_asked(units, channels)}"
            )
        return given, more
    for column in _REGION_COLUMNS if region is None else (region,):
        for values in _of_units(column, units, channels, rows):
            if region is not None or any(v.lower() not in _EMPTY for v in values):
                if region is None:
                    said.append(f"regions from {column}")
                return [v if v.lower() not in _EMPTY else "unknown" for v in values], more
    if region is not None and allen.is_known(allen.without_layer(region)):
        return [region] * len(units), more  # all units are in one region
    why = (
        f"has no column {region!r}" if region is not None else
        "does not tell the regions of its units"
    )  # fmt: skip
    raise ValueError(
        f"{label} {why}; choose region= one of its columns ({_asked(units, channels)}), one "
        f"acronym for all units, such as 'MOs', or one for each of its {len(units)} units"
    )


def _asked(units: pd.DataFrame, channels: pd.DataFrame) -> str:
    listed = [
        f"{where} {', '.join(texts)}"
        for where, table in (("of units", units), ("of electrodes", channels))
        if (texts := [str(c) for c in table if _is_text(table[c])])
    ]
    return "; ".join(listed) or "none holds text"


def _is_text(column: pd.Series) -> bool:
    """Whether a column holds words at all; electrodes often have an empty one for a place."""
    if not pd.api.types.is_string_dtype(column):
        return False
    return any(str(value).strip().lower() not in _EMPTY for value in column)


def _of_units(
    column: str, units: pd.DataFrame, channels: pd.DataFrame, rows: np.ndarray | None
) -> Iterator[list[str]]:
    """A column's words for each unit: of its channel, or of the unit itself."""
    if column in units:
        yield [str(value).strip() for value in units[column]]
    if rows is not None and column in channels:
        yield [str(value).strip() for value in channels[column].to_numpy()[rows]]


def _channel_rows(
    table: Any,
    units: pd.DataFrame,
    channels: pd.DataFrame,
    depths: np.ndarray | None,
    said: list[str],
) -> np.ndarray | None:
    """The row of the electrodes that is each unit's own, or None where the file does not tell."""
    if channels.empty:
        return None
    first, is_one = _first_electrodes(table)
    if "peak_channel" in units:
        heights = channels["height"].to_numpy() if "height" in channels else None
        rows, how = paper.peak_rows(
            units["peak_channel"].to_numpy(), len(channels), depths, heights, first
        )
        said.append(how)
        return rows
    if "peak_channel_id" in units:  # the Allen Institute's: an electrode's own number
        ids = pd.Index(channels["channel_id"])
        rows = ids.get_indexer(units["peak_channel_id"])
        if (rows >= 0).all():
            return rows
    if first is not None:
        if not is_one:
            said.append("a unit's place is that of the first of its electrodes")
        return first
    return None


def _first_electrodes(table: Any) -> tuple[np.ndarray | None, bool]:
    """The first electrode of each unit, and whether each has but one."""
    if "electrodes" not in table.colnames:
        return None, False
    column = table["electrodes"]
    if type(column).__name__ != "VectorIndex":
        return np.asarray(column.data[:]).reshape(-1).astype(int), True
    ends = np.asarray(column.data[:], dtype=np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    rows = np.asarray(column.target.data[:]).astype(int)
    if (ends <= starts).any():
        return None, False
    return rows[starts], bool((ends - starts == 1).all())


# ---------------------------------------------------------------------- trials and events


def _trials(file: Any) -> tuple[pd.DataFrame, list[str]]:
    """The table of trials, and which of its columns are times."""
    if file.trials is None:
        return pd.DataFrame(), []
    trials = _columns(file.trials)
    for column in trials:
        # h5py writes truth as an enumeration of 8 bits.
        if column == "included":
            trials[column] = trials[column].astype(bool)
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
    found = {}
    for name, table in (file.intervals or {}).items():
        if name != "trials":
            found[name] = np.asarray(table["start_time"].data[:], dtype=float)
    for name, series in (file.stimulus or {}).items():
        times = getattr(series, "timestamps", None)
        if times is not None:
            found[name] = np.asarray(times[:], dtype=float)
    return found


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


def _series(file: Any) -> Iterator[tuple[str, Any]]:
    """The time series of behavior, and of the wheel among what was acquired."""
    for name, series in file.acquisition.items():
        if name in ("wheel_position", "wheel"):
            yield name, series
    for module in file.processing.values():
        if module.name not in ("behavior", "behaviour"):
            continue
        for name, item in module.data_interfaces.items():
            inner = getattr(item, "time_series", None) or getattr(item, "interval_series", None)
            if inner is None:
                inner = getattr(item, "spatial_series", None)
            if inner:
                yield from inner.items()
            elif hasattr(item, "data"):
                yield name, item


def _add_reaction(trials: pd.DataFrame, series: dict[str, Any]) -> None:
    moves = series.pop("wheel_moves", None)
    if moves is None or moves.timestamps is None:
        return
    data = np.asarray(moves.data[:])
    kinds: np.ndarray | None = data
    # The rule of the format is 1 for a start and -1 for an end; the paper's have a kind each.
    stamps = np.asarray(moves.timestamps[:], dtype=float)
    if len(stamps) == len(data) and (data < 0).any():
        starts, kinds = stamps[data > 0], None
    elif len(stamps) == len(data):
        starts, kinds = stamps[::2], data[::2]
    else:
        starts = paper.pairs(stamps, len(data))
    found = paper.reaction(
        trials["visual_stimulus_time"].to_numpy(float),
        trials["response_time"].to_numpy(float),
        starts,
        kinds,
    )
    for column, values in found.items():
        trials[column] = values


def _behavior(series: dict[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    names = {"face_motion_energy": "face", "eye_area": "pupil_area"}
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for name, one in series.items():
        shape = np.shape(one.data)
        stamps = one.timestamps
        if name == "lick_times":
            found["licks"] = np.asarray((one.data if stamps is None else stamps)[:]), None
            continue
        if not shape or not 1 < shape[0] < _MOST_SAMPLES or len(shape) > 2:
            continue
        values = np.asarray(one.data[:])
        if values.dtype.kind not in "iuf":
            continue
        values = values * (one.conversion or 1.0)
        times = paper.sample_times(
            len(values), None if stamps is None else stamps[:], one.starting_time, one.rate
        )
        if len(times) != len(values):
            continue
        if name == "eye_xy_positions" and values.ndim == 2:
            found["pupil_x"], found["pupil_y"] = (times, values[:, 0]), (times, values[:, 1])
        elif name == "wheel_position":
            found["wheel"] = paper.speed(times, values.reshape(-1))
        elif values.size == len(times):
            found[names.get(name, name)] = times, values.reshape(-1)
    return found
