"""`nma-seq2seq grade` on a class that does everything wrong that a class can do."""

from __future__ import annotations

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
from nma_seq2seq.course.grading.submissions import Submission, find_submissions, read_submission
from tests.bad_class import BLANK, CLASS, CURVE, HZ, RIGHT, HandIn, build, notebook

TIMEOUT = 20


@pytest.mark.slow
def test_a_bad_class_loses_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "class"
    build(folder)
    files = {name: tmp_path / f"{name}.csv" for name in ("csv", "students", "moodle", "canvas")}
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    options += ["--html", "class.html", "--feedback", "feedback", "--memory", "2000"]
    assert main(["grade", str(folder), "--jobs", "2", "--timeout", str(TIMEOUT), *options]) == 1

    table = pd.read_csv(files["csv"], dtype={"exercise": str}, keep_default_na=False)
    expected = {one.listed or one.path: one for one in CLASS}
    extra = {"notes.txt", "nobody", "right/link.ipynb", "right/up"}
    assert set(table["file"]) == set(expected) | extra
    amiss = {}
    for file, rows in table.groupby("file"):
        if file not in extra and (found := differences(expected[str(file)], rows)):
            amiss[file] = found
    assert not amiss
    assert not left_over("31415"), "a process outlived its notebook"
    page = (tmp_path / "class.html").read_text()
    students = pd.read_csv(files["students"])
    assert page.count('<details id="') == len(students) == len(list(Path("feedback").iterdir()))
    assert "<script>alert" not in page and "\x1b" not in page
    assert "commonest causes" in capsys.readouterr().out


def differences(wanted: HandIn, rows: pd.DataFrame) -> list[str]:
    """What the table says otherwise than it should, of one file."""
    first = rows.iloc[0]
    by_number = rows.set_index("exercise")
    statuses = {number: str(status) for number, status in by_number["status"].items() if number}
    message = by_number["message"].get("1.1", "")
    return [
        f"{found!r} and not {right!r}"
        for found, right, is_right in (
            (first["state"], wanted.state, wanted.state in (first["state"], "*")),
            (first["reason"], wanted.reason, wanted.reason in first["reason"]),
            (statuses, wanted.statuses, wanted.statuses in (None, statuses)),
            (first["notes"], wanted.note, wanted.note in first["notes"]),
            (message, wanted.message, wanted.message in message),
        )
        if not is_right
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


def read(path: str, content: str | bytes) -> Submission:
    return read_submission(File(path, content if isinstance(content, bytes) else content.encode()))


def test_a_notebook_is_known_by_its_exercises_alone():
    cell = "@nma_seq2seq.exercises.exercise( '5.1' )\ndef f(): pass"
    found = read("x.ipynb", notebook("# @nma.exercise('1.1')", cell, BLANK[1]))
    assert found.present == ("5.1", "1.1") and not found.problem


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
    assert "CRC" in found["bad.ipynb"] and "not a whole notebook" in found["null.IPYNB"]
    assert not found["hw.ipynb"] and not found["hw.ipynb (2)"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no folder nowhere"),
        (["empty"], "nothing in empty"),
        (["class", "--points", "1.1"], "--points '1.1'"),
        (["class", "--points", "1.9=2"], "no exercise 1.9"),
        (["class", "--points", "1.1=-2"], "-2 points"),
        (["class", "--feedback", "a.txt"], "a.txt is a file"),
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
    (tmp_path / "empty" / "__MACOSX").mkdir(parents=True)
    (tmp_path / "empty" / "__MACOSX" / "._a.ipynb").write_text("x")
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.ipynb").write_text(notebook(*BLANK))
    (tmp_path / "a.txt").write_text("hello")
    assert main(["grade", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_solutions_that_do_not_pass_stop_the_grading(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01.ipynb").write_text(notebook(RIGHT[0], HZ, CURVE, *BLANK[3:]))
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.ipynb").write_text(notebook(*RIGHT))
    assert main(["grade", "class", "--against", "solutions"]) == 1
    said = capsys.readouterr().out
    assert "Not all is done in 01.ipynb" in said and "a.ipynb" not in said
