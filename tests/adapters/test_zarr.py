"""Zarr finds the codec by itself, in both versions, and gives back what was written, or keeps the bound."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from phantoms import head, labels
from voxz.errors import MissingDependencyError

zarr = pytest.importorskip("zarr", minversion="3")
numcodecs = pytest.importorskip("numcodecs")

SHAPES: list[tuple[int, ...]] = [(), (37,), (9, 31), (5, 17, 20), (3, 4, 9, 11), (2, 3, 4, 5, 7)]

CODEC: dict[str, Any] = {"name": "voxz", "configuration": {"level": 1}}
"""What `serializer` takes;"""

V2 = {"id": "voxz", "level": 1}
"""and `compressors`."""


def made(shape: tuple[int, ...], dtype: str, version: int = 3, *, store: Any = None, max_error: float = 0, **how: Any) -> Any:
    """An array of one of the versions in memory, cut into chunks of about half of each axis."""
    options = {"level": 1, "max_error": max_error}
    chunks = tuple(n // 2 + 1 for n in shape)
    codec = {"serializer": {"name": "voxz", "configuration": options}, "compressors": None}
    if version == 2:
        codec = {"compressors": numcodecs.get_codec({"id": "voxz", **options})}
    store = zarr.storage.MemoryStore() if store is None else store
    return zarr.create_array(store, **{"shape": shape, "dtype": dtype, "chunks": chunks, "zarr_format": version, **codec, **how})


def samples(shape: tuple[int, ...], dtype: str) -> Any:
    values = np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    if np.dtype(dtype).kind in "fc":
        values = np.asarray(values / np.asarray(3, dtype), dtype)
        values.reshape(-1)[:1] = np.nan
    return values


def same(found: Any, wanted: Any) -> bool:
    return found.shape == wanted.shape and np.array_equal(found, wanted, equal_nan=wanted.dtype.kind in "fc")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_arrays_of_all_numbers_of_axes_come_back(shape: tuple[int, ...], version: int) -> None:
    for dtype in ("<i2", ">i2", ">f4", "<f8"):
        image = samples(shape, dtype)
        array = made(shape, dtype, version)
        array[...] = image
        again = zarr.open_array(array.store, mode="r")
        assert same(np.asarray(again[...]), image)
        assert again.dtype.newbyteorder("=") == image.dtype.newbyteorder("=")
        assert version == 3 or again.dtype == image.dtype


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "uint16", "int32", "uint64", "float16", "complex64", "complex128"])
def test_arrays_of_all_numbers_come_back(dtype: str) -> None:
    for version in (2, 3):
        array = made((5, 9, 8), dtype, version)
        array[...] = image = samples((5, 9, 8), dtype)
        assert same(np.asarray(zarr.open_array(array.store)[...]), image)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_both_orders_come_back(order: str, version: int) -> None:
    array = made((6, 20, 22), "int16", version, order=order) if version == 2 else made((6, 20, 22), "int16")
    for image in (head((6, 20, 22)), np.asfortranarray(head((6, 20, 22), 2)), head((22, 20, 6)).T):
        array[...] = image
        assert np.array_equal(array[...], image)


def test_filters_and_transposes_beside_it() -> None:
    image = head((6, 20, 22))
    turned = made(image.shape, "int16", filters=[{"name": "transpose", "configuration": {"order": [2, 0, 1]}}])
    delta = made(image.shape, "int16", 2, filters=[numcodecs.Delta("<i2")])
    packed = made(image.shape, "int16", compressors={"name": "gzip", "configuration": {"level": 1}})
    for array in (turned, delta, packed):
        array[...] = image
        assert np.array_equal(array[1:5, 3, ::2], image[1:5, 3, ::2])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("dtype", "fill"), [("int16", -1024), ("float32", np.nan), ("float64", -0.5), ("bool", True)])
def test_fill_values_are_where_nothing_was_written(dtype: str, fill: Any, version: int) -> None:
    array = made((7, 12, 10), dtype, version, fill_value=fill)
    wanted = np.full((7, 12, 10), fill, dtype)
    assert same(np.asarray(array[...]), wanted)
    array[2:3, 4:, 1] = wanted[2:3, 4:, 1] = dtype != "bool"
    again = zarr.open_array(array.store)
    assert same(np.asarray(again[...]), wanted)
    assert same(np.asarray(again[5:, 1:3]), wanted[5:, 1:3])
    assert 0 < array.nchunks_initialized < array.nchunks


def test_shards() -> None:
    for max_error in (0, 3):
        image = head((16, 24, 32))
        array = made(image.shape, "int16", max_error=max_error, chunks=(4, 8, 8), shards=(8, 24, 16))
        array[...] = image
        assert array.metadata.to_dict()["codecs"][0]["name"] == "sharding_indexed"
        again = zarr.open_array(array.store)
        for index in (..., (3,), (slice(2, 11), 7, slice(None, None, 3)), (slice(5, 6), slice(20, 24), slice(30, 32))):
            assert abs(again[index].astype(int) - image[index]).max() <= max_error
        again[:, 5] = image[:, 6]
        assert abs(again[:, 5].astype(int) - image[:, 6]).max() <= max_error
    array = made((4, 8), "int16", chunks=(2, 2), shards=(4, 4), fill_value=7)
    array[1, 1] = 3
    assert array[...].sum() == 7 * 31 + 3


def test_every_way_of_indexing_gives_what_numpy_gives() -> None:
    image = head((9, 30, 41))
    array = made(image.shape, "int16", chunks=(5, 30, 20))
    array[...] = image
    for index in (4, (slice(1, 8, 3), 2), (..., 40), (slice(3, 3),), (8, 29, 40), (-1, slice(None), slice(5, 6))):
        assert np.array_equal(array[index], image[index])
    assert np.array_equal(array.oindex[[0, 7], :, [3, 3, 40]], image[np.ix_([0, 7], range(30), [3, 3, 40])])
    assert np.array_equal(array.vindex[[0, 7, 8], [29, 1, 2], [3, 3, 40]], image[[0, 7, 8], [29, 1, 2], [3, 3, 40]])
    mask = image > 300
    assert np.array_equal(array.get_mask_selection(mask), image[mask])
    assert np.array_equal(array.blocks[1, 0, 1], image[5:, :, 20:40])


def test_a_part_of_a_chunk_decodes_only_its_bricks(monkeypatch: pytest.MonkeyPatch) -> None:
    image = head((60, 200, 200))
    array = made(image.shape, "int16", chunks=image.shape)
    array[...] = image
    stored = next(value for key, value in array.store._store_dict.items() if key.startswith("c/")).to_bytes()
    bricks = voxz.info(stored).bricks
    assert bricks > 1
    decoded: list[int] = []
    from voxz.image.brick_cache import BrickCache

    before = BrickCache.visit

    def visit(cache: BrickCache, numbers: list[int], *rest: Any) -> None:
        decoded.extend(numbers)
        before(cache, numbers, *rest)

    monkeypatch.setattr(BrickCache, "visit", visit)
    assert np.array_equal(array[7, :, 3], image[7, :, 3])
    assert 0 < len(decoded) < bricks


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("max_error", [1, 5])
def test_the_bound_holds(max_error: int, version: int) -> None:
    image = head((12, 40, 44))
    lossless, lossy = made(image.shape, "int16", version), made(image.shape, "int16", version, max_error=max_error)
    lossless[...] = lossy[...] = image
    again = zarr.open_array(lossy.store)
    errors = abs(again[...].astype(int) - image)
    assert 0 < errors.max() <= max_error
    assert again.nbytes_stored() < lossless.nbytes_stored()
    settings = again.metadata.to_dict()
    assert max_error == (settings["compressor"] if version == 2 else settings["codecs"][0]["configuration"])["max_error"]


def test_bounds_of_floats_are_kept_beside_nan() -> None:
    image = (head((8, 24, 24)) / 7).astype("f4")
    image[:2] = np.nan
    array = made(image.shape, "float32", max_error=0.25)
    array[...] = image
    assert np.array_equal(np.isnan(array[...]), np.isnan(image))
    assert np.nanmax(abs(array[...].astype("f8") - image)) <= 0.25


def test_a_chunk_that_looks_like_a_label_map_has_the_bound_of_its_array() -> None:
    image = labels((12, 40, 44))
    array = made(image.shape, "uint8", max_error=2)
    array[...] = image
    assert abs(array[...].astype(int) - image).max() <= 2


WRITE = """
import sys, json, numpy as np, zarr
assert not [name for name in sys.modules if name.startswith("voxz")]
image = np.arange(4 * 9 * 8, dtype=np.int16).reshape(4, 9, 8)
three = zarr.create_array("three.zarr", data=image, serializer={"name": "voxz", "configuration": {"level": 2}}, compressors=None)
two = zarr.create_array("two.zarr", data=image, zarr_format=2, compressors={"id": "voxz", "level": 2})
assert "voxz" in sys.modules
"""

READ = """
import sys, numpy as np, zarr
image = np.arange(4 * 9 * 8, dtype=np.int16).reshape(4, 9, 8)
assert not [name for name in sys.modules if name.startswith("voxz")]
for name in ("three.zarr", "two.zarr"):
    assert (zarr.open_array(name, mode="r")[...] == image).all()
"""


def test_zarr_finds_the_codec_without_an_import(tmp_path: Path) -> None:
    for script in (WRITE, READ):
        done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "three.zarr/zarr.json").read_text())
    assert told["codecs"] == [{"name": "voxz", "configuration": {"level": 2, "max_error": 0}}]
    assert json.loads((tmp_path / "two.zarr/.zarray").read_text())["compressor"] == {"id": "voxz", "level": 2, "max_error": 0}


def test_a_chunk_is_a_file() -> None:
    array = made((4, 9, 8), "int16", chunks=(4, 9, 8))
    array[...] = image = head((4, 9, 8))
    (stored,) = [value.to_bytes() for key, value in array.store._store_dict.items() if key.startswith("c/")]
    assert np.array_equal(voxz.decode(stored), image)


def test_numcodecs_by_name_into_arrays_that_are_there() -> None:
    codec = numcodecs.get_codec(V2)
    assert codec == numcodecs.get_codec({**V2, "max_error": 0})
    image = head((5, 9, 8))
    stored, out = codec.encode(image), np.empty((5, 9, 8), np.int16)
    assert np.array_equal(codec.decode(bytearray(stored), out), image)
    assert np.array_equal(out, image)
    assert bytes(codec.decode(codec.encode(b"bytes of no shape"))) == b"bytes of no shape"


def test_what_is_refused() -> None:
    with pytest.raises(voxz.UsageError, match="level must be 1"):
        made((4,), "int16", serializer={"name": "voxz", "configuration": {"level": 10}})
    with pytest.raises(voxz.UsageError, match="max error"):
        made((4,), "int16", max_error=-1)
    with pytest.raises(voxz.UsageError, match=r"has the options level, max_error \(got .*speed"):
        made((4,), "int16", serializer={"name": "voxz", "configuration": {"speed": 10}})
    with pytest.raises(voxz.UsageError, match="up to 7 axes"):
        made((1,) * 8, "int16")
    with pytest.raises(voxz.UsageError, match="takes integers"):
        made((4,), "U3")
    with pytest.raises(voxz.UsageError, match="level must be 1"):
        numcodecs.get_codec({"id": "voxz", "level": 0})


def test_damaged_and_foreign_chunks_are_errors() -> None:
    array = made((4, 9, 8), "int16", chunks=(4, 9, 8))
    array[...] = head((4, 9, 8))
    (key,) = [key for key in array.store._store_dict if key.startswith("c/")]
    good = array.store._store_dict[key]
    other = (voxz.encode(np.zeros(shape, dtype)) for shape, dtype in [((9, 8, 4), "i2"), ((4, 9, 8), "u2"), ((4, 9, 8), "i1")])
    damaged = bytearray(good.to_bytes())
    damaged[len(damaged) // 2] ^= 1
    for chunk in (*other, bytes(damaged), good.to_bytes()[:-20]):
        array.store._store_dict[key] = type(good).from_bytes(chunk)
        for index in (..., (1, slice(2, 4))):
            with pytest.raises(voxz.CorruptError):
                array[index]
    array.store._store_dict[key] = type(good).from_bytes(voxz.encode(np.zeros((400, 900, 8), "i2")))
    with pytest.raises(voxz.VoxzError):
        array[...]


@pytest.mark.parametrize("host", ["numcodecs", "zarr"])
def test_without_the_host_the_extra_is_named(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == host]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, host, None)
    monkeypatch.delitem(sys.modules, f"voxz.adapters.{host}", raising=False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'voxz\[zarr\]'"):
        __import__(f"voxz.adapters.{host}")
