"""Every fast method beside the exact result: results, gradients, and under the transforms.

The limits, and which of them are whose, are derived in `accuracy`.
"""

import dataclasses

import accuracy
import backends_under_test
import numpy as np
import pytest
import wanted as by_name
from hypothesis import strategies as st
from strategies import BORDERS, Configuration, configurations, for_all

FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
METHODS = tuple(name for name in backends_under_test.NAMES_OF_METHODS if name != "exact")


def as_float64(backend, array):
    values = backend.to_numpy(array)
    return values.astype(np.complex128 if np.iscomplexobj(values) else np.float64)


def assert_within(result, found, c, wanted, method, arrays):
    """Within the bound, and within the gate where that says something."""
    if method in backends_under_test.IN_NORM:
        limits = {"norm": accuracy.in_norm(found, c, wanted, arrays)}
    else:
        limits = {
            "bound": accuracy.elementwise(found, c),
            "gate": accuracy.gate(found, c, has_bias=len(arrays) > 2),
        }
    for name, limit in limits.items():
        wrong = accuracy.excess(result, found, limit)
        assert not wrong, f"{method}, {wanted}, {name}: " + "; ".join(wrong[:4])


def check_sums(backend, c, wanted, method):
    with backend.wide(c.dtype):
        own = [backend.array(a, c.dtype) for a in by_name.drawn(c, wanted)]
        arrays = [as_float64(backend, a) for a in own]
        result = by_name.called(backend.functions, c, wanted, *own, method=method)
        assert backend.dtype_name(result) == c.dtype
        result = as_float64(backend, result)
    found = accuracy.reference(c, wanted, arrays)
    assert_within(result, found, c, wanted, method, arrays)


@pytest.mark.parametrize("wanted", by_name.WANTED)
@pytest.mark.parametrize("method", METHODS)
def test_sums_and_their_adjoints(backend, method, wanted):
    if method == "native" and not backend.native_dtypes:
        return
    dtypes = [dtype for dtype in FLOATS if dtype in backend.dtypes]

    @for_all(backend, configurations(dtypes, modes=BORDERS), times=0.5)
    def check(c):
        check_sums(backend, c, wanted, method)


@st.composite
def of_many_channels(draw):
    """So large that the ways begin which are not worth it for less.

    NumPy's compiled loops, its products by rows, and its products before their sums ("scattered").
    """
    wide, few = draw(st.sampled_from((16, 33))), draw(st.sampled_from((1, 3, 12)))
    is_exchanged = draw(st.booleans())
    return Configuration(
        size=tuple(draw(st.integers(17, 22)) for _ in "hw"),
        kernel=tuple(draw(st.integers(2, 4)) for _ in "hw"),
        batch=draw(st.integers(1, 2)),
        groups=draw(st.sampled_from((1, 1, 2))),
        in_each=few if is_exchanged else wide,
        out_each=wide if is_exchanged else few,
        stride=draw(st.sampled_from((1, 1, 1, 2))),
        dilation=draw(st.sampled_from((1, 1, 2))),
        padding=draw(st.sampled_from(("same", "full", 1))),
        padding_mode=draw(st.sampled_from(("zeros", "zeros", "reflect"))),
        bias=draw(st.booleans()),
        dtype=draw(st.sampled_from(("float32", "float32", "float64"))),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@pytest.mark.parametrize("method", ["direct", "im2col", "folded", "native", "auto"])
def test_sums_of_many_channels(backend, method):
    if method == "native" and not backend.native_dtypes:
        return

    @for_all(backend, of_many_channels(), times=0.2)
    def check(c):
        for wanted in by_name.WANTED:
            check_sums(backend, c, wanted, method)


class TestWhatTheLimitsNotice:
    """That they are no wider than they need to be: what is wrong a little is beyond them."""

    SIZES = Configuration(
        (9, 9), (3, 3), 1, 1, 64, 4, 1, 1, 0, "zeros", bias=False, dtype="float32", seed=1
    )

    @pytest.fixture(params=by_name.WANTED)
    def case(self, request):
        c, wanted = self.SIZES, request.param
        if wanted == "weight":  # of as many products as the others
            c = dataclasses.replace(c, batch=9)
        arrays = [a.astype(np.float32).astype(float) for a in by_name.drawn(c, wanted)]
        return c, wanted, arrays, accuracy.reference(c, wanted, arrays)

    @staticmethod
    def of_bits(array, bits):
        mantissa, exponent = np.frexp(array)
        return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)

    def test_the_gate_notices_factors_of_few_bits(self, case):
        """As TF32 keeps 11 bits of each."""
        c, wanted, arrays, found = case
        narrow = [self.of_bits(a, 11) for a in arrays]
        result = accuracy.reference(c, wanted, narrow).exact
        assert accuracy.excess(result, found, accuracy.gate(found, c, has_bias=False))

    def test_the_bound_notices_a_product_that_is_missing(self, case):
        c, wanted, arrays, found = case
        fewer = [arrays[0].copy(), arrays[1]]
        fewer[0].flat[np.argsort(abs(arrays[0]), axis=None)[arrays[0].size // 2]] = 0
        result = accuracy.reference(c, wanted, fewer).exact
        assert accuracy.excess(result, found, accuracy.elementwise(found, c))
        norm = accuracy.in_norm(found, c, wanted, arrays)
        assert accuracy.excess(result, found, norm)

    def test_a_result_that_is_not_finite_is_beyond_all(self, case):
        c, _, _, found = case
        result = np.full_like(found.exact, np.nan)
        assert len(accuracy.excess(result, found, accuracy.elementwise(found, c))) == result.size


class TestTransforms:
    """The frameworks' own derivatives, of the function as it is, compiled, and of a batch."""

    NAMES = ("itself", "compiled", "batched")

    @staticmethod
    def transformed(backend, transform, function):
        if transform == "itself":
            return function
        if backend.name == "jax":
            import jax

            if transform == "compiled":
                return jax.jit(function)
            return jax.vmap(function, in_axes=(0, None, None))
        import torch

        if transform == "batched":
            return torch.func.vmap(function, in_dims=(0, None, None))
        torch._dynamo.reset()
        return torch.compile(function, backend="eager", fullgraph=True)

    @staticmethod
    def derivatives(backend, function, operands, cotangent):
        """The result, and the gradients of x and weight."""
        if backend.name == "jax":
            import jax

            y, pullback = jax.vjp(function, *operands)
            return [y, *pullback(cotangent)[:2]]
        leaves = [a.clone().requires_grad_() for a in operands]
        y = function(*leaves)
        y.backward(cotangent)
        return [y, *(leaf.grad for leaf in leaves[:2])]

    @pytest.mark.parametrize("method", METHODS)
    def test_results_and_gradients(self, differentiable, method):
        backend = differentiable
        dtypes = ("bfloat16", "float32", "float32", "float64", "complex64")
        axes = 1 if method == "loop" else None  # whose every position is an operation

        @for_all(
            backend,
            configurations(dtypes, axes=axes, modes=BORDERS, batches=(1, 2)),
            st.sampled_from(self.NAMES),
            times=0.5,
        )
        def check(c, transform):
            values = [by_name.drawn(dataclasses.replace(c, bias=True), "y"), by_name.drawn(c, "x")]
            with backend.wide(c.dtype):
                own = [backend.array(a, c.dtype) for a in (*values[0], values[1][0])]
                conv = getattr(backend.functions, f"conv{c.axes}d")
                function = self.transformed(
                    backend, transform, lambda *a: conv(*a, **c.geometry, method=method)
                )
                results = self.derivatives(backend, function, own[:3], own[3])
                results = [as_float64(backend, result) for result in results]
                x, weight, bias, grad = (as_float64(backend, a) for a in own)
            if backend.name == "torch":  # which conjugates what it multiplies a gradient with
                grads = (grad, weight.conj()), (x.conj(), grad)
            else:
                grads = (grad, weight), (x, grad)
            arrays = {"y": (x, weight, bias), "x": grads[0], "weight": grads[1]}
            for result, wanted in zip(results, by_name.WANTED, strict=True):
                found = accuracy.reference(c, wanted, arrays[wanted])
                assert_within(result, found, c, wanted, method, arrays[wanted])
