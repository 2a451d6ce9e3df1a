"""The defaults of a backend are right for any namespace of the standard: NumPy's stands for it."""

import numpy as np
import pytest

from multiconv.backends.base import HOST_MEMORY, Backend
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core import dtypes

X = np.arange(1, 13).reshape(3, 4)


class Plain(Backend):
    name = "plain"
    xp = np


PLAIN = Plain()


def test_every_hook_stands_in_one_place():
    roles = [role for role in Backend.__mro__ if role is not object]
    hooks = [name for role in roles for name in vars(role) if not name.startswith("_")]
    assert len(roles) == 5
    assert len(hooks) == len(set(hooks)) > 90


class TestDtypes:
    @pytest.mark.parametrize("name", [name for name in dtypes.SUPPORTED if name != "bfloat16"])
    def test_names_lead_there_and_back(self, name):
        dtype = np.dtype(name)
        assert PLAIN.dtype_name(dtype) == name
        assert PLAIN.dtype(name) == dtype
        assert PLAIN.astype(X, name).dtype == dtype

    def test_one_that_is_not_supported_has_its_own_name(self):
        assert PLAIN.dtype_name(np.dtype("datetime64[s]")) == "datetime64[s]"

    @pytest.mark.parametrize("backend", [PLAIN, NUMPY], ids=["defaults", "numpy"])
    def test_a_cast_to_what_it_is_copies_nothing(self, backend):
        assert np.shares_memory(backend.astype(X, "int64"), X)

    def test_the_default_integer_is_the_namespaces(self):
        assert PLAIN.default_integer == np.asarray(0).dtype.name

    @pytest.mark.parametrize(
        ("name", "sums"), [("float16", "float32"), ("bfloat16", "float32"), ("int8", "int8")]
    )
    def test_sums_of_16_bit_floats_are_wider(self, name, sums):
        assert PLAIN.accumulator(name) == sums
        assert PLAIN.canonical(name) == name


class TestArrays:
    def test_a_signature_tells_shape_dtype_and_device(self):
        assert PLAIN.signature(X) == ((3, 4), np.dtype("int64"), "cpu")

    def test_lists_become_arrays(self):
        for like in (None, X):
            found = PLAIN.asarray([[1, 2]], like=like)
            assert (found.tolist(), found.dtype) == ([[1, 2]], np.dtype("int64"))

    def test_copies_from_and_to_numpy_share_no_memory(self):
        for copy in (PLAIN.to_numpy(X), PLAIN.from_numpy(X, "int64", X)):
            assert np.array_equal(copy, X)
            assert not np.shares_memory(copy, X)
        assert PLAIN.from_numpy(X, "float32", X).dtype == np.float32

    def test_no_array_is_larger_than_64_times_the_memory(self):
        assert PLAIN.capacity("cpu") == 64 * HOST_MEMORY


class TestOperations:
    @pytest.mark.parametrize("rows", [(0, 0), (1, 0), (0, 2), (3, 1)])
    @pytest.mark.parametrize("columns", [(0, 0), (2, 0), (0, 1), (1, 3)])
    def test_zeros_are_added_around(self, rows, columns):
        x = X.astype("uint8")
        found = PLAIN.pad_zeros(x, (rows, columns))
        assert np.array_equal(found, np.pad(x, (rows, columns)))
        assert found.dtype == x.dtype

    def test_only_the_last_axes_are_padded(self):
        assert np.array_equal(PLAIN.pad_zeros(X, ((1, 2),)), np.pad(X, [(0, 0), (1, 2)]))

    def test_elements_are_taken_along_the_last_axis(self):
        places = np.array([3, 0, 0])
        assert np.array_equal(PLAIN.gather(X, places), X[:, [3, 0, 0]])

    def test_there_is_a_matrix_product_and_no_sum_of_taps(self):
        assert PLAIN.sum_of_taps(X, X, None) is None
        assert np.array_equal(PLAIN.matmul(X, X.T), X @ X.T)

    def test_a_call_is_not_compiled(self):
        assert PLAIN.compile(len, operations=10**6) is len


class TestWhatIsLacking:
    def test_is_said(self):
        assert PLAIN.native_refusal("float32", None, 2) == (
            "the plain backend has no convolution of its own"
        )
        with pytest.raises(ValueError, match="the plain backend has no sparse matrices"):
            PLAIN.sparse_matrix(X, X, (3, 4))
        with pytest.raises(NotImplementedError, match="does not say which arrays it owns"):
            PLAIN.owns(X)
        assert not PLAIN.is_tracing()
        assert not PLAIN.is_exporting()
        assert PLAIN.configuration() is None
