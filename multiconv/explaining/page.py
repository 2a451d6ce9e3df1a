"""One HTML page that explains every output of a convolution: no network, no other files."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiconv.core.arguments import IntOrInts, Padding
from multiconv.explaining.explain import explain
from multiconv.planning.options import read

Numbers: TypeAlias = NDArray[Any]

LARGEST = 32  # rows or columns of an image that is still legible, and of a border
_EXACT = 2**53  # the integers of JavaScript


def page(
    x: Numbers,
    k: Numbers,
    at: Sequence[int] = (0, 0),
    *,
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> str:
    """Return the page for an image (H, W) and a kernel (kh, kw), and the options of `explain`.

    Its script computes what `corr2d` computes in float64, so that the options and the numbers can
    be changed on it. A ValueError says what is too large for it.
    """
    given: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "padding_mode": padding_mode,
    }
    explanation = explain(x, k, at, **given, flip=flip)
    for name, numbers in (("x", x), ("k", k)):
        _check(name, numbers)
    options = read(2, **given)
    data = {
        "image": x.tolist(),
        "kernel": k.tolist(),
        "at": explanation.at,
        "stride": options.stride,
        "dilation": options.dilation,
        "padding": options.padding,
        "mode": options.padding_mode,
        "flip": explanation.flip,
    }
    _check_controls(explanation.geometry.stride, explanation.geometry.dilation, explanation.pads)
    parts = {
        "style": _file("page.css"),
        "script": f"{_file('correlation.js')}\n{_file('page.js')}",
        # So that no text ends the element that holds it.
        "data": json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
        "text": escape(str(explanation)),
    }
    return _filled(_file("page.html"), parts)


def _check(name: str, numbers: Numbers) -> None:
    if numbers.ndim != 2 or max(numbers.shape) > LARGEST:
        msg = (
            f"{name} has the shape {numbers.shape}, and the page draws at most {LARGEST} rows and "
            f"{LARGEST} columns: cut out a part of it"
        )
        raise ValueError(msg)
    if numbers.dtype.kind == "c" or not (np.abs(numbers) <= _EXACT).all():  # false for NaN
        msg = f"{name} has numbers that the page cannot show: it takes finite ones up to 2**53"
        raise ValueError(msg)


def _check_controls(*values: Any) -> None:
    if np.max([np.max(value) for value in values]) > LARGEST:
        msg = f"the page takes strides, dilations and pads up to {LARGEST}"
        raise ValueError(msg)


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """Put parts into their places; what looks like a place inside a part stays as it is."""
    pieces = []
    for piece in template.split("{{"):
        name, closed, rest = piece.partition("}}")
        pieces.append(parts[name] + rest if closed else piece)
    return "".join(pieces)


def _file(name: str) -> str:
    return (
        importlib.resources.files("multiconv").joinpath("data", "explain", name).read_text("utf-8")
    )
