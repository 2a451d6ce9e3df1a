"""Calls that do not fit a function say how it is called."""

import numpy as np
import pytest
from comparing import check_error

import multiconv as mc
from multiconv.core.calls import takes

X, K = np.ones((5, 5)), np.ones((2, 2))
WEIGHT = np.ones((1, 1, 2, 2))


@takes("x")
def scaled(x, *, by, of=1):
    return x * by * of


def check(call):
    with pytest.raises(TypeError) as caught:
        call()
    return str(caught.value)


class TestKeywords:
    @pytest.mark.parametrize(
        ("wrong", "meant"),
        [
            *[("strides", "stride"), ("mode", "padding_mode"), ("boundary", "padding_mode")],
            *[("pad", "padding"), ("dilation_rate", "dilation"), ("kernel", "k"), ("image", "x")],
            *[("pading", "padding"), ("input", "x"), ("cval", "padding_value"), ("axis", "axes")],
        ],
    )
    def test_what_other_libraries_call_it_is_named(self, wrong, meant):
        message = check_error(TypeError, lambda: mc.corr2d(X, **{wrong: 1}), "corr2d", wrong)
        assert message.endswith(f"did you mean {meant}?")

    def test_one_that_resembles_nothing_lists_all(self):
        call = lambda: mc.conv2d(X, WEIGHT, qqq=1)  # noqa: E731
        check_error(TypeError, call, "qqq", "weight", "stride", "padding_mode", "method")

    def test_the_faces_say_it_too(self):
        call = lambda: mc.numpy.corr2d(X, K, strides=2)  # noqa: E731
        assert check_error(TypeError, call).endswith("did you mean stride?")


class TestPositions:
    def test_a_positional_stride_is_written_out(self):
        message = check_error(TypeError, lambda: mc.corr2d(X, K, 2, "same"), "keyword")
        assert "corr2d(x, k, stride=2, padding='same')" in message

    @pytest.mark.parametrize(
        ("value", "meant"), [("same", "padding"), ("reflect", "padding_mode"), ("direct", "stride")]
    )
    def test_a_name_goes_where_it_means_something(self, value, meant):
        message = check_error(TypeError, lambda: mc.corr2d(X, K, value), "keyword")
        assert f"corr2d(x, k, {meant}={value!r})" in message
        if meant != "stride":
            message = check_error(TypeError, lambda: mc.corr2d(X, K, mode=value), "mode")
            assert message.endswith(f"did you mean {meant}?")

    def test_a_missing_array_is_named(self):
        assert "corr2d(x, k)" in check_error(TypeError, lambda: mc.corr2d(X), "needs", "k")

    def test_what_is_missing_is_shown_as_it_is_passed(self):
        message = check(lambda: scaled(3))
        assert message == "scaled needs by: scaled(3, by=by)"
        assert check(lambda: scaled(of=2)) == "scaled needs x and by: scaled(x, by=by)"
        assert check(lambda: scaled(X, 2, 4)) == (
            "scaled takes x by position, and the other arguments by keyword: scaled(x, by=2, of=4)"
        )
        assert scaled(3, by=2) == 6

    def test_an_error_inside_is_left_alone(self):
        check_error(TypeError, lambda: mc.corr2d(X, K, stride=1.5), "stride", "1.5")
