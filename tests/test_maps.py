"""`nma-seq2seq map`: resumable, and nothing lost when a worker of a cluster dies."""

import os
import signal
import threading
import time

import pandas as pd
import pytest

import nma_seq2seq as nma
from nma_seq2seq import simulate
from nma_seq2seq.course import cli, maps

SETTINGS = {"n_neurons": 6, "n_resamples": 2, "window": (0.0, 0.3)}


@pytest.fixture(scope="module")
def small() -> nma.Session:
    return nma.simulate_session(
        seed=3, n_trials=60, n_bins=90, regions={"VISp": 14, "CA1": 12, "LP": 12, "MOs": 16}
    )


@pytest.fixture(scope="module")
def expected(small) -> pd.DataFrame:
    return nma.region_map(small, **SETTINGS, progress=False)


def test_sessions_are_mapped_once(small, expected, tmp_path, capsys):
    opened = []

    def load():
        opened.append(1)
        return small

    first = maps.map_sessions({"a": load, "b": load}, tmp_path, progress=False, **SETTINGS)
    assert len(opened) == 2 and (first["n_sessions"] == 1).all()  # both bear one name
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.csv"), expected)
    (tmp_path / "b.csv").unlink()
    again = maps.map_sessions({"a": load, "b": load}, tmp_path, progress=False, **SETTINGS)
    assert len(opened) == 3
    pd.testing.assert_frame_equal(first, again)
    with pytest.raises(ValueError, match="other settings"):
        maps.map_sessions({"a": load}, tmp_path, progress=False, **SETTINGS | {"n_neurons": 5})
    assert not list(tmp_path.glob(".*")) and not capsys.readouterr().err  # no bar


def test_where_nothing_could_be_opened_other_settings_may_follow(small, tmp_path):
    def load():
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        maps.map_sessions({"a": load}, tmp_path, progress=False, **SETTINGS | {"n_neurons": 5})
    maps.map_sessions({"a": lambda: small}, tmp_path, progress=False, **SETTINGS)
    assert (tmp_path / "a.csv").exists()


def test_a_name_from_a_file_never_becomes_a_path(small, tmp_path):
    inside = tmp_path / "maps"
    names = ["../../escaped", "..", "a/b", "a_b", "C:\\maps", "", "\n"]
    maps.map_sessions(dict.fromkeys(names, lambda: small), inside, progress=False, **SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["maps"]
    tables = sorted(path.name for path in inside.glob("*.csv"))
    assert len(tables) == len(names) + 1 and "a_b.csv" in tables


def test_a_session_too_small_does_not_end_the_others(small, tmp_path, capsys):
    tiny = small.select(regions=["VISp"])
    sessions = {"tiny": lambda: tiny, "small": lambda: small}
    maps.map_sessions(sessions, tmp_path, progress=False, **SETTINGS)
    assert "tiny is left out: 1 regions of" in capsys.readouterr().out
    assert not (tmp_path / "tiny.csv").exists() and (tmp_path / "small.csv").exists()
    with pytest.raises(ValueError, match="smaller --neurons"):
        maps.map_sessions({"tiny": lambda: tiny}, tmp_path / "none", progress=False, **SETTINGS)


def test_the_summary_counts_a_mouse_once():
    rows = [
        {"mouse": m, "session": s, "source_group": "g", "target_group": "h", "bits_per_spike": b}
        for m, s, b in (("x", "a", 0.1), ("x", "a", 0.3), ("x", "b", 0.4), ("y", "c", 0.5))
    ]
    table = pd.DataFrame(rows).assign(beyond_stimulus=float("nan"))  # no contrasts
    (row,) = maps.summary_by_group(table).to_dict("records")
    assert row["bits_per_spike"] == pytest.approx((0.3 + 0.5) / 2)
    assert (row["n_mice"], row["n_sessions"]) == (2, 3)
    assert row["bits_per_spike_low"] < 0.3 and pd.isna(row["beyond_stimulus"])


def test_the_command(small, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(simulate, "simulate_session", lambda seed: small)
    options = f"--neurons 6 --resamples 2 --window 0,0.3 --jobs 1 --out {tmp_path / 'maps'}"
    assert cli.main(["map", "--simulated", *options.split()]) == 0
    assert "visual cortex" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "maps" / f"{small.name}.csv")
    pd.testing.assert_frame_equal(written, expected)
    assert cli.main(["map", "--simulated", "--engine", "dask", *options.split()]) == 2
    assert "needs --address" in capsys.readouterr().err


def test_the_command_s_options_and_numbers(small, expected, tmp_path, monkeypatch):
    asked = []

    def region_map(session, **settings):
        asked.append(settings)
        return expected.assign(session=session, mouse=session)

    monkeypatch.setattr(maps, "region_map", region_map)
    monkeypatch.setattr("nma_seq2seq.steinmetz.load_session", lambda name: name)
    options = f"--sessions 1,31 --model seq2seq --seed 4 --resamples 3 --jobs 1 --out {tmp_path}"
    assert cli.main(["map", *options.split()]) == 0
    wanted = [nma.list_sessions()["name"][number] for number in (1, 31)]
    assert {path.stem for path in tmp_path.glob("*.csv")} == {"by_group", *wanted}
    assert [(one["model"], one["seed"], one["n_resamples"]) for one in asked] == [
        ("seq2seq", 4, 3)
    ] * 2
    assert set(pd.read_csv(tmp_path / "by_group.csv")["n_sessions"]) == {2}


def test_sessions_of_a_file(real_file, tmp_path, capsys):
    options = f"--neurons 20 --resamples 1 --jobs 1 --out {tmp_path} --data {real_file}"
    assert cli.main(["map", "--sessions", "0", *options.split()]) == 0
    assert (tmp_path / "steinmetz_subset_0.csv").exists()


def test_a_cluster_that_loses_a_worker_loses_nothing(small, expected):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:

        def kill_one() -> None:
            while not any(w.processing for w in list(cluster.scheduler.workers.values())):
                time.sleep(0.01)
            time.sleep(0.3)
            os.kill(cluster.workers[0].pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        with maps.engine("dask", cluster.scheduler_address):
            table = nma.region_map(small, **SETTINGS, progress=False)
        killer.join()
    pd.testing.assert_frame_equal(table, expected)


def test_no_cluster_at_that_address():
    with pytest.raises(OSError), maps.engine("dask", "tcp://127.0.0.1:9"):
        pass
