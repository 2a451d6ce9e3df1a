"""The optimizers of the frameworks: what they are called here, and which arrays have any."""

from __future__ import annotations


def shown(optimizer: object) -> str:
    """Return what was given, in a word: a class or function by its name, others by their type."""
    named = optimizer if hasattr(optimizer, "__qualname__") else type(optimizer)
    module, name = getattr(named, "__module__", None), getattr(named, "__qualname__", "")
    text = name if module in (None, "builtins", "__main__") else f"{module}.{name}"
    return text if named is optimizer else f"an object of type {text}"


def refusal(arrays: str, optimizer: object) -> str:
    """Return why arrays of a library without autodiff take no optimizer, and what to do."""
    return (
        f"optimizer={shown(optimizer)}: {arrays}s have no optimizers, as PyTorch's tensors "
        f"(torch.optim.Adam) and JAX's arrays (optax.adam) have; momentum=0.9 works with all"
    )
