"""From the arguments of a public function to a call that is ready to run.

A plan is made once for each combination of shapes, dtypes, devices and options, and kept: a plan
checks everything, resolves pads and dtypes, chooses the method and returns a function of the arrays
alone. The key of a kept call is made of the arguments as they were given, so that a later call of
the same kind costs one look-up: reading, checking and normalising are work of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from numbers import Number
from typing import Any, NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of, backend_of_type
from multiconv.planning.choose import runner
from multiconv.planning.memory import check_memory
from multiconv.planning.operands import Operand, check_devices
from multiconv.planning.options import Options
from multiconv.planning.plan import Plan

Planner: TypeAlias = Callable[[Backend, list[Any], Options], Plan]

_MAXIMUM_CALLS = 4096

_calls: dict[Hashable, Callable[..., Array]] = {}


class Operation(NamedTuple):
    """What a public function does.

    Attributes
    ----------
    planner : callable
        Plans it for a backend, operands and options.
    names : tuple of str
        Of its arrays. A ``padding_value`` that is an array may follow them.
    read : callable
        ``read(arrays, *given)`` makes options of the arguments that are no arrays; a
        ``padding_value`` that is none may follow them.
    """

    planner: Planner
    names: tuple[str, ...]
    read: Callable[..., Options]


class Exact(tuple[Any, ...]):
    """Arguments that were read before: two that are equal are the same, down to their types."""

    __slots__ = ()


def dispatch(
    operation: Operation,
    arrays: tuple[Array | None, ...],
    given: tuple[Any, ...],
    padding_value: Any = 0,
) -> Any:
    """Run an operation on arrays, with its other arguments as they were given."""
    if type(padding_value) is not int or padding_value:
        if isinstance(padding_value, (Number, tuple, list, str)):
            given = (*given, padding_value)
        else:
            arrays, given = (*arrays, padding_value), (*given, None)
    backend = backend_of_type(type(arrays[0]))
    if backend is None:
        return _resolved(operation, arrays, given, None)
    try:
        kinds = backend.kinds(arrays)
        if kinds is None:
            return _resolved(operation, arrays, given, None)
        key = operation.planner, backend, kinds, _exactly(given)
        call = _calls.get(key)
    except Exception:  # what has no signature or no hash; it is read, or refused, below
        return _resolved(operation, arrays, given, None)
    if call is None:
        return _resolved(operation, arrays, given, key)
    return call(*arrays)


def _exactly(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arguments as a part of a key: True, 1 and 1.0 are equal and yet not the same."""
    if type(given) is Exact:
        return given
    for value in given:
        if type(value) is not int and type(value) is not str:
            return tuple([_token(value) for value in given])
    return given


def _token(value: Any) -> Any:
    kind = type(value)
    if kind is int or kind is str:
        return value
    if kind is tuple or kind is list:
        return (kind, *[_token(entry) for entry in value])
    return kind, value


def _resolved(
    operation: Operation,
    given_arrays: tuple[Array | None, ...],
    given: tuple[Any, ...],
    key: Hashable,
) -> Any:
    """Read the arguments and run the plan for them, which ``key``, if there is one, will find."""
    options = operation.read(given_arrays, *given)
    named = dict(zip(_names(operation, given_arrays), given_arrays, strict=True))
    backend, arrays = backend_of(named)
    signatures = tuple([None if a is None else backend.signature(a) for a in arrays])
    if backend.is_tracing():
        return plan_for(operation, backend, signatures, options).run(*arrays)
    try:
        read_key = (operation.planner, backend, signatures, options, backend.configuration())
        call = _calls.get(read_key)
    except TypeError:  # symbolic sizes, of a tracer that does not say so, have no hash
        return plan_for(operation, backend, signatures, options).run(*arrays)
    if call is None:
        call = ready(plan_for(operation, backend, signatures, options), signatures, backend)
        _keep(read_key, call)
    if key is not None and all(a is None or backend.is_plain(a) for a in given_arrays):
        _keep(key, call)
    return call(*arrays)


def _names(operation: Operation, arrays: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of arrays, of which a border may be the last."""
    has_border = len(arrays) > len(operation.names)
    return (*operation.names, "padding_value") if has_border else operation.names


def ready(plan: Plan, signatures: Sequence[Any], backend: Backend) -> Callable[..., Any]:
    """Return what later calls run."""
    device = next(s[2] for s in signatures if s is not None)
    check_memory(plan.elements, plan.dtype, device, backend)
    call = plan.run
    if plan.is_compiled:
        call = backend.compile(call, operations=plan.operations)
    if plan.unless_finite is None:
        return call
    again = backend.compile(plan.unless_finite, operations=plan.operations)

    def checked(*arrays: Array) -> Array:
        y = call(*arrays)
        return y if backend.is_finite(y) else again(*arrays)

    return checked


def _keep(key: Hashable, call: Callable[..., Any]) -> None:
    if len(_calls) >= _MAXIMUM_CALLS:
        _calls.clear()
    _calls[key] = call


def plan_for(
    operation: Operation, backend: Backend, signatures: tuple[Any, ...], options: Options
) -> Plan:
    """Make a plan for arrays of these signatures; None stands for an array left out."""
    recorded = backend.are_recorded(signatures)
    operands = [
        None
        if signature is None
        else Operand(
            name,
            tuple(signature[0]),
            backend.dtype_name(signature[1]),
            signature[2],
            is_recorded,
            backend.placement(signature),
            backend.is_spread(signature),
        )
        for name, signature, is_recorded in zip(
            _names(operation, signatures), signatures, recorded, strict=True
        )
    ]
    check_devices(operands, backend)
    plan = operation.planner(backend, operands, options)
    if any(recorded) or backend.is_tracing() or plan.choice is None or plan.problem is None:
        return plan
    other = runner(plan.choice.method, plan.problem, backend)
    return (
        plan
        if other is backend
        else _by_another(plan, other, operation, backend, operands, options)
    )


def _by_another(
    plan: Plan,
    other: Backend,
    operation: Operation,
    backend: Backend,
    operands: Sequence[Operand | None],
    options: Options,
) -> Plan:
    """Return the plan made for another backend on the same memory, where its result is the same."""
    named = options._replace(method=plan.method)
    twin = operation.planner(other, [o and o._replace(device=None) for o in operands], named)
    if (twin.dtype, twin.output_shape) != (plan.dtype, plan.output_shape):
        return plan  # what bool and wide integers become is each library's own affair
    otherwise = backend.compile(plan.run, operations=plan.operations)
    device = next((o.device for o in operands if o is not None and o.device is not None), None)
    run = backend.on_memory(twin.run, otherwise, device)
    return replace(plan, run=run, is_compiled=False, workspace=twin.workspace)
