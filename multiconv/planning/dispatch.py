"""From the arguments of a public function to a call that is ready to run.

A plan is made once for each combination of shapes, dtypes, devices and options, and kept: a plan
checks everything, resolves pads and dtypes, chooses the method and returns a function of the arrays
alone. What a later call of the same kind costs is reading its arguments and one look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.planning.frame import Plan, check_memory
from multiconv.planning.operands import Operand, check_devices
from multiconv.planning.options import Options

Planner: TypeAlias = Callable[[Backend, list[Any], Options], Plan]

_MAXIMUM_CALLS = 4096

_calls: dict[Hashable, Callable[..., Array]] = {}


def dispatch(planner: Planner, named: dict[str, Array | None], options: Options) -> Array:
    """Find the backend of the arrays, and the plan or make it, and run it."""
    backend, arrays = backend_of(named)
    signatures = tuple([None if a is None else backend.signature(a) for a in arrays])
    if backend.is_tracing():
        return plan_for(planner, backend, tuple(named), signatures, options).run(*arrays)
    key = (planner, backend, signatures, options, backend.configuration())
    try:
        call = _calls.get(key)
    except TypeError:  # symbolic sizes, of a tracer that does not say so, have no hash
        return plan_for(planner, backend, tuple(named), signatures, options).run(*arrays)
    if call is None:
        plan = plan_for(planner, backend, tuple(named), signatures, options)
        device = next(s[2] for s in signatures if s is not None)
        check_memory(plan.elements, plan.dtype, device, backend)
        call = plan.run
        if plan.is_compiled:
            call = backend.compile(call, operations=plan.operations)
        if len(_calls) >= _MAXIMUM_CALLS:
            _calls.clear()
        _calls[key] = call
    return call(*arrays)


def plan_for(
    planner: Planner,
    backend: Backend,
    names: tuple[str, ...],
    signatures: tuple[Any, ...],
    options: Options,
) -> Plan:
    """Make a plan for arrays of these signatures; None stands for an array left out."""
    operands = [
        None
        if signature is None
        else Operand(name, tuple(signature[0]), backend.dtype_name(signature[1]), signature[2])
        for name, signature in zip(names, signatures, strict=True)
    ]
    check_devices(operands, backend)
    return planner(backend, operands, options)
