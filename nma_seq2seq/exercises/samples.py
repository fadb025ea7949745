"""What is counted in each of many draws, and whether two answers' counts differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# So many standard errors are more than chance. Of 6,000 right answers that used up rng in as many
# ways, the farthest off was at 4.8.
_ERRORS = 7


class Sample:
    """Numbers of many draws, which are like others' where chance explains the difference.

    Parameters
    ----------
    counted : array, (draws,) or (draws, numbers)
    labels : one a number
        With them, it is told how often one is counted, and else how many all are together.
    """

    def __init__(self, counted: Sequence[float] | np.ndarray, labels: Sequence[object] = ()):
        self.counted = np.asarray(counted, dtype=float).reshape(len(counted), -1)
        self.total = self.counted.sum(axis=1, keepdims=True)
        self.fixed = bool((self.total == self.total[0]).all())
        self.labels = labels

    def __str__(self) -> str:
        if self.labels:
            return ""
        return f"{self.total.mean():.3g}{'' if self.fixed else ' on average'}"

    def unlike(self, right: Sample, what: str) -> str | None:
        """What differs by more than chance, or None.

        What is the same in every draw, such as that none is drawn twice, has to be so in all.
        """
        if self.fixed == right.fixed and not (
            (self.fixed and self.total[0] != right.total[0])
            or _differ(self.counted, right.counted)
            or _differ(self.total, right.total)
            or _differ(self.total == 0, right.total == 0)  # whether they come together
        ):
            return None
        if not right.labels:
            return f"the number of {what} is {self}, expected {right}"
        name, (mine, expected) = next(iter(self.beside(right, what).items()))
        return f"{name} is {mine}, expected {expected}"

    def beside(self, right: Sample, what: str) -> dict[str, tuple[str, str]]:
        """What is counted -> how often here and there; first where they differ most."""
        if not right.labels:
            return {what: (str(self), str(right))}
        mine, expected = self.counted.mean(axis=0), right.counted.mean(axis=0)
        return {
            what.replace("each", str(right.labels[k])): (f"{mine[k]:.0%}", f"{expected[k]:.0%}")
            for k in np.argsort(-np.abs(mine - expected), kind="stable")
        }


def _differ(mine: np.ndarray, right: np.ndarray) -> bool:
    """Whether the means of some numbers do.

    Of n squared z-scores, the sum is distributed as chi-squared; the third root of its n-th part
    nearly as a Gaussian with mean 1 - 2 / 9n and variance 2 / 9n [1]_.

    References
    ----------
    .. [1] Wilson & Hilferty (1931), Proceedings of the National Academy of Sciences 17, 684.
    """
    variance = np.concatenate([mine, right]).var(axis=0) * (1 / len(mine) + 1 / len(right))
    off = mine.mean(axis=0) - right.mean(axis=0)
    z = off[variance > 0] / np.sqrt(variance[variance > 0])
    n = len(z)
    return n > 0 and np.cbrt((z**2).mean()) > 1 - 2 / (9 * n) + _ERRORS * np.sqrt(2 / (9 * n))
