"""How each library is compiled and differentiated: those without autodiff by two correlations."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeAlias, cast

from multiconv.backends.base import Array
from multiconv.faces import Face

Forward: TypeAlias = Callable[[Array, Array], Array]
Backward: TypeAlias = Callable[[Array, Array, Array], tuple[Array, Array, Array]]

_MODULES = {
    "torch": "multiconv.coursework.differentiation.torch",
    "jax": "multiconv.coursework.differentiation.jax",
}


class Differentiation:
    """What is done without autodiff and a compiler; the frameworks have a class of their own."""

    has_autodiff = False  # of the framework's own, so that integers have no gradients
    # How many outputs ``loop`` visits in a few seconds, gradients and compilation included.
    loop_outputs = 2**14
    loop_outputs_jitted = 0

    def compiler(self) -> tuple[str | None, str | None]:
        """Return the name of the framework's compiler, if any, and what is to be said about it."""
        return None, None

    def place(self, face: Face, device: str | None) -> Array:
        """Return an array without numbers on a device, the usual one if None."""
        if device not in (None, "cpu"):
            msg = f"the {face.name} backend has no device {device!r}: its arrays are on the CPU"
            raise ValueError(msg)
        return face.backend.asarray([])

    def threads(self) -> int | None:
        """Return how many threads one operation may use, where the framework says so."""
        return None

    def differentiate(self, face: Face, method: str, *, jitted: bool) -> tuple[Forward, Backward]:
        """Return ``corr2d(x, k)`` as a function, and one of x, k and g that returns y, dx, dk."""

        def forward(x: Array, k: Array) -> Array:
            return face.corr2d(x, k, method=method)

        def backward(x: Array, k: Array, g: Array) -> tuple[Array, Array, Array]:
            dx = face.conv_input_grad(g, k, tuple(x.shape), method=method)
            dk = face.conv_weight_grad(x, g, tuple(k.shape), method=method)
            return forward(x, k), dx, dk

        return forward, backward


def of(backend: str) -> Differentiation:
    """Return what is done with a backend."""
    if backend not in _MODULES:
        return Differentiation()
    return cast(Differentiation, importlib.import_module(_MODULES[backend]).DIFFERENTIATION)
