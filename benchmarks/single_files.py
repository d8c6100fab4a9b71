"""``python -m benchmarks single DIR...``: every file below the folders compressed alone, against tar.xz of it.

A line for each file that takes more than 1 % more, and the sums; the table of all files goes to `--csv`. Files of folders named
``*.dist-info`` and of Python are left out. Exits with 1 if a file takes more than 1 % more, or does not come back.
"""

import argparse
import gzip
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import voxz
from benchmarks.archives import RIVALS, write_table
from voxz.container.reader import Reader
from voxz.errors import VoxzWarning

MARGIN = 1.01
"""Largest part of tar.xz that a file may take."""


@dataclass(frozen=True)
class Row:
    """A file, its bytes, those of the compressed ones, and whether voxz kept it whole."""

    file: str
    input_bytes: int
    xz_bytes: int
    voxz_bytes: int
    whole: bool
    exact: bool  # of a .gz file that cannot be made again: its content

    @property
    def within(self) -> bool:
        """Whether it is as small as promised."""
        return self.voxz_bytes <= MARGIN * self.xz_bytes


def files_below(folders: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Folders, and the files in them that are samples."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc") and ".dist-info" not in path.as_posix():
                yield folder, path


def measured(path: Path, name: str, level: int) -> Row:
    """Compress a file alone, and restore it."""
    content = path.read_bytes()
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore", VoxzWarning)
        packed, back = Path(place) / "a.voxz", Path(place) / f"back{path.suffix}"
        voxz.compress(path, packed, level=level, threads=1)
        voxz.decompress(packed, back, threads=1)
        with Reader(packed) as reader:
            whole = reader.files.within is not None
        again = back.read_bytes()
        if "content only" in voxz.info(packed).gzip_files.values():
            again, expected = gzip.decompress(again), gzip.decompress(content)
        else:
            expected = content
        xz = len(RIVALS["tar.xz"][0](path, {path.name: content}))
        return Row(name, len(content), xz, packed.stat().st_size, whole, again == expected)


def summary(rows: list[Row]) -> str:
    """The files that take more than 1 % more than tar.xz or did not come back, and the sums."""
    lines = [f"{row.file}: {row.voxz_bytes:,}, tar.xz {row.xz_bytes:,}" for row in rows if not row.within]
    lines += [f"{row.file}: NOT EXACT" for row in rows if not row.exact]
    ours, xz = sum(row.voxz_bytes for row in rows), sum(row.xz_bytes for row in rows)
    above, whole = sum(not row.within for row in rows), sum(row.whole for row in rows)
    worst = max((row.voxz_bytes / row.xz_bytes for row in rows), default=0)
    lines.append(
        f"{above} of {len(rows)} files take more than 1 % more than tar.xz, the worst {worst:.4f} of it; {whole} are kept whole"
    )
    lines.append(f"{ours:,} bytes in all, tar.xz {xz:,}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks single", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="folders")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--most", type=int, default=1 << 40, help="bytes of a file, at most")
    parser.add_argument("--csv", type=Path, default=Path("voxz-bench/single.csv"), help="where the table goes")
    options = parser.parse_args(arguments)
    chosen = [(folder, path) for folder, path in files_below(options.data) if path.stat().st_size <= options.most]
    rows = [measured(path, f"{folder.name}/{path.relative_to(folder).as_posix()}", options.level) for folder, path in chosen]
    write_table(options.csv, Row, rows)
    print(summary(rows))
    sys.exit(not all(row.within and row.exact for row in rows))
