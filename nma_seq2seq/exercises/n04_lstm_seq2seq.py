"""Exercises of 04_lstm_seq2seq."""

from __future__ import annotations

import torch

from nma_seq2seq.exercises import with_texts
from nma_seq2seq.exercises.answers import n04_lstm_seq2seq as answers

exercise = with_texts(__file__)


def _lstm_step_cases(rng):
    def case(n_trials, n_inputs, n_units):
        sizes = (
            (n_trials, n_inputs),
            (n_trials, n_units),
            (n_trials, n_units),
            (4 * n_units, n_inputs),
            (4 * n_units, n_units),
            (4 * n_units,),
            (4 * n_units,),
        )
        return tuple(torch.tensor(rng.normal(size=size)).float() for size in sizes)

    return [case(5, 7, 3), case(2, 4, 6)]


def _average_cases(rng):
    return [(torch.tensor(rng.normal(size=size)),) for size in ((4, 8, 6), (6, 10, 14))]


def _run_seq2seq(answer, n_sources, n_targets, n_latents, source):
    """The names and shapes of its weights, and what it makes of the source with given ones."""
    model = answer(n_sources, n_targets, n_latents=n_latents)
    weights, wanted = (
        {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
        for network in (model, answers.Seq2Seq(n_sources, n_targets, n_latents))
    )
    if sorted(weights.values()) == sorted(wanted.values()) and set(weights) != set(wanted):
        named = " and ".join(sorted({name.split(".")[0] for name in weights}))
        raise AssertionError(f"its parts are named {named}, expected readout and recurrent")
    if weights != wanted:
        return {"the network": weights, "latents(source)": None, "forward(source)": None}
    generator = torch.Generator().manual_seed(0)
    model.load_state_dict(
        {name: 0.7 * torch.randn(weights[name], generator=generator) for name in sorted(weights)}
    )
    latents = model.latents(source)
    fits = isinstance(latents, torch.Tensor) and latents.shape[-1] == n_latents
    return {
        "the network": weights,
        "latents(source)": latents,
        "forward(source)": model(source) if fits else None,
    }


def _seq2seq_cases(rng):
    return [
        (7, 4, 3, torch.tensor(rng.poisson(0.8, (5, 6, 7))).float()),
        (3, 8, 5, torch.tensor(rng.poisson(0.8, (2, 9, 3))).float()),
    ]


def _output_bias_cases(rng):
    def case(n_trials, n_bins, n_sources, n_targets, beta):
        source = rng.poisson(rng.uniform(0.1, 0.9, n_sources), (n_trials, n_bins, n_sources))
        target = rng.poisson(rng.uniform(0.05, 0.6, n_targets), (n_trials, n_bins, n_targets))
        target[..., 1] = 0  # a neuron that never fires
        target[0, 0, 2] += 1  # and one that does
        return source, target, beta

    return [case(9, 7, 5, 5, 6.0), case(6, 8, 4, 3, 3.0)]


EXERCISES = (
    exercise("4.1", answers.shapes, cases=lambda rng: [(6, 40, 11, 3, 5), (4, 25, 7, 15, 9)]),
    exercise("4.2", answers.lstm_step, cases=_lstm_step_cases),
    exercise("4.3", answers.average_directions, cases=_average_cases),
    exercise("4.4", answers.Seq2Seq, cases=_seq2seq_cases, run=_run_seq2seq),
    exercise("4.5", answers.output_bias, cases=_output_bias_cases),
)
