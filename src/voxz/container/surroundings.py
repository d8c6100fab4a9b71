"""The verbatim bytes around an array that a single file holds: the header of a volume, and what follows its samples."""

from dataclasses import dataclass

from voxz.container.files import Samples, StoredFile, Verbatim
from voxz.container.reader import StoredArray


@dataclass(frozen=True)
class Surroundings:
    """What is around an array.

    Attributes
    ----------
    file : the file that holds the array; None if none does, or several do
    head, tail : its verbatim bytes before the first and behind the last of its samples
    companion : the header beside it, of a pair without names
    """

    file: StoredFile | None = None
    head: bytes = b""
    tail: bytes = b""
    companion: bytes = b""

    @property
    def format(self) -> str:
        """Name of the format, "array" without a file."""
        return self.file.format if self.file else "array"


def surroundings(array: StoredArray) -> Surroundings:
    """What is around an array; nothing, unless a single file holds it."""
    reader = array.reader
    numbers = reader.files.files_of(array.number)
    if len(numbers) != 1:
        return Surroundings()
    file, pieces = reader.files[numbers[0]], reader.pieces(numbers[0])
    if file.gzip and file.gzip.before:
        next(pieces)
    parts: list[bytes | None] = []
    for segment in file.segments:
        if isinstance(segment, Samples) and segment.how:
            next(pieces)
        parts.append(next(pieces) if isinstance(segment, Verbatim) else None)
    first, last = parts.index(None), len(parts) - parts[::-1].index(None)
    head, tail = (b"".join(part for part in side if part is not None) for side in (parts[:first], parts[last:]))
    paired = not reader.files.named and len(reader.files) == 2
    return Surroundings(file, head, tail, next(reader.pieces(1 - numbers[0])) if paired else b"")
