"""The encoder's walk over a band of the fast profile: contexts, then what a phase is quantised to, noted for the entropy coder.

Without a trellis, how large a fraction of a step becomes a whole one depends on the context: it has to lower the squared error by
more than its bits are worth.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.fast.contexts import mean_magnitudes
from voxz.codecs.wavelet.fast.split_rows import LANES, starts_around
from voxz.codecs.wavelet.fast.tokens import LARGEST_INDEX, tokens_of
from voxz.codecs.wavelet.fast.walk import (
    UNITS,
    contexts_of_phase,
    half_steps,
    keep,
    next_states,
    parents_of_row,
    places_of,
    sign_contexts_of_phase,
)
from voxz.jit import apart_kernel, at, inlined_kernel, kernel

LARGEST = np.float32(2 * LARGEST_INDEX - 2)
"""Values count as at most so many half steps."""

SURVEYED = 8
"""Sums of what a walk surveys, without that of squares."""

MOST_MISSED = 512
"""Half steps that a magnitude is taken to be off at most."""


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


class Rounding(NamedTuple):
    """What becomes a step more, in steps, by magnitude context.

    Attributes
    ----------
    least : float32 (contexts,), magnitudes below are zero
    up : float32 (contexts,), is added before a magnitude is cut to a whole number
    """

    least: NDArray[np.float32]
    up: NDArray[np.float32]


def rounding_for(slope: float) -> Rounding:
    """Rounding for Laplacian coefficients of the mean that is expected; a bit is worth `slope`, in half steps squared."""
    mean = np.maximum(mean_magnitudes() / 2, LEAST_MEAN)
    below = 1 - np.exp(-np.array([0.6, 1.6])[:, None] / mean)
    first = np.log2(below[0] / np.maximum(below[1] - below[0], 1e-9)) + 1
    further = 1 / (mean * np.log(2))
    worth = slope / 8
    least, up = 0.5 + worth * np.clip(first, 0, MOST_BITS), 0.5 - worth * np.minimum(further, MOST_FURTHER)
    return Rounding(least.astype(np.float32), up.astype(np.float32))


LEAST_MEAN = 0.02
"""Mean magnitude, in steps, that is expected at least."""

MOST_BITS, MOST_FURTHER = 9.0, 4.0
"""Bits that an index of 1 is taken to cost more than 0 at most, and a larger one more than the one before it."""


@kernel
def encode_band(band, values, indices, rounding, notes, room, states, misses):  # type: ignore[no-untyped-def]
    """Quantise a band, or take its `indices`, and note their contexts and tokens; return how many are not zero.

    Parameters
    ----------
    band : `walk.Band`; magnitudes and signs are filled, row by row
    values : float32 (rows, phases, filled up), in half steps
    indices : int32, likewise, magnitudes; not looked at without a trellis
    rounding : `Rounding`
    notes : `Notes`
    room : `walk.Room`
    states : uint8 (2, columns), of the trellis of each column, zeros at first, changed
    misses : int64 (8,), as for `_survey`, added to; (9,) where the sum of their squares is wanted too
    """
    depth, height, width = band.shape
    evens = (width + 1) // 2
    filled = (evens + LANES - 1) // LANES * LANES
    places, sizes, measuring = notes.places, room.sizes, misses.size > SURVEYED
    all_some = np.int64(0)
    for z in range(depth):
        for y in range(height):
            around = starts_around(z, y, band.shape, band.pitch)
            parents_of_row(band, z, y, evens, room.parents)
            for phase in range(2):
                count, now = evens - phase * (width & 1), states[phase]
                own, line = around.row + 1 + phase * (band.pitch // 2), values[z * height + y, phase]
                contexts_of_phase(band, around, phase, filled, now, room)
                if band.quantisers == 1:
                    _round(line, room.contexts, count, filled, rounding.least, rounding.up, sizes)
                else:
                    chosen = indices[z * height + y, phase]
                    for i in range(filled):
                        sizes[at(i)] = chosen[at(i)]
                places[2] = tokens_of(sizes, filled, room.tokens, notes.raw, places[2])
                note_run(room.contexts, room.tokens, count, notes)
                some = places_of(sizes, count, room.places)
                all_some += some
                half_steps(sizes, now, filled, band.quantisers)
                if some > 0:
                    _survey(line, sizes, now, filled, misses)
                if measuring:
                    misses[SURVEYED] += _squares(line, sizes, filled)
                if band.quantisers == 2:
                    next_states(sizes, filled, now)
                keep(sizes, filled, band.shift, band.magnitudes, band.signed, own)
                if some == 0:
                    continue
                sign_contexts_of_phase(band, around, phase, filled, some, room)
                give_signs(line, filled, band.signed, own)
                _sign_tokens(room.places, room.leans, line, some, room.sign_tokens)
                note_run(room.sign_contexts, room.sign_tokens, some, notes)
    return all_some


@apart_kernel
def _round(values, contexts, count, filled, least, up, sizes):  # type: ignore[no-untyped-def]
    """Fill the magnitudes of the indices of values.

    Parameters
    ----------
    values : float32 (filled,), in half steps
    contexts : int16 (filled or more,), magnitude contexts
    count : columns that are there
    filled : columns, filled up
    least, up : as in `Rounding`
    sizes : int32 (filled or more,), filled
    """
    half = np.float32(0.5)
    for i in range(count):
        value = min(abs(values[at(i)]), LARGEST) * half
        context = at(contexts[at(i)])
        sizes[at(i)] = np.int32(value + up[context]) if value >= least[context] else np.int32(0)
    for i in range(count, filled):
        sizes[at(i)] = 0


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
def give_signs(values, count, signed, own):  # type: ignore[no-untyped-def]
    """Give the kept magnitudes of a phase the signs of its values.

    Parameters
    ----------
    values : float32 (count or more,)
    count : columns, filled up
    signed : int8 (places,), as in `walk.Band`, changed
    own : where the phase begins in it
    """
    for first in range(0, count, LANES):
        for lane in range(LANES):
            kept = signed[at(own + first + lane)]
            signed[at(own + first + lane)] = np.int8(-kept) if values[at(first + lane)] < np.float32(0.0) else kept


@apart_kernel
def _sign_tokens(places, leans, values, count, tokens):  # type: ignore[no-untyped-def]
    """Fill the tokens of signs: 1 where they are against what is expected.

    Parameters
    ----------
    places : int32 (count or more,), columns of the coefficients
    leans : int16 (columns,), which way they lean
    values : float32 (columns,)
    count : how many
    tokens : uint8 (count or more,), filled
    """
    for i in range(count):
        place = at(places[at(i)])
        tokens[at(i)] = np.uint8((np.int64(leans[place]) < 0) != (values[place] < np.float32(0.0)))


@inlined_kernel
def note_run(contexts, tokens, count, notes):  # type: ignore[no-untyped-def]
    """Note a run of tokens.

    Parameters
    ----------
    contexts : int16 (count or more,)
    tokens : uint8 (count or more,)
    count : tokens of the run
    notes : `Notes`
    """
    _copy_run(contexts, tokens, count, notes.places[0], notes.contexts, notes.tokens)
    notes.runs[notes.places[1]] = count
    notes.places[0] += count
    notes.places[1] += 1


@apart_kernel
def _copy_run(contexts, tokens, count, first, noted_contexts, noted_tokens):  # type: ignore[no-untyped-def]
    """Copy the contexts and tokens of a run.

    Parameters
    ----------
    contexts, tokens, count : as for `note_run`
    first : place of the first among the noted
    noted_contexts, noted_tokens : uint8 (tokens,), filled
    """
    for i in range(count):
        noted_contexts[at(first + i)] = np.uint8(contexts[at(i)])
        noted_tokens[at(first + i)] = tokens[at(i)]


@kernel
def count_tokens(contexts, tokens, counts):  # type: ignore[no-untyped-def]
    """Count how often each token met each context.

    Parameters
    ----------
    contexts, tokens : uint8 (tokens,)
    counts : int64 (contexts, TOKENS), added to
    """
    for i in range(tokens.size):
        counts[at(contexts[at(i)]), at(tokens[at(i)])] += 1


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
