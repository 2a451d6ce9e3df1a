"""How one output number comes about: `explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multiconv.backends.base import Array
from multiconv.backends.registry import backend_of
from multiconv.core.arguments import IntOrInts, Padding, flag, listed
from multiconv.core.calls import takes
from multiconv.explaining import window
from multiconv.explaining.explanation import Explanation
from multiconv.explaining.operands import Operands, one_number, position
from multiconv.functions.colours import warn_of_colours
from multiconv.planning.options import read


@takes("x", "k")
def explain(
    x: Array,
    k: Array,
    at: Sequence[int],
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    padding_value: complex | Sequence[complex] = 0,
    groups: int = 1,
    bias: Array | float | None = None,
    flip: bool = False,
) -> Explanation:
    r"""Say how one number of a convolution's output comes about.

    .. math:: y[p, q] = b + \sum_{i, j} x[s p + d i - P,\; s q + d j - P] \; k[i, j]

    term by term, as `corr2d` and, with channels, `conv2d` compute it, or with ``flip=True`` as
    `convolve2d` does: which pixels the kernel meets, which of them belong to the border and what
    they repeat, and what is multiplied with what.

    Parameters
    ----------
    x : array of shape (..., H, W), (C, H, W) or (N, C, H, W)
        The image or images; with channels where k has them. Arrays of any library, or nested lists.
    k : array of shape (kh, kw) or (O, C/groups, kh, kw)
        The kernel of `corr2d`, or the weight of `conv2d`.
    at : sequence of int
        The index of the number in the output, one int for each of its axes: ``(p, q)`` for an
        image, ``(n, p, q)`` in a batch, ``(o, p, q)`` or ``(n, o, p, q)`` with channels. Negative
        ones count from the end.
    stride, padding, dilation, padding_mode, padding_value : optional
        As in `corr2d`, and with channels in `conv2d`; the value of a constant border is a number,
        or one per channel.
    groups : int, optional
        As in `conv2d`; needs channels.
    bias : number or array of shape (1,) or (O,), optional
        The number that is added: one for a kernel (kh, kw), one for each filter else.
    flip : bool, optional
        Flip the kernel, as `convolve2d` does.

    Returns
    -------
    Explanation
        ``print`` shows the window and the sum as text; a notebook shows them in colour; ``latex()``
        gives the sum as LaTeX. It has ``value``, the number; ``terms``, each with the ``place`` of
        the window, the ``index`` in x and the ``tap`` in k of its ``pixel`` and ``weight``, their
        ``product``, and ``is_border``; ``bias``, ``output_shape``, ``window``, ``pads``,
        ``geometry`` and ``formula``. The value is computed by the library of the arrays, product by
        product in the order of the terms; other methods may round floats elsewhere.

    Raises
    ------
    ValueError
        If ``at`` lies outside the output, and as in `corr2d` and `conv2d`.
    TypeError
        If the arrays have no numbers yet (under a compiler, or on torch's meta device), and as in
        `corr2d` and `conv2d`.

    Warns
    -----
    UserWarning
        As in `corr2d`, without channels.

    See Also
    --------
    toeplitz_matrix : all sums at once, a row for each.
    im2col : all windows at once, a column for each.

    Examples
    --------
    >>> import multiconv as mc
    >>> x, k = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
    >>> print(mc.explain(x, k, at=(0, 0)))
    y[0, 0] of the output (2, 2)
    <BLANKLINE>
    x  0  1  2    k  0  1
    0 [0][1] 2    0  0  1
    1 [3][4] 5    1  2  3
    2  6  7  8
    <BLANKLINE>
    0x0 + 1x1 + 3x2 + 4x3 = 19

    The pixels of a border, and what they repeat:

    >>> corner = mc.explain(x, k, at=(0, 0), padding=1, padding_mode="reflect")
    >>> corner.formula
    '4x0 + 3x1 + 1x2 + 0x3 = 5'
    >>> [(term.place, term.index) for term in corner.terms if term.is_border]
    [((-1, -1), (1, 1)), ((-1, 0), (1, 0)), ((0, -1), (0, 1))]
    """
    options = read(
        2,
        stride,
        padding,
        dilation,
        groups=groups,
        padding_mode=padding_mode,
        padding_value=listed(padding_value),
        method="direct",
    )
    is_flipped = flag("flip", flip)
    operands = Operands(*_arrays(x, k, bias))
    plan = operands.planned(options)
    if not operands.has_channels:
        warn_of_colours(operands.x, "moveaxis(x, -1, -3) are images of one each")
    geometry, where = plan.geometry, position(at, plan.output_shape)
    assert geometry is not None  # every plan of a correlation has one
    picked = operands.picked(where, options.groups)
    spatial = window.axes(geometry, where[-2:])
    shown = window.constants(options.padding_value, picked)
    patch = window.gathered(picked.image, shown, *(axis.sources(axis.window) for axis in spatial))
    drawn = window.gathered(picked.image, shown, *(axis.sources(axis.drawn) for axis in spatial))
    weight = picked.weight[:, ::-1, ::-1] if is_flipped else picked.weight
    return Explanation(
        at=where,
        value=window.number(operands.added(patch, weight, picked.bias)),
        dtype=plan.dtype,
        terms=window.terms(patch, picked, spatial, flip=is_flipped),
        bias=None if picked.bias is None else window.number(picked.bias[0]),
        output_shape=plan.output_shape,
        window=(spatial[0].window, spatial[1].window),
        geometry=geometry,
        flip=is_flipped,
        view=window.view(drawn, picked, spatial),
    )


def _arrays(x: Any, k: Any, bias: Any) -> tuple[Any, ...]:
    """Return the backend, and the arrays that nested lists and numbers stand for."""
    backend, arrays = backend_of({"x": x, "k": k, "bias": one_number(bias)})
    return backend, *arrays
