"""What runs inside a graded notebook's kernel, around the student's cells.

It keeps honest mistakes from spoiling a grade: whatever a notebook changes in the package is undone
before each check. It is no wall against a student who reads this file; see docs/grading.md.
"""

from __future__ import annotations

import builtins
import importlib
import json
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from types import FunctionType
from typing import Any

from nma_seq2seq.course.memory import peak_mb

_PACKAGE = "nma_seq2seq"
_journal = ""
_as_loaded: dict[tuple[int, str], tuple[Any, str, Any, Any]] = {}


def begin(journal: str, memory_mb: int, seconds: int, file_mb: int) -> None:
    """Set the kernel's limits and remember the package as it is.

    Parameters
    ----------
    journal : str
        The file that results go to, a line of JSON each.
    memory_mb : int
        Of address space for data; asking for more is a MemoryError.
    seconds : int
        Of processor time.
    file_mb : int
        The largest file that may be written.
    """
    global _journal
    _journal = journal
    # The cells after this find it here, whatever becomes of sys.modules.
    builtins._nma_seq2seq_grading = sys.modules[__name__]
    importlib.import_module(f"{_PACKAGE}.exercises")
    _remember()
    sys.meta_path.insert(0, _Watch())
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits; the time limit holds there too
        return
    for name, most, grace in (
        ("RLIMIT_DATA", memory_mb * 2**20, 0),
        ("RLIMIT_CPU", seconds, 5),  # at the lower of two, the signal says what it was
        ("RLIMIT_FSIZE", file_mb * 2**20, 0),
        ("RLIMIT_CORE", 0, 0),
    ):
        limit = getattr(resource, name)
        allowed = resource.getrlimit(limit)[1]
        if allowed == resource.RLIM_INFINITY or most + grace <= allowed:
            resource.setrlimit(limit, (most, most + grace))


class _Watch:
    """Remembers each further module of the package when it is loaded, before it can be changed."""

    @staticmethod
    def find_spec(name: str, path: Any, target: Any = None) -> Any:
        """The module's own spec, with a loader that remembers."""
        spec = PathFinder.find_spec(name, path) if name.startswith(f"{_PACKAGE}.") else None
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_remember(module: Any) -> None:
                load(module)
                _remember()

            spec.loader.exec_module = load_and_remember
        return spec


def before(numbers: list[str]) -> None:
    """Undo what the notebook changed in the package, and forget results of these exercises."""
    if changed := sorted(set(_restore())):
        _write({"note": f"changes {', '.join(changed)}; that was undone before the next check"})
    for number in numbers:
        _results().pop(number, None)


def after(numbers: list[str]) -> None:
    """Write down what the checks of a cell found."""
    for number in numbers:
        if number in _results():
            result = _results()[number]
            _write({"exercise": number, "status": result.status, "message": result.message})


def _results() -> dict[str, Any]:
    """What the checks found so far, in the module that the notebook uses now."""
    module = sys.modules.get(f"{_PACKAGE}.exercises.student")
    return module._results if module is not None else {}


def end() -> None:
    """Write down the largest resident memory of the kernel, where the system knows it."""
    _write({"peak_mb": round(peak_mb())})


def write(journal: str, line: dict[str, Any]) -> None:
    """Add a line to a journal."""
    with open(journal, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _write(line: dict[str, Any]) -> None:
    write(_journal, line)


def _parts() -> Iterator[tuple[str, Any, str, Any]]:
    """Name, owner, attribute and value of all that the package's modules and classes hold."""
    for module_name, module in list(sys.modules.items()):
        if not module_name.startswith(f"{_PACKAGE}.") or module is None or module_name == __name__:
            continue
        for attribute, value in list(vars(module).items()):
            if attribute.startswith("__") or attribute == "_":
                continue
            yield f"{module_name}.{attribute}", module, attribute, value
            if isinstance(value, type) and value.__module__ == module_name:
                for name, member in list(vars(value).items()):
                    if isinstance(member, (FunctionType, property, classmethod, staticmethod)):
                        yield f"{module_name}.{attribute}.{name}", value, name, member


def _code(value: Any) -> Any:
    if not isinstance(value, FunctionType):
        return None
    return value.__code__, value.__defaults__, value.__kwdefaults__


def _remember() -> None:
    """Add what is not remembered yet."""
    for name, owner, attribute, value in _parts():
        if callable(value) or isinstance(value, (property, classmethod, staticmethod)):
            _as_loaded.setdefault((id(owner), attribute), (owner, name, value, _code(value)))


def _restore() -> Iterator[str]:
    for (_, attribute), (owner, name, value, code) in _as_loaded.items():
        if vars(owner).get(attribute) is not value:
            yield name
            setattr(owner, attribute, value)
        if _code(value) != code:
            yield name
            value.__code__, value.__defaults__, value.__kwdefaults__ = code
    # The names that a notebook uses are bound when they are first used, to what their modules have.
    package = sys.modules.get(_PACKAGE)
    for name in getattr(package, "__all__", ()):
        if name in vars(package):
            bound = vars(package)[name]
            if package._public(name) is not bound:  # which binds it anew
                yield f"{_PACKAGE}.{name}"
