"""The verbatim bytes around an array that a single file holds: the header of a volume, and what follows its samples."""

from voxz.container.files import Samples, StoredFile, Verbatim
from voxz.container.reader import Reader, StoredArray
from voxz.errors import LimitError
from voxz.limits import BASE


class Part:
    """Verbatim bytes of a file, read when they are asked for."""

    def __init__(self, reader: Reader, pieces: list[int]) -> None:
        self._reader, self._pieces = reader, pieces

    def __len__(self) -> int:
        return int(self._reader.files.piece_lengths[self._pieces].sum())

    def read(self, most: int = BASE) -> bytes:
        """The bytes; `LimitError` if they are more than `most`."""
        if len(self) > most:
            raise LimitError(
                f"a part of the foreign file takes {len(self)} bytes, the limit is {most}; raise max_bytes to read it"
            )
        return b"".join(map(self._reader.piece, self._pieces))


class Surroundings:
    """What is around an array; nothing, unless a single file holds it.

    Attributes
    ----------
    file : the file that holds the array; None if none does, or several do
    head, tail : its verbatim bytes before the first and behind the last of its samples
    companion : the header beside it, of a pair without names
    """

    def __init__(self, array: StoredArray) -> None:
        reader = array.reader
        self.file: StoredFile | None = None
        self.head = self.tail = self.companion = Part(reader, [])
        numbers = reader.files.files_of(array.number)
        if len(numbers) != 1:
            return
        self.file, pieces = reader.files[numbers[0]], iter(reader.files.pieces_of(numbers[0]))
        if self.file.gzip and self.file.gzip.before:
            next(pieces)
        parts: list[int | None] = []
        for segment in self.file.segments:
            if isinstance(segment, Samples) and segment.how:
                next(pieces)
            parts.append(next(pieces) if isinstance(segment, Verbatim) else None)
        first, last = parts.index(None), len(parts) - parts[::-1].index(None)
        self.head, self.tail = (Part(reader, [n for n in side if n is not None]) for side in (parts[:first], parts[last:]))
        if not reader.files.named and len(reader.files) == 2:
            self.companion = Part(reader, list(reader.files.pieces_of(1 - numbers[0])))

    @property
    def format(self) -> str:
        """Name of the format, "array" without a file."""
        return self.file.format if self.file else "array"
