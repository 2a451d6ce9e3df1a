"""JAX's functions on the arrays of any library: see `multiconv.compat.jax.lax`."""
