"""What JAX is set to."""

from __future__ import annotations

import jax


def settings() -> dict[str, str]:
    """Return its platform, whether there are 64-bit numbers, and the precision of products."""
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    return {
        "platform": str(jax.default_backend()),
        "x64": "on" if jax.config.jax_enable_x64 else "off",  # type: ignore[attr-defined]
        "matmul precision": str(precision or "default"),
    }
