"""What `explain` returns: the products of one output, and where in the image their pixels lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry
from multiconv.explaining import html, latex, sums, text

Number: TypeAlias = int | float | complex


@dataclass(frozen=True)
class Term:
    """One product of the sum.

    Attributes
    ----------
    place : (int, int)
        Row and column where the kernel meets the image, counted as those of x; those of the border
        lie beyond its edges, from -1 downwards and from H or W upwards.
    index : tuple of int or None
        The index in x of the pixel that is read, ``x[term.index] == term.pixel``. A border that
        repeats the image reads another pixel than that of its place; a border of zeros, none.
    tap : tuple of int
        The index in k of the weight, ``k[term.tap] == term.weight``.
    pixel, weight : number
        The two factors, as Python's numbers.
    """

    place: tuple[int, int]
    index: tuple[int, ...] | None
    tap: tuple[int, ...]
    pixel: Number
    weight: Number

    @property
    def is_border(self) -> bool:
        """Whether the pixel belongs to the border."""
        return self.index is None or self.index[-2:] != self.place

    @property
    def product(self) -> Number:
        """The product of the two, in Python's arithmetic."""
        return self.pixel * self.weight


@dataclass(frozen=True)
class View:
    """The part of the image that is drawn: rows and columns, counted as those of x, and pixels.

    ``channels`` are those of x that the filter sees, none for an image without; ``pixels[c][i][j]``
    is that of the c-th of them, row ``rows[i]``, column ``columns[j]``, for the first few channels.
    """

    channels: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    pixels: tuple[tuple[tuple[Number, ...], ...], ...]


@dataclass(frozen=True, repr=False)
class Explanation:
    """How one output number comes about; ``print`` draws it, and a notebook shows it in colour.

    Attributes
    ----------
    at : tuple of int
        The index of the number in the output, none of its entries negative.
    value : number
        The number, computed by the library of the arrays in the order of the terms.
    dtype : str
        Its dtype, by NumPy's name.
    terms : tuple of Term
        The products, channel by channel and row by row of the window.
    bias : number or None
        What is added to them.
    output_shape : tuple of int
        The shape of the whole output.
    window : (tuple of int, tuple of int)
        The rows and columns that the kernel meets, counted as those of x.
    geometry : multiconv.core.geometry.Geometry
        Sizes, stride, dilation, pads and border mode, resolved.
    flip : bool
        Whether the kernel is flipped, as in `convolve2d`.
    view : View
        The part of the image that is drawn.
    """

    at: tuple[int, ...]
    value: Number
    dtype: str
    terms: tuple[Term, ...]
    bias: Number | None
    output_shape: tuple[int, ...]
    window: tuple[tuple[int, ...], tuple[int, ...]]
    geometry: Geometry
    flip: bool
    view: View = field(compare=False)

    @property
    def has_channels(self) -> bool:
        """Whether it is a sum over channels, as of `conv2d`."""
        return len(self.view.channels) > 0

    @property
    def pads(self) -> Pairs:
        """The (low, high) pads of both axes."""
        return self.geometry.pads

    @property
    def formula(self) -> str:
        """The sum on one line; of a long one, the first and the last products."""
        return sums.line(self)

    def latex(self) -> str:
        r"""Return the sum as LaTeX for a formula, such as ``y_{0,0} = 0 \cdot 0 + ... = 19``."""
        return latex.of(self)

    def __str__(self) -> str:
        return "\n".join(text.lines(self))

    def __repr__(self) -> str:
        return f"<explanation of y[{', '.join(map(str, self.at))}]: {self.formula}>"

    def _repr_html_(self) -> str:
        return html.of(self)
