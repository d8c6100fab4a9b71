"""What is fitted of a brick: components of its volumes, points to learn from."""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.masked import Prepared
from voxz.transforms import klt

Volumes = NDArray[np.float64]


def offset_of(prepared: Prepared) -> float:
    """Stored value that is taken off before anything else: the mean of the samples that are not missing, as a whole number."""
    seen = prepared.series[~prepared.missing].astype(np.float64)
    return float(np.rint(prepared.low + (seen - prepared.low).mean())) if seen.size else 0.0


def components(volumes: Volumes, basis: klt.Basis | None) -> Volumes:
    """Components of the series in a basis, or the volumes themselves."""
    if basis is None:
        return volumes
    return klt.analyse(volumes.reshape(len(volumes), -1), basis).reshape(volumes.shape)


def seen_points(prepared: Prepared, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Flat indices, rising, of at most this many voxels ``(z, y, x)`` that some volume has."""
    places = np.flatnonzero(~prepared.missing.all(axis=0))
    if len(places) > most:
        places = np.sort(rng.choice(places, most, replace=False))
    return places
