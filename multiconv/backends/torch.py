"""The PyTorch backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from array_api_compat import torch as torch_namespace
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn import functional
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from multiconv.backends.base import HOST_MEMORY, Array, Backend, NumPyArray, Terms
from multiconv.backends.edits import pad_or_crop, spread
from multiconv.backends.ieee.torch import rounds_products
from multiconv.backends.in_memory.torch import (
    certified_in_memory,
    exactly_in_memory,
    places_in_memory,
    sum_in_memory,
)
from multiconv.backends.in_place.torch import PLAIN, may_write, sum_anew, sum_in_place
from multiconv.backends.loops import compiled
from multiconv.backends.loops.exactly import bits
from multiconv.backends.loops.exactly import calls as exactly
from multiconv.backends.loops.exactly.repair import sums_to_odd
from multiconv.backends.loops.exactly.taps.calls import certified_taps
from multiconv.backends.native import torch as own
from multiconv.backends.sharded import torch as sharded
from multiconv.core import dtypes
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.core.shards import Piece, Placement

# PyTorch stores these but does not calculate with them. A wider signed sum, cast back, is the same
# modulo 2**bits (uint64 and int64 are the same bits).
_ACCUMULATORS = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}

# Of so many bytes.
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}

_MOST_AXES = 3  # that torch.nn.functional has convolutions of


class TorchBackend(Backend):
    """PyTorch tensors of any device, with autograd, torch.func, torch.compile and torch.export."""

    name = "torch"
    array_name = "torch tensor"
    xp = torch_namespace
    default_integer = "int64"
    leaves_dtypes = names_tell_dtypes = True
    folded_dtypes = frozenset({"float32"})  # that torch has fast convolutions of, on the CPU

    def owns(self, array: object) -> bool:
        """Take every tensor, parameters and the tensors of tracers too."""
        return isinstance(array, torch.Tensor)

    def check(self, name: str, array: Array) -> None:
        """Refuse what has no sizes, and the layouts that cannot be sliced."""
        if isinstance(array, UninitializedTensorMixin):
            msg = (
                f"{name} has no size yet: call {name}.materialize(shape), or the lazy module that "
                f"it belongs to, once"
            )
            raise TypeError(msg)
        if array.is_nested:
            msg = (
                f"{name} is a nested tensor, whose images differ in size: pass "
                f"torch.nested.to_padded_tensor({name}, 0.0), or one image at a time"
            )
            raise TypeError(msg)
        if array.layout is not torch.strided:
            msg = f"{name} is a tensor of layout {array.layout}: pass {name}.to_dense()"
            raise TypeError(msg)

    def check_together(self, named: Mapping[str, Any]) -> None:
        """Refuse a fake tensor or a DTensor beside a tensor that it does not go with."""
        if torch.compiler.is_compiling():
            return
        sharded.check_together(named)
        # Not isinstance, which asks the metaclass: this is on the path of every call.
        fakes = {n: a.fake_mode for n, a in named.items() if FakeTensor in type(a).__mro__}
        for fake, mode in fakes.items():
            for other, tensor in named.items():
                is_real = isinstance(tensor, torch.Tensor) and other not in fakes
                if not is_real and fakes.get(other, mode) is mode:
                    continue
                if is_real and mode.allow_non_fake_inputs:
                    continue
                kind = "a real one" if is_real else "one of another mode"
                msg = (
                    f"{fake} is a fake tensor, which has no numbers, and {other} {kind}: pass "
                    f"{other}={fake}.fake_mode.from_tensor({other})"
                )
                raise TypeError(msg)

    def asarray(self, nested: Any, *, like: Array | None = None) -> Array:
        device = None if like is None else like.device
        if _holds_tensors(nested):  # torch.tensor would cut them off from their gradients
            return torch.stack([self.asarray(entry, like=like) for entry in nested])
        if isinstance(nested, torch.Tensor):
            return nested
        array = torch.tensor(nested, device=device)
        if like is not None and like.dtype in (torch.float64, torch.complex128):
            wide = {torch.float32: torch.float64, torch.complex64: torch.complex128}
            if array.dtype in wide:  # else the numbers would be rounded on the way
                return torch.tensor(nested, dtype=wide[array.dtype], device=device)
        return array

    def dtype_name(self, dtype: Any) -> str:
        """Return the name: torch's are NumPy's."""
        return str(dtype).removeprefix("torch.")

    def dtype(self, name: str) -> Any:
        return getattr(torch, name)

    def astype(self, array: Array, name: str) -> Array:
        return array.to(getattr(torch, name))

    def accumulator(self, name: str) -> str:
        return _ACCUMULATORS.get(name) or dtypes.accumulator(name)

    def signature(self, array: Array) -> tuple[Any, ...]:
        """Return shape, dtype, device, layout, and whether gradients are recorded.

        torch.jit.trace has tensors for sizes.
        """
        shape = array.shape
        if torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            shape = torch.Size(map(int, shape))
        records = array.requires_grad and torch.is_grad_enabled()
        own = shape, array.dtype, array.device, array.layout, records
        if type(array) in PLAIN:
            return own
        placement = sharded.placement_of(array)
        return own if placement is None else (*own, placement)

    def kinds(self, arrays: Sequence[Array | None]) -> Any:
        """Ask for what is the same of all arrays once."""
        if torch.compiler.is_compiling():
            return None
        if torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return super().kinds(arrays)
        records = torch.is_grad_enabled()
        kinds: list[Any] = []
        for a in arrays:
            if a is None:
                kinds.append(None)
            elif type(a) in PLAIN:
                is_recorded = records and a.requires_grad
                kinds.append((type(a), a.shape, a.dtype, a.device, a.layout, is_recorded))
            else:
                kinds.append((type(a), self.signature(a)))
        return tuple(kinds)

    def placement(self, signature: tuple[Any, ...]) -> Placement | None:
        return signature[5] if len(signature) > 5 else None

    def on_shards(
        self,
        body: Callable[..., Array],
        placement: Placement,
        given: Sequence[Piece],
        result: Piece,
    ) -> Callable[..., Array]:
        return sharded.on_shards(body, placement, given, result, self)

    def placed(self, name: str, placement: Placement, beside: str = "") -> str:
        """Return a call of redistribute, with torch.distributed.tensor's names."""
        places = sharded.placements(placement.spec, len(placement.sizes))
        return f"{name}.redistribute(placements={places})"

    def is_recorded(self, signature: tuple[Any, ...]) -> bool:
        return len(signature) > 4 and bool(signature[4])

    def with_gradients(
        self, function: Callable[..., Array], arrays: Sequence[Array]
    ) -> Callable[[], Any] | None:
        leaves = [array.detach().requires_grad_() for array in arrays]

        def call() -> Any:
            y = function(*leaves)
            return torch.autograd.grad(y, leaves, torch.ones_like(y))

        return call

    def is_plain(self, array: Array) -> bool:
        """Leave out subclasses: fake tensors of different modes do not go together."""
        return type(array) in PLAIN

    def is_writeable(self, array: Array) -> bool:
        return True

    def is_tracing(self) -> bool:
        """Tell whether Dynamo or torch.export reads along."""
        return torch.compiler.is_compiling()

    def is_exporting(self) -> bool:
        exporting = getattr(torch.compiler, "is_exporting", None)  # since PyTorch 2.7
        return bool(exporting and exporting())

    def speed(self, device: Any, *, recorded: bool = False) -> str:
        """Return the device's type; what is on no device is planned as on the CPU."""
        kind = "cpu" if device.type == "meta" else str(device.type)
        if recorded:
            return f"{kind}, recording"
        return f"{kind}, compiled" if kind == "cpu" and compiled.is_installed() else kind

    def is_finite(self, array: Array) -> bool:
        """Tell, unless there are no numbers, or those of many calls at once."""
        if sharded.placement_of(array) is not None:
            return sharded.is_finite(array)
        if not self.is_plain(array) or array.is_meta or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return True
        if torch._C._functorch.is_functorch_wrapped_tensor(array):
            return True
        return bool(torch.isfinite(array.detach()).all())

    def capacity(self, device: Any) -> int:
        """Return the bytes of this machine's memory for what is in it."""
        if device.type == "meta":  # where nothing is kept
            return 2**63 - 1
        return HOST_MEMORY if device.type == "cpu" else super().capacity(device)

    def zeros(self, shape: tuple[int, ...], like: Array) -> Array:
        return like.new_zeros(shape)

    def full(self, shape: tuple[int, ...], value: complex, like: Array) -> Array:
        return like.new_full(shape, value)

    def pad_zeros(self, array: Array, pads: Pairs) -> Array:
        """Add zeros around the last axes; torch lists the pads from the last axis on."""
        return functional.pad(array, [amount for pair in reversed(pads) for amount in pair])

    def sum_of_taps(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Add in place where nobody records it, and in the same way elsewhere: bits are equal."""
        if x.shape[2] != 1 or geometry.outputs < geometry.taps:
            return None
        is_free = may_write(x, weight)
        y = sum_in_memory(x, weight, geometry) if is_free else None
        if y is not None:
            return y
        x = pad_or_crop(x, geometry.pads, self)
        return (sum_in_place if is_free else sum_anew)(x, weight, geometry)

    def matmul(self, first: Array, second: Array) -> Array:
        """Multiply matrices in full precision.

        CUDA has no integer product of matrices, and Inductor's own turns int32 into int64.
        """
        has_product = first.device.type in ("cpu", "meta") and not torch.compiler.is_compiling()
        if not _is_inexact(first) and not has_product:
            products = first.unsqueeze(-1) * second.unsqueeze(-3)
            return products.sum(dim=-2, dtype=first.dtype)
        # Autocast narrows the derivatives even where it is off around the product (not those of a
        # convolution); it leaves float64 alone.
        device_type = first.device.type
        narrows = own.is_autocast(device_type) or rounds_products(device_type, "matmul")
        if first.dtype == torch.float32 and narrows:
            return torch.matmul(first.double(), second.double()).float()
        return torch.matmul(first, second)

    def native_refusal(self, dtype: str, device: Any, axes: int) -> str | None:
        if not 1 <= axes <= _MOST_AXES:
            return f"torch.nn.functional has no convolution of {axes} spatial axes"
        if dtypes.kind(dtype) == "integer" and device.type not in ("cpu", "meta"):
            return f"torch.nn.functional.conv{axes}d has no integers on {device.type}"
        return None

    def native_elements(self, dtype: str, device: Any, columns: int) -> int | None:
        """Return the patch matrix that torch forms on the CPU of all but float32."""
        return columns if device.type == "cpu" and dtype != "float32" else None

    def native(
        self,
        x: Array,
        weight: Array,
        *,
        stride: tuple[int, ...],
        pads: Pairs,
        dilation: tuple[int, ...],
        groups: int,
    ) -> Array:
        if all(low == high for low, high in pads):
            padding = tuple(low for low, _ in pads)
        else:
            x, padding = self.pad_zeros(x, pads), (0,) * len(pads)
        if not _is_inexact(x) and any(d > 1 for d in dilation):
            # Integers have no dilated kernel in torch, but a kernel with zeros in it is one.
            weight, dilation = spread(weight, dilation, self), (1,) * len(dilation)
        kind, is_float32 = x.device.type, x.dtype == torch.float32
        return own.correlation(stride, padding, dilation, groups, kind, is_float32=is_float32)(
            x, weight
        )

    def native_call(
        self, wanted: str, geometry: Geometry, groups: int, dtype: str, device: Any
    ) -> Callable[..., Array] | None:
        return own.call(wanted, geometry, groups, dtype, device.type)

    def correlate_last(
        self,
        x: Array,
        weight: Array,
        *,
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> Array:
        """Hand views of the order (N, C, *spatial) to torch, which keeps channels last in memory.

        On signals with a row around them: there is no such order for one axis.
        """
        axes = len(stride)
        has_own = self.native_refusal(self.dtype_name(x.dtype), x.device, axes) is None
        if not has_own or x.dtype != torch.float32:  # of others it forms the patch matrix
            return super().correlate_last(
                x, weight, stride=stride, dilation=dilation, groups=groups
            )
        if axes == 1:
            x, weight = x.unsqueeze(1), weight.unsqueeze(1)
            stride, dilation = (1, *stride), (1, *dilation)
        y = self.native(
            x.movedim(-1, 1),
            weight.movedim(-1, 1),
            stride=stride,
            pads=((0, 0),) * len(stride),
            dilation=dilation,
            groups=groups,
        ).movedim(1, -1)
        return y.squeeze(1) if axes == 1 else y

    def contiguous(self, array: Array) -> Array:
        """Let `Tensor.view` be called on it, as on what torch's own convolution returns."""
        return array.contiguous()

    def as_bits(self, array: Array) -> Array:
        return array.contiguous().view(_INTEGERS[array.dtype.itemsize])

    def from_bits(self, bits: Array, name: str) -> Array:
        return bits.contiguous().view(self.dtype(name))

    def joined(self, real: Array, imaginary: Array) -> Array:
        return torch.complex(real, imaginary)

    def scatter_add(self, places: Array, values: Array, count: int) -> Array:
        return values.new_zeros((values.shape[0], count)).scatter_add_(1, places, values)

    band_elements = 2**18

    def has_plain_float32(self, array: Array) -> bool:
        return bool(array.device.type == "cpu")

    def certified_taps(
        self, x: Array, weight: Array, geometry: Geometry
    ) -> tuple[Array, Array] | None:
        if x.dtype != torch.float32 or weight.dtype != torch.float32:
            return None
        return certified_in_memory(certified_taps, x, weight, geometry)

    def largest(self, array: Array) -> float:
        arrays = exactly_in_memory((array,))
        return super().largest(array) if arrays is None else bits.largest(arrays[0])

    def are_multiples(self, array: Array, exponent: int) -> bool:
        arrays = exactly_in_memory((array,))
        if arrays is None:
            return super().are_multiples(array, exponent)
        return bits.are_multiples(arrays[0], exponent)

    def certified_sums(
        self,
        wanted: str,
        first: Array,
        second: Array,
        bias: Array | None,
        geometry: Geometry,
        *,
        is_exact: bool = False,
    ) -> tuple[Array, Array] | None:
        function = partial(exactly.certified_sums, is_exact=is_exact)
        return certified_in_memory(function, wanted, first, second, bias, geometry)

    def sums_to_odd(
        self, first: Array, second: Array, bias: Array | None, places: Array, terms: Terms
    ) -> Array | None:
        arrays = exactly_in_memory((first, second, bias, places, terms))
        return None if arrays is None else torch.from_numpy(sums_to_odd(*arrays))

    def certified(self, high: Array, error: Array) -> tuple[Array, Array] | None:
        return certified_in_memory(exactly.certified, high, error)

    def sums_by_integers(
        self, first: Array, second: Array, bias: Array | None, places: Array, terms: Terms
    ) -> Array | None:
        arrays = exactly_in_memory((first, second, bias, places, terms))
        found = None if arrays is None else exactly.sums(*arrays)
        return None if found is None else torch.from_numpy(found)

    def refill(
        self, values: Array, mask: Array, rows: int, compute: Callable[[Array], Array]
    ) -> Array:
        """Write into the tensor."""
        found = places_in_memory(mask)
        if found is None:
            found = torch.nonzero(mask)[:, 0]
        for start in range(0, found.shape[0], rows):
            places = found[start : start + rows]
            values[places] = compute(places)
        return values

    def gather(self, array: Array, indices: NumPyArray) -> Array:
        places = torch.as_tensor(indices, device=array.device)
        return torch.index_select(array, array.ndim - 1, places)

    def sparse_matrix(self, values: Array, places: NumPyArray, shape: tuple[int, int]) -> Any:
        """Build a coalesced torch.sparse_coo tensor, differentiable in its values."""
        if str(values.dtype).startswith("torch.uint") and values.dtype != torch.uint8:
            msg = f"torch has no sparse matrices of {values.dtype}: cast weight to torch.int64"
            raise ValueError(msg)
        indices = torch.as_tensor(places, device=values.device)
        # Without a device it would be where torch.set_default_device says.
        matrix = torch.sparse_coo_tensor(
            indices, values, shape, device=values.device, check_invariants=False
        )
        return matrix if values.is_meta else matrix.coalesce()

    def to_numpy(self, array: Array) -> NumPyArray:
        """Copy to the CPU; NumPy has no bfloat16 of its own, and float32 holds it."""
        array = array.detach().cpu()
        if array.dtype == torch.bfloat16:
            array = array.float()
        return np.array(array.resolve_conj().resolve_neg().numpy())

    def from_numpy(self, array: NumPyArray, dtype: str, like: Array) -> Array:
        # A compiler takes NumPy's arrays for tensors, which torch.tensor does not copy.
        if self.is_tracing():
            return torch.as_tensor(array, dtype=getattr(torch, dtype), device=like.device)
        in_order = np.asarray(array, order="C")  # torch reads no negative strides
        return torch.tensor(in_order, dtype=getattr(torch, dtype), device=like.device)

    def conversion(self, name: str) -> str:
        """Return the expression of a copy or view: torch.asarray would flatten JAX's arrays."""
        return f"torch.as_tensor({name})"

    def readable(self, name: str, array: Array) -> str:
        """Return the tensor, or NumPy's view of it where others cannot read a tensor like this."""
        if array.dtype == torch.bfloat16:
            return f"{name}.detach().cpu().float().numpy()"
        if array.requires_grad or array.device.type != "cpu":
            cpu = "" if array.device.type == "cpu" else ".cpu()"
            return f"{name}.detach(){cpu}.numpy()"
        return name

    def transfer(self, name: str, onto: str) -> str:
        return f"{name}.to({onto}.device)"

    def devices(self) -> list[str]:
        """Return the CPU and every accelerator that is there."""
        names = ["cpu"]
        names += [f"cuda:{i}" for i in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            names.append("mps")
        return names

    def synchronize(self, array: Array) -> None:
        if array.device.type == "cuda":
            torch.cuda.synchronize(array.device)


def _holds_tensors(nested: Any) -> bool:
    if not isinstance(nested, (list, tuple)):
        return False
    return any(isinstance(entry, torch.Tensor) or _holds_tensors(entry) for entry in nested)


def _is_inexact(array: Array) -> bool:
    return bool(array.dtype.is_floating_point or array.dtype.is_complex)


BACKEND = TorchBackend()
