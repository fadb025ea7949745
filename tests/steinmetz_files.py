"""Small files of the summer school's format, sound and broken, for the tests."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np

import nma_seq2seq.steinmetz as steinmetz


def session_dict(
    name: str = "Cori_2016-12-14", n_neurons: int = 6, n_trials: int = 5, seed: int = 0
) -> dict:
    """One session with every key of the format, 250 bins."""
    rng = np.random.default_rng(seed)
    mouse, _, date = name.partition("_")

    def task(n: int) -> dict:
        return {
            "spks": rng.poisson(0.1, (n_neurons, n, 250)).astype(np.int8),
            "wheel": rng.standard_normal((1, n, 250)),
            "face": rng.standard_normal((1, n, 250)),
            "licks": rng.integers(0, 2, (1, n, 250)),
            "pupil": rng.standard_normal((3, n, 250)),
            "contrast_left": rng.choice([0, 0.25, 0.5, 1], n),
            "contrast_right": rng.choice([0, 0.25, 0.5, 1], n),
        }

    return (
        task(n_trials)
        | {f"{key}_passive": value for key, value in task(2).items()}
        | {
            "brain_area": rng.choice(["MOs", "VISp", "root"], n_neurons),
            "ccf": rng.random((n_neurons, 3)),
            "ccf_axes": ["ap", "dv", "lr"],
            "trough_to_peak": rng.integers(4, 40, n_neurons),
            "response": rng.integers(-1, 2, n_trials).astype(float),
            "feedback_type": rng.choice([-1.0, 1.0], n_trials),
            "gocue": rng.random((n_trials, 1)),
            "response_time": rng.random((n_trials, 1)),
            "feedback_time": rng.random((n_trials, 1)),
            "reaction_time": np.where(rng.random((n_trials, 2)) < 0.3, np.inf, 200.0),
            "prev_reward": rng.choice([-1.0, 1.0], (n_trials, 1)),
            "active_trials": np.arange(n_trials + 2) < n_trials,
            "cellid_orig": rng.random(2 * n_neurons) < 0.5,
            "mouse_name": mouse,
            "date_exp": date,
            "bin_size": 0.01,
            "stim_onset": 0.5,
        }
    )


def objects(sessions: list) -> np.ndarray:
    dat = np.empty(len(sessions), dtype=object)
    dat[:] = sessions
    return dat


def write(path: Path, sessions: list) -> Path:
    """As the summer school writes it."""
    np.savez_compressed(path, dat=objects(sessions))
    return path


def write_part(path: Path, number: int = 0, n_neurons: int = 6, n_trials: int = 5) -> Path:
    names = steinmetz.list_sessions()["name"][13 * number : 13 * number + 13]
    return write(path, [session_dict(name, n_neurons, n_trials, i) for i, name in enumerate(names)])


def write_pickle(path: Path, pickled: bytes, n_sessions: int = 1) -> Path:
    """A file whose `dat` is the given pickle."""
    header = {"descr": "|O", "fortran_order": False, "shape": (n_sessions,)}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("dat.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, header)
        member.write(pickled)
    return path


def pickle_with(sessions: list, protocol: int, core: str) -> bytes:
    """Pickle as a numpy does whose inner modules are in `numpy.core` or in `numpy._core`."""

    class Pickler(pickle._Pickler):
        def save_global(self, obj, name=None):
            module, name = obj.__module__, name or obj.__qualname__
            if module.startswith(("numpy.core.", "numpy._core.")):
                module = f"numpy.{core}.{module.split('.', 2)[2]}"
                if self.proto >= 4:
                    self.save(module)
                    self.save(name)
                    self.write(pickle.STACK_GLOBAL)
                else:
                    self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
                self.memoize(obj)
            else:
                super().save_global(obj, name)

        dispatch = pickle._Pickler.dispatch | {type(session_dict): save_global}

    stream = io.BytesIO()
    Pickler(stream, protocol).dump(objects(sessions))
    return stream.getvalue()
