"""One page a notebook, to print: what it teaches, its exercises, its main figures.

Taken from the built notebook and the exercises, so that it says what they say.
"""

from __future__ import annotations

import re

from nbformat import NotebookNode

from nma_seq2seq.exercises import exercises_of

_LEFT_OUT = re.compile(
    r"Exercise|Summary|Take it further|Further reading|Quick|What you take along"
)


def handout(solution: NotebookNode, number: int, figures: dict[str, str]) -> str:
    """The page's markdown.

    Parameters
    ----------
    solution : the built notebook
    number : of the notebook
    figures : name of a picture in docs/generated -> its description
    """
    text = "\n\n".join(cell.source for cell in solution.cells if cell.cell_type == "markdown")
    lines = [
        re.search(r"^# .*", text)[0],
        "",
        "::::{div} handout",
        "",
        "**By the end you can**",
        "",
        *re.search(r"\*\*By the end.*?can\*\*:?\n+((?:- .*\n)+)", text)[1].splitlines(),
        "",
        "**In short**",
        "",
        *(f"- *{heading}* {sentence}".rstrip() for heading, sentence in sections(text)),
        "",
        "**Exercises, each with its first hint**",
        "",
        *(f"- **{t.number} {t.title}.** {t.hints[0]}" for t in exercises_of(number)),
        "",
    ]
    if figures:
        pictures = [f"![{alt}](../generated/{name}.png)" for name, alt in figures.items()]
        lines += [":::{div} figures", *pictures, ":::"]
    lines.append("::::")
    return "\n".join(lines) + "\n"


def sections(text: str) -> list[tuple[str, str]]:
    """(heading, first sentence below it) of the sections that teach.

    There is no sentence ("") where the first is of a figure, or goes on in a formula.
    """
    found = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, below = part.partition("\n")
        if _LEFT_OUT.match(heading):
            continue
        paragraph = below.strip().split("\n\n")[0].replace("\n", " ")
        sentence = re.match(r"(?!You should see)[\w*`$].*?[.?!:](?=\s+[A-Z*`]|$)", paragraph)
        end = "" if heading.endswith("?") else "."
        found.append((heading + end, re.sub(":$", ".", sentence[0]) if sentence else ""))
    return found
