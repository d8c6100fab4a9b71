"""``python -m benchmarks.damaged_set``: remake tests/golden/damaged.json, damage of golden files and the errors to be given.

An entry names a golden `file`, what is done to it, and the `error`: "not voxz", "truncated", "damaged" or "unsupported". Of the
file, `keep` bytes are left, `append` (hexadecimal) is put behind it, and `changes` are pairs of an offset and the bytes from
there on, hexadecimal. Most changes lie in a brick and bring right checksums, so that a reader must find them by decoding.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import voxz

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
FILES = (
    *("tiny", "constant", "labels", "float32_stored", "floats_scaled_nearly", "floats_palette", "wide_uint32_gaps"),
    *("wavelet_level5", "wavelet_fast", "heavy", "trained", "siren"),
    *("near_level5", "outlined", "head_level1", "head_level3", "head_level9", "wavelet_motion", "wavelet_blocks"),
)
"""Golden files of every codec whose bricks are damaged."""

SIGNATURE = bytes.fromhex("f6564f585a0d0a1a")
A_FILE, TRIES = 3, 40
"""Entries of changed bricks for each file, and changes that are tried for them: some do no harm."""


def damaged(entry: dict[str, Any]) -> bytes:
    """The bytes that an entry stands for."""
    blob = bytearray((GOLDEN / entry["file"]).read_bytes())
    for offset, new in entry.get("changes", ()):
        blob[offset : offset + len(new) // 2] = bytes.fromhex(new)
    return bytes(blob[: entry.get("keep", len(blob))]) + bytes.fromhex(entry.get("append", ""))


def error_of(blob: bytes) -> str | None:
    """Which error a file gives, None if it is read."""
    try:
        voxz.decode(blob, threads=1)
    except voxz.TruncatedError:
        return "truncated"
    except voxz.CorruptError:
        return "damaged"
    except voxz.UnsupportedError:
        return "unsupported" if blob.startswith(SIGNATURE) else "not voxz"
    return None


def _with_sums(blob: bytes, offset: int, value: int) -> list[tuple[int, str]]:
    """Changes of a byte of the only brick, of its checksum and of that of the front."""
    front = int.from_bytes(blob[12:16], "little")
    brick = bytearray(blob[front:])
    brick[offset - front] = value
    own = zlib.crc32(brick).to_bytes(4, "little")
    head = blob[: front - 12] + own + blob[front - 8 : front - 4]
    return [(offset, f"{value:02x}"), (front - 12, own.hex()), (front - 4, zlib.crc32(head).to_bytes(4, "little").hex())]


def entries() -> Iterator[dict[str, Any]]:
    """All entries."""
    rng = Random(18)
    for name in FILES:
        file = f"v1_0_{name}.voxz"
        blob = (GOLDEN / file).read_bytes()
        front = int.from_bytes(blob[12:16], "little")
        middle = (front + len(blob)) // 2
        yield {"file": file, "keep": middle}
        yield {"file": file, "changes": [(middle, f"{blob[middle] ^ 16:02x}")]}
        found = 0
        for _ in range(TRIES):
            offset = rng.randrange(front, min(len(blob), front + 200))
            entry = {"file": file, "changes": _with_sums(blob, offset, blob[offset] ^ 1 << rng.randrange(8))}
            if found < A_FILE and error_of(damaged(entry)) is not None:
                found += 1
                yield entry
    tiny = "v1_0_tiny.voxz"
    for offset, new in ((0, "00"), (8, "02"), (12, "ff"), (16, "00"), (60, "78"), (72, "40")):
        yield {"file": tiny, "changes": [(offset, new)]}
    yield {"file": tiny, "append": "00"}
    for keep in (0, 7, 40, 71):
        yield {"file": tiny, "keep": keep}


def main() -> None:
    """Write the set."""
    found = [entry | {"error": error_of(damaged(entry))} for entry in entries()]
    (GOLDEN / "damaged.json").write_text("[\n" + ",\n".join(json.dumps(entry) for entry in found) + "\n]\n")
    print(f"{len(found)} damaged files")


if __name__ == "__main__":
    main()
