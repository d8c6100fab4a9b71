"""Samples in a file: a stretch of it counts only if its samples, packed again, give the very bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxz.container.pieces import LONGEST
from voxz.errors import TruncatedError
from voxz.io.foreign_file import Stretch
from voxz.io.packings import WITHOUT_SAMPLES, packing
from voxz.volume.layout import Layout

LARGEST_ITEM = 1 << 30
"""Bytes of samples that are unpacked, or put into another order, at once; larger ones are verbatim."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch of samples in a file, and how its packing is done again."""

    stretch: Stretch
    how: bytes = b""

    @property
    def plain(self) -> bool:
        """Whether the bytes of the file are the samples of the array."""
        return self.stretch.packing == "raw" and not self.stretch.view.split


def proven(content: BinaryIO, size: int, stretches: Sequence[Stretch]) -> tuple[Item, ...]:
    """The stretches whose samples give back the bytes of a file, in their order."""
    items, end = [], 0
    for stretch in stretches:
        empty = not stretch.length or not (stretch.layout.nbytes or stretch.packing in WITHOUT_SAMPLES)
        if empty or stretch.start < end or stretch.start + stretch.length > size:
            continue
        item = Item(stretch)
        if item.plain:
            items += [item] if stretch.length == stretch.layout.nbytes else []
        elif max(stretch.length, stretch.layout.nbytes) <= LARGEST_ITEM:
            content.seek(stretch.start)
            data = content.read(stretch.length)
            how = _how(data, stretch)
            items += [] if how is None else [replace(item, how=how)]
        end = stretch.start + stretch.length
    return tuple(items)


def _how(data: bytes, stretch: Stretch) -> bytes | None:
    """What packing again needs; None if it would not give `data`."""
    if stretch.packing == "raw":
        return b"" if len(data) == stretch.layout.nbytes == (stretch.view.samples or 0) * stretch.layout.dtype.itemsize else None
    module, layout = packing(stretch.packing), packed_layout(stretch.layout)
    found = module.unpack(data, layout, *stretch.options)
    if found is None or len(found[0]) != layout.nbytes or len(found[1]) > LONGEST:
        return None
    return found[1] if module.pack(found[0], found[1], layout) == data else None


def samples_of(data: bytes, item: Item) -> NDArray[np.generic]:
    """Samples of an item in the order of its array, from its bytes in the file."""
    stretch = item.stretch
    if stretch.packing != "raw":
        found = packing(stretch.packing).unpack(data, packed_layout(stretch.layout), *stretch.options)
        if found is None or found[1] != item.how:
            raise TruncatedError("a file was changed while it was read; wait until it is complete and try again")
        data = found[0]
    return stretch.view.apply(np.frombuffer(data, stretch.layout.dtype))


def packed_layout(layout: Layout) -> Layout:
    """Layout as packings know it, when a file is written and when it is restored: without axes of 1 that are slowest."""
    memory = list(layout.memory_shape)
    while memory and memory[0] == 1:
        del memory[0]
    return replace(layout, shape=tuple(memory[::-1] if layout.first_axis_fastest else memory))
