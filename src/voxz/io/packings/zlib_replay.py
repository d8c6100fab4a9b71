"""Which options of zlib give a deflate stream again, byte for byte: what is stored instead of the stream.

A stream is found by trying: all usual options compress the content side by side, and each is dropped at its first byte that
differs, which nearly always lies within the first kilobytes. Three kinds of streams can be told apart:

* by one compressor: level, memory level, strategy and window;
* in blocks, as pigz makes them: each of 128 kB is compressed alone, knowing the 32 kB before it. The few bytes that pad a block
  to a whole byte are kept;
* stored, without compression: the lengths of the blocks.

Streams of other programs (libdeflate, zlib-ng, ISA-L, Zopfli) have decisions that zlib never takes: they are not found.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError

WINDOW = 15
BLOCK = 1 << 17
"""Bytes of a block of pigz."""

_DICTIONARY = 1 << 15
_MOST_PADDING = 8
_PIECE = 1 << 16
_STORED = 0
"""In place of a level: blocks without compression."""

ReadAt = Callable[[int, int], bytes]
"""Bytes of the stream: start and length; fewer at its end."""


@dataclass(frozen=True)
class ZlibOptions:
    """Options of one compressor of zlib; `blocks` if it was started anew for every block, as pigz does."""

    level: int
    memory_level: int = 8
    strategy: int = 0
    window: int = WINDOW
    blocks: bool = False

    def compressor(self, dictionary: bytes = b"") -> "zlib._Compress":
        """A compressor to raw deflate."""
        window = -max(9, self.window)  # zlib cannot make windows of 256 bytes
        if dictionary:
            return zlib.compressobj(self.level, zlib.DEFLATED, window, self.memory_level, self.strategy, dictionary)
        return zlib.compressobj(self.level, zlib.DEFLATED, window, self.memory_level, self.strategy)

    def packed(self) -> bytes:
        """As it is stored."""
        return varint(self.level) + bytes([self.memory_level << 4 | self.blocks << 3 | self.strategy, self.window])


def _usual(window: int) -> Iterator[ZlibOptions]:
    for level in (6, 9, 1, 5, 4, 3, 2, 7, 8):
        for memory_level in (8, 9):
            for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
                yield ZlibOptions(level, memory_level, strategy, window)
    for memory_level in (8, 9):
        for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED):
            yield ZlibOptions(6, memory_level, strategy, window)
    if window == WINDOW:
        for level in (6, 9, 1, 2, 3, 4, 5, 7, 8):
            yield ZlibOptions(level, blocks=True)


class _Run:
    """One compressor, compared with the stream as it goes."""

    def __init__(self, options: ZlibOptions, read_at: ReadAt) -> None:
        self.options, self._read_at = options, read_at
        self._at, self._compressor = 0, options.compressor()

    def feed(self, content: bytes) -> bool:
        """Whether the stream may still be made with these options."""
        return self._same(self._compressor.compress(content))

    def finish(self) -> bool:
        """Whether the stream was made with these options, up to its end."""
        return self._same(self._compressor.flush()) and not self._read_at(self._at, 1)

    def how(self) -> bytes:
        """What `replay` needs."""
        return self.options.packed()

    def _same(self, data: bytes) -> bool:
        self._at += len(data)
        return not data or self._read_at(self._at - len(data), len(data)) == data


class _BlockRun(_Run):
    """Blocks that are compressed alone; between them lie a few bytes that are kept."""

    def __init__(self, options: ZlibOptions, read_at: ReadAt) -> None:
        super().__init__(options, read_at)
        self._waiting, self._before, self._paddings = bytearray(), b"", [b""]

    def feed(self, content: bytes) -> bool:
        self._waiting += content
        while len(self._waiting) > BLOCK:
            if not self._block(bytes(self._waiting[:BLOCK]), zlib.Z_BLOCK):
                return False
            del self._waiting[:BLOCK]
        return True

    def finish(self) -> bool:
        blocks = len(self._paddings)
        return blocks > 1 and self._block(bytes(self._waiting), zlib.Z_FINISH) and not self._read_at(self._at, 1)

    def how(self) -> bytes:
        return self.options.packed() + b"".join(varint(len(padding)) + padding for padding in self._paddings[1:])

    def _block(self, block: bytes, end: int) -> bool:
        compressor = self.options.compressor(self._before)
        data = compressor.compress(block) + compressor.flush(end)
        there = self._read_at(self._at, len(data) + _MOST_PADDING)
        first = self._before == b""
        for padding in range(1 if first else _MOST_PADDING + 1):
            if there[padding : padding + len(data)] == data:
                if not first:
                    self._paddings.append(there[:padding])
                else:
                    self._paddings = [b""]
                self._at += padding + len(data)
                self._before = block[-_DICTIONARY:]
                return True
        return False


class Search:
    """Feed it the content of a deflate stream, piece by piece, then ask for the `result`."""

    def __init__(self, read_at: ReadAt, window: int = WINDOW, first: ZlibOptions | None = None) -> None:
        tried = [first] if first else list(_usual(window))
        self._runs = [(_BlockRun if options.blocks else _Run)(options, read_at) for options in tried]

    def feed(self, content: bytes) -> bool:
        """Whether any options are left."""
        for start in range(0, len(content), _PIECE):
            if not self._runs:
                return False
            piece = content[start : start + _PIECE]
            self._runs = [run for run in self._runs if run.feed(piece)]
        return bool(self._runs)

    def result(self) -> tuple[ZlibOptions, bytes] | None:
        """ZlibOptions that give the very stream, and what `replay` needs; None if there are none."""
        for run in self._runs:
            if run.finish():
                return run.options, run.how()
        return None


class Finder:
    """Finds options of many streams of one file: those of the last one are tried first.

    After as many streams without any as `patience`, it gives up: they come from a program that is not zlib.
    """

    def __init__(self, patience: int = 4) -> None:
        self._last: ZlibOptions | None = None
        self._patience = patience

    def find(self, stream: bytes, content: bytes, window: int = WINDOW) -> bytes | None:
        """What `replay` needs to make the stream again from its content; None if that is not known."""
        stored = _stored_lengths(stream, len(content))
        if stored is not None:
            return varint(_STORED) + stored

        def read_at(start: int, length: int) -> bytes:
            return stream[start : start + length]

        for first in [self._last] if self._last else []:
            search = Search(read_at, window, first)
            if search.feed(content) and (found := search.result()):
                return found[1]
        if not self._patience:
            return None
        for tried in dict.fromkeys((window, WINDOW)):
            search = Search(read_at, tried)
            if (search.feed(content) or not content) and (found := search.result()):
                self._last = found[0]
                return found[1]
        self._patience -= 1
        return None


def replay(content: bytes, how: Cursor) -> bytes:
    """The stream again."""
    level = how.number()
    if level == _STORED:
        return _store(content, how)
    flags, window = how.take(2)
    options = ZlibOptions(level, flags >> 4, flags & 7, window, bool(flags & 8))
    if level > 9 or not 1 <= options.memory_level <= 9 or options.strategy > zlib.Z_FIXED or not 8 <= window <= WINDOW:
        raise CorruptError("impossible options of deflate")
    if not options.blocks:
        compressor = options.compressor()
        return compressor.compress(content) + compressor.flush()
    out, before = [], b""
    for start in range(0, len(content), BLOCK):
        block, last = content[start : start + BLOCK], start + BLOCK >= len(content)
        compressor = options.compressor(before)
        if start:
            out.append(how.take(how.number()))
        out += [compressor.compress(block), compressor.flush(zlib.Z_FINISH if last else zlib.Z_BLOCK)]
        before = block[-_DICTIONARY:]
    return b"".join(out)


def _stored_lengths(stream: bytes, size: int) -> bytes | None:
    """Lengths of the blocks of a stream that has no compressed ones; None if it has."""
    lengths, at, last = [], 0, False
    while not last:
        head = stream[at : at + 5]
        if len(head) < 5 or head[0] > 1 or int.from_bytes(head[1:3], "little") != int.from_bytes(head[3:], "little") ^ 0xFFFF:
            return None
        last = head[0] == 1
        lengths.append(int.from_bytes(head[1:3], "little"))
        at += 5 + lengths[-1]
    if at != len(stream) or sum(lengths) != size:
        return None
    return varint(len(lengths)) + b"".join(map(varint, lengths))


def _store(content: bytes, how: Cursor) -> bytes:
    count = how.number()
    if count > how.left:
        raise CorruptError("a stored stream has more blocks than lengths")
    out, at = [], 0
    for number in range(count):
        length = how.number()
        if length > 0xFFFF:
            raise CorruptError(f"a stored block has {length} bytes, expected at most 65535")
        out.append(bytes([number == count - 1]) + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little"))
        out.append(content[at : at + length])
        at += length
    return b"".join(out)
