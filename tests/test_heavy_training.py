"""Training of the heavy profile: what is recorded is what the codec sees, and a trained network is a model of the codec."""

import numpy as np
import pytest
from numpy.typing import NDArray

from phantoms import series
from voxz.errors import CorruptError
from voxz.subbands.bands import decode_bands, encode_bands
from voxz.subbands.heavy_model import Model
from voxz.subbands.settings import EFFORTS
from voxz.transforms.pyramid import Pyramid

pytest.importorskip("torch")

STEP = 12.0
EFFORT = EFFORTS[5]


def coefficients() -> tuple[NDArray[np.float64], Pyramid]:
    volumes = series(2, (10, 48, 48)).astype(np.float64)
    volumes -= np.rint(volumes.mean())
    pyramid = Pyramid(volumes.shape[1:], (2, 3, 3))
    for volume in volumes:
        pyramid.analyse(volume)
    return volumes, pyramid


def test_a_small_training_gives_a_model_that_codes() -> None:
    import torch

    from voxz.train.entropy import train
    from voxz.train.entropy_rows import rows_of

    torch.set_num_threads(1)
    components, pyramid = coefficients()
    rows, light = rows_of(components.copy(), pyramid, STEP, EFFORT, np.random.default_rng(0), 1 << 20)
    assert rows.weights.sum() <= components.size
    assert light == len(encode_bands(components.copy(), pyramid, STEP, EFFORT))
    network, losses = train(rows, 200, one=8, two=8, rate=0.01)
    assert losses[-1] < losses[0]
    again, _ = train(rows, 20, one=8, two=8)
    once_more, _ = train(rows, 20, one=8, two=8)
    assert again.to_bytes() == once_more.to_bytes()
    model = Model.from_bytes(network.to_bytes("entropy-tiny"))
    known = components.copy()
    payload = encode_bands(known, pyramid, STEP, EFFORT, model)
    assert len(payload) < 1.02 * light
    assert (decode_bands(payload, 2, pyramid, STEP, EFFORT.states, model=model) == known).all()
    with torch.no_grad():
        tensors = [torch.from_numpy(getattr(rows, name)) for name in ("features", "signed", "facts")]
        ideal = float((network.bits(*tensors) * torch.from_numpy(rows.weights)).sum()) / 8
    assert len(payload) < 1.05 * ideal + 1500


def test_a_file_cut_short_is_no_model() -> None:
    import torch

    from voxz.train.entropy_network import Network

    data = Network(4, 4, torch.Generator().manual_seed(0)).to_bytes()
    for end in (0, 7, 100, len(data) - 1):
        with pytest.raises(CorruptError):
            Model.from_bytes(data[:end])
