"""Fits on disk: tensors and plain values, whole or not at all, with a checksum."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nma_seq2seq.files import whole_file

_DIGEST = 32  # bytes of SHA-256 at the end of the file


def write(content: dict[str, Any], path: str | os.PathLike) -> None:
    """Write plain values, arrays and tensors to a file that `read` takes; arrays become tensors.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    buffer = io.BytesIO()
    torch.save(_plain(content), buffer)
    with whole_file(path) as temporary:
        temporary.write_bytes(buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest())


def read(path: str | os.PathLike) -> dict[str, Any]:
    """What `write` has written, on the CPU. Nothing in the file can run.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a single byte of it is another than was written.
    """
    written = Path(path).read_bytes()
    payload, digest = written[:-_DIGEST], written[-_DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        raise ValueError(
            f"{path} is not a fit that Fit.save wrote, or it is damaged (its checksum does not "
            "hold); copy it again, or fit and save anew"
        )
    return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)


def _plain(value: Any) -> Any:
    """Arrays as tensors, and numpy's numbers as Python's: nothing else is read back."""
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    if isinstance(value, np.generic):
        return value.item()
    if type(value) is dict:
        return {key: _plain(each) for key, each in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def arrays(content: dict[str, Any]) -> dict[str, Any]:
    """What was read, with its tensors as arrays again."""
    return {
        key: value.numpy() if isinstance(value, torch.Tensor) else value
        for key, value in content.items()
    }
