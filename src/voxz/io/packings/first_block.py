"""The first block of a deflate stream, read symbol by symbol (RFC 1951, 3.2): it tells which options of zlib cannot have made it.

* Zlib ends a block after as many symbols as its memory level has room for, 2 ** (6 + level) - 1, so their number gives the level.
* Where matches begin, how long they are and how far away depends on the level and the strategy, and is known from a few kilobytes
  of the content, while compressed bytes cannot be compared before a whole block is there.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.io.packings.zlib_replay import BLOCK, ZlibOptions
from voxz.jit import kernel

PREFIXES = (1 << 12, 1 << 14, 1 << 16)
"""Bytes of the content that options are tried on, one after the other."""

_UNDECIDED = 1 << 10
"""Bytes at the end of a prefix whose matches may depend on what follows; zlib looks ahead by 2 * 258."""

_FRONT = 1 << 17
"""Bytes of a stream that are read: 2 ** 15 symbols seldom take more."""

_MOST_SYMBOLS = 1 << 15
_LONGEST_CODE = 15
_LITERALS, _DISTANCES, _LENGTHS = 288, 30, 19
_MOST_LENGTHS = 320
_FIXED_CODES, _OWN_CODES = 1, 2
_BIT, _ENDED, _LAST, _KIND = range(4)

_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15], np.int64)
"""Order in which lengths of the codes of code lengths are sent."""

_FIXED = np.repeat([8, 9, 7, 8, 5], [144, 112, 24, 8, _DISTANCES]).astype(np.int64)
"""Lengths of the fixed codes, of literals and lengths, then of distances."""


@kernel
def _bits(data, state, count):  # type: ignore[no-untyped-def]
    """The next `count` bits, zeros behind the end.

    Parameters
    ----------
    data : uint8 (bytes,)
    state : int64 (4,), the number of the next bit is moved on
    count : 0 to 15
    """
    value = np.int64(0)
    for k in range(count):
        at = state[_BIT] + k
        if at >> 3 < data.size:
            value |= ((np.int64(data[at >> 3]) >> (at & 7)) & 1) << k
    state[_BIT] += count
    return value


@kernel
def _order_codes(lengths, counts, symbols):  # type: ignore[no-untyped-def]
    """Sort the symbols of a canonical code by their codes.

    Parameters
    ----------
    lengths : int64 (symbols,), bits of their codes, 0 for none
    counts : int64 (_LONGEST_CODE + 1 at least,), filled: codes of each length
    symbols : int64 (symbols at least,), filled
    """
    for length in range(_LONGEST_CODE + 1):
        counts[length] = 0
    for length in lengths:
        counts[length] += 1
    counts[0] = 0
    place = 0
    for wanted in range(1, _LONGEST_CODE + 1):
        for symbol in range(lengths.size):
            if lengths[symbol] == wanted:
                symbols[place] = symbol
                place += 1


@kernel
def _symbol(data, state, counts, symbols):  # type: ignore[no-untyped-def]
    """The next symbol; -1 for none.

    Parameters
    ----------
    data : uint8 (bytes,)
    state : int64 (4,), the number of the next bit is moved on
    counts, symbols : as `_order_codes` fills them
    """
    code, first, index = 0, 0, 0
    bit = state[_BIT]
    for length in range(1, _LONGEST_CODE + 1):
        if bit >> 3 >= data.size:
            break
        code |= (np.int64(data[bit >> 3]) >> (bit & 7)) & 1
        bit += 1
        if 0 <= code - first < counts[length]:
            state[_BIT] = bit
            return symbols[index + code - first]
        index += counts[length]
        first = (first + counts[length]) << 1
        code <<= 1
    return -1


@kernel
def _read_lengths(data, state, order, lengths, counts, symbols):  # type: ignore[no-untyped-def]
    """Read the lengths of the codes of a block; returns how many are of literals and lengths, and of all; 0, 0 if damaged.

    Parameters
    ----------
    data : uint8 (bytes,)
    state : int64 (4,), the number of the next bit is moved on
    order : int64 (_LENGTHS,), see `_ORDER`
    lengths : int64 (_MOST_LENGTHS,), filled
    counts, symbols : int64 (_MOST_LENGTHS,), room
    """
    literals, distances, sent = _bits(data, state, 5) + 257, _bits(data, state, 5) + 1, _bits(data, state, 4) + 4
    for k in range(_LENGTHS):
        lengths[k] = 0
    for k in range(sent):
        lengths[order[k]] = _bits(data, state, 3)
    _order_codes(lengths[:_LENGTHS], counts, symbols)
    done = 0
    while done < literals + distances:
        symbol = _symbol(data, state, counts, symbols)
        if symbol < 0 or (symbol == 16 and done == 0):
            return 0, 0
        value, times = symbol, 1
        if symbol >= 16:
            value = lengths[done - 1] if symbol == 16 else 0
            times = _bits(data, state, 7) + 11 if symbol == 18 else _bits(data, state, symbol - 14) + 3
        if done + times > literals + distances:
            return 0, 0
        for k in range(done, done + times):
            lengths[k] = value
        done += times
    return literals, literals + distances


@kernel
def _read_block(data, order, state, room, steps):  # type: ignore[no-untyped-def]
    """Read the symbols of the first block; returns their number, 0 also for a block without compression or a damaged one.

    Parameters
    ----------
    data : uint8 (bytes,), the stream
    order : int64 (_LENGTHS,), see `_ORDER`
    state : int64 (4,), zeros, filled: bits read; whether the block ended within `data` and `steps`, is the last one; its kind
    room : int64 (5, _MOST_LENGTHS), lengths of the fixed codes; codes of each length and symbols of two codes; changed
    steps : int32 (symbols at most, 2), filled: bytes of the content that a symbol gives, and the literal or the distance
    """
    state[_LAST], state[_KIND] = _bits(data, state, 1), _bits(data, state, 2)
    lengths, counts, symbols = room[0], room[1], room[2]
    far_counts, far_symbols = room[3], room[4]
    literals, both = _LITERALS, _LITERALS + _DISTANCES
    if state[_KIND] == _OWN_CODES:
        literals, both = _read_lengths(data, state, order, lengths, counts, symbols)
    elif state[_KIND] != _FIXED_CODES:
        return 0
    _order_codes(lengths[:literals], counts, symbols)
    _order_codes(lengths[literals:both], far_counts, far_symbols)
    for n in range(steps.shape[0]):
        symbol = _symbol(data, state, counts, symbols)
        if symbol < 0:
            return n
        if symbol == 256:
            state[_ENDED] = 1
            return n
        steps[n, 0], steps[n, 1] = 1, symbol
        if symbol > 256:
            extra = max(0, (symbol - 261) >> 2) if symbol < 285 else 0
            base = symbol - 254 if symbol < 265 else 3 + ((4 + ((symbol - 257) & 3)) << extra)
            steps[n, 0] = 258 if symbol == 285 else base + _bits(data, state, extra)
            far = _symbol(data, state, far_counts, far_symbols)
            if far < 0:
                return n
            extra = max(0, (far >> 1) - 1)
            steps[n, 1] = -(1 + (far if far < 4 else (2 + (far & 1)) << extra) + _bits(data, state, extra))
    return steps.shape[0]


class _Block(NamedTuple):
    """The first block of a stream: `steps` as `_read_block` has them, whether it ended, whether it is the last, and its kind."""

    steps: NDArray[np.int32]
    ended: bool
    last: bool
    kind: int


def _block(stream: bytes, most: int) -> _Block:
    """The first block of a stream, or its first symbols, at `most` so many."""
    steps, state, room = np.zeros((most, 2), np.int32), np.zeros(4, np.int64), np.zeros((5, _MOST_LENGTHS), np.int64)
    room[0, : len(_FIXED)] = _FIXED
    count = _read_block(np.frombuffer(stream, np.uint8), _ORDER, state, room, steps)
    return _Block(steps[:count], bool(state[_ENDED]), bool(state[_LAST]), int(state[_KIND]))


class FirstBlock:
    """What the first block of the stream that `read_at` reads says of its options."""

    def __init__(self, read_at: Callable[[int, int], bytes]) -> None:
        self._block = _block(read_at(0, _FRONT), _MOST_SYMBOLS)

    def possible(self, group: Sequence[ZlibOptions], content: bytes) -> list[ZlibOptions]:
        """Those of a group that may have made the stream, of whose content `content` is the beginning."""
        left = [options for options in group if self._suits(options)]
        for prefix in PREFIXES:
            if left and len(content) >= prefix:
                left = [options for options in left if self._begins_like(options, content[:prefix])]
        return left

    def _suits(self, options: ZlibOptions) -> bool:
        """Whether the block is of the kind that these options give, and ends where it is full, or where one of pigz ends."""
        steps, ended, last, kind = self._block
        if options.strategy == zlib.Z_FIXED and kind == _OWN_CODES:
            return False
        return last or not ended or len(steps) == (64 << options.memory_level) - 1 or int(steps[:, 0].sum()) == BLOCK

    def _begins_like(self, options: ZlibOptions, prefix: bytes) -> bool:
        """Whether these options give the same symbols, as far as they hang on this prefix of the content alone."""
        compressor = options.compressor()
        own = _block(compressor.compress(prefix) + compressor.flush(), len(prefix)).steps
        sure = int(np.searchsorted(np.cumsum(own[:, 0]), len(prefix) - _UNDECIDED))
        count = min(sure, len(self._block.steps))
        return bool((own[:count] == self._block.steps[:count]).all())
