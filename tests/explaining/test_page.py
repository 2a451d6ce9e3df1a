"""The page without a browser: the data it carries, and that it needs nothing else."""

import html
import json
import re

import numpy as np
import pytest
from comparing import check_error

import multiconv as mc
from multiconv.explaining.page import page

X, K = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)


def data(source):
    [found] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', source)
    return json.loads(found)


class TestData:
    def test_of_the_textbook(self):
        assert data(page(X, K)) == {
            "image": X.tolist(),
            "kernel": K.tolist(),
            "at": [0, 0],
            "stride": [1, 1],
            "dilation": [1, 1],
            "padding": [[0, 0], [0, 0]],
            "mode": "zeros",
            "flip": False,
        }

    def test_options_are_read_as_the_library_reads_them(self):
        given = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": 2}
        found = data(page(X, K, (-1, -1), **given, padding_mode="reflect", flip=True))
        output = mc.corr2d(X, K, **given, padding_mode="reflect")
        assert found["at"] == [n - 1 for n in output.shape]
        assert (found["stride"], found["dilation"]) == ([2, 1], [2, 2])
        assert found["padding"] == [[1, 0], [2, 1]]
        assert (found["mode"], found["flip"]) == ("reflect", True)

    def test_a_named_padding_keeps_its_name(self):
        assert data(page(X, K, padding="same"))["padding"] == "same"

    def test_floats_keep_all_their_digits(self):
        x = np.random.default_rng(1).standard_normal((4, 5))
        assert data(page(x, K))["image"] == x.tolist()

    def test_float32_numbers_are_those_of_float32(self):
        x = np.array([[0.1, 0.2]], "float32")
        assert data(page(x, np.ones((1, 1))))["image"] == x.tolist()


class TestThePage:
    def test_it_asks_for_nothing_else(self):
        source = page(X, K)
        assert "default-src 'none'" in source
        assert not re.search(r"https?:|\bsrc=|<link|@import|url\(", source)
        assert "{{" not in source

    def test_without_javascript_it_has_the_text(self):
        [text] = re.findall(r"<noscript>.*?<pre>(.*?)</pre>", page(X, K, (0, 1)), re.DOTALL)
        assert html.unescape(text) == str(mc.explain(X, K, (0, 1)))

    def test_it_is_the_same_every_time(self):
        assert page(X, K) == page(X, K)


class TestErrors:
    def test_an_image_that_is_too_large(self):
        check_error(ValueError, lambda: page(np.ones((33, 4)), K), "x", "(33, 4)", "32")
        check_error(ValueError, lambda: page(np.ones((40, 40)), np.ones((1, 40))), "32", "x")

    @pytest.mark.parametrize("number", [np.nan, np.inf, 2.0**60])
    def test_numbers_that_javascript_does_not_have(self, number):
        check_error(ValueError, lambda: page(np.array([[number, 1.0]]), np.ones((1, 1))), "finite")

    def test_complex_numbers(self):
        check_error(ValueError, lambda: page(X * 1j, K), "x", "cannot show")

    def test_options_that_are_too_large(self):
        check_error(ValueError, lambda: page(X, K, padding=33), "up to 32")

    def test_what_the_library_refuses(self):
        check_error(ValueError, lambda: page(X, K, dilation=9), "larger")
        check_error(ValueError, lambda: page(X, K, (5, 5)), "outside")
