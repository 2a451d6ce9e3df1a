"""What is asked for says what comes out."""

import pytest

from multiconv.backends.registry import load
from multiconv.core.geometry import Geometry
from multiconv.planning.computation import Computation
from multiconv.planning.operands import Layout, Operand

# Two images of 2 groups of 3 channels, 5 filters for each group.
LAYOUT = Layout((2,), 2, 3, 5)
GEOMETRY = Geometry((6, 7), (3, 2), (1, 2), (1, 1), ((1, 0), (0, 1)))
SIZES = {"x": (6, 7), "weight": (3, 2), "y": (5, 4)}
OTHERS = {"y": ("x", "weight"), "x": ("y", "weight"), "weight": ("x", "y")}


def asked(wanted, *names):
    given = {
        role: Operand(role, LAYOUT.whole(role, SIZES[role]), name, None)
        for role, name in zip(OTHERS[wanted], names, strict=True)
    }
    return Computation(given, wanted, LAYOUT, GEOMETRY, "auto")


@pytest.mark.parametrize(
    ("wanted", "shape"), [("y", (2, 10, 5, 4)), ("x", (2, 6, 6, 7)), ("weight", (10, 3, 3, 2))]
)
def test_the_shape_is_that_of_the_result(wanted, shape):
    assert asked(wanted, "float32", "float32").shape == shape


def test_a_bias_has_a_number_for_each_channel_of_the_result():
    assert asked("y", "int8", "int8").filters == 10
    assert asked("x", "int8", "int8").filters == 6


def test_the_dtype_is_what_both_promote_to():
    backend = load("numpy")
    assert asked("y", "int8", "float16").dtype(backend) == "float16"
    assert asked("weight", "float32", "float64").dtype(backend) == "float64"
