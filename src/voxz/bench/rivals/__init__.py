"""The rivals by name: one file each, imported when first used, because what they need may be missing."""

import importlib
from typing import TYPE_CHECKING

from voxz.errors import UsageError

if TYPE_CHECKING:
    from voxz.bench.rivals.base import Rival

RIVALS = {
    "voxz": "Voxz",
    "gzip": "Gzip",
    "zstd": "Zstandard",
    "xz": "Xz",
    "blosc2": "Blosc2",
    "pcodec": "Pcodec",
    "openzl": "OpenZl",
    "jpegls": "JpegLs",
    "jpeg2000": "Jpeg2000",
    "htj2k": "Htj2k",
    "jpegxl": "JpegXl",
    "prequant": "Prequant",
    "ffv1": "Ffv1",
    "x265": "X265",
    "vvenc": "Vvenc",
    "tomoz": "Tomoz",
    "zfp": "Zfp",
    "sz3": "Sz3",
    "sperr": "Sperr",
    "tthresh": "Tthresh",
    "jp3d": "Jp3d",
    "hm": "Hm",
    "vtm": "Vtm",
    "kakadu": "Kakadu",
}
"""Class of each rival; its file has the rival's name."""


def rival_class(name: str) -> "type[Rival]":
    """Class of the rival called `name`."""
    if name not in RIVALS:
        raise UsageError(f"unknown codec {name!r}; choose one of {', '.join(RIVALS)}")
    found: type[Rival] = getattr(importlib.import_module(f"voxz.bench.rivals.{name}"), RIVALS[name])
    return found
