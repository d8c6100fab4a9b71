"""How an image shows itself in a notebook: a table, and its middle slices as PNG pictures, without matplotlib or JavaScript.

Pictures have the proportions of the voxels and the window of the header (cal_min, cal_max) or, without one, of the 1st to the
99th percentile. NIfTI slices are turned so that right is right, front and head are up. Slices that would need to decode more than
`MOST_SAMPLES` are left out.
"""

import base64
import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.numbers import WAVELET
from voxz.container.reader import brick_shape
from voxz.image.facts import codecs_of
from voxz.image.gather import pieces
from voxz.image.picture import Window, orientation, pixels, png, small, upright, window_of
from voxz.image.preview import MOST_HALVINGS
from voxz.image.series_facts import series_facts

if TYPE_CHECKING:
    from voxz.image.lazy import Image

MOST_SAMPLES = 1 << 25
"""Samples that are decoded for one picture."""

MOST_NAMED = 100
"""Volumes of an archive that are named on the page."""

_HEIGHT = 192
"""Longest side of a picture on the page, in pixels."""

_FINE = 0.75
"""Samples for a pixel of a small picture that are enough."""

_NAMES = ("sagittal", "coronal", "axial")


def rows(image: "Image") -> dict[str, str]:
    """What is said about an image, or about an archive of several, in words."""
    if image.is_archive:
        files, volumes = len(image.files), len(image._reader.arrays)
        return {"holds": f"archive of {files} file{'s' * (files != 1)}, {volumes} volumes"}
    found = {"shape": " x ".join(map(str, image.shape)) or "1", "type": str(image.dtype)}
    if image.voxel_size is not None:
        found["voxel size"] = " x ".join(f"{size:g}" for size in image.voxel_size) + " mm"
    found["codec"] = ", ".join(codecs_of(image._array)) or "none"
    lone = len(image._reader.arrays) == 1
    stored = image._reader.file_length if lone else sum(brick.length for brick in image._array.bricks)
    found["ratio"] = f"{image.nbytes / max(1, stored):.2f} : 1"
    return found


def page(image: "Image") -> str:
    """HTML for a notebook; of an archive, a table of its first `MOST_NAMED` volumes."""
    told = rows(image)
    if image.is_archive:
        for number, facts in enumerate(series_facts(image._reader)[:MOST_NAMED]):
            lengths = " x ".join(map(str, facts.shape))
            told[f"series[{number}]"] = (
                f"{facts.name}: {lengths}, {np.dtype(facts.dtype)}{', ' * bool(facts.format)}{facts.format}"
            )
    table = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in told.items())
    if image.is_archive:
        return f"<div><table>{table}</table></div>"
    slices = middle_slices(image)
    window = _window(image, [samples for _, samples, _ in slices])
    pictures = "".join(_figure(name, samples, sizes, window) for name, samples, sizes in slices)
    return f'<div><table>{table}</table><div style="display:flex;gap:8px">{pictures}</div></div>'


def middle_slices(image: "Image", resolution: int = 0) -> list[tuple[str, NDArray[Any], tuple[float, float]]]:
    """Name, samples ``(rows, columns)`` or ``(rows, columns, channels)``, and size of a pixel, of each slice that is shown.

    With a `resolution`, slices are those of a preview.
    """
    if image.dtype.kind not in "biufc" or not image.size:
        return []
    layout, axes = image._layout, len(image._layout.shape)
    spatial = list(range(min(3, axes))) if layout.first_axis_fastest else list(range(axes))[:-4:-1]  # x, y, z
    sizes = dict(zip(spatial, image.voxel_size or (1.0, 1.0, 1.0), strict=False))
    middle: list[Any] = [n // 2 for n in image.shape[:axes]]
    order, flips = orientation(image.affine, len(spatial))
    found = []
    for name in range(len(spatial)) if len(spatial) == 3 else [2]:
        shown = [axis for axis in range(3) if axis != name and axis < len(spatial)]
        if len(shown) < 2 or any(image.shape[spatial[order[axis]]] < 2 for axis in shown):
            continue
        across, up = (spatial[order[axis]] for axis in shown)
        index = list(middle)
        index[across] = index[up] = slice(None)
        if _cost(image, tuple(index)) >> 3 * resolution > MOST_SAMPLES:
            continue
        samples = image.preview_slice(resolution, tuple(index)) if resolution else np.asarray(image[tuple(index)])
        samples = upright(samples, across, up, (flips[shown[0]], flips[shown[1]]))
        size = (sizes[up] * image.shape[up] / samples.shape[0], sizes[across] * image.shape[across] / samples.shape[1])
        found.append((_NAMES[name] if len(spatial) == 3 else "image", samples, size))
    return found[::-1]


def _cost(image: "Image", index: tuple[Any, ...]) -> int:
    """Samples of the bricks that an access decodes."""
    touched = pieces(image._array.grid, image._positions(index))
    return sum(math.prod(brick_shape(image._array.boxes[piece.number], image._array.layout.channels)) for piece in touched)


def _window(image: "Image", slices: list[NDArray[Any]]) -> Window:
    """Stored values that are black and white."""
    header = image.header
    if header is not None and float(header["cal_max"]) > float(header["cal_min"]):
        slope, intercept = header.get_slope_inter()
        low, high = sorted((float(header[name]) - (intercept or 0.0)) / (slope or 1.0) for name in ("cal_min", "cal_max"))
        return low, high
    return window_of(slices)


def middle_picture(image: "Image", side: int = 160) -> bytes | None:
    """PNG of the middle axial slice, no longer than `side` pixels; None if there is none, or it would decode too much.

    Where bricks have lower resolutions (those of the wavelet codec), no more is decoded than the picture shows.
    """
    longest, resolution = max(image._layout.canonical[1:4]), 0
    if any(brick.codec == WAVELET for brick in image._array.bricks):
        while longest >> (resolution + 1) >= _FINE * side and resolution < MOST_HALVINGS:
            resolution += 1
    shown = [part for part in middle_slices(image, resolution) if part[0] in ("axial", "image")]
    if not shown:
        return None
    _, samples, sizes = shown[0]
    return small(samples, sizes, _window(image, [samples]), side)


def _figure(name: str, samples: NDArray[Any], sizes: tuple[float, float], window: Window) -> str:
    gray = pixels(samples, window)
    height, width = samples.shape[0] * sizes[0], samples.shape[1] * sizes[1]
    factor = _HEIGHT / max(height, width)
    coded = base64.b64encode(png(gray)).decode()
    return (
        f'<figure style="margin:0"><img alt="{name}" width="{max(1, round(width * factor))}" '
        f'height="{max(1, round(height * factor))}" src="data:image/png;base64,{coded}"><figcaption>{name}</figcaption></figure>'
    )
