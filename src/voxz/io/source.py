"""Reading a foreign file from front to back: head, samples, tail."""

import gzip
import io
import os
import sys
import zlib
from pathlib import Path
from typing import IO, cast

from voxz.container.files import Gzip
from voxz.errors import CorruptError, TruncatedError, UnsupportedError, UsageError
from voxz.io import gzip_stream, nifti, npy
from voxz.volume.layout import Foreign, Layout

_TAIL_PART = 1 << 20
_LARGEST_TAIL = 1 << 28


class Source:
    """A NIfTI or .npy file, possibly gzip-compressed, open for reading; ``-`` is standard input.

    Attributes
    ----------
    layout, foreign :
        What the samples are, and the bytes around them.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        self._taken = 0
        self._check: gzip_stream.IdentityCheck | None = None
        data, header = _pair(Path(path)) if self.name != "-" else (None, None)
        self._raw = data.open("rb") if data else cast(io.BufferedReader, sys.stdin.buffer)
        self._file: IO[bytes] | gzip.GzipFile = self._raw
        try:
            gzipped = self._raw.peek(2)[:2] == gzip_stream.MAGIC
            if gzipped:
                self._file = gzip.GzipFile(fileobj=self._raw, mode="rb")
                self._check = gzip_stream.IdentityCheck(data) if data else None
            self.layout, self.foreign = self._read_head(header.read_bytes() if header else b"", gzipped)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._check is not None:
            self._check.close()
        if self.name != "-":
            self._raw.close()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes of the samples; `TruncatedError` if there are fewer."""
        data = self._read(length)
        self._taken += len(data)
        if len(data) != length:
            raise TruncatedError(
                f"{self.name} ends early: got {self._taken} bytes of samples, its header announces {self.layout.nbytes} "
                f"({'x'.join(map(str, self.layout.shape))} {self.layout.dtype}); get the file again"
            )
        return data

    def read_tail(self) -> bytes:
        """Return what follows the samples."""
        parts = []
        while part := self._read(_TAIL_PART):
            parts.append(part)
            if len(parts) * _TAIL_PART > _LARGEST_TAIL:
                raise CorruptError(f"{self.name} goes on for more than {_LARGEST_TAIL} bytes after its samples")
        return b"".join(parts)

    def gzip(self) -> tuple[Gzip, int] | None:
        """After the tail: settings of canonical gzip that restore the very .gz file, and its CRC32; or None."""
        return self._check.result() if self._check else None

    def _read(self, length: int) -> bytes:
        parts = []
        try:
            while length and (part := self._file.read(min(length, 1 << 22))):
                parts.append(part)
                length -= len(part)
                if self._check is not None:
                    self._check.feed(part)
        except EOFError:
            raise TruncatedError(f"{self.name} is a gzip file that ends early; get the file again") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise CorruptError(f"{self.name} is a damaged gzip file ({error}); get the file again") from None
        return b"".join(parts)

    def _read_head(self, companion: bytes, gzipped: bool) -> tuple[Layout, Foreign]:
        if companion:
            paired = nifti.parse(gzip_stream.unpacked(companion))
            return paired.layout, Foreign("nifti-pair", self._exactly(paired.offset), companion, gzipped)
        head = self._read(len(npy.MAGIC))
        if head == npy.MAGIC:
            return self._read_npy(head, gzipped)
        head += self._read(nifti.NIFTI1.size - len(head))
        if not head:
            raise UnsupportedError(f"{self.name} is empty; expected a NIfTI or .npy file")
        known = nifti.recognise(head)
        if known is None:
            raise UnsupportedError(f"{self.name} is neither NIfTI nor .npy (nor either of them in gzip)")
        head += self._read(known[0].size - len(head))
        header = nifti.parse(head)
        if not header.single:
            raise UsageError(f"{self.name} is the header of a pair; give the path of a file with its .img or .hdr beside it")
        return header.layout, Foreign("nifti", head + self._exactly(header.offset - len(head)), b"", gzipped)

    def _read_npy(self, head: bytes, gzipped: bool) -> tuple[Layout, Foreign]:
        head += self._exactly(2)
        head += self._exactly(2 if head[-2] == 1 else 4)
        length = int.from_bytes(head[8:], "little")
        if length > npy.LONGEST:
            raise CorruptError(f"{self.name} announces a .npy header of {length} bytes, expected at most {npy.LONGEST}")
        head += self._exactly(length)
        return npy.parse(head), Foreign("npy", head, b"", gzipped)

    def _exactly(self, length: int) -> bytes:
        data = self._read(length)
        if len(data) != length:
            raise TruncatedError(f"{self.name} ends inside its header; get the file again")
        return data


def files_of(path: str | os.PathLike[str]) -> list[Path]:
    """Return the files that `Source` reads for `path`: one, or both of a .hdr/.img pair."""
    return [file for file in _pair(Path(path)) if file is not None]


def _pair(path: Path) -> tuple[Path, Path | None]:
    """Data file and, for a .hdr/.img pair given by either name, header file."""
    for ending in (".gz", ""):
        name = path.name.removesuffix(ending) if path.name.lower().endswith(ending) else ""
        stem, dot, kind = name.rpartition(".")
        if dot and kind.lower() in ("hdr", "img"):
            data, header = (_beside(path.parent, stem, wanted) for wanted in ("img", "hdr"))
            if data is None or header is None:
                missing = "img" if data is None else "hdr"
                raise UsageError(f"{path} belongs to a pair, but {stem}.{missing} is not beside it")
            return data, header
    return path, None


def _beside(folder: Path, stem: str, kind: str) -> Path | None:
    names = (f"{stem}.{form}{ending}" for form in (kind, kind.upper()) for ending in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)
