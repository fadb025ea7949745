"""Figures of the recording and of its rasters: labelled, and clear about what is absent."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import tiny_dict

import nma_seq2seq as nma
from nma_seq2seq import plots


@pytest.fixture(scope="module")
def session():
    return nma.Session.from_dict(tiny_dict())


@pytest.fixture(scope="module")
def bare():
    """Spikes and regions alone."""
    return nma.Session.from_dict({k: tiny_dict()[k] for k in ("spks", "brain_area")})


def drawn(result) -> list[plt.Axes]:
    axes = list(np.atleast_1d(result))
    assert axes and all(isinstance(ax, plt.Axes) for ax in axes)
    axes[0].figure.canvas.draw()
    return axes


@pytest.mark.parametrize(
    "draw",
    [
        plots.brain_views,
        plots.firing_rates,
        lambda s: plots.count_variance(s, window=(0.0, 0.15)),
        plots.psychometric,
        plots.reaction_times,
        lambda s: plots.events_on_wheel(s, {"go cue": s.event_bin("gocue")}),
        lambda s: plots.psth(s, "MOs", by="contrast_right"),
        lambda s: plots.psth(s, align="reaction_time", window=(-0.05, 0.05), smooth=0),
        lambda s: plots.population_raster(s, 3, plots.neuron_order(s)),
        plots.activity_map,
    ],
)
def test_every_axis_has_its_label(session, draw):
    for ax in drawn(draw(session)):
        assert ax.get_xlabel() and ax.get_ylabel()


def test_the_overviews_draw_without_a_recording(session):
    assert len(drawn(plots.task())) == 2
    table = nma.list_sessions()
    assert len(drawn(plots.sessions(table))) == 2
    shown = {text.get_text() for text in drawn(plots.sessions(table, session))[1].texts}
    assert {"MOs 10", "CA1 5", "LP"} <= shown


@pytest.mark.parametrize("n_regions", [5, 45])
def test_region_counts_names_all_regions(n_regions):
    names = [r for group in nma.regions.GROUPS.values() for r in group][:n_regions]
    counts = pd.DataFrame(np.arange(3 * n_regions).reshape(3, -1), columns=names)
    ax = drawn(plots.region_counts(counts))[0]
    labels = {label.get_text() for label in (*ax.get_xticklabels(), *ax.get_yticklabels())}
    assert set(names) <= labels


def test_a_raster_has_a_tick_for_each_bin_with_spikes(session):
    raster, psth = drawn(plots.raster(session, 25, by="response"))
    spikes = session.spikes[:, :, 25]
    assert len(raster.collections[0].get_offsets()) == (spikes > 0).sum()
    assert psth.get_xlabel() and psth.get_ylabel()


def test_a_psth_is_the_mean_rate(session):
    ax = plots.psth(session, "MOs", smooth=0)
    expected = session.select("MOs").spikes.mean(axis=(0, 2)) / session.bin_size
    assert np.allclose(ax.lines[0].get_ydata(), expected)


def test_a_psth_around_an_event_takes_the_bins_around_it(session):
    ax = plots.psth(session, "MOs", align="gocue", window=(-0.05, 0.05), smooth=0)
    at = session.event_bin("gocue").astype(int)[:, None] + np.arange(-5, 5)
    counts = session.select("MOs").spikes[np.arange(session.n_trials)[:, None], at]
    assert np.allclose(ax.lines[0].get_ydata(), counts.mean(axis=(0, 2)) / session.bin_size)


def test_neurons_are_sorted_by_region_and_component(session):
    order = plots.neuron_order(session)
    assert sorted(order) == list(range(session.n_neurons))
    region = session.units["region"].to_numpy()[order]
    assert list(dict.fromkeys(region)) == session.regions
    assert (plots.neuron_order(session, by=None) == np.arange(session.n_neurons)).all()


def test_similarity_leaves_white_what_the_null_gives():
    r = pd.DataFrame([[1, 0.1, -0.6], [0.1, 1, 0.3], [-0.6, 0.3, 1]], ["LP", "MOs", "CA1"])
    r.columns = r.index
    axes = drawn(plots.similarity({"stimulus": r}, {"stimulus": 0.25}))
    shown = axes[0].collections[0].get_array().filled(np.nan)
    assert np.isfinite(shown).sum() == 4


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (plots.brain_views, "'ap' in its units"),
        (plots.psychometric, "'contrast_left' in its trials"),
        (plots.reaction_times, "'reaction_time' in its trials"),
        (
            lambda s: plots.events_on_wheel(s, {"a": np.zeros(s.n_trials)}),
            "'wheel' in its behavior",
        ),
        (lambda s: plots.raster(s, 99), "neuron is 99; choose a whole number from 0 to 35"),
        (lambda s: plots.raster(s, 0, by="response"), "'response' in its trials"),
        (lambda s: plots.psth(s, "MOs", align="gocue"), "no event times 'gocue'"),
        (lambda s: plots.psth(s, "XYZ"), "no neurons in region 'XYZ'"),
        (
            lambda s: plots.population_raster(s, 400),
            "trial is 400; choose a whole number from 0 to 39",
        ),
        (lambda s: plots.neuron_order(s, by="size"), "no order 'size'"),
    ],
)
def test_what_is_absent_is_named(bare, draw, says):
    with pytest.raises(ValueError, match=says):
        draw(bare)


def test_a_window_that_never_fits_is_named(session):
    with pytest.raises(ValueError, match="choose a shorter window"):
        plots.psth(session, align="gocue", window=(-5, 5))


def test_figures_say_what_a_session_is_aligned_to(session):
    moved = session.align("gocue", window=(-0.05, 0.1))
    wheel = {"go cue": moved.event_bin("gocue")}
    latents = np.zeros((moved.n_trials, moved.n_bins, 3))
    axes = [
        plots.psth(moved),
        plots.raster(moved, 0)[1],
        plots.population_raster(moved, 0),
        plots.activity_map(moved),
        plots.events_on_wheel(moved, wheel),
        plots.latent_pair(latents, moved)[0],
        plots.psth(session, align="gocue", window=(-0.05, 0.1)),
    ]
    assert {ax.get_xlabel() for ax in axes} == {"time from the go cue (s)"}


def test_of_more_regions_than_fit_the_groups_are_named(session):
    names = [name for group in nma.regions.GROUPS.values() for name in group][: session.n_neurons]
    units = session.units.assign(region=names, group=list(map(nma.regions.group_of, names)))
    many = nma.Session(session.spikes, session.time, units, session.trials)
    order = plots.neuron_order(many, by="region")
    ax = plots.population_raster(many, 0, order)
    ax.figure.canvas.draw()
    ticks = {tick.label1.get_text(): tick.get_loc() for tick in ax.yaxis.get_major_ticks()}
    assert ticks.keys() == set(units["group"])
    for name, at in ticks.items():
        assert units["group"].iloc[order[int(at)]] == name


def test_of_one_region_alone_there_are_no_other_sources(session):
    alone = plots.neurons_left(session.select("MOs"), "MOs")
    assert [line.get_label().split(":")[0] for line in alone.lines] == ["target", "target"]
