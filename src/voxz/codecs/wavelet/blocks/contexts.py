"""Counters of the decisions about blocks, and what is expected of an index.

Every decision mixes three counters (`voxz.codecs.wavelet.mixing`). Those of an index are chosen by the magnitudes around it in
its block and at its frequency in the blocks beside; by its frequency; and by an expected magnitude: a sum of the same magnitudes
and of the mean at its frequency, with weights that follow what they miss (normalised least mean squares, Widrow and Hoff 1960).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.blocks.layout import ACROSS, LARGEST, MODES, SIZES, UNIT
from voxz.codecs.wavelet.magnitude_context import UNIT_BITS, bin_of
from voxz.codecs.wavelet.mixing import START, UNDECIDED, decide
from voxz.entropy.binary import start
from voxz.jit import at, inlined_kernel, kernel

DEPTH = 8
"""Decisions about an index that are told apart."""

CLASSES = 7
"""Of the number of diagonals of a block that have indices: its bits, 0 to 6."""

CANDIDATES = 7
"""Modes that are asked for one by one."""

REST_BITS = 5
"""Bits of the numbers of the modes that are left."""

KINDS = 2 * SIZES
"""Kinds of blocks: their size, and whether other slices predict them."""

PLACES_OF_FREQUENCY = 5
AROUND, BESIDE, EXPECTED, HALF_SIDE = 10, 8, 24, 16
"""Classes of the magnitudes around an index, of those in the blocks beside, of the expected one; frequencies along an axis."""

FEATURES = 6
FIRST_WEIGHTS = np.array([0.15, 0.06, 0.06, 0.06, 0.4, 0.0])
FIRST_MEAN = 0.3
FOLLOW, FOLLOW_MEAN = 0.004, 0.02
"""How fast the weights and the means of the expected magnitude learn."""

MOST_COUNTED = 10
"""Magnitude that an index counts as at most."""

_ORDER = {
    "beside": BESIDE * AROUND * PLACES_OF_FREQUENCY * DEPTH,
    "frequency": KINDS * HALF_SIDE * HALF_SIDE * DEPTH,
    "expected": EXPECTED * PLACES_OF_FREQUENCY * DEPTH,
    "split_near": SIZES * 9,
    "split_sizes": SIZES * 25,
    "split_kind": SIZES * 3,
    "across_near": 9 * SIZES,
    "across_before": 9 * 2,
    "across_kind": SIZES * 3,
    "candidate_size": CANDIDATES * 2 * SIZES,
    "candidate_mode": CANDIDATES * MODES * 2,
    "candidate_flat": CANDIDATES * 3 * 2,
    "rest": 1 << REST_BITS,
    "rest_size": SIZES << REST_BITS,
    "rest_flat": 2 << REST_BITS,
    "last_near": KINDS * CLASSES * 64,
    "last_sum": KINDS * CLASSES * 15,
    "last_mode": KINDS * CLASSES * 4,
    "low": KINDS * CLASSES * 64,
    "low_near": CLASSES * 64 * 8,
    "low_class": CLASSES * 64,
}
_ENDS = dict(zip(_ORDER, np.cumsum(list(_ORDER.values())).tolist(), strict=True))
PLACES = sum(_ORDER.values())
"""Counters in all."""

(
    BY_BESIDE,
    BY_FREQUENCY,
    BY_EXPECTED,
    SPLIT_NEAR,
    SPLIT_SIZES,
    SPLIT_KIND,
    ACROSS_NEAR,
    ACROSS_BEFORE,
    ACROSS_KIND,
    CANDIDATE_SIZE,
    CANDIDATE_MODE,
    CANDIDATE_FLAT,
    REST_NUMBER,
    REST_SIZE,
    REST_FLAT,
    LAST_NEAR,
    LAST_SUM,
    LAST_MODE,
    LOW,
    LOW_NEAR,
    LOW_CLASS,
) = (_ENDS[name] - _ORDER[name] for name in _ORDER)

OF_INDEX, OF_SPLIT, OF_ACROSS, OF_CANDIDATE = 0, KINDS * DEPTH, KINDS * DEPTH + SIZES, KINDS * DEPTH + SIZES + 1
OF_REST = OF_CANDIDATE + CANDIDATES
OF_LAST = OF_REST + 1
OF_LOW = OF_LAST + KINDS * CLASSES
SETS = OF_LOW + CLASSES
"""Sets of weights in all."""


class Coding(NamedTuple):
    """What is learnt while a volume is coded, and its stream.

    Attributes
    ----------
    counters : int32 (PLACES,)
    weights : float64 (3 * SETS,), of the counters of each decision
    features : float64 (KINDS, FEATURES), weights of the expected magnitude
    means : float64 (KINDS, LARGEST, LARGEST), mean magnitude by frequency
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,), the stream
    """

    counters: NDArray[np.int32]
    weights: NDArray[np.float64]
    features: NDArray[np.float64]
    means: NDArray[np.float64]
    coder: NDArray[np.int64]
    data: NDArray[np.uint8]

    @classmethod
    def begin(cls, stream: bytes, room: int = 0) -> "Coding":
        """Before anything was coded: of a `stream`, or with `room` for the bytes of one."""
        coder = np.zeros(4, np.int64)
        start(coder, stream)
        counters, weights = np.full(PLACES, UNDECIDED, np.int32), np.full(3 * SETS, START)
        features = np.repeat(FIRST_WEIGHTS[None], KINDS, axis=0)
        means = np.full((KINDS, LARGEST, LARGEST), FIRST_MEAN)
        data = np.frombuffer(stream, np.uint8).copy() if stream else np.zeros(room, np.uint8)
        return cls(counters, weights, features, means, coder, data)


@kernel
def ask(coding, one, other, third, set_, bit, decoding):  # type: ignore[no-untyped-def]
    """Code a bit; return it.

    Parameters
    ----------
    coding : `Coding`
    one, other, third : its counters
    set_ : of the weights of these
    bit : 0 or 1; anything when decoding
    decoding : whether the stream is decoded
    """
    return decide(coding.counters, one, other, third, coding.weights, 3 * set_, coding.coder, coding.data, bit, decoding)


@inlined_kernel
def kind_of(size, mode):  # type: ignore[no-untyped-def]
    """Kind of a block of a size that is predicted by a mode."""
    return size + (SIZES if mode == ACROSS else 0)


@inlined_kernel
def place_of(row, column, side):  # type: ignore[no-untyped-def]
    """Class of a frequency: 0 for the mean, then by diagonals.

    Parameters
    ----------
    row, column : of the coefficient
    side : of its block
    """
    diagonal = row + column
    return 0 if diagonal == 0 else 1 if diagonal <= 2 else 2 if diagonal < side // 2 else 3 if diagonal < side else 4


@inlined_kernel
def magnitude_of(index, most):  # type: ignore[no-untyped-def]
    """Magnitude of an index, or `most`."""
    return min(abs(np.int64(index)), np.int64(most))


@inlined_kernel
def sums_around(indices, y, x, row, column, side):  # type: ignore[no-untyped-def]
    """Magnitudes, each of 4 at most, of the two coefficients next to one, and of three farther, all of higher frequency.

    Parameters
    ----------
    indices : int32 (y, x)
    y, x, side : the block in them
    row, column : of the coefficient in the block
    """
    i, j, near, far = y + row, x + column, np.int64(0), np.int64(0)
    right, down = column + 1 < side, row + 1 < side
    if right:
        near += magnitude_of(indices[at(i), at(j + 1)], 4)
    if down:
        near += magnitude_of(indices[at(i + 1), at(j)], 4)
    if right and down:
        far += magnitude_of(indices[at(i + 1), at(j + 1)], 4)
    if column + 2 < side:
        far += magnitude_of(indices[at(i), at(j + 2)], 4)
    if row + 2 < side:
        far += magnitude_of(indices[at(i + 2), at(j)], 4)
    return near, far


@inlined_kernel
def around_class(total):  # type: ignore[no-untyped-def]
    """Class of a sum of magnitudes around an index."""
    return total if total < 5 else 5 if total < 7 else 6 if total < 9 else 7 if total < 12 else 8 if total < 16 else 9


@inlined_kernel
def beside_class(total):  # type: ignore[no-untyped-def]
    """Class of a sum of magnitudes in the blocks beside."""
    return total if total < 4 else 4 if total < 6 else 5 if total < 9 else 6 if total < 14 else 7


@inlined_kernel
def beside(indices, sizes, y, x, row, column, size):  # type: ignore[no-untyped-def]
    """Magnitude, of 15 at most, at the frequency of a coefficient in the block that covers a place; 0 outside the slice.

    Parameters
    ----------
    indices, sizes : see `layout.Slice`
    y, x : the place
    row, column : of the coefficient in its own block
    size : of its block
    """
    if y < 0 or x < 0:
        return np.int64(0)
    other = np.int64(sizes[at(y // UNIT), at(x // UNIT)])
    mask = ~((UNIT << other) - 1)
    i, j = (y & mask) + ((row << other) >> size), (x & mask) + ((column << other) >> size)
    return magnitude_of(indices[at(i), at(j)], 15)


@kernel
def expect(weights, features):  # type: ignore[no-untyped-def]
    """Expected magnitude.

    Parameters
    ----------
    weights : float64 (FEATURES,)
    features : float64 (FEATURES,)
    """
    total = 0.0
    for k in range(FEATURES):
        total += weights[k] * features[k]
    return total


@kernel
def learn(weights, features, miss):  # type: ignore[no-untyped-def]
    """Move the weights of the expected magnitude.

    Parameters
    ----------
    weights : float64 (FEATURES,), changed
    features : float64 (FEATURES,)
    miss : magnitude less the expected one
    """
    size = 0.3
    for k in range(FEATURES):
        size += features[k] * features[k]
    rate = FOLLOW * miss / size
    for k in range(FEATURES):
        weights[k] += rate * features[k]


@inlined_kernel
def expected_class(value):  # type: ignore[no-untyped-def]
    """Class of an expected magnitude, by thirds of octaves."""
    return min(bin_of(np.int64(min(max(value, 0.0), 64.0) * (1 << UNIT_BITS))), EXPECTED - 1)
