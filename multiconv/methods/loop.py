"""The definition, to be read: one sum of products per output position.

y[n, o, p] = sum over c, k of  x[n, c, s p + d k] * weight[o, c, k]
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry


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


def refusal(geometry: Geometry, limit: int) -> str | None:
    """Return why this input is too much for two loops in Python.

    Each output costs a few calls of the framework, microseconds where the others take nanoseconds.
    """
    if geometry.outputs <= limit:
        return None
    return f"it would visit {geometry.outputs} outputs one by one, more than {limit}"
