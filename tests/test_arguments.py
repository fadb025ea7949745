"""Which trials and neurons are meant: positions, masks, labels, wherever one chooses."""

import numpy as np
import pandas as pd
import pytest

import nma_seq2seq as nma
from nma_seq2seq.arguments import did_you_mean, positions


@pytest.fixture(scope="module")
def gone(tiny):
    """Trials with a response: labels are no longer positions."""
    return tiny.select(trials=tiny.trials["response"] != 0)


def test_labels_are_taken_by_label_after_a_selection(tiny, gone):
    left = gone.trials["contrast_left"] > 0
    wanted = gone.trials.index[left]
    for chosen in (wanted, left, gone.trials[left], tiny.trials["contrast_left"] > 0, left[::-1]):
        assert list(gone.select(trials=chosen).trials.index) == list(wanted)
    assert list(gone.select(trials=left.to_numpy()).trials.index) == list(wanted)
    # The order of an Index is the caller's, as that of positions is.
    assert list(gone.select(trials=wanted[::-1]).trials.index) == list(wanted[::-1])


def test_a_mask_in_another_order_is_aligned(gone):
    left = gone.trials["contrast_left"] > 0
    shuffled = left.sample(frac=1, random_state=3)
    assert (shuffled.to_numpy() != left.to_numpy()).any()
    assert gone.select(trials=shuffled).trials["contrast_left"].min() > 0


def test_bare_integers_are_positions(gone):
    assert list(gone.select(trials=[0, -1]).trials.index) == list(gone.trials.index[[0, -1]])
    assert gone.select(trials=2).trials.index == gone.trials.index[2]
    assert list(gone.select(trials=slice(1, 6, 2)).trials.index) == list(gone.trials.index[1:6:2])


def test_neurons_by_mask_position_and_label(tiny):
    mos = tiny.select("MOs")
    busy = mos.units.index[mos.rates_hz > 30]
    assert list(mos.select(neurons=busy).units.index) == list(busy)
    assert list(mos.select(neurons=[3, 1]).units.index) == [28, 26]
    assert (
        mos.select(neurons=mos.rates_hz > 30).spikes == mos.spikes[:, :, mos.rates_hz > 30]
    ).all()
    narrow = tiny.units["region"].eq("CA1")
    assert set(tiny.select(neurons=narrow).units["region"]) == {"CA1"}
    assert list(tiny.select("MOs", neurons=[0, 27, 30]).units.index) == [27, 30]
    with pytest.raises(ValueError, match="none of the chosen neurons lies in the chosen regions"):
        tiny.select("MOs", neurons=[0, 1])


def test_text_labels():
    labels = pd.Index(["a", "b", "c"])
    assert list(positions(["c", "a"], labels, "neuron")) == [2, 0]
    with pytest.raises(ValueError, match="neuron 'd' is not among the labels"):
        positions(["d"], labels, "neuron")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (pd.Index([3]), "trial 3 is not among the labels.*to_numpy.. for positions"),
        (pd.Series([3, 1]), "positions or labels of trials; give .to_numpy.. for positions, or"),
        (pd.Series([True, False]), "says nothing of trial 10"),
        (pd.Series([True] * 5, index=[10, 11, 12, 13, 13]), "repeats labels"),
        (pd.Series([True, None] * 2 + [True], index=range(10, 15)), "missing values"),
        (pd.DataFrame({"a": [True]}, index=[10]), "a table of bools.*'a'"),
        ([0, 1, 0, 1, 1], "5 numbers 0 and 1 could be positions.*astype.bool"),
        (np.ones(4, bool), r"shape \(4,\); it must be \(5,\)"),
        ([5], "trial 5 is asked for; this session has trials 0 to 4"),
        ([-6], "trial -6 is asked for"),
        ([12], r"its label 12 is taken with pd.Index\(\[12\]\)"),
        ([], "at least one trial"),
        ([0.5], "by positions"),
        ([np.nan], "by positions"),
        ("all", "trial 'all' is not among the labels|by positions"),
        ({1, 2}, "by positions .*not by set"),
        (np.zeros((2, 2), int), "by positions"),
    ],
)
def test_what_is_ambiguous_or_absent_gets_a_sentence(chosen, message):
    with pytest.raises(ValueError, match=message) as caught:
        positions(chosen, pd.Index(range(10, 15)))
    assert "\n" not in str(caught.value)


def test_a_label_that_is_there_twice_is_ambiguous(tiny):
    drawn = tiny.select(trials=[3, 3, 5])
    assert list(drawn.select(trials=pd.Index([5])).trials.index) == [5]
    with pytest.raises(ValueError, match="trial 3 is there more than once"):
        drawn.select(trials=pd.Index([3]))


def test_datasets_and_alignments_choose_in_the_same_ways(tiny, gone):
    units = gone.units["region"]
    train, validation, test = nma.split_trials(gone.n_trials)
    data = nma.dataset_of_units(
        gone, units == "VISp", units.index[units == "MOs"],
        (gone.trials.index[train], validation, np.isin(np.arange(gone.n_trials), test)),
    )  # fmt: skip
    other = nma.make_dataset(gone, source="VISp")
    assert (data.source == other.source).all() and (data.target == other.target).all()
    for part in ("train", "validation", "test"):
        assert (data.trials(part) == other.trials(part)).all()

    latents = np.random.default_rng(0).normal(size=(10, 5, 2))
    mask = np.arange(10) < 6
    assert list(nma.align(latents, latents, train=mask, test=~mask).trials) == [6, 7, 8, 9]
    with pytest.raises(ValueError, match="trial 0 is in both"):
        nma.align(latents, latents, train=mask, test=[0, 8])
    with pytest.raises(ValueError, match="trial 12 is not among the labels here"):
        nma.align(latents, latents, train=mask, test=pd.Index([12]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [1, 2], ([0], [1], [2])), "neuron 1 is both source and target"),
        (([0], [1], ([0, 1], [1], [2])), "trial 1 is there 2 times"),
        (([0], [1], ([0], [1])), "parts are three sets of trials"),
        (([0], [99], ([0], [1], [2])), "neuron 99 is asked for"),
    ],
)
def test_a_dataset_that_would_leak_is_refused(tiny, arguments, message):
    with pytest.raises(ValueError, match=message):
        nma.dataset_of_units(tiny, *arguments)


def test_did_you_mean():
    known = ["MOs", "VISp", "CA1", "hippocampus"]
    for name, meant in {
        "mos": "MOs", "M0s": "MOs", "MOs2/3": "MOs", "VISp5": "VISp", "hipocampus": "hippocampus",
    }.items():  # fmt: skip
        assert did_you_mean(name, known) == f"; did you mean {meant!r}?"
    assert did_you_mean("thalamus", known) == did_you_mean("", known) == ""
