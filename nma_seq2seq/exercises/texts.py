"""The words of a notebook's exercises: a text file beside the module that checks the answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HEADING = re.compile(r"(\d+\.\d+) (.+) \((\d+) minutes, difficulty ([123]) of 3\)")


@dataclass(frozen=True)
class Line:
    """A line of such a file, where it stands, and the lines that belong to it.

    Of an exercise's heading, these are the lines at the margin; of such a line, the indented ones.
    """

    place: str
    text: str
    below: list[Line] = field(default_factory=list)

    def error(self, what: str) -> ValueError:
        return ValueError(f"{self.place}: {what}")


def headings(file: Path) -> list[Line]:
    """The headings of a file's exercises, without "== "; what stands above the first is left out.

    Raises
    ------
    ValueError
        Naming file and line, where a line has no place.
    """
    found: list[Line] = []
    for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        line = Line(f"{file.name}, line {number}", text.removeprefix("== ").removeprefix("    "))
        if text.startswith("== "):
            found.append(line)
        elif found and text.startswith("    "):
            if not found[-1].below:
                raise line.error("is indented, but no line at the margin says what it is")
            found[-1].below[-1].below.append(line)
        elif found and text.strip():
            if text[0].isspace():
                raise line.error("is indented by less than four spaces")
            found[-1].below.append(line)
    return found


def mistakes_of(lines: list[Line]) -> dict[str, list[str]]:
    """Sentence -> edits, as in `edits`, of lines that are each a known mistake.

    Raises
    ------
    ValueError
        Naming file and line, where an edit is none, or a sentence is without edits or stands twice.
    """
    found: dict[str, list[str]] = {}
    for sentence in lines:
        if sentence.text in found:
            raise sentence.error(f"{sentence.text!r} stands there twice; join its edits")
        if not sentence.below:
            raise sentence.error(
                f"no lines belong to {sentence.text!r}; indent them by four spaces"
            )
        for edit in sentence.below:
            for step in edit.text.split(" ;; "):
                if not re.search("-> |^return | ->$", step):
                    raise edit.error(
                        f'{step!r} is no edit; write "old -> new", "-> new" or "return new"'
                    )
        found[sentence.text] = [edit.text for edit in sentence.below]
    return found


def read_texts(file: Path) -> dict[str, dict[str, Any]]:
    """Number of an exercise -> its title, minutes, difficulty, hints, gaps and mistakes.

    Raises
    ------
    ValueError
        Naming file and line, where something is not as the first lines of the file have it.
    """
    found: dict[str, dict[str, Any]] = {}
    for heading in headings(file):
        match = _HEADING.fullmatch(heading.text)
        if not match:
            raise heading.error(
                f"{heading.text!r} is no heading; write it as in "
                "5.1 the Poisson loss (10 minutes, difficulty 1 of 3)"
            )
        number, title, minutes, difficulty = match.groups()
        if number in found:
            raise heading.error(f"exercise {number} stands there twice")
        parts: dict[str, list[Line]] = {"hint": [], "gaps": [], "": []}
        for line in heading.below:
            parts.get(line.text, parts[""]).append(line)
        if len(parts["hint"]) != 2:
            raise heading.error(
                f"exercise {number} has {len(parts['hint'])} hints; write two, the others are "
                "made from the answer"
            )
        found[number] = {
            "title": title,
            "minutes": int(minutes),
            "difficulty": int(difficulty),
            "hints": tuple(" ".join(line.text for line in hint.below) for hint in parts["hint"]),
            "gaps": tuple(
                gap.text.replace("\\n", "\n") for gaps in parts["gaps"] for gap in gaps.below
            ),
            "mistakes": mistakes_of(parts[""]),
        }
    return found
