"""Counts, the Poisson loss, learning curves and scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from nma_seq2seq import metrics, regions
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.plots.style import (
    BESIDE,
    INK,
    MARKS,
    Many,
    Options,
    described,
    integer_ticks,
    legend_above,
    mark_stimulus,
    model_colors,
    panel,
    panels,
    styled,
    trial_panels,
)

_TRAIN, _HELD_OUT, _NULL = "#66CCEE", "#AA0A3C", "#999999"
_BITS = "bits per spike (null: train mean)"


@styled
def count_distribution(data: Dataset, neuron: int | None = None, axes: Many = None) -> np.ndarray:
    """How often each count occurs, and how the variance of counts goes with their mean.

    Left, one target neuron (the busiest by default), with the Poisson and the Gaussian
    distribution of the same mean (and variance). Right, every target neuron. Training trials alone.
    """
    from scipy.stats import norm, poisson

    counts = data.target[data.train].astype(np.float64)
    mean, variance = counts.mean(axis=(0, 1)), counts.var(axis=(0, 1))
    neuron = int(mean.argmax()) if neuron is None else neuron
    region = data.session.units["region"].iloc[data.target_units[neuron]]
    color = regions.color_of(region)
    axes = panels(axes, (1, 2), (9, 3.6))
    one, left, right = counts[:, :, neuron].ravel(), *axes
    values = np.arange(int(one.max()) + 2)
    shares = [(one == value).mean() for value in values]
    left.bar(values, shares, color=color, alpha=0.55, label="data")
    expected = poisson.pmf(values, mean[neuron])
    left.plot(values, expected, "o", color=INK, label="Poisson, same mean")
    x = np.linspace(-2.5, values[-1] + 0.5, 300)
    bell = norm.pdf(x, mean[neuron], max(np.sqrt(variance[neuron]), 1e-9))
    left.plot(x, bell, "--", color=INK, label="Gaussian, same mean and variance")
    left.set_ylim(0, 1.55 * left.get_ylim()[1])
    left.set_yticks([tick for tick in left.get_yticks() if tick <= 1])
    left.axvspan(-2.5, -0.5, color="#EEEEEE", zorder=0)
    left.text(-1.5, left.get_ylim()[1] * 0.4, "no such\ncounts", ha="center")
    left.set_xlim(-2.5, values[-1] + 0.5)
    left.xaxis.set_major_locator(MultipleLocator(max(1, len(values) // 6)))
    left.set(xlabel=f"spikes in a {1000 * data.bin_size:g} ms bin", ylabel="share of bins")
    left.set_title(f"one {region} neuron, {mean[neuron] / data.bin_size:.0f} Hz")
    left.legend(loc="upper right")
    fires = mean > 0
    ends = [0.7 * mean[fires].min(), 1.4 * mean.max()]
    right.plot(ends, ends, color=INK, label="variance = mean (Poisson)")
    same = np.median(variance[fires])
    right.axhline(same, linestyle="--", color=INK, label="one variance for all")
    right.plot(mean[fires], variance[fires], "o", color=color, alpha=0.6, markersize=5)
    right.set(xscale="log", yscale="log", xlabel="mean (spikes per bin)")
    right.set(ylabel="variance (spikes² per bin)")
    right.set_title(f"all {data.n_targets} neurons of {data.target_name}")
    right.legend(loc="upper left")
    return described(
        axes,
        f"Left, the counts of one {region} neuron: {shares[0]:.0%} of the bins hold no spike, "
        f"{shares[1]:.1%} one. The Poisson distribution lies close to these, the Gaussian reaches "
        f"below zero. Right, the variance of {data.n_targets} neurons follows their mean.",
    )


@styled
def loss_curves(counts: tuple[int, ...] = (0, 1, 3), axes: Many = None) -> np.ndarray:
    """Poisson loss and squared error of one bin over the rate, a curve for each observed count."""
    rates = np.geomspace(0.01, 6, 400)
    axes = panels(axes, (1, 2), (9, 3.5))
    names = [f"{count} spike{'' if count == 1 else 's'} observed" for count in counts]
    for count, (name, color) in zip(counts, model_colors(names).items(), strict=True):
        losses = rates - count * np.log(rates), (rates - count) ** 2
        least = count if count else rates[0]
        at_least = least - count * np.log(least), (least - count) ** 2
        for ax, loss, low in zip(axes, losses, at_least, strict=True):
            ax.plot(rates, loss, color=color, linewidth=2, label=name)
            ax.plot(least, low, "o", color=color)
    x = "predicted rate (spikes per bin)"
    axes[0].set(xlabel=x, ylabel="rate − count · ln rate (nats)", ylim=(-2, 6.5))
    axes[1].set(xlabel=x, ylabel="(rate − count)² (spikes²)", ylim=(-0.5, 12))
    axes[0].set_title("Poisson loss")
    axes[1].set_title("squared error")
    axes[0].legend()
    return described(
        axes,
        "Poisson loss (left) and squared error (right) against the predicted rate, a curve for "
        f"each of {', '.join(map(str, counts))} observed spikes. Each is lowest where the rate is "
        "the count; the Poisson loss is steep to the left of it and gentle to the right.",
    )


@styled
def loss_by_rate(
    models: Mapping[str, metrics.Model],
    data: Dataset,
    *,
    part: str = "test",
    marks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Poisson loss of each target neuron against its mean count: most of a loss is firing rate.

    Parameters
    ----------
    models : dict of name -> whatever has `predict`
    part : "train", "validation" or "test"
    marks : dict of name -> loss, optional
        Levels to draw as horizontal lines.
    """
    trials = data.trials(part)
    counts = data.target[trials]
    mean = counts.mean(axis=(0, 1), dtype=np.float64)
    ax = panel(ax, (7.5, 4.2))
    x = np.geomspace(1e-4, max(1.0, 1.2 * mean.max()), 300)
    ax.plot(x, x - x * np.log(x), color=INK, linewidth=1.2, label="a constant rate, known exactly")
    for mark, (name, color) in zip(MARKS, model_colors(models).items(), strict=False):
        rates = metrics.predict_part(models[name], data, part, name)
        losses = (rates - counts * np.log(rates)).mean(axis=(0, 1))
        ax.plot(mean, losses, mark, color=color, markersize=4.5, alpha=0.75, label=name)
    for k, (name, level) in enumerate((marks or {}).items()):
        ax.axhline(level, color=_NULL, linestyle=(":", "--")[k % 2], linewidth=1.3, label=name)
    ax.set_xscale("symlog", linthresh=0.003, linscale=0.4)
    ax.set_xlim(0, x[-1])
    ax.set_xlabel(f"mean of the neuron in the {part} trials (spikes per bin)")
    ax.set_ylabel("Poisson loss of the neuron (nats per bin)")
    ax.legend(loc="upper left")
    return described(
        ax,
        f"Poisson loss of each neuron against its mean count, for {' and '.join(models)}: all lie "
        "close to one curve, the loss of a constant rate.",
    )


@styled
def learning_curves(
    history: pd.DataFrame,
    *,
    title: str = "",
    levels: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Bits per spike over epochs in training and in validation, and where the latter turns.

    Parameters
    ----------
    history : DataFrame
        `Fit.history`; the first network where there are several.
    levels : dict of name -> bits per spike, optional
        To draw as horizontal lines, such as a baseline's score on the validation trials.
    """
    levels = levels or {}
    ax = panel(ax, (7.5, 4))
    if "member" in history:
        history = history[history["member"] == history["member"].iloc[0]]
    epochs, held_out = history["epoch"].to_numpy(), history["validation_bits"].to_numpy()
    best = int(held_out.argmax())
    ax.axhline(0, color=_NULL, linewidth=1, zorder=0)
    ax.plot(epochs, history["train_bits"], color=_TRAIN, linewidth=2, label="training trials")
    ax.plot(epochs, held_out, color=_HELD_OUT, linewidth=2, label="validation trials")
    ax.plot(epochs[best], held_out[best], "o", color=_HELD_OUT, markersize=7)
    ax.axvline(epochs[best], color=_HELD_OUT, linewidth=1, linestyle=":")
    for line, (name, level) in zip(("--", "-.", ":"), levels.items(), strict=False):
        ax.axhline(level, color=INK, linewidth=1.3, linestyle=line, label=name)
    top = max(history["train_bits"].max(), held_out.max(), *levels.values(), 0.05)
    low = min(held_out[best:].min(), 0.0)
    early = epochs[best] < 0.7 * epochs[-1]  # then the text has room on the right
    ax.set_ylim(low - 0.35 * top, 1.15 * top)
    where: Options = {"xytext": (4 if early else -4, 0), "ha": "left" if early else "right"}
    place, text = (epochs[best], low - 0.3 * top), f"best: epoch {epochs[best]}"
    ax.annotate(text, place, textcoords="offset points", color=_HELD_OUT, **where)
    ax.set(xlabel="epoch", ylabel=_BITS, title=title)
    ax.legend(**BESIDE)
    return described(
        ax,
        f"Bits per spike over {epochs[-1]} epochs: on training trials up to "
        f"{history['train_bits'].max():.2f}, on validation trials at best {held_out[best]:.2f} in "
        f"epoch {epochs[best]} and {held_out[-1]:.2f} in the last.",
    )


@styled
def validation_curves(
    histories: Mapping[str, pd.DataFrame],
    *,
    against: str = "epoch",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Validation bits per spike of several networks over epochs or seconds.

    Parameters
    ----------
    histories : dict of name -> `Fit.history` of one network
    against : "epoch" or "seconds"
    """
    ax = panel(ax, (7.5, 3.8))
    ax.axhline(0, color=_NULL, linewidth=1, zorder=0)
    top, low, best = 0.05, 0.0, []
    for name, color in model_colors(histories).items():
        bits = histories[name]["validation_bits"]
        ax.plot(histories[name][against], bits, color=color, linewidth=2, label=name)
        top, low = max(top, bits.max()), min(low, bits.min())
        best.append(f"{name} {bits.max():.2f}")
    ax.set_ylim(max(low, -2.5) - 0.1 * top, 1.2 * top)
    ax.set(xlabel=against if against == "epoch" else "time (s)", title=title)
    integer_ticks(ax.xaxis)
    ax.set_ylabel("validation bits per spike\n(null: train mean)")
    ax.legend(loc="lower right")
    return described(
        ax, f"Validation bits per spike over {against}; the best of each: {', '.join(best)}."
    )


@styled
def score_against(table: pd.DataFrame, xlabel: str, ax: Axes | None = None) -> Axes:
    """Bits per spike with intervals (`nma.score`) against a number, which is the table's index."""
    ax = panel(ax, (6.5, 3.6))
    color = model_colors(["linear"])["linear"]
    ax.fill_between(table.index, table["low"], table["high"], color=color, alpha=0.2, linewidth=0)
    ax.plot(table.index, table["bits_per_spike"], "o-", color=color, linewidth=2)
    ax.axhline(0, color=_NULL, linewidth=1, zorder=0)
    ax.set_xticks(table.index)
    ax.set(xlabel=xlabel, ylabel=_BITS)
    said = ", ".join(f"{value:.3f} at {x}" for x, value in table["bits_per_spike"].items())
    return described(ax, f"Bits per spike with 95 % intervals against the {xlabel}: {said}.")


@styled
def score_intervals(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Bits per spike of each model with its interval over trials.

    The table is that of `nma.score`; its first row stands on top.
    """
    nulls = {"train": "train mean", "test": "test mean", "psth": "average trial (PSTH)"}
    null = nulls[table["null"].iloc[0] if "null" in table else "train"]
    ax = panel(ax, (7.5, 0.8 + 0.42 * len(table)))
    _draw_intervals(ax, table, "bits_per_spike")
    ax.set_xlabel(f"bits per spike on held-out trials (null: {null}), 95 % interval")
    ax.set_title(title)
    return described(ax, f"Bits per spike, null {null}. {_said(table, 'bits_per_spike')}")


@styled
def attainable(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """What could be known and what models know, bits per spike on several simulated mice.

    Parameters
    ----------
    table : DataFrame
        `nma.measured_scores("attainable")`: `name`, `model`, `bits_per_spike`, `share`.
    ax : Axes, optional
        Where to draw; returned.
    """
    models = table["model"].unique()
    means = table.groupby("model")[["bits_per_spike", "share"]].mean().loc[models]
    ax = panel(ax, (7.5, 0.8 + 0.36 * len(models)))
    colors = dict.fromkeys(models, INK) | model_colors([m for m in models if "true" not in m])
    for place, (model, mean) in enumerate(means.iterrows()):
        each = table.loc[table["model"] == model, "bits_per_spike"]
        ax.barh(-place, mean["bits_per_spike"], height=0.62, color=colors[model], alpha=0.35)
        ax.plot(each, [-place] * len(each), "o", color=colors[model], markersize=5)
        text = f"{100 * mean['share']:.0f} %"
        ax.annotate(text, (each.max(), -place), (8, 0), textcoords="offset points", va="center")
    ax.set_yticks(-np.arange(len(models)), models)
    ax.margins(x=0.1)
    ax.set_xlim(left=min(0, table["bits_per_spike"].min()))
    n = table["name"].nunique()
    ax.set_xlabel(f"{_BITS}; dots: {n} simulated mice")
    said = ", ".join(
        f"{m} {row.bits_per_spike:.3f} ({row.share:.0%})" for m, row in means.iterrows()
    )
    return described(
        ax, f"Bits per spike on {n} simulated mice, mean and share of the first: {said}."
    )


@styled
def data_curves(table: pd.DataFrame, axes: Many = None) -> np.ndarray:
    """Bits per spike of two models against how many trials they saw, and how many sources.

    Parameters
    ----------
    table : DataFrame
        `nma.measured_scores("curves")`: `name`, `target`, `model`, `over`, `n`, `bits_per_spike`.
    axes : Axes, (2 * recordings), optional
        Where to draw, trials above sources; returned.
    """
    names, colors = table["name"].unique(), model_colors(table["model"].unique())
    axes = panels(axes, (2, len(names)), (7.5, 5), sharey="col")
    over = {"trials": "trials that were seen", "sources": "source neurons"}
    said = []
    for place, (what, name) in enumerate((what, name) for what in over for name in names):
        ax, some = axes.flat[place], table[(table["over"] == what) & (table["name"] == name)]
        for model, curve in some.groupby("model", sort=False):
            ax.plot(curve["n"], curve["bits_per_spike"], "o-", color=colors[model], label=model)
            first, last = curve.iloc[0], curve.iloc[-1]
            said.append(
                f"{name}, {model}: {first.bits_per_spike:.2f} with {first.n} {over[what]}, "
                f"{last.bits_per_spike:.2f} with {last.n}"
            )
        ax.set_ylim(bottom=0)
        ax.set_xlim(left=0)
        ax.set_xlabel(over[what])
        if what == "trials":
            ax.set_title(f"{name}, {some['target'].iloc[0]}", fontsize=9)
    axes.flat[0].figure.supylabel(_BITS, fontsize=10)
    axes.flat[0].legend(loc="lower right")
    return described(axes, f"Bits per spike against trials and sources. {'; '.join(said)}.")


@styled
def paired_differences(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """How much better one model is than another on the same trials, with the paired interval.

    Intervals of single models overlap where all share what makes a trial hard; the interval of
    their difference does not hold that. Filled where the interval leaves out 0.

    Parameters
    ----------
    table : DataFrame, one row a pair, or Series of one pair
        `difference`, `low` and `high`, as `nma.compare` gives them; the first row stands on top.
    """
    if isinstance(table, pd.Series):
        table = table.to_frame(str(table.name or "difference")).T
    ax = panel(ax, (7.5, 0.9 + 0.42 * len(table)))
    _draw_intervals(ax, table, "difference", sign="+")
    for line, (_, row) in zip(ax.lines[1:], table.iterrows(), strict=True):
        if row["low"] <= 0 <= row["high"]:
            line.set_markerfacecolor("white")
    ax.set_xlabel("difference on the same trials (bits per spike), 95 % interval")
    ax.set_title(title)
    return described(ax, f"Paired differences in bits per spike. {_said(table, 'difference')}")


def _draw_intervals(ax: Axes, table: pd.DataFrame, value: str, sign: str = "") -> None:
    """A point and its interval for each row, from top to bottom, with the number beside it."""
    ax.axvline(0, color=_NULL, linewidth=1, zorder=0)
    # Of "seq2seq against regression" the colour is the first one's.
    names = [str(name) for name in table.index]
    colors = model_colors([name.split(" against ")[0] for name in names])
    for y, (name, (_, row)) in enumerate(zip(names, table.iterrows(), strict=True)):
        color = colors[name.split(" against ")[0]]
        ax.hlines(-y, row["low"], row["high"], color=color, linewidth=2.5, alpha=0.6)
        ax.plot(row[value], -y, "o", color=color, markersize=7)
        text = f"{row[value]:{sign}z.3f}"
        where: Options = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        box: Options = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        ax.annotate(text, (row["high"], -y), bbox=box, zorder=1, **where)
    ax.set_yticks(-np.arange(len(table)), names)
    ax.set_ylim(0.4 - len(table), 0.6)
    ax.margins(x=0.14)


def _said(table: pd.DataFrame, value: str) -> str:
    """Each row's number and interval in words."""
    rows = (f"{name}: {r[value]:.3f} ({r.low:.3f} to {r.high:.3f})" for name, r in table.iterrows())
    return "; ".join(rows) + "."


@styled
def predicted_trials(
    models: Mapping[str, metrics.Model],
    data: Dataset,
    *,
    neuron: int | None = None,
    n_trials: int = 3,
    axes: Many = None,
) -> np.ndarray:
    """Spikes of one target neuron in some test trials, and the rates that models predict.

    Parameters
    ----------
    models : dict of name -> whatever has `predict`
    neuron : int, optional
        Position among the targets; by default the one that the last model predicts best, in bits
        over all test trials.
    n_trials : int
        The test trials whose spike numbers of this neuron are spread from fewest to most.
    """
    counts = data.target[data.test]
    rates = {name: metrics.predict_part(m, data, "test", name) for name, m in models.items()}
    if neuron is None:
        null = metrics.null_rates(data, "train")
        each = metrics.bits_per_spike(list(rates.values())[-1], counts, null, per_neuron=True)
        neuron = int(np.nanargmax(each * counts.sum(axis=(0, 1))))
    order = counts[:, :, neuron].sum(axis=1).argsort(kind="stable")
    shown = order[(np.linspace(0.1, 1, n_trials) * (len(order) - 1)).round().astype(int)]
    row = trial_panels(axes, 1, data.test[shown])[0]
    middle = data.session.time + data.bin_size / 2
    for ax, trial in zip(row, shown, strict=True):
        for name, color in model_colors(rates).items():
            ax.plot(middle, rates[name][trial, :, neuron] / data.bin_size, color=color, label=name)
        spikes = np.repeat(middle, counts[trial, :, neuron])
        ax.plot(spikes, np.zeros(len(spikes)), "|", color=INK, markersize=12, markeredgewidth=1.5)
    mark_stimulus(row)
    row[0].set_ylabel("predicted rate (Hz)")
    legend_above(row)
    spikes_of = ", ".join(f"{counts[trial, :, neuron].sum()}" for trial in shown)
    return described(
        row,
        f"Rates that {', '.join(models)} predict for one neuron of {data.target_name} in "
        f"{n_trials} test trials with {spikes_of} spikes, which are shown as ticks.",
    )
