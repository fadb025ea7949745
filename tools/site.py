"""The course's notebooks as pages of its website; `make site` builds it from docs/.

Nothing is executed: outputs are those of the built notebooks. An exercise becomes two cells, the
blank one of the tutorial and, folded below it, the answer.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from nma_seq2seq.exercises import exercises_of, notebooks
from tools.handouts import handout

FIGURE_TAG = "real-mouse"  # on cells whose figure stands on the page of the real mouse
_PNG = "image/png"


def prepare(root: Path) -> None:
    """Write docs/notebooks/, handouts/ and generated/ from the notebooks that are built.

    Raises
    ------
    FileNotFoundError
        If a solution has no tutorial beside it, or there is none at all.
    """
    pages, figures = root / "docs" / "notebooks", root / "docs" / "generated"
    handouts = root / "docs" / "handouts"
    for folder in (pages, figures, handouts):
        folder.mkdir(exist_ok=True)
    solutions = sorted((root / "solutions").glob("[0-9][0-9]_*.ipynb"))
    if not solutions:
        raise FileNotFoundError(f"no built notebooks in {root / 'solutions'}; run make build")
    for path in solutions:
        solution = nbformat.read(path, as_version=4)
        tutorial = nbformat.read(root / "tutorials" / path.name, as_version=4)
        main = tagged_figures(solution, path.stem[:2])
        for name, figure in main.items():
            (figures / f"{name}.png").write_bytes(figure.png)
        alts = {name: figure.alt for name, figure in main.items()}
        text = handout(solution, int(path.stem[:2]), alts)
        (handouts / f"{path.stem}.md").write_text(text, encoding="utf-8")
        nbformat.write(page(solution, tutorial), pages / path.name)
    (figures / "stuck.md").write_text(known_mistakes(), encoding="utf-8")


def known_mistakes() -> str:
    """For instructors: each exercise with its first hint and the mistakes that its check knows."""
    lines = []
    for notebook in sorted(notebooks()):
        lines += [f"## Notebook {notebook}", ""]
        for task in exercises_of(notebook):
            lines += [f"### {task.number} {task.title}", "", f"*{task.hints[0]}*", ""]
            lines += [f"- {sentence}" for sentence in task.mistakes]
            lines.append("")
    return "\n".join(lines)


def page(solution: NotebookNode, tutorial: NotebookNode) -> NotebookNode:
    """One notebook as a reader wants it."""
    blank = {cell.id: cell for cell in tutorial.cells}
    cells = []
    for cell in solution.cells:
        if cell.id == "install":
            continue
        if cell.cell_type == "markdown":
            cell.source = _folded(cell.source)
        elif blank[cell.id].source != cell.source:
            exercise = blank[cell.id]
            exercise.id = f"{cell.id}-blank"
            cells.append(exercise)
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata["mystnb"] = {"code_prompt_show": "Show one right answer"}
        if cell.cell_type == "code":
            _describe(cell)
        cells.append(cell)
    solution.cells = cells
    return solution


def _folded(text: str) -> str:
    """HTML's details as a directive, so that what is folded is markdown with its formulas."""
    return re.sub(
        r"<details><summary>(?:<b>)?(.*?)(?:</b>(.*?))?</summary>\s*\n(.*?)\n\s*</details>",
        lambda m: f"::::{{dropdown}} {m[1]}{m[2] or ''}\n{m[3].strip()}\n::::",
        text,
        flags=re.DOTALL,
    )


def _describe(cell: NotebookNode) -> None:
    """Hand an image's description on to where the page generator looks for it."""
    for output in cell.outputs:
        if alt := output.get("metadata", {}).get(_PNG, {}).get("alt"):
            cell.metadata.setdefault("mystnb", {})["image"] = {"alt": alt}


class Figure(NamedTuple):
    """A picture and what it shows, in words."""

    png: bytes
    alt: str


def tagged_figures(notebook: NotebookNode, number: str) -> dict[str, Figure]:
    """The figures of the tagged cells: "05_1" -> figure, numbered in their order."""
    found = _figures(cell for cell in notebook.cells if FIGURE_TAG in cell.metadata.get("tags", []))
    return {f"{number}_{k}": figure for k, figure in enumerate(found, start=1)}


def _figures(cells: Iterator[NotebookNode]) -> Iterator[Figure]:
    for cell in cells:
        for output in cell.get("outputs", []):
            if _PNG in output.get("data", {}):
                alt = output.get("metadata", {}).get(_PNG, {}).get("alt", "")
                yield Figure(base64.b64decode(output.data[_PNG]), alt)
