"""What a file is, by its head: enough to plan with, long before its samples are read."""

import contextlib
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from voxz.errors import CorruptError, VoxzError
from voxz.io.foreign_file import HEAD_BYTES, ForeignFile
from voxz.io.gzip_stream import MAGIC, buffered_content, content_name
from voxz.io.packings import WITHOUT_SAMPLES
from voxz.io.recognise import beside, parsed_by, reader_of

_FLAT = 2
"""Axes of a picture; what has more is a volume of its own."""


@dataclass(frozen=True)
class Look:
    """What a file of a known format is.

    Attributes
    ----------
    format : its name; empty where only the head of its content was read, or where the file contradicts itself
    group : files of one folder with equal groups belong together: slices of a DICOM series, numbered pictures. None: it is alone
    others : names of the files beside it that hold its samples
    modality : as DICOM names it ("CT"), or empty
    fault : why it is kept as plain bytes, where it contradicts itself or is of a kind that is not taken apart
    """

    format: str = ""
    group: Hashable | None = None
    others: tuple[str, ...] = ()
    modality: str = ""
    fault: str = ""


def look(path: Path) -> Look | None:
    """Look at a file; None if no reader knows it, or it is no image. `OSError` if it cannot be read."""
    with path.open("rb") as file, contextlib.ExitStack() as stack:
        head = file.read(HEAD_BYTES)
        if head[: len(MAGIC)] == MAGIC:
            return _look_into(file, path)
        reader = reader_of(head, path.name)
        if reader is None:
            return None
        file.seek(0)
        try:
            known = parsed_by(reader, file, path.stat().st_size, path.name, lambda name: beside(path.parent, name, stack))
        except VoxzError as fault:
            return Look(fault=str(fault))
    parts = [part for stretches in known.stretches.values() for part in stretches]
    if parts and not known.series and all(part.packing in WITHOUT_SAMPLES for part in parts):
        return None
    others = tuple(name for name in known.stretches if name != path.name)
    return Look(known.format, _group(known, path.name), others, known.facts.get("modality", ""))


def _look_into(file: BinaryIO, path: Path) -> Look | None:
    """A gzip file: what its content begins with is enough to know it, and it is alone."""
    file.seek(0)
    head = b""
    with contextlib.suppress(CorruptError):
        head = buffered_content(file, path).read(HEAD_BYTES)
    return None if reader_of(head, content_name(path.name)) is None else Look()


def _group(known: ForeignFile, name: str) -> Hashable | None:
    if known.series:
        return known.series
    stretches = known.stretches.get(name, ())
    alone = len(stretches) != 1 or sum(n > 1 for n in stretches[0].layout.shape) > _FLAT
    return None if alone or stretches[0].key is None else (stretches[0].key, stretches[0].layout)
