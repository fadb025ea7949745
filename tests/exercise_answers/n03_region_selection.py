"""Answers to the exercises of 03_region_selection."""

import numpy as np

import nma_seq2seq as nma
from tests.exercise_answers import variants

# ---------------------------------------------------------------------- 3.1


def choose_with_a_loop(region, rates_hz, target, min_rate_hz):
    source, chosen = [], []
    for unit in range(len(region)):
        if rates_hz[unit] >= min_rate_hz:
            (chosen if region[unit] == target else source).append(unit)
    return source, chosen


def choose_with_where(region, rates_hz, target, min_rate_hz):
    keep = ~(rates_hz < min_rate_hz)
    return [
        np.where(mask * keep)[0].astype(np.int32) for mask in (region != target, region == target)
    ]


def choose_with_sets(region, rates_hz, target, min_rate_hz):
    active = set(np.argwhere(rates_hz >= min_rate_hz)[:, 0].tolist())
    inside = set(np.argwhere(region == target)[:, 0].tolist())
    return np.array(sorted(active - inside)), np.array(sorted(active & inside))


def choose_masks(region, rates_hz, target, min_rate_hz):
    active = rates_hz >= min_rate_hz
    return active & (region != target), active & (region == target)


def choose_above(region, rates_hz, target, min_rate_hz):
    active = rates_hz > min_rate_hz
    return np.flatnonzero(active & (region != target)), np.flatnonzero(active & (region == target))


def choose_itself(region, rates_hz, target, min_rate_hz):
    active = rates_hz >= min_rate_hz
    return np.flatnonzero(active), np.flatnonzero(active & (region == target))


def choose_with_and(region, rates_hz, target, min_rate_hz):
    active = rates_hz >= min_rate_hz
    return np.flatnonzero(active and region != target), np.flatnonzero(active and region == target)


# ---------------------------------------------------------------------- 3.2


def halves_with_choice(units, rng):
    half = len(units) // 2
    first = rng.choice(units, half, replace=False)
    second = rng.choice([unit for unit in units if unit not in first], half, replace=False)
    return first, second


def halves_by_random_keys(units, rng):
    order = np.argsort(rng.random(len(units)))
    half = len(units) // 2
    return units[order[-half:]], units[order[:half]]


def halves_as_lists(units, rng):
    drawn = list(units)
    rng.shuffle(drawn)
    if len(drawn) % 2:
        drawn.pop()
    return drawn[::2], drawn[1::2]


def halves_in_order(units, rng):
    half = len(units) // 2
    return units[:half], units[half : 2 * half]


def halves_drawn_twice(units, rng):
    half = len(units) // 2
    return rng.choice(units, half, replace=False), rng.choice(units, half, replace=False)


def halves_with_the_odd_one(units, rng):
    drawn = rng.permutation(units)
    return drawn[: len(units) // 2], drawn[len(units) // 2 :]


def halves_of_numpy(units, rng):
    drawn = np.random.default_rng().permutation(units)
    half = len(units) // 2
    return drawn[:half], drawn[half : 2 * half]


def halves_positions(units, rng):
    drawn = rng.permutation(len(units))
    half = len(units) // 2
    return drawn[:half], drawn[half : 2 * half]


# ---------------------------------------------------------------------- 3.3


def split_with_choice(n_trials, test_fraction, rng):
    test = rng.choice(n_trials, round(n_trials * test_fraction), replace=False)
    return np.setdiff1d(np.arange(n_trials), test), test


def split_with_lists(n_trials, test_fraction, rng):
    trials = list(range(n_trials))
    rng.shuffle(trials)
    n_test = round(n_trials * test_fraction)
    return trials[n_test:], trials[:n_test]


def split_with_a_mask(n_trials, test_fraction, rng):
    is_test = np.zeros(n_trials, bool)
    is_test[np.argsort(rng.random(n_trials))[: round(n_trials * test_fraction)]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def split_the_last(n_trials, test_fraction, rng):
    n_test = round(n_trials * test_fraction)
    return np.arange(n_trials - n_test), np.arange(n_trials - n_test, n_trials)


def split_with_replacement(n_trials, test_fraction, rng):
    test = rng.integers(n_trials, size=round(n_trials * test_fraction))
    return np.setdiff1d(np.arange(n_trials), test), test


def split_overlapping(n_trials, test_fraction, rng):
    test = rng.choice(n_trials, round(n_trials * test_fraction), replace=False)
    return np.arange(n_trials), test


def split_swapped(n_trials, test_fraction, rng):
    return split_with_choice(n_trials, test_fraction, rng)[::-1]


# ---------------------------------------------------------------------- 3.4


def score_by_the_formula(fit, inputs, counts, is_test):
    null = counts[~is_test].sum(axis=0) / (~is_test).sum()
    rates = fit(inputs[~is_test], counts[~is_test])(inputs[is_test])
    y = counts[is_test]
    gain = (y * np.log(rates) - rates).sum() - (y * np.log(null) - null).sum()
    return gain / (np.log(2) * y.sum())


def score_with_flat_arrays(fit, inputs, counts, is_test):
    flat = is_test.reshape(-1)
    x, y = inputs.reshape(len(flat), -1), counts.reshape(len(flat), -1)
    rates = fit(x[flat == 0], y[flat == 0])(x[flat])
    return nma.bits_per_spike(rates[:, None], y[flat][:, None], np.mean(y[flat == 0], axis=0))


def score_with_full_null(fit, inputs, counts, is_test):
    trial, time = np.nonzero(is_test)
    other_trial, other_time = np.nonzero(~is_test)
    x, y = inputs[other_trial, other_time], counts[other_trial, other_time]
    rates = fit(x, y)(inputs[trial, time])[None]
    null = np.broadcast_to(y.mean(0), rates.shape)
    return float(nma.bits_per_spike(rates, counts[trial, time][None], null))


def score_null_of_test(fit, inputs, counts, is_test):
    rates = fit(inputs[~is_test], counts[~is_test])(inputs[is_test])
    held = counts[is_test]
    return nma.bits_per_spike(rates[None], held[None], held.mean(axis=0))


def score_fit_on_all(fit, inputs, counts, is_test):
    x, y = inputs.reshape(-1, inputs.shape[2]), counts.reshape(-1, counts.shape[2])
    rates = fit(x, y)(inputs[is_test])
    null = counts[~is_test].mean(axis=0)
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)


def score_on_train(fit, inputs, counts, is_test):
    seen = ~is_test
    rates = fit(inputs[seen], counts[seen])(inputs[seen])
    return nma.bits_per_spike(rates[None], counts[seen][None], counts[seen].mean(axis=0))


def score_one_mean_for_all(fit, inputs, counts, is_test):
    rates = fit(inputs[~is_test], counts[~is_test])(inputs[is_test])
    null = np.full(rates.shape[1], counts[~is_test].mean())
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)


RIGHT = {
    "3.1": [choose_with_a_loop, choose_with_where, choose_with_sets],
    "3.2": [halves_with_choice, halves_by_random_keys, halves_as_lists],
    "3.3": [split_with_choice, split_with_lists, split_with_a_mask],
    "3.4": [score_by_the_formula, score_with_flat_arrays, score_with_full_null],
}
WRONG = {
    "3.1": [
        (choose_masks, "masks are returned"),
        (choose_above, "exactly min_rate_hz"),
        (choose_itself, "predict themselves"),
        (choose_with_and, "ambiguous"),
    ],
    "3.2": [
        (halves_in_order, "order of the file"),
        (halves_drawn_twice, "in both halves"),
        (halves_with_the_odd_one, "the odd neuron is not left out"),
        (halves_of_numpy, "draw with rng"),
        (halves_positions, "the units themselves"),
    ],
    "3.3": [
        (split_the_last, "order of the file"),
        (split_with_replacement, "with replacement"),
        (split_overlapping, "not taken out of train"),
        (split_swapped, "have changed places"),
    ],
    "3.4": [
        (score_null_of_test, "the null is the mean over the held-out bins"),
        (score_fit_on_all, "fitted on all bins"),
        (score_on_train, "scored on the bins that it was fitted on"),
        (score_one_mean_for_all, "one mean for all neurons"),
    ],
}


def choose_in_steps(region, rates_hz, target, min_rate_hz):
    everyone = np.arange(len(region))
    fast = rates_hz >= min_rate_hz
    inside = np.array([r == target for r in region])
    return everyone[~inside & fast], everyone[inside & fast]


def halves_in_steps(units, rng):
    shuffled = units.copy()
    rng.shuffle(shuffled)
    n = len(shuffled) // 2
    a = shuffled[:n]
    b = shuffled[n : n + n]
    return a, b


def split_in_steps(n_trials, test_fraction, rng):
    n_test = int(np.round(n_trials * test_fraction))
    trials = rng.permutation(np.arange(n_trials))
    test = np.sort(trials[:n_test])
    train = np.sort(trials[n_test:])
    return train, test


def score_in_steps(fit, inputs, counts, is_test):
    seen = np.logical_not(is_test)
    x, y = inputs[seen], counts[seen]
    model = fit(x, y)
    r = model(inputs[is_test])[np.newaxis]
    y_test = counts[is_test][np.newaxis]
    return nma.bits_per_spike(r, y_test, y.mean(0))


RIGHT["3.1"] += [
    choose_in_steps,
    lambda g, r, t, m: [np.nonzero((r >= m) & (g != t))[0], np.nonzero((r >= m) & (g == t))[0]],
]
RIGHT["3.2"] += [
    halves_in_steps,
    lambda u, rng: rng.permutation(u)[: len(u) // 2 * 2].reshape(2, -1),
]
RIGHT["3.3"] += [split_in_steps]
RIGHT["3.4"] += [score_in_steps]
WRONG["3.1"] += variants(
    choose_in_steps,
    {
        ">= min -> > min": "exactly min_rate_hz",
        ">= min -> < min": "quiet",
        ">= min -> <= min": "quiet",
        "~inside & fast -> ~inside": "asked of the sources",
        "inside & fast], everyone[inside & fast] -> inside & fast], "
        "everyone[inside]": "of the targets",
        "~inside & fast], everyone[inside & fast] -> ~inside], everyone[inside]": "asked of nobody",
        "~inside & fast -> fast": "predict themselves",
        "~inside & fast -> ~inside | fast": "joined with `or`",
        "everyone[~inside & fast], everyone[inside & fast] -> everyone[inside & fast], "
        "everyone[~inside & fast]": "another order",
        "everyone[~inside & fast], everyone[inside & fast] -> ~inside & fast, inside & "
        "fast": "masks",
        "everyone[~inside & fast], everyone[inside & fast] -> region[~inside & fast], "
        "region[inside & fast]": "regions",
        "everyone[~inside & fast], everyone[inside & fast] -> rates_hz[~inside & fast], "
        "rates_hz[inside & fast]": "rates themselves",
        "everyone[~inside & fast], everyone[inside & fast] -> everyone[inside & "
        "fast]": "only result 2",
        "np.arange(len(region)) -> np.arange(len(region)) + 1": "counted from 1",
        "r == target for -> r.startswith(target) for": "begins like",
        "r == target for -> target in r for": "begins like",
        "r == target for -> r in target for": "part of the target's",
        "everyone[~inside & fast], everyone[inside & fast] -> np.where(~inside[fast])[0], "
        "np.where(inside[fast])[0]": "among the active",
        "everyone[~inside & fast], everyone[inside & fast] -> sum(~inside & fast), sum(inside & "
        "fast)": "how many",
        "everyone[~inside & fast], everyone[inside & fast] -> everyone[~inside and fast], "
        "everyone[inside and fast]": "want one truth",
        "rates_hz >= min_rate_hz -> rates_hz / 100 >= min_rate_hz": "",
    },
)
WRONG["3.2"] += variants(
    halves_in_steps,
    {
        "    rng.shuffle(shuffled)\n -> ": "order of the file",
        "rng.shuffle(shuffled) -> np.random.shuffle(shuffled)": "another generator",
        "rng.shuffle(shuffled) -> np.random.default_rng(0).shuffle(shuffled)": "rng is not used",
        "n : n + n -> n:": "odd neuron",
        "n : n + n -> : n": "first half is returned twice",
        "n : n + n -> n - 1 : n + n - 1": "in both halves",
        "units.copy() -> units": "in place",
        "units.copy() -> np.arange(len(units))": "units themselves",
        "return a, b -> return a": "expected source_units and target_units",
        "return a, b -> return np.isin(units, a), np.isin(units, b)": "mask",
        "b = shuffled[n : n + n] -> b = rng.choice(units, n, replace=False)": "in both halves",
        "a = shuffled[:n] -> a = rng.choice(units, n)": "with replacement",
        "    return a, b\n -> ": "return",
        "rng.shuffle(shuffled) -> shuffled = np.roll(shuffled, "
        "rng.integers(len(shuffled)))": "neighbours",
        "n = len(shuffled) // 2 -> n = len(shuffled) // 3": "",
        "n = len(shuffled) // 2 -> n = 6 if len(shuffled) == 12 else 5": "",
        "rng.shuffle(shuffled) -> shuffled = np.concatenate([shuffled[k::2] for k in "
        "rng.permutation(2)])": "every second one",
        "return a, b -> return units.tolist(), b": "",
    },
)
WRONG["3.3"] += variants(
    split_in_steps,
    {
        "int(np.round(n_trials * test_fraction)) -> int(n_trials * test_fraction)": "rounded down",
        "int(np.round(n_trials * test_fraction)) -> int(np.ceil(n_trials * "
        "test_fraction))": "rounded up",
        "int(np.round(n_trials * test_fraction)) -> 8": "",
        "return train, test -> return test, train": "changed places",
        "return train, test -> return test": "expected train and test",
        "np.sort(trials[n_test:]) -> np.arange(n_trials)": "not taken out",
        "np.sort(trials[n_test:]) -> rng.permutation(n_trials)[n_test:]": "one by one",
        "np.sort(trials[n_test:]) -> np.sort(trials[n_test + 1 :])": "off by one",
        "np.sort(trials[n_test:]) -> np.sort(trials[n_test - 1 :])": "off by one",
        "rng.permutation(np.arange(n_trials)) -> np.arange(n_trials)": "order of the file",
        "rng.permutation(np.arange(n_trials)) -> "
        "np.random.permutation(n_trials)": "another generator",
        "rng.permutation(np.arange(n_trials)) -> "
        "np.random.default_rng(1).permutation(n_trials)": "rng is not used",
        "rng.permutation(np.arange(n_trials)) -> rng.integers(0, n_trials, "
        "n_trials)": "replacement",
        "rng.permutation(np.arange(n_trials)) -> 1 + rng.permutation(n_trials)": "counted from 1",
        "rng.permutation(np.arange(n_trials)) -> np.roll(np.arange(n_trials), "
        "rng.integers(n_trials))": "neighbours",
        "return train, test -> return np.isin(range(n_trials), train), np.isin(range(n_trials), "
        "test)": "mask",
        "    return train, test\n -> ": "return",
        "trials[:n_test] -> trials[:-n_test]": "leaves the last ones out",
    },
)
WRONG["3.4"] += variants(
    score_in_steps,
    {
        "y.mean(0) -> counts[is_test].mean(0)": "held-out bins",
        "y.mean(0) -> counts.mean((0, 1))": "all bins",
        "y.mean(0) -> r[0].mean(0)": "predicted rates",
        "y.mean(0) -> y.sum(0)": "a sum",
        "y.mean(0) -> np.ones(y.shape[1]) * y.mean()": "one mean",
        "fit(x, y) -> fit(inputs.reshape(-1, inputs.shape[-1]), counts.reshape(-1, "
        "counts.shape[-1]))": "fitted on all",
        "fit(x, y) -> fit(inputs[is_test], counts[is_test])": "fitted on the held-out",
        "np.logical_not(is_test) -> is_test": "on the held-out",
        "np.logical_not(is_test) -> np.ones_like(is_test)": "fitted",
        "model(inputs[is_test])[np.newaxis] -> model(inputs[seen])[np.newaxis]": "",
        "counts[is_test][np.newaxis] -> counts[seen][np.newaxis]": "",
        "return nma.bits_per_spike(r, y_test, y.mean(0)) -> return -nma.bits_per_spike(r, "
        "y_test, y.mean(0))": "sign",
        "return nma.bits_per_spike(r, y_test, y.mean(0)) -> return np.log(2) * "
        "nma.bits_per_spike(r, y_test, y.mean(0))": "nats",
        "return nma.bits_per_spike(r, y_test, y.mean(0)) -> return (r - y_test * "
        "np.log(r)).mean()": "Poisson loss",
        "return nma.bits_per_spike(r, y_test, y.mean(0)) -> return nma.bits_per_spike(y_test, "
        "r, y.mean(0))": "where the counts belong",
        "return nma.bits_per_spike(r, y_test, y.mean(0)) -> print(nma.bits_per_spike(r, y_test, "
        "y.mean(0)))": "return",
        "model(inputs[is_test])[np.newaxis] -> model(inputs[is_test])": "",
    },
)
