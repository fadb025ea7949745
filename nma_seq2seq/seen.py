"""What a fit has learned from, and the refusal to score it on that."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nma_seq2seq.dataset import Dataset


@dataclass(frozen=True)
class Seen:
    """The recording, the neurons and the trials that a model has learned from.

    Every fit of the package carries one as `seen`, and scores refuse what it has seen. A model of
    your own declares it with `model.seen = nma.Seen.of(data)`.

    Attributes
    ----------
    session : str
        Its name, for messages.
    key : str
        `Session.key`, which tells recordings apart by content.
    bin_size : float
        Seconds.
    source_units, target_units : tuples of labels of `session.units`
    trained, chosen : tuples of labels of `session.trials`
        Trials that it was trained on, and trials that it was tuned or stopped on.

    Examples
    --------
    >>> seen = nma.fit_mean(data).seen
    >>> len(seen.trained) == len(data.train)
    True
    """

    session: str
    key: str
    bin_size: float
    source_units: tuple[Hashable, ...]
    target_units: tuple[Hashable, ...]
    trained: tuple[Hashable, ...]
    chosen: tuple[Hashable, ...]

    @classmethod
    def of(cls, data: Dataset, *, trained: np.ndarray | None = None) -> Seen:
        """What is seen by a fit that trains on training trials and chooses on validation trials.

        Parameters
        ----------
        data : Dataset
        trained : array of trial positions, optional
            Where it is trained on other trials than `data.train`.
        """
        units, trials = data.session.units.index, data.session.trials.index
        return cls(
            session=data.session.name,
            key=data.session.key,
            bin_size=data.bin_size,
            source_units=tuple(units[data.source_units].tolist()),
            target_units=tuple(units[data.target_units].tolist()),
            trained=tuple(trials[data.train if trained is None else trained].tolist()),
            chosen=tuple(trials[data.validation].tolist()),
        )


def check_unseen(model: Any, data: Dataset, part: str, name: str = "the model") -> None:
    """Refuse to score a model on other neurons than its own, or on trials that it has seen.

    Test trials must be wholly new to it. Validation trials may be those that it was tuned or
    stopped on, not those that it was trained on. Training trials are what they are called. A model
    that does not say what it has seen is taken at its word.

    Raises
    ------
    ValueError
        In a sentence with the mend.
    """
    seen = getattr(model, "seen", None)
    if seen is None:
        return
    if not isinstance(seen, Seen):
        raise TypeError(
            f"{name}.seen is a {type(seen).__name__}; declare it as nma.Seen.of(data), with the "
            "dataset that it was fitted on"
        )
    here = Seen.of(data)
    if seen.key != here.key:
        raise ValueError(
            f"{name} was fitted on another recording ({seen.session}) than it is scored on "
            f"({here.session}), whose neurons it does not know; fit it on this one"
        )
    if not np.isclose(seen.bin_size, here.bin_size):
        raise ValueError(
            f"{name} was fitted to bins of {seen.bin_size:g} s, and these are of "
            f"{here.bin_size:g} s; fit it on these"
        )
    fit_again = "score it on the dataset that it was fitted on, or fit it on this one"
    for side in ("source", "target"):
        before, now = getattr(seen, f"{side}_units"), getattr(here, f"{side}_units")
        if before != now:
            raise ValueError(
                f"{name} was fitted for {len(before)} {side} neurons, of which "
                f"{len(set(before) & set(now))} are among the {len(now)} here, and they must be "
                f"the same; {fit_again}"
            )
    if part == "train":
        return
    forbidden = set(seen.trained) | (set(seen.chosen) if part == "test" else set())
    evaluated = data.session.trials.index[data.trials(part)]
    leaked = [trial for trial in evaluated.tolist() if trial in forbidden]
    if leaked:
        apart = 'score it once on part="test", or choose by a fit that keeps them apart (nma.fit)'
        raise ValueError(
            f"{name} has seen {len(leaked)} of these {len(evaluated)} {part} trials (number "
            f"{leaked[0]}, for one) in {'fitting' if part == 'test' else 'training'}, so its score "
            f"would be too good; {apart if part == 'validation' else fit_again}"
        )
