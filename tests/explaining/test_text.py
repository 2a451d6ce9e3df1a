"""What an explanation looks like: as text, as HTML, as LaTeX."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import multiconv as mc

X, K = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
RNG = np.random.default_rng(0)

MANY = {
    "floats": (RNG.standard_normal((40, 40)), RNG.standard_normal((5, 5)), (10, 20), {}),
    "a large kernel": (RNG.standard_normal((99, 99)), RNG.standard_normal((31, 31)), (60, 5), {}),
    "large integers": (np.full((5, 5), 2**40), np.full((2, 2), -(2**20)), (1, 1), {}),
    "complex": (RNG.standard_normal((9, 9)) * (1 + 2j), RNG.standard_normal((3, 3)), (1, 1), {}),
    "channels": (
        RNG.standard_normal((64, 9, 9)),
        RNG.standard_normal((2, 64, 3, 3)),
        (1, 8, 8),
        {"padding": 1, "bias": [1.5, -2.5]},
    ),
    "a wide border": (X, K, (9, 9), {"padding": 9}),
    "far apart": (
        RNG.integers(-99, 99, (50, 50)),
        RNG.integers(-9, 9, (4, 4)),
        (2, 3),
        {"dilation": 15, "padding": 10, "padding_mode": "symmetric"},
    ),
    "extremes": (np.array([[1e-300, -1e300]]), np.array([[1e-5, 1e5]]), (0, 0), {"padding": 1}),
}


class TestText:
    def test_the_border_and_what_it_repeats(self):
        found = mc.explain(X, K, (0, 1), padding=2, stride=2, dilation=2, padding_mode="reflect")
        assert str(found).splitlines() == [
            "y[0, 1] of the output (3, 3)",
            "rows -2, 0: position 0 * stride 2 - padding 2 = -2, then every 2nd",
            "columns 0, 2: position 1 * stride 2 - padding 2 = 0, then every 2nd",
            "",
            " x  -2  -1   0  1  2   3  4     k  0  1",
            "-2   8   7 |[6] 7 [8]| 7  6     0  0  1",
            "-1   5   4 | 3  4  5 | 4  3     1  2  3",
            "   --------+---------+------",
            " 0   2   1 |[0] 1 [2]| 1  0",
            " 1   5   4 | 3  4  5 | 4  3",
            " 2   8   7 | 6  7  8 | 7  6",
            "   --------+---------+------",
            " 3   5   4 | 3  4  5 | 4  3",
            " 4   2   1 | 0  1  2 | 1  0",
            "",
            "6x0 + 8x1 + 0x2 + 2x3 = 14",
            "reflect border: (-2, 0) shows (2, 0); (-2, 2) shows (2, 2)",
        ]

    def test_zeros_of_the_border_are_counted(self):
        said = str(mc.explain(X, K, (0, 0), padding=1)).splitlines()
        assert said[-1] == "3 of the 4 pixels are zeros of the border"

    def test_channels_have_a_drawing_and_the_filter_its_index(self):
        x, weight = np.arange(32).reshape(4, 2, 4), np.ones((4, 2, 2, 2), int)
        said = str(mc.explain(x, weight, (3, 0, 0), groups=2, bias=[0, 0, 0, -7]))
        assert "x[2]" in said
        assert "x[3]" in said
        assert "k[3, 1]" in said
        assert "+ bias (-7) = 173" in said

    @pytest.mark.parametrize("name", MANY)
    def test_it_fits_a_terminal(self, name):
        x, k, at, options = MANY[name]
        lines = str(mc.explain(x, k, at, **options)).splitlines()
        assert max(map(len, lines)) <= 80, "\n".join(lines)
        assert len(lines) <= 55
        assert all(line.isascii() for line in lines)

    def test_many_products_are_told_by_rows_or_channels(self):
        x, k, at, _ = MANY["floats"]
        said = str(mc.explain(x, k, at)).splitlines()
        assert [line.partition(":")[0] for line in said[-7:-2]] == [f"row {i}" for i in range(5)]
        value = float(np.float64(mc.explain(x, k, at).value))
        assert said[-2] == f"sum of the 5 rows = {value}"
        x, k, at, options = MANY["channels"]
        said = str(mc.explain(x, k, at, **options))
        assert "channel 0: " in said
        assert "... (56 more channels) ..." in said
        assert "sum of the 64 channels + bias (-2.5) = " in said

    def test_the_parts_add_up(self):
        x, k, at = np.arange(400).reshape(20, 20), np.arange(64).reshape(8, 8) - 9, (2, 3)
        said = str(mc.explain(x, k, at))
        parts = [int(n) for n in re.findall(r"^row \d+: .* = (-?\d+)$", said, re.MULTILINE)]
        assert sum(parts) == mc.explain(x, k, at).value == mc.corr2d(x, k)[at]

    def test_digits_that_are_left_out_are_mentioned(self):
        assert "4 digits" in str(mc.explain([[1 / 3]], [[1.0]], (0, 0)))
        assert "4 digits" not in str(mc.explain([[0.25]], [[1.0]], (0, 0)))

    def test_the_value_has_all_digits_of_its_dtype(self):
        found = mc.explain(np.array([[0.1]], "float32"), np.array([[3]], "float32"), (0, 0))
        assert found.formula == "0.1x3 = 0.3"
        assert found.value == float(np.float32(0.1) * np.float32(3))

    def test_repr_is_one_line(self):
        found = repr(mc.explain(X, K, (0, 0)))
        assert found == "<explanation of y[0, 0]: 0x0 + 1x1 + 3x2 + 4x3 = 19>"


class Tables(HTMLParser):
    """The texts of all cells, and whether every element is closed in its turn."""

    def __init__(self, source):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        if tag != "br":
            self.open.append(tag)
        if tag == "td":
            self.cells.append([dict(attributes).get("style", ""), ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells[-1][1] += data


class TestHTML:
    def test_the_window_has_a_colour(self):
        tables = Tables(mc.explain(X, K, (0, 0))._repr_html_())
        image = tables.cells[:9]
        assert [text for _, text in image] == [str(n) for n in range(9)]
        assert [text for style, text in image if "background" in style] == ["0", "1", "3", "4"]
        assert [text for _, text in tables.cells[9:]] == ["0", "1", "2", "3"]

    @pytest.mark.parametrize("name", MANY)
    def test_it_is_whole_and_needs_nothing_else(self, name):
        x, k, at, options = MANY[name]
        source = mc.explain(x, k, at, **options)._repr_html_()
        assert Tables(source).open == []
        assert not re.search(r"<(script|style|link|img)|https?:|url\(", source)
        assert len(source) < 200_000


class TestLaTeX:
    def test_the_textbook(self):
        latex = mc.explain(X, K, (0, 0)).latex()
        assert latex == r"y_{0,0} = 0 \cdot 0 + 1 \cdot 1 + 3 \cdot 2 + 4 \cdot 3 = 19"

    def test_signs_bias_and_powers_of_ten(self):
        latex = mc.explain([[-1e-5, 2.5]], [[1.0, -1.0]], (0, 0), bias=-3.0).latex()
        assert r"(-1 \cdot 10^{-5}) \cdot 1 + 2.5 \cdot (-1) + (-3) = -5.50001" in latex

    def test_wrapping_around_is_a_congruence(self):
        x = np.full((1, 1), 200, "uint8")
        latex = mc.explain(x, np.full((1, 1), 2, "uint8"), (0, 0)).latex()
        assert latex == r"y_{0,0} = 200 \cdot 2 = 400 \equiv 144 \pmod{2^{8}}"

    @pytest.mark.parametrize("name", MANY)
    def test_matplotlib_or_not_its_braces_are_balanced(self, name):
        x, k, at, options = MANY[name]
        latex = mc.explain(x, k, at, **options).latex()
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\begin") == latex.count(r"\end")
        assert len(latex) < 6000
