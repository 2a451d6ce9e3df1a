"""How a function of NumPy arrays is called; what PyTorch and JAX do differently is in their files.

A layer is built anew for each call, its parameters are set, and then it is called.
"""

from __future__ import annotations

import contextlib
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ParameterError(Exception):
    """A parameter of a layer is missing or of another size."""


class Caller:
    """Calls one function, or layers of one class.

    ``aliases`` are the names that its arguments may have, as `Task.aliases`.
    """

    differentiates = False

    def __init__(self, form: str, aliases: Mapping[str, Sequence[str]]) -> None:
        self.form, self.aliases = form, aliases
        self.target: Callable[..., Any]

    def warm_up(self) -> None:
        """Let the framework take what it needs, before memory is limited."""

    def seed(self) -> None:
        """Let every call draw the same numbers."""
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 (what the function may use)

    def array(self, values: NDArray[Any]) -> Any:
        """Return values as an array of the framework, which nobody else has."""
        return values.copy()

    def read(self, array: Any) -> NDArray[Any] | None:
        """Return the values of an array of the framework, None for what is none."""
        return np.asarray(array) if isinstance(array, (np.ndarray, np.generic)) else None

    def result(self, inputs: Mapping[str, Any]) -> Any:
        """Call the function, or a layer with these parameters."""
        if self.form == "layer":
            return self.forward(self.layer(inputs), inputs["x"])
        return self._called(inputs)

    def gradient(self, inputs: Mapping[str, Any], of: str, g: NDArray[Any], where: Any) -> Any:
        """Return the gradient of ``sum(result * g)``; ``where`` learns where it is cut."""
        raise NotImplementedError

    def layer(self, inputs: Mapping[str, Any]) -> Any:
        """Return a layer with the weight and the bias of the inputs."""
        layer = self.made(tuple(inputs["weight"].shape))
        for name in ("weight", "bias"):
            if not hasattr(layer, name):
                raise ParameterError(f"the layer has no attribute {name!r}")
            own = getattr(layer, name)
            shape = getattr(getattr(own, "value", own), "shape", None)
            wanted = tuple(inputs[name].shape)
            if shape is None or int(np.prod(shape)) != int(np.prod(wanted)):
                has = "no shape" if shape is None else f"the shape {tuple(shape)}"
                raise ParameterError(f"layer.{name} has {has}, not {wanted}")
            self.assign(layer, name, inputs[name].reshape(tuple(shape)))
        return layer

    def made(self, kernel_size: tuple[int, ...]) -> Any:
        """Build a layer."""
        return self.target(kernel_size)

    def assign(self, layer: Any, name: str, value: Any) -> None:
        """Set a parameter."""
        setattr(layer, name, value)

    def forward(self, layer: Any, x: Any) -> Any:
        """Call a layer."""
        return layer(x) if callable(layer) else layer.forward(x)

    def _called(self, inputs: Mapping[str, Any]) -> Any:
        """Call by name where the names of all arguments are known, else in order."""
        names: dict[str, str] = {}
        with contextlib.suppress(TypeError, ValueError):  # no signature
            for parameter in list(inspect.signature(self.target).parameters.values()):
                meant = self._meant(parameter)
                if meant is not None and meant not in names:
                    names[meant] = parameter.name
        if set(names) == set(inputs):
            return self.target(**{names[name]: value for name, value in inputs.items()})
        return self.target(*inputs.values())

    def _meant(self, parameter: inspect.Parameter) -> str | None:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            return None
        known = (name for name, others in self.aliases.items() if parameter.name in others)
        return next(known, None)
