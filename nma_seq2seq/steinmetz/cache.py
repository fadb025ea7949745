"""The cache: one pickle-free file a session, split from the downloads."""

from __future__ import annotations

import difflib
import operator
import os
import re
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pooch
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from nma_seq2seq.files import whole_file
from nma_seq2seq.recordings import BadFileError, read_sessions, store
from nma_seq2seq.recordings.store import folder_in_use
from nma_seq2seq.session import Session
from nma_seq2seq.steinmetz import catalog
from nma_seq2seq.steinmetz.catalog import PART_URLS, PER_PART, PUBLISHED, part_name
from nma_seq2seq.steinmetz.download import DownloadError, Wanted, download
from nma_seq2seq.steinmetz.network import is_of_network

# What the cache keeps beside the spikes. The traces are kept as Session holds them, in float32.
_TRACES = ("wheel", "face", "licks", "pupil")
_KEPT = (
    *_TRACES, "brain_area", "ccf", "ccf_axes", "trough_to_peak", "contrast_left", "contrast_right",
    "response", "feedback_type", "gocue", "response_time", "feedback_time", "reaction_time",
    "prev_reward", "active_trials", "cellid_orig", "mouse_name", "date_exp", "bin_size",
    "stim_onset",
)  # fmt: skip


def list_sessions() -> pd.DataFrame:
    """All 39 recorded sessions, one a row.

    Returns
    -------
    DataFrame
        `index`, `name`, `mouse`, `date`, `part` (which of the three downloads holds it) and
        `cached` (whether it opens without a download).

    Examples
    --------
    >>> nma.list_sessions().loc[31, ["mouse", "date"]].tolist()
    ['Richards', '2017-10-31']
    """
    folder = folder_in_use()
    rows = []
    for index, name in enumerate(PUBLISHED):
        path = cached(folder, index)
        if path is not None:
            name = path.stem.partition("_")[2]
        mouse, _, date = name.partition("_")
        rows.append((index, name, mouse, date, index // PER_PART, path is not None))
    return pd.DataFrame(rows, columns=["index", "name", "mouse", "date", "part", "cached"])


def position(session: int | str) -> int:
    """0 to 38 from a number or a name."""
    if isinstance(session, str):
        names = list(list_sessions()["name"])
        if session in names:
            return names.index(session)
        close = difflib.get_close_matches(session, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "nma.list_sessions() shows all names"
        raise ValueError(f"no session {session!r}; {hint}")
    try:
        index = operator.index(session)
    except TypeError:
        index = -1
    if not 0 <= index < len(PUBLISHED):
        raise ValueError(
            f"no session {session!r}; choose 0 to {len(PUBLISHED) - 1}, or a name such as "
            "'Richards_2017-10-31' (nma.list_sessions() shows all)"
        )
    return index


def cached(folder: Path, index: int) -> Path | None:
    return next(folder.glob(f"{index:02d}_*.npz"), None)


def open_recorded(session: int | str, patience: int) -> Session:
    folder = folder_in_use()
    path = _fetched(folder, session, patience)
    try:
        return _open(path)
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError):
        # A power cut can leave a file empty that was written whole: fetch it anew.
        with writing(folder):
            path.unlink(missing_ok=True)
    return _open(_fetched(folder, session, patience))


def _fetched(folder: Path, session: int | str, patience: int) -> Path:
    """The file of a session in the cache, downloaded if need be."""
    path = cached(folder, position(session))
    if path is None:
        with writing(folder):
            # Another notebook may have fetched it while this one waited for the lock.
            if cached(folder, position(session)) is None:
                _fetch(folder, position(session), patience)
        # The names inside the part decide, so a name may stand elsewhere than was thought.
        path = cached(folder, position(session))
        assert path is not None, "a part is split into all its sessions"
    return path


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; what the disk refuses becomes one sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The operating system frees the lock when its holder dies, however that happens.
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=1)
        except Timeout:
            print("Waiting: another notebook is filling the cache.")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except DownloadError:
        raise
    except (OSError, NotImplementedError) as problem:
        if isinstance(problem, OSError) and is_of_network(problem):
            raise
        why = getattr(problem, "strerror", None) or problem
        raise OSError(
            f"cannot write to the cache folder {folder} ({why}): free some space there, or set "
            "the environment variable NMA_SEQ2SEQ_CACHE to a folder that can be written"
        ) from None


def sweep(folder: Path) -> None:
    """Remove what a killed process left; only for who holds the lock."""
    for stale in folder.glob(".split-*"):
        shutil.rmtree(stale)
    for stale in folder.glob(".*.part"):
        stale.unlink()
    for number in range(len(PART_URLS)):
        members = range(number * PER_PART, (number + 1) * PER_PART)
        if all(cached(folder, index) for index in members):
            (folder / part_name(number)).unlink(missing_ok=True)


def _fetch(folder: Path, index: int, patience: int) -> None:
    """Download the part that holds a session and split it; only for who holds the lock."""
    sweep(folder)
    number = index // PER_PART
    path = folder / part_name(number)
    if not path.exists():  # a process that was killed while it split leaves the part
        url = catalog.PART_URLS[number]
        print(
            f"Downloading {path.name} from {urlsplit(url).hostname}, once: it holds sessions "
            f"{number * PER_PART} to {number * PER_PART + PER_PART - 1}, which then open from "
            f"{folder}."
        )
        wanted = Wanted(
            url=url,
            what=f"session {index} ({PUBLISHED[index]})",
            by_hand="call nma.import_part(path of the file)",
            kind="a zip file",
            start=b"PK\x03\x04",
            is_whole=zipfile.is_zipfile,
        )
        download(wanted, path, patience)
    try:
        split(path, folder, number)
    except (OSError, ValueError):
        path.unlink(missing_ok=True)
        raise
    path.unlink()


def split(path: Path, folder: Path, number: int | None = None) -> None:
    """Put the sessions of a part into the cache: all of them, or none if anything is wrong."""
    digest = pooch.file_hash(str(path), alg="sha256")
    if number is not None:
        _compare_digest(folder, number, digest)
    names = []
    with tempfile.TemporaryDirectory(prefix=".split-", dir=folder) as temporary:
        sessions = tqdm(read_sessions(path), "splitting", total=PER_PART, unit="session")
        for position, dat in enumerate(sessions):
            session = Session.from_dict(dat)
            if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", session.name):
                raise BadFileError(f"{path.name}: {session.name!r} is no name of a session")
            names.append(session.name)
            _write(Path(temporary, f"{position}.npz"), dat, session.spikes)
        if number is None:
            number = _number_of(names, path)
            _compare_digest(folder, number, digest)
        if len(names) != PER_PART:
            raise BadFileError(
                f"{path.name} holds {len(names)} sessions where a part holds {PER_PART}; open "
                "such a file with nma.load_file(path, index)"
            )
        first = number * PER_PART
        for position, name in enumerate(names):
            listed = PUBLISHED[first + position]
            if name != listed:
                warnings.warn(
                    f"session {first + position} is {name} in {path.name}, and {listed} in the "
                    "published list; the file decides",
                    stacklevel=2,
                )
            target = folder / f"{first + position:02d}_{name}.npz"
            for old in folder.glob(f"{first + position:02d}_*.npz"):
                if old != target:
                    old.unlink()
            os.replace(Path(temporary, f"{position}.npz"), target)
    _record_digest(folder, number, digest)


def _number_of(names: list[str], path: Path) -> int:
    """Which part the names are from."""
    parts = Counter(PUBLISHED.index(name) // PER_PART for name in names if name in PUBLISHED)
    if not parts:
        raise BadFileError(
            f"{path.name} holds no session of the published list; import one of "
            f"{', '.join(map(part_name, range(len(PART_URLS))))}, or open this file with "
            "nma.load_file(path, index)"
        )
    return parts.most_common(1)[0][0]


def _digests(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "sha256.txt").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: digest for digest, name in (line.split() for line in lines if line)}


def _compare_digest(folder: Path, number: int, digest: str) -> None:
    name = part_name(number)
    known = _digests(folder).get(name, digest)
    if known != digest:
        raise BadFileError(
            f"{name} is not the file that it was: its SHA-256 is {digest} and was {known}; try "
            f"again, and if the new file is to be trusted, remove the line of {name} from "
            f"{folder / 'sha256.txt'}"
        )


def _record_digest(folder: Path, number: int, digest: str) -> None:
    digests = _digests(folder) | {part_name(number): digest}
    with whole_file(folder / "sha256.txt") as temporary:
        # The format that `sha256sum` reads.
        temporary.write_text("".join(f"{digests[name]}  {name}\n" for name in sorted(digests)))


def _write(path: Path, dat: Mapping[str, Any], spikes: np.ndarray) -> None:
    arrays = {key: np.asarray(dat[key]) for key in _KEPT if key in dat}
    arrays |= {key: arrays[key].astype(np.float32) for key in _TRACES if key in arrays}
    store.write(path, arrays, spikes)


def _open(path: Path) -> Session:
    """A session from the cache."""
    arrays, spikes = store.read(path)
    return Session.from_counts(spikes, arrays)
