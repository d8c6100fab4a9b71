"""What both sides of levels 6 to 9 start from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.levels import MixedSettings
from voxz.codecs.predictive.mixed.correction import TILE, Correction, bytes_of_correction
from voxz.codecs.predictive.mixed.online_least_squares import size_of
from voxz.codecs.predictive.mixed.sample_code import COARSE, DEPTH, PATTERNS, PHASES, SCALES
from voxz.codecs.predictive.neighbourhood import MODES, SELF, Tap
from voxz.codecs.predictive.padding import Geometry
from voxz.codecs.predictive.row_sums import Predictors, RowSums, fresh_sums
from voxz.entropy.logistic import LOGISTIC, REACH, STEPS
from voxz.entropy.mixing import COUNT_BITS, COUNTERS, LARGEST_ODDS, REFINED

COUNTER_WEIGHT = 0.1
"""Weight of a counter before anything is known; the experts share 1."""

MOST_TILES = 2048
"""Most tiles of a slice. Where there would be more, they are larger: each takes 9 KiB for each memory."""

STRIP = 4096
"""Columns of a row whose features are in memory at once, at least a tile: they take 256 bytes each."""


class LeastSquares(NamedTuple):
    """Recursive least squares: one predictor for each memory, for slices with and without one before, and tile.

    Attributes
    ----------
    offsets : int64 (series, modes, taps), indices from a voxel to its neighbours
    taps : int64 (modes,), their number
    tile : side of a tile in voxels
    memory : float64 (memories,), share of the moments that is kept from row to row
    states : float64 (memories, 2, tiles, size * (size + 1) / 2), upper triangles of moments, row by row
    solutions : float64 (memories, 2, tiles, size), coefficients
    """

    offsets: NDArray[np.int64]
    taps: NDArray[np.int64]
    tile: int
    memory: NDArray[np.float64]
    states: NDArray[np.float64]
    solutions: NDArray[np.float64]


class RowExperts(NamedTuple):
    """What the least-squares experts know of a row.

    Attributes
    ----------
    west : float64 (2, width), differences of the two neighbours to the west to the one north
    predicted : float64 (memories, width), sums over all neighbours that are known ahead
    scales : float64 (width,), weight of each voxel in what is learnt: one over its expected error
    solutions : float64 (memories, tiles, size), those for slices like this
    first_tile : number of the row's first tile
    tile : side of a tile in voxels
    """

    west: NDArray[np.float64]
    predicted: NDArray[np.float64]
    scales: NDArray[np.float64]
    solutions: NDArray[np.float64]
    first_tile: int
    tile: int


class Decision(NamedTuple):
    """What a decision is made from; written anew for each.

    Attributes
    ----------
    places : float64 (experts,), where each expert expects the sample, in dense values
    widths : float64 (experts,), steepness of each expert's distribution
    inputs : float64 (experts + COUNTERS,), what is mixed
    sides : float64 (experts,), the same for the second of two decisions
    slots : int64 (COUNTERS,), contexts that count
    """

    places: NDArray[np.float64]
    widths: NDArray[np.float64]
    inputs: NDArray[np.float64]
    sides: NDArray[np.float64]
    slots: NDArray[np.int64]

    @classmethod
    def fresh(cls, experts: int) -> "Decision":
        """Zeros for so many experts."""
        zeros = np.zeros
        return cls(zeros(experts), zeros(experts), zeros(experts + COUNTERS), zeros(experts), zeros(COUNTERS, np.int64))


class Room(NamedTuple):
    """What a walk works in.

    Attributes
    ----------
    sums : `row_sums.RowSums`
    features : float64 (size, columns), differences of each neighbour, and at last of the voxel, to the one north, for a strip of
        tiles of a row, which is the whole row unless it is longer than STRIP
    west, predicted, scales : as in `RowExperts`
    block : float64 (8, size)
    moments, triangle : float64 (size, size)
    decision : `Decision`
    """

    sums: RowSums
    features: NDArray[np.float64]
    west: NDArray[np.float64]
    predicted: NDArray[np.float64]
    scales: NDArray[np.float64]
    block: NDArray[np.float64]
    moments: NDArray[np.float64]
    triangle: NDArray[np.float64]
    decision: Decision

    @classmethod
    def fresh(cls, predictors: Predictors, highest: int, squares: LeastSquares, width: int) -> "Room":
        """Zeros for rows of `width` voxels with dense values up to `highest`."""
        memories, size = squares.memory.size, squares.solutions.shape[3]
        strip = max(1, STRIP // squares.tile) * squares.tile
        return cls(
            fresh_sums(predictors, highest, width),
            np.zeros((size, min(strip, width))),
            np.zeros((2, width)),
            np.zeros((memories, width)),
            np.zeros(width),
            np.zeros((8, size)),
            np.zeros((size, size)),
            np.zeros((size, size)),
            Decision.fresh(memories + 2),
        )


class Mixture(NamedTuple):
    """What mixing the experts has learnt.

    Attributes
    ----------
    recent : float64 (experts, 3, width + 4), errors of each expert in the last three rows, in dense values
    weights : float64 (2, DEPTH + 1, SCALES, inputs), both sets of weights of each decision
    counters : uint32, probability << COUNT_BITS | count of each context
    refiners : float64 (2 * DEPTH, SCALES // 2, REFINED), last stage of each decision
    biases : float64 (contexts, 2), sum of the blend's errors and their number
    """

    recent: NDArray[np.float64]
    weights: NDArray[np.float64]
    counters: NDArray[np.uint32]
    refiners: NDArray[np.float64]
    biases: NDArray[np.float64]


BYTES_A_TILE = 9 << 10
"""Moments and solutions of a tile for one memory, with and without a slice before."""

BYTES_A_COLUMN = 192
"""What a walk keeps of each column of a row: sums, predictions and errors of the experts."""


def memory_of_walk(settings: MixedSettings, geometry: Geometry) -> int:
    """Bytes that a walk takes beside samples and their errors."""
    memories, tiles = len(settings.memory), _tiles(settings.tile, geometry)[1]
    corrected = bytes_of_correction(memories + 1, geometry.height, geometry.width, _tiles(TILE, geometry)[1])
    return memories * tiles * BYTES_A_TILE + BYTES_A_COLUMN * geometry.width + corrected


def _tiles(tile: int, geometry: Geometry) -> tuple[int, int]:
    """Side of a tile, `tile` if there are not too many, and how many a slice has."""
    while (tiles := -(-geometry.height // tile) * -(-geometry.width // tile)) > MOST_TILES:
        tile *= 2
    return tile, tiles


def fresh_state(
    settings: MixedSettings, geometry: Geometry, references: NDArray[np.int64]
) -> tuple[LeastSquares, Mixture, Correction]:
    """State before the first sample."""
    west = (Tap(SELF, 0, 0, -1), Tap(SELF, 0, 0, -2))
    by_mode = [west + settings.support.taps(mode) for mode in range(MODES)]
    offsets = geometry.offsets_by_mode(by_mode, references, max(map(len, by_mode)))
    size = size_of(offsets.shape[2])
    tile, tiles = _tiles(settings.tile, geometry)
    memories = len(settings.memory)
    experts = memories + 2
    squares = LeastSquares(
        offsets,
        np.array([len(taps) for taps in by_mode], np.int64),
        tile,
        np.array(settings.memory, np.float64),
        np.zeros((memories, 2, tiles, size * (size + 1) // 2)),
        np.zeros((memories, 2, tiles, size)),
    )
    weights = np.full((2, DEPTH + 1, SCALES, experts + COUNTERS), COUNTER_WEIGHT)
    weights[..., :experts] = 1.0 / experts
    places = (SCALES * PHASES + PATTERNS * COARSE + COARSE**3) * 2 * DEPTH
    odds = (np.arange(REFINED) * (2 * LARGEST_ODDS / (REFINED - 1)) - LARGEST_ODDS + REACH) * STEPS
    mixture = Mixture(
        np.zeros((memories + 1, 3, geometry.width + 4)),
        weights,
        np.full(places, 1 << (COUNT_BITS + 15), np.uint32),
        np.tile(LOGISTIC[odds.astype(np.int64)], (2 * DEPTH, SCALES // 2, 1)),
        np.zeros((PATTERNS * COARSE, 2)),
    )
    return squares, mixture, Correction.fresh(memories + 1, geometry.height, geometry.width, *_tiles(TILE, geometry))
