"""What a DICOM file is to an archive: where its pixels lie, which array they belong to, and where they lie in space.

Slices of a series are one array: those of equal series, image type, orientation, size, sample type and channels. Their position
in it is ``(instance number, acquisition number, place along the normal)``: slices are ordered by place, and where every place
comes equally often (times, echoes, b-values), by instance number within each. An object of several frames is an array of its own.
"""

from collections.abc import Hashable, Sequence
from typing import BinaryIO

import numpy as np

from voxz.io.dicom import tags
from voxz.io.dicom.attributes import Attributes
from voxz.io.dicom.elements import DEFLATED, ReadAt, read_elements
from voxz.io.dicom.geometry import Mosaic, Plane, frame_plane, mosaic, scaling, slice_plane
from voxz.io.dicom.personal import personal_data
from voxz.io.dicom.pixels import Image, Part, encapsulated, image, is_encapsulated, native
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch

FORMAT = "dicom"

_FACTS = {
    "modality": tags.MODALITY,
    "manufacturer": tags.MANUFACTURER,
    "model": tags.MANUFACTURER_MODEL_NAME,
    "body part": tags.BODY_PART_EXAMINED,
    "tube voltage (kV)": tags.KVP,
    "kernel": tags.CONVOLUTION_KERNEL,
    "field strength (T)": tags.MAGNETIC_FIELD_STRENGTH,
    "repetition time (ms)": tags.REPETITION_TIME,
    "echo time (ms)": tags.ECHO_TIME,
    "slice thickness (mm)": tags.SLICE_THICKNESS,
}
"""Facts that no person is known by, and their elements."""

_LONGEST_FACT = 64


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the pixels of a DICOM file lie; no stretches if it has none, or in a form that is kept as it is.

    Raises `CorruptError` if the file is damaged or ends before its pixels do, `UnsupportedError` if it has too many elements.
    """
    read_at = _reader(file)
    found = read_elements(read_at, size)
    attributes = Attributes(found, read_at)
    facts = {fact: text for fact, tag in _FACTS.items() if (text := attributes.text(tag)[:_LONGEST_FACT])}
    facts["transfer syntax"] = found.syntax
    personal = personal_data(attributes)
    known = image(attributes, found)
    if known is None or found.syntax == DEFLATED:
        return ForeignFile(FORMAT, {name: ()}, None, facts, personal)
    picture, row = known
    tiles = mosaic(attributes, picture.rows, picture.columns) if picture.frames == picture.channels == 1 else None
    side = tiles.side if tiles else 1
    if is_encapsulated(found, row):
        parts = encapsulated(picture, attributes, found, row, side)
    else:
        parts = [native(picture, found, row, side)]
    if picture.frames > 1:
        return ForeignFile(FORMAT, {name: _frames(parts, name)}, _space_of_frames(attributes, picture), facts, personal)
    plane = slice_plane(attributes)
    stretches = tuple(_stretch(part, _key(attributes, picture), _position(attributes, plane)) for part in parts)
    return ForeignFile(FORMAT, {name: stretches}, _space(attributes, picture, plane, tiles), facts, personal)


def _reader(file: BinaryIO) -> ReadAt:
    def read_at(start: int, length: int) -> bytes:
        file.seek(start)
        return file.read(length)

    return read_at


def _stretch(part: Part, key: Hashable, position: tuple[float, ...]) -> Stretch:
    return Stretch(part.start, part.length, part.layout, part.packing, key, position, part.view)


def _key(attributes: Attributes, picture: Image) -> Hashable:
    """What slices of one array have in common, besides their layout."""
    orientation = tuple(round(number, 3) + 0.0 for number in attributes.decimals(tags.IMAGE_ORIENTATION))
    series = attributes.text(tags.SERIES_INSTANCE_UID)
    return (FORMAT, series, tuple(attributes.texts(tags.IMAGE_TYPE)), orientation, picture.planar)


def _position(attributes: Attributes, plane: Plane | None) -> tuple[float, float, float]:
    number = attributes.decimal(tags.INSTANCE_NUMBER) or 0.0
    acquisition = attributes.decimal(tags.ACQUISITION_NUMBER) or 0.0
    place = plane.place if plane else attributes.decimal(tags.SLICE_LOCATION)
    return number, acquisition, place or 0.0


def _space(attributes: Attributes, picture: Image, plane: Plane | None, tiles: Mosaic | None) -> Space:
    if plane and tiles:
        plane = tiles.plane(plane, picture.rows, picture.columns)
    axes = ("x", "y", "z") if tiles else ("x", "y")
    scale = scaling(attributes)
    return Space(plane.affine() if plane else None, axes, (scale,) if scale else ())


def _frames(parts: Sequence[Part], name: str) -> tuple[Stretch, ...]:
    """Frames of one object: an array of its own."""
    if len(parts) == 1:
        return (_stretch(parts[0], None, ()),)
    return tuple(_stretch(part, (FORMAT, name), (float(frame),)) for frame, part in enumerate(parts))


def _space_of_frames(attributes: Attributes, picture: Image) -> Space:
    """Space of an enhanced object, by its functional groups; the frames of others have no place."""
    groups = attributes.items(tags.PER_FRAME_FUNCTIONAL_GROUPS)
    if len(groups) != picture.frames:
        scale = scaling(attributes)
        return Space(None, ("x", "y", "z"), (scale,) if scale else ())
    planes = [frame_plane(attributes, group) for group in groups]
    shared = attributes.item(tags.SHARED_FUNCTIONAL_GROUPS, tags.PIXEL_VALUE_TRANSFORMATION_SEQUENCE)
    scales = []
    for group in groups:
        item = attributes.item(tags.PIXEL_VALUE_TRANSFORMATION_SEQUENCE, inside=group)
        inside = shared if item is None else item
        scales.append((None if inside is None else scaling(attributes, inside)) or (1.0, 0.0))
    first, last = planes[0], planes[-1]
    if first is None or last is None:
        return Space(None, ("x", "y", "z"), _fewest(scales))
    step = (last.position - first.position) / (picture.frames - 1)
    regular = all(
        plane is not None and np.abs(first.position + number * step - plane.position).max() < 0.01 * np.abs(step).max() + 1e-4
        for number, plane in enumerate(planes)
    )
    return Space(first.affine(step) if regular and np.abs(step).max() > 0 else first.affine(), ("x", "y", "z"), _fewest(scales))


def _fewest(scales: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """One pair if all are equal."""
    if len(set(scales)) > 1:
        return tuple(scales)
    return () if scales[0] == (1.0, 0.0) else (scales[0],)
