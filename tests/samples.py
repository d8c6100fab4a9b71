"""Files and arrays that several tests build."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet import codec as wavelet
from voxz.errors import VoxzError

CODES = {
    "u1": 2,
    "i2": 4,
    "i4": 8,
    "f4": 16,
    "c8": 32,
    "f8": 64,
    "rgb": 128,
    "i1": 256,
    "u2": 512,
    "u4": 768,
    "i8": 1024,
    "u8": 1280,
    "f16": 1536,
    "c16": 1792,
    "c32": 2048,
    "rgba": 2304,
}

BYTES = {"f16": 16, "c32": 32, "rgb": 3, "rgba": 4}


def smooth(shape: tuple[int, ...], dtype: str = "<i2", seed: int = 0) -> NDArray[Any]:
    """Noise on a slope: compressible, not trivial."""
    rng = np.random.default_rng(seed)
    slope = sum(np.meshgrid(*(np.arange(n) * 3 for n in shape), indexing="ij"), start=np.zeros(shape))
    return (slope + rng.normal(0, 4, shape)).astype(dtype)


def sample_bytes(shape: Sequence[int], kind: str, order: str) -> bytes:
    """Bytes of the samples of a NIfTI file of this kind."""
    count = int(np.prod(shape))
    if kind in BYTES:
        return np.random.default_rng(1).integers(0, 9, count * BYTES[kind]).astype(np.uint8).tobytes()
    ramp = (np.arange(count) * 7 // 5 % 100).astype(order + kind)
    return ramp.tobytes()


def _width(kind: str) -> int:
    return BYTES[kind] if kind in BYTES else np.dtype(kind).itemsize


def nifti(
    shape: Sequence[int],
    kind: str = "i2",
    *,
    order: str = "<",
    version: int = 1,
    extension: bytes = b"",
    padding: int = 0,
    tail: bytes = b"",
    pair: bool = False,
    samples: bytes | None = None,
) -> tuple[bytes, bytes]:
    """Header file (empty for a single file) and data file."""
    size = 348 if version == 1 else 540
    extra = bytes([bool(extension), 0, 0, 0]) + extension
    offset = padding if pair else size + len(extra) + padding
    head = bytearray(size)
    dims = [len(shape), *shape, *[1] * (7 - len(shape))]
    pixdim = [1.0, 2.0, 3.0, 4.0, 0.5, 1.0, 1.0, 1.0]
    rows = [2.0, 0, 0, -10, 0, 3.0, 0, -20, 0, 0, 4.0, -30]
    if version == 1:
        struct.pack_into(order + "i", head, 0, 348)
        struct.pack_into(order + "8h", head, 40, *dims)
        struct.pack_into(order + "h", head, 70, CODES[kind])
        struct.pack_into(order + "h", head, 72, 8 * _width(kind))
        struct.pack_into(order + "8f", head, 76, *pixdim)
        struct.pack_into(order + "f", head, 108, offset)
        struct.pack_into(order + "2f", head, 112, 2.0, 5.0)
        struct.pack_into(order + "2h", head, 252, 1, 1)
        struct.pack_into(order + "3f", head, 268, -10, -20, -30)
        struct.pack_into(order + "12f", head, 280, *rows)
        head[344:348] = b"ni1\0" if pair else b"n+1\0"
    else:
        struct.pack_into(order + "i", head, 0, 540)
        head[4:12] = b"ni2\0\r\n\x1a\n" if pair else b"n+2\0\r\n\x1a\n"
        struct.pack_into(order + "h", head, 12, CODES[kind])
        struct.pack_into(order + "h", head, 14, 8 * _width(kind))
        struct.pack_into(order + "8q", head, 16, *dims)
        struct.pack_into(order + "8d", head, 104, *pixdim)
        struct.pack_into(order + "q", head, 168, offset)
        struct.pack_into(order + "2d", head, 176, 2.0, 5.0)
        struct.pack_into(order + "2i", head, 344, 1, 1)
        struct.pack_into(order + "3d", head, 376, -10, -20, -30)
        struct.pack_into(order + "12d", head, 400, *rows)
    body = sample_bytes(shape, kind, order) if samples is None else samples
    before = bytes(range(1, 256)) * (padding // 255 + 1)
    header = bytes(head) + extra
    if pair:
        return header, before[:padding] + body + tail
    return b"", header + before[:padding] + body + tail


def write_nifti(path: Path, samples: NDArray[Any], **options: Any) -> Path:
    """Write ``(..., z, y, x)`` int16 samples; voxels of 2 x 3 x 4 mm (x, y, z)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = nifti(samples.shape[::-1], samples=samples.astype("<i2").tobytes(), **options)
    if path.suffix == ".gz":
        return write_gzip(path, data)
    path.write_bytes(data)
    return path


def write_gzip(path: Path, data: bytes, *, level: int = 6, name: str = "", mtime: int = 0) -> Path:
    """Write a .gz file, canonical unless it has a name or a time."""
    with path.open("wb") as file, gzip.GzipFile(name, "wb", level, file, mtime) as packer:
        packer.write(data)
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def brick_digest(codec: Any, samples: NDArray[Any], *options: Any, **named: Any) -> str:
    """Digest of a brick's payload and of what it decodes to."""
    payload = codec.encode_brick(samples, *options, **named) or b""
    return hashlib.sha256(payload + codec.decode_brick(payload, samples.shape, samples.dtype).tobytes()).hexdigest()


def printed_by_plain_python(test: str) -> str:
    """What `parity_digests` of a test file returns where kernels are plain Python; no warning is allowed."""
    file = Path(test)
    code = f"import sys; sys.path[:0] = sys.argv[1:]; from {file.stem} import parity_digests; print(parity_digests())"
    command = [sys.executable, "-W", "error", "-c", code, str(file.parent), str(Path(__file__).parent)]
    plain = subprocess.run(command, env=os.environ | {"VOXZ_JIT": "0"}, capture_output=True, text=True, check=False)
    assert (plain.returncode, plain.stderr) == (0, "")
    return plain.stdout.strip()


def decode_damaged_brick(payload: bytes, samples: NDArray[Any], every: int = 1) -> None:
    """Of a wavelet payload, a bit flipped in each `every`-th byte, or a cut before it, is an error or gives other samples."""
    for at in range(0, len(payload), every):
        flipped = bytearray(payload)
        flipped[at] ^= 1 << (at % 8)
        for blob in (bytes(flipped), payload[:at]):
            try:
                decoded = wavelet.decode_brick(blob, samples.shape, samples.dtype)
            except VoxzError:
                continue
            assert decoded.shape == samples.shape


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, by name; None for folders."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
