"""`nma-seq2seq start`: the tutorials in a folder of the student's, opened in JupyterLab."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nma_seq2seq.files import whole_file

_PACKAGE = Path(__file__).parents[1]


def tutorials() -> Path:
    """Where the tutorials lie: in the installed package, or beside it in a checkout."""
    return next(
        path for path in (_PACKAGE / "tutorials", _PACKAGE.parent / "tutorials") if path.is_dir()
    )


def copy_tutorials(folder: Path) -> tuple[list[str], list[str]]:
    """Put the tutorials into a folder; a file that is there already is the student's and stays.

    Returns
    -------
    (copied, kept)
        Names of files.

    Raises
    ------
    OSError
        If the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copied, kept = [], []
    for source in sorted([*tutorials().glob("*.ipynb"), *tutorials().glob("*.md")]):
        target = folder / source.name
        if target.exists():
            kept.append(source.name)
            continue
        with whole_file(target) as temporary:
            temporary.write_bytes(source.read_bytes())
        copied.append(source.name)
    return copied, kept


def start(folder: Path, *, lab: bool = True, show: Callable[[str], None] = print) -> int:
    """Copy the tutorials and open JupyterLab on them; its exit code.

    Raises
    ------
    OSError
        As `copy_tutorials`.
    """
    copied, kept = copy_tutorials(folder)
    if copied:
        show(f"copied to {folder}: {', '.join(copied)}")
    if kept:
        show(f"there already, and left as they are: {', '.join(kept)}")
    if not lab:
        return 0
    if importlib.util.find_spec("jupyterlab") is None:
        show(
            'JupyterLab is not installed. Run: pip install "nma-seq2seq[lab]", then this again; '
            "or open the notebooks in the editor you use"
        )
        return 0
    first = min(folder.glob("*.ipynb"), default=folder)
    server = subprocess.Popen([sys.executable, "-m", "jupyterlab", str(first)])
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            continue  # JupyterLab got it too, and asks whether to stop
