"""A sum as the arguments of an operator, and back."""

from multiconv.core.geometry import Geometry
from multiconv.exact.description import Sum
from multiconv.exact.flat import SCHEMA, described, flat

TOTAL = Sum(
    "weight",
    Geometry((5, 7), (3, 2), (2, 1), (1, 3), ((1, 0), (2, 4)), "reflect"),
    groups=4,
    y_size=(2, 9),
    result="float16",
)


def test_what_was_made_flat_is_the_same_sum():
    assert described(flat(TOTAL)) == TOTAL


def test_an_operator_may_give_lists_back():
    given = tuple(list(a) if isinstance(a, (list, tuple)) else a for a in flat(TOTAL))
    assert described(given) == TOTAL


def test_the_schema_names_every_argument_with_its_type():
    kinds = {str: "str", int: "SymInt", list: "SymInt[]"}
    declared = [argument.split()[0] for argument in SCHEMA.split(", ")]
    assert declared == [kinds[type(argument)] for argument in flat(TOTAL)]
