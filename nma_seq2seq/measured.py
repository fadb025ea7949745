"""Scores that take too long for a notebook, as `benchmarks/known.py` has measured them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_name("measured.csv")


def measured_scores(table: str) -> pd.DataFrame:
    """Scores on simulated and recorded mice that the course shows without fitting them again.

    Bits per spike on test trials against the mean of the training trials, 0 to 0.4 s after the
    stimulus in bins of 10 ms, one random split; `make bench-known` measures them again.

    Parameters
    ----------
    table : "attainable" or "curves"
        "attainable": on simulated mice, what their true rates predict, read-outs of their true
        latents, and models that see the source neurons alone; `share` is that of the true rates'
        score. "curves": the regression and the course's model with fewer trials to learn from, or
        with fewer source neurons (`over`), of which there were `n`.

    Raises
    ------
    ValueError
        If there is no such table.

    Examples
    --------
    >>> nma.measured_scores("attainable")["model"].iloc[0]
    'true rates'
    >>> sorted(nma.measured_scores("curves")["over"].unique())
    ['sources', 'trials']
    """
    tables = pd.read_csv(FILE)
    if table not in set(tables["table"]):
        choices = ", ".join(tables["table"].unique())
        raise ValueError(f"no table {table!r}; choose one of {choices}")
    some = tables[tables["table"] == table].dropna(axis=1, how="all")
    return some.drop(columns="table").reset_index(drop=True)
