"""Counts, the Poisson loss, learning curves and scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from nma_seq2seq import metrics, regions
from nma_seq2seq.arguments import one_of, whole
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import BITS, INK, Many, Options, described, styled

_TRAIN, _HELD_OUT, _NULL = "#66CCEE", "#AA0A3C", "#999999"
_NULLS = {"train": "train mean", "test": "test mean", "psth": "average trial (PSTH)"}


@styled
def count_distribution(data: Dataset, neuron: int | None = None, axes: Many = None) -> np.ndarray:
    """How often each count occurs, and how the variance of counts goes with their mean.

    Left, one target neuron (the busiest by default), with the Poisson and the Gaussian
    distribution of the same mean (and variance). Right, every target neuron. Training trials alone.
    """
    from scipy.stats import norm, poisson

    counts = data.target[data.train].astype(np.float64)
    mean, variance = counts.mean(axis=(0, 1)), counts.var(axis=(0, 1))
    fires = mean > 0
    if not fires.any():
        raise ValueError(
            f"none of the {data.n_targets} target neurons fires in the training trials; choose "
            "other targets, or a longer window"
        )
    neuron = int(mean.argmax()) if neuron is None else whole("neuron", neuron, 0, len(mean) - 1)
    region = data.session.units["region"].iloc[data.target_units[neuron]]
    color = regions.color_of(region)
    axes = style.panels(axes, (1, 2), (9, 3.6))
    one, left, right = counts[:, :, neuron].ravel(), *axes
    values = np.arange(int(one.max()) + 2)
    shares = [(one == value).mean() for value in values]
    left.bar(values, shares, color=color, alpha=0.55, label="data")
    expected = poisson.pmf(values, mean[neuron])
    left.plot(values, expected, "o", color=INK, label="Poisson, same mean")
    x = np.linspace(-2.5, values[-1] + 0.5, 300)
    bell = norm.pdf(x, mean[neuron], max(np.sqrt(variance[neuron]), 1e-9))
    left.plot(x, bell, "--", color=INK, label="Gaussian, same mean and variance")
    left.set(xlim=(-2.5, values[-1] + 0.5), ylim=(0, 1.55 * left.get_ylim()[1]))
    left.set_yticks([tick for tick in left.get_yticks() if tick <= 1])
    left.axvspan(-2.5, -0.5, color="#EEEEEE", zorder=0)
    left.text(-1.5, left.get_ylim()[1] * 0.4, "no such\ncounts", ha="center")
    left.xaxis.set_major_locator(MultipleLocator(max(1, len(values) // 6)))
    left.set(xlabel=f"spikes in a {1000 * data.bin_size:g} ms bin", ylabel="share of bins")
    left.set_title(f"one {region} neuron, {mean[neuron] / data.bin_size:.0f} Hz")
    left.legend(loc="upper right")
    least = mean[fires].min()
    right.axline(
        (least, least), (2 * least, 2 * least), color=INK, label="variance = mean (Poisson)"
    )
    same = np.median(variance[fires])
    right.axhline(same, linestyle="--", color=INK, label="one variance for all")
    right.plot(mean[fires], variance[fires], "o", color=color, alpha=0.6, markersize=5)
    right.set(
        xscale="log", yscale="log", title=f"all {data.n_targets} neurons of {data.target_name}"
    )
    right.set(xlabel="mean (spikes per bin)", ylabel="variance (spikes² per bin)")
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
    style.require_some(counts, "count")
    rates = np.geomspace(0.01, 6, 400)
    losses = {
        "Poisson loss": lambda rate, count: rate - count * np.log(rate),
        "squared error": lambda rate, count: (rate - count) ** 2,
    }
    axes = style.panels(axes, (1, 2), (9, 3.5))
    names = [f"{count} spike{'' if count == 1 else 's'} observed" for count in counts]
    for ax, (title, loss) in zip(axes, losses.items(), strict=True):
        lines = style.looks(names, linestyle=style.DASHES)
        for count, (name, look) in zip(counts, lines, strict=True):
            ax.plot(rates, loss(rates, count), linewidth=2, label=name, **look)
            least = max(count, rates[0])
            ax.plot(least, loss(least, count), "o", color=look["color"])
        ax.set(xlabel="predicted rate (spikes per bin)", title=title)
    axes[0].set(ylabel="rate − count · ln rate (nats)", ylim=(-2, 6.5))
    axes[1].set(ylabel="(rate − count)² (spikes²)", ylim=(-0.5, 12))
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
    marks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Poisson loss of each target neuron on the test trials against its mean count in them.

    Most of a loss is firing rate.

    Parameters
    ----------
    models : dict of name -> whatever has `predict`
    marks : dict of name -> loss, optional
        Levels to draw as horizontal lines.
    """
    style.require_some(models, "model")
    counts = data.target[data.test]
    mean = counts.mean(axis=(0, 1), dtype=np.float64)
    ax = style.panel(ax, (7.5, 4.2))
    x = np.geomspace(1e-4, max(1.0, 1.2 * mean.max()), 300)
    ax.plot(x, x - x * np.log(x), color=INK, linewidth=1.2, label="a constant rate, known exactly")
    for name, look in style.looks(models, marker=style.MARKS):
        rates = metrics.predict_part(models[name], data, "test", name)
        losses = (rates - counts * np.log(rates)).mean(axis=(0, 1))
        look |= {"linestyle": "", "markersize": 4.5, "alpha": 0.75}
        ax.plot(mean, losses, label=name, **look)
    for k, (name, level) in enumerate((marks or {}).items()):
        ax.axhline(level, color=_NULL, linestyle=(":", "--")[k % 2], linewidth=1.3, label=name)
    ax.set_xscale("symlog", linthresh=0.003, linscale=0.4)
    ax.set(xlim=(0, x[-1]), xlabel="mean of the neuron in the test trials (spikes per bin)")
    ax.set_ylabel("Poisson loss of the neuron (nats per bin)")
    ax.legend(loc="upper left")
    return described(
        ax,
        f"Poisson loss of each neuron against its mean count, for {' and '.join(models)}: all lie "
        "close to one curve, the loss of a constant rate.",
    )


@styled
def learning_curves(history: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Bits per spike over epochs in training and in validation, and where the latter turns.

    Parameters
    ----------
    history : DataFrame
        `Fit.history`; the first network where there are several.
    """
    style.require_numbers(history, "validation_bits")
    ax = style.panel(ax, (7.5, 4))
    if "member" in history:
        history = history[history["member"] == history["member"].iloc[0]]
    epochs, held_out = history["epoch"].to_numpy(), history["validation_bits"].to_numpy()
    best = int(held_out.argmax())
    ax.axhline(0, color=_NULL, linewidth=1, zorder=0)
    ax.plot(epochs, history["train_bits"], color=_TRAIN, linewidth=2, label="training trials")
    ax.plot(epochs, held_out, color=_HELD_OUT, linewidth=2, label="validation trials")
    ax.axvline(epochs[best], color=_HELD_OUT, linewidth=1, linestyle=":")
    turn = f"best: epoch {epochs[best]}"
    ax.plot(epochs[best], held_out[best], "o", color=_HELD_OUT, markersize=7, label=turn)
    top = max(history["train_bits"].max(), held_out.max(), 0.05)
    low = min(held_out[best:].min(), 0.0)
    ax.set(xlabel="epoch", ylabel=BITS, title=title, ylim=(low - 0.2 * top, 1.15 * top))
    ax.legend(**style.BESIDE)
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
    style.require_some(histories, "history")
    one_of("against", against, ("epoch", "seconds"))
    ax = style.panel(ax, (7.5, 3.8))
    ax.axhline(0, color=_NULL, linewidth=1, zorder=0)
    bits = {name: history["validation_bits"] for name, history in histories.items()}
    for name, look in style.looks(histories, linestyle=style.DASHES):
        ax.plot(histories[name][against], bits[name], linewidth=2, label=name, **look)
    best = {name: values.max() for name, values in bits.items()}
    top, low = max(0.05, *best.values()), min(0.0, *(values.min() for values in bits.values()))
    ax.set(ylim=(max(low, -2.5) - 0.1 * top, 1.2 * top), title=title)
    ax.set_xlabel(against if against == "epoch" else "time (s)")
    ax.locator_params(axis="x", integer=True)
    ax.set_ylabel("validation bits per spike\n(null: train mean)")
    ax.legend(loc="lower right")
    return described(
        ax, f"Validation bits per spike over {against}; the best of each: {style.listed(best)}."
    )


@styled
def score_against(table: pd.DataFrame, xlabel: str, ax: Axes | None = None) -> Axes:
    """Bits per spike with intervals (`nma.score`) against a number, which is the table's index."""
    style.require_numbers(table, "bits_per_spike")
    ax = style.panel(ax, (6.5, 3.6))
    color = style.model_color("linear")
    ax.fill_between(table.index, table["low"], table["high"], color=color, alpha=0.2, linewidth=0)
    ax.plot(table.index, table["bits_per_spike"], "o-", color=color, linewidth=2)
    ax.axhline(0, color=_NULL, linewidth=1, zorder=0)
    ax.set(xlabel=xlabel, ylabel=BITS, xticks=table.index)
    said = ", ".join(f"{value:.3f} at {x}" for x, value in table["bits_per_spike"].items())
    return described(ax, f"Bits per spike with 95 % intervals against the {xlabel}: {said}.")


@styled
def score_intervals(table: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Bits per spike of each model with its interval over trials.

    The table is that of `nma.score`; its first row stands on top.
    """
    style.require_numbers(table, "bits_per_spike")
    null = _NULLS[table["null"].iloc[0] if "null" in table else "train"]
    ax = style.panel(ax, (7.5, 0.8 + 0.42 * len(table)))
    said = _draw_intervals(ax, table, "bits_per_spike")
    ax.set(title=title, xlabel=f"bits per spike on held-out trials (null: {null}), 95 % interval")
    return described(ax, f"Bits per spike, null {null}. {said}.")


@styled
def attainable(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """What could be known and what models know, bits per spike on several simulated mice.

    The table is that of `nma.measured_scores("attainable")`.
    """
    import seaborn as sns

    models = table["model"].unique()
    means = table.groupby("model")[["bits_per_spike", "share"]].mean().loc[models]
    ax = style.panel(ax, (7.5, 0.8 + 0.36 * len(models)))
    colors = dict.fromkeys(models, INK) | style.model_colors(m for m in models if "true" not in m)
    look: Options = {"x": "bits_per_spike", "y": "model", "hue": "model", "palette": colors}
    sns.barplot(table, errorbar=None, width=0.62, saturation=1, alpha=0.35, ax=ax, **look)
    sns.stripplot(table, jitter=False, size=5, ax=ax, **look)
    where: Options = {"xytext": (8, 0), "textcoords": "offset points", "va": "center"}
    most = table.groupby("model")["bits_per_spike"].max().loc[models]
    for place, (end, share) in enumerate(zip(most, means["share"], strict=True)):
        ax.annotate(f"{100 * share:.0f} %", (end, place), **where)
    ax.margins(x=0.1)
    ax.set_xlim(left=min(0, table["bits_per_spike"].min()))
    n = table["name"].nunique()
    ax.set(xlabel=f"{BITS}; dots: {n} simulated mice", ylabel="")
    said = ", ".join(f"{m} {r.bits_per_spike:.3f} ({r.share:.0%})" for m, r in means.iterrows())
    return described(
        ax, f"Bits per spike on {n} simulated mice, mean and share of the first: {said}."
    )


@styled
def data_curves(table: pd.DataFrame, axes: Many = None) -> np.ndarray:
    """Bits per spike of two models against how many trials they saw, and how many sources.

    The table is that of `nma.measured_scores("curves")`; of the axes, two for each recording, those
    of the trials come first.
    """
    names = table["name"].unique()
    look = dict(style.looks(table["model"].unique(), marker=style.MARKS))
    axes = style.panels(axes, (2, len(names)), (7.5, 5), sharey="col")
    over = {"trials": "trials that were seen", "sources": "source neurons"}
    said = []
    for ax, (what, name) in zip(axes, ((w, name) for w in over for name in names), strict=True):
        some = table[(table["over"] == what) & (table["name"] == name)]
        for model, curve in some.groupby("model", sort=False):
            ax.plot(curve["n"], curve["bits_per_spike"], label=model, **look[model])
            first, last = curve.iloc[0], curve.iloc[-1]
            said.append(
                f"{name}, {model}: {first.bits_per_spike:.2f} with {first.n} {over[what]}, "
                f"{last.bits_per_spike:.2f} with {last.n}"
            )
        ax.set(xlim=(0, None), ylim=(0, None), xlabel=over[what])
        if what == "trials":
            ax.set_title(f"{name}, {some['target'].iloc[0]}", fontsize=9)
    axes[0].figure.supylabel(BITS)
    style.legend_above(axes)
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
    style.require_numbers(table, "difference")
    ax = style.panel(ax, (7.5, 0.9 + 0.42 * len(table)))
    said = _draw_intervals(ax, table, "difference", sign="+")
    for line, (_, row) in zip(ax.lines[1:], table.iterrows(), strict=True):
        if row["low"] <= 0 <= row["high"]:
            line.set_markerfacecolor("white")
    label = "difference on the same trials (bits per spike), 95 % interval"
    ax.set(xlabel=label, title=title)
    return described(ax, f"Paired differences in bits per spike. {said}.")


def _draw_intervals(ax: Axes, table: pd.DataFrame, value: str, sign: str = "") -> str:
    """A point and its interval for each row, from top to bottom, with the number; all in words."""
    # Of "seq2seq against regression" the colour is the first one's.
    firsts = [str(name).split(" against ")[0] for name in table.index]
    colors = style.model_colors(firsts)
    box: Options = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    where: Options = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
    said = []
    rows = table[[value, "low", "high"]].itertuples(name=None)
    places = style.rows_down(ax, table.index)
    for y, first, (name, number, low, high) in zip(places, firsts, rows, strict=True):
        ax.hlines(y, low, high, color=colors[first], linewidth=2.5, alpha=0.6)
        ax.plot(number, y, "o", color=colors[first], markersize=7)
        ax.annotate(f"{number:{sign}z.3f}", (high, y), bbox=box, zorder=1, **where)
        said.append(f"{name}: {number:.3f} ({low:.3f} to {high:.3f})")
    ax.margins(x=0.14)
    return "; ".join(said)


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
    style.require_some(models, "model")
    counts = data.target[data.test]
    rates = {name: metrics.predict_part(m, data, "test", name) for name, m in models.items()}
    if neuron is None:
        null = metrics.null_rates(data, "train")
        each = metrics.bits_per_spike(list(rates.values())[-1], counts, null, per_neuron=True)
        neuron = int(np.nanargmax(each * counts.sum(axis=(0, 1))))
    neuron = whole("neuron", neuron, 0, data.n_targets - 1)
    order = counts[:, :, neuron].sum(axis=1).argsort(kind="stable")
    shown = order[(np.linspace(0.1, 1, n_trials) * (len(order) - 1)).round().astype(int)]
    time = style.middles(data.session)
    with style.trial_panels(axes, 1, data.session, data.test[shown]) as (row,):
        for ax, trial in zip(row, shown, strict=True):
            for name, look in style.looks(rates, linestyle=style.DASHES):
                hz = rates[name][trial, :, neuron] / data.bin_size
                ax.plot(time, hz, label=name, **look)
            style.spike_ticks(ax, np.repeat(time, counts[trial, :, neuron]))
        row[0].set(ylabel="predicted rate (Hz)", ylim=(0, None))
    spikes_of = ", ".join(f"{counts[trial, :, neuron].sum()}" for trial in shown)
    return described(
        row,
        f"Rates that {', '.join(models)} predict for one neuron of {data.target_name} in "
        f"{n_trials} test trials with {spikes_of} spikes, which are shown as ticks.",
    )
