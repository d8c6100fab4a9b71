"""Bytes come from memory, paths, file objects and URLs alike; few requests, few open files, no surprise when a file changes."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from http_store import Served
from samples import smooth
from voxz.container import byte_source as module
from voxz.container.byte_source import ByteSource, byte_source

DATA = bytes(range(256)) * 40
ARRAY = smooth((6, 20, 24))
BLOB = voxz.encode(ARRAY, codec="stored")


class Least:
    """A file object with nothing but `read` and `seek`, which says where it is or does not."""

    def __init__(self, data: bytes, says: bool = True) -> None:
        self._file, self._says = io.BytesIO(data), says

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        at = self._file.seek(offset, whence)
        return at if self._says else None  # type: ignore[return-value]


@pytest.fixture(params=["bytes", "bytearray", "memoryview", "array", "path", "file", "BytesIO", "least", "url"])
def source(request: pytest.FixtureRequest, tmp_path: Path, served: Served) -> Iterator[ByteSource]:
    path = tmp_path / "data"
    path.write_bytes(DATA)
    served.files["data"] = DATA
    with path.open("rb") as file:
        made: dict[str, Any] = {
            "bytes": DATA,
            "bytearray": bytearray(DATA),
            "memoryview": memoryview(DATA),
            "array": np.frombuffer(DATA, "<i4"),
            "path": path,
            "file": file,
            "BytesIO": io.BytesIO(DATA),
            "least": Least(DATA),
            "url": served.url("data"),
        }
        opened = byte_source(made[request.param])
        yield opened
        opened.close()


def test_every_source_reads_the_same(source: ByteSource) -> None:
    assert source.size == len(DATA)
    assert source.read(300, 20) == DATA[300:320]
    assert source.read(len(DATA) - 3, 10) == DATA[-3:]
    assert source.read(len(DATA) + 5, 10) == b""
    ranges = [(500, 10), (0, 4), (505, 20), (520, 0), (9000, 5000), (4, 3)]
    assert source.read_many(ranges) == [DATA[offset : offset + length] for offset, length in ranges]


@pytest.mark.parametrize("kind", [bytearray, memoryview, io.BytesIO, lambda blob: np.frombuffer(blob, np.uint8)])
def test_buffers_and_file_objects_wherever_bytes_go(kind: Any, tmp_path: Path) -> None:
    assert np.array_equal(voxz.decode(kind(BLOB)), ARRAY)
    voxz.verify(kind(BLOB))
    assert voxz.info(kind(BLOB)).to_dict() == voxz.info(BLOB).to_dict()
    voxz.decompress(kind(BLOB), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == ARRAY.tobytes()
    with voxz.open(kind(BLOB)) as image:
        assert np.array_equal(image[2], ARRAY[2])


def test_a_file_object_stays_open_and_what_cannot_seek_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    with (tmp_path / "a.voxz").open("rb") as file:
        assert np.array_equal(voxz.decode(file), ARRAY)
        assert not file.closed
    with subprocess.Popen([sys.executable, "-c", "print(end='')"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with pytest.raises(voxz.UnsupportedError, match="empty"):
            voxz.decode(process.stdout)
    with (tmp_path / "a.voxz").open(encoding="latin-1") as text, pytest.raises(voxz.UsageError, match="mode 'rb'"):
        voxz.decode(text)  # type: ignore[arg-type]
    with pytest.raises(voxz.UsageError, match="its seek must return the position"):
        voxz.decode(Least(BLOB, says=False))
    with pytest.raises(voxz.UsageError, match=r"a path, a URL, bytes, or a file object \(got int\)"):
        voxz.decode(5)  # type: ignore[arg-type]


def test_missing_files_and_folders_are_the_errors_of_the_system(tmp_path: Path, served: Served) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.voxz"):
        voxz.open(tmp_path / "missing.voxz")
    with pytest.raises(IsADirectoryError):
        voxz.open(tmp_path)
    with pytest.raises(FileNotFoundError):
        voxz.open(served.url("missing.voxz"))
    served.stop()
    with pytest.raises(OSError, match="127"):
        voxz.open(served.url("missing.voxz"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_with_a_name_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(BLOB))
    writer.start()
    assert np.array_equal(voxz.decode(tmp_path / "pipe"), ARRAY)
    writer.join()


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.voxz"
    path.write_bytes(BLOB)
    monkeypatch.setattr(module, "MOST_OPEN", 1)
    with voxz.open(path) as image:
        with voxz.open(path) as other:
            assert np.array_equal(other[0], ARRAY[0])
            path.with_suffix(".new").write_bytes(voxz.encode(ARRAY + 1, codec="stored"))
            path.with_suffix(".new").replace(path)
        with voxz.open(path) as other:
            assert np.array_equal(other[1], ARRAY[1] + 1)
            with pytest.raises(voxz.CorruptError, match="was changed while it was open"):
                image[1]


def test_a_closed_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    image = voxz.open(tmp_path / "a.voxz")
    image.close()
    with pytest.raises(voxz.UsageError, match="was closed; open it again"):
        image[0]


def test_neighbouring_ranges_are_one_request(served: Served) -> None:
    data = np.random.default_rng(1).bytes(400_000)
    served.files["far"] = data
    source = byte_source(served.url("far"))
    assert served.taken() == (2, module.FRONT)
    ranges = [(100_000 + 1000 * k, 900) for k in range(20)] + [(300_000, 10)]
    assert source.read_many(ranges) == [data[offset : offset + length] for offset, length in ranges]
    assert served.taken() == (2, 19_900 + 10)
    assert source.read(10, 100) == data[10:110]
    assert served.taken() == (0, 0)


def test_a_server_without_ranges_is_read_once() -> None:
    store = Served(ranges=False)
    store.files["a"] = BLOB * 40
    source = byte_source(store.url("a"))
    assert source.read(70_000, 50) == (BLOB * 40)[70_000:70_050]
    store.stop()


def test_urls_without_fsspec_name_the_extra() -> None:
    script = (
        "import sys; sys.modules['fsspec'] = None; sys.modules['fsspec.core'] = None\n"
        "import voxz\n"
        "try: voxz.open('http://host/a.voxz')\n"
        'except voxz.MissingDependencyError as error: assert "voxz[remote]" in str(error)\n'
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_ten_thousand_open_images_need_few_descriptors(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(BLOB)
    script = (
        "import os, resource, sys, voxz\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
        "images = [voxz.open(sys.argv[1]) for _ in range(10_000)]\n"
        "assert len(os.listdir('/proc/self/fd')) < 100\n"
        "assert all(images[k][0, 0, 0] == images[0][0, 0, 0] for k in range(0, 10_000, 97))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.voxz")], check=True)
