"""The kernels as arrays of one backend: what the faces call `kernels`."""

from __future__ import annotations

from typing import Any

from multiconv import kernels
from multiconv.backends.base import Backend
from multiconv.kernels.like import made_by


class BackendKernels:
    """The functions of `multiconv.kernels`, whose kernels are arrays of one backend.

    They are of its default floating-point dtype and on its default device, unless `like`, `dtype`
    or `device` say otherwise.
    """

    def __init__(self, backend: Backend) -> None:
        self._name = backend.name
        for name in kernels.__all__:
            function: Any = getattr(kernels, name)
            made = made_by(function, backend) if hasattr(function, "made_by") else function
            setattr(self, name, made)

    def __dir__(self) -> list[str]:
        return kernels.__all__

    def __repr__(self) -> str:
        return f"<multiconv.kernels of the backend {self._name!r}>"
