"""OpenCV's numbers for borders and depths, and its error."""

BORDER_CONSTANT = 0
BORDER_REPLICATE = 1
BORDER_REFLECT = 2
BORDER_WRAP = 3
BORDER_REFLECT_101 = BORDER_REFLECT101 = BORDER_DEFAULT = 4
BORDER_TRANSPARENT = 5
BORDER_ISOLATED = 16

CV_8U, CV_8S, CV_16U, CV_16S, CV_32S, CV_32F, CV_64F, CV_16F = range(8)

FILTER_SCHARR = -1

#: What a depth is called elsewhere.
DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64", "float16")


class error(Exception):  # noqa: N801, N818 (OpenCV's own name)
    """What OpenCV raises for every argument that it does not take."""
