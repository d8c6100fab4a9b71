"""Where the pixels of a DICOM object lie in its file, and as what: native samples, or frames in fragments."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from voxz.errors import CorruptError
from voxz.io.dicom import elements, tags
from voxz.io.dicom.attributes import Attributes
from voxz.io.dicom.elements import LENGTH, PARENT, START, TAG, UNDEFINED, VALUE, VR, Elements
from voxz.io.dicom.geometry import Mosaic
from voxz.io.foreign_file import NO_SAMPLES
from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View, axes, channels_first

GE_BIG_PIXELS = "1.2.840.113619.5.2"
"""GE's private syntax: elements are little-endian, pixels big-endian."""

ENCAPSULATED_NATIVE = "1.2.840.10008.1.2.1.98"

NATIVE = (elements.IMPLICIT_LITTLE, elements.EXPLICIT_LITTLE, elements.EXPLICIT_BIG, GE_BIG_PIXELS, elements.DEFLATED)

PACKINGS = {
    "1.2.840.10008.1.2.4.57": "jpeg-lossless",
    "1.2.840.10008.1.2.4.70": "jpeg-lossless",
    "1.2.840.10008.1.2.4.80": "jpeg-ls",
    "1.2.840.10008.1.2.4.81": "jpeg-ls",
    "1.2.840.10008.1.2.5": "rle",
}
"""Packings by transfer syntax. Frames in other syntaxes stay as they are."""

JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
"""Syntaxes with loss whose frames are streams that libjxl takes."""

MOST_FRAME_BYTES = 1 << 30


@dataclass(frozen=True)
class Image:
    """What the elements say about the pixels.

    Attributes
    ----------
    rows, columns, frames, channels : of the pictures
    dtype : of a sample
    planar : whether each channel is a picture of its own
    swapped : whether 8-bit samples lie in big-endian words of 16 bits
    bits : whether eight samples lie in a byte
    """

    rows: int
    columns: int
    frames: int
    channels: int
    dtype: np.dtype[np.generic]
    planar: bool = False
    swapped: bool = False
    bits: bool = False

    @property
    def frame_bytes(self) -> int:
        """Bytes of the samples of a frame."""
        return self.rows * self.columns * self.channels * self.dtype.itemsize

    @property
    def stored_bytes(self) -> int:
        """Bytes of the samples of all frames in a native file."""
        return -(-self.frame_bytes * self.frames // 8) if self.bits else self.frame_bytes * self.frames

    def layout(self, frames: int = 1) -> Layout:
        """Layout of `frames` pictures: columns fastest."""
        shape = (self.columns, self.rows) if frames == 1 else (self.columns, self.rows, frames)
        return Layout(shape, self.dtype, first_axis_fastest=True, channels=self.channels)


@dataclass(frozen=True)
class Part:
    """Bytes of the file that hold pictures: all frames, or one."""

    start: int
    length: int
    layout: Layout
    packing: str = "raw"
    view: View = IDENTITY

    def frames(self, count: int) -> list["Part"]:
        """Each of `count` frames that lie one after the other; itself alone if a word of two bytes lies in two of them."""
        length, view = self.length // count, self.view
        if len(view.split) == 4:
            view = channels_first(*view.split[1:])
        elif view.split and length % 2:
            return [self]
        elif view.split:
            view = axes((length // 2, 2), (0, 1), (1,))
        layout = replace(self.layout, shape=self.layout.shape[:2])
        return [Part(self.start + frame * length, length, layout, self.packing, view) for frame in range(count)]


def image(attributes: Attributes, found: Elements) -> tuple[Image, int] | None:
    """What the pixels are, and the row of their element; None if there are none that this knows."""
    pixel_tags = (tags.PIXEL_DATA, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_PIXEL_DATA)
    row = next((row for tag in pixel_tags if (row := attributes.row(tag)) is not None), None)
    rows, columns = attributes.short(tags.ROWS), attributes.short(tags.COLUMNS)
    bits = attributes.short(tags.BITS_ALLOCATED)
    if row is None or not rows or not columns:
        return None
    tag = int(found.rows[row, TAG])
    kind = {tags.FLOAT_PIXEL_DATA: "f4", tags.DOUBLE_PIXEL_DATA: "f8"}.get(tag)
    if kind is None:
        if bits not in (1, 8, 16, 32, 64):
            return None
        kind = f"{'i' if attributes.short(tags.PIXEL_REPRESENTATION) and bits > 1 else 'u'}{max(1, bits // 8)}"
    dtype = np.dtype(">" + kind if found.big or found.syntax == GE_BIG_PIXELS else "<" + kind)
    channels = attributes.short(tags.SAMPLES_PER_PIXEL) or 1
    number = attributes.decimal(tags.NUMBER_OF_FRAMES)
    frames = int(number) if number and 1 <= number < 1 << 31 else 1
    words = int(found.rows[row, VR]) == (ord("O") << 8 | ord("W"))
    planar = channels > 1 and attributes.short(tags.PLANAR_CONFIGURATION) == 1
    swapped = found.big and dtype.itemsize == 1 and words
    if bits == 1 and kind == "u1":
        return (Image(rows, columns, frames, 1, dtype, bits=True), row) if channels == 1 and not swapped else None
    picture = Image(rows, columns, frames, channels, dtype, planar, swapped)
    if attributes.text(tags.PHOTOMETRIC_INTERPRETATION) == "YBR_FULL_422" and channels == 3 and columns % 2 == 0:
        picture = _subsampled(picture, found, row)
    return picture, row


def _subsampled(picture: Image, found: Elements, row: int) -> Image:
    """Two pixels share their colour: four samples a pair."""
    length = int(found.rows[row, LENGTH])
    halved = replace(picture, columns=picture.columns // 2, channels=4, planar=False)
    return halved if halved.frame_bytes * picture.frames <= length < picture.frame_bytes * picture.frames else picture


def seen(picture: Image, frames: int) -> tuple[Layout, View]:
    """Layout of `frames` pictures, and how they lie in the file."""
    layout = picture.layout(frames)
    if picture.planar and frames == 1:
        return layout, channels_first(picture.channels, picture.rows, picture.columns)
    if picture.planar:
        return layout, axes((frames, picture.channels, picture.rows, picture.columns), (0, 2, 3, 1))
    if picture.swapped and layout.nbytes % 2 == 0:
        return layout, axes((layout.nbytes // 2, 2), (0, 1), (1,))
    return layout, IDENTITY


def native(picture: Image, found: Elements, row: int, tiles: Mosaic | None = None) -> list[Part]:
    """Where native samples lie, of a mosaic those of its slices; frames of bits one by one. `CorruptError` if they are cut."""
    start, length = int(found.rows[row, VALUE]), int(found.rows[row, LENGTH])
    needed = picture.stored_bytes
    if length < needed:
        raise CorruptError(f"the pixels take {needed} bytes, the file has {length} of them")
    if tiles:
        shape = (picture.columns // tiles.side, picture.rows // tiles.side, tiles.slices)
        return [Part(start, needed, Layout(shape, picture.dtype, first_axis_fastest=True), "mosaic")]
    layout, view = seen(picture, picture.frames)
    if not picture.bits:
        return [Part(start, needed, layout, view=view)]
    whole = Part(start, needed, layout, "bits")
    return [whole] if picture.frame_bytes % 8 else whole.frames(picture.frames)


def encapsulated(picture: Image, attributes: Attributes, found: Elements, row: int) -> list[Part]:
    """Where each frame lies: from the header of its first fragment to the end of its last; empty if that cannot be said.

    `CorruptError` if the file ends before the fragments do.
    """
    packing = "raw" if found.syntax == ENCAPSULATED_NATIVE else PACKINGS.get(found.syntax)
    if found.cut:
        raise CorruptError("the file ends before its frames do")
    if packing is None or picture.bits or picture.frame_bytes > MOST_FRAME_BYTES:
        return []
    fragments = found.rows[(found.rows[:, PARENT] == row) & (found.rows[:, TAG] == elements.ITEM)]
    if len(fragments) < 2:
        return []
    table, fragments = fragments[0], fragments[1:]
    starts = fragments[:, START].tolist()
    ends = (fragments[:, VALUE] + fragments[:, LENGTH]).tolist()
    first = _first_fragments(picture.frames, starts, _offsets(attributes, int(table[VALUE]), int(table[LENGTH])))
    if first is None:
        return []
    last = [*first[1:], len(starts)]
    layout, view = seen(replace(picture, planar=picture.planar and packing == "raw"), 1)
    if packing == "raw":
        inner = [(int(fragments[a, VALUE]), ends[b - 1], b - a) for a, b in zip(first, last, strict=True)]
        if any(count != 1 or end - start < picture.frame_bytes for start, end, count in inner):
            return []
        return [Part(start, picture.frame_bytes, layout, view=view) for start, _, _ in inner]
    return [Part(starts[a], ends[b - 1] - starts[a], layout, packing, view) for a, b in zip(first, last, strict=True)]


def jpeg_streams(found: Elements, row: int) -> list[Part]:
    """The fragments of frames that are JPEG with loss, which hold no samples; `CorruptError` if they are cut."""
    if found.cut:
        raise CorruptError("the file ends before its frames do")
    fragments = found.rows[(found.rows[:, PARENT] == row) & (found.rows[:, TAG] == elements.ITEM)][1:]
    return [Part(start, length, NO_SAMPLES, "jpeg") for start, length in fragments[:, [VALUE, LENGTH]].tolist()]


def _offsets(attributes: Attributes, start: int, length: int) -> list[int]:
    """Offsets of the frames from the first fragment, by the extended or the basic table; empty if there is none."""
    extended = attributes.raw(tags.EXTENDED_OFFSET_TABLE)
    if extended:
        return [int(n) for n in np.frombuffer(extended[: len(extended) // 8 * 8], "<u8")]
    table = attributes.read(start, length)
    return [int(n) for n in np.frombuffer(table[: len(table) // 4 * 4], "<u4")]


def _first_fragments(frames: int, starts: list[int], offsets: list[int]) -> list[int] | None:
    """Number of the first fragment of each frame; None if that cannot be said."""
    if len(starts) == frames:
        return list(range(frames))
    if frames == 1:
        return [0]
    if len(offsets) != frames:
        return None
    numbers = {start - starts[0]: number for number, start in enumerate(starts)}
    first = [numbers.get(offset, -1) for offset in offsets]
    ascending = all(a < b for a, b in itertools.pairwise(first))
    return first if first[0] == 0 and ascending else None


def is_encapsulated(found: Elements, row: int) -> bool:
    """Whether the pixels lie in fragments."""
    return int(found.rows[row, LENGTH]) == UNDEFINED
