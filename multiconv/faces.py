"""One backend's functions under one name: what `get_backend` returns and the faces re-export."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from multiconv import public as functions
from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.core.calls import array_arguments
from multiconv.layers.table import layer_of

P = ParamSpec("P")
R = TypeVar("R")


def bind(function: Callable[P, R], backend: Backend) -> Callable[P, R]:
    """Return a public function for one backend's arrays, and nested lists made into them.

    A function that has the argument ``backend`` and takes no arrays gets this one by default.
    """
    signature = inspect.signature(function)
    names = array_arguments(function)
    if not names and "backend" not in signature.parameters:
        return function
    if not names:

        @functools.wraps(function)
        def with_backend(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs)
            given.arguments.setdefault("backend", backend.name)
            return function(*given.args, **given.kwargs)

        return with_backend

    @functools.wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        given: dict[str, Any] = dict(zip(names, args, strict=False))
        for name in names:
            if name in kwargs:
                given[name] = kwargs[name]
        _, arrays = backend_of(given, backend)
        positional = list(args)
        for position, (name, array) in enumerate(zip(given, arrays, strict=True)):
            if name in kwargs:
                kwargs[name] = array
            else:
                positional[position] = array
        return function(*positional, **kwargs)  # type: ignore[arg-type]

    if backend.name in registry.BUILT_IN:
        bound.__module__ = f"multiconv.{backend.name}"  # where pickle finds it
    return bound


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
        for name in functions.__all__:
            setattr(self, name, bind(getattr(functions, name), backend))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """All but ``name`` and ``backend`` are functions of `multiconv.public`."""

    @property
    def Conv2D(self) -> type[Any]:
        """The framework's convolutional layer."""
        layer: type[Any] = layer_of(self.backend)
        return layer

    def members(self) -> dict[str, Any]:
        """Return the functions and the layer by name: what a face module exports."""
        return {name: getattr(self, name) for name in ("Conv2D", *functions.__all__)}

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
    face = _faces.get(backend)
    if face is None:
        face = _faces.setdefault(backend, Face(backend))
    return face
