"""Integers in a row, each with a level that its reader knows: the entropy coder of residuals without the prediction.

Payload: u32 bytes of tables, u32 bytes of rANS words, tables, words, raw bits. An empty payload means that all are zero.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.row_code import WEIGHT_BITS, read_row, tables_of
from voxz.entropy.bits import from_bytes, to_bytes
from voxz.entropy.contexts import choose_ranges, read_contexts, tokens_of, write_contexts
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.rans import LOWEST, encode_symbols, starts_of
from voxz.errors import CorruptError

MOST_LEVELS = 1024
RANGES = 16
_HEAD = struct.Struct("<II")


def code_residuals(
    side: IntegerWriter, most_ranges: int, phases: bool, residuals: NDArray[np.int32], noted: NDArray[np.int32]
) -> tuple[bytes, bytes]:
    """Choose and send the tables, then code all residuals; return rANS words and raw bits."""
    ranges = choose_ranges(noted, residuals, most_ranges, phases)
    tables, tokens, counts, raw, bits = tokens_of(ranges, noted, residuals)
    contexts = write_contexts(side, ranges, counts)
    words = np.zeros(residuals.size + 6, np.uint16)
    starts = starts_of(contexts.frequencies)
    used = int(encode_symbols(tables, tokens, contexts.frequencies, starts, words))
    return words[words.size - used :].astype("<u2").tobytes(), to_bytes(raw, bits)


def encode_sequence(values: NDArray[np.int32], levels: NDArray[np.int32]) -> bytes:
    """Code `values`, of magnitudes below 2**26, at `levels` of 0 to ``MOST_LEVELS - 1``."""
    if not values.any():
        return b""
    side = IntegerWriter()
    words, raw = code_residuals(side, RANGES, False, values, levels << 2)
    information = side.to_bytes()
    return _HEAD.pack(len(information), len(words)) + information + words + raw


def decode_sequence(payload: bytes, levels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Inverse of `encode_sequence`; damage raises `CorruptError`."""
    values = np.zeros(levels.size, np.int64)
    if not payload or not levels.size:
        if payload:
            raise CorruptError(f"got {len(payload)} bytes for a sequence of no integers")
        return values
    if len(payload) < _HEAD.size:
        raise CorruptError(f"a sequence has {len(payload)} bytes, expected at least {_HEAD.size}")
    side_length, words_length = _HEAD.unpack_from(payload)
    ends = _HEAD.size + side_length, _HEAD.size + side_length + words_length
    if ends[1] > len(payload) or words_length < 8 or words_length % 2:
        raise CorruptError(f"the parts of a sequence do not fit its {len(payload)} bytes")
    side = IntegerReader(payload[_HEAD.size : ends[0]])
    contexts = read_contexts(side)
    side.finish()
    room = levels.size
    words = np.concatenate([np.frombuffer(payload[ends[0] : ends[1]], "<u2").astype(np.uint16), np.zeros(room, np.uint16)])
    raw = np.concatenate([from_bytes(payload[ends[1] :]), np.zeros(2 * room, np.uint32)])
    coder = np.array([(int(words[0]) << 16) | int(words[1]), (int(words[2]) << 16) | int(words[3]), 4, 0, 0], np.int64)
    expected = levels.astype(np.int64) << WEIGHT_BITS
    read_row(room, expected, tables_of(contexts, WEIGHT_BITS), words, raw, coder, values, np.zeros(0, np.bool_), 0)
    left = 8 * (len(payload) - ends[1]) - int(coder[3])
    if coder[0] != LOWEST or coder[1] != LOWEST or coder[2] != words_length // 2 or not 0 <= left < 8:
        raise CorruptError("a sequence of integers is damaged")
    return values
