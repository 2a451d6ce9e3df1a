"""OpenCV's numbers for borders and depths, and its error."""

import operator
from typing import Any

BORDER_CONSTANT = 0
BORDER_REPLICATE = 1
BORDER_REFLECT = 2
BORDER_WRAP = 3
BORDER_REFLECT_101 = BORDER_REFLECT101 = BORDER_DEFAULT = 4
BORDER_TRANSPARENT = 5
BORDER_ISOLATED = 16

CV_8U, CV_8S, CV_16U, CV_16S, CV_32S, CV_32F, CV_64F, CV_16F = range(8)

# With a number of channels, which is no matter of a depth: what is written for one is taken for it.
CV_8UC1, CV_8UC2, CV_8UC3, CV_8UC4 = range(0, 128, 32)
CV_16UC1, CV_16UC2, CV_16UC3, CV_16UC4 = range(2, 128, 32)
CV_16SC1, CV_16SC2, CV_16SC3, CV_16SC4 = range(3, 128, 32)
CV_32FC1, CV_32FC2, CV_32FC3, CV_32FC4 = range(5, 128, 32)
CV_64FC1, CV_64FC2, CV_64FC3, CV_64FC4 = range(6, 128, 32)

FILTER_SCHARR = -1

#: What a depth is called elsewhere.
DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64", "float16")


def integer(name: str, value: Any, minimum: int | None = None) -> int:
    """Read an int, also one of NumPy."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise error(f"{name} must be an int, got {value!r}") from None
    if minimum is not None and number < minimum:
        raise error(f"{name} must be an int of at least {minimum}, got {value!r}")
    return number


class error(Exception):  # noqa: N801, N818 (OpenCV's own name)
    """What OpenCV raises for every argument that it does not take."""
