"""The one image, filter and bias that an output number is made of, as NumPy's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.core.arguments import integer, is_sequence
from multiconv.functions.conv import CONV, conv2d
from multiconv.functions.images import CORR2D
from multiconv.planning.dispatch import plan_for
from multiconv.planning.memory import check_memory
from multiconv.planning.options import Options
from multiconv.planning.plan import Plan

NumPyArray: TypeAlias = np.ndarray[Any, Any]


class Picked(NamedTuple):
    """What one number is made of: image (C, H, W), weight (C, kh, kw) and bias (1,) or None.

    ``image_index`` and ``filter_index`` are where they lie in x and k; ``channels`` are those of x
    that the filter sees, and empty where x has none.
    """

    image: NumPyArray
    weight: NumPyArray
    bias: NumPyArray | None
    image_index: tuple[int, ...]
    filter_index: tuple[int, ...]
    channels: tuple[int, ...]


class Operands(NamedTuple):
    """The arrays of a call, of one backend."""

    backend: Backend
    x: Array
    k: Array
    bias: Array | None

    @property
    def has_channels(self) -> bool:
        """Whether k is the weight of `conv2d`, not the kernel of `corr2d`."""
        return len(self.k.shape) != 2

    def planned(self, options: Options) -> Plan:
        """Plan the convolution, which checks all that goes into it."""
        signatures = [
            None if a is None else self.backend.signature(a) for a in (self.x, self.k, self.bias)
        ]
        if self.has_channels:
            _check_rank(self.k)
            operation = CONV._replace(names=("x", "k", "bias"))
        else:
            _check_options(self.bias, options)
            operation = CORR2D
            signatures.pop()  # corr2d has no bias
        plan = plan_for(operation, self.backend, tuple(signatures), options)
        check_memory(plan.elements, plan.dtype, self.backend.signature(self.x)[2], self.backend)
        return plan

    def picked(self, at: Sequence[int], groups: int) -> Picked:
        """Return what the number at this index of the output is made of."""
        lead = tuple(at[:-2])
        if not self.has_channels:
            image, weight = self._host("x", self.x[(*lead, ...)]), self._host("k", self.k)
            bias = None if self.bias is None else self._host("bias", self.bias).reshape(1)
            return Picked(image[None], weight[None], bias, lead, (), ())
        *batch, o = lead
        filters, each = self.k.shape[:2]
        first = o // (filters // groups) * each
        image = self._host("x", self.x[(*batch, slice(first, first + each), ...)])
        weight = self._host("k", self.k[o, ...])
        bias = None if self.bias is None else self._host("bias", self.bias)[o : o + 1]
        channels = tuple(range(first, first + each))
        return Picked(image, weight, bias, tuple(batch), (o,), channels)

    def added(self, patch: NumPyArray, weight: NumPyArray, bias: NumPyArray | None) -> Any:
        """Return the sum over a patch and a weight, both (C, kh, kw), as the backend adds up."""
        x, k = self._own(patch, self.x), self._own(weight[None], self.k)
        b = None if bias is None else self._own(bias, self.bias)
        return self._host("y", conv2d(x, k, b, method="direct")).reshape(())

    def _own(self, values: NumPyArray, like: Array) -> Array:
        whole = np.array(values, order="C")  # a flipped kernel is a view that torch cannot read
        return self.backend.from_numpy(whole, self.backend.dtype_name(like.dtype), like)

    def _host(self, name: str, array: Array) -> NumPyArray:
        reason: Exception | None = None
        if not self.backend.is_tracing():
            try:
                return self.backend.to_numpy(array)
            except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
                reason = error
        msg = (
            f"explain needs the numbers of {name}, and it has none: it is traced by a compiler or "
            f"a transformation, or on the meta device; call explain outside, with real arrays"
        )
        raise TypeError(msg) from reason


def one_number(bias: Any) -> Any:
    """Return a bias that is a plain number as a list of it, which follows the dtype of x."""
    return [bias] if isinstance(bias, (int, float, complex)) else bias


def position(at: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Read an index of an output of that shape; negative entries count from the end."""
    if not all(shape):
        msg = f"the output has no numbers to explain: its shape is {shape}"
        raise ValueError(msg)
    entries = tuple(at) if is_sequence("at", at) else (at,)
    last = tuple(n - 1 for n in shape)
    if len(entries) != len(shape):
        msg = (
            f"at must have {len(shape)} ints, one for each axis of the output, whose shape is "
            f"{shape}, got at={at!r}; the first is at={(0,) * len(shape)}, the last at={last}"
        )
        raise ValueError(msg)
    asked = tuple(integer(f"at[{axis}]", p, minimum=-(2**63)) for axis, p in enumerate(entries))
    if any(not -n <= p < n for p, n in zip(asked, shape, strict=True)):
        near = tuple(min(max(p, -n), n - 1) for p, n in zip(asked, shape, strict=True))
        msg = f"at={asked} is outside the output, whose shape is {shape}; the nearest is at={near}"
        raise ValueError(msg)
    return tuple(p % n for p, n in zip(asked, shape, strict=True))


def _check_rank(k: Array) -> None:
    if len(k.shape) != 4:
        msg = (
            f"k must be a kernel of shape (kh, kw) or a weight of shape (O, C/groups, kh, kw), got "
            f"the shape {tuple(k.shape)}"
        )
        if len(k.shape) == 3:
            msg += "; k[:, :, None, :] with x[..., None, :] is the same conv1d as a conv2d"
        raise ValueError(msg)


def _check_options(bias: Array | None, options: Options) -> None:
    """Refuse what a kernel without channels has not."""
    if options.groups != 1:
        msg = f"groups={options.groups} needs a weight k of shape (O, C/groups, kh, kw)"
        raise ValueError(msg)
    if bias is not None and tuple(bias.shape) not in ((), (1,)):
        msg = (
            f"bias must be one number for a kernel k of shape (kh, kw), got the shape "
            f"{tuple(bias.shape)}"
        )
        raise ValueError(msg)
