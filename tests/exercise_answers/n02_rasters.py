"""Right and wrong answers to the exercises of 02_rasters."""

import numpy as np
import torch


def psth_by_loops(counts, trials, bin_size):
    total, n = np.zeros(counts.shape[1:]), 0
    for trial, picked in zip(counts, trials, strict=True):
        if picked:
            total, n = total + trial, n + 1
    return total / n / bin_size


def psth_by_einsum(counts, trials, bin_size):
    return np.einsum("k,ktn->tn", trials / trials.sum(), counts) / bin_size


def psth_in_float32(counts, trials, bin_size):
    picked = torch.tensor(counts, dtype=torch.float32)[torch.tensor(trials)]
    return picked.mean(dim=0) / bin_size


def align_by_loops(counts, event_bin, before, after):
    kept, pieces = [], []
    for trial, at in enumerate(event_bin):
        inside = not np.isnan(at) and at - before >= 0 and at + after <= counts.shape[1]
        kept.append(bool(inside))
        if inside:
            pieces.append([counts[trial, int(at) + k].tolist() for k in range(-before, after)])
    return pieces, kept


def align_by_indexing(counts, event_bin, before, after):
    kept = (event_bin >= before) & (event_bin <= counts.shape[1] - after)
    bins = event_bin[kept, None].astype(int) + np.arange(-before, after)
    return counts[np.flatnonzero(kept)[:, None], bins], kept


def align_in_torch(counts, event_bin, before, after):
    kept = (event_bin - before >= 0) & (event_bin + after <= counts.shape[1])
    start = (event_bin[kept] - before).astype(int)
    picked = torch.tensor(counts[kept].astype(np.float32))
    pieces = [trial[s : s + before + after] for trial, s in zip(picked, start, strict=True)]
    return torch.stack(pieces), torch.tensor(kept)


def align_with_positions(counts, event_bin, before, after):
    pieces, kept = align_by_indexing(counts, event_bin, before, after)
    return pieces, np.flatnonzero(kept)


def align_one_too_long(counts, event_bin, before, after):
    return align_by_indexing(counts, event_bin, before, after + 1)


def align_from_the_event(counts, event_bin, before, after):
    kept = align_by_indexing(counts, event_bin, before, after)[1]
    trials = np.flatnonzero(kept)
    return np.stack([counts[k, int(event_bin[k]) :][: before + after] for k in trials]), kept


def align_all(counts, event_bin, before, after):
    return np.stack([c[int(e) - before : int(e) + after] for c, e in zip(counts, event_bin)]), None  # noqa: B905


def align_without_a_mask(counts, event_bin, before, after):
    return align_by_indexing(counts, event_bin, before, after)[0]


def z_scored(counts):
    spread = counts.std(axis=0)
    spread[spread == 0] = 1
    return (counts - counts.mean(axis=0)) / spread


def averaged(z, region, names):
    return np.stack([z[:, region == name].mean(axis=1) for name in names], axis=1)


def similarity_by_loops(counts, region, names):
    n_trials, n_neurons = counts.shape
    activity = np.zeros((n_trials, len(names)))
    for place, name in enumerate(names):
        members = [n for n in range(n_neurons) if region[n] == name]
        for n in members:
            mean, spread = counts[:, n].mean(), counts[:, n].std()
            if spread > 0:
                activity[:, place] += (counts[:, n] - mean) / spread / len(members)
    pairs = range(len(names))
    return activity, [
        [np.corrcoef(activity[:, a], activity[:, b])[0, 1] for b in pairs] for a in pairs
    ]


def similarity_by_einsum(counts, region, names):
    member = np.array([[r == name for name in names] for r in region], dtype=float)
    activity = np.einsum("kn,nr->kr", z_scored(counts), member / member.sum(axis=0))
    centred = activity - activity.mean(axis=0)
    covariance = np.einsum("ka,kb->ab", centred, centred)
    size = np.sqrt(np.diag(covariance))
    return activity, covariance / size[:, None] / size


def similarity_by_pandas(counts, region, names):
    import pandas as pd

    z = pd.DataFrame(z_scored(counts.astype(np.float32)))
    activity = z.T.groupby(region).mean().T[names]
    return activity, activity.corr()


def similarity_of_trials(counts, region, names):
    activity = averaged(z_scored(counts), region, names)
    return activity, np.corrcoef(activity)


def similarity_without_z(counts, region, names):
    activity = averaged(counts, region, names)
    return activity, np.corrcoef(activity.T)


def similarity_with_nan(counts, region, names):
    with np.errstate(invalid="ignore"):
        z = (counts - counts.mean(axis=0)) / counts.std(axis=0)
    activity = averaged(z, region, names)
    return activity, np.corrcoef(activity.T)


def covariance(counts, region, names):
    activity = averaged(z_scored(counts), region, names)
    return activity, np.cov(activity.T)


def only_the_matrix(counts, region, names):
    return np.corrcoef(averaged(z_scored(counts), region, names).T)


def maxima_by_loops(activity, n_shuffles, seed):
    rng = np.random.default_rng(seed)
    n_regions, found = activity.shape[1], []
    for _ in range(n_shuffles):
        columns = [activity[rng.permutation(len(activity)), r] for r in range(n_regions)]
        largest = 0.0
        for a in range(n_regions):
            for b in range(a):
                largest = max(largest, abs(np.corrcoef(columns[a], columns[b])[0, 1]))
        found.append(largest)
    return found


def maxima_by_einsum(activity, n_shuffles, seed):
    z = (activity - activity.mean(axis=0)) / activity.std(axis=0)
    rng = np.random.default_rng(seed)
    shuffled = np.stack([rng.permuted(z, axis=0) for _ in range(n_shuffles)])
    r = np.einsum("ska,skb->sab", shuffled, shuffled) / len(z)
    upper = np.triu_indices(z.shape[1], 1)
    return np.abs(r[:, upper[0], upper[1]]).max(axis=1)


def maxima_in_torch(activity, n_shuffles, seed):
    generator = torch.Generator().manual_seed(seed)
    table, found = torch.tensor(activity, dtype=torch.float32), []
    for _ in range(n_shuffles):
        orders = [torch.randperm(len(table), generator=generator) for _ in range(table.shape[1])]
        columns = [table[order, r] for r, order in enumerate(orders)]
        r = torch.corrcoef(torch.stack(columns))
        found.append(r.fill_diagonal_(0).abs().max())
    return torch.stack(found)


def maxima_by(shuffled, largest):
    def maxima(activity, n_shuffles, seed):
        rng = np.random.default_rng(seed)
        off = ~np.eye(activity.shape[1], dtype=bool)
        tables = [shuffled(rng, activity) for _ in range(n_shuffles)]
        return np.array([largest(np.corrcoef(table.T), off) for table in tables])

    return maxima


def each_region(rng, activity):
    return rng.permuted(activity, axis=0)


def largest_size(r, off):
    return np.abs(r[off]).max()


def without_the_seed(activity, n_shuffles, seed):
    rng = np.random.default_rng()
    tables = [rng.permuted(activity, axis=0) for _ in range(n_shuffles)]
    off = ~np.eye(activity.shape[1], dtype=bool)
    return np.array([np.abs(np.corrcoef(table.T)[off]).max() for table in tables])


RIGHT = {
    "2.1": [psth_by_loops, psth_by_einsum, psth_in_float32],
    "2.2": [align_by_loops, align_by_indexing, align_in_torch],
    "2.3": [similarity_by_loops, similarity_by_einsum, similarity_by_pandas],
    "2.4": [maxima_by_loops, maxima_by_einsum, maxima_in_torch],
}

WRONG = {
    "2.1": [
        (lambda c, t, b: c.mean(axis=0) / b, "all trials are averaged"),
        (lambda c, t, b: c[t].mean(axis=0), "not yet in Hz"),
        (lambda c, t, b: c[t].mean(axis=1) / b, "averaged over time"),
        (lambda c, t, b: c[t].sum(axis=0) / b, "summed over the trials"),
    ],
    "2.2": [
        (align_one_too_long, "one bin too long"),
        (align_from_the_event, "start `before` bins earlier"),
        (align_with_positions, "positions of the kept trials"),
        (align_all, "raises"),
        (align_without_a_mask, "expected a tuple of 2"),
    ],
    "2.3": [
        (similarity_of_trials, "transpose"),
        (similarity_without_z, "without the z-score"),
        (similarity_with_nan, "0 / 0"),
        (covariance, "covariance"),
        (only_the_matrix, "expected a tuple of 2"),
    ],
    "2.4": [
        (maxima_by(lambda rng, a: rng.permutation(a), largest_size), "shuffled alike"),
        (maxima_by(each_region, lambda r, off: np.abs(r).max()), "diagonal"),
        (maxima_by(each_region, lambda r, off: r[off].max()), "np.abs first"),
        (maxima_by(lambda rng, a: rng.permuted(a, axis=1), largest_size), "trials of a region"),
        (without_the_seed, "the same seed gives other numbers"),
    ],
}
