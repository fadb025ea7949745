"""Every file that was handed in, opened by what it is and not by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import stat
import tarfile
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

_LARGEST = 100_000_000  # bytes of one file
_UNPACKED = 500_000_000  # bytes of all that is in one archive within the class's own
_MEMBERS = 2000
_BEGINNING = 1000  # bytes that are kept of what is no notebook: it may be nbgrader's time stamp
_DEPTH = 4
# How a packed file begins -> how it is opened.
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_UNSEEN = {"thumbs.db", "desktop.ini", ".ds_store"}
_COPIES = ".ipynb_checkpoints"
_LINK = "a link, not a file; ask for the file"

# How a file begins -> what it is.
_BEGINNINGS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"Rar!": "a rar archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zst archive",
    b"{\\rtf": "a rich-text document",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"bplist": "a link",
    b"SQLite": "a database",
    b"version https://git-lfs": "a pointer to a file of Git LFS",
}
_OFFICE = {"word/": "a Word document", "xl/": "an Excel table", "ppt/": "a PowerPoint file"}
_ASK = {
    "a web page": "the notebook itself (File > Download .ipynb), not a page made from it",
    "a PDF": "the notebook itself (.ipynb), not a print of it",
    "a link": "the file that the link leads to (File > Download .ipynb)",
    "a rar archive": "the notebook itself, or a .zip",
    "a 7z archive": "the notebook itself, or a .zip",
    "a zst archive": "the notebook itself, or a .zip",
    "Python code": "the notebook (.ipynb) that it was made from",
}


@dataclass(frozen=True)
class File:
    """One file that was handed in.

    Attributes
    ----------
    path : str
        Below the folder or within the zip, archives being folders too.
    content : bytes
    modified : float
        Seconds since 1970; 0 where it is not known.
    problem : str
        Why it cannot be a notebook of the course, and is not kept whole; empty where it can.
    state : "invalid" or "no notebook"
        Which of the two it is then.
    """

    path: str
    content: bytes = b""
    modified: float = 0.0
    problem: str = ""
    state: str = "invalid"

    @property
    def text(self) -> str:
        """The content in whatever encoding it has."""
        return text_of(self.content)


class _Refused(ValueError):
    """An archive that is not opened, and why."""


def open_all(where: Path) -> list[File]:
    """Every file below a folder, in an archive, or the one file, in the order of their paths.

    Left out are files that programs leave about, such as checkpoint copies, unless such a copy is
    all that there is.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ValueError
        If there is nothing in it.
    """
    if where.is_dir():
        found = list(_in_folder(where))
    elif where.exists():
        # The class's own archive is no folder of its files.
        found = [
            replace(one, path=one.path.removeprefix(f"{where.name}/"))
            for one in _opened(_read(where, where.name, is_class=True), None)
        ]
    else:
        raise FileNotFoundError(f"no folder {where}; name the folder or zip that was handed in")
    visible = [file for file in found if _hidden_from(file.path) is None]
    seen = visible + [file for file in found if _is_only_copy(file.path, visible)]
    if not seen:
        raise ValueError(f"nothing in {where}; name the folder or zip that was handed in")
    unique: dict[str, File] = {}
    for file in sorted(seen, key=lambda one: one.path):
        path, n = one_line(file.path), 1
        while (shown := f"{path} ({n})" if n > 1 else path) in unique:
            n += 1
        unique[shown] = replace(file, path=shown)
    return list(unique.values())


def _what(path: str, content: bytes) -> str:
    """What a file is that is no notebook, as far as its content says; "" if it may be one."""
    for beginning, name in _BEGINNINGS.items():
        if content.startswith(beginning):
            return name
    if content[:4] == b"PK\x03\x04" and (name := _office(content)):
        return name
    if not content:
        return "an empty file"
    text = text_of(content).lstrip()
    if text.startswith("{") and ('"cells"' in text or '"worksheets"' in text):
        return ""
    lower = text[:2000].lower()
    if lower.startswith(("<!doctype html", "<html", "<head", "<?xml", "<p", "<div")):
        return "a web page"
    if re.match(r"(\[internetshortcut\]|https?://\S+\s*$|url=)", lower) or '"url":' in lower[:100]:
        return "a link"
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".py":
        return "Python code"
    if suffix == ".ipynb":
        return ""
    return "a file of another kind" if "\x00" in text else "a text"


def text_of(content: bytes) -> str:
    """Text in whatever encoding: UTF-8, -16 or -32 with or without a mark, else Windows's."""
    try:
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def one_line(text: str) -> str:
    """Composed, without control characters and what turns the direction of writing around."""
    kept = (
        character if character == " " or unicodedata.category(character)[0] != "C" else "\ufffd"
        for character in unicodedata.normalize("NFC", printable(text))
        if character not in "\u200b\u2060\ufeff"
    )
    return " ".join("".join(kept).split())


def printable(text: str) -> str:
    """Without what a broken name may hold and no file of text can."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def clean_path(path: str) -> str:
    """With one kind of slash, and without what leads out of the folder."""
    parts = path.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "(no name)"


def _hidden_from(path: str) -> PurePosixPath | None:
    """The first part of a path that programs leave about, with what is above it."""
    parts = PurePosixPath(path).parts
    for place, part in enumerate(parts):
        is_folder = place < len(parts) - 1
        if (
            part == "__MACOSX"
            or part.startswith(("._", "~$"))
            or part.lower() in _UNSEEN
            or (is_folder and part.startswith("."))
        ):
            return PurePosixPath(*parts[: place + 1])
    return None


def _is_only_copy(path: str, visible: list[File]) -> bool:
    """Whether it is a checkpoint copy, and nothing that is none lies beside its folder."""
    hidden = _hidden_from(path)
    if hidden is None or hidden.name != _COPIES:
        return False
    beside = f"{hidden.parent}/" if hidden.parent.parts else ""
    return not any(file.path.startswith(beside) for file in visible)


def _in_folder(folder: Path) -> Iterator[File]:
    for here, folders, names in os.walk(folder):
        for name in sorted(folders):
            path = Path(here, name)
            if path.is_symlink():
                names.append(name)
            elif not any(path.iterdir() if os.access(path, os.R_OK) else [None]):
                shown = clean_path(path.relative_to(folder).as_posix())
                yield File(shown, problem="an empty folder was handed in; ask for the notebook")
        for name in sorted(names):
            path = Path(here, name)
            file = _read(path, clean_path(path.relative_to(folder).as_posix()))
            yield from _opened(file, _Room())


def _read(path: Path, shown: str, is_class: bool = False) -> File:
    try:
        status = path.lstat()
        modified = status.st_mtime
        if stat.S_ISLNK(status.st_mode):
            return File(shown, b"", modified, f"a link to {os.readlink(path)}; ask for the file")
        if not stat.S_ISREG(status.st_mode):
            return File(shown, b"", modified, "not a file")
        if status.st_size > (_UNPACKED if _begins_as_archive(path) else _LARGEST) and not is_class:
            return File(shown, b"", modified, _too_large())
        return File(shown, path.read_bytes(), modified)
    except OSError as error:
        return File(shown, problem=f"cannot be read ({error.strerror or error})")


def _begins_as_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6).startswith((b"PK", *_PACKED))


def _too_large() -> str:
    return f"larger than {_LARGEST // 1_000_000} MB; ask for it without its outputs"


# ---------------------------------------------------------------------- archives


class _Room:
    """How much an archive may still unpack."""

    def __init__(self) -> None:
        self.bytes, self.members = _UNPACKED, _MEMBERS

    def take(self, size: int) -> None:
        self.bytes -= size
        self.members -= 1
        if self.bytes < 0 or self.members < 0:
            raise _Refused(
                f"it unpacks to more than {_UNPACKED // 1_000_000} MB or {_MEMBERS} files; "
                "ask for the notebook alone"
            )


def _opened(file: File, room: _Room | None, depth: int = 0) -> Iterator[File]:
    """The files of an archive, or the file itself; what is wrong with an archive is one file."""
    try:
        yield from [file] if file.problem else list(_members(file, room, depth))
    except Exception as error:
        broken = f"an archive that cannot be read ({error}); ask for it once more"
        problem = str(error) if isinstance(error, _Refused) else broken
        yield replace(file, content=b"", problem=problem)


def _members(file: File, room: _Room | None, depth: int) -> Iterator[File]:
    """As `_opened`; without a room, each archive within has its own."""
    members = _archive(file.content)
    if members is None:
        if kind := _what(file.path, file.content):
            asked = _ASK.get(kind, "the notebook itself (.ipynb)")
            problem = f"{kind} was handed in; ask for {asked}"
            content = file.content[:_BEGINNING]
            file = replace(file, content=content, problem=problem, state="no notebook")
        yield file
        return
    if depth >= _DEPTH:
        raise _Refused(f"{_DEPTH} archives within each other; ask for the notebook alone")
    is_empty = True
    for one in members(file.content):
        path = clean_path(f"{file.path}/{one.name}" if one.name else file.path)
        if _hidden_from(path) and _COPIES not in path:
            continue
        is_empty = False
        member = File(path, modified=one.modified or file.modified, problem=one.problem)
        if not member.problem:
            member = _unpacked(member, one.open)
        if room is not None and not member.problem:
            room.take(max(one.size, len(member.content)))
        if len(member.content) > _LARGEST:
            member = replace(member, content=b"", problem=_too_large())
        yield from _opened(member, room or _Room(), depth + 1)
    if is_empty:
        raise _Refused("an archive with nothing in it; ask for the notebook")


def _unpacked(member: File, open_it: Callable[[], Any]) -> File:
    try:
        with open_it() as stream:
            return replace(member, content=stream.read(_LARGEST + 1))
    except Exception as error:  # a bad checksum, an unknown compression
        what = one_line(str(error))[:120]
        return replace(member, problem=f"cannot be read ({what})")


class _Member(NamedTuple):
    name: str
    open: Callable[[], Any]
    modified: float = 0.0  # 0 if not known
    size: int = 0  # a tar is gone through to its next member whole
    problem: str = ""


def _archive(content: bytes) -> Callable[[bytes], Iterator[_Member]] | None:
    """How to go through an archive; None for what is none."""
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return None if _office(content) else _zipped
    packed = content.startswith(tuple(_PACKED))
    if packed or content[257:262] == b"ustar":
        with io.BytesIO(content) as stream:
            if tarfile.is_tarfile(stream):
                return _tarred
    return _alone if packed else None


def _office(content: bytes) -> str:
    """What a zip is that is a document of a program."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()[:_MEMBERS]
    except Exception:  # a broken zip is said to be that when it is gone through
        return ""
    if "[Content_Types].xml" in names:
        return next(
            (kind for part, kind in _OFFICE.items() if any(n.startswith(part) for n in names)),
            "an Office document",
        )
    if "mimetype" in names:
        return "an OpenDocument file"
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy file"
    if any(name.endswith("/data.pkl") for name in names):
        return "a PyTorch file"
    return ""


def _zipped(content: bytes) -> Iterator[_Member]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            if info.is_dir() or info.filename.endswith("\\"):
                continue
            problem = _LINK if stat.S_ISLNK(info.external_attr >> 16) else ""
            if info.flag_bits & 1:
                problem = "in an archive with a password; ask for one without"
            opened = partial(archive.open, info)
            yield _Member(info.filename, opened, _zip_time(info), info.file_size, problem)


def _zip_time(info: zipfile.ZipInfo) -> float:
    if info.date_time[:3] == (1980, 1, 1):  # what a zip says that knows no time
        return 0.0
    try:
        return time.mktime((*info.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return 0.0


def _tarred(content: bytes) -> Iterator[_Member]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for info in archive:
            if not info.isdir():
                opened = partial(archive.extractfile, info)
                problem = "" if info.isfile() else _LINK
                yield _Member(info.name, opened, float(info.mtime), info.size, problem)


def _alone(content: bytes) -> Iterator[_Member]:
    unpack = next(unpack for start, unpack in _PACKED.items() if content.startswith(start))
    yield _Member("", partial(unpack, io.BytesIO(content)))
