"""Exercises of 04_lstm_seq2seq."""

from __future__ import annotations

import torch

from nma_seq2seq.exercises import Exercise
from nma_seq2seq.exercises.answers import n04_lstm_seq2seq as answers
from nma_seq2seq.exercises.edits import read_mistakes

known = read_mistakes(__file__)


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
    Exercise(
        number="4.1",
        title="the shapes on the way",
        minutes=5,
        difficulty=1,
        reference=answers.shapes,
        cases=lambda rng: [(6, 40, 11, 3, 5), (4, 25, 7, 15, 9)],
        mistakes=known["4.1"],
        hints=(
            "Trials and time bins come out as they went in; what changes is the last axis. How "
            "many numbers does each direction give for a bin, and what does averaging do to them?",
            "Two directions side by side have twice the columns, averaged once. An LSTM has three "
            "gates and a candidate, each with weights of its own, and torch writes (out, in).",
        ),
        gaps=("2 * n_latents", "(4 * n_latents, n_sources)", "n_bins, n_latents)"),
    ),
    Exercise(
        number="4.2",
        title="a step of an LSTM",
        minutes=15,
        difficulty=2,
        reference=answers.lstm_step,
        cases=_lstm_step_cases,
        mistakes=known["4.2"],
        hints=(
            "All four parts can be had with two matrix products. Of what with what?",
            "x and h each meet their own weights and bias, and the sum is cut into four blocks "
            "along the last axis. Gates go through sigmoids, the candidate through a tanh.",
        ),
        gaps=("h @ weight_hh.T + bias_hh", "gates.chunk(4, dim=1)", "g.tanh()", "f * c + i * g"),
    ),
    Exercise(
        number="4.3",
        title="two directions averaged",
        minutes=5,
        difficulty=1,
        reference=answers.average_directions,
        cases=_average_cases,
        mistakes=known["4.3"],
        hints=(
            "The last axis holds the forward states first and then the backward ones. How do you "
            "cut a tensor in half along an axis?",
            "Two halves of the last axis, both already in the order of time, and then their mean.",
        ),
        gaps=("states.chunk(2, dim=-1)", "(forward + backward) / 2"),
    ),
    Exercise(
        number="4.4",
        title="the Seq2Seq network",
        minutes=15,
        difficulty=2,
        reference=answers.Seq2Seq,
        cases=_seq2seq_cases,
        run=_run_seq2seq,
        mistakes=known["4.4"],
        hints=(
            "Three layers. Which of them reads n_sources numbers, and which gives n_targets?",
            "nn.LSTM returns (states, (h, c)), states with both directions side by side. The "
            "linear layer reads the latents, after the averaging, and the softplus comes last.",
        ),
        gaps=(
            "batch_first=True, bidirectional=True",
            "nn.Linear(n_latents, n_targets)",
            "(forward + backward) / 2",
            "beta=10",
        ),
    ),
    Exercise(
        number="4.5",
        title="the output bias",
        minutes=10,
        difficulty=2,
        reference=answers.output_bias,
        cases=_output_bias_cases,
        mistakes=known["4.5"],
        hints=(
            "With latents at zero the network's rate is softplus(bias). Which bias makes that the "
            "mean count of the target neuron?",
            "The softplus has to be undone: solve rate = log(1 + exp(beta * bias)) / beta for the "
            "bias. Before that, no rate may be 0.",
        ),
        gaps=("np.maximum(target.sum(axis=(0, 1)), 0.5)", "np.log(np.expm1(beta * rates))"),
    ),
)
