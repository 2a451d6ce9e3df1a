"""Options that are left out are those that do nothing, in every function."""

import numpy as np
import pytest
from comparing import assert_same

import multiconv as mc

NOTHING = {"stride": 1, "padding": 0, "dilation": 1}
GROUPS, MODE, METHOD = {"groups": 1}, {"padding_mode": "zeros"}, {"method": "auto"}
CORRELATE = NOTHING | MODE | METHOD
CONV = NOTHING | GROUPS | MODE | METHOD
TRANSPOSE = NOTHING | GROUPS | METHOD | {"output_padding": 0}

CASES = {
    "corr2d": ([(6, 7), (2, 3)], (), CORRELATE),
    "convolve2d": ([(6, 7), (2, 3)], (), CORRELATE),
    **{
        f"conv{axes}d": ([(2, 4, *(5, 6, 4)[:axes]), (4, 4, *(2, 3, 1)[:axes])], (), CONV)
        for axes in (1, 2, 3)
    },
    **{
        f"conv_transpose{axes}d": (
            [(2, 4, *(5, 6, 4)[:axes]), (4, 2, *(2, 3, 1)[:axes])],
            (),
            TRANSPOSE,
        )
        for axes in (1, 2, 3)
    },
    "conv_input_grad": ([(2, 4, 4, 4), (4, 2, 2, 3)], ((5, 6),), CONV),
    "conv_weight_grad": ([(2, 2, 5, 6), (2, 4, 4, 4)], ((2, 3),), CONV),
    "im2col": ([(2, 2, 5, 6)], ((2, 3),), NOTHING | MODE),
    "col2im": ([(2, 12, 16)], ((5, 6), (2, 3)), NOTHING | MODE),
    "toeplitz_matrix": ([(4, 2, 2, 3)], ((5, 6),), NOTHING | GROUPS | MODE | {"sparse": False}),
}


@pytest.mark.parametrize("name", CASES)
def test_they_do_nothing(backend, name):
    shapes, sizes, options = CASES[name]
    rng = np.random.default_rng(8)
    arrays = [backend.array(rng.integers(-9, 9, shape), "int32") for shape in shapes]
    function = getattr(backend.functions, name)
    expected = backend.to_numpy(function(*arrays, *sizes, **options))
    assert_same(backend, function(*arrays, *sizes), expected, "int32")


def test_a_plan_and_a_size_leave_them_out_too():
    assert mc.output_size((5, 6), (2, 3)) == (4, 4)
    plan = mc.plan((2, 4, 5, 6), (4, 4, 2, 3), backend="numpy")
    options = {**CONV, "transposed": False, "dtype": "float32", "backend": "numpy"}
    assert str(plan) == str(mc.plan((2, 4, 5, 6), (4, 4, 2, 3), **options))
    assert plan.pads == ((0, 0), (0, 0))
    assert (plan.geometry.stride, plan.geometry.dilation) == ((1, 1), (1, 1))
    assert (plan.problem.groups, plan.geometry.padding_mode) == (1, "zeros")
    assert plan.output_shape == (2, 4, 4, 4)
