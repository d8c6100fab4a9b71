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
from voxz.container.header import BRICK, COMPANION, HEAD, LOSS, TAIL, Header, Loss
from voxz.container.marks import mark
from voxz.container.reader import Reader, brick_shape
from voxz.container.writer import Writer, preamble_length
from voxz.errors import CorruptError
from voxz.parallel import map_ordered
from voxz.plan import Coded, Plan
from voxz.tally import Tally, within
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


def code_brick(brick: NDArray[np.generic], plan: Plan) -> Coded:
    """Code a brick; a lossy one is decoded and measured, and coded losslessly should it break its bound."""
    return check_brick(brick, plan, code_blindly(brick, plan))


def code_blindly(brick: NDArray[np.generic], plan: Plan) -> Coded:
    """Code a brick, and no more: for its length."""
    return Coded(*codecs.encode_brick(brick, plan.level, plan.codec, plan.fidelity, plan.wavelet.given()), brick, Tally())


def check_brick(brick: NDArray[np.generic], plan: Plan, coded: Coded) -> Coded:
    """A brick that was coded blindly, decoded, measured and, should it break its bound, coded losslessly."""
    if not plan.lossy:
        return coded
    number, payload = coded.number, coded.payload
    decoded = codecs.decode_brick(number, payload, brick.shape, brick.dtype)
    if not within(brick, decoded, plan.fidelity.bound):
        number, payload = codecs.encode_brick(brick, plan.level)
        decoded = brick
    return Coded(number, payload, decoded, Tally.of(brick, decoded, plan.count_background))


def write(
    samples: Samples, file: BinaryIO, plan: Plan, threads: int, progress: Progress | None = None
) -> tuple[Header, Loss | None]:
    """Code `samples` into the seekable `file`; return the header, and the record of losses, as written."""
    layout, foreign = samples.layout, samples.foreign
    grid = grid_of(layout, plan)
    header = Header.describe(layout, grid, foreign.format, plan.level, plan.target)
    writer = Writer(file, header)
    for kind, data in ((HEAD, foreign.head), (COMPANION, foreign.companion)):
        if data:
            writer.add(kind, codecs.STORED, len(data), encode_bytes(data))

    tally, decoded = Tally(), _Digests(foreign.head)
    coded = _coded(bricks_of(samples, grid), plan, threads)
    done = 0
    for boxes in grid.slabs():
        shape, origin = _slab(grid, boxes)
        slab = np.empty(shape if plan.lossy else (0,) * 5, layout.dtype)
        for box in boxes:
            brick = next(coded)
            writer.add(BRICK, brick.number, brick.decoded.nbytes, brick.payload)
            tally += brick.tally
            if plan.lossy:
                slab[_inside(box, origin)] = brick.decoded
            done += brick.decoded.nbytes
            if progress:
                progress(done, layout.nbytes)
        decoded.add_samples(slab)
    tail, loss = samples.read_tail(), None
    if plan.lossy:
        loss = _loss(plan, tally)
        record = loss.pack()
        writer.add(LOSS, codecs.STORED, len(record), encode_bytes(record))
        if foreign.format != "array" and not plan.exact:
            tail += mark(header, loss)
    if tail:
        writer.add(TAIL, codecs.STORED, len(tail), encode_bytes(tail))
    exact = samples.gzip_level()
    sums = decoded.finish(tail) if plan.lossy else samples.checksums()
    header = replace(
        header,
        gzip_level=(exact or 6) if foreign.gzipped else 0,
        gzip_identical=int(exact is not None and plan.exact),
        samples_sha256=sums[0],
        original_sha256=sums[1],
    )
    return writer.finish(header), loss


def around(plan: Plan, header: Header, foreign: Foreign, tail: bytes, tally: Tally) -> int:
    """Bytes of a lossy file that are not bricks."""
    loss = _loss(plan, tally)
    if foreign.format != "array" and not plan.exact:
        tail += mark(header, loss)
    parts = (foreign.head, foreign.companion, loss.pack(), tail)
    return preamble_length(header.chunks) + sum(len(encode_bytes(part)) for part in parts if part)


def _loss(plan: Plan, tally: Tally) -> Loss:
    """The record of what was promised and measured."""
    return Loss(
        plan.asked, plan.fidelity.bound, tally.largest_error, tally.mean_square, tally.counted, tally.peak, plan.noise,
        plan.unit, int(plan.count_background),
    )  # fmt: skip


def _coded(bricks: Iterator[NDArray[np.generic]], plan: Plan, threads: int) -> Iterator[Coded]:
    """Coded bricks in their order; those that are ready only have to be passed by."""
    if plan.ready:
        for _, ready in zip(bricks, plan.ready, strict=True):
            yield ready
        return
    yield from map_ordered(lambda brick: code_brick(brick, plan), bricks, threads)


class _Digests:
    """SHA-256 of the samples and of the whole file that decompression gives."""

    def __init__(self, head: bytes) -> None:
        self._samples, self._file = hashlib.sha256(), hashlib.sha256(head)

    def add_samples(self, slab: NDArray[np.generic]) -> None:
        data = slab.reshape(-1).view(np.uint8).data
        self._samples.update(data)
        self._file.update(data)

    def finish(self, tail: bytes) -> tuple[bytes, bytes]:
        self._file.update(tail)
        return self._samples.digest(), self._file.digest()


def grid_of(layout: Layout, plan: Plan) -> Grid:
    """Bricks of a volume."""
    if plan.codec == "siren":
        return Grid.coarsest(layout.canonical, layout.dtype.itemsize)
    return Grid.choose(layout.canonical, layout.dtype.itemsize, large=plan.codec == "wavelet")


def bricks_of(samples: Samples, grid: Grid) -> Iterator[NDArray[np.generic]]:
    """Native-endian copies of all bricks, slab by slab."""
    for boxes, slab in slabs_of(samples, grid):
        _, origin = _slab(grid, boxes)
        for box in boxes:
            yield np.ascontiguousarray(slab[_inside(box, origin)], slab.dtype.newbyteorder("="))


def slabs_of(samples: Samples, grid: Grid) -> Iterator[tuple[list[Box], NDArray[np.generic]]]:
    """Read all samples once: the bricks of each slab, and its samples ``(series, z, y, x, channels)`` in stored byte order."""
    layout = samples.layout
    for boxes in grid.slabs():
        shape, _ = _slab(grid, boxes)
        size = math.prod(shape) * layout.dtype.itemsize
        yield boxes, np.frombuffer(samples.read_samples(size), layout.dtype).reshape(shape)


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
