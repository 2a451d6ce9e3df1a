"""Kernels by name, as the command line shows them."""

import numpy as np
import pytest
from correlating import correlate

from multiconv import kernels


class TestNamed:
    """names and named: the command line's table."""

    def test_every_name_resolves(self) -> None:
        """To a matrix of its own."""
        assert len(set(kernels.names())) == len(kernels.names()) == 13
        made = [kernels.named(name) for name in kernels.names()]
        assert len({(k.shape, k.tobytes()) for k in made}) == len(made)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("edge", [[1, -1]]),
            ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
            ("sobel-x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
            ("sobel-y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
            ("scharr-x", [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]),
            ("scharr-y", [[-3, -10, -3], [0, 0, 0], [3, 10, 3]]),
            ("prewitt-x", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
            ("prewitt-y", [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
            ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
            ("gaussian", kernels.gaussian(sigma=1.0)),
            ("box", np.full((3, 3), 1 / 9)),
            ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
            ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        ],
    )
    def test_values(self, name: str, expected: object) -> None:
        """Written out, so that the command's results cannot drift."""
        np.testing.assert_array_equal(kernels.named(name), np.asarray(expected))

    def test_edge_finds_the_textbooks_stripes(self) -> None:
        """Dive into Deep Learning, section 7.2: +1 from white to black, -1 from black to white."""
        image = np.ones((6, 8))
        image[:, 2:6] = 0
        expected = np.zeros((6, 7))
        expected[:, 1], expected[:, 5] = 1, -1
        np.testing.assert_array_equal(correlate(image, kernels.named("edge")), expected)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [("sobel", "sobel-x or sobel-y"), ("Gausian", "gaussian"), ("EDGE", "edge")],
    )
    def test_misspelt_name(self, name: str, hint: str) -> None:
        """The message guesses and lists all."""
        with pytest.raises(ValueError, match=f"{name!r}.*did you mean {hint}") as caught:
            kernels.named(name)
        assert all(known in str(caught.value) for known in kernels.names())

    def test_unlike_any_name(self) -> None:
        """No guess is better than a bad one."""
        with pytest.raises(ValueError, match="no kernel is called 'zzz'; there are identity"):
            kernels.named("zzz")

    @pytest.mark.parametrize("name", [3, None, ["edge"]])
    def test_name_of_wrong_type(self, name: object) -> None:
        """Unhashable values too."""
        with pytest.raises(TypeError, match="name must be a str, one of identity"):
            kernels.named(name)  # type: ignore[arg-type]
