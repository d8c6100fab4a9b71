"""TIFF, BigTIFF and OME-TIFF: pages in strips or tiles, pyramids, several series.

A reader of foreign files (`voxz.io.foreign_file`): `directories` lists pages and their tags, `page` finds the samples of one,
`series` says from ImageJ's or OME's description which axes the pages make, `reader` puts it together.
"""

from typing import BinaryIO

from voxz.io.foreign_file import Beside, ForeignFile

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def recognise(head: bytes, name: str) -> bool:
    """Whether it begins as a TIFF or BigTIFF file does."""
    return head[:4] in MAGIC


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where the samples lie; see `voxz.io.tiff.reader.parse`."""
    from voxz.io.tiff import reader  # noqa: PLC0415 - asking whether a file is TIFF must stay cheap

    return reader.parse(file, size, name, beside)
