"""The lowest versions that pyproject.toml allows, as constraints that pip installs exactly."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

_ROOT = Path(__file__).parent.parent


def floors() -> list[str]:
    """`name==floor` of whatever the course and its extras need; authors' tools are not bound.

    torch stays as it is tested elsewhere, for an old build of it alone is gigabytes.

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
    found = {}
    for requirement in map(Requirement, needed):
        lowest = [clause.version for clause in requirement.specifier if clause.operator == ">="]
        if not lowest:
            raise ValueError(f"{requirement} has no floor; write {requirement.name}>=VERSION")
        found[requirement.name] = f"{requirement.name}=={lowest[0]}"
    tested = (_ROOT / "constraints.txt").read_text().splitlines()
    found["torch"] = next(line for line in tested if line.startswith("torch=="))
    return list(found.values())


if __name__ == "__main__":
    print("\n".join(floors()))
