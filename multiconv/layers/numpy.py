"""Convolutional layers in NumPy, with the backward pass written out.

This is the page to read to learn how a convolution is differentiated. Let a layer compute
``y = conv(x, weight) + bias`` and let L be a number that depends on y. Given ``dy = dL/dy``, the
chain rule gives three gradients:

* of the bias: every output of a filter contains its bias once, so ``db[o] = sum over n, p of dy[n,
  o, p]``;
* of the weight: tap k of the kernel meets pixel ``s p + d k`` for output p, so
  ``dw[o, c, k] = sum over n, p of dy[n, o, p] x[n, c, s p + d k]``, a correlation of x with dy;
* of the input: a pixel takes part in every output whose window covers it, with the tap that lies on
  it, so
  ``dx[n, c, i] = sum of dy[n, o, p] w[o, c, k] over all o, p, k with s p + d k = i``.

That last sum is what a transposed convolution computes. So its own gradient with respect to its
input is a convolution again, and nothing new is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.backends.registry import backend_of
from multiconv.exact.derivatives import adjoint_of_bias, joined
from multiconv.exact.engine import evaluate
from multiconv.functions.gradients import conv_input_grad, conv_weight_grad
from multiconv.layers import shared as layers
from multiconv.layers.layer import Layer, Transposed
from multiconv.layers.shared import LayerArguments

FloatArray = np.ndarray[Any, Any]


class NumPyLayer(Layer):
    """A layer whose gradients are worked out by `backward`."""

    backend_name = "numpy"
    weight: FloatArray
    bias: FloatArray | None
    weight_grad: FloatArray
    bias_grad: FloatArray | None

    def _device(self, device: Any) -> Callable[[Any], Any]:
        if device not in (None, "cpu"):
            msg = "its arrays are in the memory of the CPU"
            raise ValueError(msg)
        return lambda array: array

    def _hold(self, arguments: LayerArguments, weight: Any, bias: Any) -> None:
        self.arguments = arguments
        self.weight = weight.copy()
        self.bias = None if bias is None else bias.copy()
        self._x: FloatArray | None = None
        self._y_shape: tuple[int, ...] = ()
        self.zero_grad()

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the layer's output for images x, and remember x for `backward`."""
        y: FloatArray = layers.call(self.arguments, x, self.weight, self.bias)
        _, (x, _) = backend_of({"x": x, "weight": self.weight})  # a list becomes an array
        self._x, self._y_shape = x, y.shape
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Add to the parameters' gradients, given dL/dy of the last output, and return dL/dx.

        Complex numbers are not conjugated.
        """
        if self._x is None:
            msg = "backward needs the output of a call: y = layer(x), then layer.backward(dy)"
            raise RuntimeError(msg)
        x, weight = self._x, self.weight
        _, (dy, _) = backend_of({"dy": dy, "x": x})
        if dy.shape != self._y_shape:
            msg = f"dy must have the shape of the last output, {self._y_shape}, got {dy.shape}"
            raise ValueError(msg)
        self._check_complex(x, dy)
        axes = len(self.arguments.kernel_size)
        if self.arguments.in_channels is None:
            x, dy = layers.as_channel(x, np), layers.as_channel(dy, np)
            weight = weight[None, None]
        else:
            weight = weight.transpose(self.arguments.to_usual)
        if self.arguments.channels_last:
            x, dy = (np.moveaxis(array, -1, -1 - axes) for array in (x, dy))
        differentiate = _transposed if self.arguments.transposed else _convolution
        dx, dw = differentiate(self.arguments, x, weight, dy)
        usual = dw.reshape(self.arguments.usual_shape)
        _add(self.weight_grad, usual.transpose(self.arguments.from_usual))
        if self.bias_grad is not None:
            _add(self.bias_grad, self._summed(dy, self.bias_grad.dtype))
        if self.arguments.channels_last:
            dx = np.moveaxis(dx, -1 - axes, -1)
        result: FloatArray = dx.reshape(self._x.shape)
        return result

    def reset_parameters(self, seed: int | None = None) -> None:
        """Draw the parameters anew, in place, as the constructor does; gradients become zero."""
        weight, bias = self._drawn(self.arguments, self.weight.dtype.name, seed, None)
        self.weight[...] = weight
        if self.bias is not None:
            self.bias[...] = bias
        self.zero_grad()

    def zero_grad(self) -> None:
        """Set the parameters' gradients to zero."""
        self.weight_grad = np.zeros_like(self.weight)
        self.bias_grad = None if self.bias is None else np.zeros_like(self.bias)

    def _summed(self, dy: FloatArray, dtype: np.dtype[Any]) -> FloatArray:
        """Return the sums over all axes but the channels."""
        axes = len(self.arguments.kernel_size)
        channel = dy.ndim - 1 - axes
        if self.arguments.method == "exact":
            name, images = NUMPY.dtype_name(dtype), dy if channel else dy[None]
            total, terms = adjoint_of_bias(name, images, NUMPY)
            sums: FloatArray = evaluate(total, *joined(total, terms, NUMPY), None, NUMPY)
            return sums.reshape(-1)
        others = tuple(axis for axis in range(dy.ndim) if axis != channel)
        # Summed in float32 at least, as all sums are here.
        wide: FloatArray = dy.sum(axis=others, dtype=np.result_type(dy.dtype, np.float32))
        return wide.astype(dtype)

    def _check_complex(self, x: FloatArray, dy: FloatArray) -> None:
        for name, array in (("x", x), ("dy", dy)):
            if np.iscomplexobj(array) and not np.iscomplexobj(self.weight):
                msg = (
                    f"{name} is {array.dtype} and the weight {self.weight.dtype}, which cannot "
                    f"hold a complex gradient: give the layer dtype='complex64' or 'complex128'"
                )
                raise TypeError(msg)


def _add(total: FloatArray, gradient: FloatArray) -> None:
    """Add to what `NumPyLayer.zero_grad` has set to zero; a negative zero stays one beside it."""
    if total.any():
        total += gradient
    else:
        total[...] = gradient


def _convolution(
    layer: LayerArguments, x: FloatArray, weight: FloatArray, dy: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return dx and dw of y = conv(x, weight)."""
    options, axes = layer.options(), len(layer.kernel_size)
    dx = conv_input_grad(dy, weight, x.shape[-axes:], **options)
    return dx, conv_weight_grad(x, dy, layer.kernel_size, **options)


def _transposed(
    layer: LayerArguments, x: FloatArray, weight: FloatArray, dy: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return dx and dw of y = conv_transpose(x, weight).

    y = A x with the matrix A of a convolution's adjoint, so dx = A^T dy is that convolution of dy;
    in the gradient of its weight x and dy have changed places.
    """
    axes = len(layer.kernel_size)
    options = {name: getattr(layer, name) for name in ("stride", "dilation", "groups", "method")}
    options["padding"] = layer.pads
    dx = layers.FUNCTIONS[f"Conv{axes}D"](dy, weight, **options)
    # Where output_padding makes room for more, the convolution has outputs that x has not.
    inside: tuple[Any, ...] = (..., *map(slice, x.shape[-axes:]))
    filled = np.zeros((*x.shape[:-axes], *dx.shape[-axes:]), x.dtype)
    filled[inside] = x
    return dx[inside], conv_weight_grad(dy, filled, layer.kernel_size, **options)


class Conv2D(NumPyLayer):
    """A two-dimensional convolution with weights that can be learned, in NumPy.

    ``y = layer(x)`` computes and remembers x; ``dx = layer.backward(dy)`` adds to the gradients
    ``layer.weight_grad`` and ``layer.bias_grad``, arrays of their parameters' shapes, None without
    a bias; ``layer.zero_grad()`` sets them to zero.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.numpy import Conv2D
    >>> layer = Conv2D((1, 2), bias=False)
    >>> layer.weight[:] = [[1, -1]]
    >>> layer(np.array([[1.0, 1.0, 0.0, 0.0]], dtype=np.float32))
    array([[0., 1., 0.]], dtype=float32)
    >>> layer.backward(np.ones((1, 3), np.float32))
    array([[ 1.,  0.,  0., -1.]], dtype=float32)
    >>> layer.weight_grad
    array([[2., 1.]], dtype=float32)
    """


class Conv1D(NumPyLayer):
    """`Conv2D` with one axis: signals (N, C, L) or (C, L), a weight (O, C/groups, kw)."""


class Conv3D(NumPyLayer):
    """`Conv2D` with three axes: volumes (N, C, D, H, W), a weight (O, C/groups, kd, kh, kw)."""


class ConvTranspose2D(Transposed, NumPyLayer):
    """The adjoint of a `Conv2D`, with weights that can be learned: `multiconv.conv_transpose2d`.

    Channels are needed: images are (N, C, H, W) or (C, H, W), the weight (C, O/groups, kh, kw).

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.numpy import ConvTranspose2D
    >>> layer = ConvTranspose2D((1, 2), in_channels=1, out_channels=1, stride=(1, 2), bias=False)
    >>> layer.weight[:] = [[1, 10]]
    >>> layer(np.array([[[1, 2]]], dtype=np.float32))
    array([[[ 1., 10.,  2., 20.]]], dtype=float32)
    >>> layer.backward(np.ones((1, 1, 4), dtype=np.float32))
    array([[[11., 11.]]], dtype=float32)
    """


class ConvTranspose1D(Transposed, NumPyLayer):
    """`ConvTranspose2D` with one axis: signals (N, C, L), a weight (C, O/groups, kw)."""


class ConvTranspose3D(Transposed, NumPyLayer):
    """`ConvTranspose2D` with three axes: (N, C, D, H, W), a weight (C, O/groups, kd, kh, kw)."""
