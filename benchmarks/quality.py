"""``python -m benchmarks quality DIR...``: what is seen of a loss, and what analyses make of it, at equal size.

The middle of each volume (12 slices of at most 192 x 192; of series 8 slices) is coded by x265 veryslow with the quantiser that
comes nearest to some rates. voxz at level 5, JPEG XL and vvenc get settings with which they take about as many bytes. x265 and
vvenc see the slices of a series in the order of time. Besides PSNR there are, for volumes that are no series, SSIM and:

- *vif*: visual information fidelity of slices (Sheikh and Bovik, IEEE Trans. Image Processing 15(2), 2006), which agreed best
  with radiologists in a comparison of such measures (Mason et al., IEEE Trans. Medical Imaging 39(4), 2020),
- *edge_width*: how much less steep the steepest edges are than the original's,
- *ringing*: the error 2 to 6 samples beside them, to that farther away,
- *texture*: power of the finer half of frequencies where there are no edges, to the original's,
- *steps*: how the mean of 16 x 16 samples of the error differs from slice to slice, to the original's,

and the figures of `voxz.bench.tasks`. A picture shows one slice of each volume that is no series.
"""

import argparse
import csv
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sewar.full_ref import vifp

from voxz.bench.rivals.base import Order
from voxz.bench.rivals.jpegxl import JpegXl
from voxz.bench.rivals.vvenc import Vvenc
from voxz.bench.rivals.x265 import X265
from voxz.bench.tasks import TASKS, task_figures
from voxz.bench.volumes import Volume, find, load, names
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.metrics import data_range_of, psnr, ssim
from voxz.plotting import new_figure, png_bytes
from voxz.volume.bricks import middle_of

MIDDLE, MIDDLE_OF_SERIES = (12, 192, 192), (8, 192, 192)
RATES = (0.1, 0.25, 0.5)
PICTURED = 0.25
WINDOW = 96
"""Side of a picture."""

ROUNDS, NEAR = 6, 0.01
"""Times that a setting is tried at most, and how near a length has to come."""

HALVINGS = 10
"""Of the length, over the range of settings: where the search begins."""

STEEPEST, FLATTEST = 0.02, 0.5
"""Shares of the samples that count as edges, and as free of them."""

BESIDE, FAR = (2, 6), 10
"""Samples from an edge where it rings, and from which on it does not."""

BLOCK = 16
COLUMNS = ("volume", "kind", "rate", "codec", "bits_per_voxel", "figure", "value")
HEADS = {
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "vif": "VIF",
    "edge_width": "edges",
    "ringing": "ringing",
    "texture": "texture",
    "steps": "steps",
    "hu_bias_air": "air, HU",
    "hu_bias_fat": "fat",
    "hu_bias_liver": "like liver",
    "hu_bias_bone": "bone",
    "fa_rmse": "FA, RMSE",
    "md_rmse_1e-3_mm2_s": "MD, RMSE, 10^-3 mm^2/s",
    "tsnr_change_percent": "tSNR, %",
}
"""Figures of the printed tables."""

Samples = NDArray[Any]
Image = NDArray[np.float64]
Code = Callable[[float], tuple[int, Samples]]
"""Bytes that a setting takes, and what they decode to."""


def main(arguments: list[str]) -> None:
    """Measure, write the table, draw."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks quality", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", nargs="+", help="files or folders")
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / "quality.csv")
    parser.add_argument("--picture", type=Path, help="PNG of a slice of each volume by each codec")
    options = parser.parse_args(arguments)
    pictures: dict[str, dict[str, Image]] = {}
    rows: list[tuple[str, ...]] = []
    with options.csv.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, path in names(find(options.data)):
            volume = middle(load(name, path))
            for rate in RATES if volume.samples.dtype.kind in "iu" else ():
                for codec, length, decoded in at_equal_size(volume.samples, rate):
                    bits = f"{8 * length / volume.samples.size:.4g}"
                    for figure, value in figures(volume, decoded).items():
                        rows.append((name, volume.kind, str(rate), codec, bits, figure, f"{value:.4g}"))
                        writer.writerow(rows[-1])
                    file.flush()
                    print(name, rate, codec, bits, file=sys.stderr, flush=True)
                    if rate == PICTURED and len(volume.samples) == 1:
                        shown = pictures.setdefault(name, {"original": _shown(volume.samples, volume.samples)})
                        shown[codec] = _shown(decoded, volume.samples)
    print(table([row for row in rows if row[2] == str(PICTURED)]))
    if options.picture:
        draw(pictures, options.picture)


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of the CSV as Markdown: a line for each volume and codec; volumes with the same figures share a table."""
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for name, _, _, codec, bits, figure, value in rows:
        lines.setdefault((name, codec, bits), {})[figure] = value
    tables: dict[tuple[str, ...], list[str]] = {}
    for line, found in lines.items():
        shown = tuple(figure for figure in HEADS if figure in found)
        tables.setdefault(shown, []).append("| " + " | ".join((*line, *(found[figure] for figure in shown))) + " |")
    return "\n\n".join(
        "\n".join(
            (
                "| volume | codec | bits | " + " | ".join(HEADS[one] for one in shown) + " |",
                "|---" * (3 + len(shown)) + "|",
                *body,
            )
        )
        for shown, body in tables.items()
    )


def middle(volume: Volume) -> Volume:
    """The part of a volume that is coded."""
    shape = volume.samples.shape
    box = middle_of(shape[1:], MIDDLE if shape[0] == 1 else MIDDLE_OF_SERIES)
    return replace(volume, samples=np.ascontiguousarray(volume.samples[(slice(None), *box)]))


def at_equal_size(samples: Samples, rate: float) -> Iterator[tuple[str, int, Samples]]:
    """Codec, bytes and decoded samples: x265 near a rate, the others with as many bytes."""
    order: Order = "time" if len(samples) > 1 else "volume"
    length, decoded = nearest(lambda qp: _by(X265(qp=round(qp), order=order), samples), rate * samples.size / 8, 0, 51, 1)
    yield "x265", length, decoded
    peak = data_range_of(samples)
    brick = np.ascontiguousarray(np.moveaxis(samples[None], 1, -1))

    def voxz(log_step: float) -> tuple[int, Samples]:
        payload = wavelet.encode_brick(brick, 5, Fidelity.stepped(peak * 2.0**log_step))
        assert payload is not None
        return len(payload), np.moveaxis(wavelet.decode_brick(payload, brick.shape, brick.dtype), -1, 1)[0]

    yield "voxz", *nearest(voxz, length, -12, 0)
    yield "jpegxl", *nearest(lambda distance: _by(JpegXl(distance=2.0**distance), samples), length, -4, 4.6)
    yield "vvenc", *nearest(lambda qp: _by(Vvenc(qp=round(qp), order=order), samples), length, 0, 63, 1)


def _by(rival: Any, samples: Samples) -> tuple[int, Samples]:
    blob = rival.encode(samples)
    return len(blob), rival.decode(blob)


def nearest(code: Code, wanted: float, fine: float, coarse: float, grid: float = 0.01) -> tuple[int, Samples]:
    """What comes nearest to a wanted length, by secants of its logarithm over settings that are multiples of `grid`."""
    slope, setting, tried = -HALVINGS * math.log(2) / (coarse - fine), (fine + coarse) / 2, {}
    for _ in range(ROUNDS):
        setting = min(max(grid * round(setting / grid), fine), coarse)
        if setting in tried:
            break
        tried[setting] = code(setting)
        off = {known: math.log(length / wanted) for known, (length, _) in tried.items()}
        if abs(off[setting]) < NEAR:
            break
        *_, before, last = [None, *tried]
        if before is not None and off[last] != off[before]:
            slope = (off[last] - off[before]) / (last - before)
        setting = last - off[last] / slope
    return min(tried.values(), key=lambda one: abs(math.log(one[0] / wanted)))


def figures(volume: Volume, decoded: Samples) -> dict[str, float]:
    """All figures of a decoded volume."""
    peak = data_range_of(volume.samples)
    error = float(((volume.samples.astype(np.float64) - decoded) ** 2).mean())
    found = {"psnr_db": psnr(error, peak)} | task_figures(TASKS, volume, decoded)
    if len(volume.samples) == 1:
        original, image = (one[0].astype(np.float64) for one in (volume.samples, decoded))
        found |= {"ssim": ssim(original, image, peak), **edge_figures(original, image)}
        found |= {"vif": vif(original, image, peak), "texture": texture(original, image), "steps": steps(original, image)}
    return {name: value for name, value in found.items() if value is not None}


def vif(original: Image, decoded: Image, peak: float) -> float:
    """Visual information fidelity, mean over slices; its constant for noise is for images of 8 bits."""
    scaled = [(one - original.min()) * (255 / peak) for one in (original, decoded)]
    return float(np.mean([vifp(*pair) for pair in zip(*scaled, strict=True)]))


def edge_figures(original: Image, decoded: Image) -> dict[str, float]:
    """How wide the steepest edges are to the original's, and the error beside them to that far from them."""
    slopes, slopes_now = (
        np.stack([ndimage.gaussian_filter1d(one, 1, axis, order=1) for axis in (1, 2)]) for one in (original, decoded)
    )
    steepness = np.hypot(*slopes)
    peaks = steepness == ndimage.maximum_filter(steepness, (1, 3, 3))
    edges = peaks & (steepness >= np.quantile(steepness, 1 - STEEPEST))
    kept = float((slopes * slopes_now)[:, edges].sum() / np.square(steepness[edges]).sum())
    distance = ndimage.distance_transform_edt(~edges, sampling=(FAR * original.size, 1, 1))
    beside, away = (distance >= BESIDE[0]) & (distance <= BESIDE[1]), distance >= FAR
    near, far = (float(np.sqrt(np.square(decoded - original)[where].mean())) for where in (beside, away))
    return {"edge_width": 1 / kept, "ringing": near / far}


def texture(original: Image, decoded: Image) -> float:
    """Power of what a Gaussian of one sample leaves, where the original has no edges, to that of the original."""
    steepness = ndimage.gaussian_gradient_magnitude(original, (0, 2, 2))
    fine = [one - ndimage.gaussian_filter(one, (0, 1, 1)) for one in (original, decoded)]
    noisy = ndimage.uniform_filter(fine[0] ** 2, (1, 5, 5)) > 0  # constant background has none
    flat = noisy & (steepness <= np.quantile(steepness[noisy], FLATTEST))
    before, after = (float(np.square(one[flat]).mean()) for one in fine)
    return after / before


def steps(original: Image, decoded: Image) -> float:
    """Root mean square of differences from slice to slice of means over blocks: of the error, to those of the original."""
    blocks = [ndimage.uniform_filter(one, (0, BLOCK, BLOCK))[:, ::BLOCK, ::BLOCK] for one in (decoded - original, original)]
    error, image = (float(np.sqrt(np.square(np.diff(one, axis=0)).mean())) for one in blocks)
    return error / image


def _shown(samples: Samples, original: Samples) -> Image:
    """The middle of a slice, 0 to 1 over most of the original's values."""
    z, y, x = middle_of(original.shape[1:], (1, WINDOW, WINDOW))
    low, high = np.percentile(original[len(original) // 2, z, y, x], (1, 99.5))
    shown: Image = np.clip((samples[len(original) // 2, z, y, x][0] - low) / (high - low), 0, 1)
    return shown


def draw(pictures: dict[str, dict[str, Image]], path: Path) -> None:
    """Rows of pictures: a volume each, the original first."""
    columns = list(dict.fromkeys(codec for row in pictures.values() for codec in row))
    figure, panels = new_figure(len(pictures), len(columns), (1.9 * len(columns), 2.0 * len(pictures)))
    for row, (name, shown) in zip(panels, pictures.items(), strict=True):
        for panel, codec in zip(row, columns, strict=True):
            panel.axis("off")
            if codec in shown:
                panel.imshow(shown[codec], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                panel.set_title(f"{name}\n{codec}" if codec == "original" else codec, fontsize=7)
    path.write_bytes(png_bytes(figure))
