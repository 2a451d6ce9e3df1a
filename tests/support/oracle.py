"""Every operation from its definition, in exact arithmetic, sharing no code with the package.

One map per axis says which input position each (output position, kernel tap) pair reads; a
position of its own stands for the zeros around the image. Indexing by these maps gives the patches,
and every operation is one contraction of the patches or the adjoint of one. The arrays are NumPy's:
``int64`` for small integers, and ``object`` (Python integers, fractions) where that is not enough.
"""

from fractions import Fraction

import numpy as np


def per_axis(value, axes):
    """One number for every axis, or one per axis."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


def resolve_pads(padding, size, kernel, stride=1, dilation=1):
    """The (low, high) pairs that a padding argument of any form stands for."""
    axes = len(kernel)
    reach = [d * (k - 1) for k, d in zip(kernel, per_axis(dilation, axes), strict=True)]
    if padding == "valid":
        return [(0, 0)] * axes
    if padding == "full":
        return [(r, r) for r in reach]
    if padding in ("same", "same_lower"):
        pairs = []
        for n, r, s in zip(size, reach, per_axis(stride, axes), strict=True):
            total = max((-(-n // s) - 1) * s + r + 1 - n, 0)
            pair = (total // 2, total - total // 2)
            pairs.append(pair if padding == "same" else pair[::-1])
        return pairs
    return [p if isinstance(p, tuple | list) else (p, p) for p in per_axis(padding, axes)]


def border_map(n, low, high, mode):
    """Where each of the low + n + high padded positions comes from; ``n`` stands for a zero."""
    source = []
    for p in range(-low, n + high):
        if mode in ("zeros", "constant"):
            source.append(p if 0 <= p < n else n)
        elif mode == "replicate":
            source.append(min(max(p, 0), n - 1))
        elif mode == "circular":
            source.append(p % n)
        elif mode == "reflect":
            q = p % (2 * (n - 1)) if n > 1 else 0
            source.append(min(q, 2 * (n - 1) - q))
        elif mode == "symmetric":
            q = p % (2 * n)
            source.append(min(q, 2 * n - 1 - q))
        else:
            raise AssertionError(mode)
    return np.array(source, dtype=np.int64)


def tap_maps(size, kernel, stride=1, padding=0, dilation=1, mode="zeros"):
    """For every axis, the input position that output p reads through tap t, at [p, t]."""
    axes = len(kernel)
    pads = resolve_pads(padding, size, kernel, stride, dilation)
    maps = []
    for n, k, (low, high), s, d in zip(
        size, kernel, pads, per_axis(stride, axes), per_axis(dilation, axes), strict=True
    ):
        border = border_map(n, low, high, mode)
        outputs = (len(border) - d * (k - 1) - 1) // s + 1
        maps.append(border[np.arange(outputs)[:, None] * s + np.arange(k) * d])
    return maps


def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return tuple(len(m) for m in tap_maps(size, kernel, stride, padding, dilation))


def gather(x, maps, padding_value=0):
    """(N, C, *spatial) -> (N, C, *outputs, *taps); the value is a number, or one per channel."""
    for axis, taps in enumerate(maps):
        place = 2 + 2 * axis
        around = np.zeros((*x.shape[:place], 1, *x.shape[place + 1 :]), x.dtype)
        around += np.reshape(padding_value, (-1, *[1] * (x.ndim - 2))).astype(x.dtype)
        x = np.concatenate([x, around], axis=place).take(taps, axis=place)
    axes = len(maps)
    return x.transpose(0, 1, *range(2, 2 + 2 * axes, 2), *range(3, 3 + 2 * axes, 2))


def scatter(patches, maps, size):
    """The adjoint of gather: (N, C, *outputs, *taps) -> (N, C, *spatial), adding what meets."""
    axes = len(maps)
    pairs = [place for axis in range(axes) for place in (2 + axis, 2 + axes + axis)]
    x = patches.transpose(0, 1, *pairs)
    for axis in reversed(range(axes)):
        place = 2 + 2 * axis
        rows = np.moveaxis(x, (place, place + 1), (0, 1))
        rows = rows.reshape(rows.shape[0] * rows.shape[1], *rows.shape[2:])
        total = np.zeros((size[axis] + 1, *rows.shape[1:]), rows.dtype)
        np.add.at(total, maps[axis].ravel(), rows)
        x = np.moveaxis(total[:-1], 0, place)
    return x


def patch_matrix(x, maps, groups, padding_value=0):
    """(groups, N * positions, channels * taps)."""
    batch, channels = x.shape[:2]
    outputs = [len(m) for m in maps]
    taps = [m.shape[1] for m in maps]
    each = channels // groups
    patches = gather(x, maps, padding_value).reshape(
        batch, groups, each, int(np.prod(outputs)), int(np.prod(taps))
    )
    return patches.transpose(1, 0, 3, 2, 4).reshape(
        groups, batch * int(np.prod(outputs)), each * int(np.prod(taps))
    )


def grouped_rows(y, groups):
    """(N, O, *outputs) -> (groups, N * positions, O / groups)."""
    batch, channels = y.shape[:2]
    positions = int(np.prod(y.shape[2:]))
    rows = y.reshape(batch, groups, channels // groups, positions).transpose(1, 0, 3, 2)
    return rows.reshape(groups, batch * positions, channels // groups)


def filters(weight, groups):
    """(O, C / groups, *kernel) -> (groups, C / groups * taps, O / groups)."""
    each = weight.shape[0] // groups
    return weight.reshape(groups, each, int(np.prod(weight.shape[1:]))).transpose(0, 2, 1)


def conv(
    x,
    weight,
    bias=None,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    padding_mode="zeros",
    padding_value=0,
):
    """(N, C, *spatial) or (C, *spatial) with (O, C / groups, *kernel): cross-correlation."""
    if x.ndim == weight.ndim - 1:
        options = (stride, padding, dilation, groups, padding_mode, padding_value)
        return conv(x[None], weight, bias, *options)[0]
    maps = tap_maps(x.shape[2:], weight.shape[2:], stride, padding, dilation, padding_mode)
    rows = patch_matrix(x, maps, groups, padding_value) @ filters(weight, groups)
    outputs = [len(m) for m in maps]
    y = rows.reshape(groups, len(x), int(np.prod(outputs)), weight.shape[0] // groups)
    y = y.transpose(1, 0, 3, 2).reshape(len(x), weight.shape[0], *outputs)
    return y if bias is None else y + bias.reshape(-1, *[1] * len(outputs))


def input_grad(
    grad,
    weight,
    size,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    padding_mode="zeros",
    padding_value=0,
):
    """The adjoint of ``conv`` in x, whatever a constant border shows."""
    if grad.ndim == weight.ndim - 1:
        return input_grad(
            grad[None], weight, size, stride, padding, dilation, groups, padding_mode
        )[0]
    maps = tap_maps(size, weight.shape[2:], stride, padding, dilation, padding_mode)
    return spread(grad, weight, maps, size, groups)


def spread(grad, weight, maps, size, groups):
    """Every output adds its value, times the kernel, to the positions that it has read."""
    kernel = weight.shape[2:]
    rows = grouped_rows(grad, groups) @ filters(weight, groups).transpose(0, 2, 1)
    positions = int(np.prod([len(m) for m in maps]))
    patches = rows.reshape(
        groups, len(grad), positions, weight.shape[1], int(np.prod(kernel))
    ).transpose(1, 0, 3, 2, 4)
    outputs = [len(m) for m in maps]
    patches = patches.reshape(len(grad), groups * weight.shape[1], *outputs, *kernel)
    return scatter(patches, maps, size)


def weight_grad(
    x,
    grad,
    kernel,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    padding_mode="zeros",
    padding_value=0,
):
    """The adjoint of ``conv`` in weight."""
    if x.ndim == len(kernel) + 1:
        x, grad = x[None], grad[None]
    maps = tap_maps(x.shape[2:], kernel, stride, padding, dilation, padding_mode)
    patches = patch_matrix(x, maps, groups, padding_value)
    product = patches.transpose(0, 2, 1) @ grouped_rows(grad, groups)
    return product.transpose(0, 2, 1).reshape(grad.shape[1], x.shape[1] // groups, *kernel)


def conv_transpose(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """The adjoint of ``conv`` with these arguments; weight is (C, O / groups, *kernel)."""
    kernel = weight.shape[2:]
    axes = len(kernel)
    if x.ndim == axes + 1:
        return conv_transpose(
            x[None], weight, bias, stride, padding, output_padding, groups, dilation
        )[0]
    maps, size = [], []
    for n, k, s, (low, high), d, extra in zip(
        x.shape[2:],
        kernel,
        per_axis(stride, axes),
        resolve_pads(padding, None, kernel),
        per_axis(dilation, axes),
        per_axis(output_padding, axes),
        strict=True,
    ):
        size.append((n - 1) * s - low - high + d * (k - 1) + 1 + extra)
        border = border_map(size[-1], low, high, "zeros")
        maps.append(border[np.arange(n)[:, None] * s + np.arange(k) * d])
    y = spread(x, weight, maps, tuple(size), groups)
    return y if bias is None else y + bias.reshape(-1, *[1] * axes)


def corr2d(x, k, stride=1, padding=0, dilation=1, padding_mode="zeros", padding_value=0):
    """(..., H, W) with (kh, kw)."""
    y = conv(
        x.reshape(-1, 1, *x.shape[-2:]),
        k[None, None],
        None,
        stride,
        padding,
        dilation,
        1,
        padding_mode,
        padding_value,
    )
    return y.reshape(*x.shape[:-2], *y.shape[2:])


def convolve2d(x, k, **options):
    return corr2d(x, k[::-1, ::-1], **options)


def im2col(x, kernel, stride=1, padding=0, dilation=1):
    """(N, C, *spatial) -> (N, C * taps, positions)."""
    maps = tap_maps(x.shape[2:], kernel, stride, padding, dilation)
    positions = int(np.prod([len(m) for m in maps]))
    patches = gather(x, maps).reshape(*x.shape[:2], positions, int(np.prod(kernel)))
    return patches.swapaxes(2, 3).reshape(len(x), x.shape[1] * int(np.prod(kernel)), positions)


def col2im(columns, size, kernel, stride=1, padding=0, dilation=1):
    """The adjoint of ``im2col``: (N, C * taps, positions) -> (N, C, *spatial)."""
    maps = tap_maps(size, kernel, stride, padding, dilation)
    taps = int(np.prod(kernel))
    channels = columns.shape[1] // taps
    patches = columns.reshape(len(columns), channels, taps, columns.shape[2]).swapaxes(2, 3)
    patches = patches.reshape(len(columns), channels, *[len(m) for m in maps], *kernel)
    return scatter(patches, maps, size)


def toeplitz(weight, size, stride=1, padding=0, dilation=1, groups=1):
    """The matrix whose columns are the convolutions of the unit images."""
    channels = weight.shape[1] * groups
    count = channels * int(np.prod(size))
    units = np.eye(count, dtype=weight.dtype).reshape(count, channels, *size)
    return conv(units, weight, None, stride, padding, dilation, groups).reshape(count, -1).T


def exactly(values):
    """Python fractions equal to the finite floats given, so that sums have no rounding at all."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    result = np.empty(flat.size, dtype=object)
    result[:] = [Fraction(float(v)) for v in flat]
    return result.reshape(np.shape(values))


def wrapped(values, dtype):
    """The exact integers ``values`` in ``dtype``; machine integers keep the low bits."""
    values, dtype = np.asarray(values), np.dtype(dtype)
    if dtype.kind not in "iu" or values.dtype != object:
        return values.astype(dtype)
    bits = 8 * dtype.itemsize
    low = np.array([int(v) % 2**bits for v in values.ravel()], dtype=np.uint64)
    return low.astype(dtype).reshape(values.shape)


FLOATS = ("float16", "bfloat16", "float32", "float64")


def promoted(a, b, default_integer="int64"):
    """The result dtype of two dtypes, by name, as the package promises it on every backend."""
    a, b = (default_integer if name == "bool" else name for name in (a, b))
    if a == b:
        return a
    names = {a, b}
    if any(name.startswith("complex") for name in names):
        wide = names & {"complex128", "float64"}
        return "complex128" if wide else "complex64"
    floats = names & set(FLOATS)
    if floats == {"float16", "bfloat16"}:
        return "float32"
    if floats:
        return max(floats, key=FLOATS.index)
    bits = {name: int(name.split("int")[1]) for name in names}
    unsigned = [name for name in names if name.startswith("u")]
    if len(unsigned) == 1:
        (signed,) = names - set(unsigned)
        need = max(bits[signed], 2 * bits[unsigned[0]])
        if need > 64:
            raise ValueError(f"no integer dtype holds both {a} and {b}")
        return f"int{need}"
    return max(names, key=bits.get)
