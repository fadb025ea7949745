"""What a student calls: `@exercise`, `why`, `hint` and `progress`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from nma_seq2seq.exercises.comparing import side_by_side, summary
from nma_seq2seq.exercises.definition import Exercise, Result, exercises_of, find, notebooks
from nma_seq2seq.exercises.edits import source_of
from nma_seq2seq.exercises.judging import Judgement, judge

Answer = TypeVar("Answer")  # a function or a class

_judgements: dict[str, Judgement] = {}
_hints_given: dict[str, int] = {}
_touched: set[int] = set()
_observers: list[Callable[[str, Result, Any], None]] = []


def exercise(number: str) -> Callable[[Answer], Answer]:
    """Check the function or class below as the answer to an exercise.

    One line says whether it is done, not yet written, or wrong with the likely cause. A right
    answer is kept; in place of any other the notebook goes on with the reference answer.

    Parameters
    ----------
    number : str
        Such as "5.1".

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> @nma.exercise("5.1")
    ... def poisson_nll(rates, counts):
    ...     return (rates - counts * torch.log(rates)).mean()
    Exercise 5.1 done
    """
    task = find(number)
    _touch(task.number)

    def checked(answer: Answer) -> Answer:
        frame = sys._getframe(1)
        name, space = getattr(answer, "__name__", None), frame.f_globals
        missing = object()
        before = space.get(name, missing) if name else missing
        # A class names itself in super(Name, self), and a function that calls itself does too.
        if name:
            space[name] = answer
        try:
            judgement = judge(task, answer, frame.f_code.co_filename)
        finally:
            if name and before is missing:
                space.pop(name, None)
            elif name:
                space[name] = before
        _judgements[task.number] = judgement
        print(_line(task.number, judgement.result))
        for observer in _observers:
            observer(task.number, judgement.result, answer)
        return judgement.accepted

    return checked


def _line(number: str, result: Result) -> str:
    if result.status == "done":
        return f"Exercise {number} done"
    message = result.message or "write your answer in place of the `raise` line"
    stop = "" if message.endswith("?") else "."
    more = f'nma.why("{number}") shows more, ' if result.status == "wrong" else ""
    return (
        f"Exercise {number} {result.status}: {message}{stop} The notebook goes on with the "
        f'reference answer; {more}nma.hint("{number}") helps'
    )


def why(number: str) -> pd.DataFrame | None:
    """Show what the last verdict on an exercise rests on.

    Symptom, cause and inputs are printed in full.

    Parameters
    ----------
    number : str
        Such as "5.1".

    Returns
    -------
    DataFrame or None
        The first places where the results differ: `yours` and `expected`. None where there is no
        one right result to compare with.

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> @nma.exercise("5.1")  # doctest: +ELLIPSIS
    ... def poisson_nll(rates, counts):
    ...     return (rates + counts * torch.log(rates)).mean()
    Exercise 5.1 wrong: ...
    >>> nma.why("5.1").columns.tolist()  # doctest: +ELLIPSIS
    Exercise 5.1...
    ['yours', 'expected']
    """
    task = find(number)
    judgement = _judgements.get(task.number)
    if judgement is None:
        print(f"Exercise {number} has not been checked yet: run its cell")
        return None
    result = judgement.result
    print(f"Exercise {number} {result.status}" + (f": {result.symptom}" if result.symptom else ""))
    if result.cause:
        print(f"Likely cause: {result.cause}")
    if judgement.evidence is None:
        return None
    print("\n".join(f"{k} = {summary(v)}" for k, v in judgement.evidence.inputs.items()))
    if judgement.evidence.error is not None:
        return None
    return side_by_side(judgement.evidence.got, judgement.evidence.expected, task.tolerance)


def hint(number: str, step: int | None = None) -> None:
    """Print a hint for an exercise: the next of four at each call; the last is the answer.

    Parameters
    ----------
    number : str
        Such as "5.1".
    step : 1, 2, 3 or 4
        A certain one: a question, the idea that is missing, the answer with gaps, the answer.

    Raises
    ------
    ValueError
        If there is no such exercise or step.

    Examples
    --------
    >>> nma.hint("5.1", step=1)  # doctest: +ELLIPSIS
    Hint 1 of ...
    """
    task = find(number)
    _touch(task.number)
    if step is None:
        step = min(_hints_given.get(task.number, 0) + 1, 4)
        _hints_given[task.number] = step
    if step not in (1, 2, 3, 4):
        raise ValueError(f"no hint {step}; an exercise has hints 1, 2, 3 and 4")
    title = f"Hint {step} of 4 for exercise {task.number}, {task.title}"
    if step == 4:
        print(f"{title}: one right answer is\n\n{source_of(task.reference).rstrip()}")
        return
    if step == 3:
        print(f"{title}: fill the gaps\n\n{_with_gaps(task)}")
    else:
        print(f"{title}: {' '.join(task.hints[step - 1].split())}")
    print(f'(nma.hint("{task.number}") again says more)')


def _with_gaps(task: Exercise) -> str:
    source = source_of(task.reference).rstrip()
    for gap in task.gaps:
        source = source.replace(gap, "___")
    return source


def progress(which: int | str | None = None) -> pd.DataFrame:
    """What is done of the exercises.

    Parameters
    ----------
    which : int or "all"
        A notebook's number, or all of them; without it, those used since the kernel was started.

    Returns
    -------
    DataFrame
        One row an exercise: `title`, `minutes`, `status` (done, wrong, not yet, not tried).

    Examples
    --------
    >>> nma.progress(5).index.tolist()
    ['5.1', '5.2', '5.3', '5.4', '5.5']
    """
    if which is None:
        wanted = sorted(_touched)
    else:
        wanted = sorted(notebooks()) if which == "all" else [int(which)]
    found = results()
    rows = {
        task.number: {
            "title": task.title,
            "minutes": task.minutes,
            "status": found[task.number].status if task.number in found else "not tried",
        }
        for notebook in wanted
        for task in exercises_of(notebook)
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["title", "minutes", "status"])
    return table.rename_axis("exercise")


def whose(number: str) -> str:
    """Whose function the notebook goes on with, for its labels: "your" or "the reference's".

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> nma.whose("5.3")
    "the reference's"
    """
    result = results().get(find(number).number)
    return "your" if result is not None and result.status == "done" else "the reference's"


def results() -> dict[str, Result]:
    """Number -> Result of each exercise checked since the kernel was started."""
    return {number: judgement.result for number, judgement in _judgements.items()}


def observe(callback: Callable[[str, Result, Any], None]) -> Callable[[], None]:
    """Have a function called after each check, as grading does.

    Parameters
    ----------
    callback : function of (number, result, answer)
        The answer is what the student wrote, not what the notebook goes on with.

    Returns
    -------
    function without arguments that ends it
    """
    _observers.append(callback)
    return lambda: _observers.remove(callback)


def _touch(number: str) -> None:
    _touched.add(int(number.split(".")[0]))
