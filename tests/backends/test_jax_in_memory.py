"""Eager calls on the memory of JAX's arrays: the same results and places, and nothing traced."""

import backends_under_test
import numpy as np
import oracle
import pytest
from bounds import elementwise_excess
from comparing import assert_same
from strategies import BORDERS, configurations, for_all
from subprocesses import run_python
from wanted import WANTED, called, drawn, of_oracle, shapes

pytestmark = pytest.mark.needs_backend("jax")

BACKEND = backends_under_test.Jax()


@pytest.fixture
def jax():
    import jax

    return jax


@pytest.fixture
def mc():
    return BACKEND.functions


@pytest.fixture
def used(monkeypatch):
    """Return the list of results that came from the memory, which small calls take, too."""
    pytest.importorskip("numba")
    from multiconv.backends.in_memory import jax as in_memory
    from multiconv.backends.loops import compiled
    from multiconv.planning import dispatch

    done, plain = [], in_memory._Handing.__call__

    def counted(self, y):
        done.append(plain(self, y))
        return done[-1]

    monkeypatch.setattr(in_memory._Handing, "__call__", counted)
    monkeypatch.setattr(in_memory, "_FEWEST", 0)
    monkeypatch.setattr(compiled, "_LOADED", 0)
    monkeypatch.setattr(dispatch, "_calls", {})
    return done


def image(jax, *size, dtype="float32", seed=0):
    return jax.numpy.asarray(np.random.default_rng(seed).integers(-9, 10, size).astype(dtype))


def direct(mc):
    return lambda x, k, **options: mc.corr2d(x, k, method="direct", **options)


@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("method", ["direct", "exact"])
class TestResults:
    def test_integers_are_those_of_the_definition(self, used, method, wanted):
        dtypes = ("int8", "uint8", "int32", "int64", "float32")

        @for_all(BACKEND, configurations(dtypes, modes=BORDERS), times=8)
        def check(c):
            rng = np.random.default_rng(c.seed)
            arrays = [rng.integers(0, 5, shape) for shape in shapes(c, wanted)]
            arrays = arrays if c.bias else arrays[:2]
            with BACKEND.wide(c.dtype):
                own = [BACKEND.array(a, c.dtype) for a in arrays]
                found = called(BACKEND.functions, c, wanted, *own, method=method)
                assert_same(BACKEND, found, of_oracle(c, wanted, *arrays), c.dtype)

        assert used

    def test_jit_gives_the_same_kind_and_exact_the_same_bits(self, jax, used, method, wanted):
        dtypes = ("float16", "bfloat16", "float32", "float64", "complex64")

        @for_all(BACKEND, configurations(dtypes, modes=BORDERS), times=3)
        def check(c):
            with BACKEND.wide(c.dtype):
                own = [BACKEND.array(a, c.dtype) for a in drawn(c, wanted)]

                def run(*arrays):
                    return called(BACKEND.functions, c, wanted, *arrays, method=method)

                found, traced = run(*own), jax.jit(run)(*own)
                assert (found.aval, found.sharding) == (traced.aval, traced.sharding)
                assert found.committed == traced.committed
                if method == "exact":
                    assert np.array_equal(*(np.array(a).view(np.uint8) for a in (found, traced)))

        assert used


def test_floats_are_within_the_bound(jax, mc, used):
    rng = np.random.default_rng(1)
    for dtype in ("float32", "float64"):
        with BACKEND.wide(dtype):
            x, k = (rng.standard_normal(s).astype(dtype) for s in ((60, 70), (5, 4)))
            y = direct(mc)(*map(jax.numpy.asarray, (x, k)), padding="same", stride=(1, 2))
            excess = elementwise_excess(
                np.asarray(y)[None, None],
                x[None, None],
                k[None, None],
                None,
                dtype,
                padding="same",
                stride=(1, 2),
            )
            assert not excess
    assert len(used) == 2


@pytest.mark.parametrize("size", [(3, 4), (300, 301), (1100, 1024)])
def test_the_memory_handed_over_is_the_loops(jax, mc, used, size):
    """What is too small to begin at a cache line is copied; nothing writes to either."""
    x, k = image(jax, *size), image(jax, 3, 3, seed=1)
    before = np.array(x), np.array(k)
    first, second = (direct(mc)(x, k, padding=1) for _ in range(2))
    expected = oracle.corr2d(*(a.astype(int) for a in before), padding=1)
    assert_same(BACKEND, first, expected, "float32")
    again = jax.jit(lambda a: a + 1, donate_argnums=0)(second)
    assert_same(BACKEND, again, expected + 1, "float32")
    assert_same(BACKEND, first, expected, "float32")
    assert np.array_equal(x, before[0])
    assert np.array_equal(k, before[1])
    assert len(used) == 2


class TestPlaces:
    def test_of_what_is_bound_to_a_device(self, jax, mc, used):
        device = jax.devices("cpu")[3]
        x, k = (jax.device_put(image(jax, *s), device) for s in ((9, 8), (3, 2)))
        for one, other in ((x, k), (x, image(jax, 3, 2))):
            y = [direct(mc)(one, other) for _ in range(2)][-1]
            assert y.devices() == {device}
            assert y.committed
        assert len(used) == 4
        with pytest.raises(ValueError, match="device"):
            direct(mc)(x, jax.device_put(k, jax.devices("cpu")[2]))

    def test_of_what_is_bound_to_none(self, jax, mc, used):
        x, k = image(jax, 9, 8), image(jax, 3, 2)
        for _ in range(2):
            y = direct(mc)(x, k)
            assert y.devices() == {jax.devices("cpu")[0]}
            assert not y.committed
        with jax.default_device(jax.devices("cpu")[5]):
            y = direct(mc)(x, k)
            assert y.devices() == {jax.devices("cpu")[5]}
            assert not y.committed
        assert len(used) == 2

    def test_of_a_first_call_inside_a_default_device(self, jax, mc, used):
        x, k = image(jax, 9, 8), image(jax, 3, 2)
        with jax.default_device(jax.devices("cpu")[5]):
            places = [direct(mc)(x, k).devices() for _ in range(2)]
        assert places == [{jax.devices("cpu")[5]}] * 2
        assert len(used) == 2
        assert direct(mc)(x, k).devices() == {jax.devices("cpu")[0]}

    def test_sharded_arrays_are_the_compilers(self, jax, mc, used):
        mesh = jax.sharding.Mesh(np.array(jax.devices("cpu")[:2]), ("d",))
        for devices, spec in ((mesh, ("d",)), (mesh, ())):
            place = jax.sharding.NamedSharding(devices, jax.sharding.PartitionSpec(*spec))
            x, k = jax.device_put(image(jax, 8, 8), place), image(jax, 3, 3)
            y = direct(mc)(x, k)
            assert len(y.devices()) == 2
        one = jax.sharding.Mesh(np.array(jax.devices("cpu")[1:2]), ("d",))
        place = jax.sharding.NamedSharding(one, jax.sharding.PartitionSpec())
        x = jax.device_put(image(jax, 8, 8), place)
        assert direct(mc)(x, k).sharding == jax.jit(direct(mc))(x, k).sharding
        assert used == []

    def test_weak_types_are_the_compilers(self, jax, mc, used):
        x = jax.numpy.broadcast_to(jax.numpy.asarray(2.0), (5, 5))
        assert x.weak_type
        for k in (x[:2, :2], image(jax, 2, 2)):
            y, traced = direct(mc)(x, k), jax.jit(direct(mc))(x, k)
            assert y.weak_type == traced.weak_type
            assert np.array_equal(y, traced)
        assert used == []


class TestNothingIsTraced:
    def test_transforms_are_those_of_jax(self, jax, mc, used):
        x, k = image(jax, 6, 7), image(jax, 3, 2)

        def loss(k):
            return (direct(mc)(x, k) ** 2).sum()

        expected = oracle.corr2d(*(np.asarray(a).astype(int) for a in (x, k)))
        assert_same(BACKEND, jax.jit(direct(mc))(x, k), expected, "float32")
        gradient = jax.grad(loss)(k)
        assert np.array_equal(gradient, jax.jit(jax.grad(loss))(k))
        assert np.array_equal(jax.vmap(lambda x: direct(mc)(x, k))(x[None])[0], expected)
        assert jax.eval_shape(direct(mc), x, k).shape == expected.shape
        y, _ = jax.linearize(direct(mc), x, k)
        assert np.array_equal(y, expected)
        assert np.array_equal(jax.grad(jax.checkpoint(loss))(k), gradient)
        assert used == []
        assert_same(BACKEND, direct(mc)(x, k), expected, "float32")
        assert len(used) == 1

    def test_a_bias_that_is_traced(self, jax, mc, used):
        x, k = image(jax, 1, 1, 40, 40), image(jax, 1, 1, 3, 3)
        for method in ("direct", "auto", "exact"):
            grad = jax.grad(lambda b, method=method: mc.conv2d(x, k, b, method=method).sum())
            assert grad(image(jax, 1)).tolist() == [38 * 38]
        assert used == []

    def test_what_a_traced_function_encloses_stays_in_its_program(self, jax, mc, used):
        x, k = image(jax, 6, 7), image(jax, 3, 2)
        expected = direct(mc)(x, k)
        assert len(used) == 1

        def run():
            y = direct(mc)(x, k)
            assert isinstance(y, jax.core.Tracer)
            with jax.ensure_compile_time_eval():
                assert np.array_equal(direct(mc)(x, k), expected)
            return y

        assert np.array_equal(jax.jit(run)(), expected)
        assert len(used) == 1

    def test_without_jit_all_is_eager(self, jax, mc, used):
        x, k = image(jax, 6, 7), image(jax, 3, 2)
        with jax.disable_jit():
            found = jax.jit(direct(mc))(x, k)
        assert len(used) == 1
        assert np.array_equal(found, jax.jit(direct(mc))(x, k))

    def test_inside_a_callback(self, jax, mc, used):
        x, k = image(jax, 6, 7), image(jax, 3, 2)
        shape = jax.ShapeDtypeStruct((4, 6), "float32")

        def inside(x, k):
            return np.asarray(direct(mc)(jax.numpy.asarray(x), jax.numpy.asarray(k)))

        y = jax.jit(lambda *a: jax.pure_callback(inside, shape, *a))(x, k)
        assert np.array_equal(y, direct(mc)(x, k))


class TestJaxsOwnRules:
    def test_a_deleted_array_is_jaxs_error(self, jax, mc, used):
        x, k = image(jax, 6, 7), image(jax, 3, 2)
        direct(mc)(x, k)
        x.delete()
        with pytest.raises(RuntimeError, match="deleted"):
            direct(mc)(x, k)

    def test_an_array_can_be_donated_afterwards(self, jax, mc, used):
        x, k = image(jax, 60, 70), image(jax, 3, 2)
        expected = direct(mc)(x, k)
        place, step = x.unsafe_buffer_pointer(), jax.jit(lambda a: a + 1, donate_argnums=0)
        y = step(x)
        assert x.is_deleted()
        assert y.unsafe_buffer_pointer() == place  # no view of ours has kept the memory
        assert np.array_equal(direct(mc)(y - 1, k), expected)

    @pytest.mark.parametrize("name", ["debug_nans", "debug_infs"])
    def test_a_watch_for_numbers_sees_them(self, jax, mc, used, name):
        value = {"debug_nans": np.nan, "debug_infs": np.inf}[name]
        x, k = image(jax, 6, 7) * 0 + value, image(jax, 3, 2) * 0 + 1
        assert not np.isfinite(direct(mc)(x, k)).any()
        assert len(used) == 1
        with getattr(jax, name)(True), pytest.raises(FloatingPointError):
            direct(mc)(x, k)
        assert len(used) == 1

    @pytest.mark.parametrize("level", ["disallow", "disallow_explicit"])
    def test_nothing_is_transferred(self, jax, mc, used, level):
        for size in ((6, 7), (200, 300)):
            x, k = image(jax, *size), image(jax, 3, 2)
            direct(mc)(x, k)
            with jax.transfer_guard(level):
                y = direct(mc)(x, k)
            assert np.array_equal(y, direct(mc)(x, k))

    def test_64_bits_are_decided_anew(self, jax, mc, used):
        for _ in range(2):
            assert (
                direct(mc)(*(image(jax, *s, dtype="int32") for s in ((4, 4), (2, 2)))).dtype
                == "int32"
            )
            with backends_under_test.enable_x64():
                arrays = [image(jax, *s, dtype="int64") for s in ((4, 4), (2, 2))]
                assert direct(mc)(*arrays).dtype == "int64"
        assert len(used) == 4

    def test_empty_arrays(self, jax, mc, used):
        y = mc.conv2d(image(jax, 0, 2, 5, 5), image(jax, 4, 2, 3, 3), method="direct")
        assert y.shape == (0, 4, 3, 3)
        y = mc.conv2d(image(jax, 2, 0, 5, 5), image(jax, 4, 0, 3, 3), method="exact")
        assert np.array_equal(y, np.zeros((2, 4, 3, 3)))

    def test_threads(self, jax, mc, used):
        from concurrent.futures import ThreadPoolExecutor

        k = image(jax, 3, 2)
        images = [image(jax, 50, 60, seed=n) for n in range(16)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda x: direct(mc)(x, k), images))
        for x, y in zip(images, found, strict=True):
            assert np.array_equal(y, jax.jit(direct(mc))(x, k))


def test_without_the_inner_way_the_public_one_is_taken(jax, mc, used, monkeypatch):
    from multiconv.backends.in_memory import jax as in_memory

    x, k = image(jax, 40, 50), image(jax, 3, 2)
    expected = direct(mc)(x, k)

    def otherwise(*arguments):
        raise TypeError("another number of arguments")

    monkeypatch.setattr(in_memory, "batched_device_put", otherwise)
    monkeypatch.setattr(in_memory, "_puts_batches", in_memory._puts_batches.__wrapped__)
    from multiconv.planning import dispatch

    dispatch._calls.clear()
    for _ in range(3):
        y = direct(mc)(x, k)
        assert np.array_equal(y, expected)
        assert not y.committed
    assert len(used) == 4


def test_on_a_mesh_all_is_compiled(jax, mc, used):
    """Where users have set one, JAX puts results there."""
    x, k = image(jax, 40, 50), image(jax, 3, 2)
    expected = direct(mc)(x, k)
    assert len(used) == 1
    with jax.set_mesh(jax.make_mesh((1,), ("d",), (jax.sharding.AxisType.Auto,))):
        y = direct(mc)(x, k)
        assert y.sharding == (x + 1).sharding
    assert np.array_equal(y, expected)
    assert len(used) == 1


def test_without_jaxs_state_all_is_compiled(jax, mc, used, monkeypatch):
    from multiconv.backends.in_memory import jax as in_memory

    monkeypatch.setattr(in_memory, "trace_state_clean", None)
    direct(mc)(image(jax, 40, 50), image(jax, 3, 2))
    assert used == []


class TestPlans:
    def test_a_plan_is_of_arrays_with_numbers(self, jax, mc):
        pytest.importorskip("numba")
        plans = [mc.plan((512, 512), (15, 15), padding="same")]
        plans.append(mc.plan(image(jax, 512, 512), (15, 15), padding="same"))
        traced = []
        jax.eval_shape(
            lambda x, k: traced.append(mc.plan(x, k, padding="same")) or x,
            image(jax, 512, 512),
            image(jax, 15, 15),
        )
        assert [plan.method for plan in plans] == ["direct"] * 2
        assert traced[0].is_compiled
        assert not any(plan.is_compiled for plan in plans)
        assert str(plans[0]) == str(plans[1])

    def test_few_products_are_compiled(self, mc):
        assert mc.plan((8, 8), (3, 3), method="direct").is_compiled
        small = mc.plan((28, 28), (3, 3))
        assert small.method == "direct"
        assert small.is_compiled


@pytest.mark.parametrize("numba", ["", "import sys; sys.modules['numba'] = None"])
def test_a_process_without_numba_does_without_memory(numba):
    out = run_python(f"""
        {numba}
        import jax, multiconv as mc
        x, k = jax.numpy.ones((400, 400)), jax.numpy.ones((3, 3))
        plan = mc.plan(x, k, method="exact")
        print(plan.is_compiled, mc.corr2d(x, k, method="exact")[0, 0])
    """)
    assert out in (f"{bool(numba)} 9.0", "True 9.0")
