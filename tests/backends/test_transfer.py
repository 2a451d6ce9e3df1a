"""Arrays on their way between backends keep their dtype and every bit."""

import numpy as np
import pytest
from comparing import check_error

from multiconv.backends.base import Backend
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.backends.transfer import made, moved
from multiconv.core import dtypes


class Plain(Backend):
    name = "plain"
    xp = np


class Narrow(Plain):
    """Without numbers of 64 bits."""

    def canonical(self, name):
        return name.replace("64", "32") if name in ("int64", "float64") else name


PLAIN = Plain()


def numbers(dtype):
    """Values that no narrower dtype holds."""
    if dtype == "bool":
        return np.array([True, False])
    if np.dtype(dtype).kind in "iu":
        return np.array([np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
    return np.array([1 + np.finfo(dtype).eps, np.finfo(dtype).max, -0.0], dtype)


class TestMade:
    @pytest.mark.parametrize("dtype", [name for name in dtypes.SUPPORTED if name != "bfloat16"])
    @pytest.mark.parametrize("order", ["=", "<", ">"])
    def test_every_bit_arrives_in_memory_of_its_own(self, dtype, order):
        values = numbers(dtype)
        given = values.astype(values.dtype.newbyteorder(order))
        found = made(given, dtype, PLAIN)
        assert found.dtype == np.dtype(dtype)
        assert found.tobytes() == values.tobytes()
        assert not np.shares_memory(found, given)

    def test_bfloat16_may_come_as_float32(self):
        bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
        for given in (np.array([1.5, -0.25], np.float32), np.array([1.5, -0.25], bfloat16)):
            found = made(given, "bfloat16", NUMPY)
            assert found.dtype == bfloat16
            assert found.astype(float).tolist() == [1.5, -0.25]

    def test_what_would_be_narrowed_is_refused(self):
        call = lambda: made(numbers("float64"), "float64", Narrow())  # noqa: E731
        check_error(ValueError, call, "plain", "float64", "float32")
        assert made(numbers("float32"), "float32", Narrow()).dtype == np.float32


class TestMoved:
    def test_to_where_it_is_it_stays_itself(self):
        x = numbers("float64")
        assert moved("x", x, NUMPY) is x

    @pytest.mark.parametrize("dtype", ["bool", "uint64", "float16", "float64", "complex128"])
    def test_elsewhere_it_is_a_copy(self, dtype):
        x = numbers(dtype)
        found = moved("x", x, PLAIN)
        assert (found.dtype, found.tobytes()) == (x.dtype, x.tobytes())
        assert not np.shares_memory(found, x)
