"""Exercises: every kind of answer gets its line, and the notebook goes on."""

from __future__ import annotations

import functools
import os
import random
import re
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import nma_seq2seq as nma
from nma_seq2seq import exercises
from nma_seq2seq.exercises import running, student
from nma_seq2seq.exercises.comparing import same
from nma_seq2seq.exercises.edits import edited, joined
from tests.exercise_answers import judged

HERE = Path(__file__).parent
ROOT = HERE.parent
COURSE = {
    task.number: task
    for notebook in exercises.notebooks()
    for task in exercises.exercises_of(notebook)
}


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """The exercises of tests/made_up, and no memory of what was tried before."""
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(HERE / "made_up")])
    for memory in ("_judgements", "_hints_given"):
        monkeypatch.setattr(student, memory, {})
    monkeypatch.setattr(student, "_observers", [])
    monkeypatch.setattr(student, "_touched", set())


@pytest.fixture
def line(capsys):
    """The one line that an answer gets."""

    def answered(number, answer):
        capsys.readouterr()
        nma.exercise(number)(answer)
        out = capsys.readouterr().out
        assert out.count("\n") == 1, out
        return out.strip()

    return answered


def reference(number):
    return exercises.find(number).reference


# ---------------------------------------------------------------------- right answers


def loops(counts, bin_size):
    out = []
    for neuron in range(counts.shape[2]):
        total = 0
        for trial in range(counts.shape[0]):
            for time_bin in range(counts.shape[1]):
                total += counts[trial, time_bin, neuron]
        out.append(total / counts[:, :, 0].size / bin_size)
    return out


@pytest.mark.parametrize(
    "answer",
    [
        loops,
        lambda c, b: np.einsum("ijk->k", c) / c[..., 0].size / b,
        lambda c, b: (c.astype(np.float32).mean((0, 1)) / b).astype(np.float32),
        lambda c, b: torch.tensor(c).float().mean((0, 1)) / b,
        lambda c, b: pd.Series(c.mean((0, 1)) / b, index=list("abcdefgh")[: c.shape[2]]),
        lambda c, b: tuple(c.mean((0, 1)) / b),
    ],
)
def test_a_right_answer_is_accepted_however_it_is_written(answer, line):
    assert line("90.1", answer) == "Exercise 90.1 done"


def test_a_right_answer_is_what_the_notebook_goes_on_with():
    def answer(counts, bin_size):
        return counts.mean(axis=(0, 1)) / bin_size

    assert nma.exercise("90.1")(answer) is answer


def test_a_right_answer_of_another_kind_is_made_the_kind_that_the_cells_after_it_expect():
    accepted = nma.exercise("90.1")(loops)
    assert isinstance(accepted(np.ones((2, 3, 4)), 0.1), np.ndarray)
    assert accepted.__name__ == "loops"
    single = nma.exercise("90.2")(lambda r, y: reference("90.2")(r.float(), y.float()))
    assert single(torch.ones(2).double(), torch.ones(2).double()).dtype == torch.float64
    as_array = nma.exercise("90.5")(lambda v: np.array([v.min(), v.argmax()]))
    assert isinstance(as_array(np.arange(3.0)), tuple)
    floats = nma.exercise("90.4")(lambda t, s, b: (t - s) // b)
    assert floats(np.array([0.105]), 0.0, 0.01).dtype.kind == "i"


def test_one_large_value_does_not_excuse_what_is_off_at_others():
    right = np.array([1000.0, 1.0])
    assert same(right * 1.00005, right, tolerance=1e-4)
    assert not same(right + [0, 0.01], right, tolerance=1e-4)


def test_an_axis_of_length_one_too_many_is_told(line):
    assert "keepdims" in line("90.1", lambda c, b: c.mean((0, 1), keepdims=True) / b)


# ---------------------------------------------------------------------- wrong answers

MEAN = lambda c: c.mean((0, 1))  # noqa: E731


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda c, b: None, "the result is None (is `return` missing?)"),
        (lambda c, b: "fast", "the result is the text 'fast', expected an array"),
        (lambda c, b: {"rates": MEAN(c)}, "the result is a dict of 1, expected an array"),
        (lambda c, b: (x for x in c), "do not yield it"),
        (lambda c, b: [[1, 2], [3]], "the result is a list of 2"),
        (lambda c, b: c.mean(1) / b, "has shape (4, 3), expected (3,)"),
        (lambda c, b: c.mean(1) / b, "to be averaged over axis 0 too"),
        (lambda c, b: c.mean(1).max(0) / b / 2, "differs in 3 of 3 values"),
        (lambda c, b: np.array((MEAN(c) / b).mean()), "averaged over the neurons too"),
        (lambda c, b: c.max() / b, "two things: averaged over the neurons too; and the largest"),
        (lambda c, b: c.std() / b, "the result has shape (), expected (3,)."),
        (lambda c, b: (MEAN(c) / b)[:-1], "off by one?"),
        (lambda c, b: np.log(MEAN(c) * 0) / b, "holds infinity in 3 of 3 places"),
        (lambda c, b: MEAN(c) * np.nan, "holds NaN in 3 of 3 places"),
        (lambda c, b: MEAN(c) / b * [np.nan, *[1] * (c.shape[2] - 1)], "; the others are right"),
        (lambda c, b: MEAN(c) * b, "likely cause: multiplied by the bin size"),
        (lambda c, b: c.mean() / b, "likely cause: averaged over the neurons too"),
        (lambda c, b: c.max((0, 1)) * b, "two things: multiplied by the bin size; and the largest"),
        (lambda c, b: MEAN(c), "0.01, then 0.02 times the right one"),
        (lambda c, b: MEAN(c), "multiplied by bin_size once too often, or not divided by it"),
        (lambda c, b: c.sum((0, 1)) / len(c) / b, "summed over axis 1 of counts"),
        (lambda c, b: MEAN(c) / b / c.shape[1], "divided by the length of axis 1 of counts"),
        (lambda c, b: MEAN(c) / b * 3, "every value is 3 times the right one."),
        (lambda c, b: -MEAN(c) / b, "the sign is the wrong way round"),
        (lambda c, b: MEAN(c) / b / 1000, "milliseconds or seconds?"),
        (lambda c, b: MEAN(c) / b + 1, "every value is 1 too large: likely cause: off by one?"),
        (lambda c, b: np.floor(MEAN(c) / b), "rounded down, where fractions are asked for"),
        (lambda c, b: np.sqrt(MEAN(c) / b), "a square root too many"),
        (lambda c, b: (MEAN(c) / b)[::-1], "axis 0 runs backwards"),
        (lambda c, b: np.roll(MEAN(c) / b, 1), "the right values in another order"),
        (lambda c, b: MEAN(c) / b * [1, 2, 1, 1, 1][: len(MEAN(c))], "1 of 3 values, first at [1]"),
        (lambda c: c, "its arguments must stay counts, bin_size"),
        (lambda c, b: c.shape[7], "raises IndexError: tuple index out of range in line"),
        (lambda c, b: c[0] and c, "`and`, `or` and `if` want one truth"),
        (lambda c, b: exit(3), "exit() is called; return the result"),
        (lambda c, b: np.random.default_rng().normal(size=c.shape[2]), "each call gives another"),
        (3, "this is the number 3, expected a function"),
        (nn.Linear, "this is a class, expected a function"),
    ],
)
def test_a_wrong_answer_is_told_its_likely_cause(answer, fragment, line):
    said = line("90.1", answer)
    assert said.startswith("Exercise 90.1 wrong: ")
    assert fragment in said
    verdict, rest = said.split(" The notebook goes on with the reference answer; ")
    assert len(verdict) <= 200
    assert rest == 'nma.why("90.1") shows more, nma.hint("90.1") helps'
    assert nma.exercise("90.1")(answer) is reference("90.1")


@pytest.mark.parametrize(
    ("number", "answer", "fragment"),
    [
        ("90.2", lambda r, y: (r - y * torch.log2(r)).sum(), "the result is"),
        ("90.2", lambda r, y: reference("90.2")(y + 1, r), "the result is"),
        ("90.2", lambda r, y: reference("90.2")(r + 1, r), "the result is"),
        (
            "90.4",
            lambda t, s, b: reference("90.4")(t, b, s),
            "start and bin_size have changed places",
        ),
        ("90.5", lambda v: (v.argmax(), v.min()), "the right results, returned in another order"),
        ("90.5", lambda v: v.min(), "only the first of the 2 results is returned"),
        ("90.2", lambda r, y: reference("90.2")(r, y) / np.log(2), "base 2 or natural logarithm?"),
        ("90.2", lambda r, y: reference("90.2")(r, y).item(), "no gradient"),
        ("90.2", lambda r, y: reference("90.2")(r, y).detach(), "no gradient"),
        ("90.4", lambda t, s, b: np.ceil((t - s) / b), "every value is 1 too large"),
        ("90.4", lambda t, s, b: np.floor(t / b), "50 too small: likely cause: start is not used"),
        ("90.5", lambda v: v.min(), "expected a tuple of 2"),
        ("90.5", lambda v: np.array(v.mean()), "is an array with one value, expected a tuple"),
        (
            "90.5",
            lambda v: {"a": v.min(), "b": 1},
            "the result is a dict of 2, expected a tuple of 2.",
        ),
        ("90.5", lambda v: (v.min(), v.max()), "part 2 is"),
        ("90.6", lambda c: np.cov(c), "has shape (9, 9), expected (3, 3)"),
    ],
)
def test_other_results_are_told_apart(number, answer, fragment, line):
    assert fragment in line(number, answer)


def test_an_error_quotes_the_students_line(line):
    def answer(counts, bin_size):
        rates = counts.mean(axis=(0, 1))
        return rates @ counts

    assert "`return rates @ counts`" in line("90.1", answer)

    def long(counts, bin_size):
        return counts.mean(axis=(0, 1)) / bin_size + counts.no_such_method_of_an_array()

    assert "`return counts.mean(axis=(0, 1)) / bin_size + co...`" in line("90.1", long)


def test_a_blank_is_not_yet(line):
    def answer(counts, bin_size):
        raise NotImplementedError("Exercise 90.1")

    assert line("90.1", answer).startswith("Exercise 90.1 not yet: write your answer")
    assert nma.exercise("90.1")(answer) is reference("90.1")
    assert exercises.results()["90.1"].status == "not yet"
    assert nma.whose("90.1") == "the reference's"


def test_an_endless_loop_is_ended(line):
    def stubborn(counts, bin_size):
        while True:
            try:
                counts = counts + 0
            except:  # noqa: E722
                counts = counts + 1

    def plain(counts, bin_size):
        while True:
            pass

    for answer in (plain, stubborn):
        began = time.process_time()
        said = line("90.1", answer)
        assert "not judged: it took longer than 1 s of processor time" in said
        assert "an endless loop?" in said
        assert time.process_time() - began < 8


def test_waiting_is_no_processor_time_and_has_a_limit_of_its_own(line, monkeypatch):
    def answer(counts, bin_size):
        time.sleep(1.3)  # the exercise has 1 s of processor time
        return counts.mean(axis=(0, 1)) / bin_size

    assert line("90.1", answer) == "Exercise 90.1 done"
    monkeypatch.setattr(running, "_WAITING", 1)
    assert "not judged: it took longer than 1 s, most of them waiting" in line("90.1", answer)


def test_a_busy_machine_fails_no_right_answer(line):
    def answer(counts, bin_size):
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        return counts.mean(axis=(0, 1)) / bin_size

    endless = [sys.executable, "-c", "while True: pass"]
    beside = [subprocess.Popen(endless) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        assert line("90.1", answer) == "Exercise 90.1 done"
    finally:
        for process in beside:
            process.kill()
            process.wait()


def test_an_endless_loop_that_prints_does_not_fill_the_page(capsys):
    def answer(counts, bin_size):
        while True:
            print("still at it")

    nma.exercise("90.1")(answer)
    out = capsys.readouterr().out
    assert len(out) < 2000
    assert "longer than" in out.splitlines()[-1]


def test_changing_the_inputs_is_told(line):
    def answer(counts, bin_size):
        rates = counts.mean(axis=(0, 1)) / bin_size
        counts[:] = 0
        return rates

    assert "counts is changed in place" in line("90.1", answer)

    def sorted_first(table, value):
        table.sort_values("source", inplace=True)
        return reference("7.3")(table, value)

    assert "table is changed in place" in line("7.3", sorted_first)


def test_what_has_no_values_is_not_said_to_differ_from_call_to_call(line):
    assert "each call gives another" not in line("90.1", lambda c, b: (rate for rate in c))


def test_an_answer_may_print(capsys):
    def answer(counts, bin_size):
        print("shape", counts.shape, end="")
        return counts.mean(axis=(0, 1)) / bin_size

    nma.exercise("90.1")(answer)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["shape (4, 6, 3)shape (2, 9, 5)", "Exercise 90.1 done"]


SETTINGS = {  # what a cell above may have set for all that follows, and how it was before
    "no gradients": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "doubles": (
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "another device": (
        lambda: torch.set_default_device("meta"),
        lambda: torch.set_default_device(None),
    ),
    "warnings raise": (
        lambda: (np.seterr(all="raise"), warnings.simplefilter("error")),
        lambda: (np.seterr(all="warn", under="ignore"), warnings.resetwarnings()),
    ),
}


@pytest.mark.parametrize("number", ["2.1", "4.2", "5.1", "5.3", "6.2"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_right_answer_is_right_whatever_was_set_above(line, setting, number):
    change, back = SETTINGS[setting]
    change()
    try:
        assert "done" in line(number, reference(number))
        assert setting != "no gradients" or not torch.is_grad_enabled()
    finally:
        back()


def test_a_right_answer_is_right_whatever_a_cell_has_replaced(line, monkeypatch):
    def nothing(*args, **kwargs):
        raise RuntimeError("this is the notebook's")

    for name in ("signal.signal", "signal.setitimer", "functools.wraps", "copy.deepcopy"):
        monkeypatch.setattr(name, nothing, raising=False)
    for name in ("time.thread_time", "time.monotonic", "time.process_time"):
        monkeypatch.setattr(name, nothing)
    assert line("90.1", loops) == "Exercise 90.1 done"


def test_a_check_leaves_generators_warnings_and_figures_alone(recwarn):
    def states():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002

    def answer(counts, bin_size):
        plt.figure()
        random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002
        np.log(np.zeros(1))
        return counts.mean(axis=(0, 1)) / bin_size

    before = states()
    nma.exercise("90.1")(answer)
    assert states() == before
    assert not recwarn.list
    assert not plt.get_fignums()


def test_an_interrupt_by_the_student_is_respected():
    def answer(counts, bin_size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nma.exercise("90.1")(answer)


def test_a_check_works_outside_the_main_thread(line):
    found = []
    worker = threading.Thread(target=lambda: found.append(nma.exercise("90.1")(loops)))
    worker.start()
    worker.join()
    assert found[0].__name__ == "loops"


# ---------------------------------------------------------------------- classes


def test_a_class_is_checked():
    # A student's class names itself before the name is bound.
    space = {"nma": nma, "nn": nn, "torch": torch}
    source = """
@nma.exercise("90.3")
class Readout(nn.Module):
    def __init__(self, n_latents, n_targets):
        super(Readout, self).__init__()
        self.linear = nn.Linear(n_latents, n_targets)
    def forward(self, latents):
        return torch.log1p(torch.exp(self.linear(latents)))
"""
    exec(source, space)
    assert exercises.results()["90.3"].status == "done"
    assert space["Readout"] is not reference("90.3")


def test_a_check_leaves_the_names_of_the_notebook_alone():
    space = {"nma": nma}
    exec("def f(counts, bin_size): ...\nanswer, f = f, 'mine'\nnma.exercise('90.1')(answer)", space)
    assert space["f"] == "mine"


def test_a_wrong_class_is_told_its_likely_cause(line):
    class Base(nn.Module):
        def __init__(self, n_latents, n_targets):
            super().__init__()
            self.linear = nn.Linear(n_latents, n_targets)

    class Linear(Base):
        def forward(self, latents):
            return self.linear(latents)

    class Blank(Base):
        def forward(self, latents):
            raise NotImplementedError

    class Failing(Base):
        def forward(self, latents):
            return self.missing(latents)

    class Unnamed(nn.Module):
        def __init__(self, n_latents, n_targets):
            super().__init__()

    class Endless(Base):
        def forward(self, latents):
            while True:
                pass

    assert "likely cause: the softplus is missing" in line("90.3", Linear)
    assert "not yet" in line("90.3", Blank)
    assert "no attribute 'missing' in line" in line("90.3", Failing)
    assert "wrong: it has no attribute linear." in line("90.3", Unnamed)
    assert "not judged" in line("90.3", Endless)
    assert "expected a class" in line("90.3", loops)


# ---------------------------------------------------------------------- hints and progress


def test_hints_go_from_a_question_to_the_answer(capsys):
    def said(*arguments):
        nma.hint("90.1", *arguments)
        return capsys.readouterr().out

    assert said().startswith("Hint 1 of 4 for exercise 90.1, counts to Hz: What is asked?")
    assert said().startswith("Hint 2 of 4")
    assert "    return counts.mean(___) / ___" in said()
    assert "    return counts.mean(axis=(0, 1)) / bin_size" in said()
    assert said().startswith("Hint 4 of 4")
    assert said(1).startswith("Hint 1 of 4")
    with pytest.raises(ValueError, match="no hint 5; an exercise has hints 1, 2, 3 and 4"):
        nma.hint("90.1", 5)


def test_why_puts_both_results_side_by_side(capsys):
    assert nma.why("90.1") is None
    assert "has not been checked yet" in capsys.readouterr().out

    nma.exercise("90.1")(lambda c, b: np.where(np.arange(c.shape[2]) == 1, 0, MEAN(c) / b))
    table = nma.why("90.1")
    said = capsys.readouterr().out
    assert "counts = an array of shape (4, 6, 3): " in said and "bin_size = 0.01" in said
    assert list(table.index) == ["[1]"] and list(table.columns) == ["yours", "expected"]
    assert table.loc["[1]", "yours"] == "0"

    nma.exercise("90.5")(lambda v: (v.min(), v.max()))
    assert list(nma.why("90.5").index) == ["part 2"]
    nma.exercise("90.1")(lambda c, b: MEAN(c)[:2])
    assert nma.why("90.1").loc["shape"].tolist() == ["(2,)", "(3,)"]
    nma.exercise("90.1")(lambda c, b: c)
    assert nma.why("90.1").loc["shape"].tolist() == ["(4, 6, 3)", "(3,)"]
    nma.exercise("90.1")(lambda c, b: c.max())
    assert nma.why("90.1").loc["shape"].tolist() == ["()", "(3,)"]
    capsys.readouterr()
    nma.exercise("90.1")(lambda c, b: c.shape[7])
    assert nma.why("90.1") is None
    assert "tuple index out of range" in capsys.readouterr().out


def test_why_shows_what_is_named_by_its_names(line):
    matrix, shapes = reference("7.3"), reference("4.1")
    line("7.3", lambda table, value: matrix(table, value).T)
    assert "['CA1', 'MOs']" in nma.why("7.3").index
    line("7.3", lambda table, value: matrix(table, value).rename(columns={"MOs": "LP"}))
    assert nma.why("7.3").loc["columns"].tolist() == ["CA1, LP, VISp", "CA1, MOs, VISp"]
    assert line("7.3", lambda table, value: matrix(table, value).iloc[::-1]).endswith("done")

    line("4.1", lambda *sizes: shapes(*sizes) | {"states": (1, 2, 3)})
    assert nma.why("4.1").loc["states [1]"].tolist() == ["2", "40"]
    assert "lacks input weights" in line("4.1", lambda *sizes: {"source": shapes(*sizes)["source"]})

    line("2.4", lambda activity, n, seed: np.random.default_rng(seed).random(n))
    table = nma.why("2.4")
    assert table.index[0] == "how often the largest is 0.34 to 0.38" and len(table) == 10
    assert table["expected"].str.endswith("%").all()


def test_progress_lists_the_notebooks_touched_so_far():
    assert nma.progress().empty
    nma.exercise("90.1")(loops)
    nma.exercise("90.2")(lambda rates, counts: None)
    table = nma.progress()
    assert table.loc["90.1", "status"] == "done"
    assert table.loc["90.2", "status"] == "wrong"
    assert table.loc["90.3", "status"] == "not tried"
    assert nma.progress(90).equals(table)
    assert set(table.index) <= set(nma.progress("all").index)
    nma.exercise("90.2")(reference("90.2"))
    assert nma.progress().loc["90.2", "status"] == "done"
    nma.hint("5.1", 1)
    assert nma.progress().index.tolist() == [*nma.progress(5).index, *table.index]


def test_whose_function_it_is_that_a_notebook_goes_on_with():
    assert nma.whose("90.1") == "the reference's"
    nma.exercise("90.1")(lambda counts, bin_size: None)
    assert nma.whose("90.1") == "the reference's"
    nma.exercise("90.1")(loops)
    assert nma.whose("90.1") == "your"
    with pytest.raises(ValueError, match="no exercise 90.77"):
        nma.whose("90.77")


def test_whoever_observes_is_told_of_each_check():
    seen = []
    stop = student.observe(lambda number, result, answer: seen.append((number, result, answer)))
    nma.exercise("90.1")(loops)
    nma.exercise("90.3")(nn.Linear)
    stop()
    nma.exercise("90.1")(loops)
    (number, result, answer), (_, other, _) = seen
    assert (number, result, answer) == ("90.1", exercises.Result("done"), loops)
    assert (other.status, other.cause) == ("wrong", "")
    assert "no attribute linear" in other.symptom


def test_an_unknown_number_is_told():
    with pytest.raises(ValueError, match="no exercise 90.77; notebook 90 has 90.1, 90.2"):
        nma.exercise("90.77")
    with pytest.raises(ValueError, match="no exercises of notebook 89"):
        nma.hint("89.1")
    with pytest.raises(ValueError, match="name one by its number, such as '5.1'"):
        nma.exercise(loops)


def two_returns(early):
    if early:
        return 1
    return 2


def test_an_edit_must_fit_its_answer():
    assert [edited(two_returns, "return 3")(early) for early in (True, False)] == [1, 3]
    answer = reference("90.1")
    assert edited(answer, "mean -> max")(np.arange(24).reshape(2, 3, 4), 1).tolist() == [
        20,
        21,
        22,
        23,
    ]
    assert edited(answer, "-> return bin_size")(None, 3) == 3
    assert edited(answer, "return 1 / bin_size")(None, 2) == 0.5
    assert edited(answer, "counts.mean(axis=(0, 1)) -> counts ;; / bin_size ->")(3, 1) == 3
    for old in ("median", "bin_size"):
        with pytest.raises(ValueError, match=f"'{old}' stands"):
            edited(answer, f"{old} -> 1")


def test_two_edits_are_joined_in_the_order_in_which_they_fit():
    answer, other = reference("90.1"), "counts.mean -> counts.max"
    one = "/ bin_size -> / bin_size - counts.mean()"
    assert joined(answer, one, other) == joined(answer, other, one) == f"{other} ;; {one}"
    assert joined(answer, other, "counts.mean -> counts.min") == ""
    assert joined(answer, one, "-> return counts") == ""


def test_an_exercise_needs_its_words():
    exercise = exercises.with_texts(str(HERE / "made_up" / "n90_made_up.py"))
    with pytest.raises(ValueError, match="n90_made_up.txt has no exercise 90.9; it has 90.1, 90.2"):
        exercise("90.9", loops, cases=no_cases)


HEADING = "== 5.1 the loss (10 minutes, difficulty 1 of 3)"
TEXT = f"""What stands above the first exercise is for whoever edits it.

{HEADING}

hint
    What is
    asked?
hint
    Write it.
gaps
    .mean()

summed
    .mean() -> .sum()
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("10 minutes, ", "", "line 3: '5.1 the loss (difficulty 1 of 3)' is no heading; write it"),
        ("== 5.1 ", "== ", "line 3: 'the loss (10 minutes, difficulty 1 of 3)' is no heading"),
        ("hint\n    Write it.\n", "", "line 3: exercise 5.1 has 1 hints; write two"),
        ("hint\n    What is\n", "    What is\n", "line 5: is indented, but no line at the margin"),
        ("    .mean()\n\n", "  .mean()\n\n", "line 11: is indented by less than four spaces"),
        ("\n    .mean() ->", "\n.mean() ->", "line 13: no lines belong to 'summed'; indent them"),
        (".mean() -> .sum()", ".sum()", "line 14: '.sum()' is no edit; write \"old -> new\""),
        (" -> .sum()", " -> .sum() ;; x", "line 14: 'x' is no edit"),
        ("summed", "hint", "line 3: exercise 5.1 has 3 hints"),
        ("\nsummed", "\nsummed\n    a -> b\nsummed", "line 15: 'summed' stands there twice"),
        (".sum()\n", f".sum()\n\n{HEADING}\n", "line 16: exercise 5.1 stands there twice"),
    ],
)
def test_a_malformed_text_is_told_with_its_line(old, new, said, tmp_path):
    file = tmp_path / "n05_loss.txt"
    file.write_text(TEXT)
    exercise = exercises.with_texts(str(tmp_path / "n05_loss.py"))("5.1", loops, cases=no_cases)
    assert (exercise.title, exercise.minutes, exercise.difficulty) == ("the loss", 10, 1)
    assert exercise.hints == ("What is asked?", "Write it.")
    assert exercise.gaps == (".mean()",)
    assert exercise.mistakes == {"summed": [".mean() -> .sum()"]}
    assert TEXT.count(old) == 1
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError, match=f"^n05_loss.txt, .*{re.escape(said)}"):
        exercises.with_texts(str(tmp_path / "n05_loss.py"))


def no_cases(rng):
    return []


# ---------------------------------------------------------------------- answers that draw


@pytest.mark.parametrize("number", ["3.2", "3.3", "7.1", "7.2"])
def test_a_right_draw_is_accepted_however_it_uses_up_rng(number, line):
    def answer(*given, before):
        given[-1].normal(size=before)
        return reference(number)(*given)

    for before in range(1, 16):
        drawn = functools.partial(answer, before=before)
        assert line(number, drawn) == f"Exercise {number} done"


@pytest.mark.parametrize("further", range(1000, 10_000, 1000))
def test_right_shuffles_are_accepted_whatever_they_draw(further, line):
    def answer(activity, n_shuffles, seed):
        return reference("2.4")(activity, n_shuffles, seed + further)

    assert line("2.4", answer) == "Exercise 2.4 done"


def test_of_draws_it_is_told_and_shown_what_they_have_in_common(line):
    def halves(units, rng):
        return [rng.choice(units, len(units) // 2, replace=False) for _ in range(2)]

    fact = "neurons in both halves (which predict themselves)"
    assert re.search(f"the number of {re.escape(fact)} is [23].* average", line("3.2", halves))
    table = nma.why("3.2")
    assert list(table.index) == [fact] and table["expected"].item() == "0"


# ---------------------------------------------------------------------- the course's exercises


@pytest.mark.parametrize("number", COURSE, ids=lambda n: f"n{int(n.split('.')[0]):02d}-{n}")
class TestCourse:
    def test_is_complete(self, number, capsys):
        task = COURSE[number]
        assert task.title and task.minutes > 0 and task.difficulty in (1, 2, 3)
        assert all(len(hint) > 10 for hint in task.hints)
        nma.hint(number, 3)
        assert task.gaps and capsys.readouterr().out.count("___") >= len(task.gaps)
        nma.hint(number, 4)

    def test_answers_are_judged_rightly(self, number):
        right, wrong = judged(number)
        assert len(right) >= 4 and len(wrong) >= 15
        assert [result.message for result in right if result.status != "done"] == []
        assert [each for each in wrong if not each.is_flagged] == []
        assert [each for each in wrong if each.says and not each.is_named] == []
        assert [m for each in wrong if len(m := each.result.message) > 180] == []

    def test_the_reference_is_accepted(self, number):
        nma.exercise(number)(COURSE[number].reference)
        assert exercises.results()[number] == exercises.Result("done")

    def test_known_mistakes_are_edits_that_matter_and_are_told_apart(self, number):
        task = COURSE[number]
        for sentence, edits in task.mistakes.items():
            assert len(sentence) <= 100
            for edit in edits:
                nma.exercise(number)(edited(task.reference, edit))
                result = exercises.results()[number]
                assert result.status == "wrong", edit
                assert result.cause == sentence, edit


@pytest.mark.parametrize(
    ("notebook", "name"),
    exercises.notebooks().items(),
    ids=[f"n{name}" for name in exercises.notebooks().values()],
)
def test_a_notebook_has_its_exercises_in_order_as_their_headings_say(notebook, name):
    source = (ROOT / "solutions" / f"{name}.py").read_text(encoding="utf-8")
    numbers = [task.number for task in exercises.exercises_of(notebook)]
    assert re.findall(r'^@nma\.exercise\("([\d.]+)"\)', source, re.MULTILINE) == numbers
    text = (ROOT / "nma_seq2seq" / "exercises" / f"n{name}.txt").read_text(encoding="utf-8")
    said, meant = (  # number, title, minutes and difficulty
        re.findall(rf"^{start} (\S+) (.+\))$", lines.lower(), re.MULTILINE)
        for start, lines in (("# ## exercise", source), ("==", text))
    )
    assert said == meant and [number for number, _ in meant] == numbers
