"""Dense values of a brick to the parts of a payload and back, by the fast walk.

Side information, behind the value map: phases and error shift, the `predictor`, the entropy tables (`tables`). Then come rANS
words (u32) and raw bits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.fit import SAMPLES, fit
from voxz.codecs.predictive.interlaced.places import places_of
from voxz.codecs.predictive.interlaced.predictor import Predictor
from voxz.codecs.predictive.interlaced.rows import ORDER, Rows, join_columns, split_columns
from voxz.codecs.predictive.interlaced.streams import STATES, TOTAL, codes_of, encode_rows, lookup_of
from voxz.codecs.predictive.interlaced.tables import (
    bits_of,
    choose_ranges,
    merge_ranges,
    read_tables,
    table_of,
    tables_of,
    write_tables,
)
from voxz.codecs.predictive.interlaced.tokens import TOKENS, tokenise
from voxz.codecs.predictive.interlaced.walk import (
    LARGEST_ERROR_SHIFT,
    NO_NOTES,
    NO_SOURCE,
    PRECISION,
    Brick,
    Notes,
    Predictors,
    Source,
    walk,
)
from voxz.entropy.bits import from_bytes, to_bytes
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.jit import at, kernel

LARGEST = (1 << 16) - 1
"""Highest dense value: samples have 16 bits, sums 32."""

NARROWEST = 16
"""Fewest columns of a brick: the borders of narrower rows would take more memory than their samples."""

MOST_TABLES = 20

WIDE = 64
"""Columns from which on four phases are tried: shorter rows leave vectors half empty."""

FOUR_PAY = 0.993
"""Four phases take about a quarter longer to decode than two: they are used where they come below this share of the size."""

FEWEST_TRIED = 1 << 14
"""Four phases are tried on at least this many voxels, in large bricks on a thirty-second of them."""

FITTED_TO_TRY = 1_000
"""Voxels of each rank that predictors are fitted on for that."""

_ERROR_BITS = 6
"""Fraction bits that errors keep where they are about one half step."""

_SLICES_SEEN = 8
"""Slices from which the usual error is estimated."""

Shape = tuple[int, int, int, int]


def fits(highest: int, shape: tuple[int, ...]) -> bool:
    """Whether the fast walk takes dense values of 0 to `highest` in this shape ``(series, z, y, x)``."""
    return highest <= LARGEST and shape[3] >= NARROWEST


def encode(dense: NDArray[np.int32], highest: int, side: IntegerWriter) -> tuple[bytes, bytes]:
    """Words and raw bits of `dense` values 0 to `highest` ``(series, z, y, x)``; parameters are added to `side`."""
    return encode_phases(dense, highest, side, _choose_phases(dense, highest))


def encode_phases(dense: NDArray[np.int32], highest: int, side: IntegerWriter, phases: int) -> tuple[bytes, bytes]:
    """The same with rows cut into 2 or 4 phases."""
    rows = _rows_of(dense, phases)
    walked = _Walked.of(dense, highest, rows, SAMPLES)
    side.put([phases, walked.error_shift])
    walked.predictor.write(side, rows)
    firsts, shifts, counts, merged = merge_ranges(*walked.ranges, walked.counts)
    tables = merged[walked.tables]
    codes = codes_of(write_tables(side, firsts, shifts, counts))
    words = np.zeros(dense.size // 2 + 4 * STATES, np.uint32)
    first = int(encode_rows(tables, walked.tokens, np.array(rows.counts, np.int64), codes, words))
    return words[first:].astype("<u4").tobytes(), to_bytes(walked.raw, walked.raw_bits)


@dataclass(frozen=True)
class _Walked:
    """What a walk over a brick finds, for the encoder.

    Attributes
    ----------
    predictor, error_shift : what was walked with
    ranges : first context and shift of each table
    tables, tokens : uint8 (voxels,), in coding order
    counts : int64 (tables, TOKENS), of tokens
    raw, raw_bits : raw bits, and how many there are
    """

    predictor: Predictor
    error_shift: int
    ranges: tuple[list[int], list[int]]
    tables: NDArray[np.uint8]
    tokens: NDArray[np.uint8]
    counts: NDArray[np.int64]
    raw: NDArray[np.int64]
    raw_bits: int

    @classmethod
    def of(cls, dense: NDArray[np.int32], highest: int, rows: Rows, seen: int) -> "_Walked":
        """Fit predictors on `seen` voxels of each unit (`fit`), and walk."""
        centre = _centre(highest)
        samples = np.zeros(rows.size, np.int16)
        split_columns(dense, rows.sizes(), centre, samples)
        predictor, error_shift = fit(samples, dense, rows, seen), _error_shift(dense)
        contexts, residuals = np.zeros(dense.size, np.int16), np.zeros(dense.size, np.int32)
        brick = _brick(samples, rows, highest, error_shift)
        walk(brick, _predictors(predictor, rows), NO_SOURCE, Notes(contexts, residuals), False)
        firsts, shifts = choose_ranges(contexts, residuals, MOST_TABLES)
        tables, tokens = np.zeros(dense.size, np.uint8), np.zeros(dense.size, np.uint8)
        tables_of(contexts, table_of(firsts), tables)
        counts, raw = np.zeros((len(firsts), TOKENS), np.int64), np.zeros(dense.size + 3, np.int64)
        bits = int(tokenise(residuals, tables, np.array(shifts, np.int64), tokens, counts, raw))
        return cls(predictor, error_shift, (firsts, shifts), tables, tokens, counts, raw, bits)

    def bits(self) -> float:
        """About as many as the words and the raw bits will have."""
        return sum(map(bits_of, self.counts)) + self.raw_bits


def decode(
    side: IntegerReader, words: bytes, raw: bytes, highest: int, shape: Shape, stored: NDArray[np.generic]
) -> NDArray[Any]:
    """Inverse of `encode` for a brick that `fits`: samples, dense value d as ``stored[d]``; damage raises `CorruptError`."""
    phases, error_shift = (int(n) for n in side.take(2))
    if phases not in ORDER or not 0 <= error_shift <= LARGEST_ERROR_SHIFT:
        raise CorruptError(
            f"the fast walk of a brick is damaged: got {phases} phases and errors without {error_shift} bits, "
            f"expected 2 or 4 and at most {LARGEST_ERROR_SHIFT}"
        )
    rows = Rows(*shape, phases=phases)
    predictor = Predictor.read(side, rows)
    tables = read_tables(side)
    side.finish()
    if len(words) % 4 or len(words) < 8 * STATES:
        raise CorruptError(f"the rANS stream of a brick has {len(words)} bytes, expected words of 4 and {STATES} states of 8")
    table = table_of(tables.firsts)
    source = Source(
        table.astype(np.int32) * TOTAL,
        lookup_of(tables.frequencies),
        np.array(tables.shifts, np.int64)[table],
        np.frombuffer(words + bytes(4 * (rows.padded + 1)), "<u4").astype(np.uint32, copy=False),
        np.concatenate([from_bytes(raw), np.zeros(rows.padded, np.uint32)]),
        8 * len(raw),
    )
    samples = np.zeros(rows.size, np.int16)
    if not walk(_brick(samples, rows, highest, error_shift), _predictors(predictor, rows), source, NO_NOTES, True):
        raise CorruptError("the entropy-coded residuals of a brick are damaged")
    decoded, distances = np.empty(shape, stored.dtype), np.diff(stored)
    straight = highest > 0 and bool((distances == distances[0]).all())
    join_columns(samples, rows.sizes(), _centre(highest), stored, straight, decoded)
    return decoded


def _rows_of(dense: NDArray[np.int32], phases: int) -> Rows:
    series, depth, height, width = dense.shape
    return Rows(series, depth, height, width, phases)


def _brick(samples: NDArray[np.int16], rows: Rows, highest: int, error_shift: int) -> Brick:
    centre = _centre(highest)
    return Brick(samples, np.zeros(rows.size, np.int16), rows.sizes(), -centre, highest - centre, error_shift)


def _predictors(predictor: Predictor, rows: Rows) -> Predictors:
    coefficients = predictor.coefficients.reshape(len(predictor.coefficients), -1)
    return Predictors(np.array(predictor.tiles, np.int64), predictor.references, coefficients, places_of(rows))


def _centre(highest: int) -> int:
    """What is taken from dense values so that they fit 16 bits with sign."""
    return 1 << 15 if highest >= 1 << 15 else 0


def _error_shift(dense: NDArray[np.int32]) -> int:
    """Low bits that errors lose, so that errors of the usual size keep `_ERROR_BITS`."""
    depth, height = dense.shape[1:3]
    if height == 1:
        return PRECISION - _ERROR_BITS
    some = np.ascontiguousarray(dense[len(dense) // 2, :: -(-depth // _SLICES_SEEN)])
    usual = float(sum_of_steps(some)) / some[:, 1:].size
    return max(0, PRECISION - _ERROR_BITS + int(np.ceil(np.log2(max(usual / 2, 0.25) / 2))))


@kernel
def sum_of_steps(slices):  # type: ignore[no-untyped-def]
    """Sum of the differences between the rows of some slices (z, y, x), their signs left out."""
    total = np.int64(0)
    for z in range(slices.shape[0]):
        for y in range(1, slices.shape[1]):
            row, above = slices[z, y], slices[z, y - 1]
            for x in range(slices.shape[2]):
                total += abs(np.int64(row[at(x)]) - np.int64(above[at(x)]))
    return total


def _choose_phases(dense: NDArray[np.int32], highest: int) -> int:
    """4 where that pays on a part from the middle of the brick, else 2."""
    series, depth, height, width = dense.shape
    wanted = max(FEWEST_TRIED, dense.size // 32)
    if width < WIDE or dense.size < 4 * wanted:
        return 2
    volumes, slices = min(2, series), min(4, depth)
    lines = min(height, -(-wanted // (volumes * slices * width)))
    middle = tuple(
        slice((size - n) // 2, (size - n) // 2 + n)
        for size, n in zip((series, depth, height), (volumes, slices, lines), strict=True)
    )
    part = dense[middle]
    two, four = (_Walked.of(part, highest, _rows_of(part, phases), FITTED_TO_TRY).bits() for phases in (2, 4))
    return 4 if four < FOUR_PAY * two else 2
