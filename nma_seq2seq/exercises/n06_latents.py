"""Exercises of 06_latents."""

import numpy as np

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n06_latents as answers

exercise = with_texts(__file__)


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
    exercise("6.1", answers.turn, cases=_turn_cases),
    exercise("6.2", answers.alignment_r2, cases=_align_cases),
    exercise("6.3", answers.beyond_psth, cases=_beyond_cases),
    exercise("6.4", answers.balanced_accuracy, cases=_accuracy_cases),
    exercise(
        "6.5",
        answers.decode_honestly,
        cases=_decode_cases,
        # Students may order the features, or solve the ridge, in another way.
        tolerance=1e-3,
    ),
)
