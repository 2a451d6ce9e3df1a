"""What a method is: an algorithm, and all that others need to know of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry

Run: TypeAlias = Callable[[Array, Array, Geometry, Backend], Array]
Ungrouped: TypeAlias = Callable[..., Array]


class MethodRefusal(ValueError):  # noqa: N818 - not always a mistake: some cases have no such method
    """A method that cannot do what it was asked to.

    Attributes
    ----------
    method : str
        The method's name, as given.
    reason : str
        Why, and what works instead.
    """

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"method={method!r} cannot be used here: {reason}")
        self.method, self.reason = method, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.method, self.reason)


@dataclass(frozen=True)
class Problem:
    """A correlation of grouped arrays, as far as methods depend on it.

    The image is (batch, groups, channels, *input_size), the kernel (groups, filters, channels,
    *kernel_size) and the result (batch, groups, filters, *output_size), all of one dtype: that of
    the sums.
    """

    geometry: Geometry
    batch: int
    groups: int
    channels: int
    filters: int
    dtype: str
    device: Hashable
    #: How many such correlations there are: the phases of a stride, in an adjoint.
    repeats: int = 1
    #: Whether gradients will be asked of what is done here.
    is_recorded: bool = False
    #: Whether its arrays lie on many devices, in a way that a compiler alone knows.
    is_spread: bool = False

    @property
    def width(self) -> float:
        """Return what a product costs, that of two float32 numbers being 1."""
        parts = 2 if dtypes.kind(self.dtype) == "complex" else 1
        return parts * dtypes.itemsize(self.dtype) / 4

    @property
    def multiply_adds(self) -> int:
        """Return the number of products."""
        return self.outputs * self.products

    @property
    def products(self) -> int:
        """Return the number of products in one output."""
        return self.channels * self.geometry.taps

    @property
    def outputs(self) -> int:
        """Return the number of elements of the result."""
        return self.batch * self.groups * self.filters * self.geometry.outputs

    @property
    def pixels(self) -> int:
        """Return the number of elements of the image with its border."""
        images = self.batch * self.groups * self.channels
        return images * math.prod(self.geometry.padded_size)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to add up. An open size, of a range, is not empty."""
        counts: tuple[Any, ...] = (self.batch, self.channels, self.filters)
        sizes = (*counts, *self.geometry.input_size)
        return any(isinstance(size, int) and size == 0 for size in sizes)


Counts: TypeAlias = dict[str, float]


def never(problem: Problem, backend: Backend) -> None:
    """Refuse nothing."""


def uncounted(problem: Problem, backend: Backend) -> Counts | None:
    """Count nothing: a method that ``auto`` never chooses by its cost."""
    return None


@dataclass(frozen=True)
class Method:
    """An algorithm for correlations of grouped arrays.

    Attributes
    ----------
    name : str
        What ``method=`` calls it.
    run : callable
        ``run(x, weight, geometry, backend)``, over the arrays of a `Problem`, x with its border.
    refusal : callable
        Why it cannot do a problem on a backend, or None.
    limit : callable, optional
        Why a problem is too large for it, or None; ``method="name!"`` does it all the same.
    operations : callable
        How many operations it asks of the framework, one after another, roughly.
    workspace : callable
        How many elements it needs beside the padded image and the result; None where the framework
        does not say.
    counts : callable
        What its time is made of, in units that a machine needs so many seconds for each; None where
        it is not for ``auto``.
    error : {"elementwise", "norm", "rounded"}
        Which bound its errors keep; the last is that of a single rounding.
    takes_border : bool
        Whether it adds a border of zeros by itself.
    spreads : bool
        Whether a number that is not finite reaches outputs that do not read it, and should not.
    keeps_shards : bool
        Whether a compiler that divides it over devices need not gather its image.
    rounds_once : bool
        Whether sums of floats are those of `multiconv.exact` instead of ``run``.
    ungrouped : callable, optional
        ``ungrouped(wanted, geometry, groups, problem, backend)`` returns a function of arrays that
        are not grouped and a bias, None or nothing, that gives y, x or weight, or None (see
        `Backend.native_call`).
    """

    name: str
    run: Run
    refusal: Callable[[Problem, Backend], str | None] = never
    limit: Callable[[Problem, Backend], str | None] | None = None
    operations: Callable[[Geometry], int] = lambda geometry: 10
    workspace: Callable[[Problem, Backend], int | None] = lambda problem, backend: 0
    counts: Callable[[Problem, Backend], Counts | None] = uncounted
    error: Literal["elementwise", "norm", "rounded"] = "elementwise"
    takes_border: bool = False
    spreads: bool = False
    keeps_shards: bool = False
    rounds_once: bool = False
    ungrouped: Callable[[str, Geometry, int, Problem, Backend], Ungrouped | None] | None = None


def per_tap(geometry: Geometry) -> int:
    """Count the operations of a loop over taps or outputs, whichever are fewer."""
    outputs: Any = geometry.outputs
    return 2 * min(geometry.taps, outputs) if isinstance(outputs, int) else 10
