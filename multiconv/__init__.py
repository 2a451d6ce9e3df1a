"""One convolution for every array library, with the same answer.

>>> import numpy as np
>>> import multiconv as mc
>>> mc.corr2d(np.arange(9.0).reshape(3, 3), np.array([[0.0, 1.0], [2.0, 3.0]]))
array([[19., 25.],
       [37., 43.]])

The arrays choose the backend. ``multiconv.numpy``, ``multiconv.torch`` and ``multiconv.jax`` are
the same functions for one framework, which is imported when the first of them is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from multiconv import public
from multiconv.core.version import __version__ as __version__

_OTHERS = {
    "available_backends": "multiconv.backends.registry",
    "get_backend": "multiconv.faces",
    "get_backend_of": "multiconv.faces",
    "register_backend": "multiconv.backends.registry",
}
_FACES = ("jax", "numpy", "torch")
_MODULES = ("compat", "exact", "kernels")

# Without the layers: of some default backends there are none.
__all__ = [*public.FUNCTIONS, *_OTHERS, *_MODULES]  # noqa: PLE0604 (they are strings)

if TYPE_CHECKING:
    from multiconv import compat as compat
    from multiconv import exact as exact
    from multiconv import jax as jax
    from multiconv import kernels as kernels
    from multiconv import numpy as numpy
    from multiconv import torch as torch
    from multiconv.backends.registry import available_backends as available_backends
    from multiconv.backends.registry import register_backend as register_backend
    from multiconv.faces import get_backend as get_backend
    from multiconv.faces import get_backend_of as get_backend_of
    from multiconv.layers.numpy import Conv2D as Conv2D
    from multiconv.public import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        if name in _FACES or name in _MODULES:
            return _submodule(name)
        if name in public.FUNCTIONS:
            value = getattr(public, name)
        elif name in _OTHERS:
            value = getattr(importlib.import_module(_OTHERS[name]), name)
        else:
            return _layer(name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        from multiconv.backends.registry import is_installed
        from multiconv.layers.table import NAMES

        return sorted([*__all__, *filter(is_installed, _FACES), *NAMES, "__version__"])


def _submodule(name: str) -> Any:
    try:
        return importlib.import_module(f"multiconv.{name}")
    except ImportError as error:  # so that hasattr(multiconv, "torch") is False without torch
        raise AttributeError(str(error), name=name, obj=None) from error


def _layer(name: str) -> Any:
    """Return a layer of the default backend, which may be another one tomorrow."""
    if name.startswith("_"):  # probing for these loads nothing
        raise public.no_attribute("module 'multiconv'", name, ())
    from multiconv.layers.table import NAMES

    if name not in NAMES:
        raise public.no_attribute("module 'multiconv'", name, [*__all__, *_FACES, *NAMES])
    try:
        return getattr(importlib.import_module("multiconv.faces").get_backend(), name)
    except (ImportError, ValueError) as error:  # MULTICONV_BACKEND names what is not there
        raise AttributeError(str(error), name=name, obj=None) from error
