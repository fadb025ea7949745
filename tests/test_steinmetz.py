"""Recorded sessions from files: what is read, what is refused, and that nothing of it runs."""

import builtins
import codecs
import copyreg
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from steinmetz_files import (
    objects,
    pickle_with,
    session_dict,
    write,
    write_part,
    write_pickle,
)

import nma_seq2seq.steinmetz as steinmetz
from nma_seq2seq.session import Session


def assert_same(found: Session, wanted: Session) -> None:
    np.testing.assert_array_equal(found.spikes, wanted.spikes)
    assert found.spikes.dtype == wanted.spikes.dtype and found.spikes.flags.c_contiguous
    assert found.units.equals(wanted.units) and found.trials.equals(wanted.trials)
    assert found.behavior.keys() == wanted.behavior.keys()
    for key in wanted.behavior:
        np.testing.assert_array_equal(found.behavior[key], wanted.behavior[key])
    assert (found.name, found.origin, found.bin_size) == (wanted.name, "recorded", wanted.bin_size)
    np.testing.assert_array_equal(found.time, wanted.time)


# ---------------------------------------------------------------------- sound files


@pytest.mark.parametrize("core", ["core", "_core"])
@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_and_both_spellings_of_numpy(tmp_path, protocol, core):
    sessions = [session_dict(seed=seed, n_trials=1) for seed in (0, 1)]
    sessions[1]["bin_size"] = np.float64(0.01)
    sessions[1]["mouse_name"] = np.str_("Cori")
    pickled = pickle_with(sessions, protocol, core)
    assert f"numpy.{core}.".encode() in pickled
    path = write_pickle(tmp_path / "part.npz", pickled, n_sessions=2)
    for index in (0, 1):
        assert_same(steinmetz.load_file(path, index), Session.from_dict(sessions[index]))


def test_uncompressed_file_and_the_orders_of_arrays(tmp_path):
    dat = session_dict()
    dat["spks"] = np.asfortranarray(dat["spks"])
    dat["contrast_left"] = dat["contrast_left"].astype(">f8")
    dat["brain_area"] = dat["brain_area"].astype(">U5")
    np.savez(tmp_path / "part.npz", dat=objects([dat]))
    assert_same(steinmetz.load_file(tmp_path / "part.npz"), Session.from_dict(session_dict()))


def test_text_as_an_array_of_objects_is_text(tmp_path):
    dat = session_dict()
    wanted = Session.from_dict(dat)
    dat["brain_area"] = dat["brain_area"].astype(object)
    assert_same(steinmetz.load_file(write(tmp_path / "part.npz", [dat])), wanted)


def test_keys_that_are_absent_stay_absent(tmp_path):
    dat = {key: session_dict()[key] for key in ("spks", "brain_area")}
    session = steinmetz.load_file(write(tmp_path / "part.npz", [dat]))
    assert not session.behavior and not len(session.trials.columns)


@pytest.mark.parametrize("protocol", range(6))
def test_what_a_session_does_not_need_may_be_anything(tmp_path, protocol):
    """None, dicts within dicts and lists, ragged arrays: none of them is in the way."""
    ragged = np.empty((6, 5), object)
    ragged[:] = [[np.arange(3.0)] * 5] * 6
    odd = {"none": None, "dict": {"a": {"b": [{"c": 1}, {}]}}, "list": [{"a": 1}, [None]], "e": {}}
    sessions = [odd | session_dict(seed=1) | {"ss": ragged}, session_dict(seed=2) | odd]
    path = write_pickle(tmp_path / "p.npz", pickle.dumps(objects(sessions), protocol), 2)
    for index, seed in enumerate((1, 2)):
        assert_same(steinmetz.load_file(path, index), Session.from_dict(session_dict(seed=seed)))


def test_arrays_that_sessions_share(tmp_path):
    first, second = session_dict(seed=1), session_dict(seed=2)
    second["trough_to_peak"] = first["trough_to_peak"]
    second["ccf_axes"] = first["ccf_axes"]
    path = write(tmp_path / "part.npz", [first, second])
    assert_same(steinmetz.load_file(path, 1), Session.from_dict(second))


def test_only_the_sessions_that_are_there(tmp_path):
    path = write(tmp_path / "part.npz", [session_dict()])
    for index in (1, -1):
        with pytest.raises(ValueError, match=f"no session {index} in part.npz; it holds 1"):
            steinmetz.load_file(path, index)
    with pytest.raises(FileNotFoundError, match="give the path"):
        steinmetz.load_file(tmp_path / "absent.npz")


def test_recorded_subset(cache, real_file):
    path = real_file
    known = {1: ("Cori_2016-12-18", 619, 228), 6: ("Lederberg_2017-12-06", 983, 300)}
    for index, (name, n_neurons, n_trials) in known.items():
        session = steinmetz.load_file(path, index)
        assert (session.name, session.n_neurons, session.n_trials) == (name, n_neurons, n_trials)
    assert (session.units["region"] == "MOs").sum() == 46
    # All the names of the subset are in the published list, so that its order can be trusted.
    with pytest.raises(steinmetz.BadFileError, match="holds 8 sessions where a part holds 13"):
        steinmetz.import_part(path)
    assert not steinmetz.list_sessions()["cached"].any()


# ---------------------------------------------------------------------- the cache


def test_list_of_sessions(cache):
    table = steinmetz.list_sessions()
    assert list(table.columns) == ["index", "name", "mouse", "date", "part", "cached"]
    assert len(table) == 39 and table["name"].is_unique and not table["cached"].any()
    assert table.loc[31, ["name", "mouse", "date", "part"]].tolist() == [
        "Richards_2017-10-31", "Richards", "2017-10-31", 2,
    ]  # fmt: skip
    assert list(table.groupby("part").size()) == [13, 13, 13]
    assert not cache.exists(), "to look is not to write"


def test_split_into_the_cache_and_open_from_it(cache, tmp_path):
    part = write_part(tmp_path / "any name.npz", number=2)
    table = steinmetz.import_part(part)
    assert table["cached"].tolist() == [False] * 26 + [True] * 13 and part.exists()
    wanted = steinmetz.load_file(part, 5)
    assert wanted.name == "Richards_2017-10-31"
    assert_same(steinmetz.load_session(31), wanted)
    assert_same(steinmetz.load_session(np.int64(31)), wanted)
    assert_same(steinmetz.load_session("Richards_2017-10-31"), wanted)
    for path in cache.glob("*.npz"):
        with np.load(path, allow_pickle=False) as file:
            assert all(file[key].dtype != object for key in file.files)
    assert not list(cache.glob(".split-*"))


def test_session_without_a_spike(cache, tmp_path):
    sessions = [session_dict(name) for name in steinmetz.list_sessions()["name"][:13]]
    sessions[0]["spks"][:] = 0
    steinmetz.import_part(write(tmp_path / "part.npz", sessions))
    assert_same(steinmetz.load_session(0), Session.from_dict(sessions[0]))


@pytest.mark.parametrize("session", [-1, 39, 3.5, None, "Cori_2016-12-15", "xyz", "../Cori"])
def test_sessions_that_there_are_not(cache, session):
    with pytest.raises(ValueError, match="no session .*(choose 0 to 38|did you mean|shows all)"):
        steinmetz.load_session(session, fallback="simulated")


@pytest.mark.filterwarnings("ignore:session 3 is")
def test_names_inside_the_file_decide(cache, tmp_path):
    names = list(steinmetz.list_sessions()["name"][:13])
    names[3], names[4] = names[4], "Forssmann_2017-11-03"
    part = write(tmp_path / "part.npz", [session_dict(name) for name in names])
    with pytest.warns(UserWarning, match="session 4 is Forssmann_2017-11-03 in part.npz"):
        steinmetz.import_part(part)
    assert steinmetz.list_sessions().loc[4, "name"] == "Forssmann_2017-11-03"
    assert steinmetz.load_session("Forssmann_2017-11-02").name == "Forssmann_2017-11-02"
    assert steinmetz.load_session(3).name == "Forssmann_2017-11-02"
    with pytest.raises(ValueError, match="no session 'Forssmann_2017-11-01'"):
        steinmetz.load_session("Forssmann_2017-11-01")


def test_part_of_other_names_or_of_names_that_are_paths(cache, tmp_path):
    part = write(tmp_path / "part.npz", [session_dict("Nobody_2000-01-01")] * 1)
    with pytest.raises(steinmetz.BadFileError, match="holds no session of the published list"):
        steinmetz.import_part(part)
    part = write(tmp_path / "part.npz", [session_dict("../../Cori_2016-12-14")])
    with pytest.raises(steinmetz.BadFileError, match="no name of a session"):
        steinmetz.import_part(part)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_changed_part_is_not_taken(cache, tmp_path):
    steinmetz.import_part(write_part(tmp_path / "part.npz"))
    before = steinmetz.load_session(0)
    assert "steinmetz_part0.npz" in (cache / "sha256.txt").read_text()
    with pytest.raises(steinmetz.BadFileError, match="not the file that it was: its SHA-256"):
        steinmetz.import_part(write_part(tmp_path / "part.npz", n_trials=4))
    assert_same(steinmetz.load_session(0), before)
    assert not list(cache.glob(".split-*"))


def test_all_of_a_part_or_nothing(cache, tmp_path):
    sessions = [session_dict(name) for name in steinmetz.list_sessions()["name"][:13]]
    sessions[12]["spks"] = sessions[12]["spks"][:, :4]
    with pytest.raises(ValueError, match="session Lederberg_2017-12-06: "):
        steinmetz.import_part(write(tmp_path / "part.npz", sessions))
    assert [path.name for path in cache.iterdir()] == [".lock"]


# ---------------------------------------------------------------------- all that is at hand


def test_all_that_is_cached_and_nothing_downloaded(cache, tmp_path, monkeypatch):
    monkeypatch.delenv("NMA_SEQ2SEQ_DATA", raising=False)
    with pytest.raises(ValueError, match="no recorded session is at hand; nma.load_session"):
        steinmetz.load_sessions()
    steinmetz.import_part(write_part(tmp_path / "part.npz"))
    sessions = list(steinmetz.load_sessions(fallback="simulated", progress=False))
    assert [s.name for s in sessions] == list(steinmetz.list_sessions()["name"][:13])


def test_all_of_a_file_whatever_its_index(tmp_path, monkeypatch):
    names = ["Ada_2024-01-01", "Ada_2024-01-02", "Bea_2024-01-01"]
    path = write(tmp_path / "mine.npz", [session_dict(name) for name in names])
    for data in (str(path), f"{path}:2"):
        monkeypatch.setenv("NMA_SEQ2SEQ_DATA", data)
        sessions = list(steinmetz.load_sessions(progress=False))
        assert [(s.mouse, s.date) for s in sessions] == [tuple(n.split("_")) for n in names]
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", str(tmp_path / "none.npz"))
    with pytest.raises(ValueError, match="there is no such file"):
        steinmetz.load_sessions(fallback="simulated")


def test_simulated_mice_are_several(cache, monkeypatch, capsys):
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", "simulated")
    sessions = list(steinmetz.load_sessions(fallback="simulated", progress=False))
    assert "5 SIMULATED mice" in capsys.readouterr().out
    assert len({s.mouse for s in sessions}) == len(sessions) == 5
    with pytest.raises(ValueError, match="no fallback 'twin'"):
        steinmetz.load_sessions(fallback="twin")


# ---------------------------------------------------------------------- broken files


def changed(**changes):
    return [session_dict() | changes]


SPKS = session_dict()["spks"]
BROKEN = {
    "spks of wrong rank": (changed(spks=SPKS[0]), "spks has shape"),
    "negative counts": (changed(spks=SPKS - 1), "negative counts"),
    "NaN counts": (changed(spks=np.where(SPKS > 0, np.nan, SPKS)), "NaN"),
    "fractions": (changed(spks=SPKS + 0.5), "fractions"),
    "lengths that disagree": (changed(response=np.zeros(4)), "response has shape"),
    "zero trials": (changed(spks=SPKS[:, :0]), "0 trials"),
    "one neuron": (changed(spks=SPKS[:1], brain_area=np.array(["MOs"])), "1 neurons"),
    "no spks": ([{"brain_area": np.array(["MOs"])}], "no 'spks'"),
    "numbers, not dicts": ([1, 2, 3], "other things than one dict a session"),
    "a dict and a number": ([session_dict(), 1], "other things than one dict a session"),
    "lists, not dicts": ([[1], [2]], "other things than one dict a session"),
    "a dict for an array": (changed(wheel={"a": 1}), "has a 'wheel' that is neither array"),
    "None for an array": (changed(wheel=None), "has a 'wheel' that is neither array, number nor"),
    "lists in a list": (changed(ccf_axes=[["ap"]]), "neither numbers nor text"),
    "a key that is no text": ([session_dict() | {1: 2}], "a key that is no text"),
    "a number beyond all types": (changed(bin_size=2**70), "neither array, number nor text"),
    "the same session twice": ([session_dict()] * 2, "damaged|other things"),
    "a table of columns": (changed(spks=np.zeros(3, [("a", "i4")])), "this format has not"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_sessions(cache, tmp_path, case):
    sessions, message = BROKEN[case]
    if case == "the same session twice":
        sessions = [sessions[0]] * 2
    path = write(tmp_path / "part.npz", sessions)
    with pytest.raises(ValueError, match=message) as refused:
        steinmetz.load_file(path, len(sessions) - 1)
    assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match=message):
        steinmetz.import_part(path)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_broken_files(tmp_path):
    path = write(tmp_path / "part.npz", [session_dict()])
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    np.savez(tmp_path / "key.npz", data=objects([session_dict()]))
    np.savez(tmp_path / "plain.npz", dat=np.zeros(3))
    np.savez(tmp_path / "grid.npz", dat=np.empty((2, 2), dtype=object))
    cases = {
        "cut.npz": (whole[: len(whole) // 2], "is cut or damaged; download it again"),
        "text.npz": (b"<html>please log in</html>", "is a web page .a log-in page, perhaps"),
        "empty.npz": (b"", "is empty, 0 bytes; download it again"),
        "flipped.npz": (bytes(flipped), "damaged or no .npz"),
        "key.npz": (None, "has no 'dat' and no 'spks'; it has data: a session needs spks"),
        "plain.npz": (None, "type float64; it must be an array of one dict a session"),
        "grid.npz": (None, r"shape \(2, 2\)"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(steinmetz.BadFileError, match=message) as refused:
            steinmetz.load_file(tmp_path / name)
        assert str(refused.value).startswith(name) and "\n" not in str(refused.value)


def test_a_changed_count_is_seen_by_the_checksum(cache, tmp_path):
    """Where nothing is compressed, nothing else would see it."""
    sessions = [session_dict(name) for name in steinmetz.list_sessions()["name"][:13]]
    path = tmp_path / "part.npz"
    np.savez(path, dat=objects(sessions))
    content, counts = path.read_bytes(), sessions[3]["spks"].tobytes()
    assert counts in content
    path.write_bytes(content.replace(counts, counts[::-1], 1))
    with pytest.raises(steinmetz.BadFileError, match="damaged"):
        steinmetz.import_part(path)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_as_many_sessions_as_are_announced_and_nothing_more(tmp_path):
    pickled = pickle.dumps(objects([session_dict(seed=1), session_dict(seed=2)]))
    path = write_pickle(tmp_path / "part.npz", pickled, n_sessions=3)
    with pytest.raises(steinmetz.BadFileError, match="announces 3 sessions, not 2"):
        steinmetz.count_sessions(path)
    write_pickle(path, pickled + b"x", n_sessions=2)
    with pytest.raises(steinmetz.BadFileError, match="goes on after the end of its data"):
        steinmetz.count_sessions(path)


def test_announced_sizes_are_not_believed(tmp_path):
    """Each would take a terabyte, or never end, if it were."""
    array = pickle.dumps(objects(changed()), protocol=3)
    shape = b"K\x06K\x05K\xfa"  # 6, 5, 250
    assert array.count(shape) == 1
    wide = array.replace(shape, b"J\xff\xff\xff\x7fK\x05K\xfa")
    words = b"\x80\x04X" + struct.pack("<I", 2**32 - 1) + b"abc"
    nested = b"\x80\x04]" + b"q\x00" + b"h\x00h\x00\x86q\x00" * 50 + b"."
    many = b"\x80\x04" + b"]" * 300_000 + b"."
    for pickled in (wide, words, nested, many, b"", b"\x80\x04", b".", b"\xff", b"(" * 1000 + b"."):
        with pytest.raises(steinmetz.BadFileError):
            steinmetz.load_file(write_pickle(tmp_path / "part.npz", pickled))


def test_any_change_of_a_pickle_is_read_or_refused(tmp_path):
    """No change of a few bytes brings another error than ValueError, or runs on."""
    rng, read, refused = np.random.default_rng(0), 0, 0
    dat = {key: session_dict(n_neurons=2, n_trials=1)[key] for key in ("spks", "brain_area", "ccf")}
    for protocol in (0, 2, 4, 5):
        pickled = np.frombuffer(pickle.dumps(objects([dat]), protocol), np.uint8)
        for _ in range(100):
            changed = pickled.copy()
            # The instructions are at the ends; in between lie counts.
            where = rng.integers(-450, 450, 2)
            changed[where] = rng.integers(0, 256, 2)
            try:
                session = steinmetz.load_file(
                    write_pickle(tmp_path / "part.npz", changed.tobytes())
                )
            except ValueError as error:
                assert "part.npz" in str(error) or str(error).startswith("session "), error
                refused += 1
            else:
                assert session.spikes.dtype == np.uint8
                read += 1
    assert read > 20 and refused > 200


# ---------------------------------------------------------------------- malicious pickles


class Call:
    """Pickles as a call of `function` on `arguments`, with the state, if any, set on the result."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


SENTINEL = "touched.txt"
TOUCH = f"open({SENTINEL!r}, 'w').close()"


def raw(*instructions: bytes) -> bytes:
    return b"\x80\x04" + b"".join(instructions) + b"."


def text(words: str) -> bytes:
    return b"\x8c" + bytes([len(words)]) + words.encode()


def evil_array(value) -> bytes:
    return pickle.dumps(objects([session_dict() | {"spks": value}]), protocol=4)


MALICIOUS = {
    "os.system": (evil_array(Call(os.system, f"echo > {SENTINEL}")), "system"),
    "builtins.exec": (evil_array(Call(exec, TOUCH)), "builtins.exec"),
    "builtins.eval": (evil_array(Call(eval, TOUCH)), "builtins.eval"),
    "builtins.open": (evil_array(Call(open, SENTINEL, "w")), "open"),
    "builtins.getattr": (evil_array(Call(getattr, 1, "real")), "builtins.getattr"),
    "numpy.save": (
        raw(text("numpy"), text("save"), b"\x93", text(SENTINEL), b"K\x01\x86R"),
        "numpy.save",
    ),
    "numpy.testing runstring": (
        raw(b"cnumpy.testing._private.utils\nrunstring\n", text(TOUCH), b"}\x86R"),
        "runstring",
    ),
    "a dotted name through numpy": (
        raw(text("numpy"), text("ndarray.tofile"), b"\x93"),
        "ndarray.tofile",
    ),
    "old GLOBAL": (b"cos\nsystem\n(S'touch " + SENTINEL.encode() + b"'\ntR.", "os.system"),
    "old INST": (b"(S'touch " + SENTINEL.encode() + b"'\nios\nsystem\n.", "STRING|INST"),
    "INST alone": (raw(b"(", text("touch"), b"ios\nsystem\n"), "INST"),
    "OBJ": (raw(b"(", b"cos\nsystem\n", text("touch"), b"o"), "os.system"),
    "NEWOBJ": (raw(b"cnumpy\nndarray\n", b"K\x01\x85", b"\x81"), "NEWOBJ"),
    "NEWOBJ_EX": (raw(b"cnumpy\nndarray\n", b")}", b"\x92"), "NEWOBJ_EX"),
    "persistent id": (b"Pwhatever\n.", "PERSID"),
    "binary persistent id": (raw(text("whatever"), b"Q"), "BINPERSID"),
    "extension registry": (raw(b"\x82\x01"), "EXT1"),
    "out-of-band buffer": (b"\x80\x05\x97.", "NEXT_BUFFER"),
    "a change of the class ndarray": (
        raw(b"cnumpy\nndarray\n", b"}", text("__array_finalize__"), b"K\x01sb"),
        "change of something",
    ),
    "a change of a constructor": (
        raw(b"cnumpy.core.multiarray\n_reconstruct\n", b"}", text("__code__"), b"K\x01sb"),
        "change of something",
    ),
    "a call of text": (raw(text("os.system"), text(TOUCH), b"\x85R"), "a call of something"),
    "a call of ndarray": (raw(b"cnumpy\nndarray\n", b"K\x01\x85R"), "calls numpy.ndarray"),
    "_reconstruct of another class": (
        raw(b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\ndtype\n", b"K\x00\x85C\x01b\x87R"),
        "not numpy's own",
    ),
    "an encoding that runs code": (
        raw(b"c_codecs\nencode\n", text("abc"), text("idna"), b"\x86R"), "encoding 'idna'",
    ),
    "_codecs.decode": (raw(b"c_codecs\ndecode\n"), "_codecs.decode"),
    "a dtype of objects within a scalar": (
        raw(
            b"cnumpy.core.multiarray\nscalar\n", b"cnumpy\ndtype\n", text("O8"), b"\x85R",
            b"C\x08" + bytes(8), b"\x86R",
        ),
        "OBJECT array",
    ),
    "a dtype made of fields": (raw(b"cnumpy\ndtype\n", text("i4,O"), b"\x85R"), "'i4,O'"),
    "copyreg": (evil_array(Call(copyreg._reconstructor, object, object, None)), "copyreg"),
    "joblib": (raw(b"cjoblib.numpy_pickle\nread_zfile\n"), "joblib"),
    "a session after the good ones": (
        pickle.dumps(objects([session_dict(), session_dict() | {"x": Call(exec, TOUCH)}])),
        "builtins.exec",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MALICIOUS)
def test_malicious_pickles_are_refused_and_nothing_runs(cache, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    pickled, message = MALICIOUS[case]
    called = []
    for module, name in (
        (os, "system"),
        (builtins, "exec"),
        (builtins, "eval"),
        (codecs, "lookup"),
    ):
        real = getattr(module, name)

        def spy(*args, name=name, real=real, **kwargs):
            called.append((name, args))
            return real(*args, **kwargs)

        if name != "exec":  # the interpreter's own imports go through it
            monkeypatch.setattr(module, name, spy)
    path = write_pickle(tmp_path / "part.npz", pickled, 2 if "after" in case else 1)
    with pytest.raises(steinmetz.BadFileError, match=message) as refused:
        steinmetz.load_file(path, 1)
    assert str(refused.value).startswith("part.npz ")
    with pytest.raises(steinmetz.BadFileError):
        steinmetz.import_part(path)
    assert not Path(SENTINEL).exists() and not [c for c in called if c[0] in ("system", "eval")]
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_python_itself_would_have_run_them(tmp_path, monkeypatch):
    """So that the cases above are no straw men."""
    monkeypatch.chdir(tmp_path)
    for case in ("os.system", "builtins.exec", "builtins.open", "a session after the good ones"):
        Path(SENTINEL).unlink(missing_ok=True)
        pickle.load(io.BytesIO(MALICIOUS[case][0]))
        assert Path(SENTINEL).exists(), case


def test_member_that_is_larger_than_it_says(tmp_path):
    """A zip bomb: the directory's size is what is read, and the checksum then disagrees."""
    path = write(tmp_path / "part.npz", [session_dict()])
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("dat.npy").file_size
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 3000)))
    with pytest.raises(steinmetz.BadFileError, match="damaged"):
        steinmetz.load_file(path)
