"""Fits: the course's model, the original recipe, a network of your own; saved and loaded again."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from nma_seq2seq import members, saved
from nma_seq2seq.alone import LEAST_RATE, Alone, check_network
from nma_seq2seq.arguments import one_of, real, source_counts, whole
from nma_seq2seq.baselines import ReducedRankRegression, check_sources
from nma_seq2seq.calibration import Calibration, calibrated
from nma_seq2seq.dataset import Dataset, check_dataset
from nma_seq2seq.early_stopping import RECIPE, Run, Settings, check_settings, pieces
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.seen import Seen
from nma_seq2seq.smoothing import widths

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
        Epoch 0 is the network as it was given. In bits, each is of the network's own trials, per
        spike above the mean rates in training.
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
        total = reduce(np.add, (_apply(model, model, source) for model in self.models))
        rates = (total / len(self.models)).clip(min=LEAST_RATE)
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
        content = {
            "kind": "networks",
            "options": [model.options for model in networks],
            "weights": [model.state_dict() for model in networks],
            "history": self.history.to_dict(orient="list"),
            "best_epochs": list(self.best_epochs),
            "seconds": self.seconds,
            "seen": asdict(self.seen),
            "calibration": self.calibration and vars(self.calibration),
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
        del content["kind"]
        return ReducedRankRegression(**saved.arrays(content) | {"seen": seen})
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
        calibration=calibration and Calibration(**saved.arrays(calibration)),
        interrupted=content["interrupted"],
    )


def pick_device(device: str = "auto") -> torch.device:
    """Where to compute: "auto" is CUDA where there is one, else the CPU.

    Never MPS, on which a recurrent layer is slower than on the CPU beside it.
    """
    if one_of("device", device, ("auto", "cpu", "cuda")) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' is not there; use device='auto' or 'cpu'")
    return torch.device(device)


def new_model(data: Dataset, *, seed: int = 0, **options: Any) -> Seq2Seq:
    """An untrained Seq2Seq of the data's size; torch's generator is left alone.

    `options` are those of Seq2Seq.
    """
    with _single_precision(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Seq2Seq(data.n_sources, data.n_targets, **options)


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
    settings : Settings, optional
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
    misses bin by bin; see `calibration.Calibration`.

    Parameters
    ----------
    data : Dataset
    settings : Settings, optional
    n_latents : int
    n_members : int
        Networks that are averaged; no more than there are trials for each to hold one out.
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
    n_seen = len(data.train) + len(data.validation)
    n_members, seed = whole("n_members", n_members, 1, n_seen), whole("seed", seed)
    if not widths(smoothing):
        raise ValueError("smoothing=() holds no width; the networks start from smoothed sources")
    if not real("ridge", ridge) > 0:
        raise ValueError(f"ridge={ridge} must be above 0")
    check_settings(settings)
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
            run = Run(stacked, data, settings, bar)
            run.train(stacked, settings.max_epochs, settings.patience)
            if not run.interrupted:
                recurrent = members.RecurrentLayers(stacked)
                run.train(recurrent, settings.recurrent_epochs, patience=1)
        held_out = (
            _apply(model.eval(), model, data.source[part])
            for model, part in zip(models, parts, strict=True)
        )
        calibration = calibrated(held_out, data, parts, causal=not bidirectional)
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
    check_dataset(data)
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
    check_settings(settings)
    seed = whole("seed", seed)

    def train(chosen: torch.device) -> Recipe:
        torch.manual_seed(seed)  # of what the layers of a reader's own module draw
        alone = Alone(model, data, settings, chosen, seed)
        with _bar(settings.max_epochs, progress) as bar:
            run = Run(alone, data, settings, bar)
            run.train(alone, settings.max_epochs, settings.patience)
        seen, history = Seen.of(data), run.history

        def as_in(epoch: int, network: nn.Module) -> Fit:
            return Fit(
                models=(network.eval(),),
                history=history,
                best_epochs=(epoch,),
                seconds=run.rows[epoch]["seconds"],
                seen=seen,
                interrupted=run.interrupted,
            )

        return Recipe(as_in(run.best_epochs[0], model), as_in(run.last_epochs[0], alone.last))

    with torch.random.fork_rng():
        check_network(model, data)
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


@contextmanager
def _single_precision() -> Iterator[None]:
    """Whatever the notebook has set: counts are float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


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
