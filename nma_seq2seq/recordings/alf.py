"""ALF: a recording as a folder, or a .tar, of arrays named object.attribute.npy."""

from __future__ import annotations

import io
import re
import tarfile
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from nma_seq2seq.recordings import paper
from nma_seq2seq.recordings.containers import BadFileError
from nma_seq2seq.recordings.continuous import Continuous
from nma_seq2seq.recordings.units import peak_rows, regions_of, with_channels
from nma_seq2seq.spike_times import split_by

_MOST_BYTES = 8 * 2**30  # of one member of a tar
_TABLES = (".npy", ".tsv", ".csv")
# What is read; a folder may hold gigabytes beside it.
_OBJECTS = (
    "spikes", "clusters", "channels", "trials", "wheel", "wheelMoves", "licks", "face", "eye",
    "probes", "passiveVisual",
)  # fmt: skip
_SKIPPED = (
    "spikes.amps", "spikes.depths", "spikes.templates", "clusters.templateWaveforms",
    "clusters.templateWaveformChans", "clusters.waveforms", "clusters.waveformsChannels",
)  # fmt: skip
# kilosort and phy write the two arrays that there must be under names of their own.
_ALIASES = {"spike_times": "spikes.times", "spike_clusters": "spikes.clusters"}
_TRIALS = paper.FROM_ALF | {"stimOn_times": "stimulus_onset"}
_ONSETS = ("visualStim_times", "stimOn_times")
# Attributes of clusters, in the order of the columns of a session.
_UNITS = {
    "depths": "depth", "_phy_annotation": "phy_annotations", "waveformDuration": "trough_to_peak",
    "probes": "probe",
}  # fmt: skip
_REGION_COLUMNS = ("allen_ontology", "brainLocation", "acronym")
_TRACES = {
    "wheel_position": ("wheel.position", "wheel.timestamps"),
    "face": ("face.motionEnergy", "face.timestamps"),
    "pupil_area": ("eye.area", "eye.timestamps"),
    "pupil_xy": ("eye.xyPos", "eye.timestamps"),
}


def read_alf(path: Path, region: Any) -> Continuous:
    """The recording of a folder or a .tar; see `load_alf`."""
    arrays, tables = _read(path)
    for key in ("spikes.times", "spikes.clusters"):
        if key not in arrays:
            raise BadFileError(
                f"{path.name} has no {key}.npy; it has {', '.join(sorted(arrays)[:6]) or 'nothing'}"
            )
    times, whose = (arrays[f"spikes.{key}"].reshape(-1) for key in ("times", "clusters"))
    if len(times) != len(whose):
        raise BadFileError(
            f"{path.name}: {len(times)} spikes.times and {len(whose)} spikes.clusters; they must "
            "be as many"
        )
    whose = whose.astype(np.int64)
    clusters = _object("clusters", arrays, tables)
    clusters = clusters.reindex(range(max(len(clusters), int(whose.max(initial=-1)) + 1)))
    units, said = _units(clusters, _object("channels", arrays, tables), region, path.name)
    trials, why = _trials(arrays, tables)
    mouse, date = _mouse_and_date(path)
    return Continuous(
        label=path.name,
        name=f"{mouse}_{date}" if date != "unknown" else path.stem,
        mouse=mouse,
        date=date,
        spike_times=split_by(times, whose, len(units)),
        units=units,
        trials=trials,
        onset=next((name for name in _ONSETS if name in trials), _ONSETS[0]),
        names=paper.renamed(trials, _TRIALS),
        events=tuple(c for c in map(str, trials) if c.endswith("_times") or c in paper.TIMES),
        onsets={
            key: arrays[key].reshape(-1)
            for key in ("passiveVisual.times", "licks.times")
            if key in arrays
        },
        behavior=_behavior(arrays),
        passive=_passive(arrays),
        said=[*said, why],
    )


# ---------------------------------------------------------------------- files


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, pd.DataFrame]]:
    """Arrays and tables by object.attribute. Nothing is unpacked to the disk, and no pickle read.

    Raises
    ------
    BadFileError
        If a file is damaged, holds objects, or two have one name.
    """
    arrays: dict[str, np.ndarray] = {}
    tables: dict[str, pd.DataFrame] = {}
    for file, content in _files(path):
        key = _key(file)
        if key in arrays or key in tables:
            raise BadFileError(
                f"{path.name} has {key} twice, as of two probes or sortings; name the folder of "
                "one, or join them and give them to nma.Session.from_spike_times"
            )
        try:
            if file.endswith(".npy"):
                arrays[key] = np.load(content, allow_pickle=False)
            else:
                separator = "\t" if file.endswith(".tsv") else ","
                tables[key] = pd.read_csv(content, sep=separator)
        except (ValueError, EOFError, OSError, SyntaxError, tokenize.TokenError) as problem:
            raise BadFileError(
                f"{file} of {path.name} is damaged or holds objects ({problem}); get it again"
            ) from None
    return arrays, tables


def _key(file: str) -> str:
    """object.attribute of a file; a namespace before and anything behind are left out."""
    name = Path(file).name
    stem = name.rsplit(".", 1)[0]
    stem = re.sub(r"^_[a-zA-Z]+_", "", stem)
    key = ".".join(stem.split(".")[:2])
    return _ALIASES.get(key, key)


def _wanted(file: str) -> bool:
    if not file.endswith(_TABLES) or Path(file).name.startswith("._"):
        return False
    key = _key(file)
    return key.partition(".")[0] in _OBJECTS and key not in _SKIPPED


def _files(path: Path) -> Iterator[tuple[str, Path | BinaryIO]]:
    """Name and content of each file that is wanted, of a folder or a tar."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and _wanted(file.name):
                yield file.name, file
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                # Read in memory, so that names that lead elsewhere, and links, lead nowhere.
                if member.isreg() and _wanted(member.name):
                    if member.size > _MOST_BYTES:
                        raise BadFileError(
                            f"{path.name} holds {member.name} of {member.size / 1e9:.0f} GB"
                        )
                    content = archive.extractfile(member)
                    assert content is not None  # of a regular file there is always content
                    yield member.name, io.BytesIO(content.read())
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise BadFileError(
            f"{path.name} is cut or damaged ({problem}); download it again"
        ) from None


# ---------------------------------------------------------------------- what they hold


def _mouse_and_date(path: Path) -> tuple[str, str]:
    """From a name such as Richards_2017-10-31.tar, of the file or of a folder that it is in."""
    for name in (path.name, *(parent.name for parent in path.resolve().parents)):
        if found := re.match(r"([A-Za-z0-9-]+)_(\d{4}-\d\d-\d\d)", name):
            return found[1], found[2]
    return "unknown", "unknown"


def _object(
    name: str, arrays: Mapping[str, np.ndarray], tables: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """The attributes of an object that hold one value a row, as a table."""
    columns: dict[str, np.ndarray] = {}
    for key, array in arrays.items():
        what, _, attribute = key.partition(".")
        if what == name and array.ndim and array.size == len(array):
            columns[attribute] = array.reshape(-1)
        elif what == name and attribute == "sitePositions" and array.ndim == 2:
            columns["height"] = array[:, 1]
    lengths = {len(values) for values in columns.values()}
    for key, table in tables.items():
        if key.partition(".")[0] == name and (not lengths or len(table) in lengths):
            columns |= {str(column): table[column].to_numpy() for column in table}
    n_rows = max((len(values) for values in columns.values()), default=0)
    return pd.DataFrame({k: v for k, v in columns.items() if len(v) == n_rows})


def _units(
    clusters: pd.DataFrame, channels: pd.DataFrame, region: Any, label: str
) -> tuple[pd.DataFrame, list[str]]:
    """One row a unit: what is known of it, its place and its region; and what was decided."""
    there = [name for name in _UNITS if name in clusters]
    units = clusters[there].rename(columns=_UNITS)
    units.insert(0, "unit_id", clusters.index)
    rows, how = None, ""
    peak = next((c for c in ("peakChannel", "channels") if c in clusters), None)
    if peak is not None and len(channels):
        rows, how = peak_rows(units.assign(peak_channel=clusters[peak]), channels)
    hint = " (channels.brainLocation.tsv with clusters.peakChannel.npy would)"
    acronyms, where = regions_of(clusters, channels, rows, region, _REGION_COLUMNS, label, hint)
    units, left_out = with_channels(units, channels, rows)
    return units.assign(region=acronyms), [left_out, how, where]


def _trials(
    arrays: Mapping[str, np.ndarray], tables: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, str]:
    """The table of trials with the movements of the wheel, and what was left out."""
    trials = _object("trials", arrays, tables)
    intervals = arrays.get("trials.intervals")
    if intervals is not None and intervals.ndim == 2 and len(intervals) == len(trials):
        trials["start_time"], trials["stop_time"] = intervals[:, 0], intervals[:, 1]
    if "included" in trials:
        trials["included"] = trials["included"].astype(bool)
    moves, kinds = arrays.get("wheelMoves.intervals"), arrays.get("wheelMoves.type")
    if moves is None or not {"visualStim_times", "response_times"} <= set(trials):
        return trials, ""
    starts = moves.reshape(-1, moves.shape[-1])[:, 0].astype(float)
    kinds = None if kinds is None else kinds.reshape(-1)
    return paper.with_reaction(trials, "visualStim_times", "response_times", starts, kinds)


def _passive(arrays: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Gratings that were shown without a task: when, and those of their contrasts there are."""
    if "passiveVisual.times" not in arrays:
        return pd.DataFrame()
    shown = pd.DataFrame({"stimulus_onset": arrays["passiveVisual.times"].reshape(-1)})
    for side in ("left", "right"):
        contrast = arrays.get(f"passiveVisual.contrast{side.title()}")
        if contrast is not None and contrast.size == len(shown):
            shown[f"contrast_{side}"] = contrast.reshape(-1)
    return shown


def _behavior(
    arrays: Mapping[str, np.ndarray],
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    if "licks.times" in arrays:
        found["licks"] = arrays["licks.times"].reshape(-1), None
    for name, (attribute, stamps) in _TRACES.items():
        if attribute in arrays and stamps in arrays:
            values = arrays[attribute].astype(float)
            if name == "wheel_position":
                values *= paper.WHEEL_MM
            found |= paper.traces(name, _sample_times(arrays[stamps], len(values)), values)
    return found


def _sample_times(stamps: np.ndarray, n_samples: int) -> np.ndarray:
    """The time of each sample from rows of (sample, time): all between lie on a line."""
    if stamps.ndim == 2 and stamps.shape[1] == 2:
        return np.interp(np.arange(n_samples), stamps[:, 0], stamps[:, 1])
    return paper.sample_times(n_samples, stamps, None, None)
