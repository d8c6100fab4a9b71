"""A file of an archive, and what is known of it."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from voxz.container.files import PLAIN
from voxz.errors import TruncatedError, VoxzError
from voxz.io.foreign_file import Space, Stretch
from voxz.io.gzip_members import Repacking
from voxz.io.gzip_stream import buffered_content
from voxz.io.tree.items import Item, proven
from voxz.io.tree.listing import stamp


@dataclass(slots=True)
class TreeFile:
    """A file of an archive.

    Attributes
    ----------
    name : path within the folder, with ``/``
    stamp : what changes when the file does
    size, crc32, sha256 : of its content
    repacking : how the content becomes a .gz file again; None if it was none, or is kept as it was
    held : its content, where that is in memory
    items : in file order
    space, facts, personal, series : what its reader says
    fault : why there are no items, where a reader knows its format
    """

    name: str
    path: Path
    stamp: tuple[int, ...]
    mode: int = 0
    mtime_ns: int = 0
    format: str = PLAIN
    size: int = 0
    crc32: int = 0
    sha256: bytes = b""
    repacking: Repacking | None = None
    held: bytes | None = None
    items: tuple[Item, ...] = ()
    space: Space | None = None
    facts: dict[str, str] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()
    series: str = ""
    detached: dict[str, tuple[Stretch, ...]] = field(default_factory=dict)
    fault: VoxzError | None = None

    @contextlib.contextmanager
    def content(self) -> Iterator[BinaryIO]:
        """Its content, unpacked. `TruncatedError` if it is not the file that was looked at."""
        if self.held is not None:
            yield io.BytesIO(self.held)
            return
        if self.stamp and stamp(self.path) != self.stamp:
            raise TruncatedError(f"{self.path} was changed while it was read; wait until it is complete and try again")
        with self.path.open("rb") as raw:
            yield raw if self.repacking is None else buffered_content(raw, self.path)

    def take(self, stretches: Sequence[Stretch]) -> None:
        """Keep those stretches as items whose samples give back its bytes."""
        with self.content() as content:
            self.items = proven(content, self.size, stretches)
