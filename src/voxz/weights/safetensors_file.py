"""Named arrays in one file, in the safetensors format, read without trusting it and without the package of that name.

::

    u64 length of the header | JSON {name: {dtype, shape, data_offsets}, "__metadata__": {name: text}} | bytes of the arrays

Written by `pack` the same arrays give the same bytes: names are sorted, arrays follow each other without gaps.
"""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError

MOST_HEADER = 1 << 20
"""Longest header, in bytes."""

MOST_BYTES = 1 << 30
"""Longest file, in bytes."""

MOST_AXES = 8
"""Most axes of an array."""

_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1"}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items()}
_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"

Arrays = dict[str, NDArray[Any]]


def pack(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Bytes of a file with these arrays and texts."""
    header: dict[str, Any] = {_METADATA: dict(sorted(metadata.items()))}
    parts, end = [], 0
    for name in sorted(arrays):
        little = np.ascontiguousarray(arrays[name]).reshape(np.shape(arrays[name]))
        little = little.astype(little.dtype.newbyteorder("<"), copy=False)
        header[name] = {"dtype": _NAMES[little.dtype], "shape": list(little.shape), "data_offsets": [end, end + little.nbytes]}
        parts.append(little.tobytes())
        end += little.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([_LENGTH.pack(len(text)), text, *parts])


def unpack(data: bytes) -> tuple[Arrays, dict[str, str]]:
    """Arrays and texts of a file; `CorruptError` if it is not one."""
    if not _LENGTH.size < len(data) <= MOST_BYTES:
        raise CorruptError(f"a file of arrays (safetensors) must have {_LENGTH.size + 2} to {MOST_BYTES} bytes (got {len(data)})")
    (length,) = _LENGTH.unpack_from(data)
    if not 2 <= length <= min(MOST_HEADER, len(data) - _LENGTH.size):
        raise CorruptError(f"it is cut short or no file of arrays (safetensors): header of {length} bytes, {len(data)} in all")
    body = memoryview(data)[_LENGTH.size + length :]
    try:
        header = json.loads(data[_LENGTH.size : _LENGTH.size + length])
        metadata = {str(name): str(text) for name, text in header.pop(_METADATA, {}).items()}
        return {name: _array(entry, body) for name, entry in header.items()}, metadata
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptError(f"the header of a file of arrays cannot be read ({type(error).__name__})") from None


def _array(entry: dict[str, Any], body: memoryview) -> NDArray[Any]:
    """One array of the file; the caller turns what this raises into a `CorruptError`."""
    dtype, shape, (start, stop) = np.dtype(_TYPES[entry["dtype"]]), entry["shape"], entry["data_offsets"]
    numbers = [*shape, start, stop]
    if len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n <= MOST_BYTES for n in numbers):
        raise ValueError
    if not start <= stop <= len(body) or math.prod(shape) * dtype.itemsize != stop - start:
        raise ValueError
    return np.frombuffer(body[start:stop], dtype).reshape(shape).astype(dtype.newbyteorder("="))
