"""The bytes of a layer's file: its arguments and parameters in the format of safetensors.

Design decisions:

* The tensors are ``weight`` and, where the layer has one, ``bias``. The metadata has one entry,
  ``multiconv``: JSON with the layer's arguments, the version of this layout, that of the package,
  and a checksum over all of it and the tensors. safetensors itself notices a file of the wrong
  length, but not a flipped bit.
* Complex numbers are pairs (real, imaginary) along one more axis: safetensors learned complex64
  late and complex128 never. The shapes tell them from real ones, so nothing else has to.
* The same layer gives the same bytes, whichever backend it comes from.
* Every fault of a file is a `ValueError` that says what is wrong.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeAlias

import numpy as np

from multiconv.core.installation import install_line
from multiconv.core.version import __version__
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments

# Values, and the name of their dtype; those of bfloat16 may be float32, which holds them all.
Numbers: TypeAlias = tuple[np.ndarray[Any, Any], str]

_KEY = "multiconv"
_VERSION = 1
_MAXIMUM_HEADER = 2**20  # ours has less than a thousand bytes

_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_TAGS = {dtype: tag for tag, dtype in _DTYPES.items()}
_PARTS = {"complex64": "float32", "complex128": "float64"}
_WHOLES = {part: whole for whole, part in _PARTS.items()}


class Stored(NamedTuple):
    """A tensor as it lies in the file: little-endian, in C order."""

    tag: str
    shape: tuple[int, ...]
    data: bytes


def encode(arguments: LayerArguments, parameters: dict[str, Numbers]) -> bytes:
    """Return the file of a layer."""
    tensors = {name: _stored(name, *numbers) for name, numbers in parameters.items()}
    _check_tensors(tensors, arguments)
    description = {"version": _VERSION, "package": __version__, "layer": arguments.to_dict()}
    description["sha256"] = _checksum(description, tensors)
    # It writes the memory of an array as if it were contiguous; these are.
    arrays = {
        name: np.frombuffer(data, _little_endian(tag)).reshape(shape)
        for name, (tag, shape, data) in tensors.items()
    }
    file: bytes = _library().numpy.save(arrays, {_KEY: json.dumps(description, sort_keys=True)})
    return file


def decode(file: BinaryIO) -> tuple[LayerArguments, dict[str, Numbers]]:
    """Read a file and check all of it: what comes back fits together."""
    library = _library()
    text = _metadata(_header(file))  # first, so that nobody's large file is read for nothing
    file.seek(0)
    try:
        found = library.deserialize(file.read())
    except library.SafetensorError as error:
        msg = f"it is damaged or truncated; safetensors says: {error}"
        raise ValueError(msg) from None
    tensors = {
        name: Stored(entry["dtype"], tuple(entry["shape"]), bytes(entry["data"]))
        for name, entry in found
    }
    description, arguments = _described(text)
    _check_tensors(tensors, arguments)
    if description.pop("sha256", None) != _checksum(description, tensors):
        msg = "it is damaged: its checksum is not that of its content"
        raise ValueError(msg)
    shapes = _shapes(arguments)
    return arguments, {name: _numbers(tensors[name], shape) for name, shape in shapes.items()}


# Tensors ---------------------------------------------------------------------------------------


def _stored(name: str, values: np.ndarray[Any, Any], dtype: str) -> Stored:
    part = _PARTS.get(dtype, dtype)
    if part not in _TAGS:
        msg = f"{name} has the dtype {dtype}, and a layer's are floats: cast it, say to float32"
        raise TypeError(msg)
    if dtype in _PARTS:
        values = np.stack([values.real, values.imag], axis=-1)
    if dtype == "bfloat16":  # its bits are the upper half of those of float32
        bits = values.astype(np.float32, order="C").view(np.uint32)
        little = (bits >> 16).astype("<u2")
    else:
        little = values.astype(np.dtype(part).newbyteorder("<"))
    return Stored(_TAGS[part], values.shape, little.tobytes(order="C"))


def _numbers(tensor: Stored, shape: tuple[int, ...]) -> Numbers:
    dtype = _DTYPES[tensor.tag]
    if dtype == "bfloat16":
        upper = np.frombuffer(tensor.data, "<u2").astype(np.uint32)
        return (upper << 16).view(np.float32).reshape(shape), dtype
    little = np.frombuffer(tensor.data, np.dtype(dtype).newbyteorder("<"))
    values = little.astype(dtype)
    if tensor.shape != shape:
        dtype = _WHOLES[dtype]
        values = values.view(dtype)
    return values.reshape(shape), dtype


def _shapes(arguments: LayerArguments) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"weight": arguments.weight_shape}
    if arguments.bias:
        shapes["bias"] = arguments.bias_shape
    return shapes


def _check_tensors(tensors: dict[str, Stored], arguments: LayerArguments) -> None:
    shapes = _shapes(arguments)
    if tensors.keys() != shapes.keys():
        msg = f"the tensors are {sorted(tensors)}, and the arguments ask for {sorted(shapes)}"
        raise ValueError(msg)
    for name, shape in shapes.items():
        tag, found, _ = tensors[name]
        dtype = _DTYPES.get(tag)
        if dtype is None:
            msg = f"{name} has the dtype {tag}, and a layer's are {', '.join(_DTYPES)}"
            raise ValueError(msg)
        if found != shape and not (found == (*shape, 2) and dtype in _WHOLES):
            msg = f"{name} has the shape {found}, and the arguments ask for {shape}"
            raise ValueError(msg)


# Metadata --------------------------------------------------------------------------------------


def _header(file: BinaryIO) -> dict[str, Any]:
    length = file.read(8)
    size = int.from_bytes(length, "little")
    if len(length) < 8:
        msg = f"it has only {len(length)} bytes: it is truncated or no safetensors file"
        raise ValueError(msg)
    if size > _MAXIMUM_HEADER:
        msg = f"its header would have {size} bytes: it is damaged or not a file of multiconv.save"
        raise ValueError(msg)
    text = file.read(size)
    if len(text) < size:
        msg = f"its header has {len(text)} bytes of {size}: it is damaged or truncated"
        raise ValueError(msg)
    return _json_object(text, "its header")


def _metadata(header: dict[str, Any]) -> str:
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        msg = (
            f"its metadata has no entry {_KEY!r}: it is not a file of multiconv.save "
            f"(safetensors.numpy.load_file reads the tensors of any file)"
        )
        raise ValueError(msg)
    return text


def _described(text: str) -> tuple[dict[str, Any], LayerArguments]:
    description = _json_object(text, "its description of the layer")
    version = description.get("version")
    if type(version) is not int or version != _VERSION:
        msg = (
            f"it has version {version!r} of the file format, of multiconv "
            f"{description.get('package')!r}, and this multiconv reads version {_VERSION}; a newer "
            f"one may read it"
        )
        raise ValueError(msg)
    given = description.get("layer")
    if not isinstance(given, dict):
        msg = "its description of the layer has no arguments"
        raise ValueError(msg)
    try:
        return description, layers.read(**given)
    except (TypeError, ValueError) as error:
        msg = f"the arguments in it make no layer: {error}"
        raise ValueError(msg) from None


def _checksum(description: dict[str, Any], tensors: dict[str, Stored]) -> str:
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(tensors):
        tag, shape, data = tensors[name]
        digest.update(json.dumps([name, tag, shape]).encode() + data)
    return digest.hexdigest()


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        msg = f"{constant} is no number"
        raise ValueError(msg)

    try:
        found = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        msg = f"{what} is no JSON ({error}): it is damaged or not a file of multiconv.save"
        raise ValueError(msg) from None
    if not isinstance(found, dict):
        msg = f"{what} is no JSON object: it is damaged or not a file of multiconv.save"
        raise ValueError(msg)
    return found


# The library -----------------------------------------------------------------------------------


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        msg = f"save and load need the package safetensors: {install_line('io', 'safetensors')}"
        raise ImportError(msg, name="safetensors") from error
    return safetensors


def _little_endian(tag: str) -> np.dtype[Any]:
    if tag != "BF16":
        return np.dtype(_DTYPES[tag]).newbyteorder("<")
    try:
        from ml_dtypes import bfloat16
    except ImportError as error:
        msg = f"saving bfloat16 needs the package ml_dtypes: {install_line('io', 'ml_dtypes')}"
        raise ImportError(msg, name="ml_dtypes") from error
    dtype: np.dtype[Any] = np.dtype(bfloat16)
    return dtype
