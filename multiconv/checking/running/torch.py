"""How a function of PyTorch tensors is called, and where it leaves the graph of its gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode

from multiconv.checking.running.framework import Caller, ParameterError


class TorchCaller(Caller):
    """Calls a function of tensors."""

    differentiates = True

    def warm_up(self) -> None:
        """Load what the first product and the first gradient load."""
        x = torch.ones(2, 2, requires_grad=True)
        torch.nn.functional.conv2d(x[None, None], x[None, None]).sum().backward()  # type: ignore[no-untyped-call]

    def seed(self) -> None:
        """Let every call draw the same numbers."""
        super().seed()
        torch.manual_seed(0)

    def array(self, values: NDArray[Any]) -> Any:
        """Return values as a tensor."""
        return torch.from_numpy(values.copy())

    def read(self, array: Any) -> NDArray[Any] | None:
        """Return the values of a tensor."""
        if not isinstance(array, torch.Tensor) or array.dtype == torch.bfloat16:
            return None
        return array.detach().cpu().resolve_conj().numpy()

    def assign(self, layer: Any, name: str, value: Any) -> None:
        """Set a parameter without replacing it: optimisers know the object."""
        own = getattr(layer, name)
        if not isinstance(own, torch.Tensor):
            raise ParameterError(f"layer.{name} is no tensor but a {type(own).__name__}")
        with torch.no_grad():
            own.copy_(value)

    def gradient(self, inputs: Mapping[str, Any], of: str, g: NDArray[Any], where: Any) -> Any:
        """Return the gradient, None where the result does not depend on the input."""
        if self.form == "layer":
            layer = self.layer(inputs)
            by = getattr(layer, of) if of != "x" else inputs["x"].requires_grad_()
            if of != "x" and not isinstance(by, torch.nn.Parameter):
                where(None, f"self.{of} is no nn.Parameter")
                return None
        else:
            by = inputs[of].requires_grad_()
        with _Cuts(where):
            y = self.forward(layer, inputs["x"]) if self.form == "layer" else self.result(inputs)
        if not isinstance(y, torch.Tensor) or not y.requires_grad:
            return None
        # Given to grad, g would have torch load its symbolic shapes, for seconds.
        loss = (y * torch.from_numpy(np.array(g)).reshape(y.shape)).sum()
        (found,) = torch.autograd.grad(loss, by, allow_unused=True)
        return found


class _Cuts(TorchFunctionMode):
    """Notices where numbers with a gradient become numbers without one."""

    def __init__(self, where: Callable[[str | None, str], None]) -> None:
        super().__init__()
        self.where = where

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call, and look at what goes in and what comes out."""
        result = func(*args, **(kwargs or {}))
        if any(map(_has_gradient, args)) and _has_lost_it(result):
            name = _name_of(func)
            if not name.endswith("_like") and not name.startswith("new_"):  # shapes alone count
                off = "" if torch.is_grad_enabled() else "inside torch.no_grad()"
                self.where("line", off or f"by {name}")
        return result


def _name_of(func: Any) -> str:
    """Return the name of a function, or of the attribute that a ``__get__`` belongs to."""
    name = str(getattr(func, "__name__", ""))
    return str(getattr(func.__self__, "__name__", name)) if name == "__get__" else name


def _has_gradient(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _has_lost_it(value: object) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point() and not value.requires_grad
    return isinstance(value, (float, np.ndarray))


CALLER = TorchCaller
