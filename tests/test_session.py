"""Session: the format's quirks, and taking parts."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from conftest import tiny_dict

import nma_seq2seq as nma
from nma_seq2seq import regions
from nma_seq2seq.steinmetz import course_session


def changed(**keys) -> dict:
    dat = tiny_dict() | keys
    return {key: value for key, value in dat.items() if value is not None}


def test_shapes_words_and_units(tiny):
    dat = tiny_dict()
    assert tiny.spikes.shape == (40, 30, 36) and tiny.spikes.dtype == np.uint8
    assert (tiny.spikes == dat["spks"].transpose(1, 2, 0)).all()
    assert tiny.time[0] == -0.1 and tiny.time[10] == 0
    assert tiny.name == "Tiny_2020-01-01" and tiny.origin == "recorded"
    assert list(tiny.units.loc[20, ["region", "group"]]) == ["CA1", "hippocampus"]
    assert tiny.behavior["pupil_y"].shape == tiny.behavior["wheel"].shape == (40, 30)
    np.testing.assert_allclose(tiny.rates_hz, dat["spks"].mean(axis=(1, 2)) / 0.01)


def test_is_frozen(tiny):
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny.name = "other"


def test_every_number_of_the_file_is_in_its_place(tiny):
    dat = tiny_dict()
    assert (tiny.mouse, tiny.date) == ("Tiny", "2020-01-01")
    np.testing.assert_array_equal(tiny.units[["ap", "dv", "lr"]], dat["ccf"])
    turned = nma.Session.from_dict(changed(ccf_axes=np.array(["lr", "ap", "dv"])))
    np.testing.assert_array_equal(turned.units[["lr", "ap", "dv"]], dat["ccf"])
    for k, name in enumerate(("pupil_area", "pupil_x", "pupil_y")):
        np.testing.assert_array_equal(tiny.behavior[name], dat["pupil"][k].astype(np.float32))
    np.testing.assert_array_equal(tiny.trials["movement_direction"], dat["reaction_time"][:, 1])
    for key in ("contrast_left", "contrast_right", "response"):
        np.testing.assert_array_equal(tiny.trials[key], dat[key])


def test_without_its_own_the_format_s_clock_is_taken():
    session = nma.Session.from_dict(changed(bin_size=None, stim_onset=None))
    assert session.bin_size == 0.01 and session.time[0] == -0.5


def test_what_the_file_lacks_is_absent():
    session = nma.Session.from_dict({key: tiny_dict()[key] for key in ("spks", "brain_area")})
    assert list(session.trials.columns) == [] and len(session.trials) == 40
    assert session.behavior == {} and list(session.units.columns) == ["region", "group"]
    with pytest.raises(ValueError, match="no event times 'gocue'.*none at all"):
        session.event_bin("gocue")


@pytest.mark.parametrize("key", ["gocue", "wheel", "contrast_left"])
def test_squeezed_shapes_are_the_same(key, tiny):
    session = nma.Session.from_dict(changed(**{key: np.squeeze(tiny_dict()[key])}))
    assert session.trials.equals(tiny.trials)
    assert (session.behavior["wheel"] == tiny.behavior["wheel"]).all()


def test_one_trial_keeps_its_shapes():
    session = nma.Session.from_dict(tiny_dict(n_trials=1))
    assert session.behavior["wheel"].shape == (1, 30) and len(session.trials) == 1


def test_no_movement_is_nan_and_times_are_seconds(tiny):
    reaction = tiny_dict()["reaction_time"][:, 0]
    assert (tiny.trials["reaction_time"].isna() == np.isinf(reaction)).all()
    assert tiny.trials["reaction_time"].dropna().eq(0.12).all()


def test_event_bin_counts_from_the_first_bin(tiny):
    assert (tiny.event_bin("gocue") == 17).all()  # (0.07 + 0.1) / 0.01
    late = np.linspace(-0.2, 0.4, 40)
    bins = nma.Session.from_dict(changed(gocue=late)).event_bin("gocue")
    outside = (late < -0.1) | (late >= 0.2 - 1e-9)
    assert (np.isnan(bins) == outside).all() and np.nanmax(bins) < 30
    shown = tiny.select(window=(0.0, 0.1))
    assert (shown.event_bin("gocue") == 7).all()
    assert np.isnan(tiny.select(window=(0.1, 0.2)).event_bin("gocue")).all()


@pytest.mark.parametrize("onset", [0.1, 0.5])
def test_event_bin_at_every_edge(onset):
    """With half a second before the stimulus, (k / 100 + 0.5) / 0.01 is too small for some k."""
    before = round(100 * onset)
    edges = np.arange(250 - before)
    session = nma.Session.from_dict(
        {
            "spks": np.zeros((2, len(edges), 250), np.uint8),
            "brain_area": np.array(["MOs", "VISp"]),
            "gocue": edges / 100,
            "stim_onset": onset,
        }
    )
    np.testing.assert_array_equal(session.event_bin("gocue"), edges + before)
    # Just before an edge it is still the bin before, and the end of the recording is in no bin.
    trials = session.trials.assign(gocue=edges / 100 - 1e-4)
    early = dataclasses.replace(session, trials=trials).event_bin("gocue")
    np.testing.assert_array_equal(early, edges + before - 1)
    trials = session.trials.assign(gocue=2.5 - onset)
    assert np.isnan(dataclasses.replace(session, trials=trials).event_bin("gocue")).all()


def test_stray_spaces_and_unknown_regions():
    area = tiny_dict()["brain_area"].astype("<U5")
    area[:3] = [" TT", "root", "XYZ"]
    session = nma.Session.from_dict(changed(brain_area=area))
    assert list(session.units["region"][:3]) == ["TT", "root", "XYZ"]
    assert list(session.units["group"][:3]) == ["other cortex", "other", "other"]


def test_select(tiny):
    part = tiny.select(regions=["MOs", "hippocampus"], trials=[3, 1], window=(0, 0.05))
    assert part.spikes.shape == (2, 5, 15)
    assert (part.spikes == tiny.spikes[[3, 1], 10:15, 20:35]).all()
    assert list(part.trials.index) == [3, 1] and list(part.units.index) == list(range(20, 35))
    assert part.behavior["wheel"].shape == (2, 5) and part.time[0] == 0
    lively = tiny.select(min_rate_hz=30)
    assert (lively.rates_hz >= 30).all() and lively.n_neurons == (tiny.rates_hz >= 30).sum()
    mask = tiny.trials["response"] != 0
    assert tiny.select(trials=mask).n_trials == mask.sum()


def test_the_least_rate_is_that_of_the_window_that_is_kept(tiny):
    spikes = tiny.spikes.copy()
    spikes[:, :10, 0], spikes[:, 10:, 0] = 9, 0
    session = dataclasses.replace(tiny, spikes=spikes)
    part = session.select(min_rate_hz=1, window=(0, 0.2))
    assert 0 not in part.units.index and part.n_neurons < tiny.n_neurons
    assert 0 in session.select(min_rate_hz=1).units.index


def test_the_least_rate_is_that_of_the_trials_that_are_kept(tiny):
    spikes = tiny.spikes.copy()
    spikes[:20, :, 0], spikes[20:, :, 0] = 0, 9
    session = dataclasses.replace(tiny, spikes=spikes)
    assert 0 not in session.select(min_rate_hz=1, trials=range(20)).units.index
    assert session.select(min_rate_hz=900, trials=range(20, 40)).units.index.tolist() == [0]


def test_a_window_s_ends_are_bins_however_they_are_written(tiny):
    """0.01 + 0.05 is a little more than 0.06, and the bin at 0.06 is meant all the same."""
    edge = 0.01 + 0.05
    assert edge > 0.06
    assert tiny.select(window=(edge, 0.1)).time[0] == 0.06
    assert tiny.select(window=(0, edge)).time[-1] == 0.05


def test_positions_from_the_end(tiny):
    assert list(tiny.select(trials=[-1, 0, -40]).trials.index) == [39, 0, 0]


@pytest.fixture
def known(tiny):
    """The recording with made-up truth: latents, rates and licks that differ in every entry."""
    shape = tiny.spikes.shape
    rates = np.arange(np.prod(shape), dtype=float).reshape(shape)
    licks = np.arange(np.prod(shape[:2]), dtype=np.float32).reshape(shape[:2])
    return dataclasses.replace(
        tiny, rates=rates, latents=rates[:, :, :3] / 7, behavior=tiny.behavior | {"licks": licks}
    )


def test_the_truth_goes_along_with_what_is_selected(known):
    part = known.select(regions="MOs", trials=[7, 2, 5], window=(0, 0.1))
    chosen = np.ix_([7, 2, 5], range(10, 20))
    np.testing.assert_array_equal(part.rates, known.rates[chosen][:, :, 25:35])
    np.testing.assert_array_equal(part.latents, known.latents[chosen])
    np.testing.assert_array_equal(part.behavior["licks"], known.behavior["licks"][chosen])


def test_rebin_sums_counts_and_rates_and_averages_levels(known):
    """A true rate is an expected count per bin, so twice the bin has twice the rate."""
    long = known.rebin(3)
    for k in (0, 4):
        bins = slice(3 * k, 3 * k + 3)
        np.testing.assert_allclose(long.rates[:, k], known.rates[:, bins].sum(axis=1))
        np.testing.assert_allclose(long.latents[:, k], known.latents[:, bins].mean(axis=1))
        licks = known.behavior["licks"][:, bins].sum(axis=1)
        np.testing.assert_allclose(long.behavior["licks"][:, k], licks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"regions": "M0s"}, "no neurons in region 'M0s'; this session has VISp, MOs, CA1, root"),
        ({"regions": "thalamus"}, "no neurons in group 'thalamus'"),
        ({"min_rate_hz": 1e4}, "lower min_rate_hz"),
        ({"window": (3, 4)}, "runs from -0.1 to 0.2 s"),
        ({"window": (0.1, 0.1)}, "with the start first"),
        ({"window": (0.101, 0.102)}, "no bins between 0.101 and 0.102 s"),
        ({"trials": []}, "at least one trial"),
        ({"trials": [40]}, "trials 0 to 39"),
        ({"trials": np.zeros(40, bool)}, "at least one trial"),
        ({"trials": np.ones(7, bool)}, r"must be \(40,\)"),
        ({"trials": [0.5]}, "by positions"),
    ],
)
def test_select_says_what_is_wrong(tiny, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny.select(**arguments)


def test_rebin(tiny):
    long = tiny.rebin(4)
    assert long.spikes.shape == (40, 7, 36) and long.bin_size == 0.04
    assert (long.spikes[:, 0] == tiny.spikes[:, :4].sum(axis=1)).all()
    np.testing.assert_allclose(long.time, [-0.1 + 0.04 * i for i in range(7)])
    wheel = tiny.behavior["wheel"][:, 4:8].mean(axis=1)
    np.testing.assert_allclose(long.behavior["wheel"][:, 1], wheel, rtol=1e-6)
    np.testing.assert_allclose(long.rates_hz, tiny.spikes[:, :28].mean(axis=(0, 1)) / 0.01)
    for wrong in (0, 31, 1.5):
        with pytest.raises(ValueError, match="whole number from 1 to 30"):
            tiny.rebin(wrong)


def test_rebin_does_not_wrap_around():
    busy = np.full((36, 40, 30), 100, np.int8)
    assert nma.Session.from_dict(changed(spks=busy)).rebin(30).spikes.max() == 3000


def test_html_names_what_matters(tiny):
    page = tiny._repr_html_()
    for text in ("Tiny_2020-01-01", "recorded", "MOs 10", "-0.1 to 0.2 s", "wheel"):
        assert text in page
    assert "<Session Tiny_2020-01-01 (recorded): 36 neurons" in repr(tiny)


SPKS = tiny_dict()["spks"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"spks": None}, "no 'spks'"),
        ({"brain_area": None}, "no 'brain_area'"),
        ({"spks": SPKS[0]}, r"must be \(neurons, trials, time\)"),
        ({"spks": -SPKS}, "negative counts"),
        ({"spks": SPKS + np.nan}, "NaN"),
        ({"spks": SPKS + 0.5}, "fractions"),
        ({"spks": SPKS.astype(str)}, "must hold counts"),
        ({"spks": SPKS[:, :0]}, "0 trials"),
        ({"spks": SPKS[:1]}, "1 neurons"),
        ({"brain_area": np.array(["MOs"] * 35)}, "one acronym for each of the 36"),
        ({"brain_area": np.arange(36)}, "one acronym"),
        ({"response": np.ones(39)}, r"response has shape \(39,\); it must be \(40,\)"),
        ({"wheel": np.ones((1, 40, 29))}, "wheel has shape"),
        ({"pupil": np.ones((2, 40, 30))}, "pupil has shape"),
        ({"ccf_axes": np.array(["x", "y", "z"])}, "ccf_axes"),
        ({"bin_size": 0.0}, "above 0"),
        ({"bin_size": "ten"}, "one number"),
        ({"contrast_left": np.array(["a"] * 40)}, "must hold numbers"),
    ],
)
def test_bad_recordings_get_one_sentence(keys, message):
    with pytest.raises(ValueError, match=message) as caught:
        nma.Session.from_dict(changed(**keys))
    assert "\n" not in str(caught.value) and "Tiny_2020-01-01" in str(caught.value)


def test_regions_have_one_group_one_colour_and_one_place():
    listed = [region for group in regions.GROUPS.values() for region in group]
    assert len(listed) == len(set(listed)) and "TT" in listed and " TT" not in listed
    assert set(regions.COLORS) == set(regions.GROUPS)
    assert len(set(regions.COLORS.values())) == len(regions.COLORS)
    assert regions.color_of("MOs") == regions.color_of("other cortex")
    assert regions.in_order(["zzz", "CA1", "MOs", "VISp", "MOs"]) == ["VISp", "MOs", "CA1", "zzz"]


def test_a_window_is_a_view_and_a_part_is_copied_once(tiny):
    window = tiny.select(window=(0, 0.1))
    assert np.shares_memory(window.spikes, tiny.spikes)
    part = tiny.select(regions="MOs", trials=[5, 2, 5], window=(0, 0.1))
    assert (part.spikes == tiny.spikes[[5, 2, 5], 10:20, 25:35]).all()
    assert part.spikes.flags.c_contiguous and part.spikes.base is None
    assert tiny.select(trials=np.arange(40)[::-1]).spikes[0].tolist() == tiny.spikes[39].tolist()


def test_counts_in_a_sessions_own_order_are_not_copied():
    dat = tiny_dict()
    spikes = np.ascontiguousarray(dat["spks"].transpose(1, 2, 0)).view(np.uint8)
    assert nma.Session.from_counts(spikes, dat).spikes is spikes
    assert np.shares_memory(
        nma.Session.from_dict(dat | {"spks": spikes.transpose(2, 0, 1)}).spikes, spikes
    )


@pytest.fixture(scope="module")
def dense():
    """Counts (neurons, trials, time) of 1.5 MB, beside which tables and strings are nothing."""
    spks = np.random.default_rng(0).poisson(0.05, (60, 100, 250)).astype(np.int8)
    return {"spks": spks, "brain_area": np.array(["MOs"] * 12 + ["VISp"] * 48)}


def most_held(call) -> int:
    """The bytes that a call holds at most."""
    tracemalloc.start()
    try:
        kept = call()  # held until the peak is known
        return tracemalloc.get_traced_memory()[1] if kept is not None else 0
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["int8", "int16", "int64", "float32", "float64", "pickled"])
def test_counts_of_a_file_are_laid_out_once(dense, form, tmp_path):
    spks = dense["spks"].astype("int8" if form == "pickled" else form)
    dat = dense | {"spks": spks}
    members = {"dat": np.array([dat], dtype=object)} if form == "pickled" else dat
    np.savez(tmp_path / "mine.npz", **members)
    nma.load_file(tmp_path / "mine.npz")  # what is imported on the way stays
    most = most_held(lambda: nma.load_file(tmp_path / "mine.npz"))
    assert most < spks.nbytes + 1.5 * spks.size  # the file's own, and the session's


@pytest.mark.parametrize("lag", [0, 1, (0, 3)])
def test_a_dataset_copies_each_count_once(dense, lag):
    session = nma.Session.from_dict(dense)
    data = nma.make_dataset(session, window=(0, 1), lag=lag)
    most = most_held(lambda: nma.make_dataset(session, window=(0, 1), lag=lag))
    assert most < 1.5 * (data.source.nbytes + data.target.nbytes)


def test_what_the_course_leaves_out_is_not_kept(dense, monkeypatch, capsys):
    session = nma.Session.from_dict(dense)
    monkeypatch.setattr(course_session, "_MOST_COUNTS", session.spikes.size // 2)
    part = course_session.for_the_course(session)
    assert part.n_trials == 50 and part.spikes.base is None
    assert most_held(lambda: course_session.for_the_course(session)) < 0.75 * session.spikes.nbytes


def test_align_cuts_the_same_bins_around_an_event(capsys):
    late = np.linspace(-0.05, 0.35, 40)  # the recording runs from -0.1 to 0.2 s
    late[3] = np.nan
    session = nma.Session.from_dict(changed(gocue=late))
    cut = session.align("gocue", window=(-0.04, 0.05))
    bins = session.event_bin("gocue")
    kept = np.flatnonzero((bins >= 4) & (bins + 5 <= 30))
    assert list(cut.trials.index) == list(kept) and 5 < len(kept) < 39
    for row, trial in enumerate(kept):
        at = int(bins[trial])
        assert (cut.spikes[row] == session.spikes[trial, at - 4 : at + 5]).all()
        wheel = session.behavior["wheel"][trial, at - 4 : at + 5]
        assert (cut.behavior["wheel"][row] == wheel).all()
    np.testing.assert_allclose(cut.time, np.arange(-4, 5) / 100)
    # Every event stays in the bin that it was in, and the stimulus is one of them now.
    assert (cut.event_bin("gocue") == 4).all() and cut.trials["gocue"].between(0, 0.01).all()
    before = session.event_bin("reaction_time")[kept] - bins[kept] + 4
    before[(before < 0) | (before >= 9)] = np.nan
    np.testing.assert_array_equal(cut.event_bin("reaction_time"), before)
    np.testing.assert_allclose(cut.trials["stimulus_onset"], -(bins[kept] - 10) / 100)
    said = capsys.readouterr().out
    assert f"{len(kept)} of 40 trials; left out are 1 without it and {39 - len(kept)}" in said
    assert "from the go cue" in cut._repr_html_() and "from the go cue" in repr(cut)
    assert "stimulus onset" not in cut.select(window=(0, 0.03))._repr_html_()
    with pytest.raises(ValueError, match="runs from -0.04 to 0.05 s from the go cue"):
        cut.select(window=(0.06, 0.1))


def test_align_rounds_its_window_to_whole_bins(twin):
    """0.29 / 0.01 is a little less than 29 in floating point, and 29 bins are meant."""
    cut = twin.align("reaction_time", window=(-0.29, 0.29))
    assert cut.n_bins == 58 and cut.time[0] == -0.29


def test_only_what_was_aligned_to_the_stimulus_tells_its_time(tiny, capsys):
    at_stimulus = tiny.align("reaction_time", window=(-0.05, 0.05))
    assert (at_stimulus.trials["stimulus_onset"] == -0.12).all()
    elsewhere = dataclasses.replace(tiny, alignment="the tone")
    assert "stimulus_onset" not in elsewhere.align("reaction_time", window=(-0.05, 0.05)).trials


def test_aligning_back_gives_the_same_bins(twin):
    moved = twin.align("reaction_time", window=(-0.3, 0.5))
    back = moved.align("stimulus_onset", window=(-0.1, 0.1))
    assert back.alignment == "stimulus onset"
    shown = twin.select(trials=back.trials.index, window=(-0.1, 0.1))
    assert (back.spikes == shown.spikes).all()
    np.testing.assert_allclose(back.trials["gocue"], shown.trials["gocue"])
    assert np.array_equal(back.latents, shown.latents) and np.array_equal(back.rates, shown.rates)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("go_cue",), "no event times 'go_cue'.*did you mean 'gocue'"),
        (("response_time",), "it has gocue, reaction_time"),
        (("gocue", (-1, 1)), "no trial has -1 to 1 s around the go cue inside the recording"),
        (("gocue", (0.3, 0.1)), "with the start first"),
        (("gocue", (0.001, 0.002)), "holds no bin of 10 ms"),
        (("gocue", (0, None)), "needs a start and a stop"),
    ],
)
def test_align_says_what_is_wrong(tiny, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny.align(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"regions": "mos"}, "did you mean 'MOs'"),
        ({"regions": "MOs2/3"}, "did you mean 'MOs'"),
        ({"regions": "hipocampus"}, "did you mean 'hippocampus'"),
        ({"regions": []}, "chosen by name"),
        ({"regions": 5}, "chosen by name, not by 5; this session has VISp"),
        ({"regions": np.arange(3)}, r"chosen by name.*select\(neurons"),
        ({"window": (0, 400)}, "in seconds, not in milliseconds or bins"),
        ({"window": (0, 0.1, 0.2)}, "give its start and its stop"),
        ({"window": 0.4}, "give its start and its stop"),
        ({"window": ("0", "x")}, "give its start and its stop"),
        ({"window": (0, np.nan)}, "give its start and its stop"),
        ({"min_rate_hz": -1}, "min_rate_hz is -1; choose a number of at least 0"),
        ({"min_rate_hz": np.nan}, "min_rate_hz is nan"),
        ({"min_rate_hz": "1"}, "min_rate_hz is '1'"),
    ],
)
def test_what_is_nearly_right_gets_a_sentence(tiny, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        tiny.select(**arguments)
    assert "\n" not in str(caught.value)


def test_an_open_window_ends_where_the_session_does(tiny):
    assert tiny.select(window=(0, None)).n_bins == 20
    assert tiny.select(window=(None, 0)).n_bins == 10
