"""All samples of any file voxz can read, at once, and the size of its voxels."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.container.header import MAGIC
from voxz.image.lazy import Image
from voxz.io import nifti
from voxz.io.source import Source


def read_samples(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Stored samples of a .voxz, NIfTI or .npy file: ``(series, z, y, x, channels)``, native byte order, never rescaled."""
    if _is_voxz(path):
        with Image(path) as image:
            return image.canonical()
    with Source(path) as source:
        data = source.read_samples(source.layout.nbytes)
        samples = np.frombuffer(data, source.layout.dtype).reshape(source.layout.canonical)
        return samples.astype(source.layout.dtype.newbyteorder("="), copy=False)


def spacing_of(path: str | os.PathLike[str]) -> tuple[float, float, float] | None:
    """Distance of neighbouring voxels along (z, y, x) in mm, of a NIfTI file or one inside a .voxz file; None if unknown."""
    if _is_voxz(path):
        with Image(path) as image:
            header = image.nifti_header()
    else:
        with Source(path) as source:
            header = nifti.header_of(source.foreign)
    return None if header is None else nifti.spacing_mm(header)


def _is_voxz(path: str | os.PathLike[str]) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
