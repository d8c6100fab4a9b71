"""Sizes and speeds of voxz on floating-point maps, beside the codecs for floats that one can install.

``python -m bench.floats [FOLDER]`` makes the maps (`bench.maps`) from data inside installed packages and, if a folder of scans
is given, from those. Rivals: pcodec (levels 8 and 12), Blosc2 with Zstandard 9 after shuffling bytes or bits, zfp in
its reversible mode. Each codes the whole array in memory, complex maps as two real ones. Everything that voxz
decodes is compared bit for bit. One thread; speeds are the fastest of a few runs, kernels compiled before.
"""

import argparse
import csv
import itertools
import os
from pathlib import Path
from typing import Any

import blosc2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

import voxz
from bench import maps
from bench.lossless import fastest


def rivals(volume: NDArray[Any]) -> dict[str, int]:
    """Bytes of each rival."""
    parts = [volume.real.copy(), volume.imag.copy()] if volume.dtype.kind == "c" else [volume]
    sizes = {
        f"pcodec_{level}": sum(
            len(standalone.simple_compress(part.ravel(), ChunkConfig(compression_level=level))) for part in parts
        )
        for level in (8, 12)
    }
    for name, order in (("bytes", blosc2.Filter.SHUFFLE), ("bits", blosc2.Filter.BITSHUFFLE)):
        sizes[f"blosc2_{name}"] = sum(
            len(
                blosc2.compress2(
                    part.ravel(), codec=blosc2.Codec.ZSTD, clevel=9, filters=[order], typesize=part.itemsize, nthreads=1
                )
            )
            for part in parts
        )
    sizes["zfp"] = sum(len(imagecodecs.zfp_encode(part, mode="R")) for part in parts)
    return sizes


def measure(name: str, volume: NDArray[Any], level: int, runs: int) -> dict[str, Any]:
    """One row of the result; raises if a bit differs."""
    encode, blob = fastest(lambda: voxz.encode(volume, level=level, threads=1), runs)
    decode, back = fastest(lambda: voxz.decode(blob, threads=1), runs)
    if back.dtype != volume.dtype or back.tobytes() != volume.tobytes():
        raise RuntimeError(f"{name} is not lossless")
    others = rivals(volume)
    best = min(others, key=lambda rival: others[rival])
    megabytes = volume.nbytes / 1e6
    row = {"map": name, "shape": "x".join(map(str, volume.shape[::-1])), "dtype": str(volume.dtype), "megabytes": megabytes}
    row |= {f"{rival}_part": size / volume.nbytes for rival, size in others.items()}
    row |= {"voxz_part": len(blob) / volume.nbytes, "best_rival": best, "to_best": len(blob) / others[best]}
    return row | {"to_pcodec": len(blob) / others["pcodec_8"], "encode": megabytes / encode, "decode": megabytes / decode}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.floats", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--level", type=int, default=voxz.api.DEFAULT_LEVEL)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the names of the maps to measure")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "floats.csv")
    arguments = parser.parse_args()
    warm = np.random.default_rng(1).normal(0, 1, (2, 4, 20, 20)).cumsum(axis=-1).astype("f4")
    warm[:, :, :, :9] = 0
    for array in (warm, np.rint(warm * 100) * np.float32(0.37)):
        voxz.decode(voxz.encode(array, level=arguments.level))
    made = itertools.chain(maps.packaged(), maps.from_folder(arguments.folder) if arguments.folder else ())
    rows = []
    for name, volume in made:
        if arguments.only in name:
            row = measure(name, volume, arguments.level, arguments.runs)
            rows.append(row)
            shown = f"{row['voxz_part']:.4f}, {row['best_rival']} {row['voxz_part'] / row['to_best']:.4f}"
            speeds = f"encode {row['encode']:.1f}, decode {row['decode']:.1f} MB/s"
            print(f"{name:20} {shown}: {row['to_best']:.4f} of it; {speeds}", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator=os.linesep)
        writer.writeheader()
        writer.writerows({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    for key in ("to_best", "to_pcodec"):
        ratios = [row[key] for row in rows]
        print(f"{key}: mean {np.mean(ratios):.3f}, at most 0.95 on {sum(r <= 0.95 for r in ratios)} of {len(ratios)} maps")
    large = [row for row in rows if row["megabytes"] >= 5]
    for key in ("encode", "decode"):
        if large:
            print(f"{key}, maps of 5 MB and more: {min(r[key] for r in large):.0f} to {max(r[key] for r in large):.0f} MB/s")


if __name__ == "__main__":
    main()
