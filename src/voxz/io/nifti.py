"""NIfTI-1 and -2: finding the samples, and cutting a header to a selection. Everything else travels verbatim.

Only the fields that say where the samples are and of what type are read (NIfTI-1: nifti1.h; NIfTI-2: nifti2.h, both
nifti.nimh.nih.gov). Slope and intercept, extensions and affines are never interpreted; a selection shifts the affines.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voxz.errors import CorruptError, TruncatedError, UnsupportedError
from voxz.io import gzip_stream
from voxz.volume.layout import MOST_AXES, Foreign, Layout

TYPES = {
    2: ("u1", 1),
    4: ("i2", 1),
    8: ("i4", 1),
    16: ("f4", 1),
    32: ("c8", 1),
    64: ("f8", 1),
    128: ("u1", 3),
    256: ("i1", 1),
    512: ("u2", 1),
    768: ("u4", 1),
    1024: ("i8", 1),
    1280: ("u8", 1),
    1536: ("V16", 1),
    1792: ("c16", 1),
    2048: ("V32", 1),
    2304: ("u1", 4),
}
"""Sample type and channels by NIfTI datatype code."""


INTENT_LABEL = 1002
"""Intent code of label maps (NIFTI_INTENT_LABEL)."""

LARGEST_OFFSET = 1 << 28
"""Header and extensions are held in memory."""

MOST_SAMPLES = 1 << 40
"""Samples of a file; more are a damaged header."""

_MAGIC = 4
"""Bytes of the magic that every reader looks at; what follows in NIfTI-2 is lost where a file passed for text."""


@dataclass(frozen=True)
class Version:
    """Where the fields of a NIfTI version lie."""

    size: int
    magic_at: int
    single: bytes
    pair: bytes
    dim: tuple[int, str]
    datatype_at: int
    vox_offset: tuple[int, str]
    pixdim: tuple[int, str]
    quaternion_offset: tuple[int, str]
    affine_rows: tuple[int, str]
    units: tuple[int, str]
    slope: tuple[int, str]
    intent: tuple[int, str]


NIFTI1 = Version(
    348,
    344,
    b"n+1\0",
    b"ni1\0",
    (40, "8h"),
    70,
    (108, "f"),
    (76, "8f"),
    (268, "3f"),
    (280, "12f"),
    (123, "B"),
    (112, "f"),
    (68, "h"),
)
NIFTI2 = Version(
    540,
    4,
    b"n+2\0\r\n\x1a\n",
    b"ni2\0\r\n\x1a\n",
    (16, "8q"),
    12,
    (168, "q"),
    (104, "8d"),
    (376, "3d"),
    (400, "12d"),
    (500, "i"),
    (176, "d"),
    (504, "i"),
)


MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres by the spatial part of xyzt_units; unset is taken for mm, as every viewer does."""


@dataclass(frozen=True)
class NiftiHeader:
    """What a header says about its samples; `sizes` below 1 are axes that it leaves open."""

    version: Version
    order: str
    sizes: tuple[int, ...]
    dtype: np.dtype[np.generic]
    channels: int
    offset: int
    single: bool

    @property
    def measured(self) -> bool:
        """Whether a size is left to the length of the file: a zero, or FreeSurfer's -1 for more than 32767 vertices."""
        return any(n < 1 for n in self.sizes)

    def start(self, paired: bool) -> int:
        """Byte of the data file at which the samples begin; a single file that says 0 means right behind the header."""
        if paired:
            return self.offset
        if 0 < self.offset < self.version.size:
            raise CorruptError(f"the NIfTI header puts the samples at byte {self.offset}, inside the header")
        return self.offset or self.version.size + 4

    def layout(self, nbytes: int) -> Layout:
        """Layout of the samples in `nbytes` bytes: the last open axis is as long as they reach, other open ones are 1 long."""
        sizes = [max(n, 1) for n in self.sizes]
        if self.measured:
            axis = max(axis for axis, n in enumerate(self.sizes) if n < 1)
            sizes[axis] = nbytes // (math.prod(sizes) * self.dtype.itemsize * self.channels)
            if not sizes[axis]:
                sizes = [max(n, 0) for n in self.sizes]
        return Layout(tuple(sizes), self.dtype, first_axis_fastest=True, channels=self.channels)


def recognise(head: bytes) -> tuple[Version, str] | None:
    """Version and byte order of the header that `head` begins with, or None."""
    for version in (NIFTI1, NIFTI2):
        for order in "<>":
            if head[:4] == struct.pack(order + "i", version.size):
                return version, order
    return None


def parse(head: bytes) -> NiftiHeader:
    """Read the header in the first bytes of a file; where it leaves something open, as nifti_clib and nibabel read it.

    Raises
    ------
    UnsupportedError
        It is no NIfTI, or of a type that cannot be kept.
    TruncatedError, CorruptError
        It ends early or contradicts itself.
    """
    known = recognise(head)
    if known is None:
        raise UnsupportedError("not a NIfTI file (its header has neither 348 nor 540 bytes)")
    version, order = known
    if len(head) < version.size:
        raise TruncatedError(f"the NIfTI header ends after {len(head)} bytes, expected {version.size}")
    magic = head[version.magic_at : version.magic_at + _MAGIC]
    if magic not in (version.single[:_MAGIC], version.pair[:_MAGIC]):
        raise UnsupportedError(f"not a NIfTI file: its magic is {magic!r} (Analyze 7.5 is not supported)")
    ndim, *sizes = struct.unpack_from(order + version.dim[1], head, version.dim[0])
    if not 1 <= ndim <= MOST_AXES or math.prod(max(n, 1) for n in sizes[:ndim]) > MOST_SAMPLES:
        raise CorruptError(f"the NIfTI header has impossible dimensions: {ndim} axes, {tuple(sizes)}")
    (code,) = struct.unpack_from(order + "h", head, version.datatype_at)
    if code not in TYPES:
        raise UnsupportedError(f"NIfTI data type {code} is not known; known are {', '.join(map(str, TYPES))}")
    name, channels = TYPES[code]
    (offset,) = struct.unpack_from(order + version.vox_offset[1], head, version.vox_offset[0])
    single = magic == version.single[:_MAGIC]
    if not math.isfinite(offset) or not 0 <= offset <= LARGEST_OFFSET:
        raise CorruptError(f"the NIfTI header puts the samples at byte {offset}, outside of 0 to {LARGEST_OFFSET}")
    dtype = np.dtype(order + name)
    return NiftiHeader(version, order, tuple(sizes[:ndim]), dtype, channels, int(offset), single)


def spacing_mm(header: bytes) -> tuple[float, float, float] | None:
    """Distance of neighbouring voxels along (z, y, x) in mm; None if the header gives none that is positive and finite."""
    known = recognise(header)
    assert known is not None
    version, order = known
    pixdim = struct.unpack_from(order + version.pixdim[1], header, version.pixdim[0])
    (units,) = struct.unpack_from(order + version.units[1], header, version.units[0])
    factor = MM_PER_UNIT.get(units & 7)
    if factor is None or not all(math.isfinite(size) and size for size in pixdim[1:4]):
        return None
    # seven digits are what a float32 holds: 0.8, not 0.800000011920929
    x, y, z = (float(f"{abs(size) * factor:.7g}") for size in pixdim[1:4])
    return z, y, x


def intent(header: bytes) -> int:
    """Code that says what the samples mean."""
    known = recognise(header)
    assert known is not None
    version, order = known
    return int(struct.unpack_from(order + version.intent[1], header, version.intent[0])[0])


def header_of(foreign: Foreign) -> bytes | None:
    """NIfTI header (and extensions) of a foreign file, unpacked; None if it has none."""
    if not foreign.format.startswith("nifti"):
        return None
    return gzip_stream.unpacked(foreign.companion) if foreign.companion else foreign.head


def slope(header: bytes) -> float:
    """What stored samples are multiplied with, as the header has it: 0 means that it says nothing."""
    known = recognise(header)
    assert known is not None
    version, order = known
    return float(struct.unpack_from(order + version.slope[1], header, version.slope[0])[0])


def select(header: bytes, start: Sequence[float], step: Sequence[float], shape: Sequence[int]) -> bytes:
    """Head of a single-file NIfTI for a part of the volume.

    `header` is the header and extensions of the whole; `start`, `step` and `shape` describe the part along each of its axes.
    Voxel sizes, sform and qform are moved so that the part stays where it was in space.
    """
    known = recognise(header)
    assert known is not None
    version, order = known
    out = bytearray(header)
    ndim = len(shape)
    dims = list(struct.unpack_from(order + version.dim[1], out, version.dim[0]))
    dims[1 : ndim + 1] = shape
    struct.pack_into(order + version.dim[1], out, version.dim[0], *dims)
    pixdim = list(struct.unpack_from(order + version.pixdim[1], out, version.pixdim[0]))
    spatial = [[*start, 0, 0, 0][axis] for axis in range(3)]
    steps = [[*step, 1, 1, 1][axis] for axis in range(3)]
    rows = np.array(struct.unpack_from(order + version.affine_rows[1], out, version.affine_rows[0])).reshape(3, 4)
    rows[:, 3] += rows[:, :3] @ spatial
    rows[:, :3] *= steps
    struct.pack_into(order + version.affine_rows[1], out, version.affine_rows[0], *rows.ravel())
    offset = np.array(struct.unpack_from(order + version.quaternion_offset[1], out, version.quaternion_offset[0]))
    offset += _quaternion_axes(out, version, order, pixdim) @ spatial
    struct.pack_into(order + version.quaternion_offset[1], out, version.quaternion_offset[0], *offset)
    for axis, factor in enumerate(step):
        pixdim[1 + axis] *= abs(factor)
    struct.pack_into(order + version.pixdim[1], out, version.pixdim[0], *pixdim)
    out[version.magic_at : version.magic_at + len(version.single)] = version.single
    if len(out) == version.size:
        out += bytes(4)
    out += bytes(-len(out) % 16)
    struct.pack_into(order + version.vox_offset[1], out, version.vox_offset[0], len(out))
    return bytes(out)


def _quaternion_axes(head: bytearray, version: Version, order: str, pixdim: list[float]) -> np.ndarray:
    """Direction and length (mm) of the three axes of the qform, as columns. What is longer than a rotation is shortened."""
    from nibabel import quaternions  # noqa: PLC0415 - takes 0.3 s to import

    number = np.dtype(order + version.quaternion_offset[1][-1])
    bcd = np.frombuffer(head, number, 3, version.quaternion_offset[0] - 3 * number.itemsize).astype(np.float64)
    with np.errstate(invalid="ignore"):
        quaternion = quaternions.fillpositive(bcd / max(1.0, float(np.linalg.norm(bcd))), 3 * np.finfo(number).eps)
        flip = -1.0 if pixdim[0] < 0 else 1.0
        axes: np.ndarray = quaternions.quat2mat(quaternion).astype(np.float64) * [pixdim[1], pixdim[2], flip * pixdim[3]]
    return axes
