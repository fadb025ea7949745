"""Answers to the exercises of 07_region_map."""

import numpy as np
import pandas as pd

# ---------------------------------------------------------------------- 7.1


def draw_by_permutation(region, source, target, n, rng):
    if source == target:
        drawn = rng.permutation(np.flatnonzero(region == source))
        return drawn[:n], drawn[n : 2 * n]
    return tuple(rng.permutation(np.flatnonzero(region == name))[:n] for name in (source, target))


def draw_with_lists(region, source, target, n, rng):
    candidates = [unit for unit, name in enumerate(region) if name == target]
    targets = [int(unit) for unit in rng.choice(candidates, n, replace=False)]
    left = [unit for unit, name in enumerate(region) if name == source and unit not in targets]
    rng.shuffle(left)
    return left[:n], targets


def draw_by_random_keys(region, source, target, n, rng):
    order = np.argsort(rng.random(len(region)))
    source_units = order[region[order] == source][:n]
    rest = order[(region[order] == target) & ~np.isin(order, source_units)]
    return np.sort(source_units), np.sort(rest[-n:])


def draw_without_care(region, source, target, n, rng):
    return tuple(
        rng.choice(np.flatnonzero(region == name), n, replace=False) for name in (source, target)
    )


def draw_with_replacement(region, source, target, n, rng):
    return tuple(rng.choice(np.flatnonzero(region == name), n) for name in (source, target))


def draw_the_first(region, source, target, n, rng):
    first = np.flatnonzero(region == target)[:n]
    return np.setdiff1d(np.flatnonzero(region == source), first)[:n], first


def draw_within_the_region(region, source, target, n, rng):
    return tuple(rng.choice((region == name).sum(), n, replace=False) for name in (source, target))


# ---------------------------------------------------------------------- 7.2


def shuffle_with_pandas(condition, rng):
    order = np.empty(len(condition), int)
    trials = pd.Series(rng.permutation(len(condition)))
    for _, alike in trials.groupby(condition[trials.to_numpy()]):
        order[alike.to_numpy()] = np.roll(alike.to_numpy(), -1)
    return order


def shuffle_until_none_stays(condition, rng):
    order = np.arange(len(condition))
    for value in set(condition.tolist()):
        alike = np.where(condition == value)[0]
        mixed = rng.permutation(alike)
        while len(alike) > 1 and (mixed == alike).any():
            mixed = rng.permutation(alike)
        order[alike] = mixed
    return order


def shuffle_as_a_list(condition, rng):
    order = list(range(len(condition)))
    for value in np.unique(condition):
        alike = [trial for trial, here in enumerate(condition) if here == value]
        rng.shuffle(alike)
        for trial, other in zip(alike, alike[1:] + alike[:1], strict=True):
            order[trial] = other
    return order


def shuffle_all(condition, rng):
    return rng.permutation(len(condition))


def shuffle_and_join(condition, rng):
    return np.concatenate(
        [rng.permutation(np.flatnonzero(condition == value)) for value in np.unique(condition)]
    )


def shuffle_plainly(condition, rng):
    order = np.arange(len(condition))
    for value in np.unique(condition):
        alike = np.flatnonzero(condition == value)
        order[alike] = rng.permutation(alike)
    return order


def shuffle_nothing(condition, rng):
    return np.arange(len(condition))


def shuffle_with_replacement(condition, rng):
    order = np.arange(len(condition))
    for value in np.unique(condition):
        alike = np.flatnonzero(condition == value)
        order[alike] = rng.choice(alike, len(alike))
    return order


# ---------------------------------------------------------------------- 7.3


def matrix_by_groupby(table, value):
    return table.groupby(["source", "target"])[value].mean().unstack()


def matrix_with_loops(table, value):
    names = list(dict.fromkeys(table["source"]))
    matrix = pd.DataFrame(index=names, columns=names, dtype=float)
    for source in names:
        for target in names:
            here = (table["source"] == source) & (table["target"] == target)
            matrix.loc[source, target] = table.loc[here, value].mean()
    return matrix.sort_index()


def matrix_by_crosstab(table, value):
    return pd.crosstab(table["source"], table["target"], values=table[value], aggfunc="mean")


def matrix_turned(table, value):
    return table.groupby(["target", "source"])[value].mean().unstack()


def matrix_summed(table, value):
    return table.groupby(["source", "target"])[value].sum().unstack()


def matrix_of_one_resample(table, value):
    return table[table["resample"] == 0].set_index(["source", "target"])[value].unstack()


# ---------------------------------------------------------------------- 7.4


def asymmetry_with_loops(matrix):
    n = len(matrix)
    difference = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            difference[i, j] = matrix[i, j] - matrix[j, i]
    of_region = [sum(row) / n for row in difference]
    explained = sum((a - b) ** 2 for a in of_region for b in of_region)
    return difference, of_region, explained / np.sum(difference**2)


def asymmetry_by_marginals(matrix):
    of_region = matrix.mean(axis=1) - matrix.mean(axis=0)
    difference = matrix - matrix.T
    residual = difference - np.subtract.outer(of_region, of_region)
    return difference, of_region, 1 - np.sum(residual**2) / np.sum(difference**2)


def asymmetry_with_einsum(matrix):
    difference = matrix - np.einsum("ij->ji", matrix)
    of_region = np.einsum("ij->i", difference) / len(matrix)
    explained = np.subtract.outer(of_region, of_region)
    total = np.einsum("ij,ij->", difference, difference)
    return difference, of_region, np.einsum("ij,ij->", explained, explained) / total


def asymmetry_backward(matrix):
    return asymmetry_by_marginals(matrix.T)


def asymmetry_not_explained(matrix):
    difference, of_region, share = asymmetry_by_marginals(matrix)
    return difference, of_region, 1 - share


def asymmetry_of_the_matrix(matrix):
    difference, of_region = matrix - matrix.T, matrix.mean(axis=1)
    explained = of_region[:, None] - of_region
    return difference, of_region, (explained**2).sum() / (difference**2).sum()


RIGHT = {
    "7.1": [draw_by_permutation, draw_with_lists, draw_by_random_keys],
    "7.2": [shuffle_with_pandas, shuffle_until_none_stays, shuffle_as_a_list],
    "7.3": [matrix_by_groupby, matrix_with_loops, matrix_by_crosstab],
    "7.4": [asymmetry_with_loops, asymmetry_by_marginals, asymmetry_with_einsum],
}
WRONG = {
    "7.1": [
        (draw_without_care, "on both sides"),
        (draw_with_replacement, "drawn twice"),
        (draw_the_first, "nothing is drawn"),
        (draw_within_the_region, "do not lie in"),
    ],
    "7.2": [
        (shuffle_all, "shuffled together"),
        (shuffle_and_join, "sorted by condition"),
        (shuffle_plainly, "a plain permutation"),
        (shuffle_nothing, "no trial changes its place"),
        (shuffle_with_replacement, "appear twice"),
    ],
    "7.3": [
        (matrix_turned, "sources are rows"),
        (matrix_summed, "summed over the resamples"),
        (matrix_of_one_resample, "one resample alone"),
    ],
    "7.4": [
        (asymmetry_backward, "backward minus forward"),
        (asymmetry_not_explained, "not explained"),
        (asymmetry_of_the_matrix, "the mean of the matrix"),
    ],
}
