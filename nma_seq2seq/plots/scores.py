"""Counts, the Poisson loss, learning curves and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, MultipleLocator
from scipy.stats import norm, poisson

from nma_seq2seq import metrics, regions
from nma_seq2seq.dataset import Dataset

_TRAIN, _HELD_OUT, _NULL, _INK = "#56B4E9", "#D55E00", "#999999", "#333333"
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def count_distribution(data: Dataset, neuron: int | None = None) -> np.ndarray:
    """How often each count occurs, and how the variance of counts goes with their mean.

    Left, one target neuron, with the Poisson and the Gaussian distribution of the same mean (and
    variance). Right, every target neuron. Training trials alone.

    Parameters
    ----------
    data : Dataset
    neuron : int, optional
        Position among the targets; the busiest by default.

    Returns
    -------
    array of two Axes
    """
    counts = data.target[data.train].astype(np.float64)
    mean, variance = counts.mean(axis=(0, 1)), counts.var(axis=(0, 1))
    neuron = int(mean.argmax()) if neuron is None else neuron
    region = data.session.units["region"].iloc[data.target_units[neuron]]
    color = regions.color_of(region)
    _, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")

    one = counts[:, :, neuron].ravel()
    values = np.arange(int(one.max()) + 2)
    axes[0].bar(values, [(one == v).mean() for v in values], color=color, alpha=0.55, label="data")
    axes[0].plot(
        values, poisson.pmf(values, mean[neuron]), "o", color=_INK, ms=6, label="Poisson, same mean"
    )
    x = np.linspace(-2.5, values[-1] + 0.5, 300)
    axes[0].plot(
        x,
        norm.pdf(x, mean[neuron], max(np.sqrt(variance[neuron]), 1e-9)),
        "--",
        color=_INK,
        lw=1.5,
        label="Gaussian, same mean and variance",
    )
    axes[0].set_ylim(0, 1.55 * axes[0].get_ylim()[1])
    axes[0].set_yticks([tick for tick in axes[0].get_yticks() if tick <= 1])
    axes[0].axvspan(-2.5, -0.5, color="#EEEEEE", zorder=0)
    axes[0].text(-1.5, axes[0].get_ylim()[1] * 0.4, "no such\ncounts", ha="center", fontsize=9)
    axes[0].set_xlim(-2.5, values[-1] + 0.5)
    axes[0].xaxis.set_major_locator(MultipleLocator(max(1, len(values) // 6)))
    axes[0].set(xlabel=f"spikes in a {1000 * data.bin_size:g} ms bin", ylabel="share of bins")
    axes[0].set_title(f"one {region} neuron, {mean[neuron] / data.bin_size:.0f} Hz", fontsize=10)
    axes[0].legend(frameon=False, fontsize=9, loc="upper right")

    fires = mean > 0
    ends = [0.7 * mean[fires].min(), 1.4 * mean.max()]
    axes[1].plot(ends, ends, color=_INK, lw=1.2, label="variance = mean (Poisson)")
    axes[1].axhline(
        np.median(variance[fires]), ls="--", color=_INK, lw=1.2, label="one variance for all"
    )
    axes[1].plot(mean[fires], variance[fires], "o", color=color, alpha=0.6, ms=5)
    axes[1].set(xscale="log", yscale="log", xlabel="mean (spikes per bin)")
    axes[1].set_ylabel("variance (spikes² per bin)")
    axes[1].set_title(f"all {data.n_targets} neurons of {data.target_name}", fontsize=10)
    axes[1].legend(frameon=False, fontsize=9, loc="upper left")
    return axes


def loss_curves(counts: tuple[int, ...] = (0, 1, 3)) -> np.ndarray:
    """Poisson loss and squared error of one bin, as functions of the rate.

    Parameters
    ----------
    counts : tuple of int
        Observed spikes, one curve each.

    Returns
    -------
    array of two Axes
    """
    rates = np.geomspace(0.01, 6, 400)
    _, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for color, count in zip(_LINES, counts, strict=False):
        losses = rates - count * np.log(rates), (rates - count) ** 2
        least = count if count else rates[0]
        at_least = least - count * np.log(least), (least - count) ** 2
        label = f"{count} spike{'' if count == 1 else 's'} observed"
        for ax, loss, low in zip(axes, losses, at_least, strict=True):
            ax.plot(rates, loss, color=color, lw=2, label=label)
            ax.plot(least, low, "o", color=color, ms=6)
    axes[0].set(ylabel="rate − count · ln rate (nats)", ylim=(-2, 6.5), title="Poisson loss")
    axes[1].set(ylabel="(rate − count)²", ylim=(-0.5, 12), title="squared error")
    for ax in axes:
        ax.set_xlabel("predicted rate (spikes per bin)")
        ax.title.set_fontsize(10)
    axes[0].legend(frameon=False, fontsize=9)
    return axes


def loss_by_rate(
    models: Mapping[str, Any], data: Dataset, *, part: str = "test", marks: Mapping[str, float] = {}
) -> Axes:
    """Poisson loss of each target neuron against its mean count: most of a loss is firing rate.

    Parameters
    ----------
    models : dict of name -> whatever has `predict`
    data : Dataset
    part : "train", "validation" or "test"
    marks : dict of name -> loss
        Levels to draw as horizontal lines.
    """
    trials = data.trials(part)
    counts = data.target[trials]
    mean = counts.mean(axis=(0, 1), dtype=np.float64)
    _, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    x = np.geomspace(1e-4, max(1.0, 1.2 * mean.max()), 300)
    ax.plot(x, x - x * np.log(x), color=_INK, lw=1.2, label="a constant rate, known exactly")
    for color, marker, (name, model) in zip(_LINES, "osD^v", models.items(), strict=False):
        rates = metrics.predict_part(model, data, part, name)
        losses = (rates - counts * np.log(rates)).mean(axis=(0, 1))
        ax.plot(mean, losses, marker, color=color, ms=4.5, alpha=0.75, label=name)
    for k, (name, level) in enumerate(marks.items()):
        ax.axhline(level, color=_NULL, ls=(":", "--")[k % 2], lw=1.3, label=name)
    ax.set_xscale("symlog", linthresh=0.003, linscale=0.4)
    ax.set_xlim(0, x[-1])
    ax.set_xlabel(f"mean of the neuron in the {part} trials (spikes per bin)")
    ax.set_ylabel("Poisson loss of the neuron")
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    return ax


def learning_curves(
    history: pd.DataFrame,
    *,
    title: str = "",
    levels: Mapping[str, float] = {},
    ax: Axes | None = None,
) -> Axes:
    """Bits per spike over epochs in training and in validation, and where the latter turns.

    Parameters
    ----------
    history : DataFrame
        `Fit.history`; the first network where there are several.
    title : str
    levels : dict of name -> bits per spike
        To draw as horizontal lines, such as a baseline's score on the validation trials.
    ax : Axes, optional
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
    if "member" in history:
        history = history[history["member"] == history["member"].iloc[0]]
    epochs, held_out = history["epoch"].to_numpy(), history["validation_bits"].to_numpy()
    best = int(held_out.argmax())
    ax.axhline(0, color=_NULL, lw=1, zorder=0)
    ax.plot(epochs, history["train_bits"], color=_TRAIN, lw=2, label="training trials")
    ax.plot(epochs, held_out, color=_HELD_OUT, lw=2, label="validation trials")
    ax.plot(epochs[best], held_out[best], "o", color=_HELD_OUT, ms=7)
    ax.axvline(epochs[best], color=_HELD_OUT, lw=1, ls=":")
    for style, (name, level) in zip(("--", "-.", ":"), levels.items(), strict=False):
        ax.axhline(level, color=_INK, lw=1.3, ls=style, label=name)
    top = max(history["train_bits"].max(), held_out.max(), *levels.values(), 0.05)
    low = min(held_out[best:].min(), 0.0)
    early = epochs[best] < 0.7 * epochs[-1]  # then the text has room on the right
    ax.set_ylim(low - 0.35 * top, 1.15 * top)
    ax.annotate(
        f"best: epoch {epochs[best]}",
        (epochs[best], low - 0.3 * top),
        xytext=(4 if early else -4, 0),
        textcoords="offset points",
        color=_HELD_OUT,
        fontsize=9,
        ha="left" if early else "right",
    )
    ax.set(xlabel="epoch", ylabel="bits per spike (null: train mean)", title=title)
    ax.title.set_fontsize(10)
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def validation_curves(
    histories: Mapping[str, pd.DataFrame], *, against: str = "epoch", title: str = ""
) -> Axes:
    """Validation bits per spike of several networks over epochs or seconds.

    Parameters
    ----------
    histories : dict of name -> `Fit.history` of one network
    against : "epoch" or "seconds"
    title : str
    """
    _, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
    ax.axhline(0, color=_NULL, lw=1, zorder=0)
    top, low = 0.05, 0.0
    for color, (name, history) in zip(_LINES, histories.items(), strict=False):
        bits = history["validation_bits"]
        ax.plot(history[against], bits, color=color, lw=2, label=name)
        top, low = max(top, bits.max()), min(low, bits.min())
    ax.set_ylim(max(low, -2.5) - 0.1 * top, 1.2 * top)
    ax.set_xlabel(against)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("validation bits per spike\n(null: train mean)")
    ax.set_title(title, fontsize=10)
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    return ax


def score_against(table: pd.DataFrame, xlabel: str) -> Axes:
    """Bits per spike with intervals against a number, which is the table's index.

    Parameters
    ----------
    table : DataFrame
        As `nma.score` gives it, indexed by the number.
    xlabel : str
    """
    _, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    ax.fill_between(table.index, table["low"], table["high"], color="#0072B2", alpha=0.2, lw=0)
    ax.plot(table.index, table["bits_per_spike"], "o-", color="#0072B2", lw=2)
    ax.axhline(0, color=_NULL, lw=1, zorder=0)
    ax.set_xticks(table.index)
    ax.set(xlabel=xlabel, ylabel="bits per spike (null: train mean)")
    return ax


def score_intervals(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Bits per spike of each model with its interval over trials.

    Parameters
    ----------
    table : DataFrame
        As `nma.score` gives it; the first row stands on top.
    title : str
    ax : Axes, optional
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 0.8 + 0.42 * len(table)), layout="constrained")
    y = np.arange(len(table))[::-1]
    bits = table["bits_per_spike"].to_numpy()
    ax.axvline(0, color=_NULL, lw=1, zorder=0)
    ax.hlines(y, table["low"], table["high"], color="#0072B2", lw=2.5, alpha=0.5)
    ax.plot(bits, y, "o", color="#0072B2", ms=7)
    for height, value, high in zip(y, bits, table["high"], strict=True):
        ax.annotate(
            f"{value:.3f}",
            (high, height),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    ax.set_yticks(y, table.index)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.margins(x=0.12)
    null = table["null"].iloc[0] if "null" in table else "train"
    words = {"train": "train mean", "test": "test mean", "psth": "average trial (PSTH)"}[null]
    ax.set_xlabel(f"bits per spike on held-out trials (null: {words}), 95 % interval")
    ax.set_title(title, fontsize=10)
    return ax


def predicted_trials(
    models: Mapping[str, Any], data: Dataset, *, neuron: int | None = None, n_trials: int = 3
) -> np.ndarray:
    """Spikes of one target neuron in some test trials, and the rates that models predict.

    Parameters
    ----------
    models : dict of name -> whatever has `predict`
    data : Dataset
    neuron : int, optional
        Position among the targets; by default the one that the last model predicts best, in bits
        over all test trials.
    n_trials : int
        The test trials whose spike numbers of this neuron are spread from fewest to most.

    Returns
    -------
    array of Axes, (n_trials,)
    """
    counts = data.target[data.test]
    rates = {name: metrics.predict_part(m, data, "test", name) for name, m in models.items()}
    if neuron is None:
        null = metrics.null_rates(data, "train")
        each = metrics.bits_per_spike(list(rates.values())[-1], counts, null, per_neuron=True)
        neuron = int(np.nanargmax(each * counts.sum(axis=(0, 1))))
    order = counts[:, :, neuron].sum(axis=1).argsort(kind="stable")
    shown = order[(np.linspace(0.1, 1, n_trials) * (len(order) - 1)).round().astype(int)]
    _, axes = plt.subplots(
        1, n_trials, figsize=(9.5, 3.2), sharey=True, layout="constrained", squeeze=False
    )
    axes = axes[0]
    time = data.session.time
    for ax, trial in zip(axes, shown, strict=True):
        for color, (name, rate) in zip(_LINES, rates.items(), strict=False):
            ax.plot(time, rate[trial, :, neuron] / data.bin_size, color=color, lw=1.8, label=name)
        spikes = np.repeat(time, counts[trial, :, neuron])
        ax.plot(spikes, np.zeros(len(spikes)), "|", color=_INK, ms=12, mew=1.5)
        ax.set_xlabel("time from stimulus (s)")
        ax.set_title(f"test trial {data.test[trial]}", fontsize=10)
    axes[0].set_ylabel("predicted rate (Hz)")
    axes[0].figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=len(rates),
        frameon=False,
        fontsize=9,
    )
    return axes
