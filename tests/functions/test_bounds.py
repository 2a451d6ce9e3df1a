"""Floating point: every method keeps its derived error bound, and full precision is really used."""

import bounds
import numpy as np
import oracle
import pytest
from strategies import configurations, for_all

FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


def scaled_values(c, *shapes):
    """Floats over a range of magnitudes, among them zeros; complex where the dtype is."""
    rng = np.random.default_rng(c.seed)

    def real(shape):
        values = rng.standard_normal(shape) * 2.0 ** rng.integers(-5, 5, shape)
        return np.where(rng.random(shape) < 0.1, 0.0, values)

    arrays = [real(shape) for shape in shapes]
    if c.dtype.startswith("complex"):
        arrays = [a + 1j * real(a.shape) for a in arrays]
    return arrays


def as_float64(backend, array):
    """The values of a backend's array, exactly, in float64 or complex128."""
    values = backend.to_numpy(array)
    return values.astype(np.complex128 if np.iscomplexobj(values) else np.float64)


def check(backend, c, methods, excess):
    shapes = (c.x_shape, c.weight_shape, c.weight_shape[:1])
    with backend.wide(c.dtype):
        arrays = [backend.array(a, c.dtype) for a in scaled_values(c, *shapes)]
        exact = [as_float64(backend, a) for a in arrays]
        if not c.bias:
            arrays[2] = exact[2] = None
        conv = getattr(backend.functions, f"conv{c.axes}d")
        for method in methods:
            y = conv(*arrays, **c.geometry, method=method)
            assert backend.dtype_name(y) == c.dtype
            wrong = excess(as_float64(backend, y), *exact, c.dtype, **c.geometry)
            assert not wrong, f"{method}: " + "; ".join(wrong[:5])


def test_the_elementwise_bound_of_every_method_but_fft(backend):
    dtypes = [d for d in FLOATS if d in backend.dtypes]

    @for_all(backend, configurations(dtypes))
    def run(c):
        check(backend, c, backend.methods_for(c.dtype), bounds.elementwise_excess)


def test_the_norm_bound_of_fft(backend):
    dtypes = [d for d in FLOATS if d in backend.dtypes]

    @for_all(backend, configurations(dtypes))
    def run(c):
        check(backend, c, ["fft"], bounds.fft_excess)


@pytest.mark.parametrize("dtype", FLOATS)
def test_fft_on_images_longer_than_a_block(backend, dtype):
    """Overlap-add must join its blocks; groups, strides and dilation come on top."""
    if dtype not in backend.dtypes:
        return
    rng = np.random.default_rng(7)
    options = {"stride": (2, 1), "padding": ((3, 1), (0, 4)), "dilation": (1, 2), "groups": 2}
    with backend.wide(dtype):
        x = backend.array(rng.standard_normal((2, 4, 9, 2500)), dtype)
        weight = backend.array(rng.standard_normal((2, 2, 5, 3)), dtype)
        y = as_float64(backend, backend.functions.conv2d(x, weight, **options, method="fft"))
        x, weight = as_float64(backend, x), as_float64(backend, weight)
    exact = oracle.conv(x, weight, **options)
    limit = bounds.fft_bound(x, weight, dtype, **options) + 0 * abs(exact)
    part = bounds.PART.get(dtype, dtype)
    limit += 2 * float(bounds.ROUNDOFF[part]) * abs(exact)
    assert (abs(y - exact) <= limit).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_no_precision_is_dropped(backend, dtype):
    """The errors of long random sums grow like sqrt(n): TF32 or narrow sums would stand out."""
    if dtype not in backend.dtypes:
        return
    rng = np.random.default_rng(8)
    with backend.wide(dtype):
        x = backend.array(rng.standard_normal((1, 64, 9, 9)), dtype)
        weight = backend.array(rng.standard_normal((8, 64, 3, 3)), dtype)
        exact_x, exact_weight = as_float64(backend, x), as_float64(backend, weight)
        exact = oracle.conv(oracle.exactly(exact_x), oracle.exactly(exact_weight))
        size = oracle.conv(abs(exact_x), abs(exact_weight))
        unit = float(bounds.ROUNDOFF[bounds.ACCUMULATOR[dtype]])
        limit = 2 * np.sqrt(64 * 9) * unit * size
        if dtype in ("float16", "bfloat16"):
            limit += float(bounds.ROUNDOFF[dtype]) * abs(exact.astype(float))
        for method in backend.methods_for(dtype):
            if method == "loop" and backend.name == "jax":
                continue  # 49 positions compiled one by one say nothing that the others do not
            y = backend.functions.conv2d(x, weight, method=method)
            error = abs(oracle.exactly(as_float64(backend, y)) - exact).astype(float)
            assert (error <= limit).all(), f"{method}: {(error / limit).max():.2f} of the limit"


@pytest.mark.parametrize(("dtype", "end"), [("float16", 2048), ("bfloat16", 256)])
def test_narrow_floats_accumulate_in_a_wider_type(backend, dtype, end):
    """From ``end`` on, a 16-bit sum would no longer notice the ones."""
    if dtype not in backend.dtypes:
        return
    x = np.concatenate([[end], np.ones(end)])
    arrays = [backend.array(a[None, :, None], dtype) for a in (x, np.ones_like(x))]
    methods = backend.methods_for(dtype)
    if (backend.name, dtype) != ("jax", "float16"):  # it takes ten seconds to compile
        methods += ("fft",)
    for method in methods:
        y = backend.functions.conv1d(*arrays, method=method)
        assert backend.to_numpy(y).tolist() == [[[2 * end]]], method


def test_infinities_and_nans_stay_where_they_are(backend):
    """Only outputs that read them; fft is not chosen by auto for them."""
    x = np.arange(40, dtype=float).reshape(1, 1, 5, 8)
    x[0, 0, 1, 2], x[0, 0, 4, 6] = np.nan, np.inf
    arrays = [backend.array(a, "float32") for a in (x, np.ones((1, 1, 2, 2)))]
    expected = oracle.conv(x, np.ones((1, 1, 2, 2)))
    for method in set(backend.methods_for("float32")) - {"toeplitz"}:
        y = backend.to_numpy(backend.functions.conv2d(*arrays, method=method))
        assert np.array_equal(y, expected, equal_nan=True), method
