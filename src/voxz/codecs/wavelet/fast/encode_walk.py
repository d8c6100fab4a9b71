"""The encoder's walk over a band of the fast profile: contexts, then what a phase is quantised to, noted for the entropy coder.

Without a trellis, how large a fraction of a step becomes a whole one depends on the context: it has to lower the squared error by
more than its bits are worth.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.contexts import AN_OCTAVE, MAGNITUDES, ONE, contexts_of, sign_context
from voxz.codecs.wavelet.fast.split_rows import LANES, padded, starts_around
from voxz.codecs.wavelet.fast.tokens import LARGEST_INDEX, tokens_of
from voxz.codecs.wavelet.fast.walk import (
    UNITS,
    as_context,
    expect_phase,
    half_steps,
    lean_phase,
    next_states,
    parents_of_row,
    places_of,
    shrink_of,
)
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

LARGEST = np.float32(2 * LARGEST_INDEX - 2)
"""Values count as at most so many half steps."""

SURVEYED = 8
"""Sums of what a walk surveys, without that of squares."""

SURVEY_APART = 4
"""Of so many rows one is surveyed."""

MOST_MISSED = 512
"""Half steps that a magnitude is taken to be off at most."""


class Coefficients(NamedTuple):
    """Where the coefficients of a band lie.

    Attributes
    ----------
    volume : float32 (samples,)
    start : place of the first
    apart : distances of slices and of rows
    shape : slices, rows and columns of the band
    inverse : half steps of 1
    """

    volume: NDArray[np.float32]
    start: int
    apart: tuple[int, int]
    shape: tuple[int, int, int]
    inverse: np.float32


class Notes(NamedTuple):
    """What an encoder notes for the entropy coder.

    Attributes
    ----------
    contexts, tokens : uint8 (tokens,), in coding order
    runs : int32 (runs,), tokens of each run
    raw : int64 (words,), zeros at first, raw bits from the lowest on
    places : int64 (3,), number of the next token, run and raw bit, changed
    """

    contexts: NDArray[np.uint8]
    tokens: NDArray[np.uint8]
    runs: NDArray[np.int32]
    raw: NDArray[np.int64]
    places: NDArray[np.int64]


@kernel
def encode_band(band, source, indices, notes, room, states, misses):  # type: ignore[no-untyped-def]
    """Quantise a band, or take its `indices`, and note their contexts and tokens; return how many are not zero.

    Parameters
    ----------
    band : `walk.Band`; magnitudes and signs are filled, row by row
    source : `Coefficients`
    indices : int32 (rows, phases, filled up), magnitudes; not looked at without a trellis
    notes : `Notes`
    room : `walk.Room`
    states : uint8 (2, columns), of the trellis of each column, zeros at first, changed
    misses : int64 (8,), as for `_survey`, added to; (9,) where the sum of their squares is wanted too
    """
    depth, height, width = band.shape
    evens = (width + 1) // 2
    filled = padded(width)
    places, sizes, measuring = notes.places, room.sizes, misses.size > SURVEYED
    every = 1 if measuring or depth * height < 4 * SURVEY_APART else SURVEY_APART
    shrink, first_context = shrink_of(band.shift), AN_OCTAVE * band.shift
    all_some = np.int64(0)
    for z in range(depth):
        for y in range(height):
            around, number = starts_around(z, y, band.shape, band.pitch), z * height + y
            parents_of_row(band, z, y, evens, room.parents)
            take_row(source, number, room.values[0], room.values[1])
            for phase in range(2):
                count, now, line = evens - phase * (width & 1), states[phase], room.values[phase]
                own = around.row + 1 + phase * (band.pitch // 2)
                expect_phase(band, around, phase, filled, room)
                contexts_of(room.sums, now, first_context, band.quantisers, count, notes.contexts, places[0])
                if band.quantisers == 1:
                    _round(line, room.sums, filled, shrink, sizes)
                else:
                    _copy(indices[number, phase], filled, sizes)
                places[2] = tokens_of(sizes, filled, notes.tokens[places[0] :], notes.raw, places[2])
                _end_run(notes, count)
                some = places_of(sizes, count, room.places)
                all_some += some
                keep(sizes, line, now, filled, shrink, band.magnitudes, band.signed, own)
                if some > 0 and number % every == 0:
                    _survey(line, sizes, now, filled, misses)
                if measuring:
                    misses[SURVEYED] += _squares(line, sizes, filled)
                if band.quantisers == 2:
                    next_states(sizes, filled, now)
                if some > 0:
                    lean_phase(band, around, phase, filled, room)
                    first = band.quantisers * MAGNITUDES
                    _note_signs(room.places, room.sums, room.leans, line, some, first, notes.contexts, notes.tokens, places[0])
                    _end_run(notes, some)
    return all_some


@apart_kernel
def _round(values, sums, count, shrink, sizes):  # type: ignore[no-untyped-def]
    """Fill the magnitudes of the indices of values.

    They are Laplacian, with the mean that is expected. A bit is worth `SLOPE`; the index 1 takes some FIRST + MORE / mean bits
    more than 0, and a larger one FURTHER / mean bits more than the one before it.

    Parameters
    ----------
    values : float32 (count,), in half steps
    sums : int16 (count or more,), expected magnitudes
    count : columns, filled up
    shrink : as of `walk.shrink_of`, for the magnitudes behind `sums`
    sizes : int32 (count or more,), filled
    """
    half, worth, steps = np.float32(0.5), np.float32(SLOPE / 8), np.float32(2 * ONE) * shrink
    most, least = np.float32(MOST_BITS), np.float32(1 / MOST_BITS)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            inverse = steps / max(np.float32(sums[i]), least)
            value = min(abs(values[i]), np.float32(LARGEST)) * half
            up = half - worth * min(np.float32(FURTHER) * inverse, np.float32(MOST_FURTHER))
            nothing = half + worth * min(np.float32(FIRST) + np.float32(MORE) * inverse, most)
            sizes[i] = np.int32(value + up) if value >= nothing else np.int32(0)


SLOPE = 0.28
"""Squared error, in half steps, that a bit is worth."""

FIRST, MORE, FURTHER = 0.35, 0.95, 1.44
MOST_BITS, MOST_FURTHER = 9.0, 4.0
"""See `_round`; limits of both."""


@apart_kernel
def _copy(source, count, target):  # type: ignore[no-untyped-def]
    """Copy `count` numbers."""
    for i in range(count):
        target[at(i)] = source[at(i)]


@apart_kernel
def keep(sizes, values, states, count, shrink, magnitudes, signed, own):  # type: ignore[no-untyped-def]
    """Turn magnitudes of indices into those of coefficients, in half steps, and keep them as contexts of later ones.

    Parameters
    ----------
    sizes : int32 (count or more,), changed
    values : float32 (count or more,), whose signs they have
    states : uint8 (count or more,), of the trellis of each column
    count : columns, filled up; zeros there
    shrink : as of `walk.shrink_of`
    magnitudes, signed : uint8 and int8 (places,), of a band, changed
    own : where the phase begins
    """
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            size = half_steps(sizes[i], states[i])
            sizes[i] = size
            kept = as_context(size, shrink)
            magnitudes[at(own + first + lane)] = np.uint8(kept)
            signed[at(own + first + lane)] = np.int8(-kept if values[i] < np.float32(0.0) else kept)


@apart_kernel
def _survey(values, sizes, states, count, misses):  # type: ignore[no-untyped-def]
    """Add up by how much magnitudes are too large, in units, and count them.

    Parameters
    ----------
    values : float32 (count or more,), in half steps
    sizes : int32 (count or more,), magnitudes in half steps
    states : uint8 (count or more,), of the trellis of each column
    count : columns, filled up
    misses : int64 (8,), sums by quantiser and index above 1, then numbers, added to
    """
    unit = np.float32(UNITS)
    all_one, all_ones, all_more, all_mores = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
    odd_one, odd_ones, odd_more, odd_mores = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            size, odd = sizes[i], np.int32(states[i] & 1)
            miss = np.int32((np.float32(size) - min(abs(values[i]), LARGEST)) * unit)
            one = np.int32(size > 0) & np.int32(size <= 2)
            more = np.int32(size > 2)
            all_one = np.int32(all_one + miss * one)
            all_ones = np.int32(all_ones + one)
            all_more = np.int32(all_more + miss * more)
            all_mores = np.int32(all_mores + more)
            odd_one = np.int32(odd_one + miss * one * odd)
            odd_ones = np.int32(odd_ones + one * odd)
            odd_more = np.int32(odd_more + miss * more * odd)
            odd_mores = np.int32(odd_mores + more * odd)
    misses[0] += all_one - odd_one
    misses[1] += all_more - odd_more
    misses[2] += odd_one
    misses[3] += odd_more
    misses[4] += all_ones - odd_ones
    misses[5] += all_mores - odd_mores
    misses[6] += odd_ones
    misses[7] += odd_mores


@apart_kernel
def _squares(values, sizes, count):  # type: ignore[no-untyped-def]
    """Return the sum of the squares of how much magnitudes are off, in squared units.

    Parameters
    ----------
    values, sizes, count : as for `_survey`
    """
    unit, most, half = np.float32(UNITS), np.float32(MOST_MISSED), np.float32(0.5)
    total = np.int64(0)
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            miss = np.int32(min(abs(np.float32(sizes[i]) - abs(values[i])), most) * unit + half)
            total += np.int64(np.int32(miss * miss))
    return total


@apart_kernel
def _note_signs(places, sums, leans, values, count, first_context, contexts, tokens, place):  # type: ignore[no-untyped-def]
    """Note the contexts and tokens of signs: 1 where they are against what is expected.

    Parameters
    ----------
    places : int32 (count or more,), columns of the coefficients
    sums, leans : int16 (columns,), expected magnitudes, and which way they lean
    values : float32 (columns,)
    count : how many
    first_context : of signs
    contexts, tokens : uint8 (tokens,)
    place : where they are filled from
    """
    for i in range(count):
        column = at(places[at(i)])
        lean = np.int64(leans[column])
        contexts[at(place + i)] = first_context + sign_context(lean, np.int64(sums[column]))
        tokens[at(place + i)] = np.uint8((lean < 0) != (values[column] < np.float32(0.0)))


@inlined_kernel
def _end_run(notes, count):  # type: ignore[no-untyped-def]
    """Count a run of so many tokens among `notes`."""
    notes.runs[notes.places[1]] = count
    notes.places[0] += count
    notes.places[1] += 1


@inlined_kernel
def take_row(source, row, evens, odds):  # type: ignore[no-untyped-def]
    """Take a row of a band in half steps, its phases apart.

    Parameters
    ----------
    source : `Coefficients`
    row : number of the row
    evens, odds : float32 (columns,), filled, with zeros behind the row
    """
    _, height, width = source.shape
    start = source.start + row // height * source.apart[0] + row % height * source.apart[1]
    _split_row(source.volume, start, width, padded(width), source.inverse, evens, odds)


@apart_kernel
def _split_row(volume, start, width, filled, inverse, evens, odds):  # type: ignore[no-untyped-def]
    """Split a row.

    Parameters
    ----------
    volume, inverse : as in `Coefficients`
    start : place of the first coefficient
    width : columns of the row
    filled : columns of a phase, filled up
    evens, odds : as for `take_row`
    """
    pairs = width // 2
    for i in range(pairs):
        evens[at(i)] = volume[at(start + 2 * i)] * inverse
        odds[at(i)] = volume[at(start + 2 * i + 1)] * inverse
    for i in range(pairs, filled):
        evens[at(i)] = odds[at(i)] = 0.0
    if width & 1:
        evens[pairs] = volume[start + width - 1] * inverse


@kernel
def count_tokens(contexts, tokens, counts):  # type: ignore[no-untyped-def]
    """Count how often each token met each context, every other one apart: most are alike, and a number waits for itself.

    Parameters
    ----------
    contexts, tokens : uint8 (tokens,)
    counts : int64 (2, contexts, TOKENS), added to
    """
    for i in range(tokens.size // 2):
        counts[0, at(contexts[at(2 * i)]), at(tokens[at(2 * i)])] += 1
        counts[1, at(contexts[at(2 * i + 1)]), at(tokens[at(2 * i + 1)])] += 1
    if tokens.size & 1:
        counts[0, contexts[tokens.size - 1], tokens[tokens.size - 1]] += 1


@kernel
def add_costs(contexts, tokens, costs):  # type: ignore[no-untyped-def]
    """Return the sum of what tokens cost.

    Parameters
    ----------
    contexts, tokens : uint8 (tokens,)
    costs : float64 (contexts, TOKENS)
    """
    total = 0.0
    for i in range(tokens.size):
        total += costs[at(contexts[at(i)]), at(tokens[at(i)])]
    return total
