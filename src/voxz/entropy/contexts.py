"""Entropy tables for residuals: which table a voxel uses, and the tables themselves.

The traversal gives each voxel a *grade*, a fine measure of how large its residual is expected to be. Grades are cut into
ranges of about equal population, each with a table of its own; ranges with small residuals have four tables, one for
each *phase* (first two fraction bits of the prediction), because there the rounding of the prediction shows.

Frequencies are sent on a coarse logarithmic scale (`step_of`: 16 exact values, then eight a factor of two, which costs
0.0005 bits a voxel), each as a difference to its left neighbour, and rebuilt by the same `normalise` on both sides.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.bits import put_bits
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.rans import TOTAL, fill_slots, normalise
from voxz.entropy.residual import DIRECT, TOKENS, raw_length, token_of
from voxz.errors import CorruptError
from voxz.jit import kernel

FINE_GRADES, COARSE_SHIFT, GRADES = 1024, 6, 2048
"""Expected errors below FINE_GRADES are grades of their own, larger ones share one per 2**COARSE_SHIFT."""

PHASES = 4
VOXELS_PER_TABLE = 5_000
PHASED_BELOW = 4
PLENTY = 1 << 20
BITS_PER_FREQUENCY = 4.5
MOST_TABLES = 128
LARGEST_SHIFT = 26

_STEPS = np.array([*range(17), *(round(16 * 2 ** (k / 8)) for k in range(1, 8 * 8 + 1))], np.int64)


@dataclass(frozen=True)
class Contexts:
    """Tables of a brick.

    Attributes
    ----------
    grade_table : int16 (grades,)
        Four times the first table of each grade, plus 3 where there are four, one for each phase.
    shifts : int64 (tables,)
        Raw low bits of the residuals of each table.
    frequencies : int32 (tables, TOKENS)
        Sum to ``rans.TOTAL`` in each row.
    """

    grade_table: NDArray[np.int16]
    shifts: NDArray[np.int64]
    frequencies: NDArray[np.int32]

    def lookup(self) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Look-up tables of the decoder: symbol of each slot ``(tables, TOTAL)``, span of each symbol ``(tables, TOKENS)``."""
        slots = np.zeros((len(self.shifts), TOTAL), np.uint8)
        spans = np.zeros(self.frequencies.shape, np.int32)
        if not fill_slots(self.frequencies, slots, spans):
            raise CorruptError("a frequency table does not sum to its total")
        return slots, spans


@kernel
def _shift_for(total, count):  # type: ignore[no-untyped-def]
    """Shift that brings a mean magnitude of total / count below a third of DIRECT.

    Parameters
    ----------
    total, count : sum of magnitudes and their number, 1 or more
    """
    shift = 0
    while (total >> shift) > count * (DIRECT // 3) and shift < LARGEST_SHIFT:
        shift += 1
    return shift


@kernel
def _survey(noted, residuals, counts, magnitudes):  # type: ignore[no-untyped-def]
    """Count the voxels of each grade, and sum up the magnitudes of their residuals.

    Parameters
    ----------
    noted : int32 (voxels,), four times the grade, plus the phase
    residuals : int32 (voxels,)
    counts, magnitudes : int64 (GRADES,), added to
    """
    for i in range(noted.size):
        grade = noted[i] >> 2
        counts[grade] += 1
        magnitudes[grade] += abs(np.int64(residuals[i]))


@kernel
def _take_census(noted, residuals, part_of, shifts, least, most, found):  # type: ignore[no-untyped-def]
    """Count voxels by part, phase and token, with each of the shifts that a part may have.

    Parameters
    ----------
    noted : int32 (voxels,), four times the grade, plus the phase
    residuals : int32 (voxels,)
    part_of : int64 (GRADES,), number of the part that each grade belongs to
    shifts : int64 (shifts,), raw low bits of the residuals
    least, most : int64 (parts,), numbers of the first and the last shift of each part
    found : int32 (shifts, parts, PHASES, TOKENS), added to
    """
    for i in range(noted.size):
        part, phase, residual = part_of[noted[i] >> 2], noted[i] & 3, np.int64(residuals[i])
        for k in range(least[part], most[part] + 1):
            found[k, part, phase, token_of(residual >> shifts[k])] += 1


@kernel
def tokenise(noted, residuals, grade_table, shifts, tables, tokens, counts, raw):  # type: ignore[no-untyped-def]
    """Fill table and token of each voxel, the token counts and the raw bits; return the number of raw bits.

    Parameters
    ----------
    noted : int32 (voxels,), four times the grade, plus the phase
    residuals : int32 (voxels,), in dense values, below 2 ** 26 in magnitude
    grade_table : int16 (GRADES,), see `Contexts`
    shifts : int64 (tables,), raw low bits of the residuals of each table
    tables, tokens : uint8 (voxels,), filled
    counts : int64 (tables, TOKENS), filled
    raw : int64 (words,), bits from the lowest on, filled
    """
    bit = np.int64(0)
    for i in range(noted.size):
        entry = np.int64(grade_table[noted[i] >> 2])
        table = (entry >> 2) + (noted[i] & entry & 3)
        shift = np.int64(shifts[table])
        residual = np.int64(residuals[i])
        value = residual >> shift
        token = token_of(value)
        length = raw_length(token)
        if shift > 0:
            bit = put_bits(raw, bit, residual & ((np.int64(1) << shift) - 1), shift)
        if length > 0:
            bit = put_bits(raw, bit, abs(value) - DIRECT - (np.int64(1) << length), length)
        tables[i] = table
        tokens[i] = token
        counts[table, token] += 1
    return bit


@dataclass(frozen=True)
class Ranges:
    """How grades are grouped: first grade, raw bits and phase split of each range."""

    firsts: tuple[int, ...]
    shifts: tuple[int, ...]
    phased: tuple[int, ...]

    def tables(self) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Expand to the entry of each grade and the shift of each table."""
        grade_table = np.zeros(GRADES, np.int16)
        shifts: list[int] = []
        for first, shift, split in zip(self.firsts, self.shifts, self.phased, strict=True):
            grade_table[first:] = 4 * len(shifts) + (PHASES - 1 if split else 0)
            copies = PHASES if split else 1
            shifts += [shift] * copies
        return grade_table, np.array(shifts, np.int64)


def choose_ranges(noted: NDArray[np.int32], residuals: NDArray[np.int32], most_ranges: int, split_phases: bool) -> Ranges:
    """Cut the grades into ranges of equal population: as many, up to `most_ranges`, as make the code shortest.

    With many voxels that is `most_ranges`; with few, every table must earn its place.
    """
    counts = np.zeros(GRADES, np.int64)
    magnitudes = np.zeros(GRADES, np.int64)
    _survey(noted, residuals, counts, magnitudes)
    wanted = max(1, min(most_ranges, len(noted) // VOXELS_PER_TABLE))
    if len(noted) >= PLENTY:
        return _cut(counts, magnitudes, wanted, split_phases)
    numbers = sorted({max(1, wanted * part // 8) for part in (1, 2, 4, 8)})
    cuts = [_cut(counts, magnitudes, n, split_phases) for n in numbers]
    choices = list(dict.fromkeys(ranges for cut in cuts for ranges in (replace(cut, phased=(0,) * len(cut.firsts)), cut)))
    if len(choices) == 1:
        return choices[0]
    lengths = _code_lengths(noted, residuals, choices)
    return choices[lengths.index(min(lengths))]


def _cut(counts: NDArray[np.int64], magnitudes: NDArray[np.int64], wanted: int, split_phases: bool) -> Ranges:
    """Ranges of about equal population of the grades."""
    cumulative = np.cumsum(counts)
    total = int(cumulative[-1])
    cuts = {int(np.searchsorted(cumulative, total * k // wanted, side="right")) for k in range(1, wanted)}
    firsts = [0, *sorted(cut for cut in cuts if 0 < cut < GRADES)]
    populations = [int(n) for n in np.add.reduceat(counts, firsts)]
    sums = [int(n) for n in np.add.reduceat(magnitudes, firsts)]
    shifts = [int(_shift_for(total, max(n, 1))) for total, n in zip(sums, populations, strict=True)]
    phased = [
        int(split_phases and total < PHASED_BELOW * n and n >= PHASES * VOXELS_PER_TABLE)
        for total, n in zip(sums, populations, strict=True)
    ]
    return Ranges(tuple(firsts), tuple(shifts), tuple(phased))


def tokens_of(
    ranges: Ranges, noted: NDArray[np.int32], residuals: NDArray[np.int32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], int]:
    """Table and token of each voxel, token counts of each table, words of raw bits, and how many bits they are."""
    grade_table, shifts = ranges.tables()
    counts = np.zeros((len(shifts), TOKENS), np.int64)
    tables, tokens = np.zeros(noted.size, np.uint8), np.zeros(noted.size, np.uint8)
    raw = np.zeros(2 * noted.size + 3, np.int64)
    bits = int(tokenise(noted, residuals, grade_table, shifts, tables, tokens, counts, raw))
    return tables, tokens, counts, raw, bits


def _code_lengths(noted: NDArray[np.int32], residuals: NDArray[np.int32], choices: list[Ranges]) -> list[float]:
    """Estimated bits of all residuals and tables with each choice of ranges.

    All are made of the same parts, which the voxels are counted by, once for each number of raw bits that a part may have.
    """
    firsts = sorted({first for ranges in choices for first in ranges.firsts})
    shifts = sorted({shift for ranges in choices for shift in ranges.shifts})
    part_of = np.repeat(np.arange(len(firsts)), np.diff([*firsts, GRADES]))
    cuts = [
        (np.array([*map(firsts.index, ranges.firsts), len(firsts)]), np.array([*map(shifts.index, ranges.shifts)]))
        for ranges in choices
    ]
    by_part = np.stack([np.repeat(shift_of, np.diff(bounds)) for bounds, shift_of in cuts])
    census = np.zeros((len(shifts), len(firsts), PHASES, TOKENS), np.int32)
    _take_census(noted, residuals, part_of, np.array(shifts), by_part.min(axis=0), by_part.max(axis=0), census)
    return [_code_length(census, *cut, ranges) for cut, ranges in zip(cuts, choices, strict=True)]


def _code_length(census: NDArray[np.int32], bounds: NDArray[np.int64], shift_of: NDArray[np.int64], ranges: Ranges) -> float:
    """Estimated bits with `ranges` of the parts between `bounds`; the census is ``(shifts, parts, PHASES, TOKENS)``."""
    phased = np.array(ranges.phased)
    counts = np.zeros((len(phased) + (PHASES - 1) * sum(ranges.phased), TOKENS), np.int64)
    _merge(census, shift_of, bounds, phased, counts)
    totals = counts.sum(axis=1)
    raw = np.repeat(ranges.shifts, 1 + (PHASES - 1) * phased) @ totals + _RAW @ counts.sum(axis=0)
    used = counts[counts > 0]
    entropy = _times_logarithm(totals).sum() - _times_logarithm(used).sum()
    return float(entropy) + float(raw) + BITS_PER_FREQUENCY * used.size


@kernel
def _merge(census, shift_of, bounds, phased, counts):  # type: ignore[no-untyped-def]
    """Sum up the tokens of each table.

    Parameters
    ----------
    census : int32 (shifts, parts, PHASES, TOKENS)
    shift_of : int64 (ranges,), which shift each range has
    bounds : int64 (ranges + 1,), first part of each range, and the one behind the last
    phased : int64 (ranges,), 1 for ranges with a table for each phase
    counts : int64 (tables, TOKENS), zeros at first, filled
    """
    table = 0
    for k in range(phased.size):
        for part in range(bounds[k], bounds[k + 1]):
            for phase in range(PHASES):
                for token in range(TOKENS):
                    counts[table + phase * phased[k], token] += census[shift_of[k], part, phase, token]
        table += 1 + (PHASES - 1) * phased[k]


def _times_logarithm(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers times their logarithm to base 2; 0 for 0."""
    numbers = counts.astype(np.float64)
    return numbers * np.log2(np.maximum(numbers, 1.0))


_RAW = np.maximum(np.arange(TOKENS) - 2 * DIRECT - 1, 0) >> 1
"""`raw_length` of each token."""


def write_contexts(writer: IntegerWriter, ranges: Ranges, counts: NDArray[np.int64]) -> Contexts:
    """Send `ranges` and the token `counts` of their tables; return what the decoder will make of them."""
    writer.put([len(ranges.firsts)])
    writer.put(np.diff(ranges.firsts))
    writer.put(ranges.shifts)
    writer.put(ranges.phased)
    steps = frequency_steps(counts)
    used = [int(np.flatnonzero(row).max(initial=-1)) + 1 for row in steps]
    writer.put(used)
    writer.put(np.concatenate([np.diff(row[:n], prepend=0) for row, n in zip(steps, used, strict=True)]))
    return Contexts(*ranges.tables(), of_steps(steps))


def read_contexts(reader: IntegerReader) -> Contexts:
    """Inverse of `write_contexts`; damage raises `CorruptError`."""
    (number,) = (int(n) for n in reader.take(1))
    if not 1 <= number <= MOST_TABLES:
        raise CorruptError(f"entropy tables must have 1 to {MOST_TABLES} ranges (got {number})")
    firsts = [0, *itertools.accumulate(reader.take(number - 1).tolist())]
    shifts, phased = reader.take(number).tolist(), reader.take(number).tolist()
    ordered = all(before < after for before, after in itertools.pairwise(firsts)) and firsts[-1] < GRADES
    if not ordered or min(shifts) < 0 or max(shifts) > LARGEST_SHIFT or min(phased) < 0 or max(phased) > 1:
        raise CorruptError("the ranges of the entropy tables are out of bounds")
    grade_table, table_shifts = Ranges(tuple(firsts), tuple(shifts), tuple(phased)).tables()
    used = reader.take(len(table_shifts))
    if not _within(used, TOKENS):
        raise CorruptError(f"an entropy table has more than {TOKENS} tokens")
    steps = np.zeros((len(table_shifts), TOKENS), np.int64)
    _add_up(reader.take(int(used.sum())), used, steps)
    return Contexts(grade_table, table_shifts, of_steps(steps))


@kernel
def _add_up(changes, used, steps):  # type: ignore[no-untyped-def]
    """Fill the first steps of each table from how each differs from the one before.

    Parameters
    ----------
    changes : int64 (sum of `used`,)
    used : int64 (tables,), how many tokens of each table are sent
    steps : int64 (tables, TOKENS), zeros at first, filled
    """
    at = 0
    for table in range(used.size):
        step = np.int64(0)
        for token in range(used[table]):
            step += changes[at]
            at += 1
            steps[table, token] = step


def _within(values: NDArray[np.int64], highest: int) -> bool:
    return int(values.min(initial=0)) >= 0 and int(values.max(initial=0)) <= highest


def frequency_steps(counts: NDArray[np.int64], total: int = TOTAL) -> NDArray[np.int64]:
    """Places on the scale of frequencies for rows of token `counts`, as shares of `total`; tokens that occur are above 0."""
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    scaled = np.where(counts > 0, np.maximum(counts * total // totals, 1), 0)
    return np.searchsorted(_STEPS, scaled, side="right") - 1


def of_steps(steps: NDArray[np.int64], total: int = TOTAL) -> NDArray[np.int32]:
    """Frequencies that sum to `total` in each row from places on their scale; `CorruptError` for places that it has not."""
    if not _within(steps, len(_STEPS) - 1):
        raise CorruptError("a frequency of an entropy table is out of bounds")
    return normalise(_STEPS[steps], total)
