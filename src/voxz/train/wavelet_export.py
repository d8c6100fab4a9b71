"""From what was trained to a model's file and its card."""

from __future__ import annotations

import numpy as np

from voxz.train.wavelet_transform import Lifting
from voxz.transforms.model import Model
from voxz.transforms.norms import Norms


def to_model(name: str, lifting: Lifting, norms: Norms) -> Model:
    """Model for codecs."""
    filters = lifting.filters().detach().cpu().numpy().astype(np.float64)
    exact = lifting.family.untrained()
    change = filters - exact
    counts = lifting.counts.cpu().numpy().astype(np.float64)
    change[..., 0, 0, 0] -= (change * counts).sum((-1, -2, -3)) / counts[0, 0, 0]  # float32 sums are not quite 0
    networks = {n: p.detach().cpu().numpy().astype(np.float64) for n, p in lifting.network_arrays().items()}
    return Model(name, lifting.family, exact + change, norms, networks)
