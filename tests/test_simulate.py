"""The simulated session: the format, a mouse that makes sense, known latents, and a real look."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from steinmetz_files import write

import nma_seq2seq as nma
from benchmarks import twin as bench
from nma_seq2seq import metrics, simulate
from nma_seq2seq.simulate import LATENTS, PATHS, REGIONS, area_of, simulate_recording

SMALL = {"n_trials": 30, "n_bins": 120, "regions": {"MOs": 8, "VISp": 12, "root": 3}}


@pytest.fixture(scope="module")
def recording():
    return simulate_recording(3, n_passive=20, **SMALL)[0]


def latent(session, name):
    return session.latents[:, :, LATENTS.index(name)]


# ---------------------------------------------------------------------- the format


def test_default_has_the_shape_of_session_31_in_time():
    session = nma.simulate_session(seed=1)
    assert session.name == "Simulated_1" and session.origin == "simulated"
    assert session.spikes.shape == session.rates.shape == (260, 250, 522)
    assert session.latents.shape == (260, 250, len(LATENTS))
    assert session.units["region"].value_counts().to_dict() == REGIONS
    assert REGIONS["MOs"] == 69 and len(REGIONS) > 8 and session.units["group"].nunique() >= 5
    assert session.time[0] == -0.5 and session.time[-1] == pytest.approx(1.99)


def test_every_key_of_the_format_is_there(recording):
    neurons, trials, bins, passive = 23, 30, 120, 20
    shapes = {
        "spks": (neurons, trials, bins), "brain_area": (neurons,), "ccf": (neurons, 3),
        "ccf_axes": (3,), "trough_to_peak": (neurons,), "contrast_left": (trials,),
        "contrast_right": (trials,), "response": (trials,), "feedback_type": (trials,),
        "gocue": (trials, 1), "response_time": (trials, 1), "feedback_time": (trials, 1),
        "prev_reward": (trials, 1), "reaction_time": (trials, 2), "wheel": (1, trials, bins),
        "face": (1, trials, bins), "licks": (1, trials, bins), "pupil": (3, trials, bins),
        "spks_passive": (neurons, passive, bins), "wheel_passive": (1, passive, bins),
        "face_passive": (1, passive, bins), "licks_passive": (1, passive, bins),
        "pupil_passive": (3, passive, bins), "contrast_left_passive": (passive,),
        "contrast_right_passive": (passive,), "active_trials": (trials + passive,),
        "cellid_orig": (39,), "mouse_name": (), "date_exp": (), "bin_size": (), "stim_onset": (),
        "probe": (neurons,), "depth": (neurons,), "true_cell": (neurons,),
        "true_neighbor": (neurons,), "true_leak": (neurons,), "unit_columns": (5,),
    }  # fmt: skip
    assert {key: np.shape(value) for key, value in recording.items()} == shapes
    assert recording["spks"].dtype == np.int8
    assert recording["active_trials"].sum() == trials and recording["cellid_orig"].sum() == neurons
    assert not recording["wheel_passive"].any() and not recording["licks_passive"].any()


def test_same_seed_same_session_whatever_else_is_drawn(recording):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    again = simulate_recording(3, n_passive=20, **SMALL)[0]
    assert all(np.array_equal(again[key], recording[key]) for key in recording)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    session = nma.simulate_session(3, **SMALL)
    assert np.array_equal(session.spikes, recording["spks"].transpose(1, 2, 0))
    assert not np.array_equal(nma.simulate_session(4, **SMALL).spikes, session.spikes)


def test_the_same_seed_in_another_process_too():
    """Python orders sets of names anew in every process; MOs and MOp lie at the same depth."""
    program = (
        "import hashlib; from nma_seq2seq.simulate import simulate_recording as made;"
        "units = made(0, n_trials=2, n_bins=2, regions={'MOs': 4, 'MOp': 4, 'CP': 4})[0]['ccf'];"
        "print(hashlib.sha256(units.tobytes()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "4")
    }
    assert len(found) == 1


def test_regions_of_one_depth_make_a_probe_without_a_warning(recwarn):
    session = nma.simulate_session(n_trials=2, n_bins=2, regions={"MOs": 4, "MOp": 4})
    assert np.isfinite(session.units[["ap", "dv", "lr"]]).all(axis=None) and not len(recwarn)


@pytest.mark.parametrize(("n_trials", "n_bins"), [(1, 1), (12, 40), (20, 400)])
def test_other_sizes(n_trials, n_bins):
    session = nma.simulate_session(n_trials=n_trials, n_bins=n_bins, regions={"CA1": 1, "BLA": 2})
    assert session.spikes.shape == (n_trials, n_bins, 3)
    assert np.isfinite(session.rates).all() and np.isfinite(session.latents).all()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n_trials": 0}, "n_trials is 0; choose a whole number of at least 1"),
        ({"n_trials": 2.5}, "n_trials is 2.5; choose a whole number"),
        ({"n_bins": -3}, "n_bins is -3; choose a whole number of at least 1"),
        ({"seed": -1}, "seed is -1; choose a whole number of at least 0"),
        ({"regions": {}}, "ask for at least two, such as"),
        ({"regions": {"MOs": 1}}, "hold 1 neurons; ask for at least two"),
        ({"regions": {"MOs": 0, "VISp": 5}}, r"regions\['MOs'\] is 0; choose a whole number"),
        ({"regions": {"M0s": 5}}, "no region 'M0s'; choose from 'VISp', "),
    ],
)
def test_bad_sizes_are_answered_in_one_sentence(sizes, message):
    with pytest.raises(ValueError, match=message):
        nma.simulate_session(**sizes)


def test_file_round_trip(tmp_path, recording):
    path = tmp_path / "steinmetz_part7.npz"
    other = simulate_recording(5, n_passive=0, **SMALL)[0]
    write(path, [recording, other])
    first, second = nma.load_file(path, 0), nma.load_file(path, 1)
    assert np.array_equal(first.spikes, recording["spks"].transpose(1, 2, 0))
    assert second.name == "Simulated_5" and second.trials.equals(
        nma.simulate_session(5, **SMALL).trials
    )


# ---------------------------------------------------------------------- the mouse


def test_choices_follow_the_contrasts():
    trials = nma.simulate_session(n_trials=2000, n_bins=1, regions={"MOs": 2}).trials
    difference = trials["contrast_right"] - trials["contrast_left"]
    bins = np.digitize(difference, [-0.6, -0.1, 0.1, 0.6])
    right = (trials["response"] == -1).groupby(bins).mean()
    left = (trials["response"] == 1).groupby(bins).mean()
    assert right.is_monotonic_increasing and left.is_monotonic_decreasing
    assert right.iloc[-1] > 0.7 and left.iloc[0] > 0.7
    highest = trials[["contrast_left", "contrast_right"]].max(axis=1)
    no_go = (trials["response"] == 0).groupby(highest).mean()
    assert no_go[0] > 0.5 and no_go[0] > no_go[0.25] > no_go[1.0]
    assert set(trials["contrast_left"]) == set(trials["contrast_right"]) == {0, 0.25, 0.5, 1}


def test_the_mouse_tires():
    sessions = [nma.simulate_session(s, n_bins=1, regions={"MOs": 2}) for s in range(16)]
    engagement = np.mean([latent(session, "engagement")[:, 0] for session in sessions], axis=0)
    assert engagement[:65].mean() > engagement[-65:].mean() + 0.5


def test_feedback_agrees_with_contrasts_and_response(twin):
    trials = twin.trials
    side = np.sign(trials["contrast_left"] - trials["contrast_right"])
    rewarded = trials["feedback_type"] == 1
    assert set(trials["feedback_type"]) == {-1, 1}
    unequal = side != 0
    assert (rewarded == (trials["response"] == side))[unequal].all()
    blank = trials["contrast_left"] + trials["contrast_right"] == 0
    assert (rewarded == (trials["response"] == 0))[blank].all()
    equal = ~unequal & ~blank
    assert not rewarded[equal & (trials["response"] == 0)].any()
    assert trials["prev_reward"].tolist() == [0, *trials["feedback_type"][:-1]]


def test_times_follow_one_another(twin):
    trials = twin.trials
    moved = trials["response"] != 0
    assert (trials["reaction_time"].notna() == moved).all()
    assert (trials["movement_direction"] == trials["response"]).all()
    assert (trials["reaction_time"] < trials["response_time"])[moved].all()
    assert (trials["gocue"] < trials["response_time"]).all()
    assert (trials["response_time"] < trials["feedback_time"]).all()
    assert trials["reaction_time"].median() == pytest.approx(0.27, abs=0.08)
    assert np.isnan(twin.event_bin("feedback_time")).any()  # some fall after the last bin


def test_wheel_turns_towards_the_response_when_the_mouse_moves(twin):
    wheel = twin.behavior["wheel"]
    for trial, row in twin.trials.iterrows():
        onset = row["reaction_time"] if row["response"] else row["feedback_time"]
        assert not wheel[trial, twin.time < onset].any()
        responding = (twin.time > onset) & (twin.time < row["response_time"])
        assert np.sign(wheel[trial, responding].sum()) == row["response"]


def test_licks_follow_reward_and_the_pupil_is_smooth(twin):
    rewarded = (twin.trials["feedback_type"] == 1).to_numpy()
    licks = twin.behavior["licks"]
    assert not licks[~rewarded].any() and licks[rewarded].sum(axis=1).mean() > 1
    for trial in np.flatnonzero(rewarded):
        assert not licks[trial, twin.time < twin.trials["feedback_time"][trial]].any()
    together = {lag: (licks[:, lag:] * licks[:, :-lag]).sum() for lag in (7, 14, 21, 28)}
    assert min(together[14], together[28]) > 2 * max(together[7], together[21])  # seven a second
    pupil = twin.behavior["pupil_area"]
    assert np.abs(np.diff(pupil, axis=1)).max() < 0.15 * pupil.std()
    assert np.corrcoef(pupil[:, 0], latent(twin, "engagement")[:, 0])[0, 1] > 0.7
    assert np.corrcoef(twin.behavior["face"].ravel(), latent(twin, "movement").ravel())[0, 1] > 0.7


# ---------------------------------------------------------------------- neurons and latents


def test_spikes_are_poisson_around_the_true_rates(twin):
    expected = twin.rates.sum(axis=(0, 1), dtype=float)
    observed = twin.spikes.sum(axis=(0, 1), dtype=float)
    z = (observed - expected) / np.sqrt(expected)
    assert abs(z.mean()) < 0.2 and z.std() == pytest.approx(1, abs=0.15)
    busy = expected > 2000
    spread = (twin.spikes[..., busy] - twin.rates[..., busy]) ** 2
    assert spread.sum() / expected[busy].sum() == pytest.approx(1, abs=0.01)


def test_log_rates_are_linear_in_the_latents_but_for_a_gain_a_trial(twin):
    within = twin.latents - twin.latents.mean(axis=1, keepdims=True)
    x = within[::4].reshape(-1, len(LATENTS)).astype(float)
    own = np.flatnonzero(twin.units["true_leak"] == 0)[::20]
    log_rates = np.log(twin.rates[::4][:, :, own].astype(float))
    y = (log_rates - log_rates.mean(axis=1, keepdims=True)).reshape(len(x), -1)
    weights, *_ = np.linalg.lstsq(x, y, rcond=None)
    np.testing.assert_allclose(x @ weights, y, atol=1e-4)


def test_drift_of_the_gains_is_slow(twin):
    level = np.log(twin.rates).mean(axis=1)  # (trials, neurons)
    change = np.diff(level, axis=0).std(axis=0)
    assert (change < level.std(axis=0) * np.sqrt(2)).mean() > 0.9


@pytest.mark.parametrize(("source", "target", "delay"), PATHS)
def test_what_an_area_sends_arrives_after_its_delay(twin, source, target, delay):
    before = twin.time < 0  # neither stimulus nor movement has driven anything yet
    sent, arrived = latent(twin, source)[:, before], latent(twin, target)[:, before]
    lags = np.arange(-12, 13)
    middle = slice(12, before.sum() - 12)
    match = [
        np.corrcoef(np.roll(sent, lag, axis=1)[:, middle].ravel(), arrived[:, middle].ravel())[0, 1]
        for lag in lags
    ]
    assert abs(lags[np.argmax(match)] - delay) <= 2
    assert max(match) > 0.4


def test_several_areas_send_to_motor_cortex_and_hippocampus_to_none():
    assert len({source for source, target, _ in PATHS if target == "motor cortex"}) >= 3
    assert not any("hippocampus" in path for path in PATHS)
    assert {name for path in PATHS for name in path[:2]} <= set(simulate.AREAS)


def test_regions_respond_as_they_should(twin):
    def rate_hz(region, trials):
        return twin.select(region, trials=trials).spikes.mean(axis=(0, 2)) / twin.bin_size

    before = twin.time < 0
    early, response = (twin.time >= 0) & (twin.time < 0.04), (twin.time >= 0.07) & (twin.time < 0.2)
    peak = [
        rate_hz("VISp", twin.trials["contrast_right"] == contrast)[response].mean()
        for contrast in (0, 0.25, 0.5, 1)
    ]
    assert np.all(np.diff(peak) > 0)
    full = rate_hz("VISp", twin.trials["contrast_right"] == 1)
    assert full[response].mean() > 1.4 * full[before].mean()
    assert full[early].mean() == pytest.approx(full[before].mean(), rel=0.15)

    onset = twin.event_bin("reaction_time")
    moving = np.flatnonzero(~np.isnan(onset) & (onset < 150))
    motor = twin.select("MOs").spikes.mean(axis=2) / twin.bin_size
    aligned = np.mean([motor[t, int(onset[t]) - 40 : int(onset[t]) + 30] for t in moving], axis=0)
    assert aligned[35:55].mean() > 1.3 * aligned[:20].mean()


def test_high_contrasts_are_seen_sooner():
    session = nma.simulate_session(n_trials=1500, n_bins=80, regions={"VISp": 2})
    contrast, seen = session.trials["contrast_right"], latent(session, "visual cortex")
    responses = [seen[contrast == level].mean(axis=0) for level in (0.25, 1)]
    weak, strong = ((response > response.max() / 2).argmax() for response in responses)
    assert 50 + 6 <= strong < weak <= 50 + 11


def test_areas():
    regions = {"MOs": "motor", "MOp": "motor", "ACA": "frontal", "VISp": "visual"}
    assert {name: area_of(name) for name in regions} == {
        name: f"{area} cortex" for name, area in regions.items()
    }
    assert area_of("CA1") == "hippocampus" and area_of("BLA") is area_of("root") is None


def test_latents_that_drive_motor_cortex_can_be_read_from_the_spikes(twin):
    session = twin.rebin(4)
    data = nma.make_dataset(session)
    roots = np.sqrt(session.spikes.astype(np.float32))
    x = np.concatenate([gaussian_filter1d(roots, width, axis=1) for width in (1, 2.5, 10)], 2)
    z = session.latents
    mean_x, mean_z = x[data.train].mean(axis=(0, 1)), z[data.train].mean(axis=(0, 1))
    a = (x[data.train] - mean_x).reshape(-1, x.shape[2])
    b = (z[data.train] - mean_z).reshape(-1, z.shape[2])
    weights = np.linalg.solve(a.T @ a + 30 * np.eye(a.shape[1]), a.T @ b)
    estimate = (x[data.test] - mean_x) @ weights + mean_z
    quality = dict(zip(LATENTS, metrics.r2(z[data.test], estimate), strict=True))
    assert min(quality[name] for name in (*simulate.BRAIN_WIDE, "motor cortex")) > 0.75
    assert min(quality.values()) > 0.7


def test_positions_and_widths_look_like_probes(twin):
    units = twin.units
    assert units["ap"].between(0, 13200).all() and units["dv"].between(0, 8000).all()
    assert (units["lr"] < 5700).all()  # the left hemisphere, so that right is contralateral
    assert units["depth"].between(0, 3840).all()  # what a Neuropixels shank holds
    for _, probe in units.groupby("probe"):
        where = probe[["ap", "dv", "lr"]].to_numpy()
        off, along = np.linalg.svd(where - where.mean(axis=0), full_matrices=False)[1:]
        assert off[1] < 0.05 * off[0]  # a straight line
        assert np.corrcoef(probe["dv"], probe["depth"])[0, 1] < -0.99  # from the tip up
        along = (where - where.mean(axis=0)) @ along[0]
        assert abs(np.corrcoef(along, probe["depth"])[0, 1]) > 0.999
        assert probe["region"].nunique() >= 3
        # One stretch after the other, down the probe.
        runs = probe.sort_values("depth", ascending=False)["region"]
        assert (runs != runs.shift()).sum() <= probe["region"].nunique() + 2
    assert units.groupby("region")["probe"].nunique()["MOs"] == 2
    narrow = units["trough_to_peak"] <= 10
    assert 0.05 < narrow.mean() < 0.35
    assert units["trough_to_peak"].between(11, 13).mean() < 0.1  # a gap between the two kinds


def pairs(units, column):
    """Positions of units and of what `column` says that they are tied to."""
    other = units[column].to_numpy()
    one = np.flatnonzero((other >= 0) & (other != np.arange(len(units))))
    return one, other[one]


def test_some_cells_are_split_in_two_units_side_by_side(twin):
    units = twin.units
    other, one = pairs(units, "true_cell")
    assert 0.1 < 2 * len(one) / len(units) < 0.3 and len(set(one)) == len(one)
    for column in ("region", "probe", "trough_to_peak"):
        assert (units[column].to_numpy()[one] == units[column].to_numpy()[other]).all()
    where = units[["ap", "dv", "lr"]].to_numpy()
    assert np.linalg.norm(where[one] - where[other], axis=1).max() < 60
    clean = (units["true_leak"].to_numpy()[one] == 0) & (units["true_leak"].to_numpy()[other] == 0)
    np.testing.assert_allclose(
        twin.rates[..., one[clean]], twin.rates[..., other[clean]], rtol=1e-4
    )


def test_some_units_count_their_neighbours_spikes_too(twin):
    units = twin.units
    one, neighbor = pairs(units, "true_neighbor")
    assert 0.1 < len(one) / len(units) < 0.3
    assert (units["probe"].to_numpy()[one] == units["probe"].to_numpy()[neighbor]).all()
    where = units[["ap", "dv", "lr"]].to_numpy()
    assert np.linalg.norm(where[one] - where[neighbor], axis=1).max() <= 60
    leak = units["true_leak"].to_numpy()
    assert (leak[one] > 0).all() and (leak > 0).sum() == len(one) and leak.max() <= 0.5
    # In the same bin more often than the rates have it, and not in the next one.
    beyond = twin.spikes - twin.rates

    def product(a, b, lag):
        first = beyond[:, : beyond.shape[1] - lag, a]
        return (first * beyond[:, lag:, b]).sum(axis=(0, 1)) / twin.rates[..., b].sum(axis=(0, 1))

    at_once, next_bin = product(one, neighbor, 0), product(one, neighbor, 1)
    assert at_once.mean() > 0.02 > 5 * abs(next_bin.mean())
    # And as often as true_leak says, where the neighbour counts its own spikes alone.
    alone = leak[neighbor] == 0
    counted, total = (twin.rates[..., which[alone]].sum(axis=(0, 1)) for which in (neighbor, one))
    shared = (at_once[alone] * counted).sum()
    assert shared == pytest.approx((leak[one[alone]] * total).sum(), rel=0.03)


def test_twin_lies_in_the_range_of_real_sessions(real_file):
    table = bench.run(real_file)
    assert table["inside"].all(), "\n" + table[~table["inside"]].to_string()
    assert len(table) == 17
