"""What is no array, or an array of a kind that cannot be convolved, is refused by name."""

import backends_under_test
import numpy as np
import pytest
from comparing import assert_same, check_error

import multiconv


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
        if first == second:
            return
        x, weight = self.arrays(first, second)
        names = [backends_under_test.PACKAGES[name] for name in (first, second)]
        check_error(TypeError, lambda: multiconv.conv1d(x, weight), "x", "weight", *names)
        message = check_error(TypeError, lambda: multiconv.conv_transpose1d(x, weight), *names)
        assert "(" in message, "no conversion is shown"

    def test_bias(self, first, second):
        if first == second:
            return
        x, weight = self.arrays(first, first)
        bias = backends_under_test.make(second).array(np.ones(1), "float32")
        call = lambda: multiconv.conv1d(x, weight, bias)  # noqa: E731
        check_error(TypeError, call, "bias")

    def test_a_face_takes_its_own_arrays_only(self, first, second):
        if first in (second, "strict") or (first, second) == ("jax", "numpy"):
            return
        face = backends_under_test.make(first).functions
        x, weight = self.arrays(second, second)
        check_error(TypeError, lambda: face.conv1d(x, weight), "x")

    def test_the_advice_works(self, first, second):
        """Pasted as it stands; arrays of "strict" live on a device of their own, one step more."""
        if first == second or "strict" in (first, second):
            return
        x, weight = self.arrays(first, second)
        message = check_error(TypeError, lambda: multiconv.conv1d(x, weight), "convert")
        self.paste(message, x, weight)

    def paste(self, message, x, weight):
        advice = message.split(" with ")[1].split(" or ")
        for change in advice:
            name, _, expression = change.partition("=")
            given = {"x": x, "weight": weight}
            exec("import numpy", given)
            for package in ("torch", "jax", "jax.numpy", "array_api_strict"):
                if package.split(".")[0] in expression:
                    exec(f"import {package}", given)
            given[name] = eval(expression, given)
            y = multiconv.conv1d(given["x"], given["weight"])
            assert all(bool(value == 2) for value in y[0, 0, :])
            assert y.shape == (1, 1, 4)

    def test_the_advice_for_a_tensor_works_that_others_cannot_read(self, first, second):
        if first == second or "strict" in (first, second) or "torch" not in (first, second):
            return
        import torch

        x, weight = self.arrays(first, second)
        for dtype in (torch.float32, torch.bfloat16):
            if first == "torch":
                x = x.detach().to(dtype).requires_grad_()
            else:
                weight = weight.detach().to(dtype).requires_grad_()
            message = check_error(TypeError, lambda: multiconv.conv1d(x, weight), ".detach()")  # noqa: B023
            self.paste(message, x, weight)


@pytest.mark.needs_backend("torch")
def test_a_tensor_that_requires_grad_in_the_numpy_face():
    import torch

    x = torch.ones(3, 3, requires_grad=True)
    check_error(
        TypeError, lambda: multiconv.numpy.corr2d(x, [[1]]), "torch", "x=x.detach().numpy()"
    )


@pytest.mark.needs_backend("jax")
class TestNumPyInTheFaceOfJax:
    """JAX's own functions take NumPy arrays; so does its face, and only its face."""

    def test_values(self):
        jax = backends_under_test.make("jax")
        x, k = np.arange(9, dtype="float32").reshape(3, 3), np.arange(4, dtype=">i4").reshape(2, 2)
        expected = [[19, 25], [37, 43]]
        for given in ((x, k), (jax.array(x), k), (x, jax.array(k.astype("int32")))):
            assert_same(jax, multiconv.jax.corr2d(*given), expected, "float32")
        assert_same(jax, multiconv.jax.corr2d(x, k=k), expected, "float32")
        y = multiconv.get_backend("jax").conv1d(x[:1, None], x[:1, None, :1] + 1, np.ones(1))
        assert_same(jax, y, [[[1, 2, 3]]], "float32")

    def test_a_later_change_is_not_seen(self):
        x = np.ones((64, 64), "float32")
        y = multiconv.jax.corr2d(x, np.ones((1, 1), "float32"))
        x[...] = 7
        assert np.array_equal(y, np.ones((64, 64)))

    def test_numerical_gradients_are_checked(self):
        from jax.test_util import check_grads

        x, k = np.ones((3, 3), "float32"), np.ones((2, 2), "float32")
        check_grads(multiconv.jax.corr2d, (x, k), order=1, atol=1e-2, rtol=1e-2)

    def test_at_top_level_it_stays_a_mixture(self):
        x = backends_under_test.make("jax").array(np.ones((3, 3), "float32"))
        check_error(TypeError, lambda: multiconv.corr2d(x, np.ones((2, 2))), "x", "k", "convert")

    def test_what_numpy_refuses_is_refused(self):
        corr2d = multiconv.jax.corr2d
        check_error(TypeError, lambda: corr2d(np.ma.ones((3, 3)), [[1]]), "x", "masked")
        check_error(TypeError, lambda: corr2d([[1]], np.ones((1, 1), object)), "k", "object")


class TestNestedLists:
    @pytest.mark.parametrize("second", backends_under_test.CHOSEN)
    def test_of_another_frameworks_arrays(self, backend, second):
        if backend.name == second:
            return
        x = backend.array(np.ones((3, 3)), "float32")
        row = backends_under_test.make(second).array(np.ones(1), "float32")
        message = check_error(
            TypeError, lambda: multiconv.corr2d(x, [row]), "k[0] is a", "convert", "k[0] ="
        )
        assert backends_under_test.PACKAGES[second] in message.lower()

    def test_of_its_own_arrays(self, backend):
        if backend.name == "strict":
            return
        rows = [backend.array(row, "float32") for row in ([1, 2], [3, 4])]
        y = backend.functions.corr2d(rows, [[1]])
        assert_same(backend, y, [[1, 2], [3, 4]], "float32")

    def test_of_numpys_numbers(self, backend):
        x = backend.array(np.ones((1, 2)), "float32")
        y = backend.functions.corr2d(x, [[np.float64(3), np.int8(4)]])
        assert_same(backend, y, [[7]], "float32")

    @pytest.mark.needs_backend("torch")
    def test_of_tensors_alone(self):
        import torch

        rows = [torch.ones(2, requires_grad=True)]
        check_error(TypeError, lambda: multiconv.corr2d(rows, [[1]]), "x[0]", ".detach().numpy()")

    def test_that_hold_themselves(self, f):
        alone, beside = [], [[1, 2]]
        alone.append(alone)
        beside.append(beside)
        for nested in (alone, beside, [[1], alone]):
            check_error(ValueError, lambda nested=nested: f.corr2d([[1]], nested), "k", "itself")

    def test_that_hold_themselves_where_their_rank_decides(self):
        nested = []
        nested.append(nested)
        for call in (
            lambda: multiconv.toeplitz_matrix(nested, (3, 3)),
            lambda: multiconv.conv_input_grad([[1]], nested, 3),
        ):
            check_error(ValueError, call, "weight", "itself", "64")

    def test_that_hold_one_list_twice(self, f):
        row = [1, 2]
        assert [int(n) for n in f.corr2d([row, row], [[1], [1]])[0, :]] == [2, 4]

    def test_that_are_nested_too_deep(self, f):
        nested = 1
        for _ in range(5000):
            nested = [nested]
        check_error(ValueError, lambda: f.corr2d([[1]], nested), "k", "64")

    @pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
    def test_of_integers_follow_the_precision_of_a_float_beside_them(self, backend, dtype):
        if dtype not in backend.dtypes:
            return
        x = backend.array(np.ones((1, 1, 3)), dtype)
        for weight in ([[[2]]], [[[2.0]]], [[[True]]]):
            y = multiconv.conv1d(x, weight)
            assert backend.dtype_name(y) == dtype
        if dtype == "float32":
            bias = backend.array(np.ones(1), dtype)
            y = multiconv.conv1d([[[1, 2, 3]]], [[[2]]], bias)
            assert_same(backend, y, [[[3, 5, 7]]], dtype)


@pytest.mark.needs_backend("torch")
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
class TestTensorsThatCannotBeConvolved:
    def refused(self, tensor, *words):
        import torch

        check_error(TypeError, lambda: multiconv.corr2d(tensor, torch.ones(2, 2)), "x", *words)
        check_error(TypeError, lambda: multiconv.corr2d(torch.ones(5, 5), tensor), "k", *words)

    @pytest.mark.parametrize("layout", ["strided", "jagged"])
    def test_nested(self, layout):
        import torch

        images = [torch.ones(3, 3), torch.ones(2, 3)]
        tensor = torch.nested.nested_tensor(images, layout=getattr(torch, layout))
        self.refused(tensor, "nested", "to_padded_tensor")

    def test_uninitialised(self):
        from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

        self.refused(UninitializedParameter(), "materialize")
        self.refused(UninitializedBuffer(), "materialize")

    def test_mkldnn(self):
        import torch

        if torch.backends.mkldnn.is_available():
            self.refused(torch.ones(3, 3).to_mkldnn(), "_mkldnn", "to_dense()")

    def test_fake_beside_real(self):
        import torch
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode() as mode:
            fake = torch.ones(3, 3)
        self.refused(fake, "fake", "fake_mode.from_tensor(")
        assert multiconv.corr2d(fake, mode.from_tensor(torch.ones(2, 2))).shape == (2, 2)
        with FakeTensorMode():
            other = torch.ones(2, 2)
        words = ("x", "k", "another mode", "k=x.fake_mode.from_tensor(k)")
        check_error(TypeError, lambda: multiconv.corr2d(fake, other), *words)
        assert multiconv.corr2d(fake, mode.from_tensor(other)).shape == (2, 2)
        with FakeTensorMode(allow_non_fake_inputs=True):
            fake = torch.ones(3, 3)
        assert multiconv.corr2d(fake, torch.ones(2, 2)).shape == (2, 2)


@pytest.mark.needs_backend("strict")
class TestMixedDevices:
    def test_x_and_weight(self):
        import array_api_strict as xp

        x = xp.ones((5, 5), device=xp.Device("device1"))
        k = xp.ones((2, 2), device=xp.Device("CPU_DEVICE"))
        check_error(ValueError, lambda: multiconv.corr2d(x, k), "x", "k", "device1", "cpu")


@pytest.mark.needs_backend("torch")
def test_tensors_on_different_devices():
    import torch

    x, weight = torch.ones(1, 1, 5, device="meta"), torch.ones(1, 1, 2)
    words = ("meta", "cpu", ".to(")
    check_error(ValueError, lambda: multiconv.conv1d(x, weight), "x", "weight", *words)
    check_error(ValueError, lambda: multiconv.conv1d(weight, weight, x[0, 0, :1]), "bias", *words)


@pytest.mark.needs_backend("jax")
def test_jax_arrays_on_different_devices():
    import jax

    first, second = jax.devices("cpu")[:2]
    x, k = jax.device_put(np.ones((5, 5)), first), jax.device_put(np.ones((2, 2)), second)
    check_error(ValueError, lambda: multiconv.corr2d(x, k), "x", "k", "device_put")
