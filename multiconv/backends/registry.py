"""How arrays find their backend, without importing a framework that is not in use.

The type of an array decides, through a dictionary; a type that is not in it is shown to the
backends in turn: the registered ones, the built-in ones whose framework is already imported (an
array cannot exist without it), those of the entry-point group ``multiconv.backends``, and last the
generic backend for anything with an array namespace.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from multiconv.backends.base import Array, Backend, chunk_of
from multiconv.backends.nested import array_of
from multiconv.core.installation import install_line
from multiconv.core.suggestions import closest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "multiconv.backends"
ENVIRONMENT_VARIABLE = "MULTICONV_BACKEND"
BUILT_IN = ("numpy", "torch", "jax")
OPTIONAL = frozenset({"bias"})

_ALIASES = {"pytorch": "torch", "np": "numpy", "jnp": "jax"}

_loaded: dict[str, Backend] = {}
_registered: list[str] = []
_of_type: dict[type, Backend] = {}


class _MissingFrameworkError(ImportError):
    """A framework that is not installed, or does not import."""


def backend_of(named: dict[str, Any], default: Backend | None = None) -> tuple[Backend, list[Any]]:
    """Return the one backend of all arrays, and the arrays, nested lists made into such arrays.

    ``named`` maps the names of arguments to what was given. None stands for an argument left out.
    ``default`` is the backend of a face; it takes no other framework's arrays.
    """
    backend: Backend | None = None
    owner = ""
    lists = False
    for name, array in named.items():
        if array is None and name in OPTIONAL:
            continue
        if isinstance(array, (list, tuple)):
            lists = True
            continue
        found = _of_type.get(type(array)) or _find(name, array)
        if backend is None or (found is not backend and found.hosts(backend)):
            backend, owner = found, name
        elif found is not backend and not backend.hosts(found):
            raise TypeError(_mixed(owner, named[owner], backend, name, array, found))
        found.check(name, array)
    if default is not None and backend is not None and default.hosts(backend):
        backend = default
    if default is not None and backend is not None and backend is not default:
        msg = (
            f"{owner} is a {backend.array_name}, and this is the {default.name} face: "
            f"{owner}={_converted(owner, named[owner], backend, default)} converts it; the "
            f"functions of multiconv itself take the arrays of every framework"
        )
        raise TypeError(msg)
    if backend is not None:
        backend.check_together(named)
        if backend.is_chunked:
            _check_chunks(named)
    backend = backend or default or load(default_name())
    if not lists:
        return backend, list(named.values())
    like = named[owner] if owner else None
    return backend, [
        _of_list(name, given, backend, like) if isinstance(given, (list, tuple)) else given
        for name, given in named.items()
    ]


def _check_chunks(named: dict[str, Any]) -> None:
    """Raise a `TypeError` where chunks are of different libraries, or of one that is refused."""
    arrays = {n: a for n, a in named.items() if not (a is None or isinstance(a, (list, tuple)))}
    backend_of({name: chunk_of(array) for name, array in arrays.items()})


def backend_of_type(kind: type) -> Backend | None:
    """Return the backend of arrays of a type that has been seen before."""
    return _of_type.get(kind)


def load(name: Any) -> Backend:
    """Return the backend of that name, importing its framework if need be."""
    if not isinstance(name, str):
        msg = f"name must be the name of a backend, got {name!r} of type {type(name).__name__}"
        raise TypeError(msg)
    if name in _loaded:
        return _loaded[name]
    if name in BUILT_IN:
        return _load_built_in(name)
    plugins = _entry_points().get(name)
    if plugins is not None:
        return _load_plugin(name, plugins)
    known = _known_names()
    meant = closest(name, known, _ALIASES)
    hint = f"did you mean {meant!r}? Known" if meant else "known"
    asked = os.environ.get(ENVIRONMENT_VARIABLE) == name
    source = f", which {ENVIRONMENT_VARIABLE} names" if asked else ""
    msg = (
        f"there is no backend {name!r}{source}: {hint} are {', '.join(map(repr, known))}; "
        f"register_backend adds others"
    )
    raise ValueError(msg)


def require(name: str) -> None:
    """Raise an ImportError where a built-in backend's framework is not installed."""
    if not is_installed(name):
        raise _missing(name)


def default_name() -> str:
    """Return what ``MULTICONV_BACKEND`` names, else ``"numpy"``."""
    return os.environ.get(ENVIRONMENT_VARIABLE) or "numpy"


def available_backends() -> list[str]:
    """Return the names of the installed backends, without importing any of them.

    Returns
    -------
    list of str
        Built-in backends whose framework is installed, then registered ones and those of the
        entry-point group ``multiconv.backends``. Whether an installed framework also works shows
        when it is first used.

    Examples
    --------
    >>> import multiconv
    >>> "numpy" in multiconv.available_backends()
    True
    """
    return [name for name in _known_names() if name not in BUILT_IN or is_installed(name)]


def register_backend(backend: Backend) -> None:
    """Add a backend, so that its arrays and its name are recognised.

    Parameters
    ----------
    backend : multiconv.backends.base.Backend
        An instance (or a subclass, which is instantiated). It is asked for arrays before the
        built-in backends are; registering a second one of the same name replaces the first.

    Raises
    ------
    TypeError
        If it is not a `multiconv.backends.base.Backend`, or has no name.
    ValueError
        If its name is that of a built-in backend.

    Examples
    --------
    >>> import array_api_strict
    >>> import multiconv
    >>> from multiconv.backends.array_api import ArrayAPIBackend
    >>> multiconv.register_backend(ArrayAPIBackend(array_api_strict))
    >>> multiconv.get_backend("array_api_strict").corr2d([[1, 2]], [[1, 1]])
    Array([[3]], dtype=array_api_strict.int64)
    """
    instance = _instance(backend, "backend")
    if instance.name in BUILT_IN:
        msg = f"backend.name is {instance.name!r}, the name of a built-in backend; choose another"
        raise ValueError(msg)
    _loaded[instance.name] = instance
    if instance.name in _registered:
        _registered.remove(instance.name)
    _registered.insert(0, instance.name)
    _of_type.clear()  # arrays that another backend took may be this one's


def _find(name: str, array: Array) -> Backend:
    backend = (
        _owner(_registered, array)
        or _owner([built_in for built_in in BUILT_IN if built_in in sys.modules], array)
        or _owner(_entry_points(), array)
        or _generic(array)
    )
    if backend is None:
        raise TypeError(_not_an_array(name, array))
    _of_type[type(array)] = backend
    return backend


def _owner(names: Iterable[str], array: Array) -> Backend | None:
    for name in names:
        try:
            backend = load(name)
        except ImportError:  # what is broken owns nothing, and says so when it is asked for by name
            continue
        if backend.owns(array):
            return backend
    return None


def _generic(array: Array) -> Backend | None:
    from multiconv.backends.array_api import ArrayAPIBackend, is_dask, namespace_of

    xp = namespace_of(array)
    if xp is None:
        return None
    kind: type[ArrayAPIBackend] = ArrayAPIBackend
    if is_dask(xp):
        from multiconv.backends.dask import DaskBackend as kind  # noqa: N813
    backend = kind(xp)
    return _loaded.setdefault(backend.name, backend)


def _load_built_in(name: str) -> Backend:
    try:
        backend = _import(name)
    except _MissingFrameworkError:  # said by the face, which the import passes through
        raise
    except (Exception, SystemExit) as error:  # a broken framework may raise anything
        raise _missing(name, error) from error
    _loaded[name] = backend
    return backend


def _missing(name: str, error: BaseException | None = None) -> _MissingFrameworkError:
    advice = (
        f"it is not installed: {install_line(name)}"
        if not is_installed(name)
        else f"importing it failed with {type(error).__name__}: {error}. "
        f"Reinstall it: pip install --force-reinstall {name}"
    )
    msg = f"the backend {name!r} needs the package {name}; {advice}"
    return _MissingFrameworkError(msg, name=name)


def _import(name: str) -> Backend:
    # Statements, because torch.compile follows them and stops at importlib.import_module.
    if name == "torch":
        from multiconv.backends.torch import BACKEND as TORCH

        return TORCH
    if name == "jax":
        from multiconv.backends.jax import BACKEND as JAX

        return JAX
    from multiconv.backends.numpy import BACKEND as NUMPY

    return NUMPY


def _load_plugin(name: str, plugins: dict[str, EntryPoint]) -> Backend:
    """Load a backend from the one package that has it."""
    if len(plugins) > 1:
        msg = (
            f"the packages {' and '.join(plugins)} both have a backend {name!r}: uninstall one of "
            f"them, for example with pip uninstall {min(plugins)}"
        )
        raise ImportError(msg)
    [(package, entry)] = plugins.items()
    try:
        backend = _instance(entry.load(), f"entry point {name!r}")
    except (Exception, SystemExit) as error:  # whatever a third party's import may raise
        msg = (
            f"the backend {name!r} ({entry.value}, of the package {package}) cannot be "
            f"loaded: {type(error).__name__}: {error}. Reinstall it: pip install --force-reinstall "
            f"{package}"
        )
        raise ImportError(msg, name=package) from error
    _loaded[name] = backend
    return backend


def _instance(backend: Any, what: str) -> Backend:
    if isinstance(backend, type) and issubclass(backend, Backend):
        backend = backend()
    if not isinstance(backend, Backend):
        msg = f"{what} must be a multiconv.backends.base.Backend, got {backend!r}"
        raise TypeError(msg)
    if not isinstance(getattr(backend, "name", None), str):
        msg = f"{what} needs a name: set the class attribute `name` to a string"
        raise TypeError(msg)
    return backend


def _entry_points() -> dict[str, dict[str, EntryPoint]]:
    """Return the entry points of each name, by the package that declares them."""
    import importlib.metadata  # which takes a third as long as importing NumPy

    found: dict[str, dict[str, EntryPoint]] = {}
    for distribution in importlib.metadata.distributions():
        try:
            entries = list(distribution.entry_points.select(group=ENTRY_POINTS))
        except Exception:  # a file that is no list of entry points; pip would complain, too
            continue
        for entry in entries:
            if entry.name not in BUILT_IN:
                # The first on the path is the one that is imported.
                found.setdefault(entry.name, {}).setdefault(distribution.name, entry)
    return found


def _known_names() -> list[str]:
    return list(dict.fromkeys([*BUILT_IN, *_registered, *_entry_points()]))


def is_installed(name: str) -> bool:
    """Tell whether a package can be found, without importing it."""
    if sys.modules.get(name) is not None:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _of_list(name: str, nested: Any, backend: Backend, like: Array | None) -> Array:
    """Make an array of a nested list, which must not hold another framework's arrays."""

    def refuse_foreign(place: str, entry: Any) -> None:
        found = _of_type.get(type(entry)) or _find(place, entry)
        if found is not backend:
            change = _converted(place, entry, found, backend)
            msg = (
                f"{place} is a {found.array_name}, in a nested list for the {backend.name} "
                f"backend: convert it first, {place} = {change}"
            )
            raise TypeError(msg)

    return array_of(name, nested, backend, like, refuse_foreign)


def _mixed(
    first: str, one: Array, backend: Backend, second: str, other: Array, found: Backend
) -> str:
    return (
        f"{first} is a {backend.array_name} and {second} a {found.array_name}: convert one "
        f"of them, with {second}={_converted(second, other, found, backend)} or "
        f"{first}={_converted(first, one, backend, found)}"
    )


def _converted(name: str, array: Array, source: Backend, onto: Backend) -> str:
    """Return the expression that makes an array of another backend's."""
    return onto.conversion(source.readable(name, array))


def _not_an_array(name: str, given: Any) -> str:
    kind = type(given)
    where = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if hasattr(given, "__array__") or hasattr(given, "__array_interface__"):
        advice = f"numpy.asarray({name}) converts it"
    else:
        advice = "pass an array of NumPy, PyTorch, JAX or the array API standard, or a nested list"
    return f"{name} must be an array, got {where}; {advice}"
