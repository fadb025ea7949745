"""Answers to the exercises of 07_region_map."""

import numpy as np
import pandas as pd

from tests.exercise_answers import variants

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
        (draw_the_first, "order of the file"),
        (draw_within_the_region, "positions within the region"),
    ],
    "7.2": [
        (shuffle_all, "shuffled together"),
        (shuffle_and_join, "joined one after"),
        (shuffle_plainly, "a plain permutation"),
        (shuffle_nothing, "each where it was before"),
        (shuffle_with_replacement, "with replacement"),
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


def draw_in_steps(region, source, target, n, rng):
    targets = np.where(region == target)[0]
    sources = np.where(region == source)[0]
    t = rng.choice(targets, size=n, replace=False)
    sources = sources[~np.isin(sources, t)]
    s = rng.choice(sources, size=n, replace=False)
    return s, t


def shuffle_in_steps(condition, rng):
    order = np.zeros(len(condition), dtype=int)
    for c in np.unique(condition):
        idx = np.where(condition == c)[0]
        mixed = rng.permutation(idx)
        order[mixed] = np.roll(mixed, 1)
    return order


def matrix_in_steps(table, value):
    means = table.groupby(["source", "target"], as_index=False)[value].mean()
    return means.pivot(index="source", columns="target", values=value)


def asymmetry_in_steps(matrix):
    d = matrix - matrix.T
    k = d.mean(1)
    e = np.subtract.outer(k, k)
    s = np.sum(e**2) / np.sum(d**2)
    return d, k, s


RIGHT["7.1"] += [draw_in_steps]
RIGHT["7.2"] += [shuffle_in_steps]
RIGHT["7.3"] += [
    matrix_in_steps,
    lambda t, v: matrix_in_steps(t, v).sample(frac=1, random_state=1),  # rows in any order
    lambda t, v: matrix_in_steps(t, v).iloc[:, ::-1],
]
RIGHT["7.4"] += [asymmetry_in_steps]
WRONG["7.1"] += variants(
    draw_in_steps,
    {
        "    sources = sources[~np.isin(sources, t)]\n -> ": "both drawn from the whole",
        "choice(targets, size=n, replace=False) -> choice(targets, size=n)": "replacement",
        "choice(sources, size=n, replace=False) -> choice(sources, size=n)": "replacement",
        "return s, t -> return t, s": "changed places",
        "return s, t -> return t": "expected source_units",
        "rng.choice(targets, size=n, replace=False) -> targets[:n]": "order of the file",
        "rng.choice(sources, size=n, replace=False) -> sources[:n]": "order of the file",
        "rng.choice(targets, size=n, replace=False) -> targets[len(targets) // 2 - n // 2 "
        ":][:n]": "order of the file",
        "rng.choice(targets, size=n, replace=False) -> targets[rng.integers(len(targets) - n + "
        "1) :][:n]": "neighbours",
        "rng.choice(targets, size=n, replace=False) -> np.random.choice(targets, n, "
        "False)": "another generator",
        "rng.choice(targets, size=n, replace=False) -> np.random.default_rng(0).choice(targets, "
        "n, False)": "rng is not used",
        "np.where(region == target)[0] -> np.char.find(region, target).nonzero()[0]": "",
        "return s, t -> return region[s], region[t]": "names",
        "return s, t -> return np.isin(range(len(region)), s), "
        "np.isin(range(len(region)), t)": "mask",
        "return s, t -> return s[:-1], t[:-1]": "n - 1 are drawn",
        "    return s, t\n -> ": "return",
        "    s = rng.choice(sources, size=n, replace=False)\n ->     s = rng.choice(len(sources), "
        "n, False)\n": "positions within",
    },
)
WRONG["7.2"] += variants(
    shuffle_in_steps,
    {
        "order[mixed] = np.roll(mixed, 1) -> order[idx] = mixed": "plain permutation",
        "order[mixed] = np.roll(mixed, 1) -> order[idx] = np.roll(mixed, 1)": "plain permutation",
        "order[mixed] = np.roll(mixed, 1) -> order[idx] = np.roll(idx, 1)": "rng is not used",
        "order[mixed] = np.roll(mixed, 1) -> order[mixed] = mixed": "each where it was before",
        "rng.permutation(idx) -> np.random.permutation(idx)": "another generator",
        "rng.permutation(idx) -> np.random.default_rng(0).permutation(idx)": "rng is not used",
        "return order -> return condition[order]": "conditions",
        "return order -> return rng.permutation(order)": "shuffled together",
        "return order -> return rng.permutation(len(condition))": "shuffled together",
        "return order -> return rng.permutation(condition)": "conditions are shuffled",
        "return order -> return order[:-1]": "",
        "return order -> return rng.choice(len(condition), len(condition))": "replacement",
        "return order -> return np.argsort(condition, kind='stable')": "joined one after",
        "return order -> return list(map(str, order))": "names",
        "return order -> return np.roll(np.arange(len(order)), 1)": "all trials are rolled",
        "    return order\n -> ": "return",
        "rng.permutation(idx) -> rng.choice(idx, len(idx))": "replacement",
        "return order -> return order + 1": "counted from 1",
    },
)
WRONG["7.3"] += variants(
    matrix_in_steps,
    {
        'index="source", columns="target" -> index="target", columns="source"': "changed places",
        "[value].mean() -> [value].sum()": "summed",
        "[value].mean() -> [value].median()": "median",
        "[value].mean() -> [value].max()": "largest",
        "[value].mean() -> [value].min()": "smallest",
        "[value].mean() -> [value].first()": "one resample",
        "[value].mean() -> [value].std()": "standard deviation",
        "[value].mean() -> [value].count()": "counted",
        (
            "[value].mean() -> ['bits_per_spike'].mean() ;; values=value -> values='bits_per_spike'"
        ): "always bits",
        "    return means.pivot(index= ->     return table[table['resample'] == "
        "0].pivot(index=": "one resample",
        "    return means.pivot(index= ->     return table.pivot(index=": "raises",
        'means.pivot(index="source", columns="target", values=value) -> means': "",
        'means.pivot(index="source", columns="target", values=value) -> '
        "means[value].to_numpy()": "in another shape",
        "values=value) -> values=value).to_numpy()": "array",
        "values=value) -> values=value).T": "changed places",
        "values=value) -> values=value).mean()": "averaged over axis 0",
        "values=value) -> values=value).iloc[1:]": "are left out",
        "    return ->     out =": "return",
    },
)
WRONG["7.4"] += variants(
    asymmetry_in_steps,
    {
        "d = matrix - matrix.T -> d = matrix.T - matrix": "backward minus forward",
        "d = matrix - matrix.T -> d = matrix + matrix.T": "sum of both",
        "d = matrix - matrix.T -> d = (matrix - matrix.T) / 2": "halved",
        "d = matrix - matrix.T -> d = np.abs(matrix - matrix.T)": "size of the difference",
        "d = matrix - matrix.T -> d = np.triu(matrix - matrix.T)": "one half",
        "d.mean(1) -> d.mean(0)": "wrong axis",
        "d.mean(1) -> d.sum(1)": "summed over the row",
        "d.mean(1) -> d.sum(1) / (len(d) - 1)": "n - 1",
        "d.mean(1) -> matrix.mean(1)": "mean of the matrix",
        "d.mean(1) -> np.median(d, 1)": "median",
        "np.sum(e**2) / np.sum(d**2) -> 1 - np.sum(e**2) / np.sum(d**2)": "not explained",
        "np.sum(e**2) / np.sum(d**2) -> np.sum((d - e) ** 2) / np.sum(d**2)": "not explained",
        "np.sum(e**2) / np.sum(d**2) -> np.sum(d**2) / np.sum(e**2)": "upside down",
        "np.sum(e**2) / np.sum(d**2) -> np.sum(np.abs(e)) / np.sum(np.abs(d))": "sizes are summed",
        "np.sum(e**2) / np.sum(d**2) -> np.sum(e**2) / np.sum(matrix**2)": "squares of the matrix",
        "np.sum(e**2) / np.sum(d**2) -> np.sum(k**2) / np.sum(d**2)": "nothing alone",
        "np.sum(e**2) / np.sum(d**2) -> np.corrcoef(e.ravel(), d.ravel())[0, 1]": "root",
        "np.sum(e**2) / np.sum(d**2) -> np.sum(e**2)": "not yet divided",
        "return d, k, s -> return d, s, k": "another order",
        "return d, k, s -> return d, k": "result 3 of the 3",
        "return d, k, s -> return d, k, 100 * s": "percentage",
        "return d, k, s -> return d, k[:, None], s": "keepdims",
    },
)
