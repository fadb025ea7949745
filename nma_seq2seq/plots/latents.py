"""Figures of latents: what they do, what they say of the truth, and what can be read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from nma_seq2seq.arguments import positions, whole
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import Many, Options, described, styled
from nma_seq2seq.session import Session
from nma_seq2seq.smoothing import smooth

if TYPE_CHECKING:  # scikit-learn is slow to import, and no figure needs it
    from nma_seq2seq.latents import Alignment

_PAIR = ("#4477AA", "#EE6677")
_VIEWS = ((20, -60), (20, 30))  # elevation and azimuth, degrees
# A pair of models is no model: these colours say only which curve is which.
_CURVES = ("#222222", "#117733", "#B5651D", "#66CCEE", "#332288", "#882255")


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
    trials : positions, mask or labels, optional
        Of the trials that are shown; all by default.
    n_single : int
        So many of them are drawn one by one.
    """
    trials = _trials(latents, session, trials)
    axes = style.panels(axes, (1, 2), (9.5, 3.8), width_ratios=[1.4, 1])
    mean, single = latents[trials].mean(axis=0), latents[trials[:n_single]]
    over_time, plane = axes
    time = style.middles(session)
    for place, color, dashes in zip(which, _PAIR, style.DASHES, strict=False):
        over_time.plot(time, single[:, :, place].T, color=color, linewidth=0.7, alpha=0.4)
        look: Options = {"color": color, "linewidth": 2.5, "label": f"latent {place}"}
        over_time.plot(time, mean[:, place], dashes, **look)
    style.over_time([over_time], session)
    shown = f" (thick), {len(single)} single ones (thin)" if n_single else ""
    over_time.set(ylabel="latent (a.u.)", title=f"mean of {len(trials)} trials{shown}")
    path = _smoothed(mean[:, which], session)
    plane.plot(*path.T, color=style.PALE, linewidth=1, zorder=1)
    dots = plane.scatter(*path.T, 14, time, cmap="viridis")
    look = {"color": "white", "markeredgecolor": "black", "markersize": 8}
    for place, mark, name in _marks(session):
        plane.plot(*path[place], mark, label=name, **look)
    plane.set(xlabel=f"latent {which[0]} (a.u.)", ylabel=f"latent {which[1]} (a.u.)")
    plane.set_title("their means, smoothed by 50 ms")
    style.legend_above(axes, ncols=5)
    label = f"time from {style.zero_of(session)} (s)"
    plane.figure.colorbar(dots, ax=plane, label=label)
    return described(
        axes,
        f"Left, latents {which[0]} and {which[1]} over time, the mean of {len(trials)} trials"
        f"{' and single ones scattered around it' if n_single else ''}. Right, one mean against "
        "the other as a path coloured by time, with marks at its first bin, time 0 and end.",
    )


@styled
def latent_grid(
    latents: np.ndarray,
    session: Session,
    by: str | None = None,
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
    by : str, optional
        Column of `session.trials` with few values, such as "response" or "contrast_right": a line
        for each of them.
    trials : positions, mask or labels, optional
        Of the trials that are shown; all by default.
    """
    trials = _trials(latents, session, trials)
    groups = style.kinds(session, by, trials)
    deviation = latents[trials].std(axis=(0, 1))
    z = (latents - latents[trials].mean(axis=(0, 1))) / np.where(deviation > 0, deviation, 1)
    own, n = axes is None, latents.shape[2]
    shape = (-(-n // 5), min(5, n))
    size = (9.5, 1.1 + 1.3 * shape[0])
    axes = style.panels(axes, shape, size, n, sharex=True, sharey=True)
    for place, ax in enumerate(axes):
        for kind in groups:
            style.mean_band(ax, session, z[:, :, place], kind)
        ax.text(0.04, 0.97, f"latent {place}", transform=ax.transAxes, va="top")
        ax.set_ylabel("latent (s.d.)")
    style.over_time(axes, session, short=True)
    for ax in axes if own else ():
        ax.label_outer()
    style.legend_above(axes, style.words(by or ""))
    names = ", ".join(f"{kind.name} ({len(kind.trials)} trials)" for kind in groups)
    return described(
        axes,
        f"{n} small panels, one a latent: its mean over time, in standard deviations, with a 95 % "
        f"band: {f'a line for each {style.words(by)}, ' if by else ''}{names}.",
    )


@styled
def trajectories(
    latents: np.ndarray,
    session: Session,
    by: str | None = None,
    *,
    trials: np.ndarray | None = None,
    axes: Many = None,
) -> np.ndarray:
    """The average trial of each kind as a path through three dimensions of the latent space.

    The three are the directions in which the average trials vary most, each with its share of their
    variance, seen from two sides (two Axes, which must be three-dimensional). A square marks the
    first bin, a dot time 0, a cross the last bin; paths are smoothed by 50 ms.

    Parameters
    ----------
    latents : array, (trials, time, latents), at least three latents
    by : str, optional
        Column of `session.trials` with few values: a path for each of them.
    trials : positions, mask or labels, optional
        Of the trials that are shown; all by default.
    """
    groups = style.kinds(session, by, _trials(latents, session, trials))
    means = np.stack([latents[kind.trials].mean(axis=0) for kind in groups])
    centred = (means - means.mean(axis=(0, 1))).reshape(-1, latents.shape[2])
    if min(centred.shape) < 3:
        raise ValueError(
            f"there are {len(centred)} bins in the average trials and {latents.shape[2]} latents; "
            "a path through three dimensions needs three of each"
        )
    _, size, directions = np.linalg.svd(centred, full_matrices=False)
    paths = (centred @ directions[:3].T).reshape(*means.shape[:2], 3)  # (kinds, time, 3)
    shares = size**2 / (size**2).sum()
    axes = style.panels(axes, (1, 2), (9.5, 5.2), subplot_kw={"projection": "3d"})
    if any(ax.name != "3d" for ax in axes):
        raise ValueError("a path needs axes in 3-D: subplots(subplot_kw={'projection': '3d'})")
    for ax, (elevation, azimuth) in zip(axes, _VIEWS, strict=True):
        for (name, here, color, dashes), mean in zip(groups, paths, strict=True):
            path, label = _smoothed(mean, session), f"{name} ({len(here)} trials)"
            ax.plot(*path.T, dashes, color=color, linewidth=2, label=label)
            look: Options = {"color": color, "markeredgecolor": "white", "markersize": 10}
            for place, mark, _ in _marks(session):
                ax.plot(*path[place, :, None], mark, zorder=5, **look)
        for _, mark, name in _marks(session):
            ax.plot([], [], [], mark, color=style.GREY, label=name)
        ax.view_init(elevation, azimuth)
        for place, axis in enumerate((ax.xaxis, ax.yaxis, ax.zaxis)):
            axis.set_label_text(f"direction {place + 1} ({shares[place]:.0%})")
            axis.set_ticklabels([])
            axis.labelpad = -10
        ax.set_box_aspect(None, zoom=0.98)
    style.legend_above(axes, style.words(by or ""), ncols=3)
    of = f" of each {style.words(by)} ({', '.join(kind.name for kind in groups)})" if by else ""
    return described(
        axes,
        f"The average trial{of} as a path through three dimensions, which hold "
        f"{shares[:3].sum():.0%} of its variance, seen from two sides.",
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

    style.require_some(alignments, "alignment")
    table = pd.DataFrame({name: found.r2 for name, found in alignments.items()}, index=list(names))
    ax = style.panel(ax, (9, 3.4))
    long = table.clip(lower=0).melt(ignore_index=False, var_name="from", value_name="r2")
    look: Options = {"palette": style.model_colors(alignments), "saturation": 1}
    sns.barplot(long, x=long.index, y="r2", hue="from", ax=ax, **look)
    ax.legend_ = None  # which stands above
    if bar is not None:
        ax.axhline(bar, color="black", linewidth=1, linestyle="--")
    ax.set(xlabel="", ylabel="R² on held-out trials", ylim=(0, 1))
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    style.legend_above(ax)
    said = "; ".join(f"{name}: {style.listed(column)}" for name, column in table.items())
    return described(ax, f"R² on held-out trials. {said}.")


@styled
def canonical_correlations(alignments: Mapping[str, Alignment], ax: Axes | None = None) -> Axes:
    """Canonical correlations of several alignments, from the closest shared direction on."""
    style.require_some(alignments, "alignment")
    ax = style.panel(ax, (8.5, 3.4))
    said = []
    for place, (name, found) in enumerate(alignments.items()):
        values = found.canonical_correlations
        look: Options = {"marker": style.MARKS[place % 6], "color": _CURVES[place % 6]}
        ax.plot(np.arange(1, len(values) + 1), values, label=name, **look)
        said.append(f"{name}: {values[0]:.2f} falling to {values[-1]:.2f}")
    ax.set(xlabel="shared direction, from the closest on", ylim=(0, 1.03))
    ax.set_ylabel("canonical correlation\non held-out trials")
    ax.locator_params(axis="x", integer=True)
    ax.legend(**style.BESIDE)
    return described(
        ax, f"Canonical correlations on held-out trials by direction. {'; '.join(said)}."
    )


@styled
def agreement(table: pd.DataFrame, axes: Many = None) -> np.ndarray:
    """How far two networks agree that differ in their random start alone, a panel a session.

    R² of what the one's read-out uses by the other's latents over the epochs of training, lighter
    with fewer trials. A diamond is the network with linear latents. The table is that of
    `nma.measured_scores("agreement")`.
    """
    import seaborn as sns

    axes = style.panels(axes, (1, table["session"].nunique()), (9.5, 3.6), sharey=True)
    said = []
    for ax, (session, here) in zip(axes, table.groupby("session", sort=False), strict=True):
        curves = here.query("model == 'LSTM' and epochs != 'best'").astype({"epochs": int})
        linear = here.query("model == 'linear'").assign(epochs=1.3 * curves["epochs"].max())
        sizes = sorted(here["n_train"].unique())
        shades = mpl.colormaps["viridis"](np.linspace(0.75, 0.15, len(sizes)))
        look: Options = {"x": "epochs", "y": "used_r2", "hue": "n_train", "ax": ax}
        look |= {"palette": dict(zip(sizes, shades, strict=True)), "markeredgecolor": "none"}
        sns.lineplot(curves, marker="o", linewidth=1.8, **look)
        sns.lineplot(linear, marker="D", markersize=7, linestyle="", legend=False, **look)
        ax.plot([], [], "D", color=style.GREY, label="with linear latents")
        style.log_ticks(ax, curves["epochs"])
        title = str(session).replace("_", " ")
        ax.set(xlabel="epochs of training", ylabel="", title=title, ylim=(0, 1))
        ax.legend(title="training trials", loc="lower right")
        for n_train, some in curves.groupby("n_train"):
            ends = some.set_index("epochs")["used_r2"].iloc[[0, -1]]
            after = ", ".join(f"{r2:.2f} after {n} epochs" for n, r2 in ends.items())
            said.append(f"{title}, {n_train} trials: {after}")
    axes[0].set_ylabel("what the read-out uses: R² between\ntwo seeds, on test trials")
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
    shown, time = _spread(found.trials, n_trials), style.middles(session)
    with style.trial_panels(axes, len(names), session, found.trials[shown]) as axes:
        for row, name in enumerate(names):
            for ax, place in zip(axes[row], shown, strict=True):
                true = reference[found.trials[place], :, row]
                ax.plot(time, true, color=style.PALE, linewidth=3, label="true")
                label, color = "from the spikes of other regions", style.model_color("latents")
                ax.plot(time, found.aligned[place, :, row], color=color, label=label)
            axes[row, 0].set_ylabel(f"{name}\n(a.u.)".replace(" ", "\n", name.count(" ")))
    r2 = style.listed(dict(zip(names, found.r2, strict=True)))
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
    time, truth = style.middles(data.session), data.session.rates
    units = data.target_units[positions(neurons, data.n_targets, "target neuron")]
    shown = _spread(data.test, n_trials)
    with style.trial_panels(axes, len(neurons), data.session, data.test[shown]) as axes:
        for row, neuron, unit in zip(axes, neurons, units, strict=True):
            for ax, place in zip(row, shown, strict=True):
                trial = data.test[place]
                if truth is not None:
                    true = truth[trial, :, unit] / data.bin_size
                    ax.plot(time, true, color=style.PALE, linewidth=3, label="true rate")
                average, predicted = psth[:, neuron] / data.bin_size, rates[place, :, neuron]
                look: Options = {"color": style.model_color("psth"), "linewidth": 1.5}
                ax.plot(time, average, "--", label="PSTH (average training trial)", **look)
                look = {"color": style.model_color("denoised"), "linewidth": 1.8}
                ax.plot(time, predicted / data.bin_size, label="denoised rate", **look)
                style.spike_ticks(ax, np.repeat(time, data.target[trial, :, neuron]))
            row[0].set_ylabel(f"neuron {unit}\nrate (Hz)")
            row[0].set_ylim(bottom=0)
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
    position: int = 0,
    *,
    axes: Many = None,
) -> np.ndarray:
    """One test trial of all target neurons: its counts, the average trial, the denoised rates.

    The counts are smoothed with a Gaussian of two bins.

    Parameters
    ----------
    rates : array, (test trials, time, n_targets)
        Predicted counts per bin.
    psth : array, (time, n_targets)
        Average training trial, counts per bin.
    position : int
        Which of the test trials.
    """
    trial = data.test[whole("position", position, 0, len(data.test) - 1)]
    order = np.argsort(psth.mean(axis=0))[::-1]
    shown = {
        f"counts, smoothed by {2000 * data.bin_size:.0f} ms": smooth(data.target[[trial]], 2)[0],
        "PSTH (average training trial)": psth,
        "denoised rates": rates[position],
    }
    top = np.percentile(rates[position], 99.5) / data.bin_size
    axes = style.panels(axes, (1, 3), (9.5, 3.8), sharey=True)
    for ax, (title, values) in zip(axes, shown.items(), strict=True):
        hz = values[:, order].T / data.bin_size
        image = style.time_map(ax, hz, style.edges(data.session), vmin=0, vmax=top)
        ax.set_title(title)
    style.over_time(axes, data.session, short=True, color="white")
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
    style.require_numbers(table, "accuracy")
    variables, features = table["variable"].unique(), table["features"].unique()
    ax = style.panel(ax, (9, 3.8))
    width = 0.7 / len(features)
    for place, (name, look) in enumerate(style.looks(features, fmt=style.MARKS)):
        rows = table[table["features"] == name]
        x = pd.Index(variables).get_indexer(rows["variable"])
        x = x + (place - (len(features) - 1) / 2) * width
        label = "chance: up to here 97.5 % of shuffles" if place == 0 else None
        chance: Options = {"color": "#DDDDDD", "zorder": 0, "label": label, "bottom": 0.5}
        ax.bar(x, rows["chance_high"] - 0.5, 0.9 * width, **chance)
        look |= {"label": name, "markersize": 7}
        ax.errorbar(x, rows["accuracy"], style.reach(rows, "accuracy"), **look)
    ax.axhline(0.5, color="black", linewidth=1)
    lowest = min(0.45, table["low"].min() - 0.02)
    ax.set(ylabel="balanced accuracy\non test trials", ylim=(max(0, lowest), 1.02))
    n_test = table.groupby("variable")["n_test"].first()
    labels = [f"{name}\n({n_test[name]} test trials)" for name in variables]
    ax.set_xticks(range(len(variables)), labels)
    style.legend_above(ax)
    said = "; ".join(
        f"{variable}: {style.listed(rows.set_index('features')['accuracy'])}"
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
    return positions(trials, session.trials.index)


def _spread(trials: np.ndarray, n: int) -> np.ndarray:
    """Positions of n trials, evenly spread over all."""
    return np.linspace(0, len(trials) - 1, n).round().astype(int)


def _smoothed(path: np.ndarray, session: Session) -> np.ndarray:
    """Smoothed for the eye by 50 ms: bins jitter, and a line through them is a scribble."""
    return smooth(path[None], 0.05 / session.bin_size)[0]


def _marks(session: Session) -> tuple[tuple[int, str, str], ...]:
    """Bin, marker and name of what is marked on a path."""
    start = int(np.abs(session.time).argmin())
    return (0, "s", "first bin"), (start, "o", style.zero_of(session)), (-1, "X", "last bin")
