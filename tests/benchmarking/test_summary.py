"""The summary's numbers, of measurements that are made up."""

import math

import pytest

from multiconv.benchmarking import summary
from multiconv.benchmarking.cells import Cell
from multiconv.benchmarking.header import Header
from multiconv.benchmarking.results import Measurement, Results
from multiconv.core.timing import Spread


def image(size, kernel):
    return Cell("images", (size, size), (kernel, kernel), padding=kernel // 2)


@pytest.fixture
def results():
    return Results(Header("float32", {"torch": "1"}, {}))


@pytest.fixture
def add(results):
    """Add a time, in milliseconds."""

    def add(cell, backend, name, role, milliseconds, in_norm=False, by_turn=()):
        seconds = milliseconds / 1e3
        spread = Spread(seconds, seconds, seconds)
        results.measured.append(
            Measurement(cell, backend, name, role, "", 0.0, spread, 3, True, in_norm, by_turn)
        )

    return add


def only(results, part):
    [found] = [f for f in summary.summarise(results) if part in f.question]
    return found


class TestFaster:
    def test_geometric_mean_and_worst(self, results, add):
        for size, auto, own in ((256, 1.0, 16.0), (512, 2.0, 8.0), (64, 1.0, 1.0)):
            add(image(size, 3), "torch", "auto", "auto", auto)
            add(image(size, 3), "torch", "F.conv2d", "own", own)
        found = only(results, "images from 256, kernels to 31: than the framework's own")
        assert found.mean == pytest.approx(8.0)  # of 16 and 4; the small image is left out
        assert found.worst == pytest.approx(4.0)
        assert found.where == "512x512 3x3, torch F.conv2d"
        assert found.count == 2
        assert found.is_met is False  # 10 were wanted

    def test_it_is_met(self, results, add):
        add(image(256, 3), "torch", "auto", "auto", 1.0)
        add(image(256, 3), "torch", "F.conv2d", "own", 10.5)
        add(image(256, 3), "torch", "direct", "method", 0.96)
        add(image(256, 3), "cv2", "filter2D", "peer", 1.0)
        assert all(f.is_met for f in summary.summarise(results) if f.is_met is not None)

    def test_turn_by_turn(self, results, add):
        # The machine slows down for the second half of the turns, and for both alike.
        for name, role, turns in (
            ("auto", "auto", (1.0, 1.0, 8.0, 8.0, 8.0)),
            ("direct", "method", (0.9, 0.9, 7.2, 7.2, 7.2)),
        ):
            add(image(256, 3), "torch", name, role, 1.0 if role == "auto" else 7.2, by_turn=turns)
        found = only(results, "all images: than the best of this backend")
        assert found.worst == pytest.approx(0.9)

    def test_what_was_not_measured_does_not_count(self, results, add):
        add(image(256, 3), "torch", "auto", "auto", 1.0)
        assert [f.unit for f in summary.summarise(results) if f.unit == "x"] == []


class TestTheBest:
    @pytest.mark.parametrize(
        ("milliseconds", "best"), [(2.01, "direct"), (2.0, "fft"), (0.1, "fft")]
    )
    def test_a_bound_in_norm_must_be_four_times_faster(self, results, add, milliseconds, best):
        cell = image(256, 3)
        add(cell, "torch", "auto", "auto", 1.0)
        add(cell, "torch", "direct", "method", 8.0)
        add(cell, "torch", "fft", "method", milliseconds, in_norm=True)
        assert results.best(cell, "torch").name == best

    def test_neither_auto_nor_another_library(self, results, add):
        cell = image(256, 3)
        add(cell, "torch", "auto", "auto", 1.0)
        add(cell, "torch", "torch.corr2d", "way", 1.0)
        add(cell, "cv2", "filter2D", "peer", 1.0)
        add(cell, "numpy", "direct", "method", 1.0)
        assert results.best(cell, "torch") is None


class TestSmallCalls:
    def test_microseconds_beyond_the_frameworks_own(self, results, add):
        for n, more in ((3, 5e-3), (28, 9e-3)):
            cell = Cell("small", (n, n), (2, 2))
            add(cell, "torch", "auto", "auto", 0.010 + more)
            add(cell, "torch", "F.conv2d", "own", 0.010)
        found = only(results, "small calls: than")
        assert found.worst == pytest.approx(9.0)
        assert found.where == "28x28 2x2"
        assert found.is_met is True

    def test_numpy_in_all(self, results, add):
        add(Cell("small", (3, 3), (2, 2)), "numpy", "auto", "auto", 0.0121)
        found = only(results, "in all")
        assert found.worst == pytest.approx(12.1)
        assert found.is_met is False


class TestCliffs:
    def test_beyond_what_the_work_grew_by(self, results, add):
        # Four times the pixels are four times the work: 1, 4, and then three times too much.
        for size, milliseconds in ((64, 1.0), (128, 4.0), (256, 48.0)):
            add(image(size, 3), "torch", "auto", "auto", milliseconds)
        found = only(results, "cliffs along the pixels")
        assert found.worst == pytest.approx(3.0, rel=0.1)  # the border does not grow as fast
        assert found.where == "128x128 3x3 to 256x256 3x3"
        assert found.is_met is False
        assert [f for f in summary.summarise(results) if "kernel area" in f.question] == []

    def test_along_the_kernel(self, results, add):
        cells = [image(64, 3), image(64, 5)]
        for cell, milliseconds in zip(cells, (1.0, 2.0), strict=True):
            add(cell, "torch", "auto", "auto", milliseconds)
        found = only(results, "cliffs along the kernel area")
        grown = cells[1].multiply_adds / cells[0].multiply_adds
        assert found.worst == pytest.approx(2.0 / grown)
        assert found.is_met is True


def test_geometric_mean():
    assert summary.geometric_mean([1.0, 10.0, 100.0]) == pytest.approx(10.0)
    assert math.isclose(summary.geometric_mean([0.5, 2.0]), 1.0)
