"""How a library without autodiff is differentiated: by the two adjoint correlations.

The frameworks have a module of the same functions in their wings; `of` finds the one for a backend.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol, TypeAlias, cast

from multiconv.backends.base import Array
from multiconv.faces import Face

Forward: TypeAlias = Callable[[Array, Array], Array]
Backward: TypeAlias = Callable[[Array, Array, Array], tuple[Array, Array, Array]]

_MODULES = {
    "torch": "multiconv.coursework.differentiation.torch",
    "jax": "multiconv.coursework.differentiation.jax",
}

HAS_AUTODIFF = False
# Two loops in Python over the whole photograph take a second or so.
LOOP_OUTPUTS = 2**14
LOOP_OUTPUTS_JITTED = 0


class Differentiation(Protocol):
    """What every module called ``differentiate`` has."""

    @property
    def HAS_AUTODIFF(self) -> bool:
        """Whether the gradients are the framework's own, so that integers have none."""

    @property
    def LOOP_OUTPUTS(self) -> int:
        """How many outputs ``loop`` visits in a few seconds, gradients included."""

    @property
    def LOOP_OUTPUTS_JITTED(self) -> int:
        """The same, compilation included."""

    def compiler(self) -> tuple[str | None, str | None]:
        """Return the name of the framework's compiler, if any, and what is to be said about it."""

    def threads(self) -> int | None:
        """Return how many threads one operation may use, where the framework says so."""

    def differentiate(self, face: Face, method: str, *, jitted: bool) -> tuple[Forward, Backward]:
        """Return ``corr2d(x, k)`` as a function, and one of x, k and g that returns y, dx, dk."""


def of(backend: str) -> Differentiation:
    """Return the module for a backend."""
    return cast(Differentiation, importlib.import_module(_MODULES.get(backend, __name__)))


def compiler() -> tuple[None, None]:
    """Return that there is none."""
    return None, None


def threads() -> None:
    """Return that this is not known."""


def differentiate(face: Face, method: str, *, jitted: bool) -> tuple[Forward, Backward]:
    """Return the correlation, and the correlation with its two adjoints."""

    def forward(x: Array, k: Array) -> Array:
        return face.corr2d(x, k, method=method)

    def backward(x: Array, k: Array, g: Array) -> tuple[Array, Array, Array]:
        dx = face.conv_input_grad(g, k, tuple(x.shape), method=method)
        dk = face.conv_weight_grad(x, g, tuple(k.shape), method=method)
        return forward(x, k), dx, dk

    return forward, backward
