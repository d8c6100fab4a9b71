"""Bit planes: where in a brick something is, one adaptive binary decision a voxel.

A decision's context is the eleven nearest decisions already made: six in the slice and five in the slice before, or, in a
series, in the volume before. Each context keeps the chance of a one, which moves towards every decision by a share that
shrinks as the context fills (a Krichevsky-Trofimov estimate that forgets). Decisions are coded in binary rANS: the encoder first
notes all chances, then codes backwards.

Most of a plane is the same all around, and there chances soon come to rest: as long as decisions go on alike, nothing changes,
and they are dealt with in runs.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

CHANCE_BITS = 16
PRECISION = 14
INVERSE_BITS = 46
LOWEST = 1 << 16
LONGEST_MEMORY = 254
BESIDE = 2
"""Columns of zeros on either side of a row. Beyond a slice, and where no slice comes before, one row of zeros serves all."""

ALIKE = 1 << 11
"""Contexts of the first volume, and of the others."""

STRETCH = 32 - 2 * BESIDE
"""Columns that are asked at once whether all around them is the same: with those beside them, a vector."""

REST = (0, (1 << CHANCE_BITS) - 255)
"""Chances that decisions of 0, or 1, do not change any more once a context is full."""


@apart_kernel
def _around(up, top, back, above, below, first):  # type: ignore[no-untyped-def]
    """What all voxels of the known rows around a stretch are: 0 or 1; -1 if they differ.

    Parameters
    ----------
    up, top, back, above, below : uint8 (columns,), rows with margins
    first : place of the first decision of the stretch
    """
    some, every = np.uint8(0), np.uint8(1)
    for k in range(STRETCH + 2 * BESIDE):
        i = at(first - BESIDE + k)
        some = np.uint8(some | up[i] | top[i] | back[i] | above[i] | below[i])
        every = np.uint8(every & up[i] & top[i] & back[i] & above[i] & below[i])
    return np.int64(some) if some == every else np.int64(-1)


@inlined_kernel
def _frequency(chance):  # type: ignore[no-untyped-def]
    """Frequency of a one at a chance."""
    return max(1, min(chance >> (CHANCE_BITS - PRECISION), (1 << PRECISION) - 1))


@inlined_kernel
def _take(state, word, words, one):  # type: ignore[no-untyped-def]
    """Decode a decision; return it, and the next state and word.

    Parameters
    ----------
    state : of the coder
    word : number of the next word
    words : uint16, the coded words
    one : frequency of a one, of ``1 << PRECISION``
    """
    slot = state & ((1 << PRECISION) - 1)
    decision = np.int64(slot < one)
    frequency = one if decision else (1 << PRECISION) - one
    state = frequency * (state >> PRECISION) + slot - (0 if decision else one)
    if state < LOWEST:
        state = (state << 16) | np.int64(words[at(word)])
        word += 1
    return decision, state, word


@apart_kernel
def _note_run(here, first, same, one, noted, count):  # type: ignore[no-untyped-def]
    """Note the decisions of a stretch up to the first that is not the `same`; return the place of that.

    Parameters
    ----------
    here : uint8 (columns,), row with margins
    first : place of the first decision of the stretch
    same : 0 or 1
    one : frequency of a one
    noted : uint16 (voxels,), filled
    count : decisions noted before
    """
    end = first + STRETCH
    while first < end and here[at(first)] == same:
        noted[at(count)] = one * 2 + same
        count += 1
        first += 1
    return first


@apart_kernel
def _take_run(here, first, same, one, state, word, words):  # type: ignore[no-untyped-def]
    """Decode the decisions of a stretch up to the first that is not the `same`; return its place, the state and the next word.

    Parameters
    ----------
    here, first, same, one : as for `_note_run`; the row is filled
    state, word, words : of the coder
    """
    frequency, start = (one, 0) if same else ((1 << PRECISION) - one, one)
    end = first + STRETCH
    while first < end:
        slot = state & ((1 << PRECISION) - 1)
        if np.int64(slot < one) != same:
            break
        state = frequency * (state >> PRECISION) + slot - start
        if state < LOWEST:
            state = (state << 16) | np.int64(words[at(word)])
            word += 1
        here[at(first)] = same
        first += 1
    return first, state, word


class _Rows(NamedTuple):
    """Rows with margins, uint8 (columns,): the decided one, one and two up; in the slice before the same, one up, one down."""

    here: NDArray[np.uint8]
    up: NDArray[np.uint8]
    top: NDArray[np.uint8]
    back: NDArray[np.uint8]
    above: NDArray[np.uint8]
    below: NDArray[np.uint8]


@inlined_kernel
def _context(rows, i):  # type: ignore[no-untyped-def]
    """Context of a decision among those of its family."""
    here, up, back = rows.here, rows.up, rows.back
    near = here[at(i - 1)] | (here[at(i - 2)] << 1) | (up[at(i - 1)] << 2) | (up[at(i)] << 3)
    far = up[at(i + 1)] | (rows.top[at(i)] << 1) | (back[at(i)] << 2) | (back[at(i - 1)] << 3)
    rest = back[at(i + 1)] | (rows.above[at(i)] << 1) | (rows.below[at(i)] << 2)
    return np.int64(near) + (np.int64(far) << 4) + (np.int64(rest) << 8)


@inlined_kernel
def _moved(chance, age, decision):  # type: ignore[no-untyped-def]
    """Chance after a decision."""
    change = (decision << CHANCE_BITS) - chance
    return chance + (change >> 8 if age == LONGEST_MEMORY else change // (age + 2))  # a shift is the faster one


@kernel
def _walk_row(rows, width, chances, seen, noted, words, coder, decoding):  # type: ignore[no-untyped-def]
    """Decide the voxels of a row; return the `coder` after it.

    Parameters
    ----------
    rows : `_Rows`
    width : voxels
    chances, seen : of the family, as for `_walk`
    noted, words, decoding : as for `_walk`
    coder : state and number of the next word, and how many decisions were noted
    """
    here = rows.here
    state, word, count = coder
    for begin in range(BESIDE, width + BESIDE, STRETCH):
        first, end = begin, min(begin + STRETCH, width + BESIDE)
        same = np.int64(-1)
        if end - first == STRETCH:
            same = _around(rows.up, rows.top, rows.back, rows.above, rows.below, first)
        if same >= 0 and here[at(first - 1)] == same and here[at(first - 2)] == same:
            context = at(same * (ALIKE - 1))
            if seen[context] == LONGEST_MEMORY and chances[context] == REST[same]:
                one = _frequency(chances[context])
                if decoding:
                    first, state, word = _take_run(here, first, same, one, state, word, words)
                else:
                    first = _note_run(here, first, same, one, noted, count)
                    count += first - begin
        for i in range(first, end):
            context = at(_context(rows, i))
            one = _frequency(chances[context])
            if decoding:
                decision, state, word = _take(state, word, words, one)
                here[at(i)] = decision
            else:
                decision = np.int64(here[at(i)])
                noted[at(count)] = one * 2 + decision
                count += 1
            chances[context] = _moved(chances[context], seen[context], decision)
            seen[context] = min(seen[context] + 1, LONGEST_MEMORY)
    return state, word, count


@kernel
def _walk(plane, sizes, chances, seen, noted, words, decoding):  # type: ignore[no-untyped-def]
    """Decide every voxel of a plane: decode it, or note twice its chance plus the decision.

    Returns True unless `words` do not end where the decisions do.

    Parameters
    ----------
    plane : uint8 (rows + 1, columns), 0 or 1, margins of rows and the last row are 0; decoding fills it
    sizes : int64 (4,), series, z, y, x
    chances : int64 (2, ALIKE), of a one, in ``2**-CHANCE_BITS``, of the first volume and of the others, changed
    seen : int64 (2, ALIKE), decisions so far, at most LONGEST_MEMORY, changed
    noted : uint16 (voxels,), filled when encoding
    words : uint16, read when decoding; with a row of zeros and one more behind
    decoding : whether `words` are read
    """
    depth, height, width = sizes[1], sizes[2], sizes[3]
    nothing = plane.shape[0] - 1
    coder = ((np.int64(words[0]) << 16) | np.int64(words[1]) if decoding else np.int64(0), np.int64(2), np.int64(0))
    for s in range(sizes[0]):
        family = 1 if s > 0 else 0
        before = depth * height if s > 0 else height
        for z in range(depth):
            known = s > 0 or z > 0
            for y in range(height):
                row = (s * depth + z) * height + y
                rows = _Rows(
                    plane[row],
                    plane[row - 1 if y > 0 else nothing],
                    plane[row - 2 if y > 1 else nothing],
                    plane[row - before if known else nothing],
                    plane[row - before - 1 if known and y > 0 else nothing],
                    plane[row - before + 1 if known and y + 1 < height else nothing],
                )
                if decoding and coder[1] >= words.size - width:
                    return False
                coder = _walk_row(rows, width, chances[family], seen[family], noted, words, coder, decoding)
    return (not decoding) or (coder[0] == LOWEST and coder[1] == words.size - width - 1)


@kernel
def _encode(noted, inverses, words):  # type: ignore[no-untyped-def]
    """Code the decisions of `noted`; return how many of `words` were filled, from the end.

    Parameters
    ----------
    noted : uint16 (voxels,), from `_walk`
    inverses : uint64 (1 << PRECISION,), see `_inverses`
    words : uint16 (voxels + 4,), filled from the end
    """
    state = np.int64(LOWEST)
    end = words.size
    for i in range(noted.size - 1, -1, -1):
        entry = np.int64(noted[at(i)])
        one = entry >> 1
        frequency = one if entry & 1 else (1 << PRECISION) - one
        if (state >> (32 - PRECISION)) >= frequency:
            end -= 1
            words[at(end)] = state & 0xFFFF
            state >>= 16
        whole = np.int64((np.uint64(state) * inverses[at(frequency)]) >> np.uint64(INVERSE_BITS))
        state += whole * ((1 << PRECISION) - frequency) + (0 if entry & 1 else one)
    words[end - 1] = state & 0xFFFF
    words[end - 2] = state >> 16
    return words.size - end + 2


@cache
def _inverses() -> NDArray[np.uint64]:
    """Inverses of frequencies, rounded up: a state before a decision is below ``frequency << 18``, so multiplying is exact."""
    frequencies = np.arange(1 << PRECISION, dtype=np.uint64)
    frequencies[0] = 1  # which no decision has
    return ((1 << INVERSE_BITS) + frequencies - 1) // frequencies


def encode_plane(plane: NDArray[np.bool_]) -> bytes:
    """Code a plane ``(series, z, y, x)``."""
    rows = _with_margins(plane.shape)
    _inside(rows, plane.shape)[...] = plane
    noted = np.zeros(plane.size, np.uint16)
    nothing = np.zeros(2, np.uint16)
    _walk(rows, np.array(plane.shape, np.int64), *_fresh(), noted, nothing, False)
    words = np.zeros(plane.size + 4, np.uint16)
    used = int(_encode(noted, _inverses(), words))
    return words[words.size - used :].astype("<u2").tobytes()


def decode_plane(payload: bytes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Inverse of `encode_plane`; damage raises `CorruptError`."""
    if len(payload) < 4 or len(payload) % 2:
        raise CorruptError(f"a bit plane takes an even number of bytes, at least 4 (got {len(payload)})")
    rows = _with_margins(shape)
    words = np.concatenate([np.frombuffer(payload, "<u2").astype(np.uint16), np.zeros(shape[3] + 1, np.uint16)])
    if not _walk(rows, np.array(shape, np.int64), *_fresh(), np.zeros(0, np.uint16), words, True):
        raise CorruptError("a bit plane is damaged")
    return _inside(rows, shape).astype(np.bool_)


def _with_margins(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The rows of an empty plane, with margins, and behind them a row of nothing."""
    return np.zeros((math.prod(shape[:3]) + 1, shape[3] + 2 * BESIDE), np.uint8)


def _inside(rows: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """View of a plane of this `shape` without its margins."""
    return rows[:-1, BESIDE:-BESIDE].reshape(shape)


def _fresh() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Chances and ages of all contexts before the first decision."""
    return np.full((2, ALIKE), 1 << (CHANCE_BITS - 1), np.int64), np.zeros((2, ALIKE), np.int64)
