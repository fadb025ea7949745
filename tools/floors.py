"""The lowest versions that pyproject.toml allows, as constraints that pip installs exactly."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

_ROOT = Path(__file__).parent.parent


def floors() -> list[str]:
    """`name==floor` of whatever the course and its extras need; authors' tools are not bound.

    torch stays as it is tested elsewhere, for an old build of it alone is gigabytes. Where an extra
    asks for more than the course does, the extra's floor is taken (ipywidgets: `make test-colab`
    has the lower one).

    Raises
    ------
    ValueError
        For a requirement without a floor.
    """
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    needed = list(project["dependencies"])
    for extra, lines in project["optional-dependencies"].items():
        if extra != "test":
            needed += lines
    found: dict[str, Version] = {}
    for requirement in map(Requirement, needed):
        lowest = [clause.version for clause in requirement.specifier if clause.operator == ">="]
        if not lowest:
            raise ValueError(f"{requirement} has no floor; write {requirement.name}>=VERSION")
        floor = max(Version(lowest[0]), found.get(requirement.name, Version("0")))
        found[requirement.name] = floor
    tested = (_ROOT / "constraints.txt").read_text().splitlines()
    torch = next(line for line in tested if line.startswith("torch=="))
    return [torch, *(f"{name}=={floor}" for name, floor in found.items() if name != "torch")]


if __name__ == "__main__":
    print("\n".join(floors()))
