"""Right and wrong answers to the exercises of 01_data_exploration."""

import numpy as np
import torch


def hz_by_loops(counts, bin_size):
    n_trials, n_bins, n_neurons = counts.shape
    rates = []
    for neuron in range(n_neurons):
        spikes = sum(int(counts[k, t, neuron]) for k in range(n_trials) for t in range(n_bins))
        rates.append(spikes / (n_trials * n_bins * bin_size))
    return rates


def hz_by_einsum(counts, bin_size):
    seconds = counts.shape[0] * counts.shape[1] * bin_size
    return np.einsum("ktn->n", counts.astype(float)) / seconds


def hz_in_float32(counts, bin_size):
    return torch.tensor(counts, dtype=torch.float32).mean(dim=(0, 1)) / bin_size


def bins_by_loops(seconds, start, bin_size, n_bins):
    found = []
    for t in seconds:
        found.append(float("nan"))
        for k in range(n_bins):
            if start + k * bin_size <= t < start + (k + 1) * bin_size:
                found[-1] = k
    return found


def bins_by_digitize(seconds, start, bin_size, n_bins):
    edges = start + np.arange(n_bins + 1) * bin_size
    bins = np.digitize(seconds, edges).astype(float) - 1
    bins[(bins < 0) | (bins >= n_bins) | np.isnan(seconds)] = np.nan
    return bins


def bins_by_division(seconds, start, bin_size, n_bins):
    bins = (seconds - start) // bin_size
    bins[bins < 0] = np.nan
    bins[bins >= n_bins] = np.nan
    return bins


def bins_without_offset(seconds, start, bin_size, n_bins):
    bins = seconds // bin_size
    return np.where((bins >= 0) & (bins < n_bins), bins, np.nan)


def bins_with_the_wrong_sign(seconds, start, bin_size, n_bins):
    bins = np.floor((seconds + start) / bin_size)
    return np.where((bins >= 0) & (bins < n_bins), bins, np.nan)


def bins_in_integers(seconds, start, bin_size, n_bins):
    return ((seconds - start) / bin_size).astype(int)


def bins_kept_outside(seconds, start, bin_size, n_bins):
    return np.floor((seconds - start) / bin_size)


def bins_rounded(seconds, start, bin_size, n_bins):
    inside = (seconds >= start) & (seconds < start + n_bins * bin_size)
    return np.where(inside, np.round((seconds - start) / bin_size), np.nan)


def curve_by_loops(contrast_left, contrast_right, response):
    right, total = {}, {}
    for a, b, answer in zip(contrast_left, contrast_right, response, strict=True):
        right[b - a] = right.get(b - a, 0) + (answer < 0)
        total[b - a] = total.get(b - a, 0) + 1
    levels = sorted(total)
    return levels, [right[level] / total[level] for level in levels]


def curve_by_pandas(contrast_left, contrast_right, response):
    import pandas as pd

    curve = pd.Series(response == -1).groupby(contrast_right - contrast_left).mean()
    return curve.index.to_numpy(), curve.to_numpy()


def curve_by_bincount(contrast_left, contrast_right, response):
    levels, which = np.unique(contrast_right - contrast_left, return_inverse=True)
    p = np.bincount(which, weights=response == -1) / np.bincount(which)
    return [levels.astype(np.float32), p.astype(np.float32)]


def curve_of(fraction, difference=lambda left, right: right - left):
    def curve(contrast_left, contrast_right, response):
        d = difference(contrast_left, contrast_right)
        levels = np.unique(d)
        return levels, np.array([fraction(response[d == level]) for level in levels])

    return curve


def fano_by_loops(counts):
    n_trials, _, n_neurons = counts.shape
    found = []
    for neuron in range(n_neurons):
        total = [float(counts[k, :, neuron].sum()) for k in range(n_trials)]
        mean = sum(total) / n_trials
        square = sum((x - mean) ** 2 for x in total) / (n_trials - 1)
        found.append(square / mean if mean else float("nan"))
    return found


def fano_by_einsum(counts):
    total = np.einsum("ktn->kn", counts.astype(np.float32))
    with np.errstate(invalid="ignore"):
        return np.var(total, axis=0, ddof=1) / np.mean(total, axis=0)


def fano_in_torch(counts):
    total = torch.tensor(counts).double().sum(dim=1)
    return total.var(dim=0) / total.mean(dim=0)


RIGHT = {
    "1.1": [hz_by_loops, hz_by_einsum, hz_in_float32],
    "1.2": [curve_by_loops, curve_by_pandas, curve_by_bincount],
    "1.3": [bins_by_loops, bins_by_digitize, bins_by_division],
    "1.4": [fano_by_loops, fano_by_einsum, fano_in_torch],
}

WRONG = {
    "1.1": [
        (lambda c, b: c.mean(axis=(0, 1)), "not yet divided"),
        (lambda c, b: c.mean(axis=(0, 1)) * b, "multiplied by the bin size"),
        (lambda c, b: c.mean(axis=(1, 2)) / b, "neurons axis 2 stay"),
        (lambda c, b: c.sum(axis=(0, 1)) / b / c.shape[0], "summed over the bins"),
        (lambda c, b: None, "return"),
    ],
    "1.2": [
        (curve_of(lambda r: (r == 1).mean()), "+1 left"),
        (curve_of(lambda r: (r == -1).sum() / max((r != 0).sum(), 1)), "no-go trials"),
        (curve_of(lambda r: (r == -1).mean(), lambda a, b: a - b), "mirrored"),
        (curve_of(lambda r: (r == -1).mean(), lambda a, b: b), "by the right contrast alone"),
        (curve_of(np.mean), "no fraction"),
    ],
    "1.3": [
        (bins_without_offset, "without the offset"),
        (bins_with_the_wrong_sign, "sign of the offset"),
        (bins_in_integers, "differs"),
        (bins_kept_outside, "must become NaN"),
        (bins_rounded, "rounded to the nearest"),
    ],
    "1.4": [
        (lambda c: c.var(axis=(0, 1)) / c.mean(axis=(0, 1)), "add up the bins"),
        (lambda c: c.sum(axis=1).var(axis=0) / c.sum(axis=1).mean(axis=0), "ddof=1"),
        (
            lambda c: c.sum(axis=1).std(axis=0, ddof=1) / c.sum(axis=1).mean(axis=0),
            "standard deviation",
        ),
        (lambda c: np.nan_to_num(fano_by_einsum(c)), "NaN, not 0"),
    ],
}
