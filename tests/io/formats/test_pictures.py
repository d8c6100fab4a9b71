"""TIFF in all its forms as tifffile writes it, PNG as Pillow does, and folders of numbered slices."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foreign import parsed, taken
from samples import smooth
from voxz.entropy.varint import varint
from voxz.errors import CorruptError, VoxzError
from voxz.io.packings import strips
from voxz.io.tiff.directories import directories
from voxz.volume.layout import Layout

tifffile = pytest.importorskip("tifffile")
image_module = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(13)


def stack(kind: str = "u2", shape: tuple[int, ...] = (3, 40, 50)) -> NDArray[Any]:
    samples: NDArray[Any] = smooth((int(np.prod(shape[:-2])), *shape[-2:])).reshape(shape)
    return (samples - samples.min() if np.dtype(kind).kind == "u" else samples).astype(kind)


def tiff(samples: NDArray[Any], **options: Any) -> dict[str, bytes]:
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return {"a.tif": file.getvalue()}


def assert_found(files: dict[str, bytes], samples: NDArray[Any], kept: int = 0) -> None:
    """All samples are found, in the order of tifffile: pages, rows, columns, channels."""
    found = taken(files, "a.tif")
    assert found.kept == kept
    array = found.array
    channels = found.found.stretches["a.tif"][0].layout.channels > 1
    axes = array.ndim - channels
    seen = array.transpose(*reversed(range(axes)), *range(axes, array.ndim))
    assert np.array_equal(seen, samples.squeeze())


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "i4", "f2", "f4", "f8", "c8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_plain_pages(kind: str, order: str, bigtiff: bool) -> None:
    samples = stack(kind)
    assert_found(tiff(samples, byteorder=order, bigtiff=bigtiff, photometric="minisblack"), samples)


@pytest.mark.parametrize("options", [{"rowsperstrip": 7}, {"tile": (16, 16)}, {"tile": (16, 32)}, {"rowsperstrip": 1}])
@pytest.mark.parametrize("compression", [None, "lzw", "packbits", "deflate"])
def test_strips_and_tiles(options: dict[str, Any], compression: str | None) -> None:
    samples = stack(shape=(2, 48, 64))
    assert_found(tiff(samples, photometric="minisblack", compression=compression, **options), samples)


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i2", "f4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_predictors(predictor: bool, kind: str, order: str) -> None:
    samples = stack(kind, (2, 30, 36))
    files = tiff(samples, photometric="minisblack", compression="lzw", predictor=predictor, byteorder=order, rowsperstrip=8)
    assert_found(files, samples)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("options", [{}, {"compression": "lzw", "rowsperstrip": 5}, {"tile": (16, 16)}])
def test_colours(planar: str, options: dict[str, Any]) -> None:
    samples = np.stack([stack("u1", (1, 48, 32))[0] // (k + 1) for k in range(3)], -1 if planar == "contig" else 0)
    found = taken(tiff(samples, photometric="rgb", planarconfig=planar, **options), "a.tif")
    assert found.kept == 0
    seen = found.array.transpose(1, 0, 2) if planar == "contig" else found.array.T
    assert np.array_equal(seen, samples)


def test_padded_tiles_hold_whole_tiles() -> None:
    samples = stack("u1", (1, 40, 50))[0]
    array = taken(tiff(samples, tile=(16, 16), photometric="minisblack"), "a.tif").array.T
    assert array.shape == (48, 64)
    assert np.array_equal(array[:40, :50], samples)


def test_pyramids() -> None:
    samples, file = stack("u2", (1, 64, 96))[0], io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(samples, subifds=2, tile=(16, 16), photometric="minisblack")
        for factor in (2, 4):
            writer.write(samples[::factor, ::factor], subfiletype=1, tile=(16, 16), photometric="minisblack")
    found = taken({"a.tif": file.getvalue()}, "a.tif")
    assert [array.shape for array in found.arrays] == [(96, 64), (48, 32), (32, 16)]
    assert np.array_equal(found.arrays[0].T, samples)


@pytest.mark.parametrize("axes", ["TZCYX", "CZYX", "ZCTYX", "ZYX"])
def test_ome(axes: str) -> None:
    """Axes by their names, whatever their order in the file; the size of a voxel in mm."""
    shape = {"T": 2, "Z": 4, "C": 3, "Y": 24, "X": 20}
    samples = stack("u2", tuple(shape[axis] for axis in axes))
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 500.0, "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 2.0}
    found = taken(tiff(samples, ome=True, metadata={"axes": axes, **sizes}, photometric="minisblack"), "a.tif")
    order = [axes.index(axis) for axis in "XYZCT" if axis in axes]
    assert np.array_equal(found.array, samples.transpose(order))
    assert np.allclose(found.affine, np.diag([5e-4, 5e-4, 2e-3, 1]))


@pytest.mark.parametrize("truncate", [False, True])
def test_imagej(truncate: bool) -> None:
    samples = stack("u2", (2, 4, 3, 24, 20))
    options = {"resolution": (2.0, 4.0), "metadata": {"axes": "TZCYX", "spacing": 3.0, "unit": "um"}}
    files = tiff(samples, imagej=True, **options)
    if truncate:
        file = bytearray(files["a.tif"])
        first = next(directories(io.BytesIO(bytes(file)), len(file)))
        count = len(first.tags)
        at = int.from_bytes(file[4:8], "big" if file[:2] == b"MM" else "little")
        file[at + 2 + count * 12 : at + 6 + count * 12] = bytes(4)
        array = taken({"a.tif": bytes(file)}, "a.tif").array
        assert np.array_equal(array.T, samples.reshape(24, 24, 20))
        return
    found = taken(files, "a.tif")
    assert np.array_equal(found.array, samples.transpose(4, 3, 1, 2, 0))
    assert np.allclose(found.affine, np.diag([5e-4, 2.5e-4, 3e-3, 1]))


def test_pages_of_several_sizes_are_several_arrays() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for side in (30, 20, 30):
            writer.write(stack("u1", (1, side, 40))[0], contiguous=False, photometric="minisblack")
    assert sorted(array.shape for array in taken({"a.tif": file.getvalue()}, "a.tif").arrays) == [(40, 20), (40, 30, 2)]


@pytest.mark.parametrize("compression", ["jpeg", "zstd"])
def test_other_compressions_are_kept_as_they_are(compression: str) -> None:
    pytest.importorskip("imagecodecs")
    files = tiff(stack("u1", (2, 32, 32)), compression=compression, photometric="minisblack")
    assert taken(files, "a.tif").found.stretches == {"a.tif": ()}


def test_rings_of_directories_end() -> None:
    file = bytearray(tiff(stack("u1", (1, 8, 8))[0], photometric="minisblack")["a.tif"])
    at = int.from_bytes(file[4:8], "little")
    count = int.from_bytes(file[at : at + 2], "little")
    file[at + 2 + count * 12 : at + 6 + count * 12] = at.to_bytes(4, "little")
    with pytest.raises(CorruptError, match="circles"):
        parsed({"a.tif": bytes(file)}, "a.tif")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_png(mode: str, level: int) -> None:
    samples = stack("u2" if mode == "I;16" else "u1", (1, 33, 47))[0]
    picture = image_module.fromarray(samples)
    picture = picture if mode in ("L", "I;16") else picture.convert("RGB").convert(mode)
    file = io.BytesIO()
    picture.save(file, "png", compress_level=level)
    found = taken({"a.png": file.getvalue()}, "a.png")
    assert found.kept == 0
    assert np.array_equal(found.array.swapaxes(0, 1), np.asarray(picture))


@pytest.mark.parametrize("kind", ["u1", ">u2"])
@pytest.mark.parametrize("chunk", [50, 1 << 20])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_filter_of_png(kind: str, chunk: int, channels: int) -> None:
    """All five filters in turn, undone by Pillow, too."""
    samples = RNG.integers(0, 255, (25, 17, channels)).astype(kind)
    size, rows = channels * np.dtype(kind).itemsize, samples.reshape(25, -1).view(np.uint8).astype(int)
    lines = b""
    for y in range(25):
        up = rows[y - 1] if y else np.zeros_like(rows[0])
        left, corner = (np.concatenate([np.zeros(size, int), row[:-size]]) for row in (rows[y], up))
        distance = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
        paeth = np.choose(np.argmin(distance, 0), [left, up, corner])
        taken_off = [0, left, up, (left + up) // 2, paeth][y % 5]
        lines += bytes([y % 5]) + ((rows[y] - taken_off) % 256).astype(np.uint8).tobytes()
    stream = zlib.compress(lines)
    pieces = [stream[at : at + chunk] for at in range(0, len(stream), chunk)]
    header = (17).to_bytes(4, "big") + (25).to_bytes(4, "big") + bytes([8 * size // channels, 0 if channels == 1 else 2, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"tEXt", b"a\0b"), *((b"IDAT", piece) for piece in pieces), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big") for name, body in chunks
    )
    found = taken({"a.png": file}, "a.png")
    assert found.kept == 0
    assert np.array_equal(found.array.swapaxes(0, 1).reshape(samples.shape), samples)
    if kind == "u1":
        assert np.array_equal(np.asarray(image_module.open(io.BytesIO(file))).reshape(samples.shape), samples)


def test_cut_and_changed_pictures_are_refused_or_read(tmp_path: Path) -> None:
    png = io.BytesIO()
    image_module.fromarray(stack("u1", (1, 20, 20))[0]).save(png, "png")
    files = tiff(stack("u1", (2, 32, 32)), compression="lzw", photometric="minisblack") | {"a.png": png.getvalue()}
    for name, file in files.items():
        for number in range(400):
            changed = bytearray(file)
            end = len(file) if number % 2 else min(400, len(file))
            for at in RNG.integers(0, end, RNG.integers(1, 5)):
                changed[at] = RNG.integers(256)
            try:
                taken({name: bytes(changed[: RNG.integers(1, len(file) + 1)] if number % 5 == 0 else changed)}, name)
            except (VoxzError, StopIteration):
                continue


def test_a_directory_beyond_any_file_is_damage() -> None:
    file = b"II\x2b\0\x08\0\0\0" + (2**64 - 8).to_bytes(8, "little")
    with pytest.raises(CorruptError, match="beyond its end"):
        parsed({"a.tif": file}, "a.tif")


def test_strips_of_half_rows_are_damage() -> None:
    layout = Layout((9, 7), np.dtype("u1"), first_axis_fastest=True)
    how = zlib.crc32(b"").to_bytes(4, "little") + b"".join(map(varint, (strips.LZW, 2, 28, 28, 1)))
    with pytest.raises(CorruptError, match="strips of 28 bytes"):
        strips.pack(bytes(63), how + bytes(40), layout)
    assert strips.unpack(bytes(80), layout, strips.LZW, 2, 28, 28, 1, 0, 20, 20, 20, 40, 20) is None
