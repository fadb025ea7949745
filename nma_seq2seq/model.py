"""Seq2Seq: source neurons -> recurrence over time -> latents -> rates of the target neurons."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nma_seq2seq.arguments import one_of, real, whole
from nma_seq2seq.smoothing import widths


class Transformer(nn.Module):
    """A small transformer encoder over time bins, called as torch's recurrent layers are.

    Each bin's inputs, with a learned vector that says which bin it is, look at all bins (or at the
    earlier ones alone) through two layers of self-attention.

    Parameters
    ----------
    n_inputs, n_latents : int
    batch_first : bool
        True, as everywhere in the course.
    bidirectional : bool
        Whether a bin looks at later ones.
    """

    MAX_BINS, WIDTH = 1000, 64

    def __init__(
        self, n_inputs: int, n_latents: int, *, batch_first: bool = True, bidirectional: bool = True
    ):
        super().__init__()
        self.bidirectional = bidirectional
        self.embedding = nn.Linear(n_inputs, self.WIDTH)
        self.positions = nn.Parameter(0.02 * torch.randn(self.MAX_BINS, self.WIDTH))
        layer = nn.TransformerEncoderLayer(
            self.WIDTH, nhead=4, dim_feedforward=2 * self.WIDTH, dropout=0.1,
            batch_first=batch_first, norm_first=True,
        )  # fmt: skip
        self.encoder = nn.TransformerEncoder(
            layer, num_layers=2, norm=nn.LayerNorm(self.WIDTH), enable_nested_tensor=False
        )
        self.to_latents = nn.Linear(self.WIDTH, n_latents)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Inputs (trials, time, n_inputs) -> states (trials, time, n_latents), and no last state.

        Raises
        ------
        ValueError
            If there are more bins than positions.
        """
        n_bins = inputs.shape[1]
        if n_bins > self.MAX_BINS:
            raise ValueError(
                f"the transformer tells {self.MAX_BINS} bins apart, and these trials have "
                f"{n_bins}; take wider bins or a shorter window"
            )
        later = None
        if not self.bidirectional:
            later = nn.Transformer.generate_square_subsequent_mask(
                n_bins, device=inputs.device, dtype=inputs.dtype
            )
        embedded = self.embedding(inputs) + self.positions[:n_bins]
        return self.to_latents(self.encoder(embedded, mask=later)), None


CELLS: dict[str, type[nn.Module]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn": nn.RNN,
    "transformer": Transformer,
}


class Seq2Seq(nn.Module):
    """The course's network, in two settings.

    Plain, as the original study has it: a recurrent layer reads the source counts in both
    directions, their average is the latents, and a linear layer and a softplus make rates of them.

    With `smoothing`, a linear read-in brings the sources down to the latents first, each smoothed
    over time by a kernel of its own; the recurrent layer then adds what the smoothing missed. Its
    share starts at zero and the rest can be copied from a reduced-rank regression
    (`members.warm_started`), so that training begins where the linear model ends.

    Parameters
    ----------
    n_sources, n_targets : int
        Neurons that predict, neurons that are predicted.
    n_latents : int
        Also the units of the recurrent layer in each direction.
    cell : "lstm", "gru", "rnn" or "transformer"
        The last reads all bins at once, by attention; see `Transformer`.
    smoothing : tuple of float
        Standard deviations, in bins, of the Gaussians that the kernels start as; each latent is the
        sum of one read-in for each. Empty for the plain network.
    bidirectional : bool
        Whether a rate may depend on what comes after its bin. Without, the recurrent layer reads
        forward alone and the kernels reach into the past alone; `fit_seq2seq` says what it costs.
    floor : float
        Least rate, as a share of `scale`, that the softplus can give.
    beta : float
        Sharpness of the softplus.

    Raises
    ------
    ValueError
        If there is no such cell, or a size or width is none.

    Examples
    --------
    >>> model = nma.Seq2Seq(n_sources=30, n_targets=7, n_latents=4)
    >>> model(torch.zeros(2, 40, 30)).shape
    torch.Size([2, 40, 7])
    """

    scale: torch.Tensor

    def __init__(
        self,
        n_sources: int,
        n_targets: int,
        n_latents: int = 15,
        *,
        cell: str = "lstm",
        smoothing: tuple[float, ...] = (),
        bidirectional: bool = True,
        floor: float = 0.0,
        beta: float = 10.0,
    ):
        super().__init__()
        one_of("cell", cell, CELLS)
        n_sources, n_targets = whole("n_sources", n_sources, 1), whole("n_targets", n_targets, 1)
        n_latents, smoothing = whole("n_latents", n_latents, 1), widths(smoothing)
        floor = real("floor", floor, 0)
        if not real("beta", beta) > 0:
            raise ValueError(f"beta={beta!r} must be above 0")
        self.options: dict[str, Any] = {  # what it takes to build this network again
            "n_sources": n_sources,
            "n_targets": n_targets,
            "n_latents": n_latents,
            "cell": cell,
            "smoothing": smoothing,
            "bidirectional": bool(bidirectional),
            "floor": floor,
            "beta": beta,
        }
        self.n_latents, self.floor = n_latents, floor
        causal = not bidirectional
        self.read_in = SmoothReadIn(n_sources, n_latents, smoothing, causal) if smoothing else None
        n_inputs = n_latents if smoothing else n_sources
        self.recurrent = CELLS[cell](
            n_inputs, n_latents, batch_first=True, bidirectional=bool(bidirectional)
        )
        self.recurrent_share = nn.Parameter(torch.zeros(n_latents)) if smoothing else None
        self.readout = nn.Linear(n_latents, n_targets)
        self.softplus = nn.Softplus(beta=beta)
        # Counts per bin that an output of 1 stands for; a warm start sets it to the mean rates.
        self.register_buffer("scale", torch.ones(n_targets))
        self.float()  # whatever torch's default type is: counts come as float32

    def latents(self, source: torch.Tensor) -> torch.Tensor:
        """Counts (trials, time, n_sources) -> latents (trials, time, n_latents)."""
        inputs = source if self.read_in is None else self.read_in(source)
        share = self.recurrent_share
        if share is not None and not (torch.is_grad_enabled() or share.any()):
            return inputs  # a layer without a share need not be run
        states = self.states(inputs)
        return states if share is None else inputs + share * states

    def states(self, inputs: torch.Tensor) -> torch.Tensor:
        """The recurrent layer's states, averaged over its directions, (trials, time, n_latents)."""
        states, _ = self.recurrent(inputs)  # (trials, time, directions * n_latents)
        return states.unflatten(-1, (-1, self.n_latents)).mean(dim=-2)

    @property
    def smoothing_layer(self) -> SmoothReadIn:
        """The read-in of a network that has one; a ValueError from one without `smoothing`."""
        if self.read_in is None:
            raise ValueError(
                "a network without smoothing has no read-in to start from a linear fit"
            )
        return self.read_in

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets), counts per bin."""
        output = self.readout(self.latents(source))  # (trials, time, n_targets)
        return self.scale * (self.floor + self.softplus(output - self.floor))


class SmoothReadIn(nn.Module):
    """Linear read-in of the sources, smoothed over time by learned kernels.

    Parameters
    ----------
    n_sources, n_latents : int
    smoothing : tuple of float
        Standard deviations of the first kernels, bins.
    causal : bool
        Kernels reach into the past alone.
    """

    REACH = 20  # bins that a kernel reaches to either side, or into the past
    first_kernels: torch.Tensor
    source_mean: torch.Tensor
    source_scale: torch.Tensor

    def __init__(
        self, n_sources: int, n_latents: int, smoothing: tuple[float, ...], causal: bool = False
    ):
        super().__init__()
        self.n_latents, self.n_widths, self.causal = n_latents, len(smoothing), causal
        lags = torch.arange(0 if causal else -self.REACH, self.REACH + 1)
        bumps = torch.stack([torch.exp(-0.5 * (lags / width) ** 2) for width in smoothing])
        kernels = (bumps / bumps.sum(dim=1, keepdim=True)).repeat_interleave(n_latents, dim=0)
        self.kernels = nn.Parameter(kernels)  # (n_widths * n_latents, lags)
        self.register_buffer("first_kernels", kernels.clone())
        self.weight = nn.Parameter(torch.zeros(n_sources, len(kernels)))
        self.offset = nn.Parameter(torch.zeros(n_latents))
        self.register_buffer("source_mean", torch.zeros(n_sources))
        self.register_buffer("source_scale", torch.ones(n_sources))

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        """Counts (trials, time, n_sources) -> inputs (trials, time, n_latents)."""
        read = ((source - self.source_mean) / self.source_scale) @ self.weight
        read = read.transpose(1, 2)  # (trials, n_widths * n_latents, time)
        smooth = self.filtered(read, self.kernels) / self.covered(source.shape[1])
        latents = smooth.unflatten(1, (self.n_widths, self.n_latents)).sum(dim=1)
        return latents.transpose(1, 2) + self.offset

    def covered(self, n_bins: int) -> torch.Tensor:
        """Share of each first kernel that lies within the trial, (n_widths * n_latents, time).

        Near the ends of a trial a kernel is cut off; what is missing is made up for.
        """
        return self.filtered(self.first_kernels.new_ones(n_bins), self.first_kernels)

    def filtered(self, signals: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
        """Signals (..., time) with kernels (..., lags) such as this read-in's, as many bins."""
        return (convolve_past if self.causal else convolve)(signals, kernels)


def convolve_past(signals: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Each signal (..., time) with a kernel (..., lags from 0 on), zeros before the start.

    Lag by lag: the rounding of an FFT would let a little of the future through.
    """
    n_bins, n_lags = signals.shape[-1], kernels.shape[-1]
    padded = nn.functional.pad(signals, (n_lags - 1, 0))
    total = padded[..., n_lags - 1 :] * kernels[..., :1]
    for lag in range(1, min(n_lags, n_bins)):
        start = n_lags - 1 - lag
        total = total + padded[..., start : start + n_bins] * kernels[..., lag : lag + 1]
    return total


def convolve(signals: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Each signal (..., time) with a centred kernel (..., lags), zeros beyond the ends.

    By FFT, which took a third of `conv1d`'s time on a CPU.
    """
    from scipy.fft import next_fast_len

    n_bins, n_lags = signals.shape[-1], kernels.shape[-1]
    length = next_fast_len(n_bins + n_lags - 1, real=True)
    spectrum = torch.fft.rfft(signals, n=length) * torch.fft.rfft(kernels, n=length)
    start = n_lags // 2
    return torch.fft.irfft(spectrum, n=length)[..., start : start + n_bins]
