"""Exercises of 03_region_selection."""

import numpy as np

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n03_region_selection as answers
from nma_seq2seq.exercises.drawing import check_draws

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


def _check_halves(answer, reference):
    return check_draws(
        answer,
        [(np.arange(100, 136, 3),), (np.arange(200, 239, 3),)],
        ("source_units", "target_units"),
        [
            (
                lambda given, parts: np.concatenate(parts).max() >= len(given[0]),
                "these are not among units",
                "positions in units, where the units themselves are asked for",
            ),
            (
                lambda given, parts: np.isin(np.concatenate(parts), given[0]).all(),
                "some of these are not among units",
                "",
            ),
            (
                lambda given, parts: all(len(np.unique(part)) == len(part) for part in parts),
                "a neuron is drawn twice",
                "drawn with replacement; rng.permutation, or rng.choice with replace=False",
            ),
            (
                lambda given, parts: not np.array_equal(np.sort(parts[0]), np.sort(parts[1])),
                "both halves hold the same neurons",
                "the first half is returned twice",
            ),
            (
                lambda given, parts: not len(given[0]) % 2 or sum(map(len, parts)) < len(given[0]),
                "of 13 neurons all are in the halves, expected 6 and 6",
                "the odd neuron is not left out",
            ),
            (
                lambda given, parts: (
                    sorted(map(len, parts)) != [len(given[0]) // 2 - 1, len(given[0]) // 2]
                ),
                "one half is a neuron short",
                "off by one where the shuffled list is cut",
            ),
            (
                lambda given, parts: all(len(part) == len(given[0]) // 2 for part in parts),
                "the halves do not hold half of the neurons each",
                "",
            ),
            (
                lambda given, parts: len(np.intersect1d(parts[0], parts[1])) < 2,
                "some neurons are in both halves, so they would predict themselves",
                "drawn twice from all; draw once, and cut in two",
            ),
            (
                lambda given, parts: not len(np.intersect1d(parts[0], parts[1])),
                "a neuron is in both halves, so it would predict itself",
                "",
            ),
        ],
        among=lambda given, parts, k: given[0],
    )


def _n_test(given):
    return round(given[0] * given[1])


def _check_split(answer, reference):
    return check_draws(
        answer,
        [(60, 0.25), (33, 0.2), (37, 0.3)],
        ("train", "test"),
        [
            (
                lambda given, parts: len(parts[1]),
                "no trial is held out",
                "",
            ),
            (
                lambda given, parts: not len(parts[0]) == len(parts[1]) == _n_test(given),
                "train holds as many trials as test",
                "train is cut off too early; all that are not held out are trained on",
            ),
            (
                lambda given, parts: not len(parts[0]) == _n_test(given) != len(parts[1]),
                "train has as many trials as test should have",
                "train and test have changed places",
            ),
            (
                lambda given, parts: all(len(np.unique(part)) == len(part) for part in parts),
                "a trial is drawn twice",
                "drawn with replacement (rng.integers, or rng.choice without replace=False)",
            ),
            (
                lambda given, parts: len(parts[0]) < given[0],
                "train holds every trial, the held-out ones too",
                "the test trials are not taken out of train",
            ),
            (
                lambda given, parts: len(parts[1]) != int(given[0] * given[1]) or given[0] != 33,
                "of 33 trials 6 are held out, expected 7 of 6.6",
                "rounded down by int(); round(n_trials * test_fraction) are held out",
            ),
            (
                lambda given, parts: len(parts[1]) != 12 or given[0] != 37,
                "of 37 trials 12 are held out, expected 11 of 11.1",
                "rounded up; round(n_trials * test_fraction) are held out",
            ),
            (
                lambda given, parts: len(parts[1]) == _n_test(given),
                "another number of trials is held out than round(n_trials * test_fraction)",
                "",
            ),
            (
                lambda given, parts: (
                    len(np.intersect1d(parts[0], parts[1])) != 1
                    or sum(map(len, parts)) != given[0] + 1
                ),
                "a trial is in train and in test, so it has been seen",
                "off by one where the shuffled list is cut",
            ),
            (
                lambda given, parts: len(np.intersect1d(parts[0], parts[1])) < 2,
                "some trials are in train and in test, so the test trials have been seen",
                "the parts are drawn one by one; draw once, and cut in two",
            ),
            (
                lambda given, parts: not len(np.intersect1d(parts[0], parts[1])),
                "a trial is in train and in test, so it has been seen",
                "",
            ),
            (
                lambda given, parts: (
                    not (
                        np.concatenate(parts).min() == 1 and np.concatenate(parts).max() == given[0]
                    )
                ),
                "trial 0 is in no part, and there is no last one",
                "counted from 1; trials are 0 to n_trials - 1",
            ),
            (
                lambda given, parts: np.isin(np.concatenate(parts), np.arange(given[0])).all(),
                "some numbers are no trials; these are 0 to n_trials - 1",
                "",
            ),
            (
                lambda given, parts: (
                    not np.array_equal(np.sort(np.concatenate(parts)), np.arange(1, given[0]))
                ),
                "trial 0 is in neither part",
                "counted from 1; trials are 0 to n_trials - 1",
            ),
            (
                lambda given, parts: sum(map(len, parts)) != given[0] - 1,
                "one trial is in neither part",
                "off by one where the shuffled list is cut",
            ),
            (
                lambda given, parts: sum(map(len, parts)) == given[0],
                "some trials are in neither part",
                "",
            ),
        ],
        among=lambda given, parts, k: np.arange(given[0]),
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
    exercise("3.2", answers.halves, check=_check_halves),
    exercise("3.3", answers.split_trials, check=_check_split),
    exercise("3.4", answers.held_out_score, cases=_held_out),
)
