"""The operands of the exact mode's cells, whose sums are rounded, and what must come out of them.

Random numbers, and photographs under derivative filters, as bytes and as their quotients by 255.
What is right is NumPy's exact result; a sample of it is summed once more by `math.fsum`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import multiconv
from multiconv.core import rounding

if TYPE_CHECKING:
    from multiconv.benchmarking.cells import Cell, Shape

Floats = NDArray[np.float64]
Single = NDArray[np.float32]

#: What the numbers are: "integers" are those of all other cells, and no sum of them is rounded.
KINDS = ("integers", "normal", "bytes", "bytes / 255")
_SAMPLE = 32


def drawn(cell: Cell) -> tuple[Single, Single, Single]:
    """Return image, weight and cotangent."""
    rng = np.random.default_rng([*cell.x, *cell.weight])
    shapes = cell.x, cell.weight, cell.output
    if cell.data == "normal":
        x, weight, g = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
        return x, weight, g
    scale = np.float32(255 if cell.data == "bytes / 255" else 1)
    image, other = _photograph(cell.x, rng), _photograph(cell.output, rng) - np.float32(128)
    return image / scale, _derivatives(cell.weight), other / scale


def _photograph(shape: Shape, rng: np.random.Generator) -> Single:
    """Return bytes: slow waves with noise, and a quarter of it flat."""
    height, width = shape[-2:]
    rows, columns = np.mgrid[:height, :width]
    images = []
    for _ in range(math.prod(shape[:-2])):
        down, along = rng.uniform(0.02, 0.1, 2)
        image = 120 + 70 * np.sin(down * rows + along * columns) + rng.normal(0, 3, rows.shape)
        image[: height // 2, : width // 2] = 200
        images.append(np.clip(np.rint(image), 0, 255))
    return np.asarray(images, np.float32).reshape(shape)


def _derivatives(shape: Shape) -> Single:
    """Return filters with whole numbers that add up to zero, along either axis."""
    (rows, columns) = shape[-2:]
    smooth = [math.comb(rows - 1, i) for i in range(rows)]
    slope = [i - columns // 2 for i in range(columns)]
    filters = np.empty(shape, np.float32).reshape(-1, rows, columns)
    filters[:] = np.outer(smooth, slope)
    filters[1::2] = np.outer(slope, smooth) if rows == columns else -filters[1::2]
    return filters.reshape(shape)


def expected(cell: Cell, x: Single, weight: Single, g: Single) -> dict[str, Single]:
    """Return the result, or both gradients, rounded once."""
    found = _computed(cell, x, weight, g, "exact")
    _check_some(cell, x, weight, g, found)
    return found


def bounds(cell: Cell, x: Single, weight: Single, g: Single) -> dict[str, Floats]:
    """Return the bounds that every other method keeps (see `multiconv.plan`), number by number."""
    image, kernel, other = (np.abs(a.astype(np.float64)) for a in (x, weight, g))
    sizes = _computed(cell, image, kernel, other, "direct")
    terms = {
        "y": math.prod(cell.weight[1:]) if not cell.is_image else cell.taps,
        "dx": math.prod(cell.weight) // (1 if cell.is_image else cell.weight[1]),
        "dw": math.prod(cell.output) // (1 if cell.is_image else cell.output[1]),
    }
    return {
        name: (rounding.summing_factor(terms[name], "float32") + 2.0**-22) * size + 2.0**-120
        for name, size in sizes.items()
    }


def _computed(cell: Cell, x: Any, weight: Any, g: Any, method: str) -> dict[str, Any]:
    options: dict[str, Any] = {**cell.options, "method": method}
    if cell.is_image:
        return {"y": multiconv.corr2d(x, weight, **options)}
    if cell.stage == "forward":
        return {"y": multiconv.conv2d(x, weight, **options)}
    return {
        "dx": multiconv.conv_input_grad(g, weight, x.shape[2:], **options),
        "dw": multiconv.conv_weight_grad(x, g, cell.kernel, **options),
    }


def _check_some(cell: Cell, x: Single, weight: Single, g: Single, found: dict[str, Single]) -> None:
    """Sum up some results by themselves, of a stride of 1: products are exact in float64."""
    rng = np.random.default_rng(0)
    for name, result in found.items():
        for place in zip(*(rng.integers(0, n, _SAMPLE) for n in result.shape), strict=True):
            exact = _products(cell, name, x, weight, g, place)
            if np.float32(math.fsum(exact.ravel())) != result[place]:
                raise ArithmeticError(f"{name}{place} is {result[place]}, and not the exact sum")


def _products(
    cell: Cell, name: str, x: Single, weight: Single, g: Single, place: tuple[Any, ...]
) -> Floats:
    """Return the products that are added up at a place of a result."""
    image, kernel, other = (a.astype(np.float64) for a in (x, weight, g))
    if cell.is_image:
        image, kernel, other = image[None, None], kernel[None, None], other[None, None]
        place = (0, 0, *place)
    first, second, *corner = place
    p, (rows, columns) = cell.padding, other.shape[2:] if name == "dw" else cell.kernel
    window = (slice(corner[0], corner[0] + rows), slice(corner[1], corner[1] + columns))
    around = [(0, 0), (p, p), (p, p)]
    if name == "dx":
        around = [(0, 0), *((k - 1 - p, k - 1 - p) for k in cell.kernel)]
        ours, theirs = np.pad(other[first], around), kernel[:, second, ::-1, ::-1]
    elif name == "dw":
        ours, theirs = np.pad(image[:, second], around), other[:, first]
    else:
        ours, theirs = np.pad(image[first], around), kernel[second]
    products: Floats = ours[:, *window] * theirs
    return products
