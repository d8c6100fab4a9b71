"""Data sets that are deflated as a whole (PS3.5, A.5): inflated in memory, to be read like others."""

import zlib

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.dicom.attributes import Attributes
from voxz.io.dicom.elements import Elements, read_elements

MOST_INFLATED = 1 << 28


def inflate(data: bytes) -> tuple[bytes, bytes]:
    """A data set, and what follows its deflate stream. `CorruptError` if it is damaged, `UnsupportedError` if it is too large."""
    inflater = zlib.decompressobj(-15)
    try:
        plain = inflater.decompress(data, MOST_INFLATED)
    except zlib.error as error:
        raise CorruptError(f"the deflated data set is damaged ({error})") from None
    if not inflater.eof:
        if len(plain) == MOST_INFLATED:
            raise UnsupportedError(f"the deflated data set has more than {MOST_INFLATED} bytes")
        raise CorruptError("the deflated data set ends early")
    return plain, inflater.unused_data


def read(plain: bytes) -> tuple[Elements, Attributes]:
    """Elements and attributes of an inflated data set."""

    def read_at(start: int, length: int) -> bytes:
        return plain[start : start + length]

    found = read_elements(read_at, len(plain))
    return found, Attributes(found, read_at)
