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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import FunctionType
from typing import IO, Any, Literal, cast

import numpy as np

from nma_seq2seq.recordings.containers import (
    DAMAGE,
    BadFileError,
    UnsafeFileError,
    array_header,
)
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
        with ExitStack() as opened:
            member: IO[bytes] = opened.enter_context(path.open("rb"))
            size = path.stat().st_size
            if zipfile.is_zipfile(path):
                archive = opened.enter_context(zipfile.ZipFile(path))
                member = opened.enter_context(archive.open("dat.npy"))
                size = archive.getinfo("dat.npy").file_size
            shape, _, dtype = array_header(member)
            n_sessions, n_read = math.prod(shape), 0
            if dtype.kind != "O" or len(shape) > 1 or not n_sessions:
                raise BadFileError(
                    f"has a 'dat' of shape {shape} and type {dtype}; it must be an array of one "
                    "dict a session"
                )
            for dat in _sessions(_Member(member, size), passive):
                yield dat
                dat.clear()
                n_read += 1
            if n_read != n_sessions:
                raise BadFileError(f"announces {n_sessions} sessions, not {n_read}")
            # Only at its end does zipfile compare the checksum.
            if member.read(1):
                raise BadFileError("goes on after the end of its data")
    except BadFileError as problem:
        raise type(problem)(f"{path.name} {problem}") from None
    except (
        *DAMAGE, struct.error, TypeError, ArithmeticError, AttributeError, RuntimeError,
    ) as problem:  # fmt: skip
        raise BadFileError(
            f"{path.name} is damaged or no .npz file of the summer school's format ({problem}); "
            "download it again"
        ) from None


class _Member:
    """What `genops` reads from: in bounded pieces, and at most to the end that is announced."""

    def __init__(self, member: IO[bytes], size: int):
        self._member, self._size, self.tell = member, size, member.tell

    def read(self, n: int) -> bytearray:
        left = self._size - self.tell()
        if not 0 <= n <= min(left, _MOST_BYTES_A_SESSION):
            raise ValueError(f"{n} bytes are announced where {left} are left")
        data = bytearray(n)
        unfilled = memoryview(data)
        while unfilled:
            # zipfile would read as many compressed bytes ahead as it is asked for.
            piece = self._member.read(min(len(unfilled), _MB // 4))
            if not piece:
                raise EOFError("it ends too early")
            unfilled[: len(piece)] = piece
            unfilled = unfilled[len(piece) :]
        return data

    def readline(self) -> bytes:
        return self._member.readline(min(self._size - self.tell(), _MOST_BYTES_A_SESSION))


# ---------------------------------------------------------------------- what a file may make


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

    def values(
        self, data: bytes | bytearray, shape: tuple[int, ...], order: Literal["C", "F"] = "C"
    ) -> np.ndarray:
        dtype = np.dtype(self.code).newbyteorder(self.order)
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

    def __init__(self, value: Any = None):
        self.value = value
        self.shape: tuple[int, ...] = ()

    def build(self, state: tuple) -> None:
        _, shape, dtype, fortran, data = state
        if not dtype.code.startswith("O"):
            self.value = dtype.values(data, shape, "F" if fortran else "C")
        elif type(data) is not list or _size(shape) != len(data):
            raise ValueError(f"an array of objects has not the shape {shape}")
        else:
            self.value, self.shape = data, shape


def _size(shape: tuple[int, ...]) -> int:
    """How many values a shape has; in Python's integers, which do not overflow."""
    if type(shape) is not tuple or len(shape) > 32:
        raise ValueError("an array has no proper shape")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array has the shape {shape}")
    return math.prod(shape)


def _ndarray(*_: Any) -> None:
    raise UnsafeFileError("calls numpy.ndarray, which its format does not need")


def _reconstruct(kind: Any, shape: tuple, code: Any) -> _Array:
    if kind is not _ndarray:
        raise UnsafeFileError("asks for an array that is not numpy's own")
    return _Array()


def _frombuffer(
    data: Any, dtype: _DType, shape: tuple, order: Literal["C", "F"], axes: Any = None
) -> _Array:
    if order not in ("C", "F"):
        raise ValueError(f"an array has the order {order!r}")
    return _Array(dtype.values(data, shape, order))


def _encode(text: str, encoding: str = "latin1") -> bytes:
    # How pickles of the older protocols write bytes.
    if encoding not in ("latin1", "latin-1"):
        raise UnsafeFileError(f"asks for the encoding {encoding!r}")
    return text.encode("latin1")


# numpy 2 renamed its inner modules, Python 3 its builtins.
_CONSTRUCTORS: dict[tuple[str, str], Callable] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): lambda *arguments: _DType(*arguments),
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): lambda: b"",
    ("builtins", "bytes"): lambda: b"",
}
for _core in ("numpy.core", "numpy._core"):
    _CONSTRUCTORS |= {
        (f"{_core}.multiarray", "_reconstruct"): _reconstruct,
        (f"{_core}.multiarray", "scalar"): lambda dtype, data: dtype.values(data, ())[()],
        (f"{_core}.numeric", "_frombuffer"): _frombuffer,
    }


# ---------------------------------------------------------------------- the instructions

# Those that put their own argument on the stack, or a constant.
_PLAIN = {
    "INT", "LONG", "FLOAT", "UNICODE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
# How many things others take from the top of the stack; or all down to the last mark.
_TAKES = {
    "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "APPEND": 1, "SETITEM": 2, "STACK_GLOBAL": 2,
    "REDUCE": 1, "BUILD": 1,
}  # fmt: skip
_TAKE_ALL = {"TUPLE", "LIST", "DICT", "APPENDS", "SETITEMS"}
_DICTS = {"DICT", "EMPTY_DICT"}
_LET_GO = object()  # stands for big data that have been used
_LEFT_OUT = object()  # stands for a dict inside a session, which holds nothing that is needed


def _sessions(member: _Member, passive: bool) -> Iterator[dict[str, Any]]:
    """Do a pickle's instructions; yield each session once it is complete."""
    stack: list[Any] = []
    marked: list[list[Any]] = []  # the stacks below each mark
    memo: dict[int, Any] = {}
    unfinished: dict | None = None
    finished: list[dict] = []
    start = 0

    argument: Any
    instructions = pickletools.genops(cast(IO[bytes], member))
    for n_done, (opcode, argument, position) in enumerate(instructions):
        if n_done > _MOST_OPCODES or (position or 0) - start > _MOST_BYTES_A_SESSION:
            raise BadFileError("holds far more than a session does")
        name = opcode.name
        if name in _TAKE_ALL:
            items, stack = stack, marked.pop()
        else:
            items = [stack.pop() for _ in range(_TAKES.get(name, 0))][::-1]

        if unfinished is not None and (name in _DICTS or name == "STOP"):
            # A session is complete when the next one begins, or the data end. While it is being
            # filled, something lies above it; a dict that begins then is a value in it.
            if any(item is unfinished for item in chain(*marked, stack[:-1])):
                if name == "STOP":
                    raise BadFileError("ends within a session")
                stack.append(_LEFT_OUT)
                continue
            yield _known(unfinished, passive)
            for value in unfinished.values():
                if isinstance(value, _Array) and getattr(value.value, "nbytes", 0) > _MB:
                    value.value = _LET_GO
            unfinished.clear()
            finished.append(unfinished)
            unfinished, start = None, position or 0

        if name == "MARK":
            marked.append(stack)
            stack = []
        elif name in _PLAIN:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("TUPLE", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(items))
        elif name in ("LIST", "EMPTY_LIST"):
            stack.append(items)
        elif name in _DICTS:
            unfinished = {}
            stack.append(unfinished)
            _fill(unfinished, items)
        elif name in ("APPEND", "APPENDS"):
            if type(stack[-1]) is not list:
                raise BadFileError("appends to what is no list")
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            if stack[-1] is not _LEFT_OUT:
                if unfinished is None or stack[-1] is not unfinished:
                    raise BadFileError("fills something that is no session")
                _fill(unfinished, items)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            # Big data is not used twice; to remember it would keep every session in memory.
            kept = _LET_GO if _is_big(stack[-1]) else stack[-1]
            memo[len(memo) if name == "MEMOIZE" else argument] = kept
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if memo[argument] is _LET_GO:
                raise BadFileError("uses the same large data twice")
            stack.append(memo[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            words = items or argument.split(" ", 1)
            if not all(type(word) is str for word in words):
                raise _unsafe("something whose name is no text")
            if tuple(words) not in _CONSTRUCTORS:
                raise _unsafe(".".join(words))
            stack.append(_CONSTRUCTORS[tuple(words)])
        elif name == "REDUCE":
            # The only functions that can be on the stack are our own constructors.
            if not isinstance(stack[-1], FunctionType) or type(items[0]) is not tuple:
                raise _unsafe("a call of something that is no constructor of arrays")
            stack[-1] = stack[-1](*items[0])
        elif name == "BUILD":
            if not isinstance(stack[-1], _Array | _DType):
                raise _unsafe("a change of something that is no array")
            stack[-1].build(items[0])
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


def _fill(session: dict[str, Any], items: list) -> None:
    """Put keys and values, one after the other, into the session that is being read."""
    if len(items) % 2:
        raise BadFileError("fills something that is no session")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if type(key) is not str:
            raise BadFileError("has a session with a key that is no text")
        session[key] = value


# ---------------------------------------------------------------------- what a session needs


def _known(session: dict[str, Any], passive: bool) -> dict[str, Any]:
    """The values of a session that are arrays, numbers or text; what is needed must be."""
    kept = {key: session[key] for key in session if passive or not key.endswith(PASSIVE)}
    values = {key: _plain(value, key) for key, value in kept.items()}
    return {key: value for key, value in values.items() if value is not None}


def _plain(value: Any, key: str) -> Any:
    """A value as an array, a number or text; None if it is none and not needed."""
    if isinstance(value, _Array):
        if key in ("ss", f"ss{PASSIVE}"):
            return _ragged(value)
        value = value.value
    what = "neither array, number nor text"
    if isinstance(value, list):
        # Short words only: an array of text is as wide as its longest.
        if all(isinstance(v, int | float) or _is_short_text(v) for v in value):
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


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS


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
