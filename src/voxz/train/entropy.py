"""``python -m voxz.train.entropy VOLUME... --out MODEL``: train the network of the heavy entropy profile on one's own volumes.

The middle of each volume is transformed, quantised at several rates and, integers, without loss; the network learns to predict
the indices. Every volume and rate counts the same, whatever its size. Needs PyTorch (extra `train`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from voxz.bricks import middle_of
from voxz.samples import read_samples
from voxz.subbands.bands import encode_bands
from voxz.subbands.settings import EFFORTS, REVERSIBLE
from voxz.subbands.shape import choose_levels
from voxz.train.entropy_network import Network
from voxz.train.entropy_rows import Rows, rows_of
from voxz.transforms.pyramid import Pyramid

CROP = (6, 32, 144, 144)
RATES = (0.7, 1.7, 3.2)
"""Bits per voxel aimed at."""

PER_BAND = 4000
BATCH = 4096
WARM_UP = 50
LARGEST_GRADIENT = 1.0


def recorded(samples: NDArray[np.generic], rng: np.random.Generator, rates: tuple[float, ...] = RATES) -> Iterator[Rows]:
    """Rows of the middle of a volume ``(series, z, y, x)`` at each rate, and without loss if it holds integers."""
    volumes = samples[middle_of(samples.shape, CROP)].astype(np.float64)
    volumes -= np.rint(volumes.mean())
    for rate in (*rates, 0.0) if samples.dtype.kind in "iu" else rates:
        levels = choose_levels(volumes, _first_guess(volumes, rate) if rate else 1.0)
        pyramid = Pyramid(volumes.shape[1:], levels)
        work = volumes.copy() if rate else np.rint(volumes).astype(np.int64)
        for volume in work:
            pyramid.analyse(volume)
        coefficients = work.astype(np.float64)
        step = _step_for(coefficients, pyramid, rate, _first_guess(volumes, rate)) if rate else 0.0
        rows, size = rows_of(coefficients, pyramid, step, EFFORTS[5] if rate else REVERSIBLE, rng, PER_BAND)
        rows.weights *= 1e5 / size
        yield rows


def series_of(samples: NDArray[np.generic]) -> NDArray[np.generic]:
    """Samples ``(series, z, y, x, channels)`` as ``(series, z, y, x)``."""
    return np.moveaxis(samples, 4, 1).reshape(-1, *samples.shape[1:4])


def _first_guess(volumes: NDArray[np.float64], rate: float) -> float:
    return max(1e-3, float(volumes.std()) * math.exp2(1 - rate))


def _step_for(coefficients: NDArray[np.float64], pyramid: Pyramid, rate: float, step: float) -> float:
    """Step at which the light profile takes about `rate` bits per voxel."""
    for _ in range(5):
        bits = 8 * len(encode_bands(coefficients.copy(), pyramid, step, EFFORTS[5])) / coefficients.size
        if abs(bits / rate - 1) < 0.06:
            break
        step *= math.exp2(0.8 * math.log2(bits / rate) * max(1.0, rate))
    return step


def train(
    rows: Rows, steps: int, *, one: int = 32, two: int = 24, rate: float = 3e-3, seed: int = 0
) -> tuple[Network, list[float]]:
    """Network after so many steps of Adam, and its loss after each hundred, in bits.

    Raises
    ------
    FloatingPointError
        The loss is not a number any more.
    """
    generator = torch.Generator().manual_seed(seed)
    network = Network(one, two, generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    tensors = [torch.from_numpy(getattr(rows, name)) for name in ("features", "signed", "facts", "weights")]
    shares = tensors[3].sqrt().double().cumsum(0)
    losses, smooth = [], 0.0
    for step in range(steps):
        cosine = 0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / WARM_UP) * cosine
        chosen = torch.searchsorted(shares, torch.rand(BATCH, generator=generator, dtype=torch.float64) * shares[-1])
        features, signed, facts, weights = (tensor[chosen.clamp(max=len(shares) - 1)] for tensor in tensors)
        importance = weights.sqrt()
        loss = (network.bits(features, signed, facts) * importance).sum() / importance.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(f"got a loss of {value} at step {step}, expected a number; use a smaller learning rate")
        smooth = value if not step else 0.98 * smooth + 0.02 * value
        if step % 100 == 99:
            losses.append(smooth)
    return network, losses


def main(arguments: list[str]) -> None:
    """Record, train, write the model and its card."""
    parser = argparse.ArgumentParser(prog="python -m voxz.train.entropy", description=__doc__)
    parser.add_argument("data", nargs="+", type=Path, help="volumes")
    parser.add_argument("--out", type=Path, required=True, help="file to write; its card is written beside it")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng, parts, start = np.random.default_rng(options.seed), list[Rows](), time.monotonic()
    for path in options.data:
        parts += recorded(series_of(read_samples(path)), rng)
        print(f"{path.name}: {sum(len(part.weights) for part in parts)} rows so far", file=sys.stderr)
    network, losses = train(Rows.joined(parts), options.steps, seed=options.seed)
    data = network.to_bytes()
    options.out.write_bytes(data)
    card = {
        "sha256": hashlib.sha256(data).hexdigest(), "steps": options.steps, "seed": options.seed, "rates": RATES,
        "volumes": [path.name for path in options.data], "bits per coefficient": losses,
        "seconds": round(time.monotonic() - start),
    }  # fmt: skip
    options.out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
