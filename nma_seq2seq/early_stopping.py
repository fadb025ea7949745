"""Networks trained epoch by epoch, each until what it holds out is predicted no better."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from nma_seq2seq import metrics
from nma_seq2seq.arguments import one_of, real, whole
from nma_seq2seq.dataset import Dataset


@dataclass(frozen=True)
class Settings:
    """How a network is trained. The defaults suit a warm start and some hundred trials.

    Attributes
    ----------
    optimizer : "adamw" or "adam"
        Adam's weight decay is part of the gradient, as in the original; AdamW's stands apart.
    learning_rate, weight_decay : float
    batch_trials : int or None
        Trials a step; None takes all at once.
    neuron_dropout : float
        Chance that a source neuron is replaced by its mean for a whole trial, anew each time.
    max_epochs : int
    patience : int or None
        Stop after so many epochs without a better validation loss; None never stops early.
    recurrent_epochs : int
        `fit_seq2seq` trains the recurrent layers last, for so many epochs at most.

    Examples
    --------
    >>> nma.Settings(max_epochs=10).patience
    5
    """

    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    batch_trials: int | None = 32
    neuron_dropout: float = 0.7
    max_epochs: int = 40
    patience: int | None = 5
    recurrent_epochs: int = 1

    def __post_init__(self) -> None:
        one_of("optimizer", self.optimizer, ("adamw", "adam"))
        if not 0 <= self.neuron_dropout < 1:
            raise ValueError(f"neuron_dropout={self.neuron_dropout} must be from 0 to below 1")
        whole("max_epochs", self.max_epochs, 1)
        whole("recurrent_epochs", self.recurrent_epochs)
        for name in ("batch_trials", "patience"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 1)
        if real("learning_rate", self.learning_rate, 0) == 0:
            raise ValueError("learning_rate is 0; choose a number above 0, or nothing is learned")
        real("weight_decay", self.weight_decay, 0)


def check_settings(settings: Settings) -> None:
    """Refuse what holds no settings, such as a dict."""
    if not isinstance(settings, Settings):
        raise TypeError(
            f"a {type(settings).__name__} holds no settings; give nma.Settings, such as "
            "nma.Settings(max_epochs=10)"
        )


RECIPE = Settings("adam", 1e-3, 1e-4, None, neuron_dropout=0.0, max_epochs=400, patience=None)


class Adam:
    """Adam (Kingma & Ba 2015), as `torch.optim` has it, with its weight decay apart or within.

    The first optimizer of `torch.optim` in a process loads torch's compiler, which takes about as
    long as a whole fit does here.
    """

    def __init__(self, rates: dict[torch.Tensor, float], settings: Settings):
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
            size = square.sqrt().div_((1 - 0.999**self.n_steps) ** 0.5).add_(1e-8)
            weight.addcdiv_(mean, size, value=-rate / (1 - 0.9**self.n_steps))


def pieces(trials: np.ndarray, n_trials: int = 50) -> list[np.ndarray]:
    """The trials, at most so many at a time, so that memory stays small."""
    return np.array_split(trials, -(-len(trials) // n_trials) or 1)


class Trainee(Protocol):
    """What is trained: one network or several side by side, named by their number."""

    @property
    def trials(self) -> Mapping[str, Sequence[np.ndarray]]:
        """The "train" trials that each learns from, and the "validation" trials it holds out."""

    def epoch(self, members: list[int]) -> np.ndarray:
        """One pass of `members` over their training trials; the mean loss of each."""

    def losses(self, part: str, members: list[int]) -> np.ndarray:
        """Mean loss of each on its "train" or "validation" trials, with nothing learned."""

    def state(self, member: int) -> dict[str, torch.Tensor]:
        """A copy of one network's weights."""

    def restore(self, states: Sequence[dict[str, torch.Tensor]]) -> None:
        """Put back what `state` gave for each network."""


class Run:
    """The training of some networks: what came of each epoch, and which was the best.

    Parameters
    ----------
    trainee : Trainee
        The networks as they are given, which is epoch 0.
    data : Dataset
    settings : Settings
    bar : tqdm
        Moves on by one for each epoch of a network.
    """

    def __init__(self, trainee: Trainee, data: Dataset, settings: Settings, bar: tqdm):
        self.settings, self.bar, self.interrupted = settings, bar, False
        self.rows: list[dict[str, float]] = []
        self._to_bits = {
            part: [_to_bits(data, each) for each in trials]
            for part, trials in trainee.trials.items()
        }
        everyone = list(range(len(trainee.trials["train"])))
        self.last_epochs, self.best_epochs = [-1] * len(everyone), [0] * len(everyone)
        self._best = np.full(len(everyone), np.inf)
        self._start = time.perf_counter()
        losses = (trainee.losses(part, everyone) for part in ("train", "validation"))
        self._note(everyone, *losses)

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch, network by network."""
        return pd.DataFrame(self.rows).sort_values(["member", "epoch"], ignore_index=True)

    def train(self, trainee: Trainee, n_epochs: int, patience: int | None) -> None:
        """Train each network until `patience` epochs have brought no lower validation loss.

        However it ends, each is left with the weights of its best epoch.

        Raises
        ------
        FloatingPointError
            If the loss becomes NaN or infinite.
        """
        active = list(range(len(self.best_epochs)))
        states = [trainee.state(member) for member in active]
        try:
            for _ in range(n_epochs):
                losses = trainee.epoch(active), trainee.losses("validation", active)
                for member in self._note(active, *losses):
                    states[member] = trainee.state(member)
                self.bar.update(len(active))
                if patience is not None:
                    active = [
                        m for m in active if self.last_epochs[m] - self.best_epochs[m] < patience
                    ]
                if not active:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
            tqdm.write("interrupted; keeping the best so far")
        finally:
            trainee.restore(states)

    def _note(self, members: list[int], train: np.ndarray, validation: np.ndarray) -> list[int]:
        """Add a row for one more epoch of each; those that are better than ever before."""
        if not np.isfinite([train, validation]).all():
            raise FloatingPointError(
                f"the loss is {train.mean():g} in training and {validation.mean():g} in validation "
                f"after epoch {self.last_epochs[members[0]] + 1}; lower the learning rate (now "
                f"{self.settings.learning_rate:g})"
            )
        better = []
        for member, loss, held_out in zip(members, train, validation, strict=True):
            self.last_epochs[member] += 1
            self.rows.append(
                {
                    "member": member,
                    "epoch": self.last_epochs[member],
                    "train_loss": float(loss),
                    "validation_loss": float(held_out),
                    "train_bits": float(self._to_bits["train"][member](loss)),
                    "validation_bits": float(self._to_bits["validation"][member](held_out)),
                    "seconds": time.perf_counter() - self._start,
                }
            )
            if held_out < self._best[member]:
                self._best[member], self.best_epochs[member] = held_out, self.last_epochs[member]
                better.append(member)
        bits = (
            np.mean([row[f"{part}_bits"] for row in self.rows[-len(members) :]])
            for part in ("train", "validation")
        )
        self.bar.set_postfix_str("bits/spike train {:.3f}, validation {:.3f}".format(*bits))
        return better


def _to_bits(data: Dataset, trials: np.ndarray) -> Callable[[float], float]:
    """Turns the mean Poisson loss of some trials into bits per spike against the train mean."""
    counts = data.target[trials]
    null = np.broadcast_to(metrics.null_rates(data, "train"), counts.shape)
    null_loss = metrics.poisson_nll(null, counts)
    per_bit = max(counts.mean(dtype=np.float64), 1e-12) * np.log(2)
    return lambda loss: (null_loss - loss) / per_bit
