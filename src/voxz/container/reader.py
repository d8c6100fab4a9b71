"""Reading a file: header and index are checked when it is opened, each chunk when it is read."""

import math
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.codecs.numbers import STORED
from voxz.codecs.stored import decode_bytes
from voxz.container.byte_source import SourceLike, byte_source
from voxz.container.header import ANCILLARY, BRICK, LOSS, UNITS, Entry, Header, Loss, fixed_chunks
from voxz.container.writer import CRC, MAGIC, PREFIX, VERSION, preamble_length
from voxz.errors import CorruptError, LimitError, TruncatedError, UnsupportedError
from voxz.volume.bricks import LARGEST_SLAB, Box, Grid

_LARGEST_PART = 1 << 31

BATCH_BYTES = 32 << 20
"""Payloads of bricks that are read together."""

Decoder = Callable[[int, bytes, tuple[int, ...], np.dtype[np.generic]], NDArray[np.generic]]
"""Samples of a brick by codec, payload, shape and type."""


class Reader:
    """A .voxz file: a path, a URL, bytes or a file object. Safe to use from several threads.

    Raises
    ------
    UnsupportedError
        It is not a .voxz file, or needs a newer version.
    TruncatedError, CorruptError
        It is damaged.
    """

    def __init__(self, source: SourceLike) -> None:
        self._bytes = byte_source(source)
        self._size = self._bytes.size
        try:
            self.header = self._read_header()
            self.layout = self.header.layout_of_samples()
            self.grid = Grid(self.layout.canonical, self.header.extent)
            self._read_index()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, offset: int, length: int) -> bytes:
        part = self._bytes.read(offset, length)
        if len(part) != length:
            raise TruncatedError(f"the file ends at byte {self._size}, expected at least {offset + length}")
        return part

    def _read_header(self) -> Header:
        size = self._size
        start = self._read(0, min(size, PREFIX.size))
        if not MAGIC.startswith(start[: len(MAGIC)]) or not start:
            raise UnsupportedError(
                "not a .voxz file (it does not begin with the voxz signature)" if start else "the file is empty"
            )
        if size < PREFIX.size:
            raise TruncatedError(f"got {size} bytes, expected at least {PREFIX.size}")
        _, major, minor, length = PREFIX.unpack(start)
        self.version = f"{major}.{minor}"
        if major != VERSION[0]:
            raise UnsupportedError(f"file format {major}.{minor} needs a newer voxz; this one reads {VERSION[0]}.x")
        if length != Header.layout().size:
            raise CorruptError(f"the header announces {length} bytes, expected {Header.layout().size}")
        front = self._read(0, PREFIX.size + length)
        (crc,) = CRC.unpack(self._read(len(front), CRC.size))
        if zlib.crc32(front) != crc:
            raise CorruptError("the header does not match its checksum")
        header = Header.unpack(front[PREFIX.size :])
        if size < header.file_length:
            raise TruncatedError(f"got {size} bytes, expected {header.file_length}; copy the file again")
        if size > header.file_length:
            raise CorruptError(f"got {size} bytes, expected {header.file_length}: something was appended")
        return header

    def _read_index(self) -> None:
        count = self.header.chunks
        fixed = fixed_chunks(self.header.target)
        expected = len(fixed) + len(self.grid)
        slab = self.grid.slab_voxels() * self.layout.dtype.itemsize
        if slab > LARGEST_SLAB:
            raise CorruptError(f"the bricks need {slab} bytes at once, expected at most {LARGEST_SLAB}")
        if count < expected or preamble_length(count) > self.header.file_length:
            raise CorruptError(f"the index has {count} chunks, expected {expected}")
        length = count * Entry.layout().size
        end = preamble_length(count)
        index = self._read(end - CRC.size - length, length + CRC.size)
        index, (crc,) = index[:length], CRC.unpack(index[length:])
        if zlib.crc32(index) != crc:
            raise CorruptError("the index does not match its checksum")
        size = Entry.layout().size
        entries = [Entry.unpack(index[at : at + size]) for at in range(0, length, size)]
        for entry in sorted((e for e in entries if e.length), key=lambda e: e.offset):
            if entry.offset != end:
                raise CorruptError(f"a chunk begins at byte {entry.offset}, expected {end}")
            end += entry.length
        if end != self.header.file_length:
            raise CorruptError(f"the chunks end at byte {end}, expected {self.header.file_length}")
        unknown = [e.kind for e in entries if e.kind not in (BRICK, *fixed) and e.kind < ANCILLARY]
        if unknown:
            raise UnsupportedError(f"the file has a part of kind {unknown[0]} that needs a newer voxz")
        self.bricks = [entry for entry in entries if entry.kind == BRICK]
        self._fixed = {entry.kind: entry for entry in entries if entry.kind in fixed}
        if [sum(e.kind == kind for e in entries) for kind in (BRICK, *fixed)] != [len(self.grid), *(1 for _ in fixed)]:
            raise CorruptError(f"the index has {len(self.bricks)} bricks, expected {len(self.grid)}, and one of each other part")
        self.boxes = [box for slab in self.grid.slabs() for box in slab]

    def _payload(self, entry: Entry, payload: bytes | None = None) -> bytes:
        payload = self._read(entry.offset, entry.length) if payload is None else payload
        if len(payload) != entry.length:
            raise TruncatedError(f"the file ends before byte {entry.offset + entry.length}; copy it again")
        if zlib.crc32(payload) != entry.crc32:
            raise CorruptError(f"the bytes at {entry.offset} do not match their checksum")
        return payload

    def foreign_bytes(self, kind: int) -> bytes:
        """Bytes of a part that is no brick: HEAD, COMPANION, TAIL or LOSS."""
        entry = self._fixed[kind]
        if entry.raw_length > _LARGEST_PART:
            raise LimitError(f"a part of the foreign file has {entry.raw_length} bytes, the limit is {_LARGEST_PART}")
        if entry.codec != STORED:
            raise UnsupportedError(f"a part of the foreign file uses codec {entry.codec}; a newer voxz is needed")
        return decode_bytes(self._payload(entry), entry.raw_length) if entry.length else b""

    def loss(self) -> Loss | None:
        """What a lossy file promises; None if it is lossless."""
        if LOSS not in self._fixed:
            return None
        data = self.foreign_bytes(LOSS)
        if len(data) != Loss.layout().size:
            raise CorruptError(f"the record of losses has {len(data)} bytes, expected {Loss.layout().size}")
        loss = Loss.unpack(data)
        if loss.unit >= len(UNITS) or loss.counts_background > 1:
            raise CorruptError(f"impossible values in the record of losses: {loss.unit}, {loss.counts_background}")
        return loss

    def batches(self, numbers: Sequence[int]) -> Iterator[list[tuple[int, bytes]]]:
        """Bricks with their payloads, not checked (`brick` does that): as many as `BATCH_BYTES` allow are read together."""
        first, size = 0, 0
        for last, number in enumerate([*numbers, None], 1):
            length = 0 if number is None else self.bricks[number].length
            if last - 1 > first and (number is None or size + length > BATCH_BYTES):
                batch = numbers[first : last - 1]
                entries = [self.bricks[member] for member in batch]
                payloads = self._bytes.read_many([(entry.offset, entry.length) for entry in entries])
                yield list(zip(batch, payloads, strict=True))
                first, size = last - 1, 0
            size += length

    def front(self, number: int, length: int) -> bytes:
        """First bytes of the payload of a brick, not checked."""
        entry = self.bricks[number]
        return self._read(entry.offset, min(entry.length, length))

    def brick(self, number: int, decode: Decoder = registry.decode_brick, payload: bytes | None = None) -> NDArray[np.generic]:
        """Samples ``(series, z, y, x, channels)`` of a brick, in native byte order, or what else `decode` makes of it.

        Its `payload` is read unless it is given.
        """
        entry, box = self.bricks[number], self.boxes[number]
        shape = brick_shape(box, self.layout.channels)
        dtype = self.layout.dtype.newbyteorder("=")
        if entry.raw_length != math.prod(shape) * dtype.itemsize:
            raise CorruptError(f"brick {number} announces {entry.raw_length} bytes, which does not fit its shape {shape}")
        return decode(entry.codec, self._payload(entry, payload), shape, dtype)


def brick_shape(box: Box, channels: int) -> tuple[int, ...]:
    """Shape of the samples of the brick at `box`."""
    return (*(part.stop - part.start for part in box), channels)
