"""The codec "voxz" of Zarr, version 3: it makes the bytes of a chunk from its array (`serializer=`), also within shards.

Zarr finds it by an entry point: nobody has to import this file. Where it is the only codec, an access to a part of a chunk
decodes only the bricks that it touches.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.adapters.chunk_options import ChunkOptions
from voxz.errors import CorruptError, MissingDependencyError, UsageError
from voxz.image.lazy import Image

try:
    from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin
except ImportError:
    raise MissingDependencyError("this codec needs zarr 3; install it with: pip install 'voxz[zarr]'") from None

NAME = "voxz"

MOST_AXES = 7


@dataclass(frozen=True)
class VoxzCodec(ChunkOptions, ArrayBytesCodecPartialDecodeMixin, ArrayBytesCodec):  # type: ignore[misc]  # zarr may be missing
    """Chunks of 0 to 7 axes of numbers, lossless or with an error bound; parameters as in `ChunkOptions`."""

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "VoxzCodec":
        """The codec that the metadata of an array describe; `UsageError` for options that it does not have."""
        options = dict(data.get("configuration") or {})
        known = ChunkOptions.__dataclass_fields__
        if data.get("name") != NAME or not options.keys() <= known.keys():
            raise UsageError(f"the codec {NAME} has the options {', '.join(known)} (got {data})")
        return cls(**options)

    def to_dict(self) -> dict[str, Any]:
        """Name and options, as the metadata of an array have them."""
        return {"name": NAME, "configuration": {"level": self.level, "max_error": self.max_error}}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Refuse (`UsageError`) arrays of other things than numbers, or of more than 7 axes."""
        kind = dtype.to_native_dtype()
        if kind.kind not in "biufc":
            raise UsageError(f"the codec {NAME} takes integers, floats, complex numbers and booleans (got {kind})")
        if len(shape) > MOST_AXES:
            raise UsageError(f"the codec {NAME} takes arrays of up to {MOST_AXES} axes (got {len(shape)})")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """How long a chunk becomes depends on what is in it."""
        raise NotImplementedError

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(
            lambda: chunk_spec.prototype.buffer.from_bytes(self.encode_chunk(chunk_data.as_numpy_array()))
        )

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(_whole, chunk_data.to_bytes(), chunk_spec)

    async def _decode_partial_single(self, byte_getter: Any, selection: tuple[Any, ...], chunk_spec: Any) -> Any:
        stored = await byte_getter.get(prototype=chunk_spec.prototype)
        return None if stored is None else await asyncio.to_thread(_part, stored.to_bytes(), selection, chunk_spec)


def _whole(stored: bytes, spec: Any) -> Any:
    """A chunk."""
    dtype = spec.dtype.to_native_dtype()
    array = api.decode(stored, threads=1, max_bytes=math.prod(spec.shape) * dtype.itemsize)
    _check(array, spec)
    return spec.prototype.nd_buffer.from_numpy_array(array.astype(dtype, copy=False))


def _part(stored: bytes, selection: Any, spec: Any) -> Any:
    """A part of a chunk; what picks points by arrays, which Zarr means as numpy does, takes it whole."""
    parts = selection if isinstance(selection, tuple) else (selection,)
    if not all(isinstance(part, slice | int) for part in parts):
        return _whole(stored, spec)[selection]
    with api.open(stored, threads=1) as image:
        _check(image, spec)
        return spec.prototype.nd_buffer.from_numpy_array(np.asarray(image[parts], spec.dtype.to_native_dtype()))


def _check(found: NDArray[Any] | Image, spec: Any) -> None:
    """Refuse a chunk of another array; the byte order is the chunk's own."""
    dtype = spec.dtype.to_native_dtype()
    if found.shape != spec.shape or found.dtype.newbyteorder("=") != dtype.newbyteorder("="):
        words = f"a chunk has the shape {found.shape} and the type {found.dtype}, its array {spec.shape} and {dtype}"
        raise CorruptError(f"{words}; it is damaged or belongs to another array")
