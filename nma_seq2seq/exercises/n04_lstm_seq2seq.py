"""Exercises of 04_lstm_seq2seq."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nma_seq2seq import metrics
from nma_seq2seq.exercises import Exercise, difference
from nma_seq2seq.exercises.answers import n04_lstm_seq2seq as answers


def _shapes_instead(**wrong):
    """A mistake: the right shapes but for those given, functions of the five numbers."""

    def mistake(n_trials, n_bins, n_sources, n_latents, n_targets):
        numbers = n_trials, n_bins, n_sources, n_latents, n_targets
        right = answers.shapes(*numbers)
        return right | {key.replace("_", " "): shape(*numbers) for key, shape in wrong.items()}

    return mistake


def _lstm_step_instead(order="ifgo", candidate=torch.tanh, shown=torch.tanh, both_biases=True):
    """A mistake: the right step but for what is given."""

    def mistake(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
        gates = x @ weight_ih.T + bias_ih + h @ weight_hh.T + both_biases * bias_hh
        named = dict(zip(order, gates.chunk(4, dim=1), strict=True))
        i, f, o = (named[name].sigmoid() for name in "ifo")
        c = f * c + i * candidate(named["g"])
        return o * shown(c), c

    return mistake


def _lstm_step_swapped(*arguments):
    h, c = answers.lstm_step(*arguments)
    return c, h


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
    return [(torch.tensor(rng.normal(size=size)),) for size in ((4, 9, 6), (7, 5, 10))]


class _BetaOne(answers.Seq2Seq):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__(n_sources, n_targets, n_latents)
        self.softplus = nn.Softplus()


class _TimeFirst(answers.Seq2Seq):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__(n_sources, n_targets, n_latents)
        self.recurrent = nn.LSTM(n_sources, n_latents, bidirectional=True)


class _Summed(answers.Seq2Seq):
    def latents(self, source):
        return 2 * super().latents(source)


class _ForwardOnly(answers.Seq2Seq):
    def latents(self, source):
        return self.recurrent(source)[0][..., : self.readout.in_features]


class _NoSoftplus(answers.Seq2Seq):
    def forward(self, source):
        return self.readout(self.latents(source))


class _Relu(answers.Seq2Seq):
    def forward(self, source):
        return self.readout(self.latents(source)).relu()


def _check_seq2seq(answer, reference):
    for n_sources, n_targets, n_latents, n_trials, n_bins in ((7, 4, 3, 5, 6), (3, 8, 5, 2, 9)):
        torch.manual_seed(n_sources)
        mine = answer(n_sources, n_targets, n_latents=n_latents)
        right = reference(n_sources, n_targets, n_latents=n_latents)
        weights, wanted = mine.state_dict(), right.state_dict()
        if set(weights) != set(wanted):
            missing, extra = sorted(set(wanted) - set(weights)), sorted(set(weights) - set(wanted))
            return (
                f"the network has no weights {', '.join(missing) or '(none is missing)'}"
                + (f", but has {', '.join(extra)}" if extra else ""),
                "self.recurrent must be a bidirectional nn.LSTM of one layer and self.readout an "
                "nn.Linear, and nothing else has weights",
            )
        for name, weight in weights.items():
            if weight.shape != wanted[name].shape:
                return (
                    f"{name} has shape {tuple(weight.shape)}, expected "
                    f"{tuple(wanted[name].shape)} for {n_sources} sources, {n_latents} latents and "
                    f"{n_targets} targets"
                )
        right.load_state_dict(weights)
        source = torch.rand(n_trials, n_bins, n_sources)
        found = difference(mine.latents(source), right.latents(source), what="latents(source)")
        found = found or difference(mine(source), right(source), what="forward(source)")
        if found:
            return found
    return None


def _silent_forgotten(source, target, beta=10.0):
    with np.errstate(divide="ignore"):
        return np.log(np.expm1(beta * target.mean(axis=(0, 1)))) / beta


def _output_bias_cases(rng):
    def case(n_trials, n_bins, n_sources, n_targets, beta):
        source = rng.poisson(rng.uniform(0.1, 0.9, n_sources), (n_trials, n_bins, n_sources))
        target = rng.poisson(rng.uniform(0.05, 0.6, n_targets), (n_trials, n_bins, n_targets))
        target[..., 1] = 0  # a neuron that never fires
        return source, target, beta

    return [case(9, 7, 5, 5, 10.0), case(6, 8, 4, 3, 3.0)]


EXERCISES = (
    Exercise(
        number="4.1",
        title="the shapes on the way",
        minutes=5,
        difficulty=1,
        reference=answers.shapes,
        cases=lambda rng: [(6, 40, 11, 3, 5), (4, 25, 7, 15, 9)],
        mistakes=[
            (
                "averaging the two directions leaves n_latents columns, not 2 * n_latents",
                _shapes_instead(latents=lambda trials, bins, s, k, t: (trials, bins, 2 * k)),
            ),
            (
                "a bidirectional layer puts the states of both directions side by side",
                _shapes_instead(states=lambda trials, bins, s, k, t: (trials, bins, k)),
            ),
            (
                "an LSTM has four sets of weights (three gates and the candidate), one below the "
                "other",
                _shapes_instead(
                    input_weights_of_one_direction=lambda trials, bins, s, k, t: (k, s)
                ),
            ),
            (
                "torch keeps a weight as (outputs, inputs)",
                _shapes_instead(
                    input_weights_of_one_direction=lambda trials, bins, s, k, t: (s, 4 * k)
                ),
            ),
        ],
        hints=(
            "Trials and time bins come out as they went in; what changes is the last axis. How "
            "many numbers does each direction give for a bin, and what does averaging do to them?",
            "The states have 2 * n_latents columns, the latents n_latents, the rates n_targets. An "
            "LSTM's weight_ih is (4 * units, inputs).",
        ),
    ),
    Exercise(
        number="4.2",
        title="a step of an LSTM",
        minutes=15,
        difficulty=2,
        reference=answers.lstm_step,
        cases=_lstm_step_cases,
        mistakes=[
            (
                "the order of the parts: torch stacks them as input, forget, candidate, output",
                _lstm_step_instead(order="figo"),
            ),
            (
                "the order of the parts: torch stacks them as input, forget, candidate, output",
                _lstm_step_instead(order="ifog"),
            ),
            (
                "the candidate g goes through a tanh; sigmoids are for the three gates",
                _lstm_step_instead(candidate=torch.sigmoid),
            ),
            (
                "the new state shows the tanh of the new memory, h = o * tanh(c)",
                _lstm_step_instead(shown=lambda c: c),
            ),
            ("one of the two biases is missing", _lstm_step_instead(both_biases=False)),
            ("the state h comes first, then the memory c", _lstm_step_swapped),
        ],
        hints=(
            "All four parts can be had with two matrix products: x with weight_ih, h with "
            "weight_hh. Then cut the result into four along the last axis.",
            "gates = x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh; i, f, g, o = "
            "gates.chunk(4, dim=1); sigmoid on i, f, o and tanh on g; then the two formulas.",
        ),
    ),
    Exercise(
        number="4.3",
        title="two directions averaged",
        minutes=5,
        difficulty=1,
        reference=answers.average_directions,
        cases=_average_cases,
        mistakes=[
            (
                "neighbouring columns are averaged; the first half of the columns is one "
                "direction, the second half the other",
                lambda states: states.unflatten(-1, (-1, 2)).mean(-1),
            ),
            (
                "only the forward half is used",
                lambda states: states[..., : states.shape[-1] // 2],
            ),
            ("the two halves are added but not halved", lambda s: sum(s.chunk(2, dim=-1))),
            (
                "the backward half is turned round, but torch has put it back in the order of time",
                lambda s: (s.chunk(2, dim=-1)[0] + s.chunk(2, dim=-1)[1].flip(1)) / 2,
            ),
            (
                "this averages all columns; the two directions lie side by side in the last axis",
                lambda states: states.mean(dim=-1),
            ),
        ],
        hints=(
            "The last axis holds the forward states first and then the backward ones. How do you "
            "cut a tensor in half along an axis?",
            "forward, backward = states.chunk(2, dim=-1), and then their mean.",
        ),
    ),
    Exercise(
        number="4.4",
        title="the Seq2Seq network",
        minutes=15,
        difficulty=2,
        reference=answers.Seq2Seq,
        check=_check_seq2seq,
        mistakes=[
            ("the softplus has beta 1; the study's has beta=10", _BetaOne),
            (
                "the recurrent layer lacks batch_first=True, so it runs over trials, not time",
                _TimeFirst,
            ),
            ("the two directions are added but not halved", _Summed),
            ("only the forward half is used", _ForwardOnly),
            ("the softplus is missing, so that rates may be negative", _NoSoftplus),
            ("a ReLU where a softplus is asked for", _Relu),
        ],
        hints=(
            "Three layers: nn.LSTM, nn.Linear, nn.Softplus. Which of them reads n_sources numbers, "
            "and which gives n_targets? The linear layer reads latents, after the averaging.",
            "nn.LSTM(n_sources, n_latents, batch_first=True, bidirectional=True) returns (states, "
            "(h, c)); average the states as in exercise 4.3; then readout, then softplus.",
        ),
    ),
    Exercise(
        number="4.5",
        title="the output bias",
        minutes=10,
        difficulty=2,
        reference=answers.output_bias,
        cases=_output_bias_cases,
        mistakes=[
            (
                "this takes the mean of the source neurons; the output belongs to the targets",
                lambda source, target, beta=10.0: answers.output_bias(target, source, beta),
            ),
            (
                "the mean of the source neurons, and before the softplus: the original's mistake",
                lambda source, target, beta=10.0: metrics.mean_rates(source),
            ),
            (
                "this is the rate itself, but the bias stands before the softplus, which must be "
                "undone",
                lambda source, target, beta=10.0: metrics.mean_rates(target),
            ),
            (
                "the softplus is applied instead of undone",
                lambda s, target, beta=10.0: (
                    np.logaddexp(0, beta * metrics.mean_rates(target)) / beta
                ),
            ),
            (
                "this undoes an exp, not a softplus",
                lambda source, target, beta=10.0: np.log(metrics.mean_rates(target)),
            ),
            (
                "this undoes a softplus of beta 1",
                lambda source, target, beta=10.0: np.log(np.expm1(metrics.mean_rates(target))),
            ),
            (
                "a neuron that never fired has rate 0, whose logarithm is minus infinity; give it "
                "half a spike at least",
                _silent_forgotten,
            ),
        ],
        hints=(
            "With latents at zero the network's rate is softplus(bias). Which bias makes that the "
            "mean count of the target neuron?",
            "Solve rate = log(1 + exp(beta * bias)) / beta for the bias; np.expm1(x) = exp(x) - 1. "
            "rate = np.maximum(target.sum(axis=(0, 1)), 0.5) / (trials * bins).",
        ),
    ),
)
