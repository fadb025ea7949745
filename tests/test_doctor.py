"""The doctor on a healthy environment and on broken ones, and the tutorials for a student."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from steinmetz_files import write_part

import nma_seq2seq as nma
from nma_seq2seq import training
from nma_seq2seq.course.cli import main

ROOT = Path(__file__).parent.parent


def doctor(
    tmp_path: Path, code: str = "", command: str = "doctor", **environment: str
) -> subprocess.CompletedProcess:
    """`nma-seq2seq doctor` in a process whose start a student's machine has spoiled by `code`."""
    (tmp_path / "sitecustomize.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", "from nma_seq2seq.course.cli import main; raise SystemExit(main())"]
        + command.split(),
        env=os.environ
        | {"PYTHONPATH": path, "NMA_SEQ2SEQ_CACHE": str(tmp_path / "cache")}
        | environment,
        capture_output=True,
        text=True,
    )


def as_if(package: str, version: str) -> str:
    """Code after which a package says that it has this version."""
    return (
        "import importlib.metadata as m\nreal = m.version\n"
        f"m.version = lambda name: {version!r} if name == {package!r} else real(name)\n"
    )


def finding(run: subprocess.CompletedProcess, name: str) -> str:
    """The line about something, and what to do about it."""
    assert "Traceback" not in run.stdout + run.stderr, run.stderr
    blocks = run.stdout.replace("\n         ", " ").splitlines()
    return next(line for line in blocks if line[9:].startswith(f"{name}:"))


# Without this a machine with a network and one without would not say the same.
NO_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise OSError("the network is unplugged")
socket.create_connection = socket.getaddrinfo = refuse
"""


def test_a_healthy_environment(tmp_path):
    run = doctor(tmp_path)
    assert run.returncode == 0, run.stdout
    assert "The course works here." in run.stdout
    assert nma.__version__ in finding(run, "nma-seq2seq")
    assert "lazy" in finding(run, "packages")
    for name in (
        "Python",
        "nma-seq2seq",
        "packages",
        "widgets",
        "torch",
        "cache folder",
        "tiny fit",
    ):
        assert finding(run, name).startswith("ok"), name
    assert "522 neurons" in finding(run, "simulated session")


def test_no_network_is_no_problem_but_is_said(tmp_path):
    run = doctor(tmp_path, NO_NETWORK)
    assert run.returncode == 0
    line = finding(run, "network")
    assert line.startswith("warning") and "osf.io cannot be reached" in line
    assert "go on with the simulated session" in line and "connect to the internet" in line


def test_what_the_doctor_advises_can_be_done(tmp_path, monkeypatch):
    """The code in its advice is run as it stands, with FILE a part that a browser fetched."""
    monkeypatch.setenv("NMA_SEQ2SEQ_CACHE", str(tmp_path / "cache"))
    (code,) = re.findall(r"nma\.\S+\)", finding(doctor(tmp_path, NO_NETWORK), "network"))
    part = write_part(tmp_path / "part.npz", 0, n_neurons=3, n_trials=2)
    table = eval(code, {"nma": nma, "FILE": part})
    assert table["cached"].sum() == 13 and nma.load_session(0).n_neurons == 3


def test_torch_that_cannot_be_loaded(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        "raise OSError('libtorch_cpu.so: cannot open shared object file')"
    )
    run = doctor(tmp_path)
    assert run.returncode == 1
    line = finding(run, "torch")
    assert "libtorch_cpu.so" in line and 'pip install --force-reinstall "torch' in line
    assert "mend that first" in finding(run, "course")


def test_a_command_that_needs_what_is_broken_sends_to_the_doctor(tmp_path):
    code = "import sys\nsys.modules['torch'] = None"
    run = doctor(tmp_path, code, "predict --simulated --models mean")
    assert run.returncode == 2 and run.stderr.count("\n") == 1
    assert "torch" in run.stderr and "nma-seq2seq doctor says what to mend" in run.stderr


def test_a_package_that_is_not_installed(tmp_path):
    run = doctor(tmp_path, "import sys\nsys.modules['seaborn'] = None")
    assert run.returncode == 1
    assert 'pip install --upgrade "seaborn' in finding(run, "seaborn")
    assert "numpy" in finding(run, "packages")


def test_a_package_that_is_too_old(tmp_path):
    run = doctor(tmp_path, as_if("numpy", "1.19.5"))
    assert run.returncode == 1
    line = finding(run, "numpy")
    assert "1.19.5 is not among numpy>=" in line and "pip install --upgrade" in line


def test_a_cache_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    run = doctor(tmp_path, NMA_SEQ2SEQ_CACHE=str(tmp_path / "file" / "cache"))
    assert run.returncode == 1
    line = finding(run, "cache folder")
    assert line.startswith("problem") and "set the environment variable NMA_SEQ2SEQ_CACHE" in line
    assert finding(run, "tiny fit").startswith("ok")


def test_widgets_of_two_ages_and_a_full_disk(tmp_path):
    code = as_if("jupyterlab_widgets", "1.1.1") + (
        "import shutil\nfrom collections import namedtuple\n"
        "usage = namedtuple('usage', 'total used free')\n"
        "shutil.disk_usage = lambda path: usage(10**12, 10**12, 10**8)"
    )
    run = doctor(tmp_path, code)
    assert run.returncode == 1
    line = finding(run, "widgets")
    assert "needs jupyterlab_widgets 3, not 1.1.1" in line and "restart JupyterLab" in line
    line = finding(run, "cache folder")
    assert line.startswith("warning") and "0.1 GB are free, too little" in line


def test_the_doctor_in_a_notebook(capsys):
    assert nma.doctor() is None
    assert "tiny fit" in capsys.readouterr().out


def test_what_does_not_work_is_a_problem(monkeypatch, capsys):
    """A torch that computes nonsense, a network that learns nothing, half of the widgets."""
    fit = SimpleNamespace(history=pd.DataFrame({"validation_bits": [-0.1]}))
    monkeypatch.setattr(torch, "ones", torch.zeros)
    monkeypatch.setattr(training, "fit_seq2seq", lambda *data, **options: fit)
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *names: ["nowhere"])
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    problems = [line for line in shown.splitlines() if line.startswith("problem")]
    assert [line[9:].partition(":")[0] for line in problems] == ["widgets", "torch", "tiny fit"]
    assert "is in none of nowhere" in problems[0] and "8 x 8 ones as 0.0" in problems[1]
    assert "3 to mend" in shown and "The course works" not in shown


def test_files_that_are_not_installed(tmp_path):
    code = (
        "import importlib.metadata as m\nreal = m.version\n"
        "def version(name):\n"
        "    if name == 'nma-seq2seq':\n        raise m.PackageNotFoundError(name)\n"
        "    return real(name)\nm.version = version\n"
    )
    run = doctor(tmp_path, code)
    assert run.returncode == 1
    line = finding(run, "nma-seq2seq")
    assert "only its files are" in line and "pip install -e ." in line


def test_the_version_stands_in_one_place(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out.split() == ["nma-seq2seq", project["version"]]
    assert nma.__version__ == project["version"]


def test_start_never_touches_what_is_there(tmp_path, capsys):
    folder = tmp_path / "course"
    assert main(["start", str(folder), "--no-lab"]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in (ROOT / "tutorials").iterdir() if path.is_file())
    mine = folder / "01_data_exploration.ipynb"
    mine.write_text("my work")
    (folder / "02_rasters.ipynb").unlink()
    assert main(["start", str(folder), "--no-lab"]) == 0
    assert mine.read_text() == "my work"
    assert (folder / "02_rasters.ipynb").exists()
    assert capsys.readouterr().out.splitlines()[1].endswith("course: 02_rasters.ipynb")


def test_start_opens_the_first_and_waits(tmp_path, monkeypatch):
    """Ctrl-C is for JupyterLab, which asks; how that ends is how `start` ends."""
    opened: list[list[str]] = []
    answers = iter([KeyboardInterrupt(), 3])

    def wait() -> int:
        answer = next(answers)
        if isinstance(answer, KeyboardInterrupt):
            raise answer
        return answer

    def popen(command: list[str]) -> SimpleNamespace:
        opened.append(command)
        return SimpleNamespace(wait=wait)

    monkeypatch.setattr(subprocess, "Popen", popen)
    assert main(["start", str(tmp_path)]) == 3
    assert opened[0][-1] == str(tmp_path / "01_data_exploration.ipynb")


def test_start_where_there_is_a_file(tmp_path, capsys):
    (tmp_path / "course").write_text("")
    assert main(["start", str(tmp_path / "course")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
