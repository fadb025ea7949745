"""Recordings from files: the school's, plain arrays, NWB and ALF; each told by what is in it."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nma_seq2seq.arguments import given, one_of
from nma_seq2seq.recordings.alf import read_alf
from nma_seq2seq.recordings.containers import (
    EXTRAS,
    BadFileError,
    UnsafeFileError,
    existing,
    recognise,
)
from nma_seq2seq.recordings.continuous import Asked, cut
from nma_seq2seq.recordings.nwb import read_nwb
from nma_seq2seq.recordings.pickles import read_pickled
from nma_seq2seq.recordings.plain import read_plain
from nma_seq2seq.recordings.store import opened
from nma_seq2seq.school_format import TASKS
from nma_seq2seq.session import Session

__all__ = [
    "BadFileError",
    "UnsafeFileError",
    "count_sessions",
    "existing",
    "load_alf",
    "load_file",
    "load_nwb",
    "read_sessions",
]

_READERS = {"nwb": read_nwb, "alf": read_alf}  # of recordings on a clock of their own


def load_nwb(
    path: str | os.PathLike,
    *,
    align: Any = None,
    window: Sequence[float] = (-0.5, 2.0),
    bin_size: float = 0.01,
    region: str | Sequence[str] | None = None,
    units: Any = None,
    trials: Any = None,
    task: str = "active",
) -> Session:
    """A session from an NWB file: one of Steinmetz's own (DANDI 000017), or another lab's.

    Of Steinmetz's, what the paper uses: units with phy_annotations of 2 or more, each in the region
    of its peak channel, and trials in the course's names (`contrast_left`, `response`, `gocue`,
    ...), with `included`, `reaction_time` from the movements of the wheel, and wheel, face, licks
    and pupil. Of others', whatever is there. What was decided is printed in a line.

    Parameters
    ----------
    path : path
    align : str, or array of times
        What trials are cut around: a column of the file's trials (`visual_stimulus_time` by
        default), the name of one of its other tables of intervals (their starts) or of its
        presented stimuli, or times in seconds. Trials where it is NaN, or that were not recorded,
        are left out, and their number is said.
    window : (start, stop)
        Seconds from alignment.
    bin_size : float
        Seconds.
    region : str, or one acronym a unit, optional
        The column of units or of electrodes that names regions, where the usual ones do not; or one
        acronym, such as "MOs", where all units are in one region.
    units, trials : query, mask or positions, optional
        Which to keep, such as "firing_rate > 1", by the columns of the file; "all" units of
        Steinmetz's files are those that the paper left out too.
    task : "active" or "passive"
        "passive" is the gratings that were shown after the task (`passive_left_contrast`,
        `passive_right_contrast`), from their onset.

    Returns
    -------
    Session

    Raises
    ------
    BadFileError
        If the file cannot be read.
    ValueError
        If regions or trials cannot be found; the sentence lists the columns that the file has.
    ModuleNotFoundError
        If pynwb is not installed; the sentence says how.

    Examples
    --------
    >>> session = nma.load_nwb("mine.nwb", align="go_cue")  # doctest: +ELLIPSIS
    mine.nwb: ... regions from location; ...
    """
    return _opened("nwb", path, Asked(align, window, bin_size, region, units, trials, task))


def load_alf(
    path: str | os.PathLike,
    *,
    align: Any = None,
    window: Sequence[float] = (-0.5, 2.0),
    bin_size: float = 0.01,
    region: str | Sequence[str] | None = None,
    units: Any = None,
    trials: Any = None,
    task: str = "active",
) -> Session:
    """A session from a folder of ALF files or a .tar of them, such as figshare 9598406.

    What is used is as in `load_nwb`. A folder of Kilosort and phy will do as well, with region= and
    align=. Nothing is unpacked to the disk.

    Parameters
    ----------
    path : path
        Of the folder or the .tar.
    align : str, or array of times
        An attribute of trials (`visualStim_times` or `stimOn_times` by default),
        passiveVisual.times or licks.times, or times in seconds.
    window, bin_size, region, units, trials
        As in `load_nwb`.
    task : "active" or "passive"
        "passive" is the gratings that were shown after the task (`passiveVisual.times`), from their
        onset.

    Raises
    ------
    BadFileError
        If a file is damaged or missing.
    ValueError
        If regions or trials cannot be found; the sentence lists what there is.

    Examples
    --------
    >>> session = nma.load_alf("Richards_2017-10-31.tar")  # doctest: +ELLIPSIS
    Richards_2017-10-31.tar: ... regions from allen_ontology; ...
    """
    return _opened("alf", path, Asked(align, window, bin_size, region, units, trials, task))


def load_file(
    path: str | os.PathLike,
    index: int = 0,
    *,
    task: str = "active",
    align: Any = None,
    window: Sequence[float] | None = None,
    bin_size: float | None = None,
    region: str | Sequence[str] | None = None,
    units: Any = None,
    trials: Any = None,
    session: Session | None = None,
) -> Session:
    """A session from a file on disk: it is told by what is in it, whatever its name.

    The summer school's files and others like them, `dat.npy` as some browsers unpack it, plain
    arrays (`np.savez(FILE, spks=..., brain_area=...)`), NWB files, and folders and .tar of ALF.
    No pickle is run.

    Parameters
    ----------
    path : path
    index : int
        Which session of the file, counted from 0.
    task : "active" or "passive"
        As in `load_session`: trials of the task, or those without one, where the file has them.
    align, window, bin_size, region, units, trials
        As in `load_nwb` and `load_alf`, for such files. The school's file of spike times takes
        `bin_size`.
    session : Session, optional
        The one that the spike times of the school's file are of.

    Raises
    ------
    BadFileError
        If the file is damaged or no recording; the sentence says what it is, and the way in.
        `UnsafeFileError` if it is no mere data.
    ValueError
        If the file has no such session or no such trials, or the session breaks the format.

    Examples
    --------
    >>> session = nma.load_file("steinmetz_part2.npz", index=5)
    """
    one_of("task", task, TASKS)
    path, index = existing(path), operator.index(index)
    options = given(
        align=align, window=window, bin_size=bin_size, region=region, units=units, trials=trials
    )
    kind = recognise(path)
    if kind in _READERS:
        if index:
            raise ValueError(f"no session {index} in {path.name}; it holds one, counted from 0")
        if session is not None:
            raise ValueError(
                f"{path.name} is {kind.upper()}, which needs no session beside it; leave session= "
                "out"
            )
        return (load_nwb if kind == "nwb" else load_alf)(path, task=task, **options)
    n_sessions = 0
    for dat in read_sessions(path, passive=task == "passive"):
        if n_sessions == index:
            return _of_school(dat, path.name, index, task, session, options)
        n_sessions += 1
    raise ValueError(f"no session {index} in {path.name}; it holds {n_sessions}, counted from 0")


def _of_school(
    dat: dict[str, Any],
    label: str,
    index: int,
    task: str,
    session: Session | None,
    options: dict[str, Any],
) -> Session:
    """A session from a dict of the school's files, its extra files among them."""
    for key, what in EXTRAS.items():
        if key in dat and "spks" not in dat:
            raise BadFileError(f"{label} holds {what}")
    holds_times = "ss" in dat and "spks" not in dat
    if holds_times and options.keys() <= {"bin_size"}:
        if "brain_area" in dat:
            return Session.from_dict(dat | options, task=task)
        if task == "passive":
            raise ValueError(
                f"{label} holds spike times (ss) without brain_area, and of such only those of the "
                f"task are opened; in bins, passive trials are in nma.load_session({index}, "
                "task='passive')"
            )
        if session is None:
            raise BadFileError(
                f"{label} holds spike times (ss) without brain_area; open them together with their "
                f"session: nma.load_file(FILE, {index}, session=nma.load_session({index}))"
            )
        return _with_spike_times(session, dat["ss"], label, **options)
    superfluous = [name for name in options if not (holds_times and name == "bin_size")]
    if superfluous or session is not None:
        what = "trials that are cut" if holds_times else "counts in bins"
        raise ValueError(
            f"{label} holds {what} already, so that {[*superfluous, 'session'][0]}= has nothing to "
            "choose; leave it out"
        )
    return Session.from_dict(dat, task=task)


def _with_spike_times(
    session: Session, ss: np.ndarray, label: str, bin_size: float | None = None
) -> Session:
    """The session with counts of these spike times in its own bins, or of another length."""
    bin_size = bin_size or session.bin_size
    if ss.shape != (session.n_neurons, session.n_trials):
        raise ValueError(
            f"{label} has spike times of {ss.shape[0]} neurons in {ss.shape[1]} trials, and "
            f"{session.name} has {session.n_neurons} in {session.n_trials}; give the session that "
            "they are of"
        )
    dat = session.to_dict()
    traces = () if bin_size == session.bin_size else ("wheel", "face", "licks", "pupil")
    kept = {key: value for key, value in dat.items() if key not in ("spks", *traces)}
    return Session.from_dict(kept | {"ss": ss, "bin_size": bin_size})


def read_sessions(path: str | os.PathLike, *, passive: bool = False) -> Iterator[dict[str, Any]]:
    """Each session of a file of the summer school's format, or the one of plain arrays, as a dict.

    A dict is emptied when the next is asked for. The trials without a task (`spks_passive`, ...)
    are in it if they are asked for. Errors as `load_file`'s.
    """
    path = existing(path)
    kind = recognise(path)
    if kind in _READERS:
        raise ValueError(f"{path.name} is {kind.upper()}; open it with nma.load_{kind}(FILE)")
    yield from (read_plain if kind == "plain" else read_pickled)(path, passive=passive)


def count_sessions(path: str | os.PathLike) -> int:
    """How many sessions a file holds; errors as `load_file`'s."""
    path = existing(path)
    return 1 if recognise(path) in _READERS else sum(1 for _ in read_sessions(path))


def _opened(kind: str, path: str | os.PathLike, asked: Asked) -> Session:
    """Read once, and from then on from the cache, for as long as the file and what is asked stay.

    Raises
    ------
    ValueError
        If passive trials are asked for and an alignment of the task's.
    """
    if one_of("task", asked.task, TASKS) == "passive" and asked.align is not None:
        raise ValueError(
            f"align is {asked.align!r:.60}, and passive trials are cut around the onset of their "
            "stimulus; leave out align= or task="
        )
    path = existing(path)
    found = recognise(path)
    if found != kind:
        way = f"nma.load_{found}" if found in _READERS else "nma.load_file"
        raise BadFileError(f"{path.name} is no {kind.upper()} file; open it with {way}(FILE)")
    session, said = opened(
        path, vars(asked), lambda: cut(_READERS[kind](path, asked.region), asked)
    )
    print(f"{path.name}: {session.name}{', ' if said else ''}{said}")
    return session
