"""What each method promises beside its values: limits, refusals, calls that disturb no others."""

import concurrent.futures

import numpy as np
import oracle
import pytest
from comparing import assert_same, check_error


class TestHugeInputs:
    def test_the_loop_refuses_them_unless_forced(self, backend):
        x = backend.array(np.zeros((400, 300)), "float32")
        k = backend.array(np.ones((2, 2)), "float32")
        check_error(
            ValueError,
            lambda: backend.functions.corr2d(x, k, method="loop"),
            *("loop", str(399 * 299), "loop!", "auto"),
        )

    def test_the_toeplitz_matrix_is_not_built_beyond_all_memory(self, backend):
        x = backend.array(np.zeros((3000, 3000)), "float32")
        k = backend.array(np.ones((2, 2)), "float32")
        check_error(
            ValueError,
            lambda: backend.functions.corr2d(x, k, method="toeplitz"),
            *("toeplitz", "auto"),
        )

    @pytest.mark.parametrize("method", ["loop!", "toeplitz!"])
    def test_forced_methods_give_the_same_values(self, backend, method):
        x, k = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
        y = backend.functions.corr2d(
            backend.array(x, "int32"), backend.array(k, "int32"), method=method
        )
        assert_same(backend, y, [[19, 25], [37, 43]], "int32")


class TestAuto:
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_one_bad_pixel_spoils_only_what_reads_it(self, backend, bad):
        """Also where the Fourier transform, which spreads it everywhere, would be fastest."""
        x, k = np.ones((150, 150)), np.ones((61, 61))
        x[3, 4] = bad
        y = backend.to_numpy(
            backend.functions.corr2d(backend.array(x, "float32"), backend.array(k, "float32"))
        )
        reads = np.zeros((90, 90), dtype=bool)
        reads[:4, :5] = True
        assert np.array_equal(np.isfinite(y), ~reads)

    def test_a_bad_kernel_value_spoils_everything(self, backend):
        k = np.ones((3, 3))
        k[1, 1] = np.nan
        arrays = backend.array(np.ones((6, 6)), "float32"), backend.array(k, "float32")
        assert np.isnan(backend.to_numpy(backend.functions.corr2d(*arrays))).all()


class TestManyCalls:
    def test_calls_of_the_same_shapes_do_not_share_their_options(self, backend):
        """What one call leaves behind for the next one is told apart by all that matters."""
        rng = np.random.default_rng(60)
        x, weight = rng.integers(0, 4, (2, 4, 6)), rng.integers(0, 4, (4, 2, 3))
        options = [
            {"groups": 2},
            {"groups": 2, "stride": 2},
            {"groups": 2, "padding": 2},
            {"groups": 2, "padding": [(0, 2)]},
            {"groups": 2, "padding": [(2, 0)]},
            {"groups": 2, "padding": 2, "padding_mode": "reflect"},
            {"groups": 2, "padding": 2, "padding_mode": "symmetric"},
            {"groups": 2, "dilation": 2},
            {"groups": 2, "padding": "same"},
        ]
        for _ in range(2):
            for dtype in ("int32", "float32", "uint8"):
                arrays = backend.array(x, dtype), backend.array(weight, dtype)
                for chosen in options:
                    y = backend.functions.conv1d(*arrays, **chosen)
                    assert_same(backend, y, oracle.conv(x, weight, **chosen), dtype, str(chosen))

    def test_threads(self, backend):
        rng = np.random.default_rng(61)
        sizes = [(n, k) for n in range(4, 10) for k in range(1, 4)]
        jobs = [(rng.integers(-3, 4, (n, n)), rng.integers(-3, 4, (k, k))) for n, k in sizes]

        def run(job):
            x, k = job
            return backend.functions.corr2d(backend.array(x, "int32"), backend.array(k, "int32"))

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(run, jobs * 2))
        for y, (x, k) in zip(results, jobs * 2, strict=True):
            assert_same(backend, y, oracle.corr2d(x, k), "int32")
