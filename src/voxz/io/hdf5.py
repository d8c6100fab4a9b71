"""HDF5: MINC2, MATLAB 7.3 and any other. Its library says where the chunks of each dataset lie; their bytes are taken as is.

The chunks of a slab (all those of one place along the slowest axis) are one stretch, and slabs follow each other; where slabs lie
among each other, a dataset is one stretch. Chunks are whole: the last ones may go beyond the dataset.
"""

import itertools
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from voxz.errors import CorruptError, UnsupportedError
from voxz.io import minc2
from voxz.io.chunks import Chunk, slab_layout, slab_view
from voxz.io.foreign_file import Beside, ForeignFile, Stretch
from voxz.io.packings.predictors import NONE, SHUFFLE
from voxz.volume.layout import MOST_AXES, Layout

FORMAT = "hdf5"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_DATASETS, MOST_CHUNKS = 1 << 14, 1 << 20

FEWEST_BYTES = 1 << 12
"""Smaller datasets stay with what is around them."""

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
"""Numbers of filters."""

_PLACES = (0, *(1 << power for power in range(9, 16)))
"""Where the signature may be: users put bytes of their own before it."""


def recognise(head: bytes, name: str) -> bool:
    """Whether HDF5's signature is at one of its places."""
    return any(head[at : at + len(SIGNATURE)] == SIGNATURE for at in _PLACES)


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples of its datasets of numbers lie.

    Raises `CorruptError` if HDF5 cannot read it, `UnsupportedError` without the package h5py.
    """
    try:
        import h5py  # noqa: PLC0415 - an extra
    except ImportError:
        raise UnsupportedError("HDF5 files are read by h5py; install it with: pip install 'voxz[formats]'") from None
    try:
        with h5py.File(file, "r") as opened:
            minc = minc2.IMAGE in opened
            names: list[str | bytes] = [minc2.IMAGE] if minc else _names(h5py, opened)
            turned = minc or "MATLAB" in _user_block(file, opened.userblock_size)
            found = [part for entry in names for part in _stretches(entry, opened[entry], size, turned)]
            space = minc2.space(opened) if minc and found else None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(f"HDF5 cannot read it ({' '.join(str(error).split())[:100]})") from None
    return ForeignFile("minc2" if minc else FORMAT, {name: tuple(sorted(found, key=lambda part: part.start))}, space)


def _names(h5py: Any, opened: Any) -> list[str | bytes]:
    """Names of the datasets; bytes where they are no text."""
    names: list[str | bytes] = []

    def visit(name: str | bytes, entry: Any) -> bool | None:
        if isinstance(entry, h5py.Dataset):
            names.append(name)
        return True if len(names) >= MOST_DATASETS else None

    opened.visititems(visit)
    return names


def _user_block(file: BinaryIO, length: int) -> str:
    file.seek(0)
    return file.read(min(length, 128)).decode("latin-1")


def _stretches(name: str | bytes, dataset: Any, size: int, turned: bool) -> Iterator[Stretch]:
    """Stretches of a dataset; `turned` if users name its fastest axis first."""
    dtype, shape = np.dtype(dataset.dtype.str), dataset.shape
    title = name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")
    fewest = 1 if name == minc2.IMAGE else FEWEST_BYTES
    if dtype.kind not in "biufc" or not shape or len(shape) > MOST_AXES or math.prod(shape) * dtype.itemsize < fewest:
        return
    with suppress(UnsupportedError):
        Layout((), dtype, first_axis_fastest=turned)
        if dataset.chunks is None:
            yield from _contiguous(title, dataset, slab_layout(shape, dtype, turned))
        else:
            yield from _chunked(title, dataset, dtype, turned)


def _contiguous(title: str, dataset: Any, layout: Layout) -> Iterator[Stretch]:
    start = dataset.id.get_offset()
    if start is not None and dataset.id.get_storage_size() == layout.nbytes and not dataset.external:
        yield Stretch(start, layout.nbytes, layout, title=title)


def _chunked(title: str, dataset: Any, dtype: np.dtype[np.generic], turned: bool) -> Iterator[Stretch]:
    method, predictor = _filters(dataset)
    lengths = dataset.chunks
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, lengths, strict=True))
    chunks = _places(dataset)
    nbytes, row = math.prod(lengths) * dtype.itemsize, math.prod(lengths)
    across, slabs = math.prod(grid[1:]), _slabs(chunks, lengths, grid)
    if not slabs:
        return
    for position, members in slabs:
        deep = len(members) // across
        layout = slab_layout((deep * lengths[0], *(g * c for g, c in zip(grid[1:], lengths[1:], strict=True))), dtype, turned)
        start, end = min(chunk.start for chunk in members), max(chunk.start + chunk.length for chunk in members)
        options = (method, predictor, nbytes, row, 1, *(n for c in members for n in (c.start - start, c.length)))
        view = slab_view((deep, *grid[1:]), lengths)
        key = (FORMAT, title) if len(slabs) > 1 else None
        yield Stretch(start, end - start, layout, "strips", key, (float(position),), view, options, joined=True, title=title)


def _filters(dataset: Any) -> tuple[int, int]:
    """Method and predictor of strips; `UnsupportedError` for filters that are kept as they are."""
    from voxz.io.packings.strips import DEFLATE, PLAIN  # noqa: PLC0415 - kernels cost start-up time

    listed = dataset.id.get_create_plist()
    numbers = [listed.get_filter(k)[0] for k in range(listed.get_nfilters())]
    if _FLETCHER32 in numbers[-1:]:
        numbers.pop()  # its checksum is behind the chunk
    predictor = SHUFFLE if numbers[:1] == [_SHUFFLE] else NONE
    rest = numbers[predictor == SHUFFLE :]
    if rest not in ([], [_DEFLATE]):
        raise UnsupportedError(f"chunks with the filters {numbers} are kept as they are")
    return (DEFLATE if rest else PLAIN), predictor


def _places(dataset: Any) -> list[Chunk]:
    """Chunks in C order of their places in the dataset."""
    count = dataset.id.get_num_chunks()
    if count > MOST_CHUNKS:
        raise UnsupportedError(f"a dataset of {count} chunks is kept as it is")
    found: list[Chunk] = []

    def add(info: Any) -> None:
        if info.filter_mask:
            raise UnsupportedError("chunks without their filters are kept as they are")
        found.append(Chunk(tuple(info.chunk_offset), info.byte_offset, info.size))

    dataset.id.chunk_iter(add)
    return sorted(found, key=lambda chunk: chunk.place)


def _slabs(chunks: list[Chunk], lengths: tuple[int, ...], grid: tuple[int, ...]) -> list[tuple[int, list[Chunk]]]:
    """Complete slabs and their places; all as one if they lie among each other; none if some of that is missing."""
    slabs: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        slabs.setdefault(chunk.place[0] // lengths[0], []).append(chunk)
    whole = [(place, members) for place, members in slabs.items() if len(members) == math.prod(grid[1:])]
    ranges = sorted((min(c.start for c in part), max(c.start + c.length for c in part)) for _, part in whole)
    if all(a[1] <= b[0] for a, b in itertools.pairwise(ranges)):
        return whole
    return [(0, chunks)] if len(chunks) == math.prod(grid) else []
