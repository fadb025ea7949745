"""Exercises of 02_rasters."""

import numpy as np

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n02_rasters as answers


def _psth_cases(rng):
    def case(n_trials, n_bins, n_neurons, bin_size):
        counts = rng.poisson(0.6, (n_trials, n_bins, n_neurons)).astype(np.uint8)
        return counts, np.arange(n_trials) % 3 != 1, bin_size

    return [case(7, 6, 4, 0.01), case(11, 9, 5, 0.02)]


def _align_cases(rng):
    def case(n_trials, n_bins, n_neurons, before, after):
        counts = rng.poisson(2.0, (n_trials, n_bins, n_neurons)).astype(np.uint8)
        at = rng.integers(before, n_bins - after, n_trials).astype(float)
        # The edges: the first two fit exactly, the next two by one bin not.
        at[:6] = [before, n_bins - after, before - 1, n_bins - after + 1, np.nan, 0.0]
        return counts, at, before, after

    return [case(12, 30, 3, 5, 8), case(15, 40, 4, 9, 6)]


def _similarity_cases(rng):
    def case(n_trials, sizes):
        names = ["VISp", "MOs", "CA1", "LP"][: len(sizes)]
        region = np.repeat(names, sizes)
        shared = rng.normal(size=(n_trials, 1)) + 0.5 * rng.normal(size=(n_trials, len(names)))
        which = np.repeat(np.arange(len(names)), sizes)
        order = rng.permutation(len(region))
        scale = rng.uniform(0.5, 20, len(region))
        rates = scale * np.exp(0.4 * shared[:, which] * rng.uniform(-0.3, 1, len(region)))
        counts = rng.poisson(rates).astype(np.int64)
        counts[:, 1] = 0  # a neuron that never fires
        return counts[:, order], region[order], names

    return [case(40, (4, 5, 3)), case(25, (3, 4, 6, 2))]


_RIGHT_LENGTH = "one number a shuffle"


def _check_shuffle(answer, reference):
    rng = np.random.default_rng(5)
    # What all regions share makes their true correlations about 0.6.
    activity = rng.normal(size=(40, 5)) + 1.2 * rng.normal(size=(40, 1))
    before = activity.copy()
    few = np.asarray(answer(activity, 7, 3), dtype=float)
    if few.shape != (7,):
        return f"for 7 shuffles the result has shape {few.shape}, expected (7,): {_RIGHT_LENGTH}"
    if not np.isfinite(few).all():
        return "the result holds NaN or infinity"
    if not np.array_equal(activity, before):
        return "activity is changed in place; shuffle a copy"
    if not np.allclose(few, np.asarray(answer(activity, 7, 3), dtype=float)):
        return "the same seed gives other numbers each time; draw from np.random.default_rng(seed)"
    varies = np.ptp(np.asarray(reference(activity, 7, 3), dtype=float)) > 1e-9
    if varies and np.ptp(few) < 1e-9:
        return f"every shuffle gives {few[0]:.3f}, as if nothing were shuffled"
    if varies and np.allclose(few, np.asarray(answer(activity, 7, 4), dtype=float)):
        return "another seed gives the same numbers; draw from np.random.default_rng(seed)"
    mine = np.asarray(answer(activity, 400, 0), dtype=float)
    right = np.asarray(reference(activity, 400, 1), dtype=float)
    for name, statistic in (("mean", np.mean), ("standard deviation", np.std)):
        found, wanted = statistic(mine), statistic(right)
        # Four standard errors of a difference between two sets of 400.
        allowed = 4 * np.std(right) * np.sqrt(2 / 400) + 1e-9
        if abs(found - wanted) > allowed:
            return (
                f"the {name} of 400 shuffles is {found:.3f}, expected about {wanted:.3f} (for 40 "
                "trials of 5 regions)"
            )
    return None


def _shuffled_by(permute, largest=lambda r, off: np.abs(r[off]).max()):
    """The null with another way to shuffle, or to take the largest."""

    def maxima(activity, n_shuffles, seed):
        rng = np.random.default_rng(seed)
        off = ~np.eye(activity.shape[1], dtype=bool)
        shuffled = (np.corrcoef(permute(rng, activity).T) for _ in range(n_shuffles))
        return np.array([largest(r, off) for r in shuffled])

    return maxima


def _each(rng, activity):
    return rng.permuted(activity, axis=0)


EXERCISES = (
    Exercise(
        number="2.1",
        title="a PSTH",
        minutes=5,
        difficulty=1,
        reference=answers.psth,
        cases=_psth_cases,
        mistakes=[
            (
                "all trials are averaged, not only those that `trials` picks",
                lambda c, t, b: c.mean(axis=0) / b,
            ),
            (
                "averaged over time: a PSTH keeps the time bins and averages trials",
                lambda c, t, b: c[t].mean(axis=1) / b,
            ),
            (
                "averaged over the neurons too; keep one column a neuron",
                lambda c, t, b: c[t].mean(axis=(0, 2)) / b,
            ),
            ("summed over the trials, not averaged", lambda c, t, b: c[t].sum(axis=0) / b),
            ("counts per bin, not yet in Hz", lambda c, t, b: c[t].mean(axis=0)),
            ("multiplied by the bin size", lambda c, t, b: c[t].mean(axis=0) * b),
            (
                "divided by the number of all trials, not of the picked ones",
                lambda c, t, b: c[t].sum(axis=0) / len(c) / b,
            ),
        ],
        hints=(
            "Which axis goes away? The result has one row a time bin and one column a neuron.",
            "counts[trials] picks the trials; average over axis 0, and turn counts per bin into Hz "
            "as in exercise 1.1.",
        ),
    ),
    Exercise(
        number="2.2",
        title="aligning to an event",
        minutes=15,
        difficulty=3,
        reference=answers.align,
        cases=_align_cases,
        mistakes=[
            (
                "the window is one bin too long: it ends before event_bin + after",
                lambda c, e, b, a: answers.align(c, e, b, a + 1),
            ),
            (
                "the last window that fits ends exactly with the last bin: <= n_bins, not <",
                lambda c, e, b, a: answers.align(c, np.where(e + a == c.shape[1], np.nan, e), b, a),
            ),
            (
                "the first window that fits starts with bin 0: >= 0, not > 0",
                lambda c, e, b, a: answers.align(c, np.where(e - b == 0, np.nan, e), b, a),
            ),
            (
                "the windows start at the event; they start `before` bins earlier",
                lambda c, e, b, a: (
                    np.stack(
                        [
                            c[t, int(e[t]) :][: a + b]
                            for t in np.flatnonzero(answers.align(c, e, b, a)[1])
                        ]
                    ),
                    answers.align(c, e, b, a)[1],
                ),
            ),
            (
                "the mask marks the trials that are left out; it must mark those that are kept",
                lambda c, e, b, a: (answers.align(c, e, b, a)[0], ~answers.align(c, e, b, a)[1]),
            ),
            (
                "the positions of the kept trials, where one bool a trial is asked for",
                lambda c, e, b, a: (
                    answers.align(c, e, b, a)[0],
                    np.flatnonzero(answers.align(c, e, b, a)[1]),
                ),
            ),
        ],
        hints=(
            "Two steps: which trials have their whole window within the recording (NaN compares "
            "as False, which is what you want)? Then cut a window out of each of them.",
            "kept = (event_bin - before >= 0) & (event_bin + after <= n_bins); then np.stack of "
            "counts[trial, e - before : e + after] for the kept trials, e = int(event_bin[trial]).",
        ),
    ),
    Exercise(
        number="2.3",
        title="the region similarity matrix",
        minutes=15,
        difficulty=2,
        reference=answers.region_similarity,
        cases=_similarity_cases,
        mistakes=[
            (
                "np.corrcoef takes ROWS as variables, so this correlates trials; transpose",
                lambda c, r, n: (
                    answers.region_similarity(c, r, n)[0],
                    np.corrcoef(answers.region_similarity(c, r, n)[0]),
                ),
            ),
            (
                "counts are averaged without the z-score, so that the busiest neurons decide",
                lambda c, r, n: _similarity_of(c, r, n),
            ),
            (
                "the mean is taken away, but not divided by the standard deviation",
                lambda c, r, n: _similarity_of(c - c.mean(axis=0), r, n),
            ),
            (
                "a neuron that never fires has a standard deviation of 0, and 0 / 0 is NaN",
                lambda c, r, n: _similarity_of(
                    (c - c.mean(axis=0)) / _nan_for_zero(c.std(axis=0)), r, n
                ),
            ),
            (
                "z-scored over a trial's neurons (axis 1); a neuron over its trials is axis 0",
                lambda c, r, n: _similarity_of(
                    (c - c.mean(axis=1, keepdims=True)) / c.std(axis=1, keepdims=True), r, n
                ),
            ),
            (
                "z-scored with one mean and one standard deviation for all neurons; use axis=0",
                lambda c, r, n: _similarity_of((c - c.mean()) / c.std(), r, n),
            ),
            (
                "the covariance, where the correlation is asked for",
                lambda c, r, n: (
                    answers.region_similarity(c, r, n)[0],
                    np.cov(answers.region_similarity(c, r, n)[0].T),
                ),
            ),
            (
                "summed over the neurons of a region, where they are averaged",
                lambda c, r, n: (
                    answers.region_similarity(c, r, n)[0] * [(r == name).sum() for name in n],
                    answers.region_similarity(c, r, n)[1],
                ),
            ),
            (
                "the regions are in another order than `names`",
                lambda c, r, n: answers.region_similarity(c, r, sorted(n)),
            ),
        ],
        hints=(
            "Three steps: z-score each neuron over the trials; average the neurons of a region; "
            "correlate the regions' columns. What happens to a neuron with no spike at all?",
            "Divide by np.where(spread > 0, spread, 1); a region's column is "
            "z[:, region == name].mean(axis=1), and np.stack(columns, axis=1) joins them; "
            "np.corrcoef wants one ROW a variable.",
        ),
    ),
    Exercise(
        number="2.4",
        title="what a shuffle gives",
        minutes=15,
        difficulty=3,
        reference=answers.shuffled_maxima,
        check=_check_shuffle,
        mistakes=[
            (
                "all regions are shuffled alike, or none is: they stay in step and keep their "
                "correlations",
                _shuffled_by(lambda rng, a: rng.permutation(a)),
            ),
            (
                "the diagonal is there too, and a region's correlation with itself is 1",
                _shuffled_by(_each, lambda r, off: np.abs(r).max()),
            ),
            (
                "the regions of a trial are shuffled, not the trials of a region",
                _shuffled_by(lambda rng, a: rng.permuted(a, axis=1)),
            ),
            (
                "the largest, where the largest in SIZE is asked for: take np.abs first",
                _shuffled_by(_each, lambda r, off: r[off].max()),
            ),
            (
                "the mean over the pairs, not the largest of them",
                _shuffled_by(_each, lambda r, off: np.abs(r[off]).mean()),
            ),
        ],
        hints=(
            "If two regions have nothing to do with each other, it does not matter which trial of "
            "one goes with which trial of the other. So give each region an order of its own.",
            "rng.permutation(activity[:, r]) for each r (or rng.permuted(activity, axis=0)), "
            "np.corrcoef of the transpose; np.abs(...)[~np.eye(n_regions, dtype=bool)].max().",
        ),
    ),
)


def _similarity_of(z, region, names):
    """Averages and correlations without a z-score of their own."""
    activity = np.stack([z[:, region == name].mean(axis=1) for name in names], axis=1)
    return activity, np.corrcoef(activity.T)


def _nan_for_zero(spread):
    return np.where(spread > 0, spread, np.nan)
