"""The one walk over a brick that encoder and decoder share.

For each row, what depends only on finished rows is computed ahead (`row_sums`): the class of each voxel by the
activity of its surroundings, the part of the prediction that does not touch the row itself, and the part of the
expected error that does not. What remains for each voxel in turn is four products, the choice of an entropy table and the
residual:

    prediction = sum of coefficient * neighbour           (integers, `precision` fraction bits)
    expected   = sum of weight * error of a neighbour     (errors in 1/16 of a step)
    table      = first_table[grade of expected] + phase   (phase: the prediction's first two fraction bits)

The decoder reads the residual with that table; the encoder, whose samples are in place, notes residual and table.

A voxel waits for the one to its west. So that there is other work meanwhile, two rows are coded in alternation: one of an odd
slice, and one of the even slice behind it that lies `LAG` rows higher, so that all that it refers to is finished. Odd slices
follow each other without a break, and so do even ones from 2 on; slice 0, where predictors are others, goes before them alone:

    turn    0 ... H-1       H ... H+2       H+3 ... 2H-1        2H ...
    row     slice 0         slice 1, 0-2    slice 1, 3-(H-1)    slice 3, 0 ...
    beside                                  slice 2, 0-(H-4)    slice 2, H-3 ...

At the fastest level the expected error leaves the row itself out (`ahead`). Then the tables of a whole row are known
before its first voxel is, and its residuals are read in one go, without waiting for a prediction each time; so rows go alone.
"""

import numpy as np

from voxz.codecs.predictive.frame import Brick, close_rows, open_rows, slice_at
from voxz.codecs.predictive.quantiser import Quantiser
from voxz.codecs.predictive.row_code import Notes, Row, Streams, Tables, code_rows, read_row, rebuild_row
from voxz.codecs.predictive.row_sums import Expectation, Predictors, RowSums, fresh_sums, prepare_tiles
from voxz.entropy.rans import LOWEST
from voxz.jit import inlined_kernel, kernel

ROWS_AT_ONCE = 2

LAG = 3
"""Rows by which an even slice stays behind the odd one before it: neighbours lie at most two rows down. In a slice that is twice
as high, that odd slice is finished when the next one begins."""


def traverse(
    brick: Brick,
    predictors: Predictors,
    expectation: Expectation,
    tables: Tables,
    streams: Streams,
    notes: Notes,
    quantiser: Quantiser,
    ahead: bool,
    decoding: bool,
) -> bool:
    """Walk the brick; decode into its samples, or note residuals and contexts for the samples that are there.

    Parameters
    ----------
    brick : `frame.Brick`
    predictors : `row_sums.Predictors`
    expectation : `row_sums.Expectation`
    tables : `row_code.Tables`; only decoding reads them
    streams : `row_code.Streams`; words and raw have room for `ROWS_AT_ONCE` rows behind their end: bounds are checked before
    notes : `row_code.Notes`; only encoding fills them
    quantiser : `quantiser.Quantiser`
    ahead : whether expected errors leave the row itself out
    decoding : whether `streams` are decoded

    Returns
    -------
    Whether every voxel was coded within the bounds of the streams and the coder ended where it began.
    """
    width, words = int(brick.sizes[3]), streams.words
    coder = np.zeros(5, np.int64)
    if decoding:
        coder[:3] = (np.int64(words[0]) << 16) | np.int64(words[1]), (np.int64(words[2]) << 16) | np.int64(words[3]), 4
    row_residuals = np.zeros(width, np.int64)
    sums = fresh_sums(predictors, brick.highest, width)
    other_sums = RowSums(*map(np.zeros_like, sums))
    room = sums, other_sums, row_residuals, coder
    noted, steps = None if decoding else notes, quantiser if quantiser.size else None
    return bool(_rows(brick, predictors, expectation, tables, streams, noted, steps, ahead, *room))


@kernel
def _rows(  # type: ignore[no-untyped-def]
    brick, predictors, expectation, tables, streams, notes, quantiser, ahead, sums, other_sums, row_residuals, coder
):
    """The rows of a brick, one or two at a time: `traverse` with what it works in.

    Parameters
    ----------
    brick, predictors, expectation, tables, streams, ahead : as for `traverse`
    notes : `row_code.Notes`; None where `streams` are decoded
    quantiser : `quantiser.Quantiser`; None where nothing is lost
    sums, other_sums : `row_sums.RowSums`, changed
    row_residuals : int64 (width,), changed
    coder : int64 (5,), as for `row_code.read_row`, changed
    """
    series, depth, height, width = brick.sizes[0], brick.sizes[1], brick.sizes[2], brick.sizes[3]
    words, room = streams.words, ROWS_AT_ONCE * width
    pairs = height >= 2 * LAG and not ahead
    turns = (1 + depth // 2) * height + LAG if pairs else depth * height
    for s in range(series):
        for turn in range(turns):
            z, y, other_z, other_y = _places(turn, depth, height, pairs)
            two = other_z < depth
            if z >= depth:
                continue
            if notes is None and (coder[2] >= words.size - room or coder[3] > streams.raw_bits):
                return False
            row = Row(*_open(brick, predictors, expectation, s, z, y, sums), sums)
            other = row
            if two:
                other = Row(*_open(brick, predictors, expectation, s, other_z, other_y, other_sums), other_sums)
            if notes is None and ahead:
                read_row(width, sums.expected, tables, words, streams.raw, coder, row_residuals, brick.absent, row.start)
                fits = rebuild_row(brick, row.place, row.start, predictors, sums, row_residuals, quantiser)
            else:
                weights = expectation.weights[row.place.mode]
                fits = code_rows(brick, row, other, two, predictors, weights, tables, streams, coder, notes, quantiser)
            if not fits:
                return False
            close_rows(brick, row.place, y, row.start)
            if two:
                close_rows(brick, other.place, other_y, other.start)
    ended = coder[0] == LOWEST and coder[1] == LOWEST and coder[2] == words.size - room - 1
    return notes is not None or (ended and 0 <= streams.raw_bits - coder[3] < 8)


@kernel
def _places(turn, depth, height, pairs):  # type: ignore[no-untyped-def]
    """Slice and row of what is coded in a turn, and of what is coded beside it; slice `depth` or more where there is nothing.

    Parameters
    ----------
    turn : number of the turn in a volume
    depth, height : of the volume
    pairs : whether rows are coded in pairs
    """
    step, y = turn // height, turn % height
    behind = turn - height - LAG
    if not pairs or behind < 0:
        return step, y, depth, y
    odd, even, above = 2 * step - 1, 2 + behind // height * 2, behind % height
    if odd >= depth:
        return even, above, depth, above
    return odd, y, even, above


@inlined_kernel
def _open(brick, predictors, expectation, s, z, y, sums):  # type: ignore[no-untyped-def]
    """Fill what stands around a row, and its sums; return its `Slice` and the index of its first sample.

    Parameters
    ----------
    brick, predictors, expectation : as for `traverse`
    s, z, y : numbers of the volume, the slice and the row
    sums : `row_sums.RowSums`, filled
    """
    place = slice_at(brick, predictors.references, s, z)
    start = open_rows(brick, place, y)
    prepare_tiles(brick, place, y, start, predictors, expectation, sums)
    return place, start
