"""What a call costs beyond the framework's own: the textbook's 3 x 3 image with its 2 x 2 kernel.

python benchmarks/overhead.py > benchmarks/results/overhead.md
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import torch
from interleaved import Candidates, agree, environment, medians

import multiconv as mc

IMAGE = np.arange(9, dtype=np.float32).reshape(3, 3)
KERNEL = np.arange(4, dtype=np.float32).reshape(2, 2)


def numpy_candidates() -> Candidates:
    windows = np.lib.stride_tricks.sliding_window_view
    return {
        "einsum over sliding windows": lambda: np.einsum(
            "pqij,ij->pq", windows(IMAGE, (2, 2)), KERNEL
        ),
        "multiconv.corr2d": lambda: mc.corr2d(IMAGE, KERNEL),
        "multiconv.numpy.corr2d": lambda: mc.numpy.corr2d(IMAGE, KERNEL),
    }


def torch_candidates() -> Candidates:
    x, k = torch.from_numpy(IMAGE), torch.from_numpy(KERNEL)
    return {
        "F.conv2d": lambda: torch.nn.functional.conv2d(x[None, None], k[None, None])[0, 0],
        "multiconv.corr2d": lambda: mc.corr2d(x, k),
        "multiconv.torch.corr2d": lambda: mc.torch.corr2d(x, k),
    }


def jax_candidates() -> Candidates:
    x, k = jnp.asarray(IMAGE), jnp.asarray(KERNEL)

    def lax_conv(x, k):
        return jax.lax.conv(x[None, None], k[None, None], (1, 1), "VALID")[0, 0]

    compiled = jax.jit(lax_conv)
    return {
        "jax.lax.conv under jit": lambda: compiled(x, k).block_until_ready(),
        "jax.lax.conv": lambda: lax_conv(x, k).block_until_ready(),
        "multiconv.corr2d": lambda: mc.corr2d(x, k).block_until_ready(),
        "multiconv.jax.corr2d": lambda: mc.jax.corr2d(x, k).block_until_ready(),
    }


def main() -> None:
    print("# A call's cost, 3 x 3 image with 2 x 2 kernel, float32\n")
    print(environment(torch, jax) + "\n")
    print("| backend | call | us per call | beyond the framework's own |")
    print("|---|---|---|---|")
    for name, candidates in (
        ("numpy", numpy_candidates()),
        ("torch", torch_candidates()),
        ("jax", jax_candidates()),
    ):
        agree(candidates, np.asarray, bound=0.0)  # 19, 25, 37, 43 exactly
        times = medians(candidates)
        own = next(iter(times.values()))
        for call, seconds in times.items():
            print(f"| {name} | {call} | {seconds * 1e6:.1f} | {(seconds - own) * 1e6:+.1f} us |")


if __name__ == "__main__":
    main()
