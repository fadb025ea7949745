"""How well latents show the truth, and what can be decoded from them and from raw neurons."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks import usual_target
from nma_seq2seq.dataset import make_dataset
from nma_seq2seq.latents import align, decode, principal_components
from nma_seq2seq.recordings import read_sessions
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import BRAIN_WIDE, LATENTS, simulate_session
from nma_seq2seq.training import Settings, fit_seq2seq

#: The latents that MOs neurons read in the simulation.
DRIVERS = (*BRAIN_WIDE, "motor cortex")
# In bins of 20 ms; as `fit_seq2seq`'s own settings, for half as many bins.
_SETTINGS = Settings(max_epochs=20, patience=4)
_SMOOTHING = (1.5, 6.0)


def run(
    data: str | os.PathLike | None = None,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The alignment table of simulated sessions, and the decoding table of these and real ones.

    Parameters
    ----------
    data : path, optional
        A file of recorded sessions; without it the simulated ones alone are decoded.
    seeds : sequence of int
        Of the simulated sessions, of the splits and of the networks.

    Returns
    -------
    (alignment, decoding) : DataFrames
        See `alignment_table` and `decoding_table`.
    """
    twins = [simulate_session(seed).rebin(2) for seed in seeds]
    alignment = pd.concat(
        [alignment_table(twin, seed) for twin, seed in zip(twins, seeds, strict=True)],
        ignore_index=True,
    )
    sessions = twins[:1]
    if data is not None:
        sessions += [Session.from_dict(dat).rebin(2) for dat in read_sessions(data)]
    return alignment, decoding_table(sessions, seeds)


def alignment_table(session: Session, seed: int = 0) -> pd.DataFrame:
    """R2 of each true latent on test trials, by maps fitted on the other trials.

    Returns
    -------
    DataFrame, one row a latent
        `session`, `latent`, `drives_target`, and R2 from `network` (its 15 latents) and `pcs` (15
        principal components).
    """
    dataset = make_dataset(session, seed=seed)
    fit = fit_seq2seq(
        dataset, _SETTINGS, smoothing=_SMOOTHING, n_members=1, seed=seed, progress=False
    )
    sets = {"network": fit.latents(dataset.source), "pcs": principal_components(dataset)}
    split = {"train": np.union1d(dataset.train, dataset.validation), "test": dataset.test}
    found = {name: align(each, session.latents, **split).r2 for name, each in sets.items()}
    return pd.DataFrame(
        {
            "session": session.name,
            "latent": LATENTS,
            "drives_target": [latent in DRIVERS for latent in LATENTS],
            **found,
        }
    )


def decoding_table(sessions: Sequence[Session], seeds: Sequence[int] = (0,)) -> pd.DataFrame:
    """What `decode` reads from 15 latents, 15 principal components and all source neurons.

    The target is MOs where a session has at least 25 neurons of it, and its largest region
    elsewhere; the sources are all other regions. A network is fitted anew for every split.

    Returns
    -------
    DataFrame
        As `decode`, with `session`, `origin`, `target` and `split`.
    """
    tables = []
    for session in sessions:
        target = usual_target(session)
        for seed in seeds:
            dataset = make_dataset(session, target=target, seed=seed)
            fit = fit_seq2seq(
                dataset, _SETTINGS, smoothing=_SMOOTHING, n_members=1, seed=seed, progress=False
            )
            features = {
                "15 latents": fit.latents(dataset.source),
                "15 PCs": principal_components(dataset),
                "all neurons": dataset.source,
            }
            table = decode(features, dataset, seed=seed)
            tables.append(
                table.assign(session=session.name, origin=session.origin, target=target, split=seed)
            )
    return pd.concat(tables, ignore_index=True)


def summary(decoding: pd.DataFrame) -> pd.DataFrame:
    """Mean balanced accuracy over splits, and latents minus each rival, paired within splits.

    Returns
    -------
    DataFrame, one row a session and variable
        Mean accuracy of each set of features, `chance`, `minus_neurons`, `minus_pcs` and the
        standard deviation of both differences over splits (`_sd`).
    """
    rows = ["origin", "session", "variable"]
    accuracy = decoding.pivot(index=[*rows, "split"], columns="features", values="accuracy").assign(
        chance=decoding.groupby([*rows, "split"])["chance"].mean()
    )
    for name, rival in (("minus_neurons", "all neurons"), ("minus_pcs", "15 PCs")):
        accuracy[name] = accuracy["15 latents"] - accuracy[rival]
    table = accuracy.groupby(rows).mean()
    spread = accuracy.groupby(rows)[["minus_neurons", "minus_pcs"]].std()
    return table.join(spread.add_suffix("_sd"))


def main() -> None:
    """Measure and show both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", metavar="FILE", help="real sessions to decode from too")
    parser.add_argument("--seeds", type=int, default=5, help="splits, networks and twins")
    arguments = parser.parse_args()
    alignment, decoding = run(arguments.data, seeds=range(arguments.seeds))
    print("R2 of each true latent on test trials, from 15 latents of a network that saw none of it")
    print(alignment.round(3).to_string(index=False))
    print("\nBalanced accuracy on test trials, mean over splits, and latents minus each rival")
    print(summary(decoding).round(3).to_string())


if __name__ == "__main__":
    main()
