"""Files of other formats, taken apart by their readers and put together again."""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import UnsupportedError
from voxz.io.arrange import arrange
from voxz.io.foreign_file import ForeignFile, Stretch
from voxz.io.packings import packing
from voxz.io.readers import READERS
from voxz.io.tree.items import packed_layout


@dataclass(frozen=True)
class Taken:
    """What a reader said, the arrays that the stretches make, and how many of them are kept as they are."""

    found: ForeignFile
    arrays: list[NDArray[Any]]
    kept: int

    @property
    def array(self) -> NDArray[Any]:
        """The only array: axes as the format's users see them, channels last."""
        (array,) = self.arrays
        return array

    @property
    def affine(self) -> NDArray[np.float64]:
        assert self.found.space is not None
        assert self.found.space.affine is not None
        return self.found.space.affine


def content(file: bytes) -> bytes:
    """Content of a gzip file, or the file itself."""
    return gzip.decompress(file) if file[:2] == b"\x1f\x8b" else file


def folder(path: Path) -> dict[str, bytes]:
    """Content of the files of a folder by their names."""
    return {file.name: content(file.read_bytes()) for file in sorted(path.iterdir()) if file.is_file()}


def parsed(files: dict[str, bytes], name: str) -> ForeignFile:
    """What the reader that recognises a file says about it."""

    def beside(other: str) -> io.BytesIO:
        if other not in files:
            raise UnsupportedError(f"{other} is not there")
        return io.BytesIO(files[other])

    reader = next(reader for reader in READERS.values() if reader.recognise(files[name][: 1 << 16], name))
    return reader.parse(io.BytesIO(files[name]), len(files[name]), name, beside)


def taken(files: dict[str, bytes], name: str) -> Taken:
    """Take a file apart, and assert that every byte comes back from the samples and what lies around them."""
    found = parsed(files, name)
    groups: dict[Any, list[tuple[Stretch, NDArray[Any]]]] = {}
    kept = 0
    for other, stretches in found.stretches.items():
        at = 0
        for number, stretch in enumerate(stretches):
            assert stretch.start >= at
            at = stretch.start + stretch.length
            samples = samples_of(files[other][stretch.start : at], stretch)
            if samples is None:
                kept += 1
                continue
            key = (stretch.key, stretch.layout) if stretch.key is not None else (other, number)
            groups.setdefault(key, []).append((stretch, samples))
        assert at <= len(files[other])
    return Taken(found, [array_of(group) for group in groups.values()], kept)


def samples_of(data: bytes, stretch: Stretch) -> NDArray[Any] | None:
    """Samples of a stretch in the order of its layout; None if it is kept as it is."""
    assert len(data) == stretch.length
    unpacked = data
    if stretch.packing != "raw":
        both = packing(stretch.packing).unpack(data, packed_layout(stretch.layout), *stretch.options)
        if both is None:
            return None
        assert packing(stretch.packing).pack(*both, packed_layout(stretch.layout)) == data
        unpacked = both[0]
    samples = stretch.view.apply(np.frombuffer(unpacked, stretch.layout.dtype))
    assert stretch.view.undo(samples).tobytes() == unpacked
    return samples


def array_of(group: list[tuple[Stretch, NDArray[Any]]]) -> NDArray[Any]:
    """The array that stretches of one key make."""
    order, lengths = arrange([stretch.position for stretch, _ in group])
    layout = group[0][0].layout
    channels = (layout.channels,) if layout.channels > 1 else ()
    stacked = np.concatenate([group[number][1] for number in order])
    array = stacked.reshape(*(lengths if len(group) > 1 else ()), *layout.memory_shape, *channels)
    axes = array.ndim - len(channels)
    return array.transpose(*reversed(range(axes)), *range(axes, array.ndim)) if layout.first_axis_fastest else array
