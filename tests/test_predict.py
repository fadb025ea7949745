"""`nma-seq2seq predict`: the first prediction, as a user types it."""

import dataclasses
import json

import numpy as np
import pytest

import nma_seq2seq as nma
from nma_seq2seq import baselines, simulate, training
from nma_seq2seq.course import cli


@pytest.fixture(scope="module")
def outputs(real_file, tmp_path_factory):
    """One run on a real session, with what it wrote."""
    folder = tmp_path_factory.mktemp("predict")
    arguments = f"predict --data {real_file} --index 0 --target MOs --models mean,psth,rrr"
    code = cli.main([*arguments.split(), "--json", f"{folder}/a.json", "--save", f"{folder}/a.npz"])
    assert code == 0 and sorted(p.name for p in folder.iterdir()) == ["a.json", "a.npz"]
    return json.loads((folder / "a.json").read_text()), np.load(folder / "a.npz")


def test_json_says_what_was_done(outputs):
    report, _ = outputs
    assert report["session"] == "Cori_2016-12-14" and report["origin"] == "recorded"
    assert (report["n_sources"], report["n_targets"]) == (621, 113)
    assert report["n_trials"] == {"train": 73, "validation": 18, "test": 23}
    assert report["null"] == "train" and report["bin_size"] == 0.01
    assert list(report["models"]) == ["mean", "psth", "rrr"]
    rrr = report["models"]["rrr"]
    assert rrr["interval"][0] < rrr["test_bits_per_spike"] < rrr["interval"][1]


def test_anyone_can_score_the_saved_rates_anew(outputs, real_file):
    report, saved = outputs
    with np.load(real_file, allow_pickle=True) as file:
        spks = file["dat"][0]["spks"].transpose(1, 2, 0)
    counts = spks[saved["test_trials"]][:, :, saved["target_units"]]
    seen = np.setdiff1d(np.arange(len(spks)), saved["test_trials"])
    for name, result in report["models"].items():
        rates = saved[f"rates_{name}"].astype(float)
        assert rates.shape == counts.shape
        loss = (rates - counts * np.log(rates)).mean()
        assert loss == pytest.approx(result["test_loss"], rel=1e-5)
        # The null is the train mean, which is what the model "mean" predicts.
        null = saved["rates_mean"].astype(float)
        gain = (counts * np.log(rates / null) - rates + null).sum() / np.log(2) / counts.sum()
        assert gain == pytest.approx(result["test_bits_per_spike"], abs=1e-4)
    assert len(seen) == report["n_trials"]["train"] + report["n_trials"]["validation"]


def test_every_model_on_a_simulated_session(monkeypatch, capsys, tmp_path):
    small = nma.simulate_session(seed=1, n_trials=30, n_bins=90)
    monkeypatch.setattr(simulate, "simulate_session", lambda seed: small)
    brief = dataclasses.replace(nma.RECIPE, max_epochs=3)
    for fit in (nma.fit_recipe, nma.fit_seq2seq):
        monkeypatch.setattr(fit, "__defaults__", (brief,))
    path = tmp_path / "out.json"
    code = cli.main(["predict", "--simulated", "--source", "same", "--json", str(path)])
    shown = capsys.readouterr().out
    assert code == 0 and "Simulated" in shown and "34 neurons of MOs predict 34 of MOs" in shown
    report = json.loads(path.read_text())
    assert list(report["models"]) == ["mean", "psth", "rrr", "recipe", "recipe_as_given", "seq2seq"]
    for name in report["models"]:
        assert name in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--target M0s", "no neurons in region 'M0s'; this session has VISp"),
        ("--target MOs --source MOs", 'use source="same"'),
        ("--models ,", "no model is asked for; choose from mean"),
        ("--models mean,magic", "no model 'magic'; choose from mean, psth"),
        ("--json /no/such/folder/a.json", "no folder /no/such/folder"),
        ("--save .", "is a folder"),
        ("--window later", "--window 'later' must be two numbers"),
        ("--window 7,8", "no bins between 7.0 and 8.0"),
        ("--latents 0", "--latents 0 must be 1 or more"),
        ("--device tpu", "no device 'tpu'"),
    ],
)
def test_bad_options_get_one_sentence(arguments, message, monkeypatch, tiny, capsys):
    monkeypatch.setattr(simulate, "simulate_session", lambda seed: tiny)
    assert cli.main(["predict", "--simulated", *arguments.split()]) == 2
    shown = capsys.readouterr()
    assert message in shown.err and shown.err.count("\n") == 1


def test_options_reach_the_split_and_the_networks(monkeypatch, tiny, tmp_path):
    given = {}

    def fit(data, **options):
        given.update(options)
        return nma.fit_psth(data)

    monkeypatch.setattr(simulate, "simulate_session", lambda seed: tiny)
    monkeypatch.setattr(training, "fit_seq2seq", fit)
    options = "--models seq2seq --seed 3 --latents 4 --device cpu --window all"
    files = ["--save", str(tmp_path / "a.npz"), "--json", str(tmp_path / "a.json")]
    assert cli.main(["predict", "--simulated", *options.split(), *files]) == 0
    assert given == {"seed": 3, "n_latents": 4, "device": "cpu", "progress": False}
    data = nma.make_dataset(tiny, target="MOs", window=None, seed=3)
    saved = np.load(tmp_path / "a.npz")
    assert list(saved["test_trials"]) == list(data.test)
    scores = json.loads((tmp_path / "a.json").read_text())["models"]["seq2seq"]
    counts, rates = data.target[data.test], saved["rates_seq2seq"]
    assert scores["test_loss"] == pytest.approx(nma.poisson_nll(rates, counts))
    assert scores["train_loss"] != scores["test_loss"]


def test_ctrl_c_stops_and_what_is_written_says_so(monkeypatch, tiny, tmp_path, capsys):
    """In the middle of the recipe: no model after it, and its scores are marked."""
    monkeypatch.setattr(simulate, "simulate_session", lambda seed: tiny)
    calls = []

    def forward(self, source, plain=nma.Seq2Seq.forward):
        calls.append(1)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return plain(self, source)

    monkeypatch.setattr(nma.Seq2Seq, "forward", forward)
    path = tmp_path / "out.json"
    assert cli.main(["predict", "--simulated", "--json", str(path)]) == 130
    report, shown = json.loads(path.read_text()), capsys.readouterr()
    assert list(report["models"]) == ["mean", "psth", "rrr", "recipe", "recipe_as_given"]
    marked = [name for name, row in report["models"].items() if row.get("interrupted")]
    assert marked == ["recipe", "recipe_as_given"]
    assert report["cut_short"] == (
        "the training of recipe was interrupted, so its scores are too low; seq2seq did not run"
    )
    assert report["cut_short"] in shown.err and "interrupted" in shown.out


def test_ctrl_c_before_any_model_writes_nothing(monkeypatch, tiny, tmp_path, capsys):
    def interrupted(data):
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "simulate_session", lambda seed: tiny)
    monkeypatch.setattr(baselines, "fit_mean", interrupted)
    path = tmp_path / "out.json"
    assert cli.main(["predict", "--simulated", "--json", str(path)]) == 130
    assert not path.exists() and capsys.readouterr().err == "nma-seq2seq: interrupted\n"


def test_a_missing_file_and_a_bad_session(capsys):
    assert cli.main(["predict", "--data", "/no/such.npz"]) == 2
    assert "/no/such.npz" in capsys.readouterr().err
    assert cli.main(["predict", "--session", "39"]) == 2
    assert "0 to 38" in capsys.readouterr().err
