"""How `multiconv compare` compiles and differentiates with PyTorch."""

from __future__ import annotations

import functools
import types

import torch

from multiconv.backends.base import Array
from multiconv.coursework.differentiation.table import Backward, Differentiation, Forward
from multiconv.faces import Face

# torch.compile's own choice, which needs a C++ compiler, and what checks the same graph without.
_BACKENDS = ("inductor", "aot_eager")


class _Torch(Differentiation):
    has_autodiff = True
    loop_outputs = 2**12
    loop_outputs_jitted = 9  # every output becomes three operations, each of them compiled

    def compiler(self) -> tuple[str | None, str | None]:
        backend, problem = _working_backend()
        if backend is None:
            return None, f"torch.compile does not work here: {problem}"
        remark = problem and f"torch.compile runs without inductor: {problem}"
        return f"torch.compile ({backend})", remark

    def place(self, face: Face, device: str | None) -> Array:
        try:
            return torch.empty(0, device=device)
        except (AssertionError, RuntimeError) as error:
            known = ", ".join(face.backend.devices())
            msg = f"PyTorch has no device {device!r} here: there are {known}"
            raise ValueError(msg) from error

    def threads(self) -> int:
        return torch.get_num_threads()

    def differentiate(self, face: Face, method: str, *, jitted: bool) -> tuple[Forward, Backward]:
        # Both record for autograd, as in training, so that one compilation serves both.
        def forward(x: Array, k: Array) -> Array:
            return run(_recorded(x), _recorded(k)).detach()

        def backward(x: Array, k: Array, g: Array) -> tuple[Array, Array, Array]:
            x, k = _recorded(x), _recorded(k)
            y = run(x, k)
            dx, dk = torch.autograd.grad(y, (x, k), g)
            return y.detach(), dx, dk

        run, _ = super().differentiate(face, method, jitted=False)
        if jitted:
            run = _compiled(run)
        return forward, backward


DIFFERENTIATION = _Torch()


def _recorded(array: Array) -> Array:
    return array.detach().requires_grad_(array.is_floating_point())


def _compiled(function: Forward) -> Forward:
    backend, _ = _working_backend()
    assert isinstance(function, types.FunctionType)
    # All of these functions share one code object, which torch.compile would take for one function
    # that is called with ever new methods; and all of them stay compiled while they take turns.
    own = types.FunctionType(
        function.__code__.replace(), function.__globals__, closure=function.__closure__
    )
    return torch.compile(own, fullgraph=True, dynamic=False, backend=backend or "eager")


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
