"""The task ``corr2d``: the cross-correlation of an image with a kernel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from multiconv.checking import exact
from multiconv.checking.mistakes import correlation
from multiconv.checking.task import Case, Task, Wanted
from multiconv.checking.tasks import images

IMAGE = ("x", "X", "image", "img", "input", "inputs", "a", "A", "data")
KERNEL = ("k", "K", "kernel", "w", "W", "weight", "filter", "filt", "h", "mask")


def cases(rng: np.random.Generator, framework: str) -> list[Case]:
    """Draw the cases of the functions of an image and a kernel."""
    found = [Case(p.title, {"x": p.x, "k": p.k}) for p in images.pairs(rng, framework)]
    wide = next(case.arrays for case in found if "wide kernel" in case.title)
    return [*found, *images.gradients(rng, framework, wide, ("x", "k"))]


def wanted(case: Case) -> tuple[Wanted, ...]:
    """Return the correlation, or a gradient of it."""
    x, k = case.array("x"), case.array("k")
    if case.gradient_of is None:
        return (Wanted("the result", exact.correlate2d(x, k)),)
    g = np.asarray(case.g, dtype=np.float64)[None, None]
    if case.gradient_of == "x":
        found = exact.input_grad(g, k[None, None])
    else:
        found = exact.weight_grad(g, x[None, None])
    return (Wanted(f"the gradient by {case.gradient_of}", found.reshape(*found.values.shape[2:])),)


def smaller(case: Case) -> Iterator[Case]:
    """Yield smaller cases in which the kernel still fits in."""
    return (found for found in images.smaller(case) if images.fits(found))


TASK = Task(
    name="corr2d",
    call="corr2d(x, k)",
    returns="the cross-correlation of (H, W) with (kh, kw): (H - kh + 1, W - kw + 1)",
    aliases={"x": IMAGE, "k": KERNEL},
    known_as=("corr2d", "cross_correlate", "cross_correlation", "correlate2d", "corr", "conv2d"),
    cases=cases,
    wanted=wanted,
    smaller=smaller,
    mistakes=correlation.mistakes(flipped=False),
    features=images.features("k"),
)
