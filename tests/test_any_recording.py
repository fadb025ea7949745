"""The course on recordings that are not the paper's: other tasks, regions, bins and sizes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny_dict
from steinmetz_files import write

import nma_seq2seq as nma
from nma_seq2seq.steinmetz.course_session import for_the_course
from tools import build

ROOT = Path(__file__).parent.parent
RECORDINGS = {
    "one region": {"TEa": 44},
    "two regions, one with few neurons": {"TEa": 40, "ENTl": 12, "root": 3},
    "forty regions": {f"X{number}": 12 for number in range(37)}
    | {"VISp": 30, "CA1": 30, "TEa": 30},
}


def recording(regions: dict[str, int], n_trials: int = 60, n_bins: int = 60) -> dict:
    """Spikes and acronyms in 20 ms bins, driven by three latents, and not one thing more."""
    rng = np.random.default_rng(0)
    area = np.repeat(list(regions), list(regions.values()))
    drive = np.cumsum(rng.normal(size=(3, n_trials, n_bins)), axis=2)
    drive = np.tanh((drive - drive.mean(axis=2, keepdims=True)) / 3)
    weights = rng.normal(scale=0.5, size=(len(area), 3))
    rates = 0.12 * np.exp(np.tensordot(weights, drive, 1))
    return {
        "spks": rng.poisson(rates).clip(max=100).astype(np.int8), "brain_area": area,
        "bin_size": 0.02, "stim_onset": 0.4, "mouse_name": "Other", "date_exp": "2024-05-05",
    }  # fmt: skip


@pytest.fixture(scope="module", params=RECORDINGS)
def file(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "mine.npz"
    write(path, [recording(RECORDINGS[request.param])])
    return path


@pytest.mark.slow
@pytest.mark.parametrize("path", build.sources(ROOT), ids=lambda path: path.stem)
def test_every_notebook_runs_on_any_recording(path, file):
    notebook = build.read_source(path).solution
    build.run(notebook, path.name, data=f"{file}:0")
    shown = str([cell.get("outputs") for cell in notebook.cells])
    assert "SIMULATED" not in shown
    assert "TEa" in shown or "Other_2024-05-05" in shown


def test_one_region_is_dealt_into_two_halves(capsys):
    session = nma.Session.from_dict(recording({"TEa": 9, "root": 6}, 12, 10))
    halved = for_the_course(session)
    counts = halved.units["region"].value_counts()
    assert counts.to_dict() == {"TEa half 1": 5, "TEa half 2": 4, "root": 6}
    assert (halved.spikes == session.spikes).all()
    assert "one region with four neurons or more, TEa" in capsys.readouterr().out
    assert nma.make_dataset(halved, "TEa half 1", "TEa half 2").n_targets == 4


def test_what_has_two_regions_and_a_usual_size_is_left_as_it_is(tiny, capsys):
    assert for_the_course(tiny) is tiny and not capsys.readouterr().out


def test_a_large_recording_is_cut_and_says_so(monkeypatch, capsys):
    session = nma.Session.from_dict(tiny_dict(n_trials=40, n_bins=300) | {"stim_onset": 0.7})
    monkeypatch.setattr("nma_seq2seq.steinmetz.course_session._MOST_COUNTS", 36 * 250 * 30)
    cut = for_the_course(session)
    assert cut.n_neurons == 36 and cut.n_trials == 30 and cut.n_bins == 250
    assert cut.time[0] == -0.5 and (cut.spikes == session.spikes[:30, 20:270]).all()
    assert not np.shares_memory(cut.spikes, session.spikes)
    said = capsys.readouterr().out
    assert "36 neurons x 40 trials x 300 bins" in said
    assert "the bins outside -0.5 to 2 s and the last 10 trials are left out" in said
    many = replace(session, spikes=session.spikes, name="other")
    monkeypatch.setattr("nma_seq2seq.steinmetz.course_session._MOST_COUNTS", 10)
    assert for_the_course(many).n_trials == 10


def test_the_environment_names_the_recording_of_the_course(tmp_path, monkeypatch, capsys):
    write(tmp_path / "mine.npz", [recording({"TEa": 8}, 12, 10)])
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", f"{tmp_path / 'mine.npz'}:0")
    assert nma.load_session(31).regions == ["TEa half 1", "TEa half 2"]
    assert nma.load_file(tmp_path / "mine.npz").regions == ["TEa"]
    assert "dealt into TEa half 1 and TEa half 2" in capsys.readouterr().out
