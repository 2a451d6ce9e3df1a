"""The functions of `multiconv.compat` take what the originals take, by the same names and defaults.

OpenCV and torch are written in C++: their docstrings say what they take, and OpenCV's no defaults.
"""

import inspect
import re

import libraries_under_test  # noqa: F401 - says what Keras runs on
import pytest
from compat_calls import MODULES

ORIGINALS = {
    "scipy.signal": ("scipy.signal", ()),
    "scipy.ndimage": ("scipy.ndimage", ()),
    "cv2": ("cv2", pytest.mark.needs_library("cv2")),
    "torch": ("torch.nn.functional", pytest.mark.needs_backend("torch")),
    "jax.lax": ("jax.lax", pytest.mark.needs_backend("jax")),
    "keras.ops": ("keras.ops", pytest.mark.needs_library("keras")),
}

# Kernels are made for an image of any library, by a keyword that OpenCV does not have.
ADDED = {("cv2", "getGaussianKernel"): {"like"}, ("cv2", "getDerivKernels"): {"like"}}

# What some installed version does not have yet.
NEWER = {
    ("jax.lax", "conv_general_dilated"): {"out_sharding"},
    ("jax.lax", "conv_general_dilated_patches"): {"out_sharding"},
    ("jax.lax", "conv_transpose"): {"use_consistent_padding"},
}

CASES = [
    pytest.param(where, name, marks=ORIGINALS[where][1], id=f"{where}.{name}")
    for where, module in MODULES.items()
    for name in module.__all__
    if inspect.isfunction(getattr(module, name)) and (where, name) != ("scipy.signal", "sepfir2d")
]


def taken(function):
    """The name, kind and default of each argument."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def opencvs(text):
    """Name and whether it must be given, of ``name(a, b[, c[, d]]) -> e``."""
    first = re.match(r"\w+\(([^)]*)\)", text).group(1)
    needed, _, optional = first.partition("[")
    return [(n, True) for n in re.findall(r"\w+", needed)] + [
        (n, False) for n in re.findall(r"\w+", optional)
    ]


@pytest.mark.parametrize(("where", "name"), CASES)
def test_arguments(where, name):
    original = getattr(pytest.importorskip(ORIGINALS[where][0]), name)
    extra = ADDED.get((where, name), set())
    found = [a for a in taken(getattr(MODULES[where], name)) if a[0] not in extra]
    if where == "cv2":
        assert [(n, default is inspect.Parameter.empty) for n, _, default in found] == opencvs(
            original.__doc__
        )
        return
    try:
        theirs = taken(original)
    except ValueError:
        arguments = re.search(rf"{name}\((.*?)\) -> Tensor", original.__doc__).group(1)
        theirs = taken(eval(f"lambda {arguments}: None"))
    names = {n for n, *_ in theirs}
    missing = {n for n, *_ in found} - names
    assert missing <= NEWER.get((where, name), set())
    assert [a for a in found if a[0] not in missing] == theirs


@pytest.mark.needs_library("cv2")
def test_constants_of_opencv():
    import cv2

    has_five_bits = int(cv2.__version__.split(".")[0]) >= 5  # of a depth, and three before
    for name in MODULES["cv2"].__all__:
        is_number = isinstance(getattr(MODULES["cv2"], name), int)
        if is_number and (has_five_bits or name[-2] != "C"):
            assert getattr(MODULES["cv2"], name) == getattr(cv2, name)


@pytest.mark.needs_backend("jax")
def test_fields_of_the_dimension_numbers():
    from jax import lax

    assert MODULES["jax.lax"].ConvDimensionNumbers._fields == lax.ConvDimensionNumbers._fields
