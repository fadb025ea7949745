"""What goes out: sessions, latents and rates, for tools that read NWB or tables."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pynwb
import pytest

import nma_seq2seq as nma
from nma_seq2seq.files import whole_file


class Doubling:
    """A model with two latents that any test can compute for itself."""

    def predict(self, source):
        return source.mean(axis=2, keepdims=True) * np.ones(10) + 0.1

    def latents(self, source):
        return np.stack([source.sum(axis=2), source.max(axis=2)], axis=2).astype(float)


def read(path):
    io = pynwb.NWBHDF5IO(str(path), "r")
    return io, io.read()


def test_the_table_has_a_row_a_trial_and_bin(tiny, tiny_data):
    table = nma.export_latents(Doubling(), tiny_data)
    assert len(table) == tiny.n_trials * tiny.n_bins
    row = table[(table["trial"] == 7) & np.isclose(table["time"], 0.05)].iloc[0]
    bin_ = int(np.flatnonzero(np.isclose(tiny.time, 0.05))[0])
    assert row["latent_0"] == tiny_data.source[7, bin_].sum()
    rate = Doubling().predict(tiny_data.source)[7, bin_, 0] / tiny.bin_size
    first = tiny.units.index[tiny_data.target_units[0]]
    assert row[f"rate_{first}"] == pytest.approx(rate)
    for part in ("train", "validation", "test"):
        trials = table.loc[table["part"] == part, "trial"].unique()
        assert set(trials) == set(tiny_data.trials(part))
    assert sum(column.startswith("rate_") for column in table) == tiny_data.n_targets
    assert table["clock"].is_monotonic_increasing and table["clock"].is_unique


def test_a_fit_and_a_regression(tiny_data, tmp_path):
    fit = nma.fit_seq2seq(
        tiny_data, n_latents=3, n_members=1, progress=False, settings=nma.Settings(max_epochs=1)
    )
    table = nma.export_latents(fit, tiny_data, tmp_path / "a.csv")
    assert [c for c in table if c.startswith("latent_")] == ["latent_0", "latent_1", "latent_2"]
    np.testing.assert_allclose(
        table["latent_1"], fit.latents(tiny_data.source)[:, :, 1].ravel(), rtol=1e-6
    )
    again = pd.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(again["latent_1"], table["latent_1"], rtol=1e-6)
    regression = nma.fit_rrr(tiny_data)
    assert len(nma.export_latents(regression, tiny_data)) == len(table)


def test_nwb_that_pynwb_reads(tiny, tiny_data, tmp_path):
    nma.export_latents(Doubling(), tiny_data, tmp_path / "fit.nwb")
    io, file = read(tmp_path / "fit.nwb")
    with io:
        made = file.processing["nma_seq2seq"]
        latents = made["latents"]
        expected = Doubling().latents(tiny_data.source)
        np.testing.assert_array_equal(latents.data[:], expected.reshape(-1, 2))
        assert np.all(np.diff(latents.timestamps[:]) > 0)
        assert made["predicted_rates"].unit == "Hz"
        assert made["predicted_rates"].data.shape == (len(latents.data), tiny_data.n_targets)
        targets = made["target_units"].to_dataframe()
        assert (targets["location"] == "MOs").all()
        assert list(targets["unit"]) == list(tiny.units.index[tiny_data.target_units])
        assert set(made["parts"].to_dataframe()["part"]) == {"train", "validation", "test"}
        counts = file.processing["ecephys"]["spike_counts"]
        np.testing.assert_array_equal(counts.data[:], tiny.spikes.reshape(-1, tiny.n_neurons))
        assert "one after the other" in file.session_description
        trials = file.trials.to_dataframe()
        assert len(trials) == tiny.n_trials
        np.testing.assert_allclose(trials["gocue"] - trials["align_time"], 0.07)
        np.testing.assert_allclose(trials["start_time"] - trials["align_time"], -0.1)
        np.testing.assert_allclose(trials["stop_time"] - trials["align_time"], 0.2)
        units = file.units.to_dataframe()
        assert list(units["location"]) == list(tiny.units["region"])


def test_the_recordings_own_clock_is_kept(tmp_path):
    onsets = np.array([30.0, 10.0, 20.0])
    trials = pd.DataFrame({"gocue": onsets + 0.2, "side": ["left", "right", "left"]})
    spikes = [np.arange(0, 60, 0.1), np.arange(0, 60, 0.13)]
    session = nma.Session.from_spike_times(
        spikes, ["MOs", "CA1"], onsets, trials=trials, events=["gocue"], date="2024-05-06",
        behavior={"wheel": (np.arange(60), np.arange(60.0))},
    )  # fmt: skip
    session.to_nwb(tmp_path / "a.nwb")
    io, file = read(tmp_path / "a.nwb")
    with io:
        assert f"{file.session_start_time:%Y-%m-%d}" == "2024-05-06"
        counts = file.processing["ecephys"]["spike_counts"]
        assert counts.timestamps[0] == 9.5 and counts.timestamps[-1] == pytest.approx(31.99)
        np.testing.assert_array_equal(counts.data[:250], session.spikes[1])
        wheel = file.processing["behavior"]["wheel"]
        np.testing.assert_array_equal(wheel.data[:250], session.behavior["wheel"][1])
        trials = file.trials.to_dataframe()
        assert list(trials["gocue"]) == [10.2, 20.2, 30.2]
        assert list(trials["side"]) == ["right", "left", "left"]
    with pytest.raises(ValueError, match=r"np.savez\(FILE, \*\*session.to_dict"):
        nma.load_file(tmp_path / "a.nwb")


def test_trials_that_overlap_are_laid_one_after_the_other(tmp_path):
    spikes = [np.arange(0, 60, 0.1), np.arange(0, 60, 0.13)]
    session = nma.Session.from_spike_times(spikes, ["MOs", "CA1"], [10.0, 12.4])
    session.to_nwb(tmp_path / "a.nwb")
    io, file = read(tmp_path / "a.nwb")
    with io:
        assert "one after the other" in file.session_description
        stamps = file.processing["ecephys"]["spike_counts"].timestamps[:]
        assert (np.diff(stamps) > 0).all()


def test_neurons_and_trials_keep_their_numbers(tiny, tmp_path):
    part = tiny.select(regions="MOs", trials=[5, 2])
    part.to_nwb(tmp_path / "a.nwb")
    io, file = read(tmp_path / "a.nwb")
    with io:
        assert list(file.units.id[:]) == list(part.units.index)
        assert list(file.trials.id[:]) == [5, 2]


def test_what_cannot_be_written(tiny, tiny_data, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="a.mat ends in neither .csv nor .nwb"):
        nma.export_latents(Doubling(), tiny_data, tmp_path / "a.mat")
    with pytest.raises(OSError, match="no folder"):
        nma.export_latents(None, tiny_data, tmp_path / "no" / "a.csv")
    with pytest.raises(OSError, match="is a folder"):
        tiny.to_nwb(tmp_path)
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "nma-seq2seq\[nwb\]"'):
        tiny.to_nwb(tmp_path / "a.nwb")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["csv", "nwb"])
def test_a_table_or_a_session_is_written_whole_or_not_at_all(
    tiny_data, tmp_path, monkeypatch, ending
):
    def fails(self, path=None, *args, **kwargs):
        Path(path if ending == "csv" else self.source).write_text("half of wh")
        raise OSError("No space left on device")

    owner, method = (pd.DataFrame, "to_csv") if ending == "csv" else (pynwb.NWBHDF5IO, "write")
    monkeypatch.setattr(owner, method, fails)
    path = tmp_path / f"kept.{ending}"
    path.write_text("before")
    with pytest.raises(OSError, match="No space left"):
        nma.export_latents(Doubling(), tiny_data, path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permissions of this kind")
def test_a_file_can_be_read_by_whom_the_others_can(tmp_path):
    (tmp_path / "other.txt").touch()
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    modes = [path.stat().st_mode for path in tmp_path.iterdir()]
    assert len(modes) == 2 and modes[0] == modes[1]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
        temporary.write_text("half of wh")
        raise KeyboardInterrupt
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
