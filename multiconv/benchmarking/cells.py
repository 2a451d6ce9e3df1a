"""A cell of the grid: one convolution, forward or backward, that candidates compete in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import multiconv
from multiconv.planning.plan import Plan

Stage: TypeAlias = Literal["forward", "backward"]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """One convolution.

    Attributes
    ----------
    group : str
        What the grid calls its kind.
    x, weight : tuple of int
        The shapes: an image (H, W) with a kernel (kh, kw), or (N, C, *spatial) with
        (O, C/groups, *kernel); transposed, (C, O/groups, *kernel).
    stride, padding, groups, transposed : optional
        As in ``conv2d``; the padding is the same at both ends of every axis, and explicit, so that
        it means the same in every library.
    stage : {"forward", "backward"}
        Whether the result is computed, or both gradients for a given one.
    is_layer : bool
        Whether it is a layer, with a bias, that is called.
    data : str
        What the numbers are (see `rounded.KINDS`).
    """

    group: str
    x: Shape
    weight: Shape
    stride: int = 1
    padding: int = 0
    groups: int = 1
    transposed: bool = False
    stage: Stage = "forward"
    is_layer: bool = False
    data: str = "integers"
    output: Shape = field(init=False)
    multiply_adds: int = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan("numpy", "auto", "float32")
        products = plan.multiply_adds * (2 if self.stage == "backward" else 1)
        object.__setattr__(self, "output", plan.output_shape)
        object.__setattr__(self, "multiply_adds", products)

    @property
    def is_image(self) -> bool:
        """Whether it has no channels."""
        return len(self.weight) == 2

    @property
    def axes(self) -> int:
        """The number of spatial axes."""
        return 2 if self.is_image else len(self.weight) - 2

    @property
    def kernel(self) -> Shape:
        """The size of the kernel."""
        return self.weight[-self.axes :]

    @property
    def pixels(self) -> int:
        """The number of pixels of the image."""
        return math.prod(self.x[-self.axes :])

    @property
    def taps(self) -> int:
        """The area of the kernel."""
        return math.prod(self.kernel)

    @property
    def options(self) -> dict[str, int]:
        """The arguments of the public function, beside the arrays and the method."""
        options = {"stride": self.stride, "padding": self.padding}
        return options if self.is_image else options | {"groups": self.groups}

    @property
    def label(self) -> str:
        """What tables call it."""
        parts = [_by(self.x) + (" layer" if self.is_layer else ""), _by(self.weight)]
        parts += [f"s{self.stride}"] if self.stride > 1 else []
        parts += [f"g{self.groups}"] if self.groups > 1 else []
        parts += ["transposed"] if self.transposed else []
        parts += ["backward"] if self.stage == "backward" else []
        parts += [self.data] if self.data != "integers" else []
        return " ".join(parts)

    def plan(self, backend: str, method: str, dtype: str) -> Plan:
        """Return what ``multiconv.plan`` says of the forward pass."""
        options: dict[str, Any] = dict(self.options)
        if self.transposed:
            options["transposed"] = True
        return multiconv.plan(
            self.x,
            self.weight,
            method=method,
            dtype=dtype,
            backend=backend,
            **options,
        )


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))
