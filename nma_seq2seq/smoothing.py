"""Smoothing over time, the same wherever counts or rates are smoothed."""

from __future__ import annotations

from typing import Any

import numpy as np


def smooth(counts: np.ndarray, width: float, *, causal: bool = False) -> np.ndarray:
    """Gaussian smoothing over time of (trials, time, neurons), float32; `width` in bins.

    The Gaussian is cut off at four standard deviations. Near the ends of a trial the average is
    over the bins that are there. With `causal`, half a Gaussian weighs a bin and those before it
    alone, so that the average lags behind by about 0.8 widths.

    Raises
    ------
    ValueError
        If the width is negative or NaN, or the array is not (trials, time, neurons).

    Examples
    --------
    >>> counts = np.zeros((1, 9, 1))
    >>> counts[0, 4, 0] = 1
    >>> nma.smooth(counts, width=1.0)[0, 3:6, 0].round(2)
    array([0.24, 0.4 , 0.24], dtype=float32)
    >>> nma.smooth(counts, width=1.0, causal=True)[0, 3:6, 0].round(2)
    array([0.  , 0.57, 0.35], dtype=float32)
    """
    counts = np.asarray(counts)
    if not width >= 0:
        raise ValueError(f"width={width} must be 0 or more bins")
    if counts.ndim != 3:
        raise ValueError(f"counts of shape {counts.shape} must be (trials, time, neurons)")
    # As one matrix over time, which is several times as fast as filtering each neuron.
    kernel = smoothing_matrix(counts.shape[1], width, causal)
    smoothed = np.empty(counts.shape, np.float32)
    # A trial at a time, for a copy of all counts as floats would be as large as the result.
    for trial, out in zip(counts, smoothed, strict=True):
        np.matmul(kernel, trial.astype(np.float32, copy=False), out=out)
    return smoothed


def widths(smoothing: Any) -> tuple[float, ...]:
    """The widths of some Gaussians, in bins; a ValueError if one of them is no width."""
    try:
        found = tuple(smoothing)
        can_be = all(0 < width < np.inf for width in found)
    except TypeError:
        can_be = False
    if not can_be:
        raise ValueError(
            f"smoothing={smoothing!r} must be widths above 0, in bins, such as (2.0, 8.0)"
        )
    return tuple(map(float, found))


def smoothing_matrix(n_bins: int, width: float, causal: bool = False) -> np.ndarray:
    """The matrix (time, time) by which `smooth` multiplies a trial, float32."""
    lags = np.subtract.outer(np.arange(n_bins), np.arange(n_bins))
    weights = np.exp(-0.5 * (lags / max(width, 1e-9)) ** 2)
    weights[np.abs(lags) > int(4 * width + 0.5)] = 0
    if causal:
        weights[lags < 0] = 0
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
