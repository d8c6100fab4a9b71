"""``python -m benchmarks conformance DATA...``: volumes in all ways of coding, decoded by every decoder there is.

A box in the middle of each volume is coded without loss at levels 1, 3, 5, 7 and 9, near-lossless, with loss in the fast, the
light and the heavy profile, as labels and as floats. Its digests by numba, by the command in C and by WebAssembly in Node.js
(which ``make decoder`` builds) are compared, and those of a small box by plain Python, too.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

import voxz
from benchmarks.conformance import ROOT, by_command, by_package
from voxz.container.reader import Reader

BUILT = ROOT / "build" / "decoder"
CASES: dict[str, dict[str, Any]] = {
    **{f"level {level}": {"level": level} for level in (1, 3, 5, 7, 9)},
    "near-lossless": {"level": 5, "target": voxz.MaxError(2), "codec": "predictive"},
    "fast with loss": {"level": 1, "target": voxz.Psnr(45), "codec": "wavelet"},
    "with loss": {"level": 5, "target": voxz.Psnr(45), "codec": "wavelet"},
    "heavy": {"level": 5, "target": voxz.Psnr(40), "codec": voxz.Wavelet(entropy="heavy")},
    "labels": {"codec": "labels"},
    "floats": {"codec": "floats"},
}
SLOW = ("level 7", "level 9", "heavy")
NODE = """
import {{ createHash }} from "node:crypto";
import {{ readFile }} from "node:fs/promises";
import {{ open }} from "{module}";
for (const path of process.argv.slice(2)) {{
  const file = await open(await readFile(path));
  console.log(createHash("sha256").update(await file.samples(0)).digest("hex"));
}}
"""
PLAIN = "import sys; from benchmarks.conformance import by_package; from pathlib import Path\n"
PLAIN += "for name in sys.argv[1:]: print(by_package(Path(name)), flush=True)"


def middle(volume: NDArray[Any], most: int) -> NDArray[Any]:
    """A box ``(..., z, y, x)`` in the middle, with `most` samples at most and axes shortened in proportion."""
    kept = list(volume.shape)
    while np.prod(kept, dtype=object) > most:
        longest = max(range(len(kept)), key=kept.__getitem__)
        kept[longest] = max(1, kept[longest] * 7 // 8)
    box = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(volume.shape, kept, strict=True))
    return np.ascontiguousarray(volume[box])


def samples_for(name: str, volume: NDArray[Any], most: int, most_slow: int) -> NDArray[Any]:
    """What is coded in a case."""
    box = middle(volume, most_slow if name in SLOW else most)
    if name == "labels":
        return (box // max(1, int(np.ptp(box)) // 12)).astype(np.int16)
    return (box * 0.37).astype(np.float32) if name == "floats" else box


def lines_of(command: list[str], **options: Any) -> list[str]:
    """Lines that a command prints."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    return done.stdout.split() if done.returncode == 0 else [done.stderr.strip()[-200:]]


def digests(files: list[Path], folder: Path, *, plain: bool) -> Iterator[tuple[str, list[str]]]:
    """Digests of all files by each decoder."""
    yield "numba", [by_package(path) for path in files]
    if plain:
        yield "plain Python", lines_of([sys.executable, "-c", PLAIN, *map(str, files)], env=os.environ | {"VOXZ_JIT": "0"})
    if (BUILT / "voxz-decode").exists():
        decode = by_command(str(BUILT / "voxz-decode"))
        yield "C", [decode(path) for path in files]
    if shutil.which("node") and (BUILT / "js" / "voxz.js").exists():
        script = folder / "digests.mjs"
        script.write_text(NODE.format(module=(BUILT / "js" / "voxz.js").as_uri()))
        yield "WebAssembly", lines_of(["node", str(script), *map(str, files)])


def compared(
    volume: NDArray[Any], ways: list[str], most: int, most_slow: int, *, plain: bool
) -> tuple[dict[str, int], list[str]]:
    """Files that each decoder decoded as it must, and what differs."""
    alike: dict[str, int] = {}
    faults = []
    with tempfile.TemporaryDirectory() as place:
        files, expected = [], []
        for name in ways:
            files.append(Path(place) / f"{name}.voxz")
            files[-1].write_bytes(voxz.encode(samples_for(name, volume, most, most_slow), threads=1, **CASES[name]))
            with Reader(files[-1]) as reader:
                expected.append(reader.arrays[0].header.samples_sha256.hex())
        for decoder, told in digests(files, Path(place), plain=plain):
            found = [*told, *["nothing"] * (len(files) - len(told))]
            alike[decoder] = sum(a == b for a, b in zip(found, expected, strict=True))
            faults += [f"{decoder}: {path.stem}" for path, a, b in zip(files, found, expected, strict=True) if a != b]
    return alike, faults


def main(arguments: list[str]) -> None:
    """Print a line for each volume and the sum; exit with 1 if any decoder differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks conformance", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="folders or files (.nii.gz)")
    parser.add_argument("--most", type=int, default=1 << 24, help="samples of a box")
    parser.add_argument(
        "--most-slow", type=int, default=1 << 21, help="samples of a box at levels 7 and 9 and in the heavy profile"
    )
    parser.add_argument("--most-plain", type=int, default=3000, help="samples of a box for plain Python; 0: none")
    parser.add_argument("--ways", nargs="+", choices=CASES, default=list(CASES))
    chosen = parser.parse_args(arguments)
    paths = [path for given in chosen.data for path in (sorted(given.glob("*.nii*")) if given.is_dir() else [given])]
    total: dict[str, int] = {}
    different = 0
    for path in paths:
        volume = read(path)
        boxes = [(chosen.most, chosen.most_slow, False)] + [(chosen.most_plain, chosen.most_plain, True)] * bool(
            chosen.most_plain
        )
        told = []
        for most, most_slow, plain in boxes:
            alike, faults = compared(volume, chosen.ways, most, most_slow, plain=plain)
            told += faults
            for decoder, count in alike.items():
                total[decoder] = total.get(decoder, 0) + count
        different += bool(told)
        print(path.name, "DIFFERENT: " + ", ".join(told) if told else "alike", sep="\t", flush=True)
    print(f"{len(paths) - different} of {len(paths)} volumes alike in all of {len(chosen.ways)} ways; files: {json.dumps(total)}")
    sys.exit(int(bool(different)))


def read(path: Path) -> NDArray[Any]:
    """Stored samples of a NIfTI file ``(..., z, y, x)``."""
    image: Any = nibabel.load(path)
    return np.ascontiguousarray(np.asarray(image.dataobj.get_unscaled()).T)
