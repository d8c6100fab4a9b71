"""Verbatim bytes of all files as one stream of pieces, in chunks that are packed and read independently.

A chunk holds whole pieces and unpacks to ``varint length of the steps | steps | new bytes``. The reference of a piece
(`delta`) is the one as many places before it in the chunk as its file has pieces: in a series, the same part of the file before.
A piece without a reference, or longer than `delta.LONGEST_PIECE`, or whose reference is, is all new and has no steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voxz.container import delta, packed_bytes
from voxz.container.cursor import Cursor
from voxz.entropy.varint import varint
from voxz.errors import CorruptError

CHUNK = 1 << 23
"""A chunk ends with the piece that makes its pieces so long together."""

LONGEST = 1 << 23
"""Longer runs of verbatim bytes are cut into pieces of this length."""


def cut(data: bytes) -> list[bytes]:
    """Pieces of at most `LONGEST` bytes."""
    return [data[at : at + LONGEST] for at in range(0, len(data), LONGEST)]


@dataclass(frozen=True)
class Chunk:
    """Where a chunk lies in the file, its CRC32, how many pieces it holds, and how many bytes it unpacks to."""

    pieces: int
    raw_length: int
    length: int
    crc32: int
    offset: int = 0


Write = Callable[[int, int, bytes], None]
"""Takes a finished chunk: its number of pieces, the bytes it unpacks to, its payload."""

Tell = Callable[[bytes, bytes], tuple[bytes, bytes]]
"""Steps and new bytes for a reference and a piece, as `delta.told_by`."""


class PieceWriter:
    """Collects pieces, `told` by their references, and hands on finished chunks, `packed`; about `CHUNK` bytes are in memory."""

    def __init__(self, write: Write, packed: Callable[[bytes], bytes] = packed_bytes.pack, told: Tell = delta.told_by) -> None:
        self._write, self._packed, self._told = write, packed, told
        self._start()

    def _start(self) -> None:
        self._recent: list[bytes | None] = []
        self._steps: list[bytes] = []
        self._new: list[bytes] = []
        self._length = 0

    def add_file(self, pieces: Sequence[bytes]) -> None:
        """Append the pieces of a file."""
        for piece in pieces:
            self.add(piece, len(pieces))

    def add(self, piece: bytes, of: int) -> None:
        """Append one piece of a file that has `of`."""
        reference = self._recent[-of] if of <= len(self._recent) else None
        short = len(piece) <= delta.LONGEST_PIECE
        steps, new = self._told(reference, piece) if short and reference is not None else (b"", piece)
        self._steps.append(steps)
        self._new.append(new)
        self._recent.append(piece if short else None)
        self._length += len(piece)
        if self._length >= CHUNK:
            self.finish()

    def finish(self) -> None:
        """Hand on what is left."""
        if not self._recent:
            return
        steps = b"".join(self._steps)
        raw = b"".join([varint(len(steps)), steps, *self._new])
        pieces = len(self._recent)
        self._start()
        self._write(pieces, len(raw), self._packed(raw))


def unpack_chunk(payload: bytes, raw_length: int, lengths: Sequence[int], counts: Sequence[int]) -> list[bytes]:
    """Pieces of a chunk: `lengths` are theirs, `counts` the number of pieces of the file of each."""
    return told_pieces(packed_bytes.unpack(payload, raw_length, 2 * (CHUNK + LONGEST)), lengths, counts)


def told_pieces(told: bytes, lengths: Sequence[int], counts: Sequence[int]) -> list[bytes]:
    """The same, of an unpacked chunk."""
    if sum(lengths) > CHUNK + LONGEST:
        raise CorruptError(f"the pieces of a chunk have {sum(lengths)} bytes, expected at most {CHUNK + LONGEST}")
    raw = Cursor(told)
    steps = Cursor(raw.take(raw.number()))
    pieces: list[bytes] = []
    for length, of in zip(lengths, counts, strict=True):
        reference = pieces[-of] if of <= len(pieces) else None
        short = reference is not None and max(length, len(reference)) <= delta.LONGEST_PIECE
        pieces.append(delta.retold(reference, length, steps, raw) if reference is not None and short else raw.take(length))
    steps.finish()
    raw.finish()
    return pieces
