"""Known mistakes, said as edits of the right answer's source."""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import sys
import textwrap
from typing import Any


@functools.cache
def source_of(answer: Any) -> str:
    """The source of a function or class, not indented."""
    return textwrap.dedent(inspect.getsource(answer)).rstrip() + "\n"


@functools.cache
def edited(answer: Any, edit: str) -> Any:
    r"""A function or class whose source has been edited, in the module of the one given.

    Parameters
    ----------
    answer : function or class
        Of a module's own level.
    edit : str
        "old -> new", where old stands in the source exactly once; "-> new" for another body;
        "return new" for another last return; or several of these with " ;; " between them, each
        made in what the one before has left. A new line is written \n.

    Raises
    ------
    ValueError
        If the old text is not there, or more than once.
    """
    source = source_of(answer)
    for step in edit.replace("\\n", "\n").split(" ;; "):
        source = _edited(source, step)
    space = dict(vars(sys.modules[answer.__module__]))
    exec(compile(source, f"<{answer.__name__}, edited>", "exec"), space)
    return space[answer.__name__]


def joined(answer: Any, one: str, other: str) -> str:
    """Two edits as one, in either order, or "" where they do not go together."""
    for both in (f"{one} ;; {other}", f"{other} ;; {one}"):
        if any(step.startswith("-> ") for step in both.split(" ;; ")):
            return ""
        with contextlib.suppress(ValueError, SyntaxError):
            edited(answer, both)
            return both
    return ""


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
