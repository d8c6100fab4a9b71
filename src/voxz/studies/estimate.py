"""What a study would take: some of its units are compressed, and thrown away."""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voxz.errors import VoxzWarning
from voxz.studies.manifest import FAILED
from voxz.studies.plan import Unit
from voxz.studies.work import Wish, compress_unit

_TRIED = 8
_LARGEST = 1 << 28
"""Bytes of a unit that is tried at most."""


@dataclass(frozen=True)
class Estimate:
    """Files that would be compressed and kept, bytes read and (about) written, seconds (about), and how many units were tried."""

    compressed: int
    kept: int
    read: int
    written: int
    seconds: float
    tried: int


def estimate(units: Sequence[Unit], tree: Path, wish: Wish, threads: int) -> Estimate:
    """Guess from units of all sizes: each stands for those between it and the next."""
    packed = [unit for unit in units if unit.kind in ("image", "archive")]
    kept = [unit for unit in units if unit.kind not in ("image", "archive")]
    small = [unit for unit in packed if unit.size <= _LARGEST]
    tried = small[:: max(1, -(-len(small) // _TRIED))]
    read = written = 0
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", VoxzWarning)
        trial = replace(wish, remove=False, force=True)
        for unit in tried:
            record = compress_unit(unit, tree, Path(folder), trial, threads)
            if record.outcome != FAILED:
                read, written, seconds = read + unit.size, written + record.written, seconds + record.seconds
    total = sum(unit.size for unit in packed)
    share = total / read if read else 1.0
    rest = sum(unit.size for unit in kept)
    return Estimate(
        sum(len(unit.sources) for unit in packed),
        len(kept),
        total + rest,
        round(written * share) + rest,
        seconds * share,
        len(tried),
    )
