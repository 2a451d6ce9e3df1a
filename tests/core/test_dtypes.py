"""The promotion rule by the ranges of the integers, without any array."""

import itertools

import numpy as np
import pytest

from multiconv.core import dtypes

INTEGERS = (*dtypes.SIGNED, *dtypes.UNSIGNED)


def holds(wide, *narrow):
    """Whether a dtype holds every value of the others."""
    has = np.iinfo(wide)
    return all(has.min <= np.iinfo(n).min and np.iinfo(n).max <= has.max for n in narrow)


def smallest(first, second):
    """The narrowest integer dtype that holds both, None where there is none."""
    fitting = [name for name in INTEGERS if holds(name, first, second)]
    return min(fitting, key=dtypes.itemsize, default=None)


class TestPromotionOfIntegers:
    @pytest.mark.parametrize(("first", "second"), list(itertools.product(INTEGERS, repeat=2)))
    def test_the_result_is_the_narrowest_that_holds_both(self, first, second):
        expected = smallest(first, second)
        if expected is not None:
            assert dtypes.promote(first, second, default_integer="int64") == expected
            return
        with pytest.raises(TypeError, match="no integer dtype holds both") as caught:
            dtypes.promote(first, second, default_integer="int64")
        signed = first if first in dtypes.SIGNED else second
        assert f"dtypes {first} and {second}" in str(caught.value)
        assert f"to {signed} (values from 2**63 on wrap) or to uint64" in str(caught.value)

    def test_only_uint64_has_no_signed_partner(self):
        pairs = itertools.product(INTEGERS, repeat=2)
        alone = {frozenset(pair) for pair in pairs if smallest(*pair) is None}
        assert alone == {frozenset(("uint64", signed)) for signed in dtypes.SIGNED}

    @pytest.mark.parametrize("other", INTEGERS)
    def test_bool_counts_as_the_default_integer(self, other):
        for pair in (("bool", other), (other, "bool")):
            if other != "uint64":
                assert dtypes.promote(*pair, default_integer="int32") == smallest("int32", other)
        assert dtypes.promote("bool", "bool", default_integer="int32") == "int32"


class TestKinds:
    def test_a_kind_holds_itself_and_those_before_it(self):
        names = ("bool", "uint8", "float16", "complex64")
        for (i, name), (j, other) in itertools.product(enumerate(names), repeat=2):
            assert dtypes.at_least(name, other) == (i >= j)

    @pytest.mark.parametrize("name", [name for name in dtypes.SUPPORTED if name != "bfloat16"])
    def test_the_size_is_numpys(self, name):
        assert dtypes.itemsize(name) == np.dtype(name).itemsize

    def test_a_bfloat16_has_two_bytes(self):
        assert dtypes.itemsize("bfloat16") == 2


class TestWithPrecision:
    @pytest.mark.parametrize(
        ("name", "like", "expected"),
        [
            *[("int32", "int64", "int32"), ("complex64", "bool", "complex64")],
            *[("int32", "float16", "float16"), ("float64", "float32", "float32")],
            *[("float32", "complex64", "float32"), ("int8", "complex128", "float64")],
            *[("complex128", "float32", "complex64"), ("complex128", "bfloat16", "complex64")],
            *[("complex64", "float64", "complex128"), ("complex64", "complex128", "complex128")],
        ],
    )
    def test_it_is_that_of_the_other_where_that_has_one(self, name, like, expected):
        assert dtypes.with_precision(name, like) == expected
