"""What does it take to load a recorded session: the usual idiom and ours, side by side."""

from __future__ import annotations

import argparse
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import apart
from benchmarks.memory import MB

_N_SESSIONS = 13
_NEURONS, _TRIALS = (500, 1100), (200, 400)  # of the smallest session and of the largest

# Each runs in a process of its own, given the part and the cache folder as arguments.
_STEPS = {
    "usual idiom: np.load and np.hstack of one part": """
import numpy as np
before()
dat = np.array([])
dat = np.hstack((dat, np.load(part, allow_pickle=True)["dat"]))
""",
    "split one part into the cache": """
from nma_seq2seq.steinmetz import import_part
before()
import_part(part)
""",
    "open the largest cached session": """
from nma_seq2seq.steinmetz import load_session
before()
load_session(12)
""",
    "open a cached session of mean size": """
from nma_seq2seq.steinmetz import load_session
before()
load_session(6)
""",
}

_FRAME = """
import json, sys, time
from benchmarks.memory import peak_mb

def before():
    global start, base
    base, start = peak_mb(), time.perf_counter()

part = sys.argv[1]
{step}
seconds = time.perf_counter() - start
print(json.dumps(dict(seconds=seconds, imports_mb=base, peak_mb=peak_mb())))
"""


def run(neurons: tuple[int, int] = _NEURONS, trials: tuple[int, int] = _TRIALS) -> pd.DataFrame:
    """Time and peak memory of loading, the usual idiom and ours, each in a process of its own.

    The part is made for the purpose: 13 sessions of so many neurons and trials, from the smallest
    to the largest, with all keys of the format, a third as many passive trials, and spikes that are
    as sparse as recorded ones.

    Returns
    -------
    DataFrame
        One row a step: `seconds`, `peak_mb` of the process and `imports_mb` of it before the
        step; then the sizes on disk as `disk_mb`.
    """
    with tempfile.TemporaryDirectory() as folder:
        part, cache = Path(folder, "part.npz"), Path(folder, "cache")
        env = os.environ | {"NMA_SEQ2SEQ_CACHE": str(cache), "NMA_SEQ2SEQ_DATA": "recorded"}
        made = f"make_part(sys.argv[1], {neurons}, {trials})"
        apart(f"import sys; from benchmarks.load import make_part; {made}; print(0)", part, env=env)
        rows = []
        for name, step in _STEPS.items():
            rows.append({"step": name} | apart(_FRAME.replace("{step}", step), part, env=env))
        rows += [{"step": name, "disk_mb": mb} for name, mb in on_disk(part, cache).items()]
    return pd.DataFrame(rows).set_index("step")


def on_disk(part: Path, cache: Path) -> dict[str, float]:
    """MB of a part, and of the sessions that it has been split into."""
    # Passive trials, in a file of their own, are part of their session.
    each = sum(path.stat().st_size / MB for path in cache.glob("*.npz")) / _N_SESSIONS
    return {
        "the part on disk": part.stat().st_size / MB,
        "a cached session on disk, mean": each,
        "39 cached sessions on disk": each * 39,
    }


def make_part(path: str | os.PathLike, neurons: tuple[int, int], trials: tuple[int, int]) -> None:
    """Write a file of the make of the summer school's first part, from small sessions to large."""
    from nma_seq2seq.steinmetz import list_sessions

    rng = np.random.default_rng(0)
    sizes = zip(
        np.linspace(*neurons, _N_SESSIONS).astype(int),
        np.linspace(*trials, _N_SESSIONS).astype(int),
        list_sessions()["name"][:_N_SESSIONS],
        strict=True,
    )
    dat = np.empty(_N_SESSIONS, dtype=object)
    dat[:] = [_session(rng, *size) for size in sizes]
    # As np.savez_compressed writes it, but at the compression level that takes seconds.
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("dat.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array(member, dat, allow_pickle=True)


def _session(rng: np.random.Generator, n_neurons: int, n_trials: int, name: str) -> dict:
    n_passive = n_trials // 3
    mouse, _, date = name.partition("_")
    rates = rng.gamma(0.6, 0.04 / 0.6, n_neurons)

    def task(n: int) -> dict:
        return {
            "spks": _spikes(rng, rates, n),
            "wheel": rng.integers(-3, 4, (1, n, 250)).astype(np.float64),
            "face": rng.standard_normal((1, n, 250)),
            "licks": (rng.random((1, n, 250)) < 0.02).astype(np.float64),
            "pupil": rng.standard_normal((3, n, 250)),
            "contrast_left": rng.choice([0, 0.25, 0.5, 1], n),
            "contrast_right": rng.choice([0, 0.25, 0.5, 1], n),
        }

    return (
        task(n_trials)
        | {f"{key}_passive": value for key, value in task(n_passive).items()}
        | {
            "brain_area": rng.choice(["MOs", "VISp", "CA1", "SCm", "root"], n_neurons),
            "ccf": rng.random((n_neurons, 3)) * 8000,
            "ccf_axes": ["ap", "dv", "lr"],
            "trough_to_peak": rng.integers(4, 40, n_neurons),
            "response": rng.integers(-1, 2, n_trials).astype(np.float64),
            "feedback_type": rng.choice([-1.0, 1.0], n_trials),
            "gocue": rng.random((n_trials, 1)),
            "response_time": rng.random((n_trials, 1)) * 2,
            "feedback_time": rng.random((n_trials, 1)) * 2,
            "reaction_time": rng.random((n_trials, 2)) * 500,
            "prev_reward": rng.choice([-1.0, 1.0], (n_trials, 1)),
            "active_trials": np.arange(n_trials + n_passive) < n_trials,
            "cellid_orig": rng.random(2 * n_neurons) < 0.5,
            "mouse_name": mouse,
            "date_exp": date,
            "bin_size": 0.01,
            "stim_onset": 0.5,
        }
    )


def _spikes(rng: np.random.Generator, rates: np.ndarray, n_trials: int) -> np.ndarray:
    """Poisson counts (neurons, trials, 250), drawn spike by spike as most bins are empty."""
    n_bins = n_trials * 250
    spikes = np.zeros((len(rates), n_bins), dtype=np.int8)
    neuron = np.repeat(np.arange(len(rates)), rng.poisson(rates * n_bins))
    np.add.at(spikes, (neuron, rng.integers(0, n_bins, len(neuron))), 1)
    return spikes.reshape(len(rates), n_trials, 250)


def main() -> None:
    """Measure, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, sizes in (("neurons", _NEURONS), ("trials", _TRIALS)):
        about = f"of the smallest session and of the largest (default: {sizes[0]} {sizes[1]})"
        parser.add_argument(
            f"--{name}", type=int, nargs=2, default=sizes, metavar=("LEAST", "MOST"), help=about
        )
    options = parser.parse_args()
    print(run(tuple(options.neurons), tuple(options.trials)).to_string())


if __name__ == "__main__":
    main()
