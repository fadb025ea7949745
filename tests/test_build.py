"""The build: what reaches a notebook, what is refused, and what the check finds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from nma_seq2seq import exercises
from tools import build

HERE = Path(__file__).parent
ROOT = HERE.parent
NAME = "90_made_up"
SOURCE = f'''\
# %% [markdown]
# # 90. Made up
#
# What you will learn.

# %%
import matplotlib.pyplot as plt
import numpy as np
from tqdm.auto import tqdm

import nma_seq2seq as nma
from nma_seq2seq import exercises

exercises.__path__.append({str(HERE / "made_up")!r})

# %%
@nma.exercise("90.1")
def counts_to_hz(counts, bin_size):
    """Mean rate in Hz."""
    ### BEGIN SOLUTION
    mean_of_all_trials = counts.mean(axis=(0, 1))
    return mean_of_all_trials / bin_size
    ### END SOLUTION


# %%
import torch
from torch import nn


@nma.exercise("90.3")
class Readout(nn.Module):
    def __init__(self, n_latents, n_targets):
        super().__init__()
        ### BEGIN SOLUTION
        self.linear = nn.Linear(n_latents, n_targets)
        ### END SOLUTION

    def forward(self, latents):
        ### BEGIN SOLUTION
        return nn.functional.softplus(self.linear(latents))
        ### END SOLUTION


# %% tags=["nbval-check-output"]
print(counts_to_hz(np.ones((2, 3, 4)), 0.01).round(1))

# %%
for _ in tqdm(range(3), desc="slow"):
    pass
plt.plot([0, 1])
plt.show()
'''


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(HERE / "made_up")])


@pytest.fixture
def course(tmp_path):
    """A course of one source."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / f"{NAME}.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same, built and executed once."""
    root = tmp_path_factory.mktemp("course")
    (root / "solutions").mkdir()
    (root / "solutions" / f"{NAME}.py").write_text(SOURCE)
    before = list(exercises.__path__)
    exercises.__path__.append(str(HERE / "made_up"))
    try:
        assert build.build(root, progress=False) == [f"{NAME}: executed"]
    finally:
        exercises.__path__[:] = before
    return root


@pytest.fixture
def copy(built, tmp_path):
    """A copy of the built course, to spoil."""
    for path in built.rglob("90_*"):
        target = tmp_path / path.relative_to(built)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    return tmp_path


def read(root, folder):
    return nbformat.read(root / folder / f"{NAME}.ipynb", as_version=4)


def pair(text, tmp_path):
    path = tmp_path / f"{NAME}.py"
    path.write_text(text)
    return build.read_source(path)


# ---------------------------------------------------------------------- what is built


def test_the_solution_is_executed_and_keeps_figures(built):
    cells = read(built, "solutions").cells
    assert cells[5].outputs[0].text == "[100. 100. 100. 100.]\n"
    # The progress bar is gone, the figure is there.
    assert [set(output.data) for output in cells[6].outputs] == [{"image/png", "text/plain"}]
    assert cells[3].outputs[0].text == "Exercise 90.1 done\n"
    assert not any("execution" in cell.metadata for cell in cells)


def test_the_tutorial_is_blank_and_runs_from_top_to_bottom(built):
    tutorial = read(built, "tutorials")
    code = [cell for cell in tutorial.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert 'raise NotImplementedError("Exercise 90.1: counts to Hz")' in code[2].source
    assert code[3].source.count("        raise NotImplementedError(") == 2
    assert not any(cell.metadata for cell in tutorial.cells)
    NotebookClient(tutorial, kernel_name="python3", timeout=60).execute()
    assert code[2].outputs[0].text.startswith("Exercise 90.1 not yet")
    assert code[4].outputs[0].text == "[100. 100. 100. 100.]\n"


def test_both_open_the_tutorial_and_say_what_to_edit(built):
    for folder in ("solutions", "tutorials"):
        title, install = read(built, folder).cells[:2]
        assert title.source.startswith("# 90. Made up\n")
        assert f"Built from solutions/{NAME}.py; edit that file" in title.source
        links = re.findall(r"\]\((https://(?:colab|mybinder)[^)]*?ipynb)\)", title.source)
        assert [link.split("://")[1].split("/")[0] for link in links] == [
            "colab.research.google.com",
            "mybinder.org",
        ]
        assert all(link.endswith(f"/tutorials/{NAME}.ipynb") for link in links)
        assert all(build.slug() in link for link in links)
        assert f"[Glossary](https://github.com/{build.slug()}/blob/main/docs/glossary.md)" in (
            title.source
        )
        assert '%pip install "nma-seq2seq @ git+https://github.com/' in install.source


def test_a_second_build_changes_nothing_and_runs_nothing(copy):
    before = {path: path.read_bytes() for path in copy.rglob("*.ipynb")}
    assert build.build(copy, progress=False) == [f"{NAME}: outputs kept"]
    assert {path: path.read_bytes() for path in copy.rglob("*.ipynb")} == before


def test_a_change_of_text_keeps_outputs_and_the_ids_of_other_cells(copy):
    source = copy / "solutions" / f"{NAME}.py"
    ids = [cell.id for cell in read(copy, "solutions").cells]
    source.write_text(SOURCE.replace("What you will", "What we"))
    assert build.build(copy, ["90"], progress=False) == [f"{NAME}: outputs kept"]
    after = [cell.id for cell in read(copy, "solutions").cells]
    assert after[1:] == ids[1:] and after[0] != ids[0]
    assert after == [cell.id for cell in read(copy, "tutorials").cells]


def test_cells_of_one_text_have_ids_of_their_own(tmp_path):
    for notebook in vars(pair(HEAD + "1 + 1\n\n# %%\n1 + 1\n", tmp_path)).values():
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells) == 4


def leaked(path):
    """Lines of marked regions that are in the tutorial more often than outside the regions."""
    outside, inside, marked = Counter(), set(), False
    for line in path.read_text().splitlines():
        line = line.strip().removeprefix("# ")
        if line.startswith("## ") and line.endswith(" SOLUTION"):
            marked = "BEGIN" in line
        elif marked:
            inside.add(line)
        else:
            outside[line] += 1
    tutorial = build.read_source(path).tutorial
    lines = Counter(line.strip() for cell in tutorial.cells for line in cell.source.splitlines())
    return [line for line in inside - {""} if lines[line] > outside[line]]


def test_no_marked_line_reaches_a_tutorial(course):
    for path in [course / "solutions" / f"{NAME}.py", *(ROOT / "solutions").glob("*.py")]:
        assert leaked(path) == []
        tutorial = build.read_source(path).tutorial
        assert not any(" SOLUTION" in cell.source for cell in tutorial.cells)


def test_nbgrader_makes_an_assignment_of_a_solution(built, tmp_path):
    """With its own command, and leaves out the lines that are marked."""
    source = tmp_path / "source" / "made_up"
    source.mkdir(parents=True)
    shutil.copy(built / "solutions" / f"{NAME}.ipynb", source)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "made_up"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    made = nbformat.read(tmp_path / "release" / "made_up" / f"{NAME}.ipynb", as_version=4)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert code[2].startswith('@nma.exercise("90.1")') and "raise NotImplementedError" in code[2]
    assert "mean_of_all_trials" not in str(code)
    assert code[3].count("raise NotImplementedError") == 2
    assert "nn.Linear(" not in str(code)


# ---------------------------------------------------------------------- what is refused

HEAD = "# %% [markdown]\n# # Title\n\n# %%\n"
CELL = """\
@nma.exercise("90.1")
def f():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CELL.replace("    ### END SOLUTION\n", ""), "line 7: a region that is not closed"),
        (CELL.replace("return 1", "### BEGIN SOLUTION"), "line 8: a marker within the region"),
        (CELL.replace("    ### BEGIN SOLUTION\n", ""), "line 8: the end of a region that was not"),
        (CELL.split("\n", 1)[1], "line 6: a marker in a cell without an exercise"),
        (CELL + "\n# %%\n" + CELL, "line 12: exercise 90.1 is there twice"),
        (CELL + "\n" + CELL, "line 11: a second exercise in one cell"),
        (CELL.replace("### BEGIN", "## begin"), "line 7: write the marker as '### BEGIN SOLUTION'"),
        (CELL.replace("90.1", "5.1"), "line 5: exercise 5.1 does not begin with this notebook's"),
        (CELL.replace("90.1", "90.77"), "line 5: no exercise 90.77; notebook 90 has 90.1"),
        (re.sub(" +### .*\n", "", CELL), "line 5: exercise 90.1 has no region"),
        (CELL.replace("def f", "class F"), "a region outside the body of a function"),
        (CELL.replace("def f():", "def f(:"), "line 6: the cell with its solution left out"),
    ],
)
def test_a_faulty_source_is_refused_with_file_and_line(text, message, tmp_path):
    with pytest.raises(build.BuildError, match=re.escape(f"{NAME}.py, ")) as caught:
        pair(HEAD + text, tmp_path)
    assert message in str(caught.value)


def test_a_source_begins_with_its_title(tmp_path):
    with pytest.raises(build.BuildError, match="begin with a markdown cell"):
        pair("# %%\n1 + 1\n", tmp_path)


def test_a_failing_cell_is_shown_and_nothing_is_written(course):
    source = course / "solutions" / f"{NAME}.py"
    source.write_text(HEAD + "first = 1\n\n# %%\nfirst / 0\n")
    with pytest.raises(build.BuildError, match="cell 3") as caught:
        build.build(course, progress=False)
    assert "ZeroDivisionError" in str(caught.value) and "first / 0" in str(caught.value)
    assert not list(course.rglob("*.ipynb"))


def test_an_unknown_name_is_told(course):
    with pytest.raises(build.BuildError, match="no source '12'; there are 90_made_up"):
        build.build(course, ["12"])
    with pytest.raises(build.BuildError, match="no solutions/NN_name.py in"):
        build.check(course / "solutions")


# ---------------------------------------------------------------------- what the check finds


def spoil_source(notebook):
    notebook.cells[3].source += "\n# changed"


def spoil_id(notebook):
    notebook.cells[3].id = "other"


def spoil_metadata(notebook):
    notebook.metadata["colab"] = {}


def spoil_cell_metadata(notebook):
    notebook.cells[3].metadata["scrolled"] = True


def spoil_cells(notebook):
    del notebook.cells[-1]


def spoil_execution(notebook):
    notebook.cells[-1].execution_count = None


def spoil_by_error(notebook):
    notebook.cells[-1].outputs = [
        nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    ]


def spoil_by_warning(notebook):
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", name="stderr", text="Careful\n")]


@pytest.mark.parametrize("spoil", [spoil_execution, spoil_by_error])
def test_outputs_that_are_not_whole_are_not_kept(copy, spoil):
    notebook = read(copy, "solutions")
    spoil(notebook)
    nbformat.write(notebook, copy / "solutions" / f"{NAME}.ipynb")
    said = build.build(copy, execute=False, progress=False)
    assert said[0] == f"{NAME}: not executed"


@pytest.mark.parametrize(
    ("folder", "spoil", "message"),
    [
        ("solutions", spoil_source, "cell 3 differs in source"),
        ("tutorials", spoil_source, "cell 3 differs in source"),
        ("tutorials", spoil_id, "cell 3 differs in id"),
        ("solutions", spoil_metadata, "the notebook's metadata differ"),
        ("tutorials", spoil_cell_metadata, "cell 3 differs in metadata"),
        ("solutions", spoil_cells, "6 cells, the source has 7"),
        ("solutions", spoil_execution, "cell 6 has not been executed"),
        ("solutions", spoil_by_error, "cell 6 fails"),
        ("solutions", spoil_by_warning, "cell 6 writes to stderr: Careful"),
        ("tutorials", spoil_by_warning, "a tutorial has outputs"),
    ],
)
def test_the_check_finds_what_differs_and_says_how_to_mend_it(copy, folder, spoil, message):
    assert build.check(copy) == []
    notebook = read(copy, folder)
    spoil(notebook)
    nbformat.write(notebook, copy / folder / f"{NAME}.ipynb")
    assert build.check(copy) == [f"{folder}/{NAME}.ipynb: {message}; run: make build NAMES={NAME}"]


def test_the_check_finds_what_is_missing_and_what_is_stale(copy):
    (copy / "tutorials" / f"{NAME}.ipynb").rename(copy / "tutorials" / "89_old.ipynb")
    assert build.check(copy) == [
        f"tutorials/{NAME}.ipynb is missing; run: make build NAMES={NAME}",
        "tutorials/89_old.ipynb has no source; delete it",
    ]


def test_the_command_checks_and_builds(copy, monkeypatch, capsys):
    monkeypatch.chdir(copy)
    assert build.main(["--check"]) == 0
    source = copy / "solutions" / f"{NAME}.py"
    source.write_text(SOURCE + "\n# %%\n1 + 1\n")
    assert build.main(["--check"]) == 1
    assert f"make build NAMES={NAME}" in capsys.readouterr().out
    assert build.main(["90", "--no-execute"]) == 0
    assert build.main(["--check"]) == 1
    assert "has not been executed" in capsys.readouterr().out
    source.write_text(textwrap.dedent("print(1)"))
    assert build.main([]) == 2


def test_the_committed_notebooks_are_as_their_sources_have_them():
    assert len(list((ROOT / "solutions").glob("*.py"))) == 7
    assert build.check(ROOT) == []


def test_answers_are_made_from_their_source_and_checked(course):
    folder = course / "nma_seq2seq" / "exercises" / "answers"
    folder.mkdir(parents=True)
    assert any("answers/n90_made_up.py" in fault for fault in build.check(course))
    build.build(course, execute=False, progress=False)
    text = (folder / "n90_made_up.py").read_text()
    space = {}
    exec(text, space)
    assert space["counts_to_hz"](np.ones((2, 3, 4)), 0.5).tolist() == [2.0] * 4
    assert "SOLUTION" not in text and "matplotlib" not in text and "Mean rate in Hz" not in text
    assert not any("answers/" in fault for fault in build.check(course))
