"""Figures of spikes: rasters, averages over trials, and how similar regions are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from scipy.ndimage import gaussian_filter1d

from nma_seq2seq import regions as allen
from nma_seq2seq.plots.style import (
    BESIDE,
    EVENTS,
    TIME,
    Kind,
    Many,
    Options,
    color_regions,
    described,
    kinds,
    legend_above,
    mark_stimulus,
    mean_band,
    panel,
    panels,
    require,
    require_trial,
    styled,
    time_map,
    words,
)
from nma_seq2seq.session import Session


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
    if not 0 <= neuron < session.n_neurons:
        raise ValueError(f"no neuron {neuron}; this session has 0 to {session.n_neurons - 1}")
    columns = [column for column in (by, sort) if column is not None]
    require(session, columns)
    groups = kinds(session.trials, by)
    if by is not None and sort is None and "reaction_time" in session.trials:
        sort = "reaction_time"
    keys = [session.trials[column] for column in (sort, by) if column is not None]
    order = np.lexsort(keys) if keys else np.arange(session.n_trials)
    axes = panels(axes, (2, 1), (9, 4.6), height_ratios=[2, 1], sharex=True)
    ax, below = axes
    trial, at = np.nonzero(session.spikes[order, :, neuron])
    middle = session.time + session.bin_size / 2
    ax.scatter(middle[at], trial + 0.5, s=6, marker="|", color="black", linewidths=0.8)
    for column, (name, color, _) in EVENTS.items():
        if column in session.trials:
            seconds = session.trials[column].to_numpy()[order]
            ax.scatter(seconds, np.arange(len(order)) + 0.5, s=5, color=color, label=name)
    legend_above(axes, markerscale=3)
    along = ax.get_yaxis_transform()
    for name, color, here in groups if by is not None else ():
        rows = np.flatnonzero(np.isin(order, here))
        ends = [rows[0] + 1, rows[-1]]
        ax.plot([1.005, 1.005], ends, color=color, linewidth=4, clip_on=False, transform=along)
        ax.text(1.015, rows.mean(), name, va="center", color=color, transform=along)
    region = session.units["region"].iloc[neuron]
    sorted_by = f" (sorted by {', '.join(map(words, columns))})" if columns else ""
    ax.set(ylim=(session.n_trials, 0), ylabel=f"trial{sorted_by}")
    ax.set_title(f"neuron {neuron} in {region}, {session.rates_hz[neuron]:.1f} Hz")
    rates = session.spikes[:, :, neuron] / session.bin_size
    _draw_psth(below, rates, session.time, session.bin_size, groups, by, 0.03)
    below.set(xlabel=TIME, ylabel="rate (Hz)", xlim=_edges(session))
    return described(
        axes,
        f"The spikes of neuron {neuron} in {region}, {session.rates_hz[neuron]:.1f} Hz on average, "
        f"as ticks: a row for each of {session.n_trials} trials{sorted_by}, over "
        f"{session.time[0]:g} to {session.time[-1]:.1f} s from the stimulus. Below, its mean rate"
        + (f" for each {words(by)}: {', '.join(name for name, _, _ in groups)}." if by else "."),
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
        Column of event times that become time 0, such as "reaction_time"; the stimulus without it.
        Trials without the event, or in which the window is not recorded, are left out.
    window : (start, stop), optional
        Seconds from time 0; with the stimulus all that is recorded, with an event -0.4 to 0.6.
    smooth : float
        Standard deviation in seconds of the Gaussian that smooths over time; 0 for none.
    """
    if by is not None:
        require(session, (by,))
    part = session if regions is None else session.select(regions)
    if align is None:
        part = part.select(window=window)
        counts, time, trials = part.spikes, part.time, part.trials
    else:
        counts, time, kept = _aligned(part, align, window or (-0.4, 0.6))
        trials = part.trials[kept]
    groups = kinds(trials, by)
    ax = panel(ax, (7.5, 3.8))
    rates = counts.mean(axis=2, dtype=float) / session.bin_size  # (trials, time)
    _draw_psth(ax, rates, time, session.bin_size, groups, by, smooth)
    event = "stimulus onset" if align is None else words(align)
    of = "all regions" if regions is None else regions
    ax.set(xlabel=f"time from {event} (s)", ylabel="rate (Hz a neuron)")
    ax.set_title(f"{part.n_neurons} neurons of {of}, {len(trials)} trials")
    course = rates.mean(axis=0)
    return described(
        ax,
        f"Mean rate of {part.n_neurons} neurons of {of} around {event}, over {len(trials)} trials, "
        f"highest at {time[course.argmax()]:.2f} s with {course.max():.1f} Hz"
        + (f"; one line for each {words(by)}." if by else "."),
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
    if by not in (None, "region", "component"):
        raise ValueError(f"no order {by!r}; choose None, 'region' or 'component'")
    if by is None:
        return np.arange(session.n_neurons)
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
    require_trial(session, trial)
    order = np.arange(session.n_neurons) if order is None else np.asarray(order)
    ax = panel(ax, (9, 4.8))
    draw_spikes(ax, session, trial, order)
    there = []
    for column, (name, color, line) in EVENTS.items():
        if column in session.trials:
            seconds = session.trials[column].iloc[trial]
            if session.time[0] <= seconds <= session.time[-1]:
                ax.axvline(seconds, color=color, linewidth=1.5, linestyle=line, label=name)
                there.append(f"{name} at {seconds:.2f} s")
    ax.set_title(f"all {len(order)} neurons in trial {trial}")
    legend_above(np.array([ax]))
    return described(
        ax,
        f"The {int(session.spikes[trial].sum())} spikes of {len(order)} neurons in trial {trial}, "
        f"a row a neuron, in the colours of their regions. Vertical lines: stimulus at 0 s"
        + "".join(f", {event}" for event in there)
        + ".",
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
    ax = panel(ax, (7.5, 5))
    start, stop = _edges(session)
    look: Options = {"cmap": "PuOr_r", "vmin": -2.5, "vmax": 2.5}
    image = time_map(ax, course, start, (stop - start) / course.shape[1], **look)
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="mean rate (z-score over time)")
    mark_stimulus([ax])
    _name_regions(ax, session, order)
    n_trials = session.n_trials if trials is None else session.select(trials=trials).n_trials
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
    n = len(matrices)
    axes = panels(axes, (1, n), (9.5, 9.5 / max(n, 2) + 0.6))
    shown, said = {}, []
    for name, matrix in matrices.items():
        names = allen.in_order(matrix.columns)
        kept = matrix.loc[names, names].mask(np.eye(len(names), dtype=bool))
        said.append(f"{name}: from {kept.min().min():.2f} to {kept.max().max():.2f}")
        if thresholds is not None:
            kept = kept.where(kept.abs() > thresholds[name])
            said[-1] += f", {kept.notna().mean().mean():.0%} of the cells beyond the shuffle's"
        shown[name] = kept
    size = np.nanmax([0.1, *(kept.abs().max().max() for kept in shown.values())])
    for ax, (name, kept) in zip(axes, shown.items(), strict=True):
        image = ax.imshow(kept, cmap="PuOr_r", vmin=-size, vmax=size, aspect="equal")
        ends = [-0.5, len(kept) - 0.5]
        ax.plot(ends, ends, color="#BBBBBB", linewidth=1)
        ax.set_xticks(range(len(kept)), kept.columns, rotation=90)
        ax.set_yticks(range(len(kept)), kept.index if ax is axes[0] else [])
        color_regions(ax.xaxis, ax.yaxis)
        limit = f"\n(white: |r| up to {thresholds[name]:.2f})" if thresholds is not None else ""
        ax.set(xlabel="region", title=name + limit)
    axes[0].set_ylabel("region")
    axes[0].figure.colorbar(image, ax=list(axes), label="correlation over trials", shrink=0.7)
    return described(
        axes, f"Matrices of the correlations between regions over trials. {'; '.join(said)}."
    )


# ---------------------------------------------------------------------- parts of the figures


def draw_spikes(ax: Axes, session: Session, trial: int, order: np.ndarray) -> None:
    """A trial's spikes in the colours of their regions, a row a neuron, the first on top."""
    colors = np.array([to_rgb(allen.color_of(r)) for r in session.units["region"].iloc[order]])
    at, row = np.nonzero(session.spikes[trial][:, order])
    middle = session.time + session.bin_size / 2
    ax.scatter(middle[at], row + 0.5, s=4, marker="|", c=colors[row], linewidths=0.8)
    ax.axvline(0, color="black", linewidth=1.2, linestyle=":", label="stimulus")
    _name_regions(ax, session, order)
    ax.set(xlabel=TIME, xlim=_edges(session), ylim=(len(order), 0))


def _edges(session: Session) -> tuple[float, float]:
    return session.time[0], session.time[-1] + session.bin_size


def _draw_psth(
    ax: Axes,
    rates: np.ndarray,
    time: np.ndarray,
    bin_size: float,
    groups: list[Kind],
    by: str | None,
    smooth: float,
) -> None:
    """The mean of rates (trials, time) with its 95 % interval, a line for each group of trials."""
    if smooth:
        rates = gaussian_filter1d(rates, smooth / bin_size, axis=1, mode="nearest")
    for name, color, here in groups:
        mean_band(ax, time + bin_size / 2, rates[here], color, name)
    mark_stimulus([ax])
    if by is not None:
        ax.legend(title=words(by), **BESIDE)


def _aligned(
    session: Session, event: str, window: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts around an event (kept trials, time, neurons), their times, and which are kept."""
    at = session.event_bin(event)
    offsets = np.arange(round(window[0] / session.bin_size), round(window[1] / session.bin_size))
    kept = np.isfinite(at) & (at + offsets[0] >= 0) & (at + offsets[-1] < session.n_bins)
    if not kept.any():
        raise ValueError(
            f"no trial of session {session.name} has {window[0]:g} to {window[1]:g} s around its "
            f"{event} within the recording; choose a shorter window"
        )
    bins = at[kept, None].astype(int) + offsets
    return session.spikes[np.flatnonzero(kept)[:, None], bins], offsets * session.bin_size, kept


def _z_scored_course(session: Session, trials: np.ndarray | None) -> np.ndarray:
    """Mean time course of each neuron, smoothed with 30 ms and z-scored, (neurons, time)."""
    part = session if trials is None else session.select(trials=trials)
    course = part.spikes.mean(axis=0, dtype=float).T
    course = gaussian_filter1d(course, 0.03 / session.bin_size, axis=1, mode="nearest")
    # More columns than some hundred would show nothing more after that smoothing.
    course = course[:, :: max(1, session.n_bins // 50)]
    course -= course.mean(axis=1, keepdims=True)
    std = course.std(axis=1, keepdims=True)
    # What never fires stays at zero.
    return np.divide(course, std, out=np.zeros_like(course), where=std > 0)


def _name_regions(ax: Axes, session: Session, order: np.ndarray) -> None:
    """Regions in their colours along the neurons; named where each lies in one piece."""
    region = session.units["region"].to_numpy()[order]
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
    places, gap = (starts + stops) / 2, 0.04 * len(region)  # the height of a label
    for label in range(1, len(places)):
        places[label] = max(places[label], places[label - 1] + gap)
    for label in reversed(range(len(places))):
        limit = len(region) if label + 1 == len(places) else places[label + 1] - gap
        places[label] = min(places[label], limit)
    ax.set_yticks(places, region[starts])
    ax.tick_params(axis="y", length=0, pad=9)
    color_regions(ax.yaxis)
    ax.set_ylabel("region")
