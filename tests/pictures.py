"""The pictures of docs/reports.md and docs/viewer.md: ``python tests/pictures.py``, after ``make viewer-assets``.

A scan that nibabel ships is compressed with half a standard deviation of its noise; a browser draws the pages, and the list of a
folder that both files lie in.
"""

import shutil
import tempfile
import threading
from pathlib import Path

import nibabel

from browser import Browser
from commands import run
from voxz.viewer.server import Server

DOCS = Path(__file__).parents[1] / "docs"
SCAN = Path(nibabel.__file__).parent / "tests/data/example4d.nii.gz"
READY = "document.body.dataset.ready"
LOADED = "[...document.images].every((image) => image.complete)"


def draw(browser: Browser, name: str, url: str, until: str, height: int) -> None:
    """Write what a window shows of a page."""
    browser.resize(980, height)
    browser.open(url, until)
    browser.wait("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    (DOCS / name).write_bytes(browser.picture(whole=False, kind="webp"))


def main() -> None:
    """Draw all of them."""
    with tempfile.TemporaryDirectory() as place:
        folder, pages = Path(place) / "scans", Path(place) / "pages"
        folder.mkdir()
        pages.mkdir()
        scan, packed = Path(shutil.copy(SCAN, folder)), folder / "example4d.nii.voxz"
        run("compress", scan, "--max-error-noise", 0.5, "-o", packed)
        run("report", packed, "--original", scan, "-o", pages / "report.html")
        run("view", scan, packed, "-o", pages / "view.html")
        with Server(folder) as served, Browser(Path(place) / "profile") as browser:
            threading.Thread(target=served.serve_forever, daemon=True).start()
            draw(browser, "report.webp", (pages / "report.html").as_uri(), "true", 900)
            draw(browser, "viewer.webp", (pages / "view.html").as_uri(), READY, 434)
            draw(browser, "folder.webp", served.url, LOADED, 290)
            served.shutdown()


if __name__ == "__main__":
    main()
