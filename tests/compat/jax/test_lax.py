"""``compat.jax.lax`` against ``jax.lax``: values, sizes, layouts, dtypes and errors."""

import inspect
import math

import numpy as np
import pytest
from comparing import assert_same, check_error
from hypothesis import strategies as st
from strategies import for_all

from multiconv.compat.jax import lax as compat

pytestmark = pytest.mark.needs_backend("jax")

DTYPES = ("int32", "float32")


@st.composite
def layouts(draw, axes):
    """Three strings that name the same axes in any order."""
    spatial = "HWD"[:axes]
    return tuple("".join(draw(st.permutations(pair + spatial))) for pair in ("NC", "OI", "NC"))


@st.composite
def geometries(draw, axes, *, spread=True):
    """Window strides, padding, lhs_dilation and rhs_dilation."""
    pairs = st.tuples(st.integers(-1, 4), st.integers(-1, 4))
    names = st.sampled_from(("SAME", "VALID", "SAME_LOWER", "same"))
    pads = draw(st.one_of(names, st.lists(pairs, min_size=axes, max_size=axes)))

    def factors(largest):
        each = st.lists(st.integers(1, largest), min_size=axes, max_size=axes)
        return draw(st.one_of(st.none(), each))

    strides = factors(3) or [1] * axes
    return strides, pads, factors(3) if spread else None, factors(2)


@st.composite
def calls(draw):
    """The arrays of `conv_general_dilated`, and its options."""
    axes = draw(st.sampled_from((0, 1, 1, 2, 2, 3)))
    groups, which = draw(st.integers(1, 2)), draw(st.sampled_from(("features", "batches")))
    features, batches = (groups, 1) if which == "features" else (1, groups)
    each, filters = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    sizes = {
        "N": batches * draw(st.integers(0, 2)),
        "C": features * each,
        "O": filters,
        "I": each,
    }
    numbers = draw(st.one_of(st.none(), layouts(axes)))
    names = numbers or ("NCHWD"[: 2 + axes], "OIHWD"[: 2 + axes])
    spatial = [(draw(st.integers(1, 5)), draw(st.integers(1, 3))) for _ in range(axes)]
    image = sizes | dict(zip("HWD", [n for n, _ in spatial], strict=False))
    kernel = sizes | dict(zip("HWD", [k for _, k in spatial], strict=False))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lhs = rng.integers(-4, 5, [image[axis] for axis in names[0]])
    rhs = rng.integers(-4, 5, [kernel[axis] for axis in names[1]])
    options = (*draw(geometries(axes)), numbers, features, batches)
    return (lhs, rhs), options, draw(st.sampled_from(DTYPES))


def spread(arrays, options):
    """The same call with the zeros between the pixels written out, where they lie along two axes.

    XLA aborts the process at some sizes of such.
    """
    (lhs, rhs), (strides, pads, before, *others) = arrays, (*options, *[None] * (5 - len(options)))
    if before is None or sum(step > 1 for step in before) < 2 or isinstance(pads, str):
        return arrays, options
    numbers = others[1]
    spatial = range(2, lhs.ndim)
    if numbers is not None:
        spatial = [numbers[0].index(axis) for axis in numbers[1] if axis not in "OI"]
    size, steps = list(lhs.shape), [1] * lhs.ndim
    for axis, step in zip(spatial, before, strict=True):
        size[axis], steps[axis] = (size[axis] - 1) * step + 1, step
    wide = np.zeros([max(n, 0) for n in size], lhs.dtype)
    wide[tuple(slice(None, None, step) for step in steps)] = lhs
    return (wide, rhs), (strides, pads, None, *others)


def check(backend, name, arrays, options, dtype, **keywords):
    """Compare the two bit for bit: whole numbers as small as these are exact in every dtype."""
    import jax.numpy as jnp
    from jax import lax

    own = [backend.array(a, dtype) for a in arrays]
    known = spread(arrays, options) if name == "conv_general_dilated" else (arrays, options)
    theirs = [jnp.asarray(a.astype(dtype)) for a in known[0]]
    try:
        expected = getattr(lax, name)(*theirs, *known[1], **keywords)
    except (ValueError, TypeError, RuntimeError) as error:  # its own kind is expected
        with pytest.raises(type(error)):
            getattr(compat, name)(*own, *options, **keywords)
        return
    result = getattr(compat, name)(*own, *options, **keywords)
    assert_same(backend, result, np.asarray(expected), str(expected.dtype))


class TestAgainstJax:
    def test_general_convolutions_are_equal(self, backend):
        @for_all(backend, calls(), times=2.0)
        def _(call):
            check(backend, "conv_general_dilated", *call)

    def test_transposed_convolutions_are_equal(self, backend):
        from jax import lax

        known = inspect.signature(lax.conv_transpose).parameters

        @for_all(backend, st.data())
        def _(data):
            axes = data.draw(st.integers(1, 2))
            size = [data.draw(st.integers(1, 4)) for _ in range(axes)]
            kernel = [data.draw(st.integers(1, 4)) for _ in range(axes)]
            pairs = tuple(data.draw(st.tuples(*[st.integers(0, 2)] * 2)) for _ in range(axes))
            keywords = {
                "strides": [data.draw(st.integers(1, 3)) for _ in range(axes)],
                "padding": data.draw(st.sampled_from(("SAME", "VALID", pairs))),
                "rhs_dilation": [data.draw(st.integers(1, 2)) for _ in range(axes)],
                "transpose_kernel": data.draw(st.booleans()),
            }
            if "use_consistent_padding" in known:  # younger than the oldest JAX that is supported
                keywords["use_consistent_padding"] = data.draw(st.booleans())
            into, out = (3, 2) if keywords["transpose_kernel"] else (2, 3)
            rng = np.random.default_rng(sum(size))
            arrays = rng.integers(-4, 5, (1, *size, 2)), rng.integers(-4, 5, (*kernel, into, out))
            check(backend, "conv_transpose", arrays, (), "int32", **keywords)

    def test_patches_are_equal(self, backend):
        @for_all(backend, st.data())
        def _(data):
            axes = data.draw(st.integers(1, 2))
            numbers = data.draw(layouts(axes))
            sizes = {"N": 2, "C": 2, "H": data.draw(st.integers(1, 5)), "W": 4}
            x = np.arange(math.prod(sizes[a] for a in numbers[0])) % 11
            x = x.reshape([sizes[a] for a in numbers[0]])
            filters = [data.draw(st.integers(1, 3)) for _ in range(axes)]
            options = (filters, *data.draw(geometries(axes)), numbers)
            check(backend, "conv_general_dilated_patches", (x,), options, "float32")

    def test_the_shorter_names_are_equal(self, backend):
        rng = np.random.default_rng(0)
        arrays = rng.integers(-4, 5, (2, 3, 5, 4)), rng.integers(-4, 5, (2, 3, 2, 2))
        check(backend, "conv", arrays, ((2, 1), "SAME"), "int32")
        general = ((1, 1), [(1, 0), (0, 2)], (2, 1), (1, 2))
        check(backend, "conv_with_general_padding", arrays, general, "float32")

    @pytest.mark.parametrize(
        ("dtype", "preferred"),
        [("int8", "int32"), ("uint8", "int32"), ("int8", "float32"), ("bool", None)],
    )
    def test_the_dtype_of_the_sums_is_theirs(self, backend, dtype, preferred):
        x = np.array([[[1, 1, 0, 1]]]) * (1 if dtype == "bool" else 100)
        k = np.array([[[1, 1]]]) * (1 if dtype == "bool" else 9)
        options = ((1,), "VALID")
        check(
            backend,
            "conv_general_dilated",
            (x, k),
            options,
            dtype,
            preferred_element_type=preferred,
        )

    def test_a_dtype_in_every_spelling(self, backend):
        import jax.numpy as jnp
        from jax import lax

        x, k = (np.arange(4).reshape(1, 1, 4), np.ones((1, 1, 2)))
        own = backend.array(x, "int8"), backend.array(k, "int8")
        theirs = jnp.asarray(x, "int8"), jnp.asarray(k, "int8")
        for dtype in ("float32", np.float32, np.dtype("int32"), jnp.float32, own[0].dtype):
            given = np.int8 if dtype is own[0].dtype else dtype
            expected = lax.conv(*theirs, (1,), "VALID", preferred_element_type=given)
            y = compat.conv(*own, (1,), "VALID", preferred_element_type=dtype)
            assert_same(backend, y, np.asarray(expected), str(expected.dtype))


class TestLayouts:
    def test_numbers_are_those_of_jax(self):
        from jax import lax

        for names in [None, ("NHWC", "HWIO", "NHWC"), ("CWNH", "WOIH", "NCHW")]:
            shapes = (1, 2, 3, 4), (4, 3, 2, 1)
            expected = lax.conv_dimension_numbers(*shapes, names)
            found = compat.conv_dimension_numbers(*shapes, names)
            assert [tuple(spec) for spec in found] == [tuple(spec) for spec in expected]

    def test_those_of_jax_are_taken(self, backend):
        from jax import lax

        x, k = np.arange(8).reshape(1, 4, 2), np.ones((2, 2, 1), int)
        numbers = lax.conv_dimension_numbers(x.shape, k.shape, ("NHC", "HIO", "NHC"))
        y = compat.conv_general_dilated(
            *[backend.array(a, "int32") for a in (x, k)], (1,), "VALID", dimension_numbers=numbers
        )
        assert_same(backend, y, [[[6], [14], [22]]], "int32")

    @pytest.mark.parametrize(
        "names",
        [("NHC", "HIO"), ("NHC", "HIO", "NC"), ("NHH", "HIO", "NHC"), ("NWC", "HIO", "NHC"), 3],
    )
    def test_what_describes_no_arrays_is_refused(self, names):
        from jax import lax

        for module in (lax, compat):
            with pytest.raises(TypeError):
                module.conv_dimension_numbers((1, 4, 2), (2, 2, 1), names)


class TestErrors:
    def one(self, backend, *shapes, dtype="float32"):
        return [backend.array(np.ones(shape), dtype) for shape in shapes]

    def test_features_that_differ(self, backend):
        x, k = self.one(backend, (1, 3, 4), (2, 2, 1))
        check_error(ValueError, lambda: compat.conv(x, k, (1,), "SAME"), "lhs", 3, "rhs", 2)

    def test_dtypes_that_differ(self, backend):
        x, k = (
            self.one(backend, (1, 1, 4), (1, 1, 1))[0],
            backend.array(np.ones((1, 1, 1)), "int32"),
        )
        check_error(TypeError, lambda: compat.conv(x, k, (1,), "SAME"), "float32", "int32")

    def test_names_of_padding_with_zeros_between_pixels(self, backend):
        x, k = self.one(backend, (1, 1, 4), (1, 1, 2))
        call = lambda: compat.conv_general_dilated(x, k, (1,), "SAME", lhs_dilation=(2,))  # noqa: E731
        check_error(ValueError, call, "lhs_dilation", "conv_transpose")

    def test_strides_for_other_axes(self, backend):
        x, k = self.one(backend, (1, 1, 4), (1, 1, 2))
        check_error(ValueError, lambda: compat.conv(x, k, (1, 1), "SAME"), "window_strides=(1,)")

    def test_a_sharding_is_for_jax_alone(self, backend):
        x, k = self.one(backend, (1, 1, 4), (1, 1, 2))
        call = lambda: compat.conv_general_dilated(x, k, (1,), "SAME", out_sharding=1)  # noqa: E731
        check_error(ValueError, call, "out_sharding", "jax.lax")

    def test_a_narrower_dtype(self, backend):
        x, k = self.one(backend, (1, 1, 4), (1, 1, 2))
        call = lambda: compat.conv(x, k, (1,), "SAME", preferred_element_type="float16")  # noqa: E731
        check_error(TypeError, call, "preferred_element_type", "float16", "float32")


class TestFrameworks:
    def test_gradients_are_those_of_jax(self):
        import jax
        import jax.numpy as jnp
        from jax import lax

        rng = np.random.default_rng(0)
        x, k = (jnp.asarray(rng.integers(-3, 4, s), "float32") for s in ((2, 5, 4), (3, 2, 4)))

        def loss(module, x, k):
            numbers = ("NHC", "HIO", "CNH")
            y = module.conv_general_dilated(x, k, (1,), [(2, 0)], (3,), (2,), numbers, 2)
            return (y * y).sum()

        expected = jax.grad(lambda x, k: loss(lax, x, k), (0, 1))(x, k)
        found = jax.jit(jax.grad(lambda x, k: loss(compat, x, k), (0, 1)))(x, k)
        assert all(jnp.array_equal(a, b) for a, b in zip(expected, found, strict=True))

    def test_vmap_maps_it(self):
        import jax
        import jax.numpy as jnp

        x, k = jnp.arange(12.0).reshape(3, 1, 1, 4), jnp.ones((1, 1, 2))
        mapped = jax.vmap(lambda x: compat.conv(x, k, (1,), "VALID"))(x)
        assert mapped[:, 0, 0].tolist() == [[1, 3, 5], [9, 11, 13], [17, 19, 21]]

    @pytest.mark.needs_backend("torch")
    def test_torch_compiles_and_differentiates_it(self):
        import torch

        def f(x, k):
            return compat.conv_transpose(x, k, (2,), "SAME")

        x, k = torch.arange(4.0).reshape(1, 4, 1), torch.ones(3, 1, 1, requires_grad=True)
        y = torch.compile(f, fullgraph=True, backend="aot_eager")(x, k)
        assert torch.equal(y, f(x, k))
        y.sum().backward()
        assert k.grad.ravel().tolist() == [3, 6, 6]
