"""Images as arrays of dask, on threads, on processes and on a cluster of this machine."""

import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from phantoms import head, series
from samples import write_nifti
from voxz.errors import MissingDependencyError

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

VOLUME = head((30, 50, 70))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A NIfTI volume in bricks of 16."""
    folder = tmp_path_factory.mktemp("dask")
    voxz.compress(write_nifti(folder / "a.nii", VOLUME), folder / "a.nii.voxz", level=1, brick=16)
    return folder / "a.nii.voxz"


def test_chunks_are_bricks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with voxz.open(path) as image:
        array = image.to_dask()
        assert isinstance(array, da.Array)
        assert (array.shape, array.dtype, array.chunksize) == (image.shape, image.dtype, image.chunks)
        assert array.npartitions == voxz.info(path).bricks
        from voxz.image.brick_cache import BrickCache

        decoded: list[int] = []
        before = BrickCache.visit

        def visit(cache: BrickCache, numbers: list[int], *rest: Any) -> None:
            decoded.extend(numbers)
            before(cache, numbers, *rest)

        monkeypatch.setattr(BrickCache, "visit", visit)
        assert np.array_equal(array.compute(scheduler="threads"), VOLUME.T)
        assert sorted(decoded) == list(range(array.npartitions))


def test_what_is_computed_is_what_numpy_computes(path: Path) -> None:
    wanted = VOLUME.T
    array = voxz.open(path).to_dask()
    for scheduler in ("synchronous", "threads"):
        with dask.config.set(scheduler=scheduler):
            assert np.array_equal(array[3:40:2, 7, ::-1].compute(), wanted[3:40:2, 7, ::-1])
            assert np.array_equal(array[[5, 1, 60]].compute(), wanted[[5, 1, 60]])
            assert array.sum().compute() == wanted.sum()
            assert np.array_equal((array.astype("i4") * 2 + 1).max(axis=0).compute(), (wanted.astype("i4") * 2 + 1).max(axis=0))
            assert np.array_equal(array.rechunk((70, 10, 30)).mean(axis=(0, 2)).compute(), wanted.mean(axis=(0, 2)))


ARRAYS: dict[str, Any] = {
    "0-d": np.array(7, ">i2"),
    "1-d": np.arange(50, dtype="u1"),
    "2-d": head((1, 33, 41))[0],
    "3-d": head((9, 33, 41)).astype(">i4"),
    "4-d": series(5, (6, 20, 30)),
    "5-d": series(6, (6, 20, 30)).reshape(2, 3, 6, 20, 30),
    "floats": head((9, 33, 41)) / np.float32(7),
    "nothing": np.zeros((3, 0, 5), "i2"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_of_all_numbers_of_axes(case: str) -> None:
    for brick in (None, (4, 16, 16)):
        array = voxz.open(voxz.encode(ARRAYS[case], level=1, brick=brick)).to_dask()
        found = np.asarray(array.compute(scheduler="synchronous"))
        assert array.dtype == ARRAYS[case].dtype
        assert found.dtype == array.dtype or not found.shape  # a scalar of numpy has no byte order
        assert array.shape == ARRAYS[case].shape
        assert np.array_equal(found, ARRAYS[case])


def test_names_tell_the_content(path: Path, tmp_path: Path) -> None:
    names = [voxz.open(source).to_dask().name for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes()))]
    assert len(set(names)) == 1
    (tmp_path / "other.voxz").write_bytes(voxz.encode(VOLUME.T + np.int16(1), brick=16))
    assert voxz.open(tmp_path / "other.voxz").to_dask().name not in names


def test_arrays_travel_by_path_or_by_bytes(path: Path) -> None:
    for source in (path, path.read_bytes()):
        stored = pickle.dumps(voxz.open(source).to_dask())
        assert len(stored) < 50_000 or isinstance(source, bytes)
        assert np.array_equal(pickle.loads(stored).compute(scheduler="synchronous"), VOLUME.T)


def run(script: str, path: Path) -> None:
    """A program that may hang, with a time-out, beside the file."""
    (path.parent / "program.py").write_text(script)
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr


def test_processes(path: Path) -> None:
    script = """
import dask, numpy as np, voxz
if __name__ == "__main__":
    image = voxz.open("a.nii.voxz")
    array = image.to_dask()
    for context in ("spawn", "forkserver"):
        with dask.config.set({"multiprocessing.context": context}):
            assert (array.compute(scheduler="processes", num_workers=2) == image[...]).all()
"""
    run(script, path)


def test_a_cluster_of_this_machine(path: Path) -> None:
    pytest.importorskip("distributed")
    script = """
import os, numpy as np, voxz
from distributed import Client, LocalCluster
if __name__ == "__main__":
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster):
        for source in ("a.nii.voxz", open("a.nii.voxz", "rb").read()):
            image = voxz.open(source)
            array = image.to_dask()
            where = array.map_blocks(lambda block: np.full(block.shape, os.getpid()), dtype="i8")
            assert (array.compute() == image[...]).all()
            assert abs(array.astype("f8").std().compute() - image[...].astype("f8").std()) < 1e-9
            assert os.getpid() not in set(np.unique(where.compute()))
"""
    run(script, path)


def test_without_dask_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'voxz\[dask\]'"):
        voxz.open(path).to_dask()
