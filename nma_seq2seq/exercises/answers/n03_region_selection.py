"""The answers of solutions/03_region_selection.py, from which the build makes this file."""

import numpy as np

import nma_seq2seq as nma


def choose_neurons(region, rates_hz, target, min_rate_hz):
    active = rates_hz >= min_rate_hz
    source_units = np.flatnonzero((region != target) & active)
    target_units = np.flatnonzero((region == target) & active)
    return source_units, target_units


def halves(units, rng):
    half = len(units) // 2
    drawn = rng.permutation(units)
    return np.sort(drawn[:half]), np.sort(drawn[half : 2 * half])


def split_trials(n_trials, test_fraction, rng):
    order = rng.permutation(n_trials)
    n_test = round(n_trials * test_fraction)
    return np.sort(order[n_test:]), np.sort(order[:n_test])


def held_out_score(fit, inputs, counts, is_test):
    train = ~is_test
    predict = fit(inputs[train], counts[train])
    rates = predict(inputs[is_test])
    null = counts[train].mean(axis=0)
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)
