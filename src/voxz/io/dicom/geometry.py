"""Where the pixels of a DICOM object lie in space (PS3.3, C.7.6.2): the plane of a slice, of a mosaic, of a frame.

DICOM counts millimetres to the left, the back and the head of the patient; affines here go to the right, the front and the head
(RAS), as in NIfTI. Nothing is made orthogonal: a tilted gantry keeps its shear, since the way from slice to slice is taken from
positions.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from voxz.io.dicom import tags
from voxz.io.dicom.attributes import TOP, Attributes

Vector = NDArray[np.float64]

_CSA_MOST_TAGS = 256
_CSA_MOST_ITEMS = 1 << 10


@dataclass(frozen=True, eq=False)
class Plane:
    """A slice in space, in the coordinates of DICOM.

    Attributes
    ----------
    position : of the centre of the first pixel, mm
    across, down : steps from a pixel to the next of its row, and to the next row, mm
    normal : unit vector across the plane
    thickness : distance to the next slice if nothing says better, mm
    orientation : directions of rows and columns as the file has them
    """

    position: Vector
    across: Vector
    down: Vector
    normal: Vector
    thickness: float
    orientation: tuple[float, ...]

    @property
    def place(self) -> float:
        """Position along the normal, mm."""
        return float(self.normal @ self.position)

    def affine(self, step: Vector | None = None) -> Vector:
        """Indices ``(column, row, slice)`` to mm, RAS; `step` is the way to the next slice."""
        out = np.eye(4)
        out[:3, 0], out[:3, 1], out[:3, 3] = self.across, self.down, self.position
        out[:3, 2] = self.normal * self.thickness if step is None else step
        out[:2] = -out[:2]
        return out + 0.0

    @classmethod
    def of(cls, position: list[float], orientation: list[float], spacing: list[float], thickness: float | None) -> Self | None:
        """Plane of these values; None if they do not make one."""
        if len(position) != 3 or len(orientation) != 6:
            return None
        rows, columns = np.array(orientation[:3]), np.array(orientation[3:])
        a, b, c = orientation[:3]
        d, e, f = orientation[3:]
        normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])
        length = float(np.sqrt(normal @ normal))
        if not 0.5 < length < 2:
            return None
        down, across = spacing if len(spacing) == 2 and min(spacing) > 0 else (1.0, 1.0)
        gap = abs(thickness) if thickness else 1.0
        return cls(np.array(position), rows * across, columns * down, normal / length, gap, tuple(orientation))


def rounded(orientation: Sequence[float]) -> tuple[float, ...]:
    """Directions as slices of one array share them: scanners write the same one with different last digits."""
    return tuple(round(number, 3) + 0.0 for number in orientation)


def slice_plane(attributes: Attributes) -> Plane | None:
    """Plane of an object with one frame."""
    return Plane.of(
        attributes.decimals(tags.IMAGE_POSITION),
        attributes.decimals(tags.IMAGE_ORIENTATION),
        attributes.decimals(tags.PIXEL_SPACING),
        attributes.decimal(tags.SPACING_BETWEEN_SLICES) or attributes.decimal(tags.SLICE_THICKNESS),
    )


def frame_plane(attributes: Attributes, frame: int) -> Plane | None:
    """Plane of a frame of an enhanced object, whose item of the per-frame functional groups is row `frame`."""
    shared = attributes.item(tags.SHARED_FUNCTIONAL_GROUPS)

    def values(sequence: int, tag: int) -> list[float]:
        for group in (frame, shared):
            item = None if group is None else attributes.item(sequence, inside=group)
            if item is not None and (numbers := attributes.decimals(tag, item)):
                return numbers
        return []

    gap = values(tags.PIXEL_MEASURES_SEQUENCE, tags.SPACING_BETWEEN_SLICES)
    gap = gap or values(tags.PIXEL_MEASURES_SEQUENCE, tags.SLICE_THICKNESS)
    return Plane.of(
        values(tags.PLANE_POSITION_SEQUENCE, tags.IMAGE_POSITION),
        values(tags.PLANE_ORIENTATION_SEQUENCE, tags.IMAGE_ORIENTATION),
        values(tags.PIXEL_MEASURES_SEQUENCE, tags.PIXEL_SPACING),
        gap[0] if gap else None,
    )


def scaling(attributes: Attributes, inside: int = TOP) -> tuple[float, float] | None:
    """Rescale slope and intercept of an item; None if it has none."""
    slope = attributes.decimal(tags.RESCALE_SLOPE, inside)
    intercept = attributes.decimal(tags.RESCALE_INTERCEPT, inside)
    if slope is None and intercept is None:
        return None
    return 1.0 if slope is None else slope, intercept or 0.0


@dataclass(frozen=True, eq=False)
class Mosaic:
    """A Siemens mosaic: slices as tiles of one picture, row by row, the last ones empty.

    Attributes
    ----------
    slices : tiles that are slices
    side : tiles in a row and in a column
    normal : direction from slice to slice; None if the private header does not say
    """

    slices: int
    side: int
    normal: Vector | None

    def plane(self, picture: Plane, rows: int, columns: int) -> Plane:
        """Plane of the first slice; the picture has the position of a slice as large as all tiles, around the same centre."""
        unused_columns, unused_rows = columns - columns // self.side, rows - rows // self.side
        position = picture.position + (unused_columns * picture.across + unused_rows * picture.down) / 2
        flipped = self.normal is not None and float(self.normal @ picture.normal) < 0
        normal = -picture.normal if flipped else picture.normal
        return replace(picture, position=position, normal=normal)


def mosaic(attributes: Attributes, rows: int, columns: int) -> Mosaic | None:
    """The mosaic that a picture is; None if it is none."""
    if "MOSAIC" not in attributes.texts(tags.IMAGE_TYPE):
        return None
    private = csa_header(attributes.raw(tags.SIEMENS_CSA_IMAGE_HEADER))
    count = attributes.short(tags.SIEMENS_TILES) or int((private.get("NumberOfImagesInMosaic") or [0.0])[0])
    if not 1 < count <= 4096:
        return None
    side = int(np.ceil(np.sqrt(count)))
    if rows % side or columns % side:
        return None
    normal = private.get("SliceNormalVector", [])
    return Mosaic(count, side, np.array(normal) if len(normal) == 3 else None)


def csa_header(data: bytes) -> dict[str, list[float]]:
    """Numbers of Siemens' private header ("CSA", second version), by name; what cannot be read is left out.

    A count of entries; for each a name of 64 bytes, three fields, the number of its values, one field; for each value four
    fields, the second of which is its length, and its text, filled up to a multiple of 4. As described by nibabel's documentation
    of the format.
    """
    out: dict[str, list[float]] = {}
    if data[:4] != b"SV10" or len(data) < 16:
        return out
    (count,) = struct.unpack_from("<I", data, 8)
    at = 16
    for _ in range(min(count, _CSA_MOST_TAGS)):
        if at + 84 > len(data):
            break
        name = data[at : at + 64].split(b"\0")[0].decode("latin-1")
        (items,) = struct.unpack_from("<I", data, at + 76)
        at += 84
        if items > _CSA_MOST_ITEMS:
            break
        numbers = []
        for _ in range(items):
            if at + 16 > len(data):
                return out
            (length,) = struct.unpack_from("<I", data, at + 4)
            at += 16
            text = data[at : at + length].split(b"\0")[0].strip()
            at += length + -length % 4
            try:
                numbers += [float(text)] if text else []
            except ValueError:
                continue
        if all(map(np.isfinite, numbers)):
            out[name] = numbers
    return out
