"""Recorded sessions from a server, a disk and processes that fail in every way we know of."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fault_server import FaultServer
from steinmetz_files import session_dict, write, write_part, write_pickle

import nma_seq2seq.steinmetz as steinmetz
from nma_seq2seq.session import Session


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Path:
    """Part 2, as small as can be."""
    return write_part(tmp_path_factory.mktemp("part") / "part.npz", 2, n_neurons=3, n_trials=2)


@pytest.fixture(scope="module")
def long_part(tmp_path_factory) -> Path:
    """Part 2, large enough to be killed while it is split."""
    return write_part(tmp_path_factory.mktemp("part") / "part.npz", 2, n_neurons=150, n_trials=60)


@pytest.fixture(autouse=True)
def no_twin(monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # The twin takes seconds, and is tested elsewhere.
    twin = Session.from_dict(session_dict("Twin_0"), origin="simulated")
    monkeypatch.setattr(steinmetz, "simulate_session", lambda seed, task: twin)


@pytest.fixture
def server(part, monkeypatch):
    with FaultServer(part.read_bytes()) as server:
        monkeypatch.setattr(
            steinmetz.catalog, "PART_URLS", ("http://127.0.0.1:9/", server.url, server.url)
        )
        yield server


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def assert_complete(cache: Path) -> None:
    """All 13 sessions with their passive trials, the checksum, and nothing else."""
    names = set(files(cache)) - {"sha256.txt"}
    active = {name for name in names if name.endswith(".npz") and name[0] in "23"}
    assert len(active) == 13 and "sha256.txt" in files(cache)
    assert names - active == {f"passive-{name}" for name in active}


# ---------------------------------------------------------------------- the server


def test_one_download_serves_the_whole_part(cache, server, capsys):
    session = steinmetz.load_session()
    assert session.name == "Richards_2017-10-31" and session.origin == "recorded"
    assert "sessions 26 to 38" in capsys.readouterr().out
    assert steinmetz.load_session(26).name == "Radnitz_2017-01-10"
    assert steinmetz.load_session("Theiler_2017-10-11").name == "Theiler_2017-10-11"
    assert len(server.requests) == 1
    assert_complete(cache)


@pytest.mark.parametrize(
    "faults",
    [
        ["cut"], ["cut"] * 6, ["cut", "no-range"], ["cut", "close", "cut"], ["cut", "other-range"],
        ["202", "202"], ["429"], ["503"], ["html"], ["cut", "html"], ["close", "close"], ["slow"],
    ],
    ids=" then ".join,
)  # fmt: skip
def test_wrong_and_then_right(cache, server, faults):
    server.faults = list(faults)
    assert steinmetz.load_session(31).name == "Richards_2017-10-31"
    assert_complete(cache)
    # The last fault of all is an error, or it is a body that is whole.
    assert len(server.requests) == len(faults) + (faults[-1] not in ("slow", "no-range"))


def test_download_goes_on_where_it_was_cut(cache, server):
    server.faults = ["cut", "404"]
    with pytest.raises(steinmetz.DownloadError, match="HTTP 404"):
        steinmetz.load_session(31)
    assert files(cache) == ["steinmetz_part2.partial"]
    steinmetz.load_session(31)
    first, second, third = server.requests
    start = int(second.removeprefix("bytes=").removesuffix("-"))
    assert first is None and second == third
    assert len(server.body) // 2 - 2**15 <= start <= len(server.body) // 2
    assert_complete(cache)


@pytest.mark.parametrize("fault", ["202", "404", "410", "403", "429", "500", "html", "close"])
def test_wrong_for_good_is_one_sentence_with_the_mend(cache, server, fault):
    server.faults = [fault] * 20
    with pytest.raises(steinmetz.DownloadError) as failed:
        steinmetz.load_session(31)
    message = str(failed.value)
    assert "\n" not in message and ". " not in message
    for words in ("Richards_2017-10-31", server.url, "nma.import_part", "fallback='simulated'"):
        assert words in message
    assert {
        "202": "try again in a minute", "404": "update nma-seq2seq", "410": "update nma-seq2seq",
        "429": "try again in ten minutes", "html": "not a zip file", "close": "cannot be reached",
    }.get(fault, f"HTTP {fault}") in message  # fmt: skip
    assert len(server.requests) == (1 if fault in ("404", "410", "403") else 5)
    assert not [name for name in files(cache) if name.endswith(".npz")]


def test_fallback_comes_fast_and_says_that_it_is_simulated(cache, server, capsys, monkeypatch):
    monkeypatch.setattr(steinmetz.download, "_BACKOFF_S", 50)
    server.faults = ["close"] * 3
    began = time.monotonic()
    session = steinmetz.load_session(31, fallback="simulated")
    assert session.origin == "simulated" and len(server.requests) == 1
    assert time.monotonic() - began < 5
    notice = capsys.readouterr().out.splitlines()[-1]
    assert notice.startswith("This is a SIMULATED session") and "connect to the internet" in notice
    # With nobody listening at all: session 0 is in part 0.
    assert steinmetz.load_session(0, fallback="simulated").origin == "simulated"
    with pytest.raises(ConnectionError, match="connect to the internet"):
        monkeypatch.setattr(steinmetz.download, "_BACKOFF_S", 0)
        steinmetz.load_session(0)


def test_fallback_is_not_taken_where_the_recording_can_be_had(cache, server):
    server.faults = ["cut", "cut"]
    assert steinmetz.load_session(31, fallback="simulated").origin == "recorded"


def test_environment_names_a_file_of_ones_own(cache, server, part, monkeypatch):
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", f"{part}:3")
    assert steinmetz.load_session(31).name == steinmetz.load_file(part, 3).name
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", f"{part}:99")
    with pytest.raises(ValueError, match="no session 99"):
        steinmetz.load_session(31)
    assert not server.requests


def test_environment_forces_the_twin(cache, server, capsys, monkeypatch):
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", "simulated")
    assert steinmetz.load_session(31).origin == "simulated"
    assert "SIMULATED" in capsys.readouterr().out and not server.requests
    with pytest.raises(ValueError, match="no session 77"):
        steinmetz.load_session(77)
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", "twin")
    with pytest.raises(
        ValueError, match="NMA_SEQ2SEQ_DATA is 'twin', and there is no such file; set"
    ):
        steinmetz.load_session(31)
    with pytest.raises(ValueError, match="no fallback 'twin'; choose None or 'simulated'"):
        steinmetz.load_session(31, fallback="twin")


def test_changed_content_is_told_from_the_first(cache, server, tmp_path):
    first = steinmetz.load_session(31)
    for path in cache.glob("31_*"):
        path.unlink()
    server.body = write_part(tmp_path / "new.npz", 2, n_neurons=4).read_bytes()
    with pytest.raises(steinmetz.BadFileError, match="not the file that it was: its SHA-256"):
        steinmetz.load_session(31)
    assert steinmetz.load_session(30).n_neurons == first.n_neurons
    names = files(cache)
    assert len(names) == 12 + 13 + 1 and "sha256.txt" in names, "what was refused is removed"
    (cache / "sha256.txt").unlink()
    assert steinmetz.load_session(31).n_neurons == 4


def test_unsafe_damaged_or_foreign_download_leaves_nothing(cache, server, tmp_path):
    evil = b"cos\nsystem\n(V" + f"touch {tmp_path}/ran".encode() + b"\ntR."
    foreign = write(tmp_path / "foreign.npz", [session_dict()])
    damaged = bytearray(server.body)
    damaged[len(damaged) // 2] ^= 0xFF
    for body, message in (
        (write_pickle(tmp_path / "evil.npz", evil).read_bytes(), "steinmetz_part2.npz asks for os"),
        (foreign.read_bytes(), "holds 1 sessions where a part holds 13"),
        (bytes(damaged), "damaged"),
    ):
        server.body = body
        with pytest.raises(steinmetz.BadFileError, match=message):
            steinmetz.load_session(31)
        assert files(cache) == []
    assert not (tmp_path / "ran").exists()


def test_cached_session_that_is_damaged_is_fetched_anew(cache, server):
    steinmetz.load_session(31)
    path = next(cache.glob("31_*"))
    for damage in (b"", b"no zip", path.read_bytes()[:-100]):
        path.write_bytes(damage)
        assert steinmetz.load_session(31).name == "Richards_2017-10-31"
    assert len(server.requests) == 4
    assert_complete(cache)


# ---------------------------------------------------------------------- processes


def start(url: str, code: str = "") -> subprocess.Popen:
    # The package is entered by the back door, as its front door imports torch, which takes seconds.
    package = str(Path(steinmetz.__file__).parent.parent)
    script = f"""
import sys, types
package = sys.modules["nma_seq2seq"] = types.ModuleType("nma_seq2seq")
package.__path__ = [{package!r}]
import nma_seq2seq.steinmetz as s
s.catalog.PART_URLS = ({url!r},) * 3
{code}
print(s.load_session(31).name)
"""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when(process: subprocess.Popen, condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1]
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_kill_during_the_download(cache, server):
    server.faults = ["slow"]
    partial = cache / "steinmetz_part2.partial"
    kill_when(start(server.url), lambda: partial.exists() and partial.stat().st_size > 1000)
    assert files(cache) == ["steinmetz_part2.partial"]
    assert steinmetz.load_session(31).name == "Richards_2017-10-31"
    assert server.requests[1].startswith("bytes=")
    assert_complete(cache)


@pytest.mark.parametrize("written", [0, 1, 9])
def test_kill_during_the_split(cache, server, long_part, written):
    server.body = long_part.read_bytes()

    def far_enough():
        return len(list(cache.glob(".split-*"))) and len(list(cache.glob(".split-*/*"))) >= written

    kill_when(start(server.url), far_enough)
    assert not steinmetz.list_sessions()["cached"].any()
    assert [name for name in files(cache) if name.startswith(".split-")]
    assert steinmetz.load_session(31).name == "Richards_2017-10-31"
    assert len(server.requests) == 1, "the part need not be downloaded again"
    assert_complete(cache)


def test_kill_between_the_last_file_and_the_end(cache, server, part, monkeypatch):
    """Whatever a killed process left is swept up by the next one that writes."""
    steinmetz.load_session(31)
    shutil.copy(part, cache / "steinmetz_part2.npz")
    (cache / ".split-left").mkdir()
    (cache / ".split-left" / "3.npz").write_bytes(b"half")
    assert steinmetz.load_session(30).name == "Richards_2017-10-30"
    steinmetz.import_part(part)
    assert_complete(cache)


def test_two_processes_at_once(cache, server):
    server.faults = ["slow"]
    both = [start(server.url) for _ in range(2)]
    for process in both:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        assert out.endswith("Richards_2017-10-31\n")
    assert len(server.requests) == 1
    assert_complete(cache)


# ---------------------------------------------------------------------- the disk


def test_cache_folder_that_cannot_be_made(cache, server, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("NMA_SEQ2SEQ_CACHE", str(tmp_path / "a file" / "cache"))
    with pytest.raises(OSError, match="cannot write to the cache folder .*NMA_SEQ2SEQ_CACHE"):
        steinmetz.load_session(31)
    assert steinmetz.load_session(31, fallback="simulated").origin == "simulated"
    assert not server.requests


def test_read_only_cache(cache, server, monkeypatch):
    """What is cached opens; what is not is one sentence."""
    steinmetz.load_session(31)
    real_open = os.open

    def read_only(path, flags, *args, **kwargs):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(cache)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", read_only)
    assert steinmetz.load_session(30).name == "Richards_2017-10-30"
    with pytest.raises(OSError, match="Read-only file system.*NMA_SEQ2SEQ_CACHE") as failed:
        steinmetz.load_session(20)
    assert "\n" not in str(failed.value)
    assert_complete(cache)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("limit", ["download", "split"])
def test_full_disk(cache, server, long_part, limit):
    """No file may grow beyond a limit that the download, or a session, does not fit in."""
    server.body = long_part.read_bytes()
    size = len(server.body) // 2 if limit == "download" else 20_000
    if limit == "split":
        # The part is there already, as after a kill.
        cache.mkdir()
        shutil.copy(long_part, cache / "steinmetz_part2.npz")
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size},) * 2)"
    _, error = start(server.url, code).communicate(timeout=60)
    (last,) = [line for line in error.splitlines() if line.startswith("OSError: ")]
    assert "cannot write to the cache folder" in last and "free some space" in last
    assert files(cache) == [], "nothing half-written stays"
    assert steinmetz.load_session(31).name == "Richards_2017-10-31"
