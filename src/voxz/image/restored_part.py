"""Any part of a file that an archive restores, without restoring the rest.

Bytes that lie as samples lie in an array come from the bricks that hold them; samples that are packed again, or in another order,
are made for their whole segment and kept like a brick. A run of samples in memory order is at most seven boxes: what is
left of its first row, plane and volume, whole ones between, and the beginnings of its last ones.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from voxz.container.files import Samples, StoredFile, Verbatim
from voxz.container.reader import Reader, only_array
from voxz.errors import CorruptError
from voxz.image.brick_cache import Brick, BrickCache, Kept
from voxz.image.gather import Piece, pieces
from voxz.io.packings import PACKINGS
from voxz.pipeline.decode import layout_of, repacked
from voxz.volume.layout import Layout


class RestoredParts:
    """Parts of the files of an archive; decoded bricks are kept in `kept`. Safe to use from several threads.

    Raises
    ------
    VoxzError, OSError
        The archive is damaged, or cannot be read.
    """

    def __init__(self, reader: Reader, kept: Kept, threads: int) -> None:
        self._reader, self._kept, self._threads = reader, kept, threads
        self._bricks = [BrickCache(array, kept) for array in reader.arrays]
        self.files: Sequence[StoredFile] = reader.files
        self.named = reader.files.named

    def size(self, number: int) -> int:
        """Bytes of a file; of the samples, where the archive is an array without a file."""
        return self.files[number].size if len(self.files) else only_array(self._reader).layout.nbytes

    def read(self, number: int, offset: int, size: int) -> bytes:
        """Bytes ``[offset, offset + size)`` of file `number`, as `decompress` gives it without gzip; fewer at its end."""
        if not len(self.files):
            array = only_array(self._reader)
            whole = Samples(0, 0, array.samples, array.layout.nbytes)
            return self._part(whole, 0, None, min(offset, whole.length), min(offset + size, whole.length))
        file, numbers = self.files[number], iter(self._reader.files.pieces_of(number))
        if file.gzip and file.gzip.before:
            next(numbers)
        found, at = [], 0
        for index, segment in enumerate(file.segments):
            piece = next(numbers) if isinstance(segment, Verbatim) or segment.how else None
            start, stop = max(offset - at, 0), min(offset + size - at, segment.length)
            if start < stop:
                found.append(self._part(segment, (number << 32) + index, piece, start, stop))
            at += segment.length
        return b"".join(found)

    def samples(self, array: int, first: int, count: int) -> NDArray[np.generic]:
        """Samples ``[first, first + count)`` of an array in memory order, in stored byte order."""
        layout = self._reader.arrays[array].layout
        shape = layout.canonical
        channels = max(1, shape[4])
        skip = first % channels
        start, stop = first // channels, -(-(first + count) // channels)
        found = [self._box(array, box).reshape(-1) for box in runs(start, stop, shape[:4])]
        return np.concatenate([np.empty(0, layout.dtype), *found], dtype=layout.dtype)[skip : skip + count]

    def _part(self, segment: Verbatim | Samples, key: int, piece: int | None, start: int, stop: int) -> bytes:
        how = b"" if piece is None else self._reader.piece(piece)
        if isinstance(segment, Verbatim) or start == stop:
            return how[start:stop]
        layout = layout_of(segment, self._reader)
        itemsize = layout.dtype.itemsize
        if segment.packing == PACKINGS["raw"] and not segment.view.split:
            if segment.length != segment.count * itemsize:
                raise CorruptError(f"{segment.count} samples of {itemsize} bytes are said to take {segment.length}")
            first, last = start // itemsize, -(-stop // itemsize)
            data = self.samples(segment.array, segment.first + first, last - first).tobytes()
            return data[start - first * itemsize : stop - first * itemsize]
        packed = self._kept.get(self, key)
        if packed is None:
            taken = segment
            data = repacked(taken, layout, lambda: self._all(taken, layout), how)
            packed = np.frombuffer(data, np.uint8)
            self._kept.add(self, key, packed)
        return bytes(packed[start:stop].data)

    def _all(self, segment: Samples, layout: Layout) -> NDArray[np.generic]:
        return self.samples(segment.array, segment.first, segment.count) if segment.count else np.empty(0, layout.dtype)

    def _box(self, number: int, box: tuple[range, ...]) -> NDArray[np.generic]:
        array = self._reader.arrays[number]
        result = np.empty((*map(len, box), array.layout.channels), array.layout.dtype)
        needed: dict[int, Piece] = {piece.number: piece for piece in pieces(array.grid, box)}

        def place(brick_number: int, brick: Brick) -> None:
            result[needed[brick_number].target] = needed[brick_number].of(brick)

        self._bricks[number].visit(list(needed), place, self._threads)
        return result


def runs(start: int, stop: int, shape: Sequence[int]) -> Iterator[tuple[range, ...]]:
    """Boxes that are ``[start, stop)`` of a C-ordered `shape` when they are put one behind the other."""
    if start >= stop:
        return
    if not shape:
        yield ()
        return
    stride = math.prod(shape[1:])
    first, last = start // stride, (stop - 1) // stride
    if start > first * stride or stop < (first + 1) * stride:
        end = min(stop, (first + 1) * stride)
        for rest in runs(start - first * stride, end - first * stride, shape[1:]):
            yield range(first, first + 1), *rest
        yield from runs(end, stop, shape)
        return
    whole = stop // stride
    yield range(first, whole), *map(range, shape[1:])
    if whole <= last:
        for rest in runs(0, stop - whole * stride, shape[1:]):
            yield range(whole, whole + 1), *rest
