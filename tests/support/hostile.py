"""Numbers that are hard to add up."""

import numpy as np
from rounded import FORMATS

KINDS = ("normal", "wide", "cancelling", "ties", "subnormal", "any", "beyond", "sparse")


def hostile(rng, kind, shape, dtype):
    """Float64 numbers that the dtype holds."""
    precision, width, lowest = FORMATS[dtype]
    highest = lowest + 2 ** (width - precision) - 3
    if kind == "wide":
        reach = min(60, (highest - lowest) // 4)
        values = rng.standard_normal(shape) * 2.0 ** rng.integers(-reach, reach, shape)
    elif kind == "cancelling":
        values = rng.choice([1.0, -1.0], shape) * (1 + rng.integers(0, 3, shape) * 2.0**-5)
        tiny = rng.random(shape) < 0.2
        values = np.where(tiny, values * 2.0 ** -(precision + 2), values)
    elif kind == "ties":
        top = 2.0 ** (precision // 2)
        values = rng.choice([1.0, -1.0, 3.0, top, top + 1, 0.5], shape)
    elif kind == "subnormal":
        values = rng.integers(-7, 8, shape) * 2.0**lowest
        large = rng.random(shape) < 0.5
        values = np.where(large, rng.standard_normal(shape), values)
    elif kind == "any":
        exponents = rng.integers(lowest, highest + precision - 1, shape)
        values = rng.uniform(1, 2, shape) * rng.choice([1.0, -1.0], shape)
        values = np.ldexp(values, exponents)
    elif kind == "beyond":
        values = np.ldexp(rng.uniform(-1, 1, shape), highest // 2 + precision // 2 + 2)
    else:
        values = rng.standard_normal(shape)
        if kind == "sparse":
            values = np.where(rng.random(shape) < 0.7, 0.0, values)
    return held(values, dtype)


def with_what_is_not_finite(rng, values):
    """Some zeros of either sign, NaN and infinities among them."""
    strange = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], values.shape)
    return np.where(rng.random(values.shape) < 0.15, strange, values)


def held(values, dtype):
    """The nearest numbers of a dtype, not infinite, in float64."""
    if dtype == "float64":
        return values
    precision, width, lowest = FORMATS[dtype]
    exponents = np.maximum(np.frexp(values)[1] - precision, lowest)
    near = np.ldexp(np.rint(np.ldexp(values, -exponents)), exponents)
    largest = np.ldexp(2.0**precision - 1, lowest + 2 ** (width - precision) - 3)
    return np.clip(near, -largest, largest)
