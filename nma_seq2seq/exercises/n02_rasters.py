"""Exercises of 02_rasters."""

import functools

import numpy as np

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n02_rasters as answers

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


def _tables():
    rng = np.random.default_rng(5)
    # What all regions share makes their true correlations about 0.6; slow drifts, which a shift of
    # a whole region would keep, make large ones by chance.
    activity = rng.normal(size=(40, 8)) + 1.2 * rng.normal(size=(40, 1))
    activity += 0.7 * rng.normal(size=(40, 8)).cumsum(axis=0)
    # Columns with a single 1 can have no correlation but 1 and -1 / 11, if each keeps its values.
    return activity, np.eye(12)[:, :3], activity[:25, :2].copy(), activity[:, 2:5].copy()


@functools.lru_cache(maxsize=50)
def _of_many(maxima):
    """Mean, standard deviation, the first few values and how many are NaN, of many shuffles."""
    found = (np.asarray(maxima(table, 400, 0), dtype=float) for table in _tables())
    drawn = [np.nan_to_num(d, nan=2.0) for d in found]  # which no correlation is
    return [
        (d.mean(), d.std(), sorted(set(d.round(6).tolist()))[:3], int((d == 2).sum()))
        for d in drawn
    ]


def _check_shuffle(answer, reference):
    activity = _tables()[0]
    before = activity.copy()

    def drawn(seed):
        np.random.seed(next(calls))  # noqa: NPY002 (the global generator does not follow the seed)
        return np.asarray(answer(activity, 7, seed), dtype=float)

    calls = iter(range(1, 100))
    few = answer(activity, 7, 3)
    if few is None:
        return "the result is None (is `return` missing?), expected an array of shape (7,)"
    few = np.asarray(few, dtype=float)
    if few.ndim == 0:
        return "the result is one number, expected 7 for 7 shuffles", "one is kept, not each"
    if few.shape != (7,):
        causes = {
            (6,): "one shuffle too few: a loop that begins at 1?",
            (7, 56): "all correlations of a shuffle, where the largest of them is asked for",
            (7, 28): "all correlations of a shuffle, where the largest of them is asked for",
        }
        found = f"for 7 shuffles the result has shape {few.shape}, expected (7,)"
        return found, causes.get(few.shape, "")
    if not np.isfinite(few).all():
        return "the result holds NaN or infinity"
    if not np.array_equal(activity, before):
        return "the inputs are changed", "activity is shuffled in place; shuffle a copy"
    if np.ptp(few) < 1e-9 and np.isclose(few[0], 1):
        return (
            "every shuffle gives 1.000",
            "the diagonal is there too; a region with itself gives 1",
        )
    if np.ptp(few) < 1e-9:
        pairs = np.abs(np.corrcoef(activity.T)[~np.eye(8, dtype=bool)])
        if not np.isclose(few[0], pairs.max()) and np.isclose(few[0], pairs).any():
            found = f"every shuffle gives {few[0]:.3f}, the correlation of one pair as it is"
            return found, "not all regions are shuffled; each needs an order of its own"
        if not np.isclose(few[0], pairs.max()):
            anew = not np.allclose(few[0], drawn(4)[0])
            return f"every shuffle gives {few[0]:.3f}", "rng is made anew in each round" * anew
        return (
            f"every shuffle gives {few[0]:.3f}, the correlation that there is",
            "nothing is shuffled, or regions are shuffled alike and stay in step",
        )
    if not np.allclose(few, drawn(3)):
        return (
            "the same seed gives other numbers each time",
            "not drawn from np.random.default_rng(seed)",
        )
    if np.allclose(few, drawn(4)):
        return "another seed gives the same numbers", "not drawn from np.random.default_rng(seed)"
    for mine, right in zip(_of_many(answer), _of_many(reference), strict=True):
        # So many standard errors of a difference between two sets of 400.
        allowed = 4.5 * max(mine[1], right[1]) * np.sqrt(2 / 400) + 1e-9
        if mine[3] and not right[3]:
            return f"where the columns hold a single 1, {mine[3]} of 400 shuffles give NaN"
        for name, found, wanted in zip(("mean", "standard deviation"), mine, right, strict=False):
            if not abs(found - wanted) <= allowed:
                return f"the {name} of 400 shuffles is {found:.3f}, expected about {wanted:.3f}"
        if (mine[2][0] < 0) != (right[2][0] < 0):
            return f"of 400 shuffles the smallest is {mine[2][0]:.3f}, expected {right[2][0]:.3f}"
        if len(right[2]) < 3 and mine[2] != right[2]:
            return f"of columns with one 1, shuffles give {mine[2]}, expected {right[2]}"
    return None


EXERCISES = (
    exercise("2.1", answers.psth, cases=_psth_cases),
    exercise("2.2", answers.align, cases=_align_cases),
    exercise("2.3", answers.region_similarity, cases=_similarity_cases),
    exercise("2.4", answers.shuffled_maxima, check=_check_shuffle),
)
