"""The website: what notebooks become on it, that links lead somewhere, that nothing is left out."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import nma_seq2seq as nma
from nma_seq2seq.exercises import exercises_of, notebooks
from tools.handouts import handout, sections
from tools.links import faults
from tools.real_mouse import files_of
from tools.site import known_mistakes, page, prepare, tagged_figures

DOCS = Path(__file__).parent.parent / "docs"
PNG = "iVBORw0KGgo="  # eight bytes of a PNG


def figure(alt: str = "") -> nbformat.NotebookNode:
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return new_output("display_data", data={"image/png": PNG}, metadata=metadata)


def pair() -> tuple[nbformat.NotebookNode, nbformat.NotebookNode]:
    cells = [
        new_markdown_cell(
            "# 5. Title\n\n<details><summary><b>Think:</b> why $x$?</summary>\n\nSo $y$.\n\n"
            "</details>\n\nOn.",
            id="title",
        ),
        new_code_cell("%pip install course", id="install"),
        new_code_cell("def f():\n    return 1", id="answer", outputs=[]),
        new_code_cell(
            "plot()",
            id="plot",
            outputs=[figure("A rising line.")],
            metadata={"tags": ["real-mouse"]},
        ),
        new_code_cell("other()", id="other", outputs=[figure()]),
    ]
    solution = new_notebook(cells=cells)
    tutorial = nbformat.reads(nbformat.writes(solution), as_version=4)
    tutorial.cells[2].source = "def f():\n    raise NotImplementedError"
    for cell in tutorial.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    return solution, tutorial


def test_an_exercise_shows_its_blank_and_folds_the_answer():
    cells = page(*pair()).cells
    blank, answer = cells[1:3]
    assert "NotImplementedError" in blank.source and not blank.metadata.get("tags")
    assert answer.source.endswith("return 1") and "hide-input" in answer.metadata["tags"]
    assert len({cell.id for cell in cells}) == len(cells)
    assert not any("pip install" in cell.source for cell in cells)


def test_what_is_folded_stays_markdown():
    text = page(*pair()).cells[0].source
    assert "::::{dropdown} Think: why $x$?\nSo $y$.\n::::" in text
    assert "details" not in text and text.endswith("On.")


def test_the_description_of_a_figure_is_handed_on():
    plot = page(*pair()).cells[3]
    assert plot.metadata["mystnb"]["image"]["alt"] == "A rising line."


def test_tagged_figures_are_numbered():
    found = tagged_figures(pair()[0], "05")
    assert list(found) == ["05_1"] and found["05_1"].alt == "A rising line."
    assert found["05_1"].png.startswith(b"\x89PNG")


def test_the_page_of_the_real_mouse_shows_the_files_that_its_tool_writes():
    """Their numbers do not depend on the recording, so the built notebooks have them too."""
    written = set()
    for path in sorted((DOCS.parent / "solutions").glob("*.ipynb")):
        written |= files_of(nbformat.read(path, as_version=4), path.stem[:2]).keys()
    shown = re.findall(r"real_mouse/(\w+\.(?:png|html))", (DOCS / "real_mouse.md").read_text())
    there = {path.name for path in (DOCS / "real_mouse").iterdir()}
    assert set(shown) == written == there


def test_what_pages_show_of_the_notebooks_is_made_of_them(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "solutions").mkdir()
    with pytest.raises(FileNotFoundError, match="no built notebooks in .*; run make build"):
        prepare(tmp_path)
    for folder in ("solutions", "tutorials"):
        shutil.copytree(DOCS.parent / folder, tmp_path / folder, dirs_exist_ok=True)
    prepare(tmp_path)
    made = {path.relative_to(tmp_path / "docs").as_posix() for path in tmp_path.rglob("docs/*/*")}
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    shown = set(re.findall(r"(?:generated|notebooks)/\w+\.\w+", pages))
    assert len(shown) > 15 and shown <= made
    stems = {path.stem for path in DOCS.parent.glob("solutions/*.ipynb")}
    assert {f"handouts/{stem}.md" for stem in stems} <= made


def test_every_fold_of_the_notebooks_becomes_one(tmp_path):
    root = DOCS.parent
    for path in sorted((root / "solutions").glob("*.ipynb")):
        solution = nbformat.read(path, as_version=4)
        tutorial = nbformat.read(root / "tutorials" / path.name, as_version=4)
        folds = sum(cell.source.count("<details>") for cell in solution.cells)
        cells = page(solution, tutorial).cells
        assert sum(cell.source.count("{dropdown}") for cell in cells) == folds
        blanks = [cell for cell in cells if cell.id.endswith("-blank")]
        assert len(blanks) == len(exercises_of(int(path.stem[:2])))


def test_a_handout_has_the_goals_the_sections_and_the_first_hints():
    for path in sorted((DOCS.parent / "solutions").glob("*.ipynb")):
        solution = nbformat.read(path, as_version=4)
        figures = tagged_figures(solution, path.stem[:2])
        text = handout(solution, int(path.stem[:2]), {name: f.alt for name, f in figures.items()})
        goals = text.split("can**")[1].split("**In short**")[0]
        assert goals.count("\n- ") >= 4
        assert text.count("\n- *") >= 5
        for task in exercises_of(int(path.stem[:2])):
            assert f"**{task.number} {task.title}.** {task.hints[0]}" in text
            assert task.hints[1] not in text
        assert text.count("](../generated/") == len(figures)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("## Why?\n\nSince $x$. And more.", ("Why?", "Since $x$.")),
        ("## Rates\n\nOkun et al. 2015, 3.5 Hz.\n\nMore.", ("Rates.", "Okun et al. 2015, 3.5 Hz.")),
        ("## Rates\n\nThe law is\n\n$$x$$", ("Rates.", "")),
        ("## Rates\n\nYou should see a line.", ("Rates.", "")),
        ("## Rates\n\n| a | b |", ("Rates.", "")),
        ("## Exercise 5.1 Rates\n\nWrite it.", None),
    ],
)  # fmt: skip
def test_a_section_is_told_by_its_first_sentence(text, found):
    assert sections(f"# Title\n\n{text}\n\n### Below\n\nText.") == ([found] if found else [])


def test_the_reference_has_every_public_name():
    listed = set(re.findall(r"^   (\w+)$", (DOCS / "api.md").read_text(), re.MULTILINE))
    modules = {"metrics", "plots", "regions", "simulate"}
    assert listed == set(nma.__all__) - modules


def test_the_page_for_instructors_has_every_exercise():
    text = known_mistakes()
    numbers = [task.number for n in notebooks() for task in exercises_of(n)]
    assert re.findall(r"^### (\d\.\d)", text, re.MULTILINE) == sorted(numbers)
    assert text.count("\n- ") > 3 * len(numbers)


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ('<a href="there.html">x</a>', ""),
        ('<a href="there.html#part">x</a>', ""),
        ('<a href="https://elsewhere.org/gone">x</a>', ""),
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="there.html#gone">x</a>', "there.html#gone leads to no heading"),
        ('<a href="#gone">x</a>', "#gone leads to no heading"),
        ('<img src="gone.png" alt="A line.">', "gone.png leads nowhere"),
        ('<img src="there.html">', "has no description"),
    ],
)
def test_links_that_lead_nowhere_are_found(tmp_path, html, says):
    (tmp_path / "there.html").write_text('<h2 id="part">Part</h2>')
    (tmp_path / "index.html").write_text(html)
    found = faults(tmp_path)
    assert (says in found[0] and len(found) == 1) if says else not found
