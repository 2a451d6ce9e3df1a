"""`save` and `load`: layers in safetensors files, the same for every backend."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from multiconv.backends import registry
from multiconv.backends.base import Backend
from multiconv.backends.transfer import made
from multiconv.core.whole_file import write_whole
from multiconv.layers import layer_file
from multiconv.layers.shared import LayerArguments
from multiconv.layers.table import MODULES, layer_of


def save(layer: Any, path: str | os.PathLike[str]) -> None:
    """Write a layer to a safetensors file, whole or not at all.

    The file is written beside its place and then moved there, so a reader never sees half of it,
    and what was there before stays until the new file is complete. Values, dtypes and arguments
    are kept exactly; the memory layout, the device and gradients are not.

    Parameters
    ----------
    layer : Conv2D, or another layer
        Of any backend. Its parameters may have any memory layout and be on any device.
    path : str or os.PathLike
        Where the file goes, by custom with the suffix ``.safetensors``. A file that is there is
        replaced and its permissions are kept.

    Raises
    ------
    ImportError
        If safetensors is not installed; the message says how to install it.
    TypeError
        If ``layer`` is no layer of this package, or its parameters are not floating-point.
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
        msg = f"layer must be a Conv2D or another layer of multiconv, got {type(layer).__name__}"
        raise TypeError(msg)
    tensors = {}
    for name in ("weight", "bias"):
        array = getattr(layer, name)
        if array is not None:
            owner, _ = registry.backend_of({f"layer.{name}": array})
            tensors[name] = owner.to_numpy(array), owner.dtype_name(array.dtype)
    write_whole(Path(path), layer_file.encode(arguments, tensors))


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
    layer
        Of that backend and of the saved kind, with the saved arguments and exactly the saved
        values, on the default device.

    Raises
    ------
    ImportError
        If safetensors or the backend's framework is not installed.
    ValueError
        If the file is damaged, truncated or not one of `save`, or if the backend has no layers or
        cannot hold its dtype (64-bit numbers in JAX need its x64 setting).
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
    place = Path(path)
    with place.open("rb") as file:
        try:
            arguments, tensors = layer_file.decode(file)
        except ValueError as fault:
            msg = f"{str(place)!r} cannot be loaded: {fault}"
            raise ValueError(msg) from None
    parameters = {name: made(values, dtype, onto) for name, (values, dtype) in tensors.items()}
    layer = layer_of(onto, arguments.kind)
    return layer.from_parameters(arguments, parameters["weight"], parameters.get("bias"))


def _backend(chosen: Any) -> Backend:
    backend: Any = getattr(chosen, "backend", None)  # of what get_backend returns
    if chosen is None or isinstance(chosen, str):
        backend = registry.load(registry.default_name() if chosen is None else chosen)
    if not isinstance(backend, Backend):
        msg = f"backend must be the name of a backend or what get_backend returns, got {chosen!r}"
        raise TypeError(msg)
    if backend.name not in MODULES:
        listed = ", ".join(map(repr, MODULES))
        msg = f"backend={backend.name!r} has no layers: load the file with one of {listed}"
        raise ValueError(msg)
    return backend
