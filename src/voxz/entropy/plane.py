"""Bit planes: where in a brick something is, one adaptive binary decision a voxel.

A decision's context is the eleven nearest decisions already made: six in the slice and five in the slice before, or, in a
series, in the volume before. Each context keeps the chance of a one, which moves towards every decision by a share that
shrinks as the context fills (a Krichevsky-Trofimov estimate that forgets). Decisions are coded in binary rANS: the encoder first
notes all chances, then codes backwards.
"""

import math

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.jit import at, kernel

CHANCE_BITS = 16
PRECISION = 14
LOWEST = 1 << 16
LONGEST_MEMORY = 254
BESIDE = 2
"""Columns of zeros on either side of a row. Beyond a slice, and where no slice comes before, one row of zeros serves all."""

CONTEXTS = 1 << 12


@kernel
def _walk(plane, sizes, chances, seen, noted, words, decoding):  # type: ignore[no-untyped-def]
    """Decide every voxel of a plane: decode it, or note twice its chance plus the decision.

    Returns True unless `words` do not end where the decisions do.

    Parameters
    ----------
    plane : uint8 (rows + 1, columns), 0 or 1, margins of rows and the last row are 0; decoding fills it
    sizes : int64 (4,), series, z, y, x
    chances : int64 (CONTEXTS,), of a one, in ``2**-CHANCE_BITS``, changed
    seen : int64 (CONTEXTS,), decisions so far, at most LONGEST_MEMORY, changed
    noted : uint16 (voxels,), filled when encoding
    words : uint16, read when decoding; with a row of zeros and one more behind
    decoding : whether `words` are read
    """
    depth, height, width = sizes[1], sizes[2], sizes[3]
    nothing = plane.shape[0] - 1
    state = np.int64(0)
    word = 2
    if decoding:
        state = (np.int64(words[0]) << 16) | np.int64(words[1])
    count = np.int64(0)
    for s in range(sizes[0]):
        family = CONTEXTS // 2 if s > 0 else 0
        before = depth * height if s > 0 else height
        for z in range(depth):
            known = s > 0 or z > 0
            for y in range(height):
                row = (s * depth + z) * height + y
                here, up, top = plane[row], plane[row - 1 if y > 0 else nothing], plane[row - 2 if y > 1 else nothing]
                back = plane[row - before if known else nothing]
                above = plane[row - before - 1 if known and y > 0 else nothing]
                below = plane[row - before + 1 if known and y + 1 < height else nothing]
                if decoding and word >= words.size - width:
                    return False
                for x in range(width):
                    i = x + BESIDE
                    near = here[at(i - 1)] | (here[at(i - 2)] << 1) | (up[at(i - 1)] << 2) | (up[at(i)] << 3)
                    far = up[at(i + 1)] | (top[at(i)] << 1) | (back[at(i)] << 2) | (back[at(i - 1)] << 3)
                    rest = back[at(i + 1)] | (above[at(i)] << 1) | (below[at(i)] << 2)
                    context = at(family + np.int64(near) + (np.int64(far) << 4) + (np.int64(rest) << 8))
                    chance = chances[context]
                    one = max(1, min(chance >> (CHANCE_BITS - PRECISION), (1 << PRECISION) - 1))
                    if decoding:
                        slot = state & ((1 << PRECISION) - 1)
                        decision = np.int64(slot < one)
                        frequency = one if decision else (1 << PRECISION) - one
                        state = frequency * (state >> PRECISION) + slot - (0 if decision else one)
                        if state < LOWEST:
                            state = (state << 16) | np.int64(words[at(word)])
                            word += 1
                        here[at(i)] = decision
                    else:
                        decision = np.int64(here[at(i)])
                        noted[at(count)] = one * 2 + decision
                        count += 1
                    age = seen[context]
                    if age == LONGEST_MEMORY:
                        chances[context] = chance + (((decision << CHANCE_BITS) - chance) >> 8)  # no division
                    else:
                        chances[context] = chance + ((decision << CHANCE_BITS) - chance) // (age + 2)
                        seen[context] = age + 1
    return (not decoding) or (state == LOWEST and word == words.size - width - 1)


@kernel
def _encode(noted, words):  # type: ignore[no-untyped-def]
    """Code the decisions of `noted`; return how many of `words` were filled, from the end.

    Parameters
    ----------
    noted : uint16 (voxels,), from `_walk`
    words : uint16 (voxels + 4,), filled from the end
    """
    state = np.int64(LOWEST)
    end = words.size
    for i in range(noted.size - 1, -1, -1):
        entry = np.int64(noted[i])
        one = entry >> 1
        frequency = one if entry & 1 else (1 << PRECISION) - one
        if (state >> (32 - PRECISION)) >= frequency:
            end -= 1
            words[end] = state & 0xFFFF
            state >>= 16
        whole = np.int64(np.uint64(state) // np.uint64(frequency))  # division without sign is the faster one
        state = (whole << PRECISION) + (state - whole * frequency) + (0 if entry & 1 else one)
    words[end - 1] = state & 0xFFFF
    words[end - 2] = state >> 16
    return words.size - end + 2


def encode_plane(plane: NDArray[np.bool_]) -> bytes:
    """Code a plane ``(series, z, y, x)``."""
    rows = _with_margins(plane.shape)
    _inside(rows, plane.shape)[...] = plane
    noted = np.zeros(plane.size, np.uint16)
    nothing = np.zeros(2, np.uint16)
    _walk(rows, np.array(plane.shape, np.int64), *_fresh(), noted, nothing, False)
    words = np.zeros(plane.size + 4, np.uint16)
    used = int(_encode(noted, words))
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
    return np.full(CONTEXTS, 1 << (CHANCE_BITS - 1), np.int64), np.zeros(CONTEXTS, np.int64)
