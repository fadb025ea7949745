"""What the course claims, measured: each module has a `run`, and `make bench-NAME` shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from nma_seq2seq.files import whole_file
from nma_seq2seq.measured import FOLDER
from nma_seq2seq.session import Session

LEAST_TARGETS = 25  # neurons, for a score that says something of the model


def real_file(data: str | os.PathLike | None) -> Path:
    """The file of real sessions to measure on: `data`, or the one that NMA_SEQ2SEQ_REAL names.

    Raises
    ------
    FileNotFoundError
        If neither is there.
    """
    folder = os.environ.get("NMA_SEQ2SEQ_REAL")
    if data is None and not folder:
        raise FileNotFoundError(
            "no real sessions to measure on; name a file with --data, or set NMA_SEQ2SEQ_REAL to a "
            "folder that holds steinmetz_subset.npz"
        )
    path = Path(data) if data is not None else Path(folder) / "steinmetz_subset.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; name a file of recorded sessions with --data")
    return path


def usual_target(session: Session) -> str:
    """MOs where there are 25 neurons of it, else the region with the most."""
    counts = session.units.query("region != 'root'")["region"].value_counts()
    return "MOs" if counts.get("MOs", 0) >= LEAST_TARGETS else str(counts.index[0])


def apart(code: str, *arguments: object, **options: Any) -> Any:
    """What code measures in a process of its own, and prints as JSON in its last line.

    Its errors are shown as they come; `options` are those of `subprocess.run`.
    """
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **options)
    return json.loads(done.stdout.splitlines()[-1])


def measured(
    file: str | os.PathLike | None,
    jobs: Iterable[dict[str, Any]],
    measure: Callable[..., list[dict[str, Any]]],
    show: Callable[[str], None] = print,
) -> pd.DataFrame:
    """The rows of all jobs, each measured once: what a file holds already is read from it.

    Parameters
    ----------
    file : path or None
        Every job is one line of JSON, added when it is done, so that a run that is cut off goes on
        where it was. None keeps nothing.
    jobs : iterable of dicts
        What makes a row: session, split, model. Measured in this order.
    measure : function
        Called as `measure(**job)`; gives the job's rows.
    show : function of a str
        Called with each row as soon as it is there.
    """
    path = None if file is None else Path(file)
    lines = path.read_text().splitlines() if path is not None and path.exists() else []
    known = {json.dumps(line["job"]): line["rows"] for line in map(json.loads, lines)}
    table = []
    for job in jobs:
        rows = known.get(json.dumps(job))
        if rows is None:
            rows = measure(**job)
            if path is not None:
                with path.open("a") as opened:
                    opened.write(json.dumps({"job": job, "rows": rows}) + "\n")
            for row in rows:
                said = {k: v for k, v in (job | row).items() if not isinstance(v, list)}
                show(", ".join(f"{key} {_short(value)}" for key, value in said.items()))
        table += [job | row for row in rows]
    return pd.DataFrame(table)


def write_measured(name: str, table: pd.DataFrame, command: str) -> None:
    """Write a table that the course shows (`nma.measured_scores`), and what it was made by."""
    with whole_file(FOLDER / f"{name}.csv") as temporary:
        text = f"# Made by: {command}\n{table.round(4).to_csv(index=False)}"
        temporary.write_text(text, encoding="utf-8")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
