"""The codec for everything without one of its own: bytes, shuffled by significance where that helps, then zlib or LZMA.

Payload: one byte of method (0 plain, 1 zlib, 2 shuffled and zlib, 3 LZMA), then the bytes. Shuffling collects the first bytes
of all samples, then the second ones, and so on: exponents and high bytes become long runs. LZMA is LZMA2 without a header (the
window is the length of the bytes, rounded up to a power of two between 4 KiB and 8 MiB), which keeps what does not shrink.
"""

import lzma
import math
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.errors import CorruptError

PLAIN, ZLIB, SHUFFLED, LZMA = 0, 1, 2, 3

PIECE = 1 << 20

_MODELS = ({"lc": 3, "lp": 0, "pb": 2}, {"lc": 0, "lp": 1, "pb": 1})
"""What contexts of LZMA look at: the byte before, as xz has it for text and headers; or which of two bytes it is, for samples."""

_BOTH = 1 << 20
"""Bytes up to this length are packed with both models."""

_PROBE, _PROBED_WHOLE, _PROBED = 1 << 12, 1 << 15, 32
"""Bytes of a probe; up to how many all are probed, and of longer data one part in so many, but no fewer."""

_STRING, _STRINGS = 32, 12
"""Bytes of a string that is looked for elsewhere, and how many are."""

_FAR = 1.2
"""How many times too long an estimate from a quarter of the probes must be. In 215 parts of scans, all of them give 0.92 to 1.18
times as much."""

_ALIKE = 0.9
"""Share of what zlib takes without looking for what comes again, below which something does. Noise takes 0.95 to 1.04."""


def encode_bytes(data: bytes, itemsize: int = 1) -> bytes:
    """Payload for `data` made of samples of `itemsize` bytes."""
    shuffled = np.frombuffer(data, np.uint8).reshape(-1, itemsize).T.tobytes() if itemsize > 1 else data
    packed = zlib.compress(shuffled, 6)
    if len(packed) >= len(data):
        return bytes([PLAIN]) + data
    return bytes([SHUFFLED if itemsize > 1 else ZLIB]) + packed


def pack_lzma(data: bytes) -> bytes:
    """Payload of `data` by LZMA: slow, and small where long stretches repeat."""
    models = _MODELS if len(data) <= _BOTH else _MODELS[:1]
    packed = (lzma.compress(data, lzma.FORMAT_RAW, filters=[_lzma(len(data)) | model]) for model in models)
    return bytes([LZMA]) + min(packed, key=len)


def repeats(data: bytes) -> bool:
    """Whether zlib finds stretches that come again in `data`, beside bytes that are more frequent than others."""
    sizes = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        packers = ((zlib.compressobj(1, strategy=strategy), probe) for probe in (_probes(data)[1::4] or [data]))
        sizes.append(sum(len(packer.compress(probe) + packer.flush()) for packer, probe in packers))
    return sizes[0] < _ALIKE * sizes[1]


def comes_again(data: bytes) -> bool:
    """Whether most strings from all over `data` come again, at any distance; runs of few values do not count."""
    strings = [data[at : at + _STRING] for at in range(0, len(data) - _STRING, len(data) // _STRINGS + 1)]
    varied = [string for string in strings if len(set(string)) > _STRING // 4]
    half, new = (len(varied) + 1) // 2, (string for string in varied if data.count(string) == 1)
    return sum(1 for _ in islice(new, half)) < half


def _probes(data: bytes) -> list[bytes]:
    """Parts of `data` at equal distances."""
    count = max(_PROBED_WHOLE, len(data) // _PROBED) // _PROBE
    step = max(_PROBE, len(data) // count)
    return [data[at : at + _PROBE] for at in range((step - _PROBE) // 2, len(data), step)]


def estimate(data: bytes, most: float) -> float:
    """Bytes that zlib would make of `data` at its fastest level, from a few probes.

    A quarter of them is enough where it shows that it would make far more than `most`, as it does of most images.
    """
    if len(data) <= _PROBED_WHOLE:
        return len(zlib.compress(data, 1))
    probes = _probes(data)
    some = len(data) * _zlib_share(probes[1::4])
    return some if some > _FAR * most else len(data) * _zlib_share(probes)


def _zlib_share(probes: list[bytes]) -> float:
    """What zlib at its fastest level makes of some bytes, as a share of them."""
    return sum(len(zlib.compress(probe, 1)) for probe in probes) / sum(map(len, probes))


def _lzma(length: int) -> dict[str, Any]:
    """LZMA2 with a window for `length` bytes."""
    window = min(max(1 << (length - 1).bit_length(), 1 << 12), 1 << 23) if length else 1 << 12
    return {"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": window}


def _decode_lzma(body: bytes, length: int) -> bytes | None:
    """The bytes; None if they are damaged."""
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_lzma(length)])
    try:
        data = unpacker.decompress(body, length + 1)
        if len(data) == length and not unpacker.eof:
            data += unpacker.decompress(b"", 1)
    except lzma.LZMAError:
        return None
    return data if len(data) == length and unpacker.eof and not unpacker.unused_data else None


def decode_bytes(payload: bytes, length: int, itemsize: int = 1) -> bytes:
    """The `length` bytes of a payload; damage raises `CorruptError`."""
    method, body = payload[:1], payload[1:]
    if method == bytes([PLAIN]) and len(body) == length:
        return body
    if method == bytes([LZMA]) and (data := _decode_lzma(body, length)) is not None:
        return data
    if method in (bytes([ZLIB]), bytes([SHUFFLED])):
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(body, length + 1)
        except zlib.error as error:
            raise CorruptError(f"stored bytes do not unpack: {error}") from None
        if len(data) == length and unpacker.eof and not unpacker.unused_data:
            shuffled = method == bytes([SHUFFLED])
            return np.frombuffer(data, np.uint8).reshape(itemsize, -1).T.tobytes() if shuffled else data
    raise CorruptError(f"stored bytes do not unpack to the {length} bytes that were expected")


def decode_pieces(payload: bytes, length: int) -> Iterator[bytes]:
    """The same for `itemsize` 1, in pieces of at most PIECE bytes, so that what unpacks to gigabytes takes none."""
    if payload[:1] != bytes([ZLIB]):
        yield decode_bytes(payload, length)
        return
    unpacker, body, found = zlib.decompressobj(), payload[1:], 0
    while not unpacker.eof and found <= length:
        try:
            piece = unpacker.decompress(body, PIECE)
        except zlib.error as error:
            raise CorruptError(f"stored bytes do not unpack: {error}") from None
        if not piece and not unpacker.eof:
            break
        body, found = unpacker.unconsumed_tail, found + len(piece)
        yield piece
    if not unpacker.eof or unpacker.unused_data or found != length:
        raise CorruptError(f"stored bytes do not unpack to the {length} bytes that were expected")


def encode_brick(samples: NDArray[np.generic], level: int, fidelity: Fidelity = EXACT) -> bytes:
    """Payload of samples of any type; `level` and `fidelity` change nothing."""
    del level, fidelity
    return encode_bytes(samples.tobytes(), samples.dtype.itemsize)


def decode_brick(payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload."""
    data = decode_bytes(payload, math.prod(shape) * dtype.itemsize, dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape)
