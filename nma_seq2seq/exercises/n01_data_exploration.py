"""Exercises of 01_data_exploration."""

import numpy as np

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n01_data_exploration as answers

exercise = with_texts(__file__)


def _counts_cases(rng):
    def case(shape, bin_size):
        rates = np.append(rng.uniform(0.1, 0.9, shape[2] - 1), 7.0)  # one that fills a uint8
        return rng.poisson(rates, shape).astype(np.uint8), bin_size

    return [case((60, 8, 3), 0.02), case((45, 13, 5), 0.005)]


def _trial_cases(rng):
    def case(n_trials, levels):
        left, right = rng.choice([*levels, 0.5], n_trials), rng.choice(levels, n_trials)
        chances = [0.3, 0.2, 0.5]
        return left, right, rng.choice([1.0, -1.0, 0.0], n_trials, p=chances)

    return [case(400, [0, 0.25, 1]), case(270, [0, 0.125])]  # other differences in each


def _event_cases(rng):
    def case(n_trials, start, bin_size, n_bins):
        length = n_bins * bin_size
        # Some before the first bin, some after the last, one that did not happen.
        seconds = start + rng.uniform(-0.2, 1.3, n_trials) * length
        # Within a bin of either end, on both sides, and just before the stimulus.
        seconds[:6] = (
            start + np.array([-0.4, 0.3, 1.7, n_bins - 0.3, n_bins + 0.4, n_bins + 1.6]) * bin_size
        )
        seconds[6], seconds[7] = np.nan, -0.3 * bin_size
        return seconds, start, bin_size, n_bins

    return [case(40, -0.5, 0.02, 125), case(29, -0.3137, 0.005, 240), case(31, 0.1, 0.01, 90)]


def _fano_cases(rng):
    def case(n_trials, n_bins, n_neurons):
        gain = rng.uniform(0.5, 2, (n_trials, 1, 1))
        rates = np.append(rng.uniform(0.2, 0.6, n_neurons - 1), 9.0)
        counts = rng.poisson(rates * gain, (n_trials, n_bins, n_neurons)).astype(np.uint8)
        counts[:, :, 1] = 0
        counts[::3, :, 0] = 0  # a neuron that is silent in some trials
        return (counts,)

    return [case(9, 40, 4), case(14, 35, 3)]


EXERCISES = (
    exercise("1.1", answers.counts_to_hz, cases=_counts_cases),
    exercise("1.2", answers.psychometric, cases=_trial_cases),
    exercise("1.3", answers.event_bins, cases=_event_cases),
    exercise("1.4", answers.fano_factor, cases=_fano_cases),
)
