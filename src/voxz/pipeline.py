"""Samples to file and back, slab by slab, with the bricks of a slab on several threads.

Memory stays near two slabs and a few bricks whatever the file's size, and the bytes written do not depend on the
number of threads: bricks are coded independently and written in their order.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from voxz import codecs
from voxz.bricks import Box, Grid
from voxz.codecs.stored import encode_bytes
from voxz.container.header import BRICK, COMPANION, HEAD, TAIL, Header
from voxz.container.reader import Reader, brick_shape
from voxz.container.writer import Writer
from voxz.errors import CorruptError
from voxz.parallel import map_ordered
from voxz.volume import Foreign, Layout

Progress = Callable[[int, int], None]
"""Called with the bytes of samples done and their total."""


class Samples(Protocol):
    """Where samples come from, in memory order, and what lay around them."""

    layout: Layout
    foreign: Foreign

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes."""

    def read_tail(self) -> bytes:
        """Return what follows the samples."""

    def gzip_level(self) -> int | None:
        """Return the level at which canonical gzip gives the very original, or None."""

    def checksums(self) -> tuple[bytes, bytes]:
        """Return the SHA-256 of the samples and of the whole uncompressed data file."""


def write(
    samples: Samples,
    file: BinaryIO,
    level: int,
    codec: str | None,
    threads: int,
    progress: Progress | None = None,
) -> Header:
    """Code `samples` into the seekable `file`; return the header as written."""
    layout, foreign = samples.layout, samples.foreign
    grid = Grid.choose(layout.canonical, layout.dtype.itemsize)
    header = Header.describe(layout, grid, foreign.format, level)
    writer = Writer(file, header.chunks)
    for kind, data in ((HEAD, foreign.head), (COMPANION, foreign.companion)):
        if data:
            writer.add(kind, codecs.STORED, len(data), encode_bytes(data))

    def code(brick: NDArray[np.generic]) -> tuple[int, bytes, int]:
        return (*codecs.encode_brick(brick, level, codec), brick.nbytes)

    done = 0
    for number, payload, length in map_ordered(code, _bricks(samples, grid), threads):
        writer.add(BRICK, number, length, payload)
        done += length
        if progress:
            progress(done, layout.nbytes)
    tail = samples.read_tail()
    if tail:
        writer.add(TAIL, codecs.STORED, len(tail), encode_bytes(tail))
    exact = samples.gzip_level()
    sums = samples.checksums()
    return writer.finish(
        replace(
            header,
            gzip_level=(exact or 6) if foreign.gzipped else 0,
            gzip_identical=int(exact is not None),
            samples_sha256=sums[0],
            original_sha256=sums[1],
        )
    )


def _bricks(samples: Samples, grid: Grid) -> Iterator[NDArray[np.generic]]:
    """Native-endian copies of all bricks, slab by slab."""
    layout = samples.layout
    for boxes in grid.slabs():
        shape, origin = _slab(grid, boxes)
        size = math.prod(shape) * layout.dtype.itemsize
        slab = np.frombuffer(samples.read_samples(size), layout.dtype).reshape(shape)
        for box in boxes:
            brick = slab[_inside(box, origin)]
            yield np.ascontiguousarray(brick, layout.dtype.newbyteorder("="))


def _slab(grid: Grid, boxes: list[Box]) -> tuple[tuple[int, ...], list[int]]:
    """Return the shape of the slab that `boxes` fill, and the position of its first voxel."""
    box = grid.slab_box(boxes)
    return brick_shape(box, grid.shape[4]), [part.start for part in box]


def _inside(box: Box, origin: list[int]) -> Box:
    """Return `box` relative to the slab's first voxel."""
    moved = (slice(part.start - first, part.stop - first) for part, first in zip(box, origin, strict=True))
    a, b, c, d = moved
    return a, b, c, d


def slabs(reader: Reader, threads: int) -> Iterator[NDArray[np.generic]]:
    """Decode all samples: arrays in memory order and stored byte order, one slab after the other."""
    layout = reader.layout
    decoded = map_ordered(reader.brick, range(len(reader.bricks)), threads)
    for boxes in reader.grid.slabs():
        shape, origin = _slab(reader.grid, boxes)
        slab = np.empty(shape, layout.dtype)
        for box in boxes:
            slab[_inside(box, origin)] = next(decoded)
        yield slab


def restore(reader: Reader, sink: BinaryIO | None, threads: int, progress: Progress | None = None) -> None:
    """Decode the original data file into `sink` (None: nowhere) and compare it with its checksums.

    A companion is decoded, which checks it, but not written.

    Raises
    ------
    CorruptError
        What was decoded is not what was compressed.
    """
    samples, original = hashlib.sha256(), hashlib.sha256()

    def put(data: bytes | memoryview) -> None:
        original.update(data)
        if sink is not None:
            sink.write(data)

    reader.foreign_bytes(COMPANION)
    put(reader.foreign_bytes(HEAD))
    done = 0
    for slab in slabs(reader, threads):
        data = memoryview(slab.reshape(-1).view(np.uint8).data)
        samples.update(data)
        put(data)
        done += slab.nbytes
        if progress:
            progress(done, reader.layout.nbytes)
    put(reader.foreign_bytes(TAIL))
    if samples.digest() != reader.header.samples_sha256 or original.digest() != reader.header.original_sha256:
        raise CorruptError("what was decoded does not match the SHA-256 of the original; do not use it")
