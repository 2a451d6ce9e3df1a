"""What usually goes wrong in a layer: with its bias, or in its correlation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from multiconv.checking.exact import Floats
from multiconv.checking.mistakes import correlation
from multiconv.checking.task import Case, Mistake, Results


def _with_bias(change: Callable[[Floats, Floats, int], Floats]) -> Callable[[Case], Results | None]:
    """Give what ``change`` makes of the correlation, the bias and the number of taps."""

    def gives(case: Case) -> Results | None:
        k = case.array("weight")
        y = correlation.right(case.array("x"), k)
        return None if y is None else (change(y, case.array("bias"), k.size),)

    return gives


def _and_bias(mistake: Mistake) -> Mistake:
    """A mistake of the correlation, after which the bias is added as it should be."""

    def gives(case: Case) -> Results | None:
        inputs = {"x": case.inputs["x"], "k": case.inputs["weight"]}
        found = mistake.gives(replace(case, inputs=inputs))
        return None if found is None else (found[0] + case.array("bias"),)

    return replace(mistake, gives=gives)


MISTAKES = (
    Mistake(
        "bias-forgotten",
        "The bias is not added.",
        "Which parameters does the layer have, and which of them does it use?",
        _with_bias(lambda y, bias, taps: y),
    ),
    Mistake(
        "bias-per-tap",
        "The bias is added for every tap of the kernel, not once for each result.",
        "How many times does the bias come into one result?",
        _with_bias(lambda y, bias, taps: y + taps * bias),
    ),
    Mistake(
        "bias-subtracted",
        "The bias is subtracted.",
        "Follow the sign of the bias.",
        _with_bias(lambda y, bias, taps: y - bias),
    ),
    Mistake(
        "bias-twice",
        "The bias is added twice.",
        "How many times does the bias come into one result?",
        _with_bias(lambda y, bias, taps: y + 2 * bias),
    ),
    *map(_and_bias, correlation.mistakes(flipped=False)),
)
