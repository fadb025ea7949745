"""One network trained alone, of whatever kind: the recipe's, or one of a reader's own."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from nma_seq2seq import metrics
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.early_stopping import Adam, Settings, pieces
from nma_seq2seq.model import Seq2Seq

# A rate of exactly zero would make one spike infinitely surprising.
LEAST_RATE = 1e-6


def check_network(model: nn.Module, data: Dataset) -> None:
    """Refuse a network that cannot predict the data's rates, tried on one trial."""
    if not isinstance(model, nn.Module):
        a_class = isinstance(model, type) and issubclass(model, nn.Module)
        mend = f"; call it: {model.__name__}(...)" if a_class else ""
        what = f"the class {model.__name__}" if a_class else f"a {type(model).__name__}"
        raise TypeError(f"fit trains a torch.nn.Module, and this is {what}{mend}")
    if isinstance(model, Seq2Seq):
        sizes = model.options["n_sources"], model.options["n_targets"]
        if sizes != (data.n_sources, data.n_targets):
            raise ValueError(
                f"the network takes {sizes[0]} sources to {sizes[1]} targets, the data has "
                f"{data.n_sources} and {data.n_targets}; build it with these numbers"
            )
        return
    name = type(model).__name__
    model.float()  # whatever torch's default type was: counts come as float32
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    counts = torch.as_tensor(data.source[data.train[:2]], dtype=torch.float32, device=device)
    with torch.no_grad():
        try:
            rates = model.eval()(counts)
        except RuntimeError as error:
            raise ValueError(
                f"this {name} cannot read counts of shape {tuple(counts.shape)} (trials, time, "
                f"n_sources): {error}"
            ) from error
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError(f"this {name} has no weights that could be trained; give it a layer")
    if not isinstance(rates, torch.Tensor):
        raise TypeError(
            f"this {name} gives a {type(rates).__name__}; its forward must return one tensor of "
            "rates (trials, time, n_targets)"
        )
    expected = (len(counts), data.n_bins, data.n_targets)
    if rates.shape != expected:
        raise ValueError(
            f"this {name} gives rates of shape {tuple(rates.shape)} for {len(counts)} trials; they "
            f"must be (trials, time, n_targets), here {expected}"
        )
    if rates.min() < 0:
        raise ValueError(
            f"this {name} gives rates below 0 ({rates.min().item():.2g}); end it with a function "
            "that gives none, such as torch.nn.Softplus()"
        )


class Alone:
    """A network in training, and its data on one device."""

    def __init__(
        self, model: nn.Module, data: Dataset, settings: Settings, device: torch.device, seed: int
    ):
        self.model, self.settings, self.device = model.to(device), settings, device
        self.last = model  # as it was after its last epoch, once it is trained
        self.trials = {"train": [data.train], "validation": [data.validation]}
        self.data = {
            part: (self._there(data.source[trials]), self._there(data.target[trials]))
            for part, (trials,) in self.trials.items()
        }
        mean = data.source[data.train].mean(axis=(0, 1), dtype=np.float32)
        self.source_mean = torch.as_tensor(mean, device=device)
        # Drawn on the CPU, so that every device trains with the same batches and dropout.
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = Adam(dict.fromkeys(model.parameters(), settings.learning_rate), settings)

    def _there(self, counts: np.ndarray) -> torch.Tensor:
        # Counts stay bytes until a batch is read, a quarter of the memory of floats; but one batch
        # of all trials would make the same floats anew in every epoch.
        there = torch.as_tensor(counts, device=self.device)
        as_bytes = counts.dtype == np.uint8 and self.settings.batch_trials is not None
        return there if as_bytes else there.float()

    def state(self, member: int) -> dict[str, torch.Tensor]:
        """A copy of the weights."""
        return copy.deepcopy(self.model.state_dict())

    def restore(self, states: Sequence[dict[str, torch.Tensor]]) -> None:
        """Put a state back; the network as it is now is kept as `last`."""
        self.last = copy.deepcopy(self.model)
        self.model.load_state_dict(states[0])

    @torch.no_grad()
    def losses(self, part: str, members: list[int]) -> np.ndarray:
        """Mean Poisson loss of a part, without dropout."""
        self.model.eval()
        source, target = self.data[part]
        total = torch.zeros((), device=self.device)
        for some in pieces(np.arange(len(source))):
            total += self._loss(source[some].float(), target[some]) * len(some)
        return np.array([total.item() / len(source)])

    def epoch(self, members: list[int]) -> np.ndarray:
        """One pass over the training trials; the mean loss, with dropout. It syncs at its end."""
        self.model.train()
        source, target = self.data["train"]
        share = 1 - self.settings.neuron_dropout
        order = torch.randperm(len(source), generator=self.generator)
        kept = torch.ones(len(source), 1, source.shape[2])
        if share < 1:
            kept.bernoulli_(share, generator=self.generator)
        order, kept = order.to(self.device), (kept / share).to(self.device)
        size = self.settings.batch_trials or len(order)
        total = torch.zeros((), device=self.device)
        for trials, kept_sources in zip(order.split(size), kept.split(size), strict=True):
            seen = source[trials].float()  # (batch, time, n_sources)
            if share < 1:
                seen = self.source_mean + (seen - self.source_mean) * kept_sources
            loss = self._loss(seen, target[trials])
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * len(trials)
        return np.array([total.item() / len(order)])

    def _loss(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return metrics.poisson_nll(self.model(source).clamp(min=LEAST_RATE), target.float())
