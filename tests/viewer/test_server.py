"""The server of this machine: what it gives, and above all what it does not."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from browser import BROWSER, Browser
from commands import run
from phantoms import head
from voxz.viewer.server import Server, range_of

pytestmark = pytest.mark.skipif(
    not (resources.files("voxz.viewer") / "assets" / "voxz.wasm").is_file(), reason="no decoder for browsers; make viewer-assets"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served") / "images"
    (place / "deeper").mkdir(parents=True)
    scan = place / "deeper/a scan.nii.gz"
    nibabel.Nifti1Image(head((10, 40, 44)).T, np.diag([1.0, 1.0, 2.0, 1.0])).to_filename(scan)
    voxz.compress(scan, place / "deeper/a scan.nii.voxz", target=voxz.MaxError(2))
    (place / "array.voxz").write_bytes(voxz.encode(head((6, 20, 24))))
    (place / "notes.txt").write_text("private")
    (place / ".hidden.voxz").write_bytes(b"hidden")
    (place.parent / "outside.voxz").write_bytes(voxz.encode(head((6, 20, 24))))
    (place / "link.voxz").symlink_to(place.parent / "outside.voxz")
    (place / "around").symlink_to(place.parent)
    (place / "inner.voxz").symlink_to("array.voxz")
    (place / "<b>.voxz").write_bytes(b"no image")
    return place


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as served:
        threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
        yield served
        served.shutdown()


def ask(
    server: Server, path: str, method: str = "GET", token: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, heads and body; the path is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, f"/{server.token if token is None else token}/{path}", skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


def test_files_by_ranges(server: Server, folder: Path) -> None:
    data = (folder / "array.voxz").read_bytes()
    assert ask(server, "data/array.voxz")[2] == data
    for wanted, part in [
        ("bytes=0-9", data[:10]),
        ("bytes=5-", data[5:]),
        ("bytes=-7", data[-7:]),
        ("bytes=3-99999999", data[3:]),
    ]:
        status, heads, body = ask(server, "data/array.voxz", Range=wanted)
        assert (status, body) == (206, part)
        start = len(data) - 7 if wanted == "bytes=-7" else int(wanted[6:].split("-")[0])
        assert heads["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/{len(data)}"
    for wanted in ("bytes=99999999-", "bytes=5-4", "bytes=-0", "lines=1-2", "bytes=1-2,5-6", "bytes=a-b"):
        assert ask(server, "data/array.voxz", Range=wanted)[0] == 416
    status, heads, body = ask(server, "data/array.voxz", "HEAD")
    assert (status, heads["Content-Length"], body) == (200, str(len(data)), b"")
    assert ask(server, "data/inner.voxz")[2] == data  # a link within the folder


def test_ranges() -> None:
    assert range_of("bytes=0-0", 1) == (0, 1)
    assert range_of("bytes=0-", 0) is None
    assert range_of("bytes=-5", 3) == (0, 3)
    assert range_of("bytes=\u0661-2", 9) is None


@pytest.mark.parametrize(
    "name",
    [
        "../outside.voxz",
        "..%2Foutside.voxz",
        "%2e%2e/outside.voxz",
        "link.voxz",
        "around/outside.voxz",
        "around/images/array.voxz",
        "/etc/passwd",
        "//etc/passwd",
        "%2Fetc%2Fpasswd",
        "notes.txt",
        ".hidden.voxz",
        "deeper",
        "",
        "a%00.voxz",
        "deeper/../notes.txt",
        "./array.voxz/../../outside.voxz",
        "..\\outside.voxz",
        "none.voxz",
    ],
)
def test_nothing_outside_the_folder(server: Server, name: str) -> None:
    if name == "around/images/array.voxz":  # leads back into the folder, and is what lies there
        assert ask(server, f"data/{name}")[0] == 200
        return
    for way in ("data", "thumbnail", "preview"):
        assert ask(server, f"{way}/{name}")[0] == 404, way
    assert ask(server, f"view?file={name}")[0] == 404


def test_only_with_the_token_and_to_this_machine(server: Server) -> None:
    own = f"127.0.0.1:{server.server_port}"
    assert len(server.token) >= 32
    assert server.server_address[0] == "127.0.0.1"
    for token in ("", "x", server.token[:-1], server.token + "x", "%C3%A9"):
        assert ask(server, "data/array.voxz", token=token)[0] == 404
    for host in ("evil.example", f"evil.example:{server.server_port}", "127.0.0.1", ""):
        assert ask(server, "", Host=host)[0] == 404
    assert ask(server, "", Host=own)[0] == 200
    assert ask(server, "", Host=own.replace("127.0.0.1", "localhost"))[0] == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(server, "data/array.voxz", method)[0] == 501
    heads = ask(server, "")[1]
    assert "python" not in heads["Server"].lower()
    assert heads["Referrer-Policy"] == "no-referrer"


def test_the_list(server: Server) -> None:
    page = ask(server, "")[2].decode()
    listed = [urllib.parse.unquote(name) for name in re.findall(r'<a href="view\?file=([^&"]*)"', page)]
    assert listed == ["<b>.voxz", "array.voxz", "inner.voxz", "deeper/a scan.nii.gz", "deeper/a scan.nii.voxz"]
    assert "<b>" not in page
    assert "view?file=deeper/a%20scan.nii.gz&amp;file=deeper/a%20scan.nii.voxz" in page
    assert ask(server, "thumbnail/array.voxz")[2].startswith(b"\x89PNG")
    assert ask(server, "thumbnail/%3Cb%3E.voxz")[2].startswith(b"\x89PNG"), "no error where there is no picture"
    small = nibabel.Nifti1Image.from_bytes(ask(server, "preview/deeper/a%20scan.nii.voxz")[2])
    assert small.shape == (44, 40, 10)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_files_are_streamed_into_the_page(server: Server, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(server.url)
        browser.wait("[...document.images].filter((image) => image.complete && image.naturalWidth > 10).length >= 3", 30)
        names = "deeper/a%20scan.nii.gz&file=deeper/a%20scan.nii.voxz"
        browser.open(f"{server.url}view?file={names}", "document.body.dataset.ready", 120)
        assert "largest difference 2" in browser.run("document.getElementById('done').textContent")
        assert all(url.startswith(server.url) for url in browser.requests)
        browser.open(f"{server.url}view?file={names.split('=')[1]}", "document.body.dataset.ready", 120)
        assert (
            browser.run("app.shown.first.getValue(20, 18, 5, 0)")
            == voxz.open(server.folder / "deeper/a scan.nii.voxz")[20, 18, 5]
        )


def test_one_file_alone_is_all_that_is_served(folder: Path) -> None:
    with Server(folder / "array.voxz", (folder / "array.voxz",)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        assert b"array.voxz" in ask(server, "")[2]
        assert ask(server, "data/0")[2] == (folder / "array.voxz").read_bytes()
        for name in ("1", "array.voxz", "deeper/a%20scan.nii.voxz", "-1", "00000"):
            assert ask(server, f"data/{name}")[0] == 404
        server.shutdown()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_command_says_its_address_and_ends_by_an_interruption(folder: Path) -> None:
    command = [sys.executable, "-m", "voxz", "view", str(folder), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert re.fullmatch(rb"http://127\.0\.0\.1:\d+/[\w-]{32,}/\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_wrong_arguments_read_well(folder: Path) -> None:
    for arguments, words in [
        ((), "give a file or a folder"),
        ((folder, "-o", "-"), "is a folder"),
        ((folder / "notes.txt",), "no .voxz"),
    ]:
        done = run("view", *arguments)
        assert done.returncode == 2
        assert words in done.stderr.decode()
