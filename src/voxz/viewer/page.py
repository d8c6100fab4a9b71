"""A page that shows .voxz files and decodes them itself: NiiVue, the decoder as WebAssembly, and the files, in one HTML file."""

import base64
import html
import json
import os
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from voxz.api import info
from voxz.errors import CorruptError, LimitError, MissingDependencyError, UsageError, VoxzError
from voxz.image.lazy import Image
from voxz.io.names import is_packed
from voxz.viewer.content import SHOWN, shown_file

LARGEST = 1 << 28
"""Bytes of files that a page carries at most; browsers do not open much larger pages."""

_DECODER = ("voxz.js", "voxz.wasm", "voxz-plain.wasm")


def page_with(files: list[str | os.PathLike[str]]) -> str:
    """HTML of a page that carries one file, or an original and what is compared with it; none: a page to drop files on.

    Raises
    ------
    UsageError
        Files are no .voxz or NIfTI files, or more than two.
    LimitError
        They are too large for a page.
    MissingDependencyError
        The decoder was not built into this installation.
    """
    paths = list(map(Path, files))
    refuse(paths)
    size = sum(path.stat().st_size for path in paths)
    if size > LARGEST:
        raise LimitError(f"a page carries at most {LARGEST:,} bytes, these are {size:,}; voxz view DIR shows files of any size")
    given = [{"name": path.name, "id": f"file{n}", "about": about(path)} for n, path in enumerate(paths)]
    blobs = {}
    for n, path in enumerate(paths):
        with shown_file(path) as file:
            blobs[f"file{n}"] = file.read()
    return filled(" and ".join(path.name for path in paths) or "voxz", given, blobs)


def check_decoder() -> None:
    """`MissingDependencyError` if the decoder was not built into this installation."""
    folder = resources.files("voxz.viewer") / "assets"
    for name in _DECODER:
        if not (folder / name).is_file():
            raise MissingDependencyError(
                f"the decoder for browsers ({name}) is not in this installation; in a checkout, run: make viewer-assets"
            )


def is_shown(path: Path) -> bool:
    """Whether a page shows files of this name."""
    return is_packed(path) or path.name.lower().endswith(SHOWN)


def refuse(paths: list[Path]) -> None:
    """Refuse what a page cannot show, before anything is written or served."""
    if len(paths) > 2:
        raise UsageError(f"a page shows one file, or two and their difference (got {len(paths)})")
    for path in paths:
        if not is_shown(path):
            raise UsageError(f"{path} is no .voxz or NIfTI file; compress it first")
        if is_packed(path):
            try:
                info(path)  # what is damaged at its front is said here, not in the browser
            except CorruptError as error:
                raise type(error)(f"{path.name}: {error}") from None


def about(path: Path) -> dict[str, Any]:
    """What the decoder in the page does not read: affines of volumes that are no NIfTI files, and what they are; no names."""
    if not is_packed(path):
        return {}
    try:
        facts = info(path)
        if facts.original == "nifti":
            return {}
        with Image(path) as image:
            affines = [volume.affine for volume in image.series]
    except (VoxzError, OSError):
        return {}
    names = [series.facts.get("modality", series.format) for series in facts.series] or [""] * len(affines)
    volumes = [
        {"name": name, **({} if affine is None else {"affine": affine[:3].tolist()})}
        for name, affine in zip(names, affines, strict=False)
    ]
    return {"volumes": volumes, "kind": "archive" if facts.original == "archive" else "array"}


def filled(title: str, given: list[dict[str, Any]], blobs: dict[str, bytes]) -> str:
    """The template with everything in it; `given` tells the script of each file its name, and its id or URL."""
    check_decoder()
    folder = resources.files("voxz.viewer")
    # pages from a disk may have no workers that are modules: what makes the decoder one is taken away
    module = re.sub("^export ", "", _text(folder / "assets" / "voxz.js"), flags=re.MULTILINE)
    decoder = module.replace("import.meta.url", "self.location.href") + "\n" + _text(folder / "worker.js")
    carried = {
        "simd": (folder / "assets" / "voxz.wasm").read_bytes(),
        "plain": (folder / "assets" / "voxz-plain.wasm").read_bytes(),
    }
    data = f'<script id="given" type="application/json">{_in_script(json.dumps(given))}</script>'
    data += f'<script id="decoder" type="text/plain">{_in_script(decoder)}</script>'
    data += "".join(
        f'<script id="{name}" type="text/plain">{base64.b64encode(content).decode()}</script>'
        for name, content in (carried | blobs).items()
    )
    parts = {
        "{{title}}": html.escape(title),
        "{{data}}": data,
        "{{niivue}}": _in_script(_text(folder / "vendor" / "niivue.umd.js")),
        "{{nifti}}": _text(folder / "nifti.js"),
        "{{script}}": _text(folder / "viewer.js"),
    }
    page, result = _text(folder / "viewer.html"), ""
    for mark, text in parts.items():  # in their order, so that nothing is looked for in what was filled in
        before, page = page.split(mark, 1)
        result += before + text
    return result + page


def _in_script(text: str) -> str:
    """Text that does not end the element that it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")
