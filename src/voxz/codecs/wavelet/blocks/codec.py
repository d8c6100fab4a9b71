"""A volume in blocks: fields of displacements in one part, everything else in a second, of the binary coder."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.wavelet.blocks.borders import smooth_borders
from voxz.codecs.wavelet.blocks.contexts import Coding
from voxz.codecs.wavelet.blocks.layout import (
    ALONE,
    FROM_BOTH,
    LARGEST,
    LARGEST_SAMPLE,
    SIDE_OF_FIELDS,
    STEP,
    UNIT,
    Map,
    Plane,
    Slice,
    Turn,
    turns,
    whole_blocks,
)
from voxz.codecs.wavelet.blocks.search import Search
from voxz.codecs.wavelet.blocks.walk import Rooms, code_slice
from voxz.entropy.binary import POSITION
from voxz.errors import CorruptError
from voxz.transforms.motion.field import COLUMNS, Cells, pack_cells, read_cells
from voxz.transforms.motion.lifting import predicted_slice

Volume = NDArray[np.float64]


def suits(shape: tuple[int, ...]) -> bool:
    """Whether a volume ``(z, y, x)`` has several slices with room for blocks."""
    return shape[0] > 1 and min(shape[1:]) >= LARGEST


def _slices(
    shape: tuple[int, ...], step: float, cells_of: Callable[[Turn, dict[int, Plane]], Cells], code: Callable[[Slice, Turn], None]
) -> Volume:
    """Code the slices of a volume of whole blocks in turn; return what they decode to."""
    found = np.zeros(shape)
    known: dict[int, Plane] = {}
    maps: dict[int, Map] = {}
    nothing = np.zeros((shape[1] // UNIT, shape[2] // UNIT), np.uint8)
    for turn in turns(shape[0]):
        likely = np.zeros(shape[1:])
        if turn.kind != ALONE:
            after = known[turn.after] if turn.kind == FROM_BOTH else known[turn.before]
            likely = predicted_slice(known[turn.before], after, cells_of(turn, known), SIDE_OF_FIELDS)
        one = Slice.new(likely, maps.get(turn.before, nothing), turn, step * STEP)
        code(one, turn)
        smooth_borders(one.samples.reshape(-1), one.sizes, one.step)
        known[turn.number], maps[turn.number], found[turn.number] = one.samples, one.modes, one.samples
        for old in [number for number in known if number < turn.number - 2]:
            del known[old], maps[old]
    return found


def _both(slices: int) -> list[bool]:
    """Of each slice that others predict, in turn, whether there is one after it."""
    return [turn.kind == FROM_BOTH for turn in turns(slices) if turn.kind != ALONE]


def encode_blocks(volume: Volume, step: float, taken: list[int] | None = None) -> tuple[bytes, Volume]:
    """Parts of a volume ``(z, y, x)`` that is coded with the step of a brick, and what they decode to.

    The bytes that are `taken` after each slice, without fields, are added to that list.
    """
    shape = whole_blocks(volume.shape)
    whole = np.pad(volume, [(0, more - n) for more, n in zip(shape, volume.shape, strict=True)], mode="edge")
    search = Search(whole, volume.shape[1:], step * STEP)

    def code(one: Slice, turn: Turn) -> None:
        search.code(one, turn)
        if taken is not None:
            taken.append(search.length)

    found = _slices(shape, step, search.cells, code)
    writer = PartWriter(b"")
    writer.part(pack_cells(search.fields, _both(shape[0])))
    writer.part(search.finish())
    return writer.to_bytes(), np.ascontiguousarray(found[tuple(slice(n) for n in volume.shape)])


def decode_blocks(reader: PartReader, volume: tuple[int, ...], step: float) -> Volume:
    """Volume of this shape ``(z, y, x)``; damage raises `CorruptError`."""
    shape = whole_blocks(volume)
    both, sides = _both(shape[0]), [n // SIDE_OF_FIELDS for n in shape[1:]]
    fields = iter(read_cells(reader.part(), [np.zeros((*sides, COLUMNS), np.int64) for _ in both], both))
    stream = reader.part()
    coding, rooms = Coding.begin(stream), Rooms.new()

    def decode(one: Slice, _: Turn) -> None:
        if not code_slice(one, coding, rooms, True) or not np.all(np.abs(one.samples) <= LARGEST_SAMPLE):
            raise CorruptError("the blocks of a brick are damaged")

    found = _slices(shape, step, lambda turn, known: next(fields), decode)
    if coding.coder[POSITION] != len(stream):
        raise CorruptError("the blocks of a brick do not end where their part does")
    return np.ascontiguousarray(found[tuple(slice(n) for n in volume)])
