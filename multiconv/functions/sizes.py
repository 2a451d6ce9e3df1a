"""The size of a result, without the work."""

from __future__ import annotations

from typing import Any

from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.core.geometry import resolve, transposed_pads, transposed_size


@takes()
def output_size(
    input_size: IntOrInts,
    kernel_size: IntOrInts,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    *,
    output_padding: IntOrInts = 0,
    transposed: bool = False,
) -> Any:
    """Return the size of a convolution's output, without computing it.

    Along each axis ``(n + low + high - dilation * (k - 1) - 1) // stride + 1``, and for
    ``transposed=True`` ``(n - 1) * stride - low - high + dilation * (k - 1) + 1 + output_padding``
    (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016).

    Parameters
    ----------
    input_size : int or sequence of int
        Size of the input along each spatial axis, in elements.
    kernel_size : int or sequence of int
        Size of the kernel along each spatial axis.
    stride, dilation : int or sequence of int, optional
        As in `conv2d`.
    padding : int, ints, (low, high) pairs or name, optional
        As in `conv2d`.
    output_padding : int or sequence of int, optional
        Extra size on the high side; for ``transposed=True`` only.
    transposed : bool, optional
        Give the size of `conv_transpose2d`'s output instead.

    Returns
    -------
    int or tuple of int
        An int where both sizes were ints, else one int per axis.

    Raises
    ------
    ValueError
        Where there is no output: the kernel is larger than the padded input.
    TypeError
        Where an argument is not made of integers.

    Examples
    --------
    >>> from multiconv import output_size
    >>> output_size(28, 5, padding=2)
    28
    >>> output_size((8, 8), (3, 5), stride=(3, 4), padding=(0, 1))
    (2, 2)
    >>> output_size(14, 4, stride=2, padding=1, transposed=True)
    28
    """
    axes = max(
        arguments.count_axes("input_size", input_size, 0),
        arguments.count_axes("kernel_size", kernel_size, 0),
    )
    scalar = axes == 0
    axes = axes or 1
    size = arguments.sizes("input_size", input_size, axes)
    kernel = arguments.sizes("kernel_size", kernel_size, axes)
    strides = arguments.per_axis("stride", stride, axes, minimum=1)
    dilations = arguments.per_axis("dilation", dilation, axes, minimum=1)
    pads = arguments.padding(padding, axes)
    extra = arguments.per_axis("output_padding", output_padding, axes, minimum=0)
    if arguments.flag("transposed", transposed):
        low_high = transposed_pads(pads, kernel, strides, dilations)
        result = transposed_size(size, kernel, strides, dilations, low_high, extra)
    else:
        if any(extra):
            msg = f"output_padding={output_padding!r} needs transposed=True"
            raise ValueError(msg)
        result = resolve(size, kernel, strides, dilations, pads).output_size
    return result[0] if scalar else result
