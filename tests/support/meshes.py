"""Virtual devices of JAX in a mesh, arrays on them, and what a compiled program sends about."""

import re

import numpy as np


def mesh_of(kind, shape=(2, 4)):
    import jax

    devices = jax.devices("cpu")[: int(np.prod(shape))]
    axis_types = (getattr(jax.sharding.AxisType, kind),) * len(shape)
    return jax.make_mesh(shape, ("a", "b")[: len(shape)], axis_types=axis_types, devices=devices)


def placed(values, mesh, *spec, dtype="float32"):
    import jax

    spec = jax.sharding.PartitionSpec(*spec)
    return jax.device_put(np.asarray(values, dtype), jax.NamedSharding(mesh, spec))


def integers(*shapes, seed=5):
    rng = np.random.default_rng(seed)
    return [rng.integers(-3, 4, shape) for shape in shapes]


def collectives(run, *operands):
    """The names of the collectives in the compiled program."""
    text = run.lower(*operands).compile().as_text()
    kinds = r"(all-gather|all-to-all|all-reduce|collective-permute|reduce-scatter)(?:-start)?\("
    return set(re.findall(r" " + kinds, text))
