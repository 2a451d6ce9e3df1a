"""Exact sums where a compiler reads along: whatever the numbers are, one and the same program."""

import numpy as np
import pytest
from hostile import KINDS, hostile, with_what_is_not_finite

from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.exact.description import OPERANDS, Sum
from multiconv.exact.engine import evaluate

pytestmark = pytest.mark.needs_backend("jax")


def problem(wanted, channels, mode, result="float32"):
    geometry = resolve((9, 8), (3, 2), (2, 1), (1, 2), ((2, 1), (1, 2)), mode)
    total = Sum(wanted, geometry, 2, geometry.output_size, result)
    sizes = {
        "x": (3, 2 * channels, *geometry.input_size),
        "weight": (6, channels, *geometry.kernel_size),
        "y": (3, 6, *geometry.output_size),
    }
    return total, [sizes[role] for role in OPERANDS[wanted]], sizes[wanted]


def drawn(kind, shapes, dtype):
    """Numbers of a kind; for "photographs" few of an image's, under filters of whole numbers."""
    rng = np.random.default_rng(KINDS.index(kind) if kind in KINDS else len(kind))
    if kind == "photographs":
        image, filters = (rng.integers(0, 4, shapes[0]) * 85 / 255), rng.integers(-2, 3, shapes[1])
        return [image.astype(dtype), filters.astype(dtype)]
    if kind == "tiny":  # so small that casts make zeros of some
        return [
            (2.0**-132 * rng.integers(-99, 99, shapes[0])).astype(dtype),
            rng.standard_normal(shapes[1]).astype(dtype),
        ]
    if kind == "not finite":
        values = [with_what_is_not_finite(rng, rng.standard_normal(shape)) for shape in shapes]
    else:
        values = [hostile(rng, kind, shape, dtype) for shape in shapes]
    return [array.astype(dtype) for array in values]


@pytest.fixture
def ours(monkeypatch):
    from multiconv.backends.jax import BACKEND

    monkeypatch.setattr(type(BACKEND), "few_products", 0)  # else all by integers
    return BACKEND


def assert_bits(result, right):
    result, width = np.asarray(result), right.itemsize
    assert np.array_equal(result.view(f"u{width}"), right.view(f"u{width}"))


@pytest.mark.parametrize(
    ("wanted", "channels", "mode", "with_bias"),
    [
        ("y", 1, "zeros", False),
        ("y", 2, "reflect", True),
        ("x", 1, "replicate", False),
        ("weight", 1, "zeros", False),
    ],
)
def test_bits_are_those_of_integers(ours, wanted, channels, mode, with_bias):
    import jax

    total, shapes, made = problem(wanted, channels, mode)
    run = jax.jit(lambda *arrays: evaluate(total, *arrays, ours))
    for kind in (*KINDS, "photographs", "tiny", "not finite"):
        arrays = drawn(kind, shapes, "float32")
        (bias, _) = drawn(kind, [(made[1],)] * 2, "float32") if with_bias else (None, None)
        assert_bits(run(*arrays, bias), evaluate(total, *arrays, bias, NUMPY, rung="integers"))


@pytest.mark.parametrize("rung", ["certified", "sliced", "integers"])
def test_every_way_gives_them(ours, rung):
    import jax

    total, shapes, _ = problem("y", 1, "zeros", "bfloat16" if rung == "sliced" else "float32")
    run = jax.jit(lambda *arrays: evaluate(total, *arrays, ours, rung=rung))
    for kind in ("normal", "wide", "ties", "tiny", "not finite"):
        arrays = drawn(kind, shapes, "float32")
        assert_bits(run(*arrays, None), evaluate(total, *arrays, None, NUMPY, rung="integers"))


class TestHowManyAreLeft:
    """Few, or the loop over them would be what the time goes to."""

    def left(self, ours, x, weight):
        import jax

        from multiconv.exact.integers import Operands
        from multiconv.exact.unseen import MARK, in_any_case

        geometry = resolve(x.shape[2:], weight.shape[2:], (1, 1), (1, 1), ((1, 1),) * 2)
        total = Sum("y", geometry, 1, geometry.output_size, "float32")

        def certified(x, weight):
            with ours.wide():
                finite = ours.xp.asarray(True)
                operands = Operands(x[:, None], weight[None])
                return in_any_case(total, operands, finite, ours, "certified")

        bits = jax.jit(certified)(x.astype("f4"), weight.astype("f4"))
        return int((np.asarray(bits) == MARK).sum())

    def test_none_of_photographs_and_few_of_random_numbers(self, ours):
        rng = np.random.default_rng(2)
        sobel = np.array([[[[1, 0, -1], [2, 0, -2], [1, 0, -1]]]])
        for divisor in (1, 255):
            image = np.float32(rng.integers(0, 4, (1, 1, 90, 90)) * 85) / np.float32(divisor)
            assert self.left(ours, image, sobel) == 0
        drawn = rng.standard_normal((1, 1, 90, 90)), rng.standard_normal((1, 1, 3, 3))
        assert self.left(ours, *drawn) < 4
        # Where a cast may make zeros, only these are not certain.
        tiny = np.where(rng.random((1, 1, 90, 90)) < 0.01, 2.0**-140, drawn[0])
        assert self.left(ours, tiny, drawn[1]) < 4
