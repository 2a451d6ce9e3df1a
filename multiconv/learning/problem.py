"""What is given to be learned from: x, y and the shape of the kernel that lies between them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.core import arguments, dtypes
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning.normal_form import FloatArray, NormalForm, normal_form


@dataclass(frozen=True)
class Problem:
    """Images x, targets y, and the layer that should turn the one into the other."""

    backend: Backend
    layer: LayerArguments
    x: Array
    y: Array
    dtype: str  # of x, y and the kernel that is sought
    images: FloatArray  # x and y in float64, on the CPU
    targets: FloatArray

    @property
    def sums(self) -> str:
        """The dtype that squared errors are added up in."""
        return self.backend.accumulator(self.dtype)

    @functools.cached_property
    def normal_form(self) -> NormalForm:
        """The least squares problem behind it, which takes as long as some steps of a descent."""
        return normal_form(self.layer, self.images, self.targets)


def read(x: Any, y: Any, kernel_size: Any, *, bias: Any, method: str) -> Problem:
    """Read the arguments that `learn_kernel` and `solve_kernel` share."""
    backend, (x, y) = registry.backend_of({"x": x, "y": y})
    layer = _layer(tuple(x.shape), tuple(y.shape), kernel_size, bias, method)
    images, targets = numbers(backend, "x", x), numbers(backend, "y", y)
    names = backend.dtype_name(x.dtype), backend.dtype_name(y.dtype)
    dtype = dtypes.promote(*names, default_integer=backend.default_integer)
    dtype = dtype if dtypes.kind(dtype) == "float" else "float32"
    x, y = backend.astype(x, dtype), backend.astype(y, dtype)
    return Problem(backend, layer, x, y, dtype, images, targets)


def _layer(
    x: tuple[int, ...], y: tuple[int, ...], kernel_size: Any, bias: Any, method: str
) -> LayerArguments:
    """Read the layer that the shapes of x, y and the kernel stand for."""
    axes = arguments.count_axes("kernel_size", kernel_size, 2)
    size = arguments.sizes("kernel_size", kernel_size, axes)
    if axes not in (2, 4):
        msg = f"kernel_size must be an int, (kh, kw) or (O, C, kh, kw), got {kernel_size!r}"
        raise ValueError(msg)
    filters, channels = size[:-2] or (None, None)
    if len(x) < 2 or (channels is not None and (len(x) != 4 or x[1] != channels)):
        form = "(..., H, W)" if channels is None else f"(N, {channels}, H, W)"
        msg = f"x must be an image of shape {form}, got the shape {x}"
        raise ValueError(msg)
    layer = layers.read(
        size[-2:], in_channels=channels, out_channels=filters, bias=bias, method=method
    )
    output = tuple(n - k + 1 for n, k in zip(x[-2:], layer.kernel_size, strict=True))
    if min(output) < 1:
        msg = f"the kernel {layer.kernel_size} is larger than the images, {x[-2:]}"
        raise ValueError(msg)
    expected = (*(x[:-2] if filters is None else (x[0], filters)), *output)
    if y != expected:
        msg = (
            f"y must have the shape {expected}, that of the correlation of x {x} with a kernel of "
            f"{layer.kernel_size} without padding; got the shape {y}"
        )
        raise ValueError(msg)
    if 0 in y:
        msg = f"there is nothing to learn from: x has the shape {x}"
        raise ValueError(msg)
    return layer


def numbers(backend: Backend, name: str, array: Array) -> FloatArray:
    """Return an array's numbers, real and finite, in float64 on the CPU."""
    dtype = backend.dtype_name(array.dtype)
    if dtype not in dtypes.SUPPORTED or dtypes.kind(dtype) == "complex":
        msg = f"{name} has the dtype {dtype}: kernels are learned from real numbers"
        raise TypeError(msg)
    try:
        values = np.asarray(backend.to_numpy(array), dtype=np.float64)
    except (NotImplementedError, RuntimeError) as error:  # PyTorch's meta device, fake tensors
        reason = str(error).partition(". ")[0]
        msg = f"{name} is a {backend.array_name} without numbers to learn from: {reason}"
        raise TypeError(msg) from error
    if not np.all(np.isfinite(values)):
        msg = f"{name} holds numbers that are not finite, and nothing can be learned from those"
        raise ValueError(msg)
    return values
