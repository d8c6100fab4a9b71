"""Entropy tables of the fast profile: ranges of magnitude contexts with frequencies of their own, and the chances of signs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.streams import TOTAL
from voxz.codecs.wavelet.fast.contexts import MAGNITUDES, SIGNS
from voxz.codecs.wavelet.fast.tokens import TOKENS
from voxz.entropy.contexts import frequency_steps, of_steps
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import allocating_kernel, inlined_kernel, kernel

BITS_PER_FREQUENCY = 4.5
"""What a frequency costs in the side information, for the choice of ranges."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Tables:
    """Tables of a brick.

    Attributes
    ----------
    firsts : first magnitude context of each range, rising from 0; a range has a table for each quantiser
    frequencies : int32 (tables, TOKENS), of sum TOTAL in each row; those of the signs come last
    """

    firsts: NDArray[np.int64]
    frequencies: NDArray[np.int32]

    def table_of(self, quantisers: int) -> NDArray[np.int64]:
        """Table of each context: of magnitudes and quantisers, then of signs."""
        ranges = np.searchsorted(self.firsts, np.arange(MAGNITUDES), side="right") - 1
        magnitudes = (ranges[:, None] * quantisers + np.arange(quantisers)).ravel()
        return np.concatenate([magnitudes, len(self.firsts) * quantisers + np.arange(SIGNS)])


def fit_tables(counts: Counts, quantisers: int, side: IntegerWriter) -> Tables:
    """Choose and send the tables for the token `counts` (contexts, TOKENS) of a brick."""
    firsts, rows = _ranges(counts[: MAGNITUDES * quantisers].reshape(MAGNITUDES, quantisers, TOKENS))
    steps = frequency_steps(rows.reshape(-1, TOKENS), TOTAL)
    used = [int(np.flatnonzero(row).max(initial=-1)) + 1 for row in steps]
    side.put([len(firsts)])
    side.put(np.diff(firsts))
    side.put(used)
    side.put(np.concatenate([np.diff(row[:n], prepend=0) for row, n in zip(steps, used, strict=True)]))
    signs = counts[MAGNITUDES * quantisers :]
    with_lean, against = signs[:, 0], signs[:, 1]
    total = np.maximum(with_lean + against, 1)
    chances = np.where(with_lean + against, np.clip((against * TOTAL + total // 2) // total, 1, TOTAL - 1), TOTAL // 2)
    side.put(chances)
    return Tables(firsts, np.concatenate([of_steps(steps, TOTAL), _of_chances(chances)]))


def read_tables(side: IntegerReader, quantisers: int) -> Tables:
    """Tables of a brick; damage raises `CorruptError`."""
    (number,) = (int(n) for n in side.take(1))
    if not 1 <= number <= MAGNITUDES:
        raise CorruptError(f"a brick has {number} ranges of contexts, expected 1 to {MAGNITUDES}")
    firsts = np.cumsum(np.concatenate([[0], side.take(number - 1)]))
    used = side.take(number * quantisers)
    if (np.diff(firsts) <= 0).any() or firsts[-1] >= MAGNITUDES or (used < 0).any() or (used > TOKENS).any():
        raise CorruptError("the ranges of the entropy tables are out of bounds")
    steps = np.zeros((number * quantisers, TOKENS), np.int64)
    for row, part in zip(steps, np.split(side.take(int(used.sum())), np.cumsum(used)[:-1]), strict=True):
        row[: part.size] = np.cumsum(part)
    chances = side.take(SIGNS)
    if chances.min() < 1 or chances.max() >= TOTAL:
        raise CorruptError("the chance of a sign is out of bounds")
    return Tables(firsts, np.concatenate([of_steps(steps, TOTAL), _of_chances(chances)]))


def _of_chances(chances: NDArray[np.int64]) -> NDArray[np.int32]:
    """Frequencies of signs from the chances that they are against what is expected."""
    frequencies = np.zeros((chances.size, TOKENS), np.int32)
    frequencies[:, 0], frequencies[:, 1] = TOTAL - chances, chances
    return frequencies


def _ranges(counts: Counts) -> tuple[Counts, Counts]:
    """Merge neighbouring contexts whose own tables do not pay, of counts (contexts, quantisers, TOKENS).

    First contexts and counts of the ranges that remain.
    """
    met = np.flatnonzero(counts.any((1, 2)))
    if met.size == 0:
        return np.zeros(1, np.int64), counts[:1]
    rows, stays = counts[met], np.ones(met.size, np.bool_)
    _merge(rows, _LOGS, np.zeros((2, met.size)), stays)
    firsts = np.where(np.arange(met.size) > 0, met, 0)
    return firsts[stays], rows[stays]


@inlined_kernel
def _log2(number, logs):  # type: ignore[no-untyped-def]
    """About the logarithm of a number, 1 or more."""
    more = 0.0
    while number >= logs.size:
        number, more = number >> 1, more + 1.0
    return logs[number] + more


@kernel
def _length(first, second, logs):  # type: ignore[no-untyped-def]
    """Estimated bits of the tokens of two ranges with the same tables, one for each quantiser, and of these tables.

    Parameters
    ----------
    first, second : int64 (quantisers, TOKENS), how often tokens occur; `second` may be zeros
    logs : as for `_merge`
    """
    bits = 0.0
    for table in range(first.shape[0]):
        total = 0
        for token in range(first.shape[1]):
            number = first[table, token] + second[table, token]
            if number > 0:
                bits += BITS_PER_FREQUENCY - number * _log2(number, logs)
                total += number
        if total > 0:
            bits += total * _log2(total, logs)
    return bits


@allocating_kernel
def _merge(rows, logs, lengths, stays):  # type: ignore[no-untyped-def]
    """Merge the two neighbours that gain most, as long as any gain.

    Parameters
    ----------
    rows : int64 (ranges, quantisers, TOKENS), how often tokens occur, changed
    logs : float64 (n,), logarithms of small numbers, of base 2
    lengths : float64 (2, ranges), room: bits of each range, and of it with the next
    stays : bool (ranges,), true at first; false for those that were merged with one before
    """
    nothing = np.zeros_like(rows[0])
    for k in range(stays.size):
        lengths[0, k] = _length(rows[k], nothing, logs)
        lengths[1, k] = _length(rows[k], rows[k + 1], logs) if k + 1 < stays.size else np.inf
    while True:
        best, saved, last = -1, 0.0, -1
        for k in range(stays.size):
            if stays[k]:
                if last >= 0 and lengths[0, last] + lengths[0, k] - lengths[1, last] > saved:
                    best, saved = last, lengths[0, last] + lengths[0, k] - lengths[1, last]
                last = k
        if best < 0:
            return
        other = _next(stays, best)
        rows[best] += rows[other]
        stays[other] = False
        lengths[0, best] = lengths[1, best]
        for k in (_previous(stays, best), best):
            if k >= 0:
                after = _next(stays, k)
                lengths[1, k] = _length(rows[k], rows[after], logs) if after < stays.size else np.inf


@inlined_kernel
def _next(stays, k):  # type: ignore[no-untyped-def]
    """The next that stays after `k`, or their number."""
    k += 1
    while k < stays.size and not stays[k]:
        k += 1
    return k


@inlined_kernel
def _previous(stays, k):  # type: ignore[no-untyped-def]
    """The one that stays before `k`, or -1."""
    k -= 1
    while k >= 0 and not stays[k]:
        k -= 1
    return k


_LOGS = np.log2(np.maximum(np.arange(1 << 12), 1))
