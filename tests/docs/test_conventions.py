"""What the page on conventions says of other libraries is what they do."""

import inspect
from pathlib import Path

import conventions
import numpy as np
import pytest
from tables import TABLE, cells_of

PAGE = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text()
TABLES = [[cells_of(line) for line in found.group().splitlines()] for found in TABLE.finditer(PAGE)]


def rows_of(first, second):
    """The header and the rows of the table whose header begins so."""
    [table] = [table for table in TABLES if table[0][:2] == [first, second]]
    return table[0], table[2:]


def marks(name):
    """Marks that leave out what is not under test: a library, and the framework it runs on."""
    if name.startswith("torch"):
        return [pytest.mark.needs_backend("torch")]
    if name.startswith("jax"):
        return [pytest.mark.needs_backend("jax")]
    libraries = [library for library in ("keras", "cv2") if name.startswith(library)]
    return [pytest.mark.needs_library(library) for library in libraries]


OVERVIEW = rows_of("function", "kernel")[1]


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row[0], marks=marks(row[0])) for row in OVERVIEW]
)
def test_overview(row):
    name, *said = row
    assert list(conventions.described(name)) == said


def test_the_overview_has_every_function():
    assert [row[0] for row in OVERVIEW] == list(conventions.FUNCTIONS)


(_, *LIBRARIES), BORDERS = rows_of("shows", "multiconv")
NAMES = [
    pytest.param(library, name.strip("`"), row[0], id=f"{library}-{name}", marks=marks(library))
    for row in BORDERS
    for library, name in zip(LIBRARIES, row[1:], strict=True)
    if name
]


@pytest.mark.parametrize(("library", "name", "shown"), NAMES)
def test_border_names(library, name, shown):
    row = np.array([1, 2, 3, 4], "float32")
    found = conventions.bordered(library, name, row, 2)
    assert "".join(f"{pixel:.0f}" for pixel in np.asarray(found)) == shown.replace(" ", "")


class TestWhatElseTheyCanDo:
    """The table of axes, borders, strides and dilations."""

    @pytest.mark.parametrize(
        "name", ["numpy.convolve", "numpy.correlate", "scipy.signal.convolve2d"]
    )
    def test_other_numbers_of_axes_are_errors(self, name):
        library, _, function = name.rpartition(".")
        cube = np.ones((2, 2, 2))
        with pytest.raises(ValueError, match=r"deep|2-D|dimension"):
            getattr(conventions.module(library), function)(cube, cube)

    @pytest.mark.parametrize(
        "name",
        [name for name in conventions.FUNCTIONS if name.startswith(("numpy", "scipy"))],
    )
    def test_numpy_and_scipy_have_no_stride_and_no_dilation(self, name):
        library, _, function = name.rpartition(".")
        arguments = inspect.signature(getattr(conventions.module(library), function)).parameters
        assert not {"stride", "strides", "dilation", "step"} & set(arguments)

    @pytest.mark.parametrize(
        "name", ["scipy.signal.convolve", "scipy.signal.fftconvolve", "scipy.ndimage.correlate"]
    )
    def test_these_take_any_number_of_axes(self, name):
        library, _, function = name.rpartition(".")
        cube = np.ones((1, 1, 1, 2))
        assert getattr(conventions.module(library), function)(cube, cube).ndim == 4

    @pytest.mark.needs_backend("jax")
    def test_lax_dilates_images_too(self):
        jax = conventions.module("jax")
        assert {"lhs_dilation", "rhs_dilation"} <= set(
            inspect.signature(jax.lax.conv_general_dilated).parameters
        )

    @pytest.mark.needs_backend("jax")
    def test_jax_scipy_differentiates(self):
        jax = conventions.module("jax")
        ones = jax.numpy.ones((1, 2))
        function = conventions.module("jax.scipy.signal").correlate2d
        assert jax.grad(lambda k: function(ones, k, "valid").sum())(ones).tolist() == [[1, 1]]

    @pytest.mark.needs_backend("jax")
    def test_jax_scipy_has_a_border_of_zeros_alone(self):
        function = conventions.module("jax.scipy.signal").correlate2d
        with pytest.raises(NotImplementedError, match="boundary"):
            function(np.ones((2, 2)), np.ones((2, 2)), boundary="wrap")

    @pytest.mark.needs_library("cv2")
    def test_opencv_has_no_periodic_filter(self):
        cv2 = conventions.module("cv2")
        row = np.ones((1, 4), "float32")
        with pytest.raises(cv2.error):
            cv2.filter2D(row, -1, row, borderType=cv2.BORDER_WRAP)
