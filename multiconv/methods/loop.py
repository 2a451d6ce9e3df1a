"""The definition, to be read: one sum of products per output position.

y[n, o, p] = sum over c, k of  x[n, c, s p + d k] * weight[o, c, k]
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Method, Problem


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel) to (N, G, O, *output)."""
    xp = backend.xp
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    length = channels * geometry.taps
    kernel = xp.permute_dims(xp.reshape(weight, (groups, filters, length)), (0, 2, 1))
    outputs = []
    for window in geometry.output_windows():
        pixels = xp.permute_dims(xp.reshape(x[window], (batch, groups, length)), (1, 0, 2))
        outputs.append(backend.matmul(pixels, kernel))  # (groups, batch, filters)
    y = xp.permute_dims(xp.stack(outputs, axis=-1), (1, 0, 2, 3))
    return xp.reshape(y, (batch, groups, filters, *geometry.output_size))


def _limit(problem: Problem, backend: Backend) -> str | None:
    # Each output costs a few calls of the framework: microseconds where others take nanoseconds.
    outputs = problem.geometry.outputs
    if outputs <= backend.loop_limit:
        return None
    return f"it would visit {outputs} outputs one by one, more than {backend.loop_limit}"


METHOD = Method(
    "loop",
    run,
    limit=_limit,
    operations=lambda geometry: 3 * geometry.outputs,
    workspace=lambda problem, backend: problem.outputs + problem.products * problem.batch,
)
