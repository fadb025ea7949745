"""The repository itself: layers, one slug, and the two commands of the README."""

import ast
import importlib
import inspect
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.request
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import jedi
import pytest
import yaml
from packaging.version import Version

import nma_seq2seq as nma
from tools import floors

ROOT = Path(__file__).parent.parent
PLACES = ("nma_seq2seq", "tools", "benchmarks")
# What stands higher imports what stands lower; what stands on one floor knows nothing of the other.
FLOORS = [
    {"arguments", "regions", "files", "smoothing"},
    {"measured", "nwb_writing", "saved", "school_format", "spike_times"},
    {"session"},
    {"recordings"},
    {"simulate"},
    {"steinmetz"},
    {"dataset"},
    {"seen"},
    {"metrics", "model"},
    {"baselines", "early_stopping"},
    {"alone", "calibration", "members"},
    {"training"},
    {"export", "latents", "region_maps"},
    {"plots"},
    {"widgets", "questions"},
    {"exercises"},
    {"course"},
    {"tools"},
    {"benchmarks"},
]


def stubs() -> list[Path]:
    return sorted((ROOT / "nma_seq2seq").rglob("__init__.pyi"))


def public_names() -> dict[str, str | None]:
    """Name -> the module that has it, or None for a module, as the stub has them."""
    stub = ast.parse((ROOT / "nma_seq2seq" / "__init__.pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module for node in imports for alias in node.names}


def sources() -> dict[str, Path]:
    """Module -> its file: the package, the tools and the benchmarks."""
    paths = [path for name in PLACES for path in sorted((ROOT / name).rglob("*.py"))]
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in paths]
    return dict(zip((".".join(p).removesuffix(".__init__") for p in parts), paths, strict=True))


def imported(path: Path) -> set[str]:
    """What a file imports of the course, such as "nma_seq2seq.plots.raster".

    However it is written: absolute or relative, for type checkers alone or within a function, and
    through the package's public names, in place of which stand their modules.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    here = path.relative_to(ROOT).parts[:-1]
    found: set[str] = set()
    faces: set[str] = set()  # what the package is called here
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            faces |= {a.asname or a.name for a in node.names if a.name == "nma_seq2seq"}
        elif isinstance(node, ast.ImportFrom):
            base = list(here[: len(here) - node.level + 1]) if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    found |= {
        f"nma_seq2seq.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in faces
    }
    homes = {f"nma_seq2seq.{name}": module for name, module in public_names().items() if module}
    found = {f"nma_seq2seq.{homes[name]}" if name in homes else name for name in found}
    return {name for name in found if name.split(".")[0] in PLACES}


def floor_of(module: str) -> str:
    first, *rest = module.split(".")
    return rest[0] if first == "nma_seq2seq" and rest else first


def test_imports_go_one_way():
    rank = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
    files = sources()
    assert {floor_of(module) for module in files} - {"nma_seq2seq"} == rank.keys()
    wrong = [
        f"{module} imports {other}"
        for module, path in files.items()
        for other in imported(path)
        if floor_of(other) not in (floor_of(module), "nma_seq2seq", "__version__")
        and rank.get(floor_of(other), 99) >= rank.get(floor_of(module), 99)
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle():
    files = sources()

    def home(name: str) -> str:
        return name if name in files else home(name.rpartition(".")[0])

    graph = {module: set(map(home, imported(path))) - {module} for module, path in files.items()}
    TopologicalSorter(graph).prepare()  # else a CycleError, which names them


@pytest.mark.parametrize(
    "line",
    [
        "from nma_seq2seq.plots import raster",
        "from nma_seq2seq import plots",
        "from .plots import raster",
        "from . import plots",
        "import nma_seq2seq.plots as p",
        "import nma_seq2seq as nma\nnma.plots.raster",
        "import nma_seq2seq as course\ndef f():\n    return course.plots",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nma_seq2seq.plots import x",
        "def f():\n    from nma_seq2seq.plots.rasters import raster",
    ],
)
def test_every_way_to_import_is_seen(line, tmp_path, monkeypatch):
    names = public_names()
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    monkeypatch.setattr(f"{__name__}.public_names", lambda: names)
    (tmp_path / "nma_seq2seq").mkdir()
    path = tmp_path / "nma_seq2seq" / "made_up.py"
    path.write_text(line)
    assert {floor_of(name) for name in imported(path)} - {"nma_seq2seq"} == {"plots"}
    path.write_text("import nma_seq2seq as nma\nnma.load_session(3)")
    assert "nma_seq2seq.steinmetz" in imported(path)


def test_a_newcomer_is_told_of_every_module_and_of_none_that_is_gone():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split("## Where things are")[1].split("Beside it")[0]
    told = set(re.findall(r"`(\w+)(?:\.py|/)`", section))
    modules = set().union(*FLOORS) - {"tools", "benchmarks"}
    assert modules <= told
    assert told - modules <= {"nma_seq2seq", "benchmarks", "cli"}


def test_the_public_names_are_those_of_the_stub():
    assert sorted(public_names()) == sorted(nma.__all__) == sorted(dir(nma))


@pytest.mark.parametrize("stub", stubs(), ids=lambda path: path.parent.name)
def test_no_public_name_is_that_of_the_module_beside_it(stub):
    """Importing the module would put it in the name's place, with lazy_loader before 0.6."""
    imports = [n for n in ast.parse(stub.read_text()).body if isinstance(n, ast.ImportFrom)]
    modules = {node.module.split(".")[0] for node in imports if node.module}
    assert not modules & {alias.name for node in imports if node.module for alias in node.names}


@pytest.mark.parametrize("name", public_names())
def test_a_public_name_is_the_very_object_of_its_module(name):
    module = public_names()[name]
    if module is None:
        assert getattr(nma, name) is importlib.import_module(f"nma_seq2seq.{name}")
    else:
        assert getattr(nma, name) is getattr(importlib.import_module(f"nma_seq2seq.{module}"), name)


def test_a_name_that_is_not_public():
    with pytest.raises(AttributeError, match="lod_session"):
        nma.lod_session  # noqa: B018


def test_a_public_name_is_seen_by_a_type_checker(tmp_path):
    script = tmp_path / "script.py"
    lines = ["nma.lod_session(3)", "nma.load_session([3])", "nma.plots.rastre(1)"]
    lines.append('nma.score({"mine": 3}, nma.make_dataset(nma.load_session(3)))')
    lines += ["nma.load_session(0, binsize=0.01)", 'nma.load_file("mine.nwb", regoin="MOs")']
    lines += ["nma.RegionPicker(nma.load_session(3)).choose(rate=1)"]
    script.write_text("\n".join(["import nma_seq2seq as nma", *lines, "nma.load_session(3)"]))
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    found = [
        line for line in run.stdout.splitlines() if f"{script.name}:" in line and ": error:" in line
    ]
    assert len(found) == len(lines), run.stdout + run.stderr
    assert 'Module has no attribute "lod_session"' in found[0]
    assert 'Argument 1 to "load_session" has incompatible type' in found[1]
    assert 'Module has no attribute "rastre"' in found[2]
    assert '"int"; expected "str": "Model' in found[3]
    for misspelt, line in zip(("binsize", "regoin", "rate"), found[4:], strict=True):
        assert f'Unexpected keyword argument "{misspelt}"' in line


def test_no_public_function_hides_its_options():
    public = [getattr(home, name) for home in (nma, nma.plots) for name in home.__all__]
    functions = [thing for thing in public if inspect.isfunction(thing)]
    for kind in filter(inspect.isclass, public):
        own = {name: thing for name, thing in vars(kind).items() if not name.startswith("_")}
        functions += filter(inspect.isfunction, own.values())
    hiding = [
        function.__qualname__
        for function in functions
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.VAR_KEYWORD
    ]
    assert len(functions) > 100 and not hiding


def test_a_public_name_is_offered_by_an_editor():
    source = "import nma_seq2seq as nma\nnma.lo"
    script = jedi.Script(source, project=jedi.Project(ROOT))
    offered = {completion.name: completion for completion in script.complete(2, len("nma.lo"))}
    loaders = {"load_alf", "load_file", "load_fit", "load_nwb", "load_session", "load_sessions"}
    assert offered.keys() == loaders
    assert "fallback" in offered["load_session"].get_signatures()[0].to_string()
    assert "Steinmetz" in offered["load_session"].docstring()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_the_wheel_holds_the_package_and_the_tutorials_alone(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nma_seq2seq").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    tutorials = {f"nma_seq2seq/tutorials/{path.name}" for path in (ROOT / "tutorials").iterdir()}
    about = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert {"nma_seq2seq/py.typed", "nma_seq2seq/__init__.pyi"} <= package
    assert names - about == package | tutorials


def test_the_source_distribution_leaves_out_what_authors_need(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
    assert {"nma_seq2seq", "tutorials", "LICENSE", "CITATION.cff", "pyproject.toml"} <= tops
    assert not {"benchmarks", "tools", "tests", "solutions"} & tops


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_conda_environment_asks_for_what_the_package_does():
    """Each requirement once, with the same floor, from conda or else from pip."""
    names = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    conda = [entry for entry in listed if isinstance(entry, str)]
    wanted = [*project()["dependencies"], *project()["optional-dependencies"]["lab"]]
    lowest = dict(line.split(">=") for line in wanted)  # that of lab, where both have one
    expected = {f"{names.get(name, name)}>={floor}" for name, floor in lowest.items()}
    expected |= {"python" + project()["requires-python"], "pip", "."}
    assert sorted([*conda, *pip]) == sorted(expected)


def test_the_floors_that_are_tested_are_those_that_are_asked_for():
    """The highest of each package, for all that the course and its extras need; but torch's."""
    extras = project()["optional-dependencies"]
    needed = [line for name, lines in extras.items() if name != "test" for line in lines]
    asked: dict[str, list[Version]] = {}
    for name, floor in (line.split(">=") for line in [*project()["dependencies"], *needed]):
        asked.setdefault(name, []).append(Version(floor))
    tested = dict(line.split("==") for line in floors.floors())
    assert f"torch=={tested.pop('torch')}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert tested == {name: str(max(asked[name])) for name in asked if name != "torch"}


def test_the_image_has_what_it_copies_and_the_versions_that_are_tested():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY")]
    assert all((ROOT / name).exists() for names in copied for name in names)
    python = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"FROM python:{python}-slim" in lines
    (torch,) = re.findall(r"^torch==.*", (ROOT / "binder" / "requirements.txt").read_text(), re.M)
    assert torch in (ROOT / "constraints.txt").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert "binder/requirements.txt" in installs[0]  # the CPU build of torch, before anything else
    assert "--constraint constraints.txt" in installs[1] and "grade,lab" in installs[1]
    assert "docker build --tag course ." in (ROOT / "docs" / "grading.md").read_text()


def test_what_is_said_of_the_project_elsewhere_is_what_it_says_itself():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    zenodo = json.loads((ROOT / ".zenodo.json").read_text())
    authors = [author["name"] for author in project()["authors"]]
    assert citation["title"] == project()["name"] == zenodo["title"].split(":")[0]
    assert citation["version"] == project()["version"]
    assert citation["license"] == zenodo["license"] == "MIT"
    assert [author["name"] for author in citation["authors"]] == authors
    assert [creator["name"] for creator in zenodo["creators"]] == authors
    assert zenodo["keywords"] == project()["keywords"]
    related = {one["identifier"] for one in zenodo["related_identifiers"]}
    assert related == {reference["doi"] for reference in citation["references"]}
    text = (ROOT / "LICENSE").read_text()
    assert "MIT License" in text and "creativecommons.org/licenses/by/4.0" in text
    assert project()["license"] == "MIT AND CC-BY-4.0"


def test_the_slug_stands_in_one_place():
    slug = project()["urls"]["Repository"].removeprefix("https://github.com/")
    listed = subprocess.run(
        ["git", "grep", "-l", slug, "--", "*.py", "*.toml", "*.cff", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert listed.stdout.split() == ["pyproject.toml"]


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", "")
    listed = re.findall(r"^(?:\.PHONY:|BENCHMARKS =) (.*)", makefile, re.MULTILINE)
    return set(" ".join(listed).replace("$(BENCHMARKS)", "").split())


def test_every_make_target_that_is_named_is_there():
    named = {}
    for path in ("README.md", "CONTRIBUTING.md", ".ci/run", ".pre-commit-config.yaml"):
        named[path] = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / path).read_text()))
    workflows = "".join(p.read_text() for p in (ROOT / ".github" / "workflows").glob("*.yml"))
    matrix = re.search(r"target: \[(.*)\]", workflows)[1].split(", ")
    named["workflows"] = set(re.findall(r"\bmake ([a-z-]+)", workflows)) | set(matrix)
    assert set().union(*named.values()) <= make_targets()
    assert {"lab", "test"} <= named["README.md"]
    tests = {target for target in make_targets() if target.startswith("test")}
    assert tests <= named[".ci/run"] and tests <= named["workflows"]


@pytest.mark.parametrize(
    ("use", "unused"),
    [
        ("nma.fit_seq2seq", "matplotlib scipy seaborn sklearn joblib pooch requests ipywidgets"),
        ("nma.load_session", "matplotlib scipy seaborn sklearn joblib torch ipywidgets IPython"),
        ("nma.doctor", "numpy pandas torch matplotlib scipy sklearn pooch requests"),
        ("nma.__version__", "numpy pandas torch nma_seq2seq.session"),
    ],
)
def test_nothing_slow_is_imported_before_it_is_used(use, unused):
    code = f"import sys, nma_seq2seq as nma; {use}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not set(unused.split()) & set(done.stdout.split())


def test_the_readme_shows_only_commands_that_there_are():
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"nma-seq2seq ([a-z]+)", readme)
    listed = subprocess.run(
        [sys.executable, "-c", "from nma_seq2seq.course.cli import main; main(['--help'])"],
        capture_output=True,
        text=True,
    ).stdout
    assert set(shown) <= set(re.findall(r"^    ([a-z]+) ", listed, re.MULTILINE))


def test_make_lab_serves_the_course_and_opens_the_first_notebook(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--port={port} --ServerApp.token= --allow-root"
    browser, shown = tmp_path / "browser", tmp_path / "shown"
    browser.write_text(
        f'#!/bin/sh\ncat "${{1#file://}}" > "{shown}.part"; mv "{shown}.part" "{shown}"\n'
    )
    browser.chmod(0o755)
    venv = Path(sys.prefix)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            ["make", "lab", f"VENV={venv}", f"LAB_ARGS={options}"],
            cwd=ROOT,
            env=os.environ | {"BROWSER": f"{browser} %s"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert '"README.md"' in fetch(f"http://127.0.0.1:{port}/api/contents", server)
        for _ in range(60):
            if shown.exists():
                break
            time.sleep(0.5)
        (opened,) = set(re.findall(r"/lab/tree/([^\s?\"]+)", shown.read_text()))
        assert (ROOT / opened).name == "01_data_exploration.ipynb"
        assert "JupyterLab" in fetch(f"http://127.0.0.1:{port}/lab/tree/{opened}", server)
    except AssertionError as error:
        raise AssertionError((tmp_path / "log").read_text()) from error
    finally:
        subprocess.run(["pkill", "-TERM", "-s", str(server.pid)])
        server.wait(30)


def fetch(address: str, server: subprocess.Popen) -> str:
    for _ in range(120):
        try:
            with urllib.request.urlopen(address, timeout=10) as reply:
                return reply.read().decode()
        except OSError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.5)
    raise AssertionError(f"no answer from {address}")
