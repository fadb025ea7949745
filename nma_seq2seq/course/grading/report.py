"""Grades as tables and as one HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence

import pandas as pd

from nma_seq2seq.course.grading.supervise import Grade
from nma_seq2seq.exercises import exercises_of, find, notebooks

# Sign and colour of each status, told apart without colour vision too.
_STATUS = {
    "done": ("✓", "#0072B2", "#fff"),
    "wrong": ("✗", "#D55E00", "#fff"),
    "not yet": ("·", "#F0F0F0", "#333"),
    "missing": ("–", "#CCCCCC", "#333"),
    "not reached": ("?", "#F0E442", "#333"),
}


def long_table(grades: Sequence[Grade]) -> pd.DataFrame:
    """One row a notebook and exercise; a notebook that could not be read has one row.

    Returns
    -------
    DataFrame
        `file`, `notebook`, `state`, `reason`, `seconds`, `peak_mb`, `exercise`, `title`, `status`,
        `message`, `notes`.
    """
    rows = []
    for grade in grades:
        common = {
            "file": grade.file,
            "notebook": "" if grade.notebook is None else notebooks()[grade.notebook],
            "state": grade.state,
            "reason": grade.reason,
            "seconds": grade.seconds,
            "peak_mb": grade.peak_mb,
        }
        for number, result in grade.exercises.items() or [("", None)]:
            exercise = {
                "exercise": number,
                "title": find(number).title if number else "",
                "status": result.status if result else "",
                "message": result.message if result else "",
            }
            rows.append(common | exercise | {"notes": "; ".join(grade.notes)})
    return pd.DataFrame(rows)


def wide_tables(grades: Sequence[Grade]) -> dict[str, pd.DataFrame]:
    """For each of the course's notebooks, files by exercises; unreadable files come last."""
    tables = {}
    numbers = sorted({grade.notebook for grade in grades if grade.notebook})
    for notebook in numbers:
        mine = [grade for grade in grades if grade.notebook == notebook]
        columns = [exercise.number for exercise in exercises_of(notebook)]
        columns += sorted({n for grade in mine for n in grade.exercises} - set(columns))
        rows = {
            grade.file: [grade.state]
            + [grade.exercises[n].status if n in grade.exercises else "" for n in columns]
            for grade in mine
        }
        tables[notebooks()[notebook]] = pd.DataFrame.from_dict(
            rows, orient="index", columns=["state", *columns]
        ).rename_axis("file")
    if unread := [grade for grade in grades if grade.notebook is None]:
        tables["not of this course, or not readable"] = pd.DataFrame(
            {"state": [g.state for g in unread], "reason": [g.reason for g in unread]},
            index=pd.Index([g.file for g in unread], name="file"),
        )
    return tables


def wrong_causes(grades: Sequence[Grade]) -> pd.DataFrame:
    """The likely causes of wrong answers, the commonest first: `exercise`, `cause`, `notebooks`."""
    rows = [
        {"exercise": number, "cause": result.message.split("likely cause: ")[-1]}
        for grade in grades
        for number, result in grade.exercises.items()
        if result.status == "wrong"
    ]
    table = pd.DataFrame(rows, columns=["exercise", "cause"])
    counts = table.value_counts(sort=False).rename("notebooks").reset_index()
    return counts.sort_values("notebooks", ascending=False, kind="stable", ignore_index=True)


def text(grades: Sequence[Grade]) -> str:
    """What the command line shows."""
    parts = [f"{name}\n{table.to_string()}" for name, table in wide_tables(grades).items()]
    reasons = [f"{g.file}: {g.state}, {g.reason}" for g in grades if g.reason and g.notebook]
    if reasons:
        parts.append("Notebooks that did not run to their end, and why\n" + "\n".join(reasons))
    if noted := [f"{g.file}: {note}" for g in grades for note in g.notes]:
        parts.append("Noted\n" + "\n".join(noted))
    causes = wrong_causes(grades)
    if len(causes):
        lines = [f"{row.exercise}: {row.cause} ({row.notebooks})" for row in causes.itertuples()]
        parts.append("Wrong answers, the commonest causes first\n" + "\n".join(lines[:10]))
    return "\n\n".join(parts)


def page(grades: Sequence[Grade]) -> str:
    """An HTML page: class by exercise, the commonest wrong causes, each student's messages."""
    parts = [_heat_map(name, table) for name, table in wide_tables(grades).items()]
    legend = " ".join(f"{_sign(status)} {status}" for status in _STATUS)
    causes = wrong_causes(grades)
    if len(causes):
        rows = "".join(
            f"<tr><td>{row.exercise} {_e(find(row.exercise).title)}</td><td>{_e(row.cause)}</td>"
            f"<td>{row.notebooks}</td></tr>"
            for row in causes.itertuples()
        )
        parts.append(
            "<h2>Wrong answers, the commonest causes first</h2><table><tr><th>exercise</th>"
            f"<th>likely cause</th><th>notebooks</th></tr>{rows}</table>"
        )
    parts.append("<h2>Each notebook</h2>" + "".join(map(_messages, grades)))
    return _PAGE.format(legend=legend, body="\n".join(parts))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Exercises of the class</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }}
table {{ border-collapse: collapse; margin: 0.5em 0 2em; }}
th, td {{ padding: 0.25em 0.6em; text-align: left; border-bottom: 1px solid #ddd; }}
td.status {{ text-align: center; padding: 0; border: 2px solid #fff; }}
.sign {{ display: inline-block; min-width: 2.4em; text-align: center; border-radius: 3px; }}
td .sign {{ display: block; padding: 0.2em 0; }}
th small {{ display: block; font-weight: normal; max-width: 9em; }}
details {{ margin: 0.4em 0; }}
.state {{ color: #A03000; font-weight: bold; }}
</style></head><body>
<h1>Exercises of the class</h1>
<p>{legend}</p>
{body}
</body></html>
"""


def _e(text: str) -> str:
    return html.escape(str(text))


def _sign(status: str) -> str:
    sign, background, colour = _STATUS[status]
    return (
        f'<span class="sign" style="background:{background};color:{colour}" '
        f'title="{status}">{sign}</span>'
    )


def _heat_map(name: str, table: pd.DataFrame) -> str:
    def heading(column: str) -> str:
        title = f"<small>{_e(find(column).title)}</small>" if column[0].isdigit() else ""
        return f"<th>{_e(column)}{title}</th>"

    head = "<th>file</th>" + "".join(map(heading, table.columns))
    rows = []
    for file, row in table.iterrows():
        cells = [f'<td><a href="#{_e(file)}">{_e(file)}</a></td>']
        for value in row:
            cells.append(
                f'<td class="status">{_sign(value)}</td>'
                if value in _STATUS
                else f"<td>{_state(value)}</td>"
            )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    shares = ""
    if "reason" not in table:
        done = (table.drop(columns="state") == "done").mean()
        shares = "".join(f"<td>{share:.0%}</td>" for share in done)
        shares = f"<tr><td><b>done by</b></td><td></td>{shares}</tr>"
    return f"<h2>{_e(name)}</h2><table><tr>{head}</tr>{''.join(rows)}{shares}</table>"


def _state(value: str) -> str:
    return _e(value) if value in ("", "ok") else f'<span class="state">{_e(value)}</span>'


def _messages(grade: Grade) -> str:
    lines = [f"<p>{_state(grade.state)}: {_e(grade.reason)}</p>"] if grade.reason else []
    lines += [f"<p>{_e(note)}</p>" for note in grade.notes]
    for number, result in grade.exercises.items():
        title = _e(find(number).title)
        message = f": {_e(result.message)}" if result.message else ""
        lines.append(f"<p>{_sign(result.status)} {number} {title}{message}</p>")
    summary = f"{grade.n_done} of {len(grade.exercises)} done" if grade.exercises else grade.state
    return (
        f'<details id="{_e(grade.file)}"><summary>{_e(grade.file)}: {summary}, '
        f"{grade.seconds:.0f} s</summary>{''.join(lines)}</details>"
    )
