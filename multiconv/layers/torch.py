"""Convolutional layers as torch.nn.Module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from multiconv.core import dtypes
from multiconv.layers.layer import Layer, Transposed
from multiconv.layers.shared import LayerArguments, call

torch.fx.wrap("call")  # one step of a symbolic trace, as torch's own convolutions are


class TorchLayer(Layer, torch.nn.Module):
    """A layer as a torch.nn.Module: its parameters are ``weight`` and ``bias``."""

    backend_name = "torch"
    weight: torch.nn.Parameter
    bias: torch.nn.Parameter | None

    def _dtype_name(self, dtype: Any) -> str:
        chosen: Any = torch.get_default_dtype() if dtype is None else dtype
        name = str(chosen).removeprefix("torch.")
        is_one = isinstance(chosen, (torch.dtype, str))  # names are what all libraries share
        if not is_one or name not in (*dtypes.FLOATS, *dtypes.COMPLEX):
            msg = f"dtype must be a floating-point dtype such as torch.float32, got {chosen!r}"
            raise TypeError(msg)
        return name

    def _device(self, device: Any) -> Callable[[Any], Any]:
        # None is what torch.set_default_device and `with torch.device(...)` say.
        place = torch.empty(0, device=device).device
        return lambda array: array.to(place)

    def _hold(self, arguments: LayerArguments, weight: Any, bias: Any) -> None:
        torch.nn.Module.__init__(self)
        self.arguments = arguments
        for name, array in (("weight", weight), ("bias", bias)):
            parameter = None
            if array is not None:
                copy = array.detach().clone(memory_format=torch.contiguous_format)
                parameter = torch.nn.Parameter(copy)
            self.register_parameter(name, parameter)

    def reset_parameters(self, seed: int | None = None) -> None:
        """Draw the parameters anew, in place, as the constructor does."""
        name = str(self.weight.dtype).removeprefix("torch.")
        with torch.no_grad():
            for parameter, drawn in zip(
                (self.weight, self.bias), self._drawn(self.arguments, name, seed, None), strict=True
            ):
                if parameter is not None:
                    parameter.copy_(drawn)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for images x."""
        y: torch.Tensor = call(self.arguments, x, self.weight, self.bias)
        return y

    def extra_repr(self) -> str:
        """Describe the arguments, as the repr of a module shows them."""
        return str(self.arguments)

    __repr__ = torch.nn.Module.__repr__


class Conv2D(TorchLayer):
    """A two-dimensional convolution with weights that can be learned, as a torch.nn.Module.

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


class Conv1D(TorchLayer):
    """`Conv2D` with one axis: signals (N, C, L) or (C, L), a weight (O, C/groups, kw)."""


class Conv3D(TorchLayer):
    """`Conv2D` with three axes: volumes (N, C, D, H, W), a weight (O, C/groups, kd, kh, kw)."""


class ConvTranspose2D(Transposed, TorchLayer):
    """The adjoint of a `Conv2D`, with weights that can be learned: `multiconv.conv_transpose2d`.

    Channels are needed: images are (N, C, H, W) or (C, H, W), the weight (C, O/groups, kh, kw).

    Examples
    --------
    >>> import torch
    >>> from multiconv.torch import ConvTranspose2D
    >>> layer = ConvTranspose2D(4, in_channels=8, out_channels=3, stride=2, padding=1)
    >>> layer(torch.zeros(8, 14, 14)).shape
    torch.Size([3, 28, 28])
    """


class ConvTranspose1D(Transposed, TorchLayer):
    """`ConvTranspose2D` with one axis: signals (N, C, L), a weight (C, O/groups, kw)."""


class ConvTranspose3D(Transposed, TorchLayer):
    """`ConvTranspose2D` with three axes: (N, C, D, H, W), a weight (C, O/groups, kd, kh, kw)."""
