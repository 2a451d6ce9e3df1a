"""Sums of products in float64, by a method that adds up nothing but the products."""

from __future__ import annotations

import functools
from dataclasses import replace

from multiconv.backends.base import Array, Backend
from multiconv.core.geometry import Geometry
from multiconv.exact.description import Sum
from multiconv.methods import direct, im2col
from multiconv.methods.adjoints import TwoArrays, correlation, input_adjoint, weight_adjoint

_WORK = {"y": correlation, "x": input_adjoint, "weight": weight_adjoint}


def correlated(total: Sum, first: Array, second: Array, backend: Backend) -> Array:
    """Return the sums, of grouped operands in float64; errors are those of adding in any order."""
    is_single = first.shape[total.contracted[0]] == 1 and total.wanted != "weight"
    return _prepared(total, is_single, backend)(first, second)


@functools.lru_cache(maxsize=1024)
def _prepared(total: Sum, is_single: bool, backend: Backend) -> TwoArrays:
    method = direct.METHOD if is_single else _PRODUCTS
    return _WORK[total.wanted](total.geometry).prepare(method, backend)


def _multiply(x: Array, weight: Array, geometry: Geometry, backend: Backend) -> Array:
    y = backend.correlated_in_turn(x, weight, geometry)
    return im2col.METHOD.run(x, weight, geometry, backend) if y is None else y


_PRODUCTS = replace(im2col.METHOD, run=_multiply)
