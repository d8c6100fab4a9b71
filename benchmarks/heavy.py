"""``python -m benchmarks heavy DIR...``: the heavy entropy profile against the light one, same coefficients, by volume and rate.

The middle of every volume goes through the wavelet codec at quantiser steps that give about the asked bits per voxel with the
light profile, and without loss. Sizes are of payloads; both are decoded and must be equal. Speeds are of one thread, in processor
time.
"""

import argparse
import csv
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.volumes import find, load, names
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.volume.bricks import middle_of

RATES = (0.5, 1.0, 2.0, 4.0)
LEVEL = 5
CROP = (6, 32, 144, 144)
"""Middle of a volume ``(series, z, y, x)``; of a series two thirds along each spatial axis."""

RATE_TOLERANCE = 0.1
TRIALS = 7
COLUMNS = (
    "volume",
    "asked_bits",
    "voxels",
    "light_bytes",
    "heavy_bytes",
    "heavy_to_light",
    "light_encode_mvoxel_s",
    "heavy_encode_mvoxel_s",
    "light_decode_mvoxel_s",
    "heavy_decode_mvoxel_s",
)


def crop(samples: NDArray[Any]) -> NDArray[Any]:
    """Middle of a volume or series, as bricks have it."""
    limits = CROP if len(samples) == 1 else (CROP[0], *(2 * n // 3 for n in CROP[1:]))
    return np.ascontiguousarray(samples[middle_of(samples.shape, limits)])[..., None]


def fidelity_for(samples: NDArray[Any], bits: float) -> Fidelity:
    """Step at which the light profile takes about `bits` per voxel; 0 is lossless."""
    if not bits:
        return EXACT
    step = max(1e-6, float(samples.astype(np.float64).std()) * 2.0 ** (1 - bits))
    for _ in range(TRIALS):
        got = 8 * len(wavelet.encode_brick(samples, LEVEL, Fidelity.stepped(step)) or b"") / samples.size
        if abs(got / bits - 1) < RATE_TOLERANCE:
            break
        step *= 2.0 ** (np.log2(max(got, 1e-3) / bits) * max(0.8, 0.7 * bits))
    return Fidelity.stepped(step)


def measure(name: str, samples: NDArray[Any], bits: float) -> dict[str, Any] | None:
    """A row of the table; None where the codec takes no such samples."""
    fidelity = fidelity_for(samples, bits)
    row: dict[str, Any] = {"volume": name, "asked_bits": bits or "lossless", "voxels": samples.size}
    decoded = []
    for profile in ("light", "heavy"):
        start = time.process_time()
        payload = wavelet.encode_brick(samples, LEVEL, fidelity, entropy=profile)
        if payload is None:
            return None
        between = time.process_time()
        decoded.append(wavelet.decode_brick(payload, samples.shape, samples.dtype))
        end = time.process_time()
        row[f"{profile}_bytes"] = len(payload)
        row[f"{profile}_encode_mvoxel_s"] = round(samples.size / (between - start) / 1e6, 3)
        row[f"{profile}_decode_mvoxel_s"] = round(samples.size / (end - between) / 1e6, 3)
    if not np.array_equal(decoded[0], decoded[1]):
        raise SystemExit(f"{name} at {bits} bits: the profiles decode to different samples")
    row["heavy_to_light"] = round(row["heavy_bytes"] / row["light_bytes"], 4)
    return row


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks heavy", description=__doc__)
    parser.add_argument("data", nargs="+", help="volumes, or folders of them")
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / "heavy.csv", help="table to write")
    options = parser.parse_args(arguments)
    rows = []
    warm = np.arange(4 * 16 * 16, dtype=np.int16).reshape(1, 4, 16, 16, 1)
    measure("", warm, 0.0)
    for name, path in names(find(options.data)):
        samples = crop(load(name, path).samples)
        for bits in (*RATES, 0.0) if samples.dtype.kind in "iu" else RATES:
            row = measure(name, samples, bits)
            if row is not None:
                rows.append(row)
                print(name, row["asked_bits"], row["light_bytes"], row["heavy_bytes"], row["heavy_to_light"], flush=True)
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for bits in sorted({row["asked_bits"] for row in rows}, key=str):
        chosen = [row["heavy_to_light"] for row in rows if row["asked_bits"] == bits]
        extremes = f"{min(chosen):.4f} to {max(chosen):.4f}"
        print(f"{bits}: heavy to light {statistics.mean(chosen):.4f} ({extremes}), {len(chosen)} volumes")
    for column in COLUMNS[6:]:
        speeds = [row[column] for row in rows]
        print(f"{column}: median {statistics.median(speeds):.2f}, least {min(speeds):.2f}")
