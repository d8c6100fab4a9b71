"""Files of a foreign format: whatever their bytes are, they come back byte for byte, or are refused in words."""

import contextlib
import gzip
import io
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import voxz
from benchmarks.fuzz.archives import FOLDER
from benchmarks.fuzz.damage import damaged_bytes, damaged_text
from benchmarks.fuzz.seed import MOST_BYTES, Files, Seed

KINDS = ("head", "anywhere", "numbers", "cut", "splice")
HEAD = 400
GZIP, PNG = b"\x1f\x8b", b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Foreign:
    """Sound files of one format that belong together; the first is the one that is named where one is."""

    name: str
    family: str
    files: Files
    kinds: tuple[str, ...] = KINDS

    def damaged(self, kind: str, others: Sequence[Seed], rng: Random) -> Files:
        """The files, one of them damaged; gzip around it and sums of PNG are made anew."""
        chosen = rng.choice(list(self.files)) if rng.random() < 0.4 else next(iter(self.files))
        data = self.files[chosen]
        packed = data.startswith(GZIP) and rng.random() < 0.9
        content = gzip.decompress(data) if packed else data
        if kind == "splice":
            donors = [other for seed in others if isinstance(seed, Foreign) for other in seed.files.values()]
            donor, at = rng.choice(donors or [content]), rng.randrange(len(content) + 1)
            content = content[:at] + donor[rng.randrange(len(donor) + 1) :]
        elif kind == "cut":
            content = content[: rng.randrange(len(content) + 1)]
        elif kind == "numbers":
            content = damaged_text(content[: 16 * HEAD], rng) + content[16 * HEAD :]
        else:
            content = damaged_bytes(content, rng, HEAD if kind == "head" else None)
        if content.startswith(PNG) and rng.random() < 0.9:
            content = _with_sums(content)
        return self.files | {chosen: gzipped(content) if packed else content}

    def read(self, files: Files, rng: Random) -> str:
        """Compress the files, alone or as an archive, look at what was found and restore them.

        Raises
        ------
        AssertionError
            They are not those that were compressed, or something was left behind.
        """
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            root, alone = Path(folder), len(files) == 1 and rng.random() < 0.5
            inputs = _written(files, root / "in")
            packed = root / "a.voxz"
            options: dict[str, Any] = rng.choice(
                (*[{"codec": "stored"}] * 7, {"level": 1}, {"level": 2})
            )  # 2 may keep them whole
            try:
                voxz.compress(inputs[0] if alone else inputs, packed, threads=1, **options)
            except voxz.VoxzError as error:
                assert {path.name for path in root.iterdir()} == {"in"}, "something was left behind"
                return type(error).__name__
            outcome = _look(packed, rng)
            back = root / "back"
            back.mkdir()
            voxz.decompress(packed, back / inputs[0].name if alone else back, threads=1)
            found = {path.name: path.read_bytes() for path in back.iterdir()}
            assert found == files or (alone and _unpacked(found) == _unpacked(files)), "other files came back"
        return outcome


def gzipped(content: bytes) -> bytes:
    """A file in the one form of gzip that is recognised in folders, too: without name and time."""
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, out, mtime=0) as file:
        file.write(content)
    return out.getvalue()


def _written(files: Files, folder: Path) -> list[Path]:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def _unpacked(files: Files) -> list[tuple[bytes, bytes]]:
    """Content of files, gzip undone, and what is behind it: what a single volume in gzip keeps."""
    return [_without_gzip(data) for data in files.values()]


def _without_gzip(data: bytes) -> tuple[bytes, bytes]:
    content, rest = b"", data
    with contextlib.suppress(zlib.error):
        while rest.startswith(GZIP):
            unpacker = zlib.decompressobj(31)
            content += unpacker.decompress(rest)
            rest = unpacker.unused_data if unpacker.eof else b""
    return content, rest


def _look(packed: Path, rng: Random) -> str:
    """Open all volumes that were found; "plain bytes" if there are none."""
    voxz.info(packed)
    with voxz.open(packed, threads=1, max_bytes=MOST_BYTES) as archive:
        found = archive.series
        for image in found[:3]:
            with image, contextlib.suppress(voxz.UnsupportedError):
                _ = image.name, image.affine, image.scaling, image.facts, image.seconds
                if image.nbytes <= MOST_BYTES and rng.random() < 0.5:
                    image.to_nibabel()
    return "samples" if found else "plain bytes"


def _with_sums(data: bytes) -> bytes:
    """A PNG whose chunks have sound checksums, as far as their lengths lead."""
    out, at = bytearray(data), len(PNG)
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4], "big")
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out)
