"""Reading the examples: their cells, and what the cells say that they print.

An example is a Python file in Jupytext's percent format. Comment lines directly below code are what
that code prints, ``# 19 25``; any other comment has an empty line above it. A printed line that
begins with the name of an optional package is expected where that package is installed, and so
are the lines below it that begin with a space.
"""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
OPTIONAL = (
    *("torch", "jax", "flax", "equinox", "keras", "optax"),
    *("scipy", "cv2", "numba", "matplotlib", "PIL", "array_api_strict"),
)
_MARKER = re.compile(r"# %%( \[markdown\])?$")


@dataclass
class Cell:
    """A cell of text or code, and its lines without the marker."""

    is_code: bool
    lines: list[str]

    @property
    def text(self):
        """What a cell of text says, without the comment signs."""
        return "\n".join(line.removeprefix("#").removeprefix(" ") for line in self.lines).strip()

    @property
    def printed(self):
        """The lines that a cell of code says it prints, whatever is installed."""
        found, below = [], False
        for line in self.lines if self.is_code else ():
            is_comment = line.startswith("#")
            below = bool(line) and (below or not is_comment)
            if below and is_comment:
                found.append(line.removeprefix("#").removeprefix(" "))
        return found


def cells(path):
    """The cells of an example, in order; what stands above the first marker is one, too."""
    found = [Cell(is_code=True, lines=[])]
    for line in path.read_text(encoding="utf-8").splitlines():
        marker = _MARKER.match(line)
        if marker:
            found.append(Cell(is_code=marker[1] is None, lines=[]))
        else:
            found[-1].lines.append(line)
    return [cell for cell in found if any(cell.lines)]


def expected(cell):
    """The lines that a cell prints with the packages that are installed here."""
    found, is_here = [], True
    for line in cell.printed:
        if not line.startswith(" "):
            word = re.match(r"\w*", line)[0]
            is_here = word not in OPTIONAL or importlib.util.find_spec(word) is not None
        if is_here:
            found.append(line)
    return found


def title(path):
    """The heading of an example."""
    return cells(path)[0].text.partition("\n")[0].removeprefix("# ")
