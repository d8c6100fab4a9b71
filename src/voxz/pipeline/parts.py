"""Bricks of a volume that several workers code, each some of them into a file of its own, and that one of them joins.

::

    worker 1: bricks [0, n)  -> decoded, compared -> part 1 --+
    worker 2: bricks [n, m)  -> decoded, compared -> part 2 --+--> join: same bytes as if one had coded all

A part says which file, level and options it is of, and of each brick the codec's number, the payload, and the SHA-256 of both and
of its samples. The worker that joins reads the file again, and takes a brick where the digest is that of the samples it reads;
what is missing, damaged or of another file it codes itself. So parts save time, and nothing depends on them. Verification takes
the samples of such a brick for decoded if the payload on the disk is the very one that its worker decoded.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.container.reader import Decoder
from voxz.errors import CorruptError
from voxz.pipeline.distortion import Tally
from voxz.pipeline.encode import code_brick
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.samples import Samples
from voxz.pipeline.slabs import bricks_of, grid_of

_BRICK = struct.Struct("<32s32sBQ")

_Stored = tuple[bytes, bytes, int, bytes]
"""Of a brick: the SHA-256 of its samples, that of codec and payload, the number of its codec, its payload."""


def part_key(stamp: str, plan: Plan) -> bytes:
    """What a part is of: the state of a file, and how its bricks are coded."""
    return hashlib.sha256(f"{stamp}\0{plan!r}".encode()).digest()


def code_part(samples: Samples, plan: Plan, bricks: range, key: bytes, file: BinaryIO) -> None:
    """Code some bricks of a volume without loss into a part, each decoded and compared.

    `CorruptError` if one does not come back.
    """
    file.write(key)
    for brick in islice(bricks_of(samples, grid_of(samples.layout, plan)), bricks.start, bricks.stop):
        coded = code_brick(brick, plan)
        decoded = registry.decode_brick(coded.number, coded.payload, brick.shape, brick.dtype)
        digest = _digest(brick)
        if _digest(decoded) != digest:
            raise CorruptError("a brick does not decode to what it was made of; this is a fault of voxz or of this machine")
        number, payload = coded.number, coded.payload
        file.write(_BRICK.pack(digest, _mark(number, payload), number, len(payload)) + payload)


def brick_count(samples: Samples, plan: Plan) -> int:
    """Bricks of a volume."""
    return sum(map(len, grid_of(samples.layout, plan).slabs()))


@dataclass(frozen=True)
class Parts:
    """The parts of one volume, in the order of their bricks: their paths, how many bricks are in each, and what they are of."""

    paths: Sequence[Path]
    counts: Sequence[int]
    key: bytes

    def joiner(self, plan: Plan) -> "Joiner":
        """Gives the bricks of the parts, and codes those that are in none."""
        return Joiner(self._bricks(), plan)

    def _bricks(self) -> Iterator[_Stored | None]:
        for path, count in zip(self.paths, self.counts, strict=True):
            found = _stored(path, self.key)
            for _ in range(count):
                yield next(found, None)

    def remove(self) -> None:
        """Delete them."""
        for path in self.paths:
            path.unlink(missing_ok=True)


class Joiner:
    """A `Coder` of all bricks of a volume, from what parts hold of them; then it knows which payloads need no decoding."""

    def __init__(self, stored: Iterator[_Stored | None], plan: Plan) -> None:
        self._stored, self._plan = stored, plan
        self._proven: dict[bytes, bytes] = {}

    def __call__(self, bricks: Iterator[NDArray[np.generic]]) -> Iterator[Coded]:
        """The bricks as they were coded, or code them."""
        return map(self._brick, bricks)

    def _brick(self, brick: NDArray[np.generic]) -> Coded:
        """A brick as it was coded, or code it."""
        found = next(self._stored, None)
        if found is None or found[0] != _digest(brick):
            return code_brick(brick, self._plan)
        digest, mark, number, payload = found
        self._proven[mark] = digest
        return Coded(number, payload, brick, Tally())

    def decoder(self, samples: Samples) -> Decoder:
        """Decodes the bricks of a file, one after the other; `samples` are those of the volume, read once more."""
        bricks = bricks_of(samples, grid_of(samples.layout, self._plan))

        def decode(number: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.generic]:
            brick = next(bricks, None)
            if brick is not None and self._proven.get(_mark(number, payload)) == _digest(brick):
                return brick
            return registry.decode_brick(number, payload, shape, dtype)

        return decode


def _stored(path: Path, key: bytes) -> Iterator[_Stored]:
    """Bricks of a part as far as it is whole; none if it is missing or of something else."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        size = path.stat().st_size
        if file.read(len(key)) != key:
            return
        while len(head := file.read(_BRICK.size)) == _BRICK.size:
            digest, mark, number, length = _BRICK.unpack(head)
            payload = file.read(length) if length <= size - file.tell() else b""
            if _mark(number, payload) != mark:
                return
            yield digest, mark, number, payload


def _digest(brick: NDArray[np.generic]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(brick).reshape(-1).view(np.uint8).data).digest()


def _mark(number: int, payload: bytes) -> bytes:
    return hashlib.sha256(bytes([number]) + payload).digest()
