"""``python -m benchmarks archives DIR...``: folders as archives, against zip, tar.xz, tar.zst and tomoz's DICOM packer.

Each DIR (or tar archive of one) is packed and unpacked by every way, timed in seconds of CPU; what comes back is compared by
SHA-256, names and all. The table goes to `--csv`, the summary gives sizes relative to tomoz.

With ``--many N``, or ``--gigabytes N`` and a DICOM series, a folder is made instead (`large_folders`), and time and memory of
archiving and restoring it are measured.
"""

import argparse
import csv
import hashlib
import io
import lzma
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import voxz
from benchmarks import large_folders
from voxz.warm.compile_all import compile_all

Files = dict[str, bytes]
"""Contents by path within the folder."""

Way = tuple[Callable[[Path, Files], bytes], Callable[[bytes], Files]]
"""Packs a folder (given as such and as its files), and gives its files back."""


@dataclass(frozen=True)
class Row:
    """One way of packing one folder."""

    folder: str
    files: int
    input_bytes: int
    way: str
    bytes: int
    exact: bool
    pack_s: float
    unpack_s: float


def read_folder(folder: Path) -> Files:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _zip(_: Path, files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()


def _unzip(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _tar(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _untar(data: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        opened = ((entry.name, packed.extractfile(entry)) for entry in packed.getmembers())
        return {name: file.read() for name, file in opened if file is not None}


def _tar_zst(_: Path, files: Files) -> bytes:
    import imagecodecs  # noqa: PLC0415 - an extra

    return bytes(imagecodecs.zstd_encode(_tar(files), level=19))


def _untar_zst(data: bytes) -> Files:
    import imagecodecs  # noqa: PLC0415 - an extra

    return _untar(bytes(imagecodecs.zstd_decode(data)))


def _tomoz(_: Path, files: Files) -> bytes:
    import tomoz  # noqa: PLC0415 - an extra

    return bytes(tomoz.pack_dicom(list(files.items()))[0])


def _untomoz(data: bytes) -> Files:
    import tomoz  # noqa: PLC0415 - an extra

    return {name: bytes(content) for name, content in tomoz.unpack_dicom(data)}


def _voxz(level: int) -> Way:
    def pack(folder: Path, _: Files) -> bytes:
        with tempfile.TemporaryDirectory() as place:
            voxz.compress(folder, Path(place) / "a.voxz", level=level, threads=1)
            return (Path(place) / "a.voxz").read_bytes()

    def unpack(data: bytes) -> Files:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "a.voxz").write_bytes(data)
            voxz.decompress(Path(place) / "a.voxz", Path(place) / "out", threads=1)
            return read_folder(Path(place) / "out")

    return pack, unpack


RIVALS: dict[str, Way] = {
    "zip": (_zip, _unzip),
    "tar.xz": (lambda _, files: lzma.compress(_tar(files)), lambda data: _untar(lzma.decompress(data))),
    "tar.zst -19": (_tar_zst, _untar_zst),
    "tomoz": (_tomoz, _untomoz),
}


def digest(files: Files) -> str:
    """SHA-256 of all names and contents."""
    hashed = hashlib.sha256()
    for name in sorted(files):
        hashed.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return hashed.hexdigest()


def measured(folder: Path, ways: dict[str, Way]) -> Iterator[Row]:
    """A row for each way that takes the folder; those that refuse it are named on standard error."""
    files = read_folder(folder)
    for name, (pack, unpack) in ways.items():
        started = time.process_time()
        try:
            data = pack(folder, files)
        except (ImportError, ValueError, RuntimeError) as error:
            print(f"{folder.name}: {name} does not pack it ({error})", file=sys.stderr)
            continue
        packed = time.process_time()
        again = unpack(data)
        unpacked = time.process_time()
        total = sum(map(len, files.values()))
        times = packed - started, unpacked - packed
        yield Row(folder.name, len(files), total, name, len(data), digest(again) == digest(files), *times)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A folder, or a tar archive unpacked for a while."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as place, tarfile.open(path) as packed:
        packed.extractall(place, filter="data")
        inside = list(Path(place).iterdir())
        yield inside[0] if len(inside) == 1 and inside[0].is_dir() else Path(place)


def summary(rows: list[Row]) -> str:
    """Tables of sizes and speeds, and the geometric mean of the sizes relative to tomoz."""
    ways = list(dict.fromkeys(row.way for row in rows))
    folders = list(dict.fromkeys(row.folder for row in rows))
    by = {(row.folder, row.way): row for row in rows}
    lines = [f"| bytes | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for folder in folders:
        cells = [f"{by[folder, way].bytes:,}" if (folder, way) in by else "" for way in ways]
        lines.append(f"| {folder} | {' | '.join(cells)} |")
    both = [folder for folder in folders if (folder, "tomoz") in by]
    means = []
    for way in ways:
        ratios = [by[folder, way].bytes / by[folder, "tomoz"].bytes for folder in both if (folder, way) in by]
        means.append(f"{np.exp(np.mean(np.log(ratios))):.3f}" if ratios else "")
    lines.append(f"| to tomoz | {' | '.join(means)} |")
    lines += ["", f"| MB/s, pack / unpack | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for folder in folders:
        found = [by.get((folder, way)) for way in ways]
        cells = [f"{r.input_bytes / r.pack_s / 1e6:.1f} / {r.input_bytes / r.unpack_s / 1e6:.1f}" if r else "" for r in found]
        lines.append(f"| {folder} | {' | '.join(cells)} |")
    wrong = [f"{row.folder} by {row.way}" for row in rows if not row.exact]
    lines += ["", f"NOT EXACT: {', '.join(wrong)}" if wrong else "All came back byte for byte (SHA-256 of names and contents)."]
    return "\n".join(lines)


def _large(options: argparse.Namespace) -> bool:
    """Make a large folder, measure it, print the report; returns whether all of it came back."""
    with tempfile.TemporaryDirectory(dir=options.place) as name, opened(options.data[0] if options.data else Path()) as series:
        place, folder = Path(name), Path(name) / "in"
        if options.many:
            total = large_folders.write_many(folder, options.many, options.side)
        else:
            total = large_folders.write_large(folder, series, round(options.gigabytes * 1e9))
        files = sum(path.is_file() for path in folder.rglob("*"))
        steps = large_folders.measured(folder, place, int(options.levels), options.threads)
        exact, packed = large_folders.same(folder, place / "back"), (place / "a.voxz").stat().st_size
        print(large_folders.report(f"level {options.levels}, {options.threads} threads", files, total, packed, exact, steps))
    return exact


def write_table(path: Path, kind: type[Any], rows: Iterable[Any]) -> None:
    """Write rows of a `kind` of dataclass as CSV, under the names of its fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(kind))
        writer.writerows(astuple(row) for row in rows)


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary; exit with 1 if something did not come back."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks archives", description=__doc__)
    parser.add_argument("data", nargs="*", type=Path, help="folders, or tar archives of one")
    parser.add_argument("--levels", default="5", help="levels of voxz, with slashes between them")
    parser.add_argument("--csv", type=Path, default=Path("voxz-bench/archives.csv"), help="where the table goes")
    parser.add_argument("--many", type=int, default=0, help="make and measure a folder of so many small slices")
    parser.add_argument("--side", type=int, default=large_folders.SIDE, help="rows and columns of these slices")
    parser.add_argument(
        "--gigabytes", type=float, default=0, help="make and measure a folder of so many GB from the first series"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads for a folder that is made")
    parser.add_argument("--place", type=Path, help="where the folder is made; default: the system's place for temporary files")
    options = parser.parse_args(arguments)
    if options.many or options.gigabytes:
        sys.exit(not _large(options))
    if not options.data:
        parser.error("give folders, or --many N")
    ways = RIVALS | {f"voxz -{level}": _voxz(int(level)) for level in options.levels.split("/")}
    compile_all()
    rows = []
    for path in options.data:
        with opened(path) as folder:
            for row in measured(folder, ways):
                print(f"{row.folder}: {row.way} {row.bytes:,}{'' if row.exact else ' NOT EXACT'}", file=sys.stderr)
                rows.append(row)
    write_table(options.csv, Row, rows)
    print(summary(rows))
    sys.exit(not all(row.exact for row in rows))
