"""A content as a gzip file without compression (RFC 1952, RFC 1951, 3.2.4), any part of which can be read without the rest."""

from collections.abc import Callable

HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
BLOCK = 65535
_BLOCK_HEADER, _TRAILER = 5, 8

Read = Callable[[int, int], bytes]
"""Bytes of the content: offset and size; fewer at its end."""


def stored_size(content_bytes: int) -> int:
    """Bytes of the gzip file."""
    blocks = max(1, -(-content_bytes // BLOCK))
    return len(HEADER) + blocks * _BLOCK_HEADER + content_bytes + _TRAILER


def read_stored(content: Read, content_bytes: int, crc32: int, offset: int, size: int) -> bytes:
    """Bytes ``[offset, offset + size)`` of the gzip file of a content with this CRC32; fewer at its end."""
    end = min(offset + size, stored_size(content_bytes))
    blocks = max(1, -(-content_bytes // BLOCK))
    found, at = [HEADER[offset:end]], max(offset, len(HEADER))
    stop = stored_size(content_bytes) - _TRAILER
    while at < min(end, stop):
        number, inside = divmod(at - len(HEADER), _BLOCK_HEADER + BLOCK)
        length = min(BLOCK, content_bytes - number * BLOCK)
        head = bytes([number == blocks - 1]) + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
        last = min(end - at + inside, _BLOCK_HEADER + length)
        skipped = max(inside, _BLOCK_HEADER)
        part = head[inside:last] + content(number * BLOCK + skipped - _BLOCK_HEADER, max(0, last - skipped))
        found.append(part)
        at += last - inside
    trailer = crc32.to_bytes(4, "little") + (content_bytes & 0xFFFFFFFF).to_bytes(4, "little")
    found.append(trailer[max(0, at - stop) : max(0, end - stop)])
    return b"".join(found)
