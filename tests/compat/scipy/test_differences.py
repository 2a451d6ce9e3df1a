"""Where SciPy is wrong or depends on the machine: the rows of the table in ``docs/compat.md``."""

import numpy as np
import pytest
import scipy_calls

S, M = scipy_calls.original("ndimage"), scipy_calls.ours("ndimage")
SIGNALS = scipy_calls.original("signal"), scipy_calls.ours("signal")


def test_integers_beyond_53_bits_are_summed_exactly():
    x = np.array([2**62 + 1, 5])
    assert S.correlate1d(x, [1]).tolist() == [2**62, 5]
    assert M.correlate1d(x, [1]).tolist() == [2**62 + 1, 5]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_results_beyond_a_dtype_wrap(dtype):
    largest = np.iinfo(dtype).max
    x = np.array([largest, 3], dtype)
    assert M.correlate1d(x, [2]).tolist() == [-2, 6]


def test_tiny_weights_count():
    x, w = np.array([1e20, 1.0, 2.0]), np.array([1e-17, 1.0, 0.0])
    assert S.correlate(x, w).tolist() == [1e20, 1.0, 2.0]
    assert M.correlate(x, w).tolist() == S.correlate1d(x, w).tolist()
    assert M.correlate(x, w)[1] > 1000


def test_zeros_that_meet_a_nan_count():
    x, w = np.array([np.nan, 1.0, 2.0]), np.array([0.0, 1.0, 0.0])
    for name in ("correlate", "convolve"):
        assert np.isnan(getattr(S, name)(x, w)).tolist() == [True, False, False]
        assert np.isnan(getattr(M, name)(x, w)).tolist() == [True, True, False]


def test_images_of_bool_hold_no_other_numbers():
    x = np.array([True, True, False])
    assert S.correlate(x, np.array([1, 1, 1])).view("uint8").tolist() == [3, 2, 1]
    assert M.correlate(x, np.array([1, 1, 1])).view("uint8").tolist() == [1, 1, 1]


def test_float16_is_taken():
    x = np.ones((3, 3), "float16")
    with pytest.raises(RuntimeError):
        S.sobel(x)
    with pytest.raises(ValueError, match="not available"):
        SIGNALS[0].convolve2d(x, x)
    for y in (M.sobel(x), SIGNALS[1].convolve2d(x, x)):
        assert y.dtype == "float16"


def test_object_arrays_are_refused():
    x = np.array([1, 2], object)
    assert SIGNALS[0].convolve(x, x).tolist() == [1, 4, 4]
    with pytest.raises(TypeError, match="object"):
        SIGNALS[1].convolve(x, x)
