"""What runs inside a graded notebook's kernel, around the student's cells.

It keeps honest mistakes from spoiling a grade: whatever a notebook changes in the package is undone
before each check, and a line that fails does not take those below it along. It is no wall against a
student who reads this file; see docs/grading.md.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from IPython.core.error import UsageError

from nma_seq2seq.course.grading.opening import printable

_PACKAGE = "nma_seq2seq"
_HOME = str(Path(__file__).parents[2])
_STUDENT = f"{_PACKAGE}.exercises.student"
# What checks rely on outside the package, by the modules' own names.
_RELIED_ON = ("numpy", "pandas", "torch", "builtins", "math", "inspect", "copy")
_SET_BY_JUPYTER = {"input", "print", "open", "display", "get_ipython", "exit", "quit"}
# Names in an answer's code that lead to the course's own answers.
_LEADING = {"reference", "exercises", "EXERCISES", "exercises_of"}
_INSTALL = re.compile(
    r"\b(pip3?|uv|(?:micro)?mamba|conda|apt|apt-get)\b.*"
    r"\b(install|uninstall|remove|add|sync|update|upgrade)\b",
    re.DOTALL,
)
_SHELLS = ("bash", "sh", "script", "cmd")  # cell magics: what they run is not in their command
_COURSE_ITSELF = "nma-seq2seq @ git"  # installed by the course's own first cell
_LONGEST = 600  # characters of a message
_TRIES = 3  # lines of a cell that are no Python

_as_loaded: dict[tuple[int, str], tuple[Any, str, Any, Any]] = {}
_remembered: set[int] = set()


async def run_cells(
    kernel: Any, cells: list[tuple[int, str, bool]], send: Callable[[dict[str, Any]], None]
) -> None:
    """Run cells one after the other, and say what happens.

    A line that fails does not take those below it along; in a cell without exercises, nor do a few
    lines that are no Python.

    Parameters
    ----------
    kernel : IPython's kernel
    cells : list of (index, source, whether an exercise is in it)
    send : function of a dict
        Called with `cell` (the index of the one that begins), `exercise` and its verdict, `failed`
        with the first error of a cell, `note`, or at last `end`.
    """
    shell, execute = kernel.shell, kernel.do_execute
    loaded = _observer(send)
    loaded()
    results: list[Any] = []
    shell.events.register("post_run_cell", results.append)
    failures = _go_on_after_errors(shell, loaded)
    _leave_out_installs(shell, send)
    _stay(shell, send)
    for index, source, has_exercise in cells:
        send({"cell": index})
        if "exercise" in source and (changed := sorted(set(_restore()))):
            names = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
            send({"note": f"changes {names}; that was undone before the next check"})
        failures.clear()
        results.clear()
        runnable = source if has_exercise else _without_broken_lines(shell, source, failures)
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await execute(runnable, False)
        if results and (error := results[-1].error_before_exec):
            failures.append(_Failure(error, getattr(error, "lineno", None) or 0))
        if first := next((one for one in failures if one.error is not None), None):
            send(_said(first, source, went_on=first is not failures[-1]))
        await asyncio.sleep(0)  # what the notebook has put off gets its turn
    send({"end": True})


def _observer(send: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
    """What to call after modules may have been loaded: they are remembered, and checks report."""
    observed: set[Any] = set()
    reported: set[tuple[str, ...]] = set()

    def report(number: str, result: Any, answer: Any) -> None:
        verdict = result.status, _short(result.symptom), _short(result.cause)
        if _is_the_course_s(answer):
            verdict = "not yet", "this is the course's own answer, taken over", ""
            send({"note": f"gives exercise {number} the course's own answer, which does not count"})
        if (number, *verdict) in reported:  # a loop must not fill the room there is for verdicts
            return
        reported.add((number, *verdict))
        send({"exercise": number, "verdict": verdict})
        if found := sorted(_LEADING & set(_names_in(getattr(answer, "__code__", None)))):
            send({"note": f"the answer to {number} uses `{found[0]}`, which leads to the course's"})

    def loaded() -> None:
        student: Any = None
        with contextlib.suppress(Exception):  # a notebook has hidden or broken the package
            student = importlib.import_module(_STUDENT)  # another one where it was loaded anew
        _remember()
        if hasattr(student, "observe") and student.observe not in observed:
            observed.add(student.observe)
            student.observe(report)

    return loaded


def _short(text: str) -> str:
    return printable(text[:_LONGEST])


@dataclass
class _Failure:
    """What went wrong in a part of a cell, if anything did, and in which line; 0 for none."""

    error: BaseException | None = None
    line: int = 0


def _go_on_after_errors(shell: Any, loaded: Callable[[], None]) -> list[_Failure]:
    """Run the statements of a cell below one that fails as if that one were not there.

    Before each statement `loaded` is called, so that what one loads is known before the next can
    change it.

    Returns
    -------
    list
        To be cleared before each cell: one for each statement that was begun.
    """
    run_code = shell.run_code
    failures: list[_Failure] = []

    @functools.wraps(run_code)
    async def run_on(code: CodeType, result: Any = None, **options: Any) -> bool:
        loaded()
        failures.append(failure := _Failure())
        if not await run_code(code, result, **options) or result is None:
            return False
        error = result.error_in_exec
        if isinstance(error, _LeftOut):
            result.error_in_exec = None
            return False
        failure.error, failure.line = error, _line_of(error, code.co_filename)
        # Whoever ends a cell on purpose does not want what stands below.
        return isinstance(error, (SystemExit, KeyboardInterrupt))

    shell.run_code = run_on
    return failures


def _line_of(error: BaseException, file: str) -> int:
    steps = traceback.walk_tb(error.__traceback__)
    return next((line for frame, line in steps if frame.f_code.co_filename == file), 0)


def _without_broken_lines(shell: Any, source: str, failures: list[_Failure]) -> str:
    """A cell without lines that are no Python, and for which none of it would be run."""
    lines = source.split("\n")
    for _ in range(_TRIES):
        failure = _broken(shell, "\n".join(lines))
        if not 0 < failure.line <= len(lines) or lines[failure.line - 1].strip() == "pass":
            break
        failures.append(failure)
        line = lines[failure.line - 1]
        lines[failure.line - 1] = line[: len(line) - len(line.lstrip())] + "pass"
    return "\n".join(lines)


def _broken(shell: Any, source: str) -> _Failure:
    """The first line that is no Python, or a magic of cells that is not known here."""
    begins = source.lstrip()
    magic = re.match(r"%%(\w+)", begins)
    if magic and shell.find_cell_magic(magic[1]) is None:
        missing = UsageError(f"Cell magic `%%{magic[1]}` not found.")
        return _Failure(missing, source[: len(source) - len(begins)].count("\n") + 1)
    try:
        ast.parse(shell.transform_cell(source))
    except SyntaxError as error:
        return _Failure(error, error.lineno or 0)
    except Exception:  # such as a null byte, or brackets without end: running it will say so
        pass
    return _Failure()


def _said(failure: _Failure, source: str, went_on: bool) -> dict[str, Any]:
    error, lines = failure.error, source.split("\n")
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    text = f"{type(error).__name__}: {' '.join(text[:_LONGEST].split())}"[:300].removesuffix(": ")
    is_known = 0 < failure.line <= len(lines)
    quoted = f" in `{lines[failure.line - 1].strip()[:60]}`" if is_known else ""
    rest = "; what stands below was run without it" if went_on else ""
    return {
        "failed": _short(f"raises {text}{quoted}{rest}"),
        "error": _short(text),
        "name": _short(getattr(error, "name", None) or ""),
    }


class _LeftOut(Exception):
    """A command that was not started; what stands below it is not the worse for it."""


def _leave_out_installs(shell: Any, send: Callable[[dict[str, Any]], None]) -> None:
    """What a student installs would be the instructor's environment: no such command is started."""

    def check(command: str) -> None:
        if _INSTALL.search(command):
            if _COURSE_ITSELF not in command:
                send({"note": "installs something; that was left out"})
            raise _LeftOut("installs are left out")

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if event in ("os.system", "subprocess.Popen"):
            command = given[0] if event == "os.system" else given[1]
            parts = command if isinstance(command, (list, tuple)) else [command]
            check(" ".join(map(os.fsdecode, parts)))

    def run_cell_magic(name: str, line: str, cell: str) -> Any:
        if name in _SHELLS:
            check(cell)
        return plain(name, line, cell)

    plain, shell.run_cell_magic = shell.run_cell_magic, run_cell_magic
    shell.system = shell.system_raw  # by way of `subprocess`
    sys.addaudithook(heard)


def _stay(shell: Any, send: Callable[[dict[str, Any]], None]) -> None:
    """`exit()` and a shutdown would end the kernel a moment later, in a race with the next cell."""
    shell.unobserve_all("exit_now")

    def asked(change: Any) -> None:
        if change["new"]:
            send({"note": "asks Python to end; it was kept for the cells below"})
            shell.exit_now = False

    shell.observe(asked, "exit_now")


# ---------------------------------------------------------------------- whose answer it is


def _is_the_course_s(answer: Any) -> bool:
    """Whether an answer's code is the package's own, such as the reference taken over."""
    while isinstance(answer, functools.partial):
        answer = answer.func
    answer = inspect.unwrap(answer) if callable(answer) else answer
    if inspect.isclass(answer):
        return answer.__module__.partition(".")[0] == _PACKAGE
    code = getattr(getattr(answer, "__func__", answer), "__code__", None)
    return code is not None and code.co_filename.startswith(_HOME)


def _names_in(code: Any) -> Iterator[str]:
    if isinstance(code, CodeType):
        yield from code.co_names
        for constant in code.co_consts:
            yield from _names_in(constant)


# ---------------------------------------------------------------------- the package as it was


def _parts(module_name: str, module: ModuleType) -> Iterator[tuple[str, Any, str, Any]]:
    """Name, owner, attribute and value of what checks rely on in a module and below it."""
    is_own = module_name.startswith(f"{_PACKAGE}.")
    for attribute, value in list(vars(module).items()):
        if attribute.startswith("__" if is_own else "_") or attribute == "_":
            continue
        if not is_own and attribute in _SET_BY_JUPYTER:
            continue
        yield f"{module_name}.{attribute}", module, attribute, value
        if is_own and isinstance(value, type) and value.__module__ == module_name:
            for name, member in list(vars(value).items()):
                yield f"{module_name}.{attribute}.{name}", value, name, member


def _code(value: Any) -> Any:
    if not isinstance(value, FunctionType):
        return None
    return value.__code__, value.__defaults__, value.__kwdefaults__


def _remember() -> None:
    """Add what checks rely on of the modules that are not remembered yet."""
    for module_name, module in list(sys.modules.items()):
        is_relied_on = module_name.startswith(f"{_PACKAGE}.") or module_name in _RELIED_ON
        if not is_relied_on or module is None or id(module) in _remembered:
            continue
        if module_name == __name__:
            continue
        _remembered.add(id(module))
        for name, owner, attribute, value in _parts(module_name, module):
            if callable(value) or isinstance(value, (property, classmethod, staticmethod)):
                _as_loaded.setdefault((id(owner), attribute), (owner, name, value, _code(value)))


def _restore() -> Iterator[str]:
    for (_, attribute), (owner, name, value, code) in _as_loaded.items():
        found = vars(owner).get(attribute)
        if found is not value and not _is_wrapped_by_its_library(found, value, name):
            yield name
            setattr(owner, attribute, value)
        if _code(value) != code:
            yield name
            value.__code__, value.__defaults__, value.__kwdefaults__ = code
    # The package itself looks its names up in their modules, unless a notebook has put one there.
    package = sys.modules.get(_PACKAGE)
    for name in getattr(package, "__all__", ()):
        if name in vars(package) and not _is_as_looked_up(package, name):
            yield f"{_PACKAGE}.{name}"
            delattr(package, name)


def _is_wrapped_by_its_library(found: Any, value: Any, name: str) -> bool:
    """As torch does with `manual_seed` once an optimizer is made."""
    home = getattr(found, "__globals__", {}).get("__name__", "")
    return home.partition(".")[0] == name.partition(".")[0] and inspect.unwrap(found) is value


def _is_as_looked_up(package: Any, name: str) -> bool:
    value = vars(package)[name]
    return isinstance(value, ModuleType) or value is package.__getattr__(name)
