"""Who predicts whom: matched numbers, nobody on both sides, the control, and the truth."""

import importlib
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest

import nma_seq2seq as nma
from nma_seq2seq.simulate import PATHS, area_of

region_map = importlib.import_module("nma_seq2seq.region_maps")
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def small(twin):
    """Four regions of the twin, 0 to 0.3 s."""
    return twin.select(["MOs", "VISp", "LP", "CA1"], window=(0, 0.3))


@pytest.fixture
def datasets(monkeypatch):
    """Every dataset that the map fits, and a model that costs nothing."""
    seen = []

    def fit(data):
        seen.append(data)
        return nma.fit_mean(data)

    monkeypatch.setitem(region_map.MODELS, "rrr", fit)
    return seen


def test_numbers_match_and_no_neuron_is_on_both_sides(small, datasets):
    table = nma.region_map(small, n_neurons=20, n_resamples=2, **QUIET)
    assert len(table) == 2 * 4 * 4 and len(datasets) == 2 * len(table)
    assert (table["n_neurons"] == 20).all()
    for data in datasets:
        assert data.n_sources == data.n_targets == 20
        assert len(set(data.source_units) | set(data.target_units)) == 40
        assert set(small.units["region"].iloc[data.source_units]) == {data.source_name}
        assert set(small.units["region"].iloc[data.target_units]) == {data.target_name}


def test_no_source_is_nearer_than_asked_for(small, datasets):
    table = nma.region_map(small, n_neurons=15, n_resamples=2, min_distance_um=100, **QUIET)
    where = small.units[["ap", "dv", "lr"]].to_numpy()
    within = [data for data in datasets if data.source_name == data.target_name]
    assert len({data.source_name for data in within}) > 1
    for data in datasets:
        apart = where[data.source_units, None] - where[data.target_units]
        assert np.linalg.norm(apart, axis=2).min() >= 100
        assert data.n_sources == data.n_targets == 15
        # Within a region they are of the outer thirds of its length, 300 µm of MOs being crowded.
    for data in within:
        here = np.flatnonzero(small.units["region"] == data.source_name)
        axis = np.linalg.svd(where[here] - where[here].mean(axis=0), full_matrices=False)[2][0]
        order = here[np.argsort(where[here] @ axis)]
        size = max(15, len(here) // 3)
        ends = {frozenset(order[:size]), frozenset(order[-size:])}
        assert all(
            any(set(units) <= end for end in ends)
            for units in (data.source_units, data.target_units)
        )
    # The two ends of a region change places from one resample to the next.
    targets = {}
    for data in within:
        targets.setdefault(data.source_name, []).append(set(data.target_units))
    assert all(set.isdisjoint(sets[0], sets[-1]) for sets in targets.values())
    assert table["bits_per_spike"].notna().sum() == len(datasets) / 2


def test_a_source_may_be_just_as_far_as_asked_for(small, datasets):
    two = small.select(["MOs", "VISp"])
    apart = np.where(two.units["region"] == "MOs", 0.0, 100.0)
    units = two.units.assign(ap=0.0, lr=0.0, dv=apart)
    for distance, n_scores in ((100, 2), (101, 0)):
        table = nma.region_map(
            replace(two, units=units), n_neurons=5, n_resamples=1, min_distance_um=distance, **QUIET
        )
        assert table["bits_per_spike"].notna().sum() == n_scores


def test_where_too_few_are_far_enough_there_is_no_score(small, datasets):
    table = nma.region_map(small, n_neurons=15, n_resamples=1, min_distance_um=1200, **QUIET)
    within = table["source"] == table["target"]
    assert table.loc[within, "bits_per_spike"].isna().all()
    assert table.loc[~within, "bits_per_spike"].notna().any()


def test_neurons_without_a_position_are_not_drawn(small):
    units = small.units.assign(ap=small.units["ap"].where(small.units["region"] != "LP"))
    table = nma.region_map(
        replace(small, units=units), n_neurons=5, n_resamples=1, min_distance_um=10, **QUIET
    )
    with_lp = (table["source"] == "LP") | (table["target"] == "LP")
    assert table.loc[with_lp, "bits_per_spike"].isna().all()
    assert table.loc[~with_lp, "bits_per_spike"].notna().any()


def test_distances_need_positions(small):
    units = small.units.drop(columns=["ap", "dv", "lr"])
    with pytest.raises(ValueError, match="has no positions"):
        nma.region_map(replace(small, units=units), n_neurons=5, min_distance_um=50, **QUIET)


def test_a_region_sends_with_the_neurons_that_it_receives_with(small, datasets):
    nma.region_map(small, ["MOs", "VISp"], n_neurons=20, n_resamples=2, **QUIET)
    pairs = {}
    for k, data in enumerate(datasets[::2]):  # every other one is the control
        pairs[k // 4, data.source_name, data.target_name] = data
    for resample in (0, 1):
        forward, backward = pairs[resample, "MOs", "VISp"], pairs[resample, "VISp", "MOs"]
        within = pairs[resample, "MOs", "MOs"]
        np.testing.assert_array_equal(forward.source_units, backward.target_units)
        np.testing.assert_array_equal(forward.target_units, backward.source_units)
        np.testing.assert_array_equal(within.target_units, backward.target_units)
        for part in ("train", "validation", "test"):
            np.testing.assert_array_equal(forward.trials(part), backward.trials(part))
    # Another resample draws other neurons and splits the trials anew.
    first, second = pairs[0, "MOs", "VISp"], pairs[1, "MOs", "VISp"]
    assert set(first.source_units) != set(second.source_units)
    assert set(first.test) != set(second.test)


def test_a_group_shares_no_neuron_with_a_region_of_it(small, datasets):
    table = nma.region_map(small, ["other cortex", "MOs"], n_neurons=30, n_resamples=1, **QUIET)
    assert all(not set(data.source_units) & set(data.target_units) for data in datasets)
    assert set(table["source_group"]) == {"other cortex"}


def test_each_region_comes_with_its_own_group(small, datasets):
    table = nma.region_map(small, ["MOs", "VISp"], n_neurons=5, n_resamples=1, **QUIET)
    for side in ("source", "target"):
        pairs = set(zip(table[side], table[f"{side}_group"], strict=True))
        assert pairs == {("MOs", "other cortex"), ("VISp", "visual cortex")}


def test_the_null_is_the_mean_of_the_training_trials(small, datasets):
    """The model of these tests predicts just that, so it is worth nothing, shuffled or not."""
    table = nma.region_map(small, ["MOs", "VISp"], n_neurons=5, n_resamples=1, **QUIET)
    np.testing.assert_allclose(table[["bits_per_spike", "shuffled"]], 0, atol=1e-12)


def test_root_is_no_region_unless_it_is_asked_for(small, datasets):
    units = small.units.assign(region=small.units["region"].replace("CA1", "root"))
    session = replace(small, units=units)
    table = nma.region_map(session, n_neurons=8, n_resamples=1, **QUIET)
    assert set(table["source"]) == {"MOs", "VISp", "LP"}
    asked = nma.region_map(session, ["MOs", "root"], n_neurons=8, n_resamples=1, **QUIET)
    assert set(asked["source"]) == {"MOs", "root"}


def test_the_names_of_models_are_those_of_the_course():
    assert region_map.MODELS["seq2seq"] is nma.fit_seq2seq
    assert region_map.MODELS["rrr"].func is nma.fit_rrr


def test_silent_targets_have_no_score(small, datasets):
    spikes = small.spikes.copy()
    spikes[:, :, small.region_mask("LP")] = 0
    silent = replace(small, spikes=spikes)
    table = nma.region_map(silent, ["MOs", "LP"], n_neurons=5, n_resamples=1, **QUIET)
    scores = table.set_index(["source", "target"])["bits_per_spike"]
    assert scores[:, "LP"].isna().all() and scores[:, "MOs"].notna().all()


def test_the_control_shuffles_sources_within_stimulus_and_part(small):
    data = nma.make_dataset(small, seed=3)
    shuffled = nma.shuffle_within_condition(data, seed=3)
    np.testing.assert_array_equal(shuffled.target, data.target)
    key = {data.source[trial].tobytes(): trial for trial in range(small.n_trials)}
    origin = np.array([key[trial.tobytes()] for trial in shuffled.source])
    condition = small.trials.groupby(["contrast_left", "contrast_right"]).ngroup().to_numpy()
    np.testing.assert_array_equal(condition[origin], condition)
    for part in (data.train, data.validation, data.test):
        assert set(origin[part]) == set(part)
        alone = [(condition[part] == condition[trial]).sum() == 1 for trial in part]
        np.testing.assert_array_equal(origin[part] == part, alone)


def test_what_is_shared_in_single_trials_is_beyond_the_stimulus(small):
    table = nma.region_map(small, ["MOs", "VISp"], n_neurons=20, n_resamples=1, **QUIET)
    within = table[(table["source"] == "MOs") & (table["target"] == "MOs")].iloc[0]
    assert within["bits_per_spike"] > 0.1 > within["shuffled"]
    np.testing.assert_allclose(
        table["beyond_stimulus"], table["bits_per_spike"] - table["shuffled"]
    )


def test_no_contrasts_no_control(small, datasets):
    blind = replace(small, trials=small.trials[["response"]])
    table = nma.region_map(blind, ["MOs", "VISp"], n_neurons=20, n_resamples=1, **QUIET)
    assert table[["shuffled", "beyond_stimulus"]].isna().all(axis=None)
    assert table["bits_per_spike"].notna().all() and len(datasets) == 4


def test_the_seed_alone_decides(small):
    asked = {"regions": ["MOs", "LP"], "n_neurons": 8, "n_resamples": 1, **QUIET}
    table = nma.region_map(small, **asked, seed=1)
    with joblib.parallel_config("threading"):
        again = nma.region_map(small, **asked, seed=1, n_jobs=2)
    assert table.equals(again)
    assert not np.allclose(
        table["bits_per_spike"], nma.region_map(small, **asked, seed=2)["bits_per_spike"]
    )


def test_rows_come_in_order_and_regions_with_enough_neurons_by_default(twin, datasets):
    table = nma.region_map(twin, n_neurons=26, n_resamples=1, window=(0, 0.1), **QUIET)
    assert list(dict.fromkeys(table["target"])) == ["VISp", "MOs", "ACA", "LP", "CP"]
    assert list(table["source"][:5]) == ["VISp", "MOs", "ACA", "LP", "CP"]
    assert (table["target"][:5] == "VISp").all()
    assert {data.n_bins for data in datasets} == {10}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "lstm"}, "no model 'lstm'; choose from 'rrr', 'seq2seq'"),
        ({"n_neurons": 0}, "at least 1"),
        ({"n_resamples": 0}, "at least 1"),
        ({"n_neurons": 30}, "1 regions of session Simulated_0 have 60 neurons or more"),
        ({"regions": ["MOs", "CA1"], "n_neurons": 30}, "CA1 has 46 neurons, too few to draw 30"),
        ({"regions": ["MOs", "CA3"]}, "no neurons in region 'CA3'; this session has"),
        ({"regions": ["MOs", "MOs"]}, "two regions or more"),
        ({"regions": "MOs"}, "two regions or more"),
        ({"regions": []}, "two regions or more"),
        ({"window": (5, 6)}, "no bins between"),
    ],
)
def test_bad_arguments_get_one_sentence(twin, arguments, message):
    small = twin.select(["MOs", "CA1"], trials=range(20), window=(0, 0.1))
    with pytest.raises(ValueError, match=message) as caught:
        nma.region_map(small, **arguments, **QUIET)
    assert "\n" not in str(caught.value)


def test_on_the_twin_wired_regions_predict_each_other_better(twin):
    regions = ["VISp", "PL", "MOs", "CA1", "LP", "SCm"]
    table = nma.region_map(twin, regions, n_neurons=20, n_resamples=2, window=(-0.1, 0.5), **QUIET)
    wired = {frozenset(path[:2]) for path in PATHS}
    between = table[table["source"] != table["target"]]
    linked = np.array(
        [
            frozenset((area_of(source), area_of(target))) in wired
            for source, target in zip(between["source"], between["target"], strict=True)
        ]
    )
    assert linked.sum() == 2 * 10
    beyond = between["beyond_stimulus"].to_numpy()
    assert beyond[linked].mean() > 2 * beyond[~linked].mean()
    assert beyond[linked].mean() > 0.03
    # Hippocampus is wired to nothing, so nothing but itself predicts it.
    hippocampus = table[table["target"] == "CA1"].groupby("source")["beyond_stimulus"].mean()
    assert hippocampus.idxmax() == "CA1"
    assert hippocampus.drop("CA1").max() < 0.3 * hippocampus["CA1"]


def mice(scores):
    """A table of one pair of regions: (mouse, session, score) a row."""
    table = pd.DataFrame(scores, columns=["mouse", "session", "beyond_stimulus"])
    return table.assign(source="MOs", target="VISp")


def test_sessions_of_one_mouse_are_one_sample():
    table = mice([("x", "a", 0.1), ("x", "a", 0.3), ("x", "b", 0.6), ("y", "c", 0.2)])
    row = nma.over_mice(table).iloc[0]
    assert row["mean"] == pytest.approx((0.4 + 0.2) / 2)
    assert (row["n_mice"], row["n_sessions"]) == (2, 3)
    again = nma.over_mice(pd.concat([table] * 5))  # more resamples, and no mouse more
    assert again.iloc[0].to_dict() == pytest.approx(row.to_dict())


def test_the_interval_over_mice_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        of_mouse = rng.normal(0.1, 0.05, size=4)
        rows = [(m, f"{m}{s}", of_mouse[m] + 0.01 * rng.normal()) for m in range(4) for s in "abc"]
        row = nma.over_mice(mice(rows)).iloc[0]
        held.append(row["low"] < 0.1 < row["high"])
    assert 0.92 < np.mean(held) < 0.98


def test_one_mouse_has_no_interval_and_rows_without_a_score_no_say():
    row = nma.over_mice(mice([("x", "a", 0.1), ("y", "b", np.nan)])).iloc[0]
    assert (row["mean"], row["n_mice"]) == (0.1, 1) and np.isnan([row["low"], row["high"]]).all()
    with pytest.raises(ValueError, match="no column 'shuffled'; it has mouse, session"):
        nma.over_mice(mice([("x", "a", 0.1)]), "shuffled")


def test_regions_are_brought_together_by_group(small):
    table = nma.region_map(small, ["MOs", "VISp"], n_neurons=10, n_resamples=1, **QUIET)
    assert set(table["mouse"]) == {small.mouse}
    by_group = nma.over_mice(table, by=["source_group", "target_group"])
    assert len(by_group) == 4 and set(by_group["source_group"]) == set(table["source_group"])
