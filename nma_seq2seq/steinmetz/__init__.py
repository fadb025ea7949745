"""Recorded sessions: download, safe reading, per-session cache."""

from __future__ import annotations

import operator
import os
from pathlib import Path

import pandas as pd

from nma_seq2seq.session import Session
from nma_seq2seq.simulate import simulate_session
from nma_seq2seq.steinmetz import cache
from nma_seq2seq.steinmetz.cache import list_sessions, position
from nma_seq2seq.steinmetz.download import DownloadError
from nma_seq2seq.steinmetz.reading import BadFileError, UnsafeFileError, existing, read_sessions

__all__ = [
    "BadFileError",
    "DownloadError",
    "UnsafeFileError",
    "count_sessions",
    "import_part",
    "list_sessions",
    "load_file",
    "load_session",
]


def load_session(session: int | str = 31, *, fallback: str | None = None) -> Session:
    """A recorded session of Steinmetz et al. (2019), from the cache or else from the internet.

    The first session of a part (0-12, 13-25, 26-38) downloads that part and splits it into one
    file a session in the cache folder; from then on all its sessions open from there. The folder
    is the platform's cache, or what the environment variable NMA_SEQ2SEQ_CACHE names. Where
    NMA_SEQ2SEQ_DATA is `simulated`, the simulated twin is returned and nothing is downloaded; where
    it is a file and an index, such as `mine.npz:0`, that session is, so that the whole course runs
    on a recording of one's own.

    Parameters
    ----------
    session : int or str
        0 to 38, or a name such as "Richards_2017-10-31"; `list_sessions` shows all.
    fallback : None or "simulated"
        What to do where the recording cannot be had: None raises, "simulated" prints why and
        returns the simulated twin.

    Returns
    -------
    Session
        Its `origin` says "recorded" or "simulated".

    Raises
    ------
    ValueError
        If there is no such session or fallback.
    DownloadError
        If the download fails; the message says what to do.
    BadFileError
        If what was downloaded is not the file that it should be.
    OSError
        If the cache folder cannot be written.

    References
    ----------
    Steinmetz, Zatka-Haas, Carandini & Harris (2019). Distributed coding of choice, action and
    engagement across the mouse brain. Nature 576, 266-273. Data: CC BY 4.0.
    """
    position(session)
    if fallback not in (None, "simulated"):
        raise ValueError(f"no fallback {fallback!r}; choose None or 'simulated'")
    data = os.environ.get("NMA_SEQ2SEQ_DATA", "")
    path, _, index = data.rpartition(":")
    if path and index.isdigit():
        return load_file(path, int(index))
    if data not in ("", "recorded", "simulated"):
        raise ValueError(
            f"NMA_SEQ2SEQ_DATA is {data!r}; set it to 'simulated', 'recorded' or a file and the "
            "index of a session in it, such as 'mine.npz:0', or unset it"
        )
    if data == "simulated":
        return _twin("NMA_SEQ2SEQ_DATA asks for it; unset it to get the recorded session")
    try:
        # Whoever has a fallback should not wait long for it.
        return cache.open_recorded(session, patience=5 if fallback is None else 1)
    except (OSError, ValueError) as problem:
        if fallback is not None:
            return _twin(str(problem))
        if isinstance(problem, DownloadError):
            raise DownloadError(
                f"{problem}, or take the simulated twin with fallback='simulated'"
            ) from None
        raise


def load_file(path: str | os.PathLike, index: int = 0) -> Session:
    """A session from a file of the summer school's format on disk.

    Parameters
    ----------
    path : path
        An .npz file, compressed or not, whose `dat` is an array of one dict a session.
    index : int
        Which session of the file, counted from 0.

    Raises
    ------
    BadFileError
        If the file is damaged or of another format; `UnsafeFileError` if it is no mere data.
    ValueError
        If the file has no such session, or the session breaks the format.
    """
    index = operator.index(index)
    n_sessions = 0
    for dat in read_sessions(path):
        if n_sessions == index:
            return Session.from_dict(dat)
        n_sessions += 1
    raise ValueError(
        f"no session {index} in {Path(path).name}; it holds {n_sessions}, counted from 0"
    )


def count_sessions(path: str | os.PathLike) -> int:
    """How many sessions a file of the summer school's format holds; errors as `load_file`'s."""
    return sum(1 for _ in read_sessions(path))


def import_part(path: str | os.PathLike) -> pd.DataFrame:
    """Split a part that is already on disk into the cache, as `load_session` does after a download.

    For where Python cannot reach the internet and a browser can. The file itself is left alone.

    Parameters
    ----------
    path : path
        One of the three files; the names of its sessions tell which.

    Returns
    -------
    DataFrame
        `list_sessions()`, with the new ones cached.

    Raises
    ------
    BadFileError
        If it is none of the three files.
    OSError
        If the cache folder cannot be written.
    """
    path, folder = existing(path), cache.folder_in_use()
    with cache.writing(folder):
        cache.sweep(folder)
        cache.split(path, folder)
    return list_sessions()


def _twin(reason: str) -> Session:
    twin = simulate_session(seed=0)
    print(f"This is a SIMULATED session, not a recorded one: {reason}.")
    return twin
