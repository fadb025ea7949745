"""What was handed in: notebooks in a folder or zip, matched to the course's by their exercises."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nbformat

from nma_seq2seq.exercises import exercises_of, notebooks

_CHECK = re.compile(r"""^[ \t]*@[ \t]*(?:\w+\.)*exercise\(\s*["'](\d+\.\d+)["']""", re.MULTILINE)
# A student's install would change the instructor's own environment.
_INSTALLER = r"\b(?:pip3?|uv|conda|mamba|apt|apt-get)\b"
_INSTALL = re.compile(
    rf"^([ \t]*)(?:\w+[ \t]*=[ \t]*)?[!%](?!%)(?:\\\n|.)*?{_INSTALLER}(?:\\\n|.)*$", re.MULTILINE
)
_INSTALL_CELL = re.compile(rf"\s*%%(?:bash|sh|script|cmd|!)(?:\n|.)*{_INSTALLER}")
_LEFT_OUT = "pass  # an install, left out while grading"
_LARGEST_MB = 100  # of one notebook file


@dataclass(frozen=True)
class Cell:
    """A code cell: its place in the notebook, its source, and the exercises it checks."""

    index: int
    source: str
    exercises: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """One notebook that was handed in.

    Attributes
    ----------
    file : str
        Path below the folder, or within the zip.
    content : bytes
    notebook : int or None
        The course's notebook whose exercises it holds.
    cells : tuple of Cell
    problem : str
        Why it cannot be run; empty where it can.
    notes : tuple of str
        What an instructor should know, such as an exercise that is there twice.
    """

    file: str
    content: bytes
    notebook: int | None = None
    cells: tuple[Cell, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def expected(self) -> tuple[str, ...]:
        """Numbers of the exercises of its notebook, and of others that it holds besides."""
        own = [exercise.number for exercise in exercises_of(self.notebook)] if self.notebook else []
        return tuple(dict.fromkeys([*own, *self.present]))

    @property
    def present(self) -> tuple[str, ...]:
        """Numbers of the exercises that it holds, in order, each as often as it is there."""
        return tuple(number for cell in self.cells for number in cell.exercises)


def find_submissions(where: Path) -> list[Submission]:
    """Every notebook below a folder or in a zip, in the order of their paths.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ValueError
        If it is neither, or holds no notebook.
    """
    if where.is_dir():
        files = _in_folder(where)
    elif not where.exists():
        raise FileNotFoundError(f"no folder {where}; name the folder or zip that was handed in")
    elif zipfile.is_zipfile(where):
        files = _in_zip(where)
    else:
        raise ValueError(f"{where} is neither a folder nor a zip; name one that holds notebooks")
    found = [
        read_submission(_printable(file), content)
        for file, content in sorted(files, key=lambda pair: pair[0])
    ]
    if not found:
        raise ValueError(f"no .ipynb in {where}; name the folder or zip that was handed in")
    return found


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes | OSError]]:
    for path in folder.rglob("*"):
        file = path.relative_to(folder).as_posix()
        if _wanted(file) and path.is_file():
            try:
                too_large = path.stat().st_size > _LARGEST_MB * 1e6
                yield file, b"" if too_large else path.read_bytes()
            except OSError as error:
                yield file, error


def _in_zip(path: Path) -> Iterator[tuple[str, bytes | Exception]]:
    seen: Counter[str] = Counter()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not _wanted(info.filename) or info.is_dir():
                continue
            seen[info.filename] += 1
            again = f" ({seen[info.filename]})" if seen[info.filename] > 1 else ""
            try:
                too_large = info.file_size > _LARGEST_MB * 1e6
                yield info.filename + again, b"" if too_large else archive.read(info)
            except Exception as error:  # a bad checksum, a password, an unknown compression
                yield info.filename + again, error


def _wanted(file: str) -> bool:
    path = PurePosixPath(file)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() == ".ipynb" and not hidden


def _printable(text: str) -> str:
    """Without what a broken name may hold and no table can."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def read_submission(file: str, content: bytes | Exception) -> Submission:
    """A notebook's code cells and exercises; nothing of its metadata or outputs is used."""
    if isinstance(content, Exception):
        return Submission(file, b"", problem=f"cannot be read ({content})")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, as Colab saves them
            notebook = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
        sources = [
            (index, _printable("".join(cell["source"])))
            for index, cell in enumerate(notebook["cells"])
            if cell["cell_type"] == "code"
        ]
    except Exception as error:  # nbformat raises almost anything on files that are no notebooks
        what = " ".join(str(error).split())[:120] if content else "it is empty or far too large"
        return Submission(file, content, problem=f"not a notebook ({what})")

    there = {e.number for notebook in notebooks() for e in exercises_of(notebook)}
    cells, notes = [], []
    for index, source in sources:
        without = (
            _LEFT_OUT if _INSTALL_CELL.match(source) else _INSTALL.sub(rf"\1{_LEFT_OUT}", source)
        )
        if without != source and "nma-seq2seq @ git" not in source:  # the course's own first cell
            notes.append(f"cell {index} installs something; that was left out")
        source = without
        numbers = tuple(number for number in _CHECK.findall(source) if number in there)
        cells.append(Cell(index, source, numbers))
    counts = Counter(number for cell in cells for number in cell.exercises)
    notes += [
        f"exercise {n} is there {k} times; the best counts" for n, k in counts.items() if k > 1
    ]
    by_notebook = Counter(int(number.split(".")[0]) for number in counts)
    if not by_notebook:
        return Submission(file, content, problem="no exercise of the course is in it")
    return Submission(
        file, content, by_notebook.most_common(1)[0][0], tuple(cells), notes=tuple(notes)
    )
