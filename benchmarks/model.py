"""The model against the ladder: bits per spike, seconds, memory, and what each part is worth."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from benchmarks import real_file, usual_target
from benchmarks.memory import peak_mb
from nma_seq2seq import baselines, metrics, training
from nma_seq2seq.dataset import Dataset, make_dataset, shuffle_within_condition
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.recordings import read_sessions
from nma_seq2seq.session import Session


def run(
    data: str | os.PathLike | None = None,
    target: str | None = None,
    *,
    seeds: int = 5,
    recipe_seeds: int = 5,
    device: str = "auto",
    show: Callable[[str], None] = print,
) -> dict[str, pd.DataFrame]:
    """Measure everything on the sessions of a file, and show each table as soon as it is there.

    Parameters
    ----------
    data : path, optional
        A file of the format; by default the one in the folder that NMA_SEQ2SEQ_REAL names.
    target : str, optional
        A region; by default MOs where it has 25 neurons, else the region with the most.
    seeds : int
        Splits of the trials.
    recipe_seeds : int
        On so many of them the recipe is run too, which takes most of the time.
    device : "auto", "cpu" or "cuda"
    show : function of a str

    Returns
    -------
    dict of DataFrames
        `scores` (one row a session, seed and model), `ladder` (mean over seeds), `margins`,
        `times`, `controls`, `ablation`, `sizes`, `scaling`; on CUDA `devices` too.
    """
    sessions = [Session.from_dict(dict(dat)) for dat in read_sessions(real_file(data))]
    if target is not None:
        sessions = [s for s in sessions if (s.units["region"] == target).any()]
        if not sessions:
            raise ValueError(f"no session of the file has neurons in {target!r}")
    tables: dict[str, pd.DataFrame] = {}

    rows, margins, times = [], [], []
    bar = tqdm(total=len(sessions) * seeds, desc="splits", disable=not sys.stderr.isatty())
    for session in sessions:
        for seed in range(seeds):
            dataset = make_dataset(session, target=target or usual_target(session), seed=seed)
            scores, margin, clock = _one_split(dataset, seed, device, recipe=seed < recipe_seeds)
            label = {"session": session.name, "target": dataset.target_name, "seed": seed}
            rows += [label | score for score in scores]
            margins.append(label | margin)
            if clock:
                times.append(label | clock)
            bar.update()
        # Shown at once, so that whoever interrupts a long run keeps what it has measured.
        means = pd.DataFrame(rows).query("session == @session.name").groupby("model", sort=False)
        line = means["bits_per_spike"].mean().round(3).to_dict()
        show(f"{session.name}: " + ", ".join(f"{name} {bits}" for name, bits in line.items()))
    bar.close()
    tables["scores"] = pd.DataFrame(rows)
    tables["ladder"] = tables["scores"].pivot_table(
        index=["session", "target"], columns="model", values="bits_per_spike", sort=False
    )
    tables["ladder"].loc[("mean", ""), :] = tables["ladder"].mean()
    show("\nBits per spike on test trials against the train mean, mean over seeds")
    show(tables["ladder"].round(3).to_string())
    tables["margins"] = _summary_of_margins(pd.DataFrame(margins), tables["scores"])
    show(
        "\nSeq2Seq against reduced-rank regression; paired 95 % intervals, worst and best of seeds"
    )
    show(tables["margins"].round(3).to_string())
    mean = tables["ladder"].loc[("mean", "")]
    show(f"\nSeq2Seq / rrr, ratio of means: {mean['seq2seq'] / mean['rrr']:.3f}")
    if times:
        with_recipe = tables["scores"].query("seed < @recipe_seeds").groupby("model")
        means = with_recipe["bits_per_spike"].mean()
        show(f"Seq2Seq / recipe, ratio of means: {means['seq2seq'] / means['recipe']:.3f}")
        tables["times"] = pd.DataFrame(times)
        show("\nSeconds: the recipe to its best validation score, one warm-started network to that")
        show("score, and the default fit as a whole")
        show(tables["times"].round(2).to_string(index=False))

    tables["controls"] = pd.DataFrame(
        [
            {"session": session.name} | _controls(session, target or usual_target(session), device)
            for session in sessions
        ]
    )
    show("\nControls, seed 0, bits per spike")
    show(tables["controls"].round(3).to_string(index=False))
    tables["ablation"] = _ablation(sessions[:4], target, device)
    show("\nAblation, first four sessions, seeds 0 and 1; networks alone unless said otherwise")
    show(tables["ablation"].round(3).to_string())
    tables["sizes"], tables["scaling"] = sizes(device), scaling(device)
    show("\nTime and memory on made data")
    show(tables["sizes"].round(2).to_string(index=False))
    show("\nSeconds for ten epochs of one network; each row doubles one size")
    show(tables["scaling"].round(2).to_string(index=False))
    if training.pick_device(device).type == "cuda":
        tables["devices"] = devices()
        show("\nThe default fit on either device, 1000 -> 100, 200 trials, 40 bins")
        show(tables["devices"].round(2).to_string(index=False))
    return tables


def _one_split(
    data: Dataset, seed: int, device: str, recipe: bool
) -> tuple[list[dict], dict, dict | None]:
    """Every model on one split: its scores, Seq2Seq's margin, and the clock where asked for."""
    options = {"seed": seed, "device": device, "progress": False}
    models: dict[str, Any] = {
        "mean": baselines.fit_mean(data),
        "psth": baselines.fit_psth(data),
        "population": baselines.fit_population(data),
        "glm": baselines.fit_glm(data),
        "rrr": baselines.fit_rrr(data),
    }
    course = training.fit_seq2seq(data, **options)
    models |= {
        "network alone": replace(course, models=course.models[:1], calibration=None),
        "seq2seq": course,
    }
    clock = None
    if recipe:
        models["recipe"], models["recipe as given"] = training.fit_recipe(data, **options)
        clock = _clock(data, models["recipe"], course, options)
    table = metrics.score(models, data, n_resamples=200)
    scores = table.reset_index()[["model", "bits_per_spike", "low", "high", "seconds"]]
    margin = metrics.compare(course, models["rrr"], data).to_dict()
    return scores.to_dict("records"), margin | {"n_targets": data.n_targets}, clock


def _clock(data: Dataset, recipe: training.Fit, course: training.Fit, options: dict) -> dict:
    """How long it takes to reach the recipe's best score, on the same validation trials."""
    start = time.perf_counter()
    model, _ = training.start_from_linear(data, seed=options["seed"])
    until_start = time.perf_counter() - start
    history = training.fit(model, data, **options).history
    best = recipe.history["validation_bits"].max()
    reached = history[history["validation_bits"] >= best]
    to_reach = until_start + reached["seconds"].iloc[0] if len(reached) else np.nan
    return {
        "recipe to best": recipe.seconds,
        "recipe epochs": recipe.best_epochs[0],
        "network to that": to_reach,
        "share": to_reach / recipe.seconds,
        "default fit": course.seconds,
        "default / recipe": course.seconds / recipe.seconds,
    }


def _summary_of_margins(margins: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    by_session = margins.groupby("session", sort=False)
    bits = scores.pivot_table(index="session", columns="model", values="bits_per_spike", sort=False)
    return pd.DataFrame(
        {
            "n_targets": by_session["n_targets"].first(),
            "ratio": bits["seq2seq"] / bits["rrr"],
            "difference": by_session["difference"].mean(),
            "sd over seeds": by_session["difference"].std(),
            "lowest low": by_session["low"].min(),
            "highest high": by_session["high"].max(),
            "share of neurons won": by_session["share_of_neurons"].mean(),
        }
    )


def _controls(session: Session, target: str, device: str) -> dict[str, float]:
    """What is left when trials are shuffled, beyond the PSTH, and with a split blocked in time."""
    options = {"device": device, "progress": False}
    data = make_dataset(session, target=target)
    blocked = make_dataset(session, target=target, split="blocked")
    course = training.fit_seq2seq(data, **options)

    def bits(model: Any, data: Dataset, null: str = "train") -> float:
        return metrics.score({"": model}, data, null=null, n_resamples=2)["bits_per_spike"].iloc[0]

    row = {
        "rrr": bits(baselines.fit_rrr(data), data),
        "seq2seq": bits(course, data),
        "seq2seq, psth null": bits(course, data, "psth"),
    }
    if "contrast_right" in session.trials:
        shuffled = shuffle_within_condition(data)
        row["rrr, shuffled in condition"] = bits(baselines.fit_rrr(shuffled), shuffled)
        row["seq2seq, shuffled in condition"] = bits(
            training.fit_seq2seq(shuffled, **options), shuffled
        )
    return row | {
        "rrr, blocked split": bits(baselines.fit_rrr(blocked), blocked),
        "seq2seq, blocked split": bits(training.fit_seq2seq(blocked, **options), blocked),
    }


def _without_recurrence(model: Seq2Seq) -> Seq2Seq:
    model.recurrent_share.requires_grad_(False)
    return model


@torch.no_grad()
def _cold(data: Dataset) -> Seq2Seq:
    """The same network from random weights, its rates starting about the mean rates."""
    model = training.new_model(data, smoothing=(2.0, 8.0), floor=0.2, beta=3.0)
    seen = data.source[data.train]
    model.read_in.source_mean.copy_(torch.as_tensor(seen.mean(axis=(0, 1), dtype=np.float32)))
    generator = torch.Generator().manual_seed(0)
    model.read_in.weight.normal_(0, data.n_sources**-0.5, generator=generator)
    model.scale.copy_(torch.as_tensor(metrics.mean_rates(data.target[data.train])))
    model.readout.bias.fill_(1.0)
    return model


class _Averaged:
    """Rates of several models, averaged."""

    seconds = float("nan")

    def __init__(self, models: Sequence[Any]):
        self.models = models

    def predict(self, source: np.ndarray) -> np.ndarray:
        return np.mean([model.predict(source) for model in self.models], axis=0)


def _ablation(sessions: Sequence[Session], target: str | None, device: str) -> pd.DataFrame:
    """Each part of the model left out or changed, on the same splits."""
    options = {"device": device, "progress": False}
    settings = training.Settings()

    def network(
        data: Dataset, change: Callable = lambda model: model, settings=settings, **start: Any
    ) -> Any:
        return training.fit(
            change(training.start_from_linear(data, **start)[0]), data, settings, **options
        )

    def linear(data: Dataset) -> Any:
        return training.start_from_linear(data)[1]

    variants: dict[str, Callable[[Dataset], Any]] = {
        "network": network,
        "no recurrence": lambda data: network(data, _without_recurrence),
        "no neuron dropout": lambda data: network(
            data, settings=replace(settings, neuron_dropout=0.0)
        ),
        "no floor": lambda data: network(data, floor=0.01),
        "one width (3 bins)": lambda data: network(data, smoothing=(3.0,)),
        "25 latents": lambda data: network(data, n_latents=25),
        "cold start": lambda data: training.fit(
            _cold(data), data, replace(settings, max_epochs=200, patience=20), **options
        ),
        "five networks, not calibrated": lambda data: replace(
            training.fit_seq2seq(data, **options), calibration=None
        ),
        "five networks (default)": lambda data: training.fit_seq2seq(data, **options),
        "rrr": baselines.fit_rrr,
        "rrr, two widths, rank 15": linear,
        "rrr, two widths, five folds": lambda data: _Averaged(
            [linear(part) for part in training.folds(data, 5, seed=0)]
        ),
    }
    rows: dict[str, dict] = {name: {} for name in variants}
    jobs = [(session, seed) for session in sessions for seed in (0, 1)]
    for session, seed in tqdm(jobs, desc="ablation", disable=not sys.stderr.isatty()):
        data = make_dataset(session, target=target or usual_target(session), seed=seed)
        for name, fit in variants.items():
            bits = metrics.score({"": fit(data)}, data, n_resamples=2)["bits_per_spike"].iloc[0]
            rows[name][f"{session.name} {seed}"] = bits
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["mean"] = table.mean(axis=1)
    table["of network"] = table["mean"] / table.loc["network", "mean"]
    return table


# ---------------------------------------------------------------------- time and memory


def made_data(
    n_sources: int = 1000, n_targets: int = 100, n_trials: int = 200, n_bins: int = 40
) -> Dataset:
    """Counts of any size that share six slow latents."""
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(n_trials, n_bins, 6)).cumsum(axis=1)
    latents = np.tanh((steps - steps.mean(axis=1, keepdims=True)) / 4)
    weights = rng.normal(scale=0.6, size=(6, n_sources + n_targets))
    spikes = rng.poisson(0.05 * np.exp(latents @ weights)).clip(max=255).astype(np.uint8)
    session = Session.from_dict(
        {
            "spks": spikes.transpose(2, 0, 1),
            "brain_area": np.array(["CA1"] * n_sources + ["MOs"] * n_targets),
        }
    )
    return make_dataset(session, test_fraction=0.05)


_SIZES: dict[str, dict[str, Any]] = {
    "one network, 1000 -> 100, 200 trials, 40 bins": {"n_members": 1},
    "default fit, 1000 -> 100, 200 trials, 40 bins": {"n_members": 5},
    "one network, 453 -> 69, 260 trials, 250 bins": {
        "n_members": 1,
        "made": {"n_sources": 453, "n_targets": 69, "n_trials": 260, "n_bins": 250},
    },
}


def sizes(device: str = "auto") -> pd.DataFrame:
    """Seconds and peak memory of fits of given sizes, each in a process of its own."""
    rows = []
    for name, case in _SIZES.items():
        code = (
            "import json, sys; from benchmarks.model import _measure; "
            "print(json.dumps(_measure(json.loads(sys.argv[1]), sys.argv[2])))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(case), device],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        rows.append({"fit": name} | json.loads(done.stdout.splitlines()[-1]))
    return pd.DataFrame(rows)


def _measure(case: dict[str, Any], device: str) -> dict[str, float]:
    at_import = peak_mb()
    data = made_data(**case.get("made", {}))
    start = time.perf_counter()
    training.fit_seq2seq(data, n_members=case["n_members"], device=device, progress=False)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak MB above import": peak_mb() - at_import}


def scaling(device: str = "auto") -> pd.DataFrame:
    """Seconds for ten epochs of one network, and for its warm start, as each size is doubled."""
    base = {"n_sources": 250, "n_targets": 50, "n_trials": 100, "n_bins": 40}
    cases = [("base", base)] + [
        (f"2 x {key}", base | {key: 2 * size}) for key, size in base.items()
    ]
    cases += [("4 x n_sources", base | {"n_sources": 1000})]
    settings = training.Settings(max_epochs=10, patience=None)
    rows = []
    for name, size in cases:
        data = made_data(**size)
        start = time.perf_counter()
        model, _ = training.start_from_linear(data)
        middle = time.perf_counter()
        training.fit(model, data, settings, device=device, progress=False)
        rows.append(
            {"size": name, "warm start": middle - start, "ten epochs": time.perf_counter() - middle}
        )
    table = pd.DataFrame(rows)
    table["of base"] = table["ten epochs"] / table["ten epochs"].iloc[0]
    return table


def devices() -> pd.DataFrame:
    """The default fit on CUDA and on the CPU, side by side, and the ratio of their times."""
    data = made_data()
    training.fit_seq2seq(data, n_members=1, device="cuda", progress=False)  # starts the GPU
    rows = [
        {
            "device": device,
            "seconds": training.fit_seq2seq(data, device=device, progress=False).seconds,
        }
        for device in ("cuda", "cpu")
    ]
    table = pd.DataFrame(rows)
    return table.assign(ratio=table["seconds"] / table["seconds"].iloc[0])


def main() -> None:
    """Measure, and show each table when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", metavar="FILE", help="real sessions in the course's format")
    parser.add_argument("--target", metavar="REGION", help="default: MOs, or the largest region")
    parser.add_argument("--seeds", type=int, default=5, help="splits of the trials (default: 5)")
    parser.add_argument(
        "--recipe-seeds", type=int, default=5, help="of them with the slow recipe (default: 5)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    arguments = parser.parse_args()
    run(
        arguments.data,
        arguments.target,
        seeds=arguments.seeds,
        recipe_seeds=arguments.recipe_seeds,
        device=arguments.device,
        show=lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    main()
