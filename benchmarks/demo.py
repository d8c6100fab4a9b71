"""``make demo``: compress, verify and restore real MRI that ships inside installed packages, and compare sizes."""

import gzip
import importlib.util
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import voxz
from voxz.bench.spec import parse
from voxz.bench.volumes import load

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
            volume = load(title, path)
            rivals = [len(spec.rival().encode(volume.samples)) for spec in parse("jpegls,jpegxl")]
            sizes = (volume.samples.nbytes, path.stat().st_size, *rivals, packed.stat().st_size)
            figures = [f"{size / 1e3:,.0f}" for size in sizes]
            ratio = f"{100 * sizes[-1] / sizes[1]:.0f} %"
            table.add_row(title, volume.shape, *figures, ratio, f"byte for byte, {seconds:.1f} s")
    console.print(table)


if __name__ == "__main__":
    main()
