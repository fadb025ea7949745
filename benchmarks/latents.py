"""How well latents show the truth, what can be decoded from them, and how far two seeds agree."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from benchmarks import usual_target, write_measured
from nma_seq2seq import metrics
from nma_seq2seq.dataset import Dataset, make_dataset
from nma_seq2seq.latents import align, decode, principal_components
from nma_seq2seq.model import SmoothReadIn
from nma_seq2seq.recordings import read_sessions
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import BRAIN_WIDE, LATENTS, simulate_session
from nma_seq2seq.training import Fit, Settings, fit, fit_recipe, fit_seq2seq

#: The latents that MOs neurons read in the simulation.
DRIVERS = (*BRAIN_WIDE, "motor cortex")
# In bins of 20 ms; as `fit_seq2seq`'s own settings, for half as many bins.
_SETTINGS = Settings(max_epochs=20, patience=4)
_SMOOTHING = (1.5, 6.0)

# Of the agreement between seeds: shares of the training trials, and numbers of epochs; of recorded
# sessions by their index in the file. Validation trials are predicted best long before the last.
_SHORT = {"shares": (1 / 4, 1), "epochs": (10, 30, 100)}
AGREEMENT = {3: {"shares": (1 / 4, 1 / 2, 1), "epochs": (10, 30, 100, 300)}, 6: _SHORT}
_LONG = Settings(learning_rate=1e-2, patience=None)


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


class LinearLatents(nn.Module):
    """Latents that are linear in the smoothed sources, and a read-out: every linear map is allowed.

    Parameters
    ----------
    data : Dataset
        Rates start at its mean rates.
    seed : int
        Of the random start.
    """

    def __init__(self, data: Dataset, seed: int):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        seen = data.source[data.train]
        self.read_in = SmoothReadIn(data.n_sources, 15, _SMOOTHING)
        self.readout = nn.Linear(15, data.n_targets)
        self.register_buffer(
            "scale", torch.as_tensor(metrics.mean_rates(data.target[data.train])).float()
        )
        with torch.no_grad():
            self.read_in.source_mean.copy_(torch.as_tensor(seen.mean(axis=(0, 1))))
            self.read_in.weight.normal_(0, data.n_sources**-0.5, generator=generator)
            self.readout.weight.normal_(0, 15**-0.5, generator=generator)
            self.readout.bias.fill_(1.0)

    def latents(self, source: torch.Tensor) -> torch.Tensor:
        """Counts (trials, time, n_sources) -> latents (trials, time, 15)."""
        return self.read_in(source)

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets)."""
        return self.scale * nn.functional.softplus(self.readout(self.read_in(source)), beta=3.0)


def agreement_table(
    session: Session,
    shares: Sequence[float],
    epochs: Sequence[int],
    seeds: tuple[int, int] = (0, 1),
) -> pd.DataFrame:
    """How far two networks that differ in their random start alone have the same latents.

    Plain LSTMs, as notebook 6 has them, after so many epochs without early stopping and with the
    weights of the best epoch on the validation trials; and networks with linear latents. From 0 to
    0.4 s after the stimulus, 15 latents, one split.

    Parameters
    ----------
    session : Session
    shares : sequence of float
        Of the training trials.
    epochs : sequence of int
    seeds : two ints

    Returns
    -------
    DataFrame, one row a model, share and number of epochs
        `session`, `model`, `n_train` (trials), `epochs` ("best" for early-stopped weights),
        `bits_per_spike` (test trials, mean of the two), `train_loss` (of the last epoch, with
        dropout, mean of the two) and `used_r2`: of what the one's read-out makes of its latents,
        before the softplus, the share of the variance over all neurons that a linear map of the
        other's latents explains; the map is fitted on training and validation trials, the share is
        of test trials and the mean of both directions.
    """
    whole = make_dataset(session, target=usual_target(session), window=(0, 0.4), seed=0)
    order = np.random.default_rng(0).permutation(whole.train)
    jobs = [
        (share, name, n)
        for share in shares
        for name, all_n in (("LSTM", epochs), ("linear", epochs[-1:]))
        for n in all_n
    ]
    rows = []
    for share, name, n in tqdm(jobs, desc=session.name, disable=not sys.stderr.isatty()):
        some = np.sort(order[: round(share * len(order))])
        data = replace(whole, train=some)
        settings = replace(_LONG, max_epochs=n)
        kept: dict[str, list[Fit]] = {}
        for seed in seeds:
            if name == "linear":
                model = LinearLatents(data, seed)
                found = {"best": fit(model, data, settings, seed=seed, progress=False)}
            else:
                recipe = fit_recipe(data, settings, seed=seed, progress=False)
                found = {str(n): recipe.as_given}
                if n == epochs[-1]:
                    found["best"] = recipe.early_stopped
            for label, one in found.items():
                kept.setdefault(label, []).append(one)
        rows += [
            {"session": session.name, "model": name, "n_train": len(some), "epochs": label}
            | _agreement(whole, *pair)
            for label, pair in kept.items()
        ]
    return pd.DataFrame(rows)


def _agreement(data: Dataset, one: Fit, other: Fit) -> dict[str, float]:
    fits = (one, other)
    split = {"train": np.union1d(data.train, data.validation), "test": data.test}
    latents = [each.latents(data.source) for each in fits]
    weights = [each.models[0].readout.weight.detach().cpu().numpy() for each in fits]
    null = metrics.null_rates(data, "train")
    bits = [
        metrics.bits_per_spike(each.predict(data.source[data.test]), data.target[data.test], null)
        for each in fits
    ]
    of_used = []
    for here, there in ((0, 1), (1, 0)):
        used = latents[there] @ weights[there].T  # (trials, time, n_targets)
        mapped = align(latents[here], used, **split)
        seen = used[mapped.trials]
        residual = ((seen - mapped.aligned) ** 2).sum()
        of_used.append(1 - residual / ((seen - seen.mean(axis=(0, 1))) ** 2).sum())
    return {
        "bits_per_spike": float(np.mean(bits)),
        "train_loss": float(np.mean([each.history["train_loss"].iloc[-1] for each in fits])),
        "used_r2": float(np.mean(of_used)),
    }


def agreement(data: str | os.PathLike | None = None) -> pd.DataFrame:
    """`agreement_table` of a simulated session of 520 trials, and of two recorded ones.

    Parameters
    ----------
    data : path, optional
        A file of recorded sessions.
    """
    tables = [agreement_table(simulate_session(0, n_trials=520).rebin(2), **_SHORT)]
    for place, dat in enumerate(read_sessions(data) if data is not None else ()):
        if place in AGREEMENT:
            session = Session.from_dict(dat).rebin(2)
            tables.append(agreement_table(session, **AGREEMENT[place]))
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
    parser.add_argument(
        "--agreement", action="store_true",
        help="only how far two seeds agree, written where the course shows it: half an hour",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.agreement:
        table = agreement(arguments.data)
        write_measured("agreement", table, "make bench-latents DATA=FILE ARGS=--agreement")
        print(table.to_string(index=False))
        return
    alignment, decoding = run(arguments.data, seeds=range(arguments.seeds))
    print("R2 of each true latent on test trials, from 15 latents of a network that saw none of it")
    print(alignment.round(3).to_string(index=False))
    print("\nBalanced accuracy on test trials, mean over splits, and latents minus each rival")
    print(summary(decoding).round(3).to_string())


if __name__ == "__main__":
    main()
