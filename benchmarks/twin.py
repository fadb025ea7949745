"""Does the simulated session look like recorded ones?"""

from __future__ import annotations

import argparse
import os

import numpy as np
import pandas as pd

from benchmarks import real_file, usual_target
from nma_seq2seq import baselines, metrics
from nma_seq2seq.dataset import Dataset, make_dataset
from nma_seq2seq.recordings import read_sessions
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import simulate_session

WINDOW = (0.0, 0.4)  # s from stimulus onset: all that the recorded subset holds
# A twentieth of the default search: the range over sessions is wider than what the rest would gain.
_SEARCH = {"smoothings": ((2,), (4,), (8,)), "ridges": (1, 3, 10), "floors": (0.1,)}


def run(data: str | os.PathLike | None = None, seed: int = 0) -> pd.DataFrame:
    """Statistics of a simulated session beside their range over recorded ones.

    Parameters
    ----------
    data : path, optional
        A file of recorded sessions; by default `steinmetz_subset.npz` in the folder that the
        environment variable `NMA_SEQ2SEQ_REAL` names.
    seed : int
        Of the simulated session.

    Returns
    -------
    DataFrame
        One row a statistic (see `statistics`): `twin`, `real_min`, `real_max`, `inside`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    path = real_file(data)
    recorded = (Session.from_dict(dat) for dat in read_sessions(path))
    real = pd.DataFrame([statistics(session) for session in recorded])
    table = pd.DataFrame(
        {
            "twin": statistics(simulate_session(seed)),
            "real_min": real.min(),
            "real_max": real.max(),
        }
    ).rename_axis("statistic")
    return table.assign(inside=table["twin"].between(table["real_min"], table["real_max"]))


def statistics(session: Session) -> pd.Series:
    """What a session looks like 0-400 ms after the stimulus.

    Rates in Hz; silent neurons are those below 0.1 Hz. A Fano factor is the variance of a neuron's
    counts per trial over their mean, of neurons at 0.5 Hz or more; correlations are those of the
    counts per trial of two neurons, both at 1 Hz or more. Bits per spike are of held-out trials,
    for MOs where a session has at least 25 neurons of it and for its largest region elsewhere,
    predicted from all other regions, or one half of it from the other. Their null is the mean of
    the training trials, but for the mean itself, where it is the mean of the test trials: what the
    drift between the two costs.
    """
    counts = session.select(window=WINDOW).spikes.sum(axis=1, dtype=float)  # (trials, neurons)
    rates_hz = counts.mean(axis=0) / (WINDOW[1] - WINDOW[0])
    firing = counts[:, rates_hz >= 0.5]
    fano = firing.var(axis=0, ddof=1) / firing.mean(axis=0)
    correlations = np.corrcoef(counts[:, rates_hz >= 1], rowvar=False)
    correlations = correlations[np.triu_indices(len(correlations), k=1)]
    result = {
        "rate, mean": rates_hz.mean(),
        "rate, 10th percentile": np.percentile(rates_hz, 10),
        "rate, median": np.median(rates_hz),
        "rate, 90th percentile": np.percentile(rates_hz, 90),
        "silent neurons, share": (rates_hz < 0.1).mean(),
        "Fano factor, 10th percentile": np.percentile(fano, 10),
        "Fano factor, median": np.median(fano),
        "Fano factor, 90th percentile": np.percentile(fano, 90),
        "correlation, mean": correlations.mean(),
        "correlation, mean absolute": np.abs(correlations).mean(),
        "correlation, standard deviation": correlations.std(),
    }
    for source, label in (("other", "others -> region"), ("same", "half -> other half")):
        dataset = make_dataset(session, source, usual_target(session), window=WINDOW, seed=0)
        result |= {f"bits per spike, {label}, {k}": v for k, v in _bits(dataset).items()}
    return pd.Series(result)


def _bits(data: Dataset) -> dict[str, float]:
    nulls = {"mean": "test", "PSTH": "train", "RRR": "train"}
    models = {
        "mean": baselines.fit_mean(data),
        "PSTH": baselines.fit_psth(data),
        "RRR": baselines.fit_rrr(data, **_SEARCH),
    }
    return {
        name: metrics.bits_per_spike(
            model.predict(data.source[data.test]),
            data.target[data.test],
            metrics.null_rates(data, nulls[name]),
        )
        for name, model in models.items()
    }


def main() -> None:
    """Measure, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", metavar="FILE", help="real sessions in the course's format")
    print(run(parser.parse_args().data).to_string())


if __name__ == "__main__":
    main()
