"""The definition, to be read: one sum of products per output position.

y[n, o, p] = sum over c, k of  x[n, c, s p + d k] * weight[o, c, k]
"""

from __future__ import annotations

from multiconv.geometry import Geometry
from multiconv.protocol import Array, Backend

# Each position costs a few calls of the framework, microseconds where the others take nanoseconds.
MAXIMUM_OUTPUTS = 2**16


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *padded) with (G, O, C, *kernel) to (N, G, O, *output)."""
    xp = backend.xp
    summed = tuple(range(-geometry.axes - 1, 0))  # the channels and the kernel's axes
    outputs = []
    for window in geometry.output_windows():
        products = xp.expand_dims(x[window], axis=2) * weight
        outputs.append(xp.sum(products, axis=summed, dtype=products.dtype))
    y = xp.stack(outputs, axis=-1)
    return xp.reshape(y, (*y.shape[:-1], *geometry.output_size))


def refusal(geometry: Geometry) -> str | None:
    """Return why this input is too much for two loops in Python."""
    if geometry.outputs <= MAXIMUM_OUTPUTS:
        return None
    return f"it would visit {geometry.outputs} outputs one by one, more than {MAXIMUM_OUTPUTS}"
