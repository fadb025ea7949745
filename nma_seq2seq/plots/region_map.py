"""Figures of who predicts whom: the matrix, its control, and the strongest paths as a graph."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from nma_seq2seq import regions as allen
from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import BITS, GREY, INK, Options, described, styled
from nma_seq2seq.region_maps import by_mouse
from nma_seq2seq.region_maps import over_mice as summed_up

_MOST_PAIRS = 20


@styled
def region_matrix(
    matrix: pd.DataFrame, label: str, *, signed: bool = False, ax: Axes | None = None
) -> Axes:
    """Regions that predict (rows) against regions that are predicted (columns), as colours.

    Cells within a region are framed.

    Parameters
    ----------
    matrix : DataFrame, (sources, targets)
        Index and columns are regions; they are put in the order of all plots.
    label : str
        What the numbers are, with their unit and null.
    signed : bool
        Colours that diverge from 0, for differences; else 0 and below is darkest.
    """
    style.require_some(matrix, "score")
    sources, targets = allen.in_order(matrix.index), allen.in_order(matrix.columns)
    shown = matrix.loc[sources, targets].astype(float)
    most = float(np.nanmax(np.abs(shown.to_numpy()))) or 1.0
    side = 1.6 + 0.46 * max(len(targets), 5)
    ax = style.panel(ax, (min(side + 1.6, 9.5), min(side, 8)))
    colors = {"cmap": "RdBu_r", "vmin": -most} if signed else {"cmap": "viridis", "vmin": 0}
    look: Options = {"vmax": most, "square": True, "cbar_kws": {"label": label, "shrink": 0.85}}
    # With numbers where they can be read; what rounds to zero has no sign.
    look |= {"annot": max(shown.shape) <= 12, "fmt": "z.2f", "annot_kws": {"fontsize": 9}}
    style.heatmap(ax, shown, **look, **colors)
    for row, name in enumerate(sources):
        if name in targets:
            corner = (targets.index(name), row)
            ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=1.5))
    ax.set(xlabel="target (is predicted)", ylabel="source (predicts)")
    best = _pairs(shown).nlargest(3, "value").itertuples()
    said = ", ".join(f"{row.source} to {row.target} {row.value:.2f}" for row in best)
    return described(
        ax,
        f"A matrix of colours: {label}, from {len(sources)} source regions (rows) to "
        f"{len(targets)} target regions (columns). Highest: {said}.",
    )


@styled
def region_graph(matrix: pd.DataFrame, *, n_strongest: int = 12, ax: Axes | None = None) -> Axes:
    """The strongest entries between different regions as arrows from source to target.

    Width and darkness of an arrow follow the entry of the matrix (sources, targets). How many are
    drawn, the largest positive ones, is a choice and no test.
    """
    names = allen.in_order([*matrix.index, *matrix.columns])
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    place = dict(zip(names, np.column_stack([np.cos(angles), np.sin(angles)]), strict=True))
    pairs = _pairs(matrix).query("source != target")
    strongest = pairs.query("value > 0").nlargest(n_strongest, "value")
    ax = style.panel(ax, (7, 6))
    for source, target, value in strongest[::-1].to_numpy():  # the strongest on top
        share = value / strongest["value"].max()
        look: Options = {"linewidth": 0.8 + 4 * share, "color": str(0.75 - 0.65 * share)}
        look |= {"mutation_scale": 12, "shrinkA": 22, "shrinkB": 22, "zorder": 1}
        look |= {"arrowstyle": "-|>", "connectionstyle": "arc3,rad=0.14"}
        ax.add_patch(FancyArrowPatch(place[source], place[target], **look))
    for name in names:
        color = allen.color_of(name)
        ax.plot(*place[name], "o", markersize=37, color=color, zorder=2)
        ink = "white" if style.is_dark(color) else "black"
        look = {"ha": "center", "va": "center", "fontweight": "bold", "zorder": 3}
        ax.annotate(name, place[name], color=ink, **look)
    shown = len(strongest)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.25, 1.25), aspect="equal")
    ax.set_title(f"the {shown} strongest of {len(pairs)}" if shown else "no entry above 0")
    ax.axis("off")
    said = ", ".join(f"{row.source} to {row.target}" for row in strongest.itertuples())
    return described(ax, f"Regions on a circle, and arrows for the strongest of them: {said}.")


@styled
def shuffle_control(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Every pair's score against the score with the sources' trials shuffled.

    A point a pair of the table that `nma.region_map` gives (mean over resamples), in the colour of
    the target's group.
    """
    import seaborn as sns

    style.require_numbers(table, "bits_per_spike")
    style.require_numbers(table, "shuffled")
    columns = ["source", "target", "target_group"]
    pairs = table.groupby(columns, as_index=False)[["bits_per_spike", "shuffled"]].mean()
    pairs["pair"] = np.where(pairs["source"] == pairs["target"], "within one", "between regions")
    pairs = pairs.rename(columns={"target_group": "target"} | {"target": "region"})
    ax = style.panel(ax, (8.5, 4.2))
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    groups = [group for group in allen.GROUPS if (pairs["target"] == group).any()]
    look: Options = {"hue": "target", "hue_order": groups, "palette": allen.COLORS}
    look |= {"style": "pair", "markers": {"between regions": "o", "within one": "D"}}
    look |= {"style_order": ["between regions", "within one"], "s": 42, "alpha": 0.8}
    sns.scatterplot(pairs, x="bits_per_spike", y="shuffled", linewidth=0, ax=ax, **look)
    ax.axline((0, 0), slope=1, color="black", linestyle=":", linewidth=1, label="all is stimulus")
    ax.set(xlabel=BITS, ylabel="the same, sources shuffled")
    ax.legend(**style.BESIDE)
    return described(
        ax,
        f"Bits per spike of {len(pairs)} pairs of regions against the same with shuffled sources: "
        f"{pairs['bits_per_spike'].median():.2f} and {pairs['shuffled'].median():.2f} in the "
        "median. On the dotted diagonal, all would be stimulus.",
    )


@styled
def over_mice(
    table: pd.DataFrame,
    value: str = "beyond_stimulus",
    *,
    min_mice: int = 3,
    ax: Axes | None = None,
) -> Axes:
    """Each pair's mean over mice with its 95 % interval over mice, and the mice themselves.

    The twenty pairs with the highest means are drawn.

    Parameters
    ----------
    table : DataFrame
        `region_map`s of several sessions, concatenated.
    value : str
        The column of scores.
    min_mice : int
        Mice that a pair must have been recorded in; an interval over two is as wide as the page.
    """
    summary = summed_up(table, value).query("n_mice >= @min_mice")
    if summary.empty:
        raise ValueError(
            f"no pair of regions was recorded in {min_mice} mice or more; choose a smaller "
            "min_mice="
        )
    shown, one_each = summary.head(_MOST_PAIRS), by_mouse(table, value)
    ax = style.panel(ax, (8.5, 1.2 + 0.27 * len(shown)))
    names = [f"{row.source} → {row.target} ({row.n_mice})" for row in shown.itertuples()]
    places = style.rows_down(ax, names)
    dots = one_each.merge(shown.assign(y=places), on=["source", "target"])
    ax.plot(dots[value], dots["y"], "o", color=GREY, alpha=0.7, label="one mouse")
    look: Options = {"fmt": "D", "color": INK, "linewidth": 2}
    look |= {"xerr": style.reach(shown, "mean"), "label": "mean of the mice, 95 % interval"}
    ax.errorbar(shown["mean"], places, **look)
    unit = "" if value == "bits_per_spike" else " (bits per spike)"
    ax.set_xlabel(value.replace("_", " ") + unit)
    if len(shown) < len(summary):
        ax.set_title(f"the highest {len(shown)} of {len(summary)} pairs", loc="left")
    style.legend_above(ax)
    said = "; ".join(
        f"{row.source} to {row.target} {row.mean:.2f} ({row.low:.2f} to {row.high:.2f})"
        for row in shown.head(5).itertuples()
    )
    return described(
        ax,
        f"{len(shown)} pairs of regions, the mean over mice of {value.replace('_', ' ')} with its "
        f"95 % interval, and single mice as dots. Highest: {said}.",
    )


@styled
def neuron_numbers(scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How a score grows with the number of source neurons: points, and a line through their means.

    Parameters
    ----------
    scores : DataFrame, one row a fit
        `source` (region), `n_sources` and `bits_per_spike`.
    """
    import seaborn as sns

    style.require_numbers(scores, "bits_per_spike")
    ax = style.panel(ax, (7.5, 3.8))
    names = scores["source"].unique()
    look: Options = {"x": "n_sources", "y": "bits_per_spike", "hue": "source", "ax": ax}
    look |= {"style": "source", "markers": dict(zip(names, style.MARKS, strict=False))}
    look |= {"palette": {name: allen.color_of(name) for name in names}}
    sns.scatterplot(scores, alpha=0.5, linewidth=0, legend=False, **look)
    sns.lineplot(scores, errorbar=None, dashes=False, markeredgecolor="none", **look)
    style.log_ticks(ax, scores["n_sources"])
    ax.axhline(0, color="black", linewidth=1)
    ax.set(xlabel="source neurons", ylabel=BITS)
    ax.legend(title="source", **style.BESIDE)
    means = scores.groupby(["source", "n_sources"])["bits_per_spike"].mean()
    said = [
        f"{name}: " + ", ".join(f"{b:.2f} with {n}" for n, b in means[name].iloc[[0, -1]].items())
        for name in names
    ]
    return described(ax, f"Bits per spike by the number of source neurons. {'; '.join(said)}.")


def _pairs(matrix: pd.DataFrame) -> pd.DataFrame:
    """`source`, `target` and `value` of each cell that has one."""
    long = matrix.rename_axis(index="source", columns="target").astype(float)
    return long.melt(ignore_index=False, value_name="value").reset_index().dropna()
