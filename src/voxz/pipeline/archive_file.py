"""Archives as files: written under a temporary name, compared with the checksums of what went in, then given their names."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from voxz.container.reader import Decoder, Reader
from voxz.errors import CorruptError, UsageError
from voxz.io.output import output, refuse_overwrite
from voxz.io.tree.listing import Source
from voxz.io.tree.tree import Tree
from voxz.pipeline.archive import encode_tree
from voxz.pipeline.decode import checked_only, restore
from voxz.pipeline.encode import Written
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress, part_of
from voxz.pipeline.whole import smaller
from voxz.volume.layout import Layout

ENDING = ".voxz"


@dataclass(frozen=True)
class Wish:
    """How an archive is made: the plan of its bricks, threads, and what else `voxz.compress` was asked for."""

    plan: Plan
    threads: int
    verify: bool = True
    force: bool = False
    keep_attributes: bool = False
    raw: Layout | None = None


def write_archive(
    source: Source,
    destination: str | os.PathLike[str],
    wish: Wish,
    progress: Progress | None,
) -> None:
    """Compress a folder, or a list of files and folders, into one archive."""
    _refuse_inside(source, destination)
    with output(destination, wish.force) as file:
        tree = Tree.of(source, wish.threads, raw=wish.raw)
        _write(tree, file, wish, progress)


def write_series(
    source: Source,
    folder: str | os.PathLike[str],
    wish: Wish,
    progress: Progress | None,
) -> None:
    """Compress a folder into an archive for each DICOM series, and one more for what belongs to none, in `folder`.

    Archives are complete or absent, one after the other: those before a failure stay.
    """
    _refuse_inside(source, folder)
    whole = Tree.of(source, wish.threads, raw=wish.raw)
    trees = whole.by_series()
    places = [Path(folder) / name for name in _names(trees)]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for place in places:
        refuse_overwrite(place, wish.force)
    for number, (tree, place) in enumerate(zip(trees, places, strict=True)):
        with output(place, wish.force) as file:
            _write(tree, file, wish, part_of(progress, number, len(trees)))
    whole.refuse_changed()


def _refuse_inside(source: Source, destination: str | os.PathLike[str]) -> None:
    """Refuse to put an archive into a folder that it is made of: it would be one of its own files."""
    entries = source.values() if isinstance(source, Mapping) else source
    for entry in [entries] if isinstance(entries, str | os.PathLike) else entries:
        if Path(entry).is_dir() and Path(destination).resolve().is_relative_to(Path(entry).resolve()):
            raise UsageError(f"{destination} lies in {entry}, which it is made of; give a place outside of it with -o")


def _write(tree: Tree, file: BinaryIO, wish: Wish, progress: Progress | None) -> None:
    parts = 1 + wish.verify
    written = encode_tree(tree, file, wish.plan, wish.threads, part_of(progress, 0, parts), wish.keep_attributes)
    written = smaller(file, written, wish.plan)
    tree.refuse_changed()
    if wish.verify:
        verify_written(file, written, wish.threads, part_of(progress, 1, parts))


def _names(trees: Sequence[Tree]) -> list[str]:
    """``series-01-CT.voxz``: numbers and modalities tell of no person. The archive of the rest is ``other.voxz``."""
    count = sum(bool(tree.series) for tree in trees)
    names = []
    for number, tree in enumerate(trees, 1):
        modality = re.sub(r"[^A-Za-z0-9]", "", next((m for file in tree.files if (m := file.facts.get("modality"))), ""))
        name = f"series-{number:0{max(2, len(str(count)))}}{f'-{modality}' if modality else ''}"
        names.append((name if tree.series else "other") + ENDING)
    return names


def verify_written(
    file: BinaryIO, written: Written, threads: int, progress: Progress | None, decoder: Decoder | None = None
) -> None:
    """Decode the file that was just written, where there is no other `decoder`, and compare it with what was read."""
    os.fsync(file.fileno())
    with Reader(file.name, decoder) as reader:
        if tuple(array.header for array in reader.arrays) != written.headers or reader.files_sha256 != written.files_sha256:
            raise CorruptError("the file that was written is not the one that was meant; try again")
        restore(reader, checked_only, threads, progress)
