"""The correctly rounded result: every output is the exact sum, rounded once.

The sums of floating-point numbers are those of `multiconv.exact`, which rounds them itself, with
the bias in them; here is what is known of them before. Integers, exact in any order, are added up
by the method "direct".
"""

from __future__ import annotations

from multiconv.backends.base import Backend
from multiconv.core import dtypes
from multiconv.methods import direct
from multiconv.methods.base import Method, Problem


def _workspace(problem: Problem, backend: Backend) -> int:
    """Count, for floats, operands in float64 and the bands of the result."""
    if dtypes.kind(problem.dtype) == "integer":
        return direct.METHOD.workspace(problem, backend) or 0
    return 2 * problem.pixels + 4 * min(problem.outputs, backend.band_elements)


METHOD = Method(
    "exact", direct.run, workspace=_workspace, error="rounded", takes_border=True, rounds_once=True
)
