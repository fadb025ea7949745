"""Passive trials: the same neurons after the task, kept apart from it and known to be theirs."""

import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from own_files import PASSIVE, SIZES, write_alf
from steinmetz_files import objects, session_dict, write, write_part

import nma_seq2seq as nma
from nma_seq2seq.simulate import simulate_recording
from nma_seq2seq.steinmetz import BadFileError, DownloadError

pytestmark = pytest.mark.filterwarnings("ignore:BehavioralEvents is deprecated")
NAME = "Richards_2017-10-31"


def assert_is_passive(found: nma.Session, dat: dict) -> None:
    """What the file says under `*_passive`, of the neurons of the task."""
    active = nma.Session.from_dict(dat)
    counts = np.asarray(dat["spks_passive"]).transpose(1, 2, 0)
    np.testing.assert_array_equal(found.spikes, counts)
    assert found.spikes.flags.c_contiguous
    pd.testing.assert_frame_equal(found.units, active.units)
    assert list(found.trials) == ["contrast_left", "contrast_right"]
    for column in found.trials:
        np.testing.assert_array_equal(found.trials[column], dat[f"{column}_passive"])
    assert found.behavior.keys() == active.behavior.keys()
    np.testing.assert_allclose(found.behavior["wheel"], dat["wheel_passive"][0], rtol=1e-6)
    np.testing.assert_allclose(found.behavior["pupil_y"], dat["pupil_passive"][2], rtol=1e-6)
    assert (found.name, found.mouse, found.date) == (
        f"{active.name}_passive", active.mouse, active.date,
    )  # fmt: skip
    assert (found.alignment, found.bin_size, found.time[0]) == ("stimulus onset", 0.01, -0.5)
    assert found.key == active.key
    labels = active.n_trials + np.arange(found.n_trials)
    np.testing.assert_array_equal(found.trials.index, labels)


# ---------------------------------------------------------------------- the school's format


def test_from_a_dict_a_file_plain_arrays_and_the_cache(tmp_path):
    dats = [session_dict(name, seed=i) for i, name in enumerate(nma.list_sessions()["name"][26:])]
    part = write(tmp_path / "part.npz", dats)
    dat = dats[5]
    assert_is_passive(nma.Session.from_dict(dat, task="passive"), dat)
    assert_is_passive(nma.load_file(part, 5, task="passive"), dat)
    np.savez(tmp_path / "plain.npz", **dat)
    assert_is_passive(nma.load_file(tmp_path / "plain.npz", task="passive"), dat)
    nma.import_part(part)
    for which in (31, NAME):
        assert_is_passive(nma.load_session(which, task="passive"), dat)
    active = nma.load_session(31, task="active")
    assert active.name == NAME and active.n_trials == 5 and "response" in active.trials


def test_their_counts_of_spike_times(tmp_path):
    dat = {"brain_area": ["MOs", "VISp"], "bin_size": 0.5}
    for key, n_trials in (("ss", 3), ("ss_passive", 2)):
        trains = np.empty((2, n_trials), object)
        for i in np.ndindex(trains.shape):
            trains[i] = np.array([0.1, 0.2 + sum(i)])  # as many in each: still trains, no table
        dat[key] = trains
    session = nma.load_file(write(tmp_path / "st.npz", [dat]), task="passive")
    assert session.spikes.shape == (2, 5, 2) and session.spikes.sum() == 8
    np.testing.assert_array_equal(session.spikes[1, :, 1], [1, 0, 0, 0, 1])


@pytest.mark.parametrize(("n_trials", "n_neurons"), [(5, 6), (6, 6), (7, 2)])
def test_columns_of_ones_own_stay_with_whom_they_are_of(n_trials, n_neurons):
    """Also where there are as many neurons as trials, of the task or passive (2)."""
    dat = session_dict(n_neurons=n_neurons, n_trials=n_trials) | {
        "probe": np.arange(n_neurons) % 2,
        "unit_columns": ["probe"],
        "block": np.arange(n_trials),
        "shown_twice": np.arange(n_trials) > 1,
        "shown_twice_passive": np.array([True, False]),
    }
    session = nma.Session.from_dict(dat, task="passive")
    assert list(session.units["probe"]) == list(dat["probe"])
    assert list(session.trials) == ["contrast_left", "contrast_right", "shown_twice"]
    assert session.trials["shown_twice"].tolist() == [True, False]


def without_passive(dat: dict) -> dict:
    return {key: value for key, value in dat.items() if not key.endswith("_passive")}


def test_a_recording_without_any_says_so(tmp_path, capsys):
    names = nma.list_sessions()["name"][:13]
    dats = [without_passive(session_dict(name)) for name in names]
    dats[1]["spks_passive"] = np.zeros((6, 0, 250), np.int8)  # as some files have it
    part = write(tmp_path / "part.npz", dats)
    nma.import_part(part)
    for index in (0, 1):
        says = f"{names[index]}.* holds no passive trials.*leave task= out"
        with pytest.raises(ValueError, match=says):
            nma.load_file(part, index, task="passive")
        with pytest.raises(ValueError, match=says):
            nma.load_session(index, task="passive")
        assert nma.load_session(index).n_trials == 5
    twin = nma.load_session(0, task="passive", fallback="simulated")
    assert twin.name == "Simulated_0_passive" and "no passive trials" in capsys.readouterr().out


def test_passive_trials_that_cannot_be_used_are_in_nobodys_way(tmp_path):
    dats = [session_dict(name) for name in nma.list_sessions()["name"][:13]]
    dats[2]["wheel_passive"] = np.zeros((1, 7, 250))
    part = write(tmp_path / "part.npz", dats)
    with pytest.warns(
        UserWarning, match="the passive trials of Cori_2016-12-18 are left out: .*wh"
    ):
        nma.import_part(part)
    assert nma.load_session(2).n_trials == 5 and nma.load_file(part, 2).n_trials == 5
    with pytest.raises(ValueError, match="holds no passive trials"):
        nma.load_session(2, task="passive")
    with pytest.raises(ValueError, match=r"Cori_2016-12-18_passive: wheel has shape \(1, 7, 250\)"):
        nma.load_file(part, 2, task="passive")
    assert nma.load_session(1, task="passive").n_trials == 2


def test_a_split_that_is_cut_short_makes_no_recording_without_them(cache, tmp_path, monkeypatch):
    def killed(source, target, replace=os.replace):
        if target.name.startswith("passive-31_"):
            raise KeyboardInterrupt
        replace(source, target)

    part = write_part(tmp_path / "part.npz", number=2)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", killed)
        nma.import_part(part)
    assert nma.load_session(30, task="passive").n_trials == 2
    with pytest.raises(DownloadError, match="cannot be reached"):
        nma.load_session(31, task="passive")


def test_nothing_of_an_older_part_stays(cache, tmp_path):
    names = list(nma.list_sessions()["name"][:13])
    nma.import_part(write(tmp_path / "part.npz", [session_dict(name) for name in names]))
    (cache / "sha256.txt").unlink()
    names[4] = "Forssmann_2017-11-09"
    dats = [without_passive(session_dict(name)) for name in names]
    with pytest.warns(UserWarning, match="session 4 is Forssmann_2017-11-09"):
        nma.import_part(write(tmp_path / "part.npz", dats))
    kept = [path.stem for path in cache.glob("*.npz")]
    assert sorted(kept) == [f"{index:02d}_{name}" for index, name in enumerate(names)]


@pytest.mark.parametrize("is_empty", [True, False])
def test_an_empty_or_foreign_file_in_the_cache_is_fetched_anew(cache, tmp_path, is_empty):
    nma.import_part(write_part(tmp_path / "part.npz", number=2))
    path = cache / f"passive-31_{NAME}.npz"
    np.savez(path, spikes=np.zeros((2, 5, 3), np.uint8))
    if is_empty:
        path.write_bytes(b"")
    with pytest.raises(DownloadError, match="cannot be reached"):
        nma.load_session(31, task="passive")
    nma.import_part(tmp_path / "part.npz")
    assert nma.load_session(31, task="passive").n_trials == 2


# ---------------------------------------------------------------------- the twin


def test_the_twins_passive_session_is_that_of_its_file(tmp_path, monkeypatch):
    shape = {"n_trials": 30, "n_bins": 120, "regions": SIZES}
    passive = nma.simulate_session(3, task="passive", n_passive=20, **shape)
    active = nma.simulate_session(3, **shape)
    assert (passive.origin, passive.name) == ("simulated", "Simulated_3_passive")
    assert passive.latents.shape == (20, 120, active.latents.shape[2])
    assert passive.rates.shape == passive.spikes.shape == (20, 120, 24)
    recording = simulate_recording(3, n_passive=20, **shape)[0]
    assert_is_passive(passive, recording)
    # Its neurons are set as in the task, so that without it they fire more or less than there.
    change = np.log(passive.rates.mean(axis=(0, 1)) / active.rates.mean(axis=(0, 1)))
    assert 0.03 < np.median(np.abs(change)) < 1
    # The counts are those of these rates, and not of other trials.
    order = np.random.default_rng(0).permutation(20)
    mean = np.log(passive.rates)
    right, wrong = (
        (passive.spikes * mean[which] - passive.rates[which]).sum()
        for which in (slice(None), order)
    )
    assert right > wrong
    write(tmp_path / "twin.npz", [recording])
    assert_is_passive(nma.load_file(tmp_path / "twin.npz", task="passive"), recording)
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(tmp_path / "twin.npz"))
    assert_is_passive(nma.load_session(31, task="passive"), recording)
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", "simulated")
    assert nma.load_session(31, task="passive").name == "Simulated_0_passive"


def test_a_recorded_subset_without_them(real_file):
    with pytest.raises(ValueError, match="session Cori_2016-12-18 holds no passive trials"):
        nma.load_file(real_file, 1, task="passive")


# ---------------------------------------------------------------------- who may be scored on whom


def test_a_model_of_the_task_is_scored_on_passive_trials_and_the_reverse():
    shape = {"n_trials": 40, "n_bins": 60, "regions": SIZES}
    active = nma.simulate_session(3, **shape)
    passive = nma.simulate_session(3, task="passive", n_passive=40, **shape)
    data = {"active": nma.make_dataset(active), "passive": nma.make_dataset(passive)}
    for mine, other in (("active", "passive"), ("passive", "active")):
        model = nma.fit_psth(data[mine])
        for part in ("test", "validation", "train"):
            assert np.isfinite(
                nma.score({"": model}, data[other], part=part)["bits_per_spike"]
            ).all()
        # Of its own kind it has seen most, in whatever selection they come back.
        session = {"active": active, "passive": passive}[mine].select(trials=slice(10, 40))
        with pytest.raises(ValueError, match=r"has seen \d of these \d test trials"):
            nma.score({"mine": model}, nma.make_dataset(session, seed=1))
    stranger = nma.make_dataset(nma.simulate_session(4, task="passive", n_passive=40, **shape))
    with pytest.raises(ValueError, match="fitted on another recording"):
        nma.score({"mine": nma.fit_psth(data["active"])}, stranger)


def test_the_page_on_them_runs_as_it_stands(monkeypatch, tmp_path):
    shape = {"n_trials": 40, "n_bins": 60, "regions": SIZES}
    write(tmp_path / "twin.npz", [simulate_recording(3, n_passive=20, **shape)[0]])
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(tmp_path / "twin.npz"))
    page = (Path(__file__).parent.parent / "docs/own_recording.md").read_text()
    _, _, part = page.partition("## Passive trials\n")
    blocks = [block.split("```")[0] for block in part.split("## ")[0].split("```python\n")[1:]]
    have = {"nma": nma}
    for block in blocks:
        exec(block, have)
    assert have["passive"].n_trials == 20 and have["active"].n_trials == 40
    assert np.isfinite(have["fit"].predict(np.zeros((1, 60, 16)))).all()


# ---------------------------------------------------------------------- NWB and ALF


@pytest.mark.parametrize("kind", ["nwb", "alf"])
def test_gratings_after_the_task_in_the_papers_own_files(kind, clock, nwb, alf, capsys):
    path = {"nwb": nwb, "alf": alf}[kind]
    active = nma.load_file(path)
    for _ in range(2):  # read, and from the cache
        passive = nma.load_file(path, task="passive")
        assert passive.name == "Simulated_2017-10-31_passive"
        assert "Simulated_2017-10-31_passive" in capsys.readouterr().out
        assert passive.alignment == "stimulus onset" and passive.key == active.key
        pd.testing.assert_frame_equal(passive.units, active.units)
        assert list(passive.trials.index) == [24, 25, 26]
        np.testing.assert_array_equal(passive.trials["contrast_left"], PASSIVE["left"])
        np.testing.assert_array_equal(passive.trials["contrast_right"], PASSIVE["right"])
        np.testing.assert_allclose(passive.trials["align_time"], clock.passive)
        assert passive.behavior.keys() == active.behavior.keys()
        kept = [train for train, k in zip(clock.spikes, clock.is_kept, strict=True) if k]
        for trial, time in enumerate(clock.passive):
            edges = time - 0.5 + np.arange(251) * 0.01
            wanted = [np.histogram(train, edges)[0] for train in kept]
            np.testing.assert_array_equal(passive.spikes[trial].T, wanted)
    # Chosen ones keep their numbers, so that none is taken for another.
    some = nma.load_file(path, task="passive", trials="contrast_left < 1", window=(-0.1, 0.3))
    assert list(some.trials.index) == [25, 26] and some.n_bins == 40
    assert some.key == nma.load_file(path, window=(-0.1, 0.3)).key
    with pytest.raises(ValueError, match="align is 'go_cue'.*leave out align= or task="):
        nma.load_file(path, task="passive", align="go_cue")


def test_their_numbers_go_on_from_all_trials_of_the_task(nwb, tmp_path):
    path = tmp_path / "a.nwb"
    path.write_bytes(nwb.read_bytes())
    with h5py.File(path, "r+") as file:
        file["intervals/trials/visual_stimulus_time"][:2] = np.nan
    assert nma.load_nwb(path).n_trials == 22
    assert list(nma.load_nwb(path, task="passive").trials.index) == [24, 25, 26]


def test_gratings_whose_contrasts_are_not_there(clock, alf, tmp_path):
    folder = tmp_path / "Simulated_2017-10-31"
    write_alf(folder, clock)
    for side in ("Left", "Right"):
        (folder / f"passiveVisual.contrast{side}.npy").unlink()
    passive = nma.load_alf(folder, task="passive")
    assert list(passive.trials) == ["align_time"] and passive.n_trials == 3
    (folder / "passiveVisual.times.npy").unlink()
    with pytest.raises(ValueError, match=r"no passive trials that are known here.*leave task= out"):
        nma.load_alf(folder, task="passive")


def test_another_labs_file_says_what_there_is(real_file):
    path = real_file.with_name("A8604-211122.nwb")
    with pytest.raises(
        ValueError, match=r"A8604-211122.nwb holds no passive trials.*align= one of"
    ):
        nma.load_nwb(path, region="location", task="passive")


# ---------------------------------------------------------------------- odd values


@pytest.mark.parametrize("task", ["pasive", "Passive", "task", None, True, ["passive"]])
def test_tasks_that_there_are_not(task, tmp_path):
    path = write(tmp_path / "part.npz", [session_dict()])
    for ask in (
        lambda: nma.load_session(31, task=task, fallback="simulated"),
        lambda: nma.load_file(path, task=task),
        lambda: nma.load_nwb(tmp_path, task=task),
        lambda: nma.load_alf(tmp_path, task=task),
        lambda: nma.Session.from_dict(session_dict(), task=task),
        lambda: nma.simulate_session(task=task),
    ):
        with pytest.raises(
            ValueError, match=r"no task .*; choose from 'active', 'passive'"
        ) as error:
            ask()
        near = "pas" in str(task).lower()
        assert ("did you mean 'passive'?" in str(error.value)) == near
    with pytest.raises(ValueError, match="n_passive is 0; choose a whole number of at least 1"):
        nma.simulate_session(task="passive", n_passive=0)


def test_spike_times_without_regions_are_those_of_the_task(tmp_path):
    trains = np.empty((6, 5), object)
    trains[:] = [[np.zeros(1)] * 5] * 6
    path = write(tmp_path / "st.npz", [{"ss": trains, "ss_passive": trains[:, :2]}])
    session = nma.Session.from_dict(session_dict())
    with pytest.raises(ValueError, match="only those of the task are opened"):
        nma.load_file(path, session=session, task="passive")


def test_a_pickle_in_their_place_is_no_passive_trial(tmp_path):
    path = tmp_path / "plain.npz"
    np.savez(path, **without_passive(session_dict()), spks_passive=objects([None]))
    assert nma.load_file(path).n_trials == 5
    with pytest.raises((ValueError, BadFileError), match="holds no passive trials"):
        nma.load_file(path, task="passive")
