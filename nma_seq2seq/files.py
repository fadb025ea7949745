"""Files are written whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends without an error.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to; the message says so.
    """
    path = Path(path)
    check_writable(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that their owner alone can read; a result is meant to be shared.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike) -> None:
    """Raise an OSError in one sentence if a file cannot be written at `path`."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file to write")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent}; make it, or choose another path")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"the folder {path.parent} cannot be written to; choose another path")


def file_name(name: str) -> str:
    """A name from a recording as the name of a file: no folder, no way up, no odd character.

    A name that had to be changed ends in a checksum, so that two names never share a file.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).lstrip(".")[:100] or "unnamed"
    return safe if safe == name else f"{safe}-{zlib.crc32(name.encode()):08x}"
