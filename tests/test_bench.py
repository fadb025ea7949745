"""The benchmarks' own pieces; what they measure depends on the machine and is not tested."""

import pytest

import nma_seq2seq as nma
from benchmarks import model, usual_target
from benchmarks import real_file as find


def test_the_usual_target(real_file):
    targets = {i: usual_target(nma.load_file(real_file, i)) for i in (0, 1, 4, 5)}
    assert targets[0] == "MOs" and targets[1] == "MG" and targets[4] == "MOp"
    assert targets[5] != "MOs"  # six neurons of it are too few


def test_made_data_has_the_size_that_is_asked_for():
    data = model.made_data(n_sources=30, n_targets=8, n_trials=20, n_bins=12)
    assert (data.n_sources, data.n_targets, data.n_bins) == (30, 8, 12)
    assert data.session.n_trials == 20


def test_without_real_sessions_there_is_one_sentence(monkeypatch):
    monkeypatch.delenv("NMA_SEQ2SEQ_REAL", raising=False)
    with pytest.raises(FileNotFoundError, match="name a file with --data"):
        find(None)
    with pytest.raises(FileNotFoundError, match="no file /no/such.npz"):
        find("/no/such.npz")
