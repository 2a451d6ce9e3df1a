"""Arrays of libraries that the package knows nothing of, through the array API standard."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same

import multiconv


def operands(*shapes, seed=40):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, shape) for shape in shapes]


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

    def test_conv2d(self):
        import dask.array

        x, weight = operands((2, 4, 8, 7), (4, 2, 3, 3))
        options = {"stride": 2, "padding": 1, "groups": 2, "padding_mode": "replicate"}
        y = multiconv.conv2d(
            dask.array.from_array(x, chunks=(1, 4, 5, 7)), dask.array.from_array(weight), **options
        )
        assert isinstance(y, dask.array.Array)
        assert np.array_equal(y.compute(), oracle.conv(x, weight, **options))
