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
    magnitudes = counts[: MAGNITUDES * quantisers].reshape(MAGNITUDES, -1)
    firsts, rows = _ranges(magnitudes)
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
    """Merge neighbouring contexts whose own tables do not pay; first contexts and counts of the ranges that remain."""
    met = np.flatnonzero(counts.any(1))
    firsts = [0, *met[1:].tolist()] if met.size else [0]
    rows = [counts[k] for k in met] if met.size else [counts[0]]
    lengths = [_length(row) for row in rows]
    joined = [_length(rows[k] + rows[k + 1]) for k in range(len(rows) - 1)]
    while joined:
        saved = [lengths[k] + lengths[k + 1] - joined[k] for k in range(len(joined))]
        best = int(np.argmax(saved))
        if saved[best] <= 0:
            break
        rows[best : best + 2] = [rows[best] + rows[best + 1]]
        lengths[best : best + 2] = [joined.pop(best)]
        del firsts[best + 1]
        for k in range(max(best - 1, 0), min(best + 1, len(joined))):
            joined[k] = _length(rows[k] + rows[k + 1])
    return np.array(firsts, np.int64), np.array(rows)


def _length(counts: Counts) -> float:
    """Estimated bits of the tokens of a range, whose tables are one after the other, and of these tables."""
    tables = counts.reshape(-1, TOKENS)
    total = tables.sum(1)
    used = counts[counts > 0]
    shares = float((used * np.log2(used)).sum()) - float((total * np.log2(np.maximum(total, 1))).sum())
    return BITS_PER_FREQUENCY * used.size - shares
