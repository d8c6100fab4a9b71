"""A study on the threads of this machine: what is new, changed or failed is done, and the manifest says so at once.

Large files come first, a few at a time, on several threads each: while one is read or written, which one thread does, the others
keep the rest busy. Then small ones on one thread each, more at a time than there are threads, as some always wait for the disk.
Kernels are loaded once.
"""

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from voxz.container.reader import Reader
from voxz.errors import UsageError, VoxzError, VoxzWarning
from voxz.io.names import PACKED, restored_name
from voxz.io.output import remove_stale
from voxz.pipeline.samples import Progress
from voxz.studies.manifest import DONE, FAILED, STARTED, Manifest, Record
from voxz.studies.plan import Unit
from voxz.studies.split import split_of
from voxz.studies.work import Wish, compress_unit, holds, record_of, restore_unit, verify_unit

LARGE = 1 << 24
"""Bytes of the large files."""

ABREAST = 3
"""Large files at a time, on few threads; on many, one for each `SHARE` of them."""

SHARE = 4

SYNCED_EVERY = 0.1
"""Seconds: lines of the manifest are brought to the disk together. A unit whose line is lost is found by its files."""

WAITING = 6
"""Small files beyond the number of threads that are begun, as so many wait until what they wrote is on the disk; of those that
have more than `LARGE` bytes together, one, so that memory stays bounded."""

Work = Callable[[int, Progress | None], Record]
"""One unit's work, on so many threads."""


@dataclass(frozen=True)
class Task:
    """A unit's work; `parts` may be done before it by others, and save time."""

    record: Record
    work: Work
    parts: tuple[Callable[[], None], ...] = ()


class Watch(Protocol):
    """Sees a study go on."""

    def start(self, files: int, size: int) -> None:
        """So many files, of so many bytes, are to be done."""

    def part(self, record: Record, done: int, total: int) -> None:
        """Of this unit, such a part is done."""

    def end(self, record: Record) -> None:
        """A unit is done, or failed."""


@dataclass
class Outcome:
    """What became of a study: units by what became of them, and the bytes of those that are done."""

    done: int = 0
    before: int = 0
    failed: list[Record] = field(default_factory=list)
    read: int = 0
    written: int = 0
    seconds: float = 0.0

    def count(self, record: Record) -> None:
        """Add a unit that was done now."""
        if record.outcome == FAILED:
            self.failed.append(record)
        else:
            self.done += record.files
            self.read += record.size
            self.written += record.written


Begin = Callable[[Record], None]
"""Told before a unit is begun."""

Place = Callable[[Record], Path]
"""Where what a unit becomes is written."""


class Executor(Protocol):
    """Does the work of units, in any order; results come as they are ready."""

    def __call__(self, tasks: Sequence[Task], begin: Begin, watch: Watch) -> Iterator[Record]:
        """Results of all tasks."""


def on_threads(threads: int) -> Executor:
    """Executor on threads of this process."""

    def results(tasks: Sequence[Task], begin: Begin, watch: Watch) -> Iterator[Record]:
        stop = threading.Event()

        def run(task: Task, threads: int) -> Record:
            def seen(done: int, total: int) -> None:
                if stop.is_set():
                    raise KeyboardInterrupt
                watch.part(task.record, done, total)

            return task.work(threads, seen)

        large = [task for task in tasks if task.record.size >= LARGE]
        small = [task for task in tasks if task.record.size < LARGE]
        try:
            abreast = max(1, min(len(large), max(ABREAST, threads // SHARE))) if threads > 1 else 1
            each = min(threads, -(-2 * threads // abreast))
            yield from _together(large, abreast, 0, begin, partial(run, threads=each))
            more = (1, WAITING - 1) if threads > 1 else (0, 0)
            yield from _together(small, threads + more[0], more[1], begin, partial(run, threads=1))
        finally:
            stop.set()

    return results


def _together(tasks: Iterable[Task], workers: int, more: int, begin: Begin, run: Callable[[Task], Record]) -> Iterator[Record]:
    """So many tasks at a time, and `more` while all of them have no more than `LARGE` bytes; none is taken before its turn."""
    pool = ThreadPoolExecutor(workers + more, "voxz-study")
    pending: dict[Future[Record], int] = {}

    def full(size: int) -> bool:
        return len(pending) >= workers + more or (len(pending) >= workers and sum(pending.values()) + size > LARGE)

    try:
        for task in tasks:
            while full(task.record.size):
                yield from _ready(pending)
            begin(task.record)
            pending[pool.submit(run, task)] = task.record.size
        while pending:
            yield from _ready(pending)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _ready(pending: dict[Future[Record], int]) -> Iterator[Record]:
    """Results of what is done next, which is then no longer pending."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        del pending[future]
        yield future.result()


def compress_study(
    units: Sequence[Unit],
    tree: Path,
    out: Path,
    wish: Wish,
    executor: Executor,
    watch: Watch,
    *,
    again: bool = False,
    split: bool = False,
) -> Outcome:
    """Compress what the manifest in `out` does not say to be done and unchanged; `again`: all of it.

    With `split`, large images are cut into parts, for an executor whose workers have one thread each.

    What an earlier run began and did not finish is replaced; anything else that is in the way is a failure of its unit.
    """
    out.mkdir(parents=True, exist_ok=True)
    manifest, outcome, tasks = Manifest(out), Outcome(), []
    with manifest.alone():
        for unit, force in pending(units, tree, out, wish, manifest, outcome, again=again):
            cut = split_of(unit, tree, out, wish) if split else None
            work = partial(compress_unit, unit, tree, out, replace(wish, force=force), parts=cut.parts if cut else None)
            tasks.append(Task(replace(record_of(unit), outcome=STARTED), work, cut.work if cut else ()))
        return _followed(tasks, manifest, outcome, executor, watch, lambda record: out / record.destination)


def pending(
    units: Iterable[Unit], tree: Path, out: Path, wish: Wish, manifest: Manifest, outcome: Outcome, *, again: bool = False
) -> Iterator[tuple[Unit, bool]]:
    """Units that are to be done, and whether what is in their place may be replaced; others are counted in `outcome`."""
    for unit in units:
        known = manifest.get(unit.destination)
        if known is not None and not again and _is_done(known, unit, out):
            outcome.before += len(unit.sources)
            continue
        ours = known is not None and known.ours
        taken = unit.kind != "folder" and os.path.lexists(out / unit.destination)
        if taken and not ours and not wish.force and not holds(unit, tree, out):
            words = f"{out / unit.destination} is there already; use -f (force=True) to replace it"
            failed = replace(record_of(unit), outcome=FAILED, error=words)
            manifest.append(replace(failed, ours=False))
            outcome.count(failed)
            continue
        yield unit, wish.force or ours


def restore_study(out: Path, tree: Path, force: bool, executor: Executor, watch: Watch) -> Outcome:
    """Bring back all files of a study; links last, so that nothing is written through them."""
    outcome, tasks = Outcome(), []
    for record in sorted(_records(out), key=lambda record: (record.kind == "link", -record.size)):
        tasks.append(Task(record, partial(restore_unit, record, out, tree, force)))
    return _followed(tasks, None, outcome, executor, watch, lambda record: tree / (record.restored or record.source))


def verify_study(out: Path, executor: Executor, watch: Watch) -> Outcome:
    """Compare all that a study wrote with every checksum."""
    tasks = [Task(record, partial(verify_unit, record, out)) for record in sorted(_records(out), key=lambda record: -record.size)]
    return _followed(tasks, None, Outcome(), executor, watch, lambda record: out / record.destination)


def _followed(
    tasks: Sequence[Task], manifest: Manifest | None, outcome: Outcome, executor: Executor, watch: Watch, place: Place
) -> Outcome:
    """Do tasks, and write down what became of each as soon as it is known; stopped, leave no unfinished file in its `place`."""
    at_work: dict[str, Record] = {}

    def begin(record: Record) -> None:
        at_work[record.destination] = record
        if manifest is not None:
            manifest.append(record, synced=False)

    began = synced = time.perf_counter()
    watch.start(sum(task.record.files for task in tasks), sum(task.record.size for task in tasks))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VoxzWarning)
        try:
            for record in executor(tasks, begin, watch):
                at_work.pop(record.destination, None)
                if manifest is not None:
                    late = time.perf_counter() - synced > SYNCED_EVERY
                    manifest.append(record, synced=late)
                    synced = time.perf_counter() if late else synced
                outcome.count(record)
                watch.end(record)
        except KeyboardInterrupt:
            for path in map(place, at_work.values()):
                with contextlib.suppress(OSError):
                    remove_stale(path.parent, [path.name], alive=True)
            raise
    if manifest is not None and tasks:
        manifest.sync()
    outcome.seconds = time.perf_counter() - began
    return outcome


def _is_done(known: Record, unit: Unit, out: Path) -> bool:
    place = out / unit.destination
    if known.outcome != DONE or known.stamp != unit.stamp or known.kind != unit.kind:
        return False
    if unit.kind == "link":
        return place.is_symlink()
    return place.is_dir() if unit.kind == "folder" else place.is_file() and place.stat().st_size == known.written


def _records(out: Path) -> list[Record]:
    """What lies in the folder of a study, by its manifest; without one, by its files."""
    manifest = Manifest(out)
    if len(manifest):
        return [record for record in manifest if record.ours and _exists(out, record)]
    found = []
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_symlink():
            found.append(Record(name, "link", name, ours=True))
        elif path.is_file():
            found.append(_record_of(path, name, out))
        elif path.is_dir() and not any(path.iterdir()):
            found.append(Record(name, "folder", name))
    if not any(record.kind in ("image", "archive") for record in found):
        raise UsageError(f"{out} has no manifest of a study and no {PACKED} files in it; give the folder that compress -r wrote")
    return found


def _exists(out: Path, record: Record) -> bool:
    """Whether a unit that was begun was also finished, though nobody wrote it down; or an earlier one, if this one failed."""
    return record.outcome == DONE or (out / record.destination).is_file()


def _record_of(path: Path, name: str, out: Path) -> Record:
    size = path.stat().st_size
    if path.suffix.lower() != PACKED:
        return Record(name, "file", name, size=size)
    try:
        with Reader(path) as reader:
            if reader.files.named:
                return Record(name, "archive", name, len(reader.files), size)
        return Record(name, "image", restored_name(path).relative_to(out).as_posix(), size=size)
    except VoxzError:
        return Record(name, "file", name, size=size)
