"""MONAI and TorchIO: what they read from .voxz is what they read from the NIfTI file that it was."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head

AFFINE = np.array([[-2.0, 0, 0, 30], [0, 0, 1.5, -20], [0, 3.0, 0, 7], [0, 0, 0, 1]])

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:NvImgCodec:UserWarning")


@pytest.fixture(params=["scan", "series", "scaled", "big-endian"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A NIfTI file, and what it was compressed to."""
    samples = head((10, 20, 22)).transpose(2, 1, 0).astype(">i2" if request.param == "big-endian" else "<i2")
    if request.param == "series":
        samples = np.stack([samples, samples + 1, samples + 2], axis=-1)
    header = nibabel.Nifti1Header(endianness=">") if request.param == "big-endian" else None
    image = nibabel.Nifti1Image(samples, AFFINE, header)
    if request.param == "scaled":
        image.header.set_slope_inter(0.25, -1024)
    image.to_filename(tmp_path / "scan.nii")
    voxz.compress(tmp_path / "scan.nii", tmp_path / "scan.nii.voxz", level=1)
    return tmp_path / "scan.nii", tmp_path / "scan.nii.voxz"


def test_monai_reads_what_its_own_reader_reads(pair: tuple[Path, Path]) -> None:
    transforms = pytest.importorskip("monai.transforms")
    from voxz.adapters.monai import VoxzReader

    plain, packed = pair
    expected: Any = transforms.LoadImage(image_only=True, ensure_channel_first=True)(plain)
    for reader in (VoxzReader, "voxz.adapters.monai.VoxzReader", VoxzReader()):
        found = transforms.LoadImage(reader=reader, image_only=True, ensure_channel_first=True)(packed)
        assert np.array_equal(found, expected)
        assert np.allclose(found.affine, expected.affine)
        assert found.meta["spatial_shape"].tolist() == expected.meta["spatial_shape"].tolist()
        assert found.meta["space"] == expected.meta["space"]
        assert found.meta["pixdim"][:4].tolist() == expected.meta["pixdim"][:4].tolist()
    oriented = [transforms.Orientation("RAS", labels=None)(image) for image in (found, expected)]
    assert np.array_equal(*oriented)


def test_monai_stacks_files_and_takes_a_volume_of_an_archive(pair: tuple[Path, Path], tmp_path: Path) -> None:
    transforms = pytest.importorskip("monai.transforms")
    from voxz.adapters.monai import VoxzReader

    plain, packed = pair
    expected = transforms.LoadImage(image_only=True)([plain, plain])
    assert np.array_equal(transforms.LoadImage(reader=VoxzReader, image_only=True)([packed, packed]), expected)
    voxz.compress([plain, packed], tmp_path / "two.voxz", level=1)
    voxz.compress({"a.nii": plain, "b.nii": plain}, tmp_path / "pair.voxz", level=1)
    with pytest.raises(RuntimeError, match="name one with series"):
        transforms.LoadImage(reader=VoxzReader, image_only=True)(tmp_path / "pair.voxz")
    found = transforms.LoadImage(reader=VoxzReader(series=1), image_only=True)(tmp_path / "pair.voxz")
    assert np.array_equal(found, transforms.LoadImage(image_only=True)(plain))


def test_torchio_reads_what_its_own_reader_reads(pair: tuple[Path, Path]) -> None:
    torchio = pytest.importorskip("torchio")
    from voxz.adapters.torchio import read

    plain, packed = pair
    expected, found = torchio.ScalarImage(plain), torchio.ScalarImage(packed, reader=read)
    assert np.array_equal(found.numpy(), expected.numpy())
    assert np.allclose(found.affine, expected.affine)
    subject = torchio.Subject(image=torchio.ScalarImage(packed, reader=read))
    assert torchio.ToCanonical()(subject).image.orientation == ("R", "A", "S")
