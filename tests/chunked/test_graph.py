"""What the graph is: chunks that follow the input's, few tasks, and clear refusals."""

import pickle

import numpy as np
import pytest
from chunking import assert_same_as_whole, computed, in_chunks, tasks

import multiconv as mc

pytestmark = pytest.mark.slow


def ones(*shape, chunks, dtype="float32"):
    import dask.array

    return dask.array.ones(shape, chunks=chunks, dtype=dtype)


class TestChunks:
    def test_a_border_as_wide_as_the_kernel_reaches_keeps_the_chunks(self):
        x = ones(100, 90, chunks=((30, 70), (50, 40)))
        for padding in ("same", "same_lower"):
            for size in (3, 4):
                y = mc.corr2d(x, np.ones((size, size)), padding=padding)
                assert y.chunks == x.chunks

    def test_without_a_border_the_last_chunk_is_smaller(self):
        y = mc.corr2d(ones(100, 90, chunks=(50, 45)), np.ones((3, 5)))
        assert y.chunks == ((50, 48), (45, 41))

    def test_a_stride_divides_them(self):
        y = mc.corr2d(ones(100, 90, chunks=(50, 45)), np.ones((3, 3)), stride=2, padding=1)
        assert y.chunks == ((25, 25), (23, 22))

    def test_a_transposed_convolution_multiplies_them(self):
        y = mc.conv_transpose2d(
            ones(1, 10, 8, chunks=(1, 5, 4)), np.ones((1, 2, 2, 2), "float32"), stride=2
        )
        assert y.chunks == ((2,), (10, 10), (8, 8))

    def test_the_batch_keeps_its_own_and_the_filters_are_together(self):
        y = mc.conv2d(ones(5, 4, 8, 8, chunks=(2, 2, 8, 4)), np.ones((6, 4, 3, 3)), padding=1)
        assert y.chunks == ((2, 2, 1), (6,), (8,), (4, 4))

    def test_chunks_much_smaller_than_the_kernel_reaches(self):
        x = np.arange(400).reshape(20, 20)
        k = np.arange(81).reshape(9, 9)
        for mode in ("zeros", "reflect", "circular"):
            options = {"padding": "same", "padding_mode": mode}
            y = mc.corr2d(in_chunks(x, (2, 3)), k, **options)
            assert_same_as_whole(y, mc.corr2d(x, k, **options))


class TestTasks:
    @pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
    def test_four_strips_and_a_block_for_a_chunk_of_an_image(self, mode):
        for count in (4, 8):
            x = ones(64 * count, 64 * count, chunks=64)
            y = mc.corr2d(x, np.ones((5, 5)), padding="same", padding_mode=mode)
            assert tasks(y) <= 6 * count**2

    def test_few_in_three_dimensions_and_for_gradients(self):
        x = ones(1, 1, 32, 32, 32, chunks=(1, 1, 8, 8, 8))
        weight = np.ones((1, 1, 3, 3, 3), "float32")
        y = mc.conv3d(x, weight, padding=1)
        dx = mc.conv_input_grad(y, weight, (32, 32, 32), padding=1)
        dw = mc.conv_weight_grad(x, y, (3, 3, 3), padding=1)
        for lazy in (y, dx, dw):
            own = len([key for key in dict(lazy.dask) if lazy.name in str(key)])
            assert own <= 9 * 4**3

    def test_a_piece_of_a_chunk_does_not_keep_the_chunk(self):
        from multiconv.chunked.joining import Take

        chunk = np.ones((8, 8))
        assert Take(((0, 2), (0, 8)))(chunk).base is None

    def test_tasks_travel(self):
        y = mc.corr2d(ones(8, 8, chunks=4), np.ones((3, 3)), padding=1, padding_mode="reflect")
        for layer in y.dask.layers.values():
            pickle.loads(pickle.dumps(dict(layer)))

    def test_a_second_graph_of_blocks_alike_plans_nothing(self):
        from multiconv.chunked import parts

        x, k = ones(8, 8, chunks=4), np.ones((3, 3))
        mc.corr2d(x, k)
        planned = parts._planned.cache_info().misses
        mc.corr2d(x, 2 * k)
        assert parts._planned.cache_info().misses == planned

    def test_the_name_is_that_of_what_is_computed(self):
        x, k = ones(8, 8, chunks=4), np.ones((3, 3))
        assert mc.corr2d(x, k).name == mc.corr2d(x, k).name
        assert mc.corr2d(x, k).name != mc.corr2d(x, 2 * k).name
        assert mc.corr2d(x, k).name != mc.convolve2d(x, k).name


class TestArguments:
    def test_kernel_and_bias_of_either_kind(self):
        x, weight, bias = np.ones((1, 8, 8)), np.ones((2, 1, 3, 3)), np.ones(2)
        expected = mc.conv2d(x, weight, bias)
        chunked = in_chunks(x, (1, 4, 4))
        for w in (weight, in_chunks(weight, (1, 1, 2, 3))):
            for b in (bias, in_chunks(bias, (1,))):
                assert_same_as_whole(mc.conv2d(chunked, w, b), expected)
        assert_same_as_whole(mc.conv2d(x, in_chunks(weight, -1), bias), expected)

    def test_sizes_that_are_not_known_yet(self):
        x = ones(6, 7, chunks=3)
        with pytest.raises(ValueError, match=r"x has chunks of unknown size.*compute_chunk_sizes"):
            mc.corr2d(x[x[:, 0] > 0], np.ones((2, 2)))

    def test_a_method_that_the_chunks_library_lacks_is_refused_at_once(self):
        with pytest.raises(ValueError, match="method='native' cannot be used here"):
            mc.corr2d(ones(8, 8, chunks=4), np.ones((3, 3)), method="native")

    def test_a_sum_over_blocks_is_not_rounded_once_and_so_is_no_exact_one(self):
        from multiconv.chunked.build import build
        from multiconv.chunked.parts import Part
        from multiconv.core.geometry import resolve
        from multiconv.planning.operands import Layout
        from multiconv.planning.options import read

        geometry = resolve((8, 8), (3, 3), (1, 1), (1, 1), "same")
        layout = Layout((), 1, 1, 1, is_image=True)
        part = Part(
            ("x", "y"), "weight", layout, geometry, read(2, 1, 0, 1)._replace(method="exact")
        )
        x = ones(8, 8, chunks=4)
        with pytest.raises(ValueError, match=r"'exact' cannot .* each of 4 blocks .* rechunk"):
            build(part, x, x, None)

    def test_the_errors_are_those_of_whole_arrays(self):
        x, k = np.ones((8, 8)), np.ones((9, 9))
        with pytest.raises(ValueError, match="larger than the padded input") as whole:
            mc.corr2d(x, k)
        with pytest.raises(ValueError, match="larger than the padded input") as chunked:
            mc.corr2d(in_chunks(x, 4), k)
        assert str(whole.value) == str(chunked.value)

    def test_masked_chunks_are_refused_as_masked_arrays_are(self):
        import dask.array

        x = dask.array.ma.masked_greater(ones(8, 8, chunks=4), 2)
        with pytest.raises(TypeError, match="masked array"):
            mc.corr2d(x, np.ones((3, 3)))

    def test_a_face_of_another_library_says_how_to_convert(self):
        with pytest.raises(TypeError, match="this is the numpy face"):
            mc.numpy.corr2d(ones(8, 8, chunks=4), np.ones((3, 3)))

    def test_a_plan_says_that_blocks_choose(self):
        plan = mc.plan(ones(64, 64, chunks=32), np.ones((3, 3)), padding="same")
        assert (plan.output_shape, plan.method) == ((64, 64), "auto")
        assert "each block" in str(plan)


@pytest.mark.needs_backend("jax")
def test_chunks_of_another_library_stay_its_own():
    import jax
    import jax.numpy as jnp

    x = np.arange(64, dtype="int32").reshape(8, 8)
    chunked = in_chunks(x, 4).map_blocks(jnp.asarray, meta=jnp.zeros((0, 0), "int32"))
    k = jnp.ones((3, 3), "int32")
    y = mc.corr2d(chunked, k, padding=1, padding_mode="reflect")
    found = computed(y.blocks[0, 0])
    assert isinstance(found, jax.Array)
    expected = mc.corr2d(x, np.ones((3, 3), "int32"), padding=1, padding_mode="reflect")
    assert np.array_equal(np.asarray(found), expected[:4, :4])


def test_a_kernel_of_another_library_than_the_chunks_is_refused():
    import array_api_strict

    with pytest.raises(TypeError, match="convert one of them"):
        mc.corr2d(ones(8, 8, chunks=4), array_api_strict.ones((3, 3)))
