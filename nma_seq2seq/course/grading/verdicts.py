"""From what a notebook's kernel said and used to its grade."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nma_seq2seq.course.grading.grades import Grade
from nma_seq2seq.course.grading.submissions import Submission
from nma_seq2seq.exercises import Result


@dataclass(frozen=True)
class Run:
    """What is known of a notebook that was run.

    Attributes
    ----------
    events : sequence of dict
        What `inside.run_cells` says, in order, and `exit`: how Python ended, if it did.
    beyond : (state, reason), optional
        The limit that ended it.
    seconds : float
        Of processor time.
    peak_mb : int
        Largest resident memory of its largest process.
    n_foreign : int
        Lines among the events that are none of the course's.
    last_line : str
        Of what Python wrote as errors.
    lacked_memory : bool
        Whether the system ended a process for want of memory meanwhile.
    """

    events: Sequence[dict[str, Any]]
    beyond: tuple[str, str] | None = None
    seconds: float = 0.0
    peak_mb: int = 0
    n_foreign: int = 0
    last_line: str = ""
    lacked_memory: bool = False


@dataclass
class _Story:
    """The events by what they are about."""

    cell: int = -1  # the last that was begun
    found: dict[str, list[Result]] = field(default_factory=dict)
    failed: dict[int, dict[str, str]] = field(default_factory=dict)  # by cell
    notes: list[str] = field(default_factory=list)
    has_ended: bool = False
    exit_code: int | None = None


def _story(events: Sequence[dict[str, Any]]) -> _Story:
    story = _Story()
    for event in events:
        if "cell" in event:
            story.cell = event["cell"]
        elif "exercise" in event:
            story.found.setdefault(event["exercise"], []).append(Result(*event["verdict"]))
        elif "failed" in event:
            story.failed[story.cell] = event
            story.notes.append(f"cell {story.cell} {event['failed']}")
        elif "note" in event:
            story.notes.append(f"cell {story.cell} {event['note']}")
        elif "end" in event:
            story.has_ended = True
        elif "exit" in event:
            story.exit_code = event["exit"]
    return story


def grade_run(submission: Submission, run: Run, memory_mb: int) -> Grade:
    """How a notebook ended, and a verdict on each exercise that is expected of it."""
    story = _story(run.events)
    where = "before its first cell"
    if story.cell >= 0:
        source = next(cell.source for cell in submission.cells if cell.index == story.cell)
        first = next((line.strip() for line in source.splitlines() if line.strip()), "")
        where = f"in cell {story.cell}, which begins with `{first[:60]}`"
    if run.beyond is not None:
        state, reason = run.beyond[0], f"{run.beyond[1]}, {where}"
    elif story.has_ended:
        state, reason = _memory(story, run.peak_mb, memory_mb)
    else:
        state, reason = _crash(story, run, where)
    notes = [*submission.notes, *story.notes]
    if run.n_foreign:
        notes.append(
            f"lines that are not the course's stood among its results ({run.n_foreign}); they "
            "were left out"
        )
    return Grade.of(
        submission,
        state,
        reason,
        seconds=round(run.seconds, 1),
        peak_mb=run.peak_mb,
        exercises={n: _verdict(n, submission, story, state, reason) for n in submission.expected},
        notes=list(dict.fromkeys(notes)),
    )


def _memory(story: _Story, peak_mb: int, memory_mb: int) -> tuple[str, str]:
    limit = f"more than {memory_mb} MB"
    for index, event in story.failed.items():
        error = event["error"]
        if error.partition(":")[0].endswith("MemoryError") or "can't allocate memory" in error:
            return "out of memory", f"cell {index} wants {limit}: {error}"
    if peak_mb > memory_mb:
        return "out of memory", f"it took {limit} for a moment"
    return "ok", ""


def _crash(story: _Story, run: Run, where: str) -> tuple[str, str]:
    if story.cell < 0:
        return "crash", f"its kernel did not start ({run.last_line})"
    code = story.exit_code
    if code == -signal.SIGKILL and run.lacked_memory:
        return "out of memory", f"the system ended it for want of memory {where}"
    how = "" if code is None else f" with signal {-code}" if code < 0 else f" with code {code}"
    return "crash", f"Python ended{how} {where}"


def _verdict(number: str, submission: Submission, story: _Story, state: str, reason: str) -> Result:
    if results := story.found.get(number):
        return next((one for one in results if one.status == "done"), results[-1])
    homes = [cell.index for cell in submission.cells if number in cell.exercises]
    if not homes:
        why = submission.displaced.get(number, "its cell is not in the notebook")
        return Result("missing", why)
    if failed := [home for home in homes if home in story.failed]:
        return _stopped(story.failed[failed[-1]], submission, story)
    if not story.has_ended and story.cell in homes:
        # What a limit ended says more about the machine than about the answer.
        status = "wrong" if state == "crash" else "not judged"
        return Result(status, f"its check did not end: {reason}")
    if not story.has_ended and story.cell < max(homes):
        return Result("not reached", f"the notebook ended before: {reason}")
    return Result("missing", "its cell ran, but not the course's check of it")


def _stopped(error: dict[str, str], submission: Submission, story: _Story) -> Result:
    """An exercise's cell failed before its check; a name it lacks may come from another cell."""
    cause = ""
    if error["error"].startswith("NameError") and error["name"]:
        for cell in submission.cells:
            if cell.index in story.failed and error["name"] in cell.source and not cell.exercises:
                first = story.failed[cell.index]["error"]
                cause = cause or f"cell {cell.index} fails before that: {first}"
    return Result("wrong", f"its cell {error['failed']} before the check", cause)
