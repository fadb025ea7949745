"""Quick questions, answered as a student would, with buttons alone."""

import ast
import html
import re
from pathlib import Path

import ipywidgets
import pytest

import nma_seq2seq as nma
from tools.build import read_source

ROOT = Path(__file__).parents[1]

QUESTIONS = {
    "How long is a bin?": {
        "10 ms": (True, "A hundred of them make a second."),
        "1 s": (False, "Then a trial would be over <in two>."),
    },
    "Which trials may a model see?": {
        "all of them": (False, "Then nothing is left to judge it by."),
        "training trials": (True, "The others judge it."),
        "test trials": (False, "These judge it."),
    },
}


def press(quiz, question, letter):
    """Press a button, and read what is said below."""
    part = quiz.widget.children[question]
    rows = [row for row in part.children if isinstance(row, ipywidgets.HBox)]
    button = next(row.children[0] for row in rows if row.children[0].description == letter)
    button.click()
    return words(part.children[-1]), button


def words(widget):
    return html.unescape(re.sub("<[^>]+>", "", widget.value))


def test_an_answer_is_explained_at_once():
    quiz = nma.quiz(QUESTIONS)
    assert words(quiz.widget.children[-1]) == "0 of 2 right at the first try, 2 to go."
    said, button = press(quiz, 0, "b")
    assert said == "b: Not this one. Then a trial would be over <in two>."
    assert button.button_style == "danger" and "1 s" in button.tooltip
    assert press(quiz, 0, "a")[0] == "a: Right. A hundred of them make a second."
    assert press(quiz, 1, "b")[1].button_style == "success"
    assert quiz.first_tries == {0: False, 1: True}  # the second try does not count
    assert words(quiz.widget.children[-1]) == "1 of 2 right at the first try."


def test_it_shows_itself_and_is_a_page_without_a_kernel(monkeypatch):
    shown = []
    monkeypatch.setattr("nma_seq2seq.questions.display", lambda bundle, raw: shown.append(bundle))
    quiz = nma.quiz(QUESTIONS)
    quiz._ipython_display_()
    view = shown[0]["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == quiz.widget.model_id
    page = shown[0]["text/html"]
    assert page.count("<details>") == 5 and page.count("<b>Right.</b>") == 2
    assert "&lt;in two&gt;" in page


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ({}, "no question to ask"),
        ({"Why?": {"so": (True, "")}}, "'Why\\?' has 1 answers, 1 of them right"),
        ({"Why?": {"so": (False, ""), "or": (False, "")}}, "2 answers, 0 of them right"),
        ({"Why?": {"so": (True, ""), "or": (True, "")}}, "2 answers, 2 of them right"),
    ],
)
def test_a_question_has_one_right_answer(questions, says):
    with pytest.raises(ValueError, match=says):
        nma.quiz(questions)


@pytest.mark.parametrize("path", sorted(ROOT.glob("solutions/0*.py")), ids=lambda path: path.stem)
def test_every_notebook_ends_with_questions_folded_away(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if is_quiz(node)]
    assert len(calls) == 1
    questions = ast.literal_eval(calls[0].args[0])
    quiz = nma.quiz(questions)
    assert 3 <= len(quiz.widget.children) - 1 <= 5
    right = [[ok for ok, _ in answers.values()].index(True) for answers in questions.values()]
    assert len(set(right)) > 1, "the right answer always stands in the same place"
    pair = read_source(path)
    for notebook in (pair.solution, pair.tutorial):
        (cell,) = (cell for cell in notebook.cells if cell.source.startswith("# @title"))
        assert cell.metadata.jupyter.source_hidden and cell.metadata.cellView == "form"


def is_quiz(node):
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "quiz"
