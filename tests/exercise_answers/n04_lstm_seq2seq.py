"""Answers to the exercises of 04_lstm_seq2seq."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def _shapes(trials, bins, sources, latents, targets, /, **other):
    right = {
        "source": (trials, bins, sources),
        "states": (trials, bins, latents + latents),
        "latents": (trials, bins, latents),
        "rates": (trials, bins, targets),
        "input weights of one direction": (4 * latents, sources),
    }
    return right | {name.replace("_", " "): shape for name, shape in other.items()}


def shapes_by_running(n_trials, n_bins, n_sources, n_latents, n_targets):
    source = torch.zeros(n_trials, n_bins, n_sources)
    layer = nn.LSTM(n_sources, n_latents, batch_first=True, bidirectional=True)
    states, _ = layer(source)
    latents = states[..., :n_latents]
    return {
        "source": tuple(source.shape),
        "states": tuple(states.shape),
        "latents": tuple(latents.shape),
        "rates": tuple(nn.Linear(n_latents, n_targets)(latents).shape),
        "input weights of one direction": tuple(layer.weight_ih_l0.shape),
    }


def shapes_in_lists(*numbers):
    return {name: list(shape) for name, shape in reversed(_shapes(*numbers).items())}


def shapes_kept_two(a, b, c, d, e):
    return _shapes(a, b, c, d, e, latents=(a, b, 2 * d))


def shapes_one_direction(a, b, c, d, e):
    return _shapes(a, b, c, d, e, states=(a, b, d))


def shapes_without_gates(a, b, c, d, e):
    return _shapes(a, b, c, d, e, input_weights_of_one_direction=(d, c))


def step_with_cell(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    cell = nn.LSTMCell(x.shape[1], h.shape[1])
    named = {
        "weight_ih": weight_ih,
        "weight_hh": weight_hh,
        "bias_ih": bias_ih,
        "bias_hh": bias_hh,
    }
    cell.load_state_dict(named)
    return cell(x, (h, c))


def step_in_float64(x, h, c, *weights):
    x, h, c, w, u, b, a = (part.double() for part in (x, h, c, *weights))
    n = h.shape[1]
    parts = [
        x @ w[k : k + n].T + h @ u[k : k + n].T + (b + a)[k : k + n] for k in range(0, 4 * n, n)
    ]
    c = torch.sigmoid(parts[1]) * c + torch.sigmoid(parts[0]) * torch.tanh(parts[2])
    return [torch.sigmoid(parts[3]) * torch.tanh(c), c]


def step_with_loops(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    n = h.shape[1]
    new_h, new_c = np.zeros(h.shape), np.zeros(c.shape)
    for trial in range(len(x)):
        a = (weight_ih @ x[trial] + weight_hh @ h[trial] + bias_ih + bias_hh).numpy().astype(float)
        for k in range(n):
            i, f, o = (1 / (1 + np.exp(-a[k + j * n])) for j in (0, 1, 3))
            new_c[trial, k] = f * float(c[trial, k]) + i * np.tanh(a[k + 2 * n])
            new_h[trial, k] = o * np.tanh(new_c[trial, k])
    return new_h, new_c


def _step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    return functional.linear(x, weight_ih, bias_ih) + functional.linear(h, weight_hh, bias_hh)


def step_gates_misordered(x, h, c, *weights):
    f, i, g, o = _step(x, h, c, *weights).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def step_all_sigmoid(x, h, c, *weights):
    i, f, g, o = _step(x, h, c, *weights).sigmoid().chunk(4, 1)
    c = f * c + i * g
    return o * c.tanh(), c


def step_without_last_tanh(x, h, c, *weights):
    i, f, g, o = _step(x, h, c, *weights).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c, c


def step_memory_first(*arguments):
    return step_with_cell(*arguments)[::-1]


def step_weight_not_transposed(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    return x @ weight_ih + bias_ih, c


def average_with_loop(states):
    n = states.shape[-1] // 2
    return torch.stack([(states[..., k] + states[..., n + k]) / 2 for k in range(n)], dim=-1)


def average_with_einsum(states):
    return torch.einsum("tbdn->tbn", states.double().unflatten(-1, (2, -1))) / 2


def average_in_numpy(states):
    return np.mean(np.split(states.numpy(), 2, axis=2), axis=0)


class WithSlices(nn.Module):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__()
        self.n = n_latents
        self.recurrent = nn.LSTM(
            input_size=n_sources, hidden_size=self.n, batch_first=True, bidirectional=True
        )
        self.readout = nn.Linear(self.n, n_targets)

    def latents(self, source):
        states = self.recurrent(source)[0]
        return 0.5 * states[:, :, : self.n] + 0.5 * states[:, :, self.n :]

    def forward(self, source):
        return functional.softplus(self.readout(self.latents(source)), beta=10)


class WithEinsum(WithSlices):
    def latents(self, source):
        states, _ = self.recurrent(source)
        return torch.einsum("tbdn->tbn", states.unflatten(-1, (2, self.n))) / 2


class WithLog(WithSlices):
    def forward(self, source):
        output = self.readout(self.latents(source))
        return torch.log1p(torch.exp(10 * output)) / 10


class Relu(WithSlices):
    def forward(self, source):
        return torch.relu(self.readout(self.latents(source)))


class DefaultBeta(WithSlices):
    def forward(self, source):
        return functional.softplus(self.readout(self.latents(source)))


class OneDirection(WithSlices):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__(n_sources, n_targets, n_latents)
        self.recurrent = nn.LSTM(n_sources, n_latents, batch_first=True)


class OtherNames(nn.Module):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__()
        self.lstm = nn.LSTM(n_sources, n_latents, batch_first=True, bidirectional=True)
        self.readout = nn.Linear(n_latents, n_targets)


class NotAveraged(WithSlices):
    def latents(self, source):
        return self.recurrent(source)[0]


class Summed(WithSlices):
    def latents(self, source):
        states, _ = self.recurrent(source)
        return states[..., : self.n] + states[..., self.n :]


class TrialsLast(WithSlices):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__(n_sources, n_targets, n_latents)
        self.recurrent = nn.LSTM(n_sources, n_latents, bidirectional=True)


def bias_with_loop(source, target, beta=10.0):
    bias = []
    for neuron in range(target.shape[-1]):
        counts = target[:, :, neuron]
        mean = max(float(counts.sum()), 0.5) / counts.size
        bias.append(np.log(np.exp(beta * mean) - 1) / beta)
    return bias


def bias_in_torch(source, target, beta=10.0):
    counts = torch.as_tensor(target).double()
    rates = counts.sum((0, 1)).clamp(min=0.5) / counts[..., 0].numel()
    return torch.log(torch.expm1(beta * rates)) / beta


def bias_rewritten(source, target, beta=10.0):
    rates = np.maximum(np.einsum("tbn->n", target), 0.5) / np.prod(target.shape[:2])
    return rates + np.log1p(-np.exp(-beta * rates)) / beta


def bias_of_sources(source, target, beta=10.0):
    return bias_with_loop(target, source, beta)


def bias_before_softplus(source, target, beta=10.0):
    return np.maximum(target.sum((0, 1)), 0.5) / target[..., 0].size


def bias_as_original(source, target, beta=10.0):
    return np.maximum(source.sum((0, 1)), 0.5) / source[..., 0].size


def bias_of_silent(source, target, beta=10.0):
    with np.errstate(divide="ignore"):
        return np.log(np.expm1(beta * target.mean(axis=(0, 1)))) / beta


RIGHT = {
    "4.1": [_shapes, shapes_by_running, shapes_in_lists],
    "4.2": [step_with_cell, step_in_float64, step_with_loops],
    "4.3": [average_with_loop, average_with_einsum, average_in_numpy],
    "4.4": [WithSlices, WithEinsum, WithLog],
    "4.5": [bias_with_loop, bias_in_torch, bias_rewritten],
}

WRONG = {
    "4.1": [
        (shapes_kept_two, "averaging the two directions"),
        (shapes_one_direction, "side by side"),
        (shapes_without_gates, "four sets of weights"),
    ],
    "4.2": [
        (step_gates_misordered, "order of the parts"),
        (step_all_sigmoid, "candidate g goes through a tanh"),
        (step_without_last_tanh, "h = o * tanh(c)"),
        (step_memory_first, "state h comes first"),
        (step_weight_not_transposed, "RuntimeError"),
    ],
    "4.3": [
        (lambda s: (s[..., ::2] + s[..., 1::2]) / 2, "neighbouring columns"),
        (lambda s: s[..., : s.shape[-1] // 2] + s[..., s.shape[-1] // 2 :], "not halved"),
        (lambda s: (s.chunk(2, -1)[0] + s.chunk(2, -1)[1].flip(1)) / 2, "turned round"),
        (lambda s: s.mean(-1), "averages all columns"),
    ],
    "4.4": [
        (DefaultBeta, "beta=10"),
        (Relu, "ReLU"),
        (OneDirection, "bidirectional"),
        (OtherNames, "lstm.weight_ih_l0"),
        (NotAveraged, "latents(source) has shape"),
        (Summed, "not halved"),
        (TrialsLast, "batch_first=True"),
    ],
    "4.5": [
        (bias_of_sources, "source neurons"),
        (bias_before_softplus, "before the softplus"),
        (bias_as_original, "the original's mistake"),
        (bias_of_silent, "half a spike"),
    ],
}
