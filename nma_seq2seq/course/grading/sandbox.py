"""What the Linux kernel gives an unprivileged process to be on its own: namespaces.

Inside, everything is read-only but a temporary folder in memory, other processes cannot be seen,
and all that is started ends with the first process. Where the kernel does not give this (macOS,
Windows, many containers), `works()` is False and notebooks are run without.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_PIDS = 0x20000, 0x8000000, 0x10000000, 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 0x4000, 0x40000
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _READ_ONLY = 442, -100, 0x8000, 1
_PDEATHSIG, _CAPBSET_DROP, _CHILD_SUBREAPER, _NO_NEW_PRIVS = 1, 24, 36, 38
_CAPABILITY_VERSION = 0x20080522
_INODES = 100_000


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def works() -> bool:
    """Whether a process can put itself into the sandbox here; tried in one of its own."""
    if sys.platform != "linux":
        return False
    code = f"from {__name__} import enter; enter({tempfile.gettempdir()!r}, (), 1)"
    try:
        tried = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def enter(folder: str, hidden: Sequence[str], size_mb: int) -> None:
    """Return in a new process that sees the file system read-only, and itself as the first one.

    The calling process waits for that one and ends with it.

    Parameters
    ----------
    folder : str
        Empty, in memory and writable inside; what is written there is never seen outside.
    hidden : sequence of str
        Files and folders that cannot be seen inside.
    size_mb : int
        Of what may be written.

    Raises
    ------
    OSError
        Where the kernel does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEW_USER | _NEW_MOUNTS | _NEW_PIDS | _NEW_IPC)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    first = os.fork()
    if first:
        _, status = os.waitpid(first, 0)
        os._exit(0 if status == 0 else 1)
    end_with_parent()
    _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    with contextlib.suppress(OSError):  # containers refuse it; then foreign processes are seen
        _call("mount", b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV, None)
    writable = []
    for place in (tempfile.gettempdir(), "/var/tmp", "/dev/shm"):
        if _is_needless(place):
            _memory(place, size_mb)
            writable.append(place)
    os.makedirs(folder, exist_ok=True)
    if not any(Path(folder).is_relative_to(place) for place in writable):
        _memory(folder, size_mb)
        writable.append(folder)
    for path in hidden:
        if os.path.isdir(path) and _is_needless(path) and not Path(folder).is_relative_to(path):
            _memory(path, 1)
        elif os.path.isfile(path):
            _call("mount", os.fsencode(os.devnull), os.fsencode(path), None, 0x1000, None)
    _set_read_only("/", True, _AT_RECURSIVE)
    for path in writable:
        _set_read_only(path, False)
    tempfile.tempdir = None  # what was found above may be read-only now: it is looked for anew
    _drop_capabilities()


def end_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    if sys.platform == "linux":
        _libc().prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """On Linux, become the parent of processes whose own parent ends, so that they are found."""
    if sys.platform == "linux":
        _libc().prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int | bytes | None) -> None:
    if getattr(_libc(), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name} is not allowed here")


def _memory(path: str, size_mb: int) -> None:
    options = f"size={size_mb}m,nr_inodes={_INODES},mode=0777".encode()
    _call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", _MS_NOSUID | _MS_NODEV, options)


def _is_needless(path: str) -> bool:
    """Whether a folder is there, and Python and the course do not come from below it."""
    needed = {
        sys.prefix,
        sys.base_prefix,
        sys.executable,
        *sys.path,
        str(Path(__file__).parents[3]),
    }
    real = os.path.realpath(path)
    return os.path.isdir(real) and not any(
        Path(os.path.realpath(one)).is_relative_to(real) for one in needed if one
    )


def _set_read_only(path: str, read_only: bool, flags: int = 0) -> None:
    which = {"set" if read_only else "clear": _READ_ONLY}
    attributes = _MountAttributes(**which)
    result = _libc().syscall(
        _MOUNT_SETATTR,
        _AT_FDCWD,
        os.fsencode(path),
        flags,
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{path} cannot be made read-only here")


def _drop_capabilities() -> None:
    """So that what has been mounted cannot be changed again from inside."""
    libc = _libc()
    for capability in range(64):
        libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped here")
