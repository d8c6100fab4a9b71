"""Bit planes: where in a brick something is, one adaptive binary decision a voxel.

A decision's context is the eleven nearest decisions already made: six in the slice and five in the slice before, or, in a
series, in the volume before. Each context keeps the chance of a one, which moves towards every decision by a share that
shrinks as the context fills (a Krichevsky-Trofimov estimate that forgets). Decisions are coded in binary rANS: the encoder first
notes all chances, then codes backwards.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.jit import at, kernel

CHANCE_BITS = 16
PRECISION = 14
LOWEST = 1 << 16
LONGEST_MEMORY = 254
LEFT, TOP, FRONT = 2, 2, 1
MARGIN_X, MARGIN_Y, MARGIN_Z = 4, 3, 1
CONTEXTS = 1 << 12


@kernel
def _walk(plane, sizes, chances, seen, noted, words, decoding):  # type: ignore[no-untyped-def]
    """Decide every voxel of a plane: decode it, or note twice its chance plus the decision.

    Returns True unless `words` do not end where the decisions do.

    Parameters
    ----------
    plane : uint8, flat, padded: 0 or 1; decoding fills it
    sizes : int64 (4,), series, z, y, x
    chances : int64 (CONTEXTS,), of a one, in ``2**-CHANCE_BITS``, changed
    seen : int64 (CONTEXTS,), decisions so far, at most LONGEST_MEMORY, changed
    noted : uint16 (voxels,), filled when encoding
    words : uint16, read when decoding; with a row of zeros and one more behind
    decoding : whether `words` are read
    """
    row = sizes[3] + MARGIN_X
    slice_ = (sizes[2] + MARGIN_Y) * row
    volume = (sizes[1] + MARGIN_Z) * slice_
    state = np.int64(0)
    word = 2
    if decoding:
        state = (np.int64(words[0]) << 16) | np.int64(words[1])
    count = np.int64(0)
    for s in range(sizes[0]):
        behind = -volume if s > 0 else -slice_
        family = CONTEXTS // 2 if s > 0 else 0
        for z in range(sizes[1]):
            for y in range(sizes[2]):
                start = s * volume + (z + FRONT) * slice_ + (y + TOP) * row + LEFT
                if decoding and word >= words.size - sizes[3]:
                    return False
                for x in range(sizes[3]):
                    i = start + x
                    n, c = i - row, i + behind
                    near = plane[at(i - 1)] | (plane[at(i - 2)] << 1) | (plane[at(n - 1)] << 2) | (plane[at(n)] << 3)
                    far = plane[at(n + 1)] | (plane[at(n - row)] << 1) | (plane[at(c)] << 2) | (plane[at(c - 1)] << 3)
                    rest = plane[at(c + 1)] | (plane[at(c - row)] << 1) | (plane[at(c + row)] << 2)
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
                        plane[at(i)] = decision
                    else:
                        decision = np.int64(plane[at(i)])
                        noted[at(count)] = one * 2 + decision
                        count += 1
                    age = seen[context]
                    chances[context] = chance + ((decision << CHANCE_BITS) - chance) // (age + 2)
                    seen[context] = min(age + 1, LONGEST_MEMORY)
    return (not decoding) or (state == LOWEST and word == words.size - sizes[3] - 1)


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
        state = ((state // frequency) << PRECISION) + state % frequency + (0 if entry & 1 else one)
    words[end - 1] = state & 0xFFFF
    words[end - 2] = state >> 16
    return words.size - end + 2


def encode_plane(plane: NDArray[np.bool_]) -> bytes:
    """Code a plane ``(series, z, y, x)``."""
    padded, inside = _padded(plane.shape)
    padded[inside] = plane
    noted = np.zeros(plane.size, np.uint16)
    nothing = np.zeros(2, np.uint16)
    _walk(padded.ravel(), np.array(plane.shape, np.int64), *_fresh(), noted, nothing, False)
    words = np.zeros(plane.size + 4, np.uint16)
    used = int(_encode(noted, words))
    return words[words.size - used :].astype("<u2").tobytes()


def decode_plane(payload: bytes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Inverse of `encode_plane`; damage raises `CorruptError`."""
    if len(payload) < 4 or len(payload) % 2:
        raise CorruptError(f"a bit plane takes an even number of bytes, at least 4 (got {len(payload)})")
    padded, inside = _padded(shape)
    words = np.concatenate([np.frombuffer(payload, "<u2").astype(np.uint16), np.zeros(shape[3] + 1, np.uint16)])
    if not _walk(padded.ravel(), np.array(shape, np.int64), *_fresh(), np.zeros(0, np.uint16), words, True):
        raise CorruptError("a bit plane is damaged")
    return padded[inside].astype(np.bool_)


def _padded(shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], tuple[slice, ...]]:
    """An empty plane with margins, and where its inside is."""
    series, depth, height, width = shape
    padded = np.zeros((series, depth + MARGIN_Z, height + MARGIN_Y, width + MARGIN_X), np.uint8)
    inside = (slice(None), slice(FRONT, None), slice(TOP, TOP + height), slice(LEFT, LEFT + width))
    return padded, inside


def _fresh() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Chances and ages of all contexts before the first decision."""
    return np.full(CONTEXTS, 1 << (CHANCE_BITS - 1), np.int64), np.zeros(CONTEXTS, np.int64)
