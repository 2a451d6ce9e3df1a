"""`multiconv plan`: shapes as they are typed, and what the plan says of them."""

import json

import pytest

import multiconv
from multiconv import cli


@pytest.fixture
def plan(capsys):
    """The exit status, stdout and stderr of `multiconv plan` on NumPy."""

    def plan(*arguments):
        status = cli.main(["plan", "--backend", "numpy", *arguments])
        return (status, *capsys.readouterr())

    return plan


class TestPlan:
    @pytest.mark.parametrize(
        ("arguments", "x", "weight", "options"),
        [
            (["64x48", "-k", "7x7"], (64, 48), (7, 7), {}),
            (["64,48", "-k", "(7, 7)"], (64, 48), (7, 7), {}),
            (["8x4x16x16", "-k", "6x4x3x3", "--padding", "same"], (8, 4, 16, 16), (6, 4, 3, 3),
             {"padding": "same"}),
            (["16x16", "-k", "3x3", "--channels", "8,4,6", "--stride", "2", "--padding", "1x2"],
             (8, 4, 16, 16), (6, 4, 3, 3), {"stride": 2, "padding": (1, 2)}),
            (["16x16", "-k", "3x3", "--channels", "4,6"], (1, 4, 16, 16), (6, 4, 3, 3), {}),
            (["2x4x9x9", "-k", "4x3x4x4", "--transposed", "--stride", "2"], (2, 4, 9, 9),
             (4, 3, 4, 4), {"transposed": True, "stride": 2}),
            (["9x9", "-k", "3x3", "--method", "fft", "--padding", "4", "--padding-mode", "reflect",
              "--dtype", "float64"], (9, 9), (3, 3),
             {"method": "fft", "padding": 4, "padding_mode": "reflect", "dtype": "float64"}),
            (["1x1x99", "-k", "1x1x9", "--dilation", "3"], (1, 1, 99), (1, 1, 9), {"dilation": 3}),
            (["1x4x9x9", "-k", "4x1x3x3", "--groups", "4"], (1, 4, 9, 9), (4, 1, 3, 3),
             {"groups": 4}),
        ],
    )  # fmt: skip
    def test_it_prints_the_plan(self, plan, arguments, x, weight, options):
        status, out, err = plan(*arguments)
        assert (status, err) == (0, "")
        expected = str(multiconv.plan(x, weight, backend="numpy", **options))
        assert [line.rstrip() for line in expected.splitlines()] == out.splitlines()

    def test_json(self, plan):
        status, out, _ = plan("64x48", "-k", "7x7", "--json")
        found = json.loads(out)["plan"]
        assert status == 0
        assert found["output_shape"] == [58, 42]
        assert found["multiply_adds"] == 58 * 42 * 49
        assert found["method"] == multiconv.plan((64, 48), (7, 7), backend="numpy").method

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["64x", "-k", "7x7"], "SHAPE: got '64x', and takes sizes with an x between them"),
            (["64x64", "-k", "7by7"], "-k: got '7by7'"),
            (["64x64", "-k", "7x7", "--padding", "reflect"], "--padding: got 'reflect', and takes"),
            (["64x64", "-k", "7x7", "--stride", "-1"], "--stride: got '-1'"),
            (["64x64", "-k", "7x7", "--channels", "3"], "--channels: got '3', and takes"),
            (["4x64x64", "-k", "7x7", "--channels", "3,4"], "SHAPE has 3 axes where -k has 2"),
            (["5x5", "-k", "7x7"], "kernel"),
            (["64x64", "-k", "7x7", "--method", "nativ"], "did you mean 'native'?"),
            (["64x64", "-k", "7x7", "--method", "native"], "no convolution of its own"),
        ],
    )  # fmt: skip
    def test_misuse(self, plan, arguments, message):
        status, out, err = plan(*arguments)
        assert (status, out) == (2, "")
        assert message in err
