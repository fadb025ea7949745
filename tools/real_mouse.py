"""The course on a recorded session: the figures and numbers of the website's page about it.

    python -m tools.real_mouse FILE:INDEX

runs every solution on that session and writes docs/real_mouse/: a PNG for each figure of a cell
with the tag "real-mouse", and the tables beside them as HTML. Figures are shipped, the recording
is not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nbformat import NotebookNode
from tqdm.auto import tqdm

from nma_seq2seq.files import whole_file
from tools.build import read_source, run, sources
from tools.site import FIGURE_TAG, tagged_figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", metavar="FILE:INDEX", help="as in NMA_SEQ2SEQ_DATA")
    parser.add_argument("names", nargs="*", help="notebooks, such as 05; all by default")
    chosen = parser.parse_args()
    root = Path(__file__).parent.parent
    folder = root / "docs" / "real_mouse"
    folder.mkdir(exist_ok=True)
    for source in tqdm(sources(root, chosen.names), unit="notebook"):
        notebook = read_source(source).solution
        run(notebook, source.name, data=chosen.data)
        for name, content in files_of(notebook, source.stem[:2]).items():
            with whole_file(folder / name) as temporary:
                temporary.write_bytes(content)


def files_of(notebook: NotebookNode, number: str) -> dict[str, bytes]:
    """The figures and tables of a notebook's tagged cells, such as 05_1.png and 05_table_1.html."""
    figures = tagged_figures(notebook, number)
    tables = [
        output.data["text/html"].encode()
        for cell in notebook.cells
        if FIGURE_TAG in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    return {f"{name}.png": figure.png for name, figure in figures.items()} | {
        f"{number}_table_{k}.html": table for k, table in enumerate(tables, start=1)
    }


if __name__ == "__main__":
    main()
