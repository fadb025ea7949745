"""Exercises of 05_poisson_loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n05_poisson_loss as answers

exercise = with_texts(__file__)


def _loss_cases(rng):
    def case(*shape):
        rates = torch.tensor(rng.uniform(0.05, 2, shape), requires_grad=True)
        return rates, torch.tensor(rng.poisson(0.7, shape).astype(float))

    return [case(4, 6, 3), case(2, 9, 5)]


def _bits_cases(rng):
    def case(*shape):
        rates = rng.uniform(0.05, 2, shape)
        return rates, rng.poisson(rates), rng.uniform(0.3, 1.2, shape[-1])

    return [case(4, 6, 3), case(3, 7, 5)]


class _Rates(nn.Module):
    """A small network whose training is jumpy: its validation loss dips more than once."""

    def __init__(self, n_sources, n_targets):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_sources, n_targets), nn.Softplus())

    def forward(self, source):
        return self.layers(source)


def _run_train(answer, seed, n_trials, n_epochs, patience, learning_rate):
    """The two lists of losses, and the loss of the network that is left."""
    generator = torch.Generator().manual_seed(seed)

    def counts(*shape):
        return torch.poisson(0.6 * torch.ones(shape), generator=generator)

    arrays = [
        counts(trials, 5, neurons) for trials in (n_trials, n_trials + 2) for neurons in (6, 3)
    ]
    torch.manual_seed(seed)
    model = _Rates(6, 3)
    got = answer(model, *[a.clone() for a in arrays], n_epochs, patience, learning_rate)
    assert got is not None, (
        "the result is None (is `return` missing?), expected two lists of losses"
    )
    assert isinstance(got, (tuple, list, np.ndarray)) and len(got) == 2, (
        "one thing is returned, expected two: train_losses, validation_losses"
    )
    graphs = [loss for losses in got for loss in losses if getattr(loss, "requires_grad", False)]
    assert not graphs, "the losses are tensors that keep their graph, expected floats: .item()"
    train, validation = (np.array([float(loss) for loss in losses]) for losses in got)
    with torch.no_grad():
        left = [answers.loss_of(model, *arrays[k : k + 2]).item() for k in (0, 2)]
    return {
        "number of epochs": len(train),
        "number of validation losses": len(validation),
        "the training loss": train,
        "the validation loss": validation,
        "loss of the network that is left": np.array(left),
    }


EXERCISES = (
    exercise("5.1", answers.poisson_nll, cases=_loss_cases),
    exercise("5.2", answers.bits_per_spike, cases=_bits_cases),
    exercise(
        "5.3",
        answers.train,
        cases=lambda rng: [
            (6, 4, 40, 4, 0.5),
            (3, 3, 9, 20, 0.05),
            (0, 4, 40, 4, 0.2),
            (2, 4, 40, 4, 0.5),
        ],
        run=_run_train,
        time_limit=20.0,
    ),
    exercise(
        "5.4",
        answers.reduced_rank_regression,
        cases=lambda rng: [_rrr_case(rng, 40, 6, 5, 2, 10.0), _rrr_case(rng, 33, 8, 7, 3, 25.0)],
    ),
    exercise(
        "5.5",
        answers.drop_neurons,
        cases=lambda rng: [_dropout_case(rng, 4, 6, 5, 0.7), _dropout_case(rng, 3, 8, 7, 0.4)],
    ),
)


def _rrr_case(rng, n_samples, n_sources, n_targets, rank, ridge):
    x = rng.normal(size=(n_samples, n_sources)) * rng.uniform(0.3, 3, n_sources)
    shared = x @ rng.normal(size=(n_sources, 2)) @ rng.normal(size=(2, n_targets))
    y = shared + 2 * rng.normal(size=(n_samples, n_targets)) * rng.uniform(0.5, 4, n_targets)
    return x - x.mean(axis=0), y - y.mean(axis=0), rank, ridge


def _dropout_case(rng, n_trials, n_bins, n_neurons, p):
    source = rng.poisson(0.8, (n_trials, n_bins, n_neurons)).astype(float)
    keep = (rng.random((n_trials, n_neurons)) > p).astype(float)
    keep[0, 0], keep[1, 0] = 0, 1
    tensors = source, rng.uniform(0.2, 1.5, n_neurons), keep
    return (*(torch.tensor(array) for array in tensors), p)
