"""Quick questions with instant, explained answers, for ipywidgets 7.7 (Colab) and 8."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import ipywidgets
from IPython.display import display

# Ink on its own paper, which can be read in a light and in a dark theme; a word says it too.
_RIGHT = "background:#E3F4E7;color:#0B4A1E;padding:4px 8px"
_WRONG = "background:#FDE7E9;color:#8B0016;padding:4px 8px"

Answers = Mapping[str, tuple[bool, str]]


class Quiz:
    """Questions, each with a button for every answer: `nma.quiz` makes one and shows it.

    Buttons are reached with Tab and pressed with Space or Enter. Where no kernel runs, as on a web
    page, the questions stand there with answers that unfold.

    Attributes
    ----------
    first_tries : dict of int -> bool
        For each question that was answered, from 0: whether the first answer was right.
    """

    def __init__(self, questions: Mapping[str, Answers]):
        for question, answers in questions.items():
            n_right = sum(right for right, _ in answers.values())
            if len(answers) < 2 or n_right != 1:
                raise ValueError(
                    f"{question!r} has {len(answers)} answers, {n_right} of them right; give it "
                    "two answers or more, and one that is right"
                )
        if not questions:
            raise ValueError("there is no question to ask; give a dict of some")
        self._questions = dict(questions)
        self.first_tries: dict[int, bool] = {}
        self._result = ipywidgets.HTML()
        parts = [self._part(k, *item) for k, item in enumerate(self._questions.items())]
        self.widget = ipywidgets.VBox([*parts, self._result])
        self._count()

    def _part(self, number: int, question: str, answers: Answers) -> ipywidgets.VBox:
        said = ipywidgets.HTML()
        rows = []
        for letter, (answer, (right, why)) in zip("abcdefgh", answers.items(), strict=False):
            button = ipywidgets.Button(
                description=letter, tooltip=f"answer {letter}: {answer}", layout={"width": "42px"}
            )

            def pressed(_: Any, button: Any = button, right: bool = right, why: str = why) -> None:
                self.first_tries.setdefault(number, right)
                button.button_style = "success" if right else "danger"
                verdict, style = ("Right.", _RIGHT) if right else ("Not this one.", _WRONG)
                text = f"<b>{button.description}: {verdict}</b> {html.escape(why)}"
                said.value = f'<div role="status" style="{style}">{text}</div>'
                self._count()

            button.on_click(pressed)
            text = ipywidgets.HTML(html.escape(answer), layout={"max_width": "90%"})
            rows.append(ipywidgets.HBox([button, text]))
        asked = ipywidgets.HTML(f"<b>{number + 1}. {html.escape(question)}</b>")
        return ipywidgets.VBox([asked, *rows, said], layout={"margin": "0 0 14px 0"})

    def _count(self) -> None:
        n_right, n = sum(self.first_tries.values()), len(self._questions)
        left = n - len(self.first_tries)
        text = f"{n_right} of {n} right at the first try"
        self._result.value = f'<div role="status">{text}{f", {left} to go" if left else ""}.</div>'

    def _ipython_display_(self) -> None:
        bundle = {
            "text/plain": f"({len(self._questions)} quick questions: run this cell to answer them)",
            "text/html": self._page(),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            },
        }
        display(bundle, raw=True)

    def _page(self) -> str:
        """The questions for where no kernel runs; answers unfold."""
        page = []
        for number, (question, answers) in enumerate(self._questions.items(), 1):
            page.append(f"<p><b>{number}. {html.escape(question)}</b></p>")
            for answer, (right, why) in answers.items():
                verdict = "Right." if right else "Not this one."
                page.append(
                    f"<details><summary>{html.escape(answer)}</summary>"
                    f"<p><b>{verdict}</b> {html.escape(why)}</p></details>"
                )
        return "\n".join(page)


def quiz(questions: Mapping[str, Answers]) -> Quiz:
    """Ask quick questions in a notebook; each answer is explained as soon as it is chosen.

    Parameters
    ----------
    questions : dict of question -> dict of answer -> (whether it is right, why)
        Each question has one answer that is right.

    Returns
    -------
    Quiz
        Which shows itself at the end of a cell. Nothing waits for an answer.

    Raises
    ------
    ValueError
        If there is no question, or one has not exactly one right answer.

    Examples
    --------
    >>> quiz = nma.quiz({"Is 0.09 a good loss?": {
    ...     "It cannot be said": (True, "it needs a null on the same counts"),
    ...     "Yes": (False, "compared with what?"),
    ... }})
    """
    return Quiz(questions)
