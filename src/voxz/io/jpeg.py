"""JPEG files: what they show has lost something already, so they are no images here, but libjxl makes their bytes fewer."""

from typing import BinaryIO

from voxz.io.foreign_file import NO_SAMPLES, Beside, ForeignFile, Stretch
from voxz.io.packings.jpeg import START

FORMAT = "jpeg"


def recognise(head: bytes, name: str) -> bool:
    """Whether a file begins as a JPEG stream."""
    del name
    return head.startswith(START)


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """All of it."""
    del file, beside
    return ForeignFile(FORMAT, {name: (Stretch(0, size, NO_SAMPLES, "jpeg"),)})
