"""One convolution for every array library, with the same answer.

>>> import numpy as np
>>> import multiconv as mc
>>> mc.corr2d(np.arange(9.0).reshape(3, 3), np.array([[0.0, 1.0], [2.0, 3.0]]))
array([[19., 25.],
       [37., 43.]])

The arrays choose the backend. ``multiconv.numpy``, ``multiconv.torch`` and ``multiconv.jax`` are
the same functions for one framework, which is imported when they are.
"""

import importlib
from typing import Any

from multiconv import kernels
from multiconv import public as functions
from multiconv.backends.registry import available_backends, register_backend
from multiconv.faces import get_backend, get_backend_of
from multiconv.public import *  # noqa: F403

__version__ = "0.1.0"

_FACES = ("jax", "numpy", "torch")

__all__ = [
    "available_backends",
    "get_backend",
    "get_backend_of",
    "kernels",
    "register_backend",
]
__all__ += functions.__all__


def __getattr__(name: str) -> Any:
    # The faces import their frameworks, so they wait until they are asked for.
    if name in _FACES:
        return importlib.import_module(f"multiconv.{name}")
    if name == "Conv2D":  # a layer belongs to a framework: this is the default backend's
        return get_backend().Conv2D
    msg = f"module 'multiconv' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*__all__, *_FACES, "Conv2D"])
