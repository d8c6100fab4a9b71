"""BIDS data sets: raw ones lose nothing, what loses is a derivative, and other programs take both for what they are."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from commands import run
from mounts import mounts, showing
from samples import contents, smooth
from trees import bids_tree

VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))

validated = pytest.mark.skipif(VALIDATOR is None, reason="needs bids-validator-deno")


def faults_of(folder: Path) -> list[tuple[str, str]]:
    """Errors that the validator of BIDS finds."""
    ended = subprocess.run([str(VALIDATOR), "--format", "json", str(folder)], capture_output=True, check=False)
    issues = json.loads(ended.stdout)["issues"]["issues"]
    return [(issue["code"], issue.get("location", "")) for issue in issues if issue["severity"] == "error"]


def compressed(tree: Path, out: Path, *options: object, code: int = 0) -> str:
    """Compress a tree; what was said."""
    ended = run("compress", "-r", tree, "-o", out, "-1", *options)
    assert ended.returncode == code, ended.stderr
    return ended.stderr.decode()


def read_by_pybids(folder: Path, *config: str) -> dict[str, Any]:
    """What pybids finds in a data set: by path, metadata and the mean of the samples."""
    pytest.importorskip("bids")
    lines = """
import json, sys, bids, nibabel
layout = bids.BIDSLayout(sys.argv[1], is_derivative=len(sys.argv) > 2, config=sys.argv[2:] or None)
files = layout.get(extension=[".nii.gz"])
told = {f.relpath: [f.get_metadata(), float(nibabel.load(f.path).get_fdata().mean())] for f in files}
told["bval"] = [layout.get_bval(f.path) for f in files if f.entities["suffix"] == "dwi"]
print(json.dumps(told))
"""
    ended = subprocess.run([sys.executable, "-c", lines, str(folder), *config], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_raw_data_set_keeps_its_names_and_all_else(tmp_path: Path) -> None:
    tree, out, back = bids_tree(tmp_path / "ds"), tmp_path / "out", tmp_path / "back"
    (tree / "sub-01/micr").mkdir()
    for number in (1, 2):  # elsewhere, pictures of one size that are numbered become one archive
        plane = smooth((20, 30), "<u2", seed=number)
        pytest.importorskip("tifffile").imwrite(tree / f"sub-01/micr/sub-01_sample-A_chunk-{number}_SPIM.ome.tif", plane)
    compressed(tree, out)
    images = {name for name in contents(tree) if name.endswith((".nii.gz", ".tif"))}
    assert {f"{name}.voxz" for name in images} == {name for name in contents(out) if name.endswith(".voxz")}
    for name, data in contents(tree).items():
        assert name in images or contents(out)[name] == data, name
    assert run("decompress", "-r", out, "-o", back).returncode == 0
    assert contents(back) == contents(tree)


def test_a_raw_data_set_loses_nothing(tmp_path: Path) -> None:
    tree = bids_tree(tmp_path / "ds", 1)
    for place in (tree, tree / "sub-01"):
        assert "make a derivative" in compressed(place, tmp_path / "out", "--max-error", "2", code=2)
    assert not (tmp_path / "out").exists()
    description = tree / "dataset_description.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"DatasetType": "derivative"}))
    compressed(tree, tmp_path / "out", "--max-error", "2")


def test_what_loses_is_a_derivative_that_says_so(tmp_path: Path) -> None:
    tree = bids_tree(tmp_path / "ds")
    out = tree / "derivatives/small"
    before = contents(tree)
    compressed(tree, out, "--max-error", "2", "--derivative", "small")
    assert {name: data for name, data in contents(tree).items() if not name.startswith("derivatives")} == before
    told = json.loads((out / "dataset_description.json").read_text())
    assert told["DatasetType"] == "derivative"
    assert told["GeneratedBy"][0]["Name"] == "voxz"
    assert told["SourceDatasets"]
    assert told["DatasetLinks"] == {"source": "../.."}
    image, packed = (
        tree / "sub-01/func/sub-01_task-rest_bold.nii.gz",
        out / "sub-01/func/sub-01_task-rest_desc-small_bold.nii.gz.voxz",
    )
    sidecar = json.loads((packed.parent / "sub-01_task-rest_desc-small_bold.json").read_text())
    assert sidecar["TaskName"] == "rest", "what it inherits in the original"
    assert sidecar["Sources"] == ["bids:source:sub-01/func/sub-01_task-rest_bold.nii.gz"]
    loss = sidecar["LossyCompression"]
    assert (loss["Mode"], loss["Bound"], loss["Unit"]) == ("max-error", 2, "stored")
    with voxz.open(packed) as lossy:
        error = np.abs(np.asarray(lossy[...], np.int64) - nibabel.load(image).dataobj.get_unscaled())
    assert loss["LargestError"] == error.max()
    assert 0 < loss["LargestError"] <= 2
    assert loss["SourceSHA256"] == hashlib.sha256(image.read_bytes()).hexdigest()
    assert loss["CompressedSHA256"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    epi = json.loads((out / "sub-01/fmap/sub-01_dir-AP_desc-small_epi.json").read_text())
    assert epi["IntendedFor"] == ["bids:source:sub-01/func/sub-01_task-rest_bold.nii.gz"]
    made = contents(out)
    assert "done before" in compressed(tree, out, "--max-error", "2", "--derivative", "small")
    assert contents(out) == made
    assert run("verify", "-r", out).returncode == 0
    assert run("decompress", "-r", out, "-o", tmp_path / "back").returncode == 0
    assert "sub-01/func/sub-01_task-rest_desc-small_bold.nii.gz" in contents(tmp_path / "back")


def test_a_derivative_of_a_derivative_has_both_labels(tmp_path: Path) -> None:
    tree = bids_tree(tmp_path / "ds", 1)
    (tree / "sub-01/anat/sub-01_T1w.nii.gz").rename(tree / "sub-01/anat/sub-01_desc-preproc_T1w.nii.gz")
    compressed(tree, tmp_path / "out", "--max-error", "2", "--derivative", "small", "--include", "*T1w.nii.gz")
    assert (tmp_path / "out/sub-01/anat/sub-01_desc-preprocsmall_T1w.nii.gz.voxz").exists()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("letters and digits", ("--max-error", "2", "--derivative", "a_b")),
        ("add --max-error", ("--derivative", "small")),
        ("of its own", ("--max-error", "2", "--derivative", "small", "--rm")),
    ],
)
def test_derivatives_refuse_what_makes_no_sense(words: str, options: tuple[str, ...], tmp_path: Path) -> None:
    tree = bids_tree(tmp_path / "ds", 1)
    assert words in compressed(tree, tmp_path / "out", *options, code=2)
    assert "no BIDS data set" in compressed(tree / "sub-01", tmp_path / "out", "--max-error", "2", "--derivative", "a", code=2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/README.md").write_text("another's")
    assert "there already" in compressed(tree, tmp_path / "out", "--max-error", "2", "--derivative", "small", code=2)
    assert (tmp_path / "out/README.md").read_text() == "another's"


@mounts
@validated
def test_the_validator_and_pybids_take_the_mount_for_the_data_set(tmp_path: Path) -> None:
    tree = bids_tree(tmp_path / "ds")
    compressed(tree, tmp_path / "out")
    assert faults_of(tree) == []
    with showing(tmp_path / "out", tmp_path) as place:
        assert faults_of(place) == []
        assert read_by_pybids(place) == json.loads(json.dumps(read_by_pybids(tree)).replace(str(tree), str(place)))


@mounts
@validated
def test_the_validator_and_pybids_take_the_derivative(tmp_path: Path) -> None:
    tree, out = bids_tree(tmp_path / "ds"), tmp_path / "out"
    compressed(tree, out, "--max-error", "2", "--derivative", "small")
    assert faults_of(out) == [], "as it lies on the disk"
    with showing(out, tmp_path) as place:
        assert faults_of(place) == []
        found = read_by_pybids(place, "bids", "derivatives")
        metadata, _ = found["sub-01/func/sub-01_task-rest_desc-small_bold.nii.gz"]
        assert metadata["LossyCompression"]["Bound"] == 2
        assert found["bval"] == [str(place / f"sub-{n:02}/dwi/sub-{n:02}_dwi.bval") for n in (1, 2)]
