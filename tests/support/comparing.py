"""Equality without tolerance, and errors that are the package's own."""

import re
import traceback
from pathlib import Path

import numpy as np
import oracle
import pytest


def assert_same(backend, result, expected, dtype, what=""):
    """``result`` is the backend's own array of this dtype with exactly the expected values."""
    assert backend.is_native_array(result), f"{what}: a {type(result)} came back"
    assert backend.dtype_name(result) == dtype, f"{what}: dtype {result.dtype}, not {dtype}"
    expected = np.asarray(expected)
    assert tuple(result.shape) == expected.shape, f"{what}: {result.shape}, not {expected.shape}"
    values = oracle.wrapped(expected, "float32" if dtype == "bfloat16" else dtype)
    found = backend.to_numpy(result)
    assert np.array_equal(found, values), f"{what}: found\n{found}\nexpected\n{values}"


def says(message, word):
    if not word[0].isalnum():
        return word in message
    alone = r"(?![A-Za-z0-9])" if len(word) == 1 or word.isdigit() else ""
    return bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}{alone}", message, re.IGNORECASE))


def check_error(error, call, *words):
    """``call`` raises ``error`` inside the package, and the message has all the words in it.

    Numbers and single letters must stand alone; other words may be the beginning of a longer one.
    """
    import multiconv

    with pytest.raises(Exception) as caught:  # noqa: PT011 (its kind is compared below)
        call()
    message = str(caught.value)
    kind = caught.type
    if kind.__module__.startswith(
        "multiconv."
    ):  # a kind of our own stands for what it derives from
        kind = kind.__bases__[0]
    assert kind is error, f"{kind.__name__} instead: {message}"
    missing = [word for word in words if not says(message, str(word))]
    assert not missing, f"{missing} not in: {message}"
    last = traceback.extract_tb(caught.value.__traceback__)[-1].filename
    home = Path(multiconv.__file__).parent
    assert home in Path(last).parents, f"raised by {last}: {message}"
    return message
