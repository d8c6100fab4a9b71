"""The files of an archive, in the order in which they are stored, and the arrays that they make."""

import contextlib
import itertools
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from voxz.container.files import FOLDER
from voxz.errors import CorruptError, PersonalDataWarning, TruncatedError, UnsupportedError, UsageError
from voxz.io.foreign_file import WHOLE, Stretch
from voxz.io.raw import FORMAT as RAW
from voxz.io.raw import said
from voxz.io.tree.arrays import arranged
from voxz.io.tree.listing import Source, listed, stamp
from voxz.io.tree.scan import parsed_held, scanned, take_known
from voxz.io.tree.tree_file import TreeFile
from voxz.threads import map_ordered
from voxz.volume.layout import Layout


class Tree:
    """Files, in the order in which they are stored, and their arrays.

    Attributes
    ----------
    files : those that share an array follow each other in its order; the ones without samples come last
    arrays : in the order of the files
    named : whether the names of the files are kept
    series : the series that all of them belong to; empty if there is none, or they were not parted by it
    """

    def __init__(self, found: list[TreeFile], named: bool = True, source: Source | None = None, series: str = "") -> None:
        self.files, self.arrays = arranged(found)
        self.named, self.series, self._source = named, series, source

    @classmethod
    def of(cls, source: Source, threads: int, named: bool = True, raw: Layout | None = None) -> "Tree":
        """Look through a folder, or a list of files and folders; if not `named`, at one file whose name is not kept.

        Files of the size of `raw` that nothing else is known about hold such samples; `UsageError` if there are none.
        """
        files = listed(source) if named else {"": Path(cast(str, source))}
        if not files:
            raise UsageError("there are no files to archive; give a folder that has some")
        known: dict[object, Any] = {}

        def looked_at(pair: tuple[str, Path]) -> TreeFile:
            return scanned(*pair, known, whole=named, any_content=named or raw is not None)

        found = list(map_ordered(looked_at, list(files.items()), threads))
        _join_detached({file.name: file for file in found})
        if raw is not None:
            _take_raw(found, raw)
        tree = cls(found, named, source)
        _warn_of_personal_data(tree.files)
        return tree

    @classmethod
    def held(cls, files: Sequence[TreeFile], named: bool, most: int) -> "Tree":
        """Look through files that are in memory, and find the same as in a folder, in at most so many bytes of samples a file."""
        contents = {str(file.path): file.held or b"" for file in files}
        known: dict[object, Any] = {}
        for file in files:
            with contextlib.suppress(CorruptError, UnsupportedError):
                take_known(file, parsed_held(file, contents), known, most)
        _join_detached({str(file.path): file for file in files})
        return cls(list(files), named)

    def by_series(self) -> "list[Tree]":
        """A tree for each series, in the order of the names of their first files, and one for what belongs to none."""
        parts: dict[str, list[TreeFile]] = {}
        for file in sorted(self.files, key=lambda file: (not file.series, file.name)):
            parts.setdefault(file.series, []).append(file)
        return [Tree(files, self.named, None, series) for series, files in parts.items()]

    def refuse_changed(self) -> None:
        """Raise `TruncatedError` if files came, went or changed since they were listed."""
        expected = {file.name: file.path for file in self.files} if self._source is None else listed(self._source, again=True)
        now = {name: stamp(path) for name, path in expected.items() if path.exists()}
        then = {file.name: file.stamp for file in self.files}
        if now != then:
            changed = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
            raise TruncatedError(f"{changed[0]} was changed while the folder was read; wait until it is complete and try again")


def _join_detached(files: dict[str, TreeFile]) -> None:
    """Give detached samples to the files that have them, by their paths."""
    for path, file in files.items():
        for name, stretches in file.detached.items():
            other = files.get(str(PurePosixPath(path).parent / name))
            if other is not None and not other.items:
                other.take(_placed(stretches, other))
                other.format, other.space, other.facts = file.format, file.space, file.facts
        file.detached = {}


def _placed(stretches: Sequence[Stretch], file: TreeFile) -> list[Stretch]:
    """Stretches of a detached file, whose size its header need not say; members of gzip are undone already."""
    undone = file.repacking is not None and all(stretch.packing == "deflate" for stretch in stretches)
    if not undone:
        return [replace(stretch, length=file.size) if stretch.length == WHOLE else stretch for stretch in stretches]
    lengths = [stretch.layout.nbytes for stretch in stretches]
    starts = itertools.accumulate(lengths, initial=0)
    return [
        replace(stretch, start=start, length=length, packing="raw")
        for stretch, start, length in zip(stretches, starts, lengths, strict=False)
    ]


def _take_raw(files: list[TreeFile], layout: Layout) -> None:
    unknown = [file for file in files if not file.items and file.format != FOLDER]
    chosen = [file for file in unknown if file.size == layout.nbytes]
    if not chosen:
        sizes = sorted({file.size for file in unknown}, key=lambda size: abs(size - layout.nbytes))
        nearest = f"; the nearest size of one without a header is {sizes[0]}" if sizes else ""
        raise UsageError(f"no file has the {layout.nbytes} bytes that {said(layout)} take{nearest}")
    for file in chosen:
        file.take([Stretch(0, file.size, layout)])
        file.format = RAW


def _warn_of_personal_data(files: Sequence[TreeFile]) -> None:
    """One warning about all files."""
    holders = [file for file in files if file.personal]
    if holders:
        kinds = ", ".join(sorted(frozenset().union(*(file.personal for file in holders))))
        warnings.warn(
            f"{len(holders)} of {len(files)} files may tell who a person is ({kinds}); all of it is kept, nothing is removed",
            PersonalDataWarning,
            stacklevel=4,
        )
