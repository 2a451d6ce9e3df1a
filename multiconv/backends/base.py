"""What a framework must say to become a backend.

Design decisions, all governed by this file:

* The protocol is narrow. Methods are written once over ``xp``, the framework's array namespace as
  the array API standard has it; a backend adds only padding, its native convolution, sparse
  matrices and its names for dtypes and devices.
* Every hook has a default that is right for any standard namespace. A new backend sets ``name`` and
  ``xp`` and says which arrays are its own; it overrides the rest where its framework does better.
* The hooks stand by who asks for them: ``hooks/methods``, ``hooks/meshes`` and ``hooks/exact``, on
  top of ``hooks/arrays``. Here is what remains: whose an array is, and what a call depends on.
* Nothing here or in a backend changes a framework's global configuration.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from multiconv.backends.hooks.arrays import Array, NumPyArray, device_of
from multiconv.backends.hooks.exact import ExactHooks, Terms
from multiconv.backends.hooks.meshes import MeshHooks
from multiconv.backends.hooks.methods import Bilinear, MethodHooks

__all__ = [
    "HOST_MEMORY",
    "Array",
    "Backend",
    "Bilinear",
    "NumPyArray",
    "Terms",
    "Work",
    "chunk_of",
    "device_of",
]


class Work(NamedTuple):
    """What a backend is told of a call before it is planned: the method, and how much there is.

    ``channels`` and ``filters`` are those of a group; there are so many ``products`` in all. An
    adjoint is done in ``repeats`` parts, the phases of its stride.
    """

    method: str
    dtype: str
    device: Hashable
    channels: int
    filters: int
    products: int
    repeats: int


def _host_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # a system that does not say
        return 2**48


#: Bytes of this machine's memory: arrays beyond it end in the framework's error, or the process.
HOST_MEMORY = _host_memory()


class Backend(MethodHooks, MeshHooks, ExactHooks):
    """The base class of all backends: defaults over the array namespace ``xp``.

    A backend of your own, for arrays of a type ``MyArray`` whose namespace is ``my_library``::

        class MyBackend(Backend):
            name = "mine"
            xp = my_library

            def owns(self, array):
                return isinstance(array, my_library.MyArray)

    Hand an instance to `multiconv.register_backend`, or name it in the entry-point group
    ``multiconv.backends``.
    """

    # Whose arrays they are ------------------------------------------------------------------------

    def owns(self, array: object) -> bool:
        """Tell whether ``array`` belongs to this backend."""
        raise NotImplementedError(f"the backend {self.name!r} does not say which arrays it owns")

    def check(self, name: str, array: Array) -> None:
        """Raise a `TypeError` for arrays of a kind that cannot be convolved (masked, sparse...)."""

    def check_together(self, named: Mapping[str, Any]) -> None:
        """Raise a `TypeError` for arrays that do not go together; called where there is one."""

    #: Whether its arrays are chunks of another backend's, which do the computing.
    is_chunked: bool = False

    def hosts(self, other: Backend) -> bool:
        """Tell whether arrays of another backend may stand beside its own."""
        return False

    def adopt(self, named: dict[str, Any]) -> dict[str, Any]:
        """Make those arrays the face's own that the framework's own functions take, too."""
        return named

    # What a resolved call may depend on -----------------------------------------------------------

    def signature(self, array: Array) -> tuple[Any, ...]:
        """Return shape, dtype and device, and what else it depends on whether an array is taken.

        The device is None for one that goes with every other.
        """
        return array.shape, array.dtype, device_of(array)

    def is_recorded(self, signature: tuple[Any, ...]) -> bool:
        """Tell whether what is done to an array is recorded, to be differentiated later."""
        return False

    def as_recorded(self, signature: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Return the signature of such an array in a compiled program, where that matters."""
        return None

    def are_recorded(self, signatures: Sequence[tuple[Any, ...] | None]) -> list[bool]:
        """Tell of each array of a call whether what is done to it is recorded."""
        return [s is not None and self.is_recorded(s) for s in signatures]

    def with_gradients(
        self, function: Callable[..., Array], arrays: Sequence[Array]
    ) -> Callable[[], Any] | None:
        """Return a call of a function and its gradients, where a framework records; else None."""
        return None

    def is_plain(self, array: Array) -> bool:
        """Tell whether type and signature say all that decides if arrays go together."""
        return True

    def is_writeable(self, array: Array) -> bool:
        """Tell whether numbers can be assigned to an array."""
        import array_api_compat

        return array_api_compat.is_writeable_array(array)

    def configuration(self) -> Hashable:
        """Return what else, beside the signatures, the resolution of a call depends on."""
        return None

    def kinds(self, arrays: Sequence[Array | None]) -> Hashable | None:
        """Return all that a plan depends on beside the arguments that are no arrays.

        None where a compiler reads along. This is on the path of every call, and may say the same
        as types, signatures and configuration in fewer steps.
        """
        if self.is_tracing():
            return None
        own = [a if a is None else (type(a), self.signature(a)) for a in arrays]
        return (*own, self.configuration())

    def is_tracing(self) -> bool:
        """Tell whether a compiler reads along, one that must not see Python's caches."""
        return False

    def is_exporting(self) -> bool:
        """Tell whether sizes stand for a range, so that a choice by size would narrow it."""
        return False

    def compile(self, function: Callable[..., Array], *, operations: int) -> Callable[..., Array]:
        """Prepare a resolved call that will be made often, of so many operations or so."""
        return function

    def runner(self, work: Work) -> Backend:
        """Return the backend that a call is planned for, perhaps another one on the same memory.

        It is asked where nothing is recorded.
        """
        return self

    def on_memory(
        self, run: Callable[..., Array], otherwise: Callable[..., Array], device: Hashable
    ) -> Callable[..., Array]:
        """Return a call of a `runner`'s as one of this backend's arrays, all bound to a device.

        ``otherwise`` is the same call without it.
        """
        return run

    def speed(self, device: Hashable, *, recorded: bool = False) -> str:
        """Return what speed goes by: a device's kind, such as "cpu", and what else matters.

        ``recorded`` calls are those that gradients are asked of, where the framework records them.
        """
        return "cpu"

    def is_finite(self, array: Array) -> bool:
        """Tell whether all numbers are finite, and that they are where there are none yet."""
        return bool(self.xp.all(self.xp.isfinite(array)))

    def capacity(self, device: Hashable) -> int:
        """Return how many bytes an array on a device can have at most."""
        return 64 * HOST_MEMORY  # a device's own memory is well within that

    # Sparse matrices ------------------------------------------------------------------------------

    def sparse_matrix(self, values: Array, places: NumPyArray, shape: tuple[int, int]) -> Any:
        """Build the framework's sparse matrix of values at (row, column); those at one add up."""
        msg = (
            f"the {self.name} backend has no sparse matrices; toeplitz_matrix(..., sparse=False) "
            f"gives the dense one"
        )
        raise ValueError(msg)

    # Talking to people ----------------------------------------------------------------------------

    @property
    def array_name(self) -> str:
        """What a person calls one of these arrays."""
        return f"{self.name} array"

    def conversion(self, name: str) -> str:
        """Return the expression that makes one of these arrays of what ``name`` stands for."""
        return f"{self.xp.__name__.removeprefix('array_api_compat.')}.asarray({name})"

    def readable(self, name: str, array: Array) -> str:
        """Return the expression of ``array``, called ``name``, that other libraries can read."""
        return name

    def transfer(self, name: str, onto: str) -> str:
        """Return the expression that moves the argument ``name`` to the device of ``onto``."""
        return f"array_api_compat.to_device({name}, array_api_compat.device({onto}))"

    def devices(self) -> list[str]:
        """Return the devices that arrays can live on, as far as the framework lists them."""
        return ["cpu"]

    def synchronize(self, array: Array) -> None:
        """Wait until an array has been computed."""


def chunk_of(array: Array) -> Array:
    """Return an empty chunk of an array in chunks, and any other array as it is."""
    return getattr(array, "_meta", array)
