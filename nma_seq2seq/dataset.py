"""Session -> source and target neurons, trials split into train / validation / test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from nma_seq2seq.session import Session, mean_counts, taken

MIN_TRIALS = 10


@dataclass(frozen=True, eq=False)
class Dataset:
    """Source and target neurons of one session, and a split of its trials.

    Attributes
    ----------
    source : array, (trials, time, n_sources), unsigned integers
        Counts of the neurons that predict, all trials.
    target : array, (trials, time, n_targets), unsigned integers
        Counts of the neurons that are predicted, all trials.
    train, validation, test : arrays of int
        Trial positions; together every trial once. `data.target[data.test]` are the test counts.
    source_units, target_units : arrays of int
        Positions of the neurons in `session.units`.
    session : Session
        Where all this comes from.
    source_name, target_name : str
        What was asked for, in words.
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
        if part not in ("train", "validation", "test"):
            raise ValueError(f"no part {part!r}; choose 'train', 'validation' or 'test'")
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
    """
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
    elif split == "blocked":
        order = np.roll(np.arange(n_trials), -int(rng.integers(n_trials)))
    else:
        raise ValueError(f"no split {split!r}; choose 'random' or 'blocked'")
    test, validation, train = np.split(order, [n_test, n_test + n_validation])
    return np.sort(train), np.sort(validation), np.sort(test)


def make_dataset(
    session: Session,
    source: str | Iterable[str] = "other",
    target: str | Iterable[str] = "MOs",
    *,
    window: tuple[float, float] | None = None,
    min_rate_hz: float = 0.0,
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
        Seconds from stimulus onset; the whole trial by default.
    min_rate_hz : float
        Least mean rate of a neuron on either side, measured on the training trials alone.
    test_fraction, validation_fraction, split, seed
        As in `split_trials`; the seed draws the halves too.

    Raises
    ------
    ValueError
        If a region is not there, a neuron would predict itself, a side is left with no neuron, or
        there are too few trials to split.
    """
    if window is not None:
        session = session.select(window=window)
    parts = split_trials(
        session.n_trials,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        split=split,
        seed=seed,
    )
    is_target = session.region_mask(target)
    target_name = _in_words(target)
    active = np.ones(session.n_neurons, bool)
    if min_rate_hz > 0:
        active = mean_counts(session.spikes, parts[0]) / session.bin_size >= min_rate_hz

    if isinstance(source, str) and source == "same":
        candidates = np.flatnonzero(is_target & active)
        if len(candidates) < 2:
            raise ValueError(
                f"{len(candidates)} neurons in {target_name} cannot be halved; choose a region "
                "with at least two, or a lower min_rate_hz"
            )
        half = len(candidates) // 2
        drawn = np.random.default_rng((seed, 1)).permutation(candidates)
        source_units, target_units = np.sort(drawn[:half]), np.sort(drawn[half : 2 * half])
        source_name = target_name
    else:
        if isinstance(source, str) and source == "other":
            is_source = ~is_target
            source_name = "other regions"
        else:
            is_source = session.region_mask(source)
            source_name = _in_words(source)
        shared = session.units.loc[is_source & is_target, "region"]
        if len(shared):
            raise ValueError(
                f"{', '.join(sorted(set(shared)))} is both source and target, so its neurons would "
                'predict themselves; use source="same" to predict one half of it from the other'
            )
        source_units = np.flatnonzero(is_source & active)
        target_units = np.flatnonzero(is_target & active)
        for side, units in (("source", source_units), ("target", target_units)):
            if not len(units):
                raise ValueError(
                    f"no {side} neuron is left at {min_rate_hz:g} Hz or more; choose a lower "
                    "min_rate_hz or other regions"
                )

    return dataset_of_units(session, source_units, target_units, parts, source_name, target_name)


def dataset_of_units(
    session: Session,
    source_units: np.ndarray,
    target_units: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    source_name: str = "chosen neurons",
    target_name: str = "chosen neurons",
) -> Dataset:
    """A Dataset of the given neurons (positions) and parts (as `split_trials` gives them)."""
    every = np.arange(session.n_trials)
    return Dataset(
        source=taken(session.spikes, every, slice(None), source_units),
        target=taken(session.spikes, every, slice(None), target_units),
        train=parts[0],
        validation=parts[1],
        test=parts[2],
        source_units=source_units,
        target_units=target_units,
        session=session,
        source_name=source_name,
        target_name=target_name,
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
    """
    columns = [c for c in ("contrast_left", "contrast_right") if c in data.session.trials]
    if not columns:
        raise ValueError(
            f"session {data.session.name} has no contrast_left or contrast_right, so its trials "
            "cannot be shuffled within condition"
        )
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


def _in_words(names: str | Iterable[str]) -> str:
    return names if isinstance(names, str) else ", ".join(names)
