"""What an exercise is, and where the exercises of a notebook are found."""

from __future__ import annotations

import importlib
import pkgutil
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nma_seq2seq.exercises.texts import read_texts

_LONGEST = 175  # characters of a verdict, so that the line is below 200


@dataclass(frozen=True)
class Result:
    """How an answer fared.

    Parameters
    ----------
    status : "done", "wrong", "not yet" or "not judged"
        The last when a limit ended the check, which says more about the machine than the answer.
    symptom : str
        What is seen, such as "the result has shape (3, 4), expected (4,)".
    cause : str
        What most likely lies behind it; empty unless the evidence singles one out.
    """

    status: str
    symptom: str = ""
    cause: str = ""

    @property
    def message(self) -> str:
        """Symptom and cause as one short line."""
        cause = f": likely cause: {' '.join(self.cause.split())}" if self.cause else ""
        length = max(_LONGEST - len(cause), 20)
        return textwrap.shorten(self.symptom, length, placeholder="...") + cause


@dataclass(frozen=True, kw_only=True, eq=False)
class Exercise:
    """One exercise: what is asked, the right answer, and how an answer is checked.

    Parameters
    ----------
    number : str
        Notebook and place in it, such as "5.1".
    title : str
        A few words, such as "the Poisson loss".
    minutes : int
    difficulty : int
        1, 2 or 3.
    reference : function or class
        The right answer. The notebook goes on with it where the student's is blank or wrong, and
        its source is the last hint.
    hints : two strings
        A question, and the one idea that is missing.
    gaps : strings
        Parts of the reference's source that the third hint leaves open.
    mistakes : mapping of a sentence to edits of the reference
        What students write instead, as in `edits`. An answer that does the same gets the sentence,
        which follows "likely cause: ".
    cases : function of a numpy Generator -> sequence of argument tuples
        Inputs on which the answer must return what the reference returns. At least two, of
        different sizes, without symmetry that hides a mistake.
    run : function of (answer, *arguments) -> what is compared
        How an answer is called, where comparing what it returns is not enough: it is trained, or
        drawn from many times (`drawing`).
    tolerance : float
        Largest relative difference that still counts as equal.
    time_limit : float
        Seconds of processor time that the answer has for all cases together.
    """

    number: str
    title: str
    minutes: int
    difficulty: int
    reference: Callable[..., Any]
    hints: tuple[str, str]
    gaps: tuple[str, ...]
    mistakes: Mapping[str, Sequence[str]]
    cases: Callable[[np.random.Generator], Sequence[tuple]]
    run: Callable[..., Any] | None = None
    tolerance: float = 1e-4
    time_limit: float = 10.0


def with_texts(module: str) -> Callable[..., Exercise]:
    """How nNN_name.py makes its exercises: in the words of nNN_name.txt, which stands beside it.

    Parameters
    ----------
    module : str
        The module's file.

    Returns
    -------
    function of (number, reference, **options) -> Exercise
        The options are those of `Exercise` that are no words.

    Raises
    ------
    ValueError
        Where the text is malformed, naming file and line; or, of that function, where it lacks the
        exercise.
    """
    file = Path(module).with_suffix(".txt")
    texts = read_texts(file)

    def exercise(number: str, reference: Callable[..., Any], **options: Any) -> Exercise:
        if number not in texts:
            raise ValueError(f"{file.name} has no exercise {number}; it has {', '.join(texts)}")
        return Exercise(number=number, reference=reference, **texts[number], **options)

    return exercise


def notebooks() -> dict[int, str]:
    """Number -> name of each notebook that has exercises, such as 5 -> "05_poisson_loss"."""
    package = importlib.import_module("nma_seq2seq.exercises")
    found = (re.fullmatch(r"n((\d\d)_\w+)", m.name) for m in pkgutil.iter_modules(package.__path__))
    return {int(match[2]): match[1] for match in found if match}


def exercises_of(notebook: int) -> tuple[Exercise, ...]:
    """The exercises of a notebook, in order.

    Raises
    ------
    ValueError
        If there is no such notebook.
    """
    names = notebooks()
    if notebook not in names:
        there = ", ".join(str(number) for number in sorted(names)) or "none so far"
        raise ValueError(f"no exercises of notebook {notebook}; there are exercises of: {there}")
    return importlib.import_module(f"nma_seq2seq.exercises.n{names[notebook]}").EXERCISES


def find(number: str) -> Exercise:
    """The exercise with this number, such as "5.1".

    Raises
    ------
    ValueError
        If there is none; the message names those that there are.
    """
    match = re.fullmatch(r"(\d+)\.\d+", str(number))
    if not match:
        raise ValueError(f"{number!r} is no exercise; name one by its number, such as '5.1'")
    there = {exercise.number: exercise for exercise in exercises_of(int(match[1]))}
    if str(number) not in there:
        raise ValueError(f"no exercise {number}; notebook {match[1]} has {', '.join(there)}")
    return there[str(number)]
