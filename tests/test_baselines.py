"""Baselines: right on data whose answer is known, and honest about the test trials."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

import nma_seq2seq as nma
from nma_seq2seq import metrics
from nma_seq2seq.baselines import fit_glm, fit_population


@pytest.fixture(scope="module")
def linear() -> tuple[nma.Dataset, np.ndarray]:
    """Targets whose rates are a rank-2 linear function of slowly changing sources."""
    rng = np.random.default_rng(0)
    phase, speed = rng.uniform(0, 7, (120, 1, 2)), rng.uniform(0.05, 0.2, (120, 1, 2))
    latents = np.sin(phase + speed * np.arange(40)[:, None])
    sources = 1.0 + 0.9 * latents @ rng.uniform(-0.5, 0.5, (2, 60))
    targets = 0.5 + 0.45 * latents @ rng.uniform(-0.5, 0.5, (2, 12))
    rates = np.concatenate([sources, targets], axis=2)
    session = nma.Session.from_dict(
        {
            "spks": rng.poisson(rates).transpose(2, 0, 1),
            "brain_area": np.array(["VISp"] * 60 + ["MOs"] * 12),
        }
    )
    data = nma.make_dataset(session)
    return data, targets[data.test]


def test_mean_and_psth_are_averages_of_training_trials(tiny_data):
    train = tiny_data.target[tiny_data.train]
    mean, psth = nma.fit_mean(tiny_data), nma.fit_psth(tiny_data)
    shape = (8, 30, 10)
    np.testing.assert_allclose(
        mean.predict(tiny_data.source[tiny_data.test])[0, 0], train.mean((0, 1))
    )
    rates = psth.predict(tiny_data.source[tiny_data.test])
    assert rates.shape == shape and (rates[0] == rates[5]).all()
    np.testing.assert_allclose(rates[0].mean(axis=0), train.mean((0, 1)), rtol=0.1)


def test_reduced_rank_regression_finds_a_linear_code(linear):
    data, truth = linear
    model = nma.fit_rrr(data)
    rates = model.predict(data.source[data.test])
    assert model.rank <= 4
    assert metrics.r2(truth, rates).mean() > 0.8
    assert model.latents(data.source[data.test]).shape == (*rates.shape[:2], model.rank)


def test_reduced_rank_regression_without_a_code_predicts_the_mean(linear):
    data, _ = linear
    rng = np.random.default_rng(1)
    noise = rng.poisson(0.5, data.session.spikes.shape).astype(np.uint8)
    data = nma.make_dataset(dataclasses.replace(data.session, spikes=noise))
    table = nma.score({"rrr": nma.fit_rrr(data)}, data)
    assert abs(table.loc["rrr", "bits_per_spike"]) < 0.01


ONE = {"smoothings": ((2,),), "ridges": (3,), "floors": (0.1,)}


def test_the_regression_written_out(linear):
    """Ridge on scaled sources and targets, projected on the leading axes of what it fits."""
    data, _ = linear
    # A burst of everyone at the end of every trial, where smoothing has fewer bins to average, so
    # that smoothed sources have another mean than the sources.
    burst = 5 * (np.arange(data.n_bins) >= data.n_bins - 3)[:, None].astype(np.uint8)
    data = dataclasses.replace(data, source=data.source + burst, target=data.target + burst)
    model = nma.fit_rrr(data, **ONE | {"smoothings": ((8,),)}, ranks=(2,))
    train, mean = data.target[data.train], data.target[data.train].mean((0, 1))
    scale = data.source[data.train].std((0, 1)) ** 0.5  # the ridge spares neither busy nor quiet
    center = data.source[data.train].mean((0, 1))

    def inputs(trials):
        x = gaussian_filter1d((data.source[trials] - center) / scale, 8, axis=1, mode="constant")
        x /= gaussian_filter1d(np.ones(x.shape[1]), 8, mode="constant")[:, None]
        return x.reshape(-1, data.n_sources)

    x, y = inputs(data.train), ((train - mean) / np.sqrt(mean)).reshape(-1, data.n_targets)
    shift = x.mean(axis=0)
    gram = (x - shift).T @ (x - shift)
    ridge = 3 * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), (x - shift).T @ y)
    axes = np.linalg.eigh(y.T @ (x - shift) @ weights)[1][:, -2:]
    rates = mean + (inputs(data.test) - shift) @ weights @ axes @ axes.T * np.sqrt(mean)
    np.testing.assert_allclose(
        model.predict(data.source[data.test]).reshape(rates.shape),
        np.maximum(rates, 0.1 * mean),
        rtol=2e-3,
    )


def test_the_regression_s_rates_stop_at_the_floor(linear):
    """Sources as they never were drive a line far below zero, where no rate may go."""
    data, _ = linear
    model = nma.fit_rrr(data, **ONE | {"floors": (0.2,)}, ranks=(2,))
    mean = data.target[data.train].mean((0, 1))
    wild = 50 * data.source[data.test].astype(float)
    least = model.predict(wild).min(axis=(0, 1))
    np.testing.assert_allclose(least, 0.2 * mean, rtol=1e-5)
    usual = model.predict(data.source[data.test])
    assert (usual > 0.3 * mean).mean() > 0.9


@pytest.mark.parametrize(
    ("fit", "choices"),
    [
        (
            nma.fit_rrr,
            {
                "smoothings": ((1,), (4,)),
                "ridges": (0.3, 30),
                "ranks": (1, 4),
                "floors": (0.05, 0.6),
            },
        ),
        (
            nma.fit_rrr,
            {"smoothings": ((4,),), "ridges": (0.3,), "ranks": (4,), "floors": (0.05, 0.9, 0.99)},
        ),
        (fit_glm, {"smoothings": (1, 4, 16), "penalties": (0.01, 0.3, 10.0)}),
    ],
)
def test_the_best_on_validation_trials_is_chosen(linear, fit, choices):
    """And not the best in training, nor the first or last of the candidates."""
    data, _ = linear
    # Few trials, so that training and validation trials disagree.
    data = dataclasses.replace(data, train=data.train[:8])

    def losses(model):
        return [
            nma.poisson_nll(model.predict(data.source[part]), data.target[part])
            for part in (data.validation, data.train)
        ]

    each = [
        losses(fit(data, **{key: (value,) for key, value in zip(choices, values, strict=True)}))
        for values in itertools.product(*choices.values())
    ]
    validation, train = np.transpose(each)
    assert validation.argmin() not in (0, len(each) - 1, train.argmin())
    assert losses(fit(data, **choices))[0] == pytest.approx(validation.min(), rel=1e-5)


def test_the_choice_is_between_fits_as_they_are(linear):
    """Where sources have drifted by the validation trials, what suits them undrifted is no use."""
    data, _ = linear
    ridges = (0.3, 30, 3000)
    undrifted = nma.fit_rrr(data, **ONE | {"ridges": ridges}, ranks=(2,))
    source = data.source.copy()
    source[np.ix_(data.validation, range(data.n_bins), undrifted.encoder[:, 0] > 0)] += 1
    data = dataclasses.replace(data, source=source)
    chosen = nma.fit_rrr(data, **ONE | {"ridges": ridges}, ranks=(2,))
    each = [nma.fit_rrr(data, **ONE | {"ridges": (ridge,)}, ranks=(2,)) for ridge in ridges]
    losses = [
        nma.poisson_nll(fit.predict(source[data.validation]), data.target[data.validation])
        for fit in each
    ]
    assert chosen.ridge == ridges[int(np.argmin(losses))] > undrifted.ridge


@pytest.mark.parametrize(
    "fit",
    [
        nma.fit_mean,
        lambda data: nma.fit_rrr(data, **ONE, ranks=(2,)),
        lambda data: fit_glm(data, smoothings=(2,), penalties=(0.1,)),
    ],
)
def test_validation_trials_have_no_say_but_in_the_choice(fit, linear):
    """Whatever they hold, a fit with nothing to choose from is the same."""
    data, _ = linear
    source, target = data.source.copy(), data.target.copy()
    source[data.validation] += np.arange(data.n_sources, dtype=np.uint8)
    target[data.validation] += 1
    spoiled = dataclasses.replace(data, source=source, target=target)
    seen = data.source[data.test]
    np.testing.assert_array_equal(fit(spoiled).predict(seen), fit(data).predict(seen))


def test_a_regression_chooses_between_one_width_and_two(tiny_data):
    options = {"ridges": (10,), "ranks": (2,), "floors": (0.1,)}
    widths = ((4,), (2, 8))
    losses = [
        nma.score({"": nma.fit_rrr(tiny_data, smoothings=(w,), **options)}, tiny_data,
                  part="validation", n_resamples=1)["validation_loss"].item()
        for w in widths
    ]  # fmt: skip
    chosen = nma.fit_rrr(tiny_data, smoothings=widths, **options)
    assert chosen.smoothing == widths[int(np.argmin(losses))]


def test_population_coupling_hears_all_sources_alike(linear, tmp_path):
    """The same number of spikes, whoever fired them, says the same; and it comes back."""
    data, _ = linear
    fit = fit_population(data)
    source = data.source[data.test]
    rates = fit.predict(source)
    np.testing.assert_allclose(fit.predict(np.roll(source, 7, axis=2)), rates, rtol=1e-5)
    assert rates.std(axis=(0, 1)).max() > 0
    fit.save(tmp_path / "fit.pt")
    np.testing.assert_array_equal(nma.load_fit(tmp_path / "fit.pt").predict(source), rates)


def test_a_glm_never_goes_beyond_the_rates_of_training(linear):
    """An exponential explodes where the sources are as they never were in training."""
    data, _ = linear
    glm = fit_glm(data)
    most = glm.predict(data.source[data.train]).max(axis=(0, 1))
    wild = glm.predict(20 * data.source[data.test])
    assert (wild <= most * (1 + 1e-6)).all() and (wild.max(axis=(0, 1)) > 0.99 * most).all()


def test_a_glm_s_penalty_does_not_care_for_the_sources_scale(linear):
    data, _ = linear
    one = {"smoothings": (2,), "penalties": (0.1,)}
    double = dataclasses.replace(data, source=2 * data.source)
    np.testing.assert_allclose(
        fit_glm(double, **one).predict(double.source[double.test]),
        fit_glm(data, **one).predict(data.source[data.test]),
        rtol=1e-3,
    )


def test_a_neuron_with_a_handful_of_spikes_keeps_its_mean_in_a_glm(linear):
    data, _ = linear
    target = data.target.copy()
    target[:, :, 3] = 0
    target[data.train[:9], 5, 3] = 1
    rates = fit_glm(dataclasses.replace(data, target=target)).predict(data.source[data.test])
    mean = 9 / (len(data.train) * data.n_bins)
    np.testing.assert_allclose(rates[:, :, 3], mean)
    assert rates[:, :, 4].std() > 0.01


def test_fits_say_how_long_they_took(linear):
    data, _ = linear
    for fit in FITS:
        assert fit(data).seconds > 0


def test_a_glm_and_population_coupling(linear):
    data, truth = linear
    glm, population = fit_glm(data), fit_population(data)
    rates = glm.predict(data.source[data.test])
    assert metrics.r2(truth, rates).mean() > 0.6 and (rates > 0).all()
    # The latents push some sources up and others down, so that their sum says little.
    alone = population.predict(data.source[data.test])
    assert alone.shape == truth.shape and metrics.r2(truth, alone).mean() < 0.4


def test_population_coupling_finds_a_shared_gain():
    rng = np.random.default_rng(0)
    gain = 1 + 0.8 * np.sin(rng.uniform(0, 7, (80, 1, 1)) + 0.1 * np.arange(40)[:, None])
    session = nma.Session.from_dict(
        {
            "spks": rng.poisson(0.3 * np.repeat(gain, 60, axis=2)).transpose(2, 0, 1),
            "brain_area": np.array(["VISp"] * 50 + ["MOs"] * 10),
        }
    )
    data = nma.make_dataset(session)
    rates = fit_population(data).predict(data.source[data.test])
    truth = 0.3 * np.repeat(gain[data.test], 10, axis=2)
    assert metrics.r2(truth, rates).mean() > 0.8


FITS = [nma.fit_mean, nma.fit_psth, nma.fit_rrr, fit_glm, fit_population]


@pytest.mark.parametrize("fit", FITS)
def test_nothing_fitted_depends_on_test_trials(tiny, fit):
    data = nma.make_dataset(tiny)
    spikes = tiny.spikes.copy()
    spikes[data.test] = np.random.default_rng(0).permutation(spikes[data.test], axis=2)
    spoiled = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    seen = data.source[data.train]
    assert (fit(data).predict(seen) == fit(spoiled).predict(seen)).all()


def test_rates_stay_above_zero_with_a_silent_neuron(tiny):
    spikes = tiny.spikes.copy()
    spikes[..., 30] = 0
    data = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    models = {fit.__name__: fit(data) for fit in FITS}
    assert np.isfinite(nma.score(models, data)["bits_per_spike"]).all()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"ranks": (100,)}, r"every rank of \(100,\) is above the 10 targets"),
        ({"ranks": (0, 2)}, r"ranks=\(0, 2\) must be whole numbers of 1 or more"),
        ({"ranks": 5}, r"ranks=5 must be a tuple, such as \(5,\)"),
        ({"ranks": ()}, r"ranks=\(\) leaves nothing to choose from"),
        ({"smoothings": (2, 4)}, r"smoothings=\(2, 4\) must be tuples of widths above 0"),
        ({"smoothings": ((-1,),)}, "must be tuples of widths above 0"),
        ({"ridges": (float("nan"),)}, "must be finite and above 0"),
        ({"floors": (0.0,)}, "must be above 0 and below 1"),
        (
            {"smoothings": ((4, 4),), "ridges": (1e-12,)},
            "a ridge of 1e-12 is too small for these 52 inputs, which nearly repeat each other",
        ),
    ],
)
def test_choices_that_cannot_be(choices, message, tiny_data):
    with pytest.raises(ValueError, match=message):
        nma.fit_rrr(tiny_data, **choices)


def test_sources_that_never_change(tiny_data):
    silent = dataclasses.replace(tiny_data, source=np.zeros_like(tiny_data.source))
    for fit in (nma.fit_rrr, nma.fit_seq2seq):
        with pytest.raises(ValueError, match="none of the 26 source neurons ever changes"):
            fit(silent)


def test_smoothing_keeps_a_flat_signal_and_spreads_a_spike():
    flat = nma.smooth(np.full((2, 9, 3), 4, np.uint8), 2.5)
    assert flat.dtype == np.float32
    np.testing.assert_allclose(flat, 4, rtol=1e-6)
    spike = np.zeros((1, 101, 1), np.uint8)
    spike[0, 50] = 1
    expected = np.exp(-0.5 * (np.arange(-50, 51) / 3) ** 2)
    np.testing.assert_allclose(nma.smooth(spike, 3)[0, :, 0], expected / expected.sum(), atol=1e-4)
    assert (nma.smooth(spike, 0) == spike).all()
    causal = nma.smooth(spike, 3, causal=True)[0, :, 0]
    assert not causal[:50].any() and (np.diff(causal[50:]) <= 0).all()
    half = expected * (np.arange(101) >= 50)
    np.testing.assert_allclose(causal, half / half.sum(), atol=1e-4)
    flat = nma.smooth(np.full((2, 9, 3), 4, np.uint8), 2.5, causal=True)
    np.testing.assert_allclose(flat, 4, rtol=1e-6)


def test_the_ladder_on_a_real_session(real_file):
    data = nma.make_dataset(nma.load_file(real_file, 0), target="MOs")
    table = nma.score(
        {"mean": nma.fit_mean(data), "psth": nma.fit_psth(data), "rrr": nma.fit_rrr(data)}, data
    )
    bits = table["bits_per_spike"]
    assert (
        bits["mean"] == 0 and bits["rrr"] > max(0.2, bits["psth"]) and table.loc["rrr", "low"] > 0
    )
