"""What all kernels share: fresh plain matrices, calls, dtypes, refusals."""

from collections.abc import Callable

import numpy as np
import pytest
from correlating import Array

from multiconv import kernels

ONE_OF_EACH: dict[str, Callable[[], Array]] = {
    "identity": lambda: kernels.identity(5),
    "finite_difference": lambda: kernels.finite_difference(3),
    "finite_difference, axis 0": lambda: kernels.finite_difference(3, axis=0),
    "sobel": lambda: kernels.sobel(axis=0),
    "scharr": lambda: kernels.scharr(axis=0, normalize=True),
    "prewitt": lambda: kernels.prewitt(axis=0),
    "directional": lambda: kernels.directional(np.pi),
    "laplacian": lambda: kernels.laplacian(diagonal=True),
    "laplacian_of_gaussian": lambda: kernels.laplacian_of_gaussian(sigma=1.0),
    "box": lambda: kernels.box((2, 3)),
    "gaussian": lambda: kernels.gaussian(sigma=1.0),
    "motion_blur": lambda: kernels.motion_blur(5.0, angle=0.3),
    "sharpen": lambda: kernels.sharpen(amount=-1.0),
    "emboss": lambda: kernels.emboss(angle=np.pi),
    "gabor": lambda: kernels.gabor(wavelength=4.0),
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
