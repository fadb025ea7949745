"""Fits: the course's model, the original recipe, a network of your own; saved and loaded again."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from nma_seq2seq import members, metrics, saved
from nma_seq2seq.arguments import source_counts, whole
from nma_seq2seq.baselines import ReducedRankRegression, check_sources
from nma_seq2seq.dataset import Dataset, check_dataset
from nma_seq2seq.early_stopping import COURSE, RECIPE, Adam, Run, Settings, pieces
from nma_seq2seq.members import Calibration
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.seen import Seen

# A rate of exactly zero would make one spike infinitely surprising.
_LEAST_RATE = 1e-6
_T = TypeVar("_T")


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
        total: Any = sum(_apply(model, model, source) for model in self.models)
        rates = (total / len(self.models)).clip(min=_LEAST_RATE)
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
    >>> nma.fit_rrr(data).save("fit.pt")
    >>> nma.load_fit("fit.pt").predict(data.source[data.test]).shape
    (52, 40, 69)
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


def fit(
    model: nn.Module,
    data: Dataset,
    settings: Settings = COURSE,
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
    return _fit_alone(model, data, settings, device, seed, progress).early_stopped


def fit_seq2seq(
    data: Dataset,
    settings: Settings = COURSE,
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
        Standard deviations of the Gaussians that the networks' kernels start as, bins.
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

    def train(chosen: torch.device) -> Fit:
        start = time.perf_counter()
        n_epochs = (settings.max_epochs + settings.recurrent_epochs) * n_members
        with _bar(n_epochs, progress) as bar:
            bar.set_description("warm start")
            members.warm_started(models, data, parts, ridge)
            bar.set_description(f"{n_members} networks" if n_members > 1 else "network")
            stacked = members.Members(models, data, parts, settings, chosen, seed)
            run = Run(data, parts, settings, bar)
            run.begin(stacked)
            run.train(stacked, settings.max_epochs, settings.patience)
            if not run.interrupted:
                recurrent = members.RecurrentLayers(stacked)
                run.train(recurrent, settings.recurrent_epochs, patience=1)
        held_out = (
            _apply(model.eval(), model, data.source[part])
            for model, part in zip(models, parts, strict=True)
        )
        calibration = members.calibrated(held_out, data, parts, not bidirectional)
        return Fit(
            models=tuple(model.to(chosen) for model in models),
            history=run.history,
            best_epochs=tuple(run.best_epochs),
            seconds=time.perf_counter() - start,
            # Each network stops on a part that the others learn from.
            seen=Seen.of(data, trained=np.union1d(data.train, data.validation)),
            calibration=calibration,
            interrupted=run.interrupted,
        )

    return _on_device(device, models, train)


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
    return _fit_alone(model, data, settings, device, seed, progress)


def folds(data: Dataset, n_members: int, seed: int) -> Iterator[Dataset]:
    """The dataset again and again, each time with another part of its seen trials as validation.

    Training and validation trials are dealt into `n_members` parts, five at least.
    """
    seen = np.random.default_rng((seed, 3)).permutation(np.union1d(data.train, data.validation))
    parts = np.array_split(seen, max(n_members, 5))
    for part in parts[:n_members]:
        yield replace(data, train=np.setdiff1d(seen, part), validation=np.sort(part))


def _fit_alone(
    model: nn.Module, data: Dataset, settings: Settings, device: str, seed: int, progress: bool
) -> Recipe:
    """Train one network: as it was in its best epoch, and in its last."""
    check_dataset(data)
    seed = whole("seed", seed)

    def train(chosen: torch.device) -> Recipe:
        torch.manual_seed(seed)  # of what the layers of a reader's own module draw
        alone = _Alone(model, data, settings, chosen, seed)
        with _bar(settings.max_epochs, progress) as bar:
            run = Run(data, [data.validation], settings, bar)
            run.begin(alone)
            run.train(alone, settings.max_epochs, settings.patience)
        seen, history = Seen.of(data), run.history
        return Recipe(
            *(
                Fit(
                    models=(network.eval(),),
                    history=history,
                    best_epochs=(epoch,),
                    seconds=run.rows[epoch]["seconds"],
                    seen=seen,
                    interrupted=run.interrupted,
                )
                for network, epoch in (
                    (model, run.best_epochs[0]),
                    (alone.last, run.last_epochs[0]),
                )
            )
        )

    with torch.random.fork_rng():
        _check_network(model, data)
        return _on_device(device, [model], train)


def _on_device(device: str, models: Sequence[nn.Module], train: Callable[[torch.device], _T]) -> _T:
    """What `train` makes on a device; where its memory runs out, say so and begin anew on the CPU.

    In single precision, and on a CPU in one thread: a recurrent layer's steps are too small to
    share. On two busy cores, two threads that wait for each other were 2 to 40 times as slow.
    """
    chosen = pick_device(device)
    first = [copy.deepcopy(model.state_dict()) for model in models]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1 if chosen.type == "cpu" else n_threads)
    try:
        with _single_precision():
            return train(chosen)
    except torch.cuda.OutOfMemoryError:
        tqdm.write("the GPU's memory is full, so this is trained on the CPU")
    finally:
        torch.set_num_threads(n_threads)
    for model, state in zip(models, first, strict=True):
        model.cpu().load_state_dict(state)
    return _on_device("cpu", models, train)


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


class _Alone:
    """One network in training, of whatever kind, and its data on one device."""

    def __init__(
        self, model: nn.Module, data: Dataset, settings: Settings, device: torch.device, seed: int
    ):
        self.model, self.settings, self.device = model.to(device), settings, device
        self.last = model  # as it was after its last epoch, once it is trained
        self.data = {
            part: (self._there(data.source[trials]), self._there(data.target[trials]))
            for part, trials in (("train", data.train), ("validation", data.validation))
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
        return metrics.poisson_nll(self.model(source).clamp(min=_LEAST_RATE), target.float())


def _apply(
    function: Callable[[torch.Tensor], torch.Tensor], model: nn.Module, source: np.ndarray
) -> np.ndarray:
    """Run a network on counts, some trials at a time so that memory stays small."""
    device = next(model.parameters()).device
    with torch.no_grad():
        parts = [
            function(torch.as_tensor(part, dtype=torch.float32, device=device)).cpu().numpy()
            for part in pieces(source)
        ]
    return np.concatenate(parts)


@contextmanager
def _bar(n_epochs: int, progress: bool) -> Iterator[tqdm]:
    """A progress bar that is full at the end, however early the training has stopped."""
    with tqdm(total=n_epochs, desc="fit", unit="epoch", disable=not progress) as bar:
        yield bar
        bar.update(n_epochs - bar.n)
