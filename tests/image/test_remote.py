"""What an image costs over a network: requests and bytes of opening it, of slices, and of a preview."""

import pickle
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import pytest

import phantoms
import voxz
from http_store import Served
from voxz.container.byte_source import FRONT, REMOTE_GAP


@pytest.fixture(scope="module")
def scan() -> tuple[np.ndarray, bytes]:
    """Six slabs of two bricks each, and their file."""
    array = np.tile(phantoms.head((36, 128, 256)), (4, 2, 1))
    return array, voxz.encode(array, level=1)


def test_requests_and_bytes(scan: tuple[np.ndarray, bytes], served: Served) -> None:
    array, blob = scan
    served.files["a.voxz"] = blob
    with voxz.open(served.url("a.voxz")) as image:
        assert served.taken() == (2, FRONT), "opening: its size, and its front"
        slabs = -(-len(array) // image.chunks[0])
        assert slabs > 4
        assert image.header is None
        repr(image)
        assert served.taken() == (0, 0)
        assert np.array_equal(image[70], array[70])
        requests, size = served.taken()
        assert requests == 1, "a slice across one slab: one request"
        assert size < 1.5 * len(blob) / slabs
        assert np.array_equal(image[71], array[71])
        assert served.taken() == (0, 0), "its neighbour is in the cache"
    with voxz.open(served.url("a.voxz"), cache_bytes=1 << 30) as image:
        served.taken()
        assert np.array_equal(image[:, :, 100], array[:, :, 100])
        requests, size = served.taken()
        assert requests == 1, "a slice along z needs everything: neighbouring ranges are one request"
        assert len(blob) - FRONT <= size <= len(blob)
        assert np.array_equal(image[...], array)
        assert served.taken() == (0, 0)


def test_the_volumes_of_an_archive_share_what_was_read(tmp_path: Path, served: Served) -> None:
    arrays = [np.random.default_rng(seed).integers(0, 1 << 16, (8, 64, 64), np.uint16) for seed in range(4)]
    (tmp_path / "in").mkdir()
    for number, array in enumerate(arrays):
        np.save(tmp_path / "in" / f"{number}.npy", array)
    voxz.compress(tmp_path / "in", tmp_path / "a.voxz", level=1)
    served.files["a.voxz"] = (tmp_path / "a.voxz").read_bytes()
    with voxz.open(served.url("a.voxz")) as archive:
        assert [image.name for image in archive.series] == ["0.npy", "1.npy", "2.npy", "3.npy"]
        assert served.taken()[0] == 3, "the size, the front, and the names, which lie at the end"
        volumes = archive.series
    for image, array in zip(volumes, arrays, strict=True):
        assert np.array_equal(image, array), "they stay open when the archive is closed"
        image.close()
        image.close()
    assert served.taken()[0] <= len(volumes)
    with voxz.open(tmp_path / "a.voxz") as archive:
        first, second = archive.series[:2]
        first.close()
        assert np.array_equal(second, arrays[1])


def test_a_slice_across_cubes_reads_a_row_of_them(scan: tuple[np.ndarray, bytes], served: Served) -> None:
    array, _ = scan
    served.files["a.voxz"] = blob = voxz.encode(array, level=1, brick=64)
    rows, across = 3 * 4, 4  # of cubes of 64
    with voxz.open(served.url("a.voxz")) as image:
        served.taken()
        assert np.array_equal(image[:, :, 100], array[:, :, 100])
        requests, size = served.taken()
        assert requests == rows, "one for each row of cubes: what lies between them is not asked for"
        assert size < 1.5 * len(blob) / across


def test_a_preview_is_one_request(scan: tuple[np.ndarray, bytes], served: Served) -> None:
    served.files["a.voxz"] = blob = scan[1]
    with voxz.open(served.url("a.voxz")) as image:
        served.taken()
        assert image.preview(2).shape == (36, 64, 64)
        requests, size = served.taken()
        assert requests == 1
        assert size <= len(blob)


def test_batches_are_bounded(scan: tuple[np.ndarray, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    array, blob = scan
    monkeypatch.setattr("voxz.container.reader.BATCH_BYTES", 1000)
    with voxz.open(blob) as image:
        numbers = list(range(len(image._array.bricks)))
        assert [[number for number, _ in batch] for batch in image._array.batches(numbers)] == [[n] for n in numbers]
        assert np.array_equal(image[::9], array[::9])


def test_bricks_that_lie_apart_are_asked_side_by_side(served: Served) -> None:
    array = np.random.default_rng(1).integers(-30000, 30000, (200, 256, 64)).astype(np.int16)
    served.files["a.voxz"] = voxz.encode(array, codec="stored")
    with voxz.open(served.url("a.voxz")) as image:
        served.taken()
        assert image._array.bricks[1].length > REMOTE_GAP
        assert np.array_equal(image[[3, 190]], array[[3, 190]])
        assert served.taken()[0] == 2


def test_an_image_by_its_url_can_be_pickled(scan: tuple[np.ndarray, bytes], served: Served) -> None:
    array, blob = scan
    served.files["a.voxz"] = blob
    with voxz.open(served.url("a.voxz")) as image, pickle.loads(pickle.dumps(image)) as copy:
        assert np.array_equal(copy[5, 6], array[5, 6])


def test_other_stores_and_their_file_objects(scan: tuple[np.ndarray, bytes]) -> None:
    array, blob = scan
    with fsspec.open("memory://scans/a.voxz", "wb") as file:
        file.write(blob)
    with voxz.open("memory://scans/a.voxz") as image:
        assert np.array_equal(image[9], array[9])
    with fsspec.open("memory://scans/a.voxz") as file, voxz.open(file) as image:
        assert np.array_equal(image[9], array[9])


def test_s3(scan: tuple[np.ndarray, bytes], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    s3fs, server = pytest.importorskip("s3fs"), pytest.importorskip("moto.server")
    array, blob = scan
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    store.start()
    host, port = store.get_host_and_port()
    given = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}
    for name, value in (given | {"ENDPOINT_URL": f"http://{host}:{port}"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        files = s3fs.S3FileSystem(skip_instance_cache=True)
        files.mkdir("scans")
        files.pipe("scans/a.voxz", blob)
        caplog.set_level("INFO", "werkzeug")
        caplog.clear()
        with voxz.open("s3://scans/a.voxz") as image:
            assert len(caplog.records) == 2, "opening: its size, and its front"
            assert np.array_equal(image[9], array[9])
            assert len(caplog.records) == 3
    finally:
        store.stop()


def test_a_file_within_a_zip_file(scan: tuple[np.ndarray, bytes], tmp_path: Path) -> None:
    array, blob = scan
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "scans.zip", "w", packing) as archive:
            archive.writestr("sub-01/a.voxz", blob)
        with voxz.open(f"zip://sub-01/a.voxz::{(tmp_path / 'scans.zip').as_posix()}") as image:
            assert np.array_equal(image[9], array[9])
            assert np.array_equal(image[..., 3], array[..., 3])
