"""``compat.torch.nn.functional`` against torch: values, sizes, dtypes and errors."""

import contextlib

import bounds
import numpy as np
import pytest
from comparing import assert_same, check_error
from hypothesis import strategies as st
from strategies import for_all, one_or_each

from multiconv.compat.torch.nn import functional as compat

pytestmark = pytest.mark.needs_backend("torch")

CONVOLUTIONS = {1: "conv1d", 2: "conv2d", 3: "conv3d"}
DTYPES = ("int32", "uint8", "float32")


@st.composite
def lengths(draw, axes, numbers):
    """One number for all axes, the same in a tuple, or one for each."""
    form = draw(st.sampled_from(("one", "alone", "each")))
    if form == "one":
        return draw(numbers)
    return tuple(draw(numbers) for _ in range(1 if form == "alone" else axes))


@st.composite
def calls(draw, *, transposed):
    """The arrays of a convolution, as lists of whole numbers in shapes, and its options."""
    axes = draw(st.integers(1, 3))
    groups, each = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    filters = groups * draw(st.integers(1, 2))
    size = [draw(st.integers(1, 6)) for _ in range(axes)]
    kernel = [draw(st.integers(1, 3)) for _ in range(axes)]
    batch = draw(st.sampled_from(((), (1,), (2,))))
    options = {"stride": draw(lengths(axes, st.integers(1, 3))), "groups": groups}
    options["dilation"] = draw(lengths(axes, st.integers(1, 2)))
    options["padding"] = draw(lengths(axes, st.integers(0, 2)))
    if transposed:
        options["output_padding"] = draw(lengths(axes, st.integers(0, 2)))
        weight = (groups * each, filters // groups, *kernel)
    else:
        weight = (filters, each, *kernel)
        if draw(st.booleans()):
            options["padding"] = draw(st.sampled_from(("valid", "same")))
    shapes = [(*batch, groups * each, *size), weight, (filters,)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays = [rng.integers(0, 4, shape) for shape in shapes[: draw(st.integers(2, 3))]]
    return CONVOLUTIONS[axes], arrays, options, draw(st.sampled_from(DTYPES))


def check(backend, name, arrays, options, dtype):
    """Compare the two bit for bit: whole numbers as small as these are exact in every dtype."""
    import torch

    original = getattr(torch.nn.functional, name)
    function = getattr(compat, name)
    own = [backend.array(a, dtype) for a in arrays]
    theirs = [torch.from_numpy(a.astype(dtype)) for a in arrays]
    try:
        expected = original(*theirs, **options)
    except NotImplementedError:  # torch has not all of its convolutions for all integers
        expected = original(*[a.double() for a in theirs], **options).to(theirs[0].dtype)
    except RuntimeError:
        # torch's kernels do not agree on results without numbers: some refuse them.
        with contextlib.suppress(RuntimeError):
            assert 0 in function(*own, **options).shape
        return
    assert_same(backend, function(*own, **options), expected.numpy(), dtype)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
class TestAgainstTorch:
    def test_convolutions_are_equal(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            check(backend, *data.draw(calls(transposed=False)))

    def test_transposed_convolutions_are_equal(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            name, *rest = data.draw(calls(transposed=True))
            check(backend, name.replace("conv", "conv_transpose"), *rest)

    def test_patches_and_their_sums_are_equal(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            import torch

            size = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
            options = {
                "kernel_size": data.draw(one_or_each(2, st.integers(1, 3))),
                "stride": data.draw(one_or_each(2, st.integers(1, 3))),
                "dilation": data.draw(one_or_each(2, st.integers(1, 2))),
                "padding": data.draw(one_or_each(2, st.integers(0, 2))),
            }
            batch = data.draw(st.sampled_from(((), (2,))))
            x = np.arange(np.prod((*batch, 2, *size))).reshape(*batch, 2, *size) % 7
            theirs, own = torch.from_numpy(x.astype("float32")), backend.array(x, "float32")
            try:
                columns = torch.nn.functional.unfold(theirs, **options)
            except RuntimeError:
                with pytest.raises(RuntimeError):
                    compat.unfold(own, **options)
                return
            found = compat.unfold(own, **options)
            assert_same(backend, found, columns.numpy(), "float32")
            sums = torch.nn.functional.fold(columns, size, **options)
            assert_same(backend, compat.fold(found, size, **options), sums.numpy(), "float32")

    def test_floats_keep_the_bound_of_sums(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            name, arrays, options, _ = data.draw(calls(transposed=False))
            rng = np.random.default_rng(arrays[0].size)
            drawn = [rng.standard_normal(a.shape).astype("float32") for a in arrays]
            try:
                result = getattr(compat, name)(*map(backend.array, drawn), **options)
            except RuntimeError:  # the same as torch's, by the tests above
                return
            x, weight, bias = [*drawn, None][:3]
            for option in ("stride", "dilation", "padding"):
                if isinstance(options[option], tuple) and len(options[option]) == 1:
                    options[option] = options[option][0]
            values = backend.to_numpy(result).astype("float64")
            if x.ndim < weight.ndim:
                x, values = x[None], values[None]
            assert not bounds.elementwise_excess(values, x, weight, bias, "float32", **options)

    def test_an_empty_batch(self, backend):
        arrays = np.ones((0, 2, 5)), np.ones((3, 2, 2))
        check(backend, "conv1d", arrays, {"stride": 2}, "float32")
        check(backend, "conv_transpose1d", (arrays[0], np.ones((2, 3, 2))), {}, "float32")


class TestEmptyResults:
    """Transposed convolutions that torch gives empty results of, with most of its kernels."""

    @pytest.mark.parametrize(
        ("x", "weight", "options"),
        [
            ((2, 4, 2), (4, 1, 2), {"padding": 2, "dilation": 2, "groups": 2}),
            ((2, 4, 2, 1), (4, 3, 2, 2), {"padding": (0, 1)}),
            ((0, 2, 3, 3), (2, 2, 2, 3), {"padding": 2, "dilation": 2, "output_padding": 2}),
            ((0, 1, 0), (1, 2, 3), {"stride": 2, "padding": 0, "output_padding": 1}),
            ((0, 2, 2, 3, 2), (2, 1, 2, 1, 2), {"padding": (1, 0, 0), "output_padding": 1}),
            ((0, 2, 1, 1), (2, 3, 2, 2), {"padding": 1}),
        ],
        ids=str,
    )
    def test_they_have_the_same_shape(self, backend, x, weight, options):
        import torch

        name = {3: "conv_transpose1d", 4: "conv_transpose2d", 5: "conv_transpose3d"}[len(weight)]
        expected = getattr(torch.nn.functional, name)(torch.ones(x), torch.ones(weight), **options)
        assert expected.numel() == 0
        arrays = [backend.array(np.ones(shape), "float32") for shape in (x, weight)]
        y = getattr(compat, name)(*arrays, **options)
        assert tuple(y.shape) == tuple(expected.shape)
        assert backend.dtype_name(y) == "float32"

    def test_gradients_are_zeros(self):
        import torch

        for shape, options in (((2, 4, 2), {"padding": 2, "dilation": 2}),
                               ((0, 4, 2), {"output_padding": 3})):  # fmt: skip
            x = torch.ones(shape, requires_grad=True)
            weight, bias = torch.ones(4, 1, 2, requires_grad=True), torch.ones(1)
            compat.conv_transpose1d(x, weight, bias, **options).sum().backward()
            assert torch.equal(x.grad, torch.zeros(shape))
            assert torch.equal(weight.grad, torch.zeros(4, 1, 2))

    def test_less_than_nothing_is_refused(self, backend):
        x, weight = (backend.array(np.ones(s), "float32") for s in ((1, 1, 1), (1, 1, 1)))
        call = lambda: compat.conv_transpose1d(x, weight, padding=2)  # noqa: E731
        check_error(RuntimeError, call, "no output", "padding")


class TestErrors:
    def test_dtypes_that_differ(self, backend):
        x, w = backend.array([[[1, 2]]], "float32"), backend.array([[[1]]], "int32")
        check_error(RuntimeError, lambda: compat.conv1d(x, w), "float32", "int32", "promotes")

    def test_bool_is_not_implemented(self, backend):
        x = backend.array([[[1, 0]]], "bool")
        check_error(NotImplementedError, lambda: compat.conv1d(x, x), "bool", "cast")

    def test_padding_names_of_others(self, backend):
        x = backend.array([[[1, 2]]], "float32")
        check_error(RuntimeError, lambda: compat.conv1d(x, x, padding="full"), "padding", "full")
        check_error(
            RuntimeError, lambda: compat.conv1d(x, x, stride=2, padding="same"), "stride", "same"
        )

    def test_channels_that_differ_are_named_as_torch_names_them(self, backend):
        x, w = np.ones((1, 3, 4, 4)), np.ones((2, 2, 1, 1))
        call = lambda: compat.conv2d(backend.array(x, "float32"), backend.array(w, "float32"))  # noqa: E731
        check_error(RuntimeError, call, "input", 3, "weight", 2)

    def test_advice_is_a_call_of_torch(self, backend):
        x, w = (backend.array(np.ones(shape), "float32") for shape in ((1, 1, 4, 4), (1, 1, 6, 5)))
        check_error(RuntimeError, lambda: compat.conv2d(x, w), "kernel", 6, "padding=(2, 1)")
        assert tuple(compat.conv2d(x, w, padding=(2, 1)).shape) == (1, 1, 3, 2)

    def test_columns_that_are_none(self, backend):
        x = backend.array(np.ones((8, 10)), "float32")
        check_error(RuntimeError, lambda: compat.fold(x, 4, 2), "input", 9, "(8, 10)")

    def test_other_keywords(self, backend):
        x = backend.array([[[1, 2]]], "float32")
        check_error(TypeError, lambda: compat.conv1d(x, x, strides=2), "strides", "stride")


class TestFrameworks:
    def test_gradients_are_those_of_torch(self):
        import torch

        rng = np.random.default_rng(0)
        x, w = (
            torch.from_numpy(rng.integers(-3, 4, s).astype("f4")) for s in ((2, 4, 5), (6, 2, 3))
        )
        gradients = []
        for module in (torch.nn.functional, compat):
            leaves = [a.clone().requires_grad_() for a in (x, w)]
            y = module.conv1d(*leaves, stride=2, padding=1, groups=2)
            gradients.append(torch.autograd.grad((y * y).sum(), leaves))
        for expected, found in zip(*gradients, strict=True):
            assert torch.equal(found, expected)

    def test_torch_compiles_it_whole(self):
        import torch

        def edges(x, w):
            return compat.fold(compat.unfold(compat.conv2d(x, w, padding="same"), 2), (4, 4), 2)

        x, w = torch.arange(16.0).reshape(1, 1, 4, 4), torch.ones(1, 1, 3, 3)
        run = torch.compile(edges, fullgraph=True, backend="aot_eager")
        assert torch.equal(run(x, w), edges(x, w))

    @pytest.mark.needs_backend("jax")
    def test_jax_compiles_and_differentiates_it(self):
        import jax
        import jax.numpy as jnp

        x, w = jnp.arange(6.0).reshape(1, 6), jnp.ones((1, 1, 2))
        grad = jax.jit(jax.grad(lambda w: compat.conv1d(x, w).sum()))(w)
        assert grad.tolist() == [[[10.0, 15.0]]]
