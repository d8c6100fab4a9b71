"""What a DICOM file is to an archive: where its pixels lie, which array they belong to, and where they lie in space.

Slices of a series are one array: those of equal series, image type, orientation, size, sample type and channels. Their position
in it is ``(instance number, acquisition number, place along the normal)``: slices are ordered by place, and where every place
comes equally often (times, echoes, b-values), by instance number within each. An object of several frames is an
array of its own (`frames`).
"""

from collections.abc import Hashable
from dataclasses import replace
from typing import BinaryIO

from voxz.errors import UnsupportedError
from voxz.io.dicom import tags
from voxz.io.dicom.attributes import Attributes
from voxz.io.dicom.deflated import MOST_INFLATED, inflate, read
from voxz.io.dicom.elements import DEFLATED, Elements, ReadAt, read_elements
from voxz.io.dicom.frames import frame_space, frame_stretches, read_frames
from voxz.io.dicom.geometry import Mosaic, Plane, mosaic, rounded, scaling, slice_plane
from voxz.io.dicom.personal import personal_data
from voxz.io.dicom.pixels import JPEG, Image, Part, encapsulated, image, is_encapsulated, jpeg_streams, native
from voxz.io.foreign_file import Beside, ForeignFile, Space, Stretch

FORMAT = "dicom"

_FACTS = {
    "modality": tags.MODALITY,
    "manufacturer": tags.MANUFACTURER,
    "model": tags.MANUFACTURER_MODEL_NAME,
    "body part": tags.BODY_PART_EXAMINED,
    "tube voltage (kV)": tags.KVP,
    "kernel": tags.CONVOLUTION_KERNEL,
    "field strength": tags.MAGNETIC_FIELD_STRENGTH,
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
    if found.syntax != DEFLATED:
        return _described(found, Attributes(found, read_at), name, found.syntax)
    if size > MOST_INFLATED:
        raise UnsupportedError(f"the deflated data set has {size - found.body} bytes, expected at most {MOST_INFLATED}")
    plain, _ = inflate(read_at(found.body, size - found.body))
    whole = _described(*read(plain), name, found.syntax)
    stretches = whole.stretches[name]
    if len(stretches) != 1 or stretches[0].packing != "raw":
        return replace(whole, stretches={name: ()})
    packed = replace(stretches[0], start=found.body, length=size - found.body, packing="deflate", options=(stretches[0].start,))
    return replace(whole, stretches={name: (packed,)})


def _described(found: Elements, attributes: Attributes, name: str, syntax: str) -> ForeignFile:
    """What the elements of a data set say."""
    facts = {fact: text for fact, tag in _FACTS.items() if (text := attributes.text(tag)[:_LONGEST_FACT])}
    facts["transfer syntax"] = syntax
    told = facts, personal_data(attributes), attributes.text(tags.SERIES_INSTANCE_UID)
    known = image(attributes, found)
    if known is None:
        return ForeignFile(FORMAT, {name: ()}, None, *told)
    picture, row = known
    tiles = None
    if is_encapsulated(found, row) and found.syntax in JPEG:
        streams = tuple(Stretch(part.start, part.length, part.layout, part.packing) for part in jpeg_streams(found, row))
        return ForeignFile(FORMAT, {name: streams}, None, *told)
    if is_encapsulated(found, row):
        parts = encapsulated(picture, attributes, found, row)
    else:
        tiles = mosaic(attributes, picture.rows, picture.columns) if picture.frames == picture.channels == 1 else None
        parts = native(picture, found, row, tiles)
    if picture.frames > 1:
        frames = read_frames(attributes, picture)
        return ForeignFile(FORMAT, {name: frame_stretches(parts, frames, name)}, frame_space(frames), *told)
    plane = slice_plane(attributes)
    stretches = tuple(_stretch(part, _key(attributes, picture), _position(attributes, plane)) for part in parts)
    return ForeignFile(FORMAT, {name: stretches}, _space(attributes, picture, plane, tiles), *told)


def _reader(file: BinaryIO) -> ReadAt:
    def read_at(start: int, length: int) -> bytes:
        file.seek(start)
        return file.read(length)

    return read_at


def _stretch(part: Part, key: Hashable, position: tuple[float, ...]) -> Stretch:
    return Stretch(part.start, part.length, part.layout, part.packing, key, position, part.view)


def _key(attributes: Attributes, picture: Image) -> Hashable:
    """What slices of one array have in common, besides their layout."""
    orientation = rounded(attributes.decimals(tags.IMAGE_ORIENTATION))
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
