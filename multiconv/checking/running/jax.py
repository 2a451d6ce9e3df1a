"""How a function of JAX arrays is called, and its gradient taken."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from multiconv.checking.running.framework import Caller

_FLAX = "multiconv.checking.running.flax"

# What constructors call the key for their random numbers.
_KEYS = ("key", "rng", "rng_key", "prng_key")


class JaxCaller(Caller):
    """Calls a function of JAX arrays."""

    differentiates = True

    def warm_up(self) -> None:
        """Load what the first computation and the first gradient load."""
        jax.grad(lambda x: (x * x).sum())(jnp.ones(2)).block_until_ready()

    def array(self, values: NDArray[Any]) -> Any:
        """Return values as a JAX array."""
        return jnp.asarray(values.copy())

    def read(self, array: Any) -> NDArray[Any] | None:
        """Return the values of a JAX array."""
        if not isinstance(array, jax.Array) or array.dtype == jnp.bfloat16:
            return None
        return np.array(array)

    def made(self, kernel_size: tuple[int, ...]) -> Any:
        """Build a layer, with a key for random numbers where its class asks for one."""
        names = inspect.signature(self.target.__init__).parameters
        keys = {name: jax.random.PRNGKey(0) for name in _KEYS if name in names}
        if "rngs" in names:
            keys["rngs"] = importlib.import_module(_FLAX).rngs()
        return self.target(kernel_size, **keys)

    def layer(self, inputs: Mapping[str, Any]) -> Any:
        """Return a layer with these parameters, which Flax's Linen keeps outside of it."""
        if hasattr(self.target, "init") and hasattr(self.target, "apply"):
            module = self.made(tuple(inputs["weight"].shape))
            return importlib.import_module(_FLAX).with_parameters(module, inputs)
        return super().layer(inputs)

    def assign(self, layer: Any, name: str, value: Any) -> None:
        """Set a parameter, also of a frozen dataclass, and of Flax inside its variable."""
        own = getattr(layer, name)
        if hasattr(own, "value") and not isinstance(own, jax.Array):
            own.value = value
        else:
            object.__setattr__(layer, name, value)

    def gradient(self, inputs: Mapping[str, Any], of: str, g: NDArray[Any], where: Any) -> Any:
        """Return the gradient; NumPy in the middle is an error of JAX's own."""

        def of_one(value: Any) -> Any:
            return self.result({**inputs, of: value})

        y, back = jax.vjp(of_one, inputs[of])
        (found,) = back(jnp.asarray(g, dtype=y.dtype).reshape(y.shape))
        return found


CALLER = JaxCaller
