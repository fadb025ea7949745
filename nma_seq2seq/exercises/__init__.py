"""Exercises that check themselves: `@exercise`, hints and progress; one module a notebook."""

from nma_seq2seq.exercises.definition import (
    Exercise,
    Result,
    exercises_of,
    find,
    notebooks,
    with_texts,
)
from nma_seq2seq.exercises.student import exercise, hint, observe, progress, results, whose, why

__all__ = [
    "Exercise",
    "Result",
    "exercise",
    "exercises_of",
    "find",
    "hint",
    "notebooks",
    "observe",
    "progress",
    "results",
    "whose",
    "why",
    "with_texts",
]
