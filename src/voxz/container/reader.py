"""Reading a file: its front is checked when it is opened, the catalogue when files are asked for, each chunk when it is read."""

import functools
import math
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.numbers import takes
from voxz.container import packed_bytes
from voxz.container.byte_source import SourceLike, byte_source
from voxz.container.catalogue import Catalogue
from voxz.container.cursor import Cursor
from voxz.container.header import CRC, MAGIC, PREFIX, VERSION, ArrayHeader, Entry, Front
from voxz.container.pieces import told_pieces, unpack_chunk
from voxz.errors import CorruptError, TruncatedError, UnsupportedError, UsageError
from voxz.volume.bricks import LARGEST_SLAB, Box

BATCH_BYTES = 32 << 20
"""Payloads of bricks that are read together."""

Decoder = Callable[[int, bytes, tuple[int, ...], np.dtype[np.generic]], NDArray[np.generic]]
"""Samples of a brick by codec, payload, shape and type."""

_ENTRY = np.dtype([("codec", "u1"), ("crc32", "<u4"), ("length", "<u4")])
"""A chunk in the index, as `header.Entry` has it."""

_EMPTY = b"".join(bytes([0]) for _ in range(19))
"""A catalogue without files."""


@dataclass(frozen=True)
class Place:
    """A chunk of an array: its codec, checksum and place in the file."""

    codec: int
    crc32: int
    offset: int
    length: int


class Reader:
    """A .voxz file: a path, a URL, bytes or a file object. Safe to use from several threads, unless its `decoder` is not.

    Attributes
    ----------
    version : of the format, as text
    arrays : the arrays of the file
    file_length : bytes of the file
    files_sha256 : see `header.files_digest`
    decoder : of its bricks; None for that of each codec

    Raises
    ------
    UnsupportedError
        It is not a .voxz file, or needs a newer version.
    TruncatedError, CorruptError
        It is damaged.
    """

    def __init__(self, source: SourceLike, decoder: "Decoder | None" = None) -> None:
        self._bytes, self.decoder = byte_source(source), decoder
        self._lock, self._users = threading.Lock(), 1
        self._chunk: tuple[int, list[bytes]] = -1, []
        try:
            self._read_front()
        except BaseException:
            self.close()
            raise

    def shared(self) -> "Reader":
        """The reader itself, for one more user: the file is closed when each of them has closed it, or forgotten it."""
        with self._lock:
            self._users += 1
        return self

    def close(self) -> None:
        """Close the file, unless others use it."""
        with self._lock:
            self._users -= 1
        if self._users <= 0:
            self._bytes.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, offset: int, length: int, crc32: int | None = None) -> bytes:
        """Bytes of the file, compared with a checksum if there is one."""
        part = self._bytes.read(offset, length)
        if len(part) != length:
            raise TruncatedError(f"the file ends at byte {self._bytes.size}, expected at least {offset + length}")
        if crc32 is not None and zlib.crc32(part) != crc32:
            raise CorruptError(f"the bytes at {offset} do not match their checksum")
        return part

    def read_many(self, ranges: list[tuple[int, int]]) -> list[bytes]:
        """Bytes of many ranges, in as few requests as can be."""
        return self._bytes.read_many(ranges)

    def _read_front(self) -> None:
        size, room = self._bytes.size, PREFIX.size + Front.layout().size
        start = self.read(0, min(size, room))
        if not MAGIC.startswith(start[: len(MAGIC)]) or not start:
            raise UnsupportedError(
                "not a .voxz file (it does not begin with the voxz signature)" if start else "the file is empty"
            )
        if size < room:
            raise TruncatedError(f"the file ends in its head: it has {size} bytes of at least {room}; copy the file again")
        _, major, minor = PREFIX.unpack(start[: PREFIX.size])
        self.version = f"{major}.{minor}"
        if major != VERSION[0]:
            raise UnsupportedError(f"file format {major}.{minor} needs a newer voxz; this one reads {VERSION[0]}.x")
        front = Front.unpack(start[PREFIX.size :])
        whole = self.read(0, max(room + CRC.size, front.length))[: front.length]
        if zlib.crc32(whole[: -CRC.size]) != CRC.unpack(whole[-CRC.size :].rjust(CRC.size))[0]:
            raise CorruptError("the front of the file does not match its checksum")
        self._front, self.file_length, self.files_sha256 = front, front.file_length, front.files_sha256
        if size < front.file_length:
            raise TruncatedError(f"the file is cut short: it has {size} of {front.file_length} bytes; copy the file again")
        if size > front.file_length:
            raise CorruptError(f"something was appended to the file: it has {size} bytes in place of {front.file_length}")
        self._read_arrays(Cursor(whole[room : -CRC.size]))

    def _read_arrays(self, cursor: Cursor) -> None:
        front, size = self._front, Entry.layout().size
        if front.arrays * size > front.length:
            raise CorruptError(f"the file announces {front.arrays} arrays, more than its front has room for")
        headers = [ArrayHeader.unpack(cursor) for _ in range(front.arrays)]
        counts = [header.tables + len(header.grid) for header in headers]
        if cursor.left != sum(counts) * size:
            raise CorruptError(f"the index has {cursor.left} bytes, expected {sum(counts)} chunks of {size}")
        index = np.frombuffer(cursor.take(cursor.left), _ENTRY)
        ends = front.length + np.cumsum(index["length"], dtype=np.int64)
        offsets = ends - index["length"]
        self._arrays_end = int(ends[-1]) if ends.size else front.length
        self._chunks_end = front.file_length - front.catalogue_length
        exact = front.catalogue_raw_length == 0
        if self._arrays_end > self._chunks_end or (exact and self._arrays_end != self._chunks_end):
            raise CorruptError(f"the chunks end at byte {self._arrays_end}, expected {self._chunks_end}")
        self.arrays: list[StoredArray] = []
        at = 0
        for header, count in zip(headers, counts, strict=True):
            self.arrays.append(StoredArray(self, len(self.arrays), header, index[at : at + count], offsets[at : at + count]))
            at += count

    @functools.cached_property
    def files(self) -> Catalogue:
        """The files that the archive restores."""
        front = self._front
        if not front.catalogue_raw_length:
            return Catalogue(_EMPTY, self._chunks_end)
        payload = self.read(self._chunks_end, front.catalogue_length, front.catalogue_crc32)
        catalogue = Catalogue(packed_bytes.unpack(payload, front.catalogue_raw_length), self._chunks_end)
        if self._chunks_end - catalogue.chunk_bytes != self._arrays_end:
            raise CorruptError(
                f"the chunks begin at byte {self._chunks_end - catalogue.chunk_bytes}, expected {self._arrays_end}"
            )
        catalogue.check_samples([array.samples for array in self.arrays])
        return catalogue

    def pieces(self, file: int) -> Iterator[bytes]:
        """Pieces of a file."""
        return map(self.piece, self.files.pieces_of(file))

    def piece(self, number: int) -> bytes:
        """A piece of the stream. The last chunk is kept, so that pieces in their order cost each chunk once."""
        chunk = int(np.searchsorted(self.files.chunk_start, number, "right")) - 1
        return self._pieces_of_chunk(chunk)[number - int(self.files.chunk_start[chunk])]

    def _pieces_of_chunk(self, number: int) -> list[bytes]:
        with self._lock:
            if self._chunk[0] != number:
                files = self.files
                held = slice(int(files.chunk_start[number]), int(files.chunk_start[number + 1]))
                lengths, counts = files.piece_lengths[held].tolist(), files.piece_counts[held].tolist()
                if files.within is not None:
                    self._chunk = number, told_pieces(files.within, lengths, counts)
                    return self._chunk[1]
                chunk = files.chunks[number]
                payload = self.read(chunk.offset, chunk.length, chunk.crc32)
                self._chunk = number, unpack_chunk(payload, chunk.raw_length, lengths, counts)
            return self._chunk[1]


class StoredArray:
    """An array of a file: its layout, and its bricks, which are read and decoded one by one.

    Attributes
    ----------
    reader, number : the file, and which of its arrays it is
    header, layout, grid : what it is, and how it is cut into bricks
    """

    def __init__(
        self, reader: Reader, number: int, header: ArrayHeader, index: NDArray[np.void], offsets: NDArray[np.int64]
    ) -> None:
        self.reader, self.number, self.header = reader, number, header
        self.layout, self.grid = header.layout, header.grid
        self._index, self._offsets = index, offsets
        slab = self.grid.slab_voxels() * self.layout.dtype.itemsize
        if slab > LARGEST_SLAB:
            raise CorruptError(f"the bricks need {slab} bytes at once, expected at most {LARGEST_SLAB}")
        for codec in sorted(set(index["codec"][header.tables :].tobytes())):
            if not takes(codec, self.layout.dtype):
                raise CorruptError(f"codec {codec} does not take samples of type {self.layout.dtype}")

    @property
    def samples(self) -> int:
        """Number of samples, channels counted one by one."""
        return self.layout.nbytes // self.layout.dtype.itemsize

    @functools.cached_property
    def bricks(self) -> "Places":
        """Where the bricks lie in the file."""
        return Places(self._index, self._offsets, self.header.tables)

    @functools.cached_property
    def boxes(self) -> list[Box]:
        """Where the bricks lie in the array."""
        return [box for slab in self.grid.slabs() for box in slab]

    def table(self, number: int) -> bytes:
        """Payload of a table that bricks refer to."""
        place = Places(self._index[: self.header.tables], self._offsets, 0)[number]
        return self.reader.read(place.offset, place.length, place.crc32)

    def batches(self, numbers: Sequence[int]) -> Iterator[list[tuple[int, bytes]]]:
        """Bricks with their payloads, not checked (`brick` does that): as many as `BATCH_BYTES` allow are read together."""
        first, size = 0, 0
        for last, number in enumerate([*numbers, None], 1):
            length = 0 if number is None else self.bricks[number].length
            if last - 1 > first and (number is None or size + length > BATCH_BYTES):
                batch = numbers[first : last - 1]
                entries = [self.bricks[member] for member in batch]
                payloads = self.reader.read_many([(entry.offset, entry.length) for entry in entries])
                yield list(zip(batch, payloads, strict=True))
                first, size = last - 1, 0
            size += length

    def samples_of(self, numbers: Iterable[int]) -> int:
        """Samples of some bricks."""
        boxes = (self.boxes[number] for number in numbers)
        return sum(math.prod(brick_shape(box, self.layout.channels)) for box in boxes)

    def front(self, number: int, length: int) -> bytes:
        """First bytes of the payload of a brick, not checked."""
        place = self.bricks[number]
        return self.reader.read(place.offset, min(place.length, length))

    def brick(self, number: int, decode: Decoder | None = None, payload: bytes | None = None) -> NDArray[np.generic]:
        """Samples ``(series, z, y, x, channels)`` of a brick, in native byte order, or what else `decode` makes of it.

        Its `payload` is read unless it is given.
        """
        place = self.bricks[number]
        payload = self._checked(place, payload)
        return (decode or self.reader.decoder or _usual_decoder())(
            place.codec, payload, brick_shape(self.boxes[number], self.layout.channels), self.layout.dtype.newbyteorder("=")
        )

    def _checked(self, place: "Place", payload: bytes | None) -> bytes:
        """Payload of a chunk, read unless it is given, and compared with its checksum."""
        payload = self.reader.read(place.offset, place.length) if payload is None else payload
        if len(payload) != place.length:
            raise TruncatedError(f"the file ends before byte {place.offset + place.length}; copy it again")
        if zlib.crc32(payload) != place.crc32:
            raise CorruptError(f"the bytes at {place.offset} do not match their checksum")
        return payload


def _usual_decoder() -> Decoder:
    from voxz.codecs import native  # noqa: PLC0415 - start-up time

    if native.asked_for():
        return native.decode_brick
    from voxz.codecs.registry import decode_brick  # noqa: PLC0415 - start-up time

    return decode_brick


class Places(Sequence[Place]):
    """Places of chunks, kept as columns."""

    def __init__(self, index: NDArray[np.void], offsets: NDArray[np.int64], first: int) -> None:
        self._index, self._offsets = index[first:], offsets[first:]

    def __len__(self) -> int:
        return int(self._index.size)

    def __getitem__(self, number: int) -> Place:  # type: ignore[override]  # no slices
        codec, crc32, length = self._index[number].item()
        return Place(codec, crc32, int(self._offsets[number]), length)


def only_array(reader: Reader) -> StoredArray:
    """The array of a file that has one; `UsageError` for others."""
    if len(reader.arrays) != 1:
        what = (
            f"an archive of {len(reader.arrays)} volumes; choose one: series[0] to series[{len(reader.arrays) - 1}]"
            if reader.arrays
            else "an archive without any volume"
        )
        raise UsageError(f"this is {what}")
    return reader.arrays[0]


def brick_shape(box: Box, channels: int) -> tuple[int, ...]:
    """Shape of the samples of the brick at `box`."""
    return (*(part.stop - part.start for part in box), channels)
