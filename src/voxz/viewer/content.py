"""A file as pages get it: as it is, but with arrays where a small archive is kept whole.

The decoder in the page restores the files of such an archive; what is a volume in them only the readers of foreign formats know,
which are here. NIfTI files, which pages read themselves, stay as they are.
"""

import io
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from voxz.container.reader import Reader
from voxz.errors import VoxzError
from voxz.io.names import is_packed
from voxz.pipeline.whole import with_arrays

SHOWN = (".nii", ".nii.gz")
"""Endings of files that pages read beside .voxz files."""


def shown_file(path: Path) -> BinaryIO:
    """The file open for reading, or its equal in memory."""
    status = path.stat()
    unpacked = _unpacked(path, status.st_mtime_ns, status.st_size) if is_packed(path) else None
    return path.open("rb") if unpacked is None else io.BytesIO(unpacked)


@lru_cache(maxsize=8)
def _unpacked(path: Path, changed: int, size: int) -> bytes | None:
    """The archive with arrays in place of one that has none; pages ask for it in several ranges."""
    del changed, size  # another file has another entry in the cache
    try:
        with Reader(path) as reader:
            if reader.arrays or reader.files.within is None or all(_is_nifti(file.name) for file in reader.files):
                return None
            return with_arrays(reader)
    except VoxzError:
        return None  # the page says what is wrong with it


def _is_nifti(name: str) -> bool:
    return name == "" or name.lower().endswith(SHOWN)
