"""Samples to file and back, slab by slab, with the bricks of a slab on several threads.

Memory stays near two slabs and a few bricks whatever the file's size, and the bytes written do not depend on the
number of threads: bricks are coded independently and written in their order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.codecs.numbers import STORED
from voxz.codecs.stored import encode_bytes
from voxz.container.header import BRICK, COMPANION, HEAD, LOSS, TAIL, UNITS, Header, Loss
from voxz.container.loss_mark import mark
from voxz.container.writer import Writer, preamble_length
from voxz.pipeline.distortion import Tally, within
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.samples import Progress, Samples
from voxz.pipeline.slabs import bricks_of, grid_of, inside, slab_place
from voxz.threads import map_ordered
from voxz.volume.layout import Foreign


def code_brick(brick: NDArray[np.generic], plan: Plan) -> Coded:
    """Code a brick; a lossy one is decoded and measured, and coded losslessly should it break its bound."""
    return check_brick(brick, plan, code_blindly(brick, plan))


def code_blindly(brick: NDArray[np.generic], plan: Plan) -> Coded:
    """Code a brick, and no more: for its length."""
    return Coded(*registry.encode_brick(brick, plan.level, plan.codec, plan.fidelity), brick, Tally())


def check_brick(brick: NDArray[np.generic], plan: Plan, coded: Coded) -> Coded:
    """A brick that was coded blindly, decoded, measured and, should it break its bound, coded losslessly."""
    if not plan.lossy:
        return coded
    number, payload = coded.number, coded.payload
    decoded = registry.decode_brick(number, payload, brick.shape, brick.dtype)
    if not within(brick, decoded, plan.fidelity.bound):
        number, payload = registry.encode_brick(brick, plan.level)
        decoded = brick
    return Coded(number, payload, decoded, Tally.of(brick, decoded, plan.target.counts_background))


def encode_samples(
    samples: Samples,
    file: BinaryIO,
    plan: Plan,
    threads: int,
    progress: Progress | None = None,
    ready: Sequence[Coded] = (),
) -> tuple[Header, Loss | None]:
    """Code `samples` into the seekable `file`; return the header, and the record of losses, as written.

    If the bricks are `ready`, because settling the plan has coded them all, they are only written.
    """
    layout, foreign = samples.layout, samples.foreign
    grid = grid_of(layout, plan)
    header = Header.describe(layout, grid, foreign.format, plan.level, plan.target.number)
    writer = Writer(file, header)
    for kind, data in ((HEAD, foreign.head), (COMPANION, foreign.companion)):
        if data:
            writer.add(kind, STORED, len(data), encode_bytes(data))

    tally, decoded = Tally(), _Digests(foreign.head)
    coded = _coded(bricks_of(samples, grid), plan, threads, ready)
    done = 0
    for boxes in grid.slabs():
        shape, origin = slab_place(grid, boxes)
        slab = np.empty(shape if plan.lossy else (0,) * 5, layout.dtype)
        for box in boxes:
            brick = next(coded)
            writer.add(BRICK, brick.number, brick.decoded.nbytes, brick.payload)
            tally += brick.tally
            if plan.lossy:
                slab[inside(box, origin)] = brick.decoded
            done += brick.decoded.nbytes
            if progress:
                progress(done, layout.nbytes)
        decoded.add_samples(slab)
    tail, loss = samples.read_tail(), None
    if plan.lossy:
        loss = _loss(plan, tally)
        record = loss.pack()
        writer.add(LOSS, STORED, len(record), encode_bytes(record))
        if foreign.format != "array" and not plan.exact:
            tail += mark(header, loss)
    if tail:
        writer.add(TAIL, STORED, len(tail), encode_bytes(tail))
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
        plan.target.value,
        plan.fidelity.bound,
        tally.largest_error,
        tally.mean_square,
        tally.counted,
        tally.peak,
        plan.noise,
        UNITS[plan.target.unit],
        int(plan.target.counts_background),
    )


def _coded(bricks: Iterator[NDArray[np.generic]], plan: Plan, threads: int, ready: Sequence[Coded]) -> Iterator[Coded]:
    """Coded bricks in their order; where they are ready, the samples are only read past."""
    if ready:
        for _, coded in zip(bricks, ready, strict=True):
            yield coded
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
