"""Exercises of 02_rasters."""

import itertools

import numpy as np

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n02_rasters as answers
from nma_seq2seq.exercises.samples import Sample

exercise = with_texts(__file__)


def _psth_cases(rng):
    def case(n_trials, n_bins, n_neurons, bin_size):
        rates = np.append(rng.uniform(0.1, 0.9, n_neurons - 1), 9.0)  # one that fills a uint8
        counts = rng.poisson(rates, (n_trials, n_bins, n_neurons)).astype(np.uint8)
        return counts, np.arange(n_trials) % 3 != 0, bin_size

    return [case(47, 6, 4, 0.02), case(61, 9, 5, 0.005)]


def _align_cases(rng):
    def case(n_trials, n_bins, n_neurons, before, after, edges):
        counts = rng.poisson(2.0, (n_trials, n_bins, n_neurons)).astype(np.uint8)
        at = rng.integers(before + after, n_bins - 2 * before - after, n_trials).astype(float)
        at[1 : len(edges) + 1] = edges
        return counts, at, before, after

    nan = np.nan
    return [
        # In the first, windows that are a little off still lie within the recording.
        case(12, 60, 3, 5, 8, [nan, 1.0]),
        # The edges: the first two fit exactly, the next two by one bin not.
        case(15, 50, 4, 9, 6, [9.0, 44.0, nan, 8.0, 45.0, 0.0, 49.0]),
    ]


def _similarity_cases(rng):
    def case(n_trials, sizes):
        names = ["VISp", "MOs", "VISpm", "LP"][: len(sizes)]  # one begins like another
        region = np.repeat(names, sizes)
        shared = rng.normal(size=(n_trials, 1)) + 0.5 * rng.normal(size=(n_trials, len(names)))
        which = np.repeat(np.arange(len(names)), sizes)
        order = rng.permutation(len(region))
        scale = rng.uniform(0.5, 20, len(region))
        rates = scale * np.exp(0.4 * shared[:, which] * rng.uniform(-0.3, 1, len(region)))
        counts = rng.poisson(rates).astype(np.int64)
        counts[:, 1] = 0  # a neuron that never fires
        return counts[:, order], region[order], names[: 3 if len(sizes) > 3 else None]

    return [case(40, (4, 5, 3)), case(25, (3, 4, 6, 2))]


def _activities(rng):
    # What all regions share makes their true correlations about 0.6.
    activity = rng.normal(size=(40, 8)) + 1.2 * rng.normal(size=(40, 1))
    # A shift of a whole region keeps its slow drifts, which make large correlations by chance.
    drifting = activity + 0.7 * rng.normal(size=(40, 8)).cumsum(axis=0)
    # Columns with a single 1 can have no correlation but 1 and -1 / 8, if each keeps its values.
    single = np.eye(9)[:, :5]
    return [(drifting, 40), (single, 40), (activity[:25, :4], 80), (activity[:25, 2:4], 80)]


# Where the largest correlation of a shuffle may lie.
_EDGES = np.array([-1e-5, *np.arange(0.02, 1, 0.04), 1 + 1e-5])
_RANGES = [
    "below 0",
    *(f"{low:.2f} to {high:.2f}" for low, high in itertools.pairwise(np.abs(_EDGES))),
    "above 1, or NaN",
]


def _shuffle(answer, activity, n_shuffles):
    """What the shuffles of ten seeds have in common."""
    given = activity.copy()

    def largest(seed):
        return np.nan_to_num(np.array(answer(given.copy(), n_shuffles, seed), float), nan=9)

    if answer(activity, 1, 0) is None:
        raise AssertionError("the result is None (is `return` missing?), expected an array")
    found = np.array([largest(seed) for seed in range(10)])
    facts = {"the shape of the result": found.shape[1:]}
    if found.shape[1:] != (n_shuffles,):
        return facts
    again = [np.allclose(largest(seed), found[seed]) for seed in (0, 1)]
    seeds_are_alike = np.allclose(found, found[0])
    shuffles_are_alike = np.allclose(found, found[:, :1])
    # If all seeds, or all shuffles of one, give the same, there is but one draw, or one a seed.
    drawn = found[: 1 if seeds_are_alike else None, : 1 if shuffles_are_alike else None].ravel()
    return facts | {
        # Always or never: a few seeds may give the same by chance, where few numbers are possible.
        "how often the shuffles of a seed give one number": Sample([shuffles_are_alike], ["seed"]),
        "seeds, of 2, that give the same again": Sample([sum(again)]),
        "how often another seed gives the same": Sample([seeds_are_alike], ["seed"]),
        "the one number that there is": drawn[0] if len(drawn) == 1 else np.nan,
        "how often the largest is each": Sample(
            np.digitize(drawn, _EDGES)[:, None] == range(len(_RANGES)), _RANGES
        ),
    }


EXERCISES = (
    exercise("2.1", answers.psth, cases=_psth_cases),
    exercise("2.2", answers.align, cases=_align_cases),
    exercise("2.3", answers.region_similarity, cases=_similarity_cases),
    exercise("2.4", answers.shuffled_maxima, cases=_activities, run=_shuffle),
)
