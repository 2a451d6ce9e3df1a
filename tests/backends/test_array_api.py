"""Arrays of libraries that the package knows nothing of, through the array API standard."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same

import multiconv
from multiconv.backends.array_api import ArrayAPIBackend, namespace_of


def operands(*shapes, seed=40):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, shape) for shape in shapes]


class TestOwning:
    def test_the_arrays_of_the_namespace_are_owned_and_no_others(self):
        import array_api_compat.numpy as namespace

        class Other:
            """An array of another namespace."""

            def __array_namespace__(self, api_version=None):
                return Other

        backend = ArrayAPIBackend(namespace)
        assert backend.name == "numpy"
        assert backend.owns(np.ones(2))
        for other in (Other(), [1, 2], None):
            assert not backend.owns(other)
        assert namespace_of(Other()) is Other
        assert namespace_of([1, 2]) is None


@pytest.mark.needs_backend("strict")
class TestArrayApiStrict:
    @pytest.mark.parametrize("version", ["2022.12", "2023.12", "2024.12"])
    def test_older_versions_of_the_standard(self, version):
        import array_api_strict

        backend = backends_under_test.make("strict")
        x, weight = operands((2, 4, 6, 5), (4, 2, 3, 2))
        options = {"stride": (2, 1), "padding": 2, "groups": 2, "padding_mode": "symmetric"}
        with array_api_strict.ArrayAPIStrictFlags(api_version=version):
            arrays = [backend.array(a, "float32") for a in (x, weight)]
            for method in backend.methods:
                if method == "exact":  # which reads bits through NumPy, as only later ones can
                    continue
                y = multiconv.conv2d(*arrays, **options, method=method)
                assert_same(backend, y, oracle.conv(x, weight, **options), "float32", method)

    def test_nothing_optional_is_needed(self):
        """Not even boolean indexing or data-dependent shapes."""
        import array_api_strict

        backend = backends_under_test.make("strict")
        x, weight = operands((2, 4, 6), (4, 2, 3))
        with array_api_strict.ArrayAPIStrictFlags(
            boolean_indexing=False, data_dependent_shapes=False, enabled_extensions=()
        ):
            arrays = [backend.array(a, "int32") for a in (x, weight)]
            for method in backend.methods:
                y = multiconv.conv1d(*arrays, groups=2, padding="same", method=method)
                expected = oracle.conv(x, weight, groups=2, padding="same")
                assert_same(backend, y, expected, "int32", method)

    def test_fft_without_the_extension_is_refused(self):
        import array_api_strict

        backend = backends_under_test.make("strict")
        arrays = [backend.array(np.ones(s), "float32") for s in ((5, 5), (2, 2))]
        with (
            array_api_strict.ArrayAPIStrictFlags(enabled_extensions=()),
            pytest.raises(ValueError, match="fft"),
        ):
            multiconv.corr2d(*arrays, method="fft")


@pytest.mark.slow  # so that dask is needed in the sessions with everything only
class TestDask:
    """Chunked arrays: a smoke test, the values being those of NumPy."""

    @pytest.mark.parametrize("method", ["direct", "im2col", "auto"])
    def test_corr2d(self, method):
        import dask.array

        x, k = operands((12, 10), (3, 2))
        y = multiconv.corr2d(
            dask.array.from_array(x, chunks=(5, 4)), dask.array.from_array(k), method=method
        )
        assert isinstance(y, dask.array.Array)
        assert y.dtype == np.int64
        assert np.array_equal(y.compute(), oracle.corr2d(x, k))

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
    @pytest.mark.parametrize("mode", ["zeros", "circular", "replicate"])
    @pytest.mark.parametrize("method", ["loop", "direct", "im2col", "toeplitz", "fft", "auto"])
    def test_every_method_on_floats(self, method, mode, dtype):
        import dask.array

        x, k = (a.astype(dtype) for a in operands((2, 7, 9), (3, 2)))
        options = {"padding": 1, "stride": 2, "padding_mode": mode}
        y = multiconv.corr2d(
            dask.array.from_array(x, chunks=(1, 3, 4)),
            dask.array.from_array(k),
            method=method,
            **options,
        )
        assert isinstance(y, dask.array.Array)
        assert y.dtype == dtype
        expected = multiconv.corr2d(x, k, **options)
        found = y.compute()
        assert np.array_equal(np.round(found) if method == "fft" else found, expected)

    def test_matrices(self):
        import dask.array

        x, k = operands((6, 7), (2, 3))
        chunked = dask.array.from_array(x, chunks=(3, 4))
        cols = multiconv.im2col(chunked, (2, 3), padding=1)
        assert np.array_equal(cols.compute(), multiconv.im2col(x, (2, 3), padding=1))
        back = multiconv.col2im(cols, (6, 7), (2, 3), padding=1)
        expected = multiconv.col2im(cols.compute(), (6, 7), (2, 3), padding=1)
        assert np.array_equal(back.compute(), expected)
        options = {"padding": 1, "padding_mode": "circular"}
        matrix = multiconv.toeplitz_matrix(dask.array.from_array(k), (6, 7), **options)
        assert np.array_equal(matrix.compute(), multiconv.toeplitz_matrix(k, (6, 7), **options))

    def test_sizes_that_are_not_known_yet(self):
        import dask.array

        x = dask.array.ones((6, 7), chunks=3)
        with pytest.raises(ValueError, match=r"x has chunks of unknown size.*compute_chunk_sizes"):
            multiconv.corr2d(x[x[:, 0] > 0], dask.array.ones((2, 2)))

    def test_conv2d(self):
        import dask.array

        x, weight = operands((2, 4, 8, 7), (4, 2, 3, 3))
        options = {"stride": 2, "padding": 1, "groups": 2, "padding_mode": "replicate"}
        y = multiconv.conv2d(
            dask.array.from_array(x, chunks=(1, 4, 5, 7)), dask.array.from_array(weight), **options
        )
        assert isinstance(y, dask.array.Array)
        assert np.array_equal(y.compute(), oracle.conv(x, weight, **options))
