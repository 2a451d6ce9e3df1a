"""What is to be learned: a picture, what a kernel made of it, and how the descent goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.coursework import reference
from multiconv.coursework.cases import Case
from multiconv.coursework.descent_bounds import Moments, moments
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning.normal_form import NormalForm, blocks, normal_form

#: How many numbers a kernel may have, for the eigenvalues of a matrix of so many rows are computed.
MOST_UNKNOWNS = 1024
#: In which kernels are learned.
DTYPE = "float32"  # without x64 JAX has no float64


@dataclass(frozen=True, eq=False)
class Lesson:
    """A kernel to be learned back from a picture and what the kernel made of it.

    ``y`` is the exact correlation of ``x`` with ``kernel``, rounded once and cut to the ``size`` of
    the kernel that is learned; ``loss`` is that of `learn_kernel`. Without a ``seed`` the descent
    starts from zero. ``reduced`` is the normal form, where it is known already,
    and ``part_of`` the size of the picture of which this is the middle.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    kernel: NDArray[np.float32]
    size: tuple[int, int]
    bias: bool = False
    steps: int = 10
    lr: float = 3e-2
    loss: str = "sum"
    seed: int | None = None
    momentum: float = 0.0
    reduced: NormalForm | None = None
    part_of: tuple[int, ...] | None = None

    @property
    def layer(self) -> LayerArguments:
        """The layer that is learned."""
        return layers.read(self.size, bias=self.bias)

    @property
    def scale(self) -> int:
        """What the sum of squared errors is divided by."""
        return self.y.size if self.loss == "mean" else 1

    @property
    def start(self) -> NDArray[np.float32]:
        """Where the descent starts: the kernel row by row, and the bias last."""
        if self.seed is None:
            return np.zeros(self.layer.fan_in + self.bias, dtype=DTYPE)
        weight, bias = layers.initial_parameters(self.layer, self.seed)
        return np.concatenate([weight.ravel(), *([] if bias is None else [bias])]).astype(DTYPE)

    def normal_form(self) -> NormalForm:
        """Return the least squares problem behind the lesson."""
        return self.reduced or normal_form(self.layer, self.x, self.y)

    def moments(self) -> Moments:
        """Return the sums over the patches, for the bounds."""
        rows = blocks(self.layer, self.x, self.y)
        return moments((block[:, :-1], block[:, -1]) for block in rows)

    @property
    def truth(self) -> NDArray[np.float64] | None:
        """What should be learned, a bias of zero last; None where the true kernel is larger."""
        more = [n - k for n, k in zip(self.size, self.kernel.shape, strict=True)]
        if min(more) < 0:
            return None
        kernel = np.pad(self.kernel.astype(np.float64), [(n // 2, n - n // 2) for n in more])
        return np.concatenate([kernel.ravel(), np.zeros(int(self.bias))])

    def away(self, weight: NDArray[Any]) -> float | None:
        """Return the largest difference from the truth, where there is one to compare with."""
        truth = self.truth
        if truth is None or weight.shape != truth.shape:
            return None
        return float(np.max(abs(weight - truth)))


def textbook() -> Lesson:
    """Return the textbook's edge detector, to be learned in ten steps from zero."""
    x = np.ones((6, 8), dtype=np.float32)
    x[:, 2:6] = 0
    return of_picture(x, np.array([[1, -1]], dtype=np.float32), (1, 2))


def of_picture(
    x: NDArray[np.float32], kernel: NDArray[np.float32], size: tuple[int, int], **options: Any
) -> Lesson:
    """Return the lesson of a picture and a kernel that fits into it.

    Where the kernel that is learned has another size, both look at the same pixel in their middle
    as far as possible: y is cut at its borders, or the picture is.
    """
    y = reference.exact(Case("picture", x, kernel, is_exact=False), ("y",))["y"].rounded
    for axis, (true, learned) in enumerate(zip(kernel.shape, size, strict=True)):
        y, x = _aligned(y, x, learned - true, axis)
    return Lesson(x, y, kernel, size, **options)


def _aligned(
    y: NDArray[Any], x: NDArray[Any], more: int, axis: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cut y where the learned kernel is larger by ``more``, x where it is smaller."""
    first = abs(more) // 2
    cut = y if more > 0 else x
    part = np.moveaxis(cut, axis, 0)[first : cut.shape[axis] - abs(more) + first]
    part = np.ascontiguousarray(np.moveaxis(part, 0, axis))
    return (part, x) if more > 0 else (y, part)
