"""Reading a foreign file from front to back: head, samples, tail."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from voxz.container.loss_mark import is_marks
from voxz.errors import CorruptError, TruncatedError, UnsupportedError, VoxzError
from voxz.io import gzip_stream, nifti, npy
from voxz.io.raw import FORMAT as RAW
from voxz.io.raw import wrong_size
from voxz.volume.layout import Foreign, Layout

_TAIL_PART = 1 << 20
if TYPE_CHECKING:
    from voxz.io.gzip_members import MemberSearch, Repacking

LARGEST_TAIL = 1 << 28
"""Bytes that may follow the samples."""

_MOST_DEFLATED = 1032
"""Bytes that a byte of deflate can hold at most."""


class UnknownFormatError(UnsupportedError):
    """It is no image that is read alone; a reader of another format may know it."""


class Source:
    """A NIfTI or .npy file, or `raw` samples, possibly gzip-compressed, open for reading; `name` is what messages call it.

    How its gzip is made again is found while it is read, unless `repacking` says so already.

    Attributes
    ----------
    layout, foreign :
        What the samples are, and the bytes around them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        raw: Layout | None = None,
        repacking: "Repacking | None" = None,
    ) -> None:
        self._said, self._repacking = raw, repacking
        self.name = name or os.fspath(path)
        self._taken = 0
        self._members: MemberSearch | None = None
        self._path, header = (Path(path), None) if raw else _pair(Path(path))
        self._raw = self._path.open("rb")
        self._file: BinaryIO | gzip_stream.Content = self._raw
        try:
            self._gzipped = self._raw.peek(2)[:2] == gzip_stream.MAGIC
            if self._gzipped:
                if repacking is None:
                    from voxz.io import gzip_members  # noqa: PLC0415 - start-up time

                    self._members = gzip_members.MemberSearch(self._path)
                self._file = gzip_stream.Content(self._raw, self.name, self._members)
            self.layout, self.foreign = self._read_head(header, self._gzipped)
            self._refuse_short()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._members is not None:
            self._members.close()
        self._raw.close()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes of the samples; `TruncatedError` if there are fewer."""
        data = self._read(length)
        self._taken += len(data)
        if len(data) != length and self._said:
            raise wrong_size(self.name, self._taken, self._said)
        if len(data) != length:
            raise self._ends_early(self._taken)
        return data

    def _ends_early(self, got: int) -> TruncatedError:
        shape = "x".join(map(str, self.layout.shape))
        return TruncatedError(
            f"{self.name} ends early: it has {got} bytes of samples, its header announces {self.layout.nbytes} "
            f"({shape} {self.layout.dtype}); get the file again"
        )

    def _refuse_short(self) -> None:
        """Refuse a file that cannot hold the samples it announces, before memory is made for them."""
        size = self._path.stat().st_size
        if self._said and not self._gzipped:
            self._refuse_other_size(size)
            return
        room = size * _MOST_DEFLATED if self._gzipped else max(0, size - len(self.foreign.head))
        if self.layout.nbytes > room:
            raise self._ends_early(room)

    def _refuse_other_size(self, size: int) -> None:
        """Refuse raw samples that are not as many as was said; marks of losses may follow them."""
        layout = self.layout
        if 0 <= size - layout.nbytes <= LARGEST_TAIL:
            with self._path.open("rb") as file:
                file.seek(layout.nbytes)
                if is_marks(file.read()):
                    return
        raise wrong_size(self.name, size, layout)

    def _samples_from(self, start: int) -> int:
        """Bytes of the uncompressed file from `start` on; counting those of a gzip file reads it once more."""
        if not self._gzipped:
            return max(0, self._path.stat().st_size - start)
        length = 0
        with self._path.open("rb") as file, contextlib.suppress(CorruptError):
            again = gzip_stream.Content(file, self.name)
            while part := again.read(1 << 20):
                length += len(part)
        return max(0, length - start)

    def read_tail(self) -> bytes:
        """Return what follows the samples."""
        parts = []
        while part := self._read(_TAIL_PART):
            parts.append(part)
            if len(parts) * _TAIL_PART > LARGEST_TAIL:
                raise CorruptError(f"{self.name} has more than {LARGEST_TAIL} bytes behind its samples, too many to be a tail")
        tail = b"".join(parts)
        if self._said and not is_marks(tail):
            raise wrong_size(self.name, self._taken + len(tail), self._said)
        return tail

    def gzip(self) -> "Repacking | None":
        """After the tail: how the content becomes a .gz file again; None if it was none."""
        if self._repacking is not None:
            return self._repacking
        if self._members is None or not isinstance(self._file, gzip_stream.Content):
            return None
        return self._members.result(self._file)

    def _read(self, length: int) -> bytes:
        parts = []
        while length and (part := self._file.read(min(length, 1 << 22))):
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _read_head(self, beside: Path | None, gzipped: bool) -> tuple[Layout, Foreign]:
        if self._said:
            return self._said, Foreign(RAW, gzipped=gzipped)
        if beside is not None:
            companion = beside.read_bytes()
            paired = nifti.parse(gzip_stream.unpacked(companion))
            head = self._exactly(paired.start(paired=True))
            return self._measured(paired, len(head)), Foreign("nifti-pair", head, companion, gzipped, ending_of(beside))
        head = self._read(len(npy.MAGIC))
        if head == npy.MAGIC:
            return self._read_npy(head, gzipped)
        head += self._read(nifti.NIFTI1.size - len(head))
        if not head:
            raise UnsupportedError(f"{self.name} is empty")
        known = nifti.recognise(head)
        if known is None:
            raise UnknownFormatError(f"{self.name} is neither NIfTI nor of another format that voxz knows{self._half()}")
        head += self._read(known[0].size - len(head))
        header = nifti.parse(head)
        if not header.single and self._half():
            raise UnsupportedError(f"{self.name} is the header of a pair{self._half()}")
        head += self._exactly(header.start(paired=False) - len(head))
        return self._measured(header, len(head)), Foreign("nifti", head, b"", gzipped)

    def _measured(self, header: nifti.NiftiHeader, start: int) -> Layout:
        return header.layout(self._samples_from(start) if header.measured else 0)

    def _half(self) -> str:
        """Words for a file whose name belongs to a pair, but which has to stand alone; else none."""
        kind = _kind(self._path)[1].lower()
        return {"hdr": ", but no .img goes with it", "img": ", and no .hdr goes with it"}.get(kind, "")

    def _read_npy(self, head: bytes, gzipped: bool) -> tuple[Layout, Foreign]:
        head += self._exactly(2)
        head += self._exactly(2 if head[-2] == 1 else 4)
        length = int.from_bytes(head[8:], "little")
        if length > npy.LONGEST:
            raise CorruptError(f"the .npy header of {self.name} would have {length} bytes; sound ones have at most {npy.LONGEST}")
        head += self._exactly(length)
        return npy.parse(head), Foreign("npy", head, b"", gzipped)

    def _exactly(self, length: int) -> bytes:
        data = self._read(length)
        if len(data) != length:
            raise TruncatedError(f"{self.name} ends inside its header; get the file again")
        return data


def files_of(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files that `Source` reads for `path`: one, or data and header of a .hdr/.img pair."""
    return [file for file in _pair(Path(path)) if file is not None]


def _pair(path: Path) -> tuple[Path, Path | None]:
    """Data file and, for a .hdr/.img pair given by either name, header file. What is half a pair stands alone."""
    stem, kind = _kind(path)
    if kind.lower() in ("hdr", "img"):
        data, header = (_beside(path.parent, stem, wanted) for wanted in ("img", "hdr"))
        if data is not None and header is not None and path in (data, header) and _is_header(header):
            return data, header
    return path, None


def ending_of(path: Path) -> str:
    """Ending of a name, with that of .gz: ``.hdr.gz``."""
    return path.name[len(_kind(path)[0]) :]


def _kind(path: Path) -> tuple[str, str]:
    """Stem of a name and its extension, that of .gz left out."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    stem, _, kind = name.rpartition(".")
    return stem, kind


def _beside(folder: Path, stem: str, kind: str) -> Path | None:
    forms = kind, kind.upper(), kind.capitalize()
    names = (f"{stem}.{form}{ending}" for form in forms for ending in ("", ".gz", ".GZ", ".Gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _is_header(path: Path) -> bool:
    """Whether a file is the header of a NIfTI pair."""
    try:
        with path.open("rb") as file:
            return not nifti.parse(gzip_stream.unpacked(file.read(gzip_stream.LARGEST_HEADER))).single
    except VoxzError:
        return False
