"""Figures of latents: what they do, what they say of the truth, and what can be read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from scipy.ndimage import gaussian_filter1d

from nma_seq2seq.dataset import Dataset
from nma_seq2seq.plots.style import (
    BESIDE,
    GREY,
    MARKS,
    MODELS,
    SHORT_TIME,
    TIME,
    Many,
    Options,
    described,
    integer_ticks,
    kinds,
    legend_above,
    mark_stimulus,
    mean_band,
    model_colors,
    panel,
    panels,
    require,
    styled,
    time_map,
    trial_panels,
    words,
)
from nma_seq2seq.session import Session

if TYPE_CHECKING:  # scikit-learn is slow to import, and no figure needs it
    from nma_seq2seq.latents import Alignment

_PAIR = ("#4477AA", "#EE6677")


@styled
def latent_pair(
    latents: np.ndarray,
    session: Session,
    which: tuple[int, int] = (0, 1),
    *,
    trials: np.ndarray | None = None,
    n_single: int = 4,
    axes: Many = None,
) -> np.ndarray:
    """Two latents in single trials and on average, over time and one against the other.

    Parameters
    ----------
    latents : array, (trials, time, latents)
        Of all trials of the session, with its bins.
    which : (int, int)
        Positions of the two latents.
    trials : array of int, optional
        Positions of the trials that are shown; all by default.
    n_single : int
        So many of them are drawn one by one.
    """
    trials = _trials(latents, session, trials)
    middle = session.time + session.bin_size / 2
    axes = panels(axes, (1, 2), (9.5, 3.8), width_ratios=[1.4, 1])
    mean, single = latents[trials].mean(axis=0), latents[trials[:n_single]]
    over_time, plane = axes
    for place, color in zip(which, _PAIR, strict=True):
        over_time.plot(middle, single[:, :, place].T, color=color, linewidth=0.7, alpha=0.4)
        over_time.plot(middle, mean[:, place], color=color, linewidth=2.5, label=f"latent {place}")
    mark_stimulus([over_time])
    over_time.set(xlabel=TIME, ylabel="latent (a.u.)")
    shown = f" (thick), {len(single)} single ones (thin)" if n_single else ""
    over_time.set_title(f"mean of {len(trials)} trials{shown}")
    over_time.legend(ncols=2, loc="upper right")
    over_time.set_ylim(top=over_time.get_ylim()[1] + 0.15 * np.ptp(over_time.get_ylim()))
    path = _path(mean[:, which], session)
    steps = np.stack([path[:-1], path[1:]], axis=1)  # (steps, 2 ends, 2 latents)
    line = LineCollection(list(steps), cmap="viridis", array=middle[1:], linewidths=2.5)
    plane.add_collection(line)
    plane.autoscale_view()
    for place, mark, name in _marks(session):
        look: Options = {"color": "white", "markeredgecolor": "black", "markersize": 8}
        plane.plot(*path[place], mark, label=name, **look)
    plane.set(xlabel=f"latent {which[0]} (a.u.)", ylabel=f"latent {which[1]} (a.u.)")
    plane.set_title("their means, smoothed by 50 ms")
    plane.legend(ncols=3, loc="lower center", columnspacing=1, handletextpad=0.1)
    plane.set_ylim(bottom=plane.get_ylim()[0] - 0.18 * np.ptp(plane.get_ylim()))
    plane.figure.colorbar(line, ax=plane, label=SHORT_TIME)
    return described(
        axes,
        f"Left, latents {which[0]} and {which[1]} over time, the mean of {len(trials)} trials"
        f"{' and single ones scattered around it' if n_single else ''}. Right, one mean against "
        "the other as a path coloured by time, with marks at its first bin, stimulus and end.",
    )


@styled
def latent_grid(
    latents: np.ndarray,
    session: Session,
    by: str,
    *,
    trials: np.ndarray | None = None,
    axes: Many = None,
) -> np.ndarray:
    """Every latent, averaged over the trials of each kind, with the 95 % interval of the mean.

    Parameters
    ----------
    latents : array, (trials, time, latents)
        Of all trials of the session. Each is shown in its own standard deviations, since its scale
        means nothing.
    by : str
        Column of `session.trials` with few values, such as "response" or "contrast_right".
    trials : array of int, optional
        Positions of the trials that are shown; all by default.
    """
    trials = _trials(latents, session, trials)
    require(session, (by,))
    groups = kinds(session.trials.iloc[trials], by)
    z = (latents - latents[trials].mean(axis=(0, 1))) / latents[trials].std(axis=(0, 1))
    middle = session.time + session.bin_size / 2
    n = latents.shape[2]
    if own := axes is None:
        shape = (-(-n // 5), min(5, n))
        size = (9.5, 0.9 + 1.3 * shape[0])
        axes, spare = np.split(panels(None, shape, size, sharex=True, sharey=True), [n])
        for ax in spare:
            ax.remove()
        axes[0].figure.supxlabel(TIME, fontsize=10)
        axes[0].figure.supylabel("latent (standard deviations)", fontsize=10)
    axes = panels(axes, (1, n), (9.5, 2))
    for place, ax in enumerate(axes):
        for name, color, here in groups:
            mean_band(ax, middle, z[trials[here], :, place], color, name)
        ax.text(0.04, 0.97, f"latent {place}", transform=ax.transAxes, va="top")
        if not own:
            ax.set(xlabel=TIME, ylabel="latent (s.d.)")
    mark_stimulus(axes)
    legend_above(axes, words(by))
    names = ", ".join(f"{name} ({len(here)} trials)" for name, _, here in groups)
    return described(
        axes,
        f"{n} small panels, one a latent: its mean over time with a 95 % band, a line for each "
        f"{words(by)}: {names}.",
    )


@styled
def trajectories(
    latents: np.ndarray,
    session: Session,
    by: str,
    *,
    trials: np.ndarray | None = None,
    views: Sequence[tuple[float, float]] = ((20, -60), (20, 30)),
    axes: Many = None,
) -> np.ndarray:
    """The average trial of each kind as a path through three dimensions of the latent space.

    The three are the directions in which the average trials vary most. A square marks the first
    bin, a dot the stimulus, a cross the last bin; paths are smoothed by 50 ms.

    Parameters
    ----------
    latents : array, (trials, time, latents), at least three latents
    by : str
        Column of `session.trials` with few values.
    trials : array of int, optional
        Positions of the trials that are shown; all by default.
    views : (elevation, azimuth) in degrees
        One for each Axes, which must be three-dimensional.
    """
    trials = _trials(latents, session, trials)
    require(session, (by,))
    groups = kinds(session.trials.iloc[trials], by)
    means = np.stack([latents[trials[here]].mean(axis=0) for _, _, here in groups])
    centred = (means - means.mean(axis=(0, 1))).reshape(-1, latents.shape[2])
    _, size, directions = np.linalg.svd(centred, full_matrices=False)
    paths = (centred @ directions[:3].T).reshape(*means.shape[:2], 3)  # (kinds, time, 3)
    if own := axes is None:
        options: Options = {"subplot_kw": {"projection": "3d"}, "layout": "none"}
        axes = panels(None, (1, len(views)), (9.5, 5.2), **options)
        axes[0].figure.subplots_adjust(left=0, right=0.97, bottom=0.02, top=0.86, wspace=0)
    axes = panels(axes, (1, len(views)), (9.5, 5.2))
    for ax, (elevation, azimuth) in zip(axes, views, strict=True):
        for (name, color, here), mean in zip(groups, paths, strict=True):
            path = _path(mean, session)
            ax.plot(*path.T, color=color, linewidth=2, label=f"{name} ({len(here)} trials)")
            look: Options = {"color": color, "markeredgecolor": "white", "markersize": 10}
            for place, mark, _ in _marks(session):
                ax.plot(*path[place, :, None], mark, zorder=5, **look)
        for _, mark, name in _marks(session):
            ax.plot([], [], [], mark, color=GREY, label=name)
        ax.view_init(elevation, azimuth)
        ax.set(xlabel="direction 1", ylabel="direction 2", zlabel="direction 3")
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.set_ticklabels([])
            axis.labelpad = -10
        ax.set_box_aspect(None, zoom=0.98)
    share = (size[:3] ** 2).sum() / (size**2).sum()
    text = f"these three directions hold {share:.0%} of the variance of the average trials (a.u.)"
    if own:
        lines = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(*lines, title=words(by), ncols=3, loc="upper center")
        axes[0].figure.text(0.5, 0.01, text, ha="center")
    else:
        axes[0].legend()
    return described(
        axes,
        f"The average trial of each {words(by)} ({', '.join(name for name, _, _ in groups)}) as a "
        f"path through three dimensions, seen from {len(views)} sides; {text}.",
    )


@styled
def alignment(
    alignments: Mapping[str, Alignment],
    names: Sequence[str],
    *,
    bar: float | None = None,
    ax: Axes | None = None,
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
    import seaborn as sns

    table = pd.DataFrame({name: found.r2 for name, found in alignments.items()}, index=list(names))
    ax = panel(ax, (9, 3.4))
    long = table.clip(lower=0).melt(ignore_index=False, var_name="from", value_name="r2")
    colors = model_colors(alignments)
    sns.barplot(long, x=long.index, y="r2", hue="from", palette=colors, saturation=1, ax=ax)
    if bar is not None:
        ax.axhline(bar, color="black", linewidth=1, linestyle="--")
    ax.set(xlabel="", ylabel="R² on held-out trials", ylim=(0, 1))
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    ax.legend(ncols=min(4, len(alignments)), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    said = "; ".join(f"{name}: {', '.join(f'{v:.2f}' for v in table[name])}" for name in table)
    return described(ax, f"R² on held-out trials of {', '.join(names)}. {said}.")


@styled
def canonical_correlations(alignments: Mapping[str, Alignment], ax: Axes | None = None) -> Axes:
    """Canonical correlations of several alignments, from the closest shared direction on."""
    ax = panel(ax, (8.5, 3.4))
    # A pair of models is no model: these colours say only which curve is which.
    colors = ("#222222", "#117733", "#B5651D", "#66CCEE", "#332288", "#882255")
    said = []
    for place, (name, found) in enumerate(alignments.items()):
        values = found.canonical_correlations
        look: Options = {"marker": MARKS[place % 6], "color": colors[place % 6], "label": name}
        ax.plot(np.arange(1, len(values) + 1), values, **look)
        said.append(f"{name}: {values[0]:.2f} falling to {values[-1]:.2f}")
    ax.set(xlabel="shared direction, from the closest on", ylim=(0, 1.03))
    ax.set_ylabel("canonical correlation\non held-out trials")
    integer_ticks(ax.xaxis)
    ax.legend(**BESIDE)
    return described(
        ax, f"Canonical correlations on held-out trials by direction. {'; '.join(said)}."
    )


@styled
def agreement(table: pd.DataFrame, axes: Many = None) -> np.ndarray:
    """How far two networks agree that differ in their random start alone, a panel a session.

    R² of what the one's read-out uses by the other's latents over the epochs of training, lighter
    with fewer trials. A diamond is the network with linear latents.

    Parameters
    ----------
    table : DataFrame
        `nma.measured_scores("agreement")`.
    axes : as many Axes as there are sessions, optional
        Where to draw; returned.
    """
    sessions = list(dict.fromkeys(table["session"]))
    axes = panels(axes, (1, len(sessions)), (9.5, 3.6), sharey=True)
    said = []
    for ax, session in zip(axes, sessions, strict=True):
        here = table[table["session"] == session]
        sizes = sorted(here["n_train"].unique())
        shades = mpl.colormaps["viridis"](np.linspace(0.75, 0.15, len(sizes)))
        drawn = []
        for n_train, color in zip(sizes, shades, strict=True):
            some = here[here["n_train"] == n_train]
            lstm = some[(some["model"] == "LSTM") & (some["epochs"] != "best")]
            linear = some[some["model"] == "linear"]["used_r2"]
            epochs = lstm["epochs"].astype(int)
            look: Options = {"color": color, "linewidth": 1.8}
            drawn += ax.plot(epochs, lstm["used_r2"], "o-", **look)
            ax.plot([1.3 * epochs.max()] * len(linear), linear, "D", color=color, markersize=7)
            said.append(
                f"{session}, {n_train} trials: {lstm['used_r2'].iloc[0]:.2f} after "
                f"{epochs.iloc[0]} epochs, {lstm['used_r2'].iloc[-1]:.2f} after {epochs.iloc[-1]}"
            )
        ax.set_xscale("log")
        ticks = sorted(here.loc[here["epochs"] != "best", "epochs"].astype(int).unique())
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.minorticks_off()
        ax.set(xlabel="epochs of training", title=session.replace("_", " "), ylim=(0, 1))
        names = [f"{n_train} trials" for n_train in sizes]
        ax.add_artist(ax.legend(drawn, names, loc="lower right"))
    axes[0].set_ylabel("what the read-out uses: R² between\ntwo seeds, on test trials")
    named = {"two LSTMs": "o-", "two networks with linear latents": "D"}
    for name, style in named.items():
        axes[-1].plot([], [], style, color=GREY, label=name)
    legend_above(axes)
    return described(
        axes,
        "R² on test trials between what the read-outs of two LSTMs use that differ in their random "
        f"start alone, over the epochs of training. {'; '.join(said)}.",
    )


@styled
def aligned_latents(
    found: Alignment,
    reference: np.ndarray,
    session: Session,
    names: Sequence[str],
    *,
    n_trials: int = 4,
    axes: Many = None,
) -> np.ndarray:
    """Reference latents and the ones aligned to them, in single held-out trials, evenly spread.

    Parameters
    ----------
    found : Alignment
    reference : array, (trials, time, len(names))
        What was aligned to, of all trials of the session.
    names : sequence of str
        Of the reference's latents.
    """
    shown = _spread(found.trials, n_trials)
    middle = session.time + session.bin_size / 2
    axes = trial_panels(axes, len(names), found.trials[shown])
    for row, name in enumerate(names):
        for ax, place in zip(axes[row], shown, strict=True):
            true, aligned = reference[found.trials[place], :, row], found.aligned[place, :, row]
            ax.plot(middle, true, color="#BBBBBB", linewidth=3, label="true")
            label = "from the spikes of other regions"
            ax.plot(middle, aligned, color=MODELS["latents"], label=label)
        axes[row, 0].set_ylabel(f"{name}\n(a.u.)".replace(" ", "\n", name.count(" ")))
    mark_stimulus(axes.flat)
    legend_above(axes)
    r2 = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, found.r2, strict=True))
    return described(
        axes,
        f"True and recovered latents over time in {n_trials} test trials, a row a latent. "
        f"R² over all held-out trials: {r2}.",
    )


@styled
def denoised_neurons(
    data: Dataset,
    rates: np.ndarray,
    psth: np.ndarray,
    neurons: Sequence[int],
    *,
    n_trials: int = 4,
    axes: Many = None,
) -> np.ndarray:
    """A few neurons in single test trials, evenly spread: spikes, average trial, denoised rate.

    Parameters
    ----------
    rates : array, (test trials, time, n_targets)
        Predicted counts per bin.
    psth : array, (time, n_targets)
        Average training trial, counts per bin.
    neurons : sequence of int
        Positions among the targets.
    """
    middle = data.session.time + data.bin_size / 2
    shown = _spread(data.test, n_trials)
    axes = trial_panels(axes, len(neurons), data.test[shown])
    for row, neuron in enumerate(neurons):
        unit = data.target_units[neuron]
        for ax, place in zip(axes[row], shown, strict=True):
            trial = data.test[place]
            if data.session.rates is not None:
                true = data.session.rates[trial, :, unit] / data.bin_size
                ax.plot(middle, true, color="#BBBBBB", linewidth=3, label="true rate")
            average, predicted = psth[:, neuron] / data.bin_size, rates[place, :, neuron]
            look: Options = {"color": MODELS["psth"], "label": "PSTH (average training trial)"}
            ax.plot(middle, average, "--", linewidth=1.5, **look)
            look = {"color": MODELS["denoised"], "label": "denoised rate"}
            ax.plot(middle, predicted / data.bin_size, linewidth=1.8, **look)
            fired = np.repeat(middle, data.target[trial, :, neuron])
            look = {"color": "black", "markersize": 7, "clip_on": False, "label": "spikes"}
            below = ax.get_xaxis_transform()
            (line,) = ax.plot(fired, np.full(len(fired), -0.06), "|", transform=below, **look)
            line.set_in_layout(False)  # where no spike is, the layout takes it to be at the corner
            ax.tick_params(axis="x", pad=9)
        axes[row, 0].set_ylabel(f"neuron {unit}\nrate (Hz)")
        axes[row, 0].set_ylim(bottom=0)
    mark_stimulus(axes.flat)
    legend_above(axes)
    return described(
        axes,
        f"Spikes, the average training trial and the denoised rate of {len(neurons)} neurons in "
        f"{n_trials} test trials: the average is the same in each, the denoised rate is not.",
    )


@styled
def denoised_trial(
    data: Dataset,
    rates: np.ndarray,
    psth: np.ndarray,
    place: int = 0,
    *,
    smoothing: float = 2.0,
    axes: Many = None,
) -> np.ndarray:
    """One test trial of all target neurons: its counts, the average trial, the denoised rates.

    Parameters
    ----------
    rates : array, (test trials, time, n_targets)
        Predicted counts per bin.
    psth : array, (time, n_targets)
        Average training trial, counts per bin.
    place : int
        Which of the test trials.
    smoothing : float
        Width of the Gaussian that the counts are smoothed with, bins.
    """
    trial = data.test[place]
    counts = gaussian_filter1d(data.target[trial].astype(float), smoothing, axis=0, mode="nearest")
    order = np.argsort(psth.mean(axis=0))[::-1]
    shown = {
        f"counts, smoothed by {smoothing * data.bin_size * 1000:.0f} ms": counts,
        "PSTH (average training trial)": psth,
        "denoised rates": rates[place],
    }
    top = np.percentile(rates[place], 99.5) / data.bin_size
    axes = panels(axes, (1, 3), (9.5, 3.8), sharey=True)
    for ax, (title, values) in zip(axes, shown.items(), strict=True):
        hz = values[:, order].T / data.bin_size
        image = time_map(ax, hz, data.session.time[0], data.bin_size, vmin=0, vmax=top)
        ax.set(title=title, xlabel=SHORT_TIME)
    mark_stimulus(axes, "white")
    axes[0].set_ylabel(f"test trial {trial}: neurons of\n{data.target_name}, busiest first")
    axes[0].figure.colorbar(image, ax=list(axes), label="rate (Hz)", pad=0.01)
    return described(
        axes,
        f"Three maps of colours of {data.n_targets} neurons over time: the smoothed counts of test "
        f"trial {trial}, the average training trial, and the denoised rates of the same trial.",
    )


@styled
def decoding(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Balanced accuracy of each decoder on test trials, with its interval and chance.

    The table is that of `nma.decode`.
    """
    variables, features = (list(dict.fromkeys(table[c])) for c in ("variable", "features"))
    ax = panel(ax, (9, 3.8))
    width = 0.7 / len(features)
    for place, (name, color) in enumerate(model_colors(features).items()):
        rows = table[table["features"] == name]
        x = rows["variable"].map(variables.index) + (place - (len(features) - 1) / 2) * width
        label = "chance: up to here 97.5 % of shuffles" if place == 0 else None
        chance: Options = {"color": "#DDDDDD", "zorder": 0, "label": label, "bottom": 0.5}
        ax.bar(x, rows["chance_high"] - 0.5, 0.9 * width, **chance)
        bars = [rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]]
        look: Options = {"fmt": MARKS[place % 6], "color": color, "markersize": 7, "label": name}
        ax.errorbar(x, rows["accuracy"], bars, **look)
    ax.axhline(0.5, color="black", linewidth=1)
    lowest = min(0.45, table["low"].min() - 0.02)
    ax.set(ylabel="balanced accuracy\non test trials", ylim=(max(0, lowest), 1.02))
    n_test = table.groupby("variable")["n_test"].first()
    labels = [f"{name}\n({n_test[name]} test trials)" for name in variables]
    ax.set_xticks(range(len(variables)), labels)
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    said = "; ".join(
        f"{variable}: "
        + ", ".join(f"{row.features} {row.accuracy:.2f}" for row in rows.itertuples())
        for variable, rows in table.groupby("variable", sort=False)
    )
    return described(ax, f"Balanced accuracy of decoders on test trials, 0.5 is chance. {said}.")


def _trials(latents: np.ndarray, session: Session, trials: np.ndarray | None) -> np.ndarray:
    """Positions of the trials to show; latents must be those of the session."""
    if latents.shape[:2] != (session.n_trials, session.n_bins):
        raise ValueError(
            f"latents {latents.shape} are not of the session's {session.n_trials} trials and "
            f"{session.n_bins} bins; take data.session and the latents of all of data.source"
        )
    return np.arange(session.n_trials) if trials is None else np.asarray(trials)


def _spread(trials: np.ndarray, n: int) -> np.ndarray:
    """Positions of n trials, evenly spread over all."""
    return np.linspace(0, len(trials) - 1, n).round().astype(int)


def _path(mean: np.ndarray, session: Session) -> np.ndarray:
    """Smoothed for the eye by 50 ms: bins jitter, and a line through them is a scribble."""
    return gaussian_filter1d(mean, 0.05 / session.bin_size, axis=0, mode="nearest")


def _marks(session: Session) -> tuple[tuple[int, str, str], ...]:
    """Bin, marker and name of what is marked on a path."""
    start = int(np.abs(session.time).argmin())
    return (0, "s", "first bin"), (start, "o", "stimulus"), (-1, "X", "last bin")
