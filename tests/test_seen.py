"""Scores that cannot leak: what a fit has seen is refused, whatever way it comes back."""

import dataclasses
import re

import numpy as np
import pytest

import nma_seq2seq as nma
from tests.conftest import tiny_dict


def quick_network(data):
    return nma.fit_recipe(data, dataclasses.replace(nma.RECIPE, max_epochs=1), progress=False)[0]


def quick_seq2seq(data):
    settings = nma.Settings(max_epochs=1)
    return nma.fit_seq2seq(data, settings, n_latents=3, progress=False)


FITS = [
    nma.fit_mean,
    nma.fit_psth,
    nma.fit_population,
    nma.fit_rrr,
    nma.fit_glm,
    quick_network,
    quick_seq2seq,
]


@pytest.mark.parametrize("fit", FITS)
def test_another_split_is_refused_by_every_score(fit, tiny):
    model, other = fit(nma.make_dataset(tiny, seed=0)), nma.make_dataset(tiny, seed=1)
    leaked = np.intersect1d(np.union1d(other.train, other.validation), other.test)
    assert not len(leaked)
    for score in (
        lambda: nma.score({"mine": model}, other),
        lambda: nma.compare(model, nma.fit_mean(other), other),
        lambda: nma.compare(nma.fit_mean(other), model, other),
        lambda: nma.plots.predicted_trials({"mine": model}, other),
    ):
        with pytest.raises(ValueError, match=r"has seen \d of these 8 test .*fit it on this"):
            score()


@pytest.mark.parametrize("fit", FITS)
def test_validation_trials_are_no_test_trials(fit, tiny_data):
    """What a fit was tuned or stopped on is not new to it, though it was not trained on it."""
    swapped = dataclasses.replace(tiny_data, validation=tiny_data.test, test=tiny_data.validation)
    with pytest.raises(ValueError, match="has seen 6 of these 6 test trials"):
        nma.score({"mine": fit(tiny_data)}, swapped)


@pytest.mark.parametrize("fit", FITS)
def test_the_own_split_is_scored(fit, tiny_data):
    model = fit(tiny_data)
    for part in ("test", "train"):
        assert np.isfinite(nma.score({"": model}, tiny_data, part=part)["bits_per_spike"]).all()
    if fit is quick_seq2seq:  # its networks train on each other's validation trials
        with pytest.raises(ValueError, match="6 of these 6 validation trials.*nma.fit"):
            nma.score({"mine": model}, tiny_data, part="validation")
    else:
        nma.score({"mine": model}, tiny_data, part="validation")


def test_trials_are_known_again_after_a_selection(tiny, tiny_data):
    model = nma.fit_rrr(tiny_data)
    later = tiny.select(trials=np.arange(10, 40), window=(-0.1, 0.1))
    with pytest.raises(ValueError, match="has seen .* test trials"):
        nma.score({"mine": model}, nma.make_dataset(later))
    # The test trials alone, found by their labels, are as new as they were.
    unseen = np.isin(later.trials.index, tiny.trials.index[tiny_data.test])
    part = nma.make_dataset(later)
    part = dataclasses.replace(part, test=np.flatnonzero(unseen), train=np.flatnonzero(~unseen))
    assert np.isfinite(nma.score({"mine": model}, part)["bits_per_spike"]).all()


def test_a_fit_of_a_longer_window_is_scored_on_a_part_of_it(tiny):
    start, stop = tiny.time[[5, -5]]
    scored, learned = nma.make_dataset(tiny, window=(start, stop)), nma.make_dataset(tiny)
    assert scored.n_bins < learned.n_bins
    models = {"rrr": nma.fit_rrr(learned), "seq2seq": quick_seq2seq(learned)}
    assert np.isfinite(nma.score(models, scored)["bits_per_spike"]).all()
    other = nma.make_dataset(tiny, window=(start, stop), seed=1)
    with pytest.raises(ValueError, match="has seen .* test trials"):
        nma.score(models, other)


def test_other_neurons_recordings_and_bins_are_refused(tiny, tiny_data):
    model = nma.fit_rrr(tiny_data)
    halves = [nma.make_dataset(tiny, source="same", seed=seed) for seed in (0, 1)]
    within = nma.fit_rrr(halves[0])
    with pytest.raises(
        ValueError, match=r"fitted for 5 source neurons, of which \d are among the 5"
    ):
        nma.score({"mine": within}, halves[1], part="train")
    # As many neurons and trials, and the same name: told apart by its spikes.
    other = nma.make_dataset(nma.Session.from_dict(tiny_dict(seed=1)))
    with pytest.raises(ValueError, match="fitted on another recording"):
        nma.score({"mine": model}, other)
    coarse = nma.make_dataset(tiny.rebin(2))
    with pytest.raises(ValueError, match=re.escape("bins of 0.01 s, and these are of 0.02 s")):
        nma.score({"mine": model}, coarse)


def test_the_same_recording_read_twice_is_one(tiny_data):
    again = nma.make_dataset(nma.Session.from_dict(tiny_dict() | {"mouse_name": "Renamed"}))
    assert nma.score({"": nma.fit_rrr(tiny_data)}, again)["bits_per_spike"].iloc[0] > 0
    spikes = tiny_data.session.spikes.copy()
    spikes[-1, -1, -1] += 1  # one spike more, in the last bin
    almost = nma.make_dataset(dataclasses.replace(again.session, spikes=spikes, key=""))
    with pytest.raises(ValueError, match="fitted on another recording"):
        nma.score({"mine": nma.fit_rrr(tiny_data)}, almost)
    shifted = nma.make_dataset(nma.Session.from_dict(tiny_dict()), seed=3)
    with pytest.raises(ValueError, match="has seen"):
        nma.score({"mine": nma.fit_rrr(tiny_data)}, shifted)


def test_a_model_of_ones_own_may_say_what_it_has_seen(tiny):
    class Mine:
        def __init__(self, data):
            self.rate = data.target[data.train].mean()
            self.n_targets, self.seen = data.n_targets, nma.Seen.of(data)

        def predict(self, source):
            return np.full((*source.shape[:2], self.n_targets), self.rate)

    data, other = (nma.make_dataset(tiny, seed=seed) for seed in (0, 1))
    mine = Mine(data)
    nma.score({"mine": mine}, data)
    with pytest.raises(ValueError, match="'mine' has seen"):
        nma.score({"mine": mine}, other)
    mine.seen = other.train
    with pytest.raises(TypeError, match=r"declare it as nma.Seen.of\(data\)"):
        nma.score({"mine": mine}, other)
