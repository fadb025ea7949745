"""Every solution on a recorded session of the small kind: what it lacks is said, not stumbled over.

That every notebook runs on the simulated session is checked by nbval (see the Makefile).
"""

from pathlib import Path

import pytest

from nma_seq2seq.course import build

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", build.sources(ROOT), ids=lambda path: path.stem)
def test_solution_runs_on_a_recorded_session(path, real_file):
    notebook = build.read_source(path).solution
    build.run(notebook, path.name, data=f"{real_file}:0")
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert "SIMULATED" not in shown
