"""Volumes of an archive as NIfTI files: a conversion, not what was compressed.

Samples stay the stored ones, with slope and intercept in the header; where each slice has its own, they are scaled to 32-bit
floats. The affine says where they are: no axis is turned. Of DICOM only shape, place and scale are taken; b-values, times and
everything else stay in the archive. Colours are no scalars and are left out.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from voxz.errors import UnsupportedError, UsageError
from voxz.image.lazy import Image
from voxz.image.made_header import made_header
from voxz.io.output import complete_file, packer
from voxz.volume.layout import Layout

_ENDINGS = re.compile(r"\.(dcm|ima|nii|nii\.gz|mgz|mgh|nrrd|mha)$", re.IGNORECASE)

_PART = 1 << 24
"""Bytes of samples that are converted at once, or those of one slice."""


def convertible(image: Image) -> bool:
    """Whether a volume can be a NIfTI file: scalars of a type and of as many axes as NIfTI has, with a header or a place."""
    return bool(image.shape) and image.nifti_header() is not None


def write_nifti(image: Image, sink: BinaryIO) -> None:
    """Write a scalar volume as a single-file NIfTI; `UnsupportedError` if it cannot be one. Memory is that of a few slices."""
    head = image.nifti_header()
    if head is None:
        raise UnsupportedError("only scalar volumes of images can be converted to NIfTI; colours and plain arrays cannot")
    scaling = image.scaling
    each = scaling is not None and scaling.ndim > 1
    if each:
        layout = Layout(image.shape, np.dtype("<f4"), first_axis_fastest=True)
        head = made_header(layout, image.affine, None, image.seconds)
    sink.write(head)
    if image.ndim < 3:
        sink.write(np.asarray(image[...]).tobytes(order="F"))
        return
    slice_bytes = max(1, image.nbytes // max(1, math.prod(image.shape[2:])))
    step = max(1, _PART // slice_bytes)
    for outer in itertools.product(*map(range, image.shape[:2:-1])):
        for start in range(0, image.shape[2], step):
            slices: tuple[int | slice, ...] = (slice(start, start + step), *outer[::-1])
            samples = image[(slice(None), slice(None), *slices)]
            if each and scaling is not None:
                samples = (samples * scaling[slices][..., 0] + scaling[slices][..., 1]).astype("<f4")
            sink.write(np.asarray(samples).tobytes(order="F"))


def write_all(images: Sequence[Image], destination: Path, force: bool) -> int:
    """Write the volumes that can be NIfTI files; return how many.

    A `destination` that ends in .nii or .nii.gz is the file of the only one; else it is a folder, made if need be, and files have
    the names of the folders or files that volumes come from.

    Raises
    ------
    UnsupportedError
        None of them can be converted.
    UsageError
        Several would go to one file, or a file is there already and `force` is not given.
    """
    chosen = [image for image in images if convertible(image)]
    if not chosen:
        raise UnsupportedError("nothing here can be converted to NIfTI: it takes scalar volumes of images")
    if not str(destination).lower().endswith((".nii", ".nii.gz")):
        destination.mkdir(parents=True, exist_ok=True)
        names = _names(chosen)
        for image, name in zip(chosen, names, strict=True):
            _write(image, destination / f"{name}.nii.gz", force)
    elif len(chosen) > 1:
        raise UsageError(f"there are {len(chosen)} volumes; give a folder for their files")
    else:
        _write(chosen[0], destination, force)
    return len(chosen)


def _write(image: Image, path: Path, force: bool) -> None:
    with complete_file(path, force) as file, packer(path, file) as sink:
        write_nifti(image, sink)


def _names(images: Sequence[Image]) -> list[str]:
    """A name for each volume, made of its path, and a number where several have the same."""
    stems = ["_".join(part for part in PurePosixPath(image.name).parts if part != "..") or "volume" for image in images]
    stems = [_ENDINGS.sub("", stem) or "volume" for stem in stems]
    count = Counter(stems)
    numbers = {stem: itertools.count(1) for stem in stems}
    return [f"{stem}_{next(numbers[stem])}" if count[stem] > 1 else stem for stem in stems]
