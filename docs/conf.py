"""How the pages are built: offline, from the docstrings, the examples and the commands' own help.

Nothing is fetched: no inventories of other projects, no scripts, styles or fonts from elsewhere.
"""

import sys
from pathlib import Path

import multiconv

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

project = "multiconv"
author = "The multiconv authors"
version = release = multiconv.__version__

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_parser",
    "commands",
    "docstrings",
    "examples",
    "links",
    "mathml",
]
exclude_patterns = ["_build", "README.md"]
templates_path = ["templates"]

nitpicky = True
# A single backtick in a docstring names something that has a page here, or an argument.
default_role = "py:obj"

# --- docstrings ---

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # shapes and dtypes stand in the text
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# --- text ---

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# --- look ---

html_theme = "furo"
html_title = "multiconv"
html_static_path = ["static"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
