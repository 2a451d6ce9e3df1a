"""One dtype rule: promotion, exact integers, wide accumulation, no conjugation."""

import numpy as np
import oracle
import pytest
from backends_under_test import INTEGERS
from comparing import assert_same
from strategies import every_combination, share

SMALL_X = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 1]])
SMALL_K = np.array([[1, 0], [1, 1]])
SMALL_Y = [[1, 2], [1, 1]]

TABLE = {
    ("bool", "bool"): "default",
    ("bool", "int8"): "default",
    ("bool", "float16"): "float16",
    ("bool", "float32"): "float32",
    ("bool", "complex64"): "complex64",
    ("int8", "int8"): "int8",
    ("int8", "int16"): "int16",
    ("int8", "int32"): "int32",
    ("int16", "int64"): "int64",
    ("uint8", "uint8"): "uint8",
    ("uint8", "uint16"): "uint16",
    ("uint16", "uint32"): "uint32",
    ("uint32", "uint64"): "uint64",
    ("uint8", "int8"): "int16",
    ("uint8", "int32"): "int32",
    ("uint16", "int8"): "int32",
    ("uint16", "int16"): "int32",
    ("uint32", "int64"): "int64",
    ("uint32", "int32"): "int64",
    ("int8", "float16"): "float16",
    ("int8", "bfloat16"): "bfloat16",
    ("int32", "float16"): "float16",
    ("int64", "float16"): "float16",
    ("int64", "float32"): "float32",
    ("int64", "float64"): "float64",
    ("uint64", "float32"): "float32",
    ("uint16", "bfloat16"): "bfloat16",
    ("int64", "complex64"): "complex64",
    ("float16", "float16"): "float16",
    ("bfloat16", "bfloat16"): "bfloat16",
    ("float16", "bfloat16"): "float32",
    ("float16", "float32"): "float32",
    ("bfloat16", "float32"): "float32",
    ("float16", "float64"): "float64",
    ("bfloat16", "float64"): "float64",
    ("float32", "float64"): "float64",
    ("float16", "complex64"): "complex64",
    ("bfloat16", "complex64"): "complex64",
    ("float32", "complex64"): "complex64",
    ("float64", "complex64"): "complex128",
    ("float32", "complex128"): "complex128",
    ("complex64", "complex128"): "complex128",
}


def swapped(pairs):
    return sorted({*pairs, *((b, a) for a, b in pairs)})


class TestPromotion:
    @pytest.mark.parametrize(("first", "second"), swapped(TABLE), ids=lambda d: d)
    def test_of_x_and_weight(self, backend, first, second):
        if not {first, second} <= set(backend.dtypes):
            return
        expected = TABLE.get((first, second)) or TABLE[second, first]
        with backend.wide(first, second, expected):
            expected = backend.default_integer if expected == "default" else expected
            x, k = backend.array(SMALL_X, first), backend.array(SMALL_K, second)
            case = swapped(TABLE).index((first, second))
            for method in (*share(backend, backend.methods, case), "auto"):
                y = backend.functions.corr2d(x, k, method=method)
                assert_same(backend, y, SMALL_Y, expected, method)

    def test_the_table_is_the_oracles_rule(self):
        for (first, second), expected in TABLE.items():
            named = "int64" if expected == "default" else expected
            assert oracle.promoted(first, second) == oracle.promoted(second, first) == named

    def test_every_pair_there_is(self, backend):
        """The rule in full, among the dtypes that the backend has."""
        for pair in every_combination(a=backend.dtypes, b=backend.dtypes):
            first, second = pair.values()
            if {first, second} == {"uint64", "bool"} or (
                "uint64" in (first, second)
                and {first, second} & {"int8", "int16", "int32", "int64"}
            ):
                continue  # no integer dtype holds both
            with backend.wide("int64"):
                expected = oracle.promoted(first, second, backend.default_integer)
                x, k = backend.array(SMALL_X, first), backend.array(SMALL_K, second)
                y = backend.functions.corr2d(x, k, method="direct")
                assert_same(backend, y, SMALL_Y, expected, f"{first} {second}")

    def test_uint64_with_a_signed_integer_is_never_a_float(self, backend):
        with backend.wide("int64"):
            x, k = backend.array(SMALL_X, "uint64"), backend.array(SMALL_K, "int8")
            with pytest.raises(TypeError, match="uint64") as caught:
                backend.functions.corr2d(x, k)
            assert "int8" in str(caught.value)

    @pytest.mark.needs_backend("jax")
    def test_jax_without_64_bits_stays_without(self):
        import backends_under_test
        import jax

        backend = backends_under_test.make("jax")
        assert not jax.config.jax_enable_x64
        y = backend.functions.corr2d(backend.array(SMALL_X, "bool"), backend.array(SMALL_K, "bool"))
        assert_same(backend, y, SMALL_Y, "int32")
        x, k = backend.array(SMALL_X, "uint32"), backend.array(SMALL_K, "int32")
        assert_same(backend, backend.functions.corr2d(x, k), SMALL_Y, "int32")

    def test_an_integer_bias_does_not_change_the_dtype(self, backend):
        x, weight = backend.array(np.ones((1, 1, 3)), "float32"), backend.array([[[1, 2]]], "int8")
        y = backend.functions.conv1d(x, weight, backend.array([5], "int32"))
        assert_same(backend, y, [[[8, 8]]], "float32")

    def test_conv_transpose_follows_it_too(self, backend):
        x, weight = backend.array([[[1, 2]]], "int16"), backend.array([[[1, 2]]], "float32")
        y = backend.functions.conv_transpose1d(x, weight)
        assert_same(backend, y, [[[1, 4, 4]]], "float32")


class TestIntegers:
    @pytest.mark.parametrize("dtype", INTEGERS)
    def test_wrap_around(self, backend, dtype):
        info = np.iinfo(dtype)
        x = np.array([info.max, info.max, 3, info.max], dtype=object)
        weight = np.array([3, info.max], dtype=object)
        exact = oracle.conv(x[None, None], weight[None, None])
        with backend.wide(dtype):
            arrays = [backend.array(a[None, None], dtype) for a in (x, weight)]
            for method in backend.methods_for(dtype):
                y = backend.functions.conv1d(*arrays, method=method)
                assert_same(backend, y, exact, dtype, method)

    def test_nine_times_a_hundred_in_int8(self, backend):
        x, k = np.full((3, 3), 100), np.ones((3, 3))
        arrays = backend.array(x, "int8"), backend.array(k, "int8")
        for method in backend.methods_for("int8"):
            y = backend.functions.corr2d(*arrays, method=method)
            assert_same(backend, y, [[-124]], "int8", method)

    @pytest.mark.parametrize("dtype", ["int64", "uint64"])
    def test_large_values_never_pass_through_floats(self, backend, dtype):
        value = 2**62 + 1
        with backend.wide(dtype):
            arrays = backend.array([[value]], dtype), backend.array([[1]], dtype)
            for method in backend.methods_for(dtype):
                y = backend.functions.corr2d(*arrays, method=method)
                assert int(backend.to_numpy(y)[0, 0]) == value, method
                assert backend.dtype_name(y) == dtype
            columns = backend.functions.im2col(arrays[0], (1, 1))
            assert int(backend.to_numpy(columns)[0, 0]) == value
            matrix = backend.functions.toeplitz_matrix(arrays[0], (1, 1))
            assert int(backend.to_numpy(matrix)[0, 0]) == value

    def test_the_gradients_of_integers_are_exact_too(self, backend):
        value = 2**62 + 1
        with backend.wide("int64"):
            arrays = backend.array([[[value]]], "int64"), backend.array([[[1]]], "int64")
            dx = backend.functions.conv_input_grad(*arrays, (1,))
            dw = backend.functions.conv_weight_grad(*arrays, (1,))
            for result in (dx, dw):
                assert int(backend.to_numpy(result)[0, 0, 0]) == value

    @pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
    def test_fft_refuses_them(self, backend, dtype):
        with backend.wide(dtype):
            arrays = backend.array(SMALL_X, dtype), backend.array(SMALL_K, dtype)
            with pytest.raises(ValueError, match="fft") as caught:
                backend.functions.corr2d(*arrays, method="fft")
            assert "int" in str(caught.value)

    def test_auto_never_sends_them_through_fft(self, backend):
        """A large kernel, where fft would be fastest; a rounded sum would miss the last bit."""
        x = np.full((40, 40), 2**21 + 1)
        k = np.full((31, 31), 2**30 + 1)
        exact = 31 * 31 * (2**21 + 1) * (2**30 + 1)
        with backend.wide("int64"):
            y = backend.functions.corr2d(backend.array(x, "int64"), backend.array(k, "int64"))
            assert_same(backend, y, np.full((10, 10), exact), "int64")


class TestComplex:
    @pytest.mark.parametrize("dtype", ["complex64", "complex128"])
    def test_the_kernel_is_not_conjugated(self, backend, dtype):
        with backend.wide(dtype):
            arrays = backend.array([[1j, 2]], dtype), backend.array([[1j, 1 + 1j]], dtype)
            for method in backend.methods_for(dtype):
                y = backend.functions.corr2d(*arrays, method=method)
                assert_same(backend, y, [[1 + 2j]], dtype, method)

    def test_fft_does_not_conjugate_either(self, backend):
        arrays = [backend.array(a, "complex64") for a in ([[1j, 2]], [[1j, 1 + 1j]])]
        y = backend.to_numpy(backend.functions.corr2d(*arrays, method="fft"))
        assert np.round(y).tolist() == [[1 + 2j]]

    def test_a_real_image_with_a_complex_kernel(self, backend):
        arrays = backend.array([[1, 2, 3]], "int32"), backend.array([[1j, 1]], "complex64")
        for method in (*backend.methods, "auto"):
            y = backend.functions.corr2d(*arrays, method=method)
            assert_same(backend, y, [[2 + 1j, 3 + 2j]], "complex64", method)
