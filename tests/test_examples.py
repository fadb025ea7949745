"""Each public name has a short example in its docstring, and it runs as it stands there."""

import doctest
import inspect
import shutil

import numpy as np
import pytest
import torch
from own_files import write_tar
from steinmetz_files import write_part

import nma_seq2seq as nma

# Modules, and a setting that is an object of a class with an example.
WITHOUT = {"metrics", "plots", "regions", "simulate", "RECIPE"}
FLAGS = doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def names():
    """What an example may take for granted; docs/api.md says so."""
    session = nma.simulate_session(seed=0)
    data = nma.make_dataset(session, source="other", target="MOs", window=(0, 0.4), seed=0)
    return {"np": np, "torch": torch, "nma": nma, "session": session, "data": data}


def example(name: str) -> doctest.DocTest:
    text = inspect.getdoc(getattr(nma, name)) or ""
    return doctest.DocTestParser().get_doctest(text, {}, name, None, 0)


def test_every_public_name_has_an_example():
    missing = [n for n in nma.__all__ if n not in WITHOUT and not example(n).examples]
    assert not missing


@pytest.fixture
def files(tmp_path, monkeypatch, nwb, alf):
    """The files that examples open, small and in the folder at hand; one part is in the cache."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(nwb, "mine.nwb")
    write_tar(tmp_path / "Richards_2017-10-31.tar", alf)
    nma.import_part(write_part(tmp_path / "steinmetz_part2.npz", 2, n_neurons=40))


@pytest.mark.parametrize("name", sorted(set(nma.__all__) - WITHOUT))
def test_the_example_runs(name, names, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name.startswith(("load_", "import_")):
        request.getfixturevalue("files")
    test = example(name)
    assert not any(doctest.SKIP in one.options for one in test.examples)
    test.globs = dict(names)
    printed = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=printed.append)
    assert not failed, "".join(printed)
