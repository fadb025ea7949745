"""Sessions as plain compressed arrays, as the cache keeps them, and those of opened files.

Few bins hold a spike. The gaps between those that do take a third less space than the counts of
all bins, and are written and read in a fraction of the time.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pooch

from nma_seq2seq.files import whole_file
from nma_seq2seq.recordings.containers import DAMAGE
from nma_seq2seq.session import Session

_VERSION = 3  # of what is read out of files: with another, they are read anew
_MOST_OPENED = 40  # sessions; the cache of a year of tries should not fill a disk


def folder_in_use() -> Path:
    return Path(os.environ.get("NMA_SEQ2SEQ_CACHE") or pooch.os_cache("nma_seq2seq")).expanduser()


def write(path: Path, session: Session, said: str = "") -> None:
    """A session, without what is true of a simulated one, and what was said of it."""
    _write_arrays(path, _arrays(session, said), session.spikes)


def read(path: Path) -> tuple[Session, str]:
    """What `write` wrote.

    Raises
    ------
    OSError, or one of `DAMAGE`
        If it cannot be read, or is not what `write` wrote.
    """
    return _session(*_read_arrays(path))


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray], spikes: np.ndarray) -> None:
    """Counts (trials, time, neurons) and other arrays, none of them of objects."""
    gaps, counts = [], []
    for trial in spikes.reshape(len(spikes), -1):
        where = np.flatnonzero(trial != 0)  # several times as fast as without the comparison
        gaps.append(np.diff(where, prepend=0).astype(np.uint32))
        counts.append(trial[where])
    joined = np.concatenate(gaps)
    members = dict(arrays) | {
        "spike_shape": np.array(spikes.shape),
        "spike_n": np.array([len(trial) for trial in gaps]),
        "spike_gaps": joined.astype(np.min_scalar_type(joined.max(initial=0))),
        "spike_counts": np.concatenate(counts),
    }
    # np.savez_compressed takes more than twice as long, for files a twentieth smaller.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for key, array in members.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_arrays(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What `_write_arrays` wrote: the other arrays, and the counts."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    ends = np.cumsum(arrays.pop("spike_n"))[:-1]
    gaps, counts = (np.split(arrays.pop(key), ends) for key in ("spike_gaps", "spike_counts"))
    spikes = np.zeros(arrays.pop("spike_shape"), dtype=counts[0].dtype)
    for trial, gap, count in zip(spikes.reshape(len(spikes), -1), gaps, counts, strict=True):
        trial[np.cumsum(gap, dtype=np.intp)] = count
    return arrays, spikes


def opened(
    source: Path, options: Mapping[str, Any], read_source: Callable[[], tuple[Session, str]]
) -> tuple[Session, str]:
    """The session of a file, from the cache if it was opened with these options before.

    What cannot be kept is read each time; the cache is no place to fail.
    """
    path = folder_in_use() / "opened" / f"{_key(source, options)}.npz"
    try:
        kept = read(path)
        os.utime(path)
        return kept
    except (OSError, *DAMAGE):
        pass
    session, said = read_source()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            write(temporary, session, said)
        by_age = sorted(path.parent.glob("*.npz"), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-_MOST_OPENED]:
            old.unlink(missing_ok=True)
    except (OSError, ValueError):
        pass
    return session, said


def _key(source: Path, options: Mapping[str, Any]) -> str:
    """Another file, another content or another option makes another key."""
    files = [source] if source.is_file() else sorted(f for f in source.rglob("*") if f.is_file())
    stats = [(str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    digest = hashlib.sha256(json.dumps([_VERSION, stats]).encode())
    for name, value in sorted(options.items()):
        value = np.asarray(value) if isinstance(value, list) else value
        is_numbers = isinstance(value, np.ndarray) and value.dtype.kind != "O"
        digest.update(f"{name}={type(value).__name__}:".encode())
        digest.update(value.tobytes() if is_numbers else b"")
        digest.update(str(value.shape if is_numbers else repr(value)).encode())
    return digest.hexdigest()[:32]


_FACTS = ("name", "mouse", "date", "bin_size", "alignment", "events", "key")


def _arrays(session: Session, said: str) -> dict[str, np.ndarray]:
    facts = {key: getattr(session, key) for key in _FACTS}
    arrays = {
        "facts": np.array(json.dumps(facts | {"said": said})),
        "time": session.time,
        "trial_labels": session.trials.index.to_numpy(),
    }
    for part, table in (("units", session.units), ("trials", session.trials)):
        for column in table:
            values = table[column].to_numpy()
            if values.dtype.kind == "O":
                values = np.array([str(value) for value in values])
            arrays[f"{part}.{column}"] = values
    return arrays | {f"behavior.{key}": trace for key, trace in session.behavior.items()}


def _session(arrays: dict[str, np.ndarray], spikes: np.ndarray) -> tuple[Session, str]:
    facts = json.loads(str(arrays["facts"]))
    said = facts.pop("said")
    facts["events"] = tuple(facts["events"])

    def part(name: str) -> dict[str, np.ndarray]:
        start = f"{name}."
        return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}

    units = pd.DataFrame(part("units"), index=pd.RangeIndex(spikes.shape[2], name="unit"))
    trials = pd.DataFrame(part("trials"), index=pd.Index(arrays["trial_labels"], name="trial"))
    session = Session(
        spikes=spikes,
        time=arrays["time"],
        units=units,
        trials=trials,
        behavior=part("behavior"),
        **facts,
    )
    return session, said
