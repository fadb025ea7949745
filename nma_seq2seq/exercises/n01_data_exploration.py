"""Exercises of 01_data_exploration."""

import numpy as np

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n01_data_exploration as answers
from nma_seq2seq.exercises.edits import read_mistakes

known = read_mistakes(__file__)


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
    Exercise(
        number="1.1",
        title="counts to Hz",
        minutes=5,
        difficulty=1,
        reference=answers.counts_to_hz,
        cases=_counts_cases,
        mistakes=known["1.1"],
        hints=(
            "What is the mean count of a neuron in one bin? How many bins are there in a second?",
            "Only neurons may remain, so trials and time go both; then counts per bin become "
            "counts per second.",
        ),
        gaps=("axis=(0, 1)", "/ bin_size"),
    ),
    Exercise(
        number="1.2",
        title="the psychometric curve",
        minutes=10,
        difficulty=2,
        reference=answers.psychometric,
        cases=_trial_cases,
        mistakes=known["1.2"],
        hints=(
            "For one difference: which trials have it, and in what fraction of them is the "
            "response 'right'? Look up the code for right once more.",
            "The mean of an array of True and False is a fraction. So compare the responses of "
            "one difference with the code for right, and no-go trials stay in.",
        ),
        gaps=("contrast_right - contrast_left", "difference == level", "== -1"),
    ),
    Exercise(
        number="1.3",
        title="event time to bin",
        minutes=10,
        difficulty=2,
        reference=answers.event_bins,
        cases=_event_cases,
        mistakes=known["1.3"],
        hints=(
            "How many seconds after the START OF BIN 0 does the event happen? Mind `start`.",
            "Seconds since the first bin, in units of a bin and rounded down. Then ask of the bin, "
            "not of the time, whether there is such a bin.",
        ),
        gaps=("seconds - start", "np.floor", "(bins >= 0) & (bins < n_bins)"),
    ),
    Exercise(
        number="1.4",
        title="the Fano factor",
        minutes=10,
        difficulty=2,
        reference=answers.fano_factor,
        cases=_fano_cases,
        mistakes=known["1.4"],
        hints=(
            "First one number a trial and neuron: how many spikes were there in the whole window? "
            "Then two numbers a neuron, over the trials.",
            "Add up the bins before anything else: only then is there one count a trial, whose "
            "variance and mean over trials you can take.",
        ),
        gaps=("counts.sum(axis=1)", ", ddof=1", "variance / np.where(fires, mean, 1)"),
    ),
)
