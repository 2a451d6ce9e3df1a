"""`explain`: its terms are those of the definition, its value the library's own."""

import backends_under_test
import numpy as np
import oracle
import pytest
from comparing import check_error
from strategies import configurations, for_all

import multiconv as mc

X, K = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
FACES = [name for name in backends_under_test.CHOSEN if name != "strict"]


def factors(explanation):
    return [(term.pixel, term.weight) for term in explanation.terms]


def position(shape, seed):
    """One index of an array of that shape."""
    return tuple(int(n) for n in np.unravel_index(seed % int(np.prod(shape)), shape))


class TestTheTextbook:
    def test_the_sum_and_its_terms(self):
        found = mc.explain(X, K, at=(0, 0))
        assert (found.value, found.output_shape, found.bias) == (19, (2, 2), None)
        assert factors(found) == [(0, 0), (1, 1), (3, 2), (4, 3)]
        assert [term.index for term in found.terms] == [(0, 0), (0, 1), (1, 0), (1, 1)]
        assert found.window == ((0, 1), (0, 1))
        assert found.pads == ((0, 0), (0, 0))
        assert not any(term.is_border for term in found.terms)

    def test_every_output(self):
        values = [[mc.explain(X, K, (p, q)).value for q in range(2)] for p in range(2)]
        assert values == [[19, 25], [37, 43]]

    def test_the_flipped_kernel(self):
        found = mc.explain(X, K, (0, 0), flip=True)
        assert factors(found) == [(0, 3), (1, 2), (3, 1), (4, 0)]
        assert [term.tap for term in found.terms] == [(1, 1), (1, 0), (0, 1), (0, 0)]
        assert found.value == 5

    def test_negative_indices_count_from_the_end(self):
        assert mc.explain(X, K, (-1, -2)).at == (1, 0)

    def test_it_is_frozen_and_equal_to_another_like_it(self):
        found = mc.explain(X, K, (0, 0))
        assert found == mc.explain(np.array(X), np.array(K), (0, 0))
        assert found != mc.explain(X, K, (0, 1))
        with pytest.raises(AttributeError):
            found.value = 20


class TestItIsWhatTheLibraryComputes:
    @pytest.mark.parametrize("flip", [False, True])
    def test_of_images_and_kernels(self, backend, flip):
        @for_all(backend, configurations(("int32", "float32"), axes=2, batches=(1, 2)), times=0.5)
        def check(c):
            x, weight, _ = c.operands()
            x, k = x[:, 0], weight[0, 0]
            images, kernel = backend.array(x, c.dtype), backend.array(k, c.dtype)
            options = {
                name: c.geometry[name] for name in ("stride", "padding", "dilation", "padding_mode")
            }
            y = oracle.conv(x[:, None], (k[::-1, ::-1] if flip else k)[None, None], **options)[:, 0]
            at = position(y.shape, c.seed)
            found = mc.explain(images, kernel, at, **options, flip=flip)
            assert found.output_shape == y.shape
            assert found.value == y[at]
            self.check_terms(found, x, k)

    def test_of_channels_groups_and_bias(self, backend):
        @for_all(backend, configurations(("int32", "float32"), axes=2, batches=(None, 1, 2)))
        def check(c):
            x, weight, bias = c.operands()
            y = oracle.conv(x, weight, bias, **c.geometry)
            at = position(y.shape, c.seed)
            arrays = [backend.array(x, c.dtype), backend.array(weight, c.dtype)]
            added = None if bias is None else backend.array(bias, c.dtype)
            found = mc.explain(*arrays, at, bias=added, **c.geometry)
            assert found.output_shape == y.shape
            assert found.value == y[at]
            assert found.bias == (None if bias is None else bias[at[-3]])
            self.check_terms(found, x, weight)

    @staticmethod
    def check_terms(found, x, k):
        for term in found.terms:
            assert k[term.tap] == term.weight
            assert term.pixel == (0 if term.index is None else x[term.index])
            inside = all(0 <= n < m for n, m in zip(term.place, x.shape[-2:], strict=True))
            assert term.is_border == (not inside)
        total = sum(term.product for term in found.terms) + (found.bias or 0)
        assert total == found.value

    def test_floats_are_added_up_by_the_backend_itself(self, backend):
        rng = np.random.default_rng(3)
        x, k = rng.standard_normal((9, 8)), rng.standard_normal((3, 4))
        x, k = backend.array(x, "float32"), backend.array(k, "float32")
        y = backend.to_numpy(mc.corr2d(x, k, method="direct"))
        for at in ((0, 0), (6, 4), (3, 2)):
            found = mc.explain(x, k, at)
            assert found.dtype == "float32"
            exact = sum(term.product for term in found.terms)
            size = sum(abs(term.product) for term in found.terms)
            bound = 13 * 2.0**-24 / (1 - 13 * 2.0**-24) * size  # gamma_(n + 1), n = 12 products
            assert abs(found.value - exact) <= bound
            assert abs(found.value - float(y[at])) <= 2 * bound


class TestTheBorder:
    @pytest.mark.parametrize(
        ("mode", "rows"),
        [
            ("zeros", [None, None, 0, 1, 2]),
            ("reflect", [2, 1, 0, 1, 2]),
            ("symmetric", [1, 0, 0, 1, 2]),
            ("replicate", [0, 0, 0, 1, 2]),
            ("circular", [1, 2, 0, 1, 2]),
        ],
    )
    def test_which_pixel_it_repeats(self, mode, rows):
        x = np.array([[5], [6], [7]])
        options = {"padding": ((2, 0), (0, 0)), "padding_mode": mode}
        found = mc.explain(x, np.ones((5, 1), int), (0, 0), **options)
        assert [term.place[0] for term in found.terms] == [-2, -1, 0, 1, 2]
        assert [None if t.index is None else t.index[0] for t in found.terms] == rows
        assert [term.is_border for term in found.terms] == [True, True, False, False, False]

    def test_a_constant_one(self, backend):
        x, k = np.arange(18).reshape(2, 3, 3), np.arange(16).reshape(2, 2, 2, 2)
        options = {"padding": 1, "padding_mode": "constant", "padding_value": (7, -2)}
        y = mc.conv2d(x, k, **options)
        x, k = backend.array(x, "int32"), backend.array(k, "int32")
        options["padding_value"] = np.array([7, -2])
        for at in ((0, 0, 0), (1, 3, 2), (1, 1, 1)):
            found = backend.functions.explain(x, k, at, **options)
            assert found.value == y[at]
            border = [term for term in found.terms if term.is_border]
            assert [t.pixel for t in border] == [7 if t.tap[1] == 0 else -2 for t in border]
            assert all(term.index is None for term in border)
        corner = mc.explain([[1.0]], [[1.0, 2.0]], (0, 0), padding=((0, 0), (1, 0)),
                            padding_mode="constant", padding_value=0.5)  # fmt: skip
        assert corner.formula == "0.5x1 + 1x2 = 2.5"
        assert "1 of the 2 pixels is a number of the constant border" in str(corner)

    def test_an_image_without_pixels_is_all_border(self):
        found = mc.explain(np.zeros((0, 3), int), [[1, 2], [3, 4]], (0, 0), padding=1)
        assert found.value == 0
        assert all(term.index is None for term in found.terms)


class TestDtypes:
    def test_integers_wrap_around_as_the_librarys_do(self, backend):
        x, k = (
            backend.array(np.full((3, 3), 200), "uint8"),
            backend.array(np.full((2, 2), 2), "uint8"),
        )
        found = mc.explain(x, k, (1, 1))
        assert (found.value, found.dtype) == (1600 % 256, "uint8")
        assert found.formula.endswith("= 1600, which wraps around to 64 in uint8")

    def test_bool_counts_as_an_integer(self, backend):
        found = mc.explain(
            backend.array(np.eye(2), "bool"), backend.array(np.eye(2), "bool"), (0, 0)
        )
        assert found.dtype == backend.default_integer
        assert factors(found) == [(1, 1), (0, 0), (0, 0), (1, 1)]
        assert [type(term.pixel) for term in found.terms] == [int] * 4

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "complex64", "int64"])
    def test_every_kind(self, backend, dtype):
        if dtype not in backend.dtypes:
            dtype = "float32"
        with backend.wide(dtype):
            found = mc.explain(backend.array(X, dtype), backend.array(K, dtype), (1, 1))
        assert (found.value, found.dtype) == (43, dtype)

    @pytest.mark.parametrize("face", FACES)
    def test_a_face_takes_nested_lists(self, face):
        functions = mc.get_backend(face)
        assert functions.explain(X, K, (0, 1), bias=2).value == 27
        assert functions.explain(X, k=K, at=(0, 1)).value == 25

    def test_not_a_number_is_shown_as_what_it_is(self):
        with np.errstate(invalid="ignore"):  # NumPy warns of infinity times zero
            found = mc.explain(np.array([[np.nan, np.inf]]), [[1.0, 0.0]], (0, 0))
        assert found.formula == "nanx1 + infx0 = nan"

    def test_nothing_to_add_up(self):
        found = mc.explain(np.zeros((0, 3, 3)), np.zeros((2, 0, 2, 2)), (1, 0, 0), bias=[1, 2])
        assert (found.terms, found.value) == ((), 2.0)
        assert "bias 2 = 2" in str(found)
        assert mc.explain(np.zeros((0, 3, 3)), np.zeros((2, 0, 2, 2)), (1, 0, 0)).formula == "0 = 0"


class TestErrors:
    @pytest.mark.parametrize(
        ("at", "words"),
        [
            ((2, 0), ["at=(2, 0)", "outside", "(2, 2)", "at=(1, 0)"]),
            ((0, -3), ["outside", "(2, 2)", "at=(0, -2)"]),
            ((0,), ["2 ints", "(2, 2)", "at=(0, 0)"]),
            (0, ["2 ints", "(2, 2)", "at=(0, 0)"]),
            ((0, 0, 0), ["2 ints", "(2, 2)"]),
        ],
    )
    def test_an_index_outside_the_output(self, at, words):
        check_error(ValueError, lambda: mc.explain(X, K, at), *words)

    def test_an_index_that_is_none(self):
        check_error(TypeError, lambda: mc.explain(X, K, (0, 0.5)), "at[1]", "integer", "0.5")

    def test_an_output_without_numbers(self):
        x = np.zeros((0, 3, 3))
        check_error(ValueError, lambda: mc.explain(x, K, (0, 0, 0)), "no numbers", "(0, 2, 2)")

    def test_a_kernel_of_another_rank(self):
        k = np.ones((1, 1, 3))
        check_error(ValueError, lambda: mc.explain(X, k, (0, 0)), "(1, 1, 3)", "conv1d", "None")

    def test_groups_without_channels(self):
        check_error(ValueError, lambda: mc.explain(X, K, (0, 0), groups=2), "groups=2", "O")

    def test_a_bias_of_too_many_numbers(self):
        check_error(ValueError, lambda: mc.explain(X, K, (0, 0), bias=[1, 2]), "bias", "(2,)")
        weight, x = np.ones((3, 1, 2, 2)), np.ones((1, 3, 3))
        check_error(
            ValueError, lambda: mc.explain(x, weight, (0, 0, 0), bias=np.ones(2)), "bias", "(3,)"
        )

    def test_what_corr2d_refuses(self):
        check_error(
            ValueError, lambda: mc.explain(X, K, (0, 0), dilation=5), "larger", "height", "padding="
        )
        check_error(TypeError, lambda: mc.explain(X, K), "explain", "at")
        check_error(TypeError, lambda: mc.explain(X, K, (0, 0), strides=2), "stride")

    @pytest.mark.needs_backend("jax")
    def test_a_tracer_has_no_numbers(self):
        import jax

        x, k = jax.numpy.ones((3, 3)), jax.numpy.ones((2, 2))
        call = jax.jit(lambda x: mc.explain(x, k, (0, 0)).value)
        check_error(TypeError, lambda: call(x), "explain", "x", "outside")

    @pytest.mark.needs_backend("torch")
    def test_a_tensor_of_the_meta_device_has_no_numbers(self):
        import torch

        x, k = torch.ones(3, 3, device="meta"), torch.ones(2, 2, device="meta")
        check_error(TypeError, lambda: mc.explain(x, k, (0, 0)), "explain", "x", "meta")
        call = torch.vmap(lambda x: mc.explain(x, torch.ones(2, 2), (0, 0)).value)
        check_error(TypeError, lambda: call(torch.ones(2, 3, 3)), "explain", "x")

    @pytest.mark.needs_backend("torch")
    def test_what_records_gradients_is_explained_as_it_is(self):
        import torch

        x = torch.ones(3, 3, requires_grad=True)
        assert mc.explain(x, torch.ones(2, 2), (0, 0)).value == 4.0
        assert x.grad is None
