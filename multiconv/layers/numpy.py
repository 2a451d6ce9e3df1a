"""A convolutional layer in NumPy, with the backward pass written out.

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
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from multiconv.backends.registry import backend_of
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.functions.gradients import conv_input_grad, conv_weight_grad
from multiconv.layers import shared as layers
from multiconv.layers.exchange.exchangeable import Exchangeable

FloatArray = np.ndarray[Any, Any]


class Conv2D(Exchangeable):
    """A two-dimensional convolution with weights that can be learned, in NumPy.

    ``y = layer(x)`` computes and remembers x; ``dx = layer.backward(dy)`` adds to
    ``layer.weight_grad`` and ``layer.bias_grad``; ``layer.zero_grad()`` sets them to zero.

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
    device : {"cpu", None}, optional
        For the sake of the other frameworks.
    seed : int, optional
        The same seed gives the same weights on every backend; without one they are fresh.

    Attributes
    ----------
    weight, bias : ndarray
        The parameters; bias is (1,) or (O,), None without one.
    weight_grad, bias_grad : ndarray
        Their gradients, the sum over all calls of `backward` since `zero_grad`.

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

    backend_name = "numpy"

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
        device: str | None = None,
        seed: int | None = None,
    ) -> None:
        self.arguments = layers.read(
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
        if device not in (None, "cpu"):
            msg = f"device must be 'cpu' or None for NumPy, got {device!r}"
            raise ValueError(msg)
        dtype = layers.floating_dtype(np.float32 if dtype is None else dtype)
        weight, offset = layers.initial_parameters(self.arguments, seed, dtype.name)
        self.weight: FloatArray = weight.astype(dtype)
        self.bias: FloatArray | None = None if offset is None else offset.astype(dtype)
        self._x: FloatArray | None = None
        self._y_shape: tuple[int, ...] = ()
        self.zero_grad()

    @classmethod
    def from_parameters(
        cls, arguments: layers.LayerArguments, weight: FloatArray, bias: FloatArray | None
    ) -> Self:
        """Return a layer with copies of the given parameters."""
        layer = cls.__new__(cls)
        layer.arguments = arguments
        layer.weight = weight.copy()
        layer.bias = None if bias is None else bias.copy()
        layer._x, layer._y_shape = None, ()
        layer.zero_grad()
        return layer

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the layer's output for images x, and remember x for `backward`."""
        _, (x, _) = backend_of({"x": x, "weight": self.weight})  # a list becomes an array
        y: FloatArray = layers.apply(self.arguments, x, self.weight, self.bias)
        self._x, self._y_shape = x, y.shape
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Add to the parameters' gradients, given dL/dy of the last output, and return dL/dx."""
        if self._x is None:
            msg = "backward needs the output of a call: y = layer(x), then layer.backward(dy)"
            raise RuntimeError(msg)
        x, options = self._x, self.arguments.options()
        _, (dy, _) = backend_of({"dy": dy, "x": x})
        if dy.shape != self._y_shape:
            msg = f"dy must have the shape of the last output, {self._y_shape}, got {dy.shape}"
            raise ValueError(msg)
        weight = self.weight
        if self.arguments.in_channels is None:
            x, dy = layers.as_channel(x, np), layers.as_channel(dy, np)
            weight = weight[None, None]
        dw = conv_weight_grad(x, dy, self.arguments.kernel_size, **options)
        dx = conv_input_grad(dy, weight, x.shape[-2:], **options)
        self.weight_grad += dw.reshape(self.weight.shape)
        if self.bias_grad is not None:
            # Summed in float32 at least, as all sums are here.
            sums = np.result_type(dy.dtype, np.float32)
            db = dy.sum(axis=(*range(dy.ndim - 3), -2, -1), dtype=sums)
            self.bias_grad += db.astype(self.bias_grad.dtype)
        result: FloatArray = dx.reshape(self._x.shape)
        return result

    def zero_grad(self) -> None:
        """Set the parameters' gradients to zero."""
        self.weight_grad: FloatArray = np.zeros_like(self.weight)
        self.bias_grad: FloatArray | None = None
        if self.bias is not None:
            self.bias_grad = np.zeros_like(self.bias)

    def __repr__(self) -> str:
        return f"Conv2D({self.arguments})"
