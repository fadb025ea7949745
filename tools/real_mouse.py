"""The course on a recorded session: the figures and numbers of the website's page about it.

    python -m tools.real_mouse FILE:INDEX

runs every solution on that session and writes docs/real_mouse/: a PNG for each figure of a cell
with the tag "real-mouse", and the tables beside them as HTML. Figures are shipped, the recording
is not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

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
        number = source.stem[:2]
        files = {
            f"{name}.png": figure.png for name, figure in tagged_figures(notebook, number).items()
        }
        files |= {f"{name}.html": table for name, table in _tables(notebook, number).items()}
        for name, content in files.items():
            with whole_file(folder / name) as temporary:
                temporary.write_bytes(content)


def _tables(notebook, number: str) -> dict[str, bytes]:
    """The tables of the tagged cells, numbered in their order."""
    found = [
        output.data["text/html"].encode()
        for cell in notebook.cells
        if FIGURE_TAG in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    return {f"{number}_table_{k}": table for k, table in enumerate(found, start=1)}


if __name__ == "__main__":
    main()
