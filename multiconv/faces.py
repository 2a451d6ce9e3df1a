"""One backend's functions under one name: what `get_backend` returns and the faces re-export."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import multiconv
from multiconv import public
from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.core.calls import array_arguments
from multiconv.layers.table import NAMES, layer_of

P = ParamSpec("P")
R = TypeVar("R")


class Face:
    """The public functions, bound to one backend: they take its arrays and nested lists.

    Parameters
    ----------
    backend : multiconv.backends.base.Backend
        The backend whose arrays the functions take and return.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.name = backend.name
        for name in public.FUNCTIONS:
            setattr(self, name, bind(getattr(public, name), backend))
        if backend.name in registry.BUILT_IN:
            getattr(multiconv, backend.name)  # imports the module where cloudpickle looks for them

    def __getattr__(self, name: str) -> Any:
        """Return a layer: its framework's module is imported when it is asked for."""
        if name in NAMES:
            return layer_of(self.backend, name)
        if name == "kernels":
            from multiconv.kernels.of_backend import BackendKernels

            self.kernels = BackendKernels(self.backend)
            return self.kernels
        raise public.no_attribute(f"the {self.name} face", name, dir(self))

    def __dir__(self) -> list[str]:
        layers = NAMES if self.name in registry.BUILT_IN else ()
        return sorted({*super().__dir__(), *layers, "kernels"})

    def __reduce__(self) -> tuple[Any, ...]:
        return get_backend, (self.name,)

    def __repr__(self) -> str:
        return f"<multiconv backend {self.name!r}>"


_faces: dict[Backend, Face] = {}


def get_backend(name: str | None = None) -> Face:
    """Return a backend by name, with all functions bound to it.

    Parameters
    ----------
    name : str, optional
        ``"numpy"``, ``"torch"``, ``"jax"`` or the name of a registered backend; left out, the one
        that the environment variable ``MULTICONV_BACKEND`` names, else NumPy.

    Returns
    -------
    Face
        An object with ``name`` and the functions ``corr2d``, ``conv2d`` and so on, which take that
        backend's arrays and nested lists.

    Raises
    ------
    ImportError
        If the framework is not installed or does not import; the message says what to install.
    ValueError
        If there is no backend of that name.

    Examples
    --------
    >>> import multiconv as mc
    >>> mc.get_backend("numpy").corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
    array([[19, 25],
           [37, 43]])
    """
    return _face(registry.load(registry.default_name() if name is None else name))


def get_backend_of(*arrays: Array) -> Face:
    """Return the backend that the arrays belong to.

    Parameters
    ----------
    *arrays : array or nested list
        At least one. Nested lists follow the arrays beside them; lists alone go to the default
        backend.

    Returns
    -------
    Face
        As `get_backend` returns it.

    Raises
    ------
    TypeError
        If the arrays belong to different backends, or something is not an array.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> mc.get_backend_of(np.zeros(3))
    <multiconv backend 'numpy'>
    """
    if not arrays:
        msg = "get_backend_of needs at least one array; get_backend() gives the default backend"
        raise TypeError(msg)
    named = {f"arrays[{i}]": array for i, array in enumerate(arrays)}
    for name, array in named.items():
        if array is None:
            msg = f"{name} must be an array, got None"
            raise TypeError(msg)
    return _face(registry.backend_of(named)[0])


def _face(backend: Backend) -> Face:
    return _faces.get(backend) or _faces.setdefault(backend, Face(backend))


def bind(function: Callable[P, R], backend: Backend) -> Callable[P, R]:
    """Return a public function for one backend's arrays, and nested lists made into them.

    A function that has the argument ``backend`` and takes no arrays gets this one by default.
    """
    names = array_arguments(function)
    parameters = list(inspect.signature(function).parameters)
    if not names and "backend" not in parameters:
        return function

    @functools.wraps(function)
    def with_backend(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) <= parameters.index("backend"):
            kwargs.setdefault("backend", backend.name)
        return function(*args, **kwargs)

    count_arrays, of_type = len(names), registry.backend_of_type

    def are_own(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Tell at once whether all arrays are the backend's, which is the usual case."""
        for array in args[:count_arrays]:
            if array is not None and of_type(type(array)) is not backend:
                return False
        return bool(args) and not any(name in kwargs for name in names)

    @functools.wraps(function)
    def with_arrays(*args: P.args, **kwargs: P.kwargs) -> R:
        if are_own(args, kwargs):
            return function(*args, **kwargs)
        given: dict[str, Any] = dict(zip(names, args, strict=False))
        count = len(given)
        for name in names:
            if name in kwargs:
                given[name] = kwargs[name]
        _, arrays = registry.backend_of(backend.adopt(given), backend)
        kwargs.update(zip(list(given)[count:], arrays[count:], strict=True))
        return function(*arrays[:count], *args[count:], **kwargs)  # type: ignore[arg-type]

    bound = with_arrays if names else with_backend
    if backend.name in registry.BUILT_IN:
        bound.__module__ = f"multiconv.{backend.name}"  # where pickle finds it
    return bound


def exports(module: dict[str, Any]) -> tuple[Callable[[str], Any], Callable[[], list[str]], Any]:
    """Return the ``__getattr__``, ``__dir__`` and ``__all__`` of the module that is a face.

    The framework must be installed, and is imported with the first function that is used.
    """
    title = module["__name__"]
    framework = title.rpartition(".")[2]
    registry.require(framework)
    names = sorted([*NAMES, *public.FUNCTIONS, "kernels"])

    def load(name: str) -> Any:
        if name not in names:
            raise public.no_attribute(f"module {title!r}", name, names)
        module[name] = getattr(get_backend(framework), name)
        return module[name]

    return load, lambda: names, names
