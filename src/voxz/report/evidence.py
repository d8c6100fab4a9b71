"""What a report is made of: the samples of a file and of its original, and what is known about both.

Nothing that names a person or a machine is taken over: of paths, the name of the file alone.
"""

import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.volumes import beside, kind_of
from voxz.compare.figure import is_hounsfield
from voxz.container.header import MAGIC
from voxz.errors import UnsupportedError, UsageError
from voxz.image.facts import Info
from voxz.image.lazy import Image
from voxz.io.array import ArraySource
from voxz.io.source import Source
from voxz.metrics import errors
from voxz.ratecontrol.noise import noise_of
from voxz.volume.background import find_background
from voxz.volume.bricks import Box

Samples = NDArray[Any]

GZIPPED = 1 << 26
"""Bytes of samples that are compressed by gzip to know its size, where no .nii.gz was given."""

GZIP_LEVEL = 6


@dataclass(frozen=True)
class Evidence:
    """A file, decoded, and its original.

    Attributes
    ----------
    name : of the file, without its folder
    original_name : of the original; empty if there is none
    facts : see `voxz.info`
    decoded, original : ``(series, z, y, x, channels)``, native byte order, stored values; the latter None if it was not given
    boxes, lengths : where each brick lies, and its bytes
    spacing_mm : between voxels along (z, y, x); ones if nobody says
    orientation : for right, front and up: the axis (0 z, 1 y, 2 x) that points there, and whether it runs against it
    slope, intercept : of the header
    gzip_bytes : of the original as .nii.gz; estimated if no such file was given
    gzip_measured : whether that is the size of a file
    header_same : whether header and extensions are the same bytes; None if there are none to compare
    gradients : paths of .bval and .bvec beside the original; empty if there are none
    """

    name: str
    original_name: str
    facts: Info
    decoded: Samples
    original: Samples | None
    boxes: tuple[Box, ...]
    lengths: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    orientation: tuple[tuple[int, bool], ...]
    slope: float
    intercept: float
    kind: str
    gzip_bytes: int
    gzip_measured: bool
    header_same: bool | None
    gradients: tuple[Path, ...]

    @property
    def reference(self) -> Samples:
        """The original, or what was decoded if that is all there is."""
        return self.decoded if self.original is None else self.original

    @cached_property
    def error(self) -> Samples | None:
        """Decoded less original, in stored units; None without an original."""
        return None if self.original is None else np.nan_to_num(errors(self.decoded, self.original))

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise in stored units: as the file says, else estimated; 0 if none is seen."""
        loss = self.facts.loss
        volumes = np.moveaxis(self.reference, 4, 1).reshape(-1, *self.reference.shape[1:4])  # channels count as a series
        return loss.noise if loss is not None and loss.noise else noise_of(ArraySource(volumes))

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Voxels ``(series, z, y, x)`` that are not constant background; all, if nothing else is left."""
        background = find_background(self.reference)
        shape = self.reference.shape[:4]
        seen = np.ones(shape, bool) if background is None else np.broadcast_to(~background.mask, shape)
        return seen if seen.any() else np.ones(shape, bool)

    @cached_property
    def hounsfield(self) -> float | None:
        """Added to scaled values it gives Hounsfield units: 0, or -1024 where a header forgot it; None if this is no CT."""
        seen = self.reference[self.seen][..., 0] if self.reference.shape[4] == 1 else np.zeros(0)
        scaled = seen[:: max(1, seen.size >> 16)].astype(np.float64) * self.slope + self.intercept
        shifts = (0.0, -1024.0) if self.kind == "CT" else (0.0,)
        return next((shift for shift in shifts if is_hounsfield(scaled[np.isfinite(scaled)] + shift)), None)

    @cached_property
    def worst(self) -> tuple[int, int, int, int]:
        """Voxel (t, z, y, x) with the largest error, of several the one nearest to the middle; that itself without errors."""
        middle = np.array(self.reference.shape[:4]) // 2
        if self.error is not None and self.error.any():
            magnitudes = np.abs(self.error)
            places = np.argwhere(magnitudes == magnitudes.max())[:, :4]
            shares = (places - middle) / np.maximum(middle, 1)
            middle = places[int(np.argmin((shares**2).sum(axis=1)))]
        t, z, y, x = (int(n) for n in middle)
        return t, z, y, x

    @property
    def bits_of_slices(self) -> NDArray[np.float64]:
        """Bits ``(series, z)``: those of each brick, spread evenly over its slices."""
        series, depth = self.decoded.shape[:2]
        bits = np.zeros((series, depth))
        for box, length in zip(self.boxes, self.lengths, strict=True):
            t, z = box[:2]
            bits[t, z] += 8 * length / max(1, (t.stop - t.start) * (z.stop - z.start))
        return bits


def evidence_of(
    file: str | os.PathLike[str],
    original: str | os.PathLike[str] | None,
    *,
    number: int | None = None,
    threads: int | None = None,
) -> Evidence:
    """Decode a file, and read its original; both are in memory at once.

    Parameters
    ----------
    number : volume of an archive; None for files of one volume

    Raises
    ------
    UsageError
        The shapes differ.
    UnsupportedError
        Samples are not real numbers.
    VoxzError, OSError
        A file cannot be read, or is damaged.
    """
    path = Path(file)
    with Image(path, threads=threads, number=number) as image:
        facts, array = Info.of(image._reader), image._array
        decoded = _real(path.name, image.canonical())
        boxes, lengths = tuple(array.boxes), tuple(brick.length for brick in array.bricks)
        size = image.voxel_size
        slope, intercept = _scaling(image)
        head = image.nifti_header() if facts.original == "nifti" else None
        orientation = _orientation(image)
    samples, other_head, measured = None, None, 0
    if original is not None:
        samples, other_head = _read(original, threads)
        samples = _real(Path(original).name, samples)
        if samples.shape != decoded.shape:
            raise UsageError(
                f"shapes differ: {decoded.shape} in {path.name} and {samples.shape} in {Path(original).name} (series, z, y, x, "
                "channels); give the file that was compressed as --original"
            )
        measured = Path(original).stat().st_size if Path(original).name.lower().endswith(".gz") else 0
    known = Path(path.name.removesuffix(".voxz")) if original is None else Path(original)
    sides = [beside(known, suffix) for suffix in (".bval", ".bvec")] if original is not None else []
    return Evidence(
        name=path.name,
        original_name="" if original is None else Path(original).name,
        facts=facts,
        decoded=decoded,
        original=samples,
        boxes=boxes,
        lengths=lengths,
        spacing_mm=(size[2], size[1], size[0]) if size is not None and len(size) == 3 else (1.0, 1.0, 1.0),
        orientation=orientation,
        slope=slope,
        intercept=intercept,
        kind=kind_of(known, len(decoded)),
        gzip_bytes=measured or gzip_size(decoded if samples is None else samples),
        gzip_measured=bool(measured),
        header_same=None if head is None or other_head is None else head == other_head,
        gradients=tuple(sides) if sides and all(side.is_file() for side in sides) else (),
    )


def gzip_size(samples: Samples) -> int:
    """Bytes that gzip makes of samples, from the first `GZIPPED` of their bytes."""
    flat = np.ascontiguousarray(samples).reshape(-1).view(np.uint8)
    part = flat[:GZIPPED]
    return 0 if not flat.size else round(len(zlib.compress(part.data, GZIP_LEVEL)) * flat.size / part.size)


def _real(name: str, samples: Samples) -> Samples:
    if samples.dtype.kind not in "iufb":
        raise UnsupportedError(f"{name} has samples of type {samples.dtype}; reports show real numbers")
    if not samples.size:
        raise UnsupportedError(f"{name} has no samples; there is nothing to show")
    return samples.view(np.uint8) if samples.dtype.kind == "b" else samples


def _read(path: str | os.PathLike[str], threads: int | None) -> tuple[Samples, bytes | None]:
    """Samples of an original, and its NIfTI header."""
    with Path(path).open("rb") as file:
        packed = file.read(len(MAGIC)) == MAGIC
    if packed:
        with Image(path, threads=threads) as image:
            return image.canonical(), image.nifti_header()
    with Source(path) as source:
        layout = source.layout
        samples = np.frombuffer(source.read_samples(layout.nbytes), layout.dtype).reshape(layout.canonical)
        return samples.astype(layout.dtype.newbyteorder("="), copy=False), _nifti_head(source)


def _nifti_head(source: Source) -> bytes | None:
    from voxz.io import nifti  # noqa: PLC0415 - start-up time

    return nifti.header_of(source.foreign)


def _scaling(image: Image) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 where a header says nothing or an archive says them by slice."""
    header = image.header
    slope, intercept = header.get_slope_inter() if header is not None else (None, None)
    return float(slope or 1.0), float(intercept or 0.0)


def _orientation(image: Image) -> tuple[tuple[int, bool], ...]:
    """Axes that point to the right, to the front and up."""
    affine = image.affine
    rows = ((2, False), (1, False), (0, False)) if affine is not None else ((2, False), (1, True), (0, False))
    if affine is None or len(image.shape) < 3 or not np.isfinite(affine).all():
        return rows
    from nibabel import io_orientation  # noqa: PLC0415 - start-up time

    turned = io_orientation(affine)
    if not np.isfinite(turned).all():
        return rows
    order = [int(axis) for axis in np.argsort(turned[:, 0])]
    return tuple((2 - axis, bool(turned[axis, 1] < 0)) for axis in order)


def brick_borders(boxes: tuple[Box, ...], axis: int) -> list[int]:
    """Places along an axis of ``(series, z, y, x)`` where one brick ends and the next begins."""
    return sorted({box[axis].start for box in boxes} - {0})
