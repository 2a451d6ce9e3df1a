"""What is given to be learned from: x, y and the shape of the kernel that lies between them."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core import arguments, dtypes
from multiconv.functions.colours import warn_of_colours
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning import constant_border, numbers
from multiconv.learning.normal_form import (
    FloatArray,
    NormalForm,
    eigenvalue_beyond,
    geometry,
    normal_form,
)


@dataclass(frozen=True)
class Problem:
    """Images x, targets y, and the layer that should turn the one into the other."""

    backend: Backend
    layer: LayerArguments
    x: Array
    y: Array
    dtype: str  # of x, y and the kernel that is sought
    images: FloatArray | None  # x and y in float64, on the CPU; None where they are in chunks
    targets: FloatArray | None

    @property
    def sums(self) -> str:
        """The dtype that squared errors are added up in."""
        return self.backend.accumulator(self.dtype)

    @functools.cached_property
    def normal_form(self) -> NormalForm:
        """The least squares problem behind it, which takes as long as some steps of a descent."""
        if self.images is None or self.targets is None:
            from multiconv.learning import dask

            return dask.normal_form(self.layer, self.x, self.y)
        return normal_form(self.layer, self.images, self.targets)

    def eigenvalue_beyond(self, limit: float) -> float | None:
        """Return the largest eigenvalue of A^T A where it is beyond a limit, None elsewhere."""
        if self.images is not None and self.targets is not None:
            return eigenvalue_beyond(limit, self.layer, self.images, self.targets)
        largest = float(self.normal_form.eigenvalues[0])
        return largest if largest > limit else None


def read(x: Any, y: Any, kernel_size: Any, *, bias: Any, method: str, **options: Any) -> Problem:
    """Read the arguments that `learn_kernel` and `solve_kernel` share.

    The options are those of the convolution: stride, padding, dilation, groups, padding_mode and
    padding_value.
    """
    backend, (x, y) = registry.backend_of({"x": x, "y": y})
    layer = _layer(tuple(x.shape), kernel_size, bias=bias, method=method, **options)
    _check_target(layer, tuple(x.shape), tuple(y.shape))
    constant_border.check(layer)
    if layer.in_channels is None:
        warn_of_colours(x, "moveaxis(x, -1, -3) and moveaxis(y, -1, -3) are images of one each")
    images = targets = None
    if backend.is_chunked:
        from multiconv.learning import dask

        x, y = dask.in_chunks("x", x), dask.in_chunks("y", y)
    else:
        images, targets = numbers.of(backend, "x", x), numbers.of(backend, "y", y)
    names = backend.dtype_name(x.dtype), backend.dtype_name(y.dtype)
    dtype = dtypes.promote(*names, default_integer=backend.default_integer)
    dtype = dtype if dtypes.kind(dtype) == "float" else "float32"
    x, y = backend.astype(x, dtype), backend.astype(y, dtype)
    x = constant_border.around(layer, x, backend)
    if images is not None:
        images = constant_border.around(layer, images, NUMPY)
    own = constant_border.without(layer)
    return Problem(backend, own, x, y, dtype, images, targets)


def _layer(x: tuple[int, ...], kernel_size: Any, **options: Any) -> LayerArguments:
    """Read the layer that the shape of the kernel and the options stand for."""
    axes = arguments.count_axes("kernel_size", kernel_size, 2)
    size = arguments.sizes("kernel_size", kernel_size, axes)
    if axes not in (2, 4):
        msg = f"kernel_size must be an int, (kh, kw) or (O, C/groups, kh, kw), got {kernel_size!r}"
        raise ValueError(msg)
    filters, per_group = size[:-2] or (None, None)
    groups = arguments.integer("groups", options["groups"], minimum=1)
    channels = None if per_group is None else per_group * groups
    if len(x) < 2 or (channels is not None and (len(x) != 4 or x[1] != channels)):
        form = "(..., H, W)" if channels is None else f"(N, {channels}, H, W)"
        of = "" if groups == 1 else f" for kernel_size={size} and groups={groups}"
        msg = f"x must be an image of shape {form}{of}, got the shape {x}"
        raise ValueError(msg)
    if channels is None and groups != 1:
        msg = (
            f"groups={groups} needs channels: kernel_size=(O, C/groups, kh, kw) with x of shape "
            f"(N, C, H, W); groups=1 works"
        )
        raise ValueError(msg)
    return layers.read(size[-2:], in_channels=channels, out_channels=filters, **options)


def _check_target(layer: LayerArguments, x: tuple[int, ...], y: tuple[int, ...]) -> None:
    expected = _output_shape(layer, x)
    if y != expected:
        names = ("stride", "dilation", "padding", "padding_mode", "groups")
        plain = layers.read(layer.kernel_size, layer.in_channels, layer.out_channels)
        given = {name: getattr(layer, name) for name in names}
        changed = [f"{n}={v!r}" for n, v in given.items() if v != getattr(plain, n)]
        msg = (
            f"y must have the shape {expected}, that of the correlation of x {x} with a kernel of "
            f"{layer.kernel_size} {'and ' + ', '.join(changed) if changed else 'without padding'}; "
            f"got the shape {y}{_hint(layer, x, y)}"
        )
        raise ValueError(msg)
    if 0 in y:
        msg = f"there is nothing to learn from: x has the shape {x}"
        raise ValueError(msg)


def _output_shape(layer: LayerArguments, x: tuple[int, ...]) -> tuple[int, ...]:
    lead = x[:-2] if layer.out_channels is None else (x[0], layer.out_channels)
    return (*lead, *geometry(layer, x[-2:]).output_size)


def _hint(layer: LayerArguments, x: tuple[int, ...], y: tuple[int, ...]) -> str:
    """Return the padding with which y would fit, if one that has a name does."""
    for name in arguments.PADDING_NAMES:
        try:
            if _output_shape(dataclasses.replace(layer, padding=name), x) == y:
                return f", which padding={name!r} gives"
        except ValueError:  # a border that is too wide, or a kernel that does not fit
            continue
    return ""
