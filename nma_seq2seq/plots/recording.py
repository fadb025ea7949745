"""Figures of what was recorded: the task, the sessions, the neurons and what the mouse did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Ellipse, Rectangle

from nma_seq2seq import regions as allen
from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import INK, RESPONSES, Many, Options, described, styled
from nma_seq2seq.session import Session

# ---------------------------------------------------------------------- task and sessions


@styled
def task(contrast_left: float = 1.0, contrast_right: float = 0.25, axes: Many = None) -> np.ndarray:
    """The visual discrimination task: the set-up, and the course of a trial.

    Contrasts of the two gratings go from 0 to 1.
    """
    axes = style.panels(axes, (2, 1), (9, 6.6), height_ratios=[2.3, 1])
    _draw_setup(axes[0], contrast_left, contrast_right)
    _draw_trial(axes[1])
    return described(
        axes,
        "Above, a drawing of the set-up: a mouse with its forepaws on a wheel, between a left and "
        f"a right screen with gratings of contrast {contrast_left:g} and {contrast_right:g}; "
        "turning the wheel moves them, and the higher one is to come to the centre. Below, the "
        "course of a trial in seconds from the gratings: go cue at 0.5 to 1.2, response up to 1.5 "
        "s after it, so up to 2.7, then feedback. The recorded bins run from -0.5 to 2.0.",
    )


def _draw_setup(ax: Axes, contrast_left: float, contrast_right: float) -> None:
    ax.set(xlim=(0, 18), ylim=(0, 8.5), aspect="equal")
    ax.axis("off")
    for side, left, contrast, way in (
        ("left", 0.5, contrast_left, 1),
        ("right", 14.0, contrast_right, -1),
    ):
        ax.add_patch(Rectangle((left, 2.6), 3.5, 3.5, facecolor="#9A9A9A", edgecolor="black"))
        extent = (left + 0.15, left + 3.35, 2.75, 5.95)
        look: Options = {"cmap": "gray", "vmin": 0, "vmax": 1, "aspect": "equal", "zorder": 2}
        ax.imshow(style.grating(contrast), extent=extent, **look)
        ax.text(left + 1.75, 2.35, f"{side} screen,\ncontrast {contrast:g}", ha="center", va="top")
        if contrast == max(contrast_left, contrast_right) and contrast_left != contrast_right:
            start, end = (left + 1.75, 6.25), (9 - 0.5 * way, 7.4)
            style.arrow(ax, start, end, connectionstyle=f"arc3,rad={-0.2 * way}")
    ax.text(9, 7.75, "the higher contrast is to come here, to the centre", ha="center")
    ax.plot([8.7, 9.3], [7.4, 7.4], color=INK, linewidth=4)
    # The mouse from above, facing away from us, so that its left is our left.
    ax.add_patch(Rectangle((7.3, 5.55), 3.4, 0.9, facecolor="#E3E3E3", edgecolor="black"))
    ridges = np.linspace(7.3, 10.7, 12)[1:-1]
    ax.vlines(ridges, 5.55, 6.45, color="#B5B5B5", linewidth=1)
    tail = np.linspace(0, 1, 30)
    ax.plot(9 + 0.5 * np.sin(2 * np.pi * tail), 0.95 - 0.95 * tail, color="#C99C8E", linewidth=3)
    fur: Options = {"facecolor": "#C9B8A8", "edgecolor": "black"}
    skin: Options = {"facecolor": "#E5C9C0", "edgecolor": "black"}
    ax.add_patch(Ellipse((9, 2.15), 2.2, 2.9, zorder=2, **fur))
    for way in (-1, 1):
        paw = 9 + 0.7 * way
        ax.plot([9 + 0.56 * way, paw], [3.4, 5.5], color="#C9B8A8", linewidth=6, zorder=1)
        ax.add_patch(Ellipse((paw, 5.6), 0.35, 0.6, zorder=3, **skin))
        ax.add_patch(Circle((9 + 0.75 * way, 3.65), 0.4, zorder=2, **skin))
    ax.add_patch(Ellipse((9, 4.15), 1.5, 1.9, zorder=3, **fur))
    for tip in (8.55, 8.8):
        ax.plot([5.7, tip], [tip - 6.5, tip - 4.7], color="black", linewidth=2, zorder=4)
    ax.text(5.6, 2.1, "Neuropixels\nprobes", ha="right", va="center")
    style.arrow(ax, (10.4, 6.75), (7.6, 6.75), arrowstyle="<|-|>")
    ax.text(10.9, 6.0, "wheel: turning it\nmoves the gratings", ha="left", va="center")


def _draw_trial(ax: Axes) -> None:
    ax.set(xlim=(-0.55, 2.95), ylim=(-0.15, 4.9), yticks=[], xlabel="time from stimulus onset (s)")
    ax.spines["left"].set_visible(False)
    spans = (
        ("gratings on the screens", 0.0, 2.7, "#4477AA"),
        ("go cue (a tone)", 0.5, 1.2, "#CCBB44"),
        ("response: within 1.5 s of the go cue", 0.5, 2.7, "#228833"),
        ("feedback: water, or a burst of noise", 0.5, 2.9, "#AA3377"),
    )
    for row, (text, start, stop, color) in enumerate(spans):
        ax.barh(3.6 - row, stop - start, 0.62, start, color=color, alpha=0.3)
        ax.text(start + 0.03, 3.6 - row, text, va="center")
    ax.plot([-0.5, 2.0], [4.25, 4.25], color=INK, linewidth=3)
    ax.text(0.03, 4.35, "the recorded bins: a response after 2.0 s lies outside", va="bottom")
    ax.axvline(2.0, color=INK, linewidth=1)
    ax.axvline(0, color="black", linestyle=":", linewidth=1)


@styled
def sessions(table: pd.DataFrame, session: Session | None = None, axes: Many = None) -> np.ndarray:
    """All recorded sessions by mouse, and the regions that the course's lists know, by group.

    Parameters
    ----------
    table : DataFrame
        `nma.list_sessions()`.
    session : Session, optional
        Its place among them is marked if it is one of them, and its regions are filled, with their
        number of neurons. Of no other session is anything shown that is not in `table`.
    """
    ax, below = axes = style.panels(axes, (2, 1), (9.5, 7.4), height_ratios=[1, 1.25])
    mice = list(dict.fromkeys(table["mouse"]))
    for part in sorted(set(table["part"])):
        here = table.loc[table["part"] == part, "index"]
        left, right = here.min() - 0.5, here.max() + 0.5
        ax.axvspan(left, right, color="#F2F2F2" if part % 2 else "#E6E6E6", zorder=0)
        ax.text((left + right) / 2, -0.9, f"part {part}", ha="center", va="center")
    for row in table.itertuples():
        this = session is not None and row.name == session.name
        ink = "black" if row.cached or this else "#6B6B6B"
        box: Options = {"boxstyle": "round,pad=0.2", "ec": ink, "fc": "black" if this else "white"}
        text = ax.text(row.index, mice.index(row.mouse), str(row.index), bbox=box)
        text.set(ha="center", va="center", color="white" if this else ink)
    ax.set(xlim=(-0.7, len(table) - 0.3), ylim=(len(mice) - 0.4, -1.4), xticks=[], ylabel="mouse")
    ax.set_yticks(range(len(mice)), mice)
    ax.set_xlabel("session number (in black: on this computer)")
    ax.set_title(f"{len(table)} sessions from {len(mice)} mice")
    counts = Counter[str]() if session is None else Counter(session.units["region"])
    _draw_regions(below, counts)
    there = ", ".join(f"{name} {counts[name]}" for name in allen.in_order(counts))
    return described(
        axes,
        f"Above, the {len(table)} sessions by mouse ({len(mice)} of them). Below, the acronyms of "
        "brain regions by group" + (f"; neurons in this session: {there}." if there else "."),
    )


def _draw_regions(ax: Axes, counts: Mapping[str, int], per_row: int = 9) -> None:
    unlisted = set(counts).difference(*allen.GROUPS.values())
    row = 0
    for group, listed in allen.GROUPS.items():
        names = [*listed, *(allen.in_order(unlisted) if group == "other" else ())]
        color = allen.color_of(group)
        ax.text(-0.2, row, group, ha="right", va="center", color=style.readable(color))
        for place, name in enumerate(names):
            filled = name in counts
            box: Options = {"boxstyle": "round,pad=0.25", "ec": color, "fc": "white"}
            text = ax.text(
                place % per_row,
                row + place // per_row,
                f"{name} {counts[name]}" if filled else name,
                bbox=box | ({"fc": color + "66"} if filled else {}),
            )
            text.set(va="center", color="black" if filled else "#6B6B6B")
        row += (len(names) - 1) // per_row + 1
    ax.set(xlim=(-1.9, per_row), ylim=(row - 0.4, -0.7))
    ax.axis("off")
    note = "; filled: in this session, with its number of neurons" if counts else ""
    ax.set_title(f"regions of the course's lists, by group{note}")


@styled
def region_counts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Neurons of each region (columns) in several sessions (rows), as a table of colours."""
    style.require_some(counts.where(counts > 0), "neuron")
    shown = counts[allen.in_order(counts.columns)].rename_axis(index="session", columns="region")
    n_sessions, n_regions = shown.shape
    # Regions go down the page where there are many, so that their names stay readable.
    tall = n_regions > 40
    size = (min(9.5, 3 + 0.3 * n_sessions), 1.6 + 0.18 * n_regions)
    ax = style.panel(ax, size if tall else (9.5, 2.2 + 0.24 * n_sessions))
    table = shown.where(shown > 0).astype(float)
    look: Options = {
        "norm": "log",
        "cmap": "viridis_r",
        "cbar_kws": {"label": "neurons (white: none)"},
    }
    style.heatmap(ax, table.T if tall else table, **look)
    most = counts.sum().idxmax()
    return described(
        ax,
        f"A table of colours: neurons of {n_regions} regions in {n_sessions} sessions. Most were "
        f"recorded in {most}: {counts[most].sum():g} in all.",
    )


# ---------------------------------------------------------------------- neurons


@styled
def firing_rates(session: Session, ax: Axes | None = None) -> Axes:
    """Mean firing rate of each neuron, by region, and each region's median.

    On a log scale, with what is below 0.01 Hz drawn at 0.01.
    """
    ax = style.panel(ax, (9.5, 4))
    rates = session.rates_hz.clip(0.01)
    region = session.units["region"].to_numpy()
    for place, name in enumerate(session.regions):
        here = rates[region == name]
        # Beside each other by the golden ratio: even, and the same each time.
        beside = (np.arange(len(here)) * 0.618) % 1 - 0.5
        ax.scatter(place + 0.6 * beside, here, 9, allen.color_of(name), alpha=0.6)
        ax.hlines(np.median(here), place - 0.38, place + 0.38, color="black", linewidth=1.5)
    ax.set(yscale="log", ylabel="mean rate (Hz)", xlabel="region (number of neurons)")
    ax.set_title("firing rates by region; line: median")
    ax.yaxis.set_major_formatter("{x:g}")
    labels = [f"{name} ({(region == name).sum()})" for name in session.regions]
    crowded: Options = {"rotation": 90, "fontsize": 7}
    turned: Options = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(labels)), labels, **(crowded if len(labels) > 25 else turned))
    style.color_regions(ax.xaxis)
    middle = pd.Series(rates).groupby(region).median()
    return described(
        ax,
        f"Mean rates of single neurons, by region, on a log scale: from {rates.min():.2g} to "
        f"{rates.max():.2g} Hz. The regions' medians lie between {middle.min():.2g} and "
        f"{middle.max():.2g} Hz.",
    )


@styled
def count_variance(
    session: Session, window: tuple[float, float] = (0.0, 0.4), ax: Axes | None = None
) -> Axes:
    """Variance over trials of each neuron's spike count against its mean, and the line of Poisson.

    Spikes are counted in a window (start, stop) in seconds from stimulus onset. Neurons whose count
    never varies are left out.
    """
    import seaborn as sns

    part = session.select(window=window)
    counts = part.spikes.sum(axis=1, dtype=np.int64)  # (trials, neurons)
    varies = np.ptp(counts, axis=0) > 0
    if not varies.any():
        raise ValueError(
            f"no neuron of session {session.name} changes its count from {window[0]:g} to "
            f"{window[1]:g} s over {part.n_trials} trials; choose a longer window or more trials"
        )
    mean, variance = counts.mean(axis=0)[varies], counts.var(axis=0, ddof=1)[varies]
    groups = part.units.loc[varies, "group"].to_numpy()
    ax = style.panel(ax, (6.2, 4.6))
    look: Options = {"palette": allen.COLORS, "s": 12, "alpha": 0.7, "linewidth": 0}
    look["hue_order"] = [group for group in allen.GROUPS if group in groups]
    sns.scatterplot(x=mean, y=variance, hue=groups, ax=ax, **look)
    ends = mean.min(), mean.max()
    ax.plot(ends, ends, color="black", linewidth=1.5, label="Poisson: variance = mean")
    ax.set(xscale="log", yscale="log", ylabel="variance over trials (spikes²)")
    ax.set_xlabel(f"mean count in {window[0]:g} to {window[1]:g} s (spikes)")
    ax.legend(markerscale=2)
    above = (variance > mean).mean()
    return described(
        ax,
        f"Variance of the spike counts of {len(mean)} neurons against their mean, both on log "
        f"scales: they grow together, and {above:.0%} of the neurons lie above the line of "
        "Poisson counts.",
    )


# ---------------------------------------------------------------------- behaviour


@styled
def psychometric(session: Session, ax: Axes | None = None) -> Axes:
    """How often the mouse chooses left, right and no-go, by the difference in contrast.

    Fractions with 95 % intervals (Wilson's). The trials need both contrasts and `response`.
    """
    from scipy.stats import binomtest

    style.require(session, "contrast_left", "contrast_right", "response")
    trials = session.trials
    difference = trials["contrast_right"] - trials["contrast_left"]
    # (levels, responses): in how many trials
    table = pd.crosstab(difference, trials["response"]).reindex(columns=list(RESPONSES)).fillna(0)
    n = table.sum(axis=1)
    shares = table.div(n, axis=0)
    ax = style.panel(ax, (7.5, 4))
    for shift, (value, (name, color, mark, _)) in zip((-8, 8, 0), RESPONSES.items(), strict=True):
        tests = [binomtest(int(k), int(of)) for k, of in zip(table[value], n, strict=True)]
        intervals = [test.proportion_ci(method="wilson") for test in tests]
        share = shares[value].to_numpy()
        bars = np.abs(np.transpose(intervals) - share)
        look: Options = {"color": color, "marker": mark, "label": name}
        ax.errorbar(table.index.to_numpy() + shift / 1000, share, bars, **look)
    ax.set(ylim=(-0.04, 1.04), xticks=np.arange(-1, 1.1, 0.25), ylabel="fraction of trials")
    ax.set_xlabel("contrast right - contrast left")
    ax.set_title("responses by contrast; bars: 95 % interval")
    ax.legend(title="response", **style.BESIDE)
    ends = ", ".join(
        f"{name} {shares[value].iloc[0]:.0%} and {shares[value].iloc[-1]:.0%}"
        for value, (name, *_) in RESPONSES.items()
    )
    return described(
        ax,
        "Fractions of trials with each response, against the difference in contrast. At the "
        f"largest difference to the left and to the right: {ends}.",
    )


@styled
def reaction_times(session: Session, axes: Many = None) -> np.ndarray:
    """When the mouse starts to move: the distribution, and by the higher of the two contrasts.

    The trials need `reaction_time` and both contrasts.
    """
    import seaborn as sns

    style.require(session, "reaction_time", "contrast_left", "contrast_right")
    trials = session.trials
    milliseconds = trials["reaction_time"] * 1000
    moved = milliseconds.notna()
    if not moved.any():
        raise ValueError(
            f"the mouse moves in none of the {len(moved)} trials of session {session.name}, so "
            "there is no reaction time to show; take other trials"
        )
    axes = style.panels(axes, (1, 2), (9.5, 3.6))
    edges = list(np.arange(0, milliseconds.max() + 40, 40))
    axes[0].hist(milliseconds[moved], bins=edges, color="#666666", edgecolor="white")
    axes[0].set(xlabel="reaction time (ms from stimulus onset)", ylabel="trials")
    axes[0].set_title(f"{moved.sum()} of {len(moved)} trials with a movement")
    higher = trials[["contrast_left", "contrast_right"]].max(axis=1)
    look: Options = {"estimator": "median", "errorbar": ("pi", 50), "linestyle": "none"}
    look |= {"color": "black", "markersize": 5, "err_kws": {"linewidth": 1.5}}
    sns.pointplot(x=higher, y=milliseconds, native_scale=True, ax=axes[1], **look)
    axes[1].set(xlabel="higher of the two contrasts", ylabel="reaction time (ms)")
    medians = milliseconds[moved].groupby(higher).median()
    axes[1].set(xticks=medians.index, title="median, and the middle half of the trials")
    return described(
        axes,
        f"Left, the distribution of reaction times in {moved.sum()} trials with a movement, with "
        f"the median at {milliseconds.median():.0f} ms. Right, medians by the higher contrast: "
        + ", ".join(f"{ms:.0f} ms at {contrast:g}" for contrast, ms in medians.items())
        + ".",
    )


@styled
def events_on_wheel(
    session: Session, bins: Mapping[str, np.ndarray], ax: Axes | None = None
) -> Axes:
    """Wheel speed in every trial, with marks in the bins that are given.

    Parameters
    ----------
    session : Session
        Its behavior needs `wheel`.
    bins : mapping of a name to (trials,)
        Bins of an event, NaN for none; trials are sorted by the first.
    """
    style.require_some(bins, "event")
    style.require(session, "wheel", table="behavior")
    order = np.argsort(next(iter(bins.values())), kind="stable")  # NaN last
    speed = np.abs(session.behavior["wheel"][order])
    ax, edges = style.panel(ax, (9, 4.2)), style.edges(session)
    image = style.time_map(ax, speed, edges, cmap="Greys", vmax=np.percentile(speed, 99))
    colors = ("#AA0A3C", "#4477AA", "#228833")
    for (name, found), color, mark in zip(bins.items(), colors, style.MARKS, strict=False):
        seconds = edges[0] + (np.asarray(found)[order] + 0.5) * session.bin_size
        ax.scatter(seconds, np.arange(session.n_trials) + 0.5, 7, color, marker=mark, label=name)
    style.over_time([ax], session)
    ax.set(xlim=edges, ylabel="trial (sorted)")
    style.legend_above(ax, markerscale=3)
    ax.figure.colorbar(image, ax=ax, label="wheel speed (a.u.)")
    return described(
        ax,
        f"Wheel speed over time in {session.n_trials} trials, one a row, darker where it is "
        f"faster, with coloured marks for {' and '.join(bins)}.",
    )
