"""Convolutional layers as immutable JAX pytrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import jax

from multiconv.layers import initial
from multiconv.layers import shared as layers
from multiconv.layers.layer import Layer, Transposed
from multiconv.layers.shared import LayerArguments


class JaxLayer(Layer):
    """A layer as a pytree, whose leaves are ``weight`` and ``bias``; the arguments are static."""

    backend_name = "jax"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        jax.tree_util.register_pytree_with_keys_class(cls)

    def _device(self, device: Any) -> Callable[[Any], Any]:
        place = device
        if isinstance(device, str):
            platform, _, index = device.partition(":")
            place = jax.devices(platform)[int(index or 0)]
        if not isinstance(place, (jax.Device, jax.sharding.Sharding, type(None))):
            msg = "it must be a jax.Device, a jax.sharding.Sharding or the name of a platform"
            raise TypeError(msg)
        return lambda array: jax.device_put(array, place)

    def _hold(self, arguments: LayerArguments, weight: Any, bias: Any) -> None:
        for name, value in (("weight", weight), ("bias", bias), ("arguments", arguments)):
            object.__setattr__(self, name, value)

    def _drawn(self, arguments: LayerArguments, dtype: str, seed: Any, key: Any) -> tuple[Any, Any]:
        if key is None:
            return super()._drawn(arguments, dtype, seed, key)
        rule = initial.INITIAL[arguments.weight_init]
        spread = rule.spread(arguments.fan_in, arguments.fan_out)
        draw: Any = jax.random.normal if rule.is_normal else _uniform
        keys = jax.random.split(key)
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        usual = draw(keys[0], arguments.usual_shape, real) * spread
        weight = usual.transpose(arguments.from_usual)
        if not arguments.bias:
            return weight.astype(dtype), None
        has_own = arguments.weight_init == "default"
        bias = draw(keys[1], arguments.bias_shape, real) * (spread if has_own else 0.0)
        return weight.astype(dtype), bias.astype(dtype)

    def reset_parameters(self, seed: int | None = None, *, key: Any = None) -> Self:
        """Return the layer with parameters that are drawn anew, as the constructor does."""
        weight, bias = self._drawn(self.arguments, self.weight.dtype.name, seed, key)
        return self.from_parameters(self.arguments, weight, bias)

    def __call__(self, x: Any) -> Any:
        """Return the layer's output for images x."""
        return layers.call(self.arguments, x, self.weight, self.bias)

    def tree_flatten_with_keys(self) -> tuple[Any, LayerArguments]:
        """Split into leaves, by name, and what is static."""
        key = jax.tree_util.GetAttrKey
        return ((key("weight"), self.weight), (key("bias"), self.bias)), self.arguments

    @classmethod
    def tree_unflatten(cls, arguments: LayerArguments, leaves: Any) -> Self:
        """Put a layer together from leaves, which may be anything: gradients, specs, axes."""
        return cls.from_parameters(arguments, *leaves)

    def __setattr__(self, name: str, value: Any) -> None:
        msg = f"a layer does not change: jax.tree.map or layer.replace({name}=...) give a new one"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def replace(self, **leaves: Any) -> Self:
        """Return the layer with another weight or bias."""
        unknown = leaves.keys() - {"weight", "bias"}
        if unknown:
            msg = f"replace takes weight and bias, got {', '.join(sorted(unknown))}"
            raise TypeError(msg)
        # Shapes are not checked: leaves may be stacked for vmap, or be axes or specs.
        if leaves.get("bias") is not None and not self.arguments.bias:
            msg = "this layer has bias=False: a layer with a bias is made with bias=True"
            raise ValueError(msg)
        both = {"weight": self.weight, "bias": self.bias} | leaves
        return self.from_parameters(self.arguments, **both)


def _uniform(key: Any, shape: tuple[int, ...], dtype: str) -> jax.Array:
    return jax.random.uniform(key, shape, dtype, -1.0, 1.0)


class Conv2D(JaxLayer):
    """A two-dimensional convolution with weights that can be learned, as a JAX pytree.

    Its leaves are ``weight`` and ``bias``; the other arguments are static. So ``jax.grad`` of a
    loss in the layer gives a layer of gradients, and
    ``jax.tree.map(lambda p, g: p - lr * g, layer, grads)`` is a step of gradient descent. A layer
    never changes.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from multiconv.jax import Conv2D
    >>> layer = Conv2D((1, 2), seed=0)
    >>> grads = jax.grad(lambda layer: (layer(jnp.ones((6, 8))) ** 2).sum())(layer)
    >>> type(grads).__name__, grads.weight.shape, grads.bias.shape
    ('Conv2D', (1, 2), (1,))
    """


class Conv1D(JaxLayer):
    """`Conv2D` with one axis: signals (N, C, L) or (C, L), a weight (O, C/groups, kw)."""


class Conv3D(JaxLayer):
    """`Conv2D` with three axes: volumes (N, C, D, H, W), a weight (O, C/groups, kd, kh, kw)."""


class ConvTranspose2D(Transposed, JaxLayer):
    """The adjoint of a `Conv2D`, with weights that can be learned: `multiconv.conv_transpose2d`.

    Channels are needed: images are (N, C, H, W) or (C, H, W), the weight (C, O/groups, kh, kw).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from multiconv.jax import ConvTranspose2D
    >>> layer = ConvTranspose2D(4, in_channels=8, out_channels=3, stride=2, padding=1)
    >>> layer(jnp.zeros((8, 14, 14))).shape
    (3, 28, 28)
    """


class ConvTranspose1D(Transposed, JaxLayer):
    """`ConvTranspose2D` with one axis: signals (N, C, L), a weight (C, O/groups, kw)."""


class ConvTranspose3D(Transposed, JaxLayer):
    """`ConvTranspose2D` with three axes: (N, C, D, H, W), a weight (C, O/groups, kd, kh, kw)."""
