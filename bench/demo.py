"""``make demo``: compress, verify and restore real MRI that ships inside installed packages, and compare sizes."""

import gzip
import importlib.util
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import voxz
from bench.lossless import load

SCANS = (
    ("nibabel", "tests/data/example4d.nii.gz", "MRI, 2 volumes"),
    ("dipy", "data/files/S0_10slices.nii.gz", "diffusion MRI, b = 0"),
    ("nilearn", "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz", "T1 template"),
)


def scans() -> Iterator[tuple[str, Path]]:
    """Titles and paths of the scans, found inside the packages."""
    for package, inside, title in SCANS:
        found = importlib.util.find_spec(package)
        assert found is not None
        assert found.origin is not None
        yield f"{title} ({package})", Path(found.origin).parent / inside


def slices(volume: NDArray[Any]) -> NDArray[Any]:
    """All slices of a volume as unsigned integers, ``(slice, y, x)``, as 2-D codecs want them."""
    stack = volume.reshape(-1, *volume.shape[-2:])
    if stack.dtype.kind == "i":
        stack = (stack.astype(np.int64) - stack.min()).astype(np.uint16)
    return stack.astype(stack.dtype.newbyteorder("="), copy=False)


def jpegls_bytes(stack: NDArray[Any]) -> int:
    """Bytes of all slices in JPEG-LS."""
    blobs = [imagecodecs.jpegls_encode(image) for image in stack]
    assert all(np.array_equal(imagecodecs.jpegls_decode(b), image) for b, image in zip(blobs, stack, strict=True))
    return sum(map(len, blobs))


def jpegxl_bytes(stack: NDArray[Any]) -> int:
    """Bytes of all slices in lossless JPEG XL, effort 7."""
    blobs = [imagecodecs.jpegxl_encode(image, lossless=True, effort=7) for image in stack]
    assert all(np.array_equal(imagecodecs.jpegxl_decode(b), image) for b, image in zip(blobs, stack, strict=True))
    return sum(map(len, blobs))


def main() -> None:
    """Run the demo and print the table."""
    console = Console(width=120)
    table = Table(title="lossless sizes in kB, headers included for .nii.gz and .voxz")
    for name in ("scan", "shape", "raw", ".nii.gz", "JPEG-LS", "JPEG XL", ".voxz", "of .nii.gz", "restored"):
        table.add_column(name, justify="left" if name == "scan" else "right")
    console.print("Compiling the kernels (only the first time) ...")
    voxz.decode(voxz.encode(np.arange(4096, dtype=np.int16).reshape(1, 4, 32, 32)))
    with tempfile.TemporaryDirectory() as folder:
        for title, path in scans():
            packed, restored = Path(folder) / "scan.nii.voxz", Path(folder) / "scan.nii"
            start = time.perf_counter()
            voxz.compress(path, packed, force=True)
            seconds = time.perf_counter() - start
            voxz.verify(packed)
            voxz.decompress(packed, restored, force=True)
            same = restored.read_bytes() == gzip.decompress(path.read_bytes())
            if not same:
                raise SystemExit(f"{title}: what was restored differs from the original")
            volume = load(path)
            stack = slices(volume)
            sizes = (volume.nbytes, path.stat().st_size, jpegls_bytes(stack), jpegxl_bytes(stack), packed.stat().st_size)
            figures = [f"{size / 1e3:,.0f}" for size in sizes]
            ratio = f"{100 * sizes[-1] / sizes[1]:.0f} %"
            shape = "x".join(map(str, volume.shape[::-1]))
            table.add_row(title, shape, *figures, ratio, f"byte for byte, {seconds:.1f} s")
    console.print(table)


if __name__ == "__main__":
    main()
