"""Notebooks on what nbval does not give them: a recorded session, and wrong answers all along.

That every notebook runs on the simulated session is checked by nbval (see the Makefile).
"""

import re
from pathlib import Path

import pytest

from nma_seq2seq.exercises import exercises_of
from tools import build

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", build.sources(ROOT), ids=lambda path: path.stem)
def test_solution_runs_on_a_recorded_session(path, real_file):
    notebook = build.read_source(path).solution
    build.run(notebook, path.name, data=f"{real_file}:0")
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert "SIMULATED" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("path", build.sources(ROOT), ids=lambda path: path.stem)
def test_a_tutorial_of_wrong_answers_runs_to_its_end(path, real_file):
    notebook = build.read_source(path).tutorial
    for cell in notebook.cells:
        if found := re.search(
            r'^@nma\.exercise\("(.+)"\)\n(?:@.*\n)*(?:def|class) (\w+)', cell.source, re.M
        ):
            number, name = found.groups()
            cell.source = "\n".join(
                [
                    f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})",
                    f"from exercise_answers.n{path.stem} import WRONG",
                    f'{name} = nma.exercise("{number}")(WRONG["{number}"][0][0])',
                ]
            )
    build.run(notebook, path.name, data=f"{real_file}:0")
    shown = str([cell.get("outputs") for cell in notebook.cells])
    for exercise in exercises_of(int(path.stem[:2])):
        assert f"Exercise {exercise.number} wrong" in shown
