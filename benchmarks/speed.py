"""Time and memory of the course's model on made data, and on a GPU beside the CPU."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import apart
from benchmarks.memory import peak_mb
from nma_seq2seq import members, training
from nma_seq2seq.dataset import Dataset, make_dataset
from nma_seq2seq.session import Session


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
            "import json, sys; from benchmarks.speed import _measure; "
            "print(json.dumps(_measure(json.loads(sys.argv[1]), sys.argv[2])))"
        )
        rows.append({"fit": name} | apart(code, json.dumps(case), device))
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
        model = training.new_model(data, smoothing=(2.0, 8.0), floor=0.2, beta=3.0)
        members.warm_started([model], data, [data.validation], ridge=30)
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
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    device = parser.parse_args().device
    print(sizes(device).round(2).to_string(index=False), flush=True)
    print("\nSeconds for ten epochs of one network; each row doubles one size")
    print(scaling(device).round(2).to_string(index=False), flush=True)
    if training.pick_device(device).type == "cuda":
        print("\nThe default fit on either device, 1000 -> 100, 200 trials, 40 bins")
        print(devices().round(2).to_string(index=False))


if __name__ == "__main__":
    main()
