"""torch's DTensors: every process runs its own part, and sends halos from process to process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch.nn import functional

from multiconv.backends.base import Array, Backend, NumPyArray
from multiconv.core.shards import Names, Piece, Placement


def placement_of(array: Array) -> Placement | None:
    """Return how a DTensor lies on its mesh, None for any other tensor.

    The axes of the mesh are called by their numbers. A sum that is still to be added up (Partial)
    divides no axis: it is added up on the way in.
    """
    # Nobody has a DTensor before this is imported, and importing it takes a second.
    tensors = sys.modules.get("torch.distributed.tensor")
    if tensors is None or not isinstance(array, tensors.DTensor):
        return None
    mesh = array.device_mesh
    spec: list[Names] = [()] * array.ndim
    for number, place in enumerate(array.placements):
        if type(place) is tensors.Shard:
            axis = place.dim % array.ndim
            spec[axis] = (*spec[axis], number)
    sizes = tuple(enumerate(mesh.shape))
    placement = Placement(mesh, sizes, tuple(spec))
    for axis, names in enumerate(spec):
        count = placement.shards(names)
        if len(names) > 1 and array.shape[axis] % count:
            msg = (
                f"axis {axis} of a DTensor of shape {tuple(array.shape)} is divided by "
                f"{len(names)} axes of the mesh, {count} shards that do not divide it: divide "
                f"it by one of them, with x.redistribute(placements={list(_single(array, axis))})"
            )
            raise ValueError(msg)
    return placement


def check_together(named: Mapping[str, Any]) -> None:
    """Refuse a DTensor beside a tensor of one process, and DTensors of two meshes."""
    meshes = {
        name: placement.mesh
        for name, array in named.items()
        if isinstance(array, torch.Tensor) and (placement := placement_of(array))
    }
    for first, mesh in meshes.items():
        for other, array in named.items():
            if array is None or meshes.get(other) == mesh:
                continue
            kind = "one on another mesh" if other in meshes else "no DTensor"
            msg = (
                f"{first} is a DTensor and {other} {kind}: pass {other}=torch.distributed.tensor."
                f"distribute_tensor({other}, {first}.device_mesh)"
            )
            raise TypeError(msg)


def _single(array: Any, axis: int) -> list[Any]:
    """Return the placements with an axis divided by the first axis of the mesh alone."""
    from torch.distributed.tensor import Replicate, Shard

    kept: list[Any] = []
    for place in array.placements:
        again = isinstance(place, Shard) and place.dim == axis and place in kept
        kept.append(Replicate() if again else place)
    return kept


def placements(spec: Sequence[Names], axes: int) -> list[Any]:
    """Return what torch calls the placements: for each axis of the mesh, what it divides."""
    from torch.distributed.tensor import Replicate, Shard

    divided = {name: axis for axis, names in enumerate(spec) for name in names}
    return [Shard(divided[n]) if n in divided else Replicate() for n in range(axes)]


class TorchShard:
    """The shard that this process is (see `halos.Shard`)."""

    def __init__(self, names: Names, mesh: Any, backend: Backend) -> None:
        self.names, self.mesh, self.backend = names, mesh, backend
        here = mesh.get_coordinate()
        # The processes that differ from this one along those axes alone, in the order of shards.
        window = tuple(slice(None) if n in names else c for n, c in enumerate(here))
        self.ranks = [int(rank) for rank in mesh.mesh[window].flatten()]
        self.number = self.ranks.index(dist.get_rank())

    def own(self, table: NumPyArray) -> Any:
        row = table[self.number]
        return row if row.ndim else int(row)

    def send(self, piece: Array, pairs: Sequence[tuple[int, int]]) -> Array:
        return _Sent.apply(piece, tuple((self.ranks[a], self.ranks[b]) for a, b in pairs))  # type: ignore[no-untyped-call]

    def sum(self, array: Array) -> Array:
        return _Summed.apply(array, self.groups)  # type: ignore[no-untyped-call]

    def take(self, array: Array, rows: NumPyArray, axis: int) -> Array:
        return array.index_select(axis, torch.as_tensor(rows, device=array.device))

    def put(self, array: Array, rows: NumPyArray, axis: int, size: int) -> Array:
        places = torch.as_tensor(rows, device=array.device)
        return array.new_zeros(_resized(array, axis, size)).index_add(axis, places, array)

    def window(self, array: Array, start: int, size: int, axis: int) -> Array:
        return array.narrow(axis, start, size)

    def place(self, array: Array, start: int, size: int, axis: int) -> Array:
        return functional.pad(
            array, [*[0, 0] * (-axis - 1), start, size - start - array.shape[axis]]
        )

    @property
    def groups(self) -> tuple[Any, ...]:
        """The groups of processes along each of the axes."""
        return tuple(self.mesh.get_group(name) for name in self.names)


class _Sent(torch.autograd.Function):
    """Rows of other processes; their gradients go back the same way."""

    @staticmethod
    def forward(ctx: Any, piece: Array, pairs: tuple[tuple[int, int], ...]) -> Array:
        ctx.pairs = pairs
        here, piece = dist.get_rank(), piece.contiguous()
        arrived = torch.zeros_like(piece)
        steps = []
        for sender, receiver in pairs:
            if sender == receiver == here:
                arrived.copy_(piece)
            elif sender == here:
                steps.append(dist.P2POp(dist.isend, _real(piece), receiver))
            elif receiver == here:
                steps.append(dist.P2POp(dist.irecv, _real(arrived), sender))
        if steps and piece.numel():
            for work in dist.batch_isend_irecv(steps):
                work.wait()
        return arrived

    @staticmethod
    def backward(ctx: Any, *grads: Array) -> Any:
        return _Sent.apply(grads[0], tuple((b, a) for a, b in ctx.pairs)), None  # type: ignore[no-untyped-call]


class _Summed(torch.autograd.Function):
    """A sum over processes, the same on all of them; so is its gradient, which each term takes."""

    @staticmethod
    def forward(ctx: Any, array: Array, groups: tuple[Any, ...]) -> Array:
        ctx.groups = groups
        total = array.clone(memory_format=torch.contiguous_format)
        for group in groups:
            dist.all_reduce(_real(total), group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Array) -> Any:
        return _Shared.apply(grads[0], ctx.groups), None  # type: ignore[no-untyped-call]


class _Shared(torch.autograd.Function):
    """What all processes have and each uses for its part: the gradients of the parts add up."""

    @staticmethod
    def forward(ctx: Any, array: Array, groups: tuple[Any, ...]) -> Array:
        ctx.groups = groups
        return array.view_as(array)

    @staticmethod
    def backward(ctx: Any, *grads: Array) -> Any:
        return _Summed.apply(grads[0], ctx.groups), None  # type: ignore[no-untyped-call]


def on_shards(
    body: Callable[..., Array],
    placement: Placement,
    given: Sequence[Piece],
    result: Piece,
    backend: Backend,
) -> Callable[..., Array]:
    """Return ``body``, run on the local parts of DTensors (see `Backend.on_shards`)."""
    from torch.distributed.tensor import DTensor

    mesh = placement.mesh

    def shards(names: Names) -> TorchShard:
        return TorchShard(names, mesh, backend)

    def local(array: Any, piece: Piece) -> Array:
        own = placements(piece.spec, len(mesh.shape))
        part = array.redistribute(mesh, own).to_local(grad_placements=own)
        if piece.shared:
            part = _Shared.apply(part, shards(piece.shared).groups)  # type: ignore[no-untyped-call]
        lacks = [
            whole // placement.shards(names) - has
            for whole, names, has in zip(piece.whole, piece.spec, part.shape, strict=True)
        ]
        if not any(lacks):
            return part
        return functional.pad(part, [n for lack in reversed(lacks) for n in (0, lack)])

    def run(*arrays: Array) -> Array:
        parts = [local(a, p) for a, p in zip(arrays, given, strict=False) if a is not None]
        y = body(shards, *parts)
        y = y[tuple(_rows(y, axis, result, shards) for axis in range(y.ndim))]
        own = placements(result.spec, len(mesh.shape))
        stride = torch.empty(result.shape, device="meta").stride()
        shape = torch.Size(result.shape)
        return DTensor.from_local(
            y.contiguous(), mesh, own, run_check=False, shape=shape, stride=stride
        )

    return run


def is_finite(array: Any) -> bool:
    """Tell whether all numbers of a DTensor are finite, on all processes alike."""
    finite = torch.isfinite(array.detach().to_local()).all().to(torch.int32)
    for axis in range(array.device_mesh.ndim):
        dist.all_reduce(finite, op=dist.ReduceOp.MIN, group=array.device_mesh.get_group(axis))
    return bool(finite)


def _rows(y: Array, axis: int, result: Piece, shards: Callable[[Names], TorchShard]) -> slice:
    """Return the rows of a part that belong to the result: the last shards have fewer, or none."""
    names = result.spec[axis]
    if not names or result.shape[axis] == result.whole[axis]:
        return slice(None)
    left = result.shape[axis] - shards(names).number * y.shape[axis]
    return slice(0, max(0, min(left, y.shape[axis])))


def _resized(array: Array, axis: int, size: int) -> list[int]:
    shape = list(array.shape)
    shape[axis] = size
    return shape


def _real(array: Array) -> Array:
    return torch.view_as_real(array) if array.is_complex() else array
