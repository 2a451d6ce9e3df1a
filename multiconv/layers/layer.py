"""The constructors that the layers of all frameworks share; a framework adds its idiom alone.

A class of a framework says how it reads a dtype and a device and how it holds parameters
(`_dtype_name`, `_device`, `_hold`), and what a call looks like. Six thin names per framework do the
rest.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Self, TypeVar

import numpy as np

from multiconv.backends import registry
from multiconv.backends.transfer import made
from multiconv.core import dtypes
from multiconv.core.arguments import Constant, IntOrInts, Padding, Pairs
from multiconv.core.calls import takes
from multiconv.layers import shared as layers
from multiconv.layers.exchange.exchangeable import Exchangeable
from multiconv.layers.shared import LayerArguments
from multiconv.layers.table import KINDS

P = ParamSpec("P")

# The order of arguments in other libraries; ours was given where the first is no number.
_TORCH = ("in_channels", "out_channels", "kernel_size", "stride", "padding")
_TORCH_CONV = (*_TORCH, "dilation", "groups", "bias", "padding_mode")
_TORCH_TRANSPOSED = (*_TORCH, "output_padding", "groups", "bias", "dilation")
_KERAS = ("out_channels", "kernel_size")
_OURS = ("kernel_size", "in_channels", "out_channels")


def _constructor(signature: Callable[P, None]) -> Callable[P, None]:
    """Make a constructor of the arguments it has, and explain calls that do not fit them.

    Above all those in another library's order.
    """
    explained = takes()(signature)
    accepted = inspect.signature(signature)

    @functools.wraps(signature)
    def construct(*args: P.args, **kwargs: P.kwargs) -> None:
        positional: list[Any]
        layer: Any
        layer, *positional = args
        if len(positional) + ("kernel_size" in kwargs) > 1:
            raise TypeError(_rewritten(layer, positional, kwargs))
        if "padding_mode" in kwargs and "padding_mode" not in accepted.parameters:
            msg = f"a {layer.kind} has no padding_mode: {layers.NO_BORDER}"
            raise TypeError(msg)
        explained(*args, **kwargs)
        given = accepted.bind(*args, **kwargs).arguments
        layer._start(**{name: value for name, value in given.items() if name != "self"})

    return construct


def _rewritten(layer: Any, args: list[Any], kwargs: dict[str, Any]) -> str:
    """Write a call in another library's order as one of ours."""
    order: tuple[str, ...] = _TORCH_TRANSPOSED if "Transpose" in layer.kind else _TORCH_CONV
    if not isinstance(args[0], int):
        order = _OURS
    elif len(args) + ("kernel_size" in kwargs) == 2 and "out_channels" not in kwargs:
        order = _KERAS
    meant = dict(zip(order, args, strict=False)) | kwargs
    size = meant.pop("kernel_size", 3)
    channels = {name: meant.pop(name, 1) for name in ("in_channels", "out_channels")}
    given = ", ".join(f"{name}={value!r}" for name, value in (channels | meant).items())
    name = type(layer).__name__
    return (
        f"{name} takes the size of the kernel by position, and all else by keyword: "
        f"{name}({size!r}, {given})"
    )


T = TypeVar("T")


class Argument(Generic[T]):
    """An argument of a layer that can be read, and not changed."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type) -> T:
        """Return the argument as it was read; of the class, what describes it."""
        if layer is None:
            return self  # type: ignore[return-value]
        value: T = getattr(layer.arguments, self.name)
        return value

    def __set__(self, layer: Any, value: T) -> None:
        msg = (
            f"{self.name} of a layer does not change: make another layer with {self.name}={value!r}"
        )
        raise AttributeError(msg)


class Layer(Exchangeable):
    """A convolution with weights that can be learned.

    Parameters
    ----------
    kernel_size : int or one per spatial axis
        Size of the kernel, in pixels.
    in_channels, out_channels : int, optional
        Both, for images (N, C, H, W) or (C, H, W) and a weight (O, C/groups, kh, kw); neither, for
        the textbook's layer with images (..., H, W) and a weight (kh, kw): a `Conv2D` alone.
    stride, padding, dilation, groups, method : optional
        As in `multiconv.conv2d`, and for a transposed layer in `multiconv.conv_transpose2d`.
    padding_mode : str, optional
        As in `multiconv.conv2d`; a transposed layer has none.
    padding_value : float or one per channel, optional
        What a border of padding_mode="constant" shows.
    channels_last : bool, optional
        Whether images are (N, H, W, C) or (H, W, C); the weight has an order of its own.
    weight_order : {"OIHW", "HWIO"}, optional
        The order of the weight's axes: (O, C/groups, kh, kw), or (kh, kw, C/groups, O) as in Keras
        and Flax; transposed with C and O in each other's places. With other axes ``"OIW"`` and
        ``"WIO"``, ``"OIDHW"`` and ``"DHWIO"``. The same seed gives the same filters in either.
    output_padding : int or one per spatial axis, optional
        Of a transposed layer alone, as in `multiconv.conv_transpose2d`.
    bias : bool, optional
        Whether a bias is added.
    dtype : dtype, optional
        Of the parameters, or its name; float32 if left out, torch's default. One of 64 bits needs
        JAX's x64 setting.
    device : str, torch.device, jax.Device or jax.sharding.Sharding, optional
        Where the parameters go; the framework's default if left out. NumPy has "cpu".
    weight_init : str, optional
        How the weights are drawn: "default", uniform in +-1/sqrt(fan_in) and the bias too, or with
        a bias of zeros "lecun", "glorot" (or "xavier") and "he" (or "kaiming"), each followed by
        "_uniform" or "_normal", or "zeros".
    seed : int, optional
        The same seed gives the same weights on every backend; without one they are fresh.
    key : jax.Array, optional
        Of JAX alone: a key of ``jax.random`` instead of a seed, also inside ``jax.jit``. Its
        numbers are JAX's own.

    Attributes
    ----------
    weight, bias : ndarray, torch.nn.Parameter or jax.Array
        The parameters; bias is (1,) or (O,), None without one.
    kernel_size, in_channels, stride, padding and so on
        The arguments, as they were read: one int per spatial axis, pads as (low, high) pairs. They
        do not change.
    """

    kernel_size = Argument[tuple[int, ...]]()
    in_channels = Argument[int | None]()
    out_channels = Argument[int | None]()
    stride = Argument[tuple[int, ...]]()
    padding = Argument[str | Pairs]()
    output_padding = Argument[tuple[int, ...]]()
    dilation = Argument[tuple[int, ...]]()
    groups = Argument[int]()
    padding_mode = Argument[str]()
    padding_value = Argument[Constant]()
    channels_last = Argument[bool]()
    weight_order = Argument[str]()
    method = Argument[str]()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "kind") or cls.__name__ not in KINDS:
            return
        cls.kind = cls.__name__
        # The sections above are those of every layer: its help shows them before its examples.
        own, examples, code = inspect.cleandoc(cls.__doc__ or "").partition("Examples\n")
        shared = "".join(inspect.cleandoc(Layer.__doc__ or "").partition("Parameters\n")[1:])
        cls.__doc__ = "\n\n".join(filter(None, [own.rstrip(), shared, examples + code]))

    @_constructor
    def __init__(
        self,
        kernel_size: IntOrInts,
        *,
        in_channels: int | None = None,
        out_channels: int | None = None,
        stride: IntOrInts = 1,
        padding: Padding = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        padding_value: float | tuple[float, ...] = 0,
        channels_last: bool = False,
        weight_order: str | None = None,
        method: str = "auto",
        dtype: Any = None,
        device: Any = None,
        weight_init: str = "default",
        seed: int | None = None,
        key: Any = None,
    ) -> None: ...

    @classmethod
    def from_parameters(cls, arguments: LayerArguments, weight: Any, bias: Any) -> Self:
        """Return a layer with the given parameters."""
        layer = cls.__new__(cls)
        layer._hold(arguments, weight, bias)
        return layer

    def _start(
        self,
        *,
        dtype: Any = None,
        device: Any = None,
        seed: int | None = None,
        key: Any = None,
        **given: Any,
    ) -> None:
        """Read the arguments of a constructor and draw the first parameters."""
        arguments = layers.read(kind=self.kind, **given)
        name = self._dtype_name(dtype)
        place = self._place(device)
        if key is not None and seed is not None:
            msg = (
                "give seed or key, not both: a seed draws what all backends draw, a key as JAX does"
            )
            raise ValueError(msg)
        drawn = self._drawn(arguments, name, seed, key)
        weight, bias = (None if p is None else place(p) for p in drawn)
        self._hold(arguments, weight, bias)

    def _drawn(self, arguments: LayerArguments, dtype: str, seed: Any, key: Any) -> tuple[Any, Any]:
        """Return first parameters, weight and bias or None, on the default device."""
        if key is not None:
            msg = f"key is a key of JAX, and this layer one of {self.backend_name}: give seed=0"
            raise TypeError(msg)
        backend = registry.load(self.backend_name)
        weight, bias = layers.initial_parameters(arguments, seed, dtype)
        return made(weight, dtype, backend), None if bias is None else made(bias, dtype, backend)

    def _place(self, device: Any) -> Callable[[Any], Any]:
        """Return the function that brings an array to a device."""
        try:
            return self._device(device)
        except Exception as error:  # every framework has its own
            known = ", ".join(map(repr, registry.load(self.backend_name).devices()))
            msg = f"device={device!r} is no device of {self.backend_name} here ({error}); "
            msg += f"there is {known}, and device=None is the default one"
            raise (TypeError if isinstance(error, TypeError) else ValueError)(msg) from None

    def _dtype_name(self, dtype: Any) -> str:
        """Read a dtype of the framework, None being its default."""
        try:
            name = np.dtype("float32" if dtype is None else dtype).name
        except TypeError:
            name = ""
        if name not in (*dtypes.FLOATS, *dtypes.COMPLEX):
            shown = name or repr(dtype)
            msg = f"dtype must be a floating-point dtype such as 'float32', got {shown}"
            raise TypeError(msg)
        return name

    def _device(self, device: Any) -> Callable[[Any], Any]:
        """Return the function that brings an array to a device; raise where there is none such."""
        raise NotImplementedError

    def _hold(self, arguments: LayerArguments, weight: Any, bias: Any) -> None:
        """Keep arguments and parameters, as the framework keeps them."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.arguments})"


class Transposed(Layer):
    """The constructor of the transposed ones, which have no border to fill."""

    @_constructor
    def __init__(
        self,
        kernel_size: IntOrInts,
        *,
        in_channels: int | None = None,
        out_channels: int | None = None,
        stride: IntOrInts = 1,
        padding: Padding = 0,
        output_padding: IntOrInts = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        channels_last: bool = False,
        weight_order: str | None = None,
        method: str = "auto",
        dtype: Any = None,
        device: Any = None,
        weight_init: str = "default",
        seed: int | None = None,
        key: Any = None,
    ) -> None: ...
