"""Integers of a brick, some of which may be absent, as one part of another codec's payload."""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.predictive.codec import decode_present, encode_present
from voxz.codecs.predictive.levels import DEFAULT

Present = NDArray[np.bool_] | None
"""Which samples of a brick are coded; None: all."""


def put_integers(
    writer: PartWriter,
    values: NDArray[np.int32],
    shape: tuple[int, ...],
    present: Present,
    level: int,
    ridge: float | None = None,
    rough: bool = False,
    fidelity: Fidelity = EXACT,
) -> bool:
    """Append the payload of integers, given for the samples that are present; False if their range is too wide.

    They come back as near as `fidelity` asks.
    """
    volume = values.reshape(shape) if present is None else np.zeros(shape, np.int32)
    if present is not None:
        volume[present] = values
    where = None if present is None else present[..., None]
    finest = level if fidelity != EXACT or (present is None and not rough) else DEFAULT
    payload = encode_present(volume[..., None], min(level, finest), where, ridge, rough, fidelity)
    if payload is not None:
        writer.part(payload)
    return payload is not None


def take_integers(reader: PartReader, shape: tuple[int, ...], present: Present) -> NDArray[np.int32]:
    """Inverse of `put_integers`: flat integers of the samples that are present."""
    where = None if present is None else present[..., None]
    volume = decode_present(reader.part(), (*shape, 1), np.dtype(np.int32), where)[..., 0]
    return (volume if present is None else volume[present]).ravel().astype(np.int32)
