"""``python -m benchmarks downstream`` on generated series: a table of figures, and its means in a document."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phantoms import head, noise, series
from samples import write_nifti

ROOT = Path(__file__).parents[2]
DOCUMENT = "# Loss\n<!-- made by python -m benchmarks downstream -->\nold\n<!-- end -->\nafter\n"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "downstream", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_figures_of_a_diffusion_series_and_an_fmri_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_nifti(data / "sub-1_bold.nii", series(10, (6, 20, 22)))
    directions = np.vstack([np.zeros(3), np.eye(3), (np.ones((3, 3)) - np.eye(3)) / 2**0.5, -np.eye(3)])
    still = head((5, 18, 20)).astype(int) + 20
    weighted = [still if not d.any() else still * (6 + abs(d[0]) - abs(d[2])).astype(int) // 10 for d in directions]
    write_nifti(data / "sub-1_dwi.nii", np.array(weighted) + noise((10, 5, 18, 20), 3))
    np.savetxt(data / "sub-1_dwi.bval", 1000.0 * np.asarray(directions.any(axis=1))[None])
    np.savetxt(data / "sub-1_dwi.bvec", directions.T)
    write_nifti(data / "sub-1_T1w.nii", head((6, 20, 22)))
    document = tmp_path / "lossy.md"
    document.write_text(DOCUMENT)
    result = run(data, "--csv", tmp_path / "out" / "table.csv", "--document", document)
    assert result.returncode == 0, result.stderr
    with (tmp_path / "out" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows} == {"diffusion", "fMRI"}
    for row in rows:
        assert bool(row["fa_rmse"]) == (row["kind"] == "diffusion")
        assert bool(row["tsnr_rms_percent"]) == (row["kind"] == "fMRI")
        assert not row["bound"] or float(row["max_error"]) <= float(row["bound"])
        assert bool(row["bits_per_voxel"]) == row["setting"].startswith("voxz")
    settings = [row["setting"] for row in rows if row["kind"] == "fMRI"]
    assert {"rounding, E = 1", "voxz, max error 2", "voxz, 50 dB"} <= set(settings)
    text = document.read_text()
    assert text.startswith("# Loss\n<!-- made by")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "\n| rounding, E = 2 | 2 | " in text
    assert "old" not in text


@pytest.mark.parametrize("text", ["# Loss\n", DOCUMENT.replace("<!-- end -->", "")])
def test_documents_need_a_place_for_the_table(text: str, tmp_path: Path) -> None:
    write_nifti(tmp_path / "data" / "sub-1_T1w.nii", head((3, 9, 9)))
    (tmp_path / "lossy.md").write_text(text)
    result = run(tmp_path / "data", "--csv", tmp_path / "table.csv", "--document", tmp_path / "lossy.md")
    assert result.returncode != 0
    assert "no place for the table" in result.stderr
    assert (tmp_path / "lossy.md").read_text() == text
