"""The functions that `multiconv` and every face have: their one list, loaded as they are asked for.

Type checkers and editors read the imports instead, which name the same.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

FUNCTIONS = {
    "check": "multiconv.checking.check",
    "col2im": "multiconv.functions.matrices",
    "conv1d": "multiconv.functions.conv",
    "conv2d": "multiconv.functions.conv",
    "conv3d": "multiconv.functions.conv",
    "conv_input_grad": "multiconv.functions.gradients",
    "conv_transpose1d": "multiconv.functions.conv_transpose",
    "conv_transpose2d": "multiconv.functions.conv_transpose",
    "conv_transpose3d": "multiconv.functions.conv_transpose",
    "conv_weight_grad": "multiconv.functions.gradients",
    "convolve": "multiconv.functions.images",
    "convolve2d": "multiconv.functions.images",
    "corr2d": "multiconv.functions.images",
    "correlate": "multiconv.functions.images",
    "correlate1d": "multiconv.functions.one_axis",
    "explain": "multiconv.explaining.explain",
    "im2col": "multiconv.functions.matrices",
    "learn_kernel": "multiconv.learning.descend",
    "load": "multiconv.layers.storage",
    "output_size": "multiconv.functions.sizes",
    "plan": "multiconv.functions.plan",
    "receptive_field": "multiconv.layers.receptive_field",
    "save": "multiconv.layers.storage",
    "separable": "multiconv.functions.one_axis",
    "solve_kernel": "multiconv.learning.least_squares",
    "toeplitz_matrix": "multiconv.functions.matrices",
}

# What other libraries call these.
_ALIASES = {
    "conv": "conv2d",
    "conv_transpose": "conv_transpose2d",
    "convolution": "convolve2d",
    "convolve1d": "convolve",
    "correlate2d": "corr2d",
    "cross_correlate": "correlate",
    "deconv2d": "conv_transpose2d",
    "filter2d": "corr2d",
    "fold": "col2im",
    "sepfir2d": "separable",
    "sepfilter2d": "separable",
    "toeplitz": "toeplitz_matrix",
    "unfold": "im2col",
}

if TYPE_CHECKING:
    # ruff: noqa: PLC0414 (an import by the same name is what exports it)
    from multiconv.checking.check import check as check
    from multiconv.explaining.explain import explain as explain
    from multiconv.functions.conv import conv1d as conv1d
    from multiconv.functions.conv import conv2d as conv2d
    from multiconv.functions.conv import conv3d as conv3d
    from multiconv.functions.conv_transpose import conv_transpose1d as conv_transpose1d
    from multiconv.functions.conv_transpose import conv_transpose2d as conv_transpose2d
    from multiconv.functions.conv_transpose import conv_transpose3d as conv_transpose3d
    from multiconv.functions.gradients import conv_input_grad as conv_input_grad
    from multiconv.functions.gradients import conv_weight_grad as conv_weight_grad
    from multiconv.functions.images import convolve as convolve
    from multiconv.functions.images import convolve2d as convolve2d
    from multiconv.functions.images import corr2d as corr2d
    from multiconv.functions.images import correlate as correlate
    from multiconv.functions.matrices import col2im as col2im
    from multiconv.functions.matrices import im2col as im2col
    from multiconv.functions.matrices import toeplitz_matrix as toeplitz_matrix
    from multiconv.functions.one_axis import correlate1d as correlate1d
    from multiconv.functions.one_axis import separable as separable
    from multiconv.functions.plan import plan as plan
    from multiconv.functions.sizes import output_size as output_size
    from multiconv.layers.receptive_field import receptive_field as receptive_field
    from multiconv.layers.storage import load as load
    from multiconv.layers.storage import save as save
    from multiconv.learning.descend import learn_kernel as learn_kernel
    from multiconv.learning.least_squares import solve_kernel as solve_kernel
else:

    def __getattr__(name: str) -> Any:
        if name not in FUNCTIONS:
            raise no_attribute("module 'multiconv.public'", name, FUNCTIONS)
        function = globals()[name] = getattr(importlib.import_module(FUNCTIONS[name]), name)
        return function


def no_attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error for a name that ``owner`` lacks, with the name that was probably meant."""
    meant = None
    if not name.startswith("_"):  # Python asks for such names on its own
        from multiconv.core.suggestions import closest

        meant = closest(name, known, _ALIASES)
    hint = f"; did you mean {meant}?" if meant else ""
    # Python would add its own suggestion to the message, had it the object.
    return AttributeError(f"{owner} has no attribute {name!r}{hint}", name=name, obj=None)
