"""Figures of spikes: rasters, averages over trials, and how similar regions are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from nma_seq2seq import regions as allen
from nma_seq2seq.arguments import one_of, positions, whole
from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import Many, Options, described, styled
from nma_seq2seq.session import Session
from nma_seq2seq.smoothing import smooth as smoothed


@styled
def raster(
    session: Session,
    neuron: int,
    by: str | None = None,
    sort: str | None = None,
    axes: Many = None,
) -> np.ndarray:
    """One neuron over all trials: its spikes, and below them its PSTH.

    Parameters
    ----------
    neuron : int
        Its position in the session, from 0.
    by : str, optional
        Column of `session.trials` with few values: groups the trials, and splits the PSTH.
    sort : str, optional
        Column that sorts the trials, within those groups if there are any. With `by`, this is the
        reaction time where there is one; else trials stand as recorded.
    """
    neuron = whole("neuron", neuron, 0, session.n_neurons - 1)
    if by is not None and sort is None and "reaction_time" in session.trials:
        sort = "reaction_time"
    columns = [column for column in (by, sort) if column is not None]
    style.require(session, *columns)
    groups = style.kinds(session, by)
    keys = [session.trials[column] for column in reversed(columns)]
    order = np.lexsort(keys) if keys else np.arange(session.n_trials)
    axes = style.panels(axes, (2, 1), (9, 4.6), height_ratios=[2, 1], sharex=True)
    ax, below = axes
    trial, at = np.nonzero(session.spikes[order, :, neuron])
    look: Options = {"s": 6, "marker": "|", "color": "black", "linewidths": 0.8}
    ax.scatter(style.middles(session)[at], trial + 0.5, **look)
    for (name, color, _, seconds), mark in zip(style.events(session), style.MARKS, strict=False):
        middles = np.arange(len(order)) + 0.5
        ax.scatter(seconds[order], middles, 7, color, marker=mark, label=name)
    style.legend_above(axes, markerscale=3)
    along = ax.get_yaxis_transform()
    for kind in groups if by is not None else ():
        rows = np.flatnonzero(np.isin(order, kind.trials))
        strip: Options = {"color": kind.color, "linewidth": 4, "clip_on": False}
        ax.plot([1.005, 1.005], [rows[0] + 1, rows[-1]], transform=along, **strip)
        ink: Options = {"color": style.readable(kind.color), "transform": along}
        ax.text(1.015, rows.mean(), kind.name, va="center", **ink)
    sorted_by = f"sorted by {', '.join(map(style.words, columns))}" if columns else "as recorded"
    ax.set(ylim=(session.n_trials, 0), ylabel=f"trial,\n{sorted_by}")
    region = session.units["region"].iloc[neuron]
    ax.set_title(f"neuron {neuron} in {region}, {session.rates_hz[neuron]:.1f} Hz")
    rates = session.spikes[:, :, neuron] / session.bin_size
    _draw_psth(below, rates, session, groups, by, 0.03)
    below.set(ylabel="rate (Hz)", xlim=style.edges(session))
    split = f" for each {style.words(by)}: {', '.join(kind.name for kind in groups)}" if by else ""
    return described(
        axes,
        f"The spikes of neuron {neuron} in {region}, {session.rates_hz[neuron]:.1f} Hz on average, "
        f"as ticks: a row for each of {session.n_trials} trials, {sorted_by}, over "
        f"{session.time[0]:g} to {session.time[-1]:.1f} s from {session.alignment}. Below, its "
        f"mean rate{split}.",
    )


@styled
def psth(
    session: Session,
    regions: str | None = None,
    by: str | None = None,
    align: str | None = None,
    window: tuple[float, float] | None = None,
    smooth: float = 0.02,
    ax: Axes | None = None,
) -> Axes:
    """Peri-stimulus time histogram: the mean rate over trials, and over a region's neurons.

    Bands are 95 % intervals over trials.

    Parameters
    ----------
    regions : str, optional
        A region or a group; all neurons without it.
    by : str, optional
        Column of `session.trials` with few values: one line for each of them.
    align : str, optional
        Column of event times that become time 0, such as "reaction_time", as `session.align` does
        it; without it, time 0 is the session's.
    window : (start, stop), optional
        Seconds from time 0; all that is recorded without it, or with an event -0.4 to 0.6.
    smooth : float
        Standard deviation in seconds of the Gaussian that smooths over time; 0 for none.
    """
    part = session if regions is None else session.select(regions)
    part = part.align(align, window or (-0.4, 0.6)) if align else part.select(window=window)
    groups = style.kinds(part, by)
    ax = style.panel(ax, (7.5, 3.8))
    rates = part.spikes.mean(axis=2, dtype=float) / part.bin_size  # (trials, time)
    _draw_psth(ax, rates, part, groups, by, smooth)
    of = "all regions" if regions is None else regions
    title = f"{part.n_neurons} neurons of {of}, {part.n_trials} trials"
    ax.set(ylabel="rate (Hz a neuron)", title=title)
    course = rates.mean(axis=0)
    return described(
        ax,
        f"Mean rate of {part.n_neurons} neurons of {of} around {part.alignment}, over "
        f"{part.n_trials} trials, highest at {part.time[course.argmax()]:.2f} s with "
        f"{course.max():.1f} Hz" + (f"; one line for each {style.words(by)}." if by else "."),
    )


def neuron_order(
    session: Session, by: str | None = "component", trials: np.ndarray | None = None
) -> np.ndarray:
    """Positions of the neurons sorted by region, and within it by the first principal component.

    The component is that of the neurons' mean time courses over the given trials, smoothed with
    30 ms and z-scored.

    Parameters
    ----------
    by : None, "region" or "component"
        None leaves the order of the file.
    trials : indices or mask, optional
        Trials that the component is found on.

    Returns
    -------
    array, (neurons,), int
    """
    if by is None:
        return np.arange(session.n_neurons)
    one_of("order", by, ("region", "component"))
    rank = {name: place for place, name in enumerate(session.regions)}
    region = session.units["region"].map(rank).to_numpy()
    if by == "region":
        return np.argsort(region, kind="stable")
    course = _z_scored_course(session, trials)
    left, size, _ = np.linalg.svd(course - course.mean(axis=1, keepdims=True), full_matrices=False)
    loading = left[:, 0] * size[0]
    # The sign of a component is arbitrary: upwards is what most of the population does.
    loading *= np.sign(loading.sum()) or 1.0
    return np.lexsort((-loading, region))


@styled
def population_raster(
    session: Session, trial: int, order: np.ndarray | None = None, ax: Axes | None = None
) -> Axes:
    """Spikes of all neurons in one trial, in an order from top to bottom (see `neuron_order`)."""
    trial = whole("trial", trial, 0, session.n_trials - 1)
    order = np.arange(session.n_neurons) if order is None else np.asarray(order)
    ax = style.panel(ax, (9, 4.8))
    draw_spikes(ax, session, trial, order)
    there = []
    for name, color, dashes, seconds in style.events(session):
        if session.time[0] <= (at := seconds[trial]) <= session.time[-1]:
            ax.axvline(at, color=color, linewidth=1.5, linestyle=dashes, label=name)
            there.append(f", {name} at {at:.2f} s")
    ax.set_title(f"all {len(order)} neurons in trial {trial}")
    style.legend_above(ax)
    return described(
        ax,
        f"The {int(session.spikes[trial].sum())} spikes of {len(order)} neurons in trial {trial}, "
        f"a row a neuron, in the colours of their regions. Vertical lines: "
        f"{style.zero_of(session)} at 0 s{''.join(there)}.",
    )


@styled
def activity_map(
    session: Session,
    order: np.ndarray | None = None,
    trials: np.ndarray | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Mean time course of every neuron over some trials, z-scored, as a map of colours.

    The neurons stand in an order from top to bottom (see `neuron_order`).
    """
    order = np.arange(session.n_neurons) if order is None else np.asarray(order)
    course = _z_scored_course(session, trials)[order]
    ax = style.panel(ax, (7.5, 5))
    look: Options = {"cmap": "PuOr_r", "vmin": -2.5, "vmax": 2.5}
    image = style.time_map(ax, course, style.edges(session), **look)
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="mean rate (z-score over time)")
    style.over_time([ax], session)
    _name_regions(ax, session, order)
    n_trials = len(positions(trials, session.trials.index))
    ax.set_title(f"{len(order)} neurons, {n_trials} trials")
    return described(
        ax,
        f"A map of colours: the mean time courses of {len(order)} neurons over {n_trials} trials, "
        "a row a neuron; orange where it is more active than on average, purple where less.",
    )


@styled
def similarity(
    matrices: Mapping[str, pd.DataFrame],
    thresholds: Mapping[str, float] | None = None,
    axes: Many = None,
) -> np.ndarray:
    """Matrices of correlations between regions, side by side.

    Parameters
    ----------
    matrices : mapping of a name to a DataFrame, (regions, regions)
        Correlations.
    thresholds : mapping of the same names to float, optional
        Correlations no larger than this in size are left white: a shuffle gives as much.
    """
    style.require_some(matrices, "matrix")
    n = len(matrices)
    axes = style.panels(axes, (1, n), (9.5, 9.5 / max(n, 2) + 0.6))
    shown, said = {}, []
    for name, matrix in matrices.items():
        names = allen.in_order(matrix.columns)
        kept = matrix.loc[names, names].mask(np.eye(len(names), dtype=bool))
        lowest, highest = kept.min().min(), kept.max().max()
        known = np.isfinite(lowest)  # which it is not of one region, or where nothing fires
        said.append(f"{name}: from {lowest:.2f} to {highest:.2f}" if known else name)
        if thresholds is not None:
            kept = kept.where(kept.abs() > thresholds[name])
            said[-1] += f", {kept.notna().mean().mean():.0%} of the cells beyond the shuffle's"
        shown[name] = kept
    size = np.nanmax([0.1, *(kept.abs().max().max() for kept in shown.values())])
    look: Options = {"cmap": "PuOr_r", "vmin": -size, "vmax": size, "square": True}
    for ax, (name, kept) in zip(axes, shown.items(), strict=True):
        style.heatmap(ax, kept, cbar=False, **look)
        ax.axline((0, 0), slope=1, color=style.PALE, linewidth=1)
        limit = f"\n(white: |r| up to {thresholds[name]:.2f})" if thresholds is not None else ""
        ax.set(xlabel="region", ylabel="", title=name + limit)
    for ax in axes[1:]:
        ax.set_yticks([])
    axes[0].set_ylabel("region")
    bar: Options = {"label": "correlation over trials", "shrink": 0.7}
    axes[0].figure.colorbar(axes[0].collections[0], ax=list(axes), **bar)
    return described(
        axes, f"Matrices of the correlations between regions over trials. {'; '.join(said)}."
    )


# ---------------------------------------------------------------------- parts of the figures


def draw_spikes(ax: Axes, session: Session, trial: int, order: np.ndarray) -> None:
    """A trial's spikes in the colours of their regions, a row a neuron, the first on top."""
    colors = np.array([to_rgb(allen.color_of(r)) for r in session.units["region"].iloc[order]])
    at, row = np.nonzero(session.spikes[trial][:, order])
    look: Options = {"s": 4, "marker": "|", "c": colors[row], "linewidths": 0.8}
    ax.scatter(style.middles(session)[at], row + 0.5, **look)
    ax.axvline(0, color="black", linewidth=1.2, linestyle=":", label=style.zero_of(session))
    _name_regions(ax, session, order)
    ax.set(xlim=style.edges(session), ylim=(len(order), 0))
    ax.set_xlabel(f"time from {session.alignment} (s)")


def _draw_psth(
    ax: Axes,
    rates: np.ndarray,
    session: Session,
    groups: list[style.Kind],
    by: str | None,
    smooth: float,
) -> None:
    """The mean of rates (trials, time) with its 95 % interval, a line for each group of trials."""
    if smooth:
        rates = smoothed(rates[..., None], smooth / session.bin_size)[..., 0]
    for kind in groups:
        style.mean_band(ax, session, rates, kind)
    style.over_time([ax], session)
    if by is not None:
        ax.legend(title=style.words(by), **style.BESIDE)


def _z_scored_course(session: Session, trials: np.ndarray | None) -> np.ndarray:
    """Mean time course of each neuron, smoothed with 30 ms and z-scored, (neurons, time)."""
    part = session if trials is None else session.select(trials=trials)
    course = part.spikes.mean(axis=0, dtype=float)
    course = smoothed(course[None], 0.03 / session.bin_size)[0].T.astype(float)
    # More columns than some hundred would show nothing more after that smoothing.
    course = course[:, :: max(1, session.n_bins // 50)]
    course -= course.mean(axis=1, keepdims=True)
    std = course.std(axis=1, keepdims=True)
    # What never fires stays at zero.
    return np.divide(course, std, out=np.zeros_like(course), where=std > 1e-9)


def _name_regions(ax: Axes, session: Session, order: np.ndarray) -> None:
    """Regions, or groups of many, in their colours along the neurons; named where in one piece."""
    column = "region" if len(session.regions) <= 25 else "group"
    region = session.units[column].to_numpy()[order]
    starts = np.flatnonzero(np.r_[True, region[1:] != region[:-1]])
    stops = np.r_[starts[1:], len(region)]
    colors = [allen.color_of(name) for name in region[starts]]
    transform = ax.get_yaxis_transform()
    at = np.full(len(starts), -0.008)
    ax.vlines(at, starts, stops, colors, linewidth=5, clip_on=False, transform=transform)
    if len(starts) > len(set(region)):
        ax.set(yticks=[], ylabel="neuron (colour: group)")
        ax.yaxis.labelpad = 12
        return
    # Labels are pushed apart where they would overlap: down first, then back from the end.
    steps = 0.04 * len(region) * np.arange(len(starts))
    places = np.maximum.accumulate((starts + stops) / 2 - steps) + steps
    ax.set_yticks(np.minimum(places, len(region) - steps[::-1]), region[starts])
    ax.tick_params(axis="y", length=0, pad=9)
    style.color_regions(ax.yaxis)
    ax.set_ylabel(column)
