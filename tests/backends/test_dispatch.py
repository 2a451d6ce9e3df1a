"""The arrays choose the backend; so can a name, a face, and an environment variable."""

import backends_under_test
import numpy as np
import pytest
from comparing import assert_same, check_error

import multiconv
from multiconv.backends.numpy import NumPyBackend

X = np.arange(9).reshape(3, 3)
K = np.arange(4).reshape(2, 2)
Y = [[19, 25], [37, 43]]
FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]
FUNCTIONS = (
    *("corr2d", "convolve2d", "conv1d", "conv2d", "conv3d"),
    *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    *("conv_input_grad", "conv_weight_grad", "im2col", "col2im", "toeplitz_matrix"),
)


class TestTheArraysChoose:
    def test_at_top_level(self, backend):
        x, k = backend.array(X, "float32"), backend.array(K, "float32")
        assert_same(backend, multiconv.corr2d(x, k), Y, "float32")

    def test_a_list_follows_the_array_beside_it(self, backend):
        x, k = backend.array(X, "float32"), backend.array(K, "float32")
        assert_same(backend, multiconv.corr2d(x, K.tolist()), Y, "float32")
        assert_same(backend, multiconv.corr2d(X.tolist(), k), Y, "float32")

    def test_arrays_are_checked_together(self, monkeypatch):
        seen = []
        monkeypatch.setattr(NumPyBackend, "check_together", lambda self, named: seen.append(named))
        multiconv.corr2d(X.astype("float32"), K)
        assert [list(named) for named in seen] == [["x", "k"]]

    def test_lists_alone_go_to_the_default_backend(self):
        y = multiconv.corr2d(X.tolist(), K.tolist())
        assert type(y) is np.ndarray
        assert y.tolist() == Y

    def test_get_backend_of(self, backend):
        found = multiconv.get_backend_of(backend.array(X, "float32"))
        if backend.name != "strict":
            assert found is multiconv.get_backend(backend.name)
        x, k = backend.array(X, "float32"), backend.array(K, "float32")
        assert multiconv.get_backend_of(x, k) is found
        assert_same(backend, found.corr2d(x, k), Y, "float32")


@pytest.mark.parametrize("name", FACES)
class TestByName:
    def test_the_face_and_the_name_have_every_function(self, name):
        face = backends_under_test.make(name).functions
        backend = multiconv.get_backend(name)
        for function in FUNCTIONS:
            assert callable(getattr(multiconv, function))
            assert callable(getattr(face, function))
            assert callable(getattr(backend, function))

    def test_get_backend_takes_lists(self, name):
        backend = backends_under_test.make(name)
        y = multiconv.get_backend(name).corr2d(X.tolist(), K.tolist())
        assert_same(backend, y, Y, backend.default_integer)

    def test_the_environment_names_the_default(self, name, monkeypatch):
        monkeypatch.setenv("MULTICONV_BACKEND", name)
        assert multiconv.get_backend() is multiconv.get_backend(name)
        backend = backends_under_test.make(name)
        y = multiconv.corr2d(X.tolist(), K.tolist())
        assert_same(backend, y, Y, backend.default_integer)

    def test_it_is_available(self, name):
        assert name in multiconv.available_backends()


class TestTheDefault:
    def test_it_is_numpy(self, monkeypatch):
        monkeypatch.delenv("MULTICONV_BACKEND", raising=False)
        assert multiconv.get_backend() is multiconv.get_backend("numpy")

    def test_an_unknown_name_lists_those_there_are(self, monkeypatch):
        check_error(ValueError, lambda: multiconv.get_backend("tensorflow"), "numpy", "tensorflow")
        monkeypatch.setenv("MULTICONV_BACKEND", "tensorflow")
        check_error(ValueError, multiconv.get_backend, "MULTICONV_BACKEND", "tensorflow", "numpy")

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [("pytorch", "torch"), ("PyTorch", "torch"), ("NumPy", "numpy"), ("JAX", "jax")],
    )
    def test_a_name_that_is_nearly_right(self, wrong, right):
        check_error(ValueError, lambda: multiconv.get_backend(wrong), f"did you mean '{right}'?")

    def test_there_is_no_way_to_change_it(self):
        assert not [n for n in dir(multiconv) if "set_" in n or "default" in n]
