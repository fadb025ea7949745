"""Answers to the exercises of 05_poisson_loss."""

import copy

import numpy as np
import torch
from torch.nn import functional

from tests.exercise_answers import variants


def nll_with_torch(rates, counts):
    return functional.poisson_nll_loss(rates, counts, log_input=False, eps=0)


def nll_with_loop(rates, counts):
    total = 0.0
    for trial in range(len(rates)):
        r, y = rates[trial].flatten(), counts[trial].flatten()
        total = total + sum(r[k] - y[k] * r[k].log() for k in range(len(r)))
    return total / rates.numel()


def nll_in_float32(rates, counts):
    rates, counts = rates.float(), counts.float()
    return rates.mean() - torch.einsum("tbn,tbn->", counts, rates.log()) / rates.numel()


def nll_without_gradient(rates, counts):
    return (rates - counts * torch.log(rates)).mean().item()


def nll_without_return(rates, counts):
    (rates - counts * torch.log(rates)).mean()


def bits_with_broadcast(rates, counts, null):
    null = np.broadcast_to(null, counts.shape)
    gain = counts * np.log2(rates / null) - (rates - null) / np.log(2)
    return gain.sum() / counts.sum()


def bits_with_loop(rates, counts, null):
    gain = 0.0
    for n in range(counts.shape[2]):
        for r, y in zip(rates[..., n].ravel(), counts[..., n].ravel(), strict=True):
            gain += y * np.log(r) - r - y * np.log(null[n]) + null[n]
    return gain / np.log(2) / counts.sum()


def bits_in_torch(rates, counts, null):
    rates, counts, null = (
        torch.tensor(array, dtype=torch.float64) for array in (rates, counts, null)
    )
    gain = torch.einsum("tbn,tbn->", counts, (rates / null).log())
    gain = gain - rates.sum() + null.sum() * counts[..., 0].numel()
    return gain / counts.sum() / np.log(2)


def bits_in_nats(rates, counts, null):
    return bits_with_broadcast(rates, counts, null) * np.log(2)


def bits_per_bin(rates, counts, null):
    return (counts * np.log(rates / null) - rates + null).mean() / np.log(2)


def bits_null_summed_once(rates, counts, null):
    gain = (counts * np.log(rates)).sum() - rates.sum()
    gain -= (counts * np.log(null)).sum() - null.sum()
    return gain / counts.sum() / np.log(2)


def bits_without_rates(rates, counts, null):
    return (counts * np.log2(rates / null)).sum() / counts.sum()


def bits_of_neurons(rates, counts, null):
    gain = (counts * np.log(rates / null) - rates + null).sum(axis=(0, 1))
    return (gain / counts.sum(axis=(0, 1))).mean() / np.log(2)


def _loss(model, source, target):
    rates = model(source).clamp(min=1e-6)
    return (rates - target * rates.log()).mean()


def train_with_while(
    model, source, target, held_source, held_target, n_epochs=300, patience=20, learning_rate=1e-3
):
    step = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
    seen, unseen, since, kept = [], [], 0, None
    while len(seen) < n_epochs and since < patience:
        step.zero_grad(set_to_none=False)
        loss = _loss(model, source, target)
        loss.backward()
        step.step()
        seen.append(float(loss))
        with torch.no_grad():
            unseen.append(float(_loss(model, held_source, held_target)))
        since = 0 if unseen[-1] == min(unseen) else since + 1
        if since == 0:
            kept = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(kept)
    return seen, unseen


def train_in_arrays(
    model, source, target, held_source, held_target, n_epochs=300, patience=20, learning_rate=1e-3
):
    seen, unseen = train_with_while(
        model, source, target, held_source, held_target, n_epochs, patience, learning_rate
    )
    return np.array([seen, unseen])


def train_with_copied_model(
    model, source, target, held_source, held_target, n_epochs=300, patience=20, learning_rate=1e-3
):
    step = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
    seen, unseen, best = [], [], copy.deepcopy(model)
    for epoch in range(n_epochs):
        loss = _loss(model, source, target)
        for gradient, weight in zip(
            torch.autograd.grad(loss, list(model.parameters())), model.parameters(), strict=True
        ):
            weight.grad = gradient
        step.step()
        seen.append(loss.detach())
        unseen.append(_loss(model, held_source, held_target).detach())
        if int(np.argmin(unseen)) == epoch:
            best = copy.deepcopy(model)
        if epoch - int(np.argmin(unseen)) == patience:
            break
    with torch.no_grad():
        for weight, kept in zip(model.parameters(), best.parameters(), strict=True):
            weight.copy_(kept)
    return [seen, unseen]


def train_wrongly(*, zero=True, copied=True, more=0, on_held_out=False):
    def train(model, source, target, held_source, held_target, n_epochs, patience, learning_rate):
        step = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
        seen, unseen, best_epoch, kept = [], [], 0, None
        for epoch in range(n_epochs):
            loss = _loss(model, source, target)
            if zero:
                step.zero_grad()
            loss.backward()
            step.step()
            held_out = _loss(model, held_source, held_target)
            if on_held_out:
                step.zero_grad()
                held_out.backward()
                step.step()
            seen.append(loss.item())
            unseen.append(held_out.item())
            if unseen[-1] == min(unseen):
                best_epoch, kept = epoch, model.state_dict()
                kept = copy.deepcopy(kept) if copied else kept
            if epoch - best_epoch >= patience + more:
                break
        model.load_state_dict(kept)
        return seen, unseen

    return train


def train_returns_one_list(*arguments):
    return train_with_while(*arguments)[1]


def rrr_with_inverse(x, y, rank, ridge):
    weights = np.linalg.inv(x.T @ x + ridge * np.eye(x.shape[1])) @ x.T @ y
    left, sizes, axes = np.linalg.svd(x @ weights)
    low = (left[:, :rank] * sizes[:rank]) @ axes[:rank]
    return np.linalg.lstsq(x, low, rcond=None)[0]


def rrr_with_eigh(x, y, rank, ridge):
    cross = np.einsum("si,sj->ij", x, y)
    weights = np.linalg.solve(np.einsum("si,sj->ij", x, x) + ridge * np.eye(len(cross)), cross)
    fitted = x @ weights
    axes = np.linalg.eigh(fitted.T @ fitted)[1][:, -rank:]
    return weights @ axes @ axes.T


def rrr_with_augmented_rows(x, y, rank, ridge):
    padded = np.vstack([x, np.sqrt(ridge) * np.eye(x.shape[1])])
    weights = np.linalg.lstsq(
        padded, np.vstack([y, np.zeros((x.shape[1], y.shape[1]))]), rcond=None
    )
    axes = torch.linalg.svd(torch.tensor(x @ weights[0]), full_matrices=False).Vh[:rank].numpy()
    return sum(np.outer(weights[0] @ axis, axis) for axis in axes)


def rrr_axes_of_weights(x, y, rank, ridge):
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    left, sizes, axes = np.linalg.svd(weights, full_matrices=False)
    return (left[:, :rank] * sizes[:rank]) @ axes[:rank]


def rrr_axes_of_targets(x, y, rank, ridge):
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    axes = np.linalg.svd(y, full_matrices=False)[2][:rank]
    return weights @ axes.T @ axes


def rrr_without_ridge(x, y, rank, ridge):
    return rrr_with_inverse(x, y, rank, 0)


def rrr_coordinates(x, y, rank, ridge):
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    return weights @ np.linalg.svd(x @ weights, full_matrices=False)[2][:rank].T


def rrr_of_full_rank(x, y, rank, ridge):
    return np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)


def drop_with_where(source, mean, keep, p):
    kept = keep.unsqueeze(1).bool().expand_as(source)
    return torch.where(kept, mean + (source - mean) / (1 - p), mean.expand_as(source))


def drop_with_einsum(source, mean, keep, p):
    return mean + torch.einsum("tbn,tn->tbn", (source - mean).double(), keep) / (1 - p)


def drop_with_loops(source, mean, keep, p):
    result = source.clone()
    for trial in range(source.shape[0]):
        for n in range(source.shape[2]):
            above = (source[trial, :, n] - mean[n]) / (1 - p)
            result[trial, :, n] = mean[n] + above if keep[trial, n] else mean[n]
    return result


def drop_to_zero(source, mean, keep, p):
    return source * keep.unsqueeze(1) / (1 - p)


def drop_unscaled(source, mean, keep, p):
    return torch.where(keep.unsqueeze(1) > 0, source, mean)


def drop_in_place(source, mean, keep, p):
    source -= mean
    source *= keep[:, None] / (1 - p)
    source += mean
    return source


def drop_the_others(source, mean, keep, p):
    return drop_with_where(source, mean, 1 - keep, p)


def drop_without_axis(source, mean, keep, p):
    return mean + (source - mean) * keep / (1 - p)


RIGHT = {
    "5.1": [nll_with_torch, nll_with_loop, nll_in_float32],
    "5.2": [bits_with_broadcast, bits_with_loop, bits_in_torch],
    "5.3": [train_with_while, train_in_arrays, train_with_copied_model],
    "5.4": [rrr_with_inverse, rrr_with_eigh, rrr_with_augmented_rows],
    "5.5": [drop_with_where, drop_with_einsum, drop_with_loops],
}

WRONG = {
    "5.1": [
        (lambda r, y: (r - y * r.log()).sum(), "summed"),
        (lambda r, y: (r + y * r.log()).mean(), "sign of the log term"),
        (lambda r, y: -(r - y * r.log()).mean(), "negative"),
        (lambda r, y: -(y * r.log()).mean(), "rate term is missing"),
        (nll_without_gradient, "no gradient"),
        (nll_without_return, "return"),
    ],
    "5.2": [
        (bits_in_nats, "in nats"),
        (bits_per_bin, "number of bins"),
        (bits_null_summed_once, "null is one rate a neuron"),
        (bits_without_rates, "half of the log likelihood"),
        (bits_of_neurons, "pools all neurons"),
    ],
    "5.3": [
        (train_wrongly(zero=False), "zero_grad"),
        (train_wrongly(copied=False), "deepcopy"),
        (train_wrongly(more=1), "one epoch too many"),
        (train_wrongly(more=1000), "never stops early"),
        (train_wrongly(on_held_out=True), "steps on the validation trials"),
        (train_returns_one_list, "one thing is returned"),
    ],
    "5.4": [
        (rrr_axes_of_weights, "axes of the weights"),
        (rrr_axes_of_targets, "axes of the targets"),
        (rrr_without_ridge, "ridge is missing"),
        (rrr_coordinates, "again to get to the targets"),
        (rrr_of_full_rank, "rank is not reduced"),
    ],
    "5.5": [
        (drop_to_zero, "replaced by zero"),
        (drop_unscaled, "1 / (1 - p)"),
        (drop_in_place, "changed in place"),
        (drop_the_others, "other way round"),
        (drop_without_axis, "RuntimeError"),
    ],
}


def nll_in_steps(rates, counts):
    log_rates = torch.log(rates)
    term = rates - counts * log_rates
    return torch.mean(term)


def bits_in_steps(rates, counts, null):
    full_null = np.ones_like(rates) * null
    ll_model = np.sum(counts * np.log(rates) - rates)
    ll_null = np.sum(counts * np.log(full_null) - full_null)
    n_spikes = np.sum(counts)
    return (ll_model - ll_null) / n_spikes / np.log(2)


def train_by_hand(
    model, source, target, held_source, held_target, n_epochs=300, patience=20, learning_rate=1e-3
):
    opt = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
    losses, val_losses = [], []
    best, wait, weights = float("inf"), 0, copy.deepcopy(model.state_dict())
    for _ in range(n_epochs):
        opt.zero_grad()
        l = _loss(model, source, target)  # noqa: E741
        l.backward()
        opt.step()
        losses.append(l.item())
        with torch.no_grad():
            v = _loss(model, held_source, held_target).item()
        val_losses.append(v)
        if v < best:
            best, wait = v, 0
            weights = copy.deepcopy(model.state_dict())
        else:
            wait += 1
        if wait >= patience:
            break
    model.load_state_dict(weights)
    return losses, val_losses


def rrr_in_steps(x, y, rank, ridge):
    n = x.shape[1]
    B = np.linalg.inv(x.T @ x + ridge * np.eye(n)) @ (x.T @ y)
    fitted = x @ B
    u, s, vt = np.linalg.svd(fitted, full_matrices=False)
    v = vt[:rank, :].T
    return B @ v @ v.T


def drop_in_steps(source, mean, keep, p):
    mask = keep.unsqueeze(1)
    deviation = source - mean
    deviation = deviation * mask
    deviation = deviation / (1 - p)
    return deviation + mean


RIGHT["5.1"] += [nll_in_steps]
RIGHT["5.2"] += [bits_in_steps]
RIGHT["5.3"] += [train_by_hand]
RIGHT["5.4"] += [rrr_in_steps]
RIGHT["5.5"] += [drop_in_steps]
WRONG["5.1"] += [
    *variants(
        nll_in_steps,
        {
            "rates - counts * log_rates -> rates + counts * log_rates": "sign of the log",
            "rates - counts * log_rates -> counts * log_rates - rates": "negative",
            "rates - counts * log_rates -> counts * log_rates": "rate term",
            "rates - counts * log_rates -> -counts * log_rates": "rate term",
            "rates - counts * log_rates -> counts - rates * log_rates": "counts stand where",
            "rates - counts * log_rates -> rates - log_rates": "counts are missing",
            "rates - counts * log_rates -> rates * (1 - counts * log_rates)": "",
            "rates - counts * log_rates -> (rates - counts) ** 2": "squared error",
            "rates - counts * log_rates -> rates - counts * log_rates + torch.lgamma(counts "
            "+ 1)": "ln(count!)",
            "torch.log(rates) -> torch.log2(rates)": "base 2",
            "torch.log(rates) -> torch.log10(rates)": "base 10",
            "torch.log(rates) -> torch.log(1 + rates)": "log1p",
            "torch.log(rates) -> torch.exp(rates)": "exp",
            "torch.log(rates) -> torch.log(counts + 1e-8)": "not of the counts",
            "torch.mean(term) -> torch.sum(term)": "summed",
            "torch.mean(term) -> term": "averaged over",
            "torch.mean(term) -> torch.mean(term, dim=0)": "averaged over",
            "torch.mean(term) -> float(torch.mean(term))": "no gradient",
            "torch.mean(term) -> torch.mean(term).detach()": "no gradient",
            "torch.mean(term) -> term.sum() / len(rates)": "summed over",
            "torch.mean(term) -> term.median()": "the median, where the mean",
            "torch.mean(term) -> term.sum() / counts.sum()": "number of spikes",
            "torch.log(rates) -> np.log(rates)": "raises",
        },
    ),
    (lambda r, y: functional.poisson_nll_loss(r, y), "log_input=False"),
    (lambda r, y: functional.mse_loss(r, y), "squared error"),
    (lambda r, y: functional.l1_loss(r, y), "absolute error"),
    (lambda r, y: functional.poisson_nll_loss(r, y, log_input=False, reduction="sum"), "summed"),
    (lambda r, y: functional.poisson_nll_loss(y, r, log_input=False), "changed places"),
]
WRONG["5.2"] += variants(
    bits_in_steps,
    {
        "/ n_spikes / np.log(2) -> / n_spikes": "nats",
        "/ n_spikes / np.log(2) -> / np.log(2)": "not divided",
        "/ n_spikes / np.log(2) -> / n_spikes * np.log(2)": "multiplied by ln 2",
        "/ n_spikes / np.log(2) -> / n_spikes / np.log(10)": "base 10",
        "(ll_model - ll_null) / n_spikes -> ll_model - ll_null / n_spikes": "only the null's half",
        "ll_model - ll_null) -> ll_null - ll_model)": "changed places",
        "ll_model - ll_null) -> ll_model)": "not taken away",
        "ll_model - ll_null) -> ll_model + ll_null)": "added",
        "np.sum(counts)\n -> counts.size\n": "number of bins",
        "np.sum(counts)\n -> len(counts)\n": "number of trials",
        "np.sum(counts)\n -> np.sum(counts > 0)\n": "bins with a spike",
        "np.sum(counts)\n -> np.sum(rates)\n": "sum of the rates",
        "np.sum(counts)\n -> np.mean(counts)\n": "mean count",
        "np.log(rates) - rates -> np.log(rates)": "model's half",
        "np.log(full_null) - full_null -> np.log(full_null)": "null's half",
        (
            "np.log(rates) - rates -> np.log(rates) ;; "
            "np.log(full_null) - full_null -> np.log(full_null)"
        ): "half of the log",
        "- full_null) -> ) - np.sum(null)": "trials and bins too",
        "np.ones_like(rates) * null -> np.ones_like(rates) * null.mean()": "one null",
        "np.ones_like(rates) * null -> np.ones_like(rates) * counts.mean((0, 1))": "computed anew",
        "(ll_model - ll_null) / n_spikes / np.log(2) -> 1 - ll_model / ll_null": "ratio",
        "np.log(rates) -> np.log2(rates) ;; np.log(full_null) -> np.log2(full_null)": "twice",
        "np.sum(counts * np.log(rates) - rates) -> np.mean(counts * np.log(rates) - rates)": "",
        "    return ->     out =": "return",
    },
)
WRONG["5.3"] += variants(
    train_by_hand,
    {
        "        opt.zero_grad()\n -> ": "add up",
        "        opt.step()\n -> ": "nothing is learned",
        "        l.backward()\n -> ": "nothing is learned",
        "        opt.step()\n ->         opt.zero_grad()\n        opt.step()\n": "stands between",
        "    model.load_state_dict(weights)\n -> ": "last epoch's weights",
        "            weights = copy.deepcopy(model.state_dict())\n ->             weights = "
        "model.state_dict()\n": "deepcopy",
        "best, wait = v, 0\n -> best = v\n": "add up",
        "wait >= patience -> wait > patience": "too many",
        "wait >= patience -> wait >= patience - 1": "too few",
        "        if wait >= patience:\n            break\n -> ": "never stops",
        "if v < best: -> if v > best:": "",
        "if v < best: -> if l.item() < best:": "every epoch counts",
        "if v < best: -> if len(val_losses) < 2 or v < val_losses[-2]:": "epoch before",
        "wait >= patience -> len(val_losses) > 1 and v > val_losses[-2]": "first rise",
        "l = _loss(model, source, target) -> l = _loss(model, held_source, "
        "held_target)": "trained on the validation",
        "v = _loss(model, held_source, held_target).item() -> v = _loss(model, source, "
        "target).item()": "taken on the training",
        "range(n_epochs) -> range(n_epochs - 1)": "less than n_epochs",
        "range(n_epochs) -> range(n_epochs + 1)": "more than n_epochs",
        "return losses, val_losses -> return val_losses, losses": "changed places",
        "return losses, val_losses -> return losses[-1], val_losses[-1]": "",
        "return losses, val_losses -> return losses": "one thing is returned",
        "    return losses, val_losses\n -> ": "return",
        "losses.append(l.item())\n        with -> with": "",
        "best, wait = v, 0 -> wait = 0": "every epoch counts",
    },
)
WRONG["5.4"] += variants(
    rrr_in_steps,
    {
        "svd(fitted, -> svd(B,": "axes of the weights",
        "svd(fitted, -> svd(y,": "axes of the targets",
        "vt[:rank, :].T -> vt[:, :rank]": "axes in rows",
        "vt[:rank, :].T -> vt[-rank:, :].T": "last axes",
        "vt[:rank, :].T -> vt[: rank - 1, :].T": "one too low",
        "vt[:rank, :].T -> vt[: rank + 1, :].T": "one too high",
        "vt[:rank, :].T -> vt[1 : rank + 1, :].T": "left out",
        "vt[:rank, :].T -> vt[:rank, :]": "raises",
        "return B @ v @ v.T -> return B @ v": "again to get",
        "return B @ v @ v.T -> return fitted @ v @ v.T": "fitted values",
        "return B @ v @ v.T -> return B": "not reduced",
        "return B @ v @ v.T -> return (B @ v @ v.T).T": "transposed",
        "return B @ v @ v.T -> return B - B @ v @ v.T": "taken away",
        "return B @ v @ v.T -> return v @ v.T": "",
        "ridge * np.eye(n) -> ridge": "np.eye",
        " + ridge * np.eye(n) -> ": "ridge is missing",
        "ridge * np.eye(n) -> ridge**2 * np.eye(n)": "squared",
        "ridge * np.eye(n) -> len(x) * ridge * np.eye(n)": "number of samples",
        "+ ridge * np.eye(n) -> - ridge * np.eye(n)": "taken away, where it is added",
        "return B @ v @ v.T -> return B @ v @ np.diag(s[:rank]) @ v.T": "singular values",
    },
)
WRONG["5.5"] += variants(
    drop_in_steps,
    {
        "    deviation = deviation / (1 - p)\n -> ": "not scaled",
        "/ (1 - p) -> / p": "scaled with p",
        "/ (1 - p) -> * (1 - p)": "multiplied by 1 - p",
        "/ (1 - p) -> * p": "multiplied by p",
        "keep.unsqueeze(1) -> 1 - keep.unsqueeze(1)": "other way round",
        "keep.unsqueeze(1) -> keep[:1].unsqueeze(1)": "those of the first",
        "keep.unsqueeze(1) -> keep.unsqueeze(2)": "raises",
        "keep.unsqueeze(1) -> keep": "raises",
        "return deviation + mean -> return deviation": "not added again",
        "source - mean\n -> source\n": "not taken away",
        (
            "source - mean\n -> source\n ;; return deviation + mean -> return deviation"
        ): "replaced by zero",
        "return deviation + mean -> return (deviation + mean) / (1 - p)": "mean is scaled",
        "return deviation + mean -> return mean - deviation": "sign",
        "source - mean\n -> source - source.mean((0, 1))\n": "",
        "    deviation = deviation * mask\n -> ": "nothing is dropped",
        "return deviation + mean -> return (deviation + mean) * mask": "replaced by zero",
        "return deviation + mean -> return source + mean * (1 - mask)": "added to the counts",
        "return deviation + mean -> return source * mask / (1 - p) + mean * (1 - "
        "mask)": "count is scaled",
        "return deviation + mean -> return functional.dropout(source, p)": "single bins",
        "    return ->     out =": "return",
    },
)
