"""Check the built pages: links lead somewhere, nothing is fetched, no page names this machine.

What is wrong is a warning, so that a build with ``-W`` fails. Pages elsewhere are not asked for.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

REPOSITORY = Path(__file__).resolve().parents[2]
# A browser asks for these by itself; for the target of an <a> only where a reader follows it.
LOADED = {"script", "img", "link", "iframe", "source", "video", "audio", "object", "embed"}
# <link rel="..."> that only say what a page is.
SAID = {"canonical", "next", "prev", "index", "search", "license", "author", "up"}


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it that others can link to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        said = {name: value or "" for name, value in attrs}
        self.anchors.update(said[name] for name in ("id", "name") if said.get(name))
        for name in ("href", "src", "data"):
            target = said.get(name)
            if target:
                only_said = tag == "link" and set(said.get("rel", "").split()) <= SAID
                loaded = tag in LOADED and not only_said
                (self.loads if loaded else self.links).append(target)


def problems(folder: Path, forbidden: list[str]) -> list[str]:
    """Return what is wrong with the pages of a folder, a line each."""
    pages = {path.resolve(): read(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        found += [f"{name} fetches {target}" for target in page.loads if is_fetched(target)]
        for target in [*page.links, *page.loads]:
            if not is_elsewhere(target):
                why = dead(path, target, pages)
                found += [f"{name} links to {target}: {why}"] if why else []
    for style in sorted(folder.rglob("*.css")):
        text = style.read_text(encoding="utf-8")
        if "url(http" in text or "url(//" in text or "@import" in text:
            found.append(f"{style.relative_to(folder)} fetches what it needs")
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".html", ".js", ".txt"}):
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(folder)} names {p}" for p in forbidden if p in text]
    return found


def read(path: Path) -> Page:
    """Read a page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def is_elsewhere(target: str) -> bool:
    """Tell whether a target is not among these pages."""
    parts = urlsplit(target)
    return bool(parts.netloc) or parts.scheme not in ("", "file")


def is_fetched(target: str) -> bool:
    """Tell whether a browser asks another place for a target."""
    return is_elsewhere(target) and urlsplit(target).scheme != "data"


def dead(path: Path, target: str, pages: dict[Path, Page]) -> str | None:
    """Return why a target leads nowhere, None where it leads somewhere."""
    parts = urlsplit(target)
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if there.is_dir():
        there /= "index.html"
    if not there.exists():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and there in pages and anchor not in pages[there].anchors:
        return "there is no such place in it"
    return None


def check(app: Sphinx, exception: Exception | None) -> None:
    """Warn of what is wrong with the pages that were built."""
    from sphinx.util import logging

    if exception is None and app.builder.format == "html":
        for problem in problems(Path(app.outdir), [str(REPOSITORY), str(Path.home()) + "/"]):
            logging.getLogger(__name__).warning(problem)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Check when all pages are written."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
