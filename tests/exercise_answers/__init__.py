"""Right and wrong answers to every exercise, and how the checks fare with them.

`python -m tests.exercise_answers` prints the percentages; `make verdicts` does too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nma_seq2seq.exercises import Result, find, notebooks
from nma_seq2seq.exercises.edits import edited
from nma_seq2seq.exercises.judging import judge
from nma_seq2seq.exercises.texts import headings, mistakes_of


@dataclass(frozen=True)
class Wrong:
    """A wrong answer, and what its verdict must say; "" where nothing can be singled out."""

    answer: Any
    says: str
    result: Result

    @property
    def is_flagged(self) -> bool:
        return self.result.status in ("wrong", "not judged")

    @property
    def is_named(self) -> bool:
        """The cause is the one; an error of Python's own says it in the symptom."""
        return bool(self.says) and self.says in f"{self.result.symptom}: {self.result.cause}"

    @property
    def is_misleading(self) -> bool:
        said = f"{self.result.symptom}: {self.result.cause}"
        return bool(self.result.cause) and (not self.says or self.says not in said)


def variants(answer: Callable[..., Any], edits: dict[str, str]) -> list[tuple[Any, str]]:
    """Wrong answers made from a right one: edit -> what the verdict must say."""
    return [(edited(answer, edit), says) for edit, says in edits.items()]


def answers(number: str) -> tuple[list[Any], list[tuple[Any, str]]]:
    """The right answers to an exercise, and the wrong ones with what their verdict must say."""
    name = notebooks()[int(number.split(".")[0])]
    module = importlib.import_module(f"tests.exercise_answers.n{name}")
    assert module.__file__
    reference = find(number).reference
    right, wrong = list(module.RIGHT[number]), list(module.WRONG[number])
    # What is short, in the format of the known mistakes.
    texts = headings(Path(module.__file__).with_suffix(".txt"))
    found = {heading.text.split()[0]: mistakes_of(heading.below) for heading in texts}
    for says, edits in found.get(number, {}).items():
        made = [edited(reference, edit) for edit in edits]
        if says == "(right)":
            right += made
        else:
            wrong += [(answer, "" if says == "(no cause)" else says) for answer in made]
    return right, wrong


def judged(number: str) -> tuple[list[Result], list[Wrong]]:
    """What the checks say of the right answers, and of the wrong ones."""
    right, wrong = answers(number)
    task = find(number)
    with contextlib.redirect_stdout(io.StringIO()):
        return (
            [
                judge(
                    task, answer, answer.__code__.co_filename if hasattr(answer, "__code__") else ""
                ).result
                for answer in right
            ],
            [Wrong(answer, says, judge(task, answer).result) for answer, says in wrong],
        )
