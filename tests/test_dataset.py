"""make_dataset: who predicts whom, and a split that leaks nothing."""

import dataclasses

import numpy as np
import pytest

import nma_seq2seq as nma
from nma_seq2seq.dataset import shuffle_within_condition, split_trials


def test_every_trial_is_in_one_part_and_every_neuron_on_one_side(tiny):
    data = nma.make_dataset(tiny, seed=3)
    parts = np.concatenate([data.train, data.validation, data.test])
    assert sorted(parts) == list(range(40)) and len(data.test) == 8 and len(data.validation) == 6
    assert not set(data.source_units) & set(data.target_units)
    assert (tiny.units["region"].iloc[data.target_units] == "MOs").all()
    assert (data.source == tiny.spikes[:, :, data.source_units]).all()
    assert (data.target == tiny.spikes[:, :, data.target_units]).all()


def test_the_seed_draws_the_split(tiny):
    first, again, other = (nma.make_dataset(tiny, seed=seed) for seed in (0, 0, 1))
    assert (first.test == again.test).all() and (first.test != other.test).any()


def test_same_halves_a_region(tiny):
    data = nma.make_dataset(tiny, source="same", target="VISp")
    assert data.n_sources == data.n_targets == 10
    assert not set(data.source_units) & set(data.target_units)
    assert set(tiny.units["region"].iloc[data.source_units]) == {"VISp"}
    odd = nma.make_dataset(tiny, source="same", target="CA1")
    assert odd.n_sources == odd.n_targets == 2


def test_regions_groups_and_window(tiny):
    data = nma.make_dataset(
        tiny, source=["VISp", "hippocampus"], target=["MOs", "root"], window=(0, 0.1)
    )
    assert (data.n_sources, data.n_targets, data.n_bins) == (25, 11, 10)
    assert data.session.time[0] == 0


def test_names_may_come_from_a_generator(tiny):
    data = nma.make_dataset(tiny, (name for name in ("VISp", "CA1")), iter(["MOs"]))
    assert (data.n_sources, data.n_targets, data.source_name) == (25, 10, "VISp, CA1")


def test_the_least_rate_looks_at_training_trials_alone(tiny):
    data = nma.make_dataset(tiny, min_rate_hz=30)
    rates = tiny.spikes[data.train].mean(axis=(0, 1)) / 0.01
    assert (rates[data.source_units] >= 30).all() and (rates[data.target_units] >= 30).all()
    assert data.n_targets < 10


def test_a_neuron_is_as_active_as_it_is_in_the_training_trials(tiny):
    """One that fires in the other trials alone is silent to the rule, and the other way round."""
    train = nma.make_dataset(tiny).train
    other = np.setdiff1d(np.arange(40), train)
    spikes = np.ones_like(tiny.spikes)
    spikes[np.ix_(train, range(30), [3, 30])] = 0
    spikes[np.ix_(other, range(30), [4, 31])] = 0
    # Every bin of a hundredth of a second holds a spike: exactly 100 Hz, which is kept.
    session = dataclasses.replace(tiny, spikes=spikes)
    data = nma.make_dataset(session, min_rate_hz=100)
    assert 3 not in data.source_units and 30 not in data.target_units
    assert 4 in data.source_units and 31 in data.target_units
    assert data.n_sources == 25 and data.n_targets == 9
    halves = nma.make_dataset(session, source="same", target="MOs", min_rate_hz=100)
    assert 30 not in {*halves.source_units, *halves.target_units} and halves.n_sources == 4


def test_the_seed_draws_the_halves(tiny):
    drawn = [nma.make_dataset(tiny, source="same", target="VISp", seed=s) for s in (0, 0, 1)]
    units = [set(data.source_units) for data in drawn]
    assert units[0] == units[1] != units[2]


def test_a_blocked_split_starts_anywhere():
    starts = {int(split_trials(100, split="blocked", seed=seed)[2][0]) for seed in range(20)}
    assert len(starts) > 5


def test_a_blocked_split_is_contiguous():
    for seed in range(5):
        train, validation, test = split_trials(100, split="blocked", seed=seed)
        assert (len(train), len(validation), len(test)) == (64, 16, 20)
        for part in (validation, test):
            steps = np.diff(part)
            assert (steps != 1).sum() <= 1  # once around the end at most


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "M0s"}, "no neurons in region 'M0s'; this session has VISp"),
        ({"source": "LP"}, "no neurons in region 'LP'"),
        ({"source": "MOs"}, 'both source and target.*source="same"'),
        ({"source": ["VISp", "MOs"]}, "MOs is both"),
        ({"source": "other cortex"}, "MOs is both"),
        ({"source": "same", "target": "root"}, "1 neurons in root cannot be halved"),
        ({"min_rate_hz": 1e5}, "no source neuron is left"),
        ({"target": ["VISp", "MOs", "CA1", "root"]}, "no other region is left"),
        ({"test_fraction": 0.0}, "at least one"),
        ({"test_fraction": 0.99}, "at least one"),
        ({"split": "odd"}, "no split 'odd'; choose from 'random', 'blocked'"),
        ({"window": (5, 6)}, "no bins between"),
    ],
)
def test_bad_choices_get_one_sentence(tiny, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        nma.make_dataset(tiny, **arguments)
    assert "\n" not in str(caught.value)


def test_too_few_trials(tiny):
    with pytest.raises(ValueError, match="9 trials are too few"):
        nma.make_dataset(tiny.select(trials=range(9)))
    assert len(nma.make_dataset(tiny.select(trials=range(10))).test) == 2


def test_shuffling_within_condition_keeps_the_stimulus_and_breaks_the_trial(tiny):
    data = nma.make_dataset(tiny)
    shuffled = shuffle_within_condition(data, seed=1)
    assert (shuffled.target == data.target).all() and (shuffled.source != data.source).any()
    condition = tiny.trials[["contrast_left", "contrast_right"]].to_numpy()
    for part in (data.train, data.validation, data.test):
        for trial in part:
            # Each trial's sources come from a trial of the same part and the same contrasts.
            same = (data.source[part] == shuffled.source[trial]).all(axis=(1, 2))
            assert (condition[part[same]] == condition[trial]).all(axis=1).any()
    again, other = (shuffle_within_condition(data, seed=seed) for seed in (1, 2))
    assert (again.source == shuffled.source).all() and (other.source != shuffled.source).any()
    bare = nma.Session(tiny.spikes, tiny.time, tiny.units, tiny.trials[[]])
    with pytest.raises(ValueError, match="no contrast_left or contrast_right"):
        shuffle_within_condition(nma.make_dataset(bare))


def test_a_lag_moves_the_sources_and_keeps_the_targets(tiny):
    window = (0.0, 0.1)
    data = nma.make_dataset(tiny, window=window)
    led = nma.make_dataset(tiny, window=window, lag=3)
    trailed = nma.make_dataset(tiny, window=window, lag=-3)
    sources = tiny.spikes[:, :, data.source_units]
    assert (led.source == sources[:, 7:17]).all() and (trailed.source == sources[:, 13:23]).all()
    for each in (led, trailed):
        assert (each.target == data.target).all() and (each.test == data.test).all()
    both = nma.make_dataset(tiny, window=window, lag=(-1, 1))
    assert both.n_sources == 3 * data.n_sources
    assert (both.source[:, :, data.n_sources : 2 * data.n_sources] == data.source).all()
    assert (both.source[:, :, : data.n_sources] == sources[:, 11:21]).all()
    assert (tiny.units["region"].iloc[both.source_units] != "MOs").all()
    assert "3 bins earlier" in repr(led) and "1 bin later to 1 bin earlier" in repr(both)


def test_a_lag_leaves_out_targets_without_a_source(tiny):
    data = nma.make_dataset(tiny, lag=(-2, 4))
    assert data.n_bins == 24 and data.session.time[0] == pytest.approx(-0.06)
    assert (data.target == tiny.spikes[:, 4:28, data.target_units]).all()
    with pytest.raises(ValueError, match="no bin of the recording has sources at lags"):
        nma.make_dataset(tiny, lag=30)


def placed(tiny, **columns):
    return dataclasses.replace(tiny, units=tiny.units.assign(**columns))


def test_near_sources_are_left_out(tiny):
    # One track: 10 µm from neuron to neuron; MOs are 25 to 34.
    depth = 10.0 * np.arange(36)
    session = placed(tiny, ap=0.0, lr=0.0, dv=depth)
    # Neuron 20 is 50 µm from 25, which is far enough, and 35 is 10 from 34.
    for distance in (45, 50):
        data = nma.make_dataset(session, min_distance_um=distance)
        assert list(data.source_units) == list(range(21))
        assert list(data.target_units) == list(range(25, 35))
    halves = nma.make_dataset(session, source="same", target="VISp", min_distance_um=25)
    apart = np.abs(depth[halves.source_units][:, None] - depth[halves.target_units])
    assert apart.min() >= 25 and halves.n_sources == 8 and halves.n_targets == 10
    depth[3] = np.nan
    depth[30] = np.nan
    unknown = nma.make_dataset(placed(tiny, ap=0.0, lr=0.0, dv=depth), min_distance_um=45)
    assert list(unknown.source_units) == [*range(3), *range(4, 21)]
    assert list(unknown.target_units) == [25, 26, 27, 28, 29, 31, 32, 33, 34]
    # Which end predicts the other is drawn.
    ends = [
        nma.make_dataset(session, "same", "VISp", min_distance_um=25, seed=seed).source_units[0]
        for seed in range(10)
    ]
    assert set(ends) == {0, 12}
    with pytest.raises(ValueError, match="the farthest is at 250 µm"):
        nma.make_dataset(session, min_distance_um=1e4)
    with pytest.raises(ValueError, match="no positions"):
        nma.make_dataset(dataclasses.replace(tiny, units=tiny.units[["region", "group"]]),
                         min_distance_um=10)  # fmt: skip


def test_sources_on_the_targets_probe_are_left_out(tiny):
    probe = np.repeat(["A", "B"], 18)
    session = placed(tiny, probe=probe)
    data = nma.make_dataset(session, other_probe=True)
    assert set(probe[data.source_units]) == {"A"} and set(probe[data.target_units]) == {"B"}
    halves = nma.make_dataset(session, source="same", target="VISp", other_probe=True)
    assert len(set(probe[halves.source_units]) & set(probe[halves.target_units])) == 0
    with pytest.raises(ValueError, match="on one probe"):
        nma.make_dataset(session, source="same", other_probe=True)
    with pytest.raises(ValueError, match="every source neuron is on a probe"):
        nma.make_dataset(session, source="root", other_probe=True)
    with pytest.raises(ValueError, match="no column 'probe'"):
        nma.make_dataset(tiny, other_probe=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "mos"}, "did you mean 'MOs'"),
        ({"target": None}, "chosen by name, not by None"),
        ({"source": 3}, "chosen by name, not by 3"),
        ({"target": ["VISp", "MOs", "CA1", "root"]}, 'no other region is left.*source="same"'),
        ({"seed": -1}, "seed is -1; choose a whole number of at least 0"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"seed": None}, "seed is None"),
        ({"window": (0, 400)}, "in seconds, not in milliseconds"),
        ({"window": (0.1, 0.2, 0.3)}, "start and its stop"),
        ({"test_fraction": "half"}, "test_fraction is 'half'"),
        ({"test_fraction": np.nan}, "test_fraction is nan"),
        ({"min_distance_um": -5}, "at least 0"),
        ({"lag": (1, 2, 3)}, "give one whole number of bins"),
        ({"lag": 0.5}, "lag is 0.5"),
        ({"lag": (3, 1)}, "the smaller one first"),
    ],
)
def test_what_is_nearly_right_gets_a_sentence(tiny, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        nma.make_dataset(tiny, **arguments)
    assert "\n" not in str(caught.value)
