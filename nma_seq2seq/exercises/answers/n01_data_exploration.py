"""The answers of solutions/01_data_exploration.py, from which the build makes this file."""

import numpy as np


def counts_to_hz(counts, bin_size):
    return counts.mean(axis=(0, 1)) / bin_size


def psychometric(contrast_left, contrast_right, response):
    difference = contrast_right - contrast_left
    levels = np.unique(difference)
    p_right = np.array([(response[difference == level] == -1).mean() for level in levels])
    return levels, p_right


def event_bins(seconds, start, bin_size, n_bins):
    bins = np.floor((seconds - start) / bin_size)
    inside = (bins >= 0) & (bins < n_bins)
    return np.where(inside, bins, np.nan)


def fano_factor(counts):
    total = counts.sum(axis=1)  # (trials, neurons)
    mean, variance = total.mean(axis=0), total.var(axis=0, ddof=1)
    fires = mean > 0
    return np.where(fires, variance / np.where(fires, mean, 1), np.nan)
