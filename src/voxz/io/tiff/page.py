"""Where the samples of a TIFF page lie: whole, plane by plane, in strips or tiles, compressed or not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from voxz.errors import CorruptError
from voxz.io.header_text import check_shape
from voxz.io.packings.predictors import NONE
from voxz.io.packings.strips import DEFLATE, METHODS, PLAIN
from voxz.io.tiff.directories import Directory
from voxz.volume.layout import Layout
from voxz.volume.view import IDENTITY, View, axes

WIDTH, LENGTH, BITS, COMPRESSION, FILL_ORDER = 256, 257, 258, 259, 266
STRIP_OFFSETS, CHANNELS, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES, SAMPLE_FORMAT, TILE_DEPTH = 322, 323, 324, 325, 339, 32998

KINDS = {1: "u", 2: "i", 3: "f", 4: "u", 6: "c"}
SIZES = {"u": (1, 2, 4, 8), "i": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
MOST_CHANNELS = 4
MOST_GAPS = 1 << 16
LARGEST_PACKED = 1 << 30

_OLD_DEFLATE = 32946


@dataclass(frozen=True)
class Part:
    """A whole page, or one plane of it, and the bytes of the file that hold it."""

    start: int
    length: int
    layout: Layout
    packing: str = "raw"
    options: tuple[int, ...] = ()
    view: View = IDENTITY


@dataclass(frozen=True)
class Page:
    """Sizes and type of a page; `side`: tiles or strips are so many pixels wide and high."""

    width: int
    height: int
    channels: int
    planes: int
    dtype: np.dtype[np.generic]
    method: int
    predictor: int
    side: tuple[int, int]
    tiled: bool

    @property
    def down(self) -> int:
        """Strips or tiles from top to bottom."""
        return -(-self.height // self.side[1])

    @property
    def across(self) -> int:
        """Tiles from left to right."""
        return -(-self.width // self.side[0])

    @property
    def samples(self) -> int:
        """Samples of a plane as they lie in the file; tiles are whole."""
        whole = self.down * self.side[1] * self.across * self.side[0] if self.tiled else self.height * self.width
        return whole * self.channels


def page_of(directory: Directory) -> Page | None:
    """What the tags say; None for pages that are kept as they are: other types, compressions and orders of bits."""
    width, height = directory.number(WIDTH, 0), directory.number(LENGTH, 0)
    count = directory.number(CHANNELS, 1)
    bits, formats = set(directory.numbers(BITS).tolist()) or {1}, set(directory.numbers(SAMPLE_FORMAT).tolist()) or {1}
    kind = KINDS.get(min(formats), "")
    size = min(bits) // 8
    if (
        len(bits) > 1
        or len(formats) > 1
        or min(bits) % 8
        or not kind
        or size not in SIZES[kind]
        or width < 1
        or height < 1
        or count < 1
    ):
        return None
    method, predictor = directory.number(COMPRESSION, PLAIN), directory.number(PREDICTOR, NONE)
    method = DEFLATE if method == _OLD_DEFLATE else method
    tiled = TILE_OFFSETS in directory.tags
    across = directory.number(TILE_WIDTH, 0) if tiled else width
    down = directory.number(TILE_LENGTH, 0) if tiled else min(height, directory.number(ROWS_PER_STRIP, height) & 0xFFFFFFFF)
    if (
        method not in METHODS
        or directory.number(FILL_ORDER, 1) != 1
        or directory.number(TILE_DEPTH, 1) != 1
        or min(across, down) < 1
    ):
        return None
    planes = count if directory.number(PLANAR, 1) == 2 else 1
    dtype = np.dtype(f"{kind}{size}").newbyteorder(directory.order)
    check_shape([-(-width // across) * across, -(-height // down) * down, count], size)
    return Page(
        width, height, count // planes, planes, dtype, method, predictor if method != PLAIN else NONE, (across, down), tiled
    )


def parts(directory: Directory, page: Page) -> list[Part]:
    """Where each plane lies, the whole page if it has one; empty if strips are missing or scattered over the file."""
    tags = (TILE_OFFSETS, TILE_BYTES) if page.tiled else (STRIP_OFFSETS, STRIP_BYTES)
    starts, lengths = (directory.numbers(tag) for tag in tags)
    each = page.down * page.across
    if lengths.size == 0 and page.method == PLAIN and page.down == page.planes == 1:
        lengths = np.array([page.samples * page.dtype.itemsize])
    if starts.size != each * page.planes or lengths.size != starts.size or (lengths <= 0).any() or (starts <= 0).any():
        return []
    if (starts + lengths > directory.size).any():
        raise CorruptError("strips or tiles of the TIFF file lie beyond its end")
    found = [_part(page, starts[at : at + each], lengths[at : at + each]) for at in range(0, starts.size, each)]
    return [part for part in found if part is not None]


def _part(
    page: Page, starts: "np.ndarray[tuple[int], np.dtype[np.int64]]", lengths: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Part | None:
    size = page.samples * page.dtype.itemsize
    strip = page.side[0] * page.side[1] * page.channels * page.dtype.itemsize
    layout, view = _seen(page)
    whole = all(length == min(strip, size - number * strip) for number, length in enumerate(lengths.tolist()))
    if page.method == PLAIN and whole and (starts[:-1] + lengths[:-1] == starts[1:]).all():
        return Part(int(starts[0]), size, layout, view=view)
    start, end = int(starts.min()), int((starts + lengths).max())
    if end - start - int(lengths.sum()) > MOST_GAPS or size > LARGEST_PACKED:
        return None
    places = np.stack([starts - start, lengths], axis=1).reshape(-1).tolist()
    row = page.side[0] * page.channels
    return Part(start, end - start, layout, "strips", (page.method, page.predictor, strip, row, page.channels, *places), view)


def _seen(page: Page) -> tuple[Layout, View]:
    """Layout of a plane, and how its samples lie in it: tile by tile, and more than four channels as the slowest axis."""
    width, height = (page.across * page.side[0], page.down * page.side[1]) if page.tiled else (page.width, page.height)
    split = (page.down, page.side[1], page.across, page.side[0]) if page.tiled else (height, width)
    order = (0, 2, 1, 3) if page.tiled else (0, 1)
    inside = axes((page.down, page.across, page.side[1], page.side[0], page.channels), (0, 2, 1, 3, 4))
    if page.channels <= MOST_CHANNELS:
        single = page.across == 1 or not page.tiled
        return Layout(
            (width, height), page.dtype, first_axis_fastest=True, channels=page.channels
        ), IDENTITY if single else inside
    lying = tuple(split[axis] for axis in order)
    view = axes((*lying, page.channels), (len(lying), *np.argsort(order).tolist()))
    return Layout((width, height, page.channels), page.dtype, first_axis_fastest=True), view


def frames(page: Page, part: Part, count: int, room: int) -> Part | None:
    """`count` pages one after the other, of which only the first has a directory, as ImageJ writes large files."""
    if part.packing != "raw" or part.view is not IDENTITY or page.planes > 1 or count < 2:
        return None
    layout = Layout((*part.layout.shape, count), page.dtype, first_axis_fastest=True, channels=page.channels)
    return Part(part.start, layout.nbytes, layout) if part.start + layout.nbytes <= room else None


def apart(found: list[tuple[int, int]]) -> Iterator[int]:
    """Numbers of those places that overlap none before them, by start."""
    end = 0
    for start, stop, number in sorted((start, start + length, number) for number, (start, length) in enumerate(found)):
        if start >= end:
            yield number
            end = stop
