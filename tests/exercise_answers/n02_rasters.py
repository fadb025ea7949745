"""Right and wrong answers to the exercises of 02_rasters."""

import numpy as np
import torch

from tests.exercise_answers import variants


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
        (align_one_too_long, "after + 1"),
        (align_from_the_event, "start `before` bins earlier"),
        (align_with_positions, "positions of the kept trials"),
        (align_all, "raises"),
        (align_without_a_mask, "only the first of the 2"),
    ],
    "2.3": [
        (similarity_of_trials, "transpose"),
        (similarity_without_z, "without the z-score"),
        (similarity_with_nan, "0 / 0"),
        (covariance, "covariance"),
        (only_the_matrix, "only result 2"),
    ],
    "2.4": [
        (maxima_by(lambda rng, a: rng.permutation(a), largest_size), "shuffled alike"),
        (maxima_by(each_region, lambda r, off: np.abs(r).max()), "diagonal"),
        (maxima_by(each_region, lambda r, off: r[off].max()), "np.abs first"),
        (maxima_by(lambda rng, a: rng.permuted(a, axis=1), largest_size), "trials of a region"),
        (without_the_seed, "not drawn from"),
    ],
}


def psth_in_steps(counts, trials, bin_size):
    chosen = np.array(counts)[np.where(trials)[0]].astype(float)
    average = np.sum(chosen, axis=0) / chosen.shape[0]
    return average / bin_size


def align_with_lists(counts, event_bin, before, after):
    windows = []
    ok = np.zeros(len(event_bin), dtype=bool)
    for k in range(len(event_bin)):
        if np.isnan(event_bin[k]):
            continue
        e = int(event_bin[k])
        if e - before < 0 or e + after > counts.shape[1]:
            continue
        windows.append(counts[k, e - before : e + after, :])
        ok[k] = True
    return np.array(windows), ok


def similarity_in_steps(counts, region, names):
    m, s = np.mean(counts, axis=0), np.std(counts, axis=0)
    s[s == 0] = 1
    z = (counts - m) / s
    cols = []
    for name in names:
        cols.append(np.mean(z[:, np.array(region) == name], axis=1))
    A = np.array(cols).T
    return A, np.corrcoef(A, rowvar=False)


def maxima_in_steps(activity, n_shuffles, seed):
    generator = np.random.default_rng(seed)
    result = np.zeros(n_shuffles)
    for i in range(n_shuffles):
        copy = activity.copy()
        for j in range(copy.shape[1]):
            copy[:, j] = generator.permutation(copy[:, j])
        c = np.corrcoef(copy, rowvar=False)
        np.fill_diagonal(c, 0)
        result[i] = np.max(np.abs(c))
    return result


RIGHT["2.1"] += [psth_in_steps, lambda c, t, b: np.average(c, axis=0, weights=t) / b]
RIGHT["2.2"] += [align_with_lists]
RIGHT["2.3"] += [similarity_in_steps]
RIGHT["2.4"] += [maxima_in_steps]
WRONG["2.1"] += variants(
    psth_in_steps,
    {
        "chosen.shape[0] -> counts.shape[0]": "all trials",
        "chosen.shape[0] -> chosen.shape[1]": "two things",
        "np.sum(chosen, axis=0) / chosen.shape[0] -> np.sum(chosen, axis=0)": "summed",
        "np.sum(chosen, axis=0) / chosen.shape[0] -> "
        "chosen.mean()": "averaged over the neurons too",
        "np.sum(chosen, axis=0) / chosen.shape[0] -> chosen.mean(axis=2)": "the neurons",
        "np.sum(chosen, axis=0) / chosen.shape[0] -> chosen.mean(axis=(0, 2))": "neurons too",
        "np.sum(chosen, axis=0) / chosen.shape[0] -> chosen.mean(axis=(0, 1))": "time too",
        "average / bin_size -> average": "not yet in Hz",
        "average / bin_size -> average * bin_size": "multiplied",
        "average / bin_size -> average / 0.01": "written out",
        "average / bin_size -> (average / bin_size).T": "transposed",
        "np.where(trials)[0] -> np.where(~trials)[0]": "leaves out",
        "np.where(trials)[0] -> trials.astype(int)": "positions 0 and 1",
        "[np.where(trials)[0]] -> ": "all trials",
        "np.where(trials)[0] -> np.where(trials)[0][:-1]": "of what is True, is left out",
        "np.sum(chosen, axis=0) -> np.sum(chosen > 0, axis=0)": "with a spike",
        "    return average / bin_size\n -> ": "return",
    },
)
WRONG["2.2"] += variants(
    align_with_lists,
    {
        "e - before : e + after, -> e - before : e + after + 1,": "too long",
        "e - before : e + after, -> e - before + 1 : e + after,": "too short",
        "e - before : e + after, -> e - before + 1 : e + after + 1,": "one bin late",
        "e - before : e + after, -> e - before - 1 : e + after - 1,": "one bin early",
        "e - before : e + after, -> e - after : e + before,": "before and after",
        "e - before : e + after, -> e : e + before + after,": "start at the event",
        "e - before : e + after, -> e - before - after : e,": "end at the event",
        "e + after > counts -> e + after >= counts": "<= n_bins",
        "e - before < 0 -> e - before <= 0": ">= 0",
        "windows.append(counts[k, -> windows.append(counts[len(windows),": "first trials",
        "return np.array(windows), ok -> return ok, np.array(windows)": "another order",
        "return np.array(windows), ok -> return np.array(windows), ~ok": "left out",
        "return np.array(windows), ok -> return np.array(windows), np.where(ok)[0]": "positions",
        "return np.array(windows), ok -> return np.array(windows).mean(0), ok": "averaged",
        "return np.array(windows), ok -> return np.array(windows)": "only the first",
        "return np.array(windows), ok -> return np.concatenate(windows), ok": "joined",
        "return np.array(windows), ok -> return np.array(windows).swapaxes(1, 2), ok": "transposed",
        "e - before < 0 or e + after > counts.shape[1] -> e - before < 0": "",
        "ok[k] = True -> ok[e] = True": "past the end of that axis",
    },
)
WRONG["2.3"] += variants(
    similarity_in_steps,
    {
        "np.corrcoef(A, rowvar=False) -> np.corrcoef(A)": "transpose",
        "np.corrcoef(A, rowvar=False) -> np.cov(A, rowvar=False)": "covariance",
        "np.corrcoef(A, rowvar=False) -> np.abs(np.corrcoef(A, rowvar=False))": "absolute",
        "np.corrcoef(A, rowvar=False) -> A.T @ A": "products",
        "np.array(cols).T -> np.array(cols)": "transposed",
        "    s[s == 0] = 1\n -> ": "0 / 0",
        "(counts - m) / s -> counts": "without the z-score",
        "(counts - m) / s -> counts - m": "not divided",
        "(counts - m) / s -> counts / s": "mean is not taken away",
        "(counts - m) / s -> (counts - m) / s**2": "variance",
        "np.mean(counts, axis=0), np.std(counts, axis=0) -> np.mean(counts), np.std(counts, "
        "axis=0)": "one mean",
        "np.std(counts, axis=0) -> np.std(counts, axis=0, ddof=1)": "ddof=1",
        "np.mean(z[:, -> np.sum(z[:,": "summed",
        "np.mean(z[:, -> np.median(z[:,": "median",
        "for name in names -> for name in np.unique(region)": "every region",
        "np.array(region) == name -> [name in r for r in region]": "begins like",
        "return A, -> return z,": "",
        "return A, np.corrcoef(A, rowvar=False) -> return np.corrcoef(A, rowvar=False), A": "order",
    },
)
WRONG["2.4"] += variants(
    maxima_in_steps,
    {
        "        np.fill_diagonal(c, 0)\n -> ": "diagonal",
        "np.max(np.abs(c)) -> np.max(c)": "np.abs first",
        "np.max(np.abs(c)) -> np.mean(np.abs(c))": "the mean over the pairs",
        "np.max(np.abs(c)) -> np.abs(c[0, 1])": "one pair",
        "np.max(np.abs(c)) -> np.min(np.abs(c))": "the smallest",
        "np.max(np.abs(c)) -> np.max(np.abs(c)) ** 2": "squared",
        "np.corrcoef( -> np.cov(": "covariance",
        "generator.permutation(copy[:, j]) -> generator.choice(copy[:, j], len(copy))": "once",
        "copy[:, j] = generator.permutation(copy[:, j]) -> generator.shuffle(copy)": "in step",
        "copy[:, j] = generator.permutation(copy[:, j]) -> pass": "nothing is shuffled",
        "np.random.default_rng(seed) -> np.random.default_rng()": "not drawn from",
        "np.random.default_rng(seed) -> np.random.default_rng(0)": "another seed",
        "np.random.default_rng(seed) -> np.random": "not drawn from",
        "result = np.zeros(n_shuffles) -> result = np.zeros(n_shuffles + 1)": "shape",
        "copy = activity.copy() -> copy = activity": "in place",
        "return result -> return result.max()": "one is kept",
        "return result -> return sorted(result)[-1:]": "shape",
        "generator.permutation(copy[:, j]) -> np.roll(copy[:, j], "
        "generator.integers(40))": "shifted",
        "generator.permutation(copy[:, j]) -> generator.normal(size=len(copy))": "new random",
        "    return result\n -> ": "return",
    },
)
