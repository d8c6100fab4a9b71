"""NRRD and MetaImage, as pynrrd and SimpleITK write them and as their formats allow."""

import bz2
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foreign import folder, parsed, taken
from voxz.errors import CorruptError, UnsupportedError, VoxzError

nrrd = pytest.importorskip("nrrd")
sitk = pytest.importorskip("SimpleITK")

RNG = np.random.default_rng(11)
KINDS = ["i1", "u1", "<i2", ">u2", "<i4", "<u4", "<i8", "<u8", ">f4", "<f8"]
LPS_TO_RAS = np.diag([-1.0, -1, 1, 1])


def volume(kind: str, shape: tuple[int, ...] = (5, 4, 3)) -> NDArray[Any]:
    return RNG.integers(0, 99, shape).astype(kind)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_nrrd_by_pynrrd(encoding: str, detached: bool, kind: str, tmp_path: Path) -> None:
    samples = volume(kind)
    header = {
        "encoding": encoding,
        "space": "left-posterior-superior",
        "space directions": [[2, 0, 0], [0, 0, 3], [0, 4, 0.5]],
        "space origin": [1, 2, 3],
    }
    name = "a.nhdr" if detached else "a.nrrd"
    nrrd.write(str(tmp_path / name), samples, header, detached_header=detached)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = taken(files, name)
    assert found.kept == 0
    assert np.array_equal(found.array, samples)
    assert np.allclose(found.affine, LPS_TO_RAS @ [[2, 0, 0, 1], [0, 0, 4, 2], [0, 3, 0.5, 3], [0, 0, 0, 1]])


def written(fields: dict[str, str], data: bytes, samples: NDArray[Any], newline: str = "\n") -> bytes:
    names = {"u1": "uint8", "i2": "short", "f4": "float"}
    said = {"type": names[samples.dtype.str[1:]], "dimension": str(samples.ndim), "sizes": " ".join(map(str, samples.shape))}
    said |= {"endian": "big" if samples.dtype.str[0] == ">" else "little", "encoding": "raw"} | fields
    lines = ["NRRD0005", "# a comment: with a colon", *(f"{key}: {value}" for key, value in said.items()), "key:=value"]
    return (newline.join(lines) + newline * 2).encode() + data


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("skipped", "lines", "count"), [(b"", 0, 0), (b"one\ntwo\n", 2, 0), (b"one\n1234", 1, 4), (b"12345", 0, -1)]
)
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bz2"])
def test_nrrd_skips(newline: str, skipped: bytes, lines: int, count: int, encoding: str) -> None:
    """Lines are skipped in the file, bytes in what is unpacked; -1 takes the last bytes of a raw file."""
    samples = volume("<i2")
    data = samples.tobytes("F")
    packs: dict[str, Callable[[bytes], bytes]] = {"raw": bytes, "gzip": gzip.compress, "bz2": bz2.compress}
    pack = packs[encoding]
    split = skipped.rfind(b"\n") + 1
    if count < 0 and encoding != "raw":
        split, count = len(skipped), 0
    file = written({"line skip": str(lines), "byteskip": str(count), "encoding": encoding}, b"", samples, newline)
    file += skipped[:split] + pack(skipped[split:] + data) if encoding != "raw" else skipped + data
    if encoding != "raw" and split == len(skipped) and lines == 0 and split:
        return
    found = taken({"a.nrrd": file}, "a.nrrd")
    assert found.kept == 0
    assert np.array_equal(found.array, samples)


@pytest.mark.parametrize("channels", [3, 4, 6])
@pytest.mark.parametrize("kinds", ["RGB-color domain domain domain", "vector space space space", None])
def test_nrrd_colours_are_no_axis_of_space(channels: int, kinds: str | None) -> None:
    samples = volume("u1", (channels, 5, 4, 3))
    fields = {"space": "RAS", "space directions": "none (1,0,0) (0,2,0) (0,0,3)"} | ({"kinds": kinds} if kinds else {})
    found = taken({"a.nrrd": written(fields, samples.tobytes("F"), samples)}, "a.nrrd")
    assert np.array_equal(found.array, np.moveaxis(samples, 0, -1))
    assert np.allclose(found.affine, np.diag([1, 2, 3, 1]))


def test_nrrd_gradient_directions_stay_the_slowest_axis() -> None:
    samples = volume(">i2", (5, 4, 3, 7))
    fields = {"kinds": "space space space list", "space": "LAS", "space directions": "(1,0,0) (0,2,0) (0,0,3) none"}
    found = taken({"a.nrrd": written(fields, samples.tobytes("F"), samples)}, "a.nrrd")
    assert np.array_equal(found.array, samples)
    assert np.allclose(found.affine, np.diag([-1, 2, 3, 1]))


@pytest.mark.parametrize("said", ["LIST", "s%02d.raw 1 3 1", "s%02d.raw 3 1 -1", "LIST 3"])
def test_nrrd_in_several_files(said: str) -> None:
    samples = volume("<i2", (5, 4, 3))
    slices = [samples[..., z].tobytes("F") for z in range(3)]
    names = ["s01.raw", "s02.raw", "s03.raw"]
    order = names[::-1] if "-1" in said else names
    listed = "\n".join(names) + "\n" if "LIST" in said else ""
    head = written({}, b"", samples).rstrip(b"\n") + f"\ndata file: {said}\n{listed}".encode()
    found = taken({"a.nhdr": head, **dict(zip(order, slices, strict=True))}, "a.nhdr")
    assert np.array_equal(found.array, samples)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
@pytest.mark.parametrize("compressed", [False, True])
def test_images_by_simpleitk(kind: str, name: str, compressed: bool, tmp_path: Path) -> None:
    samples = volume(np.dtype(kind).newbyteorder("=").str)
    image = sitk.GetImageFromArray(samples)
    image.SetSpacing([1.5, 2.0, 3.0])
    image.SetOrigin([-10, 20, 30.5])
    image.SetDirection([0, 1, 0, 0, 0, -1, 1, 0, 0])
    sitk.WriteImage(image, str(tmp_path / name), compressed)
    found = parsed(folder(tmp_path), name)
    assert found.space is not None
    assert found.space.affine is not None
    directions = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    expected = LPS_TO_RAS @ np.block([[directions, np.array(image.GetOrigin())[:, None]], [np.zeros((1, 3)), 1]])
    assert np.allclose(found.space.affine, expected)
    whole = taken(folder(tmp_path), name)
    if not compressed:
        assert np.array_equal(whole.array.T, samples)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr"])
@pytest.mark.parametrize("colours", [False, True])
def test_nrrd_by_simpleitk(name: str, colours: bool, tmp_path: Path) -> None:
    samples = volume("u1", (3, 4, 5, 3) if colours else (3, 4, 5))
    image = sitk.GetImageFromArray(samples, isVector=colours)
    image.SetSpacing([1.5, 2.0, 3.0])
    sitk.WriteImage(image, str(tmp_path / name), False)
    found = taken(folder(tmp_path), name)
    assert np.array_equal(found.array.transpose(2, 1, 0, *range(3, found.array.ndim)), samples)
    assert np.allclose(found.affine, LPS_TO_RAS @ np.diag([1.5, 2, 3, 1]))


def meta(samples: NDArray[Any], data: bytes, local: str = "LOCAL", **fields: str) -> bytes:
    names = {"u1": "MET_UCHAR", "i2": "MET_SHORT", "f4": "MET_FLOAT", "f8": "MET_DOUBLE"}
    said = {"ObjectType": "Image", "NDims": str(samples.ndim), "BinaryData": "True"}
    said |= {"BinaryDataByteOrderMSB": str(samples.dtype.str[0] == ">"), "DimSize": " ".join(map(str, samples.shape))}
    said |= {"ElementType": names[samples.dtype.str[1:]]} | fields
    return "".join(f"{key} = {value}\n" for key, value in said.items()).encode() + f"ElementDataFile = {local}\n".encode() + data


@pytest.mark.parametrize("level", [1, 6, 9])
def test_compressed_metaimage(level: int) -> None:
    samples = volume(">i2")
    data = zlib.compress(samples.tobytes("F"), level)
    local = {"a.mha": meta(samples, data, CompressedData="True")}
    apart = {"a.mhd": meta(samples, b"", "a.zraw", CompressedData="True"), "a.zraw": data}
    for files in (local, apart):
        found = taken(files, next(iter(files)))
        assert found.kept == 0
        assert np.array_equal(found.array, samples)


@pytest.mark.parametrize("skip", ["0", "5", "-1"])
def test_metaimage_header_size_and_lists(skip: str) -> None:
    samples = volume("<f4")
    front = b"12345" if skip != "0" else b""
    found = taken({"a.mha": meta(samples, front + samples.tobytes("F"), HeaderSize=skip)}, "a.mha")
    assert np.array_equal(found.array, samples)
    slices = {f"s{z}.raw": front + samples[..., z].tobytes("F") for z in range(3)}
    listed = meta(samples, b"s0.raw\ns1.raw\ns2.raw\n", "LIST", HeaderSize=skip)
    for header in (listed, meta(samples, b"", "s%d.raw 0 2 1", HeaderSize=skip)):
        assert np.array_equal(taken({"a.mhd": header, **slices}, "a.mhd").array, samples)


@pytest.mark.parametrize("channels", [2, 3, 9])
def test_channels_of_metaimage(channels: int) -> None:
    samples = volume("u1", (5, 4, 3, channels))
    data = np.moveaxis(samples, -1, 0).tobytes("F")
    header = meta(samples[..., 0], data, ElementNumberOfChannels=str(channels))
    assert np.array_equal(taken({"a.mha": header}, "a.mha").array, samples)


def test_what_is_kept_as_it_is() -> None:
    samples = volume("u1")
    with pytest.raises(UnsupportedError, match="text"):
        parsed({"a.mha": meta(samples, b"1 2 3", BinaryData="False")}, "a.mha")
    with pytest.raises(UnsupportedError, match="block"):
        parsed({"a.nrrd": written({"type": "block"}, b"", samples)}, "a.nrrd")
    with pytest.raises(UnsupportedError, match=r"b\.raw"):
        parsed({"a.mhd": meta(samples, b"", "b.raw")}, "a.mhd")
    with pytest.raises(CorruptError, match="samples take"):
        parsed({"a.nrrd": written({}, b"few", samples)}, "a.nrrd")


def test_changed_headers_raise_only_errors_of_this_package() -> None:
    samples = volume("<i2")
    nhdr = written({"space": "LPS", "space directions": "(1,0,0) (0,2,0) (0,0,3)", "data file": "s%d.raw 0 2 1"}, b"", samples)
    for name, header in (("a.nhdr", nhdr), ("a.mhd", meta(samples, b"s0.raw\ns1.raw\ns2.raw", "LIST 2D", Offset="1 2 3"))):
        for _ in range(400):
            changed = bytearray(header)
            for at in RNG.integers(0, len(header), RNG.integers(1, 4)):
                changed[at] = RNG.integers(256)
            files = {f"s{z}.raw": samples[..., z].tobytes("F") for z in range(3)} | {name: bytes(changed)}
            try:
                parsed(files, name)
            except (VoxzError, StopIteration):
                continue
