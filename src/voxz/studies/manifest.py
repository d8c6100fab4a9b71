"""What became of each unit of a study: one line of JSON each, appended and synced, in the folder of the output.

The last line about a destination counts. A line that a dying process left unfinished is no line. Nothing in the file is trusted:
names that lead out of the folder are refused.
"""

import contextlib
import dataclasses
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from voxz.errors import CorruptError, UsageError
from voxz.locks import locked

MANIFEST = ".voxz-manifest.jsonl"

STARTED, DONE, FAILED = "started", "done", "failed"


@dataclass(frozen=True)
class Record:
    """A line of the manifest.

    Attributes
    ----------
    destination : path relative to the output, with ``/``
    kind : see `voxz.studies.plan.Unit`
    source : path of its first file relative to the tree; ``files`` says how many there are
    size, stamp : bytes of its files, and what changes when they do
    mtime_ns : when the last of them was changed, in ns since 1970
    outcome : "started", "done" or "failed"
    sha256 : of a single file; of an archive, that over all its files (docs/format.md)
    written : bytes of the destination
    codec : of its bricks; empty if there are none
    seconds : what it took
    link : where a link leads
    ours : what lies at the destination, if anything does, was put there by this study, and may be replaced by it
    error : why it failed
    restored : path of what comes back, if that is not `source`
    """

    destination: str
    kind: str
    source: str
    files: int = 1
    size: int = 0
    stamp: str = ""
    mtime_ns: int = 0
    outcome: str = DONE
    sha256: str = ""
    written: int = 0
    codec: str = ""
    seconds: float = 0.0
    link: str = ""
    ours: bool = False
    error: str = ""
    restored: str = ""

    def line(self) -> str:
        """It as JSON, without what is as ever; for whoever reads the manifest, with the `ratio` of sizes, too."""
        told = {name: value for name, value in dataclasses.asdict(self).items() if value != _DEFAULTS.get(name)}
        return json.dumps(told | ({"ratio": round(self.size / self.written, 4)} if self.written else {}))


class Manifest:
    """The manifest in a folder; safe to append to from several threads of one process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        self._lock = threading.Lock()
        self._records = {record.destination: record for record in self._read()}

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def get(self, destination: str) -> Record | None:
        """The last word about a destination."""
        return self._records.get(destination)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other process write it meanwhile; `UsageError` if one does."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            if locked(file.fileno()) is False:  # None: files cannot be locked here; then nobody can be asked
                raise UsageError(f"another voxz is at work on {self.path.parent}; wait until it has ended")
            yield

    def append(self, record: Record, *, synced: bool = True) -> None:
        """Add a line; if `synced`, it is on the disk when this returns."""
        with self._lock:
            self._records[record.destination] = record
            with self.path.open("ab") as file:
                ended = file.tell() == 0 or self._ends_a_line()
                file.write((b"" if ended else b"\n") + record.line().encode() + b"\n")
                file.flush()
                if synced:
                    os.fsync(file.fileno())

    def sync(self) -> None:
        """Bring what was added to the disk."""
        with self.path.open("ab") as file:
            os.fsync(file.fileno())

    def _ends_a_line(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def _read(self) -> Iterator[Record]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                record = record_of_line(line)
                if record is not None:
                    yield record


_DEFAULTS: dict[str, Any] = {
    field.name: field.default for field in dataclasses.fields(Record) if field.default is not dataclasses.MISSING
}
_TYPES: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(Record)}


def record_of_line(line: bytes) -> Record | None:
    """The record of a line; None if the line is not one, as when a process died while it wrote."""
    try:
        told = json.loads(line)
        known = {name: value for name, value in told.items() if name in _TYPES}
        record = Record(**known)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    if any(not isinstance(value, float | int if _TYPES[name] is float else _TYPES[name]) for name, value in known.items()):
        return None
    for path in (record.destination, record.source, record.restored or record.source):
        if not is_inside(path):
            raise CorruptError(f"the manifest names {path!r}, which leads out of the folder; it is damaged or made to do harm")
    return record


def is_inside(path: str) -> bool:
    """Whether a path with ``/`` stays within the folder that it is relative to."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not {"..", "\0"}.intersection(parts) and "\0" not in path
