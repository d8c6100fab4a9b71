"""Filters tuned to one volume: a short training run from a shipped model, on crops of the volume itself.

How many steps it takes is fixed, seeds are too, and PyTorch works on one thread, so the same volume gives the same filters on a
machine. They travel in the file; the encoder takes them for a brick only where they are guessed to save.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voxz.pipeline.plan import Plan
from voxz.ratecontrol.planning import Opener
from voxz.ratecontrol.step_search import Trial
from voxz.train.wavelet.data import Example
from voxz.train.wavelet.export import to_model
from voxz.train.wavelet.recipe import Recipe, Stage
from voxz.train.wavelet.run import Run
from voxz.transforms.choice import shipped
from voxz.transforms.trained_model import Model, Tuned
from voxz.weights.store import read_named

CROP = (16, 48, 48)
CROPS, DRAWN = 24, 48
"""Crops to train on, and from how many: the flatter half is left out."""

STAGES = (Stage(30, 1e-2, ("rate",)), Stage(120, 6e-3, ("filters", "rate")))
BATCH = 2
BITS = (0.4, 5.0)


def tuned(opened: Opener, *, reversible: bool, threads: int = 1) -> Tuned:
    """Tune the shipped model to a volume. A volume without an image (constant, or of unordered samples) gives `Tuned(None)`."""
    with opened() as samples:
        if samples.layout.dtype.kind not in "iuf":
            return Tuned(None)
        bricks = Trial.of(samples, Plan(level=1), threads).bricks
    examples = _examples(bricks, np.random.default_rng(0))
    if not examples:
        return Tuned(None)
    start = Model.from_bytes(read_named(shipped(reversible)[0]))
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums would depend on their number
    try:
        with torch.random.fork_rng(devices=[]):
            recipe = Recipe("tuned", start.family, STAGES, batch=BATCH, bits=BITS)
            run = Run(recipe, {"": examples}, {}, None, filters=start.filters)
            run.go_on(lambda entry: None)
            with run.averaged():
                return Tuned(to_model(recipe.name, run.model, run.norms))
    finally:
        torch.set_num_threads(before)


def _examples(bricks: list[NDArray[Any]], rng: np.random.Generator) -> list[Example]:
    """Crops of bricks ``(series, z, y, x, channels)`` at random places; large bricks are drawn more often."""
    sizes = np.array([brick.size for brick in bricks], np.float64)
    if not sizes.sum():
        return []
    drawn: list[tuple[float, NDArray[Any]]] = []
    for number in rng.choice(len(bricks), DRAWN, p=sizes / sizes.sum()):
        brick = bricks[number]
        volume = brick[rng.integers(brick.shape[0]), ..., rng.integers(brick.shape[4])]
        corner = [int(rng.integers(max(1, n - side + 1))) for n, side in zip(volume.shape, CROP, strict=True)]
        crop = volume[tuple(slice(at, at + side) for at, side in zip(corner, CROP, strict=True))]
        spread = float(np.nan_to_num(crop.astype(np.float64), posinf=0.0, neginf=0.0).std())
        if np.isfinite(spread) and spread > 0:
            drawn.append((spread, crop))
    drawn.sort(key=lambda pair: -pair[0])
    return [Example.of_samples(crop, "", rng) for _, crop in drawn[:CROPS]]
