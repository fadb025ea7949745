"""Notebooks from their sources: solutions/NN_name.py -> the solution and the tutorial."""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.metadata
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm.auto import tqdm

from nma_seq2seq.exercises import find
from nma_seq2seq.files import whole_file
from tools.answers import FOLDER, answers_are_stale, write_answers

HIDDEN_TAG = "hide-input"  # of a cell whose code would give an answer away
_FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
CHECKED_TAG = "nbval-check-output"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}
_WIDGET = "application/vnd.jupyter.widget-view+json"
_CELL = re.compile(r"#\s*%%")
_MARKER = re.compile(r"\s*#+\s*(BEGIN|END)\s+SOLUTION\b", re.IGNORECASE)
_EXERCISE = re.compile(r"""\s*@(?:nma\.)?exercise\(\s*["']([^"']+)["']\s*\)""")
_CELL_TIMEOUT = 300  # seconds


class BuildError(ValueError):
    """A source or a notebook cannot be built; one sentence, with file and line or cell."""


@dataclass(frozen=True)
class Pair:
    """The two notebooks of one source, not executed."""

    solution: NotebookNode
    tutorial: NotebookNode


# ---------------------------------------------------------------------- source -> notebooks


def read_source(path: Path) -> Pair:
    """The solution and the tutorial that a source describes.

    Parameters
    ----------
    path : Path
        solutions/NN_name.py, py:percent.

    Raises
    ------
    BuildError
        For markers that are not closed, nested or outside an exercise, an exercise without them,
        one that is unknown or there twice, and code that does not parse.
    """
    text = path.read_text(encoding="utf-8")
    if not re.fullmatch(r"\d\d_\w+", path.stem):
        raise BuildError(f"{path.name}: name a source NN_name.py, such as 05_poisson_loss.py")
    lines = text.splitlines()
    blanked = "\n".join(_blanked(lines, path)) + "\n"
    solution = jupytext.reads(text, fmt="py:percent")
    tutorial = jupytext.reads(blanked, fmt="py:percent")
    first = solution.cells[0] if solution.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        raise BuildError(f"{path.name}, line 1: begin with a markdown cell that holds '# Title'")
    _number_cells(solution, tutorial, path.stem)
    for notebook in (solution, tutorial):
        notebook.metadata = nbformat.from_dict(_METADATA)
        notebook.nbformat, notebook.nbformat_minor = 4, 5
        for cell in notebook.cells:
            tags = cell.metadata.get("tags", [])
            # A tutorial has no outputs that numbers could be compared with.
            kept = [tag for tag in tags if notebook is solution or tag != CHECKED_TAG]
            cell.metadata = nbformat.from_dict({"tags": kept} if kept else {})
            if HIDDEN_TAG in kept:  # folded away in JupyterLab and in Colab; Sphinx goes by the tag
                cell.metadata |= nbformat.from_dict(_FOLDED)
            if notebook is solution and (number := _exercise_in(cell)):
                cell.metadata["nbgrader"] = _nbgrader(number)
        _insert_opening(notebook, path.stem)
    return Pair(solution, tutorial)


def _exercise_in(cell: NotebookNode) -> str | None:
    found = map(_EXERCISE.match, cell.source.splitlines() if cell.cell_type == "code" else [])
    return next((match[1] for match in found if match), None)


def _nbgrader(number: str) -> NotebookNode:
    """What says to nbgrader that a cell is answered by students; it leaves out the marked lines."""
    return nbformat.from_dict(
        {
            "grade": False,
            "grade_id": f"exercise-{number.replace('.', '-')}",
            "locked": False,
            "schema_version": 3,
            "solution": True,
            "task": False,
        }
    )


def _blanked(lines: list[str], path: Path) -> Iterator[str]:
    """The lines of the tutorial: each marked region is one line that raises."""
    seen: set[str] = set()
    starts = [i for i, line in enumerate(lines) if _CELL.match(line)] or [0]
    yield from lines[: starts[0]]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield from _blanked_cell(lines[start:stop], start, path, seen)


def _blanked_cell(lines: list[str], start: int, path: Path, seen: set[str]) -> list[str]:
    def stop(index: int, message: str) -> BuildError:
        return BuildError(f"{path.name}, line {start + index + 1}: {message}")

    numbers = [(i, match[1]) for i, line in enumerate(lines) if (match := _EXERCISE.match(line))]
    if len(numbers) > 1:
        raise stop(numbers[1][0], "a second exercise in one cell; give each a cell of its own")
    call = ""
    for index, number in numbers:
        if number in seen:
            raise stop(index, f"exercise {number} is there twice")
        seen.add(number)
        if number.split(".")[0] != str(int(path.stem[:2])):
            raise stop(index, f"exercise {number} does not begin with this notebook's number")
        try:
            title = find(number).title
        except ValueError as error:
            raise stop(index, str(error)) from None
        call = f"raise NotImplementedError({f'Exercise {number}: {title}'!r})".replace("'", '"')

    out: list[str] = []
    begun = None
    for index, line in enumerate(lines):
        marker = _MARKER.match(line)
        if marker is None:
            if begun is None:
                out.append(line)
            continue
        kind = line.strip()
        if kind not in ("### BEGIN SOLUTION", "### END SOLUTION"):
            raise stop(index, f"write the marker as '### {marker[1].upper()} SOLUTION'")
        if not numbers:
            raise stop(index, "a marker in a cell without an exercise")
        if kind == "### BEGIN SOLUTION":
            if begun is not None:
                raise stop(index, f"a marker within the region begun in line {start + begun + 1}")
            begun = index
            out.append(line[: len(line) - len(line.lstrip())] + call)
        else:
            if begun is None:
                raise stop(index, "the end of a region that was not begun")
            begun = None
    if begun is not None:
        raise stop(begun, "a region that is not closed in its cell")
    if numbers:
        if call not in (line.strip() for line in out):
            raise stop(numbers[0][0], f"exercise {numbers[0][1]} has no region to leave blank")
        _require_inside_functions(out, call, stop)
    return out


def _require_inside_functions(
    lines: list[str], call: str, stop: Callable[[int, str], BuildError]
) -> None:
    """A blank in the body of a cell or class would stop the notebook before the check."""
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError as error:
        message = f"the cell with its solution left out does not parse ({error.msg})"
        raise stop((error.lineno or 1) - 1, message) from None
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for index, line in enumerate(lines):
        if line.strip() == call and not any(
            f.lineno <= index + 1 <= (f.end_lineno or 0) for f in functions
        ):
            raise stop(0, "a region outside the body of a function; mark lines within functions")


def _number_cells(solution: NotebookNode, tutorial: NotebookNode, name: str) -> None:
    """Ids from each cell's own source, so that an edit elsewhere does not change them."""
    seen: Counter[str] = Counter()
    for cell, blank in zip(solution.cells, tutorial.cells, strict=True):
        text = f"{name}\n{cell.cell_type}\n{cell.source}"
        seen[text] += 1
        cell.id = blank.id = hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:12]


def slug() -> str:
    """owner/name of the course's repository, from the package's metadata."""
    urls = importlib.metadata.metadata("nma-seq2seq").get_all("Project-URL") or []
    named = dict(url.split(", ", 1) for url in urls)
    return named["Repository"].removeprefix("https://github.com/").removesuffix(".git")


def _insert_opening(notebook: NotebookNode, name: str) -> None:
    """Badges under the title, and the cell that installs the course where it is missing."""
    tutorial = f"tutorials/{name}.ipynb"
    title, _, rest = notebook.cells[0].source.partition("\n")
    colab = f"https://colab.research.google.com/github/{slug()}/blob/main/{tutorial}"
    binder = f"https://mybinder.org/v2/gh/{slug()}/main?urlpath=lab/tree/{tutorial}"
    glossary = f"https://github.com/{slug()}/blob/main/docs/glossary.md"
    notebook.cells[0].source = "\n".join(
        [
            title,
            "",
            f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})",
            f"[![Launch Binder](https://mybinder.org/badge_logo.svg)]({binder})",
            f"[Glossary]({glossary})",
            f"<!-- Built from solutions/{name}.py; edit that file, "
            f"then run: make build NAMES={name} -->",
            "",
            rest.strip("\n"),
        ]
    ).rstrip()
    install = nbformat.v4.new_code_cell(
        "# Installs the course where it is missing, as on Colab. Elsewhere this does nothing.\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("nma_seq2seq") is None:\n'
        f'    %pip install "nma-seq2seq @ git+https://github.com/{slug()}"',
        id="install",
    )
    notebook.cells.insert(1, install)


# ---------------------------------------------------------------------- building


def build(
    root: Path,
    names: Sequence[str] = (),
    *,
    execute: bool = True,
    force: bool = False,
    progress: bool = True,
) -> list[str]:
    """Write the notebooks of some sources, or of all.

    Parameters
    ----------
    root : Path
        The folder that holds solutions/ and tutorials/.
    names : sequence of str
        Such as "05_poisson_loss" or "5"; all if empty.
    execute : bool
        Run the solutions whose code is not that of the notebook already there, and whose outputs
        therefore cannot be kept.
    force : bool
        Run them all.
    progress : bool
        Show a progress bar.

    Returns
    -------
    list of str
        A line for each notebook.

    Raises
    ------
    BuildError
        For a faulty source, or a cell that fails; nothing is then written for that notebook.
    """
    paths = sources(root, names)
    for path in paths:
        write_answers(path)
    pairs = {path: read_source(path) for path in paths}
    (root / "tutorials").mkdir(exist_ok=True)
    report = []
    bar = tqdm(pairs.items(), desc="build", unit="notebook", disable=not progress)
    for path, pair in bar:
        bar.set_postfix_str(path.stem)
        target = path.with_suffix(".ipynb")
        kept = not force and _keep_outputs(pair.solution, target)
        if execute and not kept:
            run(pair.solution, path.name)
        _write(pair.solution, target)
        _write(pair.tutorial, root / "tutorials" / target.name)
        state = "outputs kept" if kept else "executed" if execute else "not executed"
        report += [f"{path.stem}: {state}", *faults_of_outputs(pair.solution, target.name)]
    return report


def sources(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """The sources below `root`, those that are named or all.

    Raises
    ------
    BuildError
        If there are none, or not this one.
    """
    there = sorted((root / "solutions").glob("[0-9][0-9]_*.py"))
    if not there:
        raise BuildError(f"no solutions/NN_name.py in {root}; run this in the course's folder")
    if not names:
        return there
    chosen = []
    for name in names:
        stem = Path(name).stem
        found = [p for p in there if stem == p.stem or stem.zfill(2) == p.stem[:2]]
        if not found:
            raise BuildError(f"no source {name!r}; there are {', '.join(p.stem for p in there)}")
        chosen += [path for path in found if path not in chosen]
    return chosen


def run(notebook: NotebookNode, name: str, data: str = "simulated") -> None:
    """Execute a notebook in place.

    Parameters
    ----------
    notebook : NotebookNode
    name : str
        For messages.
    data : str
        What NMA_SEQ2SEQ_DATA says to the kernel: "simulated", or a file and an index.

    Raises
    ------
    BuildError
        With the cell that failed and the end of its traceback.
    """
    # An MPLBACKEND from outside would keep figures out of the notebook.
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    environment["NMA_SEQ2SEQ_DATA"] = data
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=_CELL_TIMEOUT,
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env=environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise BuildError(_failure(notebook, name, error)) from None
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := _lasting(output))]


def _failure(notebook: NotebookNode, name: str, error: Exception) -> str:
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
                short = "\n".join(trace.splitlines()[-12:])
                source = "\n".join(cell.source.splitlines()[:3])
                return f"{name}, cell {index}:\n{source}\n...\n{short}"
    return f"{name}: {' '.join(str(error).split())[:500]}"


def _lasting(output: NotebookNode) -> NotebookNode | None:
    """An output as it is kept: no progress bars, no widgets that have lost their kernel."""
    data = output.get("data", {})
    if _WIDGET not in data:
        return output
    if re.search(r"\d%\||it/s", data.get("text/plain", "")):
        return None
    # A page that a widget brings along for where no kernel runs, such as the questions of a quiz.
    page = {"text/html": data["text/html"]} if "text/html" in data else {}
    plain = {"text/plain": "(a widget: run this cell to use it)"}
    output.data = nbformat.from_dict(plain | page)
    return output


def _keep_outputs(notebook: NotebookNode, path: Path) -> bool:
    """Take over the outputs of the notebook already built, if it ran the same code in full."""
    if not path.exists():
        return False
    old = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    new = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.source for cell in old] != [cell.source for cell in new]:
        return False
    for before, after in zip(old, new, strict=True):
        after.outputs, after.execution_count = before.outputs, before.execution_count
    return not any(_was_not_run(cell) or _fails(cell) for cell in old if cell.source.strip())


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, AttributeError, KeyError) as error:
        raise BuildError(f"{path}: not a notebook ({' '.join(str(error).split())[:200]})") from None


def _write(notebook: NotebookNode, path: Path) -> None:
    nbformat.validate(notebook)
    with whole_file(path) as temporary:
        temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


# ---------------------------------------------------------------------- checking


def check(root: Path, names: Sequence[str] = ()) -> list[str]:
    """What in the committed notebooks is not as their sources have it, a line each.

    Outputs are not compared; that the solutions have been executed, and without an error or a
    warning, is.

    Raises
    ------
    BuildError
        For a faulty source.
    """
    found = []
    for path in sources(root, names):
        pair = read_source(path)
        mend = f"run: make build NAMES={path.stem}"
        if answers_are_stale(path):
            found.append(f"{FOLDER}/n{path.stem}.py is not what the source makes; {mend}")
        for folder, fresh in (("solutions", pair.solution), ("tutorials", pair.tutorial)):
            built = root / folder / f"{path.stem}.ipynb"
            where = f"{folder}/{built.name}"
            if not built.exists():
                found.append(f"{where} is missing; {mend}")
                continue
            committed = _read(built)
            faults = list(_drift(committed, fresh))
            if folder == "solutions":
                faults += faults_of_outputs(committed, "")
            elif any(c.get("outputs") or c.get("execution_count") for c in committed.cells):
                faults.append("a tutorial has outputs")
            found += [f"{where}: {fault}; {mend}" for fault in faults]
    if not names:
        stems = {path.stem for path in sources(root)}
        for folder in ("solutions", "tutorials"):
            for built in sorted((root / folder).glob("*.ipynb")):
                if built.stem not in stems:
                    found.append(f"{folder}/{built.name} has no source; delete it")
    return found


def _drift(committed: NotebookNode, fresh: NotebookNode) -> Iterator[str]:
    if committed.metadata != fresh.metadata or committed.nbformat_minor != fresh.nbformat_minor:
        yield "the notebook's metadata differ"
    if len(committed.cells) != len(fresh.cells):
        yield f"{len(committed.cells)} cells, the source has {len(fresh.cells)}"
    for index, (old, new) in enumerate(zip(committed.cells, fresh.cells, strict=False)):
        parts = ("cell_type", "source", "metadata", "id")
        if differ := [part for part in parts if old.get(part) != new.get(part)]:
            yield f"cell {index} differs in {', '.join(differ)}"


def faults_of_outputs(notebook: NotebookNode, name: str) -> list[str]:
    """What is wrong with the outputs of an executed solution: missing, errors, warnings."""
    found = []
    prefix = f"{name}: " if name else ""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if _was_not_run(cell):
            found.append(f"{prefix}cell {index} has not been executed")
        if _fails(cell):
            found.append(f"{prefix}cell {index} fails")
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                line = output.text.strip().splitlines()[-1:] or [""]
                found.append(f"{prefix}cell {index} writes to stderr: {line[0][:100]}")
    return found


def _was_not_run(cell: NotebookNode) -> bool:
    return cell.execution_count is None


def _fails(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.outputs)


def main(argv: Sequence[str] | None = None) -> int:
    """Build or check; 1 when the check finds something, 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(prog="python -m tools.build", description=__doc__)
    parser.add_argument("names", nargs="*", help="such as 05_poisson_loss or 5 (default: all)")
    parser.add_argument(
        "--check", action="store_true", help="only say what differs from the sources; exit code 1"
    )
    parser.add_argument("--no-execute", action="store_true", help="do not run the solutions")
    parser.add_argument("--force", action="store_true", help="run also what has not changed")
    arguments = parser.parse_args(argv)
    try:
        if arguments.check:
            found = check(Path.cwd(), arguments.names)
            print("\n".join(found) or "the notebooks are as their sources have them")
            return int(bool(found))
        lines = build(
            Path.cwd(),
            arguments.names,
            execute=not arguments.no_execute,
            force=arguments.force,
            progress=sys.stderr.isatty(),
        )
    except (ValueError, OSError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
