"""Bit planes: where in a brick something is, in adaptive binary decisions.

A row is decided in stretches. Where all that is known around a stretch is the same, which is nearly everywhere, one decision says
whether the stretch is so, too. Otherwise each voxel takes a decision of its own, whose context is the eleven nearest voxels that
are known: six in the slice and five in the slice before, or, in a series, in the volume before. While the voxel is sought that
made a stretch differ from all around, there are contexts for that instead. Each context keeps the chance of
a one, which moves towards every decision by a share that shrinks as the context fills (a Krichevsky-Trofimov estimate that
forgets). Decisions are coded in binary rANS: the encoder first notes all chances, then codes backwards.
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

STRETCH = 30
"""Voxels of a row that one decision may be for: with one beside them on either side, a vector."""

VOXELS = 1 << 11
"""Contexts of voxels, in the first volume, and in the others."""

STRETCHES, SOUGHT = VOXELS, VOXELS + 2
"""Contexts of stretches among zeros, and among ones; then of their voxels, up to the first that is another one."""

CONTEXTS = VOXELS + 4


class _Rows(NamedTuple):
    """Rows with margins, uint8 (columns,): the decided one, one and two up; in the slice before the same, one up, one down."""

    here: NDArray[np.uint8]
    up: NDArray[np.uint8]
    top: NDArray[np.uint8]
    back: NDArray[np.uint8]
    above: NDArray[np.uint8]
    below: NDArray[np.uint8]


@apart_kernel
def _alike(up, top, back, above, below, first, end):  # type: ignore[no-untyped-def]
    """What all voxels between two places of known rows are: 0 or 1; -1 if they differ.

    Parameters
    ----------
    up, top, back, above, below : uint8 (columns,), rows with margins
    first, end : places
    """
    some, every = np.uint8(0), np.uint8(1)
    if end - first == STRETCH + 2:
        for k in range(STRETCH + 2):  # so many at once, as the compiler sees
            i = at(first + k)
            some = np.uint8(some | up[i] | top[i] | back[i] | above[i] | below[i])
            every = np.uint8(every & up[i] & top[i] & back[i] & above[i] & below[i])
    else:
        for i in range(first, end):
            some = np.uint8(some | up[at(i)] | top[at(i)] | back[at(i)] | above[at(i)] | below[at(i)])
            every = np.uint8(every & up[at(i)] & top[at(i)] & back[at(i)] & above[at(i)] & below[at(i)])
    return np.int64(some) if some == every else np.int64(-1)


@inlined_kernel
def _around(rows, first, end, width):  # type: ignore[no-untyped-def]
    """What all voxels around a stretch are that lie in its row and are known: 0 or 1; -1 if they differ.

    Parameters
    ----------
    rows : `_Rows`
    first, end : places of the stretch
    width : voxels of a row
    """
    before, behind = max(first - 1, BESIDE), min(end + 1, width + BESIDE)
    same = _alike(rows.up, rows.top, rows.back, rows.above, rows.below, before, behind)
    for i in range(max(first - BESIDE, BESIDE), first):
        if rows.here[at(i)] != same:
            return np.int64(-1)
    return same


@apart_kernel
def _ones(row, first, end):  # type: ignore[no-untyped-def]
    """How many voxels of a row, uint8 (columns,), are 1 between two places."""
    count = np.int64(0)
    if end - first == STRETCH:
        few = np.uint8(0)
        for k in range(STRETCH):
            few = np.uint8(few + row[at(first + k)])
        count = np.int64(few)
    else:
        for i in range(first, end):
            count += np.int64(row[at(i)])
    return count


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


@inlined_kernel
def _decide(context, decision, model, noted, words, coder, decoding):  # type: ignore[no-untyped-def]
    """Decode a decision, or note it; return it and the `coder` after it.

    Parameters
    ----------
    context : number among those of the family
    decision : 0 or 1 when encoding
    model : int64 (2, CONTEXTS), of the family, as for `_walk`
    noted, words, decoding : as for `_walk`
    coder : state and number of the next word, and how many decisions were noted
    """
    state, word, count = coder
    chance, age = model[0, at(context)], model[1, at(context)]
    one = _frequency(chance)
    if decoding:
        decision, state, word = _take(state, word, words, one)
    else:
        noted[at(count)] = one * 2 + decision
        count += 1
    model[0, at(context)] = _moved(chance, age, decision)
    model[1, at(context)] = min(age + 1, LONGEST_MEMORY)
    return decision, (state, word, count)


@kernel
def _walk_row(rows, width, model, noted, words, coder, decoding):  # type: ignore[no-untyped-def]
    """Decide the voxels of a row; return the `coder` after it.

    Parameters
    ----------
    rows : `_Rows`
    width : voxels
    model, noted, words, coder, decoding : as for `_decide`
    """
    here = rows.here
    for first in range(BESIDE, width + BESIDE, STRETCH):
        end = min(first + STRETCH, width + BESIDE)
        same = _around(rows, first, end, width)
        differs = np.int64(same >= 0)
        if differs:
            differs, coder = _decide(
                STRETCHES + same, np.int64(_ones(here, first, end) != same * (end - first)), model, noted, words, coder, decoding
            )
            if differs == 0 and decoding:
                for i in range(first, end):
                    here[at(i)] = same
        if differs or same < 0:
            for i in range(first, end):
                context = SOUGHT + same if differs else _context(rows, i)
                decision, coder = _decide(context, np.int64(here[at(i)]), model, noted, words, coder, decoding)
                here[at(i)] = decision
                differs = differs and np.int64(decision == same)
    return coder


@kernel
def _walk(plane, sizes, models, noted, words, decoding):  # type: ignore[no-untyped-def]
    """Decide every voxel of a plane: decode it, or note twice the chance of each decision plus the decision.

    Returns how many were noted; -1 if `words` do not end where the decisions do.

    Parameters
    ----------
    plane : uint8 (rows + 1, columns), 0 or 1, margins of rows and the last row are 0; decoding fills it
    sizes : int64 (4,), series, z, y, x
    models : int64 (2, 2, CONTEXTS), of the first volume and of the others, changed: chances of a one, in ``2**-CHANCE_BITS``, and
        decisions so far, at most LONGEST_MEMORY
    noted : uint16 (decisions or more,), filled when encoding
    words : uint16, read when decoding; with a row of zeros and one more behind
    decoding : whether `words` are read
    """
    depth, height, width = sizes[1], sizes[2], sizes[3]
    nothing = plane.shape[0] - 1
    coder = ((np.int64(words[0]) << 16) | np.int64(words[1]) if decoding else np.int64(0), np.int64(2), np.int64(0))
    for s in range(sizes[0]):
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
                if decoding and coder[1] >= words.size - most_decisions(width):
                    return np.int64(-1)
                coder = _walk_row(rows, width, models[min(s, 1)], noted, words, coder, decoding)
    whole = (not decoding) or (coder[0] == LOWEST and coder[1] == words.size - most_decisions(width) - 1)
    return coder[2] if whole else np.int64(-1)


@inlined_kernel
def most_decisions(width):  # type: ignore[no-untyped-def]
    """Decisions that a row takes at most."""
    return width + (width + STRETCH - 1) // STRETCH


@kernel
def _encode(noted, inverses, words):  # type: ignore[no-untyped-def]
    """Code the decisions of `noted`; return how many of `words` were filled, from the end.

    Parameters
    ----------
    noted : uint16 (decisions,), from `_walk`
    inverses : uint64 (1 << PRECISION,), see `_inverses`
    words : uint16 (decisions + 4,), filled from the end
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
    noted = np.empty((len(rows) - 1) * most_decisions(plane.shape[3]), np.uint16)
    made = int(_walk(rows, np.array(plane.shape, np.int64), _fresh(), noted, np.zeros(2, np.uint16), False))
    words = np.empty(made + 4, np.uint16)
    used = int(_encode(noted[:made], _inverses(), words))
    return words[words.size - used :].astype("<u2").tobytes()


def decode_plane(payload: bytes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Inverse of `encode_plane`; damage raises `CorruptError`."""
    if len(payload) < 4 or len(payload) % 2:
        raise CorruptError(f"a bit plane takes an even number of bytes, at least 4 (got {len(payload)})")
    rows = _with_margins(shape)
    words = np.concatenate([np.frombuffer(payload, "<u2").astype(np.uint16), np.zeros(most_decisions(shape[3]) + 1, np.uint16)])
    if _walk(rows, np.array(shape, np.int64), _fresh(), np.zeros(0, np.uint16), words, True) < 0:
        raise CorruptError("a bit plane is damaged")
    return _inside(rows, shape).view(np.bool_)


def _with_margins(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The rows of an empty plane, with margins, and behind them a row of nothing."""
    return np.zeros((math.prod(shape[:3]) + 1, shape[3] + 2 * BESIDE), np.uint8)


def _inside(rows: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """View of a plane of this `shape` without its margins."""
    return rows[:-1, BESIDE:-BESIDE].reshape(shape)


def _fresh() -> NDArray[np.int64]:
    """Chances and ages of all contexts before the first decision."""
    models = np.zeros((2, 2, CONTEXTS), np.int64)
    models[:, 0] = 1 << (CHANCE_BITS - 1)
    return models
