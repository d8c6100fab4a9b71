"""Do the rows of a map repeat? Then asking each of them first saves time and bits; elsewhere it costs some."""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.labels.neighbourhood import BOTTOM, LEFT, TOP

REPEATS = 0.5
"""Share of repeated rows from which it is worth asking for each of them."""


def repeats_rows(ids: NDArray[np.int32], sizes: NDArray[np.int64]) -> bool:
    """Whether most rows with more than one id repeat that of the previous slice or, from volume 1 on, of the previous volume.

    Maps that were enlarged without interpolation do, and series of masks of something that does not move.
    """
    series, depth, height, width = (int(n) for n in sizes)
    padded = ids.reshape(series, depth, height + TOP + BOTTOM, width + 2 * LEFT)
    rows = padded[:, :, TOP : TOP + height, LEFT : LEFT + width]
    mixed = (rows[..., 1:] != rows[..., :-1]).any(axis=-1)
    repeated = np.zeros_like(mixed)
    repeated[0, 1:] = (rows[0, 1:] == rows[0, :-1]).all(axis=-1)
    repeated[1:] = (rows[1:] == rows[:-1]).all(axis=-1)
    mixed[0, 0] = False
    return bool(np.count_nonzero(repeated & mixed) > REPEATS * np.count_nonzero(mixed))
