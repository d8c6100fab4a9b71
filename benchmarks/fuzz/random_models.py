"""Models of trained transforms, made at random."""

import numpy as np

from voxz.transforms.band_norms import NORMS_97, TABLE, Norms
from voxz.transforms.lifting_family import Family, multiplicities
from voxz.transforms.trained_model import Model

FAMILIES = (
    Family(),
    Family(sharing="none", classes=2),
    Family(reversible=True, steps=2, sharing="axes"),
    Family(reach=3, sharing="all"),
    Family(network="relu"),
    Family(network="additive", network_sharing="axes"),
    Family(network="affine"),
    Family(reversible=True, network="relu"),
    Family(reversible=True, network="additive"),
)


def random_model(family: Family, seed: int = 0, size: float = 0.03) -> Model:
    """A model with filters near 9/7 or 5/3 and networks that do something."""
    rng = np.random.default_rng(seed)
    counts = multiplicities(family.reach)
    change = rng.normal(size=family.shape) * size
    change -= (change * counts).sum((-1, -2, -3), keepdims=True) / counts.sum()
    table = np.ones(TABLE)
    for along_z, level, orientation in np.ndindex(7, 6, 8):
        if not (orientation & 1 and level >= along_z) and orientation:
            table[along_z, level, orientation] = NORMS_97.of(level, orientation, (along_z, 6, 6))
    networks = {name: rng.normal(size=shape).astype("f4") * 0.05 for name, shape in family.networks.items()}
    return Model("random", family, family.untrained() + change, Norms(table), networks)


def model_for(family: Family, seed: int = 0) -> Model:
    """The same, as a decoder reads it."""
    return Model.from_bytes(random_model(family, seed).to_bytes())
