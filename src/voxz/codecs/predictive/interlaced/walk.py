"""The one walk over a brick that encoder and decoder share, one phase of a row at a time."""

import numpy as np

from voxz.codecs.predictive.interlaced.rows import BELOW, BORDER, FRONT, TOP, close_part, close_slice, open_slice
from voxz.codecs.predictive.interlaced.streams import LOWEST, STATES, begin_states, read_tokens
from voxz.codecs.predictive.interlaced.taps import TAPS
from voxz.codecs.predictive.interlaced.tokens import residuals_of
from voxz.codecs.predictive.row_sums import add_products
from voxz.jit import at, kernel

PRECISION = 10
"""Fraction bits of coefficients."""

HALF = 1 << (PRECISION - 1)

LARGEST_ERROR = 1480
CONTEXT_SHIFT = 3
CONTEXTS = 4096
"""Contexts of finite precision: sums of weighted errors, divided by ``2**CONTEXT_SHIFT``."""


@kernel
def _contexts(errors, first, offsets, weights, count, sums):  # type: ignore[no-untyped-def]
    """Weighted sum of eight errors around each of `count` voxels."""
    o0, o1, o2, o3 = first + offsets[0], first + offsets[1], first + offsets[2], first + offsets[3]
    o4, o5, o6, o7 = first + offsets[4], first + offsets[5], first + offsets[6], first + offsets[7]
    w0, w1, w2, w3 = np.int64(weights[0]), np.int64(weights[1]), np.int64(weights[2]), np.int64(weights[3])
    w4, w5, w6, w7 = np.int64(weights[4]), np.int64(weights[5]), np.int64(weights[6]), np.int64(weights[7])
    for x in range(count):
        sums[at(x)] = np.int16(
            w0 * np.int64(errors[at(o0 + x)])
            + w1 * np.int64(errors[at(o1 + x)])
            + w2 * np.int64(errors[at(o2 + x)])
            + w3 * np.int64(errors[at(o3 + x)])
            + w4 * np.int64(errors[at(o4 + x)])
            + w5 * np.int64(errors[at(o5 + x)])
            + w6 * np.int64(errors[at(o6 + x)])
            + w7 * np.int64(errors[at(o7 + x)])
        )


@kernel
def _tables_of(sums, table_of, count, tables):  # type: ignore[no-untyped-def]
    """Entropy table of each context."""
    for x in range(count):
        tables[at(x)] = table_of[at(np.int64(sums[at(x)]) >> CONTEXT_SHIFT)]


@kernel
def _predict(samples, first, offsets, coefficients, unit, across, columns, padded, sums):  # type: ignore[no-untyped-def]
    """Predictions of a phase of a row, with their rounding: tile by tile, a little beyond the end, since vectors are whole."""
    for x in range(padded):
        sums[at(x)] = np.int32(HALF)
    for tile in range(across):
        x0 = (tile * columns + across - 1) // across
        x1 = padded if tile == across - 1 else ((tile + 1) * columns + across - 1) // across
        add_products(samples, first, offsets, TAPS // 8, coefficients, (unit + tile) * TAPS, x0, x1, sums)


@kernel
def _decode_part(samples, errors, first, residuals, count, lowest, highest, error_shift, sums):  # type: ignore[no-untyped-def]
    """Samples and errors from predictions `sums` and residuals."""
    low = np.int32((lowest << PRECISION) + HALF)
    high = np.int32((highest << PRECISION) + HALF)
    for x in range(count):
        prediction = min(max(sums[at(x)], low), high)
        sample = np.int32((prediction >> PRECISION) + residuals[at(x)])
        sample = min(max(sample, np.int32(lowest)), np.int32(highest))
        samples[at(first + x)] = np.int16(sample)
        away = np.int32((sample << PRECISION) - np.int32(prediction - HALF))
        errors[at(first + x)] = np.int16(min(np.int32(abs(away) >> error_shift), np.int32(LARGEST_ERROR)))


@kernel
def _encode_part(samples, errors, first, residuals, count, lowest, highest, error_shift, sums):  # type: ignore[no-untyped-def]
    """Residuals and errors from predictions `sums` and samples."""
    low = np.int32((lowest << PRECISION) + HALF)
    high = np.int32((highest << PRECISION) + HALF)
    for x in range(count):
        prediction = min(max(sums[at(x)], low), high)
        sample = np.int32(samples[at(first + x)])
        residuals[at(x)] = np.int32(sample - (prediction >> PRECISION))
        away = np.int32((sample << PRECISION) - np.int32(prediction - HALF))
        errors[at(first + x)] = np.int16(min(np.int32(abs(away) >> error_shift), np.int32(LARGEST_ERROR)))


@kernel
def walk(  # type: ignore[no-untyped-def]
    samples, errors, sizes, tiles, references, offsets, coefficients, order, ranks, error_offsets, error_weights, table_of, limits, error_shift,
    decoding, lookup, shifts, words, raw, raw_bits, noted, residuals,
):
    """Decode into `samples`, or note context and residual of every voxel in coding order.

    samples   int16 (Rows.size,), dense values less the centre
    errors    int16 (Rows.size,), zeros
    """
    series, depth, height, width, phases, part = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    row = phases * part
    slice_ = (height + TOP + BELOW) * row
    volume = (depth + FRONT) * slice_
    padded = part - 2 * BORDER
    lowest, highest = limits[0], limits[1]
    sums = np.zeros(padded, np.int32)
    context = np.zeros(padded, np.int16)
    tables = np.zeros(padded, np.uint8)
    tokens = np.zeros(padded, np.uint8)
    found = np.zeros(padded + 1, np.int32)
    first_shifted = np.int64(0)
    while first_shifted < shifts.size and shifts[first_shifted] == 0:
        first_shifted += 1
    row_residuals = np.zeros(padded, np.int32)
    states = np.zeros(STATES, np.int64)
    word = np.int64(0)
    bit = np.int64(0)
    place = np.int64(0)
    room = words.size - padded - 1
    if decoding:
        word = begin_states(words, states)
    for s in range(series):
        for z in range(depth):
            mode = (1 if z > 0 else 0) + (2 if s > 0 else 0)
            start = s * volume + (z + FRONT) * slice_
            if mode > 0:
                source = start - slice_ if z > 0 else start + (references[s, 0] - s) * volume
                open_slice(samples, start, row, source)
                open_slice(errors, start, row, source)
            for y in range(height):
                origin = start + (y + TOP) * row + BORDER
                unit = s * (tiles[0] * tiles[1] + 1)
                across = 1
                if z > 0:
                    unit += 1 + y * tiles[0] // height * tiles[1]
                    across = tiles[1]
                for k in range(phases):
                    phase = order[k]
                    first = origin + phase * part
                    count = (width - phase + phases - 1) // phases
                    if count > 0:
                        _contexts(errors, origin, error_offsets[s, mode, k], error_weights[mode, k], padded, context)
                        if decoding:
                            if word > room or bit > raw_bits:
                                return False
                            _tables_of(context, table_of, count, tables)
                            word = read_tokens(tables, count, lookup, words, word, states, tokens)
                            bit = residuals_of(tokens, tables, count, shifts, first_shifted, raw, bit, row_residuals, found)
                        _predict(samples, origin, offsets[s, mode, k], coefficients[ranks[k]], unit, across, count, padded, sums)
                        if decoding:
                            _decode_part(samples, errors, first, row_residuals, padded, lowest, highest, error_shift, sums)
                        else:
                            _encode_part(samples, errors, first, row_residuals, padded, lowest, highest, error_shift, sums)
                            for x in range(count):
                                noted[at(place + x)] = context[at(x)]
                                residuals[at(place + x)] = row_residuals[at(x)]
                            place += count
                    close_part(samples, origin, part, phase, count)
                    close_part(errors, origin, part, phase, count)
            close_slice(samples, start, row, height, z == 0)
            close_slice(errors, start, row, height, z == 0)
    ended = True
    for k in range(STATES):
        ended = ended and states[k] == LOWEST
    return (not decoding) or (ended and word == room and 0 <= raw_bits - bit < 8)
