"""All the ways in which reading and writing use kernels, on small generated volumes.

Every codec, the levels that differ in their kernels, the number types, series, targets with loss, previews. Some turn up only
where samples are of some kind: wide, moving, corrected.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.entropy.varint import varint
from voxz.target import BitsPerVoxel, Lossless, MaxError, Psnr
from voxz.volume.layout import Layout

SHAPE = (6, 20, 24)
INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4")
FLOATS = ("f2", "f4", "f8")
LEVELS = (1, 5, 9)

Job = Callable[[], None]


def _volume(dtype: str = "i2", volumes: int = 1) -> NDArray[Any]:
    """A noisy blob in a constant background, ``(volumes, z, y, x)``; without the first axis for one volume."""
    z, y, x = np.indices(SHAPE)
    inside = (x - 11) ** 2 + (y - 9) ** 2 < 60
    noise = np.random.default_rng(1).integers(-6, 7, (volumes, *SHAPE))
    values = np.where(inside, 60 + z + 2 * x - y + noise, 0)
    typed: NDArray[Any] = np.asarray(values, dtype)
    return typed if volumes > 1 else typed[0, ...]


def _moving() -> NDArray[np.int16]:
    """A disc that moves from slice to slice."""
    z, y, x = np.indices((8, 80, 80))
    return np.where((y - 4 * z - 20) ** 2 + (x - 2 * z - 30) ** 2 < 200, 800, y).astype(np.int16)


def _labels(dtype: str) -> NDArray[Any]:
    z, y, x = np.indices(SHAPE)
    return np.asarray((x // 5 + y // 6 + (z > 2)) % 7, dtype)


def _wide() -> NDArray[np.int32]:
    """So many values, so far apart, that sums need 64 bits."""
    return np.random.default_rng(1).integers(0, 1 << 24, (8, 96, 96), np.int32)


def ways() -> Iterator[Job]:
    """Functions to call, each of which compiles what it needs."""
    for level in api.LEVELS:
        yield partial(_through_a_file, _volume(), level=level)
        yield partial(_through_a_file, _volume(volumes=5), level=level)
    for level, target in product((1, 5, 9), (Lossless(), MaxError(2))):
        yield partial(_through_a_file, _wide(), level=level, target=target, codec="predictive")
    for dtype in INTEGERS:
        for level in (1, 5):
            yield partial(_through_a_file, _volume(dtype), level=level)
        yield partial(_through_a_file, _labels(dtype))
    for dtype, level in product(FLOATS, LEVELS):
        for samples in _floats(dtype):
            yield partial(_through_a_file, samples, level=level)
    for target in (MaxError(2), Psnr(35.0), BitsPerVoxel(1.5)):
        for level in LEVELS:
            yield partial(_through_a_file, _volume(), target=target, level=level)
        for dtype in ("u1", "u2", "f4", "f8"):
            yield partial(_through_a_file, _volume(dtype), target=target)
        yield partial(_through_a_file, _volume(volumes=5), target=target)
    options: tuple[dict[str, str], ...] = ({}, {"entropy": "heavy"}, {"transform": "trained"})
    fidelities = (EXACT, Fidelity.stepped(3.0), Fidelity.within(2.0))
    for chosen, fidelity, level in product(options, fidelities, LEVELS):
        for samples in (_volume()[None, ..., None], _volume(volumes=5)[..., None]):
            yield partial(_wavelet, samples, level, fidelity, chosen)
    noise = (_wide() % 1000).astype(np.int16)
    yield partial(_wavelet, noise[None, ..., None], 1, Fidelity.stepped(100.0), {})  # bands with weights of their own
    for level in (4, 5):  # bands that follow motion, and blocks
        yield partial(_wavelet, _moving()[None, ..., None], level, Fidelity.stepped(60.0), {})
    yield _sequence
    yield _siren
    yield _dicom
    yield _packings


def _floats(dtype: str) -> Iterator[NDArray[Any]]:
    """Floats that are scaled integers, computed ones, few different ones, and some with NaN."""
    values = _volume("f8")
    yield (values * np.float64(0.37)).astype(dtype)
    computed = (values / (300.0 + values[::-1])).astype(dtype)
    yield computed
    yield (_labels("f8") / 3).astype(dtype)
    yield np.where(computed > 0.2, computed, np.nan).astype(dtype)


def _through_a_file(samples: NDArray[Any], **options: Any) -> None:
    blob = api.encode(samples, threads=1, force_lossy=True, **options)
    api.decode(blob, threads=1)
    with api.open(blob, threads=1) as image:
        image.preview(1)


def _wavelet(samples: NDArray[Any], level: int, fidelity: Fidelity, options: dict[str, Any]) -> None:
    from voxz.codecs.wavelet import codec  # noqa: PLC0415 - compiles kernels

    payload = codec.encode_brick(samples, level, fidelity, **options)
    if payload is not None:
        codec.decode_brick(payload, samples.shape, samples.dtype)


def _sequence() -> None:
    """What scaled integers and grids are off by; most have nothing to code there."""
    from voxz.codecs.predictive.residuals import decode_sequence, encode_sequence  # noqa: PLC0415 - compiles kernels

    values = np.arange(-2, 3, dtype=np.int32)
    decode_sequence(encode_sequence(values, abs(values)), abs(values))


def _dicom() -> None:
    from voxz.io.dicom.elements import read_elements  # noqa: PLC0415 - compiles kernels

    file = bytes(128) + b"DICM" + b"\x08\0\x05\0CS\x0a\0ISO_IR 100"
    read_elements(lambda start, length: file[start : start + length], len(file))


def _packings() -> None:
    """Frames of a few samples, packed from heads of streams and unpacked."""
    from voxz.io.packings import jpeg_lossless, jpeg_ls, rle  # noqa: PLC0415 - compiles kernels
    from voxz.io.packings.first_block import FirstBlock  # noqa: PLC0415 - likewise

    layout = Layout((4, 2), np.dtype("<u2"), first_axis_fastest=True)
    samples = np.arange(1 << 15, (1 << 15) + 8, dtype="<u2").tobytes()
    frame, scan = b"\0\x0b\x10\0\2\0\4\1\1\x11\0", b"\xff\xda\0\x08\1\1\0"
    codes = b"\xff\xc4\0\x24\0" + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(range(17))
    lossless = b"\xff\xd8" + codes + b"\xff\xc3" + frame + scan + b"\4\0\0"
    nearly = b"\xff\xd8\xff\xf7" + frame + scan + b"\0\0\0"
    jpeg_lossless.unpack(jpeg_lossless.pack(samples, b"\0\1" + varint(len(lossless)) + lossless + b"\0", layout), layout)
    jpeg_ls.unpack(jpeg_ls.pack(samples, b"\0" + varint(len(nearly)) + nearly + b"\0", layout), layout)
    rle.unpack(rle.pack(samples, b"\0" + 2 * b"\0\0", layout), layout)
    FirstBlock(lambda start, length: b"\3\0")


def _siren() -> None:
    """Decode latents and a network; fitting them needs PyTorch and happens there."""
    from voxz.codecs.masked import Prepared  # noqa: PLC0415 - compiles kernels
    from voxz.codecs.siren import codec  # noqa: PLC0415
    from voxz.codecs.siren.field import Field, Networks  # noqa: PLC0415
    from voxz.codecs.siren.latents import SCALES, Latents  # noqa: PLC0415
    from voxz.codecs.siren.network import Shape  # noqa: PLC0415
    from voxz.codecs.siren.weights import decode_weights, encode_weights  # noqa: PLC0415

    samples = _volume()[None, ..., None]
    prepared = Prepared.of(samples)
    assert prepared is not None
    shape = Shape((1 + SCALES + 3, 4, 1), (1, 0), (1.0, 1.0))
    numbers = np.arange(shape.weights, dtype=np.int64)[None] % 5 - 2
    payload = encode_weights(numbers, np.full(len(shape.tensors()), 0.125, np.float32), shape)
    networks = Networks(shape, decode_weights(payload, 1, shape), payload, floats=False)
    latents = Latents.encode(_volume("f8")[None], (1, 1, 1), 4.0, 5)
    one = np.ones((1, 1))
    field = Field(1, SHAPE, 3, networks, latents, np.zeros(1 + SCALES, np.int64), one[:0], one[:0], None, 0.0)
    for bound in (np.inf, 40.0, 3.0):
        codec.decode_brick(codec.encode_field(prepared, field, bound), samples.shape, samples.dtype)
