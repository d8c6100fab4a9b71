"""``python -m benchmarks patches FILE...``: random patches and whole volumes, out of what training sets are kept in.

Every store holds the same volumes and gives the same patches in turn, one thread each. Time is that of the processor, so other
programs on the machine matter little; files come from the memory of the system. Stores with a cache have read as many patches
before as are counted, as in the middle of a training. Every patch is compared. What is not installed is left out.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.volumes import find, load, names
from voxz.image.brick_cache import Kept
from voxz.image.lazy import Image
from voxz.plotting import new_figure, png_bytes

SIZES = (96, 64)
PATCHES = 100
ROUNDS = 3
"""Of reading whole volumes."""

CHUNK, BLOCK = 64, 32
"""Edges of chunks, and of the blocks of Blosc2 in them."""

RESULTS = Path(__file__).parent / "results/patches.csv"
FIGURE = Path(__file__).parents[1] / "docs/patches.png"

OWN, OTHERS = "#c2185b", "#455a64"

Place = tuple[slice, ...]
Volumes = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Store:
    """Volumes in files of `nbytes` bytes; each of `arrays` is indexed by slices along z, y, x."""

    nbytes: int
    arrays: list[Any]


@dataclass(frozen=True)
class Row:
    """One store and one kind of access: `size` is the edge of patches, 0 for whole volumes; MB are 10**6 bytes."""

    store: str
    size: int
    disk_mb: float
    disk_ratio: float
    reads_per_second: float
    mb_per_second: float


class _Turned:
    """Samples of nibabel, x first, by slices along z, y, x."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, place: Place) -> NDArray[Any]:
        image: Any = nibabel.load(self._path)
        return np.asarray(image.dataobj.get_unscaled() if place == () else image.dataobj[place[::-1]]).T


def nifti_store(folder: Path, volumes: Volumes) -> Store:
    """Files .nii.gz, level 6, through nibabel."""
    paths = [folder / f"{number}.nii.gz" for number in range(len(volumes))]
    for path, volume in zip(paths, volumes, strict=True):
        nibabel.Nifti1Image(volume.T, np.eye(4), dtype=volume.dtype).to_filename(path)
    return Store(_bytes_of(paths), [_Turned(path) for path in paths])


def voxz_store(folder: Path, volumes: Volumes, *, level: int, brick: int | None, kept: float) -> Store:
    """Files .voxz, in cubes or in bricks as they are by default, with a cache for this share of the samples."""
    paths = [folder / f"{level}-{brick}-{number}.voxz" for number in range(len(volumes))]
    for path, volume in zip(paths, volumes, strict=True):
        if not path.exists():
            path.write_bytes(voxz.encode(volume, level=level, brick=brick))
    cache = Kept(int(kept * sum(volume.nbytes for volume in volumes)))
    return Store(_bytes_of(paths), [Image(path, threads=1, cache_bytes=cache) for path in paths])


def zarr_store(folder: Path, volumes: Volumes) -> Store:
    """Zarr 3 in cubes, coded by Blosc with Zstandard 5 and bit shuffling."""
    import zarr  # noqa: PLC0415 - an extra

    codec = zarr.codecs.BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle")
    arrays = [
        zarr.create_array(folder / f"{number}.zarr", data=volume, chunks=(CHUNK,) * 3, compressors=codec)
        for number, volume in enumerate(volumes)
    ]
    return Store(_bytes_of(folder.rglob("*.zarr/c/**/*")), [zarr.open_array(array.store, mode="r") for array in arrays])


def blosc2_store(folder: Path, volumes: Volumes, *, codec: str, level: int) -> Store:
    """Arrays of Blosc2 in cubes of cubes, memory-mapped, as nnU-Net keeps what it prepares."""
    import blosc2  # noqa: PLC0415 - optional

    coding = blosc2.CParams(codec=getattr(blosc2.Codec, codec), clevel=level, nthreads=1)
    paths = [folder / f"{codec}-{number}.b2nd" for number in range(len(volumes))]
    for path, volume in zip(paths, volumes, strict=True):
        shapes = {name: tuple(min(edge, n) for n in volume.shape) for name, edge in (("chunks", CHUNK), ("blocks", BLOCK))}
        blosc2.asarray(np.ascontiguousarray(volume), urlpath=str(path), mode="w", cparams=coding, **shapes)
    opened = [blosc2.open(str(path), mode="r", mmap_mode="r", dparams=blosc2.DParams(nthreads=1)) for path in paths]
    return Store(_bytes_of(paths), opened)


STORES: dict[str, Callable[[Path, Volumes], Store]] = {
    ".nii.gz": nifti_store,
    **{
        f"voxz {level}, {words}": partial(voxz_store, level=level, brick=brick, kept=kept)
        for level in (1, 5)
        for words, brick, kept in (
            ("slabs", None, 0.0),
            ("cubes", CHUNK, 0.0),
            ("cubes, half cached", CHUNK, 0.5),
            ("cubes, cached", CHUNK, 1.1),
        )
    },
    "Zarr, Blosc Zstd": zarr_store,
    "Blosc2 Zstd": partial(blosc2_store, codec="ZSTD", level=8),
    "Blosc2 LZ4HC": partial(blosc2_store, codec="LZ4HC", level=9),
}
"""What is compared: half cached means a cache of half of the set, decoded."""


def measure(volumes: Volumes, stores: dict[str, Store], sizes: Sequence[int], patches: int, in_a_row: int = 1) -> list[Row]:
    """Rows of all stores and all kinds of access; so many patches in a row come from one volume."""
    rows: list[Row] = []
    for size in sizes:
        generator = np.random.default_rng(size)
        seconds = dict.fromkeys(stores, 0.0)
        taken = chosen = 0
        for number in range(2 * patches):
            chosen = chosen if number % in_a_row else int(generator.integers(len(volumes)))
            starts = [int(generator.integers(max(1, n - size + 1))) for n in volumes[chosen].shape]
            place = tuple(slice(start, start + size) for start in starts)
            wanted = volumes[chosen][place]
            counts = number >= patches
            taken += wanted.nbytes if counts else 0
            for name, store in stores.items():
                if counts or "cached" in name:
                    seconds[name] += _timed(store.arrays[chosen], place, wanted) * counts
        rows += _rows(volumes, stores, size, seconds, patches, taken)
    seconds = {name: _whole(store, volumes) for name, store in stores.items() if "cached" not in name}
    whole = {name: store for name, store in stores.items() if name in seconds}
    return rows + _rows(volumes, whole, 0, seconds, len(volumes), sum(volume.nbytes for volume in volumes))


def _whole(store: Store, volumes: Volumes) -> float:
    """Seconds to read all volumes, the fastest round."""
    rounds = [[_timed(*pair, volume) for pair, volume in _wholes(store, volumes)] for _ in range(ROUNDS)]
    return min(map(sum, rounds))


def _wholes(store: Store, volumes: Volumes) -> list[tuple[tuple[Any, Any], NDArray[Any]]]:
    return [((array, ()), volume) for array, volume in zip(store.arrays, volumes, strict=True)]


def _timed(array: Any, place: Place, wanted: NDArray[Any]) -> float:
    begin = time.process_time()
    found = np.asarray(array[place])
    seconds = time.process_time() - begin
    assert np.array_equal(found, wanted)
    return seconds


def _rows(volumes: Volumes, stores: dict[str, Store], size: int, seconds: dict[str, float], reads: int, nbytes: int) -> list[Row]:
    samples = sum(volume.nbytes for volume in volumes)
    return [
        Row(name, size, store.nbytes / 1e6, store.nbytes / samples, reads / seconds[name], nbytes / 1e6 / seconds[name])
        for name, store in stores.items()
    ]


def made(folder: Path, volumes: Volumes, wanted: Sequence[str]) -> dict[str, Store]:
    """The stores that can be made with what is installed."""
    found = {}
    for name in wanted:
        try:
            found[name] = STORES[name](folder, volumes)
        except ImportError as error:
            print(f"{name}: {error}", file=sys.stderr)
    return found


def summary(rows: list[Row]) -> str:
    """Reads a second, as a table in Markdown."""
    sizes = list(dict.fromkeys(row.size for row in rows))
    heads = [f"{size}^3, patches/s" if size else "whole, MB/s" for size in sizes]
    lines = [f"| store | MB | to samples | {' | '.join(heads)} |", "|---" * (3 + len(sizes)) + "|"]
    for name in dict.fromkeys(row.store for row in rows):
        own = {row.size: row for row in rows if row.store == name}
        cells = [f"{own[n].reads_per_second if n else own[n].mb_per_second:.3g}" if n in own else "" for n in sizes]
        first = next(iter(own.values()))
        lines.append(f"| {name} | {first.disk_mb:.1f} | {first.disk_ratio:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture(rows: list[Row]) -> bytes:
    """Patches a second against the size of the files, a panel for each size of patches, as PNG."""
    sizes = list(dict.fromkeys(row.size for row in rows if row.size))
    figure, panels = new_figure(1, len(sizes), (7.5 * len(sizes), 5), sharey=True)
    for size, panel in zip(sizes, panels[0], strict=True):
        for row in (row for row in rows if row.size == size):
            colour = OWN if row.store.startswith("voxz") else OTHERS
            place = row.disk_mb, row.reads_per_second
            beside = {"xytext": (-6, -3), "ha": "right"} if row.store.startswith("voxz 5") else {"xytext": (6, -3)}
            panel.plot(*place, "o", color=colour)
            panel.annotate(row.store, place, textcoords="offset points", color=colour, fontsize=8, **beside)
        panel.set(yscale="log", xlabel="MB on disk", title=f"patches of {size} x {size} x {size}")
        panel.margins(x=0.5)
        panel.grid(alpha=0.25, which="both")
    panels[0, 0].set_ylabel("patches a second, one thread")
    return png_bytes(figure)


def main(arguments: list[str]) -> None:
    """Measure, write table and picture, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks patches", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="volumes, or folders of them; of a series, the first volume counts")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="edges of the patches in voxels")
    parser.add_argument("--patches", type=int, default=PATCHES, help=f"that are counted (default: {PATCHES})")
    parser.add_argument("--in-a-row", type=int, default=1, help="patches in a row that come from one volume (default: 1)")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES), metavar="STORE", help="; ".join(STORES))
    parser.add_argument("--csv", type=Path, default=RESULTS, help="table to write")
    parser.add_argument("--plot", type=Path, default=FIGURE, help="picture to write")
    options = parser.parse_args(arguments)
    paths = names(find([str(folder) for folder in options.data]))
    volumes = [np.ascontiguousarray(load(name, path).samples[0]) for name, path in paths]
    with tempfile.TemporaryDirectory() as folder:
        stores = made(Path(folder), volumes, options.stores)
        rows = measure(volumes, stores, options.sizes, options.patches, options.in_a_row)
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows({name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(row).items()} for row in rows)
    options.plot.write_bytes(picture(rows))
    print(summary(rows))


def _bytes_of(paths: Any) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
