"""What all kernels share: fresh plain matrices, and the dtype, library and device of `like`."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from comparing import assert_same, check_error
from correlating import Array

import multiconv as mc
from multiconv import kernels

ONE_OF_EACH: dict[str, Callable[[], Array]] = {
    "identity": partial(kernels.identity, 5),
    "finite_difference": partial(kernels.finite_difference, 3),
    "finite_difference, axis 0": partial(kernels.finite_difference, 3, axis=0),
    "sobel": partial(kernels.sobel, axis=0),
    "scharr": partial(kernels.scharr, axis=0, normalize=True),
    "prewitt": partial(kernels.prewitt, axis=0),
    "directional": partial(kernels.directional, np.pi),
    "laplacian": partial(kernels.laplacian, diagonal=True),
    "laplacian_of_gaussian": partial(kernels.laplacian_of_gaussian, sigma=1.0),
    "box": partial(kernels.box, (2, 3)),
    "gaussian": partial(kernels.gaussian, sigma=1.0),
    "motion_blur": partial(kernels.motion_blur, 5.0, angle=0.3),
    "sharpen": partial(kernels.sharpen, amount=-1.0),
    "emboss": partial(kernels.emboss, angle=np.pi),
    "gabor": partial(kernels.gabor, wavelength=4.0),
}


class TestEveryKernel:
    """What all functions of the module share."""

    @pytest.fixture(params=ONE_OF_EACH)
    def make(self, request: pytest.FixtureRequest) -> Callable[[], Array]:
        """Return one way to make a kernel."""
        return ONE_OF_EACH[request.param]

    def test_is_a_plain_matrix(self, make: Callable[[], Array]) -> None:
        """A torch user may pass it to torch.from_numpy, which refuses negative strides."""
        kernel = make()
        assert type(kernel) is np.ndarray
        assert kernel.dtype == np.float64
        assert kernel.ndim == 2
        assert kernel.flags.c_contiguous

    def test_is_fresh_and_writable(self, make: Callable[[], Array]) -> None:
        """Writing into one result does not show in the next."""
        kernel = make()
        expected = kernel.copy()
        kernel[...] = 7.0
        np.testing.assert_array_equal(make(), expected)

    def test_has_no_negative_zeros(self, make: Callable[[], Array]) -> None:
        """They compare equal but print as -0."""
        kernel = make()
        assert not np.any(np.signbit(kernel[kernel == 0]))

    def test_public_names_are_sorted_and_exist(self) -> None:
        """A wrong __all__ breaks the star import."""
        assert sorted(kernels.__all__) == kernels.__all__
        assert all(callable(getattr(kernels, name)) for name in kernels.__all__)

    def test_only_public_names_are_shown(self) -> None:
        """Completion and help() offer kernels, not the modules behind them."""
        assert dir(kernels) == kernels.__all__

    def test_help_says_what_every_kernel_takes_and_gives(self) -> None:
        """Also where the sentence stands once for all of them."""
        for name in set(kernels.__all__) - {"names"}:
            doc = getattr(kernels, name).__doc__
            sections = [
                doc.index(f"{s}\n---") for s in ("Parameters", "Returns", "Raises", "Examples")
            ]
            assert sections == sorted(sections), name
            for argument in ("like : array", "dtype : str or dtype", "device : str or device"):
                at = doc.index(f"\n{argument}, optional\n")
                assert sections[0] < at < sections[1], (name, argument)


def rounded(kernel, dtype):
    """The kernel in a dtype; bfloat16 as float32, which holds its values."""
    if dtype == "bfloat16":
        ml_dtypes = pytest.importorskip("ml_dtypes")
        return kernel.astype(ml_dtypes.bfloat16).astype(np.float32)
    return kernel.astype(dtype)


class TestLike:
    """like: a kernel as an array of the image's library, device and dtype."""

    @pytest.mark.parametrize("name", ONE_OF_EACH)
    def test_floats_and_complex_numbers_keep_their_dtype(self, backend, name):
        make = ONE_OF_EACH[name]
        for dtype in backend.dtypes:
            if not dtype.startswith(("float", "bfloat", "complex")):
                continue
            with backend.wide(dtype):
                kernel = make(like=backend.array(np.ones((2, 2)), dtype))
                assert backend.is_native_array(kernel), dtype
                assert backend.dtype_name(kernel) == dtype
                np.testing.assert_array_equal(backend.to_numpy(kernel), rounded(make(), dtype))

    def test_integers_keep_their_dtype_where_it_holds_the_kernel(self, backend):
        """sobel has negative numbers, which no unsigned dtype holds."""
        for dtype in backend.dtypes:
            if not dtype.startswith(("int", "uint")):
                continue
            with backend.wide(dtype):
                like = backend.array(np.ones((2, 2)), dtype)
                signed = "float32" if dtype.startswith("u") else dtype
                assert_same(backend, kernels.sobel(like=like), kernels.sobel(), signed, dtype)
                ones = kernels.box(2, normalize=False, like=like)
                assert_same(backend, ones, np.ones((2, 2), int), dtype, dtype)
                mean = kernels.box(2, like=like)
                assert_same(backend, mean, np.full((2, 2), 0.25), "float32", dtype)

    @pytest.mark.parametrize(("amount", "dtype"), [(31, "int8"), (32, "float32")])
    def test_the_range_of_an_integer_dtype_is_kept(self, amount, dtype):
        """The centre is 1 + 4 * amount, and int8 ends at 127."""
        kernel = kernels.sharpen(amount=amount, like=np.int8([1]))
        assert kernel.dtype == dtype
        assert kernel[1, 1] == 1 + 4 * amount

    def test_the_largest_float_below_an_integer_dtype(self):
        """2**63 equals the end of int64 only where that is rounded to a float."""
        assert kernels.sharpen(amount=2.0**62, like=np.int64([1])).dtype == np.float32
        assert kernels.sharpen(amount=2.0**60, like=np.int64([1])).dtype == np.int64

    def test_bool_counts_as_the_default_integer(self, backend):
        like = backend.array(np.ones((2, 2)), "bool")
        kernel = kernels.laplacian(like=like)
        assert_same(backend, kernel, kernels.laplacian().astype(int), backend.default_integer)

    def test_an_image_keeps_its_dtype(self, backend):
        """Without `like`, the float64 of the kernel would decide."""
        x32 = backend.array(np.arange(20.0).reshape(4, 5), "float32")
        result = backend.functions.corr2d(x32, kernels.sobel(like=x32))
        assert_same(backend, result, np.full((2, 3), 8), "float32")

    def test_names_take_it_too(self, backend):
        like = backend.array(np.ones((2, 2)), "float32")
        assert_same(backend, kernels.named("edge", like=like), [[1.0, -1.0]], "float32")

    @pytest.mark.needs_backend("jax")
    def test_under_jit_the_kernel_is_a_constant(self):
        import jax
        import jax.numpy as jnp

        @jax.jit
        def slope(x):
            return mc.corr2d(x, kernels.sobel(like=x))

        assert slope(jnp.ones((3, 4), jnp.bfloat16)).dtype == jnp.bfloat16

    @pytest.mark.needs_backend("torch")
    def test_the_device_of_a_tensor(self):
        """The meta device stands for every accelerator."""
        import torch

        kernel = kernels.gaussian(3, like=torch.ones(2, 2, device="meta", dtype=torch.float16))
        assert (kernel.device.type, kernel.dtype) == ("meta", torch.float16)

    def test_dask_stays_lazy(self):
        da = pytest.importorskip("dask.array")
        kernel = kernels.sobel(like=da.ones((4, 4), dtype="float32", chunks=2))
        assert isinstance(kernel, da.Array)
        assert kernel.dtype == np.float32
        np.testing.assert_array_equal(kernel.compute(), kernels.sobel())

    def test_what_is_no_array(self):
        check_error(TypeError, lambda: kernels.sobel(like="float32"), "like", "array", "str")
        check_error(TypeError, lambda: kernels.sobel(like=np.array(["a"])), "like", "str32", "cast")

    def test_a_list_is_an_array_of_numpy(self):
        assert kernels.sobel(like=[1.0, 2.0]).dtype == np.float64
        assert kernels.sobel(like=[1, 2]).dtype == np.int64

    @pytest.mark.needs_backend("torch")
    def test_a_dtype_of_another_library(self):
        import torch

        check_error(TypeError, lambda: kernels.sobel(dtype=torch.float32), "dtype", "float32")

    def test_coefficients_beyond_a_narrow_float(self):
        """Instead of infinities: C(20, 10) is 184756, and float16 ends at 65504."""
        like = np.ones(1, np.float16)
        call = "finite_difference(20) has coefficients beyond the range of float16"
        check_error(ValueError, lambda: kernels.finite_difference(20, like=like), call)
        assert kernels.finite_difference(18, like=like).dtype == np.float16


class TestDtypeAndDevice:
    """What is asked for goes before what `like` says."""

    def test_a_dtype_by_name(self, backend):
        like = backend.array(np.ones((2, 2)), "float32")
        assert_same(backend, kernels.sobel(like=like, dtype="int32"), kernels.sobel(), "int32")
        assert kernels.sobel(dtype="float32").dtype == np.float32
        assert kernels.sobel(dtype=np.int8).dtype == np.int8

    @pytest.mark.needs_backend("torch")
    def test_a_dtype_and_a_device_of_the_framework(self):
        import torch

        kernel = mc.torch.kernels.sobel(dtype=torch.float16, device="meta")
        assert (kernel.dtype, kernel.device.type) == (torch.float16, "meta")
        kernel = kernels.sobel(like=torch.ones(1, device="meta"), device="cpu")
        assert (kernel.dtype, kernel.device.type) == (torch.float32, "cpu")

    @pytest.mark.needs_backend("jax")
    def test_a_device_of_jax(self):
        import jax

        for device in ("cpu", jax.devices("cpu")[0]):
            assert mc.jax.kernels.sobel(device=device).devices() == {jax.devices("cpu")[0]}

    def test_a_dtype_that_cannot_hold_the_kernel(self):
        check_error(ValueError, lambda: kernels.box(3, dtype="int8"), "box(3)", "int8")
        check_error(ValueError, lambda: kernels.sobel(dtype="uint8"), "sobel()", "uint8")

    def test_what_is_none(self):
        check_error(TypeError, lambda: kernels.sobel(dtype="floaty"), "dtype", "floaty", "float32")
        check_error(ValueError, lambda: kernels.sobel(device="cuda"), "device", "cuda", "cpu")


class TestFaces:
    """multiconv.torch.kernels: the same kernels as arrays of the framework."""

    def test_they_make_the_arrays_of_their_framework(self, backend):
        array = backend.array([1], "int32")
        made = mc.get_backend_of(array).kernels
        kernel = made.sobel(axis=0)
        assert type(kernel) is type(array)
        assert backend.to_numpy(kernel).tolist() == kernels.sobel(axis=0).tolist()
        default = {"torch": "float32", "jax": "float32"}.get(backend.name, "float64")
        assert backend.dtype_name(kernel) == default
        assert made.names() == kernels.names()
        assert dir(made) == kernels.__all__

    @pytest.mark.needs_backend("torch")
    def test_they_take_no_array_of_another(self):
        like = np.ones(1, np.float32)
        assert mc.numpy.kernels.sobel(like=like).dtype == np.float32
        call = lambda: mc.torch.kernels.sobel(like=like)  # noqa: E731
        check_error(TypeError, call, "like", "NumPy array", "torch face")
