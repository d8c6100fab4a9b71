"""Patches for training: the same in every process, true to the image, few bricks decoded."""

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head

torch = pytest.importorskip("torch")

from voxz.adapters.torch import PatchDataset  # noqa: E402 - needs torch

SIZE = 16


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Three scans in cubic bricks; the last one has a slope, and two volumes."""
    found = []
    for seed in range(3):
        samples = head((40, 44, 48), seed=seed + 1).transpose(2, 1, 0)
        if seed == 2:
            samples = np.stack([samples, samples + 5], axis=-1)
        image = nibabel.Nifti1Image(samples, np.eye(4))
        image.header.set_slope_inter(0.5 if seed == 2 else 1.0, -3.0 if seed == 2 else 0.0)
        plain = tmp_path / f"{seed}.nii"
        image.to_filename(plain)
        voxz.compress(plain, tmp_path / f"{seed}.nii.voxz", level=1, brick=SIZE)
        found.append(tmp_path / f"{seed}.nii.voxz")
    return found


def values(path: Path) -> Any:
    return np.asarray(voxz.open(path).to_nibabel().dataobj, np.float32)


def is_within(patch: Any, volume: Any) -> bool:
    windows = np.lib.stride_tricks.sliding_window_view(volume, patch.shape)
    return bool((windows[..., 0, 0, 0] == patch[0, 0, 0]).any() and (windows == patch).all(axis=(-3, -2, -1)).any())


def test_patches_are_parts_of_the_images(scans: list[Path]) -> None:
    dataset = PatchDataset(scans, (8, 9, 10), 24, seed=3)
    assert len(dataset) == 24
    volumes = [*(values(path) for path in scans[:2]), *np.moveaxis(values(scans[2]), -1, 0)]
    for patch in (dataset[number] for number in range(12)):
        assert (patch.dtype, tuple(patch.shape)) == (torch.float32, (1, 8, 9, 10))
        assert any(is_within(patch[0].numpy(), volume) for volume in volumes)


def test_places_depend_on_seed_and_epoch_only(scans: list[Path]) -> None:
    dataset, again = (PatchDataset(scans, SIZE, 6, seed=1) for _ in range(2))
    first = [patch.numpy() for patch in (again[number] for number in (3, 1, 0))]
    assert all(np.array_equal(dataset[number], patch) for number, patch in zip((3, 1, 0), first, strict=True))
    again.set_epoch(1)
    assert not np.array_equal(again[3], first[0])
    assert np.array_equal(PatchDataset(scans, SIZE, 6, seed=1)[-3], first[0])


@pytest.mark.parametrize("method", sorted(multiprocessing.get_all_start_methods()))
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_workers_give_the_same(scans: list[Path], method: str) -> None:
    dataset = PatchDataset(scans, SIZE, 8)
    alone = torch.stack([dataset[number] for number in range(8)])  # what is open and decoded already goes through a fork
    loader = torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=2, multiprocessing_context=method)
    assert torch.equal(torch.cat(list(loader)), alone)


def test_small_images_and_colours(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (5, 20, 20, 3), np.uint8)
    image = nibabel.Nifti1Image(colours.view([(name, "u1") for name in "RGB"])[..., 0], np.eye(4))
    image.to_filename(tmp_path / "rgb.nii")
    voxz.compress(tmp_path / "rgb.nii", tmp_path / "rgb.nii.voxz", level=1)
    patch = PatchDataset([tmp_path / "rgb.nii.voxz"], (8, 20, 20), 1)[0]
    assert tuple(patch.shape) == (3, 8, 20, 20)
    assert np.array_equal(patch.numpy()[:, :5], np.moveaxis(colours, -1, 0))
    assert np.array_equal(patch.numpy()[:, 5:], np.moveaxis(np.repeat(colours[-1:], 3, axis=0), -1, 0))
    plane = PatchDataset([voxz.encode(np.arange(100, dtype=np.int16).reshape(10, 10))], 10, 1)[0]
    assert tuple(plane.shape) == (1, 10, 10, 10)


def test_patches_in_a_row_come_from_one_image() -> None:
    images = [voxz.encode(np.full((10, 10, 10), value, np.int16)) for value in range(8)]
    chosen = [int(patch.max()) for patch in (PatchDataset(images, 4, 40, per_image=4)[number] for number in range(40))]
    assert all(len(set(chosen[start : start + 4])) == 1 for start in range(0, 40, 4))
    assert len(set(chosen)) > 3
    alone = [int(patch.max()) for patch in (PatchDataset(images, 4, 40)[number] for number in range(40))]
    assert any(len(set(alone[start : start + 4])) > 1 for start in range(0, 40, 4))


def test_all_images_share_one_cache(scans: list[Path]) -> None:
    dataset = PatchDataset(scans, SIZE, 40, cache_bytes=1 << 16, ahead=0, transform=lambda patch: patch.mean())
    assert all(isinstance(dataset[number].item(), float) for number in range(40))
    assert dataset.cache.nbytes <= 1 << 16
    assert pickle.loads(pickle.dumps(dataset.cache)).nbytes == 0


def test_what_makes_no_sense_is_refused(scans: list[Path]) -> None:
    for arguments in (([], 8, 1), (scans, 0, 1), (scans, (8, 8), 1), (scans, 8, 0)):
        with pytest.raises(voxz.UsageError, match="patches need"):
            PatchDataset(*arguments)
    with pytest.raises(voxz.UsageError, match="per_image=0"):
        PatchDataset(scans, 8, 1, per_image=0)
    with pytest.raises(IndexError):
        PatchDataset(scans, 8, 2)[2]
