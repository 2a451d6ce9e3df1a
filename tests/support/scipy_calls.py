"""Calls of SciPy, drawn, and the same calls on the arrays of any backend."""

import importlib
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "int64")
FLOATS = ("float32", "float64", "complex64", "complex128")
BORDERS = (
    *("reflect", "mirror", "nearest", "wrap", "constant"),
    *("grid-mirror", "grid-wrap", "grid-constant"),
)
FILTERS = (
    *("correlate", "convolve", "correlate1d", "convolve1d", "gaussian_filter", "gaussian_filter1d"),
    *("uniform_filter", "uniform_filter1d", "sobel", "prewitt", "laplace", "gaussian_laplace"),
    "gaussian_gradient_magnitude",
)


class Call(NamedTuple):
    """A function's name, its arrays in NumPy, and its other arguments by keyword."""

    name: str
    arrays: tuple[Any, ...]
    keywords: dict[str, Any]

    def of(self, module):
        return getattr(module, self.name)(*self.arrays, **self.keywords)

    def on(self, backend, module):
        arrays = [backend.array(a) if isinstance(a, np.ndarray) else a for a in self.arrays]
        return getattr(module, self.name)(*arrays, **self.keywords)


def original(room):
    return importlib.import_module(f"scipy.{room}")


def ours(room):
    return importlib.import_module(f"multiconv.compat.scipy.{room}")


def numbers(rng, shape, dtype):
    """Small whole numbers of a dtype, now and then all alike; of floats, with fractions."""
    x = rng.integers(0 if dtype[0] == "u" else -9, 10, shape)
    if rng.random() < 0.2:
        x = np.full(shape, x.flat[0] if x.size else 0)
    if dtype[0] in "iu":
        return x.astype(dtype)
    x = x + rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if dtype[0] == "c" else x).astype(dtype)


@st.composite
def filter_calls(draw, dtypes, names=FILTERS, outputs=(None,)):
    """A call of scipy.ndimage that is right, and has all its options."""
    name, dtype = draw(st.sampled_from(names)), draw(st.sampled_from(dtypes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    x, rank = numbers(rng, size, dtype), len(size)
    cval = draw(st.sampled_from((0.0, 1.0, 2.5)))
    keywords = {"mode": draw(st.sampled_from(BORDERS)), "cval": cval}
    output = draw(st.sampled_from(outputs))
    if output is not None:
        keywords["output"] = output
    arrays = [x]
    if name in ("correlate", "convolve"):
        axes = draw(st.permutations(range(rank)))[: draw(st.integers(1, rank))]
        window = draw(st.lists(st.integers(1, 4), min_size=len(axes), max_size=len(axes)))
        arrays.append(_weights(draw, rng, window))
        origin = [draw(st.integers(-(k // 2), (k - 1) // 2)) for k in window]
        if len(axes) < rank:  # weights lie in the order of the image, origins in that of axes
            origin = [origin[sorted(axes).index(a)] for a in axes]
        keywords |= {"axes": tuple(axes), "origin": origin}
    elif name.endswith("1d") or name in ("sobel", "prewitt"):
        keywords["axis"] = draw(st.integers(-rank, rank - 1))
    if name in ("correlate1d", "convolve1d"):
        weights = _weights(draw, rng, [draw(st.integers(1, 7))])
        sign = draw(st.sampled_from((0, 1, -1)))
        arrays.append(weights + sign * weights[::-1])
        k = len(weights)
        keywords["origin"] = draw(st.integers(-(k // 2), (k - 1) // 2))
    elif name.startswith("uniform"):
        k = keywords["size"] = draw(st.integers(1, 6))
        keywords["origin"] = draw(st.integers(-(k // 2), (k - 1) // 2))
    elif name.startswith("gaussian"):
        keywords["sigma"] = draw(st.sampled_from((0.4, 1.0, 1.7)))
        if "filter" in name:
            keywords["order"] = draw(st.integers(0, 3))
    return Call(name, tuple(arrays), keywords)


def _weights(draw, rng, window):
    weights = rng.integers(-4, 5, window)
    divisor = draw(st.sampled_from((1, 1, 3, 7)))
    return weights if divisor == 1 else weights / divisor


@st.composite
def signal_calls(draw, names, dtypes, methods=("auto", "direct")):
    """A call of scipy.signal that is right."""
    name = draw(st.sampled_from(names))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    is_plane = name in ("convolve2d", "correlate2d", "sepfir2d")
    rank = 2 if is_plane else draw(st.integers(1, 3))
    sizes = st.lists(st.integers(1, 6), min_size=rank, max_size=rank)
    first, second = draw(sizes), draw(sizes)
    mode = draw(st.sampled_from(("full", "same", "valid")))
    keywords = {"mode": mode}
    if mode == "valid":
        pairs = [sorted(pair) for pair in zip(first, second, strict=True)]
        second, first = ([p[i] for p in pairs] for i in (0, 1))
        if draw(st.booleans()):
            first, second = second, first
    if name in ("convolve", "correlate"):
        keywords["method"] = draw(st.sampled_from(methods))
    if name in ("convolve2d", "correlate2d"):
        keywords["boundary"] = draw(st.sampled_from(("fill", "pad", "wrap", "symm")))
        keywords["fillvalue"] = draw(st.sampled_from((0, 2, 1.5)))
    if name in ("fftconvolve", "oaconvolve") and draw(st.booleans()):
        axes = draw(st.permutations(range(rank)))[: draw(st.integers(1, rank))]
        keywords["axes"] = axes
        for axis in set(range(rank)) - set(axes):
            second[axis] = draw(st.sampled_from((1, first[axis])))
    arrays = [numbers(rng, n, draw(st.sampled_from(dtypes))) for n in (first, second)]
    return Call(name, tuple(arrays), keywords)
