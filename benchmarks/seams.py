"""``python -m benchmarks seams FILE``: what is seen of the borders between bricks at a low rate.

The middle volume is coded in bricks at about the asked bits per voxel. For the borders across each axis it says how large the
errors are in the planes beside them, against planes farther away; and how large steps are from plane to plane, across a border
and elsewhere, in the decoded and in the original image. A picture shows the surroundings of a border.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet.options import Wavelet
from voxz.image.load import read_samples
from voxz.metrics import extent_of
from voxz.pipeline.encode import code_brick
from voxz.pipeline.plan import Plan
from voxz.plotting import new_figure, png_bytes
from voxz.target import BitsPerVoxel
from voxz.volume.bricks import Box, Grid

AXES = "zyx"
BESIDE = 8
"""Planes on each side of a border that are looked at."""

AROUND = 48
"""Planes on each side in the picture."""

MOST_ROUNDS = 12
TOLERANCE = 0.03
"""Share by which the rate may differ from what is asked."""

Volume = NDArray[np.float64]


def main(arguments: list[str]) -> None:
    """Code, measure, draw."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks seams", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="NIfTI, .npy or .voxz")
    parser.add_argument("--bits", type=float, default=0.1, help="bits per voxel")
    parser.add_argument("--parts", default="", help="bricks along z,y,x, such as 2,2,2; default: those of a file")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--picture", type=Path, help="PNG of the surroundings of a border")
    options = parser.parse_args(arguments)
    samples = read_samples(options.file)
    volume = np.ascontiguousarray(samples[len(samples) // 2 :][:1, ..., :1])
    grid = grid_of(volume.shape, volume.dtype.itemsize, options.parts)
    decoded, bits = coded(volume, grid, options.bits, options.level)
    original, found = volume[0, ..., 0].astype(np.float64), decoded[0, ..., 0].astype(np.float64)
    print(f"{options.file.name}: {len(grid)} bricks of {'x'.join(map(str, grid.extent[:0:-1]))} voxels, {bits:.3f} bits/voxel")
    for axis in range(3):
        borders = borders_of(grid, axis)
        if borders:
            print(f"across {AXES[axis]}, {len(borders)} borders: {row(original, found, axis, borders)}")
    if options.picture:
        options.picture.write_bytes(picture(original, found, grid))


def grid_of(shape: tuple[int, ...], itemsize: int, parts: str) -> Grid:
    """Bricks: a number along each axis, or those of a file."""
    sizes = (shape[0], shape[1], shape[2], shape[3], shape[4])
    if not parts:
        return Grid.choose(sizes, itemsize, large=True)
    z, y, x = (-(-n // int(count)) for n, count in zip(shape[1:4], parts.split(","), strict=True))
    return Grid(sizes, (1, z, y, x))


def coded(volume: NDArray[Any], grid: Grid, bits: float, level: int) -> tuple[NDArray[Any], float]:
    """Code a volume with wavelets at about `bits` per voxel; return what is decoded, and the bits per voxel."""
    boxes: list[Box] = [box for slab in grid.slabs() for box in slab]
    bricks = [np.ascontiguousarray(volume[box]) for box in boxes]
    low, high = extent_of(volume)
    finer, coarser = math.log2((high - low) * 2.0**-16), math.log2(high - low)
    step = coarser - 3
    for _ in range(MOST_ROUNDS):
        plan = Plan(level, Wavelet(), BitsPerVoxel(bits), Fidelity.stepped(2.0**step))
        results = [code_brick(brick, plan) for brick in bricks]
        found = 8 * sum(len(result.payload) for result in results) / volume.size
        if abs(found / bits - 1) <= TOLERANCE:
            break
        finer, coarser = (step, coarser) if found > bits else (finer, step)
        guess = step + math.log2(found / bits) / 2
        step = guess if finer < guess < coarser else (finer + coarser) / 2
    decoded = np.empty_like(volume)
    for box, brick in zip(boxes, results, strict=True):
        decoded[box] = brick.decoded
    return decoded, found


def borders_of(grid: Grid, axis: int) -> list[int]:
    """First planes of all bricks along an axis but those of the first."""
    return list(range(grid.extent[axis + 1], grid.shape[axis + 1], grid.extent[axis + 1]))


def row(original: Volume, found: Volume, axis: int, borders: list[int]) -> str:
    """Figures of the borders across an axis."""
    errors = np.moveaxis(found - original, axis, 0)
    squares = (errors**2).mean(axis=(1, 2))
    beside = [[border - 1 - k for border in borders] + [border + k for border in borders] for k in range(BESIDE)]
    near = [places for places in beside if min(places) >= 0 and max(places) < len(squares)]
    taken = {place for places in near for place in places}
    outer = sorted({b + side * k for b in borders for side in (-1, 1) for k in range(BESIDE, 3 * BESIDE)} - taken)
    far = [place for place in outer if 0 < place < len(squares) - 1]
    roots = [math.sqrt(float(squares[places].mean())) for places in near]
    rest = math.sqrt(float(squares[far].mean())) if far else math.nan
    words = "RMSE " + " ".join(f"{root:.3g}" for root in roots[:4]) + f" from the border on, {rest:.3g} elsewhere"
    steps = []
    for volume in (found, original):
        size = np.abs(np.diff(np.moveaxis(volume, axis, 0), axis=0)).mean(axis=(1, 2))
        steps.append(float(size[[border - 1 for border in borders]].mean()) / float(size[far].mean()))
    return words + f"; steps across to steps elsewhere {steps[0]:.2f}, in the original {steps[1]:.2f}"


def picture(original: Volume, found: Volume, grid: Grid) -> bytes:
    """Original and decoded image around a border across each axis that has one."""
    cut = [axis for axis in range(3) if borders_of(grid, axis)]
    figure, panels = new_figure(max(1, len(cut)), 2, (10, 5 * max(1, len(cut))))
    low, high = np.percentile(original, (1, 99.5))
    for axis, panel in zip(cut, panels, strict=False):
        borders = borders_of(grid, axis)
        border = borders[len(borders) // 2]
        across = 1 if axis == 0 else 0
        part = [slice(None)] * 3
        part[axis] = slice(max(0, border - AROUND), border + AROUND)
        for axes, name, volume in zip(panel, ("original", "decoded"), (original, found), strict=True):
            plane = np.take(volume[tuple(part)], volume.shape[across] // 2, axis=across)
            axes.imshow(plane, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axes.set_title(f"{name}, border across {AXES[axis]} in the middle")
            axes.set_axis_off()
    return png_bytes(figure)
