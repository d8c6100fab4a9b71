"""Zarr arrays, versions 2 and 3, and those of OME-Zarr: a file of metadata, and a file for each chunk in the folders beside it.

A file may also be a shard of many chunks (`zarr_shards`). Chunks are whole: the last ones may go beyond the array. Where they are
cut along their slowest axis only, they are one volume; otherwise the places of the chunks are axes of their own. Chunks that are
not there make no difference but to that. Voxel sizes come from the group that an array belongs to (`ome_zarr`).
"""

import itertools
import json
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

import numpy as np

from voxz.errors import CorruptError, UnsupportedError
from voxz.io import ome_zarr
from voxz.io.chunks import slab_layout
from voxz.io.foreign_file import WHOLE, Beside, ForeignFile, Space, Stretch
from voxz.io.header_text import MOST_FILES, check_shape, read_text
from voxz.io.packings.blosc import NAMES as BLOSC_NAMES
from voxz.io.packings.blosc import SHUFFLES
from voxz.io.zarr_shards import NAME as SHARDED
from voxz.io.zarr_shards import Shards

FORMAT = "zarr"
V2, V3 = ".zarray", "zarr.json"

Packed = tuple[str, tuple[int, ...]]
"""Name of a packing, and its options."""


@dataclass(frozen=True)
class Metadata:
    """What the metadata of an array says: lengths of its axes and of those of a chunk, slowest first, and how chunks are kept.

    Names are those of chunks, by their places; of shards, if chunks lie in `shards`.
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[np.generic]
    packed: Packed
    name: Callable[[tuple[int, ...]], str]
    axes: tuple[str, ...] = ()
    shards: Shards | None = None


def recognise(head: bytes, name: str) -> bool:
    """Whether it is the metadata of an array."""
    return name == V2 or (name == V3 and b'"node_type"' in head and b'"array"' in head)


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Which files beside it are chunks.

    Raises `CorruptError` if the metadata contradict themselves, `UnsupportedError` for chunks that are kept as they are.
    """
    try:
        told = json.loads(read_text(file, size))
        known = _version2(told) if name == V2 else _version3(told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptError(f"the metadata of a Zarr array cannot be read ({' '.join(str(error).split())[:60]})") from None
    if len(known.shape) != len(known.chunk) or any(n < 1 for n in (*known.shape, *known.chunk)):
        raise CorruptError(f"the metadata of a Zarr array have the shape {known.shape} and chunks of {known.chunk}")
    if not known.shape:
        raise UnsupportedError("a Zarr array without axes is kept as it is")
    check_shape(known.chunk, known.dtype.itemsize)
    grid = tuple(-(-n // c) for n, c in zip(known.shape, known.chunk, strict=True))
    if math.prod(grid) > MOST_FILES:
        raise UnsupportedError(f"a Zarr array of {math.prod(grid)} chunks is kept as it is")
    deepest = next((axis for axis, n in enumerate(known.chunk) if n > 1), len(grid) - 1)
    joined = math.prod(grid[deepest + 1 :]) == 1 < grid[deepest]
    layout = slab_layout(tuple(n for n in known.chunk if n > 1), known.dtype, turned=False)
    packing, options = known.packed

    def chunk(place: tuple[int, ...], start: int = 0, length: int = WHOLE) -> Stretch:
        position = tuple(float(k) for k, n in zip(place, grid, strict=True) if n > 1)
        return Stretch(start, length, layout, packing, (FORMAT, name), position or (0.0,), options=options, joined=joined)

    if known.shards:
        chunks = dict(_sharded(known, known.shards, chunk, beside))
    else:
        chunks = {known.name(place): (chunk(place),) for place in itertools.product(*map(range, grid))}
    across = [axis for axis, n in enumerate(grid) if n > 1 and not (joined and axis == deepest)]
    kept = across + [axis for axis, n in enumerate(known.chunk) if n > 1]
    return ForeignFile(FORMAT, {name: (), **chunks}, _space(file, beside, known, kept))


def _sharded(
    known: Metadata, shards: Shards, chunk: Callable[..., Stretch], beside: Beside
) -> Iterator[tuple[str, tuple[Stretch, ...]]]:
    """The shards that are there, with their chunks."""
    inside = tuple(n // c for n, c in zip(shards.shape, known.chunk, strict=True))
    for shard in itertools.product(*(range(-(-n // s)) for n, s in zip(known.shape, shards.shape, strict=True))):
        name = known.name(shard)
        with suppress(UnsupportedError):
            found = shards.chunks(name, known.chunk, beside)
            places = [tuple(k * n + i for k, n, i in zip(shard, inside, place, strict=True)) for place, _, _ in found]
            yield name, tuple(chunk(place, *part[1:]) for place, part in zip(places, found, strict=True))


def _space(file: BinaryIO, beside: Beside, known: Metadata, kept: list[int]) -> Space | None:
    """Place of an array whose axes are those numbered `kept` of the Zarr array; none if one of them is in two parts."""
    if len(set(kept)) < len(kept):
        return None
    axes = ome_zarr.axes_of(PurePath(file.name).parent, beside) if isinstance(getattr(file, "name", None), str) else ()
    axes = axes if len(axes) == len(known.shape) else ()
    names = known.axes or tuple(axis.name for axis in axes)
    return Space(ome_zarr.affine(axes, kept) if axes else None, tuple(names[axis] for axis in kept) if names else ())


def _version2(told: dict[str, Any]) -> Metadata:
    separator, dtype = told.get("dimension_separator", "."), _dtype(told["dtype"])
    packed = _compressor(told.get("compressor"), dtype)
    if told.get("filters") or told.get("order", "C") != "C" or separator not in (".", "/"):
        raise UnsupportedError("chunks with filters, or in the order F, are kept as they are")
    return Metadata(_lengths(told["shape"]), _lengths(told["chunks"]), dtype, packed, _joined_by(separator))


def _version3(told: dict[str, Any]) -> Metadata:
    grid, encoding = told["chunk_grid"], told["chunk_key_encoding"]
    chunk, shards = _lengths(grid["configuration"]["chunk_shape"]), None
    first, *codecs = told["codecs"]
    if first["name"] == SHARDED and not codecs:
        inside = first["configuration"]
        shards = Shards.of(chunk, inside)
        chunk = _lengths(inside["chunk_shape"])
        if len(chunk) != len(shards.shape) or any(c < 1 or n % c for n, c in zip(shards.shape, chunk, strict=True)):
            raise CorruptError(f"the metadata of a Zarr array have shards of {shards.shape} and chunks of {chunk}")
        first, *codecs = inside["codecs"]
    if grid["name"] != "regular" or first["name"] != "bytes" or len(codecs) > 1 or told.get("storage_transformers"):
        raise UnsupportedError("Zarr chunks in another order, or with several codecs, are kept as they are")
    big = (first.get("configuration") or {}).get("endian") == "big"
    dtype = _dtype(np.dtype(told["data_type"]).newbyteorder(">" if big else "<").str)
    packed = _compressor({**(codecs[0].get("configuration") or {}), "id": codecs[0]["name"]} if codecs else None, dtype)
    default = encoding["name"] == "default"
    separator = (encoding.get("configuration") or {}).get("separator", "/" if default else ".")
    names = told.get("dimension_names") or ()
    axes = tuple(map(str, names)) if all(names) else ()
    name = _joined_by(separator, f"c{separator}" * default)
    return Metadata(_lengths(told["shape"]), chunk, dtype, packed, name, axes, shards)


def _joined_by(separator: str, before: str = "") -> Callable[[tuple[int, ...]], str]:
    return lambda place: before + separator.join(map(str, place))


def _lengths(told: list[Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in told)


def _dtype(text: Any) -> np.dtype[np.generic]:
    dtype = np.dtype(str(text))
    if dtype.kind not in "biufc":
        raise UnsupportedError(f"Zarr chunks of type {dtype} are kept as they are")
    return dtype


def _compressor(told: dict[str, Any] | None, dtype: np.dtype[np.generic]) -> Packed:
    """Packing of chunks, with the settings that the metadata have; `UnsupportedError` for those that are kept."""
    kind = told["id"] if told else ""
    if not told:
        return "raw", ()
    if kind in ("zlib", "gzip"):
        return "deflate", ()
    if kind == "zstd":
        return "zstd", (int(told.get("level", 0)), int(bool(told.get("checksum", False))))
    if kind == "blosc" and told.get("cname") in BLOSC_NAMES:
        shuffle = told.get("shuffle", 1)
        number = SHUFFLES.index(shuffle) if shuffle in SHUFFLES else int(shuffle)
        number = number if number >= 0 else 2 if dtype.itemsize == 1 else 1
        return "blosc", (BLOSC_NAMES.index(told["cname"]), int(told["clevel"]), number, int(told.get("blocksize") or 0))
    raise UnsupportedError(f"Zarr chunks compressed by {str(kind)[:20]!r} are kept as they are")
