"""Several Seq2Seq networks trained side by side, each on its own trials, in one pass.

The course's model averages five small networks. One after the other, most of their time went into
reading counts that are nearly all zero. Here they share the sums of squares of the warm start, read
spikes as sparse rows, and take each step together; a network that has stopped is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from nma_seq2seq import metrics
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.smoothing import smoothing_matrix

_ELEMENTS = 500_000  # outputs of the networks that are computed together
_AT_ONCE = 50  # trials of each network that are read together where nothing is learned
_PRIOR_STD = 0.3  # of a neuron's exponents around 1
_TAMER = 1.05  # an average of networks varies less than the networks that exponents are fitted to
_PRIOR_SPIKES = 40.0  # for the correction of a bin: so many spikes say that there is none
_CORRECTION_WIDTH = 4.0  # bins


# ---------------------------------------------------------------------- warm start


def warm_started(
    models: Sequence[Seq2Seq],
    data: Dataset,
    parts: Sequence[np.ndarray],
    smoothing: tuple[float, ...],
    ridge: float,
) -> None:
    """Start each network from a reduced-rank regression on all seen trials but its own part.

    The regression is that of `baselines.fit_rrr`, causal where the networks are. What it needs are
    sums over samples, so those of all trials less those of a part serve the network that holds the
    part out. Sums of squares take every second bin of smoothed sources, which are nearly the mean
    of their neighbours; not so where smoothing is causal, for such sources jump with each spike.
    """
    from scipy.linalg import blas, cho_factor, cho_solve

    n_sources, n_targets, n_bins = data.n_sources, data.n_targets, data.n_bins
    seen = np.union1d(data.train, data.validation)
    source_mean, source_scale = source_scaling(data, seen)
    causal = models[0].smoothing_layer.causal
    every = 2 if min(smoothing) >= 2 and n_bins >= 10 and not causal else 1
    kernels = [smoothing_matrix(n_bins, width, causal) for width in smoothing]
    size = len(smoothing) * n_sources

    def sums(trials: np.ndarray) -> list[np.ndarray]:
        gram = np.zeros((size, size), np.float32, order="F")  # its upper triangle
        cross = np.zeros((size, n_targets), np.float32)
        total = np.zeros(size)
        for some in np.array_split(trials, -(-len(trials) * n_bins // 4000) or 1):
            scaled = (data.source[some] - source_mean) / source_scale
            x = np.concatenate([kernel @ scaled for kernel in kernels], axis=2)
            picked = x[:, ::every].reshape(-1, size)
            of_each = x.shape[0] * n_bins / len(picked)
            gram = blas.ssyrk(of_each, picked.T, beta=1, c=gram, overwrite_c=1)
            x = x.reshape(-1, size)
            cross += x.T @ data.target[some].reshape(len(x), -1).astype(np.float32)
            total += x.sum(axis=0, dtype=np.float64)
        spikes = data.target[trials].sum(axis=(0, 1), dtype=np.float64)
        return [gram, cross, total, spikes, np.array(len(trials) * n_bins)]

    rest = np.setdiff1d(seen, np.concatenate(parts))
    each = [sums(part) for part in [*parts, rest] if len(part)]
    everything = [sum(arrays) for arrays in zip(*each, strict=True)]
    for model, own in zip(models, each, strict=False):
        gram, cross, total, spikes, n = (a - b for a, b in zip(everything, own, strict=True))
        center, target_mean = total / n, np.maximum(spikes, 0.5) / n
        gram = blas.ssyr(-n, center, a=gram, overwrite_a=1)
        cross = (cross - n * np.outer(center, target_mean)) / np.sqrt(target_mean)
        penalised = gram.copy(order="F")
        penalised[np.diag_indices(size)] += ridge * np.trace(gram) / size
        weights = cho_solve(cho_factor(penalised, overwrite_a=True), cross.astype(np.float32))
        rank = min(model.n_latents, n_targets, size)
        # The best subspace of a rank is spanned by the leading axes of the fitted values.
        axes = np.linalg.eigh(cross.T @ weights)[1][:, ::-1][:, :rank]
        encoder, decoder = weights @ axes, axes.T / np.sqrt(target_mean)
        squares = (encoder * blas.ssymm(1, gram, encoder)).sum(axis=0)
        std = np.sqrt(np.maximum(squares, 0) / n) + 1e-6
        start_at(model, encoder / std, decoder * std[:, None], center, target_mean)
        model.smoothing_layer.source_mean.copy_(torch.as_tensor(source_mean))
        model.smoothing_layer.source_scale.copy_(torch.as_tensor(source_scale))


def source_scaling(data: Dataset, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (n_sources,) of the sources: the square root of the standard deviation."""
    mean = np.zeros(data.n_sources)
    square = np.zeros(data.n_sources)
    for trial in data.source[trials]:
        counts = trial.astype(np.float32)
        mean += counts.sum(axis=0)
        square += (counts**2).sum(axis=0)
    n = len(trials) * data.n_bins
    mean /= n
    scale = np.maximum(square / n - mean**2, 1e-4) ** 0.25
    return mean.astype(np.float32), scale.astype(np.float32)


@torch.no_grad()
def start_at(
    model: Seq2Seq,
    encoder: np.ndarray,
    decoder: np.ndarray,
    center: np.ndarray,
    target_mean: np.ndarray,
) -> None:
    """Copy a linear model into a network: its rates are mean * (1 + (x - center) encoder decoder).

    `encoder` is (widths * n_sources, rank), the sources at one width after the other, and `decoder`
    (rank, n_targets).
    """
    rank, read_in = encoder.shape[1], model.smoothing_layer
    read_in.weight.zero_()
    for width, rows in enumerate(np.split(encoder, read_in.n_widths)):
        columns = slice(width * model.n_latents, width * model.n_latents + rank)
        read_in.weight[:, columns] = torch.as_tensor(rows, dtype=torch.float32)
    read_in.offset.zero_()
    read_in.offset[:rank] = torch.as_tensor(-center @ encoder)
    model.readout.weight.zero_()
    model.readout.weight[:, :rank] = torch.as_tensor(decoder.T, dtype=torch.float32)
    model.readout.bias.fill_(1.0)
    model.scale.copy_(torch.as_tensor(target_mean))


# ---------------------------------------------------------------------- the networks, stacked


class _ReadSpikes(torch.autograd.Function):
    """Sparse counts (rows, columns) times weights (columns, n).

    On a CPU by scipy, whose product with a transposed sparse matrix, which the gradient needs, took
    a twentieth of the time of torch's.
    """

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, counts: Any) -> torch.Tensor:
        ctx.counts = counts
        if weight.device.type == "cpu":
            return torch.from_numpy(counts @ weight.detach().numpy())
        ctx.counts = _as_torch(counts, weight.device)
        return torch.sparse.mm(ctx.counts, weight.detach())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        grad = grads[0]
        if grad.device.type == "cpu":
            return torch.from_numpy(ctx.counts.T @ np.ascontiguousarray(grad.numpy())), None
        return torch.sparse.mm(ctx.counts.t(), grad.contiguous()), None


def _as_torch(counts: Any, device: torch.device) -> torch.Tensor:
    counts = counts.tocoo()
    where = torch.as_tensor(np.stack([counts.row, counts.col]), device=device).long()
    return torch.sparse_coo_tensor(
        where, torch.as_tensor(counts.data, device=device), counts.shape
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


class _Adam:
    """Adam (Kingma & Ba 2015), as `torch.optim` has it, with its weight decay apart or within.

    The first optimizer of `torch.optim` in a process loads torch's compiler, which takes about as
    long as a whole fit does here.
    """

    def __init__(self, rates: dict[torch.Tensor, float], settings: Any):
        self.rates, self.decay, self.n_steps = rates, settings.weight_decay, 0
        self.apart = settings.optimizer == "adamw"
        self.moments = {
            weight: (torch.zeros_like(weight), torch.zeros_like(weight)) for weight in rates
        }

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients, which are then forgotten."""
        self.n_steps += 1
        for weight, rate in self.rates.items():
            grad, (mean, square) = weight.grad, self.moments[weight]
            if grad is None:
                continue
            weight.grad = None
            if self.apart:
                weight.mul_(1 - rate * self.decay)
            else:
                grad = grad.add(weight, alpha=self.decay)
            mean.lerp_(grad, 0.1)
            square.mul_(0.999).addcmul_(grad, grad, value=0.001)
            size = square.div(1 - 0.999**self.n_steps).sqrt_().add_(1e-8)
            weight.addcdiv_(mean, size, value=-rate / (1 - 0.9**self.n_steps))


class Members:
    """Networks of one shape, without their recurrent layers, as stacked weights.

    Parameters
    ----------
    models : sequence of Seq2Seq
        All with `smoothing`; their sources are scaled alike.
    data : Dataset
    device : torch.device
    """

    def __init__(self, models: Sequence[Seq2Seq], data: Dataset, device: torch.device):
        self.data, self.device, first = data, device, models[0]
        self.n_latents, self.n_widths = first.n_latents, first.smoothing_layer.n_widths
        self.floor, self.beta = first.floor, first.softplus.beta
        self.source_mean = first.smoothing_layer.source_mean.numpy()
        self.source_scale = first.smoothing_layer.source_scale.numpy()
        self.filtered = first.smoothing_layer.filtered
        self.covered = first.smoothing_layer.covered(data.n_bins).to(device)
        self.scale = torch.stack([model.scale for model in models]).to(device)
        self.weights = {
            name: torch.stack([model.get_parameter(name).detach() for model in models])
            .to(device)
            .requires_grad_()
            for name in _STACKED
        }
        seen = np.union1d(data.train, data.validation)
        self._sources = {trial: _spikes(data.source[trial], self.source_scale) for trial in seen}
        self._targets = {trial: _flat_spikes(data.target[trial]) for trial in seen}

    @torch.no_grad()
    def state(self, member: int) -> dict[str, torch.Tensor]:
        """A copy of one network's weights, by the names that they have in a Seq2Seq."""
        return {name: stacked[member].cpu().clone() for name, stacked in self.weights.items()}

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
        spikes = [self._sources[trial] for some in trials for trial in some]
        row = np.repeat(
            np.arange(len(spikes), dtype=np.int32), [len(counts) for _, _, counts in spikes]
        )
        bins, neurons, counts = (np.concatenate(arrays) for arrays in zip(*spikes, strict=True))
        if kept is not None:
            share = kept.reshape(-1).take(row * n_sources + neurons)
            left = np.flatnonzero(share)
            row, bins, neurons = row.take(left), bins.take(left), neurons.take(left)
            counts = counts.take(left) * share.take(left)
        starts = np.zeros(len(spikes) * n_bins + 1, np.int32)
        np.cumsum(np.bincount(row * n_bins + bins, minlength=len(starts) - 1), out=starts[1:])
        columns = np.asarray(members, np.int32)[row // n_trials] * n_sources + neurons
        shape = len(starts) - 1, len(self.scale) * n_sources
        sparse = csr_matrix((counts, columns, starts), shape=shape)

        weight = self.weights["read_in.weight"]
        mean = torch.as_tensor(self.source_mean / self.source_scale, device=self.device)
        read = _ReadSpikes.apply(weight.flatten(0, 1), sparse)
        read = read.view(len(members), n_trials, n_bins, -1)
        if kept is None:
            center = self._of(members, mean @ weight)[:, None, None]
        else:
            scaled = torch.as_tensor(kept, device=self.device) * mean  # (networks, trials, sources)
            center = (scaled @ self._of(members, weight))[:, :, None]
        read = (read - center).transpose(2, 3)  # (networks, trials, width * latent, time)
        kernels = self._of(members, self.weights["read_in.kernels"])[:, None]
        smooth = self.filtered(read, kernels) / self.covered
        latents = smooth.unflatten(2, (self.n_widths, self.n_latents)).sum(dim=2).transpose(2, 3)
        return latents + self._of(members, self.weights["read_in.offset"])[:, None, None]

    def loss(
        self, trials: Sequence[np.ndarray], members: list[int], kept: np.ndarray | None = None
    ) -> torch.Tensor:
        """Mean Poisson loss of each network on its own trials, (len(members),)."""
        return self.loss_of(self.inputs(trials, members, kept), trials, members)

    def loss_of(
        self, latents: torch.Tensor, trials: Sequence[np.ndarray], members: list[int]
    ) -> torch.Tensor:
        """The same from latents (len(members), trials, time, n_latents)."""
        names = "readout.weight", "readout.bias"
        weight, bias = (self._of(members, self.weights[name]) for name in names)
        scale, size = self._of(members, self.scale), self.data.n_bins * self.data.n_targets
        at_once = max(1, _ELEMENTS // (len(members) * size))
        total = torch.zeros(len(members), device=self.device)
        for start in range(0, len(trials[0]), at_once):
            some = latents[:, start : start + at_once]
            spikes = [
                self._targets[trial] for each in trials for trial in each[start : start + at_once]
            ]
            where = np.concatenate([places + k * size for k, (places, _) in enumerate(spikes)])
            counts = np.concatenate([counts for _, counts in spikes])
            total = total + _PoissonLoss.apply(
                some.flatten(1, 2), weight, bias, scale,
                torch.as_tensor(where, device=self.device),
                torch.as_tensor(counts, device=self.device),
                self.floor, self.beta, torch.is_grad_enabled(),
            )  # fmt: skip
        return total / (len(trials[0]) * size)

    def _of(self, members: list[int], stacked: torch.Tensor) -> torch.Tensor:
        return stacked if len(members) == len(stacked) else stacked[members]

    @torch.no_grad()
    def losses(self, parts: Sequence[np.ndarray], members: list[int]) -> np.ndarray:
        """Mean loss of each of `members` on all trials of its part, nothing dropped."""
        total = np.zeros(len(members))
        longest = max(len(parts[member]) for member in members)
        for start in range(0, longest, _AT_ONCE):
            some = [parts[member][start : start + _AT_ONCE] for member in members]
            for length in {len(trials) for trials in some} - {0}:  # parts differ by a trial
                alike = [k for k, trials in enumerate(some) if len(trials) == length]
                loss = self.loss([some[k] for k in alike], [members[k] for k in alike])
                total[alike] += loss.cpu().numpy() * length
        return total / [len(parts[member]) for member in members]


_STACKED = (
    "read_in.weight",
    "read_in.kernels",
    "read_in.offset",
    "readout.weight",
    "readout.bias",
)


def _spikes(counts: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins, neurons and scaled counts of a trial (time, neurons), where there are spikes."""
    bins, neurons = np.nonzero(counts)
    scaled = (counts[bins, neurons] / scale[neurons]).astype(np.float32)
    return bins.astype(np.int32), neurons.astype(np.int32), scaled


def _flat_spikes(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = counts.reshape(-1)
    where = np.flatnonzero(flat)
    return where, flat[where].astype(np.float32)


# ---------------------------------------------------------------------- training


@dataclass
class Run:
    """What came of the networks: rows of the history, and whether Ctrl-C ended it."""

    rows: list[dict[str, float]]
    best_epochs: list[int]
    interrupted: bool = False


def train(
    models: Sequence[Seq2Seq],
    data: Dataset,
    parts: Sequence[np.ndarray],
    settings: Any,
    device: torch.device,
    seed: int,
    show: Callable[[int, float], None],
) -> Run:
    """Train warm-started networks, each on all seen trials but its own part, and stop on that.

    First all but the recurrent layers; then these, for `settings.recurrent_epochs`, with the rest
    held still. The weights of the best epoch of each end up in `models`.

    Parameters
    ----------
    show : function of (epochs done, mean held-out loss)
        Called after every epoch.
    """
    start = time.perf_counter()
    seen = np.union1d(data.train, data.validation)
    trains = [np.setdiff1d(seen, part) for part in parts]
    stacked = Members(models, data, device)
    # Drawn on the CPU, so that every device trains with the same batches and dropout.
    rng = np.random.default_rng((seed, 4))
    active = list(range(len(models)))
    some = [
        trials[:: max(1, len(trials) // len(part))]
        for trials, part in zip(trains, parts, strict=True)
    ]
    first = stacked.losses(some, active), stacked.losses(parts, active)
    run = Run([], [0] * len(models))
    best = first[1].copy()
    states = [stacked.state(member) for member in active]

    def record(epoch: int, members: list[int], losses: np.ndarray, held_out: np.ndarray) -> None:
        if not np.isfinite([losses, held_out]).all():
            raise FloatingPointError(
                f"the loss is {losses.mean():g} in training and {held_out.mean():g} in validation "
                f"after epoch {epoch}; lower the learning rate (now {settings.learning_rate:g})"
            )
        for k, member in enumerate(members):
            run.rows.append(
                {
                    "member": member,
                    "epoch": epoch,
                    "train_loss": float(losses[k]),
                    "validation_loss": float(held_out[k]),
                    "seconds": time.perf_counter() - start,
                }
            )
        show(len(members) if epoch else 0, float(held_out.mean()))

    optimizer = _optimizer(stacked, settings)
    try:
        record(0, active, *first)
        for epoch in range(1, settings.max_epochs + 1):
            losses = _epoch(stacked, optimizer, trains, active, settings, rng)
            held_out = stacked.losses(parts, active)
            record(epoch, active, losses, held_out)
            for k, member in enumerate(active):
                if held_out[k] < best[member]:
                    best[member], run.best_epochs[member] = held_out[k], epoch
                    states[member] = stacked.state(member)
            if settings.patience is not None:
                active = [m for m in active if epoch - run.best_epochs[m] < settings.patience]
            if not active:
                break
        _restore(stacked, models, states)
        if settings.recurrent_epochs:
            for member in range(len(models)):
                _add_recurrence(
                    stacked, models[member], trains[member], parts[member], member, settings, rng,
                    best, run, record,
                )  # fmt: skip
    except KeyboardInterrupt:
        run.interrupted = True
        _restore(stacked, models, states)
    return run


def _optimizer(stacked: Members, settings: Any) -> _Adam:
    # The more neurons a step learns from, the surer it is and the larger it may be. And of hundreds
    # of read-in weights a latent, each may take smaller steps than the few others.
    rate = settings.learning_rate * np.clip(np.sqrt(stacked.data.n_targets / 100), 1, 2)
    rates = {
        weight: rate if name == "read_in.weight" else 2 * rate
        for name, weight in stacked.weights.items()
    }
    return _Adam(rates, settings)


def _epoch(
    stacked: Members,
    optimizer: _Adam,
    trains: Sequence[np.ndarray],
    active: list[int],
    settings: Any,
    rng: np.random.Generator,
) -> np.ndarray:
    """One pass of each active network over its training trials; their mean losses, with dropout."""
    data, share = stacked.data, np.float32(1 - settings.neuron_dropout)
    orders = {member: rng.permutation(trains[member]) for member in active}
    n_trials = min(map(len, orders.values()))  # parts differ by a trial
    size = settings.batch_trials or n_trials
    total = np.zeros(len(active))
    for start in range(0, n_trials, size):
        batch = {member: orders[member][start : min(start + size, n_trials)] for member in active}
        length = len(batch[active[0]])
        kept = None
        if share < 1:
            drawn = rng.random((len(active), length, data.n_sources), dtype=np.float32)
            kept = (drawn < share) / share
        losses = stacked.loss([batch[member] for member in active], active, kept)
        losses.sum().backward()
        total += losses.detach().cpu().numpy() * length
        optimizer.step()
    return total / n_trials


def _restore(
    stacked: Members, models: Sequence[Seq2Seq], states: Sequence[dict[str, torch.Tensor]]
) -> None:
    """Put each network's best weights back, here and in the networks."""
    with torch.no_grad():
        for member, (model, state) in enumerate(zip(models, states, strict=True)):
            model.load_state_dict(state, strict=False)
            for name, weight in state.items():
                stacked.weights[name][member] = weight.to(stacked.device)


def _add_recurrence(
    stacked: Members,
    model: Seq2Seq,
    train: np.ndarray,
    part: np.ndarray,
    member: int,
    settings: Any,
    rng: np.random.Generator,
    best: np.ndarray,
    run: Run,
    record: Callable[[int, list[int], np.ndarray, np.ndarray], None],
) -> None:
    """Train one network's recurrent layer on top of its latents, which are held still."""
    layer, share = model.recurrent.to(stacked.device), model.recurrent_share
    assert share is not None  # as in every network with a read-in
    share.data = share.data.to(stacked.device)
    parameters = [*layer.parameters(), share]
    optimizer = _Adam(dict.fromkeys(parameters, 2 * settings.learning_rate), settings)
    state = [parameter.detach().clone() for parameter in parameters]

    def loss(trials: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            inputs = stacked.inputs([trials], [member])[0]
        latents = inputs + share * model.states(inputs)
        return stacked.loss_of(latents[None], [trials], [member])[0]

    size = settings.batch_trials or len(train)
    last = int(max(row["epoch"] for row in run.rows if row["member"] == member))
    try:
        for epoch in range(last + 1, last + 1 + settings.recurrent_epochs):
            total = 0.0
            for trials in np.array_split(rng.permutation(train), -(-len(train) // size)):
                mean = loss(trials)
                mean.backward()
                optimizer.step()
                total += mean.item() * len(trials)
            with torch.no_grad():
                pieces = np.array_split(part, -(-len(part) // 50))
                held_out = sum(loss(some).item() * len(some) for some in pieces) / len(part)
            record(epoch, [member], np.array([total / len(train)]), np.array([held_out]))
            if held_out < best[member]:
                best[member], run.best_epochs[member] = held_out, epoch
                state = [parameter.detach().clone() for parameter in parameters]
            else:
                break
    finally:
        with torch.no_grad():
            for parameter, kept in zip(parameters, state, strict=True):
                parameter.copy_(kept)
        model.cpu()


# ---------------------------------------------------------------------- calibration


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the networks' predictions for the trials that they held out say of their average.

    Attributes
    ----------
    mean : array, (n_targets,)
        Mean count per bin.
    exponents : array, (2, n_targets)
        Of rate / mean, the first of what changes within a trial, the second of the trial's own
        (geometric) mean: above 1 where predictions are too timid, below 1 where too bold.
    factor : array, (time, n_targets)
        Spikes that came over spikes that were predicted, bin by bin: what is always so at this
        time of a trial and no source tells.
    causal : bool
        Whether a trial's mean is that of its bins so far.
    """

    mean: np.ndarray
    exponents: np.ndarray
    factor: np.ndarray
    causal: bool = False

    def __call__(self, rates: np.ndarray) -> np.ndarray:
        """Rates (trials, time, n_targets) as they should have been.

        Where trials have another number of bins, each neuron's mean factor is taken.
        """
        same = rates.shape[1] == len(self.factor)
        factor = self.factor if same else self.factor.mean(axis=0)
        logs = np.log(rates / self.mean)
        return (
            factor * self.mean * np.exp(_raised(logs, _own_mean(logs, self.causal), self.exponents))
        )


def _own_mean(logs: np.ndarray, causal: bool) -> np.ndarray:
    """Mean of each trial of (trials, time, n_targets), or of its bins so far."""
    if not causal:
        return logs.mean(axis=1, keepdims=True)
    n_so_far = np.arange(1, logs.shape[1] + 1, dtype=np.float32)[:, None]
    return logs.cumsum(axis=1) / n_so_far


def _raised(logs: np.ndarray, own_mean: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    within, between = exponents
    return within * logs + (between - within) * own_mean


def calibrated(
    predict: Sequence[Callable[[np.ndarray], np.ndarray]],
    data: Dataset,
    parts: Sequence[np.ndarray],
    causal: bool = False,
) -> Calibration:
    """Exponents and factor from what each of `predict` says of the part that it held out.

    The exponents are the most probable ones under a Gaussian prior around 1; each bin's factor
    counts spikes on both sides over some bins, with as many more on either as a prior.
    """
    mean = metrics.mean_rates(data.target[np.concatenate(parts)]).astype(np.float32)
    # Half precision is plenty, and all seen trials are here at once.
    logs = [
        np.log(rates(data.source[part]) / mean).astype(np.float16)
        for rates, part in zip(predict, parts, strict=True)
    ]
    pieces = [
        (trials, data.target[some])
        for log, part in zip(logs, parts, strict=True)
        for trials, some in zip(
            np.array_split(log, -(-len(part) // _AT_ONCE)),
            np.array_split(part, -(-len(part) // _AT_ONCE)),
            strict=True,
        )
    ]
    exponents = np.ones((2, data.n_targets), np.float32)
    for _ in range(4):  # Newton's method on a concave function; the last step is minute
        slope = -(exponents - 1) / _PRIOR_STD**2
        curvature = np.tile(np.eye(2) / _PRIOR_STD**2, (data.n_targets, 1, 1))
        predicted = np.zeros((data.n_bins, data.n_targets), np.float32)
        for half, counts in pieces:
            log = half.astype(np.float32)
            own_mean = _own_mean(log, causal)
            rates = mean * np.exp(_raised(log, own_mean, exponents))
            predicted += rates.sum(axis=0)
            both = log - own_mean, own_mean
            for a in range(2):
                slope[a] += ((counts - rates) * both[a]).sum(axis=(0, 1))
                for b in range(2):
                    curvature[:, a, b] += (rates * both[a] * both[b]).sum(axis=(0, 1))
        step = np.linalg.solve(curvature, slope.T[..., None])[..., 0].T
        exponents = (exponents + np.clip(step, -0.3, 0.3)).astype(np.float32)
    counted = sum(counts.sum(axis=0, dtype=np.float32) for _, counts in pieces)
    width = _CORRECTION_WIDTH * np.sqrt(4 * np.pi)  # bins that a Gaussian counts
    near = [
        width * (smoothing_matrix(data.n_bins, _CORRECTION_WIDTH) @ spikes) + _PRIOR_SPIKES
        for spikes in (counted, predicted)
    ]
    tamer = _TAMER if len(parts) > 1 else 1.0
    return Calibration(mean, np.float32(tamer) * exponents, near[0] / near[1], causal)
