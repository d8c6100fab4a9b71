"""The one walk over a brick of ids that encoder and decoder share, row by row.

A voxel is *quiet* if all its finished neighbours around it, north and in the slice before, are equal. A run of quiet voxels
that begins beside an equal one is coded with one decision: all the same, or how many are. So constant regions cost next to
nothing, and the test for quietness is done for a whole row at once, which compiles to vector instructions.

Other voxels have a first candidate and a counter for the pattern of neighbours that equal it. A counter that is sure enough
(`certain`) is used alone; only the others are worth mixing several contexts for. That is what the levels trade.
"""

import numpy as np

from voxz.codecs.labels.counters import COUNT_BITS, PROBABILITY_BITS, code_counted, learn
from voxz.codecs.labels.neighbourhood import (
    BOTTOM,
    LEFT,
    MODES,
    PATTERN_SIZE,
    TOP,
    close_row,
    close_slice,
    open_row,
    open_slice,
    place_neighbours,
)
from voxz.codecs.labels.voxel import PATTERNS, ROW_STATE, RUNS, SAME, code_voxel
from voxz.entropy.binary import POSITION, code_bit
from voxz.jit import allocating_kernel, at, kernel

RUN_LIMIT = 200
PATTERN_LIMIT = 255
EVEN = 1 << 15

_ALWAYS = 1 << PROBABILITY_BITS
CERTAIN = {1: 0, 2: _ALWAYS // 2, 3: _ALWAYS - _ALWAYS // 4, 4: _ALWAYS - _ALWAYS // 20, 5: _ALWAYS - _ALWAYS // 100}
"""For each level, the probability from which a counter is used alone."""


@kernel
def _quiet(ids, base, width, row, before, quiet):  # type: ignore[no-untyped-def]
    """Set ``quiet[x]`` to 0 where the finished neighbours are equal; behind the row it is not 0.

    Parameters
    ----------
    ids : int32, flat, padded
    base : place of the row's first voxel
    width : voxels of the row
    row : ids from one row to the next
    before : offset to the same voxel of the slice before
    quiet : int32 (width + 1,), filled
    """
    for x in range(width):
        i = base + x
        north = ids[at(i - row)]
        b = i + before
        differ = (north ^ ids[at(i - row - 1)]) | (north ^ ids[at(i - row + 1)]) | (north ^ ids[at(b)])
        differ |= (north ^ ids[at(b - 1)]) | (north ^ ids[at(b + 1)]) | (north ^ ids[at(b - row)]) | (north ^ ids[at(b + row)])
        quiet[at(x)] = differ
    quiet[at(width)] = 1


@kernel
def _length(value):  # type: ignore[no-untyped-def]
    """Bits of `value`."""
    bits = 0
    while (value >> bits) > 0:
        bits += 1
    return bits


@kernel
def _code_run(i, count, mode, ids, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code how many of the `count` quiet voxels from `i` equal the one before; return it, or -1 if it is out of range.

    Parameters
    ----------
    i : place in `ids`
    count : 1 to the rest of the row
    mode : 0 to MODES - 1, which slices exist before
    ids, state, work, stream, decoding : as for `walk`
    """
    same = np.int64(0)
    west = ids[at(i - 1)]
    if not decoding:
        while same < count and ids[at(i + same)] == west:
            same += 1
    slot = RUNS + 32 * mode + _length(count)
    if code_counted(np.int64(same == count), slot, RUN_LIMIT, state, work, stream, decoding):
        same = count
    else:
        found = np.int64(0)
        for shift in range(_length(count - 1) - 1, -1, -1):
            found = 2 * found + code_bit((same >> shift) & 1, np.int64(EVEN), work, stream, decoding)
        same = found
        if same >= count:
            return np.int64(-1)
    if decoding:
        for k in range(same):
            ids[at(i + k)] = west
    return same


@kernel
def _candidate(ids, i, row, before):  # type: ignore[no-untyped-def]
    """First candidate: what two of west, north and before agree on, else west or (beside another edge) north.

    Parameters
    ----------
    ids, row, before : as for `_quiet`
    i : place in `ids`
    """
    west, north, behind = ids[at(i - 1)], ids[at(i - row)], ids[at(i + before)]
    if west in (north, behind):
        return np.int64(west)
    if north in (behind, ids[at(i - row + 1)]):
        return np.int64(north)
    return np.int64(west)


@kernel
def _pattern(ids, i, row, before, candidate):  # type: ignore[no-untyped-def]
    """Which of the PATTERN_SIZE neighbours equal the candidate, one bit each.

    Parameters
    ----------
    ids, i, row, before : as for `_candidate`
    candidate : id
    """
    b = i + before
    bits = np.int64(ids[at(i - 1)] == candidate) | (np.int64(ids[at(i - row)] == candidate) << 1)
    bits |= (np.int64(ids[at(b)] == candidate) << 2) | (np.int64(ids[at(i - row + 1)] == candidate) << 3)
    bits |= (np.int64(ids[at(i - row - 1)] == candidate) << 4) | (np.int64(ids[at(b + 1)] == candidate) << 5)
    bits |= (np.int64(ids[at(b + row)] == candidate) << 6) | (np.int64(ids[at(b - 1)] == candidate) << 7)
    bits |= (np.int64(ids[at(b - row)] == candidate) << 8) | (np.int64(ids[at(i - 2)] == candidate) << 9)
    return bits | (np.int64(ids[at(i - 2 * row)] == candidate) << 10) | (np.int64(ids[at(b + row + 1)] == candidate) << 11)


@kernel
def _follow(here, west, other, before):  # type: ignore[no-untyped-def]
    """How a row has followed another one so far: 0 not put to the test, 1 edge by edge, 2 not.

    Parameters
    ----------
    here, west : ids of the voxel and of the one before it
    other : id of the voxel at the same place in the other row
    before : what this returned for the voxel before; 0 at first
    """
    if here != other:
        return np.int64(2)
    return np.int64(1) if before == 0 and here != west else before


@kernel
def _code_row(base, width, mode, row, before, certain, quiet, ids, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code a row; False if it is damaged.

    Parameters
    ----------
    base, width, row, before, quiet : as for `_quiet`
    mode : 0 to MODES - 1, which slices exist before
    certain, ids, state, work, stream, decoding : as for `walk`
    """
    x = np.int64(0)
    north_breaks = np.int64(0)
    before_breaks = np.int64(0)
    work[ROW_STATE] = 0
    while x < width:
        i = base + x
        refused, known = False, False
        slot = np.int64(-1)
        candidate = np.int64(0)
        if quiet[at(x)] == 0 and ids[at(i - 1)] == ids[at(i - row)]:
            candidate = np.int64(ids[at(i - 1)])
            count = np.int64(1)
            while quiet[at(x + count)] == 0:
                count += 1
            same = _code_run(i, count, mode, ids, state, work, stream, decoding)
            if same < 0:
                return False
            x += same
            if same == count:
                continue
            i = base + x
            refused = True
        else:
            candidate = _candidate(ids, i, row, before)
            slot = PATTERNS + (mode << PATTERN_SIZE) + _pattern(ids, i, row, before, candidate)
            if (np.int64(state[at(slot)]) >> COUNT_BITS) >= certain:
                truth = np.int64(ids[at(i)] == candidate)
                known = code_counted(truth, slot, PATTERN_LIMIT, state, work, stream, decoding) == 1
                refused = not known
                if known:
                    ids[at(i)] = candidate
        if not known:
            if not code_voxel(i, candidate, refused, mode, ids, state, work, stream, decoding):
                return False
            if not refused:
                learn(np.int64(ids[at(i)] == candidate), slot, PATTERN_LIMIT, state)
        here = ids[at(i)]
        if here != ids[at(i - 1)] or here != ids[at(i - row)]:
            north_breaks = _follow(here, ids[at(i - 1)], ids[at(i - row)], north_breaks)
        if here != ids[at(i - 1)] or here != ids[at(i + before)]:
            before_breaks = _follow(here, ids[at(i - 1)], ids[at(i + before)], before_breaks)
        work[ROW_STATE] = north_breaks + 3 * before_breaks
        x += 1
    return True


@kernel
def _code_same(base, width, context, offset, quiet, ids, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code whether a row repeats the one at `offset`; return 0 no, 1 yes, 2 yes and all of it was quiet.

    Parameters
    ----------
    base, width, quiet : as for `_quiet`
    context : below 16 * MODES: whether the four rows before were repeated, and the mode
    offset : from a voxel to the same one of the row that may be repeated
    ids, state, work, stream, decoding : as for `walk`
    """
    flat = np.int64(quiet[0])
    for x in range(width):
        flat |= np.int64(quiet[at(x)])
    differ = np.int64(0)
    if not decoding:
        for x in range(width):
            differ |= np.int64(ids[at(base + x)]) ^ np.int64(ids[at(base + offset + x)])
    slot = SAME + 2 * context + np.int64(flat == 0)
    if not code_counted(np.int64(differ == 0), slot, PATTERN_LIMIT, state, work, stream, decoding):
        return np.int64(0)
    for x in range(width):
        ids[at(base + x)] = ids[at(base + offset + x)]
    return np.int64(2) if flat == 0 else np.int64(1)


@allocating_kernel
def walk(sizes, certain, repeats, ids, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code the ids of a brick of `sizes` ``(volumes, slices, rows, columns)``; False if the stream is damaged or full.

    Parameters
    ----------
    sizes : int64 (4,)
    certain : probability from which a counter is used alone, in 1 / 2 ** PROBABILITY_BITS
    repeats : whether rows may repeat others
    ids : int32, flat, padded as in `neighbourhood`; 0 to the ids of the brick; decoding fills them
    state : int32 (STATE_SIZE,), all that adapts; places are constants of this room
    work : int64 (WORK_SIZE,), the binary coder, counts of ids and offsets of neighbours
    stream : uint8 (bytes,)
    decoding : whether `stream` is decoded
    """
    depth, height, width = sizes[1], sizes[2], sizes[3]
    row = width + 2 * LEFT
    area = row * (height + TOP + BOTTOM)
    quiet = np.zeros(width + 1, np.int32)
    for number in range(sizes[0] * depth):
        start = number * area
        mode = 3 if number >= depth else min(number, 2)
        before = -area if mode > 0 else -3 * row
        beyond = before
        if mode == 2:
            beyond = -2 * area
        if mode == 3:
            beyond = -area * depth
            if number % depth == 0:
                before = beyond
        place_neighbours(work, row, before, beyond)
        open_slice(ids, start, row, before, mode)
        history = np.int64(0)
        for y in range(height):
            base = start + (TOP + y) * row + LEFT
            open_row(ids, base, row)
            _quiet(ids, base, width, row, before, quiet)
            same = np.int64(0)
            if repeats:
                other = beyond if mode == 3 else before
                same = _code_same(base, width, history * MODES + mode, other, quiet, ids, state, work, stream, decoding)
                if same < 2:
                    history = (2 * history + same) & 15
            if same == 0 and not _code_row(base, width, mode, row, before, certain, quiet, ids, state, work, stream, decoding):
                return False
            close_row(ids, base, width)
            if work[POSITION] > stream.size:
                return False
        close_slice(ids, start, row, height)
    return True
