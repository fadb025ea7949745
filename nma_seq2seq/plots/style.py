"""One look for every figure: style, palettes, panels, and words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from nma_seq2seq import regions as allen
from nma_seq2seq.session import Session

T = TypeVar("T")
Many = Sequence[Axes] | np.ndarray | None  # what a figure of several panels takes
Options = dict[str, Any]  # of matplotlib, used several times or too long for one line
Point = tuple[float, float]

# Held inside each figure call alone (`@styled`): a reader's own settings stay as they are.
_SHEET = Path(__file__).with_name("course.mplstyle")
STYLE = mpl.rc_params_from_file(_SHEET, use_default_template=False)


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

INK, GREY, PALE = "#333333", "#8A8A8A", "#BBBBBB"
BITS = "bits per spike (null: train mean)"
BESIDE: Options = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}  # a legend

# A model has one colour in the whole course: the first of these that has a word of its name. The
# colours are Paul Tol's bright ones.
MODELS = {
    "#D59BBB": ("without the recurrent",),
    "#882255": ("seed 1",),
    "#B5651D": ("as given",),
    "#EE6677": ("lstm", "recipe", "original", "project"),
    "#66CCEE": ("glm", "gru"),
    "#CCBB44": ("rnn", "principal components", "population"),
    "#228833": ("transformer", "psth"),
    "#4477AA": ("regression", "linear", "rrr"),
    "#999999": ("mean",),
    "#222222": ("all source neurons",),
    "#AA3377": ("seq2seq", "network", "course's model", "latents", "denoised"),
}
_OTHERS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#66CCEE", "#222222")
# With which lines and points are told apart where colours are not: in print, or by one's eyes.
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 3)))
MARKS = "osD^vP*"

# What the mouse did: Paul Tol's muted colours, which no group of regions has.
RESPONSES: dict[float, tuple[str, str, str, str]] = {
    1.0: ("left", "#882255", "o", "-"),
    -1.0: ("right", "#117733", "s", "--"),
    0.0: ("no-go", "#666666", "^", ":"),
}
# Dark and saturated, apart from every group of regions and from the responses.
EVENTS: dict[str, tuple[str, str, str]] = {
    "reaction_time": ("movement", "#AA0A3C", "-"),
    "gocue": ("go cue", "#332288", "--"),
    "feedback_time": ("feedback", "#6B8E00", "-."),
}
MOST_VALUES = 8  # of a column, that lines are drawn for


class Kind(NamedTuple):
    """The trials of one value of a column, and how their line looks."""

    name: str
    trials: np.ndarray  # positions
    color: str
    dashes: str = "-"


def looks(names: Iterable[str], **turns: Iterable[Any]) -> Iterator[tuple[str, Options]]:
    """Each model with its colour, and with its own of what goes in turn, such as markers."""
    for (name, color), *own in zip(
        model_colors(names).items(), *map(cycle, turns.values()), strict=False
    ):
        yield name, {"color": color} | dict(zip(turns, own, strict=True))


def model_colors(names: Iterable[str]) -> dict[str, str]:
    """A colour for each model: its own where the name is known, else one that nobody has yet."""
    known = {name: model_color(name) for name in names}
    left = cycle([color for color in _OTHERS if color not in known.values()] or _OTHERS)
    return {name: color or next(left) for name, color in known.items()}


def model_color(name: str) -> str:
    """The colour of a model whose name is known, else nothing."""
    named = (color for color, words in MODELS.items() if any(w in name.lower() for w in words))
    return next(named, "")


# ---------------------------------------------------------------------- panels


def panels(
    axes: Axes | Many,
    shape: tuple[int, int],
    size: tuple[float, float],
    n: int | None = None,
    **options: Any,
) -> np.ndarray:
    """The axes given, or the first n of a new figure of some rows and columns, row by row."""
    needed = shape[0] * shape[1] if n is None else n
    if axes is None:
        made = plt.subplots(*shape, figsize=size, squeeze=False, **options)[1].ravel()
        for spare in made[needed:]:
            spare.remove()
        return made[:needed]
    given = np.ravel(np.asarray(axes, dtype=object))
    for each in given:
        if not isinstance(each, Axes):
            raise TypeError(f"a {type(each).__name__} is no Axes; give ax or axes of plt.subplots")
    if len(given) != needed:
        raise ValueError(f"axes has {len(given)} axes; this figure needs {needed}")
    return given


def panel(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The axes given, or those of a new figure of this size in inches."""
    return panels(ax, (1, 1), size)[0]


def legend_above(axes: Axes | np.ndarray, title: str = "", **options: Any) -> None:
    """One legend, every name once: above the figure where it holds these axes alone."""
    axes = np.ravel(np.asarray(axes, dtype=object))
    drawn = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in axes]
    named = {name: handle for pairs in drawn for handle, name in pairs}
    figure = axes[0].figure
    alone = set(figure.axes) == set(axes) and figure.get_layout_engine() is not None
    if named:
        options = {"title": title, "ncols": 4} | options
        options |= {"loc": "outside upper center"} if alone else {}
        (figure if alone else axes[0]).legend(named.values(), named.keys(), **options)


def heatmap(ax: Axes, table: pd.DataFrame, **look: Any) -> None:
    """A table of regions, or of regions in sessions, as colours, with the groups' for its names."""
    import seaborn as sns

    sns.heatmap(table, ax=ax, xticklabels=True, yticklabels=True, **look)
    ax.tick_params(axis="x", rotation=90)
    ax.tick_params(axis="y", rotation=0)
    color_regions(ax.xaxis, ax.yaxis)


def time_map(ax: Axes, rows: np.ndarray, edges: Point, **look: Any) -> AxesImage:
    """Rows over time as colours, the first row on top."""
    return ax.imshow(rows, extent=(*edges, len(rows), 0), **look)


# ---------------------------------------------------------------------- time


def zero_of(session: Session) -> str:
    """What happens at time 0 in a word, such as "stimulus"."""
    return session.alignment.removesuffix(" onset")


def edges(session: Session) -> Point:
    """Start of the first bin and end of the last, seconds."""
    return session.time[0], session.time[-1] + session.bin_size


def middles(session: Session) -> np.ndarray:
    """The middle of each bin, seconds."""
    return session.time + session.bin_size / 2


def over_time(
    axes: Iterable[Axes] | np.ndarray, session: Session, *, short: bool = False, color: str = "k"
) -> None:
    """Below the axes what time 0 is, and a dotted line there."""
    event = zero_of(session) if short else session.alignment
    for ax in axes:
        ax.axvline(0, color=color, linestyle=":", linewidth=1)
        ax.set_xlabel(f"time from {event} (s)")


def mean_band(ax: Axes, session: Session, values: np.ndarray, kind: Kind) -> None:
    """The mean of values (trials, time) over trials of a kind, and its 95 % interval."""
    values, n, time = values[kind.trials], len(kind.trials), middles(session)
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=min(1, n - 1)) / np.sqrt(n)
    ax.plot(time, mean, kind.dashes, color=kind.color, label=f"{kind.name} ({n} trials)")
    ends = mean - 1.96 * error, mean + 1.96 * error
    ax.fill_between(time, *ends, color=kind.color, alpha=0.2, linewidth=0)


def spike_ticks(ax: Axes, seconds: np.ndarray) -> None:
    """Spikes as ticks below a panel over time."""
    look: Options = {"color": "black", "markersize": 7, "clip_on": False, "label": "spikes"}
    below = ax.get_xaxis_transform()
    (line,) = ax.plot(seconds, np.full(len(seconds), -0.06), "|", transform=below, **look)
    line.set_in_layout(False)  # where no spike is, the layout takes it to be at the corner
    ax.tick_params(axis="x", pad=9)


@contextmanager
def trial_panels(
    axes: Many, n_rows: int, session: Session, trials: Sequence[int] | np.ndarray
) -> Iterator[np.ndarray]:
    """Panels over time to draw in, (rows, trials): a column for each of some test trials."""
    shape = n_rows, len(trials)
    axes = panels(axes, shape, (9.5, 1.3 + 1.4 * n_rows), sharex=True, sharey="row").reshape(shape)
    yield axes
    over_time(axes.flat, session, short=True)
    for ax in axes[:-1].flat:
        ax.set_xlabel("")
    for ax, trial in zip(axes[0], trials, strict=True):
        ax.set_title(f"test trial {trial}")
    legend_above(axes)


def events(session: Session) -> list[tuple[str, str, str, np.ndarray]]:
    """Name, colour, dashes and seconds in each trial of the events that the session has."""
    return [
        (*look, session.trials[column].to_numpy())
        for column, look in EVENTS.items()
        if column in session.trials
    ]


# ---------------------------------------------------------------------- parts of drawings


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
            name = label.get_text().split(" (")[0]
            if allen.is_known(name) or name in allen.GROUPS:
                label.set_color(readable(allen.color_of(name)))


def log_ticks(ax: Axes, values: Iterable[float]) -> None:
    """A logarithmic x axis with a tick at each of the values, and no others."""
    ticks = sorted(set(values))
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def reach(table: pd.DataFrame, value: str) -> np.ndarray:
    """How far the interval from `low` to `high` reaches to both sides of a value, (2, rows)."""
    return np.array([table[value] - table["low"], table["high"] - table[value]])


def rows_down(ax: Axes, names: Iterable[str]) -> np.ndarray:
    """Places of named rows, the first on top, and a line at 0 behind them."""
    names = list(names)
    places = -np.arange(len(names))
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    ax.set_yticks(places, names)
    ax.set_ylim(0.4 - len(names), 0.6)
    return places


# ---------------------------------------------------------------------- what is asked for


def require(session: Session, *columns: str, table: str = "trials") -> None:
    """Raise unless the session's trials, units or behavior have these columns."""
    there = getattr(session, table)
    for column in columns:
        if column not in there:
            raise ValueError(
                f"session {session.name} has no {column!r} in its {table}, which this figure "
                f"needs; it has {', '.join(map(str, there)) or 'nothing'}"
            )


def require_some(values: Any, what: str) -> None:
    """Raise unless there is anything to draw: an entry of a mapping, or a number that is finite."""
    is_mapping = isinstance(values, Mapping)
    if not (len(values) if is_mapping else np.isfinite(np.asarray(values, dtype=float)).any()):
        raise ValueError(f"there is no {what} to draw in what was given")


def require_numbers(table: pd.DataFrame, column: str) -> None:
    """Raise unless a table has numbers to draw in this column."""
    if column not in table:
        raise ValueError(
            f"the table has no column {column!r}; it has {', '.join(map(str, table)) or 'none'}"
        )
    require_some(table[column], f"number in {column!r}")


def words(column: str) -> str:
    """A column's name as it is said in a label."""
    return EVENTS[column][0] if column in EVENTS else column.replace("_", " ")


def kinds(session: Session, by: str | None, trials: np.ndarray | None = None) -> list[Kind]:
    """The kinds of some trials by the values of a column; a single kind without one."""
    trials = np.arange(session.n_trials) if trials is None else trials
    if by is None:
        return [Kind("all trials", trials, "black")]
    require(session, by)
    column = session.trials[by].iloc[trials]
    # Words come after numbers, where a reader's column has both.
    values = sorted(column.dropna().unique(), key=lambda value: (isinstance(value, str), value))
    if len(values) > MOST_VALUES:
        raise ValueError(
            f"{by!r} has {len(values)} values, too many to draw; choose a column with at most "
            f"{MOST_VALUES}, such as 'response' or 'contrast_right'"
        )
    found: list[Kind] = []
    shades = mpl.colormaps["viridis"](np.linspace(0.85, 0, len(values)))
    for value, shade in zip(values, shades, strict=True):
        here = trials[(column == value).to_numpy()]
        if by == "response" and value in RESPONSES:
            name, color, _, dashes = RESPONSES[value]
            found.append(Kind(name, here, color, dashes))
        else:
            name = f"{value:g}" if isinstance(value, Real) else str(value)
            found.append(Kind(name, here, to_hex(shade)))
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


def listed(values: Mapping[str, float] | pd.Series, form: str = ".2f") -> str:
    """Names and their numbers, as one says them."""
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())


def _alt_metadata(text: str, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
    return {}, {"image/png": {"alt": text}}
