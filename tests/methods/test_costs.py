"""What each method says of its memory and of the operations that it asks for."""

import pytest

from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.methods.base import Problem, per_tap
from multiconv.methods.table import METHODS

BATCH, GROUPS, CHANNELS, FILTERS, TAPS, OUTPUTS, PIXELS = 2, 3, 4, 5, 6, 9 * 8, 11 * 9


def problem(**sizes):
    geometry = resolve((11, 9), (3, 2), (1, 1), (1, 1), ((0, 0), (0, 0)))
    given = {"batch": BATCH, "groups": GROUPS, "channels": CHANNELS, "filters": FILTERS, **sizes}
    return Problem(geometry, **given, dtype="float64", device=None)


class TestWorkspace:
    @pytest.mark.parametrize(
        ("method", "elements"),
        [
            # The result: channels are added up as taps are.
            ("direct", BATCH * GROUPS * FILTERS * OUTPUTS),
            # The patch matrix, and the result twice while parts of it are joined.
            ("im2col", BATCH * GROUPS * (CHANNELS * TAPS + 2 * FILTERS) * OUTPUTS),
            # The results of all positions, and the pixels of one.
            ("loop", BATCH * GROUPS * FILTERS * OUTPUTS + BATCH * CHANNELS * TAPS),
            # The matrix, and the one that it is cut from.
            ("toeplitz", 2 * GROUPS * FILTERS * CHANNELS * OUTPUTS * PIXELS),
            # Images and results, their transforms and the kernels', of 15 x 10 numbers each.
            ("fft", GROUPS * (2 * BATCH * (CHANNELS + FILTERS) + CHANNELS * FILTERS) * 15 * 10),
            ("native", None),
        ],
    )
    def test_it_is_that_of_the_largest_arrays(self, method, elements):
        assert METHODS[method].workspace(problem(), NUMPY) == elements

    @pytest.mark.parametrize(("channels", "mixed"), [(1, 0), (4, 0), (6, 6)])
    def test_direct_gathers_the_pixels_of_many_channels(self, channels, mixed):
        found = METHODS["direct"].workspace(problem(channels=channels), NUMPY)
        assert found == BATCH * GROUPS * (FILTERS + mixed) * OUTPUTS


class TestOperations:
    @pytest.mark.parametrize(("size", "kernel", "fewer"), [(20, 5, 5), (9, 5, 5), (6, 5, 2)])
    def test_a_tap_or_an_output_is_two(self, size, kernel, fewer):
        geometry = resolve((size,), (kernel,), (1,), (1,), ((0, 0),))
        assert per_tap(geometry) == 2 * fewer
        assert METHODS["direct"].operations(geometry) == METHODS["im2col"].operations(geometry)
        assert METHODS["loop"].operations(geometry) == 3 * (size - kernel + 1)
