"""`nma-seq2seq grade` on a class that does everything wrong that a class can do."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pandas as pd
import psutil
import pytest

from nma_seq2seq.course.cli import main
from nma_seq2seq.course.grading import grade
from nma_seq2seq.course.grading.opening import File
from nma_seq2seq.course.grading.submissions import find_submissions, read_submission

ROOT = Path(__file__).parent.parent
SETUP = ["import numpy as np", "import nma_seq2seq as nma"]
NUMBERS = ["1.1", "1.2", "1.3", "1.4"]


def cells_of(folder: str) -> list[str]:
    """The exercise cells of notebook 1 and what they need; without the long rest of it."""
    notebook = json.loads((ROOT / folder / "01_data_exploration.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["\n".join(SETUP), *(source for source in sources if "@nma.exercise" in source)]


RIGHT, BLANK = cells_of("solutions"), cells_of("tutorials")
_, HZ, CURVE, BINS, FANO = RIGHT


def notebook(*cells: str, **metadata) -> str:
    """A notebook file without a kernel spec; JSON by hand, as other programs write it."""
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata,
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell{index}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": source.splitlines(keepends=True),
                }
                for index, source in enumerate(cells)
            ],
        }
    )


def colab(*cells: str) -> str:
    """As Colab saves: its own metadata, no cell ids, state of widgets of version 7."""
    content = json.loads(notebook(*cells))
    for index, cell in enumerate(content["cells"]):
        cell["metadata"] = {"id": f"Ab_{index}", "colab": {"base_uri": "https://x", "height": 35}}
        del cell["id"]
    widget = {
        "model_module": "@jupyter-widgets/controls",
        "model_module_version": "1.5.0",
        "model_name": "IntSliderModel",
        "state": {"value": 3},
    }
    content["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"a1": widget}},
    }
    return json.dumps(content | {"nbformat_minor": 0})


FORK = """\
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "31415"], {})
    os._exit(0)
"""
ENDLESS_C = "import collections\ncollections.deque(iter(int, 1), maxlen=0)  # gives Python no turn"
REPLACED = """\
import nma_seq2seq
def exercise(number):
    print("Exercise done")
    return lambda answer: answer
nma.exercise = nma_seq2seq.exercises.student.exercise = exercise
"""
EDITED = """\
import nma_seq2seq.exercises.checking as checking, nma_seq2seq.exercises.student as student
checking.judge = student.judge = lambda task, answer, file="": (checking.Result("done"), answer)
checking.same.__code__ = (lambda a, b, c, d: True).__code__
"""
EDITED_LATER = "nma.metrics.poisson_nll = lambda rates, counts: 0.0"
FAKED = "class nma:\n    exercise = staticmethod(lambda number: lambda answer: answer)"
PURGED = """\
import sys
for name in [name for name in sys.modules if name.startswith("nma_seq2seq")]:
    del sys.modules[name]
import nma_seq2seq as nma
"""
WRONG_HZ = HZ.replace("counts.mean(axis=(0, 1)) / bin_size", "counts.mean(axis=(0, 1))")
FIRST_TWO = [RIGHT[0], HZ, CURVE, *BLANK[3:]]

CLASS = {
    "right": notebook(
        RIGHT[0],
        "import os, pathlib\n"
        "assert 'SECRET_TOKEN' not in os.environ\n"
        "assert not list(pathlib.Path.home().glob('.ssh'))",
        *RIGHT[1:],
    ),
    "half done": notebook(*FIRST_TWO),
    "blank": notebook(*BLANK),
    "wrong": notebook(RIGHT[0], WRONG_HZ, CURVE, BINS, FANO),
    "syntax error": notebook(RIGHT[0], HZ.replace("return", "retrun x ="), CURVE, BINS, FANO),
    "endless": notebook(RIGHT[0], HZ, "while True:\n    pass", CURVE, BINS, FANO),
    "endless in C": notebook(RIGHT[0], HZ, ENDLESS_C, CURVE, BINS, FANO),
    "endless answer": notebook(RIGHT[0], BLANK[1].replace("raise", "while True: pass\n    raise")),
    "os._exit": notebook(RIGHT[0], HZ, "import os; os._exit(3)", CURVE, BINS, FANO),
    "sys.exit": notebook(RIGHT[0], HZ, "import sys; sys.exit(1)", CURVE, BINS, FANO),
    "10 GB": notebook(RIGHT[0], HZ, "x = np.ones((10, 1000, 1000, 125))", CURVE, BINS, FANO),
    "1 GB of output": notebook(
        RIGHT[0], HZ, "for _ in range(1000):\n    print('x' * 1_000_000)", CURVE, BINS, FANO
    ),
    "fork": notebook(RIGHT[0], FORK, HZ, CURVE, BINS, FANO),
    "deleted": notebook(RIGHT[0], HZ, CURVE, FANO),
    "reordered": notebook(
        RIGHT[0],
        FANO,
        BINS,
        CURVE,
        HZ,
        kernelspec={"name": "conda-env-py27", "display_name": "not here"},
    ),
    "duplicated": notebook(RIGHT[0], HZ, BLANK[1], CURVE, BINS, FANO),
    "Kopie von my homework (2)": colab(*RIGHT),
    "broken": notebook(*RIGHT)[:-100],
    "empty": "",
    "other course": notebook("print('hello')"),
    "replaced check": notebook(RIGHT[0], REPLACED, WRONG_HZ, CURVE, BINS, FANO),
    "edited package": notebook(RIGHT[0], EDITED, WRONG_HZ, CURVE, BINS, FANO),
    "edited later": notebook(RIGHT[0], HZ, EDITED_LATER, CURVE, BINS, FANO),
    "faked module": notebook(RIGHT[0], HZ, FAKED, CURVE, BINS, FANO),
    "purged modules": notebook(RIGHT[0], HZ, PURGED, CURVE, BINS, FANO),
    "installs": notebook(RIGHT[0], "%pip install numpy==1.0", *RIGHT[1:]),
}
DONE = {number: "done" for number in NUMBERS}
NOT_REACHED = {"1.1": "done"} | {number: "not reached" for number in NUMBERS[1:]}
# File -> state, what its reason says, statuses of 1.1 to 1.4, and what its notes say.
EXPECTED: dict[str, tuple[str, str, dict, str]] = {
    "right": ("ok", "", DONE, ""),
    "half done": ("ok", "", DONE | {"1.3": "not yet", "1.4": "not yet"}, ""),
    "blank": ("ok", "", dict.fromkeys(NUMBERS, "not yet"), ""),
    "wrong": ("ok", "", DONE | {"1.1": "wrong"}, ""),
    "syntax error": ("ok", "", DONE | {"1.1": "wrong"}, ""),
    "endless": ("timeout", "in cell 2, which begins with `while True:`", NOT_REACHED, ""),
    "endless in C": ("timeout", "in cell 2", NOT_REACHED, ""),
    "endless answer": ("ok", "", dict.fromkeys(NUMBERS, "missing") | {"1.1": "wrong"}, ""),
    "os._exit": ("crash", "code 3 in cell 2", NOT_REACHED, ""),
    "sys.exit": ("ok", "", DONE, "cell 2 raises SystemExit"),
    "10 GB": ("out of memory", "cell 2", DONE, "cell 2 raises MemoryError"),
    "1 GB of output": ("ok", "", DONE, ""),
    "fork": ("ok", "", DONE, ""),
    "deleted": ("ok", "", DONE | {"1.3": "missing"}, ""),
    "reordered": ("ok", "", DONE, ""),
    "duplicated": ("ok", "", DONE, "exercise 1.1 is there 2 times; the best counts"),
    "Kopie von my homework (2)": ("ok", "", DONE, ""),
    "broken": ("invalid", "not a notebook", {}, ""),
    "empty": ("invalid", "not a notebook", {}, ""),
    "other course": ("invalid", "no exercise of the course", {}, ""),
    "replaced check": ("ok", "", DONE | {"1.1": "wrong"}, "student.exercise"),
    "edited package": ("ok", "", DONE | {"1.1": "wrong"}, "checking.judge"),
    "edited later": ("ok", "", DONE, "changes nma_seq2seq.metrics.poisson_nll"),
    "faked module": (
        "ok",
        "",
        dict.fromkeys(NUMBERS, "missing") | {"1.1": "done"},
        "",
    ),
    "purged modules": ("ok", "", DONE, ""),
    "installs": ("ok", "", DONE, "cell 1 installs something"),
}
TIMEOUT = 90


@pytest.fixture
def bad_class(tmp_path) -> Path:
    """A folder with all of them, files of one name, and what else lies about in such a folder."""
    folder = tmp_path / "class"
    for name, content in CLASS.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "homework.ipynb").write_text(content)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "old.ipynb").write_text(notebook(*BLANK))
    (folder / "notes.txt").write_text("who sits where")
    return folder


@pytest.mark.slow
def test_a_bad_class_loses_nothing(bad_class, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.chdir(tmp_path)
    start = time.monotonic()
    csv, html = tmp_path / "grades.csv", tmp_path / "grades.html"
    options = ["--jobs", "2", "--timeout", str(TIMEOUT), "--csv", str(csv), "--html", str(html)]
    assert main(["grade", str(bad_class), *options]) == 1
    assert time.monotonic() - start < TIMEOUT * len(CLASS)

    table = pd.read_csv(csv, dtype={"exercise": str}, keep_default_na=False)
    assert "grading's own" not in " ".join(table["notes"])
    assert set(table["file"]) == {f"{name}/homework.ipynb" for name in CLASS}
    found, wanted = {}, {}
    for name, (state, reason, statuses, note) in EXPECTED.items():
        rows = table[table["file"] == f"{name}/homework.ipynb"]
        found[name] = (
            rows["state"].iloc[0],
            reason if reason and reason in rows["reason"].iloc[0] else rows["reason"].iloc[0],
            {e: s for e, s in zip(rows["exercise"], rows["status"], strict=True) if e},
            note if note and note in rows["notes"].iloc[0] else rows["notes"].iloc[0],
        )
        wanted[name] = (state, reason, statuses, note)
    assert found == wanted

    messages = table.set_index(["file", "exercise"])["message"]
    said = {name: messages[f"{name}/homework.ipynb", "1.1"] for name in wanted_wrong()}
    assert "likely cause" in said["wrong"]
    assert "SyntaxError" in said["syntax error"]
    assert "endless loop" in said["endless answer"]
    assert said["replaced check"] == said["edited package"] == said["wrong"]
    assert not left_over("31415"), "a process outlived its notebook"
    page = html.read_text()
    assert page.count('<details id="') == len(CLASS) and "commonest" in page
    shown = capsys.readouterr().out
    assert "Kopie von my homework (2)" in shown and "commonest causes" in shown


def wanted_wrong() -> list[str]:
    return [
        name for name, (_, _, statuses, _) in EXPECTED.items() if statuses.get("1.1") == "wrong"
    ]


def left_over(argument: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if argument in (process.info["cmdline"] or []) and process.info["status"] != "zombie":
            found.append(process)
    return found


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "a.ipynb").write_text(notebook(*RIGHT))
    (folder / "b.ipynb").write_text(notebook(RIGHT[0], HZ, "import time; time.sleep(3000)"))
    code = "import sys; from nma_seq2seq.course.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code]
    run = subprocess.Popen(
        [*command, "grade", "class", "--jobs", "1", "--timeout", "300"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Whoever runs the tests in the background has it ignored, and a child takes that over.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    state = tmp_path / ".nma-seq2seq-grading"
    for _ in range(600):
        if list(state.glob("*.json")):
            break
        time.sleep(0.2)
    for _ in range(600):
        if [p for p in psutil.process_iter() if is_within(p, tmp_path / "grading_")]:
            break
        time.sleep(0.2)
    time.sleep(5)
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=30)
    assert run.returncode == 130 and "interrupted" in said and "Traceback" not in said
    assert len(list(state.glob("*.json"))) == 1
    assert not [p for p in psutil.process_iter() if is_within(p, tmp_path / "grading_")]

    (folder / "b.ipynb").write_text(notebook(*BLANK))
    shown: list[str] = []
    grades = grade(folder, jobs=1, timeout=300, state=state, progress=False, show=shown.append)
    assert "1 of 2 taken over" in shown[0]
    assert [one.n_done for one in grades] == [4, 0]


def is_within(process: psutil.Process, start: Path) -> bool:
    try:
        return process.cwd().startswith(str(start))
    except psutil.Error:
        return False


def test_a_zip_is_read_as_its_folder_is(tmp_path):
    path = tmp_path / "handed in.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ann/05.ipynb", notebook(*RIGHT))
        archive.writestr("ben/05.ipynb", notebook(*BLANK))
        archive.writestr("__MACOSX/ann/._05.ipynb", b"\x00\x05")
        archive.writestr("ann/.ipynb_checkpoints/05.ipynb", notebook(*BLANK))
    found = find_submissions(path)
    assert [(one.file, one.notebook) for one in found] == [("ann/05.ipynb", 1), ("ben/05.ipynb", 1)]


def test_a_notebook_is_known_by_its_exercises_alone():
    cell = "@nma_seq2seq.exercises.exercise( '5.1' )\ndef f(): pass"
    found = read_submission("x.ipynb", notebook("# @nma.exercise('1.1')", cell, BLANK[1]).encode())
    assert found.present == ("5.1", "1.1") and not found.problem


@pytest.mark.parametrize(
    "install",
    [
        "!pip install x",
        "%pip install x \\\n        y",
        "!{sys.executable} -m pip uninstall -y numpy",
        "!yes | pip uninstall numpy",
        "out = !sudo apt-get install x",
        "%conda install x",
    ],
)
def test_an_install_is_left_out_and_its_block_stays_whole(install):
    cell = f"if True:\n    {install}\nprint(1)"
    found = read_submission("x.ipynb", notebook(cell, BLANK[1]).encode())
    assert ast.unparse(ast.parse(found.cells[0].source)) == "if True:\n    pass\nprint(1)"
    assert "installs something" in found.notes[0]


def test_other_magics_and_other_shell_cells_stay():
    for cell in ("%matplotlib inline\nimport pip", "!ls", "%%bash\nls"):
        assert read_submission("x", notebook(cell, BLANK[1]).encode()).cells[0].source == cell
    cell = "%%bash\nls\npip install x"
    assert "pip" not in read_submission("x", notebook(cell, BLANK[1]).encode()).cells[0].source


def test_one_unreadable_file_does_not_end_the_grading_of_a_zip(tmp_path):
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("hw.ipynb", notebook(*RIGHT))
        archive.writestr("hw.ipynb", notebook(*BLANK))
        archive.writestr(
            "null.IPYNB", '{"nbformat": 4, "cells": [{"cell_type": "code", "source": null}]}'
        )
        archive.writestr("bad.ipynb", notebook(*RIGHT))
    content = path.read_bytes()
    place = content.rindex(b"counts_to_hz", 0, content.rindex(b"PK\x01\x02"))
    path.write_bytes(content[:place] + b"X" + content[place + 1 :])
    found = {one.file: one.problem for one in find_submissions(path)}
    assert set(found) == {"hw.ipynb", "hw.ipynb (2)", "null.IPYNB", "bad.ipynb"}
    assert "CRC" in found["bad.ipynb"] and "not a notebook" in found["null.IPYNB"]
    assert not found["hw.ipynb"] and not found["hw.ipynb (2)"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no folder nowhere"),
        (["empty"], "no .ipynb in empty"),
        (["a.txt"], "neither a folder nor a zip"),
        ([], "nothing to grade"),
        (["class", "--jobs", "0"], "jobs=0"),
        (["class", "--timeout", "0"], "timeout=0 s"),
        (["class", "--csv", "nowhere/grades.csv"], "no folder nowhere"),
    ],
)
def test_what_cannot_be_graded_is_said_before_anything_is_run(
    arguments, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.ipynb").write_text(notebook(*BLANK))
    (tmp_path / "a.txt").write_text("hello")
    assert main(["grade", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_solutions_that_do_not_pass_stop_the_grading(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01.ipynb").write_text(notebook(*FIRST_TWO))
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.ipynb").write_text(notebook(*RIGHT))
    assert main(["grade", "class", "--against", "solutions"]) == 1
    said = capsys.readouterr().out
    assert "Not all is done in 01.ipynb" in said and "a.ipynb" not in said
