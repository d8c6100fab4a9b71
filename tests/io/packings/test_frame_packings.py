"""Frames in lossless JPEG, JPEG-LS and RLE: the samples of other decoders, and the very bytes again."""

import contextlib
import hashlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import uid

from dicoms import parsed, slice_of, written
from phantoms import head
from samples import printed_by_plain_python
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, VoxzError
from voxz.io.packings import dicom_items, jpeg_lossless, jpeg_ls, mosaic, rle
from voxz.volume.layout import Layout

PICTURE = head((3, 40, 50))[1].astype(np.uint16)
BYTES = (PICTURE >> 2).astype(np.uint8)
COLOURS = np.stack([BYTES, BYTES[::-1], 255 - BYTES], axis=-1)
NOISE = np.random.default_rng(1).integers(0, 1 << 16, (17, 23)).astype(np.uint16)
FLAT = np.full((9, 300), 77, np.uint16)
EDGES = np.random.default_rng(2).choice(np.array([0, 1, 65535], np.uint16), (30, 31))


def layout_of(pixels: NDArray[Any]) -> Layout:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    return Layout(pixels.shape[1::-1], pixels.dtype.newbyteorder("<"), first_axis_fastest=True, channels=channels)


def check(module: Any, stream: bytes | bytearray, pixels: NDArray[Any]) -> None:
    """Bare and in fragments, a stream gives these pixels and itself."""
    layout, bare = layout_of(pixels), bytes(stream)
    for data in (bare, dicom_items.wrap(bare, []), dicom_items.wrap(bare, [10, len(bare) // 2])):
        unpacked = module.unpack(data, layout)
        assert unpacked is not None
        assert unpacked[0] == pixels.astype(layout.dtype).tobytes()
        assert module.pack(*unpacked, layout) == data


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(
    "pixels", [PICTURE, BYTES, COLOURS, NOISE, FLAT, EDGES], ids=["16", "8", "rgb", "noise", "flat", "edges"]
)
def test_lossless_jpeg(predictor: int, pixels: NDArray[Any]) -> None:
    bits = 8 * pixels.dtype.itemsize
    check(
        jpeg_lossless,
        imagecodecs.jpeg8_encode(
            pixels, lossless=True, predictor=predictor, bitspersample=bits, colorspace="RGB", outcolorspace="RGB"
        )
        if pixels.ndim == 3
        else imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits),
        pixels,
    )


@pytest.mark.parametrize("bits", [10, 12, 13])
def test_precisions_between_bytes(bits: int) -> None:
    pixels = PICTURE & ((1 << bits) - 1)
    check(jpeg_lossless, imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=bits), pixels)


def test_restarts_begin_anew() -> None:
    """A stream with restarts, made by ours and read by libjpeg-turbo."""
    rows, columns = PICTURE.shape
    tables = b"\xff\xc4\0\x24\0" + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(range(17))
    frame = b"\xff\xc3\0\x0b\x10" + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + b"\1\1\x11\0"
    interval = b"\xff\xdd\0\4" + (3 * columns).to_bytes(2, "big")
    before = b"\xff\xd8" + tables + frame + interval + b"\xff\xda\0\x08\1\1\0\4\0\0"
    how = b"\0" + varint(1) + varint(len(before)) + before + varint(2) + b"\xff\xd9"
    stream = jpeg_lossless.pack(PICTURE.tobytes(), how, layout_of(PICTURE))
    assert stream.count(b"\xff\xd0") == 2
    assert np.array_equal(imagecodecs.jpeg8_decode(stream), PICTURE)
    check(jpeg_lossless, stream, PICTURE)


def test_signed_samples_have_the_sign_of_the_precision() -> None:
    signed = head((3, 20, 20))[1].astype(np.int16) - 300
    stream = imagecodecs.jpeg8_encode(signed.view(np.uint16) & 0xFFF, lossless=True, predictor=1, bitspersample=12)
    check(jpeg_lossless, stream, signed)
    check(jpeg_ls, imagecodecs.jpegls_encode(signed.view(np.uint16)), signed)


@pytest.mark.parametrize("bound", [0, 1, 2, 7, 40])
@pytest.mark.parametrize(
    "pixels", [PICTURE, BYTES, COLOURS, NOISE, FLAT, EDGES], ids=["16", "8", "rgb", "noise", "flat", "edges"]
)
def test_jpeg_ls(bound: int, pixels: NDArray[Any]) -> None:
    stream = imagecodecs.jpegls_encode(pixels, level=bound)
    check(jpeg_ls, stream, imagecodecs.jpegls_decode(stream))


@pytest.mark.parametrize("plugin", ["pydicom", "gdcm"])
@pytest.mark.parametrize("pixels", [PICTURE, BYTES, COLOURS, NOISE, FLAT], ids=["16", "8", "rgb", "noise", "flat"])
def test_rle_by_the_rules_of_encoders(plugin: str, pixels: NDArray[Any]) -> None:
    data = slice_of(pixels)
    data.compress(uid.RLELossless, encoding_plugin=plugin, generate_instance_uid=False)
    file = written(data)
    (stretch,) = parsed(file).stretches["a.dcm"]
    check(rle, file[stretch.start + 8 : stretch.start + stretch.length], pixels)
    unpacked = rle.unpack(file[stretch.start : stretch.start + stretch.length], stretch.layout)
    assert unpacked is not None
    assert len(unpacked[1]) < 40


def packets(plane: bytes, lengths: list[int]) -> bytes:
    """Literals of the given lengths, in turn, until the plane ends; pauses between them."""
    out, at, turn = b"", 0, 0
    while at < len(plane):
        length = min(lengths[turn % len(lengths)], len(plane) - at)
        out += bytes([length - 1]) + plane[at : at + length] + b"\x80"
        at, turn = at + length, turn + 1
    return out[:-1] + b"\0\0"


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(1, 128), min_size=1))
def test_rle_of_any_encoder(plane: bytes, lengths: list[int]) -> None:
    stream = rle._head([rle.HEAD]) + packets(plane, lengths)
    check(rle, stream, np.frombuffer(plane, np.uint8).reshape(1, -1))


def test_rle_of_one_pixel_has_no_axes() -> None:
    layout = Layout((), np.dtype("u1"), first_axis_fastest=True)
    stream = rle._head([rle.HEAD]) + b"\0\7"
    unpacked = rle.unpack(stream, layout)
    assert unpacked is not None
    assert unpacked[0] == b"\7"
    assert rle.pack(*unpacked, layout) == stream


HIGH = packets(PICTURE.tobytes()[1::2], [100])
STREAMS = {
    jpeg_lossless: bytes(imagecodecs.jpeg8_encode(PICTURE, lossless=True, predictor=6, bitspersample=16)),
    jpeg_ls: bytes(imagecodecs.jpegls_encode(PICTURE, level=1)),
    rle: rle._head([64, 64 + len(HIGH)]) + HIGH + packets(PICTURE.tobytes()[::2], [100]),
}


@given(
    st.sampled_from(list(STREAMS)),
    st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_damage(module: Any, changes: list[tuple[int, int]], wrapped: bool, in_front: bool) -> None:
    """Damaged streams give as many samples, or none; damaged words on how to pack are an error of ours, or bytes."""
    data = dicom_items.wrap(STREAMS[module], [30]) if wrapped else STREAMS[module]
    layout = layout_of(PICTURE)
    undamaged = module.unpack(data, layout)
    damaged = bytearray(data)
    for at, value in changes:
        damaged[at % (400 if in_front else len(data))] = value
    unpacked = module.unpack(bytes(damaged), layout)
    if unpacked is not None:
        assert len(unpacked[0]) == layout.nbytes
        with contextlib.suppress(VoxzError):
            assert isinstance(module.pack(*unpacked, layout), bytes)
    assert undamaged is not None
    how = bytearray(undamaged[1])
    for at, value in changes:
        how[at % len(how)] = value
    with contextlib.suppress(VoxzError):
        assert isinstance(module.pack(undamaged[0], bytes(how), layout), bytes)


def test_mosaics_have_square_pictures() -> None:
    layout = Layout((3, 4, 5), np.dtype("<u2"), first_axis_fastest=True)
    assert mosaic.unpack(bytes(8 * 24), layout) is None
    assert mosaic.unpack(bytes(4 * 24), layout) is None
    samples, how = mosaic.unpack(bytes(9 * 24), layout) or (b"", b"")
    assert mosaic.pack(samples, how, layout) == bytes(9 * 24)
    for wrong in (varint(2), varint(1 << 40), how + b"left over", b""):
        with pytest.raises(CorruptError):
            mosaic.pack(samples, wrong, layout)


def parity_digests() -> str:
    """Digest of the samples and the words of all streams."""
    pictures, segment = layout_of(PICTURE[:12, :20]), packets(bytes(range(240)), [120])
    streams: list[tuple[Any, bytes | bytearray]] = [
        (jpeg_lossless, imagecodecs.jpeg8_encode(PICTURE[:12, :20].copy(), lossless=True, predictor=5, bitspersample=16)),
        (jpeg_ls, imagecodecs.jpegls_encode(PICTURE[:12, :20].copy())),
        (jpeg_ls, imagecodecs.jpegls_encode(PICTURE[:12, :20].copy(), level=3)),
        (rle, rle._head([64, 64 + len(segment)]) + 2 * segment),
    ]
    all_of_it = hashlib.sha256()
    for module, stream in streams:
        unpacked = module.unpack(bytes(stream), pictures)
        assert unpacked is not None
        assert module.pack(*unpacked, pictures) == stream
        all_of_it.update(b"".join(unpacked))
    return all_of_it.hexdigest()


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == parity_digests()
