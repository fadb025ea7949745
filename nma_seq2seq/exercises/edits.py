"""Known mistakes, said as edits of the right answer's source."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from pathlib import Path
from typing import Any

# One edit, or several made one after the other; see `edited`.
Edit = str | tuple[str, ...]


def read_mistakes(module: str) -> dict[str, dict[str, list[Edit]]]:
    """Number of an exercise -> sentence -> edits, from mistakes/nNN_name.txt beside a module.

    Parameters
    ----------
    module : str
        The file of nNN_name.py.
    """
    file = Path(module).parent / "mistakes" / f"{Path(module).stem}.txt"
    found: dict[str, dict[str, list[Edit]]] = {}
    mistakes: dict[str, list[Edit]] = {}
    edits: list[Edit] = []
    for line in file.read_text(encoding="utf-8").partition("\n== ")[2].splitlines():
        if line.startswith("    "):
            steps = line.removeprefix("    ").replace("\\n", "\n").split(" ;; ")
            edits.append(tuple(steps) if len(steps) > 1 else steps[0])
        elif line.startswith("== ") or not found:
            mistakes = found.setdefault(line.removeprefix("== ").split()[0], {})
        elif line:
            edits = mistakes.setdefault(line, [])
    return found


@functools.cache
def source_of(answer: Any) -> str:
    """The source of a function or class, not indented."""
    return textwrap.dedent(inspect.getsource(answer)).rstrip() + "\n"


@functools.cache
def edited(answer: Any, edit: Edit) -> Any:
    """A function or class whose source has been edited, in the module of the one given.

    Parameters
    ----------
    answer : function or class
        Of a module's own level.
    edit : str or tuple of str
        "old -> new", where old stands in the source exactly once; "-> new" for another body;
        "return new" for another last return; or several of these, each made in what the one before
        has left.

    Raises
    ------
    ValueError
        If the old text is not there, or more than once.
    """
    source = source_of(answer)
    for step in (edit,) if isinstance(edit, str) else edit:
        source = _edited(source, step)
    space = dict(vars(sys.modules[answer.__module__]))
    exec(compile(source, f"<{answer.__name__}, edited>", "exec"), space)
    return space[answer.__name__]


def _edited(source: str, step: str) -> str:
    if step.startswith("-> "):
        first = ast.parse(source).body[0].body[0]  # type: ignore[attr-defined]  # it is a def
        head = "".join(source.splitlines(keepends=True)[: first.lineno - 1])
        return head + textwrap.indent(step.removeprefix("-> "), "    ") + "\n"
    if step.startswith("return ") and " -> " not in step:
        return source[: source.rindex("return ")] + step + "\n"
    old, _, new = step.removesuffix(" ->").partition(" -> ")
    if source.count(old) != 1:
        raise ValueError(f"{old!r} stands {source.count(old)} times, not once, in:\n{source}")
    return source.replace(old, new)
