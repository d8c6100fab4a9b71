"""A tree as people have them, of every format at once: whole in one archive, and file by file."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from dicoms import slice_of, written
from samples import contents, nifti, smooth, write_gzip
from voxz.cli.destinations import compressed_name, restored_name
from voxz.errors import VoxzWarning

VOLUME = smooth((12, 20, 18))

pytestmark = pytest.mark.filterwarnings("ignore::voxz.errors.VoxzWarning")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    for name in ("sub-01/anat", "sub-01/dwi", "dicom/ct", "analyze", "array.zarr/0", "pictures", "derivatives/empty"):
        (root / name).mkdir(parents=True)
    whole = nifti((18, 20, 12), samples=VOLUME.tobytes())[1]
    (root / "sub-01/anat/t1.nii").write_bytes(whole)
    write_gzip(root / "sub-01/anat/t2.nii.gz", whole, level=6)
    (root / "sub-01/anat/t1.json").write_text(json.dumps({"EchoTime": 0.0043, "RepetitionTime": 2.3}))
    (root / "sub-01/dwi/dwi.bval").write_text("0 1000 1000\n")
    (root / "sub-01/dwi/dwi.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n")
    (root / "participants.tsv").write_text("participant_id\tage\nsub-01\t33\n")
    (root / "consent.pdf").write_bytes(b"%PDF-1.7\n" + zlib.compress(np.random.default_rng(0).bytes(9000)) + b"\n%%EOF\n")
    for number, pixels in enumerate(VOLUME):
        data = slice_of(pixels, InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 3 * number])
        (root / f"dicom/ct/{number:03}.dcm").write_bytes(written(data))
    (root / "dicom/ct/cut.dcm").write_bytes((root / "dicom/ct/003.dcm").read_bytes()[:-99])
    nibabel.save(nibabel.AnalyzeImage(VOLUME.T, np.diag([-2, 2, 2, 1])), root / "analyze/a.img")
    text = "NRRD0004\ntype: short\ndimension: 3\nsizes: 18 20 12\nendian: little\nencoding: gzip\n\n"
    (root / "analyze/a.nrrd").write_bytes(text.encode() + gzip.compress(VOLUME.tobytes(), mtime=0))
    (root / "analyze/b.nhdr").write_text(text.replace("gzip", "raw").rstrip("\n") + "\ndata file: b.raw\n")
    (root / "analyze/b.raw").write_bytes(VOLUME.tobytes())
    metadata = {"zarr_format": 2, "shape": [12, 20, 18], "chunks": [4, 20, 18], "dtype": "<i2", "order": "C", "filters": None}
    (root / "array.zarr/.zgroup").write_text('{"zarr_format": 2}')
    (root / "array.zarr/0/.zarray").write_text(json.dumps(metadata | {"compressor": {"id": "zlib", "level": 1}, "fill_value": 0}))
    for number in range(3):
        (root / f"array.zarr/0/{number}.0.0").write_bytes(zlib.compress(VOLUME[4 * number : 4 * number + 4].tobytes(), 1))
    write_pictures(root)
    return root


def write_pictures(root: Path) -> None:
    h5py, tifffile, image = (pytest.importorskip(name) for name in ("h5py", "tifffile", "PIL.Image"))
    with h5py.File(root / "features.h5", "w") as file:
        file.create_dataset("volume", data=VOLUME, chunks=(4, 20, 18), compression="gzip", shuffle=True)
    for number, plane in enumerate((VOLUME + 300).astype(np.uint16)):
        tifffile.imwrite(root / f"pictures/z_{number}.tif", plane, compression="lzw", photometric="minisblack")
        image.fromarray((plane >> 4).astype(np.uint8)).save(root / f"pictures/z_{number}.png")


def test_one_archive_restores_the_tree(tree: Path, tmp_path: Path) -> None:
    voxz.compress(tree, tmp_path / "a.voxz", level=1)
    voxz.verify(tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
    with voxz.open(tmp_path / "a.voxz") as archive:
        found = {(image.format, image.name): image for image in archive.series}
        assert set(found) == {
            ("nifti", "sub-01/anat/t1.nii"),
            ("nifti", "sub-01/anat/t2.nii.gz"),
            ("dicom", "dicom/ct"),
            ("analyze", "analyze/a.img"),
            ("nrrd", "analyze/a.nrrd"),
            ("nrrd", "analyze/b.raw"),
            ("zarr", "array.zarr/0"),
            ("hdf5", "features.h5"),
            ("tiff", "pictures"),
            ("png", "pictures"),
        }
        for (kind, _), image in found.items():
            volume: Any = np.asarray(image[...])
            if kind in ("nifti", "analyze", "nrrd"):
                assert np.array_equal(volume, VOLUME.T)
            elif kind in ("zarr", "hdf5"):
                assert np.array_equal(volume, VOLUME)


def test_every_file_comes_back_alone(tree: Path, tmp_path: Path) -> None:
    files = [path for path in tree.rglob("*") if path.is_file() and path.name != "a.hdr"]
    for path in files:
        packed = tmp_path / "packed" / compressed_name(path).relative_to(tree)
        packed.parent.mkdir(parents=True, exist_ok=True)
        voxz.compress(path, packed, level=1)
        again = tmp_path / "back" / restored_name(packed).relative_to(tmp_path / "packed")
        again.parent.mkdir(parents=True, exist_ok=True)
        voxz.decompress(packed, again)
    for path in files:
        assert (tmp_path / "back" / path.relative_to(tree)).read_bytes() == path.read_bytes()


def test_a_damaged_file_of_each_format_stops_nothing(tree: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        data = bytearray(path.read_bytes())
        for at in rng.integers(0, min(len(data), 2000), 3):
            data[at] = rng.integers(256)
        path.write_bytes(data[: -len(data) // 3] if rng.random() < 0.3 else data)
    with pytest.warns(VoxzWarning):
        voxz.compress(tree, tmp_path / "a.voxz", level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)
