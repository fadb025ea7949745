"""`nma-seq2seq map`: who predicts whom, in many sessions, resumable, on cores or a cluster."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from tqdm.auto import tqdm

from nma_seq2seq.arguments import one_of
from nma_seq2seq.files import file_name, whole_file
from nma_seq2seq.region_maps import over_mice, region_map
from nma_seq2seq.session import Session

_SETTINGS = "settings.json"
_SUMMARY = "by_group.csv"


def map_sessions(
    sessions: dict[str, Callable[[], Session]],
    folder: str | os.PathLike,
    *,
    progress: bool = True,
    **settings: Any,
) -> pd.DataFrame:
    """Map every session into one CSV file each, and sum up over sessions by region group.

    Sessions whose file is there are not mapped again, so what was interrupted goes on where it was.

    Parameters
    ----------
    sessions : dict of name -> function that opens the session
    folder : path
        Is made where it is missing.
    progress : bool
    **settings
        Of `region_map`.

    Returns
    -------
    DataFrame
        `summary_by_group` of all maps in the folder; also written as by_group.csv.

    Raises
    ------
    ValueError
        If the folder holds maps made with other settings.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = json.loads(json.dumps({k: v for k, v in settings.items() if k != "n_jobs"}))
    known = folder / _SETTINGS
    has_maps = any(path.name != _SUMMARY for path in folder.glob("*.csv"))
    if has_maps and known.exists() and json.loads(known.read_text()) != plain:
        raise ValueError(
            f"{folder} holds maps made with other settings ({known.read_text().strip()}); "
            "choose another folder"
        )
    with whole_file(known) as temporary:
        temporary.write_text(json.dumps(plain) + "\n")
    left_out = []
    for name, load in tqdm(sessions.items(), desc="sessions", disable=not progress):
        path = folder / f"{file_name(name)}.csv"
        if path.exists():
            continue
        session = load()
        try:
            table = region_map(session, progress=progress, **settings)
        except ValueError as problem:  # too few regions: true of some, and no reason to end
            left_out.append(f"{name} is left out: {problem}")
            continue
        with whole_file(path) as temporary:
            table.to_csv(temporary, index=False)
    for sentence in left_out:
        print(sentence)
    tables = [pd.read_csv(path) for path in sorted(folder.glob("*.csv")) if path.name != _SUMMARY]
    if not tables:
        raise ValueError(
            "no session has two regions with enough neurons; choose a smaller --neurons"
        )
    summary = summary_by_group(pd.concat(tables))
    with whole_file(folder / _SUMMARY) as temporary:
        summary.to_csv(temporary, index=False)
    return summary


def summary_by_group(table: pd.DataFrame) -> pd.DataFrame:
    """Region maps of many sessions, averaged by group of source and of target; a mouse counts once.

    Returns
    -------
    DataFrame, one row a pair of groups
        `source_group`, `target_group`; `bits_per_spike` and `beyond_stimulus` (means over mice)
        with the 95 % interval over mice of each (`_low`, `_high`, NaN for one mouse); `n_mice` and
        `n_sessions`, as `over_mice` has them.
    """
    groups = ["source_group", "target_group"]
    summaries = []
    for value in ("bits_per_spike", "beyond_stimulus"):
        summary = over_mice(table, value, groups).set_index(groups)
        names = {"mean": value, "low": f"{value}_low", "high": f"{value}_high"}
        summaries.append(summary.rename(columns=names))
    counts = summaries[0][["n_mice", "n_sessions"]]
    scores = [summary.drop(columns=counts.columns) for summary in summaries]
    return pd.concat([*scores, counts], axis=1).sort_index().reset_index()


@contextlib.contextmanager
def engine(name: str, address: str | None = None) -> Iterator[None]:
    """Where the work of a map is done: "joblib" on this machine, "dask" on a cluster.

    Parameters
    ----------
    name : "joblib" or "dask"
    address : str, optional
        Of the dask scheduler, such as "tcp://10.0.0.1:8786".

    Raises
    ------
    ValueError
        If there is no such engine, the address is missing, or dask is not installed.
    OSError
        If nothing answers there.
    """
    if one_of("engine", name, ("joblib", "dask")) == "joblib":
        yield
        return
    if address is None:
        raise ValueError("--engine dask needs --address, such as tcp://10.0.0.1:8786")
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "--engine dask needs dask.distributed: pip install 'nma-seq2seq[cluster]'"
        ) from None
    with Client(address, timeout=10), joblib.parallel_config(backend="dask"):
        yield
