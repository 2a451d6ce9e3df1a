"""Timing that survives a noisy machine: candidates take turns, and agreement comes before time."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Candidates = dict[str, Callable[[], Any]]


def agree(candidates: Candidates, to_numpy: Callable[[Any], np.ndarray], bound: float) -> None:
    """Stop where a candidate's result is further than ``bound`` from the first one's."""
    names = iter(candidates)
    first = next(names)
    expected = to_numpy(candidates[first]())
    for name in names:
        found = to_numpy(candidates[name]())
        if found.shape != expected.shape:
            raise SystemExit(f"{name} has the shape {found.shape}, {first} {expected.shape}")
        error = float(np.max(np.abs(found.astype(float) - expected.astype(float)), initial=0))
        if error > bound:
            raise SystemExit(f"{name} differs from {first} by {error:.3g}, more than {bound:.3g}")


def medians(candidates: Candidates, *, rounds: int = 15, seconds: float = 0.02) -> dict[str, float]:
    """Return the median seconds per call; each round times every candidate once, in turn."""
    repeats = {}
    for name, call in candidates.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(seconds / max(time.perf_counter() - start, 1e-7)))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            samples[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(times) for name, times in samples.items()}


def environment(*modules: Any) -> str:
    """Describe what was measured on."""
    versions = ", ".join(f"{m.__name__} {m.__version__}" for m in (np, *modules))
    return f"Python {platform.python_version()}, {versions}; {cpu()}"


def cpu() -> str:
    """Return the processor's name and how many threads there are."""
    import os

    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            models = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    except OSError:
        models = []
    return f"{models[0] if models else name}, {os.cpu_count()} threads"
