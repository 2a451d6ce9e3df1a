"""The exact results that a benchmark compares with, and what is told of a result that differs."""

import numpy as np
import oracle
import pytest

from multiconv.benchmarking import agreement, grid, reference, rounded
from multiconv.benchmarking.cells import Cell

CELLS = [
    Cell("a", (5, 7), (3, 3), padding=1),
    Cell("a", (6, 7), (2, 3)),
    Cell("a", (30, 21), (9, 9), padding=4),  # by a Fourier transform
    Cell("a", (1, 1, 90), (1, 1, 70)),  # and in one dimension
    Cell("a", (2, 4, 5, 6), (6, 4, 3, 3), padding=1),
    Cell("a", (2, 4, 7, 6), (6, 2, 3, 3), padding=1, stride=2, groups=2),
    Cell("a", (1, 2, 4, 5, 4), (3, 2, 3, 3, 3), padding=1),
]
TRANSPOSED = Cell("a", (2, 4, 5, 6), (4, 3, 4, 4), stride=2, padding=1, transposed=True)


def options(cell):
    return {"stride": cell.stride, "padding": cell.padding}


def with_channels(cell, array, axes):
    return array[(None,) * (axes - array.ndim)]


def backward(cell):
    return Cell(
        cell.group, cell.x, cell.weight, cell.stride, cell.padding, cell.groups, cell.transposed,
        "backward",
    )  # fmt: skip


class TestTheReference:
    @pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
    def test_of_a_convolution(self, cell):
        drawn = reference.operands(cell, "float32")
        axes = cell.axes + 2
        x, weight = (with_channels(cell, a, axes) for a in (drawn.x, drawn.weight))
        expected = oracle.conv(x, weight, groups=cell.groups, **options(cell))
        np.testing.assert_array_equal(drawn.exact["y"], expected.reshape(cell.output))

    @pytest.mark.parametrize("cell", CELLS[4:], ids=lambda cell: cell.label)
    def test_of_both_gradients(self, cell):
        drawn = reference.operands(backward(cell), "float32")
        more = options(cell) | {"groups": cell.groups}
        dx = oracle.input_grad(drawn.g, drawn.weight, cell.x[2:], **more)
        dw = oracle.weight_grad(drawn.x, drawn.g, cell.kernel, **more)
        np.testing.assert_array_equal(drawn.exact["dx"], dx)
        np.testing.assert_array_equal(drawn.exact["dw"], dw)

    def test_of_a_transposed_convolution(self):
        drawn = reference.operands(TRANSPOSED, "float32")
        y = oracle.conv_transpose(drawn.x, drawn.weight, **options(TRANSPOSED))
        np.testing.assert_array_equal(drawn.exact["y"], y)

    def test_of_the_gradients_of_a_transposed_convolution(self):
        drawn = reference.operands(backward(TRANSPOSED), "float32")
        dx = oracle.conv(drawn.g, drawn.weight, **options(TRANSPOSED))
        dw = oracle.weight_grad(drawn.g, drawn.x, (4, 4), **options(TRANSPOSED))
        np.testing.assert_array_equal(drawn.exact["dx"], dx)
        np.testing.assert_array_equal(drawn.exact["dw"], dw)

    def test_a_layer_has_a_bias(self):
        cell = Cell("a", (1, 2, 5, 5), (3, 2, 3, 3), is_layer=True)
        drawn = reference.operands(cell, "float32")
        expected = oracle.conv(drawn.x, drawn.weight, drawn.bias)
        np.testing.assert_array_equal(drawn.exact["y"], expected)

    def test_the_numbers_are_the_same_every_time(self):
        one, other = (reference.operands(CELLS[0], "float32") for _ in range(2))
        np.testing.assert_array_equal(one.x, other.x)

    @pytest.mark.parametrize("cell", grid.cells(grid.USUAL, quick=False))
    def test_no_sum_of_the_grid_is_rounded_in_float32(self, cell):
        terms = cell.multiply_adds // (2 if cell.stage == "backward" else 1)
        outputs = {"forward": [cell.output], "backward": [cell.x, cell.weight]}[cell.stage]
        most = max(terms // np.prod(shape) for shape in outputs)
        assert 16 * most + 4 < 2**24


class TestTheVerdict:
    @pytest.fixture
    def drawn(self):
        return reference.operands(CELLS[0], "float32")

    def judge(self, y, drawn, in_norm=False):
        return agreement.judge({"y": y}, drawn, "float32", in_norm=in_norm)

    def test_the_exact_numbers(self, drawn):
        assert self.judge(drawn.exact["y"].astype(np.float32), drawn) == agreement.Verdict()

    def test_one_number_that_is_off(self, drawn):
        y = drawn.exact["y"].astype(np.float32)
        y[2, 3] += 0.5
        verdict = self.judge(y, drawn)
        assert verdict.problem == (
            "1 of 35 numbers of y are not the exact ones: off by 0.5 at most"
        )

    def test_a_bound_in_norm(self, drawn):
        bound = drawn.bounds_in_norm["y"]
        y = drawn.exact["y"].astype(np.float32)
        y[0, 0] += np.float32(bound / 2)
        assert self.judge(y, drawn, in_norm=True) == agreement.Verdict(None, False)
        y[0, 0] += np.float32(bound)
        assert "its bound is" in self.judge(y, drawn, in_norm=True).problem
        y[0, 0] = np.nan
        assert "off by nan" in self.judge(y, drawn, in_norm=True).problem

    def test_shape_and_dtype(self, drawn):
        y = drawn.exact["y"]
        assert self.judge(y, drawn).problem == "y has the dtype float64, not float32"
        assert self.judge(y[1:], drawn).problem == "y has the shape (4, 7), not (5, 7)"

    def test_half_precision_rounds_the_exact_numbers(self):
        drawn = reference.operands(Cell("a", (200, 200), (191, 191)), "float16")
        y = drawn.exact["y"].astype(np.float16)
        assert (y.astype(float) != drawn.exact["y"]).any()
        assert agreement.judge({"y": y}, drawn, "float16", in_norm=False).problem is None


class TestRoundedSums:
    """Of the exact mode's cells."""

    @pytest.fixture(
        params=[
            Cell("exact", (12, 11), (3, 3), padding=1, data="bytes"),
            Cell("exact", (2, 3, 9, 8), (4, 3, 3, 3), padding=1, data="normal"),
            Cell("exact", (2, 3, 9, 8), (4, 3, 3, 3), 1, 1, stage="backward", data="bytes / 255"),
        ],
        ids=lambda cell: cell.label,
    )
    def drawn(self, request):
        return reference.operands(request.param, "float32")

    def test_the_numbers_themselves(self, drawn):
        for is_exact in (True, False):
            verdict = agreement.judge(
                drawn.exact, drawn, "float32", in_norm=False, is_rounded_once=is_exact
            )
            assert verdict == agreement.Verdict()

    def test_the_neighbour_of_a_number(self, drawn):
        found = {name: np.nextafter(y, np.float32(9e9)) for name, y in drawn.exact.items()}
        verdict = agreement.judge(found, drawn, "float32", in_norm=False)
        assert verdict == agreement.Verdict(None, False)
        verdict = agreement.judge(found, drawn, "float32", in_norm=False, is_rounded_once=True)
        assert "are not the exact ones" in verdict.problem

    def test_beyond_the_bound(self, drawn):
        found = {name: y + 2 * drawn.bounds[name].astype("f4") for name, y in drawn.exact.items()}
        assert "bounds" in agreement.judge(found, drawn, "float32", in_norm=False).problem

    def test_a_reference_that_is_wrong_is_found(self, monkeypatch):
        cell = Cell("exact", (12, 11), (3, 3), padding=1, data="normal")
        x, weight, g = rounded.drawn(cell)
        monkeypatch.setattr(rounded, "_computed", lambda *_: {"y": np.ones(cell.output, "f4")})
        with pytest.raises(ArithmeticError, match="not the exact sum"):
            rounded.expected(cell, x, weight, g)
