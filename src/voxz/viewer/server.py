"""A server for one person at this machine: it lists a folder of images, and opens them in a page that decodes them itself.

It listens on the loopback address only, answers only requests that carry the token in their URL and are addressed to this machine
by number or as ``localhost`` (so that no other page can reach it by a name of its own), reads only, and gives nothing that lies
outside the folder, also not through links. Files are given by ranges, as the decoder in the page asks for them.
"""

import contextlib
import html
import os
import secrets
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from voxz.errors import VoxzError
from voxz.image.lazy import Image
from voxz.image.picture import png
from voxz.image.preview import MOST_HALVINGS
from voxz.io.names import is_packed
from voxz.viewer.content import shown_file
from voxz.viewer.page import about, check_decoder, filled, is_shown, refuse
from voxz.viewer.thumbnail import thumbnail

MOST_LISTED = 2000
"""Files of a folder that are listed."""

_PART = 1 << 20
_PREVIEW = 1 << 21
"""Samples of a preview, about: x, y and z are halved until there are no more."""

_NO_PICTURE = png(np.full((1, 1), 0x88, np.uint8))
"""What stands for a file without a picture: an answer that is an error would be one in the browser's console, too."""

_POLICY = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"
"""What the list of a folder may load."""


class Server(ThreadingHTTPServer):
    """Serves a folder, or `files` (one, or an original and what is compared with it) alone.

    Attributes
    ----------
    url : with the token; whoever has it can read the folder
    """

    daemon_threads = True
    address_family = socket.AF_INET

    def __init__(self, folder: Path, files: tuple[Path, ...] = (), *, port: int = 0) -> None:
        check_decoder()
        refuse(list(files))
        self.folder, self.files, self.token = folder.resolve(), files, secrets.token_urlsafe(24)
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def place(self, name: str) -> Path | None:
        """The file of a name relative to the folder; None if it is not to be seen."""
        if self.files:
            number = int(name) if name.isdecimal() and len(name) < 3 else len(self.files)
            return self.files[number] if number < len(self.files) else None
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or "\0" in name or any(part.startswith(".") for part in parts):
            return None
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            found = (self.folder / name).resolve(strict=True)
            if found.is_relative_to(self.folder) and found.is_file() and is_shown(found):
                return found
        return None

    def listed(self) -> Iterator[str]:
        """Names of the images in the folder and below it, in order; links that lead out are left out."""
        count = 0
        for place, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                relative = (Path(place) / name).relative_to(self.folder).as_posix()
                if is_shown(Path(name)) and self.place(relative) is not None:
                    yield relative
                    count += 1
                    if count == MOST_LISTED:
                        return


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "voxz", ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nothing: URLs have the token in them."""

    def _answer(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        own = {f"{host}:{self.server.server_port}" for host in ("127.0.0.1", "localhost")}
        pieces = parts.path.split("/", 3)
        if self.headers.get("Host") not in own or len(pieces) < 3 or not _same(pieces[1], self.server.token):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        name = urllib.parse.unquote(pieces[3]) if len(pieces) > 3 else ""
        query = urllib.parse.parse_qs(parts.query)
        ways: dict[str, Callable[[], None]] = {
            "": partial(self._page, ["0", "1"][: len(self.server.files)]) if self.server.files else self._list,
            "view": partial(self._page, query.get("file", [])[:2]),
            "data": partial(self._file, name),
            "thumbnail": partial(self._made, name, thumbnail, "image/png", _NO_PICTURE),
            "preview": partial(self._made, name, preview, "application/octet-stream"),
        }
        way = ways.get(pieces[2])
        try:
            if way is None:
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                way()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _list(self) -> None:
        self._send(folder_page(self.server.folder.name, list(self.server.listed())).encode(), "text/html; charset=utf-8", _POLICY)

    def _page(self, names: list[str]) -> None:
        places = [self.server.place(name) for name in names]
        known = [place for place in places if place is not None]
        if not known or len(known) < len(places):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        root = f"/{self.server.token}"
        given: list[dict[str, Any]] = []
        for name, place in zip(names, known, strict=True):
            quoted = urllib.parse.quote(name)
            given.append({"name": place.name, "url": f"{root}/data/{quoted}", "about": about(place)})
            if is_packed(place):
                given[-1]["preview"] = f"{root}/preview/{quoted}"
        self._send(filled(" and ".join(place.name for place in known), given, {}).encode(), "text/html; charset=utf-8")

    def _made(self, name: str, make: Callable[[Path], bytes | None], kind: str, otherwise: bytes | None = None) -> None:
        place = self.server.place(name)
        content = None if place is None else otherwise
        with contextlib.suppress(VoxzError, OSError, MemoryError):
            content = (place and make(place)) or content
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._send(content, kind)

    def _file(self, name: str) -> None:
        place = self.server.place(name)
        if place is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with shown_file(place) as file:
            size = file.seek(0, os.SEEK_END)
            wanted = self.headers.get("Range")
            span = (0, size) if wanted is None else range_of(wanted, size)
            if span is None:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start, stop = span
            self.send_response(HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT)
            if wanted is not None:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
            self._heads("application/octet-stream", stop - start)
            if self.command == "GET":
                self._copy(file, start, stop)

    def _copy(self, file: BinaryIO, start: int, stop: int) -> None:
        file.seek(start)
        while start < stop:
            part = file.read(min(_PART, stop - start))
            if not part:  # the file was cut meanwhile: the connection ends, and the page says that bytes are missing
                self.close_connection = True
                return
            self.wfile.write(part)
            start += len(part)

    def _send(self, content: bytes, kind: str, policy: str = "") -> None:
        self.send_response(HTTPStatus.OK)
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self._heads(kind, len(content))
        if self.command == "GET":
            self.wfile.write(content)

    def _heads(self, kind: str, length: int) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()


def range_of(wanted: str, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last, of a header such as ``bytes=0-99``; None if the file has none of them."""
    unit, _, span = wanted.partition("=")
    first, dash, last = span.strip().partition("-")
    if (
        unit.strip() != "bytes"
        or not dash
        or not all(part == "" or (part.isdecimal() and part.isascii()) for part in (first, last))
    ):
        return None
    if not first:
        return (max(0, size - int(last)), size) if last and int(last) and size else None
    start, stop = int(first), min(size, int(last) + 1 if last else size)
    return (start, stop) if start < stop else None


def folder_page(name: str, files: list[str]) -> str:
    """HTML of the list of a folder; a file whose original lies beside it can be compared with it."""
    there = set(files)
    cards = []
    for file in files:
        quoted = urllib.parse.quote(file)
        stem = file.removesuffix(".voxz") if is_packed(Path(file)) else ""
        beside = next((other for other in (f"{stem}.gz", stem, f"{stem}.nii.gz", f"{stem}.nii") if stem and other in there), None)
        both = f"view?file={urllib.parse.quote(beside)}&amp;file={quoted}" if beside else ""
        compared = f' <a href="{both}">with its original</a>' if both else ""
        picture = f'<img loading="lazy" alt="" src="thumbnail/{quoted}">'
        cards.append(f'<li><a href="view?file={quoted}">{picture}{html.escape(file)}</a>{compared}</li>')
    listed = f"<ul>{''.join(cards)}</ul>" if cards else "<p>There are no .voxz or NIfTI files in it.</p>"
    most = f"<p>The first {MOST_LISTED} files are listed.</p>" if len(files) == MOST_LISTED else ""
    template = (resources.files("voxz.viewer") / "folder.html").read_text(encoding="utf-8")
    before, after = template.split("{{list}}")
    return before.replace("{{title}}", html.escape(name)) + most + listed + after


def preview(place: Path) -> bytes | None:
    """NIfTI file of a scalar volume at the finest resolution of no more than about `_PREVIEW` samples; None of others."""
    with Image(place) as image:
        if len(image.shape) != 3 or image.channels > 1 or image.nifti_header() is None:
            return None
        resolution, left = 0, image.size
        while left > _PREVIEW and resolution < MOST_HALVINGS:
            resolution, left = resolution + 1, left // 8
        content: bytes = image.to_nibabel(resolution).to_bytes()
        return content


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
