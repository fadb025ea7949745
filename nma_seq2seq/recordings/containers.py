"""What a file is, told by what is in it and not by its name; and the way in where it is no session.

Nothing is opened here that could run anything: only first bytes and lists of names are read.
"""

from __future__ import annotations

import importlib.util
import os
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np


class BadFileError(ValueError):
    """A file that is not one of the format, is damaged, or has changed since it was first used."""


class UnsafeFileError(BadFileError):
    """A file that asks for more than arrays and text; it was refused and nothing of it has run."""


#: What zipfile and numpy raise at a file that is cut or changed, whose values are then nonsense.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, NotImplementedError,
)  # fmt: skip

_SPIKE_FILES = ("spikes.times", "spike_times.npy")
_SAVE = (
    "a session needs spks (neurons, trials, time) and brain_area, saved with "
    "np.savez(FILE, spks=..., brain_area=...)"
)
_FROM_TIMES = "give its spike times to nma.Session.from_spike_times"
_OF_NO_USE = (
    "of which this course makes nothing: open a part (steinmetz_part0.npz to steinmetz_part2.npz), "
    "or nma.load_session(31)"
)
#: What the summer school offers beside its three parts, by a key of the file.
EXTRAS = {
    "lfp": f"local field potentials, {_OF_NO_USE}",
    "waveform_w": f"waveforms, {_OF_NO_USE}",
}
_HEADS = {
    b"MATLAB 5.0": "is a MATLAB file: open it with scipy.io.loadmat; " + _SAVE,
    b"MATLAB 7.3": "is a MATLAB 7.3 file: open it with h5py; " + _SAVE,
    b"PAR1": "is a Parquet table: open it with pandas.read_parquet; " + _SAVE,
    b"version https://git-lfs": "is only a pointer to the file: fetch it with git lfs pull",
    b"Rar!": "is a RAR archive: unpack it and name a file in it",
    b"7z\xbc\xaf": "is a 7-Zip archive: unpack it and name a file in it",
}


def existing(path: str | os.PathLike) -> Path:
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"no file {path}; give the path of a recording that is there")
    return path


def recognise(path: Path) -> str:
    """What a path holds: "pickled" or "plain" sessions, "nwb" or "alf".

    Raises
    ------
    BadFileError
        If it is none of these; the sentence says what it is, and what to do.
    """
    if path.is_dir():
        return _recognise_folder(path)
    with path.open("rb") as file:
        head = file.read(1024)
    for start, what in _HEADS.items():
        if head.startswith(start):
            raise BadFileError(f"{path.name} {what}")
    if not head:
        raise BadFileError(f"{path.name} is empty, 0 bytes; download it again")
    if head.startswith(b"PK"):
        return _recognise_zip(path)
    if head.startswith(b"\x93NUMPY"):
        return _recognise_array(path)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _recognise_hdf5(path)
    if _is_tar(path, head):
        return "alf"
    if head[:2] == b"\x1f\x8b":
        raise BadFileError(f"{path.name} is compressed with gzip; unpack it and name what is in it")
    if head[0] == 0x80 and head[1:2] <= b"\x05" or head.startswith((b"(dp", b"(lp", b"ccopy_reg")):
        raise BadFileError(
            f"{path.name} is a pickle, which can run anything when it is opened, so that it is "
            f"not opened here; open it yourself if you trust who made it, and save it anew: {_SAVE}"
        )
    if head.lstrip()[:1] == b"<":
        raise BadFileError(
            f"{path.name} is a web page (a log-in page, perhaps) and not the file; open it in a "
            "browser to see, and download the file again"
        )
    if not any(byte < 9 for byte in head):
        raise BadFileError(f"{path.name} is text; {_SAVE}")
    raise BadFileError(
        f"{path.name} is damaged, or of a format that is not known here (.npz, .npy, .nwb and ALF "
        "are); download it again"
    )


def _recognise_folder(path: Path) -> str:
    names = [name for _, _, files in os.walk(path) for name in files]
    if any(mark in name for name in names for mark in _SPIKE_FILES):
        return "alf"
    files = [name for name in names if name.endswith((".npz", ".nwb", ".npy", ".tar"))]
    raise BadFileError(
        f"{path} is a folder without spike times (spikes.times.npy); "
        + (f"name a file in it, such as {files[0]}" if files else "name a file, or an ALF folder")
    )


def _recognise_zip(path: Path) -> str:
    if not zipfile.is_zipfile(path):
        raise BadFileError(f"{path.name} is cut or damaged; download it again")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if "dat.npy" in names:
        return "pickled"
    keys = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
    if "spks" in keys or "brain_area" in keys or "ss" in keys:
        return "plain"
    for key, what in EXTRAS.items():
        if key in keys:
            raise BadFileError(f"{path.name} holds {what}")
    if any(name.endswith("data.pkl") for name in names):
        raise BadFileError(f"{path.name} was saved by torch; open a fit with nma.load_fit(FILE)")
    if any(name.startswith("xl/") for name in names):
        raise BadFileError(f"{path.name} is an Excel workbook; {_SAVE}")
    inner = [name for name in names if name.endswith((".npz", ".nwb", ".tar", "/dat.npy"))]
    if inner:
        raise BadFileError(f"{path.name} is a zip of files; unzip it and open {inner[0]}")
    listed = ", ".join((keys or names)[:5]) or "nothing"
    raise BadFileError(f"{path.name} has no 'dat' and no 'spks'; it has {listed}: {_SAVE}")


def array_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and type of a .npy file, which is read up to its data."""
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0 if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )  # fmt: skip
    return read(file)


def _recognise_array(path: Path) -> str:
    """`dat.npy` as a browser unpacks it, or one array of numbers."""
    try:
        with path.open("rb") as file:
            shape, _, dtype = array_header(file)
    except ValueError:
        raise BadFileError(f"{path.name} is cut or damaged; download it again") from None
    if dtype.kind == "O":
        return "pickled"
    raise BadFileError(f"{path.name} is one array of {dtype} of shape {shape}; {_SAVE}")


def _recognise_hdf5(path: Path) -> str:
    if importlib.util.find_spec("h5py") is None:
        return "nwb"  # what reads it will say what to install
    import h5py

    try:
        with h5py.File(path, "r") as file:
            is_nwb, keys = "nwb_version" in file.attrs, ", ".join(list(file)[:5])
    except OSError:
        raise BadFileError(f"{path.name} is cut or damaged; download it again") from None
    if is_nwb:
        return "nwb"
    raise BadFileError(
        f"{path.name} is an HDF5 file but no NWB (it holds {keys or 'nothing'}): open it with "
        f"h5py and {_FROM_TIMES}, or save its counts: {_SAVE}"
    )


def _is_tar(path: Path, head: bytes) -> bool:
    return head[257:262] == b"ustar" or (head[:2] == b"\x1f\x8b" and tarfile.is_tarfile(path))
