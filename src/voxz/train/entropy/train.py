"""``voxz train entropy``: train the network of the heavy entropy profile on one's own volumes.

The middle of each volume is transformed, quantised at several rates and, integers, without loss; the network learns to predict
the indices. Every volume and rate counts the same, whatever its size. Needs PyTorch (extra `train`).
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from voxz.codecs.wavelet.bands import encode_bands
from voxz.codecs.wavelet.codec import MOST_VALUES
from voxz.codecs.wavelet.levels import EFFORTS, REVERSIBLE
from voxz.codecs.wavelet.transform_choice import choose_scales
from voxz.errors import UsageError, VoxzError
from voxz.image.load import read_samples
from voxz.io.output import complete_file, refuse_overwrite
from voxz.train.entropy.rows import Rows, rows_of
from voxz.train.entropy.torch_network import Network
from voxz.transforms.pyramid import Pyramid
from voxz.volume.bricks import middle_of
from voxz.weights.store import SUFFIX

CROP = (6, 32, 144, 144)
RATES = (0.7, 1.7, 3.2)
"""Bits per voxel aimed at."""

PER_BAND = 4000
BATCH = 4096
WARM_UP = 50
LARGEST_GRADIENT = 1.0


def recorded(samples: NDArray[np.generic], rng: np.random.Generator, rates: tuple[float, ...] = RATES) -> Iterator[Rows]:
    """Rows of the middle of a volume ``(series, z, y, x)`` at each rate, and without loss if it holds integers.

    Floats are scaled to a standard deviation of 1000; those that are no numbers become the mean.
    """
    volumes = samples[middle_of(samples.shape, CROP)].astype(np.float64)
    whole, finite = samples.dtype.kind in "iu", np.isfinite(volumes)
    if not whole:
        low, high = volumes[finite].min(), volumes[finite].max()
        volumes = (volumes - low) / max(high - low, np.finfo(np.float64).tiny)
        volumes *= 1000 / volumes[finite].std()
    volumes -= np.rint(volumes[finite].mean())
    volumes[~finite] = 0
    for rate in (*rates, 0.0) if whole and np.ptp(volumes) <= MOST_VALUES else rates:
        scales = choose_scales(volumes, _first_guess(volumes, rate) if rate else 0.0)
        pyramid = Pyramid(volumes.shape[1:], scales)
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
    """Train with Adam; return the network, and its loss in bits after each hundred steps.

    Raises
    ------
    VoxzError
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
            raise VoxzError(f"the loss is {value} at step {step}; stopped. Take out volumes of odd values, or try another seed")
        smooth = value if not step else 0.98 * smooth + 0.02 * value
        if step % 100 == 99:
            losses.append(smooth)
    return network, losses


def samples_to_learn(path: Path) -> NDArray[np.generic]:
    """Series of a file; `UsageError` or `UnsupportedError` unless it holds real numbers that differ."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a NIfTI, .npy or .voxz file")
    series = series_of(read_samples(path))
    if series.dtype.kind not in "iuf":
        raise UsageError(f"{path} has samples of type {series.dtype}; only integers and floats are taken")
    middle = series[middle_of(series.shape, CROP)]
    finite = middle[np.isfinite(middle)]
    if not finite.size or finite.min() == finite.max():
        raise UsageError(f"the middle of {path} is constant or has no numbers; leave it out")
    return series


def train_on(paths: list[Path], out: Path, name: str, steps: int, seed: int, say: Callable[[str], None]) -> None:
    """Record, train, write the model to `out` and its card beside it.

    Raises
    ------
    UsageError, UnsupportedError, OSError
        A volume cannot be read or teaches nothing; the model cannot be written. All of that is found before training.
    VoxzError
        The loss is not a number any more.
    """
    refuse_overwrite(out, force=True)
    if out.suffix != SUFFIX or not out.parent.is_dir():
        raise UsageError(f"the output {out} must be a file in an existing folder, with a name that ends in {SUFFIX}")
    rng, parts, start = np.random.default_rng(seed), list[Rows](), time.monotonic()
    for path in paths:
        parts += recorded(samples_to_learn(path), rng)
        say(f"{path.name}: {sum(len(part.weights) for part in parts)} rows so far")
    network, losses = train(Rows.joined(parts), steps, seed=seed)
    data = network.to_bytes(name)
    card = {
        "name": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "steps": steps,
        "seed": seed,
        "rates": RATES,
        "volumes": [path.name for path in paths],
        "bits per coefficient": losses,
        "seconds": round(time.monotonic() - start),
    }
    for path, content in ((out, data), (out.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())):
        with complete_file(path, force=True) as file:
            file.write(content)
