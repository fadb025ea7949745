"""What came of a class as tables, as pages to look at and hand back, and as gradebooks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from nma_seq2seq.course.grading.grades import STATUSES, Grade, by_student, worth_of
from nma_seq2seq.course.grading.opening import clean
from nma_seq2seq.course.grading.outputs import Outputs
from nma_seq2seq.course.grading.submissions import Student
from nma_seq2seq.exercises import exercises_of, find, notebooks
from nma_seq2seq.files import check_writable, whole_file

# Sign and colours of each status, told apart without colour vision too.
_SIGNS = {
    "done": ("✓", "#0072B2", "#fff"),
    "wrong": ("✗", "#D55E00", "#fff"),
    "not yet": ("·", "#F0F0F0", "#333"),
    "not judged": ("…", "#CC79A7", "#fff"),
    "missing": ("–", "#CCCCCC", "#333"),
    "not reached": ("?", "#F0E442", "#333"),
}
assert set(_SIGNS) == set(STATUSES)


# ---------------------------------------------------------------------- tables


def long_table(grades: Sequence[Grade], worth: Mapping[str, float]) -> pd.DataFrame:
    """One row a file and exercise; a file that could not be run has one row.

    Returns
    -------
    DataFrame
        `student`, `number`, `file`, `notebook`, `counts`, `late`, `handed_in`, `state`, `reason`,
        `seconds`, `peak_mb`, `exercise`, `title`, `status`, `points`, `message`, `notes`.
    """
    rows = []
    for grade in grades:
        common = {
            "student": grade.student.name,
            "number": grade.student.number,
            "file": grade.file,
            "notebook": "" if grade.notebook is None else notebooks()[grade.notebook],
            "counts": grade.counts,
            "late": grade.student.late,
            "handed_in": _time(grade.handed_in),
            "state": grade.state,
            "reason": grade.reason,
            "seconds": grade.seconds,
            "peak_mb": grade.peak_mb,
        }
        for number, result in grade.exercises.items() or [("", None)]:
            is_done = result is not None and result.status == "done"
            rows.append(
                common
                | {
                    "exercise": number,
                    "title": find(number).title if number else "",
                    "status": result.status if result else "",
                    "points": worth.get(number, 1.0) if is_done and grade.counts else 0.0,
                    "message": result.message if result else "",
                    "notes": "; ".join(grade.notes),
                }
            )
    return pd.DataFrame(rows)


def student_table(grades: Sequence[Grade], worth: Mapping[str, float]) -> pd.DataFrame:
    """One row a student.

    Returns
    -------
    DataFrame
        `student`, `number`, `points` and `of`, points by notebook, the status of each exercise of
        the notebooks that somebody handed in, `late`, and `remarks` on files that were not run to
        their end.
    """
    there = sorted({grade.notebook for grade in grades if grade.notebook is not None})
    possible = worth_of(grades, worth)
    rows = []
    for student, own in by_student(grades).items():
        counted = {grade.notebook: grade for grade in own if grade.counts and grade.notebook}
        points = {n: counted[n].points(worth) if n in counted else 0.0 for n in there}
        row: dict[str, Any] = {
            "student": student.name,
            "number": student.number,
            "points": sum(points.values()),
            "of": sum(possible.values()),
        }
        row |= {notebooks()[number]: points[number] for number in there}
        for number in possible:
            mine = counted.get(int(number.split(".")[0]))
            result = mine.exercises.get(number) if mine else None
            row[number] = result.status if result else ""
        row["late"] = any(grade.student.late for grade in own)
        row["remarks"] = "; ".join(f"{g.file}: {g.reason}" for g in own if g.reason and g.counts)
        rows.append(row)
    return pd.DataFrame(rows)


def wrong_causes(grades: Sequence[Grade]) -> pd.DataFrame:
    """What is wrong with answers, the commonest first: `exercise`, `cause`, `notebooks`."""
    rows = [
        {"exercise": number, "cause": result.cause or result.symptom}
        for grade in grades
        for number, result in grade.exercises.items()
        if result.status == "wrong" and grade.counts
    ]
    table = pd.DataFrame(rows, columns=["exercise", "cause"])
    counts = table.value_counts(sort=False).rename("notebooks").reset_index()
    return counts.sort_values("notebooks", ascending=False, kind="stable", ignore_index=True)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "minutes") if seconds else ""


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def text(grades: Sequence[Grade], worth: Mapping[str, float]) -> str:
    """What the command line shows."""
    table = student_table(grades, worth).drop(columns=["remarks", "number", "late"])
    table = table.set_index("student").map(lambda v: _number(v) if isinstance(v, float) else v)
    possible = table.pop("of").iloc[0]
    parts = [f"Points of {possible}\n{table.rename_axis(None).to_string()}"]
    if reasons := [f"{g.file}: {g.state}, {g.reason}" for g in grades if g.reason]:
        parts.append("Files that did not run to their end, and why\n" + "\n".join(reasons))
    if noted := [f"{g.file}: {note}" for g in grades for note in g.notes]:
        parts.append("Noted\n" + "\n".join(noted))
    causes = wrong_causes(grades)
    if len(causes):
        lines = [f"{row.exercise}: {row.cause} ({row.notebooks})" for row in causes.itertuples()]
        parts.append("Wrong answers, the commonest causes first\n" + "\n".join(lines[:10]))
    return "\n\n".join(parts)


# ---------------------------------------------------------------------- gradebooks


def moodle(grades: Sequence[Grade], worth: Mapping[str, float]) -> pd.DataFrame:
    """The columns of an assignment's offline grading worksheet.

    Moodle finds a student by `Identifier`, and needs `Grade` and `Last modified (grade)` beside it.
    """
    table = student_table(grades, worth)
    return pd.DataFrame(
        {
            "Identifier": [f"Participant {number}" if number else "" for number in table["number"]],
            "Full name": table["student"],
            "Status": "",
            "Grade": table["points"].map(_number),
            "Maximum Grade": table["of"].map(_number),
            "Last modified (grade)": "-",
            "Feedback comments": table["remarks"],
        }
    )


def canvas(grades: Sequence[Grade], worth: Mapping[str, float]) -> pd.DataFrame:
    """The columns that Canvas's gradebook imports: a student by `ID`, and one column a notebook.

    The first row says the points possible.
    """
    table = student_table(grades, worth)
    possible = worth_of(grades, worth)
    there = {notebooks()[n]: n for n in sorted({int(number.split(".")[0]) for number in possible})}
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *there]
    blank = dict.fromkeys(columns, "")
    first = {"Student": "    Points Possible"} | {
        name: _number(sum(w for n, w in possible.items() if int(n.split(".")[0]) == notebook))
        for name, notebook in there.items()
    }
    rows = [
        {"Student": row["student"], "ID": row["number"]} | {n: _number(row[n]) for n in there}
        for row in table.to_dict("records")
    ]
    return pd.DataFrame([blank | row for row in (first, *rows)], columns=columns)


def nbgrader(grades: Sequence[Grade], worth: Mapping[str, float]) -> pd.DataFrame:
    """The columns that `nbgrader export` writes: one row an assignment and student."""
    possible = worth_of(grades, worth)
    rows = []
    for notebook in sorted({int(number.split(".")[0]) for number in possible}):
        most = sum(w for n, w in possible.items() if int(n.split(".")[0]) == notebook)
        for student, own in by_student(grades).items():
            mine = next((g for g in own if g.counts and g.notebook == notebook), None)
            score = mine.points(worth) if mine else 0.0
            rows.append(
                {
                    "assignment": notebooks()[notebook],
                    "duedate": "",
                    "timestamp": _time(mine.handed_in) if mine else "",
                    "student_id": student.number or student.name,
                    "last_name": "",
                    "first_name": student.name if student.number else "",
                    "email": "",
                    "raw_score": score,
                    "late_submission_penalty": 0.0,
                    "score": score,
                    "max_score": most,
                }
            )
    return pd.DataFrame(rows)


GRADEBOOKS = {"moodle": moodle, "canvas": canvas, "nbgrader": nbgrader}


# ---------------------------------------------------------------------- pages


def page(grades: Sequence[Grade], worth: Mapping[str, float]) -> str:
    """An HTML page: students by exercise, the commonest wrong causes, each student's messages."""
    there = sorted({grade.notebook for grade in grades if grade.notebook is not None})
    table = student_table(grades, worth).to_dict("records")
    students = [
        {"row": row, "student": student, "grades": own}
        for row, (student, own) in zip(table, by_student(grades).items(), strict=True)
    ]
    columns = {n: [e.number for e in exercises_of(n)] for n in there}
    shares = {
        number: sum(row[number] == "done" for row in table) / max(len(table), 1)
        for numbers in columns.values()
        for number in numbers
    }
    return _render(
        "class.html",
        students=students,
        columns=columns,
        shares=shares,
        n_files=len(grades),
        n_notebooks=sum(grade.notebook is not None for grade in grades),
        causes=wrong_causes(grades).to_dict("records"),
    )


def feedback(student: Student, own: Sequence[Grade], worth: Mapping[str, float]) -> str:
    """The HTML page that one student gets back."""
    return _render("feedback.html", student=student, grades=own, worth=worth)


def _render(template: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nma_seq2seq.course.grading"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: clean_text(value) if isinstance(value, str) else value,
    )
    environment.filters["points"] = _number
    environment.filters["time"] = _time
    environment.filters["worth"] = lambda number, worth: worth.get(number, 1.0)
    environment.globals.update(
        signs=_SIGNS, notebooks=notebooks(), title=lambda number: find(number).title
    )
    return environment.get_template(template).render(**values)


def clean_text(value: str) -> str:
    """A text for a page: without control characters; what is marked as HTML stays that."""
    kept = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "\ufffd", value)
    return type(value)(kept)


# ---------------------------------------------------------------------- writing


def check_points(points: Mapping[str, float]) -> dict[str, float]:
    """The points, if each is of an exercise and 0 or more; a ValueError if not."""
    for number, worth in points.items():
        find(number)
        if not 0 <= worth < 1e6:
            raise ValueError(f"exercise {number} is worth {worth:g} points; give 0 or more")
    return dict(points)


def check_outputs(outputs: Outputs) -> None:
    """Raise an OSError in one sentence if something could not be written."""
    single = (outputs.csv, outputs.students, outputs.html, *outputs.gradebooks.values())
    for path in filter(None, single):
        check_writable(path)
    if outputs.feedback is not None and not outputs.feedback.is_dir():
        check_writable(outputs.feedback)
        if outputs.feedback.exists():
            raise NotADirectoryError(f"{outputs.feedback} is a file; name a folder for feedback")


def write(grades: Sequence[Grade], worth: Mapping[str, float], outputs: Outputs) -> None:
    """Write what is asked for, each file whole or not at all."""
    if outputs.csv is not None:
        _write_csv(long_table(grades, worth), outputs.csv)
    if outputs.students is not None:
        _write_csv(student_table(grades, worth), outputs.students)
    for platform, path in outputs.gradebooks.items():
        _write_csv(GRADEBOOKS[platform](grades, worth), path)
    if outputs.html is not None:
        _write_text(page(grades, worth), outputs.html)
    if outputs.feedback is not None:
        outputs.feedback.mkdir(exist_ok=True)
        taken: set[str] = set()
        for student, own in by_student(grades).items():
            name = _feedback_name(student, taken)
            _write_text(feedback(student, own, worth), outputs.feedback / name)


def _feedback_name(student: Student, taken: set[str]) -> str:
    """As the platform finds a student by it, or the student's name; no two the same."""
    name = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", clean(student.name))[:80].strip(". ")
    if student.platform == "moodle":
        name = f"{name.replace('_', ' ')}_{student.number}_assignfeedback_file_feedback"
    elif student.number:
        name = f"{name}_{student.number}"
    first, n = name or "student", 1
    name = first
    while name.casefold() in taken:
        n += 1
        name = f"{first} ({n})"
    taken.add(name.casefold())
    return f"{name}.html"


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    safe = table.map(lambda value: _harmless(value) if isinstance(value, str) else value)
    with whole_file(path) as temporary:
        safe.to_csv(temporary, index=False, encoding="utf-8", errors="backslashreplace")


def _harmless(value: str) -> str:
    """A text that no spreadsheet takes for a formula, on one line."""
    value = re.sub(r"[\t\r\n]+", " ", clean_text(value))
    return f"'{value}" if value[:1] in tuple("=+-@\t\r") and value != "-" else value


def _write_text(text: str, path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
