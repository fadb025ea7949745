"""What a network must beat: mean, PSTH, population coupling, GLM, reduced-rank regression."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nma_seq2seq import metrics, saved
from nma_seq2seq.arguments import real, source_counts, whole
from nma_seq2seq.dataset import Dataset, check_dataset
from nma_seq2seq.seen import Seen
from nma_seq2seq.smoothing import smooth

if TYPE_CHECKING:
    from sklearn.decomposition import PCA


@dataclass(frozen=True, eq=False)
class AverageTrial:
    """The same in every trial; `rates` (neurons,) or (time, neurons) in counts per bin."""

    rates: np.ndarray
    seconds: float
    seen: Seen | None = None

    def predict(self, source: np.ndarray) -> np.ndarray:
        """Rates (trials, time, neurons), whatever the sources do."""
        shape = np.shape(source)
        if len(shape) != 3:
            raise ValueError(
                f"source counts of shape {shape} must be (trials, time, n_sources); for one trial, "
                "source[[0]]"
            )
        if self.rates.ndim == 2 and shape[1] != len(self.rates):
            raise ValueError(
                f"the average trial has {len(self.rates)} bins and these trials have {shape[1]}; "
                "give trials of the window that it was fitted to"
            )
        return np.broadcast_to(self.rates, (*shape[:2], self.rates.shape[-1]))


@dataclass(frozen=True, eq=False)
class ReducedRankRegression:
    """Rates as a linear function of few linear combinations of the smoothed sources.

    Attributes
    ----------
    encoder : array, (len(smoothing) * n_sources, rank)
        Scaled, smoothed, centred sources -> latents; the sources at one width after the other.
    decoder : array, (rank, n_targets)
        Latents -> expected counts above the mean.
    source_mean, source_scale, target_mean : arrays, (n_sources,), (n_sources,), (n_targets,)
    center : array, (len(smoothing) * n_sources,)
        Training mean of the scaled, smoothed sources.
    smoothing : tuple of float
        Standard deviations of the Gaussians over time, bins.
    ridge : float
        Penalty, in units of the mean variance of an input.
    floor : float
        Least rate, as a share of the neuron's mean: a linear model may go below zero.
    seconds : float
        Time that choosing and fitting took.
    causal : bool
        Whether the smoothing looks at the past alone.
    """

    encoder: np.ndarray
    decoder: np.ndarray
    source_mean: np.ndarray
    source_scale: np.ndarray
    target_mean: np.ndarray
    center: np.ndarray
    smoothing: tuple[float, ...]
    ridge: float
    floor: float
    seconds: float
    seen: Seen | None = None
    causal: bool = False

    @property
    def rank(self) -> int:
        return self.encoder.shape[1]

    def save(self, path: str | os.PathLike) -> None:
        """Write everything to a file that `nma.load_fit` reads; whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written there.
        """
        seen = self.seen and asdict(self.seen)
        saved.write({"kind": "regression", **vars(self), "seen": seen}, path)

    def latents(self, source: np.ndarray) -> np.ndarray:
        """Counts (trials, time, n_sources) -> latents (trials, time, rank)."""
        source = source_counts(source, len(self.source_mean))
        # Smoothing acts on each column alike, so reading out first gives the same from far less.
        encoders = np.split(
            self.encoder / np.tile(self.source_scale, len(self.smoothing))[:, None],
            len(self.smoothing),
        )
        counts = source.astype(np.float32, copy=False)
        latents = sum(
            smooth(counts @ encoder, width, causal=self.causal)
            for encoder, width in zip(encoders, self.smoothing, strict=True)
        )
        return latents - self.source_mean @ sum(encoders) - self.center @ self.encoder

    def predict(self, source: np.ndarray) -> np.ndarray:
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets), counts per bin."""
        rates = self.target_mean + self.latents(source) @ self.decoder
        return np.maximum(rates, self.floor * self.target_mean)


def fit_mean(data: Dataset) -> AverageTrial:
    """Mean rate of each target neuron over the training trials.

    Examples
    --------
    >>> nma.fit_mean(data).rates.shape == (data.n_targets,)
    True
    """
    return _average(data, "train")


def fit_psth(data: Dataset) -> AverageTrial:
    """Average training trial, its smoothing chosen on the validation trials.

    Examples
    --------
    >>> nma.fit_psth(data).rates.shape == (40, data.n_targets)
    True
    """
    return _average(data, "psth")


def _average(data: Dataset, null: str) -> AverageTrial:
    check_dataset(data)
    start = time.perf_counter()
    rates = metrics.null_rates(data, null)
    return AverageTrial(rates, time.perf_counter() - start, Seen.of(data))


def fit_rrr(
    data: Dataset,
    *,
    smoothings: Sequence[tuple[float, ...]] = ((1.5,), (2,), (3,), (4,), (6,), (8,), (12,), (16,)),
    ridges: Sequence[float] = (0.3, 1, 3, 10, 30),
    ranks: Sequence[int] = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20),
    floors: Sequence[float] = (0.05, 0.1, 0.2, 0.3),
    causal: bool = False,
) -> ReducedRankRegression:
    """Reduced-rank regression; smoothing, ridge, rank and floor are chosen on validation trials.

    Least squares under a rank constraint (Izenman 1975; as a model of how areas talk to each other,
    Semedo et al. 2019). Sources are divided by the square root of their standard deviation, so that
    the ridge spares neither the busy nor the quiet ones; targets by the square root of their mean,
    the standard deviation of a Poisson count.

    Parameters
    ----------
    data : Dataset
    smoothings : tuples of standard deviations, bins
        One Gaussian by default; several give the regression the sources at each width.
    ridges : in units of the mean variance of an input, for all samples together
    ranks : ranks above the number of targets or of inputs are left out
    floors : least rates, as shares of the mean
    causal : bool
        Smooth over the past alone, so that no rate depends on what comes after its bin.

    Raises
    ------
    ValueError
        If there is nothing to choose from, a value cannot be, or no source neuron ever changes.

    Examples
    --------
    >>> rrr = nma.fit_rrr(data, smoothings=((4,),), ranks=(10, 15))
    >>> rrr.rank in (10, 15)
    True
    """
    start = time.perf_counter()
    check_dataset(data)
    _check_choices(smoothings=smoothings, ridges=ridges, ranks=ranks, floors=floors)
    check_sources(data)
    scaling = source_scaling(data, data.train)
    held_out = data.target[data.validation].reshape(-1, data.n_targets)
    best_loss, best = np.inf, None
    for smoothing in smoothings:
        sums = input_sums(data, data.train, scaling, smoothing, causal=causal)
        gram, cross, center, target_mean = centred(sums)
        seen = _inputs(data, data.validation, scaling, smoothing, causal) - center
        for ridge in ridges:
            encoder, axes = leading_axes(gram, cross, ridge, max(ranks))
            decoder = axes.T * np.sqrt(target_mean)
            latents = seen.reshape(len(held_out), -1) @ encoder
            for rank in (rank for rank in ranks if rank <= len(decoder)):
                rates = target_mean + latents[:, :rank] @ decoder[:rank]
                for floor in map(float, floors):
                    loss = metrics.poisson_nll(np.maximum(rates, floor * target_mean), held_out)
                    if loss < best_loss:
                        best_loss = loss
                        best = ReducedRankRegression(
                            encoder=encoder[:, :rank],
                            decoder=decoder[:rank],
                            source_mean=scaling[0],
                            source_scale=scaling[1],
                            target_mean=target_mean,
                            center=center,
                            smoothing=tuple(smoothing),
                            ridge=ridge,
                            floor=floor,
                            seconds=0.0,
                            causal=bool(causal),
                        )
    if best is None:
        raise ValueError(
            f"every rank of {tuple(ranks)} is above the {data.n_targets} targets or the inputs, or "
            "no choice gave a finite loss; add a smaller rank"
        )
    return replace(best, seconds=time.perf_counter() - start, seen=Seen.of(data))


def check_sources(data: Dataset) -> None:
    """Raise a ValueError if nothing can be learned from the sources, for they never change."""
    first = data.source[data.train[0], 0]
    if all((data.source[trial] == first).all() for trial in data.train):
        raise ValueError(
            f"none of the {data.n_sources} source neurons ever changes its count in the training "
            "trials, so nothing can be predicted from them; choose other sources or trials"
        )


def _check_choices(**choices: Sequence[Any]) -> None:
    """Refuse values that `fit_rrr` cannot choose from."""
    must: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "smoothings": (
            "tuples of widths above 0, such as ((2,),)",
            lambda widths: np.ndim(widths) == 1 and len(widths) > 0 and min(widths) > 0,
        ),
        "ridges": ("finite and above 0", lambda ridge: 0 < ridge < np.inf),
        "ranks": ("whole numbers of 1 or more", lambda rank: rank >= 1 and int(rank) == rank),
        "floors": ("above 0 and below 1, shares of the mean rate", lambda floor: 0 < floor < 1),
    }
    for name, values in choices.items():
        if not np.iterable(values):
            raise ValueError(f"{name}={values!r} must be a tuple, such as ({values!r},)")
        if not len(values):
            raise ValueError(
                f"{name}={values!r} leaves nothing to choose from; give a tuple of some"
            )
        be, can_be = must[name]
        if not all(map(can_be, values)):
            raise ValueError(f"{name}={values!r} must be {be}")


def fit_population(data: Dataset) -> ReducedRankRegression:
    """Each neuron's coupling to the population rate (Okun et al. 2015), by least squares.

    A regression on one number, how many spikes all sources fire together, whose smoothing is chosen
    on the validation trials.

    Examples
    --------
    >>> nma.score({"population": nma.fit_population(data)}, data)["bits_per_spike"].item() > 0
    True
    """
    population = data.source.sum(axis=2, keepdims=True, dtype=np.float32)
    one = fit_rrr(replace(data, source=population), ranks=(1,), ridges=(1e-3,))
    # The same of every source: the sum of them all is scaled, so that each of them is.
    n = data.n_sources
    return replace(
        one,
        encoder=np.repeat(one.encoder, n, axis=0),
        source_mean=np.repeat(one.source_mean / n, n),
        source_scale=np.repeat(one.source_scale, n),
        center=np.repeat(one.center / n, n),
    )


@dataclass(frozen=True, eq=False)
class PoissonGLM:
    """A generalised linear model with log link for each target neuron.

    Attributes
    ----------
    components : PCA
        Of the smoothed sources.
    weights, bias : arrays, (n_components, n_targets), (n_targets,)
    smoothing : float
        Standard deviation of the Gaussian over time, bins.
    penalty : float
        On the squared weights, in units of the mean rate and the first component's variance.
    max_rate : array, (n_targets,)
        The largest rate in training; an exponential goes far astray beyond what it has seen.
    seconds : float
    """

    components: PCA
    weights: np.ndarray
    bias: np.ndarray
    smoothing: float
    penalty: float
    max_rate: np.ndarray
    seconds: float
    seen: Seen | None = None

    def predict(self, source: np.ndarray) -> np.ndarray:
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets), counts per bin."""
        source = source_counts(source, self.components.n_features_in_)
        smoothed = smooth(source, self.smoothing)
        inputs = self.components.transform(smoothed.reshape(-1, source.shape[2]))
        rates = np.minimum(np.exp(inputs @ self.weights + self.bias), self.max_rate)
        return rates.reshape(*source.shape[:2], -1)


def fit_glm(
    data: Dataset,
    *,
    n_components: int = 50,
    smoothings: Sequence[float] = (2, 4, 8),
    penalties: Sequence[float] = (0.03, 0.1, 0.3),
) -> PoissonGLM:
    """Poisson GLM on the leading principal components of the smoothed sources.

    Smoothing and penalty are chosen on the validation trials, one for all neurons. Components
    stand in for the neurons, for a GLM on a thousand inputs and a few hundred trials would take
    minutes and overfit.

    Examples
    --------
    >>> glm = nma.fit_glm(data, n_components=10, smoothings=(4,), penalties=(0.1,))
    >>> glm.predict(data.source[data.test]).shape == data.target[data.test].shape
    True
    """
    # Imported here, for scikit-learn takes as long as torch to load.
    from sklearn.decomposition import PCA
    from sklearn.linear_model import PoissonRegressor

    check_dataset(data)
    check_sources(data)
    n_components = whole("n_components", n_components, 1)
    penalties = [real("penalties", penalty, 0) for penalty in penalties]
    start = time.perf_counter()
    counts = data.target[data.train].reshape(-1, data.n_targets)
    mean = metrics.mean_rates(data.target[data.train])
    best_loss, best = np.inf, None
    for smoothing in smoothings:
        smoothed = smooth(data.source[data.train], smoothing).reshape(-1, data.n_sources)
        components = PCA(min(n_components, data.n_sources), svd_solver="covariance_eigh")
        # As floats of double size, for scikit-learn's fallback solver takes no other in its 1.5.
        inputs = components.fit_transform(smoothed).astype(float)
        unit = components.explained_variance_[0]
        for penalty in penalties:
            weights, bias = np.zeros((inputs.shape[1], data.n_targets)), np.log(mean)
            # Fewer spikes say nothing of fifty weights; such a neuron keeps its mean.
            for neuron in np.flatnonzero(counts.sum(axis=0) >= 10):
                glm = PoissonRegressor(
                    alpha=penalty * mean[neuron] * unit, solver="newton-cholesky"
                )
                glm.fit(inputs, counts[:, neuron])
                weights[:, neuron], bias[neuron] = glm.coef_, glm.intercept_
            max_rate = np.exp(inputs @ weights + bias).max(axis=0)
            model = PoissonGLM(components, weights, bias, smoothing, penalty, max_rate, 0.0)
            # An exponential can come out as 0, which no Poisson rate may be.
            rates = np.maximum(model.predict(data.source[data.validation]), 1e-12)
            loss = metrics.poisson_nll(rates, data.target[data.validation])
            if loss < best_loss:
                best_loss, best = loss, model
    if best is None:
        raise ValueError(
            f"smoothings={list(smoothings)} and penalties={list(penalties)} leave nothing to "
            "choose from, or no GLM with a finite loss on the validation trials; give one of each"
        )
    return replace(best, seconds=time.perf_counter() - start, seen=Seen.of(data))


# ---------------------------------------------------------------------- least squares in pieces


def source_scaling(data: Dataset, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (n_sources,) of the sources: the square root of the standard deviation."""
    mean, square = np.zeros(data.n_sources), np.zeros(data.n_sources)
    n_samples = len(trials) * data.n_bins
    for trial in trials:
        counts = data.source[trial].astype(np.float32)
        mean += counts.sum(axis=0) / n_samples
        square += (counts**2).sum(axis=0) / n_samples
    scale = np.maximum(square - mean**2, 1e-4) ** 0.25
    return mean.astype(np.float32), scale.astype(np.float32)


def _inputs(
    data: Dataset,
    trials: np.ndarray,
    scaling: tuple[np.ndarray, np.ndarray],
    smoothing: Sequence[float],
    causal: bool,
) -> np.ndarray:
    """Scaled and smoothed sources of some trials, (trials, time, len(smoothing) * n_sources)."""
    scaled = (data.source[trials] - scaling[0]) / scaling[1]
    return np.concatenate([smooth(scaled, width, causal=causal) for width in smoothing], axis=2)


def input_sums(
    data: Dataset,
    trials: np.ndarray,
    scaling: tuple[np.ndarray, np.ndarray],
    smoothing: Sequence[float],
    *,
    causal: bool = False,
    every: int = 1,
) -> list[np.ndarray]:
    """Sums over samples: X'X (its upper triangle), X'Y, X and Y, and the number of samples.

    X are the scaled and smoothed sources, Y the target counts. Those of some trials and of others
    add up. For X'X, every so many-th bin stands for its neighbours. Some trials at a time, for a
    whole design matrix of 1,000 neurons at two widths would not fit beside everything else in the
    1 GB that Binder gives.
    """
    # Imported here, for it takes as long as a small fit.
    from scipy.linalg import blas

    size, n_samples = len(smoothing) * data.n_sources, len(trials) * data.n_bins
    gram = np.zeros((size, size), np.float32, order="F")
    cross, total = np.zeros((size, data.n_targets), np.float32), np.zeros(size)
    for some in np.array_split(trials, -(-n_samples // 4000) or 1):
        x, y = _inputs(data, some, scaling, smoothing, causal), data.target[some]
        picked = x[:, ::every].reshape(-1, size)
        x = x.reshape(-1, size)
        gram = blas.ssyrk(len(x) / len(picked), picked.T, beta=1, c=gram, overwrite_c=1)
        cross += x.T @ y.reshape(len(x), -1).astype(np.float32)
        total += x.sum(axis=0, dtype=np.float64)
    spikes = data.target[trials].sum(axis=(0, 1), dtype=np.float64)
    return [gram, cross, total, spikes, np.array(n_samples)]


def centred(sums: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X'X and X'Y of centred samples, Y over the square root of its mean; the means of X and Y."""
    from scipy.linalg import blas

    gram, cross, total, spikes, n = sums
    center, target_mean = total / n, np.maximum(spikes, 0.5) / n
    gram = blas.ssyr(-n, center, a=gram)
    cross = (cross - n * np.outer(center, target_mean)) / np.sqrt(target_mean)
    return gram, *(array.astype(np.float32) for array in (cross, center, target_mean))


def leading_axes(
    gram: np.ndarray, cross: np.ndarray, ridge: float, rank: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression, cut to a rank at most: encoder (inputs, rank) and axes (targets, rank).

    From X'X, of which the upper triangle counts, and X'Y. The best subspace of each rank is spanned
    by the leading axes of the fitted values.

    Raises
    ------
    ValueError
        If inputs say so nearly the same that with this ridge no regression can be computed.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    penalised = gram.copy(order="K")
    penalised[np.diag_indices_from(gram)] += ridge * np.trace(gram) / len(gram)
    try:
        factor = cho_factor(penalised, overwrite_a=True)
    except LinAlgError as error:
        raise ValueError(
            f"a ridge of {ridge:g} is too small for these {len(gram)} inputs, which nearly repeat "
            "each other; take a larger one"
        ) from error
    weights = cho_solve(factor, cross)
    axes = np.linalg.eigh(cross.T @ weights)[1][:, ::-1][:, : min(rank, len(gram))]
    return weights @ axes, axes
