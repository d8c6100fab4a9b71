"""Names of compressed files, and of what they restore."""

import re
from pathlib import Path

from voxz.container.files import PLAIN
from voxz.container.reader import Reader
from voxz.errors import UsageError
from voxz.io.gzip_stream import ENDINGS, MAGIC
from voxz.io.source import files_of

PACKED = ".voxz"

_GZIPPED = (".nii.gz", ".img.gz", ".hdr.gz", ".npy.gz")
"""Names whose .gz is said by the header of the compressed file, and comes back."""


def is_packed(path: Path) -> bool:
    """Whether a file is named as a compressed one."""
    return path.suffix.lower() == PACKED


def compressed_name(path: Path) -> Path:
    """scan.nii.gz -> scan.nii.voxz; scan.hdr of a pair -> scan.img.voxz; anything else keeps its whole name."""
    data = files_of(path)[0]
    name = data.name[:-3] if data.name.endswith(_GZIPPED) else data.name
    return path.with_name(name + PACKED)


def restored_name(path: Path) -> Path:
    """scan.nii.voxz -> scan.nii.gz if that is what it was, else scan.nii."""
    if not is_packed(path):
        raise UsageError(f"cannot make an output name from {path}, which does not end in {PACKED}; use -o")
    name = path.name[: -len(PACKED)]
    gzipped = Path(name).suffix.lower() not in ENDINGS and _was_gzipped(path)
    return path.with_name(name + (".gz" if gzipped else ""))


def selected_name(path: Path) -> Path:
    """Like `restored_name`, but a part of a pair is a single file."""
    whole = restored_name(path)
    return whole.with_name(re.sub(r"\.img(?=(\.gz)?$)", ".nii", whole.name, flags=re.IGNORECASE))


def _was_gzipped(path: Path) -> bool:
    with Reader(path) as reader:
        if not len(reader.files) or reader.files.named:
            return False
        first = reader.files[0]
        return first.gzip is not None or (first.format == PLAIN and next(reader.pieces(0), b"")[:2] == MAGIC)
