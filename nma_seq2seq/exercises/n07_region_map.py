"""Exercises of 07_region_map."""

import numpy as np
import pandas as pd

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n07_region_map as answers
from nma_seq2seq.exercises.drawing import check_draws

exercise = with_texts(__file__)

_REGION = np.array(["MOs"] * 11 + ["CA1"] * 8 + ["MOsx"] * 3 + ["MOs"] * 10 + ["LP"] * 30)


def _check_draw(answer, reference):
    def lies_in(given, parts, k):
        return parts[k].max() < len(_REGION) and set(given[0][parts[k]]) == {given[1 + k]}

    return check_draws(
        answer,
        [
            (_REGION, "LP", "MOs", 7),
            (_REGION, "CA1", "LP", 8),
            (_REGION, "MOs", "MOs", 10),
            (_REGION, "LP", "MOs", 6),
        ],
        ("source_units", "target_units"),
        [
            (
                lambda given, parts: all(len(part) for part in parts),
                "on one side no neuron is drawn",
                "",
            ),
            (
                lambda given, parts: (
                    given[1] == given[2] or not (lies_in(given[:1] + given[2:0:-1], parts, 0))
                ),
                "the source neurons lie in the target region",
                "source_units and target_units have changed places",
            ),
            (
                lambda given, parts: (
                    max(part.max() for part in parts) >= len(_REGION)
                    or any(set(given[0][part]) != set(given[1:3]) for part in parts)
                    or given[1] == given[2]
                ),
                "both sides have neurons of both regions",
                "the regions are mixed; draw the sources from `source`, the targets from `target`",
            ),
            (
                lambda given, parts: (
                    not all(
                        part.max() < (given[0] == name).sum() and not lies_in(given, parts, k)
                        for k, (part, name) in enumerate(zip(parts, given[1:3], strict=True))
                    )
                ),
                "the neurons do not lie in their regions",
                "positions within the region, where positions among all neurons are asked for",
            ),
            (
                lambda given, parts: (
                    lies_in(given, parts, 1)
                    or not all(str(name).startswith(given[2]) for name in given[0][parts[1]])
                ),
                "some neurons lie in a region whose name begins like the target's",
                "names are compared by their beginning; compare with ==",
            ),
            (
                lambda given, parts: (
                    lies_in(given, parts, 0)
                    or not lies_in(given, parts, 1)
                    or parts[0].max() >= (given[0] == given[1]).sum()
                ),
                "the source neurons do not lie in the source region",
                "positions within the region, where positions among all neurons are asked for",
            ),
            (
                lambda given, parts: lies_in(given, parts, 0) or not lies_in(given, parts, 1),
                "some source neurons do not lie in the source region",
                "the sources are not drawn from `source` alone",
            ),
            (
                lambda given, parts: all(lies_in(given, parts, k) for k in (0, 1)),
                "some neurons do not lie in the region asked for",
                "",
            ),
            (
                lambda given, parts: all(len(np.unique(part)) == len(part) for part in parts),
                "a neuron is drawn twice",
                "drawn with replacement: rng.choice without replace=False",
            ),
            (
                lambda given, parts: all(len(part) != given[3] - 1 for part in parts),
                "one neuron fewer is drawn than n",
                "n - 1 are drawn; n are asked for",
            ),
            (
                lambda given, parts: all(len(part) != 2 * given[3] for part in parts),
                "twice as many neurons are drawn as n",
                "2 n are drawn; n are asked for on each side",
            ),
            (
                lambda given, parts: any(len(part) != given[3] // 2 for part in parts),
                "half as many neurons are drawn as n",
                "n // 2 are drawn; n are asked for on each side",
            ),
            (
                lambda given, parts: (
                    len(parts[1]) != given[3]
                    or len(parts[0]) == given[3]
                    or len(parts[0])
                    != (given[0] == given[1]).sum() - given[3] * (given[1] == given[2])
                ),
                "all source neurons that are left are taken",
                "n of them are asked for: draw",
            ),
            (
                lambda given, parts: (
                    len(parts[0]) != len(parts[1])
                    or len(parts[0]) == given[3]
                    or len(parts[0]) != min((given[0] == name).sum() for name in given[1:3])
                ),
                "as many are drawn as the smaller region has",
                "n is not used",
            ),
            (
                lambda given, parts: all(len(part) == given[3] for part in parts),
                "another number of neurons is drawn than n",
                "",
            ),
            (
                lambda given, parts: not np.array_equal(np.sort(parts[0]), np.sort(parts[1])),
                "with source and target the same, the same neurons are on both sides",
                "drawn once for both; draw the sources from what is left",
            ),
            (
                lambda given, parts: not len(np.intersect1d(parts[0], parts[1])),
                "with source and target the same, some neurons are on both sides",
                "both drawn from the whole region; draw the sources from what is left",
            ),
            (
                lambda given, parts: (
                    given[1] != given[2]
                    or min(parts[0]) < max(parts[1])
                    and min(parts[1]) < max(parts[0])
                ),
                "with source and target the same, one side comes before the other in the file",
                "taken in the order of the file, not drawn: shuffle before you cut it in two",
            ),
        ],
        among=lambda given, parts, k: np.flatnonzero(given[0] == given[1 + k]),
    )


def _check_shuffle(answer, reference):
    rng = np.random.default_rng(0)

    def alone(condition):
        return np.isin(condition, np.flatnonzero(np.bincount(condition) == 1))

    def stays(given, parts):
        return (parts[0] == np.arange(len(given[0]))) & ~alone(given[0])

    found = check_draws(
        answer,
        [
            (np.repeat([3, 0, 1, 5], [4, 7, 1, 5])[rng.permutation(17)],),
            (np.array([2, 2, 0, 1, 0, 1, 1, 2, 0, 0, 0, 1, 2, 1]),),
            (np.repeat([0, 1, 4], [30, 22, 1]),),
        ],
        ("the order",),
        [
            (
                lambda given, parts: len(parts[0]) == len(given[0]),
                "the order has another length than there are trials",
                "",
            ),
            (
                lambda given, parts: not np.array_equal(np.sort(parts[0]), np.sort(given[0])),
                "these are conditions, expected positions of trials",
                "the conditions are shuffled, where the order of the trials is asked for",
            ),
            (
                lambda given, parts: any(
                    len(np.unique(parts[0][given[0] == value])) < (given[0] == value).sum()
                    or parts[0][given[0] == value].max() >= (given[0] == value).sum()
                    for value in np.unique(given[0])
                ),
                "each condition gets the first trials, 0 and up",
                "positions within a condition, where those among all trials are asked for",
            ),
            (
                lambda given, parts: (
                    len(np.unique(parts[0])) == len(parts[0])
                    or parts[0].max() >= len(given[0])
                    or (np.bincount(parts[0]) > 1).mean() < 0.1  # in a draw it would be a quarter
                    or (given[0][parts[0]] != given[0]).all()
                ),
                "some trials appear twice and others not at all",
                "drawn with replacement; permute",
            ),
            (
                lambda given, parts: len(np.unique(parts[0])) == len(parts[0]),
                "some trials appear twice and others not at all",
                "",
            ),
            (
                lambda given, parts: np.array_equal(np.sort(parts[0]), np.arange(len(given[0]))),
                "some numbers are no trials; these are 0 to n_trials - 1",
                "",
            ),
            (
                lambda given, parts: (
                    not np.array_equal(given[0][parts[0]], np.sort(given[0]))
                    or np.array_equal(given[0], np.sort(given[0]))
                ),
                "the trials are sorted by condition; each place keeps its condition",
                "the shuffled groups are joined one after the other; order[alike] = ...",
            ),
            (
                lambda given, parts: np.array_equal(given[0][parts[0]], given[0]),
                _MIXED,
                "",
            ),
            (
                lambda given, parts: not stays(given, parts)[~alone(given[0])].all(),
                "no trial changes its place",
                "what is shuffled is not put into the order, or each where it was before",
            ),
            (
                lambda given, parts: not stays(given, parts).any(),
                _STAYS,
                "",
            ),
        ],
    )
    if found not in ((_MIXED, ""), (_STAYS, "")):
        return found
    # Of many draws, how often does a trial keep its condition, or its place?
    condition = np.repeat([0, 1, 4], 10)
    draws = [np.asarray(answer(condition.copy(), np.random.default_rng(k))) for k in range(200)]
    if found == (_MIXED, ""):
        same = np.mean([condition[order] == condition for order in draws])
        return _MIXED, "all trials are shuffled together" if abs(same - 1 / 3) < 0.04 else ""
    stay = np.array([order == np.arange(30) for order in draws])
    together = stay.reshape(200, 3, 10)
    whole = together.all(axis=(0, 2)), together.any(axis=(0, 2))
    for moved, cause in (
        ([True, False, False], "only the first condition is shuffled: `return` inside the loop?"),
        ([False, False, True], "only the last condition is shuffled: order made anew in the loop?"),
        (
            [True, True, False],
            "numbers of conditions may have gaps: loop over np.unique(condition)",
        ),
    ):
        if all(np.array_equal(~stayed, moved) for stayed in whole):
            return _STAYS, cause
    if together.any() and (together.all(axis=2) == together.any(axis=2)).all():
        return _STAYS, "shifted by a random number that may be 0; shuffle, then shift by 1"
    if abs(stay.mean() - 0.1) < 0.03 and np.abs(stay.mean(axis=0) - 0.1).max() < 0.1:
        return _STAYS, "a plain permutation leaves one of each condition where it is, on average"
    return found


_MIXED = "some trials change places with trials of another condition"
_STAYS = "some trials that have others of their condition keep their own place"


def _tables(rng):
    def case(names, n_resamples, value):
        rows = [
            {
                "source": a,
                "target": b,
                "resample": k,
                "bits_per_spike": rng.normal(0.05, 0.1),
                "beyond_stimulus": rng.normal(0.02, 0.1),
            }
            for k in range(n_resamples)
            for a in names
            for b in names
        ]
        return pd.DataFrame(rows).sample(frac=1, random_state=0, ignore_index=True), value

    return [
        case(["VISp", "MOs", "CA1"], 4, "bits_per_spike"),
        case(["LP", "CP", "ACA", "SCm"], 3, "beyond_stimulus"),
    ]


def _matrices(rng):
    return [(rng.normal(0.1, 0.05, (n, n)) + np.linspace(0, 0.1, n),) for n in (4, 6)]


EXERCISES = (
    exercise("7.1", answers.matched_draw, check=_check_draw),
    exercise("7.2", answers.shuffle_within, check=_check_shuffle),
    exercise("7.3", answers.as_matrix, cases=_tables),
    exercise("7.4", answers.asymmetry, cases=_matrices),
)
