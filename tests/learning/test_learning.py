"""learn_kernel: the exact path within its derived bound, on every backend; warnings and reports."""

import io
import os
import re
import signal
import sys
import warnings
from fractions import Fraction

import backends_under_test
import descending
import numpy as np
import oracle
import pytest
from comparing import assert_same, check_error

from multiconv.core.progress import Progress

STRIPES = np.ones((6, 8))
STRIPES[:, 2:6] = 0
EDGE = np.array([[1.0, -1.0]])
EDGES = oracle.corr2d(STRIPES, EDGE)
# A^T A of the stripes is [[18, 12], [12, 18]], with the eigenvalues 30 and 6.
LARGEST, SMALLEST = 30, 6


@pytest.fixture
def learn(backend):
    """learn_kernel on arrays made of NumPy's."""

    def run(x, y, kernel_size, dtype="float32", **options):
        x, y = (backend.array(a, dtype) for a in (x, y))
        return backend.functions.learn_kernel(x, y, kernel_size, **options)

    return run


@pytest.fixture
def f(backend):
    return backend.functions


class Recorder:
    """A callback that keeps what it is told."""

    def __init__(self):
        self.calls = []

    def __call__(self, step, loss, weight, bias):
        self.calls.append((step, loss, weight, bias))


def random_problem(seed, form, dtype):
    """x, y, the kernel's size and a start, as floats of this dtype that need all their bits."""
    rng = np.random.default_rng(seed)
    x_shape, kernel, y_shape = {
        "image": ((5, 6), (2, 3), (4, 4)),
        "stack": ((2, 3, 4, 5), (3, 2), (2, 3, 2, 4)),
        "channels": ((3, 2, 4, 5), (4, 2, 2, 2), (3, 4, 3, 4)),
    }[form]
    x, y, start = (rng.normal(size=s).astype(dtype) for s in (x_shape, y_shape, kernel))
    bias = rng.normal(size=kernel[0] if form == "channels" else 1).astype(dtype)
    return x, y, kernel, start, bias


def exact_system(x, y, kernel, bias):
    if len(kernel) == 2:
        x, y = (a.reshape(-1, 1, *a.shape[-2:]) for a in (x, y))
    a = descending.patches(oracle.exactly(x), kernel[-2:], bias=bias)
    return a, descending.targets(oracle.exactly(y))


def columns(weight, bias=None):
    flat = weight.reshape(1 if weight.ndim == 2 else len(weight), -1)
    flat = flat if bias is None else np.concatenate([flat, bias[:, None]], axis=1)
    return oracle.exactly(flat.T)


@pytest.mark.parametrize("momentum", [0.0, 0.75])
@pytest.mark.parametrize(
    ("form", "bias", "loss", "dtype"),
    [
        ("image", False, "sum", "float32"),
        ("image", True, "mean", "float64"),
        ("stack", False, "mean", "float32"),
        ("stack", True, "sum", "float32"),
        ("channels", False, "sum", "float64"),
        ("channels", True, "sum", "float32"),
        ("channels", True, "mean", "float32"),
    ],
)
def test_every_step_is_within_the_derived_bound(backend, learn, form, bias, loss, dtype, momentum):
    """So all backends are, from each other, within twice the bound."""
    x, y, kernel, start, offset = random_problem(3, form, dtype)
    a, targets = exact_system(x, y, kernel, bias)
    scale = y.size if loss == "mean" else 1
    lr = 0.9 * scale / float(np.linalg.eigvalsh((a.T @ a).astype(float))[-1])
    expected = descending.path(
        a,
        targets,
        columns(start, offset if bias else None),
        lr,
        8,
        mean=loss == "mean",
        dtype=dtype,
        momentum=momentum,
    )
    record = Recorder()
    with backend.wide(dtype):
        init = backend.array(start, dtype)
        init = (init, backend.array(offset, dtype)) if bias else init
        options = {"steps": 8, "lr": lr, "loss": loss, "bias": bias, "init": init}
        learned = learn(x, y, kernel, dtype, momentum=momentum, callback=record, **options)
        assert [call[0] for call in record.calls] == list(range(8))
        points = [call[2:] for call in record.calls] + [(learned.weight, learned.bias)]
        for step, (place, exact) in enumerate(zip(points, expected, strict=True)):
            assert backend.is_native_array(place[0]), step
            assert backend.dtype_name(place[0]) == dtype, step
            assert tuple(place[0].shape) == kernel, step
            away = descending.norms(descending.point(backend, *place) - exact.weight)
            assert np.all(away <= exact.distance), (step, away, exact.distance)
        losses = backend.to_numpy(learned.losses)
        assert backend.is_native_array(learned.losses)
        assert backend.dtype_name(learned.losses) == dtype
    assert losses.shape == (8,)
    assert losses.tolist() == [call[1] for call in record.calls]
    for step, value in enumerate(losses):
        exact = expected[step]
        assert abs(Fraction(float(value)) - exact.loss) <= exact.loss_error, step


@pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
def test_steps_of_small_whole_numbers_are_exact(backend, learn, bias):
    """With a power of two for a rate nothing is rounded in two steps, so all bits are equal."""
    start, offset = np.array([[1.0, 2.0]]), np.array([1.0])
    a, targets = exact_system(STRIPES, EDGES, (1, 2), bias)
    exact = descending.path(a, targets, columns(start, offset if bias else None), 2.0**-7, 2)
    init = (start.tolist(), offset.tolist()) if bias else start.tolist()
    learned = learn(STRIPES, EDGES, (1, 2), steps=2, lr=2.0**-7, init=init, bias=bias)
    assert (descending.point(backend, learned.weight, learned.bias) == exact[2].weight).all()
    losses = backend.to_numpy(learned.losses)
    assert [Fraction(float(v)) for v in losses] == [step.loss for step in exact[:2]]
    assert (learned.bias is None) is not bias


class TestTheTextbooksEdgeDetector:
    """The distance to the kernel shrinks by |1 - 2 lr lambda| a step, along each eigenvector."""

    def check(self, backend, learned, lr, steps, start, largest=LARGEST, smallest=SMALLEST):
        rho = max(abs(1 - 2 * lr * largest), abs(1 - 2 * lr * smallest))
        bias = np.zeros(1) if learned.bias is not None else None
        a, targets = exact_system(STRIPES, EDGES, (1, 2), bias is not None)
        rounding = descending.path(a, targets, start, lr, steps)[-1].distance
        truth = columns(EDGE, bias)
        limit = rho**steps * descending.norms(start - truth) + rounding
        away = descending.norms(descending.point(backend, learned.weight, learned.bias) - truth)
        assert away <= limit
        return limit

    def test_ten_steps_of_the_summed_loss(self, backend, learn):
        learned = learn(STRIPES, EDGES, (1, 2), init=[[0.0, 0.0]])
        # From zero the way leads along the eigenvector of 6 alone.
        limit = self.check(backend, learned, 3e-2, 10, columns(np.zeros((1, 2))), largest=SMALLEST)
        assert limit < 0.05
        assert np.round(backend.to_numpy(learned.weight), 1).tolist() == [[1, -1]]
        assert float(learned.losses[0]) == 12
        assert not learned.notes

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_from_any_start(self, backend, learn, seed):
        start = learn(STRIPES, EDGES, (1, 2), seed=seed, steps=0).weight
        learned = learn(STRIPES, EDGES, (1, 2), seed=seed, steps=30)
        limit = self.check(backend, learned, 3e-2, 30, descending.point(backend, start, None))
        assert limit < 0.05

    def test_with_a_bias(self, backend, learn):
        start = learn(STRIPES, EDGES, (1, 2), bias=True, seed=4, steps=0, lr=0.015)
        learned = learn(STRIPES, EDGES, (1, 2), bias=True, seed=4, steps=60, lr=0.015)
        a, _ = exact_system(STRIPES, EDGES, (1, 2), bias=True)
        values = np.linalg.eigvalsh((a.T @ a).astype(float))
        place = descending.point(backend, start.weight, start.bias)
        limit = self.check(backend, learned, 0.015, 60, place, values[-1], values[0])
        assert limit < 0.05
        assert tuple(learned.bias.shape) == (1,)

    def test_the_mean_at_a_rate_of_42_times_as_much_takes_the_same_way(self, backend, learn):
        learned = learn(STRIPES, EDGES, (1, 2), init=[[0.0, 0.0]], loss="mean", lr=42 * 3e-2)
        assert np.round(backend.to_numpy(learned.weight), 1).tolist() == [[1, -1]]

    def test_many_steps_are_all_taken_and_reported(self, backend, learn):
        """More of them than JAX takes in one scan."""
        record = Recorder()
        learned = learn(STRIPES, EDGES, (1, 2), init=[[0.0, 0.0]], steps=66, callback=record)
        a, targets = exact_system(STRIPES, EDGES, (1, 2), bias=False)
        expected = descending.path(a, targets, columns(np.zeros((1, 2))), 3e-2, 66)
        assert [call[0] for call in record.calls] == list(range(66))
        points = [call[2:] for call in record.calls] + [(learned.weight, None)]
        for step, (place, exact) in enumerate(zip(points, expected, strict=True)):
            away = descending.norms(descending.point(backend, *place) - exact.weight)
            assert np.all(away <= exact.distance), step
        assert backend.to_numpy(learned.losses).tolist() == [call[1] for call in record.calls]

    def test_by_every_method(self, backend, learn):
        for method in (*backend.methods_for("float32"), "fft"):
            learned = learn(STRIPES, EDGES, (1, 2), init=[[0.0, 0.0]], method=method)
            assert np.round(backend.to_numpy(learned.weight), 1).tolist() == [[1, -1]], method


class TestArguments:
    def test_no_steps_give_the_start_back(self, backend, learn):
        learned = learn(STRIPES, EDGES, (1, 2), steps=0, init=[[0.5, 3.0]])
        assert_same(backend, learned.weight, [[0.5, 3]], "float32")
        assert_same(backend, learned.losses, np.zeros(0), "float32")
        assert learned.bias is None

    def test_a_start_without_its_bias_has_a_zero_one(self, backend, learn):
        learned = learn(STRIPES, EDGES, (1, 2), steps=0, init=[[0.5, 3.0]], bias=True, lr=1e-3)
        assert_same(backend, learned.weight, [[0.5, 3]], "float32")
        assert_same(backend, learned.bias, [0], "float32")

    def test_a_start_of_arrays(self, backend, learn):
        init = backend.array([[1, 2]], "int32"), backend.array([3], "int32")
        learned = learn(STRIPES, EDGES, (1, 2), steps=0, init=init, bias=True, lr=1e-3)
        assert_same(backend, learned.weight, [[1, 2]], "float32")
        assert_same(backend, learned.bias, [3], "float32")

    def test_the_seed_starts_as_the_layer_does(self, backend, learn):
        from multiconv.numpy import Conv2D

        for size, shapes in (
            ((2, 3), ((4, 5), (3, 3))),
            ((2, 3, 2, 2), ((1, 3, 4, 5), (1, 2, 3, 4))),
        ):
            names = ("out_channels", "in_channels")[: len(size) - 2]
            layer = Conv2D(size[-2:], **dict(zip(names, size, strict=False)), seed=9)
            x, y = (np.ones(s) for s in shapes)
            learned = learn(x, y, size, steps=0, seed=9, bias=True, lr=1e-3)
            assert_same(backend, learned.weight, layer.weight, "float32")
            assert_same(backend, learned.bias, layer.bias, "float32")

    def test_without_a_seed_the_start_is_fresh(self, backend, learn):
        starts = {
            backend.to_numpy(learn(STRIPES, EDGES, (1, 2), steps=0).weight).tobytes()
            for _ in range(3)
        }
        assert len(starts) == 3

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float32"])
    def test_whole_numbers_are_learned_in_float32(self, backend, f, dtype):
        x, y = backend.array(STRIPES, dtype), backend.array(EDGES, "int32")
        learned = f.learn_kernel(x, y, (1, 2), init=[[0, 0]])
        assert backend.dtype_name(learned.weight) == backend.dtype_name(learned.losses) == "float32"
        assert np.round(backend.to_numpy(learned.weight), 1).tolist() == [[1, -1]]

    def test_squares_are_not_added_up_in_16_bits(self, backend, f):
        """131072 is beyond float16, and a power of two in every format."""
        for dtype in {"float16", "bfloat16"} & {*backend.dtypes}:
            x = backend.array(np.zeros((32, 16)), dtype)
            y = backend.array(np.full((32, 16), 16), dtype)
            seen = Recorder()
            learned = f.learn_kernel(
                x, y, (1, 1), init=[[1]], bias=True, lr=2.0**-11, steps=2, callback=seen
            )
            # A step of the bias: 2 * 16 * 512 / 2**11 = 8.
            assert_same(backend, learned.losses, [2**17, 2**15], "float32")
            assert_same(backend, seen.calls[1][3], [8], dtype)
            assert backend.dtype_name(learned.weight) == dtype

    def test_a_size_of_one_number(self, backend, learn):
        learned = learn(STRIPES, np.zeros((5, 7)), 2, steps=1, lr=1e-3)
        assert tuple(learned.weight.shape) == (2, 2)

    def test_nothing_given_is_changed(self, backend, f):
        x, y = backend.array(STRIPES, "float32"), backend.array(EDGES, "float32")
        init = backend.array([[1, 2]], "float32"), backend.array([3], "float32")
        record = Recorder()
        f.learn_kernel(x, y, (1, 2), init=init, bias=True, lr=1e-2, callback=record)
        for array, values in ((x, STRIPES), (y, EDGES), (init[0], [[1, 2]]), (init[1], [3])):
            assert_same(backend, array, values, "float32")
        # What the callback was given stays as it was, too.
        assert_same(backend, record.calls[0][2], [[1, 2]], "float32")
        assert_same(backend, record.calls[0][3], [3], "float32")
        assert all(type(call[1]) is float for call in record.calls)

    def test_of_nested_lists(self, backend):
        if backend.name == "strict":
            import multiconv as functions  # lists go to the default backend

            backend = backends_under_test.NumPy()
        else:
            functions = backend.functions
        learned = functions.learn_kernel(STRIPES.tolist(), EDGES.tolist(), (1, 2), init=[[0, 0]])
        assert backend.is_native_array(learned.weight)
        assert np.round(backend.to_numpy(learned.weight), 1).tolist() == [[1, -1]]


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "options", "words"),
        [
            (ValueError, {"steps": -1}, ("steps", "0", "-1")),
            (TypeError, {"steps": 2.5}, ("steps", "2.5")),
            (ValueError, {"lr": 0}, ("lr", "positive")),
            (ValueError, {"lr": float("nan")}, ("lr", "nan")),
            (ValueError, {"lr": float("inf")}, ("lr", "inf")),
            (TypeError, {"lr": "fast"}, ("lr", "fast")),
            (ValueError, {"loss": "max"}, ("loss", "sum", "mean")),
            (TypeError, {"bias": "yes"}, ("bias", "yes")),
            (ValueError, {"method": "winograd"}, ("method", "winograd")),
            (ValueError, {"init": [[1.0, 2.0, 3.0]]}, ("init", "(1, 2)", "(1, 3)")),
            (ValueError, {"init": ([[1.0, 2.0]], [0.0])}, ("init", "bias")),
            (ValueError, {"init": ([[1.0, 2.0]], [0.0, 1.0]), "bias": True}, ("init", "(1,)")),
            (ValueError, {"init": [[1.0, 2.0]], "seed": 3}, ("init", "seed")),
            (TypeError, {"seed": 1.5}, ("seed", "1.5")),
            (ValueError, {"steps": 10**15}, ("steps", "bytes", str(8 * 10**15))),
            (ValueError, {"steps": 10**30}, ("steps", "bytes", str(8 * 10**30))),
            (ValueError, {"lr": 10**400}, ("lr", "finite")),
            (TypeError, {"lr": True}, ("lr", "True")),
            (TypeError, {"lr": np.True_}, ("lr", "bool")),
            (TypeError, {"lr": 1j}, ("lr", "complex")),
            (TypeError, {"lr": np.complex64(1)}, ("lr", "complex64")),
            (TypeError, {"lr": np.array([0.1])}, ("lr", "0.1")),
            (TypeError, {"lr": None}, ("lr", "None")),
            (TypeError, {"callback": 3}, ("callback", "callable", "3")),
            (TypeError, {"init": [[1j, 2.0]]}, ("init", "complex")),
            (TypeError, {"init": ([[1, 2]], [1j]), "bias": True}, ("init[1]", "complex")),
            (ValueError, {"init": [[np.nan, 2.0]]}, ("init", "finite")),
        ],
    )
    def test_an_option(self, learn, error, options, words):
        check_error(error, lambda: learn(STRIPES, EDGES, (1, 2), **options), *words)

    @pytest.mark.parametrize("name", ["learn_kernel", "solve_kernel"])
    @pytest.mark.parametrize(
        ("shapes", "size", "words"),
        [
            (((6, 8), (6, 8)), (1, 2), ("y", "(6, 7)", "(6, 8)")),
            (((6, 8), (6, 7)), (1, 2, 3), ("kernel_size", "(1, 2, 3)")),
            (((6, 8), (6, 7)), (7, 2), ("kernel", "7", "6")),
            (((6, 8), (6, 7)), (0, 2), ("kernel_size", "1", "0")),
            (((8,), (7,)), (1, 2), ("x", "(8,)")),
            (((6, 8), (6, 7)), (1, 1, 1, 2), ("x", "(6, 8)")),
            (((1, 2, 6, 8), (1, 1, 6, 7)), (1, 3, 1, 2), ("x", "3", "(1, 2, 6, 8)")),
            (((1, 2, 6, 8), (1, 1, 6, 7)), (3, 2, 1, 2), ("y", "(1, 3, 6, 7)", "(1, 1, 6, 7)")),
            (((0, 6, 8), (0, 6, 7)), (1, 2), ("nothing", "(0, 6, 8)")),
        ],
    )
    def test_shapes_that_do_not_go_together(self, backend, f, name, shapes, size, words):
        x, y = (backend.array(np.ones(s), "float32") for s in shapes)
        check_error(ValueError, lambda: getattr(f, name)(x, y, size), *words)

    @pytest.mark.parametrize("name", ["learn_kernel", "solve_kernel"])
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_data_that_are_not_finite(self, backend, f, name, bad):
        x, y = (backend.array(a, "float32") for a in (STRIPES, np.where(EDGES, bad, 0)))
        check_error(ValueError, lambda: getattr(f, name)(x, y, (1, 2)), "y", "finite")
        x, y = (backend.array(a, "float32") for a in (np.where(STRIPES, bad, 0), EDGES))
        check_error(ValueError, lambda: getattr(f, name)(x, y, (1, 2)), "x", "finite")

    @pytest.mark.parametrize("name", ["learn_kernel", "solve_kernel"])
    def test_complex_data(self, backend, f, name):
        x, y = backend.array(STRIPES, "complex64"), backend.array(EDGES, "float32")
        check_error(TypeError, lambda: getattr(f, name)(x, y, (1, 2)), "x", "complex64")

    @pytest.mark.needs_backend("jax")
    @pytest.mark.parametrize("name", ["learn_kernel", "solve_kernel"])
    def test_under_a_tracer(self, name):
        """Both look at the values of x, which a tracer has not: the error must say so."""
        import jax

        jax_backend = backends_under_test.Jax()
        function = getattr(jax_backend.functions, name)
        x, y = (jax_backend.array(a, "float32") for a in (STRIPES, EDGES))
        traced = jax.jit(lambda x, y: function(x, y, (1, 2)).weight)
        with pytest.raises(Exception, match="trace") as caught:
            traced(x, y)
        assert name in str(caught.value)

    @pytest.mark.needs_backend("jax")
    def test_a_traced_rate(self):
        import jax

        backend = backends_under_test.Jax()
        x, y = (backend.array(a, "float32") for a in (STRIPES, EDGES))
        learn = backend.functions.learn_kernel
        traced = jax.jit(lambda lr: learn(x, y, (1, 2), lr=lr).weight)
        check_error(TypeError, lambda: traced(3e-2), "lr", "value", "float32")

    def test_a_rate_in_an_array_without_axes(self, backend, learn):
        options = {"init": [[0, 0]], "steps": 3}
        expected = backend.to_numpy(learn(STRIPES, EDGES, (1, 2), lr=2.0**-6, **options).weight)
        found = learn(STRIPES, EDGES, (1, 2), lr=backend.array(2.0**-6, "float32"), **options)
        assert_same(backend, found.weight, expected, "float32")

    @pytest.mark.needs_backend("torch")
    @pytest.mark.parametrize("name", ["learn_kernel", "solve_kernel"])
    @pytest.mark.parametrize("meta", ["x", "y"])
    def test_tensors_without_numbers(self, name, meta):
        backend = backends_under_test.Torch()
        x, y = (backend.array(a, "float32") for a in (STRIPES, EDGES))
        x, y = (x.to("meta"), y) if meta == "x" else (x, y.to("meta"))
        function = getattr(backend.functions, name)
        check_error(TypeError, lambda: function(x, y, (1, 2)), meta, "numbers", "meta")

    @pytest.mark.needs_backend("torch")
    def test_a_start_without_numbers(self):
        import torch

        backend = backends_under_test.Torch()
        x, y = (backend.array(a, "float32") for a in (STRIPES, EDGES))
        init = torch.ones((1, 2), device="meta")
        learn = backend.functions.learn_kernel
        check_error(TypeError, lambda: learn(x, y, (1, 2), init=init), "init", "numbers", "meta")

    def test_an_error_of_the_callback_comes_through(self, learn):
        def callback(*_):
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            learn(STRIPES, EDGES, (1, 2), callback=callback)


class TestAdvice:
    def test_a_rate_that_must_diverge(self, learn):
        """Beyond 1/30 = 0.03333 the loss grows."""
        with pytest.warns(RuntimeWarning, match="must diverge") as caught:
            learned = learn(STRIPES, EDGES, (1, 2), lr=0.034, seed=0, steps=60)
        (warning,) = caught
        message = str(warning.message)
        assert "0.034" in message
        assert "0.03333" in message
        assert "0.028" in message  # 1 / (30 + 6)
        assert warning.filename == __file__
        assert float(learned.losses[-1]) > float(learned.losses[-2])

    def test_the_warning_points_at_the_call(self, f, backend):
        """Of all the lines that lead there, the one that calls the package."""
        arrays = {"x": backend.array(STRIPES, "float32"), "y": backend.array(EDGES, "float32")}
        call = "\n\nlearn_kernel(x, y, (1, 2), lr=0.034, seed=0)"
        with pytest.warns(RuntimeWarning, match="must diverge") as caught:
            exec(compile(call, "a_script.py", "exec"), {"learn_kernel": f.learn_kernel, **arrays})
        assert (caught[0].filename, caught[0].lineno) == ("a_script.py", 3)

    def test_a_rate_just_within_the_limit_does_not_warn(self, learn):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            learned = learn(STRIPES, EDGES, (1, 2), lr=0.0333, seed=0, steps=60)
        assert float(learned.losses[-1]) < float(learned.losses[0])

    def test_the_limit_counts_the_bias_and_the_mean(self, learn):
        a, _ = exact_system(STRIPES, EDGES, (1, 2), bias=True)
        limit = 42 / np.linalg.eigvalsh((a.T @ a).astype(float))[-1]
        options = {"bias": True, "loss": "mean", "steps": 1, "seed": 0}
        learn(STRIPES, EDGES, (1, 2), lr=0.99 * limit, **options)
        with pytest.warns(RuntimeWarning, match="must diverge"):
            learn(STRIPES, EDGES, (1, 2), lr=1.01 * limit, **options)

    def test_a_loss_that_grew(self, learn):
        with pytest.warns(RuntimeWarning, match="must diverge"):
            learned = learn(STRIPES, EDGES, (1, 2), lr=0.1, seed=0)
        (note,) = learned.notes
        assert "grew" in note
        assert "too large" in note

    def test_a_loss_that_overflowed(self, learn):
        """One warning, before; none of NumPy, of every operation that overflows."""
        with pytest.warns(RuntimeWarning) as caught:
            learned = learn(STRIPES, EDGES, (1, 2), lr=10.0, seed=0, steps=60)
        (warning,) = caught
        assert "must diverge" in str(warning.message)
        assert any("too large" in note for note in learned.notes)

    def test_a_picture_of_bytes(self, backend, f):
        """At the default rate numbers overflow: the warning and the note name one that works."""
        picture = np.random.default_rng(0).integers(0, 256, (16, 16))
        x = backend.array(picture, "uint8")
        y = backend.array(oracle.corr2d(picture, EDGE), "int32")
        with pytest.warns(RuntimeWarning) as caught:
            learned = f.learn_kernel(x, y, (1, 2), steps=30, seed=1)
        (warning,) = caught
        (note,) = learned.notes
        found = re.search(r"lr=(\S+) is the fastest", str(warning.message))
        assert f"lr={found[1]} converges fastest" in note
        assert not f.learn_kernel(x, y, (1, 2), steps=300, seed=1, lr=float(found[1])).notes

    def test_only_the_loops_operations_are_silenced(self, backend, learn):
        errors = np.geterr()
        seen = []
        learn(STRIPES, EDGES, (1, 2), callback=lambda *_: seen.append(np.geterr()))
        assert seen == [errors] * 10

    def test_a_loss_that_stalled_for_a_small_rate(self, learn):
        """The mean's gradient is 42 times smaller, which the textbook's rate is not made for."""
        learned = learn(STRIPES, EDGES, (1, 2), lr=1e-2, loss="mean", init=[[0, 0]])
        (note,) = learned.notes
        assert "stalled" in note
        assert "small" in note
        assert "1.2" in note  # the best rate: 42 / 36
        steps = int(re.search(r"takes about (\d+) steps a hundredfold", note)[1])
        shrink = 1 - 2 * Fraction(1, 100) * 6 / 42  # of the error, along the slowest direction
        assert shrink ** (2 * steps) <= Fraction(1, 100) < shrink ** (2 * (steps - 1))

    def test_a_loss_that_stalled_at_its_least(self, learn):
        """No kernel of one pixel finds an edge: the best one leaves something over."""
        learned = learn(STRIPES, np.where(STRIPES, 1.0, 0.5), (1, 1), lr=0.02, steps=60)
        (note,) = learned.notes
        assert "stalled" in note
        assert "least" in note
        assert "kernel" in note

    def test_an_image_of_zeros_stalls_at_once(self, learn):
        learned = learn(np.zeros((6, 8)), EDGES, (1, 2), seed=0)
        assert len({float(value) for value in learned.losses}) == 1
        assert "stalled" in learned.notes[0]

    def test_a_good_fit_needs_no_advice(self, learn):
        assert not learn(STRIPES, EDGES, (1, 2), seed=0, steps=100).notes


class Terminal(io.StringIO):
    def isatty(self):
        return True


class TestProgress:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch):
        monkeypatch.setattr("multiconv.core.progress._INTERVAL", 0.0)

    def test_the_first_line_comes_before_the_first_step(self, learn, monkeypatch):
        """However long that takes."""
        monkeypatch.setattr("multiconv.core.progress._INTERVAL", 3600.0)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        seen = []
        learn(STRIPES, EDGES, (1, 2), callback=lambda *_: seen.append(terminal.getvalue()))
        assert seen == ["\r\x1b[Klearning 0/10"] * 10

    def test_a_line_does_not_wrap(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr("shutil.get_terminal_size", lambda **_: os.terminal_size((20, 5)))
        with Progress("comparing", 3) as progress:
            progress.advance("a name that is rather long")
        assert "\r\x1b[Kcomparing 1/3 a nam\r" in terminal.getvalue()

    @pytest.mark.parametrize("step", [0, 3])
    def test_the_line_is_cleared_after_an_interrupt(self, learn, monkeypatch, step):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        # A shell's background job ignores the signal, and so would its children.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)

        def callback(at, *_):
            if at == step:
                signal.raise_signal(signal.SIGINT)

        try:
            with pytest.raises(KeyboardInterrupt):
                learn(STRIPES, EDGES, (1, 2), callback=callback)
        finally:
            signal.signal(signal.SIGINT, before)
        assert f"{step}/10" in terminal.getvalue()
        assert terminal.getvalue().endswith("\r\x1b[K")

    def test_on_a_terminal(self, learn, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        learn(STRIPES, EDGES, (1, 2), init=[[0, 0]])
        shown = terminal.getvalue()
        assert "1/10" in shown
        assert "10/10" in shown
        assert "loss 12" in shown
        assert shown.endswith("\r\x1b[K")
        assert "\n" not in shown

    def test_the_line_is_cleared_after_an_error(self, learn, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)

        def callback(step, *_):
            if step == 3:
                raise KeyError

        with pytest.raises(KeyError):
            learn(STRIPES, EDGES, (1, 2), callback=callback)
        assert terminal.getvalue().endswith("\r\x1b[K")

    def test_not_elsewhere(self, learn, monkeypatch, capsys):
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        learn(STRIPES, EDGES, (1, 2))
        assert sys.stderr.getvalue() == ""
        assert capsys.readouterr().out == ""

    def test_without_a_stderr(self, learn, monkeypatch):
        monkeypatch.setattr(sys, "stderr", None)
        learn(STRIPES, EDGES, (1, 2))

    def test_every_step_is_shown(self, learn, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        seen = []
        learn(STRIPES, EDGES, (1, 2), callback=lambda *_: seen.append(terminal.getvalue()))
        assert len(set(seen)) == 10


@pytest.mark.needs_backend("torch")
class TestTorchModes:
    @pytest.mark.parametrize("mode", ["no_grad", "inference_mode", "enable_grad"])
    @pytest.mark.parametrize("inside", [False, True], ids=["data from outside", "from inside"])
    def test_learning_does_not_depend_on_the_mode(self, mode, inside):
        import torch

        backend = backends_under_test.Torch()
        outside = [backend.array(a, "float32") for a in (STRIPES, EDGES)]
        with getattr(torch, mode)():
            x, y = [a.clone() for a in outside] if inside else outside
            learned = backend.functions.learn_kernel(x, y, (1, 2), init=[[0, 0]])
            solved = backend.functions.solve_kernel(x, y, (1, 2))
        assert np.round(learned.weight.numpy(), 1).tolist() == [[1, -1]]
        assert np.round(solved.weight.numpy(), 1).tolist() == [[1, -1]]

    def test_data_that_require_gradients_collect_none(self):
        backend = backends_under_test.Torch()
        x, y = (backend.array(a, "float32").requires_grad_() for a in (STRIPES, EDGES))
        learned = backend.functions.learn_kernel(x, y, (1, 2), bias=True, lr=1e-2)
        assert x.grad is None
        assert y.grad is None
        assert not learned.weight.requires_grad
        assert not learned.bias.requires_grad
        assert not learned.losses.requires_grad
        assert not backend.functions.solve_kernel(x, y, (1, 2)).weight.requires_grad


@pytest.mark.needs_backend("jax")
class TestJaxDevices:
    @pytest.mark.parametrize("steps", [0, 2])
    def test_what_is_learned_stays_where_the_data_are(self, steps):
        import jax

        device = jax.devices()[-1]
        assert device != jax.devices()[0]
        x, y = (jax.device_put(a.astype(np.float32), device) for a in (STRIPES, EDGES))
        face = backends_under_test.Jax().functions
        learned = face.learn_kernel(x, y, (1, 2), steps=steps, bias=True, lr=1e-2)
        for array in (learned.weight, learned.bias, learned.losses):
            assert array.devices() == {device}

    def test_what_is_solved_too(self):
        import jax

        device = jax.devices()[-1]
        x, y = (jax.device_put(a.astype(np.float32), device) for a in (STRIPES, EDGES))
        solved = backends_under_test.Jax().functions.solve_kernel(x, y, (1, 2), bias=True)
        assert solved.weight.devices() == solved.bias.devices() == {device}


@pytest.mark.slow  # so that dask is needed in the sessions with everything only
class TestDask:
    @pytest.mark.parametrize("options", [{}, {"bias": True, "loss": "mean", "lr": 0.5}])
    def test_a_descent_stays_on_the_path(self, options):
        import dask.array

        import multiconv

        bias, mean = "bias" in options, "loss" in options
        x, y = STRIPES.astype(np.float32), EDGES.astype(np.float32)
        chunked = dask.array.from_array(x, chunks=(3, 5)), dask.array.from_array(y, chunks=4)
        init = ([[0.5, 0.25]], [0.125]) if bias else [[0.5, 0.25]]
        learned = multiconv.learn_kernel(*chunked, (1, 2), init=init, **options)
        a, targets = exact_system(x, y, (1, 2), bias)
        start = columns(np.array([[0.5, 0.25]]), np.array([0.125]) if bias else None)
        path = descending.path(a, targets, start, options.get("lr", 3e-2), 10, mean=mean)
        found = columns(learned.weight.compute(), learned.bias.compute() if bias else None)
        assert np.all(descending.norms(found - path[-1].weight) <= path[-1].distance)
        for value, exact in zip(learned.losses.compute(), path, strict=False):
            assert abs(Fraction(float(value)) - exact.loss) <= exact.loss_error
        assert isinstance(learned.losses, dask.array.Array)
        assert learned.weight.dtype == learned.losses.dtype == np.float32

    def test_a_step_does_not_carry_the_earlier_ones_along(self):
        """So that the work does not grow with the square of the steps."""
        import dask.array

        import multiconv

        x, y = (dask.array.from_array(a.astype(np.float32)) for a in (STRIPES, EDGES))
        sizes = []
        multiconv.learn_kernel(
            x, y, (1, 2), callback=lambda step, loss, w, b: sizes.append(len(w.__dask_graph__()))
        )
        assert len(set(sizes)) == 1

    def test_solving(self):
        import dask.array

        import multiconv

        x, y = (dask.array.from_array(a, chunks=3) for a in (STRIPES, EDGES))
        solved = multiconv.solve_kernel(x, y, (1, 2))
        assert isinstance(solved.weight, dask.array.Array)
        assert np.round(solved.weight.compute(), 9).tolist() == [[1, -1]]
