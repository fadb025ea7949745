"""Figures show the numbers that they were given: what is drawn is read back from the Axes."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import tiny_dict
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import FancyArrowPatch

import nma_seq2seq as nma
from nma_seq2seq import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


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
    np.testing.assert_allclose(bars(by_contrast)[:, 1:], expected.to_numpy())


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
    # The line stands between the targets, above, and the sources.
    heights = [line.get_ydata()[0] for line in raster.lines if len(set(line.get_ydata())) == 1]
    assert data.n_targets - 0.5 in heights


def test_a_least_rate_leaves_shares_of_neurons_and_of_spikes(session):
    ax = plots.neurons_left(session, "MOs")
    rates = session.rates_hz[session.region_mask("MOs")]
    lines = {line.get_label(): line.get_data() for line in ax.lines}
    least, spikes = next(xy for name, xy in lines.items() if "target" in name and "spikes" in name)
    kept = [rates[rates >= value].sum() / rates.sum() for value in least]
    np.testing.assert_allclose(spikes, kept, atol=1e-6)


def test_the_held_out_share_is_named():
    mask = np.zeros((10, 10), bool)
    mask[:2] = True
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


def test_the_control_stands_over_the_score():
    table = pd.DataFrame(
        {
            "source": ["VISp", "VISp"],
            "target": ["MOs", "MOs"],
            "target_group": "other cortex",
            "bits_per_spike": [0.3, 0.5],
            "shuffled": [0.0, 0.1],
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
    with pytest.raises(ValueError, match="4 mice or more; choose a smaller least="):
        plots.over_mice(table, least=4)
