"""The walk over a brick at levels 6 to 9, shared by encoder and decoder; borders and forward prediction as at the other levels.

Arrays that learn (`state`) start the same on both sides. Experts are the forward prediction and one least-squares
prediction for each memory; their blend, weighted by how well each did around the voxel, is the last expert of every decision.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.frame import Brick, close_rows, open_rows, slice_at
from voxz.codecs.predictive.mixed.correction import NEARBY, Correction, begin_row, learn_misses
from voxz.codecs.predictive.mixed.online_least_squares import FLOOR, add_row, gather_features, learn_row, partial_predictions
from voxz.codecs.predictive.mixed.row_code import code_row
from voxz.codecs.predictive.mixed.state import LeastSquares, Mixture, Room, RowExperts
from voxz.codecs.predictive.quantiser import Quantiser
from voxz.codecs.predictive.row_sums import Expectation, Predictors, prepare_tiles
from voxz.jit import kernel


def walk(
    brick: Brick,
    predictors: Predictors,
    expectation: Expectation,
    squares: LeastSquares,
    mixture: Mixture,
    correction: Correction,
    coder: NDArray[np.int64],
    data: NDArray[np.uint8],
    quantiser: Quantiser,
    step: int | None,
    decoding: bool,
) -> bool:
    """Walk the brick; decode `data` into its samples, or fill `data` from the samples that are there.

    Parameters
    ----------
    brick : `frame.Brick`
    predictors : `row_sums.Predictors`
    expectation : `row_sums.Expectation`
    squares : `state.LeastSquares`
    mixture : `state.Mixture`
    correction : `correction.Correction`
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    quantiser : `quantiser.Quantiser`
    step : its size, or None where nothing is lost: code for steps is then not even compiled
    decoding : whether `data` is decoded

    Returns
    -------
    False if a decoded sample is out of range, or `data` is too short to encode into.
    """
    room = Room.fresh(predictors, brick.highest, squares, int(brick.sizes[3]))
    return bool(_rows(brick, predictors, expectation, squares, mixture, correction, coder, data, quantiser, step, decoding, room))


@kernel
def _rows(  # type: ignore[no-untyped-def]
    brick, predictors, expectation, squares, mixture, correction, coder, data, quantiser, step, decoding, room
):
    """The rows of a brick, one after the other: `walk` with what it works in.

    Parameters
    ----------
    brick, predictors, expectation, squares, mixture, correction, coder, data, quantiser, step, decoding : as for `walk`
    room : `state.Room`, changed
    """
    series, depth, height, width = brick.sizes[0], brick.sizes[1], brick.sizes[2], brick.sizes[3]
    samples, memory, tile = brick.samples, squares.memory, squares.tile
    states, solutions = squares.states, squares.solutions
    sums, features, predicted, scales = room.sums, room.features, room.predicted, room.scales
    block, moments, triangle = room.block, room.moments, room.triangle
    across = (width + tile - 1) // tile
    west, strip = room.west, features.shape[1]
    for s in range(series):
        if s == 1:
            states[:] = 0.0
            solutions[:] = 0.0
        for z in range(depth):
            place = slice_at(brick, predictors.references, s, z)
            mode = place.mode
            known = squares.taps[mode]
            for y in range(height):
                start = open_rows(brick, place, y)
                prepare_tiles(brick, place, y, start, predictors, expectation, sums)
                first_tile = y // tile * across
                for x0 in range(0, width if memory.size else 0, strip):
                    x1 = min(width, x0 + strip)
                    gather_features(samples, start + x0, place.row, x1 - x0, squares.offsets[s, mode], known, features)
                    for q in range(memory.size):
                        for x in range(x0, x1, tile):
                            solution = solutions[q, mode & 1, first_tile + x // tile]
                            last = min(x1, x + tile)
                            partial_predictions(features, solution, known, x - x0, last - x0, predicted[q, x0:x1])
                experts = RowExperts(west, predicted, scales, solutions[:, mode & 1], first_tile, tile)
                begin_row(y, memory.size + 1, correction)
                weights = expectation.weights[mode]
                fits = code_row(
                    brick,
                    place,
                    y,
                    start,
                    predictors,
                    sums,
                    weights,
                    experts,
                    mixture,
                    correction,
                    room.decision,
                    coder,
                    data,
                    quantiser,
                    step,
                    decoding,
                )
                if not fits:
                    return False
                for x0 in range(0, width if memory.size else 0, strip):
                    x1 = min(width, x0 + strip)
                    if strip < width:
                        gather_features(samples, start + x0, place.row, x1 - x0, squares.offsets[s, mode], known, features)
                    first, second, target = features[0], features[1], features[known]
                    for x in range(x0, x1):
                        i = start + x
                        first[x - x0] = west[0, x]
                        second[x - x0] = west[1, x]
                        target[x - x0] = np.float64(samples[i]) - np.float64(samples[i - place.row])
                    for x in range(x0, x1, tile):
                        add_row(features, scales[x0:x1], known, x - x0, min(x1, x + tile) - x0, block, moments)
                        number = first_tile + x // tile
                        for q in range(memory.size):
                            state = states[q, mode & 1, number]
                            learn_row(state, moments, memory[q], y, known, FLOOR, triangle, solutions[q, mode & 1, number])
                learn_misses(scales, y, memory.size + 1 + NEARBY, correction)
                close_rows(brick, place, y, start)
    return True
