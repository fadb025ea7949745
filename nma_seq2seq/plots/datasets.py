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
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.metrics import mean_rates
from nma_seq2seq.plots.style import (
    BESIDE,
    BITS,
    TIME,
    Many,
    Options,
    color_regions,
    described,
    mark_stimulus,
    model_colors,
    panel,
    panels,
    require_trial,
    styled,
)
from nma_seq2seq.session import Session

_UNUSED = "#DDDDDD"
_SPLIT = {"trained on": "#E4E4E4", "held out": "#222222"}


@styled
def selection(data: Dataset, trial: int | None = None, axes: Many = None) -> np.ndarray:
    """A choice of neurons at a glance: where they sit, how many there are, one trial of them.

    The brain from the side and from above, neurons of each region, the raster (targets above
    the line).

    Parameters
    ----------
    data : Dataset
    trial : int, optional
        Position of the trial whose spikes are shown; the first training trial without it.
    axes : four Axes, optional
        Where to draw; returned.

    Raises
    ------
    ValueError
        If there is no such trial.
    """
    trial = int(data.train[0]) if trial is None else trial
    require_trial(data.session, trial)
    if axes is None:
        ratios = [1.1, 0.9, 1.4]
        found = plt.subplot_mosaic("SCT;ACT", figsize=(9.8, 4.8), width_ratios=ratios)[1]
        axes = [found[name] for name in "SACT"]
        axes[0].figure.legend(handles=_keys(), loc="outside lower center", ncols=3)
    axes = panels(axes, (1, 4), (9.8, 3))
    side, above, counts, spikes = axes
    _draw_places(side, data, "dv", "top to bottom,\ndv (mm)")
    _draw_places(above, data, "lr", "left to right,\nlr (mm)")
    side.set_title("from the side, and from above")
    above.set_xlabel("front to back, ap (mm)")
    _draw_counts(counts, data)
    part = _draw_trial(spikes, data, trial)
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


def _draw_places(ax: Axes, data: Dataset, down: str, label: str) -> None:
    units = data.session.units
    if not {"ap", down} <= set(units):
        text = "this session has\nno positions"
        ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[], ylabel=label)
        return
    ap, depth = units["ap"] / 1000, units[down] / 1000
    colors = np.array([allen.color_of(group) for group in units["group"]])
    source, target = data.source_units, data.target_units
    ax.scatter(ap, depth, 8, _UNUSED)
    ax.scatter(ap.iloc[source], depth.iloc[source], 8, colors[source], alpha=0.7)
    edge: Options = {"edgecolors": "black", "linewidths": 0.7}
    ax.scatter(ap.iloc[target], depth.iloc[target], 20, colors[target], **edge)
    ax.set(aspect="equal", ylabel=label)
    ax.invert_yaxis()


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
    color_regions(ax.yaxis)
    ax.invert_yaxis()
    ax.set(xlabel="neurons", title=f"{data.n_sources} predict {data.n_targets}")


def _draw_trial(ax: Axes, data: Dataset, trial: int) -> str:
    session = data.session
    row = 0
    for units in (data.target_units, data.source_units):
        region = session.units["region"].iloc[units].to_numpy()
        for name in allen.in_order(region):
            here = units[region == name]
            bins, neuron = np.nonzero(session.spikes[trial][:, here])
            seconds = session.time[bins] + session.bin_size / 2
            ax.plot(seconds, row + neuron, "|", markersize=2.5, color=allen.color_of(name))
            row += len(here)
    ax.axhline(data.n_targets - 0.5, color="black", linewidth=1)
    mark_stimulus([ax])
    ax.set(xlim=(session.time[0], session.time[-1] + session.bin_size), ylim=(row - 0.5, -0.5))
    ax.set(xlabel=TIME, ylabel="neuron (targets above the line)")
    part = next(p for p in ("train", "validation", "test") if trial in data.trials(p))
    ax.set_title(f"trial {trial} ({part})")
    return part


@styled
def neurons_left(session: Session, target: str, ax: Axes | None = None) -> Axes:
    """What a least firing rate leaves of the neurons and of their spikes.

    Shares of neurons (solid) and of spikes (dashed) left, against the least rate.

    Parameters
    ----------
    session : Session
    target : str
        A region or group; all other neurons are the sources.
    ax : Axes, optional
        Where to draw; returned.
    """
    is_target = session.region_mask(target)
    rates = mean_rates(session.spikes) / session.bin_size
    least = np.geomspace(0.02, 20, 120)
    ax = panel(ax, (7.5, 3.6))
    sides = (
        (f"target: {target}", is_target, allen.color_of(target)),
        ("sources: all others", ~is_target, "#555555"),
    )
    for name, mask, color in sides:
        kept = rates[mask] >= least[:, None]  # (least rates, neurons)
        ax.plot(least, kept.mean(axis=1), color=color, label=f"{name}, neurons")
        spikes = (kept * rates[mask]).sum(axis=1) / rates[mask].sum()
        ax.plot(least, spikes, color=color, linestyle="--", label=f"{name}, spikes")
    ax.set(xscale="log", xlabel="least mean rate that is kept (Hz)", ylabel="share left")
    ax.set_ylim(0, 1.03)
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
        Of the first bin, seconds from stimulus onset.
    axes : Axes, as many as there are masks, optional
        Where to draw; returned.
    """
    axes = panels(axes, (1, len(masks)), (9.5, 3.8), sharey=True)
    colors = ListedColormap(list(_SPLIT.values()))
    for ax, (name, mask) in zip(axes, masks.items(), strict=True):
        n_trials, n_bins = mask.shape
        extent = (start, start + n_bins * bin_size, n_trials, 0)
        ax.imshow(mask, cmap=colors, vmin=0, vmax=1, extent=extent)
        ax.set(title=f"{name}: {mask.mean():.0%} held out", xlabel=TIME)
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
    """Scores of several inputs under several ways of holding out.

    A point a split, a line at their mean.

    Parameters
    ----------
    scores : DataFrame, one row a fit
        `held out` (how), `input` (from what) and `bits_per_spike`.
    ax : Axes, optional
        Where to draw; returned.
    """
    ways, inputs = (list(dict.fromkeys(scores[column])) for column in ("held out", "input"))
    ax = panel(ax, (8, 3.8))
    ax.axhline(0, color="black", linewidth=1, zorder=0)
    for k, (name, color) in enumerate(model_colors(inputs).items()):
        for place, way in enumerate(ways):
            here = (scores["held out"] == way) & (scores["input"] == name)
            values = scores.loc[here, "bits_per_spike"].to_numpy()
            x, mean = place + 0.26 * (k - (len(inputs) - 1) / 2), values.mean()
            beside = x + np.linspace(-0.05, 0.05, len(values))
            ax.scatter(beside, values, 28, color, alpha=0.8, label=name if place == 0 else None)
            ax.hlines(mean, x - 0.1, x + 0.1, color=color, linewidth=2)
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
