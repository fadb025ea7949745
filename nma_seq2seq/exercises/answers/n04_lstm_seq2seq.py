"""The answers of solutions/04_lstm_seq2seq.py, from which the build makes this file."""

import numpy as np
from torch import nn


def shapes(n_trials, n_bins, n_sources, n_latents, n_targets):
    return {
        "source": (n_trials, n_bins, n_sources),
        "states": (n_trials, n_bins, 2 * n_latents),
        "latents": (n_trials, n_bins, n_latents),
        "rates": (n_trials, n_bins, n_targets),
        "input weights of one direction": (4 * n_latents, n_sources),
    }


def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    gates = x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh  # (trials, 4 * units)
    i, f, g, o = gates.chunk(4, dim=1)  # each (trials, units)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g  # (trials, units)
    h = o * c.tanh()  # (trials, units)
    return h, c


def average_directions(states):
    forward, backward = states.chunk(2, dim=-1)  # each (trials, time, latents)
    return (forward + backward) / 2


class Seq2Seq(nn.Module):
    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__()
        self.recurrent = nn.LSTM(n_sources, n_latents, batch_first=True, bidirectional=True)
        self.readout = nn.Linear(n_latents, n_targets)
        self.softplus = nn.Softplus(beta=10)

    def latents(self, source):
        states, _ = self.recurrent(source)  # (trials, time, 2 * n_latents)
        forward, backward = states.chunk(2, dim=-1)
        return (forward + backward) / 2  # (trials, time, n_latents)

    def forward(self, source):
        return self.softplus(self.readout(self.latents(source)))  # (trials, time, n_targets)


def output_bias(source, target, beta=10.0):
    n_bins = target.shape[0] * target.shape[1]
    rates = np.maximum(target.sum(axis=(0, 1)), 0.5) / n_bins  # (n_targets,)
    return np.log(np.expm1(beta * rates)) / beta
