"""Right and wrong answers to the exercises of 01_data_exploration."""

import numpy as np
import torch

from tests.exercise_answers import variants


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
        (lambda c: np.nan_to_num(fano_by_einsum(c)), "has no Fano factor: NaN"),
    ],
}


def hz_in_two_steps(counts, bin_size):
    n_trials, n_bins, n_neurons = counts.shape
    total = counts.astype(int).sum(axis=0).sum(axis=0)
    duration = n_trials * n_bins * bin_size
    return total / duration


def bins_in_a_loop(seconds, start, bin_size, n_bins):
    out = np.zeros(len(seconds))
    for i, s in enumerate(seconds):
        k = (s - start) / bin_size
        if np.isnan(k) or k < 0 or k >= n_bins:
            out[i] = np.nan
        else:
            out[i] = int(k)
    return out


def curve_with_masks(contrast_left, contrast_right, response):
    diff = np.array(contrast_right) - np.array(contrast_left)
    xs = sorted(set(diff))
    ys = []
    for x in xs:
        here = response[diff == x]
        ys.append(np.sum(here == -1) / len(here))
    return np.array(xs), np.array(ys)


def fano_in_steps(counts):
    n = counts.astype(float).sum(1)
    m = n.mean(0)
    v = ((n - m) ** 2).sum(0) / (len(n) - 1)
    f = np.full(m.shape, np.nan)
    f[m > 0] = v[m > 0] / m[m > 0]
    return f


RIGHT["1.1"] += [
    hz_in_two_steps,
    lambda c, b: c.reshape(-1, c.shape[2]).mean(0) / b,
    lambda c, b: np.mean(np.mean(c, axis=1), axis=0) * (1 / b),
    lambda c, b: [c[:, :, n].mean() / b for n in range(c.shape[-1])],
    lambda c, b: (c / b).mean((0, 1)),
]
RIGHT["1.2"] += [
    curve_with_masks,
    lambda a, b, r: (np.unique(b - a), [np.mean(r[b - a == d] < 0) for d in np.unique(b - a)]),
]
RIGHT["1.3"] += [
    bins_in_a_loop,
    lambda s, t, b, n: np.where((s >= t) & (s < t + n * b), np.floor((s - t) / b), np.nan),
    lambda s, t, b, n: [
        float((x - t) // b) if not np.isnan(x) and 0 <= (x - t) // b <= n - 1 else None or np.nan
        for x in s
    ],
]
RIGHT["1.4"] += [fano_in_steps]
WRONG["1.1"] += [
    *variants(
        hz_in_two_steps,
        {
            "n_trials * n_bins * bin_size -> n_trials * bin_size": "over the bins",
            "n_trials * n_bins * bin_size -> n_bins * bin_size": "over the trials",
            "n_trials * n_bins * bin_size -> n_trials * n_bins / bin_size": "multiplied by",
            "n_trials * n_bins * bin_size -> n_trials * n_bins": "not yet divided",
            "n_trials * n_bins * bin_size -> bin_size": "over trials and bins",
            "n_trials * n_bins * bin_size -> n_trials * n_bins * n_neurons * bin_size": "axis 2",
            "n_trials * n_bins * bin_size -> n_trials * n_bins * 0.01": "written out",
            "counts.astype(int).sum(axis=0) -> sum(counts)": "uint8",
            "total / duration -> total // duration": "",
            "total / duration -> (total / duration).sum()": "summed over axis 0",
            "total / duration -> total / duration * 1000": "milliseconds",
            "return total -> return total.mean()": "neurons",
            "n_trials, n_bins, n_neurons -> n_trials, n_neurons, n_bins": "where axis 1 of",
            "total / duration -> print(total / duration)": "return",
        },
    ),
    (lambda c, b: c.mean(axis=2).mean(axis=0) / b, "the axes"),
    (lambda c, b: c[0].mean(axis=0) / b, "only the first along axis 0"),
    (lambda c, b: c.mean((0, 1)) / c.shape[1] / b, "divided by the length of axis 1"),
]
WRONG["1.2"] += variants(
    curve_with_masks,
    {
        "here == -1 -> here == 1": "LEFT",
        "here == -1 -> here == 0": "no-go trials are counted",
        "here == -1 -> here != 0": "any turn",
        "here == -1 -> here != 1": "no-go trials count as right",
        "np.array(contrast_right) - np.array(contrast_left) -> contrast_left - contrast_right": (
            "mirrored"
        ),
        "/ len(here) -> / len(response)": "all trials",
        "/ len(here) -> ": "number of trials",
        "/ len(here) -> / max(1, np.sum(here != 0))": "no-go",
        "/ len(here) -> / np.sum(response == -1)": "choices of right",
        "return np.array(xs), np.array(ys) -> return np.array(ys), np.array(xs)": "another order",
        "return np.array(xs), np.array(ys) -> return np.array(ys)": "only result 2",
        "return np.array(xs), np.array(ys) -> return np.array(xs)": "only the first",
        "np.array(xs), np.array(ys) -> np.array(xs), 100 * np.array(ys)": "percentage",
        "np.array(xs), np.array(ys) -> np.array(xs), 1 - np.array(ys)": "right is NOT chosen",
        "sorted(set(diff)) -> sorted(set(contrast_right))": "right contrast",
        "diff == x] -> contrast_right == x]": "by one contrast",
        "np.sum(here == -1) / len(here) -> np.mean(here)": "no fraction",
        "np.sum(here == -1) / len(here) -> np.mean(here * np.sign(x) < 0)": "correctly",
        "sorted(set(diff)) -> sorted(set(diff), reverse=True)": "largest difference down",
        "sorted(set(diff)) -> sorted(set(np.abs(diff)))": "absolute difference",
        "diff == x] -> diff <= x]": "beyond this one",
    },
)
WRONG["1.3"] += variants(
    bins_in_a_loop,
    {
        "int(k) -> k": "not rounded",
        "int(k) -> round(k)": "rounded to the nearest",
        "int(k) -> int(k) + 1": "one bin late",
        "int(k) -> np.ceil(k)": "one bin late",
        "k >= n_bins -> k > n_bins + 1": "n_bins - 1",
        "k < 0 -> int(k) < 0": "cut towards 0",
        "k >= n_bins -> int(k) > n_bins": "n_bins - 1",
        "np.isnan(k) or k < 0 or k >= n_bins -> np.isnan(k) or k < 0": "after the last",
        "np.isnan(k) or k < 0 or k >= n_bins -> np.isnan(k) or k >= n_bins": "before the first",
        "np.isnan(k) or k < 0 or k >= n_bins -> np.isnan(k) or k < 1 or k >= n_bins": "bin 0",
        "np.isnan(k) or k < 0 or k >= n_bins -> k < 0 or k >= n_bins": "NaN",
        "(s - start) / bin_size -> s / bin_size": "without the offset",
        "(s - start) / bin_size -> (s + start) / bin_size": "sign of the offset",
        "(s - start) / bin_size -> s - start / bin_size": "in brackets",
        "(s - start) / bin_size -> (s - start) * bin_size": "multiplied",
        "(s - start) / bin_size -> (s - start) * 100": "written out",
        "out[i] = np.nan -> out[i] = 0": "not a number",
        "out[i] = np.nan -> out[i] = -1": "not a number",
        "np.zeros(len(seconds)) -> np.zeros(len(seconds), int)": "NaN",
        "return out -> return out[~np.isnan(out)]": "left out",
        "    return out\n -> ": "return",
        "np.isnan(k) or k < 0 or -> np.isnan(k) or s < 0 or": "before the stimulus",
        "k >= n_bins -> s >= n_bins * bin_size": "after `start`",
        "out[i] = int(k) -> out[i] = start + int(k) * bin_size": "begins",
    },
)
WRONG["1.4"] += variants(
    fano_in_steps,
    {
        "(len(n) - 1) -> len(n)": "ddof=1",
        "astype(float).sum(1) -> astype(float).mean(1)": "averaged",
        "astype(float).sum(1) -> astype(float).sum(0)": "over the bins",
        "counts.astype(float).sum(1) -> counts.astype(float).reshape(-1, counts.shape[2])": "AND",
        "counts.astype(float).sum(1) -> np.add.reduce(counts, 1, counts.dtype)": "uint8",
        "f[m > 0] = v[m > 0] / m[m > 0] -> f[m > 0] = m[m > 0] / v[m > 0]": "upside down",
        "v[m > 0] / m[m > 0] -> v[m > 0] ** 0.5 / m[m > 0]": "standard deviation",
        "v[m > 0] / m[m > 0] -> v[m > 0] / m[m > 0] ** 2": "square",
        "v[m > 0] / m[m > 0] -> v[m > 0]": "variance alone",
        "np.full(m.shape, np.nan) -> np.zeros(m.shape)": "NaN",
        "np.full(m.shape, np.nan) -> np.ones(m.shape)": "NaN",
        "return f -> return f[m > 0]": "left out",
        "return f -> return np.nanmean(f)": "averaged over axis 0",
        "m = n.mean(0) -> m = np.median(n, 0)": "",
        "return f -> return v, m": "",
        "(n - m) ** 2 -> abs(n - m)": "absolute deviations",
    },
)
