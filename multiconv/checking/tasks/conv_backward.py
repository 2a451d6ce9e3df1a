"""The task ``conv_backward``: the gradients of a convolution of channels, as a layer needs them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from multiconv.checking import drawing, exact
from multiconv.checking.mistakes import backward
from multiconv.checking.task import Case, Task, Wanted
from multiconv.checking.tasks import corr2d, images

_SIZES = (
    ("one image, one channel: 3 x 3, kernel 2 x 2", (1, 1, 3, 3), (1, 1, 2, 2)),
    ("a larger one: 5 x 5, kernel 3 x 3", (1, 1, 5, 5), (1, 1, 3, 3)),
    ("a wide image, 3 x 5", (1, 1, 3, 5), (1, 1, 2, 2)),
    ("a tall image, 5 x 3", (1, 1, 5, 3), (1, 1, 2, 2)),
    ("a wide kernel, 1 x 3", (1, 1, 4, 4), (1, 1, 1, 3)),
    ("a kernel of one number", (1, 1, 3, 4), (1, 1, 1, 1)),
    ("a kernel as large as the image", (1, 1, 3, 2), (1, 1, 3, 2)),
    ("a batch of three images", (3, 1, 4, 4), (1, 1, 2, 2)),
    ("two channels in", (1, 2, 4, 4), (1, 2, 2, 2)),
    ("three channels out", (1, 1, 4, 4), (3, 1, 2, 2)),
    ("all together: (2, 3, 5, 4), kernel 2 x 3", (2, 3, 5, 4), (4, 3, 2, 3)),
)


def _cases(rng: np.random.Generator, framework: str) -> list[Case]:
    real = drawing.FLOATS[framework]
    found = [
        Case(title, _inputs(*(drawing.whole(rng, s, real) for s in (_output(x, w), x, w))))
        for title, x, w in _SIZES
    ]
    x, w = (2, 2, 4, 5), (2, 2, 3, 2)
    drawn = (drawing.fractions(rng, shape, real) for shape in (_output(x, w), x, w))
    return [*found, Case("fractions", _inputs(*drawn))]


def _inputs(dy: exact.Floats, x: exact.Floats, w: exact.Floats) -> dict[str, exact.Floats]:
    return {"dy": dy, "x": x, "w": w}


def _output(x: tuple[int, ...], w: tuple[int, ...]) -> tuple[int, ...]:
    return (x[0], w[0], x[2] - w[2] + 1, x[3] - w[3] + 1)


def _wanted(case: Case) -> tuple[Wanted, ...]:
    dy, x, w = (case.array(name) for name in ("dy", "x", "w"))
    return (
        Wanted("dx", exact.input_grad(dy, w)),
        Wanted("dw", exact.weight_grad(dy, x)),
        Wanted("db", exact.bias_grad(dy)),
    )


def _smaller(case: Case) -> Iterator[Case]:
    """Yield smaller batches, channels, images and kernels, then simpler numbers."""
    dy, x, w = case.arrays.values()
    for axes in ((0, 0, None), (1, None, 0), (None, 1, 1)):  # of dy, x, w: batch, out, in
        sizes = [a.shape[i] for a, i in zip((dy, x, w), axes, strict=True) if i is not None]
        if sizes[0] > 1:
            parts = [
                a if i is None else np.take(a, range(sizes[0] - 1), axis=i)
                for a, i in zip((dy, x, w), axes, strict=True)
            ]
            yield case.with_inputs(**_inputs(*parts))
    for axis in (2, 3):
        if dy.shape[axis] > 1:
            less_dy, less_x = (np.take(a, range(a.shape[axis] - 1), axis=axis) for a in (dy, x))
            yield case.with_inputs(**_inputs(less_dy, less_x, w))
        if w.shape[axis] > 1:
            less_w, less_x = (np.take(a, range(a.shape[axis] - 1), axis=axis) for a in (w, x))
            yield case.with_inputs(**_inputs(dy, less_x, less_w))
    yield from images.simpler(case)


TASK = Task(
    name="conv_backward",
    call="conv_backward(dy, x, w)",
    returns="dx, dw (and db, if it likes), for x (N, C, H, W), w (O, C, kh, kw)",
    aliases={
        "dy": ("dy", "dout", "grad", "grad_output", "dY", "dout_", "delta", "upstream", "dz"),
        "x": corr2d.IMAGE,
        "w": corr2d.KERNEL,
    },
    known_as=("conv_backward", "conv_backward_naive", "conv2d_backward", "backward"),
    cases=_cases,
    wanted=_wanted,
    smaller=_smaller,
    mistakes=backward.MISTAKES,
    optional_results=1,
    features={
        **images.sizes("w"),
        "batch": lambda case: case.size("x")[0] > 1,
        "channels": lambda case: case.size("x")[1] > 1,
        "filters": lambda case: case.size("w")[0] > 1,
    },
)
