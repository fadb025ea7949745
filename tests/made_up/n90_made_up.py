"""Exercises that the tests of the mechanism use."""

import numpy as np
import torch
from torch import nn

from nma_seq2seq.exercises import with_texts


def counts_to_hz(counts, bin_size):
    """Mean rate of each neuron in Hz, (neurons,), from counts (trials, time, neurons)."""
    return counts.mean(axis=(0, 1)) / bin_size


def loss(rates, counts):
    return (rates - counts * torch.log(rates)).mean()


def event_bins(seconds, start, bin_size):
    return np.floor((seconds - start) / bin_size).astype(int)


def extremes(values):
    return values.min(), values.argmax()


def similarity(counts):
    return np.cov(counts, rowvar=False)


class Readout(nn.Module):
    def __init__(self, n_latents, n_targets):
        super().__init__()
        self.linear = nn.Linear(n_latents, n_targets)

    def forward(self, latents):
        return torch.nn.functional.softplus(self.linear(latents))


def run_readout(answer, latents):
    model = answer(5, 2)
    assert hasattr(model, "linear"), "it has no attribute linear"
    for weight in model.parameters():
        nn.init.normal_(weight)
    return {"forward(latents)": model(latents)}


exercise = with_texts(__file__)


def _loss_cases(rng):
    def case(*shape):
        rates = torch.tensor(rng.uniform(0.1, 2, shape), requires_grad=True)
        return rates, torch.tensor(rng.poisson(0.7, shape)).double()

    return [case(4, 6, 3), case(2, 9, 5)]


EXERCISES = (
    exercise(
        "90.1",
        counts_to_hz,
        cases=lambda rng: [
            (rng.poisson(0.4, (4, 6, 3)), 0.01),
            (rng.poisson(0.4, (2, 9, 5)), 0.02),
        ],
        time_limit=1.0,
    ),
    exercise("90.2", loss, cases=_loss_cases),
    exercise(
        "90.3",
        Readout,
        cases=lambda rng: [(torch.tensor(rng.random((3, 4, 5))).float(),)] * 2,
        run=run_readout,
        time_limit=1.0,
    ),
    exercise(
        "90.4", event_bins, cases=lambda rng: [(rng.uniform(0, 2, n), -0.5, 0.01) for n in (8, 11)]
    ),
    exercise("90.5", extremes, cases=lambda rng: [(rng.normal(size=n),) for n in (5, 8)]),
    exercise(
        "90.6",
        similarity,
        cases=lambda rng: [(rng.normal(size=(n, 3)) * [1, 2, 3] ** np.arange(3),) for n in (9, 8)],
    ),
)
