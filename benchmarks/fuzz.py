"""``python -m benchmarks fuzz``: damaged files with sound checksums, so that damage reaches the decoders.

A pool of small files, made by every codec, level, profile and kind of sample type, is mutated: bytes of payloads, of their side
information, of the index, of headers and of the list of files, and payloads exchanged between files. Checksums are made anew
(that of a labels brick too). Every reading must end in samples or in a `VoxzError`, in time and within `voxz.limits`; anything
else is a fault, kept as a file. The environment decides what runs: ``NUMBA_BOUNDSCHECK=1`` checks every index, ``VOXZ_JIT=0``
runs the plain kernels.
"""

import argparse
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np

import voxz
from benchmarks.file_parts import FileParts
from voxz.codecs.numbers import CODECS, LABELS
from voxz.limits import BASE

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
LARGEST_SEED = 6200
"""Bytes of a file of the pool; small ones are read fast."""

MOST_BYTES = 1 << 20
"""Samples that a mutated header may ask for."""

MOST_SECONDS = 5
"""A reading that takes longer hangs."""

MOST_MEMORY = 4 * BASE
"""Bytes that readings of such files may add to those of the process at first."""

INTERESTING = (
    0,
    1,
    2,
    127,
    128,
    255,
    1 << 15,
    (1 << 16) - 1,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 40,
    (1 << 64) - 1,
)
KINDS = ("payload", "side", "index", "header", "splice", "catalogue")


class Hang(BaseException):
    """A reading did not end in time. Nothing that catches exceptions catches it."""


@dataclass(frozen=True)
class Seed:
    """A sound file, taken apart."""

    name: str
    parts: FileParts

    @classmethod
    def of(cls, name: str, blob: bytes) -> "Seed":
        """Take a file apart."""
        return cls(name, FileParts.of(blob))

    @property
    def codec(self) -> str:
        """Name of the codec of the first brick."""
        names = {number: name for name, number in CODECS.items()}
        return next((names.get(entry.codec, "unknown") for entry in self.parts.entries), "none")


def assembled(parts: FileParts) -> bytes:
    """A file of these parts, with sound lengths and checksums."""
    chunks = [
        zlib.crc32(chunk[4:]).to_bytes(4, "little") + chunk[4:] if entry.codec == LABELS and len(chunk) >= 4 else chunk
        for entry, chunk in zip(parts.entries, parts.chunks, strict=True)
    ]
    return replace(parts, chunks=tuple(chunks)).assembled()


def damaged_bytes(data: bytes, rng: Random, reach: int | None = None) -> bytes:
    """Bytes with one to four faults among the first `reach`."""
    piece = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not piece:
            return bytes([rng.randrange(256)])
        at = rng.randrange(min(len(piece), reach or len(piece)))
        how = rng.randrange(6)
        if how == 0:
            piece[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            piece[at] = rng.randrange(256)
        elif how == 2:
            width = rng.choice((1, 2, 4, 8))
            piece[at : at + width] = (rng.choice(INTERESTING) % (1 << (8 * width))).to_bytes(width, "little")
        elif how == 3:
            piece[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
        elif how == 4:
            del piece[at : at + rng.choice((1, 2, 4, 16))]
        else:
            piece[at : at + 8] = struct.pack("<d", rng.choice((0.0, -1.0, 1e-300, 1e300, float("nan"), float("inf"))))
    return bytes(piece)


def mutated(seed: Seed, pool: Sequence[Seed], kind: str, rng: Random) -> bytes:
    """A file with damage of one kind and sound checksums."""
    arrays, catalogue = seed.parts.arrays, seed.parts.catalogue
    entries, chunks = list(seed.parts.entries), list(seed.parts.chunks)
    if kind in ("payload", "side", "splice") and chunks:
        chosen = rng.randrange(len(chunks))
        if kind == "splice":
            other = rng.choice(pool).parts
            found = rng.randrange(len(other.chunks))
            part = other.chunks[found]
            cut = rng.randrange(len(part) + 1) if rng.random() < 0.5 else 0
            chunks[chosen] = chunks[chosen][:cut] + part[cut:]
            if rng.random() < 0.7:
                entries[chosen] = replace(entries[chosen], codec=other.entries[found].codec)
        else:
            chunks[chosen] = damaged_bytes(chunks[chosen], rng, 64 if kind == "side" else None)
    elif kind == "index" and chunks:
        at = rng.randrange(len(entries))
        entries[at] = replace(entries[at], codec=rng.randrange(8))
        if rng.random() < 0.1:
            del entries[at], chunks[at]
    elif kind == "catalogue" and catalogue:
        catalogue = damaged_bytes(catalogue, rng)
    else:
        arrays = damaged_bytes(arrays, rng, max(1, len(arrays) - 32))
    return assembled(replace(seed.parts, arrays=arrays, catalogue=catalogue, entries=tuple(entries), chunks=tuple(chunks)))


def pool() -> list[Seed]:
    """Files of all codecs, levels, profiles and kinds of sample types."""
    rng = np.random.default_rng(0)
    found = []

    def add(name: str, array: np.ndarray, **options: object) -> None:
        found.append(Seed.of(name, voxz.encode(array, **options)))  # type: ignore[arg-type]

    volume = (
        np.add.outer(np.add.outer(np.arange(4) * 9, np.arange(9) * 5), np.arange(11)) + rng.normal(0, 3, (4, 9, 11))
    ).round()
    series = np.stack([volume[:2, :6, :7] + t for t in range(3)])
    for level in range(1, 10):
        for name, array in {"volume": volume, "series": series, "thin": volume[:, :1, :1], "line": volume.ravel()}.items():
            add(f"predictive {name} {level}", array.astype("<i2"), level=level, codec="predictive")
    for dtype in ("u1", "i1", ">u2", "i4", "u4"):
        add(f"predictive {dtype}", volume.clip(0, 99).astype(dtype), level=3, codec="predictive")
    for dtype in ("u1", "u2", "i8", "f4"):
        add(f"labels {dtype}", (volume // 20).clip(0, 5).astype(dtype), codec="labels")
    for dtype in ("f2", "f4", "f8", "c8"):
        add(f"floats {dtype}", (volume * 0.37).astype(dtype))
        add(f"floats noise {dtype}", rng.normal(size=(3, 8, 9)).astype(dtype))
    for level in (1, 5, 9):
        for bound in (1, 4):
            add(f"near {level} {bound}", np.pad(volume, 3).astype("i2"), level=level, target=voxz.MaxError(bound))
    for dtype in ("i2", "f4"):
        for name, array in {"volume": volume, "series": series}.items():
            add(f"wavelet {name} {dtype}", array.astype(dtype), target=voxz.Psnr(40), codec="wavelet")
    add("wavelet lossless", volume.astype("i2"), codec="wavelet")
    add("stored", volume.astype("i8"), codec="stored")
    add("bool", volume > 40)
    with tempfile.TemporaryDirectory() as folder:
        npy = Path(folder) / "a.npy"
        for name, array in {"npy": volume.astype("i2"), "npy thin": volume[:1]}.items():
            np.save(npy, array)
            voxz.compress(npy, f"{npy}.voxz", force=True, codec="stored")
            found.append(Seed.of(name, Path(f"{npy}.voxz").read_bytes()))
    return found + golden()


@dataclass
class Report:
    """What became of the readings."""

    runs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    faults: list[tuple[str, bytes]] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0
    memory: int = 0

    @property
    def files(self) -> int:
        """Mutated files that were read."""
        return sum(self.runs.values())

    def lines(self) -> Iterator[str]:
        """The report in words."""
        outcomes = sorted({outcome for _, _, outcome in self.runs})
        yield "| codec | files | " + " | ".join(outcomes) + " |"
        yield "|---" * (2 + len(outcomes)) + "|"
        for codec in sorted({codec for codec, _, _ in self.runs}):
            counts = [sum(n for (c, _, o), n in self.runs.items() if (c, o) == (codec, outcome)) for outcome in outcomes]
            yield f"| {codec} | {sum(counts)} | " + " | ".join(map(str, counts)) + " |"
        kinds = ", ".join(f"{kind} {sum(n for (_, k, _), n in self.runs.items() if k == kind)}" for kind in KINDS)
        yield f"{self.files} files ({kinds}) in {self.seconds:.0f} s, the slowest {self.slowest:.2f} s;"
        yield f"memory of the process {self.memory >> 20} MiB at most; {len(self.faults)} faults"


def read(blob: bytes, rng: Random) -> str:
    """Read a file in one of the ways there are; the outcome is a name."""
    how = rng.randrange(10)
    try:
        if how == 0:
            voxz.info(blob)
            voxz.verify(blob, threads=1)
        elif how == 1:
            with voxz.open(blob, threads=1, max_bytes=MOST_BYTES) as image:
                if image.dtype.itemsize * np.prod([max(1, n) for n in image.shape], dtype=float) <= MOST_BYTES:
                    image.preview(rng.randrange(3))
        elif how == 2:
            with voxz.open(blob, threads=1, max_bytes=MOST_BYTES) as image:
                image[...]
                _ = image.loss, image.affine
        else:
            voxz.decode(blob, threads=1, max_bytes=MOST_BYTES)
    except voxz.VoxzError as error:
        return type(error).__name__
    return "samples"


def named(seeds: Sequence[Seed], words: Sequence[str]) -> list[Seed]:
    """Seeds whose names have one of these `words`; all without any."""
    return [seed for seed in seeds if not words or any(word in seed.name for word in words)]


def golden() -> list[Seed]:
    """Small golden files: every codec, and nothing to compile that only encoders need."""
    return [
        Seed.of(path.stem, path.read_bytes()) for path in sorted(GOLDEN.glob("*.voxz")) if path.stat().st_size <= LARGEST_SEED
    ]


def fuzz(seconds: float, seed: int, most: int | None = None, seeds: Sequence[Seed] | None = None) -> Report:
    """Read mutated files for so many `seconds`, or `most` of them; the same `seed` gives the same files.

    They are mutated from `seeds`, by default the `pool`.
    """
    rng, report = Random(seed), Report()
    seeds = pool() if seeds is None else seeds
    for sound in seeds:
        for ways in range(4):
            read(assembled(sound.parts), Random(ways))
    before, started = _peak(), time.monotonic()

    def stop(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, stop)
    while time.monotonic() - started < seconds and report.files != most:
        base, kind = rng.choice(seeds), rng.choice(KINDS)
        blob = mutated(base, seeds, kind, rng)
        begun, peak = time.monotonic(), _peak()
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
        try:
            outcome = read(blob, rng)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if _peak() - peak > MOST_MEMORY:
                outcome = "too much memory"
        except (Exception, Hang) as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            outcome = f"fault: {type(error).__name__}"
            frames = traceback.extract_tb(error.__traceback__)
            where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:-4:-1])
            report.faults.append((f"{base.name}, {kind}: {type(error).__name__}: {error} ({where})", blob))
        if outcome == "too much memory":
            report.faults.append((f"{base.name}, {kind}: {(_peak() - peak) >> 20} MiB more", blob))
        report.slowest = max(report.slowest, time.monotonic() - begun)
        report.runs[base.codec, kind, outcome] += 1
    report.seconds, report.memory = time.monotonic() - started, max(before, _peak())
    return report


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main(arguments: list[str]) -> None:
    """Fuzz, print a report, keep the files that gave faults; exit code 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--files", type=int, help="stop after so many mutated files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--golden", nargs="*", metavar="WORD", help="only golden files, those whose names have one of the words")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="folder for files that give faults")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("error")
    seeds = None if chosen.golden is None else named(golden(), chosen.golden)
    report = fuzz(chosen.minutes * 60, chosen.seed, chosen.files, seeds)
    print("\n".join(report.lines()))
    for number, (text, blob) in enumerate(report.faults[:100]):
        chosen.keep.mkdir(parents=True, exist_ok=True)
        (chosen.keep / f"{chosen.seed}-{number:03}.voxz").write_bytes(blob)
        print(f"{chosen.seed}-{number:03}.voxz: {text}")
    sys.exit(1 if report.faults else 0)
