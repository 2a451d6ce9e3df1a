"""`save` and `load`: layers in safetensors files, the same for every backend."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Any

from multiconv.backends import registry
from multiconv.backends.base import Backend
from multiconv.backends.transfer import made
from multiconv.layers import layer_file
from multiconv.layers.shared import LayerArguments
from multiconv.layers.table import layer_of


def save(layer: Any, path: str | os.PathLike[str]) -> None:
    """Write a layer to a safetensors file, whole or not at all.

    The file is written beside its place and then moved there, so a reader never sees half of it,
    and what was there before stays until the new file is complete. Values, dtypes and arguments
    are kept exactly; the memory layout, the device and gradients are not.

    Parameters
    ----------
    layer : Conv2D
        A layer of any backend. Its parameters may have any memory layout and be on any device.
    path : str or os.PathLike
        Where the file goes, by custom with the suffix ``.safetensors``. A file that is there is
        replaced and its permissions are kept.

    Raises
    ------
    ImportError
        If safetensors is not installed; the message says how to install it.
    TypeError
        If ``layer`` is no `Conv2D` of this package, or its parameters are not floating-point.
    ValueError
        If its parameters do not fit its arguments, or ``path`` names something that is no file.
    OSError
        If the folder does not exist or cannot be written to.

    See Also
    --------
    load : The way back, to a layer of any backend.

    Examples
    --------
    >>> import numpy as np
    >>> import multiconv as mc
    >>> layer = mc.numpy.Conv2D((1, 2), padding="same", bias=False)
    >>> layer.weight[:] = [[1, -1]]
    >>> mc.save(layer, "edges.safetensors")
    >>> again = mc.load("edges.safetensors", "numpy")
    >>> again
    Conv2D(kernel_size=(1, 2), padding='same', bias=False)
    >>> again(np.array([[1, 1, 0, 0]], np.float32))
    array([[0., 1., 0., 0.]], dtype=float32)
    """
    arguments = getattr(layer, "arguments", None)
    if not isinstance(arguments, LayerArguments):
        msg = f"layer must be a Conv2D of multiconv, got {type(layer).__name__}"
        raise TypeError(msg)
    parameters = {"weight": layer.weight, "bias": layer.bias}
    tensors = {
        name: _numbers(f"layer.{name}", array)
        for name, array in parameters.items()
        if array is not None
    }
    _write_whole(Path(path), layer_file.encode(arguments, tensors))


def load(path: str | os.PathLike[str], backend: Any = None) -> Any:
    """Open a file of `save` as a layer of any backend.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    backend : str or backend, optional
        The backend of the new layer, as its name or as `get_backend` returns it. Left out, it is
        that of the face, as in ``multiconv.torch.load``, and for ``multiconv.load`` the default.

    Returns
    -------
    Conv2D
        The layer of that backend, with the saved arguments and exactly the saved values, on the
        default device.

    Raises
    ------
    ImportError
        If safetensors or the backend's framework is not installed.
    ValueError
        If the file is damaged, truncated or not one of `save`, or if the backend cannot hold its
        dtype (64-bit numbers in JAX need its x64 setting).
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Write the file.

    Examples
    --------
    >>> import multiconv as mc
    >>> mc.save(mc.numpy.Conv2D(3, in_channels=1, out_channels=2, seed=0), "layer.safetensors")
    >>> mc.load("layer.safetensors", "numpy").weight.shape
    (2, 1, 3, 3)
    """
    onto = _backend(backend)
    from_parameters = layer_of(onto).from_parameters
    place = Path(path)
    with place.open("rb") as file:
        try:
            arguments, tensors = layer_file.decode(file)
        except ValueError as fault:
            msg = f"{str(place)!r} cannot be loaded: {fault}"
            raise ValueError(msg) from None
    parameters = {name: made(values, dtype, onto) for name, (values, dtype) in tensors.items()}
    return from_parameters(arguments, parameters["weight"], parameters.get("bias"))


def _backend(chosen: Any) -> Backend:
    if chosen is None:
        return registry.load(registry.default_name())
    if isinstance(chosen, str):
        return registry.load(chosen)
    backend = getattr(chosen, "backend", None)  # what get_backend returns
    if isinstance(backend, Backend):
        return backend
    msg = f"backend must be the name of a backend or what get_backend returns, got {chosen!r}"
    raise TypeError(msg)


def _numbers(name: str, array: Any) -> layer_file.Numbers:
    backend, _ = registry.backend_of({name: array})
    return backend.to_numpy(array), backend.dtype_name(array.dtype)


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the place, then move: a move within one folder happens or does not."""
    place = Path(os.path.realpath(path))  # a link keeps pointing at its file
    if not place.parent.is_dir():
        msg = f"the folder {str(place.parent)!r} does not exist: create it, or save elsewhere"
        raise FileNotFoundError(msg)
    old = place.stat().st_mode if place.exists() else None
    if old is not None and not stat.S_ISREG(old):
        msg = f"{str(path)!r} is there and is no file, so save does not replace it"
        raise ValueError(msg)
    if old is not None and not os.access(place, os.W_OK):
        msg = f"{str(path)!r} is there and may not be written to"
        raise PermissionError(msg)
    beside = place.parent / f".multiconv-{secrets.token_hex(8)}.tmp"
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            beside.chmod(stat.S_IMODE(old))
        beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
