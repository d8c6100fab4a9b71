"""Dense values of a brick to the parts of a payload and back, by the fast walk."""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.fit import fit
from voxz.codecs.predictive.interlaced.model import Model, Places
from voxz.codecs.predictive.interlaced.rows import ORDER, RANKS, Rows, join_columns, split_columns
from voxz.codecs.predictive.interlaced.streams import LOWEST, STATES, encode_parts, lookup_of
from voxz.codecs.predictive.interlaced.tables import choose_ranges, read_tables, tables_of, write_tables
from voxz.codecs.predictive.interlaced.tokens import TOKENS, tokenise
from voxz.codecs.predictive.interlaced.walk import PRECISION, walk
from voxz.entropy.bits import from_bytes, to_bytes
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.rans import starts_of
from voxz.errors import CorruptError

LARGEST = (1 << 16) - 1
"""Highest dense value: samples have 16 bits, sums 32."""

MOST_TABLES = 20

WIDE = 128
"""Columns from which on rows are cut into four phases: shorter ones would leave vectors half empty."""

_ERROR_BITS = 6
"""Fraction bits that errors keep where they are about one half step."""

_NOTHING = np.zeros(0, np.int32)
_NO_LOOKUP, _NO_SHIFTS = np.zeros(1, np.uint32), np.zeros(1, np.int64)
_NO_WORDS = np.zeros(4 * STATES, np.uint32)


def encode(dense: NDArray[np.int32], highest: int, side: IntegerWriter) -> tuple[bytes, bytes]:
    """Words and raw bits of `dense` values 0 to `highest` ``(series, z, y, x)``; parameters are added to `side`."""
    phases = 4 if dense.shape[3] >= WIDE else 2
    rows = Rows(*dense.shape, phases=phases)
    centre = _centre(highest)
    samples = np.zeros(rows.size, np.int16)
    split_columns(dense, rows.sizes(), centre, samples)
    model = fit(samples, dense, rows)
    error_shift = _error_shift(dense, highest)
    contexts, residuals = np.zeros(dense.size, np.int16), np.zeros(dense.size, np.int32)
    _walk(samples, rows, model, highest, error_shift, np.zeros(1, np.uint8), False, _NO_LOOKUP, _NO_SHIFTS, _NO_WORDS, b"", contexts, residuals)
    side.put([phases, error_shift])
    model.write(side, rows)
    firsts, shifts = choose_ranges(contexts, residuals, MOST_TABLES)
    tables, tokens = np.zeros(dense.size, np.uint8), np.zeros(dense.size, np.uint8)
    table_of = np.zeros(4096, np.uint8)
    for table, first in enumerate(firsts):
        table_of[first:] = table
    tables_of(contexts, table_of, tables)
    counts, raw = np.zeros((len(firsts), TOKENS), np.int64), np.zeros(dense.size + 3, np.int64)
    bits = int(tokenise(residuals, tables, np.array(shifts, np.int64), tokens, counts, raw))
    sent = write_tables(side, firsts, shifts, counts)
    words = np.zeros(dense.size // 2 + 2 * STATES + 16, np.uint32)
    first = int(encode_parts(tables, tokens, np.array(rows.counts, np.int64), sent.frequencies, starts_of(sent.frequencies), words))
    return words[first:].astype("<u4").tobytes(), to_bytes(raw, bits)


def decode(side: IntegerReader, words: bytes, raw: bytes, highest: int, shape: tuple[int, int, int, int]) -> NDArray[np.int32]:
    """Inverse of `encode`; damage raises `CorruptError`."""
    phases, error_shift = (int(n) for n in side.take(2))
    if phases not in ORDER:
        raise CorruptError(f"rows are cut into {phases} phases, expected 2 or 4")
    rows = Rows(*shape, phases=phases)
    model = Model.read(side, rows)
    tables = read_tables(side)
    side.finish()
    if highest > LARGEST or not 0 <= error_shift <= 26 or len(words) % 4 or len(words) < 8 * STATES:
        raise CorruptError("the parts of a brick do not fit each other")
    samples = np.zeros(rows.size, np.int16)
    lookup = lookup_of(tables.frequencies)
    stream = np.concatenate([np.frombuffer(words, "<u4"), np.zeros(rows.part + 1 - 8, np.uint32)]).astype(np.uint32, copy=False)
    if not _walk(
        samples, rows, model, highest, error_shift, tables.table_of(), True, lookup, np.array(tables.shifts, np.int64), stream, raw, np.zeros(0, np.int16), _NOTHING
    ):
        raise CorruptError("the entropy-coded residuals of a brick are damaged")
    dense = np.empty(shape, np.uint16)
    join_columns(samples, rows.sizes(), _centre(highest), dense)
    return dense


def _walk(samples, rows, model, highest, error_shift, table_of, decoding, lookup, shifts, words, raw, contexts, residuals) -> bool:
    places = Places.of(rows, model.references)
    centre = _centre(highest)
    bits = np.concatenate([from_bytes(raw), np.zeros(2 * rows.part, np.uint32)])
    return bool(
        walk(
            samples, np.zeros(rows.size, np.int16), rows.sizes(), np.array(model.tiles, np.int64), model.references, places.taps,
            model.coefficients.reshape(len(model.coefficients), -1), np.array(ORDER[rows.phases], np.int64), np.array(RANKS[rows.phases], np.int64), places.errors, places.weights, table_of, np.array([-centre, highest - centre], np.int64), error_shift,
            decoding, lookup, shifts, words, bits, 8 * len(raw), contexts, residuals,
        )
    )


def _centre(highest: int) -> int:
    """What is taken from dense values so that they fit 16 bits with sign."""
    return 1 << 15 if highest >= 1 << 15 else 0


def _error_shift(dense: NDArray[np.int32], highest: int) -> int:
    """Low bits of errors that contexts leave out: so many that errors of the usual size keep `_ERROR_BITS`."""
    usual = float(np.abs(np.diff(dense[:, :, :, :: max(1, dense.shape[3] // 256)].astype(np.int64), axis=2)).mean()) if dense.shape[2] > 1 else 1.0
    return max(0, PRECISION - _ERROR_BITS + int(np.ceil(np.log2(max(usual / 2, 0.25) / 2))))
