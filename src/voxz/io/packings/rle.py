"""DICOM's RLE (PS3.5, annex G): a PackBits segment for each byte of a sample, high bytes first.

What an encoder is free in is where it begins runs and literals. `RULES` are the ways of encoders in use; where none gives the
very control bytes, `how` holds them. The padding of segments is kept as it is.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError
from voxz.io.packings import dicom_items
from voxz.jit import kernel
from voxz.volume.layout import Layout

HEAD = 64
MOST_SEGMENTS = 15
MOST_EXPANSION = 64
"""A run of 128 bytes takes two."""


@dataclass(frozen=True)
class Rule:
    """Where an encoder begins its packets.

    Attributes
    ----------
    first, within : shortest run that is coded as one where a packet may begin, and within a literal
    by_rows : whether packets end with each row of pixels
    short_end : whether a run within a literal may be shorter where the row or the longest literal ends
    lone_rest : whether one byte that is left of a run of more than 128 is a literal of its own
    """

    first: int
    within: int
    by_rows: bool = True
    short_end: bool = False
    lone_rest: bool = False


RULES = (
    Rule(2, 2, lone_rest=True),
    Rule(2, 3, short_end=True),
    Rule(3, 3),
    Rule(2, 2),
    Rule(2, 3),
    Rule(2, 2, by_rows=False),
    Rule(2, 3, by_rows=False),
    Rule(3, 3, by_rows=False),
)
"""Rules by their number in files; the first is that of pydicom, the second that of GDCM."""

_BY_CONTROLS = 8
"""The number that stands for control bytes in `how`; rules to come have higher ones."""


@kernel
def undo(data, plane, controls):  # type: ignore[no-untyped-def]
    """Undo a segment; returns how many of its bytes were read and how many controls there are, -1 and 0 if they make no plane.

    Parameters
    ----------
    data : uint8 (bytes,), the segment
    plane : uint8 (samples,), filled
    controls : uint8 (bytes of the segment,), filled
    """
    i, written, count = 0, 0, 0
    while written < plane.shape[0]:
        if i >= data.shape[0]:
            return -1, 0
        control = np.int64(data[i])
        controls[count] = control
        count += 1
        i += 1
        if control < 128:
            length = control + 1
            if i + length > data.shape[0] or written + length > plane.shape[0]:
                return -1, 0
            for k in range(length):
                plane[written + k] = data[i + k]
            i += length
            written += length
        elif control > 128:
            length = 257 - control
            if i >= data.shape[0] or written + length > plane.shape[0]:
                return -1, 0
            for k in range(length):
                plane[written + k] = data[i]
            i += 1
            written += length
    return i, count


@kernel
def redo(plane, controls, out):  # type: ignore[no-untyped-def]
    """Write the packets of `controls`; returns their bytes, or -1 if they are none of this plane.

    Parameters
    ----------
    plane : uint8 (samples,)
    controls : uint8 (packets,)
    out : uint8 (samples + packets,), filled
    """
    i, at = 0, 0
    for n in range(controls.shape[0]):
        control = np.int64(controls[n])
        out[i] = control
        i += 1
        if control < 128:
            if at + control + 1 > plane.shape[0]:
                return -1
            for _ in range(control + 1):
                out[i] = plane[at]
                i += 1
                at += 1
        elif control > 128:
            if at + 257 - control > plane.shape[0]:
                return -1
            out[i] = plane[at]
            i += 1
            at += 257 - control
    return i if at == plane.shape[0] else -1


@kernel
def run_at(plane, i, end, most):  # type: ignore[no-untyped-def]
    """How many bytes from `i` are equal.

    Parameters
    ----------
    plane : uint8 (samples,)
    i : place of the first byte
    end : place behind the last that may count
    most : bytes that count at most
    """
    length = 1
    while length < most and i + length < end and plane[i + length] == plane[i]:
        length += 1
    return length


@kernel
def plan(plane, row, first, within, short_end, lone_rest, controls):  # type: ignore[no-untyped-def]
    """Write the controls of an encoder; returns how many.

    Parameters
    ----------
    plane : uint8 (samples,)
    row : bytes after which packets end
    first, within, short_end, lone_rest : as in `Rule`
    controls : uint8 (samples,), filled
    """
    count, i, run_goes_on = 0, 0, False
    while i < plane.shape[0]:
        end = min(plane.shape[0], i - i % row + row)
        length = run_at(plane, i, end, 128)
        if length >= first:
            controls[count] = 257 - length
            run_goes_on = lone_rest and length == 128 and i + 128 < end and plane[i + 128] == plane[i]
        elif run_goes_on:
            length = 1
            controls[count] = 0
            run_goes_on = False
        else:
            stop = min(end, i + 128)
            length = 1
            while i + length < stop:
                at = i + length
                if short_end and stop - at > 1:
                    if run_at(plane, at, stop, within) >= min(within, stop - at):
                        break
                elif not short_end and run_at(plane, at, end, within) >= within:
                    break
                length += 1
            controls[count] = length - 1
        count += 1
        i += length
    return count


def unpack(data: bytes, layout: Layout) -> tuple[bytes, bytes] | None:
    """Samples of a frame, and what `pack` needs to make it again; None if it is none that can be made again."""
    unwrapped = dicom_items.unwrap(data)
    if unwrapped is None or layout.nbytes > MOST_EXPANSION * len(data) or layout.dtype.kind not in "iu" or not layout.nbytes:
        return None
    stream, lengths = unwrapped
    numbers = np.frombuffer(stream[:HEAD], "<u4").tolist() if len(stream) >= HEAD else [0]
    count = layout.channels * layout.dtype.itemsize
    offsets = [*numbers[1 : count + 1], len(stream)]
    if numbers[0] != count or count > MOST_SEGMENTS or stream[:HEAD] != _head(offsets[:-1]):
        return None
    if any(a > b for a, b in itertools.pairwise(offsets)):
        return None
    planes = np.empty((count, layout.nbytes // count), np.uint8)
    how = [lengths]
    for plane, start, end in zip(planes, offsets, offsets[1:], strict=False):
        told = _undo_segment(stream[start:end], plane, layout)
        if told is None:
            return None
        how.append(told)
    return _joined(planes, layout), b"".join(how)


def _undo_segment(segment: bytes, plane: NDArray[np.uint8], layout: Layout) -> bytes | None:
    """Fill the plane of a segment; returns what `_redo_segment` needs."""
    controls = np.empty(len(segment), np.uint8)
    read, count = undo(np.frombuffer(segment, np.uint8), plane, controls)
    if read < 0:
        return None
    controls, rest = controls[:count], segment[read:]
    told = varint(len(rest)) + rest
    for number in range(len(RULES)):
        if np.array_equal(_planned(plane, number, layout), controls):
            return varint(number) + told
    return varint(_BY_CONTROLS) + varint(count) + controls.tobytes() + told


def _planned(plane: NDArray[np.uint8], number: int, layout: Layout) -> NDArray[np.uint8]:
    rule = RULES[number]
    row = max(1, (1, *layout.memory_shape)[-1]) if rule.by_rows else len(plane)
    controls = np.empty(len(plane), np.uint8)
    return controls[: plan(plane, row, rule.first, rule.within, rule.short_end, rule.lone_rest, controls)]


def _head(offsets: list[int]) -> bytes:
    return np.array([len(offsets), *offsets, *[0] * (MOST_SEGMENTS - len(offsets))], "<u4").tobytes()


def pack(samples: bytes, how: bytes, layout: Layout) -> bytes:
    """The bytes that `unpack` was given."""
    told = Cursor(how)
    lengths = dicom_items.take_lengths(told)
    if len(samples) != layout.nbytes or not 0 < layout.channels * layout.dtype.itemsize <= MOST_SEGMENTS:
        raise CorruptError(f"{len(samples)} bytes of samples cannot be packed by RLE")
    segments, offsets, at = [], [], HEAD
    for plane in _planes(samples, layout):
        segment = _redo_segment(plane, told, layout)
        segments.append(segment)
        offsets.append(at)
        at += len(segment)
    told.finish()
    return dicom_items.wrap(_head(offsets) + b"".join(segments), lengths)


def _redo_segment(plane: NDArray[np.uint8], told: Cursor, layout: Layout) -> bytes:
    number = told.number()
    if number != _BY_CONTROLS and number >= len(RULES):
        raise CorruptError(f"RLE has no rule {number}")
    by_controls = number == _BY_CONTROLS
    controls = np.frombuffer(told.take(told.number()), np.uint8).copy() if by_controls else _planned(plane, number, layout)
    out = np.empty(len(plane) + len(controls), np.uint8)
    length = redo(plane, controls, out)
    if length < 0:
        raise CorruptError("the controls of an RLE segment do not fit its samples")
    return out[:length].tobytes() + told.take(told.number())


def _joined(planes: NDArray[np.uint8], layout: Layout) -> bytes:
    """Samples from planes: those of the first channel first, high bytes first."""
    size = layout.dtype.itemsize
    samples = planes.reshape(layout.channels, size, -1).transpose(2, 0, 1)
    return np.ascontiguousarray(samples if _big(layout.dtype) else samples[..., ::-1]).tobytes()


def _planes(samples: bytes, layout: Layout) -> NDArray[np.uint8]:
    size = layout.dtype.itemsize
    split = np.frombuffer(samples, np.uint8).reshape(-1, layout.channels, size)
    planes = (split if _big(layout.dtype) else split[..., ::-1]).transpose(1, 2, 0)
    return np.ascontiguousarray(planes).reshape(layout.channels * size, -1)


def _big(dtype: np.dtype[Any]) -> bool:
    return dtype.str[0] == ">"
