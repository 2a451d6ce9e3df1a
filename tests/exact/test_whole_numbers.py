"""Integers beside floats, with more digits than any float: all of them count, in every library."""

from fractions import Fraction

import numpy as np
import oracle
import pytest
from rounded import assert_rounded, rounded

OPTIONS = {"stride": (2, 1), "padding": ((1, 0), (1, 1)), "padding_mode": "reflect", "groups": 2}
INTEGERS = ("int16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "bfloat16", "float32", "float64")


def whole(shape, dtype, seed=1):
    """Both ends of a dtype and their neighbours, so that sums cancel; as Python's integers."""
    limits = np.iinfo(dtype)
    ends = [limits.max, limits.max - 1, limits.min, limits.min + 1, limits.max // 3, 1, 0]
    return np.array(ends, object)[np.random.default_rng(seed).integers(0, len(ends), shape)]


def small(shape, seed=2):
    """Numbers of few bits, of either sign, that every float holds."""
    return np.random.default_rng(seed).choice([-1.5, -1.0, -0.25, 0.5, 1.0], shape)


def fractions(values):
    return np.vectorize(Fraction, otypes=[object])(values)


def pairs(backend):
    if backend.cost > 10:  # each is compiled
        return [("int32", "float32"), ("uint64", "float64")]
    return [(i, f) for i in INTEGERS for f in FLOATS if {i, f} <= set(backend.dtypes)]


class TestEveryPair:
    """Of an image of integers, and of filters that are."""

    def test_a_convolution(self, backend):
        shapes = (1, 4, 5, 4), (4, 2, 3, 2)
        for integer, real in pairs(backend):
            for swapped in (False, True) if backend.cost < 10 else (False,):
                x, w = whole(shapes[swapped], integer), small(shapes[not swapped])
                given = (w, x) if swapped else (x, w)
                exact = oracle.conv(*map(fractions, given), **OPTIONS)
                dtypes = (real, integer) if swapped else (integer, real)
                with backend.wide(integer, real):
                    arrays = [backend.array(a, d) for a, d in zip(given, dtypes, strict=True)]
                    y = backend.functions.conv2d(*arrays, **OPTIONS, method="exact")
                    assert_rounded(backend, y, exact, real)

    def test_its_adjoints(self, backend):
        y_shape = (1, 4, *oracle.output_size((5, 4), (3, 2), (2, 1), ((1, 0), (1, 1))))
        grad = small(y_shape)
        for integer, real in pairs(backend):
            x, weight = whole((1, 4, 5, 4), integer), whole((4, 2, 3, 2), integer)
            dx = oracle.input_grad(fractions(grad), fractions(weight), (5, 4), **OPTIONS)
            dw = oracle.weight_grad(fractions(x), fractions(grad), (3, 2), **OPTIONS)
            options = OPTIONS | {"method": "exact"}
            with backend.wide(integer, real):
                x, weight = backend.array(x, integer), backend.array(weight, integer)
                own = backend.array(grad, real)
                found = backend.functions.conv_input_grad(own, weight, (5, 4), **options)
                assert_rounded(backend, found, dx, real)
                found = backend.functions.conv_weight_grad(x, own, (3, 2), **options)
                assert_rounded(backend, found, dw, real)

    @pytest.mark.parametrize("integer", ["int32", "uint64"])
    def test_complex_filters(self, backend, integer):
        x, parts = whole((1, 2, 9), integer), [small((3, 2, 2), seed) for seed in (3, 4)]
        with backend.wide(integer):
            weight = backend.array(parts[0] + 1j * parts[1], "complex64")
            y = backend.functions.conv1d(backend.array(x, integer), weight, method="exact")
            y = backend.to_numpy(y)
        for ours, part in zip((y.real, y.imag), parts, strict=True):
            exact = oracle.conv(fractions(x), fractions(part))
            bits = np.ascontiguousarray(ours).view("u4").astype(object)
            assert (bits == rounded(exact, "float32")).all()


class TestBias:
    def test_one_that_float32_does_not_hold(self, backend):
        bias = np.array([2**24 + 1, 2**31 - 1])
        x, weight = np.array([[[-(2.0**24), 1.0]]]), np.array([[[1.0, 2.0**-1]]] * 2)
        arrays = backend.array(x, "float32"), backend.array(weight, "float32")
        y = backend.functions.conv1d(*arrays, backend.array(bias, "int32"), method="exact")
        exact = oracle.conv(fractions(x), fractions(weight), fractions(bias))
        assert_rounded(backend, y, exact, "float32")


@pytest.mark.parametrize("integer", ["int32", "int64"])
def test_the_framework_differentiates_beside_them(differentiable, integer):
    """The gradient of the filters has the integers as its other factor."""
    backend = differentiable
    x, weight, bias = whole((1, 4, 5, 4), integer), small((4, 2, 3, 2)), small((4,))
    grad = small((1, 4, *oracle.output_size((5, 4), (3, 2), (2, 1), ((1, 0), (1, 1)))), 5)
    dw = oracle.weight_grad(fractions(x), fractions(grad), (3, 2), **OPTIONS)
    with backend.wide(integer):
        x = backend.array(x, integer)
        own = [backend.array(a, "float32") for a in (weight, bias, grad)]

        def conv(weight, bias):
            return backend.functions.conv2d(x, weight, bias, **OPTIONS, method="exact")

        if backend.name == "torch":
            leaves = [a.requires_grad_() for a in own[:2]]
            conv(*leaves).backward(own[2])
            found = leaves[0].grad
        else:
            import jax

            found = jax.jit(lambda *a: jax.vjp(conv, *a[:2])[1](a[2])[0])(*own)
    assert_rounded(backend, found, dw, "float32")
