"""The report of a study: what it counts, what stands out, and that the page sorts in a browser."""

import base64
import csv
import io
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from browser import BROWSER, Browser
from commands import run
from phantoms import head, noise
from voxz.report.study import csv_of, rows_of


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scans of a kind, the last one with much noise, compressed to `packed`, one of which has gone."""
    tree = tmp_path_factory.mktemp("study") / "raw"
    for number in range(7):
        path = tree / f"sub-{number}/sub-{number}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        rough = noise((8, 24, 28), 300, number) if number == 5 else 0
        nibabel.Nifti1Image((head((8, 24, 28), number + 1) + rough).astype(np.int16).T, np.eye(4)).to_filename(path)
    (tree / "README").write_text("a study")
    assert run("compress", "-r", tree, "-o", tree.parent / "packed", "--max-error", 2, "-q").returncode == 0
    (tree.parent / "packed/sub-6/sub-6_T1w.nii.voxz").unlink()
    return tree


def test_rows_say_what_files_say(study: Path) -> None:
    packed = study.parent / "packed"
    rows = {row.file: row for row in rows_of(packed)}
    assert sorted(rows) == [f"sub-{number}/sub-{number}_T1w.nii.voxz" for number in range(7)]
    first = rows["sub-0/sub-0_T1w.nii.voxz"]
    facts = voxz.info(packed / first.file)
    assert facts.loss is not None
    assert (first.kind, first.shape, first.written, first.bound, first.kept) == ("MRI", "28 x 24 x 8", facts.bytes, 2, True)
    assert first.size == (study / "sub-0/sub-0_T1w.nii.gz").stat().st_size
    assert first.rmse == facts.loss.rmse
    assert not first.why
    assert rows["sub-5/sub-5_T1w.nii.voxz"].why.startswith("size ")
    assert rows["sub-6/sub-6_T1w.nii.voxz"].why.startswith("it cannot be read any more: No such file")
    assert rows["sub-6/sub-6_T1w.nii.voxz"].outcome == "failed"


def test_the_page_and_its_csv(study: Path, tmp_path: Path) -> None:
    packed = study.parent / "packed"
    done = run("report", "-r", packed, "--original", study, "-o", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "6 images and archives compressed, 1 failed" in page
    assert "6 files lost something: in all of them the largest error is within what was promised." in page
    assert str(study.parent) not in page
    found = re.search(r"data:text/csv;base64,([^\"]*)", page)
    assert found
    table = base64.b64decode(found[1]).decode()
    assert table == csv_of(rows_of(packed))
    assert len(list(csv.DictReader(io.StringIO(table)))) == 7
    link = "report-files/sub-5_sub-5_T1w.nii.voxz.html"
    assert f'href="{link}"' in page
    assert "Promise kept" in (tmp_path / link).read_text(encoding="utf-8")
    assert run("report", "-r", packed, "-o", tmp_path / "report.html").returncode == 2
    assert run("report", "-r", packed, "-o", "-").stdout.decode().count("report-files") == 0


def test_wrong_arguments_read_well(study: Path, tmp_path: Path) -> None:
    for arguments, words in [((study,), "has no manifest"), ((study / "README",), "is no folder; leave out -r")]:
        done = run("report", "-r", *arguments, "-o", tmp_path / "page.html")
        assert done.returncode == 2
        assert words in done.stderr.decode()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
@pytest.mark.parametrize("width", [1400, 500])
def test_the_table_sorts_and_filters(study: Path, tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    assert run("report", "-r", study.parent / "packed", "-o", page).returncode == 0
    with Browser(tmp_path / "profile", width) as browser:
        browser.open(page.as_uri(), "document.body.dataset.ready")
        assert browser.complaints == []
        assert browser.requests == [page.as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width
        rows = "[...document.querySelectorAll('#files tbody tr')].filter((row) => !row.hidden)"
        names = f"{rows}.map((row) => row.cells[0].textContent)"
        assert browser.run(names)[:2] == ["sub-6/sub-6_T1w.nii.voxz", "sub-5/sub-5_T1w.nii.voxz"]
        column = "[...document.querySelectorAll('#files th button')].find((button) => button.textContent === 'size, %')"
        for _ in range(2):
            browser.run(f"{column}.click()")
        sizes = {row.file: row.percent or -1.0 for row in rows_of(study.parent / "packed")}
        assert browser.run(names) == sorted(sizes, key=lambda name: -sizes[name])
        browser.run("(() => { const f = document.getElementById('filter'); f.value = 'SUB-3'; f.oninput({ target: f }) })()")
        assert browser.run(names) == ["sub-3/sub-3_T1w.nii.voxz"]
