"""The benchmarks' own pieces; times depend on the machine and are not tested."""

import importlib
import pkgutil

import numpy as np
import pandas as pd
import psutil
import pytest

import benchmarks
import nma_seq2seq as nma
from benchmarks import known, latents, load, measured, model, speed, spike_times, usual_target
from benchmarks import real_file as find
from benchmarks.memory import MB, peak_mb

BENCHMARKS = {each.name for each in pkgutil.iter_modules(benchmarks.__path__)} - {"memory"}


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_every_benchmark_starts(name, monkeypatch, capsys):
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        module.main()
    assert "--help" in capsys.readouterr().out


def test_no_such_table_gets_one_sentence():
    with pytest.raises(ValueError, match="no table 'curve'.*'agreement', 'attainable', 'curves'"):
        nma.measured_scores("curve")


def test_the_usual_target(real_file):
    targets = {i: usual_target(nma.load_file(real_file, i)) for i in (0, 1, 4, 5)}
    assert targets[0] == "MOs" and targets[1] == "MG" and targets[4] == "MOp"
    assert targets[5] != "MOs"  # six neurons of it are too few


def test_the_file_of_scores_is_what_the_benchmark_writes():
    """The truth of a simulated mouse, measured anew; and tables of the columns that are drawn."""
    written = nma.measured_scores("attainable")
    rows = model.measure(None, **model.job("twin 0", group="truth"))
    anew = known.attainable(pd.DataFrame(rows)).set_index("model")
    there = written[written["name"] == "Simulated_0"].set_index("model").loc[anew.index]
    pd.testing.assert_frame_equal(there, anew, atol=2e-4, rtol=0)
    assert set(written["model"]) == set(known.NAMES.values())
    assert written.groupby("name")["share"].max().eq(1).all()


def test_what_notebook_5_says_of_these_scores():
    score = nma.measured_scores("attainable").pivot(
        index="name", columns="model", values="bits_per_spike"
    )
    latents = score["true latents, Poisson read-out"]
    assert (score["true rates"] > latents).all() and (latents > score["seq2seq"]).all()
    assert (score["seq2seq"] > score["true latents, linear read-out"]).all()
    assert (score["seq2seq"] > score["five regressions, averaged"]).all()
    curves = nma.measured_scores("curves").set_index(["name", "over", "n", "model"])
    both = curves["bits_per_spike"].unstack("model")
    assert (both["seq2seq"] > both["reduced-rank regression"]).all()
    ends = both.groupby(["name", "over"]).agg(["first", "last"])
    for name in both:
        assert (ends[name, "last"] > 1.1 * ends[name, "first"]).all()


def test_learning_curves_are_cut_from_the_rows_of_the_benchmark():
    asked = [("random", 180, 90), ("50 trials", 50, 90), ("200 trials", 180, 90)]
    asked += [("0.5 of the sources", 180, 45)]
    rows = [
        {"name": "a", "region": "MOs", "model": name, "how": how, "n_seen": n, "n_sources": k}
        | {"bits_per_spike": 0.1}
        for how, n, k in asked
        for name in ("rrr", "seq2seq", "one network")
    ]
    table = known.curves(pd.DataFrame(rows))
    assert set(table["model"]) == {"reduced-rank regression", "seq2seq"}
    shown = table[table["model"] == "seq2seq"].groupby("over")["n"].apply(list)
    assert shown["trials"] == [50, 180] and shown["sources"] == [45, 90]
    assert set(table.columns) == set(nma.measured_scores("curves").columns)


def test_fewer_trials_and_sources_leave_the_test_trials_alone(twin):
    full = model.dataset(twin, "MOs", 0, "random")
    fewer = model.dataset(twin, "MOs", 0, "50 trials")
    assert len(fewer.train) + len(fewer.validation) == 50
    assert set(fewer.train) | set(fewer.validation) <= set(full.train) | set(full.validation)
    half = model.dataset(twin, "MOs", 0, "0.5 of the sources")
    assert half.n_sources == round(full.n_sources / 2)
    assert (half.source == full.source[:, :, np.isin(full.source_units, half.source_units)]).all()
    for data in (fewer, half):
        assert (data.test == full.test).all()
    unseen = model.dataset(twin, "MOs", 0, "validation")
    parts = [*unseen.train, *unseen.validation, *unseen.test]
    assert len(set(parts)) == len(parts) and not set(parts) & set(full.test)


def test_pairs_of_rows_are_what_compare_says(tiny_data):
    data = tiny_data
    fits = {"rrr": nma.fit_rrr(data, ranks=(4,), smoothings=((4,),)), "psth": nma.fit_psth(data)}
    counts, null = data.target[data.test], nma.null_rates(data)
    rows = [
        {"name": "a", "region": "MOs", "seed": 0, "model": name}
        | model.gains(fit.predict(data.source[data.test]), counts, null)
        for name, fit in fits.items()
    ]
    (pair,) = model.paired(pd.DataFrame(rows), "rrr", "psth").to_dict("records")
    direct = nma.compare(fits["rrr"], fits["psth"], data)
    assert pair["difference"] == pytest.approx(direct["difference"], abs=1e-3)
    assert pair["low"] == pytest.approx(direct["low"], abs=0.01)
    assert pair["neurons"] == pytest.approx(direct["share_of_neurons"], abs=0.05)
    scores = nma.score(fits, data, n_resamples=2)["bits_per_spike"]
    assert [row["bits_per_spike"] for row in rows] == pytest.approx(list(scores))


def test_a_run_goes_on_where_it_was_cut_off(tmp_path):
    file, done = tmp_path / "results.jsonl", []

    def measure(n):
        if n == 2 and not len(done) > 2:
            done.append(n)
            raise KeyboardInterrupt
        done.append(n)
        return [{"square": n * n, "list": [n]}]

    jobs = [{"n": n} for n in range(4)]
    with pytest.raises(KeyboardInterrupt):
        measured(file, jobs, measure, show=lambda text: None)
    shown = []
    table = measured(file, jobs, measure, shown.append)
    assert done == [0, 1, 2, 2, 3] and shown == ["n 2, square 4", "n 3, square 9"]
    assert table["square"].tolist() == [0, 1, 4, 9]


def test_the_recipe_starts_at_the_mean_where_it_is_asked_to(tiny_data):
    data = tiny_data
    network = nma.Seq2Seq(data.n_sources, data.n_targets)
    model.start_at_the_mean(network, data)
    rates = network.softplus(network.readout.bias).detach().numpy()
    assert rates == pytest.approx(nma.metrics.mean_rates(data.target[data.train]), rel=1e-3)


def test_made_data_has_the_size_that_is_asked_for():
    data = speed.made_data(n_sources=30, n_targets=8, n_trials=20, n_bins=12)
    assert (data.n_sources, data.n_targets, data.n_bins) == (30, 8, 12)
    assert data.session.n_trials == 20


def test_without_real_sessions_there_is_one_sentence(monkeypatch):
    monkeypatch.delenv("NMA_SEQ2SEQ_REAL", raising=False)
    with pytest.raises(FileNotFoundError, match="name a file with --data"):
        find(None)
    with pytest.raises(FileNotFoundError, match="no file /no/such.npz"):
        find("/no/such.npz")


def test_the_margin_of_latents_is_theirs_minus_each_rival_s():
    accuracy = {"15 latents": (0.8, 0.7), "15 PCs": (0.7, 0.7), "all neurons": (0.9, 0.6)}
    table = pd.DataFrame(
        {"origin": "made", "session": "a", "variable": "choice", "features": name}
        | {"split": split, "accuracy": value, "chance": 0.5}
        for name, values in accuracy.items()
        for split, value in enumerate(values)
    )
    row = latents.summary(table).iloc[0]
    assert row["minus_pcs"] == pytest.approx(0.05) and row["minus_neurons"] == pytest.approx(0)
    assert row["minus_neurons_sd"] == pytest.approx(np.std([-0.1, 0.1], ddof=1))
    assert row["15 latents"] == pytest.approx(0.75)


@pytest.mark.parametrize("seeds", [(0, 0), (0, 1)])
def test_two_seeds_agree_in_full_where_they_are_the_same(tiny, seeds):
    table = latents.agreement_table(tiny, shares=(1,), epochs=(3,), seeds=seeds)
    assert list(zip(table["model"], table["epochs"], strict=True)) == [
        ("LSTM", "3"),
        ("LSTM", "best"),
        ("linear", "best"),
    ]
    same = np.isclose(table["used_r2"], 1, atol=1e-3)
    assert same.all() if seeds == (0, 0) else not same.any()


def test_a_part_is_made_loaded_and_split_with_each_step_measured():
    table = load.run(neurons=(3, 9), trials=(3, 6))
    steps = table.dropna(subset="seconds")
    assert list(steps.index) == list(load._STEPS)
    assert (steps["peak_mb"] >= steps["imports_mb"]).all() and (steps["seconds"] > 0).all()
    mean = table.loc["a cached session on disk, mean", "disk_mb"]
    assert 0 < mean < table.loc["the part on disk", "disk_mb"]


def test_the_size_of_a_session_is_that_of_both_its_files(tmp_path):
    part = tmp_path / "part.npz"
    part.write_bytes(bytes(7 * MB))
    for name, size in (("00_a", 4), ("passive-00_a", 1), ("01_b", 8)):
        (tmp_path / "cache" / f"{name}.npz").parent.mkdir(exist_ok=True)
        (tmp_path / "cache" / f"{name}.npz").write_bytes(bytes(size * MB))
    (tmp_path / "cache" / "sha256.txt").write_text("more")
    assert load.on_disk(part, tmp_path / "cache") == {
        "the part on disk": 7.0,
        "a cached session on disk, mean": 1.0,
        "39 cached sessions on disk": 39.0,
    }


def test_every_way_to_bin_spike_times_counts_the_same_spikes():
    counted = spike_times.run(n_units=5, n_spikes=100_000, n_trials=20)["spikes_counted"]
    assert len(counted) == 3 and counted.nunique() == 1 and counted.iloc[0] > 1000


def test_memory_is_in_megabytes():
    now = psutil.Process().memory_info().rss / 2**20
    assert 0.9 * now < peak_mb() < psutil.virtual_memory().total / 2**20
