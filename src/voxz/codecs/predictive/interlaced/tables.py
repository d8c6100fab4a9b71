"""Entropy tables of the fast walk: ranges of contexts, each with raw low bits and frequencies of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.streams import TOTAL
from voxz.codecs.predictive.interlaced.tokens import DIRECT, LARGEST_SHIFT, TOKENS
from voxz.codecs.predictive.interlaced.walk import CONTEXTS
from voxz.entropy.contexts import frequency_steps, of_steps
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import at, kernel

MOST_TABLES = 64
VOXELS_PER_TABLE = 2_000
BITS_PER_FREQUENCY = 4.5
"""What a frequency costs in the side information, for the choice of ranges."""


@kernel
def _survey(contexts, residuals, counts, magnitudes):  # type: ignore[no-untyped-def]
    """Count the voxels of each context, and sum up the magnitudes of their residuals.

    Parameters
    ----------
    contexts : int16 (voxels,)
    residuals : int32 (voxels,)
    counts, magnitudes : int64 (CONTEXTS,), added to
    """
    for i in range(contexts.size):
        context = np.int64(contexts[i])
        counts[context] += 1
        magnitudes[context] += abs(np.int64(residuals[i]))


@kernel
def tables_of(contexts, table_of, tables):  # type: ignore[no-untyped-def]
    """Fill the table of each voxel.

    Parameters
    ----------
    contexts : int16 (voxels,)
    table_of : uint8 (CONTEXTS,), table of each context
    tables : uint8 (voxels,), filled
    """
    for i in range(contexts.size):
        tables[i] = table_of[at(contexts[i])]


@dataclass(frozen=True)
class Tables:
    """Entropy tables of a brick.

    Attributes
    ----------
    firsts : first context of each table, rising from 0
    shifts : raw low bits of its residuals, never falling
    frequencies : int32 (tables, TOKENS), of sum TOTAL in each row
    """

    firsts: tuple[int, ...]
    shifts: tuple[int, ...]
    frequencies: NDArray[np.int32]


def table_of(firsts: Sequence[int]) -> NDArray[np.uint8]:
    """Table of each context (CONTEXTS,), given the first context of each."""
    found = np.zeros(CONTEXTS, np.uint8)
    for table, first in enumerate(firsts):
        found[first:] = table
    return found


def choose_ranges(contexts: NDArray[np.int16], residuals: NDArray[np.int32], most: int) -> tuple[list[int], list[int]]:
    """Cut the contexts into at most `most` ranges of about equal population: first contexts and shifts, which never fall."""
    counts, magnitudes = np.zeros(CONTEXTS, np.int64), np.zeros(CONTEXTS, np.int64)
    _survey(contexts, residuals, counts, magnitudes)
    wanted = max(1, min(most, contexts.size // VOXELS_PER_TABLE))
    before = np.cumsum(counts) - counts
    firsts = [0]
    for k in range(1, wanted):
        first = int(np.searchsorted(before, contexts.size * k // wanted, side="left"))
        if firsts[-1] < first < CONTEXTS:
            firsts.append(first)
    shifts, shift = [], 0
    for first, last in zip(firsts, [*firsts[1:], CONTEXTS], strict=True):
        count, total = int(counts[first:last].sum()), int(magnitudes[first:last].sum())
        while count and (total >> shift) > count * DIRECT // 2 and shift < LARGEST_SHIFT:
            shift += 1
        shifts.append(shift)
    return firsts, shifts


def merge_ranges(
    firsts: list[int], shifts: list[int], counts: NDArray[np.int64]
) -> tuple[list[int], list[int], NDArray[np.int64], NDArray[np.uint8]]:
    """Merge neighbouring ranges whose own table, of token `counts` (tables, TOKENS), does not pay, the least useful first.

    Returns first contexts, shifts and counts of the ranges that remain, and the new table of each old one, uint8.
    """
    members = [[k] for k in range(len(firsts))]
    rows = list(counts)
    lengths = [_length(row) for row in rows]

    def saved_by(k: int) -> float:
        if shifts[members[k][0]] != shifts[members[k + 1][0]]:
            return 0.0
        return lengths[k] + lengths[k + 1] - _length(rows[k] + rows[k + 1])

    saved = [saved_by(k) for k in range(len(rows) - 1)]
    while saved:
        best = int(np.argmax(saved))
        if saved[best] <= 0:
            break
        members[best : best + 2] = [members[best] + members[best + 1]]
        rows[best : best + 2] = [rows[best] + rows[best + 1]]
        lengths[best : best + 2] = [_length(rows[best])]
        del saved[best]
        for k in range(max(0, best - 1), min(best + 1, len(saved))):
            saved[k] = saved_by(k)
    merged = np.repeat(np.arange(len(rows), dtype=np.uint8), [len(group) for group in members])
    kept = [group[0] for group in members]
    return [firsts[k] for k in kept], [shifts[k] for k in kept], np.array(rows), merged


def _length(counts: NDArray[np.int64]) -> float:
    """Estimated bits of tokens (TOKENS,) and of their table."""
    return bits_of(counts) + BITS_PER_FREQUENCY * np.count_nonzero(counts)


def bits_of(counts: NDArray[np.int64]) -> float:
    """Entropy of tokens (TOKENS,) in bits."""
    used = counts[counts > 0]
    return float((used * np.log2(used.sum() / used)).sum())


def write_tables(side: IntegerWriter, firsts: list[int], shifts: list[int], counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Send the tables for token `counts` (tables, TOKENS); return the frequencies that the decoder will make of them."""
    steps = frequency_steps(counts, TOTAL)
    used = [int(np.flatnonzero(row).max(initial=-1)) + 1 for row in steps]
    empty = [int(np.flatnonzero(row).min(initial=TOKENS)) if row.any() else 0 for row in steps]
    side.put([len(firsts)])
    side.put(np.diff(firsts))
    side.put(np.diff(shifts, prepend=0))
    side.put(empty)
    side.put(used)
    side.put(np.concatenate([np.diff(row[a:n], prepend=0) for row, a, n in zip(steps, empty, used, strict=True)]))
    return of_steps(steps, TOTAL)


def read_tables(side: IntegerReader) -> Tables:
    """Inverse of `write_tables`; damage raises `CorruptError`."""
    (number,) = (int(n) for n in side.take(1))
    if not 1 <= number <= MOST_TABLES:
        raise CorruptError(f"a brick has {number} entropy tables, expected 1 to {MOST_TABLES}")
    firsts = np.cumsum(np.concatenate([[0], side.take(number - 1)]))
    shifts = np.cumsum(side.take(number))
    if (np.diff(firsts) <= 0).any() or firsts[-1] >= CONTEXTS or shifts[0] < 0 or (np.diff(shifts) < 0).any():
        raise CorruptError("the ranges of the entropy tables are out of order")
    empty, used = side.take(number), side.take(number)
    if shifts[-1] > LARGEST_SHIFT or (empty < 0).any() or (used < empty).any() or (used > TOKENS).any():
        raise CorruptError("an entropy table is out of bounds")
    flat = side.take(int((used - empty).sum()))
    steps = np.zeros((number, TOKENS), np.int64)
    for row, first, last, part in zip(steps, empty, used, np.split(flat, np.cumsum(used - empty)[:-1]), strict=True):
        row[first:last] = np.cumsum(part)
    return Tables(tuple(firsts.tolist()), tuple(shifts.tolist()), of_steps(steps, TOTAL))
