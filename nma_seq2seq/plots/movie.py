"""One trial as it runs: the screens, the wheel and the spikes of all neurons."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle

from nma_seq2seq.arguments import whole
from nma_seq2seq.plots import style
from nma_seq2seq.plots.rasters import draw_spikes, neuron_order
from nma_seq2seq.session import Session

_CENTRE = 0.35  # how far the higher contrast has to travel, in widths of the drawing


@style.styled
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
        Pictures, evenly spread over the trial. They are kept in the notebook, some 30 kB each.

    Returns
    -------
    IPython.display.HTML
        A player with buttons, which also works where no kernel runs.
    """
    from IPython.display import HTML

    style.require(session, "contrast_left", "contrast_right")
    style.require(session, "wheel", table="behavior")
    trials = session.trials
    if trial is None:
        shown = (trials["contrast_left"] > 0) != (trials["contrast_right"] > 0)
        moved = trials["reaction_time"].notna() if "reaction_time" in trials else True
        trial = int(np.argmax(shown & moved))
    row = trials.iloc[whole("trial", trial, 0, session.n_trials - 1)]
    time, speed = style.middles(session), session.behavior["wheel"][trial]
    turned = np.cumsum(speed) * session.bin_size  # a.u.
    # Turning counts from the go cue on: before it, the gratings stay where they are.
    onset = row.get("stimulus_onset", 0.0)
    start = row.get("gocue", onset)
    moves = np.where(time >= start, turned - np.interp(start, time, turned), 0.0)
    shift = _CENTRE * moves / max(np.abs(moves).max(), 1e-9)

    figure, (screens, wheel, spikes) = plt.subplots(
        3, 1, figsize=(6.6, 5.6), dpi=60, height_ratios=[0.8, 0.7, 2.3]
    )
    screens.axis("off")
    view = screens.add_patch(Rectangle((-0.8, -0.22), 1.6, 0.44, fc="#9A9A9A", ec="k", zorder=-1))
    gratings = [
        (screens.imshow(style.grating(contrast), cmap="gray", vmin=0, vmax=1), at)
        for contrast, at in ((row["contrast_left"], -_CENTRE), (row["contrast_right"], _CENTRE))
    ]
    for image, _ in gratings:
        image.set_clip_path(view)
    screens.set(xlim=(-1, 1), ylim=(-0.24, 0.36), aspect="equal")
    said = screens.text(0, 0.25, "", ha="center", va="bottom")
    wheel.plot(time, speed, color="#CCCCCC", linewidth=1)
    (so_far,) = wheel.plot([], [], color=style.INK, linewidth=1.5)
    wheel.set(ylabel="wheel speed\n(a.u.)", xlim=style.edges(session), xticklabels=[])
    draw_spikes(spikes, session, trial, neuron_order(session, by="region"))
    # Small marks without smooth edges make pictures of half the size.
    spikes.collections[0].set(sizes=[1], antialiased=False)
    start, stop = style.edges(session)
    # The lowest matplotlib makes an axvspan that cannot be moved.
    to_come = spikes.add_patch(Rectangle((start, 0), stop - start, 1, color="white", zorder=2))
    to_come.set_transform(spikes.get_xaxis_transform())
    bars = [ax.axvline(time[0], color="black", linewidth=1) for ax in (wheel, spikes)]
    events = [(onset, "stimulus")]
    events += [(seconds[trial], name) for name, *_, seconds in style.events(session)]

    def draw(now: float) -> None:
        for image, home in gratings:
            at = home + np.interp(now, time, shift)
            image.set(visible=now >= onset, extent=(at - 0.2, at + 0.2, -0.2, 0.2))
        happened = [f"{name} at {t:.2f} s" for t, name in sorted(events) if t <= now]
        said.set_text(", ".join(happened) or "before the stimulus")
        so_far.set_data(time[time <= now], speed[time <= now])
        to_come.set_x(now)
        for bar in bars:
            bar.set_xdata([now, now])

    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, or the panels would jump
    frames = np.linspace(time[0], time[-1], n_frames)
    movie = FuncAnimation(figure, draw, frames=frames, interval=100)
    page = movie.to_jshtml(default_mode="once")
    plt.close(figure)
    words = f"Trial {trial} in slow motion: gratings, speed of the wheel, spikes of all neurons."
    return HTML(page.replace("<img id=", f'<img alt="{words}" id=', 1))
