"""Read docstrings as they are written for ``help()``: bare stars, arguments in backticks."""

import inspect
import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

# The star of a shape (N, C, *spatial), which is no emphasis; not where it is code already.
#: Libraries whose names are mentioned, and documented elsewhere.
ORIGINALS = ("cv2", "jax", "keras", "numpy", "scipy", "torch")
STAR = re.compile(r"(``.*?``)|(?<![\w*])\*(?=\w+[,)])")


# Layers whose arguments are described at another one of the same page.
SHORT = {f"multiconv.{kind}{axes}D" for kind in ("Conv", "ConvTranspose") for axes in (1, 3)}


def prepare(
    app: Sphinx, what: str, name: str, described: Any, options: Any, lines: list[str]
) -> None:
    """Escape the stars of shapes, remember the names of arguments, and say nothing twice."""
    if name in SHORT and "Parameters" in lines:
        del lines[lines.index("Parameters") :]
    lines[:] = [
        line if line.lstrip().startswith(">>>") else STAR.sub(lambda m: m[1] or r"\*", line)
        for line in lines
    ]
    if callable(described) and what != "exception":  # which has the signature of all of them
        arguments_of(app.env).update(inspect.signature(described).parameters)


def arguments_of(env: BuildEnvironment) -> set[str]:
    """Return the names that arguments have somewhere."""
    if not hasattr(env, "multiconv_arguments"):
        env.multiconv_arguments = set()  # type: ignore[attr-defined]
    known: set[str] = env.multiconv_arguments  # type: ignore[attr-defined]
    return known


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.Element
) -> nodes.Element | None:
    """Find a public name from anywhere, and show one that has no place here as it is."""
    target = node.get("reftarget", "")
    if target.partition(".")[0] in ORIGINALS:
        return shown
    python = env.domains.python_domain
    public = f"multiconv.{target}"
    found = python.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, shown)
    return found or (shown if target in arguments_of(env) else None)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Listen to autodoc and to references that lead nowhere."""
    app.connect("autodoc-process-docstring", prepare, priority=400)  # before numpydoc
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
