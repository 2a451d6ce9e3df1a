"""Whole calls of NumPy's on the memory of JAX's arrays, where nobody traces.

XLA's CPU client takes 60 us for the least that it does to an image of 256 x 256, and the compiled
loops less for a small kernel. So a call whose arrays all have their numbers already may be planned
for NumPy instead: it reads views of their memory, and its result becomes JAX's without a copy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from multiconv.backends.base import Array, NumPyArray, Work
from multiconv.backends.loops import compiled, sums
from multiconv.backends.numpy import BACKEND as NUMPY
from multiconv.backends.numpy import NumPyBackend
from multiconv.core.geometry import Geometry

try:  # JAX has no public name for either; without the first all calls are compiled
    from jax._src.core import trace_state_clean
except ImportError:
    trace_state_clean = None  # type: ignore[assignment]
try:  # what jax.device_put comes down to, in a tenth of its time
    from jax._src.lib import xla_client  # type: ignore[attr-defined]

    batched_device_put = xla_client.batched_device_put
except (ImportError, AttributeError):
    batched_device_put = None


# Fewer products are done in the time that NumPy takes to begin.
_FEWEST = 2**16


class Memory(NumPyBackend):
    """NumPy on memory that is JAX's: its loops may fuse multiply-adds, as XLA does on the CPU."""

    def sum_of_taps(self, x: Array, weight: Array, geometry: Geometry) -> Array | None:
        """Follow the order of NumPy's, with one rounding where the processor has it."""
        return sums.sum_of_taps(x, weight, geometry, fused=compiled.fuses())


FUSING = Memory()


def may_hold(array: jax.Array) -> bool:
    """Tell whether an array has its numbers, and a call's result would lie as NumPy's is put."""
    # A weak type becomes that of the array beside it, which NumPy's dtypes do not.
    is_single = type(array.sharding) is jax.sharding.SingleDeviceSharding
    return is_single and not array.weak_type


def platform_of(device: Any) -> str:
    """Return the platform that arrays bound to these devices, or to none, are computed on."""
    if device:
        return str(next(iter(device)).platform)
    chosen = jax.config.jax_default_device  # type: ignore[attr-defined]
    if chosen is None:
        return str(jax.default_backend())
    return chosen.partition(":")[0] if isinstance(chosen, str) else str(chosen.platform)


def is_possible(device: Any) -> bool:
    """Tell whether calls on a device may run on its memory: there are loops for it."""
    has_state = trace_state_clean is not None
    return has_state and platform_of(device) == "cpu" and compiled.is_installed()


def runner(work: Work) -> NumPyBackend | None:
    """Return what is faster on the memory than XLA at calls of this kind; None where that is.

    NumPy puts the phases of a stride together pixel by pixel, and XLA multiplies matrices.
    """
    if not is_possible(work.device):
        return None
    if work.method == "exact":
        return NUMPY
    if work.method != "direct" or work.products < _FEWEST or work.repeats > 1:
        return None
    return FUSING if FUSING.adds_channels(work.channels, work.filters) else None


def on_memory(
    run: Callable[..., NumPyArray], otherwise: Callable[..., Array], device: Any
) -> Callable[..., Array]:
    """Return NumPy's call as one of JAX's arrays, bound to a device or to none.

    Where JAX traces, puts on a mesh or watches what is computed, it is that of the same arrays
    ``otherwise``.
    """
    config: Any = jax.config
    given = config.jax_default_device
    hand_over = _Handing(next(iter(device)) if device else None)
    asarray, is_clean, mesh = np.asarray, trace_state_clean, jax.sharding.get_abstract_mesh

    def is_watched() -> bool:
        guard = config.jax_transfer_guard_host_to_device  # memory that comes back is a transfer
        return config.jax_debug_nans or config.jax_debug_infs or guard not in (None, "allow")

    def call(*arrays: Array) -> Array:
        is_placed = device is not None or config.jax_default_device is given
        if not is_placed or not is_clean() or not mesh().empty or is_watched():
            return otherwise(*arrays)
        return hand_over(run(*[a if a is None else asarray(a) for a in arrays]))

    return call


class _Handing:
    """Memory becomes an array of JAX's, like the first that came: aligned memory as it is."""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.like: Any = None

    def __call__(self, y: NumPyArray) -> Array:
        if self.like is None:
            first = jax.device_put(y, self.device)
            if _puts_batches():
                self.like = first.aval, first.sharding, [*first.devices()], first.committed
            return first
        aval, sharding, devices, committed = self.like
        return batched_device_put(aval, sharding, [y], devices, committed)


@functools.cache
def _puts_batches() -> bool:
    """Tell whether the inner way of `jax.device_put` is what it was when this was written."""
    numbers = np.arange(64, dtype=np.float32)
    public = jax.device_put(numbers)
    try:
        devices = [*public.devices()]
        for committed in (False, True):
            found = batched_device_put(public.aval, public.sharding, [numbers], devices, committed)
            same = isinstance(found, jax.Array) and found.committed == committed
            if not same or found.aval != public.aval or not np.array_equal(found, numbers):
                return False
    except Exception:  # whatever a later version makes of it
        return False
    return True
