"""How `multiconv compare` compiles and differentiates with PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from multiconv.backends.base import Array
from multiconv.faces import Face

HAS_AUTODIFF = True
LOOP_OUTPUTS = 2**14
LOOP_OUTPUTS_JITTED = 9  # every output becomes three operations, each of them compiled

# torch.compile's own choice, which needs a C++ compiler, and what checks the same graph without.
_BACKENDS = ("inductor", "aot_eager")


def compiler() -> tuple[str | None, str | None]:
    """Return the name of the compiler, and what is to be said about it."""
    backend, problem = _working_backend()
    if backend is None:
        return None, f"torch.compile does not work here: {problem}"
    if problem is None:
        return f"torch.compile ({backend})", None
    return f"torch.compile ({backend})", f"torch.compile runs without inductor: {problem}"


def threads() -> int:
    """Return how many threads one operation may use."""
    return torch.get_num_threads()


def differentiate(
    face: Face, method: str, *, jitted: bool
) -> tuple[Callable[..., Array], Callable[..., tuple[Array, Array, Array]]]:
    """Return the correlation, and the correlation with its gradients by autograd.

    Both record for autograd, as in training, so that one compilation serves both.
    """

    def correlate(x: Array, k: Array) -> Array:
        return face.corr2d(x, k, method=method)

    run: Callable[..., Array] = _compiled(correlate) if jitted else correlate

    def forward(x: Array, k: Array) -> Array:
        return run(_recorded(x), _recorded(k)).detach()

    def backward(x: Array, k: Array, g: Array) -> tuple[Array, Array, Array]:
        x, k = _recorded(x), _recorded(k)
        y = run(x, k)
        dx, dk = torch.autograd.grad(y, (x, k), g)
        return y.detach(), dx, dk

    return forward, backward


def _recorded(array: Array) -> Array:
    return array.detach().requires_grad_(array.is_floating_point())


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    backend, _ = _working_backend()
    # All of these functions share one code object, which torch.compile would take for one function
    # that is called with ever new methods.
    torch.compiler.reset()
    return torch.compile(function, fullgraph=True, dynamic=False, backend=backend or "eager")


@functools.cache
def _working_backend() -> tuple[str | None, str | None]:
    """Return the first that compiles something, and why the one before did not."""
    problem: str | None = None
    for backend in _BACKENDS:
        try:
            torch.compile(_increment, backend=backend)(torch.zeros(2))
        except Exception as error:  # whatever is missing: a compiler, headers, a supported Python
            problem = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        else:
            return backend, problem
    return None, problem


def _increment(x: Array) -> Array:
    return x + 1
