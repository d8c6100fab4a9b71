"""The entropy coder of the fast walk: rANS (Duda, arXiv 1311.2540) with eight states and one look-up a token.

Token i of a phase of a row belongs to state ``i % 8``. A state is 2**31 to 2**63 - 1 and takes at most two tokens, of `PRECISION`
bits each, before it is filled up by a 32-bit word: after every second round of eight tokens and at the end of the phase, in the
order of the states. One look-up gives token, frequency and place of a slot::

    slot = state mod 2**PRECISION
    state = frequency * (state >> PRECISION) + slot - start;   if state < 2**31: state = state << 32 | next word

The encoder goes backwards. It divides by multiplying with inverses (Granlund and Montgomery, PLDI 1994): a state is below 2**63,
and ``ceil(2**(63 + s) / frequency)``, with 2**s no less than the frequency, is near enough for its quotient. All states must be
back at their first value at the end, which catches most damage.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.rans import starts_of
from voxz.errors import CorruptError
from voxz.jit import allocating_kernel, apart_kernel, at, inlined_kernel, kernel
from voxz.jit.wide import high_product

PRECISION = 11
TOTAL = 1 << PRECISION
STATES = 8
ROUNDS = 2
LOWEST = 1 << 31
PERIOD = STATES * ROUNDS
"""Tokens between two fillings of the states."""
FREQUENCY_BITS, SHIFT_BITS = PRECISION + 1, 4
"""Bits of a code: the frequency, by how much quotients are shifted, and the start from the highest on."""

FREQUENCY_MASK, SHIFT_MASK = (1 << FREQUENCY_BITS) - 1, (1 << SHIFT_BITS) - 1
CODE_BITS = FREQUENCY_BITS + SHIFT_BITS


def _shift(frequency: int) -> int:
    """Least s so that 2**s is no less than a frequency."""
    return (frequency - 1).bit_length()


SHIFTS = np.array([0, *(_shift(f) for f in range(1, TOTAL + 1))], np.int32)
INVERSES = np.array([0, *(-((-1 << (63 + _shift(f))) // f) for f in range(1, TOTAL + 1))], np.uint64)
"""By frequency."""


@inlined_kernel
def _put(state, code):  # type: ignore[no-untyped-def]
    """State of the coder before a token of this `code`, as in `encode_rows`."""
    frequency, shift = code & FREQUENCY_MASK, (code >> FREQUENCY_BITS) & SHIFT_MASK
    quotient = np.int64(high_product(np.uint64(state << 1), INVERSES[at(frequency)]) >> np.uint64(shift))
    return state + quotient * (TOTAL - frequency) + (code >> CODE_BITS)


@inlined_kernel
def _make_room(state, product, bits, words, end):  # type: ignore[no-untyped-def]
    """Move the low word of a state out where tokens would not fit otherwise; return the state and the new `end`.

    Parameters
    ----------
    state : of the coder
    product : of the frequencies of the tokens
    bits : `PRECISION` for each of them
    words, end : as for `_encode_phase`
    """
    full = np.int64((state >> (63 - bits)) >= product)
    words[at(end - 1)] = state & 0xFFFFFFFF
    return state >> (full << 5), end - full


@apart_kernel
def _encode_phase(tables, tokens, first, count, codes, states, words, end):  # type: ignore[no-untyped-def]
    """Code the tokens of a phase of a row backwards; return the new `end`.

    Parameters
    ----------
    tables, tokens, codes, words : as for `encode_rows`
    first, count : place of the first token, and how many there are, 1 or more
    states : int64 (STATES,), those of the coder, changed
    end : index of the word that was written last
    """
    behind = first + count
    for begin in range(first + (count - 1) // PERIOD * PERIOD, first - 1, -PERIOD):
        for k in range(STATES - 1, -1, -1):
            i, j = begin + k, begin + k + STATES
            if i < behind:
                state = states[k]
                code = np.int64(codes[at(tables[at(i)]), at(tokens[at(i)])])
                if j < behind:
                    second = np.int64(codes[at(tables[at(j)]), at(tokens[at(j)])])
                    product = (code & FREQUENCY_MASK) * (second & FREQUENCY_MASK)
                    state, end = _make_room(state, product, ROUNDS * PRECISION, words, end)
                    state = _put(state, second)
                else:
                    state, end = _make_room(state, code & FREQUENCY_MASK, PRECISION, words, end)
                states[k] = _put(state, code)
    return end


@allocating_kernel
def encode_rows(tables, tokens, counts, codes, words):  # type: ignore[no-untyped-def]
    """Code rows whose phases have `counts` tokens; return the index of the first word.

    Parameters
    ----------
    tables, tokens : uint8 (voxels,), table and token of each voxel in coding order
    counts : int64 (phases,), tokens of each phase of a row
    codes : int32 (tables, TOKENS), `codes_of`
    words : uint32 (words,), filled from the end
    """
    states = np.full(STATES, LOWEST, np.int64)
    end = np.int64(words.size)
    first = np.int64(tokens.size)
    while first > 0:
        for phase in range(counts.size - 1, -1, -1):
            first -= counts[phase]
            if counts[phase] > 0:
                end = _encode_phase(tables, tokens, first, counts[phase], codes, states, words, end)
    for k in range(STATES - 1, -1, -1):
        words[end - 1] = states[k] & 0xFFFFFFFF
        words[end - 2] = states[k] >> 32
        end -= 2
    return end


def codes_of(frequencies: NDArray[np.int32]) -> NDArray[np.int32]:
    """What the encoder needs of each token: start, shift and frequency, see `FREQUENCY_BITS`."""
    codes: NDArray[np.int32] = (starts_of(frequencies) << CODE_BITS) | (SHIFTS[frequencies] << FREQUENCY_BITS) | frequencies
    return codes


@kernel
def begin_states(words, states):  # type: ignore[no-untyped-def]
    """Read the first values of the states; return the number of words read.

    Parameters
    ----------
    words : uint32 (words,), of a stream
    states : int64 (STATES,), filled
    """
    for k in range(STATES):
        states[k] = (np.int64(words[2 * k]) << 32) | np.int64(words[2 * k + 1])
    return 2 * STATES


@inlined_kernel
def _take(state, place, contexts, slots, lookup, tokens):  # type: ignore[no-untyped-def]
    """Decode the token at `place`; return the `state` after it.

    Parameters
    ----------
    state : of the coder
    place : of the token
    contexts, slots, lookup, tokens : as for `read_tokens`
    """
    entry = np.int64(lookup[at(np.int64(slots[at(contexts[at(place)])]) + (state & (TOTAL - 1)))])
    tokens[at(place)] = np.uint8(entry & 255)
    return (entry >> 20) * (state >> PRECISION) + ((entry >> 8) & 0xFFF)


@inlined_kernel
def _filled(state, words, word):  # type: ignore[no-untyped-def]
    """Return the `state` with number `word` of the `words` behind it, if it is low enough."""
    low = np.int64(state < LOWEST)
    return (state << (low << 5)) | (np.int64(words[at(word)]) & -low)


@inlined_kernel
def _take_four(number, place, contexts, slots, lookup, words, word, states, tokens):  # type: ignore[no-untyped-def]
    """Decode two tokens with each of four states and fill these up; return the number of the next word.

    Eight states at once would not fit the registers.

    Parameters
    ----------
    number : of the first of the states
    place : of its first token
    contexts, slots, lookup, words, word, states, tokens : as for `read_tokens`
    """
    s0, s1, s2, s3 = states[at(number)], states[at(number + 1)], states[at(number + 2)], states[at(number + 3)]
    for first in (place, place + STATES):
        s0 = _take(s0, first, contexts, slots, lookup, tokens)
        s1 = _take(s1, first + 1, contexts, slots, lookup, tokens)
        s2 = _take(s2, first + 2, contexts, slots, lookup, tokens)
        s3 = _take(s3, first + 3, contexts, slots, lookup, tokens)
    w1 = word + np.int64(s0 < LOWEST)
    w2 = w1 + np.int64(s1 < LOWEST)
    w3 = w2 + np.int64(s2 < LOWEST)
    states[at(number)], states[at(number + 1)] = _filled(s0, words, word), _filled(s1, words, w1)
    states[at(number + 2)], states[at(number + 3)] = _filled(s2, words, w2), _filled(s3, words, w3)
    return w3 + np.int64(s3 < LOWEST)


@apart_kernel
def read_tokens(contexts, count, slots, lookup, words, word, states, tokens):  # type: ignore[no-untyped-def]
    """Decode the tokens of a phase of a row; return the position behind the words that were read.

    Parameters
    ----------
    contexts : int16 (count or more,), context of each token
    count : tokens
    slots : int32 (contexts,), place in `lookup` of the first slot of each context's table
    lookup : uint32 (tables * TOTAL,), ``frequency << 20 | (slot - start) << 8 | token``
    words : uint32 (words,), with room behind their end, see `walk.Source`
    word : position of the next word
    states : int64 (STATES,), those of the coder, changed
    tokens : uint8 (count or more,), filled
    """
    whole = count // PERIOD * PERIOD
    for x in range(0, whole, PERIOD):
        for number in range(0, STATES, 4):
            word = _take_four(number, x + number, contexts, slots, lookup, words, word, states, tokens)
    for place in range(whole, min(count, whole + STATES)):
        state = _take(states[at(place - whole)], place, contexts, slots, lookup, tokens)
        if place + STATES < count:
            state = _take(state, place + STATES, contexts, slots, lookup, tokens)
        states[at(place - whole)] = _filled(state, words, word)
        word += np.int64(state < LOWEST)
    return word


@kernel
def _fill_lookup(frequencies, lookup):  # type: ignore[no-untyped-def]
    """Fill the decoder's table; False if a row of `frequencies` does not sum to TOTAL.

    Parameters
    ----------
    frequencies : int32 (tables, TOKENS)
    lookup : uint32 (tables * TOTAL,), see `read_tokens`, filled
    """
    for table in range(frequencies.shape[0]):
        slot = 0
        for token in range(frequencies.shape[1]):
            frequency = np.int64(frequencies[table, token])
            if frequency < 0 or slot + frequency > TOTAL:
                return False
            for within in range(frequency):
                lookup[table * TOTAL + slot + within] = (frequency << 20) | (within << 8) | token
            slot += frequency
        if slot != TOTAL:
            return False
    return True


def lookup_of(frequencies: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Look-up table of the decoder (tables * TOTAL,) from rows of frequencies that sum to TOTAL; `CorruptError` otherwise."""
    lookup = np.zeros(len(frequencies) * TOTAL, np.uint32)
    if not _fill_lookup(frequencies, lookup):
        raise CorruptError("a frequency table does not sum to its total")
    return lookup
