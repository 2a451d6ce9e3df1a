"""Who takes part in a cell: `auto`, every method that does it, and what other libraries have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import multiconv
from multiconv.backends.base import Array
from multiconv.benchmarking import libraries
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.libraries import Arrays, Function, Library, Peer
from multiconv.benchmarking.reference import Operands
from multiconv.core.timing import Call
from multiconv.faces import Face
from multiconv.methods.base import MethodRefusal

Role: TypeAlias = Literal["auto", "method", "exact", "way", "own", "peer", "yardstick"]

#: Who competes in the cells of the exact mode.
_BESIDE_EXACT = ("auto", "direct", "im2col", "exact")
_LARGEST_WORKSPACE = 2**31  # bytes: a matrix larger than that is not what anybody waits for


@dataclass(frozen=True)
class Candidate:
    """Something that computes a cell.

    Attributes
    ----------
    backend, name : str
        Whose it is, and what it is called there.
    role : {"auto", "method", "exact", "way", "own", "peer", "yardstick"}
        What it is compared as; "exact" is that method where its own cost is asked for, and a way is
        another one to call ``auto``.
    build : callable
        Returns the call that is timed.
    to_numpy : callable
        Makes one of its results an array of NumPy's.
    in_norm : bool
        Whether its errors need only be bounded in norm.
    method : str
        The method behind ``auto``.
    """

    backend: str
    name: str
    role: Role
    build: Callable[[], Call]
    to_numpy: Callable[[Any], Any]
    in_norm: bool = False
    method: str = ""

    def __str__(self) -> str:
        return f"{self.backend} {self.name}"


@dataclass(frozen=True)
class Absent:
    """A candidate that does not take part, and why."""

    backend: str
    name: str
    reason: str


def of_backend(
    face: Face,
    cell: Cell,
    operands: Operands,
    dtype: str,
    methods: Sequence[str],
    device: str | None = None,
) -> Iterator[Candidate | Absent]:
    """Yield `auto` and the methods of a backend, and its framework's own convolution."""
    library = libraries.of(face.name) or _Registered(face)
    arrays = library.arrays(operands, dtype, device)
    for method in _methods(cell, methods):
        yield _ours(face, library, cell, arrays, dtype, method)
    if cell.group == "small":
        yield from _other_ways(face, library, cell, arrays)
    for peer in library.peers(cell, arrays):
        yield _theirs(face.name, peer, face.backend.to_numpy)


def _methods(cell: Cell, methods: Sequence[str]) -> Sequence[str]:
    if cell.group == "exact":
        return [name for name in methods if name in _BESIDE_EXACT]
    return ("auto",) if cell.is_layer else methods


def beside_numpy(
    cell: Cell, operands: Operands, dtype: str, among: Sequence[Library]
) -> Iterator[Candidate | Absent]:
    """Yield what other libraries have for NumPy's arrays."""
    for library in among:
        arrays = library.arrays(operands, dtype, None)
        for peer in library.peers(cell, arrays):
            yield _theirs(library.name, peer, lambda result: result)


class _Registered(Library):
    """A backend that is no framework we know: its own functions take part alone."""

    def __init__(self, face: Face) -> None:
        self.name, self.backend = face.name, face.backend

    def arrays(self, operands: Operands, dtype: str, device: str | None) -> Arrays:
        like = self.backend.asarray([0])
        named = (operands.x, operands.weight, operands.g, operands.bias)
        return Arrays(*(self.backend.from_numpy(array, dtype, like) for array in named))

    def forward(self, function: Function, arrays: Arrays) -> Call:
        x, weight = arrays.x, arrays.weight

        def call() -> Array:
            result = function(x, weight)
            self.backend.synchronize(result)
            return result

        return call


def _ours(
    face: Face, library: Library, cell: Cell, arrays: Arrays, dtype: str, method: str
) -> Candidate | Absent:
    try:
        plan = cell.plan(face.name, method, dtype)
    except MethodRefusal as refusal:
        return Absent(face.name, method, refusal.reason)
    needed = plan.workspace_bytes or 0
    if method != "auto" and needed > _LARGEST_WORKSPACE:
        return Absent(face.name, method, f"it would need {needed / 2**30:.3g} GiB of workspace")
    is_auto = method == "auto"
    in_norm = bool(plan.choice) and plan.choice.method.error == "norm"  # type: ignore[union-attr]
    return Candidate(
        face.name,
        method,
        _role(cell, method),
        lambda: _call(face, library, cell, arrays, method),
        face.backend.to_numpy,
        # Of gradients `auto` may choose another method than of the result.
        in_norm or (is_auto and cell.stage == "backward"),
        plan.method if is_auto else method,
    )


def _role(cell: Cell, method: str) -> Role:
    if method == "auto" or (cell.group, method) == ("exact", "exact"):
        return method  # type: ignore[return-value]
    return "method"


def _theirs(backend: str, peer: Peer, to_numpy: Callable[[Any], Any]) -> Candidate | Absent:
    if peer.refusal:
        return Absent(backend, peer.name, peer.refusal)
    return Candidate(
        backend, peer.name, peer.role, lambda: peer.call, to_numpy, in_norm=not peer.is_exact
    )


def _other_ways(face: Face, library: Library, cell: Cell, arrays: Arrays) -> Iterator[Candidate]:
    """Yield other ways to make the same small call, whose costs are worth knowing."""
    if cell.is_layer:
        return
    name, function = _function(face, cell, "auto")
    to_numpy = face.backend.to_numpy
    way = f"{face.name}.{name}"
    yield Candidate(face.name, way, "way", lambda: library.forward(function, arrays), to_numpy)
    compiled = library.compiled(function)
    if compiled is not None:
        yield Candidate(
            face.name, "auto, jit", "way", lambda: library.forward(compiled, arrays), to_numpy
        )


def _call(face: Face, library: Library, cell: Cell, arrays: Arrays, method: str) -> Call:
    if cell.is_layer:
        return library.layer(_layer(face, cell, arrays), arrays)
    # Users call multiconv.conv2d; a face's own is timed beside it, among the small calls.
    _, function = _function(multiconv, cell, method)
    if cell.stage == "forward":
        # The exact mode is compared with what is compiled as a whole.
        compiled = library.compiled(function) if cell.group == "exact" else None
        return library.forward(compiled or function, arrays)
    return library.backward(function, arrays) or _by_adjoints(cell, arrays, method)


def _function(functions: Any, cell: Cell, method: str) -> tuple[str, Function]:
    kind = "conv_transpose" if cell.transposed else "conv"
    name = "corr2d" if cell.is_image else f"{kind}{cell.axes}d"
    function, options = getattr(functions, name), cell.options
    if method != "auto":
        options = options | {"method": method}  # type: ignore[assignment]
    if options.get("groups") == 1:
        del options["groups"]
    return name, lambda x, weight: function(x, weight, **options)


def _by_adjoints(cell: Cell, arrays: Arrays, method: str) -> Call:
    """Return both gradients where nobody differentiates: two correlations."""
    options: dict[str, Any] = cell.options | {"method": method}
    x, weight, g = arrays.x, arrays.weight, arrays.g
    if cell.transposed:
        convolve = getattr(multiconv, f"conv{cell.axes}d")
        return lambda: (
            convolve(g, weight, **options),
            multiconv.conv_weight_grad(g, x, cell.kernel, **options),
        )
    size = tuple(x.shape[-cell.axes :])
    return lambda: (
        multiconv.conv_input_grad(g, weight, size, **options),
        multiconv.conv_weight_grad(x, g, cell.kernel, **options),
    )


def _layer(face: Face, cell: Cell, arrays: Arrays) -> Any:
    name = f"Conv{cell.axes}D"
    options: dict[str, Any] = dict(cell.options)
    if not cell.is_image:
        options["in_channels"] = cell.weight[1] * cell.groups
        options["out_channels"] = cell.weight[0]
    return getattr(face, name)(cell.kernel, dtype=arrays.x.dtype, seed=0, **options)
