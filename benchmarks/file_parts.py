"""A .voxz file taken apart, and put together again with sound lengths and checksums, however its parts were changed."""

import zlib
from dataclasses import dataclass, replace
from typing import Self

from voxz.container import packed_bytes
from voxz.container.cursor import Cursor
from voxz.container.header import CRC, MAGIC, PREFIX, VERSION, ArrayHeader, Entry, Front

FRONT_AT = PREFIX.size
ARRAYS_AT = FRONT_AT + Front.layout().size


@dataclass(frozen=True)
class FileParts:
    """Front, array headers as bytes, index, chunks of arrays, chunks of pieces as bytes, and the unpacked catalogue of a file."""

    front: Front
    arrays: bytes
    entries: tuple[Entry, ...]
    chunks: tuple[bytes, ...]
    pieces: bytes
    catalogue: bytes

    @classmethod
    def of(cls, blob: bytes) -> Self:
        """Take a sound file apart."""
        front = Front.unpack(blob[FRONT_AT:ARRAYS_AT])
        cursor = Cursor(blob[ARRAYS_AT : front.length - CRC.size])
        arrays = b"".join(ArrayHeader.unpack(cursor).pack() for _ in range(front.arrays))
        size = Entry.layout().size
        entries = tuple(Entry.unpack(cursor.take(size)) for _ in range(cursor.left // size))
        rest = Cursor(blob[front.length :])
        chunks = tuple(rest.take(entry.length) for entry in entries)
        pieces = rest.take(rest.left - front.catalogue_length)
        packed = rest.take(rest.left)
        return cls(
            front, arrays, entries, chunks, pieces, packed_bytes.unpack(packed, front.catalogue_raw_length) if packed else b""
        )

    @property
    def header(self) -> ArrayHeader:
        """Header of the first array."""
        return ArrayHeader.unpack(Cursor(self.arrays))

    def assembled(self) -> bytes:
        """A file of these parts. Entries keep their codecs, the front what is no length and no checksum."""
        index = b"".join(
            replace(entry, length=len(chunk), crc32=zlib.crc32(chunk)).pack()
            for entry, chunk in zip(self.entries, self.chunks, strict=True)
        )
        packed = packed_bytes.pack(self.catalogue) if self.catalogue else b""
        body = b"".join(self.chunks) + self.pieces + packed
        length = ARRAYS_AT + len(self.arrays) + len(index) + CRC.size
        front = replace(
            self.front,
            length=length,
            file_length=length + len(body),
            catalogue_length=len(packed),
            catalogue_raw_length=len(self.catalogue),
            catalogue_crc32=zlib.crc32(packed),
        )
        whole = PREFIX.pack(MAGIC, *VERSION) + front.pack() + self.arrays + index
        return whole + CRC.pack(zlib.crc32(whole)) + body
