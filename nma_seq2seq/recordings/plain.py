"""One session as plain arrays: np.savez(FILE, spks=..., brain_area=...), with no pickle in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nma_seq2seq.recordings.containers import DAMAGE, BadFileError
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
        with np.load(path, allow_pickle=False) as file:
            for key in file.files:
                if key.endswith(PASSIVE) and not passive:
                    continue
                try:
                    arrays[key] = file[key]
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
