"""`nma-seq2seq grade` on a class that does everything wrong that a class can do."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest

from nma_seq2seq.course import grading
from nma_seq2seq.course.cli import main
from nma_seq2seq.course.grading import grade, opening, report
from nma_seq2seq.course.grading.grades import Grade, choose
from nma_seq2seq.course.grading.opening import File
from nma_seq2seq.course.grading.submissions import (
    Submission,
    find_submissions,
    read_submission,
    students_of,
)
from nma_seq2seq.course.grading.verdicts import Run, grade_run
from nma_seq2seq.exercises import Result
from tests.bad_class import (
    BINS,
    BLANK,
    CLASS,
    CURVE,
    FANO,
    HZ,
    RIGHT,
    START,
    WRONG_HZ,
    HandIn,
    build,
    notebook,
    tarred,
    zipped,
)

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
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


def test_every_file_has_a_row_before_anything_is_run(tmp_path):
    build(tmp_path)
    found = {one.file: one for one in find_submissions(tmp_path)}
    for one in CLASS:
        path = (one.listed or one.path).removeprefix("'")  # which is the CSV's
        submission = found.pop(path)
        is_run = one.state not in ("invalid", "no notebook")
        assert submission.state == ("" if is_run else one.state), path
        assert is_run or one.reason in submission.problem
    assert set(found) == {"notes.txt", "nobody", "right/link.ipynb", "right/up"}


def test_an_archive_in_the_class_unpacks_to_no_more_than_there_is_room_for(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_LARGEST", 1000)
    monkeypatch.setattr(opening, "_UNPACKED", 5000)
    # None of it is kept, and yet a tar is gone through to the end of each.
    (tmp_path / "hw.tar.gz").write_bytes(tarred({f"{n}.txt": b"\0" * 3000 for n in range(9)}))
    (tmp_path / "one.tar.gz").write_bytes(tarred({"a.txt": b"\0" * 3000, "b.ipynb": "{"}))
    problems = {one.file: one.problem for one in find_submissions(tmp_path)}
    assert "unpacks to more" in problems["hw.tar.gz"]
    assert "larger than" in problems["one.tar.gz/a.txt"] and "one.tar.gz/b.ipynb" in problems


def test_a_composed_name_is_the_same_student(tmp_path):
    for form in ("NFC", "NFD"):  # as Linux and macOS have it
        path = tmp_path / unicodedata.normalize(form, f"José/{form}.ipynb")
        path.parent.mkdir()
        path.write_text(notebook(*BLANK))
    (tmp_path / "ann.ipynb").write_text(notebook(*BLANK))
    assert len({one.student.key for one in find_submissions(tmp_path)}) == 2


@pytest.mark.parametrize(
    "cell",
    ["%time 1\n" * 5000, "x?\n" * 5000, "x = " + "-" * 300_000 + "1", "x = a" + ".b" * 300_000,
     "(" * 300_000, "x = '" + "y" * 5_000_000 + "'", "exercise = %time 1\n" * 5000],
    ids=["magics", "questions", "minus", "dots", "brackets", "long", "names"],
)  # fmt: skip
def test_no_cell_takes_long_to_read(cell):
    began = time.process_time()
    assert read("hw.ipynb", notebook(BLANK[1], cell)).present == ("1.1",)
    assert (
        time.process_time() - began < 5
    )  # of processor time; with IPython's own reading of it, minutes


def left_over(argument: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if argument in (process.info["cmdline"] or []) and process.info["status"] != "zombie":
            found.append(process)
    return found


@pytest.mark.slow
def test_without_namespaces_every_row_stands(tmp_path, monkeypatch):
    monkeypatch.setattr("nma_seq2seq.course.grading.sandbox.works", lambda: False)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    wanted = ("deletes the parent", "deletes more", "deep folders", "garbage", "exit()",
              "ends its parent", "ends itself", "forks")  # fmt: skip
    folder = tmp_path / "class"
    chosen = {one.path: one for one in CLASS if one.path.partition("/")[0] in wanted}
    assert len(chosen) == len(wanted)
    for one in chosen.values():
        (folder / one.path).parent.mkdir(parents=True)
        (folder / one.path).write_bytes(str(one.content).encode())
    shown: list[str] = []
    grades = grade(folder, timeout=TIMEOUT, state=tmp_path / "s", progress=False, show=shown.append)
    assert "no namespaces" in shown[0]
    for one in grades:
        statuses = {number: result.status for number, result in one.exercises.items()}
        assert chosen[one.file].state in (one.state, "*"), one
        assert chosen[one.file].statuses in (None, statuses), one
    assert not left_over("31415") and not list(temporary.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_what_is_running_ends_with_grade(tmp_path, how):
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "a.ipynb").write_text(notebook(*RIGHT[:2]))
    (folder / "b.ipynb").write_text(notebook(RIGHT[0], HZ, "import time; time.sleep(3000)"))
    code = "import sys; from nma_seq2seq.course.cli import main; sys.exit(main())"
    run = subprocess.Popen(
        [sys.executable, "-c", code, "grade", "class", "--jobs", "1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Whoever runs the tests in the background has them ignored, and a child takes that over.
        preexec_fn=lambda: [
            signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGHUP)
        ],
    )
    state = tmp_path / ".nma-seq2seq-grading"
    started: list[psutil.Process] = []
    for _ in range(900):
        if list(state.glob("*.json")):
            started = psutil.Process(run.pid).children(recursive=True)
        if len(started) > 2:
            break
        time.sleep(0.2)
    assert len(started) > 2
    run.send_signal(getattr(signal, how))
    said, _ = run.communicate(timeout=60)
    number = getattr(signal, how)
    assert run.returncode == {2: 130, 9: -9}.get(number, 128 + number)
    assert "Traceback" not in said and ("interrupted" in said) == (how == "SIGINT")
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not alive
    assert len(list(state.glob("*.json"))) == 1

    (folder / "b.ipynb").write_text(notebook(*BLANK[:2]))
    shown: list[str] = []
    grades = grade(folder, jobs=1, state=state, progress=False, show=shown.append)
    assert "1 of 2 taken over" in shown[0]
    assert [one.n_done for one in grades] == [1, 0]


def test_how_a_run_ended_says_something_of_each_exercise():
    submission = read("hw.ipynb", notebook(*RIGHT))
    done, wrong = ({"exercise": "1.1", "verdict": [status, "", ""]} for status in ("done", "wrong"))

    def ran(*events: dict, **run) -> tuple[str, list[str]]:
        begun = [{"cell": 0}, {"cell": 1}]
        found = grade_run(submission, Run([*begun, *events], **run), memory_mb=2000)
        return found.state, [result.status for result in found.exercises.values()]

    third, end = {"cell": 3}, {"end": True}
    assert ran(done, wrong, end) == ("ok", ["done", "missing", "missing", "missing"])
    assert ran(wrong, wrong, end)[1][0] == "wrong"
    failed = {"failed": "raises x", "error": "x", "name": ""}
    assert ran(failed, end) == ("ok", ["wrong", "missing", "missing", "missing"])
    assert ran(done, third, {"exit": -11}) == ("crash", ["done", "missing", "wrong", "not reached"])
    limit = ("timeout", "not done")
    assert ran(done, third, beyond=limit) == (
        "timeout",
        ["done", "missing", "not judged", "not reached"],
    )
    assert ran(end, peak_mb=2001)[0] == "out of memory"
    assert ran({"exit": -9}, lacked_memory=True)[0] == "out of memory"
    assert ran({"exit": -9})[0] == "crash"


def test_what_a_limit_ended_is_judged_again():
    student = students_of(["ann/a.ipynb"])[0]
    results = {"1.1": Result("done"), "1.2": Result("not judged", "took long")}
    assert not Grade("a", student, 1, "ok", exercises=results).is_final
    assert Grade("a", student, 1, "ok", exercises={"1.1": Result("wrong")}).is_final
    assert not Grade("a", student, 1, "timeout").is_final


@pytest.mark.parametrize(
    ("path", "name", "number", "platform"),
    [
        ("Ann Lee_1001_assignsubmission_file_/hw.ipynb", "Ann Lee", "1001", "moodle"),
        ("Ann Lee_1001_assignsubmission_file_hw.ipynb", "Ann Lee", "1001", "moodle"),
        ("Ann O'Lee_1001_assignsubmission_onlinetext/x.html", "Ann O'Lee", "1001", "moodle"),
        ("Participant 7_7_assignsubmission_file/a.ipynb", "Participant 7", "7", "moodle"),
        ("leeann_201_301_hw.ipynb", "leeann", "201", "canvas"),
        ("leeann_LATE_201_301_hw-2.ipynb", "leeann", "201", "canvas"),
        ("submitted/bitdiddle/ps1/problem1.ipynb", "bitdiddle", "", ""),
        ("week 1/ann/05_poisson_loss.ipynb", "ann", "", ""),
        ("ann/05_poisson_loss.ipynb", "ann", "", ""),
        ("ann/week 1/hw.ipynb", "ann", "", ""),
        ("ann_05_poisson_loss.ipynb", "ann", "", ""),
        ("05_ann.ipynb", "ann", "", ""),
        ("ann_05 (1).ipynb", "ann", "", ""),
        ("ben.zip/05_poisson_loss.ipynb", "ben", "", ""),
    ],
)
def test_a_student_is_known_by_the_names_that_platforms_give(path, name, number, platform):
    student = students_of([path, "somebody else/x.ipynb"])[0]
    assert (student.name, student.number, student.platform) == (name, number, platform)
    assert student.late == ("LATE" in path)


def graded(path: str, *statuses: str, at: float = 0.0, notebook: int | None = 1) -> Grade:
    results = {f"1.{n}": Result(status) for n, status in enumerate(statuses, 1)}
    student = students_of([path, "somebody else/x.ipynb"])[0]
    return Grade(path, student, notebook, "ok", exercises=results, handed_in=at)


def test_the_newest_counts_or_the_best():
    def counting(grades, **options):
        return [one.file for one in choose(grades, {}, **options) if one.counts]

    old, new = graded("ann/hw.ipynb", "done", at=1e9), graded("ann/new.ipynb", "wrong", at=2e9)
    assert counting([old, new]) == ["ann/new.ipynb"]
    assert counting([new, old], best=True) == ["ann/hw.ipynb"]
    first, second = graded("ann/hw (2).ipynb", "done"), graded("ann/hw (10).ipynb", "wrong")
    assert counting([second, first]) == ["ann/hw (10).ipynb"]
    one, two = (graded(f"lee_201_{n}_hw.ipynb", "done", at=at) for n, at in ((9, 2e9), (10, 1e9)))
    assert counting([one, two]) == ["lee_201_10_hw.ipynb"]
    other = graded("ann/other.ipynb", "done", notebook=2)
    assert counting([old, other]) == ["ann/hw.ipynb", "ann/other.ipynb"]
    broken = replace(graded("ann/newest.ipynb", at=3e9), state="invalid")
    assert counting([old, broken], best=True) == counting([old, broken]) == ["ann/hw.ipynb"]


GRADES = [
    graded("Ann Lee_1001_assignsubmission_file_/hw.ipynb", "done", "done", "wrong"),
    graded("=leeben_LATE_201_301_hw.ipynb", "done", "not yet"),
]
WORTH = {"1.1": 2.0, "1.2": 0.5}


def test_tables_hold_every_file_and_count_each_notebook_once(tmp_path):
    old, new = graded("ann/old.ipynb", "done", "wrong"), graded("ann/new.ipynb", "wrong", "done")
    pdf = Grade("ben/a.pdf", students_of(["ben/a.pdf", "c/d"])[0], None, "no notebook", "a PDF")
    late = graded("zoe_LATE_201_301_hw.ipynb", "wrong", "wrong")
    cause = replace(late, exercises={"1.1": Result("wrong", "x", "units"), "1.2": Result("wrong")})
    grades = [replace(old, counts=False), new, pdf, cause, replace(new, student=pdf.student)]
    report.write(grades, WORTH, {"csv": tmp_path / "a.csv", "students": tmp_path / "s.csv"})
    rows = pd.read_csv(tmp_path / "a.csv").groupby("file", sort=False)
    assert list(rows.groups) == ["ann/old.ipynb", "ann/new.ipynb", "ben/a.pdf", cause.file]
    assert list(rows["points"].sum()) == [0, 1, 0, 0]  # new.ipynb is there twice
    students = pd.read_csv(tmp_path / "s.csv")
    assert list(students["student"]) == ["ann", "ben", "zoe"]
    assert list(students["late"]) == [False, False, True]
    assert list(students["points"]) == [0.5, 0.5, 0]
    causes = report.wrong_causes([*grades, replace(cause, exercises={"1.1": Result("wrong", "y")})])
    assert list(causes["notebooks"]) == [2, 1, 1, 1]
    assert causes.iloc[0]["exercise"] == "1.1"


def test_students_whose_names_are_files_of_one_name_get_a_page_each(tmp_path):
    one = graded("ann/a.ipynb", "done")
    twins = [replace(one, student=replace(one.student, name=name)) for name in ("a:b", "A*b")]
    report.write(twins, WORTH, {"feedback": tmp_path / "back"})
    assert {path.name for path in (tmp_path / "back").iterdir()} == {"A_b.html", "a_b (2).html"}


def test_moodle_imports_its_worksheet(tmp_path):
    report.write(GRADES, WORTH, {"moodle": tmp_path / "m.csv"})
    table = pd.read_csv(tmp_path / "m.csv", dtype=str, keep_default_na=False)
    # Its importer looks for these three headings, and cuts "Participant " off the first.
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(table)
    assert set(table["Identifier"]) == {"Participant 1001", "Participant 201"}
    assert table.set_index("Identifier")["Grade"]["Participant 1001"] == "2.5"
    assert set(table["Maximum Grade"]) == {"4.5"}


def test_canvas_imports_its_gradebook(tmp_path):
    report.write(GRADES, WORTH, {"canvas": tmp_path / "c.csv"})
    table = pd.read_csv(tmp_path / "c.csv", dtype=str, keep_default_na=False, header=None)
    header, possible, *rows = table.to_numpy().tolist()
    # Five columns about the student, of which the last is the section, and assignments after them.
    assert header == [
        "Student",
        "ID",
        "SIS User ID",
        "SIS Login ID",
        "Section",
        "01_data_exploration",
    ]
    assert "Points Possible" in possible[0] and possible[5] == "4.5"
    assert {(row[1], row[5]) for row in rows} == {("1001", "2.5"), ("201", "2")}


def test_nbgrader_s_columns(tmp_path):
    report.write(GRADES, WORTH, {"nbgrader": tmp_path / "n.csv"})
    table = pd.read_csv(tmp_path / "n.csv")
    assert ",".join(table) == (
        "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,"
        "late_submission_penalty,score,max_score"
    )
    assert list(table["score"]) == [2.0, 2.5] and set(table["max_score"]) == {4.5}
    nothing = graded("zoe/a.ipynb", "done", notebook=2)
    report.write([*GRADES, nothing], WORTH, {"nbgrader": tmp_path / "n.csv"})
    assert len(pd.read_csv(tmp_path / "n.csv")) == 3 * 2  # whoever handed in nothing has 0


def test_pages_and_tables_are_safe(tmp_path):
    nasty = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
    student = students_of([f"{nasty}/a.ipynb", "b/c"])[0]
    bad = Grade(
        f"{nasty}/a.ipynb",
        student,
        1,
        "crash",
        "=HYPERLINK(1)",
        exercises={"1.1": Result("wrong", nasty, '"><script>alert(2)</script>')},
        notes=["+1+1", "\tx"],
    )
    names = {"csv": "a.csv", "students": "s.csv", "html": "a.html", "feedback": "back"}
    report.write([bad, *GRADES], WORTH, {kind: tmp_path / name for kind, name in names.items()})
    pages = [tmp_path / "a.html", *(tmp_path / "back").iterdir()]
    assert len(pages) == 4
    for page in pages:
        text = page.read_text()
        assert "<img" not in text and "alert(2)</script>" not in text
        assert "\x1b" not in text and "\u202e" not in text
        assert "http" not in text  # nothing is fetched
    for table in (tmp_path / "a.csv", tmp_path / "s.csv"):
        cells = pd.read_csv(table, dtype=str, keep_default_na=False)
        assert not cells.map(lambda cell: cell.startswith(("=", "+", "@", "\t"))).to_numpy().any()
    names = {path.name for path in (tmp_path / "back").iterdir()}
    assert "Ann Lee_1001_assignfeedback_file_feedback.html" in names


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_the_page_sorts_and_filters(tmp_path):
    from playwright.sync_api import sync_playwright

    late = graded("zoe/hw.ipynb", "not judged", "done")
    report.write([late, *GRADES], WORTH, {"html": tmp_path / "a.html"})
    errors: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((tmp_path / "a.html").as_uri())
        rows = page.locator("#class tbody tr:visible")

        def students() -> list[str]:
            return [text.split("\t")[0].split()[0] for text in rows.all_inner_texts()]

        assert students() == ["=leeben", "Ann", "zoe"]
        page.get_by_role("button", name="points").click()
        assert students() == ["zoe", "=leeben", "Ann"]
        page.get_by_role("button", name="points").click()
        assert students() == ["Ann", "=leeben", "zoe"]
        page.get_by_label("name, file or message").fill("LEEBEN")
        assert students() == ["=leeben"] and "1 of 3" in page.inner_text("#shown")
        page.get_by_label("name, file or message").fill("")
        page.get_by_label("an exercise that is").select_option("not judged")
        assert students() == ["zoe"]
        page.get_by_role("link", name="zoe").click()
        assert page.get_by_text("zoe/hw.ipynb").is_visible()
        browser.close()
    assert not errors


def test_one_file_may_be_graded(tmp_path):
    path = tmp_path / "hw.ipynb"
    path.write_text(notebook(*BLANK))
    assert [one.file for one in find_submissions(path)] == ["hw.ipynb"]


OWN = CURVE.partition("def ")[2].partition("(")[0]
SMALL = {
    "careless": [
        START,
        "raise ValueError\nfine = 1",
        "import os\nassert fine == 1 and 'NMA_SECRET' not in os.environ",
        "from nma_seq2seq.exercises import judging, student\n"
        "done = judging.Judgement(judging.Result('done'), None)\n"
        "student.judge = lambda *given: done",
        WRONG_HZ,
        f"{BLANK[2]}\n{OWN} = nma.exercise('1.2')({OWN})",
        BINS,
        BLANK[3],
        FANO,
    ],
    "crashes": [START, HZ, "import os; os._exit(3)", CURVE],
    "grows": [
        START,
        "import time\nkept = []\nfor _ in range(100):\n"
        "    kept.append(np.ones(2_000_000)); time.sleep(0.05)",
        HZ,
    ],
    # A temporary folder may be wherever the class lies; that torch wraps functions of its own when
    # an optimizer is made is not the notebook's doing.
    "quiet": [
        START,
        "import tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    folder.upper()",
        "import torch\ntorch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1)",
        HZ,
    ],
    "waits": [START, "import time; time.sleep(3000)", HZ],
}


def test_a_small_class(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NMA_SECRET", "x")
    for name, cells in SMALL.items():
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "hw.ipynb").write_text(notebook(*cells))
    options = ["--timeout", "8", "--memory", "1000", "--csv", "a.csv"]
    assert main(["grade", "class", *options]) == 1
    table = pd.read_csv("a.csv", dtype={"exercise": str}, keep_default_na=False)
    assert list(table["student"].unique()) == sorted(SMALL)
    first = table.groupby("student").first()
    assert list(first["state"]) == ["ok", "crash", "out of memory", "ok", "timeout"]
    assert "waited for 8 s" in first["reason"]["waits"]
    assert "it took more than 1000 MB, in cell 1" in first["reason"]["grows"]
    statuses = table.groupby("student")["status"].agg(list)
    assert statuses["careless"] == ["wrong", "not yet", "done", "done"]
    assert statuses["crashes"][:2] == ["done", "not reached"]
    assert statuses["quiet"][0] == "done" and not first["notes"]["quiet"]
    notes = first["notes"]["careless"]
    assert "cell 1 raises ValueError" in notes and notes.count("raises") == 1
    assert "changes nma_seq2seq.exercises.student.judge" in notes
    # What ran to its end, and nothing else, would come out the same again.
    assert len(list((tmp_path / ".nma-seq2seq-grading").iterdir())) == 2


def test_what_did_not_change_is_taken_over(tmp_path, monkeypatch):
    """Neither the file nor the course: here a package of one module."""
    package = tmp_path / "package"
    (package / "course" / "grading").mkdir(parents=True)
    monkeypatch.setattr(grading, "__file__", str(package / "course" / "grading" / "__init__.py"))
    (package / "module.py").write_text("")
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "b.pdf").write_bytes(b"%PDF")

    def taken_over() -> tuple[int, list[str]]:
        shown: list[str] = []
        grades = grade(folder, state=tmp_path / "state", progress=False, show=shown.append)
        said = [int(text.split()[0]) for text in shown if "taken over" in text]
        return sum(said), [f"{one.file}: {one.reason.split(';')[0]}" for one in grades]

    pdf = "a PDF was handed in"
    assert taken_over() == (0, [f"b.pdf: {pdf}"])
    (folder / "a.pdf").write_bytes(b"%PDF")
    assert taken_over() == (1, [f"a.pdf: {pdf}", f"b.pdf: {pdf}"])
    (folder / "b.pdf").write_bytes(b"\x89PNG")
    assert taken_over() == (1, [f"a.pdf: {pdf}", f"b.pdf: {pdf.replace('a PDF', 'an image')}"])
    assert taken_over()[0] == 2
    (package / "module.py").write_text("x = 1")
    assert taken_over()[0] == 0


def test_checkpoint_copies_count_where_there_is_nothing_else(tmp_path):
    for path in ("ann/01.ipynb", "ann/.ipynb_checkpoints/01-checkpoint.ipynb",
                 "ben/.ipynb_checkpoints/01-checkpoint.ipynb", "ben/.ipynb_checkpoints/02.ipynb",
                 ".ipynb_checkpoints/03.ipynb"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(notebook(*BLANK))
    found = [(one.file.split("/")[-1], one.student.name) for one in find_submissions(tmp_path)]
    assert sorted(found) == [
        ("01-checkpoint.ipynb", "ben"),
        ("01.ipynb", "ann"),
        ("02.ipynb", "ben"),
    ]


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


def test_most_of_its_exercises_say_which_notebook_it_is():
    other = "@nma.exercise('5.1')\ndef f(): pass"
    for cells in ([HZ, CURVE, other], [other, HZ, CURVE]):
        found = read("x.ipynb", notebook(*cells))
        assert found.notebook == 1 and set(found.expected) == {"1.1", "1.2", "1.3", "1.4", "5.1"}


def test_when_nbgrader_says_it_was_handed_in(tmp_path):
    folder = tmp_path / "submitted" / "ann" / "ps1"
    folder.mkdir(parents=True)
    (folder / "hw.ipynb").write_text(notebook(*BLANK))
    (folder / "timestamp.txt").write_text("2026-03-01 12:00:00.5 UTC")
    (found,) = find_submissions(tmp_path)
    assert found.handed_in == 1772366400 and found.student.name == "ann"


def test_nothing_leads_out_of_an_archive_or_a_folder(tmp_path):
    (tmp_path / "hw.zip").write_bytes(zipped({"../../etc/hw.ipynb": notebook(*BLANK)}))
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "hw.zip")
    problems = {one.file: one.problem for one in find_submissions(tmp_path)}
    assert set(problems) == {"hw.zip/etc/hw.ipynb", "link.ipynb"}
    assert "a link to" in problems["link.ipynb"]


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
