"""NIfTI and .npy files within an archive: readers of foreign files (`voxz.io.foreign_file`) over `nifti` and `npy`."""

from typing import BinaryIO

from voxz.errors import CorruptError, TruncatedError, UnsupportedError
from voxz.io import nifti, npy
from voxz.io.foreign_file import Beside, ForeignFile, Stretch
from voxz.volume.layout import Layout

_PAIRED = {".hdr": ".img", ".HDR": ".IMG"}


class Nifti:
    """Single files, and headers of pairs, whose samples lie in the .img file beside them."""

    @staticmethod
    def recognise(head: bytes, name: str) -> bool:
        """Whether a file begins as a NIfTI header."""
        del name
        known = nifti.recognise(head)
        if known is None:
            return False
        version = known[0]
        return head[version.magic_at : version.magic_at + 3] in (version.single[:3], version.pair[:3])

    @staticmethod
    def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
        """Where its samples lie."""
        header = nifti.parse(file.read(nifti.NIFTI2.size))
        if header.single:
            start = header.start(paired=False)
            return ForeignFile("nifti", {name: (_stretch(start, header.layout(max(0, size - start)), size),)})
        data = next((name.removesuffix(end) + other for end, other in _PAIRED.items() if name.endswith(end)), None)
        if data is None:
            raise UnsupportedError("it is the header of a pair, but no .img goes with it")
        length, start = beside(data).seek(0, 2), header.start(paired=True)
        return ForeignFile("nifti-pair", {data: (_stretch(start, header.layout(max(0, length - start)), length),)})


class Npy:
    """Files of NumPy."""

    @staticmethod
    def recognise(head: bytes, name: str) -> bool:
        """Whether a file begins as a .npy file."""
        del name
        return head[: len(npy.MAGIC)] == npy.MAGIC

    @staticmethod
    def parse(file: BinaryIO, size: int, name: str, beside: Beside) -> ForeignFile:
        """Where its samples lie."""
        del beside
        head = file.read(10)
        head += file.read(2 if head[6:7] != b"\1" else 0)
        length = int.from_bytes(head[8:], "little")
        if length > npy.LONGEST:
            raise CorruptError(f"its .npy header has {length} bytes, expected at most {npy.LONGEST}")
        head += file.read(length)
        return ForeignFile("npy", {name: (_stretch(len(head), npy.parse(head), size),)})


def _stretch(start: int, layout: Layout, size: int) -> Stretch:
    if start + layout.nbytes > size:
        raise TruncatedError(f"it ends after {size} bytes, its header announces {start + layout.nbytes}")
    return Stretch(start, layout.nbytes, layout)
