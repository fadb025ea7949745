"""Who predicts whom: every region of a session as target, from every other as source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import joblib
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from nma_seq2seq import metrics
from nma_seq2seq.arguments import one_of, real, whole
from nma_seq2seq.baselines import fit_rrr
from nma_seq2seq.dataset import (
    Dataset,
    along,
    dataset_of_units,
    nearest_um,
    shuffle_within_condition,
    split_trials,
    where_um,
)
from nma_seq2seq.regions import group_of, in_order
from nma_seq2seq.session import Session
from nma_seq2seq.training import fit_seq2seq

# A map fits hundreds of small regressions: fewer candidates cost little and save most of the time.
MODELS = {
    "rrr": partial(
        fit_rrr,
        smoothings=((3,), (6,), (12,)),
        ridges=(1, 10),
        ranks=(1, 2, 3, 5, 8),
        floors=(0.1,),
    ),
    "seq2seq": fit_seq2seq,
}


def region_map(
    session: Session,
    regions: Sequence[str] | None = None,
    *,
    n_neurons: int = 20,
    n_resamples: int = 5,
    model: str = "rrr",
    window: tuple[float, float] | None = None,
    min_distance_um: float = 0.0,
    n_jobs: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Score every region as target from every region as source.

    Neurons are matched in number, since more neurons predict better whatever the region: each
    resample draws `n_neurons` of every region, and a split of the trials. A region's draw is the
    target of every source and the source of every other target, so that A -> B and B -> A differ in
    direction alone; within a region a second draw, without a neuron in common, predicts the first.
    Every score has its control, in which the sources' trials are shuffled within stimulus.

    Parameters
    ----------
    session : Session
    regions : list of str, optional
        Allen acronyms or names of groups. By default the regions with at least twice `n_neurons`
        neurons (but for root, which is no region).
    n_neurons, n_resamples : int
    model : "rrr" or "seq2seq"
        "rrr" is `fit_rrr` with fewer candidates.
    window : (start, stop), optional
        Seconds from stimulus onset; the whole trial by default.
    min_distance_um : float
        No source neuron is nearer to a target neuron than this, since spikes of one may be counted
        in the other; within a region the two draws then come from its two ends. A pair for which
        too few neurons are left has no score (NaN).
    n_jobs : int
        Processes; an active `joblib.parallel_config`, such as a dask cluster's, takes precedence.
    seed : int
    progress : bool

    Returns
    -------
    DataFrame, one row a source, target and resample
        `session`, `mouse`, `source`, `target`, `source_group`, `target_group`, `resample`,
        `n_neurons`, `bits_per_spike` (test trials, against the train mean), `shuffled` (the same
        with shuffled sources; NaN where the session has no contrasts) and `beyond_stimulus`, their
        difference.

    Raises
    ------
    ValueError
        If fewer than two regions have enough neurons, an argument is not one of those named, or
        distances are asked of a session without positions.

    Examples
    --------
    >>> part = session.select(regions=["MOs", "VISp"], window=(0, 0.4))
    >>> nma.region_map(part, n_neurons=10, n_resamples=1, progress=False)[
    ...     ["source", "target"]].drop_duplicates().shape
    (4, 2)
    """
    one_of("model", model, MODELS)
    n_neurons, n_resamples = whole("n_neurons", n_neurons, 1), whole("n_resamples", n_resamples, 1)
    seed, n_jobs = whole("seed", seed), whole("n_jobs", n_jobs, -(10**6))
    if n_jobs == 0:
        raise ValueError("n_jobs is 0; choose 1 or more processes, or -1 for all cores")
    min_distance_um = real("min_distance_um", min_distance_um, 0)
    if min_distance_um > 0:
        where_um(session)
    if window is not None:
        session = session.select(window=window)
    if regions is None:
        counts = session.units["region"].value_counts()
        enough = counts.index[counts >= 2 * n_neurons]
        regions = [region for region in in_order(enough) if region != "root"]
        if len(regions) < 2:
            raise ValueError(
                f"{len(regions)} regions of session {session.name} have {2 * n_neurons} neurons or "
                "more; a map needs two, so choose a smaller n_neurons"
            )
    regions = list(dict.fromkeys([regions] if isinstance(regions, str) else regions))
    if len(regions) < 2:
        raise ValueError(f"a map needs two regions or more; regions is {regions}")
    for region in regions:
        n_there = int(session.region_mask(region).sum())
        if n_there < 2 * n_neurons:
            raise ValueError(
                f"{region} has {n_there} neurons, too few to draw {n_neurons} twice; "
                "choose a smaller n_neurons or other regions"
            )
    # What the workers do not need would be sent to them a hundred times.
    session = replace(session, behavior={}, rates=None, latents=None)
    tasks = [
        (source, target, resample)
        for resample in range(n_resamples)
        for target in regions
        for source in regions
    ]
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator")
    done = parallel(
        joblib.delayed(_score)(session, *task, n_neurons, MODELS[model], min_distance_um, seed)
        for task in tasks
    )
    return pd.DataFrame(tqdm(done, total=len(tasks), desc=session.name, disable=not progress))


def by_mouse(
    table: pd.DataFrame,
    value: str = "beyond_stimulus",
    by: Sequence[str] = ("source", "target"),
) -> pd.DataFrame:
    """One number a mouse and pair: the mean over a session's rows, then over a mouse's sessions.

    Parameters
    ----------
    table, value, by
        As in `over_mice`.

    Returns
    -------
    DataFrame, one row a pair and mouse
        The columns of `by`, `mouse`, the value and `n_sessions`.

    Raises
    ------
    ValueError
        If the table lacks a column.
    """
    by = [by] if isinstance(by, str) else list(by)
    for column in (*by, "mouse", "session", value):
        if column not in table:
            raise ValueError(
                f"the table has no column {column!r}; it has {', '.join(map(str, table.columns))}"
            )
    known = table.dropna(subset=[value])
    in_session = known.groupby([*by, "mouse", "session"], as_index=False)[value].mean()
    grouped = in_session.groupby([*by, "mouse"])[value]
    return grouped.agg(["mean", "size"]).set_axis([value, "n_sessions"], axis=1).reset_index()


def over_mice(
    table: pd.DataFrame,
    value: str = "beyond_stimulus",
    by: Sequence[str] = ("source", "target"),
) -> pd.DataFrame:
    """Mean over mice of each pair of regions, with its 95 % interval (Student's t) over mice.

    Resamples, regions and sessions of one mouse share that mouse, so they are averaged before
    anything is counted.

    Parameters
    ----------
    table : DataFrame
        What `region_map` gives for several sessions, concatenated.
    value : str
        The column of scores; rows without one are left out.
    by : sequence of str
        What is kept apart: ("source_group", "target_group") brings regions together.

    Returns
    -------
    DataFrame, one row a pair, from the highest mean on
        The columns of `by`, `mean`, `low`, `high` (NaN for a single mouse), `n_mice` and
        `n_sessions`.

    Raises
    ------
    ValueError
        If the table lacks a column.

    Examples
    --------
    >>> part = session.select(regions=["MOs", "VISp"], window=(0, 0.4))
    >>> table = nma.region_map(part, n_neurons=10, n_resamples=1, progress=False)
    >>> nma.over_mice(table)["n_mice"].tolist()
    [1, 1, 1, 1]
    """
    from scipy.stats import t

    one_each = by_mouse(table, value, by)
    grouped = one_each.groupby([by] if isinstance(by, str) else list(by))
    summary = grouped[value].agg(["mean", "sem", "size"])
    n_mice = summary.pop("size")
    reach = summary.pop("sem") * t.ppf(0.975, (n_mice - 1).where(n_mice > 1))
    return (
        summary.assign(low=summary["mean"] - reach, high=summary["mean"] + reach, n_mice=n_mice)
        .join(grouped["n_sessions"].sum())
        .sort_values("mean", ascending=False)
        .reset_index()
    )


def _score(
    session: Session,
    source: str,
    target: str,
    resample: int,
    n_neurons: int,
    fit: Callable[[Dataset], Any],
    min_distance_um: float,
    seed: int,
) -> dict:
    """One row of the map."""
    source_units, target_units = _draw(
        session, source, target, n_neurons, (seed, resample), min_distance_um
    )
    score = shuffled = np.nan
    if len(source_units) == len(target_units) == n_neurons:
        parts_seed = int(np.random.default_rng((seed, resample)).integers(2**31))
        parts = split_trials(session.n_trials, seed=parts_seed)
        data = dataset_of_units(session, source_units, target_units, parts, source, target)
        score = _bits(fit, data)
        if "contrast_right" in session.trials or "contrast_left" in session.trials:
            shuffled = _bits(fit, shuffle_within_condition(data, seed=parts_seed))
    return {
        "session": session.name,
        "mouse": session.mouse,
        "source": source,
        "target": target,
        "source_group": group_of(source),
        "target_group": group_of(target),
        "resample": resample,
        "n_neurons": n_neurons,
        "bits_per_spike": score,
        "shuffled": shuffled,
        "beyond_stimulus": score - shuffled,
    }


def _bits(fit: Callable[[Dataset], Any], data: Dataset) -> float:
    counts = data.target[data.test]
    rates = fit(data).predict(data.source[data.test])
    null = metrics.null_rates(data, "train")
    return float(metrics.bits_per_spike(rates, counts, null)) if counts.sum() else np.nan


def _draw(
    session: Session,
    source: str,
    target: str,
    n: int,
    seed: tuple[int, int],
    min_distance_um: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Units of both sides; sources fewer than n where no more are far enough away."""
    sides = [np.flatnonzero(session.region_mask(region)) for region in (source, target)]
    if min_distance_um > 0:
        known = np.isfinite(where_um(session)).all(axis=1)
        sides = [units[known[units]] for units in sides]
        if source == target and len(sides[0]) > 1:
            # Neurons drawn anywhere in a region leave none that is far from all of them.
            order, size = along(session, sides[0]), max(n, len(sides[0]) // 3)
            sides = [order[:size], order[-size:]][:: 1 if seed[1] % 2 else -1]
    target_units = _drawn(sides[1], n, seed)
    left = np.setdiff1d(sides[0], target_units)
    if min_distance_um > 0:
        left = left[nearest_um(session, left, target_units) >= min_distance_um]
    return _drawn(left, n, seed), target_units


def _drawn(units: np.ndarray, n: int, seed: tuple[int, int]) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).choice(units, min(n, len(units)), replace=False))
