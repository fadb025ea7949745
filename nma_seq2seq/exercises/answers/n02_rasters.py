"""The answers of solutions/02_rasters.py, from which the build makes this file."""

import numpy as np


def psth(counts, trials, bin_size):
    return counts[trials].mean(axis=0) / bin_size


def align(counts, event_bin, before, after):
    n_bins = counts.shape[1]
    kept = (event_bin - before >= 0) & (event_bin + after <= n_bins)  # False where NaN
    pieces = [
        counts[trial, int(event_bin[trial]) - before : int(event_bin[trial]) + after]
        for trial in np.flatnonzero(kept)
    ]
    return np.stack(pieces), kept


def region_similarity(counts, region, names):
    std = counts.std(axis=0)
    z = (counts - counts.mean(axis=0)) / np.where(std > 0, std, 1)
    activity = np.stack([z[:, region == name].mean(axis=1) for name in names], axis=1)
    return activity, np.corrcoef(activity.T)


def shuffled_maxima(activity, n_shuffles, seed):
    rng = np.random.default_rng(seed)
    n_regions = activity.shape[1]
    off_diagonal = ~np.eye(n_regions, dtype=bool)
    maxima = []
    for _ in range(n_shuffles):
        shuffled = np.stack([rng.permutation(activity[:, r]) for r in range(n_regions)], axis=1)
        r = np.corrcoef(shuffled.T)
        maxima.append(np.abs(r[off_diagonal]).max())
    return np.array(maxima)
