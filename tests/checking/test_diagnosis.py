"""Where no usual mistake explains the results, what the wrong ones have in common does."""

import numpy as np
import pytest

import multiconv as mc

RIGHT = {name: getattr(mc, name) for name in ("corr2d", "im2col")}


def wrong_where(condition, task="corr2d"):
    """The task's own function, off by one where the condition holds."""
    return lambda *inputs: RIGHT[task](*inputs) + int(bool(condition(*inputs)))


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        ("square-images-only", lambda x, k: x.shape[0] != x.shape[1]),
        ("wide-images", lambda x, k: x.shape[0] < x.shape[1]),
        ("tall-images", lambda x, k: x.shape[0] > x.shape[1]),
        ("square-kernels-only", lambda x, k: k.shape[0] != k.shape[1]),
        ("square-only", lambda x, k: len({*x.shape}) > 1 or len({*k.shape}) > 1),
        ("positive-only", lambda x, k: min(x.min(), k.min()) < 0),
        ("floats-only", lambda x, k: np.result_type(x, k).kind == "i"),
        ("whole-only", lambda x, k: (x % 1).any() or (k % 1).any()),
        ("one-tap", lambda x, k: k.size == 1),
        ("whole-image", lambda x, k: x.shape == k.shape),
    ],
)
def test_what_the_wrong_cases_have_in_common(key, condition):
    report = mc.check(wrong_where(condition), "corr2d")
    assert report.mistake.key == key, str(report)


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        ("one-channel-only", lambda x, size: x.ndim > 2),
        ("batch-mixed", lambda x, size: x.ndim > 3),
    ],
)
def test_channels_and_batches(key, condition):
    report = mc.check(wrong_where(condition, "im2col"), "im2col")
    assert report.mistake.key == key, str(report)


def test_what_nothing_explains_says_so():
    report = mc.check(wrong_where(lambda x, k: True), "corr2d")
    assert report.mistake.key == "values"
    assert "none of the usual mistakes" in report.mistake.says


def test_the_line_of_an_error_on_some_cases_is_told():
    def corr2d(x, k):
        if x.shape[0] != x.shape[1]:
            raise IndexError("out of range")
        return mc.corr2d(x, k)

    report = mc.check(corr2d)
    assert report.mistake.key == "square-images-only"
    assert report.line == corr2d.__code__.co_firstlineno + 2
