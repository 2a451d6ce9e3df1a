"""Arrays in files, read and written in parts: NumPy's, TIFF and Zarr.

A part is read and written by calls to the system and not through a mapping of the file, whose pages
would count as memory, and where a full disk ends the process.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multiconv.backends.base import NumPyArray
from multiconv.core.installation import install_line

SUFFIXES = (".npy", ".tif", ".tiff", ".zarr")

#: Of each axis, from where to where.
Window = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class RawFile:
    """Numbers one after another in a file, in C order, from a place on."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int

    def read(self, window: Window) -> NumPyArray:
        """Return a part, in memory."""
        part = np.empty([stop - start for start, stop in window], self.dtype)
        rows = part.reshape(-1, part.shape[-1]) if part.size else part.reshape(0, 0)
        with open(self.path, "rb", buffering=0) as file:
            for row, place in zip(rows, self._rows(window), strict=False):
                file.seek(place)
                if file.readinto(row.view(np.uint8).data) != row.nbytes:
                    raise OSError("it ends before its numbers do")
        return part

    def write(self, window: Window, part: NumPyArray) -> None:
        """Write a part, which is on the disk when this returns."""
        part = np.ascontiguousarray(part, self.dtype)
        with open(self.path, "r+b", buffering=0) as file:
            for row, place in zip(
                part.reshape(-1, part.shape[-1]), self._rows(window), strict=True
            ):
                file.seek(place)
                left = row.view(np.uint8).data
                while left:
                    left = left[file.write(left) :]
            os.fsync(file.fileno())

    def _rows(self, window: Window) -> Iterator[int]:
        """Yield where the rows of a window begin."""
        steps = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        first = sum(step * start for step, (start, _) in zip(steps, window, strict=True))
        counts = [stop - start for start, stop in window[:-1]]
        for index in np.ndindex(*counts):
            ahead = sum(step * i for step, i in zip(steps, index, strict=False))
            yield self.offset + (first + ahead) * self.dtype.itemsize


@dataclass(frozen=True)
class ZarrArray:
    """An array of the package zarr: of a folder, or of a TIFF file in compressed parts."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_tiff: bool = False

    def read(self, window: Window) -> NumPyArray:
        """Return a part, in memory."""
        if not self.is_tiff:
            return self._part(_zarr().open_array(self.path, mode="r"), window)
        with _tifffile().TiffFile(self.path) as file:
            store = file.series[0].aszarr(level=0)
            return self._part(_zarr().open_array(store, mode="r"), window)

    def write(self, window: Window, part: NumPyArray) -> None:
        """Write a part."""
        array = _zarr().open_array(self.path, mode="r+")
        array[tuple(slice(*ends) for ends in window)] = part

    @staticmethod
    def _part(array: Any, window: Window) -> NumPyArray:
        return np.asarray(array[tuple(slice(*ends) for ends in window)])


ArrayFile = RawFile | ZarrArray


def opened(path: str, kind: str | None = None) -> ArrayFile:
    """Return the array of a file, of a TIFF file's first series the largest level.

    ``kind`` is its suffix, where its name ends in another.
    """
    suffix = kind or Path(path).suffix.lower()
    if suffix == ".npy":
        return _opened_npy(path)
    if suffix == ".zarr":
        array = _zarr().open_array(path, mode="r")
        return ZarrArray(os.path.abspath(path), tuple(array.shape), np.dtype(array.dtype))
    return _opened_tiff(path)


def _opened_npy(path: str) -> RawFile:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path!r} cannot be read: {error}") from error
    if array.ndim and not array.flags.c_contiguous:
        msg = f"{path!r} is in Fortran order: numpy.save of numpy.ascontiguousarray(x) is not"
        raise ValueError(msg)
    return RawFile(os.path.abspath(path), array.shape, array.dtype, int(array.offset))


def _opened_tiff(path: str) -> ArrayFile:
    with _tifffile().TiffFile(path) as file:
        series = file.series[0]
        shape, dtype = tuple(series.shape), np.dtype(series.dtype)
        offset = series.dataoffset
        if offset is not None:
            return RawFile(
                os.path.abspath(path), shape, dtype.newbyteorder(file.byteorder), int(offset)
            )
    return ZarrArray(os.path.abspath(path), shape, dtype, is_tiff=True)


def created(
    path: Path, kind: str, shape: tuple[int, ...], dtype: np.dtype[Any], tile: tuple[int, ...]
) -> ArrayFile:
    """Make a file that has room for all of an array, of the kind that the suffix says."""
    if kind == ".zarr":
        _zarr().create_array(str(path), shape=shape, chunks=tile, dtype=dtype)
        return ZarrArray(str(path.absolute()), shape, dtype)
    if kind == ".npy":
        with path.open("wb") as file:
            header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_2_0(file, header)
            offset = file.tell()
    else:
        offset = _tiff_header(path, shape, dtype)
    size = offset + math.prod(shape) * dtype.itemsize
    with path.open("r+b") as file:
        # A full disk is to say so now, and not after hours.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
    return RawFile(str(path.absolute()), shape, dtype, offset)


def _tiff_header(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Write a TIFF file of that shape without its numbers, and return where they begin."""
    is_big = math.prod(shape) * dtype.itemsize > 2**31
    room = _tifffile().memmap(
        path, shape=shape, dtype=dtype, bigtiff=is_big, photometric="minisblack"
    )
    return int(room.offset)


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise ValueError(f"this needs zarr: {install_line('files', 'zarr')}") from error
    return zarr


def _tifffile() -> Any:
    try:
        import tifffile
    except ImportError as error:
        raise ValueError(f"this needs tifffile: {install_line('files', 'tifffile')}") from error
    return tifffile
