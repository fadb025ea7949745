"""How much can be known? What the truth of a simulated mouse predicts, and learning curves.

Bits per spike of true rates, of read-outs of the true latents and of every model, on the same test
trials; and what the regression and the course's model make of fewer trials and fewer sources, on a
simulated mouse and on recorded ones.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from benchmarks import measured, real_file, write_measured
from benchmarks.model import job, measure

TRIALS, SHARES = (50, 100, 200), (0.1, 0.25, 0.5)
#: Of the recorded sessions: Hench 2017-06-16 and Lederberg 2017-12-06.
RECORDED = (3, 6)
#: What the course calls the models, best first where it is known.
NAMES = {
    "true rates": "true rates",
    "true latents, Poisson read-out": "true latents, Poisson read-out",
    "true latents, linear read-out": "true latents, linear read-out",
    "seq2seq": "seq2seq",
    "rrr, 5 folds": "five regressions, averaged",
    "rrr": "reduced-rank regression",
    "glm": "GLM",
    "population": "population coupling",
    "psth": "PSTH",
}


def run(
    data: str | os.PathLike | None = None,
    *,
    twins: Sequence[int] = (0, 1, 2),
    sessions: Sequence[int] = RECORDED,
    results: str | os.PathLike | None = None,
    show: Callable[[str], None] = print,
) -> dict[str, pd.DataFrame]:
    """The table of the attainable on simulated mice, and the learning curves.

    Parameters
    ----------
    data : path, optional
        A file of recorded sessions; by default the one in the folder that NMA_SEQ2SEQ_REAL names.
    twins : sequence of int
        Seeds of the simulated mice; the learning curve is of the first.
    sessions : sequence of int
        Recorded ones for the learning curves, positions in the file.
    results : path, optional
        See `benchmarks.measured`.
    show : function of a str

    Returns
    -------
    dict of DataFrames
        "attainable" and "curves", as `nma_seq2seq.measured` reads them.
    """
    file = real_file(data) if sessions else None
    ladder = [
        job(f"twin {twin}", group=group)
        for twin in twins
        for group in ("truth", "simple", "rrr", "course", "glm")
    ]
    hows = ["random", *(f"{n} trials" for n in TRIALS), *(f"{k} of the sources" for k in SHARES)]
    fewer = [
        job(session, how=how, group=group)
        for session in (f"twin {twins[0]}", *sessions)
        for how in hows
        for group in ("quick rrr", "course")
    ]
    rows = measured(results, ladder, partial(measure, file), show)
    tables = {
        "attainable": attainable(rows),
        "curves": curves(measured(results, fewer, partial(measure, file), show)),
    }
    for name, table in tables.items():
        show(f"\n{name}\n{table.round(3).to_string(index=False)}")
    return tables


def attainable(rows: pd.DataFrame) -> pd.DataFrame:
    """Bits per spike of each model and mouse, and the share of what the true rates reach."""
    table = rows[["name", "model", "bits_per_spike"]].replace({"model": NAMES})
    table = table[table["model"].isin(NAMES.values())]
    best = table[table["model"] == "true rates"].set_index("name")["bits_per_spike"]
    table["share"] = table["bits_per_spike"] / table["name"].map(best)
    order = table["model"].map(list(NAMES.values()).index)
    return table.iloc[np.lexsort((order, table["name"]))].reset_index(drop=True)


def curves(rows: pd.DataFrame) -> pd.DataFrame:
    """Bits per spike over trials that were seen, and over source neurons, of two models."""
    rows = rows[rows["model"].isin(["rrr", "seq2seq"])]
    over = {"trials": rows["how"].str.endswith("trials"), "sources": rows["how"].str.contains("of")}
    tables = []
    for what, fewer in over.items():
        some = rows[fewer | (rows["how"] == "random")]
        # Where there are fewer trials, all have been measured already.
        asked = pd.to_numeric(some["how"].str.split().str[0], errors="coerce")
        tables.append(
            pd.DataFrame(
                {
                    "name": some["name"],
                    "target": some["region"],
                    "model": some["model"].map(NAMES),
                    "over": what,
                    "n": some["n_seen"] if what == "trials" else some["n_sources"],
                    "bits_per_spike": some["bits_per_spike"],
                }
            )[~((what == "trials") & (asked > some["n_seen"]))]
        )
    table = pd.concat(tables).sort_values(["name", "over", "model", "n"], kind="stable")
    return table.drop_duplicates(["name", "over", "model", "n"]).reset_index(drop=True)


def main() -> None:
    """Measure, show the tables, and write the file that the course draws from if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="real sessions in the course's format")
    parser.add_argument("--results", metavar="FILE", help="where a run that was cut off goes on")
    parser.add_argument("--write", action="store_true", help="write what the course shows")
    options = parser.parse_args()
    tables = run(options.data, results=options.results, show=lambda text: print(text, flush=True))
    if options.write:
        for name, table in tables.items():
            write_measured(name, table, "make bench-known ARGS=--write")


if __name__ == "__main__":
    main()
