"""Coding one voxel: its first candidate, the second, the third, a new id, or any known one.

Candidates are ids of neighbours, so that a decision is "equal to this neighbour or not". What is known about it is which
other neighbours equal the candidate: one bit for each of NEIGHBOURS. Contexts are parts of these bits, hashed into counters;
the last context knows the ids themselves.
"""

import numpy as np

from voxz.codecs.labels.counters import TABLES_END, code_counted
from voxz.codecs.labels.mixing import INPUTS, SLOTS, decide
from voxz.codecs.labels.neighbourhood import MODES, NEIGHBOURS, OFFSETS, PATTERN_SIZE
from voxz.jit import at, kernel

CANDIDATES = 3
HASH_BITS = 16
HASH_MASK = (1 << HASH_BITS) - 1

SEEN, COUNT, LENGTH, ROW_STATE = 4, 5, 6, 7
"""Places in `work`: ids seen so far, ids of the brick, bits of the largest id; what the row so far repeats."""

WORK_SIZE = OFFSETS + NEIGHBOURS


def _bits(*neighbours: int) -> int:
    return sum(1 << k for k in neighbours)


MASK_0 = _bits(0, 1, 2, 3, 4, 9, 10, 16, 17, 18, 19, 26, 27, 28)
MASK_1 = _bits(0, 1, 2, 5, 6, 7, 8, 11, 12, 13, 14, 15)
MASK_2 = _bits(0, 1, 2, 3, 5, 6, 7, 8, 15, 20, 21, 22, 23)
MASK_3 = _bits(*range(20))
MASK_4 = _bits(*range(NEIGHBOURS))
"""In the slice; around the voxel in the slice before; and beyond; most; all."""

PATTERNS = TABLES_END
"""Places in `state`: a counter for each pattern of the PATTERN_SIZE neighbours, per mode; then those of runs, repeated rows, new
ids, hashed contexts and the bits of ids; then weights."""

RUNS = PATTERNS + (MODES << PATTERN_SIZE)
SAME = RUNS + MODES * 32
FRESH = SAME + MODES * 32
HASHED = FRESH + 1
TREE = HASHED + (INPUTS << HASH_BITS)
WEIGHTS = TREE + (1 << HASH_BITS)
SETS = 8 * CANDIDATES * MODES
SETS_2 = 64 * CANDIDATES * 9
STATE_SIZE = WEIGHTS + (SETS + SETS_2) * INPUTS

LOW_BITS = 0x7F
"""The neighbours that the context of the ids looks at."""

_MULTIPLIER = 0x2545F491
_SPREAD = 0x3C6EF35F
_SPREAD_2 = 0x41C64E6D
_WORD = 0xFFFFFFFF
TREE_LIMIT = 30
FRESH_LIMIT = 30


@kernel
def _hash(key):  # type: ignore[no-untyped-def]
    """Spread a key of up to 33 bits over HASH_BITS bits."""
    product = key * _MULTIPLIER
    return ((product >> 14) ^ (product >> 31)) & HASH_MASK


@kernel
def _next_candidate(i, k, first, second, ids, work):  # type: ignore[no-untyped-def]
    """Number of the first neighbour from `k` on that is neither `first` nor `second`, or NEIGHBOURS.

    Parameters
    ----------
    i : place in `ids`
    k : number of the first neighbour to look at
    first, second : ids that were refused
    ids, work : as for `walk.walk`
    """
    while k < NEIGHBOURS:
        value = ids[at(i + work[at(OFFSETS + k)])]
        if value not in (first, second):
            break
        k += 1
    return k


@kernel
def code_voxel(i, first, refused, mode, ids, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code voxel `i`, whose first candidate is `first` and perhaps already `refused`; False if an id is out of range.

    Parameters
    ----------
    i : place in `ids`
    first : id
    refused : whether it is known not to be `first`
    mode : 0 to MODES - 1, which slices exist before
    ids, state, work, stream, decoding : as for `walk.walk`
    """
    truth = np.int64(ids[at(i)])
    row_state = work[ROW_STATE]
    k = np.int64(0)
    candidate, second, rival = first, first, first
    for turn in range(CANDIDATES):
        if turn > 0:
            k = _next_candidate(i, k, first, second, ids, work)
            if k == NEIGHBOURS:
                break
            candidate = np.int64(ids[at(i + work[at(OFFSETS + k)])])
            rival = first
            if turn == 1:
                second = candidate
        elif refused:
            continue
        equal = np.int64(0)
        for n in range(NEIGHBOURS):
            equal |= np.int64(ids[at(i + work[at(OFFSETS + n)])] == candidate) << n
        if turn == 0:
            n = 0
            while n < NEIGHBOURS - 1 and (equal >> n) & 1 == 1:
                n += 1
            rival = np.int64(ids[at(i + work[at(OFFSETS + n)])])
        salt = np.int64(turn) << 31
        work[SLOTS] = HASHED + _hash((equal & MASK_0) + salt)
        work[SLOTS + 1] = HASHED + (1 << HASH_BITS) + _hash((equal & MASK_1) + salt)
        work[SLOTS + 2] = HASHED + (2 << HASH_BITS) + _hash((equal & MASK_2) + salt)
        work[SLOTS + 3] = HASHED + (3 << HASH_BITS) + _hash((equal & MASK_3) + salt)
        work[SLOTS + 4] = HASHED + (4 << HASH_BITS) + _hash((equal & MASK_4) + salt)
        pair = ((candidate * _SPREAD) & _WORD) ^ (rival * 4 + turn)
        key = ((pair * _SPREAD_2) & _WORD) ^ ((equal & LOW_BITS) | (row_state << 7))
        work[SLOTS + 5] = HASHED + (5 << HASH_BITS) + _hash(key)
        one = WEIGHTS + ((equal & 7) + 8 * (turn + CANDIDATES * mode)) * INPUTS
        two = WEIGHTS + (SETS + ((equal >> 3) & 63) + 64 * (turn + CANDIDATES * row_state)) * INPUTS
        if decide(np.int64(truth == candidate), one, two, state, work, stream, decoding):
            ids[at(i)] = candidate
            return True
    return _code_id(i, first, truth, ids, state, work, stream, decoding)


@kernel
def _code_id(i, first, truth, ids, state, work, stream, decoding):  # type: ignore[no-untyped-def]
    """Code an id that none of the candidates is: the next one never seen, or bit by bit. False if it is out of range.

    Parameters
    ----------
    i, first : as for `code_voxel`
    truth : id of the voxel; anything when decoding
    ids, state, work, stream, decoding : as for `walk.walk`
    """
    seen = work[SEEN]
    if seen < work[COUNT] and code_counted(np.int64(truth == seen), FRESH, FRESH_LIMIT, state, work, stream, decoding):
        ids[at(i)] = seen
        work[SEEN] = seen + 1
        return True
    node = np.int64(1)
    for shift in range(work[LENGTH] - 1, -1, -1):
        slot = TREE + _hash(((first * _SPREAD) & _WORD) ^ node)
        bit = (truth >> shift) & 1
        node = 2 * node + code_counted(bit, slot, TREE_LIMIT, state, work, stream, decoding)
    found = node - (np.int64(1) << work[LENGTH])
    if found >= work[COUNT]:
        return False
    ids[at(i)] = found
    return True
