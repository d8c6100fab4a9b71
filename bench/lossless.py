"""Lossless sizes and speeds of voxz on a folder of volumes, paired with tomoz in the same run.

Each volume is coded from an array in memory to bytes and back, on one thread, and compared exactly. Every codec codes
a volume before the next volume's turn, and the fastest of a few runs counts: compare ratios, not single speeds. Kernels
are compiled before the clock starts. Peak memory is that of a fresh process that compresses, or restores, the file.

If the folder has an ``INDEX.tsv`` with bits/voxel of other codecs (columns id, gzip6, jpegls, jpegxl_e7, tomoz), sizes
are also given relative to those.
"""

import argparse
import csv
import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

import voxz

RIVALS = ("gzip6", "jpegls", "jpegxl_e7", "tomoz")
_MEMORY = """
import resource, sys, voxz
getattr(voxz, sys.argv[1])(sys.argv[2], sys.argv[3], force=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def load(path: Path) -> NDArray[Any]:
    """Stored samples in memory order, last axis x."""
    image: Any = nibabel.load(path)
    return np.ascontiguousarray(np.asarray(image.dataobj.get_unscaled()).T)


def fastest(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Shortest time of several runs, in seconds, and the result."""
    times = []
    result = None
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def measure_voxz(volume: NDArray[Any], level: int, runs: int) -> dict[str, float]:
    """Bits/voxel and MB/s per core of one level; raises if a sample differs."""
    encode, blob = fastest(lambda: voxz.encode(volume, level=level, threads=1), runs)
    decode, back = fastest(lambda: voxz.decode(blob, threads=1), runs)
    if back.dtype != volume.dtype or not np.array_equal(back, volume):
        raise RuntimeError(f"level {level} is not lossless")
    size = volume.nbytes / 1e6
    return {"bits": 8 * len(blob) / volume.size, "encode": size / encode, "decode": size / decode}


def measure_tomoz(volume: NDArray[Any], runs: int) -> dict[str, float]:
    """The same of tomoz, series stacked along z."""
    import tomoz  # noqa: PLC0415 - in the extra `bench`

    stack = volume.reshape(-1, *volume.shape[-2:])
    encode, blob = fastest(lambda: tomoz.encode(stack, threads=1), runs)
    decode, back = fastest(lambda: tomoz.decode(blob, threads=1), runs)
    if not np.array_equal(back, stack):
        raise RuntimeError("tomoz is not lossless")
    size = volume.nbytes / 1e6
    return {"bits": 8 * len(blob) / volume.size, "encode": size / encode, "decode": size / decode}


def measure_gzip(volume: NDArray[Any], folder: Path) -> dict[str, float]:
    """Speeds of the gzip program: ``gzip -6`` and ``gzip -d``."""
    raw, packed = folder / "raw", folder / "raw.gz"
    raw.write_bytes(volume.tobytes())
    encode, _ = fastest(lambda: subprocess.run(["gzip", "-6kf", raw], check=True), 1)
    decode, _ = fastest(lambda: subprocess.run(["gzip", "-dc", packed], check=True, stdout=subprocess.DEVNULL), 3)
    size = volume.nbytes / 1e6
    return {"bits": 8 * packed.stat().st_size / volume.size, "encode": size / encode, "decode": size / decode}


def peak_memory(path: Path, folder: Path) -> tuple[int, int]:
    """Peak memory (MiB) of compressing and of restoring a file in fresh processes."""
    packed, restored = folder / "m.voxz", folder / "m.nii"
    peaks = []
    for verb, source, destination in (("compress", path, packed), ("decompress", packed, restored)):
        command = [sys.executable, "-c", _MEMORY, verb, str(source), str(destination)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    if restored.read_bytes() != gzip.decompress(path.read_bytes()):
        raise RuntimeError(f"{path} was not restored byte for byte")
    return peaks[0], peaks[1]


def read_index(folder: Path) -> dict[str, dict[str, float]]:
    """Figures of other codecs by volume, if the folder has them."""
    index = folder / "INDEX.tsv"
    if not index.is_file():
        return {}
    with index.open(newline="") as file:
        return {row["id"]: {r: float(row[r]) for r in RIVALS} for row in csv.DictReader(file, delimiter="\t")}


def bench_volume(path: Path, levels: list[int], runs: int, known: dict[str, float]) -> dict[str, Any]:
    """One row of the result."""
    volume = load(path)
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    row: dict[str, Any] = {"volume": name, "shape": "x".join(map(str, volume.shape[::-1])), "megabytes": volume.nbytes / 1e6}
    with tempfile.TemporaryDirectory() as folder:
        row |= {f"gzip_{key}": value for key, value in measure_gzip(volume, Path(folder)).items()}
        row["compress_mib"], row["decompress_mib"] = peak_memory(path, Path(folder))
    for level in levels:
        row |= {f"level{level}_{key}": value for key, value in measure_voxz(volume, level, runs).items()}
    row |= {f"tomoz_{key}": value for key, value in measure_tomoz(volume, 1).items()}
    for level in levels:
        row |= {f"level{level}_to_{rival}": row[f"level{level}_bits"] / bits for rival, bits in known.items()}
    return row


def summary(rows: list[dict[str, Any]], levels: list[int]) -> str:
    """Means over kinds of volumes."""
    lines = []
    kinds = {"3-D": lambda n: n[0] not in "df", "fMRI and perfusion": lambda n: n[0] == "f", "diffusion": lambda n: n[0] == "d"}
    for level in levels:
        for kind, belongs in kinds.items():
            chosen = [row for row in rows if belongs(row["volume"])]
            if not chosen or f"level{level}_to_tomoz" not in chosen[0]:
                continue
            sizes = ", ".join(f"{r} {np.mean([row[f'level{level}_to_{r}'] for row in chosen]):.4f}" for r in RIVALS)
            speed = [
                f"{verb} {np.mean([row[f'level{level}_{verb}'] for row in chosen]):.0f} MB/s "
                f"({np.median([row[f'level{level}_{verb}'] / row[f'tomoz_{verb}'] for row in chosen]):.1f} x tomoz, "
                f"{np.median([row[f'level{level}_{verb}'] / row[f'gzip_{verb}'] for row in chosen]):.2f} x gzip)"
                for verb in ("encode", "decode")
            ]
            lines.append(f"level {level}, {kind}: size to {sizes}; {'; '.join(speed)}")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["lossless"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--levels", default="1,2,3,4,5")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the names of the volumes to measure")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "lossless.csv")
    arguments = parser.parse_args()
    levels = [int(level) for level in arguments.levels.split(",")]
    paths = sorted(p for p in arguments.folder.glob("*.nii*") if arguments.only in p.name)
    if not paths:
        sys.exit(f"bench: no .nii or .nii.gz files in {arguments.folder}")
    known = read_index(arguments.folder)
    warm = np.arange(2 * 8 * 16 * 16, dtype=np.int16).reshape(2, 8, 16, 16) ** 2
    for level in levels:
        voxz.decode(voxz.encode(warm, level=level))
    rows = []
    for path in paths:
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        rows.append(bench_volume(path, levels, arguments.runs, known.get(name, {})))
        shown = {key: value for key, value in rows[-1].items() if key.endswith(("_bits", "_encode", "_decode"))}
        print(rows[-1]["volume"], " ".join(f"{key}={value:.2f}" for key, value in shown.items()), flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)), lineterminator=os.linesep)
        writer.writeheader()
        writer.writerows({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    print(summary(rows, levels))
