"""Figures of latents: what they do, what they say of the truth, and what can be read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter1d

from nma_seq2seq.dataset import Dataset
from nma_seq2seq.latents import Alignment
from nma_seq2seq.plots.recording import RESPONSES, require
from nma_seq2seq.session import Session

# Paul Tol's bright colours; sets of features and fits, which regions and responses are not.
_SERIES = ("#222222", "#4477AA", "#EE6677", "#CCBB44", "#AA3377", "#66CCEE")
_MARKS = ("o", "s", "^", "D", "v", "P")
_GREY = "#8A8A8A"
_MOST_VALUES = 8  # of a column, that lines are drawn for


def latent_pair(
    latents: np.ndarray,
    session: Session,
    which: tuple[int, int] = (0, 1),
    *,
    trials: np.ndarray | None = None,
    n_single: int = 4,
) -> np.ndarray:
    """Two latents in single trials and on average, over time and one against the other.

    Parameters
    ----------
    latents : array, (trials, time, latents)
        Of all trials of the session.
    session : Session
        With the bins of the latents.
    which : (int, int)
        Positions of the two latents.
    trials : array of int, optional
        Positions of the trials that are shown; all by default.
    n_single : int
        So many of them are drawn one by one.

    Returns
    -------
    array of two Axes
    """
    trials = _trials(latents, session, trials)
    middle = session.time + session.bin_size / 2
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), width_ratios=[1.5, 1], layout="constrained")
    mean = latents[trials].mean(axis=0)
    single = latents[trials[:n_single]]
    for place, color in zip(which, _SERIES[1:], strict=False):
        axes[0].plot(middle, single[:, :, place].T, color=color, linewidth=0.7, alpha=0.4)
        axes[0].plot(middle, mean[:, place], color=color, linewidth=2.5, label=f"latent {place}")
    axes[0].axvline(0, color="black", linewidth=1, linestyle=":")
    axes[0].set(xlabel="time from stimulus (s)", ylabel="latent (arbitrary units)")
    shown = f" (thick), {len(single)} single ones (thin)" if n_single else ""
    axes[0].set_title(f"mean of {len(trials)} trials{shown}",
                      fontsize=10)  # fmt: skip
    axes[0].legend(frameon=False, fontsize=9, ncols=2, loc="upper left")
    axes[0].set_ylim(top=axes[0].get_ylim()[1] + 0.15 * np.ptp(axes[0].get_ylim()))
    axes[1].plot(*mean[:, which].T, color="black", linewidth=2.5)
    start = np.abs(session.time).argmin()
    axes[1].plot(*mean[start, which], "o", color="black", markersize=8, label="stimulus onset")
    axes[1].set(xlabel=f"latent {which[0]}", ylabel=f"latent {which[1]}")
    axes[1].set_title("their means, one against the other", fontsize=10)
    axes[1].legend(frameon=False, fontsize=9)
    return axes


def latent_grid(
    latents: np.ndarray, session: Session, by: str, *, trials: np.ndarray | None = None
) -> np.ndarray:
    """Every latent, averaged over the trials of each kind, with the 95 % interval of the mean.

    Parameters
    ----------
    latents : array, (trials, time, latents)
        Of all trials of the session. Each is shown in its own standard deviations, since its scale
        means nothing.
    session : Session
    by : str
        Column of `session.trials` with few values, such as "response" or "contrast_right".
    trials : array of int, optional
        Positions of the trials that are shown; all by default.

    Returns
    -------
    array of Axes, one a latent

    Raises
    ------
    ValueError
        If the session has no such column, or it has too many values to draw.
    """
    trials = _trials(latents, session, trials)
    kinds = _kinds(session, by, trials)
    z = (latents - latents[trials].mean(axis=(0, 1))) / latents[trials].std(axis=(0, 1))
    middle = session.time + session.bin_size / 2
    n_columns = min(5, latents.shape[2])
    n_rows = -(-latents.shape[2] // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(9, 0.9 + 1.25 * n_rows), sharex=True, sharey=True,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for place, ax in enumerate(axes.flat):
        if place >= latents.shape[2]:
            ax.set_visible(False)
            continue
        for name, color, here in kinds:
            mean = z[here, :, place].mean(axis=0)
            error = 1.96 * z[here, :, place].std(axis=0) / np.sqrt(len(here))
            ax.plot(middle, mean, color=color, linewidth=1.5, label=f"{name} ({len(here)} trials)")
            ax.fill_between(middle, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
        ax.axvline(0, color="black", linewidth=0.8, linestyle=":")
        ax.text(0.04, 0.96, f"latent {place}", transform=ax.transAxes, va="top", fontsize=9)
        ax.tick_params(labelsize=9)
    figure.supxlabel("time from stimulus (s)", fontsize=10)
    figure.supylabel("latent (standard deviations)", fontsize=10)
    _legend_above(figure, axes.flat[0], by)
    return axes.ravel()[: latents.shape[2]]


def trajectories(
    latents: np.ndarray,
    session: Session,
    by: str,
    *,
    trials: np.ndarray | None = None,
    views: Sequence[tuple[float, float]] = ((20, -60), (20, 30)),
) -> np.ndarray:
    """The average trial of each kind as a path through three dimensions of the latent space.

    The three are the directions in which the average trials vary most; a dot marks the stimulus,
    an arrow's end the last bin.

    Parameters
    ----------
    latents : array, (trials, time, latents), at least three latents
    session : Session
    by : str
        Column of `session.trials` with few values.
    trials : array of int, optional
    views : (elevation, azimuth) in degrees, one for each Axes

    Returns
    -------
    array of three-dimensional Axes, one a view
    """
    trials = _trials(latents, session, trials)
    kinds = _kinds(session, by, trials)
    paths = np.stack([latents[here].mean(axis=0) for _, _, here in kinds])  # (kinds, time, latents)
    centred = (paths - paths.mean(axis=(0, 1))).reshape(-1, latents.shape[2])
    _, size, directions = np.linalg.svd(centred, full_matrices=False)
    paths = (centred @ directions[:3].T).reshape(*paths.shape[:2], 3)
    start = np.abs(session.time).argmin()
    figure, axes = plt.subplots(
        1, len(views), figsize=(9, 4.2), subplot_kw={"projection": "3d"}, squeeze=False
    )
    for ax, (elevation, azimuth) in zip(axes[0], views, strict=True):
        for (name, color, here), path in zip(kinds, paths, strict=True):
            ax.plot(*path.T, color=color, linewidth=2, label=f"{name} ({len(here)} trials)")
            ax.plot(*path[start, :, None], "o", color=color, markersize=6)
            ax.plot(*path[-1, :, None], "x", color=color, markersize=7, markeredgewidth=2)
        ax.view_init(elevation, azimuth)
        ax.set(xlabel="direction 1", ylabel="direction 2", zlabel="direction 3")
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_ticklabels([])
            axis.labelpad = -10
        ax.set_box_aspect(None, zoom=1.05)
    share = (size[:3] ** 2).sum() / (size**2).sum()
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.06, top=0.92, wspace=0.05)
    _legend_above(figure, axes[0, 0], by, loc="upper center")
    figure.text(
        0.5, 0.02, f"dot: stimulus onset; cross: end. These three directions hold {share:.0%} of "
        "the variance of the average trials", ha="center", fontsize=9,
    )  # fmt: skip
    return axes[0]


def alignment(
    alignments: Mapping[str, Alignment], names: Sequence[str], *, bar: float | None = None
) -> Axes:
    """How much of each reference latent the latents explain, one bar for each alignment.

    Parameters
    ----------
    alignments : dict of name -> Alignment
        To one reference.
    names : sequence of str
        Of the reference's latents.
    bar : float, optional
        A level to compare with, drawn as a line.
    """
    figure, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
    width = 0.8 / len(alignments)
    for place, (name, found) in enumerate(alignments.items()):
        x = np.arange(len(names)) + (place - (len(alignments) - 1) / 2) * width
        ax.bar(x, np.maximum(found.r2, 0), 0.92 * width, color=_SERIES[place % 6], label=name)
    if bar is not None:
        ax.axhline(bar, color="black", linewidth=1, linestyle="--")
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(
        range(len(names)),
        names,
        fontsize=9,
        rotation=30,
        ha="right",
        rotation_mode="anchor",
    )
    ax.set(ylabel="R² on held-out trials", ylim=(0, 1))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(
        frameon=False, fontsize=9, ncols=min(4, len(alignments)), loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
    )  # fmt: skip
    return ax


def canonical_correlations(alignments: Mapping[str, Alignment]) -> Axes:
    """Canonical correlations of several alignments, from the closest shared direction on."""
    figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
    for place, (name, found) in enumerate(alignments.items()):
        values = found.canonical_correlations
        ax.plot(
            np.arange(1, len(values) + 1), values, marker=_MARKS[place % 6],
            color=_SERIES[place % 6], label=name,
        )  # fmt: skip
    ax.set(
        xlabel="shared direction, from the closest on", ylim=(0, 1.03),
        ylabel="canonical correlation\non held-out trials",
    )  # fmt: skip
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def aligned_latents(
    found: Alignment,
    reference: np.ndarray,
    session: Session,
    names: Sequence[str],
    *,
    n_trials: int = 4,
) -> np.ndarray:
    """Reference latents and the ones aligned to them, in single held-out trials.

    Parameters
    ----------
    found : Alignment
    reference : array, (trials, time, len(names))
        What was aligned to, of all trials of the session.
    session : Session
    names : sequence of str
        Of the reference's latents.
    n_trials : int
        How many of the held-out trials, evenly spread, are shown.

    Returns
    -------
    array of Axes, (names, trials)
    """
    shown = np.linspace(0, len(found.trials) - 1, n_trials).round().astype(int)
    middle = session.time + session.bin_size / 2
    figure, axes = plt.subplots(
        len(names), n_trials, figsize=(9, 1 + 1.2 * len(names)), sharex=True, sharey="row",
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for row, name in enumerate(names):
        for column, place in enumerate(shown):
            ax, trial = axes[row, column], found.trials[place]
            ax.plot(middle, reference[trial, :, row], color=_GREY, linewidth=3, label="true")
            ax.plot(
                middle, found.aligned[place, :, row], color=_SERIES[2], linewidth=1.5,
                label="from the spikes of other regions",
            )  # fmt: skip
            ax.axvline(0, color="black", linewidth=0.8, linestyle=":")
            ax.tick_params(labelsize=9)
            if row == 0:
                ax.set_title(f"test trial {trial}", fontsize=10)
        axes[row, 0].set_ylabel(name.replace(" ", "\n", 1), fontsize=9)
    figure.supxlabel("time from stimulus (s)", fontsize=10)
    _legend_above(figure, axes[0, 0])
    return axes


def denoised_neurons(
    data: Dataset,
    rates: np.ndarray,
    psth: np.ndarray,
    neurons: Sequence[int],
    *,
    n_trials: int = 4,
) -> np.ndarray:
    """A few neurons in single test trials: spikes, average training trial, denoised rate.

    Parameters
    ----------
    data : Dataset
    rates : array, (test trials, time, n_targets)
        Predicted counts per bin.
    psth : array, (time, n_targets)
        Average training trial, counts per bin.
    neurons : sequence of int
        Positions among the targets.
    n_trials : int
        So many test trials, evenly spread.

    Returns
    -------
    array of Axes, (neurons, trials)
    """
    session = data.session
    middle = session.time + data.bin_size / 2
    shown = np.linspace(0, len(data.test) - 1, n_trials).round().astype(int)
    figure, axes = plt.subplots(
        len(neurons), n_trials, figsize=(9.5, 1 + 1.5 * len(neurons)), sharex=True, sharey="row",
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for row, neuron in enumerate(neurons):
        for column, place in enumerate(shown):
            ax, trial = axes[row, column], data.test[place]
            counts = data.target[trial, :, neuron]
            ax.plot(middle, psth[:, neuron] / data.bin_size, color=_SERIES[1], linewidth=1.5,
                    linestyle="--", label="PSTH (average training trial)")  # fmt: skip
            if session.rates is not None:
                true = session.rates[trial, :, data.target_units[neuron]]
                ax.plot(
                    middle, true / data.bin_size, color="#BBBBBB", linewidth=3, label="true rate"
                )
            ax.plot(middle, rates[place, :, neuron] / data.bin_size, color=_SERIES[2],
                    linewidth=1.8, label="denoised rate")  # fmt: skip
            fired = np.repeat(middle, counts)
            ax.plot(fired, np.full(len(fired), -0.06), "|", color="black", markersize=7,
                    transform=ax.get_xaxis_transform(), clip_on=False, label="spikes")  # fmt: skip
            ax.axvline(0, color="black", linewidth=0.8, linestyle=":")
            ax.tick_params(labelsize=9)
            ax.tick_params(axis="x", pad=9)
            ax.spines[["top", "right"]].set_visible(False)
            if row == 0:
                ax.set_title(f"test trial {trial}", fontsize=10)
        axes[row, 0].set_ylabel(f"neuron {data.target_units[neuron]}\nrate (Hz)", fontsize=9)
        axes[row, 0].set_ylim(bottom=0)
    figure.supxlabel("time from stimulus (s)", fontsize=10)
    _legend_above(figure, axes[0, 0])
    return axes


def denoised_trial(
    data: Dataset, rates: np.ndarray, psth: np.ndarray, place: int = 0, *, smoothing: float = 2.0
) -> np.ndarray:
    """One test trial of all target neurons: its counts, the average trial, the denoised rates.

    Parameters
    ----------
    data : Dataset
    rates : array, (test trials, time, n_targets)
        Predicted counts per bin.
    psth : array, (time, n_targets)
        Average training trial, counts per bin.
    place : int
        Which of the test trials.
    smoothing : float
        Width of the Gaussian that the counts are smoothed with, bins.

    Returns
    -------
    array of three Axes
    """
    trial = data.test[place]
    counts = gaussian_filter1d(data.target[trial].astype(float), smoothing, axis=0, mode="nearest")
    order = np.argsort(psth.mean(axis=0))[::-1]
    panels = {
        f"counts, smoothed by {smoothing * data.bin_size * 1000:.0f} ms": counts,
        "PSTH (average training trial)": psth,
        "denoised rates": rates[place],
    }
    size = np.percentile(rates[place], 99.5) / data.bin_size
    stop = data.session.time[-1] + data.bin_size
    extent = (data.session.time[0], stop, data.n_targets - 0.5, -0.5)
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.8), sharey=True, layout="constrained")
    for ax, (title, values) in zip(axes, panels.items(), strict=True):
        image = ax.imshow(
            values[:, order].T / data.bin_size, aspect="auto", cmap="viridis", vmin=0, vmax=size,
            extent=extent, interpolation="nearest",
        )  # fmt: skip
        ax.axvline(0, color="white", linewidth=1, linestyle=":")
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("time from stimulus (s)")
    axes[0].set_ylabel(f"neurons of {data.target_name},\nbusiest first")
    figure.colorbar(image, ax=axes, label="rate (Hz)", pad=0.01)
    figure.suptitle(f"test trial {trial}", fontsize=11)
    return axes


def decoding(table: pd.DataFrame) -> Axes:
    """Balanced accuracy of each decoder on test trials, with its interval and chance.

    Parameters
    ----------
    table : DataFrame
        From `decode`.
    """
    variables = list(dict.fromkeys(table["variable"]))
    features = list(dict.fromkeys(table["features"]))
    figure, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
    width = 0.7 / len(features)
    for place, name in enumerate(features):
        rows = table[table["features"] == name]
        x = np.array([variables.index(variable) for variable in rows["variable"]], float)
        x += (place - (len(features) - 1) / 2) * width
        ax.bar(
            x, rows["chance_high"] - 0.5, 0.9 * width, bottom=0.5, color="#DDDDDD", zorder=0,
            label="chance: up to here 97.5 % of shuffles" if place == 0 else None,
        )  # fmt: skip
        ax.errorbar(
            x, rows["accuracy"], [rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]],
            fmt=_MARKS[place % 6], color=_SERIES[place % 6], markersize=7, linewidth=1.5,
            label=name,
        )  # fmt: skip
    ax.axhline(0.5, color="black", linewidth=1)
    lowest = min(0.45, (table["low"].min()) - 0.02)
    ax.set(ylabel="balanced accuracy\non test trials", ylim=(max(0, lowest), 1.02))
    n_test = [table.loc[table["variable"] == v, "n_test"].iloc[0] for v in variables]
    ax.set_xticks(
        range(len(variables)),
        [f"{v}\n({n} test trials)" for v, n in zip(variables, n_test, strict=True)],
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


# ---------------------------------------------------------------------- parts of the figures


def _trials(latents: np.ndarray, session: Session, trials: np.ndarray | None) -> np.ndarray:
    """Positions of the trials to show; latents must be those of the session."""
    if latents.shape[:2] != (session.n_trials, session.n_bins):
        raise ValueError(
            f"latents {latents.shape} are not of the session's {session.n_trials} trials and "
            f"{session.n_bins} bins; take data.session and the latents of all of data.source"
        )
    return np.arange(session.n_trials) if trials is None else np.asarray(trials)


def _kinds(
    session: Session, by: str, trials: np.ndarray
) -> list[tuple[str, str | tuple, np.ndarray]]:
    """Name, colour and trial positions of each value of a column."""
    require(session, (by,))
    column = session.trials[by].to_numpy(float)[trials]
    values = np.unique(column[~np.isnan(column)])
    if len(values) > _MOST_VALUES:
        raise ValueError(
            f"{by!r} has {len(values)} values, too many to draw; choose a column with at most "
            f"{_MOST_VALUES}, such as 'response' or 'contrast_right'"
        )
    kinds = []
    for place, value in enumerate(values):
        if by == "response" and value in RESPONSES:
            name, color, _ = RESPONSES[value]
        else:
            name = f"{value:g}"
            color = plt.get_cmap("viridis")(0.85 - 0.85 * place / max(len(values) - 1, 1))
        kinds.append((name, color, trials[column == value]))
    return kinds


def _legend_above(figure: Figure, ax: Axes, by: str = "", loc: str = "outside upper center"):
    """One legend for the whole figure; every name once."""
    handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        handles.values(), handles.keys(), title=by.replace("_", " "), ncols=4, frameon=False,
        fontsize=9, loc=loc,
    )  # fmt: skip
