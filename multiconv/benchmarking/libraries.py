"""What the benchmark must know of a library: its arrays, its gradients and its own functions."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from multiconv.backends.base import Array
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.reference import Operands
from multiconv.core.timing import Call

Function: TypeAlias = Callable[[Array, Array], Array]
#: "own": the framework's own convolution; "peer": another library's; "yardstick": something of the
#: same work that is no convolution, and is not judged.
Role: TypeAlias = Literal["own", "peer", "yardstick"]


class Arrays(NamedTuple):
    """The operands of a cell as a library's arrays."""

    x: Array
    weight: Array
    g: Array
    bias: Array


@dataclass(frozen=True)
class Peer:
    """Something to compare with.

    ``is_exact`` where it sums products, as fast transforms do not; ``refusal`` says why it cannot
    take part.
    """

    name: str
    call: Call
    role: Role = "peer"
    is_exact: bool = True
    refusal: str = ""


class Library:
    """A library without gradients of its own, whose arrays are NumPy's."""

    name = ""
    #: Whether the first call compiles, so that only a later one tells what a call takes.
    compiles = False

    def arrays(self, operands: Operands, dtype: str, device: str | None) -> Arrays:
        """Return the operands as arrays of this library, of a dtype and on a device."""
        named = (operands.x, operands.weight, operands.g, operands.bias)
        return Arrays(*(array.astype(dtype) for array in named))

    def forward(self, function: Function, arrays: Arrays) -> Call:
        """Return a call of a function of x and the weight."""
        x, weight = arrays.x, arrays.weight
        return lambda: function(x, weight)

    def backward(self, function: Function, arrays: Arrays) -> Call | None:
        """Return a call that gives the gradients of x and the weight for a given ``g``, if any."""
        return None

    def compiled(self, function: Function) -> Function | None:
        """Return the function as the library's cheap compiler makes it, where it has one."""
        return None

    def layer(self, made: Any, arrays: Arrays) -> Call:
        """Return a call of one of our layers, with the weight and the bias of the cell."""
        made.weight[...], made.bias[...] = arrays.weight, arrays.bias
        x = arrays.x
        return lambda: made(x)

    def peers(self, cell: Cell, arrays: Arrays) -> Iterator[Peer]:
        """Yield what the library itself has for a cell."""
        yield from ()

    def threads(self) -> int | None:
        """Return how many threads one operation may use, where the library says so."""
        return None


#: The libraries that take NumPy's arrays and are no backends.
BESIDE_NUMPY = ("scipy", "cv2")

_MODULES = {
    name: f"multiconv.benchmarking.peers.{name}"
    for name in ("numpy", "torch", "jax", *BESIDE_NUMPY)
}


def of(name: str) -> Library | None:
    """Return what is known of a library; None of one that nobody wrote a file about."""
    if name not in _MODULES:
        return None
    return cast(Library, importlib.import_module(_MODULES[name]).LIBRARY)


def beside_numpy() -> list[Library]:
    """Return the libraries for NumPy's arrays that are installed."""
    found = [of(name) for name in BESIDE_NUMPY if importlib.util.find_spec(name)]
    return [library for library in found if library is not None]
