"""Recorded sessions: download, safe reading, per-session cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm.auto import tqdm

from nma_seq2seq.arguments import given, one_of
from nma_seq2seq.recordings import (
    BadFileError,
    UnsafeFileError,
    count_sessions,
    existing,
    load_file,
)
from nma_seq2seq.recordings.store import folder_in_use
from nma_seq2seq.school_format import TASKS
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import simulate_session
from nma_seq2seq.steinmetz import archives, cache
from nma_seq2seq.steinmetz.cache import list_sessions, position
from nma_seq2seq.steinmetz.catalog import PUBLISHED
from nma_seq2seq.steinmetz.course_session import for_the_course
from nma_seq2seq.steinmetz.download import DownloadError

__all__ = [
    "BadFileError",
    "DownloadError",
    "UnsafeFileError",
    "count_sessions",
    "import_part",
    "list_sessions",
    "load_file",
    "load_session",
    "load_sessions",
]


_N_MICE = 5  # simulated ones, where no recording is at hand


def load_session(
    session: int | str = 31,
    *,
    task: str = "active",
    fallback: str | None = None,
    source: str | None = None,
    align: Any = None,
    window: Sequence[float] | None = None,
    bin_size: float | None = None,
    region: str | Sequence[str] | None = None,
    units: Any = None,
    trials: Any = None,
) -> Session:
    """A recorded session of Steinmetz et al. (2019), from the cache or else from the internet.

    The first session of a part (0-12, 13-25, 26-38) downloads that part and splits it into one
    file a session in the cache folder; from then on all its sessions open from there. The folder
    is the platform's cache, or what the environment variable NMA_SEQ2SEQ_CACHE names. Where
    NMA_SEQ2SEQ_DATA is `simulated`, the simulated twin is returned and nothing is downloaded; where
    it is a file that `load_file` opens, such as `mine.npz`, `mine.npz:3` (with an index) or
    `mine.nwb` (with NMA_SEQ2SEQ_ALIGN and NMA_SEQ2SEQ_REGION for what that file does not tell, as
    `align` and `region` of `load_nwb`), that session is, so that the whole course runs on a
    recording of one's own (of one region it makes two halves, and of a recording larger than the
    paper's it leaves out what the notebooks do not need; both are said).

    Parameters
    ----------
    session : int or str
        0 to 38, or a name such as "Richards_2017-10-31"; `list_sessions` shows all.
    task : "active" or "passive"
        The trials of the task; or those after it, in which the same neurons were recorded while
        gratings were shown and there was nothing to do. A session of these is named
        "..._passive" and mostly has contrasts alone. A model of the one can be scored on the other.
    fallback : None or "simulated"
        What to do where the recording cannot be had: None raises, "simulated" prints why and
        returns the simulated twin.
    source : None, "dandi" or "figshare"
        None is the summer school's files. The other two are the paper's own, one file a session
        (NWB of some 380 MB, or ALF), with spike times, probes and all trials; the file is kept in
        the cache, and NMA_SEQ2SEQ_DATA is not asked.
    align, window, bin_size, region, units, trials
        As in `load_nwb` and `load_alf`, for these two.

    Returns
    -------
    Session
        Its `origin` says "recorded" or "simulated".

    Raises
    ------
    ValueError
        If there is no such session or fallback, or it has no passive trials and they are asked for.
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

    Examples
    --------
    >>> session = nma.load_session(31, fallback="simulated")
    >>> passive = nma.load_session(31, task="passive", fallback="simulated")
    """
    one_of("task", task, TASKS)
    index = position(session)
    if source not in (None, *archives.SOURCES):
        raise ValueError(
            f"no source {source!r}; choose None (the summer school's files), 'dandi' or 'figshare'"
        )
    options = given(
        align=align, window=window, bin_size=bin_size, region=region, units=units, trials=trials
    )
    if options and source is None:
        raise ValueError(
            f"{next(iter(options))}= is of source='dandi' or 'figshare', which have spike times; "
            "the summer school's files are counts in bins already"
        )
    if fallback not in (None, "simulated"):
        raise ValueError(f"no fallback {fallback!r}; choose None or 'simulated'")
    data = os.environ.get("NMA_SEQ2SEQ_DATA", "")
    if source is None and data not in ("", "recorded", "simulated"):
        path, in_file = _path_and_index(data)
        return for_the_course(_named(path, task, in_file))
    if source is None and data == "simulated":
        return _twin("NMA_SEQ2SEQ_DATA asks for it; unset it to get the recorded session", task)
    try:
        # Whoever has a fallback should not wait long for it.
        patience = 5 if fallback is None else 1
        if source is not None:
            return _of_paper(source, index, patience, options | {"task": task})
        return cache.open_recorded(session, patience, task)
    except (OSError, ValueError) as problem:
        if fallback is not None:
            return _twin(str(problem), task)
        if isinstance(problem, DownloadError):
            raise DownloadError(
                f"{problem}, or take the simulated twin with fallback='simulated' (on the command "
                "line, --simulated)"
            ) from None
        raise


def load_sessions(*, fallback: str | None = None, progress: bool = True) -> Iterator[Session]:
    """Every recorded session that is at hand, one after the other; nothing is downloaded.

    Those in the cache (`list_sessions` shows which; a download brings thirteen); or all of the file
    that NMA_SEQ2SEQ_DATA names, whatever its index. Only one is in memory at a time, if you keep
    none.

    Parameters
    ----------
    fallback : None or "simulated"
        What to do where none is at hand: None raises, "simulated" yields five simulated mice, of
        160 trials from -0.5 to 0.5 s.
    progress : bool
        Show a bar.

    Yields
    ------
    Session

    Raises
    ------
    ValueError
        If there is no such fallback, or no session is at hand.
    BadFileError
        If the file cannot be read.

    Examples
    --------
    >>> sessions = nma.load_sessions(fallback="simulated", progress=False)
    >>> n_neurons = {session.name: session.n_neurons for session in sessions}
    """
    if fallback not in (None, "simulated"):
        raise ValueError(f"no fallback {fallback!r}; choose None or 'simulated'")
    openers = _at_hand(fallback)
    # Without a loop variable of its own a session would stay in memory while the next is opened.
    return (for_the_course(opened()) for opened in tqdm(openers, "sessions", disable=not progress))


def _at_hand(fallback: str | None) -> list[Callable[[], Session]]:
    data = os.environ.get("NMA_SEQ2SEQ_DATA", "")
    if data not in ("", "recorded", "simulated"):
        path, _ = _path_and_index(data)
        return [partial(_named, path, "active", index) for index in range(count_sessions(path))]
    here = list_sessions().query("cached")["name"] if data != "simulated" else ()
    if len(here):
        return [partial(cache.open_recorded, name, 1) for name in here]
    if fallback is None:
        raise ValueError(
            "no recorded session is at hand; nma.load_session(31) downloads thirteen, or take "
            "simulated mice with fallback='simulated'"
        )
    why = "NMA_SEQ2SEQ_DATA asks for it" if data == "simulated" else "no recorded one is at hand"
    print(f"These are {_N_MICE} SIMULATED mice: {why}.")
    return [partial(_simulated_mouse, seed) for seed in range(_N_MICE)]


def _simulated_mouse(seed: int) -> Session:
    session = simulate_session(seed, n_trials=160, n_bins=100)
    return replace(session, mouse=f"{session.mouse} {seed}")


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

    Examples
    --------
    >>> nma.import_part("steinmetz_part2.npz")["cached"].sum().item()
    13
    """
    path, folder = existing(path), folder_in_use()
    with cache.writing(folder):
        cache.sweep(folder)
        cache.split(path, folder)
    return list_sessions()


def _of_paper(source: str, index: int, patience: int, options: dict[str, Any]) -> Session:
    folder = folder_in_use()
    with cache.writing(folder):
        name = PUBLISHED[index]
        path = archives.fetched(source, name, index, folder, patience)
    return load_file(path, **options)


def _path_and_index(data: str) -> tuple[str, int]:
    """What NMA_SEQ2SEQ_DATA names: a file, and the index of a session in it."""
    path, _, index = data.rpartition(":")
    if Path(data).expanduser().exists() or not (path and index.isdigit()):
        path, index = data, "0"
    if not Path(path).expanduser().exists():
        raise ValueError(
            f"NMA_SEQ2SEQ_DATA is {data!r}, and there is no such file; set it to 'simulated', "
            "'recorded' or a file (with the index of a session in it, such as 'mine.npz:0', or an "
            "NWB file), or unset it"
        )
    return path, int(index)


def _named(path: str, task: str, index: int) -> Session:
    """A session of the file that NMA_SEQ2SEQ_DATA names, with the options beside it."""
    # Passive trials have a time 0 of their own.
    names = ("region",) if task == "passive" else ("align", "region")
    found = {name: os.environ.get(f"NMA_SEQ2SEQ_{name.upper()}") for name in names}
    options: dict[str, Any] = {name: value for name, value in found.items() if value}
    try:
        return load_file(path, index, task=task, **options)
    except ValueError as problem:
        if not options:
            raise
        said = ", ".join(f"NMA_SEQ2SEQ_{name.upper()}={value}" for name, value in options.items())
        raise type(problem)(f"{problem} (from the environment: {said})") from None


def _twin(reason: str, task: str) -> Session:
    twin = simulate_session(seed=0, task=task)
    print(f"This is a SIMULATED session, not a recorded one: {reason}.")
    return twin
