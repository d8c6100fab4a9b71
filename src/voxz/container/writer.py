"""Writing a file: room for front, array headers and index first, then the chunks, then those over the room.

Chunks lie in the file in the order in which they are listed, so that an index entry is little more than a length and a checksum:
tables and bricks of each array, chunks of the stream of pieces, the catalogue.
"""

import zlib
from collections.abc import Sequence
from typing import BinaryIO

from voxz.container import packed_bytes
from voxz.container.catalogue import CatalogueBuilder
from voxz.container.header import CRC, MAGIC, PREFIX, VERSION, ArrayHeader, Entry, Front
from voxz.container.pieces import Chunk


def front_length(arrays: Sequence[ArrayHeader]) -> int:
    """Bytes before the first chunk."""
    headers = sum(len(array.pack()) for array in arrays)
    chunks = sum(array.tables + len(array.grid) for array in arrays)
    return PREFIX.size + Front.layout().size + headers + chunks * Entry.layout().size + CRC.size


class Writer:
    """Writes chunks to a seekable binary `file` whose arrays are to be those of `arrays`."""

    def __init__(self, file: BinaryIO, arrays: Sequence[ArrayHeader]) -> None:
        self._file = file
        self._front = front_length(arrays)
        self._entries = bytearray()
        self._end = self._front
        file.seek(self._end)

    def add(self, codec: int, payload: bytes) -> None:
        """Append a table or a brick of the next array."""
        self._entries += Entry(codec, zlib.crc32(payload), len(payload)).pack()
        self._write(payload)

    def add_pieces(self, pieces: int, raw_length: int, payload: bytes) -> Chunk:
        """Append a chunk of the stream of pieces, behind all arrays."""
        chunk = Chunk(pieces, raw_length, len(payload), zlib.crc32(payload), self._end)
        self._write(payload)
        return chunk

    def finish(self, arrays: Sequence[ArrayHeader], catalogue: CatalogueBuilder, files_sha256: bytes, within: bytes = b"") -> int:
        """Write catalogue, with a stream `within`, front and index; return the length of the file."""
        raw = catalogue.pack(within)
        payload = packed_bytes.pack(raw) if raw else b""
        self._write(payload)
        front = Front(self._front, self._end, len(payload), len(raw), zlib.crc32(payload), files_sha256, len(arrays))
        whole = PREFIX.pack(MAGIC, *VERSION) + front.pack() + b"".join(array.pack() for array in arrays) + self._entries
        assert len(whole) == self._front - CRC.size
        self._file.seek(0)
        self._file.write(whole + CRC.pack(zlib.crc32(whole)))
        self._file.flush()
        return self._end

    def _write(self, payload: bytes) -> None:
        self._file.write(payload)
        self._end += len(payload)
