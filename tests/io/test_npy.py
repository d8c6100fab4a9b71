"""NumPy files come back byte for byte."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import digest, smooth
from voxz.errors import PlainBytesWarning


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["?", "<i2", ">u4", "<f2", ">f8", "<c8", "<i8"])
def test_round_trip(dtype: str, order: str, tmp_path: Path) -> None:
    array = np.asarray(smooth((6, 7, 8, 2), dtype), order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "a.npy", array)
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.npy")
    assert digest(tmp_path / "a.npy") == digest(tmp_path / "b.npy")
    with voxz.open(tmp_path / "a.voxz") as image:
        assert np.array_equal(image[...], array)
        assert image.affine is None
    assert np.array_equal(voxz.decode((tmp_path / "a.voxz").read_bytes()), array)
    fastest = "z=1:3" if order == "C" else "x=1:3"
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "part.npy", select=fastest)
    part = np.load(tmp_path / "part.npy")
    axis = 1 if order == "C" else 0
    assert np.array_equal(part, np.take(array, [1, 2], axis))


@pytest.mark.parametrize("array", [np.array(5), np.zeros((0, 3)), np.arange(7), np.arange(2, dtype="g")])
def test_small_npy_files_come_back(array: NDArray[Any], tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.npy")
    assert digest(tmp_path / "a.npy") == digest(tmp_path / "b.npy")


def test_objects_and_records_are_refused(tmp_path: Path) -> None:
    for array in (np.array([{}, 1], object), np.zeros(3, [("a", "i2")])):
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        with pytest.raises(voxz.UnsupportedError, match="not plain numbers"):
            voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz", strict=True)


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_a_pickle_in_a_file_is_never_run(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Trap(tmp_path / "trapped")], object), allow_pickle=True)
    with pytest.warns(PlainBytesWarning):
        voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.npy")
    assert digest(tmp_path / "a.npy") == digest(tmp_path / "b.npy")
    assert not (tmp_path / "trapped").exists()
    np.load(tmp_path / "b.npy", allow_pickle=True)
    assert (tmp_path / "trapped").exists()


def test_damaged_headers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(9))
    good = (tmp_path / "a.npy").read_bytes()
    for data in (good[:7], good[:40], good[:-3], good.replace(b"shape", b"shapf"), good[:8] + b"\xff\xff" + good[10:]):
        (tmp_path / "b.npy").write_bytes(data)
        with pytest.raises(voxz.VoxzError):
            voxz.compress(tmp_path / "b.npy", tmp_path / "b.voxz", strict=True)
        assert not (tmp_path / "b.voxz").exists()
