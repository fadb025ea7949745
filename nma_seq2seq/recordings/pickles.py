"""Read a file of the summer school's format without running anything that it says.

The files are pickles, and a pickle is a program: Python's own unpickler imports and calls
whatever it names. Here the program is read by `pickletools.genops`, which only lists its
instructions, and those few that numpy arrays, dicts, lists and text need are done below. What a
file names is looked up in `_CONSTRUCTORS` and nowhere else; nothing is imported, no attribute is
set, and no object of the file's choosing is called. It also lets go of each session as soon as
it is complete, where the unpickler keeps the bytes of all of them until the end.
"""

from __future__ import annotations

import math
import pickletools
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import IO, Any, Literal, cast

import numpy as np

from nma_seq2seq.recordings.containers import BadFileError, UnsafeFileError
from nma_seq2seq.school_format import KEYS, PASSIVE

_MB = 2**20
# Bounds that no real file comes near; a file that was made to fill the memory does.
_MOST_BYTES_A_SESSION = 1024 * _MB
_MOST_OPCODES = 200_000
_MOST_CHARACTERS = 1000


def read_pickled(path: Path, *, passive: bool = False) -> Iterator[dict[str, Any]]:
    """Each session as a dict, which is emptied when the next is asked for.

    Parameters
    ----------
    path : Path
        An .npz file with `dat` in it, or `dat.npy` itself, as some browsers unpack it.
    passive : bool
        Whether the trials without a task are wanted too (`spks_passive`, ...).
    """
    try:
        with _opened(path) as (member, size):
            n_sessions = _read_header(member, path.name)
            n_read = 0
            for dat in _interpret(_Member(member, size), passive):
                yield dat
                dat.clear()
                n_read += 1
            if n_read != n_sessions:
                raise BadFileError(f"{path.name} announces {n_sessions} sessions, not {n_read}")
            # Only at its end does zipfile compare the checksum.
            if member.read(1):
                raise BadFileError(f"{path.name} goes on after the end of its data")
    except BadFileError as problem:
        if str(problem).startswith(path.name):
            raise
        raise type(problem)(f"{path.name} {problem}") from None
    except (
        zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, TypeError, ValueError,
        ArithmeticError, AttributeError, NotImplementedError, RuntimeError,
    ) as problem:  # fmt: skip
        raise BadFileError(
            f"{path.name} is damaged or no .npz file of the summer school's format ({problem}); "
            "download it again"
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The stream of `dat.npy`, and its size."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield file, path.stat().st_size
        return
    with zipfile.ZipFile(path) as archive, archive.open("dat.npy") as member:
        yield member, archive.getinfo("dat.npy").file_size


def _read_header(member: IO[bytes], name: str) -> int:
    """The number of sessions that the header of `dat.npy` announces."""
    version = np.lib.format.read_magic(member)
    read = (
        np.lib.format.read_array_header_1_0 if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )  # fmt: skip
    shape, _, dtype = read(member)
    if dtype.kind != "O" or len(shape) > 1 or not math.prod(shape):
        raise BadFileError(
            f"{name} has a 'dat' of shape {shape} and type {dtype}; it must be an array of one "
            "dict a session"
        )
    return math.prod(shape)


class _Member:
    """A member of a zip file, as `genops` reads it: in bounded pieces and at most to its end."""

    def __init__(self, member: IO[bytes], size: int):
        self._member, self._left = member, size - member.tell()
        self.position = 0

    def tell(self) -> int:
        return self.position

    def read(self, n: int) -> bytearray:
        if not 0 <= n <= min(self._left, _MOST_BYTES_A_SESSION):
            raise ValueError(f"{n} bytes are announced where {self._left} are left")
        data = bytearray(n)
        filled = 0
        while filled < n:
            # zipfile would read as many compressed bytes ahead as it is asked for.
            piece = self._member.read(min(n - filled, _MB // 4))
            if not piece:
                raise EOFError("it ends too early")
            data[filled : filled + len(piece)] = piece
            filled += len(piece)
        self._left -= n
        self.position += n
        return data

    def readline(self) -> bytes:
        line = self._member.readline(min(self._left, _MOST_BYTES_A_SESSION))
        self._left -= len(line)
        self.position += len(line)
        return line


def _size(shape: tuple[int, ...]) -> int:
    """How many values a shape has; in Python's integers, which do not overflow."""
    if type(shape) is not tuple or len(shape) > 32:
        raise ValueError("an array has no proper shape")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array has the shape {shape}")
    return math.prod(shape)


class _DType:
    """Stands for a numpy dtype while a pickle builds it."""

    def __init__(self, code: str, align: bool = False, copy: bool = False):
        if not re.fullmatch(r"O8?|\??|b1|[iu][1248]|f[248]|[US][0-9]{1,4}", code):
            raise UnsafeFileError(f"holds values of type {code!r}, which this format has not")
        self.code = code
        self.order: Any = "="

    def build(self, state: tuple) -> None:
        _, self.order, *structure = state[:5]
        if structure != [None, None, None] or self.order not in ("<", ">", "|", "="):
            raise UnsafeFileError("holds structured values, which this format has not")

    def __call__(self) -> np.dtype:
        return np.dtype(self.code).newbyteorder(self.order)

    def values(
        self, data: bytes | bytearray, shape: tuple[int, ...], order: Literal["C", "F"] = "C"
    ) -> np.ndarray:
        dtype = self()
        if _size(shape) * dtype.itemsize != len(data):
            raise ValueError(f"{len(data)} bytes do not make {shape} values of {dtype}")
        if not len(data):
            return np.zeros(shape, dtype)
        flat = np.frombuffer(data, dtype)
        if dtype.kind == "b":  # bytes other than 0 and 1 would be neither
            flat = flat.view(np.uint8) != 0
        return flat.reshape(shape, order=order)


class _Array:
    """Stands for a numpy array while a pickle builds it; of objects, it holds the list."""

    value: Any = None
    shape: tuple[int, ...] = ()

    def build(self, state: tuple) -> None:
        _, shape, dtype, fortran, data = state
        if dtype.code.startswith("O"):
            if type(data) is not list or _size(shape) != len(data):
                raise ValueError(f"an array of objects has not the shape {shape}")
            self.value, self.shape = data, shape
        else:
            self.value = dtype.values(data, shape, "F" if fortran else "C")


def _reconstruct(kind: Any, shape: tuple, code: Any) -> _Array:
    if kind is not _ndarray:
        raise UnsafeFileError("asks for an array that is not numpy's own")
    return _Array()


def _ndarray(*_: Any) -> None:
    raise UnsafeFileError("calls numpy.ndarray, which its format does not need")


def _frombuffer(data: Any, dtype: _DType, shape: tuple, order: str, axes: Any = None) -> _Array:
    array = _Array()
    if order not in ("C", "F"):
        raise ValueError(f"an array has the order {order!r}")
    array.value = dtype.values(data, shape, "F" if order == "F" else "C")
    return array


def _dtype(*args: Any) -> _DType:
    return _DType(*args)


def _scalar(dtype: _DType, data: Any) -> Any:
    return dtype.values(data, ())[()]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    # How pickles of the older protocols write bytes.
    if encoding not in ("latin1", "latin-1"):
        raise UnsafeFileError(f"asks for the encoding {encoding!r}")
    return text.encode("latin1")


def _bytes() -> bytes:
    return b""


# numpy 2 renamed its inner modules, Python 3 its builtins.
_CONSTRUCTORS: dict[tuple[str, str], Callable] = {
    (f"numpy.{core}.{module}", name): constructor
    for core in ("core", "_core")
    for module, name, constructor in (
        ("multiarray", "_reconstruct", _reconstruct),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _frombuffer),
    )
} | {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _bytes,
    ("builtins", "bytes"): _bytes,
}

# Instructions that put their own argument on the stack.
_PLAIN = {
    "INT", "LONG", "FLOAT", "UNICODE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LET_GO = object()


class _LeftOut:
    """Stands for a dict inside a session, which holds nothing that a session needs."""


def _interpret(member: _Member, passive: bool) -> Iterator[dict[str, Any]]:
    """Do a pickle's instructions; yield each session once it is complete."""
    stack: list[Any] = []
    marked: list[list[Any]] = []  # the stacks below each mark
    memo: dict[int, Any] = {}
    unfinished: dict | None = None
    finished: list[dict] = []
    start = 0

    argument: Any
    for n_done, (opcode, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], member))):
        if n_done > _MOST_OPCODES or member.position - start > _MOST_BYTES_A_SESSION:
            raise BadFileError("holds far more than a session does")
        name = opcode.name
        if name == "MARK":
            marked.append(stack)
            stack = []
            continue
        if name in ("TUPLE", "LIST", "DICT", "APPENDS", "SETITEMS"):
            items, stack = stack, marked.pop()
        elif name in ("APPEND", "SETITEM"):
            n_items = 1 if name == "APPEND" else 2
            items = [stack.pop() for _ in range(n_items)][::-1]

        # A session is complete when the next one begins, or the data end. While it is being filled,
        # something lies above it on the stack; a dict that begins then is a value in it.
        inner = unfinished is not None and (
            any(item is unfinished for below in marked for item in below)
            or any(item is unfinished for item in stack[:-1])
        )
        if name in ("DICT", "EMPTY_DICT") and inner:
            stack.append(_LeftOut())
            continue
        if name in ("DICT", "EMPTY_DICT", "STOP") and unfinished is not None:
            if inner:
                raise BadFileError("ends within a session")
            yield {
                key: plain
                for key, value in unfinished.items()
                if (passive or not key.endswith(PASSIVE))
                and (plain := _plain(value, key)) is not None
            }
            for value in unfinished.values():
                if isinstance(value, _Array) and getattr(value.value, "nbytes", 0) > _MB:
                    value.value = _LET_GO
            unfinished.clear()
            finished.append(unfinished)
            unfinished, start = None, member.position

        if name in _PLAIN:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "TUPLE":
            stack.append(tuple(items))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(reversed([stack.pop() for _ in range(int(name[-1]))])))
        elif name in ("LIST", "EMPTY_LIST"):
            stack.append(items if name == "LIST" else [])
        elif name in ("DICT", "EMPTY_DICT"):
            unfinished = {}
            stack.append(unfinished)
            if name == "DICT":
                _fill(unfinished, items, unfinished)
        elif name in ("APPEND", "APPENDS"):
            if type(stack[-1]) is not list:
                raise BadFileError("appends to what is no list")
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            if not isinstance(stack[-1], _LeftOut):
                _fill(stack[-1], items, unfinished)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            # Big data is not used twice; to remember it would keep every session in memory.
            kept = _LET_GO if _is_big(stack[-1]) else stack[-1]
            memo[len(memo) if name == "MEMOIZE" else argument] = kept
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if memo[argument] is _LET_GO:
                raise BadFileError("uses the same large data twice")
            stack.append(memo[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            wanted = (
                tuple(argument.split(" ", 1)) if name == "GLOBAL"
                else (stack.pop(), stack.pop())[::-1]
            )  # fmt: skip
            if not all(type(word) is str for word in wanted) or wanted not in _CONSTRUCTORS:
                raise _unsafe(".".join(map(str, wanted)))
            stack.append(_CONSTRUCTORS[wanted])
        elif name == "REDUCE":
            arguments = stack.pop()
            # The only functions that can be on the stack are our own constructors.
            if not isinstance(stack[-1], FunctionType) or type(arguments) is not tuple:
                raise _unsafe("a call of something that is no constructor of arrays")
            stack[-1] = stack[-1](*arguments)
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], _Array | _DType):
                raise _unsafe("a change of something that is no array")
            stack[-1].build(state)
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise _unsafe(f"the instruction {name}" + (f" ({argument})" if argument else ""))

    top = stack.pop()
    if not isinstance(top, _Array) or type(top.value) is not list:
        raise BadFileError("holds no array of dicts, one a session")
    if [id(item) for item in top.value] != [id(item) for item in finished]:
        raise BadFileError("holds other things than one dict a session")


def _is_big(value: Any) -> bool:
    """Whether this is the raw data of a big array, or the arguments that hold them."""
    parts = value if type(value) is tuple else (value,)
    return any(isinstance(part, bytes | bytearray | str) and len(part) > _MB for part in parts)


def _unsafe(what: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"asks for {what[:200]}, which is no part of an array; it was refused and nothing of it "
        "has run: get the file from its publisher"
    )


def _fill(target: Any, items: list, unfinished: dict | None) -> None:
    """Put keys and values into the session that is being read."""
    if unfinished is None or target is not unfinished or len(items) % 2:
        raise BadFileError("fills something that is no session")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) is not str:
            raise BadFileError("has a session with a key that is no text")
        unfinished[key] = value


def _plain(value: Any, key: str) -> Any:
    """A value of a session as an array, a number or text; None if it is none and not needed."""
    if key in ("ss", f"ss{PASSIVE}") and isinstance(value, _Array):
        return _ragged(value)
    if isinstance(value, _Array):
        value = value.value
    what = "neither array, number nor text"
    if isinstance(value, list):
        # Short words only: an array of text is as wide as its longest.
        if all(isinstance(v, str | int | float) for v in value) and not any(
            len(v) > _MOST_CHARACTERS for v in value if isinstance(v, str)
        ):
            value = np.array(value)
        else:
            what = "neither numbers nor text"
    simple = isinstance(value, np.ndarray | np.generic | str | int | float)
    # An integer that fits no numpy type would become an object.
    if simple and np.asarray(value).dtype.kind in "biufUS":
        return value
    if key not in KEYS:
        return None
    raise BadFileError(f"has a {key[:50]!r} that is {what}")


def _ragged(value: _Array) -> np.ndarray | None:
    """The spike times of each neuron in each trial, an array (neurons, trials) of arrays."""
    if not isinstance(value.value, list) or len(value.shape) != 2:
        return None
    trains = np.empty(len(value.value), dtype=object)
    for position, train in enumerate(value.value):
        times = np.asarray(train.value if isinstance(train, _Array) else train)
        if times.dtype.kind not in "iuf":
            if times.size:
                return None
            times = np.zeros(0)
        trains[position] = times.reshape(-1)
    return trains.reshape(value.shape)
