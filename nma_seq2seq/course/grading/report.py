"""What came of a class as tables, as pages to look at and hand back, and as gradebooks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from nma_seq2seq.course.grading.grades import Grade, by_student, counting, possible
from nma_seq2seq.course.grading.opening import one_line
from nma_seq2seq.course.grading.submissions import Student
from nma_seq2seq.exercises import find, notebooks
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
    there = possible(grades, worth)
    rows = []
    for student, own in by_student(grades).items():
        counted = counting(own)
        points = {n: counted[n].points(worth) if n in counted else 0.0 for n in there}
        row: dict[str, Any] = {
            "student": student.name,
            "number": student.number,
            "points": sum(points.values()),
            "of": sum(sum(exercises.values()) for exercises in there.values()),
        }
        row |= {notebooks()[notebook]: points[notebook] for notebook in there}
        for notebook, exercises in there.items():
            found = counted[notebook].exercises if notebook in counted else {}
            row |= {number: found[number].status if number in found else "" for number in exercises}
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
    there = {notebooks()[n]: exercises for n, exercises in possible(grades, worth).items()}
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *there]
    most = {name: _number(sum(exercises.values())) for name, exercises in there.items()}
    rows = [{"Student": "    Points Possible", "ID": ""} | most]
    for row in student_table(grades, worth).to_dict("records"):
        points = {name: _number(row[name]) for name in there}
        rows.append({"Student": row["student"], "ID": row["number"]} | points)
    return pd.DataFrame(rows).reindex(columns=columns, fill_value="")


def nbgrader(grades: Sequence[Grade], worth: Mapping[str, float]) -> pd.DataFrame:
    """The columns that `nbgrader export` writes: one row an assignment and student."""
    rows = []
    for notebook, exercises in possible(grades, worth).items():
        for student, own in by_student(grades).items():
            mine = counting(own).get(notebook)
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
                    "max_score": sum(exercises.values()),
                }
            )
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------- pages


def page(grades: Sequence[Grade], worth: Mapping[str, float]) -> str:
    """An HTML page: students by exercise, the commonest wrong causes, each student's messages."""
    table = student_table(grades, worth)
    students = [
        {"row": row, "grades": own}
        for row, own in zip(table.to_dict("records"), by_student(grades).values(), strict=True)
    ]
    numbers = [number for exercises in possible(grades, worth).values() for number in exercises]
    return _render(
        "class.html",
        students=students,
        shares={number: (table[number] == "done").mean() for number in numbers},
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
        # What a macro gives is no str, and has been through this.
        finalize=lambda value: one_line(value) if type(value) is str else value,
    )
    environment.filters["points"] = _number
    environment.filters["time"] = _time
    environment.filters["worth"] = lambda number, worth: worth.get(number, 1.0)
    environment.globals.update(
        signs=_SIGNS, notebooks=notebooks(), title=lambda number: find(number).title
    )
    return environment.get_template(template).render(**values)


# ---------------------------------------------------------------------- writing


def check_points(points: Mapping[str, float]) -> dict[str, float]:
    """The points, if each is of an exercise and 0 or more; a ValueError if not."""
    for number, worth in points.items():
        find(number)
        if not 0 <= worth < 1e6:
            raise ValueError(f"exercise {number} is worth {worth:g} points; give 0 or more")
    return dict(points)


def check_outputs(outputs: Mapping[str, Path]) -> None:
    """Raise an OSError in one sentence if something could not be written."""
    for kind, path in outputs.items():
        if kind == "feedback" and path.is_file():
            raise NotADirectoryError(f"{path} is a file; name a folder for feedback")
        if kind != "feedback" or not path.is_dir():
            check_writable(path)


def write(grades: Sequence[Grade], worth: Mapping[str, float], outputs: Mapping[str, Path]) -> None:
    """Write what is asked for, each file whole or not at all."""
    for kind, path in outputs.items():
        if kind == "html":
            _write_text(page(grades, worth), path)
        elif kind == "feedback":
            path.mkdir(exist_ok=True)
            taken: set[str] = set()
            for student, own in by_student(grades).items():
                _write_text(feedback(student, own, worth), path / _feedback_name(student, taken))
        else:
            _write_csv(_TABLES[kind](grades, worth), path)


_TABLES = {
    "csv": long_table,
    "students": student_table,
    "moodle": moodle,
    "canvas": canvas,
    "nbgrader": nbgrader,
}


def _feedback_name(student: Student, taken: set[str]) -> str:
    """As the platform finds a student by it, or the student's name; no two the same."""
    name = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", student.name)[:80].strip(". ")
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
    value = one_line(value)
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) and value != "-" else value


def _write_text(text: str, path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
