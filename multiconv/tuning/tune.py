"""The costs of all backends, as `multiconv tune` keeps them."""

from __future__ import annotations

from collections.abc import Iterable

from multiconv.backends import registry
from multiconv.planning.choose import RECORDING
from multiconv.planning.constants import Constants
from multiconv.tuning.measure import measured


def tuned(names: Iterable[str]) -> dict[str, Constants]:
    """Measure backends, and return seconds by backend and kind of device, method and unit."""
    found = {}
    for name in names:
        backend = registry.load(name)
        device = backend.signature(backend.asarray([0.0]))[2]
        kind = f"{name} {backend.device_kind(device)}"
        found[kind] = measured(backend).constants()
        recorded = measured(backend, with_gradients=True).constants()
        if recorded:
            found[f"{kind}, {RECORDING}"] = recorded
    return found
