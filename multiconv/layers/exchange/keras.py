"""Taking keras.layers.Conv2D apart and putting it together, whichever backend Keras runs on."""

from __future__ import annotations

from typing import Any

import keras

from multiconv.backends import registry
from multiconv.layers.exchange.dialects import DIALECTS, Found

BACKEND = "numpy"

_DATA_FORMATS = {"NHWC": "channels_last", "NCHW": "channels_first"}


def owns(module: object) -> bool:
    """Tell whether this is a layer of Keras."""
    return isinstance(module, keras.Layer)


def read(module: Any) -> Found:
    """Take a keras.layers.Conv2D apart."""
    kind = type(module)
    shown = kind.__name__
    standard = keras.layers.Conv2D
    if not isinstance(module, standard):
        what = "a transposed convolution" if "Transpose" in shown else "another layer"
        msg = f"{shown} is {what}, and only keras.layers.Conv2D becomes a Conv2D"
        raise ValueError(msg)
    if kind.call is not standard.call or kind.convolution_op is not standard.convolution_op:
        msg = f"{kind.__name__} computes something of its own instead of keras.layers.Conv2D.call"
        raise ValueError(msg)
    if not module.built:
        msg = f"{shown} has no weight yet: call it with an image, or module.build(shape)"
        raise ValueError(msg)
    if module.activation is not keras.activations.linear:
        name = getattr(module.activation, "__name__", module.activation)
        msg = f"{shown} has activation={name!r}: set module.activation = None and apply it after"
        raise ValueError(msg)
    if module.compute_dtype != module.variable_dtype:
        msg = (
            f"{shown} computes in {module.compute_dtype} and its parameters are "
            f"{module.variable_dtype}, in which a Conv2D computes: give it one dtype"
        )
        raise ValueError(msg)
    options = {name: getattr(module, name) for name in DIALECTS["keras"].names.values()}
    return Found(
        options, _array(module.kernel), None if module.bias is None else _array(module.bias)
    )


def write(options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a keras.layers.Conv2D together."""
    dtype = weight.dtype.name
    _check(dtype)
    module = keras.layers.Conv2D(**options, data_format=_DATA_FORMATS[layout], dtype=dtype)
    channels = weight.shape[2] * options["groups"]
    module.build((None, None, None, channels) if layout == "NHWC" else (None, channels, None, None))
    module.set_weights([weight] if bias is None else [weight, bias])
    return module


def _array(variable: Any) -> Any:
    """Return a variable as an array of the framework that Keras runs on."""
    tensor = keras.ops.convert_to_tensor(variable)
    return tensor.numpy() if keras.backend.backend() == "tensorflow" else tensor


def _check(dtype: str) -> None:
    if dtype.startswith("complex"):
        msg = f"keras.layers.Conv2D has no {dtype} parameters; torch, flax and equinox have them"
        raise ValueError(msg)
    if keras.backend.backend() == "jax" and registry.load("jax").canonical(dtype) != dtype:
        msg = (
            f"Keras runs on JAX, which would narrow {dtype}: enable its 64-bit numbers first, "
            f"with jax.config.update('jax_enable_x64', True), or cast the layer"
        )
        raise ValueError(msg)
