"""The task ``Conv2D``: the textbook's layer, a correlation with a weight and a bias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from multiconv.checking import drawing, exact
from multiconv.checking.exact import Sums
from multiconv.checking.mistakes import layer
from multiconv.checking.task import Case, Task, Wanted
from multiconv.checking.tasks import corr2d, images


def _cases(rng: np.random.Generator, framework: str) -> list[Case]:
    drawn = [p for p in images.pairs(rng, framework) if p.x.dtype == p.k.dtype]
    found = [
        Case(p.title, _inputs(p.x, p.k, drawing.whole(rng, (1,), p.x.dtype.name, 1)))
        for p in drawn
        if p.x.dtype.kind == "f"  # the parameters of a layer are floats
    ]
    wide = next(case.arrays for case in found if "wide kernel" in case.title)
    return [*found, *images.gradients(rng, framework, wide, ("weight", "bias", "x"))]


def _inputs(x: exact.Floats, weight: exact.Floats, bias: exact.Floats) -> dict[str, exact.Floats]:
    return {"x": x, "weight": weight, "bias": bias}


def _wanted(case: Case) -> tuple[Wanted, ...]:
    plain = replace(case, inputs={"x": case.inputs["x"], "k": case.inputs["weight"]})
    if case.gradient_of == "bias":
        slopes = exact.bias_grad(np.asarray(case.g, dtype=np.float64)[None, None])
        return (Wanted("the gradient by bias", slopes),)
    if case.gradient_of is not None:
        asked = replace(plain, gradient_of="k" if case.gradient_of == "weight" else "x")
        return (replace(corr2d.wanted(asked)[0], name=f"the gradient by {case.gradient_of}"),)
    (found,) = corr2d.wanted(plain)
    values, magnitudes, products = found.sums
    bias = case.array("bias")
    return (Wanted("the result", Sums(values + bias, magnitudes + abs(bias), products + 1)),)


def _smaller(case: Case) -> Iterator[Case]:
    fitting = (found for found in images.smaller(case) if found.size("bias") == (1,))
    return (found for found in fitting if images.fits(found, "weight"))


TASK = Task(
    name="Conv2D",
    call="Conv2D(kernel_size)",
    returns="a layer: layer(x) is corr2d(x, layer.weight) + layer.bias, (kh, kw) and (1,)",
    aliases={"x": corr2d.IMAGE, "weight": ("weight",), "bias": ("bias",)},
    known_as=("Conv2D", "Conv2d", "ConvLayer", "ConvolutionLayer", "Conv"),
    cases=_cases,
    wanted=_wanted,
    smaller=_smaller,
    mistakes=layer.MISTAKES,
    form="layer",
    features=images.features("weight"),
)
