"""Every exact sum against fractions from the definition, bit by bit."""

import dataclasses

import numpy as np
import oracle
import pytest
import wanted as by_name
from hostile import KINDS, hostile, with_what_is_not_finite
from hypothesis import strategies as st
from rounded import PARTS, Apart, Extended, assert_rounded, extended, rounded
from strategies import configurations, for_all

FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class Problem:
    """A convolution, or one of its adjoints, and which numbers it is given."""

    c: object
    wanted: str
    kind: str
    is_finite: bool

    def operands(self):
        c = self.c
        rng = np.random.default_rng(c.seed)
        arrays = [
            hostile(rng, self.kind, shape, c.dtype) for shape in by_name.shapes(c, self.wanted)
        ]
        if not self.is_finite:
            arrays = [with_what_is_not_finite(rng, array) for array in arrays]
        return arrays if c.bias or self.wanted != "y" else [*arrays[:2], None]

    def expected(self, *arrays):
        exactly = [
            None if a is None else extended(a, Apart if self.wanted == "x" else Extended)
            for a in arrays
        ]
        return by_name.of_oracle(self.c, self.wanted, *exactly)


def problems(dtypes):
    return st.builds(
        Problem,
        configurations(dtypes),
        st.sampled_from(by_name.WANTED),
        st.sampled_from(KINDS),
        st.booleans() | st.just(True),
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_sum_is_rounded_once(backend, dtype):
    if dtype not in backend.dtypes:
        return

    @for_all(backend, problems([dtype]), times=2)
    def check(problem):
        arrays = problem.operands()
        with backend.wide(dtype):
            own = [None if a is None else backend.array(a, dtype) for a in arrays]
            result = by_name.called(
                backend.functions, problem.c, problem.wanted, *own, method="exact"
            )
            assert_rounded(backend, result, problem.expected(*arrays), dtype)


@pytest.mark.parametrize("dtype", PARTS)
def test_both_parts_of_a_complex_sum_are(backend, dtype):
    @for_all(backend, configurations([dtype]), st.sampled_from(KINDS))
    def check(c, kind):
        rng = np.random.default_rng(c.seed)
        part = PARTS[dtype]
        x, y = (hostile(rng, kind, c.x_shape, part) for _ in "ri")
        v, w = (hostile(rng, kind, c.weight_shape, part) for _ in "ri")
        with backend.wide(dtype):
            arrays = backend.array(x + 1j * y, dtype), backend.array(v + 1j * w, dtype)
            conv = getattr(backend.functions, f"conv{c.axes}d")
            result = backend.to_numpy(conv(*arrays, **c.geometry, method="exact"))
        x, y, v, w = map(oracle.exactly, (x, y, v, w))
        real = oracle.conv(x, v, **c.geometry) - oracle.conv(y, w, **c.geometry)
        imag = oracle.conv(x, w, **c.geometry) + oracle.conv(y, v, **c.geometry)
        for ours, exact in ((result.real, real), (result.imag, imag)):
            bits = np.ascontiguousarray(ours).view(f"u{ours.itemsize}").astype(object)
            assert (bits == rounded(exact, part)).all()
