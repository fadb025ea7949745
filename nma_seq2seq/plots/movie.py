"""One trial as it runs: the screens, the wheel and the spikes of all neurons."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from nma_seq2seq import regions as allen
from nma_seq2seq.plots.rasters import neuron_order
from nma_seq2seq.plots.style import (
    EVENTS,
    INK,
    TIME,
    Options,
    grating,
    require,
    require_trial,
    styled,
)
from nma_seq2seq.session import Session

_CENTRE = 0.35  # how far the higher contrast has to travel, in widths of the drawing


@styled
def trial_movie(session: Session, trial: int | None = None, *, n_frames: int = 26) -> Any:
    """A trial in slow motion: gratings, wheel and every neuron's spikes, with a bar for the time.

    Parameters
    ----------
    session : Session
        Its trials need contrasts, and its behavior `wheel`.
    trial : int, optional
        Position of the trial; without it the first with a grating on one side alone, and a
        movement.
    n_frames : int
        Pictures, evenly spread over the trial. They are kept in the notebook, some 20 kB each.

    Returns
    -------
    IPython.display.HTML
        A player with buttons, which also works where no kernel runs.
    """
    from IPython.display import HTML

    require(session, ("contrast_left", "contrast_right"))
    require(session, ("wheel",), "behavior")
    if trial is None:
        trials = session.trials
        shown = (trials["contrast_left"] > 0) != (trials["contrast_right"] > 0)
        moved = trials["reaction_time"].notna() if "reaction_time" in trials else True
        trial = int(np.argmax(shown & moved))
    require_trial(session, trial)
    row = session.trials.iloc[trial]
    middle, speed = session.time + session.bin_size / 2, session.behavior["wheel"][trial]
    turned = np.cumsum(speed) * session.bin_size  # a.u.
    # Turning counts from the go cue on: before it, the gratings stay where they are.
    start = row.get("gocue", 0.0)
    moves = np.where(middle >= start, turned - np.interp(start, middle, turned), 0.0)
    shift = _CENTRE * moves / max(np.abs(moves).max(), 1e-9)

    ratios = [0.8, 0.7, 2.3]
    figure, panels = plt.subplots(3, 1, figsize=(6.6, 5.6), dpi=60, height_ratios=ratios)
    screens, wheel, spikes = panels
    screens.axis("off")
    look: Options = {"fc": "#9A9A9A", "ec": "black", "zorder": -1}
    view = screens.add_patch(Rectangle((-0.8, -0.22), 1.6, 0.44, **look))
    gratings = [
        (screens.imshow(grating(row[f"contrast_{side}"]), cmap="gray", vmin=0, vmax=1), at)
        for side, at in (("left", -_CENTRE), ("right", _CENTRE))
    ]
    for image, _ in gratings:
        image.set_clip_path(view)
    screens.set(xlim=(-1, 1), ylim=(-0.24, 0.36), aspect="equal")
    said = screens.text(0, 0.25, "", ha="center", va="bottom")
    wheel.plot(middle, speed, color="#CCCCCC", linewidth=1)
    (so_far,) = wheel.plot([], [], color=INK, linewidth=1.5)
    wheel.set(ylabel="wheel speed\n(a.u.)", xlim=(middle[0], middle[-1]), xticklabels=[])
    order = neuron_order(session, by="region")
    at, place = np.nonzero(session.spikes[trial][:, order])
    colors = np.array([allen.color_of(name) for name in session.units["region"].iloc[order]])
    # Ticks without smooth edges make pictures of half the size.
    ticks = spikes.vlines([], [], [], linewidth=0.8, antialiased=False)
    spikes.set(xlabel=TIME, ylabel="neuron", xlim=(middle[0], middle[-1]), ylim=(len(order), 0))
    bars = [ax.axvline(middle[0], color="black", linewidth=1) for ax in (wheel, spikes)]
    events = {0.0: "stimulus"} | {
        row[column]: name for column, (name, _, _) in EVENTS.items() if column in row
    }

    def draw(now: float) -> None:
        seen = now >= 0
        moved_by = np.interp(now, middle, shift)
        for image, home in gratings:
            image.set(
                visible=seen, extent=(home + moved_by - 0.2, home + moved_by + 0.2, -0.2, 0.2)
            )
        happened = [f"{name} at {t:.2f} s" for t, name in sorted(events.items()) if t <= now]
        said.set_text(", ".join(happened) or "before the stimulus")
        so_far.set_data(middle[middle <= now], speed[middle <= now])
        past = middle[at] <= now
        x, y = middle[at][past], place[past]
        ticks.set_segments(np.stack([np.c_[x, y], np.c_[x, y + 1]], axis=1))
        ticks.set_color(colors[y])
        for bar in bars:
            bar.set_xdata([now, now])

    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, or the panels would jump
    times = np.linspace(middle[0], middle[-1], n_frames)
    movie = FuncAnimation(figure, draw, frames=times, interval=100)
    page = movie.to_jshtml(default_mode="once")
    plt.close(figure)
    words = f"Trial {trial} in slow motion: gratings, speed of the wheel, spikes of all neurons."
    return HTML(page.replace("<img id=", f'<img alt="{words}" id=', 1))
