"""ALF: a recording as a folder, or a .tar, of arrays named object.attribute.npy."""

from __future__ import annotations

import io
import re
import tarfile
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen
from nma_seq2seq.recordings import paper
from nma_seq2seq.recordings.containers import BadFileError
from nma_seq2seq.recordings.continuous import Continuous, cut
from nma_seq2seq.session import Session
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
_NAMES = paper.FROM_ALF | {"stimOn_times": "stimulus_onset"}
_ALIGN = ("visualStim_times", "stimOn_times")


def read_alf(
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
    """The session, and what was decided in reading it; see `load_alf`."""
    arrays, tables = _read(path)
    recording = _recording(arrays, tables, path, region)
    is_papers = "phy_annotations" in recording.units
    if units is None and is_papers:
        units = paper.ANNOTATED
        recording.said.append(f"units with {paper.ANNOTATED}, as in the paper")
    if align is None:
        align = next((a for a in _ALIGN if a in recording.trials), _ALIGN[0])
    return cut(
        recording,
        align=align,
        window=window,
        bin_size=bin_size,
        units=None if isinstance(units, str) and units == "all" else units,
        trials=trials,
        renamed=paper.renamed(
            recording.trials, paper.FROM_ALF | {"stimOn_times": "stimulus_onset"}
        ),
        task=task,
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


def _files(path: Path) -> Any:
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


def _recording(
    arrays: Mapping[str, np.ndarray],
    tables: Mapping[str, pd.DataFrame],
    path: Path,
    region: Any,
) -> Continuous:
    for key in ("spikes.times", "spikes.clusters"):
        if key not in arrays:
            raise BadFileError(
                f"{path.name} has no {key}.npy; it has {', '.join(sorted(arrays)[:6]) or 'nothing'}"
            )
    said: list[str] = []
    times = arrays["spikes.times"].reshape(-1)
    whose = arrays["spikes.clusters"].reshape(-1).astype(np.int64)
    if len(times) != len(whose):
        raise BadFileError(
            f"{path.name}: {len(times)} spikes.times and {len(whose)} spikes.clusters; they must "
            "be as many"
        )
    clusters = _object("clusters", arrays, tables)
    n_units = max(len(clusters), int(whose.max(initial=-1)) + 1)
    clusters = clusters.reindex(range(n_units))
    units, acronyms = _units(clusters, _object("channels", arrays, tables), region, path.name, said)
    trials = _trials(arrays, tables)
    events = [c for c in map(str, trials) if c.endswith("_times") or c in paper.TIMES]
    moves = arrays.get("wheelMoves.intervals")
    if moves is not None and "visualStim_times" in trials and "response_times" in trials:
        kinds = arrays.get("wheelMoves.type")
        found = paper.reaction(
            trials["visualStim_times"].to_numpy(float),
            trials["response_times"].to_numpy(float),
            paper.pairs(moves, len(moves)),
            kinds,
        )
        for column, values in found.items():
            trials[column] = values
        events.append("reaction_time")
    mouse, date = _mouse_and_date(path)
    return Continuous(
        label=path.name,
        name=f"{mouse}_{date}" if date != "unknown" else path.stem,
        mouse=mouse,
        date=date,
        spike_times=split_by(times, whose, n_units),
        units=units.assign(region=acronyms),
        trials=trials,
        onsets={
            key: arrays[key].reshape(-1)
            for key in ("passiveVisual.times", "licks.times")
            if key in arrays
        },
        events=tuple(events),
        behavior=_behavior(arrays),
        said=said,
        passive=_passive(arrays),
    )


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
    clusters: pd.DataFrame, channels: pd.DataFrame, region: Any, label: str, said: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The table of units, and each one's acronym as the files have it."""
    units = pd.DataFrame({"unit_id": clusters.index})
    depths = clusters["depths"].to_numpy(float) if "depths" in clusters else None
    if depths is not None:
        units["depth"] = depths
    if "_phy_annotation" in clusters:
        units["phy_annotations"] = clusters["_phy_annotation"].to_numpy()
    if "waveformDuration" in clusters:
        duration, why = paper.width(clusters["waveformDuration"].to_numpy(), depths)
        if duration is not None:
            units["trough_to_peak"] = duration
        else:
            said.append(why)
    peak = next((c for c in ("peakChannel", "channels") if c in clusters), None)
    rows = None
    if peak is not None and len(channels) and clusters[peak].notna().all():
        heights = channels["height"].to_numpy(float) if "height" in channels else None
        rows, how = paper.peak_rows(clusters[peak].to_numpy(), len(channels), depths, heights)
        said.append(how)
        names = {
            "ccf_ap": "ap", "ccf_dv": "dv", "ccf_lr": "lr", "probe": "probe",
        }  # fmt: skip
        there = {old: new for old, new in names.items() if old in channels}
        probe = clusters["probes"].to_numpy() if "probes" in clusters else None
        of_channels = channels[list(there)].rename(columns=there)
        for column, values in paper.units_of_channels(rows, of_channels, probe).items():
            units[column] = values
    elif "probes" in clusters:
        units["probe"] = clusters["probes"].to_numpy()

    if region is not None and not isinstance(region, str):
        given = [str(acronym) for acronym in region]
        if len(given) != len(units):
            raise ValueError(
                f"{label}: region= has {len(given)} names for {len(units)} clusters; give one each"
            )
        return units, given
    columns = ("allen_ontology", "brainLocation", "acronym") if region is None else (region,)
    for column in columns:
        if column in clusters:
            return units, clusters[column].astype(str).tolist()
        if rows is not None and column in channels:
            return units, channels[column].astype(str).to_numpy()[rows].tolist()
    if region is not None and allen.is_known(allen.without_layer(region)):
        return units, [region] * len(units)  # all are in one region
    texts = [
        f"{name}.{column}"
        for name, table in (("clusters", clusters), ("channels", channels))
        for column in table
        if not pd.api.types.is_numeric_dtype(table[column])
    ]
    raise ValueError(
        f"{label} does not tell the regions of its clusters (channels.brainLocation.tsv with "
        f"clusters.peakChannel.npy would); choose region= one acronym for each of {len(units)} "
        f"clusters{', or one of its columns ' + ', '.join(texts) if texts else ''}"
    )


def _trials(arrays: Mapping[str, np.ndarray], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    trials = _object("trials", arrays, tables)
    intervals = arrays.get("trials.intervals")
    if intervals is not None and intervals.ndim == 2 and len(intervals) == len(trials):
        trials["start_time"], trials["stop_time"] = intervals[:, 0], intervals[:, 1]
    if "included" in trials:
        trials["included"] = trials["included"].astype(bool)
    return trials


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
    for name, attribute, stamps in (
        ("wheel", "wheel.position", "wheel.timestamps"),
        ("face", "face.motionEnergy", "face.timestamps"),
        ("pupil_area", "eye.area", "eye.timestamps"),
        ("pupil_xy", "eye.xyPos", "eye.timestamps"),
    ):
        if attribute not in arrays or stamps not in arrays:
            continue
        values = arrays[attribute].astype(float)
        times = _stamps(arrays[stamps], len(values))
        if len(times) != len(values):
            continue
        if name == "pupil_xy":
            if values.ndim == 2 and values.shape[1] == 2:
                found["pupil_x"], found["pupil_y"] = (times, values[:, 0]), (times, values[:, 1])
        elif name == "wheel":
            found["wheel"] = paper.speed(times, values.reshape(-1) * paper.WHEEL_MM)
        else:
            found[name] = times, values.reshape(-1)
    return found


def _stamps(stamps: np.ndarray, n_samples: int) -> np.ndarray:
    """The time of each sample from rows of (sample, time): all between lie on a line."""
    if stamps.ndim == 2 and stamps.shape[1] == 2:
        return np.interp(np.arange(n_samples), stamps[:, 0], stamps[:, 1])
    return paper.sample_times(n_samples, stamps, None, None)
