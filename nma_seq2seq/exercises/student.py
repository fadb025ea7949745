"""What a student calls: `@exercise`, `hint` and `progress`."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pandas as pd

from nma_seq2seq.exercises.checking import judge
from nma_seq2seq.exercises.definition import Result, exercises_of, find, notebooks

_results: dict[str, Result] = {}
_hints_given: dict[str, int] = {}
_touched: set[int] = set()
_observers: list[Callable[[str, Result, Any], None]] = []


def exercise(number: str) -> Callable[[Any], Any]:
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
    """
    task = find(number)
    _touch(task.number)

    def checked(answer: Any) -> Any:
        frame = sys._getframe(1)
        name, space = getattr(answer, "__name__", None), frame.f_globals
        missing = object()
        before = space.get(name, missing)
        # A class names itself in super(Name, self), and a function that calls itself does too.
        if name:
            space[name] = answer
        try:
            result, accepted = judge(task, answer, frame.f_code.co_filename)
        finally:
            if name and before is missing:
                space.pop(name, None)
            elif name:
                space[name] = before
        _results[task.number] = result
        print(_line(task.number, result))
        for observer in _observers:
            observer(task.number, result, answer)
        return accepted

    return checked


def _line(number: str, result: Result) -> str:
    if result.status == "done":
        return f"Exercise {number} done"
    message = result.message or "write your answer in place of the `raise` line"
    stop = "" if message.endswith("?") else "."
    return (
        f"Exercise {number} {result.status}: {message}{stop} The notebook goes on with the "
        f'reference answer; nma.hint("{number}") helps'
    )


def hint(number: str, step: int | None = None) -> None:
    """Print a hint for an exercise: the next of three at each call; the third is the answer.

    Parameters
    ----------
    number : str
        Such as "5.1".
    step : 1, 2 or 3
        A certain one.

    Raises
    ------
    ValueError
        If there is no such exercise or step.
    """
    task = find(number)
    _touch(task.number)
    if step is None:
        step = min(_hints_given.get(task.number, 0) + 1, 3)
        _hints_given[task.number] = step
    if step not in (1, 2, 3):
        raise ValueError(f"no hint {step}; an exercise has hints 1, 2 and 3")
    title = f"Hint {step} of 3 for exercise {task.number}, {task.title}"
    if step == 3:
        source = textwrap.dedent(inspect.getsource(task.reference)).rstrip()
        print(f"{title}: one right answer is\n\n{source}")
    else:
        more = f'nma.hint("{task.number}") again says more'
        print(f"{title}: {' '.join(task.hints[step - 1].split())}\n({more})")


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
    """
    if which is None:
        wanted = sorted(_touched)
    else:
        wanted = sorted(notebooks()) if which == "all" else [int(which)]
    rows = {
        task.number: {
            "title": task.title,
            "minutes": task.minutes,
            "status": _results[task.number].status if task.number in _results else "not tried",
        }
        for notebook in wanted
        for task in exercises_of(notebook)
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["title", "minutes", "status"])
    return table.rename_axis("exercise")


def results() -> dict[str, Result]:
    """Number -> Result of each exercise checked since the kernel was started."""
    return dict(_results)


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
