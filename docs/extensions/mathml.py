"""Write formulas as MathML, which browsers show without a script: MathJax would be fetched."""

import html

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(formula(node, display="inline"))
    raise nodes.SkipNode


def displayed(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    self.body.append(f'<div class="math">{formula(node, display="block")}</div>\n')
    raise nodes.SkipNode


def formula(node: nodes.Element, *, display: str) -> str:
    """Return a formula as MathML, and warn where it has a command that is not known."""
    try:
        written: str = convert(node.astext(), display=display)
    except Exception as error:  # the converter has a dozen, without a common base
        logger.warning("a formula cannot be read: %r", error, location=node)
        return f"<code>{html.escape(node.astext())}</code>"
    if "\\" in written:  # it writes what it does not know as it is
        logger.warning("a formula has an unknown command: %s", written, location=node)
    return written


def setup(app: Sphinx) -> ExtensionMetadata:
    """Offer the renderer to ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
