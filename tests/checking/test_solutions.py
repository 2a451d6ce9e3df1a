"""Right solutions in unusual styles are right, and wrong ones are diagnosed as what they are."""

from pathlib import Path

import pytest

from multiconv.checking.check import check_file
from multiconv.checking.running.runner import Limits

SOLUTIONS = Path(__file__).parent / "solutions"

# The key of the diagnosis, where it is not the name of the function.
NUMPY = {
    "corr2d": {
        **dict.fromkeys(("right_einsum", "right_recursion", "right_matrix", "corr2d")),
        **{"flipped": "flipped", "transposed_kernel": "transposed-kernel", "mean": "mean"},
        **{"window_one_short": "window-one-short", "padded": "padded", "none": "none"},
        **{"square_images_only": "square-images-only", "axes_swapped": "axes-swapped"},
        **{"square_kernels_only": "square-kernels-only", "truncated": "truncated"},
        **{"wrapped": "wrapped", "modified": "modified", "exception": "exception"},
        **{"imprecise": "imprecise", "fourier": "imprecise"},
    },
    "Conv2D": {
        **{"Right": None, "BiasForgotten": "bias-forgotten", "BiasPerTap": "bias-per-tap"},
        "Parameters": "parameters",
    },
    "conv_backward": {"backward": None, "batch_mixed": "batch-mixed", "overwritten": "overwritten"},
    "im2col": {
        **{"im2col": None, "transposed_result": "transposed-result"},
        "one_channel_only": "one-channel-only",
    },
    "learn": {
        **{"learn": None, "wrong_sign": "wrong-sign", "wrong_scale": "wrong-scale"},
        **{"too_slow": "too-slow", "no_step": "no-step"},
    },
}
TORCH = {
    "corr2d": {
        **dict.fromkeys(("right_einsum", "right_unfold", "right_accumulate", "corr2d")),
        **{"flipped": "flipped", "half_flipped": "half-flipped", "mean": "mean", "none": "none"},
        **{"window_one_short": "window-one-short", "padded": "padded", "clipped": "clipped"},
        **{"square_kernels_only": "square-kernels-only", "truncated": "truncated"},
        **{"modified": "modified", "type_numpy": "type", "gradient_cut": "gradient-cut"},
        "gradient_cut_by_half": "gradient-cut",
    },
    "Conv2D": {
        **{"Right": None, "BiasForgotten": "bias-forgotten", "BiasPerTap": "bias-per-tap"},
        "NoParameter": "gradient-cut",
    },
    "conv_backward": {"batch_mixed": "batch-mixed"},
    "learn": {
        **{"learn": None, "zero_grad": "zero-grad", "wrong_sign": "wrong-sign"},
        **{"wrong_scale": "wrong-scale", "diverging": "wrong-scale"},
    },
}
JAX = {
    "corr2d": {
        **dict.fromkeys(("right_einsum", "right_lax", "right_reduce")),
        **{"flipped": "flipped", "transposed_result": "transposed-result", "mean": "mean"},
        **{"window_one_short": "window-one-short", "padded": "padded", "none": "none"},
        **{"truncated": "truncated", "absolute": "absolute", "immutable": "immutable"},
        **{"gradient_cut": "gradient-cut", "gradient_cut_silently": "gradient-cut"},
        "square_images_only": "square-images-only",
    },
    "Conv2D": {"Right": None, "BiasForgotten": "bias-forgotten"},
    "learn": {"learn": None, "wrong_sign": "wrong-sign", "wrong_scale": "wrong-scale"},
}


def marks(framework, task, key):
    """A mistake that NumPy's solutions make too is told by the same lines, and slowly."""
    is_known = framework != "numpy" and key in filter(None, NUMPY[task].values())
    return [pytest.mark.needs_backend(framework), *([pytest.mark.slow] if is_known else [])]


ALL = [
    pytest.param(
        *(framework, task, name, key),
        marks=marks(framework, task, key),
        id=f"{framework}-{task}-{name}",
    )
    for framework, tasks in (("numpy", NUMPY), ("torch", TORCH), ("jax", JAX))
    for task, names in tasks.items()
    for name, key in names.items()
]
FLAX = {"Nnx": None, "Linen": None, "BiasForgotten": "bias-forgotten"}


def checked(framework, name, task):
    return check_file(SOLUTIONS / f"{framework}_solutions.py", name, task, None, Limits(), 0)


@pytest.mark.parametrize(("framework", "task", "name", "key"), ALL)
def test_each_is_told_for_what_it_is(framework, task, name, key):
    report = checked(framework, name, task)
    assert report.source.framework == framework
    assert (report.mistake.key if report.mistake else None) == key, str(report)
    assert bool(report) == (key is None) == (report.points == report.max_points)
    assert max(map(len, str(report).splitlines())) <= 80


@pytest.mark.needs_backend("jax")
@pytest.mark.needs_library("flax")
@pytest.mark.parametrize(("name", "key"), FLAX.items())
def test_layers_of_flax(name, key):
    report = checked("flax", name, "Conv2D")
    assert (report.mistake.key if report.mistake else None) == key, str(report)


@pytest.mark.parametrize(
    ("framework", "name"),
    [
        pytest.param(framework, name, marks=pytest.mark.needs_backend(framework))
        for framework, name in (
            *(("torch", "gradient_cut"), ("torch", "gradient_cut_by_half")),
            *(("jax", "immutable"), ("jax", "gradient_cut")),
        )
    ],
)
def test_the_line_is_told(framework, name):
    line = checked(framework, name, "corr2d").line
    lines = (SOLUTIONS / f"{framework}_solutions.py").read_text().splitlines()
    assert "# HERE" in lines[line - 1]


class TestTheSmallestCase:
    def test_it_is_small(self):
        smallest = checked("numpy", "flipped", "corr2d").smallest
        assert smallest.case.size("x") == smallest.case.size("k") == (1, 2)
        assert sorted(smallest.case.arrays["x"].ravel()) == [0, 1]

    def test_it_still_shows_the_mistake(self):
        smallest = checked("numpy", "transposed_kernel", "corr2d").smallest
        assert smallest.case.size("k") == (2, 2)
        assert not smallest.verdict.is_right


class TestHints:
    def test_they_do_not_give_the_answer_away(self):
        from dataclasses import replace

        report = replace(checked("numpy", "flipped", "corr2d"), hints=True)
        assert report.mistake.hint in str(report).replace("\n  ", " ")
        assert "flipped" not in str(report).replace("numpy_solutions.py:flipped", "")
        assert "right is" not in str(report).partition("\n")[2]
        assert set(report.as_dict()["mistake"]) == {"hint", "line"}
        assert "right" not in report.as_dict()["smallest"]
