"""How far fast results may lie from those of ``method="exact"``: results and both adjoints.

Three numbers belong to each output: y*, the exact sum, rounded to float64; S, that of the absolute
products; and n, how many products it has (ones in the place of all numbers). Derived from them are

* the bound of every order of summation, as in `bounds`;
* a gate, ``2 sqrt(n) u S``. Roundings are not of one sign, so that their sum grows like sqrt(n),
  for numbers of one sign up to a third of sqrt(n) u S. The bound lets a sum of many products be as
  wrong as TF32 makes it, and the gate does not. Where n is at most 4 the bound is the narrower of
  the two. It says nothing of ``fft``, whose errors are not those of an output's own products.
  Results of 16 bits are as wrong as their own rounding; it is added, and the gate is of the sums;
* the bound of the Fourier method, in norm, with the channels that the sum is over: those of the
  image, the filters, or the images of a batch.
"""

import math
from typing import NamedTuple

import bounds
import numpy as np
import oracle
import wanted as by_name

import multiconv.numpy

LETTERS = {"x": "ngc", "weight": "goc", "y": "ngo"}


class Reference(NamedTuple):
    """y*, S and n of every output."""

    exact: np.ndarray
    size: np.ndarray
    count: np.ndarray


def reference(c, wanted, arrays):
    """Of operands in float64 or complex128, and perhaps a bias."""

    def exactly(some, of):
        border = _border(c, of)
        return by_name.called(multiconv.numpy, c, wanted, *some, **border, method="exact")

    up = 1 + 2.0**-50 if c.dtype in bounds.PART else 1  # moduli are rounded
    found = Reference(
        exactly(arrays, lambda number: number),
        exactly([abs(a) * up for a in arrays], abs),
        exactly([np.ones(a.shape) for a in arrays[:2]], lambda number: 1),
    )
    # Of large problems the exact mode makes float64 sums by the very methods that are tested.
    limit = _gamma(2 * found.count + 4, 2.0**-53) * 2 * found.size
    wrong = excess(by_name.of_oracle(c, wanted, *arrays), found, limit)
    assert not wrong, "the exact mode: " + "; ".join(wrong[:4])
    return found


def elementwise(found, c):
    """The limit of each output, by the bound of every order of summation."""
    parts, unit, own = _precision(c.dtype)
    roundings = parts * found.count + 1
    limit = math.sqrt(parts) * _gamma(roundings, unit) * found.size
    return _rounded(limit + roundings * parts * own.smallest, found, own)


def gate(found, c, has_bias):
    """The limit of each output, by the growth of errors like sqrt(n)."""
    parts, unit, own = _precision(c.dtype)
    roundings = parts * (found.count + has_bias)
    limit = math.sqrt(parts) * 2 * np.sqrt(roundings) * unit * found.size
    return _rounded(limit + roundings * parts * own.smallest, found, own)


def in_norm(found, c, wanted, arrays):
    """The limit of each output of the Fourier method."""
    _, unit, own = _precision(c.dtype)
    roles = by_name.OPERANDS[wanted]
    norms = [_norms(c, role, a) for role, a in zip(roles, arrays, strict=False)]
    letters = ",".join(LETTERS[role] for role in roles)
    product = np.einsum(f"{letters}->{LETTERS[wanted]}", *norms)
    (summed,) = set(LETTERS[roles[0]]) - set(LETTERS[wanted])
    terms = norms[0].shape[LETTERS[roles[0]].index(summed)]
    dilation = oracle.per_axis(c.dilation, c.axes)
    reach = [d * (k - 1) for k, d in zip(c.kernel, dilation, strict=True)]
    lengths = [2 * (len(t) + r) + 1 for t, r in zip(_borders(c), reach, strict=True)]
    doublings = sum(math.ceil(math.log2(length)) for length in lengths)
    limit = unit * product * (terms + 8.3 * doublings)
    limit = limit.reshape(*_lead(c, wanted), *[1] * c.axes)
    if wanted == "x" and c.padding_mode not in ("zeros", "constant"):
        # What a pixel's copies on the border have received is added up.
        copies = math.prod(int(np.bincount(t).max()) for t in _borders(c))
        limit = copies * limit + _gamma(copies, unit) * (found.size + copies * limit)
    if wanted == "y" and len(arrays) > 2:
        limit = limit + unit * (abs(found.exact) + limit)
    return _rounded(limit + own.smallest, found, own)


def excess(result, found, limit):
    """The outputs beyond a limit, as readable lines."""
    assert result.shape == found.exact.shape
    error = abs(result - found.exact)
    limit = np.broadcast_to(limit, error.shape) * (1 + 2.0**-48)  # it is itself rounded
    return [
        f"at {tuple(map(int, place))}: off by {error[*place]:.3g}, the limit is {limit[*place]:.3g}"
        for place in np.argwhere(~(error <= limit))
    ]


class _Own(NamedTuple):
    """What the dtype of a result adds by itself."""

    rounding: float
    smallest: float


def _precision(dtype):
    """Products of real numbers in one, the roundoff of the sums, and what the result adds."""
    part = bounds.PART.get(dtype, dtype)
    sums = bounds.ACCUMULATOR[part]
    # Twice: before and after a bias. And y* is rounded to float64.
    narrowing = 0.0 if sums == part else 2 * float(bounds.ROUNDOFF[part])
    own = _Own(narrowing + 2.0**-53, float(bounds.SMALLEST[part]))
    return (1 if part == dtype else 2), float(bounds.ROUNDOFF[sums]), own


def _rounded(limit, found, own):
    return limit + own.rounding * abs(found.exact)


def _gamma(m, u):
    return m * u / (1 - m * u)


def _lead(c, wanted):
    sizes = {"x": c.x_shape, "weight": c.weight_shape, "y": c.y_shape}
    return sizes[wanted][: -c.axes]


def _border(c, of):
    """The argument of a constant border, each of its numbers changed."""
    value = c.padding_value
    if value is None:
        return {}
    return {"padding_value": tuple(map(of, value)) if isinstance(value, tuple) else of(value)}


def _borders(c):
    """For each axis, where the padded positions come from."""
    pads = oracle.resolve_pads(c.padding, c.size, c.kernel, c.stride, c.dilation)
    return [oracle.border_map(n, *pad, c.padding_mode) for n, pad in zip(c.size, pads, strict=True)]


def _norms(c, role, array):
    """The norms of images with their border, of filters or of results, with the groups."""
    batch = 1 if c.batch is None else c.batch
    sizes = {"n": batch, "g": c.groups, "c": c.in_each, "o": c.out_each}
    if role == "x":
        array = array.reshape(batch, *array.shape[-c.axes - 1 :])
        taps = [t[:, None] for t in _borders(c)]
        array = oracle.gather(array, taps, _border(c, float).get("padding_value", 0))
        array = array.reshape(*array.shape[: 2 + c.axes])
    size = math.prod(array.shape[-c.axes :])
    array = array.reshape(*(sizes[letter] for letter in LETTERS[role]), size)
    return np.sqrt((abs(array) ** 2).sum(-1))
