"""Every wrong argument gets an error of ours that names it, the numbers, and what would work."""

import functools

import numpy as np
import pytest
from comparing import check_error

import multiconv as mc
from multiconv.methods.table import NAMES as METHODS


@pytest.fixture
def f(backend):
    return backend.functions


@pytest.fixture
def ones(backend):
    """An array of ones of this shape."""
    return lambda *shape, dtype="float32": backend.array(np.ones(shape), dtype)


class TestShapes:
    @pytest.mark.parametrize("method", METHODS)
    def test_channels_that_do_not_match(self, f, ones, method):
        check_error(
            ValueError,
            lambda: f.conv2d(ones(1, 3, 5, 5), ones(2, 4, 3, 3), method=method),
            "channel", "3", "4",
        )  # fmt: skip

    def test_channels_at_the_end(self, f, ones):
        check_error(
            ValueError, lambda: f.conv2d(ones(1, 8, 9, 3), ones(2, 3, 3, 3)), "channel", "8", "3"
        )

    @pytest.mark.parametrize("axes", [1, 2, 3])
    def test_the_axis_that_is_advised_to_be_moved_fits(self, axes):
        x, weight = np.ones((1, *range(5, 5 + axes), 3)), np.ones((2, 3) + (1,) * axes)
        conv = getattr(mc, f"conv{axes}d")
        message = check_error(ValueError, lambda: conv(x, weight), "channel", "5", "3")
        advice, _, options = message.partition(": pass ")[2].partition(", or ")
        assert advice == f"moveaxis(x, -1, {-axes - 1})"
        moved = eval(f"np.{advice}", {"np": np, "x": x})
        assert conv(moved, weight).tolist() == np.full((1, 2, *range(5, 5 + axes)), 3).tolist()
        y = conv(x, weight, **eval(f"dict({options})"))
        assert y.tolist() == np.full((1, *range(5, 5 + axes), 2), 3).tolist()

    @pytest.mark.parametrize("axes", [2, 3])
    def test_a_weight_with_its_channels_last_is_told_from_its_shape(self, axes):
        x, weight = np.ones((1, *range(5, 5 + axes), 6)), np.ones((2,) * axes + (3, 4))
        conv = getattr(mc, f"conv{axes}d")
        message = check_error(ValueError, lambda: conv(x, weight, groups=2), "channel", "5")
        options = message.partition(": pass ")[2]
        y = conv(x, weight, groups=2, **eval(f"dict({options})"))
        assert y.tolist() == np.full((1, *range(4, 4 + axes), 4), 3 * 2**axes).tolist()

    @pytest.mark.parametrize(("channels", "advice"), [(6, "(4, 3, kw)"), (5, "that 2 divides")])
    def test_a_weight_that_would_fit_is_named(self, f, ones, channels, advice):
        call = functools.partial(f.conv1d, ones(1, channels, 9), ones(4, 2, 3), groups=2)
        assert advice in check_error(ValueError, call, "channel", channels, "4")

    def test_an_image_without_channels(self, f, ones):
        check_error(ValueError, lambda: f.conv2d(ones(6, 8), ones(1, 1, 1, 2)), "x", "(6, 8)")

    def test_too_many_axes(self, f, ones):
        call = functools.partial(f.conv2d, ones(1, 1, 1, 6, 8), ones(1, 1, 1, 2))
        check_error(ValueError, call, "x", "(1, 1, 1, 6, 8)")

    @pytest.mark.parametrize("shape", [(2, 2), (1, 2, 2), (1, 1, 1, 2, 2), ()])
    def test_a_weight_of_the_wrong_rank(self, f, ones, shape):
        call = functools.partial(f.conv2d, ones(1, 1, 5, 5), ones(*shape))
        check_error(ValueError, call, "weight", shape)

    @pytest.mark.parametrize("name", ["corr2d", "convolve2d"])
    @pytest.mark.parametrize("shape", [(), (3,), (1, 1, 2, 2)])
    def test_a_kernel_that_is_not_2d(self, f, ones, name, shape):
        check_error(ValueError, lambda: getattr(f, name)(ones(5, 5), ones(*shape)), "k", shape)

    @pytest.mark.parametrize("name", ["corr2d", "convolve2d"])
    def test_an_image_that_is_not_2d(self, f, ones, name):
        check_error(ValueError, lambda: getattr(f, name)(ones(5), ones(2, 2)), "x", "(5,)")

    @pytest.mark.parametrize("method", METHODS)
    def test_a_kernel_larger_than_the_image(self, f, ones, method):
        call = functools.partial(f.corr2d, ones(5, 3), ones(2, 4), method=method)
        check_error(ValueError, call, "kernel", "3", "4", "padding")

    def test_a_kernel_larger_than_the_padded_image(self, f, ones):
        call = functools.partial(f.conv1d, ones(1, 1, 4), ones(1, 1, 4), dilation=3, padding=2)
        check_error(ValueError, call, "kernel", "10", "8")

    @pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
    def test_an_empty_kernel(self, f, ones, shape):
        check_error(ValueError, lambda: f.corr2d(ones(5, 5), ones(*shape)), "kernel", "0")
        call = functools.partial(f.conv2d, ones(1, 1, 5, 5), ones(1, 1, *shape))
        check_error(ValueError, call, "kernel", "0")

    def test_an_empty_image(self, f, ones):
        check_error(ValueError, lambda: f.corr2d(ones(0, 5), ones(2, 2)), "0", "2")

    @pytest.mark.parametrize("shape", [(3,), (), (2, 1), (1,)])
    def test_a_bias_of_the_wrong_shape(self, f, ones, shape):
        call = functools.partial(f.conv1d, ones(1, 1, 5), ones(2, 1, 3), ones(*shape))
        check_error(ValueError, call, "bias", "2", shape)

    def test_gradients_that_do_not_fit(self, f, ones):
        call = functools.partial(f.conv_input_grad, ones(1, 2, 4), ones(2, 1, 2), (6,))
        check_error(ValueError, call, "grad", "4", "5")
        call = functools.partial(f.conv_weight_grad, ones(1, 1, 6), ones(1, 2, 4), (2,))
        check_error(ValueError, call, "grad", "4", "5")
        call = functools.partial(f.conv_input_grad, ones(1, 3, 5), ones(2, 1, 2), (6,))
        check_error(ValueError, call, "grad", "3", "2")
        call = functools.partial(f.conv_weight_grad, ones(2, 1, 6), ones(3, 2, 5), (2,))
        check_error(ValueError, call, "grad", "2", "3")

    def test_columns_that_do_not_fit(self, f, ones):
        check_error(ValueError, lambda: f.col2im(ones(1, 4, 8), (4, 4), (2, 2)), "cols", "8", "9")
        check_error(ValueError, lambda: f.col2im(ones(1, 5, 9), (4, 4), (2, 2)), "cols", "5", "4")


class TestNumbers:
    ARGUMENTS = ("stride", "dilation")

    @pytest.mark.parametrize("name", ARGUMENTS)
    @pytest.mark.parametrize("value", [0, -1, (1, 0), [-2, 1]])
    def test_below_one(self, f, ones, name, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), **{name: value})
        check_error(ValueError, call, name, "1")

    @pytest.mark.parametrize("name", [*ARGUMENTS, "padding"])
    @pytest.mark.parametrize("value", [(1,), [1, 1, 1], ()])
    def test_one_number_per_axis_with_another_count(self, f, ones, name, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), **{name: value})
        check_error(ValueError, call, name, "2", len(value))

    @pytest.mark.parametrize("name", ARGUMENTS)
    @pytest.mark.parametrize("value", [1.0, "1", None, (1, 1.5), 1j])
    def test_not_an_integer(self, f, ones, name, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), **{name: value})
        check_error(TypeError, call, name, "int")

    @pytest.mark.parametrize("value", [-1, (0, -2), [(0, 0), (-1, 0)]])
    def test_negative_padding(self, f, ones, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), padding=value)
        check_error(ValueError, call, "padding", "-")

    @pytest.mark.parametrize("value", [0.5, None, (1, 1.5), [(0, 1), (0, 0.5)]])
    def test_padding_that_is_not_whole(self, f, ones, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), padding=value)
        check_error(TypeError, call, "padding", "int")

    def test_a_padding_triple(self, f, ones):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), padding=[(1, 1), (1, 1, 1)])
        check_error(ValueError, call, "padding", "pair")

    @pytest.mark.parametrize("groups", [0, -1])
    def test_no_groups(self, f, ones, groups):
        call = functools.partial(f.conv1d, ones(1, 4, 5), ones(4, 4, 3), groups=groups)
        check_error(ValueError, call, "groups", groups)

    def test_groups_that_do_not_divide_the_channels(self, f, ones):
        call = functools.partial(f.conv1d, ones(1, 4, 5), ones(3, 1, 3), groups=3)
        check_error(ValueError, call, "groups", "4", "3")

    def test_groups_that_do_not_divide_the_filters(self, f, ones):
        call = functools.partial(f.conv1d, ones(1, 4, 5), ones(3, 2, 3), groups=2)
        check_error(ValueError, call, "groups", "3", "2")

    def test_the_largest_number_of_groups_that_works_is_named(self, f, ones):
        call = functools.partial(f.conv1d, ones(1, 4, 5), ones(6, 1, 3), groups=4)
        assert check_error(ValueError, call, "groups", "4", "6").endswith("groups=3 would")
        call = functools.partial(f.conv1d, ones(1, 9, 5), ones(3, 1, 3), groups=9)
        assert check_error(ValueError, call, "groups", "9", "3").endswith("groups=3 would")

    def test_groups_that_are_not_whole(self, f, ones):
        call = functools.partial(f.conv1d, ones(1, 4, 5), ones(4, 2, 3), groups=2.0)
        check_error(TypeError, call, "groups", "int")

    @pytest.mark.parametrize(("stride", "dilation", "extra"), [(1, 1, 1), (2, 1, 2), (2, 2, 3)])
    def test_too_much_output_padding(self, f, ones, stride, dilation, extra):
        call = functools.partial(
            f.conv_transpose1d,
            ones(1, 2, 5),
            ones(2, 1, 3),
            stride=stride,
            dilation=dilation,
            output_padding=extra,
        )
        check_error(ValueError, call, "output_padding", extra, stride)

    def test_negative_output_padding(self, f, ones):
        call = functools.partial(
            f.conv_transpose1d, ones(1, 2, 5), ones(2, 1, 3), stride=2, output_padding=-1
        )
        check_error(ValueError, call, "output_padding", "-1")

    def test_a_transposed_convolution_without_output(self, f, ones):
        call = functools.partial(f.conv_transpose1d, ones(1, 1, 2), ones(1, 1, 2), padding=2)
        check_error(ValueError, call, "padding", "2")

    def test_groups_of_a_transposed_convolution(self, f, ones):
        call = functools.partial(f.conv_transpose1d, ones(1, 3, 5), ones(3, 1, 3), groups=2)
        check_error(ValueError, call, "groups", "3", "2")

    def test_channels_of_a_transposed_convolution(self, f, ones):
        call = functools.partial(f.conv_transpose1d, ones(1, 3, 5), ones(2, 1, 3))
        check_error(ValueError, call, "channel", "3", "2")


class TestNames:
    @pytest.mark.parametrize("value", ["fastest", "", "Direct2"])
    def test_an_unknown_method(self, f, ones, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), method=value)
        check_error(ValueError, call, "method", *METHODS)

    def test_an_unknown_padding(self, f, ones):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), padding="sane")
        check_error(ValueError, call, "padding", "valid", "full", "same", "same_lower", "sane")

    def test_an_unknown_border(self, f, ones):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), padding_mode="mirrored")
        modes = ("zeros", "constant", "reflect", "symmetric", "replicate", "circular")
        check_error(ValueError, call, "padding_mode", "mirrored", *modes)

    @pytest.mark.parametrize("name", ["method", "padding_mode"])
    @pytest.mark.parametrize("value", [None, 3, ["zeros"]])
    def test_a_name_that_is_not_a_string(self, f, ones, name, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), **{name: value})
        check_error(TypeError, call, name)

    def test_native_where_there_is_none(self, backend, f, ones):
        if backend.native_dtypes:
            return
        for call in (
            lambda: f.corr2d(ones(5, 5), ones(2, 2), method="native"),
            lambda: f.conv_transpose1d(ones(1, 1, 5), ones(1, 1, 2), method="native"),
        ):
            check_error(ValueError, call, "native", "convolution")

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "uint16", "uint32"])
    @pytest.mark.parametrize("dilation", [1, 2])
    def test_native_refuses_or_is_exact(self, backend, f, ones, dtype, dilation):
        """torch has no dilated convolution of integers, for one: never its own error."""
        arrays = ones(1, 1, 5, dtype=dtype), ones(1, 1, 2, dtype=dtype)
        call = functools.partial(f.conv1d, *arrays, dilation=dilation, method="native")
        try:
            y = call()
        except Exception:
            check_error(ValueError, call, "native")
            assert "native" not in backend.methods_for(dtype, dilation)
        else:
            assert backend.to_numpy(y).tolist() == [[[2] * (5 - dilation)]]

    @pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
    def test_fft_of_integers(self, f, ones, dtype):
        call = functools.partial(
            f.corr2d, ones(5, 5, dtype=dtype), ones(2, 2, dtype=dtype), method="fft"
        )
        check_error(ValueError, call, "fft", "int")


class TestLikelyMistakes:
    """What was meant is named, and the advice works when pasted."""

    def test_swapped_arguments(self, f, ones):
        check_error(ValueError, lambda: f.corr2d(ones(2, 2), ones(5, 5)), "swapped", "k", "x")
        call = functools.partial(f.conv2d, ones(1, 1, 2, 2), ones(1, 1, 5, 5))
        check_error(ValueError, call, "swapped", "weight", "x")
        message = check_error(ValueError, lambda: f.corr2d(ones(2, 6), ones(5, 5)), "kernel")
        assert "swapped" not in message

    def test_one_of_the_same_size_is_not_swapped(self, f, ones):
        call = functools.partial(f.corr2d, ones(5, 5), ones(5, 5), dilation=2)
        assert "swapped" not in check_error(ValueError, call, "kernel", "5", "9")

    def test_a_bank_of_filters_is_for_conv2d(self, f, ones):
        message = check_error(ValueError, lambda: f.corr2d(ones(5, 5), ones(1, 1, 2, 2)), "k")
        assert message.endswith("conv2d takes weights of shape (O, C/groups, kh, kw)")
        message = check_error(ValueError, lambda: f.corr2d(ones(5, 5), ones(2)), "k")
        assert message.endswith("got the shape (2,)")

    def test_the_padding_that_is_advised_works(self, f, ones):
        message = check_error(
            ValueError, lambda: f.corr2d(ones(5, 5), ones(7, 7), padding=(0, 2)), "kernel", "7"
        )
        assert "use padding=((0, 2), (2, 2)) or a kernel of at most 5" in message
        assert f.corr2d(ones(5, 5), ones(7, 7), padding=((0, 2), (2, 2))).shape == (1, 3)

    def test_a_flat_list_of_pads(self, f, ones):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), padding=(1, 1, 2, 2))
        assert "padding=((1, 1), (2, 2)) would work" in check_error(ValueError, call, "padding")

    def test_arrays_in_place_of_sizes(self, f, ones):
        call = functools.partial(f.toeplitz_matrix, ones(2, 2), ones(30, 30))
        assert "pass its shape, (30, 30)" in check_error(TypeError, call, "input_size")
        call = functools.partial(f.im2col, ones(5, 5), ones(2, 2))
        assert "pass its shape, (2, 2)" in check_error(TypeError, call, "kernel_size")

    @pytest.mark.parametrize("value", [{1, 2}, frozenset({1, 2}), {1: 2}])
    @pytest.mark.parametrize("name", ["stride", "dilation", "padding"])
    def test_what_has_no_order(self, f, ones, name, value):
        call = functools.partial(f.corr2d, ones(5, 5), ones(2, 2), **{name: value})
        check_error(TypeError, call, name, "order")

    @pytest.mark.parametrize("value", [2, "no", None, [], 0.0])
    def test_a_flag_that_is_none(self, f, ones, value):
        call = functools.partial(f.toeplitz_matrix, ones(2, 2), (3, 3), sparse=value)
        check_error(TypeError, call, "sparse", "True")
        call = functools.partial(f.output_size, 5, 2, transposed=value)
        check_error(TypeError, call, "transposed", "True")
