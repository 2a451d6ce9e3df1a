"""Taking the convolutions of Keras apart and putting them together, whichever backend it is on."""

from __future__ import annotations

from typing import Any

import keras

from multiconv.backends import registry
from multiconv.layers.exchange.dialects import DIALECTS, TRANSPOSED, Found

BACKEND = "numpy"

_LAYERS = keras.layers
_CONVOLUTIONS = (_LAYERS.Conv1D, _LAYERS.Conv2D, _LAYERS.Conv3D)
_TRANSPOSED = (_LAYERS.Conv1DTranspose, _LAYERS.Conv2DTranspose, _LAYERS.Conv3DTranspose)


def owns(module: object) -> bool:
    """Tell whether this is a layer of Keras."""
    return isinstance(module, keras.Layer)


def read(module: Any) -> Found:
    """Take a convolution apart."""
    kind = type(module)
    shown = kind.__name__
    standard = next((c for c in _CONVOLUTIONS + _TRANSPOSED if isinstance(module, c)), None)
    if standard is None:
        msg = f"{shown} is no convolution, such as keras.layers.Conv2D"
        raise ValueError(msg)
    inner = [name for name in ("call", "convolution_op") if hasattr(standard, name)]
    if any(getattr(kind, name) is not getattr(standard, name) for name in inner):
        msg = f"{shown} computes something of its own instead of keras.layers.{standard.__name__}"
        raise ValueError(msg)
    _check(module, shown)
    transposed = standard in _TRANSPOSED
    if transposed:
        _check_names(module.padding)
    dialect = (TRANSPOSED if transposed else DIALECTS)["keras"]
    options = {name: getattr(module, name) for name in dialect.names.values()}
    bias = None if module.bias is None else _array(module.bias)
    return Found(module.rank, transposed, options, _array(module.kernel), bias)


def write(kind: str, options: dict[str, Any], weight: Any, bias: Any, layout: str) -> Any:
    """Put a convolution together."""
    dtype = weight.dtype.name
    _check_dtype(kind, dtype)
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


def _check(module: Any, shown: str) -> None:
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
            f"{module.variable_dtype}, in which our layers compute: give it one dtype"
        )
        raise ValueError(msg)


def _check_names(padding: str) -> None:
    """Refuse where Keras's backends do not agree on what a transposed "same" means."""
    version = tuple(map(int, keras.__version__.split(".")[:2]))
    if padding == "same" and version < (3, 15) and keras.backend.backend() == "torch":
        msg = (
            f"the transposed convolutions of Keras {keras.__version__} on torch pad 'same' in "
            f"another way than on its other backends: use Keras 3.15 or padding='valid'"
        )
        raise ValueError(msg)


def _check_dtype(kind: str, dtype: str) -> None:
    if dtype.startswith("complex"):
        msg = f"keras.layers.{kind} has no {dtype} parameters; torch, flax and equinox have them"
        raise ValueError(msg)
    if keras.backend.backend() == "jax" and registry.load("jax").canonical(dtype) != dtype:
        msg = (
            f"Keras runs on JAX, which would narrow {dtype}: enable its 64-bit numbers first, "
            f"with jax.config.update('jax_enable_x64', True), or cast the layer"
        )
        raise ValueError(msg)
