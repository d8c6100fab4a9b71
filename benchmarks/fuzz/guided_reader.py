"""``python -m benchmarks.fuzz.guided_reader CORPUS OPTION...``: read files as libFuzzer gives them, with options of libFuzzer.

It damages one part of a file and makes the checksums anew, so that the next damage finds the parts again.
"""

import importlib
import pkgutil
import struct
import sys
import warnings
import zlib
from dataclasses import replace
from random import Random

import atheris

ROOMS = ("errors", "limits", "volume", "entropy", "transforms", "codecs", "container", "io", "pipeline", "image", "api")

with atheris.instrument_imports(include=["voxz"], enable_loader_override=False):
    for room in ROOMS:
        module = importlib.import_module(f"voxz.{room}")
        for inner in pkgutil.walk_packages(getattr(module, "__path__", ()), f"voxz.{room}."):
            importlib.import_module(inner.name)

import voxz  # noqa: E402 - after atheris
from benchmarks.file_parts import FileParts  # noqa: E402
from benchmarks.fuzz.archives import read_archive  # noqa: E402
from benchmarks.fuzz.packed import assembled, damaged_parts, read_packed  # noqa: E402
from voxz.container.reader import Reader  # noqa: E402


def read(data: bytes) -> None:
    """Read a file, as an archive if it has files with names; a fault is any exception."""
    rng = Random(zlib.crc32(data))
    try:
        with Reader(data) as reader:
            named = reader.files.named
    except voxz.VoxzError:
        return
    (read_archive if named else read_packed)(data, rng)


def damaged(data: bytes, most: int, number: int) -> bytes:
    """A file with one part damaged by libFuzzer or by us, and sound checksums; what is no file, by libFuzzer alone."""
    rng = Random(number)
    try:
        parts = FileParts.of(data)
        kind = rng.choice(("payload", "payload", "index", "header", "catalogue", "mutate", "mutate"))
        if kind != "mutate":
            return assembled(damaged_parts(parts, kind, (), rng))[:most]
        return assembled(_mutated(parts, rng))[:most]
    except (voxz.VoxzError, struct.error, ValueError, IndexError):
        return bytes(atheris.Mutate(data, most))


def _mutated(parts: FileParts, rng: Random) -> FileParts:
    """The payload of a brick, or the catalogue, as libFuzzer changes it."""
    if parts.chunks and (not parts.catalogue or rng.random() < 0.5):
        at = rng.randrange(len(parts.chunks))
        changed = bytes(atheris.Mutate(parts.chunks[at], len(parts.chunks[at]) + 16))
        return replace(parts, chunks=(*parts.chunks[:at], changed, *parts.chunks[at + 1 :]))
    return replace(parts, catalogue=bytes(atheris.Mutate(parts.catalogue, len(parts.catalogue) + 16)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, read, custom_mutator=damaged)
    atheris.Fuzz()
