"""The reference answers from a notebook's source: solutions/NN_name.py -> answers/nNN_name.py."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from nma_seq2seq.files import whole_file

FOLDER = Path("nma_seq2seq/exercises/answers")
_MARKER = re.compile(r"\s*### (BEGIN|END) SOLUTION")
_Definition = ast.FunctionDef | ast.ClassDef


def answers_file(path: Path) -> Path:
    """Where the answers of a source stand: in the package beside its folder."""
    return path.parent.parent / FOLDER / f"n{path.stem}.py"


def answers_of(path: Path) -> str:
    """A module with the answers of a source's exercises, and what they need of the notebook.

    That is: imports, and functions of the notebook that an answer calls. Docstrings stay in the
    source, where the student reads them.
    """
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    defined = [node for node in tree.body if isinstance(node, _Definition)]
    kept = [node for node in defined if _is_exercise(node)]
    names = set().union(*map(_names, kept))
    for node in reversed(defined):
        if node.name in names and node not in kept:
            kept.append(node)
            names |= _names(node)
    parts = [
        f'"""The answers of solutions/{path.name}, from which the build makes this file."""',
        *_imports(tree, names),
        *(_without_docstrings(text, node) for node in sorted(kept, key=lambda n: n.lineno)),
    ]
    return _formatted("\n\n\n".join(parts) + "\n", path.name)


def write_answers(path: Path) -> None:
    """Bring the answers of a source up to date, where the package stands beside its folder."""
    if answers_are_stale(path):
        with whole_file(answers_file(path)) as temporary:
            temporary.write_text(answers_of(path), encoding="utf-8")


def answers_are_stale(path: Path) -> bool:
    """Whether the answers in the package are not those of the source."""
    file = answers_file(path)
    if not file.parent.exists():
        return False
    return not file.exists() or file.read_text(encoding="utf-8") != answers_of(path)


def _is_exercise(node: _Definition) -> bool:
    return any("exercise(" in ast.unparse(decorator) for decorator in node.decorator_list)


def _names(node: _Definition) -> set[str]:
    """What the definition uses; its decorators are the notebook's affair."""
    parts = [*getattr(node, "bases", []), *node.body]
    return {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}


def _imports(tree: ast.Module, names: set[str]) -> list[str]:
    found = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [a for a in node.names if (a.asname or a.name.split(".")[0]) in names]
            found += [ast.unparse(node)] if node.names else []
    return ["\n".join(found)]


def _without_docstrings(text: str, node: _Definition) -> str:
    left_out = set()
    for part in ast.walk(node):
        if isinstance(part, _Definition) and ast.get_docstring(part) is not None:
            docstring = part.body[0]
            left_out.update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    lines = enumerate(text.splitlines()[: node.end_lineno], start=1)
    return "\n".join(
        line
        for number, line in lines
        if number >= node.lineno and number not in left_out and not _MARKER.match(line)
    )


def _formatted(code: str, name: str) -> str:
    for step in (["check", "--quiet", "--select=I", "--fix"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *step, "--stdin-filename", f"answers/{name}", "-"]
        code = subprocess.run(
            command, input=code, capture_output=True, text=True, check=True, encoding="utf-8"
        ).stdout
    return code
