"""solve_kernel against least squares in exact arithmetic: kernels, residuals, what stays open."""

import tracemalloc

import backends_under_test
import descending
import numpy as np
import oracle
import pytest

from multiconv.learning import normal_form

FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
UNIT = 2.0**-53


def exact_solution(a, y):
    """The normal equations solved by elimination, in fractions; A has full rank."""
    gram, right = a.T @ a, a.T @ y
    table = np.concatenate([gram, right], axis=1)
    n = len(gram)
    for i in range(n):
        pivot = next(j for j in range(i, n) if table[j, i] != 0)
        table[[i, pivot]] = table[[pivot, i]]
        table[i] = table[i] / table[i, i]
        for j in range(n):
            if j != i:
                table[j] = table[j] - table[j, i] * table[i]
    return table[:, n:]


class Problem:
    """x and y as NumPy arrays, and the exact least squares problem they stand for."""

    def __init__(self, x, y, kernel, bias=False):
        self.x, self.y, self.kernel, self.bias = x, y, kernel, bias
        if len(kernel) == 2:
            x, y = (a.reshape(-1, 1, *a.shape[-2:]) for a in (x, y))
        self.a = descending.patches(oracle.exactly(x), kernel[-2:], bias)
        self.targets = descending.targets(oracle.exactly(y))
        self.values = np.linalg.svd(self.a.astype(float), compute_uv=False)

    def solve(self, backend, dtype="float32"):
        x, y = (backend.array(v, dtype) for v in (self.x, self.y))
        return backend.functions.solve_kernel(x, y, self.kernel, bias=self.bias)

    @property
    def backward_error(self):
        """Relative to A and y, in norm: Higham, theorem 20.3, for two orthogonal factorizations.

        gamma~_(mn) = c m n u, whose small constant c the theorem leaves open: 5 for each of them.
        """
        rows, unknowns = self.a.shape
        return np.sqrt(unknowns) * 10 * rows * unknowns * UNIT

    def kernel_limit(self, exact, dtype):
        """For each filter: Higham, theorem 20.1, and one rounding of the result to its dtype."""
        condition = self.values[0] / self.values[-1]
        error = condition * self.backward_error
        assert error < 0.1, "the data of this test determine too little"
        size = descending.norms(exact)
        rest = descending.norms(self.a @ exact - self.targets)
        limit = error / (1 - error) * (2 * size + (condition + 1) * rest / self.values[0])
        return limit + descending.ROUNDOFF[dtype] * (size + limit)

    def residual_limit(self, exact):
        rest = np.linalg.norm((self.a @ exact - self.targets).astype(float))
        reach = self.values[0] * np.linalg.norm(exact.astype(float))
        reach += np.linalg.norm(self.targets.astype(float))
        delta = self.backward_error * reach
        return 2 * rest * delta + delta**2


def random_problem(seed, form, *, bias=False, noise=0.0):
    """Whole numbers, so that y is exactly the correlation where there is no noise."""
    rng = np.random.default_rng(seed)
    x_shape, kernel = {
        "image": ((7, 8), (2, 3)),
        "stack": ((2, 3, 6, 5), (3, 2)),
        "channels": ((3, 2, 5, 6), (4, 2, 2, 2)),
        "one output of each filter": ((9, 1, 2, 2), (2, 1, 2, 2)),
    }[form]
    x, w = rng.integers(-9, 10, x_shape), rng.integers(-9, 10, kernel)
    b = rng.integers(-9, 10, kernel[0] if len(kernel) == 4 else 1)
    y = oracle.conv(x, w) if len(kernel) == 4 else oracle.corr2d(x, w)
    if bias:
        y = y + (b[:, None, None] if len(kernel) == 4 else b)
    y = (y + noise * rng.normal(size=y.shape)).astype(np.float32)
    return Problem(x.astype(np.float32), y, kernel, bias), w, b


@pytest.mark.parametrize(
    ("form", "bias", "dtype"),
    [
        ("image", False, "float32"),
        ("image", True, "float64"),
        ("stack", True, "float32"),
        ("channels", False, "float64"),
        ("channels", True, "float32"),
        ("one output of each filter", True, "float32"),
    ],
)
class TestRandomImages:
    def test_the_kernel_is_recovered(self, backend, form, bias, dtype):
        problem, w, b = random_problem(1, form, bias=bias)
        with backend.wide(dtype):
            solved = problem.solve(backend, dtype)
            for array, values in ((solved.weight, w), (solved.bias, b if bias else None)):
                if values is None:
                    assert array is None
                    continue
                assert backend.is_native_array(array)
                assert backend.dtype_name(array) == dtype
                assert tuple(array.shape) == values.shape
            found = descending.point(backend, solved.weight, solved.bias)
        exact = exact_solution(problem.a, problem.targets)
        flat = w.reshape(1 if w.ndim == 2 else len(w), -1)
        flat = np.concatenate([flat, b[:, None]], axis=1) if bias else flat
        assert (exact == flat.T).all()
        assert np.all(descending.norms(found - exact) <= problem.kernel_limit(exact, dtype))
        self.check_the_gradient(problem, found, exact)
        assert solved.rank == solved.unknowns == flat.shape[1]
        assert solved.is_determined
        assert solved.undetermined.shape == (0, flat.shape[1])
        assert f"determine all {flat.shape[1]} numbers" in solved.statement
        assert 0 <= solved.residual <= problem.residual_limit(exact)

    def test_noise_leaves_a_residual(self, backend, form, bias, dtype):
        problem, _, _ = random_problem(2, form, bias=bias, noise=1.0)
        exact = exact_solution(problem.a, problem.targets)
        with backend.wide(dtype):
            solved = problem.solve(backend, dtype)
            found = descending.point(backend, solved.weight, solved.bias)
        assert np.all(descending.norms(found - exact) <= problem.kernel_limit(exact, dtype))
        self.check_the_gradient(problem, found, exact)
        rest = problem.a @ exact - problem.targets
        away = abs(solved.residual - float((rest * rest).sum()))
        assert away <= problem.residual_limit(exact)

    def check_the_gradient(self, problem, found, exact):
        """||w - w*|| <= ||gradient|| / lambda_min(A^T A): no gradient without a distance."""
        gradient = problem.a.T @ (problem.a @ found - problem.targets)
        smallest = (problem.values[-1] - problem.backward_error * problem.values[0]) ** 2
        distances = descending.norms(found - exact)
        assert np.all(distances <= descending.norms(gradient) / smallest)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_whole_numbers_are_solved_in_float32(backend, dtype):
    x = np.random.default_rng(3).integers(0, 2, (6, 7))
    y = oracle.corr2d(x, np.array([[1, -2]]))
    arrays = backend.array(x, dtype), backend.array(y, "int32")
    solved = backend.functions.solve_kernel(*arrays, (1, 2))
    problem = Problem(x, y, (1, 2))
    found = descending.point(backend, solved.weight, None)
    exact = oracle.exactly([[1], [-2]])
    assert backend.dtype_name(solved.weight) == "float32"
    assert np.all(descending.norms(found - exact) <= problem.kernel_limit(exact, "float32"))


def test_the_textbooks_edge_detector(backend):
    x = np.ones((6, 8), np.float32)
    x[:, 2:6] = 0
    problem = Problem(x, oracle.corr2d(x, np.array([[1.0, -1.0]])), (1, 2))
    solved = problem.solve(backend)
    exact = oracle.exactly([[1.0], [-1.0]])
    found = descending.point(backend, solved.weight, None)
    assert np.all(descending.norms(found - exact) <= problem.kernel_limit(exact, "float32"))
    assert solved.rank == 2


@pytest.mark.parametrize("name", FACES)
def test_of_nested_lists(name):
    backend = backends_under_test.make(name)
    solved = backend.functions.solve_kernel([[1.0, 2.0, 5.0]], [[3.0, 7.0]], (1, 2))
    exact = oracle.exactly([[1], [1]])
    found = descending.point(backend, solved.weight, None)
    problem = Problem(np.array([[1.0, 2, 5]]), np.array([[3.0, 7]]), (1, 2))
    assert backend.is_native_array(solved.weight)
    assert np.all(descending.norms(found - exact) <= problem.kernel_limit(exact, "float32"))


def test_nothing_given_is_changed(backend):
    problem, _, _ = random_problem(4, "image", bias=True)
    x, y = (backend.array(v, "float32") for v in (problem.x, problem.y))
    backend.functions.solve_kernel(x, y, problem.kernel, bias=True)
    assert np.array_equal(backend.to_numpy(x), problem.x)
    assert np.array_equal(backend.to_numpy(y), problem.y)


class TestDataThatDoNotDetermineTheKernel:
    """Directions v with A v = 0 are found, all of them and no others, and said."""

    def check(self, backend, x, kernel, rank, *, bias=False, y=None):
        """The rank, the basis and the least norm of the solution; the solved kernel comes back."""
        rng = np.random.default_rng(5)
        taps = rng.integers(-5, 6, kernel)
        if y is None:
            y = oracle.conv(x, taps) if len(kernel) == 4 else oracle.corr2d(x, taps)
        problem = Problem(np.float32(x), np.float32(y), kernel, bias)
        solved = problem.solve(backend)
        unknowns = problem.a.shape[1]
        assert (solved.rank, solved.unknowns) == (rank, unknowns)
        assert not solved.is_determined
        basis = np.asarray(solved.undetermined)
        assert basis.shape == (unknowns - rank, unknowns)
        slack = problem.backward_error
        assert np.max(abs(basis @ basis.T - np.eye(len(basis)))) <= slack
        if rank:
            gap = problem.values[0] / problem.values[rank - 1]
            slack = slack * gap  # a null space turns by that much (Davis and Kahan)
            assert np.max(abs(problem.a.astype(float) @ basis.T)) <= slack * problem.values[0]
        found = descending.point(backend, solved.weight, solved.bias).astype(float)
        size = np.linalg.norm(found)
        limit = (slack + descending.ROUNDOFF["float32"]) * max(size, 1) * np.sqrt(unknowns)
        assert np.max(abs(basis @ found)) <= limit, "there is a smaller kernel"
        assert f"of its {unknowns} numbers {rank} are fixed" in solved.statement
        assert "do not determine" in solved.statement
        assert "do not determine" in str(solved)
        return solved

    def test_a_constant_image_fixes_the_sum_of_the_taps(self, backend):
        solved = self.check(backend, np.full((6, 8), 3), (2, 3), 1)
        values = backend.to_numpy(solved.weight)
        assert np.ptp(values) <= 2 * descending.ROUNDOFF["float32"] * abs(values).max()
        assert abs(solved.undetermined.sum(axis=1)).max() <= 1e-12

    def test_a_constant_image_and_a_bias(self, backend):
        self.check(backend, np.full((6, 8), 3), (1, 2), 1, bias=True)

    def test_a_single_vertical_edge_says_nothing_about_rows(self, backend):
        """All rows are alike, so only the sum over the rows of the kernel is fixed."""
        x = np.zeros((5, 8), int)
        x[:, 4:] = 1
        solved = self.check(backend, x, (2, 2), 2)
        for row in solved.undetermined.reshape(-1, 2, 2):
            assert abs(row.sum(axis=0)).max() <= 1e-12

    def test_a_single_edge_and_a_bias(self, backend):
        """Patches (0,0), (0,1), (1,1) and the ones: three directions, all of them fixed."""
        x = np.zeros((5, 8), np.float32)
        x[:, 4:] = 1
        problem = Problem(x, oracle.corr2d(x, np.array([[1, -1]])), (1, 2), bias=True)
        solved = problem.solve(backend)
        assert solved.rank == solved.unknowns == 3

    def test_a_diagonal_of_edges_determines_the_kernel(self, backend):
        """Patches (0, 0), (1, 0) and (0, 1) occur."""
        x = np.eye(6, 8, dtype=np.float32)
        solved = Problem(x, oracle.corr2d(x, np.array([[1, -1]])), (1, 2)).solve(backend)
        assert solved.is_determined

    def test_an_image_of_zeros_fixes_nothing(self, backend):
        solved = self.check(backend, np.zeros((4, 5), int), (2, 2), 0, y=np.ones((3, 4)))
        assert not backend.to_numpy(solved.weight).any()
        assert abs(solved.residual - 12) <= 1e-12

    @pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
    def test_the_residual_is_what_is_left_all_the_same(self, backend, bias):
        """On a constant image the best output is the mean of y everywhere."""
        y = np.random.default_rng(11).integers(-5, 6, (5, 6)).astype(np.float32)
        solved = self.check(backend, np.full((6, 8), 3), (2, 3), 1, y=y, bias=bias)
        rest = float(((y - y.mean(dtype=float)) ** 2).sum())
        # Sums of squares in float64, of 30 numbers, after two factorizations.
        problem = Problem(np.full((6, 8), 3.0), y, (2, 3), bias)
        delta = problem.backward_error * 2 * np.linalg.norm(y)
        assert abs(solved.residual - rest) <= 2 * np.sqrt(rest) * delta + delta**2

    def test_the_residual_belongs_to_the_kernel_that_is_given(self, backend):
        """Two channels that are alike, and a y that neither explains."""
        rng = np.random.default_rng(12)
        image = rng.integers(-5, 6, (2, 1, 5, 6))
        x = np.concatenate([image, image], axis=1)
        y = rng.integers(-9, 10, (2, 3, 5, 5)).astype(np.float32)
        solved = self.check(backend, x, (3, 2, 1, 2), 2, y=y)
        once = Problem(np.float32(image), y, (3, 1, 1, 2))
        exact = exact_solution(once.a, once.targets)
        left = once.a @ exact - once.targets
        away = abs(solved.residual - float((left * left).sum()))
        assert away <= Problem(np.float32(x), y, (3, 2, 1, 2)).residual_limit(
            np.concatenate([exact, exact]) / 2
        )

    def test_fewer_outputs_than_numbers(self, backend):
        x = np.array([[1, 2, 4], [3, 0, 1]])
        solved = self.check(backend, x, (2, 2), 2)
        assert solved.residual <= 1e-20

    def test_channels_that_are_alike(self, backend):
        image = np.random.default_rng(6).integers(-5, 6, (2, 1, 5, 6))
        x = np.concatenate([image, 2 * image], axis=1)
        self.check(backend, x, (3, 2, 1, 2), 2)

    def test_a_channel_of_zeros(self, backend):
        x = np.random.default_rng(7).integers(-5, 6, (2, 2, 5, 6))
        x[:, 1] = 0
        solved = self.check(backend, x, (1, 2, 1, 2), 2)
        assert not backend.to_numpy(solved.weight)[:, 1].any()

    def test_the_statement_shows_the_direction(self, backend):
        solved = self.check(backend, np.full((3, 4), 2), (1, 2), 1)
        assert "[ 0.707 -0.707]" in solved.statement

    def test_many_directions_are_counted(self, backend):
        solved = self.check(backend, np.full((6, 8), 1), (3, 3), 1)
        assert "these 8 directions" in solved.statement
        assert "4 more" in solved.statement


@pytest.mark.needs_backend("numpy")
class TestBlocks:
    def test_the_blocks_make_no_difference(self, monkeypatch):
        problem, _, _ = random_problem(8, "channels", bias=True, noise=1.0)
        backend = backends_under_test.NumPy()
        exact = exact_solution(problem.a, problem.targets)
        for elements in (1, 100, 2**22):
            monkeypatch.setattr(normal_form, "_BLOCK_ELEMENTS", elements)
            solved = problem.solve(backend, "float64")
            found = descending.point(backend, solved.weight, solved.bias)
            limit = problem.kernel_limit(exact, "float64")
            assert np.all(descending.norms(found - exact) <= limit), elements

    def test_the_whole_patch_matrix_is_never_there(self, monkeypatch):
        """A block, its copies for the factorization, and the image: not the 20 MB of the matrix."""
        import multiconv

        elements = 2**16
        monkeypatch.setattr(normal_form, "_BLOCK_ELEMENTS", elements)
        x = np.random.default_rng(9).normal(size=(8, 96, 96))
        y = multiconv.corr2d(x, np.ones((6, 6)))
        whole = y.size * 37 * 8
        multiconv.solve_kernel(x[:1], y[:1], (6, 6))
        tracemalloc.start()
        solved = multiconv.solve_kernel(x, y, (6, 6))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert solved.is_determined
        # im2col, its transposed copy with y, that with R on top, and QR's own copy or two.
        assert peak <= 3 * (x.nbytes + y.nbytes) + 6 * 8 * elements
        assert peak < whole / 3

    def test_many_small_images_are_one_problem(self):
        """A handful of factorizations, not one for every image."""
        import multiconv

        x = np.random.default_rng(10).normal(size=(3000, 4, 4))
        y = multiconv.corr2d(x, np.array([[1.0, -1.0]]))
        called, original = [], np.linalg.qr

        def counted(*args, **kwargs):
            called.append(1)
            return original(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(np.linalg, "qr", counted)
            multiconv.solve_kernel(x, y, (1, 2))
        assert len(called) <= 30
