"""Finding the volumes below a folder, and reading their samples and voxel sizes.

Read are NIfTI (.nii, .hdr/.img), .npy, all three with or without gzip, .voxz, and TIFF stacks (with the extra `tiff`).
Samples are the stored ones, ``(series, z, y, x)``: further axes (time, directions) and colour channels make up the series.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import MissingDependencyError, UnsupportedError
from voxz.image.load import read_samples, spacing_of

PAIRS = (".hdr", ".img", ".hdr.gz", ".img.gz")
TIFF = (".tif", ".tiff")
ENDINGS = (".nii", ".nii.gz", *PAIRS, ".npy", ".npy.gz", ".voxz", *TIFF)

_TIFF_CHANNELS = "SC"


@dataclass(frozen=True)
class Volumes:
    """What is in one file.

    Attributes
    ----------
    samples : ``(series, z, y, x)``, stored values, native byte order
    sha256 : of the samples as little-endian bytes in that order
    spacing_mm : distance of neighbouring voxels along (z, y, x), if the file says
    """

    samples: NDArray[Any]
    sha256: str
    spacing_mm: tuple[float, float, float] | None


def find(folder: Path, without: Path | None = None) -> Iterator[str]:
    """Paths of all volumes below `folder`, relative to it, parts separated by /, in a fixed order.

    Hidden files and folders and everything in the folder `without` are left out. Of a .hdr/.img pair the header is named.
    Linked folders are not entered.
    """
    left_out = None if without is None else without.resolve()
    pairs = set()
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = [name for name in sorted(folders) if name[0] != "." and (here / name).resolve() != left_out]
        for name in sorted(files):
            if name[0] == "." or not name.lower().endswith(ENDINGS):
                continue
            if name.lower().endswith(PAIRS):
                stem = here / name.lower().removesuffix(".gz")[: -len(".img")]
                if stem in pairs:
                    continue
                pairs.add(stem)
            yield (here / name).relative_to(folder).as_posix()


def read(path: Path) -> Volumes:
    """Read one file.

    Raises
    ------
    VoxzError, OSError
        It cannot be read, or its samples are not real numbers.
    """
    tiff = path.name.lower().endswith(TIFF)
    samples = _read_tiff(path) if tiff else np.moveaxis(read_samples(path), 4, 1)
    if samples.dtype.kind not in "iufb":
        raise UnsupportedError(f"{path} has samples of type {samples.dtype}; only real numbers are taken")
    samples = np.ascontiguousarray(samples).reshape(-1, *samples.shape[-3:]) if samples.size else np.empty((0, 0, 0, 0))
    little = samples.astype(samples.dtype.newbyteorder("<"), copy=False)
    sha256 = hashlib.sha256(little.reshape(-1).view(np.uint8).data).hexdigest()
    return Volumes(samples, sha256, None if tiff else spacing_of(path))


def need_tiff() -> Any:
    """Import tifffile; `MissingDependencyError` says what to install."""
    try:
        import tifffile  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingDependencyError("reading TIFF stacks needs tifffile; install voxz[tiff]") from None
    return tifffile


def _read_tiff(path: Path) -> NDArray[Any]:
    """First series of images of a TIFF file (its full resolution) as ``(..., z, y, x)``."""
    tifffile = need_tiff()
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            axes, samples = series.axes, np.asarray(series.asarray())
    except OSError:
        raise
    except Exception as error:  # the reader has no error class of its own: a broken file may raise anything
        raise UnsupportedError(f"{path} cannot be read as a TIFF stack ({error})") from None
    stack = "Z" if "Z" in axes else next((name for name in axes if name not in "YXT" + _TIFF_CHANNELS), None)
    spatial = [axes.index(name) for name in (stack, "Y", "X") if name]
    others = [axis for axis in range(samples.ndim) if axis not in spatial]
    samples = samples.transpose(*others, *spatial)
    if stack is None:
        samples = samples[..., None, :, :]
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)
