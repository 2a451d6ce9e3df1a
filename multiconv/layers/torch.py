"""A convolutional layer as a torch.nn.Module."""

from __future__ import annotations

from typing import Any, Self

import torch

from multiconv.core import dtypes
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.layers import shared as layers
from multiconv.layers.exchange.exchangeable import Exchangeable
from multiconv.layers.shared import LayerArguments


class Conv2D(Exchangeable, torch.nn.Module):
    """A two-dimensional convolution with weights that can be learned, as a torch.nn.Module.

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
    dtype, device : optional
        Of the parameters; torch's defaults if left out.
    seed : int, optional
        The same seed gives the same weights on every backend; without one they are fresh.

    Attributes
    ----------
    weight, bias : torch.nn.Parameter
        The parameters; bias is (1,) or (O,), None without one.

    Examples
    --------
    >>> import torch
    >>> from multiconv.torch import Conv2D
    >>> layer = Conv2D(3, in_channels=1, out_channels=4, padding="same", seed=0)
    >>> layer(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 4, 28, 28])
    >>> [name for name, _ in layer.named_parameters()]
    ['weight', 'bias']
    """

    backend_name = "torch"
    bias: torch.nn.Parameter | None

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
        dtype: torch.dtype | None = None,
        device: Any = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
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
        chosen: Any = torch.get_default_dtype() if dtype is None else dtype
        name = str(chosen).removeprefix("torch.")
        if not isinstance(chosen, torch.dtype) or name not in (*dtypes.FLOATS, *dtypes.COMPLEX):
            msg = f"dtype must be a floating-point dtype such as torch.float32, got {chosen!r}"
            raise TypeError(msg)
        weight, offset = layers.initial_parameters(self.arguments, seed, name)
        self.weight = torch.nn.Parameter(torch.tensor(weight, device=device).to(chosen))
        if offset is None:
            self.register_parameter("bias", None)
        else:
            self.bias = torch.nn.Parameter(torch.tensor(offset, device=device).to(chosen))

    @classmethod
    def from_parameters(cls, arguments: LayerArguments, weight: Any, bias: Any) -> Self:
        """Return a layer with copies of the given parameters."""
        layer = cls.__new__(cls)
        torch.nn.Module.__init__(layer)
        layer.arguments = arguments
        copies = [
            None
            if array is None
            else torch.nn.Parameter(array.detach().clone(memory_format=torch.contiguous_format))
            for array in (weight, bias)
        ]
        layer.register_parameter("weight", copies[0])
        layer.register_parameter("bias", copies[1])
        return layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for images x."""
        y: torch.Tensor = layers.apply(self.arguments, x, self.weight, self.bias)
        return y

    def extra_repr(self) -> str:
        """Describe the arguments, as the repr of a module shows them."""
        return str(self.arguments)
