"""A convolutional layer as an immutable JAX pytree."""

from __future__ import annotations

from typing import Any, Self

import jax
import jax.numpy as jnp

from multiconv.core.arguments import IntOrInts, Padding
from multiconv.layers import shared as layers
from multiconv.layers.exchange.exchangeable import Exchangeable
from multiconv.layers.shared import LayerArguments


@jax.tree_util.register_pytree_with_keys_class
class Conv2D(Exchangeable):
    """A two-dimensional convolution with weights that can be learned, as a JAX pytree.

    Its leaves are ``weight`` and ``bias``; the other arguments are static. So ``jax.grad`` of a
    loss in the layer gives a layer of gradients, and
    ``jax.tree.map(lambda p, g: p - lr * g, layer, grads)`` is a step of gradient descent. A layer
    never changes.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Size of the kernel, in pixels.
    in_channels, out_channels : int, optional
        Both, for images (N, C, H, W) or (C, H, W) and a weight (O, C/groups, kh, kw); neither, for
        the textbook's layer with images (..., H, W) and a weight (kh, kw).
    stride, padding, dilation, groups, padding_mode, method : optional
        As in `multiconv.conv2d`.
    bias : bool, optional
        Whether a bias is added.
    dtype : dtype, optional
        Of the parameters; float32 if left out.
    device : jax.Device or jax.sharding.Sharding, optional
        Where the parameters go; JAX's default if left out.
    seed : int, optional
        The same seed gives the same weights on every backend; without one they are fresh.

    Attributes
    ----------
    weight, bias : jax.Array
        The parameters; bias is (1,) or (O,), None without one.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from multiconv.jax import Conv2D
    >>> layer = Conv2D((1, 2), seed=0)
    >>> grads = jax.grad(lambda layer: (layer(jnp.ones((6, 8))) ** 2).sum())(layer)
    >>> type(grads).__name__, grads.weight.shape, grads.bias.shape
    ('Conv2D', (1, 2), (1,))
    """

    backend_name = "jax"
    weight: Any
    bias: Any
    arguments: LayerArguments

    def __init__(
        self,
        kernel_size: IntOrInts,
        in_channels: int | None = None,
        out_channels: int | None = None,
        *,
        stride: IntOrInts = 1,
        padding: Padding = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        method: str = "auto",
        dtype: Any = None,
        device: Any = None,
        seed: int | None = None,
    ) -> None:
        arguments = layers.read(
            kernel_size,
            in_channels,
            out_channels,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            method=method,
        )
        dtype = layers.floating_dtype(jnp.float32 if dtype is None else dtype)
        weight, offset = layers.initial_parameters(arguments, seed, dtype.name)
        if isinstance(device, str):
            device = jax.devices(device)[0]
        _fill(
            self,
            jax.device_put(weight.astype(dtype), device),
            None if offset is None else jax.device_put(offset.astype(dtype), device),
            arguments,
        )

    @classmethod
    def from_parameters(cls, arguments: LayerArguments, weight: Any, bias: Any) -> Self:
        """Return a layer with the given parameters."""
        layer = object.__new__(cls)
        _fill(layer, weight, bias, arguments)
        return layer

    def __call__(self, x: Any) -> Any:
        """Return the layer's output for images x."""
        return layers.apply(self.arguments, x, self.weight, self.bias)

    def tree_flatten_with_keys(self) -> tuple[Any, LayerArguments]:
        """Split into leaves, by name, and what is static."""
        key = jax.tree_util.GetAttrKey
        return ((key("weight"), self.weight), (key("bias"), self.bias)), self.arguments

    @classmethod
    def tree_unflatten(cls, arguments: LayerArguments, leaves: Any) -> Conv2D:
        """Put a layer together from leaves, which may be anything: gradients, specs, axes."""
        weight, bias = leaves
        return _fill(cls.__new__(cls), weight, bias, arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        msg = f"a layer does not change: jax.tree.map or layer.replace({name}=...) give a new one"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def replace(self, **leaves: Any) -> Conv2D:
        """Return the layer with another weight or bias."""
        unknown = leaves.keys() - {"weight", "bias"}
        if unknown:
            msg = f"replace takes weight and bias, got {', '.join(sorted(unknown))}"
            raise TypeError(msg)
        # Shapes are not checked: leaves may be stacked for vmap, or be axes or specs.
        if leaves.get("bias") is not None and not self.arguments.bias:
            msg = "this layer has bias=False: a layer with a bias is made with bias=True"
            raise ValueError(msg)
        return _fill(
            object.__new__(type(self)),
            leaves.get("weight", self.weight),
            leaves.get("bias", self.bias),
            self.arguments,
        )

    def __repr__(self) -> str:
        return f"Conv2D({self.arguments})"


def _fill(layer: Conv2D, weight: Any, bias: Any, arguments: LayerArguments) -> Conv2D:
    object.__setattr__(layer, "weight", weight)
    object.__setattr__(layer, "bias", bias)
    object.__setattr__(layer, "arguments", arguments)
    return layer
