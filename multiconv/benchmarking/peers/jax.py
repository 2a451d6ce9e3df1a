"""JAX's own convolutions, under jit, and its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
from jax import lax

from multiconv.backends.base import Array
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Function, Library, Peer
from multiconv.benchmarking.reference import Operands
from multiconv.core.timing import Call

_SPATIAL = "DHW"


class _Jax(Library):
    name = "jax"
    compiles = True

    def arrays(self, operands: Operands, dtype: str, device: str | None) -> Arrays:
        platform, _, index = (device or "").partition(":")
        place = jax.devices(platform)[int(index or 0)] if device else None
        named = (operands.x, operands.weight, operands.g, operands.bias)
        return Arrays(*(jax.device_put(jax.numpy.asarray(a, dtype), place) for a in named))

    def forward(self, function: Function, arrays: Arrays) -> Call:
        x, weight = arrays.x, arrays.weight
        return lambda: function(x, weight).block_until_ready()

    def backward(self, function: Function, arrays: Arrays) -> Call:
        @jax.jit
        def pull_back(x: Array, weight: Array, g: Array) -> Any:
            return jax.vjp(function, x, weight)[1](g)

        x, weight, g = arrays.x, arrays.weight, arrays.g
        wait: Any = jax.block_until_ready
        return lambda: wait(pull_back(x, weight, g))

    def compiled(self, function: Function) -> Function:
        return jax.jit(function)

    def layer(self, made: Any, arrays: Arrays) -> Call:
        layer, x = made.replace(weight=arrays.weight, bias=arrays.bias), arrays.x
        return lambda: layer(x).block_until_ready()

    def peers(self, cell: Cell, arrays: Arrays) -> Iterator[Peer]:
        function = _transposed(cell) if cell.transposed else _function(cell)
        name = "lax.conv_transpose" if cell.transposed else "lax.conv"
        if cell.is_layer:
            # JAX itself has no layers; this is what one would do.
            compiled: Any = jax.jit(
                lambda x, w, b: function(x, w) + b.reshape(-1, *[1] * cell.axes)
            )
            x, weight, bias = arrays.x, arrays.weight, arrays.bias
            call: Call = lambda: compiled(x, weight, bias).block_until_ready()  # noqa: E731
            yield Peer(f"{name} + b", call, "own")
        elif cell.stage == "forward":
            yield Peer(name, self.forward(jax.jit(function), arrays), "own")
        else:
            yield Peer(name, self.backward(function, arrays), "own")


def _function(cell: Cell) -> Function:
    pads, strides = [(cell.padding, cell.padding)] * cell.axes, (cell.stride,) * cell.axes
    if cell.is_image:

        def image(x: Array, k: Array) -> Array:
            return lax.conv_general_dilated(x[None, None], k[None, None], strides, pads)[0, 0]

        return image
    return lambda x, weight: lax.conv_general_dilated(
        x, weight, strides, pads, feature_group_count=cell.groups
    )


def _transposed(cell: Cell) -> Function:
    spatial = _SPATIAL[-cell.axes :]
    pads = [(k - 1 - cell.padding, k - 1 - cell.padding) for k in cell.kernel]

    def transposed(x: Array, weight: Array) -> Array:
        return lax.conv_transpose(
            x,
            weight,
            (cell.stride,) * cell.axes,
            pads,
            dimension_numbers=(f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"),
            transpose_kernel=True,
        )

    return transposed


LIBRARY = _Jax()
