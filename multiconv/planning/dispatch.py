"""From the arguments of a public function to a call that is ready to run.

A plan is made once for each combination of shapes, dtypes, devices and options, and kept: a plan
checks everything, resolves pads and dtypes, chooses the method and returns a function of the arrays
alone. What a later call of the same kind costs is reading its arguments and one look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeAlias

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.core import dtypes, geometry
from multiconv.core.arguments import Pairs
from multiconv.core.geometry import Geometry

_MAXIMUM_CALLS = 4096

_calls: dict[Hashable, Callable[..., Array]] = {}


class Options(NamedTuple):
    """The options of a call, read into tuples of integers; ``sizes`` is what else was given."""

    stride: tuple[int, ...]
    padding: str | Pairs
    dilation: tuple[int, ...]
    groups: int = 1
    padding_mode: str = "zeros"
    method: str = "auto"
    sizes: tuple[Any, ...] = ()

    def resolve(self, input_size: tuple[int, ...], kernel_size: tuple[int, ...]) -> Geometry:
        """Resolve the geometry of these options for an image and a kernel."""
        return geometry.resolve(
            input_size,
            kernel_size,
            self.stride,
            self.dilation,
            self.padding,
            self.padding_mode,
        )


class Operand(NamedTuple):
    """What a plan knows of an array."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    device: Hashable


class Plan(NamedTuple):
    """A function of the arrays, and how many operations it will ask of the framework, roughly."""

    run: Callable[..., Array]
    unrolled: int = 10


Planner: TypeAlias = Callable[[Backend, list[Any], Options], Plan]


def dispatch(planner: Planner, named: dict[str, Array | None], options: Options) -> Array:
    """Find the backend of the arrays, and the plan or make it, and run it."""
    backend, arrays = backend_of(named)
    signatures = tuple([None if a is None else backend.signature(a) for a in arrays])
    if backend.is_tracing():
        return _plan(planner, backend, tuple(named), signatures, options).run(*arrays)
    key = (planner, backend, signatures, options, backend.configuration())
    try:
        call = _calls.get(key)
    except TypeError:  # symbolic sizes, of a tracer that does not say so, have no hash
        return _plan(planner, backend, tuple(named), signatures, options).run(*arrays)
    if call is None:
        plan = _plan(planner, backend, tuple(named), signatures, options)
        call = backend.compile(plan.run, unrolled=plan.unrolled)
        if len(_calls) >= _MAXIMUM_CALLS:
            _calls.clear()
        _calls[key] = call
    return call(*arrays)


def check_devices(operands: list[Operand | None], backend: Backend) -> None:
    """Raise a `ValueError` where two arrays live on different devices."""
    placed = [o for o in operands if o is not None and o.device is not None]
    for other in placed[1:]:
        first = placed[0]
        if other.device != first.device:
            msg = (
                f"{first.name} is on the device {_shown(first.device)} and {other.name} on "
                f"{_shown(other.device)}: move one of them, for example with "
                f"{other.name}={backend.transfer(other.name, first.name)}"
            )
            raise ValueError(msg)


def result_dtype(first: Operand, second: Operand, backend: Backend) -> str:
    """Return the dtype of the result of two operands."""
    for operand in (first, second):
        check_dtype(operand)
    try:
        name = dtypes.promote(first.dtype, second.dtype, default_integer=backend.default_integer)
    except TypeError as error:
        raise TypeError(
            str(error).replace("x and weight", f"{first.name} and {second.name}")
        ) from None
    return backend.canonical(name)


def check_dtype(operand: Operand) -> None:
    """Raise a `TypeError` for a dtype that is not a number's."""
    if operand.dtype not in dtypes.SUPPORTED:
        msg = (
            f"{operand.name} has the dtype {operand.dtype}, which cannot be convolved; "
            f"cast it to one of {', '.join(dtypes.SUPPORTED)}"
        )
        raise TypeError(msg)


def _plan(
    planner: Planner,
    backend: Backend,
    names: tuple[str, ...],
    signatures: tuple[Any, ...],
    options: Options,
) -> Plan:
    operands = [
        None
        if signature is None
        else Operand(name, tuple(signature[0]), backend.dtype_name(signature[1]), signature[2])
        for name, signature in zip(names, signatures, strict=True)
    ]
    check_devices(operands, backend)
    return planner(backend, operands, options)


def _shown(device: Hashable) -> str:
    if isinstance(device, frozenset):
        return "{" + ", ".join(sorted(str(d) for d in device)) + "}"
    return str(device)
