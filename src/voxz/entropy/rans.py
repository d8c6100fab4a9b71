"""Range asymmetric numeral systems (rANS) with static tables.

Duda's rANS (arXiv 1311.2540) in the streaming form of Giesen (arXiv 1402.3392): one state of 16 to 32 bits, 16-bit words,
probabilities of `PRECISION` bits. The encoder runs over the symbols backwards; the decoder is one multiplication and
one table look-up a symbol:

    slot = state mod 2**PRECISION;  symbol = symbols[slot]
    state = frequency * (state >> PRECISION) + slot - start;  if state < 2**16: state = state << 16 | next word

The decoder looks up the symbol of a slot (one byte) and then ``frequency << 16 | start`` of the symbol: small tables
stay in the cache.
Two states take turns, so that one can be updated while the other is waited for (Giesen's interleaving). Both must be back
at their initial value when all symbols are read, which catches most damage.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.jit import kernel

PRECISION = 12
TOTAL = 1 << PRECISION
LOWEST = 1 << 16


@kernel
def fill_slots(frequencies, slots, spans):  # type: ignore[no-untyped-def]
    """Fill the decoder's tables; False if a row of frequencies does not sum to TOTAL.

    Parameters
    ----------
    frequencies : int32 (tables, symbols)
    slots : uint8 (tables, TOTAL), symbol of each slot, filled
    spans : int32 (tables, symbols), frequency << 16 | first slot, filled
    """
    for table in range(frequencies.shape[0]):
        start = 0
        for symbol in range(frequencies.shape[1]):
            frequency = np.int64(frequencies[table, symbol])
            if frequency < 0 or start + frequency > TOTAL:
                return False
            spans[table, symbol] = (frequency << 16) | start
            for within in range(frequency):
                slots[table, start + within] = symbol
            start += frequency
        if start != TOTAL:
            return False
    return True


@kernel
def encode_symbols(tables, symbols, frequencies, starts, words):  # type: ignore[no-untyped-def]
    """Code `symbols[i]` with table `tables[i]`; return how many of `words` were filled, in reading order from the end.

    Parameters
    ----------
    tables, symbols : uint8 (symbols,)
    frequencies, starts : int32 (tables, symbols of a table), of TOTAL; starts are the sums of the frequencies before
    words : uint16 (words,), filled from the end
    """
    state = LOWEST
    other = LOWEST
    end = words.size
    for i in range(symbols.size - 1, -1, -1):
        state, other = other, state
        table = tables[i]
        symbol = symbols[i]
        frequency = np.int64(frequencies[table, symbol])
        if (state >> (32 - PRECISION)) >= frequency:
            end -= 1
            words[end] = state & 0xFFFF
            state >>= 16
        state = ((state // frequency) << PRECISION) + (state % frequency) + np.int64(starts[table, symbol])
    words[end - 1] = other & 0xFFFF
    words[end - 2] = other >> 16
    words[end - 3] = state & 0xFFFF
    words[end - 4] = state >> 16
    return words.size - end + 4


@kernel
def _normalise(counts, total_frequency, frequencies):  # type: ignore[no-untyped-def]
    """Scale counts to frequencies of a given sum, every occurring symbol at least 1.

    Parameters
    ----------
    counts : int64 (tables, symbols), from 0 on
    total_frequency : sum of each row of frequencies, at least the number of symbols
    frequencies : int32 (tables, symbols), zeros at first, filled
    """
    for table in range(counts.shape[0]):
        total = np.int64(0)
        for symbol in range(counts.shape[1]):
            total += counts[table, symbol]
        if total == 0:
            frequencies[table, 0] = total_frequency
            continue
        given = 0
        largest = 0
        for symbol in range(counts.shape[1]):
            count = np.int64(counts[table, symbol])
            if count > 0:
                frequency = max(1, (count * total_frequency + total // 2) // total)
                frequencies[table, symbol] = frequency
                given += frequency
                if frequency > frequencies[table, largest]:
                    largest = symbol
        # Too much was given to the rare ones: take it back from the frequent ones, in proportion.
        excess = given - total_frequency
        while excess != 0:
            step = 1 if excess > 0 else -1
            for symbol in range(counts.shape[1]):
                frequency = np.int64(frequencies[table, symbol])
                if excess != 0 and (frequency > 8 or (frequency > 1 and frequency == frequencies[table, largest])):
                    share = step * max(1, min(abs(excess), frequency >> 6))
                    if frequency - share >= 1:
                        frequencies[table, symbol] = frequency - share
                        excess -= share


def normalise(counts: NDArray[np.int64], total: int = TOTAL) -> NDArray[np.int32]:
    """Frequencies (tables, symbols) that sum to `total` per row from `counts` of the same shape."""
    frequencies = np.zeros(counts.shape, np.int32)
    _normalise(counts, total, frequencies)
    return frequencies


def starts_of(frequencies: NDArray[np.int32]) -> NDArray[np.int32]:
    """Sum of the frequencies before each symbol, per table."""
    starts = np.zeros_like(frequencies)
    starts[:, 1:] = np.cumsum(frequencies[:, :-1], axis=1)
    return starts
