"""The list of crops of a prepared folder, for whoever trains on them.

A prepared folder holds ``settings.json`` (what was asked), ``manifest.jsonl`` (one line of JSON for each crop) and one folder
of .npy files for each side of the split. Crops of a volume count (`number` of `count`) so that a line lost in an
interruption shows: `read_manifest` returns volumes whose crops are all there, and no others.
"""

import json
import os
import tokenize
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UsageError

MANIFEST = "manifest.jsonl"
SETTINGS = "settings.json"

_TUPLES = ("position", "shape", "short_axes", "range", "volume_range", "spacing_mm")
_TEXTS, _COUNTS = ("file", "source", "sha256", "dtype", "subject", "split"), ("number", "count", "series")


@dataclass(frozen=True)
class Crop:
    """One crop: where it lies, and where it comes from.

    Attributes
    ----------
    file : .npy file, relative to the prepared folder
    source, sha256 : file it was cut from, relative to the folder that was prepared; SHA-256 of all its samples
    number, count : this crop among those of its source
    series, position : volume of the series (time, direction, channel) and first voxel (z, y, x)
    shape, short_axes : (z, y, x); axes on which the volume is shorter than the crop that was asked for
    dtype : type of the stored samples
    range, volume_range : lowest and highest finite sample of the crop and of its volume, in stored units
    spacing_mm : distance of neighbouring voxels along (z, y, x), if the source says
    subject, split : whose scan it is, and the side of the split
    """

    file: str
    source: str
    sha256: str
    number: int
    count: int
    series: int
    position: tuple[int, int, int]
    shape: tuple[int, int, int]
    short_axes: tuple[str, ...]
    dtype: str
    range: tuple[float, float]
    volume_range: tuple[float, float]
    spacing_mm: tuple[float, float, float] | None
    subject: str
    split: str
    folder: Path = field(default=Path(), compare=False, repr=False)

    def load(self) -> NDArray[Any]:
        """Samples of the crop, ``(z, y, x)``, as they are stored in the source.

        Raises
        ------
        CorruptError
            The file is not the one that the manifest describes.
        OSError
            It is not there.
        """
        try:
            # mapped: a header that announces more than the file has is found before memory is taken for it
            samples: NDArray[Any] = np.lib.format.open_memmap(self.folder / self.file, mode="r")
        except (ValueError, EOFError, SyntaxError, TypeError, OverflowError, tokenize.TokenError) as error:
            raise CorruptError(f"{self.folder / self.file} is damaged ({error}); prepare the folder again") from None
        if samples.shape != self.shape or samples.dtype != np.dtype(self.dtype):
            raise CorruptError(
                f"{self.folder / self.file} has {samples.shape} {samples.dtype}, the manifest says {self.shape} {self.dtype}; "
                "prepare the folder again"
            )
        return np.array(samples)

    def to_json(self) -> str:
        """One line of the manifest."""
        return json.dumps({part.name: getattr(self, part.name) for part in fields(self) if part.name != "folder"})


def read_manifest(folder: str | os.PathLike[str], split: str | None = None) -> list[Crop]:
    """Crops of a prepared folder, or of one side of its split, in the order of the manifest.

    Raises
    ------
    UsageError
        The folder was not prepared, or there is no such side.
    CorruptError
        The manifest makes no sense.
    """
    root = Path(folder)
    if not (root / SETTINGS).is_file():
        raise UsageError(f"{root} holds no {SETTINGS}; make it with voxz data prepare")
    try:
        known = list(json.loads((root / SETTINGS).read_text(encoding="utf-8"))["split"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CorruptError(f"{root / SETTINGS} cannot be read; prepare into another folder") from None
    if split is not None and split not in known:
        raise UsageError(f"there is no side {split!r} of the split; there are {', '.join(known)}")
    return [crop for crop in finished(root) if split in (None, crop.split)]


def finished(root: Path) -> list[Crop]:
    """Crops of the volumes whose crops are all listed."""
    path = root / MANIFEST
    if not path.exists():
        return []
    *lines, rest = path.read_bytes().split(b"\n")
    del rest  # cut off in the middle of a line, or empty
    crops = [_parse(line, f"line {number} of {path}", root) for number, line in enumerate(lines, 1)]
    listed: dict[tuple[str, str], int] = {}
    for crop in crops:
        listed[crop.source, crop.sha256] = listed.get((crop.source, crop.sha256), 0) + 1
    return [crop for crop in crops if listed[crop.source, crop.sha256] == crop.count]


def _parse(line: bytes, place: str, root: Path) -> Crop:
    try:
        values = json.loads(line)
        for name in _TUPLES:
            values[name] = None if values[name] is None else tuple(values[name])
        crop = Crop(**values, folder=root)
        sound = np.dtype(crop.dtype).itemsize > 0 and all(type(values[name]) is str for name in _TEXTS)
        file = PurePosixPath(crop.file)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CorruptError(f"{place} does not describe a crop; prepare into another folder") from None
    if not sound or not all(type(values[name]) is int for name in _COUNTS):
        raise CorruptError(f"{place} has fields of wrong types; prepare into another folder")
    if file.is_absolute() or ".." in file.parts:
        raise CorruptError(f"{place} points outside the folder; prepare into another folder")
    return crop
