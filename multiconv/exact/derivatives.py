"""What becomes of an exact sum that is differentiated, or of a batch of them: exact sums again.

A convolution multiplies three arrays, x, weight and y, and adds up over all axes of the one that is
wanted:

    sum over n, g, o, c, p, k of x[n, g, c, s p + d k] weight[g, o, c, k] y[n, g, o, p].

So the derivative of each with respect to another is the third sum, of the third array and the
cotangent. Any two of the arrays share an axis that the third lacks, the batch, the channels or the
filters: a sum of two such sums, rounded once, is one over arrays joined along the axis that the
factors share, and a batch is an axis that the result shares with what varies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from multiconv.backends.base import Array, Backend
from multiconv.core import dtypes
from multiconv.core.geometry import Geometry
from multiconv.exact.description import AXES, OPERANDS, Sum, Wanted, ungrouped

_T = TypeVar("_T")


class Terms(NamedTuple, Generic[_T]):
    """Several pairs of factors, and a bias or None: one sum of all their products.

    Or what is to be known of each of these arrays.
    """

    firsts: list[_T]
    seconds: list[_T]
    bias: _T | None = None


def result_shape(total: Sum, first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a sum of two arrays of these shapes, all without groups."""
    ours, theirs = OPERANDS[total.wanted]
    grouped = total.shape(total.grouped(ours, first), total.grouped(theirs, second))
    return ungrouped(total.wanted, grouped)


def joined(total: Sum, terms: Terms[Array], backend: Backend) -> tuple[Array, Array]:
    """Join the factors along the axis that both have and the result lacks."""
    xp = backend.xp

    def join(arrays: list[Array], role: Wanted, axis: int) -> Array:
        if len(arrays) == 1:
            return arrays[0]
        split = [xp.reshape(a, total.grouped(role, a.shape)) for a in arrays]
        whole = xp.concat(split, axis=axis)
        return xp.reshape(whole, ungrouped(role, whole.shape))

    ours, theirs = OPERANDS[total.wanted]
    own, other = total.contracted
    return join(terms.firsts, ours, own), join(terms.seconds, theirs, other)


def nothing(total: Sum, first: Array, second: Array, backend: Backend) -> tuple[Array, Array]:
    """Return factors of zeros, one along the axis that is summed, for a sum that is a bias."""

    def zeros(array: Array, role: Wanted, axis: int) -> Array:
        grouped = total.grouped(role, array.shape)
        shape = (*grouped[:axis], 1, *grouped[axis + 1 :])
        return backend.zeros(ungrouped(role, shape), array)

    ours, theirs = OPERANDS[total.wanted]
    own, other = total.contracted
    return zeros(first, ours, own), zeros(second, theirs, other)


def adjoint(
    total: Sum, role: Wanted, dtype: str, cotangent: Array, other: Array, backend: Backend
) -> tuple[Sum, Terms[Array]]:
    """Return what the cotangent of a sum gives for its factor ``role``, of that dtype.

    ``other`` is the other factor. Of complex products a real factor gets the real part, which is a
    sum of its own: to round the complex one first would be to round twice.
    """
    (partner,) = (each for each in OPERANDS[total.wanted] if each != role)
    by_role = {total.wanted: _parts(cotangent, backend), partner: _parts(other, backend)}
    first, second = OPERANDS[role]
    asked = replace(total, wanted=role, result=dtype)
    if dtypes.kind(dtype) == "complex":
        return asked, Terms([by_role[first].whole], [by_role[second].whole])
    ours, theirs = by_role[first], by_role[second]
    if ours.imag is None or theirs.imag is None:
        return asked, Terms([ours.real], [theirs.real])
    return asked, Terms([ours.real, ours.imag], [theirs.real, -theirs.imag])


def adjoint_of_bias(dtype: str, cotangent: Array, backend: Backend) -> tuple[Sum, Terms[Array]]:
    """Return what the cotangent of a sum gives for its bias: the gradient of a kernel of one tap.

    The image that it lies on is one everywhere. The result is (channels, 1, ...).
    """
    size = tuple(cotangent.shape[2:])
    one = (1,) * len(size)
    taps = Geometry(size, one, one, one, ((0, 0),) * len(size))
    if dtypes.kind(dtype) != "complex":
        cotangent = _parts(cotangent, backend).real
    ones = backend.zeros((cotangent.shape[0], 1, *size), cotangent) + 1
    return Sum("weight", taps, 1, size, dtype), Terms([ones], [cotangent])


class _Parts(NamedTuple):
    whole: Array
    real: Array
    imag: Array | None


def _parts(array: Array, backend: Backend) -> _Parts:
    if dtypes.kind(backend.dtype_name(array.dtype)) != "complex":
        return _Parts(array, array, None)
    return _Parts(array, backend.xp.real(array), backend.xp.imag(array))


class Folding(NamedTuple):
    """A batch of sums as one sum, ``total``, an axis of which is ``copies`` times as long.

    ``given`` is the sum of the batch's members, ``letter`` that of the axis (see
    `description.AXES`).
    """

    given: Sum
    total: Sum
    letter: str
    copies: int

    def factors(self, terms: Terms[Array], batched: Terms[bool], backend: Backend) -> Terms[Array]:
        """Fold factors and bias; ``batched`` says which have a leading axis, that of the batch."""
        xp = backend.xp

        def fold(array: Array, leads: bool | None, letters: str, sizes: tuple[int, ...]) -> Array:
            if self.letter not in letters:
                return array
            if not leads:
                array = xp.broadcast_to(array, (self.copies, *array.shape))
            place = letters.index(self.letter)
            moved = _moved(xp.reshape(array, (self.copies, *sizes)), 0, place, backend)
            merged = (*sizes[:place], self.copies * sizes[place], *sizes[place + 1 :])
            return xp.reshape(moved, merged)

        def factor(array: Array, leads: bool, role: Wanted) -> Array:
            sizes = self.given.grouped(role, array.shape[1:] if leads else array.shape)
            folded = fold(array, leads, AXES[role], sizes)
            if folded is array:
                return array
            return xp.reshape(folded, ungrouped(role, folded.shape))

        ours, theirs = OPERANDS[self.given.wanted]
        firsts = [factor(*a, ours) for a in zip(terms.firsts, batched.firsts, strict=True)]
        seconds = [factor(*a, theirs) for a in zip(terms.seconds, batched.seconds, strict=True)]
        bias = terms.bias
        if bias is not None:
            sizes = (self.given.groups, bias.shape[-1] // self.given.groups)
            bias = xp.reshape(fold(bias, batched.bias, _of_bias(self.given), sizes), (-1,))
        return Terms(firsts, seconds, bias)

    def result(self, y: Array, backend: Backend) -> Array:
        """Give the batch its leading axis back."""
        role, xp = self.total.wanted, backend.xp
        place, sizes = AXES[role].index(self.letter), list(self.total.grouped(role, y.shape))
        sizes[place : place + 1] = [self.copies, sizes[place] // self.copies]
        apart = _moved(xp.reshape(y, tuple(sizes)), place, 0, backend)
        return xp.reshape(apart, (self.copies, *ungrouped(role, apart.shape[1:])))


def folding(total: Sum, batched: Terms[bool], copies: int) -> Folding:
    """Choose the axis that a batch of sums goes to: the groups, if both factors vary.

    ``batched`` says of all arrays whether they have the batch.
    """
    ours, theirs = OPERANDS[total.wanted]
    varies = any(batched.firsts), any(batched.seconds)
    letter = "g"
    if not all(varies):  # where neither does it is the bias, which is shared as the seconds are
        (letter,) = (set(AXES[ours if varies[0] else theirs]) & set(AXES[total.wanted])) - {"g"}
    if batched.bias and letter not in _of_bias(total):
        letter = "g"
    groups = total.groups * copies if letter == "g" else total.groups
    return Folding(total, replace(total, groups=groups), letter, copies)


def _of_bias(total: Sum) -> str:
    """Return the letters of the axes of a bias: those of the result, but for the batch."""
    return AXES[total.wanted].replace("n", "")


def _moved(array: Array, source: int, target: int, backend: Backend) -> Array:
    """Move an axis; torch.moveaxis has no rule for a batch of batches."""
    order = [axis for axis in range(array.ndim) if axis != source]
    order.insert(target, source)
    return backend.xp.permute_dims(array, tuple(order))
