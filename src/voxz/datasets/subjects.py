"""Whose scan a file is, and on which side of the split that person falls.

Two scans of one person are alike, so a split by file would let a model see its own test data. Here the *subject* is
split, by a hash: SHA-256 of seed and subject, read as a fraction of 1, falls into one of the shares. Nothing but the seed
and the name decides, so the split is the same on every machine and adding scans never moves the others.
"""

import hashlib
import math
import re
from pathlib import PurePosixPath

from voxz.errors import UsageError

_BIDS = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9]+)")
_ENDINGS = re.compile(r"(\.(nii|hdr|img|npy|voxz|tiff?|gz))+$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_USUAL = ("train", "validation", "test")


def subject_of(source: str, pattern: str | None = None) -> str:
    """Name the subject of a file by its path below the folder that is prepared (parts separated by /).

    It is the BIDS entity ``sub-XXX`` if the path has one; else what `pattern` (a regular expression) finds, its first
    group if it has groups; else the first folder; else the file's name up to its extensions.
    """
    if found := _BIDS.search(source):
        return found[1]
    if pattern is not None and (found := re.search(pattern, source)):
        return (found[1] if found.re.groups else None) or found[0]
    parts = PurePosixPath(source).parts
    return parts[0] if len(parts) > 1 else _ENDINGS.sub("", parts[0])


def parse_split(text: str) -> dict[str, float]:
    """Read ``0.8/0.1/0.1`` (train, validation, test) or ``train=0.8,validation=0.2``.

    Raises
    ------
    UsageError
        It is neither, or the shares do not add up to 1.
    """
    if "=" in text:
        pairs = [part.partition("=")[::2] for part in text.split(",")]
    else:
        pairs = list(zip(_USUAL, text.split("/"), strict=False))
        if len(pairs) != len(text.split("/")):
            raise UsageError(f"a split of more than three shares needs names, such as a=0.5,b=0.5 (got {text!r})")
    names = [name.strip() for name, _ in pairs]
    try:
        shares = [float(share) for _, share in pairs]
    except ValueError:
        shares = []
    if not shares or not all(map(_NAME.fullmatch, names)) or len(set(names)) < len(names):
        raise UsageError(f"a split must be like 0.8/0.1/0.1 or train=0.8,validation=0.2 (got {text!r})")
    if not all(share >= 0 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise UsageError(f"shares of a split must be 0 to 1 and add up to 1 (got {text!r})")
    return dict(zip(names, shares, strict=True))


def split_of(subject: str, split: dict[str, float], seed: int) -> str:
    """Name the side of the split on which `subject` falls."""
    place = int.from_bytes(hashlib.sha256(f"{seed}\n{subject}".encode()).digest()[:8], "big") / 2**64
    end = 0.0
    for name, share in split.items():
        end += share
        if place < end:
            return name
    return next(name for name in reversed(split) if split[name])  # the shares add up to a hair less than 1
