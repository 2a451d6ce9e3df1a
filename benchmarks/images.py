"""One image and one kernel: every method against the framework's own convolution.

python benchmarks/images.py > benchmarks/results/images.md
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import scipy.signal
import torch
from interleaved import Candidates, agree, environment, medians

import multiconv as mc
from multiconv.methods.table import METHODS as TABLE

# Those for images of any size; the framework's own is what they are compared with.
OURS = {name: m for name, m in TABLE.items() if m.limit is None and not m.takes_border}
METHODS = ("auto", *OURS)
CASES = ((256, 3), (256, 7), (1024, 3), (1024, 7))


def candidates_of(backend: str, image: np.ndarray, kernel: np.ndarray) -> Candidates:
    if backend == "numpy":
        x, k = image, kernel
        own = {"scipy.signal.correlate2d": lambda: scipy.signal.correlate2d(x, k, "valid")}
    elif backend == "torch":
        x, k = torch.from_numpy(image), torch.from_numpy(kernel)
        own = {"F.conv2d": lambda: torch.nn.functional.conv2d(x[None, None], k[None, None])[0, 0]}
    else:
        x, k = jnp.asarray(image), jnp.asarray(kernel)
        compiled = jax.jit(
            lambda x, k: jax.lax.conv(x[None, None], k[None, None], (1, 1), "VALID")[0, 0]
        )
        own = {"jax.lax.conv under jit": lambda: compiled(x, k).block_until_ready()}
    synchronize = mc.get_backend(backend).backend.synchronize

    def ours(method: str):
        def call():
            y = mc.corr2d(x, k, method=method)
            synchronize(y)
            return y

        return call

    return own | {method: ours(method) for method in METHODS}


def main() -> None:
    rng = np.random.default_rng(0)
    print("# One channel, float32: time relative to the framework's own convolution\n")
    print(environment(torch, jax, scipy) + "\n")
    print("Medians, the candidates taking turns; under 1 is faster.\n")
    print("| image, kernel | backend | own, ms | " + " | ".join(METHODS) + " |")
    print("|---|---|---|" + "---|" * len(METHODS))
    for size, taps in CASES:
        # On small integers all element-wise methods agree to the bit; FFT is off by rounding only.
        image = rng.integers(-8, 9, (size, size)).astype(np.float32)
        kernel = rng.integers(-8, 9, (taps, taps)).astype(np.float32)
        for backend in ("numpy", "torch", "jax"):
            candidates = candidates_of(backend, image, kernel)
            in_norm = {name for name, method in OURS.items() if method.error == "norm"}
            exact = {name: call for name, call in candidates.items() if name not in in_norm}
            agree(exact, np.asarray, bound=0.0)
            times = medians(candidates, rounds=7)
            own = next(iter(times.values()))
            ratios = " | ".join(f"{times[method] / own:.2f}" for method in METHODS)
            print(
                f"| {size}, {taps} x {taps} | {backend} | {own * 1e3:.2f} | {ratios} |", flush=True
            )


if __name__ == "__main__":
    main()
