"""What is no array, or an array of a kind that cannot be convolved, is refused by name."""

import backends_under_test
import numpy as np
import pytest
from comparing import check_error


def type_name(value):
    return type(value).__name__


@pytest.fixture
def f(backend):
    return backend.functions


@pytest.fixture
def ones(backend):
    """An array of ones of this shape."""
    return lambda *shape, dtype="float32": backend.array(np.ones(shape), dtype)


class TestThingsThatAreNoArrays:
    @pytest.mark.parametrize("value", [None, "an image", {1: 2}, object()], ids=type_name)
    def test_x(self, f, ones, value):
        check_error(TypeError, lambda: f.corr2d(value, ones(2, 2)), "x")

    @pytest.mark.parametrize("value", [None, "a kernel", {1: 2}, object()], ids=type_name)
    def test_the_kernel(self, f, ones, value):
        check_error(TypeError, lambda: f.corr2d(ones(5, 5), value), "k")

    def test_ragged_lists(self, f, ones):
        check_error(ValueError, lambda: f.corr2d([[1, 2], [3]], ones(1, 1)), "x")
        check_error(ValueError, lambda: f.corr2d(ones(5, 5), [[1, 2], [3]]), "k")

    def test_lists_of_strings(self, f, ones):
        with pytest.raises((TypeError, ValueError), match="x"):
            f.corr2d([["a", "b"]], ones(1, 1))


def unsupported_arrays():
    cases = {}
    if "numpy" in backends_under_test.CHOSEN:
        numbers = np.ones((3, 3))
        cases["objects"] = (numbers.astype(object), "object")
        cases["strings"] = (numbers.astype(str), "str")
        cases["dates"] = (numbers.astype("datetime64[s]"), "datetime64")
        cases["extended precision"] = (numbers.astype(np.longdouble), "longdouble|float128|float96")
        cases["records"] = (np.zeros((3, 3), [("a", int)]), "void|'a'")
        cases["masked"] = (np.ma.masked_array(numbers, numbers > 0), "mask")
    return cases


@pytest.mark.parametrize("name", unsupported_arrays())
def test_unsupported_numpy_arrays(name):
    import multiconv

    array, words = unsupported_arrays()[name]
    if array.dtype == np.float64 and name == "extended precision":
        return  # a platform where long double is double
    for place, call in (
        ("x", lambda: multiconv.corr2d(array, np.ones((2, 2)))),
        ("k", lambda: multiconv.corr2d(np.ones((5, 5)), array)),
    ):
        message = check_error(TypeError, call, place)
        assert any(word in message for word in words.split("|")), message


@pytest.mark.needs_backend("torch")
@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")
@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("kind", ["float8_e5m2", "complex32", "sparse"])
def test_unsupported_tensors(kind):
    import torch

    import multiconv

    ones = torch.ones(3, 3)
    tensor = ones.to_sparse() if kind == "sparse" else ones.to(getattr(torch, kind))
    check_error(TypeError, lambda: multiconv.corr2d(tensor, torch.ones(2, 2)), "x", kind)
    check_error(TypeError, lambda: multiconv.corr2d(torch.ones(5, 5), tensor), "k", kind)


@pytest.mark.parametrize("first", backends_under_test.CHOSEN)
@pytest.mark.parametrize("second", backends_under_test.CHOSEN)
class TestMixedFrameworks:
    def arrays(self, first, second):
        make = backends_under_test.make
        return (
            make(first).array(np.ones((1, 1, 5)), "float32"),
            make(second).array(np.ones((1, 1, 2)), "float32"),
        )

    def test_x_and_weight(self, first, second):
        import multiconv

        if first == second:
            return
        x, weight = self.arrays(first, second)
        names = [backends_under_test.PACKAGES[name] for name in (first, second)]
        check_error(TypeError, lambda: multiconv.conv1d(x, weight), "x", "weight", *names)
        message = check_error(TypeError, lambda: multiconv.conv_transpose1d(x, weight), *names)
        assert "(" in message, "no conversion is shown"

    def test_bias(self, first, second):
        import multiconv

        if first == second:
            return
        x, weight = self.arrays(first, first)
        bias = backends_under_test.make(second).array(np.ones(1), "float32")
        call = lambda: multiconv.conv1d(x, weight, bias)  # noqa: E731
        check_error(TypeError, call, "bias")

    def test_a_face_takes_its_own_arrays_only(self, first, second):
        if first == second or first == "strict":
            return
        face = backends_under_test.make(first).functions
        x, weight = self.arrays(second, second)
        check_error(TypeError, lambda: face.conv1d(x, weight), "x")


@pytest.mark.needs_backend("strict")
class TestMixedDevices:
    def test_x_and_weight(self):
        import array_api_strict as xp

        import multiconv

        x = xp.ones((5, 5), device=xp.Device("device1"))
        k = xp.ones((2, 2), device=xp.Device("CPU_DEVICE"))
        check_error(ValueError, lambda: multiconv.corr2d(x, k), "x", "k", "device1", "cpu")


@pytest.mark.needs_backend("torch")
def test_tensors_on_different_devices():
    import torch

    import multiconv

    x, weight = torch.ones(1, 1, 5, device="meta"), torch.ones(1, 1, 2)
    words = ("meta", "cpu", ".to(")
    check_error(ValueError, lambda: multiconv.conv1d(x, weight), "x", "weight", *words)
    check_error(ValueError, lambda: multiconv.conv1d(weight, weight, x[0, 0, :1]), "bias", *words)


@pytest.mark.needs_backend("jax")
def test_jax_arrays_on_different_devices():
    import jax

    import multiconv

    first, second = jax.devices("cpu")[:2]
    x, k = jax.device_put(np.ones((5, 5)), first), jax.device_put(np.ones((2, 2)), second)
    check_error(ValueError, lambda: multiconv.corr2d(x, k), "x", "k", "device_put")
