"""Exercises of 03_region_selection."""

import numpy as np

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n03_region_selection as answers
from nma_seq2seq.exercises.drawing import drawn_parts

exercise = with_texts(__file__)


def _choices(rng):
    def case(names, n, target, least):
        region = rng.choice(names, n)
        region[:2] = target, next(name for name in names if name != target)
        rates = np.where(
            rng.random(n) < 0.5, rng.choice([0.0, 0.4, least], n), rng.uniform(0.1, 7.5, n)
        )
        rates[region == names[3]] *= 0.1  # a region that is quiet on the whole, but for one
        rates[:6] = least, 6.3, least, least, 0.0, 0.0
        region[2:6] = target, names[0], target, names[3]
        rates[-1], region[-2:] = 2.6, [target, names[3]]
        return region, rates, target, least

    # Names that begin like another, or hold it.
    return [
        case(["VISpm", "VISp", "VIS", "CA1"], 37, "VISp", 0.6),
        case(["SCsg", "LP", "LPs", "L", "root"], 41, "LP", 1.3),
    ]


def _units(rng):
    return [(np.arange(100, 136, 3),), (np.arange(200, 239, 3),)]


def _halves(answer, units):
    return drawn_parts(
        answer,
        (units,),
        {"source_units": units, "target_units": units},
        noun="neurons",
        elsewhere="that are not among units",
        both="in both halves (which predict themselves)",
    )


def _trials(rng):
    return [(33, 0.2), (37, 0.3), (60, 0.25)]


def _split(answer, n_trials, test_fraction):
    return drawn_parts(
        answer,
        (n_trials, test_fraction),
        {"train": np.arange(n_trials), "test": np.arange(n_trials)},
        noun="trials",
        elsewhere="that are not 0 to n_trials - 1",
        both="in train and in test (which have been seen)",
    )


def _least_squares(inputs, counts):
    """A small stand-in for the notebook's ridge regression."""
    center, mean = inputs.mean(axis=0), counts.mean(axis=0)
    weights = np.linalg.lstsq(inputs - center, counts - mean, rcond=None)[0]
    return lambda x: np.maximum(mean + (x - center) @ weights, 0.1 * mean)


def _held_out(rng):
    def case(n_trials, n_bins, n_inputs, n_targets):
        inputs = rng.normal(size=(n_trials, n_bins, n_inputs))
        rates = np.exp(inputs @ rng.normal(scale=0.4, size=(n_inputs, n_targets)) + 0.3)
        is_test = rng.random((n_trials, n_bins)) < 0.3
        return _least_squares, inputs, rng.poisson(rates), is_test

    return [case(12, 9, 4, 3), case(8, 14, 5, 2)]


EXERCISES = (
    exercise("3.1", answers.choose_neurons, cases=_choices),
    exercise("3.2", answers.halves, cases=_units, run=_halves),
    exercise("3.3", answers.split_trials, cases=_trials, run=_split),
    exercise("3.4", answers.held_out_score, cases=_held_out),
)
