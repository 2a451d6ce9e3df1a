"""The task ``convolve2d``: the true convolution, whose kernel is flipped."""

from __future__ import annotations

from dataclasses import replace

from multiconv.checking.exact import Sums
from multiconv.checking.mistakes import correlation
from multiconv.checking.task import Case, Wanted
from multiconv.checking.tasks import corr2d


def _wanted(case: Case) -> tuple[Wanted, ...]:
    """Return the correlation with the flipped kernel, or a gradient of it."""
    (found,) = corr2d.wanted(case.with_inputs(k=case.array("k")[::-1, ::-1]))
    if case.gradient_of == "k":
        values, magnitudes, products = found.sums
        flipped = Sums(values[::-1, ::-1], magnitudes[::-1, ::-1], products)
        return (replace(found, sums=flipped),)
    return (found,)


TASK = replace(
    corr2d.TASK,
    name="convolve2d",
    call="convolve2d(x, k)",
    returns="the true convolution, k flipped on both axes: (H - kh + 1, W - kw + 1)",
    known_as=("convolve2d", "convolve", "convolution", "convolution2d", "true_conv2d"),
    wanted=_wanted,
    mistakes=correlation.mistakes(flipped=True),
)
