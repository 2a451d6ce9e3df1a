"""`output_size` tells the size that the convolutions give, without computing them."""

import numpy as np
import pytest
from comparing import check_error
from strategies import configurations, for_all

import multiconv as mc


class TestOfAConvolution:
    def test_it_is_that_of_the_result(self, backend):
        @for_all(backend, configurations(modes=("zeros",)))
        def check(c):
            options = {"stride": c.stride, "padding": c.padding, "dilation": c.dilation}
            assert mc.output_size(c.size, c.kernel, **options) == tuple(c.output)

    def test_of_an_image_and_a_kernel_without_options(self):
        assert mc.output_size((9, 8), (3, 2)) == (7, 7)


class TestOfATransposedConvolution:
    @pytest.mark.parametrize("padding", [0, "valid", "same", "full", ((1, 0), (0, 2))])
    @pytest.mark.parametrize(("stride", "dilation", "extra"), [(1, 1, 0), ((3, 2), (1, 2), (2, 1))])
    def test_it_is_that_of_the_result(self, padding, stride, dilation, extra):
        options = {"stride": stride, "padding": padding, "dilation": dilation}
        x, weight = np.ones((1, 1, 7, 6)), np.ones((1, 1, 3, 2))
        y = mc.conv_transpose2d(x, weight, output_padding=extra, **options)
        found = mc.output_size((7, 6), (3, 2), output_padding=extra, transposed=True, **options)
        assert found == y.shape[2:]

    def test_output_padding_is_of_no_other(self):
        assert mc.output_size(5, 3, stride=2, output_padding=1, transposed=True) == 12
        call = lambda: mc.output_size(5, 3, stride=2, output_padding=1)  # noqa: E731
        check_error(ValueError, call, "output_padding", "transposed=True")


class TestNumbersOfAxes:
    def test_two_numbers_give_one(self):
        assert mc.output_size(9, 3, stride=2) == 4
        assert mc.output_size(4, 3, stride=2, transposed=True) == 9

    @pytest.mark.parametrize(
        ("size", "kernel", "expected"),
        [
            *[((9,), 3, (7,)), (9, (3,), (7,)), ((9, 8), 3, (7, 6)), (9, (3, 2), (7, 8))],
            *[((9, 8, 7), 2, (8, 7, 6)), ((4, 5, 6, 7), 1, (4, 5, 6, 7))],
        ],
    )
    def test_a_sequence_of_either_gives_one_per_axis(self, size, kernel, expected):
        assert mc.output_size(size, kernel) == expected

    def test_they_must_agree(self):
        check_error(ValueError, lambda: mc.output_size((9, 8), (3, 3, 3)), "input_size", "3", "2")
