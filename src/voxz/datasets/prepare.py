"""From a folder of volumes to a folder of crops with a manifest.

For each volume in the order of its path: read it, draw places, write the crops (each under a temporary name first), then
append its lines to the manifest. Only lines count, so whatever stops a run leaves finished volumes and no others; the
next run reads each volume again, knows it by the SHA-256 of its samples, and goes on where the lines end. At last the
manifest is put into the order of the paths: it does not depend on how many runs it took.

A volume whose samples were met already under another name is left out, lest the same scan lie on both sides of the split.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from voxz.datasets.crop_options import SMALLEST, CropOptions, settle
from voxz.datasets.crop_places import ATTEMPTS, draw
from voxz.datasets.manifest import MANIFEST, Crop, finished
from voxz.datasets.subjects import split_of, subject_of
from voxz.datasets.volumes import ENDINGS, TIFF, Volumes, find, need_tiff, read
from voxz.errors import UsageError, VoxzError
from voxz.io.output import complete_file
from voxz.pipeline.samples import Progress

Notice = Callable[[str], None]
Failed = Callable[[Exception, str], None]


@dataclass
class Summary:
    """What a run did: files by outcome, and crops by side of the split (of all runs)."""

    written: int = 0
    reused: int = 0
    skipped: int = 0
    failed: int = 0
    crops: dict[str, int] = field(default_factory=dict)


def prepare(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    options: CropOptions,
    *,
    notice: Notice,
    failed: Failed,
    progress: Progress | None = None,
) -> Summary:
    """Cut crops from all volumes below the folder `source` into the folder `destination`.

    Parameters
    ----------
    notice : called with a sentence about each volume that gives fewer crops than asked for
    failed : called with the error and the path of each volume that cannot be read; the others go on
    progress : called with the bytes of files read and their total

    Raises
    ------
    UsageError
        No volumes, or a destination that holds something else or crops of other options.
    MissingDependencyError
        There are TIFF stacks and no tifffile.
    OSError
        The destination cannot be written.
    """
    root, target = Path(source), Path(destination)
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder; name one with volumes ({' '.join(ENDINGS)})")
    names = sorted(find(root, without=target))
    if not names:
        raise UsageError(f"{root} holds no volumes, files that end in {' '.join(ENDINGS)}")
    if any(name.lower().endswith(TIFF) for name in names):
        need_tiff()
    settle(target, options)
    work = _Work(target, options, notice)
    summary = Summary()
    sizes = [_size(root / name) for name in names]
    for number, name in enumerate(names, 1):
        try:
            volumes = read(root / name)
        except (VoxzError, OSError, MemoryError) as error:
            failed(error, str(root / name))
            summary.failed += 1
        else:
            outcome = work.take(name, volumes)
            setattr(summary, outcome, getattr(summary, outcome) + 1)
        if progress:
            progress(sum(sizes[:number]), sum(sizes))
    work.save(sorted(work.crops(), key=lambda crop: (crop.source, crop.number)))
    summary.crops = {side: sum(crop.split == side for crop in work.crops()) for side in options.split}
    for side, count in summary.crops.items():
        if not count and options.split[side]:
            notice(f"no crops for {side}: subjects are split by hash, and none fell there; add subjects or change the seed")
    return summary


class _Work:
    """The destination folder and the crops that it holds already."""

    def __init__(self, target: Path, options: CropOptions, notice: Notice) -> None:
        self._target, self._options, self._notice = target, options, notice
        for leftover in target.glob("**/.*.part"):
            leftover.unlink()
        self._by_source: dict[str, list[Crop]] = {}
        for crop in finished(target):
            self._by_source.setdefault(crop.source, []).append(crop)
        self._names = {crops[0].sha256: name for name, crops in self._by_source.items()}
        self.save(self.crops())

    def crops(self) -> list[Crop]:
        """All crops so far."""
        return [crop for crops in self._by_source.values() for crop in crops]

    def save(self, crops: Iterable[Crop]) -> None:
        """Write the manifest if it has changed."""
        text = "".join(crop.to_json() + "\n" for crop in crops).encode()
        path = self._target / MANIFEST
        if not path.exists() or path.read_bytes() != text:
            with complete_file(path, force=True) as file:
                file.write(text)

    def take(self, name: str, volumes: Volumes) -> str:
        """Cut the crops of one file if there are none yet; return the outcome, a field of `Summary`."""
        other = self._names.get(volumes.sha256, name)
        if other == name and name in self._by_source and self._by_source[name][0].sha256 == volumes.sha256:
            return "reused"
        self._forget(name)
        if other != name:
            self._notice(f"{name} holds the samples of {other}; left out")
            return "skipped"
        if min(volumes.samples.shape[1:]) < SMALLEST:
            size = "x".join(map(str, volumes.samples.shape[1:]))
            self._notice(f"{name} is left out: it has {size} voxels (z, y, x), fewer than {SMALLEST} along an axis")
            return "skipped"
        crops = self._cut(name, volumes)
        if len(crops) < self._options.crops_per_volume:
            self._notice(
                f"{name} gave {len(crops)} of {self._options.crops_per_volume} crops: "
                f"the others were empty or drawn before, {ATTEMPTS} times each"
            )
        if not crops:
            return "skipped"
        with (self._target / MANIFEST).open("ab") as file:
            file.write("".join(crop.to_json() + "\n" for crop in crops).encode())
            file.flush()
            os.fsync(file.fileno())
        self._by_source[name] = crops
        self._names[volumes.sha256] = name
        return "written"

    def _forget(self, name: str) -> None:
        """Drop the crops of a source whose samples have changed: first their lines, then their files."""
        stale = self._by_source.pop(name, [])
        if stale:
            del self._names[stale[0].sha256]
            self.save(self.crops())
        for crop in stale:
            (self._target / crop.file).unlink(missing_ok=True)

    def _cut(self, name: str, volumes: Volumes) -> list[Crop]:
        """Write the crops of one file, without listing them."""
        wish = self._options
        subject = subject_of(name, wish.subject_pattern)
        side = split_of(subject, wish.split, wish.seed)
        samples = volumes.samples
        places = list(
            draw(samples, wish.crop, wish.crops_per_volume, wish.seed, volumes.sha256, wish.min_std, wish.skip_background)
        )
        short = tuple(axis for axis, got, asked in zip("zyx", samples.shape[1:], wish.crop, strict=True) if got < asked)
        (self._target / side).mkdir(exist_ok=True)
        crops = []
        for number, place in enumerate(places):
            file_name = f"{side}/{volumes.sha256[:16]}-{number:04d}.npy"
            dtype = samples.dtype.newbyteorder("<")
            with complete_file(self._target / file_name, force=True) as file:
                np.save(file, np.ascontiguousarray(place.cut(samples), dtype), allow_pickle=False)
            crops.append(
                Crop(
                    file=file_name,
                    source=name,
                    sha256=volumes.sha256,
                    number=number,
                    count=len(places),
                    series=place.series,
                    position=place.position,
                    shape=place.shape,
                    short_axes=short,
                    dtype=dtype.str,
                    range=(place.inside.low, place.inside.high),
                    volume_range=(place.volume.low, place.volume.high),
                    spacing_mm=volumes.spacing_mm,
                    subject=subject,
                    split=side,
                    folder=self._target,
                )
            )
        return crops


def _size(path: Path) -> int:
    """Bytes of a file; 0 if that cannot be read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
