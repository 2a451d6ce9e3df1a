"""``keras.ops``' convolutions on the arrays of any library.

>>> import numpy as np
>>> from multiconv.compat.keras import ops
>>> ops.conv(np.ones((1, 4, 4, 3)), np.ones((3, 3, 3, 2)), strides=2, padding="same").shape
(1, 2, 2, 2)

Arguments, defaults and sizes are Keras's, as its JAX and TensorFlow backends have them. What
differs:

* ``data_format=None`` is ``"channels_last"``, whatever Keras's own configuration says.
* There are no symbolic tensors: ``keras.KerasTensor`` is refused.
* ``padding="causal"``, which some of Keras's backends ignore, is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

from multiconv.backends.base import Array
from multiconv.compat.arrays import arrays_of
from multiconv.compat.jax import lax
from multiconv.compat.keras.reading import (
    check_padding,
    numbers_of,
    per_axis,
    transposed_pads,
)
from multiconv.core.arguments import IntOrInts
from multiconv.core.calls import takes

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


@takes("inputs", "kernel")
def conv(
    inputs: Array,
    kernel: Array,
    strides: IntOrInts = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: IntOrInts = 1,
) -> Array:
    """Correlate images of several channels, as ``keras.ops.conv``.

    Parameters
    ----------
    inputs : array of shape (N, *spatial, C), or (N, C, *spatial)
        By `data_format`. It is cast to the dtype of kernel.
    kernel : array of shape (*kernel, C/groups, O)
        The number of groups is that of the channels over that of the kernel's.
    strides, dilation_rate : int or sequence of int, optional
        One for all spatial axes, or one for each.
    padding : {"valid", "same"}, optional
        ``"same"`` gives ceil(n / stride) outputs, an odd zero at the end.
    data_format : {"channels_last", "channels_first"}, optional
        The former, if left out.

    Returns
    -------
    array of shape (N, *output, O), or (N, O, *output)
        Of the dtype of kernel.

    Raises
    ------
    ValueError, TypeError
        For sizes that do not go together, where there is no output, and for arguments that are none
        of the above.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.keras import ops
    >>> x, k = np.array([0, 1, 2, 3, 4, 5]), np.array([1, 10, 100])
    >>> ops.conv(x.reshape(1, 6, 1), k.reshape(3, 1, 1), strides=2, padding="same")[0, :, 0]
    array([210, 432,  54])
    """
    backend, (inputs, kernel) = arrays_of(inputs=inputs, kernel=kernel)
    numbers = numbers_of(inputs, kernel, data_format)
    channels, each = inputs.shape[numbers.lhs_spec[1]], kernel.shape[-2]
    if each < 1 or channels % each:
        raise ValueError(
            f"inputs has {channels} channels and kernel, of shape {tuple(kernel.shape)}, takes "
            f"{each} in each group, which does not divide them; a kernel of shape (*kernel, "
            f"{channels}, O) fits"
        )
    axes = len(inputs.shape) - 2
    y = lax.conv_general_dilated(
        backend.astype(inputs, backend.dtype_name(kernel.dtype)),
        kernel,
        per_axis("strides", strides, axes),
        check_padding(padding),
        rhs_dilation=per_axis("dilation_rate", dilation_rate, axes),
        dimension_numbers=numbers,
        feature_group_count=channels // each,
    )
    if 0 in y.shape and 0 not in inputs.shape:
        raise ValueError(
            f"the convolution has no output: inputs has the shape {tuple(inputs.shape)} and the "
            f"result {tuple(y.shape)}; use a smaller kernel or dilation_rate, or padding='same'"
        )
    return y


@takes("inputs", "kernel")
def conv_transpose(
    inputs: Array,
    kernel: Array,
    strides: IntOrInts = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: IntOrInts = 1,
) -> Array:
    """Spread images out, as ``keras.ops.conv_transpose``.

    Parameters
    ----------
    inputs : array of shape (N, *spatial, C), or (N, C, *spatial)
        By `data_format`.
    kernel : array of shape (*kernel, O, C)
        Of the dtype of inputs.
    strides, dilation_rate : int or sequence of int, optional
        One for all spatial axes, or one for each.
    padding : {"valid", "same"}, optional
        ``"valid"`` gives ``(n - 1) * stride + max(span, stride)`` outputs, with the span
        ``dilation_rate * (k - 1) + 1``, and ``"same"`` ``n * stride``.
    output_padding : int or sequence of int, optional
        Where given, there are ``(n - 1) * stride + span + output_padding`` outputs for ``"valid"``
        and ``(n - 1) * stride + span % 2 + output_padding`` for ``"same"``.
    data_format : {"channels_last", "channels_first"}, optional
        The former, if left out.

    Returns
    -------
    array of shape (N, *output, O), or (N, O, *output)

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.keras import ops
    >>> x, k = np.array([1, 2]), np.array([1, 10, 100])
    >>> ops.conv_transpose(x.reshape(1, 2, 1), k.reshape(3, 1, 1), strides=2)[0, :, 0]
    array([  1,  10, 102,  20, 200])
    """
    _, (inputs, kernel) = arrays_of(inputs=inputs, kernel=kernel)
    numbers = numbers_of(inputs, kernel, data_format)
    channels = inputs.shape[numbers.lhs_spec[1]]
    if kernel.shape[-1] != channels:
        raise ValueError(
            f"inputs has {channels} channels and kernel, of shape {tuple(kernel.shape)}, takes "
            f"{kernel.shape[-1]}; a kernel of shape (*kernel, O, {channels}) fits"
        )
    axes = len(inputs.shape) - 2
    steps = per_axis("strides", strides, axes)
    rates = per_axis("dilation_rate", dilation_rate, axes)
    extra = None
    if output_padding is not None:
        extra = per_axis("output_padding", output_padding, axes, minimum=0)
    pads = transposed_pads(kernel.shape[:-2], steps, rates, check_padding(padding), extra)
    return lax.conv_transpose(
        inputs,
        kernel,
        steps,
        pads,
        rhs_dilation=rates,
        dimension_numbers=numbers,
        transpose_kernel=True,
    )


@takes("inputs", "kernel")
def depthwise_conv(
    inputs: Array,
    kernel: Array,
    strides: IntOrInts = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: IntOrInts = 1,
) -> Array:
    """Correlate every channel with filters of its own, as ``keras.ops.depthwise_conv``.

    Parameters
    ----------
    inputs : array of shape (N, *spatial, C), or (N, C, *spatial)
        By `data_format`.
    kernel : array of shape (*kernel, C, M)
        M filters for each channel, of the dtype of inputs.
    strides, padding, data_format, dilation_rate : optional
        As in `conv`.

    Returns
    -------
    array of shape (N, *output, C * M), or (N, C * M, *output)

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.keras import ops
    >>> ops.depthwise_conv(np.array([[[1, 2], [3, 4]]]), np.array([[[1, 10], [1, 100]]]))
    array([[[  1,  10,   2, 200],
            [  3,  30,   4, 400]]])
    """
    backend, (inputs, kernel) = arrays_of(inputs=inputs, kernel=kernel)
    numbers = numbers_of(inputs, kernel, data_format)
    channels = inputs.shape[numbers.lhs_spec[1]]
    *size, each, filters = kernel.shape
    if each != channels:
        raise ValueError(
            f"inputs has {channels} channels and kernel, of shape {tuple(kernel.shape)}, filters "
            f"for {each}; a kernel of shape (*kernel, {channels}, {filters}) fits"
        )
    axes = len(inputs.shape) - 2
    return lax.conv_general_dilated(
        inputs,
        backend.xp.reshape(kernel, (*size, 1, channels * filters)),
        per_axis("strides", strides, axes),
        check_padding(padding),
        rhs_dilation=per_axis("dilation_rate", dilation_rate, axes),
        dimension_numbers=numbers,
        feature_group_count=channels,
    )


@takes("inputs", "depthwise_kernel", "pointwise_kernel")
def separable_conv(
    inputs: Array,
    depthwise_kernel: Array,
    pointwise_kernel: Array,
    strides: IntOrInts = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: IntOrInts = 1,
) -> Array:
    """Correlate channel by channel, then mix the channels, as ``keras.ops.separable_conv``.

    Parameters
    ----------
    inputs : array of shape (N, *spatial, C), or (N, C, *spatial)
        By `data_format`.
    depthwise_kernel : array of shape (*kernel, C, M)
        That of `depthwise_conv`.
    pointwise_kernel : array of shape (*ones, C * M, O)
        That of the `conv` that follows.
    strides, padding, data_format, dilation_rate : optional
        As in `conv`, for the first of the two.

    Returns
    -------
    array of shape (N, *output, O), or (N, O, *output)

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from multiconv.compat.keras import ops
    >>> x, each = np.array([[[1, 2], [3, 4]]]), np.array([[[1], [10]]])
    >>> ops.separable_conv(x, each, np.array([[[1], [100]]]))
    array([[[2001],
            [4003]]])
    """
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, data_format=data_format, dilation_rate=dilation_rate)
