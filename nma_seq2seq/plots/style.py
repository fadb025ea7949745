"""One look for every figure: style, palettes, panels, and words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from numbers import Real
from typing import Any, TypeVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from nma_seq2seq import regions as allen
from nma_seq2seq.session import Session

T = TypeVar("T")
Many = Sequence[Axes] | np.ndarray | None  # what a figure of several panels takes
Options = dict[str, Any]  # of matplotlib, used several times or too long for one line
Point = tuple[float, float]
Kind = tuple[str, str, np.ndarray]  # trials of one value: its name, its colour, their positions

# Held inside each figure call alone (`@styled`): a reader's own settings stay as they are.
STYLE: dict[Any, Any] = {
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10.5,
    "figure.constrained_layout.use": True,
    "figure.titlesize": 11,
    "font.size": 9.5,
    "image.aspect": "auto",
    "image.interpolation": "nearest",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.title_fontsize": 9.5,
    "scatter.edgecolors": "none",
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


@contextmanager
def _style() -> Iterator[None]:
    """The course's style, and afterwards the reader's again.

    matplotlib's own `rc_context` puts every setting back, so also what a notebook's backend sets up
    when the first figure is made: no later figure would be shown.
    """
    before = {name: mpl.rcParams[name] for name in STYLE}
    mpl.rcParams.update(STYLE)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


styled = _style()  # decorates each public figure

INK, GREY = "#333333", "#8A8A8A"
TIME = "time from stimulus onset (s)"
SHORT_TIME = "time from stimulus (s)"
BITS = "bits per spike (null: mean rate)"
BESIDE: Options = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}  # a legend

# A model has one colour in the whole course, by the first of these that its name contains. The
# colours are Paul Tol's bright ones.
MODELS = {
    "without the recurrent": "#D59BBB",
    "seed 1": "#882255",
    "lstm": "#EE6677",
    "transformer": "#228833",
    "glm": "#66CCEE",
    "gru": "#66CCEE",
    "rnn": "#CCBB44",
    "principal components": "#CCBB44",
    "as given": "#B5651D",
    "recipe": "#EE6677",
    "original": "#EE6677",
    "project": "#EE6677",
    "population": "#CCBB44",
    "psth": "#228833",
    "regression": "#4477AA",
    "linear": "#4477AA",
    "rrr": "#4477AA",
    "mean": "#999999",
    "all source neurons": "#222222",
    "seq2seq": "#AA3377",
    "network": "#AA3377",
    "course's model": "#AA3377",
    "latents": "#AA3377",
    "denoised": "#AA3377",
}
_OTHERS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#66CCEE", "#222222")
MARKS = "osD^vP*"

# What the mouse did: Paul Tol's muted colours, which no group of regions has.
RESPONSES: dict[float, tuple[str, str, str]] = {
    1.0: ("left", "#882255", "o"),
    -1.0: ("right", "#117733", "s"),
    0.0: ("no-go", "#666666", "^"),
}
# Dark and saturated, apart from every group of regions and from the responses.
EVENTS: dict[str, tuple[str, str, str]] = {
    "reaction_time": ("movement", "#AA0A3C", "-"),
    "gocue": ("go cue", "#332288", "--"),
    "feedback_time": ("feedback", "#6B8E00", "-."),
}
MOST_VALUES = 8  # of a column, that lines are drawn for


def model_colors(names: Iterable[str]) -> dict[str, str]:
    """A colour for each model: its own where the name is known, else one that nobody has yet."""
    known = {name: next((MODELS[w] for w in MODELS if w in name.lower()), "") for name in names}
    left = cycle([color for color in _OTHERS if color not in known.values()] or _OTHERS)
    return {name: color or next(left) for name, color in known.items()}


# ---------------------------------------------------------------------- panels


def panel(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The axes given, or those of a new figure of this size in inches."""
    return plt.subplots(figsize=size)[1] if ax is None else ax


def panels(
    axes: Many, shape: tuple[int, int], size: tuple[float, float], **options: Any
) -> np.ndarray:
    """The axes given, or those of a new figure of some rows and columns, one after the other."""
    if axes is None:
        return plt.subplots(*shape, figsize=size, squeeze=False, **options)[1].ravel()
    given = np.array(np.ravel(np.asarray(axes, dtype=object)))
    needed = shape[0] * shape[1]
    if len(given) != needed:
        raise ValueError(f"axes has {len(given)} axes; this figure needs {needed}")
    return given


def trial_panels(axes: Many, n_rows: int, trials: Sequence[int] | np.ndarray) -> np.ndarray:
    """Panels over time, (rows, trials): a column for each of some test trials."""
    size = (9.5, 1.3 + 1.4 * n_rows)
    axes = panels(axes, (n_rows, len(trials)), size, sharex=True, sharey="row")
    axes = axes.reshape(n_rows, len(trials))
    for ax, trial in zip(axes[0], trials, strict=True):
        ax.set_title(f"test trial {trial}")
    for ax in axes[-1]:
        ax.set_xlabel(SHORT_TIME)
    return axes


def legend_above(axes: np.ndarray, title: str = "", **options: Any) -> None:
    """One legend, every name once: above the figure where it holds these axes alone."""
    first = axes.flat[0]
    drawn = [ax.get_legend_handles_labels() for ax in axes.flat]
    named = {name: handle for handles, names in drawn for handle, name in zip(handles, names)}  # noqa: B905
    if not named:
        return
    figure = first.figure
    alone = set(figure.axes) == set(axes.flat) and figure.get_layout_engine() is not None
    where = {"loc": "outside upper center"} if alone else {}
    (figure if alone else first).legend(
        named.values(), named.keys(), **{"title": title, "ncols": 4, **where, **options}
    )


def mark_stimulus(axes: Iterable[Axes] | np.ndarray, color: str = "black") -> None:
    """A dotted line at time 0."""
    for ax in axes:
        ax.axvline(0, color=color, linestyle=":", linewidth=1)


def time_map(ax: Axes, rows: np.ndarray, start: float, bin_size: float, **look: Any) -> AxesImage:
    """Rows over time from the stimulus as colours, the first row on top."""
    n_rows, n_bins = rows.shape
    extent = (start, start + n_bins * bin_size, n_rows, 0)
    image = ax.imshow(rows, extent=extent, **look)
    ax.set_xlabel(TIME)
    return image


def grating(contrast: float) -> np.ndarray:
    """A Gabor patch on grey, (60, 60), from 0 (black) to 1."""
    edge = np.linspace(-1.6, 1.6, 60)
    across, up = np.meshgrid(edge, edge)
    patch = np.sin(2 * np.pi * across / 0.75) * np.exp(-(across**2 + up**2) / 0.7)
    grey = 0x9A / 255
    return grey + contrast * patch * (1 - grey)


def arrow(ax: Axes, start: Point, end: Point, **look: Any) -> None:
    """An arrow between two points of a drawing."""
    style: Options = {"arrowstyle": "-|>", "color": INK, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style | look)


def readable(color: str) -> str:
    """A colour darkened until text in it stands out from white by 4.5 to 1, as WCAG 2.1 asks."""
    rgb = np.array(to_rgb(color))
    while 1.05 / (_luminance(rgb) + 0.05) < 4.5:
        rgb *= 0.95
    return to_hex(tuple(rgb))


def is_dark(color: str) -> bool:
    """Whether white text on a colour stands out more than black text does."""
    return _luminance(np.array(to_rgb(color))) < 0.18


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def color_regions(*axes: Axis) -> None:
    """Give the regions that are named along an axis the colours of their groups."""
    for axis in axes:
        for label in axis.get_ticklabels():
            label.set_color(readable(allen.color_of(label.get_text().split(" ")[0])))


def integer_ticks(axis: Axis) -> None:
    """Ticks at whole numbers alone."""
    axis.set_major_locator(MaxNLocator(integer=True))


def mean_band(ax: Axes, time: np.ndarray, values: np.ndarray, color: Any, label: str) -> None:
    """The mean of values (trials, time) and its 95 % interval over trials."""
    n, mean = len(values), values.mean(axis=0)
    error = 1.96 * values.std(axis=0, ddof=min(1, n - 1)) / np.sqrt(n)
    ax.plot(time, mean, color=color, label=f"{label} ({n} trials)")
    ax.fill_between(time, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)


# ---------------------------------------------------------------------- what is asked for


def require(session: Session, columns: Sequence[str], table: str = "trials") -> None:
    """Raise unless the session's trials, units or behavior have these columns."""
    there = getattr(session, table)
    for column in columns:
        if column not in there:
            raise ValueError(
                f"session {session.name} has no {column!r} in its {table}, which this figure "
                f"needs; it has {', '.join(map(str, there)) or 'nothing'}"
            )


def require_trial(session: Session, trial: int) -> None:
    """Raise unless the session has this trial."""
    if not 0 <= trial < session.n_trials:
        raise ValueError(
            f"no trial {trial}; session {session.name} has trials 0 to {session.n_trials - 1}"
        )


def words(column: str) -> str:
    """A column's name as it is said in a label."""
    return EVENTS[column][0] if column in EVENTS else column.replace("_", " ")


def kinds(trials: pd.DataFrame, by: str | None) -> list[Kind]:
    """Name, colour and positions of the trials of each value of a column; of all without one."""
    if by is None:
        return [("all trials", "black", np.arange(len(trials)))]
    column = trials[by]
    # Words come after numbers, where a reader's column has both.
    values = sorted(column.dropna().unique(), key=lambda value: (isinstance(value, str), value))
    if len(values) > MOST_VALUES:
        raise ValueError(
            f"{by!r} has {len(values)} values, too many to draw; choose a column with at most "
            f"{MOST_VALUES}, such as 'response' or 'contrast_right'"
        )
    found: list[Kind] = []
    for place, value in enumerate(values):
        if by == "response" and value in RESPONSES:
            name, color, _ = RESPONSES[value]
        else:
            name = f"{value:g}" if isinstance(value, Real) else str(value)
            shade = 0.85 - 0.85 * place / max(len(values) - 1, 1)
            color = to_hex(mpl.colormaps["viridis"](shade))
        found.append((name, color, np.flatnonzero(column == value)))
    return found


# ---------------------------------------------------------------------- alternative text


def described(axes: T, text: str) -> T:
    """Say in words what axes show; returns the axes.

    A notebook keeps the text with the picture, as `alt` in the metadata of the output, from where
    nbconvert and others give it to those who cannot see the picture. What is drawn into one
    figure by several calls is described by all their texts.

    Parameters
    ----------
    axes : Axes, or an array or list of them
    text : str
        What one would say of the figure to somebody on the phone.
    """
    first: Any = np.ravel(np.asarray(axes, dtype=object))[0]
    figure = first.figure.figure  # of a part of a figure: the whole
    text = f"{alt_text(figure)} {text}".strip()
    # IPython asks an object for this before it has a picture made of it.
    figure._repr_mimebundle_ = partial(_alt_metadata, text)
    return axes


def alt_text(figure: Figure) -> str:
    """What `described` has said of a figure so far; empty where nothing was."""
    bundle = getattr(figure, "_repr_mimebundle_", None)
    return bundle()[1]["image/png"]["alt"] if bundle else ""


def _alt_metadata(text: str, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
    return {}, {"image/png": {"alt": text}}
