"""Pages that decode by themselves: in a browser, from a disk, nothing asked for, real voxels on the screen."""

from importlib import resources
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from browser import BROWSER, Browser
from commands import run
from dicoms import slice_of, written
from phantoms import head, series
from voxz.container.reader import Reader
from voxz.errors import PersonalDataWarning

ASSETS = resources.files("voxz.viewer") / "assets"

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium"),
    pytest.mark.skipif(not (ASSETS / "voxz.wasm").is_file(), reason="no decoder for browsers; make viewer-assets"),
]

SMALL = (5, 16, 18)
"""Shape of a series that is kept whole, without arrays."""

READY = "document.body.dataset.ready"
DONE = "document.getElementById('done').textContent"
BRIGHT = """(id) => {
  const canvas = document.getElementById(id);
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d");
  app.views[id].drawScene();
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  return data.filter((value, k) => k % 4 < 3 && value > 60).length;
}"""

COLOURED = BRIGHT.replace(
    "data.filter((value, k) => k % 4 < 3 && value > 60)", "data.filter((value, k) => k % 4 === 0 && value > data[k + 2] + 60)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("images")
    image = nibabel.Nifti1Image(series(3, (12, 30, 34)).T, np.diag([2.0, 2.0, 3.0, 1.0]))
    image.to_filename(place / "scan.nii.gz")
    voxz.compress(place / "scan.nii.gz", place / "scan.nii.voxz", target=voxz.MaxError(2))
    for name, shape in (("ct", (5, 32, 36)), ("small", SMALL)):
        (place / name).mkdir()
        for number, pixels in enumerate(head(shape)):
            data = slice_of(pixels, InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 3 * number])
            (place / name / f"{number}.dcm").write_bytes(written(data))
        with pytest.warns(PersonalDataWarning):
            voxz.compress(place / name, place / f"{name}.voxz")
    (place / "array.voxz").write_bytes(voxz.encode(head((9, 20, 24))))
    return place


def page(target: Path, *files: Path) -> str:
    done = run("view", *files, "-o", target)
    assert done.returncode == 0, done.stderr
    return target.as_uri()


@pytest.mark.parametrize("width", [1400, 500])
def test_an_original_what_was_decoded_and_their_difference(folder: Path, tmp_path: Path, width: int) -> None:
    url = page(tmp_path / "page.html", folder / "scan.nii.voxz", folder / "scan.nii.gz")
    with Browser(tmp_path / "profile", width) as browser:
        browser.open(url, READY, 120)
        compared = voxz.compare(folder / "scan.nii.gz", folder / "scan.nii.voxz")
        assert f"largest difference {compared.max_error:g}, RMSE {compared.rmse:.4g}" in browser.run(DONE)
        assert browser.complaints == []
        assert browser.requests == [url]
        assert browser.run("document.documentElement.scrollWidth") <= width
        for canvas in ("first", "second", "third"):
            assert browser.run(f"({BRIGHT})('{canvas}')") > 500, canvas
        decoded = voxz.decode(folder / "scan.nii.voxz")
        for x, y, z, t in [(17, 15, 6, 0), (3, 20, 4, 2)]:
            assert browser.run(f"app.shown.second.getValue({x}, {y}, {z}, {t})") == decoded[x, y, z, t]


def test_the_crosshairs_are_linked(folder: Path, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open(page(tmp_path / "page.html", folder / "scan.nii.gz", folder / "scan.nii.voxz"), READY, 120)
        before = browser.run("[...app.views.third.scene.crosshairPos]")
        box = "document.getElementById('first').getBoundingClientRect()"
        left, top, wide, high = (browser.run(f"{box}.{side}") for side in ("left", "top", "width", "height"))
        browser.click(left + 0.4 * wide, top + 0.2 * high)
        browser.wait("document.getElementById('told').textContent.includes('difference')", 20)
        after = browser.run("[...app.views.third.scene.crosshairPos]")
        assert after != before
        assert after == pytest.approx(browser.run("[...app.views.first.scene.crosshairPos]"))
        assert browser.complaints == []


def test_labels_are_laid_over_a_scan(folder: Path, tmp_path: Path) -> None:
    marked = np.zeros((12, 30, 34), np.uint8)
    marked[4:8, 10:20, 12:22] = 1
    labels = nibabel.Nifti1Image(marked.T, np.diag([2.0, 2.0, 3.0, 1.0]))
    labels.to_filename(tmp_path / "labels.nii.gz")
    voxz.compress(tmp_path / "labels.nii.gz", tmp_path / "labels.nii.voxz")
    with Browser(tmp_path / "profile") as browser:
        browser.open(page(tmp_path / "page.html", folder / "scan.nii.voxz"), READY, 120)
        gray = browser.run(f"({COLOURED})('first')")
        browser.run("document.getElementById('overlaid').click()")
        browser.files("#files", tmp_path / "labels.nii.voxz")
        browser.wait(f"{DONE} === 'labels.nii.voxz is laid over'", 60)
        assert browser.run("app.views.first.volumes.length") == 2
        assert browser.run("app.views.first.volumes[1].getValue(15, 12, 5)") == 1
        assert browser.run(f"({COLOURED})('first')") > gray + 500
        assert browser.complaints == []


def test_files_are_dropped_and_archives_list_their_series(folder: Path, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        url = page(tmp_path / "page.html")
        browser.open(url, READY)
        browser.files("#files", folder / "array.voxz")
        browser.wait(f"{DONE}.startsWith('decoded')", 60)
        assert browser.run("app.shown.first.getValue(11, 12, 4, 0)") == head((9, 20, 24))[4, 12, 11]
        browser.open(page(tmp_path / "ct.html", folder / "ct.voxz"), READY, 60)
        assert browser.run("[...app.shown.first.pixDims.slice(1, 4)]")[2] == pytest.approx(3)
        assert "36 x 32 x 5 int16" in browser.run("document.getElementById('volume').textContent")
        assert browser.complaints == []
        (tmp_path / "bad.voxz").write_bytes(b"no such file at all")
        browser.files("#files", tmp_path / "bad.voxz")
        browser.wait("document.getElementById('done').className === 'error'", 30)


def test_archives_that_are_kept_whole_show_their_images(folder: Path, tmp_path: Path) -> None:
    with Reader(folder / "small.voxz") as reader:
        assert not reader.arrays
    with Browser(tmp_path / "profile") as browser:
        browser.open(page(tmp_path / "small.html", folder / "small.voxz"), READY, 60)
        turned = head(SMALL)[:, ::-1, ::-1]  # NiiVue counts voxels to the right and to the front
        assert browser.run("app.shown.first.getValue(9, 8, 3, 0)") == turned[3, 8, 9]
        assert browser.run("[...app.shown.first.pixDims.slice(1, 4)]")[2] == pytest.approx(3)
        assert browser.run(f"({BRIGHT})('first')") > 500
        assert browser.complaints == []
        browser.open(page(tmp_path / "page.html"), READY)
        browser.files("#files", folder / "small.voxz")
        browser.wait("document.getElementById('done').className === 'error'", 30)
        assert "voxz view FILE shows its images" in browser.run("document.getElementById('done').textContent")


def test_a_page_names_no_folder(folder: Path, tmp_path: Path) -> None:
    page(tmp_path / "page.html", folder / "ct.voxz")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert str(folder) not in text
    assert "0.dcm" not in text.split('id="decoder"')[0]
