"""Exercises of 07_region_map."""

import numpy as np
import pandas as pd

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n07_region_map as answers
from nma_seq2seq.exercises.drawing import drawn_parts, many_draws
from nma_seq2seq.exercises.samples import Sample

exercise = with_texts(__file__)


def _pairs(rng):
    # A region whose name begins like another's, and lies between that one's neurons.
    region = np.array(["MOs"] * 11 + ["CA1"] * 8 + ["MOsx"] * 3 + ["MOs"] * 10 + ["LP"] * 30)
    return [(region, "LP", "MOs", 7), (region, "MOs", "MOs", 10)]


def _draw(answer, region, source, target, n):
    return drawn_parts(
        answer,
        (region, source, target, n),
        {
            "source_units": np.flatnonzero(region == source),
            "target_units": np.flatnonzero(region == target),
        },
        noun="neurons",
        elsewhere="that lie in another region",
        both="on both sides (which predict themselves)",
    )


def _conditions(rng):
    # Numbers with gaps, and conditions of a single trial.
    return [
        (np.repeat([4, 0, 1, 6], [4, 7, 1, 5])[rng.permutation(17)],),
        (np.repeat([0, 1, 4], [30, 22, 1]),),
    ]


def _shuffle(answer, condition):
    draws, again = many_draws(answer, (condition,), ["the order"])
    trials = np.arange(len(condition))
    others = np.bincount(condition)[condition] > 1
    orders = np.stack([np.resize(order, len(trials)) for (order,) in draws])
    replaced_by = condition[orders.clip(0, len(trials) - 1)]
    return {
        "trials in the order": Sample([len(order) for (order,) in draws]),
        "trials that are not in the order": Sample(
            [np.setdiff1d(trials, order).size for order in orders]
        ),
        "trials replaced by one of another condition": Sample(replaced_by != condition),
        "trials that keep their place": Sample((orders == trials)[:, others]),
        **again,
        "trials replaced by the same one whatever the rng": Sample(
            [(orders == orders[0]).all(axis=0)[others].sum()]
        ),
    }


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
    exercise("7.1", answers.matched_draw, cases=_pairs, run=_draw),
    exercise("7.2", answers.shuffle_within, cases=_conditions, run=_shuffle),
    exercise("7.3", answers.as_matrix, cases=_tables),
    exercise("7.4", answers.asymmetry, cases=_matrices),
)
