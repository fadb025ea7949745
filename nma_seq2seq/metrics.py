"""Poisson loss, bits per spike, R2, and intervals over trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol, overload

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike

from nma_seq2seq.arguments import one_of, whole
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.seen import check_unseen
from nma_seq2seq.smoothing import smooth

NULLS = ("train", "test", "psth")
_PSTH_WIDTHS = (1.0, 2.0, 4.0, 8.0)  # bins


_NO_RATE = (
    "a rate is zero, negative or NaN; a Poisson rate must be above 0, so clip the prediction at a "
    "small positive number"
)


class Model(Protocol):
    """What can be scored: whatever predicts rates, an array or a tensor, from source counts."""

    def predict(self, source: np.ndarray, /) -> np.ndarray | torch.Tensor: ...


@overload
def poisson_nll(rates: np.ndarray, counts: np.ndarray) -> float: ...
@overload
def poisson_nll(rates: torch.Tensor, counts: torch.Tensor) -> torch.Tensor: ...
def poisson_nll(rates: Any, counts: Any) -> Any:
    """Mean Poisson negative log likelihood, mean(rates - counts ln rates).

    The constant ln(counts!) is left out, as the field does.

    Parameters
    ----------
    rates, counts : arrays or tensors of one shape
        Expected and observed spikes per bin.

    Returns
    -------
    A number for arrays, a scalar tensor for tensors.

    Examples
    --------
    >>> round(float(nma.poisson_nll(np.array([0.5, 0.5, 2.0]), np.array([0, 1, 3]))), 4)
    0.5379
    """
    tensors = isinstance(rates, torch.Tensor)
    if tensors != isinstance(counts, torch.Tensor):
        raise TypeError(
            f"rates are a {type(rates).__name__} and counts a {type(counts).__name__}; give two "
            "arrays or two tensors (torch.as_tensor makes one of an array)"
        )
    if not _broadcasts(np.shape(rates), np.shape(counts)):
        raise ValueError(
            f"rates have shape {tuple(np.shape(rates))} and counts {tuple(np.shape(counts))}; the "
            "loss compares them one by one, so both need one shape"
        )
    if 0 in np.shape(counts):
        raise ValueError(f"counts of shape {tuple(np.shape(counts))} hold nothing, so have no loss")
    if not tensors and not np.all(np.asarray(rates) > 0):
        raise ValueError(_NO_RATE)
    log = torch.log if tensors else np.log
    return (rates - counts * log(rates)).mean()


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether numbers of one shape can stand for those of another."""
    try:
        return np.broadcast_shapes(tuple(shape), tuple(to)) == tuple(to)
    except ValueError:
        return False


def mean_rates(counts: np.ndarray) -> np.ndarray:
    """Mean count per bin of each neuron, (neurons,), from counts (trials, time, neurons).

    A neuron that never fired is given half a spike, since a rate of zero would make its first
    spike infinitely surprising.
    """
    n_bins = counts.shape[0] * counts.shape[1]
    return np.maximum(counts.sum(axis=(0, 1), dtype=np.float64), 0.5) / n_bins


def psth(data: Dataset) -> np.ndarray:
    """Expected count per bin over the training trials, (time, neurons).

    Smoothed over time with the Gaussian that predicts the validation trials best, and mixed with a
    hundredth of the neuron's mean rate, so that no bin is ruled out.
    """
    train, validation = data.target[data.train], data.target[data.validation]
    mean = mean_rates(train)
    average = train.mean(axis=0, dtype=np.float64)
    candidates = [0.99 * smooth(average[None], width)[0] + 0.01 * mean for width in _PSTH_WIDTHS]
    return min(candidates, key=lambda rates: poisson_nll(rates[None], validation))


def null_rates(data: Dataset, null: str = "train", part: str = "test") -> np.ndarray:
    """Rates of the null model, which is worth 0 bits per spike: (neurons,) or (time, neurons).

    Parameters
    ----------
    data : Dataset
    null : "train", "test" or "psth"
        "train": each neuron's mean over the training trials. "test": its mean over the evaluated
        trials, as the Neural Latents Benchmark has it (Pei et al. 2021). "psth": its average
        training trial, so that what is left is knowledge of the single trial.
    part : "train", "validation" or "test"
        The evaluated trials.

    Examples
    --------
    >>> nma.null_rates(data, "train").shape == (data.n_targets,)
    True
    >>> nma.null_rates(data, "psth").shape == (40, data.n_targets)
    True
    """
    if one_of("null", null, NULLS) == "psth":
        return psth(data)
    trials = data.train if null == "train" else data.trials(part)
    return mean_rates(data.target[trials])


@overload
def bits_per_spike(
    rates: np.ndarray, counts: np.ndarray, null: np.ndarray, *, per_neuron: Literal[False] = False
) -> float: ...
@overload
def bits_per_spike(
    rates: np.ndarray, counts: np.ndarray, null: np.ndarray, *, per_neuron: Literal[True]
) -> np.ndarray: ...
def bits_per_spike(
    rates: np.ndarray, counts: np.ndarray, null: np.ndarray, *, per_neuron: bool = False
) -> float | np.ndarray:
    """How much better than a null the rates predict the counts, in bits per spike.

    [sum(y ln r - r) - sum(y ln m - m)] / (ln 2 sum y) with counts y, rates r and null m, summed
    over trials, bins and neurons (Pei et al. 2021, Neural Latents Benchmark).

    Parameters
    ----------
    rates, counts : arrays, (trials, time, neurons)
    null : array, (neurons,), (time, neurons) or the shape of rates
        From `null_rates`.
    per_neuron : bool
        One number a neuron, NaN where it did not fire, instead of one for all.

    Raises
    ------
    ValueError
        If shapes disagree, a rate is not above zero, or there is no spike at all.

    Examples
    --------
    >>> counts = data.target[data.test]
    >>> rates = nma.fit_psth(data).predict(data.source[data.test])
    >>> nma.bits_per_spike(rates, counts, nma.null_rates(data, "psth"))
    0.0
    """
    gain = _gain(rates, counts, null).sum(axis=(0, 1))
    spikes = counts.sum(axis=(0, 1), dtype=np.float64)
    if not spikes.any():
        raise ValueError("there is no spike in these counts, so bits per spike are not defined")
    if per_neuron:
        return np.divide(gain, spikes, out=np.full(len(gain), np.nan), where=spikes > 0)
    return float(gain.sum() / spikes.sum())


def r2(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Share of the variance explained of each last-axis column, over all other axes; 1 is best.

    NaN for a column that never changes, of which there is nothing to explain.
    """
    if truth.shape != estimate.shape:
        raise ValueError(f"truth {truth.shape} and estimate {estimate.shape} must have one shape")
    if not truth.size:
        raise ValueError(f"truth of shape {truth.shape} holds nothing that could be explained")
    axes = tuple(range(truth.ndim - 1))
    residual = ((truth - estimate) ** 2).sum(axis=axes)
    total = ((truth - truth.mean(axis=axes)) ** 2).sum(axis=axes)
    changes = np.ptp(truth, axis=axes) > 0
    return 1 - np.divide(residual, total, out=np.full_like(total, np.nan), where=changes)


def predict_part(model: Model, data: Dataset, part: str, name: str = "the model") -> np.ndarray:
    """The rates (trials, time, n_targets) that a model predicts for a part of the trials.

    Parameters
    ----------
    model : Model
        Whatever has `predict(source) -> rates`, array or tensor.
    data : Dataset
    part : "test", "validation" or "train"
    name : str
        For messages.

    Raises
    ------
    ValueError
        If the model has seen these trials, or was fitted for other neurons; see `check_unseen`.
    TypeError
        If it is no fitted model.
    """
    if not callable(getattr(model, "predict", None)):
        raise TypeError(
            f"{name} is a {type(model).__name__} without predict(source) -> rates, so it cannot be "
            "scored; give a fitted model"
        )
    check_unseen(model, data, part, name)
    return as_array(model.predict(data.source[data.trials(part)]))


def as_array(values: ArrayLike | torch.Tensor) -> np.ndarray:
    """What a model of a reader's own has returned, an array or a tensor, as an array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def score(
    models: Mapping[str, Model | tuple[Model, ...]],
    data: Dataset,
    *,
    null: str = "train",
    part: str = "test",
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Every model on the same held-out trials, one row a model.

    Parameters
    ----------
    models : dict of name -> fitted model
        Whatever has `predict(source) -> rates`, and `seconds` where it is known. A pair of models,
        as `fit_recipe` returns, makes two rows.
    data : Dataset
    null : "train", "test" or "psth"
        See `null_rates`.
    part : "test", "validation" or "train"
    n_resamples, seed : int
        Bootstrap over trials for the 95 % interval `low` to `high`.

    Returns
    -------
    DataFrame
        `train_loss`, `<part>_loss` (Poisson, nats per bin and neuron), `bits_per_spike`, `low`,
        `high`, `null`, `seconds` (to fit).

    Raises
    ------
    ValueError
        If a model has seen trials that it is scored on, or was fitted for other neurons.

    Examples
    --------
    >>> table = nma.score({"mean": nma.fit_mean(data), "psth": nma.fit_psth(data)}, data)
    >>> table.loc["mean", "bits_per_spike"].round(3).item(), table.loc["mean", "null"]
    (0.0, 'train')
    """
    trials = data.trials(part)
    counts, baseline = data.target[trials], null_rates(data, null, part)
    rows = {}
    for name, model in _one_by_one(models):
        rates = predict_part(model, data, part, repr(name))
        seen = rates if part == "train" else predict_part(model, data, "train", repr(name))
        low, high = bits_interval(rates, counts, baseline, n_resamples=n_resamples, seed=seed)
        rows[name] = {
            "train_loss": float(poisson_nll(seen, data.target[data.train])),
            f"{part}_loss": float(poisson_nll(rates, counts)),
            "bits_per_spike": bits_per_spike(rates, counts, baseline),
            "low": low,
            "high": high,
            "null": null,
            "seconds": getattr(model, "seconds", np.nan),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def bits_interval(
    rates: np.ndarray,
    counts: np.ndarray,
    null: np.ndarray,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of `bits_per_spike` over trials (percentiles).

    With another model's rates as `null` it is the paired interval of the difference between the
    two, for then the same trials are drawn for both.
    """
    n_resamples, seed = whole("n_resamples", n_resamples, 1), whole("seed", seed)
    gain = _gain(rates, counts, null).sum(axis=(1, 2))
    spikes = counts.sum(axis=(1, 2), dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(len(gain), size=(n_resamples, len(gain)))
    total = np.maximum(spikes[drawn].sum(axis=1), 1)
    tail = 50 * (1 - level)
    low, high = np.percentile(gain[drawn].sum(axis=1) / total, [tail, 100 - tail])
    return float(low), float(high)


def compare(
    model: Model, other: Model, data: Dataset, *, part: str = "test", seed: int = 0
) -> pd.Series:
    """How many bits per spike `model` is better than `other`, with the paired interval over trials.

    Returns
    -------
    Series
        `difference`, `low`, `high`, and `share_of_neurons` that `model` predicts better.

    Raises
    ------
    ValueError
        As `score` does.

    Examples
    --------
    >>> nma.compare(nma.fit_psth(data), nma.fit_mean(data), data).index.tolist()
    ['difference', 'low', 'high', 'share_of_neurons']
    """
    trials = data.trials(part)
    counts = data.target[trials]
    rates = predict_part(model, data, part, "the first model")
    others = predict_part(other, data, part, "the second model")
    low, high = bits_interval(rates, counts, others, seed=seed)
    each = bits_per_spike(rates, counts, others, per_neuron=True)
    return pd.Series(
        {
            "difference": bits_per_spike(rates, counts, others),
            "low": low,
            "high": high,
            "share_of_neurons": float((each[~np.isnan(each)] > 0).mean()),
        }
    )


def _one_by_one(
    models: Mapping[str, Model | tuple[Model, ...]],
) -> Iterator[tuple[str, Model]]:
    """Names and models; those of a tuple of models get its fields' names behind their own."""
    if not isinstance(models, Mapping):
        raise TypeError(
            f"models is a {type(models).__name__}; give a dict of names and fitted models, such as "
            '{"mine": fit}'
        )
    if not models:
        raise ValueError('there is no model to score; give one, such as {"mine": fit}')
    for name, model in models.items():
        if isinstance(model, tuple):
            fields = getattr(model, "_fields", range(1, len(model) + 1))
            for field, member in zip(fields, model, strict=True):
                yield f"{name}, {str(field).replace('_', ' ')}", member
        else:
            yield name, model


def _gain(rates: np.ndarray, counts: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Log likelihood above the null in bits, (trials, time, neurons)."""
    rates, null = np.asarray(rates, np.float64), np.asarray(null, np.float64)
    if rates.shape != counts.shape:
        raise ValueError(
            f"rates have shape {rates.shape} and counts {counts.shape}; both must be "
            "(trials, time, neurons) of the same trials and neurons"
        )
    if not _broadcasts(null.shape, rates.shape):
        raise ValueError(
            f"the null has shape {null.shape}; of rates {rates.shape} (trials, time, neurons) it "
            "must be (neurons,), (time, neurons) or the same, as null_rates gives it"
        )
    if not (rates > 0).all() or not (null > 0).all():
        raise ValueError(_NO_RATE)
    return (counts * np.log(rates / null) - rates + null) / np.log(2)
