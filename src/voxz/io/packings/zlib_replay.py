"""Deflate streams made again from their content and the options of zlib that made them, part by part.

Four kinds of streams are told apart:

* by one compressor: level, memory level, strategy and window;
* in blocks, as pigz makes them: each of 128 kB is compressed alone, knowing the 32 kB before it or, with ``pigz -i``, nothing.
  The few bytes that pad a block to a whole byte are kept;
* stored, without compression: the lengths of the blocks;
* by `libdeflate`: its level.

`voxz.io.packings.zlib_search` finds which options made a stream.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import libdeflate

WINDOW = 15
BLOCK = 1 << 17
"""Bytes of a block of pigz."""

STORED = 0
"""In place of a level: blocks without compression."""

LIBDEFLATE = 10
"""Added to a level of libdeflate."""

_DICTIONARY = 1 << 15
_BLOCKS, _ALONE = 8, 16
"""Flags beside the strategy and the window."""


@dataclass(frozen=True)
class ZlibOptions:
    """Options of one compressor of zlib.

    Attributes
    ----------
    blocks : whether it was started anew for every block, as pigz does
    alone : whether such blocks know nothing of the one before
    """

    level: int
    memory_level: int = 8
    strategy: int = 0
    window: int = WINDOW
    blocks: bool = False
    alone: bool = False

    def compressor(self, dictionary: bytes = b"") -> "zlib._Compress":
        """A compressor to raw deflate."""
        window = -max(9, self.window)  # zlib cannot make windows of 256 bytes
        if dictionary:
            return zlib.compressobj(self.level, zlib.DEFLATED, window, self.memory_level, self.strategy, dictionary)
        return zlib.compressobj(self.level, zlib.DEFLATED, window, self.memory_level, self.strategy)

    def packed(self) -> bytes:
        """As it is stored."""
        flags = self.memory_level << 4 | _BLOCKS * self.blocks | self.strategy
        return varint(self.level) + bytes([flags, _ALONE * self.alone | self.window])


def _options(level: int, how: Cursor) -> ZlibOptions:
    flags, window = how.take(2)
    options = ZlibOptions(level, flags >> 4, flags & 7, window & ~_ALONE, bool(flags & _BLOCKS), bool(window & _ALONE))
    possible = level <= 9 and 1 <= options.memory_level <= 9 and options.strategy <= zlib.Z_FIXED
    if not possible or not 8 <= options.window <= WINDOW or options.alone > options.blocks:
        raise CorruptError("impossible options of deflate")
    return options


class Replay(Protocol):
    """Takes the content of a stream part by part, and gives the stream."""

    def write(self, data: bytes | memoryview) -> bytes:
        """What is known of the stream with the next part of the content."""

    def finish(self) -> bytes:
        """The rest of the stream. `CorruptError` if it does not suit the content."""


def replay(how: Cursor) -> Replay:
    """The way to make a stream again."""
    level = how.number()
    if level == STORED:
        return _Stored(how)
    if LIBDEFLATE <= level <= LIBDEFLATE + libdeflate.HIGHEST:
        return _Libdeflate(level - LIBDEFLATE)
    options = _options(level, how)
    return _Blocks(options, how) if options.blocks else _Whole(options)


class _Whole:
    """By one compressor."""

    def __init__(self, options: ZlibOptions) -> None:
        self._compressor = options.compressor()

    def write(self, data: bytes | memoryview) -> bytes:
        return self._compressor.compress(data)

    def finish(self) -> bytes:
        return self._compressor.flush()


class BlockPacker:
    """Compresses blocks alone."""

    def __init__(self, options: ZlibOptions) -> None:
        self._options = options
        self._waiting, self._before = bytearray(), b""

    def feed(self, content: bytes | memoryview) -> Iterator[bytes]:
        """Take in the next part of the content; the blocks that are complete, and not the last one, each as it is packed."""
        self._waiting += content
        while len(self._waiting) > BLOCK:
            block = bytes(self._waiting[:BLOCK])
            del self._waiting[:BLOCK]
            yield self._packed(block, zlib.Z_BLOCK)
            self._before = b"" if self._options.alone else block[-_DICTIONARY:]

    def finish(self) -> bytes:
        """The last block."""
        return self._packed(bytes(self._waiting), zlib.Z_FINISH)

    def _packed(self, block: bytes, end: int) -> bytes:
        compressor = self._options.compressor(self._before)
        return compressor.compress(block) + compressor.flush(end)


class _Blocks:
    """In blocks, with what pads them."""

    def __init__(self, options: ZlibOptions, how: Cursor) -> None:
        self._packer, self._how, self._first = BlockPacker(options), how, True

    def write(self, data: bytes | memoryview) -> bytes:
        return b"".join(self._padded(block) for block in self._packer.feed(data))

    def finish(self) -> bytes:
        return self._padded(self._packer.finish())

    def _padded(self, block: bytes) -> bytes:
        padding = b"" if self._first else self._how.take(self._how.number())
        self._first = False
        return padding + block


class _Libdeflate:
    """By libdeflate, which needs all of the content."""

    def __init__(self, level: int) -> None:
        self._level, self._content = level, bytearray()

    def write(self, data: bytes | memoryview) -> bytes:
        self._content += data
        return b""

    def finish(self) -> bytes:
        return libdeflate.packed(bytes(self._content), self._level)


class _Stored:
    """Without compression."""

    def __init__(self, how: Cursor) -> None:
        count = how.number()
        if count > how.left:
            raise CorruptError("a stored stream has more blocks than lengths")
        self._lengths = [how.number() for _ in range(count)]
        if not self._lengths or max(self._lengths) > 0xFFFF:
            raise CorruptError("a stored stream has no blocks, or blocks of more than 65535 bytes")
        self._waiting, self._next = bytearray(), 0

    def write(self, data: bytes | memoryview) -> bytes:
        self._waiting += data
        out = bytearray()
        while self._next < len(self._lengths) and len(self._waiting) >= (length := self._lengths[self._next]):
            self._next += 1
            out += (
                bytes([self._next == len(self._lengths)]) + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
            )
            out += self._waiting[:length]
            del self._waiting[:length]
        return bytes(out)

    def finish(self) -> bytes:
        rest = self.write(b"")
        if self._waiting or self._next < len(self._lengths):
            raise CorruptError("the blocks of a stored stream do not have the length of its content")
        return rest
