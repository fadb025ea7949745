"""Nothing on the website leads nowhere: `python -m tools.links FOLDER`.

Links within the site must lead to a page, and to a heading that is there; every image must be there
and have a description. Links to other sites are not followed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class _Page(HTMLParser):
    """What a page links to, what can be linked to on it, and its images without a description."""

    links: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)
    undescribed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for name, value in attrs if name in ("id", "name") and value}
        self.links |= {value for name, value in attrs if name in ("href", "src") and value}
        if tag == "img" and not found.get("alt"):
            self.undescribed.add(found.get("src") or "?")


def faults(site: Path) -> list[str]:
    """A line for each link that leads nowhere and each image without a description."""
    pages = {}
    for path in sorted(set(site.rglob("*.html")) - set((site / "_static").rglob("*"))):
        pages[path] = _Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name}: the image {src} has no description" for src in sorted(page.undescribed)]
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{name}: {link} leads nowhere")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors | {""}:
                found.append(f"{name}: {link} leads to no heading")
    return found


if __name__ == "__main__":
    problems = faults(Path(sys.argv[1]).resolve())
    print("\n".join(problems) or "every link within the site leads somewhere")
    sys.exit(bool(problems))
