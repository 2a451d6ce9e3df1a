"""The oracle itself, against NumPy, SciPy and (where under test) torch."""

import hypothesis
import numpy as np
import oracle
import pytest
import scipy.signal
from strategies import Configuration, configurations


@pytest.mark.parametrize(
    ("mode", "numpy_mode"),
    [
        ("zeros", "constant"),
        ("reflect", "reflect"),
        ("symmetric", "symmetric"),
        ("replicate", "edge"),
        ("circular", "wrap"),
    ],
)
def test_borders_are_those_of_numpy_pad(mode, numpy_mode):
    for n in range(1, 6):
        for low in range(13):
            for high in range(13):
                x = np.arange(1, n + 1)
                mine = np.append(x, 0)[oracle.border_map(n, low, high, mode)]
                assert np.array_equal(mine, np.pad(x, (low, high), mode=numpy_mode))


@pytest.mark.parametrize(
    ("padding", "expected"), [("same", [0, 2, 1, 0, 0]), ("same_lower", [0, 0, 2, 1, 0])]
)
def test_the_odd_pixel_of_same(padding, expected):
    impulse = np.array([[[0, 0, 1, 0, 0]]])
    assert oracle.conv(impulse, np.array([[[1, 2]]]), padding=padding).ravel().tolist() == expected


@pytest.mark.parametrize("mode", ["full", "valid"])
def test_correlation_is_that_of_scipy(mode):
    rng = np.random.default_rng(1)
    x, k = rng.integers(-9, 9, (6, 7)), rng.integers(-9, 9, (3, 4))
    assert np.array_equal(
        oracle.corr2d(x, k, padding=mode), scipy.signal.correlate(x, k, mode, method="direct")
    )
    assert np.array_equal(
        oracle.convolve2d(x, k, padding=mode), scipy.signal.convolve2d(x, k, mode)
    )


@hypothesis.given(configurations())
def test_the_gradients_are_adjoint_to_the_convolution(c):
    x, weight, _ = c.operands()
    (grad,) = c.integers(c.y_shape)
    y = oracle.conv(x, weight, **c.geometry)
    dot = (y * grad).sum()
    assert y.shape == c.y_shape
    assert (oracle.input_grad(grad, weight, c.size, **c.geometry) * x).sum() == dot
    assert (oracle.weight_grad(x, grad, c.kernel, **c.geometry) * weight).sum() == dot


@hypothesis.given(configurations(modes=("zeros",), batches=(0, 1, 2)))
def test_columns_and_matrix_are_the_convolution(c):
    x, weight, _ = c.operands()
    y = oracle.conv(x, weight, **c.geometry)
    matrix = oracle.toeplitz(weight, c.size, c.stride, c.padding, c.dilation, c.groups)
    assert np.array_equal(
        (x.reshape(len(x), int(np.prod(x.shape[1:]))) @ matrix.T).ravel(), y.ravel()
    )
    columns = oracle.im2col(x, c.kernel, c.stride, c.padding, c.dilation)
    back = oracle.col2im(columns, c.size, c.kernel, c.stride, c.padding, c.dilation)
    assert (back * x).sum() == (columns * columns).sum()
    if c.groups == 1:
        flat = weight.reshape(len(weight), -1) @ columns
        assert np.array_equal(flat.reshape(y.shape), y)


def test_fractions_lose_nothing():
    x = oracle.exactly(np.array([[[1e20, 3.0, -1e20]]]))
    weight = oracle.exactly(np.ones((1, 1, 3)))
    assert oracle.conv(x, weight).ravel().tolist() == [3]


def test_integers_wrap_to_their_low_bits():
    assert oracle.wrapped(np.array([900, -129]), "int8").tolist() == [-124, 127]
    huge = np.array([2**64 + 5, -1], dtype=object)
    assert oracle.wrapped(huge, "uint64").tolist() == [5, 2**64 - 1]
    assert oracle.wrapped(huge, "int64").tolist() == [5, -1]


CASES = [
    Configuration(size, kernel, 2, groups, 2, 2, stride, dilation, padding, "zeros", True, "", 5)
    for size, kernel in (((7,), (3,)), ((6, 7), (3, 2)), ((4, 5, 4), (2, 3, 1)))
    for groups in (1, 2)
    for stride, dilation, padding in ((1, 1, 0), (2, 1, 1), (1, 2, 1), (3, 2, 2))
]


@pytest.mark.needs_backend("torch")
class TestAgainstTorch:
    @pytest.mark.parametrize("c", CASES, ids=str)
    def test_convolution_and_gradients(self, c):
        import torch

        x, weight, bias = (torch.tensor(a.astype(float), requires_grad=True) for a in c.operands())
        run = getattr(torch.nn.functional, f"conv{c.axes}d")
        y = run(x, weight, bias, c.stride, c.padding, c.dilation, c.groups)
        (grad,) = c.integers(tuple(y.shape))
        y.backward(torch.tensor(grad.astype(float)))
        exact = c.operands()
        assert np.array_equal(oracle.conv(*exact, **c.geometry), y.detach())
        assert np.array_equal(oracle.input_grad(grad, exact[1], c.size, **c.geometry), x.grad)
        assert np.array_equal(
            oracle.weight_grad(exact[0], grad, c.kernel, **c.geometry), weight.grad
        )

    @pytest.mark.parametrize("c", CASES, ids=str)
    @pytest.mark.parametrize("extra", [0, 1])
    def test_transposed_convolution(self, c, extra):
        import torch

        if extra >= max(c.stride, c.dilation):
            return
        rng = np.random.default_rng(c.seed)
        x = rng.integers(-3, 4, c.x_shape)
        weight = rng.integers(-3, 4, (c.x_shape[1], c.out_each, *c.kernel))
        run = getattr(torch.nn.functional, f"conv_transpose{c.axes}d")
        theirs = run(
            *(torch.tensor(a.astype(float)) for a in (x, weight)),
            None,
            c.stride,
            c.padding,
            extra,
            c.groups,
            c.dilation,
        )
        mine = oracle.conv_transpose(
            x, weight, None, c.stride, c.padding, extra, c.groups, c.dilation
        )
        assert np.array_equal(mine, theirs)

    def test_columns_are_those_of_unfold_and_fold(self):
        import torch

        rng = np.random.default_rng(2)
        x = rng.integers(-9, 9, (2, 3, 6, 5))
        options = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
        columns = torch.nn.functional.unfold(torch.tensor(x.astype(float)), (3, 2), **options)
        mine = oracle.im2col(x, (3, 2), **options)
        assert np.array_equal(mine, columns)
        image = torch.nn.functional.fold(columns, (6, 5), (3, 2), **options)
        assert np.array_equal(oracle.col2im(mine, (6, 5), (3, 2), **options), image)
