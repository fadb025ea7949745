"""A simulated session whose latents are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nma_seq2seq import regions as allen
from nma_seq2seq.arguments import one_of, whole
from nma_seq2seq.school_format import PASSIVE, TASKS
from nma_seq2seq.session import Session

BIN_SIZE = 0.01  # s
STIM_ONSET = 0.5  # s after the start of bin 0

#: The shape of session 31: 69 neurons of MOs and 453 others.
REGIONS: dict[str, int] = {
    "MOs": 69, "ACA": 52, "PL": 40, "VISp": 54, "VISam": 32, "CA1": 46, "DG": 24, "LP": 62,
    "SCm": 42, "MRN": 30, "CP": 58, "root": 13,
}  # fmt: skip


class Area(NamedTuple):
    """What moves an area's own latent, and how strongly its neurons read latents.

    `grating` and `movement` are how far the contralateral grating, and a movement to come, drive
    it. Read-outs are standard deviations of log-rate for a latent of unit size.
    """

    tau: float  # of its own activity, s
    grating: float
    movement: float
    read_brain_wide: tuple[float, float, float, float]
    read_own: float


#: Latents that every region reads, and then one of its own for each area (see `area_of`).
BRAIN_WIDE = ("engagement", "movement", "choice", "reward")
AREAS = {
    "thalamus": Area(0.15, 1.5, 0.0, (0.30, 0.35, 0.20, 0.25), 0.90),
    "basal ganglia": Area(0.18, 0.0, 1.0, (0.30, 0.45, 0.45, 0.60), 0.90),
    "hippocampus": Area(0.15, 0.0, 0.0, (0.35, 0.30, 0.10, 0.30), 0.75),
    "visual cortex": Area(0.10, 2.0, 0.0, (0.30, 0.35, 0.10, 0.20), 0.75),
    "frontal cortex": Area(0.15, 0.0, 0.0, (0.40, 0.35, 0.45, 0.60), 0.85),
    "motor cortex": Area(0.15, 0.0, 1.0, (0.45, 0.50, 0.60, 0.55), 0.90),
    "midbrain": Area(0.12, 1.0, 1.0, (0.30, 0.45, 0.60, 0.40), 0.90),
}
_READ_ELSEWHERE = (0.35, 0.40, 0.10, 0.15)  # of neurons in no area
LATENTS = (*BRAIN_WIDE, *AREAS)

#: (source, target, delay in bins): the target's latent holds the source's as it was so long ago.
#: Hippocampus sends and receives nothing: what predicts it, or it predicts, is brain-wide.
PATHS: tuple[tuple[str, str, int], ...] = (
    ("thalamus", "visual cortex", 2),
    ("visual cortex", "frontal cortex", 4),
    ("thalamus", "motor cortex", 3),
    ("frontal cortex", "motor cortex", 3),
    ("basal ganglia", "motor cortex", 5),
    ("motor cortex", "midbrain", 3),
)
_PATH_WEIGHT = 0.56

_READOUT_LIMIT = 1.2
_WARM_UP = 1.0  # s before bin 0, so that delays and filters have a past to draw on

_MEAN_RATE_HZ = 4.2
_GAIN_DRIFT = 0.3  # standard deviation over trials of a neuron's log-gain

#: Probes, from the top down: a region on two of them is met by both, and what none names has one of
#: its own. White matter between regions ("root") is met by all.
PROBES: tuple[tuple[str, ...], ...] = (
    ("MOs", "ACA", "PL", "ILA"),
    ("MOs", "MOp", "CP", "ACB"),
    ("VISam", "CA1", "DG", "LP", "PO"),
    ("VISp", "SCs", "SCm", "MRN", "RN"),
)
_REACH = 350.0  # µm of a region above and below its centre, where no other one is in the way
# What a spike sorter does: so many units are halves of a split cell, and so many count spikes of a
# unit that is at most so far away, too: a share of theirs, exponential with this mean.
_SPLIT, _LEAKY, _LEAK, _LEAK_UM, _COPIED = 0.2, 0.25, 0.1, 60.0, 0.2

_MIDLINE = 5700.0  # µm


def area_of(region: str) -> str | None:
    """The area whose latent a region's neurons read: a member of `AREAS`, or None for none.

    Areas are the groups of regions, with motor cortex (MOs, MOp) apart from the rest of "other
    cortex", here called frontal. Cortical subplate and `root` read brain-wide latents alone.
    """
    if region in ("MOs", "MOp"):
        return "motor cortex"
    group = allen.group_of(region)
    area = "frontal cortex" if group == "other cortex" else group
    return area if area in AREAS else None


def simulate_session(
    seed: int = 0,
    *,
    n_trials: int = 260,
    n_bins: int = 250,
    regions: Mapping[str, int] | None = None,
    task: str = "active",
    n_passive: int = 80,
) -> Session:
    """A simulated session of the visual discrimination task, with its true latents and rates.

    Eleven latents (`LATENTS`) drive all neurons. Four are brain-wide: engagement (slow over
    trials), movement (locked to the wheel and to the face), choice (signed, rising before the
    movement and slowly falling) and reward. The other seven are one area's own (`area_of`): noise
    with dynamics, the responses to the contralateral (right) grating and to the movement, and what
    arrives from other areas with a delay (`PATHS`). A neuron's log-rate is a linear read-out
    of the latents plus a bias plus a gain that drifts slowly over trials; its spikes are Poisson.

    What is counted is what a spike sorter makes of them. Units lie along probes that run through
    several regions (`PROBES`). Some cells are split into two units, each spike going to either;
    and some units count a share of the spikes of a unit beside them once more.

    Parameters
    ----------
    seed : int
        The same seed gives the same session.
    n_trials, n_bins : int
        Bins of 10 ms; the first starts 0.5 s before the stimulus.
    regions : mapping of Allen acronym to number of neurons, optional
        `REGIONS` by default.
    task : "active" or "passive"
        The trials of the task; or `n_passive` trials of the same neurons after it, in which
        gratings are shown and nothing is done.
    n_passive : int
        How many trials the passive session has; the one of the task is the same for any number.

    Returns
    -------
    Session
        `origin` is "simulated"; `latents` (trials, time, latents) in the order of `LATENTS`,
        `rates` (trials, time, neurons) expected counts per bin, gain and leak included. Of the
        columns of `units` those named true are the truth about the sorting, which no
        recording has: `true_cell`, the same number for the two units of a split cell;
        `true_neighbor`, the unit whose spikes are counted too, and -1 for none; `true_leak`, how
        large a share of all its expected counts these are.

    Raises
    ------
    ValueError
        If a size is not a whole number or too small, or a region is unknown.

    Examples
    --------
    >>> twin = nma.simulate_session(seed=1)
    >>> twin.origin, twin.latents.shape[:2] == twin.spikes.shape[:2]
    ('simulated', True)
    >>> passive = nma.simulate_session(seed=1, task="passive")
    >>> passive.name, passive.n_trials, list(passive.trials)
    ('Simulated_1_passive', 80, ['contrast_left', 'contrast_right'])
    """
    is_passive = one_of("task", task, TASKS) == "passive"
    n_passive = whole("n_passive", n_passive, 1) if is_passive else 0
    recording, truth = simulate_recording(
        seed, n_trials=n_trials, n_bins=n_bins, regions=regions, n_passive=n_passive
    )
    return Session.from_dict(recording, "simulated", *truth[task], task=task)


def simulate_recording(
    seed: int = 0,
    *,
    n_trials: int = 260,
    n_bins: int = 250,
    regions: Mapping[str, int] | None = None,
    n_passive: int = 80,
) -> tuple[dict[str, Any], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """What `simulate_session` is made of, of both kinds of trials.

    Returns
    -------
    recording : dict
        One session of the summer school's format, with every key.
    truth : dict of "active" and "passive"
        Latents (trials, time, latents) and expected counts (trials, time, neurons), float32.
    """
    seed, n_trials, n_bins, n_passive = (
        whole("seed", seed),
        whole("n_trials", n_trials, 1),
        whole("n_bins", n_bins, 1),
        whole("n_passive", n_passive),
    )
    # One generator a part, so that passive trials do not change the task trials.
    units_rng, task_rng, passive_rng = np.random.default_rng(seed).spawn(3)
    units = _units(units_rng, _checked(REGIONS if regions is None else regions))
    task, passive = _task(task_rng, n_trials), _passive(passive_rng, n_passive)
    active = _record(task_rng, units, task, n_bins)
    shown = _record(passive_rng, units, passive, n_bins)
    # What gives each neuron its mean rate in the task holds for the passive trials too.
    bias = units["mean_hz"] * BIN_SIZE / active[2].mean(axis=(0, 1), dtype=float)
    recording: dict[str, Any] = {}
    truth = {}
    for kind, mark, rng, trials, (latents, traces, rates) in (
        ("active", "", task_rng, task, active),
        ("passive", PASSIVE, passive_rng, passive, shown),
    ):
        rates *= bias.astype(np.float32)
        contrasts = {key: trials[key] for key in ("contrast_left", "contrast_right")}
        of_kind = {"spks": _sorted(rng, rates, units)} | traces | contrasts
        recording |= {f"{key}{mark}": value for key, value in of_kind.items()}
        truth[kind] = latents, rates
    of_units = ("probe", "depth", "true_cell", "true_neighbor", "true_leak")
    # Spike sorting finds more clusters than are good enough to keep.
    n_neurons = len(units["region"])
    kept = units_rng.permutation(np.arange(int(1.7 * n_neurons)) < n_neurons)
    recording |= {
        **{key: task[key] for key in ("response", "feedback_type")},
        **{key: task[key][:, None] for key in ("gocue", "response_time", "feedback_time")},
        "prev_reward": np.concatenate([[0.0], task["feedback_type"][:-1]])[:, None],
        "reaction_time": np.column_stack([task["onset"] * 1000, task["response"]]),
        "active_trials": np.arange(n_trials + n_passive) < n_trials,
        "cellid_orig": kept,
        "brain_area": units["region"],
        "ccf_axes": np.array(["ap", "dv", "lr"]),
        **{key: units[key] for key in ("ccf", "trough_to_peak", *of_units)},
        "unit_columns": np.array(of_units),
        "mouse_name": "Simulated",
        "date_exp": str(seed),
        "bin_size": BIN_SIZE,
        "stim_onset": STIM_ONSET,
    }
    return recording, truth


def _checked(regions: Any) -> dict[str, int]:
    """Numbers of neurons by acronym, or a ValueError in one sentence."""
    example = "such as {'MOs': 20, 'VISp': 40}"
    if not isinstance(regions, Mapping):
        raise ValueError(
            f"regions are {regions!r:.60}; give a dict of acronyms and numbers of neurons, "
            f"{example}"
        )
    sizes = {
        one_of("region", region, allen.CENTRES_UM.index): whole(f"regions[{region!r}]", size, 1)
        for region, size in regions.items()
    }
    if sum(sizes.values()) < 2:
        raise ValueError(
            f"regions {sizes} hold {sum(sizes.values())} neurons; ask for at least two, {example}"
        )
    return sizes


# ---------------------------------------------------------------------- the task


def _task(rng: np.random.Generator, n_trials: int) -> dict[str, np.ndarray]:
    """What the mouse sees and does: arrays (trials,), times in s from stimulus onset."""
    levels = [0.0, 0.25, 0.5, 1.0]
    left = rng.choice(levels, n_trials, p=[0.4, 0.2, 0.2, 0.2])
    right = rng.choice(levels, n_trials, p=[0.4, 0.2, 0.2, 0.2])
    engagement = _engagement(rng, n_trials)

    # A choice among left, right and no-go: the higher the contrast, the surer; the less engaged,
    # the more often none.
    seen_left, seen_right = 4.5 * left**0.7, 4.5 * right**0.7
    evidence = np.stack(
        [seen_left - 0.25 * seen_right, seen_right - 0.25 * seen_left, 1.0 - 0.8 * engagement]
    )
    # With Gumbel noise the largest is drawn with softmax probabilities.
    choice = np.argmax(evidence + rng.gumbel(size=evidence.shape), axis=0)
    response = np.array([1.0, -1.0, 0.0])[choice]

    # Equal gratings are rewarded on a side drawn at random, no grating for staying still.
    either = rng.choice([1.0, -1.0], n_trials)
    correct = np.where(left == right, np.where(left == 0, 0.0, either), np.sign(left - right))

    onset = 0.11 + rng.lognormal(np.log(0.2 - 0.07 * np.maximum(left, right)), 0.5)
    onset = np.where(response == 0, np.inf, np.minimum(onset, 1.4))
    gocue = rng.uniform(0.5, 1.1, n_trials)
    turned = np.maximum(gocue, onset) + 0.12 + rng.lognormal(np.log(0.1), 0.5, n_trials)
    response_time = np.where(response == 0, gocue + 1.5, turned)
    return {
        "contrast_left": left,
        "contrast_right": right,
        "engagement": engagement,
        "response": response,
        "feedback_type": np.where(response == correct, 1.0, -1.0),
        "onset": onset,
        "gocue": gocue,
        "response_time": response_time,
        "feedback_time": response_time + rng.uniform(0.01, 0.05, n_trials),
    }


def _passive(rng: np.random.Generator, n_trials: int) -> dict[str, np.ndarray]:
    """The same gratings without a task: no movement, no cue, no reward, little engagement."""
    never = np.full(n_trials, np.inf)
    return {
        "contrast_left": rng.choice([0.0, 0.25, 0.5, 1.0], n_trials),
        "contrast_right": rng.choice([0.0, 0.25, 0.5, 1.0], n_trials),
        "engagement": _engagement(rng, n_trials) - 1.0,
        "response": np.zeros(n_trials),
        "feedback_type": np.zeros(n_trials),
        **{key: never for key in ("onset", "gocue", "response_time", "feedback_time")},
    }


def _engagement(rng: np.random.Generator, n_trials: int) -> np.ndarray:
    """Slow over trials, and falling as the mouse has drunk its fill; (trials,)."""
    slow = _smooth_noise(rng, (n_trials,), tau=8.0)
    return 0.9 * slow + np.linspace(0.7, -0.7, n_trials)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], tau: float) -> np.ndarray:
    """Noise of unit variance along the last axis, passed twice through a leak of `tau` samples.

    That is a critically damped second-order system: causal, and smooth enough to be read from
    spikes.
    """
    from scipy.signal import lfilter  # slow to import, and only simulating needs it

    decay = np.exp(-1 / tau)
    filter_ = [1.0, -2 * decay, decay**2]
    past = int(10 * tau)
    size = np.sqrt(np.sum(lfilter([1.0], filter_, np.eye(1, 20 * past)[0]) ** 2))
    noise = rng.standard_normal((*shape[:-1], past + shape[-1]))
    return lfilter([1.0], filter_, noise)[..., past:] / size


# ---------------------------------------------------------------------- body and latents


def _record(
    rng: np.random.Generator,
    units: dict[str, np.ndarray],
    task: dict[str, np.ndarray],
    n_bins: int,
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Latents, traces of the format, and rates up to a factor for each neuron, of some trials."""
    warm_up = round(_WARM_UP / BIN_SIZE)
    time = np.arange(-warm_up, n_bins) * BIN_SIZE - STIM_ONSET
    wheel = _wheel(rng, task, time)
    latents = _latents(rng, task, time, wheel)[:, warm_up:]
    traces = _traces(rng, task, time[warm_up:], wheel[:, warm_up:], latents)
    return latents, traces, _rates(rng, units, latents)


def _wheel(rng: np.random.Generator, task: dict[str, np.ndarray], time: np.ndarray) -> np.ndarray:
    """Wheel speed, (trials, time); positive turns are "left" (response +1)."""
    n_trials = len(task["onset"])
    onset, turned = task["onset"], task["response_time"]
    speed = task["response"] * rng.lognormal(0.6, 0.3, n_trials)
    wheel = speed[:, None] * _bump(time, onset, 0.3)
    # Who moved long before a response counted turns once more for it.
    late = np.where(turned > onset + 0.4, turned - 0.2, np.inf)
    wheel += speed[:, None] * _bump(time, late, 0.3)
    fidget = task["feedback_time"] + rng.exponential(0.8, n_trials)
    wheel += rng.normal(0, 0.8, n_trials)[:, None] * _bump(time, fidget, 0.4)
    return wheel


def _bump(time: np.ndarray, start: np.ndarray, duration: float) -> np.ndarray:
    """A smooth rise and fall of height 1 from each `start`, (trials, time); none where inf."""
    phase = (time[None, :] - start[:, None]) / duration
    return np.where((phase > 0) & (phase < 1), np.sin(np.pi * phase.clip(0, 1)) ** 2, 0.0)


def _transient(time: np.ndarray, start: np.ndarray, rise: float, fall: float) -> np.ndarray:
    """A quick rise and slow fall of height 1 from each `start`, (trials, time); none where inf."""
    since = (time[None, :] - start[:, None]).clip(min=0)
    peak = rise * np.log1p(fall / rise)
    shape = (1 - np.exp(-since / rise)) * np.exp(-since / fall)
    return shape / ((1 - np.exp(-peak / rise)) * np.exp(-peak / fall))


def _latents(
    rng: np.random.Generator,
    task: dict[str, np.ndarray],
    time: np.ndarray,
    wheel: np.ndarray,
) -> np.ndarray:
    """The latents in the order of `LATENTS`, (trials, time, latents), float32."""
    from scipy.ndimage import gaussian_filter1d

    body = _smooth_noise(rng, wheel.shape, tau=20.0)  # what moves besides the wheel
    moving = np.tanh(gaussian_filter1d(np.abs(wheel), 4, axis=1, mode="nearest"))
    decided = _transient(time, task["onset"] - 0.12, rise=0.08, fall=0.8)
    rewarding = _transient(time, task["feedback_time"], rise=0.1, fall=0.8)
    latents = {
        "engagement": np.broadcast_to(task["engagement"][:, None], wheel.shape),
        "movement": 1.8 * moving + 0.6 * body,
        "choice": 1.8 * task["response"][:, None] * decided,
        "reward": 2.0 * task["feedback_type"][:, None] * rewarding,
    }
    contrast = task["contrast_right"]
    # Higher contrasts drive more strongly and sooner.
    seen = np.sqrt(contrast)[:, None] * _transient(time, 0.065 - 0.02 * contrast, 0.03, 0.15)
    preparing = _transient(time, task["onset"] - 0.15, rise=0.1, fall=0.2)
    for name, area in AREAS.items():
        arriving = [(source, delay) for source, target, delay in PATHS if target == name]
        own = np.sqrt(1 - len(arriving) * _PATH_WEIGHT**2)
        latent = own * _smooth_noise(rng, wheel.shape, area.tau / BIN_SIZE)
        latent += area.grating * seen + area.movement * preparing
        for source, delay in arriving:
            latent[:, delay:] += _PATH_WEIGHT * latents[source][:, :-delay]
        latents[name] = latent
    return np.stack([latents[name] for name in LATENTS], axis=2).astype(np.float32)


def _traces(
    rng: np.random.Generator,
    task: dict[str, np.ndarray],
    time: np.ndarray,
    wheel: np.ndarray,
    latents: np.ndarray,
) -> dict[str, np.ndarray]:
    """`wheel`, `face`, `licks` (1, trials, time) and `pupil` (3, trials, time) of the format."""
    from scipy.ndimage import gaussian_filter1d

    moving = latents[:, :, LATENTS.index("movement")]
    rewarded = np.where(task["feedback_type"] > 0, task["feedback_time"], np.inf)
    # Licking, about seven a second, starts a little after the drop and lasts a second.
    rhythm = 0.5 + 0.5 * np.cos(2 * np.pi * 7 * (time[None] - rewarded[:, None].clip(max=1e6)))
    drinking = _transient(time, rewarded + 0.08, 0.05, 0.6) * rhythm
    licks = rng.random(wheel.shape) < 0.25 * drinking
    face = 1.0 + 0.6 * moving + 0.8 * drinking + 0.15 * rng.standard_normal(wheel.shape)
    aroused = _transient(time, task["feedback_time"], 0.4, 1.5) + 0.5 * moving
    area = 30 + 5 * task["engagement"][:, None] + 6 * gaussian_filter1d(aroused, 20, axis=1)
    gaze = _smooth_noise(rng, (2, *wheel.shape), tau=30.0)
    return {
        "wheel": wheel[None],
        "face": face.clip(min=0)[None],
        "licks": licks[None].astype(np.int8),
        "pupil": np.concatenate([area[None], gaze]),
    }


# ---------------------------------------------------------------------- neurons


def _units(rng: np.random.Generator, regions: Mapping[str, int]) -> dict[str, np.ndarray]:
    """What is known of each neuron: arrays (neurons, ...)."""
    from scipy.special import ndtri

    names = np.repeat(list(regions), list(regions.values()))
    n_neurons = len(names)
    # A squared normal has the many near-silent and the few busy neurons of real recordings. Its
    # quantiles go round by the golden ratio, so that every region gets its share of the busy ones.
    quantile = (rng.random() + np.arange(n_neurons) * (np.sqrt(5) - 1) / 2) % 1
    mean_hz = _MEAN_RATE_HZ * ndtri((1 + quantile) / 2) ** 2
    order = rng.permutation(n_neurons)
    region, mean_hz = names[order], mean_hz[order]
    probe, ccf, depth = _positions(rng, region)
    # Of a split cell each spike goes to either unit, as often to the one as to the other.
    one, other = _split(rng, region, probe, depth)
    cell = np.arange(n_neurons)
    cell[other] = one
    mean_hz[one] = mean_hz[other] = (mean_hz[one] + mean_hz[other]) / 2
    ccf[other], depth[other] = ccf[one] + rng.normal(0, 10, (len(one), 3)), depth[one]
    # Narrow spikes are mostly those of busy interneurons.
    fast = rng.random(n_neurons) < 0.1 + 0.2 * (mean_hz > _MEAN_RATE_HZ)
    width = np.where(fast, rng.normal(7, 1.2, n_neurons), rng.normal(21, 4, n_neurons))

    read = {name: _readout(name) for name in regions}
    readout = np.array([read[name] for name in region], np.float32)
    # Both signs, with somewhat more neurons that go up. A limit to a neuron's total, and a smaller
    # one for the busy, since counts would vary more than real ones do without.
    readout *= rng.normal(0.25, 1.0, readout.shape)
    total = np.linalg.norm(readout, axis=1)
    readout *= (np.minimum(1, _READOUT_LIMIT / total) * (1 + mean_hz / 4) ** -0.4)[:, None]
    neighbor, leak = _leaks(rng, probe, ccf, cell)
    # No more than a fifth of a neighbour's spikes are counted twice.
    copied = np.minimum(leak * mean_hz / mean_hz[neighbor], _COPIED)
    leak = copied * mean_hz[neighbor] / mean_hz
    return {
        "region": region,
        "probe": probe,
        "ccf": ccf,
        "depth": depth,
        "trough_to_peak": width.round().clip(3, 40)[cell],
        "mean_hz": mean_hz * (1 - leak),  # of its own spikes
        "readout": readout[cell],
        "copied": copied,
        "true_cell": cell,
        "true_neighbor": neighbor,
        "true_leak": leak,
    }


def _readout(region: str) -> list[float]:
    """How strongly a region's neurons read each latent."""
    name = area_of(region)
    if name is None:
        return [*_READ_ELSEWHERE, *np.zeros(len(AREAS))]
    area = AREAS[name]
    return [*area.read_brain_wide, *(area.read_own * (each == name) for each in AREAS)]


def _positions(
    rng: np.random.Generator, region: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probe of each unit, its position (ap, dv, lr) and its depth, from the tip, in µm.

    Probes are straight and in the left hemisphere, and run as near to the centres of their regions
    as a line can that is not far from upright.
    """
    there = [name for name in dict.fromkeys(region) if name != "root"] or ["root"]
    tracks = [track for track in PROBES if set(track) & set(there)]
    tracks += [(name,) for name in there if not any(name in track for track in tracks)]
    probe, depth = np.empty(len(region), dtype=int), np.empty(len(region))
    ccf = np.empty((len(region), 3))
    for name in dict.fromkeys(region):
        here = np.flatnonzero(region == name)
        met_by = [k for k, track in enumerate(tracks) if name in track]
        probe[here] = np.resize(met_by or np.arange(len(tracks)), len(here))
    for k, track in enumerate(tracks):
        met = allen.CENTRES_UM.loc[[name for name in track if name in there]]
        met = met.sort_values("dv", kind="stable")
        names, centres = list(met.index), met.to_numpy() * [1, 1, -1] + [0, 0, _MIDLINE]
        tilt = rng.normal(0, 0.2, 2)
        if np.ptp(centres[:, 1]):
            tilt = np.polyfit(centres[:, 1], centres[:, [0, 2]], 1)[0].clip(-0.4, 0.4)
        middle = centres.mean(axis=0)
        edges = (centres[1:, 1] + centres[:-1, 1]) / 2
        top = np.maximum(centres[:, 1] - _REACH, [-np.inf, *edges])
        bottom = np.minimum(centres[:, 1] + _REACH, [*edges, np.inf])
        here = np.flatnonzero(probe == k)
        # White matter ("root") follows below the last region.
        at = [names.index(name) if name in names else len(names) for name in region[here]]
        below = [bottom[-1], bottom[-1] + _REACH]
        dv = rng.uniform(np.append(top, below[0])[at], np.append(bottom, below[1])[at])
        off = dv - middle[1]
        ccf[here] = np.column_stack([middle[0] + tilt[0] * off, dv, middle[2] + tilt[1] * off])
        depth[here] = (below[1] - dv) * np.sqrt(1 + (tilt**2).sum())
    return probe, ccf + rng.normal(0, 15, ccf.shape), depth


def _split(
    rng: np.random.Generator, region: np.ndarray, probe: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The two units of each cell that the sorter split: neighbours on a probe, in one region."""
    order = np.lexsort((depth, region, probe))
    one, other = order[:-1:2], order[1::2]
    split = (region[one] == region[other]) & (probe[one] == probe[other])
    split &= rng.random(len(one)) < _SPLIT
    return one[split], other[split]


def _leaks(
    rng: np.random.Generator, probe: np.ndarray, ccf: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each unit whose spikes it counts, too, -1 for none; and what share of its own that is."""
    neighbor, leak = np.full(len(cell), -1), np.zeros(len(cell))
    for unit in np.flatnonzero(rng.random(len(cell)) < _LEAKY):
        near = np.linalg.norm(ccf - ccf[unit], axis=1) <= _LEAK_UM
        near = np.flatnonzero(near & (probe == probe[unit]) & (cell != cell[unit]))
        if len(near):
            neighbor[unit], leak[unit] = rng.choice(near), min(rng.exponential(_LEAK), 0.5)
    return neighbor, leak


def _rates(
    rng: np.random.Generator, units: dict[str, np.ndarray], latents: np.ndarray
) -> np.ndarray:
    """Rates up to a factor for each neuron, (trials, time, neurons), float32."""
    readout = units["readout"]
    log_gain = _GAIN_DRIFT * _smooth_noise(rng, (len(readout), len(latents)), tau=6.0)
    rates = latents @ readout.T
    rates += log_gain[units["true_cell"]].T[:, None, :].astype(np.float32)
    return np.exp(rates, out=rates)


def _sorted(
    rng: np.random.Generator, rates: np.ndarray, units: dict[str, np.ndarray]
) -> np.ndarray:
    """Counts (neurons, trials, time) for `rates` (trials, time, neurons), to which leak is added.

    A neuron's own counts are Poisson.
    """
    spikes = np.empty(rates.shape, dtype=np.int8)
    leaky = np.flatnonzero(units["true_leak"])
    source, copied = units["true_neighbor"][leaky], units["copied"][leaky]
    # A trial at a time, since the generator draws in 64 bits.
    for trial, expected in zip(spikes, rates, strict=True):
        trial[:] = rng.poisson(expected)
        trial[:, leaky] += rng.binomial(trial[:, source], copied).astype(np.int8)
        expected[:, leaky] += copied.astype(np.float32) * expected[:, source]
    # A view: a Session, whose order is (trials, time, neurons), takes it without a copy.
    return spikes.transpose(2, 0, 1)
