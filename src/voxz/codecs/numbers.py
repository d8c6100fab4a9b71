"""Numbers and names of the codecs, as files and users know them. A number is never given away again."""

from typing import Any

import numpy as np

STORED, PREDICTIVE, LABELS, FLOATS, WAVELET, SIREN, TURNED = 0, 1, 2, 3, 4, 5, 6

CODECS = {"stored": STORED, "predictive": PREDICTIVE, "labels": LABELS, "floats": FLOATS, "wavelet": WAVELET, "siren": SIREN}

BRICK_CODECS = {**CODECS, "turned": TURNED}
"""Also what no caller asks for: bricks that another codec codes after their samples were laid out anew."""

_INTEGERS, _FLOATS = ("i1", "u1", "i2", "u2", "i4", "u4"), ("f2", "f4", "f8")

TYPES = {
    PREDICTIVE: frozenset(_INTEGERS),
    FLOATS: frozenset((*_FLOATS, "c8", "c16")),
    WAVELET: frozenset(_INTEGERS + _FLOATS),
    SIREN: frozenset(_INTEGERS + _FLOATS),
}
"""Sample types (kind and bytes) of the codecs that do not take all."""


def takes(codec: int, dtype: np.dtype[Any]) -> bool:
    """Whether a codec, if it is known, takes samples of this type."""
    return codec not in TYPES or f"{dtype.kind}{dtype.itemsize}" in TYPES[codec]
