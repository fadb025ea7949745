"""Recordings that the tests share: a tiny one made here, the twin, and the real ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from own_files import SIZES, Clock, write_alf, write_nwb

import nma_seq2seq as nma

_LONG = ("test_grading.py", "test_notebooks.py", "test_browser.py", "test_doctor.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that two workers end at the same time."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator:
    """Where the real recordings are at hand, so is all else: who skips, fails."""
    report = yield
    return _not_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator:
    """The same for a whole file that skips itself."""
    report = yield
    return _not_skipped(report)


def _not_skipped(report: pytest.TestReport | pytest.CollectReport):
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("NMA_SEQ2SEQ_REAL"):
        _, _, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}; with NMA_SEQ2SEQ_REAL set nothing may be skipped"
    return report


def tiny_dict(n_trials: int = 40, n_bins: int = 30, seed: int = 0) -> dict:
    """A small recording in the format, whose MOs neurons follow a latent that VISp shows too."""
    rng = np.random.default_rng(seed)
    area = np.array(["VISp"] * 20 + ["CA1"] * 5 + ["MOs"] * 10 + ["root"])
    drive = np.cumsum(rng.normal(size=(n_trials, n_bins)), axis=1)
    drive = np.tanh((drive - drive.mean(axis=1, keepdims=True)) / 2)
    gain = rng.normal(scale=1.2, size=len(area)) * np.isin(area, ["VISp", "MOs"])
    rates = 0.3 * np.exp(gain[:, None, None] * drive)
    onset = 0.1
    moved = rng.random(n_trials) < 0.8
    return {
        "spks": rng.poisson(rates).clip(max=127).astype(np.int8),
        "brain_area": area,
        "ccf": rng.normal(size=(len(area), 3)),
        "ccf_axes": np.array(["ap", "dv", "lr"]),
        "contrast_left": rng.choice([0, 0.25, 0.5, 1], n_trials),
        "contrast_right": rng.choice([0, 0.25, 0.5, 1], n_trials),
        "response": rng.choice([-1.0, 0.0, 1.0], n_trials),
        "gocue": np.full((n_trials, 1), 0.07),
        "reaction_time": np.stack([np.where(moved, 120.0, np.inf), moved * 1.0], axis=1),
        "wheel": rng.integers(-3, 3, (1, n_trials, n_bins)).astype(np.int8),
        "pupil": rng.normal(size=(3, n_trials, n_bins)),
        "mouse_name": "Tiny",
        "date_exp": "2020-01-01",
        "bin_size": 0.01,
        "stim_onset": onset,
    }


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache folder of the test's own, and no internet: whatever a test forgets, it stays here."""
    monkeypatch.setenv("NMA_SEQ2SEQ_CACHE", str(tmp_path / "cache"))
    for name in ("DATA", "ALIGN", "REGION"):
        monkeypatch.delenv(f"NMA_SEQ2SEQ_{name}", raising=False)
    monkeypatch.setattr("nma_seq2seq.steinmetz.catalog.PART_URLS", ("http://127.0.0.1:9/part",) * 3)
    monkeypatch.setattr("nma_seq2seq.steinmetz.download._BACKOFF_S", 0.001)
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def figures_closed() -> Iterator[None]:
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def tiny() -> nma.Session:
    return nma.Session.from_dict(tiny_dict())


@pytest.fixture(scope="session")
def tiny_data(tiny) -> nma.Dataset:
    return nma.make_dataset(tiny)


@pytest.fixture(scope="session")
def twin() -> nma.Session:
    return nma.simulate_session(seed=0)


@pytest.fixture(scope="session")
def real_file() -> Path:
    """The file of real recordings that `NMA_SEQ2SEQ_REAL` names."""
    folder = os.environ.get("NMA_SEQ2SEQ_REAL")
    if not folder:
        pytest.skip("NMA_SEQ2SEQ_REAL names no folder with real recordings")
    return Path(folder) / "steinmetz_subset.npz"


@pytest.fixture(scope="session")
def small() -> nma.Session:
    """A twin in the school's format, small enough to be written in a second."""
    return nma.simulate_session(seed=3, n_trials=24, regions=SIZES)


@pytest.fixture(scope="session")
def clock(small) -> Clock:
    return Clock(small)


@pytest.fixture(scope="session")
def nwb(clock, tmp_path_factory) -> Path:
    return write_nwb(tmp_path_factory.mktemp("nwb") / "sub-R_ses-1.nwb", clock)


@pytest.fixture(scope="session")
def alf(clock, tmp_path_factory) -> Path:
    return write_alf(tmp_path_factory.mktemp("alf") / "Simulated_2017-10-31", clock)
