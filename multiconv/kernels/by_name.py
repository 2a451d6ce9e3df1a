"""Kernels by a simple name, for the command line."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from typing import Any

from multiconv.kernels.derivatives import finite_difference, laplacian, prewitt, scharr, sobel
from multiconv.kernels.like import Array, Kernel, kernel
from multiconv.kernels.smoothing import box, gaussian, identity
from multiconv.kernels.texture import emboss, sharpen

_NAMED: dict[str, Callable[[], Kernel]] = {
    "identity": identity,
    # The textbook's edge detector, [[1, -1]]: minus the derivative, +1 where white turns to black.
    "edge": lambda: -finite_difference(1),
    "sobel-x": partial(sobel, axis=1),
    "sobel-y": partial(sobel, axis=0),
    "scharr-x": partial(scharr, axis=1),
    "scharr-y": partial(scharr, axis=0),
    "prewitt-x": partial(prewitt, axis=1),
    "prewitt-y": partial(prewitt, axis=0),
    "laplacian": laplacian,
    "gaussian": partial(gaussian, sigma=1.0),
    "box": partial(box, 3),
    "sharpen": sharpen,
    "emboss": emboss,
}


def names() -> tuple[str, ...]:
    """Return the names that :func:`named` knows, in the order in which to show them.

    Examples
    --------
    >>> from multiconv.kernels import names
    >>> names()[:3]
    ('identity', 'edge', 'sobel-x')
    """
    return tuple(_NAMED)


@kernel("(rows, columns)")
def named(name: str, *, like: Array | None = None, dtype: Any = None, device: Any = None) -> Kernel:
    """Kernel of a simple name, with the default parameters; for the command line.

    Parameters
    ----------
    name : str
        One of :func:`names`. "edge" is the textbook's ``[[1, -1]]``, "gaussian" has ``sigma=1``,
        "box" is the 3 x 3 mean; "-x" and "-y" say along which direction is differentiated.

    Examples
    --------
    >>> from multiconv.kernels import named
    >>> named("edge")
    array([[ 1., -1.]])
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, one of {', '.join(_NAMED)}; got {name!r}")
    if name in _NAMED:
        return _NAMED[name]()
    close = sorted(difflib.get_close_matches(name.lower(), _NAMED, n=2))
    hint = f" (did you mean {' or '.join(close)}?)" if close else ""
    raise ValueError(f"name: no kernel is called {name!r}{hint}; there are {', '.join(_NAMED)}")
