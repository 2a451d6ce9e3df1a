"""Make a page of every file in ``examples/``: its text cells as text, its code cells as code.

The files are in jupytext's percent format. They are read, not run: their tests do that.
"""

from pathlib import Path

import jupytext
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

EXAMPLES = Path(__file__).parents[2] / "examples"

START = """# Examples

Each is a file in the folder `examples/`, which runs as a script and opens as a notebook through
jupytext. The environment variable `MULTICONV_BACKEND` chooses the framework of those that leave it
open:

```console
$ MULTICONV_BACKEND=jax python examples/{first}
```
"""
NONE_YET = "# Examples\n\nThis copy of the project comes without them.\n"


def page(path: Path) -> str:
    """Return an example as Markdown."""
    cells = [
        cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```"
        for cell in jupytext.read(path).cells
        if cell.source.strip()
    ]
    return "\n\n".join([*cells, f"*This page is the file `examples/{path.name}`.*\n"])


def index(names: list[str]) -> str:
    """Return the page that lists the examples."""
    if not names:
        return NONE_YET
    pages = "\n".join(Path(name).stem for name in names)
    return f"{START.format(first=names[0])}\n```{{toctree}}\n:maxdepth: 1\n\n{pages}\n```\n"


def write_pages(source: Path, target: Path) -> None:
    """Write the pages of a folder of examples, and remove those of files that are gone."""
    target.mkdir(exist_ok=True)
    paths = sorted(source.glob("[0-9]*.py"))
    pages = {f"{path.stem}.md": page(path) for path in paths}
    pages["index.md"] = index([path.name for path in paths])
    for old in target.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        write_if_changed(target / name, text)


def write_if_changed(path: Path, text: str) -> None:
    """Leave a file alone that is as it should be: a server that watches it would never rest."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", lambda app: write_pages(EXAMPLES, Path(app.srcdir) / "examples"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
