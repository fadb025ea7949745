"""What was handed in: notebooks matched to the course's by their exercises, and whose they are."""

from __future__ import annotations

import hashlib
import posixpath
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import nbformat

from nma_seq2seq.course.grading.opening import File, one_line, open_all, printable
from nma_seq2seq.exercises import exercises_of, notebooks

# What a learning platform calls a file that it hands out.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assign(?:submission|feedback)_[a-z]+")
_CANVAS = re.compile(
    r"(?P<name>[^_]+)(?P<late>_late)?_(?P<number>\d+)_(?P<attempt>\d+)_(?P<rest>.+)", re.IGNORECASE
)
# Folders of a class that are no students: weeks, sheets, the course's notebooks.
_NO_STUDENT = re.compile(
    r"(week|hw|homework|assignment|exercises?|notebook|nb|day|sheet|lab|session|tutorials?|part"
    r"|submissions?|submitted|class|\d+)?[\s_-]*\d*(_[a-z_]+)?",
    re.IGNORECASE,
)
_SUFFIXES = re.compile(
    r"(\.(ipynb|json|txt|download|zip|tar|gz|tgz|html?|pdf|py|docx?))+$", re.IGNORECASE
)
# What of a cell is no code; other strings, which may be an exercise's number, are group 2.
_NO_CODE = re.compile(
    r"""(\"\"\"|\'\'\').*?\1|\#[^\n]*|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.DOTALL
)
# `exercise as task` and `task = nma.exercise`.
_RENAMED = re.compile(
    r"\bexercise\s+as\s+(\w++)|\b(\w++)\s*+=\s*+[\w.]*\bexercise\s*$", re.MULTILINE
)
_STAMP = "timestamp.txt"  # nbgrader's, beside a notebook


@dataclass(frozen=True)
class Student:
    """Whose a file is, as far as its path says.

    Attributes
    ----------
    name : str
    number : str
        The learning platform's own; empty where there is none.
    platform : "moodle", "canvas" or ""
    late : bool
        Whether the platform says that this file is late.
    attempt : int
        Larger for what was handed in later, where the platform numbers it.
    """

    name: str
    number: str = ""
    platform: str = ""
    late: bool = False
    attempt: int = 0

    @property
    def key(self) -> str:
        """The same for all files of one student."""
        return f"{self.platform} {self.number}" if self.number else self.name.casefold()


@dataclass(frozen=True)
class Cell:
    """A code cell: its place in the notebook, its source, and the exercises it checks."""

    index: int
    source: str
    exercises: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """One file that was handed in.

    Attributes
    ----------
    file : str
        Path below the folder, or within the zip.
    student : Student
    digest : str
        Of its content.
    handed_in : float
        Seconds since 1970; 0 where it is not known.
    notebook : int or None
        The course's notebook whose exercises it holds.
    cells : tuple of Cell
    displaced : dict of exercise number -> str
        Exercises that are there, but in no cell that could be run, and where.
    state : str
        Empty where it can be run; "invalid" or "no notebook" where it cannot.
    problem : str
        Why it cannot.
    notes : tuple of str
        What an instructor should know, such as an exercise that is there twice.
    """

    file: str
    student: Student
    digest: str
    handed_in: float = 0.0
    notebook: int | None = None
    cells: tuple[Cell, ...] = ()
    displaced: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def expected(self) -> tuple[str, ...]:
        """Numbers of the exercises of its notebook, and of others that it holds besides."""
        own = [exercise.number for exercise in exercises_of(self.notebook)] if self.notebook else []
        return tuple(dict.fromkeys([*own, *self.present]))

    @property
    def present(self) -> tuple[str, ...]:
        """Numbers of the exercises that it holds, in order, each as often as it is there."""
        return tuple(number for cell in self.cells for number in cell.exercises)


def find_submissions(where: Path) -> list[Submission]:
    """What was handed in, in the order of the files' paths; it raises as `open_all` does."""
    files = open_all(where)
    stamps = {
        PurePosixPath(file.path).parent: stamp
        for file in files
        if PurePosixPath(file.path).name == _STAMP and (stamp := _stamp(file))
    }
    files = [file for file in files if PurePosixPath(file.path).name != _STAMP]
    students = students_of([file.path for file in files])
    return [
        read_submission(
            replace(file, modified=stamps.get(PurePosixPath(file.path).parent, file.modified)),
            student,
        )
        for file, student in zip(files, students, strict=True)
    ]


def _stamp(file: File) -> float:
    match = re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", file.text)
    return datetime.fromisoformat(f"{match[0]}+00:00").timestamp() if match else 0.0


# ---------------------------------------------------------------------- whose it is


def students_of(paths: Sequence[str]) -> list[Student]:
    """Whose each file is: from a platform's names, else the first folder that is a person's."""
    above = posixpath.commonpath([posixpath.dirname(path) for path in paths or [""]])
    shared = len(PurePosixPath(above).parts) if len(paths) > 1 else 0
    split = [PurePosixPath(path).parts for path in paths]
    return [_student(parts, parts[shared:]) for parts in split]


def _student(parts: Sequence[str], below: Sequence[str]) -> Student:
    for part in parts:
        if match := _MOODLE.match(part):
            return Student(_name(match["name"]), match["number"], "moodle")
    for part in parts:
        if match := _CANVAS.match(part):
            is_late, attempt = match["late"] is not None, int(match["attempt"][:18])
            return Student(_name(match["name"]), match["number"], "canvas", is_late, attempt)
    for part in below[:-1]:
        stem = _SUFFIXES.sub("", part)
        if not _NO_STUDENT.fullmatch(stem):
            return Student(_name(stem))
    if len(below) > 1 and _NO_STUDENT.fullmatch(_stem(below[-1])):
        return Student(_name(below[0]))
    return Student(_name(_person(_stem(below[-1])) or below[-1]))


def _name(text: str) -> str:
    return one_line(text) or "(no name)"


def _stem(name: str) -> str:
    stem = re.sub(r"\s*\(\d+\)$", "", name)
    stem = _SUFFIXES.sub("", stem)
    return re.sub(r"\s*\(\d+\)$|\s+-\s+(Copy|Kopie)$", "", stem)


def _person(stem: str) -> str:
    """ "ann" of "ann_05_poisson_loss", "ann-05" or "05_ann"."""
    for name in notebooks().values():
        stem = re.sub(rf"[\s_-]*{name}[\s_-]*", "", stem, flags=re.IGNORECASE)
    stem = re.sub(r"^\d\d?[\s_-]+|[\s_-]+\d\d?$", "", stem)
    return stem.strip(" _-")


# ---------------------------------------------------------------------- a notebook's cells


def read_submission(file: File, student: Student | None = None) -> Submission:
    """A notebook's code cells and exercises; nothing of its metadata or outputs is used."""
    about = Submission(
        file.path,
        student or students_of([file.path])[0],
        hashlib.sha256(file.content or file.problem.encode()).hexdigest(),
        file.modified,
    )
    if file.problem:
        return replace(about, state=file.state, problem=file.problem)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, as Colab saves them
            notebook = nbformat.reads(file.text, as_version=4)
        sources = [
            (index, cell["cell_type"], printable("".join(cell["source"])))
            for index, cell in enumerate(notebook["cells"])
        ]
    except Exception as error:  # nbformat raises almost anything on files that are no notebooks
        what = one_line(str(error))[:120]
        return replace(
            about, state="invalid", problem=f"not a whole notebook ({what}); ask for it once more"
        )

    code = {index: _NO_CODE.sub(r"\2", source) for index, kind, source in sources if kind == "code"}
    call = _call_of_exercise(code.values())
    known = {one.number for notebook in notebooks() for one in exercises_of(notebook)}
    cells = tuple(
        Cell(index, source, tuple(n for n in call.findall(code[index]) if n in known))
        for index, kind, source in sources
        if kind == "code"
    )
    counts = Counter(number for cell in cells for number in cell.exercises)
    displaced = {}
    for index, kind, source in sources:
        for number in known & set(call.findall(source)) - set(counts):
            how = "is commented out" if kind == "code" else f"is of the kind {kind}, not code"
            displaced[number] = f"its cell {how} (cell {index})"
    by_notebook = Counter(int(number.split(".")[0]) for number in [*counts, *displaced])
    if not by_notebook:
        return replace(about, state="invalid", problem="no exercise of the course is in it")
    return replace(
        about,
        notebook=by_notebook.most_common(1)[0][0],
        cells=cells,
        displaced=displaced,
        notes=tuple(
            f"exercise {n} is there {k} times; the best counts" for n, k in counts.items() if k > 1
        ),
    )


def _call_of_exercise(code: Iterable[str]) -> re.Pattern:
    """How a notebook checks an exercise, whatever it calls `exercise`; the number is group 1."""
    renamed = {a or b for source in code for a, b in _RENAMED.findall(source)}
    names = "|".join(sorted({"exercise", *renamed}))
    return re.compile(rf"\b(?:{names})\s*\(\s*(?:number\s*=\s*)?[\"'](\d+\.\d+)[\"']")
