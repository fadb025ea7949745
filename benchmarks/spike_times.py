"""Spike times into bins: a loop over np.histogram, and ours, with time and peak memory."""

from __future__ import annotations

import argparse

import pandas as pd

from benchmarks import apart

_SETTING = """
import json, sys, time
import numpy as np
from benchmarks.memory import peak_mb
from nma_seq2seq.session import Session

n_units, n_spikes, n_trials = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
times = np.sort(rng.uniform(0, 4000, n_spikes))
clusters = rng.integers(0, n_units, n_spikes).astype(np.int32)
onsets = np.sort(rng.uniform(1, 3990, n_trials))

def apart():
    order = np.argsort(clusters, kind="stable")
    return np.split(times[order], np.cumsum(np.bincount(clusters, minlength=n_units))[:-1])

{before}
base, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
{step}
print(json.dumps(dict(
    seconds=time.perf_counter() - wall, processor_seconds=time.process_time() - cpu,
    peak_mb=peak_mb(), before_mb=base, spikes_counted=int(counts.sum(dtype=np.int64)),
)))
"""

# What stands before is not measured; both begin with what the other could begin with too.
_STEPS = {
    "np.histogram, unit by unit and trial by trial": (
        "trains = apart()",
        """
counts = np.zeros((n_trials, 250, n_units), np.uint8)
for unit, train in enumerate(trains):
    for trial, onset in enumerate(onsets):
        edges = onset - 0.5 + np.arange(251) * 0.01
        inside = train[(train >= edges[0]) & (train < edges[-1])]
        counts[trial, :, unit] = np.histogram(inside, edges)[0]
""",
    ),
    "Session.from_spike_times, a list of one array a unit": (
        "trains = apart()",
        "counts = Session.from_spike_times(trains, ['MOs'] * n_units, onsets).spikes",
    ),
    "Session.from_spike_times, one array with clusters": (
        "",
        "counts = Session.from_spike_times("
        "times, ['MOs'] * n_units, onsets, clusters=clusters).spikes",
    ),
}


def run(n_units: int = 1000, n_spikes: int = 10_000_000, n_trials: int = 400) -> pd.DataFrame:
    """Time and peak memory of 250 bins of 10 ms around each trial, each in its own process.

    Returns
    -------
    DataFrame
        One row a way: `seconds`, `processor_seconds`, `peak_mb` of the process, `before_mb` (its
        peak with the spikes made and nothing counted) and `spikes_counted`.
    """
    rows = []
    for name, (before, step) in _STEPS.items():
        code = _SETTING.replace("{before}", before).replace("{step}", step)
        rows.append({"way": name} | apart(code, n_units, n_spikes, n_trials))
    return pd.DataFrame(rows).set_index("way")


def main() -> None:
    """Measure, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--spikes", type=int, default=10_000_000)
    parser.add_argument("--trials", type=int, default=400)
    arguments = parser.parse_args()
    table = run(arguments.units, arguments.spikes, arguments.trials)
    print(table.round(1).to_string())


if __name__ == "__main__":
    main()
