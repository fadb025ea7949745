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
from nma_seq2seq.session import Session

_UNUSED = "#DDDDDD"
_TEST = "#222222"
_TRAIN = "#E4E4E4"


def selection(data: Dataset, trial: int = 0) -> np.ndarray:
    """A choice of neurons at a glance: where they sit, how many there are, one trial of them.

    Parameters
    ----------
    data : Dataset
    trial : int
        Position of the trial whose spikes are shown.

    Returns
    -------
    array of four Axes
        The brain from the side and from above, neurons of each region, the raster (targets above
        the line).

    Raises
    ------
    ValueError
        If there is no such trial.
    """
    session = data.session
    if not 0 <= trial < session.n_trials:
        raise ValueError(
            f"no trial {trial}; session {session.name} has trials 0 to {session.n_trials - 1}"
        )
    figure, panels = plt.subplot_mosaic(
        [["side", "counts", "trial"], ["above", "counts", "trial"]],
        figsize=(9.8, 4.8), width_ratios=[1.1, 0.9, 1.4], layout="constrained",
    )  # fmt: skip
    _draw_places(panels["side"], data, "dv", "top to bottom, dv (mm)")
    _draw_places(panels["above"], data, "lr", "left to right, lr (mm)")
    panels["side"].set_title("from the side, and from above", fontsize=10)
    panels["above"].set_xlabel("front to back, ap (mm)")
    _draw_counts(panels["counts"], data)
    _draw_trial(panels["trial"], data, trial)
    figure.legend(
        handles=[
            Line2D([], [], marker="o", linestyle="", color="#555555", label="source"),
            Line2D(
                [], [], marker="o", linestyle="", color="#BBBBBB", markeredgecolor="black",
                label="target (black edge)",
            ),
            Patch(color=_UNUSED, label="not used"),
        ],
        loc="outside lower center",
        ncols=3,
        frameon=False,
    )  # fmt: skip
    return np.array([panels[name] for name in ("side", "above", "counts", "trial")])


def _draw_places(ax: Axes, data: Dataset, down: str, label: str) -> None:
    units = data.session.units
    if not {"ap", down} <= set(units):
        ax.text(
            0.5, 0.5, "this session has\nno positions", ha="center", va="center",
            transform=ax.transAxes,
        )  # fmt: skip
        ax.set(xticks=[], yticks=[])
        return
    unused = np.setdiff1d(np.arange(len(units)), [*data.source_units, *data.target_units])
    styles = (
        (unused, {"color": _UNUSED, "s": 8}),
        (data.source_units, {"s": 8, "alpha": 0.7}),
        (data.target_units, {"s": 20, "edgecolors": "black", "linewidths": 0.7}),
    )
    for some, style in styles:
        here = units.iloc[some]
        color = {} if "color" in style else {"c": [allen.color_of(g) for g in here["group"]]}
        ax.scatter(here["ap"] / 1000, here[down] / 1000, **{"linewidths": 0, **color, **style})
    ax.set(aspect="equal")
    ax.set_ylabel(label, fontsize=9)
    ax.invert_yaxis()


def _draw_counts(ax: Axes, data: Dataset) -> None:
    region = data.session.units["region"]
    names = data.session.regions
    counts = {
        "source": region.iloc[data.source_units].value_counts(),
        "target": region.iloc[data.target_units].value_counts(),
        "all": region.value_counts(),
    }
    for row, name in enumerate(names):
        n_source, n_target = (int(counts[side].get(name, 0)) for side in ("source", "target"))
        color = allen.color_of(name)
        ax.barh(row, counts["all"][name], color=_UNUSED)
        ax.barh(row, n_source, color=color)
        if n_target:
            ax.barh(row, n_target, left=n_source, color=color, edgecolor="black", linewidth=1.2)
    ax.set_yticks(range(len(names)), names, fontsize=9)
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        label.set_color(allen.color_of(name))
    ax.invert_yaxis()
    ax.set_xlabel("neurons")
    ax.set_title(f"{data.n_sources} predict {data.n_targets}", fontsize=10)


def _draw_trial(ax: Axes, data: Dataset, trial: int) -> None:
    session = data.session
    row = 0
    for units in (data.target_units, data.source_units):
        region = session.units["region"].iloc[units].to_numpy()
        for name in allen.in_order(region):
            here = units[region == name]
            bins, neuron = np.nonzero(session.spikes[trial][:, here])
            ax.plot(
                session.time[bins] + session.bin_size / 2, row + neuron, linestyle="", marker="|",
                markersize=2.5, color=allen.color_of(name),
            )  # fmt: skip
            row += len(here)
    ax.axhline(data.n_targets - 0.5, color="black", linewidth=1)
    ax.axvline(0, color="black", linestyle=":", linewidth=1)
    ax.set(
        xlabel="time from stimulus onset (s)", ylabel="neuron (targets above the line)",
        xlim=(session.time[0], session.time[-1] + session.bin_size), ylim=(row - 0.5, -0.5),
    )  # fmt: skip
    part = next(p for p in ("train", "validation", "test") if trial in data.trials(p))
    ax.set_title(f"trial {trial} ({part})", fontsize=10)


def neurons_left(session: Session, target: str) -> Axes:
    """What a least firing rate leaves of the neurons and of their spikes.

    Parameters
    ----------
    session : Session
    target : str
        A region or group; all other neurons are the sources.

    Returns
    -------
    Axes
        Shares of neurons (solid) and of spikes (dashed) left, against the least rate.
    """
    is_target = session.region_mask(target)
    rates = mean_rates(session.spikes) / session.bin_size
    least = np.geomspace(0.02, 20, 120)
    figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    sides = ((f"target: {target}", is_target, allen.color_of(target)),
             ("sources: all others", ~is_target, "#555555"))  # fmt: skip
    for name, mask, color in sides:
        kept = rates[mask][None, :] >= least[:, None]  # (least rates, neurons)
        ax.plot(least, kept.mean(axis=1), color=color, label=f"{name}, neurons")
        spikes = (kept * rates[mask]).sum(axis=1) / rates[mask].sum()
        ax.plot(least, spikes, color=color, linestyle="--", label=f"{name}, spikes")
    ax.set(
        xscale="log", xlabel="least mean rate that is kept (Hz)", ylabel="share left",
        ylim=(0, 1.03),
    )  # fmt: skip
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(frameon=False, fontsize=9, loc="lower left")
    return ax


def held_out_bins(masks: Mapping[str, np.ndarray], bin_size: float = 0.01) -> np.ndarray:
    """Which bins of which trials are held out, a panel a split.

    Parameters
    ----------
    masks : mapping of a name to a bool array (trials, time)
        True where held out.
    bin_size : float
        Seconds.

    Returns
    -------
    array of Axes
    """
    figure, axes = plt.subplots(
        1, len(masks), figsize=(9.5, 3.8), sharey=True, squeeze=False, layout="constrained"
    )
    for ax, (name, mask) in zip(axes[0], masks.items(), strict=True):
        n_trials, n_bins = mask.shape
        ax.imshow(
            mask, aspect="auto", interpolation="nearest", cmap=ListedColormap([_TRAIN, _TEST]),
            vmin=0, vmax=1, extent=(0, n_bins * bin_size, n_trials, 0),
        )  # fmt: skip
        ax.set(title=f"{name}: {mask.mean():.0%} held out", xlabel="time in the window (s)")
    axes[0, 0].set_ylabel("trial, as recorded")
    figure.legend(
        handles=[Patch(color=_TRAIN, label="trained on"), Patch(color=_TEST, label="held out")],
        loc="outside lower center", ncols=2, frameon=False,
    )  # fmt: skip
    return axes[0]


def leak(scores: pd.DataFrame) -> Axes:
    """Scores of several inputs under several ways of holding out.

    Parameters
    ----------
    scores : DataFrame, one row a fit
        `held out` (how), `input` (from what) and `bits_per_spike`.

    Returns
    -------
    Axes
        A point a split, a line at their mean.
    """
    ways, inputs = (list(dict.fromkeys(scores[c])) for c in ("held out", "input"))
    colors = dict(zip(inputs, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=False))
    figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
    for place, way in enumerate(ways):
        for k, name in enumerate(inputs):
            here = scores[(scores["held out"] == way) & (scores["input"] == name)]
            x = place + 0.26 * (k - (len(inputs) - 1) / 2)
            values = here["bits_per_spike"].to_numpy()
            spread = np.linspace(-0.05, 0.05, len(values))
            ax.scatter(
                x + spread, values, color=colors[name], s=28, alpha=0.8, linewidths=0,
                label=name if place == 0 else None,
            )  # fmt: skip
            ax.plot([x - 0.1, x + 0.1], [values.mean()] * 2, color=colors[name], linewidth=2)
            ax.text(
                x + 0.12,
                values.mean(),
                f"{values.mean():.2f}".replace("-0.00", "0.00"),
                va="center",
                fontsize=9,
            )
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(range(len(ways)), ways)
    ax.set(
        xlabel="what is held out", ylabel="bits per spike (null: mean rate)",
        xlim=(-0.5, len(ways) - 0.4),
    )  # fmt: skip
    ax.legend(title="predicted from", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
