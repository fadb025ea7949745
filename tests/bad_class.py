"""A class that hands in everything that a class can: what `grade` says of each file is beside it.

`python -m tests.bad_class FOLDER` writes it, to look at.
"""

# ruff: noqa: E501 (a hand-in reads best on a line)

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import stat
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETUP = ["import numpy as np", "import nma_seq2seq as nma"]
NUMBERS = ["1.1", "1.2", "1.3", "1.4"]


def cells_of(folder: str) -> list[str]:
    """The exercise cells of notebook 1 and what they need; without the long rest of it."""
    notebook = json.loads((ROOT / folder / "01_data_exploration.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["\n".join(SETUP), *(source for source in sources if "@nma.exercise" in source)]


def cells_for(number: str) -> list[str]:
    """The solution's cells up to one exercise's, as far as its code needs them."""
    (path,) = ROOT.glob(f"solutions/0{number[0]}_*.ipynb")
    cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    last = next(i for i, source in enumerate(sources) if f'exercise("{number}")' in source)
    starts = ("import ", "def ", "@nma.exercise(")
    return [source for source in sources[: last + 1] if source.startswith(starts)]


RIGHT, BLANK = cells_of("solutions"), cells_of("tutorials")
START, HZ, CURVE, BINS, FANO = RIGHT
WRONG_HZ = HZ.replace("counts.mean(axis=(0, 1)) / bin_size", "counts.mean(axis=(0, 1))")
assert WRONG_HZ != HZ


def notebook(*cells: str | tuple[str, str], **metadata) -> str:
    """A notebook file without a kernel spec; JSON by hand, as other programs write it.

    A cell is its code, or (type, source).
    """
    typed = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    code = {"execution_count": None, "outputs": []}
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata,
            "cells": [
                {
                    "cell_type": kind,
                    "id": f"cell{index}",
                    "metadata": {},
                    "source": source.splitlines(keepends=True),
                }
                | (code if kind == "code" else {})
                for index, (kind, source) in enumerate(typed)
            ],
        },
        ensure_ascii=False,
    )


def colab(*cells: str) -> str:
    """As Colab saves: its own metadata, no cell ids, state of widgets of version 7."""
    content = json.loads(notebook(*cells))
    for index, cell in enumerate(content["cells"]):
        cell["metadata"] = {"id": f"Ab_{index}", "colab": {"base_uri": "https://x", "height": 35}}
        del cell["id"]
    widget = {
        "model_module": "@jupyter-widgets/controls",
        "model_module_version": "1.5.0",
        "model_name": "IntSliderModel",
        "state": {"value": 3},
    }
    content["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"a1": widget}},
    }
    return json.dumps(content | {"nbformat_minor": 0})


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip with these files; a name that ends with "@" is a link."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name.rstrip("@"))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (
                (stat.S_IFLNK if name.endswith("@") else stat.S_IFREG) | 0o644
            ) << 16
            archive.writestr(info, content)
    return stream.getvalue()


def encrypted(files: dict[str, str | bytes]) -> bytes:
    """A zip whose headers say that it has a password."""
    return _flagged(_flagged(zipped(files), b"PK\x03\x04", 6), b"PK\x01\x02", 8)


def _flagged(content: bytes, header: bytes, offset: int) -> bytes:
    found, changed = content.find(header), bytearray(content)
    while found >= 0:
        changed[found + offset] |= 1
        found = content.find(header, found + 4)
    return bytes(changed)


def tarred(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def of_version_3(*cells: str) -> str:
    """As IPython 2 saved notebooks."""
    kept = [
        {"cell_type": "code", "input": cell, "outputs": [], "language": "python", "metadata": {}}
        for cell in cells
    ]
    sheet = {"metadata": {}, "cells": [{"cell_type": "heading", "level": 1, "source": "x"}, *kept]}
    content = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    return json.dumps(content)


def nested(content: bytes, times: int) -> bytes:
    for _ in range(times):
        content = zipped({"again.zip": content})
    return content


# Statuses of 1.1 to 1.4.
DONE = dict.fromkeys(NUMBERS, "done")
ONE = {"1.1": "done", "1.2": "missing", "1.3": "missing", "1.4": "missing"}
WRONG = ONE | {"1.1": "wrong"}
NONE = dict.fromkeys(NUMBERS, "missing")
NOT_REACHED = {"1.1": "not reached", "1.2": "missing", "1.3": "missing", "1.4": "missing"}


@dataclass(frozen=True)
class HandIn:
    """A file, and what the table has to say of it: parts of its reason, notes and 1.1's message."""

    path: str
    content: str | bytes
    state: str = "ok"  # "*": that does not matter, its row does
    reason: str = ""
    statuses: dict[str, str] | None = field(default_factory=dict)  # None: it does not matter
    note: str = ""
    message: str = ""
    listed: str = ""  # its path in the table, where that is another


def one(path: str, *before: str, answer: str = HZ, start: str = START, **expected) -> HandIn:
    """A short notebook: the imports, what is tried, and exercise 1.1."""
    expected = {"statuses": ONE} | expected
    return HandIn(f"{path}/hw.ipynb", notebook(start, *before, answer), **expected)


def many(path: str, *cells: str, **expected) -> HandIn:
    return HandIn(f"{path}/hw.ipynb", notebook(*cells), **expected)


SHORT = notebook(START, HZ)

# ---------------------------------------------------------------------- files of every kind

NO_NOTEBOOK = {"state": "no notebook", "reason": " was handed in; ask for "}
OPENED = [
    HandIn("txt/hw.ipynb.txt", SHORT, statuses=ONE),
    HandIn("json/hw.ipynb.json", SHORT, statuses=ONE),
    HandIn("download/hw.ipynb.download", SHORT, statuses=ONE),
    HandIn("twice/hw.ipynb (1)", SHORT, statuses=ONE),
    HandIn("no suffix/hw", SHORT, statuses=ONE),
    HandIn(
        "zip of one/hw.ipynb.zip",
        zipped({"hw.ipynb": SHORT}),
        statuses=ONE,
        listed="zip of one/hw.ipynb.zip/hw.ipynb",
    ),
    HandIn(
        "tar/hw.tar.gz",
        tarred({"a/hw.ipynb": SHORT}),
        statuses=ONE,
        listed="tar/hw.tar.gz/a/hw.ipynb",
    ),
    HandIn(
        "zip in tar/hw.tar.gz",
        tarred({"a.zip": zipped({"b/hw.ipynb": SHORT})}),
        statuses=ONE,
        listed="zip in tar/hw.tar.gz/a.zip/b/hw.ipynb",
    ),
    HandIn("gz/hw.ipynb.gz", gzip.compress(SHORT.encode()), statuses=ONE),
    HandIn("bz2/hw.ipynb.bz2", bz2.compress(SHORT.encode()), statuses=ONE),
    HandIn("xz/hw.ipynb.xz", lzma.compress(SHORT.encode()), statuses=ONE),
    HandIn(
        "Ann Lee_1001_assignsubmission_file_/all.zip",
        zipped(
            {
                "work\\hw.ipynb": SHORT,
                "work\\.ipynb_checkpoints\\hw-checkpoint.ipynb": notebook(*BLANK),
                "__MACOSX\\._hw.ipynb": b"\0\5",
            }
        ),
        statuses=ONE,
        listed="Ann Lee_1001_assignsubmission_file_/all.zip/work/hw.ipynb",
    ),
    HandIn("only a checkpoint/.ipynb_checkpoints/hw-checkpoint.ipynb", SHORT, statuses=ONE),
    HandIn("utf16/hw.ipynb", SHORT.encode("utf-16"), statuses=ONE),
    HandIn("utf16 bare/hw.ipynb", SHORT.encode("utf-16-le"), statuses=ONE),
    HandIn("utf32/hw.ipynb", SHORT.encode("utf-32"), statuses=ONE),
    HandIn("with a mark/hw.json", SHORT.encode("utf-8-sig"), statuses=ONE),
    HandIn("version 3/hw.ipynb", of_version_3(START, HZ), statuses=ONE),
    HandIn("a folder/hw.ipynb/hw.ipynb", SHORT, statuses=ONE),
    # Names that are shown alike: each file has its row, and none another's verdict.
    HandIn("alike/hw  1.ipynb", SHORT, statuses=ONE, listed="alike/hw 1.ipynb"),
    HandIn(
        "alike/hw 1.ipynb", notebook(START, WRONG_HZ), statuses=WRONG, listed="alike/hw 1.ipynb (2)"
    ),
    HandIn("alike/hw\t1.ipynb", "", **NO_NOTEBOOK, listed="alike/hw\ufffd1.ipynb"),
    HandIn("alike/hw\n1.ipynb", SHORT, statuses=ONE, listed="alike/hw\ufffd1.ipynb (2)"),
    HandIn("cp1252/hw.ipynb", notebook("# größer", START, HZ).encode("cp1252"), statuses=ONE),
    HandIn("colab/Kopie von hw (2).ipynb", colab(START, HZ), statuses=ONE),
    HandIn(
        "html/hw.html",
        "<!DOCTYPE html>\n<html>",
        **NO_NOTEBOOK | {"reason": "a web page was handed in; ask"},
    ),
    HandIn("sign in/hw.ipynb", "<!doctype html><html>Sign in", **NO_NOTEBOOK),
    HandIn(
        "pdf/hw.pdf",
        b"%PDF-1.7",
        **NO_NOTEBOOK | {"reason": "a PDF was handed in; ask for the notebook"},
    ),
    HandIn("py/hw.py", "import numpy", **NO_NOTEBOOK | {"reason": "Python code"}),
    HandIn(
        "docx/hw.docx",
        zipped({"[Content_Types].xml": "", "word/document.xml": ""}),
        **NO_NOTEBOOK | {"reason": "a Word document"},
    ),
    HandIn(
        "docx as notebook/hw.ipynb",
        zipped({"[Content_Types].xml": "", "word/x": ""}),
        **NO_NOTEBOOK,
    ),
    HandIn("rtf/hw.rtf", "{\\rtf1 " + SHORT, **NO_NOTEBOOK | {"reason": "a rich-text document"}),
    HandIn("zst/hw.zst", b"\x28\xb5\x2f\xfd", **NO_NOTEBOOK | {"reason": "or a .zip"}),
    HandIn("rar/hw.rar", b"Rar!\x1a\7", **NO_NOTEBOOK | {"reason": "or a .zip"}),
    HandIn(
        "link/hw.txt",
        "https://colab.research.google.com/drive/1",
        **NO_NOTEBOOK | {"reason": "a link"},
    ),
    HandIn("lfs/hw.ipynb", "version https://git-lfs.github.com/spec/v1\n", **NO_NOTEBOOK),
    HandIn("empty/hw.ipynb", "", **NO_NOTEBOOK | {"reason": "an empty file"}),
    HandIn("broken/hw.ipynb", SHORT[:-100], "invalid", "not a whole notebook"),
    HandIn(
        "other course/hw.ipynb", notebook("print('hello')"), "invalid", "no exercise of the course"
    ),
    HandIn(
        "password/hw.zip",
        encrypted({"hw.ipynb": SHORT}),
        "invalid",
        "a password",
        listed="password/hw.zip/hw.ipynb",
    ),
    HandIn(
        "zipped link/hw.zip",
        zipped({"hw.ipynb@": "/etc/passwd"}),
        "invalid",
        "a link",
        listed="zipped link/hw.zip/hw.ipynb",
    ),
    HandIn("cut zip/hw.zip", zipped({"hw.ipynb": SHORT})[:-30], "invalid", "cannot be read"),
    HandIn(
        "zips in zips/hw.zip",
        nested(b"x", 6),
        "invalid",
        "within each other",
        listed="zips in zips/hw.zip/again.zip/again.zip/again.zip/again.zip",
    ),
    HandIn(
        "bomb/hw.zip",
        zipped({f"{n}.ipynb": b"0" for n in range(2500)}),
        "invalid",
        "unpacks to more",
    ),
    HandIn(
        "giant/hw.zip",
        zipped({"hw.ipynb": b"\0" * 110_000_000}),
        "invalid",
        "larger than",
        listed="giant/hw.zip/hw.ipynb",
    ),
    HandIn("<script>alert(1)<script>/hw.ipynb", "x", "invalid", "not a whole notebook"),
    HandIn(
        "=cmd|' calc'!A0/hw.ipynb",
        "{}",
        "invalid",
        "not a whole notebook",
        listed="'=cmd|' calc'!A0/hw.ipynb",
    ),
    HandIn("\x1b[31mred\u202e/hw.ipynb", "", **NO_NOTEBOOK, listed="\ufffd[31mred\ufffd/hw.ipynb"),
]

# ---------------------------------------------------------------------- cells of every kind

AGAIN = "counts_to_hz = nma.exercise('1.1')(counts_to_hz)"
NAME = HZ.partition("def ")[2].partition("(")[0]
ANSWER = HZ.partition("\n")[2]  # without its decorator
CELLS = [
    HandIn(
        "markdown/hw.ipynb",
        notebook(START, ("markdown", HZ), CURVE),
        statuses=NONE | {"1.2": "done"},
        message="of the kind markdown, not code (cell 1)",
    ),
    HandIn(
        "raw/hw.ipynb",
        notebook(START, ("raw", HZ), CURVE),
        statuses=NONE | {"1.2": "done"},
        message="of the kind raw",
    ),
    many(
        "commented",
        START,
        "\n".join(f"# {line}" for line in HZ.splitlines()),
        CURVE,
        statuses=NONE | {"1.2": "done"},
        message="commented out (cell 1)",
    ),
    many("right", *RIGHT, statuses=DONE),
    many("blank", *BLANK, statuses=dict.fromkeys(NUMBERS, "not yet")),
    many(
        "reordered",
        START,
        FANO,
        BINS,
        CURVE,
        HZ,
        statuses=DONE,
    ),
    one("wrong", answer=WRONG_HZ, statuses=WRONG, message="likely cause"),
    one(
        "syntax error",
        answer=HZ.replace("return counts", "retrun x = counts"),
        statuses=WRONG,
        message="SyntaxError",
    ),
    one("duplicated", HZ, answer=BLANK[1], note="there 2 times; the best counts"),
    one("twice in a cell", answer=f"{HZ}\n\n{WRONG_HZ}", note="there 2 times; the best counts"),
    one("as task", "from nma_seq2seq import exercise as task", answer=HZ.replace("nma.exercise", "task")),
    one("as a function", answer=f"{ANSWER}\n{NAME} = nma.exercise('1.1')({NAME})"),
    one("a legal %", "pip, uv = 7, 4\nx = (pip\n% uv)\nassert x == 3"),
    one("installs", "%pip install numpy==1.0", "!yes | pip uninstall numpy\nx = !apt-get install y",
        note="installs something; that was left out"),
    one("installs in bash", "%%bash\nls\npip install x", note="installs something"),
    one("installs by another name", "what = 'pip install x'\n!{what}",
        note="cell 1 installs something"),
    one("installs by IPython", "def get(what):\n    get_ipython().system(f'pip install {what}')\nget('x')",
        note="cell 1 installs something"),
    one("installs by Python", "import subprocess, sys\n"
        "subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])\nread = !echo read\n"
        "if read != ['read']:\n    import os; os._exit(3)", note="cell 1 installs something"),
    one("the course's own", answer=f"{BLANK[1]}\n{NAME} = nma.exercise('1.1')({NAME})",
        statuses=ONE | {"1.1": "not yet"}, note="the course's own answer"),
    many("the course's own, later", START, BLANK[1], f"{NAME} = nma.exercise('1.1')({NAME})",
        statuses=ONE | {"1.1": "not yet"}, note="the course's own answer"),
    one("by reference", answer="@nma.exercise('1.1')\ndef f(counts, bin_size):\n"
        "    from nma_seq2seq.exercises import find\n    return find('1.1').reference(counts, bin_size)",
        note="leads to the course's"),
    one("patched numpy", "np.allclose = lambda *a, **k: True", answer=WRONG_HZ, statuses=WRONG,
        note="changes numpy.allclose"),
    one("replaced check", "import nma_seq2seq\ndef exercise(number):\n    return lambda answer: answer\n"
        "nma.exercise = nma_seq2seq.exercises.student.exercise = exercise", answer=WRONG_HZ,
        statuses=WRONG, note="student.exercise"),
    one("edited package", "import nma_seq2seq.exercises.judging as judging\n"
        "import nma_seq2seq.exercises.student as student\n"
        "judging.judge = student.judge = lambda task, answer, file='': "
        "judging.Judgement(judging.Result('done'), answer)\n"
        "judging.same.__code__ = (lambda a, b, c: True).__code__", answer=WRONG_HZ,
        statuses=WRONG, note="judging.judge"),
    one("faked module", "class nma:\n    exercise = staticmethod(lambda number: lambda answer: answer)",
        statuses=NONE, message="not the course's check"),
    one("purged modules", "import sys\nfor name in [n for n in sys.modules if n.startswith('nma_seq2seq')]:\n"
        "    del sys.modules[name]\nimport nma_seq2seq as nma"),
]  # fmt: skip

# ---------------------------------------------------------------------- lines that fail above

BOTH = "import numpy as np\nimport nma_seq2seq as nma"
FAILING = [
    one(f"above {number}", start=f"{line}\n{BOTH}", note=note)
    for number, (line, note) in enumerate(
        {
            "from google.colab import drive": "No module named 'google",
            "from google.colab import files\nfiles.upload()": "what stands below was run without it",
            "import ipympl": "No module named 'ipympl'",
            "%matplotlib widget": "cell 0 raises",
            "%load_ext black": "cell 0 raises",
            "!pip install ipympl": "installs something",
            "import pandas as pd\ntable = pd.read_csv('/content/drive/x.csv')": "FileNotFoundError",
            "this is no Python": "what stands below was run without it",
            "%nothing": "UsageError",
            "%%nothing": "UsageError",
        }.items()
    )
] + [
    one(
        "above: no import", start="import numpy as np", statuses=WRONG, message="name 'nma' is not"
    ),
    one(
        "above: exec",
        "n = 0",
        "n += 1\nexec('this is no Python')",
        "if n != 1:\n    import os; os._exit(3)",
        note="in `exec('this is no Python')`",
    ),
    one("above: a null byte", "x = '\0'", note="null bytes"),
    one("above: brackets", "x = " + "(" * 100_000, note="cell 1 raises"),
    one(
        "stops itself", "import sys; sys.exit(1)\nwhile True: pass", note="cell 1 raises SystemExit"
    ),
]

# ---------------------------------------------------------------------- harm

SPLENDID = '{"exercise": "1.2", "status": "splendid", "symptom": "", "cause": "", "is_own": true}'
FORK = """\
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "31415"], {})
    os._exit(0)
"""
HARM = [
    one("deletes the parent", "import shutil\nshutil.rmtree('..', ignore_errors=True)"),
    one("deletes more", "!rm -rf ../* ../../* ~/* 2>/dev/null"),
    one("deletes all", "import os, shutil\n"
        "for top in (os.environ['HOME'], os.getcwd()):\n"
        "    shutil.rmtree(top, ignore_errors=True)"),
    one("deep folders", "import os\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d')"),
    one("a folder for each file", "import os\n"
        "for name in ('journal', 'worker.log', 'job', '../journal', '../worker.log'):\n"
        "    os.makedirs(name, exist_ok=True)"),
    one("garbage", "import os\nfor fd in range(3, 80):\n    try:\n"
        f"        os.write(fd, b'garbage\\n[1, 2]\\n7\\n' + {SPLENDID!r}.encode() + b'\\n')\n"
        "    except OSError:\n        pass", state="*", statuses=None),
    one("closes everything", "import os\nos.closerange(3, 200)", state="*", statuses=None),
    one("ends its parent", "import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(1)", state="*",
        statuses=None),
    one("ends itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", state="crash",
        reason="signal 9", statuses=NOT_REACHED),
    one("os._exit", "import os; os._exit(3)", state="crash", reason="code 3 in cell 1",
        statuses=NOT_REACHED),
    many("os._exit after", START, HZ + "\nimport os; os._exit(3)", state="crash", statuses=ONE),
    one("exit()", "exit()", note="asks Python to end"),
    one("shutdown", "get_ipython().kernel.do_shutdown(False)", note="asks Python to end"),
    one("fills the disk", "import os\nfor n in range(3):\n    with open(f'big{n}', 'wb') as file:\n"
        "        os.posix_fallocate(file.fileno(), 0, 900_000_000)", state="*", statuses=None),
    one("forks", FORK),
    one("a copy goes on", "import os, time\nif os.fork():\n    time.sleep(2)\nelse:\n    del nma"),
    one("doubles", "import os, time\nfor _ in range(9):\n    os.fork()\ntime.sleep(600)", state="crash",
        reason="more than 200 processes", statuses=NOT_REACHED),
    one("200 processes", "import os, time\nfor _ in range(250):\n    if os.fork() == 0:\n"
        "        time.sleep(600); os._exit(0)\ntime.sleep(600)", state="crash",
        reason="more than 200 processes", statuses=NOT_REACHED),
    one("a pool after a fit", "import multiprocessing, time\nx = np.ones(75_000_000)\n"
        "with multiprocessing.get_context('fork').Pool(8) as pool:\n"
        "    pool.map(time.sleep, [2] * 8)"),
    one("grows", "import time\nx = []\nwhile True:\n    x.append(np.ones(4_000_000)); time.sleep(0.005)",
        state="out of memory", reason="more than 2000 MB", statuses=None),
    one("10 GB", "x = np.ones((10, 1000, 1000, 125))", state="out of memory", reason="cell 1"),
    one("output", "for _ in range(200):\n    print('x' * 1_000_000)"),
    one("output below Python", "import os\nfor _ in range(100):\n    os.write(2, b'x' * 1_000_000)"),
    one("a long message", answer=HZ.replace("return counts", "raise ValueError('x' * 50_000_000)\n    return counts"),
        statuses=WRONG, message="ValueError"),
    one("a journal of its own", "for _ in range(30_000):\n    @nma.exercise('1.1')\n"
        "    def f(counts, bin_size): raise NotImplementedError", statuses=ONE, state="*"),
    one("endless", "while True:\n    pass", state="timeout", reason="of processor time, in cell 1",
        statuses=NOT_REACHED),
    one("endless in C", "import collections\ncollections.deque(iter(int, 1), maxlen=0)",
        state="timeout", reason="in cell 1", statuses=NOT_REACHED),
    one("sleeps", "import time\ntime.sleep(3000)", state="timeout", reason="without computing",
        statuses=NOT_REACHED),
    one("endless answer", answer=BLANK[1].replace("raise", "while True: pass\n    raise"),
        statuses=ONE | {"1.1": "not judged"}, message="endless loop"),
]  # fmt: skip

# ---------------------------------------------------------------------- who hands in how often

REPEATED = [
    HandIn("leebob_LATE_2001_3002_hw-1.ipynb", SHORT, statuses=ONE),
    HandIn(
        "leebob_2001_3001_hw.ipynb", notebook(START, BLANK[1]), statuses=ONE | {"1.1": "not yet"}
    ),
]

CLASS = [*OPENED, *CELLS, *FAILING, *HARM, *REPEATED]


def build(folder: Path) -> None:
    """Write them all, and what else lies about in such a folder."""
    for hand_in in CLASS:
        path = folder / hand_in.path
        path.parent.mkdir(parents=True, exist_ok=True)
        content = hand_in.content
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "right" / ".ipynb_checkpoints").mkdir()
    (folder / "right" / ".ipynb_checkpoints" / "old.ipynb").write_text(notebook(*BLANK))
    (folder / "nobody").mkdir()
    (folder / "notes.txt").write_text("who sits where")
    with contextlib.suppress(OSError):
        os.symlink("/etc/passwd", folder / "right" / "link.ipynb")
        os.symlink(folder.parent, folder / "right" / "up")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
