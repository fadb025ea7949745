"""What came of each file handed in: the typed rows that `grade` returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nma_seq2seq.course.grading.submissions import Student, Submission
from nma_seq2seq.exercises import Result, exercises_of


@dataclass(frozen=True)
class Grade:
    """What came of one file handed in.

    Attributes
    ----------
    file : str
    student : Student
    notebook : int or None
        The course's notebook whose exercises it holds.
    state : "ok", "timeout", "crash", "out of memory", "invalid" or "no notebook"
        "no notebook" where it is something else, such as a PDF; "invalid" where it should be a
        notebook of the course and cannot be run.
    reason : str
        Where and why, for any state but ok.
    seconds : float
        Of processor time.
    peak_mb : int
        Largest resident memory of its largest process; 0 where it is not known.
    exercises : dict of exercise number -> Result
        Besides what a check says, its `status` may be "not judged" where a limit ended the check,
        "missing" where the notebook holds none, "not reached" where the notebook ended before.
    notes : list of str
    handed_in : float
        Seconds since 1970; 0 where it is not known.
    counts : bool
        False where the same student's other notebook with these exercises counts in its place.
    """

    file: str
    student: Student
    notebook: int | None
    state: str
    reason: str = ""
    seconds: float = 0.0
    peak_mb: int = 0
    exercises: dict[str, Result] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    handed_in: float = 0.0
    counts: bool = True

    @classmethod
    def of(cls, submission: Submission, state: str, reason: str = "", **more: Any) -> Grade:
        """What came of a submission."""
        about = submission.file, submission.student, submission.notebook, state, reason
        return cls(*about, handed_in=submission.handed_in, **more)

    @property
    def n_done(self) -> int:
        """How many exercises are done."""
        return sum(result.status == "done" for result in self.exercises.values())

    @property
    def is_all_done(self) -> bool:
        """Whether it ran to its end with every exercise done."""
        return self.state == "ok" and self.n_done == len(self.exercises)

    @property
    def is_final(self) -> bool:
        """Whether it would come out the same again: no limit ended it or one of its checks."""
        judged = all(result.status != "not judged" for result in self.exercises.values())
        return self.state in ("ok", "invalid", "no notebook") and judged

    def points(self, worth: Mapping[str, float]) -> float:
        """Of what is done, where `worth` gives each exercise's points (1 where it does not)."""
        done = (number for number, result in self.exercises.items() if result.status == "done")
        return sum(worth.get(number, 1.0) for number in done)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Grade:
        """What `as_dict` gave."""
        exercises = {number: Result(**result) for number, result in content["exercises"].items()}
        student = Student(**content["student"])
        return cls(**content | {"exercises": exercises, "student": student})


def choose(grades: Sequence[Grade], worth: Mapping[str, float], best: bool = False) -> list[Grade]:
    """Say which of a student's notebooks with the same exercises counts: the newest, or the best.

    Those that could be run go before those that could not.
    """

    def rank(place: int) -> tuple:
        grade = grades[place]
        newest = grade.student.attempt, grade.handed_in // 60, *natural(grade.file)
        points = grade.points(worth) if best else 0.0
        return grade.state != "invalid", points, *newest

    chosen: dict[tuple[str, int], int] = {}
    for place, grade in enumerate(grades):
        if grade.notebook is not None:
            key = grade.student.key, grade.notebook
            if key not in chosen or rank(place) > rank(chosen[key]):
                chosen[key] = place
    kept = set(chosen.values())
    return [
        grade if grade.notebook is None else replace(grade, counts=place in kept)
        for place, grade in enumerate(grades)
    ]


def natural(file: str) -> tuple[int, str]:
    """Sorts "hw.ipynb" before "hw (2).ipynb" before "hw (10).ipynb"."""
    digits = file.rpartition(".")[0].rstrip(")").rpartition("(")[2]
    return (int(digits) if digits.isdecimal() and len(digits) < 9 else 0), file


def possible(grades: Iterable[Grade], worth: Mapping[str, float]) -> dict[int, dict[str, float]]:
    """Notebook -> exercise -> points, of the notebooks that somebody handed in."""
    there = sorted({grade.notebook for grade in grades if grade.notebook is not None})
    return {n: {one.number: worth.get(one.number, 1.0) for one in exercises_of(n)} for n in there}


def counting(own: Iterable[Grade]) -> dict[int | None, Grade]:
    """Notebook -> the one of a student's that counts."""
    return {grade.notebook: grade for grade in own if grade.counts}


def by_student(grades: Sequence[Grade]) -> dict[Student, list[Grade]]:
    """Each student's, in the order of their names."""
    found: dict[str, list[Grade]] = {}
    for grade in grades:
        found.setdefault(grade.student.key, []).append(grade)
    ordered = sorted(found.values(), key=lambda own: own[0].student.name.casefold())
    return {own[0].student: own for own in ordered}
