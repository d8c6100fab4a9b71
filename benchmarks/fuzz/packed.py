"""A .voxz file with one array: damage to its payloads, headers, index and list of files, behind sound checksums."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

import voxz
from benchmarks.file_parts import FileParts
from benchmarks.fuzz.damage import damaged_bytes
from benchmarks.fuzz.seed import MOST_BYTES, Files, Seed
from voxz.codecs.numbers import CODECS, LABELS
from voxz.container.header import Entry

NAME = "a.voxz"
KINDS = ("payload", "side", "index", "header", "splice", "catalogue")

_CODECS = {number: name for name, number in CODECS.items()}


@dataclass(frozen=True)
class Packed:
    """A sound file, taken apart."""

    name: str
    parts: FileParts
    kinds: tuple[str, ...] = KINDS

    @classmethod
    def of(cls, name: str, blob: bytes) -> "Packed":
        """Take a file apart."""
        return cls(name, FileParts.of(blob))

    @property
    def family(self) -> str:
        """Name of the codec of the first brick."""
        return next((_CODECS.get(entry.codec, "unknown") for entry in self.parts.entries), "none")

    @property
    def files(self) -> Files:
        """The file."""
        return {NAME: assembled(self.parts)}

    def damaged(self, kind: str, others: Sequence[Seed], rng: Random) -> Files:
        """A file with damage of one kind and sound checksums."""
        return {NAME: assembled(damaged_parts(self.parts, kind, others, rng))}

    def read(self, files: Files, rng: Random) -> str:
        """Read the file in one of the ways there are."""
        return read_packed(files[NAME], rng)


def read_packed(blob: bytes, rng: Random) -> str:
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


def assembled(parts: FileParts) -> bytes:
    """A file of these parts, with sound lengths and checksums, those of labels bricks too."""
    chunks = [
        zlib.crc32(chunk[4:]).to_bytes(4, "little") + chunk[4:] if entry.codec == LABELS and len(chunk) >= 4 else chunk
        for entry, chunk in zip(parts.entries, parts.chunks, strict=True)
    ]
    return replace(parts, chunks=tuple(chunks)).assembled()


def damaged_parts(parts: FileParts, kind: str, others: Sequence[Seed], rng: Random) -> FileParts:
    """Parts with damage of one kind; that of the headers where a file has no parts of the kind."""
    entries, chunks = list(parts.entries), list(parts.chunks)
    if kind in ("payload", "side") and chunks:
        chosen = rng.randrange(len(chunks))
        chunks[chosen] = damaged_bytes(chunks[chosen], rng, 64 if kind == "side" else None)
    elif kind == "splice" and chunks and (donors := [seed.parts for seed in others if isinstance(seed, Packed)]):
        _splice(entries, chunks, rng.choice(donors), rng)
    elif kind == "index" and chunks:
        at = rng.randrange(len(entries))
        entries[at] = replace(entries[at], codec=rng.randrange(8))
        if rng.random() < 0.1:
            del entries[at], chunks[at]
    elif kind == "catalogue" and parts.catalogue:
        return replace(parts, catalogue=damaged_bytes(parts.catalogue, rng))
    else:
        return replace(parts, arrays=damaged_bytes(parts.arrays, rng, max(1, len(parts.arrays) - 32)))
    return replace(parts, entries=tuple(entries), chunks=tuple(chunks))


def _splice(entries: list[Entry], chunks: list[bytes], donor: FileParts, rng: Random) -> None:
    """Put a part of another file's payload into one of these, mostly with its codec."""
    if not donor.chunks:
        return
    chosen, found = rng.randrange(len(chunks)), rng.randrange(len(donor.chunks))
    cut = rng.randrange(len(donor.chunks[found]) + 1) if rng.random() < 0.5 else 0
    chunks[chosen] = chunks[chosen][:cut] + donor.chunks[found][cut:]
    if rng.random() < 0.7:
        entries[chosen] = replace(entries[chosen], codec=donor.entries[found].codec)
