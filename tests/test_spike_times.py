"""Sessions from spike times: which bin a spike is in, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import nma_seq2seq as nma
from nma_seq2seq import regions

WINDOW = (-0.1, 0.3)


def made(spikes=((0.5, 1.0), (1.1,)), areas=("MOs", "VISp"), align=(1.0,), **options):
    options = {"window": WINDOW, "bin_size": 0.1} | options
    return nma.Session.from_spike_times([np.array(s) for s in spikes], areas, align, **options)


def test_a_spike_on_an_edge_belongs_to_the_bin_that_starts_there():
    session = made(spikes=([0.9, 1.0, 1.2999999], [0.8999, 1.3, 5.0]))
    np.testing.assert_array_equal(session.spikes[0].T, [[1, 1, 0, 1], [0, 0, 0, 0]])
    np.testing.assert_allclose(session.time, [-0.1, 0, 0.1, 0.2])


@pytest.mark.parametrize("bin_size", [0.01, 0.02, 0.001, 1 / 30])
@pytest.mark.parametrize("onset", [0.0, 0.57, 1234.567, 5000.1])
def test_every_edge_is_the_start_of_its_bin(bin_size, onset):
    """Edges are no exact binary numbers; the same tolerance as `event_bin` has."""
    n_bins = 60
    edges = onset + np.arange(n_bins) * bin_size
    session = made(
        spikes=(edges, np.nextafter(edges, 0)), align=[onset], bin_size=bin_size,
        window=(0, n_bins * bin_size), trials=pd.DataFrame({"cue": edges[[7]]}), events=["cue"],
    )  # fmt: skip
    np.testing.assert_array_equal(session.spikes, 1)
    assert session.trials["cue"].iloc[0] == pytest.approx(7 * bin_size)


def test_the_same_counts_as_numpy_has():
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.uniform(0, 100, n)) for n in (0, 1, 400, 9000)]
    onsets = rng.uniform(0, 98, 30)  # unordered, and overlapping
    session = made(trains, ["MOs"] * 4, onsets, window=(-0.5, 2.0), bin_size=0.025)
    for trial, onset in enumerate(onsets):
        edges = onset - 0.5 + np.arange(101) * 0.025
        for unit, train in enumerate(trains):
            expected = np.histogram(train, edges)[0]
            np.testing.assert_array_equal(session.spikes[trial, :, unit], expected)


def test_spikes_with_clusters_are_the_same_as_a_list():
    rng = np.random.default_rng(1)
    trains = [np.sort(rng.uniform(0, 20, n)) for n in (50, 0, 80)]
    times = np.concatenate(trains)
    whose = np.repeat([0, 1, 2], [len(t) for t in trains])
    shuffled = rng.permutation(len(times))
    wanted = made(trains, ["MOs", "ACA", "CA1"], [3.0, 9.0])
    # The last two are tables in another order than that of their clusters.
    for labels in ([0, 1, 2], [7, 8, 30], [70_000, 90_000, 10**6], [30, 7, 8], [2, 0, 1]):
        units = pd.DataFrame({"quality": [1, 2, 3]}, index=labels)
        found = nma.Session.from_spike_times(
            times[shuffled], ["MOs", "ACA", "CA1"], [3.0, 9.0], window=WINDOW, bin_size=0.1,
            clusters=np.array(labels)[whose][shuffled], units=units,
        )  # fmt: skip
        np.testing.assert_array_equal(found.spikes, wanted.spikes)
        assert list(found.units["quality"]) == [1, 2, 3]
    for labels in (["a", "b", "c"], [5, 5, 6]):  # which can be no clusters: then positions are
        named = nma.Session.from_spike_times(
            times, ["MOs", "ACA", "CA1"], [3.0, 9.0], window=WINDOW, bin_size=0.1,
            clusters=whose, units=pd.DataFrame({"quality": [1, 2, 3]}, index=labels),
        )  # fmt: skip
        np.testing.assert_array_equal(named.spikes, wanted.spikes)


def test_what_lies_at_the_end_of_a_window_is_in_no_trial():
    """The next trial's first bin lies behind it in memory."""
    session = made(spikes=([np.nextafter(1.3, 0), 1.3], [5.0, 9.0]), align=[1.0, 6.0])
    assert not session.spikes[:, :, 0].any()


def test_more_than_255_spikes_in_a_bin():
    session = made(spikes=(np.full(70_000, 1.05), [1.0]))
    assert session.spikes.max() == 70_000 and session.spikes.dtype == np.uint32
    assert made().spikes.dtype == np.uint8


def test_tables_and_events():
    trials = pd.DataFrame({"go": [1.2, np.nan], "side": ["left", "right"]}, index=[5, 9])
    session = made(
        align=[1.0, 1.05], areas=("VISp5", "MOs"), trials=trials, events=["go"], mouse="Ada",
        date="2024-05-06", units=pd.DataFrame({"probe": ["A", "B"], "region": ["x", "y"]}),
    )  # fmt: skip
    np.testing.assert_allclose(session.trials["go"], [0.2, np.nan])
    assert list(session.trials["side"]) == ["left", "right"]
    assert list(session.trials["align_time"]) == [1.0, 1.05]
    assert list(session.units["region"]) == ["VISp", "MOs"]
    assert list(session.units["layer_region"]) == ["VISp5", "MOs"]
    assert list(session.units["probe"]) == ["A", "B"]
    assert (session.name, session.origin) == ("Ada_2024-05-06", "recorded")
    assert trials["go"].iloc[0] == 1.2, "what was given is left as it was"


def test_behavior_in_bins():
    fast = np.arange(0, 2, 0.01)
    session = made(
        spikes=([0.5, 3], [1.1]),
        behavior={
            "fast": (fast[::-1], fast[::-1] * 10),
            "slow": ([0.95, 1.25], [0.0, 3.0]),
            "licks": ([1.0, 1.01, 1.25], None),
            "holes": ([0.95, 1.0, 1.02, np.nan, 1.25], [0.0, 8.0, np.nan, 9.0, 3.0]),
        },
    )
    np.testing.assert_allclose(session.behavior["fast"][0], [9.45, 10.45, 11.45, 12.45])
    # Between samples the line, and beyond them nothing is known.
    np.testing.assert_allclose(session.behavior["slow"][0], [0, 1, 2, 3], atol=1e-6)
    np.testing.assert_array_equal(session.behavior["licks"][0], [0, 2, 0, 1])
    # A sample without a time or a value is none.
    np.testing.assert_allclose(session.behavior["holes"][0], [0, 8, 5, 3])
    late = made(spikes=([0.5, 3], [1.1]), behavior={"slow": ([1.05, 1.15], [0.0, 1.0])})
    assert np.isnan(late.behavior["slow"][0]).tolist() == [True, False, False, True]


REFUSED = {
    "NaN": (dict(spikes=([0.5, np.nan], [1.0])), "spike_times of unit 0 holds NaN or inf"),
    "NaN at the end": (dict(spikes=([0.5], [1.0, np.nan])), "unit 1 holds NaN or inf"),
    "inf": (dict(spikes=([0.5, np.inf], [1.0])), "unit 0 holds NaN or inf"),
    "samples": (dict(spikes=([15_000, 40_000_000], [3])), "divide samples by the sampling rate"),
    "a matrix": (dict(spikes=([[0.5, 1.0]], [1.0])), r"has shape \(1, 2\)"),
    "no spikes": (dict(spikes=([], [])), "no spike at all"),
    "three regions": (dict(areas="abc"), "spike_times has 2 units and regions 3"),
    "one unit": (dict(spikes=([1.0],), areas=["MOs"]), "at least two units"),
    "no trial": (dict(align=[]), r"align_times has shape \(0,\)"),
    "NaN alignment": (dict(align=[1.0, np.nan]), "NaN or inf in 1 of 2 trials .*trial 1"),
    "after the end": (
        dict(align=[1.0, 50.0]),
        "1 trials lie outside the recording .trial 1 at 50 s; its spikes run from 0.5 to 1.1 s",
    ),
    "milliseconds": (dict(align=[1000.0]), "or are they in milliseconds"),
    "before the start": (dict(align=[-50.0]), "trial 0 at -50 s"),
    "before the first spike": (
        dict(spikes=([10.0, 20], [11]), align=[15.0, 9.0]),
        "trial 1 at 9 s; its spikes run from 10",
    ),
    "backwards": (dict(window=(0.3, -0.1)), "the window must end after it starts"),
    "three numbers": (dict(window=(0, 1, 2)), r"must be \(start, stop\) and one number"),
    "None": (dict(window=(0, None)), r"must be \(start, stop\) and one number"),
    "bins of ms": (dict(bin_size=10), "is 0.04 bins of 10 s; choose a whole number of bins"),
    "no whole number": (dict(bin_size=0.15), r"is 2.667 bins of 0.15 s; .* window \(-0.1, 0.35\)"),
    "nearly whole": (dict(window=(0, 0.22)), "is 2.2 bins of 0.1 s; choose a whole number"),
    "negative bins": (dict(bin_size=-0.1), "bins must be above 0"),
    "units": (dict(units=pd.DataFrame({"a": [1]})), "units has 1 rows and regions 2"),
    "trials": (dict(trials=pd.DataFrame({"a": [1, 2]})), "trials has 2 rows and align_times 1"),
    "event": (dict(events=["go"]), "no column of times 'go' in trials, which has no columns"),
    "text event": (
        dict(trials=pd.DataFrame({"go": ["x"]}), events=["go"]),
        "no column of times 'go' in trials, which has go;",
    ),
    "behavior": (dict(behavior={"wheel": ([1, 2], [1])}), "'wheel' has 2 times and 1 values"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_gets_one_sentence(case):
    options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as refused:
        made(**options)
    assert "\n" not in str(refused.value) and ". " not in str(refused.value)


def test_one_array_needs_clusters():
    with pytest.raises(ValueError, match="one array of numbers; give clusters="):
        nma.Session.from_spike_times(np.array([0.5, 1.0]), ["MOs", "CA1"], [1.0])
    with pytest.raises(ValueError, match="3 numbers from 4 to 9 where there are 2 regions"):
        nma.Session.from_spike_times([0.5, 1.0, 2], ["a", "b"], [1.0], clusters=[4, 5, 9])
    with pytest.raises(ValueError, match="clusters 3 values"):
        nma.Session.from_spike_times([0.5, 1.0], ["a", "b"], [1.0], clusters=[0, 1, 1])


@pytest.mark.parametrize(
    ("acronym", "parent"),
    [
        ("VISp5", "VISp"), ("MOs2/3", "MOs"), ("SSp-bfd4", "SSp"), ("VISp6a", "VISp"),
        ("ACAd1", "ACA"), ("ORBvl2/3", "ORB"), ("ORBm5", "ORBm"), ("RSPagl6b", "RSP"),
        ("AUDpo4", "AUD"), ("CA1", "CA1"), ("CA1sp", "CA1"), ("DG-mo", "DG"), ("SCsg", "SCsg"),
        ("LGd-sh", "LGd"), ("ENTl2", "ENT"), ("VISal4", "VISal"), ("root", "root"), ("V1", "V1"),
        ("M2", "M2"), ("TH", "TH"), ("unknown", "unknown"), ("PL", "PL"), ("2", "2"), ("", ""),
    ],
)  # fmt: skip
def test_layers_go_to_their_parents(acronym, parent):
    assert regions.without_layer(acronym) == parent
