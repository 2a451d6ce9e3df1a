"""Every way to an exact sum gives the same bits; the cheap ones leave few outputs to the others."""

import itertools
import math

import numpy as np
import pytest
from hostile import KINDS, hostile

import multiconv as mc
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.backends.registry import backend_of
from multiconv.core.geometry import resolve
from multiconv.exact import bands
from multiconv.exact.description import OPERANDS, Sum
from multiconv.exact.engine import evaluate
from multiconv.exact.integers import Operands

RUNGS = (None, "certified", "sliced", "integers")
WANTED = ("y", "x", "weight")
MODES = ("zeros", "reflect", "replicate")


def problem(wanted, mode="zeros", result="float32", groups=2):
    geometry = resolve((9, 8), (3, 2), (2, 1), (1, 2), ((2, 1), (1, 2)), mode)
    total = Sum(wanted, geometry, groups, geometry.output_size, result)
    sizes = {
        "x": (3, 2 * groups, *geometry.input_size),
        "weight": (3 * groups, 2, *geometry.kernel_size),
        "y": (3, 3 * groups, *geometry.output_size),
    }
    return total, [sizes[role] for role in OPERANDS[wanted]], sizes[wanted]


def bits(backend, array):
    values = backend.to_numpy(array)
    return values.view(f"u{values.itemsize}")


def kinds(backend, wanted, mode):
    """All kinds of numbers; beside NumPy, where they are slow, a third for each sum and border."""
    if backend.name == "numpy":
        return KINDS
    return KINDS[-(WANTED.index(wanted) + MODES.index(mode)) % len(MODES) :: len(MODES)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wanted", WANTED)
def test_all_give_the_same_bits(backend, wanted, mode):
    ours, _ = backend_of({"x": backend.array(np.zeros(1, "f4"))})
    dtypes = ("float32", "float64") if backend.name != "jax" else ("float32",)
    for kind, dtype in itertools.product(kinds(backend, wanted, mode), dtypes):
        total, shapes, made = problem(wanted, mode, dtype)
        rng = np.random.default_rng(len(kind))
        arrays = [hostile(rng, kind, shape, dtype).astype(dtype) for shape in shapes]
        bias = hostile(rng, kind, (made[1],), dtype).astype(dtype) if wanted != "weight" else None
        own = [None if a is None else backend.array(a) for a in (*arrays, bias)]
        right = evaluate(total, *arrays, bias, NUMPY, rung="integers")
        for rung in RUNGS if backend.name != "jax" else (None,):
            result = evaluate(total, *own, ours, rung=rung)
            same = np.array_equal(bits(backend, result), bits(NUMPY, right))
            assert same, (kind, dtype, rung)


class TestHowManyAreLeft:
    def left(self, x, weight, **options):
        geometry = resolve(x.shape[2:], weight.shape[2:], (1, 1), (1, 1), ((0, 0),) * 2)
        total = Sum("y", geometry, 1, geometry.output_size, "float32")
        operands = Operands(x[:, None], weight[None])
        return int(bands.by_bands(total, operands, NUMPY, **options)[1].sum())

    def test_few_of_random_numbers(self):
        rng = np.random.default_rng(1)
        x = rng.standard_normal((2, 8, 40, 40)).astype("f4")
        weight = rng.standard_normal((4, 8, 3, 3)).astype("f4")
        assert self.left(x, weight, rung=None) < 10

    def test_none_of_an_image_of_bytes_under_a_derivative_filter(self):
        rng = np.random.default_rng(2)
        x = (rng.integers(0, 4, (1, 1, 90, 90)) * 85 / 255).astype("f4")
        sobel = np.array([[[[1, 0, -1], [2, 0, -2], [1, 0, -1]]]], "f4")
        assert self.left(x, sobel, rung=None) == 0

    def test_none_of_flat_regions_under_a_filter_of_many_bits(self):
        """The sums cancel to zero, which float64 does not find by itself."""
        rng = np.random.default_rng(3)
        x = np.repeat(np.repeat(rng.integers(0, 256, (1, 1, 9, 9)) / 255, 10, 2), 10, 3)
        row = rng.standard_normal(3)
        kernel = np.outer([0.3, 0.7, 0.3], row - row[::-1]).astype("f4")[None, None]
        assert self.left(x.astype("f4"), kernel, rung=None) == 0

    def test_few_of_sparse_images(self):
        rng = np.random.default_rng(4)
        x = np.where(rng.random((1, 4, 60, 60)) < 0.97, 0, rng.standard_normal((1, 4, 60, 60)))
        weight = rng.standard_normal((3, 4, 3, 3)).astype("f4")
        assert self.left(x.astype("f4"), weight, rung=None) < 64


class TestCompiledLoops:
    """With Numba, where it is installed, and without."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("stride", "dilation", "pads"),
        [(1, 1, 0), (1, 2, 3), (2, 1, 1), (3, 2, 5)],
    )
    def test_bits_do_not_depend_on_them(self, monkeypatch, kind, stride, dilation, pads):
        geometry = resolve((70, 61), (3, 5), (stride,) * 2, (dilation,) * 2, ((pads, pads),) * 2)
        total = Sum("y", geometry, 2, geometry.output_size, "float32")
        rng = np.random.default_rng(math.prod(geometry.output_size))
        x = hostile(rng, kind, (2, 2, 70, 61), "float32").astype("f4")
        weight = hostile(rng, kind, (4, 1, 3, 5), "float32").astype("f4")
        compiled = evaluate(total, x, weight, None, NUMPY)
        monkeypatch.setattr("multiconv.backends.loops.compiled.is_installed", lambda: False)
        plain = evaluate(total, x, weight, None, NUMPY)
        assert np.array_equal(compiled.view("u4"), plain.view("u4"))

    @pytest.mark.parametrize("kind", ["normal", "cancelling", "sparse"])
    def test_other_libraries_have_the_bits_of_numpy(self, backend, kind):
        """Of images large enough for bands and loops."""
        rng = np.random.default_rng(6)
        x = hostile(rng, kind, (2, 120, 90), "float32").astype("f4")
        kernel = hostile(rng, kind, (4, 3), "float32").astype("f4")
        options = {"padding": 2, "padding_mode": "reflect", "method": "exact"}
        y = backend.functions.corr2d(backend.array(x), backend.array(kernel), **options)
        right = mc.corr2d(x, kernel, **options)
        assert np.array_equal(backend.to_numpy(y).view("u4"), right.view("u4"))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("wanted", ["y", "x", "weight"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_sums_by_integers_are_the_same(self, monkeypatch, wanted, kind, dtype):
        total, shapes, made = problem(wanted, "symmetric", dtype)
        rng = np.random.default_rng(5)
        arrays = [hostile(rng, kind, shape, dtype).astype(dtype) for shape in shapes]
        bias = hostile(rng, kind, (made[1],), dtype).astype(dtype) if wanted != "weight" else None
        monkeypatch.setattr("multiconv.backends.loops.exactly.loaded._LOADED", 0)
        compiled = evaluate(total, *arrays, bias, NUMPY, rung="integers")
        monkeypatch.setattr("multiconv.backends.loops.compiled.is_installed", lambda: False)
        plain = evaluate(total, *arrays, bias, NUMPY, rung="integers")
        integers = f"u{compiled.itemsize}"
        assert np.array_equal(compiled.view(integers), plain.view(integers))
