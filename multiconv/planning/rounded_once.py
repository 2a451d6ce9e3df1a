"""Exact sums as functions of a call's arrays, in their own dtypes.

What finds the sums is imported late, so that a process without exact sums does without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from multiconv.backends.base import Array, Backend
from multiconv.exact.description import Sum


def sums(
    total: Sum,
    own_shapes: list[tuple[int, ...]],
    shape: tuple[int, ...],
    backend: Backend,
    *,
    flips: bool,
) -> Callable[..., Array]:
    """Return the sums as a function of two arrays and perhaps a bias or None."""
    from multiconv.exact.table import evaluation

    xp, evaluate = backend.xp, evaluation(backend)

    def run(*arrays: Array) -> Array:
        first, second = _fitted(arrays, own_shapes, total, backend)
        return xp.reshape(evaluate(total, first, second, _bias(arrays, total, backend)), shape)

    return flipping(run, total.geometry.axes, backend) if flips else run


def sums_in_border(
    total: Sum,
    own_shapes: list[tuple[int, ...]],
    shape: tuple[int, ...],
    image_dtype: str,
    backend: Backend,
    *,
    flips: bool,
) -> Callable[..., Array]:
    """Return the sums of an image in a border, which follows the other arrays."""
    from multiconv.exact.bordered.table import evaluation

    xp, evaluate = backend.xp, evaluation(backend)

    def run(*arrays: Array) -> Array:
        *arrays_but_one, value = arrays
        first, second = _fitted(arrays_but_one, own_shapes, total, backend)
        value = _native(backend.astype(value, image_dtype), total, backend)
        bias = _bias(arrays_but_one, total, backend)
        return xp.reshape(evaluate(total, first, value, second, bias), shape)

    return flipping(run, total.geometry.axes, backend) if flips else run


def flipping(compute: Callable[..., Array], axes: int, backend: Backend) -> Callable[..., Array]:
    """Return the same function of a kernel that is turned around first."""
    spatial = tuple(range(-axes, 0))
    return lambda x, kernel, *rest: compute(x, backend.xp.flip(kernel, axis=spatial), *rest)


def _fitted(
    arrays: Sequence[Array], own_shapes: list[tuple[int, ...]], total: Sum, backend: Backend
) -> list[Array]:
    """Return the two factors in the shapes that frameworks know them by."""
    pairs = zip(arrays[:2], own_shapes, strict=True)
    return [backend.xp.reshape(_native(array, total, backend), size) for array, size in pairs]


def _bias(arrays: Sequence[Array], total: Sum, backend: Backend) -> Array | None:
    if len(arrays) < 3 or arrays[2] is None:
        return None
    return _native(arrays[2], total, backend)


def _native(array: Array, total: Sum, backend: Backend) -> Array:
    """Return an array in the byte order of the machine, and a bool as numbers."""
    name = backend.dtype_name(array.dtype)
    return backend.astype(array, total.result if name == "bool" else name)
