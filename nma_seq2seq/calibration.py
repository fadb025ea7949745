"""What is put right in the average of networks, told by the trials that each of them held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nma_seq2seq import metrics
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.early_stopping import pieces
from nma_seq2seq.smoothing import smoothing_matrix

_PRIOR_STD = 0.3  # of a neuron's exponents around 1
_TAMER = 1.05  # an average of networks varies less than the networks that exponents are fitted to
_PRIOR_SPIKES = 40.0  # for the correction of a bin: so many spikes say that there is none
_CORRECTION_WIDTH = 4.0  # bins


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the networks' predictions for the trials that they held out say of their average.

    Attributes
    ----------
    mean : array, (n_targets,)
        Mean count per bin.
    exponents : array, (2, n_targets)
        Of rate / mean, the first of what changes within a trial, the second of the trial's own
        (geometric) mean: above 1 where predictions are too timid, below 1 where too bold.
    factor : array, (time, n_targets)
        Spikes that came over spikes that were predicted, bin by bin: what is always so at this
        time of a trial and no source tells.
    causal : bool
        Whether a trial's mean is that of its bins so far.
    """

    mean: np.ndarray
    exponents: np.ndarray
    factor: np.ndarray
    causal: bool = False

    def __call__(self, rates: np.ndarray) -> np.ndarray:
        """Rates (trials, time, n_targets) as they should have been.

        Where trials have another number of bins, each neuron's mean factor is taken.
        """
        same = rates.shape[1] == len(self.factor)
        factor = self.factor if same else self.factor.mean(axis=0)
        logs = np.log(rates / self.mean)
        raised = _raised(logs, _own_mean(logs, self.causal), self.exponents)
        return factor * self.mean * np.exp(raised)


def _own_mean(logs: np.ndarray, causal: bool) -> np.ndarray:
    """Mean of each trial of (trials, time, n_targets), or of its bins so far."""
    if not causal:
        return logs.mean(axis=1, keepdims=True)
    n_so_far = np.arange(1, logs.shape[1] + 1, dtype=np.float32)[:, None]
    return logs.cumsum(axis=1) / n_so_far


def _raised(logs: np.ndarray, own_mean: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    within, between = exponents
    return within * logs + (between - within) * own_mean


def calibrated(
    predicted: Iterable[np.ndarray],
    data: Dataset,
    parts: Sequence[np.ndarray],
    causal: bool = False,
) -> Calibration:
    """Exponents and factor from what each network has predicted for the part that it held out.

    The exponents are the most probable ones under a Gaussian prior around 1; each bin's factor
    counts spikes on both sides over some bins, with as many more on either as a prior.
    """
    mean = metrics.mean_rates(data.target[np.concatenate(parts)]).astype(np.float32)
    # Half precision is plenty, and all seen trials are here at once.
    logs_and_counts = [
        (logs, data.target[trials])
        for rates, part in zip(predicted, parts, strict=True)
        for logs, trials in zip(
            pieces(np.log(rates / mean).astype(np.float16)), pieces(part), strict=True
        )
    ]
    exponents = np.ones((2, data.n_targets), np.float32)
    for _ in range(4):  # Newton's method on a concave function; the last step is minute
        slope = -(exponents - 1) / _PRIOR_STD**2
        curvature = np.tile(np.eye(2) / _PRIOR_STD**2, (data.n_targets, 1, 1))
        expected = np.zeros((data.n_bins, data.n_targets), np.float32)
        for half, counts in logs_and_counts:
            logs = half.astype(np.float32)
            own_mean = _own_mean(logs, causal)
            rates = mean * np.exp(_raised(logs, own_mean, exponents))
            expected += rates.sum(axis=0)
            both = logs - own_mean, own_mean
            for a in range(2):
                slope[a] += ((counts - rates) * both[a]).sum(axis=(0, 1))
                for b in range(2):
                    curvature[:, a, b] += (rates * both[a] * both[b]).sum(axis=(0, 1))
        step = np.linalg.solve(curvature, slope.T[..., None])[..., 0].T
        exponents = (exponents + np.clip(step, -0.3, 0.3)).astype(np.float32)
    counted = sum(counts.sum(axis=0, dtype=np.float32) for _, counts in logs_and_counts)
    width = _CORRECTION_WIDTH * np.sqrt(4 * np.pi)  # bins that a Gaussian counts
    came, foreseen = (
        width * (smoothing_matrix(data.n_bins, _CORRECTION_WIDTH) @ spikes) + _PRIOR_SPIKES
        for spikes in (counted, expected)
    )
    tamer = _TAMER if len(parts) > 1 else 1.0
    return Calibration(mean, np.float32(tamer) * exponents, came / foreseen, causal)
