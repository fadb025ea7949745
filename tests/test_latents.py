"""Latents: aligned to a known map and to the truth, and decoded without leaks."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
from sklearn.model_selection import KFold

import nma_seq2seq as nma
from nma_seq2seq import latents, plots, training


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # scikit-learn 1.6 hands SciPy an option that newer ones are about to drop.
        warnings.filterwarnings("ignore", "scipy.optimize: The `disp`", DeprecationWarning)
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def smooth_noise(rng, n_trials, n_bins, n_latents):
    return nma.smooth(rng.normal(size=(n_trials, n_bins, n_latents)), 2.0)


# ---------------------------------------------------------------------- align


def test_a_known_linear_map_is_found(rng):
    truth = smooth_noise(rng, 40, 30, 4)
    mixed = truth @ rng.normal(size=(4, 7)) + rng.normal(size=7)
    found = nma.align(mixed, truth)
    assert (found.r2 > 0.999).all() and (found.r2_back > 0.999).all()
    assert found.r2.shape == (4,) and found.r2_back.shape == (7,)
    np.testing.assert_allclose(found.aligned, truth, atol=1e-3)
    np.testing.assert_array_equal(found.trials, np.arange(40))
    np.testing.assert_allclose(found.canonical_correlations, np.ones(4), atol=1e-6)


def test_unrelated_latents_explain_nothing(rng):
    found = nma.align(smooth_noise(rng, 60, 50, 5), smooth_noise(rng, 60, 50, 3))
    assert (abs(found.r2) < 0.1).all()
    assert found.canonical_correlations.max() < 0.3


def test_what_is_shared_in_part_is_explained_in_part(rng):
    shared = smooth_noise(rng, 60, 50, 1)
    shared /= shared.std()
    noise = rng.normal(size=(60, 50, 1))
    found = nma.align(shared, np.concatenate([shared + noise, noise], axis=2))
    np.testing.assert_allclose(found.r2, [0.5, 0.0], atol=0.05)
    np.testing.assert_allclose(found.r2_back, [1.0], atol=1e-6)


def test_canonical_correlations_do_not_care_for_invertible_maps(rng):
    truth = smooth_noise(rng, 40, 30, 4)
    other = truth + rng.normal(scale=0.3, size=truth.shape)
    found = nma.align(other, truth).canonical_correlations
    turned = nma.align(other @ rng.normal(size=(4, 4)) + 5, truth @ rng.normal(size=(4, 4)) - 3)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(turned.canonical_correlations, found, atol=1e-6)


def test_latents_that_repeat_others_or_never_change(rng):
    truth = smooth_noise(rng, 30, 20, 2)
    latents_ = np.concatenate([truth, truth[:, :, :1], np.full((30, 20, 1), 3.0)], axis=2)
    found = nma.align(latents_, truth)
    assert (found.r2 > 0.999).all()
    assert np.isnan(found.r2_back[3]) and (found.r2_back[:3] > 0.999).all()
    assert len(found.canonical_correlations) == 2


def test_the_map_is_judged_on_trials_that_it_was_not_fitted_on(rng):
    truth, noise = smooth_noise(rng, 30, 20, 2), rng.normal(size=(30, 20, 40))
    train, test = np.arange(20), np.arange(20, 30)
    found = nma.align(noise, truth, train=train, test=test)
    assert (found.r2 < 0.1).all()  # in training, 40 columns of noise explain a tenth
    assert found.aligned.shape == (10, 20, 2)
    np.testing.assert_array_equal(found.trials, test)
    spoiled = truth.copy()
    spoiled[test] += 100
    again = nma.align(noise, spoiled, train=train, test=test)
    np.testing.assert_array_equal(again.aligned, found.aligned)
    spoiled = noise.copy()
    spoiled[25] = 7
    again = nma.align(spoiled, truth, train=train, test=test)
    np.testing.assert_allclose(again.aligned[:5], found.aligned[:5])


def test_cross_validation_is_each_fold_in_turn(rng):
    truth = smooth_noise(rng, 30, 20, 2)
    other = truth + rng.normal(scale=0.3, size=truth.shape)
    found = nma.align(other, truth, n_folds=3, seed=2)
    folds = KFold(3, shuffle=True, random_state=2).split(truth)
    each = [nma.align(other, truth, train=train, test=test) for train, test in folds]
    for fold in each:
        np.testing.assert_allclose(found.aligned[fold.trials], fold.aligned)
    correlations = [fold.canonical_correlations for fold in each]
    np.testing.assert_allclose(found.canonical_correlations, np.mean(correlations, axis=0))
    assert np.ptp(correlations, axis=0).min() > 1e-3  # or nothing is tested


def test_directions_that_correlate_by_chance_do_not_count(rng):
    """Of 30 columns of noise, some correlate by 0.9 where they were found, and not elsewhere."""
    noise, other = rng.normal(size=(2, 30, 5, 30))
    assert nma.align(noise, other).canonical_correlations.max() < 0.4


def test_what_a_user_gets_wrong_in_align(rng):
    z = rng.normal(size=(8, 5, 2))
    with pytest.raises(ValueError, match=r"latents \(8, 5, 2\) and reference \(7, 5, 2\) must be"):
        nma.align(z, z[:7])
    with pytest.raises(ValueError, match="must be"):
        nma.align(z, z[:, :, 0])
    with pytest.raises(ValueError, match="8 trials cannot be dealt into 9 folds"):
        nma.align(z, z, n_folds=9)
    with pytest.raises(ValueError, match="the reference hold NaN"):
        nma.align(z, np.where(z > 1, np.nan, z))
    with pytest.raises(ValueError, match="trial 3 is in both train and test"):
        nma.align(z, z, train=[0, 1, 3], test=[3, 4])
    with pytest.raises(ValueError, match="both train and test trials, or neither"):
        nma.align(z, z, train=[0, 1])


# ---------------------------------------------------------------------- principal components


def test_principal_components_are_fitted_on_training_trials(tiny):
    data = nma.make_dataset(tiny)
    pcs = nma.principal_components(data, 3)
    assert pcs.shape == (tiny.n_trials, tiny.n_bins, 3)
    assert (np.diff(pcs[data.train].var(axis=(0, 1))) < 0).all()
    spikes = tiny.spikes.copy()
    spikes[data.test] = 50
    spoiled = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    np.testing.assert_array_equal(nma.principal_components(spoiled, 3)[data.train], pcs[data.train])
    with pytest.raises(ValueError, match="n_components is 27; choose a whole number from 1 to 26"):
        nma.principal_components(data, 27)


def test_principal_components_are_those_of_the_smoothed_counts(tiny):
    """Their variances on the training trials are the largest that any directions have."""
    data = nma.make_dataset(tiny)
    pcs = nma.principal_components(data, 4, smoothing=3.0)
    smoothed = nma.smooth(data.source, 3.0)
    flat = smoothed[data.train].reshape(-1, data.n_sources)
    largest = np.linalg.eigvalsh(np.cov(flat.T))[::-1][:4]
    np.testing.assert_allclose(
        pcs[data.train].reshape(-1, 4).var(axis=0, ddof=1), largest, rtol=1e-3
    )
    # A linear map, the same for test trials.
    axes, *_ = np.linalg.lstsq(flat - flat.mean(axis=0), pcs[data.train].reshape(-1, 4), rcond=None)
    np.testing.assert_allclose(
        pcs[data.test], (smoothed[data.test] - flat.mean(axis=0)) @ axes, atol=1e-4
    )


# ---------------------------------------------------------------------- decode


@pytest.fixture
def labelled(tiny, rng):
    """A session of 200 trials with half its stimuli right, and a feature that says which."""
    side = rng.choice([-1.0, 1.0], 200)
    trials = pd.DataFrame(
        {
            "contrast_left": np.where(side < 0, 0.5, 0.0),
            "contrast_right": np.where(side > 0, 1.0, 0.0),
            "response": rng.choice([-1.0, 0.0, 1.0], 200),
            "feedback_type": rng.choice([-1.0, 1.0], 200),
            "reaction_time": np.where(rng.random(200) < 0.7, 0.3, np.nan),
        }
    )
    session = dataclasses.replace(
        tiny, spikes=np.resize(tiny.spikes, (200, *tiny.spikes.shape[1:])), trials=trials,
        behavior={},
    )  # fmt: skip
    said = side[:, None, None] * np.linspace(0, 1, 12)[:, None] * np.array([1.0, -0.5, 0.0])
    return nma.make_dataset(session), said + rng.normal(scale=0.7, size=said.shape)


def test_labels_say_what_they_promise(labelled):
    data, _ = labelled
    trials, found = data.session.trials, latents.labels(data.session)
    assert list(found) == ["stimulus side", "choice", "movement", "reward"]
    np.testing.assert_array_equal(found["stimulus side"] > 0, trials["contrast_right"] > 0)
    np.testing.assert_array_equal(np.isnan(found["choice"]), trials["response"] == 0)
    went = trials["response"] != 0
    np.testing.assert_array_equal(found["choice"][went], trials["response"][went])  # +1 is left
    np.testing.assert_array_equal(found["reward"], trials["feedback_type"])
    np.testing.assert_array_equal(found["movement"], trials["reaction_time"] == 0.3)
    equal = dataclasses.replace(data.session, trials=trials.assign(contrast_left=1.0))
    assert np.isnan(latents.labels(equal)["stimulus side"][trials["contrast_right"] == 1]).all()


def test_separable_labels_are_decoded_and_others_are_not(labelled):
    data, features = labelled
    table = nma.decode({"three": features}, data).set_index("variable")
    assert table.loc["stimulus side", "accuracy"] > 0.95
    assert table.loc["stimulus side", "low"] > table.loc["stimulus side", "chance_high"]
    others = table.drop(index="stimulus side")
    assert (others["low"] < 0.6).all() and abs(others["accuracy"].mean() - 0.5) < 0.12
    assert ((table["chance"] - 0.5).abs() < 0.02).all()
    assert (table["low"] <= table["accuracy"]).all() and (table["accuracy"] <= table["high"]).all()
    assert (table["n_features"] == 3).all()
    assert table.loc["stimulus side", ["n_train", "n_test"]].tolist() == [160, 40]


def test_what_only_the_time_course_tells_is_decoded(labelled, rng):
    """A feature that goes up and then down, or the other way round, with nothing in its mean."""
    data, _ = labelled
    side = latents.labels(data.session)["stimulus side"]
    course = np.repeat([1.0, -1.0], 6)
    feature = side[:, None, None] * course[:, None] + rng.normal(size=(200, 12, 1))
    asked = {"variables": ["stimulus side"], "n_shuffles": 20}
    assert nma.decode({"x": feature}, data, **asked)["accuracy"].item() > 0.9
    assert nma.decode({"x": feature}, data, n_windows=1, **asked)["accuracy"].item() < 0.7


def test_an_interval_stays_open_where_every_guess_is_right(labelled):
    """29 of 29 right is no proof of 1: Wilson's interval for 20 of 20 begins at 0.84."""
    data, _ = labelled
    side = latents.labels(data.session)["stimulus side"]
    row = nma.decode({"x": 5 * side[:, None, None]}, data, variables=["stimulus side"]).iloc[0]
    assert row["accuracy"] == row["high"] == 1
    n = [(side[data.test] == value).sum() for value in (-1, 1)]
    each = [1.96**2 / (k + 1.96**2) for k in n]  # Wilson's, below a share of 1
    assert row["low"] == pytest.approx(1 - np.hypot(*each) / 2, abs=1e-3)


def test_intervals_cover_the_true_accuracy(rng):
    """Of a decoder that is right in 0.9 of one kind and 0.7 of the other, guesses of 30 trials."""
    truth = np.repeat([1.0, -1.0], [20, 10])
    hits = []
    for _ in range(400):
        right = rng.random(30) < np.where(truth > 0, 0.9, 0.7)
        low, high = latents.accuracy_interval(truth, np.where(right, truth, -truth))
        hits.append(low <= 0.8 <= high)
    assert 0.92 <= np.mean(hits) <= 0.99


def test_chance_is_what_shuffled_labels_reach(labelled):
    data, features = labelled
    row = nma.decode({"x": features}, data, variables=["stimulus side"]).iloc[0]
    # Of 40 trials in two halves, guesses are right in 1/2 with a standard deviation of 0.08.
    assert row["chance"] == pytest.approx(0.5, abs=0.02)
    assert row["chance_high"] - row["chance"] == pytest.approx(1.96 * 0.08, abs=0.04)


def test_a_hint_of_a_rare_kind_is_taken(labelled, rng):
    """A decoder that weighs trials alike would call nearly everything the frequent kind."""
    data, _ = labelled
    accuracies = []
    for _ in range(12):
        still = rng.random(200) < 1 / 8
        trials = data.session.trials.assign(reaction_time=np.where(still, np.nan, 0.3))
        some = dataclasses.replace(data, session=dataclasses.replace(data.session, trials=trials))
        feature = 0.8 * still[:, None, None] + rng.normal(size=(200, 4, 1))
        table = nma.decode({"x": feature}, some, variables=["movement"], n_shuffles=20)
        accuracies.append(table["accuracy"].item())
    # Four windows at 0.8 standard deviations each: at best 0.79 with equal weights, else 0.66.
    assert np.mean(accuracies) > 0.72


def test_the_penalty_is_chosen(labelled, rng):
    """Three hundred features that each say a little, or three that say it all: both are read."""
    data, _ = labelled
    side = latents.labels(data.session)["stimulus side"]
    asked = {"variables": ["stimulus side"], "n_shuffles": 20, "n_windows": 1}
    weak = 0.25 * side[:, None, None] + rng.normal(size=(200, 4, 300)) * 2
    assert nma.decode({"x": weak}, data, **asked)["accuracy"].item() > 0.9
    # Two that must be taken from each other: weak weights would not do.
    shared = 30 * rng.normal(size=(200, 4, 1))
    pair = np.concatenate([shared + side[:, None, None], shared], axis=2)
    pair += 0.1 * rng.normal(size=pair.shape)
    assert nma.decode({"x": pair}, data, **asked)["accuracy"].item() > 0.9


@pytest.mark.parametrize(("n_rare", "enough"), [(4, False), (5, True)])
def test_five_trials_of_a_kind_are_enough_to_fit_on(labelled, n_rare, enough):
    data, features = labelled
    fitted_on = np.union1d(data.train, data.validation)
    feedback = np.ones(200)
    feedback[fitted_on[:n_rare]] = feedback[data.test[0]] = -1
    trials = pd.DataFrame({"feedback_type": feedback})
    data = dataclasses.replace(data, session=dataclasses.replace(data.session, trials=trials))
    if enough:
        assert len(nma.decode({"x": features}, data, variables=["reward"], n_shuffles=5)) == 1
    else:
        with pytest.raises(ValueError, match="'reward' has too few trials of a kind"):
            nma.decode({"x": features}, data, variables=["reward"], n_shuffles=5)


def test_a_kind_that_is_not_tested_is_not_decoded(labelled):
    data, features = labelled
    feedback = np.tile([1.0, -1.0], 100)
    feedback[data.test] = 1
    trials = pd.DataFrame({"feedback_type": feedback})
    data = dataclasses.replace(data, session=dataclasses.replace(data.session, trials=trials))
    with pytest.raises(ValueError, match="'reward' has too few trials of a kind"):
        nma.decode({"x": features}, data, variables="reward", n_shuffles=5)


def test_the_unit_of_a_feature_does_not_matter(labelled):
    data, features = labelled
    features = 0.2 * features + np.random.default_rng(1).normal(size=features.shape)
    units = {"mV": features, "nV": 1e6 * features, "V above rest": 1e-3 * features - 70}
    table = nma.decode(units, data, variables="stimulus side", n_shuffles=5)
    assert table["accuracy"].nunique() == 1 and 0.55 < table["accuracy"][0] < 0.95


def test_shuffled_labels_stay_at_chance(labelled, rng):
    data, features = labelled
    accuracies = []
    for _ in range(6):
        trials = data.session.trials.sample(frac=1, random_state=rng.integers(1000))
        session = dataclasses.replace(data.session, trials=trials.reset_index(drop=True))
        shuffled = dataclasses.replace(data, session=session)
        table = nma.decode({"x": features}, shuffled, variables=["stimulus side"], n_shuffles=20)
        accuracies.append(table["accuracy"].item())
    assert abs(np.mean(accuracies) - 0.5) < 0.1


def test_no_test_trial_touches_the_decoder(labelled, monkeypatch):
    data, features = labelled
    fitted = []

    class Watched(sklearn.linear_model.LogisticRegression):
        def fit(self, x, y):
            fitted.append((x, y))
            return super().fit(x, y)

    monkeypatch.setattr(sklearn.linear_model, "LogisticRegression", Watched)
    nma.decode({"x": features}, data, variables=["stimulus side"], n_shuffles=5)
    spoiled = features.copy()
    spoiled[data.test] = 1e6
    trials = data.session.trials.copy()
    trials.loc[data.test, ["contrast_left", "contrast_right"]] = np.arange(80).reshape(40, 2) % 3
    session = dataclasses.replace(data.session, trials=trials)
    spoiled_data = dataclasses.replace(data, session=session)
    nma.decode({"x": spoiled}, spoiled_data, variables=["stimulus side"], n_shuffles=5)
    half = len(fitted) // 2
    assert half > 1 and len(fitted) == 2 * half
    for before, after in zip(fitted[:half], fitted[half:], strict=True):
        np.testing.assert_array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1], after[1])


def test_a_rare_kind_counts_as_much_as_a_frequent_one(labelled, rng):
    data, _ = labelled
    trials = data.session.trials.assign(
        reaction_time=np.where(np.arange(200) % 10 == 0, np.nan, 0.3)
    )
    data = dataclasses.replace(data, session=dataclasses.replace(data.session, trials=trials))
    table = nma.decode({"x": rng.normal(size=(200, 4, 2))}, data, variables=["movement"])
    assert table["accuracy"].item() < 0.75  # nine of ten trials are of one kind


def test_what_a_session_cannot_decode(tiny, labelled, rng):
    data, features = labelled
    bare = dataclasses.replace(data.session, trials=data.session.trials[["feedback_type"]])
    table = nma.decode({"x": features}, dataclasses.replace(data, session=bare), n_shuffles=5)
    assert list(table["variable"]) == ["reward"]
    with pytest.raises(ValueError, match="has no 'choice' to decode; it has reward$"):
        nma.decode({"x": features}, dataclasses.replace(data, session=bare), variables=["choice"])
    nothing = dataclasses.replace(bare, trials=pd.DataFrame(index=range(200)))
    with pytest.raises(ValueError, match="it has nothing to decode$"):
        nma.decode({"x": features}, dataclasses.replace(data, session=nothing))
    same = dataclasses.replace(bare, trials=bare.trials.assign(feedback_type=1.0))
    with pytest.raises(ValueError, match="'reward' has too few trials of a kind"):
        nma.decode({"x": features}, dataclasses.replace(data, session=same), variables=["reward"])
    with pytest.raises(ValueError, match="features 'x' have 40 trials and the session 200"):
        nma.decode({"x": features[data.test]}, data)


# ---------------------------------------------------------------------- latents of a network


def test_latents_recover_those_that_drive_the_target(twin):
    """R2 on test trials, which neither the network nor the map has met; whole trials."""
    session = twin.rebin(2)
    data = nma.make_dataset(session, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # torch's own are not ours
        fit = nma.fit_seq2seq(
            data, training.Settings(max_epochs=6), n_members=1, smoothing=(1.5, 6.0),
            progress=False,
        )  # fmt: skip
    split = {"train": np.union1d(data.train, data.validation), "test": data.test}
    from_network = nma.align(fit.latents(data.source), session.latents, **split)
    from_pcs = nma.align(nma.principal_components(data, 15), session.latents, **split)
    drivers = [*nma.simulate.BRAIN_WIDE, "motor cortex"]
    drives = np.isin(nma.simulate.LATENTS, drivers)
    r2 = dict(zip(nma.simulate.LATENTS, from_network.r2, strict=True))
    assert min(r2[name] for name in drivers) > 0.8, r2
    assert (from_network.r2[drives] > from_pcs.r2[drives]).all()
    # What the target does not read is dropped: hippocampus is tied to nothing else.
    assert abs(r2["hippocampus"]) < 0.2 and min(r2, key=r2.get) == "hippocampus"
    assert from_network.r2[~drives].max() < min(r2[name] for name in drivers) - 0.1, r2


# ---------------------------------------------------------------------- figures


def test_figures_say_what_does_not_fit(tiny):
    z = np.zeros((tiny.n_trials, tiny.n_bins, 4))
    with pytest.raises(ValueError, match="has no 'hair' in its trials"):
        plots.latent_grid(z, tiny, by="hair")
    with pytest.raises(ValueError, match="too many to draw"):
        trials = tiny.trials.assign(order=range(tiny.n_trials))
        plots.trajectories(z, dataclasses.replace(tiny, trials=trials), by="order")
    with pytest.raises(ValueError, match="are not of the session's 40 trials and 30 bins"):
        plots.latent_pair(z[:5], tiny)
