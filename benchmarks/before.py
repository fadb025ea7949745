"""The default fit before and after it was made faster: score, processor time, memory, in pairs.

The version before is taken from this repository's history by its commit. Each fit runs in a process
of its own, the two of a pair one after the other, so that both meet the same machine. Processor
time, since on a busy machine the clock measures the others; run it with OMP_NUM_THREADS=1.

Made-up sessions of two sizes come after the recorded ones. Both versions are measured with
everything loaded. The first fit of the version before had torch's compiler to load as well, which
`loading` counts (seconds); the version now does without.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import apart, real_file
from benchmarks.speed import made_data

COMMIT = "17d8bf6"
ROOT = Path(__file__).parent.parent

# What both versions understand.
_FIT = """
import json, re, sys, time
sys.path.insert(0, sys.argv[1])
import nma_seq2seq as nma
import scipy.linalg, scipy.sparse, torch
start = time.process_time()
torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
loading = time.process_time() - start
session = nma.load_file(sys.argv[2], int(sys.argv[3]))
counts = session.units.query("region != 'root'")["region"].value_counts()
target = "MOs" if counts.get("MOs", 0) >= 25 else str(counts.index[0])
seed = int(sys.argv[4])
data = nma.make_dataset(session, target=target, seed=seed)
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
before, start = peak(), time.process_time()
fit = nma.fit_seq2seq(data, seed=seed, progress=False)
seconds, memory = time.process_time() - start, peak() - before
bits = float(nma.score({"": fit}, data, n_resamples=2)["bits_per_spike"].iloc[0])
print(json.dumps({"session": session.name, "target": target, "seed": seed, "sources":
    data.n_sources, "targets": data.n_targets, "bits": bits, "seconds": seconds, "MB": memory,
    "loading": loading}))
"""


def run(
    data: str | os.PathLike | None = None,
    *,
    sessions: Sequence[int] = range(8),
    seeds: int = 1,
    show: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Fit each session and seed with either version; one row a pair, shown as it is measured."""
    cases = [(real_file(data), session, seed) for seed in range(seeds) for session in sessions]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", COMMIT, "nma_seq2seq"], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        cases += [(path, 0, 0) for path in _made_files(Path(folder))]
        for file, session, seed in cases:
            pair = {}
            for version, path in (("before", folder), ("after", str(ROOT))):
                pair[version] = apart(_FIT, path, file, session, seed, cwd=folder)
            row = {key: pair["after"][key] for key in ("session", "target", "seed")}
            row["session"] = row["session"] if file.parent != Path(folder) else file.stem
            for key in ("bits", "seconds", "MB"):
                before, after = pair["before"][key], pair["after"][key]
                row |= {f"{key} before": before, f"{key} after": after}
                row[f"{key} ratio"] = after / before
            rows.append(row | {"loading": pair["before"]["loading"]})
            show(pd.DataFrame(rows[-1:]).round(3).to_string(index=False, header=len(rows) == 1))
    table = pd.DataFrame(rows)
    recorded = table.iloc[: seeds * len(sessions)]
    difference = (recorded["bits after"] - recorded["bits before"]).to_numpy()
    drawn = np.random.default_rng(0).choice(difference, (10_000, len(difference))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    show(
        f"bits per spike, after - before: {difference.mean():.4f} [{low:.4f}, {high:.4f}] (95 %, "
        f"bootstrap over {len(difference)} pairs); processor time after / before: "
        f"{recorded['seconds ratio'].median():.2f} (median), {table['seconds ratio'].max():.2f} at "
        f"most; the first fit of a process took {table['loading'].median():.1f} s more before"
    )
    return table


def _made_files(folder: Path) -> list[Path]:
    """Made-up sessions of many bins and of many sources, as files that both versions read."""
    sizes = {
        "453 to 69, 250 bins": {"n_sources": 453, "n_targets": 69, "n_trials": 260, "n_bins": 250},
        "1000 to 100, 40 bins": {"n_sources": 1000, "n_targets": 100},
    }
    paths = [folder / f"{name}.npz" for name in sizes]
    for path, size in zip(paths, sizes.values(), strict=True):
        session = made_data(**size).session
        spikes, regions = session.spikes.transpose(2, 0, 1), session.units["region"].to_numpy(str)
        np.savez(path, dat=np.array([{"spks": spikes, "brain_area": regions}], dtype=object))
    return paths


def main() -> None:
    """Fit, and show each pair when it is done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FILE", help="real sessions in the course's format")
    parser.add_argument("--sessions", type=int, nargs="+", default=range(8), help="which of them")
    parser.add_argument("--seeds", type=int, default=1, help="splits of the trials")
    options = parser.parse_args()
    run(
        options.data,
        sessions=options.sessions,
        seeds=options.seeds,
        show=lambda text: print(text, flush=True),
    )


if __name__ == "__main__":
    main()
