"""Opening pictures and arrays, and saying in one line why a file cannot be read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from multiconv.core.installation import install_line

if TYPE_CHECKING:
    from PIL import Image


@contextmanager
def blaming(path: str) -> Iterator[None]:
    """Turn what goes wrong with a file into a ValueError that names it."""
    try:
        Path(path).open("rb").close()  # a missing file is the first thing to say
        yield
    except OSError as error:
        raise ValueError(f"{path!r} cannot be read: {error.strerror or error}") from error
    except MemoryError:
        raise ValueError(f"{path!r} cannot be read: it does not fit into memory") from None
    except ValueError as error:
        raise ValueError(f"{path!r} {error}") from error.__cause__


def load_array(path: str) -> NDArray[Any]:
    """Return the array of a .npy file."""
    try:
        # Mapped, so that a header that claims more than the file has allocates nothing.
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # a damaged header raises whatever Python's parser and mmap do
        raise ValueError(f"is no .npy file of numbers: {_first_line(error)}") from error


@contextmanager
def opened(path: str) -> Iterator[Image.Image]:
    """Open a picture in any format that Pillow reads; its pixels are read inside, too."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        msg = (
            f"needs Pillow to be read: {install_line('image', 'pillow')}; or save the pixels with "
            "numpy.save as a .npy file"
        )
        raise ValueError(msg) from error
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            yield image
    except UnidentifiedImageError as error:
        raise ValueError(
            "cannot be read: it is no picture in a format that Pillow knows"
        ) from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"is too large for Pillow: {error}") from error
    except Exception as error:  # each of Pillow's formats has its own for a damaged file
        raise ValueError(f"cannot be read, it is damaged: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
