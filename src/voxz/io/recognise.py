"""Which reader knows a file, and what that may see beside it."""

import contextlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from voxz.errors import UnsupportedError
from voxz.io.foreign_file import ABOVE, Beside, ForeignFile, Reader
from voxz.io.gzip_stream import MAGIC, buffered_content


def reader_of(head: bytes, name: str) -> Reader | None:
    """The reader of the format of a file; None if there is none."""
    from voxz.io.readers import READERS  # noqa: PLC0415 - a dozen modules that only folders need

    return next((module for module in READERS.values() if module.recognise(head, name)), None)


def parsed_by(reader: Reader, content: BinaryIO, size: int, name: str, opened: Beside) -> ForeignFile:
    """What a reader says of the content of a file, whose neighbours are `opened` if it may see them."""

    def inside(other: str) -> BinaryIO:
        *folders, last = parts = other.split("/")
        above = bool(folders) and set(folders) == {".."} and last in ABOVE
        if not above and any(Path(part).name != part for part in parts):
            raise UnsupportedError(f"its samples are in {other}, which is not beside it")
        return opened(other)

    with np.errstate(all="ignore"):  # what overflows in a header is infinite, and infinite places are none
        return reader.parse(content, size, name, inside)


def beside(folder: Path, name: str, stack: contextlib.ExitStack) -> BinaryIO:
    """A file on disk, unpacked if it does not lie below the `folder`; `UnsupportedError` if it is not there."""
    place = folder / name
    if not place.is_file():
        raise UnsupportedError(f"its samples are in {place.name}, which is not beside it")
    raw = place.open("rb")
    if len(Path(name).parts) > 1 and ".." not in name:
        return raw
    stack.enter_context(raw)
    return buffered_content(raw, place) if raw.peek(len(MAGIC))[: len(MAGIC)] == MAGIC else raw
