"""The costs of all backends, as `multiconv tune` keeps them."""

from __future__ import annotations

from collections.abc import Iterable

from multiconv.backends import registry
from multiconv.planning.constants import Constants
from multiconv.tuning.measure import measured


def tuned(names: Iterable[str]) -> dict[str, Constants]:
    """Measure backends, and return seconds by backend and kind of device, method and unit."""
    found = {}
    for name in names:
        backend = registry.load(name)
        device = backend.signature(backend.asarray([0.0]))[2]
        for recorded in (False, True):
            costs = measured(backend, recorded=recorded).constants()
            if costs:
                found[f"{name} {backend.speed(device, recorded=recorded)}"] = costs
    return found
