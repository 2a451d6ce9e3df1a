"""How `multiconv compare` compiles and differentiates with JAX."""

from __future__ import annotations

import jax

from multiconv.backends.base import Array
from multiconv.coursework.differentiation.table import Backward, Differentiation, Forward
from multiconv.faces import Face


class _Jax(Differentiation):
    has_autodiff = True
    # Eager slices are compiled one by one, and XLA's time grows faster than what it unrolls.
    loop_outputs = loop_outputs_jitted = 16

    def compiler(self) -> tuple[str, None]:
        return "jax.jit", None

    def place(self, face: Face, device: str | None) -> Array:
        platform, _, index = (device or "").partition(":")
        try:
            chosen = jax.devices(platform)[int(index or 0)] if device else None
        except (IndexError, RuntimeError, ValueError) as error:
            known = ", ".join(face.backend.devices())
            msg = f"JAX has no device {device!r} here: there are {known}"
            raise ValueError(msg) from error
        return jax.device_put(face.backend.asarray([]), chosen)

    def differentiate(self, face: Face, method: str, *, jitted: bool) -> tuple[Forward, Backward]:
        def backward(x: Array, k: Array, g: Array) -> tuple[Array, Array, Array]:
            y, pull_back = jax.vjp(forward, x, k)
            dx, dk = pull_back(g)
            return y, dx, dk

        forward, _ = super().differentiate(face, method, jitted=False)
        return (jax.jit(forward), jax.jit(backward)) if jitted else (forward, backward)


DIFFERENTIATION = _Jax()
