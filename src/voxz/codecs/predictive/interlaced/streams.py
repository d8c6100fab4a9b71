"""The entropy coder of the fast walk: rANS (Duda, arXiv 1311.2540) with eight states and one look-up a token.

Token i of a phase of a row belongs to state ``i % 8``. A state is 2**31 to 2**63 - 1 and takes at most two tokens, of `PRECISION`
bits each, before it is filled up by a 32-bit word: after every second round of eight tokens and at the end of the phase, in the
order of the states. One look-up gives token, frequency and place of a slot::

    slot = state mod 2**PRECISION
    state = frequency * (state >> PRECISION) + slot - start;   if state < 2**31: state = state << 32 | next word

The encoder goes backwards. All states must be back at their first value at the end, which catches most damage.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError
from voxz.jit import allocating_kernel, at, kernel

PRECISION = 11
TOTAL = 1 << PRECISION
STATES = 8
ROUNDS = 2
LOWEST = 1 << 31
PERIOD = STATES * ROUNDS
"""Tokens between two fillings of the states."""


@kernel
def _encode_phase(tables, tokens, first, count, frequencies, starts, states, words, end):  # type: ignore[no-untyped-def]
    """Code the tokens of a phase of a row backwards; return the new `end`.

    Parameters
    ----------
    tables, tokens, frequencies, starts, words : as for `encode_rows`
    first, count : place of the first token, and how many there are, 1 or more
    states : int64 (STATES,), those of the coder, changed
    end : index of the word that was written last
    """
    for begin in range((count - 1) // PERIOD * PERIOD, -1, -PERIOD):
        for k in range(STATES - 1, -1, -1):
            state = np.int64(states[k])
            product = np.int64(1)
            bits = 0
            for i in range(begin + k, min(begin + PERIOD, count), STATES):
                product *= np.int64(frequencies[tables[first + i], tokens[first + i]])
                bits += PRECISION
            if bits > 0 and (state >> (63 - bits)) >= product:
                end -= 1
                words[end] = state & 0xFFFFFFFF
                state >>= 32
            for back in range(ROUNDS - 1, -1, -1):
                i = begin + k + back * STATES
                if i < count:
                    frequency = np.int64(frequencies[tables[first + i], tokens[first + i]])
                    state = (
                        ((state // frequency) << PRECISION)
                        + state % frequency
                        + np.int64(starts[tables[first + i], tokens[first + i]])
                    )
            states[k] = state
    return end


@allocating_kernel
def encode_rows(tables, tokens, counts, frequencies, starts, words):  # type: ignore[no-untyped-def]
    """Code rows whose phases have `counts` tokens; return the index of the first word.

    Parameters
    ----------
    tables, tokens : uint8 (voxels,), table and token of each voxel in coding order
    counts : int64 (phases,), tokens of each phase of a row
    frequencies, starts : int32 (tables, TOKENS), of TOTAL; starts are the sums of the frequencies before
    words : uint32 (words,), filled from the end
    """
    states = np.full(STATES, LOWEST, np.int64)
    end = np.int64(words.size)
    first = np.int64(tokens.size)
    while first > 0:
        for phase in range(counts.size - 1, -1, -1):
            first -= counts[phase]
            if counts[phase] > 0:
                end = _encode_phase(tables, tokens, first, counts[phase], frequencies, starts, states, words, end)
    for k in range(STATES - 1, -1, -1):
        words[end - 1] = states[k] & 0xFFFFFFFF
        words[end - 2] = states[k] >> 32
        end -= 2
    return end


@kernel
def begin_states(words, states):  # type: ignore[no-untyped-def]
    """Read the first values of the states; return the number of words read."""
    for k in range(STATES):
        states[k] = (np.int64(words[2 * k]) << 32) | np.int64(words[2 * k + 1])
    return 2 * STATES


@kernel
def read_tokens(tables, count, lookup, words, word, states, tokens):  # type: ignore[no-untyped-def]
    """Decode the tokens of a phase of a row; return the position behind the words that were read.

    Parameters
    ----------
    tables : uint8 (count or more,), table of each token
    count : tokens
    lookup : uint32 (tables * TOTAL,), ``frequency << 20 | (slot - start) << 8 | token``
    words : uint32 (words,), with room behind their end, see `walk.Source`
    word : position of the next word
    states : int64 (STATES,), those of the coder, changed
    tokens : uint8 (count or more,), filled
    """
    s0, s1, s2, s3 = states[0], states[1], states[2], states[3]
    s4, s5, s6, s7 = states[4], states[5], states[6], states[7]
    mask = TOTAL - 1
    whole = count // PERIOD * PERIOD
    for x in range(0, whole, PERIOD):
        for start in range(x, x + PERIOD, STATES):
            q0 = np.int64(lookup[at((np.int64(tables[at(start)]) << PRECISION) | (s0 & mask))])
            q1 = np.int64(lookup[at((np.int64(tables[at(start + 1)]) << PRECISION) | (s1 & mask))])
            q2 = np.int64(lookup[at((np.int64(tables[at(start + 2)]) << PRECISION) | (s2 & mask))])
            q3 = np.int64(lookup[at((np.int64(tables[at(start + 3)]) << PRECISION) | (s3 & mask))])
            q4 = np.int64(lookup[at((np.int64(tables[at(start + 4)]) << PRECISION) | (s4 & mask))])
            q5 = np.int64(lookup[at((np.int64(tables[at(start + 5)]) << PRECISION) | (s5 & mask))])
            q6 = np.int64(lookup[at((np.int64(tables[at(start + 6)]) << PRECISION) | (s6 & mask))])
            q7 = np.int64(lookup[at((np.int64(tables[at(start + 7)]) << PRECISION) | (s7 & mask))])
            s0 = (q0 >> 20) * (s0 >> PRECISION) + ((q0 >> 8) & 0xFFF)
            s1 = (q1 >> 20) * (s1 >> PRECISION) + ((q1 >> 8) & 0xFFF)
            s2 = (q2 >> 20) * (s2 >> PRECISION) + ((q2 >> 8) & 0xFFF)
            s3 = (q3 >> 20) * (s3 >> PRECISION) + ((q3 >> 8) & 0xFFF)
            s4 = (q4 >> 20) * (s4 >> PRECISION) + ((q4 >> 8) & 0xFFF)
            s5 = (q5 >> 20) * (s5 >> PRECISION) + ((q5 >> 8) & 0xFFF)
            s6 = (q6 >> 20) * (s6 >> PRECISION) + ((q6 >> 8) & 0xFFF)
            s7 = (q7 >> 20) * (s7 >> PRECISION) + ((q7 >> 8) & 0xFFF)
            tokens[at(start)], tokens[at(start + 1)] = np.uint8(q0 & 255), np.uint8(q1 & 255)
            tokens[at(start + 2)], tokens[at(start + 3)] = np.uint8(q2 & 255), np.uint8(q3 & 255)
            tokens[at(start + 4)], tokens[at(start + 5)] = np.uint8(q4 & 255), np.uint8(q5 & 255)
            tokens[at(start + 6)], tokens[at(start + 7)] = np.uint8(q6 & 255), np.uint8(q7 & 255)
        low = np.int64(s0 < LOWEST)
        s0 = (s0 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s1 < LOWEST)
        s1 = (s1 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s2 < LOWEST)
        s2 = (s2 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s3 < LOWEST)
        s3 = (s3 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s4 < LOWEST)
        s4 = (s4 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s5 < LOWEST)
        s5 = (s5 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s6 < LOWEST)
        s6 = (s6 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
        low = np.int64(s7 < LOWEST)
        s7 = (s7 << (low << 5)) | (np.int64(words[at(word)]) & -low)
        word += low
    states[0], states[1], states[2], states[3] = s0, s1, s2, s3
    states[4], states[5], states[6], states[7] = s4, s5, s6, s7
    for x in range(whole, count):
        k = x & (STATES - 1)
        state = states[k]
        entry = np.int64(lookup[at((np.int64(tables[at(x)]) << PRECISION) | (state & mask))])
        tokens[at(x)] = np.uint8(entry & 255)
        states[k] = (entry >> 20) * (state >> PRECISION) + ((entry >> 8) & 0xFFF)
    if whole < count:
        for k in range(STATES):
            low = np.int64(states[k] < LOWEST)
            states[k] = (states[k] << (low << 5)) | (np.int64(words[at(word)]) & -low)
            word += low
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
