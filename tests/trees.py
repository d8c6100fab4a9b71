"""Trees of files as people have them."""

import gzip
import json
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dicoms import slice_of, written
from samples import nifti, smooth, write_gzip

VOLUME = smooth((12, 20, 18))
"""Samples of the volumes in it."""


def mixed_tree(root: Path) -> Path:
    """Make a tree with a file of nearly every format, and files that are no images."""
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


def small_study(root: Path) -> Path:
    """Nine small volumes, three of them gzip, and texts."""
    for number in range(9):
        folder = root / f"sub-{number}"
        folder.mkdir(parents=True)
        data = nifti((24, 20, 10), samples=smooth((10, 20, 24), seed=number).tobytes())[1]
        if number % 3:
            (folder / "t1.nii").write_bytes(data)
        else:
            write_gzip(folder / "t1.nii.gz", data)
        (folder / "t1.json").write_text(str(number))
    return root


def write_pictures(root: Path) -> None:
    """Add an HDF5 file, and slices as TIFF and PNG."""
    h5py, tifffile, image = (pytest.importorskip(name) for name in ("h5py", "tifffile", "PIL.Image"))
    with h5py.File(root / "features.h5", "w") as file:
        file.create_dataset("volume", data=VOLUME, chunks=(4, 20, 18), compression="gzip", shuffle=True)
    for number, plane in enumerate((VOLUME + 300).astype(np.uint16)):
        tifffile.imwrite(root / f"pictures/z_{number}.tif", plane, compression="lzw", photometric="minisblack")
        image.fromarray((plane >> 4).astype(np.uint8)).save(root / f"pictures/z_{number}.png")


def bids_tree(root: Path, subjects: int = 2) -> Path:
    """Make a raw BIDS data set: anatomy, a run with events and an inherited sidecar, diffusion, a field map."""
    texts = {
        "dataset_description.json": {"Name": "phantoms", "BIDSVersion": "1.10.0", "DatasetType": "raw", "License": "CC0"},
        "README": "Phantoms, made of noise on slopes.\n",
        ".bidsignore": "notes.txt\n",
        "notes.txt": "no part of it\n",
        "participants.tsv": "participant_id\tage\n" + "".join(f"sub-{n:02}\t33\n" for n in range(1, subjects + 1)),
        "task-rest_bold.json": {"TaskName": "rest", "RepetitionTime": 2.0},
    }
    for number in range(1, subjects + 1):
        sub = f"sub-{number:02}"
        names = [f"anat/{sub}_T1w", f"func/{sub}_task-rest_bold", f"dwi/{sub}_dwi", f"fmap/{sub}_dir-AP_epi"]
        for at, (name, shape) in enumerate(zip(names, ((12, 20, 18), (6, 8, 16, 16), (4, 8, 16, 16), (8, 16, 16)), strict=True)):
            image = nibabel.Nifti1Image(smooth(shape, seed=9 * number + at).T, np.diag([2, 2, 2, 1]))
            image.header.set_zooms([2] * len(shape))
            image.header.set_xyzt_units("mm", "sec")
            (root / sub / name).parent.mkdir(parents=True, exist_ok=True)
            image.to_filename(root / sub / f"{name}.nii.gz")
        texts |= {
            f"{sub}/anat/{sub}_T1w.json": {"EchoTime": 0.0043},
            f"{sub}/dwi/{sub}_dwi.bval": "0 1000 1000 1000\n",
            f"{sub}/dwi/{sub}_dwi.bvec": "0 1 0 0\n0 0 1 0\n0 0 0 1\n",
            f"{sub}/fmap/{sub}_dir-AP_epi.json": {
                "PhaseEncodingDirection": "j",
                "TotalReadoutTime": 0.03,
                "IntendedFor": f"bids::{sub}/func/{sub}_task-rest_bold.nii.gz",
            },
            f"{sub}/func/{sub}_task-rest_events.tsv": "onset\tduration\n0\t1\n8\t1\n",
            f"{sub}/{sub}_scans.tsv": "filename\n" + "".join(f"{name}.nii.gz\n" for name in names),
        }
    for name, text in texts.items():
        (root / name).write_text(text if isinstance(text, str) else json.dumps(text))
    return root
