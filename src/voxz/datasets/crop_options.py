"""What `prepare` is asked to do, kept beside its result so that a later run can tell whether it fits."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from voxz.datasets.manifest import SETTINGS
from voxz.errors import UsageError
from voxz.io.output import complete_file

SMALLEST = 8
"""Volumes and crops are at least so long along each axis."""

_VERSION = 1


@dataclass(frozen=True)
class CropOptions:
    """How crops are cut.

    Attributes
    ----------
    crop : extent along (z, y, x) in voxels
    crops_per_volume : crops of a file, at most
    split : share of the subjects by name of the side
    seed : of the places and of the split
    subject_pattern : regular expression that finds the subject in a path, see `voxz.datasets.subjects.subject_of`
    min_std, skip_background : what counts as empty, see `voxz.datasets.crop_places`
    """

    crop: tuple[int, int, int] = (64, 64, 64)
    crops_per_volume: int = 8
    split: dict[str, float] = field(default_factory=lambda: {"train": 0.8, "validation": 0.1, "test": 0.1})
    seed: int = 0
    subject_pattern: str | None = None
    min_std: float = 0.05
    skip_background: float = 0.9

    def __post_init__(self) -> None:
        if len(self.crop) != 3 or min(self.crop) < SMALLEST:
            raise UsageError(f"crops must have at least {SMALLEST} voxels along each axis (got {'x'.join(map(str, self.crop))})")
        if self.crops_per_volume < 1:
            raise UsageError(f"crops per volume must be 1 or more (got {self.crops_per_volume})")
        if not self.min_std >= 0:
            raise UsageError(f"the minimal standard deviation must be 0 or more (got {self.min_std})")
        if not 0 <= self.skip_background <= 1:
            raise UsageError(f"the share of background must be 0 to 1 (got {self.skip_background})")
        try:
            re.compile(self.subject_pattern or "")
        except re.error as error:
            message = f"the subject pattern {self.subject_pattern!r} is no regular expression: {error}"
            raise UsageError(message) from None

    def to_json(self) -> dict[str, Any]:
        """The options as JSON values."""
        return {"version": _VERSION, **json.loads(json.dumps(asdict(self)))}


def parse_crop(text: str) -> tuple[int, int, int]:
    """Read ``64`` or ``32,64,64`` (z, y, x)."""
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) not in (1, 3):
        raise UsageError(f"a crop must be a number such as 64, or three (z,y,x) such as 32,64,64 (got {text!r})")
    z, y, x = sizes * 3 if len(sizes) == 1 else sizes
    return z, y, x


def settle(folder: Path, options: CropOptions) -> None:
    """Make `folder` ready for crops of these options.

    Raises
    ------
    UsageError
        It holds something else, or crops of other options.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder")
    wanted, path = options.to_json(), folder / SETTINGS
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty and holds no {SETTINGS}; give a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        with complete_file(path, force=False) as file:
            file.write((json.dumps(wanted, indent=2) + "\n").encode())
        return
    try:
        found = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError):
        raise UsageError(f"{path} cannot be read; give a new folder") from None
    differing = [name for name in wanted | found if wanted.get(name) != found.get(name)]
    if differing:
        parts = [f"{name.replace('_', ' ')} {found.get(name)} (now {wanted.get(name)})" for name in differing]
        raise UsageError(f"{folder} was prepared with {', '.join(parts)}; give the same options or a new folder")
