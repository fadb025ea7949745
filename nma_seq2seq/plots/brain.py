"""Where neurons sit: views of the brain, with its outline drawn by hand."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from nma_seq2seq import regions as allen
from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import Many, described, styled
from nma_seq2seq.session import Session

_MIDLINE_MM = 5.7  # of the Allen common coordinate framework
# A mouse brain's outline in that framework (mm), by hand, to show where one is: no atlas.
_FROM_THE_LEFT = (  # ap, dv
    *((0.5, 3.7), (1.4, 2.6), (2.5, 2.3), (4.0, 1.2), (6.0, 0.6), (8.0, 0.6), (9.4, 1.3)),
    *((10.6, 1.2), (12.0, 2.0), (12.7, 3.6), (12.9, 5.6), (12.2, 6.9), (10.4, 7.3), (9.0, 6.9)),
    *((7.6, 7.2), (6.0, 7.0), (4.4, 6.7), (3.2, 5.9), (2.2, 4.9), (1.1, 4.7)),
)
_HALF_FROM_BEHIND = (  # distance from the midline, dv
    *((0.0, 0.9), (1.2, 0.6), (2.8, 1.2), (4.1, 2.5), (4.7, 4.2), (4.3, 5.8), (3.2, 6.7)),
    *((1.8, 6.9), (0.7, 7.4), (0.0, 7.5)),
)
_HALF_FROM_ABOVE = (  # distance from the midline, ap
    *((0.0, 0.5), (0.9, 0.6), (1.3, 1.6), (1.5, 2.6), (2.6, 3.4), (3.6, 4.9), (4.4, 6.5)),
    *((4.8, 8.0), (4.3, 9.4), (3.2, 10.2), (3.3, 11.3), (2.0, 12.5), (0.9, 12.9), (0.0, 13.0)),
)
_WORDS = {"ap": "front to back", "dv": "top to bottom", "lr": "left to right"}


def draw_brain(ax: Axes, seen_from: str) -> tuple[str, str]:
    """Outline and labels from "the left", "behind" or "above"; the columns across and down it."""
    if seen_from == "the left":
        across, down, outline = "ap", "dv", np.array(_FROM_THE_LEFT)
    elif seen_from == "behind":
        across, down, outline = "lr", "dv", _both_halves(_HALF_FROM_BEHIND)
    else:
        across, down, outline = "ap", "lr", _both_halves(_HALF_FROM_ABOVE)[:, ::-1]
    ax.fill(*_smooth(outline).T, facecolor="#F6F6F6", edgecolor="#BBBBBB", zorder=0)
    ax.set(title=f"from {seen_from}", aspect="equal")
    ax.set_xlabel(f"{_WORDS[across]}, {across} (mm)")
    ax.set_ylabel(f"{_WORDS[down]},\n{down} (mm)")
    # Depth goes down the page. Seen from above with the nose to the left, left is below.
    if down == "dv":
        ax.invert_yaxis()
    return across, down


@styled
def brain_views(session: Session, axes: Many = None) -> np.ndarray:
    """Where the neurons sit: from the left, from behind and from above, coloured by group.

    In mm of the Allen common coordinate framework; a session without positions is refused. The
    outline of the brain is drawn by hand.
    """
    style.require(session, "ap", "dv", "lr", table="units")
    # The view from above lies under the one from the left: a millimetre is as long in each.
    ratios = {"width_ratios": [13.2, 10.4], "height_ratios": [7.8, 10.4]}
    axes = style.panels(axes, (2, 2), (9, 7.8), n=3, **ratios)
    units = session.units
    there = [group for group in allen.GROUPS if (units["group"] == group).any()]
    for ax, seen_from in zip(axes, ("the left", "behind", "above"), strict=True):
        plane = list(draw_brain(ax, seen_from))
        for _, probe in units.groupby("probe") if "probe" in units else ():
            ax.plot(*_shank(probe[plane].to_numpy() / 1000).T, color=style.GREY, linewidth=1)
        for group in there:
            places = units.loc[units["group"] == group, plane].to_numpy() / 1000
            ax.scatter(*places.T, 9, allen.color_of(group), alpha=0.7, label=group)
    axes[1].axvline(_MIDLINE_MM, color="black", linestyle=":", linewidth=1)
    axes[2].axhline(_MIDLINE_MM, color="black", linestyle=":", linewidth=1, label="midline")
    style.legend_above(axes, markerscale=3)
    left = (units["lr"] / 1000 < _MIDLINE_MM).mean()
    return described(
        axes,
        f"The positions of {len(units)} neurons in an outline of the brain, from the left, from "
        f"behind and from above, coloured by group of regions ({', '.join(there)}). They lie along "
        f"straight tracks, {left:.0%} of them in the left half.",
    )


def _both_halves(half: tuple[tuple[float, float], ...]) -> np.ndarray:
    right = np.array(half)
    return np.r_[right, (right * [-1, 1])[-2:0:-1]] + [_MIDLINE_MM, 0]


def _smooth(points: np.ndarray) -> np.ndarray:
    """A smooth closed curve through some points, (points, 2)."""
    from scipy.interpolate import CubicSpline

    closed = np.r_[points, points[:1]]
    steps = np.r_[0, np.cumsum(np.hypot(*np.diff(closed, axis=0).T))]
    return CubicSpline(steps, closed, bc_type="periodic")(np.linspace(0, steps[-1], 300))


def _shank(points: np.ndarray) -> np.ndarray:
    """The two ends of the straight line that lies closest to some points, (2, 2)."""
    middle = points.mean(axis=0)
    direction = np.linalg.svd(points - middle, full_matrices=False)[2][0]
    along = (points - middle) @ direction
    return middle + np.outer([along.min(), along.max()], direction)
