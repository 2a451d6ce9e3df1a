"""Whole configurations of a convolution, drawn at random and always valid.

The sizes are tiny, so that thousands of them can be checked; every form of every argument occurs.
"""

import dataclasses
import itertools

import hypothesis
import numpy as np
import oracle
from hypothesis import strategies as st

PADDING_MODES = ("zeros", "reflect", "symmetric", "replicate", "circular")
BORDERS = (*PADDING_MODES, "constant")
PADDING_NAMES = ("valid", "full", "same", "same_lower")


@dataclasses.dataclass(frozen=True)
class Configuration:
    size: tuple
    kernel: tuple
    batch: int | None
    """None: x has no batch axis."""
    groups: int
    in_each: int
    out_each: int
    stride: object
    dilation: object
    padding: object
    padding_mode: str
    bias: bool
    dtype: str
    seed: int
    padding_value: object = None
    """None: of a border that is no constant."""

    @property
    def axes(self):
        return len(self.size)

    @property
    def x_shape(self):
        shape = (self.groups * self.in_each, *self.size)
        return shape if self.batch is None else (self.batch, *shape)

    @property
    def weight_shape(self):
        return (self.groups * self.out_each, self.in_each, *self.kernel)

    @property
    def products(self):
        """In one output."""
        return self.in_each * int(np.prod(self.kernel))

    @property
    def geometry(self):
        """The arguments that conv and the gradients share."""
        value = {} if self.padding_value is None else {"padding_value": self.padding_value}
        return value | {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "padding_mode": self.padding_mode,
        }

    @property
    def output(self):
        """The spatial size of the result."""
        return oracle.output_size(self.size, self.kernel, self.stride, self.padding, self.dilation)

    @property
    def y_shape(self):
        shape = (self.groups * self.out_each, *self.output)
        return shape if self.batch is None else (self.batch, *shape)

    def integers(self, *shapes):
        """Small whole numbers, held in int64 (complex128 for complex types).

        So small that even bfloat16, whose whole numbers end at 256, holds every result.
        """
        rng = np.random.default_rng(self.seed)
        largest = 1
        while largest < 3 and (self.products + 1) * (largest + 1) ** 2 <= 256:
            largest += 1
        low = 0 if self.dtype.startswith(("uint", "bool")) else -largest
        high = 1 if self.dtype == "bool" else largest
        arrays = [rng.integers(low, high, shape, endpoint=True) for shape in shapes]
        if self.dtype.startswith("complex"):
            arrays = [a + 1j * rng.integers(low, high, a.shape, endpoint=True) for a in arrays]
        return arrays

    def operands(self):
        """x, weight, and bias or None."""
        x, weight, bias = self.integers(self.x_shape, self.weight_shape, self.weight_shape[:1])
        return x, weight, bias if self.bias else None


@st.composite
def one_or_each(draw, axes, numbers):
    """One number for all axes, or one for each as a tuple or a list."""
    if draw(st.booleans()):
        return draw(numbers)
    values = [draw(numbers) for _ in range(axes)]
    return draw(st.sampled_from((tuple, list)))(values)


@st.composite
def paddings(draw, axes, largest):
    """A padding argument: a name, an int, ints or (low, high) pairs."""
    sides = st.integers(0, largest)
    form = draw(st.sampled_from(("name", "ints", "pairs")))
    if form == "name":
        return draw(st.sampled_from(PADDING_NAMES))
    if form == "ints":
        return draw(one_or_each(axes, sides))
    return draw(st.sampled_from((tuple, list)))([(draw(sides), draw(sides)) for _ in range(axes)])


@st.composite
def padding_values(draw, dtype, channels):
    """One number that the dtype holds for all channels, or one for each."""
    number = st.integers(0 if dtype.startswith(("uint", "bool")) else -1, 1)
    if draw(st.booleans()):
        return draw(number)
    return tuple(draw(st.lists(number, min_size=channels, max_size=channels)))


def fitting_sizes(kernel, stride, padding, dilation, largest):
    """For every axis, the sizes up to ``largest`` on which the arguments make sense."""
    axes = len(kernel)
    sizes = []
    for axis in range(axes):
        fit = []
        for n in range(1, largest + 1):
            try:
                pads = oracle.resolve_pads(padding, (n,) * axes, kernel, stride, dilation)
            except ValueError:
                continue
            reach = oracle.per_axis(dilation, axes)[axis] * (kernel[axis] - 1)
            if sum(pads[axis]) + n > reach:
                fit.append(n)
        sizes.append(fit)
    return sizes


@st.composite
def configurations(draw, dtypes=("int64",), axes=None, modes=PADDING_MODES, batches=None):
    axes = draw(st.sampled_from((1, 2, 2, 3))) if axes is None else axes
    largest = {1: 7, 2: 6, 3: 4}[axes]
    taps = {1: 4, 2: 3, 3: 2}[axes]
    kernel = tuple(draw(st.lists(st.integers(1, taps), min_size=axes, max_size=axes)))
    stride = draw(one_or_each(axes, st.integers(1, 3)))
    dilation = draw(one_or_each(axes, st.integers(1, 2)))
    padding = draw(paddings(axes, draw(st.sampled_from((2, 2, 9)))))
    mode = draw(st.sampled_from(modes))
    sizes = fitting_sizes(kernel, stride, padding, dilation, largest)
    hypothesis.assume(all(sizes))
    groups = draw(st.sampled_from((1, 1, 2, 3)))
    in_each, dtype = draw(st.integers(1, 2)), draw(st.sampled_from(dtypes))
    return Configuration(
        size=tuple(draw(st.sampled_from(fit)) for fit in sizes),
        kernel=kernel,
        batch=draw(st.sampled_from(batches or (None, 0, 1, 2))),
        groups=groups,
        in_each=in_each,
        out_each=draw(st.integers(1, 2)),
        stride=stride,
        dilation=dilation,
        padding=padding,
        padding_mode=mode,
        bias=draw(st.booleans()),
        dtype=dtype,
        seed=draw(st.integers(0, 2**32 - 1)),
        padding_value=draw(padding_values(dtype, groups * in_each)) if mode == "constant" else None,
    )


def for_all(backend, *given, times=1.0):
    """Run the decorated check at once on drawn values, as often as the backend can afford.

    JAX compiles for every new shape, so that it gets fewer examples: each class says its ``cost``.
    """

    def run(check):
        examples = hypothesis.settings().max_examples
        count = max(3, int(times * examples / backend.cost))
        hypothesis.settings(max_examples=count)(hypothesis.given(*given)(check))()

    return run


def share(backend, methods, number, of=3):
    """All of the methods; on JAX the ``number``-th of so many shares, which together are all.

    For a test of many cases, each compiled for every method: each gets one share, in turn.
    """
    return methods[number % of :: of] if backend.name == "jax" else methods


def every_combination(**choices):
    """All combinations of the choices, as dictionaries."""
    return [
        dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())
    ]
