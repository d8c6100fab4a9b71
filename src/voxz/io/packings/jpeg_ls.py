"""JPEG-LS (ISO/IEC 14495-1), lossless or with a bound, undone and done again by a walk of our own: equal bits on every machine.

Everything that shapes a stream stands in its head, so that samples give the same bits. `how` holds the bytes before and behind
the entropy-coded data. Streams of one scan are undone; mapping tables, restarts and several scans are none of this packing.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import dicom_items
from voxz.io.packings.jpeg_ls_walk import CODER, CONTEXTS, LINE, POSITION, SAMPLE, walk
from voxz.io.packings.jpeg_stream import SOF_JPEG_LS, JpegStream, in_layout, out_of_layout, read_head
from voxz.volume.layout import Layout

MOST_EXPANSION = 1 << 14
"""Samples may be so many times larger than their stream: a flat line takes a few bits."""

_MOST_BITS = 70
"""Bits that a sample takes at most: the escape of a Golomb code, and its run."""


class _Coder:
    """What both directions need of the head of a stream."""

    def __init__(self, head: JpegStream, layout: Layout) -> None:
        self.shape = head.rows, head.columns, len(head.components)
        near, self.interleaving, transform = head.parameters
        self.precision = head.precision
        self.parameters = _parameters(head.precision, near, head.presets)
        one = self.shape[2] == 1 and self.interleaving == 0
        self.fits = (
            head.kind == SOF_JPEG_LS
            and not head.unknown_preset
            and head.restart == 0
            and transform == 0
            and [number for number, _ in head.scan] == [number for number, _ in head.components]
            and all(table == 0 for _, table in head.scan)
            and len({factors for _, factors in head.components}) == 1
            and (one or self.interleaving in (LINE, SAMPLE))
            and layout.dtype.kind in "iu"
            and layout.dtype.itemsize <= 2
            and 2 <= head.precision <= 8 * layout.dtype.itemsize
            and self.parameters is not None
            and int(np.prod(self.shape)) * layout.dtype.itemsize == layout.nbytes > 0
        )

    def walk(self, data: NDArray[np.uint8], samples: NDArray[np.uint16], *, writing: bool) -> int | None:
        """Read `samples` from entropy-coded data, or write these; returns the bytes passed, None if they do not fit together."""
        assert self.parameters is not None
        coder, state = np.zeros(CODER, np.int64), np.zeros((4, CONTEXTS), np.int64)
        state[0], state[3] = max(2, (self.parameters[6] + 32) >> 6), 1
        if not walk(data, coder, writing, samples, self.interleaving, self.parameters, state):
            return None
        return int(coder[POSITION])

    def redo(self, samples: NDArray[np.uint16]) -> bytes | None:
        """Entropy-coded data of samples; None if they cannot come from such a stream."""
        data = np.empty(samples.size * _MOST_BITS // 7 + 64, np.uint8)
        count = self.walk(data, samples.copy(), writing=True)
        return None if count is None else data[:count].tobytes()


def _parameters(precision: int, near: int, presets: tuple[int, ...]) -> tuple[int, ...] | None:
    """MAXVAL, NEAR, T1, T2, T3, RESET, RANGE, qbpp, LIMIT (C.2.4.1.1); None if they cannot be."""
    most, *given, reset = presets or (0, 0, 0, 0, 0)
    most, reset = most or (1 << precision) - 1, reset or 64
    if most >= 1 << precision or near > min(255, most // 2) or reset < 3 or not most:
        return None
    if most >= 128:
        factor = (min(most, 4095) + 128) // 256
        usual = (factor + 2 + 3 * near, 4 * factor + 3 + 5 * near, 17 * factor + 4 + 7 * near)
    else:
        factor = 256 // (most + 1)
        usual = (max(2, 3 // factor + 3 * near), max(3, 7 // factor + 5 * near), max(4, 21 // factor + 7 * near))
    thresholds = [near + 1]
    for threshold, preset in zip(usual, given, strict=True):
        least = thresholds[-1]
        thresholds.append(preset or (threshold if least <= threshold <= most else least))
    if not near < thresholds[1] <= thresholds[2] <= thresholds[3] <= most:
        return None
    span = (most + 2 * near) // (2 * near + 1) + 1
    bits, quantised_bits = max(2, most.bit_length()), (span - 1).bit_length()
    return most, near, *thresholds[1:], reset, span, quantised_bits, 2 * (bits + max(8, bits))


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """Samples of a stream, bare or in fragments, and what `pack` needs; None if it cannot be made again."""
    unwrapped = dicom_items.unwrap(data)
    head = read_head(unwrapped[0]) if unwrapped else None
    if unwrapped is None or head is None or layout.nbytes > MOST_EXPANSION * len(data):
        return None
    stream, lengths = unwrapped
    coder = _Coder(head, layout)
    if not coder.fits:
        return None
    samples = np.zeros(coder.shape, np.uint16)
    length = coder.walk(np.frombuffer(stream, np.uint8)[head.start :].copy(), samples, writing=False)
    if length is None:
        return None
    behind = stream[head.start + length :]
    how = lengths + varint(head.start) + stream[: head.start] + varint(len(behind)) + behind
    return in_layout(samples, head.precision, layout), how


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given."""
    told = Cursor(how)
    lengths = dicom_items.take_lengths(told)
    before, behind = told.take(told.number()), told.take(told.number())
    told.finish()
    head = read_head(before)
    coder = _Coder(head, layout) if head else None
    if head is None or coder is None or not coder.fits or len(samples) != layout.nbytes:
        raise CorruptError("the head of a JPEG-LS stream does not fit its samples")
    again = coder.redo(out_of_layout(samples, head.precision, layout, coder.shape))
    if again is None:
        raise CorruptError("samples of a JPEG-LS stream go beyond its bound")
    return dicom_items.wrap(before + again + behind, lengths)
