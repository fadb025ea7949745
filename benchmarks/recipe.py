"""The original study's recipe, treated fairly: trained until it turns, and with a better start.

As given it trains for 400 epochs, which is too long for some sessions and too short for others.
Here it also runs until its validation loss has not fallen for 100 epochs; from a bias at which each
rate starts at the neuron's mean; and so with a learning rate chosen on the validation trials.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from benchmarks import measured, real_file, usual_target
from benchmarks.model import recorded, start_at_the_mean, whole
from nma_seq2seq import metrics, training
from nma_seq2seq.dataset import Dataset, make_dataset

PATIENCE = 100
RATES = (0.001, 0.003, 0.01)
# In this order: what says most first.
RUNS = ("until it turns", *(f"bias at the mean, rate {rate:g}" for rate in RATES), "as given")


def run(
    data: str | os.PathLike | None = None,
    *,
    sessions: Sequence[int] = range(8),
    seeds: int = 5,
    results: str | os.PathLike | None = None,
    show: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train the recipe on sessions of a file; one row a session, split and way of training.

    Parameters
    ----------
    data : path, optional
        A file of the format; by default the one in the folder that NMA_SEQ2SEQ_REAL names.
    sessions : sequence of int
    seeds : int
        Splits of the trials. Every session's first split comes before any second one.
    results : path, optional
        See `benchmarks.measured`.
    show : function of a str
    """
    recordings = recorded(real_file(data))

    def measure(session: int, seed: int, run: str) -> list[dict[str, Any]]:
        recording = recordings[session]
        dataset = make_dataset(recording, target=usual_target(recording), seed=seed)
        return _rows(dataset, seed, run)

    jobs = [
        {"session": session, "seed": seed, "run": run}
        for seed in range(seeds)
        for run in RUNS
        for session in sessions
    ]
    return measured(results, jobs, measure, show)


def _rows(data: Dataset, seed: int, run: str) -> list[dict[str, Any]]:
    """Test score and best validation score of one run; two rows for the recipe as given."""
    start = time.process_time()
    if run == "as given":
        fits = training.fit_recipe(data, seed=seed, progress=False)._asdict()
    else:
        model = training.new_model(data, seed=seed)
        settings = replace(training.RECIPE, max_epochs=10**5, patience=PATIENCE)
        if run != "until it turns":
            settings = replace(settings, learning_rate=float(run.split()[-1]))
            start_at_the_mean(model, data)
        fits = {"early_stopped": training.fit(model, data, settings, seed=seed, progress=False)}
    seconds = time.process_time() - start
    rows = []
    for kept, fit in fits.items():
        rates = metrics.predict_part(whole(fit), data, "test")
        null = metrics.null_rates(data)
        rows.append(
            {
                "name": data.session.name,
                "target": data.target_name,
                "kept": kept,
                "bits_per_spike": metrics.bits_per_spike(rates, data.target[data.test], null),
                "validation_bits": float(fit.history["validation_bits"].max()),
                "epoch": fit.best_epochs[0],
                "epochs": int(fit.history["epoch"].iloc[-1]),
                "seconds": seconds,
            }
        )
    return rows


def main() -> None:
    """Train, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="real sessions in the course's format")
    parser.add_argument("--sessions", type=int, nargs="+", default=range(8), help="which of them")
    parser.add_argument("--seeds", type=int, default=5, help="splits of the trials (default: 5)")
    parser.add_argument("--results", metavar="FILE", help="where a run that was cut off goes on")
    options = parser.parse_args()
    run(
        options.data,
        sessions=options.sessions,
        seeds=options.seeds,
        results=options.results,
        show=lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    main()
