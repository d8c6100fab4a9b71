"""``python -m benchmarks bits_map FILE...``: where in whole slices of CT the bits of a lossy file go.

The 16 middle slices are coded at level 5 in steps near some rates. The bits of each coefficient of a 9/7 pyramid are guessed
as ``log2(1 + |c| / half step)`` for those that are not quantised to 0, laid where the coefficient lies, and scaled so that their
sum is the size that was coded. The patient is the largest body above -300 HU and those of a tenth of its size, with what they
enclose; outside, what is above -900 HU is table, clothes and tubes, and the rest air or padding. A picture shows the middle
slice and its bits at one rate.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from voxz.bench.tasks import hounsfield_of
from voxz.bench.volumes import find, load, names
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.masked import Prepared
from voxz.codecs.wavelet import codec
from voxz.codecs.wavelet.transform_choice import PARTS, choose_scales
from voxz.metrics import data_range_of
from voxz.plotting import new_figure, png_bytes
from voxz.transforms.pyramid import Pyramid

SLICES = 16
RATES = (0.1, 0.3, 1.0)
PICTURED = 0.3
ROUNDS, NEAR = 7, 0.05
"""Steps that are tried at most, and how near a rate has to come."""

SMOOTHED = 8
"""Samples that bits are averaged over in the picture."""

REGIONS = ("patient", "skin", "table", "air or padding")
SKIN = 4
"""Samples on either side of the patient's border that count as skin."""

Volume = NDArray[np.float64]
Regions = NDArray[np.uint8]


def main(arguments: list[str]) -> None:
    """Print tables, draw."""
    plain = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks bits_map", description=__doc__, formatter_class=plain)
    parser.add_argument("data", nargs="+", help="CT in NIfTI")
    parser.add_argument("--picture", type=Path, help="PNG")
    options = parser.parse_args(arguments)
    heads = " | ".join(f"{region}, % of voxels / of bits at {', '.join(map(str, RATES))}" for region in REGIONS)
    print(f"| volume | {heads} |\n" + "|---" * (len(REGIONS) + 1) + "|")
    pictures = []
    for name, path in names(find(options.data)):
        loaded = load(name, path, SLICES)
        volume, regions = loaded.samples[0], regions_of(hounsfield_of(loaded)[0])
        maps = {rate: map_of(volume, rate) for rate in RATES}
        cells = []
        for region in range(len(REGIONS)):
            inside = regions == region
            shares = [100 * float(found[inside].sum() / found.sum()) for found in maps.values()]
            cells.append(f"{100 * inside.mean():.0f} / {', '.join(f'{share:.0f}' for share in shares)}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        pictures.append((name, volume[len(volume) // 2], maps[PICTURED].mean(axis=0)))
    if options.picture:
        draw(pictures, options.picture)


def regions_of(hounsfield: Volume) -> Regions:
    """Number of the region of each voxel."""
    found = np.full(hounsfield.shape, 3, np.uint8)
    for image, regions in zip(hounsfield, found, strict=True):
        bodies, count = ndimage.label(ndimage.binary_opening(image > -300, iterations=3))
        sizes = np.bincount(bodies.ravel(), minlength=count + 1)[1:]
        large = 1 + np.flatnonzero(sizes >= sizes.max(initial=1) / 10)
        patient = ndimage.binary_fill_holes(np.isin(bodies, large))
        regions[image > -900] = 2
        regions[patient] = 0
        rim = ndimage.binary_dilation(patient, iterations=SKIN) & ~ndimage.binary_erosion(patient, iterations=SKIN)
        regions[rim] = 1
    return found


def map_of(volume: NDArray[Any], rate: float) -> Volume:
    """Bits of each voxel at about a rate."""
    brick = np.ascontiguousarray(volume[None, ..., None])
    fine, coarse = -12.0, 0.0
    for _ in range(ROUNDS):
        middle = (fine + coarse) / 2
        step = 2.0**middle * data_range_of(volume)
        payload = codec.encode_brick(brick, 5, Fidelity.stepped(step))
        assert payload is not None
        bits = 8 * len(payload)
        if abs(math.log(bits / volume.size / rate)) < NEAR:
            break
        fine, coarse = (fine, middle) if bits < rate * volume.size else (middle, coarse)
    prepared = Prepared.of(brick)
    assert prepared is not None
    found = _guessed(prepared.filled(prepared.offset)[0], step)
    return np.asarray(found * (bits / found.sum()))


def _guessed(work: Volume, step: float) -> Volume:
    """Guessed bits of coefficients, spread over the voxels that they stand for; `work` is overwritten."""
    pyramid = Pyramid(work.shape, choose_scales(work[None], step, PARTS))
    pyramid.analyse(work)
    total = np.zeros(work.shape)
    for band in pyramid.bands():
        halves = np.abs(work[band.box]) * (2 * band.norm / step)
        bits = np.where(halves >= 1, np.log2(1 + halves), 0.0)
        places = np.ix_(*(np.arange(n) * m // n for n, m in zip(work.shape, band.shape, strict=True)))
        total += bits[places] * (bits.size / work.size)
    return total


def draw(pictures: list[tuple[str, NDArray[Any], Volume]], path: Path) -> None:
    """Each slice beside its bits."""
    figure, panels = new_figure(2, len(pictures), (1.7 * len(pictures), 3.6))
    for column, (name, image, bits) in enumerate(pictures):
        low, high = np.percentile(image, (30, 99.8))
        panels[0, column].imshow(image, cmap="gray", vmin=low, vmax=high)
        panels[0, column].set_title(name, fontsize=7)
        shown = panels[1, column].imshow(ndimage.uniform_filter(bits, SMOOTHED), cmap="magma", vmin=0, vmax=1)
        for panel in panels[:, column]:
            panel.axis("off")
    figure.colorbar(shown, ax=list(panels[1]), label=f"bits/voxel at {PICTURED}", shrink=0.8)
    path.write_bytes(png_bytes(figure))
