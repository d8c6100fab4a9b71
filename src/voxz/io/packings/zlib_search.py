"""Which options of zlib give a deflate stream again, byte for byte: what is stored instead of the stream.

They are found by trying: options compress the first 256 kB of the content, in small parts, and each is dropped at its first byte
that differs. The likeliest are tried alone; of the others, those that a header hints at first, only such as the symbols of the
first block leave in question (`voxz.io.packings.first_block`). What is left after the first 256 kB goes on with the rest.

Streams of other programs (GNU gzip in part, zlib-ng, ISA-L, Zopfli) have decisions that zlib never takes: they are not found, but
for those of libdeflate that are in memory.
"""

import functools
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from voxz.entropy.varint import varint
from voxz.io.packings import libdeflate
from voxz.io.packings.zlib_replay import BLOCK, LIBDEFLATE, STORED, WINDOW, BlockPacker, ZlibOptions

if TYPE_CHECKING:
    from voxz.io.packings.first_block import FirstBlock

LEVELS = (6, 9, 1, 5, 4, 3, 2, 7, 8)
"""Levels, likely ones first."""

_MOST_PADDING = 8
_PROBE = 2 * BLOCK
"""Bytes of the content on which all options are tried; more than a block, so that the first one of pigz is compared."""

_PIECE = 1 << 14
_UNDECIDED, _FEW = 1 << 22, 4
"""Bytes of the content after which at most so many options go on: those of a long background, which look alike."""

ReadAt = Callable[[int, int], bytes]
"""Bytes of the stream: start and length; fewer at its end."""


def usual(levels: Iterable[int], window: int = WINDOW) -> list[ZlibOptions]:
    """Options that programs use with these levels."""
    return [ZlibOptions(level, memory_level, 0, window) for level in levels for memory_level in (8, 9)]


def rare(window: int = WINDOW) -> list[ZlibOptions]:
    """Options with other strategies."""
    filtered = [
        ZlibOptions(level, memory_level, zlib.Z_FILTERED, window) for level in LEVELS for memory_level in (8, 9)
    ]  # PNG asks for it
    others = (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)
    return filtered + [ZlibOptions(6, memory_level, strategy, window) for memory_level in (8, 9) for strategy in others]


class _Run:
    """One compressor, compared with the stream as it goes."""

    def __init__(self, options: ZlibOptions, read_at: ReadAt) -> None:
        self.options, self._read_at = options, read_at
        self._at, self._compressor = 0, options.compressor()

    def feed(self, content: bytes) -> bool:
        """Whether the stream may still be made with these options."""
        return self._same(self._compressor.compress(content))

    def finish(self, length: int) -> bool:
        """Whether the stream, of so many bytes, was made with these options up to its end."""
        return self._same(self._compressor.flush()) and self._at == length

    def how(self) -> bytes:
        """What `replay` needs."""
        return self.options.packed()

    def ends_block(self) -> bool:
        """Whether the stream goes on as if a block of pigz ended here."""
        return self._same_at(self._at, self._compressor.copy().flush(zlib.Z_BLOCK))

    @property
    def compared(self) -> bool:
        """Whether any of the stream was compared."""
        return self._at > 0

    def _same(self, data: bytes) -> bool:
        self._at += len(data)
        return self._same_at(self._at - len(data), data)

    def _same_at(self, start: int, data: bytes) -> bool:
        return not data or self._read_at(start, len(data)) == data


class _BlockRun(_Run):
    """Blocks that are compressed alone; between them lie a few bytes that are kept."""

    def __init__(self, options: ZlibOptions, read_at: ReadAt) -> None:
        super().__init__(options, read_at)
        self._packer = BlockPacker(options)
        self._paddings: list[bytes] = []

    def feed(self, content: bytes) -> bool:
        return all(self._found(block) for block in self._packer.feed(content))

    def finish(self, length: int) -> bool:
        return bool(self._paddings) and self._found(self._packer.finish()) and self._at == length

    def how(self) -> bytes:
        return self.options.packed() + b"".join(varint(len(padding)) + padding for padding in self._paddings[1:])

    def _found(self, block: bytes) -> bool:
        there = self._read_at(self._at, len(block) + _MOST_PADDING)
        for padding in range(_MOST_PADDING + 1 if self._paddings else 1):
            if there[padding : padding + len(block)] == block:
                self._paddings.append(there[:padding])
                self._at += padding + len(block)
                return True
        return False


class Search:
    """Feed it the content of a deflate stream, part by part, then ask for the `result`.

    Of `groups` of options, a later one is tried only if nothing is left of those before it, or they have not given anything yet.

    Attributes
    ----------
    untried : groups that nobody has looked at
    """

    def __init__(self, read_at: ReadAt, groups: Sequence[Sequence[ZlibOptions]]) -> None:
        self._read_at = read_at
        self.untried = [list(group) for group in groups]
        self._stored, self._stored_bytes, self._stored_end = _stored_lengths(read_at)
        self._probed, self._fed = bytearray(), 0
        self._runs: list[_Run] | None = None

    def feed(self, content: bytes) -> bool:
        """Whether any options are left."""
        self._fed += len(content)
        if self._stored:
            return True
        if self._runs is None:
            self._probed += content
            if len(self._probed) < _PROBE:
                return True
            self._runs = self._next()
        else:
            self._runs = _left(self._runs, content)
        if self._fed > _UNDECIDED:
            del self._runs[_FEW:]
        return bool(self._runs)

    def result(self, length: int) -> tuple[ZlibOptions | None, bytes] | None:
        """Options that give the very stream, of so many bytes, and what `replay` needs; None if there are none.

        A stream without compression has no options.
        """
        if self._stored:
            same = self._stored_end == length and self._stored_bytes == self._fed
            return (None, varint(STORED) + self._stored) if same else None
        runs = self._next() if self._runs is None else self._runs
        while runs:
            for run in runs:
                if run.finish(length):
                    return run.options, run.how()
            runs = self._next() if self._runs is None else []
        return None

    def _next(self) -> list[_Run]:
        """What is left of the groups up to the first that has given some of the stream."""
        runs: list[_Run] = []
        while self.untried and not any(run.compared for run in runs):
            runs += self._probe(self.untried.pop(0))
        return runs

    @functools.cached_property
    def _first_block(self) -> "FirstBlock":
        from voxz.io.packings.first_block import FirstBlock  # noqa: PLC0415 - its kernels

        return FirstBlock(self._read_at)

    def _probe(self, group: Sequence[ZlibOptions]) -> list[_Run]:
        """What is left of a group after the first part of the content.

        The first block of pigz is packed as one compressor would: only levels come into question that are left when it ends, and
        with which it may end there.
        """
        first, rest = bytes(self._probed[:BLOCK]), bytes(self._probed[BLOCK:])
        plain = [options for options in group if not options.blocks]
        if len(plain) > 1:
            plain = self._first_block.possible(plain, first)
        whole = _left([_Run(options, self._read_at) for options in plain], first)
        in_blocks = {options: None for options in group if options.blocks}
        if rest:
            ended = [run.options for run in whole if run.options == ZlibOptions(run.options.level) and run.ends_block()]
            in_blocks |= {replace(options, blocks=True, alone=alone): None for options in ended for alone in (False, True)}
        blocks: list[_Run] = [_BlockRun(options, self._read_at) for options in in_blocks]
        return _left(whole, rest) + _left(blocks, first + rest)


def _left(runs: list[_Run], content: bytes) -> list[_Run]:
    """The runs that still give the stream after this part of the content."""
    for start in range(0, len(content), _PIECE):
        piece = content[start : start + _PIECE]
        runs = [run for run in runs if run.feed(piece)]
        if not runs:
            break
    return runs


class Finder:
    """Finds options of many streams of one file: those of the last one are tried first.

    After as many streams without any as `patience`, it gives up: they come from a program that is not zlib.
    """

    def __init__(self, patience: int = 4) -> None:
        self._last: ZlibOptions | None = None
        self._libdeflate: int | None = None
        self._patience = patience

    def find(self, stream: bytes, content: bytes, window: int = WINDOW, levels: Sequence[int] = ()) -> bytes | None:
        """What `replay` needs to make the stream again; None if that is not known. A header hints at `levels`."""
        if self._libdeflate is not None and (how := self._found_by_libdeflate(stream, content, levels)):
            return how
        groups, found = self.groups(window, levels), None
        while groups and found is None:
            search = Search(lambda start, length: stream[start : start + length], groups)
            search.feed(content)
            found, groups = search.result(len(stream)), search.untried
        if found is None and self._patience and (how := self._found_by_libdeflate(stream, content, levels)):
            return how
        return self.learnt(found)

    def _found_by_libdeflate(self, stream: bytes, content: bytes, hints: Sequence[int]) -> bytes | None:
        """The same, of a stream of libdeflate."""
        level = libdeflate.level_of(stream, content, hints, self._libdeflate)
        self._libdeflate = self._libdeflate if level is None else level
        return None if level is None else varint(LIBDEFLATE + level)

    @property
    def last(self) -> ZlibOptions | None:
        """Options of the last stream that had some."""
        return self._last

    def groups(self, window: int, levels: Sequence[int]) -> list[list[ZlibOptions]]:
        """Options to try: those of the last stream, or the likeliest; those that a header hints at; all others."""
        likeliest = self._last or (ZlibOptions(levels[0], window=window) if levels else None)
        groups = [[likeliest]] if likeliest else []
        if self._patience:
            others = [level for level in LEVELS if level not in levels]
            groups += [usual(some, window) for some in (levels[:1], levels[1:], others) if some] + [rare(window)]
            groups += [usual(LEVELS)] if window != WINDOW else []
        return groups

    def learnt(self, found: tuple[ZlibOptions | None, bytes] | None) -> bytes | None:
        """Remember what was found for a stream, and give what `replay` needs."""
        if found is None:
            self._patience = max(0, self._patience - 1)
            return None
        self._last = found[0] or self._last
        return found[1]


def _stored_lengths(read_at: ReadAt) -> tuple[bytes, int, int]:
    """Of a stream without compression, its blocks as they are stored, their bytes, and those of the stream; else nothing."""
    lengths, at, last = [], 0, False
    while not last:
        head = read_at(at, 5)
        if len(head) < 5 or head[0] > 1 or int.from_bytes(head[1:3], "little") != int.from_bytes(head[3:], "little") ^ 0xFFFF:
            return b"", 0, 0
        last = head[0] == 1
        lengths.append(int.from_bytes(head[1:3], "little"))
        at += 5 + lengths[-1]
    return varint(len(lengths)) + b"".join(map(varint, lengths)), sum(lengths), at
