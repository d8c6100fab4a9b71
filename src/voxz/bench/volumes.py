"""The volumes to measure on: found, read and described."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.datasets import volumes
from voxz.errors import UnsupportedError, UsageError

_WORDS = {
    "CT": {"ct", "cbct"},
    "PET": {"pet", "spect"},
    "ultrasound": {"us", "ultrasound"},
    "microscopy": {"em", "micro", "microscopy", "fib", "sem"},
    "diffusion": {"dwi", "dmri", "dti"},
    "fMRI": {"bold", "fmri", "asl", "pcasl", "pasl"},
    "MRI": {"mri", "mr", "t1w", "t2w", "t1", "t2", "flair", "pd", "t2star", "angio"},
}
"""Words of file names, from common usage and the suffixes of BIDS."""


@dataclass(frozen=True)
class Volume:
    """One input: samples ``(series, z, y, x)``, as stored; channels count as series.

    Attributes
    ----------
    name : file name without suffix
    path : the file
    kind : modality as far as the name or a .bval beside the file tells, else "3-D" or "series"
    part : which slices were taken, "" for all
    sha256 : of shape, type and samples: what results are kept under
    spacing_mm : between voxels along (z, y, x), for the proportions of pictures; ones if the file does not say
    """

    name: str
    path: Path
    kind: str
    part: str
    samples: NDArray[Any]
    sha256: str
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def megabytes(self) -> float:
        """Size of the samples, 10**6 bytes."""
        return self.samples.nbytes / 1e6

    @property
    def shape(self) -> str:
        """x, y, z and series, for people."""
        return "x".join(map(str, self.samples.shape[:0:-1])) + (f"x{len(self.samples)}" if len(self.samples) > 1 else "")


def find(data: list[str]) -> list[Path]:
    """Files of a list of files and folders.

    Raises
    ------
    UsageError
        A path does not exist, or there is nothing to measure.
    """
    found: list[Path] = []
    for path in map(Path, data):
        if path.is_dir():
            found += [path / name for name in volumes.find(path)]
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError(f"{path} does not exist; name a folder or a file")
    if not found:
        raise UsageError(f"found no volumes in {', '.join(data)}; these are read: {', '.join(volumes.ENDINGS)}")
    return list(dict.fromkeys(found))


def names(paths: list[Path]) -> Iterator[tuple[str, Path]]:
    """Give each file a name of its own: files with the same name get their folder in front."""
    stems = [_stem(path) for path in paths]
    for path, stem in zip(paths, stems, strict=True):
        yield (stem if stems.count(stem) == 1 else f"{path.parent.name}/{stem}"), path


def load(name: str, path: Path, slices: int | None = None) -> Volume:
    """Read a volume, or `slices` of it from its middle.

    Raises
    ------
    VoxzError, OSError
        The file cannot be read, or holds no real numbers.
    """
    found = volumes.read(path)
    samples = found.samples
    if not samples.size:
        raise UnsupportedError(f"{path} has no samples")
    if samples.dtype.kind == "b":
        samples = samples.view(np.uint8)
    depth, part = samples.shape[1], ""
    if slices is not None and slices < depth:
        first = (depth - slices) // 2
        samples, part = samples[:, first : first + slices], f"slices {first} to {first + slices - 1} of {depth}"
    samples = np.ascontiguousarray(samples)
    digest = hashlib.sha256(f"{samples.shape} {samples.dtype.str}".encode())
    digest.update(samples.data)
    return Volume(name, path, kind_of(path, len(samples)), part, samples, digest.hexdigest(), found.spacing_mm or (1.0, 1.0, 1.0))


def kind_of(path: Path, series: int) -> str:
    """Modality, from what lies beside the file and the words of its name."""
    if beside(path, ".bval").is_file():
        return "diffusion"
    words = set(_stem(path).lower().replace("-", "_").split("_"))
    for kind, known in _WORDS.items():
        if words & known:
            return kind
    return "series" if series > 1 else "3-D"


def beside(path: Path, suffix: str) -> Path:
    """File of the same name with another suffix."""
    return path.with_name(_stem(path) + suffix)


def _stem(path: Path) -> str:
    """Name without the known suffix."""
    ending = max((s for s in volumes.ENDINGS if path.name.lower().endswith(s)), key=len, default="")
    stem = path.name[: len(path.name) - len(ending)]
    return stem if ending != ".voxz" else _stem(Path(stem))
