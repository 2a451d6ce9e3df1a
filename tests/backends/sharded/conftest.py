"""JAX, where it divides arrays over a mesh as we say, and its face."""

import backends_under_test
import pytest


@pytest.fixture
def jax():
    import jax

    from multiconv.backends.sharded.jax import IS_SUPPORTED

    if not IS_SUPPORTED:
        pytest.skip("JAX of this age leaves sharded arrays to its compiler")
    return jax


@pytest.fixture
def mc():
    return backends_under_test.Jax().functions
