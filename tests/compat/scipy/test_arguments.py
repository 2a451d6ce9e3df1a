"""What filters take: outputs, axes, borders, origins, and the errors for what they do not."""

import numpy as np
import pytest
import scipy_calls
from filter_bounds import bound_of
from scipy_calls import Call

S, M = scipy_calls.original("ndimage"), scipy_calls.ours("ndimage")
X = np.arange(12, dtype="int16").reshape(3, 4)
ONES = np.ones((3, 3))


def both(name, *arrays, **keywords):
    """The same call in both, as results or as exceptions."""
    results = []
    for module in (S, M):
        try:
            results.append(getattr(module, name)(*arrays, **keywords))
        except Exception as error:
            results.append(error)
    return results


REFUSED = {
    "weights of another number of axes": ("correlate", (X, [1, 2]), {}),
    "no weights": ("correlate1d", (X, []), {}),
    "weights that are no line": ("correlate1d", (X, ONES), {}),
    "an origin beyond a line": ("correlate1d", (X, [1]), {"origin": 1}),
    "an origin beyond a window": ("convolve", (X, ONES), {"origin": -2}),
    "a mode that is none": ("correlate", (X, ONES), {"mode": "same"}),
    "several modes": ("correlate", (X, ONES), {"mode": ("wrap", "wrap")}),
    "too few modes": ("gaussian_filter", (X, 1), {"mode": ("wrap",)}),
    "too few origins": ("correlate", (X, ONES), {"origin": (0,)}),
    "too many sizes": ("uniform_filter", (X, (1, 2, 3)), {}),
    "an axis that is none": ("sobel", (X,), {"axis": 2}),
    "an axis twice": ("correlate", (X, ONES), {"axes": (0, 0)}),
    "axes that are none": ("laplace", (X,), {"axes": (0, 3)}),
    "fewer axes than weights": ("correlate", (X, ONES), {"axes": 0}),
    "a sigma of 0 along a line": ("gaussian_filter1d", (X, 0), {}),
    "a negative sigma": ("gaussian_filter1d", (X, -1.0), {}),
    "a negative order": ("gaussian_filter", (X, 1), {"order": -1}),
    "a fraction of a radius": ("gaussian_filter", (X, 1), {"radius": 1.5}),
    "a size of 0": ("uniform_filter1d", (X, 0), {}),
    "an output of bools": ("correlate", (X, ONES), {"output": "bool"}),
    "an output of reals": ("correlate", (X, ONES * 1j), {"output": "float32"}),
    "an output of another shape": ("correlate", (X, ONES), {"output": np.zeros((2, 2))}),
    "an output of reals, as an array": ("sobel", (X * 1j,), {"output": np.zeros((3, 4))}),
    "an output that is read-only": ("sobel", (X,), {"output": np.broadcast_to(X[:1], (3, 4))}),
    "a dtype that is none": ("correlate", (X, ONES), {"output": "real"}),
    "a complex border": ("correlate", (X, ONES), {"cval": 1j}),
    "a complex border of complex weights": ("correlate", (X, ONES * 1j), {"cval": 1j}),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_scipy_refuses_is_refused_as_there(call):
    name, arrays, keywords = call
    theirs, ours = both(name, *arrays, **keywords)
    assert isinstance(theirs, Exception)
    assert type(ours) is type(theirs)


class TestOutput:
    @pytest.mark.parametrize("output", ["float32", np.int32, np.dtype("uint8"), float, "d"])
    def test_a_dtype_in_every_spelling(self, output):
        theirs, ours = both("sobel", X, output=output)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)

    def test_a_dtype_of_the_framework(self, backend):
        x = backend.array(X)
        xp_dtype = backend.array(X.astype("float32")).dtype
        y = M.correlate(x, backend.array(ONES.astype("int32")), output=xp_dtype)
        assert backend.dtype_name(y) == "float32"
        assert np.array_equal(backend.to_numpy(y), S.correlate(X, ONES, output="float32"))

    @pytest.mark.parametrize("name", scipy_calls.FILTERS)
    def test_an_array_of_numpy_is_written_to_and_returned(self, name, monkeypatch):
        weights = [np.array([1, 2, 1])] if name.endswith("e1d") else []
        weights = [ONES] if name in ("correlate", "convolve") else weights
        more = {"sigma": 1} if name.startswith("gaussian") else {}
        more |= {"size": 3, "cval": 0.0} if name.startswith("uniform") else {}
        theirs, ours = np.full(X.shape, 7, "float32"), np.full(X.shape, 7, "float32")[::-1]
        assert getattr(M, name)(X, *weights, output=ours, **more) is ours
        getattr(S, name)(X, *weights, output=theirs, **more)
        bound = bound_of(Call(name, (X, *weights), more), theirs, "float64", monkeypatch)
        assert np.all(np.abs(ours - theirs) <= bound)

    def test_the_image_itself(self):
        x, y = X.astype("float64"), X.astype("float64")
        M.correlate(x, ONES, output=x)
        S.correlate(y, ONES, output=y)
        assert np.array_equal(x, y)

    def test_the_image_s_neighbours_in_memory(self):
        x, y = (np.arange(20.0).reshape(5, 4) ** 2 for _ in range(2))
        assert np.array_equal(M.sobel(x[:4], output=x[1:]), S.sobel(y[:4], output=y[1:]))
        assert np.array_equal(x, y)

    def test_an_array_of_any_library_is_written_to_where_it_can_be(self, backend):
        x, output = backend.array(X), backend.array(X, "float32")
        if backend.name == "jax":
            with pytest.raises(
                TypeError, match=r"JAX array, which cannot be written to.*output='float32'"
            ):
                M.gaussian_filter(x, 1, output=output)
            return
        assert M.correlate(x, backend.array(ONES, "int16"), output=output) is output
        assert np.array_equal(backend.to_numpy(output), S.correlate(X, ONES, output="float32"))

    @pytest.mark.needs_backend("jax")
    def test_a_tracer_is_not_written_to(self):
        import jax

        with pytest.raises(TypeError, match="cannot be written to"):
            jax.jit(lambda a: M.sobel(a, output=a))(X)

    @pytest.mark.needs_backend("torch")
    def test_gradients_flow_through_an_output_of_torch(self):
        import torch

        x, output = torch.ones(3, 4, dtype=torch.float64, requires_grad=True), torch.zeros(3, 4)
        M.correlate1d(x, [1.0, 2.0, 4.0], output=output, mode="wrap").sum().backward()
        assert torch.equal(x.grad, torch.full((3, 4), 7.0, dtype=torch.float64))

    def test_an_array_of_another_library_is_not_written_to(self, backend):
        if backend.name == "numpy":
            return
        with pytest.raises(TypeError, match="output a NumPy array"):
            M.sobel(backend.array(X), output=X.copy())

    def test_real_outputs_of_complex_images_are_promoted_with_a_warning(self):
        for module in (S, M):
            with pytest.warns(UserWarning, match="promoting specified output dtype to complex"):
                assert module.correlate(X * 1j, ONES, output=np.float32).dtype == "complex64"


class TestInputs:
    def test_are_not_modified(self, backend):
        x = backend.array(X)
        y = M.gaussian_filter(x, 0)
        assert y is not x
        assert np.array_equal(backend.to_numpy(x), X)
        assert np.array_equal(backend.to_numpy(y), X)

    def test_read_only_transposed_and_negatively_strided(self):
        x = np.arange(24.0).reshape(4, 6)[::-1, ::2].T
        x.flags.writeable = False
        for name in ("sobel", "laplace"):
            theirs, ours = both(name, x)
            assert np.array_equal(ours, theirs)

    def test_images_without_pixels(self, backend):
        y = M.correlate(backend.array(np.zeros((0, 3), "int16")), ONES.astype("int16").tolist())
        assert tuple(y.shape) == (0, 3)
        assert backend.dtype_name(y) == "int16"

    def test_numbers_without_axes(self):
        assert both("correlate", np.array(3), np.array(2)) == [6, 6]
        assert both("gaussian_filter", np.float64(3.0), 1) == [3, 3]

    def test_lists_of_weights_are_not_rounded(self, backend):
        """A framework's default float may be narrower than Python's."""
        with backend.wide("float64"):
            y = M.correlate1d(backend.array(np.array([0, 10, 0])), [0.1, 0.1, 0.1])
        expected = S.correlate1d(np.array([0, 10, 0]), [0.1, 0.1, 0.1])
        assert backend.to_numpy(y).tolist() == expected.tolist() == [1, 1, 1]

    def test_a_sigma_without_axes(self):
        theirs, ours = both("gaussian_filter", X * 1.0, np.array(0.5))
        assert ours.shape == theirs.shape
        assert np.array_equal(ours, M.gaussian_filter(X * 1.0, 0.5))

    def test_object_arrays_are_refused(self):
        for name in ("sobel", "laplace", "uniform_filter"):
            with pytest.raises(TypeError, match="has the dtype object"):
                getattr(M, name)(np.array([1, 2], dtype=object))

    def test_arrays_of_two_libraries_are_refused(self, backend):
        if backend.name == "numpy":
            return
        with pytest.raises(TypeError, match="weights"):
            M.correlate(backend.array(X), ONES)

    def test_no_module_of_compat_loads_scipy(self):
        from subprocesses import run_python

        code = (
            "import sys; from multiconv.compat.scipy import ndimage, signal; ndimage.sobel([[1]])"
        )
        assert run_python(code + "\nprint('scipy' in sys.modules)").strip() == "False"
