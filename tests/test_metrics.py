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
        parts = (self.data.train, self.data.validation, self.data.test)
        trials = {len(part): part for part in parts}
        return self.rates[trials[len(source)]]


def test_poisson_nll_written_out():
    rates, counts = [[0.5, 2.0], [1.0, 0.1]], [[1, 2], [0, 3]]
    terms = [rates[i][j] - counts[i][j] * log(rates[i][j]) for i in (0, 1) for j in (0, 1)]
    expected = sum(terms)
    assert nma.poisson_nll(np.array(rates), np.array(counts)) == pytest.approx(expected / 4)
    tensor = nma.poisson_nll(torch.tensor(rates), torch.tensor(counts))
    assert tensor.item() == pytest.approx(expected / 4)
    with pytest.raises(ValueError, match="a rate is zero, negative or NaN"):
        nma.poisson_nll(np.array([0.0, 1.0]), np.array([0, 1]))
    with pytest.raises(
        ValueError, match=r"shape \(2, 2\) and counts \(2,\); .* both need one shape"
    ):
        nma.poisson_nll(np.array(rates), np.array(counts)[0])


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
    with pytest.raises(ValueError, match="no null 'best'; choose from 'train', 'test', 'psth'"):
        nma.null_rates(tiny_data, "best")


def test_no_test_trial_touches_the_train_or_psth_null(tiny):
    clean = nma.make_dataset(tiny)
    spikes = tiny.spikes.copy()
    spikes[clean.test] = 99
    spoiled = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    for null in ("train", "psth"):
        assert (nma.null_rates(clean, null) == nma.null_rates(spoiled, null)).all()


def test_a_neuron_silent_in_training_is_given_half_a_spike(tiny):
    spikes = tiny.spikes.copy()
    spikes[nma.make_dataset(tiny).train, :, 30] = 0
    data = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    rates = nma.null_rates(data, "train")
    train = data.target[data.train]
    silent = list(data.target_units).index(30)
    assert rates[silent] == 0.5 / (train.shape[0] * train.shape[1])
    np.testing.assert_allclose(
        np.delete(rates, silent), train.mean((0, 1))[np.arange(10) != silent]
    )
    assert np.isfinite(nma.bits_per_spike(np.full((8, 30, 10), 0.3), data.target[data.test], rates))


def with_targets(rates, n_trials, seed=0):
    """A dataset whose MOs neurons have these rates (time, neurons) in every trial."""
    n_bins, n_targets = rates.shape
    rng = np.random.default_rng(seed)
    targets = rng.poisson(np.broadcast_to(rates, (n_trials, n_bins, n_targets)))
    return nma.make_dataset(
        nma.Session.from_dict(
            {
                "spks": np.concatenate([targets, targets[:, :, :1]], axis=2).transpose(2, 0, 1),
                "brain_area": np.array(["MOs"] * n_targets + ["VISp"]),
            }
        )
    )


def test_the_psth_null_rules_no_bin_out_and_keeps_the_mean():
    """Where no training spike is near, a hundredth of the mean is left, and no more."""
    burst = np.zeros((100, 1))
    burst[50] = 3.0
    data = with_targets(burst, 60)
    mean = data.target[data.train].mean()
    rates = nma.null_rates(data, "psth")
    np.testing.assert_allclose(rates[:15], 0.01 * mean)
    assert rates.mean() == pytest.approx(mean)


def test_the_psth_null_smooths_as_much_as_the_validation_trials_ask_for():
    sharp, flat = np.full((100, 5), 0.1), np.full((100, 5), 0.1)
    sharp[50] = 5.0
    peak = nma.null_rates(with_targets(sharp, 400), "psth")[50]
    assert (peak > 0.35 * 5).all()  # a Gaussian of one bin leaves 0.4 of it, one of two bins 0.2
    few = with_targets(flat, 12)
    raw = few.target[few.train].mean(axis=0)
    rates = nma.null_rates(few, "psth")
    # A Gaussian of eight bins leaves a fifth of the noise, one of a single bin half of it.
    assert rates.std(axis=0).mean() < 0.4 * raw.std(axis=0).mean()


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
    with pytest.raises(ValueError, match="must be above 0"):
        nma.bits_per_spike(np.ones((2, 3, 4)), np.ones((2, 3, 4)), np.array([1, 1, 0, 1]))


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


def test_an_interval_divides_by_the_spikes_of_the_trials_that_were_drawn():
    """Each spike of the first neuron is worth one bit, so every resample is worth one bit."""
    rates, null = np.array([2.0, 1.0]), np.array([1.0, 2.0])
    counts = np.zeros((30, 10, 2))
    counts[..., 0] = np.random.default_rng(0).poisson(np.linspace(0.1, 5, 30)[:, None], (30, 10))
    interval = metrics.bits_interval(np.broadcast_to(rates, counts.shape), counts, null)
    assert interval == pytest.approx((1.0, 1.0))


def test_an_interval_knows_its_level_and_its_seed(tiny_data):
    counts = tiny_data.target[tiny_data.test]
    rates, null = np.full(counts.shape, 0.4), np.full(10, 0.3)

    def width(**settings):
        low, high = metrics.bits_interval(rates, counts, null, **settings)
        return high - low

    # As those of a normal distribution: 2 x 1.96 against 2 x 0.674 standard errors.
    assert width(level=0.95) / width(level=0.5) == pytest.approx(1.96 / 0.674, rel=0.25)
    assert width(seed=1) != width(seed=2)
    assert width(seed=1) == width(seed=1)


def test_scores_are_of_the_part_that_was_asked_for(tiny_data):
    """Two models that are right in one part each: only that part may tell them apart."""
    level = np.full(tiny_data.target.shape, 0.3)
    for part in ("validation", "test"):
        trials = tiny_data.trials(part)
        knows = level.copy()
        knows[trials] = 0.05 + 0.9 * tiny_data.target[trials]
        informed, constant = Given(tiny_data, knows), Given(tiny_data, 0.3)
        for asked in ("validation", "test"):
            table = nma.score({"informed": informed, "constant": constant}, tiny_data, part=asked)
            gap = table["bits_per_spike"].diff().iloc[1]
            difference = nma.compare(informed, constant, tiny_data, part=asked)["difference"]
            assert (gap < -0.5) == (difference > 0.5) == (asked == part)
            assert f"{asked}_loss" in table
            # Neither knows the training trials.
            seen = nma.poisson_nll(level[tiny_data.train], tiny_data.target[tiny_data.train])
            np.testing.assert_allclose(table["train_loss"], seen)


def test_the_test_null_is_the_mean_of_the_trials_that_are_scored(tiny_data):
    counts = tiny_data.target[tiny_data.validation]
    table = nma.score({"a": Given(tiny_data, 0.3)}, tiny_data, null="test", part="validation")
    expected = nma.bits_per_spike(np.full(counts.shape, 0.3), counts, metrics.mean_rates(counts))
    assert table.loc["a", "bits_per_spike"] == pytest.approx(expected)


def test_a_silent_neuron_is_predicted_better_by_nobody(tiny_data):
    target = tiny_data.target.copy()
    target[tiny_data.test, :, :4] = 0
    data = dataclasses.replace(tiny_data, target=target)
    good, less = Given(data, 0.2 + 0.5 * target), Given(data, np.full(target.shape, 0.3))
    assert nma.compare(good, less, data)["share_of_neurons"] == 1


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


def test_intervals_are_drawn_as_often_and_from_the_seed_that_was_asked_for(tiny_data):
    good, less = Given(tiny_data, 0.2 + 0.1 * tiny_data.target), Given(tiny_data, 0.3)
    trials = tiny_data.test
    counts, null = tiny_data.target[trials], nma.null_rates(tiny_data)
    for asked in ({"seed": 1}, {"seed": 2}, {"n_resamples": 7}):
        row = nma.score({"good": good}, tiny_data, **asked).iloc[0]
        expected = metrics.bits_interval(good.rates[trials], counts, null, **asked)
        assert (row["low"], row["high"]) == expected
    for seed in (1, 2):
        row = nma.compare(good, less, tiny_data, seed=seed)
        expected = metrics.bits_interval(good.rates[trials], counts, less.rates[trials], seed=seed)
        assert (row["low"], row["high"]) == expected


def test_a_model_is_not_better_than_itself(tiny_data):
    same = nma.compare(Given(tiny_data, 0.3), Given(tiny_data, 0.3), tiny_data)
    assert same.tolist() == [0, 0, 0, 0]


def test_r2():
    truth = np.random.default_rng(0).normal(size=(5, 6, 2)) + [0, 9]
    estimate = truth.copy()
    estimate[..., 1] = truth[..., 1].mean()
    np.testing.assert_allclose(metrics.r2(truth, estimate), [1, 0])


def test_a_pair_of_fits_makes_two_rows_and_a_tensor_is_taken(tiny_data):
    class Mine:
        def predict(self, source):
            rate = torch.tensor(0.3, requires_grad=True)  # as a network's parameters have it
            return rate.expand(*source.shape[:2], tiny_data.n_targets)

    pair = nma.fit_recipe(tiny_data, dataclasses.replace(nma.RECIPE, max_epochs=1), progress=False)
    table = nma.score({"recipe": pair, "mine": Mine(), "two": (Mine(), Mine())}, tiny_data)
    recipes = ["recipe, early stopped", "recipe, as given"]
    assert list(table.index) == [*recipes, "mine", "two, 1", "two, 2"]
    assert np.isnan(table.loc["mine", "seconds"])
    with pytest.raises(TypeError, match="a function without predict"):
        nma.score({"f": lambda source: source}, tiny_data)
    with pytest.raises(TypeError, match="models is an? AverageTrial; give a dict"):
        nma.score(nma.fit_mean(tiny_data), tiny_data)
