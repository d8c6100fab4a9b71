"""The code of a block, which encoder and decoder share: is it split, what predicts it, and the indices of its coefficients.

A mode is asked for as one of a few candidates, in turn: those of the blocks to the left, above and in the slice before, and more.
Indices come from the highest diagonal that has any down to the mean. Each is decided bit by bit: is its magnitude larger
than 0, than 1, ...? Signs have equal chances.
"""

import numpy as np

from voxz.codecs.wavelet.band_walk import HALF, MOST_BITS, beyond
from voxz.codecs.wavelet.blocks.contexts import (
    ACROSS_BEFORE,
    ACROSS_KIND,
    ACROSS_NEAR,
    AROUND,
    BY_BESIDE,
    BY_EXPECTED,
    BY_FREQUENCY,
    CANDIDATE_FLAT,
    CANDIDATE_MODE,
    CANDIDATE_SIZE,
    CANDIDATES,
    CLASSES,
    DEPTH,
    FOLLOW_MEAN,
    HALF_SIDE,
    LAST_MODE,
    LAST_NEAR,
    LAST_SUM,
    LOW,
    LOW_CLASS,
    LOW_NEAR,
    MOST_COUNTED,
    OF_ACROSS,
    OF_CANDIDATE,
    OF_INDEX,
    OF_LAST,
    OF_LOW,
    OF_REST,
    OF_SPLIT,
    PLACES_OF_FREQUENCY,
    REST_BITS,
    REST_FLAT,
    REST_NUMBER,
    REST_SIZE,
    SPLIT_KIND,
    SPLIT_NEAR,
    SPLIT_SIZES,
    around_class,
    ask,
    beside,
    beside_class,
    expect,
    expected_class,
    learn,
    place_of,
    sums_around,
)
from voxz.codecs.wavelet.blocks.layout import ACROSS, ALONE, FIRST_ANGLE, MEAN, MODES, PLANAR, SIZES, UNIT
from voxz.codecs.wavelet.blocks.within import ACROSS_COLUMNS, ACROSS_ROWS
from voxz.entropy.binary import POSITION, code_bit
from voxz.jit import at, kernel

LONGEST = 14
"""Magnitude from which on the rest follows in an Exp-Golomb code of equal chances."""

ANGLES = ACROSS - FIRST_ANGLE

USUAL = np.array([ACROSS_COLUMNS, ACROSS_ROWS, 0, 16, 32])
"""Angles that are candidates where others are not enough: there are always as many as are asked for."""


@kernel
def _size_near(slice_, i, j):  # type: ignore[no-untyped-def]
    """Size of the block at an entry of the maps, or SIZES outside.

    Parameters
    ----------
    slice_ : `layout.Slice`
    i, j : the entry
    """
    return np.int64(slice_.sizes[i, j]) if i >= 0 and j >= 0 else np.int64(SIZES)


@kernel
def split_class(slice_, y, x, size):  # type: ignore[no-untyped-def]
    """Class of whether the blocks to the left and above are smaller than a block.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    """
    i, j = y // UNIT, x // UNIT
    left = 2 if j == 0 else np.int64(slice_.sizes[i, j - 1] < size)
    up = 2 if i == 0 else np.int64(slice_.sizes[i - 1, j] < size)
    return 3 * left + up


@kernel
def code_split(slice_, y, x, size, coding, split, decoding):  # type: ignore[no-untyped-def]
    """Code whether a block is split; return it.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    coding : `contexts.Coding`
    decoding : whether its stream is decoded
    split : 0 or 1; anything when decoding
    """
    i, j = y // UNIT, x // UNIT
    left, up = _size_near(slice_, i, j - 1), _size_near(slice_, i - 1, j)
    one = SPLIT_NEAR + 9 * size + split_class(slice_, y, x, size)
    other = SPLIT_SIZES + 25 * size + 5 * left + up
    third = SPLIT_KIND + 3 * size + slice_.kind
    return ask(coding, one, other, third, OF_SPLIT + size, np.int64(split), decoding)


@kernel
def _mode_near(modes, i, j):  # type: ignore[no-untyped-def]
    """Mode of the block at an entry of a map: MEAN outside, PLANAR where other slices predict it.

    Parameters
    ----------
    modes : uint8, see `layout.Slice`
    i, j : the entry
    """
    if i < 0 or j < 0:
        return np.int64(MEAN)
    mode = np.int64(modes[i, j])
    return np.int64(PLANAR) if mode == ACROSS else mode


@kernel
def candidates(slice_, y, x, found):  # type: ignore[no-untyped-def]
    """Fill the candidates of a block, without those of other slices, and return a class: whether the first two say the same.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x : the block
    found : int64 (CANDIDATES,), filled
    """
    i, j = y // UNIT, x // UNIT
    left, up = _mode_near(slice_.modes, i, j - 1), _mode_near(slice_.modes, i - 1, j)
    before = np.int64(PLANAR) if slice_.kind == ALONE else _mode_near(slice_.modes_before, i, j)
    count = 0
    for turn in range(9 + USUAL.size):
        if turn < 5:
            mode = (left, up, before, np.int64(PLANAR), np.int64(MEAN))[turn]
        elif turn < 9:
            from_ = left if turn < 7 else up
            if from_ < FIRST_ANGLE:
                continue
            mode = FIRST_ANGLE + (from_ - FIRST_ANGLE + (ANGLES - 2 if turn & 1 else 0) + 1) % ANGLES
        else:
            mode = FIRST_ANGLE + USUAL[turn - 9]
        is_new = count < CANDIDATES
        for k in range(count):
            is_new &= found[k] != mode
        if is_new:
            found[count] = mode
            count += 1
    return np.int64(left == up)


@kernel
def _rank(mode, found):  # type: ignore[no-untyped-def]
    """Number of a mode among those that are no candidates."""
    rank = mode
    for k in range(CANDIDATES):
        rank -= np.int64(found[k] < mode)
    return rank


@kernel
def _unranked(rank, found):  # type: ignore[no-untyped-def]
    """Inverse of `_rank`."""
    for mode in range(MODES - 1):
        if _rank(np.int64(mode), found) == rank:
            is_candidate = False
            for k in range(CANDIDATES):
                is_candidate |= found[k] == mode
            if not is_candidate:
                return np.int64(mode)
    return np.int64(PLANAR)


@kernel
def across_class(slice_, y, x):  # type: ignore[no-untyped-def]
    """Class of whether the blocks to the left and above are predicted by other slices.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x : the block
    """
    i, j = y // UNIT, x // UNIT
    left = 2 if j == 0 else np.int64(slice_.modes[i, j - 1] == ACROSS)
    up = 2 if i == 0 else np.int64(slice_.modes[i - 1, j] == ACROSS)
    return 3 * left + up


@kernel
def _code_across(slice_, y, x, size, coding, mode, decoding):  # type: ignore[no-untyped-def]
    """Code whether other slices predict a block; return it.

    Parameters
    ----------
    slice_, y, x, size, coding, mode, decoding : as for `code_mode`
    """
    near = across_class(slice_, y, x)
    one = ACROSS_NEAR + SIZES * near + size
    other = ACROSS_BEFORE + 2 * near + (slice_.modes_before[y // UNIT, x // UNIT] == ACROSS)
    third = ACROSS_KIND + 3 * size + slice_.kind
    bit = np.int64(mode == ACROSS)
    return ask(coding, one, other, third, np.int64(OF_ACROSS), bit, decoding)


@kernel
def code_mode(slice_, y, x, size, coding, room, mode, decoding):  # type: ignore[no-untyped-def]
    """Code what predicts a block; return it.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    coding : `contexts.Coding`
    room : int64 (CANDIDATES,)
    decoding : whether its stream is decoded
    mode : anything when decoding
    """
    if slice_.kind != ALONE and _code_across(slice_, y, x, size, coding, mode, decoding):
        return np.int64(ACROSS)
    alike = candidates(slice_, y, x, room)
    flat = np.int64(room[0] < FIRST_ANGLE)
    for k in range(CANDIDATES):
        one = CANDIDATE_SIZE + (2 * k + alike) * SIZES + size
        other = CANDIDATE_MODE + 2 * (MODES * k + room[k]) + (slice_.kind != ALONE)
        third = CANDIDATE_FLAT + 2 * (3 * k + min(room[k], 2)) + flat
        set_ = OF_CANDIDATE + k
        if ask(coding, one, other, third, set_, np.int64(room[k] == mode), decoding):
            return room[k]
    rank, found = _rank(mode, room), np.int64(1)
    for k in range(REST_BITS - 1, -1, -1):
        one = REST_NUMBER + found
        other = REST_SIZE + (size << REST_BITS) + found
        third = REST_FLAT + (flat << REST_BITS) + found
        bit = (rank >> k) & 1
        found = 2 * found + ask(coding, one, other, third, np.int64(OF_REST), bit, decoding)
    return _unranked(found - (1 << REST_BITS), room)


@kernel
def bits_of(number):  # type: ignore[no-untyped-def]
    """Bits of a number."""
    bits = np.int64(0)
    while number >> bits:
        bits += 1
    return bits


@kernel
def _last_near(slice_, i, j, size):  # type: ignore[no-untyped-def]
    """Bits of the diagonals of the block at an entry of the maps, at the scale of a block; 7 outside.

    Parameters
    ----------
    slice_ : `layout.Slice`
    i, j : the entry
    size : of the block
    """
    if i < 0 or j < 0:
        return np.int64(7)
    return min(bits_of((np.int64(slice_.lasts[i, j]) << size) >> slice_.sizes[i, j]), CLASSES - 1)


@kernel
def code_last(slice_, y, x, size, kind, mode, coding, last, decoding):  # type: ignore[no-untyped-def]
    """Code the number of diagonals that have indices; return it.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block
    kind : of the block, below KINDS
    mode : of the block
    coding : `contexts.Coding`
    decoding : whether its stream is decoded
    last : anything when decoding
    """
    i, j = y // UNIT, x // UNIT
    left, up = _last_near(slice_, i, j - 1, size), _last_near(slice_, i - 1, j, size)
    which = 3 if mode == ACROSS else min(mode, FIRST_ANGLE)
    length, wanted = np.int64(0), bits_of(last)
    while length < CLASSES - 1:
        node = kind * CLASSES + length
        one, other = LAST_NEAR + 64 * node + 8 * left + up, LAST_SUM + 15 * node + left + up
        third, set_ = LAST_MODE + 4 * node + which, OF_LAST + node
        if not ask(coding, one, other, third, set_, np.int64(wanted > length), decoding):
            break
        length += 1
    found = np.int64(length > 0)
    for k in range(length - 2, -1, -1):
        one = LOW + 64 * (kind * CLASSES + length) + found
        other = LOW_NEAR + 8 * (64 * length + found) + left
        third = LOW_CLASS + 64 * length + found
        bit = (last >> k) & 1
        found = 2 * found + ask(coding, one, other, third, OF_LOW + length, bit, decoding)
    return found


@kernel
def _code_size(size, node, beside_, frequency, expected, coding, decoding):  # type: ignore[no-untyped-def]
    """Code a magnitude; return it.

    Parameters
    ----------
    size : anything when decoding
    node : the kind of the block
    beside_, frequency, expected : classes, each for a counter
    coding, decoding : as for `code_indices`
    """
    reached = np.int64(0)
    while True:
        depth = min(reached, DEPTH - 1)
        one, other = BY_BESIDE + DEPTH * beside_ + depth, BY_FREQUENCY + DEPTH * frequency + depth
        third, set_ = BY_EXPECTED + DEPTH * expected + depth, OF_INDEX + DEPTH * node + depth
        if not ask(coding, one, other, third, set_, np.int64(size > reached), decoding):
            return reached
        reached += 1
        if reached == LONGEST:
            return reached + beyond(size - reached, coding.coder, coding.data, decoding)


@kernel
def code_indices(slice_, y, x, size, kind, last, coding, features, decoding):  # type: ignore[no-untyped-def]
    """Code the indices of a block, which decoding fills in; False for a damaged stream.

    Parameters
    ----------
    slice_ : `layout.Slice`
    y, x, size : the block; its indices are zero when decoding
    kind : of the block, below KINDS
    last : diagonals that have indices
    coding : `contexts.Coding`
    features : float64 (FEATURES,), room
    decoding : whether its stream is decoded
    """
    side, indices, weights = UNIT << size, slice_.indices, coding.features[kind]
    wide = SIZES - 1 - size
    features[5] = 0.05
    for diagonal in range(last - 1, -1, -1):
        if decoding and coding.coder[POSITION] > coding.data.size:
            return False
        for row in range(max(0, diagonal - side + 1), min(diagonal, side - 1) + 1):
            column = diagonal - row
            near, far = sums_around(indices, y, x, row, column, side)
            left = beside(indices, slice_.sizes, y + side // 2, x - 1, row, column, size)
            up = beside(indices, slice_.sizes, y - 1, x + side // 2, row, column, size)
            mean = coding.means[kind, at(row << wide), at(column << wide)]
            features[0], features[1] = np.float64(near), np.float64(far)
            features[2], features[3] = np.float64(min(left, 6)), np.float64(min(up, 6))
            features[4] = mean
            likely = expect(weights, features)
            place = place_of(row, column, side)
            beside_ = (beside_class(left + up) * AROUND + around_class(near + far)) * PLACES_OF_FREQUENCY + place
            half = 1 if size == SIZES - 1 else 0
            frequency = (kind * HALF_SIDE + (row >> half)) * HALF_SIDE + (column >> half)
            expected = expected_class(likely) * PLACES_OF_FREQUENCY + place
            index = np.int64(indices[at(y + row), at(x + column)])
            found = _code_size(abs(index), kind, beside_, frequency, expected, coding, decoding)
            if found >> MOST_BITS:
                return False
            counted = np.float64(min(found, MOST_COUNTED))
            learn(weights, features, counted - likely)
            coding.means[kind, at(row << wide), at(column << wide)] = mean + FOLLOW_MEAN * (counted - mean)
            if found:
                negative = code_bit(np.int64(index < 0), np.int64(HALF), coding.coder, coding.data, decoding)
                indices[at(y + row), at(x + column)] = -found if negative else found
    return True
