"""Parameters on their way from one backend to another, without loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.backends.base import Array, Backend
from multiconv.backends.registry import backend_of
from multiconv.core.installation import install_line


def moved(name: str, array: Array, onto: Backend) -> Array:
    """Return ``array`` as an array of the backend ``onto``; itself, where it is one already.

    A copy goes to the default device, in the same dtype and with the same values.
    """
    source, _ = backend_of({name: array})
    if source is onto:
        return array
    return made(source.to_numpy(array), source.dtype_name(array.dtype), onto)


def made(values: np.ndarray[Any, Any], dtype: str, onto: Backend) -> Array:
    """Return NumPy's ``values`` as an array of a backend, in the dtype of that name.

    The values of bfloat16 may come as float32, which holds them all.
    """
    given = onto.canonical(dtype)
    if given != dtype:
        msg = (
            f"the {onto.name} backend would narrow {dtype} to {given}: enable its 64-bit numbers "
            f"first (in JAX, jax.config.update('jax_enable_x64', True)), or cast to {given}"
        )
        raise ValueError(msg)
    if dtype == "bfloat16":  # not every framework reads the bfloat16 of NumPy's
        values = values.astype(np.float32)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    try:
        return onto.from_numpy(values, dtype, onto.asarray([]))
    except ModuleNotFoundError as error:
        msg = (
            f"{dtype} needs the package {error.name} on the {onto.name} backend: "
            f"{install_line('io', error.name)}"
        )
        raise ImportError(msg, name=error.name) from error
