"""Report pages in a browser: nothing is asked for, nothing goes wrong, and what is on the screen are the samples."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from browser import BROWSER, Browser
from commands import run
from phantoms import head

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium")

MEAN = """(c) => {
  const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
  return data.reduce((a, b) => a + b, 0) / data.length;
}"""
CANVAS = "document.querySelectorAll('#planes canvas')"
TOLD = "document.getElementById('told').textContent"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    scan = folder / "scan.nii.gz"
    nibabel.Nifti1Image(head((16, 40, 44)).T, np.diag([1.0, 1.0, 2.5, 1.0])).to_filename(scan)
    voxz.compress(scan, folder / "scan.nii.voxz", target=voxz.MaxError(3))
    assert run("report", folder / "scan.nii.voxz", "--original", scan, "-o", folder / "report.html").returncode == 0
    return folder / "report.html"


@pytest.mark.parametrize("width", [1400, 500])
def test_pages_draw_and_load_nothing(page: Path, tmp_path: Path, width: int) -> None:
    with Browser(tmp_path, width) as browser:
        browser.open(page.as_uri(), "document.body.dataset.ready")
        assert browser.complaints == []
        assert browser.requests == [page.as_uri()]
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.body.dataset.ready") == "3"
        means = browser.run(f"[...{CANVAS}].filter((c) => c.offsetWidth).map({MEAN})")
        assert len(means) == (9 if width > 640 else 3)
        assert all(64 < value < 255 for value in means)  # a black canvas has 63.75: its alpha
        assert browser.run(f"({MEAN})(document.getElementById('mosaic'))") > 64


def test_printed_pages_have_pictures_and_no_buttons(page: Path, tmp_path: Path) -> None:
    with Browser(tmp_path, 760) as browser:
        browser.open(page.as_uri(), "document.body.dataset.ready")
        browser.media("print")
        assert browser.run("[...document.querySelectorAll('.tools, .slide')].every((part) => part.offsetParent === null)")
        assert browser.run("document.documentElement.scrollWidth") <= 760
        shown = browser.run(f"[...{CANVAS}].filter((c) => c.offsetWidth > 100).map({MEAN})")
        assert len(shown) == 9
        assert all(value > 64 for value in shown)
        pdf = browser.printed()
        assert pdf.startswith(b"%PDF")
        assert 1 <= pdf.count(b"/Type /Page\n") <= 12
        assert pdf.count(b"/Subtype /Image") >= 9  # pictures are printed though backgrounds are not


def test_keys_pointer_and_buttons(page: Path, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(page.as_uri(), "document.body.dataset.ready")
        first = browser.run(TOLD)
        assert "difference" in first
        place = browser.run(
            f"(() => {{ const b = {CANVAS}[0].getBoundingClientRect(); return [b.left, b.top, b.width, b.height] }})()"
        )
        left, top, wide, high = place
        browser.click(left + wide * 0.26, top + high * 0.76)
        clicked = browser.run(TOLD)
        x, y, z = (int(part.split()[1]) for part in clicked.split(" · ")[0].split(", "))
        assert (x, y) == (11, 9)  # a quarter from the left, and from below
        browser.key("ArrowRight")
        browser.key("PageUp")
        assert browser.run(TOLD).startswith(f"x {x + 1}, y {y}, z {z + 1} ")
        volume = head((16, 40, 44))
        decoded = voxz.decode(page.with_name("scan.nii.voxz")).T
        shown = browser.run(TOLD).replace("−", "-")
        assert f"original {volume[z + 1, y, x + 1]} " in shown
        assert f"decoded {decoded[z + 1, y, x + 1]} " in shown
        browser.run("document.getElementById('worst').click()")
        assert browser.run(TOLD) == first
        browser.run("document.getElementById('flicker').click()")
        browser.wait("document.querySelectorAll('#planes figcaption')[1].textContent === 'original'", 10)
        assert browser.complaints == []


def test_the_canvas_shows_the_samples(page: Path, tmp_path: Path) -> None:
    """All values as gray: a pixel of the original is its voxel."""
    volume = head((16, 40, 44))
    with Browser(tmp_path) as browser:
        browser.open(page.as_uri(), "document.body.dataset.ready")
        browser.run(
            "(() => { const w = document.getElementById('window'); w.selectedIndex = w.options.length - 1; w.onchange() })()"
        )
        z, y, x = (int(browser.run(TOLD).split(f"{axis} ")[1].split()[0].rstrip(",")) for axis in "zyx")
        script = f"""(() => {{ const c = {CANVAS}[0], x = ({x} + 3.5) / 44 * c.width, y = (39 - {y} + 4.5) / 40 * c.height;
          return c.getContext('2d').getImageData(x, y, 1, 1).data[0] }})()"""
        voxel = volume[z, y - 4, x + 3]
        gray = 255 * (int(voxel) - int(volume.min())) / (int(volume.max()) - int(volume.min()))
        assert browser.run(script) == pytest.approx(gray, abs=1)
