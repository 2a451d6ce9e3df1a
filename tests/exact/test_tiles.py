"""The loops over channels: every shape of sums, against the matrix products and exact sums."""

import math
from unittest import mock

import numpy as np
import pytest
from hostile import hostile
from hypothesis import assume, given
from hypothesis import strategies as st

from multiconv.backends.loops import compiled
from multiconv.backends.loops.exactly import blocks, loaded
from multiconv.backends.loops.exactly.tiles import calls as tiles
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.core.geometry import resolve
from multiconv.exact.description import Sum
from multiconv.exact.engine import evaluate

pytestmark = pytest.mark.skipif(not compiled.is_installed(), reason="Numba is not installed")


@pytest.fixture(autouse=True)
def _small_ones_too(monkeypatch):
    monkeypatch.setattr(loaded, "_LOADED", 0)
    monkeypatch.setattr(tiles, "_FEW", 1)


@pytest.fixture
def calls(monkeypatch):
    """The sums that went through the loops."""
    seen = []
    found = tiles.correlation
    monkeypatch.setattr(tiles, "correlation", lambda *a: seen.append(1) or found(*a))
    return seen


def by_products(*given, **options):
    with mock.patch.object(tiles, "loops", return_value=None):
        return blocks.correlated(*given, **options)


@st.composite
def problems(draw):
    """Geometry, channels, filters and groups: more filters than a tile takes, narrow images."""
    axes = draw(st.integers(1, 3))
    longest = {1: 90, 2: 30, 3: 9}[axes]
    size = tuple(draw(st.integers(1, longest)) for _ in range(axes))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    stride = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    dilation = tuple(draw(st.integers(1, 3)) for _ in range(axes))
    pads = tuple((draw(st.integers(-1, 4)), draw(st.integers(-1, 4))) for _ in range(axes))
    padded = [n + sum(pad) for n, pad in zip(size, pads, strict=True)]
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    kept = zip(size, pads, strict=True)
    assume(all(n + min(a, 0) + min(b, 0) > 0 for n, (a, b) in kept))
    assume(all(n >= span for n, span in zip(padded, spans, strict=True)))
    geometry = resolve(size, kernel, stride, dilation, pads)
    return geometry, draw(st.integers(1, 5)), draw(st.integers(1, 19)), draw(st.integers(1, 2))


def drawn(geometry, channels, filters, groups, kind="normal", key=0):
    rng = np.random.default_rng(key)
    shapes = (
        (2, groups, channels, *geometry.input_size),
        (groups, filters, channels, *geometry.kernel_size),
        (groups * filters,),
    )
    return [hostile(rng, kind, shape, "float32").astype("f4") for shape in shapes]


class TestTheLoops:
    @given(problems(), st.booleans(), st.sampled_from([3, 7, 512]), st.sampled_from([60, 2**16]))
    def test_they_agree_with_products(self, problem, with_bias, part, room):
        x, weight, bias = drawn(*problem)
        bias = bias if with_bias else None
        with (
            mock.patch.object(blocks, "_PART", part),
            mock.patch.object(tiles, "_ROOM", room),
            mock.patch.object(tiles, "_COLUMNS", 3 if room == 60 else 48),
        ):
            y, unsure = blocks.correlated(x, weight, bias, problem[0])
            right, doubtful = by_products(x, weight, bias, problem[0])
        sure = ~unsure & ~doubtful
        assert np.array_equal(y.view("i4")[sure], right.view("i4")[sure])
        assert np.count_nonzero(unsure != doubtful) <= max(2, 0.01 * y.size)

    @given(problems())
    def test_sums_of_whole_numbers_have_no_doubts(self, problem):
        """And none of them is off, not even in the last bit of float64."""
        x, weight, bias = drawn(*problem)
        x, weight, bias = (np.rint(a * 8).astype("f4") for a in (x, weight, bias))
        y, unsure = blocks.correlated(x, weight, bias, problem[0], is_exact=True)
        right, _ = by_products(x, weight, bias, problem[0], is_exact=True)
        assert not unsure.any()
        assert np.array_equal(y.view("i4"), right.view("i4"))

    @pytest.mark.parametrize("part", [7, 512])
    @pytest.mark.parametrize(
        "kind", ["normal", "cancelling", "wide", "ties", "subnormal", "sparse"]
    )
    def test_what_is_certain_is_right(self, monkeypatch, kind, part):
        """Of numbers that are hard to add up, against the sums in integers."""
        monkeypatch.setattr(blocks, "_PART", part)
        monkeypatch.setattr(blocks, "_SHARED", 0)
        geometry = resolve((9, 11), (3, 2), (2, 1), (1, 2), ((2, 1), (0, 1)))
        x, weight, bias = drawn(geometry, 3, 11, 2, kind, key=part)
        y, unsure = blocks.correlated(x, weight, bias, geometry)
        total = Sum("y", geometry, 2, geometry.output_size, "float32")
        flat = x.reshape(2, -1, 9, 11), weight.reshape(22, *weight.shape[2:])
        right = evaluate(total, *flat, bias, NUMPY, rung="integers").reshape(y.shape)
        assert np.array_equal(y.view("i4")[~unsure], right.view("i4")[~unsure])
        assert not unsure.all() or kind == "wide"

    @pytest.mark.parametrize("threads", ["1", "2", "5"])
    def test_threads_change_nothing(self, monkeypatch, threads):
        monkeypatch.setattr(blocks, "_SHARED", 0)
        geometry = resolve((31, 17), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))
        x, weight, bias = drawn(geometry, 4, 9, 1)
        right, doubtful = by_products(x, weight, bias, geometry)
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setattr("multiconv.backends.loops.threads.usable_cpus", lambda: 5)
        y, unsure = blocks.correlated(x, weight, bias, geometry)
        assert np.array_equal(y, right)
        assert np.array_equal(unsure, doubtful)

    def test_they_are_used(self, calls):
        geometry = resolve((12, 12), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))
        blocks.correlated(*drawn(geometry, 4, 9, 1), geometry)
        assert calls

    def test_not_for_a_few_outputs(self, monkeypatch, calls):
        monkeypatch.undo()
        geometry = resolve((3, 3), (3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))
        blocks.correlated(*drawn(geometry, 400, 9, 1), geometry)
        assert not calls


class TestBands:
    @pytest.mark.parametrize("most", [1, 3, 1000])
    @pytest.mark.parametrize("size", [(5, 7), (64, 64), (3, 5000)])
    @pytest.mark.parametrize("planes", [1, 144, 9000])
    def test_they_are_even_and_stay_in_cache(self, size, planes, most):
        rows, columns = tiles._tile(planes, [2, 2], (1, *size), most, 2**16)
        assert 1 <= rows <= min(most, size[0])
        assert 1 <= columns <= size[1]
        is_least = rows == 1 and columns <= tiles._COLUMNS
        assert is_least or planes * (rows + 2) * (columns + 2) <= 2**16
        parts = math.ceil(size[1] / columns)
        assert columns - math.floor(size[1] / parts) <= 1
