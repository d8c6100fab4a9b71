"""Fixed fields of a payload of the wavelet codec, and what its transform is called; read without compiling anything."""

import struct
from dataclasses import dataclass
from typing import ClassVar

from voxz.weights.naming import DIGEST, LONGEST

LOSSY, LOSSLESS, NOTHING = 0, 1, 2
"""What a payload holds; NOTHING: all samples are special or background."""

NAMED, OWN, MOVED = 1, 2, 3
"""Transforms: a named model; filters, or fields of displacements, that the payload brings along. 0 is the untrained one."""

BACKGROUND, BASIS, CORRECTED, RESTORED = 1, 2, 4, 8
"""Flags: a background in front; a KLT; corrections at the end; a loop filter."""

HEAVY = 16
"""Flag: coefficients are in the heavy profile of entropy coding, whose model is named behind the transform's."""

FAST = 32
"""Flag: coefficients are in the fast profile, and the transform is in singles."""

BLOCKS = 64
"""Flag: slices are coded in blocks instead of going through a transform."""


MOST_RANGES = 8
"""Coarsest step, as a multiple of the range of a brick: coarser ones leave nothing."""

LEAST = 1e-300
"""Least step, and range that it is measured by."""


@dataclass(frozen=True)
class Head:
    """Fixed fields; `step` is 0 when lossless, `low` and `high` are the range of the coded samples."""

    kind: int
    states: int
    scales: tuple[int, int, int]
    specials: int
    flags: int
    transform: int
    step: float
    offset: float
    low: float
    high: float

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBBBBBBBdddd")
    FRONT: ClassVar[int] = LAYOUT.size + LONGEST
    """Bytes from which `transform_name` can tell."""

    def pack(self) -> bytes:
        """Bytes of the fields."""
        numbers = self.step, self.offset, self.low, self.high
        return self.LAYOUT.pack(self.kind, self.states, *self.scales, self.specials, self.flags, self.transform, *numbers)

    @classmethod
    def unpack(cls, data: bytes) -> "Head":
        """Fields of a payload, not checked."""
        kind, states, z, y, x, specials, flags, transform, *numbers = cls.LAYOUT.unpack(data)
        return cls(kind, states, (z, y, x), specials, flags, transform, *numbers)


def coarsest_step(low: float, high: float) -> float:
    """Largest step for coded samples of this range."""
    return MOST_RANGES * max(high - low, LEAST)


def transform_name(front: bytes) -> str:
    """Transform of a payload that begins with `front`.

    "9/7", "5/3", "trained:NAME (SHA-256 ...)", "own filters", "motion", "blocks" or "none".
    """
    if len(front) < Head.LAYOUT.size:
        return "unknown"
    head = Head.unpack(front[: Head.LAYOUT.size])
    if head.kind == NOTHING:
        return "none"
    if head.flags & BLOCKS:
        return "blocks"
    rest = front[Head.LAYOUT.size :]
    if head.transform == NAMED and len(rest) > DIGEST:
        name = rest[DIGEST + 1 : DIGEST + 1 + rest[DIGEST]].decode("ascii", "replace")
        return f"trained:{name} (SHA-256 {rest[:DIGEST].hex()}...)"
    return {0: "9/7" if head.kind == LOSSY else "5/3", OWN: "own filters", MOVED: "motion"}.get(head.transform, "unknown")


def entropy_name(front: bytes) -> str:
    """Entropy profile of a payload that begins with `front`: "fast", "light" or "heavy", "unknown" where there is no front."""
    if len(front) < Head.LAYOUT.size:
        return "unknown"
    flags = Head.unpack(front[: Head.LAYOUT.size]).flags
    return "heavy" if flags & HEAVY else "fast" if flags & FAST else "light"
