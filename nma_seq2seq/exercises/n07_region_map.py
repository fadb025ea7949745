"""Exercises of 07_region_map."""

import numpy as np
import pandas as pd

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n07_region_map as answers


def _check_draw(answer, reference):
    region = np.array(["MOs"] * 11 + ["CA1"] * 8 + ["MOs"] * 10 + ["LP"] * 30)
    for source, target, n in (("LP", "MOs", 7), ("CA1", "LP", 8), ("MOs", "MOs", 10)):
        parts = answer(region, source, target, n, np.random.default_rng(n))
        if not (isinstance(parts, tuple | list) and len(parts) == 2):
            return "this returns one thing, expected two arrays: return source_units, target_units"
        parts = [np.asarray(part) for part in parts]
        for side, name, units in zip(("source", "target"), (source, target), parts, strict=True):
            if units.dtype.kind not in "iu":
                return f"the {side} units are of type {units.dtype}, expected positions (integers)"
            if len(units) != n:
                return f"{len(units)} {side} neurons of {name} are drawn, expected {n}"
            if len(np.unique(units)) < n:
                return (f"a {side} neuron is drawn twice", "rng.choice without replace=False")
            if units.max() >= len(region) or set(region[units]) != {name}:
                return (
                    f"some {side} neurons do not lie in {name}",
                    "positions among the "
                    "region's neurons, where positions among all neurons are asked for, or source "
                    "and target swapped",
                )
        if len(np.intersect1d(*parts)):
            return (
                f"with source and target both {source}, {len(np.intersect1d(*parts))} neurons are "
                "on both sides, so they predict themselves; draw the sources from what is left"
            )
    draws = [
        [np.sort(np.asarray(part)) for part in answer(region, "LP", "MOs", 6, rng)]
        for rng in (np.random.default_rng(seed) for seed in (1, 1, 2, 3))
    ]
    for side, place in (("source", 0), ("target", 1)):
        first, again, *others = (draw[place] for draw in draws)
        if not np.array_equal(first, again):
            return "the same generator gives other neurons each time; draw with rng, not np.random"
        if all(np.array_equal(first, other) for other in others):
            return f"every generator gives the same {side} neurons, so nothing is drawn"
    return None


def _check_shuffle(answer, reference):
    conditions = (
        np.repeat([3, 0, 5, 1], [4, 7, 1, 5])[np.random.default_rng(0).permutation(17)],
        np.array([2, 2, 0, 1, 0, 1, 1, 2, 0, 0, 0, 1, 2, 1]),
    )
    stayed = 0
    for condition in conditions:
        before = condition.copy()
        order = answer(condition, np.random.default_rng(4))
        if order is None:
            return "this returns None", "the return is missing"
        order = np.asarray(order)
        if not np.array_equal(condition, before):
            return "condition is changed in place; work on a copy"
        if order.shape != condition.shape:
            return f"the order has shape {order.shape}, expected {condition.shape}"
        if order.dtype.kind not in "iu":
            return f"the order is of type {order.dtype}, expected trial positions (integers)"
        if not np.array_equal(np.sort(order), np.arange(len(condition))):
            if np.array_equal(np.sort(order), np.sort(condition)):
                return "these are conditions, expected trial positions"
            return "some trials appear twice and others not at all; shuffle without replacement"
        if not np.array_equal(condition[order], condition):
            if np.array_equal(condition[order], np.sort(condition)):
                return (
                    "the trials are sorted by condition, where each must stay at a place of "
                    "its own condition",
                    "the shuffled groups are joined one after the other",
                )
            return (
                "some trials change places with trials of another condition",
                "all "
                "trials are shuffled together, which destroys what is locked to the stimulus too",
            )
        sizes = np.bincount(condition)[condition]
        stayed += int(((order == np.arange(len(order))) & (sizes > 1)).sum())
    if stayed == sum(int((np.bincount(c)[c] > 1).sum()) for c in conditions):
        return "no trial changes its place"
    if stayed:
        return (
            f"{stayed} trials that have others of their condition keep their own place, and so "
            "their own targets",
            "a plain permutation, which leaves one trial of each "
            "condition where it is, on average. After permuting, let each take the next one's "
            "place (np.roll)",
        )
    big = np.repeat([0, 1], 30)
    first, again, other = (
        np.asarray(answer(big, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    if not np.array_equal(first, again):
        return "the same generator gives another order each time; draw with rng, not np.random"
    if np.array_equal(first, other):
        return (
            "every generator gives the same order, in which each trial gets its neighbour's; "
            "permute at random first"
        )
    return None


def _tables(rng):
    def case(names, n_resamples, value):
        rows = [
            {"source": a, "target": b, "resample": k, "bits_per_spike": rng.normal(0.1, 0.05),
             "beyond_stimulus": rng.normal(0.05, 0.05)}
            for k in range(n_resamples) for a in names for b in names
        ]  # fmt: skip
        return pd.DataFrame(rows), value

    return [
        case(["VISp", "MOs", "CA1"], 2, "bits_per_spike"),
        case(["LP", "CP", "ACA", "SCm"], 3, "beyond_stimulus"),
    ]


def _matrices(rng):
    return [(rng.normal(0.1, 0.05, (n, n)) + np.linspace(0, 0.1, n),) for n in (4, 6)]


def _residual_share(matrix):
    difference, of_region, share = answers.asymmetry(matrix)
    return difference, of_region, 1 - share


EXERCISES = (
    Exercise(
        number="7.1",
        title="matched subsampling",
        minutes=10,
        difficulty=2,
        reference=answers.matched_draw,
        check=_check_draw,
        hints=(
            "Where are the region's neurons among all neurons? How do you draw n of them, none "
            "twice? What is left for the sources when source and target are the same region?",
            "rng.choice(np.flatnonzero(region == target), n, replace=False) draws the targets; "
            "np.setdiff1d(np.flatnonzero(region == source), target_units) is what is left.",
        ),
    ),
    Exercise(
        number="7.2",
        title="the shuffle control",
        minutes=15,
        difficulty=2,
        reference=answers.shuffle_within,
        check=_check_shuffle,
        hints=(
            "Take one condition at a time: which trials have it? They may change places among "
            "themselves, and none may stay where it is.",
            "order = np.arange(len(condition)); for each value of np.unique(condition): alike = "
            "rng.permutation(np.flatnonzero(condition == value)), then order[alike] = "
            "np.roll(alike, 1): each gets the one before it.",
        ),
    ),
    Exercise(
        number="7.3",
        title="from rows to a matrix",
        minutes=5,
        difficulty=1,
        reference=answers.as_matrix,
        cases=_tables,
        mistakes=[
            (
                "sources and targets have changed places: sources are rows",
                lambda t, v: t.pivot_table(index="target", columns="source", values=v),
            ),
            (
                "summed over the resamples, where the mean is asked for",
                lambda t, v: t.pivot_table(
                    index="source", columns="target", values=v, aggfunc="sum"
                ),
            ),
            (
                "one resample alone",
                lambda t, v: t[t["resample"] == 0].pivot(
                    index="source", columns="target", values=v
                ),
            ),
            (
                "always bits_per_spike, whatever value asks for",
                lambda t, v: t.pivot_table(
                    index="source", columns="target", values="bits_per_spike"
                ),
            ),
        ],
        hints=(
            "pandas turns a long table into a matrix: which column names the rows, which the "
            "columns, and which holds the numbers?",
            "table.pivot_table(index=..., columns=..., values=value) takes the mean of all rows "
            "with the same source and target.",
        ),
    ),
    Exercise(
        number="7.4",
        title="reading asymmetry",
        minutes=15,
        difficulty=3,
        reference=answers.asymmetry,
        cases=_matrices,
        mistakes=[
            (
                "the share that is not explained, 1 - share",
                _residual_share,
            ),
            (
                "the mean of the matrix, where the mean of the differences is asked for",
                lambda m: (
                    m - m.T,
                    m.mean(axis=1),
                    ((m.mean(axis=1)[:, None] - m.mean(axis=1)) ** 2).sum()
                    / ((m - m.T) ** 2).sum(),
                ),
            ),
            (
                "backward minus forward: entry (i, j) is matrix[i, j] - matrix[j, i]",
                lambda m: (m.T - m, *answers.asymmetry(m.T)[1:]),
            ),
            (
                "the mean over the wrong axis: of_region[i] is how much better i predicts than it "
                "is predicted",
                lambda m: (m - m.T, (m - m.T).mean(axis=0), answers.asymmetry(m)[2]),
            ),
            (
                "halved, where the plain difference is asked for",
                lambda m: ((m - m.T) / 2, answers.asymmetry(m)[1] / 2, answers.asymmetry(m)[2]),
            ),
        ],
        hints=(
            "The transpose of the matrix holds the score of the other direction. If every region "
            "had one number, what would the difference of two regions be?",
            "difference = matrix - matrix.T; of_region = difference.mean(axis=1); "
            "of_region[:, None] - of_region[None, :] is what these numbers predict; the share is "
            "its sum of squares over that of the difference.",
        ),
    ),
)
