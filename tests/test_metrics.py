"""Metrics against formulas written out, and against what must hold of any score."""

import dataclasses
from math import log

import numpy as np
import pytest
import torch

import nma_seq2seq as nma
from nma_seq2seq import metrics


class Given:
    """A model that returns what it was given for the test trials."""

    seconds = 0.0

    def __init__(self, data, rates):
        self.data, self.rates = data, np.broadcast_to(rates, data.target.shape)

    def predict(self, source):
        trials = {len(self.data.train): self.data.train, len(self.data.test): self.data.test}
        return self.rates[trials[len(source)]]


def test_poisson_nll_written_out():
    rates, counts = [[0.5, 2.0], [1.0, 0.1]], [[1, 2], [0, 3]]
    terms = [rates[i][j] - counts[i][j] * log(rates[i][j]) for i in (0, 1) for j in (0, 1)]
    expected = sum(terms)
    assert nma.poisson_nll(np.array(rates), np.array(counts)) == pytest.approx(expected / 4)
    tensor = nma.poisson_nll(torch.tensor(rates), torch.tensor(counts))
    assert tensor.item() == pytest.approx(expected / 4)


def test_bits_per_spike_written_out():
    rates, counts, null = np.array([[[0.5, 2.0]]]), np.array([[[1, 2]]]), np.array([1.0, 1.5])
    gain = [y * log(r / m) - r + m for y, r, m in ((1, 0.5, 1.0), (2, 2.0, 1.5))]
    assert nma.bits_per_spike(rates, counts, null) == pytest.approx(sum(gain) / log(2) / 3)
    each = nma.bits_per_spike(rates, counts, null, per_neuron=True)
    np.testing.assert_allclose(each, [gain[0] / log(2), gain[1] / log(2) / 2])


def test_the_null_is_worth_nothing_and_the_three_differ(tiny_data):
    counts = tiny_data.target[tiny_data.test]
    seen = {}
    for null in metrics.NULLS:
        rates = nma.null_rates(tiny_data, null)
        assert nma.bits_per_spike(np.broadcast_to(rates, counts.shape), counts, rates) == 0
        seen[null] = nma.bits_per_spike(np.full(counts.shape, 0.3), counts, rates)
    assert len({round(value, 6) for value in seen.values()}) == 3
    # The evaluated trials' own mean is the best constant, so it is the hardest constant null.
    assert seen["test"] < seen["train"]
    with pytest.raises(ValueError, match="no null 'best'; choose one of train, test, psth"):
        nma.null_rates(tiny_data, "best")


def test_no_test_trial_touches_the_train_or_psth_null(tiny):
    clean = nma.make_dataset(tiny)
    spikes = tiny.spikes.copy()
    spikes[clean.test] = 99
    spoiled = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    for null in ("train", "psth"):
        assert (nma.null_rates(clean, null) == nma.null_rates(spoiled, null)).all()


def test_a_neuron_silent_in_training_has_a_finite_null(tiny):
    spikes = tiny.spikes.copy()
    spikes[nma.make_dataset(tiny).train, :, 30] = 0
    data = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    rates = nma.null_rates(data, "train")
    assert (rates > 0).all()
    assert np.isfinite(nma.bits_per_spike(np.full((8, 30, 10), 0.3), data.target[data.test], rates))


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (np.ones((2, 3, 5)), r"rates have shape \(2, 3, 5\)"),
        (np.zeros((2, 3, 4)), "must be above 0"),
        (np.full((2, 3, 4), np.nan), "NaN"),
    ],
)
def test_wrong_rates_are_named(rates, message):
    with pytest.raises(ValueError, match=message):
        nma.bits_per_spike(rates, np.ones((2, 3, 4)), np.ones(4))
    with pytest.raises(ValueError, match="no spike"):
        nma.bits_per_spike(np.ones((2, 3, 4)), np.zeros((2, 3, 4)), np.ones(4))


def test_silent_neurons_have_no_score_of_their_own():
    counts = np.ones((2, 3, 2))
    counts[..., 1] = 0
    each = nma.bits_per_spike(np.ones((2, 3, 2)), counts, np.ones(2), per_neuron=True)
    assert each[0] == 0 and np.isnan(each[1])


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    null, rates = np.array([0.3]), np.where(np.arange(40) % 2, 0.45, 0.15)[None, :, None]
    truth = (rates * np.log(rates / 0.3) - rates + 0.3).sum() / rates.sum() / np.log(2)
    hits = 0
    for repeat in range(200):
        counts = rng.poisson(np.broadcast_to(rates, (40, 40, 1)))
        low, high = metrics.bits_interval(
            np.broadcast_to(rates, counts.shape), counts, null, n_resamples=200, seed=repeat
        )
        hits += low <= truth <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_score_table_names_its_null(tiny_data):
    table = nma.score({"a": Given(tiny_data, 0.3), "b": Given(tiny_data, 0.4)}, tiny_data)
    assert list(table.index) == ["a", "b"] and (table["null"] == "train").all()
    counts = tiny_data.target[tiny_data.test]
    assert table.loc["a", "test_loss"] == pytest.approx(
        nma.poisson_nll(np.full(counts.shape, 0.3), counts)
    )
    assert (table["low"] < table["bits_per_spike"]).all()
    assert (table["bits_per_spike"] < table["high"]).all()


def test_a_paired_comparison_is_tighter_than_two_intervals(tiny_data):
    rng = np.random.default_rng(1)
    good = 0.2 + 0.1 * tiny_data.target
    models = {
        "good": Given(tiny_data, good),
        "less": Given(tiny_data, good * rng.uniform(0.5, 1.5, good.shape)),
    }
    table = nma.score(models, tiny_data)
    paired = nma.compare(models["good"], models["less"], tiny_data)
    gap = table.loc["good", "bits_per_spike"] - table.loc["less", "bits_per_spike"]
    assert paired["difference"] == pytest.approx(gap)
    assert paired["high"] - paired["low"] < (table["high"] - table["low"]).min()
    assert paired["low"] > 0 and 0.5 < paired["share_of_neurons"] <= 1


def test_r2():
    truth = np.random.default_rng(0).normal(size=(5, 6, 2))
    estimate = truth.copy()
    estimate[..., 1] = truth[..., 1].mean()
    np.testing.assert_allclose(metrics.r2(truth, estimate), [1, 0])


def test_a_pair_of_fits_makes_two_rows_and_a_tensor_is_taken(tiny_data):
    class Mine:
        def predict(self, source):
            return torch.full((*source.shape[:2], tiny_data.n_targets), 0.3)

    pair = nma.fit_recipe(tiny_data, dataclasses.replace(nma.RECIPE, max_epochs=1), progress=False)
    table = nma.score({"recipe": pair, "mine": Mine()}, tiny_data)
    assert list(table.index) == ["recipe, early stopped", "recipe, as given", "mine"]
    assert np.isnan(table.loc["mine", "seconds"])
    with pytest.raises(TypeError, match="a function has no predict"):
        nma.score({"f": lambda source: source}, tiny_data)
    with pytest.raises(TypeError, match="models is a MeanRate; give a dict"):
        nma.score(nma.fit_mean(tiny_data), tiny_data)
