"""A web server of this machine for tests: it answers ranges and notes what it was asked."""

import mimetypes
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Store(BaseHTTPRequestHandler):
    """A server of `files` that notes the ranges and the paths it was asked for."""

    def __init__(self, files: dict[str, bytes], asked: list[str], paths: list[str], ranges: bool, *arguments: Any) -> None:
        self.files, self.asked, self.paths, self.ranges = files, asked, paths, ranges
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        data, wanted = self.files.get(self.path.strip("/")), self.headers.get("Range")
        self.asked.append(f"{self.command} {wanted or ''}".strip())
        self.paths.append(self.path)
        if data is None:
            self.send_error(404)
            return
        part, code = data, 200
        if wanted and self.ranges:
            first, last = wanted.removeprefix("bytes=").split("-")
            part, code = data[int(first) : int(last) + 1], 206
        self.send_response(code)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Type", mimetypes.guess_type(self.path)[0] or "application/octet-stream")
        if self.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if code == 206:
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.end_headers()
        if body:
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


class Served:
    """A store on a port of this machine, and what it was asked: use it as a context."""

    def __init__(self, ranges: bool = True) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.paths: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Store, self.files, self.asked, self.paths, ranges))
        threading.Thread(target=partial(self.server.serve_forever, 0.05), daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{name}"

    def taken(self) -> tuple[int, int]:
        """Requests, and bytes of their ranges, since this was asked last."""
        spans = [entry.split("=")[1].split("-") for entry in self.asked if "=" in entry]
        result = len(self.asked), sum(int(last) - int(first) + 1 for first, last in spans)
        self.asked.clear()
        return result

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
