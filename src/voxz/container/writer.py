"""Writing a file: room for header and index first, then the chunks, then header and index over the room."""

import struct
import zlib
from dataclasses import replace
from typing import BinaryIO

from voxz.container.header import BRICK, Entry, Header, fixed_chunks

MAGIC = b"\xf6VOXZ\r\n\x1a"
VERSION = (1, 0)
PREFIX = struct.Struct("<8sHHI")
CRC = struct.Struct("<I")


def preamble_length(chunks: int) -> int:
    """Bytes of prefix, header, index and their checksums."""
    return PREFIX.size + Header.layout().size + CRC.size + chunks * Entry.layout().size + CRC.size


class Writer:
    """Writes chunks to a seekable binary `file`, bricks in their order."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file = file
        self._fixed = {kind: Entry(kind, 0, 0, 0, 0, 0, 0) for kind in fixed_chunks(header.target)}
        self._bricks: list[Entry] = []
        self._end = preamble_length(header.chunks)
        file.seek(self._end)

    def add(self, kind: int, codec: int, raw_length: int, payload: bytes) -> None:
        """Append a chunk."""
        entry = Entry(kind, codec, 0, zlib.crc32(payload), self._end, len(payload), raw_length)
        if kind == BRICK:
            self._bricks.append(entry)
        else:
            self._fixed[kind] = entry
        self._file.write(payload)
        self._end += len(payload)

    def finish(self, header: Header) -> Header:
        """Write header and index; return the header as written."""
        entries = [*self._fixed.values(), *self._bricks]
        assert len(entries) == header.chunks
        header = replace(header, file_length=self._end)
        body = header.pack()
        front = PREFIX.pack(MAGIC, *VERSION, len(body)) + body
        index = b"".join(entry.pack() for entry in entries)
        self._file.seek(0)
        self._file.write(front + CRC.pack(zlib.crc32(front)) + index + CRC.pack(zlib.crc32(index)))
        self._file.flush()
        return header
