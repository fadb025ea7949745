"""Recordings from other people's files: NWB, ALF, plain arrays, and what is none of them."""

import gzip
import io
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pynwb
import pytest
from own_files import alf_arrays, save, write_alf, write_nwb, write_tar
from steinmetz_files import objects, session_dict, write

import nma_seq2seq as nma
from nma_seq2seq.course import cli
from nma_seq2seq.recordings import BadFileError

pytestmark = pytest.mark.filterwarnings("ignore:BehavioralEvents is deprecated")


@pytest.fixture
def real_nwb(real_file) -> Path:
    return real_file.with_name("A8604-211122.nwb")


# ---------------------------------------------------------------------- the paper's own


def assert_the_same(found: nma.Session, wanted: nma.Session) -> None:
    np.testing.assert_array_equal(found.spikes, wanted.spikes)
    np.testing.assert_allclose(found.time, wanted.time, atol=1e-9)
    assert found.origin == "recorded"
    shared = ["region", "group", "ap", "dv", "lr", "trough_to_peak"]
    pd.testing.assert_frame_equal(found.units[shared], wanted.units[shared], check_dtype=False)
    for column in wanted.trials.columns.drop("prev_reward"):
        np.testing.assert_allclose(found.trials[column], wanted.trials[column], atol=1e-6)
    np.testing.assert_allclose(found.trials["start_time"], -0.6)
    np.testing.assert_allclose(found.trials["stop_time"], 3.0)
    assert found.trials["included"].dtype == bool and not found.trials["included"].iloc[7]
    for key in ("face", "licks", "pupil_area"):
        np.testing.assert_allclose(found.behavior[key], wanted.behavior[key], rtol=1e-5)
    # 50 ticks of 0.135 mm a second.
    np.testing.assert_allclose(found.behavior["wheel"], 6.75, rtol=1e-4)
    assert found.units["probe"].nunique() == 2 and found.units["depth"].notna().all()


def test_nwb_alf_and_the_schools_format_agree(small, nwb, alf, tmp_path, capsys):
    assert_the_same(nma.load_nwb(nwb), small)
    assert_the_same(nma.load_alf(alf), small)
    assert_the_same(nma.load_alf(write_tar(tmp_path / "Simulated_2017-10-31.tar", alf)), small)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3
    for line in said:
        assert "peak_channel counts from 1 (units are then" in line
        assert "phy_annotations >= 2, as in the paper; 24 of 36 units kept" in line


@pytest.mark.parametrize("base", [0, 1])
def test_peak_channels_counted_from_0_or_from_1(small, clock, tmp_path, capsys, base):
    session = nma.load_alf(write_alf(tmp_path / "alf", clock, counts_from=base))
    assert list(session.units["region"]) == list(small.units["region"])
    session = nma.load_nwb(write_nwb(tmp_path / "a.nwb", clock, counts_from=base))
    assert list(session.units["region"]) == list(small.units["region"])
    assert capsys.readouterr().out.count(f"counts from {base} (units are then 1.") == 2


def test_depths_that_are_all_nan_tell_nothing(clock, tmp_path, capsys):
    folder = write_alf(tmp_path / "alf", clock)
    (path,) = folder.rglob("clusters.depths.npy")
    np.save(path, np.full(len(np.load(path)), np.nan))
    nma.load_alf(folder)
    said = capsys.readouterr().out
    assert "peak_channel" in said and "nan" not in said and "µm" not in said


def test_other_alignments_windows_and_units(small, clock, nwb, alf):
    for load, path, column in ((nma.load_nwb, nwb, "go_cue"), (nma.load_alf, alf, "goCue_times")):
        session = load(path, align=column, window=(-0.1, 0.3), bin_size=0.05, units="all")
        assert session.spikes.shape == (24, 8, 36)
        assert_is_cut_around(session, clock, clock.event("gocue"))
        np.testing.assert_array_equal(session.trials["gocue"], 0)
        assert session.alignment == "the go cue" and "gocue" in session.events
        named = load(path, align="gocue", window=(-0.1, 0.3), bin_size=0.05, units="all")
        np.testing.assert_array_equal(session.spikes, named.spikes)
        chosen = load(path, units="depth > 40 and phy_annotations == 2", trials=range(3, 9))
        assert chosen.n_trials == 6 and (chosen.units["phy_annotations"] == 2).all()
        np.testing.assert_allclose(chosen.trials["align_time"], clock.onset[3:9])
        moved = load(path, align="reaction_time", window=(-0.2, 0.2))
        assert moved.n_trials == small.trials["reaction_time"].notna().sum()
        array = load(path, align=clock.onset + 0.1, window=(0, 0.1), units=clock.is_kept)
        np.testing.assert_array_equal(array.spikes, small.select(window=(0.1, 0.2)).spikes)
        np.testing.assert_allclose(array.trials["gocue"], small.trials["gocue"] - 0.1)


def assert_is_cut_around(session, clock, times):
    for trial, time in enumerate(times):
        edges = time - 0.1 + np.arange(9) * 0.05
        for unit, train in enumerate(clock.spikes):
            np.testing.assert_array_equal(
                session.spikes[trial, :, unit], np.histogram(train, edges)[0]
            )


def test_other_intervals_and_presented_stimuli(nwb, clock):
    quiet = nma.load_nwb(nwb, align="spontaneous", window=(0, 3), units="all")
    assert quiet.n_trials == 1, "before 5 s nothing was recorded"
    passive = nma.load_nwb(nwb, align="passive_left_contrast", window=(-2, 0))
    assert passive.n_trials == 3 and list(passive.trials) == ["align_time"]


def test_opened_once_and_then_from_the_cache(nwb, tmp_path, cache, monkeypatch, capsys):
    path = tmp_path / "mine.nwb"
    path.write_bytes(nwb.read_bytes())
    first = nma.load_nwb(path)
    said = capsys.readouterr().out
    # Were it read again, this would be an error.
    monkeypatch.setitem(sys.modules, "pynwb", None)
    again = nma.load_nwb(path)
    assert capsys.readouterr().out == said
    np.testing.assert_array_equal(again.spikes, first.spikes)
    assert again.spikes.dtype == first.spikes.dtype
    pd.testing.assert_frame_equal(again.units, first.units)
    pd.testing.assert_frame_equal(again.trials, first.trials)
    assert again.behavior.keys() == first.behavior.keys()
    assert (again.name, again.bin_size, again.key) == (first.name, first.bin_size, first.key)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "nma-seq2seq\[nwb\]"'):
        nma.load_nwb(path, bin_size=0.02)
    assert not nma.list_sessions()["cached"].any()
    for file in cache.rglob("*.npz"):
        file.write_bytes(b"PK damaged")
    with pytest.raises(ModuleNotFoundError):
        nma.load_nwb(path)
    monkeypatch.undo()
    path.touch()  # another time of change is another file
    monkeypatch.setenv("NMA_SEQ2SEQ_CACHE", str(cache))
    nma.load_nwb(path)
    assert len(list((cache / "opened").glob("*.npz"))) == 2


def test_other_times_of_the_same_number_are_other_sessions(nwb, clock):
    early, late = (nma.load_nwb(nwb, align=clock.onset + by, window=(0, 0.2)) for by in (0, 0.2))
    assert (early.spikes != late.spikes).any()


def test_of_the_opened_the_longest_unused_goes_first(nwb, monkeypatch):
    monkeypatch.setattr("nma_seq2seq.recordings.store._MOST_OPENED", 2)
    for stop in (0.1, 0.2, 0.1, 0.3):
        nma.load_nwb(nwb, window=(0, stop))
    monkeypatch.setitem(sys.modules, "pynwb", None)
    for stop in (0.1, 0.3):
        assert nma.load_nwb(nwb, window=(0, stop)).n_bins == 100 * stop
    with pytest.raises(ModuleNotFoundError):
        nma.load_nwb(nwb, window=(0, 0.2))


def test_without_pynwb_the_command_says_what_to_install(nwb, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    assert cli.main(["predict", "--data", str(nwb)]) == 2
    error = capsys.readouterr().err
    assert 'pip install "nma-seq2seq[nwb]"' in error and error.count("\n") == 1


@pytest.mark.parametrize("kind", ["nwb", "alf"])
def test_from_a_file_to_a_table(request, kind, capsys, monkeypatch):
    path = request.getfixturevalue(kind)
    command = ["predict", "--data", str(path), "--models", "mean,rrr", "--window", "0,0.4"]
    assert cli.main(command) == 0
    shown = capsys.readouterr().out
    assert "16 neurons of other regions predict 8 of MOs" in shown and "rrr" in shown
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(path))
    assert nma.load_session(31).name == "Simulated_2017-10-31"
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", f"{path}:0")
    assert nma.load_session(31, fallback="simulated").n_trials == 24
    assert nma.plots.raster(nma.load_session(), 0) is not None


def test_the_environment_tells_what_a_file_does_not(nwb, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(nwb))
    monkeypatch.setenv("NMA_SEQ2SEQ_ALIGN", "go_cue")
    assert nma.load_session().alignment == "the go cue"
    monkeypatch.setenv("NMA_SEQ2SEQ_REGION", "CA3")
    passive = nma.load_session(task="passive")
    assert passive.alignment == "stimulus onset" and passive.n_trials == 3
    assert passive.regions == nma.load_session().regions == ["CA3 half 1", "CA3 half 2"]
    monkeypatch.setenv("NMA_SEQ2SEQ_ALIGN", "go_queue")
    with pytest.raises(ValueError, match="has no 'go_queue' .* choose align=.*_ALIGN=go_queue"):
        nma.load_session()
    # Counts are aligned already.
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(write(tmp_path / "mine.npz", [session_dict()])))
    with pytest.raises(ValueError, match=r"leave it out \(from the .*NMA_SEQ2SEQ_ALIGN=go_que"):
        nma.load_session()


# ---------------------------------------------------------------------- other labs'


def lab_file(**columns) -> pynwb.NWBFile:
    """Three units that fire twenty times a second for a minute."""
    import datetime

    file = pynwb.NWBFile(
        session_description="x", identifier="3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        session_start_time=datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC),
        subject=pynwb.file.Subject(subject_id="Ada"),
    )  # fmt: skip
    for column in columns:
        file.add_unit_column(column, column)
    for unit in range(3):
        values = {column: values[unit] for column, values in columns.items()}
        file.add_unit(spike_times=np.arange(0, 60, 0.05) + unit / 100, **values)
    return file


ACRONYMS = ["VISp5", "VISp2/3", "CA1"]


@pytest.mark.parametrize(
    "column", ["location", "brain_area", "brain_region", "area", "ecephys_structure_acronym"]
)
def test_regions_in_a_column_of_text(tmp_path, column, capsys):
    path = save(tmp_path / "lab.nwb", lab_file(**{column: ACRONYMS}))
    session = nma.load_nwb(path, align=[10.0, 20, 30])
    assert list(session.units["region"]) == ["VISp", "VISp", "CA1"]
    assert list(session.units["layer_region"]) == ACRONYMS
    assert (session.name, session.mouse, session.date) == ("Ada_2024-05-06",) + (
        "Ada",
        "2024-05-06",
    )
    assert f"regions from {column}" in capsys.readouterr().out
    assert (session.spikes.sum(axis=1) == 50).all()
    given = nma.load_nwb(path, align=[10.0, 20], region=["MOs", "MOs", "ACA"])
    assert given.regions == ["MOs", "ACA"]


@pytest.mark.filterwarnings("ignore:Column 'electrodes' is predefined")
def test_regions_of_electrodes_one_a_unit_or_by_number(tmp_path):
    for by_number in (False, True):
        columns = {"peak_channel_id": [12, 11, 10]} if by_number else {}
        file = lab_file(**columns)
        group = file.create_electrode_group("A", "a", "", file.create_device("d"))
        for number, region in ((10, "CA1"), (11, "DG"), (12, "MOs")):
            file.add_electrode(location=region, group=group, id=number)
        path = save(tmp_path / f"{by_number}.nwb", file if by_number else with_electrodes(file))
        assert nma.load_nwb(path, align=[9.0]).units["region"].tolist() == ["MOs", "DG", "CA1"]


@pytest.mark.filterwarnings("ignore:Column 'electrodes' is predefined")
@pytest.mark.parametrize("base", [0, 1])
def test_peak_channels_are_counted_as_the_templates_tell(tmp_path, capsys, base):
    """Where there are no depths."""
    file = lab_file(peak_channel=np.array([3, 2, 1]) + base)
    group = file.create_electrode_group("A", "a", "", file.create_device("d"))
    for region in ("VISp", "CA1", "DG", "MOs", "ACA", "PL"):
        file.add_electrode(location=region, group=group)
    path = save(tmp_path / "a.nwb", with_electrodes(file, [3, 4, 2, 3, 1, 2], [2, 4, 6]))
    assert nma.load_nwb(path, align=[9.0]).units["region"].tolist() == ["MOs", "DG", "CA1"]
    assert f"counts from {base} (it is then the first channel of 100%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("peaks", "why"),
    [
        ([1.0, np.nan, 2.0], "not all of it is whole numbers"),
        (["a", "b", "c"], "not all of it is whole numbers"),
        ([0.5, 1.0, 2.0], "not all of it is whole numbers"),
        ([1, 2, 9], "it runs from 1 to 9 where there are 4 channels"),
    ],
)
def test_peak_channels_that_are_none_are_said_and_in_nobodys_way(tmp_path, capsys, peaks, why):
    file = lab_file(peak_channel=peaks)
    group = file.create_electrode_group("A", "a", "", file.create_device("d"))
    for _ in range(4):
        file.add_electrode(location="CA1", group=group)
    path = save(tmp_path / "a.nwb", file)
    with pytest.raises(ValueError, match=rf"does not tell the .*units .peak_channel .*{why}.; cho"):
        nma.load_nwb(path, align=[9.0])
    session = nma.load_nwb(path, align=[9.0], region=["MOs", "MOs", "CA1"])
    assert session.regions == ["MOs", "CA1"] and why in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:Column 'electrodes' is predefined")
def test_of_several_electrodes_the_first_is_a_units_place(tmp_path, capsys):
    file = lab_file()
    group = file.create_electrode_group("A", "a", "", file.create_device("d"))
    for region in ("CA1", "DG", "MOs"):
        file.add_electrode(location=region, group=group)
    path = save(tmp_path / "a.nwb", with_electrodes(file, [2, 0, 1, 0, 1, 2], [2, 4, 6]))
    assert nma.load_nwb(path, align=[9.0]).units["region"].tolist() == ["MOs", "DG", "DG"]
    assert "a unit's place is that of the first of its electrodes" in capsys.readouterr().out


def with_electrodes(file: pynwb.NWBFile, rows=(2, 1, 0), ends=(1, 2, 3)) -> pynwb.NWBFile:
    columns = {"data": list(rows), "index": list(ends), "table": file.electrodes}
    file.units.add_column(name="electrodes", description="x", **columns)
    return file


def test_passive_contrasts_of_other_times_are_not_of_these(nwb, tmp_path, clock):
    path = tmp_path / "a.nwb"
    path.write_bytes(nwb.read_bytes())
    with h5py.File(path, "r+") as file:
        file["stimulus/presentation/passive_right_contrast/timestamps"][:] += 0.1
    passive = nma.load_nwb(path, task="passive")
    assert "contrast_left" in passive.trials and "contrast_right" not in passive.trials
    np.testing.assert_allclose(passive.trials["align_time"], clock.passive)


def test_movements_by_the_rule_of_the_format(nwb, clock, small, tmp_path):
    """1 at a start and -1 at an end, where the paper's have a kind for both."""
    path = tmp_path / "a.nwb"
    path.write_bytes(nwb.read_bytes())
    # One begins before each stimulus and ends after it: its end is no start of another.
    before = np.column_stack([clock.onset - 0.2, clock.onset + 1e-4])
    intervals = np.concatenate([before, clock.moves()[0][1::2]])
    intervals = intervals[np.argsort(intervals[:, 0])].ravel()
    with h5py.File(path, "r+") as file:
        moves = file["processing/behavior/BehavioralEpochs/wheel_moves"]
        kinds = np.where(np.arange(len(intervals)) % 2, -1, 1)
        for name, values in (("data", kinds), ("timestamps", intervals)):
            facts = dict(moves[name].attrs)
            del moves[name]
            moves[name] = values
            moves[name].attrs.update(facts)
    trials = nma.load_nwb(path).trials
    np.testing.assert_allclose(trials["reaction_time"], small.trials["reaction_time"], atol=1e-6)
    assert "movement_direction" not in trials


def test_trials_of_a_lab_of_its_own(tmp_path):
    file = lab_file(location=ACRONYMS)
    for name in ("cue_onset", "score", "side", "note_time"):
        file.add_trial_column(name, name)
    for trial, start in enumerate([5.0, 15.0, 25.0, 100.0]):
        file.add_trial(
            start_time=start, stop_time=start + 4, cue_onset=start + 1 if trial != 1 else np.nan,
            score=0.1 * trial, side="left", note_time=f"{trial} o'clock",
        )  # fmt: skip
    path = save(tmp_path / "lab.nwb", file)
    with pytest.raises(
        ValueError, match="align= a column of its trials .start_time, stop_time, cue"
    ):
        nma.load_nwb(path)
    session = nma.load_nwb(path, align="cue_onset", window=(-1, 1))
    assert session.n_trials == 2, "one is NaN and one was not recorded"
    trials = session.trials
    assert list(trials["start_time"]) == [-1, -1] and list(trials["stop_time"]) == [3, 3]
    assert list(trials["score"]) == pytest.approx([0, 0.2]) and list(trials["side"]) == ["left"] * 2


def test_a_small_real_file(real_nwb, capsys):
    """Three units of the postsubiculum, a location that is empty, no trials, one epoch."""
    with pytest.raises(
        ValueError, match="does not tell the regions .*of units electrode_group; of"
    ):
        nma.load_nwb(real_nwb)
    place = {"region": ["POST"] * 3}
    with pytest.raises(ValueError, match="one of its series of events .epochs. or an array"):
        nma.load_nwb(real_nwb, **place)
    assert nma.load_nwb(real_nwb, align="epochs", window=(0, 20), **place).n_trials == 1
    assert nma.load_nwb(real_nwb, align="epochs", region="POST").regions == ["POST"]
    session = nma.load_nwb(real_nwb, align=np.arange(10.0, 1000, 10), window=(0, 5), **place)
    assert session.spikes.shape == (99, 500, 3) and session.regions == ["POST"]
    with h5py.File(real_nwb) as file:
        times, ends = file["units/spike_times"][:], file["units/spike_times_index"][:]
    inside = [
        (train % 10 < 5) & (train >= 10) & (train < 995) for train in np.split(times, ends[:-1])
    ]
    assert session.spikes.sum(axis=(0, 1)).tolist() == [int(mask.sum()) for mask in inside]
    data = nma.make_dataset(session, source="same", target="POST")
    assert np.isfinite(nma.fit_rrr(data).predict(data.source)).all()


# ---------------------------------------------------------------------- ALF


def test_nothing_of_a_tar_is_unpacked(alf, tmp_path, monkeypatch):
    names = ("../escaped.npy", "/tmp/absolute_escaped.npy", "a/../../spikes.escaped.npy")
    evil = {name: b"x" for name in names}
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    archive = write_tar(tmp_path / "S_2017-10-31.tar", alf, extra=evil)
    with pytest.raises(BadFileError, match="spikes.escaped.npy"):
        nma.load_alf(archive)
    evil.pop("a/../../spikes.escaped.npy")
    assert nma.load_alf(write_tar(archive, alf, extra=evil)).n_neurons == 24
    assert (
        not list(tmp_path.parent.glob("*escaped*"))
        and not Path("/tmp/absolute_escaped.npy").exists()
    )
    assert [path.name for path in sorted(tmp_path.rglob("*.npy"))] == [
        path.name for path in before if path.suffix == ".npy"
    ]


def test_a_namespace_and_what_stands_behind_a_name_do_not_matter(alf, clock, tmp_path):
    folder = write_alf(tmp_path / alf.name, clock)
    for path in folder.glob("*.npy"):
        path.rename(folder / f"_ibl_{path.stem}.probe_00.npy")
    found, wanted = nma.load_alf(folder), nma.load_alf(alf)
    np.testing.assert_array_equal(found.spikes, wanted.spikes)
    assert found.trials.equals(wanted.trials) and found.behavior.keys() == wanted.behavior.keys()


def test_the_wheels_speed_lies_between_the_samples_of_its_position(clock, tmp_path):
    folder = write_alf(tmp_path / "alf", clock)
    ticks = np.load(folder / "wheel.position.npy")
    np.save(folder / "wheel.position.npy", 50 * (np.arange(len(ticks)) / 100) ** 2)  # 100 t a s
    session = nma.load_alf(folder, align=[20.0, 30.0])
    middle = session.trials["align_time"].to_numpy()[:, None] + session.time + 0.005
    # Half a sample is 0.005 s.
    np.testing.assert_allclose(session.behavior["wheel"] / (0.135 * 100), middle, atol=1e-3)


def test_a_units_probe_is_what_is_said_of_the_unit(clock, tmp_path):
    folder = write_alf(tmp_path / "alf", clock)
    np.save(folder / "clusters.probes.npy", 1 - clock.probe[clock.peak])
    probes = nma.load_alf(folder, units="all").units["probe"]
    np.testing.assert_array_equal(probes, 1 - clock.probe[clock.peak])


def test_a_file_twice_is_of_two_probes(clock, tmp_path):
    folder = write_alf(tmp_path / "alf", clock)
    (folder / "probe_01").mkdir()
    np.save(folder / "probe_01" / "spikes.times.npy", np.arange(9.0))
    with pytest.raises(BadFileError, match="has spikes.times twice, as of two probes"):
        nma.load_alf(folder)


def test_kilosort_and_phy(tmp_path):
    times = np.sort(np.random.default_rng(0).uniform(0, 100, 4000))
    np.save(tmp_path / "spike_times.npy", times)
    np.save(tmp_path / "spike_clusters.npy", np.arange(4000) % 4)
    says = "brainLocation.tsv with .* would.; choose region= one acronym for all .* each of its 4"
    with pytest.raises(ValueError, match=says):
        nma.load_file(tmp_path)
    session = nma.load_file(tmp_path, region=["MOs", "MOs", "CA1", "CA1"], align=[10.0, 50])
    assert session.spikes.shape == (2, 250, 4)
    np.save(tmp_path / "clusters.depths.npy", np.arange(5.0))  # the last never fires
    silent = nma.load_file(tmp_path, region="MOs", align=[10.0, 50])
    assert list(silent.units["depth"]) == list(range(5)) and not silent.spikes[..., 4].any()
    np.testing.assert_array_equal(silent.spikes[..., :4], session.spikes)


def test_alf_that_holds_a_pickle(alf, tmp_path, clock):
    folder = write_alf(tmp_path / "alf", clock)
    np.save(folder / "trials.included.npy", objects([{"a": 1}] * 24), allow_pickle=True)
    with pytest.raises(ValueError, match="trials.included.npy of alf is damaged or holds objects"):
        nma.load_alf(folder)


# ---------------------------------------------------------------------- the school's, nearly


def plain(path: Path, **changes) -> Path:
    np.savez(path, **(session_dict() | changes))
    return path


def test_plain_arrays_with_no_pickle(tmp_path):
    wanted = nma.Session.from_dict(session_dict())
    for path in (plain(tmp_path / "a.npz"), plain(tmp_path / "b.npz", ss=objects([1, 2]), x=None)):
        found = nma.load_file(path)
        np.testing.assert_array_equal(found.spikes, wanted.spikes)
        assert found.trials.equals(wanted.trials) and found.units.equals(wanted.units)
        assert found.name == wanted.name


@pytest.mark.parametrize(
    ("dtype", "highest"),
    [("b", 127), ("u1", 255), ("i2", 255), ("i2", 256), (">i4", 70_000), (">i4", 3), ("i8", 255)]
    + [("i8", 256), ("f4", 3), ("f8", 255), ("f8", 70_000)],
)
def test_counts_of_any_type_are_the_same_counts(tmp_path, dtype, highest):
    spks = session_dict()["spks"].astype(np.int64)
    spks[2, 3, 4] = highest
    for order in "CF":
        path = plain(tmp_path / "mine.npz", spks=spks.astype(dtype, order=order))
        found = nma.load_file(path).spikes
        np.testing.assert_array_equal(found, spks.transpose(1, 2, 0))
        assert found.dtype == np.min_scalar_type(highest) and found.flags.c_contiguous


def test_whole_numbers_of_eight_bytes_take_little_more_memory_than_counts(tmp_path):
    """They are what `np.histogram` makes."""
    spks = np.random.default_rng(0).poisson(0.1, (120, 100, 250))
    few = {"brain_area": np.array(["MOs", "CA1"] * 60)}
    for compressed, dtype in ((np.savez, np.int64), (np.savez_compressed, np.float64)):
        compressed(tmp_path / "mine.npz", spks=spks.astype(dtype), **few)
        tracemalloc.start()
        session = nma.load_file(tmp_path / "mine.npz")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * session.spikes.nbytes


def test_a_session_and_back(small, nwb, tmp_path):
    layers = nma.Session.from_spike_times([np.arange(0, 9, 0.1)] * 3, ACRONYMS, [2.0, 5.0])
    cue = nma.load_nwb(nwb, bin_size=0.02, align="go_cue")
    for session in (small, nma.load_nwb(nwb), cue, layers):
        np.savez(tmp_path / "mine.npz", **session.to_dict())
        found = nma.load_file(tmp_path / "mine.npz")
        np.testing.assert_array_equal(found.spikes, session.spikes)
        np.testing.assert_allclose(found.time, session.time)
        for part in ("units", "trials"):
            one, other = getattr(found, part), getattr(session, part)
            assert set(one) == set(other)
            pd.testing.assert_frame_equal(one[other.columns], other, check_dtype=False)
        for key in session.behavior:
            np.testing.assert_array_equal(found.behavior[key], session.behavior[key])
        assert (found.alignment, found.events) == (session.alignment, session.events)
        with zipfile.ZipFile(tmp_path / "mine.npz") as archive:
            assert not any(b"|O" in archive.read(name)[:200] for name in archive.namelist())


def test_unpacked_by_a_browser(tmp_path):
    (tmp_path / "part").mkdir()
    with zipfile.ZipFile(write(tmp_path / "part.npz", [session_dict()] * 1)) as archive:
        archive.extractall(tmp_path / "part")
    wanted = nma.Session.from_dict(session_dict())
    assert (nma.load_file(tmp_path / "part" / "dat.npy").spikes == wanted.spikes).all()
    with pytest.raises(ValueError, match="name a file in it, such as dat.npy"):
        nma.load_file(tmp_path / "part")


def test_from_dict_takes_what_files_hold():
    dat = session_dict()
    wanted = nma.Session.from_dict(dat)
    odd = dat | {
        "brain_area": pd.Series(dat["brain_area"], dtype=object),
        "response": pd.Series(dat["response"], index=[9, 8, 7, 6, 5]),
        "contrast_left": dat["contrast_left"].astype(object),
        "ccf": [list(row) for row in dat["ccf"]],
        "bin_size": np.array(0.01), "mouse_name": np.array("Cori"),
        "date_exp": np.array(["2016-12-14"]),
        "nothing": None,
    }  # fmt: skip
    of_bytes = dat | {"brain_area": dat["brain_area"].astype("S")}
    for given in (odd, of_bytes, np.array(dat, dtype=object), objects([dat])):
        found = nma.Session.from_dict(given)
        np.testing.assert_array_equal(found.spikes, wanted.spikes)
        assert found.units.equals(wanted.units) and found.trials.equals(wanted.trials)


def test_columns_that_are_not_known_are_kept():
    dat = session_dict() | {
        "odour": np.array(list("abcde")), "dose": np.arange(5.0)[:, None], "rig": "A",
        "probe": np.array(list("AABBBB")), "movie": np.zeros((5, 250)),
    }  # fmt: skip
    session = nma.Session.from_dict(dat)
    assert list(session.trials["odour"]) == list("abcde")
    assert list(session.trials["dose"]) == list(range(5))
    assert list(session.units["probe"]) == list("AABBBB")
    known = nma.Session.from_dict(session_dict())
    assert set(session.trials) - set(known.trials) == {"odour", "dose"}
    assert set(session.units) - set(known.units) == {"probe"}


def test_spike_times_of_the_school_are_used(tmp_path):
    dat = session_dict()
    spks = dat.pop("spks")
    ss = np.empty(spks.shape[:2], dtype=object)
    for place in np.ndindex(ss.shape):
        ss[place] = np.repeat(np.arange(250), spks[place]) * 0.01 + 0.003
    ss[0, 0] = np.repeat(np.arange(250), spks[0, 0]) * 0.01  # on the edges
    path = write(tmp_path / "st.npz", [dat | {"ss": ss}])
    np.testing.assert_array_equal(nma.load_file(path).spikes, spks.transpose(1, 2, 0))
    from_onset = np.empty_like(ss)
    for place in np.ndindex(ss.shape):
        from_onset[place] = ss[place] - dat["stim_onset"]
    found = nma.Session.from_dict(dat | {"ss": from_onset})
    np.testing.assert_array_equal(found.spikes, spks.transpose(1, 2, 0))
    still = {key: dat[key] for key in dat if key not in ("wheel", "face", "licks", "pupil")}
    fine = nma.Session.from_dict(still | {"ss": ss, "bin_size": 0.005})
    assert fine.n_bins == 500
    np.testing.assert_array_equal(fine.rebin(2).spikes, spks.transpose(1, 2, 0))
    alone = write(tmp_path / "st.npz", [{"ss": ss, "ss_passive": ss}])
    with pytest.raises(ValueError, match=r"spike times \(ss\) without brain_area; open them"):
        nma.load_file(alone)
    session = nma.Session.from_dict(session_dict())
    fine = nma.load_file(alone, 0, session=session, bin_size=0.005)
    np.testing.assert_array_equal(fine.rebin(2).spikes, session.spikes)
    assert fine.trials.equals(session.trials) and not fine.behavior
    with pytest.raises(
        ValueError, match="of 6 neurons in 5 trials, and Cori_2016-12-14 has 6 in 3"
    ):
        nma.load_file(alone, 0, session=session.select(trials=[0, 1, 2]))


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return content.getvalue()


def array(value) -> bytes:
    content = io.BytesIO()
    np.save(content, value)
    return content.getvalue()


def hdf5(path: Path) -> bytes:
    with h5py.File(path, "w") as file:
        file["counts"] = [1, 2]
    return path.read_bytes()


OTHERS = {
    "empty.npz": (b"", "empty.npz is empty, 0 bytes; download it again"),
    "page.npz": (b"\n<!DOCTYPE html><p>log in", "page.npz is a web page"),
    "cut.npz": (zipped("dat.npy")[:40], "cut.npz is cut or damaged; download it again"),
    "a.pkl": (pickle.dumps({"spks": 1}), "a.pkl is a pickle, which can run anything"),
    "old.pkl": (pickle.dumps({"spks": 1}, 0), "old.pkl is a pickle"),
    "a.mat": (b"MATLAB 5.0 MAT-file, Platform", "is a MATLAB file: open it with scipy.io.loadmat"),
    "b.mat": (b"MATLAB 7.3 MAT-file, Platform", "is a MATLAB 7.3 file: open it with h5py"),
    "a.parquet": (b"PAR1....", "is a Parquet table: open it with pandas.read_parquet"),
    "lfs.npz": (b"version https://git-lfs.github.com/spec/v1", "fetch it with git lfs pull"),
    "a.npz.gz": (gzip.compress(b"x"), "is compressed with gzip; unpack it"),
    "table.csv": (b"trial,response\n1,2\n", "table.csv is text; a session needs spks"),
    "noise.bin": (bytes(range(256)), "is damaged, or of a format that is not known here"),
    "counts.npy": (array(np.zeros((2, 3))), r"is one array of float64 of shape \(2, 3\); a sess"),
    "short.npy": (array(np.zeros(3))[:30], "short.npy is cut or damaged"),
    "fit.pt": (zipped("fit/data.pkl", "fit/version"), "saved by torch; open a fit with nma.load_f"),
    "a.xlsx": (zipped("xl/workbook.xml"), "is an Excel workbook"),
    "parts.zip": (zipped("steinmetz_part0.npz"), "unzip it and open steinmetz_part0.npz"),
    "other.npz": (zipped("x.npy", "y.npy"), "has no 'dat' and no 'spks'; it has x, y: a session"),
    "lfp.npz": (zipped("lfp.npy"), "lfp.npz holds local field potentials"),
    "wav.npz": (zipped("waveform_w.npy", "waveform_u.npy"), "wav.npz holds waveforms"),
    "a.h5": (hdf5, "is an HDF5 file but no NWB .it holds counts.: open it with h5py"),
    "cut.nwb": (b"\x89HDF\r\n\x1a\n" + bytes(50), "cut.nwb is cut or damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_recording_is_named_with_the_way_in(tmp_path, name, capsys, monkeypatch):
    content, message = OTHERS[name]
    path = tmp_path / name
    path.write_bytes(content(tmp_path / "made") if callable(content) else content)
    with pytest.raises(ValueError, match=message) as refused:
        nma.load_file(path)
    assert str(refused.value).startswith(name) and "\n" not in str(refused.value)
    # The same door for the command and for the environment.
    assert cli.main(["predict", "--data", str(path)]) == 2
    assert str(refused.value) in capsys.readouterr().err
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(path))
    with pytest.raises(ValueError, match=message):
        nma.load_session(31)


def test_the_schools_other_files_are_named(tmp_path):
    lfp = {"lfp": np.zeros((3, 2, 250)), "brain_area_lfp": np.array(["MOs"] * 3)}
    with pytest.raises(ValueError, match="holds local field potentials, of which"):
        nma.load_file(write(tmp_path / "steinmetz_lfp.npz", [lfp]))
    with pytest.raises(ValueError, match="holds waveforms, of which"):
        nma.load_file(write(tmp_path / "steinmetz_wav.npz", [{"waveform_w": np.zeros((9, 2))}]))


REFUSED = {
    "a session twice": (lambda nwb, alf: nma.load_file(nwb, 1), "no session 1 in .*; it holds one"),
    "alf as nwb": (lambda nwb, alf: nma.load_nwb(alf), "is no NWB file; open it with nma.load_alf"),
    "nwb as alf": (lambda nwb, alf: nma.load_alf(nwb), "is no ALF file; open it with nma.load_nwb"),
    "align": (
        lambda nwb, alf: nma.load_nwb(nwb, align="cue"),
        "has no 'cue' to align trials to; choose align= a column of its trials .*go_cue.* or one "
        "of its series of events .*spontaneous.* or an array of times in seconds",
    ),
    "align of alf": (lambda nwb, alf: nma.load_alf(alf, align="cue"), "trials .*goCue_times"),
    "region": (
        lambda nwb, alf: nma.load_nwb(nwb, region="layer"),
        "has no column 'layer'; choose region= one of its columns .*location",
    ),
    "regions": (lambda nwb, alf: nma.load_nwb(nwb, region=["MOs"]), "has 1 names for 36 units"),
    "query": (
        lambda nwb, alf: nma.load_nwb(nwb, units="quality == 'good'"),
        "units=.* cannot be asked of its units .*their columns are .*phy_annotations",
    ),
    "no unit": (lambda nwb, alf: nma.load_nwb(nwb, units="depth > 9999"), "0 of 36 units are left"),
    "mask": (lambda nwb, alf: nma.load_nwb(nwb, units=[True]), "one bool for each of its 36 units"),
    "late": (lambda nwb, alf: nma.load_nwb(nwb, align=[1e6]), "none of 1 trials lies in the rec"),
    "window": (lambda nwb, alf: nma.load_nwb(nwb, window=(0, None)), r"must be \(start, stop\)"),
    "list": (lambda nwb, alf: nma.Session.from_dict([{}, {}]), "these are 2 things where one"),
    "array": (lambda nwb, alf: nma.Session.from_dict(objects([{}, {}])), r"from_dict\(dat\[0\]\)"),
    "path": (lambda nwb, alf: nma.Session.from_dict("a.npz"), r"nma.load_file\('a.npz'\)"),
    "number": (lambda nwb, alf: nma.Session.from_dict(3), "a int is no session; give a dict"),
    "options": (
        lambda nwb, alf: nma.load_file(plain(alf.parent / "p.npz"), region="a"),
        "holds counts in bins already, so that region= has nothing to choose",
    ),
    "session": (
        lambda nwb, alf: nma.load_file(nwb, session=nma.Session.from_dict(session_dict())),
        "is NWB, which needs no session beside it; leave session= out",
    ),
    "session of counts": (
        lambda nwb, alf: nma.load_file(
            plain(alf.parent / "p.npz"), session=nma.Session.from_dict(session_dict())
        ),
        "holds counts in bins already, so that session= has nothing to choose",
    ),
    "window of trials": (
        lambda nwb, alf: nma.load_file(
            write(alf.parent / "st.npz", [{"ss": objects([[1.0], [2.0]]).reshape(2, 1)}]),
            window=(0, 1),
        ),
        "holds trials that are cut already, so that window= has nothing to choose",
    ),
    "objects": (
        lambda nwb, alf: nma.load_file(plain(alf.parent / "o.npz", brain_area=objects([1, "b"]))),
        r"holds 'brain_area' as Python objects; save it as .*np.array\(list\(brain_area\)\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_decided_is_asked_for(nwb, alf, case):
    act, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as refused:
        act(nwb, alf)
    assert "\n" not in str(refused.value)


def test_nwb_without_spikes(tmp_path):
    path = save(tmp_path / "lab.nwb", lab_file())
    with h5py.File(path, "r+") as written:
        del written["units"]
    with pytest.raises(ValueError, match="has no units with spike times"):
        nma.load_nwb(path)


def test_series_as_the_published_files_have_them(clock, tmp_path, small):
    """A period for a rate, two times for a whole film, and widths that are depths."""
    path = write_nwb(tmp_path / "a.nwb", clock)
    with h5py.File(path, "r+") as file:
        face = file["processing/behavior/BehavioralTimeSeries/face_motion_energy"]
        n = len(face["data"])
        facts = dict(face["timestamps"].attrs)
        del face["timestamps"]
        face["timestamps"] = [10.0, 10.0 + 0.05 * (n - 1)]
        face["timestamps"].attrs.update(facts)
        face["data"][:] = np.arange(n) * 0.05 + 10
        file["units/waveform_duration"][:] = file["units/cluster_depths"][:]
    session = nma.load_nwb(path)
    middle = session.trials["align_time"].to_numpy()[:, None] + session.time + 0.005
    known = (middle > 10.01) & (middle < 10 + 0.05 * (n - 1))
    np.testing.assert_allclose(session.behavior["face"][known], middle[known], atol=0.026)
    assert "trough_to_peak" not in session.units
    assert alf_arrays(clock)["clusters.waveformDuration"].shape == (36, 1)


def test_the_page_on_your_own_recording_runs_as_it_stands(tmp_path, monkeypatch):
    """Its lines, and the README's, with names for what a reader has."""
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).parent.parent
    dat = session_dict()
    have = {"spks": dat["spks"], "area": dat["brain_area"], "nma": nma, "times": np.arange(60.0)}
    have |= {
        "spike_times": [np.arange(0, 60, 0.1)] * 2, "regions": ["VISp5", "MOs"],
        "values": np.arange(60.0), "lick_times": [20.0],
        "trials": pd.DataFrame({"stimulus": [20.0], "go_cue": [20.4], "reward": [21.0]}),
    }  # fmt: skip
    for page in ("README.md", "docs/own_recording.md"):
        blocks = (root / page).read_text().split("```python\n")[1:]
        (block,) = [b.split("```")[0] for b in blocks if "spks=spks" in b]
        exec(block, have)
        session = nma.load_file("mine.npz")
        np.testing.assert_array_equal(session.spikes, dat["spks"].transpose(1, 2, 0))
        Path("mine.npz").unlink()
    (block,) = [b.split("```")[0] for b in blocks if "from_spike_times" in b]
    exec(block, have)
    assert have["session"].trials["go_cue"].iloc[0] == pytest.approx(0.4)
    assert set(have["session"].behavior) == {"speed", "licks"}
