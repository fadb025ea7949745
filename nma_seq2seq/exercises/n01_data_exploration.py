"""Exercises of 01_data_exploration."""

import numpy as np

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n01_data_exploration as answers


def _counts_cases(rng):
    return [
        (rng.poisson(0.4, (4, 6, 3)).astype(np.uint8), 0.01),
        (rng.poisson(0.9, (2, 9, 5)).astype(np.uint8), 0.02),
    ]


def _event_cases(rng):
    def case(n_trials, start, bin_size, n_bins):
        length = n_bins * bin_size
        # Some before the first bin, some after the last, one that did not happen.
        seconds = start + rng.uniform(-0.2, 1.3, n_trials) * length
        seconds[2] = np.nan
        return seconds, start, bin_size, n_bins

    return [case(40, -0.5, 0.01, 250), case(25, -0.31, 0.02, 60)]


def _trial_cases(rng):
    def case(n_trials):
        left, right = rng.choice([0, 0.25, 0.5, 1], (2, n_trials))
        chances = [0.3, 0.2, 0.5]
        return left, right, rng.choice([1.0, -1.0, 0.0], n_trials, p=chances)

    return [case(400), case(270)]


def _fano_cases(rng):
    def case(n_trials, n_bins, n_neurons):
        gain = rng.uniform(0.5, 2, (n_trials, 1, 1))
        counts = rng.poisson(0.4 * gain, (n_trials, n_bins, n_neurons)).astype(np.uint8)
        counts[:, :, 1] = 0
        return (counts,)

    return [case(9, 6, 4), case(14, 5, 3)]


def _of_those_with(answered):
    """The psychometric curve over the trials that `answered` picks."""

    def curve(left, right, response):
        kept = answered(response)
        return answers.psychometric(left[kept], right[kept], response[kept])

    return curve


def _right_by(difference):
    """The psychometric curve over another difference of the contrasts."""

    def curve(left, right, response):
        values = difference(left, right)
        levels = np.unique(values)
        return levels, np.array([(response[values == level] == -1).mean() for level in levels])

    return curve


def _fraction(value):
    """The fraction of another answer."""

    def curve(left, right, response):
        difference = right - left
        levels = np.unique(difference)
        return levels, np.array([value(response[difference == level]) for level in levels])

    return curve


def _fano_of(statistic, ddof=1):
    def fano(counts):
        with np.errstate(all="ignore"):
            return statistic(counts, ddof)

    return fano


EXERCISES = (
    Exercise(
        number="1.1",
        title="counts to Hz",
        minutes=5,
        difficulty=1,
        reference=answers.counts_to_hz,
        cases=_counts_cases,
        mistakes=[
            (
                "multiplied by the bin size, where a rate is counts per second",
                lambda c, b: c.mean(axis=(0, 1)) * b,
            ),
            (
                "the mean count per bin, not yet divided by the length of a bin",
                lambda c, b: c.mean(axis=(0, 1)),
            ),
            ("averaged over the neurons too", lambda c, b: c.mean() / b),
            (
                "summed over the trials, where they are averaged",
                lambda c, b: c.sum(axis=0).mean(axis=0) / b,
            ),
            (
                "summed over the bins, where they are averaged",
                lambda c, b: c.mean(axis=0).sum(axis=0) / b,
            ),
            (
                "the axes: trials are axis 0, time axis 1, and neurons axis 2 stay",
                lambda c, b: c.mean(axis=(1, 2)) / b,
            ),
        ],
        hints=(
            "What is the mean count of a neuron in one bin? How many bins are there in a second?",
            "Average over trials and time at once with axis=(0, 1), then divide by bin_size.",
        ),
    ),
    Exercise(
        number="1.2",
        title="the psychometric curve",
        minutes=10,
        difficulty=2,
        reference=answers.psychometric,
        cases=_trial_cases,
        mistakes=[
            (
                "that is how often it answers LEFT: in this format -1 is right and +1 left",
                _fraction(lambda r: (r == 1).mean()),
            ),
            (
                "no-go trials are left out; they count among all trials of that difference",
                _of_those_with(lambda r: r != 0),
            ),
            (
                "the difference is left minus right, so the curve is mirrored",
                _right_by(lambda left, right: left - right),
            ),
            (
                "the absolute difference: which side is higher gets lost",
                _right_by(lambda left, right: np.abs(right - left)),
            ),
            (
                "by the right contrast alone, not by the difference",
                _right_by(lambda left, right: right),
            ),
            ("the mean of the response codes is no fraction", _fraction(lambda r: r.mean())),
            ("the number of trials, not their fraction", _fraction(lambda r: (r == -1).sum())),
            ("any turn counts, left ones too", _fraction(lambda r: (r != 0).mean())),
        ],
        hints=(
            "For one difference: which trials have it, and in what fraction of them is the "
            "response 'right'? Look up the code for right once more.",
            "np.unique(contrast_right - contrast_left) gives the levels; for each of them take "
            "(response[difference == level] == -1).mean().",
        ),
    ),
    Exercise(
        number="1.3",
        title="event time to bin",
        minutes=10,
        difficulty=2,
        reference=answers.event_bins,
        cases=_event_cases,
        mistakes=[
            (
                "without the offset: bin 0 starts at `start`, not at the stimulus",
                lambda s, start, b, n: answers.event_bins(s, 0.0, b, n),
            ),
            (
                "the sign of the offset: the seconds since the first bin are seconds - start",
                lambda s, start, b, n: answers.event_bins(s, -start, b, n),
            ),
            (
                "rounded to the nearest bin, where an event lies in the bin that it falls into: "
                "round down",
                lambda s, start, b, n: np.where(
                    np.isfinite(answers.event_bins(s, start, b, n)),
                    np.round((s - start) / b),
                    np.nan,
                ),
            ),
            (
                "not rounded down to a whole bin",
                lambda s, start, b, n: np.where(
                    np.isfinite(answers.event_bins(s, start, b, n)), (s - start) / b, np.nan
                ),
            ),
            (
                "events before the first bin or after the last must become NaN",
                lambda s, start, b, n: np.floor((s - start) / b),
            ),
            (
                "events outside are moved into the first or the last bin; they must become NaN",
                lambda s, start, b, n: np.floor((s - start) / b).clip(0, n - 1),
            ),
        ],
        hints=(
            "How many seconds after the START OF BIN 0 does the event happen? `start` is negative.",
            "np.floor((seconds - start) / bin_size), then np.where with both conditions, >= 0 and "
            "< n_bins, and np.nan elsewhere.",
        ),
    ),
    Exercise(
        number="1.4",
        title="the Fano factor",
        minutes=10,
        difficulty=2,
        reference=answers.fano_factor,
        cases=_fano_cases,
        mistakes=[
            (
                "the variance over trials AND bins; add up the bins of a trial first",
                _fano_of(lambda c, d: c.var(axis=(0, 1), ddof=d) / c.mean(axis=(0, 1))),
            ),
            (
                "the variance over trials and bins; add up the bins of a trial first",
                _fano_of(lambda c, d: c.var(axis=(0, 1)) / c.mean(axis=(0, 1))),
            ),
            (
                "the variance over the bins of a trial, not over trials",
                _fano_of(
                    lambda c, d: c.sum(axis=0).var(axis=0, ddof=d) / c.sum(axis=0).mean(axis=0)
                ),
            ),
            (
                "divided by the number of trials; with the mean estimated from the same trials "
                "divide by one less (ddof=1)",
                _fano_of(lambda c, d: c.sum(axis=1).var(axis=0) / c.sum(axis=1).mean(axis=0)),
            ),
            (
                "the standard deviation, where the variance is asked for",
                _fano_of(
                    lambda c, d: c.sum(axis=1).std(axis=0, ddof=d) / c.sum(axis=1).mean(axis=0)
                ),
            ),
            (
                "upside down: the variance is divided by the mean",
                _fano_of(
                    lambda c, d: c.sum(axis=1).mean(axis=0) / c.sum(axis=1).var(axis=0, ddof=d)
                ),
            ),
            (
                "a neuron without spikes has no Fano factor: NaN, not 0",
                lambda c: np.nan_to_num(answers.fano_factor(c)),
            ),
        ],
        hints=(
            "First one number a trial and neuron: how many spikes were there in the whole window? "
            "Then two numbers a neuron, over the trials.",
            "total = counts.sum(axis=1); then total.var(axis=0, ddof=1) / total.mean(axis=0). "
            "np.where makes NaN of those whose mean is 0.",
        ),
    ),
)
