"""One session as plain arrays: np.savez(FILE, spks=..., brain_area=...), with no pickle in it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nma_seq2seq.recordings.containers import DAMAGE, BadFileError, array_header
from nma_seq2seq.school_format import KEYS, PASSIVE


def read_plain(path: Path, *, passive: bool = False) -> Iterator[dict[str, Any]]:
    """The arrays of the file by name, with those of passive trials where they are wanted.

    Raises
    ------
    BadFileError
        If it is damaged, or an array that a session needs holds Python objects.
    """
    arrays: dict[str, Any] = {}
    try:
        with np.load(path, allow_pickle=False) as file, zipfile.ZipFile(path) as archive:
            for key in file.files:
                if key.endswith(PASSIVE) and not passive:
                    continue
                try:
                    counts = _in_bytes(archive, key) if key.startswith("spks") else None
                    arrays[key] = file[key] if counts is None else counts
                except ValueError as problem:
                    if "allow_pickle" not in str(problem):
                        raise
                    if key in KEYS:
                        raise BadFileError(
                            f"{path.name} holds {key!r} as Python objects; save it as one array of "
                            f"text or numbers, such as {key}=np.array(list({key}))"
                        ) from None
    except BadFileError:
        raise
    except (OSError, RuntimeError, MemoryError, *DAMAGE) as problem:
        raise BadFileError(f"{path.name} is damaged ({problem}); save or get it again") from None
    yield arrays


def _in_bytes(archive: zipfile.ZipFile, key: str) -> np.ndarray | None:
    """Spike counts that lie in several bytes each, as most do, cast as they are read.

    A neuron at a time. None where that cannot be: the session says what is wrong, or finds a type.
    """
    with archive.open(f"{key}.npy") as member:
        shape, is_fortran, dtype = array_header(member)
        if len(shape) != 3 or dtype.kind not in "iuf" or dtype.itemsize == 1 or is_fortran:
            return None
        n_neurons, n_trials, n_bins = shape
        # In a session's order, so that it need not copy them.
        counts = np.empty((n_trials, n_bins, n_neurons), np.uint8).transpose(2, 0, 1)
        for of_neuron in counts:
            read = member.read(of_neuron.size * dtype.itemsize)
            values = np.frombuffer(read, dtype).reshape(of_neuron.shape)
            with np.errstate(invalid="ignore"):  # NaN is no number of a byte
                small = values.astype(np.uint8)
            if (small != values).any():
                return None
            of_neuron[:] = small
    return counts
