"""The versions under test are those that the run was set up for.

MULTICONV_EXPECT_VERSIONS, such as "python=3.12,numpy=2.0.0,jax=0.10.2", is set by whoever pins
versions; a run whose pins did not take effect fails here.
"""

import importlib
import os
import platform

import backends_under_test
import pytest

EXPECTED = [
    tuple(part.strip() for part in entry.split("="))
    for entry in os.environ.get("MULTICONV_EXPECT_VERSIONS", "").replace("==", "=").split(",")
    if entry.strip()
]


def version_of(name):
    if name == "python":
        return platform.python_version()
    return importlib.import_module(name.replace("-", "_")).__version__


def is_version(found, expected):
    """Equal, up to a local suffix such as +cpu and further parts of the number."""
    public = found.split("+")[0]
    return found == expected or public == expected or public.startswith(expected + ".")


@pytest.mark.parametrize("entry", EXPECTED or [None], ids=str)
def test_the_expected_versions_are_imported(entry):
    if entry is None:
        return  # nothing was pinned
    assert len(entry) == 2, f"{entry} is not name=version"
    name, expected = entry
    found = version_of(name)
    assert is_version(found, expected), f"{name} is {found}, but {expected} was asked for"


def test_versions_are_compared_by_their_parts():
    assert is_version("2.13.0+cpu", "2.13.0")
    assert is_version("3.12.4", "3.12")
    assert not is_version("3.12.4", "3.1")
    assert not is_version("2.1.0", "2.10")


@pytest.mark.parametrize("name", backends_under_test.CHOSEN)
def test_every_chosen_backend_is_really_tested(name):
    """Its arrays come from its own package: nothing stands in for it."""
    backend = backends_under_test.make(name)
    array = backend.array([[1, 2]], "float32")
    package = type(array).__module__.split(".")[0]
    assert package in (backends_under_test.PACKAGES[name], f"{name}lib")
    assert backend.is_native_array(array)
    assert backend.dtype_name(array) == "float32"
    assert backend.to_numpy(array).tolist() == [[1, 2]]


@pytest.mark.parametrize("name", backends_under_test.CHOSEN)
def test_every_dtype_goes_there_and_back(name):
    backend = backends_under_test.make(name)
    for dtype in backend.dtypes:
        with backend.wide(dtype):
            array = backend.array([[0, 1]], dtype)
            assert backend.dtype_name(array) == dtype
            assert backend.to_numpy(array).tolist() == [[0, 1]]
