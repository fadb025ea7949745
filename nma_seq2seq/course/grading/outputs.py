"""Where to write what came of a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outputs:
    """Files and a folder; None is nowhere.

    Attributes
    ----------
    csv : Path, optional
        One row a file and exercise.
    students : Path, optional
        A CSV with one row a student.
    html : Path, optional
        The page to look at.
    feedback : Path, optional
        A folder, made if need be: one page a student.
    gradebooks : dict of platform ("moodle", "canvas" or "nbgrader") -> Path
        A CSV in the columns that it imports.
    """

    csv: Path | None = None
    students: Path | None = None
    html: Path | None = None
    feedback: Path | None = None
    gradebooks: Mapping[str, Path] = field(default_factory=dict)


NOWHERE = Outputs()
