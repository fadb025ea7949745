"""Exercises of 06_latents."""

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n06_latents as answers


def _turn_cases(rng):
    def case(n_trials, n_bins, n_latents, n_neurons):
        return (
            rng.normal(size=(n_trials, n_bins, n_latents)),
            rng.normal(size=(n_neurons, n_latents)),
            rng.normal(size=(n_latents, n_latents)) + 2 * np.eye(n_latents),
        )

    return [case(2, 5, 3, 4), case(3, 4, 6, 2)]


def _align_cases(rng):
    def case(n_trials, n_bins, n_latents, n_reference):
        reference = rng.normal(size=(n_trials, n_bins, n_reference))
        latents = reference @ rng.normal(size=(n_reference, n_latents)) + 3.0
        latents += rng.normal(size=latents.shape)
        # An offset of the reference that differs from trial to trial.
        reference = reference + rng.normal(size=(n_trials, 1, n_reference)) + 2.0
        order = rng.permutation(n_trials)
        return latents, reference, order[: n_trials // 2], order[n_trials // 2 :]

    return [case(9, 7, 4, 2), case(12, 5, 3, 6)]


def _mapped_r2(fit_on, score_on, offset=True):
    def answer(latents, reference, train, test):
        parts = {"train": train, "test": test, "all": np.concatenate([train, test])}
        a, b = parts[fit_on], parts[score_on]
        x, y = (z[a].reshape(-1, z.shape[2]) for z in (latents, reference))
        line = LinearRegression(fit_intercept=offset).fit(x, y)
        y = reference[b].reshape(-1, reference.shape[2])
        said = line.predict(latents[b].reshape(-1, latents.shape[2]))
        return 1 - ((y - said) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)

    return answer


def _squared_correlation(latents, reference, train, test):
    x, y = (z[train].reshape(-1, z.shape[2]) for z in (latents, reference))
    said = LinearRegression().fit(x, y).predict(latents[test].reshape(-1, latents.shape[2]))
    y = reference[test].reshape(-1, reference.shape[2])
    return np.array([np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(y.T, said.T, strict=True)])


def _around_zero(latents, reference, train, test):
    x, y = (z[train].reshape(-1, z.shape[2]) for z in (latents, reference))
    said = LinearRegression().fit(x, y).predict(latents[test].reshape(-1, latents.shape[2]))
    y = reference[test].reshape(-1, reference.shape[2])
    return 1 - ((y - said) ** 2).sum(axis=0) / (y**2).sum(axis=0)


def _beyond_cases(rng):
    def case(n_trials, n_bins, n_neurons):
        psth = rng.uniform(0.2, 1.5, (n_bins, n_neurons))
        gain = rng.uniform(0.3, 2, (n_trials, 1, n_neurons))
        rates = psth * gain * rng.uniform(0.8, 1.2, (n_trials, n_bins, n_neurons))
        return rates, rng.poisson(psth * gain).astype(float), psth

    return [case(12, 9, 4), case(15, 6, 5)]


def _correlations(x, y):
    x, y = (z.reshape(-1, z.shape[-1]) for z in (x, y))
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, y.T, strict=True)])


def _accuracy_cases(rng):
    def case(kinds, chances, n_trials):
        truth = rng.choice(kinds, n_trials, p=chances)
        return truth, np.where(rng.random(n_trials) < 0.7, truth, rng.choice(kinds, n_trials))

    return [case([-1.0, 1.0], [0.15, 0.85], 60), case([0.0, 1.0, 2.0], [0.6, 0.3, 0.1], 80)]


def _decode_cases(rng):
    def case(n_trials, n_features, n_best):
        label = rng.choice([-1.0, 1.0], n_trials, p=[0.4, 0.6])
        features = rng.gamma(2.0, 2.0, (n_trials, n_features))
        features[:, :3] += np.outer(label, [1.5, -1.5, 1.0])
        order = rng.permutation(n_trials)
        n_train = int(0.7 * n_trials)
        return features, label, order[:n_train], order[n_train:], n_best

    return [case(40, 60, 8), case(30, 45, 5)]


def _leaky(scaled_on="train", chosen_on="train", fitted_on="train", signed=False):
    def answer(features, label, train, test, n_best=20):
        parts = {"train": train, "all": np.arange(len(label)), "test": test}
        a, b, c = parts[scaled_on], parts[chosen_on], parts[fitted_on]
        z = (features - features[a].mean(axis=0)) / features[a].std(axis=0)
        strength = z[b].T @ (label[b] - label[b].mean())
        best = np.argsort(strength if signed else np.abs(strength))[::-1][:n_best]
        return Ridge(alpha=10).fit(z[c][:, best], label[c]).predict(z[test][:, best])

    return answer


def _ranked_by_correlation_with_all(features, label, train, test, n_best=20):
    z = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    strength = [abs(np.corrcoef(feature, label)[0, 1]) for feature in features.T]
    best = np.argsort(strength)[::-1][:n_best]
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])


def _each_in_its_own_units(features, label, train, test, n_best=20):
    a, b = (
        (features[part] - features[part].mean(axis=0)) / features[part].std(axis=0)
        for part in (train, test)
    )
    strength = np.abs(a.T @ (label[train] - label[train].mean()))
    best = np.argsort(strength)[::-1][:n_best]
    return Ridge(alpha=10).fit(a[:, best], label[train]).predict(b[:, best])


EXERCISES = (
    Exercise(
        number="6.1",
        title="turning the latents",
        minutes=8,
        difficulty=2,
        reference=answers.turn,
        cases=_turn_cases,
        mistakes=[
            (
                "the read-out is turned the same way as the latents, which undoes nothing unless "
                "the matrix is a rotation",
                lambda z, w, a: (z @ a, w @ a),
            ),
            (
                "the inverse needs a transpose, since each row of weight is a neuron",
                lambda z, w, a: (z @ a, w @ np.linalg.inv(a)),
            ),
            ("the read-out is left as it was", lambda z, w, a: (z @ a, w)),
            (
                "the transpose of the matrix, which is its inverse only for a rotation",
                lambda z, w, a: (z @ a, w @ a.T),
            ),
        ],
        hints=(
            "The rates are latents @ weight.T. What must stand between the two so that a matrix "
            "and its inverse cancel?",
            "latents @ weight.T = (latents @ matrix) @ (inv(matrix) @ weight.T): read the new "
            "weight off the second bracket, and transpose it.",
        ),
    ),
    Exercise(
        number="6.2",
        title="aligning latents",
        minutes=15,
        difficulty=2,
        reference=answers.alignment_r2,
        cases=_align_cases,
        mistakes=[
            (
                "the map is fitted on the test trials as well; fit it on train alone",
                _mapped_r2("all", "test"),
            ),
            ("the map is fitted on the test trials that judge it", _mapped_r2("test", "test")),
            ("R2 is taken on the training trials", _mapped_r2("train", "train")),
            (
                "the map has no offset: add a column of ones, or use LinearRegression",
                _mapped_r2("train", "test", offset=False),
            ),
            (
                "this is the squared correlation, which forgives a wrong scale and offset",
                _squared_correlation,
            ),
            (
                "the total is taken around zero; R2 compares with the reference's mean",
                _around_zero,
            ),
            (
                "averaged over the reference latents; keep one number for each",
                lambda *case: answers.alignment_r2(*case).mean(),
            ),
        ],
        hints=(
            "A linear map does not know of trials: what shape must both arrays have to be rows of "
            "a regression, and which trials may it see?",
            "Reshape latents[train] and reference[train] to (-1, number of latents), fit "
            "LinearRegression, predict the test rows; R2 = 1 - residual sum of squares / sum of "
            "squares around the mean, both with axis=0.",
        ),
    ),
    Exercise(
        number="6.3",
        title="denoised single trials",
        minutes=12,
        difficulty=2,
        reference=answers.beyond_psth,
        cases=_beyond_cases,
        mistakes=[
            (
                "the PSTH is not taken away, so neurons that merely follow the average trial count",
                lambda r, y, p: _correlations(r, y),
            ),
            (
                "the PSTH is taken from the rates but not from the counts",
                lambda r, y, p: _correlations(r - p, y),
            ),
            (
                "averaged over trials first, and what single trials do is gone",
                lambda r, y, p: _correlations((r - p).mean(axis=0), (y - p).mean(axis=0)),
            ),
            (
                "summed over the bins of a trial first; bins count one by one",
                lambda r, y, p: _correlations((r - p).sum(axis=1), (y - p).sum(axis=1)),
            ),
            (
                "one correlation for all neurons together; keep one for each",
                lambda r, y, p: np.corrcoef((r - p).ravel(), (y - p).ravel())[0, 1],
            ),
        ],
        hints=(
            "What is left of a single trial once you take the average trial away, in the rates and "
            "in the counts?",
            "Subtract psth from both (it broadcasts over trials), and correlate the two over "
            "axis=(0, 1): mean product of the centred residuals over the root of the product of "
            "their mean squares.",
        ),
    ),
    Exercise(
        number="6.4",
        title="balanced accuracy",
        minutes=5,
        difficulty=1,
        reference=answers.balanced_accuracy,
        cases=_accuracy_cases,
        mistakes=[
            (
                "plain accuracy, in which the frequent kind of trial counts more",
                lambda truth, said: np.mean(truth == said),
            ),
            (
                "the shares are taken among trials that were said to be of a kind, not among those "
                "that are",
                lambda truth, said: np.mean(
                    [np.mean(truth[said == kind] == kind) for kind in np.unique(truth)]
                ),
            ),
        ],
        hints=(
            "If 85 of 100 trials are of one kind, what does always saying that kind give, and what "
            "should it give?",
            "For each value in np.unique(truth), take the trials where truth has it and the share "
            "of them where said has it too; then the mean of these shares.",
        ),
    ),
    Exercise(
        number="6.5",
        title="a decoder without leaks",
        minutes=15,
        difficulty=3,
        reference=answers.decode_honestly,
        cases=_decode_cases,
        mistakes=[
            (
                "features are chosen with the labels of the test trials, the worst leak of all",
                _leaky(chosen_on="all"),
            ),
            (
                "features are chosen with the labels of the test trials, the worst leak of all",
                _ranked_by_correlation_with_all,
            ),
            (
                "features are chosen and scaled with the test trials at hand",
                _leaky(scaled_on="all", chosen_on="all"),
            ),
            (
                "the ridge is fitted on the test trials too",
                _leaky(fitted_on="all"),
            ),
            (
                "everything is done on all trials, test trials included",
                _leaky("all", "all", "all"),
            ),
            (
                "mean and spread are taken over all trials, test trials included",
                _leaky(scaled_on="all"),
            ),
            (
                "the test trials are scaled by their own mean and spread; use those of train",
                _each_in_its_own_units,
            ),
            (
                "a feature that falls says as much as one that rises: rank by absolute value",
                _leaky(signed=True),
            ),
        ],
        # Students may order the features, or solve the ridge, in another way.
        tolerance=1e-3,
        hints=(
            "Three things are learned from data here: a scale, a choice and weights. From which "
            "trials may each be learned?",
            "Scale with features[train].mean(axis=0) and .std(axis=0); rank the features by "
            "np.abs(z[train].T @ (label[train] - label[train].mean())); fit Ridge(alpha=10) on the "
            "n_best columns of z[train], predict those of z[test].",
        ),
    ),
)
