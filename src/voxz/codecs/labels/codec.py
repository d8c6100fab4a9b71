"""The labels codec: segmentation maps, atlases and masks, of any type of 1, 2, 4 or 8 bytes.

::

    samples -> palette and ids -> walk: runs of quiet voxels; decisions "equal to this neighbour?"
            -> counters, mixed where they are unsure -> binary arithmetic coder

Everything adapts while it codes, the same way in the encoder and the decoder, in integers.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.labels.counters import HALF, fill_tables
from voxz.codecs.labels.detect import SIZES
from voxz.codecs.labels.mixing import INITIAL_WEIGHT
from voxz.codecs.labels.palette import padded_size, read_palette, to_ids, to_samples, write_palette
from voxz.codecs.labels.row_repeats import repeats_rows
from voxz.codecs.labels.voxel import COUNT, LENGTH, SEEN, STATE_SIZE, WEIGHTS, WORK_SIZE
from voxz.codecs.labels.walk import CERTAIN, walk
from voxz.entropy.binary import POSITION, finish, start
from voxz.errors import CorruptError, needs_newer

_HEAD = struct.Struct("<IBBI")
"""CRC32 of the rest; level; 1 if rows say whether they repeat; bytes of the palette. The coded stream fills the rest."""

_WIDEST = 1 << 24
"""Ids of a padded array that may be more than 8 times the voxels: bricks of very thin shapes are left to other codecs."""


def encode_brick(samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT) -> bytes | None:
    """Code a map ``(series, z, y, x, channels)``; None if it has too many values or its coded form would be longer."""
    del fidelity
    sizes = _sizes(samples.shape)
    level = min(level, max(CERTAIN))
    if samples.size == 0 or samples.dtype.itemsize not in SIZES or _too_thin(sizes):
        return None
    numbered = to_ids(np.moveaxis(samples, 4, 1), sizes)
    if numbered is None:
        return None
    ids, palette = numbered
    side = write_palette(palette)
    coded = b""
    repeats = False
    if len(palette) > 1:
        repeats = repeats_rows(ids, sizes)
        stream = np.zeros(samples.nbytes, np.uint8)
        state, work = _start(len(palette))
        start(work, b"")
        if not walk(sizes, CERTAIN[level], repeats, ids, state, work, stream, False):
            return None
        coded = finish(work, stream)
    rest = _HEAD.pack(0, level, repeats, len(side))[4:] + side + coded
    return zlib.crc32(rest).to_bytes(4, "little") + rest


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples ``(series, z, y, x, channels)`` of a payload; damage raises `CorruptError`."""
    if len(payload) < _HEAD.size or dtype.itemsize not in SIZES:
        raise CorruptError(f"a brick of labels is too short, or of type {dtype}: {len(payload)} bytes")
    check, level, repeats, side_length = _HEAD.unpack_from(payload)
    if zlib.crc32(payload[4:]) != check:
        raise CorruptError("the checksum of a labels brick does not match")
    sizes = _sizes(shape)
    if level not in CERTAIN or repeats > 1:
        raise needs_newer(f"a labels brick has level {level} and repeats {repeats}")
    if _HEAD.size + side_length > len(payload) or _too_thin(sizes):
        raise CorruptError(f"the parts of a labels brick do not fit its {len(payload)} bytes")
    palette = read_palette(payload[_HEAD.size : _HEAD.size + side_length], dtype.itemsize, int(np.prod(sizes)))
    coded = payload[_HEAD.size + side_length :]
    ids = np.zeros(padded_size(sizes), np.int32)
    if len(palette) > 1:
        state, work = _start(len(palette))
        start(work, coded)
        stream = np.frombuffer(coded, np.uint8).copy()
        if not walk(sizes, CERTAIN[level], bool(repeats), ids, state, work, stream, True) or work[POSITION] != len(coded):
            raise CorruptError("the coded ids of a labels brick are damaged")
    elif coded:
        raise CorruptError(f"{len(coded)} bytes left over behind the single value of a labels brick")
    volumes = to_samples(ids, palette, sizes, dtype).reshape(shape[0], shape[4], *shape[1:4])
    return np.ascontiguousarray(np.moveaxis(volumes, 1, 4))


def _sizes(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """``(volumes, slices, rows, columns)``: channels become volumes of the series."""
    return np.array([shape[0] * shape[4], *shape[1:4]], np.int64)


def _too_thin(sizes: NDArray[np.int64]) -> bool:
    return padded_size(sizes) > max(_WIDEST, 8 * int(np.prod(sizes)))


def _start(count: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """A state that has seen nothing, and working memory, for `count` ids."""
    state = np.full(STATE_SIZE, HALF, np.int32)
    state[WEIGHTS:] = INITIAL_WEIGHT
    fill_tables(state)
    work = np.zeros(WORK_SIZE, np.int64)
    work[SEEN], work[COUNT], work[LENGTH] = 1, count, (count - 1).bit_length()
    return state, work
