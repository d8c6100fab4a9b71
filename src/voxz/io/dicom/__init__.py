"""DICOM: where the pixels of a file lie, which files make a series, and where it lies in space.

A reader of foreign files (`voxz.io.foreign_file`), in the order in which a file is understood: `elements` lists what is there,
`attributes` reads values, `pixels` finds the samples, `geometry` their place, `reader` says it all. `recognise` is here, apart,
so that asking what a file is needs no compiled code.
"""

from typing import BinaryIO, Literal

from voxz.io.foreign_file import Beside, ForeignFile

SHORT_VRS = (
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD", "IS", "LO"),
    *("LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
)
LONG_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
"""Value representations with lengths of 16 and of 32 bits."""

_FIRST_ELEMENTS = 0x0070
"""Files without a preamble begin with an element of group 2 or 8, up to this one."""


def recognise(head: bytes, name: str) -> bool:
    """Whether a file that begins with `head` may be a DICOM file, with or without preamble."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 12 or head[:2] not in (b"\2\0", b"\x08\0", b"\0\x08"):
        return False
    order: Literal["big", "little"] = "big" if head[0] == 0 else "little"
    explicit = head[4:6].decode("latin-1") in (*SHORT_VRS, *LONG_VRS)
    short = order == "little" and int.from_bytes(head[4:8], "little") <= 256
    return int.from_bytes(head[2:4], order) <= _FIRST_ELEMENTS and (explicit or short)


def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
    """Where its pixels lie; see `voxz.io.dicom.reader.parse`."""
    from voxz.io.dicom import reader  # noqa: PLC0415 - asking whether a file is DICOM must stay cheap

    return reader.parse(file, size, name, beside)
