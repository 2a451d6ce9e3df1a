"""Every method gives the exact result on small whole numbers: values, dtype, shape and device."""

import numpy as np
import oracle
import pytest
from comparing import assert_same
from hypothesis import strategies as st
from strategies import BORDERS, PADDING_MODES, configurations, for_all, one_or_each, share


def result_dtype(backend, dtype):
    return backend.default_integer if dtype == "bool" else dtype


def check_conv(backend, c, methods=None):
    x, weight, bias = c.operands()
    expected = oracle.conv(x, weight, bias, **c.geometry)
    conv = getattr(backend.functions, f"conv{c.axes}d")
    with backend.wide(c.dtype):
        dtype = result_dtype(backend, c.dtype)
        arrays = [backend.array(x, c.dtype), backend.array(weight, c.dtype)]
        if bias is not None:
            arrays.append(backend.array(bias, dtype))
        for method in methods or backend.methods_for(c.dtype, c.dilation):
            y = conv(*arrays, **c.geometry, method=method)
            assert_same(backend, y, expected, dtype, method)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_conv_is_exact_on_small_integers_by_every_method(backend, axes):
    @for_all(backend, configurations(backend.dtypes, axes, BORDERS))
    def check(c):
        check_conv(backend, c)


def test_auto_is_exact_on_small_integers(backend):
    @for_all(backend, configurations(backend.dtypes, modes=BORDERS), times=3)
    def check(c):
        check_conv(backend, c, ["auto"])


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("mode", PADDING_MODES)
def test_every_mode_with_stride_dilation_and_groups(backend, mode, dtype):
    rng = np.random.default_rng(3)
    x, weight = rng.integers(-3, 4, (2, 4, 6, 7)), rng.integers(-3, 4, (6, 2, 3, 2))
    x_array, weight_array = backend.array(x, dtype), backend.array(weight, dtype)
    case = PADDING_MODES.index(mode) + 2 * (dtype == "float32")
    for padding, dilation in (([(1, 2), (3, 0)], (1, 2)), ("same", 1)):
        options = {"stride": (2, 1), "padding": padding, "dilation": dilation}
        options |= {"groups": 2, "padding_mode": mode}
        expected = oracle.conv(x, weight, **options)
        case += 1
        for method in share(backend, backend.methods_for(dtype, dilation), case):
            y = backend.functions.conv2d(x_array, weight_array, **options, method=method)
            assert_same(backend, y, expected, dtype, f"{method} {options}")


def test_all_methods_agree_on_a_larger_image(backend):
    rng = np.random.default_rng(4)
    x, weight = rng.integers(-9, 10, (3, 4, 17, 23)), rng.integers(-9, 10, (8, 2, 5, 4))
    bias = rng.integers(-9, 10, 8)
    expected = oracle.conv(x, weight, bias, 2, "same", 1, 2)
    arrays = [backend.array(a, "float32") for a in (x, weight, bias)]
    for method in backend.methods_for("float32"):
        y = backend.functions.conv2d(*arrays, 2, "same", 1, 2, method=method)
        assert_same(backend, y, expected, "float32", method)


class TestCorr2d:
    def test_every_leading_axis_is_a_batch(self, backend):
        @for_all(
            backend,
            configurations(backend.dtypes, axes=2, modes=BORDERS),
            st.sampled_from([(), (0,), (3,), (2, 3), (1, 0, 2)]),
        )
        def check(c, batch):
            x, k = c.integers((*batch, *c.size), c.kernel)
            options = {**c.geometry}
            del options["groups"]
            if isinstance(c.padding_value, tuple):
                options["padding_value"] = c.padding_value[0]  # there are no channels
            with backend.wide(c.dtype):
                arrays = backend.array(x, c.dtype), backend.array(k, c.dtype)
                dtype = result_dtype(backend, c.dtype)
                methods = backend.methods_for(c.dtype, c.dilation)
                for number, name in enumerate(("corr2d", "convolve2d")):
                    expected = getattr(oracle, name)(x, k, **options)
                    for method in share(backend, methods, number, of=2):
                        y = getattr(backend.functions, name)(*arrays, **options, method=method)
                        assert_same(backend, y, expected, dtype, f"{name} {method}")


class TestConvTranspose:
    def test_it_is_exact_on_small_integers_by_every_method(self, backend):
        @for_all(backend, configurations(backend.dtypes, batches=(None, 0, 2)), st.data())
        def check(c, data):
            sides = st.integers(0, 1)
            padding = data.draw(
                st.one_of(
                    one_or_each(c.axes, sides),
                    st.lists(st.tuples(sides, sides), min_size=c.axes, max_size=c.axes),
                )
            )
            strides = oracle.per_axis(c.stride, c.axes)
            extra = tuple(data.draw(st.integers(0, s - 1)) for s in strides)
            weight_shape = (c.groups * c.in_each, c.out_each, *c.kernel)
            x, weight, bias = c.integers(c.x_shape, weight_shape, c.weight_shape[:1])
            options = {
                "stride": c.stride,
                "padding": padding,
                "output_padding": extra,
                "groups": c.groups,
                "dilation": c.dilation,
            }
            pads = oracle.resolve_pads(padding, None, c.kernel)
            sizes = zip(
                c.size,
                strides,
                pads,
                oracle.per_axis(c.dilation, c.axes),
                c.kernel,
                extra,
                strict=True,
            )
            if any((n - 1) * s - sum(p) + d * (k - 1) + 1 + e < 1 for n, s, p, d, k, e in sizes):
                return  # no output: an error, tested with the errors
            expected = oracle.conv_transpose(x, weight, bias if c.bias else None, **options)
            run = getattr(backend.functions, f"conv_transpose{c.axes}d")
            with backend.wide(c.dtype):
                dtype = result_dtype(backend, c.dtype)
                arrays = [backend.array(x, c.dtype), backend.array(weight, c.dtype)]
                arrays += [backend.array(bias, dtype)] if c.bias else []
                for method in backend.methods_for(c.dtype, c.dilation):
                    y = run(*arrays, **options, method=method)
                    assert_same(backend, y, expected, dtype, method)

    def test_its_arguments_stand_in_torchs_order(self, backend):
        rng = np.random.default_rng(5)
        x, weight, bias = (
            rng.integers(-3, 4, shape) for shape in ((2, 4, 5, 5), (4, 3, 3, 3), (6,))
        )
        arrays = [backend.array(a, "float32") for a in (x, weight, bias)]
        y = backend.functions.conv_transpose2d(*arrays, 3, 1, 2, 2, 2)
        expected = oracle.conv_transpose(x, weight, bias, 3, 1, 2, 2, 2)
        assert_same(backend, y, expected, "float32")


def test_the_arguments_of_conv_stand_in_torchs_order(backend):
    rng = np.random.default_rng(6)
    x, weight, bias = (rng.integers(-3, 4, shape) for shape in ((2, 4, 9), (6, 2, 3), (6,)))
    arrays = [backend.array(a, "float32") for a in (x, weight, bias)]
    y = backend.functions.conv1d(*arrays, 3, 1, 2, 2)
    assert_same(backend, y, oracle.conv(x, weight, bias, 3, 1, 2, 2), "float32")
