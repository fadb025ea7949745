"""What the course claims, measured: each module has a `run`, and `make bench-NAME` shows it."""

from __future__ import annotations

import os
from pathlib import Path

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
