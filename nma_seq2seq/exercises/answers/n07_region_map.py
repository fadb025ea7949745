"""The answers of solutions/07_region_map.py, from which the build makes this file."""

import numpy as np


def matched_draw(region, source, target, n, rng):
    target_units = rng.choice(np.flatnonzero(region == target), n, replace=False)
    left = np.setdiff1d(np.flatnonzero(region == source), target_units)
    source_units = rng.choice(left, n, replace=False)
    return source_units, target_units


def shuffle_within(condition, rng):
    order = np.arange(len(condition))
    for value in np.unique(condition):
        alike = rng.permutation(np.flatnonzero(condition == value))
        order[alike] = np.roll(alike, 1)
    return order


def as_matrix(table, value):
    return table.pivot_table(index="source", columns="target", values=value, aggfunc="mean")


def asymmetry(matrix):
    difference = matrix - matrix.T
    of_region = difference.mean(axis=1)
    explained = of_region[:, None] - of_region[None, :]
    share = (explained**2).sum() / (difference**2).sum()
    return difference, of_region, share
