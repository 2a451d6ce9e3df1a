"""Taking the convolutions of Keras apart and putting them together, whichever backend it is on."""

from __future__ import annotations

from typing import Any

import keras

from multiconv.backends import registry
from multiconv.layers.exchange.dialects import InexpressibleError

_LAYERS = keras.layers

BACKEND = "numpy"
MODULE = keras.Layer
CONVOLUTIONS = (_LAYERS.Conv1D, _LAYERS.Conv2D, _LAYERS.Conv3D)
TRANSPOSED = (_LAYERS.Conv1DTranspose, _LAYERS.Conv2DTranspose, _LAYERS.Conv3DTranspose)
COMPUTING = ("call", "convolution_op")


def read(module: Any, transposed: bool) -> tuple[Any, Any]:
    """Return the weight and bias of a convolution."""
    _check(module)
    if transposed:
        _check_names(module.padding)
    return _array(module.kernel), None if module.bias is None else _array(module.bias)


def write(kind: str, options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a convolution together."""
    dtype = weight.dtype.name
    _check_dtype(dtype)
    transposed = kind.endswith("Transpose")
    if transposed:
        _check_names(options["padding"])
    last = layout.endswith("C")
    order = "channels_last" if last else "channels_first"
    module = getattr(_LAYERS, kind)(**options, data_format=order, dtype=dtype)
    channels = weight.shape[-1] if transposed else weight.shape[-2] * options["groups"]
    sizes = (None,) * (weight.ndim - 2)
    module.build((None, *sizes, channels) if last else (None, channels, *sizes))
    parameters = [weight] if bias is None else [weight, bias]
    module.set_weights([p.astype(p.dtype.newbyteorder("="), copy=False) for p in parameters])
    return module


def _array(variable: Any) -> Any:
    """Return a variable as an array of the framework that Keras runs on."""
    tensor = keras.ops.convert_to_tensor(variable)
    return tensor.numpy() if keras.backend.backend() == "tensorflow" else tensor


def _check(module: Any) -> None:
    if not module.built:
        msg = "has no weight yet: call it with an image, or module.build(shape)"
        raise InexpressibleError(msg)
    if module.activation is not keras.activations.linear:
        name = getattr(module.activation, "__name__", module.activation)
        msg = f"has activation={name!r}: set module.activation = None and apply it after"
        raise InexpressibleError(msg)
    if module.compute_dtype != module.variable_dtype:
        msg = (
            f"computes in {module.compute_dtype} and its parameters are "
            f"{module.variable_dtype}, in which our layers compute: give it one dtype"
        )
        raise InexpressibleError(msg)


def _check_names(padding: str) -> None:
    """Refuse where Keras's backends do not agree on what a transposed "same" means."""
    version = tuple(map(int, keras.__version__.split(".")[:2]))
    if padding == "same" and version < (3, 15) and keras.backend.backend() == "torch":
        msg = (
            f"pads 'same' in Keras {keras.__version__} on torch in another way than on its other "
            f"backends: use Keras 3.15 or padding='valid'"
        )
        raise InexpressibleError(msg)


def _check_dtype(dtype: str) -> None:
    if dtype.startswith("complex"):
        msg = f"has no {dtype} parameters; torch, flax and equinox have them"
        raise InexpressibleError(msg)
    if keras.backend.backend() == "jax" and registry.load("jax").canonical(dtype) != dtype:
        msg = (
            f"runs on JAX, which would narrow {dtype}: enable its 64-bit numbers first, "
            f"with jax.config.update('jax_enable_x64', True), or cast the layer"
        )
        raise InexpressibleError(msg)
