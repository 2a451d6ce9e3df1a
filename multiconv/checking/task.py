"""What a task is: how its function is called, on which cases, and what it must give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.checking.exact import Floats, Sums

# An array, or a size such as (2, 3).
Value: TypeAlias = NDArray[Any] | tuple[int, ...]
# What the function gives, or would give with a mistake: None where that cannot be said.
Results: TypeAlias = tuple[Floats, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """One call: the arguments in the order of the task, as NumPy arrays and sizes.

    With ``gradient_of``, what is asked for is the gradient of ``sum(result * g)`` by that input.
    """

    title: str
    inputs: Mapping[str, Value]
    gradient_of: str | None = None
    g: NDArray[Any] | None = None

    def array(self, name: str) -> Floats:
        """Return an input in float64, which holds all that is drawn."""
        return np.asarray(self.inputs[name], dtype=np.float64)

    def size(self, name: str) -> tuple[int, ...]:
        """Return an input that is a size, or the shape of one that is an array."""
        value = self.inputs[name]
        return value.shape if isinstance(value, np.ndarray) else value

    def with_inputs(self, **inputs: Value) -> Case:
        """Return the case with other inputs."""
        return replace(self, inputs={**self.inputs, **inputs})

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The inputs that are arrays."""
        return {name: v for name, v in self.inputs.items() if isinstance(v, np.ndarray)}

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are whole and small: then sums are exact in any order."""
        arrays = [*self.arrays.values(), *([] if self.g is None else [self.g])]
        return all(bool(np.all(array == np.rint(array))) for array in arrays)

    @property
    def dtype(self) -> str:
        """The narrowest float among the inputs, float64 where there is none."""
        names = {array.dtype.name for array in self.arrays.values()}
        return "float32" if "float32" in names else "float64"


@dataclass(frozen=True, eq=False)
class Wanted:
    """A result that is asked for."""

    name: str
    sums: Sums
    nearest: bool = False  # whether it is enough to round to the right whole numbers


@dataclass(frozen=True)
class Mistake:
    """A usual mistake: what it is, where to look for it, and what it gives in a case."""

    key: str
    says: str
    hint: str
    gives: Callable[[Case], Results | None]


@dataclass(frozen=True)
class Task:
    """What a function is asked to do.

    ``aliases`` has, for each argument in order, the names by which it is known too; ``known_as``
    the names of functions that probably do this task.
    """

    name: str
    call: str
    returns: str
    aliases: Mapping[str, tuple[str, ...]]
    known_as: tuple[str, ...]
    cases: Callable[[np.random.Generator, str], list[Case]]
    wanted: Callable[[Case], tuple[Wanted, ...]]
    smaller: Callable[[Case], Iterator[Case]]
    mistakes: tuple[Mistake, ...]
    form: str = "function"  # or "layer": a class whose objects are called
    is_descent: bool = False  # whether it goes to its result step by step
    optional_results: int = 0  # how many of the last results may be missing
    features: Mapping[str, Callable[[Case], bool]] = field(default_factory=dict)
