"""Chromium without a window, driven through a pipe (Chrome DevTools Protocol): no package is needed for it.

Every host is unreachable but this machine's own; what a page asks for, and what it complains about, is noted.
"""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--disable-background-networking"),
    *("--disable-sync", "--disable-component-update", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--hide-scrollbars", "--force-color-profile=srgb"),
)


class Browser:
    """A page in a browser; use it as a context.

    Attributes
    ----------
    complaints : errors of scripts and lines of the console that are errors
    requests : URLs that were asked for, without those of data and blobs
    """

    def __init__(self, profile: Path, width: int = 1400, height: int = 1000) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self._rest = b""
        there, self._to = os.pipe()
        self._from, back = os.pipe()
        command = [str(BROWSER), *_OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
        # the browser reads descriptor 3 and writes 4
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{there} 4>&{back}', "browser", *command],
            pass_fds=(there, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(back)
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        os.close(self._from)

    def resize(self, width: int, height: int = 1000) -> None:
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, url: str, until: str = "true", seconds: float = 60) -> None:
        """Load a page and wait until an expression is true."""
        self._call("Page.navigate", url=url)
        self.wait(f"document.readyState === 'complete' && ({until})", seconds)

    def wait(self, until: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self.run(until):
            if time.monotonic() > end:
                raise TimeoutError(f"not true within {seconds} s: {until}; {self.complaints}")
            time.sleep(0.05)

    def run(self, script: str) -> Any:
        """The value of an expression; promises are waited for."""
        told = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"].get("exception", {}).get("description", str(told)))
        return told["result"].get("value")

    def key(self, key: str, code: str | None = None) -> None:
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def files(self, selector: str, *paths: Path) -> None:
        """Choose files in an input."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", files=[str(path) for path in paths], nodeId=node)

    def picture(self, whole: bool = True, kind: str = "png") -> bytes:
        """The page as PNG, or another kind that browsers write."""
        return base64.b64decode(self._call("Page.captureScreenshot", format=kind, captureBeyondViewport=whole)["data"])

    def media(self, kind: str) -> None:
        """Lay the page out for a screen or for print."""
        self._call("Emulation.setEmulatedMedia", media=kind)

    def printed(self) -> bytes:
        """PDF of the page as it is printed, without backgrounds."""
        return base64.b64decode(self._call("Page.printToPDF")["data"])

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session") and not method.startswith("Target."):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 90
        while True:
            told = self._read(end)
            if told.get("id") == number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                return told["result"]
            self._note(told)

    def _read(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise ConnectionError("the browser has ended")
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if not url.startswith(("data:", "blob:", "about:")):
                self.requests.append(url)
        elif event.get("method") == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
            self.complaints.append(str([argument.get("value", argument.get("description")) for argument in told["args"]]))
        elif event.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(told["entry"]["text"])
