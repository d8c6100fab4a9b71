"""HDF5 files, and MINC2 and MATLAB 7.3 among them: every byte back, and what users see in them."""

import math
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import smooth
from voxz.errors import PlainBytesWarning

h5py = pytest.importorskip("h5py")

VOLUME = smooth((22, 40, 36))


def archived(place: Path, name: str) -> "voxz.Image":
    """The opened archive of a file, which is checked to give it back."""
    voxz.compress([place / name], place / "a.voxz", level=1, force=True)
    voxz.decompress(place / "a.voxz", place / "out", force=True)
    assert (place / "out" / name).read_bytes() == (place / name).read_bytes()
    return voxz.open(place / "a.voxz")


def written(place: Path, name: str = "a.h5", *, volume: NDArray[Any] = VOLUME, **options: Any) -> Path:
    with h5py.File(place / name, "w", userblock_size=options.pop("block", 0)) as file:
        file.create_dataset("group/volume", data=volume, **options)
        file["group"].attrs["what"] = "for a test"
        file.create_dataset("small", data=[1, 2, 3])
        file.create_dataset("words", data="text")
    return place / name


CHUNKS: list[tuple[int, ...] | None] = [None, (22, 40, 36), (1, 40, 36), (4, 40, 36), (8, 16, 16), (22, 7, 36), (3, 5, 7)]
FILTERS: list[dict[str, Any]] = [
    {},
    {"compression": "gzip", "compression_opts": 4},
    {"compression": "gzip", "compression_opts": 9, "shuffle": True},
    {"shuffle": True},
    {"compression": "gzip", "fletcher32": True},
    {"shuffle": True, "compression": "gzip", "compression_opts": 1, "fletcher32": True},
]


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("filters", FILTERS)
def test_datasets_are_volumes(tmp_path: Path, chunks: tuple[int, ...] | None, filters: dict[str, Any]) -> None:
    if chunks is None and filters:
        pytest.skip("filters need chunks")
    written(tmp_path, chunks=chunks, **filters)
    with archived(tmp_path, "a.h5") as archive:
        (image,) = archive.series
        assert image.facts == {"array": "group/volume"}
        assert image.format == "hdf5"
        assert np.array_equal(image[:22, :40, :36], VOLUME)
        assert image.shape == tuple(-(-n // c) * c for n, c in zip(VOLUME.shape, chunks or VOLUME.shape, strict=True))


@pytest.mark.parametrize("dtype", [">i2", "<u2", "|u1", "<f4", ">f8", "bool", "<c8", "<i8"])
@pytest.mark.parametrize("axes", [1, 2, 4, 5])
def test_types_and_axes(tmp_path: Path, dtype: str, axes: int) -> None:
    shape = {1: (6720,), 2: (84, 80), 4: (4, 7, 10, 24), 5: (2, 2, 7, 10, 24)}[axes]
    volume = (VOLUME.ravel()[:6720] % (2 if dtype == "bool" else 200)).reshape(shape).astype(dtype)
    written(tmp_path, volume=volume, chunks=tuple(-(-n // 2) for n in shape), compression="gzip", shuffle=True)
    with archived(tmp_path, "a.h5") as archive:
        (image,) = archive.series
        assert np.array_equal(image[tuple(slice(0, n) for n in shape)], volume)


@pytest.mark.parametrize("chunks", [None, (4, 40, 36), (8, 16, 16)])
def test_matlab_counts_the_fastest_axis_first(tmp_path: Path, chunks: tuple[int, ...] | None) -> None:
    path = written(tmp_path, "a.mat", block=512, chunks=chunks, compression="gzip" if chunks else None)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    with archived(tmp_path, "a.mat") as archive:
        assert np.array_equal(archive.series[0][:36, :40, :22], VOLUME.T)


def test_what_h5py_writes_in_its_other_ways(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file.create_dataset("a", data=VOLUME, chunks=(4, 40, 36), maxshape=(None, 40, 36), compression="gzip")
        file.create_dataset("b", data=VOLUME, chunks=(4, 20, 36), compression="lzf")
        sparse = file.create_dataset("c", (22, 40, 36), "<i2", chunks=(1, 40, 36), compression="gzip")
        sparse[3:5], sparse[9] = VOLUME[3:5], VOLUME[9]
        file["link"] = file["a"]
        file.create_dataset("empty", (0, 4), "<i2")
        file.create_dataset("rows", data=np.zeros(3000, [("x", "<i4"), ("y", "<f8")]))
        a, b = (file.create_dataset(name, (8, 40, 36), "<i2", chunks=(1, 40, 36)) for name in ("turn a", "turn b"))
        for place in range(8):
            a[place], b[place] = VOLUME[place], VOLUME[place] + 1
    with archived(tmp_path, "a.h5") as archive:
        series = {image.facts["array"]: image for image in archive.series}
        assert np.array_equal(series["a"][:22], VOLUME)
        assert np.array_equal(series["c"][...], VOLUME[[3, 4, 9]])
        assert np.array_equal(series["turn a"][...], VOLUME[:8])
        assert np.array_equal(series["turn b"][...], VOLUME[:8] + 1)
        assert set(series) == {"a", "c", "turn a", "turn b"}


SCALED = ["small.mnc", "minc2_1_scale.mnc", "minc2-no-att.mnc"]
"""Test files of nibabel with a range for each slice, or for all."""


@pytest.mark.parametrize("name", ["small.mnc", "minc2_1_scale.mnc", "minc2_4d.mnc", "minc2-no-att.mnc", "minc2-4d-d.mnc"])
def test_minc2_lies_where_nibabel_says(tmp_path: Path, name: str) -> None:
    source = Path(nibabel.__file__).parent / "tests" / "data" / name
    if not source.exists() or source.read_bytes()[:4] != b"\x89HDF":
        pytest.skip("not among nibabel's test files")
    (tmp_path / name).write_bytes(source.read_bytes())
    expected = nibabel.load(source)
    with archived(tmp_path, name) as archive:
        (image,) = archive.series
        assert image.format == "minc2"
        seen = tuple(slice(0, n) for n in expected.shape)
        if name in SCALED:
            assert np.allclose(np.asarray(image.to_nibabel().dataobj).transpose()[seen], expected.get_fdata(), rtol=1e-5)
        assert image.affine is not None
        if expected.ndim == 3:
            assert np.allclose(image.affine[:, [2, 1, 0, 3]], expected.affine)


@pytest.mark.parametrize("bounds", [(), (3,), (3, 5)])
@pytest.mark.parametrize("chunks", [None, (2, 2, 16, 18)])
def test_ranges_of_slices_and_volumes_of_minc2(tmp_path: Path, bounds: tuple[int, ...], chunks: tuple[int, ...] | None) -> None:
    samples = VOLUME[:15, :16, :18].reshape(3, 5, 16, 18).astype("<i2")
    low = np.arange(math.prod(bounds), dtype="f8").reshape(bounds)
    high = low + 100 + low**2
    with h5py.File(tmp_path / "a.mnc", "w") as opened:
        image = opened.create_dataset("minc-2.0/image/0/image", data=samples, chunks=chunks)
        image.attrs["dimorder"] = "time,zspace,yspace,xspace"
        image.attrs["valid_range"] = np.array([0.0, 4000.0])
        opened["minc-2.0/image/0/image-min"], opened["minc-2.0/image/0/image-max"] = low, high
    each = [bound.reshape(*bounds, *[1] * (4 - len(bounds))) for bound in (low, high)]
    with archived(tmp_path, "a.mnc") as archive:
        (stored,) = archive.series
        found = np.asarray(stored.to_nibabel().dataobj).transpose()
        assert np.allclose(found[:3, :5], each[0] + samples / 4000.0 * (each[1] - each[0]), rtol=1e-6)


def test_a_damaged_file_is_kept_as_it_is(tmp_path: Path) -> None:
    data = written(tmp_path, chunks=(4, 40, 36), compression="gzip").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(30):
        damaged = bytearray(data)
        for place in rng.integers(8, 4096, 4):
            damaged[place] = rng.integers(256)
        (tmp_path / "a.h5").write_bytes(damaged[: rng.integers(1000, len(data))] if rng.random() < 0.3 else damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", PlainBytesWarning)
            archived(tmp_path, "a.h5").close()
