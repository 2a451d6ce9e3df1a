"""The framework's own convolution, on what it is good at: real numbers or integers, zeros around.

A complex correlation is four real ones, done in a single call: the real and imaginary parts of the
image stand in the batch, those of the kernel among the filters. The frameworks' own way (three real
convolutions, after Gauss) loses the element-wise error bound to cancellation.
"""

from __future__ import annotations

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.methods.base import Counts, Method, Problem, Ungrouped
from multiconv.methods.borders import extend, fold

_WIDE = 16


def run(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    """Correlate (N, G, C, *size) with (G, O, C, *kernel) to (N, G, O, *output)."""
    if dtypes.kind(backend.dtype_name(x.dtype)) == "complex":
        return _complex(x, weight, geometry, backend)
    return _real(x, weight, geometry, backend)


def _complex(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    xp = backend.xp
    batch, filters = x.shape[0], weight.shape[1]
    images = xp.concat([xp.real(x), xp.imag(x)], axis=0)
    kernels = xp.concat([xp.real(weight), xp.imag(weight)], axis=1)
    y = _real(images, kernels, geometry, backend)
    real_real, real_imag = y[:batch, :, :filters, ...], y[:batch, :, filters:, ...]
    imag_real, imag_imag = y[batch:, :, :filters, ...], y[batch:, :, filters:, ...]
    name = backend.dtype_name(x.dtype)
    real = backend.astype(real_real - imag_imag, name)
    return real + 1j * backend.astype(real_imag + imag_real, name)


def _real(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    xp = backend.xp
    batch, groups, channels = x.shape[:3]
    filters = weight.shape[1]
    y = backend.native(
        xp.reshape(x, (batch, groups * channels, *x.shape[3:])),
        xp.reshape(weight, (groups * filters, channels, *weight.shape[3:])),
        stride=geometry.stride,
        pads=geometry.pads,
        dilation=geometry.dilation,
        groups=groups,
    )
    return xp.reshape(y, (batch, groups, filters, *geometry.output_size))


def _refusal(problem: Problem, backend: Backend) -> str | None:
    refusal = backend.native_refusal(problem.dtype, problem.device, problem.geometry.axes)
    return refusal and f"{refusal}; method='auto' works on every input"


def _ungrouped(
    wanted: str, geometry: Geometry, groups: int, problem: Problem, backend: Backend
) -> Ungrouped | None:
    """Return the framework's own call, with a border other than zeros around it."""
    has_zeros = geometry.padding_mode == "zeros"
    inner = geometry if has_zeros else geometry.padded()
    call = backend.native_call(wanted, inner, groups, problem.dtype, problem.device)
    if call is None or has_zeros:
        return call
    if wanted == "x":
        return lambda grad, weight, bias=None: fold(call(grad, weight, bias), geometry, backend)
    return lambda x, other, bias=None: call(extend(x, geometry, backend), other, bias)


def _counts(problem: Problem, backend: Backend) -> Counts:
    geometry = problem.geometry
    products = problem.multiply_adds * problem.width
    numbers = (problem.pixels + problem.outputs) * problem.width
    if geometry.outputs < geometry.taps:
        return {"call": 1, "number": numbers, "product of few": products}
    if problem.channels * problem.filters == 1:
        kind = "single" if problem.groups == 1 else "depthwise"
        return {"call": 1, f"{kind} number": numbers, f"{kind} product": products}
    # Frameworks' kernels are so wide, whether there are channels to fill them or not.
    wide = max(1, _WIDE / (problem.channels * problem.filters))
    kind = "product" if problem.groups == 1 else "grouped product"
    return {"call": 1, "number": numbers, kind: products * wide}


METHOD = Method(
    "native",
    run,
    refusal=_refusal,
    workspace=lambda problem, backend: None,
    counts=_counts,
    takes_border=True,
    keeps_shards=True,
    ungrouped=_ungrouped,
)
