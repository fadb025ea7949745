"""fit: device, early stopping, progress, history; the course's model and the original recipe."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from nma_seq2seq import members, metrics, saved
from nma_seq2seq.arguments import real, source_counts, whole
from nma_seq2seq.baselines import ReducedRankRegression, check_sources, fit_rrr
from nma_seq2seq.dataset import Dataset, check_dataset
from nma_seq2seq.members import Calibration
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.seen import Seen

# A rate of exactly zero would make one spike infinitely surprising.
_LEAST_RATE = 1e-6
_MEMORY_FULL = "the GPU's memory is full, so this is trained on the CPU"
_AT_ONCE = 50  # trials that are read together where nothing is learned


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
        if self.optimizer not in ("adamw", "adam"):
            raise ValueError(f"no optimizer {self.optimizer!r}; choose 'adamw' or 'adam'")
        if not 0 <= self.neuron_dropout < 1:
            raise ValueError(f"neuron_dropout={self.neuron_dropout} must be from 0 to below 1")
        whole("max_epochs", self.max_epochs, 1)
        if self.batch_trials is not None:
            whole("batch_trials", self.batch_trials, 1)
        if self.patience is not None:
            whole("patience", self.patience, 1)
        if real("learning_rate", self.learning_rate, 0) == 0:
            raise ValueError("learning_rate is 0; choose a number above 0, or nothing is learned")
        real("weight_decay", self.weight_decay, 0)


RECIPE = Settings("adam", 1e-3, 1e-4, None, neuron_dropout=0.0, max_epochs=400, patience=None)


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained network, or several whose rates are averaged.

    Attributes
    ----------
    models : tuple of Seq2Seq, or of a network of your own
        With the weights that were kept.
    history : DataFrame, one row an epoch
        `member` (which network), `epoch`, `train_loss` (with dropout, where there is any),
        `validation_loss`, `train_bits`, `validation_bits`, `seconds` since the network's start.
        Epoch 0 is the network as it was given.
    best_epochs : tuple of int
        For each network, the epoch whose weights were kept.
    seconds : float
        All that it took to reach these weights.
    seen : Seen
        The recording, the neurons and the trials that it has learned from.
    calibration : Calibration, optional
        What is put right in the average of the networks; see `fit_seq2seq`.
    interrupted : bool
        Whether Ctrl-C ended the training early.

    Examples
    --------
    >>> fit = nma.fit(nma.Seq2Seq(data.n_sources, data.n_targets), data,
    ...               nma.Settings(max_epochs=1), progress=False)
    >>> fit.predict(data.source[data.test]).shape == data.target[data.test].shape
    True
    """

    models: tuple[nn.Module, ...]
    history: pd.DataFrame
    best_epochs: tuple[int, ...]
    seconds: float
    seen: Seen
    calibration: Calibration | None = None
    interrupted: bool = False

    def predict(self, source: np.ndarray) -> np.ndarray:
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets), counts per bin."""
        source = source_counts(source, len(self.seen.source_units))
        rates = _apply(self.models[0], self.models[0], source)
        for model in self.models[1:]:
            rates += _apply(model, model, source)
        rates = (rates / len(self.models)).clip(min=_LEAST_RATE)
        return rates if self.calibration is None else self.calibration(rates)

    def latents(self, source: np.ndarray) -> np.ndarray:
        """Counts (trials, time, n_sources) -> latents (trials, time, n_latents).

        Of the first network where there are several, for each has latents of its own.

        Raises
        ------
        AttributeError
            If a network of your own has no `latents(source)`.
        """
        first, latents = self.models[0], getattr(self.models[0], "latents", None)
        if not callable(latents):
            raise AttributeError(
                f"a {type(first).__name__} has no latents; give its class a method latents(source)"
            )
        return _apply(latents, first, source_counts(source, len(self.seen.source_units)))

    def save(self, path: str | os.PathLike) -> None:
        """Write everything to a file that `load_fit` reads; whole or not at all.

        Raises
        ------
        TypeError
            If a network is of your own class, which a file without code in it cannot hold.
        OSError
            If it cannot be written there.
        """
        networks = [model for model in self.models if type(model) is Seq2Seq]
        if len(networks) < len(self.models):
            name = type(self.models[0]).__name__
            raise TypeError(
                f"a fit of your own {name} cannot be saved, for the file would have to hold its "
                "code; keep the weights with torch.save(fit.models[0].state_dict(), path)"
            )
        calibration = self.calibration and vars(self.calibration)
        content = {
            "kind": "networks",
            "options": [model.options for model in networks],
            "weights": [model.state_dict() for model in networks],
            "history": self.history.to_dict(orient="list"),
            "best_epochs": list(self.best_epochs),
            "seconds": self.seconds,
            "seen": asdict(self.seen),
            "calibration": calibration
            and {name: torch.as_tensor(array) for name, array in calibration.items()},
            "interrupted": self.interrupted,
        }
        saved.write(content, path)


class Recipe(NamedTuple):
    """Two fits of one run of the original recipe; `metrics.score` makes two rows of them."""

    early_stopped: Fit
    as_given: Fit


def load_fit(path: str | os.PathLike) -> Fit | ReducedRankRegression:
    """A fit or a regression that its `save` wrote, on the CPU. Nothing in the file can run.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not one of those, or a byte of it has changed.

    Examples
    --------
    >>> fit.save("fit.pt")  # doctest: +SKIP
    >>> nma.load_fit("fit.pt").predict(data.source[data.test])  # doctest: +SKIP
    """
    content = saved.read(path)
    seen = content["seen"] and Seen(**content["seen"])
    if content["kind"] == "regression":
        arrays = {
            name: value.numpy() if isinstance(value, torch.Tensor) else value
            for name, value in content.items()
            if name != "kind"
        }
        return ReducedRankRegression(**arrays | {"seen": seen})
    models = []
    for options, weights in zip(content["options"], content["weights"], strict=True):
        models.append(Seq2Seq(**options).eval())
        models[-1].load_state_dict(weights)
    calibration = content["calibration"]
    return Fit(
        models=tuple(models),
        history=pd.DataFrame(content["history"]),
        best_epochs=tuple(content["best_epochs"]),
        seconds=content["seconds"],
        seen=seen,
        calibration=calibration
        and Calibration(**{name: array.numpy() for name, array in calibration.items()}),
        interrupted=content["interrupted"],
    )


def pick_device(device: str = "auto") -> torch.device:
    """Where to compute: "auto" is CUDA where there is one, else the CPU.

    Never MPS, on which a recurrent layer is slower than on the CPU beside it.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device not in ("cpu", "cuda"):
        raise ValueError(f"no device {device!r}; choose 'auto', 'cpu' or 'cuda'")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' is not there; use device='auto' or 'cpu'")
    return torch.device(device)


def new_model(data: Dataset, *, seed: int = 0, **options: Any) -> Seq2Seq:
    """An untrained Seq2Seq of the data's size; torch's global generator is left as it was."""
    with _single_precision(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Seq2Seq(data.n_sources, data.n_targets, **options)


def start_from_linear(
    data: Dataset,
    *,
    n_latents: int = 15,
    smoothing: tuple[float, ...] = (2.0, 8.0),
    ridges: tuple[float, ...] = (1, 3, 10, 30),
    floor: float = 0.2,
    bidirectional: bool = True,
    seed: int = 0,
) -> tuple[Seq2Seq, ReducedRankRegression]:
    """A network that starts where a reduced-rank regression ends, and that regression.

    Parameters
    ----------
    data : Dataset
    n_latents : int
        Also the regression's rank.
    smoothing : tuple of float
        Standard deviations of the Gaussians that the kernels start as, bins.
    ridges : tuple of float
        What the regression chooses from, on the validation trials; see `fit_rrr`.
    floor : float
        Least rate, as a share of the mean, of both.
    bidirectional : bool
        As in `fit_seq2seq`.
    seed : int
        Of the recurrent layer.
    """
    ranks = (min(n_latents, data.n_targets, len(smoothing) * data.n_sources),)
    linear = fit_rrr(
        data,
        smoothings=(smoothing,),
        ridges=ridges,
        ranks=ranks,
        floors=(floor,),
        causal=not bidirectional,
    )
    model = new_model(
        data,
        seed=seed,
        n_latents=n_latents,
        smoothing=smoothing,
        bidirectional=bidirectional,
        floor=floor,
        beta=3.0,
    )
    return warm_start(model, linear, data), linear


@torch.no_grad()
def warm_start(model: Seq2Seq, linear: ReducedRankRegression, data: Dataset) -> Seq2Seq:
    """Copy a reduced-rank regression into a network with the same smoothing, and return it.

    Latents are scaled to unit variance over the training trials, so that one learning rate suits
    all of them. Before it is trained, the network's rates are about the regression's.
    """
    std = linear.latents(data.source[data.train]).std(axis=(0, 1)) + 1e-6
    decoder = linear.decoder * std[:, None] / linear.target_mean
    members.start_at(model, linear.encoder / std, decoder, linear.center, linear.target_mean)
    model.smoothing_layer.source_mean.copy_(torch.as_tensor(linear.source_mean))
    model.smoothing_layer.source_scale.copy_(torch.as_tensor(linear.source_scale))
    return model


def fit(
    model: nn.Module,
    data: Dataset,
    settings: Settings = Settings(),
    *,
    device: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> Fit:
    """Train one network, and keep the weights that predict the validation trials best.

    Parameters
    ----------
    model : Seq2Seq, or a module of your own
        Is trained in place. It takes counts (trials, time, n_sources), float32, and gives rates
        (trials, time, n_targets) of 0 or more, in counts per bin.
    data : Dataset
    settings : Settings
    device : "auto", "cpu" or "cuda"
    seed : int
        Of batches and dropout, that of your own module's layers too.
    progress : bool
        Show a progress bar with train and validation bits per spike.

    Returns
    -------
    Fit
        Interrupted with Ctrl-C, the best so far.

    Raises
    ------
    ValueError
        If the network's size is not the data's, it has nothing to train, its rates are below 0, or
        the device is not there.
    TypeError
        If the model is no module, or does not give one tensor.
    FloatingPointError
        If the loss becomes NaN or infinite.

    Examples
    --------
    >>> model = nma.Seq2Seq(data.n_sources, data.n_targets, n_latents=15)
    >>> fit = nma.fit(model, data, nma.Settings(max_epochs=2), progress=False)
    >>> fit.history["epoch"].tolist()
    [0, 1, 2]

    A network of your own:

    >>> glm = torch.nn.Sequential(torch.nn.Linear(data.n_sources, data.n_targets),
    ...                           torch.nn.Softplus())
    >>> fit = nma.fit(glm, data, nma.Settings(max_epochs=2), progress=False)
    >>> nma.score({"my GLM": fit}, data).index.tolist()
    ['my GLM']
    """
    with _bar(settings.max_epochs, progress) as bar:
        return _train(model, data, settings, device, seed, bar).best


def fit_seq2seq(
    data: Dataset,
    settings: Settings = Settings(),
    *,
    n_latents: int = 15,
    n_members: int = 5,
    smoothing: tuple[float, ...] = (2.0, 8.0),
    ridge: float = 30.0,
    bidirectional: bool = True,
    device: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> Fit:
    """The course's model: networks that start from a reduced-rank regression, averaged.

    Training and validation trials are dealt into as many parts as there are networks (five at
    least). Each network stops early on a part of its own and learns from the others, so that
    together they learn from every trial that is not a test trial. What they predict for the parts
    that they held out then says how bold their average should be, neuron by neuron, and what it
    misses bin by bin; see `members.Calibration`.

    Parameters
    ----------
    data : Dataset
    settings : Settings
    n_latents : int
    n_members : int
        Networks that are averaged.
    smoothing : tuple of float
        As in `start_from_linear`.
    ridge : float
        Of the regressions, in units of the mean variance of an input.
    bidirectional : bool
        Whether a rate may depend on what comes after its bin. Without, regressions and networks
        use the past and the bin itself alone (of sources that trail by a negative lag in the data,
        what these bins hold). That costs 5 to 9 % of the bits per spike on one
        simulated and two recorded sessions, one split each; see docs/benchmark.md.
    device, seed, progress
        As in `fit`.

    Returns
    -------
    Fit
        Interrupted with Ctrl-C, the networks so far.

    Raises
    ------
    ValueError
        If an argument cannot be, the device is not there, or no source neuron ever changes.
    FloatingPointError
        If the loss becomes NaN or infinite.

    Examples
    --------
    >>> fit = nma.fit_seq2seq(data, n_members=2, progress=False)
    >>> nma.score({"seq2seq": fit}, data)["bits_per_spike"].item() > 0.2
    True
    """
    check_dataset(data)
    n_members, seed = whole("n_members", n_members, 1), whole("seed", seed)
    if not len(smoothing) or not min(smoothing) > 0:
        raise ValueError(f"smoothing={smoothing!r} must be one or more widths above 0, in bins")
    if not 0 < ridge < np.inf:
        raise ValueError(f"ridge={ridge} must be finite and above 0")
    check_sources(data)
    start = time.perf_counter()
    chosen = pick_device(device)
    parts = [part.validation for part in folds(data, n_members, seed)]
    models = [
        new_model(
            data,
            seed=seed + k,
            n_latents=n_latents,
            smoothing=smoothing,
            bidirectional=bidirectional,
            floor=0.2,
            beta=3.0,
        )
        for k in range(n_members)
    ]
    most_epochs = settings.max_epochs * n_members
    with _one_thread(chosen), _bar(most_epochs, progress) as bar:
        bar.set_description("warm start")
        members.warm_started(models, data, parts, smoothing, ridge)
        to_bits = [_to_bits(data, trials) for trials in (data.train, *parts)]
        bar.set_description(f"{n_members} networks" if n_members > 1 else "network")

        def show(n_done: int, loss: float) -> None:
            bar.update(min(n_done, most_epochs - bar.n))
            bits = np.mean([convert(loss) for convert in to_bits[1:]])
            bar.set_postfix_str(f"bits/spike {bits:.3f} on trials held out")

        first = [copy.deepcopy(model.state_dict()) for model in models]
        try:
            run = members.train(models, data, parts, settings, chosen, seed, show)
        except torch.cuda.OutOfMemoryError:
            tqdm.write(_MEMORY_FULL)
            for model, state in zip(models, first, strict=True):
                model.cpu().load_state_dict(state)
            run = members.train(models, data, parts, settings, torch.device("cpu"), seed, show)
        bar.update(most_epochs - bar.n)
        if run.interrupted:
            tqdm.write("interrupted; keeping the best so far of each network")
        models = [model.eval() for model in models]
        calibration = members.calibrated(
            [partial(_apply, model, model) for model in models], data, parts, not bidirectional
        )
    history = pd.DataFrame(run.rows).sort_values(["member", "epoch"], ignore_index=True)
    for k in range(n_members):
        mine = history["member"].to_numpy() == k
        history.loc[mine, "train_bits"] = to_bits[0](history["train_loss"].to_numpy()[mine])
        history.loc[mine, "validation_bits"] = to_bits[k + 1](
            history["validation_loss"].to_numpy()[mine]
        )
    return Fit(
        models=tuple(model.to(chosen) for model in models),
        history=history,
        best_epochs=tuple(run.best_epochs),
        seconds=time.perf_counter() - start,
        # Each network stops on a part that the others learn from.
        seen=Seen.of(data, trained=np.union1d(data.train, data.validation)),
        calibration=calibration,
        interrupted=run.interrupted,
    )


def fit_recipe(
    data: Dataset,
    settings: Settings = RECIPE,
    *,
    n_latents: int = 15,
    device: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> Recipe:
    """The original study's recipe: early-stopped on the validation trials, and as it was given.

    A bidirectional LSTM whose directions are averaged into 15 latents, a linear layer, softplus
    with beta 10; Adam, learning rate 0.001, weight decay 0.0001, full batch.

    Returns
    -------
    Recipe
        The pair (early_stopped, as_given) from one run: the weights of the best validation epoch,
        and those of the last epoch.

    Examples
    --------
    >>> from dataclasses import replace
    >>> short = replace(nma.RECIPE, max_epochs=2)
    >>> early_stopped, as_given = nma.fit_recipe(data, short, progress=False)
    """
    model = new_model(data, seed=seed, n_latents=n_latents)
    with _bar(settings.max_epochs, progress) as bar:
        run = _train(model, data, settings, device, seed, bar)
    return Recipe(run.best, run.last)


def folds(data: Dataset, n_members: int, seed: int) -> Iterator[Dataset]:
    """The dataset again and again, each time with another part of its seen trials as validation.

    Training and validation trials are dealt into `n_members` parts, five at least.
    """
    seen = np.random.default_rng((seed, 3)).permutation(np.union1d(data.train, data.validation))
    parts = np.array_split(seen, max(n_members, 5))
    for part in parts[:n_members]:
        yield replace(data, train=np.setdiff1d(seen, part), validation=np.sort(part))


@dataclass(frozen=True, eq=False)
class _Run:
    best: Fit
    last: Fit
    interrupted: bool


def _train(
    model: nn.Module, data: Dataset, settings: Settings, device: str, seed: int, bar: tqdm
) -> _Run:
    """Train on a device; where its memory runs out, say so and train on the CPU."""
    check_dataset(data)
    seed = whole("seed", seed)
    chosen = pick_device(device)
    with _one_thread(chosen), torch.random.fork_rng():
        torch.manual_seed(seed)  # of what the layers of a reader's own module draw
        _check_network(model, data)
        first = copy.deepcopy(model.state_dict())
        try:
            return _train_on(chosen, model, data, settings, seed, bar)
        except torch.cuda.OutOfMemoryError:
            tqdm.write(_MEMORY_FULL)
            model.cpu().load_state_dict(first)
            return _train_on(torch.device("cpu"), model, data, settings, seed, bar)


def _check_network(model: nn.Module, data: Dataset) -> None:
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


@contextmanager
def _single_precision() -> Iterator[None]:
    """Whatever the notebook has set: counts are float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """Single precision, and on a CPU one thread: a recurrent layer's steps are too small to share.

    On two busy cores, two threads that wait for each other were 2 to 40 times as slow as one.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        with _single_precision():
            yield
    finally:
        torch.set_num_threads(before)


class _Passes:
    """A network and its data on one device, and the passes over them that training consists of."""

    def __init__(
        self, device: torch.device, model: nn.Module, data: Dataset, settings: Settings, seed: int
    ):
        self.device, self.model, self.settings = device, model.to(device), settings
        self.parts = {
            part: (self._there(data.source[trials]), self._there(data.target[trials]))
            for part, trials in (("train", data.train), ("validation", data.validation))
        }
        mean = data.source[data.train].mean(axis=(0, 1), dtype=np.float32)
        self.source_mean = torch.as_tensor(mean, device=device)
        # Drawn on the CPU, so that every device trains with the same batches and dropout.
        self.generator = torch.Generator().manual_seed(seed)
        kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[settings.optimizer]
        self.optimizer = kind(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    def _there(self, counts: np.ndarray) -> torch.Tensor:
        # Counts stay bytes until a batch is read, a quarter of the memory of floats; but one batch
        # of all trials would make the same floats anew in every epoch.
        there = torch.as_tensor(counts, device=self.device)
        as_bytes = counts.dtype == np.uint8 and self.settings.batch_trials is not None
        return there if as_bytes else there.float()

    @torch.no_grad()
    def loss(self, part: str) -> float:
        """Mean Poisson loss of a part, without dropout."""
        self.model.eval()
        source, target = self.parts[part]
        total = sum(
            (
                _loss(self.model, some.float(), counts.float()) * len(some)
                for some, counts in zip(source.split(_AT_ONCE), target.split(_AT_ONCE), strict=True)
            ),
            start=torch.zeros((), device=self.device),
        )
        return (total / len(source)).item()

    def epoch(self) -> float:
        """One pass over the training trials; the mean loss, with dropout. It syncs at its end."""
        self.model.train()
        source, target = self.parts["train"]
        kept = 1 - self.settings.neuron_dropout
        order = torch.randperm(len(source), generator=self.generator)
        keep = torch.ones(len(source), 1, source.shape[2], dtype=torch.float32)
        if kept < 1:
            keep.bernoulli_(kept, generator=self.generator)
        order, keep = order.to(self.device), (keep / kept).to(self.device)
        size = self.settings.batch_trials or len(order)
        total = torch.zeros((), device=self.device)
        for trials, kept_sources in zip(order.split(size), keep.split(size), strict=True):
            seen = source[trials].float()  # (batch, time, n_sources)
            if kept < 1:
                seen = self.source_mean + (seen - self.source_mean) * kept_sources
            loss = _loss(self.model, seen, target[trials].float())
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * len(trials)
        return (total / len(order)).item()


def _train_on(
    device: torch.device, model: nn.Module, data: Dataset, settings: Settings, seed: int, bar: tqdm
) -> _Run:
    start = time.perf_counter()
    passes = _Passes(device, model, data, settings, seed)
    to_bits = [_to_bits(data, trials) for trials in (data.train, data.validation)]
    rows: list[dict[str, float]] = []
    best_epoch, best_state, interrupted = 0, copy.deepcopy(model.state_dict()), False

    def record(epoch: int, train_loss: float) -> None:
        losses = train_loss, passes.loss("validation")
        if not np.isfinite(losses).all():
            raise FloatingPointError(
                f"the loss is {losses[0]} in training and {losses[1]} in validation after epoch "
                f"{epoch}; lower the learning rate (now {settings.learning_rate:g})"
            )
        bits = [convert(loss) for convert, loss in zip(to_bits, losses, strict=True)]
        rows.append(
            {
                "epoch": epoch,
                "train_loss": losses[0],
                "validation_loss": losses[1],
                "train_bits": bits[0],
                "validation_bits": bits[1],
                "seconds": time.perf_counter() - start,
            }
        )
        bar.set_postfix_str(f"bits/spike train {bits[0]:.3f}, validation {bits[1]:.3f}")

    try:
        record(0, passes.loss("train"))
        for epoch in range(1, settings.max_epochs + 1):
            record(epoch, passes.epoch())
            bar.update()
            if rows[-1]["validation_loss"] < rows[best_epoch]["validation_loss"]:
                best_epoch, best_state = epoch, copy.deepcopy(model.state_dict())
            if settings.patience is not None and epoch - best_epoch >= settings.patience:
                break
    except KeyboardInterrupt:
        interrupted = True
        tqdm.write(f"interrupted after epoch {max(len(rows) - 1, 0)}; keeping the best so far")

    history = pd.DataFrame(rows)
    last = copy.deepcopy(model).eval()
    model.load_state_dict(best_state)
    model.eval()

    def as_fit(network: nn.Module, epoch: int) -> Fit:
        seconds = rows[epoch]["seconds"] if rows else 0.0
        return Fit((network,), history, (epoch,), seconds, Seen.of(data), interrupted=interrupted)

    return _Run(as_fit(model, best_epoch), as_fit(last, max(len(rows) - 1, 0)), interrupted)


def _loss(model: nn.Module, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return metrics.poisson_nll(model(source).clamp(min=_LEAST_RATE), target)


def _to_bits(data: Dataset, trials: np.ndarray) -> Callable[[Any], Any]:
    """Turns the mean Poisson loss of some trials into bits per spike against the train mean.

    One loss, or an array of them.
    """
    counts = data.target[trials]
    null = np.broadcast_to(metrics.null_rates(data, "train"), counts.shape)
    null_loss = metrics.poisson_nll(null, counts)
    per_bit = max(counts.mean(dtype=np.float64), 1e-12) * np.log(2)
    return lambda loss: (null_loss - loss) / per_bit


def _apply(
    function: Callable[[torch.Tensor], torch.Tensor], model: nn.Module, source: np.ndarray
) -> np.ndarray:
    """Run a network on counts, some trials at a time so that memory stays small."""
    device = next(model.parameters()).device
    with torch.no_grad():
        parts = [
            function(torch.as_tensor(part, dtype=torch.float32, device=device)).cpu().numpy()
            for part in np.array_split(source, -(-len(source) // _AT_ONCE) or 1)
        ]
    return np.concatenate(parts)


def _bar(total: int, progress: bool) -> tqdm:
    return tqdm(total=total, desc="fit", unit="epoch", disable=not progress)
