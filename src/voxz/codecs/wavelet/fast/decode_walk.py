"""The decoder's walk over a band of the fast profile."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.streams import read_tokens
from voxz.codecs.wavelet.fast.contexts import AN_OCTAVE, MAGNITUDES, contexts_of, sign_context
from voxz.codecs.wavelet.fast.split_rows import LANES, padded, starts_around
from voxz.codecs.wavelet.fast.tokens import sizes_of
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
from voxz.jit import apart_kernel, at, kernel


class Source(NamedTuple):
    """What a decoder reads.

    Attributes
    ----------
    slots : int32 (contexts,), place in `lookup` of the table of each context
    lookup : uint32 (tables * TOTAL,), see `interlaced.streams.read_tokens`
    words : uint32 (words,), with room behind their end for a row
    raw : uint32 (words,), likewise, raw bits from the lowest on
    raw_bits : number of raw bits
    states : int64 (STATES,), of the coder, changed
    places : int64 (2,), number of the next word and of the next raw bit, changed
    """

    slots: NDArray[np.int32]
    lookup: NDArray[np.uint32]
    words: NDArray[np.uint32]
    raw: NDArray[np.uint32]
    raw_bits: int
    states: NDArray[np.int64]
    places: NDArray[np.int64]


@kernel
def room_words(width):  # type: ignore[no-untyped-def]
    """Words that a row of `width` columns may take, for those that read beyond the end of damaged streams."""
    return 2 * width + 64


@kernel
def decode_band(band, states, shifts, unit, source, room, volume, start, apart):  # type: ignore[no-untyped-def]
    """Decode a band; return False for a damaged stream.

    Parameters
    ----------
    band : `walk.Band`, zeros at first
    states : uint8 (2, columns), of the trellis of each column, zeros at first, changed
    shifts, unit : as for `_rebuild`
    source : `Source`
    room : `walk.Room`
    volume : float32 (samples,), in which the band is filled
    start : place of its first coefficient
    apart : distances of its slices and of its rows
    """
    depth, height, width = band.shape
    evens = (width + 1) // 2
    filled = padded(width)
    last_word, first_context, shrink = source.words.size - room_words(width), AN_OCTAVE * band.shift, shrink_of(band.shift)
    slots, lookup, words, places = source.slots, source.lookup, source.words, source.places
    for z in range(depth):
        for y in range(height):
            around = starts_around(z, y, band.shape, band.pitch)
            parents_of_row(band, z, y, evens, room.parents)
            for phase in range(2):
                count = evens - phase * (width & 1)
                own, now, values = around.row + 1 + phase * (band.pitch // 2), states[phase], room.values[phase]
                expect_phase(band, around, phase, filled, room)
                contexts_of(room.sums, now, first_context, band.quantisers, count, room.contexts, 0)
                places[0] = read_tokens(room.contexts, count, slots, lookup, words, places[0], source.states, room.tokens)
                for i in range(count, filled):
                    room.tokens[at(i)] = 0
                places[1] = sizes_of(room.tokens, filled, room.sizes, source.raw, places[1])
                some = places_of(room.sizes, count, room.places)
                _rebuild(room.sizes, now, filled, shifts, unit, shrink, values, band.magnitudes, band.signed, own)
                if band.quantisers == 2:
                    next_states(room.sizes, filled, now)
                if some > 0:
                    lean_phase(band, around, phase, filled, room)
                    _sign_contexts(room.sums, room.leans, room.places, some, band.quantisers * MAGNITUDES, room.contexts)
                    places[0] = read_tokens(room.contexts, some, slots, lookup, words, places[0], source.states, room.tokens)
                    _put_signs(room.places, room.leans, room.tokens, some, values, band.signed, own)
            _put_row(room.values[0], room.values[1], width, volume, start + z * apart[0] + y * apart[1])
            if places[0] > last_word or places[1] > source.raw_bits:
                return False
    return True


@apart_kernel
def _rebuild(sizes, states, count, shifts, unit, shrink, values, magnitudes, signed, own):  # type: ignore[no-untyped-def]
    """Fill the values of magnitudes, without signs, and keep these as contexts of later ones.

    Parameters
    ----------
    sizes : int32 (count or more,), of indices, changed to those in half steps
    states : uint8 (count or more,), of the trellises before these; zeros without
    count : columns, filled up
    shifts : int32 (2, 2), by quantiser and index above 1, how much nearer to zero values are, in units
    unit : float32, value of a unit
    shrink : as of `walk.shrink_of`
    values : float32 (count or more,), filled
    magnitudes, signed : uint8 and int8 (places,), of the band, changed
    own : where the phase begins in them
    """
    one_0, more_0, one_1, more_1 = shifts[0, 0], shifts[0, 1], shifts[1, 0], shifts[1, 1]
    for first in range(0, count, LANES):
        for lane in range(LANES):
            i = at(first + lane)
            odd, size = (states[i] & 1) != 0, half_steps(sizes[i], states[i])
            one, more = (one_1 if odd else one_0), (more_1 if odd else more_0)
            units = np.int32(np.int32(size * UNITS) - (one if size <= 2 else more))
            values[i] = np.float32(units if size > 0 else np.int32(0)) * unit
            sizes[i] = size
            kept = as_context(size, shrink)
            magnitudes[at(own + first + lane)] = np.uint8(kept)
            signed[at(own + first + lane)] = np.int8(kept)


@apart_kernel
def _sign_contexts(sums, leans, places, count, first, contexts):  # type: ignore[no-untyped-def]
    """Fill the contexts of the signs of coefficients.

    Parameters
    ----------
    sums, leans : int16 (columns,), expected magnitudes, and weighted sums of signed neighbours
    places : int32 (count or more,), columns of the coefficients
    count : how many
    first : first context of signs
    contexts : int16 (count or more,), filled
    """
    for i in range(count):
        place = np.int64(places[at(i)])
        contexts[at(i)] = np.int16(first + sign_context(np.int64(leans[at(place)]), np.int64(sums[at(place)])))


@apart_kernel
def _put_signs(places, leans, tokens, count, values, signed, own):  # type: ignore[no-untyped-def]
    """Give coefficients their signs.

    Parameters
    ----------
    places : int32 (count or more,), columns of the coefficients
    leans : int16 (columns,), which way they lean
    tokens : uint8 (count or more,), 1 where they are against it
    count : how many
    values : float32 (columns,), of the phase, changed
    signed : int8 (places,), as in `walk.Band`, changed
    own : where the phase begins in it
    """
    for i in range(count):
        place = np.int64(places[at(i)])
        sign = 1 - 2 * (np.int64(np.int64(leans[at(place)]) < 0) ^ np.int64(tokens[at(i)]))
        values[at(place)] *= np.float32(sign)
        signed[at(own + place)] = np.int8(np.int64(signed[at(own + place)]) * sign)


@apart_kernel
def _put_row(evens, odds, width, volume, start):  # type: ignore[no-untyped-def]
    """Put the phases of a row into the volume.

    Parameters
    ----------
    evens, odds : float32 (columns,), values of both phases
    width : columns of the row
    volume : float32 (samples,), changed
    start : place of the first
    """
    for i in range(width // 2):
        volume[at(start + 2 * i)] = evens[at(i)]
        volume[at(start + 2 * i + 1)] = odds[at(i)]
    if width & 1:
        volume[start + width - 1] = evens[width // 2]
