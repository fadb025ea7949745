"""Answers to the exercises of 04_lstm_seq2seq."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.exercise_answers import variants


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
        (step_gates_misordered, "forget and input gate"),
        (step_all_sigmoid, "candidate g goes through a tanh"),
        (step_without_last_tanh, "h = o * tanh(c)"),
        (step_memory_first, "returned in another order"),
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
        (OtherNames, "named lstm and readout"),
        (NotAveraged, "not averaged"),
        (Summed, "not halved"),
        (TrialsLast, "batch_first=True"),
    ],
    "4.5": [
        (bias_of_sources, "source neurons"),
        (bias_before_softplus, "must be undone"),
        (bias_as_original, "the original's mistake"),
        (bias_of_silent, "half a spike"),
    ],
}


def step_in_blocks(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    n = c.shape[1]
    a = torch.matmul(x, weight_ih.t()) + bias_ih
    a = a + torch.matmul(h, weight_hh.t()) + bias_hh
    input_gate = torch.sigmoid(a[:, :n])
    forget_gate = torch.sigmoid(a[:, n : 2 * n])
    candidate = torch.tanh(a[:, 2 * n : 3 * n])
    output_gate = torch.sigmoid(a[:, 3 * n :])
    c_new = forget_gate * c + input_gate * candidate
    h_new = output_gate * torch.tanh(c_new)
    return h_new, c_new


def average_in_halves(states):
    n = states.size(2) // 2
    one, two = states[:, :, :n], states[:, :, n:]
    return torch.stack((one, two)).mean(0)


def bias_in_steps(source, target, beta=10.0):
    n_trials, n_bins, n_targets = target.shape
    spikes = target.reshape(-1, n_targets).sum(0).astype(float)
    spikes[spikes == 0] = 0.5
    rate = spikes / (n_trials * n_bins)
    return (1 / beta) * np.log(np.exp(rate * beta) - 1)


class Plain(nn.Module):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__()
        self.n_latents = n_latents
        self.recurrent = nn.LSTM(n_sources, n_latents, batch_first=True, bidirectional=True)
        self.readout = nn.Linear(n_latents, n_targets)
        self.act = nn.Softplus(beta=10)

    def latents(self, source):
        out, (h_n, c_n) = self.recurrent(source)
        fwd = out[:, :, : self.n_latents]
        bwd = out[:, :, self.n_latents :]
        z = (fwd + bwd) / 2
        return z

    def forward(self, source):
        z = self.latents(source)
        return self.act(self.readout(z))


RIGHT["4.2"] += [step_in_blocks]
RIGHT["4.3"] += [average_in_halves, lambda s: s.view(*s.shape[:2], 2, -1).mean(2)]
RIGHT["4.4"] += [Plain]
RIGHT["4.5"] += [bias_in_steps]
RIGHT["4.1"] += [
    lambda a, b, c, d, e: {k: torch.Size(v) for k, v in _shapes(a, b, c, d, e).items()},
    lambda a, b, c, d, e: {k: np.array(v) for k, v in _shapes(a, b, c, d, e).items()},
]
WRONG["4.1"] += [
    (
        lambda a, b, c, d, e, w=w: _shapes(
            a, b, c, d, e, **{k: f(a, b, c, d, e) for k, f in w.items()}
        ),
        says,
    )
    for w, says in [
        ({"rates": lambda a, b, c, d, e: (a, b, d)}, "those of the targets"),
        ({"rates": lambda a, b, c, d, e: (a, e)}, "every bin"),
        ({"states": lambda a, b, c, d, e: (2, a, b, d)}, "side by side"),
        ({"states": lambda a, b, c, d, e: (a, b, 4 * d)}, ""),
        ({"latents": lambda a, b, c, d, e: (a, d)}, "every bin"),
        ({"latents": lambda a, b, c, d, e: (a, b, d // 2)}, "halved"),
        ({"source": lambda a, b, c, d, e: (b, a, c)}, "time and trials"),
        ({"input_weights_of_one_direction": lambda a, b, c, d, e: (c, 4 * d)}, "(outputs, inputs)"),
        ({"input_weights_of_one_direction": lambda a, b, c, d, e: (3 * d, c)}, "not three"),
        ({"input_weights_of_one_direction": lambda a, b, c, d, e: (8 * d, c)}, "ONE direction"),
        ({"input_weights_of_one_direction": lambda a, b, c, d, e: (4 * d, d)}, "weight_hh"),
        ({"input_weights_of_one_direction": lambda a, b, c, d, e: 4 * d * c}, "how many numbers"),
        ({"readout": lambda a, b, c, d, e: (e, d)}, ""),
        (
            {
                "latents": lambda a, b, c, d, e: (a, b, 2 * d),
                "states": lambda a, b, c, d, e: (a, b, d),
            },
            "side by side",
        ),
        (
            {
                "rates": lambda a, b, c, d, e: (a, b, e),
                "latents": lambda a, b, c, d, e: (a, b, 2 * d),
            },
            "averaging",
        ),
    ]
]
WRONG["4.2"] += variants(
    step_in_blocks,
    {
        "+ bias_hh -> ": "biases",
        "+ bias_ih\n -> \n": "biases",
        "torch.matmul(h, weight_hh.t()) + bias_hh -> bias_hh": "state of the bin before",
        "torch.matmul(h, -> torch.matmul(c,": "fed back",
        "torch.tanh(a[:, 2 * n -> torch.sigmoid(a[:, 2 * n": "candidate g goes through a tanh",
        "torch.tanh(a[:, 2 * n -> torch.relu(a[:, 2 * n": "no tanh",
        "torch.sigmoid(a[:, 3 * n :]) -> torch.tanh(a[:, 3 * n :])": "gates go through a sigmoid",
        "torch.sigmoid(a[:, 3 * n :]) -> a[:, 3 * n :]": "no sigmoid",
        "torch.tanh(c_new) -> c_new": "h = o * tanh(c)",
        "torch.tanh(c_new) -> torch.tanh(c)": "OLD",
        "torch.tanh(c_new) -> torch.sigmoid(c_new)": "sigmoid of the memory",
        "forget_gate * c + input -> c + input": "forget gate is missing",
        "+ input_gate * candidate -> + candidate": "input gate is missing",
        "input_gate * candidate -> (1 - forget_gate) * candidate": "GRU",
        "forget_gate * c + input -> (1 - forget_gate) * c + input": "not 1 - f",
        "output_gate * torch -> torch": "output gate is missing",
        "return h_new, c_new -> return c_new, h_new": "another order",
        "return h_new, c_new -> return h_new": "only the first",
        "return h_new, c_new -> return h_new, c": "old memory",
        (
            "a[:, :n] -> a[:, n : 2 * n] ;; "
            "forget_gate = torch.sigmoid(a[:, n : 2 * n]) -> forget_gate = torch.sigmoid(a[:, :n])"
        ): "forget and input",
        (
            "a[:, :n] -> a[:, ::4] ;; "
            "(a[:, n : 2 * n]) -> (a[:, 1::4]) ;; "
            "a[:, 2 * n : 3 * n] -> a[:, 2::4] ;; "
            "a[:, 3 * n :] -> a[:, 3::4]"
        ): "interleaved",
        (
            "a[:, 2 * n : 3 * n] -> a[:, 3 * n :] ;; "
            "sigmoid(a[:, 3 * n :]) -> sigmoid(a[:, 2 * n : 3 * n])"
        ): "order of the parts",
        "torch.matmul(x, weight_ih.t()) -> torch.matmul(x, weight_ih)": "raises RuntimeError",
    },
)
WRONG["4.3"] += variants(
    average_in_halves,
    {
        "torch.stack((one, two)).mean(0) -> torch.stack((one, two)).sum(0)": "not halved",
        "torch.stack((one, two)).mean(0) -> one": "only the forward",
        "torch.stack((one, two)).mean(0) -> two": "only the backward",
        "torch.stack((one, two)).mean(0) -> torch.stack((one, "
        "two.flip(1))).mean(0)": "turned round",
        "torch.stack((one, two)).mean(0) -> torch.stack((one, "
        "two.flip(2))).mean(0)": "turned round",
        "torch.stack((one, two)).mean(0) -> torch.stack((one, two))": "averaged over axis 0",
        "torch.stack((one, two)).mean(0) -> torch.stack((one, two)).mean(-1)": "",
        "torch.stack((one, two)).mean(0) -> torch.stack((one, two)).mean()": "averaged over",
        "torch.stack((one, two)).mean(0) -> torch.cat((one, two), 2)": "nothing is averaged",
        "torch.stack((one, two)).mean(0) -> (one - two) / 2": "difference",
        "torch.stack((one, two)).mean(0) -> one + two / 2": "brackets",
        "torch.stack((one, two)).mean(0) -> one * two": "product",
        "torch.stack((one, two)).mean(0) -> torch.max(one, two)": "larger",
        "torch.stack((one, two)).mean(0) -> (one + two) / 4": "too often",
        "torch.stack((one, two)).mean(0) -> (one + two) / n": "",
        "states[:, :, :n], states[:, :, n:] -> states[:, :, ::2], states[:, :, 1::2]": "HALF",
        "states[:, :, :n], states[:, :, n:] -> states[:, ::2], states[:, 1::2]": "",
        "return torch -> out = torch": "return",
    },
)
WRONG["4.4"] += variants(
    Plain,
    {
        "batch_first=True, -> ": "batch_first",
        ", bidirectional=True -> ": "bidirectional",
        "(fwd + bwd) / 2 -> fwd + bwd": "not halved",
        "(fwd + bwd) / 2 -> fwd": "forward half",
        "(fwd + bwd) / 2 -> bwd": "backward half",
        "(fwd + bwd) / 2 -> (fwd + bwd.flip(1)) / 2": "turned round",
        "(fwd + bwd) / 2 -> torch.cat([fwd, bwd], 2)": "not averaged",
        "nn.Softplus(beta=10) -> nn.Softplus()": "beta=10",
        "nn.Softplus(beta=10) -> nn.ReLU()": "ReLU",
        "nn.Softplus(beta=10) -> nn.Sigmoid()": "sigmoid",
        "nn.Softplus(beta=10) -> nn.ELU()": "",
        "self.act(self.readout(z)) -> self.readout(z)": "softplus is missing",
        "self.act(self.readout(z)) -> torch.exp(self.readout(z))": "an exp",
        "self.act(self.readout(z)) -> self.readout(self.act(z))": "after the read-out",
        "self.act(self.readout(z)) -> self.act(self.readout(z))[:, -1]": "last bin",
        "nn.LSTM -> nn.GRU": "GRU",
        "nn.LSTM -> nn.RNN": "RNN",
        "nn.Linear(n_latents, n_targets) -> nn.Linear(n_latents, n_targets, bias=False)": "no bias",
        "nn.Linear(n_latents, n_targets) -> nn.Linear(n_targets, n_latents)": "the wrong way round",
        "nn.LSTM(n_sources, n_latents, -> nn.LSTM(n_sources, n_latents, 2,": "two recurrent",
        "self.act(self.readout(z)) -> (self.act(self.readout(z)), z)": "several are returned",
        "        z = (fwd + bwd) / 2\n ->         z = torch.tanh(fwd + bwd) / 2\n": "",
        "    def latents ->     def hidden": "",
    },
)
WRONG["4.5"] += variants(
    bias_in_steps,
    {
        "np.exp(rate * beta) - 1 -> np.exp(rate * beta) + 1": "applied instead",
        "np.exp(rate * beta) - 1 -> np.exp(rate * beta)": "rate itself",
        "np.exp(rate * beta) - 1 -> np.exp(rate) - 1": "beta is missing",
        "(1 / beta) * np.log -> np.log": "division by beta",
        "(1 / beta) * -> beta *": "multiplied by beta",
        "(1 / beta) * np.log(np.exp(rate * beta) - 1) -> np.log(np.exp(rate) - 1)": "beta 1",
        "(1 / beta) * np.log(np.exp(rate * beta) - 1) -> 0.1 * np.log(np.exp(rate * 10) "
        "- 1)": "written out",
        "(1 / beta) * np.log(np.exp(rate * beta) - 1) -> np.log(rate)": "undoes an exp",
        "(1 / beta) * np.log(np.exp(rate * beta) - 1) -> rate": "rate itself",
        "(1 / beta) * np.log(np.exp(rate * beta) - 1) -> np.log1p(np.exp(rate * beta)) / "
        "beta": "applied instead",
        "    spikes[spikes == 0] = 0.5\n -> ": "minus infinity",
        "spikes[spikes == 0] = 0.5 -> spikes[spikes == 0] = 1": "another count",
        "spikes[spikes == 0] = 0.5 -> spikes += 0.5": "added to every",
        "spikes[spikes == 0] = 0.5 -> spikes[spikes == 0] = 0.5 * n_trials": "TRIAL",
        "spikes[spikes == 0] = 0.5 -> spikes[spikes == 0] = 0.5 * n_trials * n_bins": "BIN",
        "spikes[spikes == 0] = 0.5 -> spikes[spikes == 0] = 1e-6": "another count",
        "/ (n_trials * n_bins) -> / n_trials": "in a trial",
        "/ (n_trials * n_bins) -> / n_bins": "bins of a trial",
        "/ (n_trials * n_bins) -> ": "not yet divided",
        "target.reshape(-1, n_targets).sum(0) -> source.reshape(-1, "
        "source.shape[2]).sum(0)": "source neurons",
        "/ (n_trials * n_bins) -> / (n_trials * n_bins * 0.01)": "in Hz",
        "    return ->     out =": "return",
    },
)
