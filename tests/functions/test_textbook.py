"""The examples of the textbook's section on convolution, on every backend and by every method."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]

X = np.arange(9).reshape(3, 3)
K = np.arange(4).reshape(2, 2)
Y = np.array([[19, 25], [37, 43]])

STRIPES = np.ones((6, 8), dtype=int)
STRIPES[:, 2:6] = 0
EDGE = np.array([[1, -1]])
EDGES = np.tile([0, 1, 0, 0, 0, -1, 0], (6, 1))


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_19_25_37_43(backend, dtype):
    x, k = backend.array(X, dtype), backend.array(K, dtype)
    for method in backend.methods_for(dtype):
        assert_same(backend, backend.functions.corr2d(x, k, method=method), Y, dtype, method)
    assert_same(backend, backend.functions.corr2d(x, k), Y, dtype)


@pytest.mark.parametrize("name", FACES)
class TestTheFacesTakeNestedLists:
    @pytest.fixture
    def face(self, name):
        return backends_under_test.make(name)

    def test_of_whole_numbers(self, face):
        y = face.functions.corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
        assert_same(face, y, Y, face.default_integer)

    def test_of_floats(self, face):
        y = face.functions.corr2d([[0.0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0.0, 1], [2, 3]])
        default = "float64" if face.name == "numpy" else "float32"
        assert_same(face, y, Y, default)

    def test_beside_an_array(self, face):
        y = face.functions.corr2d(face.array(X, "float32"), [[0, 1], [2, 3]])
        assert_same(face, y, Y, "float32")


class TestEdges:
    def test_vertical_edges_of_the_stripes(self, backend):
        x, k = (backend.array(a, "float32") for a in (STRIPES, EDGE))
        assert_same(backend, backend.functions.corr2d(x, k), EDGES, "float32")

    def test_the_transposed_image_has_none(self, backend):
        x, k = (backend.array(a, "float32") for a in (STRIPES.T, EDGE))
        assert_same(backend, backend.functions.corr2d(x, k), np.zeros((8, 5)), "float32")

    def test_the_transposed_kernel_finds_horizontal_ones(self, backend):
        x, k = (backend.array(a, "float32") for a in (STRIPES.T, EDGE.T))
        assert_same(backend, backend.functions.corr2d(x, k), EDGES.T, "float32")

    def test_a_diagonal_gives_one_on_it_and_minus_one_below(self, backend):
        x, k = (backend.array(a, "int32") for a in (np.eye(6, 8), EDGE))
        expected = np.eye(6, 7, dtype=int) - np.eye(6, 7, -1, dtype=int)
        assert_same(backend, backend.functions.corr2d(x, k), expected, "int32")


def test_convolution_flips_the_kernel_and_correlation_does_not(backend):
    x, k = backend.array(X, "int32"), backend.array(K, "int32")
    flipped = [[5, 11], [23, 29]]
    assert oracle.convolve2d(X, K).tolist() == flipped
    for method in backend.methods_for("int32"):
        y = backend.functions.convolve2d(x, k, method=method)
        assert_same(backend, y, flipped, "int32", method)


def test_both_matrix_products_give_the_textbook_result(backend):
    x, k = backend.array(X, "float32"), backend.array(K, "float32")
    columns = backend.functions.im2col(x, (2, 2))
    assert_same(
        backend,
        columns,
        [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]],
        "float32",
    )
    matrix = backend.functions.toeplitz_matrix(k, (3, 3))
    rows = [
        [0, 1, 0, 2, 3, 0, 0, 0, 0],
        [0, 0, 1, 0, 2, 3, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 2, 3, 0],
        [0, 0, 0, 0, 0, 1, 0, 2, 3],
    ]
    assert_same(backend, matrix, rows, "float32")
    assert backend.to_numpy(k).ravel() @ backend.to_numpy(columns) @ [1, 0, 0, 0] == 19
    assert (backend.to_numpy(matrix) @ X.ravel()).tolist() == [19, 25, 37, 43]


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_signed_pascal_rows_differentiate(backend, degree):
    """A kernel of d + 1 taps kills polynomials below degree d and gives d! on x^d."""
    row = np.array([1])
    for _ in range(degree):
        row = np.convolve(row, [-1, 1])
    k = backend.array(row[None], "int32")
    positions = np.arange(8)
    for power in range(degree):
        x = backend.array((positions**power)[None], "int32")
        zeros = np.zeros((1, 8 - degree))
        assert_same(backend, backend.functions.corr2d(x, k), zeros, "int32")
    x = backend.array((positions**degree)[None], "int32")
    factorial = [1, 1, 2, 6][degree]
    y = backend.functions.corr2d(x, k)
    assert_same(backend, y, np.full((1, 8 - degree), factorial), "int32")
