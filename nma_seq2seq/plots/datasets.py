"""Figures of who predicts whom: chosen neurons, splits of the trials, and what a bad split does."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nma_seq2seq import regions as allen
from nma_seq2seq.arguments import whole
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.metrics import mean_rates
from nma_seq2seq.plots import style
from nma_seq2seq.plots.brain import draw_brain
from nma_seq2seq.plots.rasters import draw_spikes, neuron_order
from nma_seq2seq.plots.style import BESIDE, BITS, Many, Options, described, styled
from nma_seq2seq.session import Session

_UNUSED = "#DDDDDD"
_SPLIT = {"trained on": "#E4E4E4", "held out": "#222222"}


@styled
def selection(data: Dataset, trial: int | None = None, axes: Many = None) -> np.ndarray:
    """A choice of neurons at a glance: where they sit, how many there are, one trial of them.

    The brain from the left and from above, neurons of each region, and the raster of a trial (the
    first training trial by default), with the targets above the line.
    """
    trial = whole("trial", data.train[0] if trial is None else trial, 0, data.session.n_trials - 1)
    if axes is None:
        ratios = [1.25, 0.7, 1.3]
        found = plt.subplot_mosaic("SCT;ACT", figsize=(9.8, 4.8), width_ratios=ratios)[1]
        axes = [found[name] for name in "SACT"]
        axes[0].figure.legend(handles=_keys(), loc="outside lower center", ncols=3)
    side, above, counts, spikes = axes = style.panels(axes, (1, 4), (9.8, 3))
    _draw_places(side, data, "the left")
    _draw_places(above, data, "above")
    _draw_counts(counts, data)
    order = neuron_order(data.session, by="region")
    rows = [order[np.isin(order, units)] for units in (data.target_units, data.source_units)]
    draw_spikes(spikes, data.session, trial, np.concatenate(rows))
    spikes.axhline(data.n_targets, color="black", linewidth=1)
    part = next(p for p in ("train", "validation", "test") if trial in data.trials(p))
    spikes.set(title=f"trial {trial} ({part})", ylabel="targets above the line")
    region = data.session.units["region"].iloc[data.source_units]
    return described(
        axes,
        f"{data.n_sources} source neurons of {', '.join(allen.in_order(region))} predict "
        f"{data.n_targets} target neurons of {data.target_name}: their places in the brain, how "
        f"many there are of each region, and their spikes in trial {trial} ({part}).",
    )


def _keys() -> list:
    source: Options = {"marker": "o", "linestyle": "", "color": "#555555"}
    target = source | {"color": "#BBBBBB", "markeredgecolor": "black"}
    return [
        Line2D([], [], label="source", **source),
        Line2D([], [], label="target (black edge)", **target),
        Patch(color=_UNUSED, label="not used"),
    ]


def _draw_places(ax: Axes, data: Dataset, seen_from: str) -> None:
    units = data.session.units
    if not {"ap", "dv", "lr"} <= set(units):
        text = "this session has\nno positions"
        ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
        ax.axis("off")
        return
    places = units[list(draw_brain(ax, seen_from))].to_numpy() / 1000
    colors = np.array([allen.color_of(group) for group in units["group"]])
    source, target = data.source_units, data.target_units
    x, y = places.T
    ax.scatter(x, y, 8, _UNUSED)
    ax.scatter(x[source], y[source], 8, colors[source], alpha=0.7)
    edge: Options = {"edgecolors": "black", "linewidths": 0.7}
    ax.scatter(x[target], y[target], 20, colors[target], **edge)


def _draw_counts(ax: Axes, data: Dataset) -> None:
    region, names = data.session.units["region"], data.session.regions
    every, source, target = (
        some.value_counts().reindex(names).fillna(0)
        for some in (region, region.iloc[data.source_units], region.iloc[data.target_units])
    )
    colors = [allen.color_of(name) for name in names]
    ax.barh(names, every, color=_UNUSED)
    ax.barh(names, source, color=colors)
    edge: Options = {"edgecolor": "black", "linewidth": 1.2 * (target > 0)}
    ax.barh(names, target, left=source, color=colors, **edge)
    style.color_regions(ax.yaxis)
    ax.invert_yaxis()
    ax.set(xlabel="neurons", title=f"{data.n_sources} predict {data.n_targets}")


@styled
def neurons_left(session: Session, target: str, ax: Axes | None = None) -> Axes:
    """Shares of neurons (solid) and of spikes (dashed) that a least firing rate leaves.

    The target is a region or a group; all other neurons are the sources.
    """
    is_target = session.region_mask(target)
    rates = mean_rates(session.spikes) / session.bin_size
    ax = style.panel(ax, (7.5, 3.6))
    sides = (
        (f"target: {target}", is_target, allen.color_of(target), 2.5),
        ("sources: all others", ~is_target, "#555555", 1),
    )
    for name, mask, color, width in sides if not is_target.all() else sides[:1]:
        look: Options = {"complementary": True, "compress": True, "color": color}
        look["linewidth"] = width
        ax.ecdf(rates[mask], label=f"{name}, neurons", **look)
        ax.ecdf(rates[mask], rates[mask], label=f"{name}, spikes", linestyle="--", **look)
    ax.set(xscale="log", xlim=(0.02, 20), xlabel="least mean rate that is kept (Hz)")
    ax.set(ylabel="share left", ylim=(0, 1.03))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(loc="lower left")
    kept = rates >= 1
    return described(
        ax,
        "Shares of the neurons and of their spikes that a least rate leaves, for the target and "
        f"the sources. At 1 Hz, {kept.mean():.0%} of all neurons are left and "
        f"{rates[kept].sum() / rates.sum():.0%} of their spikes.",
    )


@styled
def held_out_bins(
    masks: Mapping[str, np.ndarray],
    bin_size: float = 0.01,
    start: float = 0.0,
    axes: Many = None,
) -> np.ndarray:
    """Which bins of which trials are held out, a panel a split.

    Parameters
    ----------
    masks : mapping of a name to a bool array (trials, time)
        True where held out.
    bin_size : float
        Seconds.
    start : float
        Of the first bin, seconds.
    """
    style.require_some(masks, "mask")
    axes = style.panels(axes, (1, len(masks)), (9.5, 3.8), sharey=True)
    colors = ListedColormap(list(_SPLIT.values()))
    for ax, (name, mask) in zip(axes, masks.items(), strict=True):
        edges = (start, start + bin_size * mask.shape[1])
        style.time_map(ax, mask, edges, cmap=colors, vmin=0, vmax=1)
        ax.set(title=f"{name}: {mask.mean():.0%} held out", xlabel="time (s)")
    axes[0].set_ylabel("trial, as recorded")
    handles = [Patch(color=color, label=name) for name, color in _SPLIT.items()]
    axes[-1].legend(handles=handles, **BESIDE)
    return described(
        axes,
        "Which bins of which trials are held out (black): "
        + ", ".join(f"{name}, {mask.mean():.0%}" for name, mask in masks.items())
        + ".",
    )


@styled
def leak(scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Scores of several inputs under several ways of holding out: points, and lines at their means.

    Parameters
    ----------
    scores : DataFrame, one row a fit
        `held out` (how), `input` (from what) and `bits_per_spike`.
    """
    style.require_numbers(scores, "bits_per_spike")
    ways, inputs = (list(dict.fromkeys(scores[column])) for column in ("held out", "input"))
    ax = style.panel(ax, (8, 3.8))
    ax.axhline(0, color="black", linewidth=1, zorder=0)
    for k, (name, look) in enumerate(style.looks(inputs, marker=style.MARKS)):
        for place, way in enumerate(ways):
            here = (scores["held out"] == way) & (scores["input"] == name)
            values = scores.loc[here, "bits_per_spike"].to_numpy()
            x, mean = place + 0.26 * (k - (len(inputs) - 1) / 2), values.mean()
            beside = x + np.linspace(-0.05, 0.05, len(values))
            ax.scatter(beside, values, 28, alpha=0.8, label="" if place else name, **look)
            ax.hlines(mean, x - 0.1, x + 0.1, color=look["color"], linewidth=2)
            box: Options = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            text = f"{mean:z.2f}"
            ax.annotate(text, (x + 0.12, mean), va="center", bbox=box, zorder=1)
    ax.set_xticks(range(len(ways)), ways)
    ax.set(xlabel="what is held out", ylabel=BITS, xlim=(-0.5, len(ways) - 0.4))
    ax.legend(title="predicted from", loc="center left", bbox_to_anchor=(1, 0.5))
    means = scores.groupby(["held out", "input"], sort=False)["bits_per_spike"].mean()
    rows = means.reset_index().to_numpy()
    said = ", ".join(f"{name} {mean:.2f} under {way}" for way, name, mean in rows)
    return described(ax, f"Bits per spike by what is held out and predicted from: {said}.")
