"""One picture of how two images differ: what they show, where they differ, and whether the differences have structure.

Three planes, axial, coronal and sagittal if the samples are stored as usual, each where the squared errors of the foreground (of
a CT, without air) have their largest sum, so that seams between bricks or slices show, and the empty border of a volume does not.
The voxel with the largest error is marked where a plane holds it, or named. Original and decoded image have the same gray values,
of soft tissue if they are a CT; the difference is drawn around middle gray, multiplied with the gain that its title states, its
units beside it.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.metrics import errors
from voxz.plotting import new_figure, png_bytes
from voxz.volume.background import find_background

PLANES = ("axial", "coronal", "sagittal")
_AXES = "zyx"
_VISIBLE = 99.8
"""Percentile of the error's magnitude that the gain brings to full contrast."""

_FEW_BINS = 33
"""More of them have tails that only a logarithmic scale shows."""

_LARGEST = 640
"""Voxels a side that a panel shows; more of them would be drawn over each other."""

AIR, SOFT_TISSUE = -1000.0, (-160.0, 240.0)
"""Hounsfield units of air, and the window in which CT is usually read."""


def draw(
    original: NDArray[Any],
    decoded: NDArray[Any],
    names: tuple[str, str],
    figures: dict[str, Any],
    volume: int,
    spacing: tuple[float, float, float],
) -> bytes:
    """PNG of a volume ``(z, y, x, channels)``: planes, histogram of errors, autocorrelation, PSNR by slice.

    Parameters
    ----------
    names : of the two files
    figures : `voxz.Comparison` of both, as a dict
    volume : number of this volume in its series
    spacing : mm between voxels along (z, y, x), for the proportions of the panels
    """
    numbers = (samples.view(np.uint8) if samples.dtype.kind == "b" else samples for samples in (original, decoded))
    a, b = (samples.mean(axis=-1) if samples.shape[-1] > 1 else samples[..., 0] for samples in numbers)
    error = np.nan_to_num(errors(b, a).astype(np.float64))
    seen = _foreground(a)
    places = places_of(a, error, seen)
    worst = np.unravel_index(int(np.argmax(np.abs(error))), error.shape)
    shapes = [_extent(a.shape, spacing, axis) for axis in range(3)]
    heights = [min(1.6, max(0.25, height / width)) for height, width in shapes]
    size = (11.0, 3.45 * sum(heights) + 3.6)
    figure, panels = new_figure(4, 3, size, height_ratios=[*heights, 0.8])
    low, high = _window(a[seen])
    gain = _gain(error, high - low)
    for row, axis in enumerate(range(3)):
        planes = [np.take(samples, places[axis], axis) for samples in (a, b, error)]
        where = f"{PLANES[axis]}, {_AXES[axis]} = {places[axis]}"
        titles = (f"{names[0]}, {where}", names[1], f"difference x {gain:g}")
        for column, (plane, title) in enumerate(zip(planes, titles, strict=True)):
            half = (high - low) / 2
            limits = (low, high) if column < 2 else (-half / gain, half / gain)
            shown = _show(panels[row, column], plane, title, limits, shapes[axis], upright=axis > 0)
            if column == 2:
                bar = figure.colorbar(shown, ax=panels[row, column], fraction=0.04, pad=0.02)
                bar.ax.tick_params(labelsize=6)
                bar.set_label("stored units", fontsize=7)
            if places[axis] == worst[axis] and error.any():
                _mark(panels[row, column], [n for k, n in enumerate(worst) if k != axis], plane.shape, shapes[axis])
    _histogram(panels[3, 0], figures["histogram"])
    _autocorrelation(panels[3, 1], figures["autocorrelation"])
    _slices(panels[3, 2], figures, volume)
    at = ", ".join(f"{name} = {n}" for name, n in zip(_AXES, worst, strict=True)) if error.any() else ""
    figure.suptitle(_heading(figures, volume, at), fontsize=10)
    return png_bytes(figure)


def places_of(image: NDArray[Any], error: NDArray[np.float64], seen: NDArray[np.bool_]) -> list[int]:
    """Which plane of each axis is shown, by the errors of the voxels that are seen; air around a patient is not looked at."""
    tissue = seen & (image > AIR / 2) if is_hounsfield(image[seen]) else seen
    counted = error * (tissue if (error * tissue).any() else seen)
    return [_worst(counted, axis) for axis in range(3)]


def _worst(error: NDArray[np.float64], axis: int) -> int:
    """Plane with the largest mean square, the middle one if there is no error."""
    squares = np.square(error).sum(axis=tuple(other for other in range(3) if other != axis))
    return int(np.argmax(squares)) if squares.any() else len(squares) // 2


def _extent(shape: tuple[int, ...], spacing: tuple[float, float, float], axis: int) -> tuple[float, float]:
    """Height and width of a plane in mm."""
    height, width = (shape[other] * spacing[other] for other in range(3) if other != axis)
    return height, width


def _foreground(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Voxels that are not constant background; all, if nothing is left."""
    background = find_background(image[None, ..., None])
    seen = np.ones(image.shape, bool) if background is None else ~background.mask[0]
    return seen if seen.any() else np.ones(image.shape, bool)


def _window(seen: NDArray[Any]) -> tuple[float, float]:
    """Gray values from black to white: soft tissue of a CT, of others all values but the extremes."""
    finite = seen[np.isfinite(seen)] if seen.dtype.kind == "f" else seen
    if not finite.size:
        return 0.0, 1.0
    if is_hounsfield(finite):
        return SOFT_TISSUE
    low, high = (float(value) for value in np.percentile(finite[:: max(1, finite.size >> 20)], (0.5, 99.7)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def is_hounsfield(values: NDArray[Any]) -> bool:
    """Whether values are those of a CT: much air, and much soft tissue, by the units that both have."""
    if not values.size:
        return False
    sample = values.ravel()[:: max(1, values.size >> 16)]
    air, tissue = np.mean(np.abs(sample - AIR) < 150), np.mean(np.abs(sample) < 150)
    return bool(air > 0.05 and tissue > 0.05 and sample.min() > -4096)


def _mark(panel: Any, place: list[Any], shape: tuple[int, ...], extent: tuple[float, float]) -> None:
    """Draw a circle around a voxel."""
    y, x = ((int(n) + 0.5) * size / count for n, count, size in zip(place, shape, extent, strict=True))
    panel.plot(x, y, "o", ms=12, mfc="none", mec="#e69f00", mew=1.5)


def _gain(error: NDArray[np.float64], contrast: float) -> float:
    """Power of two that makes nearly all errors fill the contrast at most."""
    magnitudes = np.abs(error[error != 0])
    if not magnitudes.size:
        return 1.0
    return float(2.0 ** math.floor(math.log2(max(contrast / 2 / float(np.percentile(magnitudes, _VISIBLE)), 2.0**-30))))


def _show(
    panel: Any, plane: NDArray[Any], title: str, limits: tuple[float, float], extent: tuple[float, float], upright: bool
) -> Any:
    """Draw a plane, and return what was drawn; z grows upwards."""
    step = [max(1, -(-n // _LARGEST)) for n in plane.shape]
    height, width = extent
    shown = panel.imshow(
        plane[:: step[0], :: step[1]].astype(np.float64),
        cmap="gray",
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
        origin="lower" if upright else "upper",
        extent=(0, width, 0, height) if upright else (0, width, height, 0),
    )
    panel.set_title(title if len(title) < 46 else "..." + title[-43:], fontsize=8)
    panel.set_xticks([])
    panel.set_yticks([])
    return shown


def _histogram(panel: Any, histogram: dict[str, list[float]]) -> None:
    total = max(1, sum(histogram["counts"]))
    panel.stairs([100 * count / total for count in histogram["counts"]], histogram["edges"], fill=True, color="C0")
    if len(histogram["counts"]) > _FEW_BINS:
        panel.set_yscale("log")
        panel.set_ylim(bottom=50 / total)
    panel.set_title("errors (decoded - original), all volumes", fontsize=8)
    panel.set_xlabel("stored units", fontsize=8)
    panel.set_ylabel("samples, %", fontsize=8)
    panel.tick_params(labelsize=7)


def _autocorrelation(panel: Any, values: dict[str, float | None]) -> None:
    names = [name for name, value in values.items() if value is not None]
    heights = [values[name] for name in names]
    panel.bar(names, heights, color="C1", width=0.5)
    for name, height in zip(names, heights, strict=True):
        panel.annotate(f"{height:.3f}", (name, max(height or 0, 0)), ha="center", va="bottom", fontsize=7)
    panel.axhline(0, color="black", lw=0.8)
    largest = max((abs(height or 0) for height in heights), default=0.0)
    panel.set_ylim(min(-0.25, -1.2 * largest), max(0.25, 1.2 * largest))
    panel.set_title("autocorrelation of errors, one step (0: white)", fontsize=8)
    panel.tick_params(labelsize=7)


def _slices(panel: Any, figures: dict[str, Any], volume: int) -> None:
    values = figures["volumes"][volume]["slices_psnr_db"]
    known = [(z, value) for z, value in enumerate(values) if value is not None]
    if known:
        panel.plot(*zip(*known, strict=True), marker="." if len(known) < 80 else "", lw=1, color="C2")
    else:
        panel.annotate("no errors", (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=8)
    panel.set_xlim(-0.5, max(1, len(values)) - 0.5)
    panel.set_title(f"PSNR of slices, dB (peak {figures['data_range']:g})", fontsize=8)
    panel.set_xlabel("z", fontsize=8)
    panel.grid(alpha=0.3)
    panel.tick_params(labelsize=7)


def _heading(figures: dict[str, Any], volume: int, worst: str) -> str:
    where = f" (here at {worst})" if worst else ""
    words = [f"max error {figures['max_error']:g}{where}", f"RMSE {figures['rmse']:.4g}"]
    for key, name in (("psnr_db", "PSNR"), ("foreground_psnr_db", "foreground")):
        if figures[key] is not None:
            words.append(f"{name} {figures[key]:.2f} dB")
    if figures["ssim"] is not None:
        words.append(f"SSIM {figures['ssim']:.5f}")
    if len(figures["volumes"]) > 1:
        words.append(f"shown: volume {volume} of {len(figures['volumes'])}")
    return ", ".join(words)
