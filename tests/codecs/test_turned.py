"""Long series of tiny volumes, as in CIFTI files, are coded as images: small, fast, and in little memory."""

import gzip
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel import cifti2

import voxz
from voxz.codecs.predictive.part import put_integers
from voxz.codecs.predictive.references import choose_references


def walk(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """A random walk along the first axis, each column on its own."""
    steps = np.random.default_rng(1).normal(0, 3, shape).cumsum(axis=0)
    return (steps + np.arange(np.prod(shape[1:])).reshape(shape[1:]) * 100 + 500).astype(dtype)


@pytest.mark.parametrize("dtype", ["<i2", ">f4", "<c8", "<i8"])
@pytest.mark.parametrize("shape", [(700, 1, 1, 1), (301, 2, 1, 3), (256, 1, 5, 1)])
def test_long_series_of_tiny_volumes_come_back(shape: tuple[int, ...], dtype: str) -> None:
    array = walk(shape, dtype)
    blob = voxz.encode(array)
    assert voxz.info(blob).codecs == {"turned": 1}
    assert np.array_equal(voxz.decode(blob), array)
    assert np.array_equal(voxz.open(blob)[7:20], array[7:20])


def test_thirty_thousand_volumes_of_one_voxel_are_smaller_than_gzip_and_quick() -> None:
    array = walk((30_000, 1, 1, 1), "<i2")
    voxz.encode(array[:300])
    started = time.process_time()
    blob = voxz.encode(array, threads=1)
    assert time.process_time() - started < 5
    assert len(blob) < 0.6 * len(gzip.compress(array.tobytes()))


def test_a_cifti_map_comes_back_smaller_than_gzip(tmp_path: Path) -> None:
    thickness = walk((200_000,), "<f8") / 977
    brain = cifti2.BrainModelAxis.from_mask(np.ones(thickness.size, bool), name="cortex_left")
    image = cifti2.Cifti2Image(thickness[None].astype("<f4"), (cifti2.ScalarAxis(["thickness"]), brain))
    nibabel.save(image, tmp_path / "a.dscalar.nii")
    data = (tmp_path / "a.dscalar.nii").read_bytes()
    voxz.compress(tmp_path / "a.dscalar.nii", tmp_path / "a.voxz", threads=1)
    assert (tmp_path / "a.voxz").stat().st_size < 0.95 * len(gzip.compress(data))
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii")
    assert (tmp_path / "b.nii").read_bytes() == data


@pytest.mark.parametrize("shape", [(1, 1, 60_000), (1, 20_000, 3), (1, 250, 240)])
def test_choosing_a_grid_for_an_image_of_floats_costs_less_than_coding_it(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    coded = []

    def counted(writer: object, values: np.ndarray, *rest: object) -> bool:
        coded.append(values.size)
        return put_integers(writer, values, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("voxz.codecs.floats.grid.put_integers", counted)
    array = (walk((60_000,), "<f8") / 977).astype("<f4").reshape(shape)
    voxz.encode(array)
    assert len(coded) >= 3
    assert sum(coded) < 2.2 * array.size


def test_long_series_of_tiny_volumes_are_in_few_bricks() -> None:
    assert voxz.info(voxz.encode(walk((262_144, 1, 1, 1), "<i2"), level=1)).bricks == 1


def test_maps_that_alternate_are_told_apart() -> None:
    maps = np.stack([walk((20_000,), "<i2"), -walk((20_000,), "<i2")], axis=1).reshape(-1, 1, 1, 1)
    assert len(voxz.encode(maps)) < 0.9 * len(gzip.compress(maps.tobytes()))


def test_a_bound_holds_in_series_of_tiny_volumes() -> None:
    array = walk((2_000, 1, 1, 2), "<i2")
    decoded = voxz.decode(voxz.encode(array, target=voxz.MaxError(3)))
    assert np.abs(decoded.astype(int) - array).max() <= 3


def test_references_of_very_long_series_are_found_in_bounded_memory() -> None:
    volumes = np.random.default_rng(0).integers(0, 99, (3_000, 1, 4, 8)).astype(np.int32)
    volumes[2_900] = volumes[2_600]
    references = choose_references(volumes)
    assert references[2_900, 0] == 2_600
    assert (references[1:].max(axis=1) < np.arange(1, 3_000)).all()
