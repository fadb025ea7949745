"""Figures of what was recorded: the task, the sessions, the neurons and what the mouse did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Ellipse, FancyBboxPatch, Rectangle

from nma_seq2seq import regions as allen
from nma_seq2seq.session import Session

# Paul Tol's muted colours, which no group of regions has.
RESPONSES: dict[float, tuple[str, str, str]] = {
    1.0: ("left", "#882255", "o"),
    -1.0: ("right", "#117733", "s"),
    0.0: ("no-go", "#666666", "^"),
}
_MIDLINE_MM = 5.7  # of the Allen common coordinate framework
_GREY = "#8A8A8A"


def require(session: Session, columns: Sequence[str], table: str = "trials") -> None:
    """Raise unless the session has these columns.

    Parameters
    ----------
    session : Session
    columns : sequence of str
    table : "trials", "units" or "behavior"

    Raises
    ------
    ValueError
        Which names the first column that is missing and those that are there.
    """
    there = getattr(session, table)
    for column in columns:
        if column not in there:
            raise ValueError(
                f"session {session.name} has no {column!r} in its {table}, which this figure "
                f"needs; it has {', '.join(map(str, there)) or 'nothing'}"
            )


# ---------------------------------------------------------------------- task and sessions


def task(contrast_left: float = 1.0, contrast_right: float = 0.25) -> np.ndarray:
    """The visual discrimination task: what the mouse sees and does, and when.

    Parameters
    ----------
    contrast_left, contrast_right : float
        Contrasts of the two gratings, 0 to 1.

    Returns
    -------
    array of two Axes
        The set-up, and the course of a trial.
    """
    figure, axes = plt.subplots(
        2, 1, figsize=(9, 5.6), height_ratios=[2.2, 1], layout="constrained"
    )
    _draw_setup(axes[0], contrast_left, contrast_right)
    _draw_trial(axes[1])
    return axes


def _draw_setup(ax: Axes, contrast_left: float, contrast_right: float) -> None:
    ax.set(xlim=(0, 18), ylim=(0, 7.4), aspect="equal")
    ax.axis("off")
    screens = (("left", 0.5, contrast_left), ("right", 14.0, contrast_right))
    for side, left, contrast in screens:
        ax.add_patch(Rectangle((left, 2.6), 3.5, 3.5, facecolor="#9A9A9A", edgecolor="black"))
        _draw_grating(ax, left + 1.75, 4.35, contrast)
        ax.text(left + 1.75, 6.35, f"{side} screen", ha="center", va="bottom")
        ax.text(left + 1.75, 2.35, f"contrast {contrast:g}", ha="center", va="top")
    # The mouse from above, facing away from us, so that its left is our left.
    ax.add_patch(Rectangle((7.3, 5.55), 3.4, 0.9, facecolor="#E3E3E3", edgecolor="black"))
    for ridge in np.linspace(7.3, 10.7, 12)[1:-1]:
        ax.plot([ridge, ridge], [5.55, 6.45], color="#B5B5B5", linewidth=1)
    tail = np.linspace(0, 1, 30)
    ax.plot(9 + 0.5 * np.sin(2 * np.pi * tail), 0.95 - 0.95 * tail, color="#C99C8E", linewidth=3)
    ax.add_patch(Ellipse((9, 2.15), 2.2, 2.9, facecolor="#C9B8A8", edgecolor="black", zorder=2))
    for paw in (8.3, 9.7):
        ax.plot([9 + 0.8 * (paw - 9), paw], [3.4, 5.5], color="#C9B8A8", linewidth=6, zorder=1)
        ax.add_patch(
            Ellipse((paw, 5.6), 0.35, 0.6, facecolor="#E5C9C0", edgecolor="black", zorder=3)
        )
    for ear in (8.25, 9.75):
        ax.add_patch(Circle((ear, 3.65), 0.4, facecolor="#E5C9C0", edgecolor="black", zorder=2))
    ax.add_patch(Ellipse((9, 4.15), 1.5, 1.9, facecolor="#C9B8A8", edgecolor="black", zorder=3))
    for top, tip in ((5.7, 8.55), (5.7, 8.8)):
        ax.plot([top, tip], [tip - 6.5, tip - 4.7], color="black", linewidth=2, zorder=4)
    ax.text(5.6, 2.1, "Neuropixels\nprobes", ha="right", va="center")
    ax.annotate(
        "", (7.6, 6.75), (10.4, 6.75), arrowprops={"arrowstyle": "<->", "linewidth": 1.5}
    )  # fmt: skip
    ax.text(9, 6.95, "wheel: turned to the left or right, or held still", ha="center", va="bottom")


def _draw_grating(ax: Axes, x: float, y: float, contrast: float) -> None:
    edge = np.linspace(-1.6, 1.6, 120)
    across, up = np.meshgrid(edge, edge)
    patch = np.sin(2 * np.pi * across / 0.75) * np.exp(-(across**2 + up**2) / 0.7)
    extent = (x - 1.6, x + 1.6, y - 1.6, y + 1.6)
    grey = 0x9A / 255
    ax.imshow(
        grey + contrast * patch * (1 - grey), cmap="gray", vmin=0, vmax=1, extent=extent, zorder=2
    )


def _draw_trial(ax: Axes) -> None:
    ax.set(xlim=(-0.55, 2.75), ylim=(-0.1, 4.3), yticks=[], xlabel="time from stimulus onset (s)")
    for side in ("left", "top", "right"):
        ax.spines[side].set_visible(False)
    spans = (
        ("gratings on the screens", 0.0, 2.0, "#0072B2"),
        ("go cue (a tone)", 0.5, 1.2, "#E69F00"),
        ("answer: within 1.5 s of the go cue", 0.6, 2.3, "#009E73"),
        ("feedback: water, or a burst of noise", 0.7, 2.5, "#CC79A7"),
    )
    for row, (text, start, stop, color) in enumerate(spans):
        y = 3.3 - row
        ax.add_patch(
            FancyBboxPatch(
                (start, y), stop - start, 0.62, boxstyle="round,pad=0,rounding_size=0.05",
                facecolor=color, alpha=0.3, edgecolor=color,
            )
        )  # fmt: skip
        ax.text(start + 0.03, y + 0.29, text, va="center")
    ax.axvline(0, color="black", linestyle=":", linewidth=1)


def sessions(table: pd.DataFrame, session: Session | None = None) -> np.ndarray:
    """All recorded sessions by mouse, and the regions that the course's lists know, by group.

    Parameters
    ----------
    table : DataFrame
        `nma.list_sessions()`.
    session : Session, optional
        Its place among them is marked if it is one of them, and its regions are filled, with their
        number of neurons. Of no other session is anything shown that is not in `table`.

    Returns
    -------
    array of two Axes
    """
    figure, axes = plt.subplots(
        2, 1, figsize=(9.5, 7.4), height_ratios=[1, 1.25], layout="constrained"
    )
    mice = list(dict.fromkeys(table["mouse"]))
    ax = axes[0]
    for part in sorted(set(table["part"])):
        here = table.loc[table["part"] == part, "index"]
        left, right = here.min() - 0.5, here.max() + 0.5
        ax.axvspan(left, right, color="#F2F2F2" if part % 2 else "#E6E6E6", zorder=0)
        ax.text((left + right) / 2, -0.9, f"part {part}", ha="center", va="center")
    for row in table.itertuples():
        this = session is not None and row.name == session.name
        ink = "black" if row.cached or this else _GREY
        ax.text(
            row.index, mice.index(row.mouse), str(row.index), ha="center", va="center", fontsize=9,
            color="white" if this else ink, fontweight="bold" if this else "normal",
            bbox={"boxstyle": "round,pad=0.2", "edgecolor": ink,
                  "facecolor": "black" if this else "white"},
        )  # fmt: skip
    ax.set(
        xlim=(-0.7, len(table) - 0.3), ylim=(len(mice) - 0.4, -1.4),
        yticks=range(len(mice)), yticklabels=mice, xticks=[], ylabel="mouse",
        xlabel="session number (in black: on this computer)",
        title=f"{len(table)} sessions from {len(mice)} mice",
    )  # fmt: skip
    _draw_regions(axes[1], session)
    return axes


def _draw_regions(ax: Axes, session: Session | None, per_row: int = 9) -> None:
    counts = {} if session is None else session.units["region"].value_counts().to_dict()
    unlisted = set(counts).difference(*allen.GROUPS.values())
    row = 0
    for group, listed in allen.GROUPS.items():
        names = [*listed, *(allen.in_order(unlisted) if group == "other" else ())]
        ax.text(-0.2, row, group, ha="right", va="center", color=allen.color_of(group))
        for place, name in enumerate(names):
            filled = name in counts
            ax.text(
                place % per_row, row + place // per_row,
                f"{name} {counts[name]}" if filled else name,
                ha="left", va="center", fontsize=9, color="black" if filled else _GREY,
                bbox={"boxstyle": "round,pad=0.25", "edgecolor": allen.color_of(group),
                      "facecolor": allen.color_of(group) + "66" if filled else "white"},
            )  # fmt: skip
        row += (len(names) - 1) // per_row + 1
    ax.set(xlim=(-1.9, per_row), ylim=(row - 0.4, -0.7))
    ax.axis("off")
    title = "regions of the course's lists, by group"
    if session is not None:
        title += "; filled: in this session, with its number of neurons"
    ax.set_title(title)


def region_counts(counts: pd.DataFrame) -> Axes:
    """Neurons of each region in several sessions, as a table of colours.

    Parameters
    ----------
    counts : DataFrame, (sessions, regions)
        Numbers of neurons; 0 where a session has none.

    Returns
    -------
    Axes
    """
    names = allen.in_order(counts.columns)
    values = counts[names].to_numpy(float)
    height = 1.6 + 0.24 * len(counts)
    # Regions go down the page where there are many, so that their names stay readable.
    figure, ax = plt.subplots(
        figsize=(min(9.5, 3 + 0.3 * len(counts)), 1.6 + 0.18 * len(names))
        if len(names) > 40
        else (9.5, height),
        layout="constrained",
    )
    tall = len(names) > 40
    shown = np.ma.masked_equal(values.T if tall else values, 0)
    image = ax.imshow(shown, aspect="auto", cmap="viridis_r", norm="log")
    figure.colorbar(image, ax=ax, label="neurons (white: none)")
    region_axis, session_axis = (ax.yaxis, ax.xaxis) if tall else (ax.xaxis, ax.yaxis)
    region_axis.set_ticks(range(len(names)), names, fontsize=9, rotation=0 if tall else 90)
    session_axis.set_ticks(
        range(len(counts)), [str(n) for n in counts.index], fontsize=9, rotation=90 if tall else 0
    )
    for label, name in zip(region_axis.get_ticklabels(), names, strict=True):
        label.set_color(allen.color_of(name))
    region_axis.set_label_text("region")
    session_axis.set_label_text("session")
    return ax


# ---------------------------------------------------------------------- neurons


def brain_views(session: Session) -> np.ndarray:
    """Where the neurons sit: from the left, from behind and from above, coloured by group.

    Parameters
    ----------
    session : Session
        Its units need `ap`, `dv` and `lr`.

    Returns
    -------
    array of three Axes
        In mm of the Allen common coordinate framework.

    Raises
    ------
    ValueError
        If the session has no positions.
    """
    require(session, ("ap", "dv", "lr"), "units")
    words = {"ap": "front to back", "dv": "top to bottom", "lr": "left to right"}
    units = session.units
    limits = {
        axis: (units[axis].min() / 1000 - 0.4, units[axis].max() / 1000 + 0.4) for axis in words
    }
    low, high = limits["lr"]
    limits["lr"] = min(low, _MIDLINE_MM - 0.4), max(high, _MIDLINE_MM + 0.4)
    size = {axis: stop - start for axis, (start, stop) in limits.items()}
    # The view from above lies under the one from the left, so that a millimetre is as long in each.
    figure, grid = plt.subplots(
        2, 2, figsize=(9, 9 * (size["dv"] + size["lr"]) / (size["ap"] + size["lr"]) + 0.6),
        width_ratios=[size["ap"], size["lr"]], height_ratios=[size["dv"], size["lr"]],
        layout="constrained",
    )  # fmt: skip
    axes = grid.ravel()[:3]
    views = (("the left", "ap", "dv"), ("behind", "lr", "dv"), ("above", "ap", "lr"))
    for ax, (title, across, down) in zip(axes, views, strict=True):
        for group in allen.GROUPS:
            here = units[units["group"] == group]
            if len(here):
                ax.scatter(
                    here[across] / 1000, here[down] / 1000, s=9, alpha=0.7, linewidths=0,
                    color=allen.color_of(group), label=group,
                )  # fmt: skip
        ax.set(
            title=f"from {title}", xlabel=f"{words[across]}, {across} (mm)",
            ylabel=f"{words[down]}, {down} (mm)", xlim=limits[across],
            # Depth goes down the page. Seen from above with the nose to the left, left is below.
            ylim=limits[down][::-1] if down == "dv" else limits[down],
            aspect="equal",
        )  # fmt: skip
    axes[1].axvline(_MIDLINE_MM, color="black", linestyle=":", linewidth=1)
    axes[2].axhline(_MIDLINE_MM, color="black", linestyle=":", linewidth=1)
    line = plt.Line2D([], [], color="black", linestyle=":", linewidth=1)
    handles, labels = axes[0].get_legend_handles_labels()
    grid[1, 1].axis("off")
    grid[1, 1].legend(
        [*handles, line], [*labels, "midline"], loc="center", markerscale=3, frameon=False
    )
    return axes


def firing_rates(session: Session) -> Axes:
    """Mean firing rate of each neuron, by region.

    Parameters
    ----------
    session : Session

    Returns
    -------
    Axes
        A point a neuron, a line at each region's median; log scale, with what is below 0.01 Hz
        drawn at 0.01.
    """
    figure, ax = plt.subplots(figsize=(9.5, 4), layout="constrained")
    rates = session.rates_hz
    region = session.units["region"].to_numpy()
    names = session.regions
    for place, name in enumerate(names):
        here = rates[region == name]
        # Spread by the golden ratio: even, and the same each time.
        spread = (np.arange(len(here)) * 0.618) % 1 - 0.5
        ax.scatter(
            place + 0.6 * spread, here.clip(0.01), s=9, alpha=0.6, linewidths=0,
            color=allen.color_of(name),
        )  # fmt: skip
        median = max(np.median(here), 0.01)
        ax.plot([place - 0.38, place + 0.38], [median, median], color="black", linewidth=1.5)
    ax.set(
        yscale="log", ylabel="mean rate (Hz)", xlabel="region (number of neurons)",
        title="firing rates by region; line: median",
    )  # fmt: skip
    ax.yaxis.set_major_formatter("{x:g}")
    labels = [f"{name} ({(region == name).sum()})" for name in names]
    ax.set_xticks(range(len(names)), labels, rotation=45, ha="right", rotation_mode="anchor")
    return ax


def count_variance(session: Session, window: tuple[float, float] = (0.0, 0.4)) -> Axes:
    """Variance over trials of each neuron's spike count against its mean.

    Parameters
    ----------
    session : Session
    window : (start, stop)
        In which spikes are counted, seconds from stimulus onset.

    Returns
    -------
    Axes
        With the line on which Poisson counts lie.
    """
    part = session.select(window=window)
    counts = part.spikes.sum(axis=1, dtype=np.int64)  # (trials, neurons)
    mean, variance = counts.mean(axis=0), counts.var(axis=0, ddof=1)
    figure, ax = plt.subplots(figsize=(6.2, 4.6), layout="constrained")
    fires = (mean > 0) & (variance > 0)
    groups = part.units["group"].to_numpy()
    for group in allen.GROUPS:
        here = fires & (groups == group)
        if here.any():
            ax.scatter(
                mean[here], variance[here], s=12, alpha=0.7, linewidths=0,
                color=allen.color_of(group), label=group,
            )  # fmt: skip
    ends = np.array([mean[fires].min(), mean[fires].max()])
    ax.plot(ends, ends, color="black", linewidth=1.5, label="Poisson: variance = mean")
    ax.set(
        xscale="log", yscale="log", ylabel="variance over trials",
        xlabel=f"mean count in {window[0]:g} to {window[1]:g} s",
    )  # fmt: skip
    ax.legend(frameon=False, fontsize=9, markerscale=2)
    return ax


# ---------------------------------------------------------------------- behaviour


def psychometric(session: Session) -> Axes:
    """How often the mouse answers left, right and not at all, by the difference in contrast.

    Parameters
    ----------
    session : Session
        Its trials need `contrast_left`, `contrast_right` and `response`.

    Returns
    -------
    Axes
        Fractions with 95 % intervals (Wilson's).

    Raises
    ------
    ValueError
        If the session lacks one of them.
    """
    require(session, ("contrast_left", "contrast_right", "response"))
    trials = session.trials
    response = trials["response"].to_numpy()
    difference = (trials["contrast_right"] - trials["contrast_left"]).to_numpy()
    levels = np.unique(difference)
    n = np.array([(difference == level).sum() for level in levels])
    figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
    for shift, (value, (name, color, marker)) in zip(
        (-0.008, 0.008, 0), RESPONSES.items(), strict=True
    ):
        k = np.array([((difference == level) & (response == value)).sum() for level in levels])
        low, high = _wilson(k, n)
        ax.errorbar(
            levels + shift, k / n, yerr=[k / n - low, high - k / n], color=color, marker=marker,
            capsize=2, label=name,
        )  # fmt: skip
    ax.set(
        ylim=(-0.04, 1.04), xticks=np.arange(-1, 1.1, 0.25), ylabel="fraction of trials",
        xlabel="contrast right - contrast left", title="answers by contrast; bars: 95 % interval",
    )  # fmt: skip
    ax.legend(title="answer", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _wilson(k: np.ndarray, n: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval for k of n."""
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    # At k = 0 or n an end may pass the fraction by a rounding error.
    return np.minimum(centre - half, k / n), np.maximum(centre + half, k / n)


def reaction_times(session: Session) -> np.ndarray:
    """When the mouse starts to move: the distribution, and by the higher of the two contrasts.

    Parameters
    ----------
    session : Session
        Its trials need `reaction_time`, `contrast_left` and `contrast_right`.

    Returns
    -------
    array of two Axes

    Raises
    ------
    ValueError
        If the session lacks one of them.
    """
    require(session, ("reaction_time", "contrast_left", "contrast_right"))
    trials = session.trials
    milliseconds = trials["reaction_time"].to_numpy() * 1000
    moved = np.isfinite(milliseconds)
    higher = trials[["contrast_left", "contrast_right"]].max(axis=1).to_numpy()
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
    edges = np.arange(0, np.nanmax(milliseconds) + 40, 40) if moved.any() else 10
    axes[0].hist(milliseconds[moved], bins=edges, color="#666666", edgecolor="white")
    axes[0].set(
        xlabel="reaction time (ms from stimulus onset)", ylabel="trials",
        title=f"{moved.sum()} of {len(moved)} trials with a movement",
    )  # fmt: skip
    levels = [level for level in np.unique(higher) if (moved & (higher == level)).any()]
    quartiles = np.array(
        [np.percentile(milliseconds[moved & (higher == v)], (25, 50, 75)) for v in levels]
    ).reshape(-1, 3)
    spread = np.abs(quartiles[:, [0, 2]] - quartiles[:, [1]]).T
    axes[1].errorbar(
        levels, quartiles[:, 1], yerr=spread, color="black", marker="o", linestyle="none", capsize=3
    )
    axes[1].set(
        xlabel="higher of the two contrasts", ylabel="reaction time (ms)", xticks=levels,
        title="median, and the middle half of the trials",
    )  # fmt: skip
    return axes


def events_on_wheel(session: Session, bins: Mapping[str, np.ndarray]) -> Axes:
    """Wheel speed in every trial, with marks in the bins that are given.

    Parameters
    ----------
    session : Session
        Its behavior needs `wheel`.
    bins : mapping of a name to (trials,)
        Bins of an event, NaN for none; trials are sorted by the first.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the session has no wheel speed.
    """
    require(session, ("wheel",), "behavior")
    first = next(iter(bins.values()))
    order = np.argsort(first, kind="stable")  # NaN last
    speed = np.abs(session.behavior["wheel"][order])
    start, stop = session.time[0], session.time[-1] + session.bin_size
    figure, ax = plt.subplots(figsize=(9, 4.2), layout="constrained")
    image = ax.imshow(
        speed, aspect="auto", cmap="Greys", vmax=np.percentile(speed, 99),
        extent=(start, stop, session.n_trials, 0), interpolation="nearest",
    )  # fmt: skip
    figure.colorbar(image, ax=ax, label="wheel speed (a.u.)")
    for (name, found), color in zip(bins.items(), ("#D55E00", "#0072B2", "#009E73"), strict=False):
        seconds = start + (np.asarray(found)[order] + 0.5) * session.bin_size
        ax.scatter(seconds, np.arange(session.n_trials) + 0.5, s=5, color=color, label=name)
    ax.axvline(0, color="black", linestyle=":", linewidth=1)
    ax.set(xlim=(start, stop), xlabel="time from stimulus onset (s)", ylabel="trial (sorted)")
    figure.legend(loc="outside upper center", ncols=3, markerscale=3, frameon=False)
    return ax
