"""A TIFF file for an archive: a page is a stretch, pages of equal size and type are an array along the axes of their series."""

from collections.abc import Hashable
from typing import BinaryIO

from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch
from voxz.io.numbered import numbered
from voxz.io.tiff.directories import Directory, directories
from voxz.io.tiff.page import Page, Part, apart, frames, page_of, parts
from voxz.io.tiff.series import Series, described
from voxz.volume.layout import MOST_AXES

FORMAT = "tiff"
DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, SUBFILE = 270, 282, 283, 254

_REDUCED = 1


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie; pages with other compressions, or samples of less than 8 bits, have none and are kept as they are.

    Raises `CorruptError` if a directory or strip lies beyond the end of the file.
    """
    pages = [(directory, page) for directory in directories(file, size) if (page := page_of(directory)) is not None]
    whole = [
        (directory, page) for directory, page in pages if not directory.depth and not directory.number(SUBFILE, 0) & _REDUCED
    ]
    if not whole:
        return ForeignFile(FORMAT, {name: ()})
    first, first_page = whole[0]
    in_plane = tuple(1 / value if (value := first.fraction(tag)) else None for tag in (X_RESOLUTION, Y_RESOLUTION))
    several = described(first.text(DESCRIPTION), len(whole), first_page.channels * first_page.planes, (in_plane[0], in_plane[1]))
    space = Space(several[0].affine(), ("x", "y"))
    if len(whole) == 1 and len(pages) == 1:
        return ForeignFile(FORMAT, {name: _single(first, first_page, several[0], name)}, space)
    positions = iter([(number, series.position(page)) for number, series in enumerate(several) for page in range(series.pages)])
    found: list[Stretch] = []
    reduced: dict[Hashable, int] = {}
    for directory, page in pages:
        kind: tuple[Hashable, ...] = (FORMAT, name, page.width, page.height, page.planes, page.method, page.predictor)
        if not directory.depth and not directory.number(SUBFILE, 0) & _REDUCED:
            number, position = next(positions)
            kind = (*kind, number)
        else:
            position = (float(reduced.setdefault(kind, 0)),)
            reduced[kind] += 1
        found += _stretches(directory, page, kind, position)
    kept = apart([(stretch.start, stretch.length) for stretch in found])
    return ForeignFile(FORMAT, {name: tuple(found[number] for number in kept)}, space)


def _single(directory: Directory, page: Page, series: Series, name: str) -> tuple[Stretch, ...]:
    """The only page of a file: a slice of a numbered folder, or one that stands for several."""
    found = parts(directory, page)
    if len(found) == 1 and series.pages > 1 and (several := frames(page, found[0], series.pages, directory.size)):
        return (_stretch(several, None, ()),)
    key, position = numbered(name)
    return tuple(_stretches(directory, page, (FORMAT, *key, page.planes), position))


def _stretches(directory: Directory, page: Page, key: tuple[Hashable, ...], position: tuple[float, ...]) -> list[Stretch]:
    found = parts(directory, page)
    if len(found) != page.planes or any(len(part.layout.shape) + len(position) + 1 > MOST_AXES for part in found):
        return []
    if page.planes == 1:
        return [_stretch(found[0], key, position)]
    *before, place = position or (0.0,)
    return [_stretch(part, key, (*before, float(plane), place)) for plane, part in enumerate(found)]


def _stretch(part: Part, key: Hashable | None, position: tuple[float, ...]) -> Stretch:
    return Stretch(part.start, part.length, part.layout, part.packing, key, position, part.view, part.options)
