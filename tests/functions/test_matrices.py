"""Correlation as a matrix: im2col, col2im and the Toeplitz matrix."""

import numpy as np
import oracle
import pytest
from comparing import assert_same
from strategies import PADDING_MODES, configurations, for_all


def number_dtypes(backend):
    return [dtype for dtype in backend.dtypes if dtype != "bool"]


def geometry(c):
    return {"stride": c.stride, "padding": c.padding, "dilation": c.dilation}


class TestIm2col:
    def test_it_is_exact_in_any_number_of_axes(self, backend):
        @for_all(
            backend, configurations(number_dtypes(backend), modes=("zeros",), batches=(0, 1, 2))
        )
        def check(c):
            (x,) = c.integers(c.x_shape)
            expected = oracle.im2col(x, c.kernel, **geometry(c))
            with backend.wide(c.dtype):
                columns = backend.functions.im2col(
                    backend.array(x, c.dtype), c.kernel, **geometry(c)
                )
                assert_same(backend, columns, expected, c.dtype)

    def test_every_leading_axis_is_a_batch(self, backend):
        x = np.arange(2 * 3 * 2 * 4 * 5).reshape(2, 3, 2, 4, 5)
        columns = backend.functions.im2col(backend.array(x, "int32"), (3, 2), stride=(1, 2))
        expected = oracle.im2col(x.reshape(6, 2, 4, 5), (3, 2), stride=(1, 2))
        assert_same(backend, columns, expected.reshape(2, 3, 12, 4), "int32")

    def test_one_image_without_channels(self, backend):
        x = np.arange(20).reshape(4, 5)
        columns = backend.functions.im2col(backend.array(x, "int32"), (3, 2), padding=1)
        expected = oracle.im2col(x[None, None], (3, 2), padding=1)[0]
        assert_same(backend, columns, expected, "int32")

    def test_one_image_with_channels(self, backend):
        x = np.arange(40).reshape(2, 4, 5)
        columns = backend.functions.im2col(backend.array(x, "int32"), (3, 2))
        assert_same(backend, columns, oracle.im2col(x[None], (3, 2))[0], "int32")

    def test_an_int_is_a_square_kernel(self, backend):
        x = np.arange(20).reshape(4, 5)
        columns = backend.functions.im2col(backend.array(x, "int32"), 2)
        assert_same(backend, columns, oracle.im2col(x[None, None], (2, 2))[0], "int32")

    def test_the_reshaped_weight_times_the_columns_is_the_convolution(self, backend):
        rng = np.random.default_rng(12)
        x, weight = rng.integers(-3, 4, (2, 3, 6, 5)), rng.integers(-3, 4, (4, 3, 3, 2))
        arrays = [backend.array(a, "float32") for a in (x, weight)]
        options = {"stride": 2, "padding": ((1, 2), (0, 1)), "dilation": (1, 2)}
        columns = backend.functions.im2col(arrays[0], (3, 2), **options)
        y = backend.to_numpy(weight_rows(backend, arrays[1]) @ columns)
        expected = backend.to_numpy(backend.functions.conv2d(*arrays, **options))
        assert np.array_equal(y.reshape(expected.shape), expected)
        assert np.array_equal(expected, oracle.conv(x, weight, **options))


def weight_rows(backend, weight):
    if backend.name == "strict":
        import array_api_strict

        return array_api_strict.reshape(weight, (weight.shape[0], -1))
    return weight.reshape(weight.shape[0], -1)


class TestCol2im:
    def test_it_is_exact_in_any_number_of_axes(self, backend):
        @for_all(
            backend, configurations(number_dtypes(backend), modes=("zeros",), batches=(0, 1, 2))
        )
        def check(c):
            rows = c.groups * c.in_each * int(np.prod(c.kernel))
            (columns,) = c.integers((c.batch, rows, int(np.prod(c.output))))
            expected = oracle.col2im(columns, c.size, c.kernel, **geometry(c))
            with backend.wide(c.dtype):
                x = backend.functions.col2im(
                    backend.array(columns, c.dtype), c.size, c.kernel, **geometry(c)
                )
                assert_same(backend, x, expected, c.dtype)

    def test_it_counts_how_often_a_pixel_is_read(self, backend):
        columns = backend.array(np.ones((1, 4, 9)), "int32")
        x = backend.functions.col2im(columns, (4, 4), (2, 2))
        expected = np.outer([1, 2, 2, 1], [1, 2, 2, 1])
        assert_same(backend, x, expected[None, None], "int32")


class TestToeplitz:
    def test_the_dense_matrix_is_exact(self, backend):
        @for_all(backend, configurations(number_dtypes(backend), modes=("zeros",)))
        def check(c):
            (weight,) = c.integers(c.weight_shape)
            expected = oracle.toeplitz(weight, c.size, **geometry(c), groups=c.groups)
            with backend.wide(c.dtype):
                matrix = backend.functions.toeplitz_matrix(
                    backend.array(weight, c.dtype), c.size, **geometry(c), groups=c.groups
                )
                assert_same(backend, matrix, expected, c.dtype)

    def test_it_maps_the_image_to_the_result(self, backend):
        rng = np.random.default_rng(13)
        x, k = rng.integers(-3, 4, (5, 6)), rng.integers(-3, 4, (3, 2))
        options = {"stride": (1, 2), "padding": "same", "dilation": 2}
        matrix = backend.functions.toeplitz_matrix(backend.array(k, "int32"), (5, 6), **options)
        y = oracle.corr2d(x, k, **options)
        assert np.array_equal(backend.to_numpy(matrix) @ x.ravel(), y.ravel())

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_the_sparse_matrix_has_the_dense_ones_entries(self, backend, dtype):
        if backend.name == "strict":
            return  # refused, below

        @for_all(backend, configurations((dtype,), modes=("zeros",)), times=0.4)
        def check(c):
            (weight,) = c.integers(c.weight_shape)
            options = {**geometry(c), "groups": c.groups}
            expected = oracle.toeplitz(weight, c.size, **options)
            with backend.wide(dtype):
                matrix = backend.functions.toeplitz_matrix(
                    backend.array(weight, dtype), c.size, **options, sparse=True
                )
                assert tuple(matrix.shape) == expected.shape
                assert np.array_equal(dense(backend, matrix), expected)
                x = backend.array(np.arange(expected.shape[1]) % 3, dtype)
                y = matrix @ x
                assert np.array_equal(backend.to_numpy(y), expected @ (np.arange(len(x)) % 3))

    def test_the_sparse_matrix_is_small(self, backend):
        if backend.name == "strict":
            return  # refused, below
        k = backend.array(np.ones((3, 3)), "float32")
        matrix = backend.functions.toeplitz_matrix(k, (100, 100), sparse=True)
        assert tuple(matrix.shape) == (98 * 98, 100 * 100)
        entries = {
            "numpy": lambda: matrix.nnz,
            "torch": lambda: matrix.values().numel(),
            "jax": lambda: matrix.nse,
        }[backend.name]()
        assert entries == 9 * 98 * 98

    @pytest.mark.needs_backend("strict")
    def test_without_sparse_matrices_the_dense_one_is_named(self):
        import backends_under_test

        backend = backends_under_test.make("strict")
        k = backend.array(np.ones((2, 2)), "float32")
        with pytest.raises(ValueError, match="sparse"):
            backend.functions.toeplitz_matrix(k, (3, 3), sparse=True)


OPTIONS = {"stride": (2, 1), "padding": ((2, 3), (3, 1)), "dilation": (1, 2)}


class TestBorders:
    """Every border mode, for the three of them: the padded image's patches, and their adjoint."""

    @pytest.fixture(params=PADDING_MODES)
    def mode(self, request):
        return request.param

    def images(self):
        """All images of a single 1, as a batch: a linear map of them is its matrix."""
        return np.eye(2 * 5 * 6, dtype=int).reshape(60, 2, 5, 6)

    def columns(self, mode):
        maps = oracle.tap_maps((5, 6), (3, 2), *OPTIONS.values(), mode)
        outputs = len(maps[0]) * len(maps[1])
        patches = oracle.gather(self.images(), maps).reshape(60, 2, outputs, 6)
        return patches.swapaxes(2, 3).reshape(60, 12, outputs)

    def test_im2col(self, backend, mode):
        x = backend.array(self.images(), "int32")
        found = backend.functions.im2col(x, (3, 2), **OPTIONS, padding_mode=mode)
        assert_same(backend, found, self.columns(mode), "int32")

    def test_col2im(self, backend, mode):
        matrix = self.columns(mode)
        columns = np.random.default_rng(14).integers(-9, 9, (3, *matrix.shape[1:]))
        expected = np.einsum("ikp,nkp->ni", matrix, columns).reshape(3, 2, 5, 6)
        for given in ((5, 6), (2, 5, 6)):
            found = backend.functions.col2im(
                backend.array(columns, "int32"), given, (3, 2), **OPTIONS, padding_mode=mode
            )
            assert_same(backend, found, expected, "int32")

    @pytest.mark.parametrize("groups", [1, 2])
    def test_the_toeplitz_matrix(self, backend, mode, groups):
        weight = np.random.default_rng(15).integers(-9, 9, (4, 2 // groups, 3, 2))
        options = {**OPTIONS, "groups": groups, "padding_mode": mode}
        expected = oracle.conv(self.images(), weight, **options).reshape(60, -1).T
        given = backend.array(weight, "int32")
        for size in ((5, 6), (2, 5, 6)):
            matrix = backend.functions.toeplitz_matrix(given, size, **options)
            assert_same(backend, matrix, expected, "int32")
        if backend.name == "strict":
            return  # it has no sparse matrices
        given = backend.array(weight, "float32")
        matrix = backend.functions.toeplitz_matrix(given, (5, 6), **options, sparse=True)
        assert np.array_equal(dense(backend, matrix), expected)


def dense(backend, matrix):
    if backend.name == "numpy":
        import scipy.sparse

        assert scipy.sparse.issparse(matrix)
        return matrix.toarray()
    if backend.name == "torch":
        import torch

        assert matrix.layout in (torch.sparse_coo, torch.sparse_csr)
        return matrix.to_dense().numpy()
    from jax.experimental import sparse

    assert isinstance(matrix, sparse.JAXSparse)
    return np.asarray(matrix.todense())
