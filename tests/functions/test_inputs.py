"""Inputs of any layout are read right, never changed, and never come back as the result."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import assert_same

X = np.arange(30).reshape(5, 6) % 7
K = np.array([[1, -2], [3, 1], [0, 2]])
Y = oracle.corr2d(X, K)


def numpy_layouts():
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = np.zeros((5, 12), int)
    wide[:, ::2] = X
    return {
        "read-only": read_only,
        "fortran": np.asfortranarray(X),
        "transposed": np.ascontiguousarray(X.T).T,
        "negative strides": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
        "every second column": wide[:, ::2],
        "unaligned": np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(X.dtype).reshape(5, 6),
        "byte-swapped": X.astype(X.dtype.newbyteorder()),
    }


@pytest.mark.needs_backend("numpy")
@pytest.mark.parametrize("layout", numpy_layouts())
@pytest.mark.parametrize("method", [*backends_under_test.ELEMENTWISE, "fft"])
class TestNumPyLayouts:
    def test_of_x(self, layout, method):
        x = numpy_layouts()[layout]
        self.check(x, K, method)

    def test_of_the_kernel(self, layout, method):
        k = numpy_layouts()[layout][:3, :2]
        self.check(X, k, method)

    def check(self, x, k, method):
        backend = backends_under_test.make("numpy")
        if method == "fft":
            x, k = x.astype(float), k.astype(float)
            y = backend.functions.corr2d(x, k, method=method)
            assert np.array_equal(np.round(y), oracle.corr2d(x, k))
        else:
            y = backend.functions.corr2d(x, k, method=method)
            assert_same(backend, y, oracle.corr2d(x.astype(int), k.astype(int)), "int64", method)
            assert y.dtype.isnative


@pytest.mark.needs_backend("numpy")
@pytest.mark.parametrize("method", backends_under_test.ELEMENTWISE)
def test_broadcast_numpy_arrays(method):
    backend = backends_under_test.make("numpy")
    x, k = np.broadcast_to(X[:1], (5, 6)), np.broadcast_to(K[:, :1], (3, 2))
    y = backend.functions.corr2d(x, k, method=method)
    assert_same(backend, y, oracle.corr2d(x.copy(), k.copy()), "int64", method)


@pytest.mark.parametrize("method", [*backends_under_test.ELEMENTWISE, "native", "fft"])
class TestNothingIsTouched:
    def test_inputs_keep_their_values(self, backend, method):
        if method == "native" and not backend.native_dtypes:
            return
        shapes = (2, 2, 5, 6), (4, 1, 3, 2), (4,)
        rng = np.random.default_rng(14)
        arrays = [backend.array(rng.integers(-3, 4, s), "float32") for s in shapes]
        before = [backend.to_numpy(a) for a in arrays]
        for mode in ("zeros", "circular"):
            backend.functions.conv2d(*arrays, 1, 1, 1, 2, padding_mode=mode, method=method)
        for array, kept in zip(arrays, before, strict=True):
            assert np.array_equal(backend.to_numpy(array), kept)

    @pytest.mark.parametrize("name", ["numpy", "torch"])
    def test_the_result_is_memory_of_its_own(self, name, method):
        """Not even where a 1x1 kernel of one leaves every value alone."""
        if name not in backends_under_test.CHOSEN or (name, method) == ("numpy", "native"):
            return
        backend = backends_under_test.make(name)
        x = backend.array(X, "float32")
        y = backend.functions.corr2d(x, backend.array([[1]], "float32"), method=method)
        y[...] = 77
        assert np.array_equal(backend.to_numpy(x), X)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_patches_are_memory_of_their_own(name):
    if name not in backends_under_test.CHOSEN:
        return
    backend = backends_under_test.make(name)
    x = backend.array(X, "float32")
    columns = backend.functions.im2col(x, (1, 1))
    columns[...] = 77
    assert np.array_equal(backend.to_numpy(x), X)


@pytest.mark.needs_backend("torch")
@pytest.mark.parametrize("method", [*backends_under_test.ELEMENTWISE, "native"])
class TestTorchLayouts:
    def check(self, x, weight, method):
        backend = backends_under_test.make("torch")
        expected = oracle.conv(*(backend.to_numpy(a).astype(int) for a in (x, weight)), padding=1)
        y = backend.functions.conv2d(x, weight, padding=1, method=method)
        assert_same(backend, y, expected, "float32", method)

    @pytest.fixture
    def operands(self):
        rng = np.random.default_rng(15)
        backend = backends_under_test.make("torch")
        shapes = (2, 4, 5, 6), (3, 4, 3, 2)
        return [backend.array(rng.integers(-3, 4, shape), "float32") for shape in shapes]

    def test_channels_last(self, operands, method):
        import torch

        x, weight = operands
        last = x.contiguous(memory_format=torch.channels_last)
        self.check(last, weight, method)
        self.check(last[:, 1:], weight[:, 1:], method)
        self.check(x, weight.contiguous(memory_format=torch.channels_last), method)

    def test_transposed(self, operands, method):
        x, weight = operands
        self.check(x.mT, weight.mT, method)

    def test_expanded(self, operands, method):
        x, weight = operands
        self.check(x[:, :1].expand(-1, 4, -1, -1), weight, method)
        self.check(x, weight[:1].expand(3, -1, -1, -1), method)

    def test_every_second_pixel(self, operands, method):
        x, weight = operands
        self.check(x[..., ::2], weight[..., ::2, :], method)


@pytest.mark.needs_backend("torch")
def test_a_negatively_strided_numpy_kernel_beside_a_tensor_is_a_clear_error():
    """A mixture of frameworks, not torch's complaint about negative strides."""
    import torch

    from multiconv import corr2d

    with pytest.raises(TypeError, match="torch"):
        corr2d(torch.ones(3, 3), np.ones((2, 2))[::-1])


class TestNumbersInLists:
    def test_they_are_not_rounded_on_their_way_to_a_wide_array(self, backend):
        from multiconv import corr2d

        with backend.wide("float64", "complex128"):
            for dtype, number in (("float64", 0.1), ("float64", 1e300), ("complex128", 0.1 + 0.2j)):
                x = backend.array([[1.0]], dtype)
                assert backend.to_numpy(corr2d(x, [[number]])).item() == number
                assert backend.to_numpy(corr2d([[number]], x)).item() == number
