"""Figures of who predicts whom: the matrix, its control, and the strongest paths as a graph."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Rectangle

from nma_seq2seq import regions as allen

_MOST_NUMBERED = 12  # regions; beyond that the numbers in the cells could not be read


def region_matrix(matrix: pd.DataFrame, label: str, *, signed: bool = False) -> Axes:
    """Regions that predict (rows) against regions that are predicted (columns), as colours.

    Parameters
    ----------
    matrix : DataFrame, (sources, targets)
        Index and columns are regions; they are put in the order of all plots.
    label : str
        What the numbers are, with their unit and null.
    signed : bool
        Colours that diverge from 0, for differences; else 0 and below is darkest.

    Returns
    -------
    Axes
        Cells within a region are framed.
    """
    sources, targets = allen.in_order(matrix.index), allen.in_order(matrix.columns)
    values = matrix.loc[sources, targets].to_numpy(float)
    most = np.nanmax(np.abs(values))
    most = most if most > 0 else 1.0
    side = 1.6 + 0.46 * max(len(targets), 5)
    figure, ax = plt.subplots(figsize=(min(side + 1.6, 9.5), min(side, 8)), layout="constrained")
    image = ax.imshow(
        values, cmap="RdBu_r" if signed else "viridis", vmin=-most if signed else 0, vmax=most
    )
    figure.colorbar(image, ax=ax, label=label, shrink=0.85)
    if max(len(sources), len(targets)) <= _MOST_NUMBERED:
        for row, column in np.ndindex(values.shape):
            value = values[row, column]
            dark = abs(value) > 0.6 * most if signed else value < 0.6 * most
            ax.text(
                column, row, f"{value:.2f}".replace("-0.00", "0.00"), ha="center", va="center",
                fontsize=9, color="white" if dark else "black",
            )  # fmt: skip
    for row, name in enumerate(sources):
        if name in targets:
            corner = (targets.index(name) - 0.5, row - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=1.5))
    ax.set_xticks(range(len(targets)), targets, rotation=90)
    ax.set_yticks(range(len(sources)), sources)
    for ticks in (ax.get_xticklabels(), ax.get_yticklabels()):
        for tick in ticks:
            tick.set_color(allen.color_of(tick.get_text()))
    ax.set(xlabel="target (is predicted)", ylabel="source (predicts)")
    return ax


def region_graph(matrix: pd.DataFrame, *, n_strongest: int = 12) -> Axes:
    """The strongest entries between different regions as arrows from source to target.

    Parameters
    ----------
    matrix : DataFrame, (sources, targets)
    n_strongest : int
        How many arrows are drawn, the largest positive ones.

    Returns
    -------
    Axes
        Width and darkness of an arrow follow the entry. How many are drawn is a choice, no test.
    """
    names = allen.in_order([*matrix.index, *matrix.columns])
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    place = dict(zip(names, np.column_stack([np.cos(angles), np.sin(angles)]), strict=True))
    pairs = pd.Series(
        {
            (source, target): matrix.loc[source, target]
            for source in matrix.index
            for target in matrix.columns
            if source != target
        },
        dtype=float,
    )
    strongest = pairs[pairs > 0].nlargest(n_strongest)

    figure, ax = plt.subplots(figsize=(7, 6), layout="constrained")
    top = strongest.max() if len(strongest) else 1.0
    for (source, target), value in strongest.sort_values().items():
        share = value / top
        ax.add_patch(
            FancyArrowPatch(
                place[source], place[target], connectionstyle="arc3,rad=0.14",
                arrowstyle="-|>", mutation_scale=12, shrinkA=22, shrinkB=22,
                linewidth=0.8 + 4 * share, color=str(0.75 - 0.65 * share), zorder=1,
            )
        )  # fmt: skip
    for name in names:
        ax.scatter(*place[name], s=1350, color=allen.color_of(name), zorder=2)
        ax.text(
            *place[name], name, ha="center", va="center", zorder=3, fontsize=9,
            color="white" if _is_dark(allen.color_of(name)) else "black", fontweight="bold",
        )  # fmt: skip
    shown = len(strongest)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.25, 1.25), aspect="equal")
    ax.set_title(f"the {shown} strongest of {len(pairs)}" if shown else "no entry above 0")
    ax.axis("off")
    return ax


def shuffle_control(table: pd.DataFrame) -> Axes:
    """Every pair's score against the score with the sources' trials shuffled.

    Parameters
    ----------
    table : DataFrame
        From `region_map`.

    Returns
    -------
    Axes
        A point a pair (mean over resamples), coloured by the target's group.
    """
    columns = ["source", "target", "target_group"]
    pairs = table.groupby(columns, as_index=False)[["bits_per_spike", "shuffled"]].mean()
    figure, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    present = set(pairs["target_group"])
    for group in (group for group in allen.GROUPS if group in present):
        here = pairs[pairs["target_group"] == group]
        within = (here["source"] == here["target"]).to_numpy()
        for mask, marker in ((~within, "o"), (within, "D")):
            ax.scatter(
                here["bits_per_spike"][mask], here["shuffled"][mask], s=34, marker=marker,
                alpha=0.8, linewidths=0, color=allen.color_of(group),
                label=group if marker == "o" else None,
            )  # fmt: skip
    ends = [min(0, ax.get_xlim()[0]), ax.get_xlim()[1]]
    ax.plot(ends, ends, color="black", linestyle=":", linewidth=1)
    ax.axhline(0, color="#999999", linewidth=0.8, zorder=0)
    ax.axvline(0, color="#999999", linewidth=0.8, zorder=0)
    ax.set(
        xlabel="bits per spike (null: mean rate)", ylabel="the same, sources shuffled",
        title="circles: between regions; diamonds: within one",
    )  # fmt: skip
    ax.legend(title="target", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def neuron_numbers(scores: pd.DataFrame) -> Axes:
    """How a score grows with the number of source neurons.

    Parameters
    ----------
    scores : DataFrame, one row a fit
        `source` (region), `n_sources` and `bits_per_spike`.

    Returns
    -------
    Axes
        A point a draw, a line through the means.
    """
    figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
    markers = dict(zip(dict.fromkeys(scores["source"]), "osD^v*", strict=False))
    for name, marker in markers.items():
        here = scores[scores["source"] == name]
        color = allen.color_of(name)
        ax.scatter(
            here["n_sources"], here["bits_per_spike"], s=26, alpha=0.5, linewidths=0, color=color,
            marker=marker,
        )  # fmt: skip
        means = here.groupby("n_sources")["bits_per_spike"].mean()
        ax.plot(means.index, means, color=color, marker=marker, label=name)
    ticks = sorted(set(scores["n_sources"]))
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.minorticks_off()
    ax.axhline(0, color="black", linewidth=1)
    ax.set(xlabel="source neurons", ylabel="bits per spike (null: mean rate)")
    ax.legend(title="source", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _is_dark(color: str) -> bool:
    red, green, blue = to_rgb(color)
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
