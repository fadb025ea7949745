"""Figures show the numbers that they were given: what is drawn is read back from the Axes."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import tiny_dict
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.markers import MarkerStyle
from matplotlib.patches import FancyArrowPatch

import nma_seq2seq as nma
from nma_seq2seq import plots


@pytest.fixture(scope="module")
def session():
    return nma.Session.from_dict(tiny_dict())


@pytest.fixture(scope="module")
def data(session):
    return nma.make_dataset(session, seed=0)


def band(ax, which=0):
    """Lowest and highest of a shaded band at each of its x."""
    bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
    corners = pd.DataFrame(bands[which].get_paths()[0].vertices, columns=["x", "y"])
    ends = corners.groupby(corners["x"].round(9))["y"].agg(["min", "max"])
    return ends["min"].to_numpy(), ends["max"].to_numpy()


def bars(ax, horizontal=False):
    """(centre on the other axis, lowest, highest) of each drawn interval, sorted."""
    found = []
    for collection in ax.collections:
        if isinstance(collection, LineCollection):
            for segment in collection.get_segments():
                along, across = (0, 1) if horizontal else (1, 0)
                if np.ptp(segment[:, across]) < 1e-12:
                    found.append((segment[0, across], *sorted(segment[:, along])))
    return np.array(sorted(found))


def legend(ax):
    """What stands in the Axes' legend, with its names."""
    found = ax.get_legend()
    for handle, text in zip(found.legend_handles, found.get_texts(), strict=True):
        handle.set_label(text.get_text())
    return found.legend_handles


def labels(axis):
    """Text of each tick by its place; there are some."""
    axis.axes.figure.canvas.draw()
    found = {tick.label1.get_text(): tick.get_loc() for tick in axis.get_major_ticks()}
    assert any(found)
    return found


def points(ax):
    """(x, y) of every marker of the Axes' scatter plots."""
    kinds = (LineCollection, PolyCollection)
    found = [c.get_offsets() for c in ax.collections if not isinstance(c, kinds)]
    return np.concatenate(found).astype(float)


# ---------------------------------------------------------------------- the brain and the mouse


def test_the_brain_is_the_right_way_up(session):
    """Depth grows downwards on the page, and the front of the brain is on the left."""
    side, behind, above = plots.brain_views(session)
    side.figure.canvas.draw()
    for ax in (side, behind):
        shallow, deep = ax.transData.transform([(1.0, 1.0), (1.0, 2.0)])
        assert deep[1] < shallow[1]
    for ax in (side, above):
        front, back = ax.transData.transform([(1.0, 1.0), (2.0, 1.0)])
        assert front[0] < back[0]
    # With the nose to the left, seen from above, the left of the brain is below.
    left, right = above.transData.transform([(1.0, 1.0), (1.0, 2.0)])
    assert left[1] < right[1]


def test_a_track_runs_along_the_neurons_of_its_probe(twin):
    """And ends where they do: every neuron is close to a track, and every end to a neuron."""
    for ax in plots.brain_views(twin):
        tracks = [line.get_xydata() for line in ax.lines[: twin.units["probe"].nunique()]]
        along = np.concatenate([np.linspace(*ends, 100) for ends in tracks])
        apart = np.linalg.norm(points(ax)[:, None] - along, axis=2)
        assert apart.min(axis=1).max() < 0.15
        assert apart.min(axis=0)[[0, 99]].max() < 0.15


def test_a_psychometric_curve_is_of_right_minus_left_with_wilson_s_intervals(session):
    trials = session.trials
    ax = plots.psychometric(session)
    difference = (trials["contrast_right"] - trials["contrast_left"]).to_numpy()
    levels = np.unique(difference)
    curves = {c.get_label(): c for c in ax.containers}
    for name, value in {"left": 1, "right": -1, "no-go": 0}.items():
        x, share = curves[name].lines[0].get_data()
        k = np.array([(trials["response"][difference == v] == value).sum() for v in levels])
        n = np.array([(difference == v).sum() for v in levels])
        np.testing.assert_allclose(share, k / n)
        np.testing.assert_allclose(x, levels, atol=0.02)
        segments = curves[name].lines[2][0].get_segments()
        low, high = np.transpose([sorted(segment[:, 1]) for segment in segments])
        # Wilson's ends are the shares whose test just fails at the observed one.
        for end in (low, high):
            inside = (end > 1e-9) & (end < 1 - 1e-9)
            z = (k / n - end)[inside] / np.sqrt((end * (1 - end) / n)[inside])
            np.testing.assert_allclose(np.abs(z), 1.96, rtol=1e-3)


def test_reaction_times_in_milliseconds_with_their_middle_half(session):
    rng = np.random.default_rng(0)
    times = rng.uniform(0.05, 0.5, session.n_trials)
    trials = session.trials.assign(reaction_time=times)
    histogram, by_contrast = plots.reaction_times(dataclasses.replace(session, trials=trials))
    counted = [(p.get_x(), p.get_x() + p.get_width(), p.get_height()) for p in histogram.patches]
    for left, right, height in counted:
        assert height == ((times * 1000 >= left) & (times * 1000 < right)).sum()
    assert sum(height for *_, height in counted) == session.n_trials
    higher = trials[["contrast_left", "contrast_right"]].max(axis=1)
    expected = 1000 * trials.groupby(higher)["reaction_time"].quantile([0.25, 0.75]).unstack()
    drawn = [line.get_xydata() for line in by_contrast.lines]
    ends = {
        (x[0], y.min(), y.max()) for x, y in (xy.T for xy in drawn) if np.ptp(x) == 0 < np.ptp(y)
    }
    np.testing.assert_allclose(sorted(ends), expected.reset_index().to_numpy())


def test_counts_are_as_variable_as_they_are(session):
    ax = plots.count_variance(session, window=(0.0, 0.15))
    counts = session.select(window=(0.0, 0.15)).spikes.sum(axis=1)
    drawn = points(ax)
    wanted = np.column_stack([counts.mean(axis=0), counts.var(axis=0, ddof=1)])
    wanted = wanted[(wanted > 0).all(axis=1)]
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], wanted[np.lexsort(wanted.T)])


def test_firing_rates_have_their_medians(session):
    ax = plots.firing_rates(session)
    region = session.units["region"]
    medians = [np.median(session.rates_hz[region == name]) for name in session.regions]
    drawn = bars(ax, horizontal=True)
    np.testing.assert_allclose(sorted(drawn[:, 0]), sorted(np.maximum(medians, 0.01)))


def test_events_are_marked_in_their_trials(session):
    """Rows are sorted by the event; the marks are sorted along."""
    bins = np.random.default_rng(0).permutation(session.n_trials) % session.n_bins
    ax = plots.events_on_wheel(session, {"event": bins.astype(float)})
    seconds = session.time[0] + (np.sort(bins) + 0.5) * session.bin_size
    drawn = points(ax)
    np.testing.assert_allclose(drawn[np.argsort(drawn[:, 1]), 0], seconds)


# ---------------------------------------------------------------------- rasters


def test_a_psth_s_band_is_the_95_percent_interval_of_the_mean(session):
    ax = plots.psth(session, "MOs", by="response", smooth=0)
    rates = session.select("MOs").spikes.mean(axis=2) / session.bin_size
    for which, value in enumerate((-1, 0, 1)):
        here = rates[(session.trials["response"] == value).to_numpy()]
        error = 1.96 * here.std(axis=0, ddof=1) / np.sqrt(len(here))
        matches = [
            np.allclose(band(ax, k), (here.mean(axis=0) - error, here.mean(axis=0) + error))
            for k in range(3)
        ]
        assert sum(matches) == 1, which


def test_a_raster_s_rows_are_the_sorted_trials(session):
    raster = plots.raster(session, 25, by="response")[0]
    ticks = np.asarray(raster.collections[0].get_offsets(), float)
    keys = [session.trials["reaction_time"], session.trials["response"]]
    for row, trial in enumerate(np.lexsort(keys)):
        at = ticks[ticks[:, 1] == row + 0.5, 0]
        expected = session.time[session.spikes[trial, :, 25] > 0] + session.bin_size / 2
        np.testing.assert_allclose(np.sort(at), expected)


def test_trials_whose_window_ends_with_the_recording_are_kept(session):
    """A window may end where the recording ends, and no bin later."""
    ends = np.where(np.arange(40) < 25, 0.1, 0.11)  # with 0.1 s after it: the last bin, one beyond
    trials = session.trials.assign(gocue=ends)
    ax = plots.psth(dataclasses.replace(session, trials=trials), align="gocue", window=(-0.1, 0.1))
    assert "25 trials" in ax.get_title()


def test_upwards_in_a_sorted_raster_is_what_most_of_the_population_does():
    """Neurons that rise come first, since more of them rise than fall."""
    rates = np.full((40, 30, 20), 1.0)
    rates[:, 15:, :14] = 3.0
    rates[:, 15:, 14:] = 0.2
    spikes = np.random.default_rng(0).poisson(rates)
    dat = {"spks": spikes.transpose(2, 0, 1), "brain_area": np.array(["MOs"] * 20)}
    order = plots.neuron_order(nma.Session.from_dict(dat))
    assert set(order[:14]) == set(range(14))


def test_an_activity_map_s_rows_are_in_the_order_that_is_asked_for(session):
    def shown(order):
        ax = plots.activity_map(session, order)
        values = ax.images[0].get_array() if ax.images else ax.collections[0].get_array()
        return np.asarray(values, float).reshape(session.n_neurons, -1)

    order = np.random.default_rng(0).permutation(session.n_neurons)
    np.testing.assert_allclose(shown(order), shown(np.arange(session.n_neurons))[order])


# ---------------------------------------------------------------------- scores


def test_score_intervals_reach_from_low_to_high(data):
    models = {"mean rate": nma.fit_mean(data), "PSTH": nma.fit_psth(data)}
    table = nma.score(models, data, n_resamples=50)
    table.loc["mean rate", ["low", "high"]] = -0.1, 0.2
    ax = plots.score_intervals(table)
    drawn = bars(ax, horizontal=True)[::-1]  # the first row stands on top
    np.testing.assert_allclose(drawn[:, 1:], table[["low", "high"]])


def test_scores_against_a_number_have_their_band():
    table = pd.DataFrame(
        {"bits_per_spike": [0.1, 0.3], "low": [0.0, 0.25], "high": [0.4, 0.5]}, index=[1, 4]
    )
    low, high = band(plots.score_against(table, "latents"))
    np.testing.assert_allclose((low, high), (table["low"], table["high"]))


def test_predicted_rates_are_in_hz(data):
    psth = nma.fit_psth(data)
    axes = plots.predicted_trials({"PSTH": psth}, data, neuron=2, n_trials=1)
    rates = [line.get_ydata() for line in axes[0].lines if len(line.get_ydata()) == data.n_bins]
    assert any(np.allclose(rate, psth.rates[:, 2] / data.bin_size) for rate in rates)


def test_losses_are_means_over_bins(data):
    mean = nma.fit_mean(data)
    ax = plots.loss_by_rate({"mean rate": mean}, data)
    counts = data.target[data.test]
    losses = (mean.rates - counts * np.log(mean.rates)).mean(axis=(0, 1))
    drawn = [np.sort(line.get_ydata()) for line in ax.lines if len(line.get_ydata()) == 10]
    assert any(np.allclose(each, np.sort(losses)) for each in drawn)


def test_a_leak_s_line_is_the_mean_of_its_splits():
    scores = pd.DataFrame({"held out": "bins", "input": "noise", "bits_per_spike": [0.0, 0.1, 0.5]})
    ax = plots.leak(scores)
    assert 0.2 in np.round(bars(ax, horizontal=True)[:, 0], 9)
    segments = [
        s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()
    ]
    assert all(np.ptp(segment[:, 0]) > 0.1 for segment in segments)


# ---------------------------------------------------------------------- latents


def test_latents_have_95_percent_bands(session):
    latents = np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 2))
    axes = plots.latent_grid(latents, session, by="response")
    z = (latents - latents.mean(axis=(0, 1))) / latents.std(axis=(0, 1))
    here = z[(session.trials["response"] == 0).to_numpy(), :, 1]
    widths = [np.subtract(*band(axes[1], k)[::-1]) for k in range(3)]
    error = 2 * 1.96 * here.std(axis=0, ddof=1) / np.sqrt(len(here))
    assert any(np.allclose(width, error, rtol=0.1) for width in widths)


def test_aligned_latents_lie_on_the_trial_that_they_are_of(session):
    reference = np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 2))
    test = np.array([7, 11, 30])
    found = nma.align(reference, reference, train=np.setdiff1d(range(40), test), test=test)
    axes = plots.aligned_latents(found, reference, session, ["a", "b"], n_trials=3)
    for place, ax in enumerate(np.ravel(axes)):
        true, aligned = (line.get_ydata() for line in ax.lines[:2])
        np.testing.assert_allclose(true, reference[test[place % 3], :, place // 3])
        np.testing.assert_allclose(aligned, true, atol=1e-6)


def test_true_rates_are_those_of_the_neuron_that_is_drawn(session):
    known = dataclasses.replace(session, rates=0.1 + np.arange(36) * np.ones(session.spikes.shape))
    data = nma.make_dataset(known, seed=0)
    rates = np.ones((len(data.test), data.n_bins, data.n_targets))
    axes = plots.denoised_neurons(data, rates, rates[0], [3], n_trials=1)
    true = (0.1 + data.target_units[3]) / data.bin_size
    assert any(np.allclose(line.get_ydata(), true) for line in np.ravel(axes)[0].lines)


def test_the_busiest_neurons_stand_on_top(data):
    psth = np.tile(np.arange(1.0, 11.0), (data.n_bins, 1)) / 100
    axes = plots.denoised_trial(data, np.tile(psth, (len(data.test), 1, 1)), psth)
    ax = axes[1]
    values = ax.images[0].get_array() if ax.images else ax.collections[0].get_array()
    rows = np.asarray(values, float).reshape(data.n_targets, -1)[:, 0]
    np.testing.assert_allclose(rows, np.arange(10.0, 0.0, -1.0) / 100 / data.bin_size)
    ax.figure.canvas.draw()
    top, bottom = ax.transData.transform([(0.0, 0.0), (0.0, 5.0)])[:, 1]
    assert top > bottom


def test_decoding_draws_intervals_and_chance():
    row = {"variable": "choice", "features": "15 latents", "accuracy": 0.7, "low": 0.55}
    row |= {"high": 0.9, "chance": 0.5, "chance_high": 0.66, "n_test": 30}
    ax = plots.decoding(pd.DataFrame([row]))
    np.testing.assert_allclose(bars(ax)[:, 1:], [[0.55, 0.9]])
    chance = [p for p in ax.patches if p.get_height() > 0]
    assert chance[0].get_y() + chance[0].get_height() == pytest.approx(0.66)


# ---------------------------------------------------------------------- choosing, and the map


def test_a_selection_is_shown_from_the_side_and_from_above(data):
    side, above, _, raster = plots.selection(data)
    units = data.session.units
    for ax, down in ((side, "dv"), (above, "lr")):
        # Every neuron, and those that are used once more in colour.
        drawn, wanted = points(ax), units[["ap", down]].to_numpy() / 1000
        np.testing.assert_allclose(np.unique(drawn, axis=0), np.unique(wanted, axis=0))
    # Depth grows downwards; with the nose to the left, the left of the brain is below.
    for ax, way in ((side, -1), (above, 1)):
        low, high = ax.transData.transform([(1.0, 1.0), (1.0, 2.0)])[:, 1]
        assert np.sign(high - low) == way
    # The line stands between the targets, above, and the sources.
    (line,) = (line.get_ydata()[0] for line in raster.lines if len(set(line.get_ydata())) == 1)
    ticks = points(raster)[:, 1]
    trial = data.session.spikes[int(data.train[0])] > 0
    assert (ticks < line).sum() == trial[:, data.target_units].sum()
    assert (ticks > line).sum() == trial[:, data.source_units].sum()


def test_a_selection_s_bars_are_its_neurons(session):
    """Sources begin the bar, targets end it, all neurons lie behind."""
    halves = nma.make_dataset(session, "same", "MOs", seed=0)
    counts = plots.selection(halves)[2]
    every, source, target = (
        [(bar.get_x(), bar.get_width()) for bar in container] for container in counts.containers
    )
    place = session.regions.index("MOs")
    assert [width for _, width in every] == [
        (session.units["region"] == name).sum() for name in session.regions
    ]
    assert source[place] == (0, halves.n_sources)
    assert target[place] == (halves.n_sources, halves.n_targets)


def test_a_least_rate_leaves_shares_of_neurons_and_of_spikes(session):
    ax = plots.neurons_left(session, "MOs")
    rates = session.rates_hz[session.region_mask("MOs")]
    lines = {line.get_label(): line.get_data() for line in ax.lines}
    least, spikes = next(xy for name, xy in lines.items() if "target" in name and "spikes" in name)
    kept = [rates[rates >= value].sum() / rates.sum() for value in least]
    np.testing.assert_allclose(spikes[:-1], kept[:-1], atol=1e-6)
    assert spikes[-1] == 0 and least[-1] == rates.max()  # above the busiest, none is left


def test_the_held_out_share_is_named_and_black():
    mask = np.zeros((10, 10), bool)
    mask[:2] = True
    ax = plots.held_out_bins({"trials": mask})[0]
    shades = {patch.get_label(): np.mean(patch.get_facecolor()[:3]) for patch in legend(ax)}
    drawn = ax.images[0].cmap(ax.images[0].norm(ax.images[0].get_array()))[..., :3].mean(axis=2)
    np.testing.assert_allclose(drawn[mask], shades["held out"])
    np.testing.assert_allclose(drawn[~mask], shades["trained on"])
    assert shades["held out"] < shades["trained on"]
    assert "20% held out" in plots.held_out_bins({"trials": mask})[0].get_title().replace(" %", "%")


MATRIX = pd.DataFrame(
    [[0.9, 0.3, 0.0], [0.1, 0.8, 0.2], [0.05, 0.02, 0.7]],
    index=["VISp", "MOs", "CA1"],
    columns=["VISp", "MOs", "CA1"],
)


def test_a_matrix_has_sources_in_rows():
    ax = plots.region_matrix(MATRIX, "bits")
    values = ax.images[0].get_array() if ax.images else ax.collections[0].get_array()
    np.testing.assert_allclose(np.asarray(values, float).reshape(3, 3), MATRIX)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(MATRIX.index)


def test_the_strongest_arrow_goes_from_source_to_target():
    ax = plots.region_graph(MATRIX, n_strongest=1)
    (arrow,) = (patch for patch in ax.patches if isinstance(patch, FancyArrowPatch))
    place = {text.get_text(): text.xy for text in ax.texts if hasattr(text, "xy")}
    start, end = arrow._posA_posB
    np.testing.assert_allclose(start, place["VISp"], atol=1e-9)
    np.testing.assert_allclose(end, place["MOs"], atol=1e-9)


def test_a_region_s_name_is_read_on_its_colour():
    def luminance(color):
        linear = [
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)
        ]
        return np.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05

    names = [names[0] for names in nma.regions.GROUPS.values()]
    ax = plots.region_graph(pd.DataFrame(np.eye(len(names)), names, names))
    inks = {text.get_text(): text.get_color() for text in ax.texts if text.get_text() in names}
    assert inks.keys() == set(names) and set(inks.values()) == {"white", "black"}
    for name, ink in inks.items():
        ratio = luminance(ink) / luminance(nma.regions.color_of(name))
        assert max(ratio, 1 / ratio) > 4


def test_the_control_stands_over_the_score():
    table = pd.DataFrame(
        {
            "source": "VISp",
            "target": "MOs",
            "target_group": "other cortex",
            "bits_per_spike": [0.3, 0.3, 0.6],
            "shuffled": [0.0, 0.0, 0.15],
        }
    )
    drawn = points(plots.shuffle_control(table))
    np.testing.assert_allclose(drawn, [[0.4, 0.05]])


def test_scores_by_number_go_through_their_means():
    scores = pd.DataFrame(
        {"source": "VISp", "n_sources": [3, 3, 6, 6], "bits_per_spike": [0.0, 0.2, 0.1, 0.5]}
    )
    ax = plots.neuron_numbers(scores)
    assert any(np.allclose(line.get_ydata(), [0.1, 0.3]) for line in ax.lines)


def test_over_mice_draws_each_mouse_and_leaves_out_pairs_of_few():
    rows = [("VISp", m, 0.1 * k) for k, m in enumerate(("Ada", "Bea", "Cid"))]
    rows += [("MOs", "Ada", 0.9), ("MOs", "Bea", 0.7)]
    table = pd.DataFrame(rows, columns=["source", "mouse", "beyond_stimulus"])
    table = table.assign(target="CA1", session=table["mouse"])
    ax = plots.over_mice(table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["VISp → CA1 (3)"]
    dots = next(line for line in ax.lines if line.get_label() == "one mouse")
    np.testing.assert_allclose(sorted(dots.get_xdata()), [0, 0.1, 0.2])
    assert ax.get_xlabel() == "beyond stimulus (bits per spike)"
    whole = table.rename(columns={"beyond_stimulus": "bits_per_spike"})
    assert plots.over_mice(whole, "bits_per_spike").get_xlabel() == "bits per spike"
    with pytest.raises(ValueError, match="4 mice or more; choose a smaller min_mice="):
        plots.over_mice(table, min_mice=4)


# ---------------------------------------------------------------------- names and what they are of


def test_a_raster_s_groups_are_named_beside_their_rows(session):
    raster = plots.raster(session, 25, by="response")[0]
    response = np.sort(session.trials["response"])
    for value, name in {-1: "right", 0: "no-go", 1: "left"}.items():
        (text,) = (text for text in raster.texts if text.get_text() == name)
        assert text.get_position()[1] == pytest.approx(np.flatnonzero(response == value).mean())


def test_each_value_s_line_is_of_its_trials(session):
    ax = plots.psth(session, "MOs", by="contrast_right", smooth=0)
    rates = session.select("MOs").spikes.mean(axis=2) / session.bin_size
    contrast = session.trials["contrast_right"]
    lines = {line.get_label(): line.get_data() for line in ax.lines}
    for value in sorted(set(contrast)):
        here = (contrast == value).to_numpy()
        x, y = lines[f"{value:g} ({here.sum()} trials)"]
        np.testing.assert_allclose(y, rates[here].mean(axis=0))
        np.testing.assert_allclose(x, session.time + session.bin_size / 2)
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines)  # the stimulus


def test_a_leak_s_points_are_those_of_their_input():
    rows = [("bins", "noise", 0.1), ("bins", "spikes", 0.4), ("trials", "noise", 0.0)]
    rows += [("trials", "spikes", 0.3)]
    ax = plots.leak(pd.DataFrame(rows, columns=["held out", "input", "bits_per_spike"]))
    color = {handle.get_label(): handle.get_facecolor()[0][:3] for handle in legend(ax)}
    at = labels(ax.xaxis)
    drawn = [c for c in ax.collections if not isinstance(c, LineCollection)]
    for way, name, bits in rows:
        ((x, y),) = (c.get_offsets()[0] for c in drawn if c.get_offsets()[0][1] == bits)
        assert abs(x - at[way]) < 0.5
        (own,) = (c for c in drawn if c.get_offsets()[0][1] == bits)
        np.testing.assert_allclose(own.get_facecolor()[0][:3], color[name])


def test_counts_stand_beside_the_distributions_of_their_neuron(data):
    left, _ = plots.count_distribution(data, neuron=3)
    counts = data.target[data.train][:, :, 3].ravel().astype(float)
    dots, bell = (left.get_lines()[k].get_data() for k in (0, 1))
    expected = np.exp(-counts.mean())  # no spike
    assert dots[1][0] == pytest.approx(expected)
    assert bell[1].max() == pytest.approx(1 / np.sqrt(2 * np.pi * counts.var()), rel=0.01)
    assert bell[0][bell[1].argmax()] == pytest.approx(counts.mean(), abs=0.05)


def test_a_loss_and_a_squared_error_of_one_count():
    poisson, squared = plots.loss_curves((3,))
    rates, loss = poisson.lines[0].get_data()
    np.testing.assert_allclose(loss, rates - 3 * np.log(rates))
    np.testing.assert_allclose(squared.lines[0].get_ydata(), (rates - 3) ** 2)


def test_a_difference_below_zero_is_filled_too():
    table = pd.DataFrame({"difference": [-0.1], "low": [-0.2], "high": [-0.05]}, index=["a"])
    assert plots.paired_differences(table).lines[-1].get_markerfacecolor() != "white"


HISTORY = pd.DataFrame(
    {
        "epoch": [0, 1, 2],
        "train_bits": [0.0, 0.2, 0.4],
        "validation_bits": [0.0, 0.3, 0.1],
        "seconds": [0.5, 1.5, 2.5],
    }
)


def test_learning_curves_are_named():
    lines = {x.get_label(): x.get_ydata() for x in plots.learning_curves(HISTORY).lines}
    np.testing.assert_allclose(lines["training trials"], HISTORY["train_bits"])
    np.testing.assert_allclose(lines["validation trials"], HISTORY["validation_bits"])


@pytest.mark.parametrize("against", ["epoch", "seconds"])
def test_validation_curves_are_over_what_is_asked_for(against):
    line = plots.validation_curves({"LSTM": HISTORY}, against=against).lines[-1]
    np.testing.assert_allclose(line.get_xdata(), HISTORY[against])


def alignments():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(40, 30, 3))
    noisy = reference + [0.1, 1.0, 3.0] * rng.normal(size=reference.shape)
    parts = {"train": np.arange(30), "test": np.arange(30, 40)}
    return {"seq2seq": nma.align(noisy, reference, **parts)}


def test_alignments_stand_over_their_names():
    found = alignments()
    names = ["choice", "wheel", "reward"]
    ax = plots.alignment(found, names)
    at = labels(ax.xaxis)
    for bar in ax.containers[0]:
        (name,) = (
            name for name in names if abs(at[name] - bar.get_x() - bar.get_width() / 2) < 0.5
        )
        assert bar.get_height() == pytest.approx(found["seq2seq"].r2[names.index(name)])


def test_canonical_correlations_count_from_one():
    line = plots.canonical_correlations(alignments()).lines[0]
    assert list(line.get_xdata()) == [1, 2, 3]


def test_decoders_stand_over_their_variables():
    """In the order of the table, each with its own number of test trials."""
    rows = [("side", 0.8, 40), ("choice", 0.6, 30)]
    table = pd.DataFrame(rows, columns=["variable", "accuracy", "n_test"])
    ax = plots.decoding(
        table.assign(features="15 latents", low=0.5, high=0.9, chance=0.5, chance_high=0.6)
    )
    at = labels(ax.xaxis)
    x, y = ax.containers[-1].lines[0].get_data()
    for name, accuracy, n_test in rows:
        assert y[np.abs(x - at[f"{name}\n({n_test} test trials)"]).argmin()] == accuracy


def test_a_framed_cell_is_of_one_region():
    ax = plots.region_matrix(MATRIX.iloc[[0]].drop(columns="MOs"), "bits")
    ax = plots.region_matrix(MATRIX.loc[["MOs"]], "bits")
    (frame,) = (patch for patch in ax.patches if patch.get_width() == 1)
    assert frame.get_x() == labels(ax.xaxis)["MOs"] - 0.5 and frame.get_y() == 0


def test_differences_have_colours_on_both_sides_of_zero():
    signed = plots.region_matrix(MATRIX - MATRIX.T, "bits", signed=True).collections[0]
    assert signed.norm.vmin == -signed.norm.vmax
    assert plots.region_matrix(MATRIX, "bits").collections[0].norm.vmin == 0


def test_a_stronger_entry_has_a_thicker_and_darker_arrow():
    ax = plots.region_graph(MATRIX, n_strongest=2)
    weak, strong = (patch for patch in ax.patches if isinstance(patch, FancyArrowPatch))
    assert strong.get_linewidth() > weak.get_linewidth()
    assert strong.get_edgecolor()[0] < weak.get_edgecolor()[0]


def test_numbers_of_neurons_are_where_they_are():
    scores = pd.DataFrame({"source": "VISp", "n_sources": [6, 3], "bits_per_spike": [0.2, 0.1]})
    assert labels(plots.neuron_numbers(scores).xaxis) == {"3": 3, "6": 6}


def test_similarities_are_those_of_the_regions_named():
    names = ["CA1", "VISp", "MOs"]
    r = pd.DataFrame([[1, 0.1, 0.2], [0.1, 1, 0.3], [0.2, 0.3, 1]], names, names)
    ax = plots.similarity({"a": r})[0]
    down, across = labels(ax.yaxis), labels(ax.xaxis)
    shown = ax.collections[0].get_array().reshape(3, 3)
    for one in names:
        for other in set(names) - {one}:
            cell = shown[int(down[one]), int(across[other])]
            assert cell == pytest.approx(r.loc[one, other])


def test_two_latents_of_the_trials_asked_for(session):
    latents = np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 3))
    trials = np.array([3, 4])
    latents[trials, :, 2] = 5.0 + np.arange(session.n_bins)
    latents[trials, :, 0] = 0.5
    over_time, plane = plots.latent_pair(latents, session, (2, 0), trials=trials, n_single=1)
    lines = {line.get_label(): line.get_ydata() for line in over_time.lines}
    np.testing.assert_allclose(lines["latent 2"], 5.0 + np.arange(session.n_bins))
    assert "latent 2" in plane.get_xlabel() and "latent 0" in plane.get_ylabel()
    marks = {line.get_label(): line.get_xydata()[0] for line in plane.lines}
    assert marks["first bin"][0] < marks["stimulus"][0] < marks["last bin"][0]
    assert marks["first bin"][1] == pytest.approx(0.5)


def test_a_latent_s_line_is_of_its_kind_s_trials(session):
    latents = np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 2))
    trials = np.arange(10, 30)
    ax = plots.latent_grid(latents, session, by="response", trials=trials)[1]
    own = latents[trials, :, 1]
    z = (latents[..., 1] - own.mean()) / own.std()
    lines = {line.get_label().split(" ")[0]: line.get_ydata() for line in ax.lines}
    for value, name in {-1: "right", 0: "no-go", 1: "left"}.items():
        here = trials[(session.trials["response"] == value).to_numpy()[trials]]
        np.testing.assert_allclose(lines[name], z[here].mean(axis=0))


def test_a_trajectory_runs_where_the_average_trials_vary(session):
    """From the square to the cross, along the direction in which the kinds differ most."""
    latents = 0.01 * np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 5))
    latents[:, :, 4] += np.linspace(0, 10, session.n_bins)  # all that varies
    ax = plots.trajectories(latents, session, by="response")[0]
    path = np.transpose(ax.lines[0].get_data_3d())
    assert np.ptp(path[:, 0]) > 7 and np.ptp(path[:, 1:]) < 1  # 10, were it not smoothed
    drawn = [line for line in ax.lines[1:4] if len(line.get_data_3d()[0])]
    marks = {line.get_marker(): np.ravel(line.get_data_3d()) for line in drawn}
    np.testing.assert_allclose(marks["s"], path[0])
    np.testing.assert_allclose(marks["X"], path[-1])


def test_a_neuron_without_a_spike_leaves_the_panels_their_places(data):
    silent = dataclasses.replace(data, target=np.zeros_like(data.target))
    rates = np.ones((len(data.test), data.n_bins, data.n_targets))
    axes = plots.denoised_neurons(silent, rates, rates[0], [0, 1], n_trials=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the layout only warns when it gives up
        axes.flat[0].figure.canvas.draw()
    assert min(ax.get_position().width for ax in axes.flat) > 0.2


def test_denoised_rates_are_of_the_trial_and_neuron_named(data):
    rng = np.random.default_rng(0)
    rates = rng.random((len(data.test), data.n_bins, data.n_targets))
    psth = rng.random((data.n_bins, data.n_targets))
    axes = plots.denoised_neurons(data, rates, psth, [3, 1], n_trials=3)
    for neuron, row in zip([3, 1], axes.reshape(2, 3), strict=True):
        for ax, first in zip(row, axes.reshape(2, 3)[0], strict=True):
            trial = int(first.get_title().split()[-1])
            place = list(data.test).index(trial)
            lines = {line.get_label(): line.get_data() for line in ax.lines}
            expected = rates[place, :, neuron] / data.bin_size
            np.testing.assert_allclose(lines["denoised rate"][1], expected)
            times = data.session.time + data.bin_size / 2
            fired = np.repeat(times, data.target[trial, :, neuron])
            np.testing.assert_allclose(lines["spikes"][0], fired)


def test_a_denoised_trial_is_the_one_named(data):
    rates = np.random.default_rng(0).random((len(data.test), data.n_bins, data.n_targets))
    psth = np.tile(np.arange(data.n_targets, 0.0, -1.0), (data.n_bins, 1)) / 100
    axes = plots.denoised_trial(data, rates, psth, position=2)
    assert str(data.test[2]) in axes[0].get_ylabel()
    shown = {ax.get_title().split(" ")[0]: ax.images[0].get_array() for ax in axes}
    np.testing.assert_allclose(shown["denoised"], rates[2].T / data.bin_size)
    np.testing.assert_allclose(shown["PSTH"], psth.T / data.bin_size)


def test_predicted_trials_go_from_few_spikes_to_many(data):
    model = nma.fit_psth(data)
    axes = plots.predicted_trials({"PSTH": model}, data, neuron=2, n_trials=3)
    shown = [int(ax.get_title().split()[-1]) for ax in axes]
    spikes = data.target[shown, :, 2].sum(axis=1)
    assert list(spikes) == sorted(spikes)
    assert spikes[-1] == data.target[data.test][:, :, 2].sum(axis=1).max()
    for ax, n in zip(axes, spikes, strict=True):
        (ticks,) = (line for line in ax.lines if line.get_marker() == "|")
        assert len(ticks.get_xdata()) == n


def test_a_trial_s_spikes_have_the_colours_and_events_of_their_own(session):
    order = np.random.default_rng(0).permutation(session.n_neurons)
    ax = plots.population_raster(session, 3, order)
    (ticks,) = (c for c in ax.collections if not isinstance(c, LineCollection))
    row = (ticks.get_offsets()[:, 1] - 0.5).astype(int)
    color = [nma.regions.color_of(name) for name in session.units["region"].iloc[order[row]]]
    np.testing.assert_allclose(ticks.get_facecolors()[:, :3], [to_rgb(c) for c in color])
    lines = {line.get_label(): line.get_xdata()[0] for line in ax.lines}
    assert lines["stimulus"] == 0
    for column, name in {"reaction_time": "movement", "gocue": "go cue"}.items():
        if session.time[0] <= session.trials[column].iloc[3] <= session.time[-1]:
            assert lines[name] == session.trials[column].iloc[3]


def test_a_map_s_regions_are_named_beside_their_rows(session):
    order = plots.neuron_order(session, by="region")[::-1]
    ax = plots.activity_map(session, order)
    rows = session.units["region"].to_numpy()[order]
    for name, at in labels(ax.yaxis).items():
        assert rows[int(at)] == name
    # Orange, as the description says, is more than on average.
    red, _, blue, _ = ax.images[0].cmap(1.0)
    assert red > blue


def test_rates_stand_over_their_regions(session):
    ax = plots.firing_rates(session)
    for text, at in labels(ax.xaxis).items():
        name, n = text.split(" ")
        here = session.rates_hz[session.units["region"] == name]
        drawn = [c.get_offsets() for c in ax.collections if not isinstance(c, LineCollection)]
        (own,) = (xy for xy in drawn if abs(xy[:, 0].mean() - at) < 0.5)
        np.testing.assert_allclose(np.sort(own[:, 1]), np.sort(here.clip(0.01)))
        assert n == f"({len(here)})"


def test_region_counts_stand_under_their_region():
    names = ["CA1", "VISp", "MOs"]
    counts = pd.DataFrame([[1, 20, 300], [2, 40, 600]], ["a", "b"], names)
    ax = plots.region_counts(counts)
    shown = np.asarray(ax.collections[0].get_array()).reshape(2, 3)
    for name, at in labels(ax.xaxis).items():
        np.testing.assert_allclose(shown[:, int(at)], counts[name])


def test_biases_stand_over_what_was_observed():
    observed, rates = np.array([0.01, 0.1, 0.3]), np.array([0.2, 0.4, 0.5])
    lines = {x.get_label(): x.get_data() for x in plots.output_biases({"a": rates}, observed).lines}
    np.testing.assert_allclose(lines["a"], (observed, rates))


def test_the_session_at_hand_is_marked_among_all(session):
    table = nma.list_sessions()
    known = dataclasses.replace(session, name=table["name"].iloc[7])
    texts = plots.sessions(table, known)[0].texts
    marked = [text.get_text() for text in texts if text.get_color() == "white"]
    assert marked == [str(table["index"].iloc[7])]


def test_the_left_response_is_the_left_grating(session):
    """A response of 1 is left, as in the recordings: most where the left contrast is higher."""
    trials = session.trials.assign(contrast_left=1.0, contrast_right=0.0, response=1.0)
    ax = plots.psychometric(dataclasses.replace(session, trials=trials))
    shares = {c.get_label(): c.lines[0].get_ydata() for c in ax.containers}
    assert shares["left"][0] == 1 and shares["right"][0] == 0


# ---------------------------------------------------------------------- the same numbers, elsewhere


def named(ax):
    """Lines and points of the Axes by their label."""
    return {artist.get_label(): artist for artist in (*ax.lines, *ax.collections)}


def test_a_raster_s_events_are_of_their_rows_and_its_psth_in_hz(session):
    late = session.trials.assign(reaction_time=np.random.default_rng(0).random(session.n_trials))
    raster, psth = plots.raster(dataclasses.replace(session, trials=late), 25, sort="contrast_left")
    np.testing.assert_allclose(
        named(raster)["movement"].get_offsets()[:, 0],
        late["reaction_time"].iloc[np.argsort(late["contrast_left"], kind="stable")],
    )
    hz = session.rates_hz[25]
    assert psth.lines[0].get_ydata().mean() == pytest.approx(hz, rel=0.05)
    assert f"{hz:.1f} Hz" in raster.get_title()


def test_a_psth_is_smoothed_by_seconds(session):
    rates = session.select("MOs").spikes.mean(axis=2, keepdims=True) / session.bin_size
    expected = nma.smooth(rates, 0.02 / session.bin_size)[..., 0].mean(axis=0)
    drawn = plots.psth(session, "MOs", smooth=0.02).lines[0].get_ydata()
    np.testing.assert_allclose(drawn, expected, rtol=1e-5)


def test_an_order_is_of_the_trials_that_it_is_found_on(session):
    some = np.arange(0, 40, 3)
    on_some = plots.neuron_order(session, trials=some)
    np.testing.assert_array_equal(on_some, plots.neuron_order(session.select(trials=some)))
    assert (on_some != plots.neuron_order(session)).any()


def test_both_halves_of_the_brain_are_alike_and_groups_have_their_colours(twin):
    side, behind, above = plots.brain_views(twin)
    lines = behind.lines[-1].get_xdata(), above.lines[-1].get_ydata()
    outlines = behind.patches[0].get_xy()[:, 0], above.patches[0].get_xy()[:, 1]
    for line, outline in zip(lines, outlines, strict=True):
        assert line[0] == 5.7  # mm: half of the atlas, which is 11.4 mm wide
        assert line[0] == pytest.approx((outline.min() + outline.max()) / 2, abs=0.01)
    for group in set(twin.units["group"]):
        drawn = named(side)[group].get_facecolor()[0][:3]
        np.testing.assert_allclose(drawn, to_rgb(nma.regions.color_of(group)))


def test_units_respond_bin_by_bin():
    _, below = plots.step_responses({"unit": np.arange(9.0)}, np.zeros(9))
    (line,) = (line for line in below.lines if line.get_label() == "unit")
    np.testing.assert_allclose(line.get_xdata(), np.arange(9) / 100)
    assert line.get_drawstyle() == "steps-post"  # a bin's state is that from its start on


def test_sources_stand_left_of_targets():
    ax = plots.architecture(453, 69)
    at = {n: [t.get_position()[0] for t in ax.texts if n in t.get_text()] for n in ("453", "69)")}
    assert at["453"] < at["69)"]


def test_equal_rates_lie_on_the_line():
    ax = plots.output_biases({"a": np.array([0.2, 0.4])}, np.array([0.01, 0.1]))
    x, y = named(ax)["equal"].get_data()
    np.testing.assert_allclose(x, y)


def test_slopes_are_those_of_the_links():
    _, slopes = plots.links(betas=(3.0,))
    x, slope = slopes.lines[0].get_data()
    np.testing.assert_allclose(slope, 1 / (1 + np.exp(-3 * x)), atol=0.01)


def test_pairs_within_a_region_have_their_own_mark():
    table = pd.DataFrame({"source": ["MOs", "MOs"], "target": ["MOs", "CA1"]})
    table = table.assign(target_group="hippocampus", bits_per_spike=[0.3, 0.5], shuffled=0.0)
    ax = plots.shuffle_control(table)
    mark = {handle.get_label(): handle.get_marker() for handle in legend(ax) if handle.get_marker()}
    assert mark["within one"] != mark["between regions"]
    paths = dict(
        zip(ax.collections[0].get_offsets()[:, 0], ax.collections[0].get_paths(), strict=True)
    )
    corners = {name: len(MarkerStyle(m).get_path()) for name, m in mark.items()}
    assert (
        len(paths[0.3]) == corners["within one"] and len(paths[0.5]) == corners["between regions"]
    )


def test_means_over_mice_stand_among_their_mice():
    rng = np.random.default_rng(0)
    rows = [(s, m, k + rng.random()) for k, s in enumerate(("VISp", "MOs", "LP")) for m in "abcd"]
    table = pd.DataFrame(rows, columns=["source", "mouse", "beyond_stimulus"])
    ax = plots.over_mice(table.assign(target="CA1", session=table["mouse"]))
    at = labels(ax.yaxis)
    dots = named(ax)["one mouse"].get_xydata()
    intervals = {y: ends for y, *ends in bars(ax, horizontal=True)}
    (means,) = (c.lines[0] for c in ax.containers)
    for source, here in table.groupby("source")["beyond_stimulus"]:
        y = at[f"{source} → CA1 (4)"]
        np.testing.assert_allclose(np.sort(dots[dots[:, 1] == y, 0]), np.sort(here))
        assert dict(means.get_xydata()[:, ::-1])[y] == pytest.approx(here.mean())
        reach = 3.182 * here.std() / 2  # Student's t of three degrees of freedom
        np.testing.assert_allclose(intervals[y], here.mean() + np.array([-1, 1]) * reach, rtol=1e-3)


def test_a_score_s_number_and_null_are_its_own():
    row = {"bits_per_spike": 0.1, "low": 0.0, "high": 0.5, "null": "test"}
    ax = plots.score_intervals(pd.DataFrame([row], ["mine"]))
    assert [text.get_text() for text in ax.texts] == ["0.100"]
    assert 0.1 in [line.get_xdata()[0] for line in ax.lines]
    assert "null: test mean" in ax.get_xlabel()


def test_marks_are_at_their_losses(data):
    ax = plots.loss_by_rate({"mean rate": nma.fit_mean(data)}, data, marks={"original": 0.0914})
    assert named(ax)["original"].get_ydata()[0] == 0.0914


def test_attainable_shares_are_means_over_mice():
    rows = [("one", "true rates", 0.4, 1.0), ("one", "seq2seq", 0.3, 0.75)]
    rows += [("two", "true rates", 0.2, 1.0), ("two", "seq2seq", 0.1, 0.5)]
    ax = plots.attainable(pd.DataFrame(rows, columns=["name", "model", "bits_per_spike", "share"]))
    assert [text.get_text() for text in ax.texts] == ["100 %", "62 %"]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], [0.3, 0.2])


def test_data_curves_are_of_their_recording():
    over = ("trials", "sources")
    rows = [(n, "seq2seq", o, k, 0.1 * k, "MOs") for k in (1, 2) for n in "ab" for o in over]
    columns = ["name", "model", "over", "n", "bits_per_spike", "target"]
    table = pd.DataFrame(rows, columns=columns)
    table.loc[table["name"] == "b", "n"] += 10
    axes = plots.data_curves(table)
    drawn = [ax.lines[0].get_xdata().tolist() for ax in axes]
    assert drawn == [[1, 2], [11, 12], [1, 2], [11, 12]]


def test_by_itself_the_best_predicted_neuron_is_drawn(data):
    rates = np.tile(nma.metrics.mean_rates(data.target[data.train]), (len(data.test), 30, 1))
    rates[..., 4] = data.target[data.test][..., 4] + 0.01  # as if it had seen them
    ax = plots.predicted_trials({"mine": Known(rates)}, data)[0]
    trial = list(data.test).index(int(ax.get_title().split()[-1]))
    drawn = named(ax)["mine"].get_ydata()
    np.testing.assert_allclose(drawn, rates[trial, :, 4] / data.bin_size)


@dataclasses.dataclass
class Known:
    """A model that predicts these rates for the test trials."""

    rates: np.ndarray

    def predict(self, source):
        return self.rates


def test_of_several_networks_the_first_one_s_curves_are_drawn():
    both = pd.concat([HISTORY.assign(member=0), HISTORY.assign(member=1, train_bits=9.0)])
    drawn = named(plots.learning_curves(both))["training trials"].get_ydata()
    np.testing.assert_allclose(drawn, HISTORY["train_bits"])


def test_every_neuron_s_variance_stands_over_its_mean(data):
    _, right = plots.count_distribution(data)
    counts = data.target[data.train].reshape(-1, data.n_targets).astype(float)
    (drawn,) = (line.get_xydata() for line in right.lines if line.get_marker() == "o")
    np.testing.assert_allclose(drawn, np.column_stack([counts.mean(axis=0), counts.var(axis=0)]))


def test_a_level_to_compare_with_is_where_it_is():
    ax = plots.alignment(alignments(), ["a", "b", "c"], bar=0.8)
    assert ax.lines[-1].get_ydata()[0] == 0.8


def test_each_decoder_has_its_own_chance():
    rows = [("choice", "15 latents", 0.66), ("choice", "all source neurons", 0.58)]
    table = pd.DataFrame(rows, columns=["variable", "features", "chance_high"])
    ax = plots.decoding(table.assign(accuracy=0.7, low=0.6, high=0.9, n_test=9))
    tops = [bar.get_y() + bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(tops, table["chance_high"])


def test_agreements_are_those_of_what_the_read_out_uses():
    table = nma.measured_scores("agreement").query("model == 'linear' or epochs != 'best'")
    sessions = table.groupby("session", sort=False)["used_r2"]
    for ax, (session, expected) in zip(plots.agreement(table), sessions, strict=True):
        assert ax.get_title() == session.replace("_", " ")
        drawn = np.concatenate([line.get_ydata() for line in ax.lines])
        np.testing.assert_allclose(np.sort(drawn), np.sort(expected))


def test_single_trials_are_of_those_that_are_shown(session):
    latents = np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 2))
    ax, _ = plots.latent_pair(latents, session, trials=np.array([30, 31]), n_single=1)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), latents[30, :, 0])


def test_a_direction_s_share_is_of_variance(session):
    latents = np.zeros((session.n_trials, session.n_bins, 4))
    latents[:, : session.n_bins // 2, 1] = 3.0  # 9 to 1
    latents[:, ::2, 2] = 1.0
    ax = plots.trajectories(latents, session, by="response")[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("direction 1 (90%)", "direction 2 (10%)")


def test_recovered_latents_are_of_their_trial(session):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(session.n_trials, session.n_bins, 2))
    noisy = reference + rng.normal(size=reference.shape)
    found = nma.align(noisy, reference, train=np.arange(30), test=np.arange(30, 40))
    axes = plots.aligned_latents(found, reference, session, ["a", "b"], n_trials=2)
    np.testing.assert_allclose(axes[1, 1].lines[1].get_ydata(), found.aligned[-1, :, 1])


def test_a_denoised_trial_s_counts_are_smoothed_by_two_bins(data):
    psth = np.tile(np.arange(data.n_targets, 0.0, -1.0), (data.n_bins, 1))
    ax = plots.denoised_trial(data, np.tile(psth, (len(data.test), 1, 1)), psth)[0]
    expected = nma.smooth(data.target[data.test[:1]], 2)[0].T / data.bin_size
    np.testing.assert_allclose(ax.images[0].get_array(), expected, rtol=1e-5)


def test_the_wheel_s_rows_are_sorted_with_the_events(session):
    bins = np.random.default_rng(0).permutation(session.n_trials).astype(float)
    ax = plots.events_on_wheel(session, {"event": bins})
    expected = np.abs(session.behavior["wheel"])[np.argsort(bins)]
    np.testing.assert_allclose(ax.images[0].get_array(), expected)


@pytest.mark.parametrize(("left", "right", "side"), [(1.0, 0.25, -1), (0.25, 1.0, 1)])
def test_the_higher_contrast_is_to_come_to_the_centre(left, right, side):
    ax, _ = plots.task(left, right)
    (start,) = (t.xyann[0] for t in ax.texts if getattr(t, "arrow_patch", None) and t.xy[1] > 7)
    assert np.sign(start - 9) == side


def test_sessions_on_this_computer_are_black():
    table = nma.list_sessions()
    table["cached"] = table["index"] == 7
    texts = plots.sessions(table)[0].texts
    black = [t.get_text() for t in texts if t.get_bbox_patch() and t.get_color() == "black"]
    assert black == [str(7)]


def test_held_out_bins_stand_at_their_times():
    ax = plots.held_out_bins({"a": np.eye(4) > 0}, bin_size=0.02, start=-0.5)[0]
    np.testing.assert_allclose(ax.images[0].get_extent()[:2], (-0.5, -0.42))


def test_targets_have_a_black_edge_and_the_trial_s_part_is_named(data):
    side, *_, raster = plots.selection(data, trial=int(data.test[0]))
    (edged,) = (c for c in side.collections if len(c.get_edgecolor()))
    targets = data.session.units[["ap", "dv"]].to_numpy()[data.target_units] / 1000
    np.testing.assert_allclose(edged.get_offsets(), targets)
    assert raster.get_title() == f"trial {data.test[0]} (test)"
