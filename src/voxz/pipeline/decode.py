"""A file back to samples, slab by slab, with the bricks of a slab on several threads."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.container.header import COMPANION, HEAD, TAIL
from voxz.container.reader import Reader
from voxz.errors import CorruptError
from voxz.pipeline.samples import Progress
from voxz.pipeline.slabs import inside, slab_place
from voxz.threads import map_ordered


def slabs(reader: Reader, threads: int) -> Iterator[NDArray[np.generic]]:
    """Decode all samples: arrays in memory order and stored byte order, one slab after the other."""
    layout = reader.layout
    decoded = map_ordered(reader.brick, range(len(reader.bricks)), threads)
    for boxes in reader.grid.slabs():
        shape, origin = slab_place(reader.grid, boxes)
        slab = np.empty(shape, layout.dtype)
        for box in boxes:
            slab[inside(box, origin)] = next(decoded)
        yield slab


def restore(reader: Reader, sink: BinaryIO | None, threads: int, progress: Progress | None = None) -> None:
    """Decode the original data file into `sink` (None: nowhere) and compare it with its checksums.

    All other parts are checked too; a companion is decoded but not written.

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

    reader.check_parts()
    for _ in reader.foreign_pieces(COMPANION):
        pass
    for piece in reader.foreign_pieces(HEAD):
        put(piece)
    done = 0
    for slab in slabs(reader, threads):
        data = memoryview(slab.reshape(-1).view(np.uint8).data)
        samples.update(data)
        put(data)
        done += slab.nbytes
        if progress:
            progress(done, reader.layout.nbytes)
    for piece in reader.foreign_pieces(TAIL):
        put(piece)
    if samples.digest() != reader.header.samples_sha256 or original.digest() != reader.header.original_sha256:
        raise CorruptError("what was decoded does not match the SHA-256 of the original; do not use it")
