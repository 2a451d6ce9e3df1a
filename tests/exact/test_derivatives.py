"""Sums that derivatives and batches become: the same bits as the sums one by one."""

import dataclasses
import itertools

import numpy as np
import pytest
from rounded import found
from transformed import drawn

from multiconv.backends.numpy import BACKEND
from multiconv.core.geometry import Geometry
from multiconv.exact import derivatives
from multiconv.exact.derivatives import Terms
from multiconv.exact.description import OPERANDS, Sum
from multiconv.exact.engine import evaluate

GEOMETRY = Geometry((5, 4), (3, 2), (2, 1), (1, 2), ((1, 1), (0, 1)), "symmetric")
TOTAL = Sum("y", GEOMETRY, 2, GEOMETRY.output_size, "float32")
SHAPES = {"x": (3, 4, 5, 4), "weight": (6, 2, 3, 2), "y": (3, 6, *GEOMETRY.output_size)}
CHANNELS = {"x": 4, "y": 6}
WANTED = ("y", "x", "weight")


def assert_bits(result, expected):
    from backends_under_test import NumPy

    assert result.shape == expected.shape
    assert np.array_equal(found(NumPy(), result), found(NumPy(), expected))


def operands(wanted, *lead, seed=1):
    shapes = [(*lead, *SHAPES[role]) for role in OPERANDS[wanted]]
    bias = [(*lead, CHANNELS[wanted])] if wanted in CHANNELS else []
    return drawn(*shapes, *bias, seed=seed)


def summed(total, terms):
    first, second = derivatives.joined(total, terms, BACKEND)
    return evaluate(total, first, second, terms.bias, BACKEND)


@pytest.mark.parametrize("wanted", WANTED)
class TestBatches:
    def test_are_folded_into_one_sum(self, wanted):
        total, one, many = (
            dataclasses.replace(TOTAL, wanted=wanted),
            operands(wanted),
            operands(wanted, 2, seed=2),
        )
        for leads in itertools.product((False, True), repeat=len(one)):
            if not any(leads):
                continue
            given = [m if lead else o for o, m, lead in zip(one, many, leads, strict=True)]
            terms, batched = (Terms([a[0]], [a[1]], *a[2:]) for a in (given, leads))
            folding = derivatives.folding(total, batched, 2)
            y = summed(folding.total, folding.factors(terms, batched, BACKEND))
            expected = [
                evaluate(total, *a, *[None] * (3 - len(a)), BACKEND)
                for i in range(2)
                for a in [[a[i] if lead else a for a, lead in zip(given, leads, strict=True)]]
            ]
            assert_bits(folding.result(y, BACKEND), np.stack(expected))

    def test_of_one_operand_need_no_copies_of_the_other(self, wanted):
        total = dataclasses.replace(TOTAL, wanted=wanted)
        for leads in ((True, False), (False, True)):
            assert derivatives.folding(total, Terms([leads[0]], [leads[1]]), 2).letter != "g"


@pytest.mark.parametrize("wanted", WANTED)
class TestSumsOfTerms:
    def test_of_disjoint_numbers_are_one_sum(self, wanted):
        """Where one of two terms is zero, the sum of both is the other."""
        total = dataclasses.replace(TOTAL, wanted=wanted)
        first, second, *_ = operands(wanted)
        zero = np.zeros_like(first)
        for firsts in ([first, zero], [zero, first]):
            assert_bits(
                summed(total, Terms(firsts, [second, second])),
                evaluate(total, first, second, None, BACKEND),
            )

    def test_are_rounded_once(self, wanted):
        """A product and its opposite leave what a rounded sum would have lost."""
        total = dataclasses.replace(TOTAL, wanted=wanted)
        first, second, *_ = operands(wanted)
        large = first * np.float32(2.0**40)
        joined = summed(total, Terms([large, first, -large], [second, second, second]))
        assert_bits(joined, evaluate(total, first, second, None, BACKEND))

    def test_of_no_terms_are_the_bias(self, wanted):
        total = dataclasses.replace(TOTAL, wanted=wanted)
        first, second, *bias = operands(wanted)
        none = derivatives.nothing(total, first, second, BACKEND)
        y = evaluate(total, *none, *(bias or [None]), BACKEND)
        expected = bias[0][:, None, None] if bias else np.float32(0)
        assert_bits(y, np.broadcast_to(expected, SHAPES[wanted]).astype(np.float32))


@pytest.mark.parametrize("wanted", WANTED)
def test_the_shape_of_a_sum_is_known_before(wanted):
    total = dataclasses.replace(TOTAL, wanted=wanted)
    shapes = [SHAPES[role] for role in OPERANDS[wanted]]
    assert derivatives.result_shape(total, *shapes) == SHAPES[wanted]
