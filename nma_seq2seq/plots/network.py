"""The network: its architecture, its cell and its link, drawn by code."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from nma_seq2seq.plots import style
from nma_seq2seq.plots.style import INK, Many, Options, Point, arrow, described, styled

_PALE = "#F2F2F2"
_FORWARD, _BACKWARD, _LATENT, _RATE = "#0072B2", "#C24E00", "#007A5A", "#A8527F"
_UNITS = ("#222222", "#EE6677", "#66CCEE", "#CCBB44", "#228833")


@styled
def architecture(
    n_sources: int, n_targets: int, n_latents: int = 15, *, ax: Axes | None = None
) -> Axes:
    """Draw the network from source counts to rates, with these numbers."""
    ax = _canvas(ax, (9.5, 2.8), (0, 19), (1.2, 6.7))
    for x, width in ((0.3, 2.8), (10.9, 2.3), (15.9, 2.8)):
        _box(ax, (x, 2.4), width, 3.0)
    spikes = np.random.default_rng(3).random((9, 24)) < 0.16
    row, column = np.nonzero(spikes)
    ax.plot(0.45 + column * 0.11, 2.65 + row * 0.31, "|", color=INK, markersize=5)
    _caption(ax, 1.7, "source counts", f"(trials, time, {n_sources})")

    for y, color, name, step in ((4.9, _FORWARD, "forward", 1), (2.9, _BACKWARD, "backward", -1)):
        _box(ax, (4.5, y - 0.85), 3.8, 1.7)
        steps = 4.65 + 1.3 * np.linspace(0.25, 2.55, 6)
        ax.plot(steps, np.full(6, y - 0.2), "o", color=color, markersize=9)
        for here, after in pairwise(steps[::step]):
            arrow(ax, (here + 0.2 * step, y - 0.2), (after - 0.2 * step, y - 0.2), color=color)
        ax.text(6.4, y + 0.42, f"{name} LSTM", ha="center", va="center", color=color, fontsize=10)
        arrow(ax, (3.2, 3.9 + 0.25 * step), (4.4, y))
        arrow(ax, (8.4, y), (9.3, 3.9 + 0.3 * step))
    _caption(ax, 6.4, "two directions", f"(trials, time, 2 x {n_latents})", low=1.85)

    _circle(ax, 9.75, 3.9, "mean", radius=0.52, fontsize=9)
    ax.text(9.75, 3.2, "of the two", ha="center", va="top", fontsize=9)
    arrow(ax, (10.3, 3.9), (10.85, 3.9))

    time = np.linspace(0, 1, 60)
    for k, color in enumerate((_LATENT, "#56B4E9", "#E69F00")):
        wave = 0.32 * np.sin(2 * np.pi * ((k + 1) * 0.6 * time + 0.3 * k))
        ax.plot(11.05 + 2.0 * time, 3.0 + 0.9 * k + wave, color=color, lw=1.6)
    _caption(ax, 12.05, "latents", f"(trials, time, {n_latents})")
    arrow(ax, (13.25, 3.9), (13.75, 3.9))

    _box(ax, (13.85, 3.5), 1.15, 0.8, "linear", fc="white")
    _box(ax, (13.85, 2.05), 1.15, 0.8, "softplus", fc="white")
    arrow(ax, (14.42, 3.4), (14.42, 2.95))
    arrow(ax, (15.1, 2.45), (15.8, 3.4))

    for k in range(4):
        bump = np.exp(-(((time - 0.3 - 0.12 * k) / (0.1 + 0.04 * k)) ** 2))
        base = 2.55 + 0.7 * k
        ax.fill_between(16.05 + 2.5 * time, base, base + 0.08 + 0.5 * bump, color=_RATE, lw=0)
    _caption(ax, 17.3, "target rates", f"(trials, time, {n_targets})")
    return described(
        ax,
        f"A drawing of the network from left to right: counts of {n_sources} source neurons; an "
        "LSTM that reads them forward and one that reads them backward; the mean of the two, "
        f"{n_latents} latents a bin; a linear layer; a softplus; rates of {n_targets} neurons.",
    )


@styled
def lstm_cell(ax: Axes | None = None) -> Axes:
    """Draw one step of an LSTM: the memory line, and the gates that act on it."""
    ax = _canvas(ax, (9, 3.9), (-0.9, 18), (0.5, 7.6))
    _box(ax, (2.4, 1.5), 13.0, 5.8)
    memory, gate = 6.3, 2.9
    arrow(ax, (-0.4, memory), (17.0, memory), lw=2)
    ax.text(-0.5, memory + 0.25, "memory $c_{t-1}$", va="bottom", fontsize=10)
    ax.text(17.5, memory + 0.25, "$c_t$", ha="right", va="bottom", fontsize=11)

    parts = (
        (4.0, "forget", "$f = \\sigma(\\cdot)$", "what of the\nmemory to keep", _FORWARD),
        (7.0, "input", "$i = \\sigma(\\cdot)$", "what of the new\nto write", _BACKWARD),
        (9.9, "candidate", "$g = \\tanh(\\cdot)$", "the new\nitself", _LATENT),
        (13.4, "output", "$o = \\sigma(\\cdot)$", "what of the\nmemory to show", _RATE),
    )
    for x, name, formula, meaning, color in parts:
        _box(ax, (x - 1.05, gate - 0.65), 2.1, 1.3, f"{name}\n{formula}", fc=color)
        ax.text(x, gate - 0.85, meaning, ha="center", va="top", fontsize=9, linespacing=1.15)

    arrow(ax, (4.0, gate + 0.75), (4.0, memory - 0.32), color=_FORWARD)
    arrow(ax, (7.0, gate + 0.75), (8.15, 4.75), color=_BACKWARD)
    arrow(ax, (9.9, gate + 0.75), (8.75, 4.75), color=_LATENT)
    arrow(ax, (8.45, 5.3), (8.45, memory - 0.32))
    arrow(ax, (14.6, memory), (14.6, 5.33))
    ax.text(14.75, 5.7, "tanh", va="center", fontsize=9)
    arrow(ax, (13.7, gate + 0.75), (14.4, 4.72), color=_RATE)
    arrow(ax, (14.95, 5.0), (17.0, 5.0), lw=2)
    ax.text(17.5, 5.2, "state $h_t$", ha="right", va="bottom", fontsize=10)
    for x, y, sign in ((4.0, memory, "×"), (8.45, 5, "×"), (8.45, memory, "+"), (14.6, 5, "×")):
        _circle(ax, x, y, sign, fontsize=13)

    ax.text(-0.5, 3.2, "input $x_t$", va="bottom", fontsize=10)
    ax.text(-0.5, 2.5, "state $h_{t-1}$", va="top", fontsize=10)
    arrow(ax, (-0.4, 3.05), (2.25, 3.05), lw=2)
    arrow(ax, (-0.4, 2.65), (2.25, 2.65), lw=2)
    both = "each gate reads both: $W x_t + b + U h_{t-1} + b'$"
    ax.text(8.9, 0.75, both, ha="center", fontsize=10)
    return described(
        ax,
        "A drawing of one step of an LSTM. The memory runs straight through on top: it is "
        "multiplied by the forget gate, input gate times candidate is added, and the output gate "
        "says what of its tanh becomes the new state. All four read the input and the old state.",
    )


@styled
def step_responses(
    responses: Mapping[str, np.ndarray], stimulus: np.ndarray, axes: Many = None
) -> np.ndarray:
    """An input over time, and what one unit of each kind makes of it.

    Parameters
    ----------
    responses : dict of name -> array, (time,)
    stimulus : array, (time,)
        Input counts per bin of 10 ms.
    """
    style.require_some(responses, "response")
    style.require_some(stimulus, "input")
    time = np.arange(len(stimulus)) / 100
    axes = style.panels(axes, (2, 1), (8, 4.2), sharex=True, height_ratios=(1, 2))
    axes[0].bar(time, stimulus, width=0.01, align="edge", color=INK)
    axes[0].set_ylabel("input\n(spikes\nper bin)")
    axes[0].locator_params(axis="y", integer=True)
    # Kinds of units, and not the trained models that have colours of their own.
    units = zip(_UNITS, style.DASHES, responses.items(), strict=False)
    for color, dashes, (name, response) in units:
        axes[1].step(time, response, dashes, where="post", color=color, label=name)
    axes[1].axhline(0, color=style.PALE, linewidth=0.8, zorder=0)
    axes[1].set(xlabel="time (s)", ylabel="state of the unit (a.u.)")
    axes[1].legend()
    highest = style.listed({name: response.max() for name, response in responses.items()})
    return described(
        axes,
        f"Above, an input of {int(np.sum(stimulus))} spikes over time. Below, the states of units; "
        f"the highest of each: {highest}.",
    )


@styled
def links(betas: tuple[float, ...] = (1.0, 3.0, 10.0), axes: Many = None) -> np.ndarray:
    """Functions that make a rate of any number, and their slopes.

    The betas are sharpnesses of the softplus, log(1 + exp(beta x)) / beta.
    """
    style.require_some(betas, "beta")
    x = np.linspace(-1.6, 1.6, 400)
    curves = {f"softplus, beta {beta:g}": np.logaddexp(0, beta * x) / beta for beta in betas}
    curves |= {"exp": np.exp(x), "cut off at 0 (ReLU)": x.clip(min=0)}
    axes = style.panels(axes, (1, 2), (9, 3.4))
    for name, look in style.looks(curves, linestyle=style.DASHES):
        axes[0].plot(x, curves[name], linewidth=2, label=name, **look)
        axes[1].plot(x, np.gradient(curves[name], x), linewidth=2, **look)
    for ax, label in zip(
        axes, ("rate (spikes per bin)", "slope (what gradients pass)"), strict=True
    ):
        ax.set(xlabel="output of the linear layer", ylabel=label, ylim=(-0.05, 2.6))
    axes[0].legend()
    return described(
        axes,
        f"{', '.join(curves)}, as functions of the output of the linear layer (left), and their "
        "slopes (right). The larger beta is, the sharper the bend of the softplus at 0.",
    )


@styled
def output_biases(
    rates: Mapping[str, np.ndarray], observed: np.ndarray, ax: Axes | None = None
) -> Axes:
    """Rates with which untrained networks start, against the rates of the same neurons in the data.

    Parameters
    ----------
    rates : dict of name -> array, (n_targets,)
        Counts per bin that an output of zero from the latents leads to.
    observed : array, (n_targets,)
        Mean counts per bin in the training trials.
    """
    style.require_some(rates, "rate")
    style.require_some(np.where(observed > 0, observed, np.nan), "neuron that fires")
    ax = style.panel(ax, (5.6, 4.4))
    top = 1.4 * max(observed.max(), *(np.max(rate) for rate in rates.values()))
    low = 0.5 * max(observed[observed > 0].min(), 1e-4)
    ax.plot((low, top), (low, top), color="#999999", linewidth=1, zorder=0, label="equal")
    for name, look in style.looks(rates, marker=style.MARKS):
        look |= {"linestyle": "", "markersize": 5, "alpha": 0.8}
        ax.plot(observed, rates[name], label=name, **look)
    ax.set(xscale="log", yscale="log", xlim=(low, top))
    ax.set_xlabel("mean of the target neuron in training (spikes per bin)")
    ax.set_ylabel("rate before training (spikes per bin)")
    ax.legend()
    off = {name: np.median(rate / np.maximum(observed, low)) for name, rate in rates.items()}
    return described(
        ax,
        "Rates of untrained networks against the mean rates of the same neurons, both on log "
        f"scales. Median ratio of the two: {style.listed(off, '.1f')}.",
    )


def _canvas(ax: Axes | None, size: Point, width: Point, height: Point) -> Axes:
    ax = style.panel(ax, size)
    ax.set(xlim=width, ylim=height, aspect="equal")
    ax.set_axis_off()
    return ax


def _box(
    ax: Axes, corner: Point, width: float, height: float, text: str = "", fc: str = _PALE
) -> None:
    """A box with rounded corners, and words in the middle of it."""
    edge = "#AAAAAA" if fc == _PALE else INK
    box: Options = {"boxstyle": "round,pad=0.06", "facecolor": fc, "edgecolor": edge}
    ax.add_patch(FancyBboxPatch(corner, width, height, **box))
    ink = "white" if style.is_dark(fc) else "black"
    x, y = corner[0] + width / 2, corner[1] + height / 2
    ax.text(x, y, text, ha="center", va="center", color=ink, linespacing=1.4)


def _circle(ax: Axes, x: float, y: float, text: str, radius: float = 0.3, **look: Any) -> None:
    ax.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=INK, zorder=3))
    ax.text(x, y, text, ha="center", va="center_baseline", zorder=4, **look)


def _caption(ax: Axes, x: float, name: str, shape: str, low: float = 2.1) -> None:
    ax.text(x, 5.95, name, ha="center", va="bottom", fontsize=11, weight="bold")
    ax.text(x, low, shape, ha="center", va="top", fontsize=9, color=INK)
