"""Exercises of 06_latents."""

import numpy as np

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n06_latents as answers
from nma_seq2seq.exercises.edits import read_mistakes

known = read_mistakes(__file__)


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
        return latents, reference, order[: n_trials // 2 + 1], order[n_trials // 2 + 1 :]

    return [case(9, 7, 4, 2), case(12, 5, 3, 6)]


def _beyond_cases(rng):
    def case(n_trials, n_bins, n_neurons):
        psth = rng.uniform(0.2, 1.5, (n_bins, n_neurons))
        gain = rng.uniform(0.3, 2, (n_trials, 1, n_neurons))
        rates = psth * gain * rng.uniform(0.8, 1.2, (n_trials, n_bins, n_neurons))
        counts = rng.poisson(psth * gain).astype(float)
        rates[..., 0] = 2 * psth[:, 0] - rates[..., 0]  # one that goes the wrong way
        return rates, counts, psth

    return [case(12, 9, 4), case(15, 6, 5)]


def _accuracy_cases(rng):
    def case(kinds, chances, n_trials, other):
        truth = rng.choice(kinds, n_trials, p=chances)
        predicted = np.where(rng.random(n_trials) < 0.7, truth, rng.choice(kinds, n_trials))
        predicted[:2] = other  # a kind that no trial is of
        return truth, predicted

    return [
        case([-1.0, 1.0], [0.15, 0.85], 61, 0.0),
        case([0.0, 1.0, 2.0], [0.6, 0.3, 0.1], 83, 3.0),
        case([2.0, 5.0], [0.3, 0.7], 47, 2.0),
    ]


def _decode_cases(rng):
    def case(n_trials, n_features, n_best):
        label = rng.choice([-1.0, 1.0], n_trials, p=[0.4, 0.6])
        features = rng.gamma(2.0, 2.0, (n_trials, n_features)) * rng.uniform(0.2, 5, n_features)
        features[:, :4] += np.outer(label, [1.5, -1.5, 1.0, -2.0])
        order = rng.permutation(n_trials)
        n_train = int(0.7 * n_trials)
        return features, label, order[:n_train], order[n_train:], n_best

    return [case(40, 60, 8), case(30, 45, 5)]


EXERCISES = (
    Exercise(
        number="6.1",
        title="turning the latents",
        minutes=8,
        difficulty=2,
        reference=answers.turn,
        cases=_turn_cases,
        mistakes=known["6.1"],
        hints=(
            "The rates are latents @ weight.T. What must stand between the two so that a matrix "
            "and its inverse cancel?",
            "latents @ weight.T = (latents @ matrix) @ (inverse @ weight.T): the second bracket is "
            "the new weight, transposed.",
        ),
        gaps=("latents @ matrix", "np.linalg.inv(matrix).T"),
    ),
    Exercise(
        number="6.2",
        title="aligning latents",
        minutes=15,
        difficulty=2,
        reference=answers.alignment_r2,
        cases=_align_cases,
        mistakes=known["6.2"],
        hints=(
            "A linear map does not know of trials: what shape must both arrays have to be rows of "
            "a regression, and which trials may it see?",
            "Each bin of each trial is one row. The map, with an offset, is learned from the "
            "training rows; R2 compares its errors on the test rows with those of their mean.",
        ),
        gaps=(".fit(x_train, y_train)", "line.predict(x_test)", "y_test - y_test.mean(axis=0)"),
    ),
    Exercise(
        number="6.3",
        title="denoised single trials",
        minutes=12,
        difficulty=2,
        reference=answers.beyond_psth,
        cases=_beyond_cases,
        mistakes=known["6.3"],
        hints=(
            "What is left of a single trial once you take the average trial away, in the rates and "
            "in the counts?",
            "A correlation is of deviations: after the psth, each neuron's mean over trials and "
            "bins goes too, and the product is divided by the size of both.",
        ),
        gaps=(
            "rates - psth, counts - psth",
            "expected.mean(axis=(0, 1))",
            "happened.mean(axis=(0, 1))",
        ),
    ),
    Exercise(
        number="6.4",
        title="balanced accuracy",
        minutes=5,
        difficulty=1,
        reference=answers.balanced_accuracy,
        cases=_accuracy_cases,
        mistakes=known["6.4"],
        hints=(
            "If 85 of 100 trials are of one kind, what does always saying that kind give, and what "
            "should it give?",
            "One share for each kind, among the trials that ARE of it, and then the mean of these "
            "shares, so that each kind counts as much.",
        ),
        gaps=("truth == kind]", "np.unique(truth)"),
    ),
    Exercise(
        number="6.5",
        title="a decoder without leaks",
        minutes=15,
        difficulty=3,
        reference=answers.decode_honestly,
        cases=_decode_cases,
        mistakes=known["6.5"],
        # Students may order the features, or solve the ridge, in another way.
        tolerance=1e-3,
        hints=(
            "Three things are learned from data here: a scale, a choice and weights. From which "
            "trials may each be learned?",
            "From the training trials, all three; the test trials are then put in those units. A "
            "feature that falls with the label says as much as one that rises.",
        ),
        gaps=(
            "features[train].mean(axis=0), features[train].std(axis=0)",
            "np.abs(z[train].T @ centred)",
            ".fit(z[train][:, best], label[train])",
        ),
    ),
)
