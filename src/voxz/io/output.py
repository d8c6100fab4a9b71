"""Files that are either complete or absent: written under another name, flushed to disk, then renamed."""

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from voxz.errors import UsageError
from voxz.io import gzip_stream


@contextlib.contextmanager
def complete_file(path: str | os.PathLike[str], force: bool) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its name when the block ends well and vanishes when it does not."""
    path = Path(path)
    refuse_overwrite(path, force)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the output's folder is not there; make it first", str(path.parent))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def refuse_overwrite(path: Path, force: bool) -> None:
    """Raise `UsageError` if `path` is a folder, or is there and must not be replaced."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; expected the name of a file")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; use -f (force=True) to replace it")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system allows it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """Open a file that vanishes when the block ends, and that may be opened again by its name, on Windows, too."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "file").open("w+b") as file:
        yield file


@contextlib.contextmanager
def packer(destination: str | os.PathLike[str], file: BinaryIO, level: int) -> Iterator[BinaryIO]:
    """Canonical gzip in front of `file` if the destination's name asks for it."""
    if Path(destination).suffix.lower() != ".gz":
        yield file
        return
    with gzip_stream.writer(file, level) as packed:
        yield cast(BinaryIO, packed)


def header_path(data: Path, companion: bytes) -> Path:
    """Return the name of the header beside the data file of a pair."""
    name = data.name[:-3] if data.name.lower().endswith(".gz") else data.name
    stem = name[: -len(".img")]
    return data.with_name(stem + (".hdr.gz" if companion[:2] == gzip_stream.MAGIC else ".hdr"))
