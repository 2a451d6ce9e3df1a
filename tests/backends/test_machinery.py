"""What frameworks do around a call: export, tracing, strict modes, pickling; and odd sizes."""

import pickle

import backends_under_test
import numpy as np
import oracle
import pytest

import multiconv

METHODS = list(backends_under_test.NAMES_OF_METHODS)


@pytest.mark.needs_backend("torch")
class TestTorch:
    @pytest.fixture
    def torch(self):
        import torch

        return torch

    @pytest.mark.parametrize("method", ["auto", "native", "im2col"])
    def test_export_with_an_open_size(self, torch, method):
        class Module(torch.nn.Module):
            def forward(self, x, weight):
                return multiconv.conv2d(x, weight, padding="same", method=method)

        weight = torch.arange(54.0).reshape(3, 2, 3, 3) % 5
        sizes = {"x": {2: torch.export.Dim("h", min=4, max=4096)}, "weight": None}
        program = torch.export.export(
            Module(), (torch.ones(4, 2, 6, 5), weight), dynamic_shapes=sizes
        )
        for height in (5, 9):
            x = torch.arange(4.0 * 2 * height * 5).reshape(4, 2, height, 5) % 7
            expected = oracle.conv(
                x.numpy().astype(int), weight.numpy().astype(int), padding="same"
            )
            assert np.array_equal(program.module()(x, weight).numpy(), expected)

    def test_symbolic_tracing(self, torch):
        from torch.fx.experimental.proxy_tensor import make_fx

        x, k = torch.arange(30.0).reshape(5, 6), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
        graph = make_fx(
            lambda x, k: multiconv.corr2d(x, k),  # noqa: PLW0108 (make_fx counts parameters)
            tracing_mode="symbolic",
        )(x, k)
        assert np.array_equal(graph(x, k).numpy(), oracle.corr2d(x.numpy(), k.numpy()))

    def test_a_list_of_tensors_keeps_their_gradients(self, torch):
        a = torch.tensor(3.0, requires_grad=True)
        multiconv.torch.corr2d([[a, 2.0]], [[1.0, 10.0]]).sum().backward()
        assert a.grad.item() == 1

    def test_sparse_matrices_without_numbers_or_unsigned(self, torch):
        meta = multiconv.toeplitz_matrix(torch.ones(2, 2, device="meta"), (3, 3), sparse=True)
        assert meta.shape == (4, 9)
        with pytest.raises(ValueError, match="uint16"):
            multiconv.toeplitz_matrix(torch.ones(2, 2).to(torch.uint16), (3, 3), sparse=True)


@pytest.mark.needs_backend("jax")
class TestJax:
    @pytest.mark.parametrize("method", METHODS)
    def test_hessian(self, method):
        import jax
        import jax.numpy as jnp

        x, weight = jnp.ones((2, 2, 4, 4)), jnp.ones((3, 2, 3, 3))

        def loss(weight):
            return (multiconv.conv2d(x, weight, method=method) ** 2).sum()

        hessian = np.asarray(jax.hessian(loss)(weight))
        # Twice the Gram matrix of patches of ones, 8 of them, for each filter by itself.
        expected = 16 * np.einsum("op,cijdkl->ocijpdkl", np.eye(3), np.ones((2, 3, 3, 2, 3, 3)))
        assert np.array_equal(np.round(hessian, 2) if method == "fft" else hessian, expected)

    @pytest.mark.parametrize("method", METHODS)
    def test_strict_promotion_of_ranks(self, method):
        import jax
        import jax.numpy as jnp

        with jax.numpy_rank_promotion("raise"):
            y = multiconv.conv2d(
                jnp.ones((2, 2, 9, 7)), jnp.ones((3, 2, 2, 2)), jnp.ones(3), method=method
            )
        assert np.array_equal(np.round(y, 2), np.full((2, 3, 8, 6), 9.0))


@pytest.mark.parametrize("name", [n for n in backends_under_test.CHOSEN if n != "strict"])
def test_faces_and_their_functions_pickle(name):
    face = multiconv.get_backend(name)
    assert pickle.loads(pickle.dumps(face)) is face
    assert pickle.loads(pickle.dumps(face.conv2d)) is face.conv2d


class TestAnInfinityStaysWhereItBelongs:
    """Transposed convolutions multiply no zeros between the inputs."""

    @pytest.fixture
    def weight(self):
        return np.array([[[[np.inf, 1], [1, 1]]]])

    def test_in_a_transposed_convolution(self, backend, weight):
        x, w = backend.array(np.ones((1, 2, 2)), "float32"), backend.array(weight, "float32")
        y = backend.to_numpy(backend.functions.conv_transpose2d(x, w, stride=2))
        expected = np.ones((1, 4, 4))
        expected[:, ::2, ::2] = np.inf
        assert np.array_equal(y, expected)

    def test_in_the_gradient_of_the_input(self, backend, weight):
        g, w = backend.array(np.ones((1, 2, 2)), "float32"), backend.array(weight, "float32")
        dx = backend.to_numpy(backend.functions.conv_input_grad(g, w, (4, 4), stride=2))
        expected = np.ones((1, 4, 4))
        expected[:, ::2, ::2] = np.inf
        assert np.array_equal(dx, expected)


class TestSizesOutOfTheOrdinary:
    def test_a_stride_far_beyond_the_image(self, backend):
        x = backend.array(np.arange(9).reshape(3, 3), "int32")
        k = backend.array(np.arange(4).reshape(2, 2), "int32")
        f = backend.functions
        for method in backends_under_test.ELEMENTWISE:
            y = f.corr2d(x, k, stride=2**62, method=method)
            assert backend.to_numpy(y).tolist() == [[19]]
        assert f.toeplitz_matrix(k, (3, 3), stride=10**10).shape == (1, 9)

    def test_an_int_as_the_kernel_size_of_an_image(self, backend):
        x, g = np.arange(16).reshape(4, 4), np.ones((3, 3), int)
        arrays = (backend.array(a, "int32") for a in (x, g))
        found = backend.functions.conv_weight_grad(*arrays, 2)
        expected = [[x[i : i + 3, j : j + 3].sum() for j in (0, 1)] for i in (0, 1)]
        assert backend.to_numpy(found).tolist() == expected
