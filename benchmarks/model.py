"""Every model on the same recorded trials: bits per spike, margins, controls, what parts are worth.

Each row of the results holds what the model gained over the null in every test trial, so that any
two models can be compared in pairs afterwards.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import LEAST_TARGETS, measured, real_file, usual_target
from nma_seq2seq import baselines, members, metrics, training
from nma_seq2seq.dataset import Dataset, make_dataset, shuffle_within_condition
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.recordings import read_sessions
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import simulate_session

WINDOW = (0.0, 0.4)  # s from stimulus onset: all that the recorded subset holds
#: A search of a tenth of the time, where the regression is fitted very often.
QUICK = {"smoothings": ((2,), (4,), (8,)), "ridges": (1, 3, 10, 30), "floors": (0.1,)}
_CHOICES = (  # of a network that is trained whole: learning rate, share of the sources masked
    {"learning_rate": 1e-3, "neuron_dropout": 0.3},
    {"learning_rate": 1e-3, "neuron_dropout": 0.7},
)


@dataclass(frozen=True)
class Rates:
    """Rates (trials, time, n_targets) of the test trials, where no source is needed for them."""

    rates: np.ndarray

    def predict(self, source: np.ndarray) -> np.ndarray:
        """The rates, whatever the source."""
        return self.rates


@dataclass(frozen=True)
class Averaged:
    """Rates of several models, averaged."""

    models: Sequence[Any]

    def predict(self, source: np.ndarray) -> np.ndarray:
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets)."""
        return np.mean([model.predict(source) for model in self.models], axis=0)


# ---------------------------------------------------------------------- models


def simple(data: Dataset, seed: int) -> dict[str, Any]:
    """What takes no more than seconds."""
    return {
        "mean": baselines.fit_mean(data),
        "psth": baselines.fit_psth(data),
        "population": baselines.fit_population(data),
    }


def regressions(data: Dataset, seed: int, **search: Any) -> dict[str, Any]:
    """The tuned regression, and the average of five with its choices on the networks' folds."""
    rrr = baselines.fit_rrr(data, **search)
    chosen = {
        "smoothings": (rrr.smoothing,),
        "ridges": (rrr.ridge,),
        "ranks": (rrr.rank,),
        "floors": (rrr.floor,),
    }
    folds = training.folds(data, 5, seed)
    return {
        "rrr": rrr,
        "rrr, 5 folds": Averaged([baselines.fit_rrr(part, **chosen) for part in folds]),
    }


def course(data: Dataset, seed: int, **options: Any) -> dict[str, Any]:
    """The course's model, and without what is done after its networks are trained."""
    fit = whole(training.fit_seq2seq(data, seed=seed, progress=False, **options))
    return {
        "one network": replace(fit, models=fit.models[:1], calibration=None),
        "not calibrated": replace(fit, calibration=None),
        "seq2seq": fit,
    }


def whole(fit: Any) -> Any:
    """The fit; KeyboardInterrupt if Ctrl-C has ended its training, for half of one is no result."""
    if fit.interrupted:
        raise KeyboardInterrupt
    return fit


def transformers(data: Dataset, seed: int) -> dict[str, Any]:
    """A transformer or an LSTM in the network, trained whole; settings chosen on validation.

    "plain" reads the sources itself, its output bias at the mean rates; "warm" starts from the
    regression, as the course's model does.
    """
    fits = {}
    for cell in ("lstm", "transformer"):
        for start in ("plain", "warm"):
            tried = [_network(data, seed, cell, start, choice) for choice in _CHOICES]
            fits[f"{cell}, {start}"] = max(
                tried, key=lambda fit: fit.history["validation_bits"].max()
            )
    return fits


def _network(data: Dataset, seed: int, cell: str, start: str, choice: dict) -> training.Fit:
    settings = replace(training.Settings(patience=10, max_epochs=150), **choice)
    if start == "plain":
        model = training.new_model(data, seed=seed, cell=cell)
        start_at_the_mean(model, data)
    else:
        model = training.new_model(
            data, seed=seed, cell=cell, smoothing=(2.0, 8.0), floor=0.2, beta=3.0
        )
        members.warm_started([model], data, [data.validation], ridge=30)
    return whole(training.fit(model, data, settings, seed=seed, progress=False))


@torch.no_grad()
def start_at_the_mean(model: Seq2Seq, data: Dataset) -> None:
    """The bias at which the softplus gives each target's mean rate in the training trials."""
    mean, beta = metrics.mean_rates(data.target[data.train]), model.softplus.beta
    model.readout.bias.copy_(torch.as_tensor(np.log(np.expm1(beta * mean)) / beta))


def ablation(data: Dataset, seed: int) -> dict[str, Any]:
    """The course's model with each part changed."""
    settings = training.Settings()
    changes: dict[str, dict[str, Any]] = {
        "no recurrent layer": {"settings": replace(settings, recurrent_epochs=0)},
        "no neuron dropout": {"settings": replace(settings, neuron_dropout=0.0)},
        "one width (30 ms)": {"smoothing": (3.0,)},
        "25 latents": {"n_latents": 25},
    }
    fits = course(data, seed)
    for name, options in changes.items():
        fits[name] = course(data, seed, **options)["seq2seq"]
    return fits | regressions(data, seed, **QUICK)


def truth(data: Dataset, seed: int) -> dict[str, Any]:
    """What a simulated session's truth predicts: its rates, and read-outs of its latents."""
    from sklearn.linear_model import PoissonRegressor

    session = data.session
    if session.rates is None or session.latents is None:
        raise ValueError(f"{session.name} is {session.origin}: it has no true rates or latents")
    seen = np.union1d(data.train, data.validation)
    inputs = session.latents[seen].reshape(-1, session.latents.shape[2]).astype(float)
    tested = session.latents[data.test].reshape(-1, inputs.shape[1]).astype(float)
    counts = data.target[seen].reshape(-1, data.n_targets).astype(float)
    shape = len(data.test), data.n_bins, data.n_targets

    poisson = np.empty((len(tested), data.n_targets))
    for neuron in range(data.n_targets):
        glm = PoissonRegressor(alpha=1e-4, solver="newton-cholesky").fit(inputs, counts[:, neuron])
        poisson[:, neuron] = glm.predict(tested)
    mean = metrics.mean_rates(data.target[seen])
    center = inputs.mean(axis=0)
    weights = np.linalg.lstsq(inputs - center, counts - mean, rcond=None)[0]
    linear = np.maximum(mean + (tested - center) @ weights, 0.1 * mean)
    return {
        "true rates": Rates(session.rates[data.test][:, :, data.target_units]),
        "true latents, Poisson read-out": Rates(poisson.clip(1e-6).reshape(shape)),
        "true latents, linear read-out": Rates(linear.reshape(shape)),
    }


GROUPS: dict[str, Callable[[Dataset, int], dict[str, Any]]] = {
    "simple": simple,
    "rrr": regressions,
    "quick rrr": partial(regressions, **QUICK),
    "course": course,
    "transformers": transformers,
    "ablation": ablation,
    "truth": truth,
    "glm": lambda data, seed: {"glm": baselines.fit_glm(data)},
}


# ---------------------------------------------------------------------- trials


def dataset(session: Session, target: str | None, seed: int, how: str) -> Dataset:
    """The split of a session, or what `how` makes of it.

    "random", "blocked"; "shuffled" within condition; "validation": the test trials left out, and
    validation trials in their place; "100 trials": so many of those that may be seen; "0.25 of the
    sources": so many of the source neurons.
    """
    split = "blocked" if how == "blocked" else "random"
    data = make_dataset(
        session, target=target or usual_target(session), window=WINDOW, split=split, seed=seed
    )
    rng = np.random.default_rng((seed, 7))
    if how == "shuffled":
        return shuffle_within_condition(data, seed=seed)
    if how == "validation":
        train, validation = _dealt(rng.permutation(data.train))
        return replace(data, train=train, validation=validation, test=data.validation)
    if how.endswith(" trials"):
        seen = rng.permutation(np.union1d(data.train, data.validation))
        train, validation = _dealt(seen[: int(how.split()[0])])
        return replace(data, train=train, validation=validation)
    if how.endswith(" of the sources"):
        n_kept = round(float(how.split()[0]) * data.n_sources)
        kept = np.sort(rng.permutation(data.n_sources)[:n_kept])
        return replace(data, source=data.source[:, :, kept], source_units=data.source_units[kept])
    return data


def _dealt(trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_validation = round(0.2 * len(trials))
    return np.sort(trials[n_validation:]), np.sort(trials[:n_validation])


@cache
def recorded(file: os.PathLike) -> list[Session]:
    """All sessions of a file."""
    return [Session.from_dict(dict(dat)) for dat in read_sessions(file)]


def measure(
    file: os.PathLike | None,
    session: int | str,
    target: str | None,
    seed: int,
    how: str,
    group: str,
) -> list[dict[str, Any]]:
    """One row for each model of a group; `session` is a position in the file, or "twin 0"."""
    if isinstance(session, str):
        recording = simulate_session(int(session.split()[1]))
    else:
        recording = recorded(file)[session]
    data = dataset(recording, target, seed, how)
    counts, null = data.target[data.test], metrics.null_rates(data)
    start = time.process_time()
    models = GROUPS[group](data, seed)
    seconds = time.process_time() - start
    return [
        {"name": recording.name, "region": data.target_name, "model": name}
        | gains(metrics.predict_part(model, data, "test", name), counts, null)
        | {"n_seen": len(data.train) + len(data.validation), "n_sources": data.n_sources}
        | {"group_seconds": seconds}
        for name, model in models.items()
    ]


def gains(rates: np.ndarray, counts: np.ndarray, null: np.ndarray) -> dict[str, Any]:
    """Bits gained over the null by test trial and by neuron, and spikes by trial."""
    gain = (counts * np.log(rates / null) - rates + null).sum(axis=1) / np.log(2)  # of bins
    return {
        "bits_per_spike": float(gain.sum() / counts.sum()),
        "gains": gain.sum(axis=1).round(3).tolist(),
        "neurons": gain.sum(axis=0).round(3).tolist(),
        "spikes": counts.sum(axis=(1, 2), dtype=int).tolist(),
    }


# ---------------------------------------------------------------------- tables


def paired(rows: pd.DataFrame, model: str, other: str, n_resamples: int = 2000) -> pd.DataFrame:
    """Differences of two models on the same test trials, one row a dataset.

    `difference` in bits per spike with its 95 % bootstrap interval over trials, the `ratio` of the
    two scores, and the `neurons` that `model` predicts better, as a share.
    """
    by = ["name", "region", "seed"]
    one, two = (rows[rows["model"] == name].set_index(by) for name in (model, other))
    table = []
    for key in one.index.intersection(two.index):
        a, b = one.loc[key], two.loc[key]
        gain, spikes = np.subtract(a["gains"], b["gains"]), np.array(a["spikes"])
        drawn = np.random.default_rng(0).integers(len(gain), size=(n_resamples, len(gain)))
        low, high = np.percentile(gain[drawn].sum(1) / spikes[drawn].sum(1), [2.5, 97.5])
        each = np.subtract(a["neurons"], b["neurons"])
        table.append(
            dict(zip(by, key, strict=True))
            | {
                "targets": len(each),
                "difference": gain.sum() / spikes.sum(),
                "low": low,
                "high": high,
                "ratio": a["bits_per_spike"] / b["bits_per_spike"],
                "neurons": (each[each != 0] > 0).mean(),
            }
        )
    return pd.DataFrame(table)


def pivot(rows: pd.DataFrame, columns: str = "model") -> pd.DataFrame:
    """Bits per spike, mean over splits: sessions down, models across, and the mean below."""
    table = rows.pivot_table(
        index=["name", "region"], columns=columns, values="bits_per_spike", sort=False
    ).sort_index()
    table.loc[("mean", ""), :] = table.mean()
    return table


def run(
    data: str | os.PathLike | None = None,
    *,
    seeds: int = 5,
    parts: Sequence[str] = ("ladder", "others", "controls", "ablation"),
    groups: Sequence[str] = ("simple", "rrr", "course", "glm", "transformers"),
    results: str | os.PathLike | None = None,
    show: Callable[[str], None] = print,
) -> dict[str, pd.DataFrame]:
    """Measure all parts on the sessions of a file, and show their tables.

    Parameters
    ----------
    data : path, optional
        A file of the format; by default the one in the folder that NMA_SEQ2SEQ_REAL names.
    seeds : int
        Splits of the trials, for the ladder; GLM and transformers are fitted on the first alone.
    parts : sequence of str
        "ladder": all models. "others": the two largest other regions of each session, one split.
        "controls": sources shuffled within condition, and a split blocked in time. "ablation": on
        validation trials of the first four sessions.
    groups : sequence of str
        Models of the ladder, of `GROUPS`.
    results : path, optional
        See `benchmarks.measured`.
    show : function of a str
    """
    file = real_file(data)
    sessions = recorded(file)
    every = range(len(sessions))
    few = [group for group in groups if group in ("rrr", "course")]
    jobs = {
        "ladder": [
            job(k, seed=seed, group=group)
            for seed in range(seeds)
            for k in every
            for group in (groups if seed == 0 else set(groups) - {"glm", "transformers"})
        ],
        "others": [
            job(k, target=target, group=group)
            for k in every
            for target in other_targets(sessions[k])
            for group in few
        ],
        "controls": [
            job(k, how=how, group=group)
            for how in ("shuffled", "blocked")
            for k in every
            for group in ("quick rrr", "course")
        ],
        "ablation": [
            job(k, seed=seed, how="validation", group="ablation")
            for seed in range(2)
            for k in every[:4]
        ],
    }
    rows = {part: measured(results, jobs[part], partial(measure, file), show) for part in parts}
    for part, table in rows.items():
        for title, text in _TABLES[part](table):
            show(f"\n{title}\n{text}")
    return rows


def job(session: int | str, **asked: Any) -> dict[str, Any]:
    """What `measure` takes beside the file: the first random split of the usual target, or else."""
    full = {"session": session, "target": None, "seed": 0, "how": "random"} | asked
    return {key: full[key] for key in ("session", "target", "seed", "how", "group")}


def other_targets(session: Session) -> list[str]:
    """The two largest regions but the usual target, of 25 neurons at least."""
    counts = session.units.query("region != 'root'")["region"].value_counts()
    counts = counts[(counts.index != usual_target(session)) & (counts >= LEAST_TARGETS)]
    return counts.index[:2].tolist()


def _ladder(rows: pd.DataFrame) -> list[tuple[str, str]]:
    tables = [("Bits per spike, mean over splits", pivot(rows).round(3).to_string())]
    for other in ("rrr", "rrr, 5 folds"):
        margins = paired(rows, "seq2seq", other)
        if len(margins):
            tables.append((f"seq2seq - {other}, pairs", _margins(margins).round(3).to_string()))
    return tables


def _margins(pairs: pd.DataFrame) -> pd.DataFrame:
    by = pairs.groupby(["name", "region"], sort=False)
    return pd.DataFrame(
        {
            "targets": by["targets"].first(),
            "splits": by.size(),
            "ratio": by["ratio"].mean(),
            "difference": by["difference"].mean(),
            "lowest low": by["low"].min(),
            "highest high": by["high"].max(),
            "neurons won": by["neurons"].mean(),
        }
    )


def _others(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return _ladder(rows)


def _controls(rows: pd.DataFrame) -> list[tuple[str, str]]:
    rows = rows[rows["model"].isin(["rrr", "seq2seq"])]
    table = pivot(rows.assign(model=rows["model"] + ", " + rows["how"]))
    return [("Controls, bits per spike", table.round(3).to_string())]


def _ablation(rows: pd.DataFrame) -> list[tuple[str, str]]:
    table = rows.pivot_table(index="model", columns="name", values="bits_per_spike", sort=False)
    table["mean"] = table.mean(axis=1)
    table["of seq2seq"] = table["mean"] / table.loc["seq2seq", "mean"]
    return [("What each part is worth, on validation trials", table.round(3).to_string())]


_TABLES = {"ladder": _ladder, "others": _others, "controls": _controls, "ablation": _ablation}


def main() -> None:
    """Measure, and show each table when it is done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="real sessions in the course's format")
    parser.add_argument("--seeds", type=int, default=5, help="splits of the trials (default: 5)")
    parser.add_argument("--parts", nargs="+", default=list(_TABLES), help="default: all")
    parser.add_argument(
        "--groups", nargs="+", default=["simple", "rrr", "course", "glm", "transformers"],
        help="models of the ladder (default: all)",
    )  # fmt: skip
    parser.add_argument("--results", metavar="FILE", help="where a run that was cut off goes on")
    options = parser.parse_args()
    run(
        options.data,
        seeds=options.seeds,
        parts=options.parts,
        groups=options.groups,
        results=options.results,
        show=lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    main()
