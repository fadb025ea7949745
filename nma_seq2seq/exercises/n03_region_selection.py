"""Exercises of 03_region_selection."""

import numpy as np

import nma_seq2seq as nma
from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n03_region_selection as answers


def _choices(rng):
    def case(names, n, target, least):
        region = rng.choice(names, n)
        region[:2] = target, next(name for name in names if name != target)
        rates = rng.choice([0.0, 0.4, least, 2 * least, 7.5], n)
        rates[:4] = least, 0.0, 0.0, least
        return region, rates, target, least

    return [
        case(["MOs", "VISp", "CA1"], 23, "MOs", 0.5),
        case(["CP", "LP", "SCm", "root"], 31, "LP", 1.0),
    ]


def _check_halves(answer, reference):
    for size in (12, 13):
        units = np.arange(100, 100 + 3 * size, 3)
        before = units.copy()
        parts = answer(units, np.random.default_rng(size))
        if not (isinstance(parts, tuple | list) and len(parts) == 2):
            return "this returns one thing, expected two arrays: return source_units, target_units"
        if not np.array_equal(units, before):
            return "units is changed in place (rng.shuffle does that); use rng.permutation"
        parts = [np.asarray(part) for part in parts]
        if any(part.dtype == bool for part in parts):
            return ("these are masks, expected positions", "the np.flatnonzero is missing")
        if not np.isin(np.concatenate(parts), units).all():
            return (
                "some of these are not among units",
                "positions in units are returned, where the units themselves are asked for",
            )
        if len(np.intersect1d(*parts)):
            return (
                "a neuron is in both halves, so it would predict itself; draw once, without "
                "replacement, and cut in two"
            )
        if any(len(np.unique(part)) < len(part) for part in parts):
            return "a neuron is drawn twice; draw without replacement"
        if len(parts[0]) != size // 2 or len(parts[1]) != size // 2:
            return (
                f"{size} neurons give halves of {len(parts[0])} and {len(parts[1])}, expected "
                f"{size // 2} and {size // 2}; an odd neuron is left out"
            )
    units = np.arange(40)
    first, again, other = (
        np.sort(np.asarray(answer(units, np.random.default_rng(seed))[0])) for seed in (1, 1, 2)
    )
    if not np.array_equal(first, again):
        return "the same generator gives other halves each time; draw with rng, not np.random"
    if np.array_equal(first, other):
        return (
            "every generator gives the same halves, so nothing is drawn",
            "cut in the order of the file, in which neighbours on the probe stand together",
        )
    if not any(np.diff(np.sort(part)).max() > 1 for part in (first, other)):
        return "the halves are two stretches of the file, not drawn one by one"
    return None


def _check_split(answer, reference):
    for n_trials, fraction in ((50, 0.2), (37, 0.3)):
        parts = answer(n_trials, fraction, np.random.default_rng(n_trials))
        if not (isinstance(parts, tuple | list) and len(parts) == 2):
            return "this returns one thing, expected two arrays: return train, test"
        train, test = (np.asarray(part) for part in parts)
        if train.dtype == bool or test.dtype == bool:
            return "these are masks, expected positions; np.flatnonzero makes them"
        n_test = round(n_trials * fraction)
        if len(train) == n_test != len(test):
            return f"train has {n_test} trials and test {len(test)}", "the two swapped"
        both = np.concatenate([train, test])
        if len(np.unique(test)) < len(test) or len(np.unique(train)) < len(train):
            return (
                "a trial is drawn twice",
                "drawn with replacement (rng.integers, or rng.choice without replace=False)",
            )
        if len(np.intersect1d(train, test)):
            return "some trials are in train and in test, so the test trials have been seen"
        if not np.array_equal(np.sort(both), np.arange(n_trials)):
            return (
                f"of {n_trials} trials, numbered 0 to {n_trials - 1}, these hold {len(both)} from "
                f"{both.min()} to {both.max()}; every trial must be in one part, once"
            )
        if len(test) != n_test:
            return f"{len(test)} of {n_trials} trials are held out, expected {n_test}"
    first, again, other = (
        np.sort(np.asarray(answer(60, 0.25, np.random.default_rng(seed))[1])) for seed in (1, 1, 2)
    )
    if not np.array_equal(first, again):
        return "the same generator gives another split each time; draw with rng, not np.random"
    if np.array_equal(first, other):
        return (
            "every generator gives the same split",
            "the first or last trials are "
            "taken, at whose time the mouse is at its most eager or its most tired",
        )
    return None


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


def _null_of_test(fit, inputs, counts, is_test):
    rates = fit(inputs[~is_test], counts[~is_test])(inputs[is_test])
    test = counts[is_test]
    return nma.bits_per_spike(rates[None], test[None], test.mean(axis=0))


def _null_of_all(fit, inputs, counts, is_test):
    rates = fit(inputs[~is_test], counts[~is_test])(inputs[is_test])
    return nma.bits_per_spike(rates[None], counts[is_test][None], counts.mean(axis=(0, 1)))


def _fit_on_all(fit, inputs, counts, is_test):
    everything = np.ones_like(is_test)
    rates = fit(inputs[everything], counts[everything])(inputs[is_test])
    null = counts[~is_test].mean(axis=0)
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)


def _fit_on_test(fit, inputs, counts, is_test):
    rates = fit(inputs[is_test], counts[is_test])(inputs[is_test])
    null = counts[~is_test].mean(axis=0)
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)


def _scored_on_train(fit, inputs, counts, is_test):
    train = ~is_test
    rates = fit(inputs[train], counts[train])(inputs[train])
    null = counts[train].mean(axis=0)
    return nma.bits_per_spike(rates[None], counts[train][None], null)


def _null_over_neurons(fit, inputs, counts, is_test):
    rates = fit(inputs[~is_test], counts[~is_test])(inputs[is_test])
    null = np.full(counts.shape[2], counts[~is_test].mean())
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)


EXERCISES = (
    Exercise(
        number="3.1",
        title="choosing neurons",
        minutes=10,
        difficulty=1,
        reference=answers.choose_neurons,
        cases=_choices,
        mistakes=[
            (
                "masks are returned, where positions are asked for (np.flatnonzero)",
                lambda g, r, t, m: ((g != t) & (r >= m), (g == t) & (r >= m)),
            ),
            (
                "a neuron that fires at exactly min_rate_hz is dropped (> for >=)",
                lambda g, r, t, m: tuple(np.flatnonzero(s & (r > m)) for s in (g != t, g == t)),
            ),
            (
                "the least rate is not asked of the sources",
                lambda g, r, t, m: (
                    np.flatnonzero(g != t),
                    np.flatnonzero((g == t) & (r >= m)),
                ),
            ),
            (
                "the least rate is not asked of the targets",
                lambda g, r, t, m: (
                    np.flatnonzero((g != t) & (r >= m)),
                    np.flatnonzero(g == t),
                ),
            ),
            (
                "the targets are among the sources, so they would predict themselves",
                lambda g, r, t, m: (
                    np.flatnonzero(r >= m),
                    np.flatnonzero((g == t) & (r >= m)),
                ),
            ),
            (
                "source and target have changed places",
                lambda g, r, t, m: tuple(np.flatnonzero(s & (r >= m)) for s in (g == t, g != t)),
            ),
        ],
        hints=(
            "Two conditions hold for each neuron: where it lies, and that it fires enough. Write "
            "each as an array of True and False, and join them with &.",
            "active = rates_hz >= min_rate_hz; then np.flatnonzero(... & active) turns a mask into "
            "positions, once for region != target and once for region == target. Mind the "
            "brackets: & binds tighter than ==.",
        ),
    ),
    Exercise(
        number="3.2",
        title="two halves of one region",
        minutes=10,
        difficulty=1,
        reference=answers.halves,
        check=_check_halves,
        hints=(
            "Shuffle the neurons once. What do you have when you cut the shuffled list in two?",
            "drawn = rng.permutation(units) gives a shuffled copy; half = len(units) // 2; the "
            "halves are drawn[:half] and drawn[half : 2 * half].",
        ),
    ),
    Exercise(
        number="3.3",
        title="a split over trials",
        minutes=10,
        difficulty=1,
        reference=answers.split_trials,
        check=_check_split,
        hints=(
            "Shuffle the numbers 0 to n_trials - 1. How many of them are to be held out?",
            "order = rng.permutation(n_trials); the first round(n_trials * test_fraction) are the "
            "test trials, the others the training trials.",
        ),
    ),
    Exercise(
        number="3.4",
        title="a score on what was held out",
        minutes=15,
        difficulty=3,
        reference=answers.held_out_score,
        cases=_held_out,
        mistakes=[
            (
                "the null is the mean over the held-out bins; take the bins trained on",
                _null_of_test,
            ),
            (
                "the null is the mean over all bins, held-out ones too; take the bins trained on",
                _null_of_all,
            ),
            ("fitted on all bins, so the held-out ones have been seen", _fit_on_all),
            ("fitted on the held-out bins", _fit_on_test),
            ("scored on the bins that it was fitted on", _scored_on_train),
            (
                "one mean for all neurons, where each has its own (mean over axis 0)",
                _null_over_neurons,
            ),
        ],
        hints=(
            "Which bins may the fit see? Which bins may the null see? Which bins are scored? "
            "inputs[mask] with a mask (trials, time) has the shape (bins in the mask, inputs).",
            "predict = fit(inputs[~is_test], counts[~is_test]); the null is "
            "counts[~is_test].mean(axis=0). nma.bits_per_spike wants three axes: rates[None] puts "
            "one in front.",
        ),
    ),
)
