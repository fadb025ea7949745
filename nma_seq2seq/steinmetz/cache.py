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
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pooch
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from nma_seq2seq.files import whole_file
from nma_seq2seq.recordings import BadFileError, read_sessions, store
from nma_seq2seq.recordings.containers import DAMAGE
from nma_seq2seq.recordings.store import folder_in_use
from nma_seq2seq.school_format import has_passive
from nma_seq2seq.session import Session
from nma_seq2seq.steinmetz import catalog
from nma_seq2seq.steinmetz.catalog import PART_URLS, PER_PART, PUBLISHED, part_name
from nma_seq2seq.steinmetz.download import DownloadError, download
from nma_seq2seq.steinmetz.network import is_of_network

_START = {"active": "", "passive": "passive-"}  # of the names of files


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


def cached(folder: Path, index: int, task: str = "active") -> Path | None:
    """Where a session lies, of whose passive trials a file of their own is kept."""
    return next(folder.glob(f"{_START[task]}{index:02d}_*.npz"), None)


def open_recorded(session: int | str, patience: int, task: str = "active") -> Session:
    folder = folder_in_use()
    path = _fetched(folder, session, patience, task)
    try:
        return store.read(path)[0]
    except DAMAGE:
        # A power cut can leave a file empty that was written whole: fetch it anew.
        with writing(folder):
            _fetch(folder, position(session), patience)
    return store.read(_fetched(folder, session, patience, task))[0]


def _fetched(folder: Path, session: int | str, patience: int, task: str) -> Path:
    """The file of a session in the cache, downloaded if need be.

    Raises
    ------
    ValueError
        If passive trials are asked for and the recording has none.
    """

    def find() -> Path | None:
        # The names inside the part decide, so a name may stand elsewhere than was thought.
        path = cached(folder, position(session), task)
        if path is None and task == "passive":
            of_task = cached(folder, position(session))
            if of_task is not None:
                raise ValueError(
                    f"session {position(session)} ({of_task.stem.partition('_')[2]}) holds no "
                    "passive trials; leave task= out for those of the task"
                )
        return path

    path = find()
    if path is None:
        with writing(folder):
            # Another notebook may have fetched it while this one waited for the lock.
            if find() is None:
                _fetch(folder, position(session), patience)
        path = find()
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
        download(
            url, path, patience, what=f"session {index} ({PUBLISHED[index]})",
            by_hand="call nma.import_part(path of the file)", is_whole=zipfile.is_zipfile,
        )  # fmt: skip
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
    with tempfile.TemporaryDirectory(prefix=".split-", dir=folder) as temporary:
        names = _write_sessions(path, Path(temporary))
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
            # That of the task last, for it says whether there is one of passive trials.
            for start in (_START["passive"], _START["active"]):
                file = f"{start}{first + position:02d}"
                target = folder / f"{file}_{name}.npz"
                split_off = Path(temporary, f"{start}{position}.npz")
                for old in folder.glob(f"{file}_*.npz"):
                    if old != target or not split_off.exists():
                        old.unlink()
                if split_off.exists():
                    os.replace(split_off, target)
    _record_digest(folder, number, digest)


def _write_sessions(path: Path, folder: Path) -> list[str]:
    """Each session of a part as files named by its position in it; what they are called."""
    names: list[str] = []
    dats = read_sessions(path, passive=True)
    for position, dat in enumerate(tqdm(dats, "splitting", total=PER_PART, unit="session")):
        session = Session.from_dict(dat)
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", session.name):
            raise BadFileError(f"{path.name}: {session.name!r} is no name of a session")
        names.append(session.name)
        _write_passive(dat, session.name, folder / f"{_START['passive']}{position}.npz")
        store.write(folder / f"{_START['active']}{position}.npz", session)
    return names


def _write_passive(dat: Mapping[str, Any], name: str, path: Path) -> None:
    """The passive trials of a session, if it has any."""
    if not has_passive(dat):
        return
    try:
        session = Session.from_dict(dat, task="passive")
    except ValueError as problem:  # the trials of the task are none the worse for it
        warnings.warn(f"the passive trials of {name} are left out: {problem}", stacklevel=4)
    else:
        store.write(path, session)


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
