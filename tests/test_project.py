"""The repository itself: layers, one slug, and the two commands of the README."""

import ast
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAYERS = [
    {"regions", "files", "school_format", "smoothing", "arguments"},
    {"session"},
    {"steinmetz", "simulate"},
    {"dataset"},
    {"metrics", "model", "baselines"},
    {"training"},
    {"latents", "region_maps"},
    {"plots", "widgets"},
    {"exercises"},
    {"bench", "course"},
]


def imported(path: Path) -> set[str]:
    """Modules of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "nma_seq2seq":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nma_seq2seq."):
            found.add(node.module.split(".")[1])
    return found


def test_imports_go_one_way():
    rank = {module: layer for layer, modules in enumerate(LAYERS) for module in modules}
    package = ROOT / "nma_seq2seq"
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).parts[0].removesuffix(".py")
        if module == "__init__":
            continue
        assert module in rank, f"{module} has no place in the layers"
        for other in imported(path) - {module}:
            assert rank.get(other, 99) <= rank[module], f"{module} imports {other}"


def test_the_public_names_are_there():
    import nma_seq2seq

    assert sorted(nma_seq2seq.__all__) == nma_seq2seq.__all__
    assert all(hasattr(nma_seq2seq, name) for name in nma_seq2seq.__all__)


def test_the_slug_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    slug = project["urls"]["Repository"].removeprefix("https://github.com/")
    listed = subprocess.run(
        ["git", "grep", "-l", slug, "--", "*.py", "*.toml", "*.cff", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert listed.stdout.split() == ["pyproject.toml"]


def test_the_readme_names_the_commands_that_there_are():
    readme = (ROOT / "README.md").read_text()
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"\bmake ([\w-]+)", readme)
    assert {"lab", "test", "test-class", "test-colab", "test-binder"} <= set(named) <= set(targets)
    continuous = (ROOT / ".ci" / "run").read_text()
    assert all(f"make {target}" in continuous for target in targets if target.startswith("test"))


def test_the_readme_shows_only_commands_that_there_are():
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"nma-seq2seq ([a-z]+)", readme)
    listed = subprocess.run(
        [sys.executable, "-c", "from nma_seq2seq.course.cli import main; main(['--help'])"],
        capture_output=True,
        text=True,
    ).stdout
    assert set(shown) <= set(re.findall(r"^    ([a-z]+) ", listed, re.MULTILINE))


def test_make_lab_serves_the_course(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--no-browser --port={port} --ServerApp.token= --allow-root"
    venv = Path(sys.prefix)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            ["make", "lab", f"VENV={venv}", f"LAB_ARGS={options}"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert "JupyterLab" in fetch(f"http://127.0.0.1:{port}/lab/tree/README.md", server)
        assert '"README.md"' in fetch(f"http://127.0.0.1:{port}/api/contents", server)
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
