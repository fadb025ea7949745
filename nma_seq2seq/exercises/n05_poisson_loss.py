"""Exercises of 05_poisson_loss."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from nma_seq2seq.exercises import Exercise, difference
from nma_seq2seq.exercises.answers import n05_poisson_loss as answers

# ---------------------------------------------------------------------- 5.1, the loss


def _loss_cases(rng):
    def case(*shape):
        rates = torch.tensor(rng.uniform(0.05, 2, shape), requires_grad=True)
        return rates, torch.tensor(rng.poisson(0.7, shape).astype(float))

    return [case(4, 6, 3), case(2, 9, 5)]


# ---------------------------------------------------------------------- 5.2, bits per spike


def _per_bin(rates, counts, null):
    return answers.bits_per_spike(rates, counts, null) * counts.sum() / counts.size


def _null_term_once(rates, counts, null):
    null_log = (counts * np.log(null)).sum() - null.sum()  # null stands for one bin only
    return ((counts * np.log(rates) - rates).sum() - null_log) / (np.log(2) * counts.sum())


def _without_rates(rates, counts, null):
    return (counts * np.log(rates / null)).sum() / (np.log(2) * counts.sum())


def _without_null(rates, counts, null):
    return (counts * np.log(rates) - rates).sum() / (np.log(2) * counts.sum())


def _average_of_neurons(rates, counts, null):
    each = [
        answers.bits_per_spike(rates[..., n], counts[..., n], null[n])
        for n in range(counts.shape[-1])
    ]
    return np.mean(each)


def _bits_cases(rng):
    def case(*shape):
        rates = rng.uniform(0.05, 2, shape)
        return rates, rng.poisson(rates), rng.uniform(0.3, 1.2, shape[-1])

    return [case(4, 6, 3), case(3, 7, 5)]


# ---------------------------------------------------------------------- 5.3, the training loop


def _train_instead(*, zero=True, restore=True, more_patience=0, learn_from_held_out=False):
    """A mistake: the right loop but for what is given."""

    def mistake(model, source, target, held_source, held_target, n_epochs, patience, learning_rate):
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
        train_losses, validation_losses = [], []
        best_epoch, best_state = 0, None
        for epoch in range(n_epochs):
            loss = answers.loss_of(model, source, target)
            if zero:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            held_out = answers.loss_of(model, held_source, held_target)
            if learn_from_held_out:
                optimizer.zero_grad()
                held_out.backward()
                optimizer.step()
            train_losses.append(loss.item())
            validation_losses.append(held_out.item())
            if min(validation_losses) == validation_losses[-1]:
                best_epoch, best_state = epoch, copy.deepcopy(model.state_dict())
            if epoch - best_epoch >= patience + more_patience:
                break
        if restore:
            model.load_state_dict(best_state)
        return train_losses, validation_losses

    return mistake


def _check_train(answer, reference):
    for n_sources, n_targets, n_trials, n_epochs, patience in ((6, 3, 4, 150, 6), (4, 5, 3, 9, 20)):
        generator = torch.Generator().manual_seed(n_sources)

        def counts(*shape, generator=generator):
            return torch.poisson(0.6 * torch.ones(shape), generator=generator)

        arrays = [
            counts(trials, 5, neurons)
            for trials in (n_trials, n_trials + 2)
            for neurons in (n_sources, n_targets)
        ]
        torch.manual_seed(0)
        mine = nn.Sequential(nn.Linear(n_sources, n_targets), nn.Softplus())
        right = copy.deepcopy(mine)
        got = answer(mine, *[array.clone() for array in arrays], n_epochs, patience, 0.05)
        wanted = reference(right, *arrays, n_epochs, patience, 0.05)
        found = _compare_histories(got, wanted, n_epochs, patience)
        if found:
            return found
        losses = [answers.loss_of(model, *arrays[2:]).item() for model in (mine, right)]
        if abs(losses[0] - losses[1]) > 1e-4:
            return (
                f"the losses are right, but the network is left with weights whose validation loss "
                f"is {losses[0]:.4f}; the best epoch's is {losses[1]:.4f}"
            )
    return None


def _compare_histories(got, wanted, n_epochs, patience):
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        return difference(got, wanted, what="the pair of losses")
    if len(got[0]) != len(got[1]):
        return (
            f"there are {len(got[0])} training losses and {len(got[1])} validation losses; append "
            "one of each an epoch"
        )
    n_same = min(len(got[1]), len(wanted[1]))
    for k, name in enumerate(("training", "validation")):
        found = difference(
            np.array([float(loss) for loss in got[k][:n_same]]),
            np.array(wanted[k][:n_same]),
            tolerance=1e-3,
            what=f"the {name} loss",
        )
        if found:
            return found
    if len(got[1]) != len(wanted[1]):
        return (
            f"it ran {len(got[1])} epochs, expected {len(wanted[1])} (n_epochs={n_epochs}, "
            f"patience={patience})"
        )
    return None


# -------------------------------------------------------------------- 5.4, reduced-rank regression


def _svd_of_weights(x, y, rank, ridge):
    weights = answers.reduced_rank_regression(x, y, y.shape[1], ridge)
    _, _, axes = np.linalg.svd(weights, full_matrices=False)
    return weights @ axes[:rank].T @ axes[:rank]


def _svd_of_targets(x, y, rank, ridge):
    weights = answers.reduced_rank_regression(x, y, y.shape[1], ridge)
    _, _, axes = np.linalg.svd(y, full_matrices=False)
    return weights @ axes[:rank].T @ axes[:rank]


def _axes_in_columns(x, y, rank, ridge):
    weights = answers.reduced_rank_regression(x, y, y.shape[1], ridge)
    _, _, axes = np.linalg.svd(x @ weights, full_matrices=False)
    return weights @ axes[:, :rank] @ axes[:, :rank].T


def _coordinates(x, y, rank, ridge):
    weights = answers.reduced_rank_regression(x, y, y.shape[1], ridge)
    _, _, axes = np.linalg.svd(x @ weights, full_matrices=False)
    return weights @ axes[:rank].T


def _rrr_cases(rng):
    def case(n_samples, n_sources, n_targets, rank, ridge):
        x = rng.normal(size=(n_samples, n_sources)) * rng.uniform(0.3, 3, n_sources)
        shared = x @ rng.normal(size=(n_sources, 2)) @ rng.normal(size=(2, n_targets))
        y = shared + 2 * rng.normal(size=(n_samples, n_targets)) * rng.uniform(0.5, 4, n_targets)
        return x - x.mean(axis=0), y - y.mean(axis=0), rank, ridge

    return [case(40, 6, 5, 2, 10.0), case(33, 4, 7, 3, 25.0)]


# ---------------------------------------------------------------------- 5.5, neuron dropout


def _dropout_cases(rng):
    def case(n_trials, n_bins, n_neurons, p):
        source = rng.poisson(0.8, (n_trials, n_bins, n_neurons)).astype(float)
        keep = (rng.random((n_trials, n_neurons)) > p).astype(float)
        keep[0, 0], keep[1, 0] = 0, 1
        tensors = source, rng.uniform(0.2, 1.5, n_neurons), keep
        return (*(torch.tensor(array) for array in tensors), p)

    return [case(4, 6, 5, 0.7), case(3, 8, 7, 0.4)]


EXERCISES = (
    Exercise(
        number="5.1",
        title="the Poisson loss",
        minutes=10,
        difficulty=1,
        reference=answers.poisson_nll,
        cases=_loss_cases,
        mistakes=[
            ("summed, where the loss is a mean", lambda r, y: (r - y * torch.log(r)).sum()),
            ("the sign of the log term", lambda r, y: (r + y * torch.log(r)).mean()),
            (
                "this is the log likelihood; the loss is its negative",
                lambda r, y: (y * torch.log(r) - r).mean(),
            ),
            ("rates and counts have changed places", lambda r, y: (y - r * torch.log(y)).mean()),
            ("the rate term is missing", lambda r, y: -(y * torch.log(r)).mean()),
            (
                "ln(count!) is in it, which does not depend on the rates; leave it out",
                lambda r, y: (r - y * torch.log(r) + torch.lgamma(y + 1)).mean(),
            ),
            ("this is the squared error", lambda r, y: ((r - y) ** 2).mean()),
            ("base 2 or natural logarithm?", lambda r, y: (r - y * torch.log2(r)).mean()),
        ],
        hints=(
            "Which two terms of -ln p(count | rate) depend on the rate? Average them over "
            "everything: trials, bins and neurons.",
            "rates - counts * torch.log(rates), and then .mean().",
        ),
    ),
    Exercise(
        number="5.2",
        title="bits per spike",
        minutes=10,
        difficulty=2,
        reference=answers.bits_per_spike,
        cases=_bits_cases,
        mistakes=[
            (
                "null is one rate a neuron, so its sum must run over all trials and bins too",
                _null_term_once,
            ),
            (
                "the rates themselves are missing; y ln r is half of the log likelihood",
                _without_rates,
            ),
            ("the null's log likelihood is not taken away", _without_null),
            ("divided by the number of bins instead of the number of spikes", _per_bin),
            (
                "an average of the neurons' scores; the score pools all neurons, so that a "
                "busy one counts for more",
                _average_of_neurons,
            ),
            (
                "model and null have changed places",
                lambda rates, counts, null: -answers.bits_per_spike(rates, counts, null),
            ),
        ],
        hints=(
            "Sum the log likelihood y ln r - r over everything, once with the model's rates and "
            "once with the null's. How many spikes share the difference?",
            "null has shape (neurons,), so counts * np.log(null) works, but null alone has to be "
            "summed over trials and bins too: np.broadcast_to(null, counts.shape). Divide by "
            "np.log(2) * counts.sum().",
        ),
    ),
    Exercise(
        number="5.3",
        title="training with early stopping",
        minutes=20,
        difficulty=3,
        reference=answers.train,
        check=_check_train,
        mistakes=[
            (
                "gradients add up from step to step until optimizer.zero_grad() clears them",
                _train_instead(zero=False),
            ),
            (
                "the network keeps the weights of its last epoch, not the best; note that "
                "state_dict() hands out the live tensors, so copy.deepcopy it",
                _train_instead(restore=False),
            ),
            (
                "one epoch too many: stop when epoch - best_epoch reaches patience",
                _train_instead(more_patience=1),
            ),
            (
                "one epoch too few: stop when epoch - best_epoch reaches patience",
                _train_instead(more_patience=-1),
            ),
            ("it never stops early", _train_instead(more_patience=10**6)),
            (
                "the optimizer also takes steps on the validation trials",
                _train_instead(learn_from_held_out=True),
            ),
        ],
        hints=(
            "An epoch is: loss on the training trials, gradients, a step; then the loss on the "
            "validation trials without gradients. Keep three things of the best epoch so far: its "
            "loss, its number and a copy of the weights.",
            "optimizer.zero_grad(); loss.backward(); optimizer.step(); with torch.no_grad(): the "
            "validation loss. If it is the lowest, copy.deepcopy(model.state_dict()). Break when "
            "epoch - best_epoch >= patience. Last, model.load_state_dict(best_state).",
        ),
    ),
    Exercise(
        number="5.4",
        title="reduced-rank regression",
        minutes=15,
        difficulty=2,
        reference=answers.reduced_rank_regression,
        cases=_rrr_cases,
        mistakes=[
            (
                "these are the axes of the weights; take those of the fitted values x @ weights, "
                "in which busy inputs count for more",
                _svd_of_weights,
            ),
            (
                "these are the axes of the targets, noise and all; take those of the fitted "
                "values x @ weights",
                _svd_of_targets,
            ),
            (
                "np.linalg.svd returns the axes in rows, so the leading ones are axes[:rank]",
                _axes_in_columns,
            ),
            (
                "these weights lead to the latents; multiply with the axes again to get back to "
                "the targets",
                _coordinates,
            ),
            (
                "the ridge is missing",
                lambda x, y, rank, ridge: answers.reduced_rank_regression(x, y, rank, 0.0),
            ),
            (
                "the rank is not reduced",
                lambda x, y, rank, ridge: answers.reduced_rank_regression(x, y, y.shape[1], ridge),
            ),
        ],
        hints=(
            "First forget the rank: ridge regression, (X'X + ridge I)^-1 X'Y. Its fitted values "
            "fill as many dimensions as there are targets. Along which few do they vary most?",
            "weights = np.linalg.solve(x.T @ x + ridge * np.eye(n), x.T @ y); _, _, axes = "
            "np.linalg.svd(x @ weights, full_matrices=False); project the weights on axes[:rank].",
        ),
    ),
    Exercise(
        number="5.5",
        title="dropping whole neurons",
        minutes=10,
        difficulty=2,
        reference=answers.drop_neurons,
        cases=_dropout_cases,
        mistakes=[
            (
                "a dropped neuron is replaced by zero; silence is a message too, so take its mean",
                lambda source, mean, keep, p: source * keep[:, None, :] / (1 - p),
            ),
            (
                "the neurons that are kept are not scaled up by 1 / (1 - p)",
                lambda source, mean, keep, p: mean + (source - mean) * keep[:, None, :],
            ),
            (
                "scaled with p; the share that is kept is 1 - p",
                lambda source, mean, keep, p: mean + (source - mean) * keep[:, None, :] / p,
            ),
            (
                "the neurons that are kept are dropped, and the other way round",
                lambda source, mean, keep, p: (
                    mean + (source - mean) * (1 - keep[:, None, :]) / (1 - p)
                ),
            ),
            (
                "the count is scaled, but it is the deviation from the mean that has to be",
                lambda source, mean, keep, p: torch.where(
                    keep[:, None, :] > 0, source / (1 - p), mean + 0 * source
                ),
            ),
        ],
        hints=(
            "keep is (trials, neurons) and source (trials, time, neurons). Which axis does keep "
            "need so that it serves every bin of a trial?",
            "Work on source - mean: multiply it with keep[:, None, :] / (1 - p), and add the mean.",
        ),
    ),
)
