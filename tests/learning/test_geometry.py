"""Learning and solving through strides, padding, borders, dilation and groups."""

from fractions import Fraction

import descending
import numpy as np
import oracle
import pytest
from comparing import check_error

import multiconv

FORMS = {
    "strided": {
        "x": (2, 2, 5, 6),
        "kernel": (3, 2, 3, 2),
        "options": {"stride": (2, 1), "dilation": (1, 2), "padding": ((1, 0), (2, 1))},
    },
    "border": {
        "x": (2, 5, 6),
        "kernel": (3, 2),
        "options": {"padding": "same", "padding_mode": "reflect", "stride": 2},
    },
    "groups": {
        "x": (2, 4, 4, 5),
        "kernel": (6, 2, 2, 3),
        "options": {"groups": 2, "padding": 1, "padding_mode": "circular"},
    },
    "depthwise": {
        "x": (3, 3, 6, 5),
        "kernel": (3, 1, 2, 2),
        "options": {"groups": 3, "padding": "same_lower", "dilation": 2},
    },
    "a border of one number": {
        "x": (2, 5, 4),
        "kernel": (3, 2),
        "options": {"padding": ((2, 1), (0, 1)), "padding_mode": "constant", "padding_value": 2.5},
    },
    "a border per channel": {
        "x": (2, 2, 4, 5),
        "kernel": (2, 2, 2, 3),
        "options": {"padding": 1, "padding_mode": "constant", "padding_value": np.array([1, -3])},
    },
    "larger than the image": {
        "x": (4, 2, 3),
        "kernel": (3, 4),
        "options": {"padding": "full"},
    },
}


class Problem:
    """x, y and a start that need all their bits, and the exact system of every group."""

    def __init__(self, form, dtype, *, bias, whole=False, seed=3):
        rng = np.random.default_rng(seed)
        self.kernel, self.options = FORMS[form]["kernel"], FORMS[form]["options"]
        self.groups = self.options.get("groups", 1)
        channels = len(self.kernel) == 4
        self.x = rng.integers(-9, 10, FORMS[form]["x"]).astype(dtype)
        if not whole:
            self.x += rng.random(self.x.shape).astype(dtype)
        self.weight = rng.integers(-9, 10, self.kernel)
        self.bias = rng.integers(-9, 10, self.kernel[0] if channels else 1)
        correlate = oracle.conv if channels else oracle.corr2d
        y = correlate(self.x.astype("float64"), self.weight, **self.options)
        y = y + bias * (self.bias[:, None, None] if channels else self.bias)
        self.y = (y if whole else y + rng.normal(size=y.shape)).astype(dtype)
        images, targets = (
            a.reshape(-1, 1, *a.shape[-2:]) if not channels else a for a in (self.x, self.y)
        )
        named = {name: value for name, value in self.options.items() if name != "groups"}
        mode, value = named.pop("padding_mode", "zeros"), named.pop("padding_value", 0)
        maps = oracle.tap_maps(images.shape[2:], self.kernel[-2:], mode=mode, **named)
        matrices = oracle.patch_matrix(oracle.exactly(images), maps, self.groups, value)
        rows = oracle.grouped_rows(oracle.exactly(targets), self.groups)
        self.systems = [
            (np.concatenate([a, 0 * a[:, :1] + 1], axis=1) if bias else a, y)
            for a, y in zip(matrices, rows, strict=True)
        ]

    @property
    def largest(self):
        return max(np.linalg.eigvalsh((a.T @ a).astype(float))[-1] for a, _ in self.systems)

    def paths(self, start, lr, steps, **options):
        """The exact path of every group; start is a column for each filter."""
        starts = np.split(start, self.groups, axis=1)
        return [
            descending.path(a, y, first, lr, steps, count=self.y.size, **options)
            for (a, y), first in zip(self.systems, starts, strict=True)
        ]


def columns(weight, bias):
    flat = weight.reshape(1 if weight.ndim == 2 else len(weight), -1)
    flat = flat if bias is None else np.concatenate([flat, bias[:, None]], axis=1)
    return oracle.exactly(flat.T)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("bias", "loss", "dtype", "momentum"),
    [(False, "sum", "float32", 0.0), (True, "mean", "float64", 0.75)],
)
def test_every_step_is_within_the_derived_bound(backend, form, bias, loss, dtype, momentum):
    problem, mean = Problem(form, dtype, bias=bias), loss == "mean"
    lr = 0.9 * (problem.y.size if mean else 1) / float(problem.largest)
    weight = np.random.default_rng(5).normal(size=problem.kernel).astype(dtype)
    offset = problem.bias.astype(dtype) if bias else None
    options = {"mean": mean, "dtype": dtype, "momentum": momentum}
    expected = problem.paths(columns(weight, offset), lr, 6, **options)
    points = []
    with backend.wide(dtype):
        init = backend.array(weight, dtype)
        learned = backend.functions.learn_kernel(
            *(backend.array(a, dtype) for a in (problem.x, problem.y)),
            problem.kernel,
            init=(init, backend.array(offset, dtype)) if bias else init,
            steps=6,
            lr=lr,
            loss=loss,
            bias=bias,
            momentum=momentum,
            callback=lambda step, loss, *point: points.append(point),
            **problem.options,
        )
        points.append((learned.weight, learned.bias))
        for step, point in enumerate(points):
            found = np.split(descending.point(backend, *point), problem.groups, axis=1)
            for path, part in zip(expected, found, strict=True):
                away = descending.norms(part - path[step].weight)
                assert np.all(away <= path[step].distance), step
        losses = backend.to_numpy(learned.losses)
    for step, value in enumerate(losses):
        exact = sum(path[step].loss for path in expected)
        bound = sum(path[step].loss_error for path in expected)
        # The sums of the groups are added up, in any order.
        bound += len(expected) * descending.ROUNDOFF[dtype] * (float(exact) + bound)
        assert abs(Fraction(float(value)) - exact) <= bound, step


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
class TestSolving:
    def test_a_kernel_of_whole_numbers_comes_back(self, backend, form, bias):
        problem = Problem(form, "float32", bias=bias, whole=True)
        x, y = (backend.array(a, "float32") for a in (problem.x, problem.y))
        solved = backend.functions.solve_kernel(x, y, problem.kernel, bias=bias, **problem.options)
        unknowns = problem.systems[0][0].shape[1]
        assert (solved.rank, solved.unknowns) == (unknowns, unknowns)
        assert np.round(backend.to_numpy(solved.weight), 3).tolist() == problem.weight.tolist()
        if bias:
            assert np.round(backend.to_numpy(solved.bias), 3).tolist() == problem.bias.tolist()

    def test_the_residual_is_orthogonal_to_the_patches(self, backend, form, bias):
        """In float64, up to the backward error of two orthogonal factorizations."""
        problem = Problem(form, "float64", bias=bias)
        with backend.wide("float64"):
            x, y = (backend.array(a, "float64") for a in (problem.x, problem.y))
            solved = backend.functions.solve_kernel(
                x, y, problem.kernel, bias=bias, **problem.options
            )
            found = descending.point(backend, solved.weight, solved.bias)
        residual = limit = 0
        parts = np.split(found, problem.groups, axis=1)
        for (a, targets), part in zip(problem.systems, parts, strict=True):
            left = a @ part - targets
            residual += (left * left).sum()
            gradient = np.linalg.norm((a.T @ left).astype(float))
            sizes = [np.linalg.norm(m.astype(float)) for m in (a, part, targets)]
            rows, unknowns = a.shape
            error = 20 * rows * unknowns * 2.0**-53 * (sizes[0] * sizes[1] + sizes[2])
            assert gradient <= 2 * sizes[0] * error
            rest = np.linalg.norm(left.astype(float))
            limit += 2 * rest * error + error**2
        assert abs(solved.residual - float(residual)) <= limit


class TestGroupsThatDifferInRank:
    def solved(self, backend):
        """The second group's channel is constant, and determines the sum of two taps only."""
        rng = np.random.default_rng(0)
        x = np.concatenate([rng.integers(-5, 6, (2, 1, 4, 5)), np.full((2, 1, 4, 5), 3)], axis=1)
        weight = np.array([1, -2, 3, 1]).reshape(2, 1, 1, 2)
        y = oracle.conv(x, weight, groups=2)
        x, y = backend.array(x, "float32"), backend.array(y, "float32")
        return backend.functions.solve_kernel(x, y, (2, 1, 1, 2), groups=2)

    def test_the_weakest_is_the_one_that_is_spoken_of(self, backend):
        solved = self.solved(backend)
        assert (solved.rank, solved.unknowns) == (1, 2)
        assert abs(abs(solved.undetermined) - np.sqrt(0.5)).max() < 1e-12

    def test_of_that_the_smallest_kernel_is_given(self, backend):
        weight = backend.to_numpy(self.solved(backend).weight)
        assert np.round(weight, 5).ravel().tolist() == [1, -2, 2, 2]


@pytest.mark.parametrize("name", ["learn_kernel", "solve_kernel"])
class TestErrors:
    @pytest.mark.parametrize(
        ("shape", "size", "value", "words"),
        [
            ((5, 5), (2, 2), (1, 2), ["padding_value", "one number, got 2"]),
            ((1, 2, 5, 5), (1, 2, 2, 2), (1, 2, 3), ["one per channel, here 2", "3"]),
        ],
    )
    def test_a_border_of_other_channels(self, name, shape, size, value, words):
        x = np.ones(shape)
        y = np.ones((*shape[:-3], *size[:-3], 6, 6))
        options = {"padding": 1, "padding_mode": "constant", "padding_value": value}
        function = getattr(multiconv, name)
        check_error(ValueError, lambda: function(x, y, size, **options), *words)

    @pytest.mark.parametrize(
        ("shapes", "size", "options", "words"),
        [
            (((6, 8), (6, 8)), (1, 2), {}, ("y", "(6, 7)", "(6, 8)", "padding='same'")),
            (((6, 8), (6, 7)), (1, 2), {"stride": 2}, ("y", "(3, 4)", "stride=(2, 2)")),
            (((6, 8), (6, 7)), (1, 2), {"groups": 2}, ("groups=2", "(O, C/groups, kh, kw)")),
            (((1, 3, 6, 8), (1, 4, 6, 7)), (4, 1, 1, 2), {"groups": 2}, ("x", "(N, 2, H, W)")),
            (((1, 2, 6, 8), (1, 3, 6, 7)), (3, 1, 1, 2), {"groups": 2}, ("groups=2", "3")),
            (((2, 2), (6, 7)), (1, 2), {"padding": 5, "padding_mode": "reflect"}, ("reflect", "1")),
            (((6, 8), (6, 7)), (1, 2), {"stride": 0}, ("stride", "0")),
            (((6, 8), (6, 7)), (1, 2), {"padding": "some"}, ("padding", "some", "same")),
        ],
    )
    def test_what_does_not_go_together(self, backend, name, shapes, size, options, words):
        x, y = (backend.array(np.ones(s), "float32") for s in shapes)
        function = getattr(backend.functions, name)
        check_error(ValueError, lambda: function(x, y, size, **options), *words)
