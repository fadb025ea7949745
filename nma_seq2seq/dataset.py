"""Session -> source and target neurons, trials split into train / validation / test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nma_seq2seq.arguments import one_of, positions, real, whole
from nma_seq2seq.session import Session, mean_counts, taken

MIN_TRIALS = 10


@dataclass(frozen=True, eq=False)
class Dataset:
    """Source and target neurons of one session, and a split of its trials.

    Attributes
    ----------
    source : array, (trials, time, n_sources), unsigned integers
        Counts of the neurons that predict, all trials; at several lags, those at one lag after the
        other.
    target : array, (trials, time, n_targets), unsigned integers
        Counts of the neurons that are predicted, all trials.
    train, validation, test : arrays of int
        Trial positions; together every trial once. `data.target[data.test]` are the test counts.
    source_units, target_units : arrays of int
        Positions in `session.units` of each column of `source` and `target`.
    session : Session
        Where all this comes from, in the bins of the target.
    source_name, target_name : str
        What was asked for, in words.

    Examples
    --------
    >>> data.source.shape[2] == data.n_sources
    True
    >>> len(data.train) + len(data.validation) + len(data.test) == session.n_trials
    True
    """

    source: np.ndarray
    target: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    source_units: np.ndarray
    target_units: np.ndarray
    session: Session
    source_name: str
    target_name: str

    @property
    def n_sources(self) -> int:
        return self.source.shape[2]

    @property
    def n_targets(self) -> int:
        return self.target.shape[2]

    @property
    def n_bins(self) -> int:
        return self.target.shape[1]

    @property
    def bin_size(self) -> float:
        """Seconds."""
        return self.session.bin_size

    def trials(self, part: str) -> np.ndarray:
        """The trial positions of "train", "validation" or "test"."""
        one_of("part", part, ("train", "validation", "test"))
        return getattr(self, part)

    def __repr__(self) -> str:
        return (
            f"<Dataset {self.session.name} ({self.session.origin}): {self.n_sources} neurons of "
            f"{self.source_name} predict {self.n_targets} of {self.target_name}; trials: "
            f"{len(self.train)} train, {len(self.validation)} validation, {len(self.test)} test>"
        )


def split_trials(
    n_trials: int,
    *,
    test_fraction: float = 0.2,
    validation_fraction: float = 0.2,
    split: str = "random",
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of the train, validation and test trials, each sorted.

    Parameters
    ----------
    n_trials : int
    test_fraction : float
        Of all trials.
    validation_fraction : float
        Of the trials that are left.
    split : "random" or "blocked"
        "random" draws trials; "blocked" takes stretches that follow one another in time, from a
        random start on, so that slow drifts cannot help.
    seed : int

    Raises
    ------
    ValueError
        If there are fewer than ten trials, or a part would be empty.

    Examples
    --------
    >>> train, validation, test = nma.split_trials(100, seed=0)
    >>> len(train), len(validation), len(test)
    (64, 16, 20)
    """
    n_trials, seed = whole("n_trials", n_trials), whole("seed", seed)
    one_of("split", split, ("random", "blocked"))
    test_fraction = real("test_fraction", test_fraction)
    validation_fraction = real("validation_fraction", validation_fraction)
    if n_trials < MIN_TRIALS:
        raise ValueError(
            f"{n_trials} trials are too few to split into train, validation and test; "
            f"take a session or a selection with at least {MIN_TRIALS}"
        )
    n_test = round(n_trials * test_fraction)
    n_validation = round((n_trials - n_test) * validation_fraction)
    n_train = n_trials - n_test - n_validation
    if min(n_test, n_validation, n_train) < 1:
        raise ValueError(
            f"test_fraction={test_fraction} and validation_fraction={validation_fraction} leave "
            f"{n_train} train, {n_validation} validation and {n_test} test trials of {n_trials}; "
            "each part needs at least one"
        )
    rng = np.random.default_rng(seed)
    if split == "random":
        order = rng.permutation(n_trials)
    else:
        order = np.roll(np.arange(n_trials), -int(rng.integers(n_trials)))
    test, validation, train = np.split(order, [n_test, n_test + n_validation])
    return np.sort(train), np.sort(validation), np.sort(test)


def make_dataset(
    session: Session,
    source: str | Iterable[str] = "other",
    target: str | Iterable[str] = "MOs",
    *,
    window: tuple[float | None, float | None] | None = None,
    min_rate_hz: float = 0.0,
    min_distance_um: float = 0.0,
    other_probe: bool = False,
    lag: int | tuple[int, int] = 0,
    test_fraction: float = 0.2,
    validation_fraction: float = 0.2,
    split: str = "random",
    seed: int = 0,
) -> Dataset:
    """Choose who predicts whom, and split the trials before anything is fitted.

    Parameters
    ----------
    session : Session
    source : "other", "same", or regions
        "other": every neuron outside the target regions. "same": the target's own neurons, drawn
        into two halves, of which one predicts the other (an odd neuron is left out). Else Allen
        acronyms or names of groups.
    target : str or list of str
        Allen acronyms or names of groups.
    window : (start, stop), optional
        Seconds from alignment; the whole trial by default.
    min_rate_hz : float
        Least mean rate of a neuron on either side, measured on the training trials alone.
    min_distance_um : float
        Sources nearer than so many µm to any target neuron are left out, as is whatever has no
        position: a sorter may split one cell in two units, or mix neighbours' spikes, and such
        units predict each other with no biology. With "same", the halves are then not drawn but
        the two ends of the region, along the direction in which its neurons spread most.
    other_probe : bool
        Leave out sources on probes that hold a target neuron, by `session.units["probe"]`; with
        "same", the halves are then those of different probes.
    lag : int, or (first, last)
        By how many bins the sources lead the target (below zero: trail it). A pair gives the model
        the sources at every lag from first to last, side by side. Sources may come from outside the
        window; target bins for which the recording holds no source are left out.
    test_fraction, validation_fraction, split, seed
        As in `split_trials`; the seed draws the halves too.

    Raises
    ------
    ValueError
        If a region is not there, a neuron would predict itself, a side is left with no neuron, or
        there are too few trials to split.

    Examples
    --------
    >>> data = nma.make_dataset(session, source="other", target="MOs", window=(0, 0.4), seed=0)
    >>> data.n_sources, data.n_targets
    (453, 69)
    >>> halves = nma.make_dataset(session, source="same", target="MOs", seed=0)
    >>> halves.n_sources, halves.n_targets
    (34, 34)
    """
    source, target = (
        list(each) if isinstance(each, Iterable) and not isinstance(each, str) else each
        for each in (source, target)
    )
    recording, session = session, session.select(window=window)
    lags = _lags(lag)
    parts = split_trials(
        session.n_trials,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        split=split,
        seed=seed,
    )
    is_target = session.region_mask(target)
    target_name = source_name = _in_words(target)
    usable = np.ones(session.n_neurons, bool)
    if real("min_rate_hz", min_rate_hz, 0) > 0:
        usable &= mean_counts(session.spikes, parts[0]) / session.bin_size >= min_rate_hz
    min_distance_um = real("min_distance_um", min_distance_um, 0)
    if min_distance_um > 0:
        usable &= np.isfinite(where_um(session)).all(axis=1)

    if source == "same":
        candidates = np.flatnonzero(is_target & usable)
        if len(candidates) < 2:
            raise ValueError(
                f"{len(candidates)} neurons in {target_name} cannot be halved; choose a region "
                "with at least two, or a lower min_rate_hz"
            )
        source_units, target_units = _halves(
            session, candidates, seed, apart=min_distance_um > 0, other_probe=other_probe
        )
    else:
        is_source, source_name = _sources(session, source, is_target, target_name)
        source_units = np.flatnonzero(is_source & usable)
        target_units = np.flatnonzero(is_target & usable)
        for side, units in (("source", source_units), ("target", target_units)):
            if not len(units):
                raise ValueError(
                    f"no {side} neuron is left at {min_rate_hz:g} Hz or more"
                    + (" and with a position" if min_distance_um > 0 else "")
                    + "; choose a lower min_rate_hz or other regions"
                )
    if other_probe:
        source_units = _on_other_probes(session, source_units, target_units, target_name)
    if min_distance_um > 0:
        source_units = _far_enough(session, source_units, target_units, min_distance_um)

    first, last = _bins_with_sources(recording, session, lags)
    if last - first < session.n_bins:
        session = recording.select(window=(recording.time[first], recording.time[last - 1] + 5e-6))
    train, validation, test = parts
    return Dataset(
        source=_led(recording.spikes, source_units, first, last, lags),
        target=taken(session.spikes, np.arange(session.n_trials), slice(None), target_units),
        train=train,
        validation=validation,
        test=test,
        source_units=np.tile(source_units, len(lags)),
        target_units=target_units,
        session=session,
        source_name=source_name if lags == [0] else f"{source_name}, {_lag_in_words(lags)}",
        target_name=target_name,
    )


def _sources(
    session: Session, source: str | list[str], is_target: np.ndarray, target_name: str
) -> tuple[np.ndarray, str]:
    """Which neurons are sources, (neurons,) bool, and what they are called."""
    mend = 'use source="same" to predict one half of it from the other'
    if source == "other":
        if is_target.all():
            raise ValueError(
                f"every neuron of session {session.name} lies in {target_name}, so no other region "
                f"is left to predict from; {mend}"
            )
        return ~is_target, "other regions"
    is_source = session.region_mask(source)
    shared = session.units.loc[is_source & is_target, "region"]
    if len(shared):
        raise ValueError(
            f"{', '.join(sorted(set(shared)))} is both source and target, so its neurons would "
            f"predict themselves; {mend}"
        )
    return is_source, _in_words(source)


def _on_other_probes(
    session: Session, source_units: np.ndarray, target_units: np.ndarray, target_name: str
) -> np.ndarray:
    """The sources on probes without a target; a ValueError if there are none."""
    probe = _probes(session)
    kept = source_units[~np.isin(probe[source_units], probe[target_units])]
    if not len(kept):
        raise ValueError(
            f"every source neuron is on a probe that holds neurons of {target_name} too; choose "
            "other regions, or min_distance_um instead of other_probe"
        )
    return kept


def _far_enough(
    session: Session, source_units: np.ndarray, target_units: np.ndarray, min_distance_um: float
) -> np.ndarray:
    """The sources that are near no target; a ValueError if there are none."""
    nearest = nearest_um(session, source_units, target_units)
    if nearest.max() < min_distance_um:
        raise ValueError(
            f"every source neuron is within {min_distance_um:g} µm of a target neuron; the "
            f"farthest is at {nearest.max():.0f} µm, so choose a smaller min_distance_um"
        )
    return source_units[nearest >= min_distance_um]


def _bins_with_sources(recording: Session, session: Session, lags: list[int]) -> tuple[int, int]:
    """The first bin of the recording that is in the session and has sources at all lags; the end.

    Raises
    ------
    ValueError
        If there is none.
    """
    start = int(np.searchsorted(recording.time, session.time[0]))
    first = max(start, max(lags))
    last = min(start + session.n_bins, recording.n_bins + min(lags))
    if first >= last:
        raise ValueError(
            f"no bin of the recording has sources at lags of {min(lags)} to {max(lags)} bins; it "
            f"has {recording.n_bins} bins, so choose smaller lags"
        )
    return first, last


def _led(
    spikes: np.ndarray, units: np.ndarray, first: int, last: int, lags: list[int]
) -> np.ndarray:
    """What some units count in each bin and, at each lag, in those before; lags side by side."""
    led = [spikes[:, first - lag : last - lag] for lag in lags]
    source = np.empty((len(spikes), last - first, len(units) * len(lags)), spikes.dtype)
    for trial, out in enumerate(source):  # so that no lag is copied twice
        np.concatenate([np.take(at[trial], units, axis=1) for at in led], axis=1, out=out)
    return source


def dataset_of_units(
    session: Session,
    source_units: Any,
    target_units: Any,
    parts: tuple[Any, Any, Any],
    source_name: str = "chosen neurons",
    target_name: str = "chosen neurons",
) -> Dataset:
    """A Dataset of the given neurons and parts.

    Parameters
    ----------
    session : Session
    source_units, target_units : positions, masks or labels
        As in `Session.select`.
    parts : (train, validation, test)
        Trials, chosen in the same ways; `split_trials` gives them.
    source_name, target_name : str

    Raises
    ------
    ValueError
        If a neuron is on both sides, a trial in two parts, or one is not there.

    Examples
    --------
    >>> parts = nma.split_trials(session.n_trials, seed=0)
    >>> nma.dataset_of_units(session, np.arange(10), np.array([20, 30]), parts).n_targets
    2
    """
    source_units = positions(source_units, session.units.index, "neuron")
    target_units = positions(target_units, session.units.index, "neuron")
    both = np.intersect1d(source_units, target_units)
    if len(both):
        raise ValueError(f"neuron {both[0]} is both source and target and would predict itself")
    try:
        train, validation, test = parts
    except (TypeError, ValueError):
        raise ValueError(
            "parts are three sets of trials, (train, validation, test), as nma.split_trials gives"
        ) from None
    train, validation, test = (
        positions(part, session.trials.index, "trial") for part in (train, validation, test)
    )
    trials, times = np.unique(np.concatenate([train, validation, test]), return_counts=True)
    if times.max() > 1:
        raise ValueError(
            f"trial {trials[times.argmax()]} is there {times.max()} times; a trial belongs to one "
            "of train, validation and test, once"
        )
    every = np.arange(session.n_trials)
    return Dataset(
        source=taken(session.spikes, every, slice(None), source_units),
        target=taken(session.spikes, every, slice(None), target_units),
        train=train,
        validation=validation,
        test=test,
        source_units=source_units,
        target_units=target_units,
        session=session,
        source_name=source_name,
        target_name=target_name,
    )


def _lags(lag: int | tuple[int, int]) -> list[int]:
    pair = lag if isinstance(lag, tuple | list | np.ndarray) else (lag, lag)
    if len(pair) != 2:
        raise ValueError(
            f"lag is {lag!r}; give one whole number of bins, or the first and the last"
        )
    first, last = (whole("lag", each, least=-(10**6)) for each in pair)
    if first > last:
        raise ValueError(f"lag is {lag!r}; give the smaller one first, ({last}, {first})")
    return list(range(first, last + 1))


def _lag_in_words(lags: list[int]) -> str:
    def words(lag: int) -> str:
        return f"{abs(lag)} bin{'s' * (abs(lag) != 1)} {'earlier' if lag >= 0 else 'later'}"

    return words(lags[0]) if len(lags) == 1 else f"{words(lags[0])} to {words(lags[-1])}"


def where_um(session: Session) -> np.ndarray:
    """Positions (neurons, 3) in µm."""
    if not {"ap", "dv", "lr"} <= set(session.units):
        raise ValueError(
            f"session {session.name} has no positions (ap, dv, lr) of its neurons, which "
            "min_distance_um needs; leave it at 0"
        )
    return session.units[["ap", "dv", "lr"]].to_numpy(float)


def _probes(session: Session) -> np.ndarray:
    if "probe" not in session.units:
        raise ValueError(
            f"session {session.name} does not say on which probe its neurons are (no column "
            "'probe' of its units), which other_probe needs; min_distance_um needs positions alone"
        )
    return session.units["probe"].to_numpy()


def _halves(
    session: Session, candidates: np.ndarray, seed: int, *, apart: bool, other_probe: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of some neurons, drawn; or, to keep them apart, by probe or by place."""
    rng = np.random.default_rng((seed, 1))
    half = len(candidates) // 2
    if other_probe:
        probe = _probes(session)[candidates]
        names = np.unique(probe)
        if len(names) < 2:
            raise ValueError(
                "all these neurons are on one probe, so no half of them is on another; choose "
                "min_distance_um instead of other_probe"
            )
        first = np.isin(probe, rng.permutation(names)[: len(names) // 2])
        return candidates[first], candidates[~first]
    if apart:
        order = along(session, candidates)
        ends = np.sort(order[:half]), np.sort(order[len(order) - half :])
        return ends if rng.random() < 0.5 else ends[::-1]
    drawn = rng.permutation(candidates)
    return np.sort(drawn[:half]), np.sort(drawn[half : 2 * half])


def along(session: Session, units: np.ndarray) -> np.ndarray:
    """The same units, in order of their place on the line that runs through most of them."""
    where = where_um(session)[units]
    axis = np.linalg.svd(where - where.mean(axis=0), full_matrices=False)[2][0]
    return units[np.argsort(where @ axis, kind="stable")]


def nearest_um(session: Session, units: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance (n_units,) in µm from each unit to the nearest of some others."""
    where = where_um(session)
    apart = where[units, None] - where[others]  # (units, others, 3)
    return np.sqrt((apart**2).sum(axis=2)).min(axis=1, initial=np.inf)


def check_dataset(data: Any) -> None:
    """A sentence for who fits to a session."""
    if not isinstance(data, Dataset):
        raise TypeError(
            f"a {type(data).__name__} is no Dataset; make one with nma.make_dataset(session), "
            "which chooses who predicts whom and splits the trials"
        )


def shuffle_within_condition(data: Dataset, *, seed: int = 0) -> Dataset:
    """The dataset with the sources' trials shuffled among trials of the same stimulus.

    What still predicts the targets is locked to the stimulus, not shared within single trials.
    Trials change places within their part alone, so that no part learns of another, and no trial
    keeps its own place unless it is the only one of its stimulus there.

    Raises
    ------
    ValueError
        If the session has no contrasts to tell the conditions by.

    Examples
    --------
    >>> shuffled = nma.shuffle_within_condition(data, seed=0)
    >>> int(shuffled.source.sum()) == int(data.source.sum())
    True
    """
    columns = [c for c in ("contrast_left", "contrast_right") if c in data.session.trials]
    if not columns:
        raise ValueError(
            f"session {data.session.name} has no contrast_left or contrast_right, so its trials "
            "cannot be shuffled within condition"
        )
    seed = whole("seed", seed)
    condition = data.session.trials.groupby(columns).ngroup().to_numpy()
    rng = np.random.default_rng((seed, 2))
    order = np.arange(len(condition))
    for part in (data.train, data.validation, data.test):
        for value in np.unique(condition[part]):
            alike = rng.permutation(part[condition[part] == value])
            # Each trial takes the next one's place. A plain permutation would leave one trial of
            # every condition where it was: with few trials a condition, a third of a test part.
            order[alike] = np.roll(alike, 1)
    return replace(data, source=data.source[order])


def _in_words(names: str | list[str]) -> str:
    return names if isinstance(names, str) else ", ".join(names)
