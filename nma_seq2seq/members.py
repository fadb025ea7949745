"""Several Seq2Seq networks trained side by side, each on its own trials, in one pass.

The course's model averages five small networks. One after the other, most of their time went into
reading counts that are nearly all zero. Here they share the sums of squares of the warm start, read
spikes as sparse rows, and take each step together; a network that has stopped is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from nma_seq2seq.baselines import centred, input_sums, leading_axes, source_scaling
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.early_stopping import Adam, Settings, pieces
from nma_seq2seq.model import Seq2Seq

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ELEMENTS = 500_000  # outputs of the networks that are computed together


# ---------------------------------------------------------------------- warm start


@torch.no_grad()
def warm_started(
    models: Sequence[Seq2Seq], data: Dataset, parts: Sequence[np.ndarray], ridge: float
) -> None:
    """Start each network from a reduced-rank regression on all seen trials but its own part.

    The regression is that of `baselines.fit_rrr`, causal where the networks are. What it needs are
    sums over samples, so those of all trials less those of a part serve the network that holds the
    part out. Sums of squares take every second bin of smoothed sources, which are nearly the mean
    of their neighbours; not so where smoothing is causal, for such sources jump with each spike.

    Latents are scaled to unit variance, so that one learning rate suits all of them. Before it is
    trained, a network's rates are about the regression's.
    """
    from scipy.linalg import blas

    smoothing, causal = models[0].options["smoothing"], models[0].smoothing_layer.causal
    every = 2 if min(smoothing) >= 2 and data.n_bins >= 10 and not causal else 1
    seen = np.union1d(data.train, data.validation)
    scaling = source_scaling(data, seen)
    rest = np.setdiff1d(seen, np.concatenate(parts))
    each = [
        input_sums(data, part, scaling, smoothing, causal=causal, every=every)
        for part in [*parts, rest]
        if len(part)
    ]
    everything = [sum(arrays) for arrays in zip(*each, strict=True)]
    for model, own in zip(models, each, strict=False):
        others = [a - b for a, b in zip(everything, own, strict=True)]
        gram, cross, center, target_mean = centred(others)
        encoder, axes = leading_axes(gram, cross, ridge, model.n_latents)
        squares = (encoder * blas.ssymm(1, gram, encoder)).sum(axis=0)
        std = np.sqrt(np.maximum(squares, 0) / others[-1]) + 1e-6
        encoder, decoder = encoder / std, axes.T / np.sqrt(target_mean) * std[:, None]

        _copy(model, encoder, -center @ encoder, decoder)
        model.smoothing_layer.source_mean.copy_(torch.as_tensor(scaling[0]))
        model.smoothing_layer.source_scale.copy_(torch.as_tensor(scaling[1]))
        model.scale.copy_(torch.as_tensor(target_mean))


def _copy(model: Seq2Seq, encoder: np.ndarray, offset: np.ndarray, decoder: np.ndarray) -> None:
    """Linear maps (inputs, rank) and (rank, targets) into a network of as many latents or more."""
    read_in, rank = model.smoothing_layer, len(decoder)
    weight = read_in.weight.zero_().unflatten(1, (read_in.n_widths, model.n_latents))
    rows = encoder.reshape(read_in.n_widths, len(weight), rank)  # one width after the other
    weight[:, :, :rank] = torch.as_tensor(rows).transpose(0, 1)
    read_in.offset.zero_()[:rank] = torch.as_tensor(offset)
    model.readout.weight.zero_()[:, :rank] = torch.as_tensor(decoder.T)
    model.readout.bias.fill_(1.0)


# ---------------------------------------------------------------------- the networks, stacked


class _ReadSpikes(torch.autograd.Function):
    """Sparse counts (rows, columns) times weights (columns, n), on a CPU.

    By scipy, whose product with a transposed sparse matrix, which the gradient needs, took a
    twentieth of the time of torch's.
    """

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, counts: csr_matrix) -> torch.Tensor:
        ctx.counts = counts
        return torch.from_numpy(counts @ weight.detach().numpy())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return torch.from_numpy(ctx.counts.T @ np.ascontiguousarray(grads[0].numpy())), None


def _as_torch(counts: csr_matrix, device: torch.device) -> torch.Tensor:
    """A sparse matrix of scipy's on a device."""
    where = torch.as_tensor(np.stack(counts.nonzero()))
    return torch.sparse_coo_tensor(
        where, torch.as_tensor(counts.data), counts.shape, device=device
    ).coalesce()


class _PoissonLoss(torch.autograd.Function):
    """Summed Poisson loss of each network (networks,), from latents (networks, rows, n_latents).

    The logarithm of a rate counts only where there is a spike, in a few percent of the bins; the
    gradient needs the logistic function in all, and nothing else. It is taken at once, so that of
    the many outputs nothing is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        latents: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        scale: torch.Tensor,
        where: torch.Tensor,
        spikes: torch.Tensor,
        floor: float,
        beta: float,
        learning: bool,
    ) -> torch.Tensor:
        n_networks, n_rows, _ = latents.shape
        x = torch.baddbmm(
            (bias - floor)[:, None], latents, weight.transpose(1, 2), beta=beta, alpha=beta
        )
        total, there = x.sum(1), x.view(-1)[where]
        slope = x.sigmoid_().clamp_(min=1e-30)
        # softplus(x) = x - log(slope)
        total = (total - slope.log().sum(1)) / beta + floor * n_rows
        member = where // slope[0].numel()
        rates = scale[member, where % scale.shape[1]]
        rates = rates * (floor + nn.functional.softplus(there) / beta)
        rates = rates.clamp_(min=1e-6)
        log = torch.zeros(n_networks, device=x.device).index_add_(0, member, spikes * rates.log())
        if learning:
            grad = slope.mul_(scale[:, None])
            flat = grad.view(-1)
            flat[where] *= 1 - spikes / rates
            ctx.save_for_backward(grad @ weight, grad.transpose(1, 2) @ latents, grad.sum(1))
        return (total * scale).sum(1) - log

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        latents, weight, bias = ctx.saved_tensors
        each = grads[0][:, None]
        return each[..., None] * latents, each[..., None] * weight, each * bias, *[None] * 6


class Members:
    """Networks of one shape, trained without their recurrent layers, as stacked weights.

    Parameters
    ----------
    models : sequence of Seq2Seq
        All with `smoothing`, and warm-started on the same data.
    data : Dataset
    parts : sequence of arrays of int
        The trials that each network holds out; it learns from all other seen trials.
    settings : Settings
    device : torch.device
    seed : int
        Of batches and dropout.
    """

    STACKED = (
        "read_in.weight",
        "read_in.kernels",
        "read_in.offset",
        "readout.weight",
        "readout.bias",
    )

    def __init__(
        self,
        models: Sequence[Seq2Seq],
        data: Dataset,
        parts: Sequence[np.ndarray],
        settings: Settings,
        device: torch.device,
        seed: int = 0,
    ):
        from scipy.sparse import csr_matrix, vstack

        self.models, self.data = models, data
        self.settings, self.device = settings, device
        # Drawn on the CPU, so that every device trains with the same batches and dropout.
        self.rng = np.random.default_rng((seed, 4))
        self.seen = np.union1d(data.train, data.validation)
        trains = [np.setdiff1d(self.seen, part) for part in parts]
        self.trials = {"train": trains, "validation": parts}
        read_in = models[0].smoothing_layer
        self.filtered, self.covered = read_in.filtered, read_in.covered(data.n_bins).to(device)
        self.scale = torch.stack([model.scale for model in models]).to(device)
        self.weights = {
            name: torch.stack([model.get_parameter(name).detach() for model in models])
            .to(device)
            .requires_grad_()
            for name in self.STACKED
        }
        # The more neurons a step learns from, the surer it is and the larger it may be. And of
        # hundreds of read-in weights a latent, each may take smaller steps than the few others.
        rate = settings.learning_rate * np.clip(np.sqrt(data.n_targets / 100), 1, 2)
        self.optimizer = Adam(
            {
                weight: rate if name == "read_in.weight" else 2 * rate
                for name, weight in self.weights.items()
            },
            settings,
        )
        # Spikes as sparse rows: of sources a row for each bin, of targets one for each trial.
        scale = read_in.source_scale.numpy()
        self.source_mean = (read_in.source_mean / read_in.source_scale).to(device)
        self.sources = vstack([csr_matrix(data.source[trial]) for trial in self.seen], "csr")
        self.sources.data = self.sources.data / scale[self.sources.indices]
        self.targets = vstack([csr_matrix(data.target[t].reshape(1, -1)) for t in self.seen], "csr")
        self.targets.data = self.targets.data.astype(np.float32)

    @torch.no_grad()
    def state(self, member: int) -> dict[str, torch.Tensor]:
        """A copy of one network's weights, by the names that they have in a Seq2Seq."""
        return {name: stacked[member].cpu().clone() for name, stacked in self.weights.items()}

    @torch.no_grad()
    def restore(self, states: Sequence[dict[str, torch.Tensor]]) -> None:
        """Put each network's state back, here and in the networks."""
        for member, (model, state) in enumerate(zip(self.models, states, strict=True)):
            model.load_state_dict(state, strict=False)
            for name, weight in state.items():
                self.weights[name][member] = weight

    def inputs(
        self, trials: Sequence[np.ndarray], members: list[int], kept: np.ndarray | None = None
    ) -> torch.Tensor:
        """Latents (len(members), trials, time, n_latents), each network's of its own trials.

        Parameters
        ----------
        trials : sequence of arrays of int
            One array of trial positions for each of `members`, equally long.
        members : list of int
        kept : array, (len(members), trials, n_sources), optional
            What each source, less its mean, is multiplied with in a trial: 0 where it is dropped.
        """
        from scipy.sparse import csr_matrix

        n_bins, n_sources, n_trials = self.data.n_bins, self.data.n_sources, len(trials[0])
        rows = np.searchsorted(self.seen, np.concatenate(trials))[:, None] * n_bins
        spikes = self.sources[(rows + np.arange(n_bins)).ravel()]
        row = np.repeat(np.arange(len(rows), dtype=np.int32), np.diff(spikes.indptr[::n_bins]))
        if kept is not None:
            spikes.data *= kept.reshape(-1).take(row * n_sources + spikes.indices)
        # The networks' weights stand below each other, so their counts stand side by side.
        columns = np.asarray(members, np.int32)[row // n_trials] * n_sources + spikes.indices
        shape = spikes.shape[0], len(self.scale) * n_sources
        sparse = csr_matrix((spikes.data, columns, spikes.indptr), shape=shape)
        sparse.eliminate_zeros()

        weight = self.weights["read_in.weight"]
        if self.device.type == "cpu":
            read = _ReadSpikes.apply(weight.flatten(0, 1), sparse)
        else:
            read = torch.sparse.mm(_as_torch(sparse, self.device), weight.flatten(0, 1))
        read = read.view(len(members), n_trials, n_bins, -1)
        if kept is None:
            center = self._of(members, self.source_mean @ weight)[:, None, None]
        else:  # (networks, trials, sources)
            scaled = torch.as_tensor(kept, device=self.device) * self.source_mean
            center = (scaled @ self._of(members, weight))[:, :, None]
        read = (read - center).transpose(2, 3)  # (networks, trials, width * latent, time)
        kernels = self._of(members, self.weights["read_in.kernels"])[:, None]
        smooth = self.filtered(read, kernels) / self.covered
        n_latents = self.models[0].n_latents
        latents = smooth.unflatten(2, (-1, n_latents)).sum(dim=2).transpose(2, 3)
        return latents + self._of(members, self.weights["read_in.offset"])[:, None, None]

    def loss(
        self, latents: torch.Tensor, trials: Sequence[np.ndarray], members: list[int]
    ) -> torch.Tensor:
        """Mean Poisson loss (len(members),) of latents (len(members), trials, time, n_latents)."""
        names = "readout.weight", "readout.bias"
        weight, bias = (self._of(members, self.weights[name]) for name in names)
        scale, size = self._of(members, self.scale), self.data.n_bins * self.data.n_targets
        floor, beta = self.models[0].floor, self.models[0].softplus.beta
        total = torch.zeros(len(members), device=self.device)
        n_trials, at_once = len(trials[0]), max(1, _ELEMENTS // (len(members) * size))
        for some in (slice(k, k + at_once) for k in range(0, n_trials, at_once)):
            rows = np.searchsorted(self.seen, np.concatenate([each[some] for each in trials]))
            spikes = self.targets[rows]
            where = np.repeat(np.arange(len(rows)) * size, np.diff(spikes.indptr)) + spikes.indices
            total = total + _PoissonLoss.apply(
                latents[:, some].flatten(1, 2), weight, bias, scale,
                torch.as_tensor(where, device=self.device),
                torch.as_tensor(spikes.data, device=self.device),
                floor, beta, torch.is_grad_enabled(),
            )  # fmt: skip
        return total / (n_trials * size)

    def _of(self, members: list[int], stacked: torch.Tensor) -> torch.Tensor:
        return stacked if len(members) == len(stacked) else stacked[members]

    def losses(self, part: str, members: list[int]) -> np.ndarray:
        """Mean loss of each on its "train" or "validation" trials, with nothing dropped."""
        return _mean_losses(self._loss_alone, self.trials[part], members)

    def _loss_alone(self, trials: np.ndarray, member: int) -> torch.Tensor:
        return self.loss(self.inputs([trials], [member]), [trials], [member])

    def epoch(self, members: list[int]) -> np.ndarray:
        """One pass of `members` over their training trials; their mean losses, with dropout."""
        orders = [self.rng.permutation(self.trials["train"][member]) for member in members]
        n_trials = min(map(len, orders))  # parts differ by a trial
        size = self.settings.batch_trials or n_trials
        total = np.zeros(len(members))
        for start in range(0, n_trials, size):
            trials = [order[start : min(start + size, n_trials)] for order in orders]
            kept = self._kept(len(members), len(trials[0]))
            losses = self.loss(self.inputs(trials, members, kept), trials, members)
            losses.sum().backward()
            self.optimizer.step()
            total += losses.detach().cpu().numpy() * len(trials[0])
        return total / n_trials

    def _kept(self, *shape: int) -> np.ndarray | None:
        """Which sources are kept (*shape, n_sources), scaled to 1 on average; None if all are."""
        if not self.settings.neuron_dropout:
            return None
        share = np.float32(1 - self.settings.neuron_dropout)
        return (self.rng.random((*shape, self.data.n_sources), dtype=np.float32) < share) / share


def _mean_losses(
    loss: Callable[[np.ndarray, int], torch.Tensor],
    trials: Sequence[np.ndarray],
    members: list[int],
) -> np.ndarray:
    """Mean of each network's loss over its trials, with nothing learned."""
    with torch.no_grad():
        return np.array(
            [
                sum(loss(some, member).item() * len(some) for some in pieces(trials[member]))
                / len(trials[member])
                for member in members
            ]
        )


class RecurrentLayers:
    """The recurrent layers of trained `Members`, on top of their latents, which are held still."""

    def __init__(self, below: Members):
        self.below, self.trials = below, below.trials
        self.models = [model.to(below.device) for model in below.models]
        rate = 2 * below.settings.learning_rate
        self.optimizers = [
            Adam(dict.fromkeys(_recurrent(model).values(), rate), below.settings)
            for model in self.models
        ]

    def state(self, member: int) -> dict[str, torch.Tensor]:
        """A copy of one network's weights in training, by name."""
        weights = _recurrent(self.models[member])
        return {name: weight.detach().clone() for name, weight in weights.items()}

    def restore(self, states: Sequence[dict[str, torch.Tensor]]) -> None:
        """Put each network's state back."""
        for model, state in zip(self.models, states, strict=True):
            model.load_state_dict(state, strict=False)
            model.cpu()

    def epoch(self, members: list[int]) -> np.ndarray:
        """One pass of each of `members` over its training trials; their mean losses."""
        means = np.zeros(len(members))
        for k, member in enumerate(members):
            train = self.below.rng.permutation(self.trials["train"][member])
            for trials in pieces(train, self.below.settings.batch_trials or len(train)):
                loss = self._loss(trials, member)
                loss.backward()
                self.optimizers[member].step()
                means[k] += loss.item() * len(trials) / len(train)
        return means

    def losses(self, part: str, members: list[int]) -> np.ndarray:
        """Mean loss of each on its "train" or "validation" trials."""
        return _mean_losses(self._loss, self.trials[part], members)

    def _loss(self, trials: np.ndarray, member: int) -> torch.Tensor:
        model = self.models[member]
        with torch.no_grad():
            inputs = self.below.inputs([trials], [member])
        latents = inputs + model.get_parameter("recurrent_share") * model.states(inputs[0])
        return self.below.loss(latents, [trials], [member])


def _recurrent(model: Seq2Seq) -> dict[str, torch.Tensor]:
    """The recurrent layer's weights and its share, by name."""
    return {name: w for name, w in model.named_parameters() if name.startswith("recurrent")}
