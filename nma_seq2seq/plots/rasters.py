"""Figures of spikes: rasters, averages over trials, and how similar regions are."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.ndimage import gaussian_filter1d

from nma_seq2seq import regions as allen
from nma_seq2seq.plots.recording import RESPONSES, require
from nma_seq2seq.session import Session

_EVENTS = {
    "reaction_time": ("movement", "#D55E00"),
    "gocue": ("go cue", "#0072B2"),
    "feedback_time": ("feedback", "#009E73"),
}


def raster(session: Session, neuron: int, by: str | None = None) -> np.ndarray:
    """One neuron over all trials: its spikes, and below them its PSTH.

    Parameters
    ----------
    session : Session
    neuron : int
        Its position in the session, from 0.
    by : str, optional
        Column of `session.trials` that sorts the trials, and splits the PSTH.

    Returns
    -------
    array of two Axes

    Raises
    ------
    ValueError
        If there is no such neuron or column.
    """
    if not 0 <= neuron < session.n_neurons:
        raise ValueError(f"no neuron {neuron}; this session has 0 to {session.n_neurons - 1}")
    order, title = np.arange(session.n_trials), "trial"
    if by is not None:
        require(session, (by,))
        order, title = _trial_order(session, by), f"trial (sorted by {_said(by)})"
    figure, axes = plt.subplots(
        2, 1, figsize=(9, 4.6), height_ratios=[2, 1], sharex=True, layout="constrained"
    )
    ax = axes[0]
    trial, at = np.nonzero(session.spikes[order, :, neuron])
    middle = session.time + session.bin_size / 2
    ax.scatter(middle[at], trial + 0.5, s=6, marker="|", color="black", linewidths=0.8)
    for column, (name, color) in _EVENTS.items():
        if column in session.trials:
            seconds = session.trials[column].to_numpy()[order]
            ax.scatter(seconds, np.arange(len(order)) + 0.5, s=5, color=color, label=name)
    if ax.get_legend_handles_labels()[0]:
        figure.legend(loc="outside upper right", ncols=3, markerscale=3, frameon=False)
    if by is not None:
        _name_bands(ax, session, by, order)
    region = session.units["region"].iloc[neuron]
    ax.set(
        ylim=(session.n_trials, 0), ylabel=title,
        title=f"neuron {neuron} in {region}, {session.rates_hz[neuron]:.1f} Hz",
    )  # fmt: skip
    _draw_psth(axes[1], session, session.spikes[:, :, [neuron]], session.time, by, 0.03)
    axes[1].set(xlabel="time from stimulus onset (s)", ylabel="rate (Hz)")
    axes[1].set_xlim(session.time[0], session.time[-1] + session.bin_size)
    return axes


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

    Parameters
    ----------
    session : Session
    regions : str, optional
        A region or a group; all neurons without it.
    by : str, optional
        Column of `session.trials`: one line for each of its values.
    align : str, optional
        Column of event times that become time 0, such as "reaction_time"; the stimulus without it.
        Trials without the event, or in which the window is not recorded, are left out.
    window : (start, stop), optional
        Seconds from time 0; with the stimulus all that is recorded, with an event -0.4 to 0.6.
    smooth : float
        Standard deviation in seconds of the Gaussian that smooths over time; 0 for none.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Bands are 95 % intervals over trials.

    Raises
    ------
    ValueError
        If the session has no such region, column or event, or no trial is left.
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
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
    event = "stimulus onset" if align is None else _said(align)
    _draw_psth(ax, part, counts, time, by, smooth, trials)
    of = "all regions" if regions is None else regions
    ax.set(
        xlabel=f"time from {event} (s)", ylabel="rate (Hz a neuron)",
        title=f"{part.n_neurons} neurons of {of}, {len(trials)} trials",
    )  # fmt: skip
    return ax


def neuron_order(
    session: Session, by: str | None = "component", trials: np.ndarray | None = None
) -> np.ndarray:
    """Positions of the neurons sorted by region, and within it by the first principal component.

    The component is that of the neurons' mean time courses over the given trials, smoothed with
    30 ms and z-scored.

    Parameters
    ----------
    session : Session
    by : None, "region" or "component"
        None leaves the order of the file.
    trials : indices or mask, optional
        Trials that the component is found on.

    Returns
    -------
    array, (neurons,), int

    Raises
    ------
    ValueError
        For another `by`.
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


def population_raster(session: Session, trial: int, order: np.ndarray | None = None) -> Axes:
    """Spikes of all neurons in one trial.

    Parameters
    ----------
    session : Session
    trial : int
        Position of the trial, from 0.
    order : array, (neurons,), optional
        Positions of the neurons from top to bottom, as `neuron_order` gives them.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no such trial.
    """
    if not 0 <= trial < session.n_trials:
        raise ValueError(f"no trial {trial}; this session has 0 to {session.n_trials - 1}")
    order = np.arange(session.n_neurons) if order is None else np.asarray(order)
    figure, ax = plt.subplots(figsize=(9, 4.8), layout="constrained")
    colors = np.array([allen.color_of(name) for name in session.units["region"].iloc[order]])
    at, place = np.nonzero(session.spikes[trial][:, order])
    middle = session.time + session.bin_size / 2
    ax.scatter(middle[at], place + 0.5, s=4, marker="|", c=colors[place], linewidths=0.8)
    for column, (name, color) in _EVENTS.items():
        if column in session.trials:
            at = session.trials[column].iloc[trial]
            if session.time[0] <= at <= session.time[-1]:
                ax.axvline(at, color=color, linewidth=1.2, label=name)
    ax.axvline(0, color="black", linewidth=1.2, linestyle=":", label="stimulus")
    figure.legend(loc="outside upper right", ncols=4, frameon=False)
    _name_regions(ax, session, order)
    ax.set(
        xlim=(session.time[0], session.time[-1] + session.bin_size), ylim=(len(order), 0),
        xlabel="time from stimulus onset (s)", title=f"all {len(order)} neurons in trial {trial}",
    )  # fmt: skip
    return ax


def activity_map(
    session: Session,
    order: np.ndarray | None = None,
    trials: np.ndarray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Mean time course of every neuron over trials, z-scored, as a map of colours.

    Parameters
    ----------
    session : Session
    order : array, (neurons,), optional
        As `neuron_order` gives it.
    trials : indices or mask, optional
        Which trials are averaged.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    order = np.arange(session.n_neurons) if order is None else np.asarray(order)
    course = _z_scored_course(session, trials)[order]
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
    start, stop = session.time[0], session.time[-1] + session.bin_size
    image = ax.imshow(
        course, aspect="auto", cmap=plt.get_cmap("PuOr_r", 9), vmin=-2.5, vmax=2.5,
        interpolation="nearest", extent=(start, stop, len(order), 0),
    )  # fmt: skip
    ax.figure.colorbar(image, ax=ax, label="mean rate (z-score over time)")
    ax.axvline(0, color="black", linewidth=1, linestyle=":")
    _name_regions(ax, session, order)
    n_trials = session.n_trials if trials is None else session.select(trials=trials).n_trials
    ax.set(xlabel="time from stimulus onset (s)", title=f"{len(order)} neurons, {n_trials} trials")
    return ax


def similarity(
    matrices: Mapping[str, pd.DataFrame], thresholds: Mapping[str, float] | None = None
) -> np.ndarray:
    """Matrices of correlations between regions, side by side.

    Parameters
    ----------
    matrices : mapping of a name to a DataFrame, (regions, regions)
        Correlations.
    thresholds : mapping of the same names to float, optional
        Correlations no larger than this in size are left white: a shuffle gives as much.

    Returns
    -------
    array of Axes
    """
    figure, axes = plt.subplots(
        1, len(matrices), figsize=(9.5, 9.5 / max(len(matrices), 2) + 0.6), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    axes = axes[0]
    size = max(np.abs(_off_diagonal(matrix)).max(initial=0.1) for matrix in matrices.values())
    for ax, (name, matrix) in zip(axes, matrices.items(), strict=True):
        names = allen.in_order(matrix.columns)
        shown = matrix.loc[names, names].to_numpy(float).copy()
        np.fill_diagonal(shown, np.nan)
        title = name
        if thresholds is not None:
            shown[np.abs(shown) <= thresholds[name]] = np.nan
            title += f"\n(white: |r| up to {thresholds[name]:.2f})"
        image = ax.imshow(shown, cmap="PuOr_r", vmin=-size, vmax=size)
        ax.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], color="#BBBBBB", linewidth=1)
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=9)
        ax.set_yticks(range(len(names)), names if ax is axes[0] else [], fontsize=9)
        for label, region in zip(ax.get_xticklabels(), names, strict=True):
            label.set_color(allen.color_of(region))
        if ax is axes[0]:
            for label, region in zip(ax.get_yticklabels(), names, strict=True):
                label.set_color(allen.color_of(region))
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("region")
    axes[0].set_ylabel("region")
    figure.colorbar(image, ax=list(axes), label="correlation over trials", shrink=0.7)
    return axes


# ---------------------------------------------------------------------- parts of the figures


def _said(column: str) -> str:
    """A column's name as it is said in a label."""
    return _EVENTS[column][0] if column in _EVENTS else column.replace("_", " ")


def _trial_order(session: Session, by: str) -> np.ndarray:
    """Trials by a column and, within equal values, by the time of the movement if there is one."""
    keys = [session.trials[by].to_numpy()]
    if "reaction_time" in session.trials and by != "reaction_time":
        keys.insert(0, session.trials["reaction_time"].to_numpy())
    return np.lexsort(keys)


def _few_values(trials: pd.DataFrame, by: str | None) -> list[float]:
    values = [] if by is None else sorted(trials[by].dropna().unique())
    return values if len(values) <= 6 else []


def _style(by: str, value: float, values: list[float]) -> tuple[str, str]:
    """Name and colour of a line."""
    if by == "response" and value in RESPONSES:
        name, color, _ = RESPONSES[value]
        return name, color
    shade = 0.85 - 0.85 * values.index(value) / max(len(values) - 1, 1)
    return f"{value:g}", plt.get_cmap("viridis")(shade)


def _name_bands(ax: Axes, session: Session, by: str, order: np.ndarray) -> None:
    """Value of the sorting column beside the trials that have it."""
    values = _few_values(session.trials, by)
    column = session.trials[by].to_numpy()[order]
    for value in values:
        here = np.flatnonzero(column == value)
        name, color = _style(by, value, values)
        ax.plot(
            [1.005, 1.005], [here[0] + 1, here[-1]], color=color, linewidth=4, clip_on=False,
            transform=ax.get_yaxis_transform(), solid_capstyle="butt",
        )  # fmt: skip
        ax.text(
            1.015, here.mean(), name, va="center", color=color, transform=ax.get_yaxis_transform()
        )


def _draw_psth(
    ax: Axes,
    session: Session,
    counts: np.ndarray,
    time: np.ndarray,
    by: str | None,
    smooth: float,
    trials: pd.DataFrame | None = None,
) -> None:
    """Mean rate over trials with its 95 % interval, a line for each value of a column."""
    trials = session.trials if trials is None else trials
    rates = counts.mean(axis=2, dtype=float) / session.bin_size  # (trials, time)
    if smooth:
        rates = gaussian_filter1d(rates, smooth / session.bin_size, axis=1, mode="nearest")
    values = _few_values(trials, by)
    lines = [(None, np.ones(len(trials), bool))]
    if values:
        lines = [(value, (trials[by] == value).to_numpy()) for value in values]
    middle = time + session.bin_size / 2
    for value, here in lines:
        name, color = ("all trials", "black") if value is None else _style(by, value, values)
        mean = rates[here].mean(axis=0)
        error = (
            1.96 * rates[here].std(axis=0, ddof=1 if here.sum() > 1 else 0) / np.sqrt(here.sum())
        )
        ax.plot(middle, mean, color=color, label=f"{name} ({here.sum()} trials)")
        ax.fill_between(middle, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
    ax.axvline(0, color="black", linewidth=1, linestyle=":")
    if values:
        ax.legend(title=_said(by), frameon=False, fontsize=9, loc="upper left",
                  bbox_to_anchor=(1.0, 1.0))  # fmt: skip


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
    spread = course.std(axis=1, keepdims=True)
    # What never fires stays at zero.
    return np.divide(course, spread, out=np.zeros_like(course), where=spread > 0)


def _name_regions(ax: Axes, session: Session, order: np.ndarray) -> None:
    """Regions in their colours along the neurons; named where each lies in one piece."""
    region = session.units["region"].to_numpy()[order]
    starts = np.flatnonzero(np.r_[True, region[1:] != region[:-1]])
    stops = np.r_[starts[1:], len(region)]
    for start, stop in zip(starts, stops, strict=True):
        ax.plot(
            [-0.008, -0.008], [start, stop], color=allen.color_of(region[start]), linewidth=5,
            clip_on=False, transform=ax.get_yaxis_transform(), solid_capstyle="butt",
        )  # fmt: skip
    if len(starts) > len(set(region)):
        ax.set(yticks=[], ylabel="neuron (colour: group)")
        ax.yaxis.labelpad = 12
        return
    places, gap = (starts + stops) / 2, 0.036 * len(region)  # the height of a label
    for label in range(1, len(places)):
        places[label] = max(places[label], places[label - 1] + gap)
    for label in reversed(range(len(places))):
        limit = len(region) if label + 1 == len(places) else places[label + 1] - gap
        places[label] = min(places[label], limit)
    ax.set_yticks(places, region[starts], fontsize=9)
    ax.tick_params(axis="y", length=0, pad=9)
    for label, name in zip(ax.get_yticklabels(), region[starts], strict=True):
        label.set_color(allen.color_of(name))
    ax.set_ylabel("region")


def _off_diagonal(matrix: pd.DataFrame) -> np.ndarray:
    values = matrix.to_numpy(float)
    return values[~np.eye(len(values), dtype=bool)]
