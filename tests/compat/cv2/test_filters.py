"""``compat.cv2`` against OpenCV.

Whole numbers and halves are exact in float32, whatever the order of the sums: there the two are
equal bit for bit, in every depth. Means of bytes and Gaussians go through OpenCV's integers, and
are equal too. Other coefficients are compared within twice the bound of sums, which is all that
OpenCV keeps: its own bytes differ by one where a sum is that close to a tie.

Some ties OpenCV rounds in one way with a processor's vectors, and in another in what is left of a
row. Ours are rounded as with vectors of AVX2. On other processors those numbers alone that follow
the last whole vector there may be off by one.
"""

import bounds
import numpy as np
import pytest
from comparing import assert_same, check_error
from hypothesis import strategies as st
from strategies import for_all

from multiconv.compat import cv2 as compat

pytestmark = pytest.mark.needs_library("cv2")

BORDERS = (0, 1, 2, 4, 4 | 16)
DEPTHS = {"uint8": 0, "uint16": 2, "int16": 3, "float32": 5, "float64": 6}
SHAPES = ((1, 1), (1, 6), (7, 1), (5, 6), (4, 5, 1), (5, 6, 3), (3, 20, 4), (4, 37))
AVX2 = 11  # OpenCV's number of it


def has(backend, dtype):
    return dtype in backend.dtypes and not (backend.name == "jax" and dtype == "float64")


def images(data, backend, dtypes=("uint8", "uint16", "int16", "float32", "float64")):
    """An image of whole numbers, the whole range of bytes and small ones of other depths."""
    dtype = data.draw(st.sampled_from([d for d in dtypes if has(backend, d)]))
    shape = data.draw(st.sampled_from(SHAPES))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low, high = (0, 256) if dtype.startswith("u") else (-200, 200)
    return rng.integers(low, high, shape).astype(dtype)


def depths(data, backend):
    return data.draw(
        st.sampled_from([-1, *[number for name, number in DEPTHS.items() if has(backend, name)]])
    )


def both(backend, x, call):
    """The results of OpenCV and of ours; None where both refuse."""
    import cv2

    try:
        expected = call(cv2, np.ascontiguousarray(x), lambda k: k)
    except cv2.error:
        with pytest.raises(compat.error):
            call(compat, backend.array(x), backend.array)
        return None
    return expected, call(compat, backend.array(x), backend.array)


def check(backend, x, call, *, vector=None):
    """The two are equal, without AVX2 up to ties after a row's last whole vector of so many."""
    import cv2

    found = both(backend, x, call)
    if found is None:
        return
    expected, result = found
    if vector is not None and not cv2.checkHardwareSupport(AVX2):
        count = expected[0].size
        ours = backend.to_numpy(result).reshape(len(expected), count)
        rest = expected.reshape(len(expected), count)[:, count // vector * vector :]
        off = ours[:, count // vector * vector :].astype("float64") - rest
        assert (abs(off) <= 1).all()
        rest[...] = ours[:, count // vector * vector :]
    assert_same(backend, result, expected, str(expected.dtype))


class TestBitForBit:
    def test_filter2D(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            x, depth = images(data, backend), depths(data, backend)
            rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
            taps = data.draw(
                st.lists(st.integers(-6, 6), min_size=rows * columns, max_size=rows * columns)
            )
            kernel = np.array(taps, "float32").reshape(rows, columns) / 2
            at = st.tuples(st.integers(0, columns - 1), st.integers(0, rows - 1))
            given = {
                "anchor": data.draw(st.one_of(st.just((-1, -1)), at)),
                "delta": data.draw(st.sampled_from((0, 3, -20.5))),
                "borderType": data.draw(st.sampled_from(BORDERS)),
            }
            check(backend, x, lambda m, x, own: m.filter2D(x, depth, own(kernel), **given))

    def test_sepFilter2D(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            x, depth = images(data, backend), depths(data, backend)
            kernels = st.sampled_from(
                (
                    *([1], [1, 2], [-1, 0, 1], [0.25, 0.5, 0.25], [0.5, 0, 0.5], [3, -1, 4, 0.5]),
                    *([1, 2, 1], [3, 10, 3], [2, 0, -2], [0, 1, 0], [1, -4, 6, -4, 1]),
                )
            )
            row, column = (np.array(data.draw(kernels), "float32") for _ in range(2))
            given = {
                "delta": data.draw(st.sampled_from((0, 7, -0.5, 3.5))),
                "borderType": data.draw(st.sampled_from(BORDERS)),
            }
            check(
                backend,
                x,
                lambda m, x, own: m.sepFilter2D(x, depth, own(row), own(column), **given),
                vector=16,
            )

    def test_derivatives(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            x, depth = images(data, backend), depths(data, backend)
            name = data.draw(st.sampled_from(("Sobel", "Scharr", "Laplacian")))
            given = {
                "scale": data.draw(st.sampled_from((1, 2, 0.5))),
                "delta": data.draw(st.sampled_from((0, 7, -0.5, 3.5))),
                "borderType": data.draw(st.sampled_from(BORDERS)),
            }
            orders = ()
            if name != "Laplacian":
                largest = 2 if name == "Sobel" else 1
                orders = tuple(data.draw(st.integers(0, largest)) for _ in range(2))
            if name == "Sobel":
                given["ksize"] = data.draw(st.sampled_from((-1, 1, 3, 5, 7, 11)))
            if name == "Laplacian":
                given["ksize"] = data.draw(st.sampled_from((1, 3, 5, 7)))
            check(
                backend,
                x,
                lambda m, x, own: getattr(m, name)(x, depth, *orders, **given),
                vector=8,
            )

    def test_gaussians_of_bytes(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            wide = backend.name != "jax"  # 16 bits need sums of 64
            x = images(data, backend, ("uint8", "uint16") if wide else ("uint8",))
            size = data.draw(st.sampled_from(((0, 0), (3, 3), (5, 1), (7, 9), (0, 5), (11, 13))))
            sigmas = data.draw(st.sampled_from(((0, 0), (0.8, 0), (1.5, 2.5), (3, 0.4))))
            border = data.draw(st.sampled_from(BORDERS))
            check(
                backend,
                x,
                lambda m, x, own: m.GaussianBlur(
                    x, size, sigmas[0], sigmaY=sigmas[1], borderType=border
                ),
            )

    def test_means_and_sums_of_integers(self, backend):
        @for_all(backend, st.data(), times=2.0)
        def _(data):
            x = images(data, backend, ("uint8", "uint16", "int16"))
            depth = depths(data, backend)
            normalize = data.draw(st.booleans())
            # OpenCV reads negative sums as large ones at some places of such results.
            if x.dtype == "int16" and depth in (0, 2):
                depth = 3
            size = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
            if normalize and (x.dtype != "uint8" or depth not in (-1, 0)):
                size = data.draw(st.sampled_from(((1, 1), (2, 1), (2, 2), (4, 2), (1, 8))))
            if size[0] * size[1] == 2:
                x = np.minimum(x, 254).astype(x.dtype)  # two of 255 are 0 in places
            given = {
                "normalize": normalize,
                "anchor": data.draw(st.sampled_from(((-1, -1), (0, size[1] - 1)))),
                "borderType": data.draw(st.sampled_from(BORDERS)),
            }
            check(backend, x, lambda m, x, own: m.boxFilter(x, depth, size, **given))
            if given["normalize"]:
                given.pop("normalize")
                if x.dtype == "uint8":
                    check(backend, x, lambda m, x, own: m.blur(x, size, **given))

    @pytest.mark.parametrize("size", [(1, 2), (2, 1)])
    def test_means_of_two_white_pixels_are_white(self, backend, size):
        import cv2

        x = np.full((5, 40), 255, "uint8")
        result = compat.blur(backend.array(x), size)
        assert_same(backend, result, x, "uint8")
        # The largest int32 is exceeded there, which OpenCV forgives in its vectors.
        assert (cv2.blur(x, size)[:, :32] == 255).all()

    def test_whole_derivatives_are_summed_in_int32(self, backend):
        x = np.random.default_rng(0).integers(0, 256, (20, 21)).astype("uint8")
        for size in (11, 21):
            for orders in ((0, 1), (1, 1)):
                check(
                    backend,
                    x,
                    lambda m, x, own, at=(*orders, size): m.Sobel(x, 3, *at[:2], ksize=at[2]),
                )

    def test_every_mean_of_bytes_of_up_to_256_pixels(self):
        import cv2

        x = np.random.default_rng(0).integers(0, 256, (9, 40)).astype(np.uint8)
        for width in range(1, 17):
            for height in range(1, 17):
                assert np.array_equal(compat.blur(x, (width, height)), cv2.blur(x, (width, height)))

    def test_kernels(self):
        import cv2

        for size in (1, 2, 3, 5, 7, 9, 11, 20):
            for sigma in (-1, 0, 0.7, 2.5):
                expected, found = (m.getGaussianKernel(size, sigma) for m in (cv2, compat))
                # A quotient of exponentials, whose arguments are four roundings off: of units
                # relative to it, four times the argument, and one for each term of the sum.
                width = sigma if sigma > 0 else 0.15 * size + 0.35
                argument = ((np.arange(size) - (size - 1) / 2) / width) ** 2 / 2
                units = 2 * (4 * argument + size + 4)[:, None] * float(bounds.ROUNDOFF["float64"])
                assert (abs(found - expected) <= 2 * units * expected).all()
        for size in (-1, 1, 3, 5, 7, 9, 31):
            for orders in ((1, 0), (0, 1), *([(1, 1), (2, 0), (0, 2)] if size > 0 else [])):
                for normalize in (False, True):
                    expected, found = (
                        m.getDerivKernels(*orders, size, normalize=normalize) for m in (cv2, compat)
                    )
                    for one, other in zip(expected, found, strict=True):
                        assert one.dtype == other.dtype
                        assert np.array_equal(one, other)


class TestWithinTheBound:
    """Of sums in float32, or float64, with any coefficients."""

    def distance(self, backend, x, kernel, call):
        """How far the two are apart, and twice the bound of a sum of so many products."""
        import cv2

        expected, result = both(backend, x, call)
        magnitude = cv2.filter2D(
            abs(x).astype("float64"), -1, abs(kernel).astype("float64"), borderType=4
        )
        dtype = "float64" if "float64" in (str(x.dtype), str(expected.dtype)) else "float32"
        bound = 2 * bounds.gamma(kernel.size + 4, float(bounds.ROUNDOFF[dtype])) * magnitude
        found = backend.to_numpy(result)
        assert str(expected.dtype) == backend.dtype_name(result)
        return abs(found.astype("float64") - expected.astype("float64")), bound

    @pytest.mark.parametrize("dtype", ["float32", "float64", "uint16"])
    def test_filter2D(self, backend, dtype):
        if not has(backend, dtype):
            dtype = "uint8"
        rng = np.random.default_rng(1)
        x = (200 * rng.random((9, 12, 3))).astype(dtype)
        kernel = rng.standard_normal((3, 5)).astype("float64" if dtype == "float64" else "float32")
        depth = 5 if dtype.startswith("u") else -1
        off, bound = self.distance(
            backend, x, kernel, lambda m, x, own: m.filter2D(x, depth, own(kernel))
        )
        assert (off <= bound).all()

    def test_gaussians_and_means_of_floats(self, backend):
        import cv2

        x = np.random.default_rng(2).standard_normal((9, 12)).astype("float32")
        taps = cv2.getGaussianKernel(7, 1.3)
        calls = {
            "GaussianBlur": (taps * taps.T, lambda m, x, own: m.GaussianBlur(x, (7, 7), 1.3)),
            "blur": (np.full((3, 5), 1 / 15), lambda m, x, own: m.blur(x, (5, 3))),
        }
        for kernel, call in calls.values():
            off, bound = self.distance(backend, x, kernel, call)
            assert (off <= bound).all()

    def test_bytes_differ_at_ties_alone(self, backend):
        rng = np.random.default_rng(3)
        x = rng.integers(0, 256, (20, 30)).astype("uint8")
        kernel = rng.standard_normal((3, 3)).astype("float32") / 3
        exact, _ = both(
            backend, x.astype("float32"), lambda m, x, own: m.filter2D(x, -1, own(kernel))
        )
        off, bound = self.distance(
            backend, x, kernel, lambda m, x, own: m.filter2D(x, -1, own(kernel))
        )
        at_a_tie = abs(exact - np.floor(exact) - 0.5) <= bound
        assert (off[~at_a_tie] == 0).all()
        assert (off <= 1).all()

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
    def test_means_of_integers_differ_at_ties_alone(self, backend, dtype):
        if not has(backend, dtype):
            dtype = "uint8"
        rng = np.random.default_rng(4)
        low, high = (
            (0, 256) if dtype == "uint8" else (0, 60000) if dtype == "uint16" else (-200, 200)
        )
        x = rng.integers(low, high, (30, 45)).astype(dtype)
        depth = 3 if dtype == "uint8" else -1
        for size in ((3, 3), (6, 1), (5, 2), (7, 4)):

            def call(m, x, own, size=size):
                return m.boxFilter(x, depth, size)

            expected, result = both(backend, x, call)
            total = compat.boxFilter(x.astype("float64"), -1, size, normalize=False)
            mean = total / (size[0] * size[1])
            off = abs(backend.to_numpy(result).astype("float64") - expected)
            # The sum is rounded to float32, and so are the reciprocal and the product.
            bound = bounds.gamma(3, float(bounds.ROUNDOFF["float32"])) * abs(mean)
            at_a_tie = abs(mean - np.floor(mean) - 0.5) <= bound
            assert (off[~at_a_tie] == 0).all()
            assert (off <= 1).all()


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "call"),
        [
            (("borderType", 3), lambda x: compat.blur(x, (3, 3), borderType=3)),
            (("anchor", "(3, 0)"), lambda x: compat.blur(x, (3, 3), anchor=(3, 0))),
            (("ksize", "(4, 4)"), lambda x: compat.GaussianBlur(x, (4, 4), 0)),
            (("ksize", 3), lambda x: compat.blur(x, 3)),
            (("ddepth", "int32"), lambda x: compat.filter2D(x, compat.CV_32S, [[1.0]])),
            (("ddepth",), lambda x: compat.filter2D(x, "int32", [[1.0]])),
            (("kernel", "(0,)"), lambda x: compat.filter2D(x, -1, [])),
            (("kernelX",), lambda x: compat.sepFilter2D(x, -1, [[1.0, 2.0], [3.0, 4.0]], [1.0])),
            (("ksize", 4), lambda x: compat.Sobel(x, -1, 1, 0, ksize=4)),
            (("dx", "dy"), lambda x: compat.Sobel(x, -1, 0, 0)),
            (("ksize", "order", 3), lambda x: compat.Sobel(x, -1, 3, 0)),
            (("order", "dx=1"), lambda x: compat.Scharr(x, -1, 1, 1)),
        ],
    )
    def test_messages(self, backend, words, call):
        x = backend.array(np.ones((5, 6)), "uint8")
        check_error(Exception, lambda: call(x), *words)

    def test_a_dtype_that_opencv_does_not_filter(self, backend):
        x = backend.array(np.ones((5, 6)), "int32")
        check_error(Exception, lambda: compat.blur(x, (3, 3)), "src", "int32", "uint8")

    def test_the_error_is_the_module_s(self, backend):
        with pytest.raises(compat.error, match="dst"):
            compat.blur(backend.array(np.ones((5, 6)), "uint8"), (3, 3), [1])


class TestInputs:
    def test_views_and_read_only_arrays_are_read_and_left_alone(self):
        x = np.arange(60, dtype="uint8").reshape(10, 6).T[::-1, ::2]
        x.flags.writeable = False
        before = x.copy()
        assert np.array_equal(compat.blur(x, (3, 3)), compat.blur(before, (3, 3)))
        assert np.array_equal(x, before)

    def test_kernels_are_made_like_an_image(self, backend):
        x = backend.array(np.ones((3, 4)), "float32")
        kernel = compat.getGaussianKernel(3, 0, compat.CV_32F, like=x)
        assert_same(backend, kernel, [[0.25], [0.5], [0.25]], "float32")
        y = compat.sepFilter2D(x, -1, kernel, kernel)
        assert_same(backend, y, np.ones((3, 4)), "float32")

    def test_an_array_of_another_library_is_refused(self, backend):
        class Other:
            __array__ = None

        check_error(
            TypeError,
            lambda: compat.filter2D(backend.array([[1.0]], "float32"), -1, Other()),
            "kernel",
        )


class TestFrameworks:
    @pytest.mark.needs_backend("torch")
    def test_torch_compiles_and_differentiates_it(self):
        import torch

        x = torch.arange(24.0).reshape(4, 6).requires_grad_()
        run = torch.compile(
            lambda x: compat.GaussianBlur(x, (3, 3), 0), fullgraph=True, backend="aot_eager"
        )
        blurred = run(x)
        assert torch.equal(blurred, compat.GaussianBlur(x, (3, 3), 0))
        blurred[1, 1].backward()
        assert x.grad[:3, :3].tolist() == [
            [0.0625, 0.125, 0.0625],
            [0.125, 0.25, 0.125],
            [0.0625, 0.125, 0.0625],
        ]

    @pytest.mark.needs_backend("torch")
    def test_torch_compiles_bytes(self):
        import torch

        x = torch.arange(120, dtype=torch.uint8).reshape(4, 30)
        for call in (
            lambda x: compat.GaussianBlur(x, (5, 3), 0.8),
            lambda x: compat.Scharr(x, compat.CV_16S, 1, 0, delta=0.5),
            lambda x: compat.sepFilter2D(x, -1, [0.25, 0.5, 0.25], [0.5, 0, 0.5]),
            lambda x: compat.boxFilter(x, -1, (2, 1)),
        ):
            run = torch.compile(call, fullgraph=True, backend="eager")
            assert torch.equal(run(x), call(x))

    @pytest.mark.needs_backend("jax")
    def test_jax_compiles_and_differentiates_it(self):
        import jax
        import jax.numpy as jnp

        x, kernel = jnp.arange(24.0).reshape(4, 6), jnp.ones((3, 3))
        f = jax.jit(lambda x, k: compat.filter2D(x, -1, k, borderType=compat.BORDER_REFLECT))
        assert jnp.array_equal(f(x, kernel), compat.filter2D(x, -1, kernel, borderType=2))
        grad = jax.grad(lambda k: f(x, k)[1, 1])(kernel)
        assert grad.tolist() == [[0, 1, 2], [6, 7, 8], [12, 13, 14]]

    @pytest.mark.needs_backend("jax")
    def test_jax_compiles_bytes(self):
        import jax
        import jax.numpy as jnp

        x = jnp.arange(24, dtype="uint8").reshape(4, 6)
        taps = jnp.array([0.25, 0.5, 0.25])
        f = jax.jit(lambda x, k: compat.sepFilter2D(x, -1, k, k))
        assert jnp.array_equal(f(x, taps), compat.sepFilter2D(x, -1, taps, taps))
