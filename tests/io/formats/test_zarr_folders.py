"""Zarr and OME-Zarr folders, written chunk by chunk: every byte back, chunks as one array."""

import gzip
import itertools
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import contents, smooth
from voxz.errors import MissingDependencyError, PlainBytesWarning
from voxz.io.packings import packing
from voxz.volume.layout import Layout

VOLUME = smooth((22, 40, 36))


def numcodecs() -> Any:
    return pytest.importorskip("numcodecs")


def gzipped(data: NDArray[Any]) -> bytes:
    return gzip.compress(data.tobytes(), 5, mtime=0)


COMPRESSORS: dict[str, tuple[dict[str, Any] | None, Callable[[NDArray[Any]], bytes]]] = {
    "raw": (None, lambda data: data.tobytes()),
    "zlib": ({"id": "zlib", "level": 3}, lambda data: zlib.compress(data.tobytes(), 3)),
    "gzip": ({"id": "gzip", "level": 5}, gzipped),
    "zstd": ({"id": "zstd", "level": 3, "checksum": True}, lambda data: numcodecs().Zstd(3, True).encode(data)),
    "blosc": (
        {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
        lambda data: numcodecs().Blosc("lz4", 5, 1).encode(data),
    ),
    "blosc of zstd": (
        {"id": "blosc", "cname": "zstd", "clevel": 7, "shuffle": -1, "blocksize": 4096},
        lambda data: numcodecs().Blosc("zstd", 7, -1, 4096).encode(data),
    ),
}


def write(
    folder: Path, version: int, how: str, chunk: tuple[int, ...], *, volume: NDArray[Any] = VOLUME, missing: Any = (), **told: Any
) -> None:
    """An array as Zarr writes it: the last chunks whole, filled up with zeros; without chunks whose number is `missing`."""
    folder.mkdir(parents=True)
    compressor, pack = COMPRESSORS[how]
    grid = [-(-n // c) for n, c in zip(volume.shape, chunk, strict=True)]
    if version == 2:
        metadata = {"zarr_format": 2, "shape": volume.shape, "chunks": chunk, "dtype": volume.dtype.str, "order": "C"}
        metadata |= {"compressor": compressor, "filters": None, "fill_value": 0} | told
        separator = str(metadata.get("dimension_separator", "."))
        (folder / ".zarray").write_text(json.dumps(metadata))
    else:
        options = dict(compressor or {})
        if "shuffle" in options:
            names = ["shuffle" if volume.dtype.itemsize > 1 else "bitshuffle", "noshuffle", "shuffle"]
            options["shuffle"] = names[options["shuffle"] + 1]
        codecs = [{"name": "bytes", "configuration": {"endian": "big" if volume.dtype.str[0] == ">" else "little"}}]
        codecs += [{"name": options.pop("id"), "configuration": options}] if options else []
        metadata = {"zarr_format": 3, "node_type": "array", "shape": volume.shape, "data_type": volume.dtype.name}
        metadata |= {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}}, "codecs": codecs}
        metadata |= {"chunk_key_encoding": {"name": "default"}, "fill_value": 0} | told
        separator = "/"
        (folder / "zarr.json").write_text(json.dumps(metadata, indent=2))
    if not grid:
        return
    padded = np.pad(volume, [(0, g * c - n) for g, c, n in zip(grid, chunk, volume.shape, strict=True)])
    for number, place in enumerate(itertools.product(*map(range, grid))):
        if number in missing:
            continue
        part = padded[tuple(slice(k * c, k * c + c) for k, c in zip(place, chunk, strict=True))]
        path = folder / ("c/" * (version == 3) + separator.join(map(str, place)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(np.ascontiguousarray(part)))


def archived(place: Path) -> "voxz.Image":
    voxz.compress(place / "in", place / "a.voxz", level=1)
    voxz.decompress(place / "a.voxz", place / "out")
    assert contents(place / "out") == contents(place / "in")
    return voxz.open(place / "a.voxz")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("how", COMPRESSORS)
def test_slabs_are_one_volume(tmp_path: Path, version: int, how: str) -> None:
    write(tmp_path / "in/a.zarr/0", version, how, (8, 40, 36))
    with archived(tmp_path) as archive:
        (image,) = archive.series
        assert image.format == "zarr"
        assert np.array_equal(image[...], np.pad(VOLUME, [(0, 2), (0, 0), (0, 0)]))


@pytest.mark.parametrize("how", ["raw", "zlib", "blosc"])
@pytest.mark.parametrize("dtype", ["<u2", ">i2", "|u1", "<f4", "|b1"])
def test_chunks_of_any_grid_are_one_array(tmp_path: Path, how: str, dtype: str) -> None:
    volume = (VOLUME % (2 if dtype == "|b1" else 250)).astype(dtype)
    write(tmp_path / "in", 2, how, (8, 20, 36), volume=volume, dimension_separator="/")
    with archived(tmp_path) as archive:
        (image,) = archive.series
        assert image.shape == (3, 2, 8, 20, 36)
        whole = np.asarray(image[...]).transpose(0, 2, 1, 3, 4).reshape(24, 40, 36)
        assert np.array_equal(whole[:22], volume)


@pytest.mark.parametrize(
    ("chunk", "shape"),
    [((1, 1, 8, 9, 10), (2, 3, 16, 9, 10)), ((1, 1, 1, 9, 10), (2, 3, 16, 9, 10)), ((1, 3, 8, 9, 10), (2, 2, 3, 8, 9, 10))],
)
def test_times_and_channels_are_axes(tmp_path: Path, chunk: tuple[int, ...], shape: tuple[int, ...]) -> None:
    volume = VOLUME.ravel()[: 2 * 3 * 16 * 9 * 10].reshape(2, 3, 16, 9, 10)
    write(tmp_path / "in", 3, "raw", chunk, volume=volume, dimension_names=["t", "c", "z", "y", "x"])
    with archived(tmp_path) as archive:
        (image,) = archive.series
        assert image.shape == shape
        if len(shape) == 5:
            assert np.array_equal(image[...], volume)


def test_chunks_that_are_missing_damaged_or_strange_stop_nothing(tmp_path: Path) -> None:
    write(tmp_path / "in/holes", 2, "zlib", (4, 20, 36), missing={1})
    write(tmp_path / "in/damaged", 3, "zlib", (4, 40, 36))
    (tmp_path / "in/damaged/c/2/0/0").write_bytes(b"no zlib")
    (tmp_path / "in/damaged/c/3/0/0").write_bytes(zlib.compress(b"too short"))
    write(tmp_path / "in/filters", 2, "raw", (22, 40, 36), filters=[{"id": "delta"}])
    write(tmp_path / "in/turned", 2, "raw", (22, 40, 36), order="F")
    write(tmp_path / "in/sharded", 3, "raw", (22, 40, 36), codecs=[{"name": "sharding_indexed"}])
    write(tmp_path / "in/wrong", 3, "raw", (22, 40, 36), shape=[22, 40])
    write(tmp_path / "in/scalar", 2, "raw", (), volume=np.array(3))
    (tmp_path / "in/text").mkdir()
    (tmp_path / "in/text/.zarray").write_text('{"zarr_format": 2')
    with pytest.warns(PlainBytesWarning), archived(tmp_path) as archive:
        assert {(image.name, image.shape) for image in archive.series} == {
            ("holes", (11, 4, 20, 36)),
            ("damaged/c", (16, 40, 36)),
        }


def test_equal_names_in_other_folders_are_other_arrays(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / "in" / name, 2, "raw", (4, 40, 36))
    with archived(tmp_path) as archive:
        assert [image.shape for image in archive.series] == [(24, 40, 36)] * 2


def group(folder: Path, version: int, axes: str, *resolutions: tuple[str, list[float]], unit: str = "micrometer") -> None:
    """Metadata of an OME-Zarr group: the resolutions' paths and scales, all starting at 10."""
    datasets = [
        {
            "path": path,
            "coordinateTransformations": [
                {"type": "scale", "scale": scale},
                {"type": "translation", "translation": [0.0 if axis in "tc" else 10.0 for axis in axes]},
            ],
        }
        for path, scale in resolutions
    ]
    named = [{"name": axis, "unit": unit, "type": "time" if axis == "t" else "space"} for axis in axes]
    multiscales = [
        {"axes": named, "datasets": datasets, "coordinateTransformations": [{"type": "scale", "scale": [2.0] * len(axes)}]}
    ]
    if version == 2:
        (folder / ".zattrs").write_text(json.dumps({"multiscales": multiscales}))
    else:
        attributes = {"ome": {"version": "0.5", "multiscales": multiscales}}
        (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}))


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr_has_voxel_sizes(tmp_path: Path, version: int) -> None:
    write(tmp_path / "in/a.zarr/0", version, "raw", (11, 40, 36))
    write(tmp_path / "in/a.zarr/s/1", version, "raw", (1, 1, 20, 18), volume=VOLUME[None, ::2, ::2, ::2])
    group(tmp_path / "in/a.zarr", version, "zyx", ("0", [300.0, 200.0, 100.0]))
    group(tmp_path / "in/a.zarr/s", version, "tzyx", ("0", [1.0] * 4), ("1", [1.0, 600.0, 400.0, 200.0]))
    with archived(tmp_path) as archive:
        fine, coarse = sorted(archive.series, key=lambda image: -image.shape[1])
        assert fine.affine is not None
        assert coarse.affine is not None
        assert np.allclose(fine.affine[:3], [[0, 0, 0.2, 0.02], [0, 0.4, 0, 0.02], [0.6, 0, 0, 0.02]])
        assert coarse.shape == (11, 20, 18)
        assert np.allclose(coarse.affine[:3], [[0, 0, 0.4, 0.02], [0, 0.8, 0, 0.02], [1.2, 0, 0, 0.02]])


def test_planes_of_ome_zarr_lie_in_space(tmp_path: Path) -> None:
    write(tmp_path / "in/a.zarr/0", 2, "raw", (1, 40, 36), volume=VOLUME[:1])
    group(tmp_path / "in/a.zarr", 2, "zyx", ("0", [0.5, 0.25, 0.125]), unit="millimeter")
    with archived(tmp_path) as archive:
        (image,) = archive.series
        assert image.shape == (40, 36)
        assert image.affine is not None
        assert np.allclose(image.affine[:3, :3], np.array([[0, 1, 0], [2, 0, 0], [0, 0, 4]]) / 4)
        assert np.allclose(image.affine[:3, 3], 20)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"multiscales": 3}',
        '{"multiscales": [{"axes": ["z", "y", "x"], "datasets": [{"path": "0"}]}]}',
        '{"multiscales": [{"axes": [{}], "datasets": [{"path": "0", "coordinateTransformations": [{"scale": [0]}]}]}]}',
    ],
)
def test_groups_that_say_nothing_sound_give_no_place(tmp_path: Path, text: str) -> None:
    write(tmp_path / "in/0", 2, "raw", (11, 40, 36))
    (tmp_path / "in/.zattrs").write_text(text)
    with archived(tmp_path) as archive:
        (image,) = archive.series
        assert image.affine is None


@pytest.mark.parametrize(("unit", "chunk"), [("parsec", (11, 40, 36)), ("micrometer", (11, 20, 36))])
def test_without_a_unit_or_in_parts_there_is_no_place(tmp_path: Path, unit: str, chunk: tuple[int, ...]) -> None:
    write(tmp_path / "in/0", 2, "raw", chunk)
    group(tmp_path / "in", 2, "zyx", ("0", [1.0, 1.0, 1.0]), unit=unit)
    with archived(tmp_path) as archive:
        (image,) = archive.series
        assert image.affine is None


@pytest.mark.parametrize("name", ["zstd", "blosc"])
def test_without_the_package_there_are_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, f"numcodecs.{name}", None)
    layout = Layout((4,), np.dtype("<i2"), first_axis_fastest=False)
    how = bytes(4) + (b"\3\0" if name == "zstd" else b"\1\5\1\2\0")
    with pytest.raises(MissingDependencyError, match=r"pip install 'voxz\[zarr\]'"):
        packing(name).pack(bytes(8), how, layout)


def shards(folder: Path, compressor: str, location: str, chunk: tuple[int, ...] = (4, 20, 18)) -> None:
    """An array in shards, by the package zarr; the last of them go beyond the array."""
    zarr = pytest.importorskip("zarr")
    codecs = pytest.importorskip("zarr.codecs")
    packed = {"zstd": codecs.ZstdCodec(level=3), "gzip": codecs.GzipCodec(level=5), "blosc": codecs.BloscCodec(cname="lz4")}
    array = zarr.create_array(
        store=folder,
        shape=VOLUME.shape,
        chunks=chunk,
        shards={"shape": (8, 40, 36), "index_location": location},
        dtype=VOLUME.dtype,
        compressors=packed.get(compressor),
        fill_value=-1,
    )
    array[:] = VOLUME


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("compressor", ["none", "zstd", "gzip", "blosc"])
def test_chunks_in_shards_are_one_array(tmp_path: Path, compressor: str, location: str) -> None:
    shards(tmp_path / "in/grid", compressor, location)
    shards(tmp_path / "in/slabs", compressor, location, (2, 40, 36))
    with archived(tmp_path) as archive:
        grid, slabs = archive.series
        assert (grid.shape, slabs.shape) == ((6, 2, 2, 4, 20, 18), (22, 40, 36))
        whole = np.asarray(grid[...]).transpose(0, 3, 1, 4, 2, 5).reshape(24, 40, 36)
        assert np.array_equal(whole[:22], VOLUME)
        assert np.array_equal(slabs[...], VOLUME)


def test_damaged_shards_stop_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, start in (("index", -100), ("chunks", 0), ("cut", 0), ("empty", 0), ("lost", 0), ("none", 0)):
        shards(tmp_path / "in" / name, "zstd", "end")
        place = tmp_path / "in" / name / "c/1/0/0"
        data = bytearray(place.read_bytes())
        data[start : start + 90] = rng.bytes(90)
        place.write_bytes({"cut": bytes(data[:-50]), "empty": b"", "none": bytes(len(data))}.get(name, bytes(data)))
        if name == "lost":
            place.unlink()
    with archived(tmp_path) as archive:
        assert len(archive.series) >= 6
    metadata = json.loads((tmp_path / "in/lost/zarr.json").read_text())
    for number, change in enumerate([{"chunk_shape": [3, 20, 18]}, {"chunk_shape": [0]}, {"index_codecs": []}, {"codecs": [{}]}]):
        told = json.loads(json.dumps(metadata))
        told["codecs"][0]["configuration"] |= change
        (tmp_path / f"in/strange{number}").mkdir()
        (tmp_path / f"in/strange{number}/zarr.json").write_text(json.dumps(told))
    for made in ("a.voxz", "out"):
        (tmp_path / made).rename(tmp_path / f"old.{made}")
    with pytest.warns(PlainBytesWarning, match="Zarr"), archived(tmp_path):
        pass
