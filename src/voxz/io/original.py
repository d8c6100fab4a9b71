"""What is compressed: a file that is opened as often as needed, as an image or, where it is none, as plain bytes.

Standard input and pipes can be read only once: they are copied to a temporary file first. A file that changes between the first
look and the last one is refused.
"""

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from voxz.errors import TruncatedError, UnsupportedError, UsageError, VoxzError
from voxz.io.gzip_members import Repacking, repacking_of
from voxz.io.output import temporary_file
from voxz.io.source import Source, files_of
from voxz.volume.layout import Layout


class NotAnImageError(Exception):
    """A file is of no known format, or contradicts itself; `cause` is what was found."""

    def __init__(self, cause: VoxzError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Input:
    """Files that are read, and can be deleted when they are safe elsewhere; `name` is what messages call them.

    Raises
    ------
    OSError
        One of them is not there.
    """

    def __init__(self, files: Sequence[Path], name: str) -> None:
        self.files, self._name = files, name
        self._stamps = [_stamp(file) for file in files]

    def refuse_changed(self) -> None:
        """Raise `TruncatedError` if a file is not the one that was opened."""
        with contextlib.suppress(FileNotFoundError):
            if [_stamp(file) for file in self.files] == self._stamps:
                return
        raise TruncatedError(f"{self._name} was changed while it was read; wait until it is complete and try again")

    def remove(self) -> None:
        """Delete the files, unless one has changed."""
        self.refuse_changed()
        for file in self.files:
            file.unlink()


class Original:
    """A file that is to be compressed; ``-`` is standard input. Its samples may be `raw`, of this layout.

    Attributes
    ----------
    name : what messages call it
    status : mode, owner and times of the file; None for standard input and pipes
    keeps_gzip : it is gzip that cannot be made again, and must not be undone

    Raises
    ------
    OSError
        It cannot be read.
    """

    def __init__(self, source: str | os.PathLike[str], keep_gz: bool = False, raw: Layout | None = None) -> None:
        self._stack, self._raw = ExitStack(), raw
        self.name = "standard input" if os.fspath(source) == "-" else os.fspath(source)
        self._path = self._stack.enter_context(_regular_file(source))
        self._spooled = self._path != Path(source)
        self._input = Input([self._path] if raw else files_of(self._path), self.name)
        self._repacking = repacking_of(self.files[0]) if keep_gz else None
        self.keeps_gzip = self._repacking is not None and not self._repacking.gzip.exact
        self.status = None if self._spooled else self.files[0].stat()

    def __enter__(self) -> "Original":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def image(self) -> "Image":
        """Its samples; faults of the file are `NotAnImageError`, also while it is read, but for raw samples of another size."""
        if self.keeps_gzip:
            raise NotAnImageError(UnsupportedError("zlib does not make its gzip stream again"))
        return Image(self._path, self.name, self._raw, self._repacking)

    @property
    def files(self) -> Sequence[Path]:
        """The file itself, and the header file of a pair."""
        return self._input.files

    def refuse_changed(self) -> None:
        """Raise `TruncatedError` if the file is not the one that was opened."""
        self._input.refuse_changed()

    def remove(self) -> None:
        """Delete the file, both of a pair, unless it has changed; what came through a pipe stays where it is."""
        if not self._spooled:
            self._input.remove()


class Image(Source):
    """A `Source` that tells its own faults from those of whoever uses it."""

    def __init__(self, path: Path, name: str, raw: Layout | None = None, repacking: Repacking | None = None) -> None:
        with _faults():
            super().__init__(path, name, raw, repacking)

    def read_samples(self, length: int) -> bytes:
        """Return the next `length` bytes of the samples."""
        with _faults():
            return super().read_samples(length)

    def read_tail(self) -> bytes:
        """Return what follows the samples."""
        with _faults():
            return super().read_tail()


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except UsageError:
        raise
    except VoxzError as error:
        raise NotAnImageError(error) from None


@contextlib.contextmanager
def _regular_file(source: str | os.PathLike[str]) -> Iterator[Path]:
    """`source` itself; of standard input or a pipe, a temporary copy."""
    if os.fspath(source) != "-":
        mode = Path(source).stat().st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            yield Path(source)
            return
    elif sys.stdin is None:
        raise UsageError("standard input is closed; give a file")
    with temporary_file() as copy:
        if os.fspath(source) == "-":
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with Path(source).open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        copy.flush()
        yield Path(copy.name)


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes when a file is written to or replaced."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
