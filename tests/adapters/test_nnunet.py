"""nnU-Net 2: cases as its own reader gives them, and segmentations in place."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head, labels

pytest.importorskip("nnunetv2")


@pytest.mark.filterwarnings("ignore")
def test_cases_are_read_and_segmentations_written(tmp_path: Path) -> None:
    from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    from voxz.adapters.nnunet import VoxzIO, register

    names = []
    for channel in range(2):
        image = nibabel.Nifti1Image(head((10, 20, 22), seed=channel + 1).transpose(2, 1, 0), np.diag([0.5, 1.0, 3.0, 1.0]))
        image.to_filename(tmp_path / f"case_000{channel}.nii")
        voxz.compress(tmp_path / f"case_000{channel}.nii", tmp_path / f"case_000{channel}.nii.voxz", level=1)
        names.append(str(tmp_path / f"case_000{channel}.nii"))
    register()
    register()
    assert determine_reader_writer_from_dataset_json({"file_ending": ".nii.voxz"}, f"{names[0]}.voxz", verbose=False) is VoxzIO
    expected, place = SimpleITKIO().read_images(names)
    found, properties = VoxzIO().read_images([f"{name}.voxz" for name in names])
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert properties["spacing"] == place["spacing"]
    regions = labels((10, 20, 22))
    VoxzIO().write_seg(regions, tmp_path / "seg.nii.voxz", properties)
    again, where = VoxzIO().read_seg(tmp_path / "seg.nii.voxz")
    assert np.array_equal(again[0], regions)
    assert where["sitk_stuff"] == properties["sitk_stuff"]
